//! What is counted where counts are kept: a list of questions, and the answer to each.
//!
//! Responsible for: the questions that a state can hold, by names that stay; which question another one answers.
//! Must not know: files, options, how an answer is shown.
//! Tested by: `tests/cli/states.rs`.

use serde::{Deserialize, Serialize};

use fwlog::aggregate::state::{Damaged, Keys, Reader, State, Writer};
use fwlog::aggregate::{Aggregate, Counts, Latest, Scans, Slices, Timeline};
use fwlog::input::Chunk;
use fwlog::record::{Field, Record};

use super::near_hits;

/// The width of a slice of a kept table.
pub const DAY: i64 = 86_400;
/// Shares of memory that scans need beside counts.
const SCANS: usize = 8;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Question {
    /// How often each value came; `present`: of records that have the first field.
    Counts {
        /// The fields.
        by: Vec<String>,
        /// Whether records without the first field are left out.
        #[serde(default)]
        present: bool,
    },
    /// How often it came in each slice of time.
    Slices {
        /// The fields.
        by: Vec<String>,
        /// Whether records without the first field are left out.
        #[serde(default)]
        present: bool,
        /// Only near hits.
        #[serde(default)]
        near: bool,
        /// The width of a slice in seconds.
        seconds: i64,
    },
    /// How often over time, by any field.
    Timeline {
        /// The fields.
        by: Vec<String>,
        /// The width of a bucket in seconds, if it was chosen.
        bucket: Option<i64>,
    },
    /// When each source was seen last.
    Latest,
    /// What each source asked for, and when: what scans are found in.
    Scans,
}

/// The fields' names.
fn names(by: &[&str]) -> Vec<String> {
    by.iter().map(|name| (*name).to_owned()).collect()
}

impl Question {
    /// Counts by some fields.
    #[must_use]
    pub fn counts(by: &[&str]) -> Question {
        Question::Counts { by: names(by), present: by.first() == Some(&"dport") }
    }

    /// Counts by some fields: of all packets, of those that have the first one.
    #[must_use]
    pub fn counts_of_any(by: &[String]) -> [Question; 2] {
        [false, true].map(|present| Question::Counts { by: by.to_vec(), present })
    }

    /// The same by slices of time.
    #[must_use]
    pub fn slices(by: &[&str], seconds: i64) -> Question {
        Question::Slices { by: names(by), present: by.first() == Some(&"dport"), near: false, seconds }
    }

    /// Near hits by slices of time.
    #[must_use]
    pub fn near_hits(seconds: i64) -> Question {
        Question::Slices { by: names(&["src", "dport", "proto"]), present: false, near: true, seconds }
    }

    /// What a state of scans holds: what they are found in, and the counts of any other state.
    #[must_use]
    pub fn with_scans() -> Vec<Question> {
        let mut all = Question::usual();
        all.push(Question::Scans);
        all
    }

    /// What a state holds if nothing else was asked for: what the overview, `top`, `timeline` and `diff` ask.
    #[must_use]
    pub fn usual() -> Vec<Question> {
        vec![
            Question::slices(&["prefix"], DAY),
            Question::slices(&["src"], DAY),
            Question::slices(&["dport", "proto"], DAY),
            Question::near_hits(DAY),
            Question::counts(&["proto"]),
            Question::counts(&["dst"]),
            Question::counts(&["host"]),
            Question::Timeline { by: Vec::new(), bucket: None },
            Question::Latest,
        ]
    }

    /// The fields that it asks for.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        match self {
            Question::Counts { by, .. } | Question::Slices { by, .. } | Question::Timeline { by, .. } => by,
            Question::Latest | Question::Scans => &[],
        }
    }

    /// Whether the answer to this one may have that to another one in it.
    fn answers(&self, wanted: &Question) -> bool {
        self == wanted
            || match (wanted, self) {
                (
                    Question::Counts { by, present },
                    Question::Slices { by: held, present: same, near: false, .. },
                ) => by == held && present == same,
                (
                    Question::Timeline { by, bucket: Some(_) },
                    Question::Timeline { by: held, bucket: None },
                ) => by == held,
                _ => false,
            }
    }

    /// How many shares of memory its answer needs.
    #[must_use]
    pub fn shares(&self) -> usize {
        if *self == Question::Scans { SCANS } else { 1 }
    }

    /// Nothing counted yet, in so much memory at most; `None` if a field is not known.
    fn empty(&self, most: Option<u64>) -> Option<Answer> {
        let fields =
            |by: &[String]| by.iter().map(|name| Field::parse(name).ok()).collect::<Option<Vec<Field>>>();
        let counts = |by: &[String], present: bool| {
            let counts = Counts::by(fields(by)?);
            Some(if present { counts.only_present() } else { counts })
        };
        Some(match self {
            Question::Counts { by, present } => Answer::Counts(counts(by, *present)?.within(most)),
            Question::Slices { by, present, near, seconds } => {
                let slices = Slices::new(counts(by, *present)?, *seconds).within(most);
                if *near { Answer::Near(slices) } else { Answer::Slices(slices) }
            }
            Question::Timeline { by, bucket } => {
                Answer::Timeline(Timeline::new(fields(by)?, *bucket).within(most))
            }
            Question::Latest => Answer::Latest(Latest::default()),
            Question::Scans => {
                let most = most.map(|bytes| bytes.saturating_mul(self.shares() as u64));
                let most = most.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
                Answer::Scans(Box::new(Scans::new(most, 1)))
            }
        })
    }
}

/// In words, as it would be asked for.
impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of =
            |by: &[String]| if by.is_empty() { String::new() } else { format!(" --by {}", by.join(",")) };
        match self {
            Question::Slices { near: true, .. } => f.write_str("near hits"),
            Question::Counts { by, .. } | Question::Slices { by, .. } => write!(f, "top{}", of(by)),
            Question::Timeline { by, bucket: None } => write!(f, "timeline{}", of(by)),
            Question::Timeline { by, bucket: Some(seconds) } => {
                write!(f, "timeline{} --bucket {seconds}s", of(by))
            }
            Question::Latest => f.write_str("when sources were seen last"),
            Question::Scans => f.write_str("scans"),
        }
    }
}

/// The answer to a question.
#[derive(Clone, Debug)]
enum Answer {
    Counts(Counts),
    Slices(Slices),
    Near(Slices),
    Timeline(Timeline),
    Latest(Latest),
    Scans(Box<Scans>),
}

/// Does the same with whichever answer it is.
macro_rules! each {
    ($answer:expr, $name:ident => $what:expr) => {
        match $answer {
            Answer::Counts($name) => $what,
            Answer::Slices($name) | Answer::Near($name) => $what,
            Answer::Timeline($name) => $what,
            Answer::Latest($name) => $what,
            Answer::Scans($name) => $what,
        }
    };
}

impl Aggregate for Answer {
    fn add(&mut self, record: &Record<'_>) {
        match self {
            Answer::Near(slices) => {
                if near_hits::says_so(record.prefix()) {
                    slices.add(record);
                }
            }
            other => each!(other, own => own.add(record)),
        }
    }

    fn merge(&mut self, other: Answer) {
        match (self, other) {
            (Answer::Counts(own), Answer::Counts(other)) => own.merge(other),
            (Answer::Slices(own), Answer::Slices(other)) | (Answer::Near(own), Answer::Near(other)) => {
                own.merge(other);
            }
            (Answer::Timeline(own), Answer::Timeline(other)) => own.merge(other),
            (Answer::Latest(own), Answer::Latest(other)) => own.merge(other),
            (Answer::Scans(own), Answer::Scans(other)) => own.merge(*other),
            _ => {}
        }
    }

    fn needs_time(&self) -> bool {
        each!(self, own => own.needs_time())
    }

    fn settle(&mut self) {
        each!(self, own => own.settle());
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        each!(self, own => own.end_of_chunk(chunk));
    }
}

impl State for Answer {
    fn write(&self, out: &mut Writer) {
        each!(self, own => own.write(out));
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged> {
        each!(self, own => own.read(from))
    }
}

impl Answer {
    /// The keys under which those of another answer can be kept.
    fn keys(&self) -> Option<&Keys> {
        match self {
            Answer::Slices(slices) => slices.keys(),
            _ => None,
        }
    }
}

/// Questions with their answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    questions: Vec<Question>,
    answers: Vec<Answer>,
    /// Bytes of the lines that were counted.
    bytes: u64,
}

impl Answers {
    /// Nothing counted yet, each table in so much memory at most; `None` if a field is not known.
    #[must_use]
    pub fn new(questions: &[Question], most: Option<u64>) -> Option<Answers> {
        let answers = questions.iter().map(|question| question.empty(most)).collect::<Option<_>>()?;
        Some(Answers { questions: questions.to_vec(), answers, bytes: 0 })
    }

    /// The questions.
    #[must_use]
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Bytes of the lines that were counted.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// An answer as bytes, by the place of its question; after those before it.
    #[must_use]
    pub fn part(&mut self, at: usize) -> Vec<u8> {
        if let Answer::Slices(slices) | Answer::Near(slices) = &mut self.answers[at] {
            slices.gather();
        }
        let mut out = Writer::default();
        match &self.answers[at] {
            Answer::Slices(slices) | Answer::Near(slices) => {
                slices.write_under(self.heads(at).and_then(|heads| self.answers[heads].keys()), &mut out);
            }
            answer => answer.write(&mut out),
        }
        out.finish()
    }

    /// The first answer before another one that has the keys with which its own begin.
    fn heads(&self, at: usize) -> Option<usize> {
        let Question::Slices { by, .. } = &self.questions[at] else { return None };
        self.questions[..at].iter().position(|question| match question {
            Question::Slices { by: alone, near: false, .. } => by.len() > 1 && alone[..] == by[..1],
            _ => false,
        })
    }

    /// Reads the answers; if some questions are asked, only what these need, and no others are held from then on.
    ///
    /// # Errors
    /// The bytes are none of these questions.
    pub fn read(&mut self, parts: Vec<Vec<u8>>, asked: Option<&[Question]>) -> Result<(), Damaged> {
        if parts.len() != self.answers.len() {
            return Err(Damaged("it has not one answer for each question"));
        }
        let is_asked =
            |held: &Question| asked.is_none_or(|asked| asked.iter().any(|wanted| held.answers(wanted)));
        let mut needed: Vec<bool> = self.questions.iter().map(is_asked).collect();
        for at in 0..needed.len() {
            if let Some(heads) = self.heads(at).filter(|_| needed[at]) {
                needed[heads] = true;
            }
        }
        for (at, part) in parts.into_iter().enumerate().filter(|(at, _)| needed[*at]) {
            let mut from = Reader::new(&part);
            let heads = self.heads(at);
            let (before, rest) = self.answers.split_at_mut(at);
            match &mut rest[0] {
                Answer::Slices(slices) | Answer::Near(slices) => {
                    slices.read_under(heads.and_then(|heads| before[heads].keys()), &mut from)?;
                }
                answer => answer.read(&mut from)?,
            }
            from.finish()?;
        }
        let (mut of_questions, mut of_answers) = (needed.iter(), needed.iter());
        self.questions.retain(|_| of_questions.next() == Some(&true));
        self.answers.retain(|_| of_answers.next() == Some(&true));
        Ok(())
    }

    /// The first of these questions to which the answer is not there.
    #[must_use]
    pub fn lacks(&self, questions: &[Question]) -> Option<Question> {
        let is_there = |wanted: &&Question| self.questions.contains(wanted) || self.derived(wanted).is_some();
        questions.iter().find(|wanted| !is_there(wanted)).cloned()
    }

    /// The answers to these questions, each once, from those that are there; nothing is held twice.
    ///
    /// # Errors
    /// The first question that none of them answers.
    pub fn into(mut self, questions: &[Question]) -> Result<Answers, Question> {
        if questions == self.questions {
            return Ok(self);
        }
        let derived = |wanted: &Question| match self.questions.contains(wanted) {
            true => Ok(None),
            false => self.derived(wanted).map(Some).ok_or_else(|| wanted.clone()),
        };
        let derived: Vec<Option<Answer>> = questions.iter().map(derived).collect::<Result<_, _>>()?;
        let mut held: Vec<(Question, Option<Answer>)> =
            self.questions.drain(..).zip(self.answers.drain(..).map(Some)).collect();
        let taken = |(wanted, derived): (&Question, Option<Answer>)| {
            let mut own = held.iter_mut().filter(|(held, _)| held == wanted);
            derived.or_else(|| own.find_map(|(_, answer)| answer.take())).ok_or_else(|| wanted.clone())
        };
        let answers = questions.iter().zip(derived).map(taken).collect::<Result<_, _>>()?;
        Ok(Answers { questions: questions.to_vec(), answers, bytes: self.bytes })
    }

    /// The answer to a question.
    fn answer(&self, wanted: &Question) -> Option<Answer> {
        match self.questions.iter().position(|held| held == wanted) {
            Some(at) => Some(self.answers[at].clone()),
            None => self.derived(wanted),
        }
    }

    /// The answer to a question from that to another one, which has it in it.
    fn derived(&self, wanted: &Question) -> Option<Answer> {
        let held = self.questions.iter().zip(&self.answers).filter(|(held, _)| held.answers(wanted));
        held.map(|(_, answer)| answer).find_map(|answer| match (wanted, answer) {
            (Question::Counts { .. }, Answer::Slices(slices)) => Some(Answer::Counts(slices.sum())),
            (Question::Timeline { bucket: Some(step), .. }, Answer::Timeline(timeline)) => {
                let mut timeline = timeline.clone();
                timeline.fix(*step).then_some(Answer::Timeline(timeline))
            }
            _ => None,
        })
    }

    /// Counts by the fields of a question, if one asks for them.
    #[must_use]
    pub fn counts(&self, by: &[String]) -> Option<Counts> {
        Question::counts_of_any(by).iter().find_map(|question| match self.answer(question) {
            Some(Answer::Counts(counts)) => Some(counts),
            _ => None,
        })
    }

    /// The counts by fields, in the order of the questions.
    #[must_use]
    pub fn into_counts(self) -> Vec<Counts> {
        let counts = |answer| match answer {
            Answer::Counts(counts) => Some(counts),
            _ => None,
        };
        self.answers.into_iter().filter_map(counts).collect()
    }

    /// The answer to a question by slices.
    #[must_use]
    pub fn slices(&self, question: &Question) -> Option<&Slices> {
        self.questions.iter().zip(&self.answers).find_map(|(held, answer)| match answer {
            Answer::Slices(slices) | Answer::Near(slices) if held == question => Some(slices),
            _ => None,
        })
    }

    /// Of what is counted by slices, the part before a moment (local seconds), or from it on; nothing of all else.
    #[must_use]
    pub fn of_period(&self, moment: i64, before: bool) -> Answers {
        let mut part = self.clone();
        for answer in &mut part.answers {
            if let Answer::Slices(slices) | Answer::Near(slices) = answer {
                let (first, second) = slices.split(moment);
                *slices = if before { first } else { second };
            }
        }
        part
    }

    /// The packets of the first answer by slices.
    #[must_use]
    pub fn total(&self) -> u64 {
        let first = self.answers.iter().find_map(|answer| match answer {
            Answer::Slices(slices) => Some(slices),
            _ => None,
        });
        first.map_or(0, |slices| slices.sum().ranked(1).total)
    }

    /// The timeline, if one is asked for.
    #[must_use]
    pub fn timeline(&self) -> Option<&Timeline> {
        self.answers.iter().find_map(|answer| match answer {
            Answer::Timeline(timeline) => Some(timeline),
            _ => None,
        })
    }

    /// Takes out what sources asked for, if that is asked for.
    #[must_use]
    pub fn take_scans(&mut self) -> Option<Scans> {
        self.answers.iter_mut().find_map(|answer| match answer {
            Answer::Scans(scans) => Some(std::mem::replace(&mut **scans, Scans::new(None, 1))),
            _ => None,
        })
    }

    /// When sources were seen last, if that is asked for.
    #[must_use]
    pub fn latest(&self) -> Option<&Latest> {
        self.answers.iter().find_map(|answer| match answer {
            Answer::Latest(latest) => Some(latest),
            _ => None,
        })
    }
}

impl Aggregate for Answers {
    fn add(&mut self, record: &Record<'_>) {
        for answer in &mut self.answers {
            answer.add(record);
        }
    }

    /// Of the same questions.
    fn merge(&mut self, other: Answers) {
        self.bytes += other.bytes;
        self.answers.merge(other.answers);
    }

    fn needs_time(&self) -> bool {
        self.answers.needs_time()
    }

    fn settle(&mut self) {
        self.answers.settle();
    }

    fn end_of_chunk(&mut self, chunk: &Chunk<'_>) {
        self.bytes += chunk.bytes.len() as u64;
        self.answers.end_of_chunk(chunk);
    }
}
