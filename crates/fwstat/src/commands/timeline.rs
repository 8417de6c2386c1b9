//! `fwstat timeline`: counts over time.
//!
//! Responsible for: the choice of bucket and of the keys shown.
//! Must not know: how counting works.
//! Tested by: `tests/cli/timeline.rs`.

use anyhow::{anyhow, bail};
use serde_json::{Map, Value, json};

use super::{Outcome, format, outcome, run, sheet, write};
use crate::cli::{self, Format};
use crate::options::{self, Look, Options};
use crate::report::csv::Sheet;
use crate::report::style::{BAR, Column, DIM, KEY, bar, cell, columns};
use crate::report::{self, Head};
use fwlog::aggregate::Timeline;
use fwlog::aggregate::key;
use fwlog::record::OwnedValue;
use fwlog::text;
use fwlog::time::clock::{self, NANOS};
use fwlog::time::timespec;

/// Rows of a timeline whose bucket is chosen by itself.
const ROWS: usize = 100;
/// Rows of any timeline: ten years of hours. Whoever wants more has chosen the wrong bucket.
const MOST: usize = 100_000;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Timeline) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let known = [Format::Table, Format::Json, Format::Csv, Format::Tsv];
    let form = format(&options, Format::Table, &known)?;
    let step = match &arguments.bucket {
        Some(text) => Some(bucket(text)?),
        None => None,
    };
    let by = options::fields("--by", &arguments.by)?;
    let empty = Timeline::new(by, step);
    let (mut timeline, account, head) = run(&options, || empty.clone())?;
    timeline.fit(match options.look.bars {
        true => 60,
        false => ROWS,
    });
    if timeline.starts(MOST + 1).len() > MOST {
        bail!("--bucket: more than {} rows; take a wider bucket", text::grouped(MOST as u64));
    }
    let shown = Shown::new(&options, &timeline, arguments.limit);
    let bytes = match (form, sheet(form)) {
        (_, Some(sheet)) => shown.sheet(sheet, options.look.header),
        (Format::Table, _) => shown.table(&options.look, &head).into_bytes(),
        _ => shown.json(&head),
    };
    write(&options, &account, &bytes)?;
    Ok(outcome(&options, &account))
}

/// The width of a bucket in seconds.
fn bucket(text: &str) -> anyhow::Result<i64> {
    let wrong = || anyhow!("--bucket: `{text}` is no length of time: 10s, 5min, 1h, 6h, 1d, 1w");
    let nanos = timespec::span(text)
        .or_else(|| {
            text.starts_with(|c: char| c.is_ascii_alphabetic())
                .then(|| timespec::span(&format!("1{text}")))?
        })
        .ok_or_else(wrong)?;
    match nanos / NANOS {
        seconds @ 1.. if nanos % NANOS == 0 => Ok(seconds),
        _ => Err(wrong()),
    }
}

/// A timeline with the keys that are shown.
struct Shown<'t> {
    timeline: &'t Timeline,
    starts: Vec<i64>,
    /// The keys with their names, the largest first.
    keys: Vec<(Vec<u8>, Vec<OwnedValue>)>,
    /// How many keys there are.
    distinct: usize,
    clock: &'t clock::Clock,
}

impl<'t> Shown<'t> {
    fn new(options: &'t Options, timeline: &'t Timeline, limit: usize) -> Shown<'t> {
        let ranked = timeline.ranked();
        let distinct = ranked.len();
        let limit = if limit == 0 { distinct } else { limit };
        let keys = ranked.into_iter().take(limit).map(|(key, _)| (key.clone(), key::decode(&key))).collect();
        Shown { timeline, starts: timeline.starts(MOST), keys, distinct, clock: &options.plan.clock }
    }

    /// The beginning of a bucket as RFC 3339.
    fn time(&self, start: i64) -> String {
        clock::offset_text(self.clock.at_local(start))
    }

    fn names(&self) -> Vec<&str> {
        self.timeline.fields().iter().map(|field| field.name.as_str()).collect()
    }

    fn json(&self, head: &Head) -> Vec<u8> {
        let mut rows = Vec::new();
        for start in &self.starts {
            let row = |cells: &[OwnedValue], count: u64| {
                let mut object = Map::new();
                object.insert("time".to_owned(), json!(self.time(*start)));
                for (name, value) in self.names().iter().zip(cells) {
                    object.insert((*name).to_owned(), report::json::cell(value));
                }
                object.insert("count".to_owned(), json!(count));
                Value::Object(object)
            };
            if self.timeline.fields().is_empty() {
                rows.push(row(&[], self.timeline.at(*start)));
            }
            for (key, cells) in &self.keys {
                let count = self.timeline.of(key, *start);
                if count > 0 {
                    rows.push(row(cells, count));
                }
            }
        }
        let mut document = report::json::head("fwstat.timeline/1", head);
        document.insert("bucket_seconds".to_owned(), json!(self.timeline.step()));
        document.insert("by".to_owned(), json!(self.names()));
        document.insert("distinct".to_owned(), json!(self.distinct));
        document.insert("rows".to_owned(), json!(rows));
        report::json::print(&Value::Object(document))
    }

    fn sheet(&self, sheet: Sheet, header: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if header {
            sheet.line(&mut out, ["time"].into_iter().chain(self.names()).chain(["count"]));
        }
        for start in &self.starts {
            let mut row = |cells: &[OwnedValue], count: u64| {
                let mut line = vec![self.time(*start)];
                line.extend(cells.iter().map(report::csv::value));
                line.push(count.to_string());
                sheet.line(&mut out, line.iter().map(String::as_str));
            };
            if self.timeline.fields().is_empty() {
                row(&[], self.timeline.at(*start));
            }
            for (key, cells) in &self.keys {
                let count = self.timeline.of(key, *start);
                if count > 0 {
                    row(cells, count);
                }
            }
        }
        out
    }

    fn table(&self, look: &Look, head: &Head) -> String {
        let mut out = report::table::head(look, head);
        if head.totals.packets + head.totals.cut == 0 {
            return out + &report::table::nothing(look, head);
        }
        let step = self.timeline.step();
        let mut heads = vec![Column { shrinks: false, ..Column::text("TIME") }.styled(KEY)];
        let mut rows: Vec<Vec<String>> = self.starts.iter().map(|begin| vec![start(*begin, step)]).collect();
        let by = !self.timeline.fields().is_empty();
        for (key, cells) in &self.keys {
            let name = cells.iter().map(cell).collect::<Vec<_>>().join(" ");
            heads.push(Column { shrinks: true, ..Column::number(&name) });
            for (row, start) in rows.iter_mut().zip(&self.starts) {
                row.push(quiet(look, self.timeline.of(key, *start)));
            }
        }
        if by && self.keys.len() < self.distinct {
            heads.push(Column::number("(other)"));
            for (row, start) in rows.iter_mut().zip(&self.starts) {
                let shown: u64 = self.keys.iter().map(|(key, _)| self.timeline.of(key, *start)).sum();
                row.push(quiet(look, self.timeline.at(*start) - shown));
            }
        }
        heads.push(Column::number(if by { "ALL" } else { "PACKETS" }));
        for (row, start) in rows.iter_mut().zip(&self.starts) {
            row.push(quiet(look, self.timeline.at(*start)));
        }
        if look.bars {
            let used: usize = (0..heads.len())
                .map(|i| {
                    2 + rows
                        .iter()
                        .map(|row| text::width(&row[i]))
                        .max()
                        .unwrap_or(0)
                        .max(text::width(&heads[i].name))
                })
                .sum();
            let room = look.width.unwrap_or(80).saturating_sub(used).min(60);
            if room >= 6 {
                let largest = self.starts.iter().map(|start| self.timeline.at(*start)).max().unwrap_or(0);
                heads.push(Column { shrinks: false, ..Column::text("") }.styled(BAR));
                for (row, start) in rows.iter_mut().zip(&self.starts) {
                    row.push(bar(self.timeline.at(*start), largest, room));
                }
            }
        }
        out.push_str(&columns(look, &heads, &rows));
        if look.header {
            let mut line = match self.starts.len() {
                0 => "nothing to show".to_owned(),
                n => format!("{} of {}", look.count_of(n as u64, "row", "rows"), length(step)),
            };
            if self.keys.len() < self.distinct {
                line.push_str(&format!(", showing {} of {} values", self.keys.len(), self.distinct));
            }
            if self.timeline.timeless() > 0 {
                line.push_str(&format!(
                    "; {} without a known time",
                    look.count_of(self.timeline.timeless(), "packet is", "packets are")
                ));
            }
            out.push_str(&(look.paint(DIM, &line) + "\n"));
        }
        out.push_str(&report::table::foot(look, head));
        out
    }
}

/// A count; a dot where there is none, so that the eye finds the others.
fn quiet(look: &Look, count: u64) -> String {
    if count == 0 { "·".to_owned() } else { look.number(count) }
}

/// The beginning of a bucket, as exactly as its length needs it.
pub(super) fn start(seconds: i64, step: i64) -> String {
    let text = clock::local_text(seconds);
    match step {
        s if s % 86_400 == 0 => text[..10].to_owned(),
        s if s % 60 == 0 => text[..16].to_owned(),
        _ => text,
    }
}

/// A length of time in words.
pub(super) fn length(seconds: i64) -> String {
    let of = |unit: i64, one: &str, many: &str| {
        (seconds % unit == 0).then(|| text::count_of((seconds / unit) as u64, one, many))
    };
    of(604_800, "week", "weeks")
        .or_else(|| of(86_400, "day", "days"))
        .or_else(|| of(3_600, "hour", "hours"))
        .or_else(|| of(60, "minute", "minutes"))
        .unwrap_or_else(|| text::count_of(seconds as u64, "second", "seconds"))
}
