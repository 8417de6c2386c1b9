//! `fwstat replay` on paper: the three numbers, rules and their lines, reasons, findings.
//!
//! Responsible for: the words around the numbers of [`Replay`].
//! Must not know: how they came about (`analysis::replay`).
//! Tested by: `tests/cli/replay.rs`, `tests/screens`.

use fwlog::sorting::InOrder as _;
use serde_json::{Map, Value};

use super::style::{Column, DIM, HEADING, KEY, WARN, columns, percent, sentence};
use super::{Head, Report, json, next, rules, table};
use crate::analysis::replay::{RemovedBecause, Replay, RuleRow};
use crate::analysis::what_if::{Added, Beside, WhatIf};
use crate::report::style::RenderOptions;
use fwlog::text;
use fwlog::time::clock::{self, Clock};

/// Added rules that are named one by one.
const NAMED: u64 = 3;

/// A replay with what its table depends on.
pub struct Replayed<'r> {
    /// The result.
    pub replay: &'r Replay,
    /// What other rulesets say of the same lines.
    pub beside: &'r Beside,
    /// What was read.
    pub head: &'r Head,
    /// The zone of times in tables.
    pub clock: &'r Clock,
    /// Rows of each table.
    pub limit: usize,
    /// Whether each rule's sample line is shown.
    pub samples: bool,
    /// The files of rules.
    pub rules: Vec<String>,
}

impl Report for Replayed<'_> {
    fn json(&self) -> Map<String, Value> {
        let mut document = json::head("fwstat.replay/1", self.head);
        json::extend(&mut document, self.replay);
        json::extend(&mut document, self.beside);
        document
    }

    fn recap(&self, look: &RenderOptions) -> Option<String> {
        let Replay { remaining, removed, unknown, .. } = self.replay;
        let numbers = [remaining, removed, unknown].map(|lines| look.number(*lines));
        let [remaining, removed, unknown] = numbers;
        Some(format!("{remaining} still logged, {removed} no longer logged, {unknown} undecidable"))
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = table::head(look, self.head);
        self.verdict(look, &mut out);
        self.rules_table(look, &mut out);
        self.silent(look, &mut out);
        self.reasons(look, &mut out);
        self.wrong(look, &mut out);
        self.lost(look, &mut out);
        out.push_str(&table::foot(look, self.head));
        out.push_str(&self.next(look));
        out
    }
}

impl Replayed<'_> {
    /// The three numbers that the whole report is about.
    fn verdict(&self, look: &RenderOptions, out: &mut String) {
        let classes = [self.replay.remaining, self.replay.removed, self.replay.unknown];
        let all: u64 = classes.iter().sum();
        if let Some(what_if) = &self.beside.what_if {
            self.what_if(look, what_if, all, out);
        }
        if let Some(numbers) = &self.beside.if_written_by_rules {
            let hang = look.count_of(self.replay.unknown - numbers.unknown, "line hangs", "lines hang");
            let words = format!(
                "{} still logged for certain; {} still logged if these rules wrote the log: {hang} on that",
                look.number(self.replay.remaining),
                look.number(numbers.remaining),
            );
            out.push_str(&(sentence(look, HEADING, &words) + "\n"));
        }
        let means = [
            ("still logged", "a LOG rule is reached"),
            ("no longer logged", "a verdict comes before any LOG rule"),
            ("undecidable", "depends on what the line does not show"),
        ];
        let rows: Vec<Vec<String>> = means
            .iter()
            .zip(classes)
            .map(|((name, means), lines)| {
                vec![(*name).to_owned(), look.number(lines), percent(lines, all), (*means).to_owned()]
            })
            .collect();
        let heads = [
            Column::text("LINES").styled(HEADING),
            Column::number("COUNT"),
            Column::number("SHARE").styled(DIM),
            Column::text("").styled(DIM),
        ];
        out.push_str(&columns(look, &heads, &rows));
    }

    /// What each added rule does.
    fn what_if(&self, look: &RenderOptions, what_if: &WhatIf, all: u64, out: &mut String) {
        let lines = |count: u64, words: &str| {
            let one = if count == 1 { "line" } else { "lines" };
            format!("{}{words} {one} ({})", look.number(count), percent(count, all))
        };
        let more: u64 = what_if.added.iter().map(|added| added.more).sum();
        let many = what_if.added.len() as u64;
        if many > NAMED {
            let words = format!("{} new rules would take {}", look.number(many), lines(more, " more"));
            out.push_str(&sentence(look, HEADING, &words));
        }
        let named = |added: &&Added| many <= NAMED || added.why_none.is_some();
        for added in what_if.added.iter().filter(named).take(NAMED as usize) {
            let name = format!("{} (new)", added.rule);
            let maybe = match added.maybe {
                0 => String::new(),
                maybe => format!(", perhaps {} more", look.number(maybe)),
            };
            let words = match &added.why_none {
                Some(why) if added.maybe == 0 => format!("{name} takes none: {why}"),
                Some(why) => {
                    let maybe = look.count_of(added.maybe, "line does", "lines do");
                    format!("{name} takes none: {why} ({maybe} not tell enough)")
                }
                None if added.more == added.lines && added.ends => {
                    format!("{name} would take {}{maybe}", lines(added.more, " more"))
                }
                None if added.more > 0 => {
                    let more = look.number(added.more);
                    format!("{name} would take {}{maybe}; {more} no longer logged", lines(added.lines, ""))
                }
                None => format!(
                    "{name} would take {}{maybe}; none of them is kept out of the log by it",
                    lines(added.lines, "")
                ),
            };
            let style = if added.why_none.is_some() { WARN } else { HEADING };
            out.push_str(&sentence(look, style, &words));
        }
        let words = format!(
            "still logged: {} before, {} then",
            look.number(what_if.before.remaining),
            look.number(self.replay.remaining)
        );
        out.push_str(&(sentence(look, DIM, &words) + "\n"));
    }

    /// Commands about what remains.
    fn next(&self, look: &RenderOptions) -> String {
        let rules: Vec<String> =
            self.rules.iter().map(|rules| format!("--rules {}", text::quoted(rules))).collect();
        let print = |class: &str| [vec![format!("--print {class}")], rules.clone()].concat();
        let mut commands =
            vec![(next::command(self.head, "replay", &print("remaining")), "the lines that remain")];
        if let [first, ..] = &rules[..] {
            commands.push((
                next::command(self.head, "suggest", std::slice::from_ref(first)),
                "rules that silence the noise",
            ));
        }
        next::block(look, &commands)
    }

    /// Rules that take lines.
    fn rules_table(&self, look: &RenderOptions, out: &mut String) {
        let taking: Vec<&RuleRow> = self.replay.rules.iter().filter(|row| !row.is_silent()).collect();
        if taking.is_empty() {
            return;
        }
        let wide =
            look.width.is_none_or(|width| width >= 120) && taking.iter().any(|row| row.seen.first.is_some());
        let unknown = taking.iter().any(|row| row.unknown > 0);
        let mut heads = vec![Column::whole("RULE").styled(KEY), Column::number("LINES")];
        if unknown {
            heads.push(Column::number("POSSIBLE"));
        }
        if wide {
            heads.push(Column::whole("FIRST").styled(DIM));
            heads.push(Column::whole("LAST").styled(DIM));
        }
        heads.push(Column::text(""));
        let mut rows = Vec::new();
        for row in taking.iter().take(self.limit) {
            let mut cells = vec![row.name.clone(), look.number(row.lines)];
            if unknown {
                cells.push(if row.unknown > 0 { look.number(row.unknown) } else { String::new() });
            }
            if wide {
                let local = |utc: i64| clock::local_text(self.clock.at(utc).local_seconds());
                let moment = |utc: Option<i64>| utc.map_or_else(String::new, local);
                cells.extend([moment(row.seen.first), moment(row.seen.last)]);
            }
            let new = if row.added { "(new) " } else { "" };
            cells.push(format!("{new}{}", rule_text(look, row)));
            rows.push(cells);
        }
        out.push('\n');
        let table = columns(look, &heads, &rows);
        if self.samples {
            let mut lines = table.lines();
            out.extend(lines.by_ref().take(usize::from(look.header)).map(|line| format!("{line}\n")));
            for (line, row) in lines.zip(&taking) {
                out.push_str(&format!("{line}\n"));
                if let Some(raw) = &row.seen.sample {
                    let sample = text::shorten(
                        &text::escape(&raw.0),
                        look.width.unwrap_or(usize::MAX).saturating_sub(2),
                    );
                    out.push_str(&format!("  {}\n", look.paint(DIM, &sample)));
                }
            }
        } else {
            out.push_str(&table);
        }
        more(look, taking.len(), self.limit, "rules", out);
    }

    /// Rules that take none.
    fn silent(&self, look: &RenderOptions, out: &mut String) {
        let silent: Vec<&RuleRow> = self.replay.rules.iter().filter(|row| row.is_silent()).collect();
        if silent.is_empty() {
            return;
        }
        let counted = silent.iter().any(|row| row.packets.is_some());
        let mut heads = vec![Column::whole("UNUSED RULES").styled(KEY)];
        if counted {
            heads.push(Column::number("PACKETS"));
        }
        heads.push(Column::text(""));
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in silent.iter().take(self.limit) {
            let mut cells = vec![row.name.clone()];
            if counted {
                cells.push(row.packets.map_or_else(String::new, |packets| look.number(packets)));
            }
            cells.push(rule_text(look, row));
            rows.push(cells);
            for near in &row.near_misses {
                let mut cells = vec![String::new(); heads.len()];
                let lines = look.count_of(near.lines, "line", "lines");
                cells[heads.len() - 1] = format!("  with {} it would take {lines}", near.change);
                rows.push(cells);
            }
        }
        out.push('\n');
        out.push_str(&columns(look, &heads, &rows));
        more(look, silent.len(), self.limit, "rules that take no line", out);
    }

    /// What removes lines, and what is unknown because of what.
    fn reasons(&self, look: &RenderOptions, out: &mut String) {
        let none = || "-".to_owned();
        let removed = ranked(&self.replay.removed_by, |row| row.lines).into_iter().map(|row| {
            let by = row.by.clone().unwrap_or_else(none);
            let (by, how) = match row.why {
                RemovedBecause::Taken if row.single => {
                    (by, "terminal verdict before any LOG rule".to_owned())
                }
                RemovedBecause::Taken => (none(), by),
                RemovedBecause::Unanswered => (by, "drops what this host answered here".to_owned()),
                RemovedBecause::Unwritten => (none(), "no rule writes this prefix".to_owned()),
            };
            vec![by, look.number(row.lines), how]
        });
        section(look, "DROPPED BY", &removed.collect::<Vec<_>>(), self.limit, out);
        let unknown = ranked(&self.replay.unknown_by, |row| row.lines)
            .into_iter()
            .map(|row| vec![row.rule.clone().unwrap_or_else(none), look.number(row.lines), row.why.clone()]);
        section(look, "UNDECIDED AT", &unknown.collect::<Vec<_>>(), self.limit, out);
        let unwritten = self.replay.unwritten.iter().map(|row| {
            let shown = text::escape(&row.prefix.0);
            let shown = if shown.is_empty() { "(empty)".to_owned() } else { shown };
            vec![shown, look.number(row.lines), "in the log, but no rule writes it".to_owned()]
        });
        section(look, "PREFIX", &unwritten.collect::<Vec<_>>(), self.limit, out);
    }

    fn wrong(&self, look: &RenderOptions, out: &mut String) {
        if self.replay.findings.is_empty() {
            return;
        }
        out.push_str(&format!("\n{}\n", look.paint(HEADING, "Wrong with the rules:")));
        for finding in self.replay.findings.iter().take(self.limit) {
            out.push_str(&item(look, &format!("{}{}", finding.family, finding.message)));
        }
        more(look, self.replay.findings.len(), self.limit, "findings", out);
    }

    fn lost(&self, look: &RenderOptions, out: &mut String) {
        if self.replay.lost.is_empty() {
            return;
        }
        let rows: Vec<Vec<String>> = self
            .replay
            .lost
            .iter()
            .take(self.limit)
            .map(|loss| {
                let what = match loss.packets.checked_sub(loss.lines) {
                    Some(0) => "all there".to_owned(),
                    Some(lost) => format!("{} lost", look.number(lost)),
                    None => "the log is older than the counters".to_owned(),
                };
                vec![
                    text::escape(&loss.prefix.0),
                    look.number(loss.packets),
                    look.number(loss.lines),
                    what,
                    loss.rules.join(", "),
                ]
            })
            .collect();
        let heads = [
            Column::text("LOG PREFIX").styled(KEY),
            Column::number("PACKETS"),
            Column::number("LINES"),
            Column::whole(""),
            Column::text("WRITTEN BY").styled(DIM),
        ];
        out.push('\n');
        out.push_str(&columns(look, &heads, &rows));
        more(look, self.replay.lost.len(), self.limit, "prefixes", out);
        if self.replay.lost.iter().any(|loss| loss.packets > loss.lines) {
            let words = "PACKETS are the LOG rules' counters since they were set to zero. Lines that are \
                missing were lost on their way, or this is not the whole log since then.";
            out.push_str(&sentence(look, DIM, words));
        }
    }
}

/// A rule's text; where a table beside it leaves little room, without what its other words imply.
fn rule_text(look: &RenderOptions, row: &RuleRow) -> String {
    // Name and numbers.
    const BESIDE: usize = 34;
    match look.width {
        Some(width) if text::width(&row.text) + BESIDE > width => rules::brief(&row.text),
        _ => row.text.clone(),
    }
}

/// Rows, most lines first; of equal ones the first stays first.
fn ranked<T>(rows: &[T], lines: impl Fn(&T) -> u64) -> Vec<&T> {
    let mut all: Vec<&T> = rows.iter().collect();
    all.order_by_key(|row| std::cmp::Reverse(lines(row)));
    all
}

/// A small table of who, how many, why.
fn section(look: &RenderOptions, title: &str, rows: &[Vec<String>], limit: usize, out: &mut String) {
    if rows.is_empty() {
        return;
    }
    let heads = [Column::text(title).styled(KEY), Column::number("LINES"), Column::text("").styled(DIM)];
    out.push('\n');
    out.push_str(&columns(look, &heads, &rows[..rows.len().min(limit)]));
    more(look, rows.len(), limit, "rows", out);
}

/// Says that there is more.
fn more(look: &RenderOptions, all: usize, limit: usize, what: &str, out: &mut String) {
    if all > limit && look.header {
        let line = format!("first {limit} of {all} {what} (-n 0 for all)");
        out.push_str(&(look.paint(DIM, &line) + "\n"));
    }
}

/// A sentence as an item of a list.
fn item(look: &RenderOptions, words: &str) -> String {
    let narrow = RenderOptions { width: look.width.map(|width| width.saturating_sub(2)), ..look.clone() };
    let text = sentence(&narrow, WARN, words);
    text.lines().enumerate().map(|(i, line)| format!("{} {line}\n", if i == 0 { '-' } else { ' ' })).collect()
}
