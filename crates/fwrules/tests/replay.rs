//! Replay against what a real kernel did: each set is a log A, a ruleset B and the log B that
//! the kernel wrote for the same frames.

use fwrules::{Compiled, Context, Evidence, Fate, Reach, Ruleset, Tri, Walker, Why};

/// A set's fate of each line of log A, by its number: whether the kernel wrote it again.
fn fates(text: &str, count: usize) -> Vec<Option<bool>> {
    let mut fates = vec![None; count];
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        for at in value["A"].as_array().unwrap() {
            let again = match value["fate"].as_str().unwrap() {
                "kept" | "changed" => true,
                "removed" => false,
                other => panic!("fate {other} of a line of log A"),
            };
            fates[at.as_u64().unwrap() as usize] = Some(again);
        }
    }
    fates
}

#[derive(Default, Debug)]
struct Tally {
    right: usize,
    wrong: Vec<String>,
    unknown: Vec<Why>,
    unanswered: usize,
    /// The lines that remain, without their time.
    remaining: Vec<Vec<u8>>,
}

/// The line behind the kernel's time.
fn message(line: &[u8]) -> Vec<u8> {
    let at = line.windows(2).position(|w| w == b"] ").map_or(0, |at| at + 2);
    line[at..].to_vec()
}

fn replay(set: &std::path::Path, evidence: &str) -> Tally {
    let read = |name: &str| std::fs::read(set.join(name)).unwrap();
    let a = Ruleset::parse_save(&read("A.rules")).unwrap();
    let b = Ruleset::parse_save(&read("B.rules")).unwrap();
    let log = read("A.dmesg");
    let lines: Vec<&[u8]> = log.split(|&b| b == b'\n').filter(|l| !l.is_empty()).collect();
    let fates = fates(&String::from_utf8(read("lines.jsonl")).unwrap(), lines.len());
    let walker = Walker::new(
        &b,
        match evidence {
            "usual" => Evidence::Usual,
            _ => Evidence::Writer(&a),
        },
    );
    let mut tally = Tally::default();
    let compiled = Compiled::new(&b, Evidence::Usual, &[]);
    let mut replayer = compiled.replayer();
    for (line, fate) in lines.iter().zip(&fates) {
        let entry = logparse::parse(line).unwrap();
        let found = walker.fate(&entry.packet, &Context::default());
        if evidence == "usual" {
            let id = replayer.replay(&entry.packet, None, false);
            assert_eq!(replayer.answer(id).fate, found);
        }
        if matches!(found, Fate::Remains(_)) {
            tally.remaining.push(message(line));
        }
        let says = match found {
            Fate::Remains(_) => true,
            Fate::Removed(_) => false,
            Fate::Unanswered(_) => {
                tally.unanswered += 1;
                false
            }
            Fate::Unknown(_, why) => {
                tally.unknown.push(why);
                continue;
            }
            other => panic!("{other:?}: {}", line.escape_ascii()),
        };
        if fate.is_none_or(|kernel| kernel == says) {
            tally.right += 1;
        } else {
            tally.wrong.push(format!("{found:?}: {}", line.escape_ascii()));
        }
    }
    tally
}

#[test]
fn what_the_kernel_wrote_is_what_replay_says() {
    let root = testkit::testdata("replay");
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root.join("summary.json")).unwrap()).unwrap();
    for set in summary.as_array().unwrap() {
        let name = set["set"].as_str().unwrap();
        let decidable = set["decidable_from_the_line"].as_str().unwrap().starts_with("yes");
        for evidence in ["usual", "writer"] {
            let tally = replay(&root.join(name), evidence);
            assert!(tally.wrong.is_empty(), "{name}, {evidence}: {:#?}", tally.wrong);
            if decidable {
                assert_eq!(tally.unknown, [], "{name}, {evidence}");
                let log = std::fs::read(root.join(name).join("B.dmesg")).unwrap();
                let wanted: Vec<_> =
                    log.split(|&b| b == b'\n').filter(|l| !l.is_empty()).map(message).collect();
                assert_eq!(tally.remaining, wanted, "{name}, {evidence}");
            } else {
                // What is said to be unknown is what the summary says is not in the line.
                for why in &tally.unknown {
                    let expected =
                        matches!(why, Why::State | Why::NotShown("OPT ( of TCP" | "DPT=" | "the TCP flags"));
                    assert!(expected, "{name}: {why}");
                }
                assert!(tally.right > 0 || name.starts_with("20"), "{name}");
            }
        }
    }
}

/// Rules that certainly take lines take at most as many as the kernel counted for them, and
/// LOG rules exactly as many as there are lines.
#[test]
fn rules_take_as_many_lines_as_the_kernel_counted() {
    let root = testkit::testdata("replay");
    for set in std::fs::read_dir(root).unwrap().filter_map(Result::ok).filter(|e| e.path().is_dir()) {
        let read = |name: &str| std::fs::read(set.path().join(name)).unwrap();
        // Each log with the ruleset that wrote it, and the counters afterwards.
        for log in ["A", "B"] {
            let rules = Ruleset::parse_save(&read(&format!("{log}.counters.save"))).unwrap();
            let walker = Walker::new(&rules, Evidence::Same);
            let mut lines = std::collections::HashMap::new();
            let text = read(&format!("{log}.dmesg"));
            for line in text.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
                let entry = logparse::parse(line).unwrap();
                let walk = walker.walk(&entry.packet, &Context::default());
                assert!(matches!(walker.fate(&entry.packet, &Context::default()), Fate::Remains(_)));
                // A rule is a step only once, and what a step says is what was taken.
                for (id, reach) in &walk.outcome.taken {
                    if *reach == Reach::Certain {
                        *lines.entry(*id).or_insert(0u64) += 1;
                    }
                }
                assert!(walk.steps.iter().any(|s| s.result == Tri::Yes));
            }
            for (id, rule) in rules.rules() {
                let counted = rule.counters.unwrap().packets;
                let found = lines.get(&id).copied().unwrap_or(0);
                let what = format!("{:?} {log} {}", set.path(), rules.name(id));
                if rule.log.is_some() {
                    assert_eq!(found, counted, "{what}");
                } else {
                    assert!(found <= counted, "{what}: {found} lines, {counted} packets");
                }
            }
        }
    }
}
