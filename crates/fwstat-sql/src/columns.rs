//! Records as columns: only those that a query asks for are built.
//!
//! Responsible for: each field's value in its column's type, as `fwstat export` writes it.
//! Must not know: where records come from, which ones are wanted.
//! Tested by: `tests/sql/rows.rs` (every column against the export).

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, RecordBatch,
    RecordBatchOptions, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use fwlog::pipeline::Rest;
use fwlog::record::{Field, Kind, Record, Value};
use fwlog::text;

use crate::schema;

/// From so many fields on, decoding the whole record costs less than taking each field by itself.
const MANY: usize = 10;

/// What a column is filled with.
#[derive(Debug)]
enum Cells {
    Integer(Int64Builder),
    Time(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringBuilder),
}

impl Cells {
    fn new(kind: Kind) -> Cells {
        match kind {
            Kind::Integer => Cells::Integer(Int64Builder::new()),
            Kind::Time => Cells::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Kind::Date => Cells::Date(Date32Builder::new()),
            Kind::Double => Cells::Double(Float64Builder::new()),
            Kind::Boolean => Cells::Boolean(BooleanBuilder::new()),
            Kind::Text => Cells::Text(StringBuilder::new()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Cells::Integer(cells) => ArrayBuilder::finish(cells),
            Cells::Time(cells) => ArrayBuilder::finish(cells),
            Cells::Date(cells) => ArrayBuilder::finish(cells),
            Cells::Double(cells) => ArrayBuilder::finish(cells),
            Cells::Boolean(cells) => ArrayBuilder::finish(cells),
            Cells::Text(cells) => ArrayBuilder::finish(cells),
        }
    }

    /// Appends a value; what its column cannot hold is missing.
    fn push(&mut self, value: &Value<'_>, scratch: &mut String) {
        match self {
            Cells::Integer(cells) => cells.append_option(match value {
                Value::Number(n) => i64::try_from(*n).ok(),
                _ => None,
            }),
            Cells::Time(cells) => cells.append_option(match value {
                Value::Time(when) => Some(when.utc.div_euclid(1_000)),
                _ => None,
            }),
            Cells::Date(cells) => cells.append_option(match value {
                Value::Day(day) => i32::try_from(*day).ok(),
                _ => None,
            }),
            Cells::Double(cells) => cells.append_option(match value {
                Value::Uptime(uptime) => Some(uptime.seconds as f64 + f64::from(uptime.micros) / 1e6),
                _ => None,
            }),
            Cells::Boolean(cells) => cells.append_option((*value == Value::True).then_some(true)),
            Cells::Text(cells) => push_text(cells, value, scratch),
        }
    }
}

fn push_text(cells: &mut StringBuilder, value: &Value<'_>, scratch: &mut String) {
    match value {
        Value::Missing => cells.append_null(),
        Value::True => cells.append_value("true"),
        Value::Text(bytes) => match plain(bytes) {
            Some(text) => cells.append_value(text),
            None => {
                scratch.clear();
                text::escape_into(scratch, bytes);
                cells.append_value(&scratch);
            }
        },
        // None of its characters has to be escaped, and it is the most frequent one.
        Value::Addr(addr) => {
            // Writing to memory does not fail.
            let _ = write!(cells, "{addr}");
            cells.append_value("");
        }
        other => cells.append_value(text::escape(other.to_plain().as_bytes())),
    }
}

/// Text of which nothing has to be escaped, if that is plain to see.
fn plain(bytes: &[u8]) -> Option<&str> {
    let safe = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    std::str::from_utf8(bytes).ok().filter(|_| safe)
}

/// The columns of some records.
#[derive(Debug)]
pub(crate) struct Columns {
    schema: SchemaRef,
    /// The fields that are asked for, and where their cells go.
    wanted: Vec<(Field, Cells)>,
    /// The packets of each line, and which column that is.
    times: Option<(usize, Int64Builder)>,
    rows: usize,
    scratch: String,
}

impl Columns {
    /// The columns with these numbers in `log`.
    pub(crate) fn new(indices: &[usize], table: &SchemaRef) -> Result<Columns> {
        let fields = schema::fields();
        let times = indices.iter().position(|at| *at == fields.len());
        let wanted = indices.iter().filter_map(|at| fields.get(*at)).cloned();
        let wanted = wanted.map(|field| (field.clone(), Cells::new(field.kind()))).collect();
        Ok(Columns {
            schema: Arc::new(table.project(indices)?),
            wanted,
            times: times.map(|at| (at, Int64Builder::new())),
            rows: 0,
            scratch: String::new(),
        })
    }

    /// How many records there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Appends a record.
    pub(crate) fn add(&mut self, record: &Record<'_>) {
        self.rows += 1;
        if let Some((_, cells)) = &mut self.times {
            cells.append_value(i64::try_from(record.times()).unwrap_or(i64::MAX));
        }
        let (wanted, scratch) = (&mut self.wanted, &mut self.scratch);
        let mut push = |record: &Record<'_>| {
            for (field, cells) in wanted.iter_mut() {
                cells.push(&field.value(record), scratch);
            }
        };
        if self.schema.fields().len() < MANY { push(record) } else { record.decoded(push) }
    }

    /// The records so far; begins anew.
    pub(crate) fn take(&mut self) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = self.wanted.iter_mut().map(|(_, cells)| cells.finish()).collect();
        if let Some((at, cells)) = &mut self.times {
            arrays.insert(*at, ArrayBuilder::finish(cells));
        }
        let rows = std::mem::take(&mut self.rows);
        batch(&self.schema, arrays, rows)
    }
}

/// A batch that knows its rows even without any column: `count(*)` asks for none.
fn batch(schema: &SchemaRef, arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

/// The lines that are no packets, as rows of `rest`.
#[derive(Debug, Default)]
pub(crate) struct RestColumns {
    files: StringBuilder,
    bytes: Int64Builder,
    classes: StringBuilder,
    reasons: StringBuilder,
    texts: StringBuilder,
    rows: usize,
}

impl RestColumns {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn add(&mut self, rest: &Rest, files: &[String]) {
        let escaped = |bytes: &[u8]| text::escape(bytes);
        let file = files.get(rest.at.source).map_or("", String::as_str);
        self.files.append_value(escaped(file.as_bytes()));
        self.bytes.append_value(i64::try_from(rest.at.offset).unwrap_or(i64::MAX));
        self.classes.append_value(rest.why.class());
        self.reasons.append_value(escaped(rest.why.to_string().as_bytes()));
        self.texts.append_option((!rest.text.is_empty()).then(|| escaped(&rest.text)));
        self.rows += 1;
    }

    /// The columns with these numbers; begins anew.
    pub(crate) fn take(&mut self, indices: &[usize]) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let arrays: [ArrayRef; 5] = [
            ArrayBuilder::finish(&mut self.files),
            ArrayBuilder::finish(&mut self.bytes),
            ArrayBuilder::finish(&mut self.classes),
            ArrayBuilder::finish(&mut self.reasons),
            ArrayBuilder::finish(&mut self.texts),
        ];
        Ok(batch(&schema::rest(), arrays.to_vec(), rows)?.project(indices)?)
    }
}
