//! Where lines come from: files, compressed files, standard input, the journal.
//!
//! Responsible for: opening inputs, undoing compression, and handing out chunks of whole lines
//! to whoever asks next. Plain files are cut in place, so that every thread reads for itself;
//! everything else is a stream that one thread at a time reads on.
//! Must not know: what a line says, except the stamp at its head (`years`).
//! Tested by: the unit tests of its files, `fwstat/tests/cli/inputs.rs`.

mod anew;
pub mod apart;
pub mod bytes;
pub mod chunk;
mod clocks;
mod dated;
pub mod decode;
pub mod discover;
pub mod dmesg;
mod edited;
pub mod envelope;
mod error;
pub mod extent;
pub mod follow;
pub mod journal;
pub mod months;
pub mod objects;
pub mod reframe;
mod remote;
mod rhythm;
pub mod runs;
pub mod split;
pub mod stamps;
pub mod stored;
pub mod stream;
pub mod ulogd;
pub mod unpack;
pub mod walk;
pub mod watch;
pub mod years;

pub use self::bytes::LONGEST_LINE;
pub use self::chunk::{BEFORE, Buffer, Chunk, ReadOptions};
pub use self::error::{InputError, group};
pub use self::stream::{is_kmsg, is_read_once};

use crate::sorting::InOrder as _;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::SystemTime;

use self::bytes::{Meter, Pauses, Plain};
use self::chunk::Take;
use self::decode::{Decoded, Decoding};
use self::error::{explain, reason};
use self::extent::Unit;
use self::follow::{Followed, Following};
use self::journal::{Lost, Merge, Parts, Tail, Wanted, Work};
use self::runs::Doubt;
use self::split::Split;
use self::stored::{Remote, Stored};
use self::stream::{Poll, Stream};
use self::years::{Depth, Survey, Years};

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
    /// The journals in a folder, and in the folders of machines in it (or of this machine).
    Journal(PathBuf, Option<String>),
    /// The output of a program: `journalctl` of a running system.
    Program(Vec<String>),
    /// An object of a store that is elsewhere.
    Remote(Remote),
}

impl Input {
    /// The name under which it is reported.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Input::Stdin => "-".to_owned(),
            Input::File(path) | Input::Journal(path, _) => path.to_string_lossy().into_owned(),
            Input::Program(words) => words.join(" "),
            Input::Remote(remote) => remote.0.name().to_owned(),
        }
    }
}

/// What one input is at the moment.
#[derive(Debug)]
enum State {
    Unopened,
    Split(Arc<Split>),
    Stream(Box<Stream>),
    Entries(Arc<Parts>),
    Merge(Box<Merge>),
    Followed(Box<Followed>),
    Tail(Box<Tail>),
    Done,
}

impl From<Work> for State {
    fn from(work: Work) -> State {
        match work {
            Work::Parts(parts) => State::Entries(parts),
            Work::Merge(merge) => State::Merge(merge),
        }
    }
}

/// One input.
#[derive(Debug)]
struct Source {
    input: Input,
    name: String,
    done: AtomicBool,
    state: Mutex<State>,
    /// The years' limit that a newer file of the same set puts on this one.
    limit: Option<i64>,
}

/// All inputs, handed out chunk by chunk to many threads.
#[derive(Debug)]
pub struct InputQueue {
    sources: Vec<Source>,
    reading: ReadOptions,
    errors: Mutex<Vec<InputError>>,
    /// What could not be read of journals' entries, by input.
    lost: Mutex<Vec<Lost>>,
    notes: Mutex<Vec<String>>,
    remarks: Mutex<Vec<String>>,
    /// What had to be assumed about years, and of which input.
    doubts: Mutex<Vec<(usize, Doubt)>>,
    /// Lines that were not read: the input, where they begin, how many they are.
    skipped: Mutex<Vec<(usize, u64, u64)>>,
    /// Whether all stamps are looked at before any line is read.
    thorough: AtomicBool,
    /// Whether the years of something that can be read once more may be wrong.
    doubtful: AtomicBool,
    /// Whether records of several lines are looked for in files too.
    watched: AtomicBool,
    tickets: AtomicU64,
    /// What is known of inputs that are followed.
    following: Mutex<Option<Following>>,
    /// Bytes taken from files so far, as they lie on the disk.
    pub taken: Arc<AtomicU64>,
    /// Bytes read so far, decompressed.
    plain: Arc<AtomicU64>,
    /// Set from outside to stop handing out chunks.
    pub stop: Arc<AtomicBool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InputQueue {
    /// A feed of these inputs; nothing is opened yet.
    #[must_use]
    pub fn new(inputs: Vec<Input>, mut reading: ReadOptions) -> InputQueue {
        if reading.follow.as_ref().is_some_and(|follow| !follow.ends) {
            reading.entries.taken = Some(Arc::default());
        }
        let mut feed = InputQueue {
            sources: Vec::new(),
            reading,
            errors: Mutex::default(),
            lost: Mutex::default(),
            notes: Mutex::default(),
            remarks: Mutex::default(),
            doubts: Mutex::default(),
            skipped: Mutex::default(),
            thorough: AtomicBool::new(false),
            doubtful: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            tickets: AtomicU64::new(0),
            following: Mutex::default(),
            taken: Arc::default(),
            plain: Arc::default(),
            stop: Arc::default(),
        };
        let is_journal = |input: &Input| match input {
            Input::File(path) => journal::is_journal(path),
            input => matches!(input, Input::Journal(..)),
        };
        let (journals, others): (Vec<_>, Vec<_>) =
            inputs.into_iter().enumerate().partition(|(_, input)| is_journal(input));
        // All journals are one set, where the first of them was named.
        let place = journals.first().map_or(usize::MAX, |(at, _)| *at);
        let mut journals = Some(journals.into_iter().map(|(_, input)| input).collect());
        for (at, input) in others {
            if at > place
                && let Some(journals) = journals.take()
            {
                feed.add_journals(journals);
            }
            feed.add(input, State::Unopened);
        }
        feed.add_journals(journals.unwrap_or_default());
        feed
    }

    fn add(&mut self, input: Input, state: State) {
        let done = AtomicBool::new(matches!(state, State::Done));
        let name = self.name_of(&input);
        let source = Source { name, input, done, state: Mutex::new(state), limit: None };
        self.sources.push(source);
    }

    /// The inputs' names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.sources.iter().map(|source| source.name.clone()).collect()
    }

    /// For each input its place in the order of their names.
    #[must_use]
    pub fn ranks(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.sources.len()).collect();
        // Of equal names the first one comes first.
        order.order_by_key(|at| &self.sources[*at].name);
        let mut ranks = vec![0; order.len()];
        order.iter().enumerate().for_each(|(rank, at)| ranks[*at] = rank);
        ranks
    }

    /// What could not be read so far, by input.
    #[must_use]
    pub fn errors(&self) -> Vec<InputError> {
        let mut errors = lock(&self.errors).clone();
        let name = |lost: &Lost| self.sources[lost.source].name.as_str();
        errors.extend(lock(&self.lost).iter().map(|lost| InputError::new(name(lost), lost.to_string())));
        let place = |error: &InputError| self.sources.iter().position(|source| source.name == error.name);
        errors.order_by_key(place);
        errors
    }

    /// What was assumed or left out on reading.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = lock(&self.notes).clone();
        notes.order();
        notes
    }

    /// What had to be assumed about the years of lines: of which input, and what.
    #[must_use]
    pub fn doubts(&self) -> Vec<(usize, Doubt)> {
        let mut doubts = lock(&self.doubts).clone();
        doubts.order();
        doubts
    }

    /// Lines that were not read: the input, where they begin, how many they are.
    #[must_use]
    pub fn skipped(&self) -> Vec<(usize, u64, u64)> {
        lock(&self.skipped).clone()
    }

    /// How the inputs' lines are counted, where that is not plain.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = lock(&self.remarks).clone();
        remarks.order();
        remarks
    }

    /// Bytes read so far: decompressed, but as the input has them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.plain.load(Ordering::Relaxed)
    }

    /// Bytes taken from the inputs so far, as they are stored.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// The size of all regular files, for progress; 0 if there is none.
    #[must_use]
    pub fn size(&self) -> u64 {
        let size = |source: &Source| match &source.input {
            Input::File(path) => {
                std::fs::metadata(path).ok().filter(|meta| meta.is_file()).map(|meta| meta.len())
            }
            Input::Remote(remote) => Some(remote.0.size()),
            _ => None,
        };
        self.sources.iter().map(size).sum::<Option<u64>>().unwrap_or(0)
    }

    /// Fills `buffer` with the next chunk; `false` when there is none left.
    pub fn next(&self, buffer: &mut Buffer) -> bool {
        if let Some(follow) = &self.reading.follow {
            return self.next_followed(follow, buffer);
        }
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return self.next_held(buffer);
            }
            let mut busy = None;
            let mut again = false;
            for (at, source) in self.sources.iter().enumerate() {
                if source.done.load(Ordering::Acquire) {
                    continue;
                }
                let state = match source.state.try_lock() {
                    Ok(state) => state,
                    Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                    // Another thread reads on here. In order, wait; else look at the next input.
                    Err(TryLockError::WouldBlock) if self.reading.ordered => lock(&source.state),
                    Err(TryLockError::WouldBlock) => {
                        busy = busy.or(Some(source));
                        continue;
                    }
                };
                match self.take(at, source, state, buffer) {
                    Take::Chunk => return true,
                    Take::Done if self.reading.ordered => {
                        // Whoever waited for this input has to look again from the first on.
                        again = true;
                        break;
                    }
                    Take::Done | Take::Later(_) => {}
                }
            }
            match busy {
                _ if again => {}
                // Nothing free: wait until a stream can be read on.
                Some(source) => drop(lock(&source.state)),
                None => return false,
            }
        }
    }

    /// Takes the next chunk of one input.
    fn take(
        &self,
        at: usize,
        source: &Source,
        mut state: MutexGuard<'_, State>,
        buffer: &mut Buffer,
    ) -> Take {
        if matches!(*state, State::Unopened) {
            *state = self.open(at, source).unwrap_or_else(|error| {
                lock(&self.errors).push(error);
                State::Done
            });
        }
        Self::name_chunk(at, buffer);
        let taken = match &mut *state {
            State::Unopened | State::Done => Ok(false),
            State::Split(split) => {
                // The file is cut in place: let the others in before reading.
                let split = Arc::clone(split);
                drop(state);
                return match split.next(buffer) {
                    Ok(true) => {
                        self.count((buffer.end - buffer.start) as u64);
                        Take::Chunk
                    }
                    Ok(false) => Self::finish(source),
                    Err(error) => {
                        self.fail(source, &error);
                        Self::finish(source)
                    }
                };
            }
            State::Stream(stream) => match stream.poll(buffer) {
                Ok(Poll::Later) if self.reading.follow.is_some() => return Take::Later(true),
                Ok(Poll::Later) => stream.next(buffer),
                polled => polled.map(|polled| polled == Poll::Chunk),
            },
            State::Tail(tail) => {
                let (desk, bytes) = buffer.begin_entries();
                let Some(lost) = tail.next(&self.reading.years, desk, bytes) else {
                    return Take::Later(true);
                };
                buffer.end = buffer.bytes.len();
                self.lose(lost);
                Ok(true)
            }
            State::Followed(followed) => match self.take_followed(at, followed, buffer) {
                Take::Chunk => Ok(true),
                later => return later,
            },
            State::Entries(parts) => {
                let parts = Arc::clone(parts);
                let Some(part) = parts.next() else {
                    *state = State::Done;
                    return Self::finish(source);
                };
                self.give_ticket(buffer);
                drop(state);
                let (desk, bytes) = buffer.begin_entries();
                let (taken, lost) = parts.read(part, &self.reading.years, desk, bytes);
                buffer.end = buffer.bytes.len();
                self.count(taken);
                self.lose([lost]);
                return Take::Chunk;
            }
            State::Merge(merge) => {
                let (desk, bytes) = buffer.begin_entries();
                let more = merge.next(&self.reading.years, &mut desk.heads, bytes);
                buffer.end = buffer.bytes.len();
                if !more {
                    self.count(merge.size());
                }
                self.lose(merge.lost());
                Ok(more)
            }
        };
        match taken {
            Ok(true) => {
                self.give_ticket(buffer);
                Take::Chunk
            }
            Ok(false) => {
                if let State::Stream(stream) = &mut *state
                    && let Some(doubt) = stream.doubt()
                {
                    self.doubtful.store(true, Ordering::Relaxed);
                    lock(&self.doubts).push((at, doubt));
                }
                *state = State::Done;
                Self::finish(source)
            }
            Err(error) => {
                *state = State::Done;
                self.fail(source, &error);
                Self::finish(source)
            }
        }
    }

    /// Notes which input a chunk is of.
    fn name_chunk(at: usize, buffer: &mut Buffer) {
        (buffer.source, buffer.ticket, buffer.is_journal) = (at, 0, false);
    }

    /// Gives a chunk its place among all, where they come in order.
    fn give_ticket(&self, buffer: &mut Buffer) {
        if self.reading.ordered {
            buffer.ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts bytes that were read as they are.
    fn count(&self, read: u64) {
        self.taken.fetch_add(read, Ordering::Relaxed);
        self.plain.fetch_add(read, Ordering::Relaxed);
    }

    /// Notes what was lost of journals' entries.
    fn lose(&self, lost: impl IntoIterator<Item = Lost>) {
        for lost in lost.into_iter().filter(|lost| lost.objects > 0) {
            let mut all = lock(&self.lost);
            match all.iter_mut().find(|known| known.source == lost.source) {
                Some(known) => known.merge(lost),
                None => all.push(lost),
            }
        }
    }

    fn finish(source: &Source) -> Take {
        source.done.store(true, Ordering::Release);
        Take::Done
    }

    /// Keeps an error of reading.
    fn fail(&self, source: &Source, error: &io::Error) {
        // Whoever stopped the reading knows that it did not come to an end.
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        lock(&self.errors).push(InputError::new(&source.name, reason(error)));
    }

    /// A stream of plain bytes, counted.
    fn decode(&self, at: usize, inner: Plain, decoding: &Decoding, pauses: Pauses) -> io::Result<Decoded> {
        let (taken, plain) = (Arc::clone(&self.taken), Arc::clone(&self.plain));
        let mut meter = Meter { taken, plain, pauses, ..Meter::default() };
        let stream = decode::open(inner, decoding, &mut meter)?;
        let doubt = meter.doubt.take().map(|(line, text)| (at, Doubt { line, lines: 0, text }));
        lock(&self.doubts).extend(doubt);
        if meter.folded {
            let name = &self.sources[at].name;
            lock(&self.remarks).push(format!(
                "{name}: its records are of several lines; each counts as one line, and line numbers count records"
            ));
        }
        Ok(stream)
    }

    /// [`InputQueue::decode`] of what may keep us waiting. What is written as it comes does not wait for more.
    fn decode_pipe(
        &self,
        at: usize,
        inner: impl Read + AsFd + Send + 'static,
        decoding: &Decoding,
    ) -> io::Result<Decoded> {
        let pauses = Pauses::default();
        pauses.tell(self.reading.ordered);
        let pipe = stream::Pipe::new(inner, Arc::clone(&self.stop), pauses.clone());
        self.decode(at, Box::new(pipe), decoding, pauses)
    }

    /// Opens an input and looks at its first bytes.
    fn open(&self, at: usize, source: &Source) -> Result<State, InputError> {
        let name = source.name.as_str();
        let reading = &self.reading;
        let years = |written: Option<SystemTime>| reading.years.of_file(written, source.limit);
        match &source.input {
            Input::Stdin => {
                // Not `io::stdin`: its buffer would hide from `poll` what was read already.
                let stdin = io::stdin().as_fd().try_clone_to_owned().map(File::from);
                let stdin = stdin.map_err(|error| InputError::new(name, reason(&error)))?;
                if journal::is_at_its_beginning(&stdin) {
                    return self.entries(at, name, stdin);
                }
                let decoded = self
                    .decode_pipe(at, stdin, &reading.decoding)
                    .map_err(|error| InputError::new(name, reason(&error)))?;
                self.stream(at, name, decoded, years(None))
            }
            Input::Program(words) => {
                let program = stream::Program::start(words).map_err(|error| {
                    InputError::new(name, reason(&error)).hint("is it installed, and may you run it?")
                })?;
                let decoded = self
                    .decode_pipe(at, program, &reading.decoding.as_it_is())
                    .map_err(|error| InputError::new(name, reason(&error)))?;
                self.stream(at, name, decoded, years(None))
            }
            Input::Remote(remote) => self.open_remote(at, name, remote),
            Input::File(path) if self.is_followed(path) => Ok(self.follow(path)),
            // Folders were opened with the files in them.
            Input::File(path) | Input::Journal(path, _) => self.open_file(at, path, source, years),
        }
    }

    /// A stream's lines in pieces; of a journal, its entries.
    fn stream(&self, at: usize, name: &str, decoded: Decoded, years: Years) -> Result<State, InputError> {
        match decoded {
            Decoded::Lines(stream) => {
                let mut stream = Stream::new(stream, self.reading.chunk, years);
                let (survey, _) = stream.look_ahead();
                self.found(at, &survey);
                Ok(State::Stream(Box::new(stream)))
            }
            Decoded::Journal(stream) => {
                let kept = journal::spool(stream).map_err(|error| InputError::new(name, reason(&error)))?;
                self.entries(at, name, kept)
            }
        }
    }

    /// The entries of one journal that is open.
    fn entries(&self, at: usize, name: &str, file: File) -> Result<State, InputError> {
        // Its number may be that of another file without a name, and it does not grow.
        let wanted = Wanted { extents: Arc::default(), taken: None, ..self.wanted() };
        let (member, work) = journal::open_file(file, &wanted, at);
        self.tell(name, member)?;
        Ok(work.map_or(State::Done, State::from))
    }

    /// Keeps what a survey found.
    fn found(&self, at: usize, survey: &Survey) {
        lock(&self.doubts).extend(survey.doubts.iter().map(|doubt| (at, doubt.clone())));
        lock(&self.skipped).extend(survey.skip.iter().map(|(from, _, lines)| (at, *from, *lines)));
    }

    fn open_file(
        &self,
        at: usize,
        path: &Path,
        source: &Source,
        years: impl Fn(Option<SystemTime>) -> Years,
    ) -> Result<State, InputError> {
        let name = source.name.as_str();
        let failed = |error: io::Error| explain(name, path, &error);
        let meta = std::fs::metadata(path).map_err(failed)?;
        if meta.is_dir() {
            return Err(InputError::new(name, "is a directory")
                .hint(format!("name the files in it: {}/*.log", name.trim_end_matches('/'))));
        }
        if is_kmsg(path) {
            let decoding = self.reading.decoding.as_it_is();
            let follows = self.reading.follow.as_ref().is_some_and(|follow| !follow.ends);
            let kmsg = stream::Kmsg::open(path, follows).map_err(failed)?;
            let decoded = match follows {
                true => self.decode_pipe(at, kmsg, &decoding),
                false => self.decode(at, Box::new(kmsg), &decoding, Pauses::default()),
            };
            let decoded = decoded.map_err(failed)?;
            return self.stream(at, name, decoded, years(None));
        }
        let mut file = stream::open(path, &meta).map_err(failed)?;
        let years = years(meta.modified().ok());
        if !meta.is_file() {
            let decoded = self.decode_pipe(at, file, &self.reading.decoding).map_err(failed)?;
            return self.stream(at, name, decoded, years);
        }
        let mut head = [0; bytes::HEAD];
        let read = bytes::read_full(&mut file, &mut head).map_err(failed)?;
        let head = &head[..read];
        if let Some(what) = decode::foreign(head) {
            return Err(InputError::new(name, what.reason).hint(what.hint));
        }
        let plain = self.reading.decoding.is_text(head) && !self.watched.load(Ordering::Relaxed);
        // The size of files in /proc and /sys is 0 and says nothing.
        let size =
            if meta.len() > 0 { self.reading.extents.end(&meta, Unit::Bytes, meta.len()) } else { u64::MAX };
        let thorough = self.thorough.load(Ordering::Relaxed);
        if plain && meta.len() > 0 && !self.reading.ordered {
            let depth = if thorough { Depth::All } else { Depth::Sample };
            let split = Split::new(Stored::File(file), size, &self.reading, &years, depth).map_err(failed)?;
            lock(&self.notes).extend(split.note(name));
            self.found(at, split.survey());
            return Ok(State::Split(Arc::new(split)));
        }
        let rest = Box::new(io::Cursor::new(head.to_vec()).chain(file).take(size));
        let decoded = self.decode(at, rest, &self.reading.decoding, Pauses::default()).map_err(failed)?;
        let Decoded::Lines(stream) = decoded else { return self.stream(at, name, decoded, years) };
        let stream = Stream::new(stream, self.reading.chunk, years.clone());
        let mut survey = None;
        if plain && meta.len() > 0 {
            let depth = if thorough { Depth::All } else { Depth::Likely };
            let file = File::open(path).map_err(failed)?;
            survey = Some(years::survey(&file, size, &years, depth).map_err(failed)?);
        }
        let again = || File::open(path).and_then(|file| self.again(Box::new(file)));
        let again = (thorough || self.reading.ordered).then_some(again);
        Ok(self.with_years(at, stream, survey, again, &years))
    }
}
