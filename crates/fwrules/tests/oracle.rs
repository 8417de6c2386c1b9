//! Each match against what a real kernel counted.
//!
//! `testdata/rules/kernel-matches*.jsonl` were written by `tests/oracle/ask_kernel.py`: lines
//! of a Linux 6.18 kernel, and beside each the numbers of the rules whose counters went up for
//! that packet; once with `iptables-nft`, once with `iptables-legacy`.
//!
//! `testdata/rules/kernel-rulesets` was written by `tests/oracle/ask_kernel_rulesets.py`: whole
//! rulesets with their counters, and the log of the packets that were counted.
//!
//! `testdata/rules/kernel-walks` has rulesets in one namespace each, and beside every line which
//! rules' counters moved for its packet.

mod common;

use std::collections::{BTreeMap, BTreeSet};
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
            let context = Context { local, time: None, cut: entry.error.is_some() };
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
}

/// No rule takes more lines for certain than it counted packets, and none less than it counted
/// when those are added that it may have taken.
#[test]
fn whole_rulesets_are_what_the_kernel_counted() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/rules/kernel-rulesets");
    let sets = fwrules::Sets::parse(&std::fs::read(folder.join("sets.ipset")).unwrap()).unwrap();
    let own = ["10.137.0.16/24", "10.200.0.1/24", "fd00:137::16/64", "fd00:200::1/64"];
    let own = own.map(|text| {
        let (addr, prefix) = text.split_once('/').unwrap();
        LocalAddress { addr: addr.parse().unwrap(), prefix: prefix.parse().unwrap() }
    });
    let (mut rulesets, mut checked, mut certain, mut possible) = (0, 0, 0, 0);
    for entry in std::fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if !path.extension().is_some_and(|e| e == "rules" || e == "json") {
            continue;
        }
        let mut rules = Ruleset::parse(&std::fs::read(&path).unwrap()).unwrap();
        rules.sets.sets.extend(sets.sets.iter().cloned());
        let log = std::fs::read(path.with_extension("log")).unwrap();
        // One comment stands at several rules where nft's one was a verdict map: its counter is
        // that of all of them.
        let mut comments: BTreeMap<String, u32> = BTreeMap::new();
        let comment = |rule: &fwrules::Rule| rule.comment().map(ToString::to_string);
        for name in rules.rules().filter_map(|(_, rule)| comment(rule)) {
            *comments.entry(name).or_default() += 1;
        }
        for evidence in [Evidence::Nothing, Evidence::Usual, Evidence::Same] {
            for local in [&[][..], &own[..]] {
                let walker = Walker::new(&rules, evidence);
                let mut counts: BTreeMap<fwrules::RuleId, (u64, u64)> = BTreeMap::new();
                for line in log.split(|b| *b == b'\n') {
                    let Ok(entry) = logparse::parse(line) else { continue };
                    if entry.packet.prefix != b"all " {
                        continue;
                    }
                    let context = Context { local, time: None, cut: entry.error.is_some() };
                    for (id, reach) in walker.outcome(&entry.packet, &context).taken {
                        let count = counts.entry(id).or_default();
                        match reach {
                            Reach::Certain => count.0 += 1,
                            Reach::Possible => count.1 += 1,
                        }
                    }
                }
                for (id, rule) in rules.rules() {
                    let (Some(counters), Some(name)) = (rule.counters, comment(rule)) else { continue };
                    if comments[&name] > 1 {
                        continue;
                    }
                    let (yes, maybe) = counts.get(&id).copied().unwrap_or_default();
                    // In front of routing there are packets that never come to a LOG rule.
                    let chain = &rules.chain_of(id).unwrap().name;
                    let early = ["PREROUTING", "early", "pre"].iter().any(|name| *chain == **name);
                    let most = if early { u64::MAX } else { yes + maybe };
                    assert!(
                        (yes..=most).contains(&counters.packets),
                        "{}: {} counted {}, not {yes} to {most}: {}",
                        path.display(),
                        rules.name(id),
                        counters.packets,
                        rule.to_display()
                    );
                    checked += 1;
                    certain += yes;
                    possible += maybe;
                }
            }
        }
        rulesets += 1;
    }
    assert_eq!(rulesets, 19);
    assert!(checked > 1_000 && certain > possible / 3, "{checked} {certain} {possible}");
}

/// Of every line, each rule's counter moved by what the walk says: verdict maps, sets that rules
/// fill, marks set on the way, goto and RETURN in every table, families that share a table, matches
/// of every kind.
#[test]
fn each_line_is_what_the_kernel_counted() {
    let folder = testkit::testdata("rules/kernel-walks");
    let sets = fwrules::Sets::parse(&std::fs::read(folder.join("sets.ipset")).unwrap()).unwrap();
    let (mut checked, mut certain, mut possible, mut wrong) = (0, 0, 0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        let file = ["rules", "json"].map(|ending| path.with_extension(ending));
        let text = file.iter().find_map(|file| std::fs::read(file).ok()).unwrap();
        let mut rules = Ruleset::parse(&text).unwrap();
        if path.file_name().unwrap().to_string_lossy().starts_with("ipset") {
            rules.sets.sets.extend(sets.sets.iter().cloned());
        }
        // A verdict map is several rules here, and has no counter.
        let counted = rules.rules().filter(|(_, rule)| rule.counters.is_some());
        let names: BTreeSet<String> = counted.map(|(id, _)| rules.name(id)).collect();
        let walkers = [Evidence::Nothing, Evidence::Usual, Evidence::Same]
            .map(|evidence| Walker::new(&rules, evidence));
        for record in std::fs::read_to_string(&path).unwrap().lines() {
            let record: Value = serde_json::from_str(record).unwrap();
            let line = record["line"].as_str().unwrap();
            let entry = logparse::parse(line.as_bytes()).unwrap();
            for walker in &walkers {
                let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
                for (id, reach) in walker.outcome(&entry.packet, &Context::default()).taken {
                    let count = counts.entry(rules.name(id)).or_default();
                    match reach {
                        Reach::Certain => count.0 += 1,
                        Reach::Possible => count.1 += 1,
                    }
                }
                for name in &names {
                    let packets = record["counted"][name].as_u64().unwrap_or(0);
                    let (yes, maybe) = counts.get(name).copied().unwrap_or_default();
                    if !(yes..=yes + maybe).contains(&packets) {
                        wrong.push(format!(
                            "{}: {name}: {packets}, not {yes} and {maybe}: {line}",
                            path.display()
                        ));
                    }
                    checked += 1;
                    certain += yes;
                    possible += maybe;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(checked > 10_000 && certain > 1_000 && possible > 1_000, "{checked} {certain} {possible}");
}
