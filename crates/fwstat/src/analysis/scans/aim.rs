//! What a probe is aimed at, and what kind of sender made it.
//!
//! Responsible for: aims; which packets no system's own stack sends; what packets of one tool have in common.
//! Must not know: what a scan is.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::{Kind, Probe};
use logparse::Protocol;

/// So many aims are a scan: of the sources of the background hardly one has three.
pub const AIMS: usize = 5;

/// A destination, a protocol, and a port or a type, as a number: 40 bits for the host, which of IPv6 are a hash.
pub type Aim = u64;

/// What a probe is aimed at.
#[must_use]
pub fn aim(probe: &Probe) -> Aim {
    let host = match probe.is_v6() {
        false => u64::from(probe.dst as u32),
        true => {
            let mixed = (probe.dst as u64 ^ (probe.dst >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            1 << 39 | mixed >> 25
        }
    };
    host << 24 | u64::from(probe.protocol) << 16 | u64::from(probe.dport)
}

/// The host of an aim, as a number of this process only.
#[must_use]
pub fn host(aim: Aim) -> u64 {
    aim >> 24
}

/// The protocol of an aim.
#[must_use]
pub fn protocol(aim: Aim) -> Protocol {
    Protocol((aim >> 16) as u8)
}

/// The port of an aim, if its protocol has ports.
#[must_use]
pub fn port(aim: Aim) -> Option<u16> {
    matches!(aim >> 16 & 0xff, 6 | 17).then_some(aim as u16)
}

/// Different aims of some probes, in order.
#[must_use]
pub fn aims<'p>(probes: impl IntoIterator<Item = &'p Probe>) -> Vec<Aim> {
    distinct(probes.into_iter().map(aim).collect())
}

/// Values in order, each once.
#[must_use]
pub fn distinct<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}

/// Two numbers as one, by which pairs are sorted in less time.
#[inline]
#[must_use]
pub fn pair(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// How many values two sets in order have in common.
#[must_use]
pub fn common(a: &[Aim], b: &[Aim]) -> usize {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    few.iter().filter(|aim| many.binary_search(aim).is_ok()).count()
}

/// Whether it is the SYN of a system's own stack: it has options, and of IPv4 must not be fragmented.
#[must_use]
pub fn is_kernel_syn(probe: &Probe) -> bool {
    probe.kind == Kind::Syn
        && if probe.is_v6() { probe.len >= 72 } else { probe.len >= 48 && probe.is(Probe::<u128>::DF) }
}

/// Whether no system's own stack sends such a packet: a tool made it.
#[must_use]
pub fn is_made(probe: &Probe) -> bool {
    let bare = !probe.is(Probe::<u128>::DF) && matches!(probe.window, 512 | 1_024 | 65_535);
    match probe.kind {
        Kind::Syn => !is_kernel_syn(probe),
        Kind::Fin | Kind::Null | Kind::Xmas | Kind::Odd | Kind::Os => true,
        Kind::Maimon | Kind::Ack => bare,
        // Some 200 protocols that are not in use.
        Kind::Protocol => true,
        _ => false,
    }
}

/// Whether a tool made four in five of some packets.
#[must_use]
pub fn are_made<'p>(probes: impl IntoIterator<Item = &'p Probe>) -> bool {
    let (mut all, mut made) = (0, 0);
    for probe in probes {
        all += 1;
        made += usize::from(is_made(probe));
    }
    made * 5 >= all * 4
}

/// What packets of one sender's tool have in common, as one number: what is asked, window, length, DF, the TTL only as the
/// class it began with, since nmap's is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traits(u64);

impl Traits {
    /// Whether what is asked is one of these.
    #[must_use]
    pub fn is_of(self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| self.0 >> KIND == *kind as u64)
    }
}

/// Bits below what is asked.
const KIND: u32 = 42;

/// The traits of a probe.
#[inline]
#[must_use]
pub fn traits(probe: &Probe) -> Traits {
    let len = if probe.protocol == 6 { u64::from(probe.len) } else { 0 };
    let began = match probe.ttl {
        0..=64 => 0,
        65..=128 => 1,
        _ => 2,
    };
    let df = u64::from(probe.is(Probe::<u128>::DF));
    Traits((probe.kind as u64) << KIND | u64::from(probe.window) << 19 | len << 3 | df << 2 | began)
}

/// Different traits of one sender that are counted: a sender that makes up all of them has no tool that could be told.
const TRAITS: usize = 64;

/// The traits of some probes, with how many have each, and which one each probe has, if it was counted; in the order in which
/// they come.
#[must_use]
pub fn counted_traits<'p>(
    probes: impl IntoIterator<Item = &'p Probe>,
) -> (Vec<(Traits, usize)>, Vec<Option<u8>>) {
    let mut counts: Vec<(Traits, usize)> = Vec::new();
    let mut last = None;
    let each = probes.into_iter().map(|probe| {
        let own = traits(probe);
        if let Some((of, at)) = last
            && of == own
        {
            let at: usize = at;
            counts[at].1 += 1;
            return Some(at as u8);
        }
        let at = match counts.iter().position(|(traits, _)| *traits == own) {
            Some(at) => at,
            None if counts.len() >= TRAITS => return None,
            None => {
                counts.push((own, 0));
                counts.len() - 1
            }
        };
        counts[at].1 += 1;
        last = Some((own, at));
        Some(at as u8)
    });
    let each = each.collect();
    (counts, each)
}

/// What most of some probes have in common; of as many, the first in their order.
#[must_use]
pub fn main_traits<'p>(probes: impl IntoIterator<Item = &'p Probe>) -> Option<Traits> {
    let (counts, _) = counted_traits(probes);
    main_of(&counts)
}

/// The one that most have.
#[must_use]
pub fn main_of(counts: &[(Traits, usize)]) -> Option<Traits> {
    counts
        .iter()
        .min_by_key(|(traits, count)| (std::cmp::Reverse(*count), *traits))
        .map(|(traits, _)| *traits)
}
