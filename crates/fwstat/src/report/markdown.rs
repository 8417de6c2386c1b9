//! Tables as Markdown, for tickets and wikis.
//!
//! Responsible for: cells that cannot leave their table.
//! Must not know: what a table is about.
//! Tested by: the unit tests below.

use super::ranking::Ranking;
use super::style;

/// A table of counts.
#[must_use]
pub fn counts(counts: &Ranking, matched: u64) -> String {
    let mut names: Vec<(&str, bool)> = counts.by.iter().map(|name| (name.as_str(), false)).collect();
    names.extend([("count", true), ("share", true)]);
    let rows: Vec<Vec<String>> = counts
        .ranked
        .rows
        .iter()
        .map(|row| {
            let mut cells: Vec<String> = row.cells.iter().map(style::cell).collect();
            let more = if row.more > 0 { format!("±{}", row.more) } else { String::new() };
            cells.push(format!("{}{more}", row.count));
            cells.push(style::percent(row.count, matched));
            cells
        })
        .collect();
    table(&names, &rows)
}

/// A table; the columns with `true` are aligned to the right.
#[must_use]
pub fn table(names: &[(&str, bool)], rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = String>| {
        out.push('|');
        for cell in cells {
            out.push_str(&format!(" {cell} |"));
        }
        out.push('\n');
    };
    line(&mut names.iter().map(|(name, _)| cell(name)));
    line(&mut names.iter().map(|(_, right)| if *right { "---:" } else { "---" }.to_owned()));
    for row in rows {
        line(&mut row.iter().map(|text| cell(text)));
    }
    out
}

/// Text with everything escaped that Markdown or HTML would take for its own.
#[must_use]
pub fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_cannot_leave_its_cell() {
        let rows = vec![vec!["a|b <img src=x> [x](y)".to_owned(), "3".to_owned()]];
        assert_eq!(
            table(&[("prefix", false), ("count", true)], &rows),
            "| prefix | count |\n| --- | ---: |\n| a\\|b &lt;img src=x&gt; \\[x\\](y) | 3 |\n"
        );
    }
}
