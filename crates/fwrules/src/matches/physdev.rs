//! `-m physdev`.
//!
//! Responsible for: that one match.
//! Must not know: bridges.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Interface, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// `-m physdev`: bridge ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Physdev {
    /// `--physdev-in`.
    pub input: Option<Test<Interface>>,
    /// `--physdev-out`.
    pub output: Option<Test<Interface>>,
}

impl Kind for Physdev {
    const MODULES: &'static [Module] = &[("physdev", &[("--physdev-in", 1), ("--physdev-out", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Physdev>, ReadError> {
        let mut found = Physdev { input: None, output: None };
        for o in options {
            let test = o.test(Interface(o.value()?.text.clone()));
            *if o.name() == "--physdev-in" { &mut found.input } else { &mut found.output } = Some(test);
        }
        Ok((!options.is_empty()).then_some(found))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("physdev");
        for (name, test) in [("--physdev-in", &self.input), ("--physdev-out", &self.output)] {
            if let Some(test) = test {
                out.name(test.not, name);
                out.word(test.value.0.as_bytes());
            }
        }
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let one = |test: &Option<Test<Interface>>, shown: Option<&[u8]>, name: &[u8]| match (test, shown) {
            (None, _) => Tri::Yes,
            (Some(test), Some(port)) => Tri::known(test.value.matches(port)).test(test),
            // The bridge port is printed only where it differs from the interface.
            (Some(test), None) if !test.value.matches(name) => Tri::No.test(test),
            (Some(_), None) => Tri::Unknown(Why::NotShown("PHYSIN=, PHYSOUT=")),
        };
        let packet = view.packet;
        one(&self.input, packet.phys_in, packet.in_iface).and(one(
            &self.output,
            packet.phys_out,
            packet.out_iface,
        ))
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        for test in [&self.input, &self.output].into_iter().flatten() {
            look(Look::BridgePort(&test.value));
        }
    }
}
