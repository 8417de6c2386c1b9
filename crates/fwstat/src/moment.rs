//! Moments as people write them.
//!
//! Responsible for: everything `--since`, `--until`, `--now` and `--boot-time` accept: what
//! `journalctl` accepts, RFC 3339, and a stamp copied from a log.
//! Must not know: the wall clock; "now" is an argument.
//! Tested by: the unit tests below.

use jiff::tz::TimeZone;
use logparse::{Zone, days_from_civil};

use crate::clock::{NANOS, year_of};
use crate::input::years::stamp;

/// The seconds of units of time, in all their spellings.
const UNITS: [(&str, i64); 26] = [
    ("s", 1),
    ("sec", 1),
    ("secs", 1),
    ("second", 1),
    ("seconds", 1),
    ("m", 60),
    ("min", 60),
    ("mins", 60),
    ("minute", 60),
    ("minutes", 60),
    ("h", 3_600),
    ("hr", 3_600),
    ("hour", 3_600),
    ("hours", 3_600),
    ("d", 86_400),
    ("day", 86_400),
    ("days", 86_400),
    ("w", 604_800),
    ("week", 604_800),
    ("weeks", 604_800),
    ("M", 2_629_800),
    ("month", 2_629_800),
    ("months", 2_629_800),
    ("y", 31_557_600),
    ("year", 31_557_600),
    ("years", 31_557_600),
];

/// A moment, and whether the text gave it to less than a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Nanoseconds since 1970 in UTC.
    pub utc: i64,
    /// Whether fractions of a second were written (or implied by "now").
    pub exact: bool,
}

/// Reads a moment. `now` is in nanoseconds of UTC.
///
/// # Errors
/// What is accepted.
pub fn parse(text: &str, now: i64, zone: &TimeZone) -> Result<Moment, String> {
    read(text.trim(), now, zone).ok_or_else(|| {
        format!(
            "`{text}` is no time: 2026-06-30 06:06:13, 06:06, today, yesterday, 2h, `3 days ago`, @1782799573, \
             2026-06-30T06:06:13+02:00, or a stamp of the log such as `Jun 30 06:06:13`"
        )
    })
}

fn read(text: &str, now: i64, zone: &TimeZone) -> Option<Moment> {
    let exact = |utc: i64| Some(Moment { utc, exact: true });
    let local_now = now.div_euclid(NANOS) + offset(zone, now.div_euclid(NANOS));
    let today = local_now.div_euclid(86_400);
    match text {
        "now" => return exact(now),
        "today" => return local(zone, today * 86_400),
        "yesterday" => return local(zone, (today - 1) * 86_400),
        "tomorrow" => return local(zone, (today + 1) * 86_400),
        _ => {}
    }
    if let Some(unix) = text.strip_prefix('@') {
        let (seconds, fraction) = unix.split_once('.').unwrap_or((unix, ""));
        let utc = seconds.parse::<i64>().ok()?.checked_mul(NANOS)?.checked_add(nanos(fraction)?)?;
        return Some(Moment { utc, exact: !fraction.is_empty() });
    }
    let (body, ago) = match text.strip_suffix(" ago") {
        Some(body) => (body, true),
        None => (text, false),
    };
    let (sign, body) = match body.strip_prefix(['+', '-']) {
        Some(rest) if body.starts_with('+') && !ago => (1, rest),
        Some(rest) if body.starts_with('-') && !ago => (-1, rest),
        _ => (-1, body),
    };
    if let Some(span) = span(body) {
        return exact(now.checked_add(span.checked_mul(sign)?)?);
    }
    civil(text, local_now, zone)
}

/// A length of time: `2h`, `1h30min`, `3 days`, in nanoseconds.
#[must_use]
pub fn span(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut sum: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let (number, behind) = rest.split_at(digits);
        let behind = behind.trim_start();
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let seconds = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let whole = whole.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(NANOS)?;
        sum = sum.checked_add(whole)?.checked_add(nanos(fraction)?.checked_mul(seconds)?)?;
        rest = behind.trim_start();
    }
    Some(sum)
}

/// A date, a time of day, or both.
fn civil(text: &str, local_now: i64, zone: &TimeZone) -> Option<Moment> {
    let (text, utc) = match text.strip_suffix(" UTC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let zone = if utc { &TimeZone::UTC } else { zone };
    // A stamp of the log, or RFC 3339.
    if let Some(civil) = stamp(text.as_bytes()) {
        let mut year = civil.year.unwrap_or_else(|| year_of(local_now));
        if civil.year.is_none() && civil.seconds_as_utc(year) > local_now + 86_400 {
            year -= 1;
        }
        let seconds = civil.seconds_as_utc(year);
        let fraction = text
            .split_once(['.', ','])
            .map_or("", |(_, rest)| &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]);
        let moment = match civil.zone {
            Zone::Offset(offset) => {
                Moment { utc: (seconds - i64::from(offset)).checked_mul(NANOS)?, exact: false }
            }
            _ => local(zone, seconds)?,
        };
        return Some(Moment { utc: moment.utc.checked_add(nanos(fraction)?)?, exact: !fraction.is_empty() });
    }
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (Some(date), Some(time)),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    let days = match date {
        None => local_now.div_euclid(86_400),
        Some(date) => {
            let mut parts = date.split('-');
            let year: i64 = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
            let month: u8 = parts.next()?.parse().ok().filter(|month| (1..=12).contains(month))?;
            let day: u8 = parts.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
            let days = days_from_civil(year, month, day);
            // February 30 is no day.
            if parts.next().is_some() || crate::clock::civil_from_days(days) != (year, month, day) {
                return None;
            }
            days
        }
    };
    let mut of_day = 0;
    let mut fraction = "";
    if let Some(time) = time {
        let (whole, part) = time.split_once('.').unwrap_or((time, ""));
        fraction = part;
        let mut parts = whole.split(':');
        let mut part = |limit: i64| {
            parts
                .next()
                .filter(|text| (1..=2).contains(&text.len()))?
                .parse::<i64>()
                .ok()
                .filter(|n| *n < limit)
        };
        let (hour, minute) = (part(24)?, part(60)?);
        let second = if whole.matches(':').count() == 2 { part(61)? } else { 0 };
        if whole.matches(':').count() > 2 {
            return None;
        }
        of_day = hour * 3_600 + minute * 60 + second;
    }
    let moment = local(zone, days * 86_400 + of_day)?;
    Some(Moment { utc: moment.utc.checked_add(nanos(fraction)?)?, exact: !fraction.is_empty() })
}

/// The moment of local seconds.
fn local(zone: &TimeZone, seconds: i64) -> Option<Moment> {
    // Twice, for the offset may be another one on the other side of a change.
    let guess = seconds - offset(zone, seconds);
    let utc = seconds - offset(zone, guess);
    Some(Moment { utc: utc.checked_mul(NANOS)?, exact: false })
}

fn offset(zone: &TimeZone, utc: i64) -> i64 {
    let timestamp = jiff::Timestamp::from_second(utc).unwrap_or_default();
    i64::from(zone.to_offset(timestamp).seconds())
}

/// Digits behind a point, in nanoseconds.
fn nanos(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((0..9).fold(0, |sum, i| sum * 10 + digits.as_bytes().get(i).map_or(0, |b| i64::from(b - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::utc_text;

    fn at(text: &str) -> String {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // 2026-06-30 08:06:13 in Berlin.
        let now = 1_782_799_573 * NANOS;
        parse(text, now, &berlin).map_or_else(|error| error, |moment| utc_text(moment.utc))
    }

    #[test]
    fn everything_journalctl_takes() {
        assert_eq!(at("now"), "2026-06-30T06:06:13Z");
        assert_eq!(at("today"), "2026-06-29T22:00:00Z");
        assert_eq!(at("yesterday"), "2026-06-28T22:00:00Z");
        assert_eq!(at("2026-06-30 06:06:13"), "2026-06-30T04:06:13Z");
        assert_eq!(at("2026-06-30 06:06:13.5"), "2026-06-30T04:06:13.500Z");
        assert_eq!(at("2026-06-30 06:06"), "2026-06-30T04:06:00Z");
        assert_eq!(at("2026-06-30"), "2026-06-29T22:00:00Z");
        assert_eq!(at("2026-01-30"), "2026-01-29T23:00:00Z");
        assert_eq!(at("06:06"), "2026-06-30T04:06:00Z");
        assert_eq!(at("1 hour ago"), "2026-06-30T05:06:13Z");
        assert_eq!(at("1h30min ago"), "2026-06-30T04:36:13Z");
        assert_eq!(at("+1h"), "2026-06-30T07:06:13Z");
        assert_eq!(at("-5s"), "2026-06-30T06:06:08Z");
        assert_eq!(at("@1782799573"), "2026-06-30T06:06:13Z");
        assert_eq!(at("2026-06-30 06:06:13 UTC"), "2026-06-30T06:06:13Z");
    }

    #[test]
    fn and_more() {
        assert_eq!(at("2h"), "2026-06-30T04:06:13Z");
        assert_eq!(at("2026-06-30T06:06:13Z"), "2026-06-30T06:06:13Z");
        assert_eq!(at("2026-06-30T06:06:13+02:00"), "2026-06-30T04:06:13Z");
        assert_eq!(at("2026-06-30T06:06"), "2026-06-30T04:06:00Z");
        assert_eq!(at("Jun 30 06:06:13"), "2026-06-30T04:06:13Z");
        // A stamp of a day that is still to come is last year's.
        assert_eq!(at("Dec 31 23:00:00"), "2025-12-31T22:00:00Z");
    }

    #[test]
    fn what_is_no_time_says_so() {
        for text in
            ["", "soon", "2026-02-30", "25:00", "1 parsec ago", "12", "2026-06-30 06", "@x", "1:2:3:4"]
        {
            assert!(at(text).contains("is no time"), "{text}: {}", at(text));
        }
    }
}
