//! Envelopes: `testdata/envelopes/heads.jsonl`, each kind with variants, by every engine.

use std::collections::BTreeMap;

use crate::common::*;
use logparse::*;

/// The year of stamps that have none.
const YEAR: u16 = 2024;

/// Nanoseconds since 1970 of a stamp.
fn nanoseconds(stamp: Stamp<'_>) -> i64 {
    let (seconds, nanos) = match stamp.time {
        Time::Unix { seconds, nanos } => (seconds, nanos),
        Time::Civil(civil) => {
            let offset = if let Zone::Offset(offset) = civil.zone { offset } else { 0 };
            (civil.seconds_as_utc(YEAR) - i64::from(offset), civil.nanos)
        }
        other => panic!("{other:?}"),
    };
    seconds * 1_000_000_000 + i64::from(nanos)
}

/// The same of an RFC 3339 stamp.
fn rfc3339(text: &[u8]) -> i64 {
    let line = [text, b" gw kernel: ", PACKET.as_bytes()].concat();
    nanoseconds(parse(&line).unwrap().envelope.stamp.unwrap())
}

/// When a line was written, by the rules of whoever resolves stamps.
fn moment(envelope: &Envelope<'_>) -> Option<i64> {
    envelope.stamp.map(nanoseconds).or_else(|| envelope.outer_stamp.map(rfc3339))
}

#[test]
fn every_kind_says_what_it_says() {
    let mut failures = Failures::default();
    let mut kinds = BTreeMap::new();
    for (kind, line, case) in envelopes() {
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_insert(0) += 1;
        let expected = (
            text("prefix"),
            case["time"].as_str().map(|time| rfc3339(time.as_bytes())),
            [text("host"), text("tag"), text("pid"), text("uptime")],
            case["severity"].as_u64(),
            case["writer"].as_str().unwrap_or("kernel").to_owned(),
        );
        for (engine, read) in ENGINES {
            read(&line, &mut |result| {
                let head = text("line");
                let Ok(entry) = result else { return failures.add(format!("{engine}: {head}: no packet")) };
                let said = says(&entry);
                if said != expected || entry.completeness() != Completeness::Whole {
                    failures.add(format!("{engine}: {head}\n  said     {said:?}\n  expected {expected:?}"));
                }
            });
        }
    }
    failures.check();
    for (kind, variants) in kinds {
        assert!(variants >= 5, "{kind}: {variants}");
    }
}

#[test]
fn a_head_that_lacks_a_piece_is_read_without_a_panic() {
    for (_, line, _) in envelopes() {
        let head = memchr::memmem::find(&line, b"IN=").unwrap_or(line.len());
        for start in 0..head {
            for length in [1, 2, 5, 9, 14, head] {
                let end = (start + length).min(head);
                for rest in [&line[end..], &line[end..head], b"IN= OUT="] {
                    let lacking = [&line[..start], rest].concat();
                    ENGINES.iter().for_each(|(_, read)| read(&lacking, &mut |_| ()));
                }
            }
        }
    }
}

/// What an entry says of its envelope.
fn says(entry: &Entry<'_>) -> (String, Option<i64>, [String; 4], Option<u64>, String) {
    let envelope = &entry.envelope;
    let text = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
    let uptime = envelope.uptime.map_or(String::new(), |uptime| uptime.to_string());
    (
        text(Some(entry.packet.prefix)),
        moment(envelope),
        [text(envelope.host), text(envelope.tag), text(envelope.pid), uptime],
        envelope.severity.map(u64::from),
        text(Some(entry.writer().name())),
    )
}
