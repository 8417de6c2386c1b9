//! Objects of stores among all inputs.
//!
//! Responsible for: opening one: text is cut in ranges as a file is, what is packed is a stream; what inputs are called.
//! Must not know: stores.
//! Tested by: the unit tests below.

use std::io::{self, Read as _};
use std::sync::Arc;

use super::bytes::{HEAD, Pauses, read_full};
use super::decode::{self, Decoded, Foreign};
use super::error::{InputError, reason};
use super::journal::SIGNATURE;
use super::split::Split;
use super::stored::{Object, Onward, Part, Remote, Stored};
use super::stream::Stream;
use super::years::{self, Depth, Years};
use super::{Input, InputQueue, ReadOptions, State};

impl InputQueue {
    /// Reads an object too, behind all other inputs.
    pub fn add_object(&mut self, object: Arc<dyn Object>) {
        self.add(Input::Remote(Remote(object)), State::Unopened);
    }

    /// The name under which an input is reported.
    pub(in crate::input) fn name_of(&self, input: &Input) -> String {
        let called = match input {
            Input::File(path) => self.reading.names.get(path).cloned(),
            _ => None,
        };
        called.unwrap_or_else(|| input.name())
    }

    /// Opens an object and looks at its first bytes.
    pub(super) fn open_remote(&self, at: usize, name: &str, remote: &Remote) -> Result<State, InputError> {
        let failed = |error: io::Error| InputError::new(name, reason(&error));
        let is_text = is_text(name, remote, &self.reading)?;
        let size = remote.0.size();
        if is_text && size > 0 && !self.reading.ordered {
            let split = cut(name, remote, &self.reading, Depth::Sample)?;
            self.found(at, split.survey());
            return Ok(State::Split(Arc::new(split)));
        }
        let text = || Box::new(Onward::new(remote.clone()).take(size));
        let decoded = self.decode(at, text(), &self.reading.decoding, Pauses::default()).map_err(failed)?;
        let years = years_of(remote, &self.reading);
        let Decoded::Lines(stream) = decoded else { return self.stream(at, name, decoded, years) };
        let stream = Stream::new(stream, self.reading.chunk, years.clone());
        let mut survey = None;
        if is_text {
            survey = Some(years::survey(remote, size, &years, Depth::Likely).map_err(failed)?);
        }
        let again = self.reading.ordered.then_some(|| self.again(text()));
        Ok(self.with_years(at, stream, survey, again, &years))
    }
}

fn years_of(remote: &Remote, reading: &ReadOptions) -> Years {
    reading.years.of_file(remote.0.written(), None)
}

/// Whether an object is text that is read in place.
fn is_text(name: &str, remote: &Remote, reading: &ReadOptions) -> Result<bool, InputError> {
    let failed = |error: io::Error| InputError::new(name, reason(&error));
    let mut head = [0; HEAD];
    let read = read_full(&mut Part { text: remote, at: 0 }, &mut head).map_err(failed)?;
    let head = &head[..read];
    if let Some(Foreign { reason, hint }) = decode::foreign(head) {
        return Err(InputError::new(name, reason).hint(hint));
    }
    Ok(reading.decoding.is_text(head) && !head.starts_with(SIGNATURE))
}

/// An object that can be cut; none if it must be read from its beginning.
pub(super) fn split(
    name: &str,
    remote: &Remote,
    reading: &ReadOptions,
    depth: Depth,
) -> Result<Option<Split>, InputError> {
    if remote.0.size() == 0 || reading.ordered || !is_text(name, remote, reading)? {
        return Ok(None);
    }
    cut(name, remote, reading, depth).map(Some)
}

/// Text, cut in ranges.
fn cut(name: &str, remote: &Remote, reading: &ReadOptions, depth: Depth) -> Result<Split, InputError> {
    let (text, years) = (Stored::Remote(remote.clone()), years_of(remote, reading));
    let split = Split::new(text, remote.0.size(), reading, &years, depth);
    split.map_err(|error| InputError::new(name, reason(&error)))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::Buffer;
    use super::super::apart::Cut;
    use super::super::stored::Text as _;
    use super::*;

    /// An object in memory.
    #[derive(Debug)]
    struct Memory(&'static str, Vec<u8>);

    impl Object for Memory {
        fn name(&self) -> &str {
            self.0
        }

        fn size(&self) -> u64 {
            self.1.len() as u64
        }

        fn written(&self) -> Option<SystemTime> {
            None
        }

        fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
            self.1.text_at(buffer, at)
        }
    }

    fn all(next: &mut dyn FnMut(&mut Buffer) -> bool) -> Vec<u8> {
        let (mut buffer, mut all) = (Buffer::default(), Vec::new());
        while next(&mut buffer) {
            all.extend_from_slice(buffer.chunk().bytes);
        }
        all
    }

    #[test]
    fn objects_are_read_as_files_are() {
        let text: String = (0..400).map(|i| format!("line {}\n", "x".repeat(i * 7 % 300))).collect();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        for (chunk, size, ordered) in [(7, 100, false), (1 << 20, 1 << 20, false), (512, 1, true)] {
            let reading = ReadOptions { chunk, ordered, ..ReadOptions::default() };
            let mut queue = InputQueue::new(Vec::new(), reading);
            queue.add_object(Arc::new(Memory("s3://logs/a", text.clone().into_bytes())));
            queue.add_object(Arc::new(Memory("s3://logs/a.gz", packed.clone())));
            queue.add_object(Arc::new(Memory("s3://logs/empty", Vec::new())));
            assert_eq!(queue.size(), (text.len() + packed.len()) as u64);
            let (pieces, errors) = queue.pieces(&Cut { size, times: false, whole: false, between: None });
            assert!(errors.is_empty());
            assert_eq!(pieces[0].name, "s3://logs/a");
            let mut apart = Vec::new();
            for piece in &pieces {
                let mut reading = piece.open();
                apart.extend(all(&mut |buffer| reading.next(buffer)));
                assert!(reading.errors().is_empty());
            }
            assert!(apart == text.repeat(2).as_bytes(), "{chunk} {size} {ordered}");
            assert!(all(&mut |buffer| queue.next(buffer)) == apart);
            assert!(queue.errors().is_empty());
        }
        let mut queue = InputQueue::new(Vec::new(), ReadOptions::default());
        queue.add_object(Arc::new(Memory("s3://logs/a.zip", b"PK\x03\x04".to_vec())));
        assert!(!queue.next(&mut Buffer::default()));
        assert_eq!(queue.errors()[0].reason, "is a zip archive");
        let mut queue = InputQueue::new(Vec::new(), ReadOptions::default());
        queue.add_object(Arc::new(Memory("s3://logs/j", SIGNATURE.to_vec())));
        assert!(!queue.next(&mut Buffer::default()), "a journal is not read as text");
        assert_eq!(queue.errors().len(), 1);
    }
}
