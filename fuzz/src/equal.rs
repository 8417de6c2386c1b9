//! The scan beside the grammar.
//!
//! Responsible for: scanning a buffer, reading each of its lines by the grammar as well, and
//! saying where the two differ; counting, so that a test can tell that the quick path was
//! taken at all.
//! Must not know: how the scan works. Uses the library's public face only.
//! Used by: the fuzz target `scan_equals_grammar` and `crates/logparse/tests/suites/engines.rs`.

use core::fmt;

use logparse::{Civil, Entry, FastPacket, Line, ParseError, Scanner, Time, lines, parse_with};

/// What a scan found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Lines compared.
    pub lines: u64,
    /// Lines that the quick path read.
    pub quick: u64,
    /// Firewall records that the grammar read for the scan.
    pub entries: u64,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines, {} of them by the quick path", self.lines, self.quick)
    }
}

impl core::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.lines += other.lines;
        self.quick += other.quick;
        self.entries += other.entries;
    }
}

/// One scanner, which keeps what it learns, and the grammar beside it.
#[derive(Default)]
pub struct Beside {
    scanner: Scanner,
    scratch: Vec<u8>,
    /// Prefix, input and output by front number: a number must not change its meaning.
    fronts: Vec<Option<[Vec<u8>; 3]>>,
    /// What was found so far.
    pub count: Count,
}

impl Beside {
    /// A scanner that has learned nothing.
    #[must_use]
    pub fn new() -> Beside {
        Beside::default()
    }

    /// Scans a buffer and compares every line with the grammar.
    ///
    /// # Errors
    /// A description of the first line that differs.
    pub fn scan(&mut self, buffer: &[u8]) -> Result<(), String> {
        let Beside { scanner, scratch, fronts, count } = self;
        let mut expected = lines(buffer);
        let mut wrong: Option<String> = None;
        let mut clocks: Vec<(usize, Civil)> = Vec::new();
        scanner.scan(buffer, |line| {
            if wrong.is_some() {
                return;
            }
            let difference = match expected.next() {
                Some((offset, text)) if offset == line.offset && same_place(text, line.text) => {
                    count.lines += 1;
                    let read = parse_with(text, scratch);
                    match line.record {
                        Ok(Line::Fast(packet)) => {
                            count.quick += 1;
                            let civil = packet.civil().filter(|_| packet.has_clock());
                            clocks.extend(civil.map(|civil| (line.offset, civil)));
                            against(packet, line.text, read).or_else(|| renumbered(packet, fronts))
                        }
                        Ok(Line::Full(entry)) => {
                            count.entries += 1;
                            (read != Ok(*entry)).then(|| format!("an entry {entry:?}\n  grammar: {read:?}"))
                        }
                        Err(error) => {
                            (read != Err(error)).then(|| format!("error {error:?}\n  grammar: {read:?}"))
                        }
                    }
                }
                other => Some(format!("line at {}, expected {other:?}", line.offset)),
            };
            wrong =
                difference.map(|difference| format!("{}\n  scan: {difference}", line.text.escape_ascii()));
        });
        if let Some(wrong) = wrong.or_else(|| other_span(scanner, &clocks)) {
            return Err(wrong);
        }
        match expected.next() {
            None => Ok(()),
            Some((offset, _)) => Err(format!("the line at {offset} was left out")),
        }
    }

    /// As [`scan`](Self::scan), with bytes behind the last line, so that it may be read by the
    /// quick path as well; `buffer` ends with a line end.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    pub fn scan_padded(&mut self, buffer: &mut Vec<u8>) -> Result<(), String> {
        let len = buffer.len();
        buffer.resize(len + PADDING, b'#');
        let result = self.scan(buffer);
        buffer.truncate(len);
        result
    }
}

/// More than the quick path wants to see behind a line's first byte.
const PADDING: usize = 1024;

fn same_place(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.as_ptr() == b.as_ptr()
}

/// What differs between a line of the quick path and the grammar, field by field.
fn against(packet: &FastPacket<'_>, line: &[u8], read: Result<Entry<'_>, ParseError>) -> Option<String> {
    let Ok(entry) = read else { return Some(format!("{packet:?}\n  grammar: {read:?}")) };
    let whole = packet.entry();
    if whole != entry {
        return Some(format!("{whole:?}\n  grammar: {entry:?}"));
    }
    let of = &entry.packet;
    let mut wrong = String::new();
    let mut differs = |what: &str, yes: bool| {
        if yes {
            wrong += what;
            wrong.push(' ');
        }
    };
    let place = |a: Option<&[u8]>, b: Option<&[u8]>| match (a, b) {
        // What was decoded of a line lies in each engine's own memory.
        (Some(a), Some(b)) if line.as_ptr_range().contains(&b.as_ptr()) => !same_place(a, b),
        (Some(a), Some(b)) => a != b,
        (a, b) => a.is_some() || b.is_some(),
    };
    differs("prefix", place(Some(packet.prefix()), Some(of.prefix)));
    differs("input", place(Some(packet.in_iface()), Some(of.in_iface)));
    differs("output", place(Some(packet.out_iface()), Some(of.out_iface)));
    differs("host", place(packet.host(), entry.envelope.host));
    let civil = entry.envelope.stamp.and_then(|stamp| match stamp.time {
        Time::Civil(civil) => Some(civil),
        _ => None,
    });
    differs("civil", packet.civil() != civil);
    differs("has_clock", packet.has_clock() && civil.is_none());
    differs("envelope", packet.envelope() != entry.envelope);
    differs("uptime", packet.uptime() != entry.envelope.uptime);
    differs("src", Some(packet.src()) != of.src());
    differs("dst", Some(packet.dst()) != of.dst());
    let ipv4 = |address| match address {
        Some(core::net::IpAddr::V4(address)) => Some(address.to_bits()),
        _ => None,
    };
    differs("src_ipv4", packet.src_ipv4() != ipv4(of.src()));
    differs("dst_ipv4", packet.dst_ipv4() != ipv4(of.dst()));
    differs("protocol", packet.protocol() != of.protocol());
    differs("sport", packet.sport() != of.sport());
    differs("dport", packet.dport() != of.dport());
    differs("tcp_flags", packet.tcp_flags() != of.tcp_flags());
    let (fast, full) = (Line::Fast(packet), Line::Full(&entry));
    macro_rules! same {
        ($($accessor:ident)*) => {
            $(differs(concat!("Line::", stringify!($accessor)), fast.$accessor() != full.$accessor());)*
        };
    }
    same! {
        prefix in_iface out_iface phys_in phys_out link tunnel dialect src dst ip_len protocol sport dport
        tcp_flags network transport quoted uid gid mark incomplete truncated datagram packet stamp host tag
        severity uptime repeat envelope error completeness src_ipv4 dst_ipv4 mac_header icmp_type icmp_code
    }
    (!wrong.is_empty()).then(|| format!("accessors that differ: {wrong}\n  {packet:?}"))
}

/// Whether the first and last moments that the scanner noted are not those of the lines.
fn other_span(scanner: &mut Scanner, clocks: &[(usize, Civil)]) -> Option<String> {
    let order = |civil: &Civil| {
        (civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second, civil.nanos)
    };
    let (mut found, mut lines, mut wrong) = (Vec::new(), 0, None);
    scanner.time_spans(|extremes| {
        lines += extremes.lines;
        for end in [extremes.earliest, extremes.latest] {
            if !clocks.contains(&end) {
                wrong = Some(format!("no line has the stamp of {extremes:?}"));
            }
            found.push(order(&end.1));
        }
    });
    if lines != clocks.len() as u64 {
        return Some(format!("moments of {lines} lines, of {} with a clock", clocks.len()));
    }
    let stamps = || clocks.iter().map(|(_, civil)| order(civil));
    let same = found.iter().min() == stamps().min().as_ref() && found.iter().max() == stamps().max().as_ref();
    wrong.or_else(|| (!same).then(|| format!("moments {found:?}")))
}

/// Whether a front's number was used for something else before.
fn renumbered(packet: &FastPacket<'_>, fronts: &mut Vec<Option<[Vec<u8>; 3]>>) -> Option<String> {
    let id = packet.prefix_key().index();
    if id >= 65_535 {
        return Some(format!("front {id}"));
    }
    if fronts.len() <= id {
        fronts.resize(id + 1, None);
    }
    let texts = [packet.prefix(), packet.in_iface(), packet.out_iface()];
    match &fronts[id] {
        Some(known) if known.iter().zip(texts).all(|(known, text)| known == text) => None,
        Some(known) => Some(format!("front {id} was {known:?}, is {texts:?}")),
        None => {
            fronts[id] = Some(texts.map(<[u8]>::to_vec));
            None
        }
    }
}
