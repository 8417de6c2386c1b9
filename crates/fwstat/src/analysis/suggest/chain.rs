//! The chain: exceptions and chosen rules in the order in which they are right.
//!
//! * RETURN of what is let in and of near hits, where some DROP could take it;
//! * DROP of what cannot come from elsewhere (broadcast, multicast, named devices);
//! * RETURN of own sources, or one set of them;
//! * DROP of what comes from outside.
//!
//! The order is the proof: no DROP of the last part can take an own source, whatever it says.
//!
//! Responsible for: this order, and rules as values.
//! Must not know: how they were chosen, how they are written out.
//! Tested by: `tests/cli/suggest.rs`.

use fwlog::sorting::InOrder as _;
use std::collections::BTreeMap;

use fwrules::{Net, Rule};
use logparse::Protocol;

use super::candidate::{Candidates, Reason};
use super::cover::Choice;
use super::evidence::Evidence;
use crate::analysis::noise::address::{joined, overlap};
use crate::analysis::noise::pattern::Pattern;
use fwlog::services;

/// Exceptions as single rules; more own networks become a set.
const RETURNS: usize = 10;
/// Bytes of a comment; nft cuts at 128.
const COMMENT: usize = 100;

/// One rule of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// IPv6.
    pub v6: bool,
    /// Why its lines are noise; none for an exception (RETURN).
    pub reason: Option<Reason>,
    /// In a few words.
    pub what: String,
    /// Its packets.
    pub pattern: Pattern,
    /// As a rule.
    pub rule: Rule,
    /// Ports with their lines, as far as the log shows; most lines first.
    pub ports: Vec<(u16, u64)>,
}

impl Proposal {
    /// Whether it drops.
    #[must_use]
    pub fn drops(&self) -> bool {
        self.reason.is_some()
    }
}

/// A whole chain for both families, and the sets that its rules name.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The rules in order, IPv4's before IPv6's.
    pub rules: Vec<Proposal>,
    /// Sets by name.
    pub sets: BTreeMap<String, Vec<Net>>,
}

/// The name of the set of own networks.
#[must_use]
pub fn set_name(v6: bool) -> &'static str {
    if v6 { "fwstat-own6" } else { "fwstat-own" }
}

/// Puts chosen rules and the exceptions that they need in order.
#[must_use]
pub fn build(
    evidence: &Evidence<'_>,
    candidates: &Candidates,
    chosen: &[Choice],
    exceptions: &[Pattern],
) -> Chain {
    let mut drops: Vec<Proposal> =
        chosen.iter().map(|choice| chosen_rule(evidence, candidates, choice)).collect();
    // As shown: decisions and chatter first, then as they were chosen.
    drops.order_by_key(|rule| (rule.v6, !rule.reason.is_some_and(Reason::is_early)));
    let mut chain = Chain::default();
    for v6 in [false, true] {
        let drops: Vec<&Proposal> = drops.iter().filter(|rule| rule.v6 == v6).collect();
        let (early, late): (Vec<&Proposal>, Vec<&Proposal>) =
            drops.iter().partition(|rule| rule.reason.is_some_and(Reason::is_early));
        let mut first: Vec<Pattern> = exceptions
            .iter()
            .filter(|pattern| drops.iter().any(|rule| rule.pattern.meets(pattern)))
            .cloned()
            .collect();
        // All ICMP: what changes routes stays visible.
        for rule in drops.iter().filter(|rule| rule.pattern.protocol == [1] && rule.pattern.kinds.is_empty())
        {
            first.extend([5, 9].map(|kind| Pattern { kinds: vec![kind], ..rule.pattern.clone() }));
        }
        let own: Vec<Net> =
            joined(evidence.place.own.iter().filter(|net| net.addr().is_ipv6() == v6).copied().collect())
                .into_iter()
                .filter(|net| {
                    let touched = |rule: &&Proposal| {
                        rule.pattern.source.is_empty()
                            || rule.pattern.source.iter().any(|source| overlap(source, net))
                    };
                    late.iter().any(touched)
                })
                .collect();
        // Late answers of this host's own connections never reach a DROP.
        let opens = |rule: &&&Proposal| rule.pattern.syn == Some(true);
        if !evidence.asked.answers_pass[usize::from(v6)]
            && evidence.asked.known[usize::from(v6)]
            && !late.iter().all(|rule| opens(&rule))
        {
            let pattern = Pattern { v6, known: true, ..Pattern::default() };
            chain.rules.push(exception(pattern, "known connections"));
        }
        let room = RETURNS.saturating_sub(first.len()).max(2);
        chain.rules.extend(first.into_iter().map(|pattern| exception(pattern, "let in, or a near hit")));
        chain.rules.extend(early.into_iter().cloned());
        if own.len() > room {
            chain.sets.insert(set_name(v6).to_owned(), own.clone());
            let pattern = Pattern { v6, source: own, ..Pattern::default() };
            chain.rules.push(exception(pattern, "own and trusted networks"));
        } else {
            let one = |net: Net| Pattern { v6, source: vec![net], ..Pattern::default() };
            chain.rules.extend(own.into_iter().map(|net| exception(one(net), "own or trusted network")));
        }
        chain.rules.extend(late.into_iter().cloned());
    }
    chain
}

fn chosen_rule(evidence: &Evidence<'_>, candidates: &Candidates, choice: &Choice) -> Proposal {
    match choice {
        Choice::Single(number) => {
            let single = &candidates.singles[*number];
            drop_rule(single.reason, single.pattern.clone(), single.what.clone(), Vec::new())
        }
        Choice::Ports(numbers) => {
            let mut ports: Vec<(u16, u64)> = numbers
                .iter()
                .map(|number| &candidates.ports[*number])
                .map(|port| (port.port, (port.lines.len() as f64 * evidence.weight).round() as u64))
                .collect();
            ports.order_by_key(|(port, lines)| (std::cmp::Reverse(*lines), *port));
            let pack = &candidates.ports[numbers[0]].pack;
            let list: Vec<u16> = ports.iter().map(|(port, _)| *port).collect();
            let names: Vec<String> = list.iter().map(|port| port_name(pack.protocol, *port)).collect();
            let from = if pack.reason == Reason::Backscatter { "from " } else { "" };
            drop_rule(pack.reason, pack.pattern(&list), format!("{from}{}", names.join(", ")), ports)
        }
    }
}

/// A port as people know it; the name decides nothing.
#[must_use]
pub fn port_name(protocol: u8, port: u16) -> String {
    services::name(Protocol(protocol), port).map_or_else(|| port.to_string(), str::to_owned)
}

fn drop_rule(reason: Reason, pattern: Pattern, what: String, ports: Vec<(u16, u64)>) -> Proposal {
    let rule = rule(&pattern, "DROP", &comment(reason, &what));
    Proposal { v6: pattern.v6, reason: Some(reason), what, pattern, rule, ports }
}

fn exception(pattern: Pattern, what: &str) -> Proposal {
    let rule = rule(&pattern, "RETURN", &format!("[fwstat: {what}]"));
    Proposal { v6: pattern.v6, reason: None, what: what.to_owned(), pattern, rule, ports: Vec::new() }
}

fn comment(reason: Reason, what: &str) -> String {
    let mut text = String::new();
    let clean: String = what.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
    for word in clean.replace(['"', '\\', '\'', '`', '$'], "").split(' ') {
        if text.len() + word.len() > COMMENT {
            text.push_str(" ...");
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    format!("[{} {text}]", reason.word())
}

/// A pattern as a rule. The text is what `iptables` reads, so what is shown is what is proven.
#[must_use]
pub fn rule(pattern: &Pattern, target: &str, comment: &str) -> Rule {
    let words = pattern.words(set_name(pattern.v6));
    let text = format!("-A X{words} -m comment --comment \"{comment}\" -j {target}");
    Rule::parse(text.as_bytes()).map(|(_, rule)| rule).unwrap_or_default()
}
