//! Filters: 30 and more questions, answered a second time by a reading of the exported records.

use std::net::IpAddr;

use serde_json::Value;

use crate::support::*;

type Oracle = fn(&Value) -> Option<bool>;

fn n(record: &Value, key: &str) -> Option<u64> {
    record[key].as_u64()
}

fn s<'r>(record: &'r Value, key: &str) -> Option<&'r str> {
    record[key].as_str()
}

fn net(record: &Value, key: &str, network: &str, length: u32) -> Option<bool> {
    let addr: IpAddr = record[key].as_str()?.parse().unwrap();
    let network: IpAddr = network.parse().unwrap();
    let bits = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => (u128::from(addr.to_bits()) << 96, true),
        IpAddr::V6(addr) => (addr.to_bits(), false),
    };
    let ((a, a4), (b, b4)) = (bits(addr), bits(network));
    Some(a4 == b4 && (length == 0 || a >> (128 - length) == b >> (128 - length)))
}

fn flags(record: &Value) -> Option<Vec<&str>> {
    Some(record["flags"].as_array()?.iter().map(|word| word.as_str().unwrap()).collect())
}

/// Kleene's or: true wins, then unknown.
fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

const QUESTIONS: [(&[&str], Oracle); 44] = [
    (&["-p", "tcp"], |r| Some(n(r, "proto_number")? == 6)),
    (&["-p", "tcp", "-p", "udp"], |r| Some(matches!(n(r, "proto_number")?, 6 | 17))),
    (&["-p", "!tcp"], |r| Some(n(r, "proto_number")? != 6)),
    (&["-p", "47"], |r| Some(n(r, "proto_number")? == 47)),
    (&["-s", "10.1.0.0/16"], |r| net(r, "src", "10.1.0.0", 16)),
    (&["-s", "!10.1.0.0/16"], |r| net(r, "src", "10.1.0.0", 16).map(|yes| !yes)),
    (&["-s", "10.1.0.0/16", "-s", "!10.1.2.0/24"], |r| {
        Some(net(r, "src", "10.1.0.0", 16)? && !net(r, "src", "10.1.2.0", 24)?)
    }),
    (&["-s", "2001:db8::/32"], |r| net(r, "src", "2001:db8::", 32)),
    (&["-s", "10.0.0.0-10.0.1.255"], |r| net(r, "src", "10.0.0.0", 23)),
    (&["-d", "192.168.50.3,192.168.50.1"], |r| Some(matches!(s(r, "dst")?, "192.168.50.3" | "192.168.50.1"))),
    (&["-i", "eth0"], |r| Some(s(r, "in")? == "eth0")),
    (&["-i", "e+"], |r| Some(s(r, "in")?.starts_with('e'))),
    (&["-i", "!e+"], |r| Some(!s(r, "in")?.starts_with('e'))),
    (&["-o", "eth0"], |r| Some(s(r, "out")? == "eth0")),
    (&["--dport", "22"], |r| Some(n(r, "dpt")? == 22)),
    (&["--dport", "!22"], |r| Some(n(r, "dpt")? != 22)),
    (&["--dport", "ssh,telnet"], |r| Some(matches!(n(r, "dpt")?, 22 | 23))),
    (&["--dport", "100:1000"], |r| Some((100..=1000).contains(&n(r, "dpt")?))),
    (&["--sport", "50000:"], |r| Some(n(r, "spt")? >= 50_000)),
    (&["-4"], |r| Some(s(r, "src")?.contains('.'))),
    (&["-6"], |r| Some(s(r, "src")?.contains(':'))),
    (&["--flags", "SYN"], |r| Some(flags(r)?.contains(&"SYN"))),
    (&["--flags", "SYN,!ACK"], |r| Some(flags(r)?.contains(&"SYN") && !flags(r)?.contains(&"ACK"))),
    (&["--flags", "=ACK"], |r| Some(flags(r)? == ["ACK"])),
    (&["--flags", "none"], |r| Some(flags(r)?.is_empty())),
    (&["--flags", "SYN,ACK,FIN,RST/SYN"], |r| {
        let flags = flags(r)?;
        Some(flags.contains(&"SYN") && !["ACK", "FIN", "RST"].iter().any(|flag| flags.contains(flag)))
    }),
    (&["--type", "8"], |r| Some(n(r, "icmp_type")? == 8)),
    (&["--type", "3/1"], |r| Some(n(r, "icmp_type")? == 3 && n(r, "icmp_code")? == 1)),
    (&["--type", "echo-request"], |r| {
        Some(matches!((n(r, "proto_number")?, n(r, "icmp_type")?), (1, 8) | (58, 128)))
    }),
    (&["--mac", "fe:ff:ff:ff:ff:02"], |r| Some(s(r, "mac_src")? == "fe:ff:ff:ff:ff:02")),
    (&["--mac", "!fe:ff:ff:ff:ff:02"], |r| Some(s(r, "mac_src")? != "fe:ff:ff:ff:ff:02")),
    (&["--mark", "0x1f"], |r| Some(n(r, "mark")? == 0x1f)),
    (&["--mark", "0x10/0xf0"], |r| Some(n(r, "mark")? & 0xf0 == 0x10)),
    (&["--uid", "1000"], |r| Some(n(r, "uid")? == 1000)),
    (&["-g", " ID=1[0-9]* "], |r| {
        Some(true).filter(|_| {
            r["ip_id"].to_string().starts_with('1')
                || n(r, "icmp_id").is_some_and(|id| id.to_string().starts_with('1'))
                || r["inner"]["ip_id"] == 1
        })
    }),
    (&["--where", "dport = 22 or dport = 80"], |r| Some(matches!(n(r, "dpt")?, 22 | 80))),
    (&["--where", "not dport in (22, 80, 400:500)"], |r| Some(!matches!(n(r, "dpt")?, 22 | 80 | 400..=500))),
    (&["--where", "not (dport = 22 or ttl > 100)"], |r| {
        or(n(r, "dpt").map(|port| port == 22), n(r, "ttl").map(|ttl| ttl > 100)).map(|yes| !yes)
    }),
    (&["--where", "dport is null"], |r| Some(n(r, "dpt").is_none())),
    (&["--where", "inner_dst is not null and inner_dport = 51000"], |r| {
        Some(r["inner"]["dst"].is_string() && r["inner"]["dpt"].as_u64()? == 51_000)
    }),
    (&["--where", "prefix ~ '^tcp' and df and ttl between 64 and 128"], |r| {
        Some(s(r, "prefix")?.starts_with("tcp") && r["df"] == true && (64..=128).contains(&n(r, "ttl")?))
    }),
    (&["--where", "prefix = '[UFW BLOCK]' and src in 10.0.0.0/8"], |r| {
        Some(s(r, "prefix")? == "[UFW BLOCK]" && net(r, "src", "10.0.0.0", 8)?)
    }),
    (&["--where", "time >= '2026-06-01 06:00' and time < '2026-06-01 12:00'"], |r| {
        Some(("2026-06-01T06:00:00Z".."2026-06-01T12:00:00Z").contains(&s(r, "time")?))
    }),
    (
        &[
            "-p",
            "tcp",
            "--dport",
            "22,23",
            "-s",
            "10.0.0.0/8",
            "--where",
            "flags has SYN,!ACK and not in = wan",
        ],
        |r| {
            Some(
                n(r, "proto_number")? == 6
                    && matches!(n(r, "dpt")?, 22 | 23)
                    && net(r, "src", "10.0.0.0", 8)?
                    && flags(r)?.contains(&"SYN")
                    && s(r, "in")? != "wan",
            )
        },
    ),
];

#[test]
fn every_question_gets_the_answer_of_the_exported_records() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(6_000, 20, 41));
    let all: Vec<Value> = run(&["export", "--year", "2026", &file])
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut empty = Vec::new();
    for (arguments, oracle) in QUESTIONS {
        let expected: Vec<u64> = all
            .iter()
            .filter(|record| oracle(record) == Some(true))
            .map(|record| n(record, "line").unwrap())
            .collect();
        let mut command = vec!["export", "--year", "2026", "--fields", "line", &file];
        command.extend_from_slice(arguments);
        let ran = run(&command);
        let lines: Vec<u64> = ran
            .out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_u64().unwrap())
            .collect();
        assert_eq!(lines, expected, "{arguments:?} {}", ran.err);
        // One meaning everywhere.
        let mut command = vec!["top", "-j", "--year", "2026", &file];
        command.extend_from_slice(arguments);
        assert_eq!(run(&command).json()["totals"]["matched"], expected.len(), "{arguments:?}");
        if expected.is_empty() || expected.len() == all.len() {
            empty.push(arguments);
        }
    }
    assert!(empty.is_empty(), "these say nothing: {empty:?}");
}

#[test]
fn a_wrong_filter_is_an_error_that_helps() {
    for (arguments, message) in [
        (&["--dport", "66000"][..], "--dport: `66000` is no port"),
        (&["-s", "10.0.0.0/33"], "--src: `10.0.0.0/33` is no address"),
        (&["-p", "tpc"], "--proto: `tpc` is no protocol"),
        (&["--flags", "SIN"], "--flags: `SIN` is no TCP flag"),
        (&["--where", "dport = 22 and srx = 1"], "did you mean `src`?"),
        (&["--where", "dport = 22 and srx = 1"], "                 ^"),
        (&["--since", "soon"], "--since: `soon` is no time"),
        (&["--since", "2026-06-02", "--until", "2026-06-01"], "--since is later than --until"),
        (&["--tz", "Mars/Base"], "no zone is called `Mars/Base`"),
        (&["-g", "("], "--grep:"),
        (&["--type", "echo"], "--type: `echo` is no ICMP type"),
        (&["--mac", "xx"], "--mac: `xx` is no hardware address"),
    ] {
        let mut command = vec!["top", "-"];
        command.extend_from_slice(arguments);
        let ran = run(&command);
        assert_eq!(ran.code, 2, "{arguments:?}");
        assert!(ran.err.contains(message), "{arguments:?}: {}", ran.err);
    }
}
