//! `-m set`, nft's named sets.
//!
//! Responsible for: that one match.
//! Must not know: how sets are stored.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::{Protocol, Transport};

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::ipset::{Part, PartKind};
use crate::values::lookup::Key;
use crate::values::net::{Family, Side};
use crate::values::text::Text;
use crate::values::tri::{Tri, Why};
use crate::view::{View, icmp, known_protocol, mac};
use crate::words::nft::{Nft, NoWord, name};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// `-m set --match-set`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SetMatch {
    /// The set's name.
    pub name: Text,
    /// Which of the packet's two sides each part of an entry is compared with.
    pub sides: Vec<Side>,
    /// `!` in front.
    pub not: bool,
}

impl Kind for SetMatch {
    const MODULES: &'static [Module] = &[("set", &[("--match-set", 2)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<SetMatch>, ReadError> {
        let mut list = Vec::new();
        for o in options {
            let words = o.values[1].text.as_str().unwrap_or("").split(',');
            let sides = words.map(|word| match word {
                "src" => Ok(Side::Source),
                "dst" => Ok(Side::Destination),
                _ => Err(ReadError::new(o.values[1].column, "expected src or dst", "write src,dst")),
            });
            let sides = sides.collect::<Result<Vec<_>, _>>()?;
            list.push(SetMatch { name: o.values[0].text.clone(), sides, not: o.not });
        }
        Ok(if list.len() == 1 { list.pop() } else { None })
    }

    fn save(&self, out: &mut Pieces) {
        out.module("set");
        out.name(self.not, "--match-set");
        out.word(self.name.as_bytes());
        out.bare(self.sides.iter().map(|side| side.of("src", "dst")).collect::<Vec<_>>().join(","));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        // Of what the set's other parts are, the rule alone says nothing.
        let [side] = self.sides[..] else { return Err(None) };
        let field = format!("{} {}", nft.ip(), side.of("saddr", "daddr"));
        nft.test(&field, self.not, format!("@{}", name(self.name.as_bytes())?));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let result = holds(view, &self.name, &self.sides, 0);
        if self.not { !result } else { result }
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Set { name: &self.name, sides: &self.sides, not: self.not });
    }
}

fn holds(view: &View<'_>, name: &Text, sides: &[Side], depth: u8) -> Tri {
    let unknown = Tri::Unknown(Why::Set);
    let Some(known) = view.sets.get(name.as_bytes()) else { return unknown };
    let set = known.set;
    // What `-j SET` adds or takes away, a saved listing need not have had at the time of the line.
    if depth > 4 || known.timed || view.changes.sets && !view.nft {
        return unknown;
    }
    if set.parts == [PartKind::Set] {
        return set.entries.iter().fold(Tri::No, |so_far, entry| match &entry.parts[..] {
            [Part::Set(member)] => so_far.or(holds(view, member, sides, depth + 1)),
            _ => so_far.or(unknown),
        });
    }
    // `src` for a set of two parts is not allowed to be short.
    if sides.len() < set.parts.len() || sides.iter().any(|side| view.readdressed(*side)) {
        return unknown;
    }
    let keys: Vec<Key<'_>> = set.parts.iter().zip(sides).map(|(part, side)| key(view, *part, *side)).collect();
    known.holds(&keys).map_or(unknown, Tri::known)
}

/// What a set's part compares with.
fn key<'p>(view: &View<'p>, part: PartKind, side: Side) -> Key<'p> {
    let datagram = view.datagram();
    match part {
        PartKind::Address => Key::Address(view.addr(side)),
        PartKind::Port => {
            let port = match datagram.transport {
                Transport::Icmp(_) | Transport::Icmpv6(_) => {
                    let (kind, code) = icmp(datagram);
                    kind.zip(code).map(|(kind, code)| u16::from(kind) << 8 | u16::from(code))
                }
                // A protocol without ports is entered as port 0.
                Transport::Other(p) if !matches!(p, Protocol::SCTP | Protocol::DCCP) => Some(0),
                _ => side.of(datagram.ports().src, datagram.ports().dst),
            };
            Key::Port(known_protocol(datagram), port)
        }
        PartKind::Mac => Key::Mac(mac(view.packet).ok().flatten()),
        PartKind::Interface => Key::Interface(side.of(view.packet.in_iface, view.packet.out_iface)),
        PartKind::Mark => Key::Mark(view.mark()),
        PartKind::Set => Key::Address(None),
    }
}
