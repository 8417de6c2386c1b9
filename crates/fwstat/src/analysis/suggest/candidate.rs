//! Candidates: sets of lines that one rule could silence, each with the reason why they are noise.
//!
//! Responsible for: the types.
//! Must not know: how candidates are found or chosen.
//! Tested by: the tests of `cover`.

use fwrules::{Net, Range};
use serde::Serialize;

use crate::analysis::noise::pattern::{OnInterface, Pattern, ranges};
use crate::analysis::noise::sighting::To;

/// Why lines are noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Broadcast and multicast that asks.
    Chatter,
    /// What steady devices of the own network send to this host alone: a decision.
    Steady,
    /// Crowds of sources at ports.
    Radiation,
    /// Answers and ends of connections that are not there.
    Backscatter,
    /// A network at very many ports.
    Scanner,
    /// Sources that no router should bring.
    Spoofed,
}

impl Reason {
    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Reason::Chatter => "chatter",
            Reason::Steady => "steady",
            Reason::Radiation => "radiation",
            Reason::Backscatter => "backscatter",
            Reason::Scanner => "scanner",
            Reason::Spoofed => "spoofed",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Reason::Chatter => "broadcast and multicast of the link",
            Reason::Steady => "steady traffic of local devices (a decision: read it)",
            Reason::Radiation => "background radiation",
            Reason::Backscatter => "backscatter",
            Reason::Scanner => "scanner",
            Reason::Spoofed => "spoofed sources",
        }
    }

    /// Whether rules for it come before the exceptions for own sources: they are limited to what
    /// no router lets through, or to a device that is named.
    #[must_use]
    pub fn is_early(self) -> bool {
        matches!(self, Reason::Chatter | Reason::Steady)
    }
}

/// What ports of one rule have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pack {
    /// Why.
    pub reason: Reason,
    /// The interface; none for chatter of several links.
    pub input: Option<Vec<u8>>,
    /// IPv6.
    pub v6: bool,
    /// Protocol.
    pub protocol: u8,
    /// To whom.
    pub to: To,
}

impl Pack {
    /// The rule's packets, for these ports.
    #[must_use]
    pub fn pattern(&self, ports: &[u16]) -> Pattern {
        let ports = ranges(ports.iter().copied());
        let answers = self.reason == Reason::Backscatter;
        Pattern {
            v6: self.v6,
            input: self.input.iter().map(|name| OnInterface::named(name)).collect(),
            protocol: vec![self.protocol],
            to: if self.to == To::One { 0 } else { Pattern::bit(self.to) },
            syn: (self.protocol == 6).then_some(true),
            sports: if answers { ports.clone() } else { Vec::new() },
            dports: if answers { vec![Range::new(1024, u16::MAX)] } else { ports },
            ..Pattern::default()
        }
    }
}

/// One port (or source port, of answers) of a pack.
#[derive(Clone, Debug)]
pub struct Port {
    /// The pack it fits into.
    pub pack: Pack,
    /// The port.
    pub port: u16,
    /// Its lines of the sample.
    pub lines: Vec<u32>,
}

/// One whole rule.
#[derive(Clone, Debug)]
pub struct Single {
    /// Why.
    pub reason: Reason,
    /// Its packets.
    pub pattern: Pattern,
    /// In a few words.
    pub what: String,
    /// Its lines of the sample.
    pub lines: Vec<u32>,
}

/// Everything that can be chosen.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Ports, to be packed.
    pub ports: Vec<Port>,
    /// Whole rules.
    pub singles: Vec<Single>,
    /// Networks that scan.
    pub scanners: Vec<(Net, u64)>,
    /// Lines of crowds that came once and went: no rule helps against what is over.
    pub over: Vec<u32>,
}
