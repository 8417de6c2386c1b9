//! Envelopes that were not understood: they become part of the prefix, and must not do so in silence.
//!
//! Responsible for: which prefixes hold what an envelope is made of, how many packets have one, and an
//! example; whether nearly every packet has a prefix of its own.
//! Must not know: lines, files.
//! Tested by: the unit tests below, `fwstat/tests/cli/faults.rs`.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use logparse::Envelope;

use super::position::{Position, Seen};

/// Prefixes that are remembered: enough to see whether they repeat.
const SAMPLE: usize = 2_000;
/// Fewer prefixes than this tell nothing.
const FEWEST: usize = 20;

/// What is known of packets with such prefixes.
#[derive(Clone, Debug, Default)]
pub struct Unread {
    /// How many packets, and the prefix of the first.
    pub found: Option<(Seen, Vec<u8>)>,
    /// How many packets have one word before `IN=` that was taken for the host and may be their prefix, and the first.
    pub hosts: Option<(Seen, Vec<u8>)>,
    /// The different prefixes of the packets that the grammar read, by hash.
    prefixes: HashSet<u64>,
    /// The packets among which they were found.
    among: u64,
    /// The first of these prefixes.
    first: Option<(Position, Vec<u8>)>,
}

impl Unread {
    /// Notes the prefix of a packet that was read by the grammar; `packets` have been read so far.
    pub(super) fn see(&mut self, prefix: &[u8], at: Position, packets: u64) {
        if is_envelope(prefix) {
            self.note(prefix, at);
        }
        if self.prefixes.len() < SAMPLE && !is_of_the_kernel(prefix) {
            let mut hasher = DefaultHasher::new();
            prefix.hash(&mut hasher);
            self.prefixes.insert(hasher.finish());
            self.among = packets;
            if self.first.is_none() {
                self.first = Some((at, prefix.to_vec()));
            }
        }
    }

    /// Notes a packet whose prefix is known to be such a one.
    pub(super) fn note(&mut self, prefix: &[u8], at: Position) {
        count(&mut self.found, prefix, at);
    }

    /// Notes a packet whose host may be its prefix.
    pub(super) fn note_host(&mut self, host: &[u8], at: Position) {
        count(&mut self.hosts, host, at);
    }

    pub(super) fn merge(&mut self, other: Unread) {
        add(&mut self.found, other.found);
        add(&mut self.hosts, other.hosts);
        self.prefixes.extend(other.prefixes);
        self.among += other.among;
        self.first = match (self.first.take(), other.first) {
            (Some(own), Some(theirs)) => Some(own.min(theirs)),
            (own, theirs) => own.or(theirs),
        };
    }

    /// If nearly every packet has a prefix of its own: how many were different among how many, and one.
    #[must_use]
    pub fn differ(&self) -> Option<(u64, u64, &[u8])> {
        let different = self.prefixes.len() as u64;
        let many = self.prefixes.len() >= FEWEST && different * 10 >= self.among * 8;
        let (_, first) = self.first.as_ref().filter(|_| many)?;
        Some((different, self.among, first))
    }
}

/// Counts a packet, of which the first is kept as an example.
fn count(seen: &mut Option<(Seen, Vec<u8>)>, example: &[u8], at: Position) {
    match seen {
        Some((seen, _)) => seen.count += 1,
        None => *seen = Some((Seen { count: 1, first: at }, example.to_vec())),
    }
}

/// Adds what another thread counted.
fn add(own: &mut Option<(Seen, Vec<u8>)>, theirs: Option<(Seen, Vec<u8>)>) {
    match (own, theirs) {
        (own @ None, theirs) => *own = theirs,
        (Some((seen, example)), Some((theirs, other))) => {
            seen.count += theirs.count;
            if theirs.first < seen.first {
                (seen.first, *example) = (theirs.first, other);
            }
        }
        _ => {}
    }
}

/// The host of a line without a tag and without a prefix, if it is the word before the packet: writers without
/// tags leave either of them out.
pub(super) fn lone_host<'a>(prefix: &'a [u8], envelope: &Envelope<'a>) -> Option<&'a [u8]> {
    let host = envelope.host.filter(|_| prefix.is_empty() && envelope.tag.is_none())?;
    (host.as_ptr() as usize + host.len() + 1 == prefix.as_ptr() as usize).then_some(host)
}

/// Whether a prefix holds a clock, an uptime, a level, the kernel's tag or a container's name.
pub(super) fn is_envelope(prefix: &[u8]) -> bool {
    let digit = |at: usize| prefix.get(at).is_some_and(u8::is_ascii_digit);
    let clock = |at: usize| {
        at >= 2
            && digit(at - 2)
            && digit(at - 1)
            && digit(at + 1)
            && digit(at + 2)
            && prefix.get(at + 3) == Some(&b':')
            && digit(at + 4)
            && digit(at + 5)
            // Bytes of an address go on.
            && prefix.get(at + 6) != Some(&b':')
            && at.checked_sub(3).is_none_or(|before| prefix[before] != b':')
    };
    let uptime = |at: usize| {
        let inside = prefix[at + 1..].trim_ascii_start();
        let seconds = inside.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let micros = inside.get(seconds + 1..).unwrap_or_default();
        seconds > 0
            && inside.get(seconds) == Some(&b'.')
            && micros.iter().take(6).filter(|byte| byte.is_ascii_digit()).count() == 6
    };
    let level = |at: usize| matches!(&prefix[at..], [b'<', b'0'..=b'7', b'>', ..]);
    // `gw-1  | `, as docker's compose prints it.
    let container = |at: usize| {
        let name = prefix[..at].trim_ascii_end();
        let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        name.len() < at
            && digits > 0
            && name[..name.len() - digits].ends_with(b"-")
            && prefix.get(at + 1) == Some(&b' ')
    };
    // `kernel: `, `kernel - - - `, `kernel 4 `: a tag in a form that is not known.
    let tag = prefix.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"kernel"));
    if tag && prefix.get(6).is_some_and(|byte| b" [(|\t:;".contains(byte)) {
        return true;
    }
    if begins_as_others_do(prefix) {
        return true;
    }
    // `14.13.52`, as clocks of some languages are; an address goes on.
    let dotted = |at: usize| {
        let pair = |from: usize, most: u8| {
            let pair = prefix.get(from..from + 2).filter(|pair| pair.iter().all(u8::is_ascii_digit));
            pair.is_some_and(|pair| (pair[0] - b'0') * 10 + pair[1] - b'0' <= most)
        };
        let before = at.checked_sub(3).map(|before| prefix[before]);
        pair(at.wrapping_sub(2), 23)
            && pair(at + 1, 59)
            && prefix.get(at + 3) == Some(&b'.')
            && pair(at + 4, 60)
            && matches!(before, None | Some(b' ' | b','))
            && matches!(prefix.get(at + 6), Some(b' ' | b']'))
    };
    prefix.iter().enumerate().any(|(at, byte)| match byte {
        b':' => clock(at) || prefix[..at].ends_with(b"kernel"),
        b'[' => uptime(at),
        b'<' => level(at),
        b'|' => container(at),
        b'.' => at >= 2 && dotted(at),
        _ => false,
    })
}

/// Whether a prefix begins as what other programs write does: a label of TAI64, an uptime without brackets, a
/// daemon's tag, a level in words between brackets, logcat's letter.
fn begins_as_others_do(prefix: &[u8]) -> bool {
    const LEVELS: [&[u8]; 9] =
        [b"emerg", b"crit", b"err", b"error", b"warn", b"warning", b"notice", b"info", b"debug"];
    const TAGS: [&[u8]; 7] = [b"ulogd:", b"ulogd[", b"ulogd2[", b"klogd", b"[klogd]", b"[kern]", b": "];
    let inside = |open: u8, close: u8| {
        let word = prefix.strip_prefix(&[open])?;
        Some(&word[..word.iter().take(9).position(|byte| *byte == close)?])
    };
    let level = inside(b'[', b']').or_else(|| inside(b'(', b')')).or_else(|| inside(b'<', b'>'));
    // `123.456789: `, `12.345     0 `.
    let seconds = prefix.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &prefix[seconds..];
    let micros = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let is_uptime = seconds > 0
        && rest.first() == Some(&b'.')
        && (micros >= 6 || micros >= 3 && rest.get(micros + 1) == Some(&b' '));
    let label = prefix.strip_prefix(b"@").unwrap_or(prefix);
    let hex = label.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    is_uptime
        || hex >= 16 && matches!(label.get(hex), Some(b' ' | b'\t'))
        || matches!(prefix, [b'V' | b'D' | b'I' | b'W' | b'E' | b'F', b'/', b'(', ..])
        || TAGS.iter().any(|tag| prefix.starts_with(tag))
        || level.is_some_and(|word| LEVELS.contains(&word))
}

/// The kernel's own prefixes tell of the packet, and differ.
fn is_of_the_kernel(prefix: &[u8]) -> bool {
    [&b"nf_ct_"[..], b"ip_ct_", b"TRACE: "].iter().any(|known| prefix.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_envelope_is_made_of_is_found() {
        for prefix in [
            "2024/06/30 06:06:13 gw DROP ",
            "gw kernel: DROP ",
            "[4617.129012] [UFW BLOCK] ",
            "<4>DROP ",
            "!06:06:13.1 DROP ",
            "ulogd-1  | DROP ",
            "kernel - - - DROP ",
            "KERNEL [x] DROP ",
            "123.456789: DROP ",
            "12.345     0     0 W kernel : DROP ",
            "KERNEL:DROP ",
            "ulogd[12]:DROP ",
            ": DROP ",
            "[warning] DROP ",
            "@4000000066ffdb5a\tDROP ",
            "4000000066ffdb5a00000000 DROP ",
            "W/(    0): DROP ",
            "[4. okt. 2024, 14.13.52 CEST] DROP ",
        ] {
            assert!(is_envelope(prefix.as_bytes()), "{prefix}");
        }
        for prefix in [
            "",
            "[UFW BLOCK] ",
            "Shorewall:net-fw:DROP:",
            "TRACE: filter:INPUT:rule:12 ",
            "[WAN_LOCAL-10-D]",
            "a<b>c ",
            "fw | DROP ",
            "mac 00:11:22:33 ",
            "kernelspace ",
            "kernel-drop ",
            "10.1.2.3 ",
            "10.11.12.13 ",
            "v10.11.12 ",
            "[ALERT] ",
            "deadbeef ",
        ] {
            assert!(!is_envelope(prefix.as_bytes()), "{prefix}");
        }
    }
}
