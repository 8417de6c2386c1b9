//! Files that are read whole: rules, lists, the file of arguments.
//!
//! Responsible for: a limit for each, so that a wrong name (`/dev/zero`, a log) does not take all memory.
//! Must not know: what is in them.
//! Tested by: the unit tests below, `tests/cli/surface.rs`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use fwlog::text;

/// What a ruleset may have: the largest blocklists that nft takes are a tenth of it.
pub const RULES: u64 = 256 << 20;
/// What a list of networks may have.
pub const LIST: u64 = 32 << 20;
/// What a database of places may have: ten times the largest free one.
pub const DATABASE: u64 = 1 << 30;
/// What a state may have: a hundred times the largest that was seen.
pub const STATE: u64 = 1 << 30;
/// What a file of arguments or of a zone may have.
pub const SETTINGS: u64 = 1 << 20;

/// Reads all of a file.
///
/// # Errors
/// It cannot be read, or has more bytes than `most`.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    all_of(File::open(path)?, most)
}

/// Reads all of a text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn text(path: &Path, most: u64) -> io::Result<String> {
    let bytes = read(path, most)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "is not UTF-8"))
}

/// Reads all of a stream.
///
/// # Errors
/// As [`read`].
pub fn all_of(input: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let most = text::bytes(most);
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("is larger than {most}, which none is"),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        assert!(read(Path::new("/dev/zero"), SETTINGS).unwrap_err().to_string().contains("1.0 MiB"));
        assert_eq!(all_of(&b"abc"[..], 3).unwrap(), b"abc");
        assert!(all_of(&b"abc"[..], 2).is_err());
        assert!(text(Path::new("/dev/null"), SETTINGS).unwrap().is_empty());
    }
}
