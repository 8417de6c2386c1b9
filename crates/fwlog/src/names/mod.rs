//! Names and places of addresses, as files on this machine say.
//!
//! Responsible for: which name, country and autonomous system an address has, by files that the user named: hosts and
//! leases ([`table`]), databases of MaxMind's format ([`places`]). No network is asked.
//! Must not know: logs, records.
//! Tested by: the unit tests of its files, `fwstat/tests/cli/names.rs`.

pub mod places;
pub mod table;

pub use places::Places;
pub use table::Table;

/// All that is known of addresses.
#[derive(Debug, Default)]
pub struct Names {
    /// Names of hosts and networks.
    pub table: Table,
    /// Countries and autonomous systems.
    pub places: Places,
}
