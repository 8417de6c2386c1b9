//! `fwstat` alone: what is in the log, at a glance.
//!
//! Responsible for: which few tables answer the first questions.
//! Must not know: how counting works.
//! Tested by: `tests/cli/timeline.rs`.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use serde_json::{Value, json};

use super::{Outcome, format, outcome, run, write};
use crate::cli::{self, Format};
use crate::options::Options;
use crate::report::style::{BAR, DIM, HEADING, KEY, sparkline};
use crate::report::{self, Head, Table};
use fwlog::aggregate::{Counts, Timeline};
use fwlog::record::{Field, Key};
use fwlog::text;

/// Days that a sparkline shows, at most.
const DAYS: usize = 400;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Overview) -> anyhow::Result<Outcome> {
    misspelt(&arguments.common.files)?;
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, &[Format::Table, Format::Json])?;
    let empty = (tables(), Timeline::new(Vec::new(), None));
    let ((counts, mut timeline), account, head) = run(&options, || empty.clone())?;
    let matched = account.totals.matched;
    let tables: Vec<Table> = counts
        .iter()
        .map(|counts| Table {
            by: counts.fields().iter().map(|field| field.name.clone()).collect(),
            ranked: counts.ranked(arguments.limit),
        })
        .collect();
    let bytes = match form {
        Format::Json => {
            let mut document = report::json::head("fwstat.overview/1", &head);
            let tables: Vec<Value> = tables.iter().map(|table| report::json::table(table, matched)).collect();
            document.insert("tables".to_owned(), json!(tables));
            report::json::print(&Value::Object(document))
        }
        _ => {
            timeline.fit(60);
            timeline.prefer_days();
            screen(&options, &head, &tables, &timeline).into_bytes()
        }
    };
    write(&options, &account, &bytes)?;
    Ok(outcome(&options, &account))
}

/// A first word that is no file but nearly a command was meant as one.
fn misspelt(files: &[PathBuf]) -> anyhow::Result<()> {
    let Some(word) = files.first().and_then(|file| file.to_str()) else { return Ok(()) };
    if Path::new(word).exists() || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return Ok(());
    }
    let command = cli::Cli::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    let near = names.map(|name| (strsim::levenshtein(word, name), name)).min();
    match near {
        Some((1 | 2, name)) if word.len() > 2 => {
            anyhow::bail!("no command and no file is called `{word}`; did you mean `fwstat {name}`?")
        }
        _ => Ok(()),
    }
}

/// What an overview shows.
fn tables() -> Vec<Counts> {
    let network = Field { name: "src/24".to_owned(), key: Key::Src, inner: false, net: Some((24, 64)) };
    vec![
        Counts::by(vec![Field::of(Key::Prefix)]),
        Counts::by(vec![Field::of(Key::Src)]),
        Counts::by(vec![network]),
        Counts::by(vec![Field::named(Key::Dpt, "dport"), Field::of(Key::Proto)]).only_present(),
    ]
}

fn screen(options: &Options, head: &Head, tables: &[Table], timeline: &Timeline) -> String {
    let look = &options.look;
    let matched = head.totals.matched;
    let mut out = report::table::head(look, head);
    if head.totals.packets + head.totals.cut == 0 {
        return out + &report::table::nothing(look, head);
    }
    let starts = timeline.starts(DAYS);
    if let (Some(first), Some(last), true) = (starts.first(), starts.last(), starts.len() > 1) {
        let values: Vec<u64> = starts.iter().map(|start| timeline.at(*start)).collect();
        let largest = values.iter().copied().max().unwrap_or(0);
        let line = look.paint(BAR, &sparkline(&values));
        out.push_str(&format!("{line}\n"));
        let per = super::timeline::length(timeline.step());
        let about = format!(
            "packets per {}, at most {}, {} to {}",
            per.strip_prefix("1 ").unwrap_or(&per),
            look.number(largest),
            super::timeline::start(*first, timeline.step()),
            super::timeline::start(*last, timeline.step()),
        );
        out.push_str(&(look.paint(DIM, &about) + "\n\n"));
    }
    let shown: Vec<String> = tables.iter().map(|table| report::table::counts(look, table, matched)).collect();
    // On a wide terminal, sources and their networks stand side by side.
    match (&shown[..], look.width) {
        ([prefixes, sources, networks, ports], Some(width)) if width >= 120 => {
            out.push_str(prefixes);
            out.push('\n');
            out.push_str(&report::style::beside(sources, networks, 4));
            out.push('\n');
            out.push_str(ports);
        }
        _ => out.push_str(&shown.join("\n")),
    }
    out.push_str(&report::table::foot(look, head));
    if look.header && matched > 0 {
        out.push('\n');
        out.push_str(&look.paint(HEADING, "Next:"));
        out.push('\n');
        for (command, what) in next(head, tables) {
            let fits = look.width.is_none_or(|width| 4 + text::width(&command) + text::width(what) <= width);
            let what = if fits { what } else { "" };
            let line = format!("  {}  {}", look.paint(KEY, &command), look.paint(DIM, what));
            out.push_str(&(line.trim_end().to_owned() + "\n"));
        }
    }
    out
}

/// Commands worth typing after this one.
fn next(head: &Head, tables: &[Table]) -> Vec<(String, &'static str)> {
    let files: Vec<String> = match &head.files[..] {
        files if files.len() <= 3 => files.iter().map(|file| quoted(file)).collect(),
        _ => vec!["FILE...".to_owned()],
    };
    let files = files.join(" ");
    let prefix =
        tables.first().and_then(|table| table.ranked.rows.first()).and_then(|row| match row.cells.first() {
            Some(fwlog::record::OwnedValue::Text(text)) if !text.is_empty() => {
                Some(format!(" --prefix {}", quoted(&text::escape(text))))
            }
            _ => None,
        });
    let mut commands = vec![
        (format!("fwstat top{} {files}", prefix.unwrap_or_default()), "more of one prefix"),
        (format!("fwstat timeline --by prefix {files}"), "over time"),
        (format!("fwstat suggest {files}"), "rules that silence the noise"),
        (format!("fwstat check {files}"), "what could not be read"),
    ];
    let widest = commands.iter().map(|(command, _)| text::width(command)).max().unwrap_or(0);
    for (command, _) in &mut commands {
        *command += &" ".repeat(widest - text::width(command));
    }
    commands
}

/// A word for a shell: as it is if it needs no quotes.
fn quoted(word: &str) -> String {
    let word = text::escape(word.as_bytes());
    let plain = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'_' | b'-' | b'+' | b':' | b'@' | b',')
    };
    if !word.is_empty() && word.bytes().all(plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_command_runs_nothing_else() {
        assert_eq!(quoted("kern.log"), "kern.log");
        assert_eq!(quoted("[UFW BLOCK]"), "'[UFW BLOCK]'");
        assert_eq!(quoted("x'; rm -rf ~ #"), "'x'\\''; rm -rf ~ #'");
        assert_eq!(quoted("a\nb"), "'a\\x0ab'");
    }
}
