//! `fwstat suggest --interactive`: one rule at a time.
//!
//! The questions go to standard error and the answers come from the terminal, so that the
//! script of what was taken can go into a file.
//!
//! Responsible for: asking.
//! Must not know: how a rule is made or proven.
//! Tested by: `tests/cli/suggest.rs`, in tmux.

use std::io::{self, BufRead as _, Write as _};

use super::suggest::Session;
use crate::analysis::noise::rules as noise_rules;
use crate::options::Options;
use crate::report::style::{DIM, HEADING, KEY, WARN};
use crate::report::suggest::{Rated, Suggestion};
use crate::report::{rules, suggest as report};
use fwlog::text;

const HELP: &str = "y: take the rule   n: leave it   w: a narrower rule   s: show lines   q: no more rules";

/// Asks for every rule; gives back what was taken.
///
/// # Errors
/// The terminal cannot be read or written, or a narrower rule cannot be proven.
pub(super) fn choose(session: &Session, all: Suggestion, options: &Options) -> anyhow::Result<Suggestion> {
    let look = &options.look;
    let mut out = io::stderr().lock();
    let mut remaining = all.before - all.old;
    let mut taken: Vec<Rated> = Vec::new();
    let many = all.rules.len();
    'rules: for (number, mut rated) in all.rules.clone().into_iter().enumerate() {
        loop {
            let left = look.count_of(remaining, "line remains", "lines remain");
            let proposal = &rated.proposal;
            writeln!(out)?;
            writeln!(out, "{}", look.paint(HEADING, &format!("{left}. Rule {} of {many}:", number + 1)))?;
            writeln!(out, "  {}", text::escape(report::why(proposal).as_bytes()))?;
            let command = rules::command(&proposal.rule, &all.chain, proposal.v6);
            for line in rules::folded(&command, look.width.map(|width| width.saturating_sub(2))) {
                writeln!(out, "  {}", look.paint(KEY, &line))?;
            }
            let lines = look.count_of(rated.taken.seen.lines, "line", "lines");
            let (sources, exact) = rated.taken.sources.count();
            let about = if exact { "" } else { "about " };
            let after = look.number(remaining - rated.taken.seen.lines.min(remaining));
            let sources = look.count_of(sources, "source", "sources");
            writeln!(out, "  silences {lines} of {about}{sources}; {after} would remain")?;
            for (why, (lines, _)) in &rated.taken.hides {
                let lines = look.count_of(*lines, "line", "lines");
                writeln!(out, "  {}", look.paint(WARN, &format!("also hides {lines} of {}", why.title())))?;
            }
            let Some(answer) = ask(&mut out, "[y]es, [n]o, narro[w]er, [s]how lines, [q]uit? ")? else {
                break 'rules;
            };
            match answer.as_str() {
                "y" | "yes" => {
                    remaining -= rated.taken.seen.lines.min(remaining);
                    taken.push(rated);
                    continue 'rules;
                }
                "n" | "no" => continue 'rules,
                "q" | "quit" => break 'rules,
                "s" | "show" => {
                    for (_, raw) in &rated.taken.samples {
                        writeln!(out, "  {}", look.paint(DIM, &text::escape(raw)))?;
                    }
                    let rest = rated.taken.seen.lines.saturating_sub(rated.taken.samples.len() as u64);
                    if rest > 0 {
                        writeln!(out, "  and {} more", look.number(rest))?;
                    }
                }
                "w" | "narrower" => {
                    let only = if rated.taken.inputs.len() == 1 { rated.taken.inputs.first() } else { None };
                    let Some(rule) = noise_rules::narrower(&rated.proposal, only.map(Vec::as_slice)) else {
                        writeln!(out, "  there is no narrower form of this rule")?;
                        continue;
                    };
                    let mut proposal = rated.proposal.clone();
                    proposal.rule = rule;
                    // What it takes after those that were taken already.
                    let mut with: Vec<_> = taken.iter().map(|rated| rated.proposal.clone()).collect();
                    with.push(proposal.clone());
                    if let Some(taken) = session.proved(&with)?.0.pop() {
                        rated = Rated { proposal, taken };
                    }
                }
                _ => writeln!(out, "  {HELP}")?,
            }
        }
    }
    // What was left out changes what the others take: the script is proven as it is.
    let chosen: Vec<_> = taken.into_iter().map(|rated| rated.proposal).collect();
    let (taken, proved) = session.proved(&chosen)?;
    let rules: Vec<Rated> =
        chosen.into_iter().zip(taken).map(|(proposal, taken)| Rated { proposal, taken }).collect();
    let all =
        Suggestion { rules, remain: proved.remain, unknown: proved.unknown, noise: proved.noise, ..all };
    let count = look.count_of(all.rules.len() as u64, "rule was", "rules were");
    let left = look.count_of(all.after(), "line remains", "lines remain");
    writeln!(out, "\n{}\n", look.paint(HEADING, &format!("{count} taken, {left}.")))?;
    Ok(all)
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
