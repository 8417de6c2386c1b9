//! `fwstat diff`: what changed between two logs, states, or parts of one.
//!
//! Responsible for: which two periods are compared.
//! Must not know: how changes are told from chance (`analysis::diff`).
//! Tested by: `tests/cli/diff.rs`.

use std::path::Path;
use std::sync::atomic::Ordering;

use anyhow::{anyhow, bail, ensure};
use fwlog::aggregate::{Aggregate, Scans, Slices};
use fwlog::pipeline::Account;
use fwlog::record::Record;
use fwlog::text;
use fwlog::time::clock::{Clock, NANOS};

use super::{Outcome, format, kept, write};
use crate::analysis::answers::{Answers, DAY, Question};
use crate::analysis::diff::{self, Period, Series, Table};
use crate::analysis::scans::{Campaigns, Order, Sender, Shown, Wanted};
use crate::cli::{self, Common, CountArgs, Format};
use crate::options::{self, Options};
use crate::report::diff::Diff;
use crate::report::{Head, render};

/// A slice of time in logs.
const HOUR: i64 = 3_600;

/// One side of the comparison.
struct Side {
    answers: Answers,
    account: Account,
    head: Head,
    /// What sources asked for; of the parts of one log that of both is in the first.
    scans: Option<Scans>,
}

/// Runs it.
///
/// # Errors
/// An option makes no sense, an input cannot be read, or the output cannot be written.
pub fn command(arguments: &cli::Diff) -> anyhow::Result<Outcome> {
    let mut common = arguments.common.clone();
    options::fix_now(&mut common);
    let states = common.files.iter().filter(|file| kept::is_state(file));
    let held: Vec<Vec<Question>> =
        states.map(|state| kept::questions(state)).collect::<anyhow::Result<_>>()?;
    let width = if held.is_empty() { HOUR } else { DAY };
    let questions = questions(width);
    // Logs have the answer to any question, a state those that it holds.
    let all_have = |question: &Question| held.iter().all(|held| held.contains(question));
    let scans = all_have(&Question::Scans);
    let (options, mut sides) = match (&arguments.before, &common.files[..]) {
        (Some(moment), [_] | []) => halves(&common, moment, &questions, scans)?,
        (None, [before, after]) => {
            let (_, before) = side(&common, before, &questions, scans)?;
            let (options, after) = side(&common, after, &questions, scans)?;
            (options, [before, after])
        }
        (Some(_), _) => bail!("--before compares the parts of one log: name one FILE"),
        (None, _) => bail!("name two logs or states, or one with --before TIME"),
    };
    let form = format(&options, Format::Table, Format::of("diff"))?;
    for (side, which) in sides.iter().zip(["before", "after"]) {
        ensure!(
            side.account.span.is_some(),
            "{}: no packet with a known time {}: there is nothing to compare",
            text::escape(side.head.files.join(", ").as_bytes()),
            if arguments.before.is_some() { which } else { "in it" }
        );
    }
    let slices =
        sides.iter().flat_map(|side| questions.iter().filter_map(|question| side.answers.slices(question)));
    let width = slices.map(Slices::width).max().unwrap_or(width);
    let tables = tables(&sides, &questions, width, &options.plan.clock);
    let changed = tables.iter().any(|table| !table.rows.is_empty());
    let campaigns = new_campaigns(&mut sides, arguments.limit);
    let account = sides[1].account.clone();
    let heads = sides.map(|side| side.head);
    let report =
        Diff { heads, clock: &options.plan.clock, slice: width, tables, campaigns, limit: arguments.limit };
    write(&options, &account, &render(&report, form, &options.look))?;
    Ok(match super::outcome(&options, &account) {
        bad @ (Outcome::Failed | Outcome::Interrupted) => bad,
        _ if arguments.exit_code && changed => Outcome::Nothing,
        _ => Outcome::Found,
    })
}

/// What is counted of each side.
fn questions(width: i64) -> [Question; 4] {
    [
        Question::slices(&["src"], width),
        Question::slices(&["dport", "proto"], width),
        Question::slices(&["prefix"], width),
        Question::near_hits(width),
    ]
}

/// Reads one side.
fn side(
    common: &Common,
    file: &Path,
    questions: &[Question],
    scans: bool,
) -> anyhow::Result<(Options, Side)> {
    let common = Common { files: vec![file.to_owned()], ..common.clone() };
    let mut questions = questions.to_vec();
    questions.extend(scans.then_some(Question::Scans));
    let mut counted = kept::count(&common, &CountArgs::default(), &questions, &questions)?;
    let scans = counted.answers.take_scans();
    let side = Side { answers: counted.answers, account: counted.account, head: counted.head, scans };
    Ok((counted.options, side))
}

/// The campaigns that began after the first period.
fn new_campaigns(sides: &mut [Side; 2], limit: usize) -> Option<Shown> {
    let [before, after] = sides;
    let (mut scans, other) = (before.scans.take()?, after.scans.take()?);
    scans.merge(other);
    let (_, last) = before.account.span?;
    let limit = if limit == 0 { usize::MAX } else { limit };
    let since = Some(last.div_euclid(NANOS / 1_000) + 1);
    let wanted = Wanted { low: false, since, order: Order::Newest, limit };
    Some(Campaigns::of(&scans, Sender::Source).shown(&scans, &wanted))
}

/// The parts of one log before and after a moment.
fn halves(
    common: &Common,
    moment: &str,
    questions: &[Question],
    scans: bool,
) -> anyhow::Result<(Options, [Side; 2])> {
    let empty = || Answers::new(questions, None).ok_or_else(|| anyhow!("a field is not known"));
    if let [file] = &common.files[..]
        && kept::is_state(file)
    {
        let (options, mut whole) = side(common, file, questions, scans)?;
        let scans = whole.scans.take();
        let utc = options::moment("--before", moment, common)?;
        let local = options.plan.clock.at(utc).local_seconds();
        ensure!(
            local.rem_euclid(DAY) == 0,
            "--before: a state has whole days: name a midnight, as 2026-06-08"
        );
        let [before, after] = [true, false].map(|first| {
            let answers = whole.answers.of_period(local, first);
            let mut account = whole.account.clone();
            account.span = account
                .span
                .map(|(from, to)| if first { (from, to.min(utc - 1)) } else { (from.max(utc), to) });
            account.totals.matched = answers.total();
            let head = Head::new(
                whole.head.files.clone(),
                options.filters.clone(),
                &account,
                &options.plan.clock,
                whole.head.notes.clone(),
            );
            Side { answers, account, head, scans: None }
        });
        let before = Side { scans, ..before };
        let after = Side { scans: Some(Scans::new(None, 1)), ..after };
        return Ok((options, [before, after]));
    }
    let options = Options::new(common, false)?;
    let utc = options::moment("--before", moment, common)?;
    let empty = Halves {
        utc,
        parts: [empty()?, empty()?],
        scans: Scans::new(None, 1),
        spans: [None; 2],
        matched: [0; 2],
    };
    let (halves, account, head) = super::run(&options, || empty.clone())?;
    let mut parts = halves.parts.into_iter().zip([halves.scans, Scans::new(None, 1)]);
    let mut side = |at: usize| {
        let (answers, scans) = parts.next().ok_or_else(|| anyhow!("there are two parts"))?;
        let mut account = account.clone();
        account.span = halves.spans[at];
        account.totals.matched = halves.matched[at];
        let mut own = Head::new(
            head.files.clone(),
            head.filters.clone(),
            &account,
            &options.plan.clock,
            head.notes.clone(),
        );
        (own.partial, own.assumptions) =
            (options.queue.stop.load(Ordering::Relaxed), head.assumptions.clone());
        anyhow::Ok(Side { answers, account, head: own, scans: Some(scans) })
    };
    let sides = [side(0)?, side(1)?];
    Ok((options, sides))
}

/// What was counted before and after a moment.
#[derive(Clone)]
struct Halves {
    utc: i64,
    parts: [Answers; 2],
    scans: Scans,
    spans: [Option<(i64, i64)>; 2],
    matched: [u64; 2],
}

impl Aggregate for Halves {
    fn add(&mut self, record: &Record<'_>) {
        let Some(when) = record.when else { return };
        let at = usize::from(when.utc >= self.utc);
        self.parts[at].add(record);
        self.scans.add(record);
        self.matched[at] += record.times();
        let span = &mut self.spans[at];
        *span = Some(
            span.map_or((when.utc, when.utc), |(first, last)| (first.min(when.utc), last.max(when.utc))),
        );
    }

    fn merge(&mut self, other: Halves) {
        self.scans.merge(other.scans);
        for (at, (part, span)) in other.parts.into_iter().zip(other.spans).enumerate() {
            self.parts[at].merge(part);
            self.matched[at] += other.matched[at];
            self.spans[at] = match (self.spans[at], span) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (one, other) => one.or(other),
            };
        }
    }

    fn settle(&mut self) {
        self.parts.iter_mut().for_each(Answers::settle);
        self.scans.settle();
    }
}

/// All tables of changes.
fn tables(sides: &[Side; 2], questions: &[Question], width: i64, clock: &Clock) -> Vec<Table> {
    let periods = [0, 1].map(|at| {
        let local = |utc: i64| clock.at(utc).local_seconds();
        let (first, last) = sides[at].account.span.unwrap_or((0, NANOS));
        Period { span: (local(first), local(last)) }
    });
    let series = |question: &Question| {
        [0, 1].map(|at| sides[at].answers.slices(question).map_or_else(Series::default, Slices::by_key))
    };
    let compared = |of, by: &[&str], series: &[Series; 2]| {
        diff::compare(of, by, width, periods, [&series[0], &series[1]])
    };
    let [sources, ports, prefixes, near] = [0, 1, 2, 3].map(|at| series(&questions[at]));
    let networks = [0, 1].map(|at| diff::networks(&sources[at], 24, 64));
    vec![
        compared("sources", &["src"], &sources),
        compared("networks", &["src/24"], &networks),
        compared("ports", &["dport", "proto"], &ports),
        compared("prefixes", &["prefix"], &prefixes),
        compared("near hits", &["src", "dport", "proto"], &near),
    ]
}
