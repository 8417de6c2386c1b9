//! Entries of the journal as lines.
//!
//! Responsible for: the text that an entry becomes, and what it says beside that text.
//! Must not know: files.
//! Tested by: the unit tests below, `fwstat/tests/cli/journal.rs` (equal to `journalctl -o export`).
//!
//! An entry becomes the line that a syslog daemon would have written of it into kern.log, which is
//! read as fast as any line of a file and is what people search and print:
//!
//! ```text
//! 2026-06-30T06:06:13.123456+02:00 gate kernel: [ 8486.974964] in.dropped IN=eth0 OUT= ...
//! ```
//!
//! Its priority, facility and writer, which that line has no place for, and its times are kept beside
//! it as a [`Head`]. A message that cannot be told apart in such a line (line ends in it, a host
//! with blanks in its name) becomes a record of JSON, as the journal's export format does.

use logparse::Uptime;

use super::front::{Front, put_uptime};
use super::walk::{Entry, Facts};
use crate::input::reframe;
use crate::input::years::Years;

/// A chunk's text is not made longer than this: what comes then is left out as too long if it is
/// longer than a message of the kernel.
const FULL: usize = 16 << 20;
const LONGEST_OF_KERNEL: usize = 8 << 10;

/// What an entry says beside its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which input it is of.
    pub source: usize,
    /// Its number in its file, 1-based: its place among the kernel's entries.
    pub line: u64,
    /// Why there is no line.
    pub missing: Option<Missing>,
    /// Whether the line says everything itself.
    own: bool,
    pub(super) realtime: u64,
    facts: Facts,
}

/// Why there is no line of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is damaged here.
    Damaged(&'static str),
    /// Its message is longer than any that is read.
    TooLong,
}

/// The heads of a chunk's lines, one each.
#[derive(Debug, Default)]
pub struct Heads {
    pub(super) all: Vec<Head>,
    /// Hosts and tags.
    pub(super) names: Vec<Vec<u8>>,
}

impl Heads {
    /// The head of the chunk's line `at`, counted from 0.
    #[must_use]
    pub fn get(&self, at: u64) -> Option<&Head> {
        self.all.get(usize::try_from(at).ok()?)
    }

    /// What the entry of the chunk's line `at` says around its message; `None` if its line says that
    /// itself.
    #[must_use]
    pub fn beside(&self, at: u64) -> Option<Beside<'_>> {
        let head = self.get(at).filter(|head| !head.own)?;
        Some(Beside { heads: self, head })
    }

    /// Gives the hosts and tags of the head added last numbers of this chunk's own: it came with
    /// numbers in `names`.
    pub(super) fn adopt(&mut self, names: &[Vec<u8>]) {
        let Some(head) = self.all.last_mut() else { return };
        for number in [&mut head.facts.host, &mut head.facts.tag].into_iter().flatten() {
            let Some(name) = names.get(usize::from(*number)) else { continue };
            let known = self.names.iter().rposition(|known| known == name);
            *number = known.unwrap_or_else(|| {
                self.names.push(name.clone());
                self.names.len() - 1
            }) as u16;
        }
    }

    /// Makes all of them heads of lines of this input.
    pub(super) fn move_to(&mut self, source: usize) {
        self.all.iter_mut().for_each(|head| head.source = source);
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.names.clear();
    }
}

/// What an entry says around its message.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'c> {
    heads: &'c Heads,
    head: &'c Head,
}

impl<'c> Beside<'c> {
    fn name(self, number: Option<u16>) -> Option<&'c [u8]> {
        Some(self.heads.names.get(usize::from(number?))?.as_slice())
    }

    /// The host that received it.
    #[must_use]
    pub fn host(self) -> Option<&'c [u8]> {
        self.name(self.head.facts.host)
    }

    /// The program: `kernel`, mostly.
    #[must_use]
    pub fn tag(self) -> Option<&'c [u8]> {
        self.name(self.head.facts.tag)
    }

    /// The severity, 0 (emergency) to 7 (debug).
    #[must_use]
    pub fn severity(self) -> Option<u8> {
        self.head.facts.priority
    }

    /// The kernel's stamp: time since boot.
    #[must_use]
    pub fn uptime(self) -> Option<Uptime> {
        let micros = self.head.facts.source?;
        Some(Uptime { seconds: micros / 1_000_000, micros: (micros % 1_000_000) as u32 })
    }
}

/// Makes lines; keeps what neighbouring lines have in common.
#[derive(Debug, Default)]
pub(super) struct Writer {
    front: Front,
    /// What was between stamp and message lately; the last line had the one numbered.
    leads: Vec<Lead>,
    lead: usize,
}

/// Leads that are kept: of journals of many hosts, as many as alternate.
const LEADS: usize = 64;

/// What stands between stamp and message.
#[derive(Debug)]
struct Lead {
    host: Option<u16>,
    tag: Option<u16>,
    has_source: bool,
    /// `None`: no line can say it.
    text: Option<Vec<u8>>,
}

/// Where an entry is: its input, and its number there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) source: usize,
    pub(super) line: u64,
}

impl Writer {
    /// Forgets what belonged to other names.
    pub(super) fn begin_part(&mut self) {
        self.leads.clear();
    }

    /// Appends the line of an entry, and its head.
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        heads: &mut Vec<Head>,
        names: &[Vec<u8>],
        years: &Years,
        origin: Origin,
        (entry, text): (&Entry, &[u8]),
    ) {
        let too_long = entry.too_long || out.len() > FULL && text.len() > LONGEST_OF_KERNEL;
        let mut head = Head {
            source: origin.source,
            line: origin.line,
            missing: too_long.then_some(Missing::TooLong),
            own: false,
            realtime: entry.key.realtime,
            facts: entry.facts,
        };
        if !too_long {
            head.own = !self.line(out, names, years, entry, text);
            if head.own {
                json(out, names, entry, text);
            }
        }
        out.push(b'\n');
        heads.push(head);
    }

    /// Appends an empty line for an entry that cannot be read.
    pub(super) fn damaged(out: &mut Vec<u8>, heads: &mut Vec<Head>, origin: Origin, why: &'static str) {
        out.push(b'\n');
        heads.push(Head {
            source: origin.source,
            line: origin.line,
            missing: Some(Missing::Damaged(why)),
            own: true,
            realtime: 0,
            facts: Facts::default(),
        });
    }

    /// Appends an entry as a line of syslog, if it can be one.
    #[inline]
    fn line(
        &mut self,
        out: &mut Vec<u8>,
        names: &[Vec<u8>],
        years: &Years,
        entry: &Entry,
        text: &[u8],
    ) -> bool {
        let facts = &entry.facts;
        if !self.leads.get(self.lead).is_some_and(|lead| lead.is_of(facts)) {
            self.lead = self.leads.iter().position(|lead| lead.is_of(facts)).unwrap_or_else(|| {
                if self.leads.len() == LEADS {
                    self.leads.clear();
                }
                self.leads.push(Lead::new(facts, names));
                self.leads.len() - 1
            });
            self.front.begin(self.leads[self.lead].text.as_deref().unwrap_or_default());
        }
        if self.leads[self.lead].text.is_none() {
            return false;
        }
        // Without the kernel's stamp, what looks like one would be taken for it.
        let alike = || {
            matches!(text.first(), Some(b'['))
                || text.starts_with(b"message repeated ")
                || text.starts_with(b"kernel:")
        };
        if memchr::memchr(b'\n', text).is_some() || (facts.source.is_none() && alike()) {
            return false;
        }
        let front = self.front.at(entry.key.realtime, years);
        out.reserve(text.len() + front.len() + 64);
        out.extend_from_slice(front);
        if let Some(source) = facts.source {
            put_uptime(out, source);
        }
        out.extend_from_slice(text);
        true
    }
}

impl Lead {
    /// Whether it is what comes before the message of an entry with these facts.
    #[inline]
    fn is_of(&self, facts: &Facts) -> bool {
        (self.host, self.tag, self.has_source) == (facts.host, facts.tag, facts.source.is_some())
    }

    fn new(facts: &Facts, names: &[Vec<u8>]) -> Lead {
        let name = |number: Option<u16>| number.and_then(|number| names.get(usize::from(number)));
        let has_source = facts.source.is_some();
        let mut text = b" ".to_vec();
        let host = name(facts.host).map(Vec::as_slice);
        if let Some(host) = host {
            text.extend_from_slice(host);
            text.push(b' ');
        }
        let tag = name(facts.tag);
        text.extend_from_slice(tag.map_or(b"kernel", |tag| tag));
        text.extend_from_slice(b": ");
        let kernels = tag.is_some_and(|tag| tag == b"kernel");
        let fits = (kernels || has_source) && Lead::fits(&text, host, has_source);
        Lead { host: facts.host, tag: facts.tag, has_source, text: fits.then_some(text) }
    }

    /// Whether the parser finds the host and the message after it. Asked instead of guessed: names of hosts
    /// and programs can be anything.
    fn fits(lead: &[u8], host: Option<&[u8]>, has_source: bool) -> bool {
        const MESSAGE: &[u8] = b"[x] drop: IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 \
            TTL=64 ID=1 PROTO=UDP SPT=5353 DPT=53 LEN=8 ";
        let mut line = b"2026-06-30T06:06:13.123456+02:00".to_vec();
        line.extend_from_slice(lead);
        if has_source {
            put_uptime(&mut line, 8_486_974_964);
        }
        // Behind a kernel's stamp anything may follow; without one, what looks like one may not.
        line.extend_from_slice(if has_source { MESSAGE } else { &MESSAGE[4..] });
        let wanted: &[u8] = if has_source { b"[x] drop: " } else { b"drop: " };
        let reads = |entry: logparse::Entry<'_>| entry.packet.prefix == wanted && entry.envelope.host == host;
        !lead.contains(&b'\n') && logparse::parse(&line).is_ok_and(reads)
    }
}

/// Appends an entry as a record of JSON, as the journal's export format becomes one.
#[cold]
fn json(out: &mut Vec<u8>, names: &[Vec<u8>], entry: &Entry, text: &[u8]) {
    let facts = &entry.facts;
    let name = |number: Option<u16>| number.and_then(|number| names.get(usize::from(number)));
    let mut record = Vec::new();
    reframe::add(&mut record, "__REALTIME_TIMESTAMP", entry.key.realtime.to_string().as_bytes());
    if let Some(source) = facts.source {
        reframe::add(&mut record, "_SOURCE_MONOTONIC_TIMESTAMP", source.to_string().as_bytes());
    }
    for (field, value) in [("_HOSTNAME", facts.host), ("SYSLOG_IDENTIFIER", facts.tag)] {
        if let Some(value) = name(value) {
            reframe::add(&mut record, field, value);
        }
    }
    for (field, value) in [("PRIORITY", facts.priority), ("SYSLOG_FACILITY", facts.facility)] {
        if let Some(value) = value {
            reframe::add(&mut record, field, value.to_string().as_bytes());
        }
    }
    if entry.has_message() {
        reframe::add(&mut record, "MESSAGE", text);
    }
    out.push(b'{');
    out.append(&mut record);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_taken_only_if_the_message_is_found_after_it() {
        let facts = |source| Facts { host: Some(0), tag: Some(1), source, ..Facts::default() };
        let fits = |host: &str, tag: &str, source| {
            let names = [host.as_bytes().to_vec(), tag.as_bytes().to_vec()];
            Lead::new(&facts(source), &names).text.is_some()
        };
        for host in ["gate", "kernel", "10.0.0.1", "gate.example.org", "a_b-c"] {
            assert!(fits(host, "kernel", Some(1)), "{host}");
            assert!(fits(host, "kernel", None), "{host}");
        }
        for host in ["", "two words", "a=b", "x:", "\n", "[x"] {
            assert!(!fits(host, "kernel", Some(1)), "{host}");
        }
        assert!(!fits("gate", "someone", None));
        assert!(!fits("gate", "some one: x", Some(1)));
    }
}
