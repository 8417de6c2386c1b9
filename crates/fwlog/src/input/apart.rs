//! Inputs in pieces that are read apart, each as often as it is asked for: for engines that plan
//! their reading themselves.
//!
//! Responsible for: which inputs can be cut, where, and reading one piece. Files of plain text are
//! cut in ranges; a packed file is one piece, and all journals together are one.
//! Must not know: what a line says; who reads the pieces, and in which order.
//! Tested by: the unit tests below, `fwstat-sql/tests/sql/top.rs`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::bytes::{HEAD, read_full};
use super::chunk::{Buffer, ReadOptions};
use super::error::{InputError, explain, reason};
use super::extent::Unit;
use super::split::Split;
use super::stored::Stored;
use super::years::Depth;
use super::{Input, InputQueue, Source, decode, is_kmsg, is_read_once, journal, remote};

/// How inputs are cut, and what their lines are asked for.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Bytes of a piece.
    pub size: u64,
    /// Whether the moments of lines are asked for: then the years of their stamps are found first.
    pub times: bool,
    /// Whether lines are asked for their numbers, or files may hold records that are not lines: then
    /// no file is cut.
    pub whole: bool,
    /// Only lines between these moments are wanted (local seconds). Others may come too.
    pub between: Option<(i64, i64)>,
}

/// A piece of the inputs: whole lines.
#[derive(Clone, Debug)]
pub struct Piece {
    /// How much it is, in bytes as they are stored: 0 if that is not known.
    pub bytes: u64,
    /// The input's name, of the first one if it is several.
    pub name: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// Pieces `from..to` of a file of plain text.
    Range { split: Arc<Split>, source: usize, names: Arc<Vec<String>>, from: usize, to: usize },
    /// Inputs that are read from their beginning, and the limit of their years.
    Whole { inputs: Vec<Input>, limit: Option<i64>, reading: Box<ReadOptions>, once: Option<Arc<AtomicBool>> },
}

/// A piece while it is read.
#[derive(Debug)]
pub struct Reading {
    state: Reader,
    failed: Option<InputError>,
}

#[derive(Debug)]
enum Reader {
    Range { split: Arc<Split>, source: usize, names: Arc<Vec<String>>, next: usize, to: usize },
    Whole { queue: Box<InputQueue>, names: OnceLock<Vec<String>> },
}

impl InputQueue {
    /// All inputs in pieces of about that size, in their order, and what could not be opened. Nothing
    /// is taken from the queue.
    #[must_use]
    pub fn pieces(&self, cut: &Cut) -> (Vec<Piece>, Vec<InputError>) {
        let mut reading = self.reading.clone();
        reading.ordered |= cut.whole;
        reading.years.wanted &= cut.times;
        reading.between = both(reading.between, cut.between);
        let names = Arc::new(self.names());
        let (mut pieces, mut errors, mut journals) = (Vec::new(), Vec::new(), None);
        for (at, source) in self.sources.iter().enumerate() {
            match &source.input {
                Input::File(path) if journal::is_journal(path) => {
                    // All of them are one set, where the first of them is.
                    let place = *journals.get_or_insert_with(|| {
                        pieces.push(whole(source, &reading, Vec::new()));
                        pieces.len() - 1
                    });
                    pieces[place].bytes += size(path);
                    if let What::Whole { inputs, .. } = &mut pieces[place].what {
                        inputs.push(source.input.clone());
                    }
                }
                Input::File(path) => match split(path, source, &reading) {
                    Ok(Some(split)) => ranges(&mut pieces, &split, (at, &names), cut.size, reading.chunk),
                    Ok(None) => pieces.push(whole(source, &reading, vec![source.input.clone()])),
                    Err(error) => errors.push(error),
                },
                Input::Remote(object) => match remote::split(&source.name, object, &reading, Depth::Likely) {
                    Ok(Some(split)) => {
                        ranges(&mut pieces, &Arc::new(split), (at, &names), cut.size, reading.chunk);
                    }
                    Ok(None) => pieces.push(whole(source, &reading, vec![source.input.clone()])),
                    Err(error) => errors.push(error),
                },
                input => pieces.push(whole(source, &reading, vec![input.clone()])),
            }
        }
        (pieces, errors)
    }
}

/// What lies in both stretches of time.
fn both(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some((a, b)), Some((c, d))) => Some((a.max(c), b.min(d))),
        (one, other) => one.or(other),
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// A file that can be cut; none if it must be read from its beginning.
fn split(path: &Path, source: &Source, reading: &ReadOptions) -> Result<Option<Arc<Split>>, InputError> {
    let failed = |error: io::Error| explain(&source.name, path, &error);
    let meta = std::fs::metadata(path).map_err(failed)?;
    if meta.is_dir() || !meta.is_file() || meta.len() == 0 || is_kmsg(path) || reading.ordered {
        // What is wrong with it is said when it is read.
        return Ok(None);
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut head = [0; HEAD];
    let read = read_full(&mut file, &mut head).map_err(failed)?;
    if decode::foreign(&head[..read]).is_some() || !reading.decoding.is_text(&head[..read]) {
        return Ok(None);
    }
    let years = reading.years.of_file(meta.modified().ok(), source.limit);
    let size = reading.extents.end(&meta, Unit::Bytes, meta.len());
    Split::new(Stored::File(file), size, reading, &years, Depth::Likely)
        .map(Arc::new)
        .map(Some)
        .map_err(failed)
}

/// A file's pieces, `size` bytes and more each.
fn ranges(
    pieces: &mut Vec<Piece>,
    split: &Arc<Split>,
    (source, names): (usize, &Arc<Vec<String>>),
    size: u64,
    chunk: usize,
) {
    let step = usize::try_from(size / chunk.max(1) as u64).unwrap_or(usize::MAX).max(1);
    for from in (0..split.pieces()).step_by(step) {
        let to = (from + step).min(split.pieces());
        let what = What::Range { split: Arc::clone(split), source, names: Arc::clone(names), from, to };
        let name = names.get(source).cloned().unwrap_or_default();
        pieces.push(Piece { bytes: split.bytes(from..to), name, what });
    }
}

fn whole(source: &Source, reading: &ReadOptions, inputs: Vec<Input>) -> Piece {
    let bytes = match &inputs[..] {
        [Input::File(path)] => size(path),
        [Input::Remote(remote)] => remote.0.size(),
        _ => 0,
    };
    let once = match &source.input {
        Input::Stdin => true,
        Input::File(path) => is_read_once(path),
        Input::Journal(..) | Input::Program(_) | Input::Remote(_) => false,
    };
    let once = once.then(Arc::default);
    let what = What::Whole { inputs, limit: source.limit, reading: Box::new(reading.clone()), once };
    Piece { bytes, name: source.name.clone(), what }
}

impl Piece {
    /// Begins to read it.
    #[must_use]
    pub fn open(&self) -> Reading {
        let (state, failed) = match &self.what {
            What::Range { split, source, names, from, to } => {
                let (split, names) = (Arc::clone(split), Arc::clone(names));
                (Reader::Range { split, source: *source, names, next: *from, to: *to }, None)
            }
            What::Whole { inputs, limit, reading, once } => {
                let again = once.as_ref().is_some_and(|once| once.swap(true, Ordering::Relaxed));
                let failed = again.then(|| {
                    InputError::new(&self.name, "can be read only once").hint("write it to a file first")
                });
                let inputs = if again { Vec::new() } else { inputs.clone() };
                let mut queue = InputQueue::new(inputs, (**reading).clone());
                queue.sources.iter_mut().for_each(|source| source.limit = *limit);
                (Reader::Whole { queue: Box::new(queue), names: OnceLock::new() }, failed)
            }
        };
        Reading { state, failed }
    }

    /// Where in its file the piece begins and ends, if it is a part of one.
    #[must_use]
    pub fn range(&self) -> Option<(u64, u64)> {
        match &self.what {
            What::Range { split, from, to, .. } => Some(split.range(*from..*to)),
            What::Whole { .. } => None,
        }
    }
}

impl Reading {
    /// The names of the inputs that chunks are of.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match &self.state {
            Reader::Range { names, .. } => names,
            Reader::Whole { queue, names } => names.get_or_init(|| queue.names()),
        }
    }

    /// Fills `buffer` with the next chunk; `false` when there is none left.
    pub fn next(&mut self, buffer: &mut Buffer) -> bool {
        match &mut self.state {
            Reader::Whole { queue, .. } => queue.next(buffer),
            Reader::Range { split, source, names, next, to } => {
                while *next < *to {
                    (buffer.source, buffer.ticket, buffer.is_journal) = (*source, 0, false);
                    *next += 1;
                    match split.read_piece(*next - 1, buffer) {
                        Ok(true) => return true,
                        Ok(false) => {}
                        Err(error) => {
                            let name = names.get(*source).map_or("", String::as_str);
                            self.failed = Some(InputError::new(name, reason(&error)));
                            *next = *to;
                        }
                    }
                }
                false
            }
        }
    }

    /// What could not be read so far.
    #[must_use]
    pub fn errors(&self) -> Vec<InputError> {
        let more = match &self.state {
            Reader::Whole { queue, .. } => queue.errors(),
            Reader::Range { .. } => Vec::new(),
        };
        self.failed.iter().cloned().chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_every_byte_once_and_can_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..400).map(|i| format!("line {}\n", "x".repeat(i * 7 % 300))).collect();
        let files: Vec<Input> = ["a.log", "b.log", "empty.log"]
            .iter()
            .map(|name| {
                let path = folder.path().join(name);
                std::fs::write(&path, if *name == "empty.log" { "" } else { &text }).unwrap();
                Input::File(path)
            })
            .collect();
        for (chunk, size, whole) in
            [(1, 1, false), (7, 100, false), (1 << 20, 1 << 20, false), (512, 1, true)]
        {
            let reading = ReadOptions { chunk, ..ReadOptions::default() };
            let queue = InputQueue::new(files.clone(), reading);
            let (pieces, errors) = queue.pieces(&Cut { size, times: false, whole, between: None });
            assert!(errors.is_empty());
            for _ in 0..2 {
                let mut all = String::new();
                for piece in &pieces {
                    let mut reading = piece.open();
                    let mut buffer = Buffer::default();
                    while reading.next(&mut buffer) {
                        all.push_str(std::str::from_utf8(buffer.chunk().bytes).unwrap());
                    }
                    assert!(reading.errors().is_empty());
                }
                assert!(all == text.repeat(2), "{chunk} {size} {whole}");
            }
        }
    }
}
