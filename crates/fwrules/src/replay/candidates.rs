//! Which rules may take a packet at all, found without asking each.
//!
//! For every class of a field there is a row with one bit per rule: whether the rule's test of
//! that field lets the class pass. The rows of a packet's classes, joined, leave the few rules
//! that have to be asked. A bit too many costs time; a bit too few would be wrong, so a test that
//! is not looked at here lets everything pass.
//!
//! Responsible for: the rows.
//! Must not know: chains, what is remembered.
//! Tested by: `tests/compiled.rs`: equal answers on generated rulesets and packets.

use std::net::IpAddr;

use logparse::Protocol;

use crate::model::rule::{Match, PortSide, Range, Rule, Side, Target, Test};
use crate::model::ruleset::Ruleset;
use crate::replay::classes::{Addresses, Table};

/// The rows of protocol, source, destination, source port, destination port: by class, so many
/// words each. Class 0, a field that is not shown, and a field without rows let every rule pass.
#[derive(Debug)]
pub(crate) struct Candidates {
    words: usize,
    rows: [Vec<u64>; 5],
}

/// Words of one field's rows, at most: 16 MiB.
const WORDS: usize = 1 << 21;

impl Candidates {
    /// Rows for the rules and, with them, their near misses.
    pub(crate) fn new(
        rules: &Ruleset,
        near: Option<&[Vec<Rule>]>,
        addresses: [Option<&Addresses>; 2],
        ports: [Option<&Table>; 2],
    ) -> Candidates {
        let variants: Vec<Vec<&Rule>> = rules
            .rules()
            .enumerate()
            .map(|(n, (_, rule))| {
                let near = near.map(|near| near[n].as_slice()).unwrap_or_default();
                std::iter::once(rule).chain(near).collect()
            })
            .collect();
        let words = variants.len().div_ceil(64);
        let rows = |classes: u32, examples: &mut dyn Iterator<Item = (u32, Value)>| -> Vec<u64> {
            let size = (classes as usize + 1).saturating_mul(words);
            // As for merging classes: what takes longer than it saves is left out.
            if size > WORDS || (classes as usize).saturating_mul(variants.len()) > 1 << 26 {
                return Vec::new();
            }
            let mut rows = vec![0; size];
            rows[..words].fill(u64::MAX);
            for (class, value) in examples {
                let row = &mut rows[class as usize * words..][..words];
                for (n, rules) in variants.iter().enumerate() {
                    if rules.iter().any(|rule| rule.may_take(value)) {
                        row[n / 64] |= 1 << (n % 64);
                    }
                }
            }
            rows
        };
        // What is rewritten on the way was something else where some rules stand.
        let translates = rules.rules().any(|(_, rule)| translates(rule));
        let [source, destination] = [Side::Source, Side::Destination].map(|side| {
            let of = addresses[side as usize].filter(|_| !translates)?;
            Some((of, side))
        });
        let address = |of: Option<(&Addresses, Side)>| match of {
            None => Vec::new(),
            Some((of, side)) => {
                rows(of.classes, &mut of.examples().map(|(c, a)| (c, Value::Address(side, a))))
            }
        };
        let port = |at: usize, side: Side| match ports[at].filter(|_| !translates) {
            None => Vec::new(),
            Some(of) => {
                let value = |(class, port): (u32, u32)| (class, Value::Port(side, port));
                rows(of.classes, &mut of.examples().into_iter().map(value))
            }
        };
        let mut protocols = (0..=255).map(|p: u8| (u32::from(p) + 1, Value::Protocol(Protocol(p))));
        Candidates {
            words,
            rows: [
                rows(256, &mut protocols),
                address(source),
                address(destination),
                port(0, Side::Source),
                port(1, Side::Destination),
            ],
        }
    }

    /// The rules that may take a packet of these classes.
    pub(crate) fn among(&self, classes: [u32; 5]) -> Vec<u64> {
        let mut among = vec![u64::MAX; self.words];
        for (rows, class) in self.rows.iter().zip(classes) {
            if let Some(row) = rows.get(class as usize * self.words..).and_then(|rest| rest.get(..self.words))
            {
                for (word, row) in among.iter_mut().zip(row) {
                    *word &= row;
                }
            }
        }
        among
    }
}

/// One field of a packet.
#[derive(Clone, Copy)]
enum Value {
    Protocol(Protocol),
    Address(Side, IpAddr),
    /// 65,536 stands for what is no port.
    Port(Side, u32),
}

fn translates(rule: &Rule) -> bool {
    matches!(&rule.target, Target::Other { name, .. }
        if matches!(name.as_bytes(), b"DNAT" | b"SNAT" | b"MASQUERADE" | b"REDIRECT" | b"NETMAP" | b"nft"))
}

impl Rule {
    /// Whether a packet with this in it may be taken: false only if it certainly is not.
    ///
    /// An address stands for its whole class, in which there may be addresses of the other
    /// family: `!` lets those pass here.
    fn may_take(&self, value: Value) -> bool {
        match value {
            Value::Protocol(p) => {
                self.protocol.is_none_or(|test| (p == test.value) != test.not)
                    && self.matches.iter().all(|m| match m {
                        Match::Tcp(_) => p == Protocol::TCP,
                        Match::Ports(ports) => p == ports.protocol,
                        _ => true,
                    })
            }
            Value::Address(side, addr) => {
                let net = if side == Side::Source { &self.source } else { &self.destination };
                // A mask with holes is no range, so classes do not know it.
                net.as_ref()
                    .is_none_or(|test| test.value.range().is_none() || test.value.contains(addr) != test.not)
                    && self.matches.iter().all(|m| match m {
                        Match::IpRange { source, destination } => {
                            let range = if side == Side::Source { source } else { destination };
                            range.as_ref().is_none_or(|test| test.value.contains(addr) != test.not)
                        }
                        Match::Addresses { side: tested, ranges } if *tested == side => {
                            ranges.value.iter().any(|range| range.contains(addr)) != ranges.not
                        }
                        _ => true,
                    })
            }
            Value::Port(side, port) => {
                let Ok(port) = u16::try_from(port) else { return true };
                let one = |test: &Option<Test<Range<u16>>>| {
                    test.as_ref().is_none_or(|test| test.value.contains(port) != test.not)
                };
                let of = |sport, dport| if side == Side::Source { one(sport) } else { one(dport) };
                self.matches.iter().all(|m| match m {
                    Match::Tcp(tcp) => of(&tcp.sport, &tcp.dport),
                    Match::Ports(ports) => of(&ports.sport, &ports.dport),
                    Match::Multiport { side: tested, ports } => {
                        let asked = match tested {
                            PortSide::Source => side == Side::Source,
                            PortSide::Destination => side == Side::Destination,
                            PortSide::Either => false,
                        };
                        !asked || ports.value.iter().any(|range| range.contains(port)) != ports.not
                    }
                    _ => true,
                })
            }
        }
    }
}
