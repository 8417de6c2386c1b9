//! The place of new rules once the log is known: which lines it has decides where the jump is, and whether what is
//! forwarded is asked as well.
//!
//! Responsible for: these decisions, for both families.
//! Must not know: which rules there will be.
//! Tested by: `tests/cli/place.rs`, `tests/cli/suggest.rs`.

use std::collections::BTreeSet;

use logparse::Protocol;

use super::site::Site;
use crate::analysis::noise::sighting::Sighting;
use crate::analysis::noise::survey::Surveyed;

/// Lines of new connections that are forwarded from which on they count: so many, and this share.
const FORWARDED: (usize, f64) = (20, 0.05);

/// Whether an interface is one that Docker makes, or a LAN's: what comes by it, own hosts send.
fn is_bridge(name: &[u8]) -> bool {
    [&b"docker"[..], b"br-", b"veth"].iter().any(|start| name.starts_with(start))
}

/// The places as this log needs them; `None`: as they are.
pub(super) fn fitted(sites: &[Site; 2], log: &Surveyed) -> Option<[Site; 2]> {
    let mut found: Option<[Site; 2]> = None;
    for v6 in [false, true] {
        let at = usize::from(v6);
        let here = log.sample.iter().filter(|seen| seen.v6 == v6 && log.output(seen).is_none());
        let prefixes: BTreeSet<&[u8]> = here.map(|seen| log.prefix(seen).trim_ascii_end()).collect();
        let settled = sites[at].settled(&prefixes);
        let site = settled.as_ref().unwrap_or(&sites[at]);
        let forwarding = if forwards(log, v6) { site.forwarding() } else { None };
        if let Some(site) = forwarding.or(settled) {
            found.get_or_insert_with(|| sites.clone())[at] = site;
        }
    }
    found
}

/// Whether new connections that strangers want forwarded make up a part of the log.
fn forwards(log: &Surveyed, v6: bool) -> bool {
    let new = |seen: &&Sighting| {
        let from = log.name(log.input(seen));
        let opens = seen.syn || seen.protocol == Protocol::UDP.0;
        log.output(seen).is_some() && opens && !from.is_empty() && !is_bridge(from)
    };
    let of_family = || log.sample.iter().filter(|seen| seen.v6 == v6);
    let (all, new) = (of_family().count(), of_family().filter(new).count());
    new as f64 >= FORWARDED.1 * all as f64 && new >= FORWARDED.0
}
