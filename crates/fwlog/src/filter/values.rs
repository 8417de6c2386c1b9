//! The values of filters that have a grammar of their own: TCP flags, ICMP types, hardware
//! addresses, marks.
//!
//! Responsible for: reading one such value into a filter, for options and for `--where` alike.
//! Must not know: where the text comes from.
//! Tested by: `fwstat/tests/cli/filters.rs` of fwstat.

use logparse::{IcmpType, Icmpv6Type, Protocol, TcpFlags};

use super::{Filter, set};
use crate::record::Key;

/// `SYN`, `SYN,!ACK`, `=SYN`, `none`, `SYN,ACK,FIN,RST/SYN`.
///
/// # Errors
/// A word is no flag.
pub fn flags(text: &str) -> Result<Filter, String> {
    let word = |text: &str| -> Result<TcpFlags, String> {
        match text.trim() {
            word if word.eq_ignore_ascii_case("none") || word.is_empty() => Ok(TcpFlags::EMPTY),
            word if word.eq_ignore_ascii_case("all") => Ok(TcpFlags::from_bits(0x3f)),
            word => TcpFlags::from_word(word.as_bytes()).ok_or_else(|| {
                format!("`{word}` is no TCP flag: SYN ACK FIN RST PSH URG ECE CWR AE, none, all")
            }),
        }
    };
    let words = |text: &str| {
        text.split(',').try_fold(TcpFlags::EMPTY, |sum, part| Ok::<_, String>(sum | word(part)?))
    };
    let every = TcpFlags::from_bits(u16::MAX);
    if let Some((mask, set)) = text.split_once('/') {
        let (mask, set) = (words(mask)?, words(set)?);
        return Ok(Filter::Flags { mask: mask | set, set });
    }
    if let Some(only) = text.strip_prefix('=') {
        return Ok(Filter::Flags { mask: every, set: words(only)? });
    }
    if text.eq_ignore_ascii_case("none") {
        return Ok(Filter::Flags { mask: every, set: TcpFlags::EMPTY });
    }
    let (mut mask, mut set) = (TcpFlags::EMPTY, TcpFlags::EMPTY);
    for part in text.split(',') {
        let flag = match part.trim().strip_prefix('!') {
            Some(part) => word(part)?,
            None => {
                let flag = word(part)?;
                set |= flag;
                flag
            }
        };
        mask |= flag;
    }
    Ok(Filter::Flags { mask, set })
}

/// `8`, `3/4`, `echo-request`.
///
/// # Errors
/// It is neither a number nor a known name.
pub fn icmp_type(text: &str) -> Result<Filter, String> {
    let (kind, code) = match text.split_once('/') {
        Some((kind, code)) => {
            (kind, Some(code.parse::<u8>().map_err(|_| format!("`{code}` is no ICMP code (0 to 255)"))?))
        }
        None => (text, None),
    };
    if let Ok(number) = kind.parse::<u8>() {
        return Ok(Filter::icmp(None, number, code));
    }
    let mut any = Vec::new();
    for number in 0..=255 {
        let is = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case(kind));
        if is(IcmpType(number).name()) {
            any.push((false, Filter::icmp(Some(Protocol::ICMP.0), number, code)));
        }
        if is(Icmpv6Type(number).name()) {
            any.push((false, Filter::icmp(Some(Protocol::ICMPV6.0), number, code)));
        }
    }
    match any.is_empty() {
        true => {
            Err(format!("`{kind}` is no ICMP type: a number, or a name as `iptables -p icmp -h` lists them"))
        }
        false => Ok(Filter::any_of(any)),
    }
}

/// `00:16:3e`, `00:16:3e:5e:6c:00`.
///
/// # Errors
/// It is not one to six bytes in hexadecimal.
pub fn mac(text: &str) -> Result<Filter, String> {
    let bytes: Option<Vec<u8>> = text
        .split([':', '-'])
        .map(|part| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2))
        .collect();
    match bytes {
        Some(bytes) if bytes.len() <= 6 => Ok(Filter::Mac(Key::MacSrc, bytes)),
        _ => Err(format!("`{text}` is no hardware address and no beginning of one (as 00:16:3e)")),
    }
}

/// `0x10`, `0x10/0xff`.
///
/// # Errors
/// A part is no number of 32 bits.
pub fn mark(text: &str) -> Result<Filter, String> {
    let number = |text: &str| set::number(text).and_then(|n| u32::try_from(n).ok());
    let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    match (number(value), number(mask)) {
        (Some(value), Some(mask)) => Ok(Filter::Mark { value, mask }),
        _ => Err(format!("`{text}` is no mark: 0x10, or masked, 0x10/0xff")),
    }
}
