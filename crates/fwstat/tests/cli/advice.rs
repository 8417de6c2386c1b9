//! What `fwstat suggest` advises: invariants on random worlds, on labelled networks and on the
//! smallest inputs that were once advised on wrongly.

use std::io::Write as _;
use std::path::Path;

use fwrules::Rule;
use serde_json::Value;

use crate::suggest::{Chain, holds, line, report, score, sum};
use crate::support::{Folder, Ran, Random, has, run, run_with, skipped};
use crate::worlds::{self, World};

/// What is advised on a log; `with` are further arguments.
fn advise(folder: &Folder, log: &[String], rules: Option<&str>, with: &[&str]) -> Value {
    let log = folder.write("log", log.join("\n") + "\n");
    let mut arguments = vec!["suggest", "--json", &log];
    let path = rules.map(|rules| folder.write("rules", rules));
    if let Some(path) = &path {
        arguments.extend(["--rules", path]);
    }
    arguments.extend(with);
    let ran = run(&arguments);
    assert!(ran.code < 2, "{}", ran.err);
    ran.json()
}

fn trusting(world: &World) -> Vec<&str> {
    world.trusted.iter().flat_map(|net| ["--trusted", net.as_str()]).collect()
}

/// The rules as text, without what names lines.
pub(crate) fn texts(document: &Value) -> Vec<String> {
    document["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["rule"].as_str().unwrap().to_owned())
        .collect()
}

fn all_worlds() -> impl Iterator<Item = World> {
    (0..worlds::KINDS).map(|kind| worlds::world(kind, 7 + kind as u64))
}

// ---- random worlds ----

#[test]
fn no_signal_is_hidden_and_most_noise_is_silenced() {
    for world in all_worlds() {
        let folder = Folder::new();
        for known in [true, false] {
            let trusted = trusting(&world);
            let with = if known { &trusted[..] } else { &[] };
            let document = advise(&folder, &world.lines, Some(&world.rules), with);
            let score = score(&document, &world.lines, &world.labels);
            holds(world.name, &document, &score);
            let (noise, silenced) = sum(&score, "noise");
            assert!(silenced * 100 >= noise * 85, "{}", report(world.name, &document, &score));
        }
        // Without rules only a friend whom nobody named looks like anybody.
        let document = advise(&folder, &world.lines, None, &["--trusted", "151.224.10.7"]);
        let score = score(&document, &world.lines, &world.labels);
        let hidden: u64 = score
            .iter()
            .filter(|(label, _)| label.starts_with("signal") && *label != "signal:near hit")
            .map(|(_, (_, taken))| taken)
            .sum();
        assert_eq!(hidden, 0, "{}", report(world.name, &document, &score));
        for rule in texts(&document).iter().filter(|rule| rule.ends_with("DROP")) {
            let fatal =
                ["--dport 22 ", " ! --tcp-flags", " 134 ", " 135 ", " 136 ", "--dport 67 ", "--dport 547 "];
            assert!(!fatal.iter().any(|text| rule.contains(text)), "{rule}");
            assert!(rule.contains(" -i ") || rule.contains("broadcast") || rule.contains(" -d "), "{rule}");
        }
    }
}

#[test]
fn dirt_changes_no_rule() {
    let mut random = Random(5);
    for kind in [0, 3, 7] {
        let world = worlds::world(kind, 21);
        let folder = Folder::new();
        let clean = texts(&advise(&folder, &world.lines, Some(&world.rules), &[]));
        assert!(!clean.is_empty());
        let mut dirty = world.lines.clone();
        for _ in 0..300 {
            let at = random.below(dirty.len() as u64) as usize;
            let line = dirty[at].clone();
            let dirt = match random.below(4) {
                0 => line[..40 + random.below(line.len() as u64 - 45) as usize].to_owned(),
                1 => line.replace("kernel:", "mallory:"),
                2 => line.replace("kernel:", "kernel[1234]:"),
                _ => {
                    line.replace(" ID=", " FRAG:64 ID=").split(" SPT=").next().unwrap_or("").to_owned() + " "
                }
            };
            dirty.insert(at, dirt);
        }
        assert_eq!(texts(&advise(&folder, &dirty, Some(&world.rules), &[])), clean, "{}", world.name);
    }
}

#[test]
fn rules_of_a_half_hide_nothing_of_the_other() {
    for world in all_worlds() {
        let folder = Folder::new();
        let half = world.lines.len() / 2;
        for (first, second) in [(0..half, half..world.lines.len()), (half..world.lines.len(), 0..half)] {
            let document = advise(&folder, &world.lines[first], Some(&world.rules), &trusting(&world));
            let score = score(&document, &world.lines[second.clone()], &world.labels[second]);
            assert_eq!(sum(&score, "signal").1, 0, "{}", report(world.name, &document, &score));
        }
    }
}

#[test]
fn one_more_trusted_network_costs_its_own_lines_at_most() {
    let world = worlds::world(1, 3);
    let folder = Folder::new();
    let silenced = |document: &Value| sum(&score(document, &world.lines, &world.labels), "noise").1;
    let before = silenced(&advise(&folder, &world.lines, Some(&world.rules), &[]));
    let mut nets: Vec<String> = Vec::new();
    for i in 0..20 {
        nets.push(format!("173.{i}.0.0/20"));
        let mut with = Vec::new();
        nets.iter().for_each(|net| with.extend(["--trusted", net.as_str()]));
        let document = advise(&folder, &world.lines, Some(&world.rules), &with);
        let own = world.lines.iter().filter(|line| line.contains(" SRC=173.")).count() as u64;
        assert!(silenced(&document) + own >= before, "{document:#}");
        let returns = Chain::of(&document).rules.len() - Chain::of(&document).drops();
        assert!(returns <= 10, "{returns}: {:#?}", texts(&document));
    }
    nets.reverse();
    let with = |nets: &[String]| -> Vec<String> {
        let list: Vec<&str> = nets.iter().flat_map(|net| ["--trusted", net.as_str()]).collect();
        texts(&advise(&folder, &world.lines, Some(&world.rules), &list))
    };
    let backwards = with(&nets);
    nets.reverse();
    assert_eq!(with(&nets), backwards, "the order of options changes nothing");
}

/// Ports, of which no ruleset names any, exchanged one for one.
fn renamed(line: &str, port: impl Fn(u16) -> u16) -> String {
    line.split(' ')
        .map(|word| match word.strip_prefix("DPT=") {
            Some(number) if line.contains("PROTO=TCP") => format!("DPT={}", port(number.parse().unwrap())),
            _ => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_permutation_of_ports_permutes_the_rules() {
    // 7919 and 65536 - 1024 have no common factor: a permutation of the ports from 1024 on.
    let other = |port: u16| match port {
        0..1024 | 3306 | 3389 | 8006 | 9443 | 5432 | 25565 | 2049 | 1194 => port,
        _ => {
            let mut at = port;
            loop {
                at = (1024 + (u64::from(at) - 1024) * 7919 % 64_512) as u16;
                if ![3306, 3389, 8006, 9443, 5432, 25565, 2049, 1194].contains(&at) {
                    break at;
                }
            }
        }
    };
    for kind in [1, 4] {
        let world = worlds::world(kind, 11);
        let folder = Folder::new();
        let plain = advise(&folder, &world.lines, Some(&world.rules), &[]);
        let lines: Vec<String> = world.lines.iter().map(|line| renamed(line, other)).collect();
        let moved = advise(&folder, &lines, Some(&world.rules), &[]);
        let silenced =
            |document: &Value, lines: &[String]| sum(&score(document, lines, &world.labels), "noise");
        let (a, b) = (silenced(&plain, &world.lines), silenced(&moved, &lines));
        assert_eq!(a, b, "{:#?}\n{:#?}", texts(&plain), texts(&moved));
        holds(world.name, &moved, &score(&moved, &lines, &world.labels));
    }
}

#[test]
fn chatter_rules_never_match_unicast() {
    for world in all_worlds() {
        let folder = Folder::new();
        let document = advise(&folder, &world.lines, Some(&world.rules), &trusting(&world));
        for rule in document["rules"].as_array().unwrap() {
            let text = rule["rule"].as_str().unwrap();
            match rule["class"].as_str() {
                Some("chatter") => {
                    let many = ["--pkt-type broadcast", "-d 224.0.0.0/4", "-d ff00::/8"];
                    assert!(many.iter().any(|part| text.contains(part)), "{text}");
                }
                Some(_) => assert!(text.contains(" -i "), "{text}"),
                None => assert!(text.ends_with("-j RETURN"), "{text}"),
            }
        }
    }
}

#[test]
fn nothing_that_is_let_in_is_dropped() {
    let mut random = Random(99);
    for world in all_worlds() {
        let folder = Folder::new();
        let document = advise(&folder, &world.lines, Some(&world.rules), &[]);
        let chain = Chain::of(&document);
        // Random packets of each rule that accepts: whatever is not said is drawn.
        for rule in world.rules.lines().filter(|rule| rule.contains("--dport") && rule.ends_with("ACCEPT")) {
            let (_, rule) = Rule::parse(rule.as_bytes()).unwrap();
            for _ in 0..50 {
                let packet = drawn(&mut random, &world, &rule);
                let entry = logparse::parse(packet.as_bytes()).unwrap();
                assert!(!chain.takes(&entry.packet), "{packet}\n{:#?}", texts(&document));
            }
        }
    }
}

/// A packet that a rule takes.
fn drawn(random: &mut Random, world: &World, rule: &Rule) -> String {
    let pool: Vec<&String> =
        world.lines.iter().filter(|line| line.contains("PROTO=TCP") && !line.contains("OUT=e")).collect();
    let line = pool[random.below(pool.len() as u64) as usize];
    let text = rule.to_display();
    let port = text.split("--dport ").nth(1).unwrap().split(' ').next().unwrap();
    let src = match text.split("-s ").nth(1) {
        Some(rest) => rest.split(['/', ' ']).next().unwrap().to_owned(),
        None => format!("{}.{}.3.4", 100 + random.below(80), random.below(256)),
    };
    let word = |word: &str| match word.split('=').next() {
        Some("SRC") => format!("SRC={src}"),
        Some("DPT") => format!("DPT={port}"),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

// ---- given networks and inputs ----

/// A gzip file as lines.
pub(crate) fn unpacked(path: &Path) -> Vec<String> {
    let output = std::process::Command::new("gzip").arg("-dc").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn the_given_networks_are_silenced_and_nothing_is_hidden() {
    let Some(folder) = testkit::shared("networks") else { return };
    let best: Value = serde_json::from_slice(&std::fs::read(folder.join("ORACLE")).unwrap()).unwrap();
    let mut parts = Vec::new();
    for (name, best) in best.as_object().unwrap() {
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let (lines, labels) = (unpacked(&file("log.gz")), unpacked(&file("labels.gz")));
        let meta: Value = serde_json::from_slice(&std::fs::read(file("json")).unwrap()).unwrap();
        let mut base = vec!["suggest".to_owned(), "--json".to_owned(), file("log.gz").display().to_string()];
        for rules in meta["rules"].as_array().unwrap() {
            base.extend(["--rules".to_owned(), file(rules.as_str().unwrap()).display().to_string()]);
        }
        let arguments: Vec<&str> = base.iter().map(String::as_str).collect();
        let document = run(&arguments).json();
        let score = score(&document, &lines, &labels);
        let report = report(name, &document, &score);
        assert_eq!(sum(&score, "signal").1, 0, "{report}");
        let (noise, silenced) = sum(&score, "noise");
        let part = silenced as f64 * 100.0 / noise as f64 / best.as_f64().unwrap();
        assert!(part >= 0.90, "{part}: {report}");
        parts.push(part);
        let chain = Chain::of(&document);
        assert!(chain.drops() <= 20, "{report}");
        for probe in meta["probes"].as_array().unwrap() {
            let line = probe[1].as_str().unwrap();
            let entry = logparse::parse(line.as_bytes()).unwrap();
            assert!(!chain.takes(&entry.packet), "{line}: {report}");
        }
    }
    let mean = parts.iter().sum::<f64>() / parts.len() as f64;
    assert!(mean >= 0.97, "{parts:?}");
}

/// The DROP rules without what names them.
fn drops(document: &Value) -> Vec<String> {
    let bare = |text: &String| text.split(" -m comment").next().unwrap().to_owned();
    texts(document).iter().filter(|text| text.ends_with("-j DROP")).map(bare).collect()
}

/// A row of `testdata/suggest/cases.tsv`, whose head says what the columns mean.
struct Case<'r> {
    name: &'r str,
    arguments: &'r str,
    lines: usize,
    takes: u64,
    drops: usize,
    stays: &'r str,
    passes: &'r str,
    like: &'r str,
    says: &'r str,
}

impl<'r> Case<'r> {
    fn of(row: &'r str) -> Case<'r> {
        let columns: Vec<&str> = row.split('\t').collect();
        let [name, arguments, lines, takes, drops, stays, passes, like, says, _] = columns[..] else {
            panic!("{row}")
        };
        let number = |text: &str| text.parse::<u64>().unwrap();
        Case {
            name,
            arguments,
            lines: number(lines) as usize,
            takes: number(takes),
            drops: number(drops) as usize,
            stays,
            passes,
            like,
            says,
        }
    }

    fn run(&self, form: &str) -> Ran {
        let log = testkit::testdata(&format!("suggest/{}.log.gz", self.name));
        let mut arguments = vec!["suggest".to_owned(), format!("--format={form}"), log.display().to_string()];
        for word in self.arguments.split_whitespace() {
            arguments.push(match word.ends_with(".rules") {
                true => testkit::testdata(&format!("suggest/{word}")).display().to_string(),
                false => word.to_owned(),
            });
        }
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Packets that no rule may take, made from lines of the log.
    fn packets(&self, lines: &[String]) -> Vec<String> {
        let made = |text: &str| {
            let mut parts = text.split(" ; ").map(str::trim);
            let start = parts.next().unwrap();
            let mut line = lines.iter().find(|line| line.contains(start)).unwrap().clone();
            for change in parts {
                line = match change.split_once(" => ") {
                    Some((old, new)) => {
                        assert!(line.contains(old), "{old}: {line}");
                        line.replacen(old, new, 1)
                    }
                    None => changed(&line, change),
                };
            }
            line
        };
        self.passes.split('|').filter(|text| !text.is_empty()).map(made).collect()
    }
}

/// The line with another value of a word `KEY=VALUE`.
fn changed(line: &str, word: &str) -> String {
    let key = &word[..=word.find('=').unwrap()];
    let one = |old: &str| if old.starts_with(key) { word.to_owned() } else { old.to_owned() };
    line.split(' ').map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_smallest_inputs_give_what_is_expected() {
    let table = testkit::text("suggest/cases.tsv");
    let rows: Vec<&str> = table.lines().filter(|line| !line.starts_with('#')).skip(1).collect();
    assert_eq!(rows.len(), 38);
    let mut rules: std::collections::BTreeMap<&str, Vec<String>> = std::collections::BTreeMap::new();
    for case in rows.iter().map(|row| Case::of(row)) {
        let document = case.run("json").json();
        let lines: Vec<String> =
            testkit::text(&format!("suggest/{}.log.gz", case.name)).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), case.lines, "{}", case.name);
        let stays = |line: &String| !case.stays.is_empty() && line.contains(case.stays);
        let labels: Vec<&str> =
            lines.iter().map(|line| if stays(line) { "signal" } else { "noise" }).collect();
        assert!(case.stays.is_empty() || labels.contains(&"signal"), "{}", case.name);
        let score = score(&document, &lines, &labels);
        let report = report(case.name, &document, &score);
        holds(case.name, &document, &score);
        assert!(sum(&score, "noise").1 >= case.takes, "{report}");
        let chain = Chain::of(&document);
        assert!(chain.drops() <= case.drops, "{report}");
        for packet in case.packets(&lines) {
            let entry = logparse::parse(packet.as_bytes()).unwrap();
            assert!(!chain.takes(&entry.packet), "{packet}\n{report}");
        }
        if !case.like.is_empty() {
            assert_eq!(drops(&document), rules[case.like], "{report}");
        }
        rules.insert(case.name, drops(&document));
        let script = case.run("iptables").out;
        assert!(script.contains(case.says), "{}: {script}", case.name);
    }
}

#[test]
fn the_kernels_stamp_is_no_part_of_a_repeated_prefix() {
    let log = testkit::testdata("suggest/23-repeated.log.gz");
    let document = run(&["top", "--json", "--by", "prefix", log.to_str().unwrap()]).json();
    let rows = document["tables"][0]["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["prefix"], &rows[0]["count"]), (1, &"DROP".into(), &294.into()));
}

// ---- memory, inputs, hand-off ----

#[test]
fn very_many_sources_with_one_packet_each() {
    let mut random = Random(11);
    let log: String = (0..30_000)
        .map(|i| {
            let [a, b, c, d] = (random.next() as u32).to_be_bytes();
            let a = if i % 16 == 0 { 10 } else { a % 224 };
            line(i, &format!("{a}.{b}.{c}.{d}"), "TCP", [23, 445, 2323][i as usize % 3], "SYN")
        })
        .collect();
    let document = run_with(log.as_bytes(), &["suggest", "--json"]).json();
    assert_eq!((&document["before"], &document["hidden"]), (&30_000.into(), &0.into()), "{document:#}");
    assert_eq!(Chain::of(&document).drops(), 1, "{document:#}");
    // A crowd of spoofed private sources is a crowd.
    assert!(document["after"].as_u64().unwrap() < 300, "{document:#}");
}

#[test]
fn a_scanner_is_for_those_who_know_their_rules() {
    let scan: Vec<String> = (0..500)
        .map(|i| line(i * 60, "45.155.205.9", "TCP", 1 + i * 7, "SYN").trim_end().to_owned() + " ")
        .collect();
    let mut log = scan;
    for i in 0..300u64 {
        let src = format!("{}.{}.9.9", 60 + i % 90, i % 250);
        log.push(
            line(i * 100, &src, "TCP", [23, 445, 2323][i as usize % 3], "SYN").trim_end().to_owned() + " ",
        );
    }
    let folder = Folder::new();
    let rules = worlds::world(1, 1).rules;
    let known = texts(&advise(&folder, &log, Some(&rules), &[]));
    assert!(known.iter().any(|rule| rule.contains("-s 45.155.205.")), "{known:#?}");
    let unknown = texts(&advise(&folder, &log, None, &[]));
    assert!(!unknown.iter().any(|rule| rule.contains("45.155.205.")), "{unknown:#?}");
}

#[test]
fn a_chain_before_known_connections_lets_them_pass_first() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:MALICIOUS - [0:0]\n-A INPUT -j MALICIOUS\n\
         -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A INPUT -j LOG --log-prefix \"tcp.in.dropped \"\nCOMMIT\n";
    let mut log: Vec<String> = Vec::new();
    for i in 0..400 {
        let text = line(i * 60, &format!("45.{}.7.9", i % 200), "TCP", 30_000 + i, "ACK SYN")
            .replace("SPT=40000", "SPT=443");
        log.push(text.trim_end().to_owned() + " ");
    }
    let folder = Folder::new();
    let known = texts(&advise(&folder, &log, Some(rules), &[]));
    assert!(
        known[0].contains("--ctstate RELATED,ESTABLISHED") && known[0].ends_with("-j RETURN"),
        "{known:#?}"
    );
    assert!(
        known.iter().any(|rule| rule.contains("! --tcp-flags") && rule.ends_with("-j DROP")),
        "{known:#?}"
    );
    // Where nothing is known, answers stay.
    assert!(texts(&advise(&folder, &log, None, &[])).is_empty());
}

#[test]
fn what_can_be_read_once_gives_the_files_answer() {
    let world = worlds::world(1, 5);
    let folder = Folder::new();
    let log = folder.write("log", world.text());
    let want = run(&["suggest", "-H", &log]).out;
    assert!(want.contains("-j DROP"));
    assert_eq!(run_with(world.text().as_bytes(), &["suggest", "-H", "-"]).out, want);
    assert_eq!(run_with(world.text().as_bytes(), &["suggest", "-H", "/dev/stdin"]).out, want);
    let fifo = folder.path("fifo");
    if has("mkfifo") {
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let (path, text) = (fifo.clone(), world.text());
        let writer = std::thread::spawn(move || {
            std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
        });
        assert_eq!(run(&["suggest", "-H", &fifo]).out, want);
        writer.join().unwrap();
    }
}

#[test]
fn a_log_that_is_being_written_is_advised_on_as_far_as_it_went() {
    let folder = Folder::new();
    let world = worlds::world(1, 5);
    let path = folder.write("log", world.text());
    let want = run(&["suggest", "--json", &path]).json()["rules"].clone();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut log = std::fs::File::options().append(true).open(&path).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                log.write_all(world.lines[0].as_bytes()).unwrap();
                log.write_all(b"\n").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        let runs = [0; 5].map(|_| run(&["suggest", "--json", &path]));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for ran in runs {
            assert!(ran.code < 2, "{}", ran.err);
            assert_eq!(ran.json()["rules"].as_array().unwrap().len(), want.as_array().unwrap().len());
        }
    });
}

#[test]
fn forged_lines_make_no_rule_and_no_entry() {
    let log: String = (0..2000)
        .map(|i| line(i * 30, "203.0.113.77", "TCP", i % 1000, "SYN").replace("kernel:", "mallory:"))
        .collect();
    for format in ["json", "ipset", "crowdsec", "fail2ban"] {
        let ran = run_with(log.as_bytes(), &["suggest", "--format", format]);
        assert_eq!(ran.code, 1, "{format}: {}", ran.out);
        assert!(!ran.out.contains("203.0.113.77") || format == "json", "{}", ran.out);
    }
    let document = run_with(log.as_bytes(), &["suggest", "--json"]).json();
    assert!(document["rules"].as_array().unwrap().is_empty());
    assert!(document["notes"].to_string().contains("mallory"), "{document:#}");
}

#[test]
fn rules_that_no_longer_count_are_named() {
    let world = worlds::world(1, 5);
    let folder = Folder::new();
    let old = ":MALICIOUS - [0:0]\n[7:420] -A MALICIOUS -p tcp -m tcp --dport 1 -j DROP\n[0:0] -A MALICIOUS -p tcp -m tcp --dport 2 -j DROP\n";
    let rules = world.rules.replace(":MALICIOUS - [0:0]\n", old);
    let document = advise(&folder, &world.lines, Some(&rules), &[]);
    let notes = document["notes"].to_string();
    assert!(notes.contains("MALICIOUS 2 no longer") && !notes.contains("MALICIOUS 1 no longer"), "{notes}");
}

#[test]
fn the_honeypot_is_reached_and_its_packets_are_logged() {
    let world = worlds::world(9, 5);
    let folder = Folder::new();
    let document = advise(&folder, &world.lines, Some(&world.rules), &["--honeypot", "192.0.2.9:2222"]);
    let text = document["honeypot"].to_string();
    for part in [
        "ip_forward",
        "--to-destination 192.0.2.9:2222",
        "LOG --log-prefix",
        "FORWARD -d 192.0.2.9",
        "FORWARD -s 192.0.2.9",
        "MASQUERADE",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(run(&["suggest", "--honeypot", "x", &folder.path("log")]).code, 2);
}

/// The filter of before: any prefix, any protocol.
fn banned(folder: &Folder, filter: &str, log: &str) -> Ran {
    let filter = folder.write("fwstat.conf", filter);
    crate::support::finish(std::process::Command::new("fail2ban-regex").args([
        "--print-all-matched",
        log,
        &filter,
    ]))
}

#[test]
fn fail2ban_bans_near_hits_of_strangers_only() {
    let world = worlds::world(1, 5);
    let folder = Folder::new();
    let log = folder.write("kern.log", world.text());
    let rules = folder.write("rules", &world.rules);
    let mut arguments = vec!["suggest", "--format", "fail2ban", "--rules", &rules, &log];
    arguments.extend(trusting(&world));
    let ran = run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let absolute = std::fs::canonicalize(&log).unwrap();
    let path = ran.out.lines().find(|line| line.starts_with("logpath")).unwrap();
    assert!(path.contains(absolute.to_str().unwrap()) || path.contains(" /"), "{path}");
    let ignored = ran.out.lines().find(|line| line.starts_with("ignoreip")).unwrap();
    assert!(ignored.contains("185.13.9.0/24") && ignored.contains("151.224.10.7"), "{ignored}");
    assert!(ran.out.contains("Of this log it would have banned") && !ran.out.contains(".+?"), "{}", ran.out);
    if !has("fail2ban-regex") {
        return skipped("fail2ban-regex is not installed");
    }
    let found = banned(&folder, &ran.out, &log).out;
    assert!(found.contains("Lines: "), "{found}");
    // Another program's line with the same words, and a group's, are not matched.
    let near =
        world.lines.iter().zip(&world.labels).find(|(_, label)| **label == "signal:near hit").unwrap().0;
    let matched = |line: &str| {
        let log = folder.write("one.log", line.to_owned() + "\n");
        banned(&folder, &ran.out, &log).out.contains(" 1 matched")
    };
    assert!(matched(near), "{near}");
    assert!(
        !matched(&near.replace("kernel:", "mallory:")) && !matched(&near.replace("kernel:", "kernel[7]:"))
    );
    assert!(!matched(&near.replace("DST=185.13.9.20", "DST=224.0.0.251")));
    assert!(!matched(&near.replace("PROTO=TCP", "PROTO=UDP")));
}

#[test]
fn a_real_fail2ban_bans_no_own_address() {
    if !has("fail2ban-client") {
        return skipped("fail2ban is not installed");
    }
    let folder = Folder::new();
    // The given log, and a stranger who comes to the open port again and again.
    let near = testkit::text("noise/home.log.gz")
        .lines()
        .find(|line| line.contains("tcp.in.foreign"))
        .unwrap()
        .to_owned();
    let src = near.split(" SRC=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let again = near.replace(&src, "198.51.100.200") + "\n";
    let log = folder.write("home.log", testkit::text("noise/home.log.gz") + &again.repeat(6));
    let rules = testkit::testdata("noise/home.rules");
    let now = folder.write(
        "now.conf",
        run(&["suggest", "--format", "fail2ban", "--rules", rules.to_str().unwrap(), &log]).out,
    );
    let script = format!("{}/tests/cli/fail2ban.sh", env!("CARGO_MANIFEST_DIR"));
    let banned = |name: &str, filter: &str| -> Vec<String> {
        let place = folder.path(name);
        let output = std::process::Command::new("sh").args([&script, &place, &log, filter]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect()
    };
    let own = |addr: &String| addr.starts_with("192.168.50.") || addr == "0.0.0.0";
    assert_eq!(banned("now", &now), ["198.51.100.200"]);
    // What the filter was before: every prefix, every protocol, one address ignored.
    let old = r"[Definition]
failregex = ^\s*(?:\S+\s+)?(?:kernel:\s+)?(?:\[\s*\d+\.\d+\]\s*)?(?:tcp\x2ein\x2edropped|tcp\x2ein\x2eforeign|udp\x2ein\x2edropped)\s*IN=\S+ OUT= (?:[A-Z0-9]+=\S* )*?SRC=<HOST> 
ignoreregex =

[fwstat]
enabled   = true
filter    = fwstat
logpath   = x
maxretry  = 5
findtime  = 10m
bantime   = 1d
banaction = %(banaction_allports)s
ignoreip  = 127.0.0.0/8 ::1 192.168.50.10
";
    let old = folder.write("old.conf", old);
    assert!(banned("old", &old).iter().filter(|addr| own(addr)).count() >= 5);
}

#[test]
fn the_halves_of_the_given_networks_hide_nothing_of_each_other() {
    let Some(folder) = testkit::shared("networks") else { return };
    for name in ["bridge", "docker", "home2", "mail", "openwrt", "ufwvps", "v6only", "vpn"] {
        let file = |end: &str| folder.join(format!("{name}.{end}"));
        let (lines, labels) = (unpacked(&file("log.gz")), unpacked(&file("labels.gz")));
        let meta: Value = serde_json::from_slice(&std::fs::read(file("json")).unwrap()).unwrap();
        let own = Folder::new();
        let half = lines.len() / 2;
        for (first, second) in [(0..half, half..lines.len()), (half..lines.len(), 0..half)] {
            let log = own.write("log", lines[first].join("\n") + "\n");
            let mut base = vec!["suggest".to_owned(), "--json".to_owned(), log];
            for rules in meta["rules"].as_array().unwrap() {
                base.extend(["--rules".to_owned(), file(rules.as_str().unwrap()).display().to_string()]);
            }
            let arguments: Vec<&str> = base.iter().map(String::as_str).collect();
            let document = run(&arguments).json();
            let score = score(&document, &lines[second.clone()], &labels[second]);
            assert_eq!(sum(&score, "signal").1, 0, "{}", report(name, &document, &score));
        }
    }
}
