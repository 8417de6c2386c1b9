//! Pages over a view: help, the account, a line explained.
//!
//! Responsible for: their frame, and their lines as far as there is room.
//! Must not know: what opens them.
//! Tested by: the snapshots in `tests/watch`.

use fwlog::text::{self, grouped};

use super::paint::{Ink, Paint};
use crate::watch::keys;
use crate::watch::layout::Area;
use crate::watch::model::{App, Popup};

/// Columns of the keys.
const KEYS: u16 = 20;

pub(super) fn draw(app: &App, paint: &mut Paint<'_>, open: &Popup, top: usize) {
    let (title, lines) = match open {
        Popup::Help => ("keys".to_owned(), help(app.size.0)),
        Popup::Account => ("the account of lines".to_owned(), account(app)),
        Popup::Page(title, lines) => (title.clone(), lines.clone()),
    };
    let (width, height) = app.size;
    let wide = |line: &String| match line.split_once('\t') {
        Some((_, about)) => usize::from(KEYS) + text::width(about),
        None => text::width(line),
    };
    let widest = lines.iter().map(wide).max().unwrap_or(0);
    let wide = u16::try_from(widest + 4).unwrap_or(u16::MAX).clamp(30, width.max(30)).min(width);
    let wide = if width - wide <= 12 { width } else { wide };
    let high =
        u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(height.saturating_sub(2)).max(3).min(height);
    let area = Area { x: (width - wide) / 2, y: (height - high) / 2, width: wide, height: high };
    paint.clear(area);
    let top = top.min(lines.len().saturating_sub(usize::from(high.saturating_sub(2))));
    let left = lines.len().saturating_sub(top + usize::from(high.saturating_sub(2)));
    let more = if left > 0 { format!("j: {left} more ") } else { "Esc closes ".to_owned() };
    paint.title(Area { height: 1, ..area }, &format!("── {title} "), &more, true);
    for (at, line) in lines.iter().skip(top).take(usize::from(high.saturating_sub(2))).enumerate() {
        let y = area.y + 1 + at as u16;
        match line.split_once('\t') {
            Some((key, about)) => {
                paint.text(area.x + 2, y, KEYS, key, Ink::Key);
                let room = area.width.saturating_sub(KEYS + 4);
                paint.text(area.x + 2 + KEYS, y, room, about, Ink::Plain);
            }
            None => drop(paint.text(area.x + 2, y, area.width.saturating_sub(4), line, Ink::Plain)),
        }
    }
    let floor = "─".repeat(usize::from(wide));
    paint.text(area.x, area.y + high - 1, wide, &floor, Ink::Dim);
}

/// The table of keys: what is before a tab has a column of its own; what is long goes on below.
fn help(width: u16) -> Vec<String> {
    let room = usize::from(width.saturating_sub(KEYS + 4)).max(12);
    let row = |row: &keys::Binding| {
        let about = textwrap::wrap(row.about, room);
        let keys = std::iter::once(row.shown).chain(std::iter::repeat(""));
        keys.zip(about).map(|(key, about)| format!("{key}\t{about}")).collect::<Vec<_>>()
    };
    keys::TABLE.iter().flat_map(row).collect()
}

/// What became of each line, and what was assumed.
fn account(app: &App) -> Vec<String> {
    let totals = &app.picture.totals;
    let row = |number: u64, words: &str| format!("{:>15}  {words}", grouped(number));
    let mut lines = vec![
        row(totals.lines, "lines were read:"),
        row(totals.packets, "whole packets"),
        row(totals.cut, "truncated; the fields present are reliable"),
        row(totals.other, "not a firewall line"),
        row(totals.damaged, "corrupt; not counted"),
    ];
    if totals.lost_at_least > 0 {
        lines.push(row(totals.lost_at_least, "lost at least, before they reached the log"));
    }
    if totals.skipped > 0 {
        lines.push(row(totals.skipped, "passed over: outside of --since and --until"));
    }
    lines.push(String::new());
    lines.push(row(totals.matched, "packets pass the filters that were typed"));
    lines.push(row(app.picture.matched, "packets of them are looked at"));
    if app.picture.outside > 0 {
        lines
            .push(row(app.picture.outside, "of these have no time, came too late, or are of a time to come"));
    }
    for (why, seen) in app.picture.account.ranked_reasons().into_iter().take(8) {
        let words =
            text::escape(format!("{}: {why}", crate::report::head::class_name(why.class())).as_bytes());
        lines.push(row(seen.count, &words));
    }
    let table = &app.picture.tables[1];
    if table.missed > 0 {
        lines.push(String::new());
        lines.push(format!(
            "More networks than are kept: counts are exact, or lack at most what ± says; one that is not shown came at \
             most {} times.",
            grouped(table.missed)
        ));
    }
    if !app.picture.notes.is_empty() {
        lines.push(String::new());
        lines.extend(app.picture.notes.iter().flat_map(|note| {
            let escaped = text::escape(note.as_bytes());
            let room = usize::from(app.size.0.saturating_sub(8)).max(20);
            textwrap::wrap(&escaped, room).into_iter().map(|line| line.into_owned()).collect::<Vec<_>>()
        }));
    }
    lines
}
