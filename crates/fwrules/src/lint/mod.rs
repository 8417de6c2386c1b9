//! What is wrong with a ruleset, seen without any log.
//!
//! Every set of packets that can come to a hook is sent through the chains, and each rule
//! takes its part out of it. A rule for which nothing is left can never fire; who took it is
//! the reason. The sets are never too small, so what is reported holds; what is not reported
//! may still be wrong.
//!
//! Responsible for: all findings of a ruleset, in order.
//! Must not know: lines or packets.
//! Tested by: the unit tests below, `tests/seed.rs` (the guide's own faults).

mod cube;
mod finding;
mod loopback;
mod names;
mod never;
mod prefixes;
mod ranges;
mod region;
mod services;
mod space;
mod walk;

use std::collections::BTreeSet;

pub use crate::lint::finding::{Finding, FindingKind};
use crate::lint::walk::Lint;
use crate::model::ruleset::Ruleset;

/// What a ruleset's own text shows to be wrong, in the order of the text.
///
/// ```
/// use fwrules::{FindingKind, Ruleset, lint};
/// let rules = Ruleset::parse_save(b"*filter
/// :INPUT ACCEPT [0:0]
/// -A INPUT -p tcp -m tcp --dport 1:1023 -j ACCEPT
/// -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j DROP
/// COMMIT
/// ").unwrap();
/// let findings = lint(&rules);
/// assert_eq!(findings[0].kind, FindingKind::Shadowed);
/// assert_eq!(findings[0].message, "INPUT 2 can never fire: INPUT 1 takes all its packets");
/// ```
#[must_use]
pub fn lint(rules: &Ruleset) -> Vec<Finding> {
    let mut lint = Lint::new(rules);
    lint.walk_all();
    lint.rules_that_never_fire();
    lint.chains();
    lint.prefixes();
    lint.loopback();
    lint.services();
    let mut found = lint.found;
    found.sort_by_key(|f| (f.rule, f.kind));
    found
}

/// Prefixes of a log that no rule writes: another ruleset wrote them, or another program.
pub fn unwritten<'a>(rules: &Ruleset, prefixes: impl IntoIterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    let written: BTreeSet<&[u8]> =
        rules.rules().filter_map(|(_, rule)| rule.log.as_ref()).map(|log| log.written(rules.nft)).collect();
    prefixes.into_iter().filter(|p| !written.contains(p)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let rules = Ruleset::parse_save(format!("*filter\n{text}\nCOMMIT\n").as_bytes()).unwrap();
        lint(&rules).into_iter().map(|f| f.message).collect()
    }

    #[test]
    fn several_rules_together_take_all() {
        assert_eq!(
            messages(
                ":INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 0:1023 -j DROP\n-A INPUT -p tcp -m tcp --dport 1024:65535 -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -s 10.0.0.1 -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 1000:2000 -j ACCEPT"
            ),
            [
                "INPUT 3 can never fire: INPUT 1 takes all its packets",
                "INPUT 4 can never fire: INPUT 1, INPUT 2 together take all its packets",
            ]
        );
    }

    #[test]
    fn a_limit_never_takes_all() {
        assert!(
            messages(
                ":INPUT DROP [0:0]\n-A INPUT -m limit --limit 3/min -j ACCEPT\n-A INPUT -p tcp -j ACCEPT"
            )
            .is_empty()
        );
        // The same condition on the packet does.
        assert_eq!(
            messages(
                ":INPUT DROP [0:0]\n-A INPUT -m ttl --ttl-lt 5 -j DROP\n-A INPUT -p tcp -m ttl --ttl-lt 5 -j ACCEPT"
            ),
            ["INPUT 2 can never fire: INPUT 1 takes all its packets"]
        );
    }

    #[test]
    fn a_conditional_return_leaves_a_way() {
        let text = ":INPUT ACCEPT [0:0]\n:X - [0:0]\n-A INPUT -j X\n-A INPUT -p tcp -j DROP\n-A X -s 10.0.0.0/8 -j RETURN\n-A X -p tcp -j ACCEPT";
        assert!(messages(text).is_empty());
    }

    #[test]
    fn the_reason_is_who_takes_the_packets() {
        // In a chain that some packets are sent to.
        assert_eq!(
            messages(
                ":INPUT ACCEPT [0:0]\n:A - [0:0]\n-A INPUT -p icmp -j ACCEPT\n-A INPUT -i lo -j A\n-A INPUT -i lo -j DROP\n-A A -j ACCEPT"
            ),
            ["INPUT 3 can never fire: INPUT 2 (A 1) takes all its packets"]
        );
        // RETURN and a goto end a packet's way through their own chain.
        assert_eq!(
            messages(
                ":INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A INPUT -p tcp -j DROP\n-A A -p tcp -j RETURN\n-A A -p tcp -m tcp --dport 22 -j DROP\n-A A -p udp -g B\n-A A -p udp -m udp --dport 53 -j DROP"
            ),
            [
                "A 2 can never fire: A 1 takes all its packets",
                "A 4 can never fire: A 3 takes all its packets",
            ]
        );
    }

    #[test]
    fn who_may_not_have_had_the_packets_is_no_reason() {
        let chains = ":INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n";
        // What a set decides about may pass A by: of the two that drop, the second is the reason.
        let jump = "-A INPUT -m set --match-set x src -j A\n-A A -j DROP\n";
        let back =
            "-A INPUT -j A\n-A A -m addrtype --dst-type LOCAL -j RETURN\n-A A -j B\n-A B -p udp -j DROP\n";
        for before in [jump, back] {
            let rest = "-A INPUT -p udp -j DROP\n-A INPUT -p udp -m udp --dport 137 -j ACCEPT";
            assert_eq!(
                messages(&format!("{chains}{before}{rest}"))
                    .into_iter()
                    .filter(|m| m.contains("never fire"))
                    .collect::<Vec<_>>(),
                ["INPUT 3 can never fire: INPUT 2 takes all its packets"],
                "{before}"
            );
        }
        // So it is for a rule in a chain that the packets do not come to any more.
        let called = "-A INPUT -j A\n-A INPUT -p udp -m multiport --dports 137,138 -j DROP\n-A INPUT -j B\n\
            -A A -m addrtype --dst-type LOCAL -j RETURN\n-A A -j DROP\n-A B -p udp -m udp --dport 137 -j ACCEPT";
        assert_eq!(
            messages(&format!("{chains}{called}")),
            ["B 1 can never fire: INPUT 2 takes all its packets"]
        );
        let early = "-A INPUT -p tcp -j RETURN\n-A INPUT -j B\n-A B -p tcp -m tcp --dport 22 -j ACCEPT\n-A B -p udp -j A\n-A A -j DROP";
        assert_eq!(
            messages(&format!("{chains}{early}")),
            ["B 1 can never fire: INPUT 1 takes all its packets"]
        );
    }

    #[test]
    fn what_was_not_followed_is_said() {
        // Twice as many ways at each step: 2^40.
        let mut text = String::from(":INPUT ACCEPT [0:0]\n");
        (0..=20).for_each(|i| text.push_str(&format!(":C{i} - [0:0]\n")));
        text.push_str("-A INPUT -j C0\n-A INPUT -j LOG --log-prefix \"x dropped \"\n-A INPUT -j DROP\n");
        (0..20).for_each(|i| text.push_str(&format!("-A C{i} -j C{0}\n-A C{i} -j C{0}\n", i + 1)));
        text.push_str("-A C20 -p tcp -j ACCEPT");
        let found = messages(&text);
        assert!(matches!(&found[..], [one] if one.contains("was not looked for")), "{found:?}");
    }

    #[test]
    fn what_was_followed_is_judged_all_the_same() {
        // Twice as many ways at each step, of forwarded packets only.
        let mut text = String::from(":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n");
        (0..=20).for_each(|i| text.push_str(&format!(":C{i} - [0:0]\n")));
        text.push_str(
            "-A INPUT -p tcp -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A FORWARD -j C0\n",
        );
        (0..20).for_each(|i| text.push_str(&format!("-A C{i} -j C{0}\n-A C{i} -j C{0}\n", i + 1)));
        text.push_str("-A C20 -p tcp -j ACCEPT");
        let found = messages(&text);
        assert!(found[0].starts_with("the ways through C0, C1, C2 and 18 more are too many"), "{found:?}");
        assert_eq!(found[1..], ["INPUT 2 can never fire: INPUT 1 takes all its packets"]);
    }

    #[test]
    fn more_interfaces_than_have_a_bit() {
        let rule = |i: usize, target: &str| format!("-A INPUT -i veth{i} -j {target}\n");
        let mut text = String::from(":INPUT ACCEPT [0:0]\n");
        (0..300).for_each(|i| text.push_str(&rule(i, "DROP")));
        text.push_str(&rule(200, "ACCEPT"));
        assert_eq!(messages(text.trim_end()), ["INPUT 301 can never fire: INPUT 201 takes all its packets"]);
    }

    #[test]
    fn twins_far_apart_are_found() {
        let mut text = String::from(":INPUT ACCEPT [0:0]\n");
        for i in 0..2_000 {
            text.push_str(&format!(
                "-A INPUT -s 10.{}.{}.0/24 -p tcp -m tcp --dport {} -j DROP\n",
                i >> 8,
                i & 255,
                i + 20_001
            ));
        }
        text.push_str("-A INPUT -s 10.7.100.0/24 -p tcp -m tcp --dport 21893 -j ACCEPT");
        assert_eq!(messages(&text), ["INPUT 2001 can never fire: INPUT 1893 takes all its packets"]);
    }

    #[test]
    fn prefixes_that_mislead() {
        assert_eq!(
            messages(
                ":INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j LOG --log-prefix \"tcp dropped \"\n-A INPUT -p udp -j LOG --log-prefix \"udp dropped \"\n-A INPUT -p udp -j DROP\n-A INPUT -p icmp -j LOG --log-prefix \"udp dropped \""
            ),
            [
                "INPUT 1 writes `tcp dropped `, but the packets are accepted afterwards by the chain's policy",
                "INPUT 4 writes `udp dropped `, but the packets are accepted afterwards by the chain's policy",
            ]
        );
    }

    #[test]
    fn one_prefix_is_told_apart_by_path_protocol_and_reach() {
        let log = |rest: &str| format!("\n-A {rest} -j LOG --log-prefix \"x \"");
        let chains = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n-A INPUT -s 10.0.0.0/8 -j A";
        let apart = [log("INPUT -p tcp"), log("INPUT -p udp"), log("FORWARD -p tcp")].concat();
        assert!(messages(&format!("{chains}{apart}")).is_empty());
        let same = [log("A -p tcp"), log("INPUT -p tcp -m tcp --dport 22")].concat();
        assert_eq!(
            messages(&format!("{chains}{same}")),
            ["A 1 and INPUT 2 write the same prefix `x `: their lines cannot be told apart"]
        );
    }

    #[test]
    fn families_are_apart_in_inet() {
        let rule = |side: &str, op: &str, addr: &str, verdict: &str| {
            let (address, len) = addr.split_once('/').unwrap();
            let protocol = if address.contains(':') { "ip6" } else { "ip" };
            format!(
                r#"{{"rule": {{"family": "inet", "table": "t", "chain": "c", "expr": [{{"match": {{"op": "{op}",
                "left": {{"payload": {{"protocol": "{protocol}", "field": "{side}"}}}},
                "right": {{"prefix": {{"addr": "{address}", "len": {len}}}}}}}}}, {{"{verdict}": null}}]}}}}"#
            )
        };
        for (first, second) in [
            (rule("daddr", "==", "::ffff:0.0.0.0/96", "drop"), rule("daddr", "==", "10.66.0.0/24", "accept")),
            (rule("saddr", "!=", "10.0.0.0/8", "drop"), rule("saddr", "==", "fe80::/10", "accept")),
            (rule("saddr", "!=", "fe80::/10", "drop"), rule("saddr", "==", "10.0.0.0/8", "accept")),
        ] {
            let json = format!(
                r#"{{"nftables": [{{"table": {{"family": "inet", "name": "t"}}}}, {{"chain": {{"family": "inet", "table": "t",
                "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}}}, {first}, {second}]}}"#
            );
            assert_eq!(lint(&Ruleset::parse(json.as_bytes()).unwrap()), [], "{json}");
        }
    }

    #[test]
    fn a_verdict_map_fires_if_one_of_its_elements_does() {
        let found = |expressions: &[&str]| {
            let mut items = vec![String::from(
                r#"{"chain": {"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0,
                "policy": "drop"}}, {"chain": {"family": "ip", "table": "t", "name": "x"}}"#,
            )];
            let rule = |e: &&str| {
                format!(r#"{{"rule": {{"family": "ip", "table": "t", "chain": "c", "expr": [{e}]}}}}"#)
            };
            items.extend(expressions.iter().map(rule));
            let json = format!(r#"{{"nftables": [{}]}}"#, items.join(", "));
            lint(&Ruleset::parse(json.as_bytes()).unwrap()).into_iter().map(|f| f.message).collect::<Vec<_>>()
        };
        let port = r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#;
        let drop = |port_is: u16| {
            format!(r#"{{"match": {{"op": "==", "left": {port}, "right": {port_is}}}}}, {{"drop": null}}"#)
        };
        let (first, second) = (&drop(22)[..], &drop(23)[..]);
        let map = &format!(
            r#"{{"vmap": {{"key": {port}, "data": {{"set": [[22, {{"jump": {{"target": "x"}}}}], [23, {{"accept": null}}]]}}}}}}"#
        )[..];
        assert_eq!(found(&[second, map]), [""; 0]);
        assert_eq!(found(&[first, map]), ["no packet comes to chain t x: none by t c 2"]);
        assert_eq!(
            found(&[first, second, map])[1..],
            ["t c 3 can never fire: t c 1, t c 2 together take all its packets"]
        );
    }

    #[test]
    fn what_takes_a_family_takes_all_of_it() {
        let head = r#"{"chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input",
            "prio": 0, "policy": "drop"}}"#;
        let rule = |expr: &str| {
            format!(r#"{{"rule": {{"family": "inet", "table": "t", "chain": "c", "expr": [{expr}]}}}}"#)
        };
        let is = |left: &str, right: &str| {
            format!(r#"{{"match": {{"op": "==", "left": {left}, "right": "{right}"}}}}"#)
        };
        let of = |family: &str| {
            rule(&format!(r#"{}, {{"drop": null}}"#, is(r#"{"meta": {"key": "nfproto"}}"#, family)))
        };
        let source = is(r#"{"payload": {"protocol": "ip", "field": "saddr"}}"#, "192.0.2.1");
        let accept = rule(&format!(r#"{source}, {{"accept": null}}"#));
        let found = |rules: &[String]| {
            let json = format!(r#"{{"nftables": [{head}, {}]}}"#, rules.join(", "));
            lint(&Ruleset::parse(json.as_bytes()).unwrap()).into_iter().map(|f| f.message).collect::<Vec<_>>()
        };
        assert_eq!(
            found(&[of("ipv4"), accept.clone()]),
            ["t c 2 can never fire: t c 1 takes all its packets"]
        );
        assert_eq!(found(&[of("ipv6"), accept]), [""; 0]);
    }

    #[test]
    fn what_rules_change_on_the_way_is_asked_anew() {
        let mark = "*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -m mark --mark 0x1 -j ACCEPT\n\
            -A INPUT -p tcp -m tcp --dport 22 -j MARK --set-xmark 0x1/0xffffffff\n-A INPUT -m mark --mark 0x1 -j ACCEPT\nCOMMIT\n";
        assert_eq!(lint(&Ruleset::parse(mark.as_bytes()).unwrap()), []);
        let fixed = mark.replace("-j MARK --set-xmark 0x1/0xffffffff", "-j ACCEPT");
        assert_eq!(lint(&Ruleset::parse(fixed.as_bytes()).unwrap()).len(), 1);
    }

    #[test]
    fn what_is_logged_and_dropped_by_the_same_set_is_not_accepted() {
        let set =
            ":INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set bad src -j LOG --log-prefix \"bad DROP \"\n";
        let drop = "-A INPUT -m set --match-set bad src -j DROP";
        assert!(messages(&format!("{set}{drop}")).is_empty());
        assert_eq!(messages(&format!("{set}{}", drop.replace("bad", "worse"))).len(), 1);
        // So it is with what remembers: both rules ask the same of the same packet.
        for asked in ["recent --rcheck --name x", "time --timestart 01:00", "connlimit --connlimit-above 9"] {
            let ask = |text: &str| text.replace("set --match-set bad src", asked);
            assert!(messages(&ask(&format!("{set}{drop}"))).is_empty(), "{asked}");
        }
    }

    #[test]
    fn a_long_blocklist_is_noted_once() {
        const RULES: usize = 5_000;
        let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
        for i in 0..RULES {
            text.push_str(&format!("-A INPUT -s 10.{}.{}.1/32 -j DROP\n", i >> 8, i & 0xff));
        }
        let rules = Ruleset::parse_save(text.as_bytes()).unwrap();
        let mut lint = Lint::new(&rules);
        lint.walk_all();
        // What each rule knows of those before it is one number.
        assert_eq!(lint.ended.len(), RULES);
        assert!(lint.seen.values().all(|seen| seen.ways.len() == 1 && seen.ways[0].entry.0.len() < 10));
    }

    #[test]
    fn chains_nobody_comes_to() {
        assert_eq!(
            messages(
                ":INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j A\n-A INPUT -j NOPE"
            ),
            [
                "no packet comes to chain A: INPUT 2 never fires",
                "no rule jumps to chain B",
                "INPUT 2 can never fire: INPUT 1 takes all its packets",
                "INPUT 3 jumps to NOPE, which is neither a chain nor a known target",
            ]
        );
    }

    #[test]
    fn a_wrong_interface_for_the_chain() {
        assert_eq!(
            messages(":INPUT ACCEPT [0:0]\n:X - [0:0]\n-A INPUT -j X\n-A X -o eth0 -j DROP"),
            ["X 1 can never fire: no packet that is sent to X fits its output interface"]
        );
    }

    #[test]
    fn loopback_needs_both_ways() {
        let half = ":INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -o lo -j ACCEPT\n-A INPUT -m state --state ESTABLISHED -j ACCEPT";
        assert_eq!(
            messages(half),
            ["OUTPUT 1 allows loopback output, but loopback input is dropped (by the INPUT policy)"]
        );
        assert!(messages(&format!("{half}\n-A INPUT -i lo -j ACCEPT")).is_empty());
        assert!(messages(&format!("{half}\n-A INPUT -s 127.0.0.0/8 -j ACCEPT")).is_empty());
        // A packet that is forwarded is not this host's own.
        assert!(messages(&half.replace("-A OUTPUT -o lo", "-A FORWARD -i lo -o lo")).is_empty());
    }

    #[test]
    fn answers_are_no_loopback() {
        let input = ":INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT";
        let broken = ["INPUT 1 allows loopback input, but loopback output is dropped (by the OUTPUT policy)"];
        // Answers of a service open no connection; what is chosen to leave does.
        assert_eq!(messages(&format!("{input}\n-A OUTPUT -p tcp -m tcp --sport 22 -j ACCEPT")), broken);
        assert!(messages(&format!("{input}\n-A OUTPUT -p tcp -m tcp --dport 53 -j ACCEPT")).is_empty());
    }
}
