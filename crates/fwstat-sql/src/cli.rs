//! The command line of `fwstat sql`.
//!
//! Responsible for: what was typed. The options of reading and filtering are those of every command.
//! Must not know: what is done with it.
//! Tested by: `tests/sql/program.rs`.

use std::path::PathBuf;

use clap::Parser;
use fwstat::cli::Common;

/// SQL over firewall logs: raw logs of any form as the table `log`, other lines as `rest`.
///
/// The first word is the query, the others are files. Without a query it is a shell. The columns of `log`
/// are those of `fwstat export`, and `n`: the packets that a line stands for. sum(n) counts packets as
/// `fwstat top` does, count(*) counts lines. Times are UTC; what a line does not have is NULL.
#[derive(Parser, Debug, Clone)]
#[command(name = "fwstat sql", bin_name = "fwstat sql", version, after_help = EXAMPLES)]
#[command(override_usage = "fwstat sql [OPTIONS] [QUERY] [FILE]...")]
pub struct Cli {
    /// Read the query from FILE; `-` is standard input.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub query_file: Option<PathBuf>,
    /// Rows of a table that are shown; 0 is all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1000)]
    pub rows: usize,
    /// Say how the query would be done, and do not do it.
    #[arg(long)]
    pub explain: bool,
    /// Memory for sorting, joining and grouping, as 4G or 500M; beyond it, temporary files are used.
    /// Default: 60 % of what the machine has.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<usize>,
    /// Read each file from its beginning by one thread: for logs with records of several lines in them.
    #[arg(long)]
    pub whole: bool,
    /// What all commands have.
    #[command(flatten)]
    pub common: Common,
}

const EXAMPLES: &str = "\
Examples:
  fwstat sql \"SELECT src, sum(n) FROM log GROUP BY 1 ORDER BY 2 DESC LIMIT 10\" kern.log*
  fwstat sql \"SELECT network(src, 24), count(DISTINCT dpt) FROM log WHERE prefix LIKE 'tcp.in%' GROUP BY 1\" kern.log
  fwstat sql \"SELECT why, count(*) FROM rest GROUP BY 1\" kern.log
  fwstat sql kern.log                      a shell; .help lists its commands

Exit codes: 0 rows were found, 1 none, 2 an error.";

/// A number of bytes.
fn size(text: &str) -> Result<usize, String> {
    let wrong = || format!("`{text}` is no size: 500M, 4G");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 1_u64,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let bytes = number * unit as f64;
    if bytes.is_finite() && bytes >= 1.0 && bytes < usize::MAX as f64 {
        Ok(bytes as usize)
    } else {
        Err(wrong())
    }
}

/// Whether a word is a query and no file: queries have blanks, and are not there.
#[must_use]
pub fn is_query(word: &std::path::Path) -> bool {
    let text = word.to_string_lossy();
    text.trim().contains(char::is_whitespace) && !word.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("4G"), Ok(4 << 30));
        assert_eq!(size("1.5MiB"), Ok(3 << 19));
        assert_eq!(size("77"), Ok(77));
        for wrong in ["", "G", "4X", "-1", "0", "1e999"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
