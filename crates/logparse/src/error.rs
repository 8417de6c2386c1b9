//! Why a line, or the rest of it, is not a packet, and where.
//!
//! Responsible for: position, kind and sentence of an error, and its picture for people.
//! Must not know: how the grammar works.
//! Tested by: the unit tests below; positions by every shortened line in `tests/`.

use core::fmt;

/// Why reading stopped, and at which byte of the line.
///
/// Small and `Copy`, so that a million lines that are no packets cost nothing.
///
/// ```
/// let line = b"kernel: drop IN=eth0 OUT= SRC=10.0.0.300 DST=10.0.0.1 LEN=40 ";
/// let entry = logparse::parse(line).unwrap();
/// let stop = entry.error.unwrap();
/// assert_eq!(stop.to_string(), "byte 30: expected an IPv4 or IPv6 address after SRC=");
/// assert!(stop.render(line).to_string().contains("\n                              ^"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParseError {
    pub(crate) offset: u32,
    pub(crate) kind: ErrorKind,
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The line is no firewall line: no `IN=... OUT=...` stands in it.
    NoHeader,
    /// The line is the rest of a record above it (`/dev/kmsg` dictionary, wrapped text).
    Continuation,
    /// A journal record whose message was not kept (`"MESSAGE":null`, `[NB blob data]`).
    MessageLost,
    /// A wrapper that says the record goes on in the next line (CRI's `P`).
    Partial,
    /// JSON whose text holds escapes: give [`parse_with`](crate::parse_with) a scratch buffer.
    NeedsScratch,
    /// A wrapper (JSON, octet count) that is not well formed.
    Wrapper,
    /// The text ended where the grammar still expects this.
    Truncated(Expected),
    /// Another text stands where the grammar expects this.
    Unexpected(Expected),
    /// The beginning of another record stands inside this one: two lines were joined.
    Joined,
}

/// What the grammar expected at the position of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expected {
    pub(crate) what: What,
    /// The token, or the one whose value was expected; empty if there is none.
    pub(crate) token: Token,
}

/// The kinds of things that are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub(crate) enum What {
    Token,
    Number,
    Hex,
    Address,
    Mac,
    Text,
    Blank,
    ClosingBracket,
    End,
    Body,
    Interface,
    Options,
}

macro_rules! tokens {
    ($($name:ident $text:literal;)*) => {
        /// Every token of the grammar: its spelling stands here and nowhere else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub(crate) enum Token { $($name,)* }
        impl Token {
            /// Looked up, not matched: where the token is known, so is its text when this is
            /// compiled, and comparing with it takes no call.
            #[inline(always)]
            pub(crate) const fn text(self) -> &'static str {
                const TEXTS: &[&str] = &[$($text,)*];
                TEXTS[self as usize]
            }
        }
    };
}

tokens! {
    Empty "";
    In "IN=";
    Out "OUT=";
    PhysIn "PHYSIN=";
    PhysOut "PHYSOUT=";
    Mac "MAC=";
    MacSrc "MACSRC=";
    MacDst "MACDST=";
    Vproto "VPROTO=";
    Vid "VID=";
    MacProto "MACPROTO=";
    Tunnel "TUNNEL=";
    Arrow "->";
    Src "SRC=";
    Dst "DST=";
    Len "LEN=";
    Tos "TOS=";
    Prec "PREC=0x";
    Ttl "TTL=";
    Id "ID=";
    Ce "CE";
    Df "DF";
    Mf "MF";
    Frag "FRAG:";
    Opt "OPT (";
    Tc "TC=";
    HopLimit "HOPLIMIT=";
    FlowLbl "FLOWLBL=";
    FragId "ID:";
    Proto "PROTO=";
    Spt "SPT=";
    Dpt "DPT=";
    Seq "SEQ=";
    Ack "ACK=";
    Window "WINDOW=";
    Res "RES=0x";
    Urgp "URGP=";
    Incomplete "INCOMPLETE [";
    Bytes " bytes] ";
    Type "TYPE=";
    Code "CODE=";
    Gateway "GATEWAY=";
    Parameter "PARAMETER=";
    Pointer "POINTER=";
    Mtu "MTU=";
    Quote "[";
    Spi "SPI=0x";
    Uid "UID=";
    Gid "GID=";
    Mark "MARK=";
    Arp "ARP HTYPE=";
    Ptype " PTYPE=0x";
    Opcode " OPCODE=";
    ArpMacSrc " MACSRC=";
    ArpIpSrc " IPSRC=";
    ArpMacDst " MACDST=";
    ArpIpDst " IPDST=";
    EbtSource "MAC source = ";
    EbtDest "MAC dest = ";
    EbtProto "proto = 0x";
    EbtIpSrc " IP SRC=";
    EbtIpDst " IP DST=";
    EbtTos ", IP tos=0x";
    EbtIpProto ", IP proto=";
    EbtIp6Src " IPv6 SRC=";
    EbtIp6Dst " IPv6 DST=";
    EbtPriority ", IPv6 priority=0x";
    EbtNext ", Next Header=";
    EbtSpt " SPT=";
    EbtDpt " DPT=";
    EbtArp " ARP HTYPE=";
    EbtPtype ", PTYPE=0x";
    EbtOpcode ", OPCODE=";
    EbtArpMacSrc " ARP MAC SRC=";
    EbtArpIpSrc " ARP IP SRC=";
    EbtArpMacDst " ARP MAC DST=";
    EbtArpIpDst " ARP IP DST=";
    Reply "REPLY_MAC=";
    Truncated "TRUNCATED";
    UnknownExt "Unknown Ext Hdr ";
}

impl ParseError {
    /// The error at `offset`; offsets beyond 4 GiB saturate.
    #[cold]
    pub(crate) fn new(offset: usize, kind: ErrorKind) -> ParseError {
        ParseError { offset: u32::try_from(offset).unwrap_or(u32::MAX), kind }
    }

    /// The same error in a text that begins `by` bytes earlier.
    pub(crate) fn moved(self, by: usize) -> ParseError {
        ParseError::new(self.offset() + by, self.kind)
    }

    /// The byte of the line at which reading stopped: at most the line's length.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset as usize
    }

    /// What was wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the text ended too early, as opposed to being wrong.
    #[must_use]
    pub const fn is_truncation(&self) -> bool {
        matches!(self.kind, ErrorKind::Truncated(_) | ErrorKind::Joined | ErrorKind::Partial)
    }

    /// A short name of the reason, the same for every line with it: what `check` groups by.
    #[must_use]
    pub fn reason(&self) -> Reason {
        Reason(self.kind)
    }

    /// The line with a caret under the byte at which reading stopped, and the sentence.
    ///
    /// Bytes that are not printable ASCII are shown escaped, so the picture is safe for a
    /// terminal; long lines are shown around the position.
    #[must_use]
    pub fn render<'a>(&'a self, line: &'a [u8]) -> impl fmt::Display + 'a {
        Render { error: self, line }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.reason())
    }
}

impl core::error::Error for ParseError {}

/// The reason of a [`ParseError`] without its position; prints as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(ErrorKind);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ErrorKind::NoHeader => f.write_str("no firewall record: no IN= and OUT= in it"),
            ErrorKind::Continuation => f.write_str("the rest of the record above"),
            ErrorKind::MessageLost => f.write_str("the journal did not keep the message"),
            ErrorKind::Partial => f.write_str("the record goes on in the next line"),
            ErrorKind::NeedsScratch => f.write_str("escaped JSON text needs a scratch buffer"),
            ErrorKind::Wrapper => f.write_str("the wrapper around the message is not well formed"),
            ErrorKind::Joined => f.write_str("another record begins inside this one"),
            ErrorKind::Truncated(expected) => write!(f, "the line ends, expected {expected}"),
            ErrorKind::Unexpected(expected) => write!(f, "expected {expected}"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.token.text().trim();
        let after = |f: &mut fmt::Formatter<'_>, what: &str| match token {
            "" => f.write_str(what),
            _ => write!(f, "{what} after {token}"),
        };
        match self.what {
            What::Token => write!(f, "{token}"),
            What::Number => after(f, "a number"),
            What::Hex => after(f, "a hexadecimal number"),
            What::Address => after(f, "an IPv4 or IPv6 address"),
            What::Mac => after(f, "a hardware address"),
            What::Text => after(f, "a value"),
            What::Blank => after(f, "a blank after the value"),
            What::ClosingBracket => f.write_str("the closing ] of the quoted packet"),
            What::End => f.write_str("the end of the line"),
            What::Body => f.write_str("a packet (SRC=, ARP, TRUNCATED or a MAC header)"),
            What::Interface => after(f, "an interface name"),
            What::Options => after(f, "pairs of hex digits and `)`"),
        }
    }
}

/// Caret rendering; see [`ParseError::render`].
struct Render<'a> {
    error: &'a ParseError,
    line: &'a [u8],
}

impl fmt::Display for Render<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Bytes shown on either side of the position.
        const AROUND: usize = 60;
        let at = self.error.offset().min(self.line.len());
        let from = at.saturating_sub(AROUND);
        let to = (at + AROUND).min(self.line.len());
        let mut indent = 0;
        if from > 0 {
            f.write_str("...")?;
            indent += 3;
        }
        for (i, &byte) in self.line[from..to].iter().enumerate() {
            let shown = byte.escape_ascii();
            if from + i < at {
                indent += shown.len();
            }
            // A quote or backslash needs no escape for a terminal.
            if matches!(byte, b'"' | b'\'' | b'\\') {
                if from + i < at {
                    indent -= 1;
                }
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "{shown}")?;
            }
        }
        if to < self.line.len() {
            f.write_str("...")?;
        }
        write!(f, "\n{:indent$}^ {}", "", self.error.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<ParseError>() <= 16, "{}", size_of::<ParseError>());
    }

    #[test]
    fn the_picture_escapes_what_a_terminal_would_obey() {
        let error = ParseError::new(3, ErrorKind::NoHeader);
        assert_eq!(
            error.render(b"a\x1b[x").to_string(),
            "a\\x1b[x\n      ^ no firewall record: no IN= and OUT= in it"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_the_position() {
        let line = [b'x'; 1000];
        let error = ParseError::new(500, ErrorKind::NoHeader);
        let picture = error.render(&line).to_string();
        let first = picture.lines().next().unwrap();
        assert_eq!(first.len(), 126);
        assert_eq!(picture.lines().nth(1).unwrap().find('^'), Some(63));
    }
}
