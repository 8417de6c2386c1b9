//! `--where`: and, or, not, over the record's fields.
//!
//! Responsible for: reading an expression; what it says becomes the same tests that the
//! filter options become.
//! Must not know: records.
//! Tested by: the unit tests below; `fwstat/tests/cli/filters.rs` against DuckDB or a reading of its own.
//!
//! ```text
//! or    = and ("or" and)*                 also ||
//! and   = not ("and" not)*                also &&
//! not   = ("not" | "!") not | "(" or ")" | test
//! test  = field                           the line shows it
//!       | field "is" ["not"] "null"
//!       | field ["not"] "in" ( "(" value ("," value)* ")" | value )
//!       | field ["not"] "between" value "and" value
//!       | field "has" flags               TCP flags, as --flags
//!       | field ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" | "~" | "!~") value
//! value = number, range, address, network, name, or text in quotes
//! ```

use regex::bytes::Regex;

use super::set::{is_number, number};
use super::{Filter, Set, values};
use crate::record::{Field, Key};
use crate::time::clock::NANOS;
use crate::time::timespec;

/// What an expression needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct Context<'c> {
    /// "Now", in nanoseconds of UTC.
    pub now: i64,
    /// The zone of moments without one.
    pub zone: &'c jiff::tz::TimeZone,
}

/// Reads an expression.
///
/// # Errors
/// A sentence, with the expression and a caret under the place.
pub fn parse(text: &str, context: &Context<'_>) -> Result<Filter, String> {
    let words = words(text).map_err(|(at, what)| caret(text, at, &what))?;
    let mut parser = Parser { words: &words, at: 0, end: text.len(), context, depth: 0 };
    let filter = parser.or().and_then(|filter| match parser.peek() {
        None => Ok(filter),
        Some(word) => Err((word.at, format!("expected `and`, `or` or the end, found `{}`", word.text))),
    });
    filter.map_err(|(at, what)| caret(text, at, &what))
}

/// The place and the sentence of an error.
type Failed = (usize, String);

/// What is wrong, and the place in the text: of a long one, what is around it.
fn caret(text: &str, at: usize, what: &str) -> String {
    /// Bytes to either side of the place.
    const AROUND: usize = 120;
    let whole = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let at = whole(at.min(text.len()));
    let (from, to) = (whole(at.saturating_sub(AROUND)), whole((at + AROUND).min(text.len())));
    let (before, after) =
        (crate::text::escape(&text.as_bytes()[from..at]), crate::text::escape(&text.as_bytes()[at..to]));
    let begin = if from > 0 { "..." } else { "" };
    let end = if to < text.len() { "..." } else { "" };
    let indent = begin.len() + crate::text::width(&before);
    let what = crate::text::shorten(what, 2 * AROUND);
    format!("{what}\n  {begin}{before}{after}{end}\n  {:indent$}^", "")
}

/// A word of an expression.
#[derive(Clone, Debug)]
struct Word {
    at: usize,
    text: String,
    quoted: bool,
}

impl Word {
    fn is(&self, text: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(text)
    }
}

/// Cuts an expression into words, signs, and texts in quotes.
fn words(text: &str) -> Result<Vec<Word>, Failed> {
    let mut words = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let first = bytes[at];
        let word = |text: &str, quoted: bool| Word { at, text: text.to_owned(), quoted };
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if matches!(first, b'\'' | b'"') {
            let mut inside = String::new();
            let mut chars = rest.char_indices().skip(1).peekable();
            let end = loop {
                match chars.next() {
                    None => return Err((at, "this quote has no end".to_owned())),
                    // Two quotes are one, as in SQL.
                    Some((_, c)) if c as u32 == u32::from(first) => match chars.peek() {
                        Some((_, next)) if *next as u32 == u32::from(first) => {
                            inside.push(c);
                            chars.next();
                        }
                        _ => break chars.peek().map_or(rest.len(), |(end, _)| *end),
                    },
                    Some((_, c)) => inside.push(c),
                }
            };
            words.push(word(&inside, true));
            at += end;
            continue;
        }
        let sign = ["<=", ">=", "<>", "!=", "!~", "==", "&&", "||", "(", ")", ",", "=", "<", ">", "~", "!"]
            .into_iter()
            .find(|sign| rest.starts_with(sign));
        if let Some(sign) = sign {
            words.push(word(sign, false));
            at += sign.len();
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || "()<>=!~,'\"&|".contains(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err((at, format!("`{}` means nothing here", crate::text::escape(&bytes[at..=at]))));
        }
        words.push(word(&rest[..end], false));
        at += end;
    }
    Ok(words)
}

struct Parser<'p> {
    words: &'p [Word],
    at: usize,
    end: usize,
    context: &'p Context<'p>,
    depth: usize,
}

/// Deeper nesting than people type.
const DEEPEST: usize = 100;

impl<'p> Parser<'p> {
    fn peek(&self) -> Option<&'p Word> {
        self.words.get(self.at)
    }

    fn next(&mut self) -> Option<&'p Word> {
        let word = self.peek();
        self.at += 1;
        word
    }

    /// Takes a word if it is one of these.
    fn take(&mut self, any: &[&str]) -> bool {
        let found = self.peek().is_some_and(|word| any.iter().any(|text| word.is(text)));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, text: &str) -> Result<(), Failed> {
        if self.take(&[text]) { Ok(()) } else { Err(self.failed(&format!("expected `{text}`"))) }
    }

    fn failed(&self, what: &str) -> Failed {
        match self.peek() {
            Some(word) => (word.at, format!("{what}, found `{}`", word.text)),
            None => (self.end, format!("{what}, found the end")),
        }
    }

    fn or(&mut self) -> Result<Filter, Failed> {
        let mut parts = vec![self.and()?];
        while self.take(&["or", "||"]) {
            parts.push(self.and()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
    }

    fn and(&mut self) -> Result<Filter, Failed> {
        let mut parts = vec![self.not()?];
        while self.take(&["and", "&&"]) {
            parts.push(self.not()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
    }

    fn not(&mut self) -> Result<Filter, Failed> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.failed("nested too deeply"));
        }
        let filter = if self.take(&["not", "!"]) {
            Filter::Not(Box::new(self.not()?))
        } else if self.take(&["("]) {
            let inner = self.or()?;
            self.expect(")")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn test(&mut self) -> Result<Filter, Failed> {
        let Some(name) = self.next() else { return Err(self.failed("expected a field")) };
        if name.quoted {
            return Err((name.at, "expected a field, found text in quotes".to_owned()));
        }
        let field = Field::parse(&name.text).map_err(|error| (name.at, error))?;
        let negate = |yes: bool, filter: Filter| if yes { Filter::Not(Box::new(filter)) } else { filter };
        if self.take(&["is"]) {
            let not = self.take(&["not"]);
            self.expect("null")?;
            return Ok(negate(!not, Filter::Has(field)));
        }
        if self.take(&["has"]) {
            let at = self.peek().map_or(self.end, |word| word.at);
            if field.key != Key::Flags {
                return Err((at, "`has` is for flags: flags has SYN".to_owned()));
            }
            let mut flags = String::new();
            loop {
                flags.push_str(if self.take(&["!"]) { "!" } else { "" });
                flags.push_str(&self.value()?.text);
                if !self.take(&[","]) {
                    break;
                }
                flags.push(',');
            }
            return values::flags(&flags).map_err(|error| (at, error));
        }
        let not = self.take(&["not"]);
        if self.take(&["in"]) {
            let mut parts = Vec::new();
            if self.take(&["("]) {
                loop {
                    parts.push(self.equal(&field)?);
                    if !self.take(&[","]) {
                        break;
                    }
                }
                self.expect(")")?;
            } else {
                parts.push(self.equal(&field)?);
            }
            return Ok(negate(not, if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) }));
        }
        if self.take(&["between"]) {
            let from = self.compare(&field, ">=")?;
            self.expect("and")?;
            let to = self.compare(&field, "<=")?;
            return Ok(negate(not, Filter::And(vec![from, to])));
        }
        if not {
            return Err(self.failed("expected `in` or `between`"));
        }
        if self.take(&["~"]) || self.peek().is_some_and(|word| word.is("!~")) {
            let not = self.take(&["!~"]);
            let word = self.value()?;
            let regex = Regex::new(&word.text).map_err(|error| (word.at, error.to_string()))?;
            return Ok(negate(not, Filter::Matches(field, regex)));
        }
        if self.take(&["=", "=="]) {
            return self.equal(&field);
        }
        if self.take(&["!=", "<>"]) {
            return Ok(Filter::Not(Box::new(self.equal(&field)?)));
        }
        for sign in ["<=", ">=", "<", ">"] {
            if self.take(&[sign]) {
                return self.compare(&field, sign);
            }
        }
        Ok(Filter::Has(field))
    }

    fn value(&mut self) -> Result<&'p Word, Failed> {
        match self.peek() {
            Some(word)
                if word.quoted || !["(", ")", ",", "!", "and", "or"].iter().any(|sign| word.is(sign)) =>
            {
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.failed("expected a value")),
        }
    }

    /// `field = value`.
    fn equal(&mut self, field: &Field) -> Result<Filter, Failed> {
        let word = self.value()?;
        let failed = |error: String| (word.at, error);
        match field.key {
            Key::Flags => values::flags(&format!("={}", word.text.replace(' ', ","))).map_err(failed),
            Key::Time => {
                let moment = self.moment(word)?;
                let last = if moment.exact { moment.utc } else { moment.utc + NANOS - 1 };
                Ok(Filter::Between(moment.utc, last))
            }
            Key::Ce | Key::Df | Key::Mf if word.is("true") => Ok(Filter::Has(field.clone())),
            Key::Ce | Key::Df | Key::Mf if word.is("false") => {
                Ok(Filter::Not(Box::new(Filter::Has(field.clone()))))
            }
            // A pattern only where it was not put in quotes.
            key if word.quoted && !is_number(key) && !is_addr(key) && key != Key::Proto => {
                Ok(Filter::In(field.clone(), Set::text(&word.text)))
            }
            key => Ok(Filter::In(field.clone(), Set::parse(key, &word.text).map_err(failed)?)),
        }
    }

    /// `field < value` and its like.
    fn compare(&mut self, field: &Field, sign: &str) -> Result<Filter, Failed> {
        let word = self.value()?;
        if field.key == Key::Time {
            let moment = self.moment(word)?;
            let last = if moment.exact { moment.utc } else { moment.utc + NANOS - 1 };
            return Ok(match sign {
                "<" => Filter::Between(i64::MIN, moment.utc - 1),
                "<=" => Filter::Between(i64::MIN, last),
                ">" => Filter::Between(last + 1, i64::MAX),
                _ => Filter::Between(moment.utc, i64::MAX),
            });
        }
        if is_addr(field.key) {
            return Set::addresses_beside(sign, &word.text)
                .map(|set| Filter::In(field.clone(), set))
                .map_err(|error| (word.at, error));
        }
        if !is_number(field.key) {
            return Err((word.at, format!("`{}` has no order: only = and != and ~ make sense", field.name)));
        }
        let n = number(&word.text).ok_or_else(|| (word.at, format!("`{}` is no number", word.text)))?;
        let none = Set::default;
        let set = match sign {
            "<" => n.checked_sub(1).map_or_else(none, |last| Set::numbers(0, last)),
            "<=" => Set::numbers(0, n),
            ">" => n.checked_add(1).map_or_else(none, |first| Set::numbers(first, u64::MAX)),
            _ => Set::numbers(n, u64::MAX),
        };
        Ok(Filter::In(field.clone(), set))
    }

    fn moment(&self, word: &Word) -> Result<timespec::Moment, Failed> {
        timespec::parse(&word.text, self.context.now, self.context.zone).map_err(|error| (word.at, error))
    }
}

/// Whether the values of a field are addresses.
fn is_addr(key: Key) -> bool {
    matches!(
        key,
        Key::Src | Key::Dst | Key::TunnelSrc | Key::TunnelDst | Key::Gateway | Key::ArpIpSrc | Key::ArpIpDst
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let zone = jiff::tz::TimeZone::UTC;
        parse(text, &Context { now: 0, zone: &zone }).map_or_else(|error| error, |_| "fine".to_owned())
    }

    #[test]
    fn expressions_are_read() {
        for text in [
            "dport = 22",
            "src in 10.0.0.0/8 and not (dport in (22, 80, ssh) or proto = udp)",
            "prefix = 'it''s' || prefix ~ '^tcp' && !df",
            "time >= '2026-06-30 06:00' and time < 2026-07-01",
            "flags has SYN,!ACK",
            "flags = 'ACK SYN'",
            "inner_dst is not null",
            "ttl between 1 and 64 and mark is null",
            "src > 10.0.0.1",
            "uid not in (0, 1000:2000)",
        ] {
            assert_eq!(error(text), "fine", "{text}");
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        assert_eq!(
            error("dport = 22 and srx = 10.0.0.1"),
            "no field is called `srx`; did you mean `src`?\n  dport = 22 and srx = 10.0.0.1\n                 ^"
        );
        assert!(error("dport = ").starts_with("expected a value, found the end"));
        assert!(error("(dport = 1").starts_with("expected `)`"));
        assert!(error("prefix = 'x").starts_with("this quote has no end"));
        assert!(error("prefix < 3").starts_with("`prefix` has no order"));
        assert!(error("dport = 22 src = 1.2.3.4").starts_with("expected `and`, `or` or the end"));
        assert!(error(&"(".repeat(5000)).starts_with("nested too deeply"));
    }
}
