//! What made a scan's packets, by the fields that every log line has.
//!
//! Measured on nmap 7.93, masscan 1.3.2, zmap 2.1.1, hping3, fping; a sender that hides itself is taken for another.
//!
//! Responsible for: the names of tools and techniques.
//! Must not know: what a scan is.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::{Kind, Probe};

use super::aim::{aim, aims, distinct, is_kernel_syn};

/// The technique of a scan, and what else it did.
#[must_use]
pub fn techniques(probes: &[Probe]) -> (&'static str, Vec<&'static str>) {
    // Those that look for hosts come first where there are as many of each.
    const ORDER: [Kind; 14] = [
        Kind::Ping,
        Kind::Timestamp,
        Kind::Mask,
        Kind::Sctp,
        Kind::Syn,
        Kind::Udp,
        Kind::Fin,
        Kind::Null,
        Kind::Xmas,
        Kind::Maimon,
        Kind::Ack,
        Kind::Odd,
        Kind::Protocol,
        Kind::Os,
    ];
    let all = distinct(probes.iter().map(|probe| (probe.kind, aim(probe))).collect());
    let packets =
        |kind: Kind| probes.iter().filter(|p| p.kind == kind).map(|p| u64::from(p.count)).sum::<u64>();
    // SCTP has no ports in a log: its packets are its aims.
    let counts = ORDER.map(|kind| match kind {
        Kind::Sctp => packets(kind) as usize,
        kind => all.partition_point(|(of, _)| *of <= kind) - all.partition_point(|(of, _)| *of < kind),
    });
    let count = |kind: Kind| ORDER.iter().position(|of| *of == kind).map_or(0, |at| counts[at]);
    let most = ORDER.iter().map(|kind| count(*kind)).max().unwrap_or(0);
    let main = ORDER.into_iter().find(|kind| count(*kind) * 10 >= most * 9).unwrap_or(Kind::Protocol);
    let name = |kind: Kind| name(kind, probes);
    let also = ORDER.into_iter().filter(|kind| *kind != main && count(*kind) > 0).map(name).collect();
    (name(main), also)
}

fn name(kind: Kind, probes: &[Probe]) -> &'static str {
    let of = || probes.iter().filter(move |probe| probe.kind == kind);
    match kind {
        Kind::Syn if most(of(), is_kernel_syn) => "connect",
        Kind::Syn => "syn",
        Kind::Fin => "fin",
        Kind::Null => "null",
        Kind::Xmas => "xmas",
        Kind::Maimon => "maimon",
        Kind::Ack => "ack",
        Kind::Odd => "odd-flags",
        Kind::Os => "os-detection",
        Kind::Udp => "udp",
        Kind::Ping => "ping",
        Kind::Timestamp => "icmp-timestamp",
        Kind::Mask => "icmp-mask",
        Kind::Sctp if most(of(), |probe| probe.len >= 50) => "sctp-init",
        Kind::Sctp => "sctp-cookie-echo",
        Kind::Protocol | Kind::Answer => "protocol",
    }
}

/// Whether four in five are so.
fn most<'p>(probes: impl Iterator<Item = &'p Probe>, is: impl Fn(&Probe) -> bool) -> bool {
    let (mut all, mut so) = (0, 0);
    for probe in probes {
        all += 1;
        so += usize::from(is(probe));
    }
    so * 5 >= all * 4
}

/// The tool, and the fields that say so; nothing if none fits. `listed`: the ports are a list of nmap's, in no order.
#[must_use]
pub fn tool(probes: &[Probe], listed: bool) -> (Option<&'static str>, &'static str) {
    let own: Vec<&Probe> =
        probes.iter().filter(|probe| !matches!(probe.kind, Kind::Odd | Kind::Os)).collect();
    let own = if own.is_empty() { probes.iter().collect() } else { own };
    let own = of_one_system(own);
    let tcp: Vec<&Probe> = own.iter().copied().filter(|probe| probe.protocol == 6).collect();
    let v6 = own[0].is_v6();
    if !v6 && most(own.iter().copied(), |probe| probe.id == 54_321) {
        return (Some("zmap"), "IP ID 54321");
    }
    // Beside echo requests there may be a few of TCP only.
    if tcp.len() * 5 >= own.len() && !tcp.is_empty() {
        let found = by_tcp(&tcp, v6, listed);
        if found.0.is_some() {
            return found;
        }
    }
    by_ip(&own, v6)
}

/// What began with one class of TTL: a sender that uses two tools is told by the one with more aims, or the first.
fn of_one_system(probes: Vec<&Probe>) -> Vec<&Probe> {
    let (high, low): (Vec<&Probe>, Vec<&Probe>) = probes.iter().copied().partition(|probe| probe.ttl > 128);
    if high.is_empty() || low.is_empty() {
        return probes;
    }
    let (of_high, of_low) = (aims(high.iter().copied()).len(), aims(low.iter().copied()).len());
    let alike = of_high * 5 >= of_low * 4 && of_low * 5 >= of_high * 4;
    let high_first = high[0].begin() <= low[0].begin();
    if alike && high_first || !alike && of_high > of_low { high } else { low }
}

/// How many different TTLs there are, and how far they are apart.
fn ttls(probes: &[&Probe]) -> (usize, u8) {
    let all = distinct(
        probes.iter().flat_map(|probe| [probe.ttl, probe.ttls.0, probe.ttls.1]).collect::<Vec<u8>>(),
    );
    (all.len(), all.last().zip(all.first()).map_or(0, |(last, first)| last - first))
}

/// By the fields of TCP.
fn by_tcp(tcp: &[&Probe], v6: bool, listed: bool) -> (Option<&'static str>, &'static str) {
    let is = |test: &dyn Fn(&Probe) -> bool| most(tcp.iter().copied(), test);
    if is(&|probe| probe.window == 1_024) {
        return match v6 {
            true => (Some("nmap"), "window 1024"),
            // Before nmap: of several sources each is so many hops away.
            false if is(&|probe| probe.ttl > 64) => (Some("masscan"), "window 1024, TTL from 255"),
            false if tcp.len() >= 5 && ttls(tcp).0 >= 4 => {
                (Some("nmap"), "window 1024, a new TTL for each probe")
            }
            false => (Some("nmap?"), "window 1024"),
        };
    }
    if is(&|probe| probe.window == 512 && probe.len == 40) {
        return (Some("hping3"), "window 512, no options");
    }
    if is(&|probe| probe.window == 65_535 && probe.len == 40) {
        return (Some("zmap"), "window 65535, no options");
    }
    if is(&is_kernel_syn) {
        return match listed {
            true => (Some("nmap"), "its list of ports, in no order, by the SYN of a system's own stack"),
            false => (Some("kernel sockets"), "the SYN of a system's own stack: options, DF"),
        };
    }
    (None, "")
}

/// By the fields of IP and ICMP.
fn by_ip(own: &[&Probe], v6: bool) -> (Option<&'static str>, &'static str) {
    let is = |test: &dyn Fn(&Probe) -> bool| most(own.iter().copied(), test);
    let packets: u64 = own.iter().map(|probe| u64::from(probe.count)).sum();
    let (different, width) = ttls(own);
    if v6 {
        let from_255 = is(&|probe| probe.ttl > 128);
        return if from_255 { (Some("nmap?"), "hop limit from 255") } else { (None, "") };
    }
    // Of one probe with many packets only three are known.
    let scattered = different >= 4 || packets >= 5 && own.len() < 4 && width >= 8;
    if scattered && width <= 24 {
        return (Some("nmap"), "a new TTL for each probe");
    }
    if is(&|probe| probe.ttl > 128 && matches!(probe.kind, Kind::Udp | Kind::Ping)) {
        return (Some("masscan?"), "TTL from 255");
    }
    if is(&|probe| probe.kind == Kind::Ping && probe.len == 84 && probe.is(Probe::<u128>::DF)) {
        return (Some("fping"), "echo requests of 84 bytes, DF");
    }
    let empty = |probe: &Probe| probe.len == 28 && matches!(probe.kind, Kind::Udp | Kind::Ping);
    if is(&empty) && different <= 2 {
        return (Some("hping3?"), "no payload, one TTL");
    }
    (None, "")
}
