//! Names and places of addresses: `--names`, `--geoip`, on files that the test makes.

use std::collections::BTreeMap;

use crate::support::*;

/// Text, as MaxMind's format has it.
fn word(text: &str) -> Vec<u8> {
    // From 29 bytes on the length has a byte of its own.
    let head =
        if text.len() < 29 { vec![0x40 | text.len() as u8] } else { vec![0x5d, (text.len() - 29) as u8] };
    [&head, text.as_bytes()].concat()
}

/// A number of 32 bits.
fn number(n: u32) -> Vec<u8> {
    [&[0xc4], &n.to_be_bytes()[..]].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![0xe0 | entries.len() as u8];
    for (key, value) in entries {
        out.extend(word(key));
        out.extend(value);
    }
    out
}

/// A database of networks of IPv4 (an address, a length, the entry's bytes); none lies in another.
fn database(networks: &[([u8; 4], u32, Vec<u8>)]) -> Vec<u8> {
    /// Nothing is known; a further node; an entry at this place.
    #[derive(Clone, Copy)]
    enum To {
        Nothing,
        Node(usize),
        Entry(usize),
    }
    let (mut nodes, mut data) = (vec![[To::Nothing; 2]], Vec::<u8>::new());
    for (addr, length, entry) in networks {
        let (bits, mut at) = (u32::from_be_bytes(*addr), 0);
        for depth in 0..*length {
            let side = (bits >> (31 - depth) & 1) as usize;
            if depth + 1 == *length {
                nodes[at][side] = To::Entry(data.len());
                data.extend(entry);
                break;
            }
            at = match nodes[at][side] {
                To::Node(next) => next,
                _ => {
                    nodes.push([To::Nothing; 2]);
                    let next = nodes.len() - 1;
                    nodes[at][side] = To::Node(next);
                    next
                }
            };
        }
    }
    let count = nodes.len();
    let mut out = Vec::new();
    for to in nodes.iter().flatten() {
        let record = match to {
            To::Nothing => count,
            To::Node(node) => *node,
            To::Entry(place) => count + 16 + place,
        };
        out.extend(&(record as u32).to_be_bytes()[1..]);
    }
    out.extend([0; 16]);
    out.extend(data);
    out.extend(b"\xab\xcd\xefMaxMind.com");
    let short = |n: u8| vec![0xa1, n];
    out.extend(map(&[
        ("binary_format_major_version", short(2)),
        ("binary_format_minor_version", short(0)),
        ("build_epoch", [&[0x04, 0x02], &1_767_225_600_u32.to_be_bytes()[..]].concat()),
        ("database_type", word("Test")),
        ("description", map(&[("en", word("test"))])),
        ("ip_version", short(4)),
        ("languages", [&[0x01, 0x04], word("en").as_slice()].concat()),
        ("node_count", number(count as u32)),
        ("record_size", short(24)),
    ]));
    out
}

/// Counts by key, of a table's JSON.
fn counts(arguments: &[&str]) -> BTreeMap<String, u64> {
    let ran = run(arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.json()["tables"][0]["rows"].as_array().unwrap().clone();
    let by = arguments.iter().skip_while(|word| **word != "--by").nth(1).unwrap();
    let key = |row: &serde_json::Value| row[by].to_string();
    rows.iter().map(|row| (key(row), row["count"].as_u64().unwrap())).collect()
}

#[test]
fn addresses_have_names() {
    let folder = Folder::new();
    let text = log(400, 60, 7);
    let log = folder.write("kern.log", &text);
    // The sources are 10.0.0.0 to 10.2.4.59 and 40 of IPv6.
    let list = folder.write("nets.csv", "network,name\n10.0.0.0/16,red\n10.1.0.0/16,blue\n10.1.3.0/24,lab\n");
    let hosts = folder.write("hosts", "10.2.0.7 seven seven.lan\n");
    let named =
        counts(&["top", "--by", "src_name", "-n", "0", "-j", "--names", &list, "--names", &hosts, &log]);
    let all = counts(&["top", "--by", "src", "-n", "0", "-j", &log]);
    let of = |test: &dyn Fn(&str) -> bool| -> u64 {
        all.iter().filter(|(addr, _)| test(addr.trim_matches('"'))).map(|(_, count)| count).sum()
    };
    let lab = |addr: &str| addr.starts_with("10.1.3.");
    assert_eq!(named.get("\"red\"").copied().unwrap_or(0), of(&|addr| addr.starts_with("10.0.")));
    assert_eq!(named.get("\"lab\"").copied().unwrap_or(0), of(&lab));
    assert_eq!(
        named.get("\"blue\"").copied().unwrap_or(0),
        of(&|addr| addr.starts_with("10.1.") && !lab(addr))
    );
    assert!(named["\"red\""] > 20 && named["\"lab\""] > 2, "{named:?}");
    assert_eq!(named.values().sum::<u64>(), all.values().sum::<u64>());
    // The same field in a filter, and in an export.
    let by_name = run(&["lines", "-c", "--where", "src_name = lab", "--names", &list, &log]);
    let by_net = run(&["lines", "-c", "-s", "10.1.3.0/24", &log]);
    assert_eq!(by_name.out, by_net.out);
    let csv = run(&["export", "--format", "csv", "--fields", "src,src_name", "--names", &list, &log]).out;
    let lab = csv.lines().find(|line| line.starts_with("10.1.3.")).unwrap();
    assert!(lab.ends_with(",lab"), "{csv}");
}

#[test]
fn addresses_have_places() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(400, 60, 8));
    let country = |code: &str| map(&[("country", map(&[("iso_code", word(code))]))]);
    let countries = folder.write(
        "country.mmdb",
        database(&[([10, 0, 0, 0], 16, country("DE")), ([10, 1, 0, 0], 16, country("FR"))]),
    );
    let system = |n: u32, name: &str| {
        map(&[("autonomous_system_number", number(n)), ("autonomous_system_organization", word(name))])
    };
    let systems = folder.write(
        "asn.mmdb",
        database(&[
            ([10, 0, 0, 0], 16, system(64_500, "Ex\u{1b}ample")),
            ([10, 1, 4, 0], 24, system(64_501, "Lab")),
        ]),
    );
    let places = ["--geoip", &countries, "--geoip", &systems, &log];
    let found = counts(&[&["top", "--by", "src_country", "-n", "0", "-j"], &places[..]].concat());
    let lines = |network: &str| run(&["lines", "-c", "-s", network, &log]).out.trim().parse::<u64>().unwrap();
    assert_eq!(found["\"DE\""], lines("10.0.0.0/16"));
    assert_eq!(found["\"FR\""], lines("10.1.0.0/16"));
    let found = counts(&[&["top", "--by", "src_asn", "-n", "0", "-j"], &places[..]].concat());
    assert!(found["64500"] > found["64501"] && found["64501"] > 0, "{found:?}");
    let asked =
        run(&[&["lines", "-c", "--where", "src_country = DE and src_asn = 64500"], &places[..]].concat());
    assert_eq!(asked.out.trim().parse::<u64>().unwrap(), lines("10.0.0.0/16"));
    // What a database says is as hostile as a log.
    let table = run(&[&["top", "--by", "src_as_org"], &places[..]].concat()).out;
    assert!(table.contains("Ex\\x1bample") && !table.contains('\u{1b}'), "{table}");
    // With the names of the Elastic Common Schema.
    let ecs = run(&[&["export", "--schema", "ecs", "-s", "10.0.0.0/16"], &places[..]].concat()).out;
    assert!(ecs.contains("country_iso_code") && ecs.contains("DE"), "{ecs}");
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(30, 60, 9));
    let bad = folder.write("bad.csv", "10.0.0.1,a\nnonsense\n");
    let hostile = folder.write("leases", "1767225600 aa:bb:cc:dd:ee:ff 10.0.0.1 \u{1b}]0;x\u{7} *\n");
    for (arguments, words) in [
        (
            &["top", "--by", "src_name", &log][..],
            "`src_name` is found in a file: --names FILE, or asked of the resolver: --resolve",
        ),
        (&["top", "--where", "src_asn = 3", &log], "`src_asn` is found in a file: --geoip FILE"),
        (&["top", "--names", &bad, &log], "bad.csv:2: expected an address and a name"),
        (&["top", "--geoip", &bad, &log], "bad.csv: "),
        (&["top", "--names", "missing", &log], "missing: No such file"),
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
    let table = run(&["top", "--by", "src_name", "--names", &hostile, &log]).out;
    assert!(!table.contains(['\u{1b}', '\u{7}']), "{table:?}");
}

/// What this machine's resolver calls 127.0.0.1, without a network.
fn localhost() -> Option<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    if !hosts.lines().any(|line| line.split_whitespace().next() == Some("127.0.0.1")) || !has("getent") {
        skipped("/etc/hosts has no 127.0.0.1, or getent is not there");
        return None;
    }
    let folder = Folder::new();
    let found = shell(&folder.0, "getent hosts 127.0.0.1 || true");
    found.split_whitespace().nth(1).map(str::to_owned)
}

/// A log of 127.0.0.1 alone.
fn local_log(packets: usize) -> String {
    let line = |n: usize| {
        format!(
            "2026-06-01T00:{:02}:00+00:00 gate kernel: x IN=eth0 OUT= MAC= SRC=127.0.0.1 DST=127.0.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 \
             ID=7 DF PROTO=TCP SPT=40000 DPT={} WINDOW=64240 RES=0x00 SYN URGP=0 \n",
            n % 60,
            20 + n % 4,
        )
    };
    (0..packets).map(line).collect()
}

#[test]
fn the_resolver_is_asked_only_with_resolve() {
    let Some(name) = localhost() else { return };
    let folder = Folder::new();
    let log = folder.write("kern.log", local_log(90));
    // In a table of addresses, beside them.
    let without = run(&["top", "--by", "src", &log]).out;
    assert!(!without.contains("NAME") && !without.contains(&name), "{without}");
    for resolve in ["--resolve", "-r"] {
        let with = run(&["top", "--by", "src", resolve, &log]).out;
        let row = with.lines().find(|line| line.starts_with("127.0.0.1 ")).unwrap();
        assert_eq!(row.split_whitespace().nth(1), Some(name.as_str()), "{with}");
    }
    assert!(run(&["-r", &log]).out.contains(&name));
    // As a field: counted, filtered, exported.
    assert_eq!(run(&["top", "--by", "src_name", &log]).code, 2);
    let named = counts(&["top", "--by", "src_name", "-j", "-r", &log]);
    assert_eq!(named, BTreeMap::from([(format!("\"{name}\""), 90)]));
    let asked = format!("src_name = \"{name}\" and dport = 22");
    for (command, expected) in [
        (&["lines", "-c", "-r", "--where", &asked][..], "22"),
        (&["lines", "-c", "-r", "--where", "dst_name = nobody"], "0"),
    ] {
        assert_eq!(run(&[command, &[&log]].concat()).out.trim(), expected);
    }
    let csv = run(&["export", "--format", "csv", "--fields", "dst,dst_name", "-r", &log]).out;
    assert_eq!(csv.lines().nth(1), Some(format!("127.0.0.1,{name}").as_str()));
    let suggested = run(&["suggest", "-r", "--where", &asked, &log]);
    assert!(suggested.out.contains("22 packets"), "{}{}", suggested.out, suggested.err);
    // A file of the user's is asked before.
    let hosts = folder.write("hosts", "127.0.0.1 mine\n");
    let named = counts(&["top", "--by", "dst_name", "-j", "-r", "--names", &hosts, &log]);
    assert_eq!(named.keys().collect::<Vec<_>>(), ["\"mine\""]);
}

#[test]
fn what_is_read_once_has_no_names_before_it_is_read() {
    let piped = run_with(local_log(9).as_bytes(), &["top", "--by", "src_name", "-r"]);
    assert_eq!((piped.code, piped.out.as_str()), (2, ""));
    assert!(piped.err.contains("--resolve: what comes from a pipe can be read only once"), "{}", piped.err);
    // Names beside addresses are asked for afterwards; suggest keeps a copy.
    assert_eq!(run_with(local_log(9).as_bytes(), &["top", "--by", "src", "-r"]).code, 0);
    let Some(name) = localhost() else { return };
    let asked = format!("src_name = \"{name}\"");
    let suggested = run_with(local_log(9).as_bytes(), &["suggest", "-r", "--where", &asked]);
    assert!(suggested.out.contains("9 packets"), "{}{}", suggested.out, suggested.err);
}

#[test]
fn names_beside_addresses_are_escaped_and_give_way() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(400, 60, 10));
    let list = format!("10.0.0.0/8,\"\u{1b}[31m{} evil\"\n", "long".repeat(30));
    let list = folder.write("list", list);
    for width in ["40", "60", "80", "200"] {
        let table = run(&["top", "--by", "src", "--names", &list, "--width", width, &log]).out;
        assert!(!table.contains('\u{1b}'), "{table:?}");
        let too_wide = table.lines().find(|line| fwlog::text::width(line) > width.parse().unwrap());
        assert_eq!(too_wide, None, "{width}\n{table}");
        assert!(width == "40" || table.contains("\\x1b[31m"), "{table}");
    }
}

/// Files of names are read once, however often the log is.
#[test]
fn a_list_that_can_be_read_once_is_enough_for_all_passes() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(400, 60, 11));
    let script = format!(
        "{} suggest --year 2026 --where 'src_name = red' --names <(printf '10.0.0.0/16,red\\n') {file}",
        env!("CARGO_BIN_EXE_fwstat")
    );
    let ran =
        finish(std::process::Command::new("bash").args(["-c", &script]).stdin(std::process::Stdio::null()));
    assert!(ran.code < 2 && ran.out.contains(" packets, "), "{} {}{}", ran.code, ran.out, ran.err);
}
