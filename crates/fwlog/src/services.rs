//! Names of ports, from a table compiled in.
//!
//! Responsible for: `services.txt`, read once. The host's `/etc/services` is not asked, so
//! that the same log gives the same report everywhere.
//! Must not know: packets.
//! Tested by: the unit tests below.

use std::collections::HashMap;
use std::sync::LazyLock;

use logparse::Protocol;

/// The table, one line per name.
const TABLE: &str = include_str!("services.txt");

static NAMES: LazyLock<HashMap<(u8, u16), &'static str>> = LazyLock::new(|| rows().collect());

/// Every (protocol, port) with its name.
fn rows() -> impl Iterator<Item = ((u8, u16), &'static str)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).flat_map(|line| {
        let (port, name) = line.split_once(' ').unwrap_or((line, ""));
        let (port, protocols): (&str, &[Protocol]) = match port.split_once('/') {
            Some((port, "tcp")) => (port, &[Protocol::TCP]),
            Some((port, _)) => (port, &[Protocol::UDP]),
            None => (port, &[Protocol::TCP, Protocol::UDP]),
        };
        let port = port.parse().unwrap_or(0);
        protocols.iter().map(move |protocol| ((protocol.0, port), name))
    })
}

/// What a port is known as.
///
/// ```
/// use logparse::Protocol;
/// assert_eq!(fwlog::services::name(Protocol::TCP, 22), Some("ssh"));
/// assert_eq!(fwlog::services::name(Protocol::UDP, 138), Some("netbios-dgm"));
/// assert_eq!(fwlog::services::name(Protocol::TCP, 2), None);
/// ```
#[must_use]
pub fn name(protocol: Protocol, port: u16) -> Option<&'static str> {
    let protocol = if protocol == Protocol::UDPLITE { Protocol::UDP } else { protocol };
    NAMES.get(&(protocol.0, port)).copied()
}

/// The ports with a name, for filters (`--dport ssh`).
#[must_use]
pub fn ports(wanted: &str) -> Vec<u16> {
    let mut ports: Vec<u16> =
        rows().filter(|(_, name)| name.eq_ignore_ascii_case(wanted)).map(|((_, port), _)| port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        let mut seen = std::collections::HashSet::new();
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let (port, name) = line.split_once(' ').unwrap_or_else(|| panic!("no name: {line}"));
            let (number, protocol) = port.split_once('/').unwrap_or((port, ""));
            assert!(number.parse::<u16>().is_ok_and(|n| n > 0), "{line}");
            assert!(matches!(protocol, "" | "tcp" | "udp"), "{line}");
            assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic()), "{line}");
        }
        for (key, name) in rows() {
            assert!(seen.insert(key), "{key:?} {name} stands twice");
        }
    }

    #[test]
    fn a_name_gives_its_ports() {
        assert_eq!(ports("https"), [443]);
        assert_eq!(ports("DOMAIN"), [53]);
        assert!(ports("no-such-service").is_empty());
    }
}
