//! The labels of a stream before a line, as Loki's and Prometheus' programs print them: `{host="gw", job="syslog"} `.
//!
//! Responsible for: where such labels end, and the host among them.
//! Must not know: what follows them.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use super::Envelope;

/// The labels under which shippers keep a host's name.
const HOSTS: [&[u8]; 4] = [b"host", b"hostname", b"nodename", b"node_name"];

/// How many labels are looked at.
const MOST: usize = 32;

/// What follows the labels that a text begins with, and the blanks after them; `None` if it begins with none.
pub(super) fn strip<'a>(text: &'a [u8], envelope: &mut Envelope<'a>) -> Option<&'a [u8]> {
    let mut rest = text.strip_prefix(b"{")?;
    if let Some(line) = rest.strip_prefix(b"} ") {
        return Some(line);
    }
    let mut host = None;
    for _ in 0..MOST {
        let is_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-' | b'/');
        let (name, after) = rest.split_at(rest.iter().take(64).take_while(is_name).count());
        let (value, after) = super::json::string(after.strip_prefix(b"=").filter(|_| !name.is_empty())?)?;
        if HOSTS.contains(&name) && !value.is_empty() {
            host = Some(value);
        }
        if let Some(after) = after.strip_prefix(b"}") {
            envelope.host = host.or(envelope.host);
            let line = after.trim_ascii_start();
            return Some(line).filter(|line| line.len() < after.len());
        }
        rest = after.strip_prefix(b",")?.trim_ascii_start();
    }
    None
}
