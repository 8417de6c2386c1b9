//! Dates: days since 1970 as year, month and day, and moments whose year is not known.
//!
//! Responsible for: the calendar; everything that counts days asks here. A moment without a year is
//! a place on a scale on which every year has 366 days ([`YEAR`]), so that February 29 has a place
//! whatever the year will be.
//! Must not know: zones, stamps as text.
//! Tested by: the unit tests below.

use logparse::{Civil, days_from_civil};

/// Seconds in a day.
pub const DAY: i64 = 86_400;
/// Nanoseconds in a second.
pub const NANOS: i64 = 1_000_000_000;
/// Seconds in a year of the scale, which has a February 29.
pub const YEAR: i64 = 366 * DAY;

/// The date of a number of days since 1970 (the inverse of `days_from_civil`).
#[must_use]
pub fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * month + 2) / 5 + 1) as u8;
    let month = if month < 10 { month + 3 } else { month - 9 } as u8;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The year of local seconds.
#[must_use]
pub fn year_of(seconds: i64) -> u16 {
    let (year, _, _) = civil_from_days(seconds.div_euclid(DAY));
    u16::try_from(year).unwrap_or(1970)
}

/// Whether a year has this day.
#[must_use]
pub fn exists(year: i64, month: u8, day: u8) -> bool {
    let (_, m, d) = civil_from_days(days_from_civil(year, month, day));
    (m, d) == (month, day)
}

/// The first second of 2000, which has a February 29.
fn year_2000() -> i64 {
    days_from_civil(2000, 1, 1) * DAY
}

/// Where in its year a date and time of day is: seconds of a year of the scale.
#[must_use]
pub fn place_of(civil: &Civil) -> i64 {
    civil.seconds_as_utc(2000) - year_2000()
}

/// Where in its year a moment is, in local seconds; and the year.
#[must_use]
pub fn place_of_local(local: i64) -> (i64, i64) {
    let (year, month, day) = civil_from_days(local.div_euclid(DAY));
    (year, days_from_civil(2000, month, day) * DAY - year_2000() + local.rem_euclid(DAY))
}

/// The local seconds of a time on the scale whose year 0 is `base`.
#[must_use]
pub fn local_of(time: i64, base: i64) -> i64 {
    let (_, month, day) = civil_from_days((year_2000() + time.rem_euclid(YEAR)).div_euclid(DAY));
    days_from_civil(time.div_euclid(YEAR) + base, month, day) * DAY + time.rem_euclid(DAY)
}

/// Whether a time on the scale is on a February 29.
#[must_use]
pub fn is_leap_day(time: i64) -> bool {
    (59 * DAY..60 * DAY).contains(&time.rem_euclid(YEAR))
}

/// A day of the scale as stamps show it: `Jan 14`.
#[must_use]
pub fn day_of(time: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day) = civil_from_days((year_2000() + time.rem_euclid(YEAR)).div_euclid(DAY));
    format!("{} {day}", MONTHS[usize::from(month) - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in -200_000..200_000 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn the_scale_has_each_day_once() {
        // Two leap years, and what is between them.
        for local in (days_from_civil(2024, 1, 1)..days_from_civil(2029, 1, 1)).map(|day| day * DAY + 4_711) {
            let (year, place) = place_of_local(local);
            assert_eq!(local_of((year - 2024) * YEAR + place, 2024), local);
            assert_eq!(
                is_leap_day(place),
                civil_from_days(local.div_euclid(DAY)).1 == 2 && place / DAY == 59
            );
        }
        assert_eq!(day_of(59 * DAY), "Feb 29");
        assert_eq!(day_of(YEAR + 13 * DAY), "Jan 14");
        assert!(exists(2024, 2, 29) && !exists(2025, 2, 29) && !exists(2100, 2, 29));
    }
}
