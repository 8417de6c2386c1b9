//! Options and extension headers, decoded on demand from the text of a line.
//!
//! Responsible for: IPv4 options, TCP options, and the printed IPv6 extension headers.
//! Must not know: where in a line the text stood.
//! Tested by: the unit tests below, `tests/suites/suite.rs` (every line's options), the fuzz target
//! `options` (any bytes).
//!
//! Options come from the wire, so nothing here trusts a length: one that does not fit is a
//! value ([`TcpOption::Damaged`]), never an error and never a panic.

use core::net::Ipv4Addr;

use crate::packet::{Extension, ExtensionKind, Extensions, HexText, Security};
use crate::types::hex_value;

impl<'a> HexText<'a> {
    /// The text as TCP options, in the order of the header.
    ///
    /// ```
    /// use logparse::{HexText, TcpOption};
    /// let hex = HexText::new(b"020405B40402080A000000010000000001030307").unwrap();
    /// let options: Vec<TcpOption> = hex.tcp_options().collect();
    /// assert_eq!(options[0], TcpOption::Mss(1460));
    /// assert_eq!(options[1], TcpOption::SackPermitted);
    /// assert_eq!(options[2], TcpOption::Timestamps { value: 1, echo: 0 });
    /// assert_eq!(options[3], TcpOption::Nop);
    /// assert_eq!(options[4], TcpOption::WindowScale(7));
    /// ```
    #[must_use]
    pub const fn tcp_options(&self) -> TcpOptions<'a> {
        TcpOptions(Tlv(self.text()))
    }

    /// The text as IPv4 options, in the order of the header.
    ///
    /// ```
    /// use logparse::{HexText, IpOption};
    /// let hex = HexText::new(b"94040000").unwrap();
    /// assert!(hex.ip_options().eq([IpOption::RouterAlert(0)]));
    /// ```
    #[must_use]
    pub const fn ip_options(&self) -> IpOptions<'a> {
        IpOptions(Tlv(self.text()))
    }
}

/// One TCP option (IANA "TCP Option Kind Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TcpOption<'a> {
    /// Kind 0: the end of the list; padding follows.
    End,
    /// Kind 1: one byte of padding.
    Nop,
    /// Kind 2: maximum segment size in bytes (RFC 9293).
    Mss(u16),
    /// Kind 3: the window is shifted left by this many bits (RFC 7323).
    WindowScale(u8),
    /// Kind 4: selective acknowledgements may be sent (RFC 2018).
    SackPermitted,
    /// Kind 5: what has arrived beyond a gap (RFC 2018).
    Sack(SackBlocks<'a>),
    /// Kind 8 (RFC 7323).
    Timestamps {
        /// The sender's clock.
        value: u32,
        /// The clock value it answers.
        echo: u32,
    },
    /// Kind 19: the MD5 signature of BGP sessions, 16 bytes (RFC 2385).
    Md5(HexText<'a>),
    /// Kind 28: the user timeout, with the bit for minutes on top (RFC 5482).
    UserTimeout(u16),
    /// Kind 29: authentication, key ids and code (RFC 5925).
    Authentication(HexText<'a>),
    /// Kind 30: Multipath TCP (RFC 8684).
    Multipath(HexText<'a>),
    /// Kind 34: the Fast Open cookie, empty in a request for one (RFC 7413).
    FastOpen(HexText<'a>),
    /// Another kind, or a known one whose length is not its own.
    Unknown {
        /// The option's kind.
        kind: u8,
        /// What follows its length byte.
        data: HexText<'a>,
    },
    /// A length below 2 or beyond the end of the header. Nothing can be said of what follows.
    Damaged {
        /// The option's kind.
        kind: u8,
        /// Everything behind the kind byte, the length byte included if there is one.
        rest: HexText<'a>,
    },
}

/// One IPv4 option (IANA "IP Option Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IpOption<'a> {
    /// Type 0: the end of the list; padding follows.
    End,
    /// Type 1: one byte of padding.
    Nop,
    /// Type 7: the way the packet took (RFC 791).
    RecordRoute(Route<'a>),
    /// Type 68: when it was where (RFC 791).
    Timestamp {
        /// Offset of the next free slot, from 1.
        pointer: u8,
        /// How many hosts found no free slot.
        overflow: u8,
        /// What a slot holds: 0 stamps, 1 addresses and stamps, 3 for given addresses.
        flag: u8,
        /// The slots.
        data: HexText<'a>,
    },
    /// Type 130: security labels (RFC 1108).
    Security(HexText<'a>),
    /// Type 131: the way it shall take, with freedom between (RFC 791).
    LooseSourceRoute(Route<'a>),
    /// Type 137: the way it shall take exactly (RFC 791).
    StrictSourceRoute(Route<'a>),
    /// Type 148: routers shall look at the packet (RFC 2113).
    RouterAlert(u16),
    /// Another type, or a known one whose length is not its own.
    Unknown {
        /// The option's type.
        kind: u8,
        /// What follows its length byte.
        data: HexText<'a>,
    },
    /// A length below 2 or beyond the end of the header. Nothing can be said of what follows.
    Damaged {
        /// The option's type.
        kind: u8,
        /// Everything behind the type byte, the length byte included if there is one.
        rest: HexText<'a>,
    },
}

/// The blocks of a selective acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SackBlocks<'a>(HexText<'a>);

impl<'a> SackBlocks<'a> {
    /// The first sequence number of each block, and the one behind its last.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.0.text().chunks_exact(16).map(|block| (number(&block[..8]), number(&block[8..])))
    }
}

/// The addresses of a route option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// Offset of the next slot to use, from 1: behind the last one, the list is full.
    pub pointer: u8,
    slots: HexText<'a>,
}

impl<'a> Route<'a> {
    /// Every slot, the unused ones (0.0.0.0, mostly) included.
    pub fn iter(&self) -> impl Iterator<Item = Ipv4Addr> + 'a {
        self.slots.text().chunks_exact(8).map(|slot| Ipv4Addr::from(number(slot)))
    }
}

/// Iterator of [`HexText::tcp_options`].
#[derive(Clone, Debug)]
pub struct TcpOptions<'a>(Tlv<'a>);

/// Iterator of [`HexText::ip_options`].
#[derive(Clone, Debug)]
pub struct IpOptions<'a>(Tlv<'a>);

impl<'a> Iterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<TcpOption<'a>> {
        Some(match self.0.next()? {
            Item::Byte(0) => TcpOption::End,
            Item::Byte(_) => TcpOption::Nop,
            Item::Damaged { kind, rest } => TcpOption::Damaged { kind, rest },
            Item::Option { kind, data } => match (kind, data.len()) {
                (2, 2) => TcpOption::Mss(number(data.text()) as u16),
                (3, 1) => TcpOption::WindowScale(number(data.text()) as u8),
                (4, 0) => TcpOption::SackPermitted,
                (5, n) if n > 0 && n % 8 == 0 => TcpOption::Sack(SackBlocks(data)),
                (8, 8) => {
                    let (value, echo) = data.text().split_at(8);
                    TcpOption::Timestamps { value: number(value), echo: number(echo) }
                }
                (19, 16) => TcpOption::Md5(data),
                (28, 2) => TcpOption::UserTimeout(number(data.text()) as u16),
                (29, 2..) => TcpOption::Authentication(data),
                (30, 1..) => TcpOption::Multipath(data),
                (34, _) => TcpOption::FastOpen(data),
                _ => TcpOption::Unknown { kind, data },
            },
        })
    }
}

impl<'a> Iterator for IpOptions<'a> {
    type Item = IpOption<'a>;

    fn next(&mut self) -> Option<IpOption<'a>> {
        Some(match self.0.next()? {
            Item::Byte(0) => IpOption::End,
            Item::Byte(_) => IpOption::Nop,
            Item::Damaged { kind, rest } => IpOption::Damaged { kind, rest },
            Item::Option { kind, data } => {
                let text = data.text();
                let byte = |i: usize| number(&text[2 * i..2 * i + 2]) as u8;
                let route = || Route { pointer: byte(0), slots: HexText(&text[2..]) };
                match (kind, data.len()) {
                    (7, 1..) => IpOption::RecordRoute(route()),
                    (68, 2..) => IpOption::Timestamp {
                        pointer: byte(0),
                        overflow: byte(1) >> 4,
                        flag: byte(1) & 15,
                        data: HexText(&text[4..]),
                    },
                    (130, _) => IpOption::Security(data),
                    (131, 1..) => IpOption::LooseSourceRoute(route()),
                    (137, 1..) => IpOption::StrictSourceRoute(route()),
                    (148, 2) => IpOption::RouterAlert(number(text) as u16),
                    _ => IpOption::Unknown { kind, data },
                }
            }
        })
    }
}

/// Options as both headers have them: a kind, mostly a length, mostly data. Holds the hex
/// digits that are left.
#[derive(Clone, Debug)]
struct Tlv<'a>(&'a [u8]);

enum Item<'a> {
    /// Kinds 0 and 1, which have no length.
    Byte(u8),
    Option {
        kind: u8,
        data: HexText<'a>,
    },
    Damaged {
        kind: u8,
        rest: HexText<'a>,
    },
}

impl<'a> Tlv<'a> {
    fn next(&mut self) -> Option<Item<'a>> {
        let (kind, rest) = self.0.split_at_checked(2)?;
        let kind = number(kind) as u8;
        if kind == 0 {
            self.0 = &[];
            return Some(Item::Byte(0));
        }
        if kind == 1 {
            self.0 = rest;
            return Some(Item::Byte(1));
        }
        // The length counts the kind byte and itself.
        let end = rest.get(..2).map_or(0, |len| number(len) as usize * 2);
        let Some(data) = end.checked_sub(2).and_then(|end| rest.get(2..end)) else {
            self.0 = &[];
            return Some(Item::Damaged { kind, rest: HexText(rest) });
        };
        self.0 = &rest[end - 2..];
        Some(Item::Option { kind, data: HexText(data) })
    }
}

/// The value of up to eight hex digits; other bytes count as 0.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n, &digit| n << 4 | u32::from(hex_value(digit).unwrap_or(0)))
}

impl<'a> Extensions<'a> {
    /// Takes `text` if it is extension headers as the kernel or ulogd print them, and nothing
    /// else.
    ///
    /// ```
    /// use logparse::{Extensions, ExtensionKind};
    /// let text = Extensions::new(b"OPT ( ) FRAG:1448 ID:00000002 ").unwrap();
    /// let kinds: Vec<ExtensionKind> = text.iter().map(|header| header.kind).collect();
    /// assert_eq!(kinds[0], ExtensionKind::Opaque);
    /// assert_eq!(kinds[1], ExtensionKind::Fragment { offset: Some(1448), more: false, id: Some(2) });
    /// assert_eq!(Extensions::new(b"OPT ( ) PROTO=TCP "), None);
    /// ```
    #[must_use]
    pub fn new(text: &'a [u8]) -> Option<Extensions<'a>> {
        let mut headers = ExtensionHeaders(text);
        headers.by_ref().for_each(drop);
        headers.0.is_empty().then_some(Extensions(text))
    }

    /// The extension headers in the packet's order, as far as they were printed.
    #[must_use]
    pub const fn iter(&self) -> ExtensionHeaders<'a> {
        ExtensionHeaders(self.text())
    }
}

impl<'a> IntoIterator for &Extensions<'a> {
    type Item = Extension;
    type IntoIter = ExtensionHeaders<'a>;

    fn into_iter(self) -> ExtensionHeaders<'a> {
        self.iter()
    }
}

/// Iterator of [`Extensions::iter`]. Holds the text that is left.
#[derive(Clone, Debug)]
pub struct ExtensionHeaders<'a>(&'a [u8]);

impl Iterator for ExtensionHeaders<'_> {
    type Item = Extension;

    fn next(&mut self) -> Option<Extension> {
        let mut text = Cursor(self.0);
        let wrapped = text.take(b"OPT ( ");
        let kind = text.header(wrapped)?;
        let truncated = matches!(kind, ExtensionKind::Fragment { offset: None, .. });
        let mut last = false;
        // A truncated fragment header leaves its wrapper open.
        if wrapped && !truncated && !text.take(b") ") {
            last = text.take(b")") && text.0.is_empty();
            if !last {
                return None;
            }
        }
        self.0 = text.0;
        Some(Extension { wrapped, kind, last })
    }
}

/// Text that is read from its front.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Takes `token` if it stands here.
    fn take(&mut self, token: &[u8]) -> bool {
        self.0.strip_prefix(token).map(|rest| self.0 = rest).is_some()
    }

    /// Takes digits of `base` as a number that fits 32 bits.
    fn number(&mut self, base: u32) -> Option<u32> {
        let mut value: u32 = 0;
        let mut used = 0;
        while let Some(digit) = self.0.get(used).and_then(|b| char::from(*b).to_digit(base)) {
            value = value.checked_mul(base)?.checked_add(digit)?;
            used += 1;
        }
        self.0 = &self.0[used..];
        (used > 0).then_some(value)
    }

    /// One header's content, without its wrapper.
    fn header(&mut self, wrapped: bool) -> Option<ExtensionKind> {
        if self.take(b"FRAG:TRUNCATED ") {
            Some(ExtensionKind::Fragment { offset: None, more: false, id: None })
        } else if self.take(b"FRAG:") {
            self.take(b" "); // ulogd
            let offset = u16::try_from(self.number(10)?).ok()?;
            let more = self.take(b" INCOMPLETE");
            let id = if self.take(b" ID:") {
                self.take(b" "); // ulogd
                Some(self.number(16)?)
            } else {
                None
            };
            self.take(b" ").then_some(ExtensionKind::Fragment { offset: Some(offset), more, id })
        } else if wrapped && self.take(b"AH ") {
            self.security().map(ExtensionKind::Ah)
        } else if wrapped && self.take(b"ESP ") {
            self.security().map(ExtensionKind::Esp)
        } else if wrapped {
            Some(ExtensionKind::Opaque)
        } else if self.take(b"Unknown Ext Hdr ") {
            Some(ExtensionKind::Unknown(u8::try_from(self.number(10)?).ok()?))
        } else {
            None
        }
    }

    fn security(&mut self) -> Option<Security> {
        let mut header = Security::default();
        if self.take(b"SPI=0x") {
            header.spi = Some(self.number(16)?);
            self.take(b" ").then_some(header)
        } else if self.take(b"INCOMPLETE [") {
            header.incomplete = Some(self.number(10)?);
            self.take(b" bytes] ").then_some(header)
        } else {
            Some(header)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> HexText<'_> {
        HexText::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_known_tcp_option_is_read() {
        let text = "0105120000000A0000001400000020000000302202";
        let options: Vec<_> = hex(text).tcp_options().collect();
        assert_eq!(options.len(), 3);
        let TcpOption::Sack(blocks) = options[1] else { panic!("{options:?}") };
        assert!(blocks.iter().eq([(10, 20), (32, 48)]));
        assert_eq!(options[2], TcpOption::FastOpen(hex("")));
    }

    #[test]
    fn nothing_is_read_behind_the_end() {
        assert!(hex("0002040000").tcp_options().eq([TcpOption::End]));
    }

    #[test]
    fn a_known_kind_with_a_foreign_length_is_unknown() {
        let unknown = TcpOption::Unknown { kind: 2, data: hex("05") };
        assert!(hex("02030501").tcp_options().eq([unknown, TcpOption::Nop]));
    }

    #[test]
    fn a_length_that_cannot_be_is_a_value() {
        for text in ["02", "0200", "0201", "0205", "02040A", "02FF"] {
            let damaged = TcpOption::Damaged { kind: 2, rest: hex(&text[2..]) };
            assert!(hex(text).tcp_options().eq([damaged]), "{text}");
            let damaged = IpOption::Damaged { kind: 2, rest: hex(&text[2..]) };
            assert!(hex(text).ip_options().eq([damaged]), "{text}");
        }
    }

    #[test]
    fn ip_routes_and_stamps_are_read() {
        let mut options = hex("8307080A0000010100440C0513AABBCCDD00000000").ip_options();
        let Some(IpOption::LooseSourceRoute(route)) = options.next() else { panic!() };
        assert_eq!(route.pointer, 8);
        assert!(route.iter().eq([Ipv4Addr::new(10, 0, 0, 1)]));
        assert_eq!(options.next(), Some(IpOption::Nop));
        assert_eq!(options.next(), Some(IpOption::End));
        assert_eq!(options.next(), None);
        let stamp = IpOption::Timestamp { pointer: 5, overflow: 1, flag: 3, data: hex("AABBCCDD00000000") };
        assert!(hex("440C0513AABBCCDD00000000").ip_options().eq([stamp]));
    }

    #[test]
    fn every_printed_form_of_an_extension_header_is_read() {
        let fragment = |offset, more, id| ExtensionKind::Fragment { offset, more, id };
        let spi = |spi| Security { spi, incomplete: None };
        let short = Security { spi: None, incomplete: Some(4) };
        for (text, wrapped, kind, last) in [
            ("OPT ( ) ", true, ExtensionKind::Opaque, false),
            ("OPT ( )", true, ExtensionKind::Opaque, true),
            ("FRAG:0 INCOMPLETE ID:deadbeef ", false, fragment(Some(0), true, Some(0xdead_beef)), false),
            ("FRAG: 0 ID: deadbeef ", false, fragment(Some(0), false, Some(0xdead_beef)), false),
            ("FRAG:TRUNCATED ", false, fragment(None, false, None), false),
            ("OPT ( FRAG:TRUNCATED ", true, fragment(None, false, None), false),
            ("OPT ( FRAG:1448 ID:00000002 ) ", true, fragment(Some(1448), false, Some(2)), false),
            ("OPT ( AH SPI=0x1f ) ", true, ExtensionKind::Ah(spi(Some(31))), false),
            ("OPT ( AH )", true, ExtensionKind::Ah(spi(None)), true),
            ("OPT ( ESP INCOMPLETE [4 bytes] )", true, ExtensionKind::Esp(short), true),
            ("OPT ( ESP SPI=0xabc )", true, ExtensionKind::Esp(spi(Some(0xabc))), true),
            ("Unknown Ext Hdr 77", false, ExtensionKind::Unknown(77), false),
        ] {
            let extensions = Extensions::new(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert!(extensions.iter().eq([Extension { wrapped, kind, last }]), "{text}: {extensions:?}");
        }
    }

    #[test]
    fn other_text_is_not_taken() {
        for text in
            ["OPT (", "OPT ( ", "FRAG:", "FRAG:70000 ID:1 ", "OPT ( ) x", "OPT ( )OPT ( )", "AH SPI=0x1 "]
        {
            assert_eq!(Extensions::new(text.as_bytes()), None, "{text}");
        }
    }
}
