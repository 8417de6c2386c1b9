//! `fwstat replay`: the rules over the log: which rule takes which line, which would remain.
//!
//! Responsible for: which rulesets are replayed, and as what evidence.
//! Must not know: how a rule is matched (`fwrules`), what is concluded (`analysis::replay`) or
//! how that looks (`report::replay`).
//! Tested by: `tests/cli/replay.rs`.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use anyhow::bail;
use fwrules::{Compiled, Evidence};

use super::{Outcome, commit_unless_stopped, finish, format, outcome, output, run, write};
use crate::analysis::replay::Replay;
use crate::analysis::replayed::{Class, Replays};
use crate::cli::{self, Format, Print};
use crate::options::Options;
use crate::report;
use crate::report::replay::Replayed;
use crate::rules::{self, Rulesets};
use fwlog::pipeline::order::Writer;
use fwlog::text;

/// Runs it.
///
/// # Errors
/// An option makes no sense, a ruleset cannot be read, or the output cannot be written.
pub fn command(arguments: &cli::Replay) -> anyhow::Result<Outcome> {
    let mut common = arguments.common.clone();
    let mut paths = arguments.rules.rules.clone();
    if paths.is_empty() {
        if common.files.is_empty() {
            bail!(
                "which ruleset? `fwstat replay RULES [LOG]...`\n  \
                 RULES is what iptables-save, ip6tables-save or `nft -j list ruleset` prints"
            );
        }
        paths.push(common.files.remove(0));
    }
    let rulesets = Rulesets::read(&arguments.rules, &paths)?;
    let writer = arguments.written_by.as_deref().map(rules::ruleset).transpose()?;
    let evidence = || match &writer {
        Some(writer) => Evidence::Writer(writer),
        None if !arguments.rules.add.is_empty() => Evidence::Same,
        None => Evidence::Usual,
    };
    let make = if arguments.print.is_some() { Compiled::new } else { Compiled::with_missed };
    let compiled: Vec<Compiled<'_>> =
        rulesets.all.iter().map(|(_, rules)| make(rules, evidence(), &rulesets.local)).collect();
    if let Some(print) = arguments.print {
        return print_lines(&common, print, &rulesets, &compiled);
    }
    let options = Options::new(&common, false)?;
    let form = format(&options, Format::Table, &[Format::Table, Format::Json])?;
    let (replays, account, mut head) = run(&options, || Replays::new(&rulesets, &compiled, None))?;
    let replay = Replay::new(&rulesets, &replays.counted, !options.filters.is_empty());
    head.notes.extend(replay.not_judged.iter().cloned());
    if arguments.written_by.is_none() && arguments.rules.add.is_empty() && replay.hangs_on_state {
        head.notes.push(
            "if this ruleset produced the log, add --written-by RULES (the same file) to decide those lines"
                .to_owned(),
        );
    }
    let report = Replayed {
        replay: &replay,
        head: &head,
        clock: &options.plan.clock,
        limit: if arguments.limit == 0 { usize::MAX } else { arguments.limit },
        samples: options.verbose,
    };
    write(&options, &account, &report::render(&report, form, &options.look))?;
    Ok(outcome(&options, &account))
}

/// The raw lines of one class, in the order of the input.
fn print_lines(
    common: &cli::Common,
    print: Print,
    rulesets: &Rulesets,
    compiled: &[Compiled<'_>],
) -> anyhow::Result<Outcome> {
    let options = Options::new(common, true)?;
    if options.format.is_some() {
        bail!("--print writes lines as they are: leave --json and --format out");
    }
    let class = match print {
        Print::Remaining => Class::Remaining,
        Print::Removed => Class::Removed,
        Print::Unknown => Class::Unknown,
    };
    let (out, beside) = output(&options)?;
    let writer = Writer::new(out, options.plan.threads, Arc::clone(&options.queue.stop));
    let terminal = options.output.is_none() && io::stdout().is_terminal();
    let sink = |ticket, bytes: Vec<u8>| writer.put(ticket, if terminal { escaped(&bytes) } else { bytes });
    let (replays, account, _) = run(&options, || Replays::new(rulesets, compiled, Some((class, &sink))))?;
    let printed = replays.counted.iter().flat_map(|counted| &counted.answers);
    let any = printed.into_iter().any(|(answer, _)| Class::of(&answer.fate) == class);
    drop(replays);
    finish(writer, &options)?;
    if let Some(file) = beside {
        commit_unless_stopped(file, &options)?;
    }
    Ok(match outcome(&options, &account) {
        Outcome::Found if !any => Outcome::Nothing,
        other => other,
    })
}

/// Whole lines as a terminal may have them.
fn escaped(lines: &[u8]) -> Vec<u8> {
    let lines = logparse::lines(lines);
    lines.flat_map(|(_, line)| text::escape(line).into_bytes().into_iter().chain([b'\n'])).collect()
}
