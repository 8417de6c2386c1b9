//! `fwstat anonymise`: logs and rulesets that can be shown to others.
//!
//! Responsible for: each line read once, written in order, and read again before anything has its name.
//! Must not know: what is replaced by what (`anonymise`).
//! Tested by: `tests/cli/anonymise.rs`.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use fwlog::aggregate::Aggregate;
use fwlog::input::Chunk;
use fwlog::pipeline::order::Writer;
use fwlog::record::Record;
use fwlog::text;
use logparse::Scanner;

use super::{Outcome, commit_unless_stopped, finish, outcome, output, put, run};
use crate::anonymise::Settings;
use crate::anonymise::check::Check;
use crate::anonymise::record::Lines;
use crate::anonymise::ruleset::{self, ruleset};
use crate::cli::{self, FilterArgs};
use crate::options::{Options, anonymise as options};
use crate::report::diagnostics;
use crate::whole_file;

/// Lines that are looked at to see whether a file is a ruleset.
const LOOK: u64 = 1 << 12;

/// Runs it.
///
/// # Errors
/// An option makes no sense, the key cannot be read, the output cannot be written, or what was written is not what it
/// must be.
pub fn command(arguments: &cli::Anonymise) -> anyhow::Result<Outcome> {
    let settings = options::settings(arguments)?;
    let looks = |path: &PathBuf| arguments.ruleset || looks_like_rules(path);
    let rules = arguments.common.files.iter().filter(|path| looks(path)).count();
    if rules > 0 || arguments.ruleset {
        let [path] = &arguments.common.files[..] else {
            bail!("a ruleset is anonymised by itself: name one file, or `-`");
        };
        return rules_of(path, arguments, &settings);
    }
    let other = arguments.keep_other;
    let options = Options::new(&arguments.common, true)?;
    ensure!(
        options.format.is_none() && options.rejects.is_none(),
        "`fwstat anonymise` writes lines as they are: leave --format and --rejects out"
    );
    ensure!(!other || options.filters.is_empty(), "--keep-other keeps all lines: leave the filters out");
    let (out, beside) = output(&options)?;
    let writer = Writer::new(out, options.plan.threads, Arc::clone(&options.queue.stop));
    let (names, failed) = (options.queue.names(), Mutex::new(None));
    let make = || Shared {
        writer: &writer,
        lines: Lines::new(settings.mapper()),
        check: Check::default(),
        scanner: Scanner::new(),
        bytes: Vec::new(),
        made: Vec::new(),
        other,
        names: &names,
        failed: &failed,
    };
    let (_, account, _) = run(&options, make)?;
    finish(writer, &options)?;
    if let Some((name, line, what)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        bail!(
            "{}:{line}: {what} would not be what it must be, so this part is not written; please report this line",
            text::escape(name.as_bytes())
        );
    }
    if let Some(file) = beside {
        commit_unless_stopped(file, &options)?;
    }
    let totals = account.totals;
    let left = totals.other + totals.damaged;
    if !other && left > 0 && !options.quiet {
        let lines = text::count_of(left, "line was", "lines were");
        diagnostics::warning(&format!(
            "{lines} left out: not firewall lines, or corrupt (--keep-other keeps them)"
        ))?;
    }
    Ok(outcome(&options, &account))
}

/// Whether a file begins as a ruleset does.
fn looks_like_rules(path: &Path) -> bool {
    let mut text = Vec::new();
    let regular = path.metadata().is_ok_and(|meta| meta.is_file());
    let read = || std::fs::File::open(path)?.take(LOOK).read_to_end(&mut text);
    regular && { read }().is_ok() && ruleset::is_ruleset(&text)
}

/// A ruleset.
fn rules_of(path: &Path, arguments: &cli::Anonymise, settings: &Settings) -> anyhow::Result<Outcome> {
    let FilterArgs { prefix, src, .. } = &arguments.common.filter;
    ensure!(prefix.is_empty() && src.is_empty(), "filters are for logs, and this is a ruleset");
    let name = || text::escape(path.to_string_lossy().as_bytes());
    let text = match path.as_os_str() == "-" {
        true => whole_file::all_of(io::stdin().lock(), whole_file::RULES).context("standard input")?,
        false => whole_file::read(path, whole_file::RULES).with_context(name)?,
    };
    let (shared, ranges) =
        ruleset(&mut settings.mapper(), &text).map_err(anyhow::Error::msg).with_context(name)?;
    same_shape(&text, &shared).map_err(anyhow::Error::msg).with_context(name)?;
    if ranges > 0 {
        let ranges = text::count_of(ranges, "range of addresses is", "ranges of addresses are");
        diagnostics::warning(&format!(
            "{ranges} not what they were: their ends are mapped, and not what lies between"
        ))?;
    }
    if !arguments.common.output.look.quiet {
        put(arguments.common.output.look.file(), &shared)?;
    }
    Ok(if shared.is_empty() { Outcome::Nothing } else { Outcome::Found })
}

/// Reads both again: a ruleset that could be read still can, and has as many chains and rules.
fn same_shape(before: &[u8], after: &[u8]) -> Result<(), String> {
    let shape = |text: &[u8]| {
        let rules = fwrules::Ruleset::parse(text).ok()?;
        let chains: usize = rules.tables.iter().map(|table| table.chains.len()).sum();
        Some((rules.tables.len(), chains, rules.rules().count()))
    };
    match (shape(before), shape(after)) {
        (Some(before), after) if after != Some(before) => {
            Err("the output is not the same ruleset: nothing is written; please report this".to_owned())
        }
        _ => Ok(()),
    }
}

/// What is wrong with the output: the input, the line, the part of it.
type Failed = Option<(String, u64, &'static str)>;

/// One thread's lines of the chunk at hand.
struct Shared<'w> {
    writer: &'w Writer,
    lines: Lines,
    check: Check,
    scanner: Scanner,
    bytes: Vec<u8>,
    /// Where records begin in the input, the lines each has above its last one, and what they became.
    made: Vec<(u64, usize, Vec<u8>)>,
    /// Whether other lines are kept.
    other: bool,
    names: &'w [String],
    failed: &'w Mutex<Failed>,
}

impl Aggregate for Shared<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let above = match memchr::memchr(b'\n', record.raw) {
            Some(_) => memchr::memchr_iter(b'\n', record.raw).count(),
            None => 0,
        };
        let number = record.line_number();
        if self.other {
            let mut bytes = Vec::new();
            self.lines.record(record, &mut bytes);
            self.made.push((record.at().1, above, bytes));
        } else {
            self.lines.record(record, &mut self.bytes);
            self.bytes.push(b'\n');
        }
        // A record of two lines is not one that is read by itself.
        if above == 0 {
            self.check.expect(number, &record.line, &mut self.lines.mapper);
        } else {
            (0..=above).for_each(|_| self.check.pass(number));
        }
    }

    fn merge(&mut self, _: Self) {}

    fn needs_time(&self) -> bool {
        false
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        if self.other {
            self.whole(chunk);
        }
        if let Some((line, what)) = self.check.wrong(&mut self.scanner, &self.bytes) {
            let name = self.names.get(chunk.source).map_or("-", String::as_str);
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert_with(|| (name.to_owned(), line, what));
            self.bytes.clear();
        }
        self.bytes = self.writer.put(chunk.ticket, std::mem::take(&mut self.bytes));
    }
}

impl Shared<'_> {
    /// Every line of a chunk, records among the others.
    fn whole(&mut self, chunk: &Chunk<'_>) {
        let mut made = std::mem::take(&mut self.made).into_iter().peekable();
        let mut expected = self.check.take();
        let mut offset = chunk.offset;
        let lines: Vec<&[u8]> =
            chunk.bytes.strip_suffix(b"\n").unwrap_or(chunk.bytes).split(|b| *b == b'\n').collect();
        let begins: Vec<u64> = lines
            .iter()
            .map(|line| {
                let begin = offset;
                offset += line.len() as u64 + 1;
                begin
            })
            .collect();
        let mut skip = 0;
        for (at, line) in lines.iter().enumerate() {
            // The lines above the last one of a record are written with it.
            let ahead = made
                .peek()
                .is_some_and(|(begin, above, _)| *above > 0 && begins.get(at + above) == Some(begin));
            if ahead {
                skip = made.peek().map_or(0, |(_, above, _)| *above);
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            match made.next_if(|(begin, ..)| *begin == begins[at]) {
                Some((_, above, bytes)) => {
                    self.bytes.extend_from_slice(&bytes);
                    (0..=above).for_each(|_| self.check.put(expected.next()));
                }
                None => {
                    self.lines.other(line, &mut self.bytes);
                    self.check.pass(0);
                }
            }
            self.bytes.push(b'\n');
        }
    }
}
