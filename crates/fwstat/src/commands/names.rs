//! Names that the resolver is asked for.
//!
//! Responsible for: which addresses it is asked for, and when: before the log is read, if names are counted or
//! filtered by; else for the rows that are shown.
//! Must not know: how it is asked (`fwlog::names`).
//! Tested by: `tests/cli/names.rs`.

use fwlog::sorting::InOrder as _;
use std::net::IpAddr;
use std::path::Path;

use anyhow::ensure;
use hashbrown::HashMap;

use crate::cli::Format;
use crate::options::Options;
use crate::report::Ranking;
use fwlog::aggregate::Counts;
use fwlog::input::is_read_once;
use fwlog::names::resolver::{Answers, LIMITS};
use fwlog::pipeline;
use fwlog::record::{Field, Key, OwnedValue};
use fwlog::text;

/// Asks for the names of the most frequent addresses, if a field needs them; what is said of it.
///
/// # Errors
/// The log can be read only once.
pub(super) fn before(options: &Options) -> anyhow::Result<Option<String>> {
    let (Some(names), Some((queue, plan))) = (&options.plan.names, &options.addresses) else {
        return Ok(None);
    };
    if !names.waits_for_resolver() {
        return Ok(None);
    }
    let is_file = |name: &String| name != "-" && !is_read_once(Path::new(name));
    ensure!(
        queue.names().iter().all(is_file),
        "--resolve: what comes from a pipe can be read only once, and names are asked for before a field needs them: \
         name a file, or leave the field out"
    );
    let make = || [Key::Src, Key::Dst].map(|key| Counts::by(vec![Field::of(key)])).to_vec();
    let (counts, _) = pipeline::run(queue, plan, None, make)?;
    let addresses = most_frequent(&counts);
    let answers = names.resolve(&addresses);
    Ok(note(&answers, addresses.len()))
}

/// The addresses in some counts, most packets first.
fn most_frequent(counts: &[Counts]) -> Vec<IpAddr> {
    let mut all: HashMap<IpAddr, u64> = HashMap::new();
    for row in counts.iter().flat_map(|counts| counts.ranked(0).rows) {
        if let Some(OwnedValue::Addr(addr)) = row.cells.first() {
            *all.entry(*addr).or_default() += row.count;
        }
    }
    let mut all: Vec<(IpAddr, u64)> = all.into_iter().collect();
    all.order_by_key(|(addr, count)| (std::cmp::Reverse(*count), *addr));
    all.into_iter().map(|(addr, _)| addr).collect()
}

/// What was not asked, and what was not answered.
fn note(answers: &Answers, all: usize) -> Option<String> {
    let left = all.saturating_sub(LIMITS.addresses);
    let count = |n: usize, one, many| text::count_of(n as u64, one, many);
    let mut words = Vec::new();
    if left > 0 {
        words.push(format!(
            "the resolver was asked for the {} most frequent of {}",
            text::grouped(answers.asked as u64),
            count(all, "address", "addresses")
        ));
    }
    if answers.late > 0 {
        let late = count(answers.late, "address has", "addresses have");
        words.push(format!(
            "{late} no name: the resolver did not answer in {} seconds",
            LIMITS.time.as_secs()
        ));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// Gives the rows of tables that are addresses their names.
pub(super) fn of_rows(options: &Options, form: Format, tables: &mut [Ranking]) {
    let Some(names) = options.plan.names.as_ref().filter(|names| names.has_names()) else { return };
    // Programs ask for src_name.
    if form != Format::Table {
        return;
    }
    for table in tables {
        let column = table
            .by
            .iter()
            .position(|name| name == "src")
            .or_else(|| table.by.iter().position(|name| name == "dst"));
        let Some(column) = column else { continue };
        let addr = |cell: Option<&OwnedValue>| match cell {
            Some(OwnedValue::Addr(addr)) => Some(*addr),
            _ => None,
        };
        let addrs: Vec<Option<IpAddr>> =
            table.ranked.rows.iter().map(|row| addr(row.cells.get(column))).collect();
        let known: Vec<IpAddr> = addrs.iter().flatten().copied().collect();
        let mut found = names.of_each(&known).into_iter();
        let labels: Vec<String> =
            addrs.iter().map(|addr| addr.and_then(|_| found.next().flatten()).unwrap_or_default()).collect();
        table.names =
            Some((column, labels)).filter(|(_, labels)| labels.iter().any(|label| !label.is_empty()));
    }
}
