//! `fwstat check`: the account of all lines, with every reason and where it came up first.
//!
//! Responsible for: nothing is filtered, and what else is known of the inputs is said.
//! Must not know: filters.
//! Tested by: `tests/cli/check.rs`.

use super::{Outcome, format, outcome, run, write};
use crate::cli::{self, Format};
use crate::options::Options;
use crate::report::check::Checked;
use crate::report::render;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Check) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let form = format(&options, Format::Table, Format::of("check"))?;
    let ((), account, mut head) = run(&options, || ())?;
    if !options.verbose {
        head.notes.extend(options.queue.remarks());
    }
    let report = Checked { head: &head, account: &account };
    write(&options, &account, &render(&report, form, &options.look))?;
    Ok(outcome(&options, &account))
}
