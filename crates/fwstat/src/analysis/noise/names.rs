//! Names of known noise, from a table compiled in.
//!
//! Responsible for: `names.txt`, read once: which ports belong to one service, and what kind
//! of noise it is known as.
//! Must not know: packets, rules.
//! Tested by: the unit tests below.

use std::sync::LazyLock;

use hashbrown::HashMap;
use logparse::Protocol;

/// The table, one line per service.
const TABLE: &str = include_str!("names.txt");

/// How a service comes into logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Habit {
    /// Broadcast and multicast on one network.
    Lan,
    /// Tried everywhere by scanners.
    Net,
    /// Tried everywhere by worms and botnets.
    Worm,
    /// Run by people for themselves.
    Own,
}

/// A known service: some ports under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service {
    /// What it is called.
    pub name: &'static str,
    /// How it comes into logs.
    pub habit: Habit,
}

type Row = (u8, Vec<(u16, u16)>, Service);

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).filter_map(row).collect()
});

static PORTS: LazyLock<HashMap<(u8, u16), Service>> = LazyLock::new(|| {
    let mut ports = HashMap::new();
    for (protocol, ranges, service) in ROWS.iter() {
        for (first, last) in ranges {
            for port in *first..=*last {
                ports.insert((*protocol, port), *service);
            }
        }
    }
    ports
});

fn row(line: &'static str) -> Option<Row> {
    let mut words = line.splitn(4, ' ');
    let protocol = match words.next()? {
        "tcp" => Protocol::TCP.0,
        "udp" => Protocol::UDP.0,
        _ => return None,
    };
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let ranges = words.next()?.split(',').map(range).collect::<Option<Vec<_>>>()?;
    let habit = match words.next()? {
        "lan" => Habit::Lan,
        "net" => Habit::Net,
        "worm" => Habit::Worm,
        "own" => Habit::Own,
        _ => return None,
    };
    Some((protocol, ranges, Service { name: words.next()?, habit }))
}

/// What a port is known as.
///
/// ```
/// use fwstat::analysis::noise::names::{Habit, service};
/// assert_eq!(service(17, 138).unwrap().name, "netbios");
/// assert_eq!(service(6, 2323), service(6, 23));
/// assert_eq!(service(17, 138).unwrap().habit, Habit::Lan);
/// assert_eq!(service(6, 2), None);
/// ```
#[must_use]
pub fn service(protocol: u8, port: u16) -> Option<Service> {
    PORTS.get(&(protocol, port)).copied()
}

/// The name of a port for people: the table's, else that of the service, else `udp 4711`.
#[must_use]
pub fn name(protocol: u8, port: u16) -> String {
    match known(protocol, port) {
        Some(name) => name.to_owned(),
        None => format!("{} {port}", Protocol(protocol).to_string().to_lowercase()),
    }
}

/// The name of a port that has one.
#[must_use]
pub fn known(protocol: u8, port: u16) -> Option<&'static str> {
    match service(protocol, port) {
        Some(service) => Some(service.name),
        None => fwlog::services::name(Protocol(protocol), port),
    }
}

/// For TCP and UDP, port by port, the first port with the same name.
static FIRST: LazyLock<[Vec<(u8, u16)>; 2]> = LazyLock::new(|| {
    let mut names: HashMap<&str, (u8, u16)> = HashMap::new();
    [Protocol::TCP.0, Protocol::UDP.0].map(|protocol| {
        let mut first = |port: u16| match known(protocol, port) {
            Some(name) => *names.entry(name).or_insert((protocol, port)),
            None => (protocol, port),
        };
        (0..=u16::MAX).map(&mut first).collect()
    })
});

/// A protocol and port that stand for a service, whichever of its ports is asked for.
///
/// ```
/// use fwstat::analysis::noise::names::first;
/// assert_eq!((first(6, 2323), first(6, 4711)), ((6, 23), (6, 4711)));
/// ```
#[must_use]
#[inline]
pub fn first(protocol: u8, port: u16) -> (u8, u16) {
    match Protocol(protocol) {
        Protocol::TCP => FIRST[0][usize::from(port)],
        Protocol::UDP => FIRST[1][usize::from(port)],
        _ => (protocol, port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        let lines: Vec<&str> =
            TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        for line in &lines {
            assert!(row(line).is_some(), "{line}");
        }
        let mut seen = HashMap::new();
        for (protocol, ranges, service) in ROWS.iter() {
            for (first, last) in ranges {
                assert!(first <= last);
                for port in *first..=*last {
                    let other = seen.insert((*protocol, port), service.name);
                    assert_eq!(other, None, "{port} is {} and {other:?}", service.name);
                }
            }
        }
    }

    #[test]
    fn unknown_ports_are_named_by_number() {
        assert_eq!(name(17, 4711), "udp 4711");
        assert_eq!(name(6, 22), "ssh");
    }
}
