//! Options of commands that count.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::Args;

use super::values::size;

/// What is done with counts.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Counts")]
pub struct CountArgs {
    /// Memory for what is counted: 256M, 1G. Beyond it the rarest values are let go of, and ± says what a count may lack.
    ///
    /// Counts are exact until the memory is used. Then the least frequent values are let go of, again and again: each
    /// number is a lower bound and has behind ± what it may lack at most, and how many values there are is an estimate.
    /// The program itself takes up to 50 MB beside that.
    #[arg(hide_short_help = true, long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
    /// Keep the counts in FILE: the next run reads only what is new, through rotation, and adds it. FILE can be named
    /// wherever a log can.
    ///
    /// It holds what was counted, of which packets, and how far each log was read; it is written after the output, as a whole
    /// or not at all. What has no place to go on from (standard input, packed files, the journal) is counted once. fwstat
    /// merge joins states of many hosts and days.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Only rows of values that this state has not: what is new since it was written.
    #[arg(long, value_name = "STATE")]
    pub new_since: Option<PathBuf>,
}
