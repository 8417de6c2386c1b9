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

use super::{Outcome, commit_unless_stopped, finish, format, hints, outcome, output, run, write};
use crate::analysis::replay::Replay;
use crate::analysis::replayed::{Class, Replays, Second};
use crate::analysis::what_if::{self, Beside};
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
    // Rules that are added are asked of a log that the others wrote.
    let evidence = |n: usize| match &writer {
        Some(writer) => Evidence::Writer(writer),
        None if rulesets.taken_away => Evidence::Writer(&rulesets.before[n].1),
        None if !rulesets.before.is_empty() => Evidence::Same,
        None => Evidence::Usual,
    };
    // Where nothing is known of who wrote the log: what if it was this ruleset?
    let asks_writer = writer.is_none() && rulesets.before.is_empty();
    let made = rulesets.all.iter().enumerate().map(|(n, (_, rules))| match arguments.print {
        Some(_) => Compiled::new(rules, evidence(n), &rulesets.local),
        None => Compiled::with_missed(rules, evidence(n), &rulesets.local),
    });
    let made = made.map(|compiled| match asks_writer && arguments.print.is_none() {
        true => compiled.with_writer(),
        false => compiled,
    });
    let compiled: Vec<Compiled<'_>> = made.collect();
    if let Some(print) = arguments.print {
        return print_lines(&common, print, &rulesets, &compiled);
    }
    let options = Options::new(&common, false)?;
    let form = format(&options, Format::Table, Format::of("replay"))?;
    let is_what_if = !rulesets.before.is_empty();
    // With added rules: the rules without them.
    let evidence = writer.as_ref().map_or(Evidence::Same, Evidence::Writer);
    let before = rulesets.before.iter().map(|(_, rules)| Compiled::new(rules, evidence, &rulesets.local));
    let before: Vec<Compiled<'_>> = before.collect();
    let about = |n: usize, answer: &fwrules::Replayed| what_if::concerns(&rulesets, n, answer);
    let second = is_what_if.then_some(Second { compiled: &before, about: &about });
    let (replays, account, mut head) = run(&options, || Replays::new(&rulesets, &compiled, None, second))?;
    let replay = Replay::new(&rulesets, &replays.counted, !options.filters.is_empty());
    let beside = match is_what_if {
        true => Beside {
            what_if: Some(what_if::what_if(&rulesets, &replay, &replays.counted)),
            ..Beside::default()
        },
        false => Beside {
            if_written_by_rules: what_if::if_written_by_rules(&replay, &replays.counted),
            ..Beside::default()
        },
    };
    head.notes.extend(replay.not_judged.iter().cloned());
    head.notes.extend(hints::nothing_passed(&common, &options, &account));
    if beside.if_written_by_rules.is_some() {
        head.notes.push(
            "if this ruleset produced the log, add --written-by RULES (the same file) to decide those lines"
                .to_owned(),
        );
    }
    let report = Replayed {
        replay: &replay,
        beside: &beside,
        head: &head,
        clock: &options.plan.clock,
        limit: if arguments.limit == 0 { usize::MAX } else { arguments.limit },
        samples: options.verbose,
        rules: paths.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
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
    let (replays, account, _) =
        run(&options, || Replays::new(rulesets, compiled, Some((class, &sink)), None))?;
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
