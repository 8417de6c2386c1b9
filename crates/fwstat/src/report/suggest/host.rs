//! The commands for one host: iptables where its ruleset is iptables', a table beside the others
//! where it is nft's.
//!
//! Responsible for: what is typed, in order, to add and to remove.
//! Must not know: why there is such a rule.
//! Tested by: `tests/cli/place.rs`, in network namespaces.

use fwrules::{Counters, Hook, Net, Rule, shell_quote};

use super::super::rules;
use crate::analysis::noise::address::net_name;
use crate::analysis::suggest::own_table::{OWN_TABLE, PRIORITY, base_name, nft_name};
use crate::analysis::suggest::site::{FORWARDED, Site};
use crate::analysis::suggest::suggestion::{Rated, Suggestion};

/// Which form of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Add.
    Add,
    /// Add what is not there.
    AddOnce,
    /// Take away.
    Undo,
}

impl Verb {
    /// As `--undo` and `--idempotent` say.
    #[must_use]
    pub fn new(undo: bool, idempotent: bool) -> Verb {
        match (undo, idempotent) {
            (true, _) => Verb::Undo,
            (_, true) => Verb::AddOnce,
            _ => Verb::Add,
        }
    }
}

/// Whether rules of a family go into a table beside the others.
fn beside(s: &Suggestion, v6: bool) -> bool {
    s.sites[usize::from(v6)].rules.nft
}

/// The table beside the others: `ip fwstat`.
pub(super) fn table(s: &Suggestion, v6: bool) -> String {
    let site = &s.sites[usize::from(v6)];
    let family = if v6 { "ip6" } else { "ip" };
    match site.rules.nft {
        true => format!("{family} {}", site.rules.tables[site.table].name),
        false => format!("{family} {OWN_TABLE}"),
    }
}

fn is_of(nets: &[Net], v6: bool) -> bool {
    nets.iter().any(|net| net.addr().is_ipv6() == v6)
}

/// A base chain of the table beside the others.
struct BaseChain {
    name: String,
    /// What makes it one. The priority is before all that logs.
    kind: String,
    rules: [String; 3],
    /// It is not there yet.
    new: bool,
}

/// Those that ask the chain last: what comes by `lo`, known connections, and what the host itself sends
/// on (port forwards) pass it by.
fn base_chains(s: &Suggestion, v6: bool) -> Vec<BaseChain> {
    let site = &s.sites[usize::from(v6)];
    let base = |name: String, hook: Hook, priority: i32, new: bool| {
        let passes = match hook {
            Hook::Input => "iifname \"lo\" accept",
            _ => "ct status dnat accept",
        };
        let known = "ct state established,related accept".to_owned();
        let jump = format!("jump {}", nft_name(&s.chain));
        let hook = hook.chain().to_lowercase();
        BaseChain {
            name,
            kind: format!("type filter hook {hook} priority {priority}; policy accept;"),
            rules: [passes.to_owned(), known, jump],
            new,
        }
    };
    if !site.rules.nft {
        // The hooks of iptables' chain.
        let asked = [Hook::Input].into_iter().chain(site.elsewhere.iter().copied());
        let named = |hook: Hook| base(base_name(hook), hook, PRIORITY, true);
        return asked.map(named).collect();
    }
    let chain = |own: &fwrules::Chain| {
        let (kind, hook) = own.base.and_then(|base| Some((base, base.hook?)))?;
        Some(base(own.name.to_string(), hook, kind.priority, own.rules.iter().any(|rule| rule.added)))
    };
    site.rules.tables[site.table].chains.iter().filter_map(chain).collect()
}

/// The rules that an earlier run left in the chain.
fn earlier(s: &Suggestion, v6: bool) -> &[Rule] {
    let site = &s.sites[usize::from(v6)];
    if site.rules.nft { &site.chain_rules()[..site.before] } else { &[] }
}

/// A set's body in nft.
fn nft_set(nets: &[Net], v6: bool) -> String {
    let kind = if v6 { "ipv6_addr" } else { "ipv4_addr" };
    let nets: Vec<String> = nets.iter().map(net_name).collect();
    format!("type {kind}; flags interval; elements = {{ {} }};", nets.join(", "))
}

/// Commands that make an ipset.
pub(super) fn ipset(name: &str, nets: &[Net]) -> Vec<String> {
    let family = if nets.iter().any(|net| net.addr().is_ipv6()) { "inet6" } else { "inet" };
    let mut list = vec![format!("ipset create {name} hash:net family {family} -exist")];
    list.extend(nets.iter().map(|net| format!("ipset add {name} {} -exist", net_name(net))));
    list
}

/// What a jump says of `lo`.
pub(super) fn but_lo(site: &Site) -> &'static str {
    if site.spares_lo { " ! -i lo" } else { "" }
}

/// What comes before the rules of a family: sets, the chain, the jump to it.
pub(super) fn before(s: &Suggestion, v6: bool, verb: Verb) -> Vec<String> {
    let sets = s.sets.iter().filter(|(_, nets)| is_of(nets, v6));
    if beside(s, v6) {
        return nft_before(s, v6, verb);
    }
    let (site, program) = (&s.sites[usize::from(v6)], rules::program(v6));
    let chain = shell_quote(s.chain.as_bytes());
    let mut list: Vec<String> = sets.flat_map(|(name, nets)| ipset(name, nets)).collect();
    // Where nothing is known of the host, the chain may be there.
    if site.made || site.assumed {
        let quiet = if site.assumed || verb == Verb::AddOnce { " 2>/dev/null || true" } else { "" };
        list.push(format!("{program} -N {chain}{quiet}"));
    }
    if let Some((from, at)) = &site.hung {
        let from = shell_quote(from.as_bytes());
        let but_lo = but_lo(site);
        let ask = match verb {
            Verb::AddOnce => format!("{program} -C {from}{but_lo} -j {chain} 2>/dev/null || "),
            _ => String::new(),
        };
        list.push(format!("{ask}{program} -I {from} {at}{but_lo} -j {chain}"));
    }
    if site.forwarded {
        let ask = match verb {
            Verb::AddOnce => {
                format!("{program} -C {FORWARDED} {NEW_CONNECTIONS} -j {chain} 2>/dev/null || ")
            }
            _ => String::new(),
        };
        list.push(format!("{ask}{program} -I {FORWARDED} 1 {NEW_CONNECTIONS} -j {chain}"));
    }
    list
}

/// What the jump from Docker's chain asks for.
pub(super) const NEW_CONNECTIONS: &str = "-m conntrack ! --ctstate RELATED,ESTABLISHED";

fn nft_before(s: &Suggestion, v6: bool, verb: Verb) -> Vec<String> {
    let (table, chain, made) = (table(s, v6), nft_name(&s.chain), s.sites[usize::from(v6)].made);
    let mut list = Vec::new();
    if made {
        if verb == Verb::AddOnce {
            list.push(format!("nft list table {table} >/dev/null 2>&1 && nft delete table {table}"));
        }
        list.push(format!("nft add table {table}"));
    }
    for (name, nets) in s.sets.iter().filter(|(_, nets)| is_of(nets, v6)) {
        list.push(format!("nft 'add set {table} {name} {{ {} }}'", nft_set(nets, v6)));
    }
    if made {
        list.push(format!("nft add chain {table} {chain}"));
    }
    for base in base_chains(s, v6).iter().filter(|base| base.new) {
        list.push(format!("nft 'add chain {table} {} {{ {} }}'", base.name, base.kind));
        if !made && verb == Verb::AddOnce {
            list.push(format!("nft flush chain {table} {}", base.name));
        }
        list.extend(base.rules.iter().map(|rule| format!("nft 'add rule {table} {} {rule}'", base.name)));
    }
    if !made && verb == Verb::AddOnce {
        list.extend(as_it_was(s, v6));
    }
    list
}

/// Commands after which the chain has the rules of earlier runs only.
fn as_it_was(s: &Suggestion, v6: bool) -> Vec<String> {
    let mut list = vec![format!("nft flush chain {} {}", table(s, v6), nft_name(&s.chain))];
    list.extend(earlier(s, v6).iter().map(|rule| nft_rule(s, rule, v6)));
    list
}

fn nft_rule(s: &Suggestion, rule: &Rule, v6: bool) -> String {
    let site = &s.sites[usize::from(v6)];
    let (table, chain) = (&site.rules.tables[site.table].name, nft_name(&s.chain));
    counted(rule)
        .to_nft_command(rules::family(v6), table.as_bytes(), chain.as_bytes())
        .unwrap_or_else(|error| format!("# {error}"))
}

/// What takes away the table beside the others, or what this run put into an earlier one.
fn nft_after(s: &Suggestion, v6: bool) -> Vec<String> {
    let table = table(s, v6);
    if s.sites[usize::from(v6)].made {
        return vec![format!("nft delete table {table}")];
    }
    let mut list = as_it_was(s, v6);
    for base in base_chains(s, v6).iter().filter(|base| base.new) {
        list.push(format!("nft flush chain {table} {}", base.name));
        list.push(format!("nft delete chain {table} {}", base.name));
    }
    list
}

/// The command of a rule.
pub(super) fn rule(s: &Suggestion, rated: &Rated, verb: Verb) -> String {
    let (rule, v6) = (&rated.proposal.rule, rated.proposal.v6);
    match verb {
        _ if beside(s, v6) => nft_rule(s, rule, v6),
        Verb::Add => rules::command(rule, &s.chain, v6),
        Verb::AddOnce => rules::idempotent(rule, &s.chain, v6),
        Verb::Undo => rules::command_as(fwrules::Verb::Delete, rule, &s.chain, v6),
    }
}

fn counted(rule: &Rule) -> Rule {
    Rule { counters: Some(Counters { packets: 0, bytes: 0 }), ..rule.clone() }
}

/// Everything that removes what was added for a family, jump, chain and sets too.
pub(super) fn undo(s: &Suggestion, v6: bool) -> Vec<String> {
    let rules: Vec<&Rated> = s.rules.iter().filter(|rated| rated.proposal.v6 == v6).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    if beside(s, v6) {
        return nft_after(s, v6);
    }
    let mut list: Vec<String> = rules.iter().map(|rated| rule(s, rated, Verb::Undo)).collect();
    list.extend(after(s, v6));
    list
}

/// What is removed after the rules of a family: jump, chain, sets.
pub(super) fn after(s: &Suggestion, v6: bool) -> Vec<String> {
    if beside(s, v6) {
        return nft_after(s, v6);
    }
    let (site, program) = (&s.sites[usize::from(v6)], rules::program(v6));
    let chain = shell_quote(s.chain.as_bytes());
    let mut list = Vec::new();
    if let Some((from, _)) = &site.hung {
        list.push(format!("{program} -D {}{} -j {chain}", shell_quote(from.as_bytes()), but_lo(site)));
    }
    if site.forwarded {
        list.push(format!("{program} -D {FORWARDED} {NEW_CONNECTIONS} -j {chain}"));
    }
    if site.made {
        list.push(format!("{program} -X {chain}"));
    }
    let sets = s.sets.iter().filter(|(_, nets)| is_of(nets, v6));
    list.extend(sets.map(|(name, _)| format!("ipset destroy {name}")));
    list
}

/// The whole table for `nft -f`, with the rules of earlier runs. Reading it twice is the same as once.
pub(super) fn nft_file(s: &Suggestion, v6: bool) -> String {
    let table = table(s, v6);
    let mut out = format!("table {table}\ndelete table {table}\ntable {table} {{\n");
    for (name, nets) in s.sets.iter().filter(|(_, nets)| is_of(nets, v6)) {
        out.push_str(&format!("\tset {name} {{\n\t\t{}\n\t}}\n", nft_set(nets, v6).replace("; ", "\n\t\t")));
    }
    out.push_str(&format!("\tchain {} {{\n", nft_name(&s.chain)));
    let new = s.rules.iter().filter(|rated| rated.proposal.v6 == v6).map(|rated| &rated.proposal.rule);
    for rule in earlier(s, v6).iter().chain(new) {
        match rules::nft(rule, v6) {
            Ok(rule) => out.push_str(&format!("\t\t{rule}\n")),
            Err(error) => out.push_str(&format!("\t\t# {error}\n")),
        }
    }
    out.push_str("\t}\n");
    for base in base_chains(s, v6) {
        out.push_str(&format!("\tchain {} {{\n\t\t{}\n", base.name, base.kind));
        base.rules.iter().for_each(|rule| out.push_str(&format!("\t\t{rule}\n")));
        out.push_str("\t}\n");
    }
    out + "}\n"
}
