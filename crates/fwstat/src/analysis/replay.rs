//! A ruleset replayed over a log: which rule takes which line, what would still be logged, and
//! what is wrong with the rules.
//!
//! Responsible for: conclusions from the counted answers ([`super::replayed`]), as a value that
//! serialises to the document of `schemas/fwstat.replay-1.schema.json`.
//! Must not know: how a rule is matched (`fwrules`), how a result is shown (`report::replay`).
//! Tested by: `tests/cli/replay.rs`.

use fwlog::sorting::InOrder as _;
use std::collections::{BTreeMap, BTreeSet};

use fwrules::{
    Chain, Family, Fate, FindingKind, Hook, Place, Reach, Replayed, Rule, RuleId, Ruleset, Why, lint,
    unwritten,
};
use serde::{Serialize, Serializer};

use super::log_text::LogText;
use super::replayed::{Class, Counted, Stat};
use crate::rules::{self, Rulesets, manager};
use fwlog::text;
use fwlog::time::clock;

/// The result.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// Lines that would still be logged.
    pub remaining: u64,
    /// Lines that would no longer be logged.
    pub removed: u64,
    /// Lines that do not say enough.
    pub unknown: u64,
    /// Every rule, in the order of the rulesets.
    pub rules: Vec<RuleRow>,
    /// The rules that log the lines that remain.
    pub remaining_by: Vec<RemainingBy>,
    /// What removes lines.
    pub removed_by: Vec<RemovedBy>,
    /// Why lines are unknown.
    pub unknown_by: Vec<UnknownBy>,
    /// Prefixes in the log that no rule writes, most lines first.
    pub unwritten: Vec<UnwrittenPrefix>,
    /// What is wrong with the rules.
    pub findings: Vec<Finding>,
    /// Which rules this log can say nothing of, and why.
    pub not_judged: Vec<String>,
    /// What LOG rules' counters say about lines that are not in the log.
    pub lost: Vec<Loss>,
}

/// One rule and its lines.
#[derive(Clone, Debug, Serialize)]
pub struct RuleRow {
    /// Its table.
    pub table: LogText,
    /// Its chain.
    pub chain: LogText,
    /// Its place in the chain, from 1.
    pub index: u32,
    /// As `iptables-save` writes it.
    pub rule: LogText,
    /// Lines that it certainly takes.
    pub lines: u64,
    /// Lines that it may take.
    pub unknown: u64,
    /// Its target; `LOG` or `NFLOG` for a rule that logs and has no other.
    pub target: LogText,
    /// `IPv4`, `IPv6`, both, or none.
    pub family: &'static str,
    /// Whether it was added for this replay.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub added: bool,
    /// Its packet counter in the ruleset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// For a rule that takes no line: single changes with which it would take some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_misses: Vec<NearMiss>,
    /// When it took lines, and one of them.
    #[serde(flatten)]
    pub seen: Seen,
    /// Chain and index, with the family where there is more than one ruleset.
    #[serde(skip)]
    pub name: String,
    /// As people read it.
    #[serde(skip)]
    pub text: String,
}

impl RuleRow {
    /// Whether it takes no line.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.lines + self.unknown == 0
    }
}

/// A change to a rule that takes no line.
#[derive(Clone, Debug, Serialize)]
pub struct NearMiss {
    /// What to change: `-p udp instead of -p tcp`.
    pub change: String,
    /// The rule then.
    pub rule: LogText,
    /// Lines that it would take.
    pub lines: u64,
    /// The protocol that the rule names, and that of the lines, where this is the change.
    #[serde(skip)]
    pub transport: Option<(String, String)>,
}

/// When lines were seen (nanoseconds, UTC), and one of them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    /// The first moment.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "utc")]
    pub first: Option<i64>,
    /// The last moment.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "utc")]
    pub last: Option<i64>,
    /// The earliest line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<LogText>,
}

impl From<&Stat> for Seen {
    fn from(stat: &Stat) -> Seen {
        let (first, last) = stat.span.unzip();
        Seen { first, last, sample: stat.sample.as_ref().map(|(_, raw)| LogText(raw.clone())) }
    }
}

fn utc<S: Serializer>(moment: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    moment.map(clock::utc_text).serialize(serializer)
}

/// Lines that one rule still logs.
#[derive(Clone, Debug, Serialize)]
pub struct RemainingBy {
    /// The rule's name.
    pub rule: String,
    /// Lines.
    pub lines: u64,
}

/// Lines that one cause removes.
#[derive(Clone, Debug, Serialize)]
pub struct RemovedBy {
    /// The cause.
    pub why: RemovedBecause,
    /// The rule or policy; none where no rule writes the prefix.
    pub by: Option<String>,
    /// Lines.
    pub lines: u64,
    /// Whether `by` is one rule or policy, not one of several.
    #[serde(skip)]
    pub single: bool,
}

/// Why a line would no longer be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovedBecause {
    /// A terminal verdict comes before any LOG rule.
    Taken,
    /// The packet is this host's answer to a packet that a rule now drops.
    Unanswered,
    /// No rule writes its prefix.
    Unwritten,
}

/// Lines that are unknown for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct UnknownBy {
    /// The rule whose answer is unknown; none where no chain sees such packets.
    pub rule: Option<String>,
    /// The reason.
    pub why: String,
    /// Lines.
    pub lines: u64,
}

/// A prefix in the log that no rule writes.
#[derive(Clone, Debug, Serialize)]
pub struct UnwrittenPrefix {
    /// The prefix without trailing blanks.
    pub prefix: LogText,
    /// Lines.
    pub lines: u64,
    /// When, and one of them.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Something wrong with the rules.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Its kind.
    pub kind: &'static str,
    /// The rules that it is about, the first one first.
    pub rules: Vec<String>,
    /// A sentence.
    pub message: String,
    /// `4: ` or `6: ` where there is more than one ruleset.
    #[serde(skip)]
    pub family: String,
}

/// What the counters of the LOG rules of one prefix say about lines that are not in the log.
#[derive(Clone, Debug, Serialize)]
pub struct Loss {
    /// The prefix without trailing blanks.
    pub prefix: LogText,
    /// The rules that write it.
    pub rules: Vec<String>,
    /// Their counters.
    pub packets: u64,
    /// Lines found.
    pub lines: u64,
    /// Lines missing.
    pub lost: u64,
}

/// Which ruleset, and which of its rules.
type At = (usize, RuleId);

/// Which ruleset, and the rule whose answer is unknown for this reason.
type Doubt = (usize, Option<(RuleId, Why)>);

/// What is counted of one rule.
struct Counts<'r> {
    rule: &'r Rule,
    /// Lines that it certainly takes.
    taken: Stat,
    /// Lines that it may take.
    unknown: u64,
    /// Lines that reached it and that it would have taken with one condition changed: by the
    /// index into [`Rule::near_misses`].
    nearly: BTreeMap<u32, u64>,
}

/// Why a line would not be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gone {
    /// This ends the packet's path first.
    By(usize, Option<Place>),
    /// The packet is an answer of the host to a packet that this rule drops.
    Unanswered(usize, RuleId),
    /// No rule writes its prefix.
    Unwritten,
}

impl Replay {
    /// The conclusions from what was counted: one [`Counted`] for each of `rulesets`. With
    /// `filtered`, the log was not read whole, so counters prove no loss.
    #[must_use]
    pub fn new(rulesets: &Rulesets, counted: &[Counted], filtered: bool) -> Replay {
        let mut replaying = Replaying::new(rulesets);
        for (n, counted) in counted.iter().enumerate() {
            for (answer, stat) in &counted.answers {
                replaying.answer(n, answer, stat);
            }
        }
        let mut findings = Vec::new();
        let mut losses = Vec::new();
        for (n, (_, rules)) in rulesets.all.iter().enumerate() {
            Replaying::lint(n, rules, &mut findings);
            replaying.shadowed(n, &counted[n], &mut findings);
            if !filtered {
                replaying.losses(n, rules, &counted[n], &mut losses);
            }
        }
        replaying.finish(counted, findings, losses)
    }
}

/// A finding with its rules by number.
type Found = (&'static str, Vec<At>, String);

/// The counts by rule, while answers are put together.
struct Replaying<'r> {
    rulesets: &'r Rulesets,
    families: Vec<Family>,
    rows: BTreeMap<At, Counts<'r>>,
    classes: [u64; 3],
    remaining: BTreeMap<At, u64>,
    removed: BTreeMap<Gone, u64>,
    unknown: BTreeMap<Doubt, u64>,
}

impl<'r> Replaying<'r> {
    fn new(rulesets: &'r Rulesets) -> Replaying<'r> {
        let counts = |rule| Counts { rule, taken: Stat::default(), unknown: 0, nearly: BTreeMap::new() };
        let all = rulesets.all.iter().enumerate();
        Replaying {
            rulesets,
            families: rulesets.all.iter().map(|(_, rules)| rules.family()).collect(),
            rows: all
                .flat_map(|(n, (_, rules))| rules.rules().map(move |(id, rule)| ((n, id), counts(rule))))
                .collect(),
            classes: [0; 3],
            remaining: BTreeMap::new(),
            removed: BTreeMap::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// Counts the lines that have one answer.
    fn answer(&mut self, n: usize, answer: &Replayed, stat: &Stat) {
        self.classes[Class::of(&answer.fate) as usize] += stat.lines;
        let count = match answer.fate {
            Fate::Remains(id) => self.remaining.entry((n, id)).or_default(),
            Fate::Unknown(id, why) => self.unknown.entry((n, Some((id, why)))).or_default(),
            Fate::Removed(place) => self.removed.entry(Gone::By(n, place)).or_default(),
            Fate::Unanswered(id) => self.removed.entry(Gone::Unanswered(n, id)).or_default(),
            Fate::Unwritten => self.removed.entry(Gone::Unwritten).or_default(),
            _ => self.unknown.entry((n, None)).or_default(),
        };
        *count += stat.lines;
        for (id, reach) in &answer.outcome.taken {
            let Some(row) = self.rows.get_mut(&(n, *id)) else { continue };
            match reach {
                Reach::Certain => row.taken.merge(stat),
                Reach::Possible => row.unknown += stat.lines,
            }
        }
        for (id, near) in &answer.missed.nearly {
            if let Some(row) = self.rows.get_mut(&(n, *id)) {
                *row.nearly.entry(*near).or_default() += stat.lines;
            }
        }
    }

    /// Prefixes in the log that no rule writes.
    fn unwritten(&self, counted: &[Counted]) -> Vec<UnwrittenPrefix> {
        let mut all: BTreeMap<&[u8], Stat> = BTreeMap::new();
        for ((_, rules), counted) in self.rulesets.all.iter().zip(counted) {
            let prefixes = counted.prefixes.keys().map(Vec::as_slice);
            for prefix in unwritten(rules, prefixes) {
                if let Some(stat) = counted.prefixes.get(prefix) {
                    all.entry(prefix).or_default().merge(stat);
                }
            }
        }
        let mut all: Vec<(&[u8], Stat)> = all.into_iter().collect();
        all.order_by(|a, b| b.1.lines.cmp(&a.1.lines).then_with(|| a.0.cmp(b.0)));
        all.iter()
            .map(|(prefix, stat)| UnwrittenPrefix {
                prefix: prefix.trim_ascii_end().into(),
                lines: stat.lines,
                seen: stat.into(),
            })
            .collect()
    }

    /// What the rules' own text shows to be wrong.
    fn lint(n: usize, rules: &Ruleset, findings: &mut Vec<Found>) {
        let is_made = manager::is_made(rules);
        for finding in lint(rules) {
            // Chains that a program keeps for what is not used here are no fault.
            if finding.chain.is_some_and(|(table, chain)| is_made(table, chain)) {
                continue;
            }
            let ids = finding.rule.into_iter().chain(finding.others).map(|id| (n, id)).collect();
            findings.push((kind(finding.kind), ids, finding.message));
        }
    }

    /// Rules that take nothing in this log because others take their lines first.
    fn shadowed(&self, n: usize, counted: &Counted, findings: &mut Vec<Found>) {
        let silent =
            |(at, row): (&At, &Counts<'_>)| (at.0 == n && row.taken.lines + row.unknown == 0).then_some(at.1);
        let mut silent: BTreeSet<RuleId> = self.rows.iter().filter_map(silent).collect();
        // A verdict map is one rule, of which each element has a row: one that takes lines is enough.
        let whole = |id: RuleId| (id.table, id.chain, self.rulesets.all[n].1.number(id));
        let busy = |at: &At| (at.0 == n && !silent.contains(&at.1)).then(|| whole(at.1));
        let busy: BTreeSet<(u32, u32, u32)> = self.rows.keys().filter_map(busy).collect();
        silent.retain(|id| !busy.contains(&whole(*id)));
        // What ends the path of the lines that each of them fits, and of how many.
        let mut takers: BTreeMap<RuleId, BTreeMap<Place, u64>> = BTreeMap::new();
        for (answer, stat) in &counted.answers {
            for (id, end) in answer.missed.behind.iter().filter(|(id, _)| silent.contains(id)) {
                // What is dropped never leaves, so rules for leaving packets are not meant to take it.
                if self.only_leaving(n, *id) {
                    continue;
                }
                *takers.entry(*id).or_default().entry(*end).or_default() += stat.lines;
            }
        }
        for (id, by) in takers {
            let lines: u64 = by.values().sum();
            let Some((Place::Rule(first), most)) = ranked(&by).first().map(|(end, lines)| (**end, *lines))
            else {
                continue;
            };
            // What the text alone shows is said already.
            if findings.iter().any(|(_, ids, _)| ids.first() == Some(&(n, id))) {
                continue;
            }
            let rest = if most == lines { String::new() } else { format!(" ({most} of them)") };
            let (noun, them) = if lines == 1 { ("line", "it") } else { ("lines", "them") };
            let message = format!(
                "{} fits {lines} {noun} of this log but takes none: {} decides {them} first{rest}",
                self.rulesets.all[n].1.name(id),
                self.rulesets.all[n].1.name(first),
            );
            findings.push(("shadowed_in_this_log", vec![(n, id), (n, first)], message));
        }
    }

    /// Whether the rule stands in a built-in chain for packets that are about to leave.
    fn only_leaving(&self, n: usize, id: RuleId) -> bool {
        let base = self.rulesets.all[n].1.chain_of(id).and_then(|chain| chain.base);
        base.is_some_and(|base| base.hook == Some(Hook::Postrouting))
    }

    /// Which rules this log can say nothing of, and why.
    fn not_judged(&self, counted: &[Counted]) -> Vec<String> {
        let mut notes: Vec<String> = self.rulesets.notes().collect();
        for (n, (_, rules)) in self.rulesets.all.iter().enumerate() {
            let middles: BTreeSet<Hook> =
                counted[n].answers.keys().filter_map(|answer| answer.path.map(fwrules::Path::hook)).collect();
            let mut silent: BTreeMap<Hook, Vec<String>> = BTreeMap::new();
            for (t, table) in rules.tables.iter().enumerate() {
                let rules_in = |chain: &Chain| !chain.rules.is_empty();
                let shown = text::escape(table.name.as_bytes());
                if !table.family.is_ip() {
                    let what = match table.family {
                        Family::Netdev => "is asked before packets are routed, where they are not followed",
                        Family::Bridge => "is asked about frames on a bridge, where they are not followed",
                        _ => "sees no IP packets",
                    };
                    if table.chains.iter().any(rules_in) {
                        let family = table.family.word();
                        notes.push(self.in_family(
                            n,
                            format!("table {family} {shown} {what}: its rules take no line here"),
                        ));
                    }
                    continue;
                }
                let bases = || {
                    table
                        .chains
                        .iter()
                        .enumerate()
                        .filter(|(_, chain)| rules_in(chain))
                        .filter_map(|(c, chain)| Some((c, chain.base?)))
                };
                if bases().any(|(_, base)| base.nat) {
                    let what = "asked about a connection's first packet only, and no line says which that is: \
                        rules that take no line there may well be in use";
                    let whose = match bases().all(|(_, base)| base.nat) {
                        true => format!("table {shown} is"),
                        false => format!("chains for nat in table {shown} are"),
                    };
                    notes.push(self.in_family(n, format!("{whose} {what}")));
                }
                for (c, base) in bases().filter(|(_, base)| !base.nat) {
                    if let Some(hook @ (Hook::Input | Hook::Forward | Hook::Output)) = base.hook
                        && !middles.contains(&hook)
                        && !middles.is_empty()
                    {
                        silent.entry(hook).or_default().push(rules.chain_name(t, c));
                    }
                }
            }
            for (hook, chains) in silent {
                let packets = match hook {
                    Hook::Input => "for this host",
                    Hook::Output => "from this host",
                    _ => "passing through",
                };
                let what = format!("no line of this log is of a packet {packets}: it says nothing of");
                notes.push(self.in_family(n, format!("{what} {}", chains.join(", "))));
            }
        }
        notes
    }

    /// Lines that LOG rules counted and the log does not have.
    fn losses(&self, n: usize, rules: &Ruleset, counted: &Counted, losses: &mut Vec<Loss>) {
        let mut written: BTreeMap<&[u8], Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in rules.rules() {
            if let Some(log) = rule.log.as_ref().filter(|log| log.nflog.is_none()) {
                written.entry(log.written(rules.nft)).or_default().push(id);
            }
        }
        for (prefix, ids) in written {
            let counters: Option<Vec<u64>> =
                ids.iter().map(|id| Some(rules.rule(*id)?.counters?.packets)).collect();
            let Some(counters) = counters else { continue };
            let (packets, lines) =
                (counters.iter().sum(), counted.prefixes.get(prefix).map_or(0, |stat| stat.lines));
            losses.push(Loss {
                prefix: prefix.trim_ascii_end().into(),
                rules: ids.into_iter().map(|id| self.name((n, id))).collect(),
                packets,
                lines,
                lost: u64::saturating_sub(packets, lines),
            });
        }
        // A file without counters, or counters that were all set to zero, say nothing.
        if losses.iter().all(|loss| loss.packets == 0) {
            losses.clear();
        }
    }

    fn name(&self, (n, id): At) -> String {
        self.in_family(n, self.rulesets.all[n].1.name(id))
    }

    /// A name with its family, where there is more than one ruleset.
    fn in_family(&self, n: usize, name: String) -> String {
        match self.rulesets.all.len() {
            1 => name,
            _ => match self.families[n] {
                fwrules::Family::Ipv6 => format!("6: {name}"),
                fwrules::Family::Ipv4 => format!("4: {name}"),
                _ => name,
            },
        }
    }

    fn place(&self, n: usize, place: Option<Place>) -> String {
        match place {
            Some(place) => self.in_family(n, self.rulesets.all[n].1.place(place)),
            None => "one of several rules; the line does not say which".to_owned(),
        }
    }

    /// The rule whose answer is unknown, and why, in words.
    fn because(&self, n: usize, of: Option<(RuleId, Why)>) -> (Option<String>, String) {
        match of {
            Some((id, why)) => (Some(self.name((n, id))), why.to_string()),
            None => {
                let seen: BTreeSet<&str> =
                    self.rulesets.all.iter().map(|(_, rules)| rules::family_name(rules.family())).collect();
                let seen = seen.into_iter().collect::<Vec<_>>().join(" and ");
                (None, format!("these rules have no chain for this kind of packet ({seen})"))
            }
        }
    }

    /// The result, with everything named.
    fn finish(&self, counted: &[Counted], findings: Vec<Found>, lost: Vec<Loss>) -> Replay {
        let removed = |(gone, lines): (&Gone, &u64)| {
            let (why, by, single) = match gone {
                Gone::By(n, place) => (RemovedBecause::Taken, Some(self.place(*n, *place)), place.is_some()),
                Gone::Unanswered(n, id) => (RemovedBecause::Unanswered, Some(self.name((*n, *id))), true),
                Gone::Unwritten => (RemovedBecause::Unwritten, None, false),
            };
            RemovedBy { why, by, lines: *lines, single }
        };
        let unknown = |((n, of), lines): (&Doubt, &u64)| {
            let (rule, why) = self.because(*n, *of);
            UnknownBy { rule, why, lines: *lines }
        };
        let finding = |(kind, ids, message): Found| Finding {
            kind,
            family: ids.first().map_or_else(String::new, |(n, _)| self.in_family(*n, String::new())),
            rules: ids.into_iter().map(|at| self.name(at)).collect(),
            message,
        };
        let [remaining, removed_lines, unknown_lines] = self.classes;
        Replay {
            remaining,
            removed: removed_lines,
            unknown: unknown_lines,
            rules: self.rows.iter().map(|(at, counts)| self.row(*at, counts)).collect(),
            remaining_by: self
                .remaining
                .iter()
                .map(|(at, lines)| RemainingBy { rule: self.name(*at), lines: *lines })
                .collect(),
            removed_by: self.removed.iter().map(removed).collect(),
            unknown_by: self.unknown.iter().map(unknown).collect(),
            unwritten: self.unwritten(counted),
            findings: findings.into_iter().map(finding).collect(),
            not_judged: self.not_judged(counted),
            lost,
        }
    }

    fn row(&self, at: At, counts: &Counts<'_>) -> RuleRow {
        let (n, id) = at;
        let rules = &self.rulesets.all[n].1;
        let rule = counts.rule;
        let chain = rules.chain_of(id).map(|chain| chain.name.as_bytes()).unwrap_or_default();
        let saved =
            |rule: &Rule| LogText(rule.to_restore(chain).unwrap_or_else(|_| rule.to_display().into_bytes()));
        // A LOG rule has no target of its own here: it writes, and the walk goes on.
        let target = match (&rule.log, rule.target.word()) {
            (Some(log), b"") if log.nflog.is_some() => b"NFLOG",
            (Some(_), b"") => &b"LOG"[..],
            (_, word) => word,
        };
        let mut row = RuleRow {
            table: rules.tables[id.table as usize].name.as_bytes().into(),
            chain: chain.into(),
            index: rules.number(id),
            rule: saved(rule),
            lines: counts.taken.lines,
            unknown: counts.unknown,
            target: target.into(),
            family: rules::family_name(self.families[n]),
            added: rule.added,
            packets: rule.counters.map(|counters| counters.packets),
            near_misses: Vec::new(),
            seen: (&counts.taken).into(),
            name: self.name(at),
            text: rule.to_display(),
        };
        if (row.is_silent() || row.added && row.lines == 0) && !counts.nearly.is_empty() {
            let near = |(n, (change, rule)): (u32, (fwrules::NearMiss, Rule))| {
                let word = |protocol: logparse::Protocol| protocol.to_string().to_lowercase();
                Some(NearMiss {
                    change: change.to_string(),
                    transport: match change {
                        fwrules::NearMiss::Transport { from, to } => Some((word(from), word(to))),
                        _ => None,
                    },
                    rule: saved(&rule),
                    lines: counts.nearly.get(&n).copied()?,
                })
            };
            row.near_misses = (0..).zip(rule.near_misses()).filter_map(near).collect();
        }
        row
    }
}

/// A map's entries, most lines first, ties by key.
fn ranked<K: Ord>(map: &BTreeMap<K, u64>) -> Vec<(&K, u64)> {
    let mut all: Vec<(&K, u64)> = map.iter().map(|(key, lines)| (key, *lines)).collect();
    all.order_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    all
}

/// The name of a kind of finding in JSON.
fn kind(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Shadowed => "shadowed",
        FindingKind::NeverComes => "never_comes",
        FindingKind::Contradiction => "contradiction",
        FindingKind::UnreachableChain => "unreachable_chain",
        FindingKind::MissingChain => "missing_chain",
        FindingKind::MisleadingPrefix => "misleading_prefix",
        FindingKind::SamePrefix => "same_prefix",
        FindingKind::PrefixCut => "prefix_cut",
        FindingKind::LoopbackHalf => "loopback_half",
        FindingKind::WrongTransport => "wrong_transport",
        FindingKind::Unfinished => "unfinished",
        _ => "other",
    }
}
