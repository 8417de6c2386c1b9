//! `fwstat` alone: what is in the log, at a glance.
//!
//! Responsible for: which few tables answer the first questions.
//! Must not know: how counting works.
//! Tested by: `tests/cli/timeline.rs`.

use super::{Outcome, format, hints, outcome, run, write};
use crate::cli::{self, Format};
use crate::options::Options;
use crate::report::overview::Overview;
use crate::report::{Ranking, render};
use fwlog::aggregate::{Counts, Timeline};
use fwlog::record::{Field, Key};

/// Columns of the line over time.
const COLUMNS: usize = 60;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Overview) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of(""))?;
    let empty = (tables(), Timeline::new(Vec::new(), None));
    let ((counts, mut timeline), account, mut head) = run(&options, || empty.clone())?;
    timeline.fit(COLUMNS);
    timeline.prefer_days();
    head.notes.extend(hints::nothing_passed(&arguments.common, &options, &account));
    let tables = counts.iter().map(|counts| Ranking::new(counts, arguments.limit)).collect();
    write(&options, &account, &render(&Overview { head, tables, timeline }, form, &options.look))?;
    Ok(outcome(&options, &account))
}

/// What an overview shows.
fn tables() -> Vec<Counts> {
    let network = Field { name: "src/24".to_owned(), key: Key::Src, inner: false, net: Some((24, 64)) };
    vec![
        Counts::by(vec![Field::of(Key::Prefix)]),
        Counts::by(vec![Field::of(Key::Src)]),
        Counts::by(vec![network]),
        Counts::by(vec![Field::named(Key::Dpt, "dport"), Field::of(Key::Proto)]).only_present(),
    ]
}
