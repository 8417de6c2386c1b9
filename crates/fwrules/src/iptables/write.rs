//! Writes rules as `iptables` commands and as `iptables-restore` text.
//!
//! Responsible for: one form per value, the one `iptables-save` prints; the limits of the
//! programs (15 ports, 29 bytes of prefix, 255 of comment).
//! Must not know: how a rule is matched. nft's syntax is `nft::write`.
//! Tested by: `tests/roundtrip.rs`, `tests/kernel.rs` (the real tools), `tests/shell.rs`
//! (what `sh` makes of it).

use crate::matches::Condition;
use crate::model::rule::{Counters, Rule};
use crate::model::ruleset::{Ruleset, Table};
use crate::model::target::{Log, Target};
use crate::values::error::WriteError;
use crate::values::net::Family;
use crate::values::text::{restore_word, shown};
use crate::words::piece::{Pieces, Reader};

/// What `iptables` is to do with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `-A`: put it at the end of the chain.
    Append,
    /// `-I`: put it at the beginning.
    Insert,
    /// `-C`: say whether it is there.
    Check,
    /// `-D`: take it out.
    Delete,
    /// `-R`: put it in the place of the rule with this number, from 1.
    Replace(usize),
}

impl Verb {
    const fn option(self) -> &'static str {
        match self {
            Verb::Append => "-A",
            Verb::Insert => "-I",
            Verb::Check => "-C",
            Verb::Delete => "-D",
            Verb::Replace(_) => "-R",
        }
    }
}

/// A rule as `iptables` would have to be told it: nft's "write a line and drop" is two rules.
fn steps(rule: &Rule) -> Vec<Rule> {
    if rule.log.is_some() && rule.target != Target::Continue {
        let line = Rule { target: Target::Continue, ..rule.clone() };
        let verdict = Rule { log: None, ..rule.clone() };
        vec![line, verdict]
    } else {
        vec![rule.clone()]
    }
}

impl Rule {
    /// The rule as text for `iptables-restore`, without counters: `-A CHAIN ...`. These are
    /// bytes for a program; for a terminal escape them ([`shown`](crate::shown)).
    ///
    /// A rule of nft that writes a line and has a verdict gives two lines.
    ///
    /// # Errors
    /// The rule tests something that iptables cannot say in one rule.
    pub fn to_restore(&self, chain: &[u8]) -> Result<Vec<u8>, WriteError> {
        let mut out = Vec::new();
        for rule in steps(self) {
            if !out.is_empty() {
                out.push(b'\n');
            }
            out.append(&mut pieces(&rule, Verb::Append, chain, Reader::Restore)?);
        }
        Ok(out)
    }

    /// The rule as a command: `iptables -A CHAIN ...`, or `ip6tables`. Every value is quoted so
    /// that a shell can run nothing else, and printable, so that it may be pasted.
    ///
    /// ```
    /// let (chain, rule) = fwrules::Rule::parse(
    ///     b"-A MALICIOUS -p udp --dport 138 -m comment --comment '[unwanted netbios]' -j DROP").unwrap();
    /// assert_eq!(
    ///     rule.to_iptables(chain.as_bytes(), fwrules::Family::Ipv4).unwrap(),
    ///     "iptables -A MALICIOUS -p udp -m udp --dport 138 -m comment --comment \"[unwanted netbios]\" -j DROP");
    /// ```
    ///
    /// # Errors
    /// As [`to_restore`](Self::to_restore).
    pub fn to_iptables(&self, chain: &[u8], family: Family) -> Result<String, WriteError> {
        self.to_command(Verb::Append, chain, family)
    }

    /// As [`to_iptables`](Self::to_iptables), with another verb.
    ///
    /// ```
    /// use fwrules::{Family, Rule, Verb};
    /// let (_, rule) = Rule::parse(b"-p udp -m udp --dport 138 -j DROP").unwrap();
    /// let command = |verb| rule.to_command(verb, b"M", Family::Ipv6).unwrap();
    /// assert_eq!(command(Verb::Delete), "ip6tables -D M -p udp -m udp --dport 138 -j DROP");
    /// assert_eq!(command(Verb::Replace(3)), "ip6tables -R M 3 -p udp -m udp --dport 138 -j DROP");
    /// ```
    ///
    /// # Errors
    /// As [`to_restore`](Self::to_restore).
    pub fn to_command(&self, verb: Verb, chain: &[u8], family: Family) -> Result<String, WriteError> {
        let program = if family == Family::Ipv6 { "ip6tables" } else { "iptables" };
        let mut out = String::new();
        for rule in steps(self) {
            if !out.is_empty() {
                out.push('\n');
            }
            let bytes = pieces(&rule, verb, chain, Reader::Shell)?;
            out.push_str(program);
            out.push(' ');
            // Shell quoting leaves nothing but UTF-8.
            out.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok(out)
    }

    /// The rule for people: as in `iptables-save`, with everything escaped that a terminal
    /// would obey. What iptables cannot say is shown as nft has it.
    #[must_use]
    pub fn to_display(&self) -> String {
        match steps(self).as_slice() {
            [line, verdict] => format!("{} + {}", display(body(line)), shown(verdict.target.word())),
            _ => display(body(self)),
        }
    }
}

impl Condition {
    /// The condition as it stands in a rule, for people.
    #[must_use]
    pub fn to_display(&self) -> String {
        let mut pieces = Pieces::default();
        self.save(&mut pieces);
        display(pieces)
    }
}

fn display(pieces: Pieces) -> String {
    // For people nothing is refused.
    let text = pieces.render(Reader::Display).unwrap_or_default();
    shown(&text).to_string()
}

impl Ruleset {
    /// The whole ruleset as `iptables-save` would print it, with or without the rules'
    /// counters (`-c`).
    ///
    /// ```
    /// let text = b"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    /// let rules = fwrules::Ruleset::parse_save(text).unwrap();
    /// assert_eq!(rules.to_save(false).unwrap(), text);
    /// ```
    ///
    /// # Errors
    /// A rule says something that iptables cannot.
    pub fn to_save(&self, counters: bool) -> Result<Vec<u8>, WriteError> {
        let mut out = Vec::new();
        for table in &self.tables {
            table.save(&mut out, counters)?;
        }
        Ok(out)
    }
}

impl Table {
    fn save(&self, out: &mut Vec<u8>, counters: bool) -> Result<(), WriteError> {
        if !self.family.is_ip() {
            return Err(WriteError::new(format!("table {} is neither IPv4 nor IPv6", self.name)));
        }
        out.push(b'*');
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'\n');
        for chain in &self.chains {
            out.push(b':');
            restore_word(out, chain.name.as_bytes());
            let policy = chain.base.map_or("-", |base| base.policy.word());
            let Counters { packets, bytes } = chain.counters.unwrap_or_default();
            out.extend_from_slice(format!(" {policy} [{packets}:{bytes}]\n").as_bytes());
        }
        for chain in &self.chains {
            for rule in &chain.rules {
                if counters && let Some(Counters { packets, bytes }) = rule.counters {
                    out.extend_from_slice(format!("[{packets}:{bytes}] ").as_bytes());
                }
                out.append(&mut rule.to_restore(chain.name.as_bytes())?);
                out.push(b'\n');
            }
        }
        out.extend_from_slice(b"COMMIT\n");
        Ok(())
    }
}

/// The whole rule for a reader; an error if iptables has no such rule.
fn pieces(rule: &Rule, verb: Verb, chain: &[u8], reader: Reader) -> Result<Vec<u8>, WriteError> {
    rule.conditions.iter().try_for_each(can_be_said)?;
    let mut out = Pieces::default();
    out.bare(verb.option());
    out.word(chain);
    if let Verb::Replace(number) = verb {
        out.bare(number.to_string());
    }
    body_to(rule, &mut out);
    out.render(reader)
}

/// What iptables has no words for is an error.
fn can_be_said(condition: &Condition) -> Result<(), WriteError> {
    match condition {
        Condition::Addresses(_)
        | Condition::Interfaces(_)
        | Condition::Protocols(_)
        | Condition::Expression(_) => {
            let shown = condition.to_display();
            Err(WriteError::new(format!("iptables has no single rule for `{shown}`: write it for nft")))
        }
        Condition::Multiport(multiport) if multiport.count() > 15 => {
            Err(WriteError::new("multiport takes at most 15 ports, a range counts two: make two rules of it"))
        }
        Condition::Tcp(tcp)
            if tcp.flags.is_some_and(|f| (f.value.mask.bits() | f.value.set.bits()) > 0x3f) =>
        {
            Err(WriteError::new("iptables knows no flags ECE, CWR and AE: write it for nft"))
        }
        _ => Ok(()),
    }
}

/// Everything after the chain.
fn body(rule: &Rule) -> Pieces {
    let mut out = Pieces::default();
    body_to(rule, &mut out);
    out
}

fn body_to(rule: &Rule, out: &mut Pieces) {
    // `iptables-save` has the protocol after addresses and interfaces.
    let (header, matches): (Vec<_>, Vec<_>) =
        rule.conditions.iter().partition(|c| c.header_place().is_some());
    let mut header: Vec<&Condition> = header;
    header.sort_by_key(|c| match c {
        Condition::Fragment(_) => 2,
        Condition::Protocol(_) => 1,
        _ => 0,
    });
    header.into_iter().chain(matches).for_each(|c| c.save(out));
    if let Some(log) = &rule.log {
        write_log(log, out);
    }
    match &rule.target {
        Target::Continue => {}
        Target::Goto(chain) => {
            out.bare("-g");
            out.word(chain.as_bytes());
        }
        target => {
            out.bare("-j");
            out.word(target.word());
            match target {
                Target::Reject(with) if !with.is_empty() => {
                    out.bare("--reject-with");
                    out.word(with.as_bytes());
                }
                Target::Other { words, .. } => out.words(words),
                _ => {}
            }
        }
    }
}

fn write_log(log: &Log, out: &mut Pieces) {
    out.bare("-j");
    if let Some(words) = &log.nflog {
        out.bare("NFLOG");
        if !log.prefix.is_empty() {
            out.bare("--nflog-prefix");
            out.string(log.prefix.cut(Log::NFLOG_PREFIX).to_vec());
        }
        out.words(words);
        return;
    }
    out.bare("LOG");
    if !log.prefix.is_empty() {
        out.bare("--log-prefix");
        out.string(log.prefix.cut(Log::IPTABLES_PREFIX).to_vec());
    }
    if let Some(level) = log.level {
        out.bare("--log-level");
        out.bare(level.to_string());
    }
    for (on, name) in [
        (log.tcp_sequence, "--log-tcp-sequence"),
        (log.tcp_options, "--log-tcp-options"),
        (log.ip_options, "--log-ip-options"),
        (log.uid, "--log-uid"),
        (log.macdecode, "--log-macdecode"),
    ] {
        if on {
            out.bare(name);
        }
    }
}
