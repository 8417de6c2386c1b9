//! Made-up rulesets and packets for the tests: whatever `iptables-save` could print, in the
//! form in which it prints it.
#![allow(dead_code)] // each test uses a part

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fwrules::*;
use logparse::{Mac, Packet, Protocol, TcpFlags};

/// SplitMix64: the same numbers for the same seed, everywhere.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub(crate) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }
    fn maybe<T>(&mut self, one_in: u64, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
        if self.chance(one_in) { Some(make(self)) } else { None }
    }
    fn test<T>(&mut self, value: T) -> Test<T> {
        Test { not: self.chance(4), value }
    }
}

pub(crate) fn port(rng: &mut Rng) -> u16 {
    *rng.pick(&[22, 23, 53, 80, 137, 138, 443, 1023, 1024, 5353, 8443, 33434, 65535, 0])
}

fn port_range(rng: &mut Rng) -> Range<u16> {
    let (a, b) = (port(rng), port(rng));
    let (a, b) = if rng.chance(2) { (a, a) } else { (a.min(b), a.max(b)) };
    if (a, b) == (0, 65535) { Range::one(7) } else { Range::new(a, b) }
}

/// A port test in its one form: what remains of an open range is a range.
fn port_test(rng: &mut Rng) -> Test<Range<u16>> {
    let range = port_range(rng);
    let open = range.first == 0 || range.last == u16::MAX;
    Test { not: !open && rng.chance(4), value: range }
}

pub(crate) fn addr(rng: &mut Rng, v6: bool) -> IpAddr {
    if v6 {
        let host = rng.below(4) as u16;
        let net = *rng.pick(&[0xdb8, 0xdb9]);
        *rng.pick(&[
            IpAddr::V6(Ipv6Addr::new(0x2001, net, 0, host, 0, 0, 0, host)),
            IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, host + 1)),
            IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host)),
        ])
    } else {
        let (a, b) = (rng.below(4) as u8, rng.below(4) as u8);
        *rng.pick(&[
            IpAddr::V4(Ipv4Addr::new(10, 9 + a, b, 1)),
            IpAddr::V4(Ipv4Addr::new(192, 168, 50, b)),
            IpAddr::V4(Ipv4Addr::new(224, 0, 0, 1 + b)),
            IpAddr::V4(Ipv4Addr::new(192, 168, 50, 255)),
            IpAddr::V4(Ipv4Addr::BROADCAST),
            IpAddr::V4(Ipv4Addr::LOCALHOST),
        ])
    }
}

fn net(rng: &mut Rng, v6: bool) -> Net {
    let address = addr(rng, v6);
    if !v6 && rng.chance(12) {
        return Net::with_mask(address, IpAddr::V4(Ipv4Addr::new(255, 0, 255, 0))).unwrap();
    }
    let length = if v6 { *rng.pick(&[16, 32, 64, 128]) } else { *rng.pick(&[8, 16, 24, 32]) };
    Net::new(address, length)
}

fn range(rng: &mut Rng, v6: bool) -> AddressRange {
    let (a, b) = (addr(rng, v6), addr(rng, v6));
    AddressRange { first: a.min(b), last: a.max(b) }
}

fn interface(rng: &mut Rng) -> Interface {
    Interface(Text::from(*rng.pick(&["eth0", "eth+", "lo", "eno1", "wg-home", "br0.5", "e+"])))
}

pub(crate) fn flags(rng: &mut Rng) -> TcpFlags {
    TcpFlags::from_bits(rng.below(256) as u16)
}

fn number_range(rng: &mut Rng, limit: u64) -> Range<u32> {
    let (a, b) = (rng.below(limit) as u32, rng.below(limit) as u32);
    if rng.chance(2) { Range::one(a) } else { Range::new(a.min(b), a.max(b)) }
}

/// A text for a prefix or comment, of at most `limit` bytes.
fn text(rng: &mut Rng, limit: usize) -> Text {
    let pieces: [&[u8]; 16] = [
        b"tcp.in.dropped ",
        b"a",
        b"B-9_",
        b"\"",
        b"'",
        b"\\",
        b"`id`",
        b"$(id)",
        b"; touch pwned #",
        b"!",
        b" ",
        b"%s",
        "é".as_bytes(),
        b"IN=",
        b"\xff",
        b"\x1b[2J",
    ];
    let mut text = Vec::new();
    for _ in 0..=rng.below(6) {
        let piece = *rng.pick(&pieces);
        text.extend_from_slice(piece);
    }
    text.truncate(limit);
    // iptables-restore takes a comment that begins with ! or - for an option.
    if text.starts_with(b"!") || text.starts_with(b"-") {
        text[0] = b'x';
    }
    Text::from(text)
}

/// Where a rule will stand, as far as iptables asks.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum At {
    Input,
    Forward,
    Output,
    /// A chain that only INPUT jumps to.
    User,
}

pub(crate) fn rule(rng: &mut Rng, at: At, v6: bool, chains: &[String]) -> Rule {
    let mut rule = Rule::default();
    let plain_protocol = |rng: &mut Rng| {
        let icmp = if v6 { Protocol::ICMPV6 } else { Protocol::ICMP };
        *rng.pick(&[
            Protocol::TCP,
            Protocol::TCP,
            Protocol::TCP,
            Protocol::UDP,
            Protocol::UDP,
            icmp,
            Protocol::SCTP,
            Protocol::ESP,
            Protocol::AH,
            Protocol(89),
            Protocol::UDPLITE,
            Protocol::DCCP,
        ])
    };
    let protocol = rng
        .maybe(3, |r| Test { not: r.chance(5), value: plain_protocol(r) })
        .or_else(|| rng.maybe(2, |r| Test::is(plain_protocol(r))));
    rule.conditions.extend(protocol.map(Condition::from));
    for (side, one_in) in [(Side::Source, 3), (Side::Destination, 4)] {
        let net = rng.maybe(one_in, |r| {
            let n = net(r, v6);
            r.test(n)
        });
        rule.conditions.extend(net.map(|net| Condition::from(Address { side, net })));
    }
    for (input, has) in [(true, at != At::Output), (false, matches!(at, At::Output | At::Forward))] {
        if has {
            let name = rng.maybe(5, |r| {
                let i = interface(r);
                r.test(i)
            });
            rule.conditions.extend(name.map(|name| Condition::from(OnInterface { input, name })));
        }
    }
    if !v6 {
        let fragment = rng.maybe(15, |r| r.chance(2));
        rule.conditions.extend(fragment.map(|is| Condition::from(Fragment(is))));
    }
    let mut matches: Vec<Condition> = Vec::new();
    if let Some(Test { not: false, value }) = protocol
        && !rng.chance(3)
    {
        match value {
            Protocol::TCP => {
                let sport = rng.maybe(4, port_test);
                let dport = rng.maybe(2, port_test);
                let test = rng.maybe(3, |r| {
                    // iptables knows six of them.
                    let mask = flags(r) & TcpFlags::from_bits(0x3f);
                    let set = flags(r) & mask;
                    r.test(Flags { mask, set })
                });
                let option = rng.maybe(12, |r| r.test(2 + (r.0 >> 60) as u8));
                // The zero mask is what iptables-save leaves away.
                let test = test.filter(|t| !t.value.mask.is_empty());
                matches.push(Condition::Tcp(Tcp { sport, dport, flags: test, option }));
            }
            Protocol::UDP | Protocol::SCTP | Protocol::DCCP => {
                let sport = rng.maybe(4, port_test);
                let dport = rng.maybe(2, port_test);
                matches.push(Condition::Ports(Ports { protocol: value, sport, dport }));
            }
            Protocol::ICMP | Protocol::ICMPV6 => {
                let kind = Some(*rng.pick(&[0, 3, 8, 11, 128, 135]));
                let code = rng.maybe(2, |r| r.below(5) as u8);
                let icmp = rng.test(Icmp { kind, code });
                matches.push(IcmpTest { v6, icmp }.into());
            }
            Protocol::ESP | Protocol::AH => {
                let r = number_range(rng, 1000);
                matches.push(Spi { protocol: value, spi: rng.test(r) }.into());
            }
            _ => {}
        }
        let ported = matches!(
            value,
            Protocol::TCP | Protocol::UDP | Protocol::SCTP | Protocol::DCCP | Protocol::UDPLITE
        );
        if ported && rng.chance(4) {
            let side = *rng.pick(&[PortSide::Source, PortSide::Destination, PortSide::Either]);
            let ports = (0..1 + rng.below(7)).map(|_| port_range(rng)).collect();
            matches.push(Multiport { side, ports: rng.test(ports) }.into());
        }
        if value == Protocol::TCP && rng.chance(15) {
            matches.push(Condition::Mss(Test { not: rng.chance(3), value: Range::new(1, 600) }));
        }
    }
    for _ in 0..rng.below(3) {
        let one = match rng.below(15) {
            0 => {
                let source = Some({
                    let a = range(rng, v6);
                    rng.test(a)
                });
                let destination = rng.maybe(3, |r| {
                    let a = range(r, v6);
                    r.test(a)
                });
                IpRange { source, destination }.into()
            }
            1 if at != At::Output => Condition::Mac(rng.test(Mac([0, 0x16, 0x3e, 0, 0, 1]))),
            2 => {
                let k = *rng.pick(&[PacketType::Unicast, PacketType::Broadcast, PacketType::Multicast]);
                Condition::PacketType(rng.test(k))
            }
            3 => {
                let types = *rng.pick(&[
                    AddressTypes::LOCAL,
                    AddressTypes::MULTICAST,
                    AddressTypes::LOCAL.or(AddressTypes::MULTICAST),
                    AddressTypes::UNICAST,
                ]);
                let types = if !v6 && rng.chance(3) { AddressTypes::BROADCAST } else { types };
                Condition::AddressType(AddressType {
                    source: None,
                    destination: Some(rng.test(types)),
                    limit_in: false,
                    limit_out: false,
                })
            }
            4 => {
                let compare =
                    *rng.pick(&[Compare::Equal, Compare::NotEqual, Compare::Less, Compare::Greater]);
                Ttl { hop_limit: v6, compare, value: *rng.pick(&[1, 5, 63, 64, 254]) }.into()
            }
            5 => {
                let r = number_range(rng, 2000);
                Condition::Length(rng.test(r))
            }
            6 => {
                let mask = *rng.pick(&[0x3f, 0xff, 0x1e]);
                Condition::Tos(rng.test(Masked { value: 0x10, mask }))
            }
            7 => {
                let v = *rng.pick(&[0, 10, 46]);
                Condition::Dscp(rng.test(v))
            }
            8 => {
                let mask = *rng.pick(&[u32::MAX, 0xf0]);
                Condition::Mark(rng.test(Masked { value: 0x10, mask }))
            }
            9 if at == At::Output => {
                let uid = Some({
                    let r = number_range(rng, 3000);
                    rng.test(r)
                });
                Owner { uid, gid: None }.into()
            }
            10 => {
                let states = *rng.pick(&[
                    StateSet::RELATED | StateSet::ESTABLISHED,
                    StateSet::INVALID,
                    StateSet::NEW,
                    StateSet::NEW | StateSet::DNAT,
                    StateSet::UNTRACKED,
                ]);
                let old = rng.chance(4) && !StateSet::DNAT.and(states).contains(StateSet::DNAT);
                State { old, states: rng.test(states) }.into()
            }
            11 => Condition::Other(Other {
                module: Text::from("limit"),
                words: ["--limit", "5/min"].map(Text::from).into(),
            }),
            12 => {
                let nth = Statistic::Nth { every: rng.test(3), packet: rng.below(3) as u32 };
                let random = Statistic::Random(rng.test(0x2666_6666));
                if rng.chance(2) { nth.into() } else { random.into() }
            }
            13 => {
                let prefix = *rng.pick(if v6 { &[0, 64, 128] } else { &[0, 24, 32] });
                let side = *rng.pick(&Side::BOTH);
                ConnLimit { above: rng.chance(2), limit: rng.below(9) as u32, prefix, side }.into()
            }
            _ => Condition::Comment(text(rng, 255)),
        };
        // Each module once, as people write it.
        if !matches.iter().any(|m: &Condition| core::mem::discriminant(m) == core::mem::discriminant(&one)) {
            matches.push(one);
        }
    }
    rule.conditions.append(&mut matches);
    match rng.below(12) {
        0 | 1 => {
            let prefix = text(rng, 29);
            rule.log = Some(Log {
                prefix: if prefix.is_empty() { Text::from("x") } else { prefix },
                level: *rng.pick(&[None, Some(6), Some(1)]),
                tcp_sequence: rng.chance(4),
                tcp_options: rng.chance(4),
                ip_options: rng.chance(4),
                uid: rng.chance(4),
                macdecode: rng.chance(4),
                nflog: None,
            });
        }
        2 => {
            rule.log = Some(Log {
                prefix: Text::from("nf log "),
                nflog: Some(["--nflog-group", "5"].map(Text::from).into()),
                ..Log::default()
            });
        }
        3 if !chains.is_empty() => rule.target = Target::Jump(Text::from(rng.pick(chains).as_str())),
        4 if !chains.is_empty() => rule.target = Target::Goto(Text::from(rng.pick(chains).as_str())),
        5 => rule.target = Target::Return,
        6 => {
            let with = if v6 {
                ["icmp6-port-unreachable", "icmp6-adm-prohibited"]
            } else {
                ["icmp-port-unreachable", "icmp-admin-prohibited"]
            };
            rule.target = Target::Reject(Text::from(*rng.pick(&with)));
        }
        7 => rule.target = Target::Continue,
        8 | 9 => rule.target = Target::Accept,
        _ => rule.target = Target::Drop,
    }
    rule
}

/// A filter table: INPUT, FORWARD, OUTPUT and chains that INPUT jumps to, without loops.
pub(crate) fn ruleset(seed: u64, v6: bool, size: u64) -> Ruleset {
    let mut rng = Rng(seed);
    let users: Vec<String> = ["MALICIOUS", "STDIN", "ufw-user_1"].iter().map(|s| s.to_string()).collect();
    let base = |hook, policy| Some(Base { hook: Some(hook), priority: 0, policy, nat: false });
    let policy = |rng: &mut Rng| *rng.pick(&[Verdict::Accept, Verdict::Drop]);
    let mut chains = Vec::new();
    for (hook, at) in [(Hook::Input, At::Input), (Hook::Forward, At::Forward), (Hook::Output, At::Output)] {
        let targets: &[String] = if at == At::Input { &users } else { &[] };
        let rules = (0..rng.below(size) + 1).map(|_| rule(&mut rng, at, v6, targets)).collect();
        let policy = policy(&mut rng);
        chains.push(Chain {
            name: Text::from(hook.chain()),
            base: base(hook, policy),
            counters: Some(Counters::default()),
            rules,
        });
    }
    for (i, name) in users.iter().enumerate() {
        let rules = (0..rng.below(size)).map(|_| rule(&mut rng, At::User, v6, &users[i + 1..])).collect();
        chains.push(Chain {
            name: Text::from(name.as_str()),
            base: None,
            counters: Some(Counters::default()),
            rules,
        });
    }
    let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
    let table = Table { family, name: Text::from("filter"), chains, ..Table::default() };
    Ruleset { tables: vec![table], ..Ruleset::default() }
}

/// A line as the kernel would write it.
pub(crate) fn line(rng: &mut Rng, v6: bool, prefixes: &[Vec<u8>]) -> Vec<u8> {
    let mut line =
        if prefixes.is_empty() || rng.chance(10) { b"other ".to_vec() } else { rng.pick(prefixes).clone() };
    let mut push = |text: &str| line.extend_from_slice(text.as_bytes());
    let (input, output) = *rng.pick(&[
        ("eth0", ""),
        ("eth0", ""),
        ("eno1", ""),
        ("lo", ""),
        ("eth0", "eth1"),
        ("", "eth0"),
        ("", "lo"),
    ]);
    push(&format!("IN={input} OUT={output} "));
    if rng.chance(8) && !input.is_empty() {
        push("PHYSIN=eth1 ");
    }
    let kind = if v6 { "86:dd" } else { "08:00" };
    if !input.is_empty() {
        let dst = *rng.pick(&["00:16:3e:5e:6c:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb"]);
        let src = *rng.pick(&["00:16:3e:00:00:01", "fe:ff:ff:ff:ff:ff"]);
        if rng.chance(6) { push("MAC= ") } else { push(&format!("MAC={dst}:{src}:{kind} ")) }
    }
    let (src, dst) = (addr(rng, v6), addr(rng, v6));
    let full = |a: IpAddr| match a {
        IpAddr::V4(a) => a.to_string(),
        IpAddr::V6(a) => a.segments().map(|s| format!("{s:04x}")).join(":"),
    };
    let len = 48 + rng.below(2000);
    let ttl = *rng.pick(&[1, 4, 5, 63, 64, 255]);
    let mut later = false;
    if v6 {
        push(&format!(
            "SRC={} DST={} LEN={len} TC={} HOPLIMIT={ttl} FLOWLBL=0 ",
            full(src),
            full(dst),
            rng.pick(&[0, 40, 184])
        ));
    } else {
        later = rng.chance(10);
        let fragment = if later { "FRAG:185 " } else { "" };
        push(&format!(
            "SRC={} DST={} LEN={len} TOS=0x{:02X} PREC=0x{:02X} TTL={ttl} ID={} {fragment}",
            full(src),
            full(dst),
            rng.pick(&[0, 0x10, 8]),
            rng.pick(&[0, 0x20, 0xa0]),
            rng.below(65536)
        ));
    }
    let (spt, dpt) = (port(rng), port(rng));
    match rng.below(8) {
        0..=2 if later => push("PROTO=TCP "),
        0..=2 => {
            let options = if rng.chance(3) { "OPT (020405B4) " } else { "" };
            let mut words = String::new();
            for word in flags(rng).words() {
                words.push_str(word);
                words.push(' ');
            }
            push(&format!("PROTO=TCP SPT={spt} DPT={dpt} WINDOW=1 RES=0x00 {words}URGP=0 {options}"));
        }
        3 | 4 if later => push("PROTO=UDP "),
        3 | 4 => {
            // Lengths that add up, mostly: else IPv6 has headers that are not printed.
            let len = if rng.chance(8) { 8 } else { len.saturating_sub(40) };
            push(&format!("PROTO=UDP SPT={spt} DPT={dpt} LEN={len} "));
        }
        5 if later => push(if v6 { "PROTO=ICMPv6 " } else { "PROTO=ICMP " }),
        5 => push(&format!(
            "PROTO=ICMP{} TYPE={} CODE={} ",
            if v6 { "v6" } else { "" },
            rng.pick(&[9, 13, 14, 17, 135, 200]),
            rng.below(5)
        )),
        6 if !v6 && !later => {
            push(&format!("PROTO={} SPI=0x{:x} ", rng.pick(&["ESP", "AH"]), rng.below(1000)));
        }
        _ => push(&format!("PROTO={} ", rng.pick(&[132, 89, 47, 33]))),
    }
    if input.is_empty() && rng.chance(2) {
        push(&format!("UID={} GID=0 ", rng.below(3000)));
    }
    if rng.chance(5) {
        push(&format!("MARK=0x{:x} ", 1 + rng.below(0x20)));
    }
    line
}

pub(crate) fn packet(line: &[u8]) -> Packet<'_> {
    let entry = logparse::parse(line).unwrap_or_else(|e| panic!("{e}: {}", line.escape_ascii()));
    assert!(entry.error.is_none(), "{:?}: {}", entry.error, line.escape_ascii());
    entry.packet
}

pub(crate) fn prefixes(rules: &Ruleset) -> Vec<Vec<u8>> {
    rules.rules().filter_map(|(_, r)| r.log.as_ref().map(|l| l.written(false).to_vec())).collect()
}
