//! The columns of the tables.
//!
//! Responsible for: their names, order and types. Those of `log` are the columns of `fwstat export`
//! with the types of its Parquet, and `n`, the packets that the line stands for.
//! Must not know: how a column is filled.
//! Tested by: `tests/sql/rows.rs`.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field as Column, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use fwlog::record::{Field, Key, Kind};

/// The name of the column with the number of packets.
pub const TIMES: &str = "n";

/// What the columns of `log` are, in order; the last one, [`TIMES`], has no field.
#[must_use]
pub fn fields() -> Vec<Field> {
    Field::all()
}

/// The type of a column.
#[must_use]
pub fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Integer => DataType::Int64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Date => DataType::Date32,
        Kind::Double => DataType::Float64,
        Kind::Boolean => DataType::Boolean,
        Kind::Text => DataType::Utf8,
    }
}

/// The columns of `log`.
#[must_use]
pub fn log() -> SchemaRef {
    let columns = fields().into_iter().map(|field| Column::new(&field.name, data_type(field.kind()), true));
    let times = Column::new(TIMES, DataType::Int64, false);
    Arc::new(Schema::new(columns.chain([times]).collect::<Vec<_>>()))
}

/// The columns of `rest`.
#[must_use]
pub fn rest() -> SchemaRef {
    let text = |name: &str, missing| Column::new(name, DataType::Utf8, missing);
    let columns = [
        text("file", false),
        Column::new("byte", DataType::Int64, false),
        text("class", false),
        text("why", false),
    ];
    Arc::new(Schema::new(columns.into_iter().chain([text("text", true)]).collect::<Vec<_>>()))
}

/// The columns that lines share which begin alike, so that a filter on them is tested once for all of these.
pub const FRONT: [Key; 3] = [Key::Prefix, Key::In, Key::Out];

/// Those columns of a table.
///
/// # Errors
/// It lacks one.
pub fn front(table: &Schema) -> Result<Schema, ArrowError> {
    let columns = FRONT.map(|key| table.field_with_name(key.name()).cloned());
    Ok(Schema::new(columns.into_iter().collect::<Result<Vec<_>, _>>()?))
}

/// What a column is, in a few words.
#[must_use]
pub fn about(table: &str, column: &str) -> String {
    if table == "rest" {
        return match column {
            "file" => "the input",
            "byte" => "where in it the line begins; of a journal, which entry it is",
            "class" => "other, or damaged",
            "why" => "why it is no packet",
            _ => "the line; of one that is too long, its beginning",
        }
        .to_owned();
    }
    match Field::parse(column) {
        _ if column == TIMES => "packets that the line stands for: sum(n) counts packets".to_owned(),
        Ok(field) if field.inner => format!("of the packet quoted in an ICMP error: {}", field.key.about()),
        Ok(field) => field.key.about().to_owned(),
        Err(_) => String::new(),
    }
}
