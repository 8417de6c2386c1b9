//! `fwstat` alone: what is in the log, at a glance.
//!
//! Responsible for: which few tables answer the first questions.
//! Must not know: how counting works.
//! Tested by: `tests/cli/timeline.rs`, `tests/cli/screens.rs`.

use super::{Outcome, format, hints, kept, names, outcome, run, write};
use crate::analysis::answers::Question;
use crate::analysis::noise::address::Nets;
use crate::analysis::suggest::share::{self, Sample};
use crate::cli::{self, Format};
use crate::options::Options;
use crate::report::overview::Overview;
use crate::report::{Head, Ranking, render};
use fwlog::aggregate::{Counts, Latest, Timeline};
use fwlog::pipeline::Account;
use fwlog::record::{Field, Key, OwnedValue};
use fwlog::time::clock::{Clock, local_text};

/// Columns of the line over time.
const COLUMNS: usize = 60;
/// Lines from which the share of noise is told, at most, where memory is bounded.
const SAMPLED: u64 = 60_000;
/// Which of the tables are those of sources and of destinations.
const SOURCES: usize = 1;
const DESTINATIONS: usize = 4;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Overview) -> anyhow::Result<Outcome> {
    if kept::are_named(&arguments.common, &arguments.counted) {
        return of_states(arguments);
    }
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of(""))?;
    let most = arguments.counted.max_memory;
    let mut counted = tables();
    if most.is_some() {
        // Of sources that were let go of, networks cannot be counted in the end.
        counted.insert(SOURCES + 1, Counts::by(vec![network()]));
    }
    let share = options.share(most, counted.len());
    let counted = counted.into_iter().map(|counts| counts.within(share)).collect::<Vec<_>>();
    let empty = (counted, Timeline::new(Vec::new(), None));
    let ranks: Vec<usize> = (0..options.queue.names().len()).collect();
    let (trusted, one_of) = (Nets::new(&[]), share::one_of(options.queue.size()));
    let lines = most.map(|_| SAMPLED / options.plan.threads.max(1) as u64);
    let sample = || Sample::new(&trusted, &ranks, one_of).of_at_most(lines);
    let make = || (empty.clone(), (Latest::default(), sample()));
    let (((mut counts, timeline), (latest, sample)), account, head) = run(&options, make)?;
    if most.is_none() {
        counts.insert(SOURCES + 1, counts[SOURCES].networks(network()));
    }
    let found = Found { counts, timeline, latest, noise: sample.noise(), account: &account, head };
    shown(arguments, &options, form, found)
}

/// The same from states, or into one. What is noise is told from lines only.
fn of_states(arguments: &cli::Overview) -> anyhow::Result<Outcome> {
    let mut wanted: Vec<Question> =
        [&["prefix"][..], &["src"], &["dport", "proto"], &["dst"]].map(Question::counts).to_vec();
    wanted.extend([Question::Timeline { by: Vec::new(), bucket: None }, Question::Latest]);
    let mut counted = kept::count(&arguments.common, &arguments.counted, &wanted, &Question::usual())?;
    let form = format(&counted.options, Format::Table, Format::of(""))?;
    let answers = std::mem::take(&mut counted.answers);
    let timeline = answers.timeline().cloned().unwrap_or_else(|| Timeline::new(Vec::new(), None));
    let latest = answers.latest().cloned().unwrap_or_default();
    let mut counts = answers.into_counts();
    counts.insert(SOURCES + 1, counts[SOURCES].networks(network()));
    let head = counted.head.clone();
    let found = Found { counts, timeline, latest, noise: None, account: &counted.account, head };
    let outcome = shown(arguments, &counted.options, form, found)?;
    counted.save()?;
    Ok(outcome)
}

/// What was counted, and of what.
struct Found<'f> {
    counts: Vec<Counts>,
    timeline: Timeline,
    latest: Latest,
    noise: Option<f64>,
    account: &'f Account,
    head: Head,
}

/// The overview on paper.
fn shown(
    arguments: &cli::Overview,
    options: &Options,
    form: Format,
    found: Found<'_>,
) -> anyhow::Result<Outcome> {
    let Found { counts, mut timeline, latest, noise, account, mut head } = found;
    let counts = kept::new_since(arguments.counted.new_since.as_deref(), counts, options)?;
    let outside = timeline.leave_out_outliers();
    timeline.fit(COLUMNS);
    timeline.prefer_days();
    head.notes.extend(hints::nothing_passed(&arguments.common, options, account));
    let mut tables: Vec<Ranking> =
        counts.iter().map(|counts| Ranking::new(counts, arguments.limit)).collect();
    head.notes.extend(tables.iter().filter_map(|table| table.bound_note(&options.look)));
    let last = last_seen(&tables[SOURCES], &latest, &options.plan.clock);
    tables[SOURCES].last = Some(last).filter(|last| last.iter().any(|moment| !moment.is_empty()));
    // One destination is this host.
    if tables[DESTINATIONS].ranked.distinct < 2 {
        tables.truncate(DESTINATIONS);
    }
    names::of_rows(options, form, &mut tables);
    let overview = Overview { head, tables, timeline, outside, noise, all: arguments.all };
    write(options, account, &render(&overview, form, &options.look))?;
    Ok(outcome(options, account))
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

/// The networks of sources.
fn network() -> Field {
    Field { name: "src/24".to_owned(), key: Key::Src, inner: false, net: Some((24, 64)) }
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
