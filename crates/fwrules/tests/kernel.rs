//! The real tools take what is written, and what the kernel then has is the value again.
//!
//! Needs root, a network namespace of its own (`unshare -n`) and the tools; says so when it
//! skips. `FWRULES_KERNEL_SETS=2000` loads that many generated rulesets instead of 60.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use fwrules::{Family, Rule, Ruleset, Sets};

/// Runs a script in a network namespace of its own; its standard output, or what went wrong.
fn in_namespace(script: &str, input: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    feeder.join().unwrap();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Whether a tool can be used in a namespace of our own.
fn can(tool: &str) -> bool {
    let found = in_namespace(&format!("{tool} >/dev/null"), b"");
    if let Err(why) = &found {
        testkit::skipped(&format!("`unshare -n {tool}`: {}", why.trim()));
    }
    found.is_ok()
}

/// What the tools themselves leave away: a match that tests nothing.
fn plain(rule: &Rule) -> Rule {
    let mut rule = Rule { line: 0, counters: None, ..rule.clone() };
    rule.added = false;
    rule
}

fn load_and_read_back(tool: &str, v6: bool) {
    if !can(&format!("{tool}-save")) {
        return;
    }
    let count = std::env::var("FWRULES_KERNEL_SETS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
    // One namespace for all: each ruleset replaces the one before. Rulesets are separated by
    // a line that no ruleset holds.
    let sets: Vec<Ruleset> = (0..count).map(|seed| common::ruleset(seed, v6, 8)).collect();
    let mut input = Vec::new();
    for rules in &sets {
        input.extend(rules.to_save(false).unwrap());
        input.extend(b"#END\n");
    }
    let dir = std::env::temp_dir().join(format!("fwrules-{}-{tool}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let script = format!(
        "cd {dir} && awk -v n=0 '/^#END$/ {{ n++; next }} {{ print > (\"in.\" n) }}' && \
         i=0; while [ -e in.$i ]; do {tool}-restore --test < in.$i 2> err || {{ echo \"set $i\" >&2; cat err >&2; exit 1; }}; \
         {tool}-restore < in.$i 2> err || {{ echo \"set $i\" >&2; cat err >&2; exit 1; }}; \
         {tool}-save | grep -v '^#' > out.$i; i=$((i+1)); done; echo $i",
        dir = dir.display()
    );
    // awk may stumble over bytes that are no UTF-8.
    let result = in_namespace(&format!("LC_ALL=C; export LC_ALL; {script}"), &input);
    let loaded = result.unwrap_or_else(|e| panic!("{tool}: {e}\n{}", dir.display()));
    assert_eq!(String::from_utf8_lossy(&loaded).trim(), count.to_string());
    for (i, rules) in sets.iter().enumerate() {
        let saved = std::fs::read(dir.join(format!("out.{i}"))).unwrap();
        let again = Ruleset::parse_save_as(&saved, family).unwrap();
        for ((id, a), (_, b)) in rules.rules().zip(again.rules()) {
            assert_eq!(plain(a), plain(b), "{tool}, set {i}, {}", rules.name(id));
        }
        assert_eq!(rules.rules().count(), again.rules().count());
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn iptables_nft_reads_back_equal() {
    load_and_read_back("iptables-nft", false);
}

#[test]
fn iptables_legacy_reads_back_equal() {
    load_and_read_back("iptables-legacy", false);
}

#[test]
fn ip6tables_nft_reads_back_equal() {
    load_and_read_back("ip6tables-nft", true);
}

#[test]
fn ip6tables_legacy_reads_back_equal() {
    load_and_read_back("ip6tables-legacy", true);
}

#[test]
fn commands_do_what_the_text_does() {
    if !can("iptables-nft-save") {
        return;
    }
    for seed in 0..10 {
        let rules = common::ruleset(seed, false, 5);
        let mut script = String::from("set -e\niptables() { iptables-nft \"$@\"; }\n");
        for chain in &rules.tables[0].chains[3..] {
            script.push_str(&format!("iptables -N {}\n", chain.name));
        }
        for (id, rule) in rules.rules() {
            let chain = rules.chain_of(id).unwrap();
            script.push_str(&rule.to_iptables(chain.name.as_bytes(), Family::Ipv4).unwrap());
            script.push('\n');
        }
        script.push_str("iptables-nft-save");
        let saved = in_namespace(&script, b"").unwrap_or_else(|e| panic!("seed {seed}: {e}\n{script}"));
        let again = Ruleset::parse_save(&saved).unwrap();
        for chain in &rules.tables[0].chains {
            let at = again.tables[0].chain(chain.name.as_bytes()).unwrap();
            let found: Vec<Rule> = again.tables[0].chains[at].rules.iter().map(plain).collect();
            let wanted: Vec<Rule> = chain.rules.iter().map(plain).collect();
            assert_eq!(found, wanted, "seed {seed}");
        }
    }
}

/// Rules as nft lists them again say the same of every packet, write the same line and have
/// the same verdict.
#[test]
fn nft_lists_rules_that_mean_the_same() {
    if !can("nft list ruleset") {
        return;
    }
    let (mut written, mut refused) = (0, 0);
    for seed in 0..60 {
        let v6 = seed % 3 == 2;
        let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
        let word = if v6 { "ip6" } else { "ip" };
        let mut rules = common::ruleset(seed, v6, 8);
        let mut text = format!("add table {word} filter\n").into_bytes();
        for chain in &rules.tables[0].chains {
            let name = &chain.name;
            text.extend(match chain.base {
                Some(base) => {
                    let hook = base.hook.unwrap().chain().to_lowercase();
                    format!("add chain {word} filter {name} {{ type filter hook {hook} priority 0; policy accept; }}\n")
                }
                None => format!("add chain {word} filter {name}\n"),
            }
            .into_bytes());
        }
        for chain in &mut rules.tables[0].chains {
            chain.rules.retain(|rule| match rule.to_nft_line(family, b"filter", chain.name.as_bytes()) {
                Ok(line) => {
                    written += 1;
                    text.extend(line);
                    text.push(b'\n');
                    true
                }
                Err(_) => {
                    refused += 1;
                    false
                }
            });
        }
        let shown = || text.escape_ascii().to_string().replace("\\n", "\n");
        // Bytes that are no UTF-8 make nft's own JSON unreadable: their rules are only checked.
        in_namespace("nft -c -f -", &text).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{}", shown()));
        let listed = in_namespace("nft -f - && nft -j list ruleset", &text).unwrap_or_else(|e| panic!("{e}"));
        let Ok(again) = Ruleset::parse_nft_json(String::from_utf8_lossy(&listed).as_bytes()) else {
            panic!("seed {seed}: {}", listed.escape_ascii())
        };
        assert_eq!(rules.rules().count(), again.rules().count(), "seed {seed}");
        let mut rng = common::Rng(seed);
        let prefixes = common::prefixes(&rules);
        let lines: Vec<Vec<u8>> = (0..200).map(|_| common::line(&mut rng, v6, &prefixes)).collect();
        for ((_, a), (_, b)) in rules.rules().zip(again.rules()) {
            let what = || format!("seed {seed}\n{}\n{}", a.to_display(), b.to_display());
            // nft has no difference between an answer by default and one that is named.
            match (&a.target, &b.target) {
                (fwrules::Target::Reject(_), fwrules::Target::Reject(_)) => {}
                (x, y) => assert_eq!(x, y, "{}", what()),
            }
            match (&a.log, &b.log) {
                (Some(x), Some(y)) if x.prefix.as_str().is_some() => assert_eq!(x, y, "{}", what()),
                (x, y) => assert_eq!(x.is_some(), y.is_some(), "{}", what()),
            }
            let unread = |c: &fwrules::Condition| {
                let fwrules::Condition::Expression(json) = c else { return false };
                let json = json.0.to_string();
                !["frag-off", "@nh", "\"nh\"", "addr", "numgen", "random", "ct count"]
                    .iter()
                    .any(|known| json.contains(known))
            };
            assert!(!b.conditions.iter().any(unread), "{}", what());
            for line in &lines {
                let packet = common::packet(line);
                let context = fwrules::Context::default();
                let (x, y) = (a.matches(&packet, &context), b.matches(&packet, &context));
                let known = |t| !matches!(t, fwrules::Tri::Unknown(_));
                assert!(x == y || !known(x) || !known(y), "{}\n{}\n{x:?} {y:?}", what(), line.escape_ascii());
            }
        }
    }
    assert!(written > 400 && refused < written, "{written} {refused}");
}

#[test]
fn ipset_restores_what_was_saved() {
    let sets = "create a hash:ip,port family inet hashsize 1024 maxelem 65536\nadd a 10.0.0.1,tcp:80\nadd a 10.0.0.1,icmp:8/0\n\
        create b bitmap:port range 1-1000\nadd b 5\ncreate c hash:net family inet hashsize 1024 maxelem 65536\nadd c 10.0.0.0/8\n\
        add c 10.1.0.0/16 nomatch\ncreate h hash:ip,port,ip family inet hashsize 1024 maxelem 65536 comment\n\
        add h 1.1.1.1,udp:53,2.2.2.2 comment \"he llo\"\ncreate d list:set size 8\nadd d c\n";
    let sets = Sets::parse(sets.as_bytes()).unwrap();
    // The kernel at hand may lack the types of sets; the parser of ipset does not.
    let probe = in_namespace(
        "ipset create x hash:ip,port && ipset create y bitmap:port range 1-5 && ipset save",
        b"",
    );
    if let Err(why) = probe {
        testkit::skipped(&format!("ipset: {}", why.trim()));
        return;
    }
    let saved = in_namespace(
        "ipset create z hash:net 2>/dev/null; ipset destroy z; ipset restore && ipset save",
        &sets.to_restore().unwrap(),
    );
    match saved {
        Err(why) if why.contains("not supported") => testkit::skipped(&format!("ipset: {}", why.trim())),
        Err(why) => panic!("{why}"),
        Ok(saved) => {
            let again = Sets::parse(&saved).unwrap();
            for set in &sets.sets {
                let found = again.get(set.name.as_bytes()).unwrap();
                let key = |e: &fwrules::Entry| format!("{e:?}");
                let mut a: Vec<_> = set.entries.iter().map(key).collect();
                let mut b: Vec<_> = found.entries.iter().map(key).collect();
                a.sort();
                b.sort();
                assert_eq!(a, b);
            }
        }
    }
    // The same as commands.
    let commands = sets.to_commands();
    if let Err(why) = in_namespace(&format!("set -e\n{commands}"), b"") {
        assert!(why.contains("not supported"), "{why}\n{commands}");
    }
}
