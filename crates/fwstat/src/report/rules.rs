//! Rules as text for programs: `iptables`, `iptables-restore`, `nft`, JSON's one line.
//!
//! Responsible for: how a rule that fwstat made is written in each language.
//! Must not know: why there is such a rule.
//! Tested by: `tests/cli/suggest.rs` with the real tools, the unit tests below.

use std::fmt::Write as _;

use fwrules::{
    AddressRange, Family, Match, Net, PacketType, PortSide, Range, Rule, Side, Target, Test, Text,
};
use logparse::{Protocol, TcpFlags};

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
    rule.to_iptables(chain.as_bytes(), family(v6)).unwrap_or_else(|error| format!("# {error}"))
}

/// The rule as `iptables-save` has it: `-A CHAIN ...`.
#[must_use]
pub fn restore(rule: &Rule, chain: &str) -> String {
    match rule.to_restore(chain.as_bytes()) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("# {error}"),
    }
}

/// The same command with another verb: `-D` to take it away, `-C` to ask for it.
#[must_use]
pub fn with_verb(rule: &Rule, chain: &str, v6: bool, verb: &str) -> String {
    let added = format!("{} -A ", program(v6));
    let text = command(rule, chain, v6);
    match text.strip_prefix(&added) {
        Some(rest) => format!("{} {verb} {rest}", program(v6)),
        None => text,
    }
}

/// Adds the rule unless it is there.
#[must_use]
pub fn idempotent(rule: &Rule, chain: &str, v6: bool) -> String {
    let (ask, add) = (with_verb(rule, chain, v6, "-C"), command(rule, chain, v6));
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

/// The rule in nft's words, without the chain. What nft cannot say in one rule is an error's
/// sentence.
///
/// # Errors
/// The rule tests something that is not made here.
pub fn nft(rule: &Rule, six: bool) -> Result<String, String> {
    let mut out = String::new();
    let v6 = |net: &Net| net.addr().is_ipv6();
    let mut put = |text: String| {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&text);
    };
    let not = |not: bool| if not { "!= " } else { "" };
    for (test, word) in [(&rule.input, "iifname"), (&rule.output, "oifname")] {
        if let Some(Test { not: no, value }) = test {
            put(format!("{word} {}{}", not(*no), quoted(&value.0.to_string().replace('+', "*"))));
        }
    }
    for (test, word) in [(&rule.source, "saddr"), (&rule.destination, "daddr")] {
        if let Some(Test { not: no, value }) = test {
            let version = if v6(value) { "ip6" } else { "ip" };
            put(format!("{version} {word} {}{}", not(*no), net_text(value)));
        }
    }
    let protocol = rule.protocol.filter(|test| !test.not).map(|test| test.value);
    let mut said = false;
    let name = match protocol {
        Some(Protocol::TCP) => "tcp",
        Some(Protocol::UDP) => "udp",
        _ => "",
    };
    let mut comment = String::new();
    for test in &rule.matches {
        match test {
            Match::Tcp(tcp) => {
                for (ports, word) in [(&tcp.sport, "sport"), (&tcp.dport, "dport")] {
                    if let Some(Test { not: no, value }) = ports {
                        put(format!("tcp {word} {}{}", not(*no), range_text(value)));
                        said = true;
                    }
                }
                if let Some(Test { not: no, value: flags }) = &tcp.flags {
                    let equals = if *no { "!=" } else { "==" };
                    put(format!(
                        "tcp flags & ({}) {equals} {}",
                        flag_words(flags.mask),
                        flag_words(flags.set)
                    ));
                    said = true;
                }
            }
            Match::Ports(ports) => {
                for (ports, word) in [(&ports.sport, "sport"), (&ports.dport, "dport")] {
                    if let Some(Test { not: no, value }) = ports {
                        put(format!("{name} {word} {}{}", not(*no), range_text(value)));
                        said = true;
                    }
                }
            }
            Match::Multiport { side, ports: Test { not: no, value } } if !name.is_empty() => {
                let word = match side {
                    PortSide::Source => "sport",
                    PortSide::Destination => "dport",
                    PortSide::Either => return Err("either of two ports is two rules in nft".to_owned()),
                };
                let list: Vec<String> = value.iter().map(range_text).collect();
                put(format!("{name} {word} {}{{ {} }}", not(*no), list.join(", ")));
                said = true;
            }
            Match::Icmp(Test { not: no, value }) => {
                put(format!("icmp type {}{}", not(*no), value.kind.unwrap_or(0)));
                said = true;
            }
            Match::Icmpv6(Test { not: no, value }) => {
                put(format!("icmpv6 type {}{}", not(*no), value.kind.unwrap_or(0)));
                said = true;
            }
            Match::IpRange { source, destination } => {
                for (test, word) in [(source, "saddr"), (destination, "daddr")] {
                    if let Some(Test { not: no, value: AddressRange { first, last } }) = test {
                        let version = if first.is_ipv6() { "ip6" } else { "ip" };
                        put(format!("{version} {word} {}{first}-{last}", not(*no)));
                    }
                }
            }
            Match::PacketType(Test { not: no, value }) => {
                let word = match value {
                    PacketType::Unicast => "host",
                    PacketType::Broadcast => "broadcast",
                    PacketType::Multicast => "multicast",
                };
                put(format!("meta pkttype {}{word}", not(*no)));
            }
            Match::Set { name, sides, not: no } if sides.len() == 1 => {
                let version = if six { "ip6" } else { "ip" };
                let word = if sides[0] == Side::Source { "saddr" } else { "daddr" };
                put(format!("{version} {word} {}@{name}", not(*no)));
            }
            Match::Comment(text) => comment = text.to_string(),
            other => return Err(format!("nft: {}", other.to_display())),
        }
    }
    if let Some(protocol) = protocol
        && !said
    {
        let word = if name.is_empty() { protocol.0.to_string() } else { name.to_owned() };
        put(format!("meta l4proto {word}"));
    }
    let verdict = match rule.target {
        Target::Drop => "drop",
        Target::Accept => "accept",
        Target::Return => "return",
        _ => return Err("nft: this target is not made here".to_owned()),
    };
    put(format!("counter {verdict}"));
    if !comment.is_empty() {
        let _ = write!(
            out,
            " comment {}",
            quoted(&String::from_utf8_lossy(Text::from(comment.as_str()).cut(127)))
        );
    }
    Ok(out)
}

fn quoted(text: &str) -> String {
    let text: String =
        text.chars().map(|c| if c == '"' || c == '\\' || c.is_control() { '?' } else { c }).collect();
    format!("\"{text}\"")
}

/// A network; a host without its length.
fn net_text(net: &Net) -> String {
    crate::analysis::noise::address::net_name(net)
}

fn range_text(range: &Range<u16>) -> String {
    if range.first == range.last {
        range.first.to_string()
    } else {
        format!("{}-{}", range.first, range.last)
    }
}

fn flag_words(flags: TcpFlags) -> String {
    let mut words: Vec<String> = flags.words().map(str::to_lowercase).collect();
    words.reverse();
    if words.is_empty() { "0x0".to_owned() } else { words.join("|") }
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
        assert_eq!(with_verb(&rule, "M", true, "-D"), "ip6tables -D M -p udp -m udp --dport 138 -j DROP");
        assert_eq!(
            idempotent(&rule, "M", false),
            "iptables -C M -p udp -m udp --dport 138 -j DROP 2>/dev/null || iptables -A M -p udp -m udp --dport 138 -j DROP"
        );
    }
}
