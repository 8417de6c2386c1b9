//! A line on standard error while long work goes on.
//!
//! Responsible for: bytes, rate and the time that is left, on a terminal, after half a second.
//! Must not know: what is being read.
//! Tested by: the unit tests below; `tests/cli/terminal.rs` looks at it on a terminal.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fwlog::text;

/// Work shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(100);

/// Progress line on standard error; cleared on drop.
#[derive(Debug)]
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Starts to watch: `taken` of `size` bytes are done (`size` 0: unknown).
    #[must_use]
    pub fn start(taken: Arc<AtomicU64>, size: u64) -> Progress {
        let (done, wait) = channel();
        let started = Instant::now();
        let thread = std::thread::spawn(move || {
            let mut shown = false;
            let mut pause = PATIENCE;
            while wait.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = EVERY;
                shown = true;
                let line = line(taken.load(Ordering::Relaxed), size, started.elapsed());
                let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
            }
            if shown {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
        });
        Progress { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `1.2 GiB of 4.0 GiB, 30 %, 3.1 GiB/s, 1 s left`.
fn line(taken: u64, size: u64, elapsed: Duration) -> String {
    let rate = (taken as f64 / elapsed.as_secs_f64().max(0.001)) as u64;
    if size == 0 {
        return format!("{}, {}/s", text::bytes(taken), text::bytes(rate));
    }
    let percent = taken.min(size) * 100 / size;
    let left = size.saturating_sub(taken).checked_div(rate).map_or(String::new(), |seconds| match seconds {
        0..60 => format!(", {seconds} s left"),
        _ => format!(", {} min {} s left", seconds / 60, seconds % 60),
    });
    format!("{} of {}, {percent} %, {}/s{left}", text::bytes(taken), text::bytes(size), text::bytes(rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_known() {
        let second = Duration::from_secs(1);
        assert_eq!(line(1 << 30, 4 << 30, second), "1.0 GiB of 4.0 GiB, 25 %, 1.0 GiB/s, 3 s left");
        assert_eq!(line(1 << 20, 0, second), "1.0 MiB, 1.0 MiB/s");
        assert_eq!(line(0, 4 << 30, second), "0 B of 4.0 GiB, 0 %, 0 B/s");
    }
}
