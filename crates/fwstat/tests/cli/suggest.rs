//! `fwstat suggest`: forms, options, and rules that the real tools take. What is noise: `advice.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fwrules::{Condition, Context, Net, Rule, Target, Tri};
use logparse::Packet;
use serde_json::Value;

use crate::profiles::{self, Profile};
use crate::support::{Folder, run, run_with, skipped};
use crate::tmux::Tmux;

/// A chain as JSON gives it, read by a matcher that knows nothing of how it was made: rule by
/// rule, RETURN ends the chain.
pub(crate) struct Chain {
    pub(crate) rules: Vec<(bool, Rule)>,
    sets: BTreeMap<String, Vec<Net>>,
    forward: bool,
}

impl Chain {
    pub(crate) fn of(document: &Value) -> Chain {
        let rules = document["rules"].as_array().unwrap();
        let read = |rule: &Value| {
            (rule["family"] == 6, Rule::parse(rule["rule"].as_str().unwrap().as_bytes()).unwrap().1)
        };
        let nets = |list: &Value| {
            list.as_array().unwrap().iter().map(|net| Net::parse(net.as_str().unwrap()).unwrap()).collect()
        };
        let sets = document["sets"].as_object().unwrap();
        Chain {
            rules: rules.iter().map(read).collect(),
            sets: sets.iter().map(|(name, list)| (name.clone(), nets(list))).collect(),
            forward: rules
                .iter()
                .any(|rule| rule["hooks"].as_array().unwrap().iter().any(|hook| hook == "FORWARD")),
        }
    }

    pub(crate) fn drops(&self) -> usize {
        self.rules.iter().filter(|(_, rule)| rule.target == Target::Drop).count()
    }

    /// Whether a packet is dropped.
    pub(crate) fn takes(&self, packet: &Packet<'_>) -> bool {
        let asked = !packet.in_iface.is_empty() && (packet.out_iface.is_empty() || self.forward);
        let Some(src) = packet.src().filter(|_| asked) else { return false };
        for (_, rule) in self.rules.iter().filter(|(v6, _)| *v6 == src.is_ipv6()) {
            let set = rule.conditions.iter().find_map(|condition| match condition {
                Condition::Set(set) => Some(set.name.to_string()),
                _ => None,
            });
            let matches = match set {
                Some(name) => self.sets[&name].iter().any(|net| net.contains(src)),
                // Known connections: no packet of a log's line is one.
                None if rule.conditions.iter().any(|c| matches!(c, Condition::State(_))) => false,
                None => rule.matches(packet, &Context::default()) == Tri::Yes,
            };
            if matches {
                return rule.target == Target::Drop;
            }
        }
        false
    }
}

/// Lines of each label, and how many of them the rules take.
pub(crate) type Score = BTreeMap<String, (u64, u64)>;

pub(crate) fn score<S: AsRef<str>>(document: &Value, lines: &[String], labels: &[S]) -> Score {
    let chain = Chain::of(document);
    let mut score = Score::new();
    for (line, label) in lines.iter().zip(labels) {
        let taken = logparse::parse(line.as_bytes()).is_ok_and(|entry| {
            entry.completeness() == logparse::Completeness::Whole && chain.takes(&entry.packet)
        });
        let place = score.entry(label.as_ref().to_owned()).or_default();
        place.0 += 1;
        place.1 += u64::from(taken);
    }
    score
}

/// Lines of labels that begin so, and how many of them are taken.
pub(crate) fn sum(score: &Score, start: &str) -> (u64, u64) {
    let lines = score.iter().filter(|(label, _)| label.starts_with(start));
    lines.fold((0, 0), |(all, taken), (_, one)| (all + one.0, taken + one.1))
}

pub(crate) fn report(name: &str, document: &Value, score: &Score) -> String {
    let labels: Vec<String> =
        score.iter().map(|(label, (all, taken))| format!("  {label} {taken}/{all}")).collect();
    let rules: Vec<&str> =
        document["rules"].as_array().unwrap().iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    format!(
        "{name}\n{}\n{}\nrefused {}\nnotes {}",
        labels.join("\n"),
        rules.join("\n"),
        document["refused"],
        document["notes"]
    )
}

/// What holds everywhere: no signal is hidden, no more than 20 rules that drop, the numbers are true.
pub(crate) fn holds(name: &str, document: &Value, score: &Score) {
    let report = report(name, document, score);
    let chain = Chain::of(document);
    assert!(chain.drops() <= 20, "{report}");
    assert_eq!(sum(score, "signal").1, 0, "signal is hidden: {report}");
    assert_eq!(document["hidden"], 0, "{report}");
    let silenced = document["before"].as_u64().unwrap()
        - document["already"].as_u64().unwrap()
        - document["after"].as_u64().unwrap();
    assert_eq!(sum(score, "").1, silenced, "{report}");
}

fn suggest(folder: &Folder, profile: &Profile, known: bool) -> Value {
    let log = folder.write("log", profile.text());
    let rules = folder.write("rules", &profile.rules);
    let trusted = folder.write("trusted", profile.trusted.join("\n") + "\n# ours\n");
    let mut arguments = vec!["suggest", "--json", &log];
    let rules6 = profile
        .rules6
        .as_ref()
        .map(|text| folder.write("rules6", format!("# Generated by ip6tables-save\n{text}")));
    if known {
        arguments.extend(["--rules", &rules, "--trusted", &trusted]);
        if let Some(rules6) = &rules6 {
            arguments.extend(["--rules", rules6]);
        }
    }
    let ran = run(&arguments);
    assert!(ran.code == 0 || ran.code == 1, "{}", ran.err);
    ran.json()
}

/// A log of `testdata/noise`, its lines and what each is.
fn labelled(name: &str) -> (PathBuf, Vec<String>, Vec<String>) {
    let read = |end: &str| -> Vec<String> {
        testkit::text(&format!("noise/{name}.{end}.gz")).lines().map(str::to_owned).collect()
    };
    (testkit::testdata(&format!("noise/{name}.log.gz")), read("log"), read("labels"))
}

#[test]
fn labelled_logs_hold_the_bars_with_and_without_help() {
    for (name, lan, most) in [("home", "192.168.50.0/24", 8), ("vps", "10.137.0.0/24", 9)] {
        let (log, lines, labels) = labelled(name);
        let rules = testkit::testdata(&format!("noise/{name}.rules"));
        let (log, rules) = (log.to_str().unwrap(), rules.to_str().unwrap());
        for extra in [&["--rules", rules, "--trusted", lan][..], &["--rules", rules], &[]] {
            let mut arguments = vec!["suggest", "--json", log];
            arguments.extend(extra);
            let document = run(&arguments).json();
            let score = score(&document, &lines, &labels);
            holds(name, &document, &score);
            let ((noise, silenced), drops) = (sum(&score, "noise"), Chain::of(&document).drops());
            if !extra.is_empty() {
                assert!(silenced * 100 >= noise * 97 && drops <= most, "{}", report(name, &document, &score));
            }
        }
    }
}

const OFFICEBEAR: &str = "Jun 30 06:06:13 officebear kernel: [ 8486.974964] udp.in.dropped IN=eno1 OUT= \
     MAC=ff:ff:ff:ff:ff:ff:b0:6e:bf:bf:1d:c4:08:00 SRC=192.168.50.223 DST=192.168.50.255 LEN=229 TOS=0x00 PREC=0x00 \
     TTL=128 ID=26400 PROTO=UDP SPT=138 DPT=138 LEN=209 \n";
const GUIDE: &str = "iptables -A MALICIOUS -i eno1 -p udp -m pkttype --pkt-type broadcast -m udp --dport 138 -m comment \
     --comment \"[chatter netbios-dgm]\" -j DROP";

#[test]
fn the_guides_line_gives_the_guides_rule_with_udp() {
    let twenty = OFFICEBEAR.repeat(20);
    for extra in [&[][..], &["-H"]] {
        let mut arguments = vec!["suggest"];
        arguments.extend(extra);
        let ran = run_with(twenty.as_bytes(), &arguments);
        assert_eq!(ran.code, 0, "{}", ran.err);
        // Nothing is known of the host, so the chain may have to be made.
        let mut commands = ran.out.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        assert_eq!(commands.next(), Some("iptables -N MALICIOUS 2>/dev/null || true"));
        assert_eq!(commands.next(), Some(GUIDE), "{}", ran.out);
    }
    let document = run_with(twenty.as_bytes(), &["suggest", "--json"]).json();
    assert_eq!((&document["before"], &document["after"]), (&20.into(), &0.into()));
}

#[test]
fn a_rule_for_the_wrong_protocol_is_named() {
    let rules = testkit::testdata("seed/5-netbios-as-written/ruleset.rules");
    let arguments = ["suggest", "--json", "--rules", rules.to_str().unwrap()];
    let document = run_with(OFFICEBEAR.as_bytes(), &arguments).json();
    let dead = &document["dead"][0];
    assert_eq!(dead["index"], 4);
    assert_eq!(
        dead["better"],
        "-A MALICIOUS -p udp -m udp --dport 138 -m comment --comment \"[unwanted netbios]\" -j DROP"
    );
    // And where it stands as it should, nothing is left to suggest.
    let rules = testkit::testdata("seed/6-netbios-udp/ruleset.rules");
    let ran = run_with(OFFICEBEAR.as_bytes(), &["suggest", "--json", "--rules", rules.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    let document = ran.json();
    assert_eq!((&document["already"], &document["after"]), (&1.into(), &0.into()));
    assert_eq!(document["rules"].as_array().unwrap().len(), 0);
}

#[test]
fn only_signal_is_left_alone() {
    let profile = profiles::only_signal(5);
    assert!(profile.labels.iter().all(|label| label.starts_with("signal")));
    let folder = Folder::new();
    for known in [true, false] {
        let document = suggest(&folder, &profile, known);
        assert_eq!(document["rules"].as_array().unwrap().len(), 0, "{document:#}");
        assert_eq!(document["before"], document["after"]);
    }
}

#[test]
fn an_empty_log_is_no_error() {
    for log in ["", "Jun 30 06:06:13 host sshd[1]: nothing\n"] {
        let ran = run_with(log.as_bytes(), &["suggest"]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
        assert!(ran.out.contains("nothing to silence"), "{}", ran.out);
        assert_eq!(
            run_with(log.as_bytes(), &["suggest", "--json"]).json()["rules"].as_array().unwrap().len(),
            0
        );
        for format in ["restore", "nft", "ipset", "crowdsec", "fail2ban"] {
            assert_eq!(run_with(log.as_bytes(), &["suggest", "--format", format]).code, 1, "{format}");
        }
    }
}

/// A line of one packet to a port.
pub(crate) fn line(seconds: u64, src: &str, proto: &str, dport: u64, flags: &str) -> String {
    let prefix = if proto == "TCP" { "tcp.in.dropped" } else { "udp.in.dropped" };
    let tail =
        if proto == "TCP" { format!("WINDOW=1024 RES=0x00 {flags} URGP=0 ") } else { "LEN=40 ".to_owned() };
    format!(
        "{} host kernel: [{seconds:5}.000001] {prefix} IN=eth0 OUT= MAC=52:54:00:12:34:56:00:1b:21:3c:4d:5e:08:00 \
         SRC={src} DST=185.13.9.20 LEN=60 TOS=0x00 PREC=0x00 TTL=50 ID=1 PROTO={proto} SPT=40000 DPT={dport} {tail}\n",
        crate::support::stamp(seconds)
    )
}

#[test]
fn the_same_answer_for_any_threads_and_chunks() {
    let profile = &profiles::all(9)[2];
    let folder = Folder::new();
    // Length fields that do not agree with the packet: only one of the two engines looks at them.
    let odd = |(number, line): (usize, &str)| match line.rsplit_once(" LEN=") {
        Some((start, _)) if number % 7 == 0 && line.contains("PROTO=UDP") => format!("{start} LEN=9 \n"),
        _ => format!("{line}\n"),
    };
    let text: String = profile.text().lines().enumerate().map(odd).collect();
    let log = folder.write("log", &text);
    let rules = folder.write("rules", &profile.rules);
    let first = run(&["suggest", "--json", "--rules", &rules, "--threads", "1", &log]).out;
    assert!(first.contains("\"rule\""));
    for (threads, chunk) in [("2", "100000"), ("3", "4096"), ("1", "777")] {
        let ran =
            run(&["suggest", "--json", "--rules", &rules, "--threads", threads, "--chunk-size", chunk, &log]);
        assert!(ran.out == first, "threads {threads}, chunks of {chunk}");
    }
    // And from standard input, which can be read only once.
    let piped = run_with(text.as_bytes(), &["suggest", "--json", "--rules", &rules]);
    assert!(piped.out.replace("\"-\"", "x") == first.replace(&format!("\"{log}\""), "x"), "{}", piped.err);
}

#[test]
fn limits_are_kept() {
    let profile = &profiles::all(3)[2];
    let folder = Folder::new();
    let log = folder.write("log", profile.text());
    let rules = folder.write("rules", &profile.rules);
    let with = |extra: &[&str]| {
        let mut arguments = vec!["suggest", "--json", "--rules", &rules, &log];
        arguments.extend(extra);
        run(&arguments).json()
    };
    let all = with(&[]);
    let count = |document: &Value| Chain::of(document).drops();
    assert_eq!(count(&with(&["--max-rules", "2"])), 2);
    let half = with(&["--target", "50%"]);
    let silenced =
        |document: &Value| document["before"].as_u64().unwrap() - document["after"].as_u64().unwrap();
    assert!(count(&half) < count(&all) && silenced(&half) * 2 >= all["noise"].as_u64().unwrap());
    assert!(with(&["--keep", "dropped"])["rules"].as_array().unwrap().is_empty());
    let other = with(&["--chain", "NOISE"]);
    assert!(other["rules"][0]["rule"].as_str().unwrap().starts_with("-A NOISE "));
    assert_eq!(silenced(&other), silenced(&all));
    for bad in [
        &["--target", "x"][..],
        &["--target", "0"],
        &["--trusted", "nobody"],
        &["--chain", "a b"],
        &["--chain", "DROP"],
        &["--chain", "LOG"],
        &["--interactive"],
    ] {
        let mut arguments = vec!["suggest", &log];
        arguments.extend(bad);
        assert_eq!(run(&arguments).code, 2, "{bad:?}");
    }
}

#[test]
fn a_chain_that_is_not_there_is_made_and_hung_up() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
         -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT\n\
         -A INPUT -j LOG --log-prefix \"udp.in.dropped \"\nCOMMIT\n";
    let folder = Folder::new();
    let rules = folder.write("rules", rules);
    let log = OFFICEBEAR.repeat(20);
    let ran = run_with(log.as_bytes(), &["suggest", "-H", "--rules", &rules]);
    let lines: Vec<&str> = ran.out.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["iptables -N MALICIOUS", "iptables -I INPUT 2 -j MALICIOUS", GUIDE], "{}", ran.err);
    let restore = run_with(log.as_bytes(), &["suggest", "-H", "--rules", &rules, "--format", "restore"]).out;
    assert_eq!(
        restore,
        format!(
            "*filter\n:MALICIOUS - [0:0]\n-I INPUT 2 -j MALICIOUS\n{}\nCOMMIT\n",
            &GUIDE["iptables ".len()..]
        )
    );
    // No INPUT at all: one sentence.
    let none = folder.write("none", "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n");
    let ran = run_with(OFFICEBEAR.as_bytes(), &["suggest", "--rules", &none]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no chain INPUT"), "{}", ran.err);
}

#[test]
fn prefix_cannot_break_out_of_any_form() {
    let evil = "x\"; touch /tmp/owned; $(reboot) \x1b[2J %(a)s <HOST> ";
    let log = OFFICEBEAR.replace("udp.in.dropped ", evil).repeat(30);
    for format in ["iptables", "restore", "nft", "ipset", "json", "fail2ban", "crowdsec"] {
        let ran = run_with(log.as_bytes(), &["suggest", "--format", format]);
        assert!(!ran.out.contains('\x1b'), "{format}");
        for line in ran.out.lines().filter(|line| !line.trim_start().starts_with('#')) {
            assert!(format == "json" || !line.contains("; touch"), "{format}: {line}");
        }
    }
}

/// What `cscli decisions import` documents: "any of duration,reason,scope,type,value".
fn is_a_decision(decision: &Value) {
    let fields: Vec<&str> = decision.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["duration", "reason", "scope", "type", "value"]);
    let text = |key: &str| decision[key].as_str().unwrap();
    assert_eq!((text("duration"), text("type")), ("604800s", "ban"));
    assert!(text("reason").starts_with("fwstat: "), "{decision}");
    match text("value").split_once('/') {
        Some((addr, length)) => {
            assert_eq!(text("scope"), "range");
            assert!(addr.parse::<std::net::IpAddr>().is_ok() && length.parse::<u8>().is_ok(), "{decision}");
        }
        None => {
            assert_eq!(text("scope"), "ip");
            assert!(text("value").parse::<std::net::IpAddr>().is_ok(), "{decision}");
        }
    }
}

// ---- the real tools ----

/// Runs a script in a network namespace of its own.
fn in_namespace(script: &str) -> Result<String, String> {
    let output = std::process::Command::new("unshare").args(["-n", "sh", "-e", "-c", script]).output();
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a tool works in a namespace here; says so if not.
fn can(tool: &str) -> bool {
    let found = in_namespace(&format!("{tool} >/dev/null"));
    if let Err(why) = &found {
        skipped(&format!("`unshare -n {tool}`: {}", why.trim()));
    }
    found.is_ok()
}

#[test]
fn the_real_tools_take_every_form() {
    for tool in ["iptables-save", "ip6tables-save", "nft list ruleset", "ipset list"] {
        if !can(tool) {
            return;
        }
    }
    for profile in profiles::all(12) {
        let folder = Folder::new();
        let _ = suggest(&folder, &profile, true);
        let (log, rules) = (folder.path("log"), folder.path("rules"));
        let known = profile.rules6.is_some();
        let rules6 = if known { folder.path("rules6") } else { String::new() };
        let mut base = vec!["suggest", &log, "--rules", &rules, "--honeypot", "192.168.7.99"];
        if known {
            base.extend(["--rules", &rules6]);
        }
        let form = |extra: &[&str]| {
            let mut arguments = base.clone();
            arguments.extend(extra);
            run(&arguments).out
        };
        let load6 = if known { format!("; ip6tables-restore < {rules6}") } else { String::new() };
        let load = format!("iptables-restore < {rules}{load6}");
        let file = |name: &str, text: &str| folder.write(name, text);
        let passes = |what: &str, script: &str| {
            if let Err(error) = in_namespace(script) {
                panic!("{}: {what}: {error}\n{script}", profile.name);
            }
        };
        // What is pasted, pasted twice where that is promised, and taken away again.
        let script = file("script", &form(&[]));
        let once = file("once", &form(&["--idempotent"]));
        let undo = file("undo", &form(&["--undo"]));
        passes("script", &format!("{load}; sh -e {script}"));
        passes(
            "idempotent",
            &format!(
                "{load}; sh {once}; iptables-save > {rules}.1; sh {once}; iptables-save > {rules}.2; sed '/^[#:]/d' {rules}.1 | grep -v honeypot > {rules}.a; sed '/^[#:]/d' {rules}.2 | grep -v honeypot > {rules}.b; cmp {rules}.a {rules}.b"
            ),
        );
        passes(
            "undo",
            &format!(
                "{load}; iptables -t nat -S > {rules}.1; iptables -S >> {rules}.1; sh -e {script}; sh -e {undo}; iptables -t nat -S > {rules}.2; iptables -S >> {rules}.2; cmp {rules}.1 {rules}.2"
            ),
        );
        // For iptables-restore: one file per family.
        let restore = form(&["--format", "restore", "-4"]);
        let four = file("four", &restore);
        passes(
            "restore",
            &format!(
                "{load}; iptables-restore --test --noflush {four}; iptables-restore --noflush {four}; iptables -S MALICIOUS > {rules}.1; iptables-restore --noflush {four}; iptables -S MALICIOUS > {rules}.2; cmp {rules}.1 {rules}.2"
            ),
        );
        passes("restore alone", &format!("iptables-restore --test {four}"));
        if known {
            let six = file("six", &form(&["--format", "restore", "-6"]));
            passes(
                "restore 6",
                &format!(
                    "{load}; ip6tables-restore --test --noflush {six}; ip6tables-restore --noflush {six}"
                ),
            );
        }
        let nft = file("nft", &form(&["--format", "nft"]));
        passes("nft", &format!("nft -c -f {nft}; nft -f {nft}"));
        // nft's rules say the same as iptables': what the tool makes of them.
        let ipset = file("ipset", &form(&["--format", "ipset"]));
        passes("ipset", &format!("ipset restore < {ipset}; ipset restore < {ipset}"));
        let decisions: Value = serde_json::from_str(&form(&["--format", "crowdsec"])).unwrap();
        for decision in decisions.as_array().unwrap() {
            is_a_decision(decision);
        }
    }
}

/// One packet for `kernel.py`: made from a line, by a reading of our own.
fn packet(line: &str) -> Option<String> {
    let value = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key));
    let mac = value("MAC=")?.get(..17)?;
    let proto = match value("PROTO=")? {
        "TCP" => "6",
        "UDP" => "17",
        other => other,
    };
    let mut flags: Vec<&str> =
        line.split(' ').filter(|word| ["FIN", "SYN", "RST", "PSH", "ACK", "URG"].contains(word)).collect();
    if flags.is_empty() {
        flags.push("-");
    }
    Some(format!(
        "{mac} {} {} {proto} {} {} {}",
        value("SRC=")?,
        value("DST=")?,
        value("SPT=").unwrap_or("0"),
        value("DPT=").unwrap_or("0"),
        flags.join("+")
    ))
}

/// What of a line must be equal: everything from the prefix on.
fn bare(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn the_kernel_logs_what_the_replay_says_remains() {
    const ALL: &str = "/proc/sys/net/netfilter/nf_log_all_netns";
    if !can("iptables-save") || !crate::support::has("python3") {
        return skipped("root, iptables and python3 are needed to ask a real kernel");
    }
    let Ok(before) = std::fs::read_to_string(ALL) else {
        return skipped(&format!("{ALL} cannot be read: the kernel logs nothing out of a namespace"));
    };
    if std::fs::File::open("/dev/kmsg").is_err() {
        return skipped("/dev/kmsg cannot be read");
    }
    if before.trim() == "0" && std::fs::write(ALL, "1").is_err() {
        return skipped(&format!("{ALL} is 0 and cannot be set"));
    }
    let profile = profiles::kernel();
    let folder = Folder::new();
    let packets: Vec<String> = profile.lines.iter().filter_map(|line| packet(line)).collect();
    let packets = folder.write("packets", packets.join("\n") + "\n");
    let rules = folder.write("rules", &profile.rules);
    let script = format!("{}/tests/cli/kernel.py", env!("CARGO_MANIFEST_DIR"));
    let name = format!("fw{}", std::process::id() % 1_000_000);
    let logged = |more: &str| in_namespace(&format!("python3 {script} {name} {rules} {more} < {packets}"));
    let first = logged("");
    let result = first.and_then(|first| {
        let log = folder.write("log", &first);
        let restore =
            run(&["suggest", "--rules", &rules, "--trusted", "192.168.7.0/24", "--format", "restore", &log]);
        let document =
            run(&["suggest", "--rules", &rules, "--trusted", "192.168.7.0/24", "--json", &log]).json();
        let more = folder.write("more", restore.out);
        logged(&more).map(|second| (first, document, second))
    });
    if before.trim() == "0" {
        let _ = std::fs::write(ALL, &before);
    }
    let (first, document, second) = match result {
        Ok(result) => result,
        Err(error) if error.contains("overrun") => return skipped(error.trim()),
        Err(error) => panic!("{error}"),
    };
    let (first, second) = (bare(&first), bare(&second));
    if first.is_empty() {
        return skipped("this kernel writes nothing to /dev/kmsg out of a namespace");
    }
    // Every packet was logged once.
    assert_eq!(first.len(), profile.lines.iter().filter_map(|line| packet(line)).count());
    assert_eq!(document["before"].as_u64().unwrap(), first.len() as u64);
    let chain = Chain::of(&document);
    assert!(chain.drops() >= 2, "{document:#}");
    assert_eq!(document["unknown"], 0, "{document:#}");
    assert_eq!(document["after"].as_u64().unwrap(), second.len() as u64, "{document:#}");
    // And they are the same lines: those that no rule takes.
    let remaining: Vec<String> = first
        .into_iter()
        .filter(|line| {
            let entry = logparse::parse(line.as_bytes()).unwrap();
            !chain.takes(&entry.packet)
        })
        .collect();
    assert_eq!(remaining, second);
}

/// A folder, `suggest --interactive` on a terminal, and the script in the folder that it writes; `then` is run after it.
fn interactive(size: (u16, u16), then: &str) -> Option<(Folder, Tmux, String)> {
    let folder = Folder::new();
    let script = folder.path("taken.sh");
    let command = format!(
        "{} suggest --interactive --no-config --rules {} {} > {script}; echo code $?; {then}sleep 60",
        env!("CARGO_BIN_EXE_fwstat"),
        testkit::testdata("noise/home.rules").display(),
        testkit::testdata("noise/home.log.gz").display()
    );
    let screen = Tmux::start(&folder, size, &command)?;
    Some((folder, screen, script))
}

#[test]
fn interactive_takes_what_is_chosen() {
    let Some((_folder, screen, script)) = interactive((100, 50), "") else { return };
    screen.wait_for("20,000 lines remain. Rule 1 of");
    screen.keys(&["?", "Enter"]);
    screen.wait_for("y accept, n skip");
    screen.keys(&["s", "Enter"]);
    screen.wait_for("SRC=");
    screen.keys(&["y", "Enter"]);
    screen.wait_for("Rule 2 of");
    screen.keys(&["n", "Enter"]);
    screen.wait_for("Rule 3 of");
    screen.keys(&["q", "Enter"]);
    screen.wait_for("1 rule was taken,");
    screen.wait_for("code 0");
    let text = std::fs::read_to_string(&script).unwrap();
    let drops = text.lines().filter(|line| line.starts_with("iptables") && line.ends_with("-j DROP"));
    assert_eq!(drops.count(), 1, "{text}");
}

/// One key is enough: no Enter. Answers can be taken back, and what is declined is called so.
#[test]
fn interactive_takes_single_keys() {
    let Some((_folder, screen, script)) = interactive((70, 100), "read line; echo got $line; ") else {
        return;
    };
    let key = |key: &str| screen.keys(&[key]);
    screen.wait_for("20,000 lines remain. Rule 1 of");
    key("Up");
    key("F5");
    key("y");
    screen.wait_for("Rule 2 of");
    key("u");
    screen.wait_for("[u]ndo, [s]how lines, [q]uit? u");
    key("n");
    key("y");
    screen.wait_for("Rule 3 of");
    key("a");
    screen.wait_for("rules were taken,");
    screen.wait_for("declined: ");
    screen.wait_for("code 0");
    // The terminal is as it was: lines, and an echo of them.
    key("o");
    key("k");
    key("Enter");
    screen.wait_for("got ok");
    let text = std::fs::read_to_string(&script).unwrap();
    let (log, rules) = (testkit::testdata("noise/home.log.gz"), testkit::testdata("noise/home.rules"));
    let all = run(&["suggest", "--rules", rules.to_str().unwrap(), log.to_str().unwrap()]).out;
    let drops = |text: &str| {
        text.lines().filter(|line| line.starts_with("iptables") && line.ends_with("-j DROP")).count()
    };
    assert_eq!(drops(&text) + 1, drops(&all), "{text}");
    assert!(text.contains("noise of rules that you declined"), "{text}");
}

#[test]
fn explanations_fit_the_screen() {
    let log = testkit::testdata("noise/vps.log.gz");
    for width in [80, 160] {
        let text = run(&["suggest", log.to_str().unwrap(), "--width", &width.to_string()]).out;
        // Commands are as long as they are; everything else fits.
        for line in text.lines().filter(|line| line.starts_with('#') && !line.contains("tables ")) {
            assert!(line.chars().count() <= width, "{line}");
        }
    }
}

#[test]
fn what_the_line_cannot_tell_is_said_and_not_counted() {
    // The lengths do not fit: there is a header between IPv6 and UDP that the line does not show.
    let line = |udp: u32| {
        format!(
            "v6.in.dropped IN=eth0 OUT= MAC=33:33:00:00:00:fb:00:1b:21:3c:4d:5e:86:dd SRC=fe80:0000:0000:0000:0000:\
             0000:0000:1001 DST=ff02:0000:0000:0000:0000:0000:0000:00fb LEN=100 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=UDP \
             SPT=5353 DPT=5353 LEN={udp} \n"
        )
    };
    let document = run_with(line(52).repeat(30).as_bytes(), &["suggest", "--json"]).json();
    let rule = &document["rules"][0];
    assert_eq!((&rule["lines"], &rule["perhaps"], &document["after"]), (&0.into(), &30.into(), &30.into()));
    let document = run_with(line(60).repeat(30).as_bytes(), &["suggest", "--json"]).json();
    let rule = &document["rules"][0];
    assert_eq!((&rule["lines"], &rule["perhaps"], &document["after"]), (&30.into(), &0.into(), &0.into()));
    assert_eq!(rule["family"], 6);
}
