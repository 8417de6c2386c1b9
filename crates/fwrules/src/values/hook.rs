//! Where in its way through the host a packet meets rules.
//!
//! Responsible for: the kernel's hooks, and the three paths through them.
//! Must not know: rules, chains.
//! Tested by: `tests/replay.rs`.

use core::fmt;

/// Where in a packet's way through the host rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Came in, not yet routed.
    Prerouting,
    /// For this host.
    Input,
    /// Passing through.
    Forward,
    /// From this host.
    Output,
    /// About to leave.
    Postrouting,
}

impl Hook {
    /// The built-in chain of this hook, as iptables writes it.
    #[must_use]
    pub const fn chain(self) -> &'static str {
        match self {
            Hook::Prerouting => "PREROUTING",
            Hook::Input => "INPUT",
            Hook::Forward => "FORWARD",
            Hook::Output => "OUTPUT",
            Hook::Postrouting => "POSTROUTING",
        }
    }

    /// The hook of a built-in chain's or nft hook's name, in any case.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Hook> {
        [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting]
            .into_iter()
            .find(|hook| hook.chain().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// Which way a packet takes through this host, told by the interfaces of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// For this host: `IN=` only.
    Input,
    /// Passing through: `IN=` and `OUT=`.
    Forward,
    /// From this host: `OUT=` only.
    Output,
}

impl Path {
    /// All of them; `path as usize` is the index.
    pub const ALL: [Path; 3] = [Path::Input, Path::Forward, Path::Output];

    /// The path of a packet with these interfaces; an empty name is no interface. `None`
    /// without any: the line was written by no packet on its way.
    #[must_use]
    pub const fn of(input: &[u8], output: &[u8]) -> Option<Path> {
        match (input.is_empty(), output.is_empty()) {
            (false, true) => Some(Path::Input),
            (false, false) => Some(Path::Forward),
            (true, false) => Some(Path::Output),
            (true, true) => None,
        }
    }

    /// The hook in its middle: INPUT, FORWARD or OUTPUT.
    #[must_use]
    pub const fn hook(self) -> Hook {
        match self {
            Path::Input => Hook::Input,
            Path::Forward => Hook::Forward,
            Path::Output => Hook::Output,
        }
    }

    /// The hooks that a packet on it has come or will come by, in order.
    #[must_use]
    pub const fn hooks(self) -> &'static [Hook] {
        match self {
            Path::Input => &[Hook::Prerouting, Hook::Input],
            Path::Forward => &[Hook::Prerouting, Hook::Forward, Hook::Postrouting],
            Path::Output => &[Hook::Output, Hook::Postrouting],
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.chain())
    }
}
