//! Random worlds: hosts of twelve kinds, thirty kinds of noise, twenty kinds of signal.
//!
//! A kind is what its packets look like on the wire. Nothing here knows how noise is found, and
//! no number here is one of the program's.

use crate::support::Random;

/// One log with its labels and what its admin would say.
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<String>,
    pub(crate) labels: Vec<&'static str>,
    pub(crate) rules: String,
    pub(crate) trusted: Vec<String>,
}

impl World {
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

/// A kind of host.
#[derive(Clone, Copy)]
struct Host {
    name: &'static str,
    outer: &'static str,
    /// The interface of the own network; the outer one if it is the same link.
    inner: &'static str,
    me: &'static str,
    lan: &'static str,
    prefix: &'static str,
    /// Ports that friends may use, and those that all may.
    restricted: &'static [u16],
    open: &'static [u16],
    /// The chain comes before known connections pass.
    early: bool,
    /// Link headers are printed.
    macs: bool,
}

const HOSTS: [Host; 12] = {
    let base = Host {
        name: "home",
        outer: "eth0",
        inner: "eth0",
        me: "192.168.7.2",
        lan: "192.168.7",
        prefix: "in.dropped ",
        restricted: &[22],
        open: &[],
        early: false,
        macs: true,
    };
    let vps = Host { name: "vps", outer: "ens3", inner: "ens3", me: "185.13.9.20", lan: "185.13.9", ..base };
    [
        base,
        vps,
        Host {
            name: "router",
            outer: "wan",
            inner: "br-lan",
            me: "91.64.3.7",
            lan: "192.168.1",
            prefix: "reject in: ",
            ..base
        },
        Host {
            name: "ufw",
            prefix: "[UFW BLOCK] ",
            restricted: &[22, 9443],
            open: &[80, 443],
            early: true,
            ..vps
        },
        Host { name: "mail", open: &[25, 465, 587, 993], prefix: "DROP ", ..vps },
        Host {
            name: "cloud",
            outer: "enp1s0",
            inner: "enp1s0",
            me: "10.0.0.5",
            lan: "10.0.0",
            open: &[443],
            ..base
        },
        Host {
            name: "office",
            inner: "eth1",
            me: "203.0.113.9",
            lan: "10.20.3",
            restricted: &[22, 3389],
            ..base
        },
        Host {
            name: "bridge",
            outer: "vmbr0",
            inner: "vmbr0",
            me: "172.30.5.3",
            lan: "172.30.5",
            restricted: &[22, 8006],
            ..base
        },
        Host { name: "vpn", inner: "eth1", me: "45.9.148.7", lan: "192.168.40", open: &[1194], ..base },
        Host { name: "database", restricted: &[22, 3306, 5432], ..vps },
        Host { name: "game", open: &[25565], prefix: "", ..vps },
        Host {
            name: "nas",
            outer: "eno1",
            inner: "eno1",
            restricted: &[22, 445, 2049],
            prefix: "FINAL_REJECT: ",
            ..base
        },
    ]
};

/// How many kinds of hosts there are.
pub(crate) const KINDS: usize = HOSTS.len();

struct Maker {
    random: Random,
    host: Host,
    out: Vec<(u64, String, &'static str)>,
    span: u64,
}

const DAY: u64 = 86_400;
const ROUTER: &str = "02:00:00:00:00:01";

/// Ports that crowds try, of TCP and UDP.
const TCP_CROWD: [u16; 20] = [
    23, 445, 2323, 3389, 1433, 5900, 8080, 8443, 6379, 5555, 7547, 81, 8888, 37215, 52869, 9200, 27017, 5038,
    135, 8291,
];
const UDP_CROWD: [u16; 10] = [5060, 1900, 123, 161, 53_413, 389, 11_211, 19, 3702, 500];

impl Maker {
    fn number(&mut self, below: u64) -> u64 {
        self.random.below(below)
    }

    fn stranger(&mut self) -> String {
        let (a, b, c, d) = (self.number(90), self.number(256), self.number(256), 1 + self.number(254));
        format!("{}.{b}.{c}.{d}", 100 + a)
    }

    fn local(&mut self) -> (String, String) {
        let host = 40 + self.number(12);
        (format!("{}.{host}", self.host.lan), format!("02:aa:00:00:00:{host:02x}"))
    }

    /// A line; the link is the interface, the sender's and the receiver's hardware address.
    fn put(
        &mut self,
        label: &'static str,
        when: u64,
        [input, mac, to]: [&str; 3],
        [src, dst]: [&str; 2],
        rest: &str,
    ) {
        let Host { prefix, macs, .. } = self.host;
        let mac = if macs { format!("{to}:{mac}:08:00") } else { String::new() };
        let (id, ttl) = (self.number(65_536), 40 + self.number(80));
        let length = if rest.contains("PROTO=UDP") { 60 } else { 44 };
        let line = format!(
            "{prefix}IN={input} OUT= MAC={mac} SRC={src} DST={dst} LEN={length} TOS=0x00 PREC=0x00 TTL={ttl} ID={id} {rest} "
        );
        self.out.push((when, line, label));
    }

    fn outside(&mut self, label: &'static str, when: u64, src: &str, rest: &str) {
        let Host { outer, me, .. } = self.host;
        self.put(label, when, [outer, ROUTER, "52:54:00:00:00:09"], [src, me], rest);
    }

    fn inside(&mut self, label: &'static str, when: u64, rest: &str) {
        let Host { inner, me, .. } = self.host;
        let (src, mac) = self.local();
        self.put(label, when, [inner, &mac, "52:54:00:00:00:09"], [&src, me], rest);
    }

    fn everybody(&mut self, label: &'static str, when: u64, dst: &str, rest: &str) {
        let inner = self.host.inner;
        let (src, mac) = self.local();
        let to = if dst.starts_with('2') && dst < "240" && !dst.ends_with("255") {
            "01:00:5e:00:00:fb"
        } else {
            "ff:ff:ff:ff:ff:ff"
        };
        self.put(label, when, [inner, &mac, to], [&src, dst], rest);
    }

    fn tcp(&mut self, sport: u64, dport: u64, flags: &str) -> String {
        let sport = if sport == 0 { 1024 + self.number(60_000) } else { sport };
        format!("PROTO=TCP SPT={sport} DPT={dport} WINDOW=1024 RES=0x00 {flags}URGP=0")
    }

    fn udp(&mut self, sport: u64, dport: u64) -> String {
        let sport = if sport == 0 { 1024 + self.number(60_000) } else { sport };
        format!("PROTO=UDP SPT={sport} DPT={dport} LEN=40")
    }

    fn when(&mut self) -> u64 {
        self.number(self.span)
    }

    /// Noise: thirty kinds.
    fn noise(&mut self, scale: u64) {
        for (at, port) in TCP_CROWD.into_iter().enumerate() {
            // A service that is there has near hits, no noise.
            if self.host.restricted.contains(&port) || self.host.open.contains(&port) {
                continue;
            }
            for _ in 0..scale * 8 / (1 + at as u64 / 4) {
                let (when, src, rest) = (self.when(), self.stranger(), self.tcp(0, port.into(), "SYN "));
                self.outside("noise:tcp", when, &src, &rest);
            }
        }
        for port in UDP_CROWD {
            for _ in 0..scale * 2 {
                let (when, src, rest) = (self.when(), self.stranger(), self.udp(0, port.into()));
                self.outside("noise:udp", when, &src, &rest);
            }
        }
        for _ in 0..scale * 3 {
            let (when, src) = (self.when(), self.stranger());
            self.outside("noise:ping", when, &src, "PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=1");
            for (label, flags) in
                [("noise:backscatter", "ACK SYN "), ("noise:reset", "RST "), ("noise:late", "ACK FIN ")]
            {
                let (when, src, dport) = (self.when(), self.stranger(), 1024 + self.number(60_000));
                let rest = self.tcp(443, dport, flags);
                self.outside(label, when, &src, &rest);
            }
        }
        for (label, dst, port) in [
            ("noise:mdns", "224.0.0.251", 5353),
            ("noise:ssdp", "239.255.255.250", 1900),
            ("noise:llmnr", "224.0.0.252", 5355),
        ] {
            for _ in 0..scale * 3 {
                let (when, rest) = (self.when(), self.udp(0, port));
                self.everybody(label, when, dst, &rest);
            }
        }
        let broadcast = format!("{}.255", self.host.lan);
        for (label, port) in
            [("noise:netbios", 137), ("noise:browser", 138), ("noise:sonos", 6969), ("noise:dropbox", 17_500)]
        {
            for _ in 0..scale * 3 {
                let (when, rest) = (self.when(), self.udp(port, port));
                self.everybody(label, when, &broadcast, &rest);
            }
        }
        for _ in 0..scale * 2 {
            let when = self.when();
            self.everybody("noise:igmp", when, "224.0.0.22", "PROTO=2");
        }
        // A network that tries everything, all the time.
        for _ in 0..scale * 6 {
            let (when, last, port) = (self.when(), 1 + self.number(250), 1024 + self.number(60_000));
            let rest = self.tcp(0, port, "SYN ");
            self.outside("noise:scanner", when, &format!("193.77.12.{last}"), &rest);
        }
    }

    /// Signal: twenty kinds.
    fn signal(&mut self) {
        for port in [4567u64, 9000, 17_171] {
            for i in 0..40 {
                let rest = self.tcp(0, port, "SYN ");
                let when = self.span * (i * 3 + 1) / 130;
                self.outside("signal:one port for days", when, "198.51.100.44", &rest);
            }
        }
        for port in 0..30u64 {
            let rest = self.tcp(0, 7000 + port * 37, "SYN ");
            let when = self.span * (port + 1) / 31;
            self.outside("signal:slow scan", when, "198.51.100.77", &rest);
        }
        for party in 0..5u64 {
            for _ in 0..8 {
                let (when, rest) = (self.when(), self.tcp(0, 4444, "SYN "));
                self.outside("signal:five parties at one port", when, &format!("203.{party}.113.8"), &rest);
            }
        }
        for port in self.host.restricted.iter().chain(self.host.open) {
            for _ in 0..25 {
                let (when, src, rest) = (self.when(), self.stranger(), self.tcp(0, u64::from(*port), "SYN "));
                self.outside("signal:near hit", when, &src, &rest);
            }
        }
        for port in [445u64, 23, 3389, 22, 5900] {
            for _ in 0..9 {
                let (when, rest) = (self.when(), self.tcp(0, port, "SYN "));
                self.inside("signal:infected", when, &rest);
            }
        }
        for (label, port) in
            [("signal:local netbios", 137u64), ("signal:local ssdp", 1900), ("signal:local snmp", 161)]
        {
            for _ in 0..6 {
                let (when, rest) = (self.when(), self.udp(0, port));
                self.inside(label, when, &rest);
            }
        }
        for flags in ["FIN PSH URG ", "SYN FIN ", ""] {
            let (when, rest) = (self.when(), self.tcp(0, 80, flags));
            self.inside("signal:odd flags from the LAN", when, &rest);
        }
        let me = self.host.me;
        for _ in 0..3 {
            let (when, rest) = (self.when(), self.tcp(0, 23, "SYN "));
            self.outside("signal:own address from outside", when, me, &rest);
        }
        for _ in 0..12 {
            let (when, rest) = (self.when(), self.udp(67, 68));
            self.everybody("signal:rogue dhcp", when, "255.255.255.255", &rest);
        }
        for _ in 0..6 {
            let when = self.when();
            self.inside("signal:redirect", when, "PROTO=ICMP TYPE=5 CODE=1 GATEWAY=10.0.0.1");
        }
        for _ in 0..14 {
            let (when, rest) = (self.when(), self.tcp(0, 23, "SYN "));
            self.outside("signal:friend", when, FRIEND, &rest);
        }
        for (label, port) in
            [("signal:rare udp", 51_413u64), ("signal:rare wireguard", 51_820), ("signal:rare ike", 4500)]
        {
            let (when, src, rest) = (self.when(), self.stranger(), self.udp(0, port));
            self.outside(label, when, &src, &rest);
        }
        for (label, rest) in [("signal:gre probe", "PROTO=47"), ("signal:esp probe", "PROTO=50 SPI=0x1234")] {
            for _ in 0..5 {
                let (when, src) = (self.when(), self.stranger());
                self.outside(label, when, &src, rest);
            }
        }
        for _ in 0..4 {
            let when = self.when();
            self.everybody("signal:new device", when, "224.0.0.5", "PROTO=89");
        }
        for (label, port) in [("signal:sent", 4444u64), ("signal:sent dns", 53)] {
            for _ in 0..10 {
                let (when, rest) = (self.when(), self.tcp(0, port, "SYN "));
                let outer = self.host.outer;
                let line = format!(
                    "out.dropped IN= OUT={outer} SRC={me} DST=203.0.113.9 LEN=44 TOS=0x00 PREC=0x00 TTL=64 ID=7 {rest} "
                );
                self.out.push((when, line, label));
            }
        }
    }
}

/// Who is trusted from outside.
const FRIEND: &str = "151.224.10.7";

fn rules(host: &Host) -> String {
    let (first, second) = match host.early {
        true => ("-A INPUT -j before\n", "-A before -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"),
        false => {
            ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j MALICIOUS\n", "")
        }
    };
    let chain = if host.early { ":before - [0:0]\n" } else { "" };
    let mut text = format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:MALICIOUS - [0:0]\n{chain}{first}-A INPUT -i lo -j ACCEPT\n"
    );
    for port in host.restricted {
        text += &format!("-A INPUT -s {FRIEND}/32 -p tcp -m tcp --dport {port} -j ACCEPT\n");
    }
    for port in host.open {
        text += &format!("-A INPUT -p tcp -m tcp --dport {port} -j ACCEPT\n");
    }
    let log = match host.prefix {
        "" => "-A INPUT -j LOG\n".to_owned(),
        prefix => format!("-A INPUT -j LOG --log-prefix \"{prefix}\"\n"),
    };
    text + &log + second + "COMMIT\n"
}

/// The world of a kind of host, drawn from a seed.
pub(crate) fn world(kind: usize, seed: u64) -> World {
    let host = HOSTS[kind % KINDS];
    let mut maker =
        Maker { random: Random(seed * 31 + kind as u64 + 1), host, out: Vec::new(), span: 9 * DAY };
    let scale = 20 + maker.number(30);
    maker.noise(scale);
    maker.signal();
    maker.out.sort();
    let mut world = World {
        name: host.name,
        lines: Vec::new(),
        labels: Vec::new(),
        rules: rules(&host),
        trusted: vec![FRIEND.to_owned(), format!("{}.0/24", host.lan)],
    };
    for (seconds, line, label) in maker.out {
        let stamp = crate::support::stamp(seconds);
        world.lines.push(format!("{stamp} gate kernel: [{seconds:5}.000000] {line}"));
        world.labels.push(label);
    }
    world
}

#[test]
fn there_are_enough_kinds() {
    let mut labels: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    for kind in 0..KINDS {
        labels.extend(world(kind, 1).labels.iter().map(|label| (*label).to_owned()));
    }
    let of = |start: &str| labels.iter().filter(|label| label.starts_with(start)).count();
    // Of noise each port of a crowd is a kind of its own.
    assert!(of("noise") - 2 + TCP_CROWD.len() + UDP_CROWD.len() >= 30 && of("signal") >= 20, "{labels:?}");
}
