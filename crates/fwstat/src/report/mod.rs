//! Results as text: plain structs in; tables, JSON, CSV, Markdown out. One file per form.
//!
//! Responsible for: the result structs and what they have in common.
//! Must not know: how results came about.
//! Tested by: `tests/cli`, the schemas in `schemas/`.

pub mod csv;
pub mod ecs;
pub mod explain;
pub mod handoff;
pub mod json;
pub mod markdown;
pub mod meaning;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod record;
pub mod replay;
pub mod rules;
pub mod stats;
pub mod style;
pub mod suggest;
pub mod table;

use serde_json::{Map, Value};

use crate::cli::Format;
use crate::options::Look;
use fwlog::aggregate::Ranked;
use fwlog::pipeline::{Account, Totals};
use fwlog::time::clock;

/// A result in every form that it has.
pub trait Report {
    /// The whole document.
    fn json(&self) -> Map<String, Value>;

    /// The text for people.
    fn table(&self, look: &Look) -> String;

    /// The rows with a delimiter, if the result is rows.
    fn rows(&self, _delimiter: csv::Sheet, _header: bool) -> Option<Vec<u8>> {
        None
    }

    /// The tables as Markdown, if the result is tables.
    fn markdown(&self) -> Option<String> {
        None
    }
}

/// A result in one form. A form that the result does not have is not asked for: a command
/// lists those that it writes.
#[must_use]
pub fn render(report: &dyn Report, form: Format, look: &Look) -> Vec<u8> {
    let rows = match form {
        Format::Csv => report.rows(csv::Sheet::Csv, look.header),
        Format::Tsv => report.rows(csv::Sheet::Tsv, look.header),
        Format::Markdown => report.markdown().map(String::into_bytes),
        Format::Json => Some(json::print(&Value::Object(report.json()))),
        _ => None,
    };
    rows.unwrap_or_else(|| report.table(look).into_bytes())
}

/// What every report begins with: what was read, what was asked, what came of the lines.
#[derive(Clone, Debug)]
pub struct Head {
    /// The inputs' names.
    pub files: Vec<String>,
    /// Bytes read, decoded.
    pub bytes: u64,
    /// The first and the last moment of a record (nanoseconds, UTC), with the report's offset.
    pub span: Option<(clock::When, clock::When)>,
    /// The filters as typed.
    pub filters: Map<String, Value>,
    /// The sums.
    pub totals: Totals,
    /// What had to be assumed, and what could not be read: sentences.
    pub notes: Vec<String>,
    /// Whether somebody stopped the reading.
    pub partial: bool,
}

impl Head {
    /// The head of a report on what an account says.
    #[must_use]
    pub fn new(
        files: Vec<String>,
        filters: Map<String, Value>,
        account: &Account,
        clock: &clock::Clock,
        notes: Vec<String>,
    ) -> Head {
        let span = account.span.map(|(first, last)| (clock.at(first), clock.at(last)));
        Head { files, bytes: account.bytes, span, filters, totals: account.totals, notes, partial: false }
    }
}

/// Counts by some fields, ranked.
#[derive(Clone, Debug)]
pub struct Table {
    /// The fields' names.
    pub by: Vec<String>,
    /// The rows and the rest.
    pub ranked: Ranked,
}

impl Table {
    /// A row's part of everything that passed the filters.
    #[must_use]
    pub fn share(count: u64, matched: u64) -> f64 {
        if matched == 0 {
            return 0.0;
        }
        // Four digits: the same on every machine, and enough for any chart.
        (count as f64 / matched as f64 * 10_000.0).round() / 10_000.0
    }
}
