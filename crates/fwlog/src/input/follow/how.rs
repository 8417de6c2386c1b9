//! How logs that grow are read, and what is known while they are.
//!
//! Responsible for: what a caller chooses and is told.
//! Must not know: the inputs (`queue`).
//! Tested by: `fwstat/tests/cli/follow.rs`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::cursor::Cursor;
use super::twins::Twins;
use super::wake::{Wake, piped_output};

/// How inputs that grow are read.
#[derive(Clone)]
pub struct Follow {
    /// Whether reading ends where the inputs end now, instead of waiting for more.
    pub ends: bool,
    /// Places to begin at, where places are kept.
    pub cursor: Option<Cursor>,
    /// Is told where the reading has come to: all lines before were handed out, and their work is done.
    pub keep: Arc<dyn Fn(&Cursor) + Send + Sync>,
    /// Is told what a person should know: a log that is not there, that was cut.
    pub tell: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Default for Follow {
    /// More is waited for; no places are kept, and nothing is said.
    fn default() -> Follow {
        Follow { ends: false, cursor: None, keep: Arc::new(|_| {}), tell: Arc::new(|_| {}) }
    }
}

impl std::fmt::Debug for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follow")
            .field("ends", &self.ends)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

/// What is known from one chunk to the next.
#[derive(Debug)]
pub(in crate::input) struct Following {
    pub(super) wake: Wake,
    pub(super) twins: Twins,
    /// The input to ask first.
    pub(super) turn: usize,
    /// Bytes since the last wait.
    pub(super) came: u64,
    pub(super) kept: Instant,
    /// Whether lines were handed out since places were kept.
    pub(super) moved: bool,
    pub(super) cursor: Cursor,
}

impl Following {
    /// Nothing was handed out yet. `inputs` are the files among `all` inputs.
    pub(super) fn new(follow: &Follow, inputs: &[&Path], all: usize) -> Following {
        Following {
            wake: Wake::new(inputs, piped_output()),
            twins: Twins::new(all),
            turn: 0,
            came: 0,
            kept: Instant::now(),
            moved: false,
            cursor: follow.cursor.clone().unwrap_or_default(),
        }
    }
}
