//! Parquet exports as rows of `log`: what `fwstat export --format parquet` wrote, or another program with these columns.
//!
//! Responsible for: which files are Parquet; their columns by name and with our types, those that a file does not have
//! being NULL; `n` from what the export says of repeats; times of the command line as a filter.
//! Must not know: raw logs.
//! Tested by: `tests/sql/exports.rs`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::{Column, ScalarValue, plan_err};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit, when};
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::file::reader::{FileReader as _, SerializedFileReader};
use fwlog::input::InputError;
use fwlog::record::{Field, Key};
use logparse::Writer;
use url::Url;

use crate::schema::{self, TIMES};

/// What a Parquet file begins and ends with.
const MAGIC: [u8; 4] = *b"PAR1";
/// Writers whose repeats are counted: the kernel, and those that log for it.
const TRUSTED: [Writer<'static>; 3] = [Writer::Kernel, Writer::Ulogd, Writer::Pvefw];

/// The exports of one query, and which of their rows are wanted.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    files: Vec<PathBuf>,
    /// The first and the last wanted moment, in microseconds of UTC.
    between: (Option<i64>, Option<i64>),
}

/// Takes the Parquet files out of a list.
pub fn take(files: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let all = std::mem::take(files);
    let (exports, others) = all.into_iter().partition(|file| is_parquet(file));
    *files = others;
    exports
}

fn is_parquet(path: &Path) -> bool {
    let mut head = [0; MAGIC.len()];
    // Nothing is taken from what can be read only once.
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && head == MAGIC
}

impl Exports {
    /// Those of these files that can be read, between these moments (nanoseconds of UTC), and what is wrong with the others.
    #[must_use]
    pub fn new(
        files: Vec<PathBuf>,
        (since, until): (Option<i64>, Option<i64>),
    ) -> (Exports, Vec<InputError>) {
        let (mut good, mut errors) = (Vec::new(), Vec::new());
        for path in files {
            match checked(&path) {
                Ok(()) => good.push(path),
                Err(reason) => {
                    errors.push(InputError { name: path.to_string_lossy().into_owned(), reason, hint: None })
                }
            }
        }
        let micros = |nanos: i64| nanos.div_euclid(1_000);
        (Exports { files: good, between: (since.map(micros), until.map(micros)) }, errors)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Their rows with the columns of `log`.
    ///
    /// # Errors
    /// A name is no path, or DataFusion refuses the plan.
    pub fn plan(&self) -> Result<LogicalPlanBuilder> {
        let urls = self.files.iter().map(|path| url(path)).collect::<Result<Vec<_>>>()?;
        let fields = schema::log().fields().clone();
        let columns = fields.iter().filter(|column| column.name() != TIMES).cloned().collect::<Vec<_>>();
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension("");
        let config = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(options)
            .with_schema(Arc::new(Schema::new(columns)));
        let table = provider_as_source(Arc::new(ListingTable::try_new(config)?));
        let mut plan = LogicalPlanBuilder::scan("exports", table, None)?;
        let moment = |micros| lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
        if let Some(from) = self.between.0 {
            plan = plan.filter(column(Key::Time.name()).gt_eq(moment(from)))?;
        }
        if let Some(to) = self.between.1 {
            plan = plan.filter(column(Key::Time.name()).lt_eq(moment(to)))?;
        }
        let all = fields.iter().map(|field| match field.name().as_str() {
            TIMES => times(),
            name => Ok(column(name)),
        });
        plan.project(all.collect::<Result<Vec<_>>>()?)
    }
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new(Some("exports"), name))
}

/// The packets of a row: what its line repeats, unless that is another program's claim.
fn times() -> Result<Expr> {
    let writer = column(Key::Writer.name());
    let names = TRUSTED.map(|writer| lit(&*String::from_utf8_lossy(writer.name())));
    let trusted = writer.clone().is_null().or(writer.in_list(names.to_vec(), false));
    let repeats = coalesce(vec![column(Key::Repeat.name()), lit(1_i64)]);
    Ok(when(trusted, repeats).otherwise(lit(1_i64))?.alias(TIMES))
}

/// Not parsed from a path: names have characters that are patterns there.
fn url(path: &Path) -> Result<ListingTableUrl> {
    let url = std::path::absolute(path).ok().and_then(|path| Url::from_file_path(path).ok());
    match url {
        Some(url) => ListingTableUrl::try_new(url, None),
        None => plan_err!("{}: is no path", fwlog::text::escape(path.as_os_str().as_encoded_bytes())),
    }
}

/// Looks at a file's columns.
fn checked(path: &Path) -> std::result::Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let reader = SerializedFileReader::new(file)
        .map_err(|error| format!("no Parquet file, or not all of one: {}", reason(&error.to_string())))?;
    let meta = reader.metadata().file_metadata();
    let columns = parquet_to_arrow_schema(meta.schema_descr(), meta.key_value_metadata())
        .map_err(|error| reason(&error.to_string()))?;
    let mut known = 0;
    for field in Field::all() {
        let Ok(found) = columns.field_with_name(&field.name) else { continue };
        known += 1;
        if !can_cast_types(found.data_type(), &schema::data_type(field.kind())) {
            return Err(format!("its column `{}` is of another kind than a log's", field.name));
        }
    }
    match known {
        0 => Err("has no column of a log: those of `--schema ecs` have other names".to_owned()),
        _ => Ok(()),
    }
}

/// An error of the Parquet library in one line.
fn reason(text: &str) -> String {
    let text = text.strip_prefix("Parquet error: ").unwrap_or(text);
    text.lines().next().unwrap_or_default().to_owned()
}
