//! What becomes of a line.
//!
//! Responsible for: reading it off the walk's outcome; and for answers of this host, whether
//! what they answer would still have come in.
//! Must not know: how a walk goes.
//! Tested by: the unit tests of `eval::walk`, `tests/replay.rs`.

use logparse::{Ipv4, Ipv6, Network, Packet, Ports, Tcp, TcpFlags, Transport};

use crate::eval::index::Index;
use crate::eval::outcome::{Fate, Outcome, Reach};
use crate::eval::run::Run;
use crate::eval::walker::{Newer, Walker};
use crate::model::ruleset::{Place, RuleId};
use crate::model::target::{Effect, Verdict};
use crate::values::conntrack::StateSet;
use crate::values::net::Family;
use crate::values::tri::Why;
use crate::view::Context;

impl Walker<'_> {
    /// Whether the line would still be written.
    #[must_use]
    pub fn fate(&self, packet: &Packet<'_>, context: &Context<'_>) -> Fate {
        self.fate_of(packet, context, &self.outcome(packet, context), None)
    }

    /// As [`fate`](Self::fate), for an outcome that is there already.
    pub(crate) fn fate_of(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        outcome: &Outcome,
        index: Option<&Index>,
    ) -> Fate {
        let writes = |id: RuleId| {
            let log = self.rules.rule(id).and_then(|r| r.log.as_ref());
            log.is_some_and(|log| log.written(self.rules.nft) == packet.prefix)
        };
        let writer = self.writers.get(packet.prefix);
        // Tables before routing and of bridges are not walked: a rule there may write it.
        let unwalked = || writer.copied().flatten();
        if outcome.other_family {
            return unwalked().map_or(Fate::OtherFamily, |id| Fate::Unknown(id, Why::Route));
        }
        let mut writers = outcome.logged.iter().filter(|(id, _)| writes(*id)).peekable();
        if writers.peek().is_none() {
            if let Some(id) = unwalked() {
                return Fate::Unknown(id, Why::Route);
            }
            let may_log = |id: &RuleId| self.rules.rule(*id).is_some_and(|rule| rule.target.may_log());
            if let Some((id, _)) = outcome.taken.iter().find(|(id, _)| may_log(id)) {
                return Fate::Unknown(*id, Why::Match);
            }
            if writer.is_none() {
                return Fate::Unwritten;
            }
            let certain = outcome.ends.iter().find(|e| e.reach == Reach::Certain);
            return Fate::Removed(match (certain, &outcome.ends[..]) {
                (Some(end), _) | (None, [end]) => Some(end.by),
                _ => None,
            });
        }
        // These very rules wrote the line: one of the writers did, whichever it was.
        let unchanged = matches!(self.evidence, Newer::Added)
            && outcome.taken.iter().all(|(id, _)| self.rules.rule(*id).is_some_and(|rule| !rule.added));
        match writers.find(|(_, reach)| unchanged || *reach == Reach::Certain) {
            Some((id, _)) if !unchanged && !self.surely_comes(packet, context, index) => {
                Fate::Unknown(*id, Why::Route)
            }
            Some((id, _)) => match self.unanswered(packet, context, index) {
                Some(Ok(by)) => Fate::Unanswered(by),
                Some(Err((rule, why))) => Fate::Unknown(rule, why),
                None => Fate::Remains(*id),
            },
            None => {
                // The first rule whose answer makes a difference.
                let matters = |id: RuleId| {
                    writes(id) || self.rules.rule(id).is_some_and(|r| r.target.effect() != Effect::Continue)
                };
                let first = outcome.unknown.iter().find(|(id, _)| matters(*id)).or(outcome.unknown.first());
                match (first, outcome.logged.first()) {
                    (Some((id, why)), _) => Fate::Unknown(*id, *why),
                    (None, Some((id, _))) => Fate::Unknown(*id, Why::Route),
                    (None, None) => Fate::Removed(None),
                }
            }
        }
    }

    /// Whether chains before routing, and a bridge's if it came over one, surely let it pass.
    fn surely_comes(&self, packet: &Packet<'_>, context: &Context<'_>, index: Option<&Index>) -> bool {
        let bridged = packet.phys_in.is_some() || packet.phys_out.is_some();
        let mut run = None;
        self.unwalked.iter().all(|base| {
            let bridge = self.rules.tables[base.table].family == Family::Bridge;
            bridge && !bridged
                || run.get_or_insert_with(|| Run::new(self, packet, context, index)).surely_passes(*base)
        })
    }

    /// If the packet is an answer of this host: whether what it answers would now be dropped
    /// by a rule that need not have been there when the line was written.
    fn unanswered(
        &self,
        packet: &Packet<'_>,
        context: &Context<'_>,
        index: Option<&Index>,
    ) -> Option<Result<RuleId, (RuleId, Why)>> {
        let cause = cause(packet)?;
        let mut run = Run::new(self, &cause, context, index);
        // Had it belonged to a known connection, so would the answer.
        let reply = Run::new(self, packet, context, index).settled_states();
        if reply.and(StateSet::ESTABLISHED).is_empty() {
            run.view.states = run.view.states.without(StateSet::ESTABLISHED | StateSet::RELATED);
        }
        let states = run.view.states;
        run.start();
        let outcome = run.finish().1;
        let newer = |id: RuleId| {
            let Some(rule) = self.rules.rule(id) else { return false };
            match &self.evidence {
                Newer::Any => !rule.is_unconditional(),
                Newer::Added => rule.added,
                Newer::Not(old) => !old.contains(&id),
            }
        };
        // Without the rules that may be new, would the packet have come in?
        let mut ignored: Vec<RuleId> = Vec::new();
        let mut now = outcome.clone();
        let mut doubt = None;
        for _ in 0..32 {
            if now.ends.iter().any(|e| e.verdict == Some(Verdict::Accept)) {
                let by = *ignored.first()?;
                return match doubt {
                    Some(doubt) => Some(Err(doubt)),
                    None => Some(Ok(by)),
                };
            }
            let dropping = now.ends.iter().find_map(|end| match end.by {
                Place::Rule(id) if end.verdict != Some(Verdict::Accept) && newer(id) => Some((id, end.reach)),
                _ => None,
            });
            let (id, reach) = dropping?;
            if reach == Reach::Possible && doubt.is_none() {
                doubt = now.unknown.iter().find(|(u, _)| *u == id).copied();
            }
            ignored.push(id);
            let mut run = Run::new(self, &cause, context, index);
            run.view.states = states;
            run.ignored.clone_from(&ignored);
            run.start();
            now = run.finish().1;
        }
        None
    }
}

/// The packet that this one answers, as far as it can be told: same addresses and ports the
/// other way round, or what an ICMP error quotes. Its flags, length and TTL are not known.
pub(crate) fn cause<'a>(packet: &Packet<'a>) -> Option<Packet<'a>> {
    if !packet.in_iface.is_empty() || packet.out_iface.is_empty() {
        return None;
    }
    let mut cause = Packet { in_iface: packet.out_iface, dialect: packet.dialect, ..Packet::default() };
    if let Some(quoted) = packet.quoted {
        cause.datagram = quoted;
        // The quoted fields are those of the packet as it came in.
        return Some(cause);
    }
    let Transport::Tcp(tcp) = packet.datagram.transport else { return None };
    let flags = tcp.flags?;
    if !answers(flags) {
        return None;
    }
    cause.datagram.network = match packet.datagram.network {
        Network::Ipv4(ip) => Network::Ipv4(Ipv4 { src: ip.dst, dst: ip.src, ..Ipv4::default() }),
        Network::Ipv6(ip) => Network::Ipv6(Ipv6 { src: ip.dst, dst: ip.src, ..Ipv6::default() }),
        _ => return None,
    };
    let ports = Ports { src: tcp.ports.dst, dst: tcp.ports.src };
    cause.datagram.transport = Transport::Tcp(Tcp { ports, ..Tcp::default() });
    Some(cause)
}

/// Whether a packet with these flags may be this host's answer to another.
#[inline]
pub(crate) fn answers(flags: TcpFlags) -> bool {
    flags.contains(TcpFlags::RST) || flags.contains(TcpFlags::SYN | TcpFlags::ACK)
}
