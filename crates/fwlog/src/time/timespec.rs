//! Moments as people write them.
//!
//! Responsible for: everything `--since`, `--until`, `--now` and `--boot-time` accept: what
//! `journalctl` accepts, RFC 3339, and a stamp copied from a log.
//! Must not know: the wall clock; "now" is an argument.
//! Tested by: the unit tests below.

use jiff::tz::TimeZone;
use logparse::days_from_civil;

use crate::time::clock::{self, Clock, NANOS, Resolver, YearHint};
use crate::time::dates::{civil_from_days, exists, year_of};

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
            "`{text}` is no time: 2026-06-30 06:06:13, 06:06, today, yesterday 23:00, monday, 2h, `3 days ago`, \
             @1782799573, 2026-06-30T06:06:13+02:00, or a stamp of the log such as `Jun 30 06:06:13`"
        )
    })
}

fn read(text: &str, now: i64, zone: &TimeZone) -> Option<Moment> {
    let exact = |utc: i64| Some(Moment { utc, exact: true });
    if text == "now" {
        return exact(now);
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
    let timestamp = jiff::Timestamp::from_second(now.div_euclid(NANOS)).ok()?;
    let local_now = timestamp.as_second() + i64::from(zone.to_offset(timestamp).seconds());
    civil(text, local_now, zone).or_else(|| stamp(text, local_now, zone))
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

/// Days of the week, from Monday on, as `date +%a` begins them.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Months, as stamps begin them.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The place of a name in a list, in full or by its first three letters.
fn named(list: &[&str], word: &str) -> Option<usize> {
    let word = word.to_ascii_lowercase();
    list.iter().position(|name| *name == word || name[..3] == word)
}

/// `[WEEKDAY] [DATE] [TIME] [ZONE]`, with nothing left over.
fn civil(text: &str, local_now: i64, zone: &TimeZone) -> Option<Moment> {
    // A `T` between date and time is as good as a blank.
    let joined = text.as_bytes().get(10) == Some(&b'T') && ymd(text.get(..10)?).is_some();
    let spaced = if joined { text.replacen('T', " ", 1) } else { text.to_owned() };
    let mut words = spaced.split_whitespace().peekable();
    let today = local_now.div_euclid(86_400);
    let weekday = words.peek().and_then(|word| named(&WEEKDAYS, word));
    if weekday.is_some() {
        words.next();
    }
    // 1970-01-01 was a Thursday.
    let weekday_of = |days: i64| (days + 3).rem_euclid(7) as usize;
    let mut yearless = false;
    let days = match words.peek().copied() {
        Some("today") => Some(today),
        Some("yesterday") => Some(today - 1),
        Some("tomorrow") => Some(today + 1),
        Some(word) => match (ymd(word), named(&MONTHS, word)) {
            (Some(days), _) => Some(days),
            (None, Some(month)) => {
                words.next();
                let day = words.peek()?.parse().ok().filter(|day| (1..=31).contains(day))?;
                yearless = true;
                Some(date(i64::from(year_of(local_now)), month as u8 + 1, day)?)
            }
            (None, None) => None,
        },
        None => None,
    };
    if days.is_some() {
        words.next();
    }
    let time = words.next();
    let (time, offset) = match time {
        Some(time) => {
            let end = time.find(['Z', '+', '-']).unwrap_or(time.len());
            (Some(clock_time(&time[..end])?), Some(&time[end..]).filter(|rest| !rest.is_empty()))
        }
        None => (None, None),
    };
    let offset = offset.or_else(|| words.next());
    if words.next().is_some() || (days, weekday, time) == (None, None, None) {
        return None;
    }
    let mut days = match (days, weekday) {
        (Some(days), Some(weekday)) if weekday_of(days) != weekday && !yearless => return None,
        (Some(days), _) => days,
        // The last one there was.
        (None, Some(weekday)) => (0..7).map(|back| today - back).find(|days| weekday_of(*days) == weekday)?,
        (None, None) => today,
    };
    let (of_day, fraction) = time.unwrap_or((0, ""));
    if yearless && days * 86_400 + of_day > local_now + 86_400 {
        let (year, month, day) = civil_from_days(days);
        days = date(year - 1, month, day)?;
    }
    let seconds = days * 86_400 + of_day;
    let offset = match offset {
        None => i64::from(clock::local_offset(zone, seconds)),
        Some(offset) => self::offset(offset, seconds, zone)?,
    };
    let utc = seconds.checked_sub(offset)?.checked_mul(NANOS)?.checked_add(nanos(fraction)?)?;
    Some(Moment { utc, exact: !fraction.is_empty() })
}

/// `2026-06-30` in days since 1970.
fn ymd(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year: i64 = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    if parts.next().is_some() { None } else { date(year, month, day) }
}

/// A day that there is: not February 30.
fn date(year: i64, month: u8, day: u8) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    exists(year, month, day).then(|| days_from_civil(year, month, day))
}

/// `06:06`, `06:06:13`, `06:06:13.5`: seconds, and the digits of the fraction.
fn clock_time(text: &str) -> Option<(i64, &str)> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let mut part = |limit: i64| {
        let text = parts.next().filter(|text| (1..=2).contains(&text.len()))?;
        text.parse::<i64>().ok().filter(|n| *n < limit)
    };
    let (hour, minute) = (part(24)?, part(60)?);
    let second = if whole.matches(':').count() > 1 { part(61)? } else { 0 };
    parts.next().is_none().then_some((hour * 3_600 + minute * 60 + second, fraction))
}

/// `UTC`, `Z`, `+02:00`, `+0200`, `CEST`, `Europe/Berlin`: seconds east.
fn offset(text: &str, local: i64, zone: &TimeZone) -> Option<i64> {
    if let Some(digits) = text.strip_prefix(['+', '-']) {
        let (hours, minutes) = match digits.len() {
            2 => (digits, "0"),
            4 => digits.split_at_checked(2)?,
            5 => digits.split_once(':')?,
            _ => return None,
        };
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        let seconds = hours * 3_600 + minutes * 60;
        return (hours < 24 && minutes < 60).then_some(if text.starts_with('-') {
            -seconds
        } else {
            seconds
        });
    }
    if text == "Z" || text.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let own = clock::offset_of(text, local, zone);
    let named = || Some(clock::local_offset(&TimeZone::get(text).ok()?, local));
    own.or_else(named).map(i64::from)
}

/// A stamp copied from a log, in whatever form: the parser reads it, at the head of a line that
/// is made for it.
fn stamp(text: &str, local_now: i64, zone: &TimeZone) -> Option<Moment> {
    const PACKET: &str =
        "kernel: IN= OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=20 TOS=0x00 PREC=0x00 TTL=1 ID=0 PROTO=2 ";
    const HOST: &str = "-host-";
    for line in [
        format!("{text} {HOST} {PACKET}"),
        format!("{text} kern.warn {PACKET}"),
        format!("{text} {}", &PACKET[8..]),
        format!("[{text}] {}", &PACKET[8..]),
    ] {
        let Ok(entry) = logparse::parse(line.as_bytes()) else { continue };
        let envelope = &entry.envelope;
        let Some(stamp) = envelope.stamp else { continue };
        let host = envelope.host.is_none_or(|host| host == HOST.as_bytes());
        // What looks like the name of a zone and is none may be anything, a host for one.
        let name = text.rsplit(' ').next().unwrap_or_default();
        let is_name = (3..=5).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase());
        let no_zone = is_name && offset(name, local_now, zone).is_none();
        // All of it is the stamp, and not a word before it or after.
        let priority = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let bare = priority.map_or(text, |(_, rest)| rest);
        let whole = stamp.text == bare.as_bytes() || stamp.text == bare.trim_matches(['[', ']']).as_bytes();
        if !whole || !entry.packet.prefix.is_empty() || !host || no_zone || entry.error.is_some() {
            continue;
        }
        let hint = YearHint::not_behind(local_now + 86_400);
        let clock = Clock::new(zone.clone(), None);
        let when = Resolver::new(&clock).resolve(envelope, Some(hint))?;
        let exact = stamp.text.iter().any(|b| matches!(b, b'.' | b','));
        return Some(Moment { utc: when.utc, exact });
    }
    None
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
    use crate::time::clock::utc_text;

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
        assert_eq!(at("yesterday 23:00"), "2026-06-29T21:00:00Z");
        assert_eq!(at("Jun 30"), "2026-06-29T22:00:00Z");
        assert_eq!(at("Jul 14 06:06"), "2025-07-14T04:06:00Z");
    }

    #[test]
    fn weekdays_are_the_last_ones_and_must_fit_their_date() {
        // 2026-06-30 is a Tuesday.
        assert_eq!(at("tuesday"), "2026-06-29T22:00:00Z");
        assert_eq!(at("Mon"), "2026-06-28T22:00:00Z");
        assert_eq!(at("wed 12:00"), "2026-06-24T10:00:00Z");
        assert_eq!(at("Tue 2026-06-30 06:06:13"), "2026-06-30T04:06:13Z");
        assert!(at("Mon 2026-06-30 06:06:13").contains("is no time"));
    }

    #[test]
    fn a_zone_behind_the_time_counts() {
        for text in [
            "2026-06-30 06:06:13 +0200",
            "2026-06-30 06:06:13 CEST",
            "2026-06-30 06:06:13+02:00",
            "2026-06-30T06:06:13+02",
            "2026-06-30 04:06:13 UTC",
            "2026-06-30 13:06:13 Asia/Tokyo",
            "2026-06-30 13:06:13 JST",
            "06:06:13 CEST",
        ] {
            assert_eq!(at(text), "2026-06-30T04:06:13Z", "{text}");
        }
        for text in [
            "2026-06-30 06:06:13 gate",
            "2026-06-30 06:06:13 +9",
            "2026-06-30 06:06:13 XST",
            "06:06 +02:00 x",
        ] {
            assert!(at(text).contains("is no time"), "{text}: {}", at(text));
        }
    }

    /// Every stamp that the envelopes have, as it is copied out of a line.
    #[test]
    fn every_stamp_of_a_log() {
        for text in [
            "Jun 30 06:06:13",
            "<4>Jun 30 06:06:13",
            "2026-06-30T06:06:13+0200",
            "2026-06-30T06:06:13+02:00",
            "Tue 2026-06-30 06:06:13 CEST",
            "[Tue Jun 30 06:06:13 2026]",
            "Tue Jun 30 06:06:13 2026",
        ] {
            assert_eq!(at(text), "2026-06-30T04:06:13Z", "{text}");
        }
        for text in [
            "Jun 30 06:06:13.500000",
            "2026-06-30T06:06:13.5+02:00",
            "2026-06-30T06:06:13,500000+02:00",
            "1782792373.500000",
        ] {
            assert_eq!(at(text), "2026-06-30T04:06:13.500Z", "{text}");
        }
    }

    /// A line and an option that name the same hour mean the same hour.
    #[test]
    fn an_hour_that_is_there_twice_is_the_first_and_one_that_is_not_there_is_moved() {
        assert_eq!(at("2024-10-27 02:30"), "2024-10-27T00:30:00Z");
        assert_eq!(at("2024-10-27 02:30 CET"), "2024-10-27T01:30:00Z");
        assert_eq!(at("2024-03-31 02:30"), "2024-03-31T01:30:00Z");
    }

    #[test]
    fn what_is_no_time_says_so() {
        for text in [
            "",
            "soon",
            "2026-02-30",
            "25:00",
            "1 parsec ago",
            "12",
            "2026-06-30 06",
            "@x",
            "1:2:3:4",
            "Feb 30",
            "[ 8486.974964]",
            "-",
            "tue wed",
            "99999999999h",
            "2026-06-30 06:06:13 x y",
            "IN= OUT=",
        ] {
            assert!(at(text).contains("is no time"), "{text}: {}", at(text));
        }
    }
}
