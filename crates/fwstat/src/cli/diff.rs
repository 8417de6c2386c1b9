//! Options of `fwstat diff`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::Common;
use super::values::rows;

/// `fwstat diff`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:\n  \
      fwstat diff kern.log.1 kern.log\n  \
      fwstat diff --before yesterday kern.log\n  \
      fwstat diff --exit-code last-week.state this-week.state || mail -s 'firewall: new' root")]
pub struct Diff {
    /// Compare the part of one log before this moment with the rest (as --since).
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub before: Option<String>,
    /// Exit with 1 if there is something new, gone, risen or fallen, with 0 if not.
    #[arg(long)]
    pub exit_code: bool,
    /// Rows of each table; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 25, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
