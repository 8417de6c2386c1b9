//! `fwstat top`: the most frequent values of some fields.
//!
//! Responsible for: the default tables, and `--by`.
//! Must not know: how counting works.
//! Tested by: `tests/cli/top.rs`.

use serde_json::{Value, json};

use super::{Outcome, format, outcome, run, sheet, write};
use crate::cli::{self, Format};
use crate::options::{self, Options};
use crate::report::{self, Table};
use fwlog::aggregate::Counts;
use fwlog::record::{Field, Key};

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Top) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let known = [Format::Table, Format::Json, Format::Csv, Format::Tsv, Format::Markdown];
    let form = format(&options, Format::Table, &known)?;
    let by = options::fields("--by", &arguments.by)?;
    let tables = if by.is_empty() { defaults() } else { vec![Counts::by(by)] };
    let (counts, account, head) = run(&options, || tables.clone())?;
    let matched = account.totals.matched;
    let tables: Vec<Table> = counts
        .iter()
        .map(|counts| Table {
            by: counts.fields().iter().map(|field| field.name.clone()).collect(),
            ranked: counts.ranked(arguments.limit),
        })
        .collect();
    let look = &options.look;
    let bytes = match (form, sheet(form)) {
        (_, Some(sheet)) => {
            let parts: Vec<Vec<u8>> =
                tables.iter().map(|table| sheet.table(table, matched, look.header)).collect();
            let mut between = Vec::new();
            sheet.end(&mut between);
            parts.join(&between[..])
        }
        (Format::Markdown, _) => {
            tables.iter().map(|table| markdown(table, matched)).collect::<Vec<_>>().join("\n").into()
        }
        (Format::Table, _) if head.totals.packets + head.totals.cut == 0 => {
            (report::table::head(look, &head) + &report::table::nothing(look, &head)).into_bytes()
        }
        (Format::Table, _) => {
            let mut text = report::table::head(look, &head);
            let parts: Vec<String> =
                tables.iter().map(|table| report::table::counts(look, table, matched)).collect();
            text.push_str(&parts.join("\n"));
            text.push_str(&report::table::foot(look, &head));
            text.into_bytes()
        }
        _ => {
            let mut document = report::json::head("fwstat.top/1", &head);
            let tables: Vec<Value> = tables.iter().map(|table| report::json::table(table, matched)).collect();
            document.insert("tables".to_owned(), json!(tables));
            report::json::print(&Value::Object(document))
        }
    };
    write(&options, &account, &bytes)?;
    Ok(outcome(&options, &account))
}

/// What is shown if nothing is asked for.
#[must_use]
pub fn defaults() -> Vec<Counts> {
    let of = Field::of;
    vec![
        Counts::by(vec![of(Key::Prefix)]),
        Counts::by(vec![of(Key::Src)]),
        Counts::by(vec![Field::named(Key::Dpt, "dport"), of(Key::Proto)]).only_present(),
        Counts::by(vec![of(Key::Proto)]),
    ]
}

fn markdown(table: &Table, matched: u64) -> String {
    let mut names: Vec<(&str, bool)> = table.by.iter().map(|name| (name.as_str(), false)).collect();
    names.extend([("count", true), ("share", true)]);
    let rows: Vec<Vec<String>> = table
        .ranked
        .rows
        .iter()
        .map(|row| {
            let mut cells: Vec<String> = row.cells.iter().map(report::style::cell).collect();
            cells.push(row.count.to_string());
            cells.push(report::style::percent(row.count, matched));
            cells
        })
        .collect();
    report::markdown::table(&names, &rows)
}
