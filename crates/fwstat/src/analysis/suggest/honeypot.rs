//! Sending near hits to a honeypot: the redirect and everything that it needs to work.
//!
//! A redirected packet no longer comes to INPUT: it is forwarded. So the redirect logs first,
//! under the prefix `honeypot `, FORWARD must let it pass both ways, forwarding must be on, and
//! the honeypot's answers must come back through this host.
//!
//! Responsible for: these commands.
//! Must not know: how near hits are found.
//! Tested by: `tests/cli/suggest.rs`.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::analysis::noise::address::{address, net_name};
use crate::analysis::noise::pattern::{Pattern, chunks, ranges};
use crate::analysis::noise::place::Place;

/// Places of a `multiport`.
const SLOTS: usize = 15;

/// One rule, or something else to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The table.
    pub table: &'static str,
    /// 4 or 6.
    pub family: u8,
    /// As `iptables-save` has it; empty for a command that is no rule.
    pub rule: String,
    /// What to run.
    pub command: String,
    /// What takes it away again; none if what was before is not known.
    pub undo: Option<String>,
    /// Why.
    pub why: &'static str,
}

impl Command {
    /// The same, only if it is not there.
    #[must_use]
    pub fn once(&self) -> String {
        if self.rule.is_empty() {
            return format!("{} 2>/dev/null", self.command);
        }
        let asked = self.command.replacen(" -A ", " -C ", 1).replacen(" -I FORWARD 1 ", " -C FORWARD ", 1);
        format!("{asked} 2>/dev/null || {}", self.command)
    }
}

/// The redirect of these ports (IPv6, protocol, port) to a honeypot.
#[must_use]
pub fn commands(place: &Place, near: &[(bool, u8, u16)], to: (IpAddr, Option<u16>)) -> Vec<Command> {
    let (honeypot, port) = to;
    let v6 = honeypot.is_ipv6();
    let (family, program) = if v6 { (6, "ip6tables") } else { (4, "iptables") };
    let mut out = Vec::new();
    let mut put = |table: &'static str, verb: &str, rest: String, why: &'static str| {
        let rule = format!("-A {rest}");
        let at = if verb == "-A" { String::new() } else { " 1".to_owned() };
        let (chain, words) = rest.split_once(' ').unwrap_or((&rest, ""));
        let table_words = if table == "filter" { String::new() } else { format!("-t {table} ") };
        let command = format!("{program} {table_words}{verb} {chain}{at} {words}");
        let undo = Some(format!("{program} {table_words}-D {chain} {words}"));
        out.push(Command { table, family, rule, command, undo, why });
    };
    let here: Vec<IpAddr> =
        place.here.iter().map(|addr| address(*addr)).filter(|a| a.is_ipv6() == v6).collect();
    let own: Vec<&fwrules::Net> = place
        .own
        .iter()
        .filter(|net| {
            net.addr().is_ipv6() == v6 && !here.iter().any(|addr| net_name(net) == addr.to_string())
        })
        .collect();
    let chain = "HONEYPOT";
    let mut asked = false;
    for protocol in [6u8, 17] {
        let ports: Vec<u16> =
            near.iter().filter(|(f, p, _)| (*f, *p) == (v6, protocol)).map(|(.., port)| *port).collect();
        for dports in chunks(&ranges(ports), SLOTS) {
            let destination = here.first().map(|addr| fwrules::Net::new(*addr, 128)).into_iter().collect();
            let pattern = Pattern { v6, protocol: vec![protocol], dports, destination, ..Pattern::default() };
            if !asked {
                out_chain(&mut put, chain, &own, honeypot, port);
                asked = true;
            }
            put("nat", "-A", format!("PREROUTING{} -j {chain}", pattern.words("")), "near hits");
        }
    }
    if !asked {
        return out;
    }
    for protocol in ["tcp", "udp"] {
        let port = port.map_or(String::new(), |port| format!(" --dport {port}"));
        let words = format!("FORWARD -d {honeypot} -p {protocol} -m {protocol}{port} -j ACCEPT");
        put("filter", "-I", words, "FORWARD lets them pass");
    }
    put(
        "filter",
        "-I",
        format!("FORWARD -s {honeypot} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
        "and its answers",
    );
    put(
        "nat",
        "-A",
        format!("POSTROUTING -d {honeypot} -m conntrack --ctstate DNAT -j MASQUERADE"),
        "answers come back by this host; without it if this host is the honeypot's gateway (then it sees the real source)",
    );
    let switch = if v6 { "net.ipv6.conf.all.forwarding=1" } else { "net.ipv4.ip_forward=1" };
    let plain =
        |command: String, undo, why| Command { table: "", family, rule: String::new(), command, undo, why };
    let chain_gone = Some(format!("{program} -t nat -X {chain}"));
    let first = [
        plain(format!("sysctl -w {switch}"), None, "a redirected packet is forwarded"),
        plain(format!("{program} -t nat -N {chain}"), chain_gone, "a chain for the redirect"),
    ];
    out.splice(0..0, first);
    out
}

/// The chain that logs and redirects; own and trusted sources go on as before.
fn out_chain(
    put: &mut impl FnMut(&'static str, &str, String, &'static str),
    chain: &str,
    own: &[&fwrules::Net],
    honeypot: IpAddr,
    port: Option<u16>,
) {
    for net in own {
        put(
            "nat",
            "-A",
            format!("{chain} -s {} -j RETURN", net_name(net)),
            "own and trusted hosts use the service",
        );
    }
    put(
        "nat",
        "-A",
        format!("{chain} -j LOG --log-prefix \"honeypot \""),
        "INPUT no longer sees these packets: they are logged here",
    );
    let to = match port {
        Some(port) => SocketAddr::new(honeypot, port).to_string(),
        None if honeypot.is_ipv6() => format!("[{honeypot}]"),
        None => honeypot.to_string(),
    };
    put("nat", "-A", format!("{chain} -p tcp -j DNAT --to-destination {to}"), "to the honeypot");
    put("nat", "-A", format!("{chain} -p udp -j DNAT --to-destination {to}"), "to the honeypot");
}
