//! Tables as CSV (RFC 4180) or with tabs: one header line, one line per row.
//!
//! Responsible for: quoting. Characters that a terminal would obey are escaped as in every
//! form; a cell that begins with `=` is left as it is, since the values are data, not formulas:
//! import them as text.
//! Must not know: what a table is about.
//! Tested by: the unit tests below, `tests/cli/export.rs`.

use super::ranking::Ranking;
use super::style::cell;
use fwlog::record::OwnedValue;

/// Field separator and line terminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// Commas, quotes where needed, CR LF.
    Csv,
    /// Tabs, no quotes, LF: what `cut` and `awk -F'\t'` read. No cell holds a tab or a line end,
    /// since both are escaped.
    Tsv,
}

impl Delimiter {
    /// Appends one line.
    pub fn line<'a>(self, out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
        for (i, cell) in cells.into_iter().enumerate() {
            if i > 0 {
                self.next(out);
            }
            self.cell(out, cell);
        }
        self.end(out);
    }

    /// Appends what stands between two cells.
    pub fn next(self, out: &mut Vec<u8>) {
        out.push(if self == Delimiter::Csv { b',' } else { b'\t' });
    }

    /// Appends what ends a line.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self == Delimiter::Csv { b"\r\n" } else { b"\n" });
    }

    /// Appends one cell, in quotes if it needs them.
    pub fn cell(self, out: &mut Vec<u8>, cell: &str) {
        let quotes = self == Delimiter::Csv
            && (cell.contains(['"', ',', '\n', '\r']) || cell.starts_with(' ') || cell.ends_with(' '));
        if !quotes {
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

    /// A table of counts, with a header line if one is wanted.
    #[must_use]
    pub fn table(self, counts: &Ranking, matched: u64, header: bool) -> Vec<u8> {
        let mut out = Vec::new();
        if header {
            let other = counts.of_other.as_ref().map(|other| format!("distinct_{}", other.field));
            let most = counts.ranked.missed.map(|_| "count_at_most");
            let numbers = ["count"].into_iter().chain(most).chain(["share"]);
            let names = counts.by.iter().map(String::as_str).chain(numbers);
            self.line(&mut out, names.chain(other.as_deref()));
        }
        for (at, row) in counts.ranked.rows.iter().enumerate() {
            let mut cells: Vec<String> = row.cells.iter().map(value).collect();
            cells.push(row.count.to_string());
            cells.extend(counts.ranked.missed.map(|_| (row.count + row.more).to_string()));
            cells.push(Ranking::share(row.count, matched).to_string());
            cells.extend(counts.of_other.as_ref().map(|other| other.values[at].to_string()));
            self.line(&mut out, cells.iter().map(String::as_str));
        }
        out
    }
}

impl Delimiter {
    /// Several tables as one: what each row is counted by, and its values in one cell.
    #[must_use]
    pub fn tables(self, tables: &[Ranking], matched: u64, header: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let bounded = tables.iter().any(|table| table.ranked.missed.is_some());
        if header {
            let most = bounded.then_some("count_at_most");
            self.line(&mut out, ["by", "key", "count"].into_iter().chain(most).chain(["share"]));
        }
        for table in tables {
            let by = table.by.join(",");
            for row in &table.ranked.rows {
                let key: Vec<String> = row.cells.iter().map(value).collect();
                let (key, count) = (key.join(" "), row.count.to_string());
                let share = Ranking::share(row.count, matched).to_string();
                let most = bounded.then(|| (row.count + row.more).to_string());
                let numbers = [count.as_str()].into_iter().chain(most.as_deref()).chain([share.as_str()]);
                self.line(&mut out, [by.as_str(), &key].into_iter().chain(numbers));
            }
        }
        out
    }
}

/// A value for a program: nothing for what is missing.
#[must_use]
pub fn value(value: &OwnedValue) -> String {
    match value {
        OwnedValue::Missing => String::new(),
        OwnedValue::Text(text) if text.is_empty() => String::new(),
        OwnedValue::Flags(flags) => flags.to_string(),
        OwnedValue::Time(when) => fwlog::time::clock::offset_text(*when),
        other => cell(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_when_needed() {
        let mut out = Vec::new();
        Delimiter::Csv.line(&mut out, ["plain", "a,b", "say \"x\"", "two\nlines", ""]);
        assert_eq!(out, b"plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\r\n");
    }

    #[test]
    fn prefix_cannot_add_a_column() {
        let mut out = Vec::new();
        let shown = value(&OwnedValue::Text(b"a\tb\nc".as_slice().into()));
        Delimiter::Tsv.line(&mut out, [shown.as_str(), "2"]);
        assert_eq!(out, b"a\\x09b\\x0ac\t2\n");
    }
}
