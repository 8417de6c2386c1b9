//! Dates in words and numbers, as logging programs of other languages and daemons write them.
//!
//! Responsible for: stamps that the strict forms (`stamp`) do not take, and zones after stamps.
//! Must not know: what follows a stamp.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use super::{month, stamp, zone};
use crate::time::{Civil, Stamp, Time, Zone};

/// 2001 and 2100 in seconds since 1970: numbers of ten digits outside are no moments.
const MOMENTS: core::ops::Range<i64> = 1_000_000_000..4_102_444_800;

/// A stamp with which a line may begin, and what follows it.
pub(super) fn any(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    match text.first()? {
        b'@' => tai64n(text).or_else(|| ended(unix(&text[1..])?)),
        b'0'..=b'9' => unix(text)
            .or_else(|| numeric(text))
            .or_else(|| stamp::common_log(text))
            .or_else(|| date(text, false))
            .and_then(ended),
        _ => date(text, false).and_then(ended),
    }
}

/// A stamp that a sign follows which divides fields, and what follows from that sign on.
pub(super) fn before_sign(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let found = unix(text).or_else(|| numeric(text)).or_else(|| date(text, false));
    found.filter(|(_, rest)| matches!(rest.first(), Some(b'\t' | b'|' | b';' | b',')))
}

/// A stamp after an opening bracket, and what follows the closing one.
pub(super) fn bracketed(inside: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let unix = || closed(unix(inside)?);
    let words = || closed(date(inside, true)?);
    unix().or_else(words).or_else(|| closed(minute(inside)?))
}

fn closed<'a>((stamp, rest): (Stamp<'a>, &'a [u8])) -> Option<(Stamp<'a>, &'a [u8])> {
    Some((stamp, rest.strip_prefix(b"]")?))
}

/// A stamp of a text that holds nothing else.
pub(super) fn whole(text: &[u8]) -> Option<Stamp<'_>> {
    if let Some((stamp, b"")) = stamp::rfc3164(text) {
        return Some(stamp);
    }
    fn end<'a>((stamp, rest): (Stamp<'a>, &[u8])) -> Option<Stamp<'a>> {
        rest.is_empty().then_some(stamp)
    }
    let numbers = || numeric(text).and_then(end).or_else(|| stamp::common_log(text).and_then(end));
    numbers().or_else(|| date(text, false).and_then(end))
}

/// A date of numbers with a sign between them, the year with all its digits, or of eight digits, and the clock after
/// it: `2024/06/30 06:06:13`, `30.06.2024, 06:06:13`, `30-Jun-2024 06:06:13`, `2024:06:30-06:06:13`, `20240630T060613Z`,
/// `2024-06-30 06:06`.
fn numeric(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let (date, at, is_clear) = numeric_date(text)?;
    let rest = text.get(at..)?;
    let rest = match rest {
        [b' ' | b'T' | b't' | b'-' | b'_' | b':' | b'\t', rest @ ..] | [b',', b' ', rest @ ..] => rest,
        [b',', rest @ ..] => rest,
        // `20240630060613`
        [b'0'..=b'9', ..] if at == 8 => rest,
        _ => return None,
    };
    let (hour, minute, second, nanos, rest) = match clock(rest) {
        Some(((hour, minute, second, nanos), after)) => {
            // Halves of a day are counted where the month comes first.
            let has_half = rest[..rest.len() - after.len()].ends_with(b"M");
            (is_clear || has_half).then_some((hour, minute, second, nanos, after))?
        }
        None => joined_clock(rest).or_else(|| clock_without_seconds(rest)).filter(|_| is_clear)?,
    };
    let (year, month, day) = (date.year, date.month?, date.day?);
    let mut civil = Civil { year, month, day, hour, minute, second, nanos, zone: Zone::Local };
    let rest = match rest.strip_prefix(b"z") {
        Some(rest) => {
            civil.zone = Zone::Offset(0);
            rest
        }
        None => after_clock(&mut civil, rest, false),
    };
    let len = text.len() - rest.len();
    Some((Stamp { text: &text[..len], time: Time::Civil(civil) }, rest))
}

/// Hours, minutes, seconds, nanoseconds and what follows them.
type Clocked<'a> = (u8, u8, u8, u32, &'a [u8]);

/// `060613`, with a fraction or none.
fn joined_clock(text: &[u8]) -> Option<Clocked<'_>> {
    let digits = text.get(..6).filter(|_| !text.get(6).is_some_and(u8::is_ascii_digit))?;
    let pair = |at: usize| number(&digits[at..at + 2], 2).map(|value| value as u8);
    let (hour, minute, second) = (pair(0)?, pair(2)?, pair(4)?);
    let (nanos, end) = stamp::fraction(text, 6);
    (hour < 24 && minute < 60 && second <= 60).then_some((hour, minute, second, nanos, &text[end..]))
}

/// `06:06` before a blank, `06.06.13` with a fraction or none.
fn clock_without_seconds(text: &[u8]) -> Option<Clocked<'_>> {
    let mut padded = *b"00:00:00";
    if text.get(2) == Some(&b'.') && text.get(5) == Some(&b'.') {
        padded.copy_from_slice(text.get(..8)?);
        (padded[2], padded[5]) = (b':', b':');
        let (hour, minute, second) = stamp::clock(&padded, 0)?;
        let (nanos, end) = stamp::fraction(text, 8);
        return Some((hour, minute, second, nanos, &text[end..]));
    }
    padded[..5].copy_from_slice(text.get(..5)?);
    let (hour, minute, _) = stamp::clock(&padded, 0).filter(|_| text.get(5) == Some(&b' '))?;
    Some((hour, minute, 0, 0, &text[5..]))
}

/// The date of [`numeric`], where it ends, and whether it can be read in one way only.
fn numeric_date(text: &[u8]) -> Option<(Date, usize, bool)> {
    let digits = text.iter().take(15).take_while(|b| b.is_ascii_digit()).count();
    let mut date = Date::default();
    let mut numbers = Numbers::default();
    if digits == 8 || digits == 14 {
        for (from, to) in [(0, 4), (4, 6), (6, 8)] {
            numbers.add(number(&text[from..to], 4)?, b'-')?;
        }
        (1970..2100).contains(&numbers.parts[0]).then_some(())?;
        numbers.settle(&mut date)?;
        return Some((date, 8, true));
    }
    let sign = *text.get(digits).filter(|sign| matches!(sign, b'/' | b'.' | b'-' | b':'))?;
    let (mut at, mut named) = (0, false);
    for place in 0..3 {
        let part = &text[at..];
        let is_number = part.first().is_some_and(u8::is_ascii_digit);
        let is_part = |b: &&u8| if is_number { b.is_ascii_digit() } else { b.is_ascii_alphabetic() };
        let len = part.iter().take(9).take_while(is_part).count();
        match number(&part[..len], 4) {
            Some(value) => numbers.add(value, sign)?,
            None if place == 1 => {
                named = true;
                numbers.add(u64::from(month::month(&part[..len])?), b'-')?;
            }
            None => return None,
        }
        at += len;
        if place < 2 {
            (text.get(at) == Some(&sign)).then_some(())?;
            at += 1;
        }
    }
    // A name is no number that could be the day.
    numbers.separator = if named { b'-' } else { sign };
    let years = [numbers.parts[0], numbers.parts[2]].into_iter().filter(|part| (1970..2100).contains(part));
    (years.count() == 1).then_some(())?;
    // `04/10/2024` is April in one country and October in another, and so is `04-10-2024`.
    let [first, second, _] = numbers.parts;
    let is_open = matches!(sign, b'/' | b'-') && first <= 12;
    let is_clear = !is_open || named || first == second || second > 12;
    numbers.settle(&mut date)?;
    Some((date, at, is_clear))
}

/// What follows a stamp: a blank or a tab, a colon before it, a bracket that was opened before.
fn ended<'a>((stamp, rest): (Stamp<'a>, &'a [u8])) -> Option<(Stamp<'a>, &'a [u8])> {
    match rest {
        [b' ', rest @ ..] | [b':', b' ', rest @ ..] => Some((stamp, rest)),
        [b'\t', ..] => Some((stamp, rest)),
        _ => None,
    }
}

/// What a date is made of, as far as it was read.
#[derive(Clone, Copy, Default)]
struct Date {
    year: Option<u16>,
    month: Option<u8>,
    day: Option<u8>,
}

/// The words of a date: no language has more before the clock (`sáb. 29 de nov. de 2025,`).
const WORDS: usize = 7;

/// Month and day in either order, a year or none before the clock or after it; `in_brackets` also a
/// weekday in any language and dates of nothing but numbers.
fn date(text: &[u8], in_brackets: bool) -> Option<(Stamp<'_>, &[u8])> {
    let mut date = Date::default();
    let mut numbers = Numbers::default();
    let mut rest = text;
    let mut has_weekday = false;
    for at in 0..WORDS {
        if at > 0 && stamp::clock(rest, 0).is_some() || short_clock(rest).is_some() {
            break;
        }
        let (word, after) = word(rest)?;
        let bare = word.strip_suffix(b",").unwrap_or(word);
        let plain = bare.strip_suffix(b".").unwrap_or(bare);
        if let Some(value) = number(plain, 4) {
            match plain.len() {
                4 if date.year.is_none() => date.year = u16::try_from(value).ok(),
                1 | 2 if date.day.is_none() && !(in_brackets && bare.len() > plain.len()) => {
                    date.day = day(value);
                }
                1 | 2 if in_brackets => {
                    numbers.year_first |= date.year.is_some();
                    numbers.add(value, b'.')?;
                }
                _ => return None,
            }
        } else if let Some(month) = month::month(bare)
            // Some weekdays are called as a month is (`mar.`).
            && (date.month.is_none() || in_brackets && at == 1)
        {
            date.month = Some(month);
        } else if !(signed(bare, &mut date)
            || in_brackets && at == 0 && numbers.read(bare)
            || (date.month.is_some() || date.day.is_some()) && is_between(bare)
            || at == 0 && is_weekday(bare, in_brackets))
        {
            // Of another language; what follows must be a date with its year.
            has_weekday = at == 0 && is_abbreviation(bare);
            has_weekday.then_some(())?;
        }
        // A day is padded before it, if at all.
        let is_number = date.day.is_some() && date.month.is_some() && !in_brackets;
        rest = if is_number { after } else { after.trim_ascii_start() };
    }
    numbers.settle(&mut date)?;
    let (month, day) = (date.month?, date.day?);
    let (clock, rest) = clock(rest)?;
    let (hour, minute, second, nanos) = clock;
    let mut civil = Civil { year: date.year, month, day, hour, minute, second, nanos, zone: Zone::Local };
    let rest = after_clock(&mut civil, rest, in_brackets);
    if has_weekday && civil.year.is_none() {
        return None;
    }
    let len = text.len() - rest.len();
    Some((Stamp { text: &text[..len], time: Time::Civil(civil) }, rest))
}

/// A zone glued to the clock or after it, and a year after either (`date`, ctime).
fn after_clock<'a>(civil: &mut Civil, text: &'a [u8], in_brackets: bool) -> &'a [u8] {
    let mut rest = text;
    if let Some((Zone::Offset(offset), end)) = stamp::offset(rest, 0) {
        civil.zone = Zone::Offset(offset);
        rest = &rest[end..];
    } else if let Some((zone, after)) = rest.strip_prefix(b" ").and_then(zone::zone) {
        civil.zone = zone;
        rest = after;
    }
    if civil.year.is_none()
        && let Some(after) = rest.strip_prefix(b" ")
        && let Some(year) = after.get(..4).and_then(|digits| number(digits, 4))
        && matches!(after.get(4), Some(b' ' | b']'))
        && (1970..2100).contains(&year)
    {
        civil.year = u16::try_from(year).ok();
        rest = &after[4..];
    }
    // A zone in words (`Central European Standard Time`) tells a reader, and no program.
    let is_word = |word: &[u8]| word.first().is_some_and(|b| b.is_ascii_uppercase() || !b.is_ascii());
    if in_brackets
        && rest.first() == Some(&b' ')
        && let Some(end) = rest.iter().take(64).position(|b| *b == b']')
        && rest[1..end].split(|b| *b == b' ').all(is_word)
    {
        // An abbreviation that is not known is one that a reader's zone may know.
        if civil.zone == Zone::Local
            && (3..=7).contains(&end)
            && rest[1..end].iter().all(u8::is_ascii_uppercase)
        {
            let mut letters = [0; 6];
            letters[..end - 1].copy_from_slice(&rest[1..end]);
            civil.zone = Zone::Name(letters);
        }
        rest = &rest[end..];
    }
    rest
}

/// A word up to a blank, and what follows the blank.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().take(48).position(|b| *b == b' ')?;
    (end > 0).then(|| (&text[..end], &text[end + 1..]))
}

/// A number of so many digits at most.
fn number(text: &[u8], digits: usize) -> Option<u64> {
    (text.len() <= digits).then(|| stamp::number(text)).flatten()
}

fn day(value: u64) -> Option<u8> {
    u8::try_from(value).ok().filter(|day| (1..=31).contains(day))
}

/// Numbers with the signs of a year, a month and a day: `2024年12月4日`, `12월`, `4일`. Whether the word
/// was of such numbers only.
fn signed(word: &[u8], date: &mut Date) -> bool {
    let Ok(mut text) = core::str::from_utf8(word) else { return false };
    let mut any = false;
    while !text.is_empty() {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let Some(value) = number(&text.as_bytes()[..digits], 4) else { return false };
        let mut signs = text[digits..].chars();
        match signs.next() {
            Some('年' | '년') => date.year = u16::try_from(value).ok(),
            Some('月' | '월') => {
                date.month = u8::try_from(value).ok().filter(|month| (1..=12).contains(month));
            }
            Some('日' | '일' | '号') => date.day = day(value),
            _ => return false,
        }
        any = true;
        text = signs.as_str();
    }
    any
}

/// A date of nothing but numbers, in the order of its separator.
#[derive(Default)]
struct Numbers {
    parts: [u64; 3],
    len: usize,
    separator: u8,
    /// Whether a year was written before them.
    year_first: bool,
}

impl Numbers {
    fn add(&mut self, value: u64, separator: u8) -> Option<()> {
        *self.parts.get_mut(self.len)? = value;
        self.len += 1;
        self.separator = separator;
        Some(())
    }

    /// `29.11.2025`, `11/29/2025`, `2025-11-29`: whether this is one.
    fn read(&mut self, word: &[u8]) -> bool {
        let Some(separator) = word.iter().copied().find(|b| matches!(b, b'.' | b'/' | b'-')) else {
            return false;
        };
        let parts = word.split(|b| *b == separator).filter(|part| !part.is_empty());
        self.len = 0;
        for part in parts {
            if number(part, 4).and_then(|value| self.add(value, separator)).is_none() {
                return false;
            }
        }
        self.len == 3
    }

    /// Puts what was read into the date; `None` if it is none.
    fn settle(self, date: &mut Date) -> Option<()> {
        let small = |value: u64| u8::try_from(value).ok();
        let (year, month, day) = match (self.len, self.parts) {
            (0, _) => return Some(()),
            // `29. Nov 2025`, `2025. 11. 29.`, `29. 11. 2025`.
            (1, [day, ..]) => (u64::from(date.year?), u64::from(date.month?), day),
            (2, [month, day, _]) if self.year_first => (u64::from(date.year?), month, day),
            (2, [day, month, _]) => (u64::from(date.year?), month, day),
            (3, [year, month, day]) if year > 31 => (year, month, day),
            // A slash is American unless the numbers say otherwise.
            (3, [month, day, year]) if self.separator == b'/' && month <= 12 || day > 12 => {
                (year, month, day)
            }
            (3, [day, month, year]) => (year, month, day),
            _ => return None,
        };
        date.year = u16::try_from(year).ok();
        date.month = small(month).filter(|month| (1..=12).contains(month));
        date.day = self::day(day);
        Some(())
    }
}

/// A word between a month and a year: `de` in Portuguese and Spanish, the Russian sign of a year.
fn is_between(word: &[u8]) -> bool {
    [&b"de"[..], b"del", b"@", "г.".as_bytes(), "р.".as_bytes(), "г".as_bytes()].contains(&word)
}

/// A weekday: the English ones anywhere, any short word in brackets.
fn is_weekday(word: &[u8], in_brackets: bool) -> bool {
    const NAMES: [&[u8]; 7] =
        [b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday", b"Sunday"];
    let is_letters = || word.iter().all(|b| b.is_ascii_alphabetic() || *b == b'.' || !b.is_ascii());
    NAMES.iter().any(|name| *name == word || name[..3] == *word)
        || in_brackets && word.len() <= 24 && is_letters()
}

/// Whether a word is as short as the weekdays of most languages are when `date` prints them: `Fr`, `ven.`, `пт`.
fn is_abbreviation(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").unwrap_or(word);
    let letters = core::str::from_utf8(word).unwrap_or_default();
    (2..=4).contains(&letters.chars().count()) && letters.chars().all(char::is_alphabetic)
}

/// `hh:mm:ss` with a fraction or none, `5:40:49 PM`: hours, minutes, seconds, nanoseconds.
type Clock = (u8, u8, u8, u32);

fn clock(text: &[u8]) -> Option<(Clock, &[u8])> {
    let (hour, minute, second, at) = match stamp::clock(text, 0) {
        Some((hour, minute, second)) => (hour, minute, second, 8),
        None => short_clock(text).map(|(hour, minute, second)| (hour, minute, second, 7))?,
    };
    let (nanos, end) = stamp::fraction(text, at);
    let rest = &text[end..];
    // A narrow blank that does not break comes before the half of the day in newer browsers.
    let half = rest.strip_prefix(b" ").or_else(|| rest.strip_prefix("\u{202f}".as_bytes())).unwrap_or(rest);
    match (half.get(..2), hour) {
        (Some(b"AM" | b"am"), 12) => Some(((0, minute, second, nanos), &half[2..])),
        (Some(b"AM" | b"am"), _) => Some(((hour, minute, second, nanos), &half[2..])),
        (Some(b"PM" | b"pm"), 1..12) => Some(((hour + 12, minute, second, nanos), &half[2..])),
        (Some(b"PM" | b"pm"), 12) => Some(((hour, minute, second, nanos), &half[2..])),
        _ => Some(((hour, minute, second, nanos), rest)),
    }
}

/// `h:mm:ss`.
fn short_clock(text: &[u8]) -> Option<(u8, u8, u8)> {
    let mut padded = [b'0'; 8];
    padded[1..].copy_from_slice(text.get(..7)?);
    (text.get(1) == Some(&b':') && !text.get(7).is_some_and(u8::is_ascii_digit))
        .then(|| stamp::clock(&padded, 0))
        .flatten()
}

/// `Jun30 06:06` of `dmesg -e` and `-H` in any language, the day padded or not, with seconds where they were
/// counted.
fn minute(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let name = text.iter().take(24).position(|b| b.is_ascii_digit() || *b == b' ')?;
    // `12月30`.
    let numbered = text[..name].is_empty();
    let name =
        if numbered { text.iter().take(24).position(|b| !b.is_ascii() && *b >= 0xc0)? + 3 } else { name };
    let month = month::month(text.get(..name)?)?;
    let rest = text[name..].trim_ascii_start();
    let (digits, rest) = word(rest)?;
    let day = day(number(digits, 2)?)?;
    let mut padded = *b"00:00:00";
    let (len, second) = if rest.get(5) == Some(&b':') { (8, true) } else { (5, false) };
    padded[..len].copy_from_slice(rest.get(..len)?);
    let (hour, minute, seconds) = stamp::clock(&padded, 0)?;
    let (nanos, end) = if second { stamp::fraction(rest, 8) } else { (0, 5) };
    let rest = &rest[end..];
    let civil = Civil { year: None, month, day, hour, minute, second: seconds, nanos, zone: Zone::Local };
    let len = text.len() - rest.len();
    Some((Stamp { text: &text[..len], time: Time::Civil(civil) }, rest))
}

/// Seconds since 1970 in ten digits, with a fraction or none; milliseconds, micro- or nanoseconds in 13, 16 or 19.
pub(super) fn unix(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    let digits = text.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    let value = stamp::number(&text[..digits])?;
    let (seconds, nanos, end) = match digits {
        9 | 10 => {
            let (nanos, end) = stamp::fraction(text, digits);
            (value, u64::from(nanos), end)
        }
        13 => (value / 1_000, value % 1_000 * 1_000_000, digits),
        16 => (value / 1_000_000, value % 1_000_000 * 1_000, digits),
        19 => (value / 1_000_000_000, value % 1_000_000_000, digits),
        _ => return None,
    };
    let seconds = i64::try_from(seconds).ok().filter(|seconds| MOMENTS.contains(seconds))?;
    let time = Time::Unix { seconds, nanos: nanos as u32 };
    Some((Stamp { text: &text[..end], time }, &text[end..]))
}

/// `@4000000065...`: TAI64N of s6, daemontools and runit, 24 hex digits; 16 without the fraction, 32 with a longer one.
fn tai64n(text: &[u8]) -> Option<(Stamp<'_>, &[u8])> {
    /// The label of 1970 on the scale, and the ten seconds that those who write it add.
    const EPOCH: u64 = (1 << 62) + 10;
    let end = text.iter().take(48).position(|b| matches!(b, b' ' | b'\t'))?;
    let (label, rest) = (&text[..end], &text[end + 1..]);
    let digits = core::str::from_utf8(label.strip_prefix(b"@")?).ok()?;
    if !matches!(digits.len(), 16 | 24 | 32) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let seconds = u64::from_str_radix(&digits[..16], 16).ok()?.checked_sub(EPOCH)?;
    let nanos = digits.get(16..24).map_or(Ok(0), |nanos| u32::from_str_radix(nanos, 16));
    let nanos = nanos.ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let time = Time::Unix { seconds: i64::try_from(seconds).ok()?, nanos };
    Some((Stamp { text: label, time }, rest.trim_ascii_start()))
}
