//! Options of `fwstat lines`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::{Common, FollowArgs};

/// `fwstat lines`.
#[derive(Args, Debug, Clone)]
pub struct Lines {
    /// Only the first N lines; 0 for all.
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only the last N lines.
    #[arg(long, value_name = "N", conflicts_with_all = ["limit", "after_context", "before_context", "context"])]
    pub tail: Option<usize>,
    /// The other lines instead: those of records that do not pass, and those that are no records.
    #[arg(long)]
    pub invert: bool,
    /// How many lines there are, and nothing else.
    #[arg(short = 'c', long, conflicts_with_all = ["limit", "tail"])]
    pub count: bool,
    /// Only the lines of this campaign, by the id that `fwstat scans` gives it: the log is read twice.
    #[arg(long, value_name = "ID", conflicts_with_all = ["follow", "cursor"])]
    pub campaign: Option<String>,
    /// N lines of the log after each as well.
    #[arg(short = 'A', long, value_name = "N")]
    pub after_context: Option<usize>,
    /// N lines of the log before each as well.
    #[arg(short = 'B', long, value_name = "N")]
    pub before_context: Option<usize>,
    /// N lines of the log before and after each as well.
    #[arg(short = 'C', long, value_name = "N")]
    pub context: Option<usize>,
    /// The number of each line before it, as on a terminal.
    #[arg(long)]
    pub line_number: bool,
    /// The name of its file before each line, as with several files.
    #[arg(long, overrides_with = "no_filename")]
    pub with_filename: bool,
    /// No names of files.
    #[arg(long)]
    pub no_filename: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub follow: FollowArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
