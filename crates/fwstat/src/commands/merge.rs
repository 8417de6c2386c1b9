//! `fwstat merge`: the states of many hosts or days as one.
//!
//! Responsible for: where the joined state goes.
//! Must not know: how states are joined (`kept`).
//! Tested by: `tests/cli/states.rs`.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, ensure};

use super::{Outcome, kept, replace};
use crate::cli;

/// Runs it.
///
/// # Errors
/// A state cannot be read, or does not fit the others; the output cannot be written.
pub fn command(arguments: &cli::Merge) -> anyhow::Result<Outcome> {
    let output = arguments.output.as_deref().filter(|path| path.as_os_str() != "-");
    ensure!(
        output.is_some() || !io::stdout().is_terminal(),
        "a state is not for a terminal: --output FILE, or > FILE"
    );
    let bytes = kept::merged(&arguments.states)?;
    match output {
        Some(path) => replace(path, &bytes)?,
        None => {
            let mut out = io::stdout().lock();
            out.write_all(&bytes).and_then(|()| out.flush()).context("standard output")?;
        }
    }
    Ok(Outcome::Found)
}
