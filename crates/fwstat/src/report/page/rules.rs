//! What the rules do with the log: which rule takes which lines, which are never hit, what is wrong with them.
//!
//! Responsible for: these tables.
//! Must not know: how a rule is matched.
//! Tested by: `tests/cli/report_page.rs`.

use fwlog::text;

use super::block::{Block, Section, Told, lines, top_of};
use super::plot::bar;
use super::table::{Cell, Table, bars, numbers, plain, sentence, shown, words};
use crate::analysis::replay::{Replay, RuleRow};
use crate::report::style::percent;

/// Rules, prefixes and findings that are listed.
const ROWS: usize = 60;

/// Paths through the chains, rules without lines, findings.
pub(super) fn section(told: &Told<'_>) -> Option<Section> {
    let replay = told.replay?;
    let all = replay.remaining + replay.removed + replay.unknown;
    let lead = format!(
        "Of {}, these rules would still log {} ({}), no longer log {} ({}), and of {} ({}) the line does not tell.",
        lines(all),
        text::grouped(replay.remaining),
        percent(replay.remaining, all),
        text::grouped(replay.removed),
        percent(replay.removed, all),
        text::grouped(replay.unknown),
        percent(replay.unknown, all),
    );
    let mut blocks = Vec::new();
    if !replay.findings.is_empty() {
        blocks.push(Block::Table(findings(replay)));
    }
    blocks.push(Block::Table(paths(replay, all)));
    let tables = [unused(replay), unwritten(replay)].into_iter().filter(|table| !table.is_empty());
    blocks.extend(tables.map(Block::Table));
    if !replay.not_judged.is_empty() {
        blocks.push(Block::List(replay.not_judged.iter().map(|why| sentence(why)).collect()));
    }
    Some(Section { id: "rules", title: "Your rules", lead, blocks })
}

/// Chain by chain, which rules took lines.
fn paths(replay: &Replay, all: u64) -> Table {
    let taking: Vec<&RuleRow> = replay.rules.iter().filter(|row| !row.is_silent()).collect();
    let rows = taking.iter().take(ROWS).map(|row| {
        let maybe = if row.unknown > 0 {
            format!("perhaps {} more", text::grouped(row.unknown))
        } else {
            String::new()
        };
        vec![
            Cell::text(shown(row.name.as_bytes())),
            Cell::code(shown(row.text.as_bytes())).broken(),
            Cell::number(row.lines).with(maybe),
            Cell::picture(bar((row.lines as f64 / all.max(1) as f64).sqrt())),
        ]
    });
    Table {
        caption: "Paths through the chains".to_owned(),
        about: match top_of(taking.len().min(ROWS), taking.len() as u64, "rule", "rules") {
            top if top.is_empty() => {
                "rules that took lines; bars grow with the square root, so that few are seen beside many"
                    .to_owned()
            }
            top => format!(
                "{top} that took lines; bars grow with the square root, so that few are seen beside many"
            ),
        },
        class: "wide",
        columns: vec![words("Rule"), plain("Asks for"), numbers("Lines"), bars()],
        rows: rows.collect(),
        tools: true,
    }
}

/// What is wrong with the rules.
fn findings(replay: &Replay) -> Table {
    let rows = replay.findings.iter().take(ROWS).map(|finding| {
        let rules: Vec<String> =
            finding.rules.iter().take(8).map(|rule| format!("{}{rule}", finding.family)).collect();
        vec![
            Cell::text(finding.kind.replace('_', " ")),
            Cell::text(shown(rules.join(", ").as_bytes())).broken(),
            Cell::text(sentence(&finding.message)).broken(),
        ]
    });
    Table {
        caption: "Findings".to_owned(),
        about: top_of(replay.findings.len().min(ROWS), replay.findings.len() as u64, "finding", "findings"),
        class: "wide",
        columns: vec![words("What"), words("Rules"), plain("Why")],
        rows: rows.collect(),
        tools: true,
    }
}

/// Rules that took no line.
fn unused(replay: &Replay) -> Table {
    let silent: Vec<&RuleRow> = replay.rules.iter().filter(|row| row.is_silent()).collect();
    let rows = silent.iter().take(ROWS).map(|row| {
        let near = row
            .near_misses
            .first()
            .map_or(String::new(), |near| format!("{} would take {}", near.change, lines(near.lines)));
        vec![
            Cell::text(shown(row.name.as_bytes())),
            Cell::code(shown(row.text.as_bytes())).with(shown(near.as_bytes())).broken(),
        ]
    });
    Table {
        caption: "Unused rules".to_owned(),
        about: match top_of(silent.len().min(ROWS), silent.len() as u64, "rule", "rules") {
            top if top.is_empty() => "no line of this log".to_owned(),
            top => format!("{top}; no line of this log"),
        },
        class: "wide",
        columns: vec![words("Rule"), plain("Asks for")],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// Prefixes that no rule writes.
fn unwritten(replay: &Replay) -> Table {
    let rows = replay.unwritten.iter().take(ROWS);
    let rows = rows.map(|row| vec![Cell::code(shown(&row.prefix.0)).broken(), Cell::number(row.lines)]);
    Table {
        caption: "Prefixes that no rule writes".to_owned(),
        columns: vec![words("Prefix"), numbers("Lines")],
        rows: rows.collect(),
        ..Table::default()
    }
}
