//! Tables and scans as bytes for another process, and what that process opened by them.
//!
//! Responsible for: the form of the messages: a magic number, the version, then parts, each behind its length.
//! Must not know: what a plan is.
//! Tested by: the unit tests below, those of `codec`, `benches/cluster.sh`.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::plan_err;
use datafusion::error::{DataFusionError, Result};
use fwlog::input::apart::{Cut, Piece};
use serde_json::{Value, json};

use super::origin::{self, Served};
use crate::logs::Logs;
use crate::scan::Lines;

/// What a message begins with; no message of the engine does.
const MAGIC: &[u8; 4] = b"FWS\x01";
/// Logs of so many queries are kept open.
const KEPT: usize = 16;

/// Whether this is one of ours.
pub(super) fn is_ours(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A message of these parts, the first of them for people and programs, the others for programs only.
pub(super) fn write(head: &Value, parts: &[Vec<u8>], out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    let texts = [origin::VERSION.as_bytes().to_vec(), head.to_string().into_bytes()];
    for part in texts.iter().chain(parts) {
        out.extend_from_slice(&(part.len() as u64).to_le_bytes());
        out.extend_from_slice(part);
    }
}

/// The parts of a message.
///
/// # Errors
/// It is of another version, or is none.
pub(super) fn read(bytes: &[u8]) -> Result<(Value, Vec<&[u8]>)> {
    let broken = || DataFusionError::Plan("a message that this version cannot read".to_owned());
    let mut rest = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<8>().ok_or_else(broken)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| broken())?;
        let (part, behind) = behind.split_at_checked(length).ok_or_else(broken)?;
        if parts.is_empty() && part != origin::VERSION.as_bytes() {
            let theirs = fwlog::text::escape(part);
            return plan_err!(
                "this is {}, and the query comes from {theirs}: all must be the same",
                origin::VERSION
            );
        }
        parts.push(part);
        rest = behind;
    }
    let head = parts.get(1).and_then(|head| serde_json::from_slice(head).ok()).ok_or_else(broken)?;
    Ok((head, parts.split_off(2)))
}

/// Logs and lines as values of a message.
pub(super) fn table(logs: &Logs, lines: Lines) -> Result<Value> {
    let Some(origin) = logs.origin() else { return plan_err!("logs that were not opened for a cluster") };
    let lines = match lines {
        Lines::Log => "log",
        Lines::Rest => "rest",
    };
    Ok(json!({ "origin": origin, "whole": logs.is_whole(), "lines": lines }))
}

pub(super) fn lines(head: &Value) -> Result<Lines> {
    match head["lines"].as_str() {
        Some("log") => Ok(Lines::Log),
        Some("rest") => Ok(Lines::Rest),
        _ => plan_err!("a message about another table"),
    }
}

/// How logs are cut, as a value. Open ends of time are the last numbers that there are.
pub(super) fn cut(cut: &Cut) -> Value {
    json!({ "size": cut.size, "times": cut.times, "whole": cut.whole, "between": cut.between.map(|(a, b)| [a, b]) })
}

fn cut_of(told: &Value) -> Option<Cut> {
    let between = match told["between"].as_array() {
        Some(ends) => Some((ends.first()?.as_i64()?, ends.get(1)?.as_i64()?)),
        None => None,
    };
    Some(Cut {
        size: told["size"].as_u64()?,
        times: told["times"].as_bool()?,
        whole: told["whole"].as_bool()?,
        between,
    })
}

/// Logs that were opened, and the ways in which they were cut.
#[derive(Debug)]
struct Opened {
    origin: String,
    whole: bool,
    logs: Arc<Logs>,
    pieces: Vec<(String, Arc<Vec<Piece>>)>,
}

/// Opens what messages describe, each description once.
#[derive(Debug)]
pub(super) struct Opener {
    /// What may be opened; a client opens nothing.
    served: Option<Served>,
    opened: Mutex<Vec<Opened>>,
}

impl Opener {
    pub(super) fn new(served: Option<Served>) -> Opener {
        Opener { served, opened: Mutex::default() }
    }

    /// The logs of a message.
    ///
    /// # Errors
    /// They cannot be opened, or are not what they were.
    pub(super) fn logs(&self, head: &Value) -> Result<Arc<Logs>> {
        self.with(head, |opened| Ok(Arc::clone(&opened.logs)))
    }

    /// The pieces of a message's logs.
    ///
    /// # Errors
    /// As before.
    pub(super) fn pieces(&self, head: &Value) -> Result<(Arc<Vec<Piece>>, Cut)> {
        let Some(cut) = cut_of(&head["cut"]) else { return plan_err!("a message without a way to cut logs") };
        let key = head["cut"].to_string();
        self.with(head, |opened| {
            if let Some((_, pieces)) = opened.pieces.iter().find(|(known, _)| *known == key) {
                return Ok((Arc::clone(pieces), cut));
            }
            let pieces = Arc::new(opened.logs.pieces(&cut));
            if let Some(error) = opened.logs.found().errors.first() {
                return plan_err!("{}: {}", fwlog::text::escape(error.name.as_bytes()), error.reason);
            }
            opened.pieces.push((key, Arc::clone(&pieces)));
            Ok((pieces, cut))
        })
    }

    fn with<T>(&self, head: &Value, take: impl FnOnce(&mut Opened) -> Result<T>) -> Result<T> {
        let Some(served) = &self.served else { return plan_err!("a client opens no logs for others") };
        let (Some(origin), Some(whole)) = (head["origin"].as_str(), head["whole"].as_bool()) else {
            return plan_err!("a message that describes no logs");
        };
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|opened| opened.whole == whole && opened.origin == origin);
        let mut opened = match known {
            Some(at) => all.remove(at),
            None => {
                let logs = origin::open(origin, whole, served);
                let logs = logs.map_err(|error| DataFusionError::Plan(format!("{error:#}")))?;
                Opened { origin: origin.to_owned(), whole, logs: Arc::new(logs), pieces: Vec::new() }
            }
        };
        let taken = take(&mut opened);
        // The one that was used last is the last one; what could not be read is looked at again.
        if taken.is_ok() {
            all.push(opened);
        }
        if all.len() > KEPT {
            all.remove(0);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_and_of_this_version_or_an_error() {
        let mut bytes = Vec::new();
        write(&json!({"a": 1}), &[vec![1, 2, 3], Vec::new()], &mut bytes);
        let (head, parts) = read(&bytes).unwrap();
        assert_eq!((head, parts), (json!({"a": 1}), vec![&[1_u8, 2, 3][..], &[]]));
        for end in 0..bytes.len() {
            // Cut between two parts it is shorter, which the reader of the parts sees.
            if let Ok((_, parts)) = read(&bytes[..end]) {
                assert!(parts.len() < 2, "{end}");
            }
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x55;
            let _ = read(&other);
        }
        let at = bytes.windows(7).position(|part| part == b"message").unwrap();
        bytes[at] = b'M';
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains("all must be the same") && error.contains(", Messages"), "{error}");
    }
}
