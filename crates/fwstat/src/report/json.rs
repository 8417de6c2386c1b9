//! Reports as one JSON document each.
//!
//! Responsible for: the output contract: schema names, the order of keys, numbers as numbers,
//! text that is no UTF-8 as `{"bytes":"<base64>"}`.
//! Must not know: how a report looks for people.
//! Tested by: `tests/cli/schemas.rs`, `tests/cli/top.rs`.

use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use super::head::Head;
use super::ranking::Ranking;
use crate::analysis::log_text::LogText;
use fwlog::record::OwnedValue;
use fwlog::text;
use fwlog::time::clock;

/// Text of a log as a JSON value.
#[must_use]
pub fn bytes(text: &[u8]) -> Value {
    json!(LogText::from(text))
}

/// Adds the fields of a result to a document.
pub fn extend(document: &mut Map<String, Value>, result: &impl Serialize) {
    if let Ok(Value::Object(fields)) = serde_json::to_value(result) {
        document.extend(fields);
    }
}

/// A value of a table.
#[must_use]
pub fn cell(cell: &OwnedValue) -> Value {
    match cell {
        OwnedValue::Missing => Value::Null,
        OwnedValue::True => Value::Bool(true),
        OwnedValue::Number(n) => json!(n),
        OwnedValue::Text(text) => bytes(text),
        OwnedValue::Flags(flags) => flags.words().collect(),
        OwnedValue::Uptime(uptime) => {
            Number::from_f64(uptime.seconds as f64 + f64::from(uptime.micros) / 1e6)
                .map_or(Value::Null, Value::Number)
        }
        other => json!(other.to_plain()),
    }
}

/// The beginning of every document.
#[must_use]
pub fn head(schema: &str, head: &Head) -> Map<String, Value> {
    let mut input = Map::new();
    input.insert("files".to_owned(), head.files.iter().map(|name| json!(name)).collect());
    input.insert("bytes".to_owned(), json!(head.bytes));
    if let Some((since, until)) = head.span {
        input.insert("since".to_owned(), json!(clock::utc_text(since.utc)));
        input.insert("until".to_owned(), json!(clock::utc_text(until.utc)));
    }
    let mut document = Map::new();
    document.insert("schema".to_owned(), json!(schema));
    document.insert("input".to_owned(), Value::Object(input));
    document.insert("filters".to_owned(), Value::Object(head.filters.clone()));
    document.insert("totals".to_owned(), json!(head.totals));
    document.insert("assumptions".to_owned(), json!(head.assumptions));
    if head.partial {
        document.insert("partial".to_owned(), json!(true));
    }
    document
}

/// Tables of counts.
#[must_use]
pub fn tables(tables: &[Ranking], matched: u64) -> Value {
    tables.iter().map(|counts| table(counts, matched)).collect()
}

fn table(counts: &Ranking, matched: u64) -> Value {
    let rows: Vec<Value> = counts
        .ranked
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let mut object = Map::new();
            for (name, value) in counts.by.iter().zip(&row.cells) {
                object.insert(name.clone(), cell(value));
            }
            object.insert("count".to_owned(), json!(row.count));
            if counts.ranked.missed.is_some() {
                object.insert("count_at_most".to_owned(), json!(row.count + row.more));
            }
            object.insert("share".to_owned(), json!(Ranking::share(row.count, matched)));
            if let Some(other) = &counts.of_other {
                object.insert(format!("distinct_{}", other.field), json!(other.values[at]));
            }
            Value::Object(object)
        })
        .collect();
    let distinct = counts.ranked.distinct;
    let rest =
        json!({ "count": counts.ranked.rest(), "distinct": distinct.saturating_sub(rows.len() as u64) });
    let mut table = json!({ "by": counts.by, "distinct": distinct, "rows": rows, "rest": rest });
    if let (Some(missed), Some(table)) = (counts.ranked.missed, table.as_object_mut()) {
        table.insert("distinct_is_estimate".to_owned(), json!(missed > 0));
        table.insert("others_at_most".to_owned(), json!(missed));
    }
    table
}

/// The text of a document: indented, and safe to show on a terminal.
#[must_use]
pub fn print(document: &Value) -> Vec<u8> {
    let mut out = serde_json::to_string_pretty(document).unwrap_or_default();
    out.push('\n');
    visible(&out).into_bytes()
}

/// JSON with everything that deceives the eye written as `\u202e`: the same value for a
/// program, harmless on a terminal.
#[must_use]
pub fn visible(json: &str) -> String {
    let harmless = |c: char| c == '\n' || !text::is_unsafe_to_display(c);
    if json.chars().all(harmless) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if harmless(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_cannot_reverse_the_terminal() {
        let value = json!("x\u{202e}y\u{1b}[31m\u{9b}z\u{e0041}");
        let printed = String::from_utf8(print(&value)).unwrap();
        assert_eq!(printed, "\"x\\u202ey\\u001b[31m\\u009bz\\udb40\\udc41\"\n");
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), value);
    }
}
