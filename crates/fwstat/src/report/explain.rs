//! `fwstat explain` on paper: a line's fields with their meaning, and its path.
//!
//! Responsible for: fields and steps beside words, wrapped so that nothing is cut; on a screen without room for all
//! of it, what tells the line from others.
//! Must not know: what a field means (`report::meaning`), why a rule answered (`analysis::explain`).
//! Tested by: `tests/cli/explain.rs`, snapshots in `tests/explain`.

use serde_json::{Map, Value, json};

use super::meaning::Said;
use super::style::{Column, DIM, HEADING, KEY, WARN, columns, sentence};
use super::{Report, json};
use crate::analysis::explain::{PathTaken, StepTaken};
use crate::report::style::RenderOptions;
use fwlog::text;

/// The heading of a line's path.
pub const PATH: &str = "Path through the chains";

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
    /// Everything, whatever the screen has room for.
    pub all: bool,
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
        let whole = self.whole(look);
        match look.rows {
            // The shell's own line is on the screen as well.
            Some(rows) if !self.all && whole.lines().count() >= rows => self.brief(look),
            _ => whole,
        }
    }

    fn recap(&self, look: &RenderOptions) -> Option<String> {
        let rows = look.rows?;
        // The verdict is the last line already, where there is one.
        let verdict = self.path.as_ref().is_some_and(|path| !path.verdict.is_empty());
        (!verdict && self.whole(look).lines().count() >= rows).then(|| self.line_in_short())
    }
}

impl Explained<'_> {
    /// Every field, every step.
    fn whole(&self, look: &RenderOptions) -> String {
        let mut out = fields(look, &told_apart(&self.said));
        out.push_str(&self.stopped(look));
        if let Some(path) = &self.path {
            out.push_str(&path_taken(look, path, false));
        }
        out
    }

    /// What tells the line from others, on one screen.
    fn brief(&self, look: &RenderOptions) -> String {
        let (usual, said): (Vec<Said>, Vec<Said>) =
            told_apart(&self.said).into_iter().partition(|one| one.usual);
        let mut out = fields_in_brief(look, &said);
        if !usual.is_empty() {
            let names: Vec<&str> = usual.iter().map(|one| one.field.trim()).collect();
            out.push_str(&sentence(
                look,
                DIM,
                &format!("as usual: {} (--all explains them)", names.join(", ")),
            ));
        }
        out.push_str(&self.stopped(look));
        if let Some(path) = &self.path {
            out.push_str(&path_taken(look, path, true));
        }
        out
    }

    /// Why the line was not read to its end.
    fn stopped(&self, look: &RenderOptions) -> String {
        let Some(stop) = &self.stop else { return String::new() };
        let words = format!("Truncated: {stop}. The fields above are reliable, the rest is missing.");
        format!("\n{}", sentence(look, WARN, &text::escape(words.as_bytes())))
    }

    /// Who sent what to whom.
    fn line_in_short(&self) -> String {
        let value = |name: &str| {
            let found = self.said.iter().find(|one| one.field == name);
            found.map(|one| one.value.clone()).filter(|value| !value.is_empty())
        };
        let place = |addr: &str, port: &str| match (value(addr).unwrap_or_default(), value(port)) {
            (addr, None) => addr,
            (addr, Some(port)) if addr.contains(':') => format!("[{addr}]:{port}"),
            (addr, Some(port)) => format!("{addr}:{port}"),
        };
        let words = [value("prefix"), value("PROTO"), Some(place("SRC", "SPT"))];
        let words: Vec<String> = words.into_iter().flatten().collect();
        format!("{} -> {}", words.join(" "), place("DST", "DPT"))
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

/// Columns that words need at least beside other columns; with fewer they are on lines of their own.
const FEWEST: usize = 20;
/// How far words on lines of their own are indented.
const INDENT: usize = 4;

/// Words wrapped to a width, unpainted.
fn wrapped(look: &RenderOptions, width: Option<usize>, words: &str) -> Vec<String> {
    let narrow = RenderOptions { width, color: false, ..look.clone() };
    sentence(&narrow, DIM, words).lines().map(str::to_owned).collect()
}

/// Each field with its value and meaning.
fn fields(look: &RenderOptions, said: &[Said]) -> String {
    let heads = [Column::whole("FIELD").styled(KEY), Column::text("VALUE"), Column::whole("MEANING")];
    // The words are wrapped beside the first two columns, so that nothing is cut.
    let first = said.iter().map(|s| text::width(&s.field)).max().unwrap_or(0).max(5);
    let second = said.iter().map(|s| text::width(&s.value)).max().unwrap_or(0).clamp(5, 26);
    let room = look.width.map(|width| width.saturating_sub(first + second + 4));
    if room.is_some_and(|room| room < FEWEST) {
        return said.iter().map(|one| field_on_lines(look, one)).collect();
    }
    let mut rows = Vec::new();
    for one in said {
        let value = wrap_hard(&one.value, second);
        let words = wrapped(look, room, &one.meaning);
        for i in 0..words.len().max(value.len()) {
            let field = if i == 0 { one.field.clone() } else { String::new() };
            let part = value.get(i).cloned().unwrap_or_default();
            rows.push(vec![field, part, words.get(i).cloned().unwrap_or_default()]);
        }
    }
    let unlimited = RenderOptions { width: None, ..look.clone() };
    columns(&unlimited, &heads, &rows)
}

/// A field and below it its meaning, on a screen that has no room for both side by side.
fn field_on_lines(look: &RenderOptions, one: &Said) -> String {
    let width = look.width.unwrap_or(usize::MAX);
    let mut out = String::new();
    for (at, part) in
        wrap_hard(&one.value, width.saturating_sub(text::width(&one.field) + 1).max(1)).iter().enumerate()
    {
        let name = if at == 0 { one.field.clone() } else { " ".repeat(text::width(&one.field)) };
        out.push_str(format!("{} {part}", look.paint(KEY, &name)).trim_end());
        out.push('\n');
    }
    for words in wrapped(look, Some(width.saturating_sub(INDENT)), &one.meaning) {
        out.push_str(&format!("{:INDENT$}{}\n", "", look.paint(DIM, &words)));
    }
    out
}

/// Fields on a line each; words that do not fit are shortened.
fn fields_in_brief(look: &RenderOptions, said: &[Said]) -> String {
    let heads =
        [Column::whole("FIELD").styled(KEY), Column::whole("VALUE"), Column::text("MEANING").styled(DIM)];
    let row = |one: &Said| vec![one.field.clone(), one.value.clone(), one.meaning.clone()];
    columns(look, &heads, &said.iter().map(row).collect::<Vec<_>>())
}

/// The path, step by step, and the verdict; in brief without the rules that do not match, and without reasons that
/// are always the same.
fn path_taken(look: &RenderOptions, path: &PathTaken, brief: bool) -> String {
    let mut out = format!("\n{}\n", look.paint(HEADING, PATH));
    out.push_str(&sentence(look, KEY, &path.way));
    let shown: Vec<&StepTaken> = path.steps.iter().filter(|step| !brief || step.answer != "no").collect();
    if !shown.is_empty() && !brief {
        out.push('\n');
    }
    out.push_str(&if brief { steps_in_brief(look, &shown) } else { steps(look, &shown) });
    let left_out = (path.steps.len() - shown.len()) as u64;
    if left_out > 0 {
        let words = look.count_of(left_out, "rule does not match", "rules do not match");
        out.push_str(&sentence(look, DIM, &format!("{words} (--all shows why)")));
    }
    if !path.verdict.is_empty() {
        out.push_str(if brief { "" } else { "\n" });
        out.push_str(&sentence(look, HEADING, &path.verdict));
    }
    out
}

/// The name of a step's rule, as deep as its chain is.
fn step_name(step: &StepTaken) -> String {
    format!("{}{}", "  ".repeat(step.depth), step.place)
}

/// A line a step.
fn steps_in_brief(look: &RenderOptions, steps: &[&StepTaken]) -> String {
    let heads = [Column::whole("RULE").styled(KEY), Column::whole("MATCH"), Column::text("")];
    let row = |step: &&StepTaken| {
        let why = if step.answer == "yes" { String::new() } else { format!("  ({})", step.why) };
        vec![step_name(step), step.answer.to_owned(), format!("{}{why}", step.rule)]
    };
    let look = RenderOptions { header: false, ..look.clone() };
    columns(&look, &heads, &steps.iter().map(row).collect::<Vec<_>>())
}

/// Each step with its rule and the reason for its answer.
fn steps(look: &RenderOptions, steps: &[&StepTaken]) -> String {
    let first = steps.iter().map(|step| text::width(&step_name(step))).max().unwrap_or(0);
    let second = steps.iter().map(|step| step.answer.len()).max().unwrap_or(0);
    let beside = look.width.map(|width| width.saturating_sub(first + second + 4));
    let below = beside.is_some_and(|room| room < FEWEST);
    let room = if below { look.width.map(|width| width.saturating_sub(INDENT)) } else { beside };
    let mut out = String::new();
    for step in steps {
        let name = step_name(step);
        let rule = wrapped(look, room, &step.rule).into_iter();
        let why = wrapped(look, room, &format!("({})", step.why)).into_iter();
        let parts = rule.chain(why.map(|words| look.paint(DIM, &words)));
        let pad = " ".repeat(if below { 0 } else { first - text::width(&name) });
        let answer = step.answer;
        let head = format!("{}{pad}  {answer:<second$}", look.paint(KEY, &name));
        if below {
            let fits = text::width(&name) + 2 + answer.len() <= look.width.unwrap_or(usize::MAX);
            let lines = if fits { vec![head] } else { vec![look.paint(KEY, &name), format!("  {answer}")] };
            lines.iter().for_each(|line| out.push_str(&(line.trim_end().to_owned() + "\n")));
            parts.for_each(|part| out.push_str(&format!("{:INDENT$}{part}\n", "")));
            continue;
        }
        for (at, part) in parts.enumerate() {
            let head = if at == 0 { head.clone() } else { " ".repeat(first + 2 + second) };
            out.push_str(format!("{head}  {part}").trim_end());
            out.push('\n');
        }
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
