//! Records as Parquet: the columns of the CSV export, with types.
//!
//! Responsible for: what a type is in Parquet, and row groups of bounded size. Integers are INT64,
//! moments TIMESTAMP in microseconds of UTC, days DATE, `uptime` DOUBLE, `ce`, `df` and `mf`
//! BOOLEAN, everything else text, escaped as in every form of output. What a line does not
//! have is null.
//! Must not know: which records, and in what order chunks come.
//! Tested by: `tests/cli/parquet.rs`, `tests/cli/pandas.rs`.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::ecs;
use fwlog::pipeline::order::Sink;
use fwlog::record::{Field, Kind, Record, Value};
use fwlog::text;

/// Rows of a group: enough to be read in one go, few enough to be kept until they are written.
const GROUP: usize = 64 << 10;

/// One column.
#[derive(Debug)]
struct Column {
    field: Field,
    kind: Kind,
    /// Whether the value is spelt as the Elastic Common Schema wants it.
    ecs: bool,
}

/// The columns of a file.
#[derive(Debug)]
pub struct Columns(Vec<Column>);

impl Columns {
    /// These fields, or if there are none all of the record; or the names of the Elastic Common
    /// Schema.
    #[must_use]
    pub fn new(fields: Vec<Field>, ecs: bool) -> Columns {
        let fields = match fields {
            _ if ecs => ecs::FIELDS.iter().map(|(key, name)| Field::named(*key, name)).collect(),
            fields if fields.is_empty() => Field::all(),
            fields => fields,
        };
        let column = |field: Field| Column { kind: field.kind(), field, ecs };
        Columns(fields.into_iter().map(column).collect())
    }

    /// Appends a record's values.
    pub fn add(&self, batch: &mut Batch, record: &Record<'_>) {
        if batch.0.is_empty() {
            batch.0 = self.0.iter().map(|column| Cells::new(column.kind)).collect();
        }
        for (column, cells) in self.0.iter().zip(&mut batch.0) {
            let there = cells.values.push(column, record);
            cells.there.push(i16::from(there));
        }
    }

    fn schema(&self) -> Result<Type> {
        let column = |column: &Column| {
            let (physical, logical) = match column.kind {
                Kind::Integer => (Physical::INT64, None),
                Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
                Kind::Date => (Physical::INT32, Some(LogicalType::Date)),
                Kind::Double => (Physical::DOUBLE, None),
                Kind::Boolean => (Physical::BOOLEAN, None),
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            Type::primitive_type_builder(&column.field.name, physical)
                .with_logical_type(logical)
                .with_repetition(Repetition::OPTIONAL)
                .build()
                .map(Arc::new)
        };
        let fields = self.0.iter().map(column).collect::<Result<Vec<_>>>()?;
        Type::group_type_builder("record").with_fields(fields).build()
    }
}

/// The values of a chunk's records, by column.
#[derive(Debug, Default)]
pub struct Batch(Vec<Cells>);

impl Batch {
    fn rows(&self) -> usize {
        self.0.first().map_or(0, |cells| cells.there.len())
    }
}

#[derive(Debug)]
struct Cells {
    /// 1 where there is a value, 0 where there is none: Parquet's definition levels.
    there: Vec<i16>,
    values: Values,
}

impl Cells {
    fn new(kind: Kind) -> Cells {
        let values = match kind {
            Kind::Integer | Kind::Time => Values::Long(Vec::new()),
            Kind::Date => Values::Int(Vec::new()),
            Kind::Double => Values::Double(Vec::new()),
            Kind::Boolean => Values::Boolean(Vec::new()),
            Kind::Text => Values::Text { bytes: Vec::new(), ends: Vec::new() },
        };
        Cells { there: Vec::new(), values }
    }
}

#[derive(Debug)]
enum Values {
    Long(Vec<i64>),
    Int(Vec<i32>),
    Double(Vec<f64>),
    Boolean(Vec<bool>),
    Text { bytes: Vec<u8>, ends: Vec<usize> },
}

impl Values {
    /// Appends a record's value; `false` if it has none.
    fn push(&mut self, column: &Column, record: &Record<'_>) -> bool {
        let value = column.field.value(record);
        if value == Value::Missing {
            return false;
        }
        match (self, value) {
            (Values::Long(values), Value::Number(n)) => match i64::try_from(n) {
                Ok(n) => values.push(n),
                Err(_) => return false,
            },
            (Values::Long(values), Value::Time(when)) => values.push(when.utc.div_euclid(1_000)),
            (Values::Int(values), Value::Day(day)) => match i32::try_from(day) {
                Ok(day) => values.push(day),
                Err(_) => return false,
            },
            (Values::Double(values), Value::Uptime(uptime)) => {
                values.push(uptime.seconds as f64 + f64::from(uptime.micros) / 1e6);
            }
            (Values::Boolean(values), Value::True) => values.push(true),
            (Values::Text { bytes, ends }, value) => {
                match value {
                    _ if column.ecs => match ecs::text(column.field.key, record) {
                        Some(value) => bytes.extend_from_slice(text::escape(value.as_bytes()).as_bytes()),
                        None => return false,
                    },
                    Value::True => bytes.extend_from_slice(b"true"),
                    Value::Text(value) => bytes.extend_from_slice(text::escape(value).as_bytes()),
                    other => bytes.extend_from_slice(text::escape(other.to_plain().as_bytes()).as_bytes()),
                }
                ends.push(bytes.len());
            }
            _ => return false,
        }
        true
    }
}

/// A file being written.
pub struct File<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    /// What the next row group is made of.
    waiting: Vec<Batch>,
    rows: usize,
}

impl<W: Write + Send> File<W> {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// Two columns have one name, or the beginning cannot be written.
    pub fn new(out: W, columns: &Columns) -> io::Result<File<W>> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(Default::default()))
            .set_created_by(format!("fwstat {}", env!("CARGO_PKG_VERSION")))
            .build();
        let schema = columns.schema().map_err(io_error)?;
        let writer =
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(io_error)?;
        Ok(File { writer, waiting: Vec::new(), rows: 0 })
    }

    /// Writes what waits as one row group.
    fn group(&mut self) -> Result<()> {
        let mut batches = std::mem::take(&mut self.waiting);
        if std::mem::take(&mut self.rows) == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        let columns = batches.first().map_or(0, |batch| batch.0.len());
        for at in 0..columns {
            let cells = batches.iter_mut().map(|batch| &mut batch.0[at]);
            write_column(&mut group, cells)?;
        }
        group.close()?;
        Ok(())
    }
}

impl<W: Write + Send> Sink for File<W> {
    type Part = Batch;

    fn take(&mut self, part: Batch) -> io::Result<Batch> {
        self.rows += part.rows();
        if part.rows() > 0 {
            self.waiting.push(part);
        }
        if self.rows >= GROUP {
            self.group().map_err(io_error)?;
        }
        Ok(Batch::default())
    }

    fn finish(mut self) -> io::Result<()> {
        self.group().map_err(io_error)?;
        self.writer.close().map_err(io_error)?;
        Ok(())
    }
}

/// One column of a row group. Its memory is given back at once, since the next column's follows.
fn write_column<'b, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: impl Iterator<Item = &'b mut Cells>,
) -> Result<()> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    /// As many values as there are ones in `there`.
    fn put<T: DataType>(
        column: &mut parquet::file::writer::SerializedColumnWriter<'_>,
        values: &[T::T],
        there: &[i16],
    ) -> Result<()> {
        column.typed::<T>().write_batch(values, Some(there), None)?;
        Ok(())
    }
    for Cells { there, values } in cells {
        let there = std::mem::take(there);
        match values {
            Values::Long(values) => put::<Int64Type>(&mut column, &std::mem::take(values), &there)?,
            Values::Int(values) => put::<Int32Type>(&mut column, &std::mem::take(values), &there)?,
            Values::Double(values) => put::<DoubleType>(&mut column, &std::mem::take(values), &there)?,
            Values::Boolean(values) => put::<BoolType>(&mut column, &std::mem::take(values), &there)?,
            Values::Text { bytes, ends } => {
                let bytes = Bytes::from(std::mem::take(bytes));
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let texts: Vec<ByteArray> =
                    starts.zip(ends.iter()).map(|(from, to)| bytes.slice(from..*to).into()).collect();
                put::<ByteArrayType>(&mut column, &texts, &there)?;
            }
        }
    }
    column.close()
}

/// An error of writing as what it was at first, so that a reader that went away is seen as one.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(inner) => io::Error::other(inner),
        },
        error => io::Error::other(error),
    }
}
