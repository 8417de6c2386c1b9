//! `fwstat top`: the most frequent values of some fields.
//!
//! Responsible for: the default tables, and `--by`.
//! Must not know: how counting works.
//! Tested by: `tests/cli/top.rs`.

use super::{Outcome, format, hints, names, outcome, run, write};
use crate::cli::{self, Format};
use crate::options::{self, Options};
use crate::report::ranking::{Choice, Order};
use crate::report::top::Top;
use crate::report::{Ranking, render};
use anyhow::bail;
use fwlog::aggregate::Counts;
use fwlog::record::{Field, Key};

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Top) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of("top"))?;
    let by = options::fields("--by", &arguments.by, options.plan.names.as_deref())?;
    let tables = if by.is_empty() { defaults() } else { vec![Counts::by(by)] };
    let order = match arguments.sort {
        cli::Sort::Count => Order::Count,
        cli::Sort::Key => Order::Key,
        cli::Sort::Distinct if arguments.distinct.is_none() => {
            bail!("--sort distinct needs --distinct FIELD")
        }
        cli::Sort::Distinct => Order::Distinct,
    };
    let choice = Choice { limit: arguments.limit, min: arguments.min, order };
    let wider = wider(&tables, arguments.distinct.as_deref(), &options)?;
    let empty = (tables, wider);
    let ((counts, wider), account, mut head) = run(&options, || empty.clone())?;
    head.notes.extend(hints::nothing_passed(&arguments.common, &options, &account));
    let ranked = |(at, counts)| {
        let table = Ranking::chosen(counts, wider.get(at), choice);
        Ranking { cumulative: arguments.cumulative && order == Order::Count, ..table }
    };
    let mut tables: Vec<Ranking> = counts.iter().enumerate().map(ranked).collect();
    names::of_rows(&options, form, &mut tables);
    write(&options, &account, &render(&Top { head, tables }, form, &options.look))?;
    Ok(outcome(&options, &account))
}

/// The same counts with one field more.
fn wider(tables: &[Counts], field: Option<&str>, options: &Options) -> anyhow::Result<Vec<Counts>> {
    let Some(field) = field else { return Ok(Vec::new()) };
    let more = options::fields("--distinct", &[field.to_owned()], options.plan.names.as_deref())?;
    let [_] = &more[..] else { bail!("--distinct takes one field") };
    Ok(tables.iter().map(|counts| Counts::by([counts.fields(), &more].concat())).collect())
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
