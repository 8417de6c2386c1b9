//! A terminal made by tmux: programs that ask a person are typed into.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::*;

/// How long something may take to appear on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with a program in it, which ends with it.
pub(crate) struct Tmux(String);

impl Tmux {
    /// Runs a command line in a folder, on a terminal of so many columns and rows; none if tmux is not there.
    pub(crate) fn start(folder: &Folder, (columns, rows): (u16, u16), command: &str) -> Option<Tmux> {
        if !has("tmux") {
            skipped("tmux is not there");
            return None;
        }
        let tmux = Tmux(folder.path("tmux"));
        let status = tmux
            .command(&["-f", "/dev/null", "new-session", "-d"])
            .args(["-x", &columns.to_string(), "-y", &rows.to_string(), command])
            .current_dir(&folder.0)
            .env("HOME", &folder.0)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .status();
        assert!(status.unwrap().success());
        Some(tmux)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        without_surroundings(&mut command).args(["-S", &self.0]).args(words);
        command
    }

    /// Presses keys, by tmux's names for them.
    pub(crate) fn keys(&self, keys: &[&str]) {
        assert!(self.command(&["send-keys"]).args(keys).status().unwrap().success());
    }

    /// Makes the terminal so many columns and rows large.
    #[cfg(feature = "watch")]
    pub(crate) fn resize(&self, (columns, rows): (u16, u16)) {
        let size = ["-x", &columns.to_string(), "-y", &rows.to_string()];
        assert!(self.command(&["resize-window"]).args(size).status().unwrap().success());
    }

    /// Sends a signal to the program of this name that runs in it; whether there is one.
    #[cfg(feature = "watch")]
    pub(crate) fn signal(&self, name: &str, signal: &str) -> bool {
        let panes = self.command(&["list-panes", "-F", "#{pane_tty}"]).output().unwrap();
        let tty = String::from_utf8_lossy(&panes.stdout).trim().trim_start_matches("/dev/").to_owned();
        Command::new("pkill")
            .args(["-x", &format!("-{signal}"), "-t", &tty, name])
            .status()
            .unwrap()
            .success()
    }

    fn capture(&self, words: &[&str]) -> String {
        let output = self.command(&["capture-pane", "-p"]).args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the screen is as wanted; `why` is said with what was on it if it never is. Gives the screen.
    pub(crate) fn wait(&self, why: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_for_some(why, &[], wanted)
    }

    /// Waits for a text; all that was shown so far, lines that were folded as one.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.wait_for_some(text, &["-J", "-S", "-2000"], |shown| shown.contains(text))
    }

    fn wait_for_some(&self, why: &str, how: &[&str], wanted: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let shown = self.capture(how);
            if wanted(&shown) {
                return shown;
            }
            assert!(started.elapsed() < PATIENCE, "`{why}` never came: {shown}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}
