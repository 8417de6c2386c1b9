//! A log that is followed, as chunks of whole lines.
//!
//! Responsible for: a stream of lines for each generation of the log, and the places up to which they were handed out.
//! Must not know: files and names (`follower`), the other inputs.
//! Tested by: `fwstat/tests/cli/follow.rs`.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cursor::Cursor;
use super::duct::{Inlet, duct};
use super::follower::{Event, Follower, Notice};
use super::grown::TAIL;
use super::place::Place;
use crate::input::bytes::{HEAD, Pauses, Plain};
use crate::input::chunk::{Buffer, Take};
use crate::input::stream::{Poll, Stream};
use crate::input::years::Years;

/// Bytes without a line end after which a generation is read all the same.
const ENOUGH: usize = 64 << 10;

/// How often streams are told what time it is: no line is later than now.
const TIME: Duration = Duration::from_secs(3_600);

/// A generation whose first line is there.
pub(super) struct Begun<'f> {
    /// Its first bytes.
    pub(super) head: &'f [u8],
    /// All of them, as they come; the pauses that they tell.
    pub(super) bytes: Plain,
    pub(super) pauses: Pauses,
    /// Where it begins, and the number of the line there.
    pub(super) start: (u64, u64),
    /// Its file, if it has one to look at.
    pub(super) file: Option<&'f File>,
}

/// What a log's streams need of the queue that it is in.
pub(super) trait Open {
    /// Makes the stream of a generation.
    ///
    /// # Errors
    /// The bytes are none that hold lines.
    fn open(&self, begun: Begun<'_>) -> io::Result<Stream>;

    /// How years are found so long after the beginning.
    fn years(&self, passed: Duration) -> Years;
}

/// A log.
#[derive(Debug)]
pub(in crate::input) struct Followed {
    path: PathBuf,
    follower: Follower,
    flows: Vec<Flow>,
    taken: Vec<u8>,
    failed: Option<io::Error>,
    began: Instant,
    /// When the streams were told the time, and how often they are.
    told: Instant,
    pub(super) each: Duration,
}

/// A generation's lines.
#[derive(Debug)]
struct Flow {
    number: u64,
    /// What came before there was a line to tell what it is.
    first: Vec<u8>,
    start: (u64, u64),
    inlet: Option<Inlet>,
    stream: Option<Box<Stream>>,
    ended: bool,
    /// The end of what was handed out.
    tail: Vec<u8>,
}

impl Flow {
    fn handed_out(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
    }

    fn is_known(&self) -> bool {
        self.ended || self.first.len() > ENOUGH || self.first.contains(&b'\n')
    }
}

impl Followed {
    /// Follows a log from its beginning, or from where a cursor is.
    #[must_use]
    pub(super) fn new(path: PathBuf, cursor: &Cursor) -> Followed {
        let follower = match cursor.of(&path) {
            Some(places) => Follower::resume(path.clone(), places),
            None => Follower::new(path.clone()),
        };
        let now = Instant::now();
        let (flows, taken) = (Vec::new(), Vec::new());
        Followed { path, follower, flows, taken, failed: None, began: now, told: now, each: TIME }
    }

    /// What there is to say about it, since this was asked last.
    pub(super) fn notices(&mut self) -> Vec<Notice> {
        self.follower.notices()
    }

    /// What could not be read, since this was asked last.
    pub(super) fn failed(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// The next lines.
    pub(super) fn next(&mut self, buffer: &mut Buffer, open: &impl Open) -> Take {
        if self.told.elapsed() >= self.each {
            self.told = Instant::now();
            let years = open.years(self.began.elapsed());
            for stream in self.flows.iter_mut().filter_map(|flow| flow.stream.as_mut()) {
                stream.time_passes(years.clone());
            }
        }
        loop {
            if self.hand_out(buffer, open) {
                return Take::Chunk;
            }
            self.taken.clear();
            match self.follower.look(Instant::now(), &mut self.taken) {
                Event::Bytes(number) => {
                    let taken = std::mem::take(&mut self.taken);
                    let flow = self.flow(number);
                    match &flow.inlet {
                        Some(inlet) => inlet.give(&taken),
                        None => flow.first.extend_from_slice(&taken),
                    }
                    self.taken = taken;
                }
                Event::End(number) => {
                    let flow = self.flow(number);
                    flow.ended = true;
                    flow.inlet = None;
                }
                Event::Quiet => return Take::Later(true),
                Event::Waiting => return Take::Later(false),
            }
        }
    }

    /// What is left when nothing more is waited for: lines that have no end. Those that may still get one stay, if
    /// `all` are not wanted.
    pub(super) fn last(&mut self, buffer: &mut Buffer, open: &impl Open, all: bool) -> bool {
        let newest = self.flows.iter().map(|flow| flow.number).max();
        for flow in &mut self.flows {
            if all || Some(flow.number) != newest {
                flow.ended = true;
                flow.inlet = None;
            }
        }
        self.hand_out(buffer, open)
    }

    /// The generation of this number.
    fn flow(&mut self, number: u64) -> &mut Flow {
        let at = match self.flows.iter().position(|flow| flow.number == number) {
            Some(at) => at,
            None => {
                let (start, tail, _) = self.follower.start(number);
                self.flows.push(Flow {
                    number,
                    first: Vec::new(),
                    start,
                    inlet: None,
                    stream: None,
                    ended: false,
                    tail: tail.to_vec(),
                });
                self.flows.len() - 1
            }
        };
        &mut self.flows[at]
    }

    /// Hands out what came, of the oldest generation first.
    fn hand_out(&mut self, buffer: &mut Buffer, open: &impl Open) -> bool {
        let mut at = 0;
        while at < self.flows.len() {
            let flow = &mut self.flows[at];
            // A generation that was read to its end before has nothing to begin with, and keeps its place.
            let is_over = flow.ended && flow.first.is_empty();
            if flow.stream.is_none() && flow.is_known() && !is_over {
                self.begin(at, open);
            }
            let flow = &mut self.flows[at];
            let Some(stream) = &mut flow.stream else {
                match flow.ended {
                    true => drop(self.flows.remove(at)),
                    false => at += 1,
                }
                continue;
            };
            match stream.poll(buffer) {
                Ok(Poll::Chunk) => {
                    flow.handed_out(&buffer.bytes[buffer.start..buffer.end]);
                    return true;
                }
                Ok(Poll::Later) => at += 1,
                // Its place is kept as long as more may come.
                Ok(Poll::End) if self.follower.numbers().any(|number| number == flow.number) => at += 1,
                Ok(Poll::End) => drop(self.flows.remove(at)),
                Err(error) => {
                    self.failed = Some(error);
                    self.flows.remove(at);
                }
            }
        }
        false
    }

    /// Makes a stream of a generation whose first line is there.
    fn begin(&mut self, at: usize, open: &impl Open) {
        let flow = &mut self.flows[at];
        let pauses = Pauses::default();
        pauses.tell(true);
        let (inlet, outlet) = duct(pauses.clone());
        let first = std::mem::take(&mut flow.first);
        inlet.give(&first);
        match flow.ended {
            // What reads ahead would wait for more.
            true => drop(inlet),
            false => flow.inlet = Some(inlet),
        }
        let (_, _, file) = self.follower.start(flow.number);
        let (head, bytes) = (&first[..first.len().min(HEAD)], Box::new(outlet));
        match open.open(Begun { head, bytes, pauses, start: flow.start, file }) {
            Ok(stream) => flow.stream = Some(Box::new(stream)),
            Err(error) => {
                self.failed = Some(error);
                // What is no text is read no further.
                flow.stream = Some(Box::new(Stream::ended()));
            }
        }
    }

    /// The generations that are not yet handed out to their ends.
    fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> =
            self.flows.iter().map(|flow| flow.number).chain(self.follower.numbers()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Notes the places up to which lines were handed out.
    pub(super) fn keep(&self, cursor: &mut Cursor) {
        let place = |number: u64| {
            let (id, mut head) = self.follower.mark(number)?;
            let flow = self.flows.iter().find(|flow| flow.number == number);
            let (start, tail, _) = self.follower.start(number);
            let (at, line) = match flow {
                Some(flow) => flow.stream.as_ref().map_or(flow.start, |stream| stream.place()),
                None => start,
            };
            head.truncate(usize::try_from(at).unwrap_or(head.len()));
            let tail = flow.map_or(tail, |flow| &flow.tail).to_vec();
            Some(Place { id, at, line, head, tail })
        };
        cursor.set(&self.path, self.numbers().into_iter().filter_map(place).collect());
    }
}
