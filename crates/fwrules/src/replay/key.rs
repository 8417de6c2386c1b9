//! A packet's classes in one number.
//!
//! Responsible for: the key, from a packet or from what a scan shows, and the numbers of names
//! and marks as they come.
//! Must not know: answers.
//! Tested by: `tests/compiled.rs`: equal answers on generated rulesets and packets.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use logparse::{FastPacket, Network, Packet, Protocol, Transport};

use crate::matches::PacketType;
use crate::replay::layout::{HEAD_BITS, Layout, MARK_BITS, NAME_BITS, ODD_BITS, bits};
use crate::values::hook::Path;
use crate::values::lookup::Lookup;
use crate::values::prefixes;
use crate::values::tri::Tri;
use crate::view::{Context, View, icmp, known_protocol, later_fragment, mac, spi, tos, ttl};

/// Interface names remembered at most.
const NAMES: usize = 1 << 12;

/// What lines with the same prefix and interfaces have in common, for one
/// [`Replayer`](crate::Replayer).
#[derive(Clone, Copy, Debug)]
pub struct Front {
    pub(crate) path: Path,
    key: u128,
}

/// The key under construction.
struct Key(u128);

impl Key {
    #[inline]
    fn push(&mut self, value: u32, bits: u32) {
        debug_assert!(bits == 32 || value < 1 << bits, "{value} in {bits} bits");
        self.0 = self.0 << bits | u128::from(value);
    }
}

/// A byte that may not be shown, in 9 bits.
#[inline]
pub(crate) fn number(value: Option<u8>) -> u32 {
    value.map_or(0, |v| u32::from(v) + 1)
}

/// What a scan shows of a packet.
struct Glance {
    /// IPv4, IPv6, anything else, nothing: 1, 2, 3, 0.
    family: u32,
    cut: bool,
    fragment: bool,
    protocol: Option<Protocol>,
    no_transport: bool,
    addresses: [Option<IpAddr>; 2],
    ports: [Option<u16>; 2],
    flags: Option<u16>,
    icmp: (Option<u8>, Option<u8>),
}

impl Glance {
    #[inline]
    fn push(&self, layout: &Layout, key: &mut Key) {
        let head = self.family << 12
            | u32::from(self.cut) << 11
            | u32::from(self.fragment) << 10
            | number(self.protocol.map(|p| p.0)) << 1
            | u32::from(self.no_transport);
        key.push(head, HEAD_BITS);
        for (classes, addr) in layout.addresses.iter().zip(self.addresses) {
            if let Some(classes) = classes {
                key.push(classes.class(addr), bits(classes.classes));
            }
        }
        for (classes, port) in layout.ports.iter().zip(self.ports) {
            if let Some(classes) = classes {
                key.push(classes.class(port.map(u32::from)), bits(classes.classes));
            }
        }
        if let Some(classes) = &layout.flags {
            key.push(classes.class(self.flags.map(u32::from)), bits(classes.classes));
        }
        if layout.uses.icmp {
            key.push(number(self.icmp.0), 9);
            key.push(number(self.icmp.1), 9);
        }
    }
}

/// The key of a line that a scan read; `None` if it does not show all that a key needs.
#[inline]
pub(crate) fn glance(layout: &Layout, front: Front, scanned: &FastPacket<'_>) -> Option<u128> {
    let v4 = |bits: u32| Some(IpAddr::V4(bits.into()));
    let addresses = [v4(scanned.src_ipv4()?), v4(scanned.dst_ipv4()?)];
    let ports = [Some(scanned.sport()?), Some(scanned.dport()?)];
    let protocol = scanned.protocol().filter(|_| scanned.is_common())?;
    let flags = match protocol {
        Protocol::TCP => Some(scanned.tcp_flags()?),
        Protocol::UDP => None,
        _ => return None,
    };
    if !layout.glance || front.path == Path::Output && flags.is_some_and(crate::eval::fate::answers) {
        return None;
    }
    let glance = Glance {
        family: 1,
        cut: false,
        fragment: false,
        protocol: Some(protocol),
        no_transport: false,
        addresses,
        ports,
        flags: flags.map(|f| f.bits()),
        icmp: (None, None),
    };
    let mut key = Key(front.key);
    glance.push(layout, &mut key);
    Some(key.0)
}

/// The numbers of names and marks, by the tests they pass, as they come.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    names: HashMap<Vec<u8>, u32, RandomState>,
    name_classes: HashMap<Vec<u32>, u32, RandomState>,
    /// The last name of each place, and the last prefix.
    last: [(Vec<u8>, u32); 5],
    marks: HashMap<u32, u32, RandomState>,
    mark_classes: HashMap<Vec<u32>, u32, RandomState>,
}

impl Numbers {
    /// What lines with this prefix and these interfaces have in common. `None`: too many
    /// different interfaces, or a packet without any.
    #[inline]
    pub(crate) fn front(
        &mut self,
        layout: &Layout,
        prefix: &[u8],
        input: &[u8],
        output: &[u8],
    ) -> Option<Front> {
        let path = Path::of(input, output)?;
        let mut key = Key(0);
        key.push(path as u32, 2);
        key.push(self.prefix(layout, prefix), layout.prefix_bits);
        if layout.uses.input {
            key.push(self.name(layout, 0, input)?, NAME_BITS);
        }
        if layout.uses.output {
            key.push(self.name(layout, 1, output)?, NAME_BITS);
        }
        Some(Front { path, key: key.0 })
    }

    /// The classes of a packet's fields, in one number. `None`: not all that matters fits.
    #[inline]
    pub(crate) fn key(
        &mut self,
        layout: &Layout,
        sets: &Lookup<'_>,
        packet: &Packet<'_>,
        context: &Context<'_>,
    ) -> Option<u128> {
        if !layout.fits {
            return None;
        }
        let front = self.front(layout, packet.prefix, packet.in_iface, packet.out_iface)?;
        let mut key = Key(front.key);
        let datagram = &packet.datagram;
        let ports = datagram.ports();
        let glance = Glance {
            family: match datagram.network {
                Network::Ipv4(_) => 1,
                Network::Ipv6(_) => 2,
                Network::None => 0,
                _ => 3,
            },
            cut: context.cut,
            fragment: later_fragment(datagram),
            protocol: known_protocol(datagram),
            no_transport: matches!(datagram.transport, Transport::None),
            addresses: [packet.src(), packet.dst()],
            ports: [ports.src, ports.dst],
            flags: match datagram.transport {
                Transport::Tcp(tcp) => tcp.flags.map(|f| f.bits()),
                _ => None,
            },
            icmp: icmp(datagram),
        };
        glance.push(layout, &mut key);
        if !layout.glance {
            self.more(layout, sets, packet, context, &mut key)?;
        }
        Some(key.0)
    }

    /// The fields that only a whole packet shows.
    fn more(
        &mut self,
        layout: &Layout,
        sets: &Lookup<'_>,
        packet: &Packet<'_>,
        context: &Context<'_>,
        key: &mut Key,
    ) -> Option<()> {
        let (uses, datagram) = (&layout.uses, &packet.datagram);
        if let Some(table) = &layout.length {
            key.push(table.class(datagram.len()), bits(table.classes));
        }
        if uses.phys {
            for (slot, name) in [(2, packet.phys_in), (3, packet.phys_out)] {
                let class = match name {
                    Some(name) => self.name(layout, slot, name)?,
                    None => 0,
                };
                key.push(class, NAME_BITS);
            }
        }
        if uses.packet_type {
            key.push(PacketType::of(packet).map_or(0, |kind| kind as u32 + 1), 2);
        }
        if !layout.macs.is_empty() {
            let class = match mac(packet) {
                Err(()) => 0,
                Ok(None) => 1,
                Ok(Some(mac)) => layout.macs.get(&mac).copied().unwrap_or(2),
            };
            key.push(class, layout.mac_bits);
        }
        if uses.ttl {
            key.push(number(ttl(datagram)), 9);
        }
        if uses.tos {
            key.push(number(tos(datagram).map(|(tos, _)| tos)), 9);
        }
        if !layout.marks.is_empty() {
            // What an absent MARK= means depends on how the line ends.
            let kernel = packet.dialect == logparse::Dialect::Kernel;
            if datagram.incomplete.is_some() || datagram.truncated.is_some() || !kernel {
                return None;
            }
            let class = match datagram.mark {
                Some(mark) => self.mark(layout, mark)?,
                None => 0,
            };
            key.push(class, MARK_BITS);
        }
        let shown = || spi(datagram, Protocol::ESP).or_else(|| spi(datagram, Protocol::AH));
        for (cuts, shown) in
            [(&layout.uid, datagram.uid), (&layout.gid, datagram.gid), (&layout.spi, shown())]
        {
            if let Some(cuts) = cuts {
                key.push(cuts.class(shown), bits(cuts.starts.len() as u32));
            }
        }
        if uses.time {
            let time = context.time.map_or(0, |t| (t as u64).wrapping_add(1) & 0xff_ffff_ffff);
            key.push((time >> 20) as u32, 20);
            key.push((time & 0xf_ffff) as u32, 20);
        }
        if !layout.odd.is_empty() {
            let view = View::alone(packet, context, sets);
            for odd in &layout.odd {
                let answer = match odd.evaluate(&view) {
                    Tri::No => 0,
                    Tri::Yes => 1,
                    Tri::Unknown(why) => 2 + why.index(),
                };
                key.push(answer, ODD_BITS);
            }
        }
        Some(())
    }

    /// The number of a prefix that the ruleset writes; 0 for any other.
    #[inline]
    fn prefix(&mut self, layout: &Layout, prefix: &[u8]) -> u32 {
        if self.last[4].0 != prefix {
            self.remember(4, prefix, layout.prefixes.get(prefix).copied().unwrap_or(0));
        }
        self.last[4].1
    }

    fn remember(&mut self, slot: usize, name: &[u8], id: u32) {
        let (last, number) = &mut self.last[slot];
        last.clear();
        last.extend_from_slice(name);
        *number = id;
    }

    /// The class of a mark, from 1; `None` if there are too many.
    fn mark(&mut self, layout: &Layout, mark: u32) -> Option<u32> {
        let id = match self.marks.get(&mark) {
            Some(id) => *id,
            None => {
                let tests =
                    (0..).zip(&layout.marks).filter(|(_, test)| test.fit(mark)).map(|(n, _)| n).collect();
                let next = self.mark_classes.len() as u32 + 1;
                let id = *self.mark_classes.entry(tests).or_insert(next);
                if self.marks.len() < NAMES {
                    self.marks.insert(mark, id);
                }
                id
            }
        };
        (id < 1 << MARK_BITS).then_some(id)
    }

    /// The class of an interface's name, from 1; `None` if there are too many.
    #[inline]
    fn name(&mut self, layout: &Layout, slot: usize, name: &[u8]) -> Option<u32> {
        let (last, id) = &self.last[slot];
        if *id > 0 && last == name {
            return Some(*id);
        }
        let id = match self.names.get(name) {
            Some(id) => *id,
            None => {
                let found = layout.interface_names.at(prefixes::name(name)).flatten().copied();
                let mut tests: Vec<u32> =
                    found.filter(|n| layout.interfaces[*n as usize].matches(name)).collect();
                let next = self.name_classes.len() as u32 + 1;
                // `lo` has no hardware address, and no name is no interface.
                tests.extend((name == b"lo").then_some(u32::MAX));
                tests.extend(name.is_empty().then_some(u32::MAX - 1));
                let id = *self.name_classes.entry(tests).or_insert(next);
                if self.names.len() < NAMES {
                    self.names.insert(name.to_vec(), id);
                }
                id
            }
        };
        self.remember(slot, name, id);
        (id < 1 << NAME_BITS).then_some(id)
    }
}
