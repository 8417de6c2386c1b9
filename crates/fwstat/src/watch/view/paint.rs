//! Text and bars on a buffer of cells, inside its borders whatever is asked.
//!
//! Responsible for: the few styles, made of the terminal's own 16 colours; bars; that nothing which a terminal would
//! obey gets into a cell.
//! Must not know: what is drawn.
//! Tested by: the unit tests below.

use std::borrow::Cow;
use std::net::IpAddr;

use fwlog::text;
use ratatui_core::buffer::Buffer;
use ratatui_core::style::{Color, Modifier, Style};

use crate::analysis::near_hits;
use crate::report::table::is_own;
use crate::watch::layout::Area;
use crate::watch::question::What;
use crate::watch::setup::Glyphs;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    /// Titles.
    Title,
    /// The title of the panel that keys are for: it is seen without colours too.
    Focus,
    /// What helps and could be missed.
    Dim,
    /// Addresses, ports, prefixes.
    Key,
    /// Private networks; prefixes of near hits: as in reports.
    Own,
    Near,
    /// Bars.
    Bar,
    /// What came for the first time, what moved.
    New,
    /// What is not as it should be.
    Warn,
}

impl Ink {
    /// What a row stands for.
    pub(super) fn of(what: &What) -> Ink {
        match what {
            What::Prefix(prefix) if near_hits::says_so(prefix) => Ink::Near,
            What::Net(address, _) => Ink::of_address(*address),
            _ => Ink::Key,
        }
    }

    /// An address.
    pub(super) fn of_address(address: IpAddr) -> Ink {
        if is_own(address) { Ink::Own } else { Ink::Key }
    }
}

/// Where is drawn, and how.
pub(super) struct Paint<'b> {
    buffer: &'b mut Buffer,
    color: bool,
    pub(super) glyphs: Glyphs,
}

impl<'b> Paint<'b> {
    pub(super) fn new(buffer: &'b mut Buffer, color: bool, glyphs: Glyphs) -> Paint<'b> {
        Paint { buffer, color, glyphs }
    }

    fn style(&self, ink: Ink) -> Style {
        let (color, modifier) = match ink {
            Ink::Plain => (None, Modifier::empty()),
            Ink::Title => (None, Modifier::BOLD),
            Ink::Focus => (None, Modifier::BOLD.union(Modifier::REVERSED)),
            Ink::Dim => (None, Modifier::DIM),
            Ink::Key => (Some(Color::Cyan), Modifier::empty()),
            Ink::Own => (Some(Color::Magenta), Modifier::empty()),
            Ink::Near => (Some(Color::Red), Modifier::empty()),
            Ink::Bar => (Some(Color::LightBlue), Modifier::empty()),
            Ink::New => (Some(Color::Green), Modifier::BOLD),
            Ink::Warn => (Some(Color::Red), Modifier::BOLD),
        };
        let style = Style::new().add_modifier(modifier);
        match color.filter(|_| self.color) {
            Some(color) => style.fg(color),
            None => style,
        }
    }

    /// Writes a text into at most `width` columns; how many it took.
    pub(super) fn text(&mut self, x: u16, y: u16, width: u16, words: &str, ink: Ink) -> u16 {
        let area = self.buffer.area;
        if x >= area.width || y >= area.height {
            return 0;
        }
        let words = self.shown(words);
        let room = usize::from(width.min(area.width - x));
        let words = if text::width(&words) > room { Cow::Owned(self.shortened(&words, room)) } else { words };
        let style = self.style(ink);
        let (end, _) = self.buffer.set_stringn(x, y, words.as_ref(), room, style);
        end.saturating_sub(x)
    }

    /// The same at the right end of the columns.
    pub(super) fn right(&mut self, x: u16, y: u16, width: u16, words: &str, ink: Ink) {
        let needed = u16::try_from(text::width(words)).unwrap_or(u16::MAX).min(width);
        self.text(x + width - needed, y, needed, words, ink);
    }

    fn shortened(&self, words: &str, room: usize) -> String {
        let short = text::shorten(words, room);
        if self.glyphs == Glyphs::Ascii { short.replace('…', "~") } else { short }
    }

    /// What may be in a cell.
    fn shown<'t>(&self, words: &'t str) -> Cow<'t, str> {
        let words = match words.chars().any(text::is_unsafe_to_display) {
            true => Cow::Owned(text::escape(words.as_bytes())),
            false => Cow::Borrowed(words),
        };
        if self.glyphs == Glyphs::Block || words.is_ascii() {
            return words;
        }
        let plain = |c: char| match c {
            _ if c.is_ascii() => c,
            '─' => '-',
            '│' => '|',
            '…' => '~',
            '±' => '+',
            _ => '?',
        };
        Cow::Owned(words.chars().map(plain).collect())
    }

    /// A title line: what is said on the left, a line, what is said on the right.
    pub(super) fn title(&mut self, area: Area, left: &str, right: &str, focus: bool) {
        let ink = if focus { Ink::Focus } else { Ink::Title };
        let used = self.text(area.x, area.y, area.width, left, ink);
        let wide = u16::try_from(text::width(right)).unwrap_or(0);
        let room = area.width.saturating_sub(used);
        let wide = if wide + 2 <= room { wide + 1 } else { 0 };
        if room > wide + 1 {
            let line = "─".repeat(usize::from(room - wide - 1));
            self.text(area.x + used, area.y, room - wide, &line, Ink::Dim);
        }
        if wide > 0 {
            self.right(area.x + used, area.y, room - 1, right, Ink::Dim);
        }
    }

    /// Shows that the cursor is on these cells.
    pub(super) fn cursor(&mut self, area: Area) {
        let inside = self.buffer.area;
        for y in area.y..(area.y + area.height).min(inside.height) {
            for x in area.x..(area.x + area.width).min(inside.width) {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    let style = cell.style().add_modifier(Modifier::REVERSED).remove_modifier(Modifier::DIM);
                    cell.set_style(style);
                }
            }
        }
    }

    /// Empties an area.
    pub(super) fn clear(&mut self, area: Area) {
        for y in area.y..area.y + area.height {
            self.text(area.x, y, area.width, &" ".repeat(usize::from(area.width)), Ink::Plain);
        }
    }

    /// A small graph of one line, on its own scale.
    pub(super) fn spark(&mut self, x: u16, y: u16, width: u16, values: &[u64], ink: Ink) {
        let words = spark(values, usize::from(width), self.glyphs);
        self.text(x, y, width, &words, ink);
    }

    /// A graph of several lines: the columns of an area, from its floor.
    pub(super) fn graph(&mut self, area: Area, values: &[u64]) {
        let columns = resampled(values, usize::from(area.width));
        let most = columns.iter().copied().fold(0.0, f64::max);
        if most <= 0.0 {
            return;
        }
        for (at, value) in columns.iter().enumerate() {
            let eighths = (value / most * f64::from(area.height) * 8.0).round() as usize;
            let eighths = if *value > 0.0 { eighths.max(1) } else { 0 };
            for row in 0..area.height {
                let here = eighths.saturating_sub(usize::from(row) * 8).min(8);
                if here > 0 {
                    let glyph = steps(self.glyphs)[here].to_string();
                    let y = area.y + area.height - 1 - row;
                    self.text(area.x + at as u16, y, 1, &glyph, Ink::Bar);
                }
            }
        }
    }
}

/// Nothing, and eight steps.
fn steps(glyphs: Glyphs) -> &'static [char; 9] {
    match glyphs {
        Glyphs::Block => &[' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        Glyphs::Ascii => &[' ', '.', ':', '-', '=', '+', '*', '#', '@'],
    }
}

/// Values as so many columns, each with its share of those that it covers.
pub(super) fn resampled(values: &[u64], columns: usize) -> Vec<f64> {
    let step = values.len() as f64 / columns.max(1) as f64;
    let column = |at: usize| {
        let (from, to) = (at as f64 * step, (at + 1) as f64 * step);
        let mut sum = 0.0;
        let mut place = from;
        while place < to - 1e-9 {
            let end = (place.floor() + 1.0).min(to);
            sum += values.get(place as usize).map_or(0.0, |value| *value as f64) * (end - place);
            place = end;
        }
        sum
    };
    (0..columns).map(column).collect()
}

fn spark(values: &[u64], width: usize, glyphs: Glyphs) -> String {
    let columns = resampled(values, width);
    let most = columns.iter().copied().fold(0.0, f64::max);
    let step = |value: f64| match value {
        _ if most <= 0.0 || value <= 0.0 => 0,
        value => ((value / most * 8.0).round() as usize).clamp(1, 8),
    };
    columns.into_iter().map(|value| steps(glyphs)[step(value)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui_core::layout::Rect;

    #[test]
    fn bars_have_their_own_scale() {
        assert_eq!(spark(&[0, 1, 4, 8], 4, Glyphs::Block), " ▁▄█");
        assert_eq!(spark(&[0, 1, 4, 8], 4, Glyphs::Ascii), " .=@");
        assert_eq!(spark(&[1, 1, 1, 1], 2, Glyphs::Block), "██");
        assert_eq!(spark(&[], 3, Glyphs::Block), "   ");
        // What is rare is still seen.
        assert_eq!(spark(&[1, 1_000_000], 2, Glyphs::Block), "▁█");
        // No comb where columns do not divide slices.
        assert!(spark(&[5; 120], 80, Glyphs::Block).chars().all(|c| c == '█'));
        assert_eq!(resampled(&[3, 3, 3], 2), [4.5, 4.5]);
    }

    #[test]
    fn nothing_is_written_outside_and_nothing_raw() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        let mut paint = Paint::new(&mut buffer, false, Glyphs::Block);
        paint.text(8, 0, 50, "too long", Ink::Plain);
        paint.text(50, 50, 5, "x", Ink::Plain);
        paint.text(0, 1, 10, "a\x1b]52;c;x\x07", Ink::Plain);
        paint.cursor(Area { x: 5, y: 1, width: 99, height: 99 });
        paint.spark(9, 0, 40, &[1, 2], Ink::Bar);
        let shown: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert!(shown.contains("a\\x1b]52;"), "{shown:?}");
        assert!(!shown.chars().any(char::is_control));
    }

    #[test]
    fn ascii_is_ascii() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        let mut paint = Paint::new(&mut buffer, true, Glyphs::Ascii);
        paint.title(Area { x: 0, y: 0, width: 20, height: 1 }, "1 präfix", "x", true);
        paint.text(0, 1, 5, "1,234±567", Ink::Plain);
        assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
    }
}
