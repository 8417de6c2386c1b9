//! Packets by which decoys are known: whoever sends them takes the names of others, and so the same packet comes from many.
//!
//! Of nmap's decoys each probe has one source port and one ID. What many strangers' tools write into every packet (no ID,
//! ID 256 from port 6000, zmap's 54321) says nothing, so packets with several IDs are asked for. With flags that no system
//! sends the source port is enough: hardly anybody sends such packets, and two strangers would not have one of 64,000 ports
//! at one moment.
//!
//! Responsible for: marks, as numbers, and which of them several senders have.
//! Must not know: what a scan is.
//! Tested by: the unit tests below, `tests/cli/few_aims.rs`.

use fwlog::aggregate::scans::{Kind, Probe};
use hashbrown::HashSet;

use super::aim::{AIMS, Aim, aim, distinct, host, is_made};
use super::made;

/// What two packets of decoys have in common: above a hash, below the IP ID.
pub type Mark = u64;

/// Senders of one packet at least.
pub const SENDERS: usize = 3;
/// And at most: nmap takes 128 decoys. The same packet from more is a flood.
const MOST: usize = 128;
/// Marks that are kept of a piece.
const MARKS: usize = 32;
/// The bit of a mark of one packet; those of source ports have none, and so are the first in order.
const PACKET: Mark = 1 << 63;

fn mixed(aim: Aim, packet: u64) -> Mark {
    let mixed = (aim ^ packet.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// The mark of a packet: aim, source port, window, IP ID.
fn of_packet(probe: &Probe) -> Mark {
    let packet = u64::from(probe.sport) << 32 | u64::from(probe.window) << 16 | u64::from(probe.id);
    PACKET | mixed(aim(probe), packet) >> 17 << 16 | u64::from(probe.id)
}

/// The mark of a source port that odd flags come from: whom they ask, by which flags.
fn of_port(probe: &Probe) -> Option<Mark> {
    // Low ports are chosen, high ones are given.
    let is_given = made::has_odd_flags(probe) && probe.sport >= 1_024;
    is_given.then(|| mixed(host(aim(probe)), u64::from(probe.sport) << 8 | probe.kind as u64) >> 17 << 16)
}

/// What decoys' packets have in common, the smallest of all marks.
#[must_use]
pub fn marks<'p>(probes: impl IntoIterator<Item = &'p Probe>) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    // What is larger than enough others is none of the smallest.
    let mut limit = Mark::MAX;
    for probe in probes.into_iter().filter(|probe| probe.protocol == 6) {
        marks.extend(
            [of_port(probe), Some(of_packet(probe))].into_iter().flatten().filter(|mark| *mark <= limit),
        );
        if marks.len() >= 8 * MARKS {
            marks = smallest(marks);
            limit = marks.get(MARKS - 1).copied().unwrap_or(Mark::MAX);
        }
    }
    smallest(marks)
}

fn smallest(marks: Vec<Mark>) -> Vec<Mark> {
    let mut marks = distinct(marks);
    marks.truncate(MARKS);
    marks
}

/// Whether marks that several senders have leave no doubt.
#[must_use]
pub fn are_sure(marks: &[Mark]) -> bool {
    let ids = || marks.iter().map(|mark| *mark as u16).filter(|id| *id != 0);
    let first = ids().next();
    marks.len() >= AIMS || marks.iter().any(|mark| mark & PACKET == 0) || ids().any(|id| Some(id) != first)
}

/// Those of some marks, in order, that are there for enough senders, and for so many at most.
#[must_use]
pub fn often(mut all: Vec<Mark>, most: usize) -> Vec<Mark> {
    all.sort_unstable();
    let some = all.chunk_by(|a, b| a == b).filter(|same| (SENDERS..=most).contains(&same.len()));
    some.map(|same| same[0]).collect()
}

/// Marks that senders may have in common, from all of them.
#[derive(Debug, Default)]
pub struct Seen(Vec<Mark>);

impl Seen {
    /// Adds those of a sender that scans nothing by itself, or something.
    pub fn add(&mut self, asked: &[Probe], is_scanner: bool) {
        let from = self.0.len();
        for probe in asked {
            if let Some(mark) = of_port(probe) {
                self.0.push(mark);
            }
        }
        // Of nearly all senders there is one packet, or several that say nothing.
        if !is_scanner && asked.len() > 1 {
            let mut packets = asked.iter().filter(|probe| is_telling(probe));
            if let Some(first) = packets.next()
                && packets.any(|other| other.id != first.id)
            {
                self.0.extend(asked.iter().filter(|probe| is_telling(probe)).map(of_packet));
            }
        }
        if self.0.len() - from > 1 {
            // Each once, where it is.
            self.0[from..].sort_unstable();
            let mut end = from + 1;
            for at in from + 1..self.0.len() {
                if self.0[at] != self.0[end - 1] {
                    self.0[end] = self.0[at];
                    end += 1;
                }
            }
            self.0.truncate(end);
        }
    }
}

/// Whether a packet of a tool has an ID that tells it from others.
fn is_telling(probe: &Probe) -> bool {
    probe.kind == Kind::Syn && probe.id != 0 && is_made(probe)
}

/// Marks that some senders have in common, and not many.
#[derive(Clone, Debug, Default)]
pub struct Twins(HashSet<Mark>);

impl Twins {
    /// Of the marks of all.
    #[must_use]
    pub fn of(Seen(all): Seen) -> Twins {
        Twins(often(all, MOST).into_iter().collect())
    }

    /// Whether a probe may be a decoy's.
    #[must_use]
    pub fn has(&self, probe: &Probe) -> bool {
        // Of nearly all logs there are none.
        !self.0.is_empty()
            && probe.protocol == 6
            && (self.0.contains(&of_packet(probe))
                || of_port(probe).is_some_and(|mark| self.0.contains(&mark)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(src: u32, dport: u16, id: u16, kind: Kind) -> Probe {
        Probe {
            src: 0xffff_0000_0000 | u128::from(src),
            dst: 0xffff_c633_6407,
            slot: 28_000_000,
            first: 0,
            last: 0,
            order: 0,
            count: 1,
            sport: 40_000,
            dport,
            window: 1_024,
            len: 40,
            id,
            protocol: 6,
            kind,
            ttl: 50,
            ttls: (50, 50),
            marks: Probe::<u128>::PORTS,
        }
    }

    /// Whether a probe of the last of so many senders of the same packets may be a decoy's.
    fn is_twin(senders: u32, packets: impl Fn(u32) -> Vec<Probe>) -> bool {
        let mut seen = Seen::default();
        (0..senders).for_each(|src| seen.add(&packets(src), false));
        Twins::of(seen).has(packets(senders - 1).last().unwrap())
    }

    #[test]
    fn a_packet_of_a_few_senders_is_a_decoys() {
        let two = |src| vec![probe(src, 22, 7, Kind::Syn), probe(src, 80, 8, Kind::Syn)];
        assert!(is_twin(3, two) && is_twin(128, two));
        assert!(!is_twin(2, two) && !is_twin(129, two));
        // One packet of each, and tools that give all packets one ID, say nothing.
        assert!(!is_twin(5, |src| vec![probe(src, 22, 7, Kind::Syn)]));
        assert!(!is_twin(5, |src| vec![probe(src, 22, 256, Kind::Syn), probe(src, 80, 256, Kind::Syn)]));
        // From one sender again and again it is no more than once.
        assert!(!is_twin(2, |src| [two(src), two(src)].concat()));
        // Odd flags need one packet, of whatever ID, from one port.
        assert!(is_twin(3, |src| vec![probe(src, 22 + src as u16, src as u16, Kind::Xmas)]));
        assert!(!is_twin(3, |src| vec![Probe {
            sport: 2_000 + src as u16,
            ..probe(src, 22, 7, Kind::Xmas)
        }]));
    }

    #[test]
    fn several_ids_or_one_port_of_odd_flags_leave_no_doubt() {
        let of = |packets: &[Probe]| are_sure(&marks(packets));
        let syn = |dport, id| probe(1, dport, id, Kind::Syn);
        assert!(of(&[syn(22, 7), syn(80, 8)]));
        assert!(!of(&[syn(22, 7)]));
        assert!(!of(&[syn(22, 256), syn(80, 256), syn(443, 256)]));
        assert!(!of(&[syn(22, 0), syn(80, 0), syn(443, 0)]));
        assert!(of(&[probe(1, 22, 0, Kind::Null)]));
        assert!(!of(&[Probe { sport: 80, ..probe(1, 22, 0, Kind::Null) }]));
    }
}
