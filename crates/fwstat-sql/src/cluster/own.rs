//! An executor's own folder among the temporary files, and those that executors left there which were killed.
//!
//! Responsible for: that a folder goes when its executor does, or else when the next one starts. Whoever uses one holds its
//! lock, so that neither numbers of processes nor who sees which of them matter.
//! Must not know: what is in it.
//! Tested by: the unit test below.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// How the names of these folders begin; a number follows.
const BEGINNING: &str = "fwstat-sql-";
/// So many of one process: what is in the way may be of a process that we do not see.
const TRIES: u32 = 100;

/// A folder that only its process reads or writes, and that is taken away in the end.
#[derive(Debug)]
pub(super) struct Own {
    path: PathBuf,
    /// Open as long as the folder is used: the lock goes with the process.
    _locked: File,
}

impl Own {
    /// A new one. Those that no process uses any more are taken away.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn new(among: &Path) -> anyhow::Result<Own> {
        let process = std::process::id();
        for number in 0..TRIES {
            let path = among.join(format!("{BEGINNING}{process}{number:02}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.with_context(|| path.display().to_string())?,
            }
            // Another one that starts now may have taken it for left behind.
            if let Some(locked) = locked(&path, None) {
                sweep(among, locked.metadata().with_context(|| path.display().to_string())?.uid());
                return Ok(Own { path, _locked: locked });
            }
        }
        bail!("{}: every name for a folder is taken: --work-dir DIR", among.display())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // It is among the temporary files.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The lock of a folder that no process uses, if it is one: no link, and of this user.
fn locked(path: &Path, user: Option<u32>) -> Option<File> {
    let ours = |meta: &std::fs::Metadata| {
        meta.is_dir() && user.is_none_or(|user| meta.uid() == user) && meta.mode() & 0o077 == 0
    };
    let named = std::fs::symlink_metadata(path).ok().filter(ours)?;
    let folder = File::open(path).ok()?;
    let opened = folder.metadata().ok().filter(ours)?;
    folder.try_lock().ok()?;
    // Between the look and the lock it may have been taken away, or be another one.
    let now = std::fs::symlink_metadata(path).ok()?;
    let same = [&opened, &now].iter().all(|meta| (meta.dev(), meta.ino()) == (named.dev(), named.ino()));
    same.then_some(folder)
}

/// Takes away what killed executors of this user left.
fn sweep(among: &Path, user: u32) {
    let Ok(entries) = std::fs::read_dir(among) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(BEGINNING));
        let is_number = number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        if is_number && let Some(_locked) = locked(&entry.path(), Some(user)) {
            // Links in it are removed, and not followed.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_process_uses_is_taken_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let among = folder.path();
        let private = |name: &str| {
            let path = among.join(name);
            DirBuilder::new().mode(0o700).create(&path).unwrap();
            std::fs::write(path.join("kept"), "x").unwrap();
            path
        };
        let others = [private("fwstat-sql-x"), private("fwstat-sql-"), private("other")];
        let open = among.join("fwstat-sql-1");
        std::fs::create_dir(&open).unwrap();
        std::os::unix::fs::symlink(&others[2], among.join("fwstat-sql-2")).unwrap();
        std::fs::write(among.join("fwstat-sql-3"), "").unwrap();
        let left = private("fwstat-sql-4");
        std::os::unix::fs::symlink(&others[2], left.join("link")).unwrap();
        let used = Own::new(among).unwrap();
        assert!(!left.exists());
        std::fs::write(used.path().join("a"), "a").unwrap();
        let second = Own::new(among).unwrap();
        assert!(used.path() != second.path() && used.path().join("a").exists());
        for kept in others.iter().map(|path| path.join("kept")).chain([open, among.join("fwstat-sql-3")]) {
            assert!(kept.exists(), "{kept:?}");
        }
        assert!(among.join("fwstat-sql-2").is_symlink());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists() && second.path().exists());
    }
}
