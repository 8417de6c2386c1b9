//! When to look at logs again.
//!
//! Responsible for: how long nothing is looked at: a moment while lines come, up to a quarter of a second in silence,
//! less where the system says that something was written.
//! Must not know: what is looked at.
//! Tested by: `fwstat/tests/cli/follow.rs`.
//!
//! The system's word (inotify) only wakes: on network and overlay file systems it does not come, and then the next look
//! sees what there is.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

/// While much comes, and while something comes.
const BUSY: Duration = Duration::from_millis(1);
const CALM: Duration = Duration::from_millis(10);
/// In silence.
const LONGEST: Duration = Duration::from_millis(250);
/// What is much, in bytes between two looks.
const MUCH: u64 = 16 << 10;

/// Waits between looks.
#[derive(Debug)]
pub(super) struct Wake {
    notify: Option<OwnedFd>,
    pause: Duration,
    /// Standard output, where it is a pipe: its reader may go away.
    output: Option<OwnedFd>,
}

impl Wake {
    /// Waits for these files, and for the reader of `output` to go away.
    #[must_use]
    pub(super) fn new(paths: &[&Path], output: Option<OwnedFd>) -> Wake {
        let notify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok();
        let wake = Wake { notify, pause: BUSY, output };
        paths.iter().for_each(|path| wake.watch(path));
        wake
    }

    /// Waits for a file too, and for one of its name.
    pub(super) fn watch(&self, path: &Path) {
        let Some(notify) = &self.notify else { return };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Without the system's word every look is a quarter of a second late at most.
        let _ = inotify::add_watch(notify, path, inotify::WatchFlags::MODIFY);
        let _ =
            inotify::add_watch(notify, folder, inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO);
    }

    /// Lines came: so many bytes since the last time nothing did.
    pub(super) fn came(&mut self, bytes: u64) {
        self.pause = if bytes >= MUCH { BUSY } else { CALM };
    }

    /// Waits; `false` if the output's reader is gone.
    pub(super) fn wait(&mut self) -> bool {
        let silent = self.pause > CALM;
        let time = Timespec { tv_sec: 0, tv_nsec: self.pause.subsec_nanos().into() };
        let mut files = Vec::new();
        // While lines come, each of them would wake us.
        if let Some(notify) = self.notify.as_ref().filter(|_| silent) {
            files.push(PollFd::new(notify, PollFlags::IN));
        }
        if let Some(output) = &self.output {
            files.push(PollFd::new(output, PollFlags::empty()));
        }
        let _ = poll(&mut files, Some(&time));
        let gone = |file: &PollFd<'_>| file.revents().intersects(PollFlags::ERR | PollFlags::HUP);
        let closed = self.output.is_some() && files.last().is_some_and(gone);
        self.pause = (self.pause * 2).min(LONGEST);
        self.drain();
        !closed
    }

    /// Takes what the system said: that is all it is asked for.
    fn drain(&self) {
        let Some(notify) = &self.notify else { return };
        let mut bytes = [0; 4096];
        while matches!(rustix::io::read(notify.as_fd(), &mut bytes[..]), Ok(read) if read > 0) {}
    }
}

/// Standard output, if it is a pipe whose reader may go away.
#[must_use]
pub(super) fn piped_output() -> Option<OwnedFd> {
    use std::os::unix::fs::FileTypeExt as _;
    let output = io::stdout().as_fd().try_clone_to_owned().ok()?;
    let kind = std::fs::File::from(output.try_clone().ok()?).metadata().ok()?.file_type();
    (kind.is_fifo() || kind.is_socket()).then_some(output)
}
