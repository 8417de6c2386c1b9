//! What a probe is aimed at, and what kind of sender made it.
//!
//! Responsible for: aims; which packets no system's own stack sends; what packets of one tool have in common.
//! Must not know: what a scan is.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::BTreeMap;

use fwlog::aggregate::scans::{Kind, Probe};

/// A destination, a protocol, and a port or a type.
pub type Aim = (u128, u8, u16);

/// So many aims are a scan: of the sources of the background hardly one has three.
pub const AIMS: usize = 5;

/// What a probe is aimed at.
#[must_use]
pub fn aim(probe: &Probe) -> Aim {
    (probe.dst, probe.protocol, probe.dport)
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
        // Some 200 protocols that nobody speaks.
        Kind::Protocol => true,
        _ => false,
    }
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
        began: if probe.ttl <= 64 {
            64
        } else if probe.ttl <= 128 {
            128
        } else {
            255
        },
    }
}

/// The traits that most of some probes have; the first of equal ones.
#[must_use]
pub fn main_traits(probes: &[Probe]) -> Option<Traits> {
    let mut counts: BTreeMap<Traits, usize> = BTreeMap::new();
    for probe in probes {
        *counts.entry(traits(probe)).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(traits, count)| (*count, std::cmp::Reverse(*traits)))
        .map(|(traits, _)| traits)
}
