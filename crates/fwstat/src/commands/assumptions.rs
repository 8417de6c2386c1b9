//! What had to be assumed about time on reading.
//!
//! Responsible for: which assumptions are told, and in which words; the text reports and JSON have the
//! same ones.
//! Must not know: how a stamp becomes a moment (`fwlog::time`), how a report shows an assumption.
//! Tested by: `tests/cli/clocks.rs`.

use std::sync::atomic::Ordering::Relaxed;

use crate::options::Options;
use crate::report::head::Assumption;
use fwlog::pipeline::Account;
use fwlog::text;

/// All assumptions; those that hold for nearly every log only where they matter: where times are
/// filters, or with `-v`.
pub(super) fn all(options: &Options, account: &Account) -> Vec<Assumption> {
    let mut all = Vec::new();
    let names = options.queue.names();
    for (source, doubt) in options.queue.doubts() {
        let name = text::escape(names.get(source).map_or("-", String::as_str).as_bytes());
        let message = format!("{name}:{}: {}", doubt.line, doubt.text);
        all.push(Assumption { kind: "clock", message, lines: doubt.lines });
    }
    let look = &options.look;
    let assumed = &options.plan.clock.assumed;
    let mut add = |kind, lines: u64, what: &str| {
        if lines > 0 {
            let message = format!("{} {what}", look.count_of(lines, "line", "lines"));
            all.push(Assumption { kind, message, lines });
        }
    };
    let asked = options.plan.filter.needs_time();
    if asked || options.verbose {
        let year = assumed.year.load(Relaxed);
        add("year", year, "without a year: it was found from the time the file was written (--year)");
        let zone = options.plan.clock.zone.iana_name().unwrap_or("the local one");
        let what = format!("without a zone: taken as {} (--tz)", text::escape(zone.as_bytes()));
        add("zone", assumed.zone.load(Relaxed), &what);
    }
    let repeated = assumed.repeated_hour.load(Relaxed);
    add("repeated_hour", repeated, "in an hour that the clocks repeat: taken as the first of the two");
    let skipped = assumed.skipped_hour.load(Relaxed);
    add("skipped_hour", skipped, "in an hour that the clocks leave out: moved forward");
    let unknown = assumed.unknown_zone.load(Relaxed);
    add("zone", unknown, "with a zone by a name that is not known: taken as the report's (--tz)");
    let unread = assumed.unread.load(Relaxed);
    add(
        "time",
        unread,
        "with a stamp that is not understood: in no table by time, and not between the first and the last moment",
    );
    if asked {
        let hint = match assumed.relative.load(Relaxed) {
            0 => "",
            _ => "; stamps that count from the start need --boot-time",
        };
        let what = format!("without a known time: left out by --since and --until{hint}");
        add("time", account.timeless, &what);
    }
    if let Some(message) = &options.zone_note {
        all.push(Assumption { kind: "zone", message: message.clone(), lines: assumed.zone.load(Relaxed) });
    }
    all
}
