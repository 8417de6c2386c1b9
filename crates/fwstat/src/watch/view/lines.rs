//! The lines: as columns in their panel, as they are in their view.
//!
//! Responsible for: which lines have room, and where the cursor is.
//! Must not know: how lines are read.
//! Tested by: the snapshots in `tests/watch`.

use fwlog::services;
use fwlog::text;
use fwlog::time::clock::local_text;
use logparse::Protocol;

use super::paint::{Ink, Paint};
use crate::analysis::near_hits;
use crate::watch::layout::{Area, View};
use crate::watch::model::App;
use crate::watch::picture::LineRow;
use crate::watch::question::protocol_text;

fn title(app: &App) -> String {
    match app.line.on {
        None => "4 lines, newest below".to_owned(),
        Some(_) => "4 lines, held: G goes to the newest".to_owned(),
    }
}

pub(super) fn panel(app: &App, paint: &mut Paint<'_>, area: Area) {
    let focus = app.on_lines();
    let marked = app.marked.len() as u64;
    let right =
        if marked > 0 { text::count_of(marked, "marked line", "marked lines") } else { String::new() };
    paint.title(area, &title(app), &right, focus);
    let page = usize::from(area.height.saturating_sub(1));
    let (lines, cursor) = app.shown_lines(page);
    let prefix =
        lines.iter().map(|line| text::width(&text::escape(&line.prefix))).max().unwrap_or(0).min(18) as u16;
    let source =
        lines.iter().map(|line| line.src.map_or(0, |src| src.to_string().len())).max().unwrap_or(0) as u16;
    for (at, line) in lines.iter().enumerate() {
        let y = area.y + 1 + at as u16;
        row(
            paint,
            Area { y, height: 1, ..area },
            line,
            (prefix, source),
            app.marked.contains_key(&line.number),
        );
        if focus && cursor == Some(at) {
            paint.cursor(Area { y, height: 1, ..area });
        }
    }
    if lines.is_empty() && area.height > 1 {
        paint.text(area.x + 1, area.y + 1, area.width - 1, "no line yet", Ink::Dim);
    }
}

/// A line as columns.
fn row(paint: &mut Paint<'_>, area: Area, line: &LineRow, (prefix, source): (u16, u16), marked: bool) {
    let y = area.y;
    let end = area.x + area.width;
    let mut x = area.x;
    paint.text(x, y, 1, if marked { ">" } else { " " }, Ink::New);
    x += 1;
    let time = line.when.map_or_else(String::new, |when| local_text(when)[11..].to_owned());
    // Where little has room, the source and the port say most.
    if area.width >= 60 {
        paint.text(x, y, 8, &time, Ink::Dim);
        x += 9;
    }
    if area.width >= 50 {
        let ink = if near_hits::says_so(&line.prefix) { Ink::Near } else { Ink::Plain };
        paint.text(x, y, prefix, &text::escape(&line.prefix), ink);
        x += prefix + 1;
    }
    let from = line.src.map_or_else(String::new, |src| src.to_string());
    paint.right(x, y, source.min(end.saturating_sub(x)), &from, line.src.map_or(Ink::Key, Ink::of_address));
    x += source;
    let room = |x: u16| end.saturating_sub(x);
    x += paint.text(x, y, room(x), " > ", Ink::Dim);
    let port = line.port.map_or_else(String::new, |port| port.to_string());
    if room(x) >= 5 {
        paint.right(x, y, 5, &port, Ink::Key);
    }
    x += 6;
    let protocol = line.protocol.unwrap_or(0);
    let service = line.port.and_then(|port| services::name(Protocol(protocol), port)).unwrap_or("");
    if room(x) >= 11 {
        paint.text(x, y, 10, service, Ink::Plain);
        x += 11;
    }
    let what = match line.protocol {
        Some(protocol) => format!("{} {}", protocol_text(protocol).to_uppercase(), line.detail),
        None => line.detail.clone(),
    };
    if room(x) >= 4 {
        paint.text(x, y, room(x).min(15), &what, Ink::Plain);
        x += 16;
    }
    if room(x) >= 8 {
        paint.text(x, y, room(x), &line.path, Ink::Dim);
    }
}

/// The view of lines as they are in the file.
pub(super) fn raw(app: &App, paint: &mut Paint<'_>, area: Area) {
    let right = format!("{} kept ", text::grouped(app.picture.lines.len() as u64));
    paint.title(area, &title(app), &right, app.view == View::Lines);
    let page = usize::from(area.height.saturating_sub(1));
    let (lines, cursor) = app.shown_lines(page);
    for (at, line) in lines.iter().enumerate() {
        let y = area.y + 1 + at as u16;
        let escaped = text::escape(line.raw.trim_ascii_end());
        let skipped: String = escaped.chars().skip(app.line.left).collect();
        let found = app.find.as_ref().is_some_and(|find| escaped.to_lowercase().contains(find));
        paint.text(area.x, y, 1, if app.marked.contains_key(&line.number) { ">" } else { " " }, Ink::New);
        paint.text(area.x + 1, y, area.width - 1, &skipped, if found { Ink::Focus } else { Ink::Plain });
        if cursor == Some(at) {
            paint.cursor(Area { y, height: 1, ..area });
        }
    }
}
