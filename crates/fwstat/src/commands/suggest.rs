//! `fwstat suggest`: rules that silence noise, each verified against the log.
//!
//! Responsible for: the passes in order (survey, proof), and which form is written.
//! Must not know: what noise is, how rules are made.
//! Tested by: `tests/cli/suggest.rs`, `tests/cli/advice.rs`.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::Ordering;

use anyhow::bail;

use super::passes::Passes;
use super::{Outcome, outcome, suggest_interactive, suggest_print, write};
use crate::analysis::noise::survey::Survey;
use crate::analysis::suggest::bans::{Jail, Loud, Tally, Watch};
use crate::analysis::suggest::proof::{Proof, Prover};
use crate::analysis::suggest::scanners::{Asking, Found};
use crate::analysis::suggest::session::{Draft, Session};
use crate::cli::{self, RuleFormat};
use crate::options::suggest as options;
use crate::report::suggest::{self as report, Verb};
use crate::report::{Head, diagnostics, handoff, next};
use fwlog::text;

/// Runs it.
///
/// # Errors
/// An option makes no sense, the rules cannot be read, a second pass does not read what the first
/// one did, or the output cannot be written.
pub fn command(arguments: &cli::Suggest) -> anyhow::Result<Outcome> {
    if arguments.interactive && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        bail!("--interactive needs a terminal on standard input and standard error");
    }
    let (target, timeout) = (options::target(arguments)?, options::timeout(arguments)?);
    let session = options::session(arguments)?;
    let mut log = Passes::new(options::common(arguments))?;
    let ranks = log.ranks.clone();
    let (survey, options, account, head) = log.run(|| Survey::new(&session.trusted, &ranks))?;
    let surveyed = survey.finish();
    let forwarding = session.forwarding(&surveyed);
    let session = forwarding.as_ref().unwrap_or(&session);
    let mut draft = session.draft(&surveyed);
    let whole = !options.queue.stop.load(Ordering::Relaxed);
    let (bytes, found) = match arguments.form() {
        RuleFormat::Fail2ban => fail2ban(&mut log, &draft, whole, &head)?,
        form @ (RuleFormat::Ipset | RuleFormat::Crowdsec) => {
            let loud = loud(&mut log, &draft, whole)?;
            let bytes = match form {
                RuleFormat::Ipset => {
                    handoff::ipset(&loud, &arguments.chain, timeout, session.nft()).into_bytes()
                }
                _ => {
                    // JSON has no comments.
                    diagnostics::warning(&handoff::proof(&loud))?;
                    handoff::crowdsec(&loud, timeout)
                }
            };
            (bytes, !loud.is_empty())
        }
        form => {
            let mut suggestion = if whole {
                let (proof, found) = proven(&mut log, session, &draft)?;
                draft.found = found;
                let prove = |draft: &Draft, list: &[_]| -> anyhow::Result<Proof> {
                    session.prove(draft, list, |case| Ok(log.run(|| Prover::new(case))?.0))
                };
                match arguments.interactive {
                    true => suggest_interactive::choose(session, draft, &proof, &options, prove)?,
                    false => session.settle(draft, &proof, target),
                }
            } else {
                session.settle(draft, &Proof::default(), target)
            };
            if let Some(which) = arguments.print.filter(|_| whole) {
                return suggest_print::print(&mut log, session, &suggestion, which);
            }
            suggestion.name_truncated(&account, &head.files);
            let verb = Verb::new(arguments.undo, arguments.idempotent);
            let (look, clock) = (&options.look, &options.plan.clock);
            let bytes = match form {
                RuleFormat::Restore => report::restore(look, &suggestion, session.only_family()).into_bytes(),
                RuleFormat::Nft => report::nft(look, &suggestion).into_bytes(),
                RuleFormat::Json => report::json(clock, &head, &suggestion),
                _ => report::script(look, clock, &head, &suggestion, verb, &next(arguments, &head))
                    .into_bytes(),
            };
            (bytes, suggestion.drops().next().is_some())
        }
    };
    write(&options, &account, &bytes)?;
    Ok(match outcome(&options, &account) {
        Outcome::Found | Outcome::Nothing if found => Outcome::Found,
        Outcome::Found => Outcome::Nothing,
        other => other,
    })
}

/// The proof of all rules, and who scans: in one pass.
fn proven(log: &mut Passes, session: &Session, draft: &Draft) -> anyhow::Result<(Proof, Found)> {
    let mut found = Found::default();
    let proof = session.prove(draft, &draft.advice.chain.rules, |case| {
        let (prover, asking) = log.run(|| (Prover::new(case), Asking::new(&draft.suspects)))?.0;
        found = asking.found();
        anyhow::Ok(prover)
    })?;
    Ok((proof, found))
}

/// Commands about what was suggested, with the options that decided it.
fn next(arguments: &cli::Suggest, head: &Head) -> Vec<next::Command> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: &str| options.push(format!("--{name} {}", text::quoted(value)));
    arguments.rules.iter().for_each(|path| add("rules", &path.to_string_lossy()));
    arguments.trusted.iter().for_each(|net| add("trusted", net));
    arguments.keep.iter().for_each(|prefix| add("keep", prefix));
    if arguments.chain != "MALICIOUS" {
        add("chain", &arguments.chain);
    }
    if arguments.max_rules != 20 {
        add("max-rules", &arguments.max_rules.to_string());
    }
    arguments.target.iter().for_each(|target| add("target", target));
    let print = |which: &str| [options.clone(), vec![format!("--print {which}")]].concat();
    vec![
        (next::command(head, "suggest", &print("remaining")), "the lines that remain"),
        (next::command(head, "suggest", &print("removed")), "the lines that the rules silence"),
    ]
}

/// Filter and jail, with who would have been banned.
fn fail2ban(log: &mut Passes, draft: &Draft, whole: bool, head: &Head) -> anyhow::Result<(Vec<u8>, bool)> {
    let jail = Jail::new(draft);
    let banned = if whole { log.run(|| Watch::new(&jail))?.0.banned(&jail) } else { Vec::new() };
    Ok((handoff::fail2ban(&jail, &banned, &head.files).into_bytes(), !jail.prefixes.is_empty()))
}

/// Networks that scan, with the addresses that would have been banned.
fn loud(log: &mut Passes, draft: &Draft, whole: bool) -> anyhow::Result<Vec<Loud>> {
    let nets = Loud::of(draft);
    if !whole || nets.is_empty() {
        return Ok(nets);
    }
    let (tally, asking) = log.run(|| (Tally::new(&nets), Asking::new(&draft.suspects)))?.0;
    let found = asking.found();
    let mut loud = tally.named(nets.clone());
    loud.retain(|loud| found.has(&loud.net));
    Ok(loud)
}
