//! Logs and rulesets that can be shown to others: addresses that keep their networks, hardware addresses, names.
//!
//! [`pan`] is the published function, [`address`] and [`hardware`] say what of an address must stay, [`names`] what a name
//! becomes. [`text`] finds addresses in any text; [`record`] and [`ruleset`] know which parts of a line are names;
//! [`check`] reads the result again.
//!
//! Responsible for: what is replaced by what.
//! Must not know: files, options.
//! Tested by: the unit tests of its files, `tests/cli/anonymise.rs`.

pub mod address;
pub mod check;
mod form;
pub mod hardware;
pub mod names;
pub mod pan;
pub mod record;
pub mod ruleset;
pub mod text;

use std::collections::HashMap;

use address::Addresses;
use hardware::Hardware;
use names::Names;
use pan::{Key, Pan};
use text::Mapper;

/// What decides about everything: the same settings make the same text.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key: that of Crypto-PAn.
    pub key: Key,
    /// Whether the vendors of hardware addresses stay.
    pub vendor: bool,
    /// Names and prefixes, and what becomes of them.
    pub list: HashMap<Vec<u8>, Vec<u8>>,
}

impl Settings {
    /// One thread's part.
    #[must_use]
    pub fn mapper(&self) -> Mapper {
        let pan = Pan::new(&self.key);
        let hardware = Hardware::new(&pan.derived(b"hardware addresses"), self.vendor);
        let names = Names::new(&pan.derived(b"names"), self.list.clone());
        Mapper::new(Addresses::new(&self.key), hardware, names)
    }
}
