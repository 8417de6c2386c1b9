//! RFC 3339: the stamps of shippers.
//!
//! Responsible for: their moments; the common form without a library.
//! Must not know: where they stand.
//! Tested by: the unit tests below (equality with the library).

use logparse::days_from_civil;

use super::dates::{DAY, NANOS};

/// An RFC 3339 stamp in nanoseconds.
#[must_use]
pub fn rfc3339(text: &[u8]) -> Option<i64> {
    if let Some(moment) = plain_rfc3339(text) {
        return Some(moment);
    }
    let timestamp: jiff::Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    i64::try_from(timestamp.as_nanosecond()).ok()
}

/// [`rfc3339`] of the form that nearly all writers have; `None` also for what needs a closer look: the last days of
/// months, the sixtieth second, years without four digits.
fn plain_rfc3339(text: &[u8]) -> Option<i64> {
    let two = |at: usize| {
        let (tens, ones) = (text.get(at)?.wrapping_sub(b'0'), text.get(at + 1)?.wrapping_sub(b'0'));
        (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
    };
    let signs = (text.get(4)?, text.get(7)?, text.get(10)?, text.get(13)?, text.get(16)?);
    if signs != (&b'-', &b'-', &b'T', &b':', &b':') {
        return None;
    }
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let is_plain = (1970..2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=28).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    is_plain.then_some(())?;
    let (mut nanos, mut at) = (0, 19);
    if text.get(at) == Some(&b'.') {
        let digits = text[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        (1..=9).contains(&digits).then_some(())?;
        nanos = text[at + 1..][..digits].iter().fold(0, |nanos, digit| nanos * 10 + i64::from(digit - b'0'));
        nanos *= 10i64.pow(9 - digits as u32);
        at += 1 + digits;
    }
    let offset = match &text[at..] {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (two(at + 1)?, two(at + 4)?);
            (hours < 24 && minutes < 60).then_some(())?;
            (hours * 60 + minutes) * if *sign == b'-' { -60 } else { 60 }
        }
        _ => return None,
    };
    let days = days_from_civil(year, month as u8, day as u8);
    let seconds = days * DAY + hour * 3_600 + minute * 60 + second - offset;
    Some(seconds * NANOS + nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_form_is_what_the_library_reads() {
        let mut seed = 7u64;
        let mut below = |most: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % most
        };
        let mut plain = 0;
        for _ in 0..100_000 {
            let mut text = format!(
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                1960 + below(250),
                below(14),
                below(33),
                below(25),
                below(61),
                below(62)
            );
            if below(2) == 0 {
                text += &format!(".{:0width$}", below(1000), width = below(11) as usize);
            }
            text += &match below(5) {
                0 => "Z".to_owned(),
                1 => "z".to_owned(),
                2 => format!("+{:02}:{:02}", below(25), below(61)),
                3 => format!("-{:02}{:02}", below(25), below(61)),
                _ => format!("-{:02}:{:02}", below(25), below(61)),
            };
            // One byte is another, now and then.
            let mut bytes = text.into_bytes();
            if below(4) == 0 {
                let at = below(bytes.len() as u64) as usize;
                bytes[at] = b"0:-T.+ Z9"[below(9) as usize];
            }
            let Some(moment) = plain_rfc3339(&bytes) else { continue };
            let library: jiff::Timestamp = std::str::from_utf8(&bytes).unwrap().parse().unwrap();
            assert_eq!(i128::from(moment), library.as_nanosecond(), "{}", bytes.escape_ascii());
            plain += 1;
        }
        assert!(plain > 20_000, "{plain}");
    }
}
