//! Text -> value -> text -> value: nothing is lost, nothing wanders.

mod common;

use fwrules::{Family, Rule, Ruleset};

#[test]
fn two_thousand_rulesets_are_stable() {
    for seed in 0..2000 {
        let v6 = seed % 4 == 3;
        let rules = common::ruleset(seed, v6, 8);
        let text = rules.to_save(false).unwrap();
        let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
        let again = Ruleset::parse_save_as(&text, family).unwrap_or_else(|e| {
            panic!("seed {seed}: {e}\n{}", text.escape_ascii().to_string().replace("\\n", "\n"))
        });
        for ((_, a), (_, b)) in rules.rules().zip(again.rules()) {
            assert_eq!(*a, Rule { line: 0, ..b.clone() }, "seed {seed}");
        }
        assert_eq!(rules.rules().count(), again.rules().count());
        assert_eq!(again.to_save(false).unwrap(), text, "seed {seed}");
    }
}

#[test]
fn a_saved_rule_is_read_back_alone() {
    for seed in 0..500 {
        let rules = common::ruleset(seed, false, 4);
        for (id, rule) in rules.rules() {
            let chain = rules.chain_of(id).unwrap().name.clone();
            let text = rule.to_restore(chain.as_bytes()).unwrap();
            let (name, again) = Rule::parse(&text).unwrap_or_else(|e| panic!("{e}: {}", text.escape_ascii()));
            assert_eq!(name, chain);
            assert_eq!(again, *rule, "{}", text.escape_ascii());
        }
    }
}

#[test]
fn any_bytes_at_all_end_in_a_value_or_an_error() {
    let mut rng = common::Rng(7);
    let words: [&[u8]; 30] = [
        b"-A",
        b"INPUT",
        b"-p",
        b"tcp",
        b"-m",
        b"multiport",
        b"--dports",
        b"1:2,3",
        b"!",
        b"-s",
        b"10.0.0.0/8",
        b"-j",
        b"LOG",
        b"--log-prefix",
        b"\"x",
        b"x\"",
        b"*filter",
        b"\n",
        b"COMMIT",
        b":X",
        b"-",
        b"[0:0]",
        b"-I",
        b"99999999999999999999",
        b"\xff",
        b"--syn",
        b"-g",
        b"--icmp-type",
        b"'",
        b"\\",
    ];
    for _ in 0..20_000 {
        let mut text = Vec::new();
        for _ in 0..rng.below(14) {
            let word = *rng.pick(&words);
            text.extend_from_slice(word);
            text.push(if rng.chance(5) { b'\n' } else { b' ' });
        }
        let _ = Rule::parse(&text);
        if let Ok(rules) = Ruleset::parse(&text)
            && let Ok(saved) = rules.to_save(true)
        {
            Ruleset::parse_save(&saved).unwrap_or_else(|e| panic!("{e}: {}", saved.escape_ascii()));
        }
        let _ = fwrules::Sets::parse(&text);
    }
}
