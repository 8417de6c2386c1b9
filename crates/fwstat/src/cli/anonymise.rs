//! Options of `fwstat anonymise`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::Args;

use super::common::Common;

/// `fwstat anonymise`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:\n  \
      fwstat anonymise --key key --output shared.log kern.log\n  \
      fwstat anonymise --key key --output shared.rules rules\n  \
      iptables-save | fwstat anonymise --key key --ruleset -")]
pub struct Anonymise {
    /// The key: 32 bytes, or 64 hexadecimal digits; made anew if FILE is not there. One key maps a name to the same name
    /// in every file (default: a random key, which is not kept).
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Map the vendor of hardware addresses as well, not only the device.
    #[arg(long)]
    pub drop_vendor: bool,
    /// What becomes of some hosts, interfaces, users and prefixes: a file with one a line, and after a comma what it becomes.
    #[arg(long, value_name = "FILE")]
    pub replace: Option<PathBuf>,
    /// Keep lines that are no firewall records as well: of them addresses are mapped, and the host where syslog puts it,
    /// and nothing else.
    #[arg(long)]
    pub keep_other: bool,
    /// The input is a ruleset (default: as it looks): iptables-save, ip6tables-save, nft list ruleset, ipset save.
    #[arg(long)]
    pub ruleset: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
