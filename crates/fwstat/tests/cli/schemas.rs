//! The published JSON Schemas hold for what the program prints.
//!
//! The few words of JSON Schema that they use are checked here by hand: a validator of our own
//! of forty lines weighs less than a dependency of sixty crates. A word it does not know fails.

use serde_json::Value;

use crate::support::*;

fn schema(name: &str) -> Value {
    let path = format!("{}/../../schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
        .unwrap()
}

/// What of `value` does not fit, with its place.
fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    for (word, rule) in schema.as_object().unwrap() {
        let fits = match word.as_str() {
            "$schema" | "$id" | "title" | "description" => true,
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                };
                rule.as_array().map_or_else(|| is(rule), |any| any.iter().any(is))
            }
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
            "minItems" => value.as_array().unwrap().len() as u64 >= rule.as_u64().unwrap(),
            "pattern" => value.as_str().is_none_or(|text| {
                regex::bytes::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text.as_bytes())
            }),
            "required" => {
                rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        check(rule, value, &format!("{at}/{key}"), wrong);
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(*rule, false);
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|object| object.keys().all(|key| known.contains_key(key)))
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}/{i}"), wrong);
                }
                true
            }
            "oneOf" => {
                let one = |rule: &&Value| {
                    let mut wrong = Vec::new();
                    check(rule, value, at, &mut wrong);
                    wrong.is_empty()
                };
                rule.as_array().unwrap().iter().filter(one).count() == 1
            }
            other => panic!("the schemas use `{other}`, which this test does not know"),
        };
        if !fits {
            wrong.push(format!("{at}: {word} {rule}: {value}"));
        }
    }
}

fn holds(name: &str, value: &Value) {
    let mut wrong = Vec::new();
    check(&schema(name), value, "", &mut wrong);
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
}

#[test]
fn a_wrong_document_is_noticed() {
    let mut wrong = Vec::new();
    let bad = serde_json::json!({"schema": "fwstat.top/2", "input": {"files": [1], "bytes": -1}, "filters": {}, "extra": 1});
    check(&schema("fwstat.top-1"), &bad, "", &mut wrong);
    assert_eq!(wrong.len(), 5, "{wrong:#?}");
}

#[test]
fn reports_hold() {
    let folder = Folder::new();
    let mut text = log(2_000, 300, 61).into_bytes();
    text.extend_from_slice(
        b"Jun 30 06:06:13 gate kernel: bad \xff prefix IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=4",
    );
    let file = folder.write("kern.log", &text);
    holds("fwstat.top-1", &run(&["top", "-j", "-p", "tcp", &file]).json());
    holds(
        "fwstat.top-1",
        &run(&["top", "-j", "--by", "flags,prefix,hour,src/24,mac_src", "-n", "0", &file]).json(),
    );
    holds("fwstat.overview-1", &run(&["-j", &file]).json());
    holds("fwstat.check-1", &run(&["check", "-j", &file]).json());
    holds("fwstat.timeline-1", &run(&["timeline", "-j", "--by", "proto", &file]).json());
    holds("fwstat.timeline-1", &run(&["timeline", "-j", &file]).json());
    holds("fwstat.scans-1", &run(&["scans", "-j", "--all", "--line-numbers", &file]).json());
    let scans = crate::scans::tools(&folder);
    holds("fwstat.scans-1", &run(&["scans", "-j", "--line-numbers", "--year", "2026", &scans]).json());
    for command in [&["top"][..], &["top", "--by", "src"], &[], &["timeline", "--by", "src"]] {
        let name = format!("fwstat.{}-1", command.first().unwrap_or(&"overview"));
        holds(&name, &run(&[command, &["-j", "--max-memory", "1M", &file]].concat()).json());
    }
    holds("fwstat.diff-1", &run(&["diff", "-j", &file, &file]).json());
    let other = folder.write("other.log", crate::support::log(3_000, 20, 9));
    holds("fwstat.diff-1", &run(&["diff", "-j", &file, &other]).json());
    holds("fwstat.suggest-1", &run(&["suggest", "-j", &file]).json());
    let profile = &crate::profiles::all(1)[4];
    let (log, rules) = (folder.write("log", profile.text()), folder.write("rules", &profile.rules));
    let mut arguments = vec!["suggest", "-j", "--rules", &rules, "--honeypot", "10.0.0.9", &log];
    holds("fwstat.suggest-1", &run(&arguments).json());
    arguments.extend(["--target", "50%", "--trusted", "192.168.7.0/24"]);
    holds("fwstat.suggest-1", &run(&arguments).json());
    for line in run(&["export", &file]).out.lines() {
        holds("record", &serde_json::from_str(line).unwrap());
    }
    let rules = folder.write(
        "rules",
        "*filter\n:INPUT DROP [0:0]\n[3:99] -A INPUT -p udp -j DROP\n\
         [3:99] -A INPUT -p udp -m limit --limit 5/min -j LOG --log-prefix \"tcp.in.dropped \"\n\
         [3:99] -A INPUT -p tcp -m limit --limit 5/min -j LOG --log-prefix \"tcp.in.dropped \"\nCOMMIT\n",
    );
    let json = run(&["replay", "-j", &rules, &file]).json();
    for part in ["removed_by", "unknown_by", "unwritten", "findings", "lost"] {
        assert!(!json[part].as_array().unwrap().is_empty(), "{part}");
    }
    holds("fwstat.replay-1", &json);
    let line = packet(&mut Random(7));
    holds("fwstat.explain-1", &run(&["explain", "-j", &line, "--rules", &rules]).json());
    holds("fwstat.explain-1", &run(&["explain", "-j", "hello"]).json());
}

/// The state of a report: with things of every kind, of a hostile log, of one without times.
#[test]
fn what_a_report_remembers_holds() {
    let folder = Folder::new();
    let home = folder.write("home.log", testkit::bytes("noise/home.log.gz"));
    let rules = folder.write("home.rules", testkit::bytes("noise/home.rules"));
    let hostile = log(300, 20, 7).replace("IN=", "\u{202e}\"\\\u{1}\t' IN=");
    let hostile = folder.write("hostile.log", hostile);
    let log = log(300, 20, 8);
    let packets = log.lines().filter_map(|line| line.find("IN=").map(|at| &line[at..]));
    let timeless: String = packets.map(|packet| format!("drop {packet}\n")).collect();
    let timeless = folder.write("timeless.log", timeless);
    let mut kinds = std::collections::BTreeSet::new();
    for (name, arguments) in
        [("home", vec!["--rules", &rules, &home]), ("hostile", vec![&hostile]), ("timeless", vec![&timeless])]
    {
        let state = folder.path(&format!("{name}.told"));
        let ran = run(&[&["report", "--format", "text", "--state", &state], &arguments[..]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let told: Value = serde_json::from_str(&std::fs::read_to_string(&state).unwrap()).unwrap();
        holds("fwstat.told-1", &told);
        let things = told["things"].as_array().unwrap().iter().map(|thing| thing.as_str().unwrap());
        kinds.extend(things.map(|thing| thing.split(' ').next().unwrap().to_owned()));
        // What another program could not read is not what a report reads.
        let mut wrong = Vec::new();
        let other = serde_json::json!({"schema": "fwstat.told/1", "things": ["someone 1.2.3.4"]});
        check(&schema("fwstat.told-1"), &other, "", &mut wrong);
        assert_eq!(wrong.len(), 1, "{wrong:#?}");
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    assert_eq!(kinds, ["host", "near", "outgoing", "port", "prefix", "slow"]);
}

/// A log with an end, more keys than are kept, and one that cannot be read.
#[test]
#[cfg(feature = "watch")]
fn what_watch_writes_holds() {
    let folder = Folder::new();
    let log = log(3_000, 900, 62);
    let file = folder.write("kern.log", log.repeat(2));
    for window in ["all", "1h"] {
        let ran = run_with(log.as_bytes(), &["watch", "--every", "10s", "--window", window]);
        let documents: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!documents.is_empty());
        documents.iter().for_each(|document| holds("fwstat.watch-1", document));
        let totals = &run(&["top", "--json", "-n", "1", &file]).json()["totals"];
        let last = &documents.last().unwrap()["totals"];
        assert_eq!(last["lines"].as_u64().unwrap() * 2, totals["lines"].as_u64().unwrap());
    }
    let ran = run(&["watch", "--every", "10s", "--rotated", &folder.path("none")]);
    for line in ran.out.lines() {
        holds("fwstat.watch-1", &serde_json::from_str(line).unwrap());
    }
}

/// Every line of the suite that is a record, in one file.
#[test]
fn records_of_every_kind_hold() {
    let mut count = 0;
    for name in ["derived.jsonl", "measured.jsonl"] {
        let text = testkit::text(&format!("measured/{name}.gz"));
        let lines: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_str().unwrap().to_owned())
            .filter(|line| !line.contains('\n'))
            .collect();
        for line in run_with((lines.join("\n") + "\n").as_bytes(), &["export"]).out.lines() {
            holds("record", &serde_json::from_str(line).unwrap());
            count += 1;
        }
    }
    assert!(count > 400, "{count}");
}
