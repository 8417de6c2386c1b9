//! A terminal made by `script`: every byte that a program writes to it, and keys that are pressed.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::*;

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with a program on it, which ends with it.
pub(crate) struct Pty {
    child: Child,
    keys: ChildStdin,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Pty {
    /// Runs a command line in a folder, on a terminal of so many columns and rows, with these variables; none if
    /// `script` is not there.
    pub(crate) fn start(
        folder: &Folder,
        (columns, rows): (u16, u16),
        variables: &[(&str, &str)],
        command: &str,
    ) -> Option<Pty> {
        if !has("script") {
            skipped("script is not there");
            return None;
        }
        let line = format!("stty cols {columns} rows {rows}; exec {command}");
        let mut script = Command::new("script");
        script.args(["-qefc", &line, "/dev/null"]).current_dir(&folder.0);
        without_surroundings(&mut script).env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        script.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.stderr(Stdio::null()).spawn().unwrap();
        let keys = child.stdin.take().unwrap();
        let mut out = child.stdout.take().unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&written);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(read @ 1..) = out.read(&mut buffer) {
                all.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Some(Pty { child, keys, written })
    }

    /// Presses keys, as a terminal sends them.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// How many bytes were written so far.
    pub(crate) fn len(&self) -> usize {
        self.written.lock().unwrap().len()
    }

    /// What was written behind so many bytes.
    pub(crate) fn since(&self, from: usize) -> Vec<u8> {
        self.written.lock().unwrap()[from..].to_vec()
    }

    /// Waits until one of some texts is written behind so many bytes; how long that took.
    pub(crate) fn wait(&self, from: usize, texts: &[&str]) -> Duration {
        let started = Instant::now();
        loop {
            {
                let written = self.written.lock().unwrap();
                let is_there =
                    |text: &&str| memchr::memmem::find(&written[from..], text.as_bytes()).is_some();
                if texts.iter().any(is_there) {
                    return started.elapsed();
                }
                let shown = String::from_utf8_lossy(&written[from..]);
                assert!(started.elapsed() < PATIENCE, "{texts:?} never came: {shown:?}");
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Waits until nothing was written for a while.
    pub(crate) fn settle(&self, quiet: Duration) {
        let started = Instant::now();
        let (mut last, mut since) = (self.len(), Instant::now());
        while since.elapsed() < quiet {
            assert!(started.elapsed() < PATIENCE, "it is never quiet");
            std::thread::sleep(Duration::from_millis(20));
            if self.len() != last {
                (last, since) = (self.len(), Instant::now());
            }
        }
    }

    /// Waits for the program's end; its code.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<u8>) {
        let started = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
        let code = self.child.wait().unwrap().code();
        std::thread::sleep(Duration::from_millis(100));
        (code, self.since(0))
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
