//! Options of `fwstat check`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::Common;

/// `fwstat check`.
#[derive(Args, Debug, Clone)]
pub struct Check {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
