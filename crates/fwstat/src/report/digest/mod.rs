//! A report in a few lines: what is new, what to look at, what remains; for a mail, a terminal, a wiki.
//!
//! Responsible for: what is said, and its form as text and as Markdown.
//! Must not know: how anything was counted; what a mail is (`mail`).
//! Tested by: `tests/cli/report_digest.rs`.

pub mod mail;

use fwlog::services;
use fwlog::text;
use logparse::Protocol;

use super::page::{self, Told, plain};
use super::scans::{Ports, all_of_them, began, its_lines, shape, took, who};
use super::style::{self, percent};
use super::suggest::{host_words, hosts_and_scans};
use super::{markdown, next, rules, suggest};
use crate::analysis::scans::Campaign;
use crate::analysis::suggest::watch::OWN;
use crate::analysis::summary::Subject;
use crate::analysis::summary::news::{Thing, Things};

/// Columns of a line: what a mail is read in.
const WIDTH: usize = 72;
/// Rows of each part.
const ROWS: usize = 10;
/// New things that are named.
const NEW: usize = 25;

/// What is new, and since when.
#[derive(Clone, Debug, Default)]
pub struct News {
    /// Whether anything was told before: else nothing is new.
    pub known: bool,
    /// The last moment of the log that was told of, for people.
    pub since: Option<String>,
    /// New things with their lines.
    pub things: Things,
}

/// A digest.
#[derive(Clone, Debug)]
pub struct Digest {
    /// The number that matters, in ASCII.
    pub subject: String,
    /// What was read.
    pub about: Vec<String>,
    /// Headings and rows: a number and what it is of.
    pub parts: Vec<(String, Vec<(String, String)>)>,
    /// Commands, and what each is for.
    pub next: Vec<(String, &'static str)>,
    /// Notes.
    pub notes: Vec<String>,
}

/// A port with the name of its service.
fn port(protocol: u8, at: Option<u16>) -> String {
    let protocol = Protocol(protocol);
    let name = protocol.to_string().to_lowercase();
    match at {
        None => name,
        Some(at) => match services::name(protocol, at) {
            Some(service) => format!("{name}/{at} ({service})"),
            None => format!("{name}/{at}"),
        },
    }
}

/// What a thing is, in words.
fn thing(thing: &Thing) -> String {
    match thing {
        Thing::Near(addr, protocol, at) => format!("near hit: {addr} at {}", port(*protocol, *at)),
        Thing::Host(addr) => format!("local host that probes: {addr}"),
        Thing::Slow(addr) => format!("repeated attempts from {addr}"),
        Thing::Outgoing(to) => format!("blocked outgoing: {to}"),
        Thing::Prefix(prefix) => format!("prefix {}", plain(prefix)),
        Thing::Port(protocol, at) => format!("port {}", port(*protocol, Some(*at))),
    }
}

impl Digest {
    /// The digest of a report.
    #[must_use]
    pub fn new(told: &Told<'_>, news: &News) -> Digest {
        let s = &told.summary.suggestion;
        let all = s.before - s.old;
        let news_words = match news.known {
            true => format!("; {} new", text::grouped(news.things.len() as u64)),
            false => String::new(),
        };
        let totals = &told.head.totals;
        let subject = format!(
            "{} {}{news_words} ({} read, {} noise)",
            text::count_of(s.after(), "line", "lines"),
            if s.after() == 1 { "needs eyes" } else { "need eyes" },
            text::grouped(totals.lines),
            percent(s.silenced(), all)
        );
        let mut parts = Vec::new();
        let mut part = |title: String, rows: Vec<(String, String)>| {
            if !rows.is_empty() {
                parts.push((title, rows));
            }
        };
        let since = news.since.as_ref().map_or(String::new(), |since| format!(" since {since}"));
        part(format!("New{since}"), if news.known { new(&news.things) } else { Vec::new() });
        part("Look at".to_owned(), look_at(told));
        part("Scans".to_owned(), scans(told));
        part("What changed: first half, second half".to_owned(), changes(told));
        part("What remains".to_owned(), remains(told));
        Digest { subject, about: about(told), parts, next: commands(told), notes: notes(told) }
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        wrapped(&mut out, "", "  ", &self.subject);
        self.about.iter().for_each(|line| wrapped(&mut out, "", "  ", line));
        for (title, rows) in &self.parts {
            out.push('\n');
            wrapped(&mut out, "", "  ", title);
            let digits = rows.iter().map(|(number, _)| number.len()).max().unwrap_or(0);
            for (number, what) in rows {
                wrapped(&mut out, &format!("  {number:>digits$}  "), &" ".repeat(digits + 4), what);
            }
        }
        if !self.notes.is_empty() {
            out.push('\n');
            self.notes.iter().for_each(|note| wrapped(&mut out, "", "  ", note));
        }
        if !self.next.is_empty() {
            out.push_str("\nNext:\n");
            for (command, what) in &self.next {
                wrapped(&mut out, "  # ", "  # ", what);
                rules::folded(command, Some(WIDTH - 2))
                    .iter()
                    .for_each(|line| out.push_str(&format!("  {line}\n")));
            }
        }
        out
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", markdown::cell(&self.subject));
        self.about.iter().for_each(|line| out.push_str(&format!("{}\n", markdown::cell(line))));
        for (title, rows) in &self.parts {
            out.push_str(&format!("\n## {}\n\n", markdown::cell(title)));
            let rows: Vec<Vec<String>> =
                rows.iter().map(|(number, what)| vec![number.clone(), what.clone()]).collect();
            out.push_str(&markdown::table(&[("lines", true), ("what", false)], &rows));
        }
        for note in &self.notes {
            out.push_str(&format!("\n{}\n", markdown::cell(note)));
        }
        if !self.next.is_empty() {
            out.push_str("\n## Next\n\n");
            // Four blanks make code of a line, whatever is in it.
            for (command, what) in &self.next {
                out.push_str(&format!("    # {what}\n    {}\n", ascii(command)));
            }
        }
        out
    }
}

/// Text on lines that are not too long; in ASCII, so that no mail needs to be encoded.
fn wrapped(out: &mut String, first: &str, rest: &str, text: &str) {
    let text = ascii(text);
    // A command that is copied has no new line inside of a word.
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    for line in textwrap::wrap(&text, options) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// Text with everything escaped that is not ASCII.
fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_default().to_string() }).collect()
}

/// What was read.
fn about(told: &Told<'_>) -> Vec<String> {
    let head = told.head;
    let files = match &head.files[..] {
        [one] if one == "-" => "standard input".to_owned(),
        [one] => plain(one.as_bytes()),
        many => text::count_of(many.len() as u64, "file", "files"),
    };
    let span = page::span(told);
    let span = if span.is_empty() { String::new() } else { format!(", {span}") };
    let mut about = vec![format!("{files}{span}"), page::books(told)];
    about.extend(page::warnings(told));
    about
}

/// Things that were not told before.
fn new(things: &Things) -> Vec<(String, String)> {
    let rows = things.iter().take(NEW).map(|(what, lines)| (text::grouped(*lines), thing(what)));
    let mut rows: Vec<(String, String)> = rows.collect();
    let more = things.len().saturating_sub(NEW);
    if more > 0 {
        rows.push((String::new(), format!("and {}", text::count_of(more as u64, "more", "more"))));
    }
    rows
}

/// What is worth a look, new or not.
fn look_at(told: &Told<'_>) -> Vec<(String, String)> {
    let s = &told.summary.suggestion;
    let mut rows = Vec::new();
    // Scans of strangers have a part of their own.
    let hosts = hosts_and_scans(s).into_iter().filter(|(host, _)| host.why == OWN || !host.scans);
    for (host, others) in hosts.take(ROWS) {
        let tried: Vec<&str> = host.tried.iter().take(6).map(|tried| tried.service.as_str()).collect();
        let what = format!("{}: {}", host_words(host, others), tried.join(", "));
        rows.push((text::grouped(host.lines), what));
    }
    rows.extend(
        s.going.iter().take(5).map(|(to, lines)| (text::grouped(*lines), format!("blocked outgoing: {to}"))),
    );
    let near = told.summary.near.0.iter().take(ROWS);
    rows.extend(near.map(|hit| (text::grouped(hit.lines), thing(&Thing::Near(hit.src, hit.at.0, hit.at.1)))));
    rows
}

/// Scans, newest first: packets, and what is known of each.
fn scans(told: &Told<'_>) -> Vec<(String, String)> {
    let row = |campaign: &Campaign| {
        let ports = match Ports::of(campaign) {
            Ports::None => None,
            Ports::Named(name) => Some(format!("ports {name}")),
            many @ Ports::Many(_) => Some(many.to_string()),
        };
        let time = began(campaign, told.clock).map(|began| format!("{began}, took {}", took(campaign)));
        let known = [ports, campaign.tool.map(|tool| format!("tool {tool}")), time];
        let what = format!(
            "{} {} from {} to {}; {}; campaign {}",
            shape(campaign),
            campaign.technique,
            who(&campaign.sources),
            who(&campaign.targets),
            known.into_iter().flatten().collect::<Vec<_>>().join("; "),
            campaign.id
        );
        (text::grouped(campaign.packets), what)
    };
    let mut rows: Vec<(String, String)> = told.campaigns.list.iter().take(ROWS).map(row).collect();
    let more = told.campaigns.all.saturating_sub(ROWS);
    if more > 0 {
        let command = all_of_them(told.head, &told.input);
        rows.push((String::new(), format!("and {} more: {command}", text::grouped(more as u64))));
    }
    if !rows.is_empty() {
        let command = its_lines(told.head, "ID", &told.input);
        rows.push((String::new(), format!("the lines of one: {command}")));
    }
    rows
}

/// What changed from one half of the time to the other.
fn changes(told: &Told<'_>) -> Vec<(String, String)> {
    let rows = told.summary.changes.iter().take(ROWS);
    rows.map(|change| {
        let what = match &change.what {
            Subject::Prefix(prefix) => thing(&Thing::Prefix(prefix.clone())),
            Subject::Port(protocol, at) => thing(&Thing::Port(*protocol, *at)),
            Subject::Network(addr) => format!("network {}", page::network_name(*addr)),
        };
        let numbers = format!("{} -> {}", text::grouped(change.before), text::grouped(change.after));
        (numbers, format!("{}: {what}", change.kind.word()))
    })
    .collect()
}

/// What remains, by reason and by prefix.
fn remains(told: &Told<'_>) -> Vec<(String, String)> {
    let reasons = suggest::remains(&told.summary.suggestion).into_iter();
    let mut rows: Vec<(String, String)> =
        reasons.map(|(lines, title)| (text::grouped(lines), title.to_owned())).collect();
    let prefixes = told.summary.remaining[0].rows.iter().take(ROWS);
    rows.extend(prefixes.map(|row| {
        let name: Vec<String> = row.cells.iter().map(style::cell).collect();
        (text::grouped(row.count), format!("with prefix {}", plain(name.join(" ").as_bytes())))
    }));
    rows
}

/// Three commands.
fn commands(told: &Told<'_>) -> Vec<(String, &'static str)> {
    let of = |name: &str, more: &[String]| next::command(told.head, name, more);
    let mut commands = Vec::new();
    if let Some(hit) = told.summary.near.0.first() {
        commands.push((of("lines", &[format!("-s {}", hit.src)]), "the lines of the first near hit"));
    } else if let Some(campaign) = told.campaigns.list.first() {
        commands.push((its_lines(told.head, &campaign.id, &told.input), "the lines of the newest campaign"));
    } else {
        commands.push((of("top", &["--by src,dport".to_owned()]), "who, at which port"));
    }
    commands.push((of("suggest", &told.rules), "the rules that silence the noise"));
    let page = [told.rules.clone(), vec!["--output report.html".to_owned()]].concat();
    commands.push((of("report", &page), "all of it as a page"));
    commands
}

/// What could not be read, and what was assumed.
fn notes(told: &Told<'_>) -> Vec<String> {
    told.head.notes.iter().map(|note| plain(note.as_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        Digest {
            subject: "14 lines need eyes; 2 new (1,902 read, 97.0 % noise)".to_owned(),
            about: vec!["a\u{202e}b | <i> ".repeat(20)],
            parts: vec![("New".to_owned(), vec![("9".to_owned(), format!("prefix {}", "x".repeat(200)))])],
            next: vec![(format!("fwstat lines {}", "--prefix '<b>' ".repeat(9)), "lines")],
            notes: Vec::new(),
        }
    }

    #[test]
    fn lines_are_ascii_and_not_too_long() {
        let text = digest().text();
        assert!(text.is_ascii());
        for line in text.lines() {
            assert!(line.len() <= WIDTH, "{line}");
        }
        assert!(text.starts_with("14 lines need eyes; 2 new"));
    }

    #[test]
    fn nothing_leaves_its_place_in_markdown() {
        let text = digest().markdown();
        assert!(!text.contains("<i>") && !text.contains("| <"), "{text}");
    }
}
