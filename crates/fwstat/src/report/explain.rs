//! `fwstat explain` on paper: a line's fields with their meaning, and its path.
//!
//! Responsible for: fields and steps beside words, wrapped so that nothing is cut.
//! Must not know: what a field means (`report::meaning`), why a rule answered (`analysis::explain`).
//! Tested by: `tests/cli/explain.rs`, snapshots in `tests/explain`.

use serde_json::{Map, Value, json};

use super::meaning::Said;
use super::style::{Column, DIM, HEADING, KEY, WARN, columns, sentence};
use super::{Report, json};
use crate::analysis::explain::{PathTaken, StepTaken};
use crate::report::style::RenderOptions;
use fwlog::text;

/// One line, explained.
pub struct Explained<'l> {
    /// The line.
    pub line: &'l [u8],
    /// Its fields.
    pub said: Vec<Said>,
    /// Why it was not read to its end.
    pub stop: Option<String>,
    /// Its path, if a ruleset was given.
    pub path: Option<PathTaken>,
}

impl Report for Explained<'_> {
    fn json(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("schema".to_owned(), json!("fwstat.explain/1"));
        document.insert("line".to_owned(), json::bytes(self.line));
        let fields = self
            .said
            .iter()
            .map(|one| json!({"field": one.field, "value": one.value, "meaning": one.meaning}));
        document.insert("fields".to_owned(), fields.collect());
        if let Some(stop) = &self.stop {
            document.insert("stop".to_owned(), json!(stop));
        }
        if let Some(path) = &self.path {
            json::extend(&mut document, path);
        }
        document
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = fields(look, &self.said);
        if let Some(stop) = &self.stop {
            out.push('\n');
            let words =
                format!("Not read to its end: {stop}. What stands above is certain, the rest is missing.");
            out.push_str(&sentence(look, WARN, &text::escape(words.as_bytes())));
        }
        if let Some(path) = &self.path {
            out.push_str(&path_taken(look, path));
        }
        out
    }
}

/// The fields with a name of their own each: `LEN` of the IP header and then of UDP's is `LEN` and `UDP LEN`.
fn told_apart(said: &[Said]) -> Vec<Said> {
    let mut named: Vec<Said> = Vec::new();
    for one in said {
        let mut one = one.clone();
        if named.iter().any(|other| other.field == one.field)
            && let Some(protocol) = named.iter().rev().find(|other| other.field.ends_with("PROTO"))
        {
            one.field = format!("{} {}", protocol.value, one.field);
        }
        named.push(one);
    }
    named
}

/// Each field with its value and meaning.
fn fields(look: &RenderOptions, said: &[Said]) -> String {
    let said = &told_apart(said);
    let heads = [Column::whole("FIELD").styled(KEY), Column::text("VALUE"), Column::whole("MEANING")];
    // The words are wrapped beside the first two columns, so that nothing is cut.
    let first = said.iter().map(|s| text::width(&s.field)).max().unwrap_or(0).max(5);
    let second = said.iter().map(|s| text::width(&s.value)).max().unwrap_or(0).clamp(5, 26);
    let room = look.width.map(|width| width.saturating_sub(first + second + 4).max(20));
    let narrow = RenderOptions { width: room, color: false, ..look.clone() };
    let mut rows = Vec::new();
    for one in said {
        let value = wrap_hard(&one.value, second);
        let words = sentence(&narrow, DIM, &one.meaning);
        let words: Vec<&str> = words.lines().collect();
        for i in 0..words.len().max(value.len()) {
            let field = if i == 0 { one.field.clone() } else { String::new() };
            let part = value.get(i).cloned().unwrap_or_default();
            rows.push(vec![field, part, words.get(i).copied().unwrap_or("").to_owned()]);
        }
    }
    let unlimited = RenderOptions { width: None, ..look.clone() };
    columns(&unlimited, &heads, &rows)
}

/// The path, step by step, and the verdict.
fn path_taken(look: &RenderOptions, path: &PathTaken) -> String {
    let mut out = format!("\n{}\n", look.paint(HEADING, "Path through the chains"));
    out.push_str(&sentence(look, KEY, &path.way));
    let name = |step: &StepTaken| format!("{}{}", "  ".repeat(step.depth), step.place);
    let rows: Vec<(String, &StepTaken)> = path.steps.iter().map(|step| (name(step), step)).collect();
    let first = rows.iter().map(|row| text::width(&row.0)).max().unwrap_or(0);
    let second = rows.iter().map(|row| row.1.answer.len()).max().unwrap_or(0);
    let room = look.width.map(|width| width.saturating_sub(first + second + 4).max(20));
    let narrow = RenderOptions { width: room, color: false, ..look.clone() };
    if !rows.is_empty() {
        out.push('\n');
    }
    for (name, step) in rows {
        let mut parts: Vec<String> = sentence(&narrow, DIM, &step.rule).lines().map(str::to_owned).collect();
        let words: Vec<String> =
            sentence(&narrow, DIM, &format!("({})", step.why)).lines().map(str::to_owned).collect();
        let split = parts.len();
        parts.extend(words);
        for (i, part) in parts.iter().enumerate() {
            let (name, answer) = if i == 0 { (name.as_str(), step.answer) } else { ("", "") };
            let part = if i < split { part.clone() } else { look.paint(DIM, part) };
            let pad = " ".repeat(first - text::width(name));
            out.push_str(format!("{}{pad}  {answer:<second$}  {part}", look.paint(KEY, name)).trim_end());
            out.push('\n');
        }
    }
    if !path.verdict.is_empty() {
        out.push('\n');
        out.push_str(&sentence(look, HEADING, &path.verdict));
    }
    out
}

/// A value in pieces of at most so many columns.
fn wrap_hard(value: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for c in value.chars() {
        let last = lines.len() - 1;
        if text::width(&lines[last]) >= columns {
            lines.push(String::new());
        }
        let last = lines.len() - 1;
        lines[last].push(c);
    }
    lines
}
