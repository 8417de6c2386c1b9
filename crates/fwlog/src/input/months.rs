//! Names of months that mean one month in Croatian and another in Polish or Czech: `lip`, `lis`, `srp`.
//!
//! Responsible for: telling by the other months of an input which language it is, and writing such names so that
//! there is one reading. Where no other month tells, the reading of the parser stays: the language that more people
//! write.
//! Must not know: what follows a stamp.
//! Tested by: the unit tests below, `fwstat/tests/cli/faults.rs`.

use std::io::{self, Read as _};

use super::bytes::{Fail, Plain, SILENCE, is_pause};
use super::edited::Edited;

/// The names of glibc's `hr_HR` that no neighbour has.
const CROATIAN: [&str; 8] = ["sij", "velj", "ožu", "tra", "svi", "kol", "ruj", "stu"];

/// Those of `pl_PL` and `cs_CZ` that Croatian has not.
const OTHERS: [&str; 20] = [
    "sty", "lut", "mar", "kwi", "maj", "cze", "sie", "wrz", "paź", "gru", "led", "úno", "bře", "dub", "kvě",
    "čen", "čec", "zář", "říj", "čvn",
];

/// The names of both: what Croatian means by it in English, and what is said of the other reading.
const BOTH: [(&str, &str, &str); 3] = [
    ("lip", "Jun", "July in Polish and June in Croatian"),
    ("srp", "Jul", "August in Czech and July in Croatian"),
    ("lis", "Oct", "November in Polish and Czech and October in Croatian"),
];

/// Bytes that are read ahead to find a name that tells.
const AHEAD: usize = 32 << 20;

/// The word with which a line's stamp begins, without a level before it, and where it is.
fn month(line: &[u8]) -> Option<(usize, &str)> {
    let start = match line {
        [b'<', rest @ ..] => rest.iter().take(5).position(|byte| *byte == b'>')? + 2,
        [0xef, 0xbb, 0xbf, ..] => 3,
        _ => 0,
    };
    let rest = &line[start..];
    let end = rest.iter().take(6).position(|byte| *byte == b' ')?;
    let word = std::str::from_utf8(&rest[..end]).ok()?;
    Some((start, word.strip_suffix('.').unwrap_or(word)))
}

/// Whether a word is one of these names, in any case.
fn is_one(word: &str, names: &[&str]) -> bool {
    let same = |name: &&str| name.chars().eq(word.chars().flat_map(char::to_lowercase));
    names.iter().any(same)
}

/// Which of the names of both languages a word is.
fn shared(word: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    BOTH.iter().find(|(name, _, _)| is_one(word, &[name]))
}

/// Whether an input with these first bytes may be Croatian.
#[must_use]
pub fn may_clash(head: &[u8]) -> bool {
    // `pro` is December in Croatian and in Czech.
    month(head)
        .is_some_and(|(_, word)| shared(word).is_some() || is_one(word, &CROATIAN) || is_one(word, &["pro"]))
}

/// What the months of a text tell.
enum Told {
    Croatian,
    Other,
    /// Nothing; the first line with a name of both languages, by its number, and what is said of the name.
    Nothing(Option<(u64, String)>),
}

fn told(text: &[u8]) -> Told {
    let mut first = None;
    for (number, (_, line)) in (1..).zip(logparse::lines(text)) {
        let Some((_, word)) = month(line) else { continue };
        if is_one(word, &CROATIAN) {
            return Told::Croatian;
        }
        if is_one(word, &OTHERS) {
            return Told::Other;
        }
        if let Some((name, _, means)) = shared(word).filter(|_| first.is_none()) {
            first = Some((
                number,
                format!("`{name}` is {means}, and no other month here tells which: taken as the first"),
            ));
        }
    }
    Told::Nothing(first)
}

/// Reads ahead, of a stream that tells its pauses until it is silent for a while.
fn look_ahead(input: &mut Plain, ahead: &mut Vec<u8>) -> io::Result<()> {
    let mut silent = 0;
    while silent < SILENCE {
        let before = ahead.len();
        match input.take((AHEAD - before) as u64).read_to_end(ahead) {
            Err(error) if is_pause(&error) => silent = if ahead.len() > before { 0 } else { silent + 1 },
            read => return read.map(|_| ()),
        }
    }
    Ok(())
}

/// A stream whose names of months have one reading; of one without a name that tells, the first line with such a
/// name and what is said of it.
///
/// # Errors
/// None: what cannot be read on is an error of the stream that comes back.
pub fn settled(mut input: Plain) -> (Plain, Option<(u64, String)>) {
    let mut ahead = Vec::new();
    let failed = look_ahead(&mut input, &mut ahead).err();
    let told = told(&ahead);
    let front = io::Cursor::new(ahead);
    let all: Plain = match failed {
        Some(error) => Box::new(front.chain(Fail::new(error))),
        None => Box::new(front.chain(input)),
    };
    match told {
        Told::Croatian => (Box::new(Edited::new(all, in_english)), None),
        Told::Other => (all, None),
        Told::Nothing(first) => (all, first),
    }
}

/// A line of a Croatian input, with the English name in place of one that others mean otherwise.
fn in_english(line: &[u8], goes_on: bool, out: &mut Vec<u8>) {
    let name = month(line).filter(|_| !goes_on);
    match name.and_then(|(start, word)| Some((start, word.len(), shared(word)?))) {
        Some((start, len, (_, english, _))) => {
            out.extend_from_slice(&line[..start]);
            out.extend_from_slice(english.as_bytes());
            let rest = &line[start + len..];
            out.extend_from_slice(rest.strip_prefix(b".").unwrap_or(rest));
        }
        None => out.extend_from_slice(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<u64>) {
        assert!(may_clash(text.as_bytes()), "{text}");
        let (mut stream, doubt) = settled(Box::new(io::Cursor::new(text.as_bytes().to_vec())));
        let mut out = String::new();
        stream.read_to_string(&mut out).unwrap();
        (out, doubt.map(|(line, _)| line))
    }

    #[test]
    fn other_months_tell_the_language() {
        assert_eq!(read("ruj 30 a\nlis  1 lis\n"), ("ruj 30 a\nOct  1 lis\n".to_owned(), None));
        assert_eq!(read("<4>Srp. 3 a\nkol 1 b"), ("<4>Jul 3 a\nkol 1 b".to_owned(), None));
        assert_eq!(read("lip 3 a\nsij 1 b\n"), ("Jun 3 a\nsij 1 b\n".to_owned(), None));
        for text in ["lis 3 a\ngru 1 b\n", "srp 3 a\nzář 1 b\n", "pro 3 a\nled 1 b\nlis 3\n"] {
            assert_eq!(read(text), (text.to_owned(), None));
        }
        for (text, line) in [("lis 3 a\n", 1), ("pro 3 a\nx\nsrp 1 b\n", 3)] {
            assert_eq!(read(text), (text.to_owned(), Some(line)));
        }
        assert_eq!(read("pro 3 a\n").1, None);
        for text in ["Jun 30 a", "sty 1 a", "", "lis", "DROP IN=eth0 "] {
            assert!(!may_clash(text.as_bytes()), "{text}");
        }
    }
}
