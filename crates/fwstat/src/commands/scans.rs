//! `fwstat scans`: one row for a campaign.
//!
//! Responsible for: which campaigns are shown, in which order, and the second look at the log for the lines of each.
//! Must not know: what a scan is (`analysis::scans`).
//! Tested by: `tests/cli/scans.rs`.

use super::passes::Passes;
use super::{Outcome, format, hints, kept, outcome, run, write};
use crate::analysis::answers::Question;
use crate::analysis::scans::{Campaigns, Members, Order, Sender, Shown, Wanted};
use crate::cli::{self, Common, CountArgs, Format, ScanSender, ScanSort};
use crate::options::Options;
use crate::report::scans::Table;
use crate::report::{Head, next, render};
use anyhow::{bail, ensure};
use fwlog::aggregate::scans::Probe;
use fwlog::aggregate::{Aggregate, Scans};
use fwlog::pipeline::Account;
use fwlog::record::Record;
use fwlog::text;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Scans) -> anyhow::Result<Outcome> {
    let counted =
        CountArgs { max_memory: arguments.max_memory, state: arguments.state.clone(), new_since: None };
    if kept::are_named(&arguments.common, &counted) {
        return of_states(arguments, &counted);
    }
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of("scans"))?;
    if arguments.line_numbers && (form != Format::Json || options.queue.names().len() != 1) {
        bail!("--line-numbers is for --json and one file");
    }
    let room = arguments.max_memory.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let make = || Scans::new(room, options.plan.threads);
    if !arguments.line_numbers {
        let (scans, account, head) = run(&options, make)?;
        let found = Found::of(arguments, scans, form);
        return found.write(arguments, &options, &account, head, None);
    }
    let mut log = Passes::new(arguments.common.clone())?;
    let (scans, ..) = log.run(make)?;
    let found = Found::of(arguments, scans, form);
    let ordered = log.options(true)?;
    let members = found.campaigns.members(&found.scans);
    let empty = || Numbers { members: &members, lines: vec![Vec::new(); found.campaigns.len()] };
    let (numbers, options, account, head) = log.run_with(ordered, empty)?;
    found.write(arguments, &options, &account, head, Some(&numbers.ranges()))
}

/// The same from states, or into one.
fn of_states(arguments: &cli::Scans, counted: &CountArgs) -> anyhow::Result<Outcome> {
    ensure!(!arguments.line_numbers, "--line-numbers: a state has no lines");
    let mut counted = kept::count(&arguments.common, counted, &[Question::Scans], &Question::with_scans())?;
    let scans = counted.answers.take_scans().unwrap_or_else(|| Scans::new(None, 1));
    let form = format(&counted.options, Format::Table, Format::of("scans"))?;
    let found = Found::of(arguments, scans, form);
    let outcome = found.write(arguments, &counted.options, &counted.account, counted.head.clone(), None)?;
    counted.save()?;
    Ok(outcome)
}

/// What was found.
struct Found {
    scans: Scans,
    campaigns: Campaigns,
    shown: Shown,
    form: Format,
}

impl Found {
    fn of(arguments: &cli::Scans, scans: Scans, form: Format) -> Found {
        let by = match arguments.by {
            ScanSender::Source => Sender::Source,
            ScanSender::Network => Sender::Network,
        };
        // Whoever asks for a table sees a few rows.
        let limit = if form == Format::Table && arguments.limit > 0 { arguments.limit } else { usize::MAX };
        let campaigns = Campaigns::of(&scans, by);
        let wanted = Wanted { low: arguments.all, since: None, order: order(arguments.sort), limit };
        let shown = campaigns.shown(&scans, &wanted);
        Found { scans, campaigns, shown, form }
    }

    /// Writes it, with the numbers of the lines of each campaign, if they were looked for.
    fn write(
        &self,
        arguments: &cli::Scans,
        options: &Options,
        account: &Account,
        mut head: Head,
        lines: Option<&[Vec<(u64, u64)>]>,
    ) -> anyhow::Result<Outcome> {
        head.notes.extend(hints::nothing_passed(&arguments.common, options, account));
        let Found { scans, campaigns, shown, form } = self;
        let table = Table {
            head: &head,
            clock: &options.plan.clock,
            input: next::input_words(&arguments.common.input),
            shown,
            lines: lines.map(|lines| shown.numbers.iter().map(|at| &lines[*at][..]).collect()),
            below: campaigns.below,
            answers: scans.answers(),
            others: scans.others(),
            folded: scans.folded(),
        };
        write(options, account, &render(&table, *form, &options.look))?;
        Ok(match outcome(options, account) {
            Outcome::Found if shown.list.is_empty() => Outcome::Nothing,
            outcome => outcome,
        })
    }
}

fn order(sort: ScanSort) -> Order {
    match sort {
        ScanSort::Newest => Order::Newest,
        ScanSort::Oldest => Order::Oldest,
        ScanSort::Packets => Order::Packets,
        ScanSort::Aims => Order::Aims,
        ScanSort::Sources => Order::Sources,
    }
}

/// A campaign whose lines are wanted, and the log that it was found in.
pub(super) struct OneCampaign {
    log: Passes,
    members: Members,
    number: usize,
}

impl OneCampaign {
    /// What the log is read with once more.
    pub(super) fn options(&self) -> anyhow::Result<Options> {
        self.log.options(true)
    }

    /// Whether a line is of it.
    pub(super) fn has(&self, record: &Record<'_>) -> bool {
        Probe::of(record).and_then(|probe| self.members.of(&probe)) == Some(self.number)
    }
}

/// Reads a log for the campaign with an id.
pub(super) fn campaign(common: &Common, id: &str) -> anyhow::Result<OneCampaign> {
    let mut log = Passes::new(common.clone())?;
    let (scans, ..) = log.run(|| Scans::new(None, 1))?;
    for by in [Sender::Source, Sender::Network] {
        let campaigns = Campaigns::of(&scans, by);
        if let Some(number) = campaigns.find(&scans, id) {
            return Ok(OneCampaign { log, members: campaigns.members(&scans), number });
        }
    }
    bail!(
        "--campaign: no campaign `{}` in this log: `fwstat scans --all` lists them",
        text::escape(id.as_bytes())
    )
}

/// The numbers of each campaign's lines.
struct Numbers<'m> {
    members: &'m Members,
    lines: Vec<Vec<u64>>,
}

impl Numbers<'_> {
    /// As ranges, in order.
    fn ranges(self) -> Vec<Vec<(u64, u64)>> {
        let ranges = |mut numbers: Vec<u64>| {
            numbers.sort_unstable();
            let mut out: Vec<(u64, u64)> = Vec::new();
            for number in numbers {
                match out.last_mut() {
                    Some((_, last)) if *last + 1 == number => *last = number,
                    _ => out.push((number, number)),
                }
            }
            out
        };
        self.lines.into_iter().map(ranges).collect()
    }
}

impl Aggregate for Numbers<'_> {
    fn add(&mut self, record: &Record<'_>) {
        if let Some(at) = Probe::of(record).and_then(|probe| self.members.of(&probe)) {
            self.lines[at].push(record.line_number());
        }
    }

    fn merge(&mut self, other: Self) {
        for (own, mut other) in self.lines.iter_mut().zip(other.lines) {
            own.append(&mut other);
        }
    }
}
