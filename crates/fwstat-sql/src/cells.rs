//! Values of a result as text and as JSON.
//!
//! Responsible for: moments and days as every command of fwstat writes them; escaping. Text out of a log
//! is escaped already, but a query can make other text.
//! Must not know: forms of output.
//! Tested by: `tests/sql/rows.rs`.

use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::cast::{
    as_boolean_array, as_timestamp_microsecond_array, as_timestamp_millisecond_array,
    as_timestamp_nanosecond_array, as_timestamp_second_array,
};
use datafusion::error::Result;
use fwlog::text;
use fwlog::time::clock::utc_text;

/// What a value is to programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Everything else.
    Text,
}

impl Class {
    /// The class of a type.
    #[must_use]
    pub fn of(data_type: &DataType) -> Class {
        match data_type {
            DataType::Boolean => Class::Boolean,
            DataType::Decimal128(..) | DataType::Decimal256(..) => Class::Number,
            other if other.is_numeric() => Class::Number,
            _ => Class::Text,
        }
    }
}

/// The values of one batch.
pub struct Cells<'b> {
    columns: Vec<(&'b ArrayRef, ArrayFormatter<'b>)>,
}

impl<'b> Cells<'b> {
    /// The values of a batch.
    ///
    /// # Errors
    /// A type has no text.
    pub fn new(batch: &'b RecordBatch) -> Result<Cells<'b>> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(true);
        let column = |array: &'b ArrayRef| Ok((array, ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?));
        let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(Cells { columns })
    }

    /// The value in a row and a column as text; none for NULL.
    ///
    /// # Errors
    /// The column is not of the type that it says.
    pub fn text(&self, row: usize, column: usize) -> Result<Option<String>> {
        let Some((array, formatter)) = self.columns.get(column) else { return Ok(None) };
        if array.is_null(row) {
            return Ok(None);
        }
        let moment = moment(array, row)?;
        let plain = moment.unwrap_or_else(|| formatter.value(row).to_string());
        Ok(Some(text::escape(plain.as_bytes())))
    }

    /// The same as JSON.
    ///
    /// # Errors
    /// As of [`Cells::text`].
    pub fn json(&self, row: usize, column: usize) -> Result<String> {
        let Some(plain) = self.text(row, column)? else { return Ok("null".to_owned()) };
        let array = self.columns[column].0;
        Ok(match Class::of(array.data_type()) {
            Class::Boolean => as_boolean_array(array)?.value(row).to_string(),
            // Infinite numbers and those that are none have no form in JSON.
            Class::Number if plain.parse::<f64>().is_ok_and(f64::is_finite) => plain,
            Class::Number => "null".to_owned(),
            Class::Text => serde_json::to_string(&plain).unwrap_or_default(),
        })
    }
}

/// A moment of UTC or of no zone, as the export writes it.
fn moment(array: &ArrayRef, row: usize) -> Result<Option<String>> {
    let DataType::Timestamp(unit, zone) = array.data_type() else { return Ok(None) };
    if zone.as_ref().is_some_and(|zone| !matches!(zone.as_ref(), "UTC" | "+00:00" | "Z")) {
        return Ok(None);
    }
    let (value, nanos) = match unit {
        TimeUnit::Second => (as_timestamp_second_array(array)?.value(row), 1_000_000_000),
        TimeUnit::Millisecond => (as_timestamp_millisecond_array(array)?.value(row), 1_000_000),
        TimeUnit::Microsecond => (as_timestamp_microsecond_array(array)?.value(row), 1_000),
        TimeUnit::Nanosecond => (as_timestamp_nanosecond_array(array)?.value(row), 1),
    };
    // Moments that are centuries away have the engine's own form.
    let text = value.checked_mul(nanos).map(utc_text);
    Ok(text.map(|text| if zone.is_some() { text } else { text.trim_end_matches('Z').to_owned() }))
}
