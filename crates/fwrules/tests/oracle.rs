//! Each match against what a real kernel counted.
//!
//! `testdata/rules/kernel-matches*.jsonl` were written by `tests/oracle/ask_kernel.py`: lines
//! of a Linux 6.18 kernel, and beside each the numbers of the rules whose counters went up for
//! that packet; once with `iptables-nft`, once with `iptables-legacy`.

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;

use fwrules::{Context, Evidence, LocalAddress, Reach, Ruleset, Walker};
use serde_json::Value;

#[test]
fn matches_are_what_iptables_nft_counted() {
    compare("kernel-matches.jsonl");
}

#[test]
fn matches_are_what_iptables_legacy_counted() {
    compare("kernel-matches-legacy.jsonl");
}

fn compare(file: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/rules").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let mut rules = Ruleset::default();
    let mut texts: Vec<String> = Vec::new();
    let mut local = Vec::new();
    // Per rule: how often known, how often unknown.
    let mut tally: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let strings = |key: &str| -> Vec<String> {
            value[key].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
        };
        if value.get("rules").is_some() {
            texts = strings("rules");
            let hook = value["hook"].as_str().unwrap();
            let table = if hook == "INPUT" { "filter" } else { "raw" };
            let mut save = format!("*{table}\n:{hook} ACCEPT [0:0]\n");
            for text in &texts {
                save.push_str(&format!("-A {hook} {text}\n"));
            }
            save.push_str(&format!("-A {hook} -j LOG --log-prefix \"oracle \"\nCOMMIT\n"));
            let family =
                if value["v6"].as_bool().unwrap() { fwrules::Family::Ipv6 } else { fwrules::Family::Ipv4 };
            rules = Ruleset::parse_save_as(save.as_bytes(), family).unwrap();
            local = strings("local")
                .iter()
                .map(|text| {
                    let (addr, prefix) = text.split_once('/').unwrap();
                    LocalAddress { addr: addr.parse().unwrap(), prefix: prefix.parse().unwrap() }
                })
                .collect();
            continue;
        }
        let line: Vec<u8> = value["line"].as_str().unwrap().chars().map(|c| c as u8).collect();
        let entry = logparse::parse(&line).unwrap();
        let hits: Vec<u64> = value["hits"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        let walker = Walker::new(&rules, Evidence::Nothing);
        for local in [&[][..], &local[..]] {
            let context = Context { local, time: None, cut: entry.stop.is_some() };
            let outcome = walker.outcome(&entry.packet, &context);
            for (i, text) in texts.iter().enumerate() {
                let said =
                    outcome.taken.iter().find(|(id, _)| id.rule as usize == i).map(|(_, reach)| *reach);
                let counted = hits.contains(&(i as u64));
                let tally = tally.entry(text.clone()).or_default();
                match said {
                    Some(Reach::Possible) => tally.1 += 1,
                    said => {
                        tally.0 += 1;
                        if said.is_some() != counted {
                            wrong.push(format!("{text}: counted {counted}: {}", line.escape_ascii()));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    assert!(tally.len() > 90, "{}", tally.len());
    if std::env::var_os("FWRULES_SHOW").is_some() {
        common::skip(&format!("nothing; known and unknown: {tally:#?}"));
    }
}
