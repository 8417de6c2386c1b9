//! The number spaces of a log line: protocols, flags, hardware addresses, ICMP types.
//!
//! Responsible for: what a number is called. Every type here is a newtype over the number
//! that was on the wire, so an unknown number is a value and never an error.
//! Must not know: lines, text positions, or where in a packet a number stood.
//! Tested by: the unit tests below and every data file in `testdata`.

use core::fmt;

use crate::bytes::swar::HEX;

/// An IP protocol number: the `PROTO=` of a line (IANA "Assigned Internet Protocol Numbers").
///
/// The kernel writes seven of them as words (`TCP UDP UDPLITE ICMP ICMPv6 AH ESP`) and all
/// others as decimal numbers; either way the number is kept here.
///
/// ```
/// use logparse::Protocol;
/// assert_eq!(Protocol::TCP.name(), Some("TCP"));
/// assert_eq!(Protocol(47).to_string(), "GRE");
/// assert_eq!(Protocol(253).to_string(), "253");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Protocol(pub u8);

macro_rules! protocols {
    ($($konst:ident $number:literal $name:literal;)*) => {
        #[allow(missing_docs)] // the names say it
        impl Protocol {
            $(pub const $konst: Protocol = Protocol($number);)*
        }
        impl Protocol {
            /// The protocol's name, where it has one that firewall people use.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }

            /// The number behind a name, in any case: `tcp`, `ICMPv6`, `ipv6-icmp`.
            #[must_use]
            pub fn from_name(name: &[u8]) -> Option<Protocol> {
                $(if name.eq_ignore_ascii_case($name.as_bytes()) {
                    return Some(Protocol($number));
                })*
                if name.eq_ignore_ascii_case(b"ipv6-icmp") {
                    return Some(Protocol::ICMPV6);
                }
                None
            }
        }
    };
}

protocols! {
    HOPOPT 0 "HOPOPT";
    ICMP 1 "ICMP";
    IGMP 2 "IGMP";
    IPIP 4 "IPIP";
    TCP 6 "TCP";
    EGP 8 "EGP";
    IGP 9 "IGP";
    UDP 17 "UDP";
    DCCP 33 "DCCP";
    IPV6 41 "IPV6";
    IPV6_ROUTE 43 "IPV6-ROUTE";
    IPV6_FRAG 44 "IPV6-FRAG";
    RSVP 46 "RSVP";
    GRE 47 "GRE";
    ESP 50 "ESP";
    AH 51 "AH";
    ICMPV6 58 "ICMPv6";
    IPV6_NONXT 59 "IPV6-NONXT";
    IPV6_OPTS 60 "IPV6-OPTS";
    EIGRP 88 "EIGRP";
    OSPF 89 "OSPF";
    PIM 103 "PIM";
    VRRP 112 "VRRP";
    L2TP 115 "L2TP";
    SCTP 132 "SCTP";
    MOBILITY 135 "MOBILITY";
    UDPLITE 136 "UDPLITE";
    HIP 139 "HIP";
    SHIM6 140 "SHIM6";
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "Protocol({} {name})", self.0),
            None => write!(f, "Protocol({})", self.0),
        }
    }
}

/// The flag words of a TCP line, as a set.
///
/// Bits are those of the TCP header's flag byte, with AE (accurate ECN, Linux 6.15) above:
/// `FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256`.
///
/// ```
/// use logparse::TcpFlags;
/// let flags = TcpFlags::SYN | TcpFlags::ACK;
/// assert!(flags.contains(TcpFlags::SYN));
/// assert_eq!(flags.to_string(), "ACK SYN"); // the kernel's order
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TcpFlags(u16);

macro_rules! tcp_flags {
    ($($konst:ident $bit:literal;)*) => {
        #[allow(missing_docs)] // the names say it
        impl TcpFlags {
            $(pub const $konst: TcpFlags = TcpFlags($bit);)*
        }
        impl TcpFlags {
            /// Every flag with its word, in the order in which the kernel prints them.
            pub const KERNEL_ORDER: [(TcpFlags, &'static str); 9] =
                [$((TcpFlags($bit), stringify!($konst)),)*];
        }
    };
}

tcp_flags! {
    AE 256;
    CWR 128;
    ECE 64;
    URG 32;
    ACK 16;
    PSH 8;
    RST 4;
    SYN 2;
    FIN 1;
}

impl TcpFlags {
    /// No flag at all: what a NULL scan sends.
    pub const EMPTY: TcpFlags = TcpFlags(0);

    /// A set from its bits; bits above AE are dropped.
    #[must_use]
    pub const fn from_bits(bits: u16) -> TcpFlags {
        TcpFlags(bits & 0x1ff)
    }

    /// The bits, as in the TCP header.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether every flag of `other` is set here.
    #[must_use]
    pub const fn contains(self, other: TcpFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words of the set flags, in the kernel's order.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::KERNEL_ORDER.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, word)| word)
    }

    /// The flag with this word of three letters and its blank, as the kernel prints it.
    #[inline(always)]
    pub(crate) fn of_kernel_word(word: &[u8; 4]) -> Option<TcpFlags> {
        let word = u32::from_le_bytes(*word);
        let (text, flag) = FLAG_WORDS[flag_slot(word)];
        (word == text).then_some(flag)
    }

    /// The flag with this word, in any case (`SYN`, `syn`).
    #[must_use]
    pub fn from_word(word: &[u8]) -> Option<TcpFlags> {
        Self::KERNEL_ORDER
            .into_iter()
            .find(|(_, name)| word.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(flag, _)| flag)
    }
}

/// The words of the flags, each where [`flag_slot`] finds it: which flag it is decides no jump.
static FLAG_WORDS: [(u32, TcpFlags); 16] = {
    let words = [
        (b"CWR ", TcpFlags::CWR),
        (b"ECE ", TcpFlags::ECE),
        (b"URG ", TcpFlags::URG),
        (b"ACK ", TcpFlags::ACK),
        (b"PSH ", TcpFlags::PSH),
        (b"RST ", TcpFlags::RST),
        (b"SYN ", TcpFlags::SYN),
        (b"FIN ", TcpFlags::FIN),
    ];
    let mut table = [(0, TcpFlags::EMPTY); 16];
    let mut i = 0;
    while i < words.len() {
        let word = u32::from_le_bytes(*words[i].0);
        assert!(table[flag_slot(word)].0 == 0, "two flags in one place");
        table[flag_slot(word)] = (word, words[i].1);
        i += 1;
    }
    assert!(table[flag_slot(0)].0 != 0, "no text at all is a flag");
    table
};

const fn flag_slot(word: u32) -> usize {
    (word.wrapping_mul(FLAG_FACTOR) >> 28) as usize
}

/// Found by trying: gives each of the eight words a place of its own.
const FLAG_FACTOR: u32 = 0x2265_b1f5;

impl core::ops::BitOr for TcpFlags {
    type Output = TcpFlags;
    fn bitor(self, other: TcpFlags) -> TcpFlags {
        TcpFlags(self.0 | other.0)
    }
}

impl core::ops::BitOrAssign for TcpFlags {
    fn bitor_assign(&mut self, other: TcpFlags) {
        self.0 |= other.0;
    }
}

impl core::ops::BitAnd for TcpFlags {
    type Output = TcpFlags;
    fn bitand(self, other: TcpFlags) -> TcpFlags {
        TcpFlags(self.0 & other.0)
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.words().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

impl fmt::Debug for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TcpFlags({self})")
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for TcpFlags {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for TcpFlags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TcpFlags, D::Error> {
        let words = <Vec<String> as serde::Deserialize>::deserialize(deserializer)?;
        words.iter().try_fold(TcpFlags::EMPTY, |flags, word| {
            let flag = TcpFlags::from_word(word.as_bytes());
            flag.map(|flag| flags | flag).ok_or_else(|| serde::de::Error::custom("not a TCP flag"))
        })
    }
}

/// An Ethernet hardware address, printed with colons in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All ones: everybody on the wire.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// Whether the group bit is set (broadcast is a group as well).
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// Whether this is the broadcast address.
    #[must_use]
    pub const fn is_broadcast(self) -> bool {
        matches!(self.0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    }

    /// Whether the address is locally administered: made up by software, as VMs and phones do.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0[0] & 2 == 2
    }

    /// Reads `aa:bb:cc:dd:ee:ff`, exactly 17 bytes, in either case.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Option<Mac> {
        let text: &[u8; 17] = text.try_into().ok()?;
        let mut octets = [0; 6];
        let mut wrong = 0;
        for (i, octet) in octets.iter_mut().enumerate() {
            let at = i * 3;
            let (high, low) = (HEX[usize::from(text[at])], HEX[usize::from(text[at + 1])]);
            *octet = high << 4 | low & 15;
            wrong |= high | low;
            if i > 0 && text[at - 1] != b':' {
                wrong |= 0x80;
            }
        }
        (wrong & 0x80 == 0).then_some(Mac(octets))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Mac, D::Error> {
        <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not what its type reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidText(&'static str);

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl core::error::Error for InvalidText {}

/// `aa:bb:cc:dd:ee:ff`, in either case.
impl core::str::FromStr for Mac {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Mac, InvalidText> {
        Mac::from_text(text.as_bytes()).ok_or(InvalidText("a hardware address, such as 00:16:3e:5e:6c:00"))
    }
}

/// A protocol by its name in any case, or by its number.
///
/// ```
/// use logparse::Protocol;
/// assert_eq!("udp".parse(), Ok(Protocol::UDP));
/// assert_eq!("47".parse(), Ok(Protocol::GRE));
/// assert!("300".parse::<Protocol>().is_err());
/// ```
impl core::str::FromStr for Protocol {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Protocol, InvalidText> {
        let number = || text.parse().ok().map(Protocol);
        Protocol::from_name(text.as_bytes()).or_else(number).ok_or(InvalidText("a protocol's name or number"))
    }
}

/// The words of flags, with blanks or commas between them.
impl core::str::FromStr for TcpFlags {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<TcpFlags, InvalidText> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(|word| TcpFlags::from_word(word.as_bytes())).try_fold(TcpFlags::EMPTY, |flags, flag| {
            flag.map(|flag| flags | flag).ok_or(InvalidText("TCP flags, such as SYN ACK"))
        })
    }
}

/// The value of one hex digit in either case.
#[inline]
pub(crate) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// What a frame carries: the type field of Ethernet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct EtherType(pub u16);

#[allow(missing_docs)] // the names say it
impl EtherType {
    pub const IPV4: EtherType = EtherType(0x0800);
    pub const ARP: EtherType = EtherType(0x0806);
    pub const RARP: EtherType = EtherType(0x8035);
    pub const VLAN: EtherType = EtherType(0x8100);
    pub const IPV6: EtherType = EtherType(0x86dd);
    pub const QINQ: EtherType = EtherType(0x88a8);
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EtherType(0x{:04x})", self.0)
    }
}

/// An ICMP type and code of IPv4 (RFC 792 and successors).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct IcmpType(pub u8);

/// An ICMPv6 type (RFC 4443 and successors).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Icmpv6Type(pub u8);

macro_rules! named {
    ($type:ident: $($konst:ident $number:literal $name:literal;)*) => {
        #[allow(missing_docs)] // the names say it
        impl $type {
            $(pub const $konst: $type = $type($number);)*
        }
        impl $type {
            /// The name that iptables gives this type, where there is one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

named! { IcmpType:
    ECHO_REPLY 0 "echo-reply";
    UNREACHABLE 3 "destination-unreachable";
    SOURCE_QUENCH 4 "source-quench";
    REDIRECT 5 "redirect";
    ECHO_REQUEST 8 "echo-request";
    ROUTER_ADVERTISEMENT 9 "router-advertisement";
    ROUTER_SOLICITATION 10 "router-solicitation";
    TIME_EXCEEDED 11 "time-exceeded";
    PARAMETER_PROBLEM 12 "parameter-problem";
    TIMESTAMP_REQUEST 13 "timestamp-request";
    TIMESTAMP_REPLY 14 "timestamp-reply";
    ADDRESS_MASK_REQUEST 17 "address-mask-request";
    ADDRESS_MASK_REPLY 18 "address-mask-reply";
}

named! { Icmpv6Type:
    UNREACHABLE 1 "destination-unreachable";
    TOO_BIG 2 "packet-too-big";
    TIME_EXCEEDED 3 "time-exceeded";
    PARAMETER_PROBLEM 4 "parameter-problem";
    ECHO_REQUEST 128 "echo-request";
    ECHO_REPLY 129 "echo-reply";
    LISTENER_QUERY 130 "mld-listener-query";
    LISTENER_REPORT 131 "mld-listener-report";
    LISTENER_DONE 132 "mld-listener-done";
    ROUTER_SOLICITATION 133 "router-solicitation";
    ROUTER_ADVERTISEMENT 134 "router-advertisement";
    NEIGHBOUR_SOLICITATION 135 "neighbour-solicitation";
    NEIGHBOUR_ADVERTISEMENT 136 "neighbour-advertisement";
    REDIRECT 137 "redirect";
    LISTENER_REPORT_V2 143 "mld2-listener-report";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_number() {
        for number in 0..=255 {
            if let Some(name) = Protocol(number).name() {
                assert_eq!(Protocol::from_name(name.as_bytes()), Some(Protocol(number)));
            }
        }
    }

    #[test]
    fn flags_are_printed_in_kernel_order() {
        let all = TcpFlags::from_bits(0xffff);
        assert_eq!(all.to_string(), "AE CWR ECE URG ACK PSH RST SYN FIN");
    }

    #[test]
    fn mac_text_must_be_exact() {
        assert_eq!(Mac::from_text(b"00:16:3e:5e:6c:00").unwrap().to_string(), "00:16:3e:5e:6c:00");
        assert_eq!(Mac::from_text(b"00:16:3e:5e:6c:0"), None);
        assert_eq!(Mac::from_text(b"00-16:3e:5e:6c:00"), None);
        assert_eq!(Mac::from_text(b"00:16:3e:5e:6c:0g"), None);
    }
}
