//! Results as text: plain structs in; tables, JSON, CSV, Markdown out. One file per form.
//!
//! Responsible for: the trait that every result has.
//! Must not know: how results came about.
//! Tested by: `tests/cli`, the schemas in `schemas/`.

pub mod check;
pub mod csv;
pub mod diagnostics;
pub mod ecs;
pub mod explain;
pub mod handoff;
pub mod head;
pub mod heat;
pub mod json;
pub mod line_row;
pub mod lines;
pub mod markdown;
pub mod meaning;
pub mod next;
pub mod overview;
pub mod page;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod ranking;
pub mod record;
pub mod replay;
pub mod rules;
pub mod stacked;
pub mod stats;
pub mod style;
pub mod suggest;
pub mod table;
pub mod timeline;
pub mod top;

use serde_json::{Map, Value};

use crate::cli::Format;
pub use head::Head;
pub use ranking::Ranking;
use style::RenderOptions;

/// A result in every form that it has.
pub trait Report {
    /// The whole document.
    fn json(&self) -> Map<String, Value>;

    /// The text for people.
    fn table(&self, look: &RenderOptions) -> String;

    /// The number that matters, for the end of a text that is longer than the screen.
    fn recap(&self, _look: &RenderOptions) -> Option<String> {
        None
    }

    /// The rows with a delimiter, if the result is rows.
    fn rows(&self, _delimiter: csv::Delimiter, _header: bool) -> Option<Vec<u8>> {
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
pub fn render(report: &dyn Report, form: Format, look: &RenderOptions) -> Vec<u8> {
    let rows = match form {
        Format::Csv => report.rows(csv::Delimiter::Csv, look.header),
        Format::Tsv => report.rows(csv::Delimiter::Tsv, look.header),
        Format::Markdown => report.markdown().map(String::into_bytes),
        Format::Json => Some(json::print(&Value::Object(report.json()))),
        _ => None,
    };
    rows.unwrap_or_else(|| with_recap(look, report.table(look), || report.recap(look)).into_bytes())
}

/// A text with the number that matters once more at its end, if the beginning has left the screen then.
#[must_use]
pub fn with_recap(look: &RenderOptions, mut text: String, recap: impl FnOnce() -> Option<String>) -> String {
    let long = look.header && look.rows.is_some_and(|rows| text.lines().count() >= rows);
    if let Some(recap) = recap().filter(|_| long) {
        text.push_str(&format!("\n{}", style::sentence(look, style::HEADING, &recap)));
    }
    text
}
