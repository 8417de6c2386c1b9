//! `fwstat explain`: one line, field by field, and its path through the chains.
//!
//! Responsible for: finding the line.
//! Must not know: what a field means (`report::meaning`), how a rule is matched (`fwrules`).
//! Tested by: `tests/cli/explain.rs`, snapshots in `tests/explain`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};

use anyhow::{Context as _, bail};
use fwrules::Context;
use logparse::{Completeness, Line};
use serde_json::json;

use super::Outcome;
use crate::analysis::explain::PathTaken;
use crate::cli::{self, Format};
use crate::options;
use crate::report::explain::Explained;
use crate::report::style::{WARN, sentence};
use crate::report::{self, meaning};
use crate::rules::Rulesets;
use fwlog::input::LONGEST_LINE;
use fwlog::input::bytes::Meter;
use fwlog::input::decode::{Decoded, Decoding};
use fwlog::input::{decode, journal};
use fwlog::pipeline::{self, account, is_one_record};
use fwlog::record::Record;
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
    for note in rulesets.notes() {
        report::diagnostics::warning(&text::escape(note.as_bytes()))?;
    }
    let lines = lines(&arguments.line)?;
    let head = arguments.envelope.as_deref().map(options::envelope).transpose()?;
    let mut out = Vec::new();
    let mut found = Outcome::Nothing;
    for (n, line) in lines.iter().enumerate() {
        if n > 0 {
            out.push(b'\n');
        }
        let mut scratch = Vec::new();
        let opened = head.as_ref().and_then(|head| head.opened(line));
        let entry = match logparse::parse_with(opened.as_deref().unwrap_or(line), &mut scratch) {
            Ok(entry) => entry,
            Err(error) => {
                let words = no_packet(line, &error);
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
        let record = Record::alone(Line::Full(&entry), line);
        let context = Context { local: &rulesets.local, time: None, cut };
        let rules = rulesets.all.get(rulesets.of(&entry.packet));
        let explained = Explained {
            line,
            said: meaning::all(&record),
            stop: entry.error.map(|stop| stop.to_string()),
            all: arguments.all,
            path: rules.map(|(_, rules)| PathTaken::new(rules, &entry.packet, &context)),
        };
        let form = if arguments.output.json { Format::Json } else { Format::Table };
        out.extend(report::render(&explained, form, &look));
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
    if let [word] = words
        && std::path::Path::new(word).is_file()
    {
        bail!("{word} is a file; which line? fwstat explain {}:N", text::quoted(word));
    }
    Ok(vec![joined.into_bytes()])
}

/// What is said of a line that is no packet.
fn no_packet(line: &[u8], error: &logparse::ParseError) -> String {
    match account::loss(line) {
        Some((what, lines)) => {
            let lines = text::count_of(lines, "line", "lines");
            format!("not a firewall log line: it says that {lines} never reached the log ({what})")
        }
        None => format!("not a firewall log line: {error}"),
    }
}

/// Line `number` of a file, compressed or not; both lines of a record of two.
fn line_of(file: &str, number: usize) -> anyhow::Result<Vec<u8>> {
    let path = std::path::Path::new(file);
    if journal::is_journal(path) {
        let years = options::local_years();
        return journal::line(path, number as u64, &years).map_err(|why| anyhow::anyhow!("{file}: {why}"));
    }
    let input = File::open(file).with_context(|| file.to_owned())?;
    let plain = match decode::open(Box::new(input), &Decoding::default(), &mut Meter::default()) {
        Ok(Decoded::Lines(plain)) => plain,
        Ok(Decoded::Journal(stream)) => {
            let kept = journal::spool(stream).with_context(|| file.to_owned())?;
            return journal::line_of(kept, number as u64, &options::local_years())
                .map_err(|why| anyhow::anyhow!("{file}: {why}"));
        }
        Err(error) => return Err(error).with_context(|| file.to_owned()),
    };
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
