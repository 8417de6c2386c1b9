//! Options of `fwstat explain`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use clap::Args;

use super::common::{OutputArgs, RulesArgs};

/// `fwstat explain`.
#[derive(Args, Debug, Clone)]
pub struct Explain {
    /// The line itself, `-` for standard input, or FILE:N for line N of a file.
    #[arg(value_name = "LINE|-|FILE:N", required = true)]
    pub line: Vec<String>,
    /// Every field and every rule, also where the screen has no room for them.
    #[arg(long)]
    pub all: bool,
    /// What comes before the prefix, where fwstat does not know it: an expression with groups called time, host, tag,
    /// uptime and prefix, as `(?<time>\S+ \S+) (?<host>\S+): `.
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    pub envelope: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rules: RulesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}
