//! What a probe is aimed at, and what kind of sender made it.
//!
//! Responsible for: aims; which packets no system's own stack sends; what packets of one tool have in common.
//! Must not know: what a scan is.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::{Kind, Probe};
use fwlog::sorting::InOrder as _;

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

/// What packets of one sender's tool have in common. The TTL only as the class it began with: nmap's is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traits {
    /// What is asked.
    pub kind: Kind,
    window: u16,
    len: u16,
    df: bool,
    began: u8,
}

/// The traits of a probe.
#[must_use]
pub fn traits(probe: &Probe) -> Traits {
    let tcp = probe.protocol == 6;
    Traits {
        kind: probe.kind,
        window: probe.window,
        len: if tcp { probe.len } else { 0 },
        df: probe.is(Probe::<u128>::DF),
        began: match probe.ttl {
            0..=64 => 64,
            65..=128 => 128,
            _ => 255,
        },
    }
}

/// The traits of some probes, with how many have each; most first, ties in their order.
#[must_use]
pub fn all_traits<'p>(probes: impl IntoIterator<Item = &'p Probe>) -> Vec<(Traits, usize)> {
    let mut counts: Vec<(Traits, usize)> = Vec::new();
    for probe in probes {
        let own = traits(probe);
        match counts.iter().position(|(traits, _)| *traits == own) {
            Some(at) => counts[at].1 += 1,
            // A sender that makes up all of them has no tool that could be told.
            None if counts.len() >= 64 => {}
            None => counts.push((own, 1)),
        }
    }
    counts.order_by_key(|(traits, count)| (std::cmp::Reverse(*count), *traits));
    counts
}
