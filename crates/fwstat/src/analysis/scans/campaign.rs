//! A scan as it is told: one row, however many packets, sources or days.
//!
//! Responsible for: what is said of a scan, from its probes.
//! Must not know: how probes were found to be one scan, how it is shown.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::Probe;
use fwlog::services;
use logparse::Protocol;

use super::aim::{Aim, aims, are_made, distinct, protocol};
use super::merge::How;
use super::{likeness, made, ports, runs, tool};

/// What was found to be one scan.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'p> {
    /// Its probes, in the order of time.
    pub probes: &'p [Probe],
    /// How its senders belong together.
    pub how: How,
    /// Whether its sources asked for other things too, which are no part of it.
    pub among_others: bool,
    /// Answers of its sources within its time.
    pub answers: u64,
}

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
    /// Who asked, in order.
    pub sources: Box<[u128]>,
    /// Who was asked, in order.
    pub targets: Box<[u128]>,
    /// The ports of each protocol, in order.
    pub ports: Vec<(u8, Box<[u16]>)>,
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
    /// What is said of a scan.
    #[must_use]
    pub fn of(scan: &Scan<'_>) -> Campaign {
        let probes = scan.probes;
        let aims = aims(probes);
        let set = |of: fn(&Probe) -> u128| distinct(probes.iter().map(of).collect()).into_boxed_slice();
        let (sources, targets) = (set(|probe| probe.src), set(|probe| probe.dst));
        let by_protocol = by_protocol(probes);
        let (technique, also) = tool::techniques(probes);
        let last = probes.iter().map(Probe::end).max().unwrap_or(0);
        let span = probes.first().filter(|first| first.slot > 0).map(|first| (first.begin(), last));
        let pause = runs::typical_pause(probes);
        let main = by_protocol.iter().max_by_key(|(_, ports)| ports.len());
        let list = main.and_then(|(of, ports)| ports::list_of(*of, ports));
        let order = ports::order(&first_asked(probes));
        let listed =
            order == Some("shuffled") && list.as_ref().is_some_and(|(name, _)| name.starts_with("nmap"));
        let (tool, traits) = tool::tool(probes, listed);
        let packets = probes.iter().map(|probe| u64::from(probe.count)).sum::<u64>() + scan.answers;
        Campaign {
            id: id(probes, technique),
            shape: shape(scan.how, technique, sources.len(), targets.len(), &by_protocol),
            slow: pause > 60_000,
            confidence: confidence(&aims, are_made(probes)),
            why: why(scan, sources.len(), targets.len(), aims.len()),
            timeline: timeline(probes, span),
            ports: by_protocol,
            answers: scan.answers,
            list,
            order,
            packets,
            aims: aims.len(),
            span,
            technique,
            also,
            sources,
            targets,
            pause,
            tool,
            traits,
        }
    }

    /// How many ports there are.
    #[must_use]
    pub fn port_count(&self) -> usize {
        count(&self.ports)
    }
}

/// The ports of each protocol.
fn by_protocol(probes: &[Probe]) -> Vec<(u8, Box<[u16]>)> {
    let with = probes.iter().filter(|probe| probe.is(Probe::<u128>::PORTS));
    let all = distinct(with.map(|probe| (probe.protocol, probe.dport)).collect());
    let of = |own: &[(u8, u16)]| (own[0].0, own.iter().map(|(_, port)| *port).collect());
    all.chunk_by(|a, b| a.0 == b.0).map(of).collect()
}

/// How many ports there are of all protocols.
fn count(ports: &[(u8, Box<[u16]>)]) -> usize {
    ports.iter().map(|(_, own)| own.len()).sum()
}

/// Ports as they were first asked for.
fn first_asked(probes: &[Probe]) -> Vec<u16> {
    let with = (0_u32..).zip(probes).filter(|(_, probe)| probe.is(Probe::<u128>::PORTS));
    let mut all: Vec<(u8, u16, u32)> = with.map(|(at, probe)| (probe.protocol, probe.dport, at)).collect();
    all.sort_unstable();
    all.dedup_by_key(|(protocol, port, _)| (*protocol, *port));
    all.sort_unstable_by_key(|(.., at)| *at);
    all.into_iter().map(|(_, port, _)| port).collect()
}

fn shape(how: How, technique: &str, sources: usize, targets: usize, ports: &[(u8, Box<[u16]>)]) -> String {
    if how == How::Decoys {
        return "decoy".to_owned();
    }
    let count = count(ports);
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

/// How sure a scan is, by its aims in order, and whether a tool made its packets.
pub(super) fn confidence(aims: &[Aim], made: bool) -> Confidence {
    if aims.len() >= 25 {
        return Confidence::High;
    }
    if aims.len() >= 10 {
        return if made { Confidence::High } else { Confidence::Medium };
    }
    let is_known = |aim: &&Aim| services::name(protocol(**aim), **aim as u16).is_some();
    let known = distinct(aims.iter().filter(is_known).map(|aim| *aim as u16).collect::<Vec<u16>>());
    let sctp = aims.iter().any(|aim| protocol(*aim) == Protocol::SCTP);
    match made || sctp || likeness::applications(&known) >= SERVICES {
        true => Confidence::Medium,
        false => Confidence::Low,
    }
}

fn why(scan: &Scan<'_>, senders: usize, targets: usize, aims: usize) -> String {
    let asked = match targets {
        1 => format!("{aims} ports or protocols of one host"),
        hosts => format!("{aims} ports or types of {hosts} hosts"),
    };
    let mut why = match scan.how {
        How::Alone if senders == 1 && made::is_why(aims, scan.probes) => {
            format!("one source asked for {asked}, by packets that no system's own stack sends")
        }
        How::Alone if senders == 1 => format!("one source asked for {asked}, hardly any of them again"),
        How::Alone => format!("{senders} sources of one network asked for {asked}, hardly any of them again"),
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
