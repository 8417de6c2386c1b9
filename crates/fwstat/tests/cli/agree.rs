//! `suggest` and `scans` agree on who scans: on logs with noise and on logs with scans, in both directions.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use fwrules::Net;
use serde_json::Value;

use crate::support::{Folder, run, shell};

/// Each log that is there, unpacked: those with noise have rules beside them.
fn logs(folder: &Folder) -> Vec<(String, Option<String>)> {
    let mut logs = Vec::new();
    for room in ["noise", "scans"] {
        let from = testkit::testdata(room);
        let files = std::fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().path());
        let names = files.filter_map(|file| Some(file.to_str()?.strip_suffix(".log.gz")?.to_owned()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        for name in names {
            let last = Path::new(&name).file_name().unwrap().to_str().unwrap();
            let log = folder.write(&format!("{last}.log"), shell(&from, &format!("gzip -dc {name}.log.gz")));
            let rules = format!("{name}.rules");
            logs.push((log, Path::new(&rules).exists().then_some(rules)));
        }
    }
    logs
}

fn json(arguments: &[&str], log: &str) -> Value {
    run(&[arguments, &["--json", "--utc", "--year", "2026", log]].concat()).json()
}

fn ids<'v>(list: &'v Value, by: &str) -> BTreeMap<&'v str, &'v Value> {
    let own = list.as_array().unwrap().iter().filter(|one| one.get("by").is_none_or(|own| own == by));
    own.map(|one| (one["id"].as_str().unwrap(), one)).collect()
}

#[test]
fn who_scans_for_suggest_scans_for_scans_and_the_other_way_round() {
    let folder = Folder::new();
    let mut rules_against_scanners = 0;
    for (log, rules) in logs(&folder) {
        let rules: Vec<&str> = rules.iter().flat_map(|rules| ["--rules", rules]).collect();
        let suggested = json(&[&["suggest"], &rules[..]].concat(), &log);
        let by_source = json(&["scans"], &log);
        let by_network = json(&["scans", "--by", "network"], &log);
        let (campaigns, of_networks) =
            (ids(&by_source["campaigns"], "source"), ids(&by_network["campaigns"], "network"));
        let own = ids(&suggested["scans"], "source");
        for (id, scan) in &own {
            let campaign = campaigns.get(id).unwrap_or_else(|| panic!("{log}: {scan} is no campaign"));
            let of = |scan: &Value| ["confidence", "slow", "packets"].map(|name| scan[name].clone());
            // Of many sources some may send too little to be looked at.
            match scan["sources"] == 1 {
                true => assert_eq!(of(scan), of(campaign), "{log}: {id}"),
                false => assert_eq!(of(scan)[..2], of(campaign)[..2], "{log}: {id}"),
            }
            assert_eq!(scan["src"], campaign["sources"][0], "{log}: {id}");
        }
        for (id, scan) in
            ids(&suggested["scans"], "network").iter().filter(|(_, scan)| scan["by"] == "network")
        {
            assert!(of_networks.contains_key(id), "{log}: {scan} is no campaign by network");
        }
        // A scan to which each of many sources lends one or two packets is nothing that a rule could be about.
        for (id, campaign) in campaigns.iter().filter(|(_, campaign)| campaign["confidence"] == "high") {
            let (sources, packets) =
                (campaign["sources"].as_array().unwrap().len() as u64, campaign["packets"].as_u64().unwrap());
            assert!(own.contains_key(id) || packets < sources * 2, "{log}: {campaign} is left out");
        }
        let sources: BTreeSet<IpAddr> = [&by_source, &by_network]
            .iter()
            .flat_map(|found| found["campaigns"].as_array().unwrap())
            .flat_map(|campaign| campaign["sources"].as_array().unwrap())
            .map(|source| source.as_str().unwrap().parse().unwrap())
            .collect();
        for host in suggested["hosts"].as_array().unwrap().iter().filter(|host| host["why"] != "own_network")
        {
            let is_source = campaigns
                .values()
                .any(|campaign| campaign["sources"].as_array().unwrap().contains(&host["src"]));
            assert_eq!(host["scans"] == true, is_source, "{log}: {host}");
            assert_eq!(host["why"] == "repeated", !is_source, "{log}: {host}");
            assert!(host["campaign"].as_str().is_none_or(|id| own.contains_key(id)), "{log}: {host}");
        }
        for rule in suggested["rules"].as_array().unwrap().iter().filter(|rule| rule["class"] == "scanner") {
            let text = rule["rule"].as_str().unwrap();
            let net = Net::parse(text.split(" -s ").nth(1).unwrap().split(' ').next().unwrap()).unwrap();
            assert!(sources.iter().any(|source| net.contains(*source)), "{log}: {text}");
            rules_against_scanners += 1;
        }
    }
    assert!(rules_against_scanners > 0);
}

/// A stranger who asks for the same few services again and again for days is worth a look, and no scan: what tells a scan
/// from a client is that it asks for many things, each once.
#[test]
fn who_comes_back_to_the_same_services_does_not_scan() {
    let folder = Folder::new();
    for (name, stranger) in [("vps", "198.51.100.80"), ("home", "198.51.100.219")] {
        let from = testkit::testdata("noise");
        let log = folder.write(&format!("{name}.log"), shell(&from, &format!("gzip -dc {name}.log.gz")));
        let suggested =
            json(&["suggest", "--rules", from.join(format!("{name}.rules")).to_str().unwrap()], &log);
        let hosts = suggested["hosts"].as_array().unwrap();
        let host = hosts.iter().find(|host| host["src"] == stranger).unwrap();
        assert_eq!((&host["why"], &host["scans"]), (&"repeated".into(), &false.into()));
        assert!(!run(&["scans", "--all", "--json", &log]).out.contains(stranger));
    }
}
