//! `fwstat report`: one page about a log.
//!
//! Responsible for: the passes in order (counts and survey, proof, details), and which page is made of them.
//! Must not know: what noise is, how a page looks.
//! Tested by: `tests/cli/report.rs`, `tests/cli/report_page.rs`.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use fwlog::names::Names;
use fwlog::text;
use fwrules::{Compiled, Evidence};
use hashbrown::HashMap;

use super::passes::Passes;
use super::{Outcome, format, outcome, write};
use crate::analysis::noise::survey::Survey;
use crate::analysis::replay::Replay;
use crate::analysis::replayed::Replays;
use crate::analysis::suggest::proof::{Proof, Prover};
use crate::analysis::summary::Summary;
use crate::analysis::summary::details::{Detailed, Details, Places};
use crate::analysis::summary::first::First;
use crate::cli::{self, Format, RulesArgs};
use crate::options::{Options, suggest as options};
use crate::report::page::{self, Told, Who};
use crate::report::{Head, next};
use crate::rules::Rulesets;

/// Runs it.
///
/// # Errors
/// An option makes no sense, the rules cannot be read, a later pass does not read what the first one did, or the output
/// cannot be written.
pub fn command(arguments: &cli::Report) -> anyhow::Result<Outcome> {
    let session = options::session_of_report(arguments)?;
    let asked = RulesArgs { ipset: arguments.ipset.clone(), ..RulesArgs::default() };
    let rulesets = match &arguments.rules[..] {
        [] => None,
        paths => Some(Rulesets::read(&asked, paths)?),
    };
    let all =
        rulesets.iter().flat_map(|rulesets| rulesets.all.iter().map(move |(_, rules)| (rulesets, rules)));
    let compiled: Vec<Compiled<'_>> =
        all.map(|(asked, rules)| Compiled::with_missed(rules, Evidence::Usual, &asked.local)).collect();
    let replays =
        || rulesets.iter().map(|rulesets| Replays::new(rulesets, &compiled, None, None)).collect::<Vec<_>>();
    let mut log = Passes::new(arguments.common.clone())?;
    let ranks = log.ranks.clone();
    let make = || ((Survey::new(&session.trusted, &ranks), First::default()), replays());
    let (((survey, first), replays), options, account, mut head) = log.run(make)?;
    format(&options, Format::Html, Format::of("report"))?;
    let chosen = first.choose();
    let draft = session.draft(&survey.finish());
    let signals = draft.signals.clone();
    // An interruption ends the passes; what the first one counted is shown all the same.
    let mut whole = !options.queue.stop.load(Ordering::Relaxed);
    let proof = match whole {
        true => session.prove(&draft, &draft.advice.chain.rules, |case| {
            let (prover, options, ..) = log.run(|| Prover::new(case))?;
            whole = !options.queue.stop.load(Ordering::Relaxed);
            anyhow::Ok(prover)
        })?,
        false => Proof::default(),
    };
    let mut suggestion = session.settle(draft, &proof, None);
    suggestion.name_truncated(&account, &head.files);
    let places = Places::new(&chosen);
    let details = match whole {
        true => session.viewed(&suggestion, &signals, |view| {
            log.run(|| Details::new(&places, view.viewer())).map(|(details, ..)| details.finish())
        })?,
        false => Detailed::new(&places),
    };
    let summary = Summary::new(suggestion, &chosen, &places, details);
    let replay = rulesets.as_ref().zip(replays.first());
    let replay = replay
        .map(|(rulesets, replays)| Replay::new(rulesets, &replays.counted, !options.filters.is_empty()));
    head.notes.extend(rulesets.iter().flat_map(Rulesets::notes));
    let told = Told {
        head: &head,
        account: &account,
        clock: &options.plan.clock,
        summary: &summary,
        replay: replay.as_ref(),
        who: &who(options.plan.names.as_deref(), &summary),
        command: repeated(arguments, &options, &head),
    };
    write(&options, &account, page::html(&told).as_bytes())?;
    Ok(outcome(&options, &account))
}

/// What files and the resolver say of the addresses that are shown.
fn who(names: Option<&Names>, summary: &Summary) -> HashMap<IpAddr, Who> {
    let Some(names) = names else { return HashMap::new() };
    let shown = summary.addresses();
    let found = names.of_each(&shown);
    let places = &names.places;
    let known = shown.into_iter().zip(found).map(|(addr, name)| {
        let asn = places.asn(addr).map(|asn| format!("AS{asn}"));
        let parts = [asn.as_deref(), places.as_org(addr), places.country(addr)];
        let place: Vec<&str> = parts.into_iter().flatten().collect();
        (addr, Who { name, place: (!place.is_empty()).then(|| place.join(" ")) })
    });
    known.collect()
}

/// The command that makes the same page.
fn repeated(arguments: &cli::Report, options: &Options, head: &Head) -> String {
    let mut words = Vec::new();
    let mut add = |name: &str, value: &str| words.push(format!("--{name} {}", text::quoted(value)));
    arguments.rules.iter().for_each(|path| add("rules", &path.to_string_lossy()));
    arguments.ipset.iter().for_each(|path| add("ipset", &path.to_string_lossy()));
    arguments.trusted.iter().for_each(|net| add("trusted", net));
    arguments.keep.iter().for_each(|prefix| add("keep", prefix));
    if arguments.max_rules != cli::values::MOST_RULES {
        add("max-rules", &arguments.max_rules.to_string());
    }
    if arguments.chain != cli::values::CHAIN {
        add("chain", &arguments.chain);
    }
    let input = &arguments.common.input;
    input.names.iter().for_each(|path| add("names", &path.to_string_lossy()));
    input.geoip.iter().for_each(|path| add("geoip", &path.to_string_lossy()));
    if let Some(path) = &options.output {
        add("output", &path.to_string_lossy());
    }
    words.extend(input.resolve.then(|| "--resolve".to_owned()));
    words.extend(next::input_words(input));
    next::command(head, "report", &words)
}
