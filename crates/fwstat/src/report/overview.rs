//! `fwstat` alone on paper: a line of columns over time, four tables, what to type next.
//!
//! Responsible for: the first screen that people see.
//! Must not know: which fields are counted.
//! Tested by: `tests/cli/timeline.rs`, `tests/screens`.

use serde_json::{Map, Value};

use super::style::{BAR, DIM, HEADING, KEY, RenderOptions, beside, sparkline};
use super::timeline::{length, start};
use super::{Head, Ranking, Report, json, table};
use fwlog::aggregate::Timeline;
use fwlog::record::OwnedValue;
use fwlog::text;

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
        if look.header && matched > 0 {
            out.push_str(&self.next(look));
        }
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
        let commands = self.commands();
        let widest = commands.iter().map(|(command, _)| text::width(command)).max().unwrap_or(0);
        let mut out = format!("\n{}\n", look.paint(HEADING, "Next:"));
        for (command, what) in commands {
            let command = format!("{command}{}", " ".repeat(widest - text::width(&command)));
            let fits = look.width.is_none_or(|width| 4 + widest + text::width(what) <= width);
            let what = if fits { what } else { "" };
            let line = format!("  {}  {}", look.paint(KEY, &command), look.paint(DIM, what));
            out.push_str(&(line.trim_end().to_owned() + "\n"));
        }
        out
    }

    fn commands(&self) -> Vec<(String, &'static str)> {
        let files: Vec<String> = match &self.head.files[..] {
            files if files.len() <= 3 => files.iter().map(|file| text::quoted(file)).collect(),
            _ => vec!["FILE...".to_owned()],
        };
        let files = files.join(" ");
        let prefixes = self.tables.first();
        let prefix =
            prefixes.and_then(|table| table.ranked.rows.first()).and_then(|row| match row.cells.first() {
                Some(OwnedValue::Text(text)) if !text.is_empty() => {
                    // What is no text cannot be typed.
                    std::str::from_utf8(text).ok().map(|text| format!(" --prefix {}", text::quoted(text)))
                }
                _ => None,
            });
        vec![
            (format!("fwstat top{} {files}", prefix.unwrap_or_default()), "more of one prefix"),
            (format!("fwstat timeline --by prefix {files}"), "over time"),
            (format!("fwstat suggest {files}"), "rules that silence the noise"),
            (format!("fwstat check {files}"), "what could not be read"),
        ]
    }
}
