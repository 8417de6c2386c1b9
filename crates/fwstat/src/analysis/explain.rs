//! One line's path through the chains of a ruleset, with the reason for every step.
//!
//! Responsible for: what each rule answers and why, the chains passed, the verdict.
//! Must not know: how a rule is matched (`fwrules`), how a result is shown (`report::explain`).
//! Tested by: `tests/cli/explain.rs`.

use fwrules::{
    Condition, Context, Evidence, Fate, Place, PortSide, Ports, Reach, RuleId, Ruleset, Side, Step, Tcp,
    Test, Tri, Walk, Walker, Why,
};
use logparse::Packet;
use serde::Serialize;

use fwlog::text;

/// The path of one line through one ruleset; serialises to its part of
/// `schemas/fwstat.explain-1.schema.json`.
#[derive(Clone, Debug, Serialize)]
pub struct PathTaken {
    /// `INPUT -> MALICIOUS -> STDIN -> LOG -> DROP`.
    pub way: String,
    /// Every rule and policy that was asked.
    pub steps: Vec<StepTaken>,
    /// The verdict, where the line decides it.
    pub end: Option<&'static str>,
    /// The rules with the line's prefix that it comes to: one of them wrote it.
    pub logged_by: Vec<String>,
    /// The rule or policy that decides about the packet, where that is one.
    pub decided_by: Option<String>,
    /// The verdict in words, and whether it fits the line.
    #[serde(skip)]
    pub verdict: String,
}

/// One rule or policy on the path.
#[derive(Clone, Debug, Serialize)]
pub struct StepTaken {
    /// Its name.
    pub place: String,
    /// How many jumps deep.
    pub depth: usize,
    /// `yes`, `no`, `unknown`, or `if it comes here`.
    pub answer: &'static str,
    /// The rule as people read it.
    pub rule: String,
    /// Why.
    pub why: String,
}

impl PathTaken {
    /// The path of `packet` through `rules`, which are taken to have written the line.
    #[must_use]
    pub fn new(rules: &Ruleset, packet: &Packet<'_>, context: &Context<'_>) -> PathTaken {
        let walker = Walker::new(rules, Evidence::Same);
        let walk = walker.walk(packet, context);
        let early = match walker.fate(packet, context) {
            Fate::Unknown(id, Why::Route) if rules.writers(packet.prefix).any(|writer| writer == id) => {
                Some(id)
            }
            _ => None,
        };
        let steps = walk.steps.iter().map(|step| StepTaken {
            place: rules.place(step.place),
            depth: step.depth,
            answer: answer(step),
            rule: rule_text(rules, step),
            why: why(&walker, packet, context, step),
        });
        PathTaken {
            steps: steps.collect(),
            end: walk.outcome.verdict().map(|verdict| verdict.word()),
            way: drawn(rules, &walk),
            verdict: verdict(rules, packet.prefix, &walk, early),
            logged_by: logged_by(rules, packet.prefix, &walk),
            decided_by: decided_by(rules, &walk),
        }
    }
}

/// What a step's rule answers.
fn answer(step: &Step) -> &'static str {
    match (step.result, step.reach) {
        (Tri::No, _) => "no",
        (Tri::Yes, Reach::Certain) => "yes",
        (Tri::Yes, Reach::Possible) => "if it comes here",
        (Tri::Unknown(_), _) => "unknown",
    }
}

/// Why a rule took the packet or did not.
fn why(walker: &Walker<'_>, packet: &Packet<'_>, context: &Context<'_>, step: &Step) -> String {
    let Place::Rule(_) = step.place else { return "no rule gave a verdict".to_owned() };
    let conditions = walker.conditions(packet, context, step);
    if step.proved {
        return match step.result {
            Tri::Yes => "certain: otherwise the line would not have been logged".to_owned(),
            _ => "ruled out: the line would not have been logged".to_owned(),
        };
    }
    let of = |wanted: fn(&Tri) -> bool| -> Vec<&Condition> {
        conditions.iter().filter(|(_, tri)| wanted(tri)).map(|(condition, _)| *condition).collect()
    };
    match step.result {
        Tri::No => {
            let mut against = of(|t| *t == Tri::No);
            // What is asked of a protocol's header says nothing about a packet of another.
            if matches!(against.first(), Some(Condition::Protocol(Test { not: false, .. }))) {
                against.retain(|condition| {
                    !matches!(
                        condition,
                        Condition::Tcp(_) | Condition::Mss(_) | Condition::Ports(_) | Condition::Icmp(_)
                    )
                });
            }
            let names: Vec<String> =
                against.into_iter().map(|condition| instead(condition, packet)).collect();
            if names.is_empty() {
                return "what is known of the connection excludes it".to_owned();
            }
            let mut why = format!("no match: {}", names.join(", "));
            if let Some(change) = walker.near_miss(packet, context, step) {
                why += &format!("; with {change} it would");
            }
            why
        }
        Tri::Unknown(reason) => {
            let names: Vec<String> =
                of(|t| matches!(t, Tri::Unknown(_))).into_iter().map(Condition::to_display).collect();
            format!("{reason}: {}", names.join(", "))
        }
        Tri::Yes if conditions.is_empty() => "matches every packet".to_owned(),
        Tri::Yes => "every condition matches".to_owned(),
    }
}

/// A condition that does not fit, with what the packet has instead where that is one word.
fn instead(condition: &Condition, packet: &Packet<'_>) -> String {
    let ports = packet.datagram.ports();
    let name = |name: &[u8]| if name.is_empty() { "empty".to_owned() } else { text::escape(name) };
    let number = |port: Option<u16>| port.map(|port| port.to_string());
    let has = match condition {
        Condition::Protocol(_) => packet.datagram.protocol().map(|protocol| protocol.to_string()),
        Condition::Address(address) => {
            let source = address.side == Side::Source;
            if source { packet.src() } else { packet.dst() }.map(|addr| addr.to_string())
        }
        Condition::Interface(interface) => {
            Some(name(if interface.input { packet.in_iface } else { packet.out_iface }))
        }
        Condition::Tcp(Tcp { sport, dport, flags: None, option: None })
        | Condition::Ports(Ports { sport, dport, .. }) => match (sport, dport) {
            (Some(Test { not: false, .. }), None) => number(ports.src),
            (None, Some(Test { not: false, .. })) => number(ports.dst),
            _ => None,
        },
        Condition::Multiport(multiport) if !multiport.ports.not => match multiport.side {
            PortSide::Source => number(ports.src),
            PortSide::Destination => number(ports.dst),
            PortSide::Either => None,
        },
        _ => None,
    };
    let (of_packet, condition) = (condition, condition.to_display());
    match has {
        Some(has) if matches!(of_packet, Condition::Protocol(_)) => format!("{condition}, packet is {has}"),
        Some(has) => format!("{condition}, packet has {has}"),
        None => condition,
    }
}

/// `INPUT -> MALICIOUS -> STDIN -> LOG -> DROP`.
fn drawn(rules: &Ruleset, walk: &Walk) -> String {
    let outcome = &walk.outcome;
    if outcome.other_family {
        return "these rules do not see packets of this family".to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    for step in &walk.steps {
        let doubt =
            if step.reach == Reach::Possible || matches!(step.result, Tri::Unknown(_)) { "?" } else { "" };
        match step.place {
            Place::Rule(id) => {
                let chain = rules.chain_of(id).map(|c| c.name.to_string()).unwrap_or_default();
                if step.depth == 0 && id.rule == 0 {
                    parts.push(chain);
                }
                let Some(rule) = rules.rule(id) else { continue };
                if step.result == Tri::No {
                    continue;
                }
                if rule.log.is_some() {
                    parts.push(format!("LOG{doubt}"));
                }
                let word = String::from_utf8_lossy(rule.target.word()).into_owned();
                if !word.is_empty() && !matches!(word.as_str(), "LOG" | "NFLOG" | "RETURN") {
                    parts.push(format!("{word}{doubt}"));
                }
            }
            Place::Policy(table, chain) => {
                let chain = &rules.tables[table as usize].chains[chain as usize];
                let policy = chain.base.map_or("", |base| base.policy.word());
                if chain.rules.is_empty() {
                    parts.push(chain.name.to_string());
                }
                parts.push(format!("{policy}{doubt}"));
            }
        }
    }
    text::escape(parts.join(" -> ").as_bytes())
}

/// What the kernel did in the end, and whether it fits the line; `early`: the rule that may have written it
/// where packets are not followed.
fn verdict(rules: &Ruleset, prefix: &[u8], walk: &Walk, early: Option<RuleId>) -> String {
    let outcome = &walk.outcome;
    if outcome.other_family {
        return String::new();
    }
    let end = match outcome.verdict() {
        Some(verdict) => match decided_by(rules, walk) {
            Some(one) => format!("{} ({one})", verdict.word()),
            None => verdict.word().to_owned(),
        },
        None => "undecidable: it depends on what the line does not show".to_owned(),
    };
    let line = match &logged_by(rules, prefix, walk)[..] {
        [] if let Some(id) = early => {
            format!("{} may have logged the line, before the packet was routed", rules.name(id))
        }
        [] if rules.writers(prefix).next().is_some() => "no LOG rule with this prefix is reached".to_owned(),
        [] => match rules.rules().find(|(_, rule)| rule.target.may_log()) {
            Some((id, _)) => {
                format!("{} may have logged the line: its prefix is not in the listing", rules.name(id))
            }
            None => "no rule here has this prefix, so other rules logged the line".to_owned(),
        },
        [one] => format!("logged by rule {one}"),
        several => format!("logged by one of the rules {}", several.join(", ")),
    };
    format!("Verdict: {end}; {line}.")
}

/// The rules with this prefix that the packet comes to.
fn logged_by(rules: &Ruleset, prefix: &[u8], walk: &Walk) -> Vec<String> {
    let reached = |id: &RuleId| walk.outcome.logged.iter().any(|(logged, _)| logged == id);
    rules.writers(prefix).filter(reached).map(|id| rules.name(id)).collect()
}

/// The one rule or policy that can end the packet's path.
fn decided_by(rules: &Ruleset, walk: &Walk) -> Option<String> {
    match &walk.outcome.ends[..] {
        [end] => Some(rules.place(end.by)),
        _ => None,
    }
}

/// The rule of a step as people read it.
fn rule_text(rules: &Ruleset, step: &Step) -> String {
    match step.place {
        Place::Rule(id) => rules.rule(id).map(fwrules::Rule::to_display).unwrap_or_default(),
        Place::Policy(table, chain) => {
            let chain = &rules.tables[table as usize].chains[chain as usize];
            chain.base.map_or_else(String::new, |base| format!("-P {} {}", chain.name, base.policy.word()))
        }
    }
}
