//! Which years the stamps of an input have, found before its first line is given away.
//!
//! Responsible for: what must be looked at for that: the next file of a set, all of a text, a stream as far as it can be
//! read ahead or once more.
//! Must not know: how years follow from stamps (`years`).
//! Tested by: `fwstat/tests/cli/clocks.rs`, the unit tests of `remote`.

use std::fs::File;
use std::io;
use std::path::Path;

use super::bytes::{self, Meter, Plain};
use super::decode::{self, Decoded};
use super::stream::Stream;
use super::years::{self, Depth, Survey, Years};
use super::{Input, InputQueue, State, runs};

impl InputQueue {
    /// Takes neighbouring inputs for one set, the oldest first: no line of a file is later than
    /// the first line of the next, but for some disorder.
    pub fn chain(&mut self) {
        let mut limit = None;
        for at in (0..self.sources.len()).rev() {
            self.sources[at].limit = limit;
            let Input::File(path) = &self.sources[at].input else { continue };
            let first = self.first_moment(path, limit).unwrap_or_default();
            limit = first.map(|first| first + runs::SLACK).or(limit);
        }
    }

    /// When a file begins, in local seconds.
    fn first_moment(&self, path: &Path, limit: Option<i64>) -> io::Result<Option<i64>> {
        let mut file = File::open(path)?;
        let meta = file.metadata()?;
        let years = self.reading.years.of_file(meta.modified().ok(), limit);
        let mut head = [0; bytes::HEAD];
        let read = bytes::read_full(&mut file, &mut head)?;
        if self.reading.decoding.is_text(&head[..read]) {
            return Ok(years::survey(&file, meta.len(), &years, Depth::Sample)?.calendar.first());
        }
        let again = || self.again(Box::new(File::open(path)?));
        let mut stream = Stream::new(again()?, 64 << 10, years.clone());
        let (survey, all) = stream.look_ahead();
        match all {
            true => Ok(survey.calendar.first()),
            false => Ok(years::survey_stream(&mut again()?, &years)?.calendar.first()),
        }
    }

    /// The plain bytes of a text that is read once more, and not counted.
    pub(super) fn again(&self, text: Plain) -> io::Result<Plain> {
        match decode::open(text, &self.reading.decoding, &mut Meter::default())? {
            Decoded::Lines(stream) => Ok(stream),
            // Its entries have years.
            Decoded::Journal(_) => Ok(Box::new(io::empty())),
        }
    }

    /// A stream whose stamps were looked at, or are now as far as it can be read ahead; if that is not all of it and the
    /// years must be right at once, by reading its text `again`.
    pub(super) fn with_years(
        &self,
        at: usize,
        mut stream: Stream,
        survey: Option<Survey>,
        again: Option<impl FnOnce() -> io::Result<Plain>>,
        years: &Years,
    ) -> State {
        let survey = match survey {
            Some(survey) => survey,
            None => match (stream.look_ahead(), again) {
                // What was written already is not written again. What is wrong with it is said when it is read.
                ((_, false), Some(again)) => {
                    again().and_then(|mut text| years::survey_stream(&mut text, years)).unwrap_or_default()
                }
                ((survey, _), _) => {
                    self.found(at, &survey);
                    return State::Stream(Box::new(stream));
                }
            },
        };
        self.found(at, &survey);
        stream.know(survey.calendar);
        State::Stream(Box::new(stream))
    }
}
