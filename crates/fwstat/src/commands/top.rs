//! `fwstat top`: the most frequent values of some fields.
//!
//! Responsible for: the default tables, and `--by`.
//! Must not know: how counting works.
//! Tested by: `tests/cli/top.rs`.

use super::{Outcome, format, hints, kept, names, outcome, run, write};
use crate::analysis::answers::Question;
use crate::cli::{self, Format};
use crate::options::{self, Options};
use crate::report::ranking::{Choice, Order};
use crate::report::top::Top;
use crate::report::{Head, Ranking, render};
use anyhow::bail;
use fwlog::aggregate::Counts;
use fwlog::pipeline::Account;
use fwlog::record::{Field, Key};

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Top) -> anyhow::Result<Outcome> {
    if kept::are_named(&arguments.common, &arguments.counted) {
        return of_states(arguments);
    }
    let choice = choice(arguments)?;
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of("top"))?;
    let by = options::fields("--by", &arguments.by, options.plan.names.as_deref())?;
    let tables = if by.is_empty() { defaults() } else { vec![Counts::by(by)] };
    let wider = wider(&tables, arguments.distinct.as_deref(), &options)?;
    let share = options.share(arguments.counted.max_memory, tables.len() + wider.len());
    let within = |counts: Vec<Counts>| counts.into_iter().map(|counts| counts.within(share)).collect();
    let empty: (Vec<Counts>, Vec<Counts>) = (within(tables), within(wider));
    let ((counts, wider), account, head) = run(&options, || empty.clone())?;
    let found = Found { counts, wider, account: &account, head };
    shown(arguments, &options, form, choice, found)
}

/// The same from states, or into one.
fn of_states(arguments: &cli::Top) -> anyhow::Result<Outcome> {
    let choice = choice(arguments)?;
    let by = options::names("--by", &arguments.by)?;
    let mut wanted = match by.is_empty() {
        true => [&["prefix"][..], &["src"], &["dport", "proto"], &["proto"]].map(Question::counts).to_vec(),
        false => vec![Question::Counts { by, present: false }],
    };
    let tables = wanted.len();
    if let Some(field) = &arguments.distinct {
        let [field] = &options::names("--distinct", std::slice::from_ref(field))?[..] else {
            bail!("--distinct takes one field")
        };
        let wider = |question: &Question| Question::Counts {
            by: question.fields().iter().chain([field]).cloned().collect(),
            present: false,
        };
        wanted.extend(wanted.iter().map(wider).collect::<Vec<_>>());
    }
    let keep = match arguments.by.is_empty() && arguments.distinct.is_none() {
        true => Question::usual(),
        false => wanted.iter().cloned().chain([Question::counts(&["host"])]).collect(),
    };
    let counted = kept::count(&arguments.common, &arguments.counted, &wanted, &keep)?;
    let form = format(&counted.options, Format::Table, Format::of("top"))?;
    let mut counts = counted.answers.clone().into_counts();
    let wider = counts.split_off(tables);
    let found = Found { counts, wider, account: &counted.account, head: counted.head.clone() };
    let outcome = shown(arguments, &counted.options, form, choice, found)?;
    counted.save()?;
    Ok(outcome)
}

/// What was counted, the same with one field more, and of what.
struct Found<'f> {
    counts: Vec<Counts>,
    wider: Vec<Counts>,
    account: &'f Account,
    head: Head,
}

/// Which rows are asked for.
fn choice(arguments: &cli::Top) -> anyhow::Result<Choice> {
    let order = match arguments.sort {
        cli::Sort::Count => Order::Count,
        cli::Sort::Key => Order::Key,
        cli::Sort::Distinct if arguments.distinct.is_none() => {
            bail!("--sort distinct needs --distinct FIELD")
        }
        cli::Sort::Distinct => Order::Distinct,
    };
    Ok(Choice { limit: arguments.limit, min: arguments.min, order })
}

/// The tables on paper.
fn shown(
    arguments: &cli::Top,
    options: &Options,
    form: Format,
    choice: Choice,
    found: Found<'_>,
) -> anyhow::Result<Outcome> {
    let Found { counts, wider, account, mut head } = found;
    head.notes.extend(hints::nothing_passed(&arguments.common, options, account));
    let counts = kept::new_since(arguments.counted.new_since.as_deref(), counts, options)?;
    let ranked = |(at, counts)| {
        let table = Ranking::chosen(counts, wider.get(at), choice);
        Ranking { cumulative: arguments.cumulative && choice.order == Order::Count, ..table }
    };
    let mut tables: Vec<Ranking> = counts.iter().enumerate().map(ranked).collect();
    head.notes.extend(tables.iter().filter_map(|table| table.bound_note(&options.look)));
    names::of_rows(options, form, &mut tables);
    write(options, account, &render(&Top { head, tables }, form, &options.look))?;
    Ok(outcome(options, account))
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
