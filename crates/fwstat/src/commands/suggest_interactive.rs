//! `fwstat suggest --interactive`: one rule at a time, one key each.
//!
//! The questions go to standard error and the keys come from the terminal, so that the
//! script of what was taken can go into a file.
//!
//! Responsible for: asking.
//! Must not know: how a rule is made or proven.
//! Tested by: `tests/cli/suggest.rs`, in tmux.

use std::io::{self, Write};

use crate::analysis::suggest::chain::Proposal;
use crate::analysis::suggest::proof::Proof;
use crate::analysis::suggest::session::{Draft, Session};
use crate::analysis::suggest::suggestion::{Rated, Suggestion};
use crate::keys::{KeyTyped, Keys};
use crate::options::Options;
use crate::report::style::{DIM, HEADING, KEY, RenderOptions, WARN, sentence};
use crate::report::{rules, suggest as report};
use fwlog::text;

const HELP: &str =
    "y accept, n skip, a accept all from here on, u undo the last answer, s show lines, q finish";

/// What is done with one rule.
enum Answer {
    Accept,
    Skip,
    AcceptAll,
    Undo,
    Finish,
}

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
    let all = session.settle(draft.clone(), proof, None);
    let rated: Vec<&Rated> = all.drops().collect();
    let taken = ask_all(look, &all, &rated)?;
    let mut answers = taken.iter();
    let accepted = all.rules.iter().filter(|rated| {
        // Exceptions are no question: without them a rule that was accepted could hide something.
        !rated.proposal.drops() || answers.next().copied().unwrap_or(false)
    });
    draft.advice.chain.rules = accepted.map(|rated| rated.proposal.clone()).collect();
    let skipped = rated.iter().zip(&taken).filter(|(_, taken)| !**taken);
    let declined: u64 = skipped.clone().map(|(rated, _)| rated.taken.seen.lines).sum();
    // What was left out changes what the others take: the script is proven as it is.
    let list = draft.advice.chain.rules.clone();
    let proof = prove(&draft, &list)?;
    let mut suggestion = session.settle(draft, &proof, None);
    suggestion.declined = declined.min(suggestion.noise_left);
    let mut out = io::stderr().lock();
    let count = look.count_of(suggestion.drops().count() as u64, "rule was", "rules were");
    let left = look.count_of(suggestion.after(), "line remains", "lines remain");
    write!(out, "\n{}", sentence(look, HEADING, &format!("{count} taken, {left}.")))?;
    for rated in suggestion.drops() {
        item(&mut out, look, &format!("taken: {}", rated.proposal.what))?;
    }
    for (rated, _) in skipped {
        item(&mut out, look, &format!("declined: {}", rated.proposal.what))?;
    }
    writeln!(out)?;
    Ok(suggestion)
}

/// Which rules are taken.
fn ask_all(look: &RenderOptions, all: &Suggestion, rated: &[&Rated]) -> io::Result<Vec<bool>> {
    let mut keys = Keys::new()?;
    let mut out = io::stderr().lock();
    let mut taken: Vec<bool> = Vec::new();
    while let Some(rule) = rated.get(taken.len()) {
        let silenced: u64 = rated
            .iter()
            .zip(&taken)
            .filter(|(_, taken)| **taken)
            .map(|(rated, _)| rated.taken.seen.lines)
            .sum();
        let remaining = (all.before - all.old).saturating_sub(silenced);
        let left = look.count_of(remaining, "line remains", "lines remain");
        let (number, many) = (taken.len() + 1, rated.len());
        writeln!(out, "\n{}", look.paint(HEADING, &format!("{left}. Rule {number} of {many}:")))?;
        show(&mut out, look, all, rule)?;
        match ask(&mut out, &mut keys, look, rule)? {
            Answer::Accept => taken.push(true),
            Answer::Skip => taken.push(false),
            Answer::AcceptAll => taken.resize(many, true),
            Answer::Undo => drop(taken.pop()),
            Answer::Finish => break,
        }
    }
    taken.resize(rated.len(), false);
    Ok(taken)
}

/// One answer; lines and help are shown as often as they are asked for.
fn ask(out: &mut impl Write, keys: &mut Keys, look: &RenderOptions, rule: &Rated) -> io::Result<Answer> {
    let question = "[y]es, [n]o, [a]ll, [u]ndo, [s]how lines, [q]uit? ";
    loop {
        write!(out, "{question}")?;
        out.flush()?;
        let typed = keys.typed()?;
        let echo = match typed {
            KeyTyped::Char(c) => c,
            KeyTyped::End => 'q',
        };
        writeln!(out, "{echo}")?;
        match echo {
            'y' => return Ok(Answer::Accept),
            'n' => return Ok(Answer::Skip),
            'a' => return Ok(Answer::AcceptAll),
            'u' => return Ok(Answer::Undo),
            'q' => return Ok(Answer::Finish),
            's' => {
                for (_, raw) in &rule.taken.samples {
                    item(out, look, &text::escape(raw.trim_ascii_end()))?;
                }
                let shown = rule.taken.samples.len() as u64;
                if shown < rule.taken.seen.lines {
                    let all = look.number(rule.taken.seen.lines);
                    let words =
                        format!("{shown} of {all} lines; all of them: the same command with --print removed");
                    write!(out, "{}", sentence(look, DIM, &words))?;
                }
            }
            _ => write!(out, "{}", sentence(look, DIM, HELP))?,
        }
    }
}

/// A sentence of a list: its further lines begin further in.
fn item(out: &mut impl Write, look: &RenderOptions, words: &str) -> io::Result<()> {
    let narrow = RenderOptions { width: look.width.map(|width| width.saturating_sub(4)), ..look.clone() };
    for (at, line) in sentence(&narrow, DIM, words).lines().enumerate() {
        writeln!(out, "{}{line}", if at == 0 { "  " } else { "    " })?;
    }
    Ok(())
}

/// A rule and what it takes.
fn show(out: &mut impl Write, look: &RenderOptions, all: &Suggestion, rated: &Rated) -> io::Result<()> {
    let narrow = RenderOptions { width: look.width.map(|width| width.saturating_sub(2)), ..look.clone() };
    let mut say = |style, words: &str| -> io::Result<()> {
        sentence(&narrow, style, words).lines().try_for_each(|line| writeln!(out, "  {line}"))
    };
    say(anstyle::Style::new(), &text::escape(report::why(&rated.proposal).as_bytes()))?;
    let command = rules::command(&rated.proposal.rule, &all.chain, rated.proposal.v6);
    for line in rules::folded(&command, narrow.width) {
        // A command is folded already: words of it stay where they are.
        say(KEY, &line)?;
    }
    let lines = look.count_of(rated.taken.seen.lines, "line", "lines");
    let (sources, exact) = rated.taken.sources.count();
    let about = if exact { "" } else { "about " };
    let sources = look.count_of(sources, "source", "sources");
    say(anstyle::Style::new(), &format!("silences {lines} of {about}{sources}"))?;
    for (why, (lines, _)) in &rated.taken.hides {
        let lines = look.count_of(*lines, "line", "lines");
        say(WARN, &format!("also hides {lines} of {}", why.title()))?;
    }
    Ok(())
}
