//! The manual page, and what shells complete.
//!
//! Responsible for: `--generate`, from the same table as `--help`; answers for shells.
//! Must not know: what options come to.
//! Tested by: `tests/sql/program.rs`.

use std::io::{self, Write};

use clap::{Command, CommandFactory as _};
use fwstat::cli::Generate;
use fwstat::manual::{self, completions};

use crate::cli::Cli;

/// Writes the manual page, or what makes a shell complete.
///
/// # Errors
/// The output cannot be written.
pub fn write(kind: Generate, out: &mut dyn Write) -> io::Result<()> {
    manual::registration(kind, "fwstat-sql", out)
        .unwrap_or_else(|_| out.write_all(manual::page_of("fwstat-sql", Cli::command()).as_bytes()))
}

/// Answers a shell and ends the program, if a shell asks; also where it asks for `fwstat sql`.
pub fn answer() {
    completions::answer_for(|| {
        let own = completions::values(Cli::command());
        match completions::asked().is_some_and(|words| words.get(1).is_some_and(|word| word == "sql")) {
            true => Command::new("fwstat").subcommand(own.name("sql")),
            false => own,
        }
    });
}
