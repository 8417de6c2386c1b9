//! Words that options take: forms, orders, kinds.
//!
//! Responsible for: their names, and numbers that mean a count.
//! Must not know: which options take them.
//! Tested by: `tests/cli/surface.rs`, `tests/cli/words.rs`.

use clap::ValueEnum;

/// What `--generate` writes.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Generate {
    Man,
    ManTop,
    ManTimeline,
    ManCheck,
    ManLines,
    ManExport,
    ManReplay,
    ManExplain,
    ManSuggest,
    ManReport,
    #[cfg(feature = "watch")]
    ManWatch,
    #[value(alias = "bash")]
    CompleteBash,
    #[value(alias = "zsh")]
    CompleteZsh,
    #[value(alias = "fish")]
    CompleteFish,
}

/// How many rows are shown.
pub(super) fn rows(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "not a number of rows: 10, or 0 for all".to_owned())
}

/// How many threads work.
pub(super) fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "not a number of threads: 1 or more".to_owned())
}

impl Generate {
    /// The command that a manual page is about; none for the program's own.
    #[must_use]
    pub fn command(self) -> Option<&'static str> {
        Some(match self {
            Generate::ManTop => "top",
            Generate::ManTimeline => "timeline",
            Generate::ManCheck => "check",
            Generate::ManLines => "lines",
            Generate::ManExport => "export",
            Generate::ManReplay => "replay",
            Generate::ManExplain => "explain",
            Generate::ManSuggest => "suggest",
            Generate::ManReport => "report",
            #[cfg(feature = "watch")]
            Generate::ManWatch => "watch",
            Generate::Man | Generate::CompleteBash | Generate::CompleteZsh | Generate::CompleteFish => {
                return None;
            }
        })
    }
}

/// `--sort`.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Sort {
    Count,
    Key,
    Distinct,
}

/// Names of exported fields.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Schema {
    Fwstat,
    Ecs,
}

/// Which lines `replay --print` writes.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Print {
    Remaining,
    Removed,
    Unknown,
}

/// Which lines `suggest --print` writes.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Silenced {
    Remaining,
    Removed,
}

/// Forms of rules.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum RuleFormat {
    Iptables,
    Restore,
    Nft,
    Ipset,
    Json,
    Fail2ban,
    Crowdsec,
}

/// Forms of output.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Format {
    Table,
    Plain,
    Json,
    #[value(alias = "jsonl")]
    Ndjson,
    Csv,
    Tsv,
    Markdown,
    Parquet,
    Html,
}

impl Format {
    /// The forms of output that a command has, the usual one first; the overview has no name.
    #[must_use]
    pub const fn of(command: &str) -> &'static [Format] {
        match command.as_bytes() {
            b"top" => {
                &[Format::Table, Format::Plain, Format::Json, Format::Csv, Format::Tsv, Format::Markdown]
            }
            b"timeline" | b"check" => &[Format::Table, Format::Plain, Format::Json, Format::Csv, Format::Tsv],
            b"report" => &[Format::Html],
            b"export" => &[Format::Ndjson, Format::Csv, Format::Tsv, Format::Parquet],
            _ => &[Format::Table, Format::Plain, Format::Json],
        }
    }
}

/// The chain for rules, if none is named.
pub const CHAIN: &str = "MALICIOUS";

/// So many rules are suggested at most, if nothing else is said.
pub const MOST_RULES: usize = 20;

/// How `watch --every` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // the names say it
pub enum WatchFormat {
    Ndjson,
    Text,
    Prometheus,
}

/// How bars are drawn.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Glyphs {
    Auto,
    Block,
    Ascii,
}

/// `--color`.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the names say it
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}
