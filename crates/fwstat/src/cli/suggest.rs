//! Options of `fwstat suggest`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::Args;

use super::common::{FilterArgs, InputArgs, LookArgs};
use super::values::{CHAIN, MOST_RULES, RuleFormat, Silenced, size};

/// `fwstat suggest`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Nothing is ever run: the rules are text to review, to paste or to pipe into sh.\n\n\
    Examples:\n  \
      iptables-save -c > rules; fwstat suggest --rules rules kern.log\n  \
      fwstat suggest --trusted 192.168.50.0/24 --interactive kern.log\n  \
      fwstat suggest --rules rules --format restore kern.log > new; iptables-restore -n < new")]
pub struct Suggest {
    /// Files to read; `-` is standard input. gzip, zstd, xz and bzip2 are recognised.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Output of `iptables-save`; repeat for `ip6tables-save`: what is let in, which rules are
    /// there already.
    #[arg(long, value_name = "SAVE")]
    pub rules: Vec<PathBuf>,
    /// Networks and hosts whose packets to this host are never silenced: an address, a network,
    /// or a file with one a line (`#` begins a comment).
    #[arg(long, value_name = "CIDR|FILE")]
    pub trusted: Vec<String>,
    /// Never silence lines with this prefix (as --prefix reads it). Prefixes containing `foreign` are always kept.
    #[arg(long, value_name = "PREFIX")]
    pub keep: Vec<String>,
    /// Rules at most.
    #[arg(long, value_name = "N", default_value_t = MOST_RULES)]
    pub max_rules: usize,
    /// Stop once this share of the noise is covered (default: every worthwhile rule).
    #[arg(hide_short_help = true, long, value_name = "PERCENT")]
    pub target: Option<String>,
    /// The chain for the rules.
    #[arg(long, value_name = "NAME", default_value = CHAIN)]
    pub chain: String,
    /// One rule at a time, in a terminal: yes, no, narrower, show lines.
    #[arg(long)]
    pub interactive: bool,
    /// Commands that add a rule only if it is not there.
    #[arg(hide_short_help = true, long)]
    pub idempotent: bool,
    /// Print the commands that remove the rules, instead of those that add them.
    #[arg(long)]
    pub undo: bool,
    /// Also print nat rules that redirect untrusted connections to restricted services to this
    /// honeypot, with their LOG, FORWARD and return path.
    #[arg(hide_short_help = true, long, value_name = "ADDRESS[:PORT]")]
    pub honeypot: Option<String>,
    /// Write the raw lines that would remain with these rules, or that they would remove, and nothing else.
    #[arg(long, value_name = "WHICH", conflicts_with_all = ["format", "json", "undo", "idempotent"])]
    pub print: Option<Silenced>,
    /// Lifetime of ipset and CrowdSec entries.
    #[arg(hide_short_help = true, long, value_name = "SPAN", default_value = "1w")]
    pub timeout: String,
    /// Memory to stay within, as 256M: what is kept does not grow with the log, but with the threads, so there are fewer.
    #[arg(hide_short_help = true, long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
    /// Output format.
    #[arg(long, value_name = "FORMAT", default_value = "iptables", help_heading = "Output")]
    pub format: RuleFormat,
    /// The same as --format json.
    #[arg(short = 'j', long, help_heading = "Output")]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub filter: FilterArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub input: InputArgs,
}

impl Suggest {
    /// The form of the output.
    #[must_use]
    pub fn form(&self) -> RuleFormat {
        if self.json { RuleFormat::Json } else { self.format }
    }
}
