//! `fwstat export`: the record of the output contract.

use serde_json::{Map, Value, json};

use crate::support::*;

/// What a record must look like, from what a line's description says (other names, other spellings).
fn expected(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut record = Map::new();
    let address = |value: &Value| match value.as_str().and_then(|text| text.parse::<std::net::IpAddr>().ok())
    {
        Some(addr) => json!(addr.to_string()),
        None => value.clone(),
    };
    for (key, value) in fields {
        match key.as_str() {
            "prefix" => _ = record.insert("prefix".into(), json!(value.as_str().unwrap().trim_ascii_end())),
            "tcp_flags" => _ = record.insert("flags".into(), value.clone()),
            "type" => _ = record.insert("icmp_type".into(), value.clone()),
            "code" => _ = record.insert("icmp_code".into(), value.clone()),
            "macsrc" => _ = record.insert("mac_src".into(), value.clone()),
            "macdst" => _ = record.insert("mac_dst".into(), value.clone()),
            "macproto" => _ = record.insert("mac_type".into(), value.clone()),
            "vproto" => {}
            "vid" => {
                let tci = value.as_u64().unwrap();
                record.insert("vlan_id".into(), json!(tci & 0xfff));
                record.insert("vlan_pcp".into(), json!(tci >> 13));
            }
            "src" | "dst" | "tunnel_src" | "tunnel_dst" | "gateway" => {
                _ = record.insert(key.clone(), address(value));
            }
            "inner" => _ = record.insert(key.clone(), Value::Object(expected(value.as_object().unwrap()))),
            "proto" => {
                let number: u8 = match value.as_str().unwrap() {
                    "TCP" => 6,
                    "UDP" => 17,
                    "UDPLITE" => 136,
                    "ICMP" => 1,
                    "ICMPv6" | "ICMPV6" => 58,
                    "AH" => 51,
                    "ESP" => 50,
                    text => text.parse().unwrap(),
                };
                record.insert("proto_number".into(), json!(number));
                record.insert("proto".into(), json!(logparse::Protocol(number).to_string()));
            }
            "mac" => {
                let text = value.as_str().unwrap().to_ascii_lowercase();
                if text.len() == 41 {
                    record.insert("mac_dst".into(), json!(text[..17]));
                    record.insert("mac_src".into(), json!(text[18..35]));
                    let kind = u16::from_str_radix(&text[36..].replace(':', ""), 16).unwrap();
                    record.insert("mac_type".into(), json!(kind));
                }
                record.insert("mac".into(), json!(text));
            }
            _ => _ = record.insert(key.clone(), value.clone()),
        }
    }
    record
}

#[test]
fn every_line_of_the_kernels_grammar_gives_its_record() {
    let mut checked = 0;
    for name in ["derived.jsonl", "measured.jsonl"] {
        let text = testkit::text(&format!("measured/{name}.gz"));
        for line in text.lines() {
            let described: Value = serde_json::from_str(line).unwrap();
            if !matches!(described["format"].as_str(), Some("nf" | "nf-old")) || described["expect"].is_null()
            {
                continue;
            }
            let input = described["line"].as_str().unwrap();
            let ran = run_with(format!("[  100.000000] {input}\n").as_bytes(), &["export"]);
            let mut record: Value =
                serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{input}: {ran:?}"));
            let record = record.as_object_mut().unwrap();
            for key in ["uptime", "writer", "file", "line", "kind", "family"] {
                assert!(record.remove(key).is_some(), "{key}: {input}");
            }
            assert_eq!(*record, expected(described["expect"].as_object().unwrap()), "{input}");
            checked += 1;
        }
    }
    assert!(checked > 350, "{checked}");
}

#[test]
fn fields_are_chosen_and_ordered() {
    let text = log(200, 60, 31);
    let ran =
        run_with(text.as_bytes(), &["export", "--fields", "dport,src/24,prefix,inner_dst", "-p", "icmp"]);
    let inner = ran.out.lines().find(|line| line.contains("inner_dst")).unwrap();
    assert!(inner.starts_with("{\"src/24\":\"10."), "{inner}");
    assert!(inner.contains(".0/24\",\"prefix\":\""), "{inner}");
    let csv = run_with(text.as_bytes(), &["export", "--format", "csv", "--fields", "src,dport"]).out;
    assert!(csv.starts_with("src,dport\r\n10."), "{csv}");
    let bare = run_with(text.as_bytes(), &["export", "--format", "csv", "--fields", "src,dport", "-H"]).out;
    assert_eq!(csv.strip_prefix("src,dport\r\n").unwrap(), bare);
}

/// Both forms hold the same: a CSV cell is what the JSON record has.
#[test]
fn csv_and_ndjson_hold_the_same() {
    let text = log(1_500, 60, 32);
    let ndjson = run_with(text.as_bytes(), &["export", "--year", "2026"]).out;
    let csv = run_with(text.as_bytes(), &["export", "--year", "2026", "--format", "csv"]).out;
    let mut rows = csv.split("\r\n").filter(|row| !row.is_empty());
    let names: Vec<&str> = rows.next().unwrap().split(',').collect();
    let mut count = 0;
    for (line, row) in ndjson.lines().zip(rows) {
        let record: Value = serde_json::from_str(line).unwrap();
        // No cell of these lines needs quotes.
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells.len(), names.len(), "{row}");
        for (name, cell) in names.iter().zip(cells) {
            let value = match name.strip_prefix("inner_") {
                Some(name) => &record["inner"][name],
                None => match name.strip_prefix("arp_") {
                    Some(name) => &record["arp"][name],
                    None => &record[name],
                },
            };
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
                other => other.to_string(),
            };
            let same = match (*name, cell.parse::<f64>()) {
                ("uptime", Ok(seconds)) => value.as_f64() == Some(seconds),
                _ => cell == text,
            };
            assert!(same, "{name}: {cell} {text}: {line}");
        }
        count += 1;
    }
    assert_eq!(count, ndjson.lines().count());
    assert!(count > 900);
}

#[test]
fn the_output_file_appears_when_it_is_whole() {
    let folder = Folder::new();
    let input = folder.write("kern.log", log(500, 60, 33));
    let out = folder.path("records.csv");
    let ran = run(&["export", "--output", &out, &input]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(std::fs::read_to_string(&out).unwrap().starts_with("time,stamp,uptime,"));
    // The form follows the name; the folder holds nothing half done.
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 2);
    let ran = run(&["top", "--output", &folder.path("top.json"), &input]);
    assert_eq!(ran.code, 0);
    let json: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path("top.json")).unwrap()).unwrap();
    assert_eq!(json["schema"], "fwstat.top/1");
    let ran = run(&["export", "--output", "/nonexistent/x.csv", &input]);
    assert!(ran.code == 2 && ran.err.contains("/nonexistent/x.csv"), "{}", ran.err);
    // If it cannot be written whole, what was there stays.
    std::fs::write(&out, "mine").unwrap();
    let ran = run(&["export", "--where", "nonsense", "--output", &out, &input]);
    assert_eq!(ran.code, 2);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
}

/// Without the feature, the message says how to get it and what works now.
#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_so() {
    let ran = run_with(log(10, 60, 1).as_bytes(), &["export", "--format", "parquet"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("--features parquet") && ran.err.contains("CSV"), "{}", ran.err);
    // By the file's name as well, and no file is left behind.
    let folder = Folder::new();
    let ran = run_with(log(10, 60, 1).as_bytes(), &["export", "--output", &folder.path("x.parquet")]);
    assert_eq!((ran.code, std::fs::read_dir(&folder.0).unwrap().count()), (2, 0));
}

#[test]
fn tabs_keep_columns_apart() {
    let text = log(300, 60, 34);
    let csv = run_with(text.as_bytes(), &["export", "--format", "csv", "--fields", "src,prefix,flags"]).out;
    let tsv = run_with(text.as_bytes(), &["export", "--format", "tsv", "--fields", "src,prefix,flags"]).out;
    assert_eq!(csv.replace("\r\n", "\n").replace(',', "\t"), tsv);
    // A prefix with a tab stays in its column.
    let body = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 \n";
    let line = format!("Jun  1 00:00:00 gate kernel: [    1.000000] a\tb {body}");
    let tsv = run_with(line.as_bytes(), &["export", "--format", "tsv", "--fields", "src,prefix", "-H"]).out;
    assert_eq!(tsv, "10.0.0.1\ta\\x09b\n");
}

#[test]
fn the_elastic_common_schema() {
    let text = "Jun  1 00:00:00 gate kernel: drop IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC=10.0.0.1 \
                DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 \n";
    let ran = run_with(text.as_bytes(), &["export", "--schema", "ecs", "--year", "2026"]);
    let record: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(record["@timestamp"], "2026-06-01T00:00:00Z");
    assert_eq!(record["source.ip"], "10.0.0.1");
    assert_eq!(record["source.mac"], "FE-FF-FF-FF-FF-FF");
    assert_eq!(record["destination.port"], 22);
    assert_eq!(record["network.transport"], "tcp");
    assert_eq!(record["network.type"], "ipv4");
    assert_eq!(record["iptables.tcp.flags"], json!(["SYN"]));
    assert_eq!(record["observer.ingress.interface.name"], "eth0");
}
