//! Ports as ranges and as lists that tools have.
//!
//! Responsible for: the lists; which one a scan went through, how far, and in which order.
//! Must not know: what a scan is.
//! Tested by: `tests/cli/scans.rs`.

use std::sync::LazyLock;

/// The lists, one a line.
const TABLE: &str = include_str!("lists.txt");

/// A list of ports.
#[derive(Clone, Debug)]
pub struct List {
    /// What it is called.
    pub name: &'static str,
    /// The protocol it is for; none for any.
    protocol: Option<u8>,
    ports: Vec<(u16, u16)>,
    count: usize,
}

impl List {
    /// Whether it has a port.
    #[must_use]
    pub fn has(&self, port: u16) -> bool {
        let before = self.ports.partition_point(|(from, _)| *from <= port);
        before.checked_sub(1).is_some_and(|at| port <= self.ports[at].1)
    }

    /// How many ports it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

static LISTS: LazyLock<Vec<List>> = LazyLock::new(|| {
    let list = |line: &'static str| {
        let mut fields = line.split(';');
        let (name, protocol, ports) = (fields.next()?, fields.next()?, fields.next()?);
        let ports: Vec<(u16, u16)> = ports.split(',').filter_map(range).collect();
        let count = ports.iter().map(|(from, to)| usize::from(to - from) + 1).sum();
        let protocol = match protocol {
            "tcp" => Some(6),
            "udp" => Some(17),
            _ => None,
        };
        Some(List { name, protocol, ports, count })
    };
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(list).collect()
});

fn range(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// All of them.
#[must_use]
pub fn lists() -> &'static [List] {
    &LISTS
}

/// The list that some ports, in order, are of, with the part of it that they are. A port that was open is not in a log,
/// so some may be missing; hardly one may be there that is not in the list.
#[must_use]
pub fn list_of(protocol: u8, ports: &[u16]) -> Option<(String, f64)> {
    let (first, last) = (*ports.first()?, *ports.last()?);
    let named =
        LISTS.iter().filter(|list| list.protocol.is_none_or(|of| of == protocol)).filter_map(|list| {
            if ports.len() * 4 < list.count() * 3 {
                return None;
            }
            let inside = ports.iter().filter(|port| list.has(**port)).count();
            let (part, own) = (inside as f64 / list.count() as f64, inside as f64 / ports.len() as f64);
            (part >= 0.75 && own >= 0.96).then(|| (list.name.to_owned(), part))
        });
    let width = usize::from(last - first) + 1;
    let whole = ports.len() as f64 / width as f64;
    let range = (ports.len() >= 10 && whole >= 0.9).then(|| (format!("{first}-{last}"), whole));
    // A list that a tool has by a name says more than a range that happens to fit.
    named.chain(range).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Ports as ranges, in order: `21-23,80`.
#[must_use]
pub fn ranges(ports: &[u16]) -> Vec<(u16, u16)> {
    let mut out: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match out.last_mut() {
            Some((_, to)) if to.checked_add(1) == Some(*port) => *to = *port,
            _ => out.push((*port, *port)),
        }
    }
    out
}

/// How ports follow each other, if there are enough to say.
#[must_use]
pub fn order(ports: &[u16]) -> Option<&'static str> {
    if ports.len() < 5 {
        return None;
    }
    let up = ports.windows(2).filter(|pair| pair[1] > pair[0]).count();
    let all = ports.len() - 1;
    Some(match up {
        up if up * 10 >= all * 9 => "ascending",
        up if up * 10 <= all => "descending",
        _ => "shuffled",
    })
}
