//! A record as one row of a table whose rows come one by one.
//!
//! Responsible for: which fields a row has, and columns that are as wide as what came so far.
//! Must not know: which records there are.
//! Tested by: `tests/cli/lines.rs`.

use super::style::{Column, DIM, Gives, KEY, Layout, RenderOptions, WARN};
use fwlog::record::{Key, Record, Value, value};
use fwlog::text;
use fwlog::time::clock;

/// Columns of the time, the prefix, the interface, the protocol, source, arrow, destination, and what else tells
/// packets apart, for the first row.
const WIDTHS: [usize; 8] = [19, 10, 4, 4, 15, 2, 15, 3];

/// A screen with fewer columns has no room for years: of a time it shows what comes after this many bytes.
const WIDE: usize = 100;
const YEAR: usize = "2026-".len();

/// The cells of a record.
#[derive(Clone, Debug, Default)]
pub struct Row {
    cells: [String; 8],
    /// Whether the time begins with a year.
    dated: bool,
}

impl Row {
    /// The row of a record.
    #[must_use]
    pub fn new(record: &Record<'_>) -> Row {
        let plain = |key| text::escape(value(key, record).to_plain().as_bytes());
        let time = match (record.when, value(Key::Stamp, record)) {
            (Some(when), _) => clock::local_text(when.local_seconds()),
            (None, Value::Text(stamp)) => text::escape(stamp),
            _ => plain(Key::Uptime),
        };
        let place = |address, port| match (plain(address), plain(port)) {
            (address, port) if port.is_empty() => address,
            (address, port) if address.contains(':') => format!("[{address}]:{port}"),
            (address, port) => format!("{address}:{port}"),
        };
        let iface = match (plain(Key::In), plain(Key::Out)) {
            (input, output) if output.is_empty() => input,
            (input, output) => format!("{input}>{output}"),
        };
        let what = match (plain(Key::Flags), plain(Key::IcmpType)) {
            (flags, kind) if kind.is_empty() => flags,
            (_, kind) => format!("type {kind}"),
        };
        let prefix = text::escape(record.prefix());
        let (from, to) = (place(Key::Src, Key::Spt), place(Key::Dst, Key::Dpt));
        let cells = [time, prefix, iface, plain(Key::Proto), from, "->".to_owned(), to, what];
        Row { cells, dated: record.when.is_some() }
    }
}

/// The table, row by row.
#[derive(Debug)]
pub struct Table {
    look: RenderOptions,
    columns: Vec<Column>,
    widths: Vec<usize>,
    layout: Layout,
    /// Columns that something else takes on the line of each row.
    taken: usize,
}

impl Table {
    /// No row yet.
    #[must_use]
    pub fn new(look: RenderOptions) -> Table {
        let columns = vec![
            Column::whole("TIME").styled(DIM),
            Column::text("PREFIX"),
            Column::text("INTERFACE").giving(Gives::Way),
            Column::text("PROTO").giving(Gives::Nothing),
            Column::whole("SOURCE").styled(KEY),
            Column::text("").giving(Gives::Way).styled(DIM),
            Column::whole("DESTINATION"),
            Column::text("").giving(Gives::Way).styled(WARN),
        ];
        let mut table =
            Table { look, columns, widths: WIDTHS.to_vec(), layout: Layout::fixed(&WIDTHS), taken: 0 };
        if !table.has_years() {
            table.widths[0] -= YEAR;
        }
        table.lay_out();
        table
    }

    fn has_years(&self) -> bool {
        self.look.width.is_none_or(|width| width >= WIDE)
    }

    fn lay_out(&mut self) {
        let width = self.look.width.map(|width| width.saturating_sub(self.taken).max(1));
        self.layout = Layout::new(&RenderOptions { width, ..self.look.clone() }, &self.columns, &self.widths);
    }

    /// One row, on a line of which so many columns are taken.
    pub fn line(&mut self, row: &Row, taken: usize) -> String {
        let mut cells = row.cells.clone();
        if row.dated && !self.has_years() {
            cells[0].drain(..YEAR.min(cells[0].len()));
        }
        let wider = cells.iter().zip(&self.widths).any(|(cell, width)| text::width(cell) > *width);
        if wider || taken > self.taken {
            let grown = cells.iter().zip(&self.widths).map(|(cell, width)| text::width(cell).max(*width));
            self.widths = grown.collect();
            self.taken = taken.max(self.taken);
            self.lay_out();
        }
        self.layout.line(&self.look, &self.columns, &cells, &|_| None)
    }
}
