//! Writes rules as `iptables` commands and as `iptables-restore` text.
//!
//! Responsible for: one form per value, the one `iptables-save` prints; the limits of the
//! programs (15 ports, 29 bytes of prefix, 255 of comment); quoting for the reader at hand.
//! Must not know: how a rule is matched. nft's syntax is `nft_write`.
//! Tested by: `tests/roundtrip.rs`, `tests/kernel.rs` (the real tools), `tests/shell.rs`
//! (what `sh` makes of it).

use crate::model::error::WriteError;
use crate::model::names;
use crate::model::rule::*;
use crate::model::ruleset::{Ruleset, Table};
use crate::model::text::{Text, restore_word, save_string, shell_quote};

/// The longest comment of `-m comment`; a longer one is cut by `iptables` without a word.
pub const COMMENT: usize = 255;

/// A piece of a rule, by how it is to be quoted.
pub(crate) enum Piece {
    /// Our own text: options, numbers, addresses.
    Bare(String),
    /// A name or a value from the rule.
    Word(Vec<u8>),
    /// A text that `iptables-save` prints as a string.
    String(Vec<u8>),
}

/// Who reads what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Restore,
    Shell,
}

/// Collects the pieces of a rule.
#[derive(Default)]
pub(crate) struct Pieces(pub(crate) Vec<Piece>);

impl Pieces {
    fn bare(&mut self, text: impl Into<String>) {
        self.0.push(Piece::Bare(text.into()));
    }

    fn word(&mut self, text: &Text) {
        self.0.push(Piece::Word(text.as_bytes().to_vec()));
    }

    fn option<T>(&mut self, test: &Test<T>, name: &str, value: impl Into<String>) {
        if test.not {
            self.bare("!");
        }
        self.bare(name);
        self.bare(value);
    }

    fn module(&mut self, name: &str) {
        self.bare("-m");
        self.bare(name);
    }

    fn render(self, reader: Reader) -> Result<Vec<u8>, WriteError> {
        let mut out = Vec::new();
        for piece in self.0 {
            if !out.is_empty() {
                out.push(b' ');
            }
            match piece {
                Piece::Bare(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Word(text) | Piece::String(text) if text.iter().any(|b| matches!(b, 0 | b'\n')) => {
                    return Err(WriteError::new(format!(
                        "`{}` has a line break or a zero byte in it, which iptables cannot take",
                        text.escape_ascii()
                    )));
                }
                Piece::Word(text) | Piece::String(text) if reader == Reader::Shell => {
                    out.extend_from_slice(shell_quote(&text).as_bytes());
                }
                Piece::Word(text) => restore_word(&mut out, &text),
                Piece::String(text) => save_string(&mut out, &text),
            }
        }
        Ok(out)
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
            out.append(&mut pieces(&rule, "-A", chain)?.render(Reader::Restore)?);
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
        let program = if family == Family::Ipv6 { "ip6tables" } else { "iptables" };
        let mut out = String::new();
        for rule in steps(self) {
            if !out.is_empty() {
                out.push('\n');
            }
            let bytes = pieces(&rule, "-A", chain)?.render(Reader::Shell)?;
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
        let shown = |rule: &Rule| {
            let mut pieces = Pieces::default();
            body(rule, &mut pieces);
            let mut out = Vec::new();
            for piece in pieces.0 {
                if !out.is_empty() {
                    out.push(b' ');
                }
                match piece {
                    Piece::Bare(text) => out.extend_from_slice(text.as_bytes()),
                    Piece::Word(text) => restore_word(&mut out, &text),
                    Piece::String(text) => save_string(&mut out, &text),
                }
            }
            crate::model::text::shown(&out).to_string()
        };
        match steps(self).as_slice() {
            [line, verdict] => {
                let mut text = shown(line);
                text.push_str(" + ");
                text.push_str(&crate::model::text::shown(verdict.target.word()).to_string());
                text
            }
            _ => shown(self),
        }
    }
}

impl Match {
    /// The match as it stands in a rule, for people.
    #[must_use]
    pub fn to_display(&self) -> String {
        Rule { matches: vec![self.clone()], ..Rule::default() }.to_display()
    }
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
        if self.family == Family::Other {
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

fn pieces(rule: &Rule, verb: &str, chain: &[u8]) -> Result<Pieces, WriteError> {
    if let Some(m) = rule.matches.iter().find(|m| {
        matches!(
            m,
            Match::Addresses { .. } | Match::Interfaces { .. } | Match::Protocols(_) | Match::Expression(_)
        )
    }) {
        let shown = m.to_display();
        return Err(WriteError::new(format!("iptables has no single rule for `{shown}`: write it for nft")));
    }
    let many =
        |list: &[Range<u16>]| list.iter().map(|r| if r.first == r.last { 1 } else { 2 }).sum::<usize>() > 15;
    if rule.matches.iter().any(|m| matches!(m, Match::Multiport { ports, .. } if many(&ports.value))) {
        return Err(WriteError::new(
            "multiport takes at most 15 ports, a range counts two: make two rules of it",
        ));
    }
    let beyond = |t: &Tcp| t.flags.is_some_and(|f| (f.value.mask.bits() | f.value.set.bits()) > 0x3f);
    if rule.matches.iter().any(|m| matches!(m, Match::Tcp(tcp) if beyond(tcp))) {
        return Err(WriteError::new("iptables knows no flags ECE, CWR and AE: write it for nft"));
    }
    let mut out = Pieces::default();
    out.bare(verb);
    out.0.push(Piece::Word(chain.to_vec()));
    body(rule, &mut out);
    Ok(out)
}

/// Everything behind the chain.
fn body(rule: &Rule, out: &mut Pieces) {
    if let Some(test) = &rule.source {
        out.option(test, "-s", net(&test.value));
    }
    if let Some(test) = &rule.destination {
        out.option(test, "-d", net(&test.value));
    }
    for (name, test) in [("-i", &rule.input), ("-o", &rule.output)] {
        if let Some(test) = test {
            interface(out, name, test);
        }
    }
    if let Some(test) = &rule.protocol {
        let name = match names::protocol_name(test.value) {
            Some(name) => name.to_owned(),
            None => test.value.0.to_string(),
        };
        out.option(test, "-p", name);
    }
    if let Some(is) = rule.fragment {
        if !is {
            out.bare("!");
        }
        out.bare("-f");
    }
    for m in &rule.matches {
        write_match(m, out);
    }
    if let Some(log) = &rule.log {
        write_log(log, out);
    }
    match &rule.target {
        Target::Continue => {}
        Target::Goto(chain) => {
            out.bare("-g");
            out.word(chain);
        }
        target => {
            out.bare("-j");
            out.0.push(Piece::Word(target.word().to_vec()));
            match target {
                Target::Reject(with) if !with.is_empty() => {
                    out.bare("--reject-with");
                    out.word(with);
                }
                Target::Other { words, .. } => words_of(out, words),
                _ => {}
            }
        }
    }
}

/// Words that were kept as they were: options and `!` stay bare.
fn words_of(out: &mut Pieces, words: &[Text]) {
    for word in words {
        match word.as_str() {
            Some("!") => out.bare("!"),
            _ => out.word(word),
        }
    }
}

fn interface(out: &mut Pieces, name: &str, test: &Test<Interface>) {
    if test.not {
        out.bare("!");
    }
    out.bare(name);
    out.word(&test.value.0);
}

pub(crate) fn net(net: &Net) -> String {
    match net.prefix_len() {
        Some(length) => format!("{}/{length}", net.addr()),
        None => format!("{}/{}", net.addr(), net.mask()),
    }
}

fn ports(range: &Range<u16>) -> String {
    if range.first == range.last {
        range.first.to_string()
    } else {
        format!("{}:{}", range.first, range.last)
    }
}

fn numbers(range: &Range<u32>, separator: char) -> String {
    if range.first == range.last {
        range.first.to_string()
    } else {
        format!("{}{separator}{}", range.first, range.last)
    }
}

pub(crate) fn address_range(range: &AddressRange) -> String {
    format!("{}-{}", range.first, range.last)
}

/// The flags in the order of `iptables-save`.
fn flags(flags: logparse::TcpFlags) -> String {
    use logparse::TcpFlags as F;
    let order = [
        (F::FIN, "FIN"),
        (F::SYN, "SYN"),
        (F::RST, "RST"),
        (F::PSH, "PSH"),
        (F::ACK, "ACK"),
        (F::URG, "URG"),
        (F::ECE, "ECE"),
        (F::CWR, "CWR"),
    ];
    let words: Vec<_> = order.iter().filter(|(f, _)| flags.contains(*f)).map(|(_, w)| *w).collect();
    if words.is_empty() { String::from("NONE") } else { words.join(",") }
}

fn write_match(m: &Match, out: &mut Pieces) {
    let range_test = |out: &mut Pieces, name: &str, test: &Option<Test<Range<u16>>>| {
        if let Some(test) = test {
            out.option(test, name, ports(&test.value));
        }
    };
    match m {
        Match::Tcp(tcp) => {
            out.module("tcp");
            range_test(out, "--sport", &tcp.sport);
            range_test(out, "--dport", &tcp.dport);
            if let Some(test) = &tcp.option {
                out.option(test, "--tcp-option", test.value.to_string());
            }
            if let Some(test) = &tcp.flags {
                out.option(test, "--tcp-flags", flags(test.value.mask));
                out.bare(flags(test.value.set));
            }
        }
        Match::Ports(p) => {
            out.module(names::protocol_name(p.protocol).unwrap_or("dccp"));
            range_test(out, "--sport", &p.sport);
            range_test(out, "--dport", &p.dport);
        }
        Match::Multiport { side, ports: test } => {
            out.module("multiport");
            let name = match side {
                PortSide::Source => "--sports",
                PortSide::Destination => "--dports",
                PortSide::Either => "--ports",
            };
            out.option(test, name, test.value.iter().map(ports).collect::<Vec<_>>().join(","));
        }
        Match::Icmp(test) | Match::Icmpv6(test) => {
            let v6 = matches!(m, Match::Icmpv6(_));
            out.module(if v6 { "icmp6" } else { "icmp" });
            let value = match (test.value.kind, test.value.code) {
                (None, _) => String::from("any"),
                (Some(kind), None) => kind.to_string(),
                (Some(kind), Some(code)) => format!("{kind}/{code}"),
            };
            out.option(test, if v6 { "--icmpv6-type" } else { "--icmp-type" }, value);
        }
        Match::IpRange { source, destination } => {
            out.module("iprange");
            for (name, test) in [("--src-range", source), ("--dst-range", destination)] {
                if let Some(test) = test {
                    out.option(test, name, address_range(&test.value));
                }
            }
        }
        Match::Mac(test) => {
            out.module("mac");
            out.option(test, "--mac-source", test.value.to_string());
        }
        Match::PacketType(test) => {
            out.module("pkttype");
            out.option(test, "--pkt-type", packet_type(test.value));
        }
        Match::AddressType(a) => {
            out.module("addrtype");
            for (name, test) in [("--src-type", &a.source), ("--dst-type", &a.destination)] {
                if let Some(test) = test {
                    let words =
                        AddressTypes::WORDS.iter().filter(|(bit, _)| !test.value.and(*bit).is_empty());
                    out.option(test, name, words.map(|(_, w)| *w).collect::<Vec<_>>().join(","));
                }
            }
            if a.limit_in {
                out.bare("--limit-iface-in");
            }
            if a.limit_out {
                out.bare("--limit-iface-out");
            }
        }
        Match::Ttl { hop_limit, compare, value } => {
            let module = if *hop_limit { "hl" } else { "ttl" };
            out.module(module);
            let (not, name) = match compare {
                Compare::Equal => (false, "eq"),
                Compare::NotEqual => (true, "eq"),
                Compare::Less => (false, "lt"),
                Compare::Greater => (false, "gt"),
            };
            out.option(&Test { not, value: () }, &format!("--{module}-{name}"), value.to_string());
        }
        Match::Length(test) => {
            out.module("length");
            out.option(test, "--length", numbers(&test.value, ':'));
        }
        Match::Tos(test) => {
            out.module("tos");
            out.option(test, "--tos", format!("0x{:02x}/0x{:02x}", test.value.value, test.value.mask));
        }
        Match::Dscp(test) => {
            out.module("dscp");
            out.option(test, "--dscp", format!("0x{:02x}", test.value));
        }
        Match::Mark(test) => {
            out.module("mark");
            let value = match test.value.mask {
                u32::MAX => format!("0x{:x}", test.value.value),
                mask => format!("0x{:x}/0x{mask:x}", test.value.value),
            };
            out.option(test, "--mark", value);
        }
        Match::Owner { uid, gid } => {
            out.module("owner");
            for (name, test) in [("--uid-owner", uid), ("--gid-owner", gid)] {
                if let Some(test) = test {
                    out.option(test, name, numbers(&test.value, '-'));
                }
            }
        }
        Match::Esp(test) => {
            out.module("esp");
            out.option(test, "--espspi", numbers(&test.value, ':'));
        }
        Match::Ah(test) => {
            out.module("ah");
            out.option(test, "--ahspi", numbers(&test.value, ':'));
        }
        Match::Set { name, sides, not } => {
            out.module("set");
            if *not {
                out.bare("!");
            }
            out.bare("--match-set");
            out.word(name);
            let word = |side: &Side| if *side == Side::Source { "src" } else { "dst" };
            out.bare(sides.iter().map(word).collect::<Vec<_>>().join(","));
        }
        Match::Physdev { input, output } => {
            out.module("physdev");
            for (name, test) in [("--physdev-in", input), ("--physdev-out", output)] {
                if let Some(test) = test {
                    interface(out, name, test);
                }
            }
        }
        Match::State { old, states } => {
            out.module(if *old { "state" } else { "conntrack" });
            out.option(states, if *old { "--state" } else { "--ctstate" }, states.value.to_string());
        }
        Match::Mss(test) => {
            out.module("tcpmss");
            out.option(test, "--mss", ports(&test.value));
        }
        Match::Comment(text) => {
            out.module("comment");
            out.bare("--comment");
            // A comment is for people: what cannot stand in a rule becomes a blank.
            let text: Vec<u8> = text
                .cut(COMMENT)
                .iter()
                .map(|&b| if matches!(b, 0 | b'\n' | b'\r') { b' ' } else { b })
                .collect();
            out.0.push(Piece::String(text));
        }
        Match::Other { module, words } => {
            out.bare("-m");
            out.word(module);
            words_of(out, words);
        }
        // Only for people: `pieces` refuses these.
        Match::Addresses { side, ranges } => {
            let name = if *side == Side::Source { "saddr" } else { "daddr" };
            out.bare(format!("{name}{} {{ ", if ranges.not { " !=" } else { "" }));
            let text =
                |r: &AddressRange| if r.first == r.last { r.first.to_string() } else { address_range(r) };
            out.bare(format!("{} }}", ranges.value.iter().map(text).collect::<Vec<_>>().join(", ")));
        }
        Match::Interfaces { input, names } => {
            out.bare(if *input { "iifname" } else { "oifname" });
            out.bare(if names.not { "!= {" } else { "{" });
            for name in &names.value {
                out.word(&name.0);
            }
            out.bare("}");
        }
        Match::Protocols(test) => {
            let text: Vec<_> = test.value.iter().map(|p| p.0.to_string()).collect();
            out.bare(format!("l4proto{} {{ {} }}", if test.not { " !=" } else { "" }, text.join(", ")));
        }
        Match::Version { v6 } => out.bare(if *v6 { "-6" } else { "-4" }),
        Match::Expression(text) => {
            out.bare("nft:");
            match crate::nft::expression::shown(text.as_bytes()) {
                Some(shown) => out.bare(shown),
                None => out.0.push(Piece::Word(text.as_bytes().to_vec())),
            }
        }
    }
}

pub(crate) fn packet_type(kind: PacketType) -> &'static str {
    match kind {
        PacketType::Unicast => "unicast",
        PacketType::Broadcast => "broadcast",
        PacketType::Multicast => "multicast",
    }
}

fn write_log(log: &Log, out: &mut Pieces) {
    out.bare("-j");
    if let Some(words) = &log.nflog {
        out.bare("NFLOG");
        if !log.prefix.is_empty() {
            out.bare("--nflog-prefix");
            out.0.push(Piece::String(log.prefix.cut(Log::NFLOG_PREFIX).to_vec()));
        }
        words_of(out, words);
        return;
    }
    out.bare("LOG");
    if !log.prefix.is_empty() {
        out.bare("--log-prefix");
        out.0.push(Piece::String(log.prefix.cut(Log::IPTABLES_PREFIX).to_vec()));
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
