//! What may be wrong with filters that no packet passes.
//!
//! Responsible for: the values there are for a filter whose value there is not, and a port taken for a protocol.
//! Must not know: how a hint is shown.
//! Tested by: `tests/cli/words.rs`.

use fwlog::sorting::InOrder as _;
use std::collections::BTreeMap;

use fwlog::aggregate::Counts;
use fwlog::pipeline::{self, Account};
use fwlog::record::{Field, Key};
use fwlog::text;

use crate::cli::{Common, FilterArgs};
use crate::options::Options;
use crate::report::style::cell;

/// Values that are named.
const NAMED: usize = 12;
/// Logs of more bytes are not read again for a hint.
const MOST: u64 = 256 << 20;

/// Sentences that help where no packet passed the filters.
pub(super) fn nothing_passed(common: &Common, options: &Options, account: &Account) -> Vec<String> {
    if options.quiet
        || account.totals.matched > 0
        || account.totals.packets == 0
        || options.filters.is_empty()
    {
        return Vec::new();
    }
    let mut hints: Vec<String> =
        common.filter.proto.iter().filter_map(|proto| port_as_protocol(proto)).collect();
    let asked = asked(&common.filter);
    if asked.is_empty() || !can_be_read_again(options) || options.queue.size() > MOST {
        return hints;
    }
    let Some(seen) = values(common, asked.iter().map(|(key, ..)| *key).collect()) else { return hints };
    for ((key, option, values), seen) in asked.into_iter().zip(seen) {
        hints.extend(missing(key, option, values, &seen));
    }
    hints
}

/// Whether all inputs are files, which can be read twice.
fn can_be_read_again(options: &Options) -> bool {
    options.queue.names().iter().all(|name| std::fs::metadata(name).is_ok_and(|meta| meta.is_file()))
}

/// `-p 22` was meant as a port.
fn port_as_protocol(value: &str) -> Option<String> {
    let number: u16 = value.trim_start_matches('!').trim().parse().ok()?;
    let port = |protocol| fwlog::services::name(logparse::Protocol(protocol), number);
    let is_port = number > 255 || port(6).or(port(17)).is_some();
    is_port.then(|| format!("-p {number} is the protocol with this number; a port is --dport {number}"))
}

/// Filters whose values can be listed: the field, the option, what was asked for.
fn asked(filter: &FilterArgs) -> Vec<(Key, &'static str, &[String])> {
    let all: [(Key, &'static str, &[String]); 3] = [
        (Key::Prefix, "prefix", &filter.prefix),
        (Key::In, "in-interface", &filter.input),
        (Key::Out, "out-interface", &filter.output),
    ];
    all.into_iter().filter(|(_, _, values)| values.iter().any(|value| !value.starts_with('!'))).collect()
}

/// The values of some fields, most packets first; `None` if the log cannot be read again.
fn values(common: &Common, keys: Vec<Key>) -> Option<Vec<BTreeMap<String, u64>>> {
    let again = Common { filter: FilterArgs::default(), ..common.clone() };
    let options = Options::new(&again, false).ok()?;
    let empty: Vec<Counts> = keys.into_iter().map(|key| Counts::by(vec![Field::of(key)])).collect();
    let (counts, _) = pipeline::run(&options.queue, &options.plan, None, || empty.clone()).ok()?;
    let of = |counts: &Counts| {
        counts.ranked(0).rows.iter().map(|row| (row.cells.iter().map(cell).collect(), row.count)).collect()
    };
    Some(counts.iter().map(of).collect())
}

/// That no packet has a value, and which there are.
fn missing(key: Key, option: &str, asked: &[String], seen: &BTreeMap<String, u64>) -> Option<String> {
    let wanted: Vec<&String> = asked.iter().filter(|value| !value.starts_with('!')).collect();
    // A value with a sign of a pattern is not compared here.
    let found = |value: &&String| {
        value.contains(['*', '?', '+', ','])
            || seen.keys().any(|name| match key {
                Key::Prefix => name.contains(value.as_str()),
                _ => name == *value,
            })
    };
    if wanted.iter().any(found) {
        return None;
    }
    let mut names: Vec<(&String, &u64)> = seen.iter().filter(|(name, _)| *name != "(none)").collect();
    names.order_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let shown: Vec<&str> = names.iter().take(NAMED).map(|(name, _)| name.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {} more", text::grouped(more as u64)) } else { String::new() };
    let wanted: Vec<String> = wanted.iter().map(|value| text::escape(value.as_bytes())).collect();
    Some(match shown.is_empty() {
        true => format!("--{option}: no packet has one"),
        false => format!(
            "--{option} {}: no packet has it; there are: {}{more}",
            wanted.join(" or "),
            shown.join(", ")
        ),
    })
}
