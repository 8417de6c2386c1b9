//! Values of transport headers.
//!
//! Responsible for: flags under a mask, types with codes.
//! Must not know: conditions.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use logparse::TcpFlags;

/// `--tcp-flags mask set`: of the flags in `mask` exactly those of `set` are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flags {
    /// The flags that are looked at.
    pub mask: TcpFlags,
    /// Those that must be there.
    pub set: TcpFlags,
}

impl Flags {
    /// Whether these flags fit.
    #[must_use]
    pub fn fit(&self, flags: TcpFlags) -> bool {
        flags & self.mask == self.set
    }
}

/// An ICMP or ICMPv6 type with its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Icmp {
    /// The type; `None` is `any`.
    pub kind: Option<u8>,
    /// The code; `None` is every code.
    pub code: Option<u8>,
}
