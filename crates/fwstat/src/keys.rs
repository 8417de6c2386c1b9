//! Single keys from a terminal, without Enter.
//!
//! Responsible for: the terminal's mode while keys are read, and that it is as before afterwards.
//! Must not know: what a key means.
//! Tested by: `tests/cli/suggest.rs`, in tmux.

use std::collections::VecDeque;
use std::io;

use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// A terminal whose keys come one by one. Dropped, it is as it was.
#[derive(Debug)]
pub struct Keys {
    before: Termios,
    typed: VecDeque<u8>,
}

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTyped {
    /// A character, in lower case.
    Char(char),
    /// Ctrl-C, Ctrl-D, or the end of input.
    End,
}

impl Keys {
    /// Switches the terminal on standard input to single keys.
    ///
    /// # Errors
    /// It is no terminal.
    pub fn new() -> io::Result<Keys> {
        let before = tcgetattr(stdin())?;
        let mut single = before.clone();
        // No lines, no echo, and Ctrl-C is a key: the list chosen so far is not lost by it.
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        single.special_codes[SpecialCodeIndex::VMIN] = 1;
        single.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin(), OptionalActions::Flush, &single)?;
        Ok(Keys { before, typed: VecDeque::new() })
    }

    /// Waits for a key. Enter, blanks and keys that are no characters are passed over.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub fn typed(&mut self) -> io::Result<KeyTyped> {
        loop {
            match self.typed.pop_front() {
                Some(3 | 4) => return Ok(KeyTyped::End),
                // An arrow or a function key: the rest of what came with it belongs to it.
                Some(0x1b) => self.typed.clear(),
                Some(byte) if byte.is_ascii_graphic() => {
                    return Ok(KeyTyped::Char(char::from(byte.to_ascii_lowercase())));
                }
                Some(_) => {}
                None => {
                    let mut bytes = [0; 64];
                    match rustix::io::read(stdin(), &mut bytes) {
                        Ok(0) => return Ok(KeyTyped::End),
                        Ok(read) => self.typed.extend(&bytes[..read]),
                        Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}
