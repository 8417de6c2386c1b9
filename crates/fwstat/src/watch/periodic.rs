//! What is counted of a log, written again and again: for programs and files instead of a screen.
//!
//! Responsible for: when a report is written, what moved since the one before, and its forms: JSON (a document a line),
//! text, and Prometheus' text format.
//! Must not know: how lines are read and counted, where a report goes.
//! Tested by: the unit tests below, `tests/cli/watch_every.rs`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use fwlog::filter::Filter;
use fwlog::text::{self, grouped};
use fwlog::time::clock::{NANOS, local_text, utc_text};
use serde_json::{Value, json};

use super::feed::{Asked, Feed};
use super::picture::{Picture, Reading, Row, Table, Wanted};
use super::question::{What, net_text, protocol_text};
use super::rules::LogRules;
use super::{Start, term};
use crate::cli::WatchFormat;

/// Rows of each table.
const ROWS: usize = 20;
/// The same as text.
const FEW: usize = 5;
/// How long a signal may wait.
const STEP: Duration = Duration::from_millis(200);

/// What is counted at one moment, and what moved since the report before.
#[derive(Clone, Debug)]
pub struct Report {
    /// Counts reports, from 1.
    pub number: u64,
    /// Nanoseconds since 1970, UTC.
    pub now: i64,
    /// What was counted.
    pub picture: Picture,
    /// Seconds since the report before, or since the beginning.
    pub seconds: f64,
    /// Lines and packets since then.
    pub moved: (u64, u64),
}

/// Reports a log every so often, and once more at its end; whether a signal ended it, and the last picture.
///
/// # Errors
/// A report cannot be written.
pub fn run(
    start: &Start<'_>,
    every: Duration,
    mut write: impl FnMut(&Report) -> anyhow::Result<()>,
) -> anyhow::Result<(Picture, bool)> {
    let first = Asked { question: start.question.clone(), generation: 0, filter: Filter::All };
    let make = || None;
    let feed = Feed::new(first, start.again, (LogRules::default(), &make), &start.alarm, &start.said);
    let ends = term::ends()?;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| feed.read(start.open));
        let alarm = scope.spawn(|| start.alarm.work());
        let (mut last, mut number, mut before) = (Instant::now(), 0, (0, 0));
        let ended = loop {
            let interrupted = ends.load(std::sync::atomic::Ordering::Relaxed);
            let is_done = interrupted || feed.is_at_end();
            if is_done || last.elapsed() >= every {
                let mut picture = feed.picture(Wanted { rows: 0, ..Wanted::default() });
                picture.notes.extend(feed.error());
                let now = (picture.totals.lines, picture.matched);
                number += 1;
                let report = Report {
                    number,
                    now: crate::options::wall_clock(),
                    seconds: last.elapsed().as_secs_f64(),
                    moved: (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1)),
                    picture,
                };
                (last, before) = (Instant::now(), now);
                if let Err(error) = write(&report) {
                    break Err(error);
                }
                if is_done {
                    break Ok((report.picture, interrupted));
                }
            }
            match feed.is_live() {
                true => std::thread::sleep(STEP.min(every.saturating_sub(last.elapsed()))),
                false => feed.wait(STEP.min(every.saturating_sub(last.elapsed()))),
            }
        };
        feed.quit();
        start.alarm.quit();
        let _ = (reader.join(), alarm.join());
        ended
    })
}

/// A report in a form, about a log of this name.
#[must_use]
pub fn written(report: &Report, form: WatchFormat, name: &str, window: &str) -> String {
    match form {
        WatchFormat::Ndjson => format!("{}\n", document(report, window)),
        WatchFormat::Text => lines(report, name),
        WatchFormat::Prometheus => metrics(report),
    }
}

fn word(reading: Reading) -> &'static str {
    match reading {
        Reading::Behind(_) => "reading",
        Reading::Live => "live",
        Reading::End => "end",
    }
}

fn table(table: &Table, key: impl Fn(&What) -> Value) -> Value {
    let row = |row: &Row| {
        let mut out = key(&row.what);
        out["packets"] = row.count.into();
        out["packets_at_most"] = (row.count + row.more).into();
        out
    };
    json!({
        "distinct": table.distinct.0,
        "distinct_is_exact": table.distinct.1,
        "packets": table.total,
        "others_at_most": table.missed,
        "rows": table.rows.iter().take(ROWS).map(row).collect::<Vec<Value>>(),
    })
}

/// The names of what a row stands for, as fields.
fn fields(what: &What) -> Value {
    match what {
        What::Prefix(prefix) => json!({ "prefix": String::from_utf8_lossy(prefix) }),
        What::Net(address, length) => json!({ "network": net_text(*address, *length) }),
        What::Port(port, protocol) => json!({ "dport": port, "proto": protocol_text(*protocol) }),
        other => json!({ "filter": other.shown(false) }),
    }
}

/// The report as a JSON document.
fn document(report: &Report, window: &str) -> Value {
    let picture = &report.picture;
    let totals = &picture.totals;
    let span = picture.bounds.filter(|_| window != "all");
    let scans = picture.scans.iter().take(ROWS).map(|scan| {
        let mut row = fields(&scan.what);
        row["id"] = scan.id.clone().into();
        row["sources"] = scan.sources.into();
        row["shape"] = scan.shape.clone().into();
        row["technique"] = scan.technique.into();
        row["slow"] = scan.slow.into();
        row["confidence"] = scan.confidence.into();
        row["aims"] = scan.aims.into();
        row["packets"] = scan.count.into();
        row
    });
    json!({
        "schema": "fwstat.watch/1",
        "number": report.number,
        "time": utc_text(report.now),
        "state": word(picture.reading),
        // As the option has it.
        "window": window.replace(' ', ""),
        "from": span.map(|(from, _)| local_text(from)),
        "to": span.map(|(_, to)| local_text(to)),
        "newest": picture.newest.map(local_text),
        "newest_age_seconds": picture.age,
        "totals": totals,
        "matched": picture.matched,
        "near_hits": picture.near_hits,
        "since_last": {
            "seconds": (report.seconds * 1_000.0).round() / 1_000.0,
            "lines": report.moved.0,
            "matched": report.moved.1,
            "lines_per_second": rate(report, report.moved.0),
            "matched_per_second": rate(report, report.moved.1),
        },
        "prefixes": table(&picture.tables[0], fields),
        "networks": table(&picture.tables[1], fields),
        "ports": table(&picture.tables[2], fields),
        "scans": scans.collect::<Vec<Value>>(),
        "notes": picture.notes,
    })
}

/// So many in a second, to the tenth.
fn rate(report: &Report, moved: u64) -> f64 {
    (moved as f64 / report.seconds.max(0.001) * 10.0).round() / 10.0
}

/// The report as text.
fn lines(report: &Report, name: &str) -> String {
    let picture = &report.picture;
    let mut out = format!(
        "{} {name}: {}, +{} ({}/s), {}, {}\n",
        utc_text(report.now.div_euclid(NANOS) * NANOS),
        text::count_of(picture.totals.lines, "line", "lines"),
        grouped(report.moved.0),
        rate(report, report.moved.0),
        text::count_of(picture.matched, "packet", "packets"),
        word(picture.reading)
    );
    for (name, table) in ["prefix", "network", "port"].into_iter().zip(&picture.tables) {
        let row = |row: &Row| {
            let more = if row.more > 0 { format!("±{}", grouped(row.more)) } else { String::new() };
            let shown = row.what.shown(false);
            let shown = shown.split_once(' ').map_or(shown.as_str(), |(_, value)| value);
            format!("{shown} {}{more}", grouped(row.count))
        };
        let rows: Vec<String> = table.rows.iter().take(FEW).map(row).collect();
        if !rows.is_empty() {
            let _ = writeln!(out, "  {name:<8} {}", rows.join(", "));
        }
    }
    for note in &picture.notes {
        let _ = writeln!(out, "  note: {}", text::escape(note.as_bytes()));
    }
    out
}

/// A value of a label: what a terminal would obey is escaped first, then what Prometheus reads.
fn label(value: &str) -> String {
    let shown = text::escape(value.as_bytes());
    shown.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The report for Prometheus (text format 0.0.4).
fn metrics(report: &Report) -> String {
    let (picture, totals) = (&report.picture, &report.picture.totals);
    let mut out = String::new();
    let mut metric = |name: &str, kind: &str, about: &str, values: &[(String, f64)]| {
        let _ = writeln!(out, "# HELP fwstat_{name} {about}\n# TYPE fwstat_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(out, "fwstat_{name}{labels} {value}");
        }
    };
    let one = |value: u64| vec![(String::new(), value as f64)];
    metric("lines_total", "counter", "Lines read.", &one(totals.lines));
    metric("packets_total", "counter", "Whole packets in them.", &one(totals.packets));
    metric("truncated_total", "counter", "Packets whose line is cut.", &one(totals.cut));
    metric("corrupt_total", "counter", "Lines that are corrupt.", &one(totals.damaged));
    metric("other_total", "counter", "Lines that are no firewall lines.", &one(totals.other));
    metric(
        "lost_at_least_total",
        "counter",
        "Lines that were lost before they reached the log, as far as it says so.",
        &one(totals.lost_at_least),
    );
    metric("matched_packets", "gauge", "Packets that are looked at.", &one(picture.matched));
    let age = picture.age.map(|age| (String::new(), age as f64));
    metric("newest_age_seconds", "gauge", "How old the newest line is.", age.as_slice());
    let live = u64::from(picture.reading == Reading::Live);
    metric("live", "gauge", "1 once everything that was there has been read.", &one(live));
    for (name, table, about) in [
        ("prefix", &picture.tables[0], "Packets by prefix; for certain."),
        ("network", &picture.tables[1], "Packets by source network; for certain."),
        ("port", &picture.tables[2], "Packets by destination port; for certain."),
    ] {
        let labels = |what: &What| match what {
            What::Port(port, protocol) => {
                let port = port.map_or_else(String::new, |port| port.to_string());
                format!("{{dport=\"{port}\",proto=\"{}\"}}", label(&protocol_text(*protocol)))
            }
            What::Net(address, length) => format!("{{network=\"{}\"}}", net_text(*address, *length)),
            What::Prefix(prefix) => format!("{{prefix=\"{}\"}}", label(&String::from_utf8_lossy(prefix))),
            other => format!("{{filter=\"{}\"}}", label(&other.shown(false))),
        };
        let rows = table.rows.iter().take(ROWS);
        let counts: Vec<(String, f64)> =
            rows.clone().map(|row| (labels(&row.what), row.count as f64)).collect();
        metric(&format!("{name}_packets"), "gauge", about, &counts);
        let more: Vec<(String, f64)> = rows.map(|row| (labels(&row.what), row.more as f64)).collect();
        metric(&format!("{name}_packets_more_at_most"), "gauge", "What these may lack.", &more);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_prometheus_reads() {
        assert_eq!(label("a\"b\\c"), "a\\\"b\\\\c");
        let hostile = label("x\n\"} 9\nfake 1\x1b[31m");
        assert!(!hostile.contains('\n') && !hostile.contains('\x1b'), "{hostile}");
        let bare = hostile.replace("\\\\", "").replace("\\\"", "");
        assert!(!bare.contains('"'), "{hostile}");
    }
}
