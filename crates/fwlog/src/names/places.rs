//! Countries and autonomous systems of addresses.
//!
//! Responsible for: databases of MaxMind's format (`.mmdb`: GeoLite2, DB-IP, IPinfo), several at once: one may know
//! countries, another systems.
//! Must not know: who asks.
//! Tested by: `fwstat/tests/cli/names.rs`, on a database that the test makes.

use std::net::IpAddr;

use maxminddb::{PathElement, Reader};

/// Databases, in the order in which they are asked.
#[derive(Debug, Default)]
pub struct Places(Vec<Reader<Vec<u8>>>);

impl Places {
    /// Adds a database.
    ///
    /// # Errors
    /// It is none.
    pub fn add(&mut self, database: Vec<u8>) -> Result<(), String> {
        self.0.push(Reader::from_source(database).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The country of an address, by its two letters (ISO 3166-1).
    #[must_use]
    pub fn country(&self, addr: IpAddr) -> Option<&str> {
        let country = |name| self.text(addr, &[PathElement::Key(name), PathElement::Key("iso_code")]);
        country("country")
            .or_else(|| country("registered_country"))
            .or_else(|| self.text(addr, &[PathElement::Key("country_code")]))
    }

    /// The number of the autonomous system that announces an address.
    #[must_use]
    pub fn asn(&self, addr: IpAddr) -> Option<u32> {
        self.0.iter().find_map(|reader| {
            reader.lookup(addr).ok()?.decode_path(&[PathElement::Key("autonomous_system_number")]).ok()?
        })
    }

    /// Who runs that system.
    #[must_use]
    pub fn as_org(&self, addr: IpAddr) -> Option<&str> {
        self.text(addr, &[PathElement::Key("autonomous_system_organization")])
    }

    /// The text at a place of an address's entry, in the first database that has it.
    fn text<'p>(&'p self, addr: IpAddr, path: &[PathElement<'_>]) -> Option<&'p str> {
        self.0.iter().find_map(|reader| reader.lookup(addr).ok()?.decode_path(path).ok()?)
    }
}
