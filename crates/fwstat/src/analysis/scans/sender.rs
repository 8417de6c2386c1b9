//! One sender's probes as pieces: what it asked for in one run with one tool.
//!
//! Responsible for: that the same probes give the same pieces, whenever they are asked for.
//! Must not know: which pieces of several senders belong together.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::Probe;
use hashbrown::HashSet;

use super::aim::{AIMS, Aim, Traits, aim, aims, counted_traits, main_of, main_traits, traits};
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
        // Most have asked once.
        if let [only] = places[run.clone()] {
            let traits = traits(&asked[only as usize]);
            return Some(Part { members: vec![only], traits, scan: None, among_others: false });
        }
        let visits = runs::visits(&asks[run.clone()]).into_iter().filter(|visit| *visit).count();
        let members = places[run].to_vec();
        let own = || members.iter().map(|at| &asked[*at as usize]);
        let aims = aims(own()).len();
        let traits = main_traits(own())?;
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
    let (counts, each) = counted_traits(own());
    let Some(main) = main_of(&counts) else { return Vec::new() };
    let whole =
        |members| Part { members, traits: main, scan: Some(number), among_others: found.among_others };
    // Of each as many different aims as are needed.
    let mut few: Vec<Vec<Aim>> = vec![Vec::new(); counts.len()];
    if counts.len() > 1 {
        for (aim, of) in own().map(aim).zip(&each) {
            let Some(few) = of.map(|of| &mut few[usize::from(of)]) else { continue };
            if few.len() < TOOL && !few.contains(&aim) {
                few.push(aim);
            }
        }
    }
    let mut tools: Vec<usize> = (0..counts.len()).filter(|of| few[*of].len() >= TOOL).collect();
    if tools.len() < 2 {
        return vec![whole(found.members)];
    }
    tools.sort_unstable_by_key(|of| (std::cmp::Reverse(counts[*of].1), counts[*of].0));
    let mut parts: Vec<Part> =
        tools.iter().map(|of| Part { traits: counts[*of].0, ..whole(Vec::new()) }).collect();
    // What has other traits goes with most of the rest.
    let rest = parts.iter().position(|part| part.traits == main).unwrap_or(0);
    let mut part_of = vec![rest; counts.len()];
    for (part, of) in tools.into_iter().enumerate() {
        part_of[of] = part;
    }
    for (at, of) in found.members.iter().zip(each) {
        parts[of.map_or(rest, |of| part_of[usize::from(of)])].members.push(*at);
    }
    parts
}
