//! Answers from the logs of Linux firewalls.
//!
//! The way of the data, which is also the order of the modules: bytes ([`input`]) → lines →
//! packets ([`pipeline`], on the parser `logparse`) → [`filter`] → [`aggregate`] → result →
//! [`report`]. [`cli`] is what was typed, [`options`] what it means here, [`commands`] put the
//! rest together.
//!
//! Used as a library by `fwstat-sql`; the program itself is [`main`].

pub mod aggregate;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod filter;
pub mod input;
pub mod moment;
pub mod options;
pub mod pipeline;
pub mod record;
pub mod report;
pub mod services;
pub mod text;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::input::InputError;
use crate::report::style;

/// The program: reads the arguments, does what they say, and returns the exit code.
///
/// 0: something was found. 1: nothing was found. 2: something could not be done or read; what
/// could be was done. A reader that goes away (`| head`) is no error.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Some(Command::Top(arguments)) => commands::top::command(arguments),
        Some(Command::Check(arguments)) => commands::check::command(arguments),
        Some(Command::Export(arguments)) => commands::export::command(arguments),
        Some(Command::Timeline(arguments)) => commands::timeline::command(arguments),
        None => commands::overview::command(&cli.overview),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let mut out = anstream::stderr().lock();
            let style = style::ERROR;
            let _ =
                writeln!(out, "{style}fwstat{style:#}: {}", text::escape(format!("{error:#}").as_bytes()));
            ExitCode::from(2)
        }
    }
}

/// Says what could not be read.
///
/// # Errors
/// Standard error cannot be written to.
fn complain(errors: &[InputError]) -> io::Result<()> {
    /// More of the same help nobody.
    const SHOWN: usize = 10;
    let mut out = anstream::stderr().lock();
    let style = style::ERROR;
    for error in errors.iter().take(SHOWN) {
        let name = text::escape(error.name.as_bytes());
        let reason = text::escape(error.reason.as_bytes());
        writeln!(out, "{style}fwstat{style:#}: {name}: {reason}")?;
        if let Some(hint) = &error.hint {
            writeln!(out, "  {}", text::escape(hint.as_bytes()))?;
        }
    }
    if errors.len() > SHOWN {
        writeln!(out, "fwstat: ... and {} more", errors.len() - SHOWN)?;
    }
    Ok(())
}

/// Whether an error is nothing but a reader that went away.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}
