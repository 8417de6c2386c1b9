//! Which parts of a line made it pass a filter, for showing them.
//!
//! Responsible for: the tokens (`SRC=192.0.2.1`) and texts of a line that a filter asked about and found.
//! Must not know: how they are shown.
//! Tested by: the unit tests below.

use std::ops::Range;

use logparse::TcpFlags;

use super::Filter;
use crate::record::{Field, Key, Record};

impl Filter {
    /// The parts of a record's line that made it pass, in order, none of them twice. A filter that is negated found
    /// nothing in the line, so it has no part.
    #[must_use]
    pub fn marks(&self, record: &Record<'_>) -> Vec<Range<usize>> {
        let mut marks = Vec::new();
        self.note(record, &mut marks);
        marks.retain(|mark| !mark.is_empty());
        marks.sort_by_key(|mark| (mark.start, mark.end));
        let mut apart: Vec<Range<usize>> = Vec::new();
        for mark in marks {
            match apart.last_mut() {
                Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
                _ => apart.push(mark),
            }
        }
        apart
    }

    fn note(&self, record: &Record<'_>, marks: &mut Vec<Range<usize>>) {
        let raw = record.raw;
        match self {
            Filter::And(parts) => parts.iter().for_each(|part| part.note(record, marks)),
            Filter::Or(parts) => {
                let passed = parts.iter().filter(|part| part.eval(record) == Some(true));
                passed.for_each(|part| part.note(record, marks));
            }
            Filter::In(field, _) | Filter::Has(field) | Filter::Matches(field, _) => {
                marks.extend(field_mark(field, record));
            }
            Filter::Prefix(text) => {
                let prefix = prefix_mark(record);
                let own = prefix.and_then(|own| {
                    let at = memchr::memmem::find(raw.get(own.clone())?, text)?;
                    Some(own.start + at..own.start + at + text.len())
                });
                marks.extend(own);
            }
            Filter::Flags { mask, set } => {
                // Where flags must not be set, nothing shows it.
                let wanted = *mask & *set;
                marks.extend(flag_marks(raw, wanted));
            }
            Filter::Mark { .. } => marks.extend(token(raw, b"MARK", false)),
            Filter::Mac(..) => marks.extend(token(raw, b"MAC", false)),
            Filter::Line(regex) => marks.extend(regex.find_iter(raw).map(|found| found.range())),
            Filter::All | Filter::Not(_) | Filter::Family(_) | Filter::Between(..) => {}
        }
    }
}

/// Where the prefix is in the line.
fn prefix_mark(record: &Record<'_>) -> Option<Range<usize>> {
    let prefix = record.exact_prefix();
    if prefix.is_empty() {
        return None;
    }
    let ends = |at: &usize| record.raw[at + prefix.len()..].starts_with(b"IN=");
    let at = memchr::memmem::find_iter(record.raw, prefix).find(ends);
    let at = at.or_else(|| memchr::memmem::find(record.raw, prefix))?;
    Some(at..at + prefix.len())
}

/// Where a field is in the line.
fn field_mark(field: &Field, record: &Record<'_>) -> Option<Range<usize>> {
    let raw = record.raw;
    let named: &[u8] = match field.key {
        Key::Prefix => {
            let exact = record.exact_prefix();
            return prefix_mark(record).map(|own| {
                let start = own.start + exact.len() - exact.trim_ascii_start().len();
                start..start + record.prefix().len()
            });
        }
        Key::Spt => b"SPT",
        Key::Dpt | Key::Service => b"DPT",
        Key::Mac | Key::MacSrc | Key::MacDst | Key::MacType => b"MAC",
        Key::IcmpType => b"TYPE",
        Key::IcmpCode => b"CODE",
        Key::IpId | Key::IcmpId => b"ID",
        Key::IcmpSeq => b"SEQ",
        Key::ProtoNumber => b"PROTO",
        Key::Host | Key::Tag => {
            let value = field.value(record).to_plain();
            let at = memchr::memmem::find(raw, value.as_bytes()).filter(|_| !value.is_empty())?;
            return Some(at..at + value.len());
        }
        Key::Flags => return token_words(raw),
        key if key.needs_time() => return None,
        key => &key.name().to_ascii_uppercase().into_bytes(),
    };
    token(raw, named, field.inner)
}

/// `KEY=value` in a line; of the packet that an ICMP error quotes if `inner`.
fn token(raw: &[u8], key: &[u8], inner: bool) -> Option<Range<usize>> {
    let quoted = memchr::memmem::find(raw, b"[SRC=").unwrap_or(raw.len());
    let (from, to) = if inner { (quoted, raw.len()) } else { (0, quoted) };
    let part = raw.get(from..to)?;
    let begins = |at: &usize| {
        (*at == 0 || matches!(part[*at - 1], b' ' | b'[')) && part.get(at + key.len()) == Some(&b'=')
    };
    // A prefix may hold the same letters: the kernel's own come after IN=.
    let own = memchr::memmem::find(part, b"IN=").unwrap_or(0);
    let at = memchr::memmem::find_iter(&part[own..], key).map(|at| at + own).find(begins)?;
    let length = part[at..].iter().position(|b| matches!(b, b' ' | b']' | b'\n')).unwrap_or(part.len() - at);
    Some(from + at..from + at + length)
}

/// The words of the TCP flags of a line.
fn token_words(raw: &[u8]) -> Option<Range<usize>> {
    let start = memchr::memmem::find(raw, b" RES=")? + 1;
    let start = start + raw[start..].iter().position(|b| *b == b' ')? + 1;
    let end = start + memchr::memmem::find(&raw[start..], b"URGP=")?;
    Some(start..start + raw[start..end].trim_ascii_end().len())
}

/// Each of these flags in a line.
fn flag_marks(raw: &[u8], wanted: TcpFlags) -> Vec<Range<usize>> {
    let Some(words) = token_words(raw) else { return Vec::new() };
    let mut marks = Vec::new();
    let mut at = words.start;
    for word in raw[words].split(|b| *b == b' ') {
        if TcpFlags::from_word(word).is_some_and(|flag| !(flag & wanted).is_empty()) {
            marks.push(at..at + word.len());
        }
        at += word.len() + 1;
    }
    marks
}

#[cfg(test)]
mod tests {
    use logparse::Line;

    use super::super::Set;
    use super::super::arguments::Argument;
    use super::*;

    const LINE: &str = "Jun 30 06:06:13 gw kernel: [1.0] SRC=x in.dropped IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 \
        TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 ACK SYN URGP=0 ";

    fn marked(filter: &Filter) -> Vec<&'static str> {
        let mut scratch = Vec::new();
        let entry = logparse::parse_with(LINE.as_bytes(), &mut scratch).unwrap();
        let record = Record::alone(Line::Full(&entry), LINE.as_bytes());
        assert!(filter.test(&record));
        filter.marks(&record).into_iter().map(|mark| &LINE[mark]).collect()
    }

    fn filter(argument: Argument, value: &str) -> Filter {
        argument.filter(&[value.to_owned()]).unwrap()
    }

    #[test]
    fn what_was_asked_about_is_marked() {
        assert_eq!(marked(&filter(Argument::Field(Key::Src), "192.0.2.0/24")), ["SRC=192.0.2.1"]);
        assert_eq!(marked(&filter(Argument::Field(Key::Dpt), "22,23")), ["DPT=23"]);
        assert_eq!(marked(&filter(Argument::Prefix, "dropped")), ["dropped"]);
        assert_eq!(marked(&filter(Argument::Prefix, "*dropped")), ["SRC=x in.dropped"]);
        assert_eq!(marked(&filter(Argument::Flags, "SYN")), ["SYN"]);
        assert_eq!(marked(&filter(Argument::Line, "T=[0-9]{2}")), ["T=19", "T=40", "T=23"]);
        assert!(marked(&filter(Argument::Field(Key::Src), "!10.0.0.0/8")).is_empty());
        let both = Filter::all(vec![
            filter(Argument::Field(Key::Proto), "tcp"),
            Filter::In(Field::of(Key::In), Set::parse(Key::In, "eth0").unwrap()),
        ]);
        assert_eq!(marked(&both), ["IN=eth0", "PROTO=TCP"]);
    }
}
