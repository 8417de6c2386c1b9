//! Files that take their name when they are complete.
//!
//! Responsible for: `--output` and `--rejects`: whoever looks sees the old file or the whole new
//! one, and an interrupted run leaves nothing. The file that is replaced keeps its mode and, where
//! the system allows it, its owner; a symbolic link stays, and what it leads to is replaced.
//! Must not know: what is written.
//! Tested by: the unit tests below, `tests/cli/surface.rs`, `tests/cli/export.rs`.
//!
//! The file has no name while it is written (`O_TMPFILE`), so there is nothing to remove whatever
//! ends the program. On a file system that has no such files (NFS) it is a hidden file in the same
//! folder, which is removed unless the program is killed.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Uid};
use tempfile::{Builder, NamedTempFile, TempPath};

/// A file that takes its name when it is complete.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    /// The name it gets.
    target: PathBuf,
    place: Place,
}

/// Where the bytes are until then.
#[derive(Debug)]
enum Place {
    /// In a file without a name.
    Unnamed,
    /// In a hidden file beside the target.
    Hidden(TempPath),
    /// In the target itself, which is no regular file: a pipe, `/dev/null`.
    Target,
}

impl AtomicFile {
    /// Starts a file that will be `path`.
    ///
    /// # Errors
    /// `path` is a folder, or its folder does not exist or cannot be written to.
    pub fn create(path: &Path) -> anyhow::Result<AtomicFile> {
        let target = followed(path);
        let failed = || path.display().to_string();
        remove_trap(&target);
        let existing = fs::metadata(&target).ok();
        match &existing {
            Some(meta) if meta.is_dir() => bail!("{}: is a directory", path.display()),
            Some(meta) if !meta.is_file() => {
                let file = File::options().write(true).open(&target).with_context(failed)?;
                return Ok(AtomicFile { file, target, place: Place::Target });
            }
            _ => {}
        }
        let (file, place) = match unnamed(folder(&target)) {
            Ok(file) => (file, Place::Unnamed),
            Err(_) => {
                let (file, path) = builder().tempfile_in(folder(&target)).with_context(failed)?.into_parts();
                (file, Place::Hidden(path))
            }
        };
        if let Some(meta) = existing {
            // Only root may give a file away; the group can be set by its members.
            let (uid, gid) = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
            let _ = rustix::fs::fchown(&file, None, Some(gid));
            let _ = rustix::fs::fchown(&file, Some(uid), None);
            let mode = fs::Permissions::from_mode(meta.mode() & 0o7777);
            file.set_permissions(mode).with_context(failed)?;
        }
        Ok(AtomicFile { file, target, place })
    }

    /// The name it gets, or has if it is no regular file.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Whether nothing is seen of it before it is complete.
    #[must_use]
    pub fn is_atomic(&self) -> bool {
        !matches!(self.place, Place::Target)
    }

    /// A handle to write to.
    ///
    /// # Errors
    /// The system has none left.
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Syncs the file and gives it its name.
    ///
    /// # Errors
    /// It cannot be written to the disk, or not be named.
    pub fn commit(self) -> anyhow::Result<()> {
        let AtomicFile { file, target, place } = self;
        let failed = || target.display().to_string();
        if !matches!(place, Place::Target) {
            file.sync_all().with_context(failed)?;
        }
        match place {
            Place::Target => {}
            Place::Hidden(path) => path.persist(&target).with_context(failed)?,
            Place::Unnamed => {
                let named = named(&file, &target).with_context(failed)?;
                named.into_temp_path().persist(&target).with_context(failed)?;
            }
        }
        Ok(())
    }
}

/// Removes a link under the name that earlier releases wrote to: it was put there for one of them to follow, and
/// none does. What is no link is left alone.
fn remove_trap(target: &Path) {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let trap = target.with_file_name(name);
    if fs::symlink_metadata(&trap).is_ok_and(|meta| meta.is_symlink()) {
        let _ = fs::remove_file(trap);
    }
}

/// A file without a name in `folder`.
fn unnamed(folder: &Path) -> io::Result<File> {
    // Without `/proc` it could never get one.
    fs::metadata("/proc/self/fd")?;
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666))?.into())
}

/// Gives a file without a name a hidden one beside `target`: a link replaces nothing, only a
/// rename does.
fn named(file: &File, target: &Path) -> io::Result<NamedTempFile<()>> {
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    builder().make_in(folder(target), |path| {
        Ok(rustix::fs::linkat(CWD, &source, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    })
}

/// How a hidden file is made: with the permissions of any new file.
fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".fwstat-").permissions(fs::Permissions::from_mode(0o666));
    builder
}

fn folder(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What a path leads to, also if that does not exist yet.
fn followed(path: &Path) -> PathBuf {
    /// As many as the kernel follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(next) = fs::read_link(&path) else { break };
        path = folder(&path).join(next);
    }
    path
}

/// Writes a file that was not there.
///
/// # Errors
/// It is there, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    io::Write::write_all(&mut file, bytes)
}

/// The same of a file that only its owner may read.
///
/// # Errors
/// It is there, or cannot be written.
pub fn write_new_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, text: &str) {
        let file = AtomicFile::create(path).unwrap();
        file.writer().unwrap().write_all(text.as_bytes()).unwrap();
        file.commit().unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_not_complete_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        let file = AtomicFile::create(&path).unwrap();
        file.writer().unwrap().write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn a_link_that_waits_for_a_write_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, path) = (folder.path().join("victim"), folder.path().join("out"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, folder.path().join(format!("out.{}.part", std::process::id()))).unwrap();
        write(&path, "new");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(names(folder.path()), ["out", "victim"]);
    }

    #[test]
    fn the_mode_of_a_replaced_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        write(&path, "new");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o604);
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn a_new_file_is_as_any_program_makes_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        write(&folder.path().join("out"), "new");
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().mode();
        assert_eq!(mode("out"), mode("other"));
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        symlink("real/out", folder.path().join("link")).unwrap();
        for text in ["first", "second"] {
            write(&folder.path().join("link"), text);
            assert_eq!(fs::read_to_string(folder.path().join("real/out")).unwrap(), text);
            assert!(fs::symlink_metadata(folder.path().join("link")).unwrap().is_symlink());
        }
        assert_eq!(names(&folder.path().join("real")), ["out"]);
    }

    #[test]
    fn what_is_no_regular_file_stays_what_it_is() {
        let file = AtomicFile::create(Path::new("/dev/null")).unwrap();
        assert!(!file.is_atomic());
        file.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(AtomicFile::create(Path::new("/")).is_err());
    }
}
