//! `fwstat top`: the most frequent values of some fields.
//!
//! Responsible for: the default tables, and `--by`.
//! Must not know: how counting works.
//! Tested by: `tests/cli/top.rs`.

use super::{Outcome, format, hints, outcome, run, write};
use crate::cli::{self, Format};
use crate::options::{self, Options};
use crate::report::top::Top;
use crate::report::{Ranking, render};
use fwlog::aggregate::Counts;
use fwlog::record::{Field, Key};

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Top) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of("top"))?;
    let by = options::fields("--by", &arguments.by, options.plan.names.as_ref())?;
    let empty = if by.is_empty() { defaults() } else { vec![Counts::by(by)] };
    let (counts, account, mut head) = run(&options, || empty.clone())?;
    head.notes.extend(hints::nothing_passed(&arguments.common, &options, &account));
    let tables = counts.iter().map(|counts| Ranking::new(counts, arguments.limit)).collect();
    write(&options, &account, &render(&Top { head, tables }, form, &options.look))?;
    Ok(outcome(&options, &account))
}

/// What is shown if nothing is asked for.
#[must_use]
pub fn defaults() -> Vec<Counts> {
    let of = Field::of;
    vec![
        Counts::by(vec![of(Key::Prefix)]),
        Counts::by(vec![of(Key::Src)]),
        Counts::by(vec![Field::named(Key::Dpt, "dport"), of(Key::Proto)]).only_present(),
        Counts::by(vec![of(Key::Proto)]),
    ]
}
