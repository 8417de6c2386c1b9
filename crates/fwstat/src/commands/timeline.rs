//! `fwstat timeline`: counts over time.
//!
//! Responsible for: the choice of bucket.
//! Must not know: how counting works.
//! Tested by: `tests/cli/timeline.rs`.

use anyhow::{anyhow, bail};

use super::{Outcome, format, hints, kept, outcome, run, write};
use crate::analysis::answers::Question;
use crate::cli::{self, Format};
use crate::options::{self, Options};
use crate::report::timeline::{OverTime, bound_note};
use crate::report::{Head, render};
use fwlog::aggregate::Timeline;
use fwlog::pipeline::Account;
use fwlog::text;
use fwlog::time::clock::NANOS;
use fwlog::time::timespec;

/// Rows of a timeline whose bucket is chosen by itself; fewer on a terminal.
const ROWS: usize = 100;
const ROWS_ON_A_TERMINAL: usize = 60;
/// Rows of any timeline: ten years of hours. Whoever wants more has chosen the wrong bucket.
const MOST: usize = 100_000;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Timeline) -> anyhow::Result<Outcome> {
    let step = arguments.bucket.as_deref().map(bucket).transpose()?;
    if kept::are_named(&arguments.common, &arguments.counted) {
        return of_states(arguments, step);
    }
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of("timeline"))?;
    let by = options::fields("--by", &arguments.by, options.plan.names.as_deref())?;
    let share = options.share(arguments.counted.max_memory, 1);
    let empty = Timeline::new(by, step).within(share);
    let (timeline, account, head) = run(&options, || empty.clone())?;
    shown(arguments, &options, form, timeline, &account, head)
}

/// The same from states, or into one.
fn of_states(arguments: &cli::Timeline, step: Option<i64>) -> anyhow::Result<Outcome> {
    let by = options::names("--by", &arguments.by)?;
    let wanted = [Question::Timeline { by, bucket: step }];
    let keep = match wanted[0].fields().is_empty() && step.is_none() {
        true => Question::usual(),
        false => vec![wanted[0].clone(), Question::counts(&["host"])],
    };
    let counted = kept::count(&arguments.common, &arguments.counted, &wanted, &keep)?;
    let timeline = counted.answers.timeline().cloned().unwrap_or_else(|| Timeline::new(Vec::new(), step));
    let form = format(&counted.options, Format::Table, Format::of("timeline"))?;
    let outcome = shown(arguments, &counted.options, form, timeline, &counted.account, counted.head.clone())?;
    counted.save()?;
    Ok(outcome)
}

/// The timeline on paper.
fn shown(
    arguments: &cli::Timeline,
    options: &Options,
    form: Format,
    mut timeline: Timeline,
    account: &Account,
    mut head: Head,
) -> anyhow::Result<Outcome> {
    let outside = match form {
        Format::Table => timeline.leave_out_outliers(),
        _ => 0,
    };
    timeline.fit(if options.look.bars { ROWS_ON_A_TERMINAL } else { ROWS });
    let starts = timeline.starts(MOST + 1);
    if starts.len() > MOST {
        bail!("--bucket: more than {} rows; take a wider bucket", text::grouped(MOST as u64));
    }
    head.notes.extend(hints::nothing_passed(&arguments.common, options, account));
    head.notes.extend(bound_note(&timeline, &options.look));
    let mut report = OverTime::new(&head, &options.plan.clock, &timeline, starts, arguments.limit);
    report.outside = outside;
    write(options, account, &render(&report, form, &options.look))?;
    Ok(outcome(options, account))
}

/// The width of a bucket in seconds.
fn bucket(text: &str) -> anyhow::Result<i64> {
    let wrong = || anyhow!("--bucket: `{text}` is no length of time: 10s, 5min, 1h, 6h, 1d, 1w");
    let nanos = timespec::span(text)
        .or_else(|| {
            text.starts_with(|c: char| c.is_ascii_alphabetic())
                .then(|| timespec::span(&format!("1{text}")))?
        })
        .ok_or_else(wrong)?;
    match nanos / NANOS {
        seconds @ 1.. if nanos % NANOS == 0 => Ok(seconds),
        _ => Err(wrong()),
    }
}
