//! Tables as CSV (RFC 4180): one header line, one line per row.
//!
//! Responsible for: quoting. Characters that a terminal would obey are escaped as in every
//! form; a cell that begins with `=` is left as it is, since the values are data, not formulas:
//! import them as text.
//! Must not know: what a table is about.
//! Tested by: the unit tests below, `tests/cli/export.rs`.

use super::Table;
use super::style::cell;
use crate::aggregate::key::Cell;

/// Appends one line.
pub fn line<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
    for (i, cell) in cells.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        quoted(out, cell);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends one cell, in quotes if it needs them.
pub fn quoted(out: &mut Vec<u8>, cell: &str) {
    let needs = cell.contains(['"', ',', '\n', '\r']) || cell.starts_with(' ') || cell.ends_with(' ');
    if !needs {
        out.extend_from_slice(cell.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in cell.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A table of counts.
#[must_use]
pub fn table(table: &Table, matched: u64) -> Vec<u8> {
    let mut out = Vec::new();
    line(&mut out, table.by.iter().map(String::as_str).chain(["count", "share"]));
    for row in &table.ranked.rows {
        let mut cells: Vec<String> = row.cells.iter().map(value).collect();
        cells.push(row.count.to_string());
        cells.push(Table::share(row.count, matched).to_string());
        line(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// A value for a program: nothing for what is missing.
#[must_use]
pub fn value(value: &Cell) -> String {
    match value {
        Cell::Missing => String::new(),
        Cell::Text(text) if text.is_empty() => String::new(),
        Cell::Flags(flags) => flags.to_string(),
        Cell::Time(when) => crate::clock::offset_text(*when),
        other => cell(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_when_needed() {
        let mut out = Vec::new();
        line(&mut out, ["plain", "a,b", "say \"x\"", "two\nlines", ""]);
        assert_eq!(out, b"plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\r\n");
    }
}
