//! `fwstat anonymise`: nothing that tells who is who remains, and all that is counted stays as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::support::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A folder with a key.
fn folder() -> (Folder, String) {
    let folder = Folder::new();
    let key = folder.write("key", KEY);
    (folder, key)
}

fn shared(key: &str, log: &str, more: &[&str]) -> Ran {
    run(&[&["anonymise", "--key", key][..], more, &[log]].concat())
}

/// The records of a log.
fn records(log: &str) -> Vec<serde_json::Value> {
    let out = run(&["export", "--year", "2026", log]).out;
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// All addresses of a record, of the packet that it quotes as well.
fn addresses(record: &serde_json::Value) -> Vec<IpAddr> {
    let own = ["src", "dst", "gateway"].iter().filter_map(|key| record[*key].as_str()?.parse().ok());
    let inner = record.get("inner").map(addresses).unwrap_or_default();
    own.chain(inner).collect()
}

fn common_bits(a: IpAddr, b: IpAddr) -> Option<u32> {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        (IpAddr::V6(a), IpAddr::V6(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        _ => None,
    }
}

#[test]
fn every_address_is_its_originals_image_and_all_else_stays() {
    let (folder, key) = folder();
    let log = folder.write("kern.log", log(3_000, 60, 77));
    let out = shared(&key, &log, &[]);
    assert_eq!(out.code, 0, "{}", out.err);
    assert!(out.err.contains("left out: not firewall lines"), "{}", out.err);
    let made = folder.write("shared.log", &out.out);
    let (before, after) = (records(&log), records(&made));
    assert_eq!(before.len(), after.len());
    let mut images: BTreeMap<IpAddr, IpAddr> = BTreeMap::new();
    for (a, b) in before.iter().zip(&after) {
        for (original, image) in addresses(a).into_iter().zip(addresses(b)) {
            assert_eq!(*images.entry(original).or_insert(image), image, "{original}");
        }
        for same in
            ["time", "prefix", "len", "ttl", "proto", "spt", "dpt", "flags", "icmp_type", "mark", "uptime"]
        {
            assert_eq!(a.get(same), b.get(same), "{a} {b}");
        }
        assert_ne!(b["host"], "gate");
        assert!(b["uid"].is_null() || b["uid"] != 1000, "{b}");
        let mac = (a["mac_src"].as_str(), b["mac_src"].as_str());
        assert!(mac.0.is_none() == mac.1.is_none() && (mac.0.is_none() || mac.0 != mac.1), "{mac:?}");
    }
    assert!(images.len() > 300, "{}", images.len());
    let list: Vec<(&IpAddr, &IpAddr)> = images.iter().collect();
    for (at, (a, x)) in list.iter().enumerate() {
        for (b, y) in &list[..at] {
            assert_eq!(common_bits(**a, **b), common_bits(**x, **y), "{a} {b}");
        }
    }
    // Names are gone; an address appears only as another's image.
    for gone in ["gate", "eth0", "eno1", "wan ", "UID=1000"] {
        assert!(!out.out.contains(gone), "{gone}");
    }
    let originals: BTreeSet<&IpAddr> = images.keys().filter(|addr| !is_special(**addr)).collect();
    let again = images.values().filter(|image| originals.contains(image)).count() as f64;
    let n = originals.len() as f64;
    // These are private, of a small space: chance lets as many of them meet as fit.
    assert!(again <= n, "{again} {n}");
}

fn is_special(addr: IpAddr) -> bool {
    addr.is_loopback() || addr.is_multicast() || addr.is_unspecified()
}

/// Of addresses of the whole internet, hardly one is another's image.
#[test]
fn an_original_address_is_hardly_ever_an_image() {
    let (folder, key) = folder();
    let mut random = Random(3);
    let mut log = String::new();
    let mut originals = Vec::new();
    for n in 0..20_000u64 {
        let src = format!(
            "{}.{}.{}.{}",
            11 + random.below(80),
            random.below(256),
            random.below(256),
            random.below(256)
        );
        log += &format!(
            "{} gw kernel: drop IN=eth0 OUT= MAC= SRC={src} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=53 \
             DPT=53 LEN=40 \n",
            stamp(n)
        );
        originals.push(src);
    }
    let log = folder.write("kern.log", log);
    let out = shared(&key, &log, &[]);
    assert_eq!(out.code, 0, "{}", out.err);
    let images: Vec<&str> = out.out.split("SRC=").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    let known: BTreeSet<&str> = originals.iter().map(String::as_str).collect();
    let pairs = originals.iter().zip(&images);
    let anothers =
        pairs.clone().filter(|(own, image)| own != *image && known.contains(**image)).count() as f64;
    let n = originals.len() as f64;
    assert!(anothers <= 1.0 + 2.0 * n * n / 4_294_967_296.0, "{anothers}");
    // Where bits of an address are those of the secret block, Crypto-PAn as it was published asks AES the same thing
    // twice: some addresses in 10,000 are their own images, and it cannot be told which.
    let own = pairs.filter(|(own, image)| own == *image).count() as f64;
    assert!(own <= 5.0 + n * 0.75f64.powi(27), "{own}");
}

#[test]
fn what_is_counted_stays() {
    let (folder, key) = folder();
    let log = folder.write("home.log", testkit::bytes("noise/home.log.gz"));
    let rules = folder.write("home.rules", testkit::bytes("noise/home.rules"));
    let (made, made_rules) = (folder.path("shared.log"), folder.path("shared.rules"));
    for (from, to) in [(&log, &made), (&rules, &made_rules)] {
        let ran = shared(&key, from, &["--output", to]);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    }
    let counts = |by: &str, log: &str| -> Vec<u64> {
        let top = run(&["top", "--json", "-n", "0", "--by", by, "--year", "2026", log]).json();
        top["tables"][0]["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["count"].as_u64().unwrap())
            .collect()
    };
    for by in
        ["prefix", "dport,proto", "hour", "src", "src/24", "src/16", "src/8", "dst", "in", "mac_src", "flags"]
    {
        assert_eq!(counts(by, &log), counts(by, &made), "{by}");
    }
    let suggest = |log: &str, rules: &str| {
        let made = run(&["suggest", "--json", "--rules", rules, log]).json();
        let rules = made["rules"].as_array().unwrap().iter();
        let lines: Vec<u64> = rules.map(|rule| rule["lines"].as_u64().unwrap()).collect();
        (made["before"].clone(), made["after"].clone(), made["remain"].clone(), lines)
    };
    assert_eq!(suggest(&log, &rules), suggest(&made, &made_rules));
    let replay = |log: &str, rules: &str| {
        let made = run(&["replay", "--json", rules, log]).json();
        [made["remaining"].clone(), made["removed"].clone(), made["unknown"].clone()]
    };
    assert_eq!(replay(&log, &rules), replay(&made, &made_rules));
}

/// Every line of the suite: read again, it is what it was, with other addresses; or the program says so and writes nothing.
#[test]
fn every_envelope_and_every_packet() {
    let (folder, key) = folder();
    let mut lines: Vec<String> = Vec::new();
    for name in ["derived.jsonl", "measured.jsonl"] {
        let text = testkit::text(&format!("measured/{name}.gz"));
        let rows = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.extend(rows.map(|row| row["line"].as_str().unwrap().to_owned()));
    }
    assert!(lines.len() > 400, "{}", lines.len());
    let mut passed = 0;
    for line in lines.iter().filter(|line| !line.contains('\n')) {
        let log = folder.write("one.log", format!("{line}\n"));
        let out = shared(&key, &log, &["--keep-other"]);
        assert!(matches!(out.code, 0 | 1), "{line}\n{}", out.err);
        passed += usize::from(out.code == 0);
        if out.code == 0 && line.contains(" fw1 ") {
            assert!(!out.out.contains(" fw1 "), "{line}\n{}", out.out);
        }
        for address in ["203.0.113.9", "198.51.100.7", "52:54:00:12:34:56"] {
            assert!(!out.out.contains(address), "{line}\n{}", out.out);
        }
    }
    assert!(passed > 300, "{passed}");
}

#[test]
fn one_key_makes_the_same_text_whatever_the_threads() {
    let (folder, key) = folder();
    let log = folder.write("kern.log", log(2_000, 60, 5));
    for more in [&[][..], &["--keep-other"]] {
        let one = shared(&key, &log, &[more, &["--threads", "1"]].concat());
        assert_eq!(one.code, 0, "{}", one.err);
        let other = shared(&key, &log, &[more, &["--threads", "4", "--chunk-size", "3000"]].concat());
        assert_eq!(one.out, other.out);
    }
    let all = shared(&key, &log, &["--keep-other"]).out;
    assert_eq!(all.lines().count(), 2_000);
    assert!(
        !all.contains("10.0.0.9")
            && !all.contains(" gate ")
            && all.contains("Failed password for root from 10.")
    );
    // Without a key, a random one that is not kept.
    assert_ne!(run(&["anonymise", &log]).out, run(&["anonymise", &log]).out);
    assert_eq!(run(&["anonymize", "--key", &key, &log]).out, shared(&key, &log, &[]).out);
}

#[test]
fn a_key_is_made_where_there_is_none_and_nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, _) = folder();
    let log = folder.write("kern.log", log(200, 60, 9));
    let new = folder.path("new.key");
    let first = shared(&new, &log, &[]);
    assert!(first.code == 0 && first.err.contains("a new key"), "{}", first.err);
    assert_eq!(std::fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
    let second = shared(&new, &log, &[]);
    assert!(first.out == second.out && !second.err.contains("a new key"));
    let wrong = folder.write("wrong", "abc");
    let ran = shared(&wrong, &log, &[]);
    assert!(ran.code == 2 && ran.err.contains("64 hexadecimal digits"), "{}", ran.err);
}

#[test]
fn a_list_says_what_names_become_and_vendors_can_go() {
    let (folder, key) = folder();
    let log = folder.write("kern.log", log(400, 60, 11));
    let list = folder.write("list", "gate,router\neth0,uplink\n[UFW BLOCK],[BLOCK]\n");
    let out = shared(&key, &log, &["--replace", &list]).out;
    assert!(
        out.contains(" router kernel: ") && out.contains("IN=uplink ") && out.contains("[BLOCK] IN="),
        "{}",
        &out[..500]
    );
    assert!(!out.contains("UFW"));
    assert!(out.contains(":fe:ff:ff:"));
    assert!(!shared(&key, &log, &["--drop-vendor"]).out.contains(":fe:ff:ff:"));
}

/// What is cut off in the middle of an address tells no part of it.
#[test]
fn the_part_of_an_address_at_a_cut_is_the_part_of_its_image() {
    let (folder, key) = folder();
    let line = "Jun 30 06:06:13 gw kernel: drop IN=eth0 OUT= MAC=52:54:00:12:34:56:00:1b:21:3c:4d:5e:08:00 SRC=203.0.113.129 \
                DST=198.51.100.177 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ";
    let whole = shared(&key, &folder.write("whole.log", format!("{line}\n")), &[]).out;
    for end in line.find("IN=").unwrap()..line.len() {
        let log = folder.write("cut.log", format!("{}\n", &line[..end]));
        let out = shared(&key, &log, &["--keep-other"]);
        assert!(matches!(out.code, 0 | 1), "{}: {}", &line[..end], out.err);
        for known in ["203.0", "198.51", "12:34", "3c:4d"] {
            assert!(!out.out.contains(known), "{} -> {}", &line[..end], out.out);
        }
        let text = out.out.trim_end_matches('\n');
        if line[..end].contains("SRC=") {
            assert!(whole.starts_with(text), "{text}\n{whole}");
        }
    }
}

#[test]
fn rulesets_of_all_forms() {
    let (folder, key) = folder();
    let save = "# Generated by iptables-save\n*filter\n:INPUT DROP [0:0]\n-A INPUT -s 203.0.113.0/24 -i eth0 -m comment --comment \
                \"Bob's office\" -j ACCEPT\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
    let ipset = "create own hash:net family inet hashsize 1024 maxelem 65536\nadd own 203.0.113.0/24\nadd own 198.51.100.7\n";
    let nft = "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t\tiifname \"eth0\" ip saddr \
               203.0.113.0/24 accept comment \"Bob\"\n\t}\n}\n";
    for (name, text) in [("save", save), ("ipset", ipset), ("nft", nft)] {
        let file = folder.write(name, text);
        let out = shared(&key, &file, &[]);
        assert_eq!(out.code, 0, "{name}: {}", out.err);
        for gone in ["203.0.113", "198.51.100", "eth0", "Bob"] {
            assert!(!out.out.contains(gone), "{name}: {}", out.out);
        }
        assert_eq!(out.out.lines().count(), text.lines().count());
        assert!(out.out.contains("/24"), "{name}: {}", out.out);
        let piped = run_with(text.as_bytes(), &["anonymise", "--key", &key, "--ruleset", "-"]);
        assert_eq!(piped.out, out.out);
    }
    assert_eq!(shared(&key, &folder.write("bad", "x"), &["--ruleset", "--prefix", "x"]).code, 2);
}
