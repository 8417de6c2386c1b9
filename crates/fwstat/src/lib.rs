//! Answers from the logs of Linux firewalls.
//!
//! The way of the data: bytes → lines → packets → filter → aggregate (all of that is `fwlog`) →
//! [`analysis`] → result → [`report`]. [`cli`] is what was typed, [`options`] what it means here,
//! [`commands`] put the rest together. The program itself is [`main`].

pub mod analysis;
pub mod anonymise;
pub mod atomic_file;
pub mod cli;
pub mod commands;
pub mod config;
pub mod keys;
pub mod manual;
pub mod options;
mod places;
pub mod progress;
pub mod report;
pub mod rules;
pub mod typed;
#[cfg(feature = "watch")]
pub mod watch;
pub mod whole_file;
mod zones;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use fwlog::text;

use crate::cli::{Cli, Command};
use crate::commands::Outcome;
use crate::report::diagnostics;

/// The program: reads the arguments, does what they say, and returns the exit code.
///
/// 0: something was found. 1: nothing was found. 2: something could not be done or read; what
/// could be was done. A reader that goes away (`| head`) is no error.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(program) = manual::completions::asked().and_then(|words| config::other_program(&words)) {
        // Comes back only if the program cannot be started: then its words are completed as files.
        let _ = started(&program, std::env::args_os().skip(1));
    }
    manual::completions::answer();
    let typed = match typed::negated(std::env::args_os().collect()) {
        Ok(typed) => typed,
        Err(error) => return fail(&anyhow::anyhow!(error)),
    };
    if let Some(program) = config::other_program(&typed) {
        let error = started(&program, typed.into_iter().skip(2));
        return fail(&anyhow::anyhow!("{}: {error}", program.display()));
    }
    if let Some(words) = config::missing_program(&typed) {
        return fail(&anyhow::anyhow!(words));
    }
    let (arguments, warnings) = config::arguments(typed);
    let parsed = cli::command().try_get_matches_from(&arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(end) if let Some(words) = typed::explained(&end, &arguments) => {
            return fail(&anyhow::anyhow!(words));
        }
        // Help and version are such an end too.
        Err(end) => {
            let code = u8::try_from(end.exit_code()).unwrap_or(2);
            return match end.print() {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(2),
                _ => ExitCode::from(code),
            };
        }
    };
    for warning in warnings {
        let _ = diagnostics::warning(&text::escape(text::plain_error(&warning).as_bytes()));
    }
    let outcome = match &cli.command {
        _ if cli.generate.is_some() => cli.generate.map_or(Ok(Outcome::Found), |kind| {
            manual::generate(kind, &mut io::stdout().lock())
                .map(|()| Outcome::Found)
                .map_err(anyhow::Error::from)
        }),
        Some(Command::Help(arguments)) => {
            let look = options::look(&cli::LookArgs::default(), false);
            manual::help(arguments.topic.as_deref(), &look, &mut io::stdout().lock()).map(|()| Outcome::Found)
        }
        Some(Command::Top(arguments)) => commands::top::command(arguments),
        Some(Command::Check(arguments)) => commands::check::command(arguments),
        Some(Command::Diff(arguments)) => commands::diff::command(arguments),
        Some(Command::Merge(arguments)) => commands::merge::command(arguments),
        Some(Command::Lines(arguments)) => commands::lines::command(arguments),
        Some(Command::Export(arguments)) => commands::export::command(arguments),
        Some(Command::Explain(arguments)) => commands::explain::command(arguments),
        Some(Command::Replay(arguments)) => commands::replay::command(arguments),
        Some(Command::Suggest(arguments)) => commands::suggest::command(arguments),
        Some(Command::Anonymise(arguments)) => commands::anonymise::command(arguments),
        Some(Command::Report(arguments)) => commands::report::command(arguments),
        #[cfg(feature = "watch")]
        Some(Command::Watch(arguments)) => commands::watch::command(arguments),
        Some(Command::Scans(arguments)) => commands::scans::command(arguments),
        Some(Command::Timeline(arguments)) => commands::timeline::command(arguments),
        None => commands::overview::command(&cli.overview),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Lets another program of the family take this one's place; comes back only if it cannot be started.
fn started(program: &Path, words: impl Iterator<Item = OsString>) -> io::Error {
    use std::os::unix::process::CommandExt as _;
    std::process::Command::new(program).args(words).exec()
}

/// Says what happened; 2.
fn fail(error: &anyhow::Error) -> ExitCode {
    diagnostics::fatal(error);
    ExitCode::from(2)
}

/// Whether an error is nothing but a reader that went away.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}
