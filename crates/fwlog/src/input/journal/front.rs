//! What a line begins with: stamp, host, program, and the kernel's own stamp.
//!
//! Of neighbouring lines a few digits differ, so the text is kept and only those are written.
//!
//! Responsible for: this text.
//! Must not know: entries, messages.
//! Tested by: the unit tests below, `fwstat/tests/cli/journal.rs`.

use crate::input::years::Years;
use crate::time::dates::civil_from_days;

/// A stamp without its digits.
const STAMP: &[u8] = b"0000-00-00T00:00:00.000000+00:00";
/// Where its parts are.
const TIME: usize = 11;
const MICROS: usize = 20;
const ZONE: usize = 26;

/// All numbers of two digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Writes a number of two digits.
#[inline(always)]
fn put(text: &mut [u8], at: usize, number: u64) {
    text[at..at + 2].copy_from_slice(&PAIRS[(number % 100) as usize]);
}

/// Writes a number of six digits.
#[inline(always)]
fn put_six(text: &mut [u8], at: usize, number: u64) {
    put(text, at, number / 10_000);
    put(text, at + 2, number / 100);
    put(text, at + 4, number);
}

/// `2026-06-30T06:06:13.123456+02:00` and what follows it up to the kernel's stamp.
#[derive(Debug, Default)]
pub(super) struct Front {
    text: Vec<u8>,
    /// The second, the quarter of an hour and the day that are in the text.
    second: Option<u64>,
    quarter: Option<u64>,
    day: Option<i64>,
    /// Of that quarter, in seconds.
    offset: i64,
}

impl Front {
    /// From now on, `lead` follows the stamp.
    pub(super) fn begin(&mut self, lead: &[u8]) {
        if self.text.is_empty() {
            self.text.extend_from_slice(STAMP);
        }
        self.text.truncate(STAMP.len());
        self.text.extend_from_slice(lead);
    }

    /// The text for a moment, in microseconds of UTC.
    #[inline]
    pub(super) fn at(&mut self, micros: u64, years: &Years) -> &[u8] {
        let second = micros / 1_000_000;
        if self.second != Some(second) {
            self.put_second(second, years);
        }
        put_six(&mut self.text, MICROS, micros % 1_000_000);
        &self.text
    }

    fn put_second(&mut self, second: u64, years: &Years) {
        self.second = Some(second);
        // No zone changes its offset but at a quarter of an hour; a journal's times end in the year 3111.
        let utc = second as i64;
        if self.quarter != Some(second / 900) {
            self.quarter = Some(second / 900);
            // Offsets of before 1900 have seconds, which a stamp has no place for.
            self.offset = (years.local(utc) - utc) / 60 * 60;
            self.text[ZONE] = if self.offset < 0 { b'-' } else { b'+' };
            let minutes = self.offset.unsigned_abs() / 60;
            put(&mut self.text, ZONE + 1, minutes / 60);
            put(&mut self.text, ZONE + 4, minutes % 60);
        }
        let local = utc + self.offset;
        let day = local.div_euclid(86_400);
        if self.day != Some(day) {
            self.day = Some(day);
            let (year, month, of_month) = civil_from_days(day);
            let year = year.unsigned_abs();
            for (at, number) in [(0, year / 100), (2, year), (5, u64::from(month)), (8, u64::from(of_month))]
            {
                put(&mut self.text, at, number);
            }
        }
        let of_day = local.rem_euclid(86_400).unsigned_abs();
        put(&mut self.text, TIME, of_day / 3_600);
        put(&mut self.text, TIME + 3, of_day / 60 % 60);
        put(&mut self.text, TIME + 6, of_day % 60);
    }
}

/// Appends `[ 8486.974964] `, as printk writes it.
#[inline]
pub(super) fn put_uptime(out: &mut Vec<u8>, micros: u64) {
    /// Where the point is: after `[` and twenty digits at most.
    const POINT: usize = 21;
    let mut text = *b"                     .000000] ";
    let mut seconds = micros / 1_000_000;
    put_six(&mut text, POINT + 1, micros % 1_000_000);
    let mut at = POINT;
    while seconds >= 100 {
        at -= 2;
        put(&mut text, at, seconds);
        seconds /= 100;
    }
    at -= 2;
    put(&mut text, at, seconds);
    if seconds < 10 {
        text[at] = b' ';
        at += 1;
    }
    // Five places at least.
    at = at.min(POINT - 5) - 1;
    text[at] = b'[';
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_stamp_is_written_as_printk_does() {
        let text = |micros| {
            let mut out = Vec::new();
            put_uptime(&mut out, micros);
            String::from_utf8(out).unwrap()
        };
        let seconds = [0, 9, 10, 99, 100, 101, 8_486, 99_999, 100_000, 1_000_000, 12_345_678];
        let some =
            seconds.iter().flat_map(|second| [0, 1, 974_964, 999_999].map(|us| second * 1_000_000 + us));
        for micros in some.chain([u64::MAX, u64::MAX / 10]) {
            assert_eq!(text(micros), format!("[{:5}.{:06}] ", micros / 1_000_000, micros % 1_000_000));
        }
    }

    #[test]
    fn a_front_says_its_moment_whatever_was_said_before() {
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let years = Years { zone: zone.clone(), ..Years::default() };
        let mut front = Front::default();
        let mut state = 7u64;
        for step in 0..20_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Near each other, and far from each other.
            let micros = 1_774_700_000_000_000 + if step % 3 == 0 { state >> 12 } else { step * 700_003 };
            let moment = jiff::Timestamp::from_microsecond(micros as i64).unwrap().to_zoned(zone.clone());
            let lead = [" gate kernel: ", " x: "][usize::from(step % 7 == 0)];
            front.begin(lead.as_bytes());
            let want = format!("{}{lead}", moment.strftime("%Y-%m-%dT%H:%M:%S.%6f%:z"));
            assert_eq!(String::from_utf8_lossy(front.at(micros, &years)), want);
        }
    }
}
