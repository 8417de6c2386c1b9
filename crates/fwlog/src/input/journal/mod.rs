//! The journal's own files, `*.journal`, read without journalctl.
//!
//! Responsible for: the kernel's entries of regular and compact files, whole, growing or damaged, of
//! one file or a folder of them, as lines and what the journal says beside them.
//! Must not know: what a message says.
//! Tested by: the tests of its files; `fwstat/tests/cli/journal.rs` compares with `journalctl`.
//!
//! The way of the data: [`places`] finds files, `member` opens one, `plan` puts them in order, `parts` cuts their
//! lists of entries into pieces (`merge` takes entries of several in turn), `desk` reads a piece: `walk` takes entries apart, `lines` makes lines of them. `file` knows
//! one file's lists, `layout` where things lie in it, `window` reads its bytes. A journal is untrusted:
//! every offset is checked before it is followed, lists only go forward, nothing is allocated by a
//! number that the file claims.

mod boot;
mod desk;
mod file;
mod front;
mod layout;
mod lines;
mod look;
mod lost;
mod member;
mod merge;
mod parts;
pub mod places;
mod plan;
mod queue;
mod tail;
mod taken;
mod unpack;
mod walk;
mod window;

pub use boot::Boot;
pub use desk::Desk;
pub use layout::{Id, SIGNATURE};
pub use lines::{Beside, Head, Heads, Missing};
pub use look::{Read, line, line_of, newest, read};
pub use lost::Lost;
pub use member::{Member, Refused, Wanted, is_at_its_beginning, is_journal};
pub use merge::Merge;
pub use parts::Parts;
pub use plan::{Named, Work, open, open_file};
pub use tail::Tail;
pub use taken::Taken;
pub use window::spool;
