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
        // Rules of nft's ask no ipset.
        let ipset = run(&["suggest", "--format", "ipset", "--rules", rules, &log]).out;
        assert_eq!(ipset.contains("then: iptables -A"), !name.ends_with(".json"), "{name}: {ipset}");
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

/// What Docker forwards is taken in DOCKER-USER, whose jump asks for the state of the connection, which
/// no line shows: that the line is there says it. Where there is no such jump, it is a command.
#[test]
fn what_docker_forwards_is_taken_in_docker_user() {
    let folder = Folder::new();
    let with = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\n:DOCKER-FORWARD - [0:0]\n\
         :MALICIOUS - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A INPUT -j MALICIOUS\n-A INPUT -j LOG --log-prefix \"in.dropped \"\n-A FORWARD -j DOCKER-USER\n\
         -A FORWARD -j DOCKER-FORWARD\n-A FORWARD -j LOG --log-prefix \"fw.dropped \"\n\
         -A DOCKER-USER -m conntrack ! --ctstate RELATED,ESTABLISHED -j MALICIOUS\n\
         -A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n";
    const JUMP: &str = "DOCKER-USER -m conntrack ! --ctstate RELATED,ESTABLISHED -j MALICIOUS\n";
    let without = with.replace(&format!("-A {JUMP}"), "");
    let rules = [folder.write("with", with), folder.write("without", without)];
    let mut text = String::new();
    for i in 0..400_u32 {
        let (prefix, out, dst) = match i % 2 {
            0 => ("in.dropped", "", "185.13.9.20"),
            _ => ("fw.dropped", "docker0", "172.17.0.2"),
        };
        text += &format!(
            "Mar  3 00:{:02}:{:02} h kernel: {prefix} IN=eth0 OUT={out} MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 \
             SRC={}.{}.{}.{} DST={dst} LEN=44 TOS=0x00 PREC=0x00 TTL=57 ID={i} PROTO=TCP SPT={} DPT={} WINDOW=1024 \
             RES=0x00 SYN URGP=0 \n",
            i / 60,
            i % 60,
            20 + i % 80,
            i * 7 % 250,
            i % 250,
            1 + i % 250,
            40_000 + i,
            if i % 4 < 2 { 23 } else { 445 },
        );
    }
    let log = folder.write("log", text);
    for rules in &rules {
        let document = run(&["suggest", "--json", "--rules", rules, &log]).json();
        let drop = document["rules"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(drop["hooks"], serde_json::json!(["INPUT", "FORWARD"]), "{drop}");
        assert_eq!(drop["lines"], 400, "{document}");
    }
    let without = |more: &[&str]| run(&[&["suggest", "--rules", &rules[1], &log], more].concat()).out;
    let (script, undo) = (without(&[]), without(&["--undo"]));
    let first = JUMP.replacen("DOCKER-USER", "iptables -I DOCKER-USER 1", 1);
    assert!(script.contains(&first), "{script}");
    assert!(without(&["--idempotent"]).contains(first.trim_end()));
    assert!(without(&["--format", "restore"]).contains(first.trim_start_matches("iptables ")));
    assert!(undo.contains(&format!("iptables -D {JUMP}")), "{undo}");
    let script = run(&["suggest", "--rules", &rules[0], &log]).out;
    assert!(!script.contains("DOCKER-USER"), "{script}");
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
