//! Lines from the field: written by kernels and devices of twenty years, collected by the
//! authors of other parsers. They are not ours to ship; where they lie beside the repository
//! (`../shared/data/field`), they are read in place.

use std::path::Path;

use crate::common::*;
use logparse::*;

/// The lines of every file of a directory, with file name and number.
fn lines_of(directory: &Path) -> Vec<(String, usize, Vec<u8>)> {
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut out = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read(&file).unwrap();
        for (number, (_, line)) in logparse::lines(&text).enumerate() {
            out.push((name.clone(), number + 1, line.to_vec()));
        }
    }
    out
}

/// Where and why reading stopped, if the line is no whole packet.
fn refusal(line: &[u8], scratch: &mut Vec<u8>) -> Option<(&'static str, String)> {
    match parse_with(line, scratch) {
        Ok(Entry { error: None, .. }) => None,
        Ok(entry) => {
            let stop = entry.error.unwrap();
            Some((if stop.is_truncation() { "cut" } else { "damaged" }, stop.reason().to_string()))
        }
        Err(error) => Some(("other", error.reason().to_string())),
    }
}

/// Keys of the expected values that are not of the line's packet or envelope: what the other
/// parsers make of a prefix's text, or of a rule set.
const NOT_OURS: &[&str] = &[
    "action",
    "ubnt_rule_set",
    "ubnt_rule",
    "decoder",
    "rule_id",
    "rule_name",
    "rule_desc",
    "shorewall_chain",
    "shorewall_target",
    "timestamp_utc",
    "timestamp_wo_year",
];

/// Expected values that we do not agree with: file and line, key, and why. An entry that
/// agrees fails the test.
const QUIRKS: &[(&str, &str, &str)] = &[
    ("crowdsec_proxmox:1", "program", "the line has no tag; theirs is the log's type"),
    ("crowdsec_proxmox:2", "program", "as above"),
    ("crowdsec_proxmox:3", "program", "as above"),
    ("crowdsec_proxmox:4", "program", "as above"),
    ("crowdsec_proxmox:5", "program", "as above"),
    ("crowdsec_unifi:1", "program", "as above"),
    ("crowdsec_unifi:2", "program", "as above"),
    ("crowdsec_unifi:3", "program", "as above"),
    ("elastic_go-grok:1", "*", "made up: a part of a line, without IN= and OUT="),
    ("elastic_go-grok:2", "*", "as above"),
    ("elastic_go-grok:3", "flags", "made up: ends before URGP=, so the flags are not certain"),
    ("elastic_go-grok:4", "flags", "as above"),
    ("elastic_go-grok:5", "flags", "as above"),
    ("espenotterstad_iptables-log-tui:2", "DPT", "made up: ends in DPT=, whose value may be cut"),
    ("espenotterstad_iptables-log-tui:3", "PROTO", "made up: ends in PROTO=, whose value may be cut"),
    ("sefinek_ufw-log-parser:5", "*", "made up: without OUT="),
    ("unifi-insights-plus_tests:1", "DPT", "made up: ends in DPT=, whose value may be cut"),
    ("x_elastic_integrations_raw:14", "ICMPID", "edited: 98765 is no 16-bit number"),
    ("x_elastic_integrations_raw:14", "ICMPSEQ", "behind the edited ID="),
    ("x_unifi_cloudgateway_56499573443:6", "*", "made up: without IN= and OUT="),
    ("x_unifi_cloudgateway_56499573443:7", "*", "as above"),
    ("x_unifi_cloudgateway_56499573443:9", "PROTO", "made up: PROTO= follows DST="),
    ("x_unifi_cloudgateway_56499573443:10", "PROTO", "made up: ends in PROTO=, whose value may be cut"),
    ("x_unifi_cloudgateway_56499573443:11", "PROTO", "as above"),
];

#[test]
fn other_parsers_expectations_hold() {
    let Some(field) = testkit::shared("field/expected") else { return };
    let mut failures = Failures::default();
    let (mut values, mut used) = (0, Vec::new());
    let mut scratch = Vec::new();
    for (file, number, record) in lines_of(&field) {
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        let line = record["line"].as_str().unwrap();
        let place = format!("{file}:{number}");
        let entry = parse_with(line.as_bytes(), &mut scratch);
        let entry = entry.map_err(|error| error.to_string());
        let none = Entry::default();
        let (fields, env, packet) = match &entry {
            Ok(entry) => (observe(&entry.packet), observe_env(&entry.envelope), &entry.packet),
            Err(_) => (Fields::new(), Fields::new(), &none.packet),
        };
        for (key, expected) in record["expect"].as_object().unwrap() {
            if NOT_OURS.contains(&key.as_str()) {
                continue;
            }
            values += 1;
            let result = agrees(key, expected, &fields, &env, packet);
            let quirk = QUIRKS.iter().find(|(at, of, _)| *at == place && (*of == key || *of == "*"));
            match (result, quirk) {
                (Ok(()), None) => {}
                (Err(_), Some(quirk)) => used.push(quirk),
                (Ok(()), Some((_, of, _))) if *of != "*" => {
                    failures.add(format!("{place} {key} is a listed quirk, but agrees"));
                }
                (Ok(()), Some(_)) => {}
                (Err(text), None) => {
                    let why = entry.as_ref().err().map_or("", String::as_str);
                    failures.add(format!("{place} {key}: expected {expected}, reported {text} {why}"));
                }
            }
        }
    }
    for quirk in QUIRKS {
        if !used.contains(&quirk) {
            failures.add(format!("{} {} is a listed quirk, but nothing differs there", quirk.0, quirk.1));
        }
    }
    assert!(values > 1_300, "{values}");
    failures.check();
}

/// Compares one expected value; the error is what was reported instead.
fn agrees(
    key: &str,
    expected: &serde_json::Value,
    fields: &Fields,
    env: &Fields,
    packet: &Packet<'_>,
) -> Result<(), String> {
    let plain = |name: &str| match fields.get(name) {
        None => String::new(),
        Some(Value::Number(n)) => n.to_string(),
        Some(Value::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(other) => format!("{other:?}"),
    };
    let of_env = |name: &str| match env.get(name) {
        Some(Value::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(Value::Number(n)) => n.to_string(),
        _ => String::new(),
    };
    let wanted = match expected {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    };
    let hex = |name: &str| {
        // Numbers as numbers, texts as the hex they are.
        let number = fields.get(name).and_then(|v| if let Value::Number(n) = v { Some(*n) } else { None });
        match (number, expected.is_string()) {
            (None, _) => String::new(),
            (Some(n), false) => n.to_string(),
            (Some(n), true) => {
                let digits = wanted.trim_start_matches("0x");
                let same = u64::from_str_radix(digits, 16) == Ok(n);
                if same { wanted.clone() } else { format!("0x{n:x}") }
            }
        }
    };
    let same = |reported: String| if reported == wanted { Ok(()) } else { Err(reported) };
    let address = |name: &str| {
        let reported = plain(name);
        let equal = wanted.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_string() == reported);
        if equal { Ok(()) } else { Err(reported) }
    };
    let words = |list: Vec<String>| {
        let mut wanted: Vec<String> =
            expected.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
        let mut list = list;
        wanted.sort();
        list.sort();
        if wanted == list { Ok(()) } else { Err(format!("{list:?}")) }
    };
    let mac_bytes = |from: usize, to: usize| {
        let text = plain("mac");
        let bytes: Vec<&str> = text.split(':').collect();
        bytes.get(from..to).map_or(String::new(), |bytes| bytes.join(":"))
    };
    match key {
        "IN" => same(plain("in")),
        "OUT" => same(plain("out")),
        "SRC" => address("src"),
        "DST" => address("dst"),
        "LEN" => same(plain("len")),
        "TTL" => same(plain("ttl")),
        "ID" => same(plain("ip_id")),
        "PROTO" => same(plain("proto")),
        "SPT" => same(plain("spt")),
        "DPT" => same(plain("dpt")),
        "WINDOW" => same(plain("window")),
        "URGP" => same(plain("urgp")),
        "SEQ" => same(plain("tcp_seq")),
        "ACKSEQ" => same(plain("tcp_ack")),
        "UDPLEN" => same(plain("udp_len")),
        "TYPE" => same(plain("type")),
        "CODE" => same(plain("code")),
        "ICMPID" => same(plain("icmp_id")),
        "ICMPSEQ" => same(plain("icmp_seq")),
        "HOPLIMIT" => same(plain("hoplimit")),
        "FLOWLBL" => same(plain("flowlbl")),
        "TC" => same(plain("tc")),
        "UID" => same(plain("uid")),
        "GID" => same(plain("gid")),
        "FRAG" => same(plain("frag")),
        "OPT" => same(plain("tcp_opt")),
        "IPOPT" => same(plain("ip_opt")),
        "MAC" => same(plain("mac")),
        "MACSRC" => same(plain("macsrc")),
        "MACDST" => same(plain("macdst")),
        "MACPROTO" => hex("macproto").parse::<String>().map_err(|e| e.to_string()).and_then(same),
        "TOS" => same(hex("tos")),
        "PREC" => same(hex("prec")),
        "RES" => same(hex("res")),
        "MARK" => same(hex("mark")),
        "mac_dst" => same(mac_bytes(0, 6)),
        "mac_src" => same(mac_bytes(6, 12)),
        // All behind the addresses, in two spellings.
        "ethertype" => match wanted.strip_prefix("0x") {
            Some(digits) if mac_bytes(12, 14).replace(':', "") == digits => Ok(()),
            Some(_) => Err(mac_bytes(12, 14)),
            None => same(mac_bytes(12, 12 + wanted.len().div_ceil(3))),
        },
        "flags" => {
            let flags = packet.tcp_flags().unwrap_or_default();
            words(flags.words().map(str::to_owned).collect())
        }
        "ipflags" => {
            let set = ["ce", "df", "mf"].into_iter().filter(|name| fields.contains_key(*name));
            words(set.map(str::to_uppercase).collect())
        }
        "DF" => same(fields.contains_key("df").to_string()),
        "PREFIX" => {
            let reported = String::from_utf8_lossy(packet.prefix).into_owned();
            if reported.trim_end() == wanted.trim_end() { Ok(()) } else { Err(reported) }
        }
        "DESCR" => {
            let reported = String::from_utf8_lossy(packet.prefix).into_owned();
            if reported.contains(&format!("DESCR=\"{wanted}\"")) { Ok(()) } else { Err(reported) }
        }
        "host" => same(of_env("host")),
        "program" => same(of_env("tag")),
        "timestamp" => same(of_env("ts")),
        "syslog_pri" => same(of_env("pri")),
        "ktime" => {
            let (a, b) = (wanted.parse::<f64>().unwrap(), of_env("kernel_ts").parse::<f64>());
            if b == Ok(a) { Ok(()) } else { Err(of_env("kernel_ts")) }
        }
        "pve_iface_or_chain" => {
            let chain = of_env("chain");
            if chain.trim_end_matches("-IN") == wanted { Ok(()) } else { Err(chain) }
        }
        "inner" => {
            let Some(Value::Table(inner)) = fields.get("inner") else { return Err("nothing".into()) };
            for (key, value) in expected.as_object().unwrap() {
                agrees(key, value, inner, env, packet).map_err(|text| format!("{key} {text}"))?;
            }
            Ok(())
        }
        other => panic!("unknown key {other}"),
    }
}

/// `docs/FIELD.md`: every line that is no whole packet, by place and reason, without its text.
/// `BLESS=1` writes it.
#[test]
fn every_line_of_a_kernel_is_a_packet() {
    let Some(field) = testkit::shared("field") else { return };
    let anomalies = std::fs::read_to_string(field.join("anomalies.tsv")).unwrap();
    let anomalies: std::collections::HashMap<(&str, usize), &str> = anomalies
        .lines()
        .skip(1)
        .map(|row| {
            let cells: Vec<&str> = row.split('\t').collect();
            ((cells[0], cells[1].parse().unwrap()), cells[2])
        })
        .collect();
    let mut scratch = Vec::new();
    let (mut all, mut kernels, mut refused, mut rows) = (0, 0, 0, String::new());
    for (file, number, line) in lines_of(&field.join("lines")) {
        all += 1;
        let class = anomalies.get(&(file.as_str(), number)).copied();
        kernels += usize::from(class.is_none());
        if let Some((kind, why)) = refusal(&line, &mut scratch) {
            refused += usize::from(class.is_none());
            let class = class.unwrap_or("**as a kernel writes it**");
            rows += &format!("| {file}:{number} | {kind} | {why} | {class} |\n");
        }
    }
    let text = format!(
        "# Lines of the field corpus that are no whole packets\n\n\
         Made by `crates/logparse/tests/suites/field.rs` (`BLESS=1` writes it anew). The corpus is not part of the repository;\n\
         only places and reasons stand here.\n\n\
         * {all} lines, {} of them not whole packets.\n\
         * {kernels} lines have exactly the order and spelling of the kernel's printers; of these {refused}\n  \
         {} no whole packet: {:.3} % are read.\n\
         * The class is that of the corpus: how a line differs from what the kernel prints.\n\n\
         | line | read as | reason | class |\n| --- | --- | --- | --- |\n{rows}",
        rows.lines().count(),
        if refused == 1 { "is" } else { "are" },
        100.0 * (kernels - refused) as f64 / kernels as f64,
    );
    assert!(kernels > 13_000 && refused * 1000 <= kernels, "{refused} of {kernels}");
    let path = testkit::repository().join("docs/FIELD.md");
    testkit::kept(&path, &text);
}

#[test]
fn no_other_line_is_taken_for_a_packet() {
    let Some(field) = testkit::shared("field/negative") else { return };
    let mut failures = Failures::default();
    let mut scratch = Vec::new();
    let lines = lines_of(&field);
    assert!(lines.len() > 900, "{}", lines.len());
    let mut broken = 0;
    for (file, number, line) in &lines {
        match refusal(line, &mut scratch) {
            None => failures.add(format!("{file}:{number} is taken for a whole packet")),
            Some((kind, _)) => broken += usize::from(kind != "other"),
        }
    }
    // Records of LOG that are broken, and one look-alike that has IN= and OUT=.
    assert!((8..=12).contains(&broken), "{broken}");
    failures.check();
}
