//! One sender's probes as pieces: what it asked for in one run with one tool.
//!
//! Responsible for: that the same probes give the same pieces, whenever they are asked for.
//! Must not know: which pieces of several senders belong together.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::Probe;
use hashbrown::HashSet;

use super::aim::{AIMS, Aim, Traits, aim, aims, counted_traits, is_made, main_of, main_traits, traits};
use super::judge;
use super::runs::{self, Ask, HOUR};
use super::twins::Twins;

/// An aim that more sources ask for is what all the Internet asks for, and no part of a list that is shared.
const ASKERS: usize = 4;

/// By what senders that scan nothing by themselves may belong together.
#[derive(Clone, Debug, Default)]
pub struct Rare {
    /// What only a few of them asked for.
    aims: HashSet<Aim>,
    /// Packets that some have in common.
    twins: Twins,
}

impl Rare {
    /// Of what each of those senders asked for, in any order, and of packets.
    #[must_use]
    pub fn of(mut asked: Vec<Aim>, twins: Twins) -> Rare {
        asked.sort_unstable();
        let rare = || asked.chunk_by(|a, b| a == b).filter(|same| same.len() <= ASKERS);
        let mut aims = HashSet::with_capacity(rare().count());
        aims.extend(rare().map(|same| same[0]));
        Rare { aims, twins }
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
    /// Whether others sent the same packets.
    pub decoy: bool,
}

/// The scans of a sender, by tool.
#[must_use]
pub fn scans(asked: &[Probe]) -> Vec<Part> {
    if !judge::may_be(asked) {
        return Vec::new();
    }
    let scans = judge::scans(asked);
    (0..).zip(scans).flat_map(|(number, found)| by_tool(asked, found, number)).collect()
}

/// What a sender that scans nothing by itself may have for its share of a scan, by its runs.
#[must_use]
pub fn shares(asked: &[Probe], rare: &Rare) -> Vec<Part> {
    let mut shares = decoys(asked, &rare.twins);
    let is_decoy = |at: &u32| shares.iter().any(|part| part.members.binary_search(at).is_ok());
    let is_rare = |(_, probe): &(u32, &Probe)| rare.aims.contains(&aim(probe));
    let places = (0..).zip(asked).filter(is_rare).map(|(at, _)| at).filter(|at| !is_decoy(at));
    let places: Vec<u32> = places.collect();
    let asks: Vec<Ask> = places.iter().map(|at| Ask::from(&asked[*at as usize])).collect();
    let part = |run: std::ops::Range<usize>| {
        // Most have asked once.
        if let [only] = places[run.clone()] {
            let traits = traits(&asked[only as usize]);
            return Some(share(vec![only], traits));
        }
        let visits = runs::visits(&asks[run.clone()]).into_iter().filter(|visit| *visit).count();
        let members = places[run].to_vec();
        let own = || members.iter().map(|at| &asked[*at as usize]);
        let aims = aims(own()).len();
        let traits = main_traits(own())?;
        // Who comes again and again is no scanner's helper; who asked for more was judged, and is none either.
        let fits = visits <= aims * 2 && aims < AIMS;
        fits.then(|| share(members, traits))
    };
    shares.extend(runs::cut(&asks, HOUR).into_iter().filter_map(part));
    shares
}

/// A part of what a sender asked for that scans nothing by itself.
fn share(members: Vec<u32>, traits: Traits) -> Part {
    Part { members, traits, scan: None, among_others: false, decoy: false }
}

/// Runs of packets that a tool made, some of which others sent too.
fn decoys(asked: &[Probe], twins: &Twins) -> Vec<Part> {
    if !asked.iter().any(|probe| twins.has(probe)) {
        return Vec::new();
    }
    let is_of_tool = |probe: &Probe| probe.protocol == 6 && is_made(probe);
    let places: Vec<u32> =
        (0..).zip(asked).filter(|(_, probe)| is_of_tool(probe)).map(|(at, _)| at).collect();
    let asks: Vec<Ask> = places.iter().map(|at| Ask::from(&asked[*at as usize])).collect();
    let part = |run: std::ops::Range<usize>| {
        let own = || places[run.clone()].iter().map(|at| &asked[*at as usize]);
        let has_twins = own().any(|probe| twins.has(probe));
        has_twins
            .then(|| Some(Part { decoy: true, ..share(places[run.clone()].to_vec(), main_traits(own())?) }))?
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
        |members| Part { scan: Some(number), among_others: found.among_others, ..share(members, main) };
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
