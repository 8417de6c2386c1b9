//! What is new since a report was written before: things that were never told.
//!
//! A thing is told once: it goes into the state when the report that tells it is out. What is new is found in what was
//! read now, so a log that was rotated, or of which the same part is read again, tells nothing twice.
//!
//! Responsible for: which things there are, which of them are new, and the state as text.
//! Must not know: files, how news are told.
//! Tested by: the unit tests below, `tests/cli/report_digest.rs`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Summary;
use crate::analysis::suggest::watch::OWN;

/// The form of the state.
const SCHEMA: &str = "fwstat.told/1";
/// Things that are remembered: then a state takes 20 MB.
const MOST: usize = 250_000;

/// Something that is told once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A near hit: the source, the protocol and the port.
    Near(IpAddr, u8, Option<u16>),
    /// An own host that probes.
    Host(IpAddr),
    /// A source from outside that scans slowly, or comes again and again.
    Slow(IpAddr),
    /// Where an own host wanted to go.
    Outgoing(String),
    /// A prefix.
    Prefix(Vec<u8>),
    /// A port, after its protocol, among those with the most packets.
    Port(u8, u16),
}

impl Thing {
    /// Its name in the state. Bytes that are no text are escaped: two that look alike are one.
    fn name(&self) -> String {
        match self {
            Thing::Near(addr, protocol, port) => format!("near {addr} {protocol} {}", port.unwrap_or(0)),
            Thing::Host(addr) => format!("host {addr}"),
            Thing::Slow(addr) => format!("slow {addr}"),
            Thing::Outgoing(to) => format!("outgoing {to}"),
            Thing::Prefix(prefix) => format!("prefix {}", prefix.escape_ascii()),
            Thing::Port(protocol, port) => format!("port {protocol} {port}"),
        }
    }
}

/// Things with their lines.
pub type Things = Vec<(Thing, u64)>;

/// All things of a summary that could be news, most important first.
#[must_use]
pub fn things(summary: &Summary) -> Things {
    let s = &summary.suggestion;
    let near = summary.near.0.iter().map(|hit| (Thing::Near(hit.src, hit.at.0, hit.at.1), hit.lines));
    let suspects = s.hosts.iter().filter(|host| host.suspect);
    let hosts = suspects.map(|host| match host.why {
        OWN => (Thing::Host(host.src), host.lines),
        _ => (Thing::Slow(host.src), host.lines),
    });
    let outgoing = s.going.iter().map(|(to, lines)| (Thing::Outgoing(to.clone()), *lines));
    let prefixes = summary.prefixes.iter().map(|row| (Thing::Prefix(row.what.clone()), row.packets));
    let ports = summary.ports.iter().map(|row| (Thing::Port(row.what.0, row.what.1), row.packets));
    hosts.chain(near).chain(outgoing).chain(prefixes).chain(ports).collect()
}

/// What was told before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    schema: String,
    /// The last moment of the log that was read (RFC 3339), for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    things: BTreeSet<String>,
}

impl Told {
    /// A state as it is in a file.
    ///
    /// # Errors
    /// It is none, or of another form.
    pub fn read(text: &str) -> Result<Told, String> {
        let told: Told =
            serde_json::from_str(text).map_err(|error| format!("this state is damaged: {error}"))?;
        match told.schema == SCHEMA {
            true => Ok(told),
            false => Err(format!(
                "its form is `{}`, and this program knows {SCHEMA}",
                fwlog::text::escape(told.schema.as_bytes())
            )),
        }
    }

    /// The state as it is in a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let told = Told { schema: SCHEMA.to_owned(), ..self.clone() };
        serde_json::to_string_pretty(&told).unwrap_or_default() + "\n"
    }

    /// Those things that were not told.
    #[must_use]
    pub fn new_of(&self, things: &Things) -> Things {
        things.iter().filter(|(thing, _)| !self.things.contains(&thing.name())).cloned().collect()
    }

    /// Notes that these were told, up to this moment.
    pub fn tell(&mut self, things: &Things, until: Option<String>) {
        for (thing, _) in things {
            if self.things.len() < MOST {
                self.things.insert(thing.name());
            }
        }
        self.until = until.or(self.until.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_told_once() {
        let addr: IpAddr = "203.0.113.7".parse().unwrap();
        let first = vec![(Thing::Near(addr, 6, Some(22)), 9), (Thing::Prefix(b"a\xff\nb".to_vec()), 3)];
        let mut told = Told::default();
        assert_eq!(told.new_of(&first), first);
        told.tell(&first, Some("2026-03-10T07:00:00Z".to_owned()));
        assert!(told.new_of(&first).is_empty());
        let more = vec![(Thing::Near(addr, 6, Some(22)), 20), (Thing::Near(addr, 6, Some(23)), 1)];
        assert_eq!(told.new_of(&more), [(Thing::Near(addr, 6, Some(23)), 1)]);
        let again = Told::read(&told.to_text()).unwrap();
        assert!(again.new_of(&first).is_empty());
        assert_eq!(again.until.as_deref(), Some("2026-03-10T07:00:00Z"));
    }

    #[test]
    fn what_is_no_state_is_not_read() {
        assert!(Told::read("").unwrap_err().contains("damaged"));
        let other = Told::default().to_text().replace("told/1", "told/2");
        assert!(Told::read(&other).unwrap_err().contains("told/2"));
    }
}
