//! `fwstat` alone: what is in the log, at a glance.
//!
//! Responsible for: which few tables answer the first questions.
//! Must not know: how counting works.
//! Tested by: `tests/cli/timeline.rs`.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use super::{Outcome, format, outcome, run, write};
use crate::cli::{self, Format};
use crate::options::Options;
use crate::report::overview::Overview;
use crate::report::{Ranking, render};
use fwlog::aggregate::{Counts, Timeline};
use fwlog::record::{Field, Key};

/// Columns of the line over time.
const COLUMNS: usize = 60;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Overview) -> anyhow::Result<Outcome> {
    misspelt(&arguments.common.files)?;
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of(""))?;
    let empty = (tables(), Timeline::new(Vec::new(), None));
    let ((counts, mut timeline), account, head) = run(&options, || empty.clone())?;
    timeline.fit(COLUMNS);
    timeline.prefer_days();
    let tables = counts.iter().map(|counts| Ranking::new(counts, arguments.limit)).collect();
    write(&options, &account, &render(&Overview { head, tables, timeline }, form, &options.look))?;
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
