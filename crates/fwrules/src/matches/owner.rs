//! `-m owner`.
//!
//! Responsible for: that one match.
//! Must not know: names of users, which are others on other hosts.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::net::{Family, Range, Test};
use crate::values::tri::Tri;
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::{Opt, number_range};
use crate::words::piece::Pieces;

/// `-m owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// `--uid-owner`.
    pub uid: Option<Test<Range<u32>>>,
    /// `--gid-owner`.
    pub gid: Option<Test<Range<u32>>>,
}

impl Kind for Owner {
    const MODULES: &'static [Module] = &[("owner", &[("--uid-owner", 1), ("--gid-owner", 1)])];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Owner>, ReadError> {
        let mut found = Owner { uid: None, gid: None };
        for o in options {
            let range = match o.str()? {
                "root" => Some(Range::one(0)),
                text => number_range(text, '-'),
            };
            let Some(range) = range else { return Ok(None) };
            *if o.name() == "--uid-owner" { &mut found.uid } else { &mut found.gid } = Some(o.test(range));
        }
        Ok((!options.is_empty()).then_some(found))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("owner");
        out.option_if("--uid-owner", self.uid.as_ref(), |r| r.text('-'));
        out.option_if("--gid-owner", self.gid.as_ref(), |r| r.text('-'));
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        for (test, field) in [(&self.uid, "meta skuid"), (&self.gid, "meta skgid")] {
            if let Some(test) = test {
                nft.range(field, test);
            }
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let datagram = view.datagram();
        Tri::ask_if(self.uid.as_ref(), datagram.uid, "UID=", Range::contains).and(Tri::ask_if(
            self.gid.as_ref(),
            datagram.gid,
            "GID=",
            Range::contains,
        ))
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        if let Some(test) = self.uid {
            look(Look::Uid(test.value));
        }
        if let Some(test) = self.gid {
            look(Look::Gid(test.value));
        }
    }
}
