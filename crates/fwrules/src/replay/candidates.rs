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

use crate::matches::Look;
use crate::model::rule::Rule;
use crate::model::ruleset::Ruleset;
use crate::model::target::Target;
use crate::replay::classes::{Addresses, Table};
use crate::values::net::{AddressRange, Range, Side, Test};

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
        let variants: Vec<Vec<Tests>> = rules
            .rules()
            .enumerate()
            .map(|(n, (_, rule))| {
                let near = near.map(|near| near[n].as_slice()).unwrap_or_default();
                std::iter::once(rule).chain(near).map(Tests::of).collect()
            })
            .collect();
        let words = variants.len().div_ceil(64);
        // What is rewritten on the way was something else where some rules stand.
        let translates = rules.rules().any(|(_, rule)| translates(rule));
        let address = |side: Side| match addresses[side as usize].filter(|_| !translates) {
            None => Vec::new(),
            Some(of) => rows(&variants, of.classes, of.examples(), |tests, addr| tests.address(side, addr)),
        };
        let port = |side: Side| match ports[side as usize].filter(|_| !translates) {
            None => Vec::new(),
            Some(of) => {
                let examples = of.examples().into_iter();
                rows(&variants, of.classes, examples, |tests, port| tests.port(side, port))
            }
        };
        let protocols = (0..=255).map(|p: u8| (u32::from(p) + 1, Protocol(p)));
        Candidates {
            words,
            rows: [
                rows(&variants, 256, protocols, Tests::protocol),
                address(Side::Source),
                address(Side::Destination),
                port(Side::Source),
                port(Side::Destination),
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

/// The rows of one field, of which there is an example for each class.
fn rows<V: Copy>(
    variants: &[Vec<Tests>],
    classes: u32,
    examples: impl Iterator<Item = (u32, V)>,
    may_take: impl Fn(&Tests, V) -> bool,
) -> Vec<u64> {
    let words = variants.len().div_ceil(64);
    let size = (classes as usize + 1).saturating_mul(words);
    // As for merging classes: what takes longer than it saves is left out.
    let asked: usize = variants.iter().flatten().map(Tests::len).sum();
    if size > WORDS || (classes as usize).saturating_mul(asked) > 1 << 26 {
        return Vec::new();
    }
    let mut rows = vec![0; size];
    rows[..words].fill(u64::MAX);
    for (class, value) in examples {
        let row = &mut rows[class as usize * words..][..words];
        for (n, rules) in variants.iter().enumerate() {
            if rules.iter().any(|tests| may_take(tests, value)) {
                row[n / 64] |= 1 << (n % 64);
            }
        }
    }
    rows
}

fn translates(rule: &Rule) -> bool {
    matches!(&rule.target, Target::Other { name, .. }
        if matches!(name.as_bytes(), b"DNAT" | b"SNAT" | b"MASQUERADE" | b"REDIRECT" | b"NETMAP" | b"nft"))
}

/// What one rule asks of these fields. Each function is false only if the rule certainly does not
/// take a packet with this value.
#[derive(Default)]
struct Tests {
    protocols: Vec<Test<Vec<Protocol>>>,
    addresses: [Vec<Test<Vec<AddressRange>>>; 2],
    ports: [Vec<Test<Vec<Range<u16>>>>; 2],
}

impl Tests {
    fn of(rule: &Rule) -> Tests {
        let mut tests = Tests::default();
        rule.looks(&mut |look| match look {
            Look::Protocol(test) => tests.protocols.push(owned(test)),
            Look::Address(side, test) => tests.addresses[side as usize].push(owned(test)),
            Look::Ports(of, test) => {
                for side in Side::BOTH.into_iter().filter(|side| of.is(*side)) {
                    tests.ports[side as usize].push(owned(test));
                }
            }
            _ => {}
        });
        tests
    }

    /// How many values it compares with, at most.
    fn len(&self) -> usize {
        let addresses = self.addresses.iter().flatten().map(|test| test.value.len());
        let ports = self.ports.iter().flatten().map(|test| test.value.len());
        1 + addresses.chain(ports).sum::<usize>()
    }

    fn protocol(&self, protocol: Protocol) -> bool {
        self.protocols.iter().all(|test| test.value.contains(&protocol) != test.not)
    }

    /// An address stands for its whole class, in which there may be addresses of the other
    /// family: `!` lets those pass here.
    fn address(&self, side: Side, addr: IpAddr) -> bool {
        let any = |test: &Test<Vec<AddressRange>>| test.value.iter().any(|range| range.contains(addr));
        self.addresses[side as usize].iter().all(|test| any(test) != test.not)
    }

    /// 65,536 stands for what is no port.
    fn port(&self, side: Side, port: u32) -> bool {
        let Ok(port) = u16::try_from(port) else { return true };
        let any = |test: &Test<Vec<Range<u16>>>| test.value.iter().any(|range| range.contains(port));
        self.ports[side as usize].iter().all(|test| any(test) != test.not)
    }
}

fn owned<T: Clone>(test: Test<&[T]>) -> Test<Vec<T>> {
    Test { not: test.not, value: test.value.to_vec() }
}
