//! Samples of the kernel's counters: a file that is written anew, or what a command prints.
//!
//! Responsible for: one sample after another, no faster than is good for the machine, and why there is none.
//! Must not know: what is made of them (`rules`).
//! Tested by: the unit tests below, `tests/cli/watch_rules.rs`.
//!
//! `iptables-save -c` takes some milliseconds, `nft -j list ruleset` of some thousand rules more than a hundred; both
//! hold locks that other programs wait for. So the pause is at least ten times as long as a sample took.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use fwrules::Ruleset;
use rustix::process::{Pid, Signal, kill_process_group};

use super::rules::{RuleRow, Samples};
use crate::whole_file;

/// Between two samples at least.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a command may say of its errors.
const SAID: u64 = 64 << 10;

/// Where counters come from, and what is known of them.
#[derive(Debug, Default)]
struct State {
    /// Files or commands.
    sources: Vec<String>,
    samples: Samples,
    error: Option<String>,
    /// Counts every change.
    version: u64,
    stop: bool,
}

/// The kernel's counters, sampled by a thread of their own.
#[derive(Debug, Default)]
pub struct Counters {
    state: Mutex<State>,
    changed: Condvar,
}

impl Counters {
    /// Counters of these files or commands.
    #[must_use]
    pub fn new(sources: Vec<String>) -> Counters {
        Counters { state: Mutex::new(State { sources, ..State::default() }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes with every sample.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// The counters beside what the log says of its rules, and why there is no newer sample.
    #[must_use]
    pub fn beside(&self, log: &[RuleRow]) -> (Vec<RuleRow>, Option<String>) {
        let state = self.lock();
        (state.samples.joined(log), state.error.clone())
    }

    /// Asks another file or command from here on.
    pub fn ask(&self, source: String) {
        let mut state = self.lock();
        (state.sources, state.samples, state.error) = (vec![source], Samples::default(), None);
        drop(state);
        self.changed.notify_all();
    }

    /// Counts from here on.
    pub fn zero(&self) {
        self.lock().samples.zero();
    }

    /// Ends [`Counters::sample`].
    pub fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Takes samples until [`Counters::stop`].
    pub fn sample(&self) {
        loop {
            let mut state = self.lock();
            while state.sources.is_empty() && !state.stop {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop {
                return;
            }
            let sources = state.sources.clone();
            drop(state);
            let started = Instant::now();
            let sample: anyhow::Result<Vec<Ruleset>> =
                sources.iter().map(|source| self.one(source)).collect();
            let mut state = self.lock();
            if state.sources != sources {
                continue;
            }
            match sample {
                Ok(rules) => {
                    state.samples.take(&rules);
                    state.error = None;
                }
                Err(error) => state.error = Some(format!("{error:#}")),
            }
            state.version += 1;
            drop(state);
            let until = Instant::now() + (started.elapsed() * 10).max(PAUSE);
            while Instant::now() < until && self.pause(until.saturating_duration_since(Instant::now())) {}
        }
    }

    /// Waits; whether it goes on as before.
    fn pause(&self, most: Duration) -> bool {
        let state = self.lock();
        let before = state.sources.clone();
        if state.stop {
            return false;
        }
        let state = self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0;
        !state.stop && state.sources == before
    }

    /// One sample.
    fn one(&self, source: &str) -> anyhow::Result<Ruleset> {
        let name = || format!("counters of {}", fwlog::text::escape(source.as_bytes()));
        let bytes = if Path::new(source).exists() {
            whole_file::read(Path::new(source), whole_file::RULES).with_context(name)?
        } else {
            self.printed(source).with_context(name)?
        };
        Ruleset::parse(&bytes).map_err(|error| anyhow!("{}: {error}", name()))
    }

    /// What a command prints. It has a process group of its own: it cannot read the terminal, which watch reads, and
    /// what it started ends with it.
    fn printed(&self, command: &str) -> anyhow::Result<Vec<u8>> {
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (out, said) =
            (read_beside(child.stdout.take(), whole_file::RULES), read_beside(child.stderr.take(), SAID));
        let status = self.ended(&mut child)?;
        // A program that it left in the background may hold the pipes open.
        let rest = Duration::from_secs(1);
        if !status.success() {
            let said = said.recv_timeout(rest).unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            match said.lines().map(str::trim).find(|line| !line.is_empty()) {
                Some(first) => bail!("{}", fwlog::text::escape(first.as_bytes())),
                None => bail!("it failed ({status})"),
            }
        }
        out.recv_timeout(rest).context("its output has no end")?.context("its output")
    }

    /// Waits for the end of a command, unless it takes too long or is not wanted any more.
    fn ended(&self, child: &mut Child) -> anyhow::Result<ExitStatus> {
        let until = Instant::now() + PATIENCE;
        let mut wait = Duration::from_millis(1);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let goes_on = self.pause(wait);
            if !goes_on || Instant::now() >= until {
                let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
                let _ = child.wait();
                bail!("no end after {} s: does it ask for a password?", PATIENCE.as_secs());
            }
            wait = (wait * 2).min(Duration::from_millis(50));
        }
    }
}

/// Reads a pipe to its end in a thread of its own.
fn read_beside(pipe: Option<impl Read + Send + 'static>, most: u64) -> Receiver<std::io::Result<Vec<u8>>> {
    let (send, receive) = sync_channel(1);
    std::thread::spawn(move || {
        let read = pipe.map_or_else(|| Ok(Vec::new()), |pipe| whole_file::all_of(pipe, most));
        let _ = send.send(read);
    });
    receive
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_asked_and_their_errors_told() {
        let counters = Counters::default();
        let rules = counters.one("printf '*filter\\n:INPUT DROP [7:9]\\nCOMMIT\\n'").unwrap();
        assert_eq!(rules.tables[0].chains[0].counters.map(|counters| counters.packets), Some(7));
        let said = |command: &str| format!("{:#}", counters.one(command).unwrap_err());
        assert!(said("echo no right >&2; exit 4").ends_with(": no right"));
        assert!(said("exit 4").contains("it failed"));
        assert!(said("echo something else").contains("counters of echo"));
        assert!(said("cat /dev/tty; exit 1").contains("counters of cat"));
    }

    #[test]
    fn a_command_without_an_end_ends_with_the_program() {
        let counters = Counters::new(vec!["sleep 600".to_owned()]);
        std::thread::scope(|scope| {
            let sampler = scope.spawn(|| counters.sample());
            std::thread::sleep(Duration::from_millis(50));
            let started = Instant::now();
            counters.stop();
            sampler.join().unwrap();
            assert!(started.elapsed() < Duration::from_secs(5));
        });
    }
}
