//! Replay against what a real kernel did: each set is a log A, a ruleset B and the log B that
//! the kernel wrote for the same frames.

use std::path::PathBuf;

use fwrules::{Context, Evidence, Fate, Ruleset, Walker};

fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    path.exists().then_some(path)
}

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
    unknown: usize,
    unanswered: usize,
}

fn replay(set: &std::path::Path, evidence: &str) -> Tally {
    let read = |name: &str| std::fs::read(set.join(name)).unwrap();
    let a = Ruleset::parse_save(&read("A.rules")).unwrap();
    let b = Ruleset::parse_save(&read("B.rules")).unwrap();
    let log = read("A.dmesg");
    let lines: Vec<&[u8]> = log.split(|&b| b == b'\n').filter(|l| !l.is_empty()).collect();
    let fates = fates(&String::from_utf8(read("lines.jsonl")).unwrap(), lines.len());
    let walker = Walker::new(&b, match evidence {
        "usual" => Evidence::Usual,
        _ => Evidence::Writer(&a),
    });
    let mut tally = Tally::default();
    for (line, fate) in lines.iter().zip(&fates) {
        let entry = logparse::parse(line).unwrap();
        let found = walker.fate(&entry.packet, &Context::default());
        let says = match found {
            Fate::Remains(_) => true,
            Fate::Removed(_) => false,
            Fate::Unanswered(_) => {
                tally.unanswered += 1;
                false
            }
            Fate::Unknown(..) => {
                tally.unknown += 1;
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
    let Some(root) = shared("data/replay") else {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: no ../shared/data/replay beside the repository");
        return;
    };
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root.join("summary.json")).unwrap()).unwrap();
    for set in summary.as_array().unwrap() {
        let name = set["set"].as_str().unwrap();
        let decidable = set["decidable_from_the_line"].as_str().unwrap().starts_with("yes");
        for evidence in ["usual", "writer"] {
            let tally = replay(&root.join(name), evidence);
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{name} {evidence}: {} right {} unknown {} unanswered", tally.right, tally.unknown, tally.unanswered);
            assert!(tally.wrong.is_empty(), "{name}, {evidence}: {:#?}", tally.wrong);
            if decidable {
                assert_eq!(tally.unknown, 0, "{name}, {evidence}");
            }
        }
    }
}
