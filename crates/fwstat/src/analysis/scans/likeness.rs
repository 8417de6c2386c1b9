//! What looks like a scan and is none.
//!
//! Responsible for: clients of known applications, media, passive FTP, traceroute.
//! Must not know: how runs are cut.
//! Tested by: `tests/cli/scans.rs`.

use std::collections::BTreeSet;

use fwlog::aggregate::scans::{Kind, Probe};

use super::aim::{Aim, is_made};

/// Ports that one program asks for by itself, by application. What one application asks for counts once.
const APPLICATIONS: [(&str, &[(u16, u16)]); 22] = [
    (
        "mail",
        &[
            (25, 25),
            (110, 110),
            (143, 143),
            (465, 465),
            (587, 587),
            (993, 993),
            (995, 995),
            (2_525, 2_525),
            (4_190, 4_190),
        ],
    ),
    (
        "nfs",
        &[
            (111, 111),
            (2_049, 2_049),
            (20_048, 20_048),
            (32_764, 32_769),
            (662, 662),
            (875, 875),
            (892, 892),
            (4_045, 4_045),
        ],
    ),
    (
        "printing",
        &[(9_100, 9_103), (515, 515), (631, 631), (161, 161), (8_610, 8_614), (5_357, 5_358), (3_702, 3_702)],
    ),
    (
        "active directory",
        &[
            (53, 53),
            (88, 88),
            (123, 123),
            (135, 139),
            (389, 389),
            (445, 445),
            (464, 464),
            (636, 636),
            (3_268, 3_269),
            (5_985, 5_986),
            (9_389, 9_389),
            (49_152, 65_535),
        ],
    ),
    ("web", &[(80, 80), (443, 443)]),
    ("ftp", &[(20, 21), (989, 990)]),
    ("dns", &[(53, 53), (853, 853)]),
    ("stun", &[(3_478, 3_481), (5_349, 5_350), (19_302, 19_309)]),
    ("sip", &[(5_060, 5_065)]),
    ("ipsec", &[(500, 500), (1_701, 1_701), (4_500, 4_500)]),
    ("steam", &[(3_478, 3_478), (4_379, 4_380), (27_000, 27_100)]),
    ("games", &[(3_074, 3_074), (3_478, 3_480), (3_544, 3_544), (25_565, 25_575)]),
    ("bittorrent", &[(6_881, 6_999)]),
    ("plex", &[(1_900, 1_900), (5_353, 5_353), (8_324, 8_324), (32_400, 32_469)]),
    ("apple", &[(2_195, 2_197), (5_223, 5_223), (3_478, 3_497), (16_384, 16_403)]),
    (
        "printer or device discovery",
        &[(137, 138), (427, 427), (1_900, 1_900), (3_702, 3_702), (5_353, 5_353), (5_355, 5_355)],
    ),
    ("monitoring", &[(161, 162), (5_666, 5_666), (9_100, 9_100), (10_050, 10_051), (12_489, 12_489)]),
    ("kubernetes", &[(2_379, 2_380), (6_443, 6_443), (10_250, 10_259)]),
    ("ceph", &[(3_300, 3_300), (6_789, 6_789), (6_800, 7_300)]),
    ("elasticsearch", &[(9_200, 9_200), (9_300, 9_300)]),
    ("vmware", &[(443, 443), (902, 903), (5_480, 5_480), (9_443, 9_443)]),
    ("port knocking", &[(7_000, 7_001), (8_000, 8_000), (9_000, 9_000)]),
];

/// How many applications some ports of one host belong to: the fewest that have them all.
#[must_use]
pub fn applications(ports: &BTreeSet<u16>) -> usize {
    let has =
        |ranges: &[(u16, u16)], port: u16| ranges.iter().any(|(from, to)| (*from..=*to).contains(&port));
    let mut rest = ports.clone();
    let mut count = 0;
    while !rest.is_empty() {
        let taken = |ranges: &[(u16, u16)]| rest.iter().filter(|port| has(ranges, **port)).count();
        let best = APPLICATIONS.iter().map(|(_, ranges)| *ranges).max_by_key(|ranges| taken(ranges));
        match best.filter(|ranges| taken(ranges) > 1) {
            Some(ranges) => rest.retain(|port| !has(ranges, *port)),
            None => return count + rest.len(),
        }
        count += 1;
    }
    count
}

/// The lowest port that systems give to clients.
const CLIENTS: u16 = 32_768;

/// Hosts that a host of an own network may ask for one application.
const OWN_HOSTS: usize = 25;

/// What a run is instead of a scan, if it may be that. `least` is how many aims make a scan.
#[must_use]
pub fn instead(probes: &[Probe], aims: &BTreeSet<Aim>, least: usize) -> Option<&'static str> {
    let hosts: BTreeSet<u128> = aims.iter().map(|(host, ..)| *host).collect();
    let ports: Vec<u16> = probes.iter().filter(|p| p.is(Probe::<u128>::PORTS)).map(|p| p.dport).collect();
    if is_traceroute(probes, &ports, hosts.len()) {
        return Some("traceroute");
    }
    let made = probes.iter().filter(|probe| is_made(probe)).count();
    if made * 5 >= probes.len() * 4 {
        return None;
    }
    let high = ports.iter().filter(|port| **port >= CLIENTS).count();
    let distinct = ports.iter().collect::<BTreeSet<_>>().len();
    if distinct >= least && high * 20 >= ports.len() * 19 && hosts.len() <= 2 && aims.len() < 1_000 {
        return Some("media, or data of passive FTP");
    }
    let forwarded = probes.iter().all(|probe| probe.is(Probe::<u128>::FORWARDED));
    let private = probes.first().is_some_and(|probe| is_private(probe.src));
    if forwarded && private && distinct < 10 {
        return Some("hosts of our own networks");
    }
    // What has no ports counts as it is.
    let mut asked = 0;
    // A host of an own network may look for what its network offers: one application on many hosts.
    let all: BTreeSet<u16> =
        aims.iter().filter(|(_, protocol, _)| matches!(protocol, 6 | 17)).map(|(.., port)| *port).collect();
    if private && all.len() > 1 && applications(&all) == 1 && hosts.len() < OWN_HOSTS {
        return Some("a client of a known application");
    }
    for host in &hosts {
        let own = aims.range((*host, 0, 0)..=(*host, u8::MAX, u16::MAX));
        let (with, without): (Vec<&Aim>, Vec<&Aim>) =
            own.partition(|(_, protocol, _)| matches!(protocol, 6 | 17));
        asked += without.len() + applications(&with.iter().map(|(.., port)| *port).collect());
        if asked >= least {
            return None;
        }
    }
    Some("a client of a known application")
}

fn is_traceroute(probes: &[Probe], ports: &[u16], hosts: usize) -> bool {
    let by_port = probes.iter().all(|probe| probe.kind == Kind::Udp)
        && !ports.is_empty()
        && ports.iter().all(|port| (33_434..=33_700).contains(port));
    let mut ttls: Vec<u8> = probes.iter().map(|probe| probe.ttl).collect();
    ttls.sort_unstable();
    let middle = ttls.get(ttls.len() / 2).copied().unwrap_or(0);
    ttls.dedup();
    by_port || hosts == 1 && middle <= 12 && ttls.len() >= 5
}

/// Whether an address is of a private network.
#[must_use]
pub fn is_private(address: u128) -> bool {
    match Probe::address(address) {
        std::net::IpAddr::V4(four) => four.is_private(),
        std::net::IpAddr::V6(six) => six.is_unique_local(),
    }
}
