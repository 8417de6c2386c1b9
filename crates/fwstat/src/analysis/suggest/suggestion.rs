//! What `suggest` found, as a value.
//!
//! Responsible for: the struct and its sums.
//! Must not know: how it is written.
//! Tested by: `tests/cli/suggest.rs`.

use std::collections::BTreeMap;

use fwlog::pipeline::{Account, Why as Reading};
use fwlog::text;
use fwrules::Net;
use serde::Serialize;

use super::chain::Proposal;
use super::honeypot::Command;
use super::lines::{Why, lines_of};
use super::proof::Taken;
use super::scanners::Scanner;
use super::site::Site;
use super::watch::{Friend, Host};
use super::wrong_protocol::Dead;

/// A proposed rule with its proof.
#[derive(Clone, Debug)]
pub struct Rated {
    /// The rule.
    pub proposal: Proposal,
    /// What it takes.
    pub taken: Taken,
    /// The ruleset accepts such packets today, as far as its first line tells.
    pub accepted: bool,
}

/// Noise that no rule may silence, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// What it is called.
    pub name: String,
    /// Its lines.
    pub lines: u64,
    /// Why, in a sentence.
    pub why: String,
}

/// Everything that was found.
#[derive(Debug)]
pub struct Suggestion {
    /// The chain for the rules.
    pub chain: String,
    /// Lines of the log.
    pub before: u64,
    /// Lines that rules take that were there.
    pub old: u64,
    /// Lines of which the replay cannot tell what becomes of them.
    pub unknown: u64,
    /// Lines that are noise.
    pub noise: u64,
    /// The rules in order, exceptions (RETURN) among them.
    pub rules: Vec<Rated>,
    /// Sets that they name.
    pub sets: BTreeMap<String, Vec<Net>>,
    /// What remains, by reason.
    pub remain: Vec<(Why, u64)>,
    /// Noise that is not worth a rule.
    pub noise_left: u64,
    /// Lines of rules that the user declined; they are noise that is left.
    pub declined: u64,
    /// Lines of rare kinds.
    pub unusual: u64,
    /// Noise that no rule may silence.
    pub refused: Vec<Refused>,
    /// Campaigns of scans, and what becomes of each.
    pub scanners: Vec<Scanner>,
    /// Hosts worth looking at.
    pub hosts: Vec<Host>,
    /// Trusted hosts at closed ports; whether the rules let them in elsewhere.
    pub friends: Vec<(Friend, bool)>,
    /// Rules of the chain that ask for the wrong protocol.
    pub dead: Vec<Dead>,
    /// Where this host wanted to go, most lines first.
    pub going: Vec<(String, u64)>,
    /// What redirects near hits to a honeypot.
    pub honeypot: Vec<Command>,
    /// Where the rules are asked, `[IPv4, IPv6]`.
    pub hooks: [Vec<&'static str>; 2],
    /// The rulesets `[IPv4, IPv6]`.
    pub sites: [Site; 2],
    /// Sentences.
    pub notes: Vec<String>,
}

impl Suggestion {
    /// The rules that drop.
    pub fn drops(&self) -> impl Iterator<Item = &Rated> {
        self.rules.iter().filter(|rated| rated.proposal.drops())
    }

    /// Lines that would still be written.
    #[must_use]
    pub fn after(&self) -> u64 {
        self.before - self.old - self.silenced()
    }

    /// Lines that the new rules take.
    #[must_use]
    pub fn silenced(&self) -> u64 {
        self.drops().map(|rated| rated.taken.seen.lines).sum()
    }

    /// Lines taken that must stay visible.
    #[must_use]
    pub fn hidden(&self) -> u64 {
        self.drops().flat_map(|rated| rated.taken.hides.values().map(|(lines, _)| lines)).sum()
    }
    /// Notes how many truncated lines may be noise as well, and where the first one is.
    pub fn name_truncated(&mut self, account: &Account, files: &[String]) {
        let cut = lines_of(&self.remain, Why::Truncated);
        if cut == 0 || self.drops().next().is_none() {
            return;
        }
        let cuts = account.reasons.iter().filter(|(why, _)| matches!(why, Reading::Cut(_)));
        let first = cuts.map(|(_, seen)| seen.first).min();
        let place = first.map_or(String::new(), |first| format!(" (first: {})", first.in_files(files)));
        let lines = text::count_of(cut, "truncated line", "truncated lines");
        self.notes.push(format!("{lines} may be among them{place}"));
    }
}
