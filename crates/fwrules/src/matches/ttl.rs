//! `-m ttl`, `-m hl`.
//!
//! Responsible for: that one match.
//! Must not know: who rewrites it.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::Network;

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::hook::Hook;
use crate::values::net::Family;
use crate::values::tri::{Tri, Why};
use crate::view::{View, ttl};
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// `-m ttl`, `-m hl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ttl {
    /// `-m hl` (IPv6) instead of `-m ttl`.
    pub hop_limit: bool,
    /// How it is compared.
    pub compare: Compare,
    /// With what.
    pub value: u8,
}

/// How a time to live is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compare {
    /// Equal.
    Equal,
    /// `!` equal.
    NotEqual,
    /// Less.
    Less,
    /// Greater.
    Greater,
}

impl Kind for Ttl {
    const MODULES: &'static [Module] = &[
        ("ttl", &[("--ttl-eq", 1), ("--ttl-lt", 1), ("--ttl-gt", 1), ("--ttl", 1)]),
        ("hl", &[("--hl-eq", 1), ("--hl-lt", 1), ("--hl-gt", 1)]),
    ];

    fn parse(module: &str, options: &[Opt], _: Family) -> Result<Option<Ttl>, ReadError> {
        let [o] = options else { return Ok(None) };
        let value = o.read("a number up to 255", |text| text.parse().ok())?;
        let compare = match (o.name().rsplit('-').next(), o.not) {
            (Some("lt"), false) => Compare::Less,
            (Some("gt"), false) => Compare::Greater,
            (Some("lt" | "gt"), true) => return Ok(None),
            (_, false) => Compare::Equal,
            (_, true) => Compare::NotEqual,
        };
        Ok(Some(Ttl { hop_limit: module == "hl", compare, value }))
    }

    fn save(&self, out: &mut Pieces) {
        let module = if self.hop_limit { "hl" } else { "ttl" };
        out.module(module);
        let word = match self.compare {
            Compare::Equal | Compare::NotEqual => "eq",
            Compare::Less => "lt",
            Compare::Greater => "gt",
        };
        out.name(self.compare == Compare::NotEqual, &format!("--{module}-{word}"));
        out.bare(self.value.to_string());
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let op = match self.compare {
            Compare::Equal => "",
            Compare::NotEqual => "!= ",
            Compare::Less => "< ",
            Compare::Greater => "> ",
        };
        let field = if self.hop_limit { "ip6 hoplimit" } else { "ip ttl" };
        nft.push(&format!("{field} {op}{}", self.value));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let shown = match (view.datagram().network, self.hop_limit) {
            (Network::Ipv4(_), false) | (Network::Ipv6(_), true) => ttl(view.datagram()),
            (Network::Ipv4(_) | Network::Ipv6(_), _) => return Tri::No,
            _ => None,
        };
        let field = if self.hop_limit { "HOPLIMIT=" } else { "TTL=" };
        if view.changes.ttl {
            return Tri::Unknown(Why::Rewritten(field));
        }
        let Some(mut ttl) = shown else { return Tri::Unknown(Why::NotShown(field)) };
        // FORWARD prints what is left after routing took one.
        let passing = !view.packet.in_iface.is_empty() && !view.packet.out_iface.is_empty();
        if view.hook == Some(Hook::Prerouting) && passing {
            ttl = ttl.saturating_add(1);
        }
        Tri::known(match self.compare {
            Compare::Equal => ttl == self.value,
            Compare::NotEqual => ttl != self.value,
            Compare::Less => ttl < self.value,
            Compare::Greater => ttl > self.value,
        })
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Ttl);
    }
}
