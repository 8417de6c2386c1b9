//! The stamps of a line, as written.
//!
//! Responsible for: reading a stamp's text into numbers, and turning numbers into seconds.
//! Must not know: today's date, the host's zone, or any other clock. What a stamp leaves out
//! (the year, the zone) is given by the caller or stays open.
//! Tested by: the unit tests below, `testdata/lines/derived-envelopes.toml`.

/// A stamp of a log line: its text, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// The text as it stood in the line.
    pub text: &'a [u8],
    /// What the text says.
    pub time: Time,
}

/// What a stamp says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Time {
    /// A date and a time of day.
    Civil(Civil),
    /// Seconds since 1970 in UTC (`journalctl -o short-unix`), with nanoseconds.
    Unix {
        /// Whole seconds.
        seconds: i64,
        /// The fraction.
        nanos: u32,
    },
}

/// A date and a time of day, as far as the stamp gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year, which RFC 3164 stamps do not have.
    pub year: Option<u16>,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31; checked against the longest form of the month only.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60 (a leap second may be written).
    pub second: u8,
    /// The fraction of the second.
    pub nanos: u32,
    /// The zone.
    pub zone: Zone,
}

/// The zone of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Zone {
    /// None was written: the local time of whoever wrote the line.
    Local,
    /// An offset from UTC in seconds, east positive; `Z` is 0.
    Offset(i32),
    /// A name such as `CEST` (`journalctl -o short-full`): the letters, padded with zeros.
    Name([u8; 6]),
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
    /// The fraction of the second.
    pub nanos: u32,
}

impl Civil {
    /// This date at a time of day.
    ///
    /// ```
    /// use logparse::{Civil, TimeOfDay, Zone};
    /// let midnight = Civil { year: None, month: 6, day: 30, hour: 0, minute: 0, second: 0, nanos: 0, zone: Zone::Local };
    /// let noon = midnight.at(TimeOfDay { hour: 12, minute: 0, second: 0, nanos: 0 });
    /// assert_eq!((noon.day, noon.hour), (30, 12));
    /// assert_eq!(noon.time_of_day().hour, 12);
    /// ```
    #[must_use]
    pub fn at(&self, time: TimeOfDay) -> Civil {
        let TimeOfDay { hour, minute, second, nanos } = time;
        Civil { hour, minute, second, nanos, ..*self }
    }

    /// The time of day alone.
    #[must_use]
    #[inline]
    pub fn time_of_day(&self) -> TimeOfDay {
        TimeOfDay { hour: self.hour, minute: self.minute, second: self.second, nanos: self.nanos }
    }

    /// Seconds since 1970 if this were UTC, in the given year (`year` of the stamp wins).
    ///
    /// The zone is not looked at. Proleptic Gregorian; a leap second counts as the second
    /// after it.
    #[must_use]
    pub fn seconds_as_utc(&self, year: u16) -> i64 {
        let year = self.year.unwrap_or(year);
        days_from_civil(i64::from(year), self.month, self.day) * 86_400
            + i64::from(self.hour) * 3_600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }
}

/// Days since 1970-01-01 (Howard Hinnant's algorithm, proleptic Gregorian calendar).
#[must_use]
pub fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The kernel's own stamp: time since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Uptime {
    /// Whole seconds.
    pub seconds: u64,
    /// Microseconds, below 1,000,000.
    pub micros: u32,
}

impl core::fmt::Display for Uptime {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}.{:06}", self.seconds, self.micros)
    }
}

/// The number of an English month name of three letters, 1 to 12.
#[must_use]
#[inline]
pub fn month_number(name: [u8; 3]) -> Option<u8> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(days_from_civil(2024, 6, 30), 19_904);
        assert_eq!(days_from_civil(1969, 12, 31), -1);
    }
}
