//! Where the rules of `fwstat suggest` go: on hosts of each kind, in network namespaces, with real
//! connections before, with and after the rules.

use std::process::Command;

use crate::support::{Folder, run, skipped};
use crate::worlds;

/// Rulesets of `testdata/places`, who writes such, and how the commands begin.
const HOSTS: [(&str, &str, &str); 7] = [
    ("plain.save", "iptables", "iptables -N MALICIOUS\niptables -I INPUT 3 -j MALICIOUS\n"),
    ("narrow.save", "iptables", "iptables -N MALICIOUS\niptables -I INPUT 3 ! -i lo -j MALICIOUS\n"),
    ("ufw.save", "ufw", "iptables -N MALICIOUS\niptables -I ufw-before-input 3 -j MALICIOUS\n"),
    ("docker.save", "iptables", "iptables -N MALICIOUS\niptables -I INPUT 3 -j MALICIOUS\n"),
    ("hand.json", "nft", "nft add table ip fwstat\n"),
    ("fw4.json", "fw4 (OpenWrt)", "nft add table ip fwstat\n"),
    ("firewalld.json", "firewalld", "nft add table ip fwstat\n"),
];

/// A log of such a host.
fn log(folder: &Folder) -> String {
    folder.write("log", worlds::world(1, 9).text())
}

#[test]
fn the_place_is_after_lo_and_known_connections_and_the_program_is_named() {
    for (name, manager, first) in HOSTS {
        let folder = Folder::new();
        let (log, rules) = (log(&folder), testkit::testdata(&format!("places/{name}")));
        let rules = rules.to_str().unwrap();
        let text = run(&["suggest", "--rules", rules, &log]).out;
        assert!(text.contains(&format!("Managed by {manager}.")), "{name}: {text}");
        let script = run(&["suggest", "-H", "--rules", rules, &log]).out;
        assert!(script.trim_start().starts_with(first), "{name}: {script}");
        assert_eq!(text.contains("DOCKER-USER"), name == "docker.save", "{text}");
        let document = run(&["suggest", "--json", "--rules", rules, &log]).json();
        let list = document["rules"].as_array().unwrap();
        let all = |key: &str| -> Vec<String> {
            let lists = list.iter().flat_map(|rule| rule[key].as_array().unwrap());
            lists.map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        // What is printed is what the document has.
        let printed: Vec<&str> = script.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(all("commands"), printed, "{name}");
        let undo = run(&["suggest", "-H", "--undo", "--rules", rules, &log]).out;
        assert_eq!(all("undo"), undo.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>(), "{name}");
        for rule in list {
            assert_eq!(rule["hooks"], serde_json::json!(["INPUT"]), "{name}");
            assert!(rule["rule"].as_str().unwrap().starts_with("-A MALICIOUS "), "{rule}");
        }
    }
}

#[test]
fn connections_work_with_the_rules_and_undo_restores_the_ruleset() {
    let can = |tool: &str| {
        Command::new("unshare")
            .args(["-n", "sh", "-c", tool])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !can(
        "nft list ruleset && iptables-save && ip link add veth7 type veth peer name veth8 && python3 -c 1",
    ) {
        return skipped("no network namespaces with nft, iptables, ip and python3");
    }
    let tester = format!("{}/tests/cli/place.py", env!("CARGO_MANIFEST_DIR"));
    for (name, ..) in HOSTS {
        let folder = Folder::new();
        let (log, rules) = (log(&folder), testkit::testdata(&format!("places/{name}")));
        let rules = rules.to_str().unwrap();
        let undo = folder.write("undo", run(&["suggest", "--undo", "--rules", rules, &log]).out);
        let nft = run(&["suggest", "--format", "nft", "--rules", rules, &log]).out;
        let mut scripts = vec![
            folder.write("script", run(&["suggest", "--rules", rules, &log]).out),
            folder.write("once", run(&["suggest", "--idempotent", "--rules", rules, &log]).out),
        ];
        if name.ends_with(".json") {
            let file = folder.write("fwstat.nft", &nft);
            scripts.push(folder.write("file", format!("nft -f {file}\nnft -f {file}\n")));
        }
        for script in scripts {
            let output = Command::new("unshare")
                .args(["-n", "python3", &tester, rules, &script, &undo])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{name} {script}: {said}");
        }
    }
}
