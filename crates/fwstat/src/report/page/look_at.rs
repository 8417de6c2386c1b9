//! What is worth a look: own hosts that misbehave, what they could not reach, near hits, trusted hosts that are blocked.
//!
//! Responsible for: these tables.
//! Must not know: how they were found.
//! Tested by: `tests/cli/report_page.rs`.

use fwlog::text;
use logparse::Protocol;

use super::block::{Block, Code, Section, Told, lines, top_of};
use super::plot::bar;
use super::table::{Cell, Table, bars, numbers, plain, words};
use super::who::{address, port};
use crate::analysis::suggest::watch::{Host, OWN};
use crate::report::suggest::friend_commands;

/// Rows of each table.
const ROWS: usize = 25;
const FRIENDS: usize = 12;
/// Services of a host that are named.
const TRIED: usize = 8;

/// Own hosts and repeated attempts, outgoing packets, trusted hosts, rules that never match.
pub(super) fn section(told: &Told<'_>) -> Option<Section> {
    let s = &told.summary.suggestion;
    let mut blocks = Vec::new();
    let tables = [hosts(told, true), hosts(told, false), outgoing(told)];
    blocks.extend(tables.into_iter().filter(|table| !table.is_empty()).map(Block::Table));
    blocks.extend(trusted(told));
    if !s.dead.is_empty() {
        blocks
            .push(Block::Note("Rules that never match, because they ask for the wrong protocol:".to_owned()));
        let dead = s.dead.iter().map(|dead| {
            let better = crate::report::rules::restore(&dead.better, &s.chain);
            format!("{} {}: {} match {better}", s.chain, dead.number, lines(dead.lines))
        });
        blocks.push(Block::List(dead.collect()));
    }
    (!blocks.is_empty()).then(|| Section {
        id: "look",
        title: "Look at these",
        lead: "Hosts of your own network that probe, sources from outside that come again and again, and what your hosts \
               could not reach."
            .to_owned(),
        blocks,
    })
}

/// Own hosts that probe, or strangers who come again and again; scans of strangers have a section of their own.
fn hosts(told: &Told<'_>, own: bool) -> Table {
    let is_one = |host: &&Host| host.suspect && if own { host.why == OWN } else { host.why == "repeated" };
    let list = told.summary.suggestion.hosts.iter().filter(is_one);
    let rows = list.take(ROWS).map(|host| {
        let tried = host.tried.iter().take(TRIED);
        let mut tried: Vec<String> = tried
            .map(|tried| match tried.lines {
                1 => tried.service.clone(),
                lines => format!("{} ({})", tried.service, text::grouped(lines)),
            })
            .collect();
        tried.extend((host.tried.len() > TRIED).then(|| "...".to_owned()));
        vec![address(told, host.src), Cell::number(host.lines), Cell::text(tried.join(", ")).broken()]
    });
    Table {
        caption: if own { "Local hosts that probe" } else { "Repeated attempts" }.to_owned(),
        class: "wide",
        columns: vec![words("Source"), numbers("Lines"), plain("Tried")],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// Where hosts wanted to go and were not let.
fn outgoing(told: &Told<'_>) -> Table {
    let going = &told.summary.suggestion.going;
    let rows = going.iter().take(ROWS);
    Table {
        caption: "Blocked outgoing".to_owned(),
        columns: vec![words("To"), numbers("Lines")],
        rows: rows.map(|(what, count)| vec![Cell::code(what.clone()), Cell::number(*count)]).collect(),
        ..Table::default()
    }
}

/// Trusted hosts at closed ports.
fn trusted(told: &Told<'_>) -> Vec<Block> {
    let s = &told.summary.suggestion;
    if s.friends.is_empty() {
        return Vec::new();
    }
    let shown = &s.friends[..s.friends.len().min(FRIENDS)];
    let rows = shown.iter().map(|(friend, _)| {
        vec![address(told, friend.addr), port(friend.protocol, friend.port), Cell::number(friend.lines)]
    });
    let table = Table {
        caption: "Trusted hosts being blocked".to_owned(),
        about: top_of(shown.len(), s.friends.len() as u64, "of them", "of them"),
        columns: vec![words("Source"), words("Port"), numbers("Lines")],
        rows: rows.collect(),
        ..Table::default()
    };
    let commands: Vec<String> =
        shown.iter().flat_map(|(friend, known)| friend_commands(s, friend, *known)).collect();
    let code = Code::open("To allow them", commands.join("\n"));
    let mut blocks = vec![Block::Table(table)];
    blocks.extend((!code.text.is_empty()).then_some(Block::Code(code)));
    blocks
}

/// Near hits.
pub(super) fn near(told: &Told<'_>) -> Option<Section> {
    let (near, all) = &told.summary.near;
    let largest = near.first()?.lines;
    let near = &near[..near.len().min(ROWS)];
    // Bars that are all as long tell nothing.
    let barred = near.iter().any(|hit| hit.lines < largest);
    let rows = near.iter().map(|hit| {
        let at = match hit.at {
            (protocol, Some(at)) => port(protocol, at),
            (protocol, None) => Cell::text(Protocol(protocol).to_string().to_lowercase()),
        };
        let part = hit.lines as f64 / largest.max(1) as f64;
        let mut row = vec![address(told, hit.src), at, Cell::number(hit.lines)];
        row.extend(barred.then(|| Cell::picture(bar(part))));
        row
    });
    let mut columns = vec![words("Source"), words("Port"), numbers("Lines")];
    columns.extend(barred.then(bars));
    let table = Table {
        caption: "Untrusted sources on open services".to_owned(),
        about: top_of(near.len(), *all, "source and port", "sources and ports"),
        class: if barred { "barred" } else { "wide" },
        columns,
        rows: rows.collect(),
        tools: true,
    };
    Some(Section {
        id: "near",
        title: "Near hits",
        lead: "Untrusted sources on services that are open to some: what stops being a drop the day a rule is wrong."
            .to_owned(),
        blocks: vec![Block::Table(table)],
    })
}
