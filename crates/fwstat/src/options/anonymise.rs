//! What was typed for `fwstat anonymise`: the key, and the list of names.
//!
//! Responsible for: reading both, and making a key that is not there.
//! Must not know: what is done with them.
//! Tested by: `tests/cli/anonymise.rs`, the unit tests below.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use fwlog::text;

use crate::anonymise::Settings;
use crate::anonymise::pan::Key;
use crate::atomic_file;
use crate::cli::Anonymise;
use crate::report::diagnostics;
use crate::whole_file;

/// What decides about everything.
///
/// # Errors
/// The key or the list cannot be read, or they are none.
pub fn settings(arguments: &Anonymise) -> anyhow::Result<Settings> {
    let key = match &arguments.key {
        Some(path) => key(path).with_context(|| named("--key", path))?,
        None => random()?,
    };
    let list = match &arguments.replace {
        Some(path) => {
            let text = whole_file::text(path, whole_file::LIST).with_context(|| named("--replace", path))?;
            list(&text).map_err(|line| {
                anyhow!("{}:{line}: not a name, a comma, and what it becomes", named("--replace", path))
            })?
        }
        None => HashMap::new(),
    };
    Ok(Settings { key, vendor: !arguments.drop_vendor, list })
}

fn named(option: &str, path: &Path) -> String {
    format!("{option}: {}", text::escape(path.to_string_lossy().as_bytes()))
}

/// The key in a file; a new one if there is no file.
fn key(path: &Path) -> anyhow::Result<Key> {
    if !path.exists() {
        let key = random()?;
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        atomic_file::write_new_secret(path, format!("{digits}\n").as_bytes())?;
        diagnostics::warning(&format!(
            "{}: a new key; whoever has it can undo what was done with it",
            text::escape(path.to_string_lossy().as_bytes())
        ))?;
        return Ok(key);
    }
    let bytes = whole_file::read(path, whole_file::LIST)?;
    read(&bytes).ok_or_else(|| anyhow!("a key is 32 bytes, or 64 hexadecimal digits"))
}

/// A key as it is in a file.
fn read(bytes: &[u8]) -> Option<Key> {
    if let Ok(key) = bytes.try_into() {
        return Some(key);
    }
    let digits = bytes.trim_ascii();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// A random key.
fn random() -> anyhow::Result<Key> {
    let mut key = [0; 32];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut key)).context("/dev/urandom")?;
    Ok(key)
}

/// Names and what becomes of them; the number of the line that is none.
fn list(text: &str) -> Result<HashMap<Vec<u8>, Vec<u8>>, usize> {
    let mut list = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, becomes) = line.split_once(',').ok_or(number + 1)?;
        let (name, becomes) = (name.trim(), becomes.trim());
        // What is put into a line must not end it, nor look like a part of it.
        let harmless = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '=');
        if name.is_empty() || becomes.is_empty() || !becomes.chars().all(harmless) {
            return Err(number + 1);
        }
        list.insert(name.as_bytes().to_vec(), becomes.as_bytes().to_vec());
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bytes_or_digits() {
        let bytes: Key = std::array::from_fn(|at| at as u8);
        let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(read(&bytes), Some(bytes));
        assert_eq!(read(format!("{digits}\n").as_bytes()), Some(bytes));
        for wrong in [&b""[..], b"abc", &digits.as_bytes()[1..], &[b'x'; 64]] {
            assert_eq!(read(wrong), None);
        }
    }

    #[test]
    fn a_list_has_two_names_a_line() {
        let read = list("# names\ngw, gateway\n\nmy prefix,drop\n").unwrap();
        assert_eq!(read[&b"gw"[..]], b"gateway");
        assert_eq!(read[&b"my prefix"[..]], b"drop");
        for (wrong, line) in [("gw", 1), ("a,b\n,x", 2), ("a,", 1), ("a,b\"c", 1)] {
            assert_eq!(list(wrong), Err(line), "{wrong}");
        }
    }
}
