//! What is done about a near hit while a log is watched: the bell, a command.
//!
//! Responsible for: which near hits are news, that neither comes more often than once in a while, and the command's
//! environment. No text of a log becomes part of a command line.
//! Must not know: what a near hit is (`analysis::near_hits`), screens.
//! Tested by: the unit tests below, `tests/cli/watch_alarm.rs`.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fwlog::record::{Key, Record, Value, value};
use fwlog::text;
use fwlog::time::clock::When;

use crate::analysis::near_hits::NearHits;

/// Bells and commands come once in so long at most.
const PAUSE: Duration = Duration::from_secs(10);
/// How often a command that runs is looked at.
const STEP: Duration = Duration::from_millis(100);
/// The most that a variable holds.
const LONGEST: usize = 4_096;

/// From which reading a record comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was there before anybody watched.
    Before,
    /// The log is read once more, for another question: most of it is known.
    Again,
    /// It came just now.
    Now,
}

/// A near hit that is told: how many there were since the one before, and its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hit {
    count: u64,
    fields: Vec<(String, String)>,
}

/// What is known from one record to the next.
#[derive(Debug, Default)]
struct State {
    /// The newest moment of all near hits, and those at it.
    newest: Option<When>,
    at_it: HashSet<u64>,
    /// Near hits since the beginning.
    hits: u64,
    /// What the next bell, the next command are about.
    rings: Option<(u64, String)>,
    runs: Option<Hit>,
    rang: Option<Instant>,
    error: Option<String>,
    quit: bool,
}

/// Looks for near hits and tells them.
#[derive(Debug)]
pub struct Alarm {
    near: NearHits,
    bell: bool,
    command: Option<String>,
    hasher: RandomState,
    state: Mutex<State>,
    changed: Condvar,
}

impl Alarm {
    /// Rings, if there is a `bell`, and runs a command, if one is given.
    #[must_use]
    pub fn new(near: NearHits, bell: bool, command: Option<String>) -> Alarm {
        let (hasher, state, changed) = (RandomState::new(), Mutex::default(), Condvar::new());
        Alarm { near, bell, command, hasher, state, changed }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a record.
    pub fn hear(&self, record: &Record<'_>, told: Told) {
        if !self.near.has(record) {
            return;
        }
        let hash = self.hasher.hash_one(record.raw);
        let mut state = self.lock();
        let known = state.newest > record.when || state.newest == record.when && state.at_it.contains(&hash);
        if state.newest < record.when {
            state.newest = record.when;
            state.at_it.clear();
        }
        if state.newest == record.when {
            state.at_it.insert(hash);
        }
        if told == Told::Before || told == Told::Again && known {
            return;
        }
        state.hits += 1;
        if self.bell {
            let count = state.rings.as_ref().map_or(0, |(count, _)| *count) + 1;
            state.rings = Some((count, words(record)));
        }
        if self.command.is_some() {
            let count = state.runs.as_ref().map_or(0, |hit| hit.count) + 1;
            state.runs = Some(Hit { count, fields: fields(record) });
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Near hits since the beginning.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.lock().hits
    }

    /// Why the command failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.lock().error.clone()
    }

    /// Whether the bell is due, and what to say.
    pub fn rings(&self) -> Option<String> {
        let mut state = self.lock();
        if state.rang.is_some_and(|rang| rang.elapsed() < PAUSE) {
            return None;
        }
        let (count, words) = state.rings.take()?;
        state.rang = Some(Instant::now());
        Some(match count {
            1 => format!("near hit: {words}"),
            more => format!("{} near hits, the last: {words}", text::grouped(more)),
        })
    }

    /// Runs the command, once for all near hits that came while it ran or paused, until [`Alarm::quit`].
    pub fn work(&self) {
        let Some(command) = &self.command else { return };
        let mut ran: Option<Instant> = None;
        loop {
            let hit = {
                let mut state = self.lock();
                loop {
                    if state.quit {
                        return;
                    }
                    let pause = ran.map_or(Duration::ZERO, |ran| PAUSE.saturating_sub(ran.elapsed()));
                    if pause.is_zero()
                        && let Some(hit) = state.runs.take()
                    {
                        break hit;
                    }
                    let wait = if pause.is_zero() { PAUSE } else { pause };
                    state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
                }
            };
            ran = Some(Instant::now());
            let error = self.run(command, &hit);
            self.lock().error = error.map(|error| format!("--exec: {error}"));
        }
    }

    /// Runs the command once; why it failed.
    fn run(&self, command: &str, hit: &Hit) -> Option<String> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.env("FWSTAT_HITS", hit.count.to_string());
        for (name, value) in &hit.fields {
            shell.env(name, value);
        }
        let mut child = match shell.spawn() {
            Ok(child) => child,
            Err(error) => return Some(error.to_string()),
        };
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return None,
                Ok(Some(status)) => return Some(format!("`{command}`: {status}")),
                Err(error) => return Some(error.to_string()),
                // It may go on after watch has ended.
                Ok(None) if self.lock().quit => return None,
                Ok(None) => std::thread::sleep(STEP),
            }
        }
    }

    /// Ends [`Alarm::work`].
    pub fn quit(&self) {
        self.lock().quit = true;
        self.changed.notify_all();
    }
}

/// Who came where.
fn words(record: &Record<'_>) -> String {
    let plain = |key: Key| text::escape(value(key, record).to_plain().as_bytes());
    let port = record.line.dport().map_or_else(String::new, |port| format!(" port {port}"));
    format!("{} > {}{port} {}", plain(Key::Src), plain(Key::Dst), plain(Key::Proto))
}

/// The fields of a record as variables, by their names: `FWSTAT_SRC`. Text is escaped as in a report.
fn fields(record: &Record<'_>) -> Vec<(String, String)> {
    let escaped = |bytes: &[u8]| text::shorten(&text::escape(bytes), LONGEST);
    let mut all: Vec<(String, String)> = Key::ALL
        .iter()
        .filter(|key| key.in_record())
        .filter_map(|key| match value(*key, record) {
            Value::Missing => None,
            value => Some((variable(*key), escaped(value.to_plain().as_bytes()))),
        })
        .collect();
    all.push(("FWSTAT_RAW".to_owned(), escaped(record.raw)));
    all
}

/// The variable of a field.
fn variable(key: Key) -> String {
    format!("FWSTAT_{}", key.name().to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "IN=eth0 OUT= MAC= SRC=192.0.2.77 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP \
        SPT=40000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ";

    fn hear(alarm: &Alarm, prefix: &str, second: i64, told: Told) {
        let raw = format!("{prefix} {REST}");
        let entry = logparse::parse(raw.as_bytes()).unwrap();
        let when = Some(When { utc: second * fwlog::time::clock::NANOS, offset: 0 });
        alarm.hear(&Record { when, ..Record::alone((&entry).into(), raw.as_bytes()) }, told);
    }

    fn alarm(command: Option<&str>) -> Alarm {
        Alarm::new(NearHits::new(std::iter::empty(), &[], Vec::new()), true, command.map(str::to_owned))
    }

    #[test]
    fn only_what_is_new_rings_and_not_at_once_again() {
        let alarm = alarm(None);
        hear(&alarm, "in.foreign", 10, Told::Before);
        hear(&alarm, "in.dropped", 11, Told::Now);
        assert_eq!((alarm.rings(), alarm.hits()), (None, 0));
        hear(&alarm, "in.foreign", 12, Told::Now);
        assert_eq!(alarm.rings().as_deref(), Some("near hit: 192.0.2.77 > 192.0.2.2 port 22 TCP"));
        // Another question: the log is read from its beginning, and one more came meanwhile.
        for second in [10, 12, 13] {
            hear(&alarm, "in.foreign", second, Told::Again);
        }
        hear(&alarm, "udp.in.foreign", 13, Told::Again);
        assert_eq!((alarm.rings(), alarm.hits()), (None, 3));
        alarm.lock().rang = Some(Instant::now().checked_sub(PAUSE).unwrap());
        assert!(alarm.rings().unwrap().starts_with("2 near hits, the last: 192.0.2.77"));
    }

    #[test]
    fn text_of_a_log_is_the_value_of_a_variable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let command = format!("env | grep -a ^FWSTAT_ | sort >> '{}'", file.display());
        let alarm = alarm(Some(&command));
        std::thread::scope(|scope| {
            scope.spawn(|| alarm.work());
            hear(&alarm, "foreign $(touch x)\x1b[2J;'\"", 1, Told::Now);
            let began = Instant::now();
            while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains("FWSTAT_TTL="))
                && began.elapsed() < Duration::from_secs(20)
            {
                std::thread::sleep(STEP);
            }
            alarm.quit();
        });
        let told = std::fs::read_to_string(&file).unwrap();
        for wanted in [
            "FWSTAT_HITS=1",
            "FWSTAT_SRC=192.0.2.77",
            "FWSTAT_DPT=22",
            "FWSTAT_IN=eth0",
            "FWSTAT_PREFIX=foreign $(touch x)\\x1b[2J;'\"",
        ] {
            assert!(told.lines().any(|line| line == wanted), "{wanted}: {told}");
        }
        assert!(!folder.path().join("x").exists() && alarm.error().is_none());
    }

    #[test]
    fn variables_are_not_those_of_the_program() {
        assert!(Key::ALL.iter().all(|key| {
            !["FWSTAT_CONFIG_PATH", "FWSTAT_RAW", "FWSTAT_HITS"].contains(&variable(*key).as_str())
        }));
    }
}
