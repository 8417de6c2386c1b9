//! Few aims that are a scan all the same: the packets could not come from a system's own stack.
//!
//! The background has lone packets with flags that nothing sends, hours apart, and scanners that ask for one or two things by
//! packets of tools. So what counts here is what neither has: the same flags for several things within a minute, or one
//! question many times at once with hops that change.
//!
//! Responsible for: which packets these are, and how few of them are enough.
//! Must not know: senders that belong together.
//! Tested by: the unit tests below, `tests/cli/few_aims.rs`.

use fwlog::aggregate::scans::{Kind, Probe};

use super::aim::{AIMS, aims, are_made, is_made};

/// So many things are enough where there is no doubt how the packets were made.
pub const FEWEST: usize = 2;
/// A client whose flags something on the way damages asks for a service or two, as a web server's ports.
const FLAGS: usize = 3;
/// Packets with such flags go together without a longer pause.
const TOGETHER: i64 = 60_000;
/// A system repeats a SYN within a minute at most seven times, from one port and over one path; nmap asks once or twice.
const REPEATS: u32 = 5;
/// Paths do not become so much longer or shorter within a minute: nmap's TTLs are random, over 23 values.
const HOPS: u8 = 8;
/// Packets for each aim: more are a flood.
const PACKETS: u64 = 8;

/// Flags that no system sends: FIN alone, none, FIN with PSH and URG, other nonsense.
const ODD: [Kind; 4] = [Kind::Fin, Kind::Null, Kind::Xmas, Kind::Odd];

/// Whether no system sends such flags.
#[inline]
#[must_use]
pub fn has_odd_flags(probe: &Probe) -> bool {
    matches!(probe.kind, Kind::Fin | Kind::Null | Kind::Xmas | Kind::Odd)
}

/// Whether a tool asked many times at once, with hops that changed.
fn is_renewed(probe: &Probe) -> bool {
    // Behind one address there may be systems that begin with other TTLs.
    let (least, most) = probe.ttls;
    probe.count >= REPEATS && most <= 64 && most - least >= HOPS && is_made(probe)
}

/// Whether some probes of one source, in the order of time, are a scan although they are of few aims.
#[must_use]
pub fn is_scan(probes: &[Probe]) -> bool {
    let odd = |probe: &&Probe| has_odd_flags(probe);
    let is_renewing = probes.len() >= FEWEST && probes.iter().any(is_renewed);
    if !is_renewing && probes.iter().filter(odd).nth(FLAGS - 1).is_none() {
        return false;
    }
    let aims = aims(probes).len();
    let packets: u64 = probes.iter().map(|probe| u64::from(probe.count)).sum();
    aims >= FEWEST
        && packets <= aims as u64 * PACKETS
        && are_made(probes)
        && (is_renewing || ODD.iter().any(|kind| asks_at_once(probes, *kind)))
}

/// Several things by the same odd flags, one behind the other.
fn asks_at_once(probes: &[Probe], kind: Kind) -> bool {
    let own: Vec<&Probe> = probes.iter().filter(|probe| probe.kind == kind).collect();
    own.chunk_by(|a, b| b.begin() - a.end() <= TOGETHER)
        .any(|together| aims(together.iter().copied()).len() >= FLAGS)
}

/// Whether so few aims are a scan only because of how the packets were made.
#[must_use]
pub fn is_why(aims: usize, probes: &[Probe]) -> bool {
    aims < AIMS && are_made(probes) && probes.iter().all(|probe| probe.kind != Kind::Sctp)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a packet asked for, after so many seconds.
    fn probe(seconds: u16, dport: u16, kind: Kind) -> Probe {
        Probe {
            src: 0xffff_c000_0209,
            dst: 0xffff_c633_6407,
            slot: 28_000_000,
            first: seconds * 1_000,
            last: seconds * 1_000,
            order: u32::from(seconds),
            count: 1,
            sport: 40_000,
            dport,
            window: 1_024,
            len: 44,
            id: 7,
            protocol: 6,
            kind,
            ttl: 50,
            ttls: (50, 50),
            marks: Probe::<u128>::PORTS,
        }
    }

    #[test]
    fn the_same_odd_flags_for_three_things_within_a_minute_are_a_scan() {
        let of = |kind: Kind, seconds: [u16; 3]| -> Vec<Probe> {
            (0..).zip(seconds).map(|(n, at)| probe(at, 80 + n, kind)).collect()
        };
        for kind in ODD {
            assert!(is_scan(&of(kind, [0, 1, 2])), "{kind:?}");
            assert!(!is_scan(&of(kind, [0, 1, 2])[..2]), "{kind:?}");
        }
        assert!(!is_scan(&of(Kind::Syn, [0, 1, 2])));
        // Hours apart: what the background has.
        let mut slow = of(Kind::Null, [0, 1, 2]);
        (0..).zip(&mut slow).for_each(|(n, probe)| probe.slot += n * 100);
        assert!(!is_scan(&slow));
        // One thing again and again, and different flags.
        assert!(!is_scan(&[0, 1, 2].map(|at| probe(at, 80, Kind::Xmas))));
        let mut mixed = of(Kind::Null, [0, 1, 2]);
        mixed[1].kind = Kind::Fin;
        assert!(!is_scan(&mixed));
        // Among what an ordinary system asks for they are not the run.
        let ordinary =
            Probe { len: 60, window: 64_240, marks: Probe::<u128>::DF, ..probe(3, 443, Kind::Syn) };
        assert!(!is_scan(&[of(Kind::Null, [0, 1, 2]), vec![ordinary; 2]].concat()));
    }

    #[test]
    fn one_question_many_times_with_other_hops_is_a_tool() {
        let many = Probe { count: 9, ttls: (38, 58), ..probe(0, 23, Kind::Syn) };
        let once = probe(1, 2_323, Kind::Syn);
        assert!(is_scan(&[many, once]));
        // Alone, with one TTL, behind an address of two kinds of systems, by a system's own stack, as a flood.
        assert!(!is_scan(&[many]));
        assert!(!is_scan(&[Probe { ttls: (50, 52), ..many }, once]));
        assert!(!is_scan(&[Probe { ttls: (50, 118), ..many }, once]));
        let system = |p: Probe| Probe { len: 60, marks: p.marks | Probe::<u128>::DF, ..p };
        assert!(!is_scan(&[system(many), system(once)]));
        assert!(!is_scan(&[Probe { count: 9_000, ..many }, once]));
        // Twice is what nmap does to everyone: then as many aims are needed as of any other.
        assert!(!is_scan(&[Probe { count: 2, ..many }, once]));
    }
}
