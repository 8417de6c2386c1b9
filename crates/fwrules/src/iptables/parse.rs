//! Reads `iptables-save` text, `iptables -S` text and scripts of `iptables` commands.
//!
//! Responsible for: tables, chains and rules line by line, with line and column of what is wrong.
//! Must not know: the options of a rule.
//! Tested by: the unit tests below, `tests/roundtrip.rs`, `tests/kernel.rs`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::iptables::command::{Action, Command, Line, counters, guess_family, is_command, unclosed};
use crate::model::ruleset::{Base, Chain, RuleId, Ruleset, Table};
use crate::model::target::Verdict;
use crate::values::error::ReadError;
use crate::values::net::Family;
use crate::values::text::{Text, Word, restore_words, shell_words};

type Result<T> = core::result::Result<T, ReadError>;

impl Ruleset {
    /// Reads what `iptables-save`, `ip6tables-save`, `iptables -S` or a script of `iptables`
    /// commands says. Whether it is IPv4 or IPv6 is seen from the first comment of
    /// `iptables-save`, from the commands' name or from the addresses.
    ///
    /// ```
    /// let rules = fwrules::Ruleset::parse_save(b"\
    /// *filter
    /// :INPUT DROP [46:2817]
    /// [31:2161] -A INPUT -p udp -m udp -j LOG --log-prefix \"udp.in.dropped \"
    /// COMMIT
    /// ").unwrap();
    /// let (id, rule) = rules.rules().next().unwrap();
    /// assert_eq!(rules.name(id), "INPUT 1");
    /// assert_eq!(rule.counters.unwrap().packets, 31);
    /// assert_eq!(rule.log.as_ref().unwrap().prefix, "udp.in.dropped ");
    /// ```
    ///
    /// # Errors
    /// The first line that is no part of a ruleset, with line, column and what to do.
    pub fn parse_save(text: &[u8]) -> Result<Ruleset> {
        Ruleset::parse_save_as(text, guess_family(text))
    }

    /// As [`parse_save`](Self::parse_save), with the family given.
    ///
    /// # Errors
    /// As there.
    pub fn parse_save_as(text: &[u8], family: Family) -> Result<Ruleset> {
        let mut reader = Reader { family, ..Reader::default() };
        let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
        let mut at = 0;
        while at < lines.len() {
            let (number, line) = (at + 1, lines[at]);
            at += 1;
            if let Err(error) = reader.line(line, number) {
                // A prefix or comment may have line breaks in it, and is printed with them.
                let Some((whole, further)) = quoted_lines(&lines[number - 1..]) else {
                    return Err(error.at_line(number));
                };
                reader.line(&whole, number).map_err(|e| e.at_line(number))?;
                at += further;
            }
        }
        if reader.open {
            let note = "the table is not closed with COMMIT: the text may be cut";
            reader.rules.notes.push((reader.opened, note.to_owned()));
        }
        Ok(reader.rules)
    }

    /// Reads a ruleset in any form there is: nft's JSON, else as [`parse_save`](Self::parse_save).
    ///
    /// # Errors
    /// As the two.
    pub fn parse(text: &[u8]) -> Result<Ruleset> {
        match text.trim_ascii_start().first() {
            Some(b'{') => Ruleset::parse_nft_json(text),
            _ => Ruleset::parse_save(text),
        }
    }
}

impl Ruleset {
    /// Puts in a rule as it would be typed: `-A CHAIN ...` at the end, `-I CHAIN [N] ...` in
    /// front of rule N; `iptables` and `-t TABLE` may come before. The rule is marked
    /// [`added`](crate::Rule::added). What if.
    ///
    /// ```
    /// use fwrules::Ruleset;
    /// let mut rules = Ruleset::parse_save(b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n").unwrap();
    /// let id = rules.add(b"-A INPUT -p udp --dport 138 -j DROP").unwrap();
    /// assert_eq!(rules.name(id), "INPUT 1");
    /// ```
    ///
    /// # Errors
    /// The text is no rule, or names a table or chain that is not here.
    pub fn add(&mut self, text: &[u8]) -> Result<RuleId> {
        let command = Command::parse(text, self.family())?;
        let missing = |what: &str, name: &Text, names: Vec<String>| {
            let help =
                if names.is_empty() { String::new() } else { format!("there are {}", names.join(", ")) };
            ReadError::new(command.column, format!("no {what} `{name}` in the ruleset"), help)
        };
        let (t, table) = self
            .tables
            .iter_mut()
            .enumerate()
            .find(|(_, t)| t.name == command.table)
            .ok_or_else(|| missing("table", &command.table, Vec::new()))?;
        let Some(c) = table.chain(command.chain.as_bytes()) else {
            let names = table.chains.iter().map(|c| c.name.to_string()).collect();
            return Err(missing("chain", &command.chain, names));
        };
        let rules = &mut table.chains[c].rules;
        let at = match command.position {
            None => rules.len(),
            Some(n) if n >= 1 && n <= rules.len() + 1 => n - 1,
            Some(n) => {
                return Err(ReadError::new(
                    command.column,
                    format!("position {n} is outside the chain"),
                    format!("{} has {} rules: 1 to {}", command.chain, rules.len(), rules.len() + 1),
                ));
            }
        };
        let mut rule = command.rule;
        rule.added = true;
        rule.folded = at.checked_sub(1).map_or(0, |before| rules[before].folded);
        rules.insert(at, rule);
        Ok(RuleId { table: t as u32, chain: c as u32, rule: at as u32 })
    }
}

/// A rule whose quoted text goes on in the lines below: the whole of it, and how many lines
/// below it ends. A line that begins a rule of its own is never taken for text.
fn quoted_lines(lines: &[&[u8]]) -> Option<(Vec<u8>, usize)> {
    /// Lines that one text may have: a comment is at most 255 bytes.
    const MOST: usize = 256;
    let (first, below) = lines.split_first()?;
    restore_words(first).err()?;
    let mut whole = first.to_vec();
    for (n, line) in below.iter().take(MOST).enumerate() {
        let begins = |with: &[u8]| line.starts_with(with);
        if begins(b"-A ") || begins(b"COMMIT") || begins(b"*") || begins(b":") || begins(b"[") {
            return None;
        }
        whole.push(b'\n');
        whole.extend_from_slice(line);
        if restore_words(&whole).is_ok() {
            return Some((whole, n + 1));
        }
    }
    None
}

#[derive(Default)]
struct Reader {
    rules: Ruleset,
    family: Family,
    table: Option<usize>,
    opened: usize,
    open: bool,
    /// Which family the last header comment named.
    saved: Option<Family>,
    /// Where tables and chains are.
    tables: HashMap<(Family, Text), usize>,
    chains: HashMap<(usize, Text), usize>,
}

impl Reader {
    fn line(&mut self, line: &[u8], number: usize) -> Result<()> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let trimmed = line.trim_ascii();
        let indent = line.len() - line.trim_ascii_start().len();
        match trimmed.first() {
            None => Ok(()),
            Some(b'#') => {
                // `# Generated by ip6tables-save v1.8.9 on ...`, `# Generated by ferm 2.5.1 (ip6tables-save) on ...`
                let has = |word: &[u8]| trimmed.windows(word.len()).any(|w| w == word);
                if has(b"# Generated by ") {
                    if has(b" ip6tables") || has(b"(ip6tables") {
                        self.saved = Some(Family::Ipv6);
                    } else if has(b" iptables") || has(b"(iptables") {
                        self.saved = Some(Family::Ipv4);
                    }
                    let name = trimmed[b"# Generated by ".len()..].split(u8::is_ascii_whitespace).next();
                    let other =
                        |name: &&[u8]| !name.starts_with(b"iptables") && !name.starts_with(b"ip6tables");
                    if let Some(name) = name.filter(other) {
                        self.rules.made_by = Some(Text::from(name));
                    }
                }
                Ok(())
            }
            Some(b'*') => {
                if self.open {
                    return Err(ReadError::new(
                        indent + 1,
                        "a new table begins inside another one",
                        format!("put COMMIT in front; the one before began in line {}", self.opened),
                    ));
                }
                self.open_table(&Text::from(trimmed[1..].trim_ascii()));
                self.opened = number;
                self.open = true;
                Ok(())
            }
            Some(b':') => self.chain(trimmed, indent),
            Some(_) if trimmed == b"COMMIT" => {
                self.table = None;
                self.open = false;
                Ok(())
            }
            Some(_) if is_command(trimmed) => {
                let words = shell_words(line).map_err(unclosed)?;
                self.command(&words, number)
            }
            Some(_) => {
                let words = restore_words(line).map_err(unclosed)?;
                self.command(&words, number)
            }
        }
    }

    /// Makes `name` the current table.
    fn open_table(&mut self, name: &Text) -> usize {
        let family = self.saved.unwrap_or(self.family);
        let tables = &mut self.rules.tables;
        let at = *self.tables.entry((family, name.clone())).or_insert_with(|| {
            tables.push(Table { family, name: name.clone(), ..Table::default() });
            tables.len() - 1
        });
        self.table = Some(at);
        at
    }

    /// `:CHAIN POLICY [p:b]`.
    fn chain(&mut self, line: &[u8], indent: usize) -> Result<()> {
        let words = restore_words(line).map_err(unclosed)?;
        let Some(t) = self.table else {
            return Err(ReadError::new(indent + 1, "a chain outside a table", "put *filter in front of it"));
        };
        let name = Text::from(&words[0].text.as_bytes()[1..]);
        let policy = match words.get(1).map(|w| w.text.as_bytes()) {
            Some(b"-") => None,
            Some(b"ACCEPT") => Some(Verdict::Accept),
            Some(b"DROP") => Some(Verdict::Drop),
            Some(b"QUEUE") => Some(Verdict::Queue),
            _ => {
                let column = words.get(1).map_or(line.len() + 1, |w| w.column) + indent;
                return Err(ReadError::new(
                    column,
                    "no policy",
                    "write ACCEPT, DROP, or - for a chain of yours",
                ));
            }
        };
        let counters = match words.get(2) {
            None => None,
            Some(word) => Some(counters(word.text.as_bytes()).ok_or_else(|| {
                ReadError::new(word.column + indent, "expected counters", "write [packets:bytes]: [0:0]")
            })?),
        };
        let base = policy.map(|p| Base::iptables(self.rules.tables[t].name.as_bytes(), name.as_bytes(), p));
        let (_, at) = self.named(t, name, || base);
        let chain = &mut self.rules.tables[t].chains[at];
        (chain.base, chain.counters) = (base, counters);
        Ok(())
    }

    /// The chain of this name, made with what `base` says if it was not there; whether it was.
    fn named(&mut self, table: usize, name: Text, base: impl FnOnce() -> Option<Base>) -> (bool, usize) {
        let chains = &mut self.rules.tables[table].chains;
        match self.chains.entry((table, name)) {
            Entry::Occupied(entry) => (true, *entry.get()),
            Entry::Vacant(entry) => {
                let name = entry.key().1.clone();
                chains.push(Chain { name, base: base(), ..Chain::default() });
                (false, *entry.insert(chains.len() - 1))
            }
        }
    }

    /// One line that is a command: `-A ...`, `[p:b] -A ...`, `iptables -A ...`.
    fn command(&mut self, words: &[Word], number: usize) -> Result<()> {
        let line = Line::read(words, self.family)?;
        let t = match (&line.table, self.table) {
            (Some(name), _) => self.open_table(name),
            (None, Some(table)) if self.open => table,
            (None, _) => self.open_table(&Text::from("filter")),
        };
        let builtin = |table: &Table, name: &Text, policy| {
            Base::iptables(table.name.as_bytes(), name.as_bytes(), policy)
        };
        match line.action {
            Action::Append(at) => {
                let Command { chain, position, mut rule, column, .. } = *at;
                rule.line = number;
                let base = Some(builtin(&self.rules.tables[t], &chain, Verdict::Accept))
                    .filter(|base| base.hook.is_some());
                let (there, index) = self.named(t, chain, || base);
                let chain = &mut self.rules.tables[t].chains[index];
                if !there && base.is_none() {
                    let note = format!("chain {0} has no line of its own (:{0} - [0:0])", chain.name);
                    self.rules.notes.push((number, note));
                }
                let rules = &mut chain.rules;
                let at = position.map_or(rules.len(), |n| n - 1);
                if at > rules.len() {
                    let message = format!("position {} is outside the chain", at + 1);
                    return Err(ReadError::new(
                        column,
                        message,
                        format!("it has {} rules so far", rules.len()),
                    ));
                }
                rules.insert(at, rule);
            }
            Action::Policy(name, policy) => {
                let base = Some(builtin(&self.rules.tables[t], &name, policy));
                let (_, at) = self.named(t, name, || base);
                self.rules.tables[t].chains[at].base = base;
            }
            Action::New(name) => drop(self.named(t, name, || None)),
            Action::Flush(name) => {
                for chain in &mut self.rules.tables[t].chains {
                    if name.as_ref().is_none_or(|n| *n == chain.name) {
                        chain.rules.clear();
                    }
                }
            }
            Action::Nothing => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matches::{Condition, Other};
    use crate::model::rule::Rule;
    use crate::model::target::Target;

    fn one(text: &str) -> Rule {
        Rule::parse(text.as_bytes()).unwrap().1
    }

    fn error(text: &str) -> String {
        Rule::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn typed_and_saved_forms_are_one_value() {
        for (typed, saved) in [
            (
                "-p tcp --dport ssh --syn -j DROP",
                "-p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
            ),
            ("-s ! 10.0.0.1 -j DROP", "! -s 10.0.0.1/32 -j DROP"),
            ("-p icmp --icmp-type ping -j LOG", "-p icmp -m icmp --icmp-type 8 -j LOG --log-level warning"),
            ("-i + -p all -s 0/0", ""),
            ("-p tcp -m multiport --dports 1,2 --syn", "-p tcp -m multiport --dports 1,2 -m tcp --syn"),
            ("--protocol=udp --dport=53", "-p 17 -m udp --dport 53"),
            ("-p udp --sport ! 53", "-p udp -m udp ! --sport 53"),
            ("-j REJECT", "-j REJECT --reject-with port-unreach"),
        ] {
            if typed.contains("0/0") {
                assert_eq!(one("-i + -p all -s 0.0.0.0/0"), Rule::default());
                continue;
            }
            assert_eq!(one(typed), one(saved), "{typed}");
        }
    }

    #[test]
    fn a_range_that_runs_backwards_takes_nothing() {
        let rule = one("-p tcp -m tcp --dport 60000:29 -j DROP");
        assert_eq!(rule.to_display(), "-p tcp -m tcp --dport 60000:29 -j DROP");
        assert!(rule.to_nft(Family::Ipv4).is_err());
        let rules = Ruleset::parse_save(
            b"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 60000:29 -j DROP\nCOMMIT\n",
        );
        let found = crate::lint(&rules.unwrap());
        assert_eq!(found[0].message, "INPUT 1 can never fire: its own conditions exclude each other");
        assert!(error("-p tcp -m multiport --dports 60000:29").contains("takes ports with commas"));
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let rule = one(
            "-p tcp -m hashlimit --hashlimit-upto 3/min --hashlimit-mode srcip ! --foo a b --dport 22 -j SYNPROXY --sack-perm",
        );
        assert_eq!(rule.conditions.len(), 3);
        let Condition::Other(Other { module, words }) = &rule.conditions[1] else { panic!("{rule:?}") };
        assert_eq!(*module, "hashlimit");
        assert_eq!(words.len(), 8);
        assert!(
            matches!(&rule.target, Target::Other { name, words } if *name == "SYNPROXY" && words.len() == 1)
        );
        // A known module with an option that has no type here stays whole.
        assert!(matches!(
            &one("-m conntrack --ctstate NEW --ctdir ORIGINAL").conditions[..],
            [Condition::Other(_)]
        ));
    }

    #[test]
    fn a_comment_may_look_like_an_option() {
        let rule = one("-m comment --comment -j -j DROP");
        assert_eq!(*rule.comment().unwrap(), "-j");
        assert_eq!(rule.target, Target::Drop);
    }

    #[test]
    fn errors_say_where_and_what_to_do() {
        assert_eq!(
            error("-A INPUT -p tcp --dport 99999 -j DROP"),
            "line 1, column 25: --dport takes a port or a range of ports (22, 1:1023), found `99999`"
        );
        assert_eq!(
            error("-A INPUT --dport 22 -j DROP"),
            "line 1, column 10: unknown option `--dport`: name the match it belongs to in front: -m MODULE, or the protocol: -p tcp"
        );
        assert_eq!(
            error("-A INPUT -s example.org -j DROP"),
            "line 1, column 13: `example.org` is no address or network: names are not looked up: write the address"
        );
        assert_eq!(
            error("-A INPUT -j DROP !"),
            "line 1, column 18: a ! at the end: it belongs in front of an option: ! -s 10.0.0.0/8"
        );
        assert!(
            error("-p udp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16 -j DROP")
                .contains("these are 16")
        );
        let error =
            Ruleset::parse_save(b"*filter\n:INPUT DROP [0:0]\n-A INPUT -m comment --comment \"x\nCOMMIT")
                .unwrap_err();
        assert_eq!((error.line, error.column), (3, 31));
    }

    #[test]
    fn listings_and_scripts_are_read_as_well() {
        let listing = Ruleset::parse_save(b"-P INPUT DROP\n-N X\n-A INPUT -j X\n-A X -j DROP\n").unwrap();
        let script = Ruleset::parse_save(
            b"#!/bin/sh\niptables -P INPUT DROP\niptables -F\niptables -N X\niptables -A X -j DROP\niptables -I INPUT 1 -j X\n",
        )
        .unwrap();
        assert_eq!(listing.tables[0].chains[0].base, script.tables[0].chains[0].base);
        let rules =
            |r: &Ruleset| r.rules().map(|(id, rule)| (r.name(id), rule.target.clone())).collect::<Vec<_>>();
        assert_eq!(rules(&listing), rules(&script));
    }

    #[test]
    fn the_family_is_seen_from_the_text() {
        assert_eq!(guess_family(b"# Generated by ip6tables-save v1.8.9\n"), Family::Ipv6);
        assert_eq!(guess_family(b"*filter\n-A INPUT -s 2001:db8::/32 -j DROP\n"), Family::Ipv6);
        assert_eq!(guess_family(b"*filter\n-A INPUT -s 10.0.0.0/8 -j DROP\n"), Family::Ipv4);
    }

    #[test]
    fn a_prefix_with_line_breaks_is_read_as_saved() {
        let text = b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j LOG --log-prefix \"a\n\nb \"\n-A INPUT -j DROP\nCOMMIT\n";
        let rules = Ruleset::parse_save(text).unwrap();
        let log = rules.tables[0].chains[0].rules[0].log.as_ref().unwrap();
        assert_eq!(log.prefix, "a\n\nb ");
        assert_eq!(rules.rules().count(), 2);
        // A quote that is forgotten does not swallow the next rule.
        let text = b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j LOG --log-prefix \"a\n-A INPUT -j LOG --log-prefix \"b\"\nCOMMIT\n";
        assert!(Ruleset::parse_save(text).unwrap_err().to_string().starts_with("line 3, column 30"));
    }

    const RULES: &[u8] = b"*filter\n:INPUT DROP [0:0]\n:X - [0:0]\n-A INPUT -j X\nCOMMIT\n";

    #[test]
    fn an_added_rule_is_where_iptables_would_put_it() {
        let mut rules = Ruleset::parse_save(RULES).unwrap();
        let first = rules.add(b"iptables -I INPUT -p tcp -j DROP").unwrap();
        assert_eq!(rules.name(first), "INPUT 1");
        let third = rules.add(b"-t filter -I INPUT 3 -p udp -j DROP").unwrap();
        assert_eq!(rules.name(third), "INPUT 3");
        assert!(rules.rule(third).unwrap().added);
    }

    #[test]
    fn adding_says_what_is_missing() {
        let mut rules = Ruleset::parse_save(RULES).unwrap();
        let text = |e: ReadError| e.to_string();
        assert_eq!(
            text(rules.add(b"-A Y -j DROP").unwrap_err()),
            "line 1, column 4: no chain `Y` in the ruleset: there are INPUT, X"
        );
        assert_eq!(
            text(rules.add(b"-I INPUT 5 -j DROP").unwrap_err()),
            "line 1, column 4: position 5 is outside the chain: INPUT has 1 rules: 1 to 2"
        );
        assert!(text(rules.add(b"-t nat -A X -j DROP").unwrap_err()).contains("no table `nat`"));
    }
}
