//! Names of hosts and networks.
//!
//! Responsible for: files of three forms, told line by line: hosts(5), dnsmasq's leases, and lists with an address or a
//! network and a name, separated by a comma; the longest network wins.
//! Must not know: who asks.
//! Tested by: the unit tests below.

use std::net::IpAddr;

use hashbrown::HashMap;

/// The bytes that a name may have; what is longer is cut. A name in DNS has at most 253.
const LONGEST_NAME: usize = 255;

/// Names by address and by network.
#[derive(Debug, Default)]
pub struct Table {
    hosts: HashMap<IpAddr, Box<str>>,
    /// By length of the network, the longest first.
    networks: Vec<(u8, HashMap<IpAddr, Box<str>>)>,
}

impl Table {
    /// Adds the names of a file. Where two files name an address, the first is right.
    ///
    /// # Errors
    /// The number of the first line that is no name, 1-based, and what was expected there.
    pub fn read(&mut self, text: &str) -> Result<(), (usize, String)> {
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            match entry(line) {
                Some((_, _, "" | "*")) => {}
                Some((addr, length, name)) => self.add(addr, length, name),
                // A list may begin with the names of its columns.
                None if at == 0 && line.contains(',') => {}
                None => {
                    let line = crate::text::shorten(&crate::text::escape(line.as_bytes()), 60);
                    let expected = "an address and a name (hosts, CSV), or a lease of dnsmasq";
                    return Err((at + 1, format!("expected {expected}, found `{line}`")));
                }
            }
        }
        Ok(())
    }

    /// Adds the name of one address.
    pub fn add_host(&mut self, addr: IpAddr, name: &str) {
        self.add(addr, whole(addr), name);
    }

    fn add(&mut self, addr: IpAddr, length: u8, name: &str) {
        let end =
            (0..=name.len().min(LONGEST_NAME)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        let name = Box::from(&name[..end]);
        if length == whole(addr) {
            self.hosts.entry(addr).or_insert(name);
            return;
        }
        let at = self.networks.partition_point(|(known, _)| *known > length);
        if self.networks.get(at).is_none_or(|(known, _)| *known != length) {
            self.networks.insert(at, (length, HashMap::new()));
        }
        self.networks[at].1.entry(masked(addr, length)).or_insert(name);
    }

    /// The name of an address, or else of the smallest network with a name that it is in.
    #[must_use]
    pub fn name(&self, addr: IpAddr) -> Option<&str> {
        let host = self.hosts.get(&addr);
        let network = || {
            let fitting = self.networks.iter().filter(|(length, _)| *length < whole(addr));
            fitting.map(|(length, names)| names.get(&masked(addr, *length))).find_map(|name| name)
        };
        host.or_else(network).map(AsRef::as_ref)
    }

    /// Whether it has no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.networks.is_empty()
    }
}

/// The address or network of a line, and its name.
fn entry(line: &str) -> Option<(IpAddr, u8, &str)> {
    if let Some((addr, rest)) = line.split_once([',', ';']) {
        let (addr, length) = network(addr.trim().trim_matches('"'))?;
        let rest = rest.trim();
        let name = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            None => rest.split([',', ';']).next().unwrap_or_default().trim(),
        };
        return Some((addr, length, name));
    }
    let mut words = line.split_ascii_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    if let Some((addr, length)) = network(first) {
        return Some((addr, length, second));
    }
    // dnsmasq: when it ends, the hardware address (or an identifier), the address, the name, the client's identifier.
    first.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    let addr = words.next()?.parse().ok()?;
    Some((addr, whole(addr), words.next()?))
}

/// An address, or a network with its length.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (addr, length) = text.split_once('/').map_or((text, None), |(addr, length)| (addr, Some(length)));
    let addr = addr.parse().ok()?;
    let length = length.map_or(Some(whole(addr)), |length| length.parse().ok())?;
    (length <= whole(addr)).then_some((addr, length))
}

/// The length of a network of one address.
fn whole(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

/// The first address of the network of this length that an address is in.
#[must_use]
pub fn masked(addr: IpAddr, length: u8) -> IpAddr {
    match addr {
        IpAddr::V4(addr) => IpAddr::from(
            (addr.to_bits() & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)).to_be_bytes(),
        ),
        IpAddr::V6(addr) => IpAddr::from(
            (addr.to_bits() & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)).to_be_bytes(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        let mut table = Table::default();
        table.read(text).unwrap();
        table
    }

    fn name<'t>(table: &'t Table, addr: &str) -> Option<&'t str> {
        table.name(addr.parse().unwrap())
    }

    #[test]
    fn three_forms_are_read() {
        let hosts =
            table("# mine\n127.0.0.1 localhost\n192.168.1.2\tnas nas.lan # the old one\n\n2001:db8::7 six\n");
        assert_eq!(name(&hosts, "192.168.1.2"), Some("nas"));
        assert_eq!(name(&hosts, "2001:db8::7"), Some("six"));
        assert_eq!(name(&hosts, "192.168.1.3"), None);
        let leases = table(
            "1767225600 aa:bb:cc:dd:ee:ff 192.168.1.9 printer 01:aa:bb\n1767225600 aa:bb:cc:dd:ee:00 192.168.1.10 * *\n\
             1767225600 12345 2001:db8::9 laptop 00:01\n",
        );
        assert_eq!(name(&leases, "192.168.1.9"), Some("printer"));
        assert_eq!(name(&leases, "192.168.1.10"), None);
        assert_eq!(name(&leases, "2001:db8::9"), Some("laptop"));
        let list = table(
            "network,name,note\n10.0.0.0/8,office,x\n10.1.2.0/24,\"lab, second floor\"\n10.1.2.7,bench\n",
        );
        assert_eq!(name(&list, "10.9.9.9"), Some("office"));
        assert_eq!(name(&list, "10.1.2.3"), Some("lab, second floor"));
        assert_eq!(name(&list, "10.1.2.7"), Some("bench"));
        assert_eq!(name(&list, "11.1.2.7"), None);
    }

    #[test]
    fn families_are_apart_and_everything_is_a_network() {
        let list = table("0.0.0.0/0,internet\n::/0,internet6\n2001:db8::/32,docs\n");
        assert_eq!(name(&list, "192.0.2.1"), Some("internet"));
        assert_eq!(name(&list, "2001:db8::1"), Some("docs"));
        assert_eq!(name(&list, "2001:db9::1"), Some("internet6"));
    }

    #[test]
    fn what_is_no_name_is_told_with_its_line() {
        let mut table = Table::default();
        let (line, words) = table.read("192.0.2.1 a\nnonsense here\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(words.contains("`nonsense here`"), "{words}");
        assert!(table.read("10.0.0.0/33 x\n").is_err());
        assert!(table.read("10.0.0.1\n").is_err());
    }

    #[test]
    fn a_name_has_a_limit() {
        let long = table(&format!("192.0.2.1 {}\n", "ä".repeat(1_000)));
        assert!(name(&long, "192.0.2.1").unwrap().len() <= LONGEST_NAME);
    }
}
