//! Logs that grow: what is said while they are read, and the file in which places are kept.
//!
//! Responsible for: reading and writing that file, and the words of what a log's owner should know.
//! Must not know: how logs are followed (`fwlog::input::follow`).
//! Tested by: `tests/cli/follow.rs`.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow};

use crate::atomic_file::AtomicFile;
use crate::report::diagnostics;
use crate::whole_file;
use fwlog::input::follow::{Cursor, Follow};
use fwlog::text;

/// How logs are read on from some places to their ends; `reached` is given how far they were read.
pub(super) fn keeping(places: Cursor, reached: Arc<Mutex<Option<Cursor>>>) -> Follow {
    let keep = Arc::new(move |cursor: &Cursor| {
        *reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(cursor.clone());
    });
    Follow { ends: true, cursor: Some(places), keep, tell: Arc::new(tell) }
}

fn tell(text: &str) {
    // A warning that cannot be written is no reason to end.
    let _ = diagnostics::warning(&text::escape(text.as_bytes()));
}

/// How logs that grow are read, on from the place that is kept in a file.
///
/// # Errors
/// The file holds something else.
pub(super) fn follow(follow: bool, cursor: Option<&Path>) -> anyhow::Result<Follow> {
    let tell = Arc::new(tell);
    let Some(path) = cursor else { return Ok(Follow { ends: !follow, tell, ..Follow::default() }) };
    let name = || text::escape(path.to_string_lossy().as_bytes());
    let places = match whole_file::read(path, whole_file::LIST) {
        Ok(bytes) => Cursor::from_json(&bytes).map_err(|error| {
            anyhow!("--cursor: {}: {error}\n  remove it to begin at the beginning of the log", name())
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Cursor::default(),
        Err(error) => return Err(error).with_context(|| format!("--cursor: {}", name())),
    };
    let kept = path.to_owned();
    let keep = Arc::new(move |cursor: &Cursor| {
        let written = AtomicFile::create(&kept).and_then(|file| {
            file.writer()?.write_all(cursor.to_json().as_bytes())?;
            file.commit()
        });
        if let Err(error) = written {
            let _ = diagnostics::warning(&format!("--cursor: {error:#}"));
        }
    });
    Ok(Follow { ends: !follow, cursor: Some(places), keep, tell })
}
