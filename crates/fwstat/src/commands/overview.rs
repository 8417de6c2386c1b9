//! `fwstat` alone: what is in the log, at a glance.
//!
//! Responsible for: which few tables answer the first questions.
//! Must not know: how counting works.
//! Tested by: `tests/cli/timeline.rs`, `tests/cli/screens.rs`.

use super::{Outcome, format, hints, names, outcome, run, write};
use crate::analysis::noise::address::Nets;
use crate::analysis::suggest::share::{self, Sample};
use crate::cli::{self, Format};
use crate::options::Options;
use crate::report::overview::Overview;
use crate::report::{Ranking, render};
use fwlog::aggregate::{Counts, Latest, Timeline};
use fwlog::record::{Field, Key, OwnedValue};
use fwlog::time::clock::{Clock, local_text};

/// Columns of the line over time.
const COLUMNS: usize = 60;
/// Which of the tables are those of sources and of destinations.
const SOURCES: usize = 1;
const DESTINATIONS: usize = 4;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Overview) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of(""))?;
    let empty = (tables(), Timeline::new(Vec::new(), None));
    let ranks: Vec<usize> = (0..options.queue.names().len()).collect();
    let (trusted, one_of) = (Nets::new(&[]), share::one_of(options.queue.size()));
    let make = || (empty.clone(), (Latest::default(), Sample::new(&trusted, &ranks, one_of)));
    let (((mut counts, mut timeline), (latest, sample)), account, mut head) = run(&options, make)?;
    let network = Field { name: "src/24".to_owned(), key: Key::Src, inner: false, net: Some((24, 64)) };
    counts.insert(SOURCES + 1, counts[SOURCES].networks(network));
    let outside = timeline.leave_out_outliers();
    timeline.fit(COLUMNS);
    timeline.prefer_days();
    head.notes.extend(hints::nothing_passed(&arguments.common, &options, &account));
    let mut tables: Vec<Ranking> =
        counts.iter().map(|counts| Ranking::new(counts, arguments.limit)).collect();
    let last = last_seen(&tables[SOURCES], &latest, &options.plan.clock);
    tables[SOURCES].last = Some(last).filter(|last| last.iter().any(|moment| !moment.is_empty()));
    // One destination is this host.
    if tables[DESTINATIONS].ranked.distinct < 2 {
        tables.truncate(DESTINATIONS);
    }
    names::of_rows(&options, form, &mut tables);
    let overview = Overview { head, tables, timeline, outside, noise: sample.noise(), all: arguments.all };
    write(&options, &account, &render(&overview, form, &options.look))?;
    Ok(outcome(&options, &account))
}

/// When the sources of a table were seen last, to the minute.
fn last_seen(sources: &Ranking, latest: &Latest, clock: &Clock) -> Vec<String> {
    let rows = sources.ranked.rows.iter();
    let moment = |cell: Option<&OwnedValue>| match cell {
        Some(OwnedValue::Addr(addr)) => latest.of(*addr),
        _ => None,
    };
    // Month, day, hour and minute: the year is in the report's head.
    let text = |utc: i64| local_text(clock.at(utc).local_seconds()).get(5..16).unwrap_or("").to_owned();
    rows.map(|row| moment(row.cells.first()).map_or_else(String::new, text)).collect()
}

/// What an overview shows.
fn tables() -> Vec<Counts> {
    vec![
        Counts::by(vec![Field::of(Key::Prefix)]),
        Counts::by(vec![Field::of(Key::Src)]),
        Counts::by(vec![Field::named(Key::Dpt, "dport"), Field::of(Key::Proto)]).only_present(),
        Counts::by(vec![Field::of(Key::Dst)]),
    ]
}
