//! A table of numbers whose column names are long: a name goes over as many lines as it needs.
//!
//! Responsible for: the widths of such columns, and where a name is broken.
//! Must not know: what the columns are.
//! Tested by: the unit tests below, `tests/screens`.

use anstyle::Style;

use super::style::{Column, GAP, HEADING, Layout, RenderOptions};
use fwlog::text;

/// Columns that a part of a name needs at least.
const NARROWEST: usize = 7;

/// Columns that a name needs to be read in two lines, as most have a sign near their middle.
fn two_lines(name: &str) -> usize {
    let width = text::width(name);
    width.min((width / 2 + 1).max(NARROWEST))
}

/// How many of some columns fit beside those before and after them, each with a name and numbers so wide.
#[must_use]
pub fn fitting(look: &RenderOptions, others: usize, columns: &[(String, usize)]) -> usize {
    let Some(width) = look.width else { return columns.len() };
    let mut used = others;
    columns
        .iter()
        .take_while(|(name, number)| {
            used += GAP + two_lines(name).max(*number);
            used <= width
        })
        .count()
}

/// Rows in columns, no wider than the terminal as long as [`fitting`] was asked; `paint` gives the style of a whole
/// row.
#[must_use]
pub fn table(
    look: &RenderOptions,
    columns: &[Column],
    rows: &[Vec<String>],
    paint: &dyn Fn(usize) -> Option<Style>,
) -> String {
    let cells = |at: usize| rows.iter().map(|row| text::width(&row[at])).max().unwrap_or(0);
    let floors_by = |narrowest: fn(&str) -> usize| -> Vec<usize> {
        columns.iter().enumerate().map(|(at, column)| cells(at).max(narrowest(&column.name))).collect()
    };
    let all = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let mut floors = floors_by(two_lines);
    if look.width.is_some_and(|limit| all(&floors) > limit) {
        floors = floors_by(|name| text::width(name).min(NARROWEST));
    }
    let name = |at: usize| if look.header { text::width(&columns[at].name) } else { 0 };
    let mut widths: Vec<usize> = (0..columns.len()).map(|at| floors[at].max(name(at))).collect();
    while look.width.is_some_and(|limit| all(&widths) > limit) {
        let wide = (0..widths.len()).filter(|at| widths[*at] > floors[*at]);
        let Some(widest) = wide.max_by_key(|at| (widths[*at], *at)) else { break };
        widths[widest] -= 1;
    }
    let mut out = String::new();
    let layout = Layout::fixed(&widths);
    if look.header {
        let names: Vec<Vec<String>> =
            columns.iter().zip(&widths).map(|(column, width)| broken(&column.name, *width)).collect();
        let lines = names.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..lines {
            // The last parts are next to the numbers.
            let part = |name: &Vec<String>| (line + name.len()).checked_sub(lines).map(|at| name[at].clone());
            let parts: Vec<String> = names.iter().map(|name| part(name).unwrap_or_default()).collect();
            out.push_str(&layout.line(look, columns, &parts, &|_| Some(HEADING)));
        }
    }
    for (at, cells) in rows.iter().enumerate() {
        out.push_str(&layout.line(look, columns, cells, &|_| paint(at)));
    }
    out
}

/// A name in parts of at most `width` columns, broken where it has a sign that parts it, if it has one there.
fn broken(name: &str, width: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = name;
    while text::width(rest) > width && width > 0 {
        let mut end = 0;
        let mut after_sign = None;
        for (at, c) in rest.char_indices() {
            let next = at + c.len_utf8();
            if text::width(&rest[..next]) > width {
                break;
            }
            end = next;
            if matches!(c, '.' | ':' | ' ' | '-' | '_' | '/' | ',') {
                after_sign = Some(next);
            }
        }
        // A character that is wider than the column stands alone.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let at = after_sign.filter(|at| *at * 2 > end).unwrap_or(end).max(first);
        parts.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_broken_and_never_cut() {
        assert_eq!(broken("tcp.in.dropped", 9), ["tcp.in.", "dropped"]);
        assert_eq!(broken("192.168.50.203", 8), ["192.168.", "50.203"]);
        assert_eq!(broken("2001:db8::1", 6), ["2001:", "db8::1"]);
        assert_eq!(broken("short", 9), ["short"]);
        assert_eq!(broken("界界界", 1), ["界", "界", "界"]);
        for width in 1..20 {
            assert_eq!(
                broken("a.very-long_name-of:a/prefix", width).concat(),
                "a.very-long_name-of:a/prefix"
            );
        }
    }
}
