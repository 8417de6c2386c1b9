//! What was read and what was not, what was assumed, and the command that makes the page again.
//!
//! Responsible for: these sentences and tables.
//! Must not know: how lines are told apart.
//! Tested by: `tests/cli/report_page.rs`.

use fwlog::sorting::InOrder as _;
use fwlog::text;

use super::block::{Block, Code, LOOK, Section, Told, minute};
use super::table::{Cell, Table, numbers, plain, sentence, shown, words};
use crate::report::head::class_name;
use crate::report::table::classes;

/// Rows of each table.
const ROWS: usize = 20;

/// From when to when.
#[must_use]
pub fn span(told: &Told<'_>) -> String {
    let Some((first, last)) = told.head.span else { return String::new() };
    let zone =
        told.clock.zone.iana_name().map_or(String::new(), |name| format!(" ({})", shown(name.as_bytes())));
    format!("{} to {}{zone}", minute(first.local_seconds()), minute(last.local_seconds()))
}

/// The lines by class.
#[must_use]
pub fn books(told: &Told<'_>) -> String {
    let totals = &told.head.totals;
    let mut words = format!(
        "{} read ({}): {}",
        text::count_of(totals.lines, "line", "lines"),
        text::bytes(told.head.bytes),
        classes(&LOOK, totals)
    );
    if !told.head.filters.is_empty() {
        let matched = text::count_of(totals.matched, "packet passes", "packets pass");
        words += &format!(". {matched} the filters: {}", crate::report::table::filters(told.head));
    }
    words
}

/// What must be known before any number is believed.
#[must_use]
pub fn warnings(told: &Told<'_>) -> Vec<String> {
    let head = told.head;
    let mut warnings = Vec::new();
    if head.partial {
        warnings.push("The reading was interrupted: all counts are partial.".to_owned());
    }
    if head.totals.lost_at_least > 0 {
        let lost = text::count_of(head.totals.lost_at_least, "line was", "lines were");
        warnings.push(format!(
            "At least {lost} lost before they reached the log, so all counts are lower bounds."
        ));
    }
    if head.totals.matched == 0 {
        warnings.push(match head.is_empty() {
            true => "No firewall records found. `fwstat check` says what the lines are.".to_owned(),
            false => "No packets match the filters.".to_owned(),
        });
    }
    warnings
}

/// What could not be read, assumptions, the command.
pub(super) fn section(told: &Told<'_>) -> Section {
    let mut blocks = Vec::new();
    let tables: Vec<Table> =
        [reasons(told), losses(told), writers(told)].into_iter().filter(|table| !table.is_empty()).collect();
    if !tables.is_empty() {
        blocks.push(Block::Tables(tables));
    }
    if !told.head.notes.is_empty() {
        blocks.push(Block::Note("What was assumed, and what else is to be known:".to_owned()));
        blocks.push(Block::List(told.head.notes.iter().map(|note| sentence(note)).collect()));
    }
    let files = &told.head.files;
    if files.len() > 2 {
        blocks.push(Block::Note("Files:".to_owned()));
        blocks.push(Block::List(files.iter().take(ROWS).map(|name| shown(name.as_bytes())).collect()));
    }
    let title = "The command that makes this page".to_owned();
    blocks.push(Block::Code(Code::open(title, told.command.clone())));
    let totals = &told.head.totals;
    let unread = totals.other + totals.damaged;
    let lead = match unread {
        0 => "Every line was read as a packet.".to_owned(),
        unread => format!(
            "{} counted in no table but the one below: lines = packets + truncated + other + corrupt, always.",
            text::count_of(unread, "line is", "lines are")
        ),
    };
    Section { id: "reading", title: "What was read", lead, blocks }
}

/// Why lines could not be read.
fn reasons(told: &Told<'_>) -> Table {
    let reasons = told.account.ranked_reasons();
    let rows = reasons.iter().take(ROWS).map(|(why, seen)| {
        let first = shown(seen.first.in_files(&told.head.files).as_bytes());
        let what = Cell::text(class_name(why.class())).with(why.to_string()).broken();
        vec![what, Cell::number(seen.count), Cell::code(first).broken()]
    });
    Table {
        caption: "Lines that are no whole packets".to_owned(),
        columns: vec![words("Why"), numbers("Lines"), plain("First")],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// What says that lines were lost.
fn losses(told: &Told<'_>) -> Table {
    let mut losses: Vec<(&&str, &(u64, _))> = told.account.losses.iter().collect();
    losses.order_by_key(|(what, (lines, _))| (std::cmp::Reverse(*lines), **what));
    let rows = losses.into_iter().take(ROWS).map(|(what, (lost, seen))| {
        let first = shown(seen.first.in_files(&told.head.files).as_bytes());
        vec![Cell::text((*what).to_owned()).broken(), Cell::number(*lost), Cell::code(first).broken()]
    });
    Table {
        caption: "Lines that were lost".to_owned(),
        columns: vec![words("What says so"), numbers("Lines"), plain("First")],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// Who wrote records, if not the kernel alone.
fn writers(told: &Told<'_>) -> Table {
    let mut writers = told.account.writers();
    if writers.iter().all(|(name, ..)| *name == b"kernel") {
        writers.clear();
    }
    let rows = writers
        .iter()
        .take(ROWS)
        .map(|(name, count, _)| vec![Cell::code(shown(name)).broken(), Cell::number(*count)]);
    Table {
        caption: "Records of others than the kernel".to_owned(),
        about: "any user can write such lines".to_owned(),
        columns: vec![words("Writer"), numbers("Records")],
        rows: rows.collect(),
        ..Table::default()
    }
}
