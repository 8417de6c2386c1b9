//! `fwstat watch`: a log as it is written, on a terminal.
//!
//! The way of the data: `feed` (a thread that reads) → `tally` (counts for one question) → `picture` (values) → `model`
//! (pure state; `keys`, `moves`) → `view` (cells, a pure function of the model) → `term` (the terminal).
//!
//! Responsible for: the loop that joins these, and what is done outside the model.
//! Must not know: how lines are read, how a panel looks.
//! Tested by: `tests/cli/watch.rs`, the unit tests of its files.

pub mod alarm;
pub mod counters;
pub mod feed;
pub mod keys;
pub mod layout;
pub mod model;
#[cfg(test)]
mod model_tests;
mod mouse;
mod moves;
pub mod periodic;
pub mod picture;
pub mod proposals;
pub mod question;
pub mod recap;
pub mod rules;
#[cfg(test)]
mod screens_tests;
pub mod setup;
pub mod tally;
pub mod term;
pub mod view;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use fwlog::filter::expr;
use fwlog::record::Record;
use fwrules::{Compiled, Context, Evidence};
use logparse::Completeness;

use self::alarm::Alarm;
use self::counters::Counters;
use self::feed::{Asked, Feed, Said};
use self::model::{App, Effect, Msg};
use self::picture::{LineRow, Picture, Reading, Wanted};
use self::proposals::{Answer, Proposer, Request};
use self::question::Question;
use self::rules::LogRules;
use self::setup::Setup;
use self::term::{Heard, Term};
use crate::analysis::explain::PathTaken;
use crate::analysis::replayed::Replays;
use crate::atomic_file;
use crate::options::{self, Options};
use crate::report::explain::{self, Explained};
use crate::report::style::RenderOptions;
use crate::report::{self, meaning};
use crate::rules::Rulesets;

/// How long a picture stays while nothing is read, for the age of its newest line.
const STALE: Duration = Duration::from_secs(5);
/// How long is waited for a key at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is watched, and how.
pub struct Start<'s> {
    /// Opens the log from its beginning.
    pub open: &'s (dyn Fn() -> anyhow::Result<Options> + Sync),
    /// Whether it can be opened more than once.
    pub again: bool,
    /// The log as it was opened first, for its filters and its clock.
    pub options: &'s Options,
    /// What does not change.
    pub setup: Setup,
    /// What is looked at first.
    pub question: Question,
    /// Pictures a second at most.
    pub fps: u32,
    /// The rules, if any were named.
    pub rulesets: &'s Rulesets,
    /// The kernel's counters, if they were asked for.
    pub counters: Counters,
    /// What proposes rules.
    pub proposer: Proposer<'s>,
    /// What is done about near hits.
    pub alarm: Alarm,
    /// What is said about logs while they are read.
    pub said: Said,
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The last picture.
    pub picture: Picture,
    /// What to print on the screen that stays.
    pub recap: String,
    /// Whether a signal ended it.
    pub interrupted: bool,
}

/// Shows the log until a key or a signal ends it.
///
/// # Errors
/// There is no terminal, or it cannot be read any more.
pub fn run(start: &Start<'_>) -> anyhow::Result<Ended> {
    let first = Asked { question: start.question.clone(), generation: 0, filter: fwlog::filter::Filter::All };
    let rules = start.rulesets;
    // The rules of this host are what wrote its log.
    let compiled: Vec<Compiled<'_>> =
        rules.all.iter().map(|(_, each)| Compiled::new(each, Evidence::Writer(each), &rules.local)).collect();
    let make = || (!compiled.is_empty()).then(|| Replays::new(rules, &compiled, None, None));
    let feed = Feed::new(first, start.again, (LogRules::new(rules), &make), &start.alarm, &start.said);
    let mut term = Term::new()?;
    std::thread::scope(|scope| {
        let quits = Quits { start, feed: &feed };
        let reader = scope.spawn(|| feed.read(start.open));
        let sampler = scope.spawn(|| start.counters.sample());
        let alarm = scope.spawn(|| start.alarm.work());
        let ((ask, asked), (answer, answers)) = (channel(), channel());
        let proposer = scope.spawn(move || start.proposer.work(&asked, &answer));
        let mut screen = Screen::new(start, &feed, &mut term, (ask, answers));
        let ended = screen.run();
        // What proposes ends when nothing can be asked any more.
        let Screen { app, interrupted, copied, advice, .. } = screen;
        drop(advice);
        // Before the terminal is given back: it may be gone, and then that panics.
        drop(quits);
        drop(term);
        let _ = (reader.join(), sampler.join(), proposer.join(), alarm.join());
        ended?;
        let recap = recap::recap(&app, &copied);
        Ok(Ended { picture: app.picture, recap, interrupted })
    })
}

/// Tells all threads to end, also where a panic ends the screen.
struct Quits<'s, 'f> {
    start: &'s Start<'s>,
    feed: &'s Feed<'f>,
}

impl Drop for Quits<'_, '_> {
    fn drop(&mut self) {
        self.feed.quit();
        self.start.proposer.quit();
        self.start.counters.stop();
        self.start.alarm.quit();
    }
}

/// The loop of the screen.
struct Screen<'s, 'f> {
    start: &'s Start<'s>,
    feed: &'s Feed<'f>,
    term: &'s mut Term,
    app: App,
    /// To what proposes rules, and from it.
    advice: (Sender<Request>, Receiver<Answer>),
    /// The commands that were copied.
    copied: Vec<String>,
    interrupted: bool,
    done: bool,
}

impl<'s, 'f> Screen<'s, 'f> {
    fn new(
        start: &'s Start<'s>,
        feed: &'s Feed<'f>,
        term: &'s mut Term,
        advice: (Sender<Request>, Receiver<Answer>),
    ) -> Screen<'s, 'f> {
        let app = App::new(start.setup.clone(), start.question.clone(), term.size());
        Screen { start, feed, term, app, advice, copied: Vec::new(), interrupted: false, done: false }
    }

    fn run(&mut self) -> anyhow::Result<()> {
        let frame = Duration::from_secs(1) / self.start.fps.max(1);
        let mut version = None;
        let mut drawn = Instant::now();
        // A small log is there at once: its first picture is a whole one.
        self.feed.wait(PATIENCE * 2);
        let mut dirty = true;
        while !self.done {
            let seen = (self.feed.version(), self.start.counters.version());
            let stale = drawn.elapsed() >= STALE;
            if version.is_none() || stale || version != Some(seen) && drawn.elapsed() >= frame {
                let picture = self.picture();
                self.update(Msg::Picture(Box::new(picture)))?;
                (version, drawn, dirty) = (Some(seen), Instant::now(), true);
            }
            if dirty {
                let app = &self.app;
                self.term.draw(|buffer| view::draw(app, buffer))?;
            }
            let waits = if version == Some(seen) { PATIENCE } else { frame.saturating_sub(drawn.elapsed()) };
            dirty = self.listen(waits.min(PATIENCE))? | self.advised()? | self.rung()?;
        }
        // What is said at the end is about all that was read.
        let picture = self.picture();
        self.app.hold = false;
        self.update(Msg::Picture(Box::new(picture)))
    }

    /// Takes what was proposed; whether anything was.
    fn advised(&mut self) -> anyhow::Result<bool> {
        let Ok(answer) = self.advice.1.try_recv() else { return Ok(false) };
        self.update(match answer {
            Answer::Proposed(number, proposed) => Msg::Proposed(number, proposed),
            Answer::Written(said) => Msg::Say(said),
        })?;
        Ok(true)
    }

    /// Rings the bell, if that is due; whether it was.
    fn rung(&mut self) -> anyhow::Result<bool> {
        let Some(words) = self.start.alarm.rings() else { return Ok(false) };
        self.term.bell()?;
        self.update(Msg::Say(words))?;
        Ok(true)
    }

    /// Asks what proposes rules.
    fn advise(&self, request: Request) {
        // It ends with the screen.
        let _ = self.advice.0.send(request);
    }

    /// Waits for keys and takes all that came; whether anything happened.
    fn listen(&mut self, most: Duration) -> anyhow::Result<bool> {
        let mut heard = self.term.heard(most)?;
        let any =
            heard.is_some() || self.app.said.as_ref().is_some_and(|(_, until)| *until <= self.feed.now());
        for _ in 0..256 {
            match heard {
                None => break,
                Some(Heard::Key(key)) => self.update(Msg::Key(key))?,
                Some(Heard::Wheel(x, y, down)) => self.update(Msg::Wheel(x, y, down))?,
                Some(Heard::Click(x, y)) => self.update(Msg::Click(x, y))?,
                Some(Heard::Resize(width, height)) => self.update(Msg::Resize(width, height))?,
                Some(Heard::Continued) => self.app.size = self.term.size(),
                Some(Heard::End) => {
                    self.interrupted = true;
                    self.done = true;
                }
            }
            if self.done {
                break;
            }
            heard = self.term.heard(Duration::ZERO)?;
        }
        Ok(any)
    }

    /// What was counted, with where the rules send the lines that can be seen.
    fn picture(&self) -> Picture {
        let lines = match self.app.view {
            layout::View::Lines if self.app.line.on.is_some() || self.app.find.is_some() => 5_000,
            layout::View::Lines => 300,
            _ if self.app.line.on.is_some() => 1_000,
            _ => 100,
        };
        let rules = self.app.on_rules() || self.app.layout().of(layout::Panel::Rules).is_some();
        let mut picture = self.feed.picture(Wanted { lines, rows: self.app.rows_wanted(), rules });
        if rules && self.app.counters {
            (picture.rules, picture.counters_error) = self.start.counters.beside(&picture.rules);
        }
        if !self.start.rulesets.all.is_empty() {
            let from = picture.lines.len().saturating_sub(40);
            for line in &mut picture.lines[from..] {
                line.path = path(self.start.rulesets, &line.raw);
            }
        }
        if let Some(error) = self.feed.error() {
            picture.notes.push(error);
            picture.reading = Reading::End;
        }
        picture
    }

    fn update(&mut self, msg: Msg) -> anyhow::Result<()> {
        let now = self.feed.now();
        let effects = self.app.update(now, msg);
        for effect in effects {
            self.act(effect)?;
        }
        Ok(())
    }

    fn act(&mut self, effect: Effect) -> anyhow::Result<()> {
        match effect {
            Effect::Quit => self.done = true,
            Effect::Redraw => self.term.clear()?,
            Effect::Mouse(on) => self.term.mouse(on)?,
            Effect::Propose(number, question, from) => {
                self.advise(Request::Propose(number, question, from));
            }
            Effect::Take(number, taken) => self.advise(Request::Take(number, taken)),
            Effect::Script(name, taken) => self.advise(Request::Write(name.into(), taken)),
            Effect::Zero => self.start.counters.zero(),
            Effect::Counters(source) => self.start.counters.ask(source),
            Effect::Suspend => {
                self.term.suspend()?;
                self.app.size = self.term.size();
            }
            Effect::Copy(command) => {
                self.term.copy(&command)?;
                self.copied.retain(|other| *other != command);
                self.copied.push(command);
            }
            Effect::Ask(question, generation) => {
                let clock = &self.start.options.plan.clock;
                let context = expr::Context { now: options::wall_clock(), zone: &clock.zone };
                match question.filter(&context) {
                    Ok(filter) => {
                        self.feed.ask(Asked { question, generation, filter }, self.start.options);
                        // Most logs are read again before an eye sees it.
                        self.feed.wait(PATIENCE);
                    }
                    Err(why) => self.update(Msg::Refused(why))?,
                }
            }
            Effect::Explain(line) => {
                let width = usize::from(self.app.size.0.saturating_sub(6)).clamp(20, 110);
                let page = explained(self.start.rulesets, &line, width);
                self.update(Msg::Page(format!("explain {}", line.place), page))?;
            }
            Effect::Write(name, lines) => {
                let said = match atomic_file::write_new(
                    name.as_ref(),
                    &[lines.join(&b'\n'), b"\n".to_vec()].concat(),
                ) {
                    Ok(()) => format!(
                        "written: {name}, {}",
                        fwlog::text::count_of(lines.len() as u64, "line", "lines")
                    ),
                    Err(error) => format!("{name}: {error}"),
                };
                self.update(Msg::Say(said))?;
            }
        }
        Ok(())
    }
}

/// Where the rules send a line: the rule that logs it, and what decides.
fn path(rulesets: &Rulesets, raw: &[u8]) -> String {
    let mut scratch = Vec::new();
    let Ok(entry) = logparse::parse_with(raw, &mut scratch) else { return String::new() };
    let Some((_, rules)) = rulesets.all.get(rulesets.of(&entry.packet)) else { return String::new() };
    let context =
        Context { local: &rulesets.local, time: None, cut: entry.completeness() != Completeness::Whole };
    let taken = PathTaken::new(rules, &entry.packet, &context);
    let end = taken.end.unwrap_or("?");
    match (taken.logged_by.first(), taken.decided_by) {
        (Some(logs), Some(decides)) => format!("{logs} > {decides} {end}"),
        (Some(logs), None) => format!("{logs} > {end}"),
        (None, Some(decides)) => format!("{decides} {end}"),
        (None, None) => String::new(),
    }
}

/// A line field by field, and its path through the rules.
fn explained(rulesets: &Rulesets, line: &LineRow, width: usize) -> Vec<String> {
    let mut scratch = Vec::new();
    let entry = match logparse::parse_with(&line.raw, &mut scratch) {
        Ok(entry) => entry,
        Err(error) => return vec![format!("not a firewall log line: {error}")],
    };
    let record = Record::alone((&entry).into(), &line.raw);
    let context =
        Context { local: &rulesets.local, time: None, cut: entry.completeness() != Completeness::Whole };
    let rules = rulesets.all.get(rulesets.of(&entry.packet));
    let explained = Explained {
        line: &line.raw,
        said: meaning::all(&record),
        stop: entry.error.map(|stop| stop.to_string()),
        path: rules.map(|(_, rules)| PathTaken::new(rules, &entry.packet, &context)),
        all: true,
    };
    let look = RenderOptions {
        color: false,
        bars: false,
        width: Some(width),
        rows: None,
        header: true,
        grouped: true,
    };
    let text = report::render(&explained, crate::cli::Format::Table, &look);
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    // Whoever watches asks first where the packet went.
    let path = lines.iter().position(|line| *line == explain::PATH).unwrap_or(0);
    let (fields, path) = lines.split_at(path);
    let gap = if path.is_empty() || fields.is_empty() { &[][..] } else { &[""] };
    [path, gap, fields].concat().into_iter().map(str::to_owned).collect()
}
