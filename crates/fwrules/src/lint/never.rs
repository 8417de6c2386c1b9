//! Rules that never fire, chains that no packet comes to.
//!
//! Responsible for: these findings, and who or what is the reason.
//! Must not know: how packets were sent through the chains.
//! Tested by: the unit tests of `lint`.

use std::collections::BTreeMap;

use logparse::Protocol;

use crate::lint::cube::{FIELDS, Field};
use crate::lint::finding::{Finding, FindingKind};
use crate::lint::space::Space;
use crate::lint::walk::{Ended, Lint, Seen, Way};
use crate::matches::Condition;
use crate::model::ruleset::RuleId;
use crate::model::target::Target;

/// Rules that are looked at, all in all, to find the reasons.
const EFFORT: usize = 1 << 23;

/// Why a rule never fires.
enum Never {
    /// By its own conditions.
    Contradiction,
    /// No packet that is sent to the chain fits it: what does not.
    Excluded(String),
    /// Others take all its packets, each with its name and the jump that leads to it; none is known.
    Taken(Vec<(RuleId, String)>),
}

impl Never {
    fn kind(&self) -> FindingKind {
        match self {
            Never::Contradiction => FindingKind::Contradiction,
            Never::Excluded(_) => FindingKind::NeverComes,
            Never::Taken(_) => FindingKind::Shadowed,
        }
    }
}

impl Lint<'_> {
    pub(crate) fn rules_that_never_fire(&mut self) {
        let rules = self.rules;
        let (mut news, mut effort) = (Vec::new(), EFFORT);
        if self.budget == 0 {
            let chains = self.cut.iter().take(3).map(|(table, chain)| rules.chain_name(*table, *chain));
            let chains: Vec<String> = chains.collect();
            let more = match self.cut.len() {
                0..=3 => String::new(),
                many => format!(" and {} more", many - 3),
            };
            let message = format!(
                "the ways through {}{more} are too many to follow all: which of their rules can never fire and how \
                 logged packets end was not looked for",
                chains.join(", ")
            );
            self.add(FindingKind::Unfinished, None, Vec::new(), message);
        }
        let ids: Vec<RuleId> = rules.rules().map(|(id, _)| id).collect();
        for parts in ids.chunk_by(|a, b| rules.is_one(*a, *b)) {
            // What nft lists as one rule fires if a part of it does.
            if !parts.iter().all(|id| self.is_dead(*id)) {
                continue;
            }
            let mut reasons: Vec<Never> = parts.iter().map(|id| self.never(*id, &mut effort)).collect();
            // Who takes packets says more than that none fits.
            reasons.sort_by_key(|reason| !matches!(reason, Never::Taken(_)));
            let (id, mut takers) = (parts[0], Vec::new());
            for reason in &mut reasons {
                if let Never::Taken(more) = reason {
                    more.retain(|taker| !takers.contains(taker));
                    takers.append(more);
                }
            }
            takers.sort_by_key(|(rule, _)| *rule);
            let kind = reasons[0].kind();
            let why = match &reasons[0] {
                Never::Contradiction => String::from("its own conditions exclude each other"),
                Never::Excluded(why) => why.clone(),
                Never::Taken(_) => match &takers[..] {
                    [] => String::from("rules before it take all its packets"),
                    [(other, taker)] => format!("{taker} takes all its packets{}", self.reason(*other, id)),
                    several => {
                        let names: Vec<&str> =
                            several.iter().take(5).map(|(_, name)| name.as_str()).collect();
                        let more = match several.len() {
                            0..=5 => String::new(),
                            many => format!(" and {} more", many - 5),
                        };
                        format!("{}{more} together take all its packets", names.join(", "))
                    }
                },
            };
            let others = takers.into_iter().map(|(rule, _)| rule).collect();
            news.push((kind, id, others, format!("{} can never fire: {why}", rules.name(id))));
        }
        for (kind, id, others, message) in news {
            self.add(kind, Some(id), others, message);
        }
    }

    /// Whether no packet comes to a rule that it takes.
    fn is_dead(&self, id: RuleId) -> bool {
        let seen = self.seen.get(&id).filter(|_| self.is_followed(id));
        self.regions[&id].space.is_empty() || seen.is_some_and(|seen| seen.asked && !seen.fires)
    }

    /// Why such a rule never fires.
    fn never(&self, id: RuleId, effort: &mut usize) -> Never {
        let seen = match self.seen.get(&id) {
            Some(seen) if !self.regions[&id].space.is_empty() => seen,
            _ => return Never::Contradiction,
        };
        let takers = self.takers(id, seen, effort);
        match !seen.wanted && takers.is_empty() {
            true => Never::Excluded(self.excluded(id, &seen.entry())),
            false => Never::Taken(takers),
        }
    }

    /// The rules that take all packets of a rule, each with its name and the jump that leads to it:
    /// one alone if it would do, or several together. None if `effort` is used up.
    fn takers(&self, id: RuleId, seen: &Seen, effort: &mut usize) -> Vec<(RuleId, String)> {
        let region = &self.regions[&id].space;
        let mut all: Vec<(RuleId, String)> = Vec::new();
        for way in &seen.ways {
            // Where none of them comes to the chain, all that are sent to it: who takes those before?
            let wanted = if seen.wanted { way.entry.and(region) } else { self.sent_to(way).and(region) };
            if wanted.is_empty() {
                continue;
            }
            let mut takers = Vec::new();
            if let Some(cover) = way.cover {
                takers.push((cover, self.rules.name(cover)));
            }
            let mut left = if takers.is_empty() { wanted.clone() } else { Space::default() };
            for ended in self.before(way, effort) {
                if left.is_empty() {
                    break;
                }
                if ended.back && !self.passes_by(ended, way, id) {
                    continue;
                }
                let took = self.took(ended);
                if left.and(&took).is_empty() {
                    continue;
                }
                // What the rule takes of all that is sent to it, were there none before it.
                if self.called(ended).covers(&wanted) {
                    takers.clear();
                }
                takers.push((ended.rule, self.call_name(ended, id)));
                left = left.without(&took);
            }
            if !left.is_empty() {
                return Vec::new();
            }
            takers.retain(|taker| !all.contains(taker));
            all.append(&mut takers);
        }
        all.sort_by_key(|(rule, _)| *rule);
        all
    }

    /// The rules that end a packet's way before one, in order.
    fn before(&self, way: &Way, effort: &mut usize) -> Vec<&Ended> {
        let mut at = way.last;
        let mut list: Vec<&Ended> = std::iter::from_fn(|| {
            let ended = &self.ended[at? as usize];
            at = ended.before;
            *effort = effort.checked_sub(1)?;
            Some(ended)
        })
        .collect();
        list.reverse();
        list
    }

    /// Whether packets that leave a chain early miss a rule: it is in that chain, or in one that the
    /// chain jumps to further on.
    fn passes_by(&self, ended: &Ended, way: &Way, id: RuleId) -> bool {
        let (mut call, mut place) = (way.call, id);
        loop {
            if (ended.call, ended.rule.table, ended.rule.chain) == (call, place.table, place.chain) {
                return true;
            }
            let Some(at) = call else { return false };
            (place, call) = self.calls[at as usize];
        }
    }

    /// What the jumps on a way to a rule fit, of all packets of the hook.
    fn sent_to(&self, way: &Way) -> Space {
        let (mut space, mut call) = (Space::clone(&way.all), way.call);
        while let Some((jump, before)) = call.map(|call| self.calls[call as usize]) {
            (space, call) = (space.and(&self.regions[&jump].space), before);
        }
        space
    }

    fn took(&self, ended: &Ended) -> Space {
        ended.took.clone().unwrap_or_else(|| self.regions[&ended.rule].space.clone())
    }

    /// What a rule takes of the packets that the jumps to its chain fit.
    fn called(&self, ended: &Ended) -> Space {
        if !ended.sure {
            return Space::default();
        }
        let (mut space, mut call) = (self.regions[&ended.rule].space.clone(), ended.call);
        while let Some((jump, before)) = call.map(|call| self.calls[call as usize]) {
            // A jump that is sure of nothing sends no packet for sure.
            if !self.regions[&jump].is_exact() {
                return Space::default();
            }
            (space, call) = (space.and(&self.regions[&jump].space), before);
        }
        space
    }

    /// `A 1`; and `INPUT 2 (A 1)` where the jump in the chain of the rule that it is told to has
    /// conditions.
    fn call_name(&self, ended: &Ended, told: RuleId) -> String {
        let name = self.rules.name(ended.rule);
        let mut call = ended.call;
        while let Some((jump, before)) = call.map(|call| self.calls[call as usize]) {
            let conditional = self.rules.rule(jump).is_some_and(|rule| !rule.is_unconditional());
            if (jump.table, jump.chain) == (told.table, told.chain) && conditional {
                return format!("{} ({name})", self.rules.name(jump));
            }
            call = before;
        }
        name
    }

    /// What makes one rule cover another, where it is not plain to see.
    fn reason(&self, cover: RuleId, rule: RuleId) -> String {
        let by_state = |id: RuleId| {
            let rule = self.rules.rule(id);
            rule.is_some_and(|r| r.conditions.iter().any(|c| matches!(c, Condition::State(_))))
        };
        if by_state(cover) && !by_state(rule) {
            String::from(", because connection tracking calls packets with such TCP flags INVALID")
        } else {
            String::new()
        }
    }

    /// Which condition no packet of the chain fits.
    fn excluded(&self, id: RuleId, entry: &Space) -> String {
        let region = &self.regions[&id];
        let chain = self.rules.chain_name(id.table as usize, id.chain as usize);
        let misses = |field: &Field| {
            entry.0.iter().all(|e| region.space.0.iter().all(|r| e.and(r).is_empty_in(*field)))
        };
        match FIELDS.iter().find(|f| misses(f)) {
            Some(Field::Protocol) => {
                let comes: Vec<String> = (0..=255)
                    .filter(|p| entry.0.iter().any(|c| c.protocol.has(*p)))
                    .map(|p| Protocol(p).to_string().to_ascii_lowercase())
                    .collect();
                match comes.len() {
                    0..=6 => format!("only {} packets are sent to {chain}", comes.join(" and ")),
                    _ => format!("no packet of its protocol is sent to {chain}"),
                }
            }
            Some(field) => {
                let what = match field {
                    Field::Input => "input interface",
                    Field::Output => "output interface",
                    Field::Source => "source address",
                    Field::Destination => "destination address",
                    Field::Sport => "source port",
                    Field::Dport => "destination port",
                    Field::Icmp => "ICMP type",
                    Field::Flags => "TCP flags",
                    Field::States => "connection state",
                    Field::Fragment => "fragments",
                    Field::Protocol => "protocol",
                };
                format!("no packet that is sent to {chain} fits its {what}")
            }
            None => format!("no packet that is sent to {chain} fits all its conditions"),
        }
    }

    pub(crate) fn chains(&mut self) {
        let rules = self.rules;
        let mut news = Vec::new();
        let mut callers: BTreeMap<(usize, &[u8]), Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in rules.rules() {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target {
                callers.entry((id.table as usize, name.as_bytes())).or_default().push(id);
            }
        }
        for (t, table) in rules.tables.iter().enumerate() {
            for (c, chain) in table.chains.iter().enumerate() {
                if self.chains.contains(&(t, c)) {
                    continue;
                }
                let callers = callers.get(&(t, chain.name.as_bytes())).cloned().unwrap_or_default();
                let name = rules.chain_name(t, c);
                let mut names: Vec<String> = callers.iter().map(|id| rules.name(*id)).collect();
                names.dedup();
                // An element of a verdict map may lead here, and others of it fire.
                let part = callers.iter().any(|id| {
                    let beside = |rule| RuleId { rule, ..*id };
                    let around = [id.rule.checked_sub(1), id.rule.checked_add(1)];
                    around.into_iter().flatten().any(|rule| rules.is_one(*id, beside(rule)))
                });
                let message = match (&names[..], part) {
                    ([], _) => format!("no rule jumps to chain {name}"),
                    ([one], false) => format!("no packet comes to chain {name}: {one} never fires"),
                    (several, false) => {
                        format!("no packet comes to chain {name}: {} never fire", several.join(", "))
                    }
                    (all, true) => format!("no packet comes to chain {name}: none by {}", all.join(", ")),
                };
                self.found.push(Finding {
                    kind: FindingKind::UnreachableChain,
                    rule: None,
                    chain: Some((t, c)),
                    others: callers,
                    message,
                });
            }
        }
        for (id, rule) in rules.rules() {
            if let Target::Jump(name) | Target::Goto(name) = &rule.target
                && self.chain_names.get(id.table as usize, name.as_bytes()).is_none()
            {
                let message = format!(
                    "{} jumps to {name}, which is neither a chain nor a known target",
                    rules.name(id)
                );
                news.push((id, message));
            }
        }
        for (id, message) in news {
            self.add(FindingKind::MissingChain, Some(id), Vec::new(), message);
        }
    }
}
