//! `fwstat timeline` on paper: a row per bucket, a column per key.
//!
//! Responsible for: which keys are shown, and the rows of each form.
//! Must not know: how counting works, how wide a bucket should be.
//! Tested by: `tests/cli/timeline.rs`, `tests/screens`.

use serde_json::{Map, Value, json};

use super::csv::{self, Delimiter};
use super::heat::Heat;
use super::style::{Column, DIM, KEY, PEAK, RenderOptions, add_bars, cell, sentence};
use super::{Head, Report, json, next, stacked, table};
use fwlog::aggregate::{Timeline, key};
use fwlog::record::OwnedValue;
use fwlog::text;
use fwlog::time::clock::{self, Clock};

/// Columns of the longest bar.
const LONGEST_BAR: usize = 60;

/// Counts over time, with the keys that are shown.
pub struct OverTime<'t> {
    head: &'t Head,
    clock: &'t Clock,
    timeline: &'t Timeline,
    starts: Vec<i64>,
    /// The keys with their values, the largest first.
    keys: Vec<(Vec<u8>, Vec<OwnedValue>)>,
    /// How many keys there are.
    distinct: usize,
    /// Packets outside of the rows: their clocks were wrong.
    pub outside: u64,
}

impl<'t> OverTime<'t> {
    /// The `limit` largest keys of a timeline (all if it is 0), in the buckets that begin at `starts`
    /// (local seconds).
    #[must_use]
    pub fn new(
        head: &'t Head,
        clock: &'t Clock,
        timeline: &'t Timeline,
        starts: Vec<i64>,
        limit: usize,
    ) -> OverTime<'t> {
        let ranked = timeline.ranked();
        let distinct = ranked.len();
        let limit = if limit == 0 { distinct } else { limit };
        let keys = ranked.into_iter().take(limit).map(|(key, _)| (key.clone(), key::decode(&key))).collect();
        OverTime { head, clock, timeline, starts, keys, distinct, outside: 0 }
    }

    /// What the counts of a key may lack in all, if memory was bounded.
    fn at_most(&self, cells: &[OwnedValue], count: u64) -> Option<u64> {
        self.timeline.missed()?;
        let key = self.keys.iter().find(|(_, known)| &known[..] == cells);
        Some(count + key.map_or(0, |(key, _)| self.timeline.more(key)))
    }

    /// The beginning of a bucket as RFC 3339.
    fn time(&self, start: i64) -> String {
        clock::offset_text(self.clock.at_local(start))
    }

    fn names(&self) -> Vec<&str> {
        self.timeline.fields().iter().map(|field| field.name.as_str()).collect()
    }

    /// Every count above 0: the bucket's start, the key, the count. Without fields every bucket.
    fn counted(&self) -> Vec<(i64, &[OwnedValue], u64)> {
        let mut rows = Vec::new();
        for start in &self.starts {
            if self.timeline.fields().is_empty() {
                rows.push((*start, &[][..], self.timeline.at(*start)));
            }
            for (key, cells) in &self.keys {
                let count = self.timeline.of(key, *start);
                if count > 0 {
                    rows.push((*start, &cells[..], count));
                }
            }
        }
        rows
    }

    /// What a key's column is called, and what its counts may lack in all.
    fn column_name(&self, look: &RenderOptions, key: &[u8], cells: &[OwnedValue]) -> String {
        let name = column_name(cells);
        match self.timeline.more(key) {
            0 => name,
            more => format!("{name} ±{}", look.number(more)),
        }
    }

    /// How many keys have a column on this screen.
    fn shown(&self, look: &RenderOptions) -> usize {
        let widest = |count: &dyn Fn(i64) -> u64| {
            self.starts.iter().map(|start| look.number(count(*start)).len()).max().unwrap_or(1)
        };
        let columns: Vec<(String, usize)> = self
            .keys
            .iter()
            .map(|(key, cells)| {
                (self.column_name(look, key, cells), widest(&|start| self.timeline.of(key, start)))
            })
            .collect();
        let time = self.starts.first().map_or(4, |begin| start(*begin, self.timeline.step()).len());
        // The others and all are at most as wide as the sum.
        let sums = widest(&|start| self.timeline.at(start)).max(7) + 2;
        // Where all keys have a column, there is no other.
        if columns.len() == self.distinct && stacked::fitting(look, time + sums, &columns) == columns.len() {
            return columns.len();
        }
        stacked::fitting(look, time + 2 * sums, &columns).max(1)
    }

    /// The columns with their cells, without bars.
    fn grid(&self, look: &RenderOptions) -> (Vec<Column>, Vec<Vec<String>>) {
        let step = self.timeline.step();
        let mut heads = vec![Column::whole("TIME").styled(KEY)];
        let mut rows: Vec<Vec<String>> = self.starts.iter().map(|begin| vec![start(*begin, step)]).collect();
        let by = !self.timeline.fields().is_empty();
        let shown = &self.keys[..self.keys.len().min(self.shown(look))];
        for (key, cells) in shown {
            heads.push(Column::number(&self.column_name(look, key, cells)));
            for (row, start) in rows.iter_mut().zip(&self.starts) {
                row.push(dot_for_none(look, self.timeline.of(key, *start)));
            }
        }
        if by && shown.len() < self.distinct {
            heads.push(Column::number("(other)"));
            for (row, start) in rows.iter_mut().zip(&self.starts) {
                let shown: u64 = shown.iter().map(|(key, _)| self.timeline.of(key, *start)).sum();
                row.push(dot_for_none(look, self.timeline.at(*start) - shown));
            }
        }
        heads.push(Column::number(if by { "ALL" } else { "PACKETS" }));
        for (row, start) in rows.iter_mut().zip(&self.starts) {
            row.push(dot_for_none(look, self.timeline.at(*start)));
        }
        (heads, rows)
    }

    /// Commands about the largest row.
    fn next(&self, look: &RenderOptions) -> String {
        if self.head.of_states {
            return String::new();
        }
        let Some(start) = self.largest() else { return String::new() };
        let until = start + self.timeline.step() - 1;
        let stamp = |seconds: i64| text::quoted(&clock::local_text(seconds));
        let at = [format!("-S {}", stamp(start)), format!("-U {}", stamp(until))];
        let commands = [
            (next::command(self.head, "top", &at), "who made the peak"),
            (next::command(self.head, "lines", &at), "its lines"),
        ];
        next::block(look, &commands)
    }

    /// What is not in the rows: how many there are, what was left out.
    fn summary(&self, look: &RenderOptions) -> String {
        let mut line = match self.starts.len() {
            0 => "no packets match".to_owned(),
            n => format!("{} of {}", look.count_of(n as u64, "row", "rows"), length(self.timeline.step())),
        };
        let shown = self.keys.len().min(self.shown(look));
        if shown < self.distinct {
            let (shown, all) = (shown as u64, self.distinct as u64);
            let names: Vec<String> = self.names().into_iter().map(str::to_owned).collect();
            let (_, many) = table::noun(&names);
            let about =
                if self.timeline.missed().is_some_and(|missed| missed > 0) { "at least " } else { "" };
            line.push_str(&format!(", top {} of {about}{} {many}", look.number(shown), look.number(all)));
        }
        if let Some(peak) = self.peak(look) {
            line.push_str(&format!("; {peak}"));
        }
        if self.outside > 0 {
            let packets = look.count_of(self.outside, "packet is", "packets are");
            line.push_str(&format!(
                "; {packets} far from the others in time and not shown (--bucket shows all)"
            ));
        }
        if self.timeline.timeless() > 0 {
            line.push_str(&format!(
                "; {} without a known time",
                look.count_of(self.timeline.timeless(), "packet is", "packets are")
            ));
        }
        sentence(look, DIM, &line)
    }

    /// Where the largest row begins; the first of equal ones.
    fn largest(&self) -> Option<i64> {
        let starts = self.starts.iter().copied();
        starts.max_by_key(|start| (self.timeline.at(*start), std::cmp::Reverse(*start)))
    }

    /// What is said of the largest row.
    fn peak(&self, look: &RenderOptions) -> Option<String> {
        let largest = self.largest()?;
        let count = self.timeline.at(largest);
        (self.starts.len() > 1)
            .then(|| format!("peak {} at {}", look.number(count), start(largest, self.timeline.step())))
    }
}

impl Report for OverTime<'_> {
    fn recap(&self, look: &RenderOptions) -> Option<String> {
        let packets = look.count_of(self.head.totals.matched, "packet", "packets");
        Some(format!("{packets}; {}", self.peak(look)?))
    }

    fn json(&self) -> Map<String, Value> {
        let row = |(start, cells, count): (i64, &[OwnedValue], u64)| {
            let mut object = Map::new();
            object.insert("time".to_owned(), json!(self.time(start)));
            for (name, value) in self.names().iter().zip(cells) {
                object.insert((*name).to_owned(), json::cell(value));
            }
            object.insert("count".to_owned(), json!(count));
            if let Some(most) = self.at_most(cells, count) {
                object.insert("count_at_most".to_owned(), json!(most));
            }
            Value::Object(object)
        };
        let rows: Vec<Value> = self.counted().into_iter().map(row).collect();
        let mut document = json::head("fwstat.timeline/1", self.head);
        document.insert("bucket_seconds".to_owned(), json!(self.timeline.step()));
        document.insert("by".to_owned(), json!(self.names()));
        document.insert("distinct".to_owned(), json!(self.distinct));
        if let Some(missed) = self.timeline.missed() {
            document.insert("distinct_is_at_least".to_owned(), json!(missed > 0));
            document.insert("others_at_most".to_owned(), json!(missed));
        }
        document.insert("rows".to_owned(), json!(rows));
        document
    }

    fn rows(&self, delimiter: Delimiter, header: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if header {
            let most = self.timeline.missed().map(|_| "count_at_most");
            delimiter.line(&mut out, ["time"].into_iter().chain(self.names()).chain(["count"]).chain(most));
        }
        for (start, cells, count) in self.counted() {
            let mut line = vec![self.time(start)];
            line.extend(cells.iter().map(csv::value));
            line.push(count.to_string());
            line.extend(self.at_most(cells, count).map(|most| most.to_string()));
            delimiter.line(&mut out, line.iter().map(String::as_str));
        }
        Some(out)
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = match table::opening(look, self.head) {
            Ok(first) => first,
            Err(whole) => return whole,
        };
        if let Some(heat) = Heat::of(self.timeline) {
            return out + &heat.table(look) + &table::foot(look, self.head);
        }
        let (mut heads, mut rows) = self.grid(look);
        let all: Vec<u64> = self.starts.iter().map(|start| self.timeline.at(*start)).collect();
        add_bars(look, &mut heads, &mut rows, &all, 0, LONGEST_BAR);
        let largest = all.iter().copied().max().unwrap_or(0);
        // Where all are alike, none stands out.
        let peak = |row: usize| all[row] == largest && all.iter().any(|count| *count < largest);
        out.push_str(&stacked::table(look, &heads, &rows, &|row| peak(row).then_some(PEAK)));
        if look.header {
            out.push_str(&self.summary(look));
        }
        out.push_str(&table::foot(look, self.head));
        out.push_str(&self.next(look));
        out
    }
}

/// What is said where a bound of memory was reached.
#[must_use]
pub fn bound_note(timeline: &Timeline, look: &RenderOptions) -> Option<String> {
    let missed = timeline.missed().filter(|missed| *missed > 0)?;
    Some(format!(
        "more values than --max-memory has room for: all counts of a column together may lack what ± says, and a value \
         that is not counted came at most {} times",
        look.number(missed)
    ))
}

/// The values of a key in one cell.
fn column_name(cells: &[OwnedValue]) -> String {
    cells.iter().map(cell).collect::<Vec<_>>().join(" ")
}

/// A count; a dot where there is none, so that the eye finds the others.
fn dot_for_none(look: &RenderOptions, count: u64) -> String {
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
