//! What looks like a scan and is none.
//!
//! Responsible for: clients of known applications, media, passive FTP, traceroute.
//! Must not know: how runs are cut.
//! Tested by: `tests/cli/scans.rs`.

use fwlog::aggregate::scans::{Kind, Probe};

use super::aim::{AIMS, Aim, are_made, distinct, host, port};

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

/// How many applications some different ports of one host belong to: the fewest that have them all.
#[must_use]
pub fn applications(ports: &[u16]) -> usize {
    let has =
        |ranges: &[(u16, u16)], port: u16| ranges.iter().any(|(from, to)| (*from..=*to).contains(&port));
    let mut rest = ports.to_vec();
    let mut count = 0;
    while rest.len() > 1 {
        let taken = |ranges: &[(u16, u16)]| rest.iter().filter(|port| has(ranges, **port)).count();
        let best = APPLICATIONS.iter().map(|(_, ranges)| *ranges).max_by_key(|ranges| taken(ranges));
        match best.filter(|ranges| taken(ranges) > 1) {
            Some(ranges) => rest.retain(|port| !has(ranges, *port)),
            None => break,
        }
        count += 1;
    }
    count + rest.len()
}

/// The lowest port that systems give to clients.
const CLIENTS: u16 = 32_768;
/// Hosts that a host of an own network may ask for one application.
const OWN_HOSTS: usize = 25;
/// Aims of media or passive FTP at most.
const MEDIA: usize = 1_000;
/// Ports on which no more than so many are looked at for applications: more are of none.
const LOOKED_AT: usize = 64;

/// Who asked, as far as it matters for what looks like a scan.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// A tool made the packets.
    pub made: bool,
    /// Its address is of a private network.
    pub private: bool,
    /// It asked hosts behind this one only.
    pub forwarded: bool,
}

impl Asker {
    /// Of some probes of one sender.
    #[must_use]
    pub fn of(probes: &[Probe]) -> Asker {
        Asker {
            made: are_made(probes),
            private: probes.first().is_some_and(|probe| is_private(probe.src)),
            forwarded: probes.iter().all(|probe| probe.is(Probe::<u128>::FORWARDED)),
        }
    }
}

/// Whether different aims, in order, are what a client asks for and no scan.
#[must_use]
pub fn is_client(asker: Asker, aims: &[Aim]) -> bool {
    if asker.made {
        return false;
    }
    let ports = distinct(aims.iter().filter_map(|aim| port(*aim)).collect::<Vec<u16>>());
    let hosts = aims.chunk_by(|a, b| host(*a) == host(*b)).count();
    let high = ports.iter().filter(|port| **port >= CLIENTS).count();
    // Media, and the data of passive FTP.
    if ports.len() >= AIMS && high * 20 >= ports.len() * 19 && hosts <= 2 && aims.len() < MEDIA {
        return true;
    }
    // Hosts of our own networks, containers.
    if asker.forwarded && asker.private && ports.len() < 10 {
        return true;
    }
    // A host of an own network may look for what its network offers: one application on many hosts.
    let few = ports.len() <= LOOKED_AT;
    if asker.private && few && ports.len() > 1 && applications(&ports) == 1 && hosts < OWN_HOSTS {
        return true;
    }
    let mut asked = 0;
    for own in aims.chunk_by(|a, b| host(*a) == host(*b)) {
        let ports = distinct(own.iter().filter_map(|aim| port(*aim)).collect::<Vec<u16>>());
        // What has no ports counts as it is.
        asked += own.iter().filter(|aim| port(**aim).is_none()).count();
        asked += if ports.len() <= LOOKED_AT { applications(&ports) } else { AIMS };
        if asked >= AIMS {
            return false;
        }
    }
    true
}

/// Whether probes are a traceroute: to its ports, or with TTLs that rise from one.
#[must_use]
pub fn is_traceroute(probes: &[Probe]) -> bool {
    let by_port = |probe: &Probe| probe.kind == Kind::Udp && (33_434..=33_700).contains(&probe.dport);
    if probes.iter().all(by_port) {
        return true;
    }
    if probes.iter().any(|probe| probe.dst != probes[0].dst) {
        return false;
    }
    let mut ttls: Vec<u8> = probes.iter().map(|probe| probe.ttl).collect();
    ttls.sort_unstable();
    let middle = ttls.get(ttls.len() / 2).copied().unwrap_or(0);
    ttls.dedup();
    middle <= 12 && ttls.len() >= 5
}

/// Whether an address is of a private network.
#[must_use]
pub fn is_private(address: u128) -> bool {
    match Probe::address(address) {
        std::net::IpAddr::V4(four) => four.is_private(),
        std::net::IpAddr::V6(six) => six.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aims(host: u64, ports: &[u16]) -> Vec<Aim> {
        distinct(ports.iter().map(|port| host << 24 | 6 << 16 | u64::from(*port)).collect())
    }

    #[test]
    fn all_ports_of_one_application_are_a_client() {
        let asker = Asker { made: false, private: false, forwarded: false };
        let clients: [&[u16]; 6] = [
            &[25, 110, 143, 465, 587, 993, 995],
            &[111, 2_049, 20_048, 32_765, 32_766, 32_767],
            &[27_015, 27_016, 27_017, 27_018, 27_019, 27_020],
            &[88, 135, 389, 445, 464, 3_268, 49_672],
            &[50_001, 50_400, 51_900, 60_000, 61_000],
            &[3_478, 3_479, 3_480, 5_349, 19_302, 19_305],
        ];
        for ports in clients {
            assert!(is_client(asker, &aims(1, ports)), "{ports:?}");
            // A tool's packets are no client's, whatever they ask for.
            assert!(!is_client(Asker { made: true, ..asker }, &aims(1, ports)), "{ports:?}");
        }
        for ports in
            [&[21, 23, 25, 110, 139, 445, 3_389][..], &[21, 22, 23, 80, 3_306, 5_900], &[1, 2, 3, 4, 5]]
        {
            assert!(!is_client(asker, &aims(1, ports)), "{ports:?}");
        }
        // One application on many hosts is a sweep, unless a host of an own network looks for printers.
        let printers: Vec<Aim> = (0..8).flat_map(|host| aims(host, &[515, 631, 9_100])).collect();
        assert!(!is_client(asker, &printers));
        assert!(is_client(Asker { private: true, ..asker }, &printers));
    }
}
