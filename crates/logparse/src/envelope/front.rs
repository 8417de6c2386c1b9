//! What tools and people put before a line: names and numbers of `grep`, `cat -n`, `less -N` and `diff`, quotes,
//! indentation, names of containers.
//!
//! Responsible for: where the line itself begins, if an envelope begins there. Without one nothing is taken
//! off: the same bytes may be a rule's prefix.
//! Must not know: what an envelope says.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

use memchr::memmem;

use super::{Envelope, date, stamp};

/// Elements before one envelope, at most: a line of nothing but quotes is no envelope's.
const FRONTS: usize = 8;

/// The width of `[    1.000000] `, the shortest stamp of dmesg.
const STAMP_WIDTH: usize = 15;

/// The longest name of a file, with its folders, that is looked for.
const LONGEST_NAME: usize = 255;

/// The line without what comes before its envelope; `None` if nothing does, or no envelope follows.
pub(super) fn without(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    for _ in 0..FRONTS {
        let Some(after) = element(rest) else { break };
        rest = after;
        if begins(rest) {
            return Some(rest);
        }
    }
    kernels(text)
}

/// The line of the kernel that follows what nothing above takes: a stamp, a host, the kernel's tag, before the packet.
fn kernels(text: &[u8]) -> Option<&[u8]> {
    /// Fronts and heads are short.
    const LONGEST: usize = 256;
    let near = &text[..text.len().min(LONGEST)];
    let near = &near[..memmem::find(near, b"IN=").unwrap_or(near.len())];
    let tag = memmem::rfind(near, b"kernel").filter(|at| *at > 0)?;
    let follows_word =
        |at: &usize| !near[*at - 1].is_ascii_alphanumeric() && !matches!(near[*at], b' ' | b'\t');
    (1..tag).filter(follows_word).map(|at| &text[at..]).find(|line| {
        let mut envelope = Envelope::default();
        let is_stamped = |line: &[u8]| stamp::any(line).is_some() || line.first() == Some(&b'<');
        is_stamped(line) && {
            super::syslog(line, &mut envelope);
            envelope.stamp.is_some() && envelope.tag == Some(b"kernel")
        }
    })
}

/// Whether what comes before `IN=` is nothing but the words of a prefix, in brackets or not: every envelope, and what
/// is put before one, has a digit or one of the signs that are missing here.
pub(super) fn is_none(text: &[u8]) -> bool {
    /// Longer ones are looked at more closely.
    const LONGEST: usize = 64;
    let is_word =
        |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'.' | b'_' | b'-' | b'[' | b']');
    let words = text.iter().take(LONGEST).take_while(|byte| is_word(byte)).count();
    text.get(words) == Some(&b'=') && text[..words].ends_with(b"IN")
}

/// Whether an envelope begins here, and not another element.
fn begins(text: &[u8]) -> bool {
    let Some(first) = text.first() else { return false };
    match first {
        b'<' => {
            let digits = text[1..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
            digits > 0 && text.get(digits + 1) == Some(&b'>')
        }
        b'[' => {
            stamp::uptime(text).is_some()
                || stamp::any(&text[1..]).is_some()
                || date::bracketed(&text[1..]).is_some()
        }
        b'{' => text[1..].trim_ascii_start().first() == Some(&b'"'),
        b'0'..=b'9' => super::kmsg::begins(text) || stamp::any(text).is_some() || date::any(text).is_some(),
        b' ' | b'\t' => false,
        _ => {
            text.starts_with(b"kernel:")
                || text.starts_with(b"MESSAGE=")
                || stamp::any(text).is_some()
                || date::any(text).is_some()
        }
    }
}

/// One element: a byte order mark, blanks, a quote's mark, a line's number, a file's name.
fn element(text: &[u8]) -> Option<&[u8]> {
    match text {
        [0xef, 0xbb, 0xbf, rest @ ..] | [0xc2, 0xa0, rest @ ..] => Some(rest),
        // A frame's border (bat), a list's dot.
        [0xe2, 0x94, 0x82, rest @ ..] | [0xe2, 0x80, 0xa2, rest @ ..] => Some(rest),
        [b' ' | b'\t', ..] => {
            // dmesg indents the further lines of a record by the width of its stamp: what looks like
            // a stamp there is the record's own text.
            let rest = text.trim_ascii_start();
            (text.len() - rest.len() < STAMP_WIDTH || rest.first() != Some(&b'[')).then_some(rest)
        }
        [b'>' | b'|' | b'+' | b'*' | b'`' | b'"' | b'\'', rest @ ..] => Some(rest),
        [b'-' | b'<' | b'#' | b'$', b' ', rest @ ..] => Some(rest),
        [b'[', ..] => bracketed(text),
        [b'0'..=b'9', ..] => numbered(text).or_else(|| named(text)).or_else(|| relay(text)),
        _ => named(text).or_else(|| container(text)).or_else(|| relay(text)),
    }
}

/// `[pod/gw-x7k2p/ulogd] `, `[/var/log/kern.log] `: where a line comes from.
fn bracketed(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().take(LONGEST_NAME).position(|b| *b == b']')?;
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'@');
    let name = &text[1..end];
    let is_source = name.iter().any(u8::is_ascii_alphabetic) && name.iter().all(is_name);
    text[end + 1..].strip_prefix(b" ").filter(|_| is_source)
}

/// `17:` of a hit, `17-` of its surroundings, `17<TAB>`, `17  `, `17.` and `17)` of what numbers lines; one blank
/// (`less -N`, `uniq -c`) only before an envelope.
fn numbered(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    match &text[digits..] {
        [b':' | b'-' | b'\t', rest @ ..] => Some(rest),
        [b' ' | b'.' | b')', b' ', rest @ ..] => Some(rest),
        [b' ', rest @ ..] if (1..=9).contains(&digits) && begins(rest) => Some(rest),
        _ => None,
    }
}

/// `FILE:`, `FILE-` and what is glued to it; the name may have blanks and dashes in it.
fn named(text: &[u8]) -> Option<&[u8]> {
    let ends = |at: &usize| matches!(text[*at], b':' | b'-');
    // An envelope comes before the packet, and its file's name before both.
    let near = &text[..text.len().min(LONGEST_NAME)];
    let end = memmem::find(near, b"IN=").unwrap_or(near.len());
    (1..end).filter(ends).map(|at| &text[at + 1..]).find(|rest| {
        let numbered =
            |rest: &[u8]| rest.first().is_some_and(u8::is_ascii_digit) && numbered(rest).is_some_and(follows);
        follows(rest) || numbered(rest.trim_ascii_start())
    })
}

/// Whether an envelope, or another element that one follows, comes after a name or a number.
fn follows(rest: &[u8]) -> bool {
    // No blank follows a file's name, as one follows a prefix that ends in a colon.
    match rest {
        [b' ', b' ', ..] | [b'\t', ..] => begins(rest.trim_ascii_start()),
        [b'>', rest @ ..] => begins(rest.trim_ascii_start()),
        [b'1'..=b'9', ..] => {
            let column = numbered(rest).is_some_and(|rest| begins(rest) && rest.len() > 1);
            column || begins(rest)
        }
        _ => begins(rest),
    }
}

/// `gw-1  | `, `net_gw.1.k2j3h4@node1    | `, `kern.log|`: the name of a container or a file, as docker's compose, its
/// swarms and lnav print it.
fn container(text: &[u8]) -> Option<&[u8]> {
    let bar = text.iter().take(64).position(|b| *b == b'|')?;
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@' | b'/');
    let name = text[..bar].trim_ascii_end();
    (!name.is_empty() && name.iter().all(is_name)).then(|| &text[bar + 1..])
}

/// The address of a relay's sender before the sender's own envelope.
fn relay(text: &[u8]) -> Option<&[u8]> {
    let blank = text.iter().take(48).position(|b| *b == b' ')?;
    super::loose::is_address(&text[..blank]).then(|| &text[blank + 1..])
}
