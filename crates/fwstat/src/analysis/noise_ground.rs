//! What is known before the log is read: whom the admin trusts, which prefixes are to be kept,
//! and what the ruleset says: who is let in, which services listen, where the chain hangs.
//!
//! Responsible for: facts about networks and rulesets, and asking the replay about one packet.
//! Must not know: what noise is.
//! Tested by: the unit tests below, `tests/cli/suggest.rs`.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fwrules::{
    Base, Chain, Compiled, Evidence, Family, Fate, Hook, Interface, Match, Net, Place, Range, Reach,
    Replayed, Replayer, Rule, RuleId, Ruleset, StateSet, Table, Target, Test, Text, Verdict,
};
use logparse::{Network, Packet, Protocol};

/// What the admin said about the networks, and what the rules say.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Networks and hosts that are trusted: never silenced, except for their broadcasts.
    pub trusted: Vec<Net>,
    /// Parts of prefixes whose lines are never silenced.
    pub keep: Vec<Vec<u8>>,
    /// Ports at which this host lets somebody in: protocol and ports, by family (IPv6: true).
    pub listening: BTreeSet<(bool, u8, u16, u16)>,
    /// Protocols that are let in whole.
    pub open: BTreeSet<(bool, u8)>,
}

/// Where an address belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One's own network, a trusted host, or an address that no router on the internet takes.
    Own,
    /// Anywhere else.
    Outside,
}

/// Prefixes that say that a packet was let in.
const LET_IN: [&[u8]; 5] = [b"accept", b"allow", b"permit", b"audit", b"pass"];

impl Ground {
    /// Where an address belongs.
    #[must_use]
    pub fn scope(&self, addr: IpAddr) -> Scope {
        if is_local(addr) || self.is_trusted(addr) { Scope::Own } else { Scope::Outside }
    }

    /// Whether somebody said that it is trusted.
    #[must_use]
    pub fn is_trusted(&self, addr: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(addr))
    }

    /// Why lines with this prefix are never silenced, if they are not.
    #[must_use]
    pub fn kept(&self, prefix: &[u8]) -> Option<Kept> {
        let holds = |part: &[u8]| {
            !part.is_empty() && prefix.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
        };
        if self.keep.iter().any(|part| pattern(part, prefix)) || holds(b"foreign") {
            Some(Kept::NearHit)
        } else if LET_IN.iter().any(|part| holds(part)) {
            Some(Kept::LetIn)
        } else {
            None
        }
    }

    /// Whether this host lets somebody in at a port.
    #[must_use]
    pub fn listens(&self, v6: bool, protocol: u8, port: u16) -> bool {
        self.open.contains(&(v6, protocol))
            || self
                .listening
                .iter()
                .any(|(f, p, first, last)| (*f, *p) == (v6, protocol) && (*first..=*last).contains(&port))
    }

    /// Takes over what a ruleset says about who is let in. `chain` is left out: what stands
    /// there is about noise.
    pub fn learn(&mut self, rules: &Ruleset, chain: &[u8], v6: bool) {
        for table in rules.tables.iter().filter(|table| table.name != "nat") {
            for index in reached(table, Hook::Input) {
                let place = &table.chains[index];
                if place.name.as_bytes() == chain {
                    continue;
                }
                for rule in &place.rules {
                    if !lets_in(table, rule, 0) || is_loopback(rule) {
                        continue;
                    }
                    self.learn_rule(rule, v6);
                }
            }
        }
        self.trusted = collapsed(std::mem::take(&mut self.trusted));
    }

    fn learn_rule(&mut self, rule: &Rule, v6: bool) {
        let ports = ports_of(rule);
        let protocol = rule.protocol.filter(|test| !test.not).map(|test| test.value.0);
        match (protocol, ports.is_empty()) {
            (Some(protocol), false) => {
                self.listening.extend(ports.iter().map(|range| (v6, protocol, range.first, range.last)));
            }
            // `-p icmp -j FRIENDLY`; but ESTABLISHED with `-p tcp` opens nothing.
            (Some(protocol), true) if !has_state(rule) && rule.source.is_none() => {
                self.open.insert((v6, protocol));
            }
            (_, true) if rule.target == Target::Accept => {
                if let Some(Test { not: false, value }) = rule.source
                    && !value.is_any()
                    && value.prefix_len().is_some()
                {
                    self.trusted.push(value);
                }
            }
            _ => {}
        }
    }
}

/// Why lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// Knocks at a service that is there, from people who may not.
    NearHit,
    /// The prefix says that the packet was let in.
    LetIn,
}

/// `--keep` as `--prefix` is read: part of the prefix, or with `*` and `?` all of it.
fn pattern(pattern: &[u8], prefix: &[u8]) -> bool {
    fn glob(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
            (Some((b'?', rest)), Some((_, text))) => glob(rest, text),
            (Some((a, rest)), Some((b, text))) if a == b => glob(rest, text),
            _ => false,
        }
    }
    if pattern.contains(&b'*') || pattern.contains(&b'?') {
        return glob(pattern, prefix);
    }
    !pattern.is_empty() && memchr::memmem::find(prefix, pattern).is_some()
}

/// Whether an address cannot come from the internet: private, shared, link-local, loopback.
#[must_use]
pub fn is_local(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            a.is_private()
                || a.is_link_local()
                || a.is_loopback()
                || first == 0
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(a) => {
            let head = a.segments()[0];
            a.is_unspecified() || a.is_loopback() || head & 0xffc0 == 0xfe80 || head & 0xfe00 == 0xfc00
        }
    }
}

/// Networks without those that lie in another of them, in order.
#[must_use]
pub fn collapsed(mut nets: Vec<Net>) -> Vec<Net> {
    nets.sort_by_key(|net| (net.addr(), net.prefix_len()));
    nets.dedup();
    let inside = |net: &Net, other: &Net| {
        other != net
            && other.contains(net.addr())
            && other.prefix_len().unwrap_or(0) <= net.prefix_len().unwrap_or(0)
    };
    let all = nets.clone();
    nets.retain(|net| !all.iter().any(|other| inside(net, other)));
    nets
}

fn ports_of(rule: &Rule) -> Vec<Range<u16>> {
    let mut ports = Vec::new();
    let mut take = |test: &Option<Test<Range<u16>>>| {
        if let Some(Test { not: false, value }) = test {
            ports.push(*value);
        }
    };
    for test in &rule.matches {
        match test {
            Match::Tcp(tcp) => take(&tcp.dport),
            Match::Ports(ports) => take(&ports.dport),
            _ => {}
        }
    }
    for test in &rule.matches {
        if let Match::Multiport { side, ports: Test { not: false, value } } = test
            && *side != fwrules::PortSide::Source
        {
            ports.extend(value.iter().copied());
        }
    }
    ports
}

fn has_state(rule: &Rule) -> bool {
    rule.matches.iter().any(|test| matches!(test, Match::State { .. }))
}

fn is_loopback(rule: &Rule) -> bool {
    matches!(&rule.input, Some(Test { not: false, value }) if value.0 == "lo")
}

/// Whether a rule lets a packet in, itself or by the chain that it jumps to.
fn lets_in(table: &Table, rule: &Rule, depth: usize) -> bool {
    match &rule.target {
        Target::Accept => true,
        Target::Jump(name) | Target::Goto(name) if depth < 16 => match table.chain(name.as_bytes()) {
            Some(chain) => table.chains[chain].rules.iter().any(|rule| lets_in(table, rule, depth + 1)),
            None => false,
        },
        _ => false,
    }
}

/// The chains that packets come to from a hook.
fn reached(table: &Table, hook: Hook) -> BTreeSet<usize> {
    let start = |chain: &Chain| chain.base.is_some_and(|base| base.hook == Some(hook));
    let mut seen: BTreeSet<usize> = (0..table.chains.len()).filter(|i| start(&table.chains[*i])).collect();
    let mut open: Vec<usize> = seen.iter().copied().collect();
    while let Some(chain) = open.pop() {
        for rule in &table.chains[chain].rules {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target
                && let Some(next) = table.chain(name.as_bytes())
                && seen.insert(next)
            {
                open.push(next);
            }
        }
    }
    seen
}

/// A ruleset with a place for new rules: the chain, hung into INPUT.
#[derive(Clone, Debug)]
pub struct Site {
    /// The ruleset; the chain is there.
    pub rules: Ruleset,
    /// It stands for none: nothing is known of the real one.
    pub assumed: bool,
    /// The chain's table and place.
    pub table: usize,
    /// The chain's index in the table.
    pub chain: usize,
    /// Rules that were in the chain before.
    pub before: usize,
    /// The chain had to be made.
    pub made: bool,
    /// Where in INPUT the jump had to be put (from 1), if it was missing.
    pub hung: Option<usize>,
    /// Answers to connections of this host are let in before the chain is asked.
    pub answers_pass: bool,
    /// Other hooks from which packets come to the chain.
    pub elsewhere: Vec<Hook>,
}

impl Site {
    /// Makes a ruleset ready.
    ///
    /// # Errors
    /// There is no chain INPUT to hang the chain into: a sentence.
    pub fn new(mut rules: Ruleset, chain: &[u8]) -> Result<Site, String> {
        let filters = |table: &Table| {
            table.family != Family::Other
                && table.chains.iter().any(|c| c.base.is_some_and(|b| b.hook == Some(Hook::Input) && !b.nat))
        };
        let named = rules.tables.iter().position(|table| filters(table) && table.name == "filter");
        let Some(t) = named.or_else(|| rules.tables.iter().position(filters)) else {
            return Err("the ruleset has no chain INPUT in a table filter".to_owned());
        };
        let table = &mut rules.tables[t];
        let made = table.chain(chain).is_none();
        if made {
            let name = text_of(chain);
            table.chains.push(Chain { name, base: None, counters: None, rules: Vec::new() });
        }
        let c = table.chain(chain).unwrap_or_default();
        let mut hung = None;
        if !reached(table, Hook::Input).contains(&c) {
            let input = table
                .chains
                .iter()
                .position(|c| c.base.is_some_and(|base| base.hook == Some(Hook::Input)))
                .unwrap_or_default();
            let own = &mut table.chains[input].rules;
            // Behind what lets known connections in, in front of everything that logs.
            let first_log = own.iter().position(|rule| rule.log.is_some()).unwrap_or(own.len());
            let at = own[..first_log].iter().position(lets_answers_in).map_or(0, |at| at + 1);
            own.insert(at, Rule { target: Target::Jump(text_of(chain)), added: true, ..Rule::default() });
            hung = Some(at + 1);
        }
        let table = &rules.tables[t];
        let elsewhere = [Hook::Forward, Hook::Output]
            .into_iter()
            .filter(|hook| reached(table, *hook).contains(&c))
            .collect();
        let answers_pass = answers_pass(table, c);
        let before = table.chains[c].rules.len();
        Ok(Site { rules, assumed: false, table: t, chain: c, before, made, hung, answers_pass, elsewhere })
    }

    /// What is assumed where no ruleset is given: INPUT asks the chain first.
    #[must_use]
    pub fn assumed(chain: &[u8], v6: bool) -> Site {
        let base = |hook: Hook| Base { hook: Some(hook), priority: 0, policy: Verdict::Drop, nat: false };
        let builtin = |hook: Hook, rules: Vec<Rule>| Chain {
            name: Text::from(hook.chain()),
            base: Some(base(hook)),
            counters: None,
            rules,
        };
        let jump = Rule { target: Target::Jump(text_of(chain)), added: true, ..Rule::default() };
        let table = Table {
            family: if v6 { Family::Ipv6 } else { Family::Ipv4 },
            name: Text::from("filter"),
            chains: vec![
                builtin(Hook::Input, vec![jump]),
                builtin(Hook::Forward, Vec::new()),
                builtin(Hook::Output, Vec::new()),
                Chain { name: text_of(chain), base: None, counters: None, rules: Vec::new() },
            ],
        };
        Site {
            rules: Ruleset { tables: vec![table], ..Ruleset::default() },
            assumed: true,
            table: 0,
            chain: 3,
            before: 0,
            made: false,
            hung: None,
            answers_pass: true,
            elsewhere: Vec::new(),
        }
    }

    /// The rules that stand in the chain.
    #[must_use]
    pub fn chain_rules(&self) -> &[Rule] {
        &self.rules.tables[self.table].chains[self.chain].rules
    }

    /// The site with these rules behind those of the chain.
    #[must_use]
    pub fn with<'a>(&self, rules: impl Iterator<Item = &'a Rule>) -> Site {
        let mut site = self.clone();
        let own = &mut site.rules.tables[self.table].chains[self.chain].rules;
        own.extend(rules.map(|rule| Rule { added: true, ..rule.clone() }));
        site
    }

    /// The number of a new rule, if `id` is one.
    fn new_rule(&self, id: RuleId) -> Option<usize> {
        ((id.table as usize, id.chain as usize) == (self.table, self.chain))
            .then(|| (id.rule as usize).checked_sub(self.before))
            .flatten()
    }
}

fn text_of(name: &[u8]) -> Text {
    Text::from(String::from_utf8_lossy(name).as_ref())
}

fn lets_answers_in(rule: &Rule) -> bool {
    rule.target == Target::Accept
        && rule.matches.iter().any(|test| {
            matches!(test, Match::State { states: Test { not: false, value }, .. }
                if value.contains(StateSet::ESTABLISHED))
        })
}

/// Whether everything that comes to a chain passed a rule that lets known connections in.
fn answers_pass(table: &Table, chain: usize) -> bool {
    fn passes(table: &Table, from: usize, wanted: usize, depth: usize) -> Option<bool> {
        for rule in &table.chains[from].rules {
            if lets_answers_in(rule) {
                return Some(true);
            }
            if let Target::Jump(name) | Target::Goto(name) = &rule.target
                && let Some(next) = table.chain(name.as_bytes())
            {
                if next == wanted {
                    return Some(false);
                }
                if depth < 16
                    && let Some(answer) = passes(table, next, wanted, depth + 1)
                {
                    return Some(answer);
                }
            }
        }
        None
    }
    let input = table.chains.iter().position(|c| c.base.is_some_and(|base| base.hook == Some(Hook::Input)));
    input.and_then(|input| passes(table, input, chain, 0)).unwrap_or(false)
}

/// What a replay says about a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A new rule takes it: its number.
    New(usize),
    /// A rule that was there takes it.
    Old(RuleId),
    /// A new rule may take it, or not: the line does not tell enough.
    Maybe(usize),
    /// It would be written as before.
    Remains,
    /// The line does not tell enough.
    Unknown,
}

/// Both families' rulesets, ready for replay.
#[derive(Debug)]
pub struct Judge<'s> {
    sites: [&'s Site; 2],
    compiled: [Compiled<'s>; 2],
    /// For lines that the ruleset does not write: as if the chain were asked first.
    plain: [(&'s Site, Compiled<'s>); 2],
}

impl<'s> Judge<'s> {
    /// Makes them ready; `[IPv4, IPv6]`.
    #[must_use]
    pub fn new(sites: [&'s Site; 2], plain: [&'s Site; 2]) -> Judge<'s> {
        let compile = |site: &'s Site| {
            let evidence = if site.assumed { Evidence::Nothing } else { Evidence::Usual };
            Compiled::new(&site.rules, evidence, &[])
        };
        Judge { sites, compiled: sites.map(compile), plain: plain.map(|site| (site, compile(site))) }
    }

    /// One thread's part.
    #[must_use]
    pub fn asker(&self) -> Asker<'_> {
        Asker {
            judge: self,
            own: [Memory::new(&self.compiled[0]), Memory::new(&self.compiled[1])],
            plain: [Memory::new(&self.plain[0].1), Memory::new(&self.plain[1].1)],
        }
    }
}

/// Answers of one ruleset, remembered.
#[derive(Debug)]
struct Memory<'j> {
    replayer: Replayer<'j>,
    known: Vec<Option<Reading>>,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    Answer(Answer),
    /// The ruleset does not write such lines.
    Foreign,
}

impl<'j> Memory<'j> {
    fn new(compiled: &'j Compiled<'j>) -> Memory<'j> {
        Memory { replayer: compiled.replayer(), known: Vec::new() }
    }

    fn ask(&mut self, site: &Site, packet: &Packet<'_>, time: Option<i64>, cut: bool) -> Reading {
        let id = self.replayer.replay(packet, time, cut);
        let index = id.0 as usize;
        if self.known.len() <= index {
            self.known.resize(index + 1, None);
        }
        match self.known[index] {
            Some(reading) => reading,
            None => {
                let reading = read(site, self.replayer.answer(id));
                self.known[index] = Some(reading);
                reading
            }
        }
    }
}

fn read(site: &Site, replayed: &Replayed) -> Reading {
    let outcome = &replayed.outcome;
    let by = |place: &Place| match place {
        Place::Rule(id) => site.new_rule(*id).map_or(Answer::Old(*id), Answer::New),
        Place::Policy(..) => Answer::Remains,
    };
    // Where several rules may end the way and each of them does so without a line (a rule for
    // INVALID stands in front), the last one is the one that surely would.
    let last = || match outcome.ends.last().map(|end| by(&end.by)) {
        Some(Answer::Remains) | None => Answer::Unknown,
        Some(answer) => answer,
    };
    let maybe = || {
        let new = |place: &Place| match by(place) {
            Answer::New(rule) => Some(Answer::Maybe(rule)),
            _ => None,
        };
        outcome.ends.iter().find_map(|end| new(&end.by)).unwrap_or(Answer::Unknown)
    };
    match replayed.fate {
        Fate::Remains(_) => Reading::Answer(Answer::Remains),
        // The line is written, but by another LOG rule.
        Fate::Removed(_) if outcome.logged.iter().any(|(_, reach)| *reach == Reach::Certain) => {
            Reading::Answer(Answer::Remains)
        }
        Fate::Removed(Some(place)) => Reading::Answer(by(&place)),
        Fate::Removed(None) => Reading::Answer(last()),
        Fate::Unwritten | Fate::OtherFamily if site.assumed => Reading::Answer(match &outcome.ends[..] {
            [end] if end.reach == Reach::Certain => by(&end.by),
            _ => maybe(),
        }),
        Fate::Unwritten | Fate::OtherFamily => Reading::Foreign,
        _ => Reading::Answer(maybe()),
    }
}

/// One thread's memory of answers.
#[derive(Debug)]
pub struct Asker<'j> {
    judge: &'j Judge<'j>,
    own: [Memory<'j>; 2],
    plain: [Memory<'j>; 2],
}

impl Asker<'_> {
    /// What becomes of a packet's line.
    pub fn ask(&mut self, packet: &Packet<'_>, time: Option<i64>, cut: bool) -> Answer {
        let f = usize::from(matches!(packet.datagram.network, Network::Ipv6(_)));
        match self.own[f].ask(self.judge.sites[f], packet, time, cut) {
            Reading::Answer(answer) => answer,
            Reading::Foreign => match self.plain[f].ask(self.judge.plain[f].0, packet, time, cut) {
                Reading::Answer(answer) => answer,
                Reading::Foreign => Answer::Remains,
            },
        }
    }
}

/// The network of `length` bits around an address.
#[must_use]
pub fn around(addr: IpAddr, v4: u8, v6: u8) -> Net {
    Net::new(addr, if addr.is_ipv4() { v4 } else { v6 })
}

/// An address as a number that orders like it; IPv4 as `::ffff:a.b.c.d`.
#[must_use]
pub fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(a) => a.to_ipv6_mapped().to_bits(),
        IpAddr::V6(a) => a.to_bits(),
    }
}

/// The address with this number.
#[must_use]
pub fn address(number: u128) -> IpAddr {
    let addr = Ipv6Addr::from_bits(number);
    addr.to_ipv4_mapped().map_or(IpAddr::V6(addr), |a: Ipv4Addr| IpAddr::V4(a))
}

/// A rule's name for a protocol: lower case, as iptables has it.
#[must_use]
pub fn protocol_word(protocol: u8) -> String {
    Protocol(protocol).to_string().to_lowercase()
}

/// An interface as a rule has it.
#[must_use]
pub fn interface(name: &[u8]) -> Interface {
    Interface(text_of(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[u8] = b"*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
:FRIENDLY - [0:0]
:STDIN - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -j STDIN
-A INPUT -p tcp -m tcp -j LOG --log-prefix \"tcp.in.dropped \"
-A FRIENDLY -s 10.137.0.0/24 -j ACCEPT
-A FRIENDLY -s 10.137.0.14/32 -j ACCEPT
-A FRIENDLY -j DROP
-A STDIN -p tcp -m tcp --dport 22 -j FRIENDLY
-A STDIN -p tcp -m multiport --dports 80,8000:8010 -j ACCEPT
-A STDIN -p icmp -j FRIENDLY
COMMIT
";

    #[test]
    fn rules_tell_who_is_let_in() {
        let rules = Ruleset::parse_save(RULES).unwrap();
        let mut ground = Ground::default();
        ground.learn(&rules, b"MALICIOUS", false);
        assert_eq!(ground.trusted, [Net::parse("10.137.0.0/24").unwrap()]);
        assert!(
            ground.listens(false, 6, 22) && ground.listens(false, 6, 8005) && !ground.listens(false, 17, 22)
        );
        assert!(ground.listens(false, 1, 8) && !ground.listens(true, 6, 22));
    }

    #[test]
    fn the_chain_is_hung_behind_known_connections() {
        let site = Site::new(Ruleset::parse_save(RULES).unwrap(), b"MALICIOUS").unwrap();
        assert!(site.made && site.answers_pass);
        assert_eq!(site.hung, Some(2));
        assert!(Site::new(Ruleset::default(), b"MALICIOUS").is_err());
    }

    #[test]
    fn keep_is_read_as_prefix_is() {
        let ground = Ground { keep: vec![b"ssh".to_vec(), b"a*z".to_vec()], ..Ground::default() };
        assert_eq!(ground.kept(b"my ssh knocks"), Some(Kept::NearHit));
        assert_eq!(ground.kept(b"a to z"), Some(Kept::NearHit));
        assert_eq!(ground.kept(b"a to z."), None);
        assert_eq!(ground.kept(b"tcp.in.foreign"), Some(Kept::NearHit));
        assert_eq!(ground.kept(b"[UFW ALLOW] "), Some(Kept::LetIn));
        assert_eq!(ground.kept(b"tcp.in.dropped"), None);
    }

    #[test]
    fn addresses_keep_their_order_as_numbers() {
        for text in ["10.0.0.1", "2001:db8::1", "::1"] {
            let addr: IpAddr = text.parse().unwrap();
            assert_eq!(address(number(addr)), addr);
        }
    }
}
