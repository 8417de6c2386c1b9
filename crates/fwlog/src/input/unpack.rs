//! Compressed streams, member by member.
//!
//! Responsible for: undoing gzip, zstd, xz and bzip2, so that every byte before a fault is given; a limit for the
//! memory that a stream may ask for; saying what is wrong with what follows.
//! Must not know: what is inside.
//! Tested by: the unit tests below, `fwstat/tests/cli/inputs.rs`.
//!
//! A file may hold several members (`cat a.gz b.gz`) and zeros after them (tapes, `xz` pads with them). The decoders
//! that go on over members by themselves lose what they have not yet given when the next one is none.

use std::io::{self, BufRead, BufReader, Read};

use super::bytes::Plain;

/// The memory that one stream may ask for: `xz -9` asks for 65 MiB, `zstd --ultra -22` for 128.
const MOST: u64 = 256 << 20;

/// The same as a power of two, for zstd's window.
const WINDOW_LOG: u32 = 28;

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The `.xz` format.
    Xz,
    /// The `.bz2` format.
    Bzip2,
}

impl Packing {
    /// The packing that begins so.
    #[must_use]
    pub fn of(head: &[u8]) -> Option<Packing> {
        match head {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            // A skippable frame may come before (pzstd writes them).
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Packing::Bzip2),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::Xz => "xz",
            Packing::Bzip2 => "bzip2",
        }
    }

    /// The command that unpacks without our limit.
    fn command(self) -> &'static str {
        match self {
            Packing::Gzip => "zcat",
            Packing::Zstd => "zstd -dc --long=31",
            Packing::Xz => "xz -dc",
            Packing::Bzip2 => "bzcat",
        }
    }
}

type Packed = BufReader<Plain>;

/// The decoder of one member.
enum Member {
    Gzip(flate2::bufread::GzDecoder<Packed>),
    Zstd(zstd::stream::read::Decoder<'static, Packed>),
    Xz(liblzma::bufread::XzDecoder<Packed>),
    Bzip2(bzip2::bufread::BzDecoder<Packed>),
}

impl Member {
    fn begin(packing: Packing, input: Packed) -> io::Result<Member> {
        Ok(match packing {
            Packing::Gzip => Member::Gzip(flate2::bufread::GzDecoder::new(input)),
            Packing::Bzip2 => Member::Bzip2(bzip2::bufread::BzDecoder::new(input)),
            Packing::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(MOST, 0)?;
                Member::Xz(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
                decoder.window_log_max(WINDOW_LOG)?;
                Member::Zstd(decoder)
            }
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Member::Gzip(decoder) => decoder.read(buffer),
            Member::Zstd(decoder) => decoder.read(buffer),
            Member::Xz(decoder) => decoder.read(buffer),
            Member::Bzip2(decoder) => decoder.read(buffer),
        }
    }

    /// What follows the member.
    fn end(self) -> Packed {
        match self {
            Member::Gzip(decoder) => decoder.into_inner(),
            Member::Zstd(decoder) => decoder.finish(),
            Member::Xz(decoder) => decoder.into_inner(),
            Member::Bzip2(decoder) => decoder.into_inner(),
        }
    }
}

/// The text of a packed stream. Its errors say what was being unpacked, and how far it came.
pub struct Unpacked {
    packing: Packing,
    member: Option<Member>,
    given: u64,
}

impl Unpacked {
    /// Begins with the first member.
    ///
    /// # Errors
    /// A decoder refuses to start.
    pub fn new(packing: Packing, input: Plain) -> io::Result<Unpacked> {
        let input = BufReader::with_capacity(128 << 10, input);
        Ok(Unpacked { packing, member: Some(Member::begin(packing, input)?), given: 0 })
    }

    /// Goes on after a member's end: zeros are skipped, another member is begun. Whether there is one.
    fn go_on(&mut self) -> io::Result<bool> {
        let Some(member) = self.member.take() else { return Ok(false) };
        let mut input = member.end();
        let head = loop {
            let buffer = input.fill_buf()?;
            let zeros = buffer.iter().take_while(|byte| **byte == 0).count();
            if zeros == 0 || buffer.is_empty() {
                break buffer;
            }
            input.consume(zeros);
        };
        if head.is_empty() {
            return Ok(false);
        }
        // A buffer that ends in a magic number is rare, and then the decoder tells.
        if Packing::of(head) != Some(self.packing) && head.len() >= 6
            || head.len() < 6 && !self.may_begin(head)
        {
            let name = self.packing.name();
            return Err(io::Error::other(format!(
                "the {name} data is followed by something else; what came before was read{}",
                self.far()
            )));
        }
        self.member = Some(Member::begin(self.packing, input)?);
        Ok(true)
    }

    /// Whether the few bytes at the end of a buffer may begin a member.
    fn may_begin(&self, head: &[u8]) -> bool {
        let magic: &[u8] = match self.packing {
            Packing::Gzip => &[0x1f, 0x8b],
            Packing::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
            Packing::Xz => &[0xfd, b'7', b'z', b'X', b'Z', 0],
            Packing::Bzip2 => b"BZh",
        };
        let len = head.len().min(magic.len());
        head[..len] == magic[..len]
    }

    fn far(&self) -> String {
        match self.given {
            0 => String::new(),
            given => format!(" ({} of text)", crate::text::bytes(given)),
        }
    }

    /// What is said of an error of the decoder.
    fn explained(&self, error: &io::Error) -> io::Error {
        let name = self.packing.name();
        let text = error.to_string();
        // liblzma and zstd say so.
        if text.contains("memory limit") || text.contains("too much memory") {
            let most = crate::text::bytes(MOST);
            return io::Error::other(format!(
                "the {name} data asks for more than {most} of memory to unpack, which a log never needs: \
                 {} FILE | fwstat unpacks it without this limit",
                self.packing.command()
            ));
        }
        let how = match error.kind() {
            io::ErrorKind::UnexpectedEof => "ends in the middle",
            _ => "is damaged",
        };
        let far = match self.given {
            0 => "before any text".to_owned(),
            given => format!("after {} of text; what came before was read", crate::text::bytes(given)),
        };
        io::Error::new(error.kind(), format!("the {name} data {how}, {far}"))
    }
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            match member.read(buffer) {
                Ok(0) => {
                    self.go_on()?;
                }
                Ok(read) => {
                    self.given += read as u64;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => return Err(self.explained(&error)),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &[u8] = b"Jun 30 06:06:13 gw kernel: DROP IN=eth0 OUT= SRC=192.0.2.1\n";

    fn packed(packing: Packing) -> Vec<u8> {
        let text = TEXT.repeat(20_000);
        match packing {
            Packing::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zstd => zstd::encode_all(&text[..], 1).unwrap(),
            Packing::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn read(packing: Packing, bytes: Vec<u8>) -> (usize, Option<String>) {
        let mut out = Vec::new();
        let mut unpacked = Unpacked::new(packing, Box::new(io::Cursor::new(bytes))).unwrap();
        let error = unpacked.read_to_end(&mut out).err().map(|error| error.to_string());
        (out.len() / TEXT.len(), error)
    }

    #[test]
    fn all_that_comes_before_a_fault_is_given() {
        for packing in [Packing::Gzip, Packing::Zstd, Packing::Xz, Packing::Bzip2] {
            let one = packed(packing);
            assert_eq!(read(packing, one.clone()), (20_000, None), "{packing:?}");
            assert_eq!(read(packing, one.repeat(3)), (60_000, None), "{packing:?}");
            for zeros in [1, 3, 4, 511] {
                let padded = [&one[..], &vec![0; zeros]].concat();
                assert_eq!(read(packing, padded.clone()), (20_000, None), "{packing:?} {zeros}");
                assert_eq!(
                    read(packing, [padded, one.clone()].concat()),
                    (40_000, None),
                    "{packing:?} {zeros}"
                );
            }
            for after in [&b"x"[..], b"text after it\n", b"BZ", b"\x1f"] {
                let (lines, error) = read(packing, [&one[..], after].concat());
                assert_eq!(lines, 20_000, "{packing:?} {}", after.escape_ascii());
                assert!(error.is_some(), "{packing:?} {}", after.escape_ascii());
            }
            let (_, error) = read(packing, one[..one.len() - 9].to_vec());
            assert!(error.unwrap().contains("ends in the middle"), "{packing:?}");
        }
    }

    #[test]
    fn what_asks_for_too_much_memory_is_told_so() {
        let options = liblzma::stream::LzmaOptions::new_preset(0).map(|mut options| {
            options.dict_size(512 << 20);
            options
        });
        let mut filters = liblzma::stream::Filters::new();
        filters.lzma2(&options.unwrap());
        let stream =
            liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32).unwrap();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(TEXT).unwrap();
        let bytes = encoder.finish().unwrap();
        let (lines, error) = read(Packing::Xz, bytes);
        assert_eq!(lines, 0);
        assert!(error.unwrap().contains("asks for more than 256"), "xz");
    }
}
