//! The compiled form gives the answers of the reference, on every ruleset and packet.

mod common;

use common::Rng;
use fwrules::{Compiled, Condition, Context, Evidence, LocalAddress, Missed, Path, Replayed};
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
        let mut rng = Rng(seed ^ 0xabcdef);
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
                Replayed { path: Path::of(packet.in_iface, packet.out_iface), fate, outcome, missed },
                "seed {seed}\n{}\n{}",
                line.escape_ascii(),
                saved()
            );
        }
    }
    // Nearly all of them are small enough for the key.
    assert!(remembered > 300, "{remembered}");
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
