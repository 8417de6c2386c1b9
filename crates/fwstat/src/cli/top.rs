//! Options of `fwstat top`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::Common;
use super::counted::CountArgs;
use super::values::{Sort, rows};

/// `fwstat top`.
#[derive(Args, Debug, Clone)]
pub struct Top {
    /// Count by these fields: names of the record (src, dport, in, mac_src ...), networks
    /// (src/24, dst/64), service, day, hour, weekday. Several, separated by commas, form one key.
    #[arg(long, value_name = "FIELD[,FIELD]...")]
    pub by: Vec<String>,
    /// Rows per table; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    /// Only rows with at least N packets.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub min: u64,
    /// Also count how many values of this field each row has: --by src --distinct dport.
    #[arg(long, value_name = "FIELD")]
    pub distinct: Option<String>,
    /// Also the share of all rows down to each one.
    #[arg(long)]
    pub cumulative: bool,
    /// Order of the rows: most packets first, by key, or by the values of --distinct.
    #[arg(long, value_name = "ORDER", default_value = "count")]
    pub sort: Sort,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub counted: CountArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
