//! What is said on standard error.
//!
//! Responsible for: the program's name before each message, colours, escaping.
//! Must not know: what follows from a message.
//! Tested by: `tests/cli/inputs.rs`.

use std::io::{self, Write as _};

use super::style;
use fwlog::input::InputError;
use fwlog::text;

/// Input errors that are named one by one.
const NAMED: usize = 10;

/// Prints one error; what it quotes is escaped by the caller.
///
/// # Errors
/// Standard error cannot be written to.
pub fn error(text: &str) -> io::Result<()> {
    let style = style::ERROR;
    writeln!(anstream::stderr().lock(), "{style}fwstat{style:#}: {text}")
}

/// Prints a warning.
///
/// # Errors
/// Standard error cannot be written to.
pub fn warning(text: &str) -> io::Result<()> {
    writeln!(anstream::stderr().lock(), "fwstat: {text}")
}

/// Prints what ends the program: an error with all its causes, the first line after the name.
pub fn fatal(error: &anyhow::Error) {
    let mut out = anstream::stderr().lock();
    let style = style::ERROR;
    let mut prefix = format!("{style}fwstat{style:#}: ");
    for line in text::plain_error(&format!("{error:#}")).lines() {
        let _ = writeln!(out, "{prefix}{}", text::escape(line.as_bytes()));
        prefix.clear();
    }
}

/// Prints which inputs could not be read, and what to do.
///
/// # Errors
/// Standard error cannot be written to.
pub fn input_errors(errors: &[InputError]) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    let style = style::ERROR;
    for error in errors.iter().take(NAMED) {
        let name = text::escape(error.name.as_bytes());
        let reason = text::escape(error.reason.as_bytes());
        writeln!(out, "{style}fwstat{style:#}: {name}: {reason}")?;
        if let Some(hint) = &error.hint {
            writeln!(out, "  {}", text::escape(hint.as_bytes()))?;
        }
    }
    if errors.len() > NAMED {
        writeln!(out, "fwstat: ... and {} more", errors.len() - NAMED)?;
    }
    Ok(())
}
