//! Text with every address in it replaced by its image, and everything else byte for byte.
//!
//! An address is found by its form wherever it stands: IPv4 in dotted decimal, IPv6 as the kernel and as people write it,
//! hardware addresses with colons or dashes, networks with a length or a mask, the identifiers of machines and boots.
//! What only looks like one of these is replaced too: that harms less than an address that stays.
//!
//! Responsible for: finding these, and writing images in the form in which the originals were written.
//! Must not know: records, rules.
//! Tested by: the unit tests below, `tests/cli/anonymise.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;

use super::address::Addresses;
use super::form::{hex_byte, push_groups, push_quad, quad, six, write_bytes};
use super::hardware::Hardware;
use super::names::{Kind, Names};

/// Headers that are remembered, and the longest of them; then the memory starts anew.
const HEADERS: (usize, usize) = (1 << 12, 64);

/// What a byte may be part of.
const HEX: u8 = 1;
const DOT: u8 = 2;
const COLON: u8 = 4;

/// By byte.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut at = 0;
    while at < 256 {
        class[at] = match at as u8 {
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => HEX,
            b'.' => DOT,
            b':' => COLON,
            _ => 0,
        };
        at += 1;
    }
    class
};

/// Everything that maps.
#[derive(Debug)]
pub struct Mapper {
    /// Addresses.
    pub addresses: Addresses,
    /// Hardware addresses.
    pub hardware: Hardware,
    /// Names.
    pub names: Names,
    /// What headers became, and how much of them: most lines have one of a few.
    headers: HashMap<Vec<u8>, (Vec<u8>, usize)>,
    /// The header of the line before that was mapped as a whole, and what it became.
    last: (Vec<u8>, Vec<u8>),
    /// A run that is being written.
    piece: Vec<u8>,
}

/// Something of a text that is replaced by something else, whatever it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where it stands.
    pub at: Range<usize>,
    /// What it becomes.
    pub with: Arc<[u8]>,
}

impl Mapper {
    /// Of these.
    #[must_use]
    pub fn new(addresses: Addresses, hardware: Hardware, names: Names) -> Mapper {
        Mapper {
            addresses,
            hardware,
            names,
            headers: HashMap::new(),
            last: Default::default(),
            piece: Vec::new(),
        }
    }

    /// Writes a text with these edits, and with all addresses between them mapped. Of edits that overlap, the first one
    /// counts.
    pub fn write(&mut self, text: &[u8], edits: &mut Vec<Edit>, out: &mut Vec<u8>) {
        edits.sort_unstable_by_key(|edit| (edit.at.start, edit.at.end));
        // Identifiers of machines and boots stand in objects, and in what is printed with quotes.
        let words = memchr::memchr(b'"', text).is_some();
        let mut done = 0;
        for edit in edits.drain(..) {
            if edit.at.start < done {
                continue;
            }
            self.between(text, done..edit.at.start, words, out);
            out.extend_from_slice(&edit.with);
            done = edit.at.end;
        }
        self.between(text, done..text.len(), words, out);
    }

    /// The image of the beginning of an address: of its whole groups of digits; the incomplete one is left out.
    pub fn beginning(&mut self, value: &[u8]) -> Vec<u8> {
        let between = if value.contains(&b':') { b':' } else { b'.' };
        let Some(end) = memchr::memrchr(between, value) else { return Vec::new() };
        let groups = value[..end].split(|b| *b == between);
        let (radix, width) = if between == b':' { (16, 16) } else { (10, 8) };
        let mut numbers: Vec<u32> = Vec::new();
        for group in groups {
            let number =
                std::str::from_utf8(group).ok().and_then(|text| u32::from_str_radix(text, radix).ok());
            match number.filter(|number| *number < 1 << width) {
                Some(number) => numbers.push(number),
                // `::`: which groups follow is not known.
                None => return Vec::new(),
            }
        }
        let bits = (numbers.len() * width) as u8;
        let sum = numbers.iter().fold(0u128, |sum, number| sum << width | u128::from(*number));
        let image = match between {
            b':' if bits < 128 => {
                let net = self.addresses.network(Ipv6Addr::from_bits(sum << (128 - bits)).into(), bits);
                let IpAddr::V6(net) = net else { return Vec::new() };
                net.segments()[..numbers.len()]
                    .iter()
                    .map(|group| format!("{group:04x}:"))
                    .collect::<String>()
            }
            b'.' if bits < 32 => {
                let net =
                    self.addresses.network(Ipv4Addr::from_bits((sum as u32) << (32 - bits)).into(), bits);
                let IpAddr::V4(net) = net else { return Vec::new() };
                net.octets()[..numbers.len()].iter().map(|octet| format!("{octet}.")).collect()
            }
            _ => return Vec::new(),
        };
        image.into_bytes()
    }

    /// Maps the addresses in options, of IP or of TCP; whether there are any.
    pub fn options(&mut self, bytes: &mut [u8], tcp: bool) -> bool {
        let (mut at, mut found) = (0, false);
        while let [kind, length, ..] = bytes[at..] {
            if kind <= 1 {
                at += 1;
                continue;
            }
            let end = (at + usize::from(length).max(2)).min(bytes.len());
            let option = &mut bytes[at..end];
            // Routes and time stamps of IP (RFC 791); another address of a peer's (RFC 8684).
            let (start, step) = match (tcp, kind, option.get(2).map(|byte| byte >> 4)) {
                (false, 7 | 131 | 137, _) => (3, 4),
                (false, 68, _) if option.get(3).is_some_and(|flags| matches!(flags & 15, 1 | 3)) => (4, 8),
                (true, 30, Some(3)) => (4, 0),
                _ => (option.len(), 4),
            };
            found |= start < option.len();
            let rest = option.get_mut(start..).unwrap_or_default();
            match (step, rest.len()) {
                (0, 16..) => {
                    let mut six = [0; 16];
                    six.copy_from_slice(&rest[..16]);
                    rest[..16].copy_from_slice(&self.addresses.v6(six.into()).octets());
                }
                (step, _) => {
                    for part in rest.chunks_mut(step.max(4)).filter(|part| part.len() >= 4) {
                        let four = Ipv4Addr::new(part[0], part[1], part[2], part[3]);
                        part[..4].copy_from_slice(&self.addresses.v4(four).octets());
                    }
                }
            }
            at = end;
        }
        found
    }

    /// Writes a part of a text; `words`: hexadecimal digits alone may be something as well.
    fn between(&mut self, text: &[u8], part: Range<usize>, words: bool, out: &mut Vec<u8>) {
        let (mut written, mut at) = (part.start, part.start);
        while let Some(start) = next(text, at..part.end, words) {
            if let Some(end) = self.known_header(text, start, part.end) {
                out.extend_from_slice(&text[written..start]);
                out.extend_from_slice(&self.last.1);
                (written, at) = (end, end);
                continue;
            }
            let run = Run::at(text, start, part.end);
            at = run.end;
            if run.is_digits() {
                let Some(end) = self.word(text, start..run.end, part.end) else { continue };
                out.extend_from_slice(&text[written..start]);
                out.extend_from_slice(&self.piece);
                (written, at) = (end, end);
            } else if run.colons == 0
                && text.get(run.end) != Some(&b'/')
                && let Some(bits) = quad(&text[start..run.end])
            {
                // Most addresses, the short way.
                if !is_mask(bits) {
                    out.extend_from_slice(&text[written..start]);
                    push_quad(out, self.addresses.v4(Ipv4Addr::from_bits(bits)));
                    written = run.end;
                }
            } else if let Some(end) = self.run(text, start, run, part.end) {
                out.extend_from_slice(&text[written..start]);
                out.extend_from_slice(&self.piece);
                (written, at) = (end, end);
            }
        }
        out.extend_from_slice(&text[written..part.end]);
    }

    /// Where the header ends that begins here, if it is that of the line before.
    fn known_header(&self, text: &[u8], start: usize, limit: usize) -> Option<usize> {
        let known = &self.last.0;
        let end = start + known.len();
        let named = text[..start].ends_with(b"MAC=") && !known.is_empty() && end < limit;
        (named && class(text, end) == 0 && text[start..end] == known[..]).then_some(end)
    }

    /// Hexadecimal digits alone: a hardware address with dashes, an identifier. Where it ends, if it is one.
    fn word(&mut self, text: &[u8], word: Range<usize>, limit: usize) -> Option<usize> {
        let is_word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        if word.start > 0 && is_word(text.get(word.start - 1)) {
            return None;
        }
        let dashed = |length: usize, dashes: &[usize]| {
            let part = text.get(word.start..word.start + length).filter(|_| word.start + length <= limit)?;
            let fits = part.iter().enumerate().all(|(at, b)| match dashes.contains(&at) {
                true => *b == b'-',
                false => b.is_ascii_hexdigit(),
            });
            (fits && !is_word(text.get(word.start + length))).then(|| part.to_vec())
        };
        match word.len() {
            2 => {
                let part = dashed(17, &[2, 5, 8, 11, 14])?;
                let bytes: Vec<u8> = part.split(|b| *b == b'-').filter_map(hex_byte).collect();
                let image = self.hardware.image(bytes.try_into().ok()?);
                self.piece.clear();
                write_bytes(&mut self.piece, &image, b'-', part.iter().any(u8::is_ascii_uppercase));
                Some(word.start + 17)
            }
            8 => {
                let part = dashed(36, &[8, 13, 18, 23])?;
                let digits: Vec<u8> = part.iter().copied().filter(|b| *b != b'-').collect();
                let image = self.names.image(Kind::Id, &digits);
                self.piece.clear();
                let mut image = image.iter().copied();
                for b in part {
                    self.piece.push(if b == b'-' { b'-' } else { image.next().unwrap_or(b'0') });
                }
                Some(word.start + 36)
            }
            32 if !is_word(text.get(word.end)) => {
                let image = self.names.image(Kind::Id, &text[word.clone()]);
                self.piece.clear();
                self.piece.extend_from_slice(&image);
                Some(word.end)
            }
            _ => None,
        }
    }

    /// A run of hexadecimal digits, dots and colons, written to `piece` if anything in it changes. Where what was
    /// written ends.
    fn run(&mut self, text: &[u8], start: usize, run: Run, limit: usize) -> Option<usize> {
        let mut piece = std::mem::take(&mut self.piece);
        piece.clear();
        let found = self.addresses_of(text, start, run, limit, &mut piece);
        self.piece = piece;
        found
    }

    fn addresses_of(
        &mut self,
        text: &[u8],
        start: usize,
        Run { end, dots, colons }: Run,
        limit: usize,
        piece: &mut Vec<u8>,
    ) -> Option<usize> {
        let run = start..end;
        let bytes = &text[run.clone()];
        let before = &text[start.saturating_sub(4)..start];
        if colons > 0 && (before == b"MAC=" || before.ends_with(b"SRC=") || before.ends_with(b"DST=")) {
            if let Some(end) = self.header(bytes, before == b"MAC=", piece) {
                return Some(start + end);
            }
        } else if colons < 5 && (colons < 2 || !bytes.windows(2).any(|two| two == b"::")) {
            // A time of day, a number, a word: too few groups for what follows.
            return (dots >= 3).then(|| self.dotted(text, run, limit, piece))?;
        } else if let Some(end) = self.octets(bytes, false, piece) {
            return Some(start + end);
        }
        // What ends a sentence, or an address, is no part of it.
        for cut in [0, 1] {
            let end = run.end - cut;
            if cut > 0 && !matches!(text[end], b':' | b'.') {
                break;
            }
            let Some(addr) = six(&text[run.start..end]) else { continue };
            return Some(self.six(text, addr, run.start..end, limit, piece));
        }
        // Addresses with ports after them, or before them.
        self.dotted(text, run, limit, piece)
    }

    /// Writes the image of an IPv6 address or network. Where it ends.
    fn six(
        &mut self,
        text: &[u8],
        addr: Ipv6Addr,
        at: Range<usize>,
        limit: usize,
        piece: &mut Vec<u8>,
    ) -> usize {
        let length = length(text, at.end, limit, 128);
        let image = match length {
            Some((bits, _)) => self.addresses.network(addr.into(), bits),
            None => self.addresses.image(addr.into()),
        };
        match image {
            IpAddr::V6(image) if at.len() == 39 => push_groups(piece, image),
            image => piece.extend_from_slice(image.to_string().as_bytes()),
        }
        let Some((bits, end)) = length else { return at.end };
        piece.extend_from_slice(format!("/{bits}").as_bytes());
        end
    }

    /// The bytes of a header, after the name of its field. Where they end; `first`: the field is the one of which the
    /// next line is likely to have the same.
    fn header(&mut self, bytes: &[u8], first: bool, piece: &mut Vec<u8>) -> Option<usize> {
        if let Some((known, end)) = self.headers.get(bytes) {
            piece.extend_from_slice(known);
            if first && *end == bytes.len() {
                self.last.0.clear();
                self.last.0.extend_from_slice(bytes);
                self.last.1.clear();
                self.last.1.extend_from_slice(known);
            }
            return Some(*end);
        }
        let end = self.octets(bytes, true, piece)?;
        if bytes.len() <= HEADERS.1 {
            if self.headers.len() >= HEADERS.0 {
                self.headers.clear();
            }
            self.headers.insert(bytes.to_vec(), (piece.clone(), end));
        }
        Some(end)
    }

    /// Bytes in hexadecimal with colons between them: hardware addresses, the header of a packet. Where they end.
    fn octets(&mut self, bytes: &[u8], named: bool, piece: &mut Vec<u8>) -> Option<usize> {
        let pairs = |bytes: &[u8]| -> Option<Vec<u8>> { bytes.split(|b| *b == b':').map(hex_byte).collect() };
        // The last one may be incomplete, or what follows is a colon.
        let (whole, rest) = match pairs(bytes) {
            Some(whole) => (whole, 0),
            None => {
                let at = memchr::memrchr(b':', bytes)?;
                (pairs(&bytes[..at])?, bytes.len() - at)
            }
        };
        if whole.len() < if named { 1 } else { 6 } {
            return None;
        }
        let mut image = whole.clone();
        match whole.len() {
            0..=6 => self.hardware.replace(&mut image),
            7..=18 if whole.len() < 14 || whole[12] >= 6 => {
                let (receiver, sender) = image.split_at_mut(6);
                self.hardware.replace(receiver);
                let end = sender.len().min(6);
                self.hardware.replace(&mut sender[..end]);
            }
            // A header of another kind holds addresses of another kind: nothing of it stays.
            _ => {
                for (at, byte) in image.iter_mut().enumerate() {
                    *byte = self.names.byte(&whole, at);
                }
            }
        }
        write_bytes(piece, &image, b':', bytes.iter().any(u8::is_ascii_uppercase));
        // An incomplete byte is left out: what it would become is not known.
        let incomplete = rest > 1;
        if incomplete {
            piece.push(b':');
        }
        Some(bytes.len() - if incomplete { 0 } else { rest })
    }

    /// IPv4 addresses in a run, with ports or letters between them. Where what was written ends.
    fn dotted(&mut self, text: &[u8], run: Range<usize>, limit: usize, piece: &mut Vec<u8>) -> Option<usize> {
        let (mut found, mut end, mut at) = (false, run.end, run.start);
        while at < run.end {
            let start = at;
            while at < run.end && (text[at].is_ascii_digit() || text[at] == b'.') {
                at += 1;
            }
            let word = &text[start..at];
            let trimmed = word.len() - word.iter().rev().take_while(|b| **b == b'.').count();
            let dots = word.iter().take_while(|b| **b == b'.').count().min(trimmed);
            match quad(&word[dots..trimmed]) {
                Some(bits) if !is_mask(bits) => {
                    found = true;
                    piece.extend_from_slice(&word[..dots]);
                    let after = start + trimmed;
                    let addr = Ipv4Addr::from_bits(bits);
                    match length(text, after, limit, 32).filter(|_| after == run.end) {
                        Some((bits, next)) => {
                            let net = self.addresses.network(addr.into(), bits);
                            piece.extend_from_slice(net.to_string().as_bytes());
                            piece.extend_from_slice(&text[after..next]);
                            end = next;
                        }
                        None => {
                            push_quad(piece, self.addresses.v4(addr));
                            piece.extend_from_slice(&word[trimmed..]);
                        }
                    }
                }
                _ => piece.extend_from_slice(word),
            }
            if at < run.end {
                piece.push(text[at]);
                at += 1;
            }
        }
        found.then_some(end)
    }
}

/// Hexadecimal digits, dots and colons that follow each other.
#[derive(Clone, Copy)]
struct Run {
    end: usize,
    dots: usize,
    colons: usize,
}

impl Run {
    /// That which begins here.
    fn at(text: &[u8], start: usize, limit: usize) -> Run {
        let mut run = Run { end: start, dots: 0, colons: 0 };
        for b in &text[start..limit] {
            match CLASS[usize::from(*b)] {
                0 => break,
                DOT => run.dots += 1,
                COLON => run.colons += 1,
                _ => {}
            }
            run.end += 1;
        }
        run
    }

    /// Whether nothing but digits is in it.
    fn is_digits(self) -> bool {
        self.dots + self.colons == 0
    }
}

/// What a byte of a text may be part of.
fn class(text: &[u8], at: usize) -> u8 {
    CLASS[usize::from(text[at])]
}

/// Where the next run of hexadecimal digits, dots and colons begins in a part of a text. Digits alone are one only before
/// a dash, unless `words` says that they may be more.
fn next(text: &[u8], part: Range<usize>, words: bool) -> Option<usize> {
    if words {
        return text[part.clone()].iter().position(|b| CLASS[usize::from(*b)] != 0).map(|at| part.start + at);
    }
    let mut at = part.start;
    loop {
        // Most of a line is not looked at byte by byte.
        let sign = at + memchr::memchr3(b'.', b':', b'-', &text[at..part.end])?;
        let back = text[part.start..sign].iter().rev().take_while(|b| CLASS[usize::from(**b)] != 0).count();
        // A dash with nothing before it begins none.
        if back > 0 || text[sign] != b'-' {
            return Some(sign - back);
        }
        at = sign + 1;
    }
}

/// The length of a network, after its address, and where it ends: `/24`, `/255.255.255.0`.
fn length(text: &[u8], at: usize, limit: usize, most: u8) -> Option<(u8, usize)> {
    let rest = text.get(at..limit)?.strip_prefix(b"/")?;
    let end = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(rest.len());
    let word = &rest[..end];
    let bits = match quad(word) {
        Some(mask) => (most == 32 && (is_mask(mask) || mask == 0)).then(|| mask.leading_ones() as u8)?,
        None => std::str::from_utf8(word).ok()?.parse().ok().filter(|bits| *bits <= most)?,
    };
    Some((bits, at + 1 + end))
}

/// Whether a number is a netmask of 8 bits or more: no host has such an address.
fn is_mask(bits: u32) -> bool {
    bits >> 24 == 255 && bits.leading_ones() + bits.trailing_zeros() == 32 && bits != u32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapper() -> Mapper {
        let key: [u8; 32] = std::array::from_fn(|at| at as u8);
        Mapper::new(
            Addresses::new(&key),
            Hardware::new(&key, true),
            Names::new(&key, std::collections::HashMap::new()),
        )
    }

    fn mapped(text: &str) -> String {
        let mut out = Vec::new();
        mapper().write(text.as_bytes(), &mut Vec::new(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn image(text: &str) -> String {
        mapper().addresses.image(text.parse().unwrap()).to_string()
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let a = image("203.0.113.9");
        let b = image("198.51.100.7");
        let six = image("2001:db8::7");
        for (text, wanted) in [
            ("203.0.113.9", a.clone()),
            ("SRC=203.0.113.9 DST=198.51.100.7 ", format!("SRC={a} DST={b} ")),
            ("from 203.0.113.9: bad", format!("from {a}: bad")),
            ("it was 203.0.113.9.", format!("it was {a}.")),
            ("203.0.113.9:1024 198.51.100.7:22", format!("{a}:1024 {b}:22")),
            ("[203.0.113.9]", format!("[{a}]")),
            ("x203.0.113.9y", format!("x{a}y")),
            ("\"203.0.113.9\",\"2001:db8::7\"", format!("\"{a}\",\"{six}\"")),
            ("[2001:db8::7]:443 2001:DB8::7%eth0", format!("[{six}]:443 {six}%eth0")),
            ("203.0.113.9->198.51.100.7", format!("{a}->{b}")),
        ] {
            assert_eq!(mapped(text), wanted, "{text}");
        }
        let whole = mapped("SRC=2001:0db8:0000:0000:0000:0000:0000:0007 ");
        assert_eq!(whole.len(), 4 + 39 + 1);
        assert_eq!(whole[4..43].parse::<Ipv6Addr>().unwrap().to_string(), six);
    }

    #[test]
    fn what_is_no_address_stays() {
        for same in [
            "Jun 30 06:06:13 2026-06-30T06:06:13.123456+00:00 [12345.678901]",
            "kernel: 6.18.1-2 version 1.2.3",
            "WINDOW=64240 RES=0x00 ID=54321 LEN=60 TTL=52 0.5 100.0.0",
            "300.1.2.3 1.2.3.4.5 1.2.3 1..2.3.4",
            "255.255.255.0 255.255.255.255 0.0.0.0 127.0.0.1 224.0.0.251 ff02::1 ::",
            "cafe babe deadbeef",
        ] {
            assert_eq!(mapped(same), same);
        }
    }

    #[test]
    fn hardware_addresses_are_mapped_in_their_form() {
        let mac = mapped("52:54:00:12:34:56");
        assert!(mac.starts_with("52:54:00:") && mac != "52:54:00:12:34:56");
        assert_eq!(mapped("52-54-00-12-34-56"), mac.replace(':', "-"));
        assert_eq!(mapped("MACSRC=52:54:00:12:34:56 x"), format!("MACSRC={mac} x"));
        assert_eq!(mapped("52:54:00:AB:CD:EF"), mapped("52:54:00:ab:cd:ef").to_uppercase());
        let other = mapped("00:1b:21:3c:4d:5e");
        assert_eq!(
            mapped("MAC=52:54:00:12:34:56:00:1b:21:3c:4d:5e:08:00 "),
            format!("MAC={mac}:{other}:08:00 ")
        );
        // Of a part, the part; an incomplete byte is left out.
        assert_eq!(mapped("MAC=52:54:00:12:34"), format!("MAC={}", &mac[..14]));
        assert_eq!(mapped("MAC=52:54:00:12:3"), format!("MAC={}:", &mac[..11]));
        // The header of a tunnel is that of a packet, with addresses.
        let tunnel = mapped("MAC=45:00:00:54:00:00:40:00:40:29:aa:bb:0a:00:00:01:0a:00:00:02 ");
        assert!(!tunnel.contains("0a:00:00:01") && tunnel.len() == 64, "{tunnel}");
    }

    #[test]
    fn networks_stay_networks() {
        for (text, length) in [("198.51.100.0/24", 24), ("198.51.100.0/255.255.255.0", 24), ("10.0.0.0/8", 8)]
        {
            let out = mapped(&format!("-s {text} -j"));
            let net = out.strip_prefix("-s ").unwrap().split('/').next().unwrap();
            let bits = net.parse::<Ipv4Addr>().unwrap().to_bits();
            assert_eq!(bits << length, 0, "{out}");
            assert_eq!(out.split_once('/').unwrap().1, text.split_once('/').unwrap().1.to_owned() + " -j");
        }
        let out = mapped("2001:db8::/32");
        assert!(out.ends_with("::/32") && out != "2001:db8::/32", "{out}");
    }

    #[test]
    fn identifiers_are_mapped() {
        let id = "0123456789abcdef0123456789abcdef";
        let out = mapped(&format!("\"b={id};\""));
        assert!(out.len() == id.len() + 5 && !out.contains(id));
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        let out = mapped(uuid);
        assert!(out != uuid && out.len() == 36 && out.matches('-').count() == 4);
    }

    #[test]
    fn edits_come_first() {
        let mut out = Vec::new();
        let mut edits =
            vec![Edit { at: 3..14, with: b"X"[..].into() }, Edit { at: 0..2, with: b"Y"[..].into() }];
        mapper().write(b"gw 203.0.113.9 z", &mut edits, &mut out);
        assert_eq!(out, b"Y X z");
    }
}
