//! Reads `iptables-save` text, `iptables -S` text, scripts of `iptables` commands, and
//! single rules as they are typed.
//!
//! Responsible for: words -> options -> typed rules, with line and column of what is wrong.
//! What is known to iptables but not here is kept word by word.
//! Must not know: how a rule is matched or written.
//! Tested by: the unit tests below, `tests/roundtrip.rs`, `tests/kernel.rs`.

use core::net::IpAddr;

use logparse::{Mac, Protocol, TcpFlags};

use crate::model::conntrack::StateSet;
use crate::model::error::ReadError;
use crate::model::names;
use crate::model::rule::*;
use crate::model::ruleset::{Base, Chain, RuleId, Ruleset, Table};
use crate::model::text::{Text, Word, restore_words, shell_words, typed_words};

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
        let mut reader =
            Reader { rules: Ruleset::default(), family, table: None, opened: 0, open: false, saved: None };
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
    /// front of rule N; `iptables` and `-t TABLE` may stand in front. The rule is marked
    /// [`added`](Rule::added). What if.
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

/// Which of the two programs the text is for.
fn guess_family(text: &[u8]) -> Family {
    for line in text.split(|&b| b == b'\n') {
        let Ok(line) = core::str::from_utf8(line) else { continue };
        if line.contains("ip6tables") {
            return Family::Ipv6;
        }
        if line.starts_with("# Generated by") || line.starts_with("iptables") {
            return Family::Ipv4;
        }
        let mut words = line.split_ascii_whitespace().peekable();
        while let Some(word) = words.next() {
            match word {
                "-s" | "-d" | "--source" | "--destination" | "--src" | "--dst" | "--src-range"
                | "--dst-range" => {
                    let value = match words.next() {
                        Some("!") => words.next(),
                        value => value,
                    };
                    if let Some(value) = value {
                        return if value.contains(':') { Family::Ipv6 } else { Family::Ipv4 };
                    }
                }
                "ipv6-icmp" | "icmpv6" | "icmp6" | "--icmpv6-type" | "hl" => return Family::Ipv6,
                "--icmp-type" | "ttl" => return Family::Ipv4,
                _ if word.starts_with("icmp6-") => return Family::Ipv6,
                _ => {}
            }
        }
    }
    Family::Ipv4
}

struct Reader {
    rules: Ruleset,
    family: Family,
    table: Option<usize>,
    opened: usize,
    open: bool,
    /// Which family the last header comment named.
    saved: Option<Family>,
}

impl Reader {
    fn line(&mut self, line: &[u8], number: usize) -> Result<()> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let trimmed = line.trim_ascii();
        let indent = line.len() - line.trim_ascii_start().len();
        match trimmed.first() {
            None => Ok(()),
            Some(b'#') => {
                let has = |word: &[u8]| trimmed.windows(word.len()).any(|w| w == word);
                if has(b"# Generated by ip6tables") {
                    self.saved = Some(Family::Ipv6);
                } else if has(b"# Generated by iptables") {
                    self.saved = Some(Family::Ipv4);
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
        let at = match tables.iter().position(|t| t.name == *name && t.family == family) {
            Some(at) => at,
            None => {
                tables.push(Table { family, name: name.clone(), chains: Vec::new() });
                tables.len() - 1
            }
        };
        self.table = Some(at);
        at
    }

    /// `:CHAIN POLICY [p:b]`.
    fn chain(&mut self, line: &[u8], indent: usize) -> Result<()> {
        let words = restore_words(line).map_err(unclosed)?;
        let Some(table) = self.table else {
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
        let table = &mut self.rules.tables[table];
        let base = policy.map(|p| Base::iptables(table.name.as_bytes(), name.as_bytes(), p));
        match table.chain(name.as_bytes()) {
            Some(at) => {
                table.chains[at].base = base;
                table.chains[at].counters = counters;
            }
            None => table.chains.push(Chain { name, base, counters, rules: Vec::new() }),
        }
        Ok(())
    }

    /// One line that is a command: `-A ...`, `[p:b] -A ...`, `iptables -A ...`.
    fn command(&mut self, words: &[Word], number: usize) -> Result<()> {
        let verb = Verb::read(words, self.family)?;
        let table = match (&verb.table, self.table) {
            (Some(name), _) => self.open_table(name),
            (None, Some(table)) if self.open => table,
            (None, _) => self.open_table(&Text::from("filter")),
        };
        let table = &mut self.rules.tables[table];
        match verb.action {
            Action::Append(at) => {
                let Command { chain, position, mut rule, column, .. } = *at;
                rule.line = number;
                let index = match table.chain(chain.as_bytes()) {
                    Some(index) => index,
                    None => {
                        let base =
                            Some(Base::iptables(table.name.as_bytes(), chain.as_bytes(), Verdict::Accept))
                                .filter(|b| b.hook.is_some());
                        if base.is_none() {
                            let note = format!("chain {chain} has no line of its own (:{chain} - [0:0])");
                            self.rules.notes.push((number, note));
                        }
                        table.chains.push(Chain { name: chain, base, counters: None, rules: Vec::new() });
                        table.chains.len() - 1
                    }
                };
                let rules = &mut table.chains[index].rules;
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
                let base = Some(Base::iptables(table.name.as_bytes(), name.as_bytes(), policy));
                match table.chain(name.as_bytes()) {
                    Some(at) => table.chains[at].base = base,
                    None => table.chains.push(Chain { name, base, counters: None, rules: Vec::new() }),
                }
            }
            Action::New(name) => {
                if table.chain(name.as_bytes()).is_none() {
                    table.chains.push(Chain { name, ..Chain::default() });
                }
            }
            Action::Flush(name) => {
                for chain in &mut table.chains {
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

/// Whether a line calls the program: `iptables -A ...`, `/sbin/ip6tables -A`.
fn is_command(line: &[u8]) -> bool {
    let first = line.split(|b| matches!(b, b' ' | b'\t')).next().unwrap_or(b"");
    is_program(first) || first == b"sudo"
}

fn is_program(word: &[u8]) -> bool {
    let name = word.rsplit(|&b| b == b'/').next().unwrap_or(b"");
    matches!(
        name,
        b"iptables"
            | b"ip6tables"
            | b"iptables-nft"
            | b"ip6tables-nft"
            | b"iptables-legacy"
            | b"ip6tables-legacy"
    )
}

fn unclosed(column: usize) -> ReadError {
    ReadError::new(
        column,
        "this quote is never closed",
        "put the closing quote, or a \\ in front of this one",
    )
}

/// The words of a rule that stands alone: a command has the shell's quotes, a rule copied
/// from a save file has iptables' own.
fn words(text: &[u8]) -> Result<Vec<Word>> {
    if is_command(text.trim_ascii()) { shell_words(text) } else { typed_words(text) }.map_err(unclosed)
}

fn counters(text: &[u8]) -> Option<Counters> {
    let text = core::str::from_utf8(text).ok()?;
    let (packets, bytes) = text.strip_prefix('[')?.strip_suffix(']')?.split_once(':')?;
    Some(Counters { packets: packets.parse().ok()?, bytes: bytes.parse().ok()? })
}

/// A rule with where it goes, as one types it.
pub(crate) struct Command {
    pub(crate) table: Text,
    pub(crate) chain: Text,
    pub(crate) position: Option<usize>,
    pub(crate) rule: Rule,
    pub(crate) column: usize,
}

impl Command {
    /// Reads `[iptables] [-t TABLE] -A CHAIN ...` or `-I CHAIN [N] ...`.
    pub(crate) fn parse(text: &[u8], family: Family) -> Result<Command> {
        let words = words(text)?;
        match Verb::read(&words, family)? {
            Verb { action: Action::Append(command), .. } => Ok(*command),
            _ => Err(ReadError::new(1, "this is no rule", "begin it with -A CHAIN or -I CHAIN [NUMBER]")),
        }
    }
}

impl Rule {
    /// Reads one rule as it is typed or printed: `-A CHAIN ...`, `-I CHAIN [N] ...`, with or
    /// without `iptables` and `-t TABLE` in front; or only what stands behind the chain. The
    /// chain is given back beside the rule, empty if there was none.
    ///
    /// ```
    /// let (chain, rule) = fwrules::Rule::parse(b"iptables -A INPUT -p udp --dport 138 -j DROP").unwrap();
    /// assert_eq!(chain, "INPUT");
    /// let (_, same) = fwrules::Rule::parse(b"-p udp -m udp --dport 138 -j DROP").unwrap();
    /// assert_eq!(rule, same);
    /// ```
    ///
    /// # Errors
    /// The first word that is wrong, with its column and what to do.
    pub fn parse(text: &[u8]) -> Result<(Text, Rule)> {
        let family = guess_family(text);
        let words = words(text)?;
        let has_chain = words
            .iter()
            .any(|w| !w.quoted && matches!(w.text.as_bytes(), b"-A" | b"-I" | b"--append" | b"--insert"));
        if has_chain {
            return Command::parse(text, family).map(|c| (c.chain, c.rule));
        }
        let words = match words.first() {
            Some(w) if is_program(w.text.as_bytes()) => &words[1..],
            _ => &words[..],
        };
        Ok((Text::default(), rule(words, family)?))
    }
}

/// What a line tells `iptables` to do.
struct Verb {
    table: Option<Text>,
    action: Action,
}

enum Action {
    Append(Box<Command>),
    Policy(Text, Verdict),
    New(Text),
    Flush(Option<Text>),
    Nothing,
}

impl Verb {
    fn read(words: &[Word], family: Family) -> Result<Verb> {
        let mut family = family;
        let mut words = words;
        let mut before = None;
        let mut table = None;
        if words.first().is_some_and(|w| w.text == "sudo") {
            words = &words[1..];
        }
        if let Some(word) = words.first().filter(|w| is_program(w.text.as_bytes())) {
            family = if word.text.as_bytes().windows(4).any(|w| w == b"ip6t") {
                Family::Ipv6
            } else {
                Family::Ipv4
            };
            words = &words[1..];
        }
        loop {
            let Some(word) = words.first() else {
                return Err(ReadError::new(1, "nothing to read", "write a rule: -A CHAIN ... -j TARGET"));
            };
            let text = word.text.as_bytes();
            let value = |at: usize, what: &str| {
                words.get(at).map(|w| w.text.clone()).ok_or_else(|| {
                    ReadError::new(word.column, format!("{} needs {what}", word.text), "write it behind")
                })
            };
            match text {
                b"-t" | b"--table" => {
                    table = Some(value(1, "a table")?);
                    words = &words[2..];
                }
                b"-w" | b"--wait" => {
                    let number =
                        words.get(1).is_some_and(|w| w.text.as_bytes().iter().all(u8::is_ascii_digit));
                    words = &words[if number { 2 } else { 1 }..];
                }
                b"-4" | b"--ipv4" | b"-6" | b"--ipv6" => words = &words[1..],
                _ if text.starts_with(b"[") => {
                    before = Some(counters(text).ok_or_else(|| {
                        ReadError::new(word.column, "expected counters", "write [packets:bytes]: [0:0]")
                    })?);
                    words = &words[1..];
                }
                b"-A" | b"--append" | b"-I" | b"--insert" => {
                    let chain = value(1, "a chain")?;
                    let column = words[1].column;
                    let mut rest = &words[2..];
                    let mut position = None;
                    if matches!(text, b"-I" | b"--insert") {
                        position = Some(1);
                        let number = rest.first().and_then(|w| w.text.as_str()?.parse::<usize>().ok());
                        if let Some(number) = number {
                            if number == 0 {
                                let help = "rules are counted from 1";
                                return Err(ReadError::new(rest[0].column, "there is no rule 0", help));
                            }
                            position = Some(number);
                            rest = &rest[1..];
                        }
                    }
                    // `iptables -A INPUT -t mangle ...` is allowed as well.
                    let mut rest = rest.to_vec();
                    if let Some(at) =
                        rest.iter().position(|w| !w.quoted && matches!(w.text.as_bytes(), b"-t" | b"--table"))
                        && at + 1 < rest.len()
                    {
                        table = Some(rest[at + 1].text.clone());
                        rest.drain(at..at + 2);
                    }
                    let mut rule = rule(&rest, family)?;
                    if before.is_some() {
                        rule.counters = before;
                    }
                    let command = Command {
                        table: table.clone().unwrap_or_else(|| Text::from("filter")),
                        chain,
                        position,
                        rule,
                        column,
                    };
                    return Ok(Verb { table, action: Action::Append(Box::new(command)) });
                }
                b"-P" | b"--policy" => {
                    let chain = value(1, "a chain")?;
                    let policy = match value(2, "a policy")?.as_bytes() {
                        b"ACCEPT" => Verdict::Accept,
                        b"DROP" => Verdict::Drop,
                        b"QUEUE" => Verdict::Queue,
                        _ => {
                            return Err(ReadError::new(words[2].column, "no policy", "write ACCEPT or DROP"));
                        }
                    };
                    return Ok(Verb { table, action: Action::Policy(chain, policy) });
                }
                b"-N" | b"--new-chain" => {
                    return Ok(Verb { table, action: Action::New(value(1, "a chain")?) });
                }
                b"-F" | b"--flush" => {
                    return Ok(Verb { table, action: Action::Flush(words.get(1).map(|w| w.text.clone())) });
                }
                b"-X" | b"--delete-chain" | b"-Z" | b"--zero" => {
                    return Ok(Verb { table, action: Action::Nothing });
                }
                _ => {
                    return Err(ReadError::new(
                        word.column,
                        format!("expected a rule, found `{}`", word.text),
                        "a line of a ruleset begins with -A, -I, -N, -P, :CHAIN, *TABLE, # or COMMIT",
                    ));
                }
            }
        }
    }
}

/// One option with its values.
#[derive(Debug)]
struct Opt {
    name: Word,
    not: bool,
    values: Vec<Word>,
}

impl Opt {
    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|n| self.name.text == *n)
    }

    fn value(&self) -> Result<&Word> {
        self.values.first().ok_or_else(|| {
            ReadError::new(self.name.column, format!("{} needs a value", self.name.text), "write it behind")
        })
    }

    fn str(&self) -> Result<(&str, usize)> {
        let word = self.value()?;
        match word.text.as_str() {
            Some(text) => Ok((text, word.column)),
            None => Err(self.bad("a value in ASCII")),
        }
    }

    fn bad(&self, expected: &str) -> ReadError {
        let (column, found) = match self.values.first() {
            Some(word) => (word.column, word.text.to_string()),
            None => (self.name.column, String::from("nothing")),
        };
        ReadError::new(column, format!("{} takes {expected}, found `{found}`", self.name.text), "")
    }

    fn test<T>(&self, value: T) -> Test<T> {
        Test { not: self.not, value }
    }
}

/// The options behind one `-m` or `-j`.
struct Part {
    module: Word,
    options: Vec<Opt>,
}

/// How many values the options of the modules known here take; `None` for a module or an
/// option that is not known.
fn arity(module: &str, option: &str) -> Option<usize> {
    let ports = ["--sport", "--source-port", "--dport", "--destination-port"];
    let one: &[&str] = match module {
        "tcp" => match option {
            "--syn" => return Some(0),
            "--tcp-flags" => return Some(2),
            "--tcp-option" => return Some(1),
            _ => &ports,
        },
        "udp" | "udplite" | "sctp" | "dccp" => &ports,
        "multiport" => &["--sports", "--source-ports", "--dports", "--destination-ports", "--ports"],
        "icmp" => &["--icmp-type"],
        "icmp6" => &["--icmpv6-type"],
        "iprange" => &["--src-range", "--dst-range"],
        "mac" => &["--mac-source"],
        "pkttype" => &["--pkt-type"],
        "addrtype" => match option {
            "--limit-iface-in" | "--limit-iface-out" => return Some(0),
            _ => &["--src-type", "--dst-type"],
        },
        "ttl" => &["--ttl-eq", "--ttl-lt", "--ttl-gt", "--ttl"],
        "hl" => &["--hl-eq", "--hl-lt", "--hl-gt"],
        "length" => &["--length"],
        "tos" => &["--tos"],
        "dscp" => &["--dscp", "--dscp-class"],
        "mark" => &["--mark"],
        "owner" => &["--uid-owner", "--gid-owner"],
        "esp" => &["--espspi"],
        "ah" => &["--ahspi"],
        "set" => match option {
            "--match-set" => return Some(2),
            _ => &[],
        },
        "physdev" => &["--physdev-in", "--physdev-out"],
        "conntrack" => &["--ctstate"],
        "state" => &["--state"],
        "tcpmss" => &["--mss"],
        "comment" => &["--comment"],
        "LOG" => match option {
            "--log-tcp-sequence" | "--log-tcp-options" | "--log-ip-options" | "--log-uid"
            | "--log-macdecode" => return Some(0),
            _ => &["--log-prefix", "--log-level"],
        },
        "NFLOG" => &["--nflog-prefix", "--nflog-group", "--nflog-range", "--nflog-size", "--nflog-threshold"],
        "REJECT" => &["--reject-with"],
        _ => &[],
    };
    one.contains(&option).then_some(1)
}

/// The module whose options a protocol brings with it.
fn implied(protocol: Protocol) -> Option<&'static str> {
    Some(match protocol {
        Protocol::TCP => "tcp",
        Protocol::UDP => "udp",
        Protocol::UDPLITE => "udplite",
        Protocol::SCTP => "sctp",
        Protocol::DCCP => "dccp",
        Protocol::ICMP => "icmp",
        Protocol::ICMPV6 => "icmp6",
        Protocol::ESP => "esp",
        Protocol::AH => "ah",
        _ => return None,
    })
}

/// The name under which a module is known here.
fn canonical(module: &str) -> &str {
    match module {
        "icmpv6" | "ipv6-icmp" => "icmp6",
        other => other,
    }
}

/// Reads what stands behind the chain.
fn rule(words: &[Word], family: Family) -> Result<Rule> {
    let mut rule = Rule::default();
    let mut parts: Vec<Part> = Vec::new();
    let mut target: Option<Part> = None;
    let mut goto: Option<Word> = None;
    let mut at = 0;
    while at < words.len() {
        let mut not = false;
        let start = at;
        if !words[at].quoted && words[at].text == "!" {
            not = true;
            at += 1;
        }
        let Some(word) = words.get(at) else {
            let help = "it belongs in front of an option: ! -s 10.0.0.0/8";
            return Err(ReadError::new(words[start].column, "a ! at the end", help));
        };
        if word.quoted || !word.text.as_bytes().starts_with(b"-") || word.text.as_bytes().len() < 2 {
            return Err(ReadError::new(
                word.column,
                format!("expected an option, found `{}`", word.text),
                "options begin with -; quote a text with blanks",
            ));
        }
        at += 1;
        let name = word.text.as_str().ok_or_else(|| {
            ReadError::new(word.column, format!("unknown option `{}`", word.text), "options are ASCII")
        })?;
        // `--opt=value`
        let (name, inline) = match name.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (name, None),
        };
        // The old place of `!`: behind the option.
        let old_not = |at: &mut usize, not: &mut bool| {
            let next_is_value =
                words.get(*at + 1).is_some_and(|w| w.quoted || !w.text.as_bytes().starts_with(b"-"));
            if words.get(*at).is_some_and(|w| !w.quoted && w.text == "!") && next_is_value {
                *at += 1;
                *not = !*not;
            }
        };
        let header = |at: &mut usize, not: &mut bool, what: &str| -> Result<Word> {
            if let Some(value) = inline {
                return Ok(Word { text: Text::from(value), column: word.column, quoted: false });
            }
            old_not(at, not);
            let value = words.get(*at).cloned().ok_or_else(|| {
                ReadError::new(word.column, format!("{name} needs {what}"), missing_help(name))
            })?;
            *at += 1;
            Ok(value)
        };
        match name {
            "-p" | "--protocol" | "--proto" => {
                let value = header(&mut at, &mut not, "a protocol")?;
                let protocol = value.text.as_str().and_then(names::protocol).ok_or_else(|| {
                    let message = format!("unknown protocol `{}`", value.text);
                    ReadError::new(value.column, message, "write its number: -p 47")
                })?;
                // 0 is every protocol.
                rule.protocol = (protocol.0 != 0 || not).then_some(Test { not, value: protocol });
            }
            "-s" | "--source" | "--src" | "-d" | "--destination" | "--dst" => {
                let value = header(&mut at, &mut not, "an address")?;
                let net = net(&value)?;
                let test = (!net.is_any() || not).then_some(Test { not, value: net });
                if name.starts_with("-s") || name.starts_with("--s") {
                    rule.source = test;
                } else {
                    rule.destination = test;
                }
            }
            "-i" | "--in-interface" | "-o" | "--out-interface" => {
                let value = header(&mut at, &mut not, "an interface")?;
                let interface = Interface(value.text);
                // `+` alone is every interface.
                let any = interface.wildcard() == Some(b"");
                let test = (!any || not).then_some(Test { not, value: interface });
                if matches!(name, "-i" | "--in-interface") {
                    rule.input = test;
                } else {
                    rule.output = test;
                }
            }
            "-f" | "--fragment" => rule.fragment = Some(!not),
            "-c" | "--set-counters" => {
                let number = |word: Option<&Word>| word.and_then(|w| w.text.as_str()?.parse::<u64>().ok());
                let (Some(packets), Some(bytes)) = (number(words.get(at)), number(words.get(at + 1))) else {
                    return Err(ReadError::new(
                        word.column,
                        "-c needs two numbers",
                        "write -c PACKETS BYTES",
                    ));
                };
                rule.counters = Some(Counters { packets, bytes });
                at += 2;
            }
            "-m" | "--match" => {
                let value = header(&mut at, &mut not, "a match")?;
                parts.push(Part { module: value, options: Vec::new() });
            }
            "-j" | "--jump" => {
                let value = header(&mut at, &mut not, "a target")?;
                target = Some(Part { module: value, options: Vec::new() });
            }
            "-g" | "--goto" => goto = Some(header(&mut at, &mut not, "a chain")?),
            "-4" | "--ipv4" | "-6" | "--ipv6" | "-v" | "--verbose" | "-n" | "--numeric" | "-w" | "--wait" => {
            }
            _ => {
                // Whose option is it? First the module it follows, then one named before,
                // then the one that the protocol brings along.
                let owns = |part: &Part| {
                    part.module.text.as_str().is_some_and(|m| arity(canonical(m), name).is_some())
                };
                let by_protocol = rule.protocol.filter(|p| !p.not).and_then(|p| implied(p.value));
                let slot = if target.as_ref().is_some_and(owns) {
                    target.as_mut()
                } else if let Some(i) = parts.iter().rposition(owns) {
                    parts.get_mut(i)
                } else if let Some(module) = by_protocol.filter(|m| arity(m, name).is_some()) {
                    let module = Word { text: Text::from(module), column: word.column, quoted: false };
                    parts.push(Part { module, options: Vec::new() });
                    parts.last_mut()
                } else if target.is_some() {
                    target.as_mut()
                } else {
                    parts.last_mut()
                };
                let Some(part) = slot else {
                    return Err(ReadError::new(
                        word.column,
                        format!("unknown option `{name}`"),
                        "name the match it belongs to in front: -m MODULE, or the protocol: -p tcp",
                    ));
                };
                let module = part.module.text.as_str().unwrap_or("");
                let mut values = Vec::new();
                if let Some(value) = inline {
                    values.push(Word { text: Text::from(value), column: word.column, quoted: true });
                }
                match arity(canonical(module), name) {
                    Some(count) => {
                        if count > 0 && inline.is_none() {
                            old_not(&mut at, &mut not);
                        }
                        while values.len() < count {
                            let Some(value) = words.get(at) else {
                                return Err(ReadError::new(
                                    word.column,
                                    format!(
                                        "{name} needs {}",
                                        if count == 1 { "a value" } else { "two values" }
                                    ),
                                    "write it behind",
                                ));
                            };
                            values.push(value.clone());
                            at += 1;
                        }
                    }
                    // Not known here: everything up to the next option belongs to it.
                    None => {
                        while let Some(value) = words.get(at) {
                            let option = |w: &Word| {
                                !w.quoted && w.text.as_bytes().len() > 1 && w.text.as_bytes()[0] == b'-'
                            };
                            let negation =
                                !value.quoted && value.text == "!" && words.get(at + 1).is_none_or(option);
                            if option(value) || negation {
                                break;
                            }
                            values.push(value.clone());
                            at += 1;
                        }
                    }
                }
                let name = Word { text: Text::from(name), ..word.clone() };
                part.options.push(Opt { name, not, values });
                continue;
            }
        }
        if not && matches!(name, "-m" | "--match" | "-j" | "--jump" | "-g" | "--goto" | "-c") {
            let message = format!("! cannot stand in front of {name}");
            return Err(ReadError::new(
                words[start].column,
                message,
                "put it in front of the option it negates",
            ));
        }
    }
    for part in &parts {
        typed(part, family, &mut rule.matches)?;
    }
    if let Some(part) = target {
        set_target(&mut rule, &part, family)?;
    }
    if let Some(chain) = goto {
        rule.target = Target::Goto(chain.text);
    }
    Ok(rule)
}

fn missing_help(option: &str) -> &'static str {
    match option {
        "-j" | "--jump" => "write -j DROP or the name of a chain",
        "-p" | "--protocol" | "--proto" => "write -p tcp",
        "-s" | "-d" => "write 10.0.0.0/8",
        _ => "write it behind",
    }
}

fn net(word: &Word) -> Result<Net> {
    let bad =
        |help: &str| ReadError::new(word.column, format!("`{}` is no address or network", word.text), help);
    let text = word.text.as_str().ok_or_else(|| bad("write 10.0.0.0/8"))?;
    if text.contains(',') {
        return Err(bad("iptables makes one rule of each address in a list: write one rule per address"));
    }
    Net::parse(text).ok_or_else(|| {
        match text.bytes().any(|b| b.is_ascii_alphabetic()) && !text.contains(':') {
            true => bad("names are not looked up: write the address"),
            false => bad("write 10.0.0.0/8 or 2001:db8::/32"),
        }
    })
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().or_else(|| names::service(text))
}

/// `22`, `1:1023`, `:1023`, `1024:`, `ssh`.
fn port_range(text: &str) -> Option<Range<u16>> {
    match text.split_once(':') {
        None => port(text).map(Range::one),
        Some((first, last)) => {
            let first = if first.is_empty() { 0 } else { port(first)? };
            let last = if last.is_empty() { u16::MAX } else { port(last)? };
            (first <= last).then_some(Range { first, last })
        }
    }
}

/// `5`, `1:5`, `0x1:`, with the separator given.
fn number_range(text: &str, separator: char) -> Option<Range<u32>> {
    match text.split_once(separator) {
        None => number(text).map(Range::one),
        Some((first, last)) => {
            let first = if first.is_empty() { 0 } else { number(first)? };
            let last = if last.is_empty() { u32::MAX } else { number(last)? };
            (first <= last).then_some(Range { first, last })
        }
    }
}

/// A number as `strtoul` takes it: decimal, `0x` hex, `0` octal.
fn number(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u32::from_str_radix(hex, 16).ok()
    } else if text.len() > 1 && text.starts_with('0') {
        u32::from_str_radix(text, 8).ok()
    } else {
        text.parse().ok()
    }
}

fn masked(text: &str) -> Option<Masked<u32>> {
    match text.split_once('/') {
        None => Some(Masked { value: number(text)?, mask: u32::MAX }),
        Some((value, mask)) => Some(Masked { value: number(value)?, mask: number(mask)? }),
    }
}

fn flags(text: &str) -> Option<TcpFlags> {
    let mut flags = TcpFlags::EMPTY;
    for word in text.split(',') {
        flags |= match word.to_ascii_uppercase().as_str() {
            "ALL" => TcpFlags::from_bits(0x3f),
            "NONE" => TcpFlags::EMPTY,
            word => TcpFlags::from_word(word.as_bytes()).filter(|f| f.bits() <= 0xff)?,
        };
    }
    Some(flags)
}

fn address_range(text: &str) -> Option<AddressRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(AddressRange { first, last })
}

fn icmp(text: &str, v6: bool) -> Option<Icmp> {
    if text == "any" || text == "255" && !v6 {
        return Some(Icmp { kind: None, code: None });
    }
    match text.split_once('/') {
        Some((kind, code)) => Some(Icmp { kind: Some(kind.parse().ok()?), code: Some(code.parse().ok()?) }),
        None => match text.parse::<u8>() {
            Ok(kind) => Some(Icmp { kind: Some(kind), code: None }),
            Err(_) => names::icmp(text, v6).map(|(kind, code)| Icmp { kind: Some(kind), code }),
        },
    }
}

/// Reads one `-m` with its options; what has no place in a typed match is kept as words.
fn typed(part: &Part, family: Family, out: &mut Vec<Match>) -> Result<()> {
    let module = canonical(part.module.text.as_str().unwrap_or(""));
    let known = part.options.iter().all(|o| o.name.text.as_str().is_some_and(|n| arity(module, n).is_some()));
    let mut matches = if known { known_match(module, &part.options, family)? } else { None };
    match &mut matches {
        Some(list) => out.append(list),
        None => {
            let module = part.module.text.clone();
            out.push(Match::Other { module, words: flat(&part.options) });
        }
    }
    Ok(())
}

/// The options as words again.
fn flat(options: &[Opt]) -> Vec<Text> {
    let mut words = Vec::new();
    for option in options {
        if option.not {
            words.push(Text::from("!"));
        }
        words.push(option.name.text.clone());
        words.extend(option.values.iter().map(|w| w.text.clone()));
    }
    words
}

/// `None`: this combination of options has no type here.
fn known_match(module: &str, options: &[Opt], family: Family) -> Result<Option<Vec<Match>>> {
    let v6 = family == Family::Ipv6;
    let sport = ["--sport", "--source-port"];
    let dport = ["--dport", "--destination-port"];
    let ports = |o: &Opt| -> Result<Option<Test<Range<u16>>>> {
        let range = port_range(o.str()?.0).ok_or_else(|| o.bad("a port or a range of ports (22, 1:1023)"))?;
        // Every port is no test; iptables-save drops it as well. The rest of an open range is
        // a range, which is how iptables-nft saves it.
        Ok(match (range.first, range.last, o.not) {
            (0, u16::MAX, false) => None,
            (0, last, true) if last < u16::MAX => Some(Test::is(Range::new(last + 1, u16::MAX))),
            (first, u16::MAX, true) if first > 0 => Some(Test::is(Range::new(0, first - 1))),
            _ => Some(o.test(range)),
        })
    };
    // A match with one option, given exactly once.
    let single = || match options {
        [one] => Some(one),
        _ => None,
    };
    Ok(Some(vec![match module {
        "tcp" => {
            let mut tcp = Tcp::default();
            for o in options {
                if o.is(&sport) {
                    tcp.sport = ports(o)?;
                } else if o.is(&dport) {
                    tcp.dport = ports(o)?;
                } else if o.is(&["--syn"]) {
                    let mask = TcpFlags::FIN | TcpFlags::SYN | TcpFlags::RST | TcpFlags::ACK;
                    tcp.flags = Some(o.test(Flags { mask, set: TcpFlags::SYN }));
                } else if o.is(&["--tcp-flags"]) {
                    let words = "two lists of SYN,ACK,FIN,RST,URG,PSH,ECE,CWR,ALL,NONE";
                    let at = |i: usize| o.values[i].text.as_str().and_then(flags).ok_or_else(|| o.bad(words));
                    tcp.flags = Some(o.test(Flags { mask: at(0)?, set: at(1)? }));
                } else {
                    let (text, _) = o.str()?;
                    tcp.option = Some(o.test(text.parse().map_err(|_| o.bad("the number of an option"))?));
                }
            }
            Match::Tcp(tcp)
        }
        "udp" | "udplite" | "sctp" | "dccp" => {
            let protocol = match module {
                "udp" => Protocol::UDP,
                "udplite" => Protocol::UDPLITE,
                "sctp" => Protocol::SCTP,
                _ => Protocol::DCCP,
            };
            let mut found = Ports { protocol, sport: None, dport: None };
            for o in options {
                if o.is(&sport) {
                    found.sport = ports(o)?;
                } else {
                    found.dport = ports(o)?;
                }
            }
            Match::Ports(found)
        }
        "multiport" => {
            let Some(o) = single() else { return Ok(None) };
            let side = match o.name.text.as_bytes() {
                b"--ports" => PortSide::Either,
                b"--sports" | b"--source-ports" => PortSide::Source,
                _ => PortSide::Destination,
            };
            let list = o.str()?.0.split(',').map(port_range).collect::<Option<Vec<_>>>();
            let list = list.ok_or_else(|| o.bad("ports with commas between (22,80,8000:8100)"))?;
            let count: usize = list.iter().map(|r| if r.first == r.last { 1 } else { 2 }).sum();
            if count > 15 {
                let message =
                    format!("{} takes at most 15 ports, a range counts two; these are {count}", o.name.text);
                return Err(ReadError::new(o.value()?.column, message, "make two rules of it"));
            }
            Match::Multiport { side, ports: o.test(list) }
        }
        "icmp" | "icmp6" => {
            let Some(o) = single() else { return Ok(None) };
            let six = module == "icmp6";
            let icmp = icmp(o.str()?.0, six).ok_or_else(|| o.bad("a type, a type/code or a name"))?;
            let test = o.test(icmp);
            if six { Match::Icmpv6(test) } else { Match::Icmp(test) }
        }
        "iprange" if !options.is_empty() => {
            let (mut source, mut destination) = (None, None);
            for o in options {
                let range = address_range(o.str()?.0).ok_or_else(|| o.bad("two addresses with - between"))?;
                *if o.is(&["--src-range"]) { &mut source } else { &mut destination } = Some(o.test(range));
            }
            Match::IpRange { source, destination }
        }
        "mac" => {
            let Some(o) = single() else { return Ok(None) };
            let mac = Mac::from_text(o.value()?.text.as_bytes());
            Match::Mac(o.test(mac.ok_or_else(|| o.bad("a hardware address (00:16:3e:5e:6c:00)"))?))
        }
        "pkttype" => {
            let Some(o) = single() else { return Ok(None) };
            let kind = match o.str()?.0.to_ascii_lowercase().as_str() {
                "unicast" | "host" => PacketType::Unicast,
                "broadcast" => PacketType::Broadcast,
                "multicast" => PacketType::Multicast,
                _ => return Err(o.bad("unicast, broadcast or multicast")),
            };
            Match::PacketType(o.test(kind))
        }
        "addrtype" if !options.is_empty() => {
            let mut found = AddressType::default();
            for o in options {
                if o.is(&["--limit-iface-in"]) {
                    found.limit_in = true;
                } else if o.is(&["--limit-iface-out"]) {
                    found.limit_out = true;
                } else {
                    let mut types = AddressTypes::default();
                    for word in o.str()?.0.split(',') {
                        let named = AddressTypes::WORDS.iter().find(|(_, w)| w.eq_ignore_ascii_case(word));
                        let (bit, _) =
                            named.ok_or_else(|| o.bad("types such as LOCAL,BROADCAST,MULTICAST"))?;
                        types = types.or(*bit);
                    }
                    let side = if o.is(&["--src-type"]) { &mut found.source } else { &mut found.destination };
                    *side = Some(o.test(types));
                }
            }
            Match::AddressType(found)
        }
        "ttl" | "hl" => {
            let Some(o) = single() else { return Ok(None) };
            let value = o.str()?.0.parse().map_err(|_| o.bad("a number up to 255"))?;
            let name = o.name.text.as_bytes();
            let compare = match (name.ends_with(b"-lt"), name.ends_with(b"-gt"), o.not) {
                (true, _, false) => Compare::Less,
                (_, true, false) => Compare::Greater,
                (false, false, false) => Compare::Equal,
                (false, false, true) => Compare::NotEqual,
                _ => return Ok(None),
            };
            Match::Ttl { hop_limit: module == "hl", compare, value }
        }
        "length" => {
            let Some(o) = single() else { return Ok(None) };
            let mut range =
                number_range(o.str()?.0, ':').ok_or_else(|| o.bad("a length or a range (0:100)"))?;
            range.last = range.last.min(u32::from(u16::MAX));
            Match::Length(o.test(range))
        }
        "tos" => {
            let Some(o) = single() else { return Ok(None) };
            let text = o.str()?.0;
            let symbolic = [
                ("minimize-delay", 0x10),
                ("maximize-throughput", 0x08),
                ("maximize-reliability", 0x04),
                ("minimize-cost", 0x02),
                ("normal-service", 0x00),
            ];
            let named = symbolic.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
            let tos = match named {
                // `libxt_tos.c`: a name is compared with all but the ECN bits.
                Some((_, value)) => Masked { value: *value, mask: 0x3f },
                None => {
                    let m = masked(text).ok_or_else(|| o.bad("a value, value/mask or a name"))?;
                    let byte = |n: u32| if n == u32::MAX { Some(0xff) } else { u8::try_from(n).ok() };
                    match (byte(m.value), byte(m.mask)) {
                        (Some(value), Some(mask)) => Masked { value, mask },
                        _ => return Err(o.bad("numbers up to 0xff")),
                    }
                }
            };
            Match::Tos(o.test(tos))
        }
        "dscp" => {
            let Some(o) = single() else { return Ok(None) };
            let (text, _) = o.str()?;
            let value = if o.is(&["--dscp"]) {
                number(text).filter(|n| *n < 64).map(|n| n as u8)
            } else {
                names::dscp(text)
            };
            Match::Dscp(o.test(value.ok_or_else(|| o.bad("a number below 64 or a class (AF11, CS1, EF)"))?))
        }
        "mark" => {
            let Some(o) = single() else { return Ok(None) };
            Match::Mark(o.test(masked(o.str()?.0).ok_or_else(|| o.bad("a value or value/mask"))?))
        }
        "owner" if !options.is_empty() => {
            let (mut uid, mut gid) = (None, None);
            for o in options {
                let text = o.str()?.0;
                let range = match text {
                    "root" => Some(Range::one(0)),
                    _ => number_range(text, '-'),
                };
                // A user's name has another number on another host.
                let Some(range) = range else { return Ok(None) };
                *if o.is(&["--uid-owner"]) { &mut uid } else { &mut gid } = Some(o.test(range));
            }
            Match::Owner { uid, gid }
        }
        "esp" | "ah" => {
            let Some(o) = single() else { return Ok(None) };
            if module == "ah" && v6 && options.len() != 1 {
                return Ok(None);
            }
            let range =
                number_range(o.str()?.0, ':').ok_or_else(|| o.bad("a number or a range (256:512)"))?;
            if module == "esp" { Match::Esp(o.test(range)) } else { Match::Ah(o.test(range)) }
        }
        "set" => {
            let mut list = Vec::new();
            for o in options {
                let mut sides = Vec::new();
                for word in o.values[1].text.as_str().unwrap_or("").split(',') {
                    sides.push(match word {
                        "src" => Side::Source,
                        "dst" => Side::Destination,
                        _ => {
                            return Err(ReadError::new(
                                o.values[1].column,
                                "expected src or dst",
                                "write src,dst",
                            ));
                        }
                    });
                }
                list.push(Match::Set { name: o.values[0].text.clone(), sides, not: o.not });
            }
            return Ok((list.len() == 1).then_some(list));
        }
        "physdev" if !options.is_empty() => {
            let (mut input, mut output) = (None, None);
            for o in options {
                let interface = Interface(o.value()?.text.clone());
                *if o.is(&["--physdev-in"]) { &mut input } else { &mut output } = Some(o.test(interface));
            }
            Match::Physdev { input, output }
        }
        "conntrack" | "state" => {
            let Some(o) = single() else { return Ok(None) };
            let mut states = StateSet::EMPTY;
            for word in o.str()?.0.split(',') {
                states = states
                    | StateSet::from_word(word)
                        .ok_or_else(|| o.bad("states such as NEW,RELATED,ESTABLISHED"))?;
            }
            Match::State { old: module == "state", states: o.test(states) }
        }
        "tcpmss" => {
            let Some(o) = single() else { return Ok(None) };
            Match::Mss(o.test(port_range(o.str()?.0).ok_or_else(|| o.bad("a size or a range (1:600)"))?))
        }
        "comment" => {
            let Some(o) = single() else { return Ok(None) };
            Match::Comment(o.value()?.text.clone())
        }
        _ => return Ok(None),
    }]))
}

fn set_target(rule: &mut Rule, part: &Part, family: Family) -> Result<()> {
    let name = part.module.text.clone();
    if name.is_empty() {
        return Err(ReadError::new(part.module.column, "-j has an empty target", "write -j DROP"));
    }
    let known = part.options.iter().all(|o| {
        !o.not && o.name.text.as_str().is_some_and(|n| arity(name.as_str().unwrap_or(""), n).is_some())
    });
    let plain = part.options.is_empty();
    rule.target = match name.as_str() {
        Some("ACCEPT") if plain => Target::Accept,
        Some("DROP") if plain => Target::Drop,
        Some("RETURN") if plain => Target::Return,
        Some("QUEUE") if plain => Target::Queue,
        Some("REJECT") if known => {
            let v6 = family == Family::Ipv6;
            let mut with = Text::from(if v6 { "icmp6-port-unreachable" } else { "icmp-port-unreachable" });
            for o in &part.options {
                let (text, _) = o.str()?;
                with = match names::REJECTS.iter().find(|(short, _)| *short == text) {
                    Some(_) if v6 && text == "port-unreach" => Text::from("icmp6-port-unreachable"),
                    Some((_, long)) => Text::from(*long),
                    None => Text::from(text),
                };
            }
            Target::Reject(with)
        }
        Some("LOG") if known => {
            rule.log = Some(log(&part.options)?);
            Target::Continue
        }
        Some("NFLOG") if part.options.iter().all(|o| !o.not) => {
            let mut log = Log { nflog: Some(Vec::new()), ..Log::default() };
            for o in &part.options {
                if o.is(&["--nflog-prefix"]) {
                    log.prefix = o.value()?.text.clone();
                } else if let Some(words) = &mut log.nflog {
                    words.push(o.name.text.clone());
                    words.extend(o.values.iter().map(|w| w.text.clone()));
                }
            }
            rule.log = Some(log);
            Target::Continue
        }
        _ => {
            let other = Target::Other { name: name.clone(), words: flat(&part.options) };
            // A name that is no extension is a chain of the user's.
            if plain && other.effect() == Effect::Unknown { Target::Jump(name) } else { other }
        }
    };
    Ok(())
}

fn log(options: &[Opt]) -> Result<Log> {
    let mut log = Log::default();
    for o in options {
        match o.name.text.as_bytes() {
            b"--log-prefix" => log.prefix = o.value()?.text.clone(),
            b"--log-level" => {
                let (text, _) = o.str()?;
                let level = match text.parse::<u8>() {
                    Ok(n) if n < 8 => Some(n),
                    Ok(_) => None,
                    Err(_) => {
                        let lower = text.to_ascii_lowercase();
                        names::LEVELS.iter().find(|(name, l)| *l < 8 && lower == *name).map(|(_, l)| *l)
                    }
                };
                let level = level.ok_or_else(|| o.bad("a level from 0 to 7 or its name"))?;
                log.level = (level != 4).then_some(level);
            }
            b"--log-tcp-sequence" => log.tcp_sequence = true,
            b"--log-tcp-options" => log.tcp_options = true,
            b"--log-ip-options" => log.ip_options = true,
            b"--log-uid" => log.uid = true,
            _ => log.macdecode = true,
        }
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_is_not_known_is_kept() {
        let rule = one(
            "-p tcp -m hashlimit --hashlimit-upto 3/min --hashlimit-mode srcip ! --foo a b --dport 22 -j SYNPROXY --sack-perm",
        );
        assert_eq!(rule.matches.len(), 2);
        let Match::Other { module, words } = &rule.matches[0] else { panic!("{rule:?}") };
        assert_eq!(*module, "hashlimit");
        assert_eq!(words.len(), 8);
        assert!(
            matches!(&rule.target, Target::Other { name, words } if *name == "SYNPROXY" && words.len() == 1)
        );
        // A known module with an option that has no type here stays whole.
        assert!(matches!(
            &one("-m conntrack --ctstate NEW --ctdir ORIGINAL").matches[..],
            [Match::Other { .. }]
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
