//! `-m addrtype`, nft's `fib type`.
//!
//! Responsible for: that one match, and what the routing table can have said of an address.
//! Must not know: where the host's addresses are known from.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use core::net::IpAddr;

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::hook::Hook;
use crate::values::net::{Family, Net, Side, Test};
use crate::values::tri::{Tri, Why};
use crate::view::{View, side_name};
use crate::words::nft::{Nft, NoWord, set};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// `-m addrtype`: what the routing table says an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct AddressType {
    /// `--src-type`.
    pub source: Option<Test<AddressTypes>>,
    /// `--dst-type`.
    pub destination: Option<Test<AddressTypes>>,
    /// `--limit-iface-in`: look at the addresses of the input interface only.
    pub limit_in: bool,
    /// `--limit-iface-out`.
    pub limit_out: bool,
}

/// A set of address types, in `iptables-save`'s order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct AddressTypes(pub u16);

impl AddressTypes {
    /// The words, each with its bit (`RTN_*` of `linux/rtnetlink.h`).
    pub const WORDS: [(AddressTypes, &'static str); 12] = [
        (AddressTypes(1), "UNSPEC"),
        (AddressTypes(1 << 1), "UNICAST"),
        (AddressTypes(1 << 2), "LOCAL"),
        (AddressTypes(1 << 3), "BROADCAST"),
        (AddressTypes(1 << 4), "ANYCAST"),
        (AddressTypes(1 << 5), "MULTICAST"),
        (AddressTypes(1 << 6), "BLACKHOLE"),
        (AddressTypes(1 << 7), "UNREACHABLE"),
        (AddressTypes(1 << 8), "PROHIBIT"),
        (AddressTypes(1 << 9), "THROW"),
        (AddressTypes(1 << 10), "NAT"),
        (AddressTypes(1 << 11), "XRESOLVE"),
    ];
    /// No address.
    pub const UNSPEC: AddressTypes = AddressTypes(1);
    /// Where packets are refused.
    pub const UNREACHABLE: AddressTypes = AddressTypes(1 << 7);
    /// An address of another host.
    pub const UNICAST: AddressTypes = AddressTypes(1 << 1);
    /// An address of this host.
    pub const LOCAL: AddressTypes = AddressTypes(1 << 2);
    /// A broadcast address.
    pub const BROADCAST: AddressTypes = AddressTypes(1 << 3);
    /// An anycast address (IPv6).
    pub const ANYCAST: AddressTypes = AddressTypes(1 << 4);
    /// A group.
    pub const MULTICAST: AddressTypes = AddressTypes(1 << 5);
    /// Every type there is.
    pub const ALL: AddressTypes = AddressTypes(0xfff);

    /// Those in either.
    #[must_use]
    pub const fn or(self, other: AddressTypes) -> AddressTypes {
        AddressTypes(self.0 | other.0)
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: AddressTypes) -> AddressTypes {
        AddressTypes(self.0 & other.0)
    }

    /// Those here and not in `other`.
    #[must_use]
    pub const fn without(self, other: AddressTypes) -> AddressTypes {
        AddressTypes(self.0 & !other.0)
    }

    /// The type of this name, in any case.
    pub(crate) fn from_word(word: &str) -> Option<AddressTypes> {
        Self::WORDS.iter().find(|(_, w)| w.eq_ignore_ascii_case(word)).map(|(bit, _)| *bit)
    }

    /// The names of the types.
    fn words(self) -> impl Iterator<Item = &'static str> {
        Self::WORDS.into_iter().filter(move |(bit, _)| !self.and(*bit).is_empty()).map(|(_, word)| word)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl AddressType {
    fn tests(&self) -> impl Iterator<Item = (Side, &Test<AddressTypes>)> {
        let one = |side: Side| Some((side, side.of(&self.source, &self.destination).as_ref()?));
        Side::BOTH.into_iter().filter_map(one)
    }
}

fn read(text: &str) -> Option<AddressTypes> {
    text.split(',').try_fold(AddressTypes::default(), |types, word| {
        Some(types.or(AddressTypes::from_word(word)?))
    })
}

/// Types that nft has no name for.
const NOT_NFT: AddressTypes = AddressTypes(0xe00);

impl Kind for AddressType {
    const MODULES: &'static [Module] = &[(
        "addrtype",
        &[("--src-type", 1), ("--dst-type", 1), ("--limit-iface-in", 0), ("--limit-iface-out", 0)],
    )];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<AddressType>, ReadError> {
        let mut found = AddressType::default();
        for o in options {
            match o.name() {
                "--limit-iface-in" => found.limit_in = true,
                "--limit-iface-out" => found.limit_out = true,
                name => {
                    let types = o.read_test("types such as LOCAL,BROADCAST,MULTICAST", read)?;
                    *if name == "--src-type" { &mut found.source } else { &mut found.destination } = Some(types);
                }
            }
        }
        Ok((!options.is_empty()).then_some(found))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("addrtype");
        let words = |types: &AddressTypes| types.words().collect::<Vec<_>>().join(",");
        out.option_if("--src-type", self.source.as_ref(), words);
        out.option_if("--dst-type", self.destination.as_ref(), words);
        if self.limit_in {
            out.bare("--limit-iface-in");
        }
        if self.limit_out {
            out.bare("--limit-iface-out");
        }
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        for (side, test) in self.tests() {
            if !test.value.and(NOT_NFT).is_empty() {
                return Err(None);
            }
            let words: Vec<String> = test.value.words().map(str::to_ascii_lowercase).collect();
            let interface = match (self.limit_in, self.limit_out) {
                (true, _) => " . iif",
                (_, true) => " . oif",
                _ => "",
            };
            let value = match &words[..] {
                [one] => one.clone(),
                many => set(many, String::clone),
            };
            nft.test(&format!("fib {}{interface} type", side.of("saddr", "daddr")), test.not, value);
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let limited = self.limit_in || self.limit_out;
        self.tests().fold(Tri::Yes, |result, (side, test)| {
            result.and(address_type(view, side, test.value, limited).test(test))
        })
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::AddressType);
    }
}

/// Which types the routing table can have for an address.
fn address_types(view: &View<'_>, side: Side, limit_in: bool) -> AddressTypes {
    use AddressTypes as T;
    let Some(addr) = view.addr(side) else { return T::ALL };
    let mut types = match addr {
        IpAddr::V4(a) if a.is_multicast() => return T::MULTICAST,
        IpAddr::V4(a) if a.is_broadcast() || a.is_unspecified() => return T::BROADCAST,
        IpAddr::V4(a) if a.is_loopback() => T::LOCAL.or(T::BROADCAST),
        // nft asks for a route, without an interface, first; there may be none (measured).
        IpAddr::V6(a) if a.is_multicast() && view.nft => return T::ALL,
        IpAddr::V6(a) if a.is_multicast() => return T::MULTICAST,
        IpAddr::V6(a) if a.is_loopback() => T::LOCAL,
        IpAddr::V4(_) => T::ALL.without(T::MULTICAST.or(T::ANYCAST)),
        IpAddr::V6(_) => T::ALL.without(T::MULTICAST.or(T::BROADCAST)),
    };
    // What the routing already decided: FORWARD is not for this host. INPUT nearly always is, but
    // a proxy or a table of routes of its own can bring there what is for others (measured).
    let mut likely = types;
    match (side, view.hook) {
        (Side::Destination, Some(Hook::Input)) if !limit_in => {
            likely = types.and(T::LOCAL.or(T::BROADCAST).or(T::ANYCAST));
        }
        (Side::Destination, Some(Hook::Forward)) => types = types.without(T::LOCAL.or(T::BROADCAST)),
        (Side::Source, Some(Hook::Output)) if !limit_in => types = types.and(T::LOCAL.or(T::UNICAST)),
        _ => {}
    }
    if !view.context.local.is_empty() && !limit_in {
        // A list need not name 127.0.0.1 or link-local addresses: where it contradicts what
        // is certain or likely, it is not complete.
        let listed = types.and(likely).and(listed_type(view, addr));
        if !listed.is_empty() {
            types = listed;
        }
    }
    types
}

/// Whether an address is of one of the types asked for.
fn address_type(view: &View<'_>, side: Side, asked: AddressTypes, limited: bool) -> Tri {
    use AddressTypes as T;
    if view.readdressed(side) {
        return Tri::Unknown(Why::Rewritten(side_name(side)));
    }
    let possible = address_types(view, side, limited);
    let routed = |asked: T| {
        if possible.without(asked).is_empty() {
            Tri::Yes
        } else if possible.and(asked).is_empty() {
            Tri::No
        } else {
            Tri::Unknown(Why::Host)
        }
    };
    match view.addr(side) {
        // `ip6tables` asks for all of them at once, and MULTICAST, UNICAST and UNSPEC of the
        // address itself, not of its route (`match_type6` in `xt_addrtype.c`; measured).
        Some(IpAddr::V6(addr)) if !view.nft => {
            let has = |t: T| !asked.and(t).is_empty();
            let unicast = !addr.is_multicast() && !addr.is_unspecified();
            if has(T::MULTICAST) && !addr.is_multicast()
                || has(T::UNICAST) && !unicast
                || has(T::UNSPEC) && !addr.is_unspecified()
            {
                return Tri::No;
            }
            let route = asked.and(T::LOCAL.or(T::ANYCAST).or(T::UNREACHABLE));
            if route.is_empty() { Tri::Yes } else { routed(route) }
        }
        _ => routed(asked),
    }
}

/// The type of an address by the list of this host's own.
fn listed_type(view: &View<'_>, addr: IpAddr) -> AddressTypes {
    use AddressTypes as T;
    for own in view.context.local {
        if own.addr == addr {
            return T::LOCAL;
        }
    }
    for own in view.context.local {
        let Some(range) = Net::new(own.addr, own.prefix).range() else { continue };
        // The last address of a network is its broadcast address, where it has one.
        if addr.is_ipv4() && own.prefix < 31 && own.addr.is_ipv4() && range.last == addr {
            return T::BROADCAST;
        }
    }
    T::ALL.without(T::LOCAL.or(T::BROADCAST).or(T::MULTICAST))
}
