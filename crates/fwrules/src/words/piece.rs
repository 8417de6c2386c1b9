//! A rule's text in pieces, each with how it is to be quoted.
//!
//! Responsible for: one text for each reader: `iptables-restore`, a shell, people.
//! Must not know: what a piece means.
//! Tested by: `tests/roundtrip.rs`, `tests/shell.rs` (what `sh` makes of it).

use crate::values::error::WriteError;
use crate::values::net::Test;
use crate::values::text::{Text, restore_word, save_string, shell_quote};

/// A piece of a rule, by how it is to be quoted.
enum Piece {
    /// Text made here: options, numbers, addresses.
    Bare(String),
    /// A name or a value from the rule.
    Word(Vec<u8>),
    /// A text that `iptables-save` prints as a string.
    String(Vec<u8>),
}

/// Who reads what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    Restore,
    Shell,
    /// People: nothing is refused.
    Display,
}

/// Collects the pieces of a rule.
#[derive(Default)]
pub(crate) struct Pieces(Vec<Piece>);

impl Pieces {
    pub(crate) fn bare(&mut self, text: impl Into<String>) {
        self.0.push(Piece::Bare(text.into()));
    }

    pub(crate) fn word(&mut self, text: &[u8]) {
        self.0.push(Piece::Word(text.to_vec()));
    }

    pub(crate) fn string(&mut self, text: Vec<u8>) {
        self.0.push(Piece::String(text));
    }

    /// Words that were kept as they were: options and `!` stay bare.
    pub(crate) fn words(&mut self, words: &[Text]) {
        for word in words {
            match word.as_str() {
                Some("!") => self.bare("!"),
                _ => self.word(word.as_bytes()),
            }
        }
    }

    pub(crate) fn module(&mut self, name: &str) {
        self.bare("-m");
        self.bare(name);
    }

    /// `name`, after `!` if `not`.
    pub(crate) fn name(&mut self, not: bool, name: &str) {
        if not {
            self.bare("!");
        }
        self.bare(name);
    }

    pub(crate) fn option<T>(&mut self, test: &Test<T>, name: &str, value: impl Into<String>) {
        self.name(test.not, name);
        self.bare(value);
    }

    /// An option that is there only with a test.
    pub(crate) fn option_if<T>(&mut self, name: &str, test: Option<&Test<T>>, text: impl Fn(&T) -> String) {
        if let Some(test) = test {
            self.option(test, name, text(&test.value));
        }
    }

    pub(crate) fn render(self, reader: Reader) -> Result<Vec<u8>, WriteError> {
        let mut out = Vec::new();
        for piece in self.0 {
            if !out.is_empty() {
                out.push(b' ');
            }
            match piece {
                Piece::Bare(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Word(text) | Piece::String(text)
                    if reader != Reader::Display && text.iter().any(|b| matches!(b, 0 | b'\n')) =>
                {
                    return Err(WriteError::new(format!(
                        "`{}` has a line break or a zero byte in it, which iptables cannot take",
                        text.escape_ascii()
                    )));
                }
                Piece::Word(text) | Piece::String(text) if reader == Reader::Shell => {
                    out.extend_from_slice(shell_quote(&text).as_bytes());
                }
                Piece::Word(text) => restore_word(&mut out, &text),
                Piece::String(text) => save_string(&mut out, &text),
            }
        }
        Ok(out)
    }
}
