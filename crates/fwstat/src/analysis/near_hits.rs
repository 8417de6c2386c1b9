//! Near hits, told of one record after another: an untrusted source on an open service.
//!
//! Responsible for: what is one, from the rules that let some in and from prefixes that say so.
//! Must not know: where records come from, what is done about a near hit.
//! Tested by: the unit tests below, `tests/cli/watch_alarm.rs`.

use fwlog::record::Record;
use fwrules::{Family, Net, Ruleset};

use super::noise::address::Nets;
use super::noise::let_in::LetIn;
use super::noise::pattern::Pattern;
use super::noise::sighting::Sighting;
use super::suggest::exceptions::is_service;
use super::suggest::signals;

/// What the guides' prefixes call a source that may not use a service.
const WORD: &[u8] = b"foreign";

/// Whether a prefix says that a packet is a near hit, as the guides' rules have it; in whichever case.
#[must_use]
pub fn says_so(prefix: &[u8]) -> bool {
    // Asked of each line: a search for the word would be made anew each time.
    let is_word =
        |at: usize| prefix[at..].get(..WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD));
    memchr::memchr2_iter(WORD[0], WORD[0].to_ascii_uppercase(), prefix).any(is_word)
}

/// What near hits are on one host.
#[derive(Clone, Debug)]
pub struct NearHits {
    trusted: Nets,
    /// Prefixes that say it, besides the usual word.
    keep: Vec<Vec<u8>>,
    /// What is let in, and the services among it: whoever comes there.
    let_in: Vec<Pattern>,
    services: Vec<Pattern>,
}

impl NearHits {
    /// From the rules, if any are known; `keep` are prefixes as `--keep` has them.
    #[must_use]
    pub fn new<'r>(
        rules: impl Iterator<Item = &'r Ruleset>,
        trusted: &[Net],
        keep: Vec<Vec<u8>>,
    ) -> NearHits {
        let let_in: Vec<Pattern> = rules
            .flat_map(|rules| {
                let families: &[bool] = match rules.family() {
                    Family::Ipv6 => &[true],
                    Family::Inet => &[false, true],
                    _ => &[false],
                };
                families.iter().flat_map(|v6| LetIn::of(rules, b"", *v6).patterns).collect::<Vec<_>>()
            })
            .collect();
        let for_some = |pattern: &&Pattern| is_service(pattern) && !pattern.source.is_empty();
        let services = let_in.iter().filter(for_some);
        let services = services.map(|service| Pattern { source: Vec::new(), ..service.clone() }).collect();
        NearHits { trusted: Nets::new(trusted), keep, let_in, services }
    }

    /// Whether a packet is one.
    #[must_use]
    pub fn has(&self, record: &Record<'_>) -> bool {
        let (input, output) = (record.line.in_iface(), record.line.out_iface());
        let says = says_so(record.prefix())
            || self.keep.iter().any(|pattern| signals::fits(pattern, record.prefix()));
        if input.is_empty() || !says && self.services.is_empty() {
            return false;
        }
        let Some(seen) = Sighting::of(&record.line, 0, 0) else { return says };
        let takes = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.takes(&seen, input, output));
        !self.trusted.contains(seen.src) && (says || takes(&self.services) && !takes(&self.let_in))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(hits: &NearHits, prefix: &str, source: &str, port: u16) -> bool {
        let raw = format!(
            "{prefix} IN=eth0 OUT= MAC= SRC={source} DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP \
             SPT=40000 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0 "
        );
        let entry = logparse::parse(raw.as_bytes()).unwrap();
        hits.has(&Record::alone((&entry).into(), raw.as_bytes()))
    }

    #[test]
    fn whoever_may_not_use_a_service_that_others_may() {
        let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n\
             -A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
        let rules = Ruleset::parse_save(rules.as_bytes()).unwrap();
        let hits =
            NearHits::new([&rules].into_iter(), &[Net::new("203.0.113.0".parse().unwrap(), 24)], Vec::new());
        assert!(is_near(&hits, "drop", "192.0.2.77", 22));
        // Let in, trusted, another port, a service for all.
        assert!(!is_near(&hits, "drop", "198.51.100.9", 22));
        assert!(!is_near(&hits, "drop", "203.0.113.9", 22));
        assert!(!is_near(&hits, "drop", "192.0.2.77", 23));
        assert!(!is_near(&hits, "drop", "192.0.2.77", 80));
    }

    #[test]
    fn prefixes_say_it_too() {
        let hits = NearHits::new(std::iter::empty(), &[], vec![b"vpn".to_vec()]);
        assert!(is_near(&hits, "tcp.in.foreign", "192.0.2.77", 2222));
        assert!(is_near(&hits, "drop vpn", "192.0.2.77", 1194));
        assert!(!is_near(&hits, "drop", "192.0.2.77", 22));
        let trusting =
            NearHits::new(std::iter::empty(), &[Net::new("192.0.2.0".parse().unwrap(), 24)], Vec::new());
        assert!(!is_near(&trusting, "tcp.in.foreign", "192.0.2.77", 2222));
        for (prefix, says) in
            [("FOREIGN", true), ("iff Foreign ", true), ("foreig", false), ("", false), ("off oreign", false)]
        {
            assert_eq!(says_so(prefix.as_bytes()), says, "{prefix}");
        }
    }
}
