//! What a ruleset lets in, as patterns: every ACCEPT that a new packet can come to at INPUT and
//! FORWARD, with the conditions of its path met.
//!
//! The patterns are never too small: earlier drops and conditions that have no place in a pattern
//! (limits, `recent`, marks, bridge ports) are left out. What only known connections can pass
//! (ESTABLISHED, RELATED) and what comes by `lo` is not there. Ports at which rules fill a set (traps) are
//! there too: no one is let in, but nothing may take these packets before.
//!
//! Responsible for: reading these patterns from a ruleset.
//! Must not know: logs, noise.
//! Tested by: the unit tests below, `tests/cli/suggest.rs` (random packets of every pattern).

use fwrules::{
    Address, AddressRange, AddressTypes, Condition, Expression, Family, Hook, IcmpTest, Interface,
    Interfaces, IpRange, Multiport, Net, PacketType, PortSide, Ports, Range, Rule, Ruleset, Side, State,
    StateSet, Table, Target, Tcp, Test, Verdict, Version,
};
use logparse::{Protocol, TcpFlags};

use super::address::{address, number};
use super::pattern::{OnInterface, Pattern};
use super::sighting::To;

/// Jumps followed, and patterns collected, at most: a ruleset can be written to have no end.
const DEPTH: usize = 16;
const MOST: usize = 1 << 16;

/// What a ruleset lets in.
#[derive(Clone, Debug, Default)]
pub struct LetIn {
    /// The patterns.
    pub patterns: Vec<Pattern>,
    /// The ruleset is too large to be read to its end: nothing may be dropped.
    pub unread: bool,
}

impl LetIn {
    /// What the filter tables let in of a family; what `chain` itself does is left out.
    #[must_use]
    pub fn of(rules: &Ruleset, chain: &[u8], v6: bool) -> LetIn {
        let mut reader = Reader { chain, v6, out: LetIn::default(), steps: 0 };
        let sees = |table: &&Table| match table.family {
            Family::Ipv4 => !v6,
            Family::Ipv6 => v6,
            Family::Inet => true,
            _ => false,
        };
        // All filter chains of a hook are asked: one that refuses what it does not name decides, and those
        // that only refuse (a mangle table, nft's early chains, lists of banned sources) do not.
        let (mut open, mut asked) = (true, false);
        for table in rules.tables.iter().filter(sees) {
            let other = ["nat", "mangle", "raw", "security"].iter().any(|name| table.name == *name);
            if other && !rules.nft {
                continue;
            }
            for hook in [Hook::Input, Hook::Forward] {
                for (at, base) in table.chains.iter().enumerate().filter_map(|(i, c)| Some((i, c.base?))) {
                    if base.hook != Some(hook) || base.nat {
                        continue;
                    }
                    let start = Pattern { v6, hook: Some(hook), ..Pattern::default() };
                    let passes = reader.chain(table, at, &start, 0) && base.policy == Verdict::Accept;
                    if hook == Hook::Input {
                        open &= passes;
                        asked |= !table.chains[at].rules.is_empty();
                    }
                }
            }
        }
        if open && asked {
            reader.put(Pattern { v6, hook: Some(Hook::Input), ..Pattern::default() });
        }
        reader.out
    }
}

struct Reader<'r> {
    chain: &'r [u8],
    v6: bool,
    out: LetIn,
    steps: usize,
}

impl Reader<'_> {
    fn put(&mut self, pattern: Pattern) {
        let only_lo = |tests: &[OnInterface]| tests.iter().any(|test| !test.not && test.name.0 == "lo");
        if only_lo(&pattern.input) || only_lo(&pattern.output) || self.out.patterns.contains(&pattern) {
            return;
        }
        if self.out.patterns.len() >= MOST {
            self.out.unread = true;
            return;
        }
        self.out.patterns.push(pattern);
    }

    /// Ports at which a rule takes down who comes: what takes the packets before it would empty its set.
    fn trap(&mut self, rule: &Rule, under: &Pattern) {
        for pattern in read(rule, self.v6).iter().filter_map(|own| under.and(own)) {
            if !pattern.dports.is_empty() {
                self.put(Pattern { source: Vec::new(), ..pattern });
            }
        }
    }

    /// Collects from a chain; whether a packet may come to its end, or back to where it came from.
    fn chain(&mut self, table: &Table, at: usize, under: &Pattern, depth: usize) -> bool {
        let mut returns = false;
        for rule in &table.chains[at].rules {
            self.steps += 1;
            if self.steps > MOST * 8 {
                self.out.unread = true;
                return true;
            }
            if rule.fills() {
                self.trap(rule, under);
            }
            let next = match &rule.target {
                Target::Accept => None,
                Target::Jump(name) | Target::Goto(name) => match table.chain(name.as_bytes()) {
                    Some(next) if name.as_bytes() != self.chain => Some(next),
                    _ => continue,
                },
                Target::Drop | Target::Reject(_) if takes_all(rule) => return returns,
                Target::Return if takes_all(rule) => return true,
                Target::Return => {
                    returns = true;
                    continue;
                }
                _ => continue,
            };
            let goes = matches!(rule.target, Target::Goto(_));
            let mut comes_back = next.is_some();
            for pattern in read(rule, self.v6).iter().filter_map(|own| under.and(own)) {
                match next {
                    None => self.put(pattern),
                    Some(next) if depth < DEPTH => {
                        comes_back = self.chain(table, next, &pattern, depth + 1);
                    }
                    Some(_) => self.out.unread = true,
                }
            }
            // What goes to a chain for good comes to the end of this one when it comes to the end of that.
            returns |= goes && comes_back;
            if takes_all(rule) && (goes || !comes_back) {
                return returns;
            }
        }
        true
    }
}

fn takes_all(rule: &Rule) -> bool {
    rule.is_unconditional()
}

/// The conditions of a rule, as patterns of which one holds; none if no packet of the family
/// that is new can pass.
fn read(rule: &Rule, v6: bool) -> Vec<Pattern> {
    let mut list = vec![Pattern { v6, ..Pattern::default() }];
    for more in rule.conditions.iter().filter_map(|condition| of_condition(condition, v6)) {
        list = list.iter().flat_map(|own| more.iter().filter_map(|other| own.and(other))).collect();
    }
    list
}

fn on_side(pattern: Pattern, side: Side, nets: Vec<Net>) -> Pattern {
    match side {
        Side::Source => Pattern { source: nets, ..pattern },
        Side::Destination => Pattern { destination: nets, ..pattern },
    }
}

fn on_interface(pattern: Pattern, input: bool, name: &Interface, not: bool) -> Pattern {
    let test = vec![OnInterface { not, name: name.clone() }];
    if input { Pattern { input: test, ..pattern } } else { Pattern { output: test, ..pattern } }
}

/// What a condition says in patterns; `None`: nothing that has a place in them.
fn of_condition(condition: &Condition, v6: bool) -> Option<Vec<Pattern>> {
    let base = || Pattern { v6, ..Pattern::default() };
    let nets = |ranges: &[AddressRange]| -> Vec<Net> {
        ranges.iter().filter(|range| range.first.is_ipv6() == v6).flat_map(covering).collect()
    };
    let sided = |side: Side, list: Vec<Net>| {
        Some(if list.is_empty() { Vec::new() } else { vec![on_side(base(), side, list)] })
    };
    match condition {
        Condition::Protocol(Test { not: false, value }) => {
            Some(vec![Pattern { protocol: vec![value.0], ..base() }])
        }
        Condition::Address(Address { side, net: Test { not: false, value } }) => {
            if value.addr().is_ipv6() == v6 {
                (!value.is_any()).then(|| vec![on_side(base(), *side, vec![*value])])
            } else {
                Some(Vec::new())
            }
        }
        Condition::Interface(test) => {
            Some(vec![on_interface(base(), test.input, &test.name.value, test.name.not)])
        }
        Condition::Tcp(Tcp { sport, dport, .. }) | Condition::Ports(Ports { sport, dport, .. })
            if [sport, dport]
                .into_iter()
                .flatten()
                .any(|test| !test.not && test.value.first > test.value.last) =>
        {
            // A range that runs backwards: no port is in it.
            Some(Vec::new())
        }
        Condition::Tcp(tcp) => {
            let asked = TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST | TcpFlags::FIN;
            let syn = tcp.flags.and_then(|test| {
                (test.value.mask == asked && test.value.set == TcpFlags::SYN).then_some(!test.not)
            });
            Some(vec![Pattern { syn, ..ports(base(), Protocol::TCP, tcp.sport, tcp.dport) }])
        }
        Condition::Ports(p) => Some(vec![ports(base(), p.protocol, p.sport, p.dport)]),
        Condition::Multiport(Multiport { side, ports: Test { not: false, value } }) => {
            let value = super::pattern::join(value.clone());
            let source = Pattern { sports: value.clone(), ..base() };
            let destination = Pattern { dports: value, ..base() };
            Some(match side {
                PortSide::Source => vec![source],
                PortSide::Destination => vec![destination],
                PortSide::Either => vec![source, destination],
            })
        }
        Condition::Icmp(test @ IcmpTest { v6: six, icmp: Test { not: false, value } }) => {
            if *six != v6 {
                return Some(Vec::new());
            }
            Some(vec![Pattern {
                protocol: vec![test.protocol().0],
                kinds: value.kind.map(|kind| vec![kind]).unwrap_or_default(),
                ..base()
            }])
        }
        Condition::IpRange(IpRange { source, destination }) => {
            let mut pattern = base();
            for (test, side) in [(source, Side::Source), (destination, Side::Destination)] {
                if let Some(Test { not: false, value }) = test {
                    pattern = on_side(pattern, side, nets(&[*value]));
                }
            }
            Some(vec![pattern])
        }
        Condition::Addresses(addresses) if !addresses.ranges().not => {
            sided(addresses.side, nets(addresses.ranges().value))
        }
        Condition::Interfaces(Interfaces { input, names: Test { not: false, value } }) => {
            Some(value.iter().map(|name| on_interface(base(), *input, name, false)).collect())
        }
        Condition::Protocols(Test { not: false, value }) => {
            Some(vec![Pattern { protocol: value.iter().map(|p| p.0).collect(), ..base() }])
        }
        Condition::Version(Version { v6: six }) => (*six != v6).then(Vec::new),
        Condition::PacketType(Test { not: false, value }) => Some(vec![to(
            base(),
            match value {
                PacketType::Unicast => To::One,
                PacketType::Broadcast => To::All,
                PacketType::Multicast => To::Group,
            },
        )]),
        Condition::AddressType(kinds) => {
            let Test { value, not: false } = kinds.destination? else { return None };
            let one = |kind: AddressTypes, to_whom: To| (value == kind).then(|| vec![to(base(), to_whom)]);
            one(AddressTypes::LOCAL, To::One)
                .or_else(|| one(AddressTypes::UNICAST, To::One))
                .or_else(|| one(AddressTypes::BROADCAST, To::All))
                .or_else(|| one(AddressTypes::MULTICAST, To::Group))
        }
        Condition::State(State { states: Test { not: false, value }, .. }) => of_states(*value, v6),
        Condition::Expression(Expression(text)) => of_expression(&text.to_string(), v6),
        _ => None,
    }
}

/// Names of ICMP types in nft, where they are sets: (IPv6, name, type).
const NFT_KINDS: [(bool, &str, u8); 31] = [
    (false, "echo-reply", 0),
    (false, "destination-unreachable", 3),
    (false, "source-quench", 4),
    (false, "redirect", 5),
    (false, "echo-request", 8),
    (false, "router-advertisement", 9),
    (false, "router-solicitation", 10),
    (false, "time-exceeded", 11),
    (false, "parameter-problem", 12),
    (false, "timestamp-request", 13),
    (false, "timestamp-reply", 14),
    (false, "info-request", 15),
    (false, "info-reply", 16),
    (false, "address-mask-request", 17),
    (false, "address-mask-reply", 18),
    (true, "destination-unreachable", 1),
    (true, "packet-too-big", 2),
    (true, "time-exceeded", 3),
    (true, "parameter-problem", 4),
    (true, "echo-request", 128),
    (true, "echo-reply", 129),
    (true, "mld-listener-query", 130),
    (true, "mld-listener-report", 131),
    (true, "mld-listener-done", 132),
    (true, "mld-listener-reduction", 132),
    (true, "nd-router-solicit", 133),
    (true, "nd-router-advert", 134),
    (true, "nd-neighbor-solicit", 135),
    (true, "nd-neighbor-advert", 136),
    (true, "nd-redirect", 137),
    (true, "mld2-listener-report", 143),
];

/// nft expressions that have no match of their own: sets of ICMP types, and `ct status dnat`,
/// which only packets have that a rule of ours sent here.
fn of_expression(text: &str, v6: bool) -> Option<Vec<Pattern>> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let test = value.get("match").unwrap_or(&value);
    let (left, right) = (test.get("left")?, test.get("right")?);
    if left.get("ct").is_some_and(|ct| ct["key"] == "status") {
        return right.to_string().contains("dnat").then(Vec::new);
    }
    let payload = left.get("payload")?;
    let six = match payload["protocol"].as_str()? {
        "icmp" => false,
        "icmpv6" => true,
        _ => return None,
    };
    if payload["field"] != "type" || test.get("op").is_some_and(|op| op == "!=") {
        return None;
    }
    if six != v6 {
        return Some(Vec::new());
    }
    let list = right.get("set").unwrap_or(right);
    let one = |kind: &serde_json::Value| match kind.as_str() {
        Some(name) => {
            NFT_KINDS.iter().find(|(f, known, _)| (*f, *known) == (v6, name)).map(|(.., kind)| *kind)
        }
        None => kind.as_u64().and_then(|kind| u8::try_from(kind).ok()),
    };
    let kinds: Option<Vec<u8>> = match list.as_array() {
        Some(list) => list.iter().map(one).collect(),
        None => one(list).map(|kind| vec![kind]),
    };
    let protocol = if six { Protocol::ICMPV6 } else { Protocol::ICMP };
    Some(vec![Pattern {
        v6,
        protocol: vec![protocol.0],
        kinds: kinds.unwrap_or_default(),
        ..Pattern::default()
    }])
}

/// What new packets can have these states.
fn of_states(states: StateSet, v6: bool) -> Option<Vec<Pattern>> {
    if states.contains(StateSet::NEW) || states.contains(StateSet::INVALID) {
        return None;
    }
    // Neighbour discovery is never tracked.
    if states.contains(StateSet::UNTRACKED) && v6 {
        let kinds = vec![130, 131, 132, 133, 134, 135, 136, 137, 143];
        return Some(vec![Pattern { v6, protocol: vec![Protocol::ICMPV6.0], kinds, ..Pattern::default() }]);
    }
    Some(Vec::new())
}

fn to(pattern: Pattern, to: To) -> Pattern {
    Pattern { to: Pattern::bit(to), ..pattern }
}

fn ports(
    pattern: Pattern,
    protocol: Protocol,
    sport: Option<Test<Range<u16>>>,
    dport: Option<Test<Range<u16>>>,
) -> Pattern {
    let list = |test: Option<Test<Range<u16>>>| match test {
        Some(Test { not: false, value }) => vec![value],
        _ => Vec::new(),
    };
    Pattern { protocol: vec![protocol.0], sports: list(sport), dports: list(dport), ..pattern }
}

/// Networks that cover a range of addresses, exactly.
#[must_use]
pub fn covering(range: &AddressRange) -> Vec<Net> {
    let (mut at, last) = (number(range.first), number(range.last));
    let width = if range.first.is_ipv4() { 32 } else { 128 };
    let mut out = Vec::new();
    while at <= last {
        let mut bits = at.trailing_zeros().min(width);
        while bits > 0 && (bits == 128 && last != u128::MAX || bits < 128 && at + ((1 << bits) - 1) > last) {
            bits -= 1;
        }
        out.push(Net::new(address(at), (width - bits) as u8));
        if bits >= 128 {
            break;
        }
        let Some(next) = at.checked_add(1 << bits) else { break };
        at = next;
        if out.len() > 256 {
            // A set too long to be told apart: everything.
            return vec![Net::new(range.first, 0)];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_in(text: &str) -> Vec<String> {
        let rules = Ruleset::parse_save(format!("*filter\n{text}COMMIT\n").as_bytes()).unwrap();
        LetIn::of(&rules, b"MALICIOUS", false).patterns.iter().map(|p| p.words("set")).collect()
    }

    #[test]
    fn conditions_are_met_along_the_path() {
        let list = let_in(
            ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:FRIENDLY - [0:0]\n:MALICIOUS - [0:0]\n\
             -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n\
             -A INPUT -j MALICIOUS\n-A INPUT -p tcp -m tcp --dport 22 -j FRIENDLY\n\
             -A INPUT -i eth1 -j FRIENDLY\n-A FRIENDLY -s 10.0.0.0/8 -j ACCEPT\n-A FRIENDLY -j DROP\n\
             -A FRIENDLY -j ACCEPT\n-A MALICIOUS -j ACCEPT\n",
        );
        assert_eq!(list, [" -s 10.0.0.0/8 -p tcp -m tcp --dport 22", " -i eth1 -s 10.0.0.0/8"]);
    }

    #[test]
    fn a_policy_lets_in_what_no_rule_ends() {
        assert_eq!(let_in(":INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j DROP\n"), [""]);
        assert_eq!(let_in(":INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n"), [""; 0]);
        // A chain that all packets go to ends them, unless some come back.
        let ends = ":INPUT ACCEPT [0:0]\n:OWN - [0:0]\n-A INPUT -j OWN\n-A OWN -i lo -j ACCEPT\n\
             -A OWN -p tcp -m tcp --dport 443 -j ACCEPT\n-A OWN -j REJECT\n";
        assert_eq!(let_in(ends), [" -p tcp -m tcp --dport 443"]);
        let back = "-A OWN -s 10.0.0.0/8 -j RETURN\n-A OWN -j REJECT";
        assert_eq!(let_in(&ends.replace("-A OWN -j REJECT", back)), [" -p tcp -m tcp --dport 443", ""]);
        assert_eq!(let_in(&ends.replace("-A INPUT -j", "-A INPUT -g")), [" -p tcp -m tcp --dport 443"]);
    }

    /// Lists of banned sources and what an earlier run left let all others pass, and do not decide.
    #[test]
    fn the_tables_of_nft_are_asked_together() {
        let table = |name: &str, policy: &str, rule: &str| {
            let of = format!(r#""family": "inet", "table": "{name}""#);
            format!(
                r#"{{"table": {{"family": "inet", "name": "{name}"}}}},
                {{"chain": {{{of}, "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "{policy}"}}}},
                {{"rule": {{{of}, "chain": "in", "expr": [{rule}]}}}}"#
            )
        };
        let open = |list: [String; 2]| {
            let json = format!(r#"{{"nftables": [{}]}}"#, list.join(","));
            let rules = Ruleset::parse_nft_json(json.as_bytes()).unwrap();
            let all = Pattern { hook: Some(Hook::Input), ..Pattern::default() };
            LetIn::of(&rules, b"MALICIOUS", false).patterns.contains(&all)
        };
        let port = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}"#;
        let bans = table("bans", "accept", &format!(r#"{port}, {{"drop": null}}"#));
        let rest = |policy: &str| table("filter", policy, r#"{"log": {"prefix": "x "}}"#);
        assert!(!open([bans.clone(), rest("drop")]));
        assert!(open([bans, rest("accept")]));
    }

    #[test]
    fn ports_at_which_a_rule_fills_a_set_are_left_to_it() {
        let list = let_in(
            ":INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 23 -j SET --add-set caught src\n\
             -A INPUT -s 1.2.3.4 -p tcp -m tcp --dport 25 -m recent --name spam --set -j DROP\n\
             -A INPUT -m recent --name all --set\n",
        );
        assert_eq!(list, [" -p tcp -m tcp --dport 23", " -p tcp -m tcp --dport 25"]);
    }

    #[test]
    fn a_range_is_covered_exactly() {
        let range = AddressRange { first: "10.0.0.3".parse().unwrap(), last: "10.0.0.8".parse().unwrap() };
        let nets: Vec<String> = covering(&range).iter().map(super::super::address::net_name).collect();
        assert_eq!(nets, ["10.0.0.3", "10.0.0.4/30", "10.0.0.8"]);
    }
}
