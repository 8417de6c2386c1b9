//! What the findings say about a single packet.
//!
//! Responsible for: telling noise that was found from what must stay visible.
//! Must not know: how noise is found; rules.
//! Tested by: `tests/cli/suggest.rs`, on labelled logs.

use std::collections::HashSet;

use fwrules::{Net, Range, Test};

use super::classes::Tests;
use super::ground::{Ground, LOCAL, Scope};
use super::packet::{Glance, Kind, Reply};
use super::{Class, Noise, Shape, Why};

/// What belongs to the noise that was found, for one packet after another.
#[derive(Clone, Debug, Default)]
pub struct Known {
    chatter: HashSet<(bool, Kind)>,
    noise: HashSet<(bool, Kind)>,
    /// Answers from any port.
    replies: HashSet<(bool, Reply)>,
    trash: bool,
    nets: Vec<Net>,
    slow: Vec<Net>,
    own: Vec<Net>,
}

impl Known {
    /// Of these networks, one's own and those of sources that come slowly.
    pub(super) fn new(own: Vec<Net>, slow: Vec<Net>) -> Known {
        Known { own, slow, ..Known::default() }
    }

    /// A source that noise was found for.
    pub(super) fn source(&mut self, net: Net) {
        self.nets.push(net);
    }

    /// Noise that was found.
    pub(super) fn noise(&mut self, noise: &Noise) {
        let mut take = |kind: Kind| {
            let list = if noise.class == Class::Chatter { &mut self.chatter } else { &mut self.noise };
            list.insert((noise.v6, kind));
        };
        match &noise.shape {
            Shape::Ports(protocol, ports) => {
                ports.iter().for_each(|port| take(Kind::Request(*protocol, *port)));
            }
            Shape::Replies(reply, ports) if ports.is_empty() => {
                self.replies.insert((noise.v6, *reply));
            }
            Shape::Replies(reply, ports) => ports.iter().for_each(|port| take(Kind::Reply(*reply, *port))),
            Shape::Flags(_) => self.trash = true,
            Shape::Icmp(kind) => take(Kind::Icmp(*kind)),
            Shape::Proto(protocol) => take(Kind::Proto(*protocol)),
            Shape::Source(net, _) => self.nets.push(*net),
        }
    }

    /// Why a line that came in must stay visible; `None` if it is noise that was found.
    #[must_use]
    pub fn signal(&self, ground: &Ground, glance: &Glance) -> Option<Why> {
        let Glance { src, kind, many, .. } = *glance;
        let v6 = src.is_ipv6();
        if many.is_some() {
            return (!self.chatter.contains(&(v6, kind))).then_some(Why::Rare);
        }
        let among = |nets: &[Net]| nets.iter().any(|net| net.contains(src));
        if ground.scope(src) == Scope::Own || among(&self.own) {
            return Some(Why::Own);
        }
        if among(&self.slow) {
            return Some(Why::Slow);
        }
        if let Kind::Request(protocol, port) = kind
            && ground.listens(v6, protocol, port)
        {
            return Some(Why::Listens);
        }
        let found = match kind {
            Kind::Trash(_) => self.trash,
            Kind::Reply(reply, _) if self.replies.contains(&(v6, reply)) => true,
            _ => self.noise.contains(&(v6, kind)),
        };
        if found || among(&self.nets) { None } else { Some(Why::Rare) }
    }

    /// What [`Known::signal`] asks of a packet.
    pub fn tests(&self, ground: &Ground, tests: &mut Tests) {
        let local = LOCAL.iter().filter_map(|net| Net::parse(net));
        let own = self.own.iter().chain(&self.slow).chain(&self.nets).chain(&ground.trusted);
        own.copied().chain(local).for_each(|net| tests.source(&net));
        for (_, _, first, last) in &ground.listening {
            tests.ports(None, Some(Test::is(Range::new(*first, *last))));
        }
        for (_, kind) in self.chatter.iter().chain(&self.noise) {
            match kind {
                Kind::Request(_, port) => tests.ports(None, Some(Test::is(Range::one(*port)))),
                Kind::Reply(_, port) => tests.ports(Some(Test::is(Range::one(*port))), None),
                Kind::Trash(_) | Kind::Icmp(_) | Kind::Proto(_) => {}
            }
        }
    }
}
