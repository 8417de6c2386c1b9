//! `fwstat explain`: one line, field by field, and its way through the chains.
//!
//! Responsible for: finding the line, and putting fields and steps side by side with words.
//! Must not know: what a field means (`report::meaning`), how a rule is matched (`fwrules`).
//! Tested by: `tests/cli/explain.rs`, snapshots in `tests/explain`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};

use anyhow::{Context as _, bail};
use fwrules::{Context, Evidence, Place, Reach, Ruleset, Step, Tri, Walk, Walker};
use logparse::Completeness;
use serde_json::{Map, Value, json};

use super::Outcome;
use crate::cli;
use crate::options::{self, Look};
use crate::report;
use crate::report::meaning::{self, Said};
use crate::report::style::{Column, DIM, HEADING, KEY, WARN, columns, sentence};
use crate::rules::Rulesets;
use fwlog::input::LONGEST_LINE;
use fwlog::input::decode::{self, Meter};
use fwlog::pipeline::{self, is_one_record};
use fwlog::record::{Reading, Record};
use fwlog::text;

/// Lines of standard input that are explained at most.
const LINES: usize = 1_000;

/// Runs it.
///
/// # Errors
/// The line or a ruleset cannot be read, or the output cannot be written.
pub fn command(arguments: &cli::Explain) -> anyhow::Result<Outcome> {
    let look = options::look(&arguments.output.look, arguments.output.is_plain());
    let rulesets = Rulesets::read(&arguments.rules, &arguments.rules.rules)?;
    if rulesets.all.is_empty() && !arguments.rules.add.is_empty() {
        bail!("--add puts a rule into a ruleset: name it with --rules");
    }
    let lines = lines(&arguments.line)?;
    let mut out = Vec::new();
    let mut found = Outcome::Nothing;
    for (n, line) in lines.iter().enumerate() {
        if n > 0 {
            out.push(b'\n');
        }
        let mut scratch = Vec::new();
        let entry = match logparse::parse_with(line, &mut scratch) {
            Ok(entry) => entry,
            Err(error) => {
                let words = format!("not a line of the packet filter: {error}");
                if arguments.output.json {
                    let object = json!({"schema": "fwstat.explain/1", "line": report::json::bytes(line), "error": words});
                    out.extend(report::json::print(&object));
                } else {
                    out.extend(sentence(&look, WARN, &text::escape(words.as_bytes())).into_bytes());
                }
                continue;
            }
        };
        found = Outcome::Found;
        let cut = entry.completeness() != Completeness::Whole;
        let stop = entry.error.map(|stop| stop.to_string());
        let record = Record { entry: Reading::entry(&entry), raw: line, when: None, file: "", line: 0, at: (0, 0) };
        let said = meaning::all(&record);
        let ways: Vec<Way<'_>> = match rulesets.all.get(rulesets.of(&entry.packet)) {
            None => Vec::new(),
            Some((_, rules)) => {
                let walker = Walker::new(rules, Evidence::Same);
                let context = Context { local: &rulesets.local, time: None, cut };
                let walk = walker.walk(&entry.packet, &context);
                let why = walk.steps.iter().map(|step| why(&walker, &entry.packet, &context, step)).collect();
                vec![Way { rules, prefix: entry.packet.prefix, walk, why }]
            }
        };
        if arguments.output.json {
            out.extend(json_of(line, &said, stop.as_deref(), &ways));
        } else {
            out.extend(page(&look, &said, stop.as_deref(), &ways).into_bytes());
        }
    }
    if !arguments.output.look.quiet {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        stdout.flush()?;
    }
    Ok(found)
}

/// The lines to explain: the argument itself, standard input, or line N of a file.
fn lines(words: &[String]) -> anyhow::Result<Vec<Vec<u8>>> {
    let joined = words.join(" ");
    if joined == "-" {
        let mut lines = Vec::new();
        for line in io::stdin().lock().split(b'\n').take(LINES) {
            let line = line.context("standard input")?;
            if !line.trim_ascii().is_empty() {
                lines.push(line);
            }
        }
        if lines.is_empty() {
            bail!("standard input: no line in it");
        }
        return Ok(lines);
    }
    if let Some((file, number)) = joined.rsplit_once(':')
        && let Ok(number) = number.parse::<usize>()
        && !joined.contains("IN=")
    {
        if number == 0 {
            bail!("{joined}: lines are counted from 1");
        }
        return Ok(vec![line_of(file, number)?]);
    }
    Ok(vec![joined.into_bytes()])
}

/// Line `number` of a file, compressed or not; both lines of a record of two.
fn line_of(file: &str, number: usize) -> anyhow::Result<Vec<u8>> {
    let input = File::open(file).with_context(|| file.to_owned())?;
    let plain =
        decode::open(Box::new(input), true, &mut Meter::default()).with_context(|| file.to_owned())?;
    let mut reader = BufReader::new(plain);
    let mut line = |at: usize| -> anyhow::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        // A line is never longer than any that is read; the rest of it is passed over.
        let mut part = reader.by_ref().take(LONGEST_LINE as u64 + 1);
        part.read_until(b'\n', &mut line).with_context(|| format!("{file}: line {at}"))?;
        match line.pop() {
            None => return Ok(None),
            Some(b'\n') => {}
            Some(last) => {
                line.push(last);
                if line.len() > LONGEST_LINE {
                    reader.skip_until(b'\n').with_context(|| format!("{file}: line {at}"))?;
                }
            }
        }
        Ok(Some(line))
    };
    let mut above = Vec::new();
    for at in 1..=number {
        let Some(found) = line(at)? else {
            let lines = at - 1;
            bail!(
                "{file} has {lines} {}, there is no line {number}",
                if lines == 1 { "line" } else { "lines" }
            );
        };
        if at < number {
            above = found;
            continue;
        }
        if is_one_record(&above, &found) {
            return Ok(pipeline::joined(&above, &found));
        }
        return Ok(match line(at + 1)? {
            Some(below) if is_one_record(&found, &below) => pipeline::joined(&found, &below),
            _ => found,
        });
    }
    bail!("{file}:{number}: lines are counted from 1")
}

/// The way of one line through one ruleset.
struct Way<'r> {
    rules: &'r Ruleset,
    prefix: &'r [u8],
    walk: Walk,
    /// For each step, why.
    why: Vec<String>,
}

/// Why a rule took the packet or did not.
fn why(walker: &Walker<'_>, packet: &logparse::Packet<'_>, context: &Context<'_>, step: &Step) -> String {
    let Place::Rule(_) = step.place else { return "nothing else took it".to_owned() };
    let conditions = walker.conditions(packet, context, step);
    if step.proved {
        return match step.result {
            Tri::Yes => "it must have: the line would not have been written else".to_owned(),
            _ => "it cannot have: the line would not have been written then".to_owned(),
        };
    }
    let of = |wanted: fn(&Tri) -> bool| -> Vec<&(String, Tri)> {
        conditions.iter().filter(|(_, tri)| wanted(tri)).collect()
    };
    match step.result {
        Tri::No => {
            let mut names: Vec<String> =
                of(|t| *t == Tri::No).iter().map(|(name, _)| instead(name, packet)).collect();
            // What is asked of a protocol's header says nothing about a packet of another.
            if names.first().is_some_and(|name| name.starts_with("-p ")) {
                names.retain(|name| !["-m tcp", "-m udp", "-m icmp"].iter().any(|m| name.starts_with(m)));
            }
            if names.is_empty() {
                return "what is known of the connection excludes it".to_owned();
            }
            let mut why = format!("does not fit: {}", names.join(", "));
            if let Some(change) = walker.near_miss(packet, context, step) {
                why += &format!("; with {change} it would");
            }
            why
        }
        Tri::Unknown(reason) => {
            let names: Vec<&str> =
                of(|t| matches!(t, Tri::Unknown(_))).iter().map(|(name, _)| name.as_str()).collect();
            format!("{reason}: {}", names.join(", "))
        }
        Tri::Yes if conditions.is_empty() => "takes every packet".to_owned(),
        Tri::Yes => "every condition fits".to_owned(),
    }
}

/// A condition that does not fit, with what the packet has instead where that is one word.
fn instead(condition: &str, packet: &logparse::Packet<'_>) -> String {
    let ports = packet.datagram.ports();
    let name = |name: &[u8]| if name.is_empty() { "empty".to_owned() } else { text::escape(name) };
    let mut words = condition.split(' ');
    let first = words.next();
    let option = match first {
        Some("-m") => words.nth(1),
        Some("!") => words.next(),
        first => first,
    };
    let one_option = condition.matches("--").count() == 1;
    let has = match option {
        Some("-p") => packet.datagram.protocol().map(|protocol| protocol.to_string()),
        Some("-s") => packet.src().map(|addr| addr.to_string()),
        Some("-d") => packet.dst().map(|addr| addr.to_string()),
        Some("-i") => Some(name(packet.in_iface)),
        Some("-o") => Some(name(packet.out_iface)),
        Some("--dport" | "--dports") if one_option => ports.dst.map(|port| port.to_string()),
        Some("--sport" | "--sports") if one_option => ports.src.map(|port| port.to_string()),
        _ => None,
    };
    match has {
        Some(has) => format!("{condition} (here {has})"),
        None => condition.to_owned(),
    }
}

impl Way<'_> {
    /// `INPUT -> MALICIOUS -> STDIN -> LOG -> DROP`.
    fn drawn(&self) -> String {
        let outcome = &self.walk.outcome;
        if outcome.other_family {
            return "these rules do not see packets of this family".to_owned();
        }
        let mut parts: Vec<String> = Vec::new();
        for step in &self.walk.steps {
            let doubt = if step.reach == Reach::Possible || matches!(step.result, Tri::Unknown(_)) {
                "?"
            } else {
                ""
            };
            match step.place {
                Place::Rule(id) => {
                    let chain = self.rules.chain_of(id).map(|c| c.name.to_string()).unwrap_or_default();
                    if step.depth == 0 && id.rule == 0 {
                        parts.push(chain);
                    }
                    let Some(rule) = self.rules.rule(id) else { continue };
                    if step.result == Tri::No {
                        continue;
                    }
                    if rule.log.is_some() {
                        parts.push(format!("LOG{doubt}"));
                    }
                    let word = String::from_utf8_lossy(rule.target.word()).into_owned();
                    if !word.is_empty() && !matches!(word.as_str(), "LOG" | "NFLOG" | "RETURN") {
                        parts.push(format!("{word}{doubt}"));
                    }
                }
                Place::Policy(table, chain) => {
                    let chain = &self.rules.tables[table as usize].chains[chain as usize];
                    let policy = chain.base.map_or("", |base| base.policy.word());
                    if chain.rules.is_empty() {
                        parts.push(chain.name.to_string());
                    }
                    parts.push(format!("{policy}{doubt}"));
                }
            }
        }
        text::escape(parts.join(" -> ").as_bytes())
    }

    /// What the kernel did in the end, and whether it fits the line.
    fn verdict(&self) -> String {
        let outcome = &self.walk.outcome;
        if outcome.other_family {
            return String::new();
        }
        let end = match outcome.verdict() {
            Some(verdict) => {
                let by: Vec<String> = outcome.ends.iter().map(|end| self.rules.place(end.by)).collect();
                match &by[..] {
                    [one] => format!("{} by {one}", verdict.word()),
                    _ => verdict.word().to_owned(),
                }
            }
            None => "unknown: it depends on what the line does not tell".to_owned(),
        };
        let mut writers = self.rules.writers(self.prefix).peekable();
        let line = if writers.peek().is_none() {
            "no rule here writes this prefix: other rules wrote the line".to_owned()
        } else {
            let logged: Vec<String> = writers
                .filter(|id| outcome.logged.iter().any(|(logged, _)| logged == id))
                .map(|id| self.rules.name(id))
                .collect();
            match logged.is_empty() {
                true => "with these rules the line would not be written".to_owned(),
                false => format!("the line is written by {}", logged.join(", ")),
            }
        };
        format!("End: {end}; {line}.")
    }

    fn steps(&self) -> impl Iterator<Item = (&Step, &String)> {
        self.walk.steps.iter().zip(&self.why)
    }

    fn rule_text(&self, step: &Step) -> String {
        match step.place {
            Place::Rule(id) => self.rules.rule(id).map(fwrules::Rule::to_display).unwrap_or_default(),
            Place::Policy(table, chain) => {
                let chain = &self.rules.tables[table as usize].chains[chain as usize];
                chain
                    .base
                    .map_or_else(String::new, |base| format!("-P {} {}", chain.name, base.policy.word()))
            }
        }
    }
}

fn answer(step: &Step) -> &'static str {
    match (step.result, step.reach) {
        (Tri::No, _) => "no",
        (Tri::Yes, Reach::Certain) => "yes",
        (Tri::Yes, Reach::Possible) => "if it comes here",
        (Tri::Unknown(_), _) => "unknown",
    }
}

fn page(look: &Look, said: &[Said], stop: Option<&str>, ways: &[Way<'_>]) -> String {
    let mut out = String::new();
    let heads = [
        Column { shrinks: false, ..Column::text("FIELD") }.styled(KEY),
        Column::text("VALUE"),
        Column { shrinks: false, ..Column::text("MEANING") },
    ];
    // The words are wrapped beside the first two columns, so that nothing is cut.
    let first = said.iter().map(|s| text::width(&s.field)).max().unwrap_or(0).max(5);
    let second = said.iter().map(|s| text::width(&s.value)).max().unwrap_or(0).clamp(5, 26);
    let room = look.width.map(|width| width.saturating_sub(first + second + 4).max(20));
    let narrow = Look { width: room, color: false, ..look.clone() };
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
    let unlimited = Look { width: None, ..look.clone() };
    out.push_str(&columns(&unlimited, &heads, &rows));
    if let Some(stop) = stop {
        out.push('\n');
        let words =
            format!("Not read to its end: {stop}. What stands above is certain, the rest is missing.");
        out.push_str(&sentence(look, WARN, &text::escape(words.as_bytes())));
    }
    for way in ways {
        out.push_str(&format!("\n{}\n", look.paint(HEADING, "Its way through the chains")));
        out.push_str(&sentence(look, KEY, &way.drawn()));
        let rows: Vec<(String, &'static str, String, &String)> = way
            .steps()
            .map(|(step, why)| {
                let name = format!("{}{}", "  ".repeat(step.depth), way.rules.place(step.place));
                (name, answer(step), way.rule_text(step), why)
            })
            .collect();
        let first = rows.iter().map(|row| text::width(&row.0)).max().unwrap_or(0);
        let second = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
        let room = look.width.map(|width| width.saturating_sub(first + second + 4).max(20));
        let narrow = Look { width: room, color: false, ..look.clone() };
        if !rows.is_empty() {
            out.push('\n');
        }
        for (name, answer, rule, why) in rows {
            let mut parts: Vec<String> = sentence(&narrow, DIM, &rule).lines().map(str::to_owned).collect();
            let words: Vec<String> =
                sentence(&narrow, DIM, &format!("({why})")).lines().map(str::to_owned).collect();
            let split = parts.len();
            parts.extend(words);
            for (i, part) in parts.iter().enumerate() {
                let (name, answer) = if i == 0 { (name.as_str(), answer) } else { ("", "") };
                let part = if i < split { part.clone() } else { look.paint(DIM, part) };
                let pad = " ".repeat(first - text::width(name));
                out.push_str(format!("{}{pad}  {answer:<second$}  {part}", look.paint(KEY, name)).trim_end());
                out.push('\n');
            }
        }
        let verdict = way.verdict();
        if !verdict.is_empty() {
            out.push('\n');
            out.push_str(&sentence(look, HEADING, &verdict));
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

fn json_of(line: &[u8], said: &[Said], stop: Option<&str>, ways: &[Way<'_>]) -> Vec<u8> {
    let mut document = Map::new();
    document.insert("schema".to_owned(), json!("fwstat.explain/1"));
    document.insert("line".to_owned(), report::json::bytes(line));
    let fields: Vec<Value> = said
        .iter()
        .map(|one| json!({"field": one.field, "value": one.value, "meaning": one.meaning}))
        .collect();
    document.insert("fields".to_owned(), json!(fields));
    if let Some(stop) = stop {
        document.insert("stop".to_owned(), json!(stop));
    }
    if let Some(way) = ways.first() {
        let steps: Vec<Value> = way
            .steps()
            .map(|(step, why)| {
                json!({"place": way.rules.place(step.place), "depth": step.depth, "answer": answer(step),
                    "rule": way.rule_text(step), "why": why})
            })
            .collect();
        document.insert("way".to_owned(), json!(way.drawn()));
        document.insert("steps".to_owned(), json!(steps));
        document.insert("end".to_owned(), json!(way.walk.outcome.verdict().map(|verdict| verdict.word())));
    }
    report::json::print(&Value::Object(document))
}
