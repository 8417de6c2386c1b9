//! When a line was written: every stamp of a log turned into UTC.
//!
//! Responsible for: zones, the years that RFC 3164 leaves out, and what had to be assumed.
//! Must not know: files (`input` gives the reference points), or the wall clock (`options`
//! gives "now").
//! Tested by: the unit tests below, `fwstat/tests/cli/clocks.rs`.
//!
//! A stamp without a year is resolved against a reference, a line close by whose year is known
//! (see `input::years`). References belong to places of the file: which year a line gets does not
//! depend on how the file was cut into chunks.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use logparse::{Civil, Envelope, Time, TimeOfDay, Zone};

pub use super::dates::NANOS;
use super::dates::{DAY, civil_from_days, exists, year_of};
pub use super::rfc3339::rfc3339;

/// A moment: UTC, and the offset of the report's zone at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct When {
    /// Nanoseconds since 1970 in UTC.
    pub utc: i64,
    /// Seconds to add for the local time of the report's zone.
    pub offset: i32,
}

impl When {
    /// Seconds since 1970 of the local clock, as if it were UTC.
    #[must_use]
    pub fn local_seconds(self) -> i64 {
        self.utc.div_euclid(NANOS) + i64::from(self.offset)
    }
}

/// The zone, and counters of what had to be assumed. Shared by all threads.
#[derive(Debug)]
pub struct Clock {
    /// The zone of stamps without one, and of the report.
    pub zone: TimeZone,
    /// When the machine was started (nanoseconds, UTC), for stamps that count from there.
    pub boot: Option<i64>,
    /// What was assumed so far.
    pub assumed: Assumed,
}

/// How many lines needed which assumption.
#[derive(Debug, Default)]
pub struct Assumed {
    /// Stamps without a year.
    pub year: AtomicU64,
    /// Stamps without a year that are far from what was known about their year.
    pub far: AtomicU64,
    /// Stamps without a zone.
    pub zone: AtomicU64,
    /// Stamps in an hour that the clocks repeat: taken as the first of the two.
    pub repeated_hour: AtomicU64,
    /// Stamps in an hour that the clocks leave out: moved forward.
    pub skipped_hour: AtomicU64,
    /// Lines whose only stamp counts from a start of the machine that is not known.
    pub relative: AtomicU64,
    /// Stamps with a zone by a name that is not known: taken as the report's.
    pub unknown_zone: AtomicU64,
    /// Lines whose stamp is not understood, so that they have no time.
    pub unread: AtomicU64,
}

impl Clock {
    /// A clock for a zone.
    #[must_use]
    pub fn new(zone: TimeZone, boot: Option<i64>) -> Clock {
        Clock { zone, boot, assumed: Assumed::default() }
    }

    /// Forgets what was assumed.
    pub fn begin_anew(&self) {
        let Assumed { year, far, zone, repeated_hour, skipped_hour, relative, unknown_zone, unread } =
            &self.assumed;
        for sum in [year, far, zone, repeated_hour, skipped_hour, relative, unknown_zone, unread] {
            sum.store(0, Ordering::Relaxed);
        }
    }

    /// The offset of the report's zone at a moment.
    #[must_use]
    pub fn offset_at(&self, utc: i64) -> i32 {
        let timestamp = jiff::Timestamp::from_second(utc.div_euclid(NANOS)).unwrap_or_default();
        self.zone.to_offset(timestamp).seconds()
    }

    /// The moment at which the local clock shows these seconds.
    #[must_use]
    pub fn at_local(&self, seconds: i64) -> When {
        let offset = Resolver::new(self).local_offset(seconds);
        When { utc: (seconds - i64::from(offset)).saturating_mul(NANOS), offset }
    }

    /// A moment in the report's zone.
    #[must_use]
    pub fn at(&self, utc: i64) -> When {
        When { utc, offset: self.offset_at(utc) }
    }
}

/// What is known about a stamp without a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YearHint {
    /// Local seconds of a line close by: the stamp is the one next to it.
    pub near: i64,
    /// Whether that is taken from some of the lines only.
    pub sampled: bool,
}

impl YearHint {
    /// The hint of which follows the latest year in which a stamp is not behind these local seconds.
    #[must_use]
    pub fn not_behind(limit: i64) -> YearHint {
        YearHint { near: limit - 365 * DAY / 2, sampled: false }
    }

    /// The year for a stamp.
    #[must_use]
    pub fn year(&self, civil: &Civil) -> u16 {
        let guess = year_of(self.near);
        [guess, guess.saturating_sub(1), guess.saturating_add(1)]
            .into_iter()
            .filter(|year| exists(i64::from(*year), civil.month, civil.day))
            .min_by_key(|year| (civil.seconds_as_utc(*year) - self.near).abs())
            .unwrap_or(guess)
    }

    /// Whether a stamp at these local seconds is not where a line close by should be.
    fn is_far(&self, local: i64) -> bool {
        // A step back by a week among lines that were not looked at is farther than this.
        self.sampled && (local - self.near).abs() > 5 * DAY / 2
    }
}

/// Turns stamps into moments; one per thread, with what it found last at hand.
#[derive(Debug)]
pub struct Resolver<'c> {
    clock: &'c Clock,
    /// The local minute looked up last, and its offset.
    minute: i64,
    minute_offset: i32,
    minute_kind: Kind,
    /// The UTC quarter of an hour looked up last, and its offset.
    quarter: i64,
    quarter_offset: i32,
    /// The hour of the stamp resolved last.
    latest: Option<Latest>,
    /// What had to be assumed, until the clock is told.
    assumed: Tally,
}

/// An hour that was resolved: the stamps of a log come by the hundred an hour.
#[derive(Clone, Copy, Debug)]
struct Latest {
    /// The hour's first second.
    civil: Civil,
    hint: Option<YearHint>,
    when: When,
    assumed: Tally,
}

impl Latest {
    /// Whether a stamp lies in this hour.
    #[inline]
    fn has(&self, date: &Civil, time: TimeOfDay, hint: Option<YearHint>) -> bool {
        let own = &self.civil;
        own.hour == time.hour
            && (own.day, own.month, own.year, own.zone) == (date.day, date.month, date.year, date.zone)
            && self.hint == hint
    }
}

/// [`Assumed`] of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    year: u64,
    far: u64,
    zone: u64,
    repeated_hour: u64,
    skipped_hour: u64,
    relative: u64,
    unknown_zone: u64,
    unread: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.year += other.year;
        self.far += other.far;
        self.zone += other.zone;
        self.repeated_hour += other.repeated_hour;
        self.skipped_hour += other.skipped_hour;
        self.relative += other.relative;
        self.unknown_zone += other.unknown_zone;
        self.unread += other.unread;
    }
}

impl Drop for Resolver<'_> {
    fn drop(&mut self) {
        let (all, own) = (&self.clock.assumed, self.assumed);
        for (sum, lines) in [
            (&all.year, own.year),
            (&all.far, own.far),
            (&all.zone, own.zone),
            (&all.repeated_hour, own.repeated_hour),
            (&all.skipped_hour, own.skipped_hour),
            (&all.relative, own.relative),
            (&all.unknown_zone, own.unknown_zone),
            (&all.unread, own.unread),
        ] {
            sum.fetch_add(lines, Ordering::Relaxed);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Repeated,
    Skipped,
}

impl<'c> Resolver<'c> {
    /// A resolver with an empty memory.
    #[must_use]
    pub fn new(clock: &'c Clock) -> Resolver<'c> {
        Resolver {
            clock,
            minute: i64::MIN,
            minute_offset: 0,
            minute_kind: Kind::Plain,
            quarter: i64::MIN,
            quarter_offset: 0,
            latest: None,
            assumed: Tally::default(),
        }
    }

    /// When the line with this envelope was written; `None` if its stamps do not say.
    pub fn resolve(&mut self, envelope: &Envelope<'_>, hint: Option<YearHint>) -> Option<When> {
        if let Some(micros) = envelope.realtime_us {
            return Some(self.utc(i64::try_from(micros).ok()?.checked_mul(1_000)?));
        }
        if let Some(stamp) = &envelope.stamp {
            match stamp.time {
                Time::Unix { seconds, nanos } => {
                    return Some(self.utc(seconds.checked_mul(NANOS)?.checked_add(i64::from(nanos))?));
                }
                Time::Civil(civil) => {
                    // A wrapper's stamp, which has a year, tells that of the stamp inside.
                    let outer = || {
                        let near = envelope.outer_stamp.and_then(about)?.div_euclid(NANOS);
                        Some(YearHint::not_behind(near + 2 * DAY))
                    };
                    let when = self.civil(&civil, hint.or_else(outer));
                    self.assumed.unread += u64::from(when.is_none());
                    return when;
                }
                _ => {}
            }
        }
        if let Some(unix) = envelope.unix.and_then(decimal) {
            return Some(self.utc(unix));
        }
        if let Some(utc) = envelope.outer_stamp.and_then(rfc3339) {
            return Some(self.utc(utc));
        }
        self.assumed.unread += u64::from(envelope.outer_stamp.is_some());
        let uptime = envelope.uptime?;
        let Some(boot) = self.clock.boot else {
            self.assumed.relative += 1;
            return None;
        };
        let since =
            i64::try_from(uptime.seconds).ok()?.checked_mul(NANOS)? + i64::from(uptime.micros) * 1_000;
        Some(self.utc(boot.checked_add(since)?))
    }

    /// A moment whose UTC is known.
    fn utc(&mut self, utc: i64) -> When {
        let quarter = utc.div_euclid(900 * NANOS);
        if quarter != self.quarter {
            self.quarter = quarter;
            self.quarter_offset = self.clock.offset_at(utc);
        }
        When { utc, offset: self.quarter_offset }
    }

    /// The moment of a date and time of day; the same as [`Resolver::resolve`] of an envelope
    /// that has this stamp and no other.
    pub fn civil(&mut self, civil: &Civil, hint: Option<YearHint>) -> Option<When> {
        self.at(civil, civil.time_of_day(), hint)
    }

    /// The same for a date and the time of day to be set in it.
    ///
    /// Asked for every line: nothing is copied that is only compared.
    #[inline(always)]
    pub fn at(&mut self, date: &Civil, time: TimeOfDay, hint: Option<YearHint>) -> Option<When> {
        let latest = match &self.latest {
            Some(latest) if latest.has(date, time, hint) => latest,
            _ => {
                let civil = date.at(time);
                self.latest = self.hour(Civil { minute: 0, second: 0, nanos: 0, ..civil }, hint);
                match &self.latest {
                    Some(latest) => latest,
                    None => return self.exact(&civil, hint),
                }
            }
        };
        self.assumed.add(latest.assumed);
        let seconds = i64::from(time.minute) * 60 + i64::from(time.second);
        let utc = latest.when.utc.checked_add(seconds * NANOS + i64::from(time.nanos))?;
        Some(When { utc, offset: latest.when.offset })
    }

    /// An hour, if everything in it is resolved alike: no clock is changed in it.
    fn hour(&mut self, civil: Civil, hint: Option<YearHint>) -> Option<Latest> {
        let before = std::mem::take(&mut self.assumed);
        let first = self.exact(&civil, hint);
        let assumed = std::mem::take(&mut self.assumed);
        let last = self.exact(&Civil { minute: 59, second: 59, ..civil }, hint);
        let same = std::mem::replace(&mut self.assumed, before) == assumed;
        let (first, last) = (first?, last?);
        let whole = first.utc.checked_add(3_599 * NANOS) == Some(last.utc) && first.offset == last.offset;
        (same && whole).then_some(Latest { civil, hint, when: first, assumed })
    }

    /// The moment of a stamp, without memory.
    fn exact(&mut self, civil: &Civil, hint: Option<YearHint>) -> Option<When> {
        let year = match civil.year {
            Some(year) => year,
            None => {
                let Some(hint) = hint else {
                    self.assumed.far += 1;
                    return None;
                };
                let year = hint.year(civil);
                self.assumed.year += 1;
                self.assumed.far += u64::from(hint.is_far(civil.seconds_as_utc(year)));
                year
            }
        };
        if !exists(i64::from(year), civil.month, civil.day) {
            return None;
        }
        let local = civil.seconds_as_utc(year);
        let to_utc =
            |offset: i32| (local - i64::from(offset)).checked_mul(NANOS)?.checked_add(i64::from(civil.nanos));
        match civil.zone {
            Zone::Offset(offset) => Some(self.utc(to_utc(offset)?)),
            Zone::Name(name) if abbreviation(&name).is_some() => {
                let offset = self.named(&name, local)?;
                Some(self.utc(to_utc(offset)?))
            }
            _ => {
                let offset = self.local_offset(local);
                self.assumed.zone += 1;
                match self.minute_kind {
                    Kind::Plain => {}
                    Kind::Repeated => self.assumed.repeated_hour += 1,
                    Kind::Skipped => self.assumed.skipped_hour += 1,
                }
                Some(self.utc(to_utc(offset)?))
            }
        }
    }

    /// The offset of the zone at a local time: of an hour that is there twice, the first.
    fn local_offset(&mut self, local: i64) -> i32 {
        let minute = local.div_euclid(60);
        if minute == self.minute {
            return self.minute_offset;
        }
        self.minute = minute;
        (self.minute_offset, self.minute_kind) = offset_and_kind(&self.clock.zone, local);
        self.minute_offset
    }

    /// The offset behind a zone's abbreviation; the local one if nobody knows it.
    fn named(&mut self, name: &[u8; 6], local: i64) -> Option<i32> {
        let (name, _) = abbreviation(name)?;
        offset_of(name, local, &self.clock.zone).or_else(|| {
            self.assumed.unknown_zone += 1;
            Some(self.local_offset(local))
        })
    }
}

/// The offset of a zone at a local time, as the stamps of a log get it: of an hour that is there
/// twice the first, in one that is not there the offset before.
#[must_use]
pub fn local_offset(zone: &TimeZone, local: i64) -> i32 {
    offset_and_kind(zone, local).0
}

fn offset_and_kind(zone: &TimeZone, local: i64) -> (i32, Kind) {
    match ambiguous(zone, local) {
        Some(AmbiguousOffset::Unambiguous { offset }) => (offset.seconds(), Kind::Plain),
        Some(AmbiguousOffset::Fold { before, .. }) => (before.seconds(), Kind::Repeated),
        Some(AmbiguousOffset::Gap { before, .. }) => (before.seconds(), Kind::Skipped),
        None => (0, Kind::Plain),
    }
}

/// The offset behind a zone's abbreviation: the report's zone is asked first, since `CST` is
/// said in Chicago and in Shanghai. `None` if neither it nor the world knows the letters.
#[must_use]
pub fn offset_of(name: &str, local: i64, zone: &TimeZone) -> Option<i32> {
    let mut letters = [0; 6];
    letters.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    let (name, known) = abbreviation(&letters)?;
    let says = |offset: jiff::tz::Offset| {
        let timestamp = jiff::Timestamp::from_second(local - i64::from(offset.seconds())).ok()?;
        (zone.to_offset_info(timestamp).abbreviation() == name).then_some(offset.seconds())
    };
    let own = match ambiguous(zone, local)? {
        AmbiguousOffset::Unambiguous { offset } => says(offset),
        AmbiguousOffset::Fold { before, after } | AmbiguousOffset::Gap { before, after } => {
            says(before).or_else(|| says(after))
        }
    };
    own.or(known)
}

/// What a zone says about a local time.
fn ambiguous(zone: &TimeZone, local: i64) -> Option<AmbiguousOffset> {
    let (year, month, day) = civil_from_days(local.div_euclid(DAY));
    let of_day = local.rem_euclid(DAY);
    let time = DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
        (of_day / 3_600) as i8,
        (of_day / 60 % 60) as i8,
        (of_day % 60) as i8,
        0,
    );
    Some(zone.to_ambiguous_zoned(time.ok()?).offset())
}

/// The letters of an abbreviation, and its offset if it has one everywhere.
fn abbreviation(name: &[u8; 6]) -> Option<(&str, Option<i32>)> {
    let len = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    let name = std::str::from_utf8(&name[..len]).ok()?;
    let hours = match name {
        "" => return None,
        "UTC" | "GMT" | "WET" | "Z" => 0,
        "CET" | "WEST" | "BST" => 1,
        "CEST" | "EET" | "SAST" => 2,
        "EEST" | "MSK" => 3,
        "EST" => -5,
        "EDT" => -4,
        "CST" => -6,
        "CDT" => -5,
        "MST" => -7,
        "MDT" => -6,
        "PST" => -8,
        "PDT" => -7,
        "JST" | "KST" => 9,
        "AEST" => 10,
        "AEDT" => 11,
        _ => return Some((name, None)),
    };
    Some((name, Some(hours * 3_600)))
}

/// `1719720373.123` in nanoseconds.
fn decimal(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut nanos = 0;
    for i in 0..9 {
        nanos = nanos * 10 + i64::from(fraction.as_bytes().get(i).map_or(0, |b| b.wrapping_sub(b'0')));
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    seconds.parse::<i64>().ok()?.checked_mul(NANOS)?.checked_add(nanos)
}

/// An RFC 3339 stamp that may have no zone, to the day.
fn about(text: &[u8]) -> Option<i64> {
    rfc3339(text).or_else(|| rfc3339(&[text.get(..10)?, b"T12:00:00Z"].concat()))
}

/// A moment as RFC 3339 in UTC, with as many digits of the second as it needs.
///
/// ```
/// use fwlog::time::clock::utc_text;
/// assert_eq!(utc_text(1_719_720_373 * 1_000_000_000), "2024-06-30T04:06:13Z");
/// assert_eq!(utc_text(1_719_720_373_120_000_000), "2024-06-30T04:06:13.120Z");
/// ```
#[must_use]
pub fn utc_text(utc: i64) -> String {
    let mut out = String::with_capacity(24);
    write_civil(&mut out, utc.div_euclid(NANOS), 'T');
    write_fraction(&mut out, utc.rem_euclid(NANOS));
    out.push('Z');
    out
}

/// A moment as RFC 3339 with the offset of its zone, to the second.
#[must_use]
pub fn offset_text(when: When) -> String {
    let mut out = String::with_capacity(25);
    write_civil(&mut out, when.local_seconds(), 'T');
    if when.offset == 0 {
        out.push('Z');
        return out;
    }
    let minutes = when.offset.abs() / 60;
    let sign = if when.offset < 0 { '-' } else { '+' };
    out.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
    out
}

/// Local seconds as `2024-06-30 06:06:13`.
#[must_use]
pub fn local_text(seconds: i64) -> String {
    let mut out = String::with_capacity(19);
    write_civil(&mut out, seconds, ' ');
    out
}

/// A number of days since 1970 as `2024-06-30`.
#[must_use]
pub fn day_text(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    format!("{year:04}-{month:02}-{day:02}")
}

fn write_civil(out: &mut String, seconds: i64, between: char) {
    use std::fmt::Write as _;
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}");
}

fn write_fraction(out: &mut String, nanos: i64) {
    use std::fmt::Write as _;
    let _ = match nanos {
        0 => Ok(()),
        n if n % 1_000_000 == 0 => write!(out, ".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => write!(out, ".{:06}", n / 1_000),
        n => write!(out, ".{n:09}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use logparse::days_from_civil;

    fn civil(month: u8, day: u8, hour: u8) -> Civil {
        Civil { year: None, month, day, hour, minute: 0, second: 0, nanos: 0, zone: Zone::Local }
    }

    fn at(year: u16, month: u8, day: u8) -> i64 {
        days_from_civil(i64::from(year), month, day) * DAY
    }

    #[test]
    fn the_year_turns_with_the_reference() {
        let hint = YearHint { near: at(2025, 12, 31), sampled: false };
        assert_eq!(hint.year(&civil(12, 31, 23)), 2025);
        assert_eq!(hint.year(&civil(1, 1, 0)), 2026);
        let hint = YearHint { near: at(2026, 1, 1), sampled: false };
        assert_eq!(hint.year(&civil(12, 31, 23)), 2025);
        assert_eq!(hint.year(&civil(1, 2, 0)), 2026);
    }

    #[test]
    fn the_last_year_that_is_over() {
        let hint = YearHint::not_behind(at(2026, 6, 5));
        assert_eq!(hint.year(&civil(6, 4, 0)), 2026);
        assert_eq!(hint.year(&civil(6, 6, 0)), 2025);
        assert_eq!(hint.year(&civil(1, 1, 0)), 2026);
        assert_eq!(hint.year(&civil(12, 31, 0)), 2025);
    }

    #[test]
    fn the_29th_of_february_needs_a_leap_year() {
        let hint = YearHint { near: at(2025, 1, 1), sampled: false };
        assert_eq!(hint.year(&civil(2, 29, 12)), 2024);
    }

    fn resolve(zone: &str, civil: Civil) -> Option<When> {
        let clock = Clock::new(TimeZone::get(zone).unwrap(), None);
        Resolver::new(&clock).civil(&civil, None)
    }

    #[test]
    fn zones_apply_and_repeated_hours_are_the_first() {
        let mut stamp = Civil { year: Some(2024), ..civil(6, 30, 6) };
        assert_eq!(utc_text(resolve("Europe/Berlin", stamp).unwrap().utc), "2024-06-30T04:00:00Z");
        // 02:00 to 03:00 on October 27 is there twice in Berlin; on March 31 it is not there.
        stamp = Civil { year: Some(2024), minute: 30, ..civil(10, 27, 2) };
        assert_eq!(utc_text(resolve("Europe/Berlin", stamp).unwrap().utc), "2024-10-27T00:30:00Z");
        stamp = Civil { year: Some(2024), minute: 30, ..civil(3, 31, 2) };
        assert_eq!(utc_text(resolve("Europe/Berlin", stamp).unwrap().utc), "2024-03-31T01:30:00Z");
        // An abbreviation says which of the two it is.
        stamp = Civil { zone: Zone::Name(*b"CET\0\0\0"), minute: 30, year: Some(2024), ..civil(10, 27, 2) };
        assert_eq!(utc_text(resolve("Europe/Berlin", stamp).unwrap().utc), "2024-10-27T01:30:00Z");
    }

    #[test]
    fn fractions_keep_their_digits() {
        assert_eq!(decimal(b"1719720373.123"), Some(1_719_720_373_123_000_000));
        assert_eq!(decimal(b"1719720373"), Some(1_719_720_373_000_000_000));
        assert_eq!(decimal(b"17x"), None);
    }
}
