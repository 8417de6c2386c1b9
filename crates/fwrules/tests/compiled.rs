//! The compiled form gives the answers of the reference, on every ruleset and packet.

mod common;

use common::Rng;
use fwrules::{
    Compiled, Condition, Context, Evidence, Family, Fate, LocalAddress, Missed, Path, Replayed, Ruleset,
    Sets, Walker,
};
use logparse::{Line, Scanner};

#[test]
fn compiled_equals_reference() {
    let local = [LocalAddress { addr: "192.168.50.2".parse().unwrap(), prefix: 24 }];
    let mut remembered = 0;
    for seed in 0..400 {
        let v6 = seed % 4 == 3;
        let rules = common::ruleset(seed, v6, 10);
        let old = common::ruleset(seed / 2, v6, 10);
        let evidence = match seed % 4 {
            0 => Evidence::Nothing,
            1 => Evidence::Usual,
            2 => Evidence::Same,
            _ => Evidence::Writer(&old),
        };
        let local = if seed % 3 == 0 { &local[..] } else { &[] };
        let missed = seed % 2 == 0;
        let make = if missed { Compiled::with_missed } else { Compiled::new };
        let compiled = make(&rules, evidence, local);
        let mut replayer = compiled.replayer();
        let prefixes = common::prefixes(&rules);
        let mut rng = Rng(seed ^ 0x00ab_cdef);
        remembered += u32::from(compiled.is_memoised());
        for _ in 0..400 {
            let other = rng.chance(20);
            let line = common::line(&mut rng, v6 != other, &prefixes);
            let packet = common::packet(&line);
            let time = Some(1_719_743_400);
            let context = Context { local, time, cut: false };
            let outcome = compiled.walker().outcome(&packet, &context);
            let fate = compiled.walker().fate(&packet, &context);
            let id = replayer.replay(&packet, time, false);
            let found = replayer.answer(id);
            let missed = match missed {
                true => compiled.walker().missed(&packet, &context, compiled.tries_all()),
                false => Missed::default(),
            };
            let saved = || String::from_utf8_lossy(&rules.to_save(false).unwrap()).into_owned();
            assert_eq!(
                *found,
                Replayed {
                    path: Path::of(packet.in_iface, packet.out_iface),
                    fate,
                    if_writer: None,
                    outcome,
                    missed
                },
                "seed {seed}\n{}\n{}",
                line.escape_ascii(),
                saved()
            );
        }
    }
    // Nearly all of them are small enough for the key.
    assert!(remembered > 300, "{remembered}");
}

/// Long chains, in which rules are found by an index: every kind of field, both families, sets,
/// translation, jumps, a table before routing.
#[test]
fn large_rulesets_equal_the_reference() {
    for seed in 0..12 {
        let v6 = seed % 4 == 3;
        let mut rng = Rng(seed ^ 0xb16);
        let mut text =
            String::from("*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n");
        text.push_str(
            ":a - [0:0]\n:b - [0:0]\n:c - [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n",
        );
        let mut rules = |chains: &[(&str, &str)], count: u64, text: &mut String| {
            for _ in 0..count {
                let (chain, target) = *rng.pick(chains);
                text.push_str(&format!("-A {chain} {} -j {target}\n", wants(&mut rng, v6, chain)));
            }
        };
        let filter = [
            ("INPUT", "a"),
            ("INPUT", "DROP"),
            ("FORWARD", "DROP"),
            ("OUTPUT", "DROP"),
            ("a", "b"),
            ("a", "DROP"),
            ("a", "RETURN"),
            ("b", "DROP"),
            ("b", "c"),
            ("c", "ACCEPT"),
            ("c", "DROP"),
        ];
        rules(&filter, 600, &mut text);
        for chain in ["INPUT", "FORWARD", "OUTPUT", "b"] {
            text.push_str(&format!("-A {chain} -j LOG --log-prefix \"{chain} \"\n"));
        }
        text.push_str("COMMIT\n");
        if seed % 3 == 0 {
            text.push_str("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination :81\nCOMMIT\n");
        }
        text.push_str("*raw\n:PREROUTING ACCEPT [0:0]\n");
        rules(&[("PREROUTING", "DROP")], 200, &mut text);
        text.push_str("COMMIT\n");
        let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
        let mut rules = Ruleset::parse_save_as(text.as_bytes(), family).unwrap();
        rules.sets = Sets::parse(sets(&mut rng, v6).as_bytes()).unwrap();
        let (evidence, with_missed) =
            (if seed % 2 == 0 { Evidence::Same } else { Evidence::Usual }, seed % 5 == 0);
        let compiled = if with_missed { Compiled::with_missed } else { Compiled::new }(&rules, evidence, &[]);
        let compiled = if seed % 3 == 0 { compiled.with_writer() } else { compiled };
        let twin = rules.clone();
        let writer = Walker::new(&rules, Evidence::Writer(&twin));
        let mut replayer = compiled.replayer();
        let prefixes = common::prefixes(&rules);
        for _ in 0..400 {
            let line = common::line(&mut rng, v6, &prefixes);
            let packet = common::packet(&line);
            let context = Context { local: &[], time: None, cut: false };
            let id = replayer.replay(&packet, None, false);
            let missed = match with_missed {
                true => compiled.walker().missed(&packet, &context, compiled.tries_all()),
                false => Missed::default(),
            };
            let fate = compiled.walker().fate(&packet, &context);
            let asked = seed % 3 == 0 && matches!(fate, Fate::Unknown(..));
            let expected = Replayed {
                path: Path::of(packet.in_iface, packet.out_iface),
                fate,
                if_writer: asked.then(|| writer.fate(&packet, &context)),
                outcome: compiled.walker().outcome(&packet, &context),
                missed,
            };
            assert_eq!(*replayer.answer(id), expected, "seed {seed}\n{}", line.escape_ascii());
        }
    }
}

/// One to three conditions by which a rule may be found, or not.
fn wants(rng: &mut Rng, v6: bool, chain: &str) -> String {
    let side = |rng: &mut Rng| if rng.chance(3) { "d" } else { "s" };
    let one = |rng: &mut Rng| match rng.below(9) {
        0 | 1 => format!("-{} {}", side(rng), common::addr(rng, v6)),
        2 => format!("-{} {}/{}", side(rng), common::addr(rng, v6), rng.pick(&[8, 12, 16, 24])),
        3 => format!("! -s {}", common::addr(rng, v6)),
        4 => {
            let (a, b) = (common::addr(rng, v6), common::addr(rng, v6));
            format!(
                "-m iprange --{}-range {}-{}",
                if rng.chance(2) { "src" } else { "dst" },
                a.min(b),
                a.max(b)
            )
        }
        5 => format!("-p {} --{}port {}", rng.pick(&["tcp", "udp"]), side(rng), common::port(rng)),
        6 => {
            let ports: Vec<String> = (0..rng.below(4) + 1).map(|_| common::port(rng).to_string()).collect();
            format!(
                "-p udp -m multiport --{} {},9000:10000",
                rng.pick(&["sports", "dports", "ports"]),
                ports.join(",")
            )
        }
        7 => format!(
            "-m set {}--match-set {} {}",
            if rng.chance(5) { "! " } else { "" },
            *rng.pick(&["one", "net", "pair", "all", "moving"]),
            rng.pick(&["src,src", "dst,dst"])
        ),
        _ => match chain {
            "OUTPUT" => String::from("-o eth0"),
            "FORWARD" => format!("-i {}", rng.pick(&["eth0", "eth+", "e+", "wan"])),
            _ => String::from("-m mac --mac-source 00:16:3e:00:00:01"),
        },
    };
    let mut kinds: Vec<String> = (0..rng.below(2) + 1).map(|_| one(rng)).collect();
    // A protocol and a match of each kind at most once.
    kinds.dedup_by(|a, b| a.split(' ').next() == b.split(' ').next());
    kinds.join(" ")
}

fn sets(rng: &mut Rng, v6: bool) -> String {
    let family = if v6 { "inet6" } else { "inet" };
    let mut text = format!("create one hash:ip family {family}\ncreate net hash:net family {family}\n");
    text.push_str(&format!(
        "create pair hash:ip,port family {family}\ncreate moving hash:ip family {family} timeout 9\n"
    ));
    for _ in 0..9 {
        text.push_str(&format!("add one {}\nadd moving {}\n", common::addr(rng, v6), common::addr(rng, v6)));
        let nomatch = if rng.chance(3) { " nomatch" } else { "" };
        text.push_str(&format!("add net {}/{}{nomatch}\n", common::addr(rng, v6), rng.pick(&[8, 16, 24])));
        text.push_str(&format!("add pair {},udp:{}\n", common::addr(rng, v6), common::port(rng)));
    }
    text + "create all list:set\nadd all one\nadd all net\n"
}

/// A line that a scan read is known by a glance at it, and as the same.
#[test]
fn recalled_equals_replayed() {
    let mut recalled = 0;
    for seed in 0..25 {
        let mut rules = common::ruleset(seed, false, 12);
        let at_a_glance = |m: &Condition| {
            let shown = matches!(
                m,
                Condition::Protocol(_)
                    | Condition::Address(_)
                    | Condition::Interface(_)
                    | Condition::Ports(_)
                    | Condition::Multiport(_)
                    | Condition::State(_)
                    | Condition::Icmp(_)
            );
            shown || matches!(m, Condition::Tcp(tcp) if tcp.option.is_none())
        };
        for chain in &mut rules.tables[0].chains {
            for rule in &mut chain.rules {
                rule.conditions.retain(at_a_glance);
            }
        }
        let compiled = Compiled::with_missed(&rules, Evidence::Usual, &[]);
        let mut replayer = compiled.replayer();
        let prefixes = common::prefixes(&rules);
        let mut rng = Rng(seed ^ 0x5eed);
        let mut log = Vec::new();
        for _ in 0..300 {
            log.extend(common::line(&mut rng, false, &prefixes));
            log.push(b'\n');
        }
        // What a scanner has learned is of use the second time.
        let log = log.repeat(2);
        Scanner::new().scan(&log, |line| {
            let Ok(Line::Fast(scanned)) = line.record else { return };
            let front = replayer.front(scanned.prefix(), scanned.in_iface(), scanned.out_iface());
            let known = front.and_then(|front| replayer.recall(front, scanned));
            let id = replayer.replay(&scanned.entry().packet, None, false);
            if let Some(known) = known {
                assert_eq!(replayer.answer(known), replayer.answer(id), "{}", line.text.escape_ascii());
                recalled += 1;
            }
        });
    }
    assert!(recalled > 80, "{recalled}");
}
