//! Text of data objects that the journal packed.
//!
//! Responsible for: the three packings, with bounded memory whatever the bytes say.
//! Must not know: what the text says.
//! Tested by: the unit tests below, `fwstat/tests/cli/journal.rs`.

use std::io::Read as _;

/// Memory that a decoder may ask for.
const MEMORY: u64 = 16 << 20;

const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;

/// Unpacks `packed` into `out`, at most `most` bytes of it; whether that was all.
///
/// # Errors
/// The packing is not known, or the text is damaged or would need too much memory.
pub(super) fn unpack(flags: u8, packed: &[u8], most: usize, out: &mut Vec<u8>) -> Result<bool, &'static str> {
    out.clear();
    let read = match flags {
        ZSTD => zstd::stream::read::Decoder::with_buffer(packed).and_then(|mut decoder| {
            decoder.window_log_max(MEMORY.ilog2())?;
            decoder.take(most as u64 + 1).read_to_end(out)
        }),
        XZ => {
            let stream = liblzma::stream::Stream::new_stream_decoder(2 * MEMORY, 0);
            let stream = stream.map_err(|_| "xz data for which there is no memory")?;
            let decoder = liblzma::bufread::XzDecoder::new_stream(packed, stream);
            decoder.take(most as u64 + 1).read_to_end(out)
        }
        LZ4 => return unpack_lz4(packed, most, out),
        _ => return Err("data packed in a way that is not known"),
    };
    match read {
        Ok(_) => {
            let whole = out.len() <= most;
            out.truncate(most);
            Ok(whole)
        }
        Err(_) => Err(if flags == ZSTD { "damaged zstd data" } else { "damaged xz data" }),
    }
}

/// The text's size in eight bytes, then one block.
fn unpack_lz4(packed: &[u8], most: usize, out: &mut Vec<u8>) -> Result<bool, &'static str> {
    let (size, block) = packed.split_first_chunk().ok_or("damaged lz4 data")?;
    let size = u64::from_le_bytes(*size);
    // A block of lz4 never becomes more than 255 times its size.
    if size > MEMORY || size > 255 * block.len() as u64 {
        return Err("lz4 data that claims to be larger than it can be, or than 16 MiB");
    }
    out.resize(size as usize, 0);
    match lz4_flex::block::decompress_into(block, out) {
        Ok(len) if len as u64 == size => {
            let whole = len <= most;
            out.truncate(most);
            Ok(whole)
        }
        _ => Err("damaged lz4 data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packing_is_undone_and_bounded() {
        let text: Vec<u8> = (0..20_000u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        let mut lz4 = (text.len() as u64).to_le_bytes().to_vec();
        lz4.extend(lz4_flex::block::compress(&text));
        let mut xz = Vec::new();
        liblzma::bufread::XzEncoder::new(&text[..], 1).read_to_end(&mut xz).unwrap();
        let zstd = zstd::stream::encode_all(&text[..], 3).unwrap();
        let mut out = Vec::new();
        for (flags, packed) in [(LZ4, lz4), (XZ, xz), (ZSTD, zstd)] {
            assert_eq!(unpack(flags, &packed, text.len(), &mut out), Ok(true), "{flags}");
            assert!(out == text, "{flags}");
            assert_eq!(unpack(flags, &packed, 100, &mut out), Ok(false), "{flags}");
            assert!(out == text[..100], "{flags}");
            assert!(unpack(flags, &packed[..packed.len() / 2], text.len(), &mut out).is_err(), "{flags}");
        }
        assert!(unpack(LZ4, &[255; 40], 1 << 20, &mut out).is_err());
        assert!(unpack(3, b"x", 10, &mut out).is_err());
    }
}
