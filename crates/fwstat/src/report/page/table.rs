//! Tables of a page.
//!
//! Responsible for: columns and cells, and what they are sorted by.
//! Must not know: what a table is about.
//! Tested by: the unit tests below, `tests/cli/report_page.rs`.

use std::borrow::Cow;

use askama::Template;
use askama::filters::HtmlSafe;
use fwlog::text;

use super::plot::Svg;

/// Columns of text that are shown of anything out of a log.
const SHOWN: usize = 200;

/// Text out of a log as a page may show it: nothing that hides or reorders text, and not endless. The page escapes it
/// for HTML like all other text.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    // Only so much of it is looked at as can be shown.
    let part = &bytes[..bytes.len().min(SHOWN * 4)];
    let cut = text::shorten(&text::escape(part), SHOWN);
    if part.len() < bytes.len() && !cut.ends_with('…') { cut + "…" } else { cut }
}

/// A sentence in which text out of a log may stand, escaped: not endless either.
#[must_use]
pub fn sentence(words: &str) -> String {
    text::shorten(words, SHOWN * 3)
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Whether it holds numbers, which stand below each other.
    pub number: bool,
    /// Whether rows can be sorted by it.
    pub sorts: bool,
    /// Whether its name is only for those who do not see what it holds.
    pub unseen: bool,
}

/// A column of text.
#[must_use]
pub const fn words(name: &'static str) -> Column {
    Column { name: Cow::Borrowed(name), number: false, sorts: true, unseen: false }
}

/// A column of numbers.
#[must_use]
pub const fn numbers(name: &'static str) -> Column {
    Column { name: Cow::Borrowed(name), number: true, sorts: true, unseen: false }
}

/// A column of pictures or of text that has no order.
#[must_use]
pub const fn plain(name: &'static str) -> Column {
    Column { name: Cow::Borrowed(name), number: false, sorts: false, unseen: false }
}

/// A column of bars for the numbers of the one before it.
#[must_use]
pub const fn bars() -> Column {
    Column { name: Cow::Borrowed("As a bar"), number: false, sorts: false, unseen: true }
}

impl Column {
    /// A column of numbers whose name is made for the page.
    #[must_use]
    pub fn named(name: String) -> Column {
        Column { name: Cow::Owned(name), number: true, sorts: false, unseen: false }
    }
}

/// What stands in a row and a column.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Less important text below it.
    pub below: String,
    /// What it is sorted by, if not by its text.
    pub key: Option<u64>,
    /// A picture after the text.
    pub svg: Option<Svg>,
    /// Whether the text is code: a prefix, an address, a rule.
    pub code: bool,
    /// Whether a line may be broken inside of it.
    pub long: bool,
    /// How dark the cell is, from 0 to 8.
    pub shade: Option<u8>,
}

impl Cell {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), ..Cell::default() }
    }

    /// Code.
    #[must_use]
    pub fn code(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), code: true, ..Cell::default() }
    }

    /// A number.
    #[must_use]
    pub fn number(number: u64) -> Cell {
        Cell { text: text::grouped(number), key: Some(number), ..Cell::default() }
    }

    /// A number as other text than its digits.
    #[must_use]
    pub fn valued(text: impl Into<String>, key: u64) -> Cell {
        Cell { text: text.into(), key: Some(key), ..Cell::default() }
    }

    /// A picture.
    #[must_use]
    pub fn picture(svg: Svg) -> Cell {
        Cell { svg: Some(svg), ..Cell::default() }
    }

    /// With less important text below it.
    #[must_use]
    pub fn with(self, below: impl Into<String>) -> Cell {
        Cell { below: below.into(), ..self }
    }

    /// With lines that may be broken.
    #[must_use]
    pub fn broken(self) -> Cell {
        Cell { long: true, ..self }
    }

    /// As dark as this part of the darkest.
    #[must_use]
    pub fn shaded(self, part: f64) -> Cell {
        let shade = if part > 0.0 { (part * 8.0).ceil().clamp(1.0, 8.0) as u8 } else { 0 };
        Cell { shade: Some(shade), ..self }
    }
}

/// A table; the first cell of each row names it.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "table.html")]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// More about it, in a sentence.
    pub about: String,
    /// Its class, which decides how it looks.
    pub class: &'static str,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Whether its rows can be sorted and filtered.
    pub tools: bool,
}

// It is a template: everything in it is escaped.
impl HtmlSafe for Table {}

impl Table {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_cannot_leave_its_cell() {
        let hostile = "<img src=x onerror=alert(1)>\u{202e}\x1b]52;c;x\x07</td></table><script>";
        let table = Table {
            caption: shown(hostile.as_bytes()),
            columns: vec![words("A")],
            rows: vec![vec![Cell::code(shown(hostile.as_bytes())).with(shown(hostile.as_bytes()))]],
            ..Table::default()
        };
        let html = table.to_string();
        assert!(!html.contains("<img") && !html.contains("<script"), "{html}");
        assert!(!html.contains('\u{202e}') && !html.contains('\x1b'), "{html}");
        assert_eq!(html.matches("</table>").count(), 1);
    }

    #[test]
    fn text_of_a_log_is_not_endless() {
        let long = shown(&b"x".repeat(10_000));
        assert_eq!(text::width(&long), SHOWN);
        assert!(long.ends_with('…'));
        assert_eq!(shown(b"tcp.in.dropped"), "tcp.in.dropped");
        // What is escaped is longer than it was.
        assert!(text::width(&shown(&[0xff; 900])) <= SHOWN);
    }

    #[test]
    fn shades_are_eighths() {
        let shade = |part: f64| Cell::default().shaded(part).shade;
        assert_eq!([0.0, 0.001, 0.5, 1.0, 2.0].map(shade), [0, 1, 4, 8, 8].map(Some));
    }
}
