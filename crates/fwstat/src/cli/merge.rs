//! Options of `fwstat merge`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::Args;

/// `fwstat merge`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:\n  \
      fwstat merge --output week.state mon.state tue.state wed.state\n  \
      fwstat merge *.state > fleet.state; fwstat top --by host fleet.state")]
pub struct Merge {
    /// States, as --state keeps them: of the same questions and filters.
    #[arg(value_name = "STATE", required = true)]
    pub states: Vec<PathBuf>,
    /// Write to FILE (created atomically when complete).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}
