//! What is written about the program: `fwstat help`, the manual pages, what shells complete.
//!
//! Responsible for: everything that `--generate` and `help` print, from the same table as `--help`.
//! Must not know: what a command does.
//! Tested by: `tests/cli/manual.rs`, `tests/cli/completions.rs`, `tests/cli/surface.rs`.

pub mod completions;
mod page;
mod screen;
mod topic;

use std::io::{self, Write};

use anyhow::bail;
use clap_complete::env::{EnvCompleter, Fish, Zsh};

use self::completions::Bash;
use crate::cli::{self, Generate};
use crate::report::style::RenderOptions;
use topic::{TOPICS, Topic};

/// Writes a manual page, or what makes a shell complete.
///
/// # Errors
/// The output cannot be written.
pub fn generate(kind: Generate, out: &mut dyn Write) -> io::Result<()> {
    registration(kind, "fwstat", out)
        .unwrap_or_else(|page| out.write_all(page::page(page.command()).as_bytes()))
}

/// Writes what makes a shell complete a program of the family; gives back what is no shell.
///
/// # Errors
/// The output cannot be written.
pub fn registration(kind: Generate, program: &str, out: &mut dyn Write) -> Result<io::Result<()>, Generate> {
    let shell: &dyn EnvCompleter = match kind {
        Generate::CompleteBash => &Bash,
        Generate::CompleteZsh => &Zsh,
        Generate::CompleteFish => &Fish,
        page => return Err(page),
    };
    let mut written = shell.write_registration(completions::VARIABLE, program, program, program, out);
    if matches!(kind, Generate::CompleteZsh) && written.is_ok() {
        written = out.write_all(FIRST_TAB.replace("fwstat", program).as_bytes());
    }
    Ok(written)
}

/// The manual page of a program that belongs to fwstat, as `fwstat-sql`, from its own command line.
#[must_use]
pub fn page_of(name: &str, program: clap::Command) -> String {
    page::of_program(name, program)
}

/// What zsh needs where it loads the script by itself, as the file `_fwstat` of a folder of `$fpath`.
const FIRST_TAB: &str = "
# Loaded by zsh itself, this is run by the first Tab, which wants its answer too.
if [[ $funcstack[1] == _fwstat ]]; then
    _clap_dynamic_completer_fwstat \"$@\"
fi
";

/// Writes the text of a topic, the help of a command, or which of both there are.
///
/// # Errors
/// There is no such topic, or the output cannot be written.
pub fn help(topic: Option<&str>, look: &RenderOptions, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut program = cli::command();
    let Some(name) = topic else {
        let mut rows: Vec<(String, String)> =
            TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.about.to_owned())).collect();
        rows.extend(cli::commands());
        let blocks = [
            topic::Block::Paragraph("fwstat help TOPIC, or a command:".to_owned()),
            topic::Block::Terms(rows),
        ];
        return Ok(out.write_all(screen::text(&blocks, look).as_bytes())?);
    };
    if let Some(topic) = Topic::named(name) {
        return Ok(out.write_all(screen::text(&topic.blocks(), look).as_bytes())?);
    }
    program.build();
    let Some(command) = program.find_subcommand_mut(name) else {
        let name = fwlog::text::escape(name.as_bytes());
        let known: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
        bail!("there is no help about `{name}`: {}, or a command", known.join(", "));
    };
    let text = command.render_long_help();
    if look.color {
        write!(out, "{}", text.ansi())?;
    } else {
        write!(out, "{text}")?;
    }
    Ok(())
}
