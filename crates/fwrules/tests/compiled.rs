//! The compiled form gives the answers of the reference, on every ruleset and packet.

mod common;

use common::Rng;
use fwrules::{Compiled, Context, Evidence, LocalAddress, Replayed};

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
        let compiled = Compiled::new(&rules, evidence, local);
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
            let saved = || String::from_utf8_lossy(&rules.to_save(false).unwrap()).into_owned();
            assert_eq!(
                *found,
                Replayed { fate, outcome },
                "seed {seed}\n{}\n{}",
                line.escape_ascii(),
                saved()
            );
        }
    }
    // Nearly all of them are small enough for the key.
    assert!(remembered > 300, "{remembered}");
}
