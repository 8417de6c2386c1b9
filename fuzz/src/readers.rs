//! What must hold for any text of the other readers: rulesets, sets, expressions, streams of records.
//!
//! Responsible for: the targets, and the texts that their inputs are changed copies of.
//! Must not know: how each text is read. Uses the libraries' public faces only.
//! Run by: cargo-fuzz, the driver, and `crates/fwstat/tests/cli/readers.rs`.

use std::io::{Cursor, Read as _};
use std::path::Path;

use fwlog::filter::expr;
use fwlog::input::bytes::Meter;
use fwlog::input::decode::{self, Decoded, Decoding};
use fwlog::input::unpack::Packing;
use fwlog::time::TimeZone;
use fwrules::{Context, Evidence, Ruleset, Sets, Walker, lint};

use super::mutate::Rng;

/// A target: a function over any bytes.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const READERS: &[(&str, Target)] = &[
    ("read_iptables", read_iptables),
    ("read_nft", read_nft),
    ("read_ipset", read_ipset),
    ("read_where", read_where),
    ("read_stream", read_stream),
];

/// A packet that most rules have something to say about.
const LINE: &[u8] = b"tcp.in.dropped IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 \
    SRC=203.0.113.9 DST=192.168.50.2 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=7 DF PROTO=TCP SPT=40000 DPT=22 \
    WINDOW=64240 RES=0x00 SYN URGP=0 ";

/// Text of `iptables-save` or a script: a value or an error that names a line of it; what was read and
/// written reads back as the same text.
pub fn read_iptables(text: &[u8]) {
    let rules = match Ruleset::parse_save(text) {
        Ok(rules) => rules,
        Err(error) => {
            let lines = text.split(|byte| *byte == b'\n').count();
            assert!(error.line <= lines, "{error}");
            return;
        }
    };
    if let Ok(written) = rules.to_save(false) {
        // Without its addresses a text may not tell its family any more.
        let again = Ruleset::parse_save_as(&written, rules.family());
        let again = again.unwrap_or_else(|error| panic!("{error}: {}", written.escape_ascii()));
        let twice = again.to_save(false).expect("what was written once");
        assert_eq!(written.escape_ascii().to_string(), twice.escape_ascii().to_string());
    }
    judged(&rules);
}

/// What `nft -j list ruleset` printed: a value or an error, and no panic in what asks it.
pub fn read_nft(text: &[u8]) {
    if let Ok(rules) = Ruleset::parse_nft_json(text) {
        judged(&rules);
        for table in &rules.tables {
            for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
                let _ = rule.to_nft(table.family);
                assert!(!rule.to_display().contains(char::is_control), "{}", rule.to_display());
            }
        }
    }
}

/// Faults are looked for and a packet is walked.
fn judged(rules: &Ruleset) {
    let _ = lint(rules);
    let packet = logparse::parse(LINE).expect("a line of the suite").packet;
    let walker = Walker::new(rules, Evidence::Usual);
    let _ = walker.walk(&packet, &Context::default());
    let _ = walker.fate(&packet, &Context::default());
}

/// What `ipset save` printed: what was read and written reads back.
pub fn read_ipset(text: &[u8]) {
    if let Ok(sets) = Sets::parse(text)
        && let Ok(written) = sets.to_restore()
    {
        let again =
            Sets::parse(&written).unwrap_or_else(|error| panic!("{error}: {}", written.escape_ascii()));
        assert_eq!(again.to_restore().ok().as_deref(), Some(&written[..]), "{}", written.escape_ascii());
    }
}

/// An expression of `--where`: a filter that a record can be asked, or a sentence with a caret.
pub fn read_where(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let zone = TimeZone::UTC;
    match expr::parse(&text, &expr::Context { now: 1_700_000_000_000_000_000, zone: &zone }) {
        Ok(filter) => {
            let entry = logparse::parse(LINE).expect("a line of the suite");
            let record = fwlog::record::Record::alone(logparse::Line::Full(&entry), LINE);
            let (front, rest) = filter.split();
            assert_eq!(filter.test(&record), front.test(&record) && rest.test(&record), "{text}");
        }
        Err(sentence) => {
            assert!(sentence.lines().last().is_some_and(|line| line.trim() == "^"), "{sentence}");
        }
    }
}

/// A stream of records of several lines, or compressed: read to its end or to an error, and no more
/// text comes out than can be in it.
pub fn read_stream(bytes: &[u8]) {
    let mut meter = Meter::default();
    let stream = Box::new(Cursor::new(bytes.to_vec()));
    let Ok(Decoded::Lines(plain)) = decode::open(stream, &Decoding::default(), &mut meter) else { return };
    // One byte of a bomb may stand for a thousand: enough is enough.
    let mut text = Vec::new();
    let _ = plain.take(64 << 20).read_to_end(&mut text);
    if Packing::of(bytes).is_none() {
        assert!(text.len() <= 8 * bytes.len() + 4096, "{} bytes became {}", bytes.len(), text.len());
    }
}

/// The texts that a reader's inputs are changed copies of.
///
/// # Panics
/// `testdata` is not there.
#[must_use]
pub fn seeds(name: &str, testdata: &Path) -> Vec<Vec<u8>> {
    let files = |ends: &str| -> Vec<Vec<u8>> {
        let folder = testdata.join("rules/kernel-rulesets");
        let mut paths: Vec<_> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("a directory entry").path())
            .filter(|path| path.to_string_lossy().ends_with(ends))
            .collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).expect("a ruleset")).collect()
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match name {
        "read_iptables" => files(".rules"),
        "read_nft" => files(".json"),
        "read_ipset" => texts(&[
            "create bad hash:net family inet hashsize 1024 maxelem 65536\nadd bad 203.0.113.0/24\nadd bad 10.0.0.1\n",
            "create p hash:ip,port family inet timeout 600 counters\nadd p 192.0.2.1,tcp:22 timeout 30\n",
            "create l list:set size 8\nadd l bad\ncreate m bitmap:port range 0-1023\nadd m 22\n",
            "create s hash:net,iface family inet6\nadd s 2001:db8::/32,eth0 nomatch\n",
        ]),
        "read_where" => texts(&[
            "dport = 22 and not (src in 10.0.0.0/8 or proto = udp)",
            "time between '2024-06-30 06:00' and '1 hour ago' or prefix ~ '^tcp\\.in'",
            "flags has syn,!ack and len >= 60 and dport in 1:1024,8080",
            "src != 192.0.2.1 and (dport <> 53 or sport not between 1 and 1023) and uid",
        ]),
        _ => texts(&[
            "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1719727573000000\n_TRANSPORT=kernel\nMESSAGE=drop IN=eth0 OUT= SRC=10.0.0.1 \
             DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 \n\n__CURSOR=s=2\nMESSAGE=x\n\n",
            "{\n  \"MESSAGE\": \"drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TTL=64 PROTO=2 \",\n  \"PRIORITY\": \"4\"\n}\n{}\n",
            "[{\"MESSAGE\":[100,114],\"a\":{\"b\":[1,2]}},{\"log\":\"x\\n\",\"stream\":\"stdout\"}]\n",
            "{\"timestamp\": \"2024-06-30T06:06:13\", \"raw.label\": 0, \"oob.prefix\": \"drop\", \"oob.in\": \"eth0\", \
             \"ip.saddr.str\": \"10.0.0.1\", \"ip.daddr.str\": \"10.0.0.2\", \"ip.protocol\": 17, \"udp.sport\": 1, \"udp.dport\": 2}\n",
        ]),
    }
}

/// Words that mean something in one of the texts.
const WORDS: &[&str] = &[
    "-A INPUT ",
    "-m ",
    "multiport --dports 1:2,3 ",
    "! ",
    "-s 10.0.0.0/8 ",
    "-d ::/0 ",
    "-p tcp ",
    "-j ",
    "LOG --log-prefix \"",
    "--tcp-flags FIN,SYN SYN ",
    "*filter\n",
    "COMMIT\n",
    ":X - [0:0]\n",
    "conntrack --ctstate NEW,INVALID ",
    "limit --limit 3/min ",
    "{\"match\":",
    "\"op\":\"==\"",
    "\"right\":",
    "{\"set\":[",
    "{\"range\":[",
    "\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":8}",
    "\"jump\":",
    "\"vmap\":",
    "null",
    "[[[[[[[[",
    "}}}}",
    "create x hash:ip\n",
    "add x 0.0.0.0/0\n",
    "timeout 4294967296",
    "nomatch",
    "(",
    ")",
    " and ",
    " or ",
    " not ",
    " between ",
    " in ",
    " has ",
    "'",
    "((((((((((((",
    "~ '(((('",
    "2024-02-30",
    "__REALTIME_TIMESTAMP=",
    "MESSAGE\n\u{ff}\0\0\0\0\0\0\0",
    "\\u0000",
    "\\ud800",
    "\n\n",
    "\u{1f}\u{8b}",
    "65536",
    "-1",
    "18446744073709551616",
    "\u{202e}",
    "\\\"",
    "\t",
];

/// A changed copy of one of the seeds: bytes, words, cuts and pieces of other seeds.
pub fn input(rng: &mut Rng, seeds: &[Vec<u8>], out: &mut Vec<u8>) {
    const LONGEST: usize = 16 << 10;
    out.clear();
    out.extend_from_slice(&seeds[rng.below(seeds.len())]);
    for _ in 0..1 + rng.below(6) {
        let at = rng.below(out.len() + 1);
        match rng.below(6) {
            0 if at < out.len() => out[at] = rng.number() as u8,
            1 => {
                let word = WORDS[rng.below(WORDS.len())].as_bytes();
                out.splice(at..at, word.iter().copied());
            }
            2 => {
                let end = (at + 1 + rng.below(24)).min(out.len());
                out.drain(at..end);
            }
            3 => {
                let other = &seeds[rng.below(seeds.len())];
                let from = rng.below(other.len());
                let piece = &other[from..(from + rng.below(200)).min(other.len())];
                out.splice(at..at, piece.iter().copied());
            }
            4 => {
                let end = (at + 1 + rng.below(80)).min(out.len());
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            _ => {
                let word = WORDS[rng.below(WORDS.len())].as_bytes();
                let end = (at + word.len()).min(out.len());
                out.splice(at..end, word.iter().copied());
            }
        }
        out.truncate(LONGEST);
    }
}
