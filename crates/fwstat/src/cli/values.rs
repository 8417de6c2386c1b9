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
    ManScans,
    ManDiff,
    ManMerge,
    ManCheck,
    ManLines,
    ManExport,
    ManReplay,
    ManExplain,
    ManSuggest,
    ManReport,
    ManAnonymise,
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

/// A number of bytes: 1 MiB at least.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "not a size: 256M, 1G, at least 1M".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    let bytes = digits.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes >= 1 << 20).ok_or_else(wrong)
}

impl Generate {
    /// The command that a manual page is about; none for the program's own.
    #[must_use]
    pub fn command(self) -> Option<&'static str> {
        Some(match self {
            Generate::ManTop => "top",
            Generate::ManTimeline => "timeline",
            Generate::ManScans => "scans",
            Generate::ManDiff => "diff",
            Generate::ManMerge => "merge",
            Generate::ManCheck => "check",
            Generate::ManLines => "lines",
            Generate::ManExport => "export",
            Generate::ManReplay => "replay",
            Generate::ManExplain => "explain",
            Generate::ManSuggest => "suggest",
            Generate::ManReport => "report",
            Generate::ManAnonymise => "anonymise",
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
    Text,
    Mail,
}

impl Format {
    /// The forms of output that a command has, the usual one first; the overview has no name.
    #[must_use]
    pub const fn of(command: &str) -> &'static [Format] {
        match command.as_bytes() {
            b"top" | b"diff" => {
                &[Format::Table, Format::Plain, Format::Json, Format::Csv, Format::Tsv, Format::Markdown]
            }
            b"timeline" | b"check" | b"scans" => {
                &[Format::Table, Format::Plain, Format::Json, Format::Csv, Format::Tsv]
            }
            b"report" => &[Format::Html, Format::Text, Format::Markdown, Format::Mail],
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
