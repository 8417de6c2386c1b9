//! `fwstat top` on paper: one table of counts after the other.
//!
//! Responsible for: the order of head, tables and notes in each form.
//! Must not know: which fields are counted.
//! Tested by: `tests/cli/top.rs`, `tests/screens`.

use serde_json::{Map, Value};

use super::csv::Delimiter;
use super::style::RenderOptions;
use super::{Head, Ranking, Report, json, markdown, table};

/// Some tables of counts.
pub struct Top {
    /// What was read.
    pub head: Head,
    /// The tables.
    pub tables: Vec<Ranking>,
}

impl Report for Top {
    fn json(&self) -> Map<String, Value> {
        let mut document = json::head("fwstat.top/1", &self.head);
        document.insert("tables".to_owned(), json::tables(&self.tables, self.head.totals.matched));
        document
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = table::head(look, &self.head);
        if self.head.is_empty() {
            return out + &table::nothing(look, &self.head);
        }
        let matched = self.head.totals.matched;
        let tables: Vec<String> =
            self.tables.iter().map(|counts| table::counts(look, counts, matched)).collect();
        out.push_str(&tables.join("\n"));
        out.push_str(&table::foot(look, &self.head));
        out
    }

    fn rows(&self, delimiter: Delimiter, header: bool) -> Option<Vec<u8>> {
        let matched = self.head.totals.matched;
        let tables: Vec<Vec<u8>> =
            self.tables.iter().map(|counts| delimiter.table(counts, matched, header)).collect();
        let mut between = Vec::new();
        delimiter.end(&mut between);
        Some(tables.join(&between[..]))
    }

    fn markdown(&self) -> Option<String> {
        let matched = self.head.totals.matched;
        let tables: Vec<String> =
            self.tables.iter().map(|counts| markdown::counts(counts, matched)).collect();
        Some(tables.join("\n"))
    }
}
