//! What was counted, as bytes that can be kept, and back.
//!
//! Responsible for: the trait of what can be kept, and how its numbers and keys are written.
//! Must not know: files, what is counted.
//! Tested by: the unit tests below; of each aggregate in its file.
//!
//! Numbers are written in groups of seven bits, the lowest first, each byte but the last with its highest bit set
//! (LEB128); numbers that may be negative as 2n, or -2n-1. Keys are written in their order, each as what it has in common
//! with the one before and what is new; or, of several values, by the first values that a list before them has. All of one
//! kind stand together: so they are packed best.

use hashbrown::HashMap;

use super::key;

/// Something that can be kept, and counted on from.
///
/// Equal counts give equal bytes, in whatever order and in how many parts they were counted.
pub trait State {
    /// Appends it.
    fn write(&self, out: &mut Writer);

    /// Takes what [`State::write`] wrote into an empty one of the same question.
    ///
    /// # Errors
    /// The bytes are none that it writes.
    fn read(&mut self, from: &mut Reader<'_>) -> Result<(), Damaged>;
}

/// Why bytes are no state: what is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged(pub &'static str);

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Damaged {}

/// Keys in order, one behind the other in one vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let key = &self.bytes[start..*end];
            start = *end;
            key
        })
    }

    /// One of them.
    pub(super) fn get(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    /// Appends one that comes in two parts.
    pub(super) fn push(&mut self, head: &[u8], rest: &[u8]) {
        self.bytes.extend_from_slice(head);
        self.bytes.extend_from_slice(rest);
        self.ends.push(self.bytes.len());
    }
}

impl<'a> FromIterator<&'a [u8]> for Keys {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(all: I) -> Keys {
        let mut keys = Keys::default();
        all.into_iter().for_each(|key| keys.push(key, &[]));
        keys
    }
}

/// Bytes that are being written.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A number.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A number that may be negative.
    pub fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    /// Bytes, behind their number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Makes room for so many bytes and no more.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.0.reserve_exact(bytes);
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keys that are in order and differ, behind their number.
    pub fn keys(&mut self, keys: &Keys) {
        self.number(keys.len() as u64);
        let mut new = Vec::new();
        let mut lengths = Writer::default();
        let mut before: &[u8] = &[];
        for key in keys.iter() {
            let common = before.iter().zip(key).take_while(|(a, b)| a == b).count();
            self.number(common as u64);
            lengths.number((key.len() - common) as u64);
            new.extend_from_slice(&key[common..]);
            before = key;
        }
        self.0.extend_from_slice(&lengths.0);
        self.0.extend_from_slice(&new);
    }

    /// The same of several values each, of which the first is most likely in a list that was written before.
    ///
    /// A 1; for each of that list, how many keys begin with it; the different rests of keys; for each key which rest it has,
    /// from the one before with the same beginning. If a key begins with another value: a 0, and the keys as they are.
    pub fn keys_under(&mut self, heads: &Keys, keys: &Keys) {
        let mut left = keys.iter().map(|key| key.split_at(key::head(key).unwrap_or(0))).peekable();
        let mut numbers = Writer::default();
        let mut rests = Vec::with_capacity(keys.len());
        let mut lengths = Vec::new();
        for head in heads.iter() {
            let before = rests.len();
            while let Some((_, rest)) = left.next_if(|(own, _)| *own == head) {
                rests.push(rest);
            }
            numbers.number((rests.len() - before) as u64);
            if rests.len() > before {
                lengths.push(rests.len() - before);
            }
        }
        if left.peek().is_some() {
            self.number(0);
            return self.keys(keys);
        }
        // The number of each rest in the order in which they came, then its place among the sorted ones.
        let mut numbered: HashMap<&[u8], u32> = HashMap::new();
        let mut different = Vec::new();
        let came: Vec<u32> = rests
            .into_iter()
            .map(|rest| {
                *numbered.entry(rest).or_insert_with(|| {
                    different.push((rest, different.len() as u32));
                    different.len() as u32 - 1
                })
            })
            .collect();
        different.sort_unstable();
        let mut places = vec![0; different.len()];
        (0u64..).zip(&different).for_each(|(place, (_, number))| places[*number as usize] = place);
        self.number(1);
        self.0.extend_from_slice(&numbers.0);
        self.keys(&different.into_iter().map(|(rest, _)| rest).collect());
        let mut came = came.into_iter();
        for length in lengths {
            let mut before = 0;
            for number in came.by_ref().take(length) {
                let place = places[number as usize];
                self.number(place - before);
                before = place;
            }
        }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Bytes that are being read.
#[derive(Clone, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// From the beginning.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// A number.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub fn number(&mut self) -> Result<u64, Damaged> {
        match self.0 {
            [byte @ ..0x80, rest @ ..] => {
                self.0 = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_number(),
        }
    }

    #[inline(never)]
    fn long_number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0;
        for (at, byte) in self.0.iter().take(10).enumerate() {
            let part = u64::from(byte & 0x7f);
            if at == 9 && part > 1 {
                break;
            }
            number |= part << (7 * at);
            if byte & 0x80 == 0 {
                // One form for each number.
                if *byte == 0 && at > 0 {
                    break;
                }
                self.0 = &self.0[at + 1..];
                return Ok(number);
            }
        }
        Err(Damaged("a number is damaged"))
    }

    /// How often something came.
    ///
    /// # Errors
    /// There is no number, or it is larger than any log has lines.
    pub fn times(&mut self) -> Result<u64, Damaged> {
        let number = self.number()?;
        if number < 1 << 56 { Ok(number) } else { Err(Damaged("a count is larger than any can be")) }
    }

    /// A number that may be negative.
    ///
    /// # Errors
    /// There is none.
    pub fn signed(&mut self) -> Result<i64, Damaged> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A number of things of at least one byte each.
    ///
    /// # Errors
    /// There are not so many bytes left.
    pub fn count(&mut self) -> Result<usize, Damaged> {
        let number = self.number()?;
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        self.has(number)?;
        Ok(number)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Damaged> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Damaged("its end is missing"))?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Bytes.
    ///
    /// # Errors
    /// There are none, or not so many.
    pub fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let len = self.count()?;
        self.take(len)
    }

    /// Whether so many bytes are left.
    pub(super) fn has(&self, len: usize) -> Result<(), Damaged> {
        if len <= self.0.len() { Ok(()) } else { Err(Damaged("it says that it has more than it has")) }
    }

    /// So many numbers.
    ///
    /// # Errors
    /// There are not so many.
    pub fn numbers(&mut self, len: usize) -> Result<Vec<u64>, Damaged> {
        self.has(len)?;
        (0..len).map(|_| self.number()).collect()
    }

    /// Keys, in order.
    ///
    /// # Errors
    /// There are none, or they are not in order.
    pub fn keys(&mut self) -> Result<Keys, Damaged> {
        let len = self.count()?;
        let (common, new) = (self.numbers(len)?, self.numbers(len)?);
        let mut keys = Keys { bytes: Vec::with_capacity(self.0.len()), ends: Vec::with_capacity(len) };
        let mut before = 0..0;
        for (common, new) in common.into_iter().zip(new) {
            let common = usize::try_from(common).ok().filter(|common| *common <= before.len());
            let common = common.ok_or(Damaged("a key is damaged"))?;
            let new = self.take(usize::try_from(new).unwrap_or(usize::MAX))?;
            if !keys.ends.is_empty() && keys.bytes[before.start + common..before.end] >= *new {
                return Err(Damaged("its keys are not in order"));
            }
            keys.bytes.extend_from_within(before.start..before.start + common);
            keys.push(new, &[]);
            before = before.end..keys.bytes.len();
        }
        Ok(keys)
    }

    /// What [`Writer::keys_under`] wrote.
    ///
    /// # Errors
    /// There are none, or they are not in order.
    pub fn keys_under(&mut self, heads: &Keys) -> Result<Keys, Damaged> {
        match self.number()? {
            0 => return self.keys(),
            1 => {}
            _ => return Err(Damaged("its keys are damaged")),
        }
        let numbers = self.numbers(heads.len())?;
        let rests = self.keys()?;
        let mut keys = Keys::default();
        for (head, number) in heads.iter().zip(numbers) {
            let mut place = 0u64;
            for at in 0..number {
                let step = self.number()?;
                place = place.saturating_add(step);
                let rest = usize::try_from(place).ok().filter(|place| *place < rests.len());
                let rest = rest.filter(|_| at == 0 || step > 0).ok_or(Damaged("a key is damaged"))?;
                keys.push(head, rests.get(rest));
            }
        }
        Ok(keys)
    }

    /// Whether all was read.
    ///
    /// # Errors
    /// Something is left.
    pub fn finish(self) -> Result<(), Damaged> {
        if self.0.is_empty() { Ok(()) } else { Err(Damaged("there is something behind its end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let signed = [0, 1, -1, 64, -64, -65, i64::MAX, i64::MIN];
        let keys: Keys = [&b""[..], b"a", b"ab", b"abc\0", b"b"].into_iter().collect();
        let mut out = Writer::default();
        numbers.iter().for_each(|number| out.number(*number));
        signed.iter().for_each(|number| out.signed(*number));
        out.keys(&keys);
        out.bytes(b"end");
        let bytes = out.finish();
        let mut from = Reader::new(&bytes);
        assert!(numbers.iter().all(|number| from.number() == Ok(*number)));
        assert!(signed.iter().all(|number| from.signed() == Ok(*number)));
        assert_eq!(from.keys().unwrap(), keys);
        assert_eq!(from.bytes(), Ok(&b"end"[..]));
        assert_eq!(from.finish(), Ok(()));
    }

    #[test]
    fn keys_stand_under_the_first_values_of_others() {
        let list = |all: &[&[u8]]| all.iter().copied().collect::<Keys>();
        // Numbers of one byte: 1, 2, 3; then pairs of them.
        let heads = list(&[&[0x11, 1], &[0x11, 2], &[0x11, 3]]);
        let known = list(&[&[0x11, 1, 0x11, 9], &[0x11, 3, 0x11, 8], &[0x11, 3, 0x11, 9]]);
        let other = list(&[&[0x11, 1, 0x11, 9], &[0x11, 4, 0x11, 9]]);
        for (keys, first) in [(known, 1), (other, 0), (Keys::default(), 1)] {
            let mut out = Writer::default();
            out.keys_under(&heads, &keys);
            let bytes = out.finish();
            assert_eq!(bytes[0], first);
            let mut from = Reader::new(&bytes);
            assert_eq!(from.keys_under(&heads), Ok(keys));
            assert_eq!(from.finish(), Ok(()));
            for end in 0..bytes.len() {
                assert!(Reader::new(&bytes[..end]).keys_under(&heads).is_err(), "{end}");
            }
        }
        // A rest that is not there; the same one twice.
        for bytes in [&[1, 1, 0, 0, 1, 0, 1, b'x', 1][..], &[1, 2, 0, 0, 1, 0, 1, b'x', 0, 0]] {
            assert!(Reader::new(bytes).keys_under(&heads).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn damage_is_an_error_and_takes_no_memory() {
        // More keys than bytes; a key that has more in common than there is; two keys in the wrong order.
        for bytes in
            [&[0xff, 0xff, 0xff, 0xff, 0x7f][..], &[1, 1, 1, 1], &[2, 0, 0, 1, 1, b'b', b'a'], &[2, 0]]
        {
            assert!(Reader::new(bytes).keys().is_err(), "{bytes:?}");
        }
        for bytes in [&[][..], &[0x80], &[0x80, 0], &[0xff; 11], &[5, 1]] {
            assert!(Reader::new(bytes).bytes().is_err(), "{bytes:?}");
        }
        assert!(Reader::new(b"x").finish().is_err());
    }
}
