//! The same answers as [`Walker`], for millions of lines.
//!
//! A ruleset looks at a packet through its tests only. So every field is reduced to its
//! **class**: two values are of one class if no test of the ruleset tells them apart. The
//! answer is a function of the classes; it is worked out once per combination, by the
//! [`Walker`] itself, and remembered. Random addresses and ports, which attackers choose,
//! fall into few classes, and so does almost all of a log.
//!
//! Responsible for: the memory of answers.
//! Must not know: how a rule is matched: it asks `Walker`.
//! Tested by: `tests/compiled.rs`: equal to `Walker` on generated rulesets and packets.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use logparse::{FastPacket, Packet};

use crate::eval::evidence::Evidence;
use crate::eval::fate::cause;
use crate::eval::index::Index;
use crate::eval::near_miss::near_misses;
use crate::eval::outcome::{Fate, Missed, Outcome};
use crate::eval::walker::Walker;
use crate::model::rule::Rule;
use crate::model::ruleset::Ruleset;
use crate::replay::fields::Fields;
use crate::replay::key::{Front, Numbers, glance};
use crate::replay::layout::Layout;
use crate::values::hook::Path;
use crate::values::net::{AddressRange, Net};
use crate::view::{Context, LocalAddress};

/// A ruleset made ready for many lines. Shared by threads; each takes a [`Replayer`].
///
/// ```
/// use fwrules::{Compiled, Evidence, Ruleset};
/// let rules = Ruleset::parse_save(b"*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j LOG --log-prefix \"in \"\nCOMMIT\n").unwrap();
/// let compiled = Compiled::new(&rules, Evidence::Usual, &[]);
/// let mut replayer = compiled.replayer();
/// let entry = logparse::parse(b"in IN=eth0 OUT= MAC= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=2 WINDOW=0 RES=0x00 SYN URGP=0 ").unwrap();
/// let id = replayer.replay(&entry.packet, None, false);
/// assert!(matches!(replayer.answer(id).fate, fwrules::Fate::Remains(_)));
/// ```
#[derive(Debug)]
pub struct Compiled<'r> {
    walker: Walker<'r>,
    local: Vec<LocalAddress>,
    /// The same, if the ruleset itself wrote the log.
    writer: Option<Walker<'r>>,
    layout: Layout,
    index: Index,
    /// Every rule's near misses, if answers are to say what was missed.
    near: Option<Vec<Vec<Rule>>>,
    tries_all: bool,
}

/// What is remembered of one combination of classes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replayed {
    /// The packet's way through the host; `None` for a packet without interfaces.
    pub path: Option<Path>,
    /// What becomes of the line.
    pub fate: Fate,
    /// What becomes of a line whose fate is unknown, if this ruleset wrote it; `None` unless the
    /// ruleset was compiled [`with_writer`](Compiled::with_writer).
    pub if_writer: Option<Fate>,
    /// What the packet's way comes to.
    pub outcome: Outcome,
    /// Rules that nearly took the packet; nothing unless the ruleset was compiled
    /// [`with_missed`](Compiled::with_missed).
    pub missed: Missed,
}

/// The number of an answer of one [`Replayer`]: count lines by it, and look at the answers
/// once, at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AnswerId(pub u32);

/// One thread's memory of answers.
#[derive(Debug)]
pub struct Replayer<'c> {
    compiled: &'c Compiled<'c>,
    known: HashMap<u128, AnswerId, RandomState>,
    /// Answers of this host: by their own classes and those of the packet that they answer.
    replies: HashMap<(u128, u128), AnswerId, RandomState>,
    answers: Vec<Arc<Replayed>>,
    ids: HashMap<Arc<Replayed>, AnswerId, RandomState>,
    numbers: Numbers,
}

/// Keys remembered at most; then the memory starts anew.
const KEYS: usize = 1 << 20;
/// Up to so many rules, every near miss is tried.
const FEW_RULES: usize = 100;

impl<'r> Compiled<'r> {
    /// Makes `rules` ready. `local` are this host's addresses, if known.
    #[must_use]
    pub fn new(rules: &'r Ruleset, evidence: Evidence<'_>, local: &[LocalAddress]) -> Compiled<'r> {
        Compiled::make(rules, evidence, local, None, false)
    }

    /// As [`new`](Self::new), and every answer also says which rules nearly took the packet.
    /// Where there are more than a hundred rules, or answers could not be remembered any more,
    /// the only near miss tried is the other transport protocol: the others look at fields that
    /// the rules do not look at.
    #[must_use]
    pub fn with_missed(rules: &'r Ruleset, evidence: Evidence<'_>, local: &[LocalAddress]) -> Compiled<'r> {
        let of = |all| Compiled::make(rules, evidence, local, Some(near_misses(rules, all)), all);
        let all = (rules.rules().count() <= FEW_RULES).then(|| of(true));
        all.filter(Compiled::is_memoised).unwrap_or_else(|| of(false))
    }

    /// The same, and answers that are unknown also say what becomes of the line if this very ruleset
    /// wrote the log.
    #[must_use]
    pub fn with_writer(mut self) -> Compiled<'r> {
        let (rules, sets) = (self.walker.rules, Arc::clone(&self.walker.sets));
        self.writer = Some(Walker::with_sets(rules, Evidence::Writer(rules), sets));
        self
    }

    fn make(
        rules: &'r Ruleset,
        evidence: Evidence<'_>,
        local: &[LocalAddress],
        near: Option<Vec<Vec<Rule>>>,
        tries_all: bool,
    ) -> Compiled<'r> {
        let walker = Walker::new(rules, evidence);
        let mut found = Fields::default();
        // A second ruleset's rules are asked as well where they are evidence.
        let writer = match evidence {
            Evidence::Writer(writer) => Some(writer),
            _ => None,
        };
        for rules in [Some(rules), writer].into_iter().flatten() {
            for (_, rule) in rules.rules() {
                found.rule(rule, &walker.sets);
            }
        }
        for rule in near.iter().flatten().flatten() {
            found.rule(rule, &walker.sets);
        }
        let ranges = local.iter().flat_map(|own| {
            let host = AddressRange { first: own.addr, last: own.addr };
            Net::new(own.addr, own.prefix).range().into_iter().chain([host])
        });
        let layout = Layout::new(rules, found, &ranges.collect::<Vec<_>>());
        let mut numbered: Vec<(u32, &Rule)> = (0..).zip(rules.rules().map(|(_, rule)| rule)).collect();
        for (number, near) in (0..).zip(near.iter().flatten()) {
            numbered.extend(near.iter().map(|rule| (number, rule)));
        }
        let filled = walker.changes.sets && !rules.nft;
        let index = Index::new(&numbered, &walker.sets, filled);
        Compiled { walker, local: local.to_vec(), writer: None, layout, index, near, tries_all }
    }

    /// The reference: the same answers, one walk each.
    #[must_use]
    pub fn walker(&self) -> &Walker<'r> {
        &self.walker
    }

    /// Whether every near miss is tried, not the other transport protocol only.
    #[must_use]
    pub fn tries_all(&self) -> bool {
        self.tries_all
    }

    /// Whether answers depend on when a packet came.
    #[must_use]
    pub fn needs_time(&self) -> bool {
        self.layout.uses.time
    }

    /// Whether answers are remembered: the ruleset looks at few enough fields. Else each line
    /// is a walk of its own.
    #[must_use]
    pub fn is_memoised(&self) -> bool {
        self.layout.fits
    }

    /// A memory of answers for one thread.
    #[must_use]
    pub fn replayer(&self) -> Replayer<'_> {
        Replayer {
            compiled: self,
            known: HashMap::default(),
            replies: HashMap::default(),
            answers: Vec::new(),
            ids: HashMap::default(),
            numbers: Numbers::default(),
        }
    }
}

impl Replayer<'_> {
    /// What becomes of this packet's line. `time` is when it came (seconds since 1970, UTC;
    /// only `-m time` asks), `cut` whether the line was cut.
    pub fn replay(&mut self, packet: &Packet<'_>, time: Option<i64>, cut: bool) -> AnswerId {
        let compiled = self.compiled;
        let context = Context { local: &compiled.local, time, cut };
        let key = self.key(packet, &context);
        let cause = cause(packet);
        // An answer of this host is judged by the packet it answers as well.
        let cause_key = match &cause {
            Some(cause) => self.key(cause, &context).map(Some),
            None => Some(None),
        };
        let known = match (key, cause_key) {
            (Some(key), Some(None)) => self.known.get(&key),
            (Some(key), Some(Some(cause))) => self.replies.get(&(key, cause)),
            _ => None,
        };
        if let Some(id) = known {
            return *id;
        }
        let id = self.work_out(packet, &context);
        if self.known.len() + self.replies.len() >= KEYS {
            self.known.clear();
            self.replies.clear();
        }
        match (key, cause_key) {
            (Some(key), Some(None)) => drop(self.known.insert(key, id)),
            (Some(key), Some(Some(cause))) => drop(self.replies.insert((key, cause), id)),
            _ => {}
        }
        id
    }

    /// The answer for a line that a scan read, if it is remembered and the line shows at a
    /// glance all that the ruleset looks at. Else: [`replay`](Self::replay).
    ///
    /// `front` is that of the line's prefix and interfaces.
    #[inline]
    pub fn recall(&self, front: Front, scanned: &FastPacket<'_>) -> Option<AnswerId> {
        self.known.get(&glance(&self.compiled.layout, front, scanned)?).copied()
    }

    /// Walks the packet's way.
    #[inline(never)]
    fn work_out(&mut self, packet: &Packet<'_>, context: &Context<'_>) -> AnswerId {
        let compiled = self.compiled;
        let walker = &compiled.walker;
        let index = Some(&compiled.index);
        let mut outcome = walker.outcome_among(packet, context, index);
        // There can be one for each rule, and jumps can make each long.
        outcome.taken.shrink_to_fit();
        let fate = walker.fate_of(packet, context, &outcome, index);
        let missed = match &compiled.near {
            Some(near) => walker.missed_among(packet, context, near, index),
            None => Missed::default(),
        };
        let path = Path::of(packet.in_iface, packet.out_iface);
        let unknown = matches!(fate, Fate::Unknown(..));
        let writer = compiled.writer.as_ref().filter(|_| unknown);
        let if_writer = writer.map(|walker| {
            walker.fate_of(packet, context, &walker.outcome_among(packet, context, index), index)
        });
        let answer = Replayed { path, fate, if_writer, outcome, missed };
        match self.ids.get(&answer) {
            Some(id) => *id,
            None => {
                let (id, answer) = (AnswerId(self.answers.len() as u32), Arc::new(answer));
                self.answers.push(Arc::clone(&answer));
                self.ids.insert(answer, id);
                id
            }
        }
    }

    /// The answer with this number.
    ///
    /// # Panics
    /// The number is another replayer's.
    #[must_use]
    pub fn answer(&self, id: AnswerId) -> &Replayed {
        &self.answers[id.0 as usize]
    }

    /// How many combinations of classes are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.known.len()
    }

    /// All answers so far, by number.
    #[must_use]
    pub fn answers(&self) -> &[Arc<Replayed>] {
        &self.answers
    }

    /// What lines with this prefix and these interfaces have in common. `None`: too many
    /// different interfaces, or a packet without any.
    #[inline]
    pub fn front(&mut self, prefix: &[u8], input: &[u8], output: &[u8]) -> Option<Front> {
        self.numbers.front(&self.compiled.layout, prefix, input, output)
    }

    #[inline]
    fn key(&mut self, packet: &Packet<'_>, context: &Context<'_>) -> Option<u128> {
        let compiled = self.compiled;
        self.numbers.key(&compiled.layout, &compiled.walker.sets, packet, context)
    }
}
