//! `-m tcp`.
//!
//! Responsible for: ports, flags and options of TCP.
//! Must not know: which flags connection tracking accepts.
//! Tested by: `tests/roundtrip.rs`, `tests/oracle.rs`, `tests/kernel.rs`.

use logparse::{Protocol, TcpFlags, Transport};

use crate::matches::kind::{Kind, Module};
use crate::matches::look::Look;
use crate::values::error::ReadError;
use crate::values::header::Flags;
use crate::values::net::{Family, PortSide, Range, Test};
use crate::values::tri::{Tri, Why};
use crate::view::View;
use crate::words::nft::{Nft, NoWord};
use crate::words::option::Opt;
use crate::words::piece::Pieces;

/// `-m tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tcp {
    /// `--sport`.
    pub sport: Option<Test<Range<u16>>>,
    /// `--dport`.
    pub dport: Option<Test<Range<u16>>>,
    /// `--tcp-flags`, `--syn`.
    pub flags: Option<Test<Flags>>,
    /// `--tcp-option`.
    pub option: Option<Test<u8>>,
}

fn flags(text: &str) -> Option<TcpFlags> {
    text.split(',').try_fold(TcpFlags::EMPTY, |flags, word| {
        Some(
            flags
                | match word.to_ascii_uppercase().as_str() {
                    "ALL" => TcpFlags::from_bits(0x3f),
                    "NONE" => TcpFlags::EMPTY,
                    word => TcpFlags::from_word(word.as_bytes()).filter(|f| f.bits() <= 0xff)?,
                },
        )
    })
}

/// The words of flags in the order of `iptables-save`, which is that of their bits.
fn words(flags: TcpFlags, none: &str, between: &str) -> String {
    let mut words: Vec<&str> = flags.words().collect();
    words.reverse();
    if words.is_empty() { none.to_owned() } else { words.join(between) }
}

impl Kind for Tcp {
    const MODULES: &'static [Module] = &[(
        "tcp",
        &[
            ("--sport", 1),
            ("--source-port", 1),
            ("--dport", 1),
            ("--destination-port", 1),
            ("--syn", 0),
            ("--tcp-flags", 2),
            ("--tcp-option", 1),
        ],
    )];

    fn parse(_: &str, options: &[Opt], _: Family) -> Result<Option<Tcp>, ReadError> {
        let mut tcp = Tcp::default();
        for o in options {
            match o.name() {
                "--sport" | "--source-port" => tcp.sport = o.ports()?,
                "--dport" | "--destination-port" => tcp.dport = o.ports()?,
                "--syn" => {
                    let mask = TcpFlags::FIN | TcpFlags::SYN | TcpFlags::RST | TcpFlags::ACK;
                    tcp.flags = Some(o.test(Flags { mask, set: TcpFlags::SYN }));
                }
                "--tcp-flags" => {
                    let words = "two lists of SYN,ACK,FIN,RST,URG,PSH,ECE,CWR,ALL,NONE";
                    let at = |i: usize| o.values[i].text.as_str().and_then(flags).ok_or_else(|| o.bad(words));
                    tcp.flags = Some(o.test(Flags { mask: at(0)?, set: at(1)? }));
                }
                _ => tcp.option = Some(o.read_test("the number of an option", |text| text.parse().ok())?),
            }
        }
        Ok(Some(tcp))
    }

    fn save(&self, out: &mut Pieces) {
        out.module("tcp");
        out.option_if("--sport", self.sport.as_ref(), |r| r.text(':'));
        out.option_if("--dport", self.dport.as_ref(), |r| r.text(':'));
        out.option_if("--tcp-option", self.option.as_ref(), u8::to_string);
        let flags = |f: &Flags| format!("{} {}", words(f.mask, "NONE", ","), words(f.set, "NONE", ","));
        out.option_if("--tcp-flags", self.flags.as_ref(), flags);
    }

    fn nft(&self, nft: &mut Nft) -> Result<(), NoWord> {
        nft.ports(Protocol::TCP, self.sport.as_ref(), self.dport.as_ref())?;
        let words = |flags| words(flags, "0x0", "|").to_ascii_lowercase().replace("ece", "ecn");
        if let Some(test) = &self.flags {
            nft.masked("tcp flags", format!("({})", words(test.value.mask)), test.not, words(test.value.set));
        }
        if let Some(test) = &self.option {
            nft.push(&format!("tcp option {} {}", test.value, if test.not { "missing" } else { "exists" }));
        }
        // `tcp option N missing` is so of packets of all other protocols.
        if self.flags.is_some() || self.option.is_some_and(|test| !test.not) {
            nft.says = Some(Protocol::TCP);
        }
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>) -> Tri {
        let (sport, dport) = match view.ports(Some(Protocol::TCP)) {
            Ok(found) => found,
            Err(other) => return other,
        };
        let Transport::Tcp(tcp) = view.datagram().transport else {
            return Tri::Unknown(Why::NotShown("the transport header"));
        };
        Tri::ask_if(self.sport.as_ref(), sport, "SPT=", Range::contains)
            .and(Tri::ask_if(self.dport.as_ref(), dport, "DPT=", Range::contains))
            .and(Tri::ask_if(self.flags.as_ref(), tcp.flags, "the TCP flags", Flags::fit))
            .and(self.option.map_or(Tri::Yes, |test| has_option(view, test.value).test(&test)))
    }

    fn looks(&self, look: &mut dyn FnMut(Look<'_>)) {
        look(Look::Protocol(Test::is(&[Protocol::TCP])));
        look(Look::Transport);
        for (test, side) in [(&self.sport, PortSide::Source), (&self.dport, PortSide::Destination)] {
            if let Some(Test { not, value }) = *test {
                look(Look::Ports(side, Test { not, value: &[value] }));
            }
        }
        if let Some(test) = self.flags {
            look(Look::Flags(test));
        }
        if self.option.is_some() {
            look(Look::TcpOptions);
        }
    }
}

/// Whether a TCP packet has an option of this number.
pub(crate) fn has_option(view: &View<'_>, number: u8) -> Tri {
    let Transport::Tcp(tcp) = view.datagram().transport else {
        return Tri::Unknown(Why::NotShown("the transport header"));
    };
    match tcp.options {
        _ if view.changes.options => Tri::Unknown(Why::Rewritten("OPT (")),
        None => Tri::Unknown(Why::NotShown("OPT ( of TCP")),
        Some(options) => {
            let bytes: Vec<u8> = options.bytes().collect();
            Tri::known(options_of(&bytes).any(|(kind, _)| kind == number))
        }
    }
}

/// The options of a TCP header: kind and data.
pub(crate) fn options_of(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let (&kind, rest) = bytes.split_first()?;
        if kind < 2 {
            // End and no-operation have no length.
            bytes = rest;
            return Some((kind, &rest[..0]));
        }
        let length = usize::from(*rest.first()?);
        let data = bytes.get(2..length.max(2))?;
        bytes = bytes.get(length.max(2)..)?;
        Some((kind, data))
    })
}
