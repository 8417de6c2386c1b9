//! Names as they are shared: of hosts, interfaces, users; and prefixes, where a list says what they become.
//!
//! A name becomes a kind and a few digits that depend on the key, so it is the same in every file that one key made.
//! The digits at the end of an interface's name stay: rules ask for `eth+`. `lo` stays, and so do the numbers of the
//! system's own users.
//!
//! Responsible for: these names.
//! Must not know: where they stand.
//! Tested by: the unit tests below, `tests/cli/anonymise.rs`.

use std::collections::HashMap;
use std::sync::Arc;

use hashbrown::HashMap as Quick;

use super::pan::{Key, Pan};

/// Users below are the system's own, on every system.
const FIRST_USER: u32 = 1_000;

/// Kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A host.
    Host,
    /// An interface.
    Interface,
    /// A user by name.
    User,
    /// A comment of a rule.
    Comment,
    /// A machine, a boot: thirty-two hexadecimal digits.
    Id,
}

/// Maps names.
#[derive(Debug)]
pub struct Names {
    pan: Pan,
    /// What the list says.
    list: HashMap<Vec<u8>, Vec<u8>>,
    /// By kind.
    known: [Quick<Vec<u8>, Arc<[u8]>>; 5],
}

/// Names that are remembered; then the memory starts anew.
const REMEMBERED: usize = 1 << 14;

impl Names {
    /// With a key of its own, and a list of what becomes what.
    #[must_use]
    pub fn new(key: &Key, list: HashMap<Vec<u8>, Vec<u8>>) -> Names {
        Names { pan: Pan::new(key), list, known: Default::default() }
    }

    /// What the list says of a name.
    #[must_use]
    pub fn listed(&self, name: &[u8]) -> Option<&[u8]> {
        self.list.get(name).map(Vec::as_slice)
    }

    /// The image of a name.
    pub fn image(&mut self, kind: Kind, name: &[u8]) -> Arc<[u8]> {
        let Names { pan, list, known } = self;
        let known = &mut known[kind as usize];
        if let Some(image) = known.get(name) {
            return Arc::clone(image);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let image: Arc<[u8]> = match list.get(name) {
            Some(listed) => listed.as_slice().into(),
            None => made(pan, kind, name).into(),
        };
        known.insert(name.to_vec(), Arc::clone(&image));
        image
    }

    /// A byte in place of one of these, by its number: nothing of them is left in it.
    #[must_use]
    pub fn byte(&self, bytes: &[u8], at: usize) -> u8 {
        let block = self.pan.number(0x10 + (at / 16) as u8, bytes);
        block.to_be_bytes()[at % 16]
    }

    /// The image of a user's or a group's number.
    #[must_use]
    pub fn user(&self, number: u32) -> u32 {
        if !(FIRST_USER..65_534).contains(&number) {
            return number;
        }
        // A permutation of the numbers from the first user on: four rounds of a Feistel network over sixteen bits, again
        // until the result is one of them.
        let mut image = number;
        loop {
            let (mut left, mut right) = (image >> 8 & 0xff, image & 0xff);
            for round in 0..4u8 {
                let mixed = self.pan.number(0x20 + round, &[right as u8]) as u32 & 0xff;
                (left, right) = (right, left ^ mixed);
            }
            image = left << 8 | right;
            if (FIRST_USER..65_534).contains(&image) {
                return image;
            }
        }
    }
}

/// A name made by the key.
fn made(pan: &Pan, kind: Kind, name: &[u8]) -> Vec<u8> {
    let digits = |name: &[u8], count: usize| {
        let text = format!("{:032x}", pan.number(kind as u8, name));
        text[..count].to_owned()
    };
    match kind {
        // It tells nothing.
        Kind::Host if matches!(name, b"localhost" | b"kernel" | b"-") => name.to_vec(),
        Kind::Host => format!("host-{}", digits(name, 6)).into_bytes(),
        Kind::User => format!("user-{}", digits(name, 6)).into_bytes(),
        Kind::Comment => format!("comment-{}", digits(name, 6)).into_bytes(),
        Kind::Id => digits(name, 32).into_bytes(),
        Kind::Interface => {
            if name == b"lo" || name.is_empty() {
                return name.to_vec();
            }
            let stem = name.trim_ascii_end();
            let end = stem.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |at| at + 1);
            // A name's number is short; what is longer is part of a name.
            let (stem, number) = if stem.len() - end <= 4 { stem.split_at(end) } else { (stem, &b""[..]) };
            [b"if", digits(stem, 5).as_bytes(), number].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn names() -> Names {
        let list = HashMap::from([(b"gw".to_vec(), b"gateway".to_vec())]);
        Names::new(&[9; 32], list)
    }

    #[test]
    fn interfaces_keep_their_numbers() {
        let mut names = names();
        let mut of =
            |name: &str| String::from_utf8(names.image(Kind::Interface, name.as_bytes()).to_vec()).unwrap();
        let (eth0, eth1, wlan0) = (of("eth0"), of("eth1"), of("wlan0"));
        assert!(eth0.ends_with('0') && eth1.ends_with('1') && !eth0.contains("eth"), "{eth0} {eth1}");
        assert_eq!(eth0.strip_suffix('0'), eth1.strip_suffix('1'));
        assert_ne!(eth0, wlan0);
        assert_eq!((of("lo").as_str(), of("").as_str()), ("lo", ""));
        assert!(of("enx525400123456").len() <= 15, "{}", of("enx525400123456"));
        assert!(!of("enx525400123456").contains("123456"));
    }

    #[test]
    fn a_list_comes_first() {
        let mut names = names();
        assert_eq!(*names.image(Kind::Host, b"gw"), *b"gateway");
        let other = names.image(Kind::Host, b"gw2").to_vec();
        assert!(other.starts_with(b"host-") && other.len() == 11);
        assert_eq!(names.listed(b"gw"), Some(&b"gateway"[..]));
        assert_eq!(names.listed(b"x"), None);
    }

    #[test]
    fn users_are_permuted() {
        let names = names();
        assert_eq!([0, 33, 999, 65_534].map(|n| names.user(n)), [0, 33, 999, 65_534]);
        let all: HashSet<u32> = (1_000..4_000).map(|n| names.user(n)).collect();
        assert!(all.len() == 3_000 && all.iter().all(|n| (1_000..65_534).contains(n)));
    }
}
