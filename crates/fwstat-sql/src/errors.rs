//! What is said of a query that cannot be done: in the user's words, and where in it the fault is.
//!
//! Responsible for: the place marked, the names that were probably meant, no words of the engine's own.
//! Must not know: where it is printed.
//! Tested by: the unit tests below, `tests/sql/program.rs`.

use datafusion::common::{DataFusionError, SchemaError};
use fwlog::text;

/// The message of an error in `query`: what is wrong, the line and a mark below the place, what to do.
#[must_use]
pub fn message(error: &DataFusionError, query: &str) -> String {
    let root = error.find_root();
    let (what, place) = placed(
        error
            .diagnostic()
            .map_or_else(|| plain(&root.strip_backtrace()), |diagnostic| plain(&diagnostic.message)),
    );
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let place = span.map(|span| (span.start.line, span.start.column)).or(place);
    let mut out = text::escape(what.as_bytes());
    if let Some(mark) = place.and_then(|(line, column)| marked(query, line, column)) {
        out.push('\n');
        out.push_str(&mark);
    }
    if let Some(hint) = hint(root) {
        out.push('\n');
        out.push_str(&hint);
    }
    out
}

/// The message in what a cluster's connection says: `status { code: .., message: "..", metadata: .. }`.
fn of_connection(text: &str) -> Option<String> {
    let (_, message) = text.split_once("message: \"")?;
    let message = message.split_once("\", metadata: ").map_or(message, |(message, _)| message);
    Some(message.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\"))
}

/// The message of a task that failed: `job .. failed: .. DataFusionError(Shared(Execution("..")))`.
fn of_task(text: &str) -> Option<String> {
    let (job, cause) = text.split_once(" failed: ")?;
    let (_, cause) = cause.split_once("DataFusionError(").filter(|_| job.trim_start().starts_with("job "))?;
    let (_, message) = cause.split_once("(\"")?;
    let message = message.rsplit_once("\")").map_or(message, |(message, _)| message);
    Some(message.replace("\\\"", "\"").replace("\\n", "\n").replace("\\\\", "\\"))
}

/// An error's text without the names of the engine's parts in front.
fn plain(text: &str) -> String {
    const FRONTS: [&str; 16] = [
        "Could not parse plan: ",
        "DataFusion error: ",
        "SQL error: ",
        "ParserError(\"",
        "TokenizerError(\"",
        "sql parser error: ",
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Optimizer rule 'optimize_projections' failed\ncaused by\n",
        "This feature is not implemented: ",
        "Invalid or Unsupported Configuration: ",
        "Resources exhausted: ",
        "type_coercion\ncaused by\n",
    ];
    let connection = text.trim_start().starts_with("status {").then(|| of_connection(text)).flatten();
    let sent = connection.or_else(|| of_task(text.trim().trim_start_matches("Execution error: ")));
    let mut rest = sent.as_deref().unwrap_or(text).trim();
    while let Some(behind) = FRONTS.iter().find_map(|front| rest.strip_prefix(front)) {
        rest = behind.trim_start();
    }
    let rest = rest.strip_suffix("\")").unwrap_or(rest);
    let rest = rest.split("\n\nbacktrace").next().unwrap_or(rest);
    let mut chars = rest.chars();
    match chars.next() {
        // As all messages, unless it is a word in capitals.
        Some(first) if chars.as_str().starts_with(|c: char| c.is_ascii_lowercase()) => {
            first.to_lowercase().collect::<String>() + chars.as_str()
        }
        _ => rest.to_owned(),
    }
}

/// Takes the place out of the parser's message: `... at Line: 1, Column: 8`.
fn placed(message: String) -> (String, Option<(u64, u64)>) {
    let Some((what, place)) = message.split_once(" at Line: ") else { return (message, None) };
    let mut numbers = place.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(line), Some(column)) => (what.to_owned(), Some((line, column))),
        _ => (what.to_owned(), None),
    }
}

/// The line of a query with a mark below a column; both count from 1.
fn marked(query: &str, line: u64, column: u64) -> Option<String> {
    /// So much of a long line is shown before the place and behind it.
    const AROUND: usize = 60;
    let text = query.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?)?;
    let at = usize::try_from(column.checked_sub(1)?).ok()?.min(text.chars().count());
    let from = at.saturating_sub(AROUND);
    // A tab is as wide as the blank that stands for it.
    let shown = |c: char| if text::is_unsafe_to_display(c) { ' ' } else { c };
    let part: String = text.chars().skip(from).take(2 * AROUND).map(shown).collect();
    let before: String = text.chars().skip(from).take(at - from).map(shown).collect();
    Some(format!("  {part}\n  {}^", " ".repeat(text::width(&before))))
}

/// What to do about it.
fn hint(root: &DataFusionError) -> Option<String> {
    match root {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let names = valid_fields.iter().map(|field| field.name.as_str());
                let near = nearest(&field.name, names)?;
                Some(format!("  did you mean {near}?"))
            }
            _ => None,
        },
        DataFusionError::Plan(text) if text.contains("not found") && text.contains("table '") => {
            Some("  the tables are log and rest; .help lists what there is".to_owned())
        }
        DataFusionError::ResourcesExhausted(_) => {
            Some("  --memory SIZE allows more; LIMIT or a WHERE needs less".to_owned())
        }
        _ => None,
    }
}

/// The names that are most like a word, the likeliest first.
fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    if let Ok(key) = fwlog::record::Key::try_from(word) {
        return Some(format!("`{key}`"));
    }
    let word = word.to_ascii_lowercase();
    let mut near: Vec<(usize, &str)> =
        names.map(|name| (strsim::damerau_levenshtein(&word, name), name)).collect();
    near.sort_unstable();
    near.dedup();
    near.retain(|(distance, _)| distance * 3 <= word.len().max(3));
    let near: Vec<String> = near.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
    (!near.is_empty()).then(|| near.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_marked() {
        let query = "SELECT src\nFROM log WERE dpt = 22";
        assert_eq!(marked(query, 2, 10).unwrap(), "  FROM log WERE dpt = 22\n           ^");
        assert_eq!(marked(query, 9, 1), None);
        assert_eq!(marked(query, 0, 0), None);
        let long = format!("{}x", " ".repeat(500));
        assert!(marked(&long, 1, 501).unwrap().lines().all(|line| line.len() < 130));
    }

    #[test]
    fn the_engines_words_are_left_out() {
        let (what, place) = placed(plain(
            "SQL error: ParserError(\"Expected: end of statement, found: dpt at Line: 2, Column: 15\")",
        ));
        assert_eq!(what, "expected: end of statement, found: dpt");
        assert_eq!(place, Some((2, 15)));
    }

    #[test]
    fn a_clusters_message_is_the_servers_own() {
        let text = "status { code: InvalidArgument, message: \"Could not parse plan: DataFusion error: Error during planning: \
                    k.log: not \\\"here\\\"\", metadata: MetadataMap { headers: {} }, source: None }";
        assert_eq!(plain(text), "k.log: not \"here\"");
        let text = "Execution error: job 038 failed: Job failed due to stage 0 failed: Task failed due to runtime execution error: \
                    DataFusionError(Shared(Execution(\"k.log: became shorter\")))";
        assert_eq!(plain(text), "k.log: became shorter");
    }

    #[test]
    fn near_names_are_named() {
        assert_eq!(nearest("srcc", ["src", "dst", "spt"].into_iter()).unwrap(), "`src`");
        assert_eq!(nearest("dport", ["src"].into_iter()).unwrap(), "`dpt`");
        assert_eq!(nearest("zzzzzzzz", ["src"].into_iter()), None);
    }
}
