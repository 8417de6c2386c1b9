//! Text as it stands in rules: bytes, quoted and unquoted.
//!
//! Responsible for: [`Text`], splitting a line into words the way `iptables-restore` and the
//! way a shell does it, and the three ways of quoting.
//! Must not know: what a word means.
//! Tested by: the unit tests below; shell quoting by running `sh` in `tests/shell.rs`.

use core::fmt;

/// Bytes that stand in a rule: a name, a prefix, a comment. Mostly UTF-8, but nothing
/// promises that, so they are kept as bytes.
///
/// `Display` escapes whatever a terminal would obey; [`Text::as_bytes`] is the text itself.
///
/// ```
/// use fwrules::Text;
/// let prefix = Text::from("drop \x1b[2J");
/// assert_eq!(prefix.to_string(), "drop \\x1b[2J");
/// assert_eq!(prefix.as_bytes(), b"drop \x1b[2J");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes as they are.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok()
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first `limit` bytes at most, ended on a UTF-8 border where the text is UTF-8.
    #[must_use]
    pub fn cut(&self, limit: usize) -> &[u8] {
        if self.0.len() <= limit {
            return &self.0;
        }
        let mut end = limit;
        // A continuation byte belongs to the character before the border: give it up whole.
        if let Ok(text) = core::str::from_utf8(&self.0) {
            end = (0..=limit).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        }
        &self.0[..end]
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(text.as_bytes().to_vec())
    }
}

impl From<&[u8]> for Text {
    fn from(text: &[u8]) -> Text {
        Text(text.to_vec())
    }
}

impl From<Vec<u8>> for Text {
    fn from(text: Vec<u8>) -> Text {
        Text(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(text.into_bytes())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&shown(&self.0), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Bytes for a terminal: control characters, format characters and what is no UTF-8 as `\xNN`.
#[must_use]
pub fn shown(bytes: &[u8]) -> impl fmt::Display + '_ {
    struct Shown<'a>(&'a [u8]);
    impl fmt::Display for Shown<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            use fmt::Write;
            for chunk in self.0.utf8_chunks() {
                for c in chunk.valid().chars() {
                    if is_plain(c) {
                        f.write_char(c)?;
                    } else {
                        let mut buffer = [0; 4];
                        for byte in c.encode_utf8(&mut buffer).bytes() {
                            write!(f, "\\x{byte:02x}")?;
                        }
                    }
                }
                for byte in chunk.invalid() {
                    write!(f, "\\x{byte:02x}")?;
                }
            }
            Ok(())
        }
    }
    Shown(bytes)
}

/// Whether a character may reach a terminal as it is: printable ASCII, letters and digits.
/// Control, bidirectional and other format characters are not.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') || (!c.is_ascii() && c.is_alphanumeric())
}

/// One word of a rule and the column (from 1) at which it stood.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Word {
    pub(crate) text: Text,
    pub(crate) column: usize,
    /// Whether any of it was quoted: a quoted `!` or `-j` is a value, never an option.
    pub(crate) quoted: bool,
}

/// Splits a line as `iptables-restore` does: blanks separate, `"` opens and closes, a
/// backslash inside quotes takes the next byte as it is (`iptables/xshared.c`,
/// `add_param_to_argv`). Returns the column of a quote that is never closed as the error.
pub(crate) fn restore_words(line: &[u8]) -> Result<Vec<Word>, usize> {
    split(line, false, false)
}

/// Splits a line as a POSIX shell does, without any expansion.
pub(crate) fn shell_words(line: &[u8]) -> Result<Vec<Word>, usize> {
    split(line, true, true)
}

/// Splits a rule of which it is not known whether it was typed or copied from a save file:
/// both kinds of quotes, and in double quotes a backslash takes any byte.
pub(crate) fn typed_words(line: &[u8]) -> Result<Vec<Word>, usize> {
    split(line, true, false)
}

fn split(line: &[u8], shell: bool, keeps_backslash: bool) -> Result<Vec<Word>, usize> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < line.len() {
        if matches!(line[at], b' ' | b'\t' | b'\r' | b'\n') {
            at += 1;
            continue;
        }
        let start = at;
        let mut text = Vec::new();
        let mut quoted = false;
        while at < line.len() && !matches!(line[at], b' ' | b'\t' | b'\r' | b'\n') {
            match line[at] {
                b'"' => {
                    quoted = true;
                    let open = at;
                    at += 1;
                    loop {
                        match line.get(at) {
                            None => return Err(open + 1),
                            Some(b'"') => break,
                            Some(b'\\') if at + 1 < line.len() => {
                                let next = line[at + 1];
                                if keeps_backslash && !matches!(next, b'"' | b'\\' | b'$' | b'`' | b'\n') {
                                    text.push(b'\\');
                                }
                                text.push(next);
                                at += 2;
                            }
                            Some(&byte) => {
                                text.push(byte);
                                at += 1;
                            }
                        }
                    }
                    at += 1;
                }
                b'\'' if shell => {
                    quoted = true;
                    let open = at;
                    at += 1;
                    while line.get(at).is_some_and(|&b| b != b'\'') {
                        text.push(line[at]);
                        at += 1;
                    }
                    if at >= line.len() {
                        return Err(open + 1);
                    }
                    at += 1;
                }
                b'\\' if shell && at + 1 < line.len() => {
                    quoted = true;
                    text.push(line[at + 1]);
                    at += 2;
                }
                byte => {
                    text.push(byte);
                    at += 1;
                }
            }
        }
        words.push(Word { text: Text(text), column: start + 1, quoted });
    }
    Ok(words)
}

/// A word in the form `iptables-save` prints strings (`xtables_save_string`): bare if it is
/// letters, digits, `_` and `-`, else in double quotes with `"`, `\` and `'` escaped.
pub(crate) fn save_string(out: &mut Vec<u8>, text: &[u8]) {
    let bare = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !text.is_empty() && text.iter().all(bare) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\' | b'\'') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A word of unknown meaning for `iptables-restore`: quoted only where splitting needs it,
/// because a plain option such as `0x1/0xff` is printed bare by `iptables-save`.
pub(crate) fn restore_word(out: &mut Vec<u8>, text: &[u8]) {
    let plain = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'\'');
    if !text.is_empty() && text.iter().all(plain) {
        out.extend_from_slice(text);
    } else {
        save_string(out, text);
    }
}

/// A word for a POSIX shell: whatever stands in it, the shell passes exactly these bytes to
/// the command and runs nothing.
///
/// Bytes that a terminal would obey when the line is pasted (control characters, and what is
/// neither ASCII nor a letter) are written as octal digits in a `printf`, so that the pasted
/// text itself is harmless as well.
///
/// ```
/// use fwrules::shell_quote;
/// assert_eq!(shell_quote(b"eth0"), "eth0");
/// assert_eq!(shell_quote(b"[unwanted netbios]"), "\"[unwanted netbios]\"");
/// assert_eq!(shell_quote(b"\"; touch pwned #"), "'\"; touch pwned #'");
/// assert_eq!(shell_quote(b"a\x1bb"), "\"$(printf 'a\\033b')\"");
/// ```
#[must_use]
pub fn shell_quote(text: &[u8]) -> String {
    let bare = |b: &u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(b);
    let plain = core::str::from_utf8(text).ok().filter(|t| t.chars().all(is_plain));
    match plain {
        Some(text) if !text.is_empty() && text.bytes().all(|b| bare(&b)) => text.to_owned(),
        // Double quotes as the guides print them, where nothing inside has a meaning.
        // `!` is the history of an interactive shell.
        Some(text) if !text.contains(['"', '$', '`', '\\', '!']) => format!("\"{text}\""),
        Some(text) => format!("'{}'", text.replace('\'', "'\\''")),
        None => {
            use fmt::Write;
            // `$()` drops newlines at the end of what the command prints: they follow it.
            let head = text.trim_ascii_end();
            let head = &text
                [..head.len() + text[head.len()..].iter().rposition(|&b| b != b'\n').map_or(0, |i| i + 1)];
            let mut format = String::new();
            let octal = |format: &mut String, byte: u8| {
                let _ = write!(format, "\\{byte:03o}");
            };
            for chunk in head.utf8_chunks() {
                for c in chunk.valid().chars() {
                    // A format that begins with `-` is an option.
                    let dash = c == '-' && format.is_empty();
                    if is_plain(c) && !dash && !matches!(c, '\'' | '\\' | '%' | '"' | '`' | '$' | '!') {
                        format.push(c);
                    } else {
                        let mut buffer = [0; 4];
                        for byte in c.encode_utf8(&mut buffer).bytes() {
                            octal(&mut format, byte);
                        }
                    }
                }
                for &byte in chunk.invalid() {
                    octal(&mut format, byte);
                }
            }
            format!("\"$(printf '{format}'){}\"", "\n".repeat(text.len() - head.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: Result<Vec<Word>, usize>) -> Vec<Text> {
        words.unwrap().into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn restore_quotes_are_double_and_escape_any_byte() {
        let line = br#"-A INPUT -j LOG --log-prefix "a\'b\"c\\d" x'y"#;
        let words = texts(restore_words(line));
        assert_eq!(words[5], r#"a'b"c\d"#);
        assert_eq!(words[6], "x'y");
        assert_eq!(restore_words(b"-A X \"abc"), Err(6));
    }

    #[test]
    fn shell_quotes_are_both_kinds() {
        let words = texts(shell_words(br#"--comment 'a "b"' "c \$d \n" e\ f"#));
        assert_eq!(words[1], r#"a "b""#);
        assert_eq!(words[2], r"c $d \n");
        assert_eq!(words[3], "e f");
    }

    #[test]
    fn save_strings_are_read_back() {
        for text in [&b"plain-Word_1"[..], b"", b"two words ", b"a'b\"c\\d", b"\xff\x01 caf\xc3\xa9"] {
            let mut out = Vec::new();
            save_string(&mut out, text);
            assert_eq!(restore_words(&out).unwrap()[0].text.as_bytes(), text);
        }
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let text = Text::from("aé".repeat(100));
        assert_eq!(text.cut(255).len(), 255);
        assert_eq!(text.cut(254).len(), 253);
        assert_eq!(Text::from(&[0xff; 300][..]).cut(255).len(), 255);
    }
}
