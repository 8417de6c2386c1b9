//! What holds for the advice of `fwstat suggest` on any network: each test is tried on worlds made
//! up by `worlds.rs` and on the labelled networks of `../shared`, where those are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use fwrules::{Context, Evidence, LocalAddress, Net, Place, Ruleset, Verdict, Walker};
use serde_json::Value;

use crate::advice::{texts, unpacked};
use crate::suggest::{Chain, Score, holds, report, score, sum};
use crate::support::{Folder, Random, run};
use crate::worlds;

/// A log and what its admin would say.
struct Network {
    name: String,
    lines: Vec<String>,
    labels: Vec<String>,
    /// The texts of its rulesets.
    rules: Vec<String>,
    /// Networks that are its own or trusted, whether named to the program or not.
    own: Vec<Net>,
    trusted: Vec<String>,
    /// What is advised with rules, and with nothing.
    known: Value,
    unknown: Value,
}

impl Network {
    fn new(name: &str, lines: Vec<String>, labels: Vec<String>, rules: Vec<String>) -> Network {
        let (known, unknown) = (advise(&lines, &rules, &[]), advise(&lines, &[], &[]));
        let (own, trusted) = (Vec::new(), Vec::new());
        Network { name: name.to_owned(), lines, labels, rules, own, trusted, known, unknown }
    }

    fn score(&self, document: &Value) -> Score {
        score(document, &self.lines, &self.labels)
    }

    /// Lines of noise that a document's rules silence.
    fn silenced(&self, document: &Value) -> u64 {
        sum(&self.score(document), "noise").1
    }

    fn report(&self, document: &Value) -> String {
        report(&self.name, document, &self.score(document))
    }
}

/// What is advised on a log.
fn advise(lines: &[String], rules: &[String], with: &[&str]) -> Value {
    let folder = Folder::new();
    let log = folder.write("log", lines.join("\n") + "\n");
    let mut arguments = vec!["suggest".to_owned(), "--json".to_owned(), log];
    for (at, rules) in rules.iter().enumerate() {
        arguments.extend(["--rules".to_owned(), folder.write(&format!("rules{at}"), rules)]);
    }
    arguments.extend(with.iter().map(|&word| word.to_owned()));
    let ran = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(ran.code < 2, "{}", ran.err);
    ran.json()
}

fn made_up() -> Vec<Network> {
    (0..worlds::KINDS)
        .map(|kind| {
            let world = worlds::world(kind, 40 + kind as u64);
            let labels = world.labels.iter().map(|label| (*label).to_owned()).collect();
            let mut network = Network::new(world.name, world.lines, labels, vec![world.rules]);
            network.own = world.trusted.iter().map(|net| Net::parse(net).unwrap()).collect();
            network.trusted = world.trusted;
            network
        })
        .collect()
}

fn given() -> Vec<Network> {
    let Some(folder) = testkit::shared("networks") else { return Vec::new() };
    let best: Value = serde_json::from_slice(&std::fs::read(folder.join("ORACLE")).unwrap()).unwrap();
    let names: BTreeSet<&String> = best.as_object().unwrap().keys().collect();
    names
        .into_iter()
        .map(|name| {
            let file = |end: &str| folder.join(format!("{name}.{end}"));
            let about: Value = serde_json::from_slice(&std::fs::read(file("json")).unwrap()).unwrap();
            let list = |key: &str| -> Vec<String> {
                let list = about[key].as_array().cloned().unwrap_or_default();
                list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
            };
            let rules = list("rules").iter().map(|end| std::fs::read_to_string(file(end)).unwrap()).collect();
            let mut network =
                Network::new(name, unpacked(&file("log.gz")), unpacked(&file("labels.gz")), rules);
            network.trusted = list("friends");
            let mut own = network.trusted.clone();
            own.splice(
                0..0,
                ["me", "me6", "lan"].iter().filter_map(|key| Some(about[*key].as_str()?.to_owned())),
            );
            network.own = own.iter().filter_map(|net| Net::parse(net)).collect();
            network
        })
        .collect()
}

/// All of them, asked once for all tests.
fn networks() -> &'static [Network] {
    static ALL: LazyLock<Vec<Network>> = LazyLock::new(|| {
        let mut all = made_up();
        all.extend(given());
        all
    });
    &ALL
}

/// The line with another value of a word `KEY=VALUE`.
fn changed(line: &str, key: &str, value: &str) -> String {
    let one = |old: &str| match old.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')) {
        true => format!("{key}={value}"),
        false => old.to_owned(),
    };
    line.split(' ').map(one).collect::<Vec<_>>().join(" ")
}

fn word<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// Whether the rules drop the packet of this line.
fn takes(chain: &Chain, line: &str) -> bool {
    chain.takes(&logparse::parse(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}")).packet)
}

/// A line's packet with other fields than its addresses and interfaces.
fn with_transport(line: &str, v6: bool, rest: &str) -> String {
    let start = line.split(" LEN=").next().unwrap();
    let middle =
        if v6 { "LEN=60 TC=0 HOPLIMIT=64 FLOWLBL=0" } else { "LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0" };
    format!("{start} {middle} {rest} ")
}

const SYN: &str = "PROTO=TCP SPT=40000 DPT=@ WINDOW=1024 RES=0x00 SYN URGP=0";

/// Whole lines of packets that came in, of one family.
fn incoming(network: &Network, v6: bool) -> Vec<&String> {
    let is = |line: &&String| {
        word(line, "OUT") == Some("")
            && word(line, "IN").is_some_and(|name| !name.is_empty())
            && word(line, "SRC").is_some_and(|src| src.contains(':') == v6)
            && line.contains(" PROTO=")
            && !line.contains("message repeated")
            && logparse::parse(line.as_bytes())
                .is_ok_and(|entry| entry.completeness() == logparse::Completeness::Whole)
    };
    network.lines.iter().filter(is).collect()
}

/// One line of each interface.
fn interfaces(network: &Network, v6: bool) -> Vec<&String> {
    let mut seen = BTreeSet::new();
    incoming(network, v6).into_iter().filter(|line| seen.insert(word(line, "IN"))).collect()
}

/// Says which rules only one of two lists has.
fn same<T: Ord + std::fmt::Debug + Clone>(name: &str, actual: &[T], expected: &[T]) {
    let (a, b): (BTreeSet<T>, BTreeSet<T>) =
        (actual.iter().cloned().collect(), expected.iter().cloned().collect());
    let (more, less): (Vec<&T>, Vec<&T>) = (a.difference(&b).collect(), b.difference(&a).collect());
    assert!(actual == expected, "{name}: not expected {more:#?}\nmissing {less:#?}");
}

// ---- 1 ----

#[test]
fn dirt_anywhere_changes_no_rule() {
    let mut random = Random(5);
    for network in networks() {
        let mut dirty = network.lines.clone();
        for _ in 0..300 {
            let at = random.below(dirty.len() as u64) as usize;
            let line = network.lines[random.below(network.lines.len() as u64) as usize].clone();
            let Some(start) = line.find("IN=") else { continue };
            let dirt = match random.below(4) {
                // Without its last byte, a blank, a line is whole.
                0 => line[..start + 4 + random.below((line.len() - start - 24) as u64) as usize].to_owned(),
                1 => line.replace("kernel:", "mallory:"),
                2 => line.replace("kernel:", "kernel[1234]:"),
                _ if line.contains(" ID=") && line.contains(" SPT=") => {
                    line.replace(" ID=", " FRAG:64 ID=").split(" SPT=").next().unwrap().to_owned() + " "
                }
                _ => line.replace("kernel: ", "kernel: message repeated 2 times: [ ") + "]",
            };
            // Where lines have no tag these are whole lines of the kernel.
            if dirt != line {
                dirty.insert(at, dirt);
            }
        }
        same(&network.name, &texts(&advise(&dirty, &network.rules, &[])), &texts(&network.known));
        same(&network.name, &texts(&advise(&dirty, &[], &[])), &texts(&network.unknown));
    }
}

// ---- 2 ----

/// Whether a ruleset surely accepts this packet as the first of a connection.
fn accepts(rules: &Ruleset, local: &[LocalAddress], packet: &logparse::Packet<'_>) -> bool {
    let context = Context { local, ..Context::default() };
    let walk = Walker::new(rules, Evidence::Nothing).walk(packet, &context);
    let of_known_connections = |place: &Place| match place {
        Place::Rule(id) => {
            let chain = &rules.tables[id.table as usize].chains[id.chain as usize];
            chain.rules[id.rule as usize].to_display().contains("state")
        }
        Place::Policy(..) => false,
    };
    let mut ends = walk.outcome.ends.iter().filter(|end| !of_known_connections(&end.by)).peekable();
    ends.peek().is_some() && ends.all(|end| end.verdict == Some(Verdict::Accept))
}

/// Ports, networks and interfaces that a ruleset's text names.
fn named(text: &str) -> (Vec<String>, Vec<Net>, Vec<String>) {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '"' | '{' | '}' | '[' | ']')).collect();
    let (mut ports, mut nets, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for pair in words.windows(2) {
        if matches!(pair[0], "-i" | "-o") {
            names.push(pair[1].to_owned());
        }
        match (Net::parse(pair[1]), pair[1].parse::<u16>()) {
            (Some(net), _) if pair[1].contains(['.', ':']) => nets.push(net),
            (_, Ok(_)) => ports.push(pair[1].to_owned()),
            _ => {}
        }
    }
    (ports, nets, names)
}

#[test]
fn no_packet_that_the_rules_let_in_is_dropped() {
    let mut random = Random(99);
    for network in networks() {
        let (known, unknown) = (Chain::of(&network.known), Chain::of(&network.unknown));
        let (mut asked, mut accepted) = (0, 0);
        for text in &network.rules {
            let rules = Ruleset::parse(text.as_bytes()).unwrap();
            let (ports, nets, _) = named(text);
            for v6 in [false, true] {
                let lines = incoming(network, v6);
                if lines.is_empty() {
                    continue;
                }
                let prefix = if v6 { 64 } else { 24 };
                let mut local: Vec<LocalAddress> = network
                    .own
                    .iter()
                    .filter(|net| net.addr().is_ipv6() == v6 && net.prefix_len() >= Some(32))
                    .map(|net| LocalAddress { addr: net.addr(), prefix })
                    .collect();
                local.truncate(1);
                for _ in 0..1500 {
                    let mut line = (*lines[random.below(lines.len() as u64) as usize]).clone();
                    if let Some(port) = random.below(3).checked_sub(1).and_then(|_| {
                        (!ports.is_empty()).then(|| &ports[random.below(ports.len() as u64) as usize])
                    }) {
                        line = changed(&line, "DPT", port);
                    }
                    let other = lines[random.below(lines.len() as u64) as usize];
                    for key in ["IN", "DST"] {
                        if random.below(3) == 0 {
                            line = changed(&line, key, word(other, key).unwrap());
                        }
                    }
                    let own: Vec<&Net> = nets.iter().filter(|net| net.addr().is_ipv6() == v6).collect();
                    if random.below(2) == 0 && !own.is_empty() {
                        let src = own[random.below(own.len() as u64) as usize].addr().to_string();
                        line = changed(&line, "SRC", &src);
                    }
                    let Ok(entry) = logparse::parse(line.as_bytes()) else { continue };
                    asked += 1;
                    if accepts(&rules, &local, &entry.packet) {
                        accepted += 1;
                        assert!(!known.takes(&entry.packet), "{line}\n{}", network.report(&network.known));
                    }
                    // Without rules: what cannot be a service, at least.
                    if line.contains("DPT=22 ") && line.contains(" SYN ") {
                        assert!(!unknown.takes(&entry.packet), "{line}");
                    }
                }
            }
        }
        assert!(accepted >= 5, "{}: {accepted} of {asked}", network.name);
    }
}

// ---- 3 ----

/// A host of a network.
fn host_of(random: &mut Random, net: &Net) -> IpAddr {
    match net.addr() {
        IpAddr::V4(addr) => {
            let free = 32 - u32::from(net.prefix_len().unwrap());
            let host = (random.next() as u32).checked_shr(32 - free).unwrap_or(0);
            IpAddr::V4((addr.to_bits() | host).into())
        }
        IpAddr::V6(addr) => {
            let free = 128 - u32::from(net.prefix_len().unwrap());
            let host = u128::from(random.next() & 0xffff).min((1u128 << free.min(127)) - 1);
            IpAddr::V6((addr.to_bits() | host).into())
        }
    }
}

#[test]
fn no_unicast_packet_of_an_own_or_trusted_source_is_dropped_but_by_a_decision() {
    let mut random = Random(17);
    for network in networks() {
        let with: Vec<&str> = network.trusted.iter().flat_map(|net| ["--trusted", net.as_str()]).collect();
        let document = advise(&network.lines, &network.rules, &with);
        let mut rules = document.clone();
        rules["rules"].as_array_mut().unwrap().retain(|rule| rule["class"] != "steady");
        let chain = Chain::of(&rules);
        for net in &network.own {
            let lines = incoming(network, net.addr().is_ipv6());
            let one: Vec<&&String> = lines
                .iter()
                .filter(|line| {
                    let dst: IpAddr = word(line, "DST").unwrap().parse().unwrap();
                    let all =
                        word(line, "MAC").is_some_and(|mac| mac.starts_with("ff:") || mac.starts_with("33:"));
                    !dst.is_multicast() && !dst.to_string().ends_with(".255") && !all
                })
                .collect();
            for _ in 0..200.min(one.len() * 4) {
                let src = host_of(&mut random, net).to_string();
                let line = changed(one[random.below(one.len() as u64) as usize], "SRC", &src);
                assert!(!takes(&chain, &line), "{line}\n{}", network.report(&document));
            }
        }
    }
}

// ---- 4 ----

#[test]
fn trusted_networks_that_never_appear_change_nothing_but_exceptions() {
    for network in networks() {
        let before = network.silenced(&network.known);
        let nets: Vec<String> = (0..20).map(|i| format!("17.{}.16.0/20", i * 3)).collect();
        let with = |nets: &[String]| {
            let list: Vec<&str> = nets.iter().flat_map(|net| ["--trusted", net.as_str()]).collect();
            advise(&network.lines, &network.rules, &list)
        };
        let own = network.lines.iter().filter(|line| line.contains(" SRC=17.")).count() as u64;
        for count in [1, 20] {
            let document = with(&nets[..count]);
            assert!(network.silenced(&document) + own >= before, "{}", network.report(&document));
            let chain = Chain::of(&document);
            let returns = chain.rules.len() - chain.drops();
            assert!(returns <= 10, "{}: {returns}", network.report(&document));
        }
        let mut backwards = nets.clone();
        backwards.reverse();
        assert_eq!(texts(&with(&nets)), texts(&with(&backwards)), "{}", network.name);
    }
}

// ---- 5 ----

#[test]
fn rules_of_a_part_hide_no_signal_of_the_whole() {
    for network in networks() {
        let all = network.lines.len();
        for (first, last) in [(0, all / 2), (all / 2, all), (all / 4, all / 2), (0, all / 10)] {
            let document = advise(&network.lines[first..last], &network.rules, &[]);
            assert_eq!(sum(&network.score(&document), "signal").1, 0, "{}", network.report(&document));
        }
    }
}

// ---- 6 ----

#[test]
fn what_claims_something_is_never_dropped() {
    const ALL: &str = "MAC=ff:ff:ff:ff:ff:ff:02:00:00:00:00:07:08:00";
    for network in networks() {
        let chains = [(Chain::of(&network.known), true), (Chain::of(&network.unknown), false)];
        for (chain, known) in &chains {
            for line in interfaces(network, false) {
                let offer = with_transport(line, false, "PROTO=UDP SPT=67 DPT=68 LEN=40");
                let offers =
                    [offer.clone(), changed(&changed(&offer, "DST", "255.255.255.255"), "MAC", &ALL[4..])];
                let redirect = with_transport(line, false, "PROTO=ICMP TYPE=5 CODE=1 GATEWAY=192.0.2.1");
                let mut lines = vec![offers[0].clone(), offers[1].clone(), redirect];
                if !known {
                    lines.push(with_transport(line, false, &SYN.replace('@', "22")));
                    lines.push(changed(&with_transport(line, false, "PROTO=112"), "DST", "224.0.0.18"));
                    lines.push(with_transport(line, false, &SYN.replace('@', "23").replace("SYN", "ACK")));
                    lines.push(with_transport(line, false, "PROTO=UDP SPT=53 DPT=40000 LEN=40"));
                    lines.push(changed(
                        &changed(
                            &with_transport(line, false, "PROTO=UDP SPT=68 DPT=67 LEN=40"),
                            "MAC",
                            &ALL[4..],
                        ),
                        "DST",
                        "255.255.255.255",
                    ));
                    let forwarded = with_transport(line, false, &SYN.replace('@', "23"));
                    lines.push(changed(&forwarded, "OUT", "eth7"));
                }
                for packet in lines {
                    assert!(!takes(chain, &packet), "{known} {packet}\n{}", network.report(&network.known));
                }
            }
            for line in interfaces(network, true) {
                let mut types = vec![134, 136, 137];
                if !known {
                    types.extend([133, 135]);
                }
                for kind in types {
                    let rest = format!("PROTO=ICMPv6 TYPE={kind} CODE=0");
                    let packet = with_transport(line, true, &rest);
                    for dst in [word(line, "DST").unwrap(), "ff02::1"] {
                        let packet = changed(&packet, "DST", dst);
                        assert!(
                            !takes(chain, &packet),
                            "{known} {packet}\n{}",
                            network.report(&network.known)
                        );
                    }
                }
            }
        }
    }
}

// ---- 7 ----

#[test]
fn few_networks_at_a_port_that_no_crowd_tries_stay_visible() {
    let mut random = Random(7);
    for network in networks() {
        let v6 = interfaces(network, false).is_empty();
        let lines = incoming(network, v6);
        let tried: BTreeSet<&str> = network.lines.iter().filter_map(|line| word(line, "DPT")).collect();
        let port = (2000..60_000)
            .map(|p| (p * 7919 % 60_000).to_string())
            .find(|p| !tried.contains(p.as_str()))
            .unwrap();
        let outside: Vec<&&String> = lines.iter().filter(|line| line.contains(" SYN ")).collect();
        for (parties, each, flags) in
            [(1, 300, "SYN"), (3, 60, "CWR ECE SYN"), (7, 12, "SYN"), (7, 200, "URG PSH SYN")]
        {
            let mut log = network.lines.clone();
            let mut put = Vec::new();
            for party in 0..parties {
                for i in 0..each {
                    let like = outside[random.below(outside.len() as u64) as usize];
                    let src = match v6 {
                        true => format!("2a0f:{party:x}:7::{:x}", i % 5 + 1),
                        false => format!("{}.7.19.{}", 31 + party * 9, i % 5 + 1),
                    };
                    let rest = SYN.replace('@', &port).replace("SYN", flags);
                    let line = with_transport(&changed(like, "SRC", &src), v6, &rest);
                    let at = random.below(log.len() as u64) as usize;
                    log.insert(at, line.clone());
                    put.push(line);
                }
            }
            for rules in [&network.rules[..], &[]] {
                let document = advise(&log, rules, &[]);
                let chain = Chain::of(&document);
                let hidden = put.iter().filter(|line| takes(&chain, line)).count();
                assert_eq!(hidden, 0, "{parties} of {each} {flags} at {port}: {}", network.report(&document));
            }
        }
    }
}

// ---- 8 ----

#[test]
fn chatter_never_matches_unicast_and_all_else_names_its_interface() {
    for network in networks() {
        for document in [&network.known, &network.unknown] {
            for rule in document["rules"].as_array().unwrap() {
                let text = rule["rule"].as_str().unwrap();
                match rule["class"].as_str() {
                    Some("chatter") => {
                        let many =
                            ["--pkt-type broadcast", "-d 224.0.0.0/4", "-d ff00::/8", "-d 255.255.255.255"];
                        assert!(many.iter().any(|part| text.contains(part)), "{text}");
                    }
                    Some(_) => assert!(text.contains(" -i "), "{text}"),
                    None => assert!(text.ends_with("-j RETURN"), "{text}"),
                }
            }
        }
    }
}

// ---- 9 ----

/// The rules without comments (names of ports), in any order.
fn bare(document: &Value) -> Vec<String> {
    let without = |text: String| match (text.find(" -m comment"), text.find(" -j ")) {
        (Some(from), Some(to)) => text[..from].to_owned() + &text[to..],
        _ => text,
    };
    let mut list: Vec<String> = texts(document).into_iter().map(without).collect();
    list.sort();
    list
}

/// A text with each IPv4 address in it that is a public one exchanged, prefixes kept; those with
/// a byte of 224 and more are groups, broadcasts and masks.
fn renamed_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let end =
            rest[at..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(rest.len(), |len| at + len);
        out.push_str(&rest[..at]);
        let word = &rest[at..end];
        match word.parse::<std::net::Ipv4Addr>() {
            Ok(addr) if is_public(addr) && !rest[..at].ends_with([':', '[']) => {
                out.push_str(&std::net::Ipv4Addr::from_bits(addr.to_bits() ^ 0x0005_2a00).to_string());
            }
            _ => out.push_str(word),
        }
        rest = &rest[end..];
    }
    out + rest
}

fn is_public(addr: std::net::Ipv4Addr) -> bool {
    let [a, b, ..] = addr.octets();
    !(addr.is_private() || addr.is_loopback() || addr.is_link_local() || a == 0 || a >= 224)
        && !(a == 100 && (64..128).contains(&b))
}

#[test]
fn renamed_addresses_rename_the_rules() {
    for network in networks() {
        let lines: Vec<String> = network.lines.iter().map(|line| renamed_addresses(line)).collect();
        let rules: Vec<String> = network.rules.iter().map(|text| renamed_addresses(text)).collect();
        for (rules, before) in [(&rules[..], &network.known), (&[], &network.unknown)] {
            let document = advise(&lines, rules, &[]);
            let mut wanted: Vec<String> = bare(before).iter().map(|text| renamed_addresses(text)).collect();
            wanted.sort();
            same(&network.name, &bare(&document), &wanted);
        }
    }
}

#[test]
fn renamed_interfaces_rename_the_rules() {
    for network in networks() {
        let names: BTreeSet<&str> = network
            .lines
            .iter()
            .flat_map(|line| ["IN", "OUT", "PHYSIN", "PHYSOUT"].map(|key| word(line, key)))
            .flatten()
            .filter(|name| !name.is_empty() && *name != "lo")
            .collect();
        let names: BTreeMap<&str, String> =
            names.into_iter().enumerate().map(|(at, name)| (name, format!("zz{at}q"))).collect();
        let line = |line: &String| {
            let mut line = line.clone();
            for key in ["IN", "OUT", "PHYSIN", "PHYSOUT"] {
                if let Some(new) = word(&line, key).and_then(|name| names.get(name)).cloned() {
                    line = changed(&line, key, &new);
                }
            }
            line
        };
        let text = |text: &String| {
            let mut text = text.clone();
            for (old, new) in &names {
                for (before, after) in [
                    ("-i ", " "),
                    ("-o ", " "),
                    ("--physdev-in ", " "),
                    ("--physdev-out ", " "),
                    ("\"", "\""),
                ] {
                    text = text.replace(&format!("{before}{old}{after}"), &format!("{before}{new}{after}"));
                }
            }
            text
        };
        // A name with a wildcard in the rules is not exchanged.
        if network
            .rules
            .iter()
            .any(|rules| rules.lines().any(|line| line.contains(" -i ") && line.contains("+ ")))
        {
            continue;
        }
        let lines: Vec<String> = network.lines.iter().map(line).collect();
        let rules: Vec<String> = network.rules.iter().map(text).collect();
        let document = advise(&lines, &rules, &[]);
        let mut wanted: Vec<String> = bare(&network.known).iter().map(text).collect();
        wanted.sort();
        same(&network.name, &bare(&document), &wanted);
    }
}

/// What the rules drop, port by port: the rest of each rule's text, protocol and port.
fn by_port(document: &Value) -> BTreeSet<(String, u16)> {
    let mut all = BTreeSet::new();
    for text in bare(document).iter().filter(|text| text.ends_with("-j DROP")) {
        let words: Vec<&str> = text.split(' ').collect();
        let list =
            words.windows(2).find(|pair| matches!(pair[0], "--dport" | "--dports")).map(|pair| pair[1]);
        let rest = match list {
            Some(list) => text
                .replace(&format!(" --dports {list}"), "")
                .replace(&format!(" --dport {list}"), "")
                .replace(" -m multiport", "")
                .replace(" -m tcp", "")
                .replace(" -m udp", ""),
            None => text.clone(),
        };
        for part in list.unwrap_or("0").split(',') {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            (first.parse().unwrap()..=last.parse::<u16>().unwrap()).for_each(|port| {
                all.insert((rest.clone(), port));
            });
        }
    }
    all
}

#[test]
fn a_permutation_of_ports_gives_the_permuted_rules() {
    // 7919 and 64512 have no common factor: a permutation of the ports from 1024 on. Those that a
    // ruleset or an answer names stay.
    for network in networks() {
        let mut fixed: BTreeSet<u16> = network
            .rules
            .iter()
            .flat_map(|text| text.split(|c: char| !c.is_ascii_digit()).map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|word| word.parse().ok())
            .collect();
        fixed.extend([1900, 5353]);
        let other = |port: u16| {
            if port < 1024 || fixed.contains(&port) {
                return port;
            }
            let mut at = port;
            loop {
                at = (1024 + (u64::from(at) - 1024) * 7919 % 64_512) as u16;
                if !fixed.contains(&at) {
                    return at;
                }
            }
        };
        let tcp = |line: &String| match word(line, "DPT").and_then(|port| port.parse().ok()) {
            Some(port) if line.contains("PROTO=TCP ") => changed(line, "DPT", &other(port).to_string()),
            _ => line.clone(),
        };
        let lines: Vec<String> = network.lines.iter().map(tcp).collect();
        let document = advise(&lines, &network.rules, &[]);
        let permuted: BTreeSet<(String, u16)> = by_port(&network.known)
            .into_iter()
            .map(|(rest, port)| if rest.contains("-p tcp") { (rest, other(port)) } else { (rest, port) })
            .collect();
        let list = |set: BTreeSet<(String, u16)>| set.into_iter().collect::<Vec<_>>();
        same(&network.name, &list(by_port(&document)), &list(permuted));
    }
}

// ---- 10 ----

#[test]
fn every_rule_is_worth_its_place_and_its_count_is_true() {
    for network in networks() {
        for document in [&network.known, &network.unknown] {
            let mut score = network.score(document);
            // Lines that other programs wrote look like packets to the second matcher.
            score.remove("other");
            if std::ptr::eq(document, &raw const network.known) || sum(&score, "signal").1 == 0 {
                holds(&network.name, document, &score);
            }
            let rules = document["rules"].as_array().unwrap();
            let all = sum(&score, "").1;
            for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule["action"] == "DROP") {
                let mut less = document.clone();
                less["rules"].as_array_mut().unwrap().remove(at);
                let mut score = network.score(&less);
                score.remove("other");
                let lost = all.saturating_sub(sum(&score, "").1);
                let bar = 12.min(network.lines.len() as u64 / 100);
                // Of what some lines do not tell (without a link header, whether they are broadcasts)
                // the second matcher knows nothing.
                let perhaps = rule["perhaps"].as_u64().unwrap();
                assert!(lost + perhaps >= bar, "{} {lost}: {}", rule["rule"], network.report(document));
            }
            let returns = rules.iter().filter(|rule| rule["action"] == "RETURN").count();
            assert!(returns <= 10, "{}", network.report(document));
        }
    }
}

#[test]
fn threads_and_chunks_change_nothing() {
    for network in networks() {
        for with in [["--threads", "1", "--chunk-size", "65536"], ["--threads", "8", "--chunk-size", "20011"]]
        {
            let document = advise(&network.lines, &network.rules, &with);
            assert_eq!(document["rules"], network.known["rules"], "{}: {with:?}", network.name);
        }
    }
}
