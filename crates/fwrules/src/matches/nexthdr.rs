//! nft's `ip6 nexthdr`.
//!
//! Responsible for: that expression: the first header after IPv6's own, which is the packet's
//! protocol only where no extension header comes between.
//! Must not know: rules.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs`.

use logparse::{Network, Protocol, Transport};

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::net::Test;
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord, protocol, set};
use crate::words::piece::Pieces;

/// Hop-by-hop options, routing, fragment, ESP, AH, none, destination options, mobility.
const EXTENSIONS: [u8; 8] = [0, 43, 44, 50, 51, 59, 60, 135];
/// Messages of multicast listeners, which carry a router alert before them (RFC 2710, RFC 3810).
const LISTENERS: [u8; 4] = [130, 131, 132, 143];

/// nft: the first header after IPv6's own is one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHeader(pub Test<Vec<Protocol>>);

impl NextHeader {
    fn text(&self) -> String {
        set(&self.0.value, |header| protocol(*header))
    }
}

impl Kind for NextHeader {
    fn save(&self, out: &mut Pieces) {
        // Only for people: iptables has no word for it.
        out.bare(format!("ip6 nexthdr{} {}", if self.0.not { " !=" } else { "" }, self.text()));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.test("ip6 nexthdr", self.0.not, self.text());
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let unknown = Tri::Unknown(Why::NotShown("the first header of IPv6"));
        let ip = match view.datagram().network {
            Network::Ipv6(ip) => ip,
            Network::None => return unknown,
            _ => return Tri::No,
        };
        let listener = matches!(view.datagram().transport, Transport::Icmpv6(icmp)
            if icmp.kind.is_none_or(|kind| LISTENERS.contains(&kind.0)));
        let is = match ip.extensions.text().is_empty() && !listener {
            true => view.protocol(|protocol| self.0.value.contains(&protocol)),
            // The first header is an extension, and which one is not always printed.
            false if self.0.value.iter().any(|header| EXTENSIONS.contains(&header.0)) => unknown,
            false if listener && ip.extensions.text().is_empty() => unknown,
            false => Tri::No,
        };
        is.test(&self.0)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Version { v6: true });
        look(Look::Odd);
        let only_transport = self.0.value.iter().all(|header| !EXTENSIONS.contains(&header.0));
        if !self.0.not && only_transport {
            look(Look::Protocol(Test { not: false, value: &self.0.value }));
        }
    }
}
