//! `fwstat top` on paper: one table of counts after the other.
//!
//! Responsible for: the order of head, tables and notes in each form.
//! Must not know: which fields are counted.
//! Tested by: `tests/cli/top.rs`, `tests/screens`.

use serde_json::{Map, Value};

use super::csv::Delimiter;
use super::style::RenderOptions;
use super::{Head, Ranking, Report, json, markdown, next, table};

/// Some tables of counts.
pub struct Top {
    /// What was read.
    pub head: Head,
    /// The tables.
    pub tables: Vec<Ranking>,
}

impl Top {
    /// Whether a table says only what was asked for: one row, of the value that a filter names.
    fn is_known(&self, table: &Ranking) -> bool {
        table.ranked.distinct == 1 && table.by.iter().all(|field| self.head.filters.contains_key(field))
    }

    /// Commands about the largest row.
    fn next(&self, look: &RenderOptions) -> String {
        if self.head.of_states {
            return String::new();
        }
        let first = self.tables.iter().filter_map(|table| Some((table, table.ranked.rows.first()?)));
        let filters = first.filter_map(|(table, row)| next::filters_of(&table.by, &row.cells));
        // Of the default tables, the source says more than the prefix.
        let filters: Vec<Vec<String>> = filters.collect();
        let Some(largest) = filters.get(1).or(filters.first()) else {
            return next::block(look, &[(next::command(&self.head, "timeline", &[]), "over time")]);
        };
        let commands = [
            (next::command(&self.head, "lines", largest), "its lines"),
            (next::command(&self.head, "timeline", largest), "the same over time"),
        ];
        next::block(look, &commands)
    }
}

impl Report for Top {
    fn recap(&self, look: &RenderOptions) -> Option<String> {
        Some(table::recap(look, &self.head, &self.tables))
    }

    fn json(&self) -> Map<String, Value> {
        let mut document = json::head("fwstat.top/1", &self.head);
        document.insert("tables".to_owned(), json::tables(&self.tables, self.head.totals.matched));
        document
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = match table::opening(look, &self.head) {
            Ok(first) => first,
            Err(whole) => return whole,
        };
        let matched = self.head.totals.matched;
        let several = self.tables.len() > 1;
        let told = self.tables.iter().filter(|table| !several || !self.is_known(table));
        let tables: Vec<String> = told.map(|counts| table::counts(look, counts, matched)).collect();
        out.push_str(&tables.join("\n"));
        out.push_str(&table::foot(look, &self.head));
        out.push_str(&self.next(look));
        out
    }

    fn rows(&self, delimiter: Delimiter, header: bool) -> Option<Vec<u8>> {
        let matched = self.head.totals.matched;
        Some(match &self.tables[..] {
            [one] => delimiter.table(one, matched, header),
            // One table for programs, which stop at the end of the first.
            several => delimiter.tables(several, matched, header),
        })
    }

    fn markdown(&self) -> Option<String> {
        let matched = self.head.totals.matched;
        let tables: Vec<String> =
            self.tables.iter().map(|counts| markdown::counts(counts, matched)).collect();
        Some(tables.join("\n"))
    }
}
