//! Options of `fwstat replay`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::Args;

use super::common::{Common, RulesArgs};
use super::values::{Print, rows};

/// `fwstat replay`.
#[derive(Args, Debug, Clone)]
pub struct Replay {
    /// Write the raw lines that would remain, would be removed, or are unknown, and nothing else.
    #[arg(long, value_name = "WHICH")]
    pub print: Option<Print>,
    /// Rows per table; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 25, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rules: RulesArgs,
    /// The rules that wrote the log, if they are not RULES: what they prove about a line is
    /// used (else: RULES with --add, and without it only what is usual).
    #[arg(long, value_name = "RULES")]
    pub written_by: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
