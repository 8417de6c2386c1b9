//! The interface names of a ruleset as bits.
//!
//! Responsible for: atoms, and which of them a name or pattern means.
//! Must not know: rules.
//! Tested by: the unit tests of `lint`.

use crate::values::net::Interface;

/// The interface names of a ruleset as atoms: names that no test tells apart are one bit.
/// Bit 0 is "no interface", bit 1 "any other".
pub(crate) struct Names {
    /// One representative name for each atom from bit 2 on.
    atoms: Vec<Vec<u8>>,
}

impl Names {
    pub(crate) fn new<'a>(patterns: impl Iterator<Item = &'a Interface>) -> Names {
        let mut atoms: Vec<Vec<u8>> = vec![b"lo".to_vec()];
        for pattern in patterns {
            let name = atom(pattern);
            if !atoms.contains(&name) && atoms.len() < 120 {
                atoms.push(name);
            }
        }
        Names { atoms }
    }

    pub(crate) const NONE: u128 = 1;

    /// The interfaces of this name; `None` if there are too many names for this one to have a bit.
    pub(crate) fn of(&self, interface: &Interface) -> Option<u128> {
        if !self.atoms.contains(&atom(interface)) {
            return None;
        }
        let mut set = 0;
        let matches = |name: &[u8]| interface.matches(name);
        for (i, atom) in self.atoms.iter().enumerate() {
            if matches(atom) {
                set |= 1 << (i + 2);
            }
        }
        if matches(b"") {
            set |= Names::NONE;
        }
        if matches(b"\x01") {
            set |= 2;
        }
        Some(set)
    }

    /// All that have a bit.
    pub(crate) fn all(&self) -> u128 {
        u128::MAX >> (126 - self.atoms.len())
    }

    pub(crate) fn one(&self, name: &str) -> u128 {
        self.of(&Interface(name.into())).unwrap_or_default()
    }
}

/// The name that stands for an interface, or for those that begin like this.
fn atom(pattern: &Interface) -> Vec<u8> {
    match pattern.wildcard() {
        // No name has a zero byte in it.
        Some(start) => [start, b"\0"].concat(),
        None => pattern.0.as_bytes().to_vec(),
    }
}
