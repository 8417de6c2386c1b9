//! Which rules to add: candidates from evidence, a constrained cover, exceptions, proof.
//!
//! `evidence` (lines and bars) -> `outside`, `chatter` ([`candidate`]s) -> [`cover`] (few rules for
//! many lines) -> [`chain`] (with the [`exceptions`] first) -> [`proof`] (every line replayed) ->
//! [`suggestion`]. [`session`] drives the passes.
//!
//! Responsible for: the suggestion, as a value.
//! Must not know: how it is written.
//! Tested by: `tests/cli/suggest.rs`, `tests/cli/profiles.rs`.

pub mod bans;
pub mod candidate;
pub mod chain;
pub mod chatter;
pub mod classes;
pub mod cover;
pub mod evidence;
pub mod exceptions;
mod fitting;
pub mod honeypot;
pub mod lines;
pub mod outside;
pub mod own_table;
pub mod proof;
mod reach;
pub mod scanners;
pub mod session;
pub mod share;
pub mod signals;
pub mod site;
pub mod suggestion;
pub mod view;
pub mod watch;
pub mod wrong_protocol;

use crate::analysis::noise::pattern::Pattern;
use crate::analysis::noise::place::Place;
use crate::analysis::noise::survey::Surveyed;
use candidate::Candidates;
use evidence::{Asked, Evidence};

/// What was concluded from one pass.
#[derive(Clone, Debug)]
pub struct Advice {
    /// The rules, with the exceptions that they need.
    pub chain: chain::Chain,
    /// Everything that could have been chosen.
    pub candidates: Candidates,
    /// What no rule may take.
    pub exceptions: Vec<Pattern>,
    /// Lines of the log that some candidate could take.
    pub noise: u64,
    /// Lines of crowds that are over.
    pub over: u64,
    /// Forwarded lines that the chain never sees.
    pub unseen: u64,
}

/// Finds the noise of a log and chooses rules.
#[must_use]
pub fn advise(log: &Surveyed, place: &Place, exceptions: Vec<Pattern>, asked: Asked, most: usize) -> Advice {
    let evidence = Evidence::new(log, place, &exceptions, asked);
    let mut candidates = Candidates::default();
    outside::find(&evidence, &mut candidates);
    chatter::find(&evidence, &mut candidates);
    let chosen = cover::choose(&candidates, most, evidence.worth());
    let chain = chain::build(&evidence, &candidates, &chosen, &exceptions);
    let whole = |lines: usize| (lines as f64 * evidence.weight).round() as u64;
    let mut covered: Vec<u32> = candidates.ports.iter().flat_map(|port| port.lines.iter().copied()).collect();
    covered.extend(candidates.singles.iter().flat_map(|single| single.lines.iter().copied()));
    covered.sort_unstable();
    covered.dedup();
    let (noise, over) = (whole(covered.len()), whole(candidates.over.len()));
    let unseen = whole(log.sample.len() - evidence.lines.len());
    Advice { chain, candidates, exceptions, noise, over, unseen }
}
