//! The shell: statements that end with `;`, and commands that begin with a dot.
//!
//! Responsible for: editing, history, completion; what each command does. Each statement reads the logs as
//! they are then.
//! Must not know: how a query is done.
//! Tested by: the unit tests below, `tests/sql/program.rs`.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum as _;
use datafusion::prelude::SessionContext;
use fwstat::cli::Format;
use fwstat::commands::Outcome;
use fwstat::report::style::{DIM, RenderOptions};
use fwstat::whole_file;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Editor, Helper};
use tokio::runtime::Runtime;

use crate::cli::Cli;
use crate::opened::{Opened, failed, is_broken_pipe};
use crate::output::FORMS;
use crate::query::{self, Failure};
use crate::session::TABLES;
use crate::{functions, schema, session};

const PROMPT: &str = "sql> ";

/// The commands, what they take, and what they do.
const COMMANDS: [(&str, &str, &str); 11] = [
    (".help", "", "this list"),
    (".tables", "", "the tables and how many columns they have"),
    (".schema", "[TABLE]", "the columns of a table, with what they are"),
    (".functions", "", "fwstat's own functions"),
    (".explain", "QUERY", "how a query would be done"),
    (".mode", "FORM", "table, csv, tsv, json, ndjson or markdown"),
    (".rows", "N", "rows of a table that are shown; 0 is all"),
    (".timer", "on|off", "whether to say how long a query took"),
    (".open", "FILE...", "read other logs"),
    (".read", "FILE", "do what is in a file"),
    (".quit", "", "the end (Ctrl-D too)"),
];

/// Words of SQL that are worth completing.
const WORDS: [&str; 44] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "HAVING",
    "DISTINCT",
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "ILIKE",
    "BETWEEN",
    "IS NULL",
    "IS NOT NULL",
    "AS",
    "DESC",
    "ASC",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "UNION ALL",
    "WITH",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "CREATE VIEW",
    "COUNT",
    "SUM",
    "MIN",
    "MAX",
    "AVG",
    "DATE_TRUNC",
    "DATE_BIN",
    "INTERVAL",
    "OVER",
    "PARTITION BY",
];

/// Runs it until the user has enough.
///
/// # Errors
/// The terminal cannot be used.
pub fn run(cli: &Cli, opened: Opened, runtime: &Runtime) -> anyhow::Result<Outcome> {
    let context = runtime.block_on(opened.session(cli))?;
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
    let mut editor: Editor<Words, FileHistory> = Editor::with_config(config)?;
    let colored = opened.style.look.color;
    editor.set_helper(Some(Words { words: words(), colored }));
    let history = history();
    if let Some(path) = &history {
        // There is none the first time.
        let _ = editor.load_history(path);
    }
    let mut shell = Shell { cli: cli.clone(), context, timer: io::stdout().is_terminal() };
    say(&opened.style.look, "fwstat sql: tables log and rest; .help, .schema log; a query ends with ;\n")?;
    let outcome = loop {
        match editor.readline(PROMPT) {
            Ok(line) => match shell.entered(line.trim(), runtime) {
                Ok(true) => {}
                Ok(false) => break Ok(Outcome::Found),
                Err(error) if is_broken_pipe(&error) => break Ok(Outcome::Found),
                Err(error) => fwstat::report::diagnostics::fatal(&error),
            },
            // What was typed is forgotten.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break Ok(Outcome::Found),
            Err(error) => break Err(error.into()),
        }
    };
    if let Some(path) = &history {
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        // A shell without a history is one all the same.
        let _ = folder.map(|()| editor.save_history(path));
    }
    outcome
}

/// Where what was typed is kept.
fn history() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local").join("state")))?;
    Some(folder.join("fwstat").join("sql_history"))
}

fn say(look: &RenderOptions, text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(look.paint(DIM, text.trim_end()).as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What the user changed.
struct Shell {
    cli: Cli,
    context: SessionContext,
    timer: bool,
}

impl Shell {
    /// Does what was entered; `false` is the end.
    fn entered(&mut self, line: &str, runtime: &Runtime) -> anyhow::Result<bool> {
        match line.strip_prefix('.') {
            _ if line.is_empty() => {}
            None => self.query(line, false, runtime)?,
            Some(command) => {
                let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
                return self.command(name, rest.trim(), runtime);
            }
        }
        Ok(true)
    }

    fn query(&mut self, text: &str, explain: bool, runtime: &Runtime) -> anyhow::Result<()> {
        let statements = match query::statements(text) {
            Ok(statements) => statements,
            Err(error) => {
                failed(&Failure::Query(error), text);
                return Ok(());
            }
        };
        for sql in statements {
            let opened = Opened::new(&self.cli)?;
            session::open(&self.context, &opened.logs, &opened.exports)?;
            let started = Instant::now();
            let mut out = io::BufWriter::new(anstream::stdout());
            let ran = runtime.block_on(async {
                match explain {
                    true => query::explain(&self.context, &sql, &opened.style, &mut out).await,
                    false => query::run(&self.context, &opened.logs, &sql, &opened.style, &mut out).await,
                }
            });
            let look = &opened.style.look;
            match ran {
                Ok(rows) => {
                    drop(out);
                    opened.tell(&sql)?;
                    // A plan has no rows.
                    if self.timer && !explain && query::explained(&sql).is_none() {
                        let (rows, took) = (look.count_of(rows, "row", "rows"), started.elapsed());
                        say(look, &format!("{rows}, {:.2} s", took.as_secs_f64()))?;
                    }
                }
                Err(Failure::Cancelled) => {
                    // What was written of its rows stays.
                    drop(out);
                    say(look, "cancelled")?;
                }
                Err(failure) => {
                    opened.tell(&sql)?;
                    failed(&failure, &sql);
                }
            }
        }
        Ok(())
    }

    fn command(&mut self, name: &str, rest: &str, runtime: &Runtime) -> anyhow::Result<bool> {
        let mut out = String::new();
        match (name, rest) {
            ("quit" | "exit" | "q", _) => return Ok(false),
            ("help" | "h", _) => out = help(),
            ("tables", _) => {
                for (table, lines) in TABLES {
                    out.push_str(&format!("{table:<6}{} columns\n", lines.schema().fields().len()));
                }
            }
            ("schema" | "columns", "") => TABLES.iter().for_each(|(table, _)| out.push_str(&columns(table))),
            ("schema" | "columns", table) if TABLES.iter().any(|(known, _)| *known == table) => {
                out = columns(table);
            }
            ("functions", _) => out = functions_help(),
            ("explain", query) if !query.is_empty() => self.query(query, true, runtime)?,
            ("timer", "on" | "off") => self.timer = rest == "on",
            ("mode", form) if FORMS.iter().any(|known| is_named(*known, form)) => {
                self.cli.common.output.format = FORMS.into_iter().find(|known| is_named(*known, form));
            }
            ("rows", number) if number.parse::<usize>().is_ok() => {
                self.cli.rows = number.parse()?;
            }
            ("open", files) if !files.is_empty() => {
                let mut other = self.cli.clone();
                other.common.files = files.split_whitespace().map(PathBuf::from).collect();
                Opened::new(&other)?;
                self.cli = other;
            }
            ("read", path) if !path.is_empty() => {
                let text = whole_file::text(path.as_ref(), whole_file::LIST)?;
                self.query(&text, false, runtime)?;
            }
            _ => anyhow::bail!("`{}` is no command: .help lists them", format!(".{name} {rest}").trim_end()),
        }
        let mut stdout = anstream::stdout().lock();
        stdout.write_all(out.as_bytes())?;
        stdout.flush()?;
        Ok(true)
    }
}

fn is_named(form: Format, name: &str) -> bool {
    form.to_possible_value().is_some_and(|value| value.matches(name, true))
}

fn help() -> String {
    let mut out = String::new();
    for (name, takes, about) in COMMANDS {
        out.push_str(&format!("{:<18}{about}\n", format!("{name} {takes}")));
    }
    out.push_str(
        "\nsum(n) counts packets as `fwstat top` does, count(*) counts lines. Times are UTC; what a line\n\
         does not have is NULL. Ctrl-C cancels a query.\n",
    );
    out
}

fn columns(table: &str) -> String {
    let Some((_, lines)) = TABLES.iter().find(|(known, _)| *known == table) else { return String::new() };
    let mut out = format!("{table}\n");
    for column in lines.schema().fields() {
        let kind = match column.data_type() {
            datafusion::arrow::datatypes::DataType::Timestamp(..) => "timestamp".to_owned(),
            datafusion::arrow::datatypes::DataType::Utf8 => "text".to_owned(),
            other => other.to_string().to_lowercase(),
        };
        let about = schema::about(table, column.name());
        out.push_str(&format!("  {:<20} {kind:<10} {about}\n", column.name()));
    }
    out
}

fn functions_help() -> String {
    functions::HELP
        .iter()
        .map(|(name, takes, about)| format!("{:<42}{about}\n", format!("{name}{takes}")))
        .collect()
}

/// Completion, and whether a statement has ended.
struct Words {
    words: Vec<String>,
    colored: bool,
}

/// What can be completed.
fn words() -> Vec<String> {
    let columns = TABLES.iter().flat_map(|(name, lines)| {
        let schema = lines.schema();
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        names.into_iter().chain([(*name).to_owned()])
    });
    let functions = functions::HELP.iter().map(|(name, _, _)| format!("{name}("));
    let sql = WORDS.iter().map(|word| (*word).to_owned());
    let commands = COMMANDS.iter().map(|(name, _, _)| (*name).to_owned());
    let mut words: Vec<String> = columns.chain(functions).chain(sql).chain(commands).collect();
    words.sort_unstable();
    words.dedup();
    words
}

impl Words {
    /// Where the word at the cursor begins, and what it may become.
    fn of(&self, line: &str, at: usize) -> (usize, Vec<String>) {
        let before = line.get(..at).unwrap_or_default();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let start = before.trim_end_matches(is_word).len();
        let typed = &before[start..];
        if typed.is_empty() {
            return (start, Vec::new());
        }
        let begins = |word: &&String| {
            word.get(..typed.len()).is_some_and(|front| front.eq_ignore_ascii_case(typed))
                && word.len() > typed.len()
        };
        // As it was typed: small words stay small.
        let small = typed.chars().all(|c| !c.is_ascii_uppercase());
        let case = |word: &String| if small { word.to_ascii_lowercase() } else { word.clone() };
        (start, self.words.iter().filter(begins).map(case).collect())
    }
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.of(line, at))
    }
}

impl Hinter for Words {
    type Hint = String;

    fn hint(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> Option<String> {
        let (start, words) = self.of(line, at);
        match &words[..] {
            [only] if at == line.len() => only.get(at - start..).map(str::to_owned),
            _ => None,
        }
    }
}

impl Highlighter for Words {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.colored { Cow::Owned(format!("{DIM}{hint}{DIM:#}")) } else { Cow::Borrowed(hint) }
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let whole = is_whole(context.input());
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Helper for Words {}

/// Whether an entry is complete: nothing, a command, or a statement with its end.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.starts_with('.') {
        return true;
    }
    // Within quotes, an end is text.
    text.ends_with(';')
        && text.matches('\'').count().is_multiple_of(2)
        && text.matches('"').count().is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_go_on_to_their_end() {
        for whole in ["", "  ", ".help", "SELECT 1;", "SELECT ';';", "SELECT\n1;\n"] {
            assert!(is_whole(whole), "{whole}");
        }
        for open in ["SELECT 1", "SELECT ';", "SELECT 1; SELECT 2", "SELECT \"a;"] {
            assert!(!is_whole(open), "{open}");
        }
    }

    #[test]
    fn words_are_completed_in_the_case_that_was_typed() {
        let words = Words { words: words(), colored: false };
        assert_eq!(words.of("SELECT hopl", 11), (7, vec!["hoplimit".to_owned()]));
        assert_eq!(words.of("sele", 4), (0, vec!["select".to_owned()]));
        assert_eq!(words.of(".sch", 4), (0, vec![".schema".to_owned()]));
        assert_eq!(words.of("SELECT cidr", 11), (7, vec!["cidr_match(".to_owned()]));
        assert_eq!(words.of("SELECT ", 7).1, Vec::<String>::new());
        assert_eq!(words.of("é", 1).1, Vec::<String>::new());
    }

    #[test]
    fn help_fits_a_screen() {
        for line in help().lines().chain(functions_help().lines()) {
            assert!(line.chars().count() <= 118, "{line}");
        }
    }

    #[test]
    fn every_column_says_what_it_is() {
        for (table, _) in TABLES {
            for line in columns(table).lines().skip(1) {
                assert!(line.split_whitespace().count() >= 3, "{line}");
            }
        }
    }
}
