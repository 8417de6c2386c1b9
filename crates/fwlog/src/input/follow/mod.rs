//! Logs that grow.
//!
//! Responsible for: following files by their names through every way of rotation, so that each line on the disk is
//! handed out once; places that can be kept, to go on from at another time.
//! Must not know: what a line says, what is done with it.
//! Tested by: the unit tests of its files, `fwstat/tests/cli/follow.rs`.
//!
//! `grown` is one open file, `siblings` what rotation left beside it, `follower` a name through all of its files;
//! `followed` makes chunks of lines of what came, `queue` asks all logs in turn, `wake` says when to look again, `cursor`
//! keeps places in a file, `twins` notices logs with the same lines.
//! `duct` is between them and readers.

mod cursor;
mod duct;
mod followed;
mod follower;
mod grown;
mod how;
mod place;
mod queue;
mod siblings;
mod twins;
mod wake;

pub use self::cursor::{Cursor, CursorError};
pub(super) use self::duct::Beside;
pub(super) use self::followed::Followed;
pub use self::how::Follow;
pub(super) use self::how::Following;
