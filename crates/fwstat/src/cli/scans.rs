//! Options of `fwstat scans`.
//!
//! Responsible for: its names, letters, help texts.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::common::Common;
use super::values::{rows, size};

/// `fwstat scans`.
#[derive(Args, Debug, Clone)]
pub struct Scans {
    /// Rows; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    /// Also campaigns of low confidence: a few ports, asked for by packets that any program may send.
    #[arg(long)]
    pub all: bool,
    /// Order of the rows: newest first, oldest first, or largest first by packets, aims or sources.
    #[arg(long, value_name = "ORDER", default_value = "newest")]
    pub sort: ScanSort,
    /// Who counts as one sender: each address, or each network (/24, of IPv6 /64).
    #[arg(long, value_name = "SENDER", default_value = "source")]
    pub by: ScanSender,
    /// Also the numbers of the lines of each campaign (JSON, of one file): the log is read twice.
    #[arg(long)]
    pub line_numbers: bool,
    /// Memory for what sources asked for, as 256M: beyond it, sources that asked for one thing only become a count.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
    /// Keep what sources asked for in FILE, and the counts of any other state: the next run reads only what is new, through
    /// rotation, and adds it. FILE can be named wherever a log can.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// `--sort` of scans.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum ScanSort {
    Newest,
    Oldest,
    Packets,
    Aims,
    Sources,
}

/// `--by` of scans.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum ScanSender {
    Source,
    Network,
}
