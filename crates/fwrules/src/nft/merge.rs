//! Puts what nft's expressions say into a rule.
//!
//! Responsible for: the header where iptables has a condition there, and one condition out of
//! several expressions about one protocol.
//! Must not know: JSON.
//! Tested by: the unit tests of `nft::parse`, `tests/kernel.rs`.

use core::net::IpAddr;

use logparse::Protocol;

use crate::matches::{Address, Condition, Expression, IcmpTest, Interfaces, IpRange, OnInterface, Tcp};
use crate::model::rule::Rule;
use crate::values::header::Icmp;
use crate::values::net::{AddressRange, Net, Test};
use crate::values::text::Text;

/// Puts a condition into a rule: into its header where iptables has it there.
pub(crate) fn add(rule: &mut Rule, condition: Condition) {
    match condition {
        Condition::Protocols(Test { not, value: list }) if list.len() == 1 => {
            let test = Test { not, value: list[0] };
            match rule.protocol() {
                None => rule.set(test),
                Some(own) if own == test && !not => {}
                Some(_) => rule.set(Test { not, value: list }),
            }
        }
        Condition::Addresses(addresses) if addresses.ranges().value.len() == 1 => {
            let (side, Test { not, value }) = (addresses.side, addresses.ranges());
            match network(&value[0]) {
                Some(net) if rule.address(side).is_none() => {
                    rule.set(Address { side, net: Test { not, value: net } });
                }
                Some(_) => rule.set(addresses),
                None => {
                    let test = Some(Test { not, value: value[0] });
                    let (source, destination) = side.of((test, None), (None, test));
                    rule.set(IpRange { source, destination });
                }
            }
        }
        Condition::Interfaces(Interfaces { input, names })
            if names.value.len() == 1 && rule.interface(input).is_none() =>
        {
            let name = Test { not: names.not, value: names.value[0].clone() };
            rule.set(OnInterface { input, name });
        }
        // What a rule for TCP asks of an option is iptables' own test.
        Condition::MissingOption(number) if rule.of_protocol() == Some(Protocol::TCP) => {
            let option = Some(Test { not: true, value: number.0 });
            add(rule, Tcp { option, ..Tcp::default() }.into());
        }
        Condition::Tcp(tcp) => {
            implies(rule, Protocol::TCP);
            let own = rule.conditions.iter_mut().find_map(|c| match c {
                Condition::Tcp(own) => Some(own),
                _ => None,
            });
            match own {
                Some(own) if own.free_for(&tcp) => own.take(&tcp),
                _ => rule.set(tcp),
            }
        }
        Condition::Ports(ports) => {
            implies(rule, ports.protocol);
            let own = rule.conditions.iter_mut().find_map(|c| match c {
                Condition::Ports(own) if own.protocol == ports.protocol => Some(own),
                _ => None,
            });
            match own {
                Some(own) if own.sport.is_none() && own.dport.is_some() && ports.dport.is_none() => {
                    own.sport = ports.sport;
                }
                Some(own) if own.dport.is_none() && ports.sport.is_none() => own.dport = ports.dport,
                _ => rule.set(ports),
            }
        }
        Condition::Icmp(test) => {
            implies(rule, test.protocol());
            code(rule, test);
        }
        other => rule.set(other),
    }
}

/// A match brings its protocol, unless the rule names one.
fn implies(rule: &mut Rule, protocol: Protocol) {
    if rule.protocol().is_none() {
        rule.set(Test::is(protocol));
    }
}

/// `icmp type 3 icmp code 1` is one test.
fn code(rule: &mut Rule, test: IcmpTest) {
    let Icmp { kind: None, code: Some(code) } = test.icmp.value else { return rule.set(test) };
    for condition in &mut rule.conditions {
        if let Condition::Icmp(own) = condition
            && own.icmp.value.code.is_none()
            && !own.icmp.not
            && !test.icmp.not
        {
            own.icmp.value.code = Some(code);
            return;
        }
    }
    // A code without its type has no match here.
    rule.set(Expression(Text::from(format!("icmp code {code}"))));
}

impl Tcp {
    fn free_for(&self, other: &Tcp) -> bool {
        (self.sport.is_none() || other.sport.is_none())
            && (self.dport.is_none() || other.dport.is_none())
            && (self.flags.is_none() || other.flags.is_none())
            && (self.option.is_none() || other.option.is_none())
    }

    fn take(&mut self, other: &Tcp) {
        self.sport = self.sport.or(other.sport);
        self.dport = self.dport.or(other.dport);
        self.flags = self.flags.or(other.flags);
        self.option = self.option.or(other.option);
    }
}

/// The range as a network, if it is one.
fn network(range: &AddressRange) -> Option<Net> {
    let length = match (range.first, range.last) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => return None,
    };
    let net = Net::new(range.first, length as u8);
    (net.range() == Some(*range)).then_some(net)
}
