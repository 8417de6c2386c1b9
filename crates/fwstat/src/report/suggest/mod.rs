//! What `fwstat suggest` found: as a script with explanations, as a file for
//! `iptables-restore` or `nft`, as JSON.
//!
//! The script is what an admin would paste: everything that is not a command is a comment, so
//! that the whole of it can be piped into a shell.
//!
//! Responsible for: these forms.
//! Must not know: how noise is found.
//! Tested by: `tests/cli/suggest.rs` with the real tools.

use fwlog::sorting::InOrder as _;
use std::collections::{BTreeMap, BTreeSet};

use fwrules::{Address, Net, Rule, Side, Target, Test, Text};
use logparse::Protocol;

use self::page::Page;
use super::next::{Command, fitted};
use super::style::{DIM, HEADING, WARN, percent};
use super::{Head, rules};
use crate::analysis::suggest::candidate::Reason;
use crate::analysis::suggest::chain::{Proposal, port_name};
use crate::analysis::suggest::lines::Lines;
use crate::analysis::suggest::proof::Taken;
use crate::analysis::suggest::scanners::{Left, Scanner};
use crate::analysis::suggest::suggestion::{Rated, Suggestion};
use crate::analysis::suggest::watch::{Friend, Host, OWN};
use crate::report::style::RenderOptions;
use fwlog::text;
use fwlog::time::clock::{self, Clock, NANOS};

mod forms;
mod host;
mod page;

pub use forms::{json, nft, restore};
pub use host::Verb;

const PLAIN: anstyle::Style = anstyle::Style::new();

/// A span of time for people, to the minute.
#[must_use]
pub fn span(clock: &Clock, seen: &Lines) -> Option<String> {
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
#[must_use]
pub fn sources(look: &RenderOptions, taken: &Taken) -> String {
    let (count, exact) = taken.sources.count();
    let about = if exact { "" } else { "about " };
    format!("{about}{}", look.count_of(count, "source", "sources"))
}

/// Why a rule is proposed: a sentence.
#[must_use]
pub fn why(proposal: &Proposal) -> String {
    let Some(reason) = proposal.reason else {
        return format!("exception: {}", proposal.what);
    };
    let because = match reason {
        Reason::Chatter => "broadcast or multicast on the link, and asks only",
        Reason::Steady => "the same few packets all the time; a decision",
        Reason::Radiation => "a crowd of networks, in most parts of the log",
        Reason::Backscatter => "answers to nothing this host asked",
        Reason::Scanner => "very many ports, for most of the log",
        Reason::Spoofed => "sources that no router should bring",
    };
    format!("{}: {} ({because})", reason.title(), proposal.what)
}

/// A rule that lets a friend in, as the guide has it.
fn friend_rule(friend: &Friend) -> Rule {
    let service = port_name(friend.protocol, friend.port);
    let protocol = Protocol(friend.protocol);
    let dport = Some(Test::is(fwrules::Range::one(friend.port)));
    let mut rule = Rule { target: Target::Jump(Text::from("FRIENDLY")), ..Rule::default() };
    rule.set(Test::is(protocol));
    if protocol == Protocol::TCP {
        rule.set(fwrules::Tcp { dport, ..fwrules::Tcp::default() });
    } else {
        rule.set(fwrules::Ports { protocol, sport: None, dport });
    }
    rule.set(Text::from(format!("[{service} for friends]").as_str()));
    rule
}

/// The commands that let a friend in.
#[must_use]
pub fn friend_commands(suggestion: &Suggestion, friend: &Friend, known: bool) -> Vec<String> {
    let v6 = friend.addr.is_ipv6();
    let site = &suggestion.sites[usize::from(v6)];
    let has = |name: &[u8]| site.rules.tables[site.table].chain(name).is_some();
    let mut rule = friend_rule(friend);
    if site.rules.nft {
        return Vec::new();
    }
    if site.assumed || (has(b"STDIN") && has(b"FRIENDLY")) {
        let mut commands = vec![rules::command(&rule, "STDIN", v6)];
        if !known {
            commands.push(format!("{} -I FRIENDLY -s {} -j ACCEPT", rules::program(v6), friend.addr));
        }
        return commands;
    }
    rule.set(Address { side: Side::Source, net: Test::is(Net::new(friend.addr, 128)) });
    rule.target = Target::Accept;
    vec![rules::command_as(fwrules::Verb::Insert, &rule, "INPUT", v6)]
}

/// Trusted hosts that are named on a screen; a pipe has all.
const FRIENDS: usize = 5;

/// The script.
#[must_use]
pub fn script(
    look: &RenderOptions,
    clock: &Clock,
    head: &Head,
    s: &Suggestion,
    verb: Verb,
    next: &[Command],
) -> String {
    let mut page = Page::new(look);
    if look.header {
        summary(&mut page, clock, head, s);
    }
    if verb == Verb::Undo {
        // The last command first: a chain goes when nothing jumps to it and no rule is in it.
        let redirect = s.honeypot.iter().rev().filter_map(|command| command.undo.clone());
        let rules = [false, true].into_iter().flat_map(|v6| host::undo(s, v6));
        redirect.chain(rules).for_each(|command| page.run(&command));
        if look.header && !s.honeypot.is_empty() {
            page.say(0, DIM, "Forwarding stays on: whether it was on before is not known.");
        }
        return page.out;
    }
    for v6 in [false, true] {
        if s.rules.iter().any(|rule| rule.proposal.v6 == v6) {
            setup(&mut page, s, v6, verb);
        }
    }
    let mut number = 0;
    let mut exceptions = false;
    for rated in &s.rules {
        if look.header {
            if rated.proposal.drops() {
                number += 1;
                page.blank();
                explain(&mut page, clock, s, number, rated);
            } else if !exceptions {
                page.blank();
                page.say(0, DIM, "Exceptions, made once: what they match is never dropped.");
            }
            exceptions = !rated.proposal.drops();
        }
        page.run(&host::rule(s, rated, verb));
    }
    honeypot(&mut page, s, verb);
    if look.header {
        rest(&mut page, head, s);
        if s.before > 0 {
            page.heading("Next:");
            let widest = next.iter().map(|(command, _)| text::width(command)).max().unwrap_or(0);
            let room = look.width.map(|width| width.saturating_sub(8));
            for (command, what) in next {
                let beside = format!("{command:widest$}  # {what}");
                let fits = room.is_none_or(|room| text::width(&beside) <= room);
                let Some(lines) = fitted(if fits { &beside } else { command }, room) else { continue };
                lines.iter().for_each(|line| page.as_it_is(line));
            }
        }
        let long = look.rows.is_some_and(|rows| page.out.lines().count() >= rows);
        if long && let Some(recap) = recap(look, s) {
            page.blank();
            page.say(0, HEADING, &recap);
        }
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
        page.say(0, PLAIN, &format!("Your existing rules already drop {old} and are evaluated first."));
    }
    if s.before == 0 {
        page.say(0, PLAIN, "No packets: nothing to silence.");
        return;
    }
    if s.drops().next().is_none() {
        page.say(
            0,
            PLAIN,
            "No noise that a rule could silence without hiding something else: nothing to add.",
        );
        return;
    }
    if let Some(recap) = recap(look, s) {
        page.say(0, PLAIN, &recap);
    }
    match s.hidden() {
        0 => page.say(0, PLAIN, "Verified by replay: no line you need to see would be hidden."),
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
            &format!("For {unknown} the log lacks the information to predict what the rules would do."),
        );
    }
}

/// The numbers that the whole script is about.
#[must_use]
pub fn recap(look: &RenderOptions, s: &Suggestion) -> Option<String> {
    s.drops().next()?;
    let open = s.before - s.old;
    let count = look.count_of(s.drops().count() as u64, "rule silences", "rules silence");
    Some(format!(
        "{count} {} of {} lines ({}); {} remain.",
        look.number(s.silenced()),
        look.number(open),
        percent(s.silenced(), open),
        look.number(s.after())
    ))
}

/// The chain, where it is not there or not known.
fn setup(page: &mut Page<'_>, s: &Suggestion, v6: bool, verb: Verb) {
    let site = &s.sites[usize::from(v6)];
    let program = rules::program(v6);
    let chain = fwrules::shell_quote(s.chain.as_bytes());
    if site.assumed && page.look.header {
        page.blank();
        let family = if v6 { "IPv6" } else { "IPv4" };
        page.say(
            0,
            DIM,
            &format!(
                "{family}: no ruleset was given (--rules). Assumed: INPUT jumps to {} after ACCEPT of \
                     RELATED,ESTABLISHED and before any LOG rule. If it does not:",
                s.chain
            ),
        );
        page.could_run(&format!("{program} -I INPUT 2 -j {chain}"));
    }
    let commands = host::before(s, v6, verb);
    if commands.is_empty() {
        return;
    }
    page.blank();
    if page.look.header && site.rules.nft {
        page.say(
            0,
            WARN,
            "A table beside the others, before their filter chains; lo and known connections pass it by.",
        );
    } else if page.look.header && (site.made || site.hung.is_some()) {
        page.say(0, WARN, &format!("INPUT does not jump to a chain {}: it comes first.", s.chain));
        if site.forwarded {
            page.say(
                0,
                PLAIN,
                "New connections to containers are forwarded; they come to it by DOCKER-USER.",
            );
        }
    }
    commands.iter().for_each(|command| page.run(command));
}

fn explain(page: &mut Page<'_>, clock: &Clock, s: &Suggestion, number: usize, rated: &Rated) {
    let look = page.look;
    let (proposal, taken) = (&rated.proposal, &rated.taken);
    let title = proposal.reason.map_or("exception", Reason::title);
    let v6 = if proposal.v6 { " (IPv6)" } else { "" };
    page.say(0, HEADING, &format!("{number}. {title}{v6}: {}", proposal.what));
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
    let shown: Vec<String> =
        proposal.ports.iter().map(|(port, lines)| format!("{port} ({})", look.number(*lines))).collect();
    if shown.len() > 1 {
        page.say(3, DIM, &format!("ports: {}", shown.join(", ")));
    }
    if rated.accepted {
        page.say(
            3,
            WARN,
            "accepted today: the rules log these packets and let them in; this rule drops them",
        );
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

fn honeypot(page: &mut Page<'_>, s: &Suggestion, verb: Verb) {
    if s.honeypot.is_empty() {
        return;
    }
    page.heading("Redirect untrusted sources on restricted services to the honeypot");
    for command in &s.honeypot {
        page.say(2, DIM, command.why);
        page.run(&match verb {
            Verb::AddOnce => command.once(),
            _ => command.command.clone(),
        });
    }
    page.say(
        0,
        WARN,
        "Near hits on these ports are then logged under the prefix `honeypot `, no longer by INPUT's rules.",
    );
}

/// What remains, by reason: lines and what they are, the most lines first.
#[must_use]
pub fn remains(s: &Suggestion) -> Vec<(u64, &'static str)> {
    let mut rows: Vec<(u64, &str)> = s.remain.iter().map(|(why, lines)| (*lines, why.title())).collect();
    rows.push((s.noise_left - s.declined, "noise not worth a rule"));
    rows.push((s.declined, "noise of rules that you declined"));
    rows.push((s.unusual, "unusual packets"));
    rows.retain(|(lines, _)| *lines > 0);
    rows.order_by_key(|(lines, title)| (std::cmp::Reverse(*lines), *title));
    rows
}

/// Hosts worth a look, scans, and where this host wanted to go.
fn look_at(page: &mut Page<'_>, s: &Suggestion) {
    let look = page.look;
    let rows = hosts_and_scans(s);
    if rows.is_empty() && s.going.is_empty() && s.scanners.is_empty() {
        return;
    }
    page.heading("Look at these");
    for (host, others) in rows.iter().take(10) {
        let tried = host.tried.iter().take(6);
        let mut tried: Vec<String> =
            tried.map(|tried| format!("{} ({})", tried.service, look.number(tried.lines))).collect();
        tried.extend((host.tried.len() > 6).then(|| "...".to_owned()));
        page.item(WARN, &format!("{}: {}", host_words(host, *others), tried.join(", ")));
    }
    if rows.len() > 10 {
        page.item(PLAIN, &format!("and {} more hosts", rows.len() - 10));
    }
    if let Some(sentence) = scans_sentence(look, &s.scanners) {
        page.item(PLAIN, &sentence);
    }
    for (what, lines) in s.going.iter().take(5) {
        page.item(WARN, &format!("blocked outgoing: {what}, {}", look.count_of(*lines, "line", "lines")));
    }
}

/// Hosts worth a look, one of each campaign, with the number of the campaign's other sources.
#[must_use]
pub fn hosts_and_scans(s: &Suggestion) -> Vec<(&Host, usize)> {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let others = |host: &Host| {
        let own = s.scanners.iter().find(|scan| host.campaign.is_some() && host.campaign == scan.id);
        own.map_or(0, |scan| scan.sources - 1)
    };
    let suspects = s.hosts.iter().filter(|host| host.suspect);
    let first = suspects.filter(|host| host.campaign.as_deref().is_none_or(|id| told.insert(id)));
    first.map(|host| (host, others(host))).collect()
}

/// What a host does, with its address.
#[must_use]
pub fn host_words(host: &Host, others: usize) -> String {
    let who = match others {
        0 => host.src.to_string(),
        1 => format!("{} and another source", host.src),
        _ => format!("{} and {others} other sources", host.src),
    };
    let campaign = host.campaign.as_ref().map_or(String::new(), |id| format!(" (campaign {id})"));
    match host.why {
        OWN => format!("local host {who} probes{campaign}"),
        "slow_scan" => format!("slow scan from {who}{campaign}"),
        "scan" => format!("scan from {who}{campaign}"),
        _ => format!("repeated attempts from {who}"),
    }
}

/// How many campaigns there are, and what becomes of them.
fn scans_sentence(look: &RenderOptions, scanners: &[Scanner]) -> Option<String> {
    if scanners.is_empty() {
        return None;
    }
    let mut left: BTreeMap<Left, u64> = BTreeMap::new();
    scanners.iter().filter_map(|scan| scan.left).for_each(|why| *left.entry(why).or_default() += 1);
    let taken = scanners.iter().filter(|scan| scan.left.is_none()).count() as u64;
    let mut parts = Vec::new();
    parts.extend((taken > 0).then(|| format!("{} no longer logged", look.number(taken))));
    parts.extend(left.into_iter().map(|(why, count)| format!("{} {}", look.number(count), why.words())));
    let all = look.count_of(scanners.len() as u64, "scan", "scans");
    Some(format!("{all} (fwstat scans): {}", parts.join(", ")))
}

/// Everything after the rules.
fn rest(page: &mut Page<'_>, head: &Head, s: &Suggestion) {
    let look = page.look;
    let rows = remains(s);
    if !rows.is_empty() {
        page.heading("What remains");
        let digits = rows.iter().map(|(lines, _)| look.number(*lines).len()).max().unwrap_or(0);
        for (lines, title) in rows {
            page.cut(2, PLAIN, &format!("{:>digits$}  {title}", look.number(lines)));
        }
    }
    look_at(page, s);
    if !s.dead.is_empty() {
        page.heading("Rules that never match");
        for dead in &s.dead {
            let (old, better) = (dead.rule.protocol(), dead.better.protocol());
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
            let verb = fwrules::Verb::Replace(dead.number);
            page.could_run(&rules::command_as(verb, &dead.better, &s.chain, dead.v6));
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
        page.heading("Trusted hosts being blocked. To allow them (not part of the rules above):");
        let all = s.friends.len();
        let shown = if look.rows.is_some() && all > FRIENDS + 1 { FRIENDS } else { all };
        for (friend, known) in &s.friends[..shown] {
            let lines = look.count_of(friend.lines, "line", "lines");
            let protocol = Protocol(friend.protocol).to_string().to_lowercase();
            page.item(PLAIN, &format!("{} at {protocol} {}: {lines}", friend.addr, friend.port));
            for command in friend_commands(s, friend, *known) {
                page.could_run(&command);
            }
        }
        if shown < all {
            let more = look.count_of((all - shown) as u64, "more", "more");
            page.item(DIM, &format!("and {more}, the ones with fewer lines: --format json has all"));
        }
    }
    if !s.rules.is_empty() {
        page.heading("To remove these rules: the same command with --undo");
    }
    if !s.notes.is_empty() || !head.notes.is_empty() {
        page.blank();
        for note in s.notes.iter().chain(&head.notes) {
            page.say(0, DIM, note);
        }
    }
}
