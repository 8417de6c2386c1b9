//! Lines of a log as they are shared: addresses by their form, names by the fields that they stand in.
//!
//! Responsible for: which parts of a line are names, and the parts of addresses at the end of a line that was cut.
//! Must not know: what becomes of the lines.
//! Tested by: `tests/cli/anonymise.rs`: with every envelope, and the output read again.

use std::ops::Range;
use std::sync::Arc;

use fwlog::record::Record;
use logparse::{Completeness, Line};
use memchr::memmem::{self, Finder};

use super::names::Kind;
use super::text::{Edit, Mapper};

/// Names that are words of the grammar as well: they are replaced only where they stand as names.
const WORDS: [&[u8]; 8] = [b"kernel", b"IN", b"OUT", b"SRC", b"DST", b"PROTO", b"-", b"localhost"];
/// Fields that hold an address.
const ADDRESSES: [&[u8]; 6] = [b"SRC", b"DST", b"GATEWAY", b"IPSRC", b"IPDST", b"TUNNEL"];

/// Hosts that are remembered.
const HOSTS: usize = 8;

/// Maps lines.
#[derive(Debug)]
pub struct Lines {
    /// What maps their parts.
    pub mapper: Mapper,
    edits: Vec<Edit>,
    /// Hosts of the lines before, the one that was seen last at the end.
    hosts: Vec<Host>,
}

/// A host's name, to be searched for.
#[derive(Debug)]
struct Host {
    name: Vec<u8>,
    image: Arc<[u8]>,
    finder: Finder<'static>,
    /// It is an address.
    is_address: bool,
}

/// Where a part of a text stands in it, if it is a part of this very text.
fn within(text: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= text.len()).then_some(start..end)
}

impl Host {
    /// Where it stands in a line.
    fn edits(&self, raw: &[u8], here: Option<Range<usize>>, edits: &mut Vec<Edit>) {
        // An address in place of a name is mapped as an address.
        if self.is_address {
            return;
        }
        let edit = |at: Range<usize>| Edit { at, with: Arc::clone(&self.image) };
        if WORDS.contains(&&self.name[..]) || self.name.len() < 2 {
            edits.extend(here.map(edit));
            return;
        }
        for start in self.finder.find_iter(raw) {
            let at = start..start + self.name.len();
            let begins = !is_of_name(raw.get(start.wrapping_sub(1)));
            let ends = !is_of_name(raw.get(at.end));
            // The name of a domain after a host's is part of what tells which one it is.
            let dotted = raw.get(at.end) == Some(&b'.');
            if begins && (ends || dotted) || here.as_ref() == Some(&at) {
                edits.push(edit(at));
            }
        }
    }
}

/// Whether a byte may be part of a name.
fn is_of_name(b: Option<&u8>) -> bool {
    b.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

impl Lines {
    /// With what maps their parts.
    #[must_use]
    pub fn new(mapper: Mapper) -> Lines {
        Lines { mapper, edits: Vec::new(), hosts: Vec::new() }
    }

    /// Writes a record's line.
    pub fn record(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        let (raw, line) = (record.raw, &record.line);
        let mut edits = std::mem::take(&mut self.edits);
        if let Some(host) = line.host() {
            self.host(raw, host, &mut edits);
        }
        let names = [
            (&b"IN="[..], Some(line.in_iface())),
            (b"OUT=", Some(line.out_iface())),
            (b"PHYSIN=", line.phys_in()),
            (b"PHYSOUT=", line.phys_out()),
        ];
        for (key, name) in names {
            self.interface(raw, key, name.unwrap_or_default(), &mut edits);
        }
        self.prefix(raw, line, &mut edits);
        if line.uid().is_some() || line.gid().is_some() {
            self.users(raw, &mut edits);
        }
        // A parenthesis is sooner found than the field.
        if let Some(at) = memchr::memchr(b'(', raw)
            && let Some(found) = memmem::find(&raw[at.saturating_sub(4)..], b"OPT (")
        {
            self.options(raw, at.saturating_sub(4) + found, &mut edits);
        }
        if line.completeness() != Completeness::Whole {
            self.cut(raw, line, &mut edits);
        }
        if let Some((at, text)) = numbers(raw) {
            let with = self.numbers(line, &text);
            edits.push(Edit { at, with: with.into() });
        }
        self.mapper.write(raw, &mut edits, out);
        self.edits = edits;
    }

    /// A message that journald wrote as the numbers of its bytes.
    fn numbers(&mut self, line: &Line<'_>, text: &[u8]) -> Vec<u8> {
        let (mut edits, mut out) = (Vec::new(), Vec::new());
        for (key, name) in [(&b"IN="[..], line.in_iface()), (b"OUT=", line.out_iface())] {
            self.interface(text, key, name, &mut edits);
        }
        self.mapper.write(text, &mut edits, &mut out);
        let numbers: Vec<String> = out.iter().map(u8::to_string).collect();
        numbers.join(", ").into_bytes()
    }

    /// Writes a line of another program: its addresses, and the host if it stands where syslog puts it.
    pub fn other(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        let mut edits = std::mem::take(&mut self.edits);
        if let Some(host) = host_of(raw) {
            self.host(raw, host, &mut edits);
        }
        self.mapper.write(raw, &mut edits, out);
        self.edits = edits;
    }

    /// A host's name, wherever it stands in the line.
    fn host(&mut self, raw: &[u8], host: &[u8], edits: &mut Vec<Edit>) {
        let here = within(raw, host);
        if host.is_empty() {
            return;
        }
        if let Some(at) = self.hosts.iter().rposition(|known| known.name == host) {
            // A relay's senders take turns.
            let last = self.hosts.len() - 1;
            self.hosts.swap(at, last);
        } else {
            if self.hosts.len() == HOSTS {
                self.hosts.remove(0);
            }
            self.hosts.push(Host {
                name: host.to_vec(),
                image: self.mapper.names.image(Kind::Host, host),
                finder: Finder::new(host).into_owned(),
                is_address: std::str::from_utf8(host)
                    .is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
            });
        }
        if let Some(known) = self.hosts.last() {
            known.edits(raw, here, edits);
        }
    }

    fn interface(&mut self, raw: &[u8], key: &[u8], name: &[u8], edits: &mut Vec<Edit>) {
        if name.is_empty() || name == b"lo" {
            return;
        }
        let image = self.mapper.names.image(Kind::Interface, name);
        if let Some(at) = within(raw, name) {
            edits.push(Edit { at, with: image });
            return;
        }
        // Text that was written in another way: an object's.
        let named = [key, name].concat();
        for start in memmem::find_iter(raw, &named) {
            let at = start + key.len()..start + named.len();
            if !is_of_name(raw.get(at.end)) {
                edits.push(Edit { at, with: Arc::clone(&image) });
            }
        }
    }

    /// The prefix, if the list has it.
    fn prefix(&mut self, raw: &[u8], line: &Line<'_>, edits: &mut Vec<Edit>) {
        let prefix = line.prefix().trim_ascii();
        if let Some(with) = self.mapper.names.listed(prefix)
            && !prefix.is_empty()
        {
            let found = within(raw, prefix)
                .or_else(|| memmem::find(raw, prefix).map(|start| start..start + prefix.len()));
            edits.extend(found.map(|at| Edit { at, with: with.into() }));
        }
    }

    /// Users and groups by number.
    fn users(&mut self, raw: &[u8], edits: &mut Vec<Edit>) {
        for key in [&b"UID="[..], b"GID="] {
            for found in memmem::find_iter(raw, key) {
                let start = found + key.len();
                let digits = raw[start..].iter().take_while(|b| b.is_ascii_digit()).count();
                let at = start..start + digits;
                let number = std::str::from_utf8(&raw[at.clone()]).ok().and_then(|text| text.parse().ok());
                if let Some(number) = number
                    && !is_of_name(raw.get(found.wrapping_sub(1)))
                {
                    let with = self.mapper.names.user(number).to_string().into_bytes().into();
                    edits.push(Edit { at, with });
                }
            }
        }
    }

    /// The options of IP and TCP, in hexadecimal: routes hold addresses.
    fn options(&mut self, raw: &[u8], first: usize, edits: &mut Vec<Edit>) {
        let protocol = memmem::find(raw, b"PROTO=").unwrap_or(raw.len());
        for found in memmem::find_iter(&raw[first..], b"OPT (").map(|at| first + at) {
            let start = found + 5;
            let digits = raw[start..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
            let mut bytes: Vec<u8> = raw[start..start + digits]
                .chunks_exact(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect();
            if self.mapper.options(&mut bytes, found > protocol) {
                let with: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                edits.push(Edit { at: start..start + bytes.len() * 2, with: with.into_bytes().into() });
            }
        }
    }

    /// The part of an address with which a line ends that was cut: what its image begins with.
    fn cut(&mut self, raw: &[u8], line: &Line<'_>, edits: &mut Vec<Edit>) {
        let Some(at) = memchr::memrchr(b'=', raw) else { return };
        let key = raw[..at].iter().rev().take_while(|b| b.is_ascii_uppercase()).count();
        let key = &raw[at - key..at];
        let value = raw[at + 1..].trim_ascii_end();
        if !ADDRESSES.contains(&key) || value.is_empty() {
            return;
        }
        let read = std::str::from_utf8(value).ok().and_then(|text| text.parse::<std::net::IpAddr>().ok());
        if read.is_some_and(|addr| [line.src(), line.dst()].contains(&Some(addr))) {
            return;
        }
        if value.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':')) {
            let with = self.mapper.beginning(value).into();
            edits.push(Edit { at: at + 1..at + 1 + value.len(), with });
        }
    }
}

/// The bytes of a message that is written as numbers (journald does so where it is no text), and where they stand.
fn numbers(raw: &[u8]) -> Option<(Range<usize>, Vec<u8>)> {
    if raw.first() != Some(&b'{') {
        return None;
    }
    let key = memmem::find(raw, b"\"MESSAGE\"")? + 9;
    let open = key + raw[key..].iter().position(|b| !matches!(b, b' ' | b':'))?;
    let inside = raw[open..].strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inside)?;
    let list = std::str::from_utf8(&inside[..end]).ok()?;
    let bytes: Option<Vec<u8>> = list.split(',').map(|number| number.trim().parse().ok()).collect();
    Some((open + 1..open + 1 + end, bytes?))
}

/// The host of a line of another program, where syslog, or journald's objects, put it.
fn host_of(raw: &[u8]) -> Option<&[u8]> {
    for key in [&b"\"_HOSTNAME\":\""[..], b"\"hostname\":\"", b"\"host\":\""] {
        if let Some(at) = memmem::find(raw, key) {
            let rest = &raw[at + key.len()..];
            return rest.split(|b| *b == b'"').next();
        }
    }
    let mut words = raw.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let first = words.next()?;
    // `<4>Jun` is a month as well.
    let month = first.iter().rposition(|b| *b == b'>').map_or(first, |at| &first[at + 1..]);
    match month {
        [a, b, c] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_alphabetic() => {
            words.nth(2)
        }
        [a, ..] if a.is_ascii_digit() && month.contains(&b'T') && month.contains(&b'-') => words.next(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_other_lines() {
        for (line, host) in [
            ("Jun  1 00:00:00 gw sshd[1]: x", Some("gw")),
            ("<4>Jun 11 00:00:00 gw sshd[1]: x", Some("gw")),
            ("2026-06-30T06:06:13+00:00 gw.example.org sshd: x", Some("gw.example.org")),
            ("{\"_HOSTNAME\":\"gw\",\"x\":1}", Some("gw")),
            ("hello", None),
            ("", None),
        ] {
            assert_eq!(host_of(line.as_bytes()), host.map(str::as_bytes), "{line}");
        }
    }
}
