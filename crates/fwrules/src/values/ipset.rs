//! Sets of addresses, ports and more: what `ipset save` prints, and nft's named sets.
//!
//! Responsible for: reading and writing `ipset save` text.
//! Must not know: rules, whether something is in a set.
//! Tested by: the unit tests below, `tests/kernel.rs` (`ipset restore`).

use std::collections::HashMap;

use logparse::{Mac, Protocol};

use crate::values::error::{ReadError, WriteError};
use crate::values::names;
use crate::values::net::{AddressRange, Interface, Net, Range};
use crate::values::text::{Text, Word, restore_word, restore_words, save_string, shell_quote};

/// The sets of a host.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sets {
    /// In the order of the text.
    pub sets: Vec<Set>,
}

/// One set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: Text,
    /// Its type: `hash:ip,port`.
    pub kind: Text,
    /// The other words of its `create` line, kept as they are.
    pub options: Vec<Text>,
    /// What each part of an entry is; empty for a type that is not known.
    pub parts: Vec<PartKind>,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// What one part of a set's entries is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartKind {
    /// `ip` or `net`.
    Address,
    /// `port`, with its protocol.
    Port,
    /// `mac`: always the source's.
    Mac,
    /// `iface`.
    Interface,
    /// `mark`.
    Mark,
    /// Another set (`list:set`).
    Set,
}

/// One entry of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its parts.
    pub parts: Vec<Part>,
    /// `nomatch`: an exception.
    pub nomatch: bool,
    /// The other words of its `add` line (`timeout 59 comment "..."`).
    pub options: Vec<Text>,
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// An address or network.
    Net(Net),
    /// Addresses from ... to (nft, `bitmap:ip`).
    Addresses(AddressRange),
    /// Ports of a protocol; `bitmap:port` has none.
    Port(Option<Protocol>, Range<u16>),
    /// A hardware address.
    Mac(Mac),
    /// An interface.
    Interface(Interface),
    /// A mark.
    Mark(u32),
    /// The name of another set.
    Set(Text),
    /// Anything that was not understood: in such an entry nothing is known to be.
    Text(Text),
}

impl Sets {
    /// Reads what `ipset save` prints.
    ///
    /// ```
    /// let sets = fwrules::Sets::parse(b"create bad hash:net family inet\nadd bad 10.66.0.0/16\n").unwrap();
    /// assert_eq!(sets.sets[0].entries.len(), 1);
    /// ```
    ///
    /// # Errors
    /// A line that is neither `create` nor `add`, or adds to a set that is not there.
    pub fn parse(text: &[u8]) -> Result<Sets, ReadError> {
        let (mut sets, mut names) = (Sets::default(), HashMap::new());
        for (i, line) in text.split(|&b| b == b'\n').enumerate() {
            let line = line.trim_ascii_end();
            if line.trim_ascii_start().is_empty() || line.trim_ascii_start().starts_with(b"#") {
                continue;
            }
            sets.line(line, &mut names).map_err(|e| e.at_line(i + 1))?;
        }
        Ok(sets)
    }

    /// `names`: where the sets are.
    fn line(&mut self, line: &[u8], names: &mut HashMap<Text, usize>) -> Result<(), ReadError> {
        let words = restore_words(line).map_err(|column| {
            ReadError::new(column, "this quote is never closed", "put the closing quote")
        })?;
        let words = match words.first() {
            Some(w) if w.text == "ipset" => &words[1..],
            _ => &words[..],
        };
        let missing = |what: &str| ReadError::new(line.len() + 1, format!("expected {what}"), "");
        match words.first().map(|w| w.text.as_bytes()) {
            Some(b"create" | b"-N" | b"n") => {
                let name = words.get(1).ok_or_else(|| missing("the set's name"))?;
                let kind = words.get(2).ok_or_else(|| missing("the set's type (hash:ip, hash:net ...)"))?;
                let options = words[3..].iter().filter(|w| !w.text.as_bytes().starts_with(b"-exist"));
                if let Some(old) = names.insert(name.text.clone(), self.sets.len()) {
                    self.sets.remove(old);
                    names.values_mut().for_each(|at| *at -= usize::from(*at > old));
                }
                self.sets.push(Set {
                    name: name.text.clone(),
                    kind: kind.text.clone(),
                    parts: parts(&kind.text),
                    options: options.map(|w| w.text.clone()).collect(),
                    entries: Vec::new(),
                });
                Ok(())
            }
            Some(b"add" | b"-A") => {
                let name = words.get(1).ok_or_else(|| missing("the set's name"))?;
                let element = words.get(2).ok_or_else(|| missing("an element"))?;
                let at = names.get(&name.text).ok_or_else(|| {
                    let message = format!("no set `{}` was created above", name.text);
                    ReadError::new(name.column, message, "put its create line in front")
                })?;
                let set = &mut self.sets[*at];
                let mut entry =
                    Entry { parts: entry_parts(set, element), nomatch: false, options: Vec::new() };
                for word in &words[3..] {
                    match word.text.as_bytes() {
                        b"nomatch" => entry.nomatch = true,
                        b"-exist" | b"-!" => {}
                        _ => entry.options.push(word.text.clone()),
                    }
                }
                set.entries.push(entry);
                Ok(())
            }
            Some(b"flush" | b"COMMIT" | b"-F") => Ok(()),
            _ => Err(ReadError::new(
                words.first().map_or(1, |w| w.column),
                "expected create or add",
                "write what `ipset save` prints",
            )),
        }
    }

    /// The set of this name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&Set> {
        self.sets.iter().find(|s| s.name.as_bytes() == name)
    }

    /// Lines for `ipset restore`.
    ///
    /// # Errors
    /// A name holds a line break or zero byte.
    pub fn to_restore(&self) -> Result<Vec<u8>, WriteError> {
        let mut out = Vec::new();
        for set in &self.sets {
            let mut line = b"create ".to_vec();
            restore_word(&mut line, set.name.as_bytes());
            line.push(b' ');
            restore_word(&mut line, set.kind.as_bytes());
            for word in &set.options {
                line.push(b' ');
                restore_word(&mut line, word.as_bytes());
            }
            finish(&mut out, &line)?;
            for entry in &set.entries {
                let mut line = b"add ".to_vec();
                restore_word(&mut line, set.name.as_bytes());
                line.push(b' ');
                restore_word(&mut line, element(entry).as_bytes());
                options(&mut line, &entry.options);
                if entry.nomatch {
                    line.extend_from_slice(b" nomatch");
                }
                finish(&mut out, &line)?;
            }
        }
        Ok(out)
    }

    /// The same as `ipset` commands for a shell.
    #[must_use]
    pub fn to_commands(&self) -> String {
        let mut out = String::new();
        let mut line = |words: &mut dyn Iterator<Item = String>| {
            out.push_str("ipset");
            for word in words {
                out.push(' ');
                out.push_str(&word);
            }
            out.push('\n');
        };
        let quote = |t: &Text| shell_quote(t.as_bytes());
        for set in &self.sets {
            let head = [String::from("create"), quote(&set.name), quote(&set.kind)];
            line(&mut head.into_iter().chain(set.options.iter().map(quote)));
            for entry in &set.entries {
                let head = [String::from("add"), quote(&set.name), shell_quote(element(entry).as_bytes())];
                let nomatch = entry.nomatch.then(|| String::from("nomatch"));
                line(&mut head.into_iter().chain(entry.options.iter().map(quote)).chain(nomatch));
            }
        }
        out
    }
}

fn options(line: &mut Vec<u8>, words: &[Text]) {
    let mut string = false;
    for word in words {
        line.push(b' ');
        // `ipset save` always quotes comments.
        if string {
            line.push(b'"');
            line.extend_from_slice(word.as_bytes());
            line.push(b'"');
        } else if word.as_bytes().iter().all(u8::is_ascii_graphic) {
            line.extend_from_slice(word.as_bytes());
        } else {
            save_string(line, word.as_bytes());
        }
        string = *word == "comment";
    }
}

fn finish(out: &mut Vec<u8>, line: &[u8]) -> Result<(), WriteError> {
    if line.iter().any(|b| matches!(b, 0 | b'\n')) {
        return Err(WriteError::new(format!("`{}` has a line break in it", line.escape_ascii())));
    }
    out.extend_from_slice(line);
    out.push(b'\n');
    Ok(())
}

/// The parts of a type: what follows the colon.
fn parts(kind: &Text) -> Vec<PartKind> {
    let Some((_, list)) = kind.as_str().and_then(|k| k.split_once(':')) else { return Vec::new() };
    let part = |word: &str| match word {
        "ip" | "net" => Some(PartKind::Address),
        "port" => Some(PartKind::Port),
        "mac" => Some(PartKind::Mac),
        "iface" => Some(PartKind::Interface),
        "mark" => Some(PartKind::Mark),
        "set" => Some(PartKind::Set),
        _ => None,
    };
    list.split(',').map(part).collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn entry_parts(set: &Set, element: &Word) -> Vec<Part> {
    let whole = || vec![Part::Text(element.text.clone())];
    let Some(text) = element.text.as_str() else { return whole() };
    let words: Vec<&str> = text.split(',').collect();
    // `bitmap:ip,mac` entries may lack the hardware address.
    if set.parts.is_empty() || words.len() > set.parts.len() {
        return whole();
    }
    let lonely_port = set.kind.as_bytes().starts_with(b"bitmap");
    let parts = words.iter().zip(&set.parts).map(|(word, kind)| match kind {
        PartKind::Address => address(word),
        PartKind::Port => port(word, lonely_port),
        PartKind::Mac => Mac::from_text(word.as_bytes()).map(Part::Mac),
        PartKind::Interface => Some(Part::Interface(Interface(Text::from(*word)))),
        PartKind::Mark => {
            let hex = word.strip_prefix("0x").map(|h| u32::from_str_radix(h, 16).ok());
            hex.unwrap_or_else(|| word.parse().ok()).map(Part::Mark)
        }
        PartKind::Set => Some(Part::Set(Text::from(*word))),
    });
    parts.collect::<Option<Vec<_>>>().unwrap_or_else(whole)
}

fn address(word: &str) -> Option<Part> {
    match word.split_once('-') {
        Some((first, last)) => {
            let range = AddressRange { first: first.parse().ok()?, last: last.parse().ok()? };
            Some(Part::Addresses(range))
        }
        None => Net::parse(word).map(Part::Net),
    }
}

fn port(word: &str, lonely: bool) -> Option<Part> {
    let range = |text: &str| -> Option<Range<u16>> {
        let one = |t: &str| t.parse().ok().or_else(|| names::service(t));
        match text.split_once('-') {
            Some((first, last)) => Some(Range::new(one(first)?, one(last)?)),
            None => one(text).map(Range::one),
        }
    };
    let Some((protocol, port)) = word.split_once(':') else {
        let protocol = if lonely { None } else { Some(Protocol::TCP) };
        return range(word).map(|r| Part::Port(protocol, r));
    };
    let protocol = names::protocol(protocol)?;
    let v6 = protocol == Protocol::ICMPV6;
    if (protocol == Protocol::ICMP || v6) && range(port).is_none() {
        let (kind, code) = match port.split_once('/') {
            Some((kind, code)) => (kind.parse::<u8>().ok()?, code.parse::<u8>().ok()?),
            None => names::icmp(port, v6).map(|(kind, code)| (kind, code.unwrap_or(0)))?,
        };
        return Some(Part::Port(Some(protocol), Range::one(u16::from(kind) << 8 | u16::from(code))));
    }
    Some(Part::Port(Some(protocol), range(port)?))
}

/// An entry as `ipset save` prints it, but for names of protocols and ICMP types.
fn element(entry: &Entry) -> Text {
    let mut text = Vec::new();
    for part in &entry.parts {
        if !text.is_empty() {
            text.push(b',');
        }
        let shown = match part {
            Part::Net(net) => match net.prefix_len() {
                Some(32) if net.addr().is_ipv4() => net.addr().to_string(),
                Some(128) => net.addr().to_string(),
                Some(length) => format!("{}/{length}", net.addr()),
                None => format!("{}/{}", net.addr(), net.mask()),
            },
            Part::Addresses(range) => format!("{}-{}", range.first, range.last),
            Part::Port(protocol, range) => {
                let mut text = String::new();
                if let Some(protocol) = protocol {
                    match names::protocol_name(*protocol) {
                        Some(name) => text.push_str(name),
                        None => text.push_str(&protocol.0.to_string()),
                    }
                    text.push(':');
                }
                if matches!(protocol, Some(Protocol::ICMP | Protocol::ICMPV6)) {
                    text.push_str(&format!("{}/{}", range.first >> 8, range.first & 0xff));
                } else {
                    text.push_str(&range.first.to_string());
                    if range.last != range.first {
                        text.push_str(&format!("-{}", range.last));
                    }
                }
                text
            }
            Part::Mac(mac) => mac.to_string(),
            Part::Interface(interface) => {
                text.extend_from_slice(interface.0.as_bytes());
                continue;
            }
            Part::Mark(mark) => format!("0x{mark:08x}"),
            Part::Set(name) | Part::Text(name) => {
                text.extend_from_slice(name.as_bytes());
                continue;
            }
        };
        text.extend_from_slice(shown.as_bytes());
    }
    Text::from(text)
}

impl Set {
    /// Whether its content changes by itself, so that today's listing says nothing about the
    /// time of the log.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        let timed = |words: &[Text]| words.iter().any(|w| *w == "timeout");
        timed(&self.options) || self.entries.iter().any(|e| timed(&e.options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &[u8] = b"\
create a hash:ip,port family inet hashsize 1024 maxelem 65536
add a 10.0.0.1,tcp:80
add a 10.0.0.1,icmp:echo-request
create b bitmap:port range 1-1000
add b 5
create c hash:net family inet hashsize 1024 maxelem 65536
add c 10.0.0.0/8
add c 10.1.0.0/16 nomatch
create d list:set size 8
add d c
create h hash:ip,port,ip family inet hashsize 1024 maxelem 65536 comment
add h 1.1.1.1,udp:53,2.2.2.2 comment \"he llo\"
";

    #[test]
    fn saved_sets_are_read_and_written() {
        let sets = Sets::parse(SAVED).unwrap();
        assert_eq!(sets.sets.len(), 5);
        let text = sets.to_restore().unwrap();
        assert_eq!(Sets::parse(&text).unwrap(), sets);
        assert_eq!(
            String::from_utf8(text).unwrap().replace("icmp:8/0", "icmp:echo-request"),
            String::from_utf8(SAVED.to_vec()).unwrap()
        );
    }

    #[test]
    fn errors_name_the_line() {
        let error = Sets::parse(b"create a hash:ip\nadd b 10.0.0.1\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2, column 5: no set `b` was created above: put its create line in front"
        );
    }
}
