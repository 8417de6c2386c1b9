//! Options of `fwstat timeline`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::Common;
use super::counted::CountArgs;
use super::values::rows;

/// `fwstat timeline`.
#[derive(Args, Debug, Clone)]
pub struct Timeline {
    /// Bucket size: 10s, 5min, 1h, 1d, 1w (default: what suits the log span).
    #[arg(short = 'b', long, value_name = "SPAN")]
    pub bucket: Option<String>,
    /// One column per value of these fields.
    #[arg(long, value_name = "FIELD[,FIELD]...")]
    pub by: Vec<String>,
    /// Columns with --by; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub counted: CountArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
