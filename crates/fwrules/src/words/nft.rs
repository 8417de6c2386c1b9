//! nft's words for a rule, as they are collected.
//!
//! Responsible for: `field VALUE` and `field != VALUE`, names, interfaces, protocols, quotes.
//! nft has no escape inside its quotes, so a text with `"` in it cannot be said at all.
//! Must not know: conditions, rules.
//! Tested by: the unit tests of `nft::write`, `tests/kernel.rs` (`nft -c -f`).

use core::fmt::Display;
use core::net::IpAddr;

use logparse::Protocol;

use crate::values::error::WriteError;
use crate::values::names;
use crate::values::net::{Family, Interface, Range, Test};

/// Why a condition cannot be written; `None`: nft has no word for it.
pub(crate) type NoWord = Option<WriteError>;

/// Words of nft's grammar that cannot name a chain (nft's scanner; those people use).
const RESERVED: &str = " accept drop reject return jump goto continue queue log limit counter ip ip6 inet \
    tcp udp icmp meta ct input output forward prerouting postrouting ";

/// One rule's text under construction.
pub(crate) struct Nft {
    pub(crate) out: Vec<u8>,
    pub(crate) family: Family,
    /// The protocol that the rule's header names.
    pub(crate) protocol: Option<Protocol>,
    /// The protocol that the words so far ask for.
    pub(crate) says: Option<Protocol>,
}

impl Nft {
    pub(crate) fn push(&mut self, text: &str) {
        if !self.out.is_empty() {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    /// `field VALUE`, `field != VALUE`.
    pub(crate) fn test(&mut self, field: &str, not: bool, value: impl Display) {
        let op = if not { "!= " } else { "" };
        self.push(&format!("{field} {op}{value}"));
    }

    /// `field & mask == VALUE`.
    pub(crate) fn masked(&mut self, field: &str, mask: impl Display, not: bool, value: impl Display) {
        let op = if not { "!=" } else { "==" };
        self.push(&format!("{field} & {mask} {op} {value}"));
    }

    /// A number or a range of them.
    pub(crate) fn range<T>(&mut self, field: &str, test: &Test<Range<T>>)
    where
        T: PartialEq + Display,
    {
        self.test(field, test.not, test.value.text('-'));
    }

    /// A field of a transport's header: the packet must be of that protocol.
    pub(crate) fn ports(
        &mut self,
        of: Protocol,
        sport: Option<&Test<Range<u16>>>,
        dport: Option<&Test<Range<u16>>>,
    ) {
        for (test, word) in [(sport, "sport"), (dport, "dport")] {
            if let Some(test) = test {
                self.range(&format!("{} {word}", protocol(of)), test);
                self.says = Some(of);
            }
        }
    }

    /// A text in quotes; there is no way to put a quote inside.
    pub(crate) fn quoted(&mut self, before: &str, text: &[u8]) -> Result<(), WriteError> {
        if text.iter().any(|b| matches!(b, b'"' | b'\n' | 0)) {
            let text = text.escape_ascii();
            return Err(WriteError::new(format!(
                "nft cannot write `{text}`: it has no way to quote a quote or a line break"
            )));
        }
        self.push(before);
        self.out.extend_from_slice(b" \"");
        self.out.extend_from_slice(text);
        self.out.push(b'"');
        Ok(())
    }

    /// `ip` or `ip6`, by the rule's family.
    pub(crate) fn ip(&self) -> &'static str {
        if self.family == Family::Ipv6 { "ip6" } else { "ip" }
    }
}

/// `ip` or `ip6`, by the address that is tested.
pub(crate) fn ip_of(addr: IpAddr) -> &'static str {
    if addr.is_ipv6() { "ip6" } else { "ip" }
}

/// A set in braces.
pub(crate) fn set<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    format!("{{ {} }}", values.iter().map(text).collect::<Vec<_>>().join(", "))
}

/// A name of a table, chain or set, as nft's grammar takes it: it has no quotes for them.
pub(crate) fn name(text: &[u8]) -> Result<String, WriteError> {
    let fits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'\\');
    let word = core::str::from_utf8(text).unwrap_or("");
    let reserved = RESERVED.contains(&format!(" {word} "));
    if text.first().is_some_and(u8::is_ascii_alphabetic) && text.iter().all(fits) && !reserved {
        return Ok(word.to_owned());
    }
    Err(WriteError::new(format!("`{}` is no name in nft", text.escape_ascii())))
}

/// The word for a protocol.
pub(crate) fn protocol(protocol: Protocol) -> String {
    match protocol {
        Protocol::DCCP => String::from("dccp"),
        _ => names::protocol_name(protocol).map_or_else(|| protocol.0.to_string(), str::to_owned),
    }
}

/// An interface in quotes; `+` is nft's `*`.
pub(crate) fn interface(interface: &Interface) -> Result<String, WriteError> {
    let (text, star) = match interface.wildcard() {
        Some(start) => (start, "*"),
        None => (interface.0.as_bytes(), ""),
    };
    match core::str::from_utf8(text) {
        Ok(text) if !text.contains(['"', '\n', '\0', '*', '\\']) => Ok(format!("\"{text}{star}\"")),
        _ => Err(WriteError::new(format!("nft cannot write the interface `{}`", interface.0))),
    }
}
