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

/// Widths of the columns, by what is in them; 0 for one that is not shown: what moved, before there is a mark, and the
/// kernel's, where it is not asked.
#[derive(Clone, Copy, Debug)]
struct Columns {
    kernel: u16,
    gained: u16,
    log: u16,
    moved: u16,
}

impl Columns {
    fn new(app: &App) -> Columns {
        let rows = &app.picture.rules;
        let widest = |words: &str, of: &dyn Fn(&RuleRow) -> String| {
            let widest = rows.iter().map(|row| text::width(&of(row))).max().unwrap_or(0);
            u16::try_from(widest.max(words.len())).unwrap_or(u16::MAX) + 2
        };
        let marked = app.zero.is_some() || rows.iter().any(|row| row.moved > 0 || row.gained > 0);
        let only = |shown: bool, width: u16| if shown { width } else { 0 };
        Columns {
            kernel: only(app.counters, widest("kernel", &|row| number(row.packets))),
            gained: only(app.counters && marked, widest("since", &|row| step(row.gained))),
            log: widest("log", &|row| in_log(row, app.setup.rules)),
            moved: only(marked, widest("since", &|row| step(row.moved))),
        }
    }

    /// The column before the text of rules.
    fn before_text(self) -> u16 {
        NUMBER + self.kernel + self.gained + self.log + self.moved + 2
    }
}

/// Columns of a rule's number.
const NUMBER: u16 = 4;

pub(super) fn rules(app: &App, paint: &mut Paint<'_>, area: Area) {
    let rows = &app.picture.rules;
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
    let columns = Columns::new(app);
    let mut y = area.y + 1;
    let end = area.x + area.width;
    let mut x = area.x + NUMBER;
    for (wide, words) in [
        (columns.kernel, "kernel"),
        (columns.gained, "since"),
        (columns.log, "log"),
        (columns.moved, "since"),
        (6, "rule"),
    ] {
        paint.right(x, y, wide.min(end.saturating_sub(x)), words, Ink::Dim);
        x += wide;
    }
    if let Some(error) = &app.picture.counters_error {
        paint.text(area.x, y, area.width, error, Ink::Warn);
    }
    y += 1;
    let page = usize::from(area.height - 2);
    let top = app.rule.0.min(rows.len().saturating_sub(page));
    for (at, row) in rows.iter().enumerate().skip(top).take(page) {
        line(paint, Area { y, height: 1, ..area }, row, columns, (app.setup.rules, app.zero.is_some()));
        if focus && at == app.rule.1 {
            paint.cursor(Area { y, height: 1, ..area });
        }
        y += 1;
    }
    if rows.is_empty() {
        let words = match app.setup.rules {
            // They were named, and the first walk is under way.
            true => "the lines are walked through the rules: a moment",
            false => "no rules yet: --rules FILE names those of the log, C asks the kernel",
        };
        paint.text(area.x + 1, y, area.width - 1, words, Ink::Dim);
    }
}

/// Lines of the log that took a rule; some only perhaps.
fn in_log(row: &RuleRow, log: bool) -> String {
    let possible = if row.lines.1 > 0 { "?" } else { "" };
    if log { format!("{}{possible}", grouped(row.lines.0)) } else { number(None) }
}

/// A rule, or the head of a chain.
fn line(paint: &mut Paint<'_>, area: Area, row: &RuleRow, columns: Columns, (log, moving): (bool, bool)) {
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
    if !head {
        paint.right(area.x, y, NUMBER, &row.number.to_string(), ink);
    }
    let cells = [
        (columns.kernel, number(row.packets)),
        (columns.gained, step(row.gained)),
        (columns.log, in_log(row, log)),
        (columns.moved, step(row.moved)),
    ];
    let mut x = area.x + NUMBER;
    for (wide, text) in cells {
        if counts {
            paint.right(x, y, wide.min(end.saturating_sub(x)), &text, ink);
        }
        x += wide;
    }
    let x = area.x + columns.before_text();
    paint.text(x, y, end.saturating_sub(x), &text::escape(words(row).as_bytes()), ink);
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
