//! Does a rule take the packet of a line: yes, no, or unknown and why.
//!
//! Responsible for: all conditions of one rule together.
//! Must not know: chains, which conditions there are.
//! Tested by: `tests/oracle.rs`, `tests/replay.rs` (what a real kernel did), `tests/kernel.rs`.

use logparse::Packet;

use crate::model::rule::Rule;
use crate::values::lookup::Lookup;
use crate::values::tri::Tri;
use crate::view::{Context, View};

impl Rule {
    /// Whether the rule takes this packet, for a rule that stands alone: sets are not known,
    /// and of the connection's state only what the packet's own fields tell.
    ///
    /// ```
    /// use fwrules::{Context, Rule, Tri};
    /// use logparse::{Packet, Transport, Udp, Ports};
    /// let mut packet = Packet { in_iface: b"eth0", ..Packet::default() };
    /// packet.datagram.transport =
    ///     Transport::Udp(Udp { ports: Ports { src: Some(138), dst: Some(138) }, len: None });
    /// let (_, tcp) = Rule::parse(b"-p tcp --dport 138 -j DROP").unwrap();
    /// let (_, udp) = Rule::parse(b"-p udp --dport 138 -j DROP").unwrap();
    /// assert_eq!(tcp.matches(&packet, &Context::default()), Tri::No);
    /// assert_eq!(udp.matches(&packet, &Context::default()), Tri::Yes);
    /// ```
    #[must_use]
    pub fn matches(&self, packet: &Packet<'_>, context: &Context<'_>) -> Tri {
        let sets = Lookup::default();
        let view = View::alone(packet, context, &sets);
        self.evaluate(&view)
    }

    pub(crate) fn evaluate(&self, view: &View<'_>) -> Tri {
        let mut result = Tri::Yes;
        for condition in &self.conditions {
            result = result.and(condition.evaluate(view));
            if result == Tri::No {
                break;
            }
        }
        result
    }
}
