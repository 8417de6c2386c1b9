//! Everything that a ruleset looks at, field by field.
//!
//! Responsible for: collecting what conditions look at, sets included.
//! Must not know: which condition looks, how classes are numbered.
//! Tested by: `tests/compiled.rs`: equal answers on generated rulesets and packets.

use std::collections::{BTreeSet, HashSet};

use logparse::{Mac, Protocol};

use crate::matches::{Address, Condition, Look};
use crate::model::rule::Rule;
use crate::values::header::Flags;
use crate::values::ipset::{Part, PartKind};
use crate::values::lookup::Lookup;
use crate::values::net::{AddressRange, Interface, Masked, Net, Range, Side, Test};
use crate::values::text::Text;

/// The values that tests name, by field.
#[derive(Default)]
pub(crate) struct Fields {
    /// Of source and destination.
    pub(crate) addresses: [Vec<AddressRange>; 2],
    /// The type of an address is asked for.
    pub(crate) types: bool,
    /// Of source and destination.
    pub(crate) ports: [Vec<Range<u32>>; 2],
    pub(crate) length: Vec<Range<u32>>,
    pub(crate) uid: Vec<Range<u32>>,
    pub(crate) gid: Vec<Range<u32>>,
    pub(crate) spi: Vec<Range<u32>>,
    pub(crate) marks: Vec<Masked<u32>>,
    pub(crate) flags: Vec<Flags>,
    pub(crate) state: bool,
    pub(crate) interfaces: HashSet<Interface>,
    /// Sets whose entries are here, each with the packet's sides.
    sets: HashSet<(Text, Vec<Side>)>,
    pub(crate) macs: BTreeSet<Mac>,
    pub(crate) uses: Uses,
    /// Tests that fit no field: asked of every packet.
    pub(crate) odd: Vec<Condition>,
}

/// Which single fields the ruleset looks at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uses {
    pub(crate) input: bool,
    pub(crate) output: bool,
    pub(crate) phys: bool,
    pub(crate) icmp: bool,
    pub(crate) packet_type: bool,
    pub(crate) ttl: bool,
    pub(crate) tos: bool,
    pub(crate) time: bool,
}

/// Odd tests that are told apart; a key has room for fewer.
const ODD: usize = 1 << 5;

impl Fields {
    pub(crate) fn rule(&mut self, rule: &Rule, sets: &Lookup<'_>) {
        for condition in &rule.conditions {
            condition.looks(&mut |look| self.look(look, condition, sets));
        }
    }

    fn look(&mut self, look: Look<'_>, condition: &Condition, sets: &Lookup<'_>) {
        match look {
            Look::Address(side, test) => self.addresses[side as usize].extend(test.value),
            Look::Interface { input, names } => {
                names.value.iter().for_each(|name| self.interface(input, name));
            }
            Look::BridgePort(name) => {
                self.uses.phys = true;
                // Where the port is not shown, the interface's own name is looked at.
                self.interface(true, name);
                self.interface(false, name);
            }
            Look::Ports(side, test) => {
                for own in Side::BOTH {
                    if !side.is(own.of(Side::Destination, Side::Source)) {
                        test.value.iter().for_each(|range| self.port(own, *range));
                    }
                }
            }
            Look::Flags(test) => self.flags.push(test.value),
            Look::Masked(..) | Look::TcpOptions | Look::Odd => self.odd(condition.clone()),
            Look::Icmp(_) => self.uses.icmp = true,
            Look::States(_) => (self.state, self.uses.icmp) = (true, true),
            Look::Mac(test) => drop(self.macs.insert(test.value)),
            Look::PacketType => self.uses.packet_type = true,
            Look::AddressType => self.types = true,
            Look::Ttl => self.uses.ttl = true,
            Look::Length(range) => self.length.push(range),
            Look::Tos => self.uses.tos = true,
            Look::Mark(test) => self.marks.push(test.value),
            Look::Uid(range) => self.uid.push(range),
            Look::Gid(range) => self.gid.push(range),
            Look::Spi(range) => self.spi.push(range),
            Look::Set { name, sides, .. } => self.set(name, sides, sets, condition, 0),
            Look::Time => self.uses.time = true,
            // In every key.
            Look::Protocol(_) | Look::Version { .. } | Look::Fragment(_) | Look::Transport => {}
            // Never known.
            Look::Content | Look::Beyond => {}
        }
    }

    fn interface(&mut self, input: bool, name: &Interface) {
        *if input { &mut self.uses.input } else { &mut self.uses.output } = true;
        if !self.interfaces.contains(name) {
            self.interfaces.insert(name.clone());
        }
    }

    fn odd(&mut self, condition: Condition) {
        if self.odd.len() < ODD && !self.odd.contains(&condition) {
            self.odd.push(condition);
        }
    }

    fn port(&mut self, side: Side, range: Range<u16>) {
        self.ports[side as usize].push(Range::new(u32::from(range.first), u32::from(range.last)));
    }

    fn net(&mut self, side: Side, net: Net) {
        match net.range() {
            Some(range) => self.addresses[side as usize].push(range),
            None => self.odd(Address { side, net: Test::is(net) }.into()),
        }
    }

    fn set(&mut self, name: &Text, sides: &[Side], sets: &Lookup<'_>, condition: &Condition, depth: u8) {
        let Some(known) = sets.get(name.as_bytes()) else { return };
        let set = known.set;
        if known.timed || depth > 4 || !self.sets.insert((name.clone(), sides.to_vec())) {
            return;
        }
        if set.parts == [PartKind::Set] {
            for entry in &set.entries {
                if let [Part::Set(member)] = &entry.parts[..] {
                    self.set(member, sides, sets, condition, depth + 1);
                }
            }
            return;
        }
        let plain = set.entries.iter().flat_map(|e| &e.parts).all(|part| match part {
            Part::Net(net) => net.range().is_some(),
            Part::Addresses(_) | Part::Port(..) | Part::Interface(_) => true,
            _ => false,
        });
        if !plain {
            self.odd(condition.clone());
            return;
        }
        for (part, side) in set.entries.iter().flat_map(|entry| entry.parts.iter().zip(sides)) {
            match part {
                Part::Net(net) => self.net(*side, *net),
                Part::Addresses(range) => self.addresses[*side as usize].push(*range),
                Part::Port(protocol, range) => {
                    self.uses.icmp |= matches!(protocol, Some(Protocol::ICMP | Protocol::ICMPV6));
                    self.port(*side, *range);
                }
                Part::Interface(interface) => self.interface(*side == Side::Source, interface),
                _ => {}
            }
        }
    }
}
