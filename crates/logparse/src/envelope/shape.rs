//! Objects like ones that were read before.
//!
//! Responsible for: the keys of the objects of a log, in the order in which its writer puts them: the same from line
//! to line. What each key says is found out once; of a line with the same keys only the ends of the values are
//! looked for.
//! Must not know: what a value says.
//! Tested by: the unit tests below, `tests/suites/engines.rs` (equality with the grammar on every input tried).
//!
//! Why this is equal to reading the object: what stands between two values decides where a key begins and ends and
//! where the next value does, and every byte of it must be the learned one; values are found by the same function.

use core::ops::Range;

use super::json::{Role, Value, string, value};
use crate::bytes::simd::same;

/// Shapes kept: a writer has one for packets, seldom two.
const SHAPES: usize = 4;

/// The shapes of a log.
#[derive(Default)]
pub(crate) struct Shapes {
    known: Vec<Shape>,
    /// The one that was found last, and the one to forget next.
    last: usize,
    oldest: usize,
}

/// The keys of an object.
pub(super) struct Shape {
    members: Vec<Member>,
    /// What follows the last value, to the closing bracket.
    end: Text,
    /// The same, with what did not change so far in one piece; whether less is the same than when they were made.
    runs: Vec<Run>,
    is_stale: bool,
}

/// How a line is read: what did not change in one piece, or member by member, which finds out what did.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Runs,
    Members,
}

/// Keys and the values that did not change, up to a value that did or to the end.
#[derive(Default)]
struct Run {
    literal: Vec<u8>,
    /// What is said in it, and where.
    told: Vec<(Role, Range<usize>)>,
    /// What the value that follows says; `None` at the end.
    value: Option<Role>,
}

struct Member {
    /// What comes before the value, from the end of the value before.
    before: Text,
    role: Role,
    /// The value, if it is a short text that was the same so far.
    same: Option<Text>,
}

/// The longest text between two values.
const LONGEST: usize = 48;
const MOST: usize = 32;

/// A text that a line must have somewhere.
struct Text {
    text: [u8; LONGEST],
    mask: [u8; LONGEST],
    len: usize,
}

impl Text {
    /// `None` if it is too long.
    fn of(text: &[u8]) -> Option<Text> {
        let mut known = Text { text: [0; LONGEST], mask: [0; LONGEST], len: text.len() };
        known.text.get_mut(..text.len())?.copy_from_slice(text);
        known.mask[..text.len()].fill(0xff);
        Some(known)
    }

    fn bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }

    /// What follows it in a line that begins with it.
    #[inline(always)]
    fn strip<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        let fits = match (line.first_chunk::<MOST>(), self.text.first_chunk(), self.mask.first_chunk()) {
            (Some(line), Some(text), Some(mask)) if self.len <= MOST => same(line, text, mask),
            _ => line.starts_with(&self.text[..self.len]),
        };
        if fits { line.get(self.len..) } else { None }
    }
}

impl Shapes {
    /// What `read` makes of the first shape that it can read the line with.
    pub(super) fn find<T>(&mut self, mut read: impl FnMut(&mut Shape) -> Option<T>) -> Option<T> {
        if let Some(found) = self.known.get_mut(self.last).and_then(&mut read) {
            return Some(found);
        }
        let mut others = (0..self.known.len()).filter(|shape| *shape != self.last);
        let (last, found) = others.find_map(|shape| Some((shape, read(&mut self.known[shape])?)))?;
        self.last = last;
        Some(found)
    }

    /// Remembers the keys of an object that was read.
    #[cold]
    pub(crate) fn learn(&mut self, line: &[u8]) {
        let Some(shape) = Shape::of(line) else { return };
        if self.known.len() < SHAPES {
            self.known.push(shape);
        } else {
            self.known[self.oldest] = shape;
            self.oldest = (self.oldest + 1) % SHAPES;
        }
    }
}

impl Shape {
    /// Of an object that was read to its end.
    fn of(line: &[u8]) -> Option<Shape> {
        let mut members = Vec::new();
        let mut from = line;
        let mut rest = line.strip_prefix(b"{")?.trim_ascii_start();
        while rest.first()? != &b'}' {
            let (key, after) = string(rest)?;
            let after = after.trim_ascii_start();
            let after = after.strip_prefix(b":").or_else(|| after.strip_prefix(b"=>"))?.trim_ascii_start();
            let before = Text::of(&from[..from.len() - after.len()])?;
            let (_, behind) = value(after)?;
            let text = &after[..after.len() - behind.len()];
            let same =
                Some(text).filter(|text| text.starts_with(b"\"") && text.len() <= MOST).and_then(Text::of);
            members.push(Member { before, role: Role::of(key), same });
            from = behind;
            rest = from.trim_ascii_start();
            rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        }
        let end = Text::of(&from[..from.len() - rest.len() + 1])?;
        let mut shape = Shape { members, end, runs: Vec::new(), is_stale: false };
        shape.join();
        Some(shape).filter(|shape| !shape.members.is_empty())
    }

    /// Makes the runs.
    fn join(&mut self) {
        self.is_stale = false;
        self.runs.clear();
        let mut run = Run::default();
        for member in &self.members {
            run.literal.extend_from_slice(member.before.bytes());
            let Some(same) = &member.same else {
                run.value = Some(member.role);
                self.runs.push(std::mem::take(&mut run));
                continue;
            };
            let from = run.literal.len();
            run.literal.extend_from_slice(same.bytes());
            if !member.role.is_none() {
                let at = from + 1..run.literal.len() - 1;
                run.told.push((member.role.with(&run.literal[at.clone()]), at));
            }
        }
        run.literal.extend_from_slice(self.end.bytes());
        self.runs.push(run);
    }

    /// Gives the values of an object with these keys to `each`, but for those that say nothing; what follows it.
    #[inline]
    pub(super) fn read<'a>(
        &mut self,
        how: How,
        line: &'a [u8],
        each: impl FnMut(Role, Value<'a>) -> Option<()>,
    ) -> Option<&'a [u8]> {
        match how {
            How::Runs => self.read_runs(line, each),
            How::Members => self.read_members(line, each),
        }
    }

    #[inline(always)]
    fn read_runs<'a>(
        &self,
        line: &'a [u8],
        mut each: impl FnMut(Role, Value<'a>) -> Option<()>,
    ) -> Option<&'a [u8]> {
        let mut rest = line;
        for run in &self.runs {
            let after = rest.strip_prefix(&run.literal[..])?;
            for (role, at) in &run.told {
                each(*role, Value::Text(&rest[at.clone()]))?;
            }
            let Some(role) = run.value else { return Some(after) };
            let found;
            (found, rest) = changing(after)?;
            if !role.is_none() {
                each(role, found)?;
            }
        }
        None
    }

    #[inline(never)]
    fn read_members<'a>(
        &mut self,
        line: &'a [u8],
        mut each: impl FnMut(Role, Value<'a>) -> Option<()>,
    ) -> Option<&'a [u8]> {
        let mut rest = line;
        for member in &mut self.members {
            rest = member.before.strip(rest)?;
            if let Some(same) = &member.same {
                if let Some(behind) = same.strip(rest) {
                    if !member.role.is_none() {
                        each(member.role, Value::Text(&rest[1..same.len - 1]))?;
                    }
                    rest = behind;
                    continue;
                }
                member.same = None;
                self.is_stale = true;
            }
            let found;
            (found, rest) = changing(rest)?;
            if !member.role.is_none() {
                each(member.role, found)?;
            }
        }
        let rest = self.end.strip(rest)?;
        if self.is_stale {
            self.join();
        }
        Some(rest)
    }
}

/// A value that may be another in each line, and what follows it. One more blank than there was belongs to what
/// comes before the value.
#[inline(always)]
fn changing(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    if text.first()?.is_ascii_whitespace() {
        return None;
    }
    value(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts that are read by the shape of another line.
    fn read(known: &str, line: &str) -> Option<Vec<String>> {
        let mut shapes = Shapes::default();
        shapes.learn(known.as_bytes());
        shapes.find(|shape| {
            let mut read = |how: How| {
                let mut texts = Vec::new();
                shape.read(how, line.as_bytes(), |_, value| {
                    let (Value::Text(text) | Value::Word(text) | Value::Array(text) | Value::Object(text)) =
                        value;
                    texts.push(text.escape_ascii().to_string());
                    Some(())
                })?;
                Some(texts)
            };
            let (quick, texts) = (read(How::Runs), read(How::Members));
            assert!(quick.is_none() || quick == texts, "{line}");
            // What was found out of the line is used for the next.
            assert_eq!(texts.is_some(), read(How::Runs).is_some(), "{line}");
            texts
        })
    }

    #[test]
    fn values_between_the_same_keys_are_found() {
        let known = r#"{"_CURSOR":"x", "MESSAGE" : "a", "PRIORITY":4 ,"log":{"a":1}} "#;
        let texts = |line: &str| read(known, line).map(|texts| texts.join("|"));
        assert_eq!(texts(known).as_deref(), Some(r#"a|4|{\"a\":1}"#));
        let other = r#"{"_CURSOR":"long \" one", "MESSAGE" : "b\\", "PRIORITY":30,"log":"l"}"#;
        assert_eq!(texts(other).as_deref(), Some(r"b\\\\|30|l"));
        for line in [
            r#"{"_CURSOR":"x", "MESSAGE" : "a", "PRIORITY":[4] ,"log":{"a":1}}"#,
            r#"{"_CURSOR":"x", "MESSAGE" :  "a", "PRIORITY":4 ,"log":{"a":1}}"#,
            r#"{"_CURSOR":"x", "MESSAGF" : "a", "PRIORITY":4 ,"log":{"a":1}}"#,
            r#"{"_CURSOR":"x", "MESSAGE" : "a", "PRIORITY":4 ,"log":{"a":1},"more":1}"#,
            r#"{"_CURSOR":"x", "MESSAGE" : "a", "PRIORITY":4 ,"log":{"a":1}"#,
            r#"{"_CURSOR":"x", "MESSAGE" : "a"#,
            "",
        ] {
            assert_eq!(texts(line), None, "{line}");
        }
    }

    #[test]
    fn the_shapes_of_a_few_writers_are_kept() {
        let mut shapes = Shapes::default();
        let line = |key: usize| format!(r#"{{"key{key}":"MESSAGE"}}"#);
        let knows = |shapes: &mut Shapes, key: usize| {
            let line = line(key);
            shapes.find(|shape| shape.read(How::Runs, line.as_bytes(), |_, _| Some(()))).is_some()
        };
        for key in 0..6 {
            assert!(!knows(&mut shapes, key));
            shapes.learn(line(key).as_bytes());
            assert!(knows(&mut shapes, key));
        }
        let known: Vec<bool> = (0..6).map(|key| knows(&mut shapes, key)).collect();
        assert_eq!(known, [false, false, true, true, true, true]);
    }
}
