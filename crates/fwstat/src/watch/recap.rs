//! What stays on the terminal when `fwstat watch` ends.
//!
//! Responsible for: a few lines about what was read and looked at, and the commands that say it again.
//! Must not know: screens.
//! Tested by: `tests/cli/watch.rs`.

use std::fmt::Write as _;

use fwlog::text::{self, grouped};
use fwlog::time::clock::local_text;

use super::model::App;

/// The lines.
#[must_use]
pub fn recap(app: &App, copied: &[String]) -> String {
    let (picture, totals) = (&app.picture, &app.picture.totals);
    let mut out = String::new();
    let packets = text::count_of(totals.packets + totals.cut, "packet", "packets");
    let _ = write!(out, "{}: {}, {packets}", app.setup.name, text::count_of(totals.lines, "line", "lines"));
    if let Some((first, last)) = picture.account.span {
        let local =
            |utc: i64| local_text(utc.div_euclid(fwlog::time::clock::NANOS) + i64::from(picture.offset));
        let _ = write!(out, ", {} to {}", local(first), local(last));
    }
    out.push('\n');
    if totals.damaged > 0 {
        let _ = writeln!(out, "corrupt: {} (fwstat check says why)", grouped(totals.damaged));
    }
    if totals.lost_at_least > 0 {
        let _ = writeln!(
            out,
            "at least {} were lost before they reached the log, so all counts are lower bounds",
            text::count_of(totals.lost_at_least, "line", "lines")
        );
    }
    if !app.question.parts.is_empty() {
        let _ = writeln!(
            out,
            "{}: {}",
            app.question.shown(),
            text::count_of(picture.matched, "packet", "packets")
        );
    }
    if picture.near_hits > 0 {
        let _ = writeln!(
            out,
            "{} since it was watched",
            text::count_of(picture.near_hits, "near hit", "near hits")
        );
    }
    if let Some(Ok(proposed)) = &app.proposed {
        let taken: Vec<_> = proposed.rows.iter().filter(|row| row.taken).collect();
        if !taken.is_empty() {
            let _ = writeln!(
                out,
                "{} taken: {} of {} would remain; nothing was executed",
                text::count_of(taken.len() as u64, "rule", "rules"),
                grouped(proposed.remaining),
                text::count_of(proposed.before, "line", "lines")
            );
        }
        for row in taken {
            let _ = writeln!(out, "  {}", text::escape(row.command.as_bytes()));
        }
    }
    for note in picture.notes.iter().take(5) {
        let _ = writeln!(out, "note: {}", text::escape(note.as_bytes()));
    }
    for command in copied.iter().cloned().chain(app.command().filter(|last| !copied.contains(last))) {
        let _ = writeln!(out, "$ {command}");
    }
    out
}
