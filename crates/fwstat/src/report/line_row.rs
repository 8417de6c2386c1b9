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

/// The cells of a record.
#[derive(Clone, Debug, Default)]
pub struct Row([String; 8]);

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
        Row([time, prefix, iface, plain(Key::Proto), from, "->".to_owned(), to, what])
    }
}

/// The table, row by row.
#[derive(Debug)]
pub struct Table {
    look: RenderOptions,
    columns: Vec<Column>,
    widths: Vec<usize>,
    layout: Layout,
}

impl Table {
    /// No row yet.
    #[must_use]
    pub fn new(look: RenderOptions) -> Table {
        let columns = vec![
            Column::text("TIME").giving(Gives::Most).styled(DIM),
            Column::text("PREFIX"),
            Column::text("INTERFACE").giving(Gives::Way),
            Column::text("PROTO").giving(Gives::Nothing),
            Column::whole("SOURCE").styled(KEY),
            Column::text("").giving(Gives::Way).styled(DIM),
            Column::whole("DESTINATION"),
            Column::text("").giving(Gives::Way).styled(WARN),
        ];
        let layout = Layout::new(&look, &columns, &WIDTHS);
        Table { look, columns, widths: WIDTHS.to_vec(), layout }
    }

    /// One row.
    pub fn line(&mut self, Row(cells): &Row) -> String {
        let wider = cells.iter().zip(&self.widths).any(|(cell, width)| text::width(cell) > *width);
        if wider {
            let grown = cells.iter().zip(&self.widths).map(|(cell, width)| text::width(cell).max(*width));
            self.widths = grown.collect();
            self.layout = Layout::new(&self.look, &self.columns, &self.widths);
        }
        self.layout.line(&self.look, &self.columns, cells, &|_| None)
    }
}
