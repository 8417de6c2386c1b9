//! How a report for people looks: colours, numbers, bars, columns.
//!
//! Responsible for: everything between a result and its characters on a terminal.
//! Must not know: which report it is.
//! Tested by: the unit tests below, `tests/screens`.

use anstyle::{AnsiColor, Style};

use fwlog::record::OwnedValue;
use fwlog::text;
use fwlog::time::clock;

/// Bold: headings.
pub const HEADING: Style = Style::new().bold();
/// Dim: what is only there for orientation.
pub const DIM: Style = Style::new().dimmed();
/// Cyan: keys.
pub const KEY: Style = AnsiColor::Cyan.on_default();
/// Bright blue: bars. The darker one cannot be read on black.
pub const BAR: Style = AnsiColor::BrightBlue.on_default();
/// Magenta: addresses of private networks.
pub const OWN: Style = AnsiColor::Magenta.on_default();
/// Yellow, bold: the largest of a row of numbers.
pub const PEAK: Style = AnsiColor::Yellow.on_default().bold();
/// Red: near hits, which are packets at a door that is there.
pub const NEAR: Style = AnsiColor::Red.on_default();
/// Yellow: warnings.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Red: errors.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();

/// What a report for people looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Colours.
    pub color: bool,
    /// Bars.
    pub bars: bool,
    /// Columns; `None` if there is no limit.
    pub width: Option<usize>,
    /// Lines of the screen, if it is one.
    pub rows: Option<usize>,
    /// Header lines.
    pub header: bool,
    /// Commas in numbers.
    pub grouped: bool,
}

impl RenderOptions {
    /// `text` in a style, if there are colours.
    #[must_use]
    pub fn paint(&self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A number.
    #[must_use]
    pub fn number(&self, number: u64) -> String {
        if self.grouped { text::grouped(number) } else { number.to_string() }
    }

    /// A count, and behind ± what it may lack.
    #[must_use]
    pub fn lower_bound(&self, certain: u64, more: u64) -> String {
        match more {
            0 => self.number(certain),
            more => format!("{}±{}", self.number(certain), self.number(more)),
        }
    }

    /// A number with its noun.
    #[must_use]
    pub fn count_of(&self, number: u64, one: &str, many: &str) -> String {
        format!("{} {}", self.number(number), if number == 1 { one } else { many })
    }
}

/// A part of a whole: `12.3 %`.
#[must_use]
pub fn percent(count: u64, whole: u64) -> String {
    let share = if whole == 0 { 0.0 } else { count as f64 / whole as f64 * 100.0 };
    match share {
        s if count > 0 && s < 0.05 => "<0.1 %".to_owned(),
        s if count < whole && s >= 99.95 => "99.9 %".to_owned(),
        s => format!("{s:.1} %"),
    }
}

/// A bar of eighths of a column: `██▌`.
#[must_use]
pub fn bar(count: u64, largest: u64, columns: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    if largest == 0 || count == 0 || columns == 0 {
        return String::new();
    }
    let eighths = (u128::from(count) * columns as u128 * 8 / u128::from(largest)).max(1) as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

/// A row of small columns, one per value: `▁▂▅█`. No value at all is a blank.
#[must_use]
pub fn sparkline(values: &[u64]) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let largest = values.iter().copied().max().unwrap_or(0);
    let step = |value: u64| match value {
        0 => ' ',
        _ => STEPS[(u128::from(value) * 7 / u128::from(largest)) as usize],
    };
    values.iter().map(|value| step(*value)).collect()
}

/// The same, so many lines high, and each value so many columns wide.
#[must_use]
pub fn chart(values: &[u64], height: usize, columns: usize) -> Vec<String> {
    const STEPS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let largest = u128::from(values.iter().copied().max().unwrap_or(0).max(1));
    let eighths = |value: u64| match value {
        0 => 0,
        _ => ((u128::from(value) * height as u128 * 8 / largest) as usize).max(1),
    };
    let line = |below: usize| {
        let cell = |value: &u64| STEPS[eighths(*value).saturating_sub(below * 8).min(8)];
        let line: String =
            values.iter().flat_map(|value| std::iter::repeat_n(cell(value), columns)).collect();
        line.trim_end().to_owned()
    };
    (0..height).rev().map(line).collect()
}

/// A value for people; log text escaped.
#[must_use]
pub fn cell(cell: &OwnedValue) -> String {
    match cell {
        OwnedValue::Missing => "(none)".to_owned(),
        OwnedValue::True => "yes".to_owned(),
        OwnedValue::Text(bytes) if bytes.is_empty() => "(empty)".to_owned(),
        OwnedValue::Text(bytes) => text::escape(bytes),
        OwnedValue::Flags(flags) if flags.is_empty() => "(no flags)".to_owned(),
        OwnedValue::Time(when) => clock::local_text(when.local_seconds()),
        other => other.to_plain(),
    }
}

/// Column alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One column of a table: what it is called, how it is aligned and painted.
#[derive(Clone, Debug)]
pub struct Column {
    /// The header.
    pub name: String,
    /// Left or right.
    pub align: Align,
    /// Its style.
    pub style: Style,
    /// What becomes of it in a table that is too wide.
    pub gives: Gives,
}

/// What becomes of a column in a table that is too wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// It is left out, before others are shortened.
    Way,
    /// It is left out if shortening others to a moderate width is not enough.
    Late,
    /// Its cells are shortened, and the column is left out if that is not enough.
    Most,
    /// Its cells are shortened.
    Some,
    /// Nothing: addresses, numbers.
    Nothing,
}

impl Column {
    /// A column of text.
    #[must_use]
    pub fn text(name: &str) -> Column {
        Column { name: name.to_owned(), align: Align::Left, style: Style::new(), gives: Gives::Some }
    }

    /// A column of numbers.
    #[must_use]
    pub fn number(name: &str) -> Column {
        Column { name: name.to_owned(), align: Align::Right, style: Style::new(), gives: Gives::Nothing }
    }

    /// A column of text that is never cut: addresses, names of rules.
    #[must_use]
    pub fn whole(name: &str) -> Column {
        Column::text(name).giving(Gives::Nothing)
    }

    /// The column in another style.
    #[must_use]
    pub fn styled(mut self, style: Style) -> Column {
        self.style = style;
        self
    }

    /// The column that gives way as much as this.
    #[must_use]
    pub fn giving(mut self, gives: Gives) -> Column {
        self.gives = gives;
        self
    }
}

/// Blanks between two columns.
pub(super) const GAP: usize = 2;
/// Columns to which text is shortened at most.
const SHORTEST: usize = 8;
/// Columns to which text is shortened before a column of [`Gives::Late`] is left out.
const MODERATE: usize = 12;

/// The style of a cell, by its column, where it is another one than the column's.
pub type Paint<'p> = &'p dyn Fn(usize) -> Option<Style>;

/// The widths of columns on a screen.
///
/// The columns are two blanks apart; nothing but blanks aligns them, so that `awk` reads what a
/// person reads. Where the screen is too narrow, columns give way in the order of [`Gives`]; where that
/// is not enough, each row breaks into several lines.
#[derive(Clone, Debug)]
pub struct Layout {
    /// By column; none for one that is left out.
    widths: Vec<Option<usize>>,
    /// The screen's width, if rows break.
    breaks_at: Option<usize>,
}

impl Layout {
    /// Columns of these natural widths.
    #[must_use]
    pub fn new(look: &RenderOptions, columns: &[Column], widths: &[usize]) -> Layout {
        let Layout { mut widths, .. } = Layout::fixed(widths);
        let Some(limit) = look.width else { return Layout { widths, breaks_at: None } };
        let all = |widths: &[Option<usize>]| {
            let shown = widths.iter().flatten();
            shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
        };
        let leave_out = |widths: &mut Vec<Option<usize>>, gives: Gives| {
            for at in (0..columns.len()).rev().filter(|at| columns[*at].gives == gives) {
                if all(widths) > limit {
                    widths[at] = None;
                }
            }
        };
        // Take from the widest column that may shrink until the table fits.
        let shrink = |widths: &mut Vec<Option<usize>>, least: usize| {
            while all(widths) > limit {
                let shrinks = |at: &usize| matches!(columns[*at].gives, Gives::Some | Gives::Most);
                let width = |at: usize| widths[at].unwrap_or(0);
                let wide = (0..columns.len()).filter(shrinks).filter(|at| width(*at) > least);
                let Some(widest) = wide.max_by_key(|at| (width(*at), *at)) else { break };
                widths[widest] = widths[widest].map(|width| width - 1);
            }
        };
        leave_out(&mut widths, Gives::Way);
        for at in (0..columns.len()).rev().filter(|at| columns[*at].gives == Gives::Late) {
            let mut shortened = widths.clone();
            shrink(&mut shortened, MODERATE);
            if all(&shortened) > limit {
                widths[at] = None;
            }
        }
        shrink(&mut widths, SHORTEST);
        leave_out(&mut widths, Gives::Most);
        let breaks_at = (all(&widths) > limit).then_some(limit);
        Layout { widths, breaks_at }
    }

    /// Columns of these widths, wide enough for what comes, on a screen that has room for them.
    #[must_use]
    pub fn fixed(widths: &[usize]) -> Layout {
        Layout { widths: widths.iter().copied().map(Some).collect(), breaks_at: None }
    }

    /// One row; `paint` gives the style of a cell where it is not its column's.
    #[must_use]
    pub fn line(
        &self,
        look: &RenderOptions,
        columns: &[Column],
        cells: &[String],
        paint: Paint<'_>,
    ) -> String {
        let all = cells.iter().zip(columns).zip(&self.widths).enumerate();
        let shown = all.filter_map(|(at, ((cell, column), width))| {
            Some((cell, column, paint(at).unwrap_or(column.style), (*width)?))
        });
        if let Some(limit) = self.breaks_at {
            return broken(look, shown.map(|(cell, _, style, _)| (cell, style)), limit);
        }
        let mut text = String::new();
        for (at, (cell, column, style, width)) in shown.enumerate() {
            let short = text::shorten(cell, width);
            let pad = " ".repeat(width - text::width(&short));
            let painted = look.paint(style, &short);
            if at > 0 {
                text.push_str(&" ".repeat(GAP));
            }
            match column.align {
                Align::Left => text.push_str(&(painted + &pad)),
                Align::Right => text.push_str(&(pad + &painted)),
            }
        }
        text.trim_end().to_owned() + "\n"
    }
}

/// A row on as many lines as it needs, the further ones indented where there is room for that.
fn broken<'c>(
    look: &RenderOptions,
    cells: impl Iterator<Item = (&'c String, Style)>,
    limit: usize,
) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for (cell, style) in cells.filter(|(cell, _)| !cell.is_empty()) {
        let short = text::shorten(cell, limit);
        let width = text::width(&short);
        if used > 0 && used + GAP + width <= limit {
            out.push_str(&" ".repeat(GAP));
            used += GAP + width;
        } else {
            let indent = if used == 0 { 0 } else { GAP.min(limit - width) };
            out.push_str(if used == 0 { "" } else { "\n" });
            out.push_str(&" ".repeat(indent));
            used = indent + width;
        }
        out.push_str(&look.paint(style, &short));
    }
    out + "\n"
}

/// Rows in columns, as wide as they need to be and no wider than the terminal.
#[must_use]
pub fn columns(look: &RenderOptions, columns: &[Column], rows: &[Vec<String>]) -> String {
    painted(look, columns, rows, &|_, _| None)
}

/// The same; `paint` gives the style of a cell, by row and column, where it is not its column's.
#[must_use]
pub fn painted(
    look: &RenderOptions,
    columns: &[Column],
    rows: &[Vec<String>],
    paint: &dyn Fn(usize, usize) -> Option<Style>,
) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let head = if look.header { text::width(&column.name) } else { 0 };
            rows.iter().map(|row| text::width(&row[i])).max().unwrap_or(0).max(head)
        })
        .collect();
    let layout = Layout::new(look, columns, &widths);
    let mut out = String::new();
    if look.header {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        out.push_str(&layout.line(look, columns, &names, &|_| Some(HEADING)));
    }
    for (at, row) in rows.iter().enumerate() {
        out.push_str(&layout.line(look, columns, row, &|column| paint(at, column)));
    }
    out
}

/// Adds a column of bars, one per row, if there are at least six columns of room for them; a count of `full` fills
/// the column.
pub fn add_bars(
    look: &RenderOptions,
    columns: &mut Vec<Column>,
    rows: &mut [Vec<String>],
    counts: &[u64],
    full: u64,
    longest: usize,
) {
    const SHORTEST_BAR: usize = 6;
    let width = |i: usize, column: &Column| {
        let cells = rows.iter().map(|row| text::width(&row[i])).max().unwrap_or(0);
        GAP + cells.max(text::width(&column.name))
    };
    let used: usize = columns.iter().enumerate().map(|(i, column)| width(i, column)).sum();
    let room = look.width.unwrap_or(80).saturating_sub(used).min(longest);
    if !look.bars || room < SHORTEST_BAR {
        return;
    }
    let largest = counts.iter().copied().max().unwrap_or(0).max(full);
    columns.push(Column::text("").giving(Gives::Way).styled(BAR));
    for (row, count) in rows.iter_mut().zip(counts) {
        row.push(bar(*count, largest, room));
    }
}

/// A sentence in a style, on as many lines as the terminal's width needs, words whole.
#[must_use]
pub fn sentence(look: &RenderOptions, style: Style, sentence: &str) -> String {
    let mut lines = vec![String::new()];
    let room = look.width.unwrap_or(usize::MAX);
    // A number keeps its sign.
    let sentence = sentence.replace(" %", "\u{a0}%");
    for word in sentence.split(' ').flat_map(|word| pieces(word, room)) {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        let fits = look.width.is_none_or(|width| text::width(line) + 1 + text::width(word) <= width);
        if line.is_empty() || fits {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| look.paint(style, &line.replace("\u{a0}%", " %")) + "\n").collect()
}

/// A word in pieces that fit a line.
fn pieces(word: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while text::width(rest) > room && room > 1 {
        let fits = |(at, c): (usize, char)| {
            let end = at + c.len_utf8();
            (text::width(&rest[..end]) <= room).then_some(end)
        };
        let Some(end) = rest.char_indices().map_while(fits).last() else { break };
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces.push(rest);
    pieces
}

/// Columns of the widest line of a text.
#[must_use]
pub fn widest(text: &str) -> usize {
    let width = |line: &str| text::width(&anstream::adapter::strip_str(line).to_string());
    text.lines().map(width).max().unwrap_or(0)
}

/// Two blocks of lines side by side, the right one so many columns after the left one.
#[must_use]
pub fn beside(left: &str, right: &str, gap: usize) -> String {
    beside_at(left, right, widest(left) + gap)
}

/// Two blocks of lines side by side, the right one from a column on that the left one does not reach.
#[must_use]
pub fn beside_at(left: &str, right: &str, column: usize) -> String {
    let width = |line: &str| text::width(&anstream::adapter::strip_str(line).to_string());
    let (mut left, mut right) = (left.lines(), right.lines());
    let mut out = String::new();
    loop {
        match (left.next(), right.next()) {
            (None, None) => return out,
            (line, None) => out.push_str(line.unwrap_or("")),
            (line, Some(beside)) => {
                let line = line.unwrap_or("");
                out.push_str(line);
                out.push_str(&" ".repeat(column - width(line)));
                out.push_str(beside);
            }
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(width: Option<usize>) -> RenderOptions {
        RenderOptions { color: false, bars: true, width, rows: None, header: true, grouped: true }
    }

    #[test]
    fn bars_have_eighths() {
        assert_eq!(bar(8, 8, 2), "██");
        assert_eq!(bar(1, 16, 2), "▏");
        assert_eq!(bar(9, 16, 2), "█▏");
        assert_eq!(bar(1, 1_000_000, 2), "▏");
        assert_eq!(bar(0, 8, 2), "");
    }

    #[test]
    fn a_table_fits_its_width() {
        let rows = vec![vec!["a long prefix of a rule".to_owned(), "12,345".to_owned()]];
        let table = columns(&look(Some(20)), &[Column::text("PREFIX"), Column::number("PACKETS")], &rows);
        assert_eq!(table, "PREFIX       PACKETS\na long pre…   12,345\n");
    }

    #[test]
    fn a_column_stays_if_shortening_others_makes_room() {
        let heads = [
            Column::text("PORTS"),
            Column::whole("SHAPE").giving(Gives::Late),
            Column::whole("BARS").giving(Gives::Way),
        ];
        let rows = vec![["53/udp 123/udp 161/udp", "vertical", "████"].map(str::to_owned).to_vec()];
        let table = |width| columns(&look(Some(width)), &heads, &rows);
        assert_eq!(table(32), "PORTS                   SHAPE\n53/udp 123/udp 161/udp  vertical\n");
        assert_eq!(table(22), "PORTS         SHAPE\n53/udp 123/…  vertical\n");
        assert_eq!(table(21), "PORTS\n53/udp 123/udp 161/u…\n");
    }

    #[test]
    fn a_sentence_breaks_between_words() {
        assert_eq!(sentence(&look(Some(12)), DIM, "one two three four"), "one two\nthree four\n");
        assert_eq!(sentence(&look(None), DIM, "one two three four"), "one two three four\n");
        assert_eq!(sentence(&look(Some(12)), DIM, "it is just 5.7 %"), "it is just\n5.7 %\n");
    }

    #[test]
    fn shares_do_not_lie() {
        assert_eq!(percent(1, 1_000_000), "<0.1 %");
        assert_eq!(percent(999_999, 1_000_000), "99.9 %");
        assert_eq!(percent(3, 3), "100.0 %");
        assert_eq!(percent(0, 0), "0.0 %");
    }

    #[test]
    fn a_sparkline_shows_nothing_as_nothing() {
        assert_eq!(sparkline(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(chart(&[0, 1, 4, 8], 1, 1), [" ▁▄█"]);
        assert_eq!(chart(&[0, 1, 4, 8], 2, 2), ["      ██", "  ▂▂████"]);
        assert_eq!(chart(&[0, 1_000_000, 1], 2, 1), [" █", " █▁"]);
        assert_eq!(chart(&[0, 0], 2, 1), ["", ""]);
    }
}
