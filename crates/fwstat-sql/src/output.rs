//! Results in each form: tables for people, the others for programs.
//!
//! Responsible for: rows as they come in forms that are written row by row; tables that fit, with wide
//! rows below each other, and how many rows are not shown.
//! Must not know: queries, what a value is.
//! Tested by: the unit tests below, `tests/sql/program.rs`.

use std::io::{self, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use fwlog::text;
use fwstat::cli::Format;
use fwstat::report::csv::Delimiter;
use fwstat::report::markdown;
use fwstat::report::style::{DIM, HEADING, RenderOptions};

use crate::cells::{Cells, Class};

/// Forms that results have, the usual one first.
pub const FORMS: [Format; 6] =
    [Format::Table, Format::Csv, Format::Tsv, Format::Json, Format::Ndjson, Format::Markdown];

/// Writes results.
pub struct Output<'o> {
    out: &'o mut dyn Write,
    form: Format,
    look: RenderOptions,
    /// Rows of a table that are shown; 0 is all.
    limit: usize,
    names: Vec<(String, Class)>,
    /// The rows of a table, as long as they are gathered.
    rows: Vec<Vec<Option<String>>>,
    /// All rows, shown or not.
    count: u64,
}

impl<'o> Output<'o> {
    /// A result with these columns.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(
        out: &'o mut dyn Write,
        form: Format,
        look: RenderOptions,
        limit: usize,
        schema: &SchemaRef,
    ) -> io::Result<Output<'o>> {
        let name = |name: &str| text::escape(name.as_bytes());
        let names = schema.fields().iter().map(|field| (name(field.name()), Class::of(field.data_type())));
        let names: Vec<(String, Class)> = names.collect();
        let mut head = Vec::new();
        match form {
            Format::Csv | Format::Tsv if look.header => {
                delimiter(form).line(&mut head, names.iter().map(|(name, _)| name.as_str()));
            }
            Format::Json => head.push(b'['),
            _ => {}
        }
        out.write_all(&head)?;
        Ok(Output { out, form, look, limit, names, rows: Vec::new(), count: 0 })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// They cannot be written, or have no text.
    pub fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let cells = Cells::new(batch)?;
        let columns = 0..self.names.len();
        let mut line = Vec::new();
        for row in 0..batch.num_rows() {
            self.count += 1;
            line.clear();
            match self.form {
                Format::Csv | Format::Tsv => {
                    let delimiter = delimiter(self.form);
                    for column in columns.clone() {
                        if column > 0 {
                            delimiter.next(&mut line);
                        }
                        delimiter.cell(&mut line, &cells.text(row, column)?.unwrap_or_default());
                    }
                    delimiter.end(&mut line);
                }
                Format::Json | Format::Ndjson => {
                    if self.form == Format::Json {
                        line.extend_from_slice(if self.count > 1 { b",\n " } else { b"\n " });
                    }
                    for column in columns.clone() {
                        line.push(if column > 0 { b',' } else { b'{' });
                        line.extend_from_slice(serde_json::to_string(&self.names[column].0)?.as_bytes());
                        line.push(b':');
                        line.extend_from_slice(cells.json(row, column)?.as_bytes());
                    }
                    line.extend_from_slice(if self.names.is_empty() { b"{}" } else { b"}" });
                    if self.form == Format::Ndjson {
                        line.push(b'\n');
                    }
                }
                _ if self.limit > 0 && self.rows.len() >= self.limit => {}
                _ => {
                    let row = columns.clone().map(|column| cells.text(row, column));
                    self.rows.push(row.collect::<datafusion::error::Result<_>>()?);
                }
            }
            self.out.write_all(&line)?;
        }
        Ok(())
    }

    /// Nothing more comes. How many rows there were.
    ///
    /// # Errors
    /// The end cannot be written.
    pub fn finish(self) -> io::Result<u64> {
        let end = match self.form {
            Format::Json => "\n]\n".to_owned(),
            Format::Markdown => {
                let names: Vec<(&str, bool)> =
                    self.names.iter().map(|(name, class)| (name.as_str(), *class == Class::Number)).collect();
                let row = |row: &Vec<Option<String>>| {
                    row.iter().map(|cell| cell.clone().unwrap_or_default()).collect()
                };
                let rows: Vec<Vec<String>> = self.rows.iter().map(row).collect();
                markdown::table(&names, &rows)
            }
            Format::Table => self.table(),
            _ => String::new(),
        };
        self.out.write_all(end.as_bytes())?;
        self.out.flush()?;
        Ok(self.count)
    }

    fn table(&self) -> String {
        let widths: Vec<usize> = (0..self.names.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row[column].as_deref());
                cells.map(text::width).chain([text::width(&self.names[column].0)]).max().unwrap_or(0)
            })
            .collect();
        let width: usize = widths.iter().map(|width| width + 2).sum();
        let mut out = match self.look.width {
            Some(columns) if width > columns + 2 && !self.rows.is_empty() => self.below_each_other(),
            _ => self.beside_each_other(&widths),
        };
        let hidden = self.count - self.rows.len() as u64;
        if hidden > 0 {
            let rows = self.look.count_of(hidden, "more row", "more rows");
            out.push_str(&self.look.paint(DIM, &format!("... {rows}: -n 0 shows all")));
            out.push('\n');
        }
        out
    }

    fn beside_each_other(&self, widths: &[usize]) -> String {
        let mut out = String::new();
        let mut line = |cells: &mut dyn Iterator<Item = (String, String)>| {
            let mut text = String::new();
            for (at, (shown, plain)) in cells.enumerate() {
                let blanks = " ".repeat(widths[at] - text::width(&plain));
                text.push_str(if at > 0 { "  " } else { "" });
                match self.names[at].1 {
                    Class::Number => text.push_str(&(blanks + &shown)),
                    _ => text.push_str(&(shown + &blanks)),
                }
            }
            out.push_str(text.trim_end());
            out.push('\n');
        };
        if self.look.header {
            let names = self.names.iter().map(|(name, _)| (self.look.paint(HEADING, name), name.clone()));
            line(&mut { names });
        }
        for row in &self.rows {
            let cells = row.iter().map(|cell| cell.clone().unwrap_or_default());
            line(&mut cells.map(|cell| (cell.clone(), cell)));
        }
        out
    }

    /// Of rows that are wider than the screen, each value on a line of its own; what is missing is left out.
    fn below_each_other(&self) -> String {
        let mut out = String::new();
        let names = self.names.iter().map(|(name, _)| text::width(name));
        let widest = names.max().unwrap_or(0);
        for (at, row) in self.rows.iter().enumerate() {
            let title = format!("row {}", self.look.number(at as u64 + 1));
            out.push_str(&self.look.paint(HEADING, &title));
            out.push('\n');
            for ((name, _), cell) in self.names.iter().zip(row) {
                if let Some(cell) = cell {
                    let blanks = " ".repeat(widest - text::width(name));
                    out.push_str(&format!("  {}{blanks}  {cell}\n", self.look.paint(DIM, name)));
                }
            }
        }
        out
    }
}

fn delimiter(form: Format) -> Delimiter {
    if form == Format::Tsv { Delimiter::Tsv } else { Delimiter::Csv }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn written(form: Format, width: Option<usize>, limit: usize) -> String {
        let schema = Arc::new(Schema::new(vec![
            Field::new("src", DataType::Utf8, true),
            Field::new("sum(log.n)", DataType::Int64, true),
        ]));
        let columns: [Arc<dyn datafusion::arrow::array::Array>; 2] = [
            Arc::new(StringArray::from(vec![Some("10.0.0.1"), None, Some("a|\u{1b}[31m,\"b")])),
            Arc::new(Int64Array::from(vec![Some(12345), Some(2), None])),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.to_vec()).unwrap();
        let look =
            RenderOptions { color: false, bars: false, width, rows: None, header: true, grouped: true };
        let mut bytes = Vec::new();
        let mut output = Output::new(&mut bytes, form, look, limit, &schema).unwrap();
        output.add(&batch).unwrap();
        assert_eq!(output.finish().unwrap(), 3);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_of_a_log_stays_in_its_cell() {
        assert_eq!(
            written(Format::Csv, None, 1),
            "src,sum(log.n)\r\n10.0.0.1,12345\r\n,2\r\n\"a|\\x1b[31m,\"\"b\",\r\n"
        );
        assert_eq!(
            written(Format::Ndjson, None, 1).lines().last().unwrap(),
            "{\"src\":\"a|\\\\x1b[31m,\\\"b\",\"sum(log.n)\":null}"
        );
        assert!(written(Format::Markdown, None, 0).contains("a\\|\\\\x1b\\[31m"));
        let json: serde_json::Value = serde_json::from_str(&written(Format::Json, None, 1)).unwrap();
        assert_eq!(json[0]["sum(log.n)"], 12345);
    }

    #[test]
    fn tables_fit_and_say_what_is_not_shown() {
        assert_eq!(
            written(Format::Table, Some(80), 2),
            "src       sum(log.n)\n10.0.0.1       12345\n                   2\n... 1 more row: -n 0 shows all\n"
        );
        assert_eq!(
            written(Format::Table, Some(10), 2),
            "row 1\n  src         10.0.0.1\n  sum(log.n)  12345\nrow 2\n  sum(log.n)  2\n... 1 more row: -n 0 shows all\n"
        );
    }
}
