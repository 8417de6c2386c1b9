//! What vendors' kernels print around the kernel's own stamp.
//!
//! Responsible for: callers of MediaTek's, Samsung's, Motorola's, Huawei's and Asus's kernels, and what some put
//! into the brackets of the uptime.
//! Must not know: what the message says.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

/// The caller before a message, and the message: `(2)[22:ksoftirqd/2]`, `-(0)[0:swapper/0]` (MediaTek),
/// `[0:      swapper/0:    0] `, `I[0: ...] ` in an interrupt (Samsung), `[T22] ` (Motorola),
/// `[pid:432,cpu2,init]` (Huawei), `(CPU:0-pid:22:ksoftirqd/2) ` (Asus).
pub(super) fn caller(text: &[u8]) -> Option<(&[u8], &[u8])> {
    match text.first()? {
        b'(' if text.starts_with(b"(CPU:") => {
            let end = text.iter().take(64).position(|b| *b == b')')?;
            Some((&text[1..end], text[end + 1..].strip_prefix(b" ")?))
        }
        b'(' => mediatek(text),
        // The state of interrupts.
        b'-' | b'.' | b'~' if text.get(1) == Some(&b'(') => mediatek(&text[1..]),
        b'[' => bracketed(text),
        b'I' | b' ' if text.get(1) == Some(&b'[') => samsung(&text[1..]),
        _ => None,
    }
}

/// `(2)[22:ksoftirqd/2]`: the processor in hexadecimal, the process; the message follows at once.
fn mediatek(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"(")?;
    let digits = inside.iter().take(3).take_while(|b| b.is_ascii_hexdigit()).count();
    let process = inside[digits..].strip_prefix(b")[").filter(|_| digits > 0)?;
    let end = process.iter().take(64).position(|b| *b == b']')?;
    let name = &process[..end];
    let number = name.split(|b| *b == b':').next().filter(|number| number.len() < end)?;
    is_number(number).then(|| (name, &process[end + 1..]))
}

/// `[0:      swapper/0:    0] `: the processor, the process and its number; the name may have colons in it.
fn samsung(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = closed(text)?;
    let mut parts = name.split(|b| *b == b':');
    let (first, last) = (parts.next()?, parts.next_back()?);
    // A letter marks an interrupt in older ones.
    let processor = first.strip_prefix(b"I").or_else(|| first.strip_prefix(b"C")).unwrap_or(first);
    let three = parts.next().is_some();
    (three && is_number(processor) && is_number(last.trim_ascii())).then_some((name, rest))
}

fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = closed(text)?;
    let is_task = || {
        let number = name.strip_prefix(b"T").or_else(|| name.strip_prefix(b"C"));
        number.is_some_and(|number| number.split(|b| *b == b'@').next().is_some_and(is_number))
    };
    let is_huaweis = || name.starts_with(b"pid:") && memchr::memmem::find(name, b",cpu").is_some();
    if is_task() || is_huaweis() { Some((name, rest)) } else { samsung(text) }
}

/// What is in a pair of brackets, and what follows with the blank before it taken off.
fn closed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = text.strip_prefix(b"[")?;
    let end = inside.iter().take(64).position(|b| *b == b']')?;
    let rest = &inside[end + 1..];
    Some((&inside[..end], rest.strip_prefix(b" ").unwrap_or(rest)))
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// What follows the digits of an uptime up to its bracket, and the rest after the bracket: the processor (`@5`,
/// `,5`), the unit (`s`), a clock (` / 03-24 14:19:27.123`, with the processor in brackets of its own after it).
pub(super) fn end_of_uptime(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'@' | b',', rest @ ..] => {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            rest[digits..].strip_prefix(b"]")
        }
        [b's', b']', rest @ ..] => Some(rest),
        [b' ', b'/', b' ', clock @ ..] => {
            let end = clock.iter().take(24).position(|b| *b == b']')?;
            let is_clock = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b' ');
            if !clock[..end].iter().all(is_clock) {
                return None;
            }
            let rest = &clock[end + 1..];
            match rest {
                [b'[', b'0'..=b'9', b']', rest @ ..] => Some(rest),
                _ => Some(rest),
            }
        }
        _ => None,
    }
}
