//! `-m time`: is a moment inside the hours, days and dates of a rule.
//!
//! Responsible for: that one match; all in UTC, as the kernel does without `--kerneltz`.
//! Must not know: packets.
//! Tested by: the unit tests below.

use logparse::days_from_civil;

use crate::values::text::Text;

const DAY: i64 = 86_400;

/// Whether `now` (seconds since 1970, UTC) fits; `None` if an option depends on the host's
/// zone or is not understood. `net/netfilter/xt_time.c`.
pub(crate) fn matches(words: &[Text], now: i64) -> Option<bool> {
    let (mut start, mut stop) = (0, DAY - 1);
    let (mut weekdays, mut monthdays) = (u8::MAX, u32::MAX);
    let (mut from, mut to) = (i64::MIN, i64::MAX);
    let mut contiguous = false;
    let mut not = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next()?.as_str();
        match word.as_str()? {
            "!" => {
                not = true;
                continue;
            }
            "--timestart" => start = clock(value()?)?,
            "--timestop" => stop = clock(value()?)?,
            "--weekdays" => weekdays = invert8(set(value()?, weekday)? as u8, not),
            "--monthdays" => {
                let days = set(value()?, |d| d.parse().ok().filter(|d| (1..=31).contains(d)))?;
                monthdays = if not { !days } else { days };
            }
            "--datestart" => from = date(value()?)?,
            "--datestop" => to = date(value()?)?,
            "--contiguous" => contiguous = true,
            "--utc" => {}
            _ => return None,
        }
        not = false;
    }
    if now < from || now > to {
        return Some(false);
    }
    let second = now.rem_euclid(DAY);
    let mut day = now.div_euclid(DAY);
    if start <= stop {
        if second < start || second > stop {
            return Some(false);
        }
    } else {
        // Over midnight.
        if second < start && second > stop {
            return Some(false);
        }
        if contiguous && second <= stop {
            day -= 1;
        }
    }
    // 1970-01-01 was a Thursday; Monday is 1.
    let weekday = (day + 3).rem_euclid(7) + 1;
    if weekdays & 1 << weekday == 0 {
        return Some(false);
    }
    Some(monthdays & 1 << month_day(day) != 0)
}

fn invert8(days: u8, not: bool) -> u8 {
    if not { !days } else { days }
}

fn set(text: &str, number: impl Fn(&str) -> Option<u32>) -> Option<u32> {
    text.split(',').try_fold(0, |bits, word| Some(bits | 1 << number(word)?))
}

fn weekday(word: &str) -> Option<u32> {
    if let Ok(number) = word.parse::<u32>() {
        return (1..=7).contains(&number).then_some(number);
    }
    let lower = word.to_ascii_lowercase();
    let names = ["mo", "tu", "we", "th", "fr", "sa", "su"];
    names.iter().position(|n| lower.starts_with(n)).map(|i| i as u32 + 1)
}

/// `10:00`, `10:00:30` as seconds of a day.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|p| p.parse::<i64>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    (hour < 24 && minute < 60 && second < 60 && parts.next().is_none())
        .then_some(hour * 3600 + minute * 60 + second)
}

/// `2024-06-30`, `2024-06-30T10:00:00`.
fn date(text: &str) -> Option<i64> {
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00"));
    let mut parts = day.split('-');
    let year = parts.next()?.parse::<i64>().ok().filter(|y| (1970..=9999).contains(y))?;
    let mut next = || parts.next().map_or(Some(1), |p| p.parse::<u8>().ok());
    let (month, day) = (next()?, next()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let time = if time.contains(':') { clock(time)? } else { time.parse::<i64>().ok()? * 3600 };
    Some(days_from_civil(year, month, day) * DAY + time)
}

/// The day of the month of a day since 1970.
fn month_day(day: i64) -> u32 {
    // Days to civil, after Howard Hinnant's description of the calendar's 400 years.
    let z = day + 719_468;
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    (doy - (153 * mp + 2) / 5 + 1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-06-30 10:30:00 UTC, a Sunday.
    const NOW: i64 = 1_719_743_400;

    fn at(text: &str, now: i64) -> Option<bool> {
        let words: Vec<Text> = text.split_ascii_whitespace().map(Text::from).collect();
        matches(&words, now)
    }

    #[test]
    fn hours_days_and_dates() {
        assert_eq!(at("--timestart 10:00 --timestop 12:00", NOW), Some(true));
        assert_eq!(at("--timestart 11:00 --timestop 12:00", NOW), Some(false));
        assert_eq!(at("--timestart 22:00 --timestop 11:00", NOW), Some(true));
        assert_eq!(at("--weekdays Sat,Sun", NOW), Some(true));
        assert_eq!(at("! --weekdays Sun", NOW), Some(false));
        assert_eq!(at("--timestart 22:00 --timestop 11:00 --contiguous --weekdays Sat", NOW), Some(true));
        assert_eq!(at("--monthdays 30", NOW), Some(true));
        assert_eq!(at("--monthdays 29,31", NOW), Some(false));
        assert_eq!(at("--datestart 2024-07-01", NOW), Some(false));
        assert_eq!(at("--datestop 2038-01-19T03:14:07", NOW), Some(true));
        assert_eq!(at("--kerneltz", NOW), None);
    }
}
