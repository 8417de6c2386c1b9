//! One sender's probes as pieces: what it asked for in one run with one tool.
//!
//! Responsible for: that the same probes give the same pieces, whenever they are asked for.
//! Must not know: which pieces of several senders belong together.
//! Tested by: `tests/cli/scans.rs`.

use std::borrow::Cow;

use fwlog::aggregate::scans::{Kind, Probe};
use hashbrown::HashSet;

use super::aim::{AIMS, Aim, Traits, aim, aims, all_traits, traits};
use super::judge;
use super::runs::{self, Ask, HOUR};

/// An aim that more sources ask for is what all the Internet asks for, and no part of a list that is shared.
const ASKERS: usize = 4;

/// What only a few of the senders that scan nothing by themselves asked for.
#[derive(Clone, Debug, Default)]
pub struct Rare(HashSet<Aim>);

impl Rare {
    /// Of what each of those senders asked for, in any order.
    #[must_use]
    pub fn of(mut asked: Vec<Aim>) -> Rare {
        asked.sort_unstable();
        let rare = || asked.chunk_by(|a, b| a == b).filter(|same| same.len() <= ASKERS);
        let mut set = HashSet::with_capacity(rare().count());
        set.extend(rare().map(|same| same[0]));
        Rare(set)
    }
}

/// Probes of one sender that belong together.
#[derive(Clone, Debug)]
pub struct Part {
    /// The places of its probes, in the order of time.
    pub members: Vec<u32>,
    /// What its packets have in common.
    pub traits: Traits,
    /// Which scan of the sender it is a part of; none if the sender scans nothing.
    pub scan: Option<u32>,
    /// Whether the sender asked for other things too.
    pub among_others: bool,
}

/// The probes that ask for something.
#[must_use]
pub fn asked(probes: &[Probe]) -> Cow<'_, [Probe]> {
    if probes.iter().all(|probe| probe.kind != Kind::Answer) {
        return Cow::Borrowed(probes);
    }
    Cow::Owned(probes.iter().filter(|probe| probe.kind != Kind::Answer).copied().collect())
}

/// The scans of a sender, by tool.
#[must_use]
pub fn scans(asked: &[Probe]) -> Vec<Part> {
    let packets: u64 = asked.iter().map(|probe| u64::from(probe.count)).sum();
    if !judge::may_be(asked.len(), packets) {
        return Vec::new();
    }
    let scans = judge::scans(asked);
    (0..).zip(scans).flat_map(|(number, found)| by_tool(asked, found, number)).collect()
}

/// What a sender that scans nothing by itself may have for its share of a scan, by its runs.
#[must_use]
pub fn shares(asked: &[Probe], rare: &Rare) -> Vec<Part> {
    let is_rare = |probe: &Probe| rare.0.contains(&aim(probe));
    let places: Vec<u32> = (0..).zip(asked).filter(|(_, probe)| is_rare(probe)).map(|(at, _)| at).collect();
    let asks: Vec<Ask> = places.iter().map(|at| Ask::from(&asked[*at as usize])).collect();
    let part = |run: std::ops::Range<usize>| {
        let visits = runs::visits(&asks[run.clone()]).into_iter().filter(|visit| *visit).count();
        let members = places[run].to_vec();
        let own = || members.iter().map(|at| &asked[*at as usize]);
        let aims = aims(own()).len();
        let (traits, _) = *all_traits(own()).first()?;
        // Who comes again and again is no scanner's helper; who asked for more was judged, and is none either.
        let fits = visits <= aims * 2 && aims < AIMS;
        fits.then_some(Part { members, traits, scan: None, among_others: false })
    };
    runs::cut(&asks, HOUR).into_iter().filter_map(part).collect()
}

/// So many aims of one tool are a piece.
const TOOL: usize = 3;

/// A scan by what the sender's tools made, where each asked for enough.
fn by_tool(asked: &[Probe], found: judge::Found, number: u32) -> Vec<Part> {
    let own = || found.members.iter().map(|at| &asked[*at as usize]);
    let all = all_traits(own());
    let Some((main, _)) = all.first().copied() else { return Vec::new() };
    let enough = |(of, count): &&(Traits, usize)| {
        *count >= TOOL && aims(own().filter(|probe| traits(probe) == *of)).len() >= TOOL
    };
    let tools: Vec<Traits> =
        if all.len() == 1 { vec![main] } else { all.iter().filter(enough).map(|(of, _)| *of).collect() };
    let whole =
        |members| Part { members, traits: main, scan: Some(number), among_others: found.among_others };
    if tools.len() < 2 {
        return vec![whole(found.members)];
    }
    let mut parts: Vec<Part> = tools.iter().map(|of| Part { traits: *of, ..whole(Vec::new()) }).collect();
    let rest = tools.iter().position(|of| *of == main).unwrap_or(0);
    for at in &found.members {
        let of = traits(&asked[*at as usize]);
        let part = tools.iter().position(|tool| *tool == of).unwrap_or(rest);
        parts[part].members.push(*at);
    }
    parts
}
