//! A scan as it is told: one row, however many packets, sources or days.
//!
//! Responsible for: what is said of a scan, from its probes.
//! Must not know: how probes were found to be one scan, how it is shown.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::{BTreeMap, BTreeSet};

use fwlog::aggregate::scans::{Kind, Probe};

use super::aim::{Aim, aim, is_made};
use super::merge::{How, Scan};
use super::{likeness, ports, runs, tool};
use fwlog::services;

/// How sure it is that this is a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// A few aims, by packets that any program may send.
    Low,
    /// Some aims, or packets that only tools send.
    Medium,
    /// Many aims.
    High,
}

impl Confidence {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// Parts of a campaign's timeline.
pub const PARTS: usize = 24;

/// One scan.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// A name that stays: made of its first source, its first moment and its technique.
    pub id: String,
    /// First and last packet, in milliseconds since 1970; none where moments are not known.
    pub span: Option<(i64, i64)>,
    /// What is asked: syn, connect, fin ...
    pub technique: &'static str,
    /// What else was asked.
    pub also: Vec<&'static str>,
    /// vertical, horizontal, block; distributed-... of several sources, decoy.
    pub shape: String,
    /// The typical pause is longer than a minute.
    pub slow: bool,
    /// Who asked.
    pub sources: BTreeSet<u128>,
    /// Who was asked.
    pub targets: BTreeSet<u128>,
    /// The ports, by protocol.
    pub ports: BTreeMap<u8, BTreeSet<u16>>,
    /// The list of ports that they are of, and the part of it.
    pub list: Option<(String, f64)>,
    /// How the ports followed each other.
    pub order: Option<&'static str>,
    /// Packets: probes, repeats, and answers of the sources within its time.
    pub packets: u64,
    /// Those of them that answer.
    pub answers: u64,
    /// Different things that were asked for.
    pub aims: usize,
    /// The typical pause in milliseconds.
    pub pause: i64,
    /// What made the packets; none if it cannot be told.
    pub tool: Option<&'static str>,
    /// The fields that say so.
    pub traits: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// The rule that decided.
    pub why: String,
    /// Packets over its time.
    pub timeline: Vec<u64>,
}

impl Campaign {
    /// What is said of a scan with so many answers of its sources.
    #[must_use]
    pub fn of(scan: &Scan, answers: u64) -> Campaign {
        let probes = &scan.probes;
        let aims: BTreeSet<Aim> = probes.iter().map(aim).collect();
        let sources: BTreeSet<u128> = probes.iter().map(|probe| probe.src).collect();
        let targets: BTreeSet<u128> = probes.iter().map(|probe| probe.dst).collect();
        let mut by_protocol: BTreeMap<u8, BTreeSet<u16>> = BTreeMap::new();
        for probe in probes.iter().filter(|probe| probe.is(Probe::<u128>::PORTS)) {
            by_protocol.entry(probe.protocol).or_default().insert(probe.dport);
        }
        let (technique, also) = tool::techniques(probes);
        let last = probes.iter().map(Probe::end).max().unwrap_or(0);
        let span = probes.first().filter(|first| first.slot > 0).map(|first| (first.begin(), last));
        let pause = runs::typical_pause(probes);
        let main = by_protocol.iter().max_by_key(|(_, ports)| ports.len());
        let list =
            main.filter(|(_, ports)| ports.len() >= 5).and_then(|(of, ports)| ports::list_of(*of, ports));
        let order = ports::order(&first_asked(probes));
        let listed =
            order == Some("shuffled") && list.as_ref().is_some_and(|(name, _)| name.starts_with("nmap"));
        let (tool, traits) = tool::tool(probes, listed);
        let packets = probes.iter().map(|probe| u64::from(probe.count)).sum::<u64>() + answers;
        Campaign {
            id: id(probes, technique),
            shape: shape(scan.how, technique, sources.len(), targets.len(), &by_protocol),
            slow: pause > 60_000,
            list,
            order,
            confidence: confidence(scan, aims.len()),
            why: why(scan, &sources, &targets, aims.len()),
            timeline: timeline(probes, span),
            packets,
            answers,
            aims: aims.len(),
            span,
            technique,
            also,
            sources,
            targets,
            ports: by_protocol,
            pause,
            tool,
            traits,
        }
    }

    /// How many ports there are.
    #[must_use]
    pub fn port_count(&self) -> usize {
        self.ports.values().map(BTreeSet::len).sum()
    }
}

/// Ports as they were first asked for.
fn first_asked(probes: &[Probe]) -> Vec<u16> {
    let mut seen = BTreeSet::new();
    let with = probes.iter().filter(|probe| probe.is(Probe::<u128>::PORTS));
    with.filter(|probe| seen.insert((probe.protocol, probe.dport))).map(|probe| probe.dport).collect()
}

fn shape(
    how: How,
    technique: &str,
    sources: usize,
    targets: usize,
    ports: &BTreeMap<u8, BTreeSet<u16>>,
) -> String {
    if how == How::Decoys {
        return "decoy".to_owned();
    }
    let count: usize = ports.values().map(BTreeSet::len).sum();
    // Who looks for hosts asks each for what may be answered.
    let looks = matches!(technique, "ping" | "icmp-timestamp" | "icmp-mask");
    let shape = match targets {
        1 => "vertical",
        _ if count <= 1 || looks => "horizontal",
        _ => "block",
    };
    if sources > 1 { format!("distributed-{shape}") } else { shape.to_owned() }
}

/// Services that no program asks for together.
const SERVICES: usize = 5;

fn confidence(scan: &Scan, aims: usize) -> Confidence {
    let known: BTreeSet<u16> = scan
        .probes
        .iter()
        .filter(|probe| probe.is(Probe::<u128>::PORTS))
        .filter(|probe| services::name(logparse::Protocol(probe.protocol), probe.dport).is_some())
        .map(|probe| probe.dport)
        .collect();
    let made = scan.probes.iter().filter(|probe| is_made(probe)).count() * 5 >= scan.probes.len() * 4;
    let sctp = scan.probes.iter().any(|probe| probe.kind == Kind::Sctp);
    match aims {
        25.. => Confidence::High,
        10.. if made => Confidence::High,
        10.. => Confidence::Medium,
        _ if made || sctp || likeness::applications(&known) >= SERVICES => Confidence::Medium,
        _ => Confidence::Low,
    }
}

fn why(scan: &Scan, sources: &BTreeSet<u128>, targets: &BTreeSet<u128>, aims: usize) -> String {
    let asked = match targets.len() {
        1 => format!("{aims} ports or protocols of one host"),
        hosts => format!("{aims} ports or types of {hosts} hosts"),
    };
    let senders = sources.len();
    let mut why = match scan.how {
        How::Alone => format!("one source asked for {asked}, hardly any of them again"),
        How::Decoys => {
            format!("{senders} sources sent the same packets at the same time: at most one of them is real")
        }
        How::Neighbours => format!("{senders} sources of one network divide {asked}"),
        How::Divided => {
            format!("{senders} sources divide {asked}: strangers would have asked for the same ones")
        }
    };
    if scan.among_others {
        why.push_str("; what the source asked for again and again is left out");
    }
    why
}

/// Packets in equal parts of the time.
fn timeline(probes: &[Probe], span: Option<(i64, i64)>) -> Vec<u64> {
    let Some((first, last)) = span else { return Vec::new() };
    let mut parts = vec![0; PARTS];
    let width = (last - first).max(1);
    for probe in probes {
        let at = i128::from(probe.begin() - first) * PARTS as i128 / i128::from(width);
        parts[(at as usize).min(PARTS - 1)] += u64::from(probe.count);
    }
    parts
}

/// FNV-1a: the same on every machine.
fn id(probes: &[Probe], technique: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    if let Some(first) = probes.first() {
        take(&first.src.to_be_bytes());
        take(&first.begin().to_be_bytes());
    }
    take(technique.as_bytes());
    format!("{:08x}", (hash >> 32) as u32 ^ hash as u32)
}
