//! Options of `fwstat watch`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::Args;

use super::common::{FilterArgs, InputArgs, LookArgs, RulesArgs};
use super::values::{Color, Glyphs, WatchFormat};

/// `fwstat watch`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:\n  \
      fwstat watch /var/log/kern.log\n  \
      fwstat watch --rules rules --window 1h /var/log/kern.log\n  \
      fwstat watch --rules rules --bell --exec 'logger near hit of $FWSTAT_SRC' /var/log/kern.log\n  \
      fwstat watch --rules rules --counters 'sudo iptables-save -c' /var/log/kern.log\n  \
      ssh gateway tail -F /var/log/kern.log | fwstat watch")]
pub struct Watch {
    /// Files to read; `-` is standard input. gzip, zstd, xz and bzip2 are recognised.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The time looked at first: the last minute, hour or day of the log, or all of it.
    #[arg(long, value_name = "SPAN", default_value = "all", value_parser = ["all", "24h", "1h", "5min", "1min"])]
    pub window: String,
    /// How bars are drawn: with blocks, or with ASCII (auto: by the terminal and the locale).
    #[arg(long, value_name = "GLYPHS", default_value = "auto")]
    pub glyphs: Glyphs,
    /// The kernel's counters beside the log: a file with what iptables-save -c or `nft -j list ruleset` prints, or a
    /// command that prints it. It is read once a second, and run by a shell; repeat it for ip6tables-save.
    #[arg(long, value_name = "FILE|COMMAND")]
    pub counters: Vec<String>,
    /// Networks and hosts whose packets no suggested rule silences: an address, a network, or a file with one a line.
    #[arg(long, value_name = "CIDR|FILE")]
    pub trusted: Vec<String>,
    /// Suggest no rule that silences lines with this prefix (as --prefix reads it).
    #[arg(long, value_name = "PREFIX")]
    pub keep: Vec<String>,
    /// No screen: write what is counted again and again, every 10s or 1min, to standard output or --output.
    #[arg(long, value_name = "SPAN")]
    pub every: Option<String>,
    /// With --every: JSON (a document a line), text, or Prometheus' text format (--output is replaced as a whole).
    #[arg(long, value_name = "FORMAT", default_value = "ndjson", requires = "every")]
    pub format: WatchFormat,
    /// Pictures a second at most; a key is answered at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=30))]
    pub fps: u8,
    /// Ring the terminal's bell on a near hit (an untrusted source on an open service; README), once in 10 s at most.
    #[arg(long, conflicts_with = "every")]
    pub bell: bool,
    /// Run CMD on a near hit, once in 10 s at most. A shell runs it; the packet's fields are in its environment
    /// (FWSTAT_SRC, FWSTAT_DPT, ...), and FWSTAT_HITS says how many near hits came since the last time.
    #[arg(long, value_name = "CMD")]
    pub exec: Option<String>,
    /// With --every: append to FILE (created if it is not there), or with --format prometheus replace it.
    #[arg(long = "output", value_name = "FILE", requires = "every")]
    pub output_file: Option<PathBuf>,
    /// When to use colours and bars.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Do not read the file of arguments (~/.config/fwstat/args).
    #[arg(long)]
    pub no_config: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rules: RulesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub filter: FilterArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub input: InputArgs,
}

impl Watch {
    /// What a report would look like: of that watch takes where it goes, and colours.
    #[must_use]
    pub fn look(&self) -> LookArgs {
        LookArgs { output_file: self.output_file.clone(), color: self.color, ..LookArgs::default() }
    }
}
