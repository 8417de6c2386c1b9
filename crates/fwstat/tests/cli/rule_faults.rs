//! Rulesets that were once judged wrongly: `testdata/faults/rules`, each a kind.

use serde_json::Value;
use std::path::PathBuf;

use crate::support::{Folder, run_with};

fn words(case: &Value, key: &str) -> Vec<String> {
    let list = case[key].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_ruleset_that_was_judged_wrongly_is_judged() {
    let root = testkit::testdata("faults/rules");
    let folder = Folder::new();
    let home = folder.write("home.log", testkit::text("noise/home.log.gz"));
    let file =
        |word: &str| -> PathBuf { if word == "home.log" { home.clone().into() } else { root.join(word) } };
    let cases = std::fs::read_to_string(root.join("cases.jsonl")).unwrap();
    let mut failures = String::new();
    for case in cases.lines() {
        let case: Value = serde_json::from_str(case).unwrap();
        let arguments: Vec<String> = words(&case, "run")
            .into_iter()
            .map(|word| if file(&word).is_file() { file(&word).to_str().unwrap().to_owned() } else { word })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let stdin = case["stdin"].as_str().map(|name| std::fs::read(file(name)).unwrap()).unwrap_or_default();
        let ran = run_with(&stdin, &arguments);
        let (name, what) = (case["case"].as_str().unwrap(), case["what"].as_str().unwrap());
        let said = ran.out.clone() + &ran.err;
        if ran.code > 1 {
            failures += &format!("{name}, {what}: {}\n", ran.err);
            continue;
        }
        for (at, wanted) in case["expect"].as_object().into_iter().flatten() {
            let document = ran.json();
            let found = document.pointer(at).unwrap_or(&Value::Null);
            if found != wanted {
                failures += &format!("{name}, {what}: {at} is {found}, not {wanted}\n");
            }
        }
        for text in words(&case, "contains").iter().filter(|text| !said.contains(text.as_str())) {
            failures += &format!("{name}, {what}: `{text}` is not in\n{said}\n");
        }
        for text in words(&case, "lacks").iter().filter(|text| said.contains(text.as_str())) {
            failures += &format!("{name}, {what}: `{text}` is in\n{said}\n");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
