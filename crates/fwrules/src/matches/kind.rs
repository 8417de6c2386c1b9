//! What every condition can do.
//!
//! Responsible for: the trait that each match has.
//! Must not know: which matches there are.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, through each match.

use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::Family;
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// A name behind `-m` with its options, each with how many values it takes.
pub(crate) type Module = (&'static str, &'static [(&'static str, usize)]);

/// What every condition can do.
pub(crate) trait Kind: Sized {
    /// How it is typed behind `-m`; nothing for the header's tests and nft's own.
    const MODULES: &'static [Module] = &[];

    /// Reads the options of a module. `None`: this combination of options has no type here, so
    /// it is kept as words.
    fn parse(_module: &str, _options: &[Opt], _family: Family) -> Result<Option<Self>, ReadError> {
        Ok(None)
    }

    /// Writes it as `iptables-save` does.
    fn save(&self, out: &mut Pieces);

    /// Writes it in nft's words.
    fn nft(&self, _nft: &mut Nft) -> Result<(), NoWord> {
        Err(None)
    }

    /// Whether the packet fits it.
    fn evaluate(&self, view: &View<'_>) -> Tri;

    /// Which fields it looks at. It fits a packet only if all of these do.
    fn looks(&self, look: &mut dyn FnMut(Look<'_>));
}

/// What the unit tests of a match that no line tells of have in common.
#[cfg(test)]
pub(crate) mod tried {
    use crate::{Context, Family, Rule, Tri, Why};

    /// A rule as typed is shown as `saved`, which reads back as the same rule, is written as `nft` if
    /// nft has words for it, and takes a packet or not for a reason that the line does not show.
    pub(crate) fn rule(typed: &str, saved: &str, nft: Option<&str>, why: Why) {
        let (_, rule) = Rule::parse(typed.as_bytes()).unwrap();
        assert_eq!(rule.to_display(), saved);
        assert_eq!(Rule::parse(saved.as_bytes()).unwrap().1, rule);
        let written = rule.to_nft(Family::Ipv4).ok().map(|text| String::from_utf8(text).unwrap());
        assert_eq!(written.as_deref(), nft);
        let answer = rule.matches(&logparse::Packet::default(), &Context::default());
        assert_eq!(answer, Tri::Unknown(why));
    }
}
