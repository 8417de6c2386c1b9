//! `-m icmp`, `-m icmp6`.
//!
//! Responsible for: types and codes of both versions.
//! Must not know: what a type means.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::{Protocol, Transport};

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::header::Icmp;
use crate::values::names;
use crate::values::net::{Family, Test};
use crate::values::tri::{Tri, Why};
use crate::view::{FRAGMENT, View, icmp};
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// `-m icmp --icmp-type`, `-m icmp6 --icmpv6-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpTest {
    /// ICMPv6.
    pub v6: bool,
    /// What is asked for.
    pub icmp: Test<Icmp>,
}

impl IcmpTest {
    /// ICMP or ICMPv6.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        if self.v6 { Protocol::ICMPV6 } else { Protocol::ICMP }
    }
}

fn read(text: &str, v6: bool) -> Option<Icmp> {
    if text == "any" || text == "255" && !v6 {
        return Some(Icmp { kind: None, code: None });
    }
    match text.split_once('/') {
        Some((kind, code)) => Some(Icmp { kind: Some(kind.parse().ok()?), code: Some(code.parse().ok()?) }),
        None => match text.parse::<u8>() {
            Ok(kind) => Some(Icmp { kind: Some(kind), code: None }),
            Err(_) => names::icmp(text, v6).map(|(kind, code)| Icmp { kind: Some(kind), code }),
        },
    }
}

const V6: &[(&str, usize)] = &[("--icmpv6-type", 1)];

impl Kind for IcmpTest {
    const MODULES: &'static [Module] =
        &[("icmp", &[("--icmp-type", 1)]), ("icmp6", V6), ("icmpv6", V6), ("ipv6-icmp", V6)];

    fn parse(module: &str, options: &[Opt], _: Family) -> Result<Option<IcmpTest>, ReadError> {
        let [o] = options else { return Ok(None) };
        let v6 = module != "icmp";
        let icmp = o.read_test("a type, a type/code or a name", |text| read(text, v6))?;
        Ok(Some(IcmpTest { v6, icmp }))
    }

    fn save(&self, out: &mut Pieces) {
        out.module(if self.v6 { "icmp6" } else { "icmp" });
        let value = match (self.icmp.value.kind, self.icmp.value.code) {
            (None, _) => String::from("any"),
            (Some(kind), None) => kind.to_string(),
            (Some(kind), Some(code)) => format!("{kind}/{code}"),
        };
        out.option(&self.icmp, if self.v6 { "--icmpv6-type" } else { "--icmp-type" }, value);
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let word = if self.v6 { "icmpv6" } else { "icmp" };
        match (self.icmp.value.kind, self.icmp.value.code, self.icmp.not) {
            (None, _, true) => return Err(None),
            (None, _, false) => return Ok(()),
            (Some(kind), None, not) => nft.test(&format!("{word} type"), not, kind),
            (Some(kind), Some(code), false) => nft.push(&format!("{word} type {kind} {word} code {code}")),
            (Some(kind), Some(code), true) => {
                nft.push(&format!("{word} type . {word} code != {{ {kind} . {code} }}"));
            }
        }
        nft.says = Some(self.protocol());
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let of = view.of(self.protocol());
        let shown = match (view.datagram().transport, self.v6) {
            (Transport::Icmp(_), false) | (Transport::Icmpv6(_), true) => icmp(view.datagram()),
            _ if of == Tri::No => return Tri::No,
            _ => (None, None),
        };
        of.and(fits(&self.icmp, shown, view))
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Protocol(Test::is(&[self.protocol()])));
        look(Look::Transport);
        look(Look::Icmp(self.icmp));
    }
}

fn fits(test: &Test<Icmp>, (kind, code): (Option<u8>, Option<u8>), view: &View<'_>) -> Tri {
    if view.later_fragment() {
        return FRAGMENT;
    }
    let Some(wanted) = test.value.kind else { return Tri::Yes.test(test) };
    let Some(kind) = kind else { return Tri::Unknown(Why::NotShown("TYPE=")) };
    let result = match (kind == wanted, test.value.code, code) {
        (false, _, _) => Tri::No,
        (true, None, _) => Tri::Yes,
        (true, Some(wanted), Some(code)) => Tri::known(wanted == code),
        (true, Some(_), None) => Tri::Unknown(Why::NotShown("CODE=")),
    };
    result.test(test)
}
