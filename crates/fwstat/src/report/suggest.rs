//! What `fwstat suggest` found: as a script with explanations, as a file for
//! `iptables-restore` or `nft`, as JSON.
//!
//! The script is what an admin would paste: everything that is not a command is a comment, so
//! that the whole of it can be piped into a shell.
//!
//! Responsible for: these forms.
//! Must not know: how noise is found.
//! Tested by: `tests/cli/suggest.rs` with the real tools.

use std::collections::BTreeMap;

use fwrules::{Match, Net, Rule, Target, Test, Text};
use logparse::Protocol;
use serde_json::{Map, Value, json};

use super::rules;
use super::style::{DIM, HEADING, KEY, WARN, percent};
use super::{Head, Table};
use crate::analysis::noise::dead::Dead;
use crate::analysis::noise::proof::{Samples, Taken};
use crate::analysis::noise::rules::Proposal;
use crate::analysis::noise::site::Site;
use crate::analysis::noise::sources::Lines;
use crate::analysis::noise::{Class, Friend, Host, Noise, Refused, Shape, Why, net_name};
use crate::options::Look;
use fwlog::text;
use fwlog::time::clock::{self, Clock, NANOS};

/// A proposed rule with its proof.
#[derive(Clone, Debug)]
pub struct Rated {
    /// The rule.
    pub proposal: Proposal,
    /// What it takes.
    pub taken: Taken,
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
    /// The rules.
    pub rules: Vec<Rated>,
    /// What remains, by reason.
    pub remain: BTreeMap<Option<Why>, u64>,
    /// Noise that no rule may silence.
    pub refused: Vec<Refused>,
    /// Hosts worth looking at.
    pub hosts: Vec<Host>,
    /// Trusted hosts at closed ports; whether the rules let them in elsewhere.
    pub friends: Vec<(Friend, bool)>,
    /// Rules of the chain that ask for the wrong protocol.
    pub dead: Vec<Dead>,
    /// Where this host wanted to go, most lines first.
    pub going: Vec<(String, u64)>,
    /// Redirections to a honeypot, by family.
    pub honeypot: Vec<(bool, Rule)>,
    /// The rulesets `[IPv4, IPv6]`.
    pub sites: [Site; 2],
    /// Sentences.
    pub notes: Vec<String>,
}

impl Suggestion {
    /// Lines that would still be written.
    #[must_use]
    pub fn after(&self) -> u64 {
        self.before - self.old - self.silenced()
    }

    /// Lines that the new rules take.
    #[must_use]
    pub fn silenced(&self) -> u64 {
        self.rules.iter().map(|rule| rule.taken.seen.lines).sum()
    }

    /// Lines taken that must stay visible.
    #[must_use]
    pub fn hidden(&self) -> u64 {
        self.rules.iter().flat_map(|rule| rule.taken.hides.values().map(|(lines, _)| lines)).sum()
    }
}

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

/// Comment lines, wrapped.
struct Page<'l> {
    look: &'l Look,
    width: usize,
    out: String,
}

impl<'l> Page<'l> {
    fn new(look: &'l Look) -> Page<'l> {
        Page { look, width: look.width.unwrap_or(100).clamp(40, 160), out: String::new() }
    }

    /// A comment, wrapped at blanks; further lines begin at `indent` as well.
    fn say(&mut self, indent: usize, style: anstyle::Style, sentence: &str) {
        self.wrap(indent, indent, style, sentence);
    }

    /// One of a list: further lines begin further in.
    fn item(&mut self, style: anstyle::Style, sentence: &str) {
        self.wrap(2, 4, style, sentence);
    }

    fn wrap(&mut self, first: usize, further: usize, style: anstyle::Style, sentence: &str) {
        let room = self.width.saturating_sub(further + 2).max(20);
        let mut line = String::new();
        let mut lines = Vec::new();
        for word in sentence.split(' ') {
            if !line.is_empty() && text::width(&line) + 1 + text::width(word) > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        for (i, line) in lines.into_iter().enumerate() {
            let indent = if i == 0 { first } else { further };
            let painted = self.look.paint(style, line.trim_end());
            self.out.push_str(&format!("# {}{painted}\n", " ".repeat(indent)));
        }
    }

    /// A comment on one line, shortened.
    fn cut(&mut self, indent: usize, style: anstyle::Style, sentence: &str) {
        let room = self.width.saturating_sub(indent + 2).max(20);
        let painted = self.look.paint(style, &text::shorten(sentence, room));
        self.out.push_str(&format!("# {}{painted}\n", " ".repeat(indent)));
    }

    /// Something to run; on a screen, on lines that fit.
    fn run(&mut self, command: &str) {
        for line in rules::folded(command, self.look.width) {
            self.out.push_str(&(self.look.paint(KEY, &line) + "\n"));
        }
    }

    /// Something that could be run, as a comment.
    fn could_run(&mut self, command: &str) {
        for line in rules::folded(command, self.look.width.map(|width| width.saturating_sub(6))) {
            self.out.push_str(&format!("#     {line}\n"));
        }
    }

    fn heading(&mut self, title: &str) {
        self.out.push('\n');
        self.say(0, HEADING, title);
    }

    fn blank(&mut self) {
        self.out.push('\n');
    }
}

const PLAIN: anstyle::Style = anstyle::Style::new();

/// A span of time for people, to the minute.
fn span(clock: &Clock, seen: &Lines) -> Option<String> {
    if seen.first == 0 {
        return None;
    }
    let of = |seconds: u32| {
        let text = clock::local_text(clock.at(i64::from(seconds) * NANOS).local_seconds());
        text[..text.len().min(16)].to_owned()
    };
    let (first, last) = (of(seen.first), of(seen.last));
    Some(if first == last {
        first
    } else if first[..10] == last[..10] {
        format!("{first} to {}", &last[11..])
    } else {
        format!("{first} to {last}")
    })
}

/// `12 sources`, `about 1,000,000 sources`.
fn sources(look: &Look, taken: &Taken) -> String {
    let (count, exact) = taken.sources.count();
    let about = if exact { "" } else { "about " };
    format!("{about}{}", look.count_of(count, "source", "sources"))
}

/// What packets some noise consists of, in a few words.
#[must_use]
pub fn shape(noise: &Noise) -> String {
    let list = |ports: &[u16]| {
        let shown: Vec<String> = ports.iter().take(8).map(u16::to_string).collect();
        let more = if ports.len() > 8 { ",..." } else { "" };
        shown.join(",") + more
    };
    let word = |protocol: u8| crate::analysis::noise::ground::protocol_word(protocol);
    match &noise.shape {
        Shape::Ports(protocol, ports) => format!("{} {}", word(*protocol), list(ports)),
        Shape::Replies(_, ports) if ports.is_empty() => "from any port".to_owned(),
        Shape::Replies(_, ports) => format!("from port {}", list(ports)),
        Shape::Flags(_) => "tcp".to_owned(),
        Shape::Icmp(kind) => format!("{} type {kind}", if noise.v6 { "icmpv6" } else { "icmp" }),
        Shape::Proto(protocol) => format!("protocol {protocol}"),
        Shape::Source(_, Some(protocol)) => format!("all of its {}", word(*protocol)),
        Shape::Source(_, None) => "all of its packets".to_owned(),
    }
}

/// Why a rule is proposed: a sentence.
#[must_use]
pub fn why(proposal: &Proposal) -> String {
    let names: Vec<&str> = proposal.noise.iter().map(|noise| noise.name.as_str()).collect();
    let what = match proposal.class {
        Class::Chatter => "sent to everybody on one network",
        Class::Radiation => "many sources, few packets each",
        Class::Scanner => "at many ports, loudly",
        Class::Backscatter => "answers that nobody asked for, from many sources",
        Class::Trash => "flags that no stack sends together",
        Class::Flood => "a good part of the log",
    };
    format!("{}: {} ({what})", proposal.class.title(), names.join(", "))
}

/// A rule that lets a friend in, as the guide has it.
fn friend_rule(friend: &Friend) -> Rule {
    let service = crate::analysis::noise::names::name(friend.protocol, friend.port);
    let protocol = Protocol(friend.protocol);
    let dport = Some(Test::is(fwrules::Range::one(friend.port)));
    let ports = if protocol == Protocol::TCP {
        Match::Tcp(fwrules::Tcp { dport, ..fwrules::Tcp::default() })
    } else {
        Match::Ports(fwrules::Ports { protocol, sport: None, dport })
    };
    Rule {
        protocol: Some(Test::is(protocol)),
        matches: vec![ports, Match::Comment(Text::from(format!("[{service} for friends]").as_str()))],
        target: Target::Jump(Text::from("FRIENDLY")),
        ..Rule::default()
    }
}

/// The commands that let a friend in.
fn friend_commands(suggestion: &Suggestion, friend: &Friend, known: bool) -> Vec<String> {
    let v6 = friend.addr.is_ipv6();
    let site = &suggestion.sites[usize::from(v6)];
    let has = |name: &[u8]| site.rules.tables[site.table].chain(name).is_some();
    let mut rule = friend_rule(friend);
    if site.assumed || (has(b"STDIN") && has(b"FRIENDLY")) {
        let mut commands = vec![rules::command(&rule, "STDIN", v6)];
        if !known {
            commands.push(format!("{} -I FRIENDLY -s {} -j ACCEPT", rules::program(v6), friend.addr));
        }
        return commands;
    }
    rule.source = Some(Test::is(Net::new(friend.addr, 128)));
    rule.target = Target::Accept;
    vec![rules::with_verb(&rule, "INPUT", v6, "-I")]
}

/// The script.
#[must_use]
pub fn script(look: &Look, clock: &Clock, head: &Head, s: &Suggestion, verb: Verb) -> String {
    let mut page = Page::new(look);
    if look.header {
        summary(&mut page, clock, head, s);
    }
    for v6 in [false, true] {
        if verb != Verb::Undo && s.rules.iter().any(|rule| rule.proposal.v6 == v6) {
            setup(&mut page, s, v6, verb);
        }
    }
    for (number, rated) in s.rules.iter().enumerate() {
        if look.header && verb != Verb::Undo {
            page.blank();
            explain(&mut page, clock, s, number, rated);
        }
        let (rule, v6) = (&rated.proposal.rule, rated.proposal.v6);
        let command = match verb {
            Verb::Add => rules::command(rule, &s.chain, v6),
            Verb::AddOnce => rules::idempotent(rule, &s.chain, v6),
            Verb::Undo => rules::with_verb(rule, &s.chain, v6, "-D"),
        };
        page.run(&command);
    }
    if verb != Verb::Undo {
        honeypot(&mut page, s);
    }
    if look.header && verb != Verb::Undo {
        rest(&mut page, clock, head, s);
    }
    page.out
}

fn summary(page: &mut Page<'_>, clock: &Clock, head: &Head, s: &Suggestion) {
    let look = page.look;
    let files = match &head.files[..] {
        [one] if one == "-" => "standard input".to_owned(),
        [one] => text::escape(one.as_bytes()),
        many => look.count_of(many.len() as u64, "file", "files"),
    };
    let lines = look.count_of(s.before, "packet", "packets");
    let mut first = format!("{files}: {lines}");
    if let Some((since, until)) = head.span {
        let seconds = |when: clock::When| u32::try_from(when.utc.div_euclid(NANOS)).unwrap_or(0);
        let all = Lines { lines: 0, first: seconds(since), last: seconds(until) };
        if let Some(span) = span(clock, &all) {
            first += &format!(", {span}");
        }
    }
    page.say(0, HEADING, &first);
    if s.old > 0 {
        let old = look.count_of(s.old, "line", "lines");
        page.say(0, PLAIN, &format!("Rules that are there already take {old}; they come first."));
    }
    if s.before == 0 {
        page.say(0, PLAIN, "No packets: nothing to silence.");
        return;
    }
    if s.rules.is_empty() {
        page.say(
            0,
            PLAIN,
            "No noise that a rule could silence without hiding something else: nothing to add.",
        );
        return;
    }
    let open = s.before - s.old;
    let count = look.count_of(s.rules.len() as u64, "rule silences", "rules silence");
    page.say(
        0,
        PLAIN,
        &format!(
            "{count} {} of {} lines ({}); {} remain.",
            look.number(s.silenced()),
            look.number(open),
            percent(s.silenced(), open),
            look.number(s.after())
        ),
    );
    match s.hidden() {
        0 => page.say(0, PLAIN, "Nothing that must stay visible is hidden: every line was replayed."),
        n => page.say(
            0,
            WARN,
            &format!(
                "They also hide {} that should stay visible: see below.",
                look.count_of(n, "line", "lines")
            ),
        ),
    }
    if s.unknown > 0 {
        let unknown = look.count_of(s.unknown, "line", "lines");
        page.say(
            0,
            PLAIN,
            &format!("Of {unknown} the log does not tell enough to say what the rules would do."),
        );
    }
}

/// The chain, where it is not there or not known.
fn setup(page: &mut Page<'_>, s: &Suggestion, v6: bool, verb: Verb) {
    let site = &s.sites[usize::from(v6)];
    let program = rules::program(v6);
    let chain = fwrules::shell_quote(s.chain.as_bytes());
    if site.assumed {
        if page.look.header {
            page.blank();
            let family = if v6 { "IPv6" } else { "IPv4" };
            page.say(
                0,
                DIM,
                &format!(
                    "{family}: no ruleset was given (--rules). Assumed: INPUT asks {} behind ACCEPT of \
                     RELATED,ESTABLISHED and in front of everything that logs. If the chain is not there:",
                    s.chain
                ),
            );
            page.could_run(&format!("{program} -N {chain}"));
            page.could_run(&format!("{program} -I INPUT 2 -j {chain}"));
        }
        return;
    }
    if site.made || site.hung.is_some() {
        page.blank();
        if page.look.header {
            page.say(
                0,
                WARN,
                &format!("The ruleset has no chain {} that INPUT asks: it comes first.", s.chain),
            );
        }
        if site.made {
            let quiet = if verb == Verb::AddOnce { " 2>/dev/null" } else { "" };
            page.run(&format!("{program} -N {chain}{quiet}"));
        }
        if let Some(at) = site.hung {
            let ask = match verb {
                Verb::AddOnce => format!("{program} -C INPUT -j {chain} 2>/dev/null || "),
                _ => String::new(),
            };
            page.run(&format!("{ask}{program} -I INPUT {at} -j {chain}"));
        }
    }
}

fn explain(page: &mut Page<'_>, clock: &Clock, s: &Suggestion, number: usize, rated: &Rated) {
    let look = page.look;
    let (proposal, taken) = (&rated.proposal, &rated.taken);
    let names: Vec<&str> = proposal.noise.iter().map(|noise| noise.name.as_str()).collect();
    let v6 = if proposal.v6 { " (IPv6)" } else { "" };
    page.say(0, HEADING, &format!("{}. {}{v6}: {}", number + 1, proposal.class.title(), names.join(", ")));
    let mut facts = format!(
        "{} ({}), {}",
        look.count_of(taken.seen.lines, "line", "lines"),
        percent(taken.seen.lines, s.before - s.old),
        sources(look, taken)
    );
    if let Some(span) = span(clock, &taken.seen) {
        facts += &format!(", {span}");
    }
    if taken.maybe > 0 {
        facts += &format!("; perhaps {} more, which do not tell enough", look.number(taken.maybe));
    }
    page.say(3, PLAIN, &facts);
    if proposal.noise.len() > 1 {
        let width = proposal.noise.iter().map(|noise| text::width(&noise.name)).max().unwrap_or(0).min(24);
        let digits =
            proposal.noise.iter().map(|noise| look.number(noise.seen.lines).len()).max().unwrap_or(0);
        for noise in &proposal.noise {
            let lines = look.number(noise.seen.lines);
            let name = text::shorten(&noise.name, width);
            let pad = " ".repeat(width - text::width(&name));
            page.cut(3, DIM, &format!("{lines:>digits$}  {name}{pad}  {}", shape(noise)));
        }
    }
    if let Some(why) = proposal.noise.iter().find_map(|noise| noise.narrow) {
        page.say(3, PLAIN, &format!("only to these destinations: else it would hide {}", why.title()));
    }
    if !proposal.spared.is_empty() {
        let nets: Vec<String> = proposal.spared.iter().map(net_name).collect();
        page.say(3, PLAIN, &format!("not {}: what they send stays visible", nets.join(", ")));
    }
    for (why, (lines, samples)) in &taken.hides {
        let lines = look.count_of(*lines, "line", "lines");
        page.say(3, WARN, &format!("also hides {lines} of {}", why.title()));
        for (_, raw) in samples.iter().take(1) {
            page.cut(3, WARN, &sample(raw, page.width));
        }
    }
    if let Some((_, raw)) = taken.samples.first() {
        page.cut(3, DIM, &sample(raw, page.width));
    }
}

/// A line for people: as it stands if it fits, else what tells packets apart, and of that the
/// more telling.
fn sample(raw: &[u8], width: usize) -> String {
    let whole = text::escape(raw.trim_ascii_end());
    if text::width(&whole) + 5 <= width {
        return whole;
    }
    let Ok(entry) = logparse::parse(raw) else { return whole };
    let packet = &entry.packet;
    let named = |key: &str, value: Option<String>| value.map(|value| format!("{key}={value}"));
    // The words in their order, and which of them goes first if there is no room.
    let mut words: Vec<(u8, String)> = [
        (2, Some(text::escape(packet.prefix.trim_ascii_end()))),
        (3, named("IN", Some(text::escape(packet.in_iface)))),
        (9, named("SRC", packet.src().map(|addr| addr.to_string()))),
        (5, named("DST", packet.dst().map(|addr| addr.to_string()))),
        (8, named("PROTO", packet.protocol().map(|protocol| protocol.to_string()))),
        (4, named("SPT", packet.sport().map(|port| port.to_string()))),
        (9, named("DPT", packet.dport().map(|port| port.to_string()))),
        (7, packet.tcp_flags().map(|flags| flags.to_string())),
    ]
    .into_iter()
    .filter_map(|(rank, word)| Some((rank, word.filter(|word| !word.is_empty())?)))
    .collect();
    loop {
        let line = words.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(" ");
        let first = words.iter().map(|(rank, _)| *rank).min().filter(|rank| *rank < 9);
        match first {
            Some(rank) if text::width(&line) + 5 > width => words.retain(|(own, _)| *own != rank),
            _ => return line,
        }
    }
}

fn honeypot(page: &mut Page<'_>, s: &Suggestion) {
    if s.honeypot.is_empty() {
        return;
    }
    page.heading("Strangers at services for friends, to the honeypot");
    for (v6, rule) in &s.honeypot {
        let command = rules::command(rule, "PREROUTING", *v6);
        let program = rules::program(*v6);
        page.run(&command.replacen(program, &format!("{program} -t nat"), 1));
    }
}

/// Everything behind the rules.
fn rest(page: &mut Page<'_>, clock: &Clock, head: &Head, s: &Suggestion) {
    let look = page.look;
    if !s.remain.is_empty() {
        page.heading("What remains");
        let mut rows: Vec<(u64, &str)> = s
            .remain
            .iter()
            .map(|(why, lines)| {
                (*lines, why.map_or("noise for which no rule is worth its place", Why::title))
            })
            .collect();
        rows.sort_by_key(|(lines, title)| (std::cmp::Reverse(*lines), *title));
        let digits = rows.iter().map(|(lines, _)| look.number(*lines).len()).max().unwrap_or(0);
        for (lines, title) in rows {
            page.cut(2, PLAIN, &format!("{:>digits$}  {title}", look.number(lines)));
        }
    }
    let suspects: Vec<&Host> = s.hosts.iter().filter(|host| host.scans).collect();
    if !suspects.is_empty() || !s.going.is_empty() {
        page.heading("Look at these");
    }
    for host in suspects.iter().take(10) {
        let who = match host.why {
            Why::Own => "in your own network, tries",
            _ if host.tried.len() > 1 => "quietly, again and again,",
            _ => "comes again and again to",
        };
        let tried: Vec<String> = host
            .tried
            .iter()
            .take(6)
            .map(|(name, lines)| format!("{name} ({})", look.number(*lines)))
            .collect();
        let more = if host.tried.len() > 6 { ", ..." } else { "" };
        let when = span(clock, &host.seen).map_or(String::new(), |span| format!(", {span}"));
        page.item(WARN, &format!("{} {who} {}{more}{when}", host.addr, tried.join(", ")));
    }
    if suspects.len() > 10 {
        page.item(PLAIN, &format!("and {} more hosts", suspects.len() - 10));
    }
    for (what, lines) in s.going.iter().take(5) {
        page.item(
            WARN,
            &format!("this host wanted to go to {what}: {}", look.count_of(*lines, "line", "lines")),
        );
    }
    if !s.dead.is_empty() {
        page.heading("Rules that take nothing");
        for dead in &s.dead {
            let (old, better) = (dead.rule.protocol, dead.better.protocol);
            let word = |test: Option<Test<Protocol>>| {
                test.map_or(String::new(), |test| test.value.to_string().to_lowercase())
            };
            page.item(
                PLAIN,
                &format!(
                    "{} {} asks for {}; the packets are {} ({}). Better:",
                    s.chain,
                    dead.number,
                    word(old),
                    word(better),
                    look.count_of(dead.lines, "line", "lines")
                ),
            );
            let replace = rules::with_verb(&dead.better, &s.chain, dead.v6, "-R");
            let chain = fwrules::shell_quote(s.chain.as_bytes());
            page.could_run(&replace.replacen(&chain, &format!("{chain} {}", dead.number), 1));
        }
    }
    if !s.refused.is_empty() {
        page.heading("No rule for");
        for refused in &s.refused {
            let lines = look.count_of(refused.lines, "line", "lines");
            page.item(PLAIN, &format!("{} ({lines}): {}", refused.name, refused.why));
        }
    }
    if !s.friends.is_empty() {
        page.heading("Friends at closed doors. To let them in (not part of the rules above):");
        for (friend, known) in &s.friends {
            let lines = look.count_of(friend.seen.lines, "line", "lines");
            let protocol = Protocol(friend.protocol).to_string().to_lowercase();
            page.item(PLAIN, &format!("{} at {protocol} {}: {lines}", friend.addr, friend.port));
            for command in friend_commands(s, friend, *known) {
                page.could_run(&command);
            }
        }
    }
    if !s.rules.is_empty() && look.width.is_some() {
        page.heading("To take the rules away again: the same command with --undo");
    } else if !s.rules.is_empty() {
        page.heading("To take the rules away again (or: --undo)");
        for rated in &s.rules {
            page.could_run(&rules::with_verb(&rated.proposal.rule, &s.chain, rated.proposal.v6, "-D"));
        }
    }
    if !s.notes.is_empty() || !head.notes.is_empty() {
        page.blank();
        for note in s.notes.iter().chain(&head.notes) {
            page.say(0, DIM, note);
        }
    }
}

/// A file for `iptables-restore --noflush` (and one for `ip6tables-restore`).
///
/// With a ruleset at hand the chain is written whole, with the rules it has, so that reading
/// the file twice is the same as once. Without one the rules are added.
#[must_use]
pub fn restore(look: &Look, s: &Suggestion, v6_only: Option<bool>) -> String {
    let mut out = String::new();
    for v6 in [false, true] {
        if v6_only.is_some_and(|only| only != v6) || !s.rules.iter().any(|rule| rule.proposal.v6 == v6) {
            continue;
        }
        let site = &s.sites[usize::from(v6)];
        let mut page = Page::new(look);
        if look.header {
            let tool = if v6 { "ip6tables-restore" } else { "iptables-restore" };
            page.say(0, PLAIN, &format!("For {tool} --noflush:"));
            if site.assumed {
                page.say(0, PLAIN, &format!("adds to chain {}, which must be there", s.chain));
            } else {
                page.say(0, PLAIN, &format!("chain {} whole, with the rules it has", s.chain));
            }
        }
        out.push_str(&page.out);
        out.push_str("*filter\n");
        if !site.assumed {
            out.push_str(&format!(":{} - [0:0]\n", s.chain));
            if let Some(at) = site.hung {
                out.push_str(&format!("-I INPUT {at} -j {}\n", s.chain));
            }
            for rule in &site.chain_rules()[..site.before] {
                out.push_str(&(rules::restore(rule, &s.chain) + "\n"));
            }
        }
        for rated in s.rules.iter().filter(|rated| rated.proposal.v6 == v6) {
            out.push_str(&(rules::restore(&rated.proposal.rule, &s.chain) + "\n"));
        }
        out.push_str("COMMIT\n");
        let nat: Vec<&Rule> = s.honeypot.iter().filter(|(f, _)| *f == v6).map(|(_, rule)| rule).collect();
        if !nat.is_empty() {
            out.push_str("*nat\n");
            for rule in nat {
                out.push_str(&(rules::restore(rule, "PREROUTING") + "\n"));
            }
            out.push_str("COMMIT\n");
        }
    }
    if out.is_empty() {
        out.push_str("# no noise that a rule could silence: nothing to add\n");
    }
    out
}

/// A file for `nft -f`.
#[must_use]
pub fn nft(look: &Look, s: &Suggestion) -> String {
    let mut out = String::new();
    for v6 in [false, true] {
        let list: Vec<&Rated> = s.rules.iter().filter(|rated| rated.proposal.v6 == v6).collect();
        if list.is_empty() {
            continue;
        }
        let table = if v6 { "ip6" } else { "ip" };
        if look.header {
            out.push_str(&format!("# for nft -f: adds to chain {} of table {table} filter\n", s.chain));
        }
        let name: String = s
            .chain
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
            .collect();
        out.push_str(&format!("table {table} filter {{\n\tchain {name} {{\n"));
        for rated in list {
            match rules::nft(&rated.proposal.rule) {
                Ok(rule) => out.push_str(&format!("\t\t{rule}\n")),
                Err(error) => out.push_str(&format!("\t\t# {error}\n")),
            }
        }
        out.push_str("\t}\n}\n");
    }
    if out.is_empty() {
        out.push_str("# no noise that a rule could silence: nothing to add\n");
    }
    out
}

fn sample_of(samples: &Samples) -> Value {
    samples.first().map_or(Value::Null, |(_, raw)| super::json::bytes(raw))
}

/// The document.
#[must_use]
pub fn json(clock: &Clock, head: &Head, s: &Suggestion) -> Vec<u8> {
    let moment = |seconds: u32| {
        if seconds == 0 {
            Value::Null
        } else {
            json!(clock::utc_text(clock.at(i64::from(seconds) * NANOS).utc))
        }
    };
    let noise = |noise: &Noise| {
        json!({
            "name": noise.name,
            "class": noise.class.word(),
            "what": shape(noise),
            "lines": noise.seen.lines,
            "sources": noise.sources,
        })
    };
    let rule = |rated: &Rated| {
        let (proposal, taken) = (&rated.proposal, &rated.taken);
        let (count, exact) = taken.sources.count();
        let hides: Map<String, Value> = taken
            .hides
            .iter()
            .map(|(why, (lines, samples))| {
                (why.word().to_owned(), json!({ "lines": lines, "sample": sample_of(samples) }))
            })
            .collect();
        json!({
            "rule": rules::restore(&proposal.rule, &s.chain),
            "family": if proposal.v6 { 6 } else { 4 },
            "lines": taken.seen.lines,
            "perhaps": taken.maybe,
            "share": Table::share(taken.seen.lines, s.before),
            "sources": count,
            "sources_exact": exact,
            "first": moment(taken.seen.first),
            "last": moment(taken.seen.last),
            "why": why(proposal),
            "sample": sample_of(&taken.samples),
            "hides": hides,
            "class": proposal.class.word(),
            "noise": proposal.noise.iter().map(noise).collect::<Vec<_>>(),
            "spares": proposal.spared.iter().map(net_name).collect::<Vec<_>>(),
            "command": rules::command(&proposal.rule, &s.chain, proposal.v6),
            "undo": rules::with_verb(&proposal.rule, &s.chain, proposal.v6, "-D"),
            "nft": rules::nft(&proposal.rule).ok(),
        })
    };
    let remain: Map<String, Value> = s
        .remain
        .iter()
        .map(|(why, lines)| (why.map_or("noise", Why::word).to_owned(), json!(lines)))
        .collect();
    let host = |host: &Host| {
        let tried: Vec<Value> =
            host.tried.iter().map(|(name, lines)| json!({ "service": name, "lines": lines })).collect();
        json!({
            "src": host.addr, "lines": host.seen.lines, "first": moment(host.seen.first),
            "last": moment(host.seen.last), "why": host.why.word(), "scans": host.scans, "tried": tried,
        })
    };
    let friend = |(friend, known): &(Friend, bool)| {
        json!({
            "src": friend.addr, "proto": Protocol(friend.protocol).to_string(), "dpt": friend.port,
            "lines": friend.seen.lines, "first": moment(friend.seen.first), "last": moment(friend.seen.last),
            "rule": rules::restore(&friend_rule(friend), "STDIN"),
            "commands": friend_commands(s, friend, *known),
        })
    };
    let dead = |dead: &Dead| {
        json!({
            "chain": s.chain, "index": dead.number, "rule": rules::restore(&dead.rule, &s.chain),
            "better": rules::restore(&dead.better, &s.chain), "lines": dead.lines,
            "family": if dead.v6 { 6 } else { 4 },
        })
    };
    let refused: Vec<Value> =
        s.refused.iter().map(|r| json!({ "name": r.name, "lines": r.lines, "why": r.why })).collect();
    let honeypot: Vec<Value> = s
        .honeypot
        .iter()
        .map(|(v6, rule)| json!({ "table": "nat", "family": if *v6 { 6 } else { 4 }, "rule": rules::restore(rule, "PREROUTING") }))
        .collect();
    let mut document = super::json::head("fwstat.suggest/1", head);
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
    put("rules", s.rules.iter().map(rule).collect());
    put("remain", Value::Object(remain));
    put("refused", json!(refused));
    put("friends", s.friends.iter().map(friend).collect());
    put("hosts", s.hosts.iter().map(host).collect());
    put("dead", s.dead.iter().map(dead).collect());
    put("honeypot", json!(honeypot));
    put("notes", json!(s.notes));
    super::json::print(&Value::Object(document))
}
