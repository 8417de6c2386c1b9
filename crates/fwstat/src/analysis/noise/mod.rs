//! What in a log is noise, which kind of noise, and what must stay visible.
//!
//! What tells them apart, in words:
//!
//! * **Chatter** is sent to everybody on one's own network: broadcast or multicast. No router
//!   lets it through, so it says something about neighbours, never about attackers.
//! * **Radiation** is many outside sources with few packets each at one service. No single
//!   one of them matters; a single source that comes again and again does.
//! * **A scanner** is one source, or the hosts of one network, at many ports, loudly. Quiet
//!   and at few ports for days is the opposite: somebody who does not want to be seen.
//! * **Backscatter** answers what this host never asked, from many sources.
//! * **Trash** has flags that no stack sends.
//! * **A flood** is one source with a good part of the whole log.
//!
//! Everything else is signal, and so is, whatever it looks like: unicast of one's own network
//! and of those who are trusted, lines kept for their prefix, services that are let in,
//! what this host sends, and kinds that are rare.
//!
//! Responsible for: these findings, from counts alone. The table of names lowers a bar, it
//! decides nothing.
//! Must not know: rules, lines.
//! Tested by: `tests/cli/suggest.rs` on labelled logs of many networks.

pub mod classes;
mod crowd;
pub mod dead;
pub mod ground;
mod hosts;
pub mod known;
pub mod names;
pub mod packet;
mod pairs;
pub mod proof;
pub mod rules;
mod sift;
pub mod site;
pub mod sources;
pub mod tally;

use std::net::IpAddr;

use fwrules::Net;

use self::crowd::View;
use self::ground::{Ground, Nets, address};
use self::hosts::Bar;
use self::known::Known;
use self::packet::{Many, Reply, Trash};
use self::sift::{LOUDEST, Loudest, Scanner, Sifted, sift};
use self::sources::{Lines, Source};
use self::tally::Tally;

/// The kinds of noise, in the order in which they are shown if they are equally loud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Broadcast and multicast of one's own network.
    Chatter,
    /// Many outside sources at one service.
    Radiation,
    /// One source or network at many ports.
    Scanner,
    /// Answers to nothing.
    Backscatter,
    /// Impossible packets.
    Trash,
    /// One loud source.
    Flood,
}

impl Class {
    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Chatter => "chatter",
            Class::Radiation => "radiation",
            Class::Scanner => "scanner",
            Class::Backscatter => "backscatter",
            Class::Trash => "trash",
            Class::Flood => "flood",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Class::Chatter => "chatter of your own network",
            Class::Radiation => "background radiation of the internet",
            Class::Scanner => "a scanner",
            Class::Backscatter => "backscatter",
            Class::Trash => "impossible packets",
            Class::Flood => "a flood of one source",
        }
    }
}

/// What packets a piece of noise consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Requests to ports of a protocol.
    Ports(u8, Vec<u16>),
    /// Answers from ports; no ports: from any.
    Replies(Reply, Vec<u16>),
    /// Impossible flags.
    Flags(Trash),
    /// ICMP of a type.
    Icmp(u8),
    /// A protocol.
    Proto(u8),
    /// Everything of a network in one protocol (if it is only one), but for these ports.
    Source(Net, Option<u8>),
}

/// One piece of noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise {
    /// Which kind.
    pub class: Class,
    /// What it is called: `netbios`, `telnet`, `83.118.222.0/24`.
    pub name: String,
    /// IPv6.
    pub v6: bool,
    /// Its packets.
    pub shape: Shape,
    /// Its lines.
    pub seen: Lines,
    /// Distinct sources; of chatter 256 at most.
    pub sources: u64,
    /// Chatter: to whom, with the lines of each.
    pub to: Vec<(IpAddr, Many, u64)>,
    /// Why it must be narrowed to its destinations, if it must.
    pub narrow: Option<Why>,
    /// Sources that do the same and must stay visible.
    pub spared: Vec<Net>,
}

/// Why lines must stay visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Their prefix is kept: near hits.
    NearHit,
    /// They were let in.
    LetIn,
    /// This host sent them.
    Sent,
    /// They passed through.
    Forwarded,
    /// Unicast of one's own network, or of a trusted host.
    Own,
    /// A source that comes slowly, again and again, at several services.
    Slow,
    /// A service of this host.
    Listens,
    /// Too few of the kind to be noise.
    Rare,
}

impl Why {
    /// A word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Why::NearHit => "near_hit",
            Why::LetIn => "let_in",
            Why::Sent => "sent",
            Why::Forwarded => "forwarded",
            Why::Own => "own_network",
            Why::Slow => "slow_scan",
            Why::Listens => "listening",
            Why::Rare => "rare",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Why::NearHit => "near hits",
            Why::LetIn => "packets that were let in",
            Why::Sent => "packets that this host sent",
            Why::Forwarded => "packets that passed through",
            Why::Own => "hosts of your own network",
            Why::Slow => "slow scans",
            Why::Listens => "a service that is let in",
            Why::Rare => "rare kinds",
        }
    }
}

/// Noise that no rule may silence, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it is called.
    pub name: String,
    /// Its lines.
    pub lines: u64,
    /// Why, in a sentence.
    pub why: String,
}

/// A host worth looking at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its address.
    pub addr: IpAddr,
    /// What was seen of it.
    pub seen: Lines,
    /// The services it tried, most lines first.
    pub tried: Vec<(String, u64)>,
    /// Why it stays visible.
    pub why: Why,
    /// It behaves like a scanner.
    pub scans: bool,
}

/// A trusted host at a port that is closed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// Who.
    pub addr: IpAddr,
    /// Protocol.
    pub protocol: u8,
    /// Port.
    pub port: u16,
    /// What was seen of it.
    pub seen: Lines,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Lines that came in and are open.
    pub open: u64,
    /// The noise, in no order.
    pub noise: Vec<Noise>,
    /// Noise that no rule may silence.
    pub refused: Vec<Refused>,
    /// Who is worth looking at.
    pub hosts: Vec<Host>,
    /// Who might be let in.
    pub friends: Vec<Friend>,
    /// One's own networks, the trusted ones first.
    pub own: Vec<Net>,
    /// What tells a line's class in the proof.
    pub known: Known,
    /// The loudest outside sources, networks that scan first.
    pub loud: Vec<(Net, Class, Lines)>,
    /// What could not be kept apart: sentences.
    pub notes: Vec<String>,
}

/// Finds the noise of a log.
#[must_use]
pub fn find(tally: &Tally<'_>, ground: &Ground, answers_pass: [bool; 2]) -> Found {
    let bar = Bar { open: tally.open };
    let mut found = Found { open: tally.open, own: hosts::own_networks(tally, ground), ..Found::default() };
    // A network's neighbours on the same wire are one's own, even with addresses of the internet.
    let nets = Nets::new(&found.own);
    let sites = tally.outside.sites(|key| !nets.contains(key));
    let bits = (tally.outside.bits().0, tally.outside.bits().1.min(64));
    if tally.outside.bits().0 < 32 {
        found.notes.push(format!(
            "more sources than are kept apart: outside sources were judged by their networks (/{})",
            tally.outside.bits().0
        ));
    }
    let Sifted { mut own, scanners, floods, apart, of_apart, crowd, mut loudest, trashing } =
        sift(&tally.outside, &sites, &nets, bar, bits);
    own.extend(tally.outside.sixes(1).into_iter().flatten().filter(|source| nets.contains(source.key())));
    let own_hosts = hosts::hosts(tally, &own);
    let mut quiet = crowd.clone();
    quiet.join(of_apart);
    let slow = hosts::slow(&apart, &quiet, trashing, &mut found);
    let ordinary: Vec<Source<'_>> = apart
        .into_iter()
        .map(|(source, _)| source)
        .filter(|source| !slow.contains_key(&source.key()))
        .collect();
    ordinary.iter().for_each(|source| loudest.add(source.key(), source.all()));
    quiet.leave_out(slow.values(), &crowd, ordinary.iter());
    let slow_nets = slow.keys().map(|key| Net::new(address(*key), hosts::width(*key, bits))).collect();
    found.known = Known::new(found.own.clone(), slow_nets);
    let view = View { tally, ground, bar, bits, kinds: &quiet, slow: &slow, hosts: &own_hosts, answers_pass };
    view.radiation(&mut found);
    view.replies(&mut found);
    view.trash(&mut found);
    view.sources(&mut found, &scanners, &floods);
    // Last: whether chatter must be narrowed depends on what else was found.
    view.chatter(&mut found);
    let Found { known, noise, .. } = &mut found;
    noise.iter().for_each(|noise| known.noise(noise));
    hosts::watch(&mut found, ground, &own_hosts, &slow);
    found.loud = loud(&scanners, &floods, loudest, bits);
    found
}

/// Sources worth a place in a list of addresses, the loudest first.
fn loud(
    scanners: &[Scanner],
    floods: &[Source<'_>],
    loudest: Loudest,
    bits: (u8, u8),
) -> Vec<(Net, Class, Lines)> {
    let host = |key: u128| Net::new(address(key), hosts::width(key, bits));
    let mut list: Vec<(Net, Class, Lines)> =
        scanners.iter().map(|scanner| (scanner.net, Class::Scanner, scanner.seen)).collect();
    list.extend(floods.iter().map(|source| (host(source.key()), Class::Flood, source.all())));
    list.extend(loudest.ranked().into_iter().map(|(key, seen)| (host(key), Class::Radiation, seen)));
    list.truncate(LOUDEST);
    list
}

/// A network as people write it: a host without `/32`.
#[must_use]
pub fn net_name(net: &Net) -> String {
    let whole = if net.addr().is_ipv4() { 32 } else { 128 };
    match net.prefix_len() {
        Some(length) if length == whole => net.addr().to_string(),
        Some(length) => format!("{}/{length}", net.addr()),
        None => format!("{}/{}", net.addr(), net.mask()),
    }
}
