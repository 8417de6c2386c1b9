//! A command line as it was typed: iptables' `!`, and what is said of options and words that belong elsewhere.
//!
//! Responsible for: what is understood before the arguments are read, and words for what was not.
//! Must not know: what an option comes to (`options`), which files there are but by asking for a name.
//! Tested by: `tests/cli/words.rs`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory as _, ValueEnum as _};
use fwlog::text;

use crate::cli::{Cli, Format};

/// Words of other programs for what a command does.
const MEANT: [(&[&str], &str); 11] = [
    (&["grep", "rg", "tail", "cat", "head", "show", "print", "less"], "lines"),
    (&["sources", "ports", "count", "counts", "sort", "uniq", "talkers"], "top"),
    (&["graph", "histogram", "chart", "plot", "hours", "trend"], "timeline"),
    (&["scan", "portscan", "portscans", "campaigns", "attacks", "psad"], "scans"),
    (&["test", "simulate", "whatif", "what-if", "lint", "rules"], "replay"),
    (&["silence", "noise", "block", "ban"], "suggest"),
    (&["json", "csv", "dump", "records", "convert"], "export"),
    (&["why", "decode", "parse"], "explain"),
    (&["html", "page", "goaccess"], "report"),
    (&["anon", "redact", "scrub", "mask"], "anonymise"),
    (&["live", "follow", "monitor", "dashboard", "tui"], "watch"),
];

/// And for what is shown without a command.
const OVERVIEW: [&str; 5] = ["overview", "summary", "stats", "stat", "status"];

/// The arguments with iptables' negation as the filters take it: `! -s NET` and `-s ! NET` become `-s !NET`.
///
/// # Errors
/// There is nothing that the `!` could negate.
pub fn negated(typed: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let lone = |word: &OsString| word == "!";
    let ours = typed.iter().take_while(|word| *word != "--");
    if !ours.clone().any(lone) || typed.get(1).is_some_and(|word| word == "explain") {
        return Ok(typed);
    }
    let filters = filters();
    let mut out: Vec<OsString> = Vec::with_capacity(typed.len());
    let mut words = typed.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            out.push(word);
            out.extend(words);
            break;
        }
        if word != "!" {
            out.push(word);
            continue;
        }
        let Some(next) = words.next() else {
            return Err("`!` negates the filter after it, as in iptables: ! -s 10.0.0.0/8".to_owned());
        };
        // The older way: `-s ! NET`.
        if out.last().is_some_and(|last| filters.iter().any(|filter| filter.is(last.as_bytes()))) {
            out.push(not(&next)?);
            continue;
        }
        let bytes = next.as_bytes();
        if !bytes.starts_with(b"-") {
            let shown = text::escape(bytes);
            return Err(format!(
                "`!` negates the filter after it, and `{shown}` is none: ! -s {shown}, ! --dport {shown} ..."
            ));
        }
        let Some((filter, value)) = filters.iter().find_map(|filter| Some((filter, filter.value(bytes)?)))
        else {
            return Err(format!(
                "`!` does not go with `{}`: it negates -s, -d, -p, -i, -o, -g, --prefix, --sport, --dport, --flags, \
                 --type, --mac, --mark, --uid",
                text::escape(bytes)
            ));
        };
        let value = match value {
            Some(value) => OsString::from_vec(value.to_vec()),
            None => words.next().ok_or_else(|| format!("`! {}` needs a value", text::escape(bytes)))?,
        };
        out.push(OsString::from(&filter.typed));
        out.push(not(&value)?);
    }
    Ok(out)
}

/// The value with `!` before it.
fn not(value: &OsStr) -> Result<OsString, String> {
    if value.as_bytes().starts_with(b"!") {
        return Err(format!("`{}` is negated twice", text::escape(value.as_bytes())));
    }
    let mut all = OsString::from("!");
    all.push(value);
    Ok(all)
}

/// A filter that can be negated, by its names.
struct Filter {
    short: Option<char>,
    longs: Vec<String>,
    /// As it is typed.
    typed: String,
}

impl Filter {
    /// Whether a word is this option and nothing more.
    fn is(&self, word: &[u8]) -> bool {
        self.value(word) == Some(None)
    }

    /// Whether a word is this option, and the value in it if it has one.
    fn value<'w>(&self, word: &'w [u8]) -> Option<Option<&'w [u8]>> {
        if let Some(long) = word.strip_prefix(b"--") {
            let mut parts = long.splitn(2, |b| *b == b'=');
            let name = parts.next()?;
            return self.longs.iter().any(|own| own.as_bytes() == name).then(|| parts.next());
        }
        let rest = word.strip_prefix(b"-")?;
        let short = u8::try_from(self.short?).ok()?;
        let value = rest.strip_prefix(&[short])?;
        let value = value.strip_prefix(b"=").unwrap_or(value);
        Some((!value.is_empty()).then_some(value))
    }
}

/// The filters that take values.
fn filters() -> Vec<Filter> {
    const NEVER: [&str; 3] = ["expression", "since", "until"];
    let program = Cli::command();
    program
        .get_arguments()
        .filter(|arg| arg.get_help_heading().is_some_and(|heading| heading.starts_with("Filters")))
        .filter(|arg| arg.get_action().takes_values() && !NEVER.contains(&arg.get_id().as_str()))
        .map(|arg| {
            let longs: Vec<String> = longs(arg).map(str::to_owned).collect();
            let typed = longs.first().map_or_else(String::new, |long| format!("--{long}"));
            Filter { short: arg.get_short(), longs, typed }
        })
        .collect()
}

fn longs(arg: &Arg) -> impl Iterator<Item = &str> {
    arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default())
}

/// What is said instead of clap's words, where more is known: an option of another command, a name that is
/// nearly one.
#[must_use]
pub fn explained(error: &clap::Error, typed: &[OsString]) -> Option<String> {
    match error.kind() {
        ErrorKind::UnknownArgument => unknown_option(error, typed),
        ErrorKind::InvalidValue => other_format(error),
        ErrorKind::ValueValidation => not_a_number(error),
        _ => None,
    }
}

/// What an error says about an option, if it says it in one word.
fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

/// A word where a number belongs.
fn not_a_number(error: &clap::Error) -> Option<String> {
    use std::num::{IntErrorKind, ParseIntError};
    let why = std::error::Error::source(error)?.downcast_ref::<ParseIntError>()?;
    let option = context(error, ContextKind::InvalidArg)?;
    let value = text::shorten(&text::escape(context(error, ContextKind::InvalidValue)?.as_bytes()), 40);
    let what = match why.kind() {
        IntErrorKind::PosOverflow => "is too large",
        _ => "is not a number (0 or more)",
    };
    Some(format!("{option}: `{value}` {what}"))
}

/// A form of output that only other commands have.
fn other_format(error: &clap::Error) -> Option<String> {
    let text = |kind| context(error, kind);
    if !text(ContextKind::InvalidArg)?.starts_with("--format") {
        return None;
    }
    let wanted = <Format as clap::ValueEnum>::from_str(text(ContextKind::InvalidValue)?, true).ok()?;
    let name = wanted.to_possible_value()?.get_name().to_owned();
    let Some(ContextValue::Strings(known)) = error.get(ContextKind::ValidValue) else { return None };
    let program = Cli::command();
    let writers: Vec<String> = program
        .get_subcommands()
        .map(Command::get_name)
        .filter(|command| Format::of(command).contains(&wanted))
        .map(|command| format!("`fwstat {command}`"))
        .collect();
    Some(format!("this command does not write {name}, but {}; {} do", known.join(", "), writers.join(", ")))
}

/// The command of a command line, and the words behind it, or behind the program's name.
fn parted<'c, 't>(program: &'c Command, typed: &'t [OsString]) -> (Option<&'c Command>, &'t [OsString]) {
    let used = typed.get(1).and_then(|word| program.find_subcommand(word));
    (used, &typed[if used.is_some() { 2 } else { 1 }.min(typed.len())..])
}

/// A word, as a shell wants it.
fn quoted(word: &OsStr) -> String {
    text::quoted(&word.to_string_lossy())
}

/// An option that there is not.
fn unknown_option(error: &clap::Error, typed: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else { return None };
    let wrong = wrong.split('=').next().unwrap_or(wrong);
    if !wrong.starts_with('-') {
        return None;
    }
    let program = Cli::command();
    let (used, rest) = parted(&program, typed);
    let here = used.unwrap_or(&program);
    let has = |command: &Command| {
        command.get_arguments().any(|arg| match wrong.strip_prefix("--") {
            Some(long) => longs(arg).any(|own| own == long),
            None => arg.get_short().is_some_and(|short| wrong.chars().nth(1) == Some(short)),
        })
    };
    let owners: Vec<&str> =
        program.get_subcommands().filter(|command| has(command)).map(Command::get_name).collect();
    let shown = text::escape(wrong.as_bytes());
    let again = |name: &str| {
        let words: Vec<String> = rest.iter().map(|word| quoted(word)).collect();
        let name = if name.is_empty() { String::new() } else { format!(" {name}") };
        format!("fwstat{name} {}", words.join(" "))
    };
    if let Some(first) = owners.first() {
        let named: Vec<String> = owners.iter().map(|name| format!("`fwstat {name}`")).collect();
        return Some(format!("{shown} belongs to {}\n  {}", named.join(", "), again(first)));
    }
    if used.is_some() && has(&program) {
        return Some(format!("{shown} belongs to `fwstat` without a command\n  {}", again("")));
    }
    let name = used.map_or_else(|| "fwstat".to_owned(), |command| format!("fwstat {}", command.get_name()));
    let near = here
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .filter_map(Arg::get_long)
        .map(|long| (strsim::levenshtein(wrong.trim_start_matches('-'), long), long))
        .min()
        .filter(|(distance, long)| wrong.starts_with("--") && *distance <= 2 && distance * 2 < long.len());
    Some(match near {
        Some((_, long)) => format!("no option is called {shown}; did you mean --{long}?"),
        None => format!("no option is called {shown}; `{name} --help` lists those there are"),
    })
}

/// A named file that is not there and is a command, or nearly one, was meant as one. What else was typed goes into the
/// line that is meant; behind another command, whose options it may not have, the other files only.
///
/// # Errors
/// So it is.
pub fn no_command_among(files: &[PathBuf]) -> Result<(), String> {
    for (at, file) in files.iter().enumerate() {
        let Some(word) = file.to_str() else { continue };
        let plain = word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if !plain || file.exists() {
            continue;
        }
        let program = Cli::command();
        let typed: Vec<OsString> = std::env::args_os().collect();
        let (used, rest) = parted(&program, &typed);
        let mut others: Vec<String> = if used.is_some() {
            files.iter().filter(|other| *other != file).map(|other| quoted(other.as_os_str())).collect()
        } else {
            // A value of an option may be the same word.
            let is_value = |at: usize| at > 0 && rest[at - 1].as_encoded_bytes().starts_with(b"-");
            let is_it = |at: &usize| rest[*at].as_os_str() == file;
            let all = || (0..rest.len()).rev().filter(is_it);
            let it = all().find(|at| !is_value(*at)).or_else(|| all().next());
            (0..rest.len()).filter(|at| Some(*at) != it).map(|at| quoted(&rest[at])).collect()
        };
        if files.len() == 1 {
            others.push("FILE".to_owned());
        }
        let others = others.join(" ");
        if word == "help" {
            return Err("`help` comes first: fwstat help COMMAND".to_owned());
        }
        if program.find_subcommand(word).is_some() {
            return Err(format!("`{word}` is a command and comes first: fwstat {word} {others}"));
        }
        if let Some((_, meant)) = MEANT.iter().find(|(words, _)| words.contains(&word)) {
            return Err(format!(
                "no command and no file is called `{word}`; did you mean `fwstat {meant}`?\n  fwstat {meant} {others}"
            ));
        }
        if OVERVIEW.contains(&word) && used.is_none() {
            return Err(format!(
                "no command and no file is called `{word}`: the overview comes without a command\n  fwstat {others}"
            ));
        }
        let names = program.get_subcommands().map(Command::get_name);
        let near = names.map(|name| (strsim::levenshtein(word, name), name)).min();
        if let Some((1 | 2, name)) = near
            && word.len() > 2
        {
            return Err(format!("no command and no file is called `{word}`; did you mean `fwstat {name}`?"));
        }
        // The first word may be meant as a command of which nothing is known here: the files after it are not
        // what was asked for.
        if at == 0 && files.len() > 1 {
            return Err(format!(
                "nothing is called `{word}`, no command and no file: `fwstat --help` lists the commands"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn negation_is_that_of_iptables() {
        for (typed, meant) in [
            ("fwstat top ! -s 10.0.0.0/8 x", "fwstat top --src !10.0.0.0/8 x"),
            ("fwstat top -s ! 10.0.0.0/8 x", "fwstat top -s !10.0.0.0/8 x"),
            ("fwstat ! --source=10.0.0.0/8 x", "fwstat --src !10.0.0.0/8 x"),
            ("fwstat ! -p udp ! --dport 53,67 x", "fwstat --proto !udp --dport !53,67 x"),
            ("fwstat ! -ieth0 x", "fwstat --in-interface !eth0 x"),
            ("fwstat -- !", "fwstat -- !"),
            ("fwstat top x", "fwstat top x"),
        ] {
            assert_eq!(negated(words(typed)).unwrap(), words(meant), "{typed}");
        }
        for wrong in [
            "fwstat !",
            "fwstat ! x",
            "fwstat ! -n 5",
            "fwstat ! -s",
            "fwstat ! -s !10.0.0.1",
            "fwstat ! -S 1h",
        ] {
            assert!(negated(words(wrong)).is_err(), "{wrong}");
        }
    }
}
