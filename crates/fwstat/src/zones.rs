//! The zone of stamps that do not say theirs.
//!
//! Responsible for: what `--tz`, `TZ` and `/etc/localtime` mean, and what is said when one of them
//! names no zone, or when this machine has no zone data.
//! Must not know: stamps.
//! Tested by: `tests/cli/clocks.rs`.

use std::path::Path;

use anyhow::anyhow;
use jiff::tz::{Offset, TimeZone};

use crate::cli::InputArgs;
use crate::whole_file;

/// The zone that was asked for, and a sentence if another one had to be taken.
///
/// # Errors
/// `--tz` names no zone that is known here.
pub(crate) fn asked(input: &InputArgs) -> anyhow::Result<(TimeZone, Option<String>)> {
    match &input.tz {
        _ if input.utc => Ok((TimeZone::UTC, None)),
        None => Ok(local()),
        Some(name) => match named(name) {
            Some(zone) => Ok((zone, None)),
            None if jiff::tz::db().is_definitively_empty() => Err(anyhow!(
                "--tz: `{name}`: this machine has no zone data; install tzdata, or give the zone as an offset \
                 (+02:00) or with its rules (CET-1CEST,M3.5.0,M10.5.0/3)"
            )),
            None => Err(anyhow!(
                "--tz: no zone is called `{name}`; names are those of tzdata, as Europe/Berlin, and +02:00 is one too"
            )),
        },
    }
}

/// The zone of this machine, as `TZ` or `/etc/localtime` say, and a sentence if they say nothing that
/// is known here.
pub(crate) fn local() -> (TimeZone, Option<String>) {
    match std::env::var_os("TZ") {
        // As the C library has it: set but empty is UTC.
        Some(text) if text.is_empty() => (TimeZone::UTC, None),
        Some(text) => {
            let text = text.to_string_lossy();
            let zone = of_environment(text.strip_prefix(':').unwrap_or(&text));
            let note = zone.is_none().then(|| format!("TZ={text} names no zone: UTC is taken (--tz)"));
            (zone.unwrap_or(TimeZone::UTC), note)
        }
        None => of_machine(),
    }
}

fn of_environment(text: &str) -> Option<TimeZone> {
    if text.starts_with('/') {
        let data = whole_file::read(Path::new(text), whole_file::SETTINGS).ok()?;
        return TimeZone::tzif(text, &data).ok();
    }
    named(text)
}

/// The zone of `/etc/localtime`, straight from its file: asking for it by name reads all folders of
/// the zone database first, which takes longer than a small log.
fn of_machine() -> (TimeZone, Option<String>) {
    const FILE: &str = "/etc/localtime";
    let target = std::fs::read_link(FILE).ok();
    let name = target.as_deref().and_then(Path::to_str).and_then(|path| path.split_once("/zoneinfo/"));
    match std::fs::read(FILE) {
        Ok(data) => match TimeZone::tzif(name.map_or("Local", |(_, name)| name), &data) {
            // A copy of a zone's file does not say its name; jiff finds it.
            Ok(zone) if name.is_some() => (zone, None),
            Ok(_) => (TimeZone::system(), None),
            Err(_) => (TimeZone::UTC, Some(format!("{FILE} is no zone: UTC is taken (--tz)"))),
        },
        // A link into zone data that was removed.
        Err(_) if target.is_some() => {
            let name = name.map_or("its zone", |(_, name)| name);
            (
                TimeZone::UTC,
                Some(format!("{FILE} is {name}, and this machine has no data of it: UTC is taken (--tz)")),
            )
        }
        // As the C library has it.
        Err(_) => (TimeZone::UTC, None),
    }
}

/// A name of tzdata, an offset, or a zone with its rules as POSIX writes them.
fn named(text: &str) -> Option<TimeZone> {
    if text.eq_ignore_ascii_case("utc") {
        return Some(TimeZone::UTC);
    }
    if let Some(offset) = offset(text) {
        return Some(TimeZone::fixed(offset));
    }
    TimeZone::get(text).ok().or_else(|| TimeZone::posix(text).ok())
}

/// `+02:00`, `+0200`, `-3`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let whole = digits.len() == rest.len() || (rest.len() == 5 && rest.as_bytes()[2] == b':');
    if !whole || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse::<i32>().ok()?),
        _ => return None,
    };
    let valid = hours < 24 && minutes < 60;
    valid.then(|| Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_a_zone() {
        let seconds = |text: &str| offset(text).map(Offset::seconds);
        assert_eq!(seconds("+02:00"), Some(7_200));
        assert_eq!(seconds("+0545"), Some(20_700));
        assert_eq!(seconds("-3"), Some(-10_800));
        for text in ["02:00", "+", "+24:00", "+1:2", "+x", "+2:000", "Europe/Berlin"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn rules_are_a_zone_where_there_is_no_data() {
        let zone = named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let summer = jiff::Timestamp::from_second(1_719_720_373).unwrap();
        assert_eq!(zone.to_offset(summer).seconds(), 7_200);
        assert!(named("Mars/Olympus").is_none());
    }
}
