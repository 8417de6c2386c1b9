//! Where new rules go, and what a replay with them says about a line.
//!
//! Responsible for: the chain's place in a ruleset, and asking the replay.
//! Must not know: what noise is.
//! Tested by: the unit tests below, `tests/cli/suggest.rs`, against a real kernel.

use std::collections::BTreeSet;

use fwrules::{
    Base, Chain, Compiled, Condition, Evidence, Family, Fate, Hook, Interface, Log, OnInterface, Part, Place,
    Reach, Replayed, Replayer, Rule, RuleId, Ruleset, Set, Sets, State, StateSet, Table, Target, Test, Text,
    Verdict,
};
use logparse::{Completeness, Network, Packet};

use super::classes::Tests;
use super::own_table::{self, Own};
use super::reach::{filtered, logging, reached};
use fwlog::record::Record;
use fwlog::sorting::InOrder as _;
use fwlog::time::clock::NANOS;

/// Rules of a path looked at, at most.
const LONGEST_PATH: usize = 1 << 16;

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
    /// In which chain and where (from 1) the jump had to be put, if it was missing.
    pub hung: Option<(Text, usize)>,
    /// The jump leaves `lo` out: not all of it is accepted before.
    pub spares_lo: bool,
    /// Answers to connections of this host are let in before the chain is asked.
    pub answers_pass: bool,
    /// Other hooks from which packets come to the chain.
    pub elsewhere: Vec<Hook>,
    /// A jump had to be put into [`FORWARDED`] as well.
    pub forwarded: bool,
}

/// Docker's chain for rules of the host's owner, which all that is forwarded passes first.
pub const FORWARDED: &str = "DOCKER-USER";

impl Site {
    /// Makes a ruleset ready.
    ///
    /// # Errors
    /// There is no chain INPUT to hang the chain into: a sentence.
    pub fn new(mut rules: Ruleset, chain: &[u8], v6: bool) -> Result<Site, String> {
        if rules.nft && [false, true].iter().any(|v6| filtered(&rules, *v6, &[Hook::Input, Hook::Forward])) {
            return Ok(Site::beside(rules, chain, v6));
        }
        let filters = |table: &Table| {
            table.family.is_ip()
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
        let (mut hung, mut spares_lo) = (None, false);
        if !reached(table, Hook::Input).contains(&c) {
            (hung, spares_lo) = hang(table, chain, &|_| true);
        }
        let table = &rules.tables[t];
        let elsewhere = [Hook::Forward, Hook::Output]
            .into_iter()
            .filter(|hook| reached(table, *hook).contains(&c))
            .collect();
        let answers_pass = answers_pass(table, c);
        let before = table.chains[c].rules.len();
        Ok(Site {
            rules,
            assumed: false,
            table: t,
            chain: c,
            before,
            made,
            hung,
            spares_lo,
            answers_pass,
            elsewhere,
            forwarded: false,
        })
    }

    /// The same with the jump after `lo` and known connections, where it is before them for the sake of
    /// rules whose lines are not in the log, of which these are the prefixes. `None`: the jump stays where
    /// it is, also if this ruleset did not write all of them.
    #[must_use]
    pub fn settled(&self, prefixes: &BTreeSet<&[u8]>) -> Option<Site> {
        let (from, at) = self.hung.as_ref().filter(|_| self.spares_lo || !self.answers_pass)?;
        let logs = self.rules.rules().filter_map(|(_, rule)| rule.log.as_ref());
        let known: BTreeSet<&[u8]> = logs.map(|log| log.written(false).trim_ascii_end()).collect();
        if prefixes.is_empty() || !prefixes.is_subset(&known) {
            return None;
        }
        let mut site = self.clone();
        let table = &mut site.rules.tables[site.table];
        let from = table.chain(from.as_bytes())?;
        table.chains[from].rules.remove(at - 1);
        let chain = table.chains[site.chain].name.clone();
        let counts = |log: &Log| prefixes.contains(log.written(false).trim_ascii_end());
        (site.hung, site.spares_lo) = hang(table, chain.as_bytes(), &counts);
        site.answers_pass = answers_pass(&site.rules.tables[site.table], site.chain);
        (site.hung != self.hung && site.answers_pass && !site.spares_lo).then_some(site)
    }

    /// The same, asked by new connections that are forwarded as well: by Docker's chain for them, or by
    /// a base chain of nft's. `None`: there is no such chain, or its packets come here already.
    #[must_use]
    pub fn forwarding(&self) -> Option<Site> {
        let table = &self.rules.tables[self.table];
        if self.rules.nft {
            let v6 = table.family == Family::Ipv6;
            let forwards = filtered(&self.rules, v6, &[Hook::Forward]);
            if !forwards || self.elsewhere.contains(&Hook::Forward) {
                return None;
            }
            let mut site = Site { forwarded: true, elsewhere: vec![Hook::Forward], ..self.clone() };
            own_table::hang(&mut site.rules, site.table, site.chain, Hook::Forward);
            return Some(site);
        }
        let user = table.chain(FORWARDED.as_bytes())?;
        let is_asked = reached(table, Hook::Forward).contains(&user);
        if !is_asked || self.elsewhere.contains(&Hook::Forward) {
            return None;
        }
        let mut site = Site { forwarded: true, ..self.clone() };
        let table = &mut site.rules.tables[self.table];
        let target = Target::Jump(table.chains[self.chain].name.clone());
        let mut jump = Rule { target, added: true, ..Rule::default() };
        let known = StateSet::RELATED | StateSet::ESTABLISHED;
        jump.set(State { old: false, states: Test { not: true, value: known } });
        table.chains[user].rules.insert(0, jump);
        site.elsewhere.push(Hook::Forward);
        site.elsewhere.order();
        Some(site)
    }

    /// A ruleset of nft: the rules go into a table beside its own ones, whose base chains let `lo` and
    /// known connections pass.
    fn beside(mut rules: Ruleset, chain: &[u8], v6: bool) -> Site {
        let Own { table, chain, made } = own_table::put(&mut rules, &String::from_utf8_lossy(chain), v6);
        let own = &rules.tables[table];
        let elsewhere =
            if reached(own, Hook::Forward).contains(&chain) { vec![Hook::Forward] } else { vec![] };
        let before = own.chains[chain].rules.len();
        Site {
            rules,
            assumed: false,
            table,
            chain,
            before,
            made,
            hung: None,
            spares_lo: false,
            answers_pass: true,
            elsewhere,
            forwarded: false,
        }
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
            ..Table::default()
        };
        Site {
            rules: Ruleset { tables: vec![table], ..Ruleset::default() },
            assumed: true,
            table: 0,
            chain: 3,
            before: 0,
            made: false,
            hung: None,
            spares_lo: false,
            answers_pass: true,
            elsewhere: Vec::new(),
            forwarded: false,
        }
    }

    /// The rules that stand in the chain.
    #[must_use]
    pub fn chain_rules(&self) -> &[Rule] {
        &self.rules.tables[self.table].chains[self.chain].rules
    }

    /// The site with these rules after those of the chain, and the sets that they name.
    #[must_use]
    pub fn with(&self, rules: &[Rule], sets: &Sets) -> Site {
        let mut site = self.clone();
        site.rules.sets.sets.extend(sets.sets.iter().cloned());
        let own = &mut site.rules.tables[self.table].chains[self.chain].rules;
        own.extend(rules.iter().map(|rule| Rule { added: true, ..rule.clone() }));
        site
    }

    /// The number of a new rule, if `id` is one.
    fn new_rule(&self, id: RuleId) -> Option<usize> {
        ((id.table as usize, id.chain as usize) == (self.table, self.chain))
            .then(|| (id.rule as usize).checked_sub(self.before))
            .flatten()
    }
}

/// A ruleset as packets of one family meet it: of its sets, which can be large, only what they can be in.
pub(super) fn of_family(rules: &Ruleset, v6: bool) -> Ruleset {
    let other = |part: &Part| match part {
        Part::Net(net) => net.addr().is_ipv6() != v6,
        Part::Addresses(range) => range.first.is_ipv6() != v6,
        _ => false,
    };
    let set = |set: &Set| Set {
        name: set.name.clone(),
        kind: set.kind.clone(),
        options: set.options.clone(),
        parts: set.parts.clone(),
        entries: set.entries.iter().filter(|entry| !entry.parts.iter().any(other)).cloned().collect(),
    };
    Ruleset {
        tables: rules.tables.clone(),
        sets: Sets { sets: rules.sets.sets.iter().map(set).collect() },
        nft: rules.nft,
        notes: Vec::new(),
        changes: rules.changes,
        made_by: rules.made_by.clone(),
    }
}

pub(super) fn text_of(name: &[u8]) -> Text {
    Text::from(String::from_utf8_lossy(name).as_ref())
}

fn lets_answers_in(rule: &Rule) -> bool {
    rule.target == Target::Accept
        && rule.conditions.iter().any(|condition| {
            matches!(condition, Condition::State(state)
                if !state.states.not && state.states.value.contains(StateSet::ESTABLISHED))
        })
}

fn lets_lo_in(rule: &Rule) -> bool {
    rule.target == Target::Accept
        && rule.conditions.iter().any(|condition| {
            matches!(condition, Condition::Interface(on)
                if on.input && !on.name.not && on.name.value.0 == "lo")
        })
}

/// Whether a rule that INPUT comes to is meant to let loopback in.
fn accepts_lo_somewhere(table: &Table) -> bool {
    let loopback = |condition: &Condition| {
        matches!(condition, Condition::Address(address)
            if !address.net.not && address.net.value.addr().is_loopback())
    };
    let meant = |rule: &Rule| {
        lets_lo_in(rule) || rule.target == Target::Accept && rule.conditions.iter().any(loopback)
    };
    reached(table, Hook::Input).into_iter().any(|chain| table.chains[chain].rules.iter().any(meant))
}

/// Puts the jump to a chain in its place: in which chain it is then and where, and whether it leaves `lo` out.
fn hang(table: &mut Table, chain: &[u8], counts: &dyn Fn(&Log) -> bool) -> (Option<(Text, usize)>, bool) {
    let ((from, at), lo) = place(table, counts);
    let mut jump = Rule { target: Target::Jump(text_of(chain)), added: true, ..Rule::default() };
    let spares_lo = !lo && accepts_lo_somewhere(table);
    if spares_lo {
        let name = Test { not: true, value: Interface(Text::from("lo")) };
        jump.set(OnInterface { input: true, name });
    }
    table.chains[from].rules.insert(at, jump);
    (Some((table.chains[from].name.clone(), at + 1)), spares_lo)
}

/// Where a jump belongs: after the rules that accept `lo` and known connections, also where those
/// are in a chain that every packet passes, and before everything that logs, chains that only some
/// packets are sent to included; and whether all of `lo` was accepted before.
fn place(table: &Table, counts: &dyn Fn(&Log) -> bool) -> ((usize, usize), bool) {
    let input = table.chains.iter().position(|c| c.base.is_some_and(|base| base.hook == Some(Hook::Input)));
    let input = input.unwrap_or_default();
    let mut path = Vec::new();
    passed(table, input, 0, &mut path);
    let rule = |place: &(usize, usize)| &table.chains[place.0].rules[place.1];
    let logging = logging(table, counts);
    let logs = |place: &(usize, usize)| {
        let rule = rule(place);
        let sent = match &rule.target {
            Target::Jump(name) | Target::Goto(name) if !rule.is_unconditional() => {
                table.chain(name.as_bytes())
            }
            _ => None,
        };
        rule.log.as_ref().is_some_and(counts) || sent.is_some_and(|chain| logging[chain])
    };
    let logs = path.iter().position(logs).unwrap_or(path.len());
    let before = &path[..logs];
    let last = [lets_answers_in, lets_lo_in]
        .iter()
        .filter_map(|is| before.iter().position(|place| is(rule(place))))
        .max();
    let place = last.map_or((input, 0), |at| (before[at].0, before[at].1 + 1));
    let all_of_lo = |rule: &Rule| lets_lo_in(rule) && rule.tests().count() == 1;
    (place, before.iter().any(|place| all_of_lo(rule(place))))
}

/// The rules that every packet comes to from a chain, but for those that an earlier one takes, in
/// order; whether a packet may come to the end of the chain.
fn passed(table: &Table, chain: usize, depth: usize, path: &mut Vec<(usize, usize)>) -> bool {
    for (at, rule) in table.chains[chain].rules.iter().enumerate() {
        if path.len() >= LONGEST_PATH {
            return false;
        }
        path.push((chain, at));
        if !rule.is_unconditional() {
            continue;
        }
        match &rule.target {
            Target::Jump(name) | Target::Goto(name) if depth < 16 => {
                let open =
                    table.chain(name.as_bytes()).is_none_or(|next| passed(table, next, depth + 1, path));
                if !open {
                    return false;
                }
                if matches!(rule.target, Target::Goto(_)) {
                    return true;
                }
            }
            Target::Return => return true,
            Target::Accept | Target::Drop | Target::Reject(_) => return false,
            _ => {}
        }
    }
    true
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

    /// What the rules ask of a packet.
    #[must_use]
    pub fn tests(&self) -> Tests {
        let mut tests = Tests::default();
        for site in self.sites.into_iter().chain(self.plain.iter().map(|(site, _)| *site)) {
            site.rules.rules().for_each(|(_, rule)| tests.rule(rule));
        }
        tests
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
    // INVALID comes before), the last one is the one that surely would. Rules that were there let the
    // line be written: with new ones among them, it is those.
    let last = || {
        let answers = || outcome.ends.iter().rev().map(|end| by(&end.by));
        let new = answers().find(|answer| matches!(answer, Answer::New(_)));
        match new.or_else(|| answers().next()) {
            Some(Answer::Remains) | None => Answer::Unknown,
            Some(answer) => answer,
        }
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
    /// What becomes of a line.
    pub fn ask(&mut self, record: &Record<'_>) -> Answer {
        let packet = &record.line.packet();
        let time = record.when.map(|when| when.utc.div_euclid(NANOS));
        let cut = record.line.completeness() != Completeness::Whole;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jump_comes_after_lo_and_known_connections() {
        let rules = b"*filter\n:INPUT DROP [0:0]\n:STDIN - [0:0]\n\
            -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n\
            -A INPUT -j STDIN\n-A INPUT -p tcp -m tcp -j LOG --log-prefix \"tcp.in.dropped \"\nCOMMIT\n";
        let site = Site::new(Ruleset::parse_save(rules).unwrap(), b"MALICIOUS", false).unwrap();
        assert!(site.made && site.answers_pass);
        // After both: known connections, and lo.
        assert_eq!(site.hung, Some((Text::from("INPUT"), 3)));
        assert!(Site::new(Ruleset::default(), b"MALICIOUS", false).is_err());
        // Not all of lo is accepted before: the jump leaves it out.
        let rules = b"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j LOG\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
        let site = Site::new(Ruleset::parse_save(rules).unwrap(), b"MALICIOUS", false).unwrap();
        assert_eq!((site.hung, site.spares_lo), (Some((Text::from("INPUT"), 1)), true));
        assert_eq!(site.rules.tables[0].chains[0].rules[0].to_display(), "! -i lo -j MALICIOUS");
        // Shorewall's send what comes by a link to a chain that logs, and accept lo after it.
        let rules = b"*filter\n:INPUT DROP [0:0]\n:net-fw - [0:0]\n-A INPUT -i eth0 -j net-fw\n-A INPUT -i lo -j ACCEPT\n\
            -A net-fw -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A net-fw -j LOG\n-A net-fw -j DROP\nCOMMIT\n";
        let site = Site::new(Ruleset::parse_save(rules).unwrap(), b"MALICIOUS", false).unwrap();
        assert_eq!((site.hung, site.spares_lo), (Some((Text::from("INPUT"), 1)), true));
        assert!(!site.answers_pass);
        // ufw's accept them in a chain of its own.
        let rules =
            b"*filter\n:INPUT DROP [0:0]\n:ufw-before-logging-input - [0:0]\n:ufw-before-input - [0:0]\n\
            -A INPUT -j ufw-before-logging-input\n-A INPUT -j ufw-before-input\n\
            -A ufw-before-input -i lo -j ACCEPT\n\
            -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
            -A ufw-before-input -p udp -j LOG\nCOMMIT\n";
        let site = Site::new(Ruleset::parse_save(rules).unwrap(), b"MALICIOUS", false).unwrap();
        assert_eq!(site.hung, Some((Text::from("ufw-before-input"), 3)));
        assert!(site.answers_pass);
    }
}
