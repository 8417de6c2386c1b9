//! Filters on the prefix and the interfaces: tested once for all lines that begin alike.
//!
//! Responsible for: DataFusion's own expression over these columns, and what it said of each beginning of
//! a line. So every operator means what it means elsewhere in a query.
//! Must not know: which filters are taken (`table`).
//! Tested by: `tests/sql/predicates.rs` (random filters against the same ones after the scan).

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, BooleanArray, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::cast::as_boolean_array;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use fwlog::record::Record;
use hashbrown::HashMap;
use logparse::PrefixCache;

use crate::columns::Columns;

/// So many beginnings of lines are kept that the scanner does not know by a number.
const KEPT: usize = 1 << 14;

/// A filter over the columns of [`FRONT`](crate::schema::FRONT), and what is known of lines.
#[derive(Debug)]
pub(crate) struct Front {
    expression: Arc<dyn PhysicalExpr>,
    columns: Columns,
    known: PrefixCache<bool>,
    /// The same for lines that the grammar read: by prefix and interfaces.
    others: HashMap<Vec<u8>, bool>,
    key: Vec<u8>,
    /// What went wrong in the expression.
    failed: Option<DataFusionError>,
}

impl Front {
    /// `indices`: the numbers of the front's columns in `table`, in the order in which `expression` has them.
    pub(crate) fn new(
        expression: Arc<dyn PhysicalExpr>,
        indices: &[usize],
        table: &SchemaRef,
    ) -> Result<Front> {
        Ok(Front {
            expression,
            columns: Columns::new(indices, table)?,
            known: PrefixCache::default(),
            others: HashMap::new(),
            key: Vec::new(),
            failed: None,
        })
    }

    /// Whether a record passes. What is not known (NULL) does not.
    #[inline]
    pub(crate) fn passes(&mut self, record: &Record<'_>) -> bool {
        match self.known.get(&record.line) {
            Some(known) => known,
            None => self.learn(record),
        }
    }

    #[cold]
    #[inline(never)]
    fn learn(&mut self, record: &Record<'_>) -> bool {
        if record.line.prefix_key().is_some() {
            let passes = self.ask(record);
            self.known.insert(&record.line, passes);
            return passes;
        }
        self.key.clear();
        for field in crate::schema::FRONT.map(fwlog::record::Field::of) {
            let value = field.value(record).to_plain();
            self.key.extend_from_slice(&(value.len() as u64).to_le_bytes());
            self.key.push(u8::from(field.value(record) == fwlog::record::Value::Missing));
            self.key.extend_from_slice(value.as_bytes());
        }
        if let Some(known) = self.others.get(&self.key) {
            return *known;
        }
        let passes = self.ask(record);
        if self.others.len() >= KEPT {
            self.others.clear();
        }
        self.others.insert(self.key.clone(), passes);
        passes
    }

    fn ask(&mut self, record: &Record<'_>) -> bool {
        self.columns.add(record);
        self.columns.take().and_then(|row| evaluate(&*self.expression, &row)).unwrap_or_else(|error| {
            self.failed.get_or_insert(error);
            false
        })
    }

    /// What went wrong, once.
    pub(crate) fn failed(&mut self) -> Option<DataFusionError> {
        self.failed.take()
    }
}

/// What an expression says of a batch of one row.
fn evaluate(expression: &dyn PhysicalExpr, row: &RecordBatch) -> Result<bool> {
    let array = expression.evaluate(row)?.into_array(1)?;
    let said: &BooleanArray = as_boolean_array(&array)?;
    Ok(said.is_valid(0) && said.value(0))
}
