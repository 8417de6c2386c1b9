//! Labelled logs of made-up networks: noise by class, and signal that must never be hidden.
//!
//! Nothing here knows how noise is found: a class is what its packets look like on the wire,
//! at an intensity that is drawn anew for every seed.

use crate::support::Random;

/// One log with its labels and what its admin would say.
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) lines: Vec<String>,
    pub(crate) labels: Vec<&'static str>,
    pub(crate) rules: String,
    pub(crate) rules6: Option<String>,
    pub(crate) trusted: Vec<String>,
}

impl Profile {
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

/// A network and its habits.
#[derive(Clone)]
struct Net {
    me: &'static str,
    /// The first three bytes of hosts, the broadcast address.
    hosts: &'static str,
    broadcast: &'static str,
    lan: &'static str,
    wan: &'static str,
    inner: &'static str,
    phys: &'static str,
    me6: &'static str,
    lan6: &'static str,
    friend: String,
    infected: String,
    listen: &'static [u16],
}

struct Maker {
    random: Random,
    net: Net,
    /// Seconds from the start, line, label.
    out: Vec<(u64, String, &'static str)>,
    span: u64,
}

const DAY: u64 = 86_400;

impl Maker {
    fn new(net: Net, seed: u64, days: u64) -> Maker {
        Maker { random: Random(seed), net, out: Vec::new(), span: days * DAY }
    }

    fn at(&mut self) -> u64 {
        self.random.below(self.span)
    }

    /// An address of the internet, not in one's own networks.
    fn stranger(&mut self) -> String {
        loop {
            let [a, b, c, d] = (self.random.next() as u32).to_be_bytes();
            let odd = matches!(a, 0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203) || a >= 224;
            let text = format!("{a}.{b}.{c}.{d}");
            if !odd && !text.starts_with(self.net.hosts) {
                return text;
            }
        }
    }

    fn strangers(&mut self, n: usize) -> Vec<String> {
        (0..n).map(|_| self.stranger()).collect()
    }

    fn stranger6(&mut self) -> String {
        let n = self.random.next();
        format!(
            "2600:{:04x}:{:04x}:{:04x}:0000:0000:0000:{:04x}",
            n & 0xffff,
            n >> 16 & 0xffff,
            n >> 32 & 0xffff,
            n >> 48
        )
    }

    fn pick(&mut self, list: &[String]) -> String {
        list[self.random.below(list.len() as u64) as usize].clone()
    }

    fn host(&mut self) -> String {
        // The higher half; friends and suspects live below.
        format!("{}.{}", self.net.hosts, 130 + self.random.below(9) * 7)
    }

    fn put(&mut self, when: u64, label: &'static str, line: String) {
        self.out.push((when, line, label));
    }

    fn v4(&mut self, prefix: &str, input: &str, mac: &str, src: &str, dst: &str, rest: &str) -> String {
        let (ttl, id) = (32 + self.random.below(200), self.random.below(65_536));
        let phys = if input == self.net.inner && !self.net.phys.is_empty() {
            format!("PHYSIN={} ", self.net.phys)
        } else {
            String::new()
        };
        let mac = match mac {
            "" => "52:54:00:12:34:56",
            "all" => "ff:ff:ff:ff:ff:ff",
            group => group,
        };
        format!(
            "{prefix}IN={input} OUT= {phys}MAC={mac}:00:1b:21:3c:4d:5e:08:00 SRC={src} DST={dst} LEN=60 TOS=0x00 \
             PREC=0x00 TTL={ttl} ID={id} {rest}"
        )
    }

    #[allow(clippy::unused_self)] // beside its brother for IPv4
    fn v6(&mut self, prefix: &str, input: &str, src: &str, dst: &str, rest: &str) -> String {
        let mac = if dst.starts_with("ff") { "33:33:00:00:00:01" } else { "52:54:00:12:34:56" };
        format!(
            "{prefix}IN={input} OUT= MAC={mac}:00:1b:21:3c:4d:5e:86:dd SRC={src} DST={dst} LEN=100 TC=0 HOPLIMIT=64 \
             FLOWLBL=0 {rest}"
        )
    }

    fn port(&mut self) -> u64 {
        1025 + self.random.below(64_000)
    }

    fn tcp(&mut self, dport: u16) -> String {
        format!("PROTO=TCP SPT={} DPT={dport} WINDOW=64240 RES=0x00 SYN URGP=0 ", self.port())
    }

    fn udp(&mut self, sport: u16, dport: u16) -> String {
        let sport = if sport == 0 { self.port() } else { u64::from(sport) };
        format!("PROTO=UDP SPT={sport} DPT={dport} LEN=40 ")
    }

    /// Many strangers at some ports.
    fn radiation(&mut self, label: &'static str, n: usize, pool: usize, udp: bool, ports: &[u16]) {
        let pool = self.strangers(pool);
        let (wan, me) = (self.net.wan, self.net.me);
        for _ in 0..n {
            let src = self.pick(&pool);
            let port = ports[self.random.below(ports.len() as u64) as usize];
            let (rest, prefix) = if udp {
                (self.udp(0, port), "udp.in.dropped ")
            } else {
                (self.tcp(port), "tcp.in.dropped ")
            };
            let line = self.v4(prefix, wan, "", &src, me, &rest);
            let when = self.at();
            self.put(when, label, line);
        }
    }

    fn radiation6(&mut self, label: &'static str, n: usize, pool: usize, ports: &[u16]) {
        let pool: Vec<String> = (0..pool).map(|_| self.stranger6()).collect();
        let (wan, me) = (self.net.wan, self.net.me6);
        for _ in 0..n {
            let src = self.pick(&pool);
            let port = ports[self.random.below(ports.len() as u64) as usize];
            let rest = self.tcp(port);
            let line = self.v6("tcp.in.dropped ", wan, &src, me, &rest);
            let when = self.at();
            self.put(when, label, line);
        }
    }

    /// Hosts of one's own network to everybody.
    fn chatter(&mut self, label: &'static str, n: usize, dst: &str, sport: u16, dport: u16) {
        let inner = self.net.inner;
        let mac = if dst.starts_with('2') && dst < "255" { "01:00:5e:00:00:fb" } else { "all" };
        let mac = if dst == self.net.broadcast || dst == "255.255.255.255" { "all" } else { mac };
        for _ in 0..n {
            let src = if dport == 67 { "0.0.0.0".to_owned() } else { self.host() };
            let rest = self.udp(sport, dport);
            let line = self.v4("udp.in.dropped ", inner, mac, &src, dst, &rest);
            let when = self.at();
            self.put(when, label, line);
        }
    }

    fn igmp(&mut self, label: &'static str, n: usize) {
        let inner = self.net.inner;
        for _ in 0..n {
            let src = format!("{}.254", self.net.hosts);
            let line = self.v4("in.dropped ", inner, "01:00:5e:00:00:01", &src, "224.0.0.1", "PROTO=2 ");
            let when = self.at();
            self.put(when, label, line);
        }
    }

    fn chatter6(&mut self, label: &'static str, n: usize, dst: &str, rest: &str) {
        let inner = self.net.inner;
        for _ in 0..n {
            let src = format!("fe80:0000:0000:0000:0000:0000:0000:{:04x}", 0x1000 + self.random.below(9));
            let line = self.v6("v6.in.dropped ", inner, &src, dst, rest);
            let when = self.at();
            self.put(when, label, line);
        }
    }

    fn backscatter(&mut self, n: usize, sports: &[u16]) {
        let pool = self.strangers(n / 2 + 5);
        let (wan, me) = (self.net.wan, self.net.me);
        for _ in 0..n {
            let src = self.pick(&pool);
            let sport = sports[self.random.below(sports.len() as u64) as usize];
            let flags = self.random.pick(&["ACK SYN", "ACK RST", "RST"]);
            let dport = self.port();
            let rest = format!("PROTO=TCP SPT={sport} DPT={dport} WINDOW=0 RES=0x00 {flags} URGP=0 ");
            let line = self.v4("tcp.in.dropped ", wan, "", &src, me, &rest);
            let when = self.at();
            self.put(when, "noise:backscatter", line);
        }
    }

    fn trash(&mut self, n: usize) {
        let pool = self.strangers(60);
        let (wan, me) = (self.net.wan, self.net.me);
        for _ in 0..n {
            let src = self.pick(&pool);
            let flags = self.random.pick(&["SYN FIN ", "RST SYN ", "", "URG PSH FIN ", "FIN "]);
            let (sport, dport) = (self.port(), self.random.pick(&["80", "443", "21", "113"]));
            let rest = format!("PROTO=TCP SPT={sport} DPT={dport} WINDOW=1024 RES=0x00 {flags}URGP=0 ");
            let line = self.v4("tcp.in.dropped ", wan, "", &src, me, &rest);
            let when = self.at();
            self.put(when, "noise:trash", line);
        }
    }

    /// Hosts of one network at every port.
    fn scanner_net(&mut self, n: usize, net: &str, hosts: u64) {
        let (wan, me) = (self.net.wan, self.net.me);
        for _ in 0..n {
            let src = format!("{net}.{}", 1 + self.random.below(hosts));
            // A service that is let in for friends would be logged with another prefix.
            let port = loop {
                let port = 1 + self.random.below(65_535) as u16;
                if !self.net.listen.contains(&port) {
                    break port;
                }
            };
            let rest = self.tcp(port);
            let line = self.v4("tcp.in.dropped ", wan, "", &src, me, &rest);
            let when = self.at();
            self.put(when, "noise:scanner", line);
        }
    }

    /// One host at every port, within an hour.
    fn scanner_host(&mut self, n: usize) {
        let src = self.stranger();
        let start = self.random.below(self.span - 3600);
        let (wan, me) = (self.net.wan, self.net.me);
        for i in 0..n {
            let port = 1000 + (i % 2000) as u16;
            if self.net.listen.contains(&port) {
                continue;
            }
            let rest = self.tcp(port);
            let line = self.v4("tcp.in.dropped ", wan, "", &src, me, &rest);
            let when = start + self.random.below(3600);
            self.put(when, "noise:scanner", line);
        }
    }

    fn flood(&mut self, n: usize, port: u16) {
        let src = self.stranger();
        let start = self.random.below(self.span - 1800);
        let (wan, me) = (self.net.wan, self.net.me);
        for _ in 0..n {
            let rest = self.udp(0, port);
            let line = self.v4("udp.in.dropped ", wan, "", &src, me, &rest);
            let when = start + self.random.below(1800);
            self.put(when, "noise:flood", line);
        }
    }

    /// Everything that must stay visible, with the ports that the noise uses in it.
    fn signals(&mut self, scale: u64, worm: &[u16], slow: &[u16]) {
        let net = self.net.clone();
        let (wan, inner, me) = (net.wan, net.inner, net.me);
        for _ in 0..6 * scale {
            // A machine of one's own that tries what worms try.
            let port = worm[self.random.below(worm.len() as u64) as usize];
            let rest = self.tcp(port);
            let line = self.v4("tcp.in.dropped ", inner, "", &net.infected, me, &rest);
            let when = self.at();
            self.put(when, "signal:infected", line);
        }
        for _ in 0..4 * scale {
            // One stranger, slowly, at many services.
            let port = slow[self.random.below(slow.len() as u64) as usize];
            let rest = self.tcp(port);
            let line = self.v4("tcp.in.dropped ", wan, "", "198.51.100.77", me, &rest);
            let when = self.at();
            self.put(when, "signal:slow", line);
        }
        for _ in 0..20 * scale {
            let port = net.listen[self.random.below(net.listen.len() as u64) as usize];
            let (src, rest) = (self.stranger(), self.tcp(port));
            let line = self.v4("tcp.in.foreign ", wan, "", &src, me, &rest);
            let when = self.at();
            self.put(when, "signal:foreign", line);
            if self.random.below(10) == 0 {
                let (src, rest) = (self.stranger(), self.tcp(port));
                let line = self.v4("tcp.in.dropped ", wan, "", &src, me, &rest);
                let when = self.at();
                self.put(when, "signal:listening", line);
            }
        }
        for _ in 0..12 * scale {
            let rest = self.tcp(9443);
            let line = self.v4("tcp.in.dropped ", inner, "", &net.friend, me, &rest);
            let when = self.at();
            self.put(when, "signal:friend", line);
        }
        for _ in 0..7 * scale {
            let sport = self.port();
            let when = self.at();
            let rest = format!("PROTO=TCP SPT={sport} DPT=4444 WINDOW=64240 RES=0x00 SYN URGP=0 ");
            self.put(
                when,
                "signal:beacon",
                format!(
                    "tcp.out.dropped IN= OUT={wan} SRC={me} DST=203.0.113.9 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=7 DF {rest}"
                ),
            );
            // Outgoing noise is no noise: it never goes by the chain.
            let when = self.at();
            let rest = self.udp(5353, 5353);
            self.put(
                when,
                "signal:sent",
                format!("udp.out.dropped IN= OUT={wan} SRC={me} DST=224.0.0.251 LEN=60 TOS=0x00 PREC=0x00 TTL=1 ID=7 {rest}"),
            );
        }
        for port in [1194, 4500, 51413, 161] {
            for _ in 0..1 + self.random.below(scale) {
                let (src, rest) = (self.stranger(), self.udp(0, port));
                let line = self.v4("udp.in.dropped ", wan, "", &src, me, &rest);
                let when = self.at();
                self.put(when, "signal:rare", line);
            }
        }
        // One's own hosts to this host alone, at the ports of chatter.
        for port in [137, 1900] {
            for _ in 0..scale / 2 {
                let rest = self.udp(0, port);
                let line = self.v4("udp.in.dropped ", inner, "", &net.infected, me, &rest);
                let when = self.at();
                self.put(when, "signal:infected", line);
            }
        }
    }

    fn finish(mut self, name: String, trusted: Vec<String>, with_v6: bool) -> Profile {
        self.out.sort();
        let net = &self.net;
        let mut stdin: String = net
            .listen
            .iter()
            .map(|port| format!("-A STDIN -p tcp -m tcp --dport {port} -j FRIENDLY\n"))
            .collect();
        let save = |stdin: &str, friend: &str| {
            format!(
                "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n:FRIENDLY - [0:0]\n\
                 :MALICIOUS - [0:0]\n:STDIN - [0:0]\n:STDOUT - [0:0]\n\
                 -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j MALICIOUS\n\
                 -A INPUT -j STDIN\n-A INPUT -p tcp -m tcp -j LOG --log-prefix \"tcp.in.dropped \"\n{}\
                 -A OUTPUT -p udp -m udp -j LOG --log-prefix \"udp.out.dropped \"\n\
                 -A OUTPUT -p tcp -m tcp -j LOG --log-prefix \"tcp.out.dropped \"\n\
                 -A FRIENDLY -s {friend} -j ACCEPT\n-A FRIENDLY -p tcp -m tcp -j LOG --log-prefix \"tcp.in.foreign \"\n\
                 -A FRIENDLY -j DROP\n{stdin}COMMIT\n",
                if friend.contains(':') {
                    "-A INPUT -p udp -j LOG --log-prefix \"v6.in.dropped \"\n\
                     -A INPUT -p ipv6-icmp -j LOG --log-prefix \"v6.in.dropped \"\n"
                } else {
                    "-A INPUT -p udp -m udp -j LOG --log-prefix \"udp.in.dropped \"\n\
                     -A INPUT -p igmp -j LOG --log-prefix \"in.dropped \"\n"
                }
            )
        };
        let rules = save(&stdin, &format!("{}/32", net.friend));
        stdin.clear();
        let mut lines = Vec::new();
        let mut labels = Vec::new();
        for (seconds, line, label) in self.out {
            let stamp = crate::support::stamp(seconds);
            lines.push(format!("{stamp} gate kernel: [{seconds:5}.000000] {line}"));
            labels.push(label);
        }
        let rules6 = with_v6.then(|| save(&stdin, "2001:db8:ffff::1/128"));
        Profile { name, lines, labels, rules, rules6, trusted }
    }
}

fn net(kind: &str) -> Net {
    let base = Net {
        me: "192.168.7.2",
        hosts: "192.168.7",
        broadcast: "192.168.7.255",
        lan: "192.168.7.0/24",
        wan: "eth0",
        inner: "eth0",
        phys: "",
        me6: "2a02:8071:0000:0001:0000:0000:0000:0002",
        lan6: "2a02:8071:0:1::/64",
        friend: "192.168.7.10".to_owned(),
        infected: "192.168.7.41".to_owned(),
        listen: &[22],
    };
    match kind {
        "wide" => Net {
            me: "10.20.0.2",
            hosts: "10.20.3",
            broadcast: "10.20.255.255",
            lan: "10.20.0.0/16",
            wan: "br0",
            inner: "br0",
            phys: "enp3s0",
            friend: "10.20.0.9".to_owned(),
            infected: "10.20.9.8".to_owned(),
            listen: &[22, 443],
            ..base
        },
        "router" => Net {
            wan: "ppp0",
            inner: "lan0",
            me: "172.16.4.1",
            hosts: "172.16.4",
            broadcast: "172.16.4.255",
            lan: "172.16.4.0/24",
            friend: "172.16.4.10".to_owned(),
            infected: "172.16.4.66".to_owned(),
            listen: &[22, 8443],
            ..base
        },
        "public" => Net {
            me: "185.13.9.20",
            hosts: "185.13.9",
            broadcast: "185.13.9.255",
            lan: "185.13.9.0/24",
            friend: "185.13.9.14".to_owned(),
            infected: "185.13.9.57".to_owned(),
            listen: &[22, 80, 3389],
            ..base
        },
        _ => base,
    }
}

/// Every profile for one seed.
pub(crate) fn all(seed: u64) -> Vec<Profile> {
    let mut list = Vec::new();
    let mut draw = Random(seed ^ 0x5eed);
    let mut some = |least: u64, more: u64| (least + draw.below(more)) as usize;
    const WORM: [u16; 4] = [445, 23, 3389, 139];
    const ODD: [u16; 7] = [8009, 27017, 9200, 3690, 50000, 623, 2049];

    // A home with a bridge and a wide network.
    let mut m = Maker::new(net("wide"), seed, 6);
    let broadcast = m.net.broadcast;
    m.chatter("noise:netbios", some(500, 2000), broadcast, 137, 137);
    m.chatter("noise:netbios", some(500, 2000), broadcast, 138, 138);
    m.chatter("noise:ssdp", some(500, 2000), "239.255.255.250", 0, 1900);
    m.chatter("noise:wsd", some(300, 1000), "239.255.255.250", 0, 3702);
    m.chatter("noise:mdns", some(300, 1000), "224.0.0.251", 5353, 5353);
    m.chatter("noise:dhcp", some(200, 500), "255.255.255.255", 68, 67);
    m.chatter("noise:spotify", some(200, 500), broadcast, 57621, 57621);
    m.chatter("noise:unknown", some(300, 500), broadcast, 0, 41794);
    m.igmp("noise:igmp", some(500, 3000));
    m.radiation("noise:telnet", some(300, 800), 300, false, &[23, 2323]);
    m.trash(some(200, 200));
    m.signals(8, &WORM, &ODD);
    let lan = m.net.lan.to_owned();
    list.push(m.finish(format!("bridge {seed}"), vec![lan], false));

    // A flood of IGMP and nothing else but signal.
    let mut m = Maker::new(net("home"), seed + 1, 3);
    m.igmp("noise:igmp", some(9000, 500));
    m.signals(3, &WORM, &ODD);
    let lan = m.net.lan.to_owned();
    list.push(m.finish(format!("igmp {seed}"), vec![lan], false));

    // A router: the network inside and the internet outside.
    let mut m = Maker::new(net("router"), seed + 2, 7);
    let broadcast = m.net.broadcast;
    m.chatter("noise:netbios", some(500, 2000), broadcast, 137, 137);
    m.chatter("noise:ssdp", some(500, 2000), "239.255.255.250", 0, 1900);
    m.chatter("noise:llmnr", some(300, 500), "224.0.0.252", 0, 5355);
    m.chatter("noise:lansync", some(300, 500), "255.255.255.255", 17500, 17500);
    m.chatter("noise:lansync", some(300, 500), broadcast, 17500, 17500);
    m.radiation("noise:telnet", some(1000, 2000), 900, false, &[23, 2323]);
    m.radiation("noise:smb", some(500, 2000), 500, false, &[445]);
    m.radiation("noise:redis", some(300, 800), 200, false, &[6379]);
    m.radiation("noise:dvr", some(400, 800), 200, false, &[34567]);
    m.radiation("noise:sip", some(400, 800), 80, true, &[5060]);
    m.backscatter(some(500, 500), &[80, 443, 22]);
    m.trash(some(300, 200));
    m.scanner_net(some(800, 1500), "83.118.222", 254);
    m.scanner_host(some(900, 600));
    m.flood(some(900, 900), 27015);
    // The slow one tries what everybody tries, too.
    m.signals(8, &WORM, &[23, 445, 6379, 8009, 27017, 9200, 34567]);
    let lan = m.net.lan.to_owned();
    list.push(m.finish(format!("router {seed}"), vec![lan], false));

    // A server with addresses of the internet all around it, and services that listen.
    let mut m = Maker::new(net("public"), seed + 3, 9);
    m.radiation("noise:telnet", some(1000, 2000), 900, false, &[23, 2323]);
    m.radiation("noise:adb", some(500, 1000), 400, false, &[5555]);
    m.radiation("noise:mssql", some(500, 1000), 300, false, &[1433]);
    m.radiation("noise:mysql", some(300, 500), 200, false, &[3306]);
    m.radiation("noise:http", some(500, 900), 300, false, &[8080, 8888, 8081]);
    m.radiation("noise:ntp", some(300, 500), 200, true, &[123]);
    m.radiation("noise:dns", some(300, 500), 200, true, &[53]);
    m.radiation("noise:ssdp", some(300, 500), 200, true, &[1900]);
    m.radiation("noise:netis", some(300, 500), 200, true, &[53413]);
    let many: Vec<u16> = (0..400).map(|i| 1000 + i * 97).collect();
    m.backscatter(some(900, 500), &many);
    m.trash(some(500, 200));
    m.scanner_net(some(500, 900), "45.155.205", 14);
    m.scanner_net(some(900, 900), "167.94.138", 254);
    // A listening service that everybody tries is still a service.
    m.radiation("signal:listening", 300, 150, false, &[3389]);
    m.signals(8, &[445, 23, 139], &[21, 23, 1433, 5432, 9200, 11211, 6379]);
    let trusted = vec![m.net.lan.to_owned()];
    list.push(m.finish(format!("public {seed}"), trusted, false));

    // IPv6 at home: the wire talks in both families.
    let mut m = Maker::new(net("home"), seed + 4, 5);
    let broadcast = m.net.broadcast;
    m.chatter("noise:netbios", some(300, 900), broadcast, 138, 138);
    m.chatter("noise:mdns", some(300, 900), "224.0.0.251", 5353, 5353);
    m.chatter6(
        "noise:mdns6",
        some(500, 900),
        "ff02:0000:0000:0000:0000:0000:0000:00fb",
        "PROTO=UDP SPT=5353 DPT=5353 LEN=60 ",
    );
    m.chatter6(
        "noise:llmnr6",
        some(300, 900),
        "ff02:0000:0000:0000:0000:0000:0001:0003",
        "PROTO=UDP SPT=50123 DPT=5355 LEN=60 ",
    );
    m.chatter6(
        "noise:ssdp6",
        some(300, 900),
        "ff02:0000:0000:0000:0000:0000:0000:000c",
        "PROTO=UDP SPT=50123 DPT=1900 LEN=60 ",
    );
    m.chatter6(
        "noise:dhcp6",
        some(200, 400),
        "ff02:0000:0000:0000:0000:0000:0001:0002",
        "PROTO=UDP SPT=546 DPT=547 LEN=60 ",
    );
    m.chatter6(
        "noise:ra",
        some(500, 900),
        "ff02:0000:0000:0000:0000:0000:0000:0001",
        "PROTO=ICMPv6 TYPE=134 CODE=0 ",
    );
    m.chatter6(
        "noise:mld",
        some(500, 900),
        "ff02:0000:0000:0000:0000:0000:0000:0016",
        "PROTO=ICMPv6 TYPE=143 CODE=0 ",
    );
    for group in ["ff12:3456", "ff98:0001", "ffab:cdef"] {
        let dst = format!("ff02:0000:0000:0000:0000:0001:{group}");
        m.chatter6("noise:ns", some(100, 400), &dst, "PROTO=ICMPv6 TYPE=135 CODE=0 ");
    }
    m.radiation6("noise:telnet6", some(300, 400), 150, &[23]);
    m.radiation6("noise:http6", some(300, 400), 150, &[8080]);
    let (me6, inner) = (m.net.me6, m.net.inner);
    for _ in 0..30 {
        // A machine on the same wire, with an address of the internet.
        let rest = m.tcp(23);
        let line = m.v6("tcp.in.dropped ", inner, "2a02:8071:0000:0001:0000:0000:0000:0066", me6, &rest);
        let when = m.at();
        m.put(when, "signal:infected", line);
    }
    for i in 0..24 {
        let rest = m.tcp([21, 23, 5432, 9200, 8080, 873][i % 6]);
        let line = m.v6("tcp.in.dropped ", inner, "2001:0db8:bad0:0000:0000:0000:0000:0001", me6, &rest);
        let when = m.at();
        m.put(when, "signal:slow", line);
    }
    m.signals(6, &WORM, &ODD);
    let trusted = vec![m.net.lan.to_owned(), m.net.lan6.to_owned()];
    list.push(m.finish(format!("home6 {seed}"), trusted, true));

    // A small log of two days.
    let mut m = Maker::new(net("home"), seed + 5, 2);
    m.chatter("noise:ssdp", some(150, 200), "239.255.255.250", 0, 1900);
    m.chatter("noise:mdns", some(150, 200), "224.0.0.251", 5353, 5353);
    m.radiation("noise:telnet", some(150, 200), 120, false, &[23, 2323]);
    m.radiation("noise:smb", some(150, 200), 120, false, &[445]);
    m.signals(1, &WORM, &[8009, 27017, 9200]);
    let lan = m.net.lan.to_owned();
    list.push(m.finish(format!("small {seed}"), vec![lan], false));
    list
}

/// A log with nothing but signal.
pub(crate) fn only_signal(seed: u64) -> Profile {
    let mut m = Maker::new(net("home"), seed, 6);
    m.signals(8, &[445, 23, 3389, 139], &[8009, 27017, 9200, 3690, 50000, 623, 2049]);
    let lan = m.net.lan.to_owned();
    m.finish("signal".to_owned(), vec![lan], false)
}

/// A few hundred packets for a real kernel, without those that this host would send.
pub(crate) fn kernel() -> Profile {
    let mut m = Maker::new(net("home"), 21, 1);
    let broadcast = m.net.broadcast;
    m.chatter("noise:netbios", 60, broadcast, 138, 138);
    m.chatter("noise:ssdp", 60, "239.255.255.250", 0, 1900);
    m.chatter("noise:mdns", 60, "224.0.0.251", 5353, 5353);
    m.radiation("noise:telnet", 60, 50, false, &[23, 2323]);
    m.radiation("noise:sip", 60, 50, true, &[5060]);
    m.backscatter(80, &[80, 443]);
    m.trash(60);
    m.scanner_net(80, "83.118.222", 60);
    m.signals(2, &[445, 23, 3389, 139], &[23, 8009, 27017, 9200, 3690]);
    m.out.retain(|(_, line, _)| !line.contains("IN= "));
    m.out.iter_mut().enumerate().for_each(|(i, out)| out.0 = i as u64);
    m.finish("kernel".to_owned(), Vec::new(), false)
}
