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
    let text = strangers(&[("in.dropped ", "eth0", "", 23), ("fw.dropped ", "eth0", "docker0", 23)], 400);
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

/// Strangers at closed ports, 445 and one more: a prefix, the interfaces and that port for each kind of line, in turn.
fn strangers(kinds: &[(&str, &str, &str, u32)], lines: u32) -> String {
    let mut text = String::new();
    for i in 0..lines {
        let n = i / kinds.len() as u32;
        let (prefix, from, out, port) = kinds[i as usize % kinds.len()];
        let dst = if out.is_empty() { "185.13.9.20" } else { "172.17.0.2" };
        text += &format!(
            "Mar  3 00:{:02}:{:02} h kernel: {prefix}IN={from} OUT={out} MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 \
             SRC={}.{}.{}.{} DST={dst} LEN=44 TOS=0x00 PREC=0x00 TTL=57 ID={i} PROTO=TCP SPT={} DPT={} WINDOW=1024 \
             RES=0x00 SYN URGP=0 \n",
            i / 60 % 60,
            i % 60,
            20 + i % 80,
            i * 7 % 250,
            i % 250,
            1 + i % 250,
            40_000 + i,
            if n.is_multiple_of(2) { port } else { 445 },
        );
    }
    text
}

/// One more host: rulesets of `testdata`, its outer link, a container's link, the service that is let in, its log,
/// and ports at which its own rules wait for strangers: no new rule may keep those away.
struct Host {
    rules: &'static [&'static str],
    outer: &'static str,
    inner: &'static str,
    service: &'static str,
    kinds: &'static [(&'static str, &'static str, &'static str, u32)],
    traps: &'static [&'static str],
}

const PLAIN: Host = Host {
    rules: &[],
    outer: "ens3",
    inner: "",
    service: "443",
    kinds: &[("in.dropped ", "ens3", "", 23)],
    traps: &[],
};

const MORE: [Host; 14] = [
    Host {
        rules: &["sample/guide.rules"],
        outer: "eth0",
        service: "8443",
        kinds: &[("tcp.in.dropped ", "eth0", "", 23)],
        ..PLAIN
    },
    // lo and known connections are accepted in chains of their own.
    Host { rules: &["places/chains.save"], ..PLAIN },
    // All but one link is let in.
    Host { rules: &["places/inside.save"], ..PLAIN },
    // INPUT lets all pass, but sends it to a chain that refuses the rest.
    Host { rules: &["places/chain.save"], ..PLAIN },
    // A rule logs before lo is accepted, but writes no line of this log.
    Host { rules: &["places/audit.save", "places/ufw-rules.v6"], ..PLAIN },
    // Container ports are forwarded: host port 8080 goes to the container.
    Host {
        rules: &["places/containers.save"],
        inner: "docker0",
        kinds: &[("in.dropped ", "ens3", "", 23), ("fw.dropped ", "ens3", "docker0", 23)],
        ..PLAIN
    },
    Host {
        rules: &["places/docker.json"],
        inner: "docker0",
        kinds: &[("in.dropped ", "ens3", "", 23), ("fw.dropped ", "ens3", "docker0", 23)],
        ..PLAIN
    },
    // OpenWrt with a third zone; port 8080 is forwarded to port 23 of a host of the LAN.
    Host {
        rules: &["places/router.json"],
        outer: "pppoe-wan",
        inner: "br-lan",
        kinds: &[
            ("reject wan in: ", "pppoe-wan", "", 23),
            ("reject wan forward: ", "pppoe-wan", "br-lan", 23),
        ],
        ..PLAIN
    },
    // The base chain that logs comes long before others.
    Host { rules: &["places/priority.json"], ..PLAIN },
    // The table called filter lets all pass, another one logs before it.
    Host { rules: &["places/tables.json"], ..PLAIN },
    // Rules of an earlier run are there.
    Host { rules: &["places/earlier.json"], ..PLAIN },
    // Who comes to port 23 goes into a set, and is dropped everywhere from then on.
    Host {
        rules: &["places/trap.json"],
        kinds: &[("caught ", "ens3", "", 23), ("in.dropped ", "ens3", "", 8080)],
        traps: &["23", "2323"],
        ..PLAIN
    },
    Host {
        rules: &["places/trap.save"],
        kinds: &[("in.dropped ", "ens3", "", 23), ("in.dropped ", "ens3", "", 8080)],
        traps: &["23"],
        ..PLAIN
    },
    Host { rules: &["places/firewalld.json"], ..PLAIN },
];

/// Whether a script has a rule that drops what comes to a port.
fn drops(script: &str, port: &str) -> bool {
    let words = |line: &str| line.split([' ', ',']).any(|word| word == port);
    script.lines().filter(|line| line.contains("DROP") || line.contains(" drop ")).any(words)
}

/// Whether namespaces can be made, and hosts in them.
fn can() -> bool {
    let script =
        "nft list ruleset && iptables-save && ip link add veth7 type veth peer name veth8 && python3 -c 1";
    let can = Command::new("unshare").args(["-n", "sh", "-c", script]).output();
    let can = can.is_ok_and(|output| output.status.success());
    if !can {
        skipped("no network namespaces with nft, iptables, ip and python3");
    }
    can
}

/// What failed on such a host.
fn tried(options: &[&str], rules: &[&str], files: [&str; 3]) -> String {
    let tester = format!("{}/tests/cli/place.py", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("unshare")
        .args(["-n", "python3", &tester])
        .args(options)
        .arg(rules.join(","))
        .args(files)
        .output()
        .unwrap();
    assert!(output.status.success() || !output.stderr.is_empty());
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn connections_work_on_hosts_with_odd_rules() {
    if !can() {
        return;
    }
    for host in MORE {
        let folder = Folder::new();
        let log = folder.write("log", strangers(host.kinds, 800));
        let paths: Vec<String> =
            host.rules.iter().map(|name| testkit::testdata(name).to_str().unwrap().to_owned()).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut given = vec!["suggest"];
        paths.iter().for_each(|path| given.extend(["--rules", path]));
        let suggest = |more: &[&str]| run(&[&given[..], more, &[&log]].concat()).out;
        let script = suggest(&[]);
        assert!(drops(&script, "445"), "{:?}: {script}", host.rules);
        for trap in host.traps {
            assert!(!drops(&script, trap), "{:?}: {script}", host.rules);
        }
        let undo = folder.write("undo", suggest(&["--undo"]));
        let script = folder.write("script", &script);
        let once = folder.write("once", suggest(&["--idempotent"]));
        let mut options = vec!["--outer", host.outer, "--service", host.service];
        if !host.inner.is_empty() {
            options.extend(["--inner", host.inner]);
        }
        let said = tried(&options, &paths, [&script, &undo, &log]);
        assert!(said.is_empty(), "{:?}: {said}", host.rules);
        options.push("--twice");
        let said = tried(&options, &paths, [&once, &undo, &log]);
        assert!(said.is_empty(), "{:?}: {said}", host.rules);
        if paths[0].ends_with(".json") {
            let file = folder.write("fwstat.nft", suggest(&["--format", "nft"]));
            let load = folder.write("load", format!("nft -f {file}\n"));
            let said = tried(&options, &paths, [&load, &undo, &log]);
            assert!(said.is_empty(), "{:?}: {said}", host.rules);
        }
    }
}

#[test]
fn connections_work_with_the_rules_and_undo_restores_the_ruleset() {
    if !can() {
        return;
    }
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
        } else {
            let restore = run(&["suggest", "--format", "restore", "--rules", rules, &log]).out;
            let file = folder.write("fwstat.restore", restore);
            scripts.push(folder.write("load", format!("iptables-restore --noflush < {file}\n")));
        }
        for script in scripts {
            let said = tried(&[], &[rules], [&script, &undo, &log]);
            assert!(said.is_empty(), "{name} {script}: {said}");
        }
    }
}

/// Without rules a service cannot be told from a closed port, so lines are kept: if they are many, it is said how many,
/// and what would decide them.
#[test]
fn without_rules_it_says_how_many_lines_wait_for_them() {
    let folder = Folder::new();
    let noise = strangers(&[("in.dropped ", "ens3", "", 23)], 900);
    // No one asks for a port of these twice; ssh may be open.
    let odd: String = (0..150)
        .map(|i| {
            format!(
                "Mar  3 01:{:02}:{:02} h kernel: in.dropped IN=ens3 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 \
                 SRC=99.{i}.7.7 DST=185.13.9.20 LEN=44 TOS=0x00 PREC=0x00 TTL=57 ID={i} PROTO=TCP SPT=50000 DPT={} \
                 WINDOW=1024 RES=0x00 SYN URGP=0 \n",
                i / 60,
                i % 60,
                if i % 2 == 0 { 22 } else { 9000 + 13 * i },
            )
        })
        .collect();
    let plain = testkit::testdata("places/plain.save");
    let hint = |log: &str, more: &[&str]| {
        let document = run(&[&["suggest", "--json", log], more].concat()).json();
        let notes = document["notes"].as_array().unwrap().clone();
        let all = document["remain"].as_object().unwrap();
        let kept: u64 = ["near_hit", "rare"].iter().filter_map(|why| all.get(*why)?.as_u64()).sum();
        let note =
            notes.iter().filter_map(|note| note.as_str()).find(|note| note.contains("kept as near hits"));
        (note.map(str::to_owned), kept)
    };
    let (few, many) = (folder.write("few", &noise), folder.write("many", noise.clone() + &odd));
    assert_eq!(hint(&few, &[]).0, None);
    let (note, kept) = hint(&many, &[]);
    assert!(kept >= 105, "{kept}");
    let said = "lines are kept as near hits or as unusual: --rules says what is let in";
    assert!(note.clone().is_some_and(|note| note.starts_with(&format!("{kept} {said}"))), "{note:?} {kept}");
    assert!(run(&["suggest", &many]).out.contains("kept as near hits or as unusual"));
    assert_eq!(hint(&many, &["--rules", plain.to_str().unwrap()]).0, None);
}
