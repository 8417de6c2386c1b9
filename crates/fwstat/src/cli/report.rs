//! Options of `fwstat report`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::Args;

use super::common::Common;
use super::values::{CHAIN, MOST_RULES};

/// `fwstat report`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:\n  \
      fwstat report --output report.html kern.log\n  \
      fwstat report --rules rules --trusted 192.168.50.0/24 --output report.html kern.log")]
pub struct Report {
    /// Output of iptables-save, ip6tables-save or `nft -j list ruleset`; one of each family: what is let in, which rules
    /// are there already, and what they do with the log.
    #[arg(long, value_name = "RULES", help_heading = "Rules")]
    pub rules: Vec<PathBuf>,
    /// Sets that the rules name: what `ipset save` prints.
    #[arg(long, value_name = "FILE", help_heading = "Rules")]
    pub ipset: Vec<PathBuf>,
    /// Networks and hosts whose packets to this host are never silenced: an address, a network, or a file with one a
    /// line.
    #[arg(long, value_name = "CIDR|FILE", help_heading = "Rules")]
    pub trusted: Vec<String>,
    /// Never silence lines with this prefix (as --prefix reads it).
    #[arg(long, value_name = "PREFIX", help_heading = "Rules")]
    pub keep: Vec<String>,
    /// Suggested rules at most.
    #[arg(long, value_name = "N", default_value_t = MOST_RULES, help_heading = "Rules")]
    pub max_rules: usize,
    /// The chain for suggested rules.
    #[arg(long, value_name = "NAME", default_value = CHAIN, help_heading = "Rules")]
    pub chain: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
