//! The rules: lines of the log beside the kernel's counters, and what moved since the mark.
//!
//! Responsible for: chains as headings, which columns have room, rules that moved brighter than others.
//! Must not know: how anything is counted.
//! Tested by: the snapshots in `tests/watch`.

use fwlog::text::{self, grouped};

use super::paint::{Ink, Paint};
use crate::watch::layout::{Area, Panel, View};
use crate::watch::model::App;
use crate::watch::rules::{Change, RuleRow};

/// A number, or a sign that there is none.
fn number(packets: Option<u64>) -> String {
    packets.map_or_else(|| "-".to_owned(), grouped)
}

/// What moved since the mark.
fn step(moved: u64) -> String {
    if moved == 0 { String::new() } else { format!("+{}", grouped(moved)) }
}

pub(super) fn rules(app: &App, paint: &mut Paint<'_>, area: Area) {
    let rows = &app.picture.rules;
    let kernel = app.counters;
    let whole = app.view == View::Rules;
    let focus = whole || app.focus == Panel::Rules;
    let mark = match app.zero {
        Some(at) => format!("since the mark (0), {} s ago ", app.now.saturating_sub(at) / 1_000),
        None => "0 sets the mark ".to_owned(),
    };
    paint.title(area, "6 rules", &mark, focus);
    if area.height < 3 {
        return;
    }
    let mut y = area.y + 1;
    let words = match kernel {
        true => "               kernel      since       log      since  rule",
        false => "                  log      since  rule",
    };
    paint.text(area.x, y, area.width, words, Ink::Dim);
    if let Some(error) = &app.picture.counters_error {
        paint.text(area.x, y, area.width, error, Ink::Warn);
    }
    y += 1;
    let page = usize::from(area.height - 2);
    let top = app.rule.0.min(rows.len().saturating_sub(page));
    let moving = app.zero.is_some();
    for (at, row) in rows.iter().enumerate().skip(top).take(page) {
        line(paint, Area { y, height: 1, ..area }, row, (app.setup.rules, kernel), moving);
        if focus && at == app.rule.1 {
            paint.cursor(Area { y, height: 1, ..area });
        }
        y += 1;
    }
    if rows.is_empty() {
        let words = "no rules yet: --rules FILE names those of the log, C asks the kernel";
        paint.text(area.x + 1, y, area.width - 1, words, Ink::Dim);
    }
}

/// A rule, or the head of a chain.
fn line(paint: &mut Paint<'_>, area: Area, row: &RuleRow, (log, kernel): (bool, bool), moving: bool) {
    let y = area.y;
    let end = area.x + area.width;
    let moved = row.moved > 0 || row.gained > 0;
    let ink = match (row.number, moved, moving) {
        (_, true, true) => Ink::New,
        (0, _, _) => Ink::Title,
        (_, false, true) => Ink::Dim,
        _ => Ink::Plain,
    };
    let head = row.number == 0;
    // Only a policy counts: what ends at the end of its chain.
    let counts = !head || row.policy.is_some();
    let possible = if row.lines.1 > 0 { "?" } else { "" };
    let lines = if log { format!("{}{possible}", grouped(row.lines.0)) } else { number(None) };
    let mut columns = Vec::new();
    if kernel {
        columns.extend([(12, number(row.packets)), (11, step(row.gained))]);
    }
    columns.extend([(if kernel { 10 } else { 12 }, lines), (11, step(row.moved))]);
    let words = words(row);
    let first = columns.first().map_or(0, |(wide, text)| 9 + wide - text::width(text) as u16);
    // The head of a chain begins at the left, where its name has room.
    let left = head && (!counts || text::width(&words) < usize::from(first));
    let mut x = area.x;
    if !head {
        paint.right(x, y, 5, &row.number.to_string(), ink);
    }
    x += 9;
    for (wide, text) in columns {
        if counts {
            paint.right(x, y, wide.min(end.saturating_sub(x)), &text, ink);
        }
        x += wide;
    }
    let x = if left { area.x } else { x + 1 };
    paint.text(x, y, end.saturating_sub(x), &text::escape(words.as_bytes()), ink);
}

/// A rule as people read it, with what became of it; or the name of a chain.
fn words(row: &RuleRow) -> String {
    let change = match row.change {
        Change::Same => "",
        Change::New => "new: ",
        Change::Reset => "reset: ",
        Change::Gone => "not in the kernel: ",
    };
    match &row.policy {
        _ if row.number > 0 => format!("{change}{}", row.key.text),
        Some(policy) => format!("{change}{} policy {policy}", row.key.chain),
        None => row.key.chain.clone(),
    }
}
