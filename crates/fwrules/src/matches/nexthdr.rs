//! nft's `ip6 nexthdr`.
//!
//! Responsible for: that expression: the first header after IPv6's own, which is the packet's
//! protocol only where no extension header comes between. Whether one does, a line rarely says.
//! Must not know: rules.
//! Tested by: the unit test below, `tests/kernel.rs`.

use logparse::{Datagram, Network, Protocol, Transport};

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
/// The length of IPv6's own header, and of the shortest extension header.
const HEADER: u32 = 40;
const SHORTEST: u32 = 8;

/// Whether a packet surely has, or surely has no extension header, by its length.
fn has_none(datagram: &Datagram<'_>) -> Option<bool> {
    let Network::Ipv6(ip) = datagram.network else { return None };
    let rest = ip.len?.checked_sub(HEADER)?;
    // What the transport needs at least, and what is known of its length.
    let least = match datagram.transport {
        Transport::Udp(udp) => return udp.len.map(|len| u32::from(len) == rest),
        Transport::Icmpv6(icmp) if icmp.kind.is_none_or(|kind| LISTENERS.contains(&kind.0)) => return None,
        Transport::Tcp(_) => 20,
        _ => 8,
    };
    (rest < least + SHORTEST).then_some(true)
}

/// nft: the first header after IPv6's own is one of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        // Of the extension headers, a line shows those that a rule was told to log.
        let none = match ip.extensions.text().is_empty() {
            true => has_none(view.datagram()),
            false => Some(false),
        };
        let is = view.protocol(|protocol| self.0.value.contains(&protocol));
        let asks_extension = self.0.value.iter().any(|header| EXTENSIONS.contains(&header.0));
        let is = match (none, asks_extension) {
            (Some(true), _) => is,
            // It is an extension header, and of these none is asked for.
            (Some(false), false) => Tri::No,
            // An extension header or the transport that is shown: neither is asked for.
            (None, false) if is == Tri::No => Tri::No,
            _ => unknown,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::conntrack::StateSet;
    use crate::values::lookup::Lookup;
    use crate::view::{Changes, Context};

    #[test]
    fn the_length_tells_whether_headers_come_between() {
        let asked = |header: Protocol, line: &str| {
            let text = format!("x IN=eth0 OUT= SRC=2001:db8::1 DST=2001:db8::2 {line}");
            let entry = logparse::parse(text.as_bytes()).unwrap();
            let view = View {
                packet: &entry.packet,
                context: &Context::default(),
                sets: &Lookup::default(),
                hook: None,
                states: StateSet::NEW,
                changes: Changes::default(),
                nft: true,
            };
            NextHeader(Test::is(vec![header])).evaluate(&view)
        };
        let (tcp, udp) = (Protocol::TCP, Protocol::UDP);
        let line = |len: u32, rest: &str| format!("LEN={len} TC=0 HOPLIMIT=64 FLOWLBL=0 {rest} ");
        let dns = |len| line(len, "PROTO=UDP SPT=53 DPT=53 LEN=20");
        assert_eq!(asked(udp, &dns(60)), Tri::Yes);
        assert_eq!(asked(udp, &dns(68)), Tri::No);
        assert_eq!(asked(tcp, &dns(60)), Tri::No);
        assert_eq!(asked(Protocol(0), &dns(60)), Tri::No);
        assert!(matches!(asked(Protocol(0), &dns(68)), Tri::Unknown(_)));
        let syn = |len| line(len, "PROTO=TCP SPT=53 DPT=53 WINDOW=1 RES=0x00 SYN URGP=0");
        assert_eq!(asked(tcp, &syn(60)), Tri::Yes);
        // 20 bytes of options, or twelve of them and a header before.
        assert!(matches!(asked(tcp, &syn(80)), Tri::Unknown(_)));
        assert_eq!(asked(udp, &syn(80)), Tri::No);
    }
}
