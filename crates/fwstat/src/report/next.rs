//! "Next:": commands worth typing after a report, about the same packets.
//!
//! Responsible for: the filters and files of a report as words of a command, and how such commands are shown.
//! Must not know: which commands a report names.
//! Tested by: `tests/cli/words.rs`, `tests/screens`.

use serde_json::Value;

use super::style::{DIM, HEADING, KEY, RenderOptions};
use super::{Head, rules};
use crate::cli::InputArgs;
use fwlog::record::OwnedValue;
use fwlog::text;

/// Files that are named one by one.
const NAMED: usize = 3;

/// A command and what it is for.
pub type Command = (String, &'static str);

/// The commands, one a line; what does not fit a line goes on in the next.
#[must_use]
pub fn block(look: &RenderOptions, commands: &[Command]) -> String {
    if commands.is_empty() || !look.header {
        return String::new();
    }
    let widest = commands.iter().map(|(command, _)| text::width(command)).max().unwrap_or(0);
    let room = look.width.map(|width| width.saturating_sub(2));
    let mut out = String::new();
    for (command, what) in commands {
        // A prefix may be longer than the screen is wide.
        let Some(lines) = fitted(command, room) else { continue };
        for (at, line) in lines.iter().enumerate() {
            let pad = " ".repeat(widest.saturating_sub(text::width(line)));
            let fits = look.width.is_none_or(|width| 4 + widest + text::width(what) <= width);
            let what = if fits && at == 0 { *what } else { "" };
            let line = format!("  {}{pad}  {}", look.paint(KEY, line), look.paint(DIM, what));
            out.push_str(&(line.trim_end().to_owned() + "\n"));
        }
    }
    if out.is_empty() { out } else { format!("\n{}\n{out}", look.paint(HEADING, "Next:")) }
}

/// A command on lines of this width; a name that no line has room for is not written out. `None` if it does not fit.
#[must_use]
pub fn fitted(command: &str, room: Option<usize>) -> Option<Vec<String>> {
    let fits =
        |lines: &Vec<String>| room.is_none_or(|room| lines.iter().all(|line| text::width(line) <= room));
    let whole = rules::folded(command, room);
    if fits(&whole) {
        return Some(whole);
    }
    Some(rules::folded(&without_long_names(command, room.unwrap_or(usize::MAX)), room)).filter(fits)
}

/// A command with `FILE` for each name that no line has room for.
fn without_long_names(command: &str, room: usize) -> String {
    // An option's name and the sign that a command goes on need some.
    const OPTION: usize = 20;
    let short = |word: &str| match word.contains('/') && text::width(word) + OPTION > room {
        true => "FILE".to_owned(),
        false => word.to_owned(),
    };
    command.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

/// `fwstat NAME` with the filters of a report, some more words, and its files.
#[must_use]
pub fn command(head: &Head, name: &str, more: &[String]) -> String {
    let mut words = vec!["fwstat".to_owned()];
    words.extend((!name.is_empty()).then(|| name.to_owned()));
    words.extend(filters(head, more));
    words.extend(more.iter().cloned());
    words.extend(files(head));
    words.join(" ")
}

/// The files of a report as words; what was piped in is gone.
#[must_use]
pub fn files(head: &Head) -> Vec<String> {
    let word = |file: &String| if file == "-" { "FILE".to_owned() } else { text::quoted(file) };
    match &head.files[..] {
        files if files.len() <= NAMED => files.iter().map(word).collect(),
        _ => vec!["FILE...".to_owned()],
    }
}

/// The filters of a report as options, but those that `more` replaces.
#[must_use]
pub fn filters(head: &Head, more: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    for (name, value) in &head.filters {
        let short = short(name);
        let option = match (name.as_str(), value.as_u64()) {
            _ if short.is_some() => short.unwrap_or_default(),
            ("grep", _) => "-g",
            ("since", _) => "-S",
            ("until", _) => "-U",
            ("family", Some(4)) => "-4",
            ("family", _) => "-6",
            (name, _) => &format!("--{name}"),
        };
        if more.iter().any(|word| word == option || word.starts_with(&format!("{option} "))) {
            continue;
        }
        match value {
            Value::Array(values) => out.extend(
                values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|value| format!("{option} {}", text::quoted(value))),
            ),
            Value::String(value) => out.push(format!("{option} {}", text::quoted(value))),
            _ => out.push(option.to_owned()),
        }
    }
    out
}

/// The letter of a field's filter, if it has one.
fn short(name: &str) -> Option<&'static str> {
    Some(match name {
        "src" => "-s",
        "dst" => "-d",
        "proto" => "-p",
        "in" => "-i",
        "out" => "-o",
        _ => return None,
    })
}

/// The option that asks for packets with this value of a field, if there is one.
#[must_use]
pub fn filter_of(name: &str, value: &OwnedValue) -> Option<String> {
    let name = name.split('/').next()?;
    let option = match name {
        "dport" | "dpt" => "--dport",
        "sport" | "spt" => "--sport",
        "prefix" => "--prefix",
        name => short(name)?,
    };
    let plain = match value {
        OwnedValue::Missing => return None,
        // What is no text cannot be typed, and a negation or a pattern would be read as one.
        OwnedValue::Text(bytes) => std::str::from_utf8(bytes).ok()?.to_owned(),
        other => other.to_plain().to_lowercase(),
    };
    let means_more = plain.is_empty() || plain.starts_with(['!', '-']) || plain.contains(['*', '?', ',']);
    (!means_more).then(|| format!("{option} {}", text::quoted(&plain)))
}

/// The options for all of a row's values.
#[must_use]
pub fn filters_of(by: &[String], cells: &[OwnedValue]) -> Option<Vec<String>> {
    by.iter().zip(cells).map(|(name, value)| filter_of(name, value)).collect()
}

/// The options about the input, as words of a command.
#[must_use]
pub fn input_words(input: &InputArgs) -> Vec<String> {
    let mut words = Vec::new();
    let mut flag = |on: bool, name: &str| words.extend(on.then(|| name.to_owned()));
    flag(input.rotated, "--rotated");
    flag(input.utc, "--utc");
    flag(input.journal_pipe, "--journal-pipe");
    flag(input.journal == Some(None), "--journal");
    flag(input.no_decompress, "--no-decompress");
    let mut option = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name}{}", text::quoted(&value))));
    };
    let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
    option("--journal=", input.journal.as_ref().and_then(|journal| journal.as_ref().map(path)));
    option("--boot=", input.boot.clone());
    option("--machine-id ", input.machine_id.clone());
    option("--tz ", input.tz.clone());
    option("--year ", input.year.map(|year| year.to_string()));
    option("--boot-time ", input.boot_time.clone());
    option("--envelope ", input.envelope.clone());
    words
}
