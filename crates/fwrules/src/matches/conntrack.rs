//! `-m conntrack`, `-m state`, nft's `ct state`.
//!
//! Responsible for: that one match.
//! Must not know: which states a packet can be in.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::conntrack::StateSet;
use crate::values::error::ReadError;
use crate::values::net::{Family, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// `-m conntrack --ctstate`, `-m state --state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// `-m state` instead of `-m conntrack`.
    pub old: bool,
    /// The states.
    pub states: Test<StateSet>,
}

fn read(text: &str) -> Option<StateSet> {
    text.split(',').try_fold(StateSet::EMPTY, |states, word| Some(states | StateSet::from_word(word)?))
}

impl Kind for State {
    const MODULES: &'static [Module] = &[("conntrack", &[("--ctstate", 1)]), ("state", &[("--state", 1)])];

    fn parse(module: &str, options: &[Opt], _: Family) -> Result<Option<State>, ReadError> {
        let [o] = options else { return Ok(None) };
        let states = o.read_test("states such as NEW,RELATED,ESTABLISHED", read)?;
        Ok(Some(State { old: module == "state", states }))
    }

    fn save(&self, out: &mut Pieces) {
        out.module(if self.old { "state" } else { "conntrack" });
        let name = if self.old { "--state" } else { "--ctstate" };
        out.option(&self.states, name, self.states.value.to_string());
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        let states = self.states.value;
        if states.and(StateSet::EXCLUSIVE) != states {
            return Err(None);
        }
        let words = states.to_string().to_ascii_lowercase();
        let list = words.contains(',').then(|| format!("{{ {} }}", words.replace(',', ", ")));
        nft.test("ct state", self.states.not, list.unwrap_or(words));
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        state_match(view.states, self.states.value).test(&self.states)
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::States(self.states));
    }
}

/// The states a packet may be in against the states asked for.
pub(crate) fn state_match(possible: StateSet, asked: StateSet) -> Tri {
    let exclusive = asked.and(StateSet::EXCLUSIVE);
    let translated = exclusive != asked;
    if possible.without(exclusive).is_empty() {
        Tri::Yes
    } else if possible.and(exclusive).is_empty() && !translated {
        Tri::No
    } else {
        Tri::Unknown(Why::State)
    }
}
