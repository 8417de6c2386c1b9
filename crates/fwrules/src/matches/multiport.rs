//! `-m multiport`, and nft's sets of ports.
//!
//! Responsible for: those.
//! Must not know: the protocol; iptables asks for one that has ports, nft takes any.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use logparse::Protocol;

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::{ReadError, WriteError};
use crate::values::net::{Family, PortSide, Range, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord, protocol, set};
use crate::words::option::{Opt, port_range};
use crate::words::piece::Pieces;

/// `-m multiport`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Multiport {
    /// Which port is looked at.
    pub side: PortSide,
    /// At most 15; a range counts two. nft's sets may be longer.
    pub ports: Test<Vec<Range<u16>>>,
}

impl Multiport {
    /// How many ports iptables counts; it takes 15.
    pub(crate) fn count(&self) -> usize {
        self.ports.value.iter().map(|r| if r.first == r.last { 1 } else { 2 }).sum()
    }
}

/// nft refuses a set whose ranges overlap.
fn disjoint(ports: &[Range<u16>]) -> Vec<Range<u16>> {
    let mut list = ports.to_vec();
    list.sort_unstable();
    let mut out: Vec<Range<u16>> = Vec::new();
    for range in list {
        match out.last_mut() {
            Some(last) if last.last >= range.first => last.last = last.last.max(range.last),
            _ => out.push(range),
        }
    }
    out
}

impl Kind for Multiport {
    const MODULES: &'static [Module] = &[(
        "multiport",
        &[
            ("--sports", 1),
            ("--source-ports", 1),
            ("--dports", 1),
            ("--destination-ports", 1),
            ("--ports", 1),
        ],
    )];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Multiport>, ReadError> {
        let [o] = options else { return Ok(None) };
        let side = match o.name() {
            "--ports" => PortSide::Either,
            "--sports" | "--source-ports" => PortSide::Source,
            _ => PortSide::Destination,
        };
        let list = |text: &str| text.split(',').map(port_range).collect();
        let ports = o.read_test("ports with commas between (22,80,8000:8100)", list)?;
        let multiport = Multiport { side, ports };
        let count = multiport.count();
        if count > 15 {
            let message =
                format!("{} takes at most 15 ports, a range counts two; these are {count}", o.name.text);
            return Err(ReadError::new(o.value()?.column, message, "make two rules of it"));
        }
        Ok(Some(multiport))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("multiport");
        let name = match self.side {
            PortSide::Source => "--sports",
            PortSide::Destination => "--dports",
            PortSide::Either => "--ports",
        };
        let list: Vec<String> = self.ports.value.iter().map(|r| r.text(':')).collect();
        out.option(&self.ports, name, list.join(","));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let word = match self.side {
            PortSide::Source => "sport",
            PortSide::Destination => "dport",
            PortSide::Either => {
                let message = "nft has no single rule for `--ports`: write one for each side";
                return Err(Some(WriteError::new(message)));
            }
        };
        let of = nft.protocol.map_or_else(|| String::from("th"), protocol);
        nft.test(
            &format!("{of} {word}"),
            self.ports.not,
            set(&disjoint(&self.ports.value), |r| r.text('-')),
        );
        nft.says = nft.protocol;
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let (sport, dport) = match view.ports(None) {
            Ok(found) => found,
            Err(other) => return other,
        };
        let has_ports = |p: Protocol| {
            matches!(
                p,
                Protocol::TCP | Protocol::UDP | Protocol::UDPLITE | Protocol::SCTP | Protocol::DCCP
            )
        };
        match view.protocol(has_ports) {
            Tri::Yes => {}
            // nft's `th` takes the bytes that are there, whatever they are (measured).
            Tri::No if view.nft => return Tri::Unknown(Why::Payload),
            other => return other,
        }
        let one = |number: Option<u16>, name| match number {
            Some(number) => Tri::known(self.ports.value.iter().any(|r| r.contains(number))),
            None => Tri::Unknown(Why::NotShown(name)),
        };
        let result = match self.side {
            PortSide::Source => one(sport, "SPT="),
            PortSide::Destination => one(dport, "DPT="),
            PortSide::Either => one(sport, "SPT=").or(one(dport, "DPT=")),
        };
        result.test(&self.ports)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Transport);
        look(Look::Ports(self.side, Test { not: self.ports.not, value: &self.ports.value }));
    }
}
