//! Names that the system's resolver knows.
//!
//! Responsible for: asking it (getnameinfo(3): /etc/hosts, mDNS, DNS, as nsswitch.conf says) for a limited number of
//! addresses, on a limited number of threads, for a limited time.
//! Must not know: which addresses are asked for, or why.
//! Tested by: the unit tests below, `fwstat/tests/cli/names.rs`.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// What is asked at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Addresses, the first ones.
    pub addresses: usize,
    /// Questions at a time.
    pub threads: usize,
    /// How long the answers to all of them are waited for.
    pub time: Duration,
}

/// A thousand names are more than any report shows; a name server in reach answers them in a second or two.
pub const LIMITS: Limits = Limits { addresses: 1_000, threads: 16, time: Duration::from_secs(10) };

/// What the resolver said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Addresses that have a name, in the order in which they were asked for.
    pub names: Vec<(IpAddr, String)>,
    /// How many were asked for.
    pub asked: usize,
    /// How many of these had no answer in time, not even that there is no name.
    pub late: usize,
}

/// Asks for the names of addresses.
#[must_use]
pub fn ask(addresses: &[IpAddr], limits: Limits) -> Answers {
    ask_by(addresses, limits, |addr| dns_lookup::lookup_addr(&addr).ok())
}

/// The same, by this way of asking.
fn ask_by(
    addresses: &[IpAddr],
    limits: Limits,
    lookup: impl Fn(IpAddr) -> Option<String> + Copy + Send + 'static,
) -> Answers {
    let asked: Arc<[IpAddr]> = addresses.iter().copied().take(limits.addresses).collect();
    let deadline = Instant::now() + limits.time;
    let next = Arc::new(AtomicUsize::new(0));
    let (sender, answers) = mpsc::channel();
    for _ in 0..limits.threads.clamp(1, asked.len().max(1)) {
        let (asked, next, sender) = (Arc::clone(&asked), Arc::clone(&next), sender.clone());
        // A question cannot be taken back: a thread that waits too long is left to itself.
        thread::spawn(move || {
            while let Some(addr) = asked.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                if Instant::now() >= deadline || sender.send((addr, lookup(addr))).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut told = hashbrown::HashMap::new();
    while told.len() < asked.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok((addr, name)) = answers.recv_timeout(left) else { break };
        told.insert(addr, name);
    }
    // An address that calls itself an address has no name, and might call itself another one.
    let name = |addr: &IpAddr| told.get(addr)?.as_ref().filter(|name| name.parse::<IpAddr>().is_err());
    let names = asked.iter().filter_map(|addr| Some((*addr, name(addr)?.clone()))).collect();
    Answers { names, asked: asked.len(), late: asked.len() - told.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(count: u32) -> Vec<IpAddr> {
        (0..count).map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes())).collect()
    }

    #[test]
    fn the_limits_hold() {
        let limits = Limits { addresses: 100, threads: 7, time: Duration::from_secs(60) };
        let answers = ask_by(&addresses(250), limits, |addr| Some(format!("host-{addr}")));
        assert_eq!((answers.asked, answers.late, answers.names.len()), (100, 0, 100));
        assert_eq!(answers.names[7].1, "host-10.0.0.7");
        assert_eq!(ask_by(&[], limits, |_| None), Answers::default());
    }

    #[test]
    fn what_comes_too_late_is_left_out() {
        let slow = |addr: IpAddr| {
            if addr.to_string().ends_with('3') {
                thread::sleep(Duration::from_secs(600));
            }
            Some("quick".to_owned())
        };
        let limits = Limits { addresses: 100, threads: 8, time: Duration::from_millis(300) };
        let begun = Instant::now();
        let answers = ask_by(&addresses(20), limits, slow);
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert_eq!((answers.asked, answers.late, answers.names.len()), (20, 2, 18));
    }

    #[test]
    fn an_address_is_no_name() {
        let limits = Limits { addresses: 9, threads: 2, time: Duration::from_secs(60) };
        let answers = ask_by(&addresses(4), limits, |addr| match addr.to_string().as_str() {
            "10.0.0.0" => Some("192.0.2.9".to_owned()),
            "10.0.0.1" => Some("2001:db8::1".to_owned()),
            "10.0.0.2" => None,
            _ => Some("three".to_owned()),
        });
        assert_eq!(answers.names, [(addresses(4)[3], "three".to_owned())]);
        assert_eq!(answers.late, 0);
    }
}
