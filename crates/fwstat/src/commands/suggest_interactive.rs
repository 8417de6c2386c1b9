//! `fwstat suggest --interactive`: one rule at a time.
//!
//! The questions go to standard error and the answers come from the terminal, so that the
//! script of what was taken can go into a file.
//!
//! Responsible for: asking.
//! Must not know: how a rule is made or proven.
//! Tested by: `tests/cli/suggest.rs`, in tmux.

use std::io::{self, BufRead as _, Write as _};

use crate::analysis::suggest::chain::Proposal;
use crate::analysis::suggest::proof::Proof;
use crate::analysis::suggest::session::{Draft, Session};
use crate::analysis::suggest::suggestion::{Rated, Suggestion};
use crate::options::Options;
use crate::report::style::{DIM, HEADING, KEY, WARN};
use crate::report::{rules, suggest as report};
use fwlog::text;

const HELP: &str = "y accept, n skip, s show lines, q finish";

/// Asks for every rule that drops; gives back what was accepted, proven as it is.
///
/// # Errors
/// The terminal cannot be read or written, or the log cannot be read again.
pub(super) fn choose(
    session: &Session,
    mut draft: Draft,
    proof: &Proof,
    options: &Options,
    mut prove: impl FnMut(&Draft, &[Proposal]) -> anyhow::Result<Proof>,
) -> anyhow::Result<Suggestion> {
    let look = &options.look;
    let mut out = io::stderr().lock();
    let all = session.settle(draft.clone(), proof, None);
    let mut remaining = all.before - all.old;
    let many = all.drops().count();
    let mut accepted: Vec<Proposal> = Vec::new();
    let mut done = false;
    let mut number = 0;
    for rated in &all.rules {
        if !rated.proposal.drops() {
            accepted.push(rated.proposal.clone());
            continue;
        }
        number += 1;
        if done {
            continue;
        }
        let left = look.count_of(remaining, "line remains", "lines remain");
        writeln!(out, "\n{}", look.paint(HEADING, &format!("{left}. Rule {number} of {many}:")))?;
        show(&mut out, options, &all, rated)?;
        loop {
            let Some(answer) = ask(&mut out, "[y]es, [n]o, [s]how lines, [q]uit? ")? else {
                done = true;
                break;
            };
            match answer.as_str() {
                "y" | "yes" => {
                    remaining -= rated.taken.seen.lines.min(remaining);
                    accepted.push(rated.proposal.clone());
                    break;
                }
                "n" | "no" => break,
                "q" | "quit" => {
                    done = true;
                    break;
                }
                "s" | "show" => {
                    for (_, raw) in &rated.taken.samples {
                        writeln!(out, "  {}", look.paint(DIM, &text::escape(raw)))?;
                    }
                }
                _ => writeln!(out, "  {HELP}")?,
            }
        }
    }
    // What was left out changes what the others take: the script is proven as it is.
    draft.advice.chain.rules = accepted;
    let list = draft.advice.chain.rules.clone();
    let proof = prove(&draft, &list)?;
    let all = session.settle(draft, &proof, None);
    let count = look.count_of(all.drops().count() as u64, "rule was", "rules were");
    let left = look.count_of(all.after(), "line remains", "lines remain");
    writeln!(out, "\n{}\n", look.paint(HEADING, &format!("{count} taken, {left}.")))?;
    Ok(all)
}

/// A rule and what it takes.
fn show(out: &mut impl io::Write, options: &Options, all: &Suggestion, rated: &Rated) -> io::Result<()> {
    let look = &options.look;
    writeln!(out, "  {}", text::escape(report::why(&rated.proposal).as_bytes()))?;
    let command = rules::command(&rated.proposal.rule, &all.chain, rated.proposal.v6);
    for line in rules::folded(&command, look.width.map(|width| width.saturating_sub(2))) {
        writeln!(out, "  {}", look.paint(KEY, &line))?;
    }
    let lines = look.count_of(rated.taken.seen.lines, "line", "lines");
    let (sources, exact) = rated.taken.sources.count();
    let about = if exact { "" } else { "about " };
    let sources = look.count_of(sources, "source", "sources");
    writeln!(out, "  silences {lines} of {about}{sources}")?;
    for (why, (lines, _)) in &rated.taken.hides {
        let lines = look.count_of(*lines, "line", "lines");
        writeln!(out, "  {}", look.paint(WARN, &format!("also hides {lines} of {}", why.title())))?;
    }
    Ok(())
}

/// One answer, in lower case; `None` at the end of input.
fn ask(out: &mut impl io::Write, question: &str) -> io::Result<Option<String>> {
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim().to_lowercase()))
}
