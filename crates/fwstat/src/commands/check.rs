//! `fwstat check`: the books, with every reason and where it came up first.
//!
//! Responsible for: nothing but the books.
//! Must not know: filters.
//! Tested by: `tests/cli/check.rs`.

use serde_json::{Value, json};

use super::{Outcome, format, outcome, place, run, sheet, write};
use crate::cli::{self, Format};
use crate::options::{Look, Options};
use crate::report::csv::Sheet;
use crate::report::style::{Column, DIM, HEADING, KEY, WARN, columns, percent, sentence};
use crate::report::{self, Head};
use fwlog::aggregate::Counts;
use fwlog::pipeline::Account;
use fwlog::pipeline::account::Seen;
use fwlog::text;

/// Runs it.
///
/// # Errors
/// An option makes no sense, or the output cannot be written.
pub fn command(arguments: &cli::Check) -> anyhow::Result<Outcome> {
    let options = Options::new(&arguments.common, false)?;
    let known = [Format::Table, Format::Json, Format::Csv, Format::Tsv];
    let form = format(&options, Format::Table, &known)?;
    let (_, account, mut head) = run(&options, || Counts::by(Vec::new()))?;
    if !options.verbose {
        head.notes.extend(options.queue.remarks());
    }
    let bytes = match (form, sheet(form)) {
        (_, Some(sheet)) => reasons(sheet, options.look.header, &account, &head),
        (Format::Json, _) => json_of(&account, &head),
        _ => table(&options.look, &account, &head).into_bytes(),
    };
    write(&options, &account, &bytes)?;
    Ok(outcome(&options, &account))
}

fn json_of(account: &Account, head: &Head) -> Vec<u8> {
    let at = |seen: &Seen| json!({ "file": head.files.get(seen.first.source), "line": seen.first.line });
    let reasons: Vec<Value> = account
        .ranked_reasons()
        .iter()
        .map(|(why, seen)| {
            json!({ "reason": why.to_string(), "class": why.class(), "count": seen.count, "first": at(seen) })
        })
        .collect();
    let losses: Vec<Value> = losses(account)
        .iter()
        .map(|(what, lines, seen)| json!({ "reason": what, "lines": lines, "count": seen.count, "first": at(seen) }))
        .collect();
    let writers: Vec<Value> = account
        .writers()
        .into_iter()
        .map(|(name, count, _)| json!({ "writer": report::json::bytes(name), "count": count }))
        .collect();
    let mut document = report::json::head("fwstat.check/1", head);
    document.insert("reasons".to_owned(), json!(reasons));
    document.insert("writers".to_owned(), json!(writers));
    document.insert("losses".to_owned(), json!(losses));
    report::json::print(&Value::Object(document))
}

/// The reasons as a sheet: one row each, with the first place.
fn reasons(sheet: Sheet, header: bool, account: &Account, head: &Head) -> Vec<u8> {
    let mut out = Vec::new();
    if header {
        sheet.line(&mut out, ["class", "count", "file", "line", "reason"]);
    }
    for (why, seen) in account.ranked_reasons() {
        let file = head.files.get(seen.first.source).map_or("-", String::as_str);
        let cells = [
            why.class().to_owned(),
            seen.count.to_string(),
            text::escape(file.as_bytes()),
            seen.first.line.to_string(),
            why.to_string(),
        ];
        sheet.line(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// What the log says about lines that it does not have, the most first.
fn losses(account: &Account) -> Vec<(&'static str, u64, Seen)> {
    let mut all: Vec<_> = account.losses.iter().map(|(what, (lines, seen))| (*what, *lines, *seen)).collect();
    all.sort_by_key(|(what, lines, _)| (std::cmp::Reverse(*lines), *what));
    all
}

/// Who wrote the records, if the kernel did not write all.
fn writers(look: &Look, account: &Account, head: &Head) -> String {
    const SHOWN: usize = 20;
    let all = account.writers();
    if all.iter().all(|(_, _, first)| first.is_none()) {
        return String::new();
    }
    let rows: Vec<Vec<String>> = all
        .iter()
        .take(SHOWN)
        .map(|(name, count, first)| {
            let at = first.map_or(String::new(), |first| place(&head.files, &Seen { count: *count, first }));
            vec![text::escape(name), look.number(*count), at]
        })
        .collect();
    let heads = [
        Column::text("WRITTEN BY"),
        Column::number("COUNT"),
        Column { shrinks: false, ..Column::text("FIRST AT") }.styled(KEY),
    ];
    format!("\n{}", columns(look, &heads, &rows))
}

fn table(look: &Look, account: &Account, head: &Head) -> String {
    let totals = &account.totals;
    let mut out = report::table::head(look, head);
    let rows: Vec<Vec<String>> = [
        ("packets", totals.packets, "whole firewall records"),
        ("cut", totals.cut, "the end is missing; what is there is certain"),
        ("other", totals.other, "no firewall records"),
        ("damaged", totals.damaged, "something in them that nobody writes: not counted"),
    ]
    .iter()
    .map(|(name, count, means)| {
        vec![(*name).to_owned(), look.number(*count), percent(*count, totals.lines), (*means).to_owned()]
    })
    .collect();
    let heads = [
        Column::text("LINES"),
        Column::number("COUNT"),
        Column::number("SHARE").styled(DIM),
        Column::text(""),
    ];
    out.push_str(&columns(look, &heads, &rows));
    let reasons = account.ranked_reasons();
    if !reasons.is_empty() {
        let rows: Vec<Vec<String>> = reasons
            .iter()
            .map(|(why, seen)| {
                vec![
                    why.class().to_owned(),
                    look.number(seen.count),
                    place(&head.files, seen),
                    why.to_string(),
                ]
            })
            .collect();
        // Places are copied and reasons are read: neither is of use when it is shortened.
        let whole = |name: &str| Column { shrinks: false, ..Column::text(name) };
        let heads =
            [Column::text("CLASS"), Column::number("COUNT"), whole("FIRST AT").styled(KEY), whole("REASON")];
        out.push('\n');
        out.push_str(&columns(look, &heads, &rows));
    }
    out.push_str(&writers(look, account, head));
    let losses = losses(account);
    if !losses.is_empty() {
        out.push('\n');
        out.push_str(&(look.paint(HEADING, "Lost before they were written, at least:") + "\n"));
        for (what, lines, seen) in losses {
            let lines = look.count_of(lines, "line", "lines");
            out.push_str(&format!(
                "  {}: {what} (first at {})\n",
                look.paint(WARN, &lines),
                place(&head.files, &seen)
            ));
        }
    }
    for note in &head.notes {
        out.push_str(&sentence(look, DIM, note));
    }
    out
}
