//! Bytes from whoever has them to a reader that does not know where they come from.
//!
//! Responsible for: a reader that says when there is no more for now, or waits; and readers of records that cannot do
//! without what they ask for, on a thread of their own.
//! Must not know: files, records.
//! Tested by: the unit tests below.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::input::bytes::{Pauses, Plain, give};

#[derive(Debug, Default)]
struct Held {
    bytes: VecDeque<u8>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    held: Mutex<Held>,
    moved: Condvar,
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where bytes go in.
#[derive(Debug)]
pub(super) struct Inlet(Arc<Shared>);

/// Where they come out.
#[derive(Debug)]
pub(super) struct Outlet {
    shared: Arc<Shared>,
    pauses: Pauses,
}

/// A duct; its reader tells pauses as `pauses` says, else it waits.
#[must_use]
pub(super) fn duct(pauses: Pauses) -> (Inlet, Outlet) {
    let shared = Arc::new(Shared::default());
    (Inlet(Arc::clone(&shared)), Outlet { shared, pauses })
}

impl Inlet {
    /// Gives more.
    pub(super) fn give(&self, bytes: &[u8]) {
        self.0.held().bytes.extend(bytes);
        self.0.moved.notify_all();
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.0.held().ended = true;
        self.0.moved.notify_all();
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.end();
    }
}

impl Read for Outlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut held = self.shared.held();
        while held.bytes.is_empty() && !held.ended {
            if self.pauses.are_told() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            held = self.shared.moved.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.bytes.read(buffer)
    }
}

/// How long a reader that is read beside is waited for, before there is no more for now.
const GLANCE: Duration = Duration::from_millis(100);

/// A reader that tells its pauses, of one that waits.
pub(in crate::input) struct Beside {
    pauses: Pauses,
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    given: usize,
}

impl Beside {
    /// Reads `inner` on a thread of its own, which ends when the reader is not read any more or has ended.
    #[must_use]
    pub(in crate::input) fn new(mut inner: Plain, pauses: Pauses) -> Beside {
        /// Pieces that wait to be read.
        const AHEAD: usize = 4;
        const PIECE: usize = 64 << 10;
        let (sender, pieces) = mpsc::sync_channel(AHEAD);
        thread::spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = inner.read(&mut piece).map(|read| {
                    piece.truncate(read);
                    piece
                });
                let last = !matches!(&read, Ok(piece) if !piece.is_empty());
                if sender.send(read).is_err() || last {
                    break;
                }
            }
        });
        Beside { pauses, pieces, piece: Vec::new(), given: 0 }
    }
}

impl Read for Beside {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.piece.len() {
            let piece = match self.pauses.are_told() {
                true => self.pieces.recv_timeout(GLANCE),
                false => self.pieces.recv().map_err(RecvTimeoutError::from),
            };
            (self.piece, self.given) = match piece {
                Ok(piece) => (piece?, 0),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            };
        }
        Ok(give(&self.piece, &mut self.given, buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_and_an_end_is_an_end() {
        let pauses = Pauses::default();
        pauses.tell(true);
        let (inlet, mut outlet) = duct(pauses);
        let mut out = [0; 8];
        assert!(outlet.read(&mut out).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
        inlet.give(b"abc");
        assert_eq!(outlet.read(&mut out).unwrap(), 3);
        inlet.end();
        assert_eq!(outlet.read(&mut out).unwrap(), 0);
    }

    #[test]
    fn what_waits_is_read_beside_and_tells_its_pauses() {
        let (inlet, outlet) = duct(Pauses::default());
        let pauses = Pauses::default();
        pauses.tell(true);
        let mut beside = Beside::new(Box::new(outlet), pauses);
        let mut all = Vec::new();
        let mut out = [0; 2];
        for piece in [&b"one"[..], b"two", b"three"] {
            inlet.give(piece);
            let wanted = all.len() + piece.len();
            while all.len() < wanted {
                match beside.read(&mut out) {
                    Ok(read) => all.extend_from_slice(&out[..read]),
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            }
            assert!(beside.read(&mut out).is_err());
        }
        drop(inlet);
        while !matches!(beside.read(&mut out), Ok(0)) {
            thread::yield_now();
        }
        assert_eq!(all, b"onetwothree");
    }
}
