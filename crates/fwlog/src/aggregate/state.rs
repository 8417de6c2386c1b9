//! What was counted, as bytes that can be kept, and back.
//!
//! Responsible for: the trait of what can be kept, and how its numbers and keys are written.
//! Must not know: files, what is counted.
//! Tested by: the unit tests below; of each aggregate in its file.
//!
//! Numbers are written in groups of seven bits, the lowest first, each byte but the last with its highest bit set
//! (LEB128); numbers that may be negative as 2n, or -2n-1. Keys are written in their order, each as what it has in common
//! with the one before and what is new. All of one kind stand together: so they are packed best.

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

    /// Keys that are in order and differ, behind their number.
    pub fn keys(&mut self, keys: &[&[u8]]) {
        self.number(keys.len() as u64);
        let mut new = Vec::new();
        let mut lengths = Writer::default();
        let mut before: &[u8] = &[];
        for key in keys {
            let common = before.iter().zip(*key).take_while(|(a, b)| a == b).count();
            self.number(common as u64);
            lengths.number((key.len() - common) as u64);
            new.extend_from_slice(&key[common..]);
            before = key;
        }
        self.0.extend_from_slice(&lengths.0);
        self.0.extend_from_slice(&new);
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
    pub fn number(&mut self) -> Result<u64, Damaged> {
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
        usize::try_from(number)
            .ok()
            .filter(|number| *number <= self.0.len())
            .ok_or(Damaged("it says that it has more than it has"))
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

    /// Keys, in order.
    ///
    /// # Errors
    /// There are none, or they are not in order.
    pub fn keys(&mut self) -> Result<Vec<Vec<u8>>, Damaged> {
        let len = self.count()?;
        let numbers =
            |from: &mut Self| (0..len).map(|_| from.number()).collect::<Result<Vec<u64>, Damaged>>();
        let (common, new) = (numbers(self)?, numbers(self)?);
        let mut keys: Vec<Vec<u8>> = Vec::with_capacity(len);
        let mut before: &[u8] = &[];
        for (common, new) in common.into_iter().zip(new) {
            let common = usize::try_from(common).ok().and_then(|common| before.get(..common));
            let new = self.take(usize::try_from(new).unwrap_or(usize::MAX))?;
            let key = [common.ok_or(Damaged("a key is damaged"))?, new].concat();
            if !keys.is_empty() && *before >= key[..] {
                return Err(Damaged("its keys are not in order"));
            }
            keys.push(key);
            before = keys.last().map_or(&[], |key| key);
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
        let keys: [&[u8]; 5] = [b"", b"a", b"ab", b"abc\0", b"b"];
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
