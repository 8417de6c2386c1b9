//! The thread that reads, and what it shares with the one that draws.
//!
//! Responsible for: reading the log for one question after another, and pictures of what was counted so far. The
//! reader waits while the rows of a picture are copied, and never for a terminal.
//! Must not know: screens, keys.
//! Tested by: `tests/cli/watch.rs`.
//!
//! A new question is a new run over the log, from its beginning: a million lines take a tenth of a second, and nothing
//! has to be kept of each line. What can be read only once, a pipe, is answered from its last lines, which are kept.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fwlog::filter::Filter;
use fwlog::input::{Buffer, Chunk};
use fwlog::pipeline::{Account, Live, Totals};

use super::alarm::{Alarm, Told};
use super::picture::{Picture, Reading, Wanted};
use super::question::{Question, What};
use super::rules::LogRules;
use super::tally::Tally;
use crate::analysis::replayed::Replays;
use crate::options::{Options, wall_clock};

/// Prefixes that are remembered from one question to the next.
const KNOWN: usize = 256;
/// Bytes kept of what can be read only once.
const KEPT: usize = 16 << 20;
/// What is already there has been read when less than this comes at once.
const LITTLE: usize = 64 << 10;
/// How often the account is copied while much is read.
const OFTEN: Duration = Duration::from_millis(250);

/// A question, its number, and its filter.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// Its number; the answer has it too.
    pub generation: u64,
    /// The filter of its parts.
    pub filter: Filter,
}

/// A chunk of a pipe, kept.
#[derive(Debug)]
struct KeptChunk {
    source: usize,
    offset: u64,
    first_line: Option<u64>,
    bytes: Vec<u8>,
    calendar: fwlog::input::years::Calendar,
}

/// What both threads look at.
struct State<'r> {
    asked: Option<Asked>,
    generation: u64,
    tally: Tally<'r>,
    totals: Totals,
    account: Account,
    copied: Instant,
    notes: Vec<String>,
    reading: Reading,
    /// Bytes taken so far, and the size of all files.
    size: u64,
    taken: u64,
    /// Counts every change.
    version: u64,
    stop: Option<Arc<AtomicBool>>,
    quit: bool,
    kept: VecDeque<KeptChunk>,
    kept_bytes: usize,
    /// Bytes of pipes that are not kept any more.
    dropped: bool,
    names: Vec<String>,
    error: Option<String>,
    /// Every prefix that was seen, whatever the question.
    known: Vec<Vec<u8>>,
}

/// What the reader and the screen share.
pub struct Feed<'r> {
    state: Mutex<State<'r>>,
    rules: LogRules,
    make: Make<'r>,
    alarm: &'r Alarm,
    /// What is said about logs while they are read.
    said: Said,
    changed: Condvar,
    /// Set while the screen waits for its turn.
    wanted: AtomicBool,
    started: Instant,
    /// Whether the log can be read again.
    again: bool,
}

/// What is said about logs while they are read, and how often.
pub type Said = Arc<Mutex<Vec<(String, u64)>>>;

/// Makes what asks the rules about each record of one question; none without rules.
pub type Make<'r> = &'r (dyn Fn() -> Option<Replays<'r>> + Sync);

impl<'r> Feed<'r> {
    /// Nothing is read yet. `again` says whether the log can be read more than once; `make` what asks the `rules`; near
    /// hits are told to `alarm`, and `said` is what is told of the logs.
    #[must_use]
    pub fn new(
        first: Asked,
        again: bool,
        (rules, make): (LogRules, Make<'r>),
        alarm: &'r Alarm,
        said: &Said,
    ) -> Feed<'r> {
        let said = Arc::clone(said);
        let tally = Tally::new(first.question.clone(), first.filter.clone(), None);
        let state = State {
            generation: first.generation,
            asked: Some(first),
            tally,
            totals: Totals::default(),
            account: Account::default(),
            copied: Instant::now(),
            notes: Vec::new(),
            reading: Reading::Behind(None),
            size: 0,
            taken: 0,
            version: 0,
            stop: None,
            quit: false,
            kept: VecDeque::new(),
            kept_bytes: 0,
            dropped: false,
            names: Vec::new(),
            error: None,
            known: Vec::new(),
        };
        let (changed, wanted) = (Condvar::new(), AtomicBool::new(false));
        let (state, started) = (Mutex::new(state), Instant::now());
        Feed { state, rules, make, alarm, said, changed, wanted, started, again }
    }

    fn lock(&self) -> MutexGuard<'_, State<'r>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock, for whoever draws: the reader lets it have its turn.
    fn lock_soon(&self) -> MutexGuard<'_, State<'r>> {
        self.wanted.store(true, Ordering::Relaxed);
        let state = self.lock();
        self.wanted.store(false, Ordering::Relaxed);
        state
    }

    /// Milliseconds since it began.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Changes with everything that is read.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock_soon().version
    }

    /// Asks something else.
    pub fn ask(&self, asked: Asked, options: &Options) {
        let mut state = self.lock_soon();
        if self.again {
            state.asked = Some(asked);
            if let Some(stop) = &state.stop {
                stop.store(true, Ordering::Relaxed);
            }
            drop(state);
            self.changed.notify_all();
            return;
        }
        // What is left of a pipe is counted at once; what comes is counted by the reader.
        let mut tally = Tally::new(asked.question, asked.filter, (self.make)());
        tally.clock(wall_clock());
        let names = state.names.clone();
        let mut live = Live::new(&options.plan, &names, true);
        for kept in &state.kept {
            let chunk = Chunk {
                source: kept.source,
                offset: kept.offset,
                first_line: kept.first_line,
                ticket: 0,
                before: b"",
                bytes: &kept.bytes,
                calendar: kept.calendar.clone(),
                heads: None,
            };
            live.chunk(&chunk, &mut |record| tally.add(record, None));
        }
        (state.tally, state.generation) = (tally, asked.generation);
        state.version += 1;
    }

    /// Ends the reading.
    pub fn quit(&self) {
        let mut state = self.lock_soon();
        state.quit = true;
        if let Some(stop) = &state.stop {
            stop.store(true, Ordering::Relaxed);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// What was counted so far.
    #[must_use]
    pub fn picture(&self, wanted: Wanted) -> Picture {
        let now = self.now();
        let mut state = self.lock_soon();
        let state = &mut *state;
        let mut picture = Picture {
            generation: state.generation,
            reading: state.reading,
            totals: state.totals,
            account: state.account.clone(),
            notes: state.notes.clone(),
            ..Picture::default()
        };
        if let (Reading::Behind(_), true) = (state.reading, state.size > 0) {
            let part = state.taken.saturating_mul(100) / state.size;
            picture.reading = Reading::Behind(Some(part.min(99) as u8));
        }
        if state.dropped && state.generation > 0 {
            picture.notes.push("a pipe can be read only once: counted from the last 16 MiB of it".to_owned());
        }
        state.tally.draw(&mut picture, wanted, &state.names, now);
        for row in &picture.tables[0].rows {
            if let What::Prefix(prefix) = &row.what
                && state.known.len() < KNOWN
                && !state.known.contains(prefix)
            {
                state.known.push(prefix.clone());
            }
        }
        picture.known.clone_from(&state.known);
        if wanted.rules {
            picture.rules = self.rules.rows(state.tally.counted());
        }
        picture.near_hits = self.alarm.hits();
        picture.notes.extend(self.alarm.error());
        picture.age = picture
            .newest
            .map(|local| wall_clock() / fwlog::time::clock::NANOS + i64::from(picture.offset) - local);
        picture
    }

    /// Whether the log has an end and it was reached, or it cannot be read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        let state = self.lock();
        state.reading == Reading::End && state.asked.is_none()
    }

    /// Whether everything that was there has been read.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.lock().reading == Reading::Live
    }

    /// Why the log cannot be read any more, if so.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.lock().error.clone()
    }

    /// Waits until the log was read to its end, or as far as it goes now; at most so long.
    pub fn wait(&self, most: Duration) {
        let until = Instant::now() + most;
        let mut state = self.lock();
        while matches!(state.reading, Reading::Behind(_)) && Instant::now() < until && !state.quit {
            let left = until.saturating_duration_since(Instant::now());
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Reads, for one question after another, until [`Feed::quit`]. `open` gives the log from its beginning.
    pub fn read(&self, open: &dyn Fn() -> anyhow::Result<Options>) {
        loop {
            let asked = {
                let mut state = self.lock();
                loop {
                    if state.quit {
                        return;
                    }
                    if let Some(asked) = state.asked.take() {
                        break asked;
                    }
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            };
            match open() {
                Ok(options) => self.run(asked, &options),
                Err(error) => {
                    let mut state = self.lock();
                    state.error = Some(format!("{error:#}"));
                    state.reading = Reading::End;
                    state.version += 1;
                    drop(state);
                    self.changed.notify_all();
                }
            }
        }
    }

    /// Reads the log for one question.
    fn run(&self, asked: Asked, options: &Options) {
        let queue = &options.queue;
        let first = asked.generation == 0;
        let names = queue.names();
        {
            let mut state = self.lock();
            state.tally = Tally::new(asked.question, asked.filter, (self.make)());
            state.generation = asked.generation;
            state.size = queue.size();
            // Of an empty log all is read that there is.
            let empty = options.endless && state.size == 0 && self.again;
            state.reading = if empty { Reading::Live } else { Reading::Behind(None) };
            state.names.clone_from(&names);
            state.stop = Some(Arc::clone(&queue.stop));
            if state.quit || state.asked.is_some() {
                queue.stop.store(true, Ordering::Relaxed);
            }
        }
        let mut live = Live::new(&options.plan, &names, true);
        let mut buffer = Buffer::default();
        while queue.next(&mut buffer) {
            let chunk = buffer.chunk();
            while self.wanted.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let mut state = self.lock();
            let state = &mut *state;
            let is_live = matches!(state.reading, Reading::Live);
            let now = is_live.then(|| self.now());
            let told = match (is_live, first) {
                (true, _) => Told::Now,
                (false, true) => Told::Before,
                (false, false) => Told::Again,
            };
            state.tally.clock(wall_clock());
            live.chunk(&chunk, &mut |record| {
                self.alarm.hear(record, told);
                state.tally.add(record, now);
            });
            state.taken = queue.taken();
            state.totals = live.account().totals;
            let little = chunk.bytes.len() < LITTLE;
            if little || state.copied.elapsed() > OFTEN {
                state.account = live.account().clone();
                state.copied = Instant::now();
                state.notes = self.notes(options);
            }
            // A pipe has no size.
            if state.taken >= state.size && (little || state.size > 0) {
                state.reading = Reading::Live;
            }
            state.version += 1;
            if !self.again {
                state.keep(&chunk);
            }
        }
        let mut state = self.lock();
        state.account = live.account().clone();
        state.totals = state.account.totals;
        state.notes = self.notes(options);
        state.version += 1;
        state.stop = None;
        if state.asked.is_none() {
            state.reading = Reading::End;
        }
        drop(state);
        self.changed.notify_all();
    }

    /// What could not be read, what was assumed on reading, and what became of the logs.
    fn notes(&self, options: &Options) -> Vec<String> {
        let errors =
            options.queue.errors().into_iter().map(|error| format!("{}: {}", error.name, error.reason));
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let said = said.into_iter().map(|(words, times)| match times {
            1 => words,
            more => format!("{words} ({more} times)"),
        });
        errors.chain(options.queue.notes()).chain(said).collect()
    }
}

impl State<'_> {
    /// Keeps a chunk of a pipe, and lets go of the oldest.
    fn keep(&mut self, chunk: &Chunk<'_>) {
        self.kept_bytes += chunk.bytes.len();
        self.kept.push_back(KeptChunk {
            source: chunk.source,
            offset: chunk.offset,
            first_line: chunk.first_line,
            bytes: chunk.bytes.to_vec(),
            calendar: chunk.calendar.clone(),
        });
        while self.kept_bytes > KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            self.kept_bytes -= oldest.bytes.len();
            self.dropped = true;
        }
    }
}
