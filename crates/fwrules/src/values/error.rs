//! What was wrong with a ruleset's text, where, and what to do.
//!
//! Responsible for: the error types of reading and writing.
//! Must not know: how either is done.
//! Tested by: the reading tests of `iptables::parse`, `nft::parse` and `ipset`.

use core::fmt;

/// Why a text is no ruleset, at which line and column (both from 1), and what helps.
///
/// ```
/// let error = fwrules::Ruleset::parse_save(b"*filter\n-A INPUT -j\nCOMMIT\n").unwrap_err();
/// assert_eq!((error.line, error.column), (2, 10));
/// assert_eq!(error.to_string(), "line 2, column 10: -j needs a target: write -j DROP or the name of a chain");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// The byte of the line, from 1.
    pub column: usize,
    /// What was wrong, in words; bytes of the input are escaped.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl ReadError {
    #[cold]
    pub(crate) fn new(column: usize, message: impl Into<String>, help: impl Into<String>) -> ReadError {
        ReadError { line: 1, column, message: message.into(), help: help.into() }
    }

    pub(crate) fn at_line(mut self, line: usize) -> ReadError {
        self.line = line;
        self
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        if !self.help.is_empty() {
            write!(f, ": {}", self.help)?;
        }
        Ok(())
    }
}

impl core::error::Error for ReadError {}

/// Why a rule cannot be said in the syntax it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteError {
    pub(crate) what: String,
}

impl WriteError {
    #[cold]
    pub(crate) fn new(what: impl Into<String>) -> WriteError {
        WriteError { what: what.into() }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl core::error::Error for WriteError {}
