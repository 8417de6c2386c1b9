//! Names and places of addresses.
//!
//! Responsible for: which name, country and autonomous system an address has, by files that the user named: hosts and
//! leases ([`table`]), databases of MaxMind's format ([`places`]); and, only if the user asks for it, by the system's
//! resolver ([`resolver`]).
//! Must not know: logs, records.
//! Tested by: the unit tests of its files, `fwstat/tests/cli/names.rs`.

pub mod places;
pub mod resolver;
pub mod table;

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

pub use places::Places;
pub use table::Table;

use self::resolver::{Answers, LIMITS};

/// All that is known of addresses.
#[derive(Debug, Default)]
pub struct Names {
    /// Names of hosts and networks, by files.
    pub table: Table,
    /// Countries and autonomous systems.
    pub places: Places,
    /// Whether the resolver is asked for names that no file has.
    resolves: bool,
    /// Whether a name is needed while the log is read.
    wanted: AtomicBool,
    /// What the resolver said before the log was read.
    resolved: OnceLock<Table>,
}

impl Names {
    /// Nothing is known yet; whether the resolver is asked for names that no file has.
    #[must_use]
    pub fn new(resolves: bool) -> Names {
        Names { resolves, ..Names::default() }
    }

    /// The name of an address; the files' names come before the resolver's.
    #[must_use]
    pub fn name(&self, addr: IpAddr) -> Option<&str> {
        self.table.name(addr).or_else(|| self.resolved.get()?.name(addr))
    }

    /// Whether names may be found at all.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.resolves || !self.table.is_empty()
    }

    /// Notes that names are needed while the log is read.
    pub fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Whether the resolver must be asked before the log is read.
    #[must_use]
    pub fn waits_for_resolver(&self) -> bool {
        self.resolves && self.wanted.load(Ordering::Relaxed) && self.resolved.get().is_none()
    }

    /// Asks the resolver for the names of addresses, the most important first, that no file has; then they have names
    /// wherever one is needed. Only the first call asks.
    pub fn resolve(&self, addresses: &[IpAddr]) -> Answers {
        let answers = self.ask(addresses);
        let mut table = Table::default();
        answers.names.iter().for_each(|(addr, name)| table.add_host(*addr, name));
        // Who comes second keeps what there is.
        let _ = self.resolved.set(table);
        answers
    }

    /// The names of a few addresses, one each: by the files, or else by the resolver, if it is asked at all.
    #[must_use]
    pub fn of_each(&self, addresses: &[IpAddr]) -> Vec<Option<String>> {
        let asked = self.ask(addresses);
        let resolved = |addr| asked.names.iter().find(|(one, _)| *one == addr).map(|(_, name)| name.clone());
        let name = |addr: &IpAddr| self.name(*addr).map(str::to_owned).or_else(|| resolved(*addr));
        addresses.iter().map(name).collect()
    }

    fn ask(&self, addresses: &[IpAddr]) -> Answers {
        if !self.resolves {
            return Answers::default();
        }
        let mut unknown: Vec<IpAddr> = Vec::new();
        for addr in addresses {
            if self.name(*addr).is_none() && !unknown.contains(addr) {
                unknown.push(*addr);
            }
            if unknown.len() == LIMITS.addresses {
                break;
            }
        }
        resolver::ask(&unknown, LIMITS)
    }
}
