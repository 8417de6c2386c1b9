//! Options of `fwstat export`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::{Common, FollowArgs};
use super::values::Schema;

/// `fwstat export`.
#[derive(Args, Debug, Clone)]
pub struct Export {
    /// Only these fields, in this order.
    #[arg(long, value_name = "FIELD[,FIELD]...", conflicts_with = "schema")]
    pub fields: Vec<String>,
    /// Field names: fwstat's own or Elastic Common Schema.
    #[arg(long, value_name = "NAMES", default_value = "fwstat")]
    pub schema: Schema,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub follow: FollowArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
