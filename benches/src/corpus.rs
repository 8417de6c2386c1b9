//! A log of any size, the same bytes for the same parameters on every machine.
//!
//! Responsible for: lines in the shapes of `testdata/sample/kern.log` and `testdata/lines`, in
//! the proportions of a router at the edge of a network: 70 % TCP, 25 % UDP, 4 % ICMP (a
//! quarter of it with a quoted packet), 1 % others; a tenth IPv6; four prefixes; sources by a
//! power law; 30 days in time order. Packets are written by `logparse`'s own `emit`.
//! Must not know: what is measured.
//! Tested by: the unit tests below (every line reads back; the same parameters give the same
//! bytes; counts come out as asked).

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use logparse::{
    Datagram, Icmp, IcmpType, Icmpv6, Icmpv6Type, IpFlags, Ipv4, Ipv6, Link, Network, Packet, Ports,
    Protocol, RawMac, Tcp, TcpFlags, Transport, Udp,
};

/// What a corpus is like.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    /// Bytes; the corpus ends with the line that reaches them.
    pub bytes: u64,
    /// Different sources that may occur.
    pub distinct: u64,
    /// The exponent of the power law by which sources occur: 0 makes all equally frequent,
    /// 1.1 is what logs show.
    pub exponent: f64,
    /// How many of a hundred lines are other programs' lines.
    pub mixed_percent: u64,
    /// Where the numbers begin.
    pub seed: u64,
}

/// Numbers (PCG-XSH-RR, 64 bits of state), the same everywhere.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        let old = self.0;
        self.0 = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = ((old >> 18 ^ old) >> 27) as u32;
        mixed.rotate_right((old >> 59) as u32)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 32) as u64
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// At least 0, below 1.
    fn unit(&mut self) -> f64 {
        f64::from(self.next()) / 4_294_967_296.0
    }

    /// A rank from 0 to `count - 1`, rank `k` as often as `(k + 1)` to the power of
    /// `-exponent`: the integral of the law, inverted.
    #[expect(clippy::disallowed_methods, reason = "figures are compared with those of the same bytes")]
    fn rank(&mut self, count: u64, exponent: f64) -> u64 {
        let (last, unit) = (count as f64 + 1.0, self.unit());
        let place = if (exponent - 1.0).abs() < 1e-9 {
            last.powf(unit)
        } else {
            let power = 1.0 - exponent;
            (unit * (last.powf(power) - 1.0) + 1.0).powf(1.0 / power)
        };
        (place as u64).clamp(1, count) - 1
    }
}

/// Every rank its own address, spread over all of them: an odd factor permutes 32 bits.
fn source_v4(rank: u64) -> Ipv4Addr {
    Ipv4Addr::from(
        (rank as u32).wrapping_mul(0x9e37_79b1).rotate_left(7).wrapping_mul(0x85eb_ca6b) ^ 0x5bd1_e995,
    )
}

fn source_v6(rank: u64) -> Ipv6Addr {
    let low = rank.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Ipv6Addr::from(0x2001_0db8_0000_0000_0000_0000_0000_0000 | u128::from(rank) << 64 | u128::from(low))
}

const HOSTS: [&str; 4] = ["gw", "edge-fw-02", "home-router", "vpn.example.net"];
/// Prefixes of TCP and of everything else; the second is for packets that are routed.
const PREFIXES: [[&[u8]; 2]; 2] =
    [[b"tcp.in.dropped ", b"tcp.fwd.foreign "], [b"udp.in.dropped ", b"udp.fwd.foreign "]];
const PORTS: [u16; 24] = [
    22, 23, 445, 3389, 8080, 443, 80, 5555, 1433, 6379, 3306, 8443, 5900, 2323, 21, 25, 110, 8728, 37215,
    5432, 9200, 27017, 52869, 11211,
];
const UDP_PORTS: [u16; 12] = [53, 123, 161, 1900, 5353, 137, 138, 5060, 389, 17500, 11211, 69];
const MONTHS: [(&str, u64); 3] = [("May", 31), ("Jun", 30), ("Jul", 31)];

/// Writes a corpus.
///
/// # Errors
/// What `out` says.
pub fn write(parameters: &Parameters, out: &mut impl Write) -> io::Result<()> {
    let mut numbers = Numbers(parameters.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d);
    numbers.next();
    // A line has about 245 bytes, a month 2,592,000 seconds.
    let step = (30 * 86_400 * 1_000_000 / (parameters.bytes / 245).max(1)).max(1);
    let (mut micros, mut written, mut line) = (0, 0, Vec::with_capacity(1024));
    while written < parameters.bytes {
        line.clear();
        micros += numbers.below(2 * step) + u64::from(numbers.one_in(2));
        let host = if numbers.below(5) > 0 { HOSTS[0] } else { numbers.pick(&HOSTS[1..]) };
        stamp(&mut line, micros / 1_000_000)?;
        write!(line, "{host} ")?;
        if numbers.below(100) < parameters.mixed_percent {
            other_program(&mut numbers, parameters, &mut line)?;
        } else {
            let uptime = 8_486_974_964 + micros;
            write!(line, "kernel: [{:5}.{:06}] ", uptime / 1_000_000, uptime % 1_000_000)?;
            logged_packet(&mut numbers, parameters, &mut line);
        }
        line.push(b'\n');
        out.write_all(&line)?;
        written += line.len() as u64;
    }
    out.flush()
}

/// `Jun 30 06:06:13 `, counted from the 25th of May.
fn stamp(line: &mut Vec<u8>, second: u64) -> io::Result<()> {
    let (mut day, mut month) = (24 + second / 86_400, 0);
    while day >= MONTHS[month].1 && month + 1 < MONTHS.len() {
        day -= MONTHS[month].1;
        month += 1;
    }
    let (hour, minute, second) = (second / 3_600 % 24, second / 60 % 60, second % 60);
    write!(line, "{} {:2} {hour:02}:{minute:02}:{second:02} ", MONTHS[month].0, day % 31 + 1)
}

/// A line of another program, or of another part of the kernel.
fn other_program(numbers: &mut Numbers, parameters: &Parameters, line: &mut Vec<u8>) -> io::Result<()> {
    let pid = 300 + numbers.below(60_000);
    let address = source_v4(numbers.rank(parameters.distinct, parameters.exponent));
    let port = 1_024 + numbers.below(64_000);
    match numbers.below(6) {
        0 => write!(line, "sshd[{pid}]: Connection closed by {address} port {port} [preauth]"),
        1 => write!(line, "sshd[{pid}]: Invalid user test from {address} port {port}"),
        2 => write!(line, "systemd[1]: Started Daily apt download activities."),
        3 => write!(line, "cron[{pid}]: (root) CMD (run-parts --report /etc/cron.hourly)"),
        4 => write!(line, "kernel: [{pid:5}.000000] eno1: Link is Up - 1Gbps/Full - flow control rx/tx"),
        _ => write!(line, "dnsmasq-dhcp[{pid}]: DHCPACK(br0) 192.168.50.{} 00:1b:21:3c:4d:5e", pid % 250),
    }
}

/// A packet's message.
fn logged_packet(numbers: &mut Numbers, parameters: &Parameters, line: &mut Vec<u8>) {
    let kind = numbers.below(100);
    let v6 = numbers.one_in(10);
    let rank = numbers.rank(parameters.distinct, parameters.exponent);
    let routed = numbers.one_in(5);
    let outgoing = kind < 95 && numbers.one_in(16);
    let mac = format!("00:16:3e:5e:6c:00:52:54:00:12:34:56:{}", if v6 { "86:dd" } else { "08:00" });
    let mut packet =
        Packet { prefix: PREFIXES[usize::from(kind >= 70)][usize::from(routed)], ..Packet::default() };
    if outgoing {
        packet.out_iface = b"eth0";
    } else {
        packet.in_iface = if numbers.one_in(10) { b"eno1" } else { b"eth0" };
        packet.out_iface = if routed { b"br0" } else { b"" };
        packet.link = Link::Raw(RawMac(mac.as_bytes()));
    }
    packet.datagram.network = network(numbers, v6, rank);
    packet.datagram.transport = match kind {
        0..70 => tcp(numbers),
        70..95 => udp(numbers),
        95..99 if v6 => Transport::Icmpv6(Icmpv6 {
            kind: Some(Icmpv6Type(numbers.pick(&[133, 135, 136, 143]))),
            code: Some(0),
            ..Icmpv6::default()
        }),
        95..99 if numbers.one_in(4) => {
            let network = network(numbers, false, rank / 2);
            packet.quoted = Some(Datagram { network, transport: udp(numbers), ..Datagram::default() });
            let code = numbers.pick(&[1, 3, 10, 13]);
            Transport::Icmp(Icmp { kind: Some(IcmpType(3)), code: Some(code), ..Icmp::default() })
        }
        95..99 => Transport::Icmp(Icmp {
            kind: Some(IcmpType(8)),
            code: Some(0),
            id: Some(numbers.next() as u16),
            seq: Some(numbers.below(1_000) as u16),
            ..Icmp::default()
        }),
        _ => Transport::Other(Protocol(numbers.pick(&[2, 47, 103]))),
    };
    packet.emit(line);
}

fn network(numbers: &mut Numbers, v6: bool, rank: u64) -> Network<'static> {
    let local = numbers.below(250) as u8;
    let len = numbers.pick(&[40, 44, 48, 52, 60, 64, 201, 328]);
    if v6 {
        return Network::Ipv6(Ipv6 {
            src: Some(source_v6(rank)),
            dst: Some(Ipv6Addr::from(0x2001_0db8_00aa_0000_0000_0000_0000_0000 | u128::from(local))),
            len: Some(len + 20),
            traffic_class: Some(numbers.pick(&[0, 0, 0, 8, 184])),
            hop_limit: Some(1 + numbers.below(255) as u8),
            flow_label: Some(numbers.below(1 << 20) as u32),
            ..Ipv6::default()
        });
    }
    Network::Ipv4(Ipv4 {
        src: Some(source_v4(rank)),
        dst: Some(Ipv4Addr::new(192, 168, 50, local)),
        len: Some(len),
        tos: Some(numbers.pick(&[0, 0, 0, 8, 16])),
        prec: Some(numbers.pick(&[0, 0, 0, 32])),
        ttl: Some(30 + numbers.below(226) as u8),
        id: Some(numbers.next() as u16),
        flags: IpFlags { dont_fragment: numbers.one_in(2), ..IpFlags::default() },
        ..Ipv4::default()
    })
}

fn ports(numbers: &mut Numbers, known: &[u16]) -> Ports {
    // The first few ports take most of the packets; a tenth goes anywhere.
    let place = numbers.rank(known.len() as u64, 1.2) as usize;
    let dst = if numbers.one_in(10) { numbers.next() as u16 } else { known[place] };
    Ports { src: Some(1_024 + numbers.below(64_000) as u16), dst: Some(dst) }
}

fn tcp(numbers: &mut Numbers) -> Transport<'static> {
    let flags = match numbers.below(16) {
        0 => TcpFlags::ACK | TcpFlags::RST,
        1 => TcpFlags::ACK | TcpFlags::FIN,
        2 => TcpFlags::RST,
        3 => TcpFlags::ACK | TcpFlags::SYN,
        _ => TcpFlags::SYN,
    };
    Transport::Tcp(Tcp {
        ports: ports(numbers, &PORTS),
        window: Some(numbers.pick(&[1024, 14600, 29200, 64240, 65535])),
        reserved: Some(0),
        flags: Some(flags),
        urgent: Some(0),
        ..Tcp::default()
    })
}

fn udp(numbers: &mut Numbers) -> Transport<'static> {
    Transport::Udp(Udp { ports: ports(numbers, &UDP_PORTS), len: Some(8 + numbers.below(1_400) as u16) })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const SMALL: Parameters =
        Parameters { bytes: 2_000_000, distinct: 5_000, exponent: 1.1, mixed_percent: 0, seed: 1 };

    fn corpus(parameters: Parameters) -> Vec<u8> {
        let mut out = Vec::new();
        write(&parameters, &mut out).expect("a vector takes everything");
        out
    }

    #[test]
    fn every_line_reads_back() {
        let text = corpus(SMALL);
        let (mut lines, mut v6) = (0, 0);
        for (_, line) in logparse::lines(&text) {
            let entry = logparse::parse(line).expect("a packet");
            assert_eq!(entry.error, None, "{}", line.escape_ascii());
            lines += 1;
            v6 += usize::from(entry.packet.src().is_some_and(|src| src.is_ipv6()));
        }
        assert!((7_500..9_500).contains(&lines), "{lines}");
        assert!((lines / 15..lines / 7).contains(&v6), "{v6} of {lines}");
    }

    #[test]
    fn parameters_do_what_they_say() {
        assert_eq!(corpus(SMALL), corpus(SMALL));
        assert_ne!(corpus(SMALL), corpus(Parameters { seed: 2, ..SMALL }));
        let share = |text: &[u8]| {
            let lines: Vec<_> = logparse::lines(text).collect();
            let other = lines.iter().filter(|(_, line)| logparse::parse(line).is_err()).count();
            other * 100 / lines.len()
        };
        let mixed = share(&corpus(Parameters { mixed_percent: 30, ..SMALL }));
        assert!((27..=33).contains(&mixed), "{mixed}");
        let sources = |exponent| {
            let text = corpus(Parameters { exponent, ..SMALL });
            let found: HashSet<_> = logparse::lines(&text)
                .filter_map(|(_, line)| logparse::parse(line).ok()?.packet.src())
                .collect();
            found.len()
        };
        let (flat, steep) = (sources(0.0), sources(1.5));
        assert!(flat > 3 * steep, "{flat} {steep}");
    }

    #[test]
    fn sources_are_different() {
        let found: HashSet<_> = (0..100_000).map(source_v4).collect();
        assert_eq!(found.len(), 100_000);
        let found: HashSet<_> = (0..100_000).map(source_v6).collect();
        assert_eq!(found.len(), 100_000);
    }
}
