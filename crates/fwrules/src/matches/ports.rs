//! `-m udp`, `-m udplite`, `-m sctp`, `-m dccp`.
//!
//! Responsible for: ports of a protocol that is not TCP.
//! Must not know: which protocols print their ports.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use logparse::Protocol;

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::names;
use crate::values::net::{Family, PortSide, Range, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// Ports of UDP, UDPLITE, SCTP or DCCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The protocol.
    pub protocol: Protocol,
    /// `--sport`.
    pub sport: Option<Test<Range<u16>>>,
    /// `--dport`.
    pub dport: Option<Test<Range<u16>>>,
}

const OPTIONS: &[(&str, usize)] =
    &[("--sport", 1), ("--source-port", 1), ("--dport", 1), ("--destination-port", 1)];

impl Kind for Ports {
    const MODULES: &'static [Module] =
        &[("udp", OPTIONS), ("udplite", OPTIONS), ("sctp", OPTIONS), ("dccp", OPTIONS)];

    fn parse(module: &str, options: &[Opt], _: Family) -> Result<Option<Ports>, ReadError> {
        let protocol = names::protocol(module).unwrap_or(Protocol::UDP);
        let mut ports = Ports { protocol, sport: None, dport: None };
        for o in options {
            match o.name() {
                "--sport" | "--source-port" => ports.sport = o.ports()?,
                _ => ports.dport = o.ports()?,
            }
        }
        Ok(Some(ports))
    }

    fn save(&self, out: &mut Pieces) {
        out.module(names::protocol_name(self.protocol).unwrap_or("dccp"));
        out.option_if("--sport", self.sport.as_ref(), |r| r.text(':'));
        out.option_if("--dport", self.dport.as_ref(), |r| r.text(':'));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.ports(self.protocol, self.sport.as_ref(), self.dport.as_ref())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        match view.ports(Some(self.protocol)) {
            Err(other) => other,
            Ok((sport, dport)) => Tri::ask_if(self.sport.as_ref(), sport, "SPT=", Range::contains).and(
                Tri::ask_if(self.dport.as_ref(), dport, "DPT=", Range::contains),
            ),
        }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Protocol(Test::is(&[self.protocol])));
        look(Look::Transport);
        for (test, side) in [(&self.sport, PortSide::Source), (&self.dport, PortSide::Destination)] {
            if let Some(Test { not, value }) = *test {
                look(Look::Ports(side, Test { not, value: &[value] }));
            }
        }
    }
}
