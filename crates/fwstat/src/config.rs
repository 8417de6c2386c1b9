//! The command line as a whole: the file of arguments in front, other programs behind.
//!
//! Responsible for: `~/.config/fwstat/args`, and `fwstat NAME` for programs called `fwstat-NAME`.
//! Must not know: what an argument means.
//! Tested by: the unit tests below, `tests/cli/surface.rs`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli;
use crate::whole_file;

/// The arguments to parse, and what was wrong with the file of arguments.
#[must_use]
pub fn arguments(typed: Vec<OsString>) -> (Vec<OsString>, Vec<String>) {
    let ignored =
        typed.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--no-config");
    match path().filter(|_| !ignored) {
        None => (typed, Vec::new()),
        Some(path) => match whole_file::text(&path, whole_file::SETTINGS) {
            Ok(text) => with_file(typed, &text, &path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named() => (typed, Vec::new()),
            Err(error) => (typed, vec![format!("{}: {error}", path.display())]),
        },
    }
}

/// Whether the user named the file, so that it should be there.
fn named() -> bool {
    std::env::var_os("FWSTAT_CONFIG_PATH").is_some_and(|path| !path.is_empty())
}

fn path() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("FWSTAT_CONFIG_PATH").or_else(|| {
        let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
        Some(folder.join("fwstat").join("args"))
    })
}

/// Puts the file's arguments behind the command's name and before everything else.
fn with_file(mut typed: Vec<OsString>, text: &str, path: &Path) -> (Vec<OsString>, Vec<String>) {
    let program = cli::command();
    let command = typed.get(1).and_then(|name| program.find_subcommand(name));
    let at = if command.is_some() { 2 } else { typed.len().min(1) };
    let has = |command: &clap::Command, argument: &str| {
        let name = argument.split('=').next().unwrap_or(argument);
        command.get_arguments().any(|known| match name.strip_prefix("--") {
            Some(long) => {
                known.get_long() == Some(long)
                    || known.get_visible_aliases().is_some_and(|aliases| aliases.contains(&long))
            }
            None => known
                .get_short()
                .is_some_and(|short| name.strip_prefix('-').is_some_and(|n| n.starts_with(short))),
        })
    };
    let mut warnings = Vec::new();
    let mut insert = Vec::new();
    let mut take_value = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A line that is no option is the value of the one above it.
        if !line.starts_with('-') {
            if take_value {
                insert.push(OsString::from(line));
            }
            continue;
        }
        take_value = has(command.unwrap_or(&program), line);
        if take_value {
            insert.push(OsString::from(line));
        } else if !has(&program, line) && !program.get_subcommands().any(|other| has(other, line)) {
            warnings.push(format!("{}:{}: no option is called `{line}`", path.display(), number + 1));
        }
    }
    typed.splice(at..at, insert);
    (typed, warnings)
}

/// The program behind `fwstat NAME`, beside this one or in PATH, if NAME is none of our commands and no file.
#[must_use]
pub fn other_program(typed: &[OsString]) -> Option<PathBuf> {
    let name = typed.get(1)?.to_str()?;
    let plain =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain
        || name.starts_with('-')
        || cli::command().find_subcommand(name).is_some()
        || Path::new(name).exists()
    {
        return None;
    }
    let program = format!("fwstat-{name}");
    // Those of one installation belong together.
    let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
    let path = std::env::var_os("PATH").unwrap_or_default();
    beside
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(&program))
        .find(|path| path.is_file())
}

/// What is said of a command that is a program of its own, where that is not installed.
#[must_use]
pub fn missing_program(typed: &[OsString]) -> Option<&'static str> {
    let asked = typed.get(1).is_some_and(|name| name == "sql") && !Path::new("sql").exists();
    asked.then_some(
        "`fwstat sql` is a program of its own, fwstat-sql, which is neither beside fwstat nor in PATH:\n  \
         cargo install --locked --path crates/fwstat-sql",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(typed: &[&str], text: &str) -> (Vec<String>, Vec<String>) {
        let typed = typed.iter().map(OsString::from).collect();
        let (all, warnings) = with_file(typed, text, Path::new("args"));
        (all.into_iter().map(|argument| argument.into_string().unwrap()).collect(), warnings)
    }

    #[test]
    fn the_file_stands_in_front() {
        let text = "# mine\n--tz=Europe/Berlin\n\n-n\n20\n--bucket=1h\n--colour\n";
        let (all, warnings) = merged(&["fwstat", "top", "-n", "5", "x"], text);
        assert_eq!(all, ["fwstat", "top", "--tz=Europe/Berlin", "-n", "20", "-n", "5", "x"]);
        assert_eq!(warnings, ["args:7: no option is called `--colour`"]);
        let (all, _) = merged(&["fwstat", "x"], text);
        assert_eq!(all, ["fwstat", "--tz=Europe/Berlin", "-n", "20", "x"]);
    }
}
