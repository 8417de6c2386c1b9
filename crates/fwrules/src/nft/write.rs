//! Writes rules in nft's syntax.
//!
//! Responsible for: one rule as nft text and as a command; what nft cannot say is an error.
//! nft has no escape inside its quotes, so a text with `"` in it cannot be said at all.
//! Must not know: how a rule is matched.
//! Tested by: the unit tests below, `tests/kernel.rs` (`nft -c -f`, and what it lists again).

use logparse::Protocol;

use crate::iptables::write::{address_range, net, packet_type};
use crate::model::conntrack::StateSet;
use crate::model::error::WriteError;
use crate::model::names;
use crate::model::rule::*;
use crate::model::text::{Text, shell_quote};

type Result<T> = core::result::Result<T, WriteError>;

/// The longest comment that nft keeps.
const COMMENT: usize = 127;

/// Words of nft's grammar that cannot name a chain (nft's scanner; those people use).
const RESERVED: [&str; 24] = [
    "accept",
    "drop",
    "reject",
    "return",
    "jump",
    "goto",
    "continue",
    "queue",
    "log",
    "limit",
    "counter",
    "ip",
    "ip6",
    "inet",
    "tcp",
    "udp",
    "icmp",
    "meta",
    "ct",
    "input",
    "output",
    "forward",
    "prerouting",
    "postrouting",
];

impl Rule {
    /// The rule as nft has it, without table and chain: `udp dport 138 counter drop comment
    /// "..."`. Bytes for `nft -f`; a prefix may hold any.
    ///
    /// ```
    /// use fwrules::{Family, Rule};
    /// let (_, rule) = Rule::parse(b"-s 10.9.0.0/16 -p udp --dport 138 -m comment --comment '[unwanted netbios]' -j DROP").unwrap();
    /// assert_eq!(
    ///     String::from_utf8(rule.to_nft(Family::Ipv4).unwrap()).unwrap(),
    ///     "ip saddr 10.9.0.0/16 udp dport 138 drop comment \"[unwanted netbios]\"");
    /// ```
    ///
    /// # Errors
    /// The rule tests or does something that has no word in nft.
    pub fn to_nft(&self, family: Family) -> Result<Vec<u8>> {
        let mut nft = Nft { out: Vec::new(), v6: family == Family::Ipv6, inet: family == Family::Inet };
        nft.rule(self)?;
        Ok(nft.out)
    }

    /// The rule as a command for a shell: `nft 'add rule ip filter CHAIN ...'`. Nothing in it
    /// can run anything else, and all of it is printable.
    ///
    /// # Errors
    /// As [`to_nft`](Self::to_nft).
    pub fn to_nft_command(&self, family: Family, table: &[u8], chain: &[u8]) -> Result<String> {
        Ok(format!("nft {}", shell_quote(&self.to_nft_line(family, table, chain)?)))
    }

    /// The rule as a line for `nft -f`: `add rule ip filter CHAIN ...`.
    ///
    /// # Errors
    /// As [`to_nft`](Self::to_nft).
    pub fn to_nft_line(&self, family: Family, table: &[u8], chain: &[u8]) -> Result<Vec<u8>> {
        let word = match family {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
            Family::Inet => "inet",
            Family::Other => return Err(WriteError::new("the table's family is not known")),
        };
        let mut line = format!("add rule {word} {} {} ", name(table)?, name(chain)?).into_bytes();
        line.append(&mut self.to_nft(family)?);
        Ok(line)
    }
}

/// A name of a table, chain or set, as nft's grammar takes it: it has no quotes for them.
fn name(text: &[u8]) -> Result<String> {
    let fits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'\\');
    let word = core::str::from_utf8(text).unwrap_or("");
    if text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(fits) && !RESERVED.contains(&word)
    {
        return Ok(word.to_owned());
    }
    Err(WriteError::new(format!("`{}` is no name in nft", text.escape_ascii())))
}

struct Nft {
    out: Vec<u8>,
    v6: bool,
    inet: bool,
}

impl Nft {
    fn push(&mut self, text: &str) {
        if !self.out.is_empty() {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    /// `field VALUE`, `field != VALUE`.
    fn test(&mut self, field: &str, not: bool, value: &str) {
        let op = if not { "!= " } else { "" };
        self.push(&format!("{field} {op}{value}"));
    }

    /// A text in quotes; there is no way to put a quote inside.
    fn quoted(&mut self, before: &str, text: &[u8]) -> Result<()> {
        if text.iter().any(|b| matches!(b, b'"' | b'\n' | 0)) {
            let text = text.escape_ascii();
            return Err(WriteError::new(format!(
                "nft cannot write `{text}`: it has no way to quote a quote or a line break"
            )));
        }
        self.push(before);
        self.out.extend_from_slice(b" \"");
        self.out.extend_from_slice(text);
        self.out.push(b'"');
        Ok(())
    }

    fn ip(&self) -> &'static str {
        if self.v6 { "ip6" } else { "ip" }
    }

    /// `ip` or `ip6`, by the address that is tested.
    fn ip_of(addr: std::net::IpAddr) -> &'static str {
        if addr.is_ipv6() { "ip6" } else { "ip" }
    }

    fn rule(&mut self, rule: &Rule) -> Result<()> {
        for (test, side) in [(&rule.source, "saddr"), (&rule.destination, "daddr")] {
            let Some(test) = test else { continue };
            let ip = Nft::ip_of(test.value.addr());
            match test.value.prefix_len() {
                Some(_) => self.test(&format!("{ip} {side}"), test.not, &bare(&net(&test.value))),
                None => {
                    let op = if test.not { "!=" } else { "==" };
                    self.push(&format!("{ip} {side} & {} {op} {}", test.value.mask(), test.value.addr()));
                }
            }
        }
        for (test, word) in [(&rule.input, "iifname"), (&rule.output, "oifname")] {
            if let Some(test) = test {
                let value = interface(&test.value)?;
                self.test(word, test.not, &value);
            }
        }
        if let Some(test) = rule.protocol {
            let shown = rule.matches.iter().any(|m| brings(m, test.value)) && !test.not;
            if !shown {
                self.test("meta l4proto", test.not, &protocol(test.value));
            }
        }
        if let Some(is) = rule.fragment {
            self.push(&format!("ip frag-off & 0x1fff {} 0", if is { "!=" } else { "==" }));
        }
        for m in &rule.matches {
            self.one(m, rule)?;
        }
        if let Some(Counters { packets, bytes }) = rule.counters {
            self.push(&format!("counter packets {packets} bytes {bytes}"));
        }
        if let Some(log) = &rule.log {
            self.log(log)?;
        }
        self.target(&rule.target)?;
        if self.out.is_empty() {
            // A rule that tests and does nothing; nft wants a statement.
            self.push("counter");
        }
        if let Some(comment) = rule.comment()
            && !comment.is_empty()
        {
            // A comment is for people: what cannot be quoted is replaced.
            let text: Vec<u8> = comment
                .cut(COMMENT)
                .iter()
                .map(|&b| match b {
                    b'"' => b'\'',
                    0 | b'\n' | b'\r' => b' ',
                    b => b,
                })
                .collect();
            self.quoted("comment", &text)?;
        }
        Ok(())
    }

    fn ports(&mut self, protocol: &str, sport: &Option<Test<Range<u16>>>, dport: &Option<Test<Range<u16>>>) {
        for (test, word) in [(sport, "sport"), (dport, "dport")] {
            if let Some(test) = test {
                self.test(&format!("{protocol} {word}"), test.not, &span(test.value.first, test.value.last));
            }
        }
    }

    fn one(&mut self, m: &Match, rule: &Rule) -> Result<()> {
        let unknown = || Err(WriteError::new(format!("nft has no word for `{}`", m.to_display())));
        match m {
            Match::Comment(_) => {}
            Match::Tcp(tcp) => {
                self.ports("tcp", &tcp.sport, &tcp.dport);
                if let Some(test) = &tcp.flags {
                    let (mask, set) = (test.value.mask.bits(), test.value.set.bits());
                    let op = if test.not { "!=" } else { "==" };
                    self.push(&format!("tcp flags & 0x{mask:x} {op} 0x{set:x}"));
                }
                if let Some(test) = &tcp.option {
                    let word = if test.not { "missing" } else { "exists" };
                    self.push(&format!("tcp option {} {word}", test.value));
                }
            }
            Match::Ports(p) => self.ports(&protocol(p.protocol), &p.sport, &p.dport),
            Match::Multiport { side, ports } => {
                let word = match side {
                    PortSide::Source => "sport",
                    PortSide::Destination => "dport",
                    PortSide::Either => {
                        return Err(WriteError::new(
                            "nft has no single rule for `--ports`: write one for each side",
                        ));
                    }
                };
                let protocol = match rule.protocol {
                    Some(test) if !test.not => protocol(test.value),
                    _ => String::from("th"),
                };
                let list: Vec<String> =
                    disjoint(&ports.value).iter().map(|r| span(r.first, r.last)).collect();
                self.test(&format!("{protocol} {word}"), ports.not, &format!("{{ {} }}", list.join(", ")));
            }
            Match::Icmp(test) | Match::Icmpv6(test) => {
                let word = if matches!(m, Match::Icmpv6(_)) { "icmpv6" } else { "icmp" };
                match (test.value.kind, test.value.code, test.not) {
                    (None, _, true) => return unknown(),
                    (None, _, false) => {}
                    (Some(kind), None, not) => self.test(&format!("{word} type"), not, &kind.to_string()),
                    (Some(kind), Some(code), false) => {
                        self.push(&format!("{word} type {kind} {word} code {code}"));
                    }
                    (Some(kind), Some(code), true) => {
                        self.push(&format!("{word} type . {word} code != {{ {kind} . {code} }}"));
                    }
                }
            }
            Match::IpRange { source, destination } => {
                for (test, side) in [(source, "saddr"), (destination, "daddr")] {
                    if let Some(test) = test {
                        let field = format!("{} {side}", Nft::ip_of(test.value.first));
                        self.test(&field, test.not, &range(&test.value));
                    }
                }
            }
            Match::Addresses { side, ranges } => {
                let Some(first) = ranges.value.first() else { return unknown() };
                let side = if *side == Side::Source { "saddr" } else { "daddr" };
                let list: Vec<String> = ranges.value.iter().map(range).collect();
                let field = format!("{} {side}", Nft::ip_of(first.first));
                self.test(&field, ranges.not, &format!("{{ {} }}", list.join(", ")));
            }
            Match::Interfaces { input, names } => {
                let list = names.value.iter().map(interface).collect::<Result<Vec<_>>>()?;
                let word = if *input { "iifname" } else { "oifname" };
                self.test(word, names.not, &format!("{{ {} }}", list.join(", ")));
            }
            Match::Protocols(test) => {
                let list: Vec<String> = test.value.iter().map(|p| protocol(*p)).collect();
                self.test("meta l4proto", test.not, &format!("{{ {} }}", list.join(", ")));
            }
            Match::Version { v6 } => self.push(if *v6 { "meta nfproto ipv6" } else { "meta nfproto ipv4" }),
            Match::Mac(test) => self.test("ether saddr", test.not, &test.value.to_string()),
            Match::PacketType(test) => self.test("meta pkttype", test.not, packet_type(test.value)),
            Match::AddressType(a) => {
                for (test, side) in [(&a.source, "saddr"), (&a.destination, "daddr")] {
                    let Some(test) = test else { continue };
                    let known = [
                        "unspec",
                        "unicast",
                        "local",
                        "broadcast",
                        "anycast",
                        "multicast",
                        "blackhole",
                        "unreachable",
                        "prohibit",
                    ];
                    let mut words = Vec::new();
                    for (bit, word) in AddressTypes::WORDS {
                        if !test.value.and(bit).is_empty() {
                            let word = word.to_ascii_lowercase();
                            if !known.contains(&word.as_str()) {
                                return unknown();
                            }
                            words.push(word);
                        }
                    }
                    let interface = match (a.limit_in, a.limit_out) {
                        (true, _) => " . iif",
                        (_, true) => " . oif",
                        _ => "",
                    };
                    let value = match &words[..] {
                        [one] => one.clone(),
                        many => format!("{{ {} }}", many.join(", ")),
                    };
                    self.test(&format!("fib {side}{interface} type"), test.not, &value);
                }
            }
            Match::Ttl { hop_limit, compare, value } => {
                let field = if *hop_limit { "ip6 hoplimit" } else { "ip ttl" };
                let op = match compare {
                    Compare::Equal => "",
                    Compare::NotEqual => "!= ",
                    Compare::Less => "< ",
                    Compare::Greater => "> ",
                };
                self.push(&format!("{field} {op}{value}"));
            }
            Match::Length(test) => {
                self.test("meta length", test.not, &span(test.value.first, test.value.last));
            }
            Match::Tos(test) => {
                let Masked { value, mask } = test.value;
                if self.v6 || self.inet {
                    return unknown();
                }
                let op = if test.not { "!=" } else { "==" };
                self.push(&format!("@nh,8,8 & 0x{mask:x} {op} 0x{value:x}"));
            }
            Match::Dscp(test) => {
                self.test(&format!("{} dscp", self.ip()), test.not, &format!("0x{:02x}", test.value))
            }
            Match::Mark(test) => {
                let Masked { value, mask } = test.value;
                match mask {
                    u32::MAX => self.test("meta mark", test.not, &format!("0x{value:x}")),
                    _ => {
                        let op = if test.not { "!=" } else { "==" };
                        self.push(&format!("meta mark & 0x{mask:x} {op} 0x{value:x}"));
                    }
                }
            }
            Match::Owner { uid, gid } => {
                for (test, word) in [(uid, "skuid"), (gid, "skgid")] {
                    if let Some(test) = test {
                        self.test(
                            &format!("meta {word}"),
                            test.not,
                            &span(test.value.first, test.value.last),
                        );
                    }
                }
            }
            Match::Esp(test) => self.test("esp spi", test.not, &span(test.value.first, test.value.last)),
            Match::Ah(test) => self.test("ah spi", test.not, &span(test.value.first, test.value.last)),
            Match::Set { name: set, sides, not } => {
                // Of what the set's other parts are, the rule alone says nothing.
                let [side] = sides[..] else { return unknown() };
                let side = if side == Side::Source { "saddr" } else { "daddr" };
                let field = format!("{} {side}", self.ip());
                let value = format!("@{}", name(set.as_bytes())?);
                self.test(&field, *not, &value);
            }
            Match::State { states, .. } => {
                if states.value.and(StateSet::EXCLUSIVE) != states.value {
                    return unknown();
                }
                let words = states.value.to_string().to_ascii_lowercase();
                let value =
                    if words.contains(',') { format!("{{ {} }}", words.replace(',', ", ")) } else { words };
                self.test("ct state", states.not, &value);
            }
            Match::Mss(test) => {
                self.test("tcp option maxseg size", test.not, &span(test.value.first, test.value.last));
            }
            Match::Other { module, words } if *module == "limit" => match limit(words) {
                Some(text) => self.push(&text),
                None => return unknown(),
            },
            Match::Physdev { .. } | Match::Other { .. } | Match::Expression(_) => return unknown(),
        }
        Ok(())
    }

    fn log(&mut self, log: &Log) -> Result<()> {
        let limit = if log.nflog.is_some() { Log::NFLOG_PREFIX } else { Log::NFT_PREFIX };
        if log.prefix.is_empty() {
            self.push("log");
        } else {
            // nft takes a `$` in a prefix for one of its variables, and has no escape for it.
            if log.prefix.as_bytes().contains(&b'$') {
                return Err(WriteError::new(format!(
                    "nft cannot write the prefix `{}`: it has a $ in it",
                    log.prefix
                )));
            }
            self.quoted("log prefix", log.prefix.cut(limit))?;
        }
        if let Some(words) = &log.nflog {
            let group = match &words[..] {
                [] => "0",
                [option, group] if *option == "--nflog-group" => group.as_str().unwrap_or(""),
                _ => "",
            };
            if group.is_empty() || !group.bytes().all(|b| b.is_ascii_digit()) {
                return Err(WriteError::new("nft has no word for these options of NFLOG"));
            }
            self.push(&format!("group {group}"));
            return Ok(());
        }
        if let Some(level) = log.level {
            let words = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
            self.push(&format!("level {}", words.get(usize::from(level)).unwrap_or(&"warn")));
        }
        match (log.tcp_sequence, log.tcp_options) {
            (true, true) => self.push("flags tcp sequence,options"),
            (true, false) => self.push("flags tcp sequence"),
            (false, true) => self.push("flags tcp options"),
            _ => {}
        }
        for (on, word) in [(log.ip_options, "ip options"), (log.uid, "skuid"), (log.macdecode, "ether")] {
            if on {
                self.push(&format!("flags {word}"));
            }
        }
        Ok(())
    }

    fn target(&mut self, target: &Target) -> Result<()> {
        match target {
            Target::Continue => {}
            Target::Accept => self.push("accept"),
            Target::Drop => self.push("drop"),
            Target::Return => self.push("return"),
            Target::Queue => self.push("queue"),
            Target::Jump(chain) => {
                let chain = name(chain.as_bytes())?;
                self.push(&format!("jump {chain}"));
            }
            Target::Goto(chain) => {
                let chain = name(chain.as_bytes())?;
                self.push(&format!("goto {chain}"));
            }
            Target::Reject(with) => {
                let text = match with.as_str().unwrap_or("") {
                    "" | "icmp-port-unreachable" if !self.v6 && !self.inet => "reject",
                    "" => "reject",
                    "icmp-net-unreachable" => "reject with icmp type net-unreachable",
                    "icmp-host-unreachable" => "reject with icmp type host-unreachable",
                    "icmp-proto-unreachable" => "reject with icmp type prot-unreachable",
                    "icmp-port-unreachable" => "reject with icmp type port-unreachable",
                    "icmp-net-prohibited" => "reject with icmp type net-prohibited",
                    "icmp-host-prohibited" => "reject with icmp type host-prohibited",
                    "icmp-admin-prohibited" => "reject with icmp type admin-prohibited",
                    "tcp-reset" => "reject with tcp reset",
                    "icmp6-no-route" => "reject with icmpv6 type no-route",
                    "icmp6-adm-prohibited" => "reject with icmpv6 type admin-prohibited",
                    "icmp6-addr-unreachable" => "reject with icmpv6 type addr-unreachable",
                    "icmp6-port-unreachable" if self.v6 => "reject",
                    "icmp6-port-unreachable" => "reject with icmpv6 type port-unreachable",
                    "icmp6-policy-fail" => "reject with icmpv6 type policy-fail",
                    "icmp6-reject-route" => "reject with icmpv6 type reject-route",
                    _ => return Err(WriteError::new(format!("nft has no word for the answer `{with}`"))),
                };
                self.push(text);
            }
            Target::Other { name, words } => {
                let words: Vec<String> = words.iter().map(Text::to_string).collect();
                return Err(WriteError::new(format!("nft has no word for `-j {name} {}`", words.join(" "))));
            }
        }
        Ok(())
    }
}

/// Whether a match already says that the packet is of this protocol.
fn brings(m: &Match, protocol: Protocol) -> bool {
    match m {
        Match::Tcp(tcp) => protocol == Protocol::TCP && *tcp != Tcp::default(),
        Match::Ports(p) => p.protocol == protocol && (p.sport.is_some() || p.dport.is_some()),
        Match::Multiport { side, .. } => *side != PortSide::Either,
        Match::Icmp(test) => protocol == Protocol::ICMP && test.value.kind.is_some(),
        Match::Icmpv6(test) => protocol == Protocol::ICMPV6 && test.value.kind.is_some(),
        Match::Esp(_) => protocol == Protocol::ESP,
        Match::Ah(_) => protocol == Protocol::AH,
        Match::Mss(_) => protocol == Protocol::TCP,
        _ => false,
    }
}

fn protocol(protocol: Protocol) -> String {
    match protocol {
        Protocol::DCCP => String::from("dccp"),
        Protocol::ICMPV6 => String::from("ipv6-icmp"),
        _ => names::protocol_name(protocol).map_or_else(|| protocol.0.to_string(), str::to_owned),
    }
}

fn span<T: PartialEq + core::fmt::Display>(first: T, last: T) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn range(range: &AddressRange) -> String {
    if range.first == range.last { range.first.to_string() } else { address_range(range) }
}

/// A single address without its prefix length, as nft prints it.
fn bare(net: &str) -> String {
    let length = if net.contains(':') { "/128" } else { "/32" };
    net.strip_suffix(length).unwrap_or(net).to_owned()
}

/// nft refuses a set whose ranges overlap.
fn disjoint(ports: &[Range<u16>]) -> Vec<Range<u16>> {
    let mut list = ports.to_vec();
    list.sort_unstable();
    let mut out: Vec<Range<u16>> = Vec::new();
    for range in list {
        match out.last_mut() {
            Some(last) if last.last >= range.first => last.last = last.last.max(range.last),
            _ => out.push(range),
        }
    }
    out
}

/// An interface in quotes; `+` is nft's `*`.
fn interface(interface: &Interface) -> Result<String> {
    let (text, star) = match interface.wildcard() {
        Some(start) => (start, "*"),
        None => (interface.0.as_bytes(), ""),
    };
    match core::str::from_utf8(text) {
        Ok(text) if !text.contains(['"', '\n', '\0', '*', '\\']) => Ok(format!("\"{text}{star}\"")),
        _ => Err(WriteError::new(format!("nft cannot write the interface `{}`", interface.0))),
    }
}

/// `-m limit`'s words in nft's.
fn limit(words: &[Text]) -> Option<String> {
    let (mut rate, mut burst) = (None, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str()? {
            "--limit" => rate = words.next()?.as_str(),
            "--limit-burst" => burst = words.next()?.as_str(),
            _ => return None,
        }
    }
    let (count, unit) = rate?.split_once('/')?;
    let count: u32 = count.parse().ok()?;
    let unit = ["second", "minute", "hour", "day"].into_iter().find(|u| u.starts_with(unit))?;
    let burst: u32 = burst.unwrap_or("5").parse().ok()?;
    Some(format!("limit rate {count}/{unit} burst {burst} packets"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nft(text: &str) -> String {
        let (_, rule) = Rule::parse(text.as_bytes()).unwrap();
        match rule.to_nft(Family::Ipv4) {
            Ok(text) => String::from_utf8(text).unwrap(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn rules_in_nfts_words() {
        for (text, wanted) in [
            (
                "-p tcp -m multiport --dports 23,2323,8000:8100 -j DROP",
                "tcp dport { 23, 2323, 8000-8100 } drop",
            ),
            ("-p tcp --syn -j DROP", "tcp flags & 0x17 == 0x2 drop"),
            (
                "! -s 10.0.0.0/8 -i et+ ! -p udp -j DROP",
                "ip saddr != 10.0.0.0/8 iifname \"et*\" meta l4proto != udp drop",
            ),
            (
                "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "ct state { related, established } accept",
            ),
            ("-p icmp --icmp-type 3/1 -j X", "icmp type 3 icmp code 1 jump X"),
            ("-j LOG --log-prefix 'in ' --log-level info", "log prefix \"in \" level info"),
            ("-m limit --limit 5/min -j LOG", "limit rate 5/minute burst 5 packets log"),
            (
                "-j LOG --log-prefix 'a\"b'",
                "error: nft cannot write `a\\\"b`: it has no way to quote a quote or a line break",
            ),
            (
                "-m string --algo bm --string x -j DROP",
                "error: nft has no word for `-m string --algo bm --string x`",
            ),
        ] {
            assert_eq!(nft(text), wanted);
        }
    }

    #[test]
    fn a_chain_that_is_no_word_of_nft_is_an_error() {
        let (_, rule) = Rule::parse(b"-j DROP").unwrap();
        assert!(rule.to_nft_command(Family::Ipv4, b"filter", b"x; drop table ip filter").is_err());
        assert!(rule.to_nft_command(Family::Ipv4, b"filter", b"log").is_err());
        assert_eq!(
            rule.to_nft_command(Family::Ipv4, b"filter", b"MALICIOUS").unwrap(),
            "nft \"add rule ip filter MALICIOUS drop\""
        );
    }
}
