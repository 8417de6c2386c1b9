//! The lines above and below the panels.
//!
//! Responsible for: how much was read and how it goes, the question, the command that gives the same, some keys.
//! Must not know: panels.
//! Tested by: the snapshots in `tests/watch`.

use fwlog::text::{self, grouped};

use super::paint::{Ink, Paint};
use crate::watch::layout::{Area, View};
use crate::watch::model::{App, Asks};
use crate::watch::picture::Reading;
use crate::watch::question::LEVELS;

/// How the reading goes, in a word.
fn reading(app: &App) -> (String, Ink) {
    match app.picture.reading {
        _ if app.hold => ("HOLD".to_owned(), Ink::Warn),
        Reading::Behind(Some(part)) => (format!("READING {part} %"), Ink::Title),
        Reading::Behind(None) => ("READING".to_owned(), Ink::Title),
        Reading::Live => ("LIVE".to_owned(), Ink::New),
        Reading::End => ("END".to_owned(), Ink::Title),
    }
}

/// How old something is, in words.
fn age(seconds: i64) -> String {
    match seconds {
        ..0 => "in the future".to_owned(),
        0..=119 => format!("{seconds} s old"),
        120..=7_199 => format!("{} min old", seconds / 60),
        7_200..=172_799 => format!("{} h old", seconds / 3_600),
        _ => format!("{} days old", seconds / 86_400),
    }
}

pub(super) fn head(app: &App, paint: &mut Paint<'_>, area: Area) {
    let picture = &app.picture;
    let totals = &picture.totals;
    let (word, ink) = reading(app);
    let room = area.width.saturating_sub(text::width(&word) as u16 + 2);
    let mut parts = vec![(format!("{} lines", grouped(totals.lines)), Ink::Plain)];
    if picture.newest.is_some() {
        parts.push((format!("{} in the last hour", grouped(picture.hour)), Ink::Plain));
    }
    if totals.damaged > 0 {
        parts.push((format!("corrupt {}", grouped(totals.damaged)), Ink::Warn));
    }
    if totals.lost_at_least > 0 {
        parts.push((format!("lost at least {}", grouped(totals.lost_at_least)), Ink::Warn));
    }
    if picture.near_hits > 0 {
        let words = text::count_of(picture.near_hits, "near hit", "near hits");
        parts.push((words, Ink::Warn));
    }
    if !picture.notes.is_empty() {
        parts.push((text::count_of(picture.notes.len() as u64, "note (a)", "notes (a)"), Ink::Dim));
    }
    if picture.reading == Reading::Live {
        parts.push((format!("{}/s", grouped(app.rate.round() as u64)), Ink::Key));
    }
    if let Some(old) = picture.age {
        parts.push((format!("newest {}", age(old)), if old < 0 { Ink::Warn } else { Ink::Dim }));
    }
    let mut x = paint.text(area.x, area.y, room, "fwstat", Ink::Title) + 2;
    x += paint.text(x, area.y, room.saturating_sub(x).min(room / 3), &app.setup.name, Ink::Key) + 2;
    for (words, ink) in parts {
        // A number that would be cut is left out.
        if usize::from(x) + text::width(&words) <= usize::from(room) {
            x += paint.text(x, area.y, room - x, &words, ink) + 2;
        }
    }
    let values = resampled_rates(app);
    if picture.reading == Reading::Live && room > x + 12 && !values.is_empty() {
        paint.spark(x, area.y, (room - x).min(20), &values, Ink::Bar);
    }
    paint.right(area.x, area.y, area.width, &word, ink);
}

fn resampled_rates(app: &App) -> Vec<u64> {
    let mut rates = vec![0; 60_usize.saturating_sub(app.rates.len())];
    rates.extend(&app.rates);
    if app.rates.is_empty() { Vec::new() } else { rates }
}

/// One line of numbers, where nothing else has room.
pub(super) fn tiny(app: &App, paint: &mut Paint<'_>, area: Area) {
    let totals = &app.picture.totals;
    let words = format!(
        "{} lines {} packets {}/h {}",
        grouped(totals.lines),
        grouped(app.picture.matched),
        grouped(app.picture.hour),
        reading(app).0
    );
    paint.text(area.x, area.y, area.width, &words, Ink::Plain);
}

pub(super) fn question(app: &App, paint: &mut Paint<'_>, area: Area) {
    let (four, six) = LEVELS[app.question.level.min(LEVELS.len() - 1)];
    let window = format!("window: {} (w)", app.question.window.name());
    let whole = format!("{window}  networks: /{four} /{six} (+ -)");
    // What was asked comes first.
    let fits = |words: &&String| usize::from(area.width) > text::width(words) + 40;
    let window = [whole, window].iter().find(fits).cloned().unwrap_or_default();
    let right = text::width(&window) as u16;
    let room = if right > 0 { area.width - right - 2 } else { area.width };
    let answered = app.picture.generation == app.generation;
    let packets = match answered {
        true => format!("{} packets", grouped(app.picture.matched)),
        false => "reading again ...".to_owned(),
    };
    let (shown, wide) = (app.question.shown(), text::width(&packets) as u16 + 3);
    // The end of a long stack says more than its beginning.
    let shown = tail(&shown, usize::from(room.saturating_sub(wide)));
    let x = paint.text(area.x, area.y, room, &shown, Ink::Title);
    paint.text(
        x + 3,
        area.y,
        room.saturating_sub(x + 3),
        &packets,
        if answered { Ink::Title } else { Ink::Dim },
    );
    if room < area.width {
        paint.right(area.x, area.y, area.width, &window, Ink::Dim);
    }
}

/// The last columns of a text.
fn tail(words: &str, room: usize) -> String {
    if text::width(words) <= room {
        return words.to_owned();
    }
    let mut from = 0;
    while text::width(&words[from..]) + 1 > room && from < words.len() {
        from += words[from..].chars().next().map_or(1, char::len_utf8);
    }
    format!("…{}", &words[from..])
}

pub(super) fn tabs(app: &App, paint: &mut Paint<'_>, area: Area) {
    let mut x = area.x;
    for panel in app.panels() {
        let words = panel.tab();
        let ink = if panel == app.focus { Ink::Focus } else { Ink::Dim };
        x += paint.text(x, area.y, area.width.saturating_sub(x), &words, ink) + 2;
    }
}

/// The command that gives the same, or what is typed, or what was said.
pub(super) fn command(app: &App, paint: &mut Paint<'_>, area: Area) {
    if let Some(prompt) = &app.prompt {
        let asks = match prompt.asks {
            Asks::Find => "find: ",
            Asks::Where => "only where: ",
            Asks::File => "write to new file: ",
            Asks::Script => "write the script to new file: ",
            Asks::Counters => "counters by the command, or from the file: ",
        };
        let x = paint.text(area.x, area.y, area.width, asks, Ink::Title);
        let typed = text::escape(prompt.text.as_bytes());
        let shown = tail(&typed, usize::from(area.width.saturating_sub(x + 1)));
        let x = x + paint.text(x, area.y, area.width.saturating_sub(x), &shown, Ink::Key);
        paint.text(x, area.y, 1, "_", Ink::Title);
        if let Some(error) = &prompt.error {
            let first = error.lines().next().unwrap_or("");
            paint.text(x + 2, area.y, area.width.saturating_sub(x + 2), first, Ink::Warn);
        }
        return;
    }
    if let Some((words, _)) = &app.said {
        paint.text(area.x, area.y, area.width, words, Ink::Title);
        return;
    }
    let x = paint.text(area.x, area.y, area.width, "$ ", Ink::Dim);
    match app.command() {
        Some(command) => {
            let hint = "  y copies";
            let room = usize::from(area.width.saturating_sub(x));
            // The command says more than that it can be copied.
            let fits = text::width(&command) + hint.len() <= room;
            paint.text(x, area.y, area.width.saturating_sub(x), &command, Ink::Plain);
            if fits {
                paint.right(area.x, area.y, area.width, hint, Ink::Dim);
            }
        }
        None => drop(paint.text(x, area.y, area.width - x, "(no command says this)", Ink::Dim)),
    }
}

pub(super) fn hints(app: &App, paint: &mut Paint<'_>, area: Area) {
    let keys: &[(&str, &str)] = match app.view {
        View::Panels if app.on_lines() => &[
            ("?", "help"),
            ("Tab", "panel"),
            ("Enter", "explain"),
            ("m", "mark"),
            ("x", "without"),
            ("L", "all lines"),
            ("/", "find"),
            ("=", "hold"),
            ("q", "quit"),
        ],
        View::Panels => &[
            ("?", "help"),
            ("Tab", "panel"),
            ("Enter", "into"),
            ("Bksp", "back"),
            ("x", "without"),
            ("/", "find"),
            ("&", "where"),
            ("L", "lines"),
            ("i", "time"),
            ("R", "rules"),
            ("S", "suggest"),
            ("s", "sort"),
            ("w", "window"),
            ("=", "hold"),
            ("q", "quit"),
        ],
        View::Time => {
            &[("?", "help"), ("h l", "column"), ("Enter", "only this time"), ("w", "window"), ("q", "back")]
        }
        View::Rules => &[
            ("?", "help"),
            ("j k", "rule"),
            ("0", "set the mark"),
            ("C", "counters"),
            ("=", "hold"),
            ("q", "back"),
        ],
        View::Suggest => &[
            ("?", "help"),
            ("Space", "take"),
            ("Enter", "its lines"),
            ("W", "write the script"),
            ("^L", "anew"),
            ("q", "back"),
        ],
        View::Lines => &[
            ("?", "help"),
            ("j k", "line"),
            ("h l", "sideways"),
            ("Enter", "explain"),
            ("m", "mark"),
            ("W", "write"),
            ("/", "find"),
            ("q", "back"),
        ],
    };
    let mut x = area.x;
    for (key, about) in keys {
        let wide = (text::width(key) + text::width(about) + 1) as u16;
        if x + wide > area.x + area.width {
            break;
        }
        x += paint.text(x, area.y, wide, key, Ink::Title);
        x += paint.text(x, area.y, wide, &format!(":{about}"), Ink::Dim) + 1;
    }
}
