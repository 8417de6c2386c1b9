//! Inputs that are followed, among all inputs.
//!
//! Responsible for: asking each input in turn, waiting when none has lines, keeping places, and what is left at the end.
//! Must not know: how an input is followed (`followed`).
//! Tested by: `fwstat/tests/cli/follow.rs`, the unit test below.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::cursor::Cursor;
use super::followed::{Begun, Followed, Open};
use super::follower::Notice;
use super::how::{Follow, Following};
use crate::input::chunk::{Buffer, Take};
use crate::input::decode::{self, Decoded};
use crate::input::error::{InputError, reason};
use crate::input::stream::Stream;
use crate::input::years::{self, Depth, Years};
use crate::input::{Input, InputQueue, State, lock};
use crate::time::dates::DAY;

/// How often places are kept, while lines come.
const KEPT: Duration = Duration::from_secs(1);

impl InputQueue {
    /// Whether an input is followed by its name: files of lines that are there, and those that are not there yet.
    pub(in crate::input) fn is_followed(&self, path: &Path) -> bool {
        let Some(follow) = &self.reading.follow else { return false };
        let mut head = [0; crate::input::bytes::HEAD];
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return error.kind() == io::ErrorKind::NotFound && !follow.ends,
        };
        if !file.metadata().is_ok_and(|meta| meta.is_file()) {
            return false;
        }
        let read = crate::input::bytes::read_full(&mut file, &mut head).unwrap_or_default();
        let head = &head[..read];
        !(self.reading.decoding.decompress && crate::input::unpack::Packing::of(head).is_some()
            || decode::foreign(head).is_some())
    }

    /// Follows a file.
    pub(in crate::input) fn follow(&self, path: &Path) -> State {
        let cursor = self.reading.follow.as_ref().and_then(|follow| follow.cursor.as_ref());
        let followed = match cursor {
            Some(cursor) => Followed::new(path.to_owned(), cursor),
            None => Followed::new(path.to_owned(), &Cursor::default()),
        };
        State::Followed(Box::new(followed))
    }

    /// The next lines of an input that is followed.
    pub(in crate::input) fn take_followed(
        &self,
        at: usize,
        followed: &mut Followed,
        buffer: &mut Buffer,
    ) -> Take {
        let taken = followed.next(buffer, &Opening { queue: self, at });
        self.tell_followed(at, followed);
        taken
    }

    fn tell_followed(&self, at: usize, followed: &mut Followed) {
        let name = self.sources[at].name.as_str();
        if let Some(error) = followed.failed() {
            lock(&self.errors).push(InputError::new(name, reason(&error)));
        }
        let Some(follow) = &self.reading.follow else { return };
        for notice in followed.notices() {
            let text = match notice {
                Notice::Absent => "there is no such file yet: it is waited for".to_owned(),
                Notice::Failed(why) => why,
                Notice::Cut(true) => "it was cut in place (copytruncate), and read on in the copy; lines may be \
                     missing that were written between the copy and the cut: `create` in logrotate's file loses none"
                    .to_owned(),
                Notice::Cut(false) => "it was cut in place, and there is no copy of it: lines may be missing that were \
                     not yet read"
                    .to_owned(),
                Notice::PlaceLost => "the place where it was left is not there any more: it is read from its \
                     beginning, and lines before may be missing"
                    .to_owned(),
            };
            (follow.tell)(&format!("{name}: {text}"));
        }
    }

    /// Fills `buffer` with what comes next, of whichever input; waits for it. `false` when nothing more will come.
    pub(in crate::input) fn next_followed(&self, follow: &Follow, buffer: &mut Buffer) -> bool {
        let mut following = lock(&self.following);
        let following = following.get_or_insert_with(|| {
            let paths: Vec<&Path> = self
                .sources
                .iter()
                .filter_map(|source| match &source.input {
                    Input::File(path) | Input::Journal(path, _) => Some(path.as_path()),
                    _ => None,
                })
                .collect();
            Following::new(follow, &paths, self.sources.len())
        });
        loop {
            // All that was handed out before was worked on.
            if following.moved && following.kept.elapsed() >= KEPT {
                self.keep(follow, following);
            }
            if self.stop.load(Ordering::Relaxed) {
                return self.next_last(follow, buffer);
            }
            let (mut open, mut settled, mut waited) = (false, true, false);
            for step in 0..self.sources.len() {
                let at = (following.turn + step) % self.sources.len();
                let source = &self.sources[at];
                if source.done.load(Ordering::Acquire) {
                    continue;
                }
                let state = lock(&source.state);
                waited |= matches!(*state, State::Stream(_));
                match self.take(at, source, state, buffer) {
                    Take::Chunk => {
                        following.turn = at + 1;
                        following.came += (buffer.end - buffer.start) as u64;
                        following.moved = true;
                        if let Some(other) = following.twins.came(at, &buffer.bytes[buffer.start..buffer.end])
                        {
                            let (own, other) = (&source.name, &self.sources[other].name);
                            (follow.tell)(&format!(
                                "{other} and {own} hold the same lines: each is counted twice; name one of them"
                            ));
                        }
                        return true;
                    }
                    Take::Done => {}
                    Take::Later(all) => {
                        open = true;
                        settled &= all;
                    }
                }
            }
            if !open || follow.ends && settled {
                return self.next_last(follow, buffer);
            }
            match following.came {
                0 => {}
                came => following.wake.came(came),
            }
            following.came = 0;
            // What cannot be looked at without waiting was waited for.
            if !waited && !following.wake.wait() {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Tells how far everything was handed out.
    fn keep(&self, follow: &Follow, following: &mut Following) {
        (following.moved, following.kept) = (false, Instant::now());
        if follow.cursor.is_none() {
            return;
        }
        for source in &self.sources {
            if let State::Followed(followed) = &*lock(&source.state) {
                followed.keep(&mut following.cursor);
            }
        }
        (follow.keep)(&following.cursor);
    }

    /// Tells how far everything was handed out, when everything was.
    pub fn keep_places(&self) {
        if let Some(follow) = &self.reading.follow
            && let Some(following) = &mut *lock(&self.following)
        {
            self.keep(follow, following);
        }
    }

    /// What is left when nothing is waited for any more: where places are kept, a line that has no end yet is left for
    /// the next time.
    fn next_last(&self, follow: &Follow, buffer: &mut Buffer) -> bool {
        let all = follow.cursor.is_none();
        for (at, source) in self.sources.iter().enumerate() {
            let mut state = lock(&source.state);
            let State::Followed(followed) = &mut *state else { continue };
            Self::name_chunk(at, buffer);
            if followed.last(buffer, &Opening { queue: self, at }, all) {
                self.give_ticket(buffer);
                return true;
            }
            self.tell_followed(at, followed);
        }
        self.next_held(buffer)
    }

    /// After a stop: the text that was read ahead from a pipe, which nothing else can count.
    pub(in crate::input) fn next_held(&self, buffer: &mut Buffer) -> bool {
        self.sources.iter().enumerate().any(|(at, source)| {
            let state = lock(&source.state);
            let held = matches!(&*state, State::Stream(stream) if stream.holds_text());
            held && matches!(self.take(at, source, state, buffer), Take::Chunk)
        })
    }
}

/// How a generation of one input is opened.
struct Opening<'q> {
    queue: &'q InputQueue,
    at: usize,
}

impl Open for Opening<'_> {
    fn open(&self, begun: Begun<'_>) -> io::Result<Stream> {
        let Begun { head, bytes, pauses, start, file } = begun;
        let reading = &self.queue.reading;
        let keeps = reading.follow.as_ref().is_some_and(|follow| follow.cursor.is_some());
        if keeps && decode::records(head).is_some() {
            let why = "it holds records of several lines, and places are kept in files of lines only";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let decoding = reading.decoding.as_it_is();
        let Decoded::Lines(stream) = self.queue.decode(self.at, bytes, &decoding, pauses)? else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a journal is in the place of a file of lines",
            ));
        };
        let mut stream =
            Stream::new(stream, reading.chunk, reading.years.of_file(None, None)).from_place(start);
        match file {
            Some(file) => {
                let meta = file.metadata()?;
                let own = reading.years.of_file(meta.modified().ok(), None);
                let survey = years::survey(file, meta.len(), &own, Depth::Likely)?;
                self.queue.found(self.at, &survey);
                stream.know_until(survey.calendar, meta.len());
            }
            None => {
                let (survey, _) = stream.look_ahead();
                self.queue.found(self.at, &survey);
            }
        }
        Ok(stream)
    }

    fn years(&self, passed: Duration) -> Years {
        let years = &self.queue.reading.years;
        let now = years.now.saturating_add(i64::try_from(passed.as_secs()).unwrap_or(i64::MAX));
        Years { now, limit: years.local(now) + DAY, ..years.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::input::ReadOptions;

    #[test]
    fn time_passes_while_lines_are_waited_for() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let line = b"Jun 30 06:06:13 gw kernel: x\n";
        log.write_all(line).unwrap();
        let follow = Some(Follow::default());
        let reading = ReadOptions { ordered: true, follow, ..ReadOptions::default() };
        let queue = InputQueue::new(vec![Input::File(log.path().to_owned())], reading);
        let mut buffer = Buffer::default();
        for _ in 0..3 {
            assert!(queue.next(&mut buffer));
            assert_eq!(buffer.chunk().bytes, line);
            if let State::Followed(followed) = &mut *lock(&queue.sources[0].state) {
                followed.each = Duration::ZERO;
            }
            log.write_all(line).unwrap();
        }
        queue.stop.store(true, Ordering::Relaxed);
    }
}
