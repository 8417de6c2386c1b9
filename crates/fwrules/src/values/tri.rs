//! Three values, and why something is unknown.
//!
//! Responsible for: [`Tri`], [`Why`], and the logic of both.
//! Must not know: what is asked.
//! Tested by: `tests/oracle.rs`, `tests/replay.rs`.

use core::fmt;

use crate::values::net::Test;

/// Yes, no, or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tri {
    /// Certainly.
    Yes,
    /// Certainly not.
    No,
    /// The line cannot tell.
    Unknown(Why),
}

/// Why something is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// The state of the connection.
    State,
    /// How many packets came before (`limit`, `hashlimit`).
    Rate,
    /// What the kernel remembers (`recent`, `connlimit`, `quota`, `connbytes`).
    Memory,
    /// Chance (`statistic`).
    Chance,
    /// The packet's content (`string`, `u32`, `bpf`).
    Payload,
    /// The time of day, which was not given.
    Time,
    /// The sending or receiving socket, or who owns it.
    Socket,
    /// This host's addresses and routes, which were not given.
    Host,
    /// A set that was not given, is of an unknown type or changes by itself.
    Set,
    /// A field that this line does not print; its name.
    NotShown(&'static str),
    /// A field that the ruleset itself rewrites on the packet's way; its name.
    Rewritten(&'static str),
    /// Where the packet would go next (not yet routed when the line was written).
    Route,
    /// A match, option or expression that is not known here.
    Match,
    /// A target that is not known here.
    Target,
    /// A program in user space decides.
    UserSpace,
    /// The chains are nested or joined in a way that was not followed to the end.
    Depth,
}

impl Why {
    /// A small number for each, for tables; fields that are not shown share one per layer.
    pub(crate) fn index(self) -> u32 {
        match self {
            Why::State => 0,
            Why::Rate => 1,
            Why::Memory => 2,
            Why::Chance => 3,
            Why::Payload => 4,
            Why::Time => 5,
            Why::Socket => 6,
            Why::Host => 7,
            Why::Set => 8,
            Why::Route => 9,
            Why::Match => 10,
            Why::Target => 11,
            Why::UserSpace => 12,
            Why::Depth => 13,
            Why::NotShown("PROTO=") => 14,
            Why::NotShown("SPT=") => 15,
            Why::NotShown("DPT=") => 16,
            Why::NotShown(_) => 17,
            Why::Rewritten(_) => 18,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Why::State => "the state of the connection is not in the line",
            Why::Rate => "a rate limit depends on the packets before",
            Why::Memory => "it depends on what the kernel remembers of earlier packets",
            Why::Chance => "it depends on chance",
            Why::Payload => "the packet's content is not in the line",
            Why::Time => "the time of the packet was not given",
            Why::Socket => "the socket is not in the line",
            Why::Host => "the host's own addresses were not given",
            Why::Set => "the set's content is not known",
            Why::NotShown(field) => return write!(f, "{field} is not in the line"),
            Why::Rewritten(field) => return write!(f, "{field} is rewritten by the ruleset itself"),
            Why::Route => "the line was written before the packet was routed",
            Why::Match => "the match is not known to fwrules",
            Why::Target => "the target is not known to fwrules",
            Why::UserSpace => "a program decides",
            Why::Depth => "the chains are nested too deeply",
        };
        f.write_str(text)
    }
}

impl Tri {
    /// Both: no if either is, else unknown if either is.
    #[must_use]
    pub fn and(self, other: Tri) -> Tri {
        match (self, other) {
            (Tri::No, _) | (_, Tri::No) => Tri::No,
            (Tri::Yes, other) => other,
            (unknown, _) => unknown,
        }
    }

    /// Either: yes if one is, else unknown if one is.
    #[must_use]
    pub fn or(self, other: Tri) -> Tri {
        !(!self).and(!other)
    }

    pub(crate) fn known(is: bool) -> Tri {
        if is { Tri::Yes } else { Tri::No }
    }

    pub(crate) fn test<T>(self, test: &Test<T>) -> Tri {
        if test.not { !self } else { self }
    }

    /// A test of a field that a line may not show; `field` is its name.
    pub(crate) fn ask<T, S>(
        test: &Test<T>,
        shown: Option<S>,
        field: &'static str,
        is: impl FnOnce(&T, S) -> bool,
    ) -> Tri {
        match shown {
            Some(shown) => Tri::known(is(&test.value, shown) != test.not),
            None => Tri::Unknown(Why::NotShown(field)),
        }
    }

    /// As [`ask`](Self::ask), of a test that need not be there.
    pub(crate) fn ask_if<T, S>(
        test: Option<&Test<T>>,
        shown: Option<S>,
        field: &'static str,
        is: impl FnOnce(&T, S) -> bool,
    ) -> Tri {
        test.map_or(Tri::Yes, |test| Tri::ask(test, shown, field, is))
    }
}

impl core::ops::Not for Tri {
    type Output = Tri;
    /// Negation; unknown stays unknown.
    fn not(self) -> Tri {
        match self {
            Tri::Yes => Tri::No,
            Tri::No => Tri::Yes,
            unknown @ Tri::Unknown(_) => unknown,
        }
    }
}
