//! The guide's ruleset as it grows: its faults are found by looking at it, and its own logs
//! replay as they were written.

use fwrules::{Context, Evidence, Fate, Ruleset, Walker, lint, unwritten};

fn rules(stage: &str) -> Ruleset {
    Ruleset::parse_save(&testkit::bytes(&format!("seed/{stage}/ruleset.rules"))).unwrap()
}

#[test]
fn the_guides_faults_are_found() {
    let rules = rules("5-netbios-as-written");
    let messages: Vec<String> = lint(&rules).into_iter().map(|f| f.message).collect();
    assert_eq!(
        messages,
        [
            "FRIENDLY 2 can never fire: only icmp and tcp packets are sent to FRIENDLY",
            "MALICIOUS 2 can never fire: MALICIOUS 1 takes all its packets, because connection tracking calls \
             packets with such TCP flags INVALID",
            "MALICIOUS 3 can never fire: MALICIOUS 1 takes all its packets, because connection tracking calls \
             packets with such TCP flags INVALID",
            "MALICIOUS 4 says -p tcp, but port 138 (netbios-dgm) is used with udp: it takes nothing of that service",
            "STDOUT 5 allows loopback output, but loopback input is dropped (by FRIENDLY 4 or the INPUT policy)",
        ]
    );
    let friendly = rules.rule(lint(&rules)[0].rule.unwrap()).unwrap();
    assert_eq!(friendly.log.as_ref().unwrap().prefix, "udp.in.foreign ");
}

#[test]
fn what_each_stage_logged_it_would_log_again() {
    for stage in std::fs::read_dir(testkit::testdata("seed"))
        .unwrap()
        .filter_map(Result::ok)
        .filter(|e| e.path().is_dir())
    {
        let text = std::fs::read(stage.path().join("ruleset-after.rules")).unwrap();
        let rules = Ruleset::parse_save(&text).unwrap();
        let log = std::fs::read(stage.path().join("dmesg.txt")).unwrap();
        let walker = Walker::new(&rules, Evidence::Same);
        let mut prefixes = Vec::new();
        for line in log.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
            let Ok(entry) = logparse::parse(line) else { continue };
            let fate = walker.fate(&entry.packet, &Context::default());
            assert!(matches!(fate, Fate::Remains(_)), "{fate:?}: {}", line.escape_ascii());
            prefixes.push(entry.packet.prefix);
        }
        assert!(prefixes.len() > 50);
        assert!(unwritten(&rules, prefixes).is_empty());
        // And the LOG rules counted as many packets as there are lines.
        let counted: u64 =
            rules.rules().filter(|(_, r)| r.log.is_some()).map(|(_, r)| r.counters.unwrap().packets).sum();
        let lines = log.split(|&b| b == b'\n').filter(|l| logparse::parse(l).is_ok()).count();
        assert_eq!(counted, lines as u64, "{:?}", stage.path());
    }
}
