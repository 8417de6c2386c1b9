//! `fwstat` alone on paper: a line of columns over time, four tables, what to type next.
//!
//! Responsible for: the first screen that people see.
//! Must not know: which fields are counted.
//! Tested by: `tests/cli/timeline.rs`, `tests/screens`.

use serde_json::{Map, Value};

use super::style::{BAR, DIM, RenderOptions, beside, sparkline};
use super::timeline::{length, start};
use super::{Head, Ranking, Report, json, next, table};
use fwlog::aggregate::Timeline;

/// Days that a sparkline shows, at most.
const DAYS: usize = 400;
/// From so many columns on, sources and their networks are side by side.
const WIDE: usize = 120;

/// What is in a log, at a glance.
pub struct Overview {
    /// What was read.
    pub head: Head,
    /// Prefixes, sources, networks, ports.
    pub tables: Vec<Ranking>,
    /// Packets over time.
    pub timeline: Timeline,
}

impl Report for Overview {
    fn json(&self) -> Map<String, Value> {
        let mut document = json::head("fwstat.overview/1", &self.head);
        document.insert("tables".to_owned(), json::tables(&self.tables, self.head.totals.matched));
        document
    }

    fn table(&self, look: &RenderOptions) -> String {
        let head = &self.head;
        let mut out = table::head(look, head);
        if head.is_empty() {
            return out + &table::nothing(look, head);
        }
        if head.totals.matched == 0 {
            return out + &table::none(look, head);
        }
        out.push_str(&self.over_time(look));
        let matched = head.totals.matched;
        let shown: Vec<String> =
            self.tables.iter().map(|counts| table::counts(look, counts, matched)).collect();
        match (&shown[..], look.width) {
            ([prefixes, sources, networks, ports], Some(width)) if width >= WIDE => {
                let sources = beside(sources, networks, 4);
                out.push_str(&[prefixes, &sources, ports].map(String::as_str).join("\n"));
            }
            _ => out.push_str(&shown.join("\n")),
        }
        out.push_str(&table::foot(look, head));
        out.push_str(&self.next(look));
        out
    }
}

impl Overview {
    /// The line of columns, and what one of them is.
    fn over_time(&self, look: &RenderOptions) -> String {
        let starts = self.timeline.starts(DAYS);
        let (Some(first), Some(last), true) = (starts.first(), starts.last(), starts.len() > 1) else {
            return String::new();
        };
        let values: Vec<u64> = starts.iter().map(|start| self.timeline.at(*start)).collect();
        let largest = values.iter().copied().max().unwrap_or(0);
        let step = self.timeline.step();
        let per = length(step);
        let about = format!(
            "packets per {} (peak {}), {} to {}",
            per.strip_prefix("1 ").unwrap_or(&per),
            look.number(largest),
            start(*first, step),
            start(*last, step),
        );
        format!("{}\n{}\n\n", look.paint(BAR, &sparkline(&values)), look.paint(DIM, &about))
    }

    /// Commands worth typing after this one.
    fn next(&self, look: &RenderOptions) -> String {
        let first = self.tables.first().and_then(|table| Some((table, table.ranked.rows.first()?)));
        let prefix =
            first.and_then(|(table, row)| next::filters_of(&table.by, &row.cells)).unwrap_or_default();
        let of = |name: &str, more: &[String]| next::command(&self.head, name, more);
        let commands = [
            (of("top", &prefix), "more of one prefix"),
            (of("timeline", &["--by prefix".to_owned()]), "over time"),
            (of("suggest", &[]), "rules that silence the noise"),
            (of("check", &[]), "what could not be read"),
        ];
        next::block(look, &commands)
    }
}
