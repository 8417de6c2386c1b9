//! The suggestion for programs: `iptables-restore`, `nft`, JSON.
//!
//! Responsible for: these forms. JSON's document is a serialised struct.
//! Must not know: how noise is found.
//! Tested by: `tests/cli/suggest.rs` with the real tools, `tests/cli/schemas.rs`.

use std::collections::BTreeMap;

use fwrules::Net;
use logparse::Protocol;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::{Head, Ranking, rules};
use super::page::Page;
use super::{PLAIN, Verb, friend_commands, friend_rule, host, why};
use crate::analysis::noise::address::net_name;
use crate::analysis::suggest::lines::Why;
use crate::analysis::suggest::proof::Samples;
use crate::analysis::suggest::site::FORWARDED;
use crate::analysis::suggest::suggestion::{Rated, Suggestion};
use crate::report::style::RenderOptions;
use fwlog::time::clock::{self, Clock, NANOS};

/// Nothing to add, in a comment.
const NOTHING: &str = "# no noise that a rule could silence: nothing to add\n";

/// A file for `iptables-restore --noflush` (and one for `ip6tables-restore`).
///
/// With a ruleset at hand the chain is written whole, with the rules it has, so that reading
/// the file twice is the same as once. Without one the rules are added.
#[must_use]
pub fn restore(look: &RenderOptions, s: &Suggestion, v6_only: Option<bool>) -> String {
    let mut out = String::new();
    for v6 in [false, true] {
        if v6_only.is_some_and(|only| only != v6) || !s.drops().any(|rule| rule.proposal.v6 == v6) {
            continue;
        }
        let site = &s.sites[usize::from(v6)];
        if site.rules.nft {
            out.push_str("# The ruleset is nft's: --format nft\n");
            continue;
        }
        let mut page = Page::new(look);
        if look.header {
            let tool = if v6 { "ip6tables-restore" } else { "iptables-restore" };
            page.say(0, PLAIN, &format!("For {tool} --noflush:"));
            match site.assumed {
                true => page.say(0, PLAIN, &format!("adds to chain {}, which must be there", s.chain)),
                false => page.say(0, PLAIN, &format!("chain {} whole, with the rules it has", s.chain)),
            }
            if site.hung.is_some() || site.forwarded {
                page.say(0, PLAIN, "and a jump to it, which a second reading adds again: read it once");
            }
            for (name, nets) in s.sets.iter().filter(|(_, nets)| is_of(nets, v6)) {
                host::ipset(name, nets)
                    .iter()
                    .for_each(|command| page.say(0, PLAIN, &format!("first: {command}")));
            }
        }
        out.push_str(&page.out);
        out.push_str("*filter\n");
        if !site.assumed {
            out.push_str(&format!(":{} - [0:0]\n", s.chain));
            if let Some((from, at)) = &site.hung {
                out.push_str(&format!("-I {from} {at}{} -j {}\n", host::but_lo(site), s.chain));
            }
            if site.forwarded {
                out.push_str(&format!("-I {FORWARDED} 1 {} -j {}\n", host::NEW_CONNECTIONS, s.chain));
            }
            for rule in &site.chain_rules()[..site.before] {
                out.push_str(&(rules::restore(rule, &s.chain) + "\n"));
            }
        }
        for rated in s.rules.iter().filter(|rated| rated.proposal.v6 == v6) {
            out.push_str(&(rules::restore(&rated.proposal.rule, &s.chain) + "\n"));
        }
        for table in ["filter", "nat"] {
            let family = if v6 { 6 } else { 4 };
            let list: Vec<&str> = s
                .honeypot
                .iter()
                .filter(|command| command.table == table && command.family == family)
                .map(|command| command.rule.as_str())
                .collect();
            if table == "filter" {
                list.iter().for_each(|rule| out.push_str(&(rule.replacen("-A ", "-I ", 1) + "\n")));
                out.push_str("COMMIT\n");
            } else if !list.is_empty() {
                out.push_str("*nat\n:HONEYPOT - [0:0]\n");
                list.iter().for_each(|rule| out.push_str(&((*rule).to_owned() + "\n")));
                out.push_str("COMMIT\n");
            }
        }
    }
    if out.is_empty() { NOTHING.to_owned() } else { out }
}

fn is_of(nets: &[Net], v6: bool) -> bool {
    nets.iter().any(|net| net.addr().is_ipv6() == v6)
}

/// A file for `nft -f`: a table of each family beside the others.
#[must_use]
pub fn nft(look: &RenderOptions, s: &Suggestion) -> String {
    let mut out = String::new();
    for v6 in [false, true] {
        if !s.drops().any(|rated| rated.proposal.v6 == v6) {
            continue;
        }
        if look.header {
            let table = host::table(s, v6);
            out.push_str(&format!(
                "# for nft -f: a table beside the others; to remove it: nft delete table {table}\n"
            ));
        }
        out.push_str(&host::nft_file(s, v6));
    }
    if out.is_empty() { NOTHING.to_owned() } else { out }
}

/// Lines that must stay visible and that a rule takes.
#[derive(Serialize)]
struct HidesDocument {
    lines: u64,
    sample: Option<Value>,
}

/// One rule of the document.
#[derive(Serialize)]
struct RuleDocument {
    rule: String,
    family: u8,
    action: &'static str,
    hooks: Vec<&'static str>,
    class: Option<&'static str>,
    what: String,
    lines: u64,
    share: f64,
    perhaps: u64,
    sources: u64,
    sources_exact: bool,
    first: Option<String>,
    last: Option<String>,
    why: String,
    sample: Option<Value>,
    hides: BTreeMap<&'static str, HidesDocument>,
    accepted: bool,
    commands: Vec<String>,
    undo: Vec<String>,
}

/// A trusted host at a closed port.
#[derive(Serialize)]
struct FriendDocument {
    src: String,
    proto: String,
    dpt: u16,
    lines: u64,
    rule: String,
    commands: Vec<String>,
}

/// The JSON document.
#[must_use]
pub fn json(clock: &Clock, head: &Head, s: &Suggestion) -> Vec<u8> {
    let moment =
        |seconds: u32| (seconds > 0).then(|| clock::utc_text(clock.at(i64::from(seconds) * NANOS).utc));
    let open = s.before - s.old;
    let rule = |(at, rated): (usize, &Rated)| {
        let (proposal, taken) = (&rated.proposal, &rated.taken);
        // What all rules of a family need comes with its first one, and goes with its last one.
        let of_family = |other: &Rated| other.proposal.v6 == proposal.v6;
        let first = !s.rules[..at].iter().any(of_family);
        let last = !s.rules[at + 1..].iter().any(of_family);
        let nft = s.sites[usize::from(proposal.v6)].rules.nft;
        let mut undo = if nft { Vec::new() } else { vec![host::rule(s, rated, Verb::Undo)] };
        if last {
            undo.extend(host::after(s, proposal.v6));
        }
        RuleDocument {
            rule: rules::restore(&proposal.rule, &s.chain),
            family: if proposal.v6 { 6 } else { 4 },
            action: if proposal.drops() { "DROP" } else { "RETURN" },
            hooks: s.hooks[usize::from(proposal.v6)].clone(),
            class: proposal.reason.map(|reason| reason.word()),
            what: proposal.what.clone(),
            lines: taken.seen.lines,
            share: Ranking::share(taken.seen.lines, open),
            perhaps: taken.maybe,
            sources: taken.sources.count().0,
            sources_exact: taken.sources.count().1,
            first: moment(taken.seen.first),
            last: moment(taken.seen.last),
            why: why(proposal),
            sample: first_sample(&taken.samples),
            hides: taken
                .hides
                .iter()
                .map(|(why, (lines, samples))| {
                    (why.word(), HidesDocument { lines: *lines, sample: first_sample(samples) })
                })
                .collect(),
            accepted: rated.accepted,
            commands: first
                .then(|| host::before(s, proposal.v6, Verb::Add))
                .into_iter()
                .flatten()
                .chain([host::rule(s, rated, Verb::Add)])
                .collect(),
            undo,
        }
    };
    let friends: Vec<FriendDocument> = s
        .friends
        .iter()
        .map(|(friend, known)| FriendDocument {
            src: friend.addr.to_string(),
            proto: Protocol(friend.protocol).to_string(),
            dpt: friend.port,
            lines: friend.lines,
            rule: rules::restore(&friend_rule(friend), "STDIN"),
            commands: friend_commands(s, friend, *known),
        })
        .collect();
    let dead: Vec<Value> = s
        .dead
        .iter()
        .map(|dead| {
            json!({
                "chain": s.chain, "index": dead.number, "rule": rules::restore(&dead.rule, &s.chain),
                "better": rules::restore(&dead.better, &s.chain), "lines": dead.lines,
                "family": if dead.v6 { 6 } else { 4 },
            })
        })
        .collect();
    let mut remain: BTreeMap<&str, u64> =
        s.remain.iter().map(|(why, lines)| (Why::word(*why), *lines)).collect();
    remain.extend([("noise", s.noise_left), ("rare", s.unusual)]);
    remain.retain(|_, lines| *lines > 0);
    let sets: BTreeMap<&String, Vec<String>> =
        s.sets.iter().map(|(name, nets)| (name, nets.iter().map(net_name).collect())).collect();
    let mut document = super::super::json::head("fwstat.suggest/1", head);
    let mut put = |key: &str, value: Value| {
        document.insert(key.to_owned(), value);
    };
    put("chain", json!(s.chain));
    put("before", json!(s.before));
    put("after", json!(s.after()));
    put("already", json!(s.old));
    put("unknown", json!(s.unknown));
    put("noise", json!(s.noise));
    put("hidden", json!(s.hidden()));
    put("rules", json!(s.rules.iter().enumerate().map(rule).collect::<Vec<_>>()));
    put("sets", json!(sets));
    put("remain", json!(remain));
    put("refused", json!(s.refused));
    put("friends", json!(friends));
    put("scans", json!(s.scanners));
    put("hosts", json!(s.hosts));
    put("dead", json!(dead));
    put("honeypot", json!(s.honeypot));
    put("notes", json!(s.notes));
    super::super::json::print(&Value::Object(document))
}

/// The earliest line: text, or bytes that are no text.
fn first_sample(samples: &Samples) -> Option<Value> {
    let (_, raw) = samples.first()?;
    Some(super::super::json::bytes(raw.trim_ascii_end()))
}
