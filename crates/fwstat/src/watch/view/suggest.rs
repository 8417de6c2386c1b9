//! Rules that would silence noise: which were taken, and what they leave.
//!
//! Responsible for: the headline, the rows, and the command of the row that the cursor is on.
//! Must not know: how rules are found and proven.
//! Tested by: the snapshots in `tests/watch`, `tests/cli/watch_suggest.rs`.

use fwlog::text::{self, grouped};

use super::paint::{Ink, Paint};
use crate::report::rules;
use crate::watch::layout::{Area, SUGGEST_FOOT, suggest_rows};
use crate::watch::model::App;

pub(super) fn suggest(app: &App, paint: &mut Paint<'_>, area: Area) {
    let proposed = match &app.proposed {
        Some(Ok(proposed)) => proposed,
        other => {
            paint.title(area, "rules that silence noise", "", true);
            let words = match other {
                Some(Err(why)) => why.as_str(),
                _ => "the log is read twice: what is noise, then what each rule takes ...",
            };
            let ink = if other.is_some() { Ink::Warn } else { Ink::Dim };
            paint.text(area.x + 1, area.y + 1, area.width - 1, words, ink);
            return;
        }
    };
    let as_of = format!("to {} (^L anew) ", proposed.as_of);
    paint.title(area, "rules that silence noise", &as_of, true);
    let taken = proposed.rows.iter().filter(|row| row.taken).count() as u64;
    let headline = format!(
        "{}, {} with {} of {}",
        text::count_of(proposed.before, "line", "lines"),
        text::count_of(proposed.remaining, "remains", "remain"),
        grouped(taken),
        text::count_of(proposed.rows.len() as u64, "rule", "rules")
    );
    paint.text(area.x + 1, area.y + 1, area.width - 1, &headline, Ink::Title);
    let (top, at) = app.pick;
    let page = suggest_rows(area.height);
    for (n, row) in proposed.rows.iter().enumerate().skip(top).take(page) {
        let y = area.y + 2 + (n - top) as u16;
        let ink = if row.taken { Ink::New } else { Ink::Plain };
        paint.text(area.x + 1, y, 3, if row.taken { "[x]" } else { "[ ]" }, ink);
        paint.right(area.x + 4, y, 12.min(area.width - 4), &grouped(row.lines), ink);
        paint.text(area.x + 18, y, area.width.saturating_sub(18), &row.why, ink);
        if n == at {
            paint.cursor(Area { y, height: 1, ..area });
        }
    }
    if proposed.rows.is_empty() {
        let words = match proposed.refused.first() {
            Some(first) => format!("no rule holds; {first}"),
            None => "no noise that a rule should silence".to_owned(),
        };
        paint.text(area.x + 1, area.y + 2, area.width - 1, &words, Ink::Dim);
    }
    if let (Some(row), true) = (proposed.rows.get(at), area.height > SUGGEST_FOOT + 6) {
        let room = usize::from(area.width.saturating_sub(2));
        let foot = area.y + area.height - SUGGEST_FOOT;
        for (n, line) in
            rules::folded(&row.command, Some(room)).iter().take(usize::from(SUGGEST_FOOT)).enumerate()
        {
            paint.text(area.x + 1, foot + n as u16, area.width - 1, line, Ink::Key);
        }
    }
}
