//! Lines of the log as they are: with names, numbers and the lines around them.
//!
//! Responsible for: which of the lines that come in order are printed, and what is written before each.
//! Must not know: why a line is a hit.
//! Tested by: `tests/cli/lines.rs`.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anstyle::{AnsiColor, Style};

use fwlog::pipeline::order::{Out, Sink};
use fwlog::text;

use super::line_row::{Row, Table};
use super::style::RenderOptions;

const NAME: Style = AnsiColor::Magenta.on_default();
const NUMBER: Style = AnsiColor::Green.on_default();
/// What the filter matched, as `rg` has it.
const FOUND: Style = AnsiColor::Red.on_default().bold();

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
    /// The look of the table whose rows hits are, instead of the lines as they are.
    pub table: Option<RenderOptions>,
}

/// The lines of one chunk, in order.
#[derive(Debug, Default)]
pub struct Part {
    text: Vec<u8>,
    lines: Vec<Placed>,
    marks: Vec<Range<usize>>,
    /// The rows, in order, of the lines that are printed as one.
    rows: VecDeque<Row>,
}

/// What is known of a hit beside its line.
#[derive(Clone, Debug, Default)]
pub struct Hit {
    /// Which parts of the line the filter matched.
    pub marks: Vec<Range<usize>>,
    /// The row instead of the line.
    pub row: Option<Row>,
}

/// A line's end in the text of a part, and where it is from.
#[derive(Clone, Copy, Debug)]
struct Placed {
    end: usize,
    source: usize,
    number: u64,
    hit: bool,
    /// The last of its marks.
    marks: usize,
    /// Whether it is printed as a row of the table.
    row: bool,
}

impl Part {
    /// Adds a line, without its end, of an input and with its number there; a hit with what is known of it.
    pub fn add(&mut self, line: &[u8], source: usize, number: u64, hit: Option<Hit>) {
        let is_hit = hit.is_some();
        let Hit { marks, row } = hit.unwrap_or_default();
        let is_row = row.is_some();
        match row {
            Some(row) => self.rows.push_back(row),
            None => {
                self.text.extend_from_slice(line);
                self.marks.extend(marks);
            }
        }
        let (end, marks) = (self.text.len(), self.marks.len());
        self.lines.push(Placed { end, source, number, hit: is_hit, marks, row: is_row });
    }
}

/// A line as it is printed.
#[derive(Clone, Copy)]
struct Line<'p> {
    at: Placed,
    text: &'p [u8],
    marks: &'p [Range<usize>],
    row: Option<&'p Row>,
}

/// A line that is kept for later.
struct Kept {
    at: Placed,
    text: Vec<u8>,
    marks: Vec<Range<usize>>,
    row: Option<Row>,
}

impl Kept {
    fn line(&self) -> Line<'_> {
        Line { at: self.at, text: &self.text, marks: &self.marks, row: self.row.as_ref() }
    }
}

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
    table: Option<Table>,
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
        let table = form.table.clone().map(Table::new);
        Printer { out, form, hits, enough, stop, counts, kept, after: 0, printed: None, table }
    }

    /// Whether there were as many hits as are wanted.
    fn has_all(&self) -> bool {
        self.form.first.is_some_and(|first| self.hits.load(Ordering::Relaxed) >= first)
    }

    fn line(&mut self, line: Line<'_>) -> io::Result<()> {
        if line.at.hit {
            if self.has_all() {
                return self.context(line);
            }
            self.hits.fetch_add(1, Ordering::Relaxed);
            if self.form.count {
                self.counts.resize(self.counts.len().max(line.at.source + 1), 0);
                self.counts[line.at.source] += 1;
                return Ok(());
            }
            if let Some(last) = self.form.last {
                self.keep(line, last);
                return Ok(());
            }
            for kept in std::mem::take(&mut self.kept) {
                self.print(kept.line())?;
            }
            self.after = self.form.around.1;
            return self.print(line);
        }
        self.context(line)
    }

    /// A line that is printed only because of its neighbours.
    fn context(&mut self, line: Line<'_>) -> io::Result<()> {
        let at = Placed { hit: false, ..line.at };
        let line = Line { at, marks: &[], ..line };
        if self.printed.is_some_and(|(source, _)| source != at.source) {
            self.after = 0;
        }
        if self.after > 0 {
            self.after -= 1;
            return self.print(line);
        }
        if self.has_all() {
            return Ok(());
        }
        if self.kept.front().is_some_and(|kept| kept.at.source != at.source) {
            self.kept.clear();
        }
        self.keep(line, self.form.around.0);
        Ok(())
    }

    fn keep(&mut self, line: Line<'_>, most: usize) {
        let Line { at, text, marks, row } = line;
        self.kept.push_back(Kept { at, text: text.to_vec(), marks: marks.to_vec(), row: row.cloned() });
        while self.kept.len() > most {
            self.kept.pop_front();
        }
    }

    /// Prints a line as `rg` does: `name:number:line`, of context `name-number-line`.
    fn print(&mut self, Line { at, text: line, marks, row }: Line<'_>) -> io::Result<()> {
        let mark = if at.hit { ':' } else { '-' };
        let apart =
            self.printed.is_some_and(|(source, number)| (source, number + 1) != (at.source, at.number));
        if apart && self.form.around != (0, 0) {
            self.out.write_all(b"--\n")?;
        }
        self.printed = Some((at.source, at.number));
        let paint = |style: Style| if self.form.color { style } else { Style::new() };
        let name = self.form.names.get(at.source);
        if let Some(name) = name {
            let style = paint(NAME);
            write!(self.out, "{style}{name}{style:#}{mark}")?;
        }
        let number = self.form.numbers.then(|| at.number.to_string());
        if let Some(number) = &number {
            let style = paint(NUMBER);
            write!(self.out, "{style}{number}{style:#}{mark}")?;
        }
        if let Some((table, row)) = self.table.as_mut().zip(row) {
            let taken = [name, number.as_ref()].into_iter().flatten().map(|text| text::width(text) + 1).sum();
            return self.out.write_all(table.line(row, taken).as_bytes());
        }
        let mut from = 0;
        let marks = if self.form.color { marks } else { &[] };
        for mark in marks.iter().filter(|mark| mark.end <= line.len()) {
            self.text(&line[from..mark.start])?;
            write!(self.out, "{FOUND}")?;
            self.text(&line[mark.clone()])?;
            write!(self.out, "{FOUND:#}")?;
            from = mark.end;
        }
        self.text(&line[from..])?;
        self.out.write_all(b"\n")
    }

    /// Part of a line.
    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        match self.form.escaped {
            true => self.out.write_all(text::escape(text).as_bytes()),
            false => self.out.write_all(text),
        }
    }
}

impl Sink for Printer {
    type Part = Part;

    fn take(&mut self, mut part: Part) -> io::Result<Part> {
        let (mut from, mut marked) = (0, 0);
        for at in std::mem::take(&mut part.lines) {
            let row = if at.row { part.rows.pop_front() } else { None };
            let (text, marks) = (&part.text[from..at.end], &part.marks[marked..at.marks]);
            self.line(Line { at, text, marks, row: row.as_ref() })?;
            (from, marked) = (at.end, at.marks);
        }
        // The first ones are enough when nothing of them can follow any more.
        if self.after == 0 && self.has_all() {
            self.enough.store(true, Ordering::Relaxed);
            self.stop.store(true, Ordering::Relaxed);
        }
        part.text.clear();
        part.marks.clear();
        part.rows.clear();
        Ok(part)
    }

    fn finish(mut self) -> io::Result<()> {
        if self.form.last.is_some() {
            for kept in std::mem::take(&mut self.kept) {
                self.print(kept.line())?;
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
