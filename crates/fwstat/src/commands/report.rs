//! `fwstat report`: one page about a log, or a digest of it.
//!
//! Responsible for: the passes in order (counts and survey, proof, details), and which page is made of them.
//! Must not know: what noise is, how a page looks.
//! Tested by: `tests/cli/report.rs`, `tests/cli/report_page.rs`.

use std::io::{self, IsTerminal as _};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::Ordering;

use fwlog::aggregate::Scans;
use fwlog::aggregate::scans::Probe;
use fwlog::names::Names;
use fwlog::sorting::InOrder as _;
use fwlog::text;
use fwlog::time::clock;
use fwrules::{Compiled, Evidence};
use hashbrown::HashMap;

use super::passes::Passes;
use super::{Outcome, format, outcome, replace, write};
use crate::analysis::noise::survey::Survey;
use crate::analysis::replay::Replay;
use crate::analysis::replayed::Replays;
use crate::analysis::scans::{Campaign, Campaigns, Order, Sender, Wanted};
use crate::analysis::suggest::proof::{Proof, Prover};
use crate::analysis::suggest::session::Session;
use crate::analysis::suggest::signals::Signals;
use crate::analysis::suggest::suggestion::Suggestion;
use crate::analysis::summary::Summary;
use crate::analysis::summary::details::{Detailed, Details, Places, Which};
use crate::analysis::summary::first::First;
use crate::analysis::summary::news::{Told as Tellings, things};
use crate::cli::{self, Format, RulesArgs};
use crate::options::report::{letter, told as told_before};
use crate::options::{Options, suggest as options};
use crate::report::digest::{Digest, News, mail};
use crate::report::page::{self, Told, Who};
use crate::report::scans::LIMIT;
use crate::report::{diagnostics, next};
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
    let make =
        || ((Survey::new(&session.trusted, &ranks), First::default()), (Scans::new(None, 1), replays()));
    let (((survey, mut first), (scans, replays)), options, account, mut head) = log.run(make)?;
    // What is large is made small before the next large thing is: scans last, and then they are needed no more.
    let chosen = first.choose();
    let surveyed = survey.finish();
    let forwarding = session.forwarding(&surveyed);
    let session = forwarding.as_ref().unwrap_or(&session);
    let mut draft = session.draft(&surveyed);
    drop(surveyed);
    let newest = Wanted { low: false, since: None, order: Order::Newest, limit: LIMIT };
    let campaigns = Campaigns::of(&scans, Sender::Source);
    draft.found = draft.suspects.found_among(&campaigns, &scans);
    let campaigns = campaigns.shown(&scans, &newest);
    drop(scans);
    let terminal = options.output.is_none() && io::stdout().is_terminal();
    // A page is for a browser: a terminal is told the same in a few lines.
    let usual = if terminal { Format::Text } else { Format::Html };
    let form = format(&options, usual, Format::of("report"))?;
    let letter = letter(arguments, &options.plan.clock.zone)?;
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
        true => details(&mut log, session, &suggestion, &signals, &places)?,
        false => Detailed::new(&places, Which::Remain),
    };
    let summary = Summary::new(suggestion, (&chosen, first), &places, details);
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
        campaigns: &campaigns,
        who: &who(options.plan.names.as_deref(), &summary, &campaigns.list),
        command: next::command(&head, "report", &words(arguments, &options)),
        rules: rules(arguments),
        input: next::input_words(&arguments.common.input),
    };
    let state = arguments.state.as_deref().map(State::read);
    let news = state.as_ref().map_or_else(News::default, |state| state.news(&summary));
    let something = if news.known { !news.things.is_empty() } else { summary.suggestion.after() > 0 };
    if something || !arguments.quiet_if_nothing {
        let digest = || Digest::new(&told, &news);
        let bytes = match form {
            Format::Text => digest().text(),
            Format::Markdown => digest().markdown(),
            Format::Mail => mail::message(&digest(), &letter),
            _ => page::html(&told),
        };
        write(&options, &account, bytes.as_bytes())?;
    }
    let damaged = match (state, whole) {
        (Some(state), true) => state.tell(&summary, head.span.map(|(_, last)| clock::utc_text(last.utc)))?,
        _ => false,
    };
    Ok(match outcome(&options, &account) {
        Outcome::Found | Outcome::Nothing if damaged => Outcome::Failed,
        Outcome::Found if (news.known || form != Format::Html) && !something => Outcome::Nothing,
        other => other,
    })
}

/// The last pass.
fn details(
    log: &mut Passes,
    session: &Session,
    suggestion: &Suggestion,
    signals: &Signals,
    places: &Places<'_>,
) -> anyhow::Result<Detailed> {
    let which = Which::of(suggestion.before - suggestion.after(), suggestion.before);
    session.viewed(suggestion, signals, |view| {
        let (details, options, ..) = log.run(|| Details::new(places, view.viewer(), which))?;
        // Of a part of the lines that go nothing would follow.
        Ok(match options.queue.stop.load(Ordering::Relaxed) {
            true => Detailed::new(places, Which::Remain),
            false => details.finish(),
        })
    })
}

/// What was told before, and where that is kept.
struct State<'p> {
    path: &'p Path,
    told: Option<Tellings>,
    /// Why it could not be read: then it begins anew.
    damaged: Option<anyhow::Error>,
}

impl<'p> State<'p> {
    fn read(path: &'p Path) -> State<'p> {
        let (told, damaged) = match told_before(path) {
            Ok(told) => (told, None),
            Err(error) => (None, Some(error)),
        };
        State { path, told, damaged }
    }

    /// What is new; everything, if nothing was told before.
    fn news(&self, summary: &Summary) -> News {
        let before = self.told.clone().unwrap_or_default();
        News { known: true, since: before.until.clone(), things: before.new_of(&things(summary)) }
    }

    /// Keeps that all of it was told; whether what was kept before could not be read.
    fn tell(self, summary: &Summary, until: Option<String>) -> anyhow::Result<bool> {
        let mut told = self.told.unwrap_or_default();
        told.tell(&things(summary), until);
        if let Some(error) = &self.damaged {
            diagnostics::error(&format!("{error:#}; it begins anew"))?;
        }
        replace(self.path, told.to_text().as_bytes())?;
        Ok(self.damaged.is_some())
    }
}

/// What files and the resolver say of the addresses that are shown.
fn who(names: Option<&Names>, summary: &Summary, campaigns: &[Campaign]) -> HashMap<IpAddr, Who> {
    let Some(names) = names else { return HashMap::new() };
    let alone = campaigns.iter().filter(|campaign| campaign.sources.len() == 1);
    let mut shown = summary.addresses();
    shown.extend(alone.filter_map(|campaign| campaign.sources.first()).map(|source| Probe::address(*source)));
    shown.order();
    shown.dedup();
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

/// Rules and networks that were named, as options.
fn rules(arguments: &cli::Report) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |name: &str, value: &str| words.push(format!("--{name} {}", text::quoted(value)));
    arguments.rules.iter().for_each(|path| add("rules", &path.to_string_lossy()));
    arguments.trusted.iter().for_each(|net| add("trusted", net));
    arguments.keep.iter().for_each(|prefix| add("keep", prefix));
    if arguments.max_rules != cli::values::MOST_RULES {
        add("max-rules", &arguments.max_rules.to_string());
    }
    if arguments.chain != cli::values::CHAIN {
        add("chain", &arguments.chain);
    }
    words
}

/// The options of the command that makes the same page.
fn words(arguments: &cli::Report, options: &Options) -> Vec<String> {
    let mut words = rules(arguments);
    let mut add = |name: &str, value: &str| words.push(format!("--{name} {}", text::quoted(value)));
    arguments.ipset.iter().for_each(|path| add("ipset", &path.to_string_lossy()));
    let input = &arguments.common.input;
    input.names.iter().for_each(|path| add("names", &path.to_string_lossy()));
    input.geoip.iter().for_each(|path| add("geoip", &path.to_string_lossy()));
    if let Some(path) = &options.output {
        add("output", &path.to_string_lossy());
    }
    words.extend(input.resolve.then(|| "--resolve".to_owned()));
    words.extend(next::input_words(input));
    words
}
