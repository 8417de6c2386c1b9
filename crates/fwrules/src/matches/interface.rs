//! `-i`, `-o`, and nft's sets of interfaces.
//!
//! Responsible for: those. An interface that is not there is an empty name, as in the kernel.
//! Must not know: bridges.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`.

use crate::matches::kind::Kind;
use crate::matches::look::Look;
use crate::values::net::{Interface, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord, interface};
use crate::words::piece::Pieces;

/// `-i` or `-o`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OnInterface {
    /// The input interface (`false`: the output interface).
    pub input: bool,
    /// Its name.
    pub name: Test<Interface>,
}

/// Whether the interface passes a test.
fn ask(view: &View<'_>, input: bool, is: impl Fn(&[u8]) -> bool) -> Tri {
    let hidden = Tri::Unknown(Why::NotShown(if input { "IN=" } else { "OUT=" }));
    view.interface(input).map_or(hidden, |shown| Tri::known(is(shown)))
}

fn word(input: bool) -> &'static str {
    if input { "iifname" } else { "oifname" }
}

impl Kind for OnInterface {
    fn save(&self, out: &mut Pieces) {
        out.name(self.name.not, if self.input { "-i" } else { "-o" });
        out.word(self.name.value.0.as_bytes());
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.test(word(self.input), self.name.not, interface(&self.name.value)?);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        ask(view, self.input, |shown| self.name.value.matches(shown) != self.name.not)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        let names = Test { not: self.name.not, value: std::slice::from_ref(&self.name.value) };
        look(Look::Interface { input: self.input, names });
    }
}

/// nft: an interface out of several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interfaces {
    /// The input interface (`false`: the output interface).
    pub input: bool,
    /// The set.
    pub names: Test<Vec<Interface>>,
}

impl Kind for Interfaces {
    fn save(&self, out: &mut Pieces) {
        // Only for people: iptables has no word for it.
        out.bare(word(self.input));
        out.bare(if self.names.not { "!= {" } else { "{" });
        self.names.value.iter().for_each(|name| out.word(name.0.as_bytes()));
        out.bare("}");
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let list = self.names.value.iter().map(interface).collect::<Result<Vec<_>, _>>()?;
        nft.test(word(self.input), self.names.not, format!("{{ {} }}", list.join(", ")));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let any = |shown: &[u8]| self.names.value.iter().any(|name| name.matches(shown));
        ask(view, self.input, |shown| any(shown) != self.names.not)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        let names = Test { not: self.names.not, value: &self.names.value[..] };
        look(Look::Interface { input: self.input, names });
    }
}
