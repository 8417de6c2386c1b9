//! Rules that would silence noise, for the screen: proposed from the log as it is now, taken one by one.
//!
//! Responsible for: the passes of `suggest` over the log of a question, in a thread of their own; what each choice of
//! rules leaves, and its script.
//! Must not know: what noise is, how rules are made and proven (`analysis::suggest`), screens.
//! Tested by: `tests/cli/watch_suggest.rs`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use fwlog::aggregate::Aggregate;
use fwlog::pipeline::{self, Account};
use fwlog::time::clock::{Clock, local_text};

use super::picture::{Proposed, ProposedRow};
use super::question::Question;
use crate::analysis::noise::survey::Survey;
use crate::analysis::suggest::proof::{Proof, Prover, Taken};
use crate::analysis::suggest::scanners::{Asking, Found};
use crate::analysis::suggest::session::{Draft, Session, by_family, in_order};
use crate::analysis::suggest::suggestion::Rated;
use crate::atomic_file;
use crate::cli::Common;
use crate::options::{self, Options, Shared};
use crate::report::style::RenderOptions;
use crate::report::suggest::{self as report, Verb};
use crate::report::{Head, rules};

/// What is asked.
#[derive(Debug)]
pub enum Request {
    /// Rules for the log of a question, whose window begins at a local second.
    Propose(u64, Question, Option<i64>),
    /// What these rules leave; the number comes back with the answer.
    Take(u64, Vec<bool>),
    /// The script of these rules, into a new file.
    Write(PathBuf, Vec<bool>),
}

/// What is answered.
#[derive(Debug)]
pub enum Answer {
    /// To which number, and what; or why nothing.
    Proposed(u64, Result<Box<Proposed>, String>),
    /// What became of the script: a sentence.
    Written(String),
}

/// What proposes.
#[derive(Debug)]
pub struct Proposer<'s> {
    /// The log, as it was typed.
    pub common: &'s Common,
    /// What is known of the host; or why nothing can be proposed.
    pub session: Result<Session, String>,
    /// The names of the log's files.
    pub files: Vec<String>,
    /// What ends the pass that runs now, and whether all has ended.
    pub stop: Mutex<(Option<Arc<AtomicBool>>, bool)>,
}

/// What is known after both passes.
struct Known {
    common: Common,
    shared: Shared,
    /// What is known before, if the log has what Docker forwards.
    forwarding: Option<Session>,
    /// The chain for the rules.
    chain: String,
    account: Account,
    clock: Clock,
    draft: Draft,
    proof: Proof,
    /// For each rule of the draft: whether it is used at all, and if it is one to take, its row.
    used: Vec<(bool, Option<usize>)>,
    rows: usize,
    refused: Vec<String>,
}

impl Proposer<'_> {
    /// Answers until nothing can be asked any more.
    pub fn work(&self, requests: &Receiver<Request>, answers: &Sender<Answer>) {
        let mut known = None;
        while let Ok(request) = requests.recv() {
            let answer = match (request, &known, &self.session) {
                (Request::Propose(number, ..), _, Err(why)) => Answer::Proposed(number, Err(why.clone())),
                (Request::Propose(number, question, from), _, Ok(session)) => {
                    let found = self.known(session, &question, from).map_err(|error| format!("{error:#}"));
                    let proposed = found.map(|found| {
                        let found = known.insert(found);
                        Box::new(found.proposed(&vec![false; found.rows]))
                    });
                    Answer::Proposed(number, proposed)
                }
                (Request::Take(number, taken), Some(known), _) => {
                    Answer::Proposed(number, Ok(Box::new(known.proposed(&taken))))
                }
                (Request::Write(path, taken), Some(known), Ok(session)) => {
                    let name = path.display().to_string();
                    let count = taken.iter().filter(|taken| **taken).count() as u64;
                    let written = self
                        .script(session, known, &taken)
                        .and_then(|script| Ok(atomic_file::write_new(&path, script.as_bytes())?));
                    match written {
                        Ok(()) => {
                            let rules = fwlog::text::count_of(count, "rule", "rules");
                            Answer::Written(format!("written: {name}, {rules}; nothing was executed"))
                        }
                        Err(error) => Answer::Written(format!("{name}: {error:#}")),
                    }
                }
                _ => continue,
            };
            if answers.send(answer).is_err() {
                return;
            }
        }
    }

    /// Ends the pass that runs, and all that would come.
    pub fn quit(&self) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        stop.1 = true;
        if let Some(stop) = &stop.0 {
            stop.store(true, Ordering::Relaxed);
        }
    }

    /// One pass over the log.
    fn pass<A: Aggregate>(
        &self,
        common: &Common,
        shared: &Shared,
        make: impl Fn() -> A + Sync,
    ) -> anyhow::Result<(A, Account, Options)> {
        let options = Options::again(common, false, shared)?;
        {
            let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
            stop.0 = Some(Arc::clone(&options.queue.stop));
            if stop.1 {
                bail!("it ended before");
            }
        }
        let (aggregate, account) = pipeline::run(&options.queue, &options.plan, None, make)?;
        if options.queue.stop.load(Ordering::Relaxed) {
            bail!("it ended before");
        }
        shared.check(&account)?;
        Ok((aggregate, account, options))
    }

    /// Both passes.
    fn known(&self, session: &Session, question: &Question, from: Option<i64>) -> anyhow::Result<Known> {
        let mut common = self.common.clone();
        options::fix_now(&mut common);
        for part in &question.parts {
            let Some(expression) = part.what.expression() else {
                bail!("the prefix that is looked at cannot be typed as a filter");
            };
            let expression = if part.not { format!("not ({expression})") } else { expression };
            common.filter.expression.push(expression);
        }
        if let Some(from) = from {
            common.filter.since.get_or_insert_with(|| local_text(from));
        }
        let shared = Shared::default();
        let ranks = Options::again(&common, false, &shared)?.queue.ranks();
        let (survey, account, options) =
            self.pass(&common, &shared, || Survey::new(&session.trusted, &ranks))?;
        let surveyed = survey.finish();
        let forwarding = session.forwarding(&surveyed);
        let session = forwarding.as_ref().unwrap_or(session);
        let mut draft = session.draft(&surveyed);
        let list = draft.advice.chain.rules.clone();
        let mut found = Found::default();
        let proof = session.prove(&draft, &list, |case| {
            let make = || (Prover::new(case), Asking::new(&draft.suspects));
            let ((prover, asking), ..) = self.pass(&common, &shared, make)?;
            found = asking.found();
            anyhow::Ok(prover)
        })?;
        draft.found = found;
        // What does not hold is not offered.
        let all = session.settle(draft.clone(), &proof, None);
        let mut rows = 0;
        let used = list.iter().map(|rule| {
            let holds = |rated: &&Rated| rated.proposal.v6 == rule.v6 && rated.proposal.rule == rule.rule;
            let held = all.rules.iter().any(|rated| holds(&rated));
            let row = (held && rule.drops()).then_some(rows);
            rows += usize::from(row.is_some());
            (held, row)
        });
        let used: Vec<(bool, Option<usize>)> = used.collect();
        let refused =
            all.refused.iter().map(|refused| format!("{}: {}", refused.name, refused.why)).collect();
        let clock = options.plan.clock;
        let chain = session.settings.chain.clone();
        Ok(Known { common, shared, forwarding, chain, account, clock, draft, proof, used, rows, refused })
    }

    /// The script of some rules, proven as it is.
    fn script(&self, session: &Session, known: &Known, taken: &[bool]) -> anyhow::Result<String> {
        let session = known.forwarding.as_ref().unwrap_or(session);
        let mut draft = known.draft.clone();
        let rules = draft.advice.chain.rules.iter().zip(known.keep(taken));
        draft.advice.chain.rules = rules.filter(|(_, keep)| *keep).map(|(rule, _)| rule.clone()).collect();
        let list = draft.advice.chain.rules.clone();
        let proof = session.prove(&draft, &list, |case| {
            self.pass(&known.common, &known.shared, || Prover::new(case)).map(|(prover, ..)| prover)
        })?;
        let mut suggestion = session.settle(draft, &proof, None);
        let filters = Options::again(&known.common, false, &known.shared)?.filters;
        let head = Head::new(self.files.clone(), filters, &known.account, &known.clock, Vec::new());
        suggestion.name_truncated(&known.account, &head.files);
        let look =
            RenderOptions { color: false, bars: false, width: None, rows: None, header: true, grouped: true };
        Ok(report::script(&look, &known.clock, &head, &suggestion, Verb::Add, &[]))
    }
}

impl Known {
    /// Which rules of the draft are used with these rows; exceptions are no question.
    fn keep(&self, taken: &[bool]) -> Vec<bool> {
        let keep = |(held, row): &(bool, Option<usize>)| match row {
            None => *held,
            Some(row) => taken.get(*row).copied().unwrap_or(false),
        };
        self.used.iter().map(keep).collect()
    }

    /// What each rule of the draft takes with these rows, and what remains.
    fn with(&self, taken: &[bool]) -> (Vec<Taken>, u64, u64) {
        let list = &self.draft.advice.chain.rules;
        let keep = self.keep(taken);
        let mut proved = self.proof.with(&by_family(list, |i| keep[i]));
        let each = in_order(list, std::mem::take(&mut proved.rules));
        let silenced: u64 =
            list.iter().zip(&each).filter(|(rule, _)| rule.drops()).map(|(_, taken)| taken.seen.lines).sum();
        (each, proved.before, (proved.before - proved.old).saturating_sub(silenced))
    }

    /// The rules, with what these rows leave.
    fn proposed(&self, taken: &[bool]) -> Proposed {
        let (each, before, remaining) = self.with(taken);
        let list = &self.draft.advice.chain.rules;
        let row = |(at, row): (usize, usize)| {
            let mut more = taken.to_vec();
            let seen = if taken[row] {
                each[at].clone()
            } else {
                more[row] = true;
                self.with(&more).0.swap_remove(at)
            };
            let rule = &list[at];
            ProposedRow {
                taken: taken[row],
                lines: seen.seen.lines,
                why: report::why(rule),
                command: rules::command(&rule.rule, &self.chain, rule.v6),
                samples: seen.samples.into_iter().map(|(_, raw)| raw).collect(),
            }
        };
        let rows = self.used.iter().enumerate().filter_map(|(at, (_, row))| Some((at, (*row)?)));
        let newest = self.account.span.map(|(_, last)| local_text(self.clock.at(last).local_seconds()));
        Proposed {
            before,
            remaining,
            rows: rows.map(row).collect(),
            as_of: newest.unwrap_or_default(),
            refused: self.refused.clone(),
        }
    }
}
