//! Options of the overview.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::Common;
use super::counted::CountArgs;
use super::values::rows;

/// Options of the overview.
#[derive(Args, Debug, Clone)]
pub struct Overview {
    /// Rows of each table.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    /// All tables, also where the screen has no room for them.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub counted: CountArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
