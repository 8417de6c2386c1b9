//! Text of unknown origin, made safe to show, and its width on a terminal.
//!
//! Responsible for: the one escape that every form of output uses for bytes out of a log, and
//! the grouping of numbers for people.
//! Must not know: what the text means.
//! Tested by: the unit tests below, named after the attack each stops.
//!
//! A log prefix, a host or an interface name may hold anything: terminal commands, text that
//! reverses its direction, characters that cannot be seen. What could be obeyed or could
//! deceive becomes `\x1b` or `\u{202e}`; everything else stays as it is.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

/// `bytes` with everything escaped that a terminal would obey or that deceives the eye.
///
/// ```
/// assert_eq!(fwlog::text::escape(b"tcp.in \x1b[31m"), "tcp.in \\x1b[31m");
/// ```
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    escape_into(&mut out, bytes);
    out
}

/// As [`escape`], appended to `out`.
pub fn escape_into(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if !is_unsafe_to_display(c) {
                out.push(c);
            } else if (c as u32) < 0x80 {
                let _ = write!(out, "\\x{:02x}", c as u32);
            } else {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

/// A word for a shell: as it is if it needs no quotes. What cannot be shown is written as bash, zsh and ksh read
/// it, so that a pasted command finds the file.
///
/// ```
/// assert_eq!(fwlog::text::quoted("a b.log"), "'a b.log'");
/// assert_eq!(fwlog::text::quoted("a\nb.log"), "$'a\\x0ab.log'");
/// ```
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'_' | b'-' | b'+' | b':' | b'@' | b',')
    };
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    if !word.chars().any(is_unsafe_to_display) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut out = String::from("$'");
    for c in word.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if is_unsafe_to_display(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // A digit that follows would be read as part of it: bash takes two at most.
                    let _ = write!(out, "\\x{byte:02x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// The words of an error without the number that the system gives it.
///
/// ```
/// assert_eq!(fwlog::text::plain_error("x: No such file (os error 2)"), "x: No such file");
/// ```
#[must_use]
pub fn plain_error(words: &str) -> String {
    let mut parts = words.split(" (os error ");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        out.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    out
}

/// Whether a character is obeyed by terminals or hides or reorders text: control characters,
/// bidirectional marks, characters without width (combining ones among them), blanks other than the one of ASCII,
/// letters that are not drawn, line and paragraph separators, tags.
#[must_use]
pub fn is_unsafe_to_display(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    // Not drawn: soft hyphen, fillers of Hangul, Khmer's inherent vowels, Mongolian selectors, the empty pattern of
    // Braille, and what Unicode calls ignorable by default.
    let is_invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    c.is_control()
        || c.is_whitespace()
        || is_invisible
        || unicode_width::UnicodeWidthChar::width(c).is_none_or(|columns| columns == 0)
}

/// Columns that `text` takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` cut to `columns`, with `…` in place of what was cut.
#[must_use]
pub fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if used + w + 1 > columns {
            break;
        }
        used += w;
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// A number with a comma between groups of three digits: `12,345,678`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes for people: `1.2 GiB`.
#[must_use]
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut value = number as f64;
    let mut unit = "";
    for name in UNITS {
        value /= 1024.0;
        unit = name;
        if value < 1023.95 {
            break;
        }
    }
    format!("{value:.1} {unit}")
}

/// `1 line`, `2 lines`: the number grouped, the noun in the right form.
#[must_use]
pub fn count_of(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_command_runs_nothing_else() {
        assert_eq!(quoted("kern.log"), "kern.log");
        assert_eq!(quoted("[UFW BLOCK]"), "'[UFW BLOCK]'");
        assert_eq!(quoted("x'; rm -rf ~ #"), "'x'\\''; rm -rf ~ #'");
        assert_eq!(quoted("a\n'\\b"), "$'a\\x0a\\'\\\\b'");
        assert_eq!(quoted("\u{202e}"), "$'\\xe2\\x80\\xae'");
    }

    #[test]
    fn nothing_is_there_that_cannot_be_seen() {
        for c in [
            '\u{fe0f}',
            '\u{34f}',
            '\u{3164}',
            '\u{2800}',
            '\u{2003}',
            '\u{a0}',
            '\u{3000}',
            '\u{301}',
            '\u{200d}',
            '\u{e0100}',
            '\u{1160}',
            '\u{17b4}',
            '\u{20dd}',
            '\u{2065}',
        ] {
            assert_eq!(escape(format!("a{c}b").as_bytes()), format!("a\\u{{{:x}}}b", c as u32));
        }
        for text in ["caf\u{e9}", "\u{65e5}\u{672c}", "\u{1f525}", "\u{43f}\u{440}", "a b"] {
            assert_eq!(escape(text.as_bytes()), text);
        }
    }

    #[test]
    fn strips_osc52_clipboard_payload() {
        assert_eq!(escape(b"x\x1b]52;c;cm0gLXJm\x07y"), "x\\x1b]52;c;cm0gLXJm\\x07y");
    }

    #[test]
    fn shows_text_that_reverses_its_direction() {
        assert_eq!(escape("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(escape("a\u{2066}b\u{200b}c\u{feff}".as_bytes()), "a\\u{2066}b\\u{200b}c\\u{feff}");
    }

    #[test]
    fn c1_controls_are_controls() {
        assert_eq!(escape("\u{9b}31m".as_bytes()), "\\u{9b}31m");
        assert_eq!(escape(b"\x9b31m"), "\\x9b31m");
    }

    #[test]
    fn honest_text_stays() {
        assert_eq!(escape("Büro 日本 [UFW BLOCK]".as_bytes()), "Büro 日本 [UFW BLOCK]");
    }

    #[test]
    fn shortened_text_fits() {
        assert_eq!(shorten("tcp.in.dropped", 8), "tcp.in.…");
        assert_eq!(width(&shorten("日本語日本語", 5)), 5);
        assert_eq!(shorten("short", 5), "short");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(bytes(1_288_490_189), "1.2 GiB");
    }
}
