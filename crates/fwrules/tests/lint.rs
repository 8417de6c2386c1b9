//! What lint says can never happen does not happen to any packet.

mod common;

use common::Rng;
use fwrules::{Context, Evidence, FindingKind, Reach, Walker, lint};

#[test]
fn a_rule_that_can_never_fire_takes_no_packet() {
    let (mut dead, mut alive) = (0, 0);
    for seed in 0..600 {
        let v6 = seed % 4 == 3;
        let rules = common::ruleset(seed, v6, 14);
        let never: Vec<_> = lint(&rules)
            .into_iter()
            .filter(|f| {
                matches!(f.kind, FindingKind::Shadowed | FindingKind::NeverComes | FindingKind::Contradiction)
            })
            .collect();
        dead += never.len();
        let walker = Walker::new(&rules, Evidence::Nothing);
        let prefixes = common::prefixes(&rules);
        let mut rng = Rng(seed);
        for _ in 0..300 {
            let line = common::line(&mut rng, v6, &prefixes);
            let packet = common::packet(&line);
            let outcome = walker.outcome(&packet, &Context::default());
            for (id, reach) in outcome.taken {
                alive += 1;
                let wrong = never.iter().find(|f| f.rule == Some(id) && reach == Reach::Certain);
                let saved = || String::from_utf8_lossy(&rules.to_save(false).unwrap()).into_owned();
                assert!(wrong.is_none(), "seed {seed}: {wrong:?}\n{}\n{}", line.escape_ascii(), saved());
            }
        }
    }
    assert!(dead > 100 && alive > 100_000, "{dead} {alive}");
}
