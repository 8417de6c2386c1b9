//! Lines of the log as they are: with names, numbers and the lines around them.
//!
//! Responsible for: which of the lines that come in order are printed, and what is written before each.
//! Must not know: why a line is a hit.
//! Tested by: `tests/cli/lines.rs`.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anstyle::{AnsiColor, Style};

use fwlog::pipeline::order::{Out, Sink};
use fwlog::text;

const NAME: Style = AnsiColor::Magenta.on_default();
const NUMBER: Style = AnsiColor::Green.on_default();

/// How lines are printed.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Lines before and after each hit.
    pub around: (usize, usize),
    /// Only so many hits, the first ones.
    pub first: Option<u64>,
    /// Only so many hits, the last ones.
    pub last: Option<usize>,
    /// Their number alone.
    pub count: bool,
    /// The names of the inputs, if they are printed.
    pub names: Vec<String>,
    /// Whether the numbers of lines are printed.
    pub numbers: bool,
    /// Whether names and numbers have colours.
    pub color: bool,
    /// Whether what a terminal would obey is escaped.
    pub escaped: bool,
}

/// The lines of one chunk, in order.
#[derive(Debug, Default)]
pub struct Part {
    text: Vec<u8>,
    lines: Vec<Placed>,
}

/// A line's end in the text of a part, and where it is from.
#[derive(Clone, Copy, Debug)]
struct Placed {
    end: usize,
    source: usize,
    number: u64,
    hit: bool,
}

impl Part {
    /// Adds a line, without its end, of an input and with its number there.
    pub fn add(&mut self, line: &[u8], source: usize, number: u64, hit: bool) {
        self.text.extend_from_slice(line);
        self.lines.push(Placed { end: self.text.len(), source, number, hit });
    }
}

/// A line that is kept for later.
type Kept = (Vec<u8>, Placed);

/// Prints lines.
pub struct Printer {
    out: Out,
    form: Form,
    /// How many hits there were; set for whoever asks afterwards.
    hits: Arc<AtomicU64>,
    /// Told when nothing more is wanted.
    enough: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    counts: Vec<u64>,
    /// Lines that may come before a hit, or the last hits.
    kept: VecDeque<Kept>,
    /// Lines still to be printed after a hit.
    after: usize,
    /// The line printed last.
    printed: Option<(usize, u64)>,
}

impl Printer {
    /// Nothing is printed yet. `stop` ends the reading, `enough` says that this was why.
    #[must_use]
    pub fn new(
        out: Out,
        form: Form,
        hits: Arc<AtomicU64>,
        enough: Arc<AtomicBool>,
        stop: Arc<AtomicBool>,
    ) -> Printer {
        let (counts, kept) = (Vec::new(), VecDeque::new());
        Printer { out, form, hits, enough, stop, counts, kept, after: 0, printed: None }
    }

    /// Whether there were as many hits as are wanted.
    fn has_all(&self) -> bool {
        self.form.first.is_some_and(|first| self.hits.load(Ordering::Relaxed) >= first)
    }

    fn line(&mut self, line: &[u8], at: Placed) -> io::Result<()> {
        if at.hit {
            if self.has_all() {
                return self.context(line, at);
            }
            self.hits.fetch_add(1, Ordering::Relaxed);
            if self.form.count {
                self.counts.resize(self.counts.len().max(at.source + 1), 0);
                self.counts[at.source] += 1;
                return Ok(());
            }
            if let Some(last) = self.form.last {
                self.keep(line, at, last);
                return Ok(());
            }
            for (line, at) in std::mem::take(&mut self.kept) {
                self.print(&line, at)?;
            }
            self.after = self.form.around.1;
            return self.print(line, at);
        }
        self.context(line, at)
    }

    /// A line that is printed only because of its neighbours.
    fn context(&mut self, line: &[u8], at: Placed) -> io::Result<()> {
        let at = Placed { hit: false, ..at };
        if self.printed.is_some_and(|(source, _)| source != at.source) {
            self.after = 0;
        }
        if self.after > 0 {
            self.after -= 1;
            return self.print(line, at);
        }
        if self.has_all() {
            return Ok(());
        }
        if self.kept.front().is_some_and(|(_, kept)| kept.source != at.source) {
            self.kept.clear();
        }
        self.keep(line, at, self.form.around.0);
        Ok(())
    }

    fn keep(&mut self, line: &[u8], at: Placed, most: usize) {
        self.kept.push_back((line.to_vec(), at));
        while self.kept.len() > most {
            self.kept.pop_front();
        }
    }

    /// Prints a line as `rg` does: `name:number:line`, of context `name-number-line`.
    fn print(&mut self, line: &[u8], at: Placed) -> io::Result<()> {
        let mark = if at.hit { ':' } else { '-' };
        let apart =
            self.printed.is_some_and(|(source, number)| (source, number + 1) != (at.source, at.number));
        if apart && self.form.around != (0, 0) {
            self.out.write_all(b"--\n")?;
        }
        self.printed = Some((at.source, at.number));
        let paint = |style: Style| if self.form.color { style } else { Style::new() };
        if let Some(name) = self.form.names.get(at.source) {
            let style = paint(NAME);
            write!(self.out, "{style}{name}{style:#}{mark}")?;
        }
        if self.form.numbers {
            let style = paint(NUMBER);
            write!(self.out, "{style}{}{style:#}{mark}", at.number)?;
        }
        match self.form.escaped {
            true => self.out.write_all(text::escape(line).as_bytes())?,
            false => self.out.write_all(line)?,
        }
        self.out.write_all(b"\n")
    }
}

impl Sink for Printer {
    type Part = Part;

    fn take(&mut self, mut part: Part) -> io::Result<Part> {
        let mut from = 0;
        for at in std::mem::take(&mut part.lines) {
            self.line(&part.text[from..at.end], at)?;
            from = at.end;
        }
        // The first ones are enough when nothing of them can follow any more.
        if self.after == 0 && self.has_all() {
            self.enough.store(true, Ordering::Relaxed);
            self.stop.store(true, Ordering::Relaxed);
        }
        part.text.clear();
        Ok(part)
    }

    fn finish(mut self) -> io::Result<()> {
        if self.form.last.is_some() {
            for (line, at) in std::mem::take(&mut self.kept) {
                self.print(&line, at)?;
            }
        }
        if self.form.count {
            match self.form.names.is_empty() {
                true => writeln!(self.out, "{}", self.counts.iter().sum::<u64>())?,
                false => {
                    self.counts.resize(self.form.names.len(), 0);
                    for (name, count) in self.form.names.iter().zip(&self.counts) {
                        writeln!(self.out, "{name}:{count}")?;
                    }
                }
            }
        }
        self.out.flush()
    }
}
