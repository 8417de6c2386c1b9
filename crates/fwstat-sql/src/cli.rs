//! The command line of `fwstat sql`.
//!
//! Responsible for: what was typed. The options of reading and filtering are those of every command.
//! Must not know: what is done with it.
//! Tested by: `tests/sql/program.rs`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum as _};
use fwlog::text;
use fwstat::cli::{Common, Generate};

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
    /// Let a cluster do the query: its scheduler (`fwstat-sql cluster --help`).
    #[arg(long, value_name = "HOST:PORT")]
    pub cluster: Option<String>,
    /// Parts that a cluster's query is cut into (default: one for 256 MiB, 8 at least).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub partitions: Option<u16>,
    /// Write the manual page, or what makes a shell complete.
    #[arg(hide_short_help = true, long, value_name = "WHAT", value_parser = generate)]
    pub generate: Option<Generate>,
    /// The command line as it was typed.
    #[arg(skip)]
    pub words: Vec<String>,
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
pub(crate) fn size(text: &str) -> Result<usize, String> {
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

/// What `--generate` writes.
fn generate(text: &str) -> Result<Generate, String> {
    let all = [Generate::Man, Generate::CompleteBash, Generate::CompleteZsh, Generate::CompleteFish];
    let found = Generate::from_str(text, true).ok().filter(|kind| all.contains(kind));
    found.ok_or_else(|| "there are man, complete-bash, complete-zsh and complete-fish".to_owned())
}

/// Whether a text begins as statements do.
fn begins_as_a_query(text: &str) -> bool {
    const FIRST: [&str; 8] = ["select", "with", "explain", "show", "create", "values", "set", "describe"];
    let word = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    FIRST.iter().any(|first| word.eq_ignore_ascii_case(first))
}

/// The command line that was meant, where a file that is not there is a part of a query, or a command of fwstat.
#[must_use]
pub fn misplaced(query: Option<&str>, files: &[PathBuf]) -> Option<String> {
    let missing = |file: &&PathBuf| !file.exists() && file.as_os_str() != "-";
    let shown = |file: &PathBuf| text::escape(file.as_os_str().as_encoded_bytes());
    let others = |but: &[&PathBuf]| {
        let others = files.iter().filter(|file| !but.contains(file)).map(shown).collect::<Vec<_>>();
        if others.is_empty() { "FILE...".to_owned() } else { others.join(" ") }
    };
    if let Some(late) =
        files.iter().filter(missing).find(|file| is_query(file) && begins_as_a_query(&file.to_string_lossy()))
    {
        return Some(match query {
            None => format!(
                "the query comes before the files: fwstat sql \"{}\" {}",
                shown(late),
                others(&[late])
            ),
            Some(_) => format!(
                "there are two queries: one comes first, separated by `;` from the other: \"{}\"",
                shown(late)
            ),
        });
    }
    if query.is_none()
        && files.first().filter(missing).is_some_and(|first| begins_as_a_query(&first.to_string_lossy()))
    {
        // A folder may have the name of a column.
        let words: Vec<&PathBuf> = files.iter().take_while(|word| !word.is_file()).collect();
        let query = words.iter().map(|word| shown(word)).collect::<Vec<_>>().join(" ");
        return Some(format!(
            "a query is one word, between quotes: fwstat sql \"{query}\" {}",
            others(&words)
        ));
    }
    let command = files.iter().filter(missing).find(|file| {
        let program = fwstat::cli::command();
        file.to_str().is_some_and(|word| program.find_subcommand(word).is_some())
    })?;
    let name = shown(command);
    Some(format!("`{name}` is another command of fwstat, and no file: fwstat {name} {}", others(&[command])))
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
    fn misplaced_words_are_put_right() {
        let said = |query: Option<&str>, files: &[&str]| {
            misplaced(query, &files.iter().map(PathBuf::from).collect::<Vec<_>>()).unwrap_or_default()
        };
        let right = "fwstat sql \"SELECT src FROM log\" k.log";
        assert!(said(None, &["k.log", "SELECT src FROM log"]).ends_with(right));
        assert!(
            said(None, &["select", "src", "FROM", "log"])
                .ends_with("fwstat sql \"select src FROM log\" FILE...")
        );
        assert!(said(Some("SELECT 1"), &["k.log", "SELECT 2 x"]).contains("two queries"));
        assert!(said(Some("SELECT 1"), &["lines", "k.log"]).ends_with("fwstat lines k.log"));
        for files in [&["k.log"][..], &["-"], &["nothing here"]] {
            assert_eq!(said(Some("SELECT 1"), files), "");
        }
    }

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
