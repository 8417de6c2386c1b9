//! Inputs that are nearly log lines.
//!
//! Responsible for: seeds out of `testdata/lines`, and changing them: bytes, words, cuts,
//! splices. The same number gives the same inputs on every machine.
//! Must not know: what the inputs are for.

use std::path::Path;

/// A small generator of numbers (xorshift64*).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator; the same `seed` gives the same numbers.
    #[must_use]
    pub const fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { (self.number() >> 33) as usize % end }
    }
}

/// Every input that once failed: its file's name, `TARGET-what`, and its bytes.
///
/// # Panics
/// The folder cannot be read.
#[must_use]
pub fn regressions(testdata: &Path) -> Vec<(String, Vec<u8>)> {
    let folder = testdata.join("fuzz-regressions");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| {
            let path = entry.expect("a directory entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("an input"))
        })
        .collect()
}

/// The lines of every data file, as bytes, with and without their fronts.
///
/// # Panics
/// The files are not there or not as `testdata/README.md` says.
#[must_use]
pub fn seeds(lines: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(lines)
        .unwrap_or_else(|error| panic!("{}: {error}", lines.display()))
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    let mut out = Vec::new();
    let mut fronts = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a data file");
        for row in text.lines() {
            if let Some(list) = row.strip_prefix("fronts = [") {
                fronts = list.split('\'').skip(1).step_by(2).map(unescape).collect();
            } else if let Some(line) = row.strip_prefix("line = '") {
                let line = unescape(line.strip_suffix('\'').expect("a literal string on one line"));
                for front in std::mem::take(&mut fronts) {
                    out.push([&front[..], &line].concat());
                }
                out.push(line);
            }
        }
    }
    assert!(out.len() > 1_000, "{} seeds", out.len());
    out
}

/// `\xNN` and `\\` of the suite's texts.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
        } else if tail.first() == Some(&b'x') {
            let digits = std::str::from_utf8(&tail[1..3]).expect("digits");
            out.push(u8::from_str_radix(digits, 16).expect("hex digits"));
            rest = &tail[3..];
        } else {
            out.push(b'\\');
            rest = &tail[1..];
        }
    }
    out
}

/// Words that mean something somewhere.
const WORDS: &[&[u8]] = &[
    b"IN=",
    b"OUT=",
    b" OUT= ",
    b"IN=x OUT= SRC=1.2.3.4 ",
    b"PHYSIN=",
    b"MAC=",
    b"MACSRC=",
    b"TUNNEL=",
    b"SRC=",
    b"DST=",
    b"LEN=",
    b"TOS=0x",
    b"FRAG:",
    b"OPT (",
    b"OPT ( ",
    b") ",
    b"INCOMPLETE [",
    b" bytes] ",
    b"INCOMPLETE ",
    b"TRUNCATED",
    b"PROTO=",
    b"PROTO=ICMP TYPE=3 CODE=4 [",
    b"[SRC=",
    b"] ",
    b"] MTU=",
    b"SPT=",
    b"SYN ",
    b"URGP=",
    b"UID=",
    b"MARK=0x",
    b"ARP HTYPE=",
    b"MAC source = ",
    b"proto = 0x0800",
    b" IP SRC=",
    b", IP tos=0x",
    b"kernel: ",
    b"[ 8486.974964] ",
    b"<4>",
    b"<4>1 ",
    b" - - - ",
    b"4,1,2,-;",
    b"\\x0a",
    b"\\x",
    b"{\"log\":\"",
    b"\"MESSAGE\":",
    b"[116, 97]",
    b"\\u0000",
    b"message repeated 3 times: [",
    b"Jun 30 06:06:13 ",
    b"2024-06-30T06:06:13.123456+02:00 ",
    b"Packet log: ",
    b"IP fw-in deny ",
    b"kern  :warn  : ",
    b"183 <4>",
    b"0",
    b"4294967296",
    b"65536",
    b"255",
    b"-1",
    b"00000000000000000001",
    b" ",
    b"  ",
    b"\0",
    b"\xff",
    b"\r",
    b"\xef\xbb\xbf",
];

/// The longest input.
const LONGEST: usize = 4096;

/// A changed copy of one of the seeds.
pub fn input(rng: &mut Rng, seeds: &[Vec<u8>], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&seeds[rng.below(seeds.len())]);
    for _ in 0..1 + rng.below(6) {
        change(rng, seeds, out);
        out.truncate(LONGEST);
    }
}

/// Envelopes that a scan learns.
const HEADS: &[&[u8]] = &[
    b"Jun 30 06:06:13 gw kernel: [ 8486.974964] ",
    b"Jun 30 06:06:13 gw kernel: ",
    b"2024-06-30T06:06:13.123456+02:00 gw kernel: [ 8486.974964] ",
    b"2024-06-30T06:06:13+02:00 gw kernel: ",
    b"[ 8486.974964] ",
    b"<4>Jun 30 06:06:13 gw ",
    b"",
];

/// A buffer of lines: some as they are, which a scan learns from, and changed copies of them.
pub fn buffer(rng: &mut Rng, seeds: &[Vec<u8>], out: &mut Vec<u8>) {
    out.clear();
    let originals: Vec<Vec<u8>> = (0..1 + rng.below(3))
        .map(|_| {
            let seed = &seeds[rng.below(seeds.len())];
            // Most seeds have an envelope that no scan learns.
            match seed.windows(3).position(|window| window == b"IN=") {
                Some(header) if rng.below(4) > 0 => [HEADS[rng.below(HEADS.len())], &seed[header..]].concat(),
                _ => seed.clone(),
            }
        })
        .collect();
    for original in &originals {
        out.extend_from_slice(original);
        out.push(b'\n');
    }
    let mut line = Vec::new();
    for _ in 0..2 + rng.below(6) {
        line.clear();
        line.extend_from_slice(&originals[rng.below(originals.len())]);
        for _ in 0..rng.below(4) {
            change(rng, seeds, &mut line);
            line.truncate(LONGEST);
        }
        out.extend_from_slice(&line);
        out.push(b'\n');
    }
}

fn change(rng: &mut Rng, seeds: &[Vec<u8>], out: &mut Vec<u8>) {
    let len = out.len();
    let at = rng.below(len + 1);
    match rng.below(12) {
        0 if at < len => out[at] ^= 1 << rng.below(8),
        1 if at < len => out[at] = rng.number() as u8,
        2 => out.insert(at, rng.number() as u8),
        3 if at < len => {
            out.remove(at);
        }
        4 => out.truncate(at),
        5 => {
            // A piece twice, at once or elsewhere.
            let piece = out[at..(at + rng.below(40)).min(len)].to_vec();
            let to = rng.below(len + 1);
            out.splice(to..to, piece);
        }
        6 => {
            let end = (at + rng.below(40)).min(len);
            out.drain(at..end);
        }
        7 => {
            // The beginning of one line, the end of another.
            let other = &seeds[rng.below(seeds.len())];
            out.truncate(at);
            out.extend_from_slice(&other[rng.below(other.len() + 1)..]);
        }
        8 | 9 => {
            let word = WORDS[rng.below(WORDS.len())];
            out.splice(at..at, word.iter().copied());
        }
        10 => swap_words(rng, out),
        _ => {
            // A number of another size.
            let Some(from) = out[at..].iter().position(u8::is_ascii_digit) else { return };
            let from = at + from;
            let digits = out[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let numbers: [&[u8]; 8] =
                [b"0", b"1", b"255", b"256", b"65535", b"65536", b"4294967295", b"99999999999999999999"];
            let number = numbers[rng.below(numbers.len())];
            out.splice(from..from + digits, number.iter().copied());
        }
    }
}

/// Exchanges two words.
fn swap_words(rng: &mut Rng, out: &mut Vec<u8>) {
    let mut words: Vec<Vec<u8>> = out.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
    let (a, b) = (rng.below(words.len()), rng.below(words.len()));
    words.swap(a, b);
    *out = words.join(&b' ');
}
