//! The self-check: what was written is read again, and each field is compared with the image of what it was.
//!
//! The fields come from the parser, the images from the mapping, and neither from the search for addresses in text: so
//! an address that the search did not find is found here.
//!
//! Responsible for: this comparison.
//! Must not know: how a line was made.
//! Tested by: the unit tests below, `tests/cli/anonymise.rs`.

use std::hash::BuildHasher as _;
use std::net::IpAddr;

use hashbrown::{DefaultHashBuilder, HashTable};
use logparse::{Line, Link, Mac, Scanner};

use super::names::Kind;
use super::text::Mapper;

/// Sets of names that are remembered from chunk to chunk.
const NAMED: usize = 1 << 10;

/// What a line must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Fields {
    addresses: [Option<IpAddr>; 4],
    macs: [Option<Mac>; 2],
    ports: (Option<u16>, Option<u16>),
    protocol: Option<u8>,
}

/// Interfaces, prefix and host of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Named {
    texts: [Vec<u8>; 4],
    /// What they must become.
    images: [Vec<u8>; 4],
    /// Whether the prefix is looked at: not if the host's name is part of it.
    prefix: bool,
}

/// What is expected of a line, and by which names.
#[derive(Debug)]
pub struct Expected((u64, Option<(Fields, usize)>));

/// The lines of a chunk, as they must be when they are read again.
#[derive(Debug, Default)]
pub struct Check {
    expected: Vec<(u64, Option<(Fields, usize)>)>,
    /// The names of these lines, each set of them once, and where each is.
    named: Vec<Named>,
    places: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// The headers of the lines before: of what is expected, and of what was written.
    headers: [Header; 2],
}

/// A header that was read, and what it says: most lines have the one of the line before.
#[derive(Debug, Default)]
struct Header {
    text: Vec<u8>,
    macs: [Option<Mac>; 2],
}

impl Header {
    /// The hardware addresses of a line, each as it becomes.
    fn macs(&mut self, link: Link<'_>, mut becomes: impl FnMut(Mac) -> Mac) -> [Option<Mac>; 2] {
        if let Link::Raw(raw) = link
            && raw.0 == self.text
        {
            return self.macs;
        }
        let header = link.mac_header();
        let macs = [header.and_then(|header| header.src), header.and_then(|header| header.dst)]
            .map(|mac| mac.map(&mut becomes));
        if let Link::Raw(raw) = link {
            self.text.clear();
            self.text.extend_from_slice(raw.0);
            self.macs = macs;
        }
        macs
    }
}

/// Whether two texts are the same. Many are empty, and an empty vector's bytes are nowhere: some processors take longer to
/// compare none of them than to compare a line.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && (a.is_empty() || a == b)
}

/// The parts of a line that are names.
fn texts<'l>(line: &Line<'l>) -> [&'l [u8]; 4] {
    [line.in_iface(), line.out_iface(), line.prefix().trim_ascii(), line.host().unwrap_or_default()]
}

/// The other fields of a line.
fn fields(line: &Line<'_>, macs: [Option<Mac>; 2]) -> Fields {
    let quoted = line.quoted();
    let quoted = [quoted.and_then(|packet| packet.src()), quoted.and_then(|packet| packet.dst())];
    Fields {
        addresses: [line.src(), line.dst(), quoted[0], quoted[1]],
        macs,
        ports: (line.sport(), line.dport()),
        protocol: line.protocol().map(|protocol| protocol.0),
    }
}

impl Check {
    /// Notes what the line with this number must become.
    pub fn expect(&mut self, number: u64, line: &Line<'_>, mapper: &mut Mapper) {
        let macs = self.headers[0].macs(line.link(), |mac| Mac(mapper.hardware.image(mac.0)));
        let mut fields = fields(line, macs);
        for addr in fields.addresses.iter_mut().flatten() {
            *addr = mapper.addresses.image(*addr);
        }
        let names = self.names(texts(line), mapper);
        self.expected.push((number, Some((fields, names))));
    }

    /// The place of a set of names.
    fn names(&mut self, texts: [&[u8]; 4], mapper: &mut Mapper) -> usize {
        let Check { named, places, hasher, .. } = self;
        let hash = hasher.hash_one(texts);
        let is_same = |at: &usize| named[*at].texts.iter().zip(texts).all(|(known, text)| same(known, text));
        if let Some(known) = places.find(hash, is_same) {
            return *known;
        }
        let new = named.len();
        named.push(names_of(texts, mapper));
        let hash_of = |at: &usize| hasher.hash_one(named[*at].texts.each_ref().map(|text| &text[..]));
        *places.insert_unique(hash, new, hash_of).get()
    }

    /// Notes lines of which nothing is expected.
    pub fn pass(&mut self, number: u64) {
        self.expected.push((number, None));
    }

    /// Takes out what is expected, line by line.
    pub fn take(&mut self) -> impl Iterator<Item = Expected> + use<> {
        std::mem::take(&mut self.expected).into_iter().map(Expected)
    }

    /// Notes what another one expected; nothing if there is nothing more.
    pub fn put(&mut self, expected: Option<Expected>) {
        self.expected.push(expected.map_or((0, None), |expected| expected.0));
    }

    /// Reads what was written, and forgets what was expected; the number of the first line that is not as it must be,
    /// and what is wrong with it.
    pub fn wrong(&mut self, scanner: &mut Scanner, written: &[u8]) -> Option<(u64, &'static str)> {
        let mut wrong = None;
        let Check { expected, named, headers, .. } = self;
        let mut expected = expected.drain(..);
        scanner.scan(written, |line| {
            let Some((number, Some((wanted, names)))) = expected.next() else { return };
            if wrong.is_some() {
                return;
            }
            let Ok(found) = line.record else {
                wrong = Some((number, "it can no longer be read"));
                return;
            };
            let names = &named[names];
            let [input, output, prefix, host] = texts(&found);
            let found = fields(&found, headers[1].macs(found.link(), |mac| mac));
            let same = |text: &[u8], at: usize| same(&names.images[at], text);
            let parts = [
                (found.addresses == wanted.addresses, "an address"),
                (found.macs == wanted.macs, "a hardware address"),
                (found.ports == wanted.ports && found.protocol == wanted.protocol, "a port or the protocol"),
                (same(input, 0) && same(output, 1), "an interface"),
                (!names.prefix || same(prefix, 2), "the prefix"),
                (same(host, 3), "the host"),
            ];
            wrong = parts.iter().find(|(same, _)| !same).map(|(_, part)| (number, *part));
        });
        drop(expected);
        if self.named.len() > NAMED {
            self.named.clear();
            self.places.clear();
        }
        wrong
    }
}

/// What names must become.
fn names_of(texts: [&[u8]; 4], mapper: &mut Mapper) -> Named {
    let [input, output, prefix, host] = texts;
    // An address in a text is mapped by its form.
    let shown = match mapper.names.listed(prefix) {
        Some(listed) => listed.to_vec(),
        None => mapped(mapper, prefix),
    };
    let is_address = std::str::from_utf8(host).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
    let image = match host {
        b"" => Vec::new(),
        host if is_address => mapped(mapper, host),
        host => mapper.names.image(Kind::Host, host).to_vec(),
    };
    let [input, output] = [input, output].map(|name| mapper.names.image(Kind::Interface, name).to_vec());
    let prefix = host.is_empty() || memchr::memmem::find(prefix, host).is_none();
    Named { texts: texts.map(<[u8]>::to_vec), images: [input, output, shown, image], prefix }
}

fn mapped(mapper: &mut Mapper, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    mapper.write(text, &mut Vec::new(), &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymise::address::Addresses;
    use crate::anonymise::hardware::Hardware;
    use crate::anonymise::names::Names;

    const LINE: &str = "Jun 30 06:06:13 gw kernel: drop IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=198.51.100.7 LEN=60 TOS=0x00 \
        PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ";

    #[test]
    fn what_is_left_is_found() {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        let names = Names::new(&key, std::collections::HashMap::new());
        let mut mapper = Mapper::new(Addresses::new(&key), Hardware::new(&key, true), names);
        let entry = logparse::parse(LINE.as_bytes()).unwrap();
        let line = Line::Full(&entry);
        let (src, dst) =
            (mapper.addresses.image(line.src().unwrap()), mapper.addresses.image(line.dst().unwrap()));
        let name = String::from_utf8(mapper.names.image(Kind::Interface, b"eth0").to_vec()).unwrap();
        let host = String::from_utf8(mapper.names.image(Kind::Host, b"gw").to_vec()).unwrap();
        let right = LINE
            .replace("203.0.113.9", &src.to_string())
            .replace("198.51.100.7", &dst.to_string())
            .replace("eth0", &name)
            .replace(" gw ", &format!(" {host} "));
        let mut say = |written: &str| {
            let mut check = Check::default();
            check.expect(7, &line, &mut mapper);
            check.wrong(&mut Scanner::new(), format!("{written}\n").as_bytes())
        };
        assert_eq!(say(&right), None);
        assert_eq!(say(&right.replace(&dst.to_string(), "198.51.100.7")), Some((7, "an address")));
        assert_eq!(say(&right.replace(&name, "eth0")), Some((7, "an interface")));
        assert_eq!(say(&right.replace(&host, "gw")), Some((7, "the host")));
        assert_eq!(say(&right.replace("DPT=23", "DPT=24")), Some((7, "a port or the protocol")));
        assert_eq!(say("nothing"), Some((7, "it can no longer be read")));
    }
}
