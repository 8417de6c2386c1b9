//! `fwstat replay`: against what a real kernel did, and for any number of threads.

use crate::support::*;

const RULES: &str = "*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:MALICIOUS - [0:0]
[9:999] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[9:999] -A INPUT -j MALICIOUS
[5:300] -A INPUT -p tcp -m tcp -j LOG --log-prefix \"tcp.in.dropped \"
[2:100] -A INPUT -p udp -m udp -j LOG --log-prefix \"udp.in.dropped \"
[1:33] -A MALICIOUS -p udp -m udp --dport 138 -j DROP
COMMIT
";

fn line(prefix: &str, src: &str, proto: &str, dport: u16) -> String {
    let end = match proto {
        "TCP" => "WINDOW=1024 RES=0x00 SYN URGP=0 ",
        _ => "LEN=209 ",
    };
    format!(
        "{prefix} IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:01:08:00 SRC={src} DST=192.168.50.2 LEN=229 TOS=0x00 \
         PREC=0x00 TTL=64 ID=7 PROTO={proto} SPT=4000 DPT={dport} {end}"
    )
}

fn small_log() -> String {
    let lines = [
        format!(
            "Jun  1 00:00:01 gate kernel: [  101.000001] {}",
            line("tcp.in.dropped", "10.0.0.1", "TCP", 22)
        ),
        format!(
            "Jun  1 00:00:02 gate kernel: [  102.000001] {}",
            line("udp.in.dropped", "10.0.0.2", "UDP", 138)
        ),
        "Jun  1 00:00:03 gate sshd[1]: hello".to_owned(),
        format!(
            "Jun  1 00:00:04 gate kernel: [  104.000001] {}",
            line("udp.in.dropped", "10.0.0.2", "UDP", 137)
        ),
        format!("Jun  1 00:00:05 gate kernel: [  105.000001] {}", line("[OTHER]", "10.0.0.3", "TCP", 23)),
    ];
    lines.join("\n") + "\n"
}

/// The text behind the kernel's clock.
fn messages(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split_once("] ").map_or(line, |(_, rest)| rest)).collect()
}

#[test]
fn what_remains_is_what_the_kernel_wrote() {
    let root = testkit::testdata("replay");
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(root.join("summary.json")).unwrap()).unwrap();
    let mut sets = 0;
    for set in summary.as_array().unwrap() {
        let name = set["set"].as_str().unwrap();
        let path = |file: &str| root.join(name).join(file).to_str().unwrap().to_owned();
        let print = |which: &str| {
            let ran = run(&["replay", "--rules", &path("B.rules"), &path("A.dmesg"), "--print", which]);
            assert!(ran.code < 2, "{name}: {}", ran.err);
            ran.out
        };
        let (remaining, removed, unknown) = (print("remaining"), print("removed"), print("unknown"));
        let log_a = std::fs::read_to_string(path("A.dmesg")).unwrap();
        let log_b = std::fs::read_to_string(path("B.dmesg")).unwrap();
        // Every line is one of the three, byte for byte, in the order of the input.
        let mut all: Vec<&str> = remaining.lines().chain(removed.lines()).chain(unknown.lines()).collect();
        let mut wanted: Vec<&str> = log_a.lines().collect();
        all.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(all, wanted, "{name}");
        let (remaining, log_b) = (messages(&remaining), messages(&log_b));
        if set["decidable_from_the_line"].as_str().unwrap().starts_with("yes") {
            assert_eq!(remaining, log_b, "{name}");
            assert_eq!(unknown, "", "{name}");
        } else {
            // What is said to remain does, in order; what the kernel wrote beyond that was unknown
            // here, or (the last set) is not in log A at all.
            let unknown = messages(&unknown);
            let mut b = log_b.iter();
            assert!(remaining.iter().all(|line| b.any(|other| other == line)), "{name}");
            let mut known: Vec<&str> = remaining.iter().chain(&unknown).copied().collect();
            let added = set["added"].as_u64().unwrap() as usize;
            let missing = log_b.iter().filter(|line| match known.iter().position(|other| other == *line) {
                Some(at) => {
                    known.swap_remove(at);
                    false
                }
                None => true,
            });
            assert_eq!(missing.count(), added, "{name}");
        }
        sets += 1;
    }
    assert_eq!(sets, 15);
}

#[test]
fn log_rules_take_as_many_lines_as_the_kernel_counted() {
    let root = testkit::testdata("replay");
    for name in ["01-udp-138", "06-port-ranges", "10-negations", "11-icmp", "19-legacy-backend"] {
        let path = |file: &str| root.join(name).join(file).to_str().unwrap().to_owned();
        let rules = path("B.counters.save");
        let json = run(&["replay", &rules, &path("B.dmesg"), "--written-by", &rules, "--json"]).json();
        assert_eq!(json["unknown"], 0, "{name}");
        assert_eq!(json["remaining"], json["totals"]["matched"], "{name}");
        let mut logs = 0;
        for rule in json["rules"].as_array().unwrap() {
            let (lines, packets) = (rule["lines"].as_u64().unwrap(), rule["packets"].as_u64().unwrap());
            if rule["target"] == "LOG" {
                assert_eq!(lines, packets, "{name}: {rule}");
                logs += 1;
            } else {
                assert!(lines <= packets, "{name}: {rule}");
            }
        }
        assert!(logs > 0);
        assert!(
            json["lost"].as_array().unwrap().iter().all(|lost| lost["lost"] == 0),
            "{name}: {}",
            json["lost"]
        );
    }
}

/// Each of the guide's faults, wherever it stands, and nothing else.
#[test]
fn the_guides_faults_are_said_without_being_asked_for() {
    let root = testkit::testdata("seed");
    const FOREIGN: &str = "FRIENDLY 2 can never fire: only icmp and tcp packets are sent to FRIENDLY";
    const SYN_FIN: &str = "MALICIOUS 2 can never fire: MALICIOUS 1 takes all its packets";
    const SYN_RST: &str = "MALICIOUS 3 can never fire: MALICIOUS 1 takes all its packets";
    const NETBIOS: &str = "MALICIOUS 4 says -p tcp, but port 138 (netbios-dgm) is used with udp";
    const LOOPBACK: &str = "STDOUT 5 allows loopback output, but loopback input is dropped";
    let stages: [(&str, &[&str]); 6] = [
        ("1-log-everything", &[]),
        ("2-near-hits", &[FOREIGN, LOOPBACK]),
        ("4-trash-packets", &[FOREIGN, SYN_FIN, SYN_RST, LOOPBACK]),
        ("5-netbios-as-written", &[FOREIGN, SYN_FIN, SYN_RST, NETBIOS, LOOPBACK]),
        // The rule for UDP stands beside the other one, which is no harm then.
        ("6-netbios-udp", &[FOREIGN, SYN_FIN, SYN_RST, LOOPBACK]),
        ("6-netbios-udp-legacy", &[FOREIGN, SYN_FIN, SYN_RST, LOOPBACK]),
    ];
    for (stage, faults) in stages {
        let path = |file: &str| root.join(stage).join(file).to_str().unwrap().to_owned();
        let rules = path("ruleset-after.rules");
        let json = run(&["replay", &rules, &path("dmesg.txt"), "--written-by", &rules, "--json"]).json();
        let messages: Vec<&str> =
            json["findings"].as_array().unwrap().iter().map(|f| f["message"].as_str().unwrap()).collect();
        assert_eq!(messages.len(), faults.len(), "{stage}: {messages:#?}");
        for (message, fault) in messages.iter().zip(faults) {
            assert!(message.starts_with(fault), "{stage}: {fault}\n{message}");
        }
        // The rule that nearly took the guide's packets, and no other.
        let near: Vec<_> =
            json["rules"].as_array().unwrap().iter().filter_map(|r| r.get("near_misses")).collect();
        assert_eq!(near.len(), usize::from(faults.contains(&NETBIOS)), "{stage}: {near:?}");
        // Told of one line: the netbios packet passes the rule by, and says what would have fit.
        if faults.contains(&NETBIOS) {
            let dmesg = std::fs::read_to_string(path("dmesg.txt")).unwrap();
            let line = dmesg.lines().find(|line| line.contains("PROTO=UDP SPT=138 DPT=138")).unwrap();
            let json = run(&["explain", line, "--rules", &rules, "--json"]).json();
            let steps = json["steps"].as_array().unwrap();
            let step = steps.iter().find(|step| step["place"] == "MALICIOUS 4").unwrap();
            assert_eq!(
                step["why"],
                "no match: -p tcp, packet is UDP; with -p udp instead of -p tcp it would"
            );
            assert_eq!(json["way"], "INPUT -> MALICIOUS -> STDIN -> LOG -> DROP");
        }
        // SYN+FIN ends at the rule in front of the one made for it; no line tells of it, so
        // one of the first stage's is asked.
        if faults.contains(&SYN_FIN) {
            let first = std::fs::read_to_string(root.join("1-log-everything/dmesg.txt")).unwrap();
            for flags in ["SYN FIN", "RST SYN"] {
                let line = first.lines().find(|line| line.contains(&format!(" {flags} "))).unwrap();
                let json = run(&["explain", line, "--rules", &rules, "--json"]).json();
                assert_eq!(json["way"], "INPUT -> MALICIOUS -> DROP", "{stage}");
            }
        }
        // What this host sent to itself by `lo` came in by `lo`, and was dropped.
        if faults.contains(&LOOPBACK) {
            let dmesg = std::fs::read_to_string(path("dmesg.txt")).unwrap();
            let line = dmesg.lines().find(|line| line.contains("IN=lo OUT= ")).unwrap();
            let json = run(&["explain", line, "--rules", &rules, "--json"]).json();
            assert_eq!(json["end"], "DROP", "{stage}");
        }
        let ran = run(&["replay", &rules, &path("dmesg.txt"), "--written-by", &rules, "--width", "80"]);
        let words = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(faults.iter().all(|fault| words.contains(fault)), "{stage}\n{}", ran.out);
        // The first line names the file, however long that is.
        assert!(ran.out.lines().skip(2).all(|line| line.chars().count() <= 80), "{}", ran.out);
    }
    let stage = root.join("5-netbios-as-written");
    let path = |file: &str| stage.join(file).to_str().unwrap().to_owned();
    let rules = path("ruleset-after.rules");
    // The rule as it should have been takes the lines that this one does not.
    let with = |rule: &str| run(&["replay", &rules, &path("dmesg.txt"), "--add", rule, "--json"]).json();
    let lines = |json: &serde_json::Value| {
        let added = |rule: &&serde_json::Value| rule["added"] == true;
        json["rules"].as_array().unwrap().iter().find(added).unwrap()["lines"].as_u64().unwrap()
    };
    let udp = with("-A MALICIOUS -p udp --dport 138 -j DROP");
    assert!(lines(&udp) > 0, "{udp}");
    assert_eq!(udp["removed"].as_u64().unwrap(), lines(&udp));
    assert_eq!(udp["unknown"], 0);
    let tcp = with("-A MALICIOUS -p tcp --dport 138 -j DROP");
    assert_eq!((lines(&tcp), tcp["removed"].as_u64().unwrap()), (0, 0));
}

#[test]
fn counts_are_those_of_a_reader_by_hand() {
    let folder = Folder::new();
    let rules = folder.write("rules", RULES);
    let log = folder.write("kern.log", small_log());
    let ran = run(&["replay", &rules, &log, "--json", "--year", "2026"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let json = ran.json();
    assert_eq!((&json["remaining"], &json["removed"], &json["unknown"]), (&2.into(), &2.into(), &0.into()));
    let rule = |chain: &str, index: u64| {
        let all = json["rules"].as_array().unwrap();
        all.iter().find(|r| r["chain"] == chain && r["index"] == index).unwrap().clone()
    };
    assert_eq!((&rule("INPUT", 3)["lines"], &rule("INPUT", 3)["target"]), (&1.into(), &"LOG".into()));
    // The stranger's line proves nothing: its connection may be a known one.
    assert_eq!(rule("INPUT", 3)["unknown"], 1);
    assert_eq!(rule("INPUT", 4)["lines"], 1);
    let drop = rule("MALICIOUS", 1);
    assert_eq!(
        (&drop["lines"], &drop["target"], &drop["table"]),
        (&1.into(), &"DROP".into(), &"filter".into())
    );
    assert_eq!(drop["first"], "2026-06-01T00:00:02Z");
    assert!(drop["sample"].as_str().unwrap().contains("DPT=138"));
    assert_eq!(rule("INPUT", 1)["lines"], 0);
    assert_eq!(json["unwritten"][0]["prefix"], "[OTHER]");
    // Counters against lines: five packets, one line.
    let lost =
        json["lost"].as_array().unwrap().iter().find(|lost| lost["prefix"] == "tcp.in.dropped").unwrap();
    assert_eq!((&lost["packets"], &lost["lines"], &lost["lost"]), (&5.into(), &1.into(), &4.into()));
    // With a filter the log is not all there, so nothing is said of losses.
    let json = run(&["replay", &rules, &log, "--json", "-p", "tcp"]).json();
    assert_eq!(json["lost"].as_array().unwrap().len(), 0);
}

#[test]
fn lines_are_printed_byte_for_byte() {
    let folder = Folder::new();
    let rules = folder.write("rules", RULES);
    let text = small_log();
    let log = folder.write("kern.log", &text);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        run(&["replay", &rules, &log, "--print", "remaining"]).out,
        format!("{}\n{}\n", lines[0], lines[3])
    );
    assert_eq!(
        run(&["replay", &rules, &log, "--print", "removed"]).out,
        format!("{}\n{}\n", lines[1], lines[4])
    );
    let none = run(&["replay", &rules, &log, "--print", "unknown"]);
    assert_eq!((none.code, none.out.as_str()), (1, ""));
    // Standard input, and a rule put in first.
    let ran = run_with(
        text.as_bytes(),
        &["replay", &rules, "-", "--add", "-I INPUT -p tcp --dport 22 -j DROP", "--print", "remaining"],
    );
    assert_eq!(ran.out, format!("{}\n", lines[3]));
}

#[test]
fn any_number_of_threads_and_any_chunk_size_agree() {
    let folder = Folder::new();
    let rules = folder.write("rules", RULES);
    let log = folder.write("kern.log", log(3_000, 30, 71));
    let report = |more: &[&str]| {
        let mut arguments = vec!["replay", &rules, &log, "--year", "2026"];
        arguments.extend(more);
        run(&arguments).out
    };
    let (json, lines) = (report(&["--json"]), report(&["--print", "removed"]));
    assert!(lines.lines().count() > 100);
    for threads in ["1", "2", "5"] {
        for size in ["700", "65536"] {
            let how = ["--threads", threads, "--chunk-size", size];
            assert_eq!(report(&[&how[..], &["--json"]].concat()), json, "{how:?}");
            assert_eq!(report(&[&how[..], &["--print", "removed"]].concat()), lines, "{how:?}");
        }
    }
}

#[test]
fn both_families_find_their_rules() {
    let folder = Folder::new();
    let four = folder.write("rules.v4", RULES);
    let six = folder.write("rules.v6", RULES.replace("--dport 138", "--dport 53"));
    let text = log(1_000, 30, 72);
    let log = folder.write("kern.log", &text);
    let both = run(&["replay", "--rules", &four, "--rules", &six, &log, "--json"]).json();
    assert_eq!(both["unknown"], 0, "{}", both["unknown_by"]);
    let alone = run(&["replay", &four, &log, "--json"]).json();
    let v6 = text.lines().filter(|line| line.contains("SRC=2001:")).count();
    assert_eq!(alone["unknown"], v6);
    assert!(alone["unknown_by"][0]["why"].as_str().unwrap().contains("IPv4"), "{}", alone["unknown_by"]);
    let twice = run(&["replay", "--rules", &four, "--rules", &four, &log]);
    assert!(twice.code == 2 && twice.err.contains("one ruleset of each family"), "{}", twice.err);
}

#[test]
fn nft_and_sets_are_rulesets_too() {
    let folder = Folder::new();
    let log = folder.write("kern.log", small_log());
    let nft = folder.write(
        "nft.json",
        r#"{"nftables": [{"table": {"family": "inet", "name": "fw"}},
        {"chain": {"family": "inet", "table": "fw", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [
          {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 138}}, {"drop": null}]}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [{"log": {"prefix": "udp.in.dropped "}}]}}]}"#,
    );
    let json = run(&["replay", &nft, &log, "--json", "-p", "udp"]).json();
    assert_eq!((&json["remaining"], &json["removed"]), (&1.into(), &1.into()), "{json}");
    let rules =
        folder.write("rules", RULES.replace("-p udp -m udp --dport 138", "-m set --match-set bad src"));
    let json = run(&["replay", &rules, &log, "--json", "-p", "udp"]).json();
    assert_eq!(json["unknown"], 2, "the set is not given");
    let sets = folder.write("sets", "create bad hash:ip family inet\nadd bad 10.0.0.2\n");
    let json = run(&["replay", &rules, &log, "--json", "-p", "udp", "--ipset", &sets]).json();
    assert_eq!((&json["removed"], &json["unknown"]), (&2.into(), &0.into()));
}

#[test]
fn exit_codes_are_greps_and_errors_have_a_place() {
    let folder = Folder::new();
    let rules = folder.write("rules", RULES);
    let log = folder.write("kern.log", small_log());
    assert_eq!(run(&["replay", &rules, &log, "-q"]).code, 0);
    assert_eq!(run(&["replay", &rules, &log, "-p", "sctp"]).code, 1);
    assert_eq!(run(&["replay"]).code, 2);
    let missing = run(&["replay", &folder.path("no-rules"), &log]);
    assert!(missing.code == 2 && missing.err.contains("no-rules"), "{}", missing.err);
    let bad = folder.write("bad", "*filter\n:INPUT DROP [0:0]\n-A INPUT -j\nCOMMIT\n");
    let ran = run(&["replay", &bad, &log]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("bad: line 3, column 10: -j needs a target"), "{}", ran.err);
    let add = run(&["replay", &rules, &log, "--add", "-A NOWHERE -j DROP"]);
    assert!(add.code == 2 && add.err.contains("column 4: no chain `NOWHERE`"), "{}", add.err);
    // A log is no ruleset.
    assert_eq!(run(&["replay", &log, &log]).code, 2);
}

#[test]
fn prefix_cannot_command_the_terminal() {
    let folder = Folder::new();
    let rules = folder.write("rules", RULES);
    let log = folder.write("kern.log", line("x\x1b]52;c;cm0gLXJm\x07", "10.0.0.1", "TCP", 22) + "\n");
    let ran = run(&["replay", &rules, &log, "-v"]);
    assert!(!ran.out.contains('\x1b') && !ran.out.contains('\x07'), "{:?}", ran.out);
    let json = run(&["replay", &rules, &log, "--json"]);
    assert!(!json.out.contains('\x1b') && json.json()["unwritten"][0]["lines"] == 1);
}

#[test]
fn a_rule_behind_another_is_shadowed_in_this_log() {
    let folder = Folder::new();
    // By logic the second rule can fire: from other ports.
    let rules = folder.write(
        "rules",
        RULES.replace(
            "--dport 138 -j DROP\n",
            "--dport 138 -j DROP\n-A MALICIOUS -s 10.0.0.2/32 -p udp -m udp --dport 100:138 -j DROP\n\
             -A MALICIOUS -s 10.0.0.2/32 -p udp -m udp --sport 4000 --dport 1:138 -j DROP\n",
        ),
    );
    let log = folder.write("kern.log", small_log());
    let json = run(&["replay", &rules, &log, "--json"]).json();
    let found = json["findings"].as_array().unwrap();
    assert!(found.iter().all(|one| one["kind"] == "shadowed_in_this_log"), "{found:?}");
    // The LOG rule, whose two lines are silenced; a DROP that another DROP comes before is no fault.
    let messages: Vec<&str> = found.iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        ["INPUT 4 fits 2 lines of this log but takes none: MALICIOUS 1 decides them first (1 of them)",]
    );
}

/// The guide's rule, `-p tcp --dport 138`, while the packets are UDP.
#[test]
fn what_a_silent_rule_nearly_took_is_said() {
    let folder = Folder::new();
    let wrong = RULES.replace("-p udp -m udp --dport 138 -j DROP", "-p tcp -m tcp --dport 138 -j DROP");
    let rules = folder.write("rules", &wrong);
    let log = folder.write("kern.log", small_log());
    let json = run(&["replay", &rules, &log, "--written-by", &rules, "--json"]).json();
    let near = |json: &serde_json::Value, chain: &str, index: u64| {
        let all = json["rules"].as_array().unwrap();
        all.iter().find(|r| r["chain"] == chain && r["index"] == index).unwrap()["near_misses"].clone()
    };
    assert_eq!(
        near(&json, "MALICIOUS", 1),
        serde_json::json!([{
            "change": "-p udp instead of -p tcp",
            "rule": "-A MALICIOUS -p udp -m udp --dport 138 -j DROP",
            "lines": 1,
        }])
    );
    // It is what the rule would have done.
    let right = folder.write("right", RULES);
    let would = run(&["replay", &right, &log, "--json"]).json();
    let taken = would["rules"].as_array().unwrap().iter().find(|r| r["chain"] == "MALICIOUS").unwrap();
    assert_eq!((&taken["lines"], taken.get("near_misses")), (&1.into(), None));
    let table = run(&["replay", &rules, &log, "--written-by", &rules, "--width", "100"]).out;
    assert!(table.contains("  with -p udp instead of -p tcp it would take 1 line\n"), "{table}");
    // Ports and addresses the other way round.
    let turned = wrong.replace("-p tcp -m tcp --dport 138", "-d 10.0.0.2/32 -p udp -m udp --sport 138");
    let rules = folder.write("turned", turned);
    assert_eq!(
        near(&run(&["replay", &rules, &log, "--json"]).json(), "MALICIOUS", 1),
        serde_json::Value::Null
    );
    let turned = wrong.replace("-p tcp -m tcp --dport 138", "-p udp -m udp --sport 138");
    let rules = folder.write("turned", turned);
    let json = run(&["replay", &rules, &log, "--json"]).json();
    assert_eq!(near(&json, "MALICIOUS", 1)[0]["change"], "source and destination port exchanged");
}

/// A chain that lines do not come to is not shadowed by whoever ends their way elsewhere.
#[test]
fn only_what_stands_behind_an_end_is_shadowed() {
    let folder = Folder::new();
    let log = folder.write("kern.log", small_log());
    let text = RULES.replace(
        "-A INPUT -j MALICIOUS\n",
        "-A INPUT -s 192.168.0.0/16 -j MALICIOUS\n-A INPUT -p udp -m udp --dport 137:138 -j DROP\n",
    );
    let rules = folder.write("rules", text);
    let json = run(&["replay", &rules, &log, "--json"]).json();
    let shadowed: Vec<_> =
        json["findings"].as_array().unwrap().iter().filter(|f| f["kind"] == "shadowed_in_this_log").collect();
    assert!(shadowed.iter().all(|f| f["rules"][0] != "MALICIOUS 1"), "{shadowed:?}");
    assert!(shadowed.iter().any(|f| f["rules"] == serde_json::json!(["INPUT 5", "INPUT 3"])), "{shadowed:?}");
}

/// Other tables, the other family, and nft.
#[test]
fn every_table_that_a_line_passes_is_judged() {
    let folder = Folder::new();
    let log = folder.write("kern.log", small_log());
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -p udp -m udp --sport 4000 --dport 138 -j DROP\n\
        -A PREROUTING -s 10.0.0.2/32 -p udp -m udp --dport 138 -j ACCEPT\nCOMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n\
        -A PREROUTING -p tcp -m tcp --dport 8080 -j ACCEPT\nCOMMIT\n";
    let rules = folder.write("rules", format!("{raw}{RULES}"));
    let ran = run(&["replay", &rules, &log, "--json"]);
    let json = ran.json();
    let found = |json: &serde_json::Value, rule: &str, by: &str| {
        let all = json["findings"].as_array().unwrap();
        all.iter().any(|f| f["kind"] == "shadowed_in_this_log" && f["rules"] == serde_json::json!([rule, by]))
    };
    assert!(found(&json, "raw PREROUTING 2", "raw PREROUTING 1"), "{}", json["findings"]);
    // The same verdict: nothing is wrong with it.
    assert!(!found(&json, "MALICIOUS 1", "raw PREROUTING 1"), "{}", json["findings"]);
    // What it cannot say, it says.
    let notes = json["not_judged"].to_string();
    assert!(notes.contains("table nat is asked about a connection's first packet only"), "{notes}");
    let with_output = folder.write(
        "output",
        format!("{raw}{RULES}").replace("COMMIT\n*nat", "-A OUTPUT -j ACCEPT\nCOMMIT\n*nat"),
    );
    let notes = run(&["replay", &with_output, &log, "--json"]).json()["not_judged"].to_string();
    assert!(
        notes.contains("no line of this log is of a packet from this host: it says nothing of raw OUTPUT"),
        "{notes}"
    );
    let six = small_log().replace("SRC=10.0.0.2 DST=192.168.50.2 LEN=229 TOS=0x00 PREC=0x00 TTL=64 ID=7", 
        "SRC=2001:0db8:0000:0000:0000:0000:0000:0002 DST=2001:0db8:0000:0000:0000:0000:0000:0001 LEN=249 TC=0 HOPLIMIT=64 FLOWLBL=0");
    let six_log = folder.write("six.log", six);
    let six_rules = RULES.replace(
        "--dport 138 -j DROP\n",
        "--dport 138 -j DROP\n-A MALICIOUS -s 2001:db8::2/128 -p udp -m udp --sport 4000 -j ACCEPT\n",
    );
    let six_rules = folder.write("rules.v6", six_rules.replace("--dport 138", "--dport 137:138"));
    let json = run(&["replay", &six_rules, &six_log, "--json"]).json();
    assert!(found(&json, "MALICIOUS 2", "MALICIOUS 1"), "{json}");
    let nft = folder.write(
        "nft.json",
        r#"{"nftables": [{"table": {"family": "inet", "name": "fw"}},
        {"chain": {"family": "inet", "table": "fw", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [
          {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": {"range": [137, 138]}}}, {"drop": null}]}},
        {"rule": {"family": "inet", "table": "fw", "chain": "in", "expr": [
          {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "sport"}}, "right": 4000}}, {"accept": null}]}}]}"#,
    );
    let json = run(&["replay", &nft, &log, "--json"]).json();
    assert!(found(&json, "fw in 2", "fw in 1"), "{json}");
}

/// A record of two lines is printed as it stood: both of them, in any cut of the input.
#[test]
fn records_of_two_lines_are_printed_whole() {
    let folder = Folder::new();
    let rules = folder.write("rules", RULES.replace("udp.in.dropped ", "udp.in\ndropped "));
    let body = line("", "10.0.0.2", "UDP", 137);
    let record = format!("[  104.000001] udp.in\n               dropped{body}\n");
    let text = format!("[  103.000001] usb 1-1\n{record}[  105.000001] usb 1-2\n");
    let log = folder.write("dmesg", &text);
    for size in ["40", "100", "65536"] {
        let ran = run(&["replay", &rules, &log, "--print", "remaining", "--chunk-size", size]);
        assert_eq!(ran.out, record, "{size}: {}", ran.err);
    }
}
