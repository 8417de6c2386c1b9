//! What remains without the noise, and the rules that leave it: the numbers that matter.
//!
//! Responsible for: the tiles, the staircase of rules, and what remains by reason, prefix, source and port.
//! Must not know: how rules were made.
//! Tested by: `tests/cli/report_page.rs`.

use fwlog::record::OwnedValue;
use fwlog::text;

use super::block::{Block, Code, LOOK, Section, Tile, Told, lines};
use super::plot::bar;
use super::table::{Cell, Column, Table, bars, numbers, plain, sentence, shown, words};
use crate::analysis::suggest::candidate::Reason;
use crate::analysis::suggest::watch::OWN;
use crate::report::style::{RenderOptions, percent};
use crate::report::suggest::{self, Verb, remains};
use crate::report::{style, table};

/// The numbers that are seen first.
pub(super) fn tiles(told: &Told<'_>) -> Vec<Tile> {
    let (summary, s) = (told.summary, &told.summary.suggestion);
    if s.before == 0 {
        return Vec::new();
    }
    let tile = |number: String, words: String, to, warns| Tile { number, words, to, warns };
    let rules = s.drops().count() as u64;
    let mut tiles = vec![tile(
        text::grouped(s.after()),
        match rules {
            0 => "lines, and no noise that a rule could silence".to_owned(),
            _ => format!("of {} need eyes", lines(s.before - s.old)),
        },
        "remains",
        true,
    )];
    if rules > 0 {
        let words =
            format!("noise: {} silence {}", text::count_of(rules, "rule", "rules"), lines(s.silenced()));
        tiles.push(tile(percent(s.silenced(), s.before - s.old), words, "remains", false));
    }
    if summary.near.1 > 0 {
        let one = if summary.near.1 == 1 { "near hit" } else { "near hits" };
        let words = format!("{one} on open services: {}", lines(summary.near_lines));
        tiles.push(tile(text::grouped(summary.near.1), words, "near", true));
    }
    let own = s.hosts.iter().filter(|host| host.suspect && host.why == OWN).count() as u64;
    if own > 0 {
        let one = if own == 1 { "local host that probes" } else { "local hosts that probe" };
        tiles.push(tile(text::grouped(own), one.to_owned(), "look", true));
    }
    let sources = if summary.all_sources == 1 { "source" } else { "sources" };
    let networks = text::count_of(summary.all_networks, "network", "networks");
    tiles.push(tile(
        text::grouped(summary.all_sources),
        format!("{sources} in {networks}"),
        "sources",
        false,
    ));
    tiles
}

/// What remains, and the rules.
pub(super) fn section(told: &Told<'_>) -> Option<Section> {
    let s = &told.summary.suggestion;
    if s.before == 0 {
        return None;
    }
    let mut lead = match suggest::recap(&LOOK, s) {
        Some(recap) => recap,
        None => "No noise that a rule could silence without hiding something else.".to_owned(),
    };
    if s.drops().next().is_some() && s.hidden() == 0 {
        lead += " Verified by replay: no line you need to see would be hidden.";
    }
    if s.unknown > 0 {
        lead += &format!(
            " For {} the log lacks the information to predict what the rules would do.",
            lines(s.unknown)
        );
    }
    let mut blocks = Vec::new();
    let stairs = staircase(told);
    if stairs.rows.len() > 1 {
        blocks.push(Block::Table(stairs));
        let bare = RenderOptions { header: false, ..LOOK };
        let script = |verb| suggest::script(&bare, told.clock, told.head, s, verb, &[]);
        let code = |title: &str, text| Block::Code(Code::closed(title, text));
        blocks.push(code("The rules as commands: text to review, nothing is ever run", script(Verb::Add)));
        blocks.push(code("To remove these rules", script(Verb::Undo)));
    }
    let mut tables = vec![by_reason(told)];
    tables.extend(remaining(told));
    tables.retain(|table| !table.is_empty());
    blocks.push(Block::Tables(tables));
    if !s.refused.is_empty() {
        let refused = s.refused.iter();
        let said = refused.map(|refused| {
            sentence(&format!("{} ({}): {}", refused.name, lines(refused.lines), refused.why))
        });
        blocks.push(Block::Note("No rule for:".to_owned()));
        blocks.push(Block::List(said.collect()));
    }
    blocks.extend(
        (!s.notes.is_empty()).then(|| Block::List(s.notes.iter().map(|note| sentence(note)).collect())),
    );
    Some(Section { id: "remains", title: "What remains", lead, blocks })
}

/// Rule by rule: what it takes, and what is left after it.
fn staircase(told: &Told<'_>) -> Table {
    let s = &told.summary.suggestion;
    let all = s.before - s.old;
    let part = |left: u64| left as f64 / all.max(1) as f64;
    let mut left = all;
    let row = |name: Cell, takes: Cell, left: u64| {
        vec![name, takes, Cell::number(left), Cell::picture(bar(part(left)))]
    };
    let first = match s.old {
        0 => "all packets".to_owned(),
        old => format!("all packets but {} that your rules drop already", text::grouped(old)),
    };
    let mut rows = vec![row(Cell::text(first).broken(), Cell::default(), all)];
    for (number, rated) in s.drops().enumerate() {
        left -= rated.taken.seen.lines;
        let proposal = &rated.proposal;
        let v6 = if proposal.v6 { " (IPv6)" } else { "" };
        let title = proposal.reason.map_or("exception", Reason::title);
        let mut below = format!("{title}{v6}; {}", suggest::sources(&LOOK, &rated.taken));
        if let Some(span) = suggest::span(told.clock, &rated.taken.seen) {
            below += &format!(", {span}");
        }
        if rated.accepted {
            below += "; accepted today: this rule drops what the rules log and let in";
        }
        for (why, (hidden, _)) in &rated.taken.hides {
            below += &format!("; also hides {} of {}", lines(*hidden), why.title());
        }
        let name = Cell::text(format!("{}. {}", number + 1, proposal.what)).with(below).broken();
        let takes = Cell::number(rated.taken.seen.lines).with(percent(rated.taken.seen.lines, all));
        rows.push(row(name, takes, left));
    }
    Table {
        caption: "Rule by rule".to_owned(),
        about: "what each takes of the lines that those before it left".to_owned(),
        class: "stairs",
        columns: vec![plain("Rule"), numbers("Takes"), numbers("Left"), bars()],
        rows,
        tools: false,
    }
}

/// What remains, by reason.
fn by_reason(told: &Told<'_>) -> Table {
    let s = &told.summary.suggestion;
    let reasons = remains(s);
    let largest = reasons.first().map_or(1, |(count, _)| *count).max(1) as f64;
    let rows = reasons.into_iter().map(|(count, title)| {
        vec![Cell::text(title).broken(), Cell::number(count), Cell::picture(bar(count as f64 / largest))]
    });
    Table {
        caption: "By reason".to_owned(),
        class: "barred",
        columns: vec![words("Why it remains"), numbers("Lines"), bars()],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// What remains, by prefix, source, port.
fn remaining(told: &Told<'_>) -> Vec<Table> {
    let names: [(&str, Column); 3] =
        [("By prefix", words("Prefix")), ("By source", words("Source")), ("By port", words("Port"))];
    let tables = names.into_iter().zip(&told.summary.remaining);
    tables
        .map(|((caption, column), ranked)| {
            let largest = ranked.rows.first().map_or(1, |row| row.count);
            let rows = ranked.rows.iter().map(|row| {
                let name = match &row.cells[..] {
                    [OwnedValue::Text(prefix)] => Cell::code(shown(prefix)).broken(),
                    [OwnedValue::Addr(addr)] => super::who::address(told, *addr),
                    [OwnedValue::Number(port), OwnedValue::Proto(protocol)] => {
                        super::who::port(protocol.0, u16::try_from(*port).unwrap_or(0))
                    }
                    cells => Cell::text(cells.iter().map(style::cell).collect::<Vec<_>>().join(" ")).broken(),
                };
                vec![name, Cell::number(row.count), Cell::picture(bar(row.count as f64 / largest as f64))]
            });
            let by: Vec<String> = match caption {
                "By prefix" => vec!["prefix".to_owned()],
                "By source" => vec!["src".to_owned()],
                _ => vec!["dport".to_owned()],
            };
            let (one, many) = table::noun(&by);
            Table {
                caption: caption.to_owned(),
                about: super::block::top_of(ranked.rows.len(), ranked.distinct, &one, &many),
                class: "barred",
                columns: vec![column, numbers("Lines"), bars()],
                rows: rows.collect(),
                ..Table::default()
            }
        })
        .collect()
}
