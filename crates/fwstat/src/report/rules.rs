//! Rules as text for programs: `iptables`, `iptables-restore`, `nft`, JSON's one line.
//!
//! Responsible for: how a rule that fwstat made is written in each language.
//! Must not know: why there is such a rule.
//! Tested by: `tests/cli/suggest.rs` with the real tools, the unit tests below.

use fwrules::{Counters, Family, Rule, Verb, WriteError};

use fwlog::text;

/// Which of the two families' tools a rule is for.
#[must_use]
pub fn family(v6: bool) -> Family {
    if v6 { Family::Ipv6 } else { Family::Ipv4 }
}

/// `iptables` or `ip6tables`.
#[must_use]
pub fn program(v6: bool) -> &'static str {
    if v6 { "ip6tables" } else { "iptables" }
}

/// The rule as a command: `iptables -A CHAIN ...`.
#[must_use]
pub fn command(rule: &Rule, chain: &str, v6: bool) -> String {
    command_as(Verb::Append, rule, chain, v6)
}

/// The rule as `iptables-save` has it: `-A CHAIN ...`.
#[must_use]
pub fn restore(rule: &Rule, chain: &str) -> String {
    match rule.to_restore(chain.as_bytes()) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("# {error}"),
    }
}

/// The same command with another verb.
#[must_use]
pub fn command_as(verb: Verb, rule: &Rule, chain: &str, v6: bool) -> String {
    rule.to_command(verb, chain.as_bytes(), family(v6)).unwrap_or_else(|error| format!("# {error}"))
}

/// Adds the rule unless it is there.
#[must_use]
pub fn idempotent(rule: &Rule, chain: &str, v6: bool) -> String {
    let (ask, add) = (command_as(Verb::Check, rule, chain, v6), command(rule, chain, v6));
    format!("{ask} 2>/dev/null || {add}")
}

/// A command on lines that fit `width`, each but the last ending in `\`: the same command to
/// a shell. An option stays with its value, and nothing in quotes is parted.
#[must_use]
pub fn folded(command: &str, width: Option<usize>) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in parts(command) {
        let Some(line) = lines.last_mut() else { continue };
        let blank = usize::from(!line.trim().is_empty());
        // Room for ` \`.
        let fits = width.is_none_or(|width| text::width(line) + blank + text::width(part) + 2 <= width);
        if fits || blank == 0 {
            line.push_str(&" "[..blank]);
            line.push_str(part);
        } else {
            line.push_str(" \\");
            lines.push(format!("    {part}"));
        }
    }
    // What is short enough as it is stays on one line.
    match width {
        Some(width) if text::width(command) <= width => vec![command.to_owned()],
        _ => lines,
    }
}

/// The same for a script, in which a line can begin at the margin: a word that no line has room for goes on in the
/// next, for a shell joins what nothing parts but `\` and the end of a line.
#[must_use]
pub fn folded_at_any_cost(command: &str, width: Option<usize>) -> Vec<String> {
    let lines = folded(command, width);
    let Some(width) = width.filter(|width| lines.iter().any(|line| text::width(line) > *width)) else {
        return lines;
    };
    let last = lines.len() - 1;
    let with_end = |(at, line): (usize, String)| {
        let (line, end) = match line.strip_suffix(" \\") {
            Some(line) if at < last => (line.to_owned(), " \\"),
            _ => (line, ""),
        };
        pieces(&line, width.saturating_sub(2).max(FEWEST), end)
    };
    lines.into_iter().enumerate().flat_map(with_end).collect()
}

/// Columns that a piece of a word has at least.
const FEWEST: usize = 8;

/// A line of a command in pieces of at most so many columns and a sign that it goes on; `end` is added to the last.
fn pieces(line: &str, width: usize, end: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    // What opens the quotes that the place is in, and where a blank in them was last.
    let (mut open, mut blank): (&str, Option<usize>) = ("", None);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let before = open;
        let (atom, after) = match (open, c) {
            ("", '"') => ("\"", "\""),
            ("", '\'') => ("'", "'"),
            ("", '$') if rest.starts_with("$'") => ("$'", "$'"),
            ("\"", '"') | ("'" | "$'", '\'') => (&rest[..1], ""),
            // A sign that is escaped, a byte in octal or hexadecimal digits at most.
            ("" | "\"" | "$'", '\\') => (escaped(rest), open),
            _ => (&rest[..c.len_utf8()], open),
        };
        rest = &rest[atom.len()..];
        open = after;
        let at = out.len() - 1;
        let closing = usize::from(!open.is_empty());
        if text::width(&out[at]) + text::width(atom) + closing > width
            && !out[at].trim().is_empty()
            && !before.is_empty()
        {
            let tail = blank.map_or_else(String::new, |blank| out[at].split_off(blank));
            out[at] += &before[before.len() - 1..];
            out[at].push('\\');
            // An end alone needs no beginning.
            out.push(if tail.is_empty() && after.is_empty() {
                String::new()
            } else {
                format!("{before}{tail}")
            });
            blank = None;
            if tail.is_empty() && after.is_empty() {
                continue;
            }
        }
        let at = out.len() - 1;
        out[at] += atom;
        if c == ' ' && !open.is_empty() {
            blank = Some(out[at].len());
        } else if open.is_empty() {
            blank = None;
        }
    }
    if let Some(last) = out.last_mut() {
        last.push_str(end);
    }
    out
}

/// A backslash with what belongs to it.
fn escaped(text: &str) -> &str {
    let digits = text[1..].strip_prefix('x').unwrap_or(&text[1..]);
    let digits = digits.chars().take(3).take_while(char::is_ascii_hexdigit).count();
    let next = text.chars().nth(1).map_or(0, char::len_utf8);
    let hex = usize::from(text[1..].starts_with('x'));
    &text[..(1 + next).max(1 + hex + digits)]
}

/// A rule without words that its others imply, its comment at the end: what it asks and does comes first.
#[must_use]
pub fn brief(rule: &str) -> String {
    let (mut words, mut comment, mut protocol) = (Vec::new(), "", "");
    for part in parts(rule) {
        let (option, value) = part.split_once(' ').unwrap_or((part, ""));
        match option {
            // What a rule says is not so names no match.
            "-p" if words.last().is_none_or(|last| *last != "!") => protocol = value,
            "-m" if value == "comment" || value == protocol => continue,
            "--comment" => {
                comment = value;
                continue;
            }
            _ => {}
        }
        words.push(part);
    }
    let comment = comment.trim_matches('"');
    if !comment.is_empty() {
        words.push(" #");
        words.push(comment);
    }
    words.join(" ")
}

/// A command in parts that stay together: options with their values.
fn parts(command: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut not) = (0, false);
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in command.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => escaped = true,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            ' ' if quote.is_none() => {
                let rest = &command[at + 1..];
                let begins =
                    rest.starts_with('-') && !not || rest.starts_with("! ") || rest.starts_with("|| ");
                if begins {
                    parts.push(&command[start..at]);
                    start = at + 1;
                }
                not = rest.starts_with("! ");
            }
            _ => {}
        }
    }
    parts.push(&command[start..]);
    parts
}

/// The rule in nft's words, without the chain, with a counter.
///
/// # Errors
/// What nft cannot say in one rule.
pub fn nft(rule: &Rule, v6: bool) -> Result<String, WriteError> {
    let rule = Rule { counters: Some(Counters::default()), ..rule.clone() };
    Ok(String::from_utf8_lossy(&rule.to_nft(family(v6))?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_command_is_the_same_to_a_shell() {
        let command = "iptables -A MALICIOUS ! -s 192.168.50.0/24 -p tcp -m multiport ! --dports 1,2 -m comment \
                       --comment \"[a -b \\\" -c ]\" -j DROP";
        for width in [40, 60, 80] {
            let lines = folded(command, Some(width));
            assert!(lines.iter().all(|line| text::width(line) <= width), "{lines:#?}");
            assert!(
                lines.iter().all(|line| !line.contains("! ") || !line.trim_end_matches(" \\").ends_with('!'))
            );
            let joined: Vec<&str> =
                lines.iter().map(|line| line.trim_end_matches(" \\").trim_start()).collect();
            assert_eq!(joined.join(" "), command);
        }
        assert_eq!(folded(command, None), [command]);
        assert_eq!(folded("iptables -N X", Some(80)), ["iptables -N X"]);
        assert_eq!(
            parts("a -C x 2>/dev/null || a -A 'b -c'"),
            ["a", "-C x 2>/dev/null", "|| a", "-A 'b -c'"]
        );
    }

    #[test]
    fn what_a_rule_does_comes_before_its_comment() {
        for (rule, expected) in [
            (
                "-p tcp -m tcp --dport 8443 -m comment --comment \"mineos webui\" -j ACCEPT",
                "-p tcp --dport 8443 -j ACCEPT  # mineos webui",
            ),
            ("-m comment --comment x -j DROP", "-j DROP  # x"),
            ("! -p tcp -m tcp -j DROP", "! -p tcp -m tcp -j DROP"),
            ("-m udp -j LOG --log-prefix \"a -m tcp \"", "-m udp -j LOG --log-prefix \"a -m tcp \""),
        ] {
            assert_eq!(brief(rule), expected);
        }
    }

    /// A shell takes the pieces for the word they were.
    #[test]
    fn a_long_word_goes_on_in_the_next_line() {
        let words = [
            "\"[backscatter tcp that opens no connection: answers, ends, odd flags, and so on and on]\"",
            "'it is $HOME and `this` and !that and \"those\" in a long word of one pair of quotes'",
            "'a '\\'' b '\\'' c '\\'' dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd'",
            "$'tab\\tand \\x1b[31m and so on, on, on, on, on, on, on, on, on, on and on'",
            "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
        ];
        for word in words {
            let command = format!("printf '%s|' -A X -m comment --comment {word} -j DROP");
            let told = |script: &str| {
                let out = std::process::Command::new("bash").args(["-c", script]).output();
                out.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default()
            };
            for width in [40, 43, 50, 61, 80] {
                let lines = folded_at_any_cost(&command, Some(width));
                assert!(lines.iter().all(|line| text::width(line) <= width), "{width} {lines:#?}");
                assert_eq!(told(&lines.join("\n")), told(&command), "{width} {lines:#?}");
            }
        }
    }

    fn rule(text: &str) -> Rule {
        Rule::parse(text.as_bytes()).unwrap().1
    }

    #[test]
    fn nft_says_the_same() {
        for (iptables, expected) in [
            (
                "-A M -p udp -m udp --dport 138 -m comment --comment \"[unwanted netbios]\" -j DROP",
                "udp dport 138 counter drop comment \"[unwanted netbios]\"",
            ),
            (
                "-A M ! -s 192.168.50.0/24 -p tcp -m iprange ! --src-range 10.0.0.1-10.0.0.1 -m multiport --dports \
                 23,2323 -j DROP",
                "ip saddr != 192.168.50.0/24 ip saddr != 10.0.0.1-10.0.0.1 tcp dport { 23, 2323 } counter drop",
            ),
            (
                "-A M -p tcp -m tcp --tcp-flags FIN,SYN FIN,SYN -j DROP",
                "tcp flags & (fin|syn) == fin|syn counter drop",
            ),
            (
                "-A M -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP",
                "tcp flags & (fin|syn|rst|psh|ack|urg) == 0x0 counter drop",
            ),
            ("-A M -p 2 -j DROP", "meta l4proto 2 counter drop"),
            (
                "-A M -s 83.118.222.0/24 -p tcp -j DROP",
                "ip saddr 83.118.222.0/24 meta l4proto tcp counter drop",
            ),
            ("-A M -p icmp -m icmp --icmp-type 8 -j DROP", "icmp type 8 counter drop"),
        ] {
            assert_eq!(nft(&rule(iptables), false).unwrap(), expected);
        }
    }

    #[test]
    fn other_verbs() {
        let rule = rule("-A M -p udp -m udp --dport 138 -j DROP");
        assert_eq!(
            command_as(Verb::Delete, &rule, "M", true),
            "ip6tables -D M -p udp -m udp --dport 138 -j DROP"
        );
        assert_eq!(
            idempotent(&rule, "M", false),
            "iptables -C M -p udp -m udp --dport 138 -j DROP 2>/dev/null || iptables -A M -p udp -m udp --dport 138 -j DROP"
        );
    }
}
