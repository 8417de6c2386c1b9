//! What was found, for programs that ban: fail2ban, CrowdSec, ipset.
//!
//! Responsible for: their forms. Log text is escaped for the regex and the INI file that it
//! ends up in.
//! Must not know: how noise is found.
//! Tested by: `tests/cli/suggest.rs` with fail2ban and `ipset restore`, the unit tests.

use fwlog::sorting::InOrder as _;
use std::net::IpAddr;

use fwlog::text;
use serde_json::{Value, json};

use crate::analysis::noise::address::net_name;
use crate::analysis::suggest::bans::{FIND_TIME, Jail, Loud, RETRIES};

/// Addresses named in the proof.
const NAMED: usize = 20;

/// A prefix as a regular expression of Python, inside an INI file of fail2ban: each byte means
/// itself. `None` for one with bytes that a log's reader may change: it is left out, never
/// written as "anything".
fn regex(prefix: &[u8]) -> Option<String> {
    let mut out = String::new();
    for byte in prefix {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'/' | b':' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push_str(r"\x20"),
            b'!'..=b'~' => out.push_str(&format!("\\x{byte:02x}")),
            _ => return None,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// `2 addresses: 192.0.2.1 (7), 192.0.2.9 (3)`; with `more`, there are further ones.
fn named(banned: &[(IpAddr, u64)], more: bool) -> String {
    if banned.is_empty() {
        return "no address.".to_owned();
    }
    let shown: Vec<String> =
        banned.iter().take(NAMED).map(|(addr, lines)| format!("{addr} ({lines})")).collect();
    let rest = if more || banned.len() > NAMED { ", ..." } else { "" };
    let least = if more { "at least " } else { "" };
    let count = text::count_of(banned.len() as u64, "address", "addresses");
    format!("{least}{count}: {}{rest}", shown.join(", "))
}

/// What a ban of these networks would have met in this log, in a sentence.
#[must_use]
pub fn proof(loud: &[Loud]) -> String {
    let mut all: Vec<(IpAddr, u64)> = loud.iter().flat_map(|loud| loud.addresses.iter().copied()).collect();
    all.order_by_key(|(addr, lines)| (std::cmp::Reverse(*lines), *addr));
    let lines: u64 = loud.iter().map(|loud| loud.lines).sum();
    let (nets, lines) =
        (text::count_of(loud.len() as u64, "network", "networks"), text::count_of(lines, "line", "lines"));
    let banned = named(&all, loud.iter().any(|loud| loud.more));
    format!("Of this log it would have banned {nets} ({lines}), none of them own or trusted; {banned}")
}

/// Filter and jail in one file: `fail2ban-regex` reads it as it is.
#[must_use]
pub fn fail2ban(jail: &Jail, banned: &[(IpAddr, u64)], logs: &[String]) -> String {
    let list: Vec<String> = jail.prefixes.iter().filter_map(|prefix| regex(prefix)).collect();
    let ignore: Vec<String> = jail.ignored.iter().map(net_name).collect();
    let plain = |name: &&String| {
        !name.chars().any(|c| c.is_control() || matches!(c, '%' | '*' | '?' | '[' | '<' | '#' | ';'))
    };
    // fail2ban reads absolute paths only.
    let absolute = |name: &String| {
        std::path::absolute(name).map_or_else(|_| name.clone(), |path| path.to_string_lossy().into_owned())
    };
    let paths: Vec<String> = logs.iter().filter(|name| *name != "-").map(absolute).collect();
    let paths: Vec<&str> = paths.iter().filter(plain).map(String::as_str).collect();
    let paths = if paths.is_empty() { "/var/log/kern.log".to_owned() } else { paths.join("\n          ") };
    let mut out = String::from(
        "# [Definition] belongs into /etc/fail2ban/filter.d/fwstat.conf, [fwstat] into\n\
         # /etc/fail2ban/jail.d/fwstat.conf. To see what it finds: fail2ban-regex LOG ./THIS-FILE\n",
    );
    out.push_str(&format!("# Of this log it would have banned {}\n", named(banned, false)));
    if list.is_empty() {
        out.push_str(
            "# No near hits with a prefix that can be written literally: nothing to ban. --rules says which\n\
             # services are open, --keep which prefixes are near hits.\n",
        );
        return out;
    }
    // After the stamp, which fail2ban has cut out: the host, the kernel's tag without a process
    // id, the literal prefix, a TCP packet that came in for this host and opens a connection.
    let head = r"^\s*(?:[\w.:-]+\s+)?kernel:\s+(?:\[\s*\d+\.\d+\]\s*)?";
    let tail = r"\s*IN=[^\s=]+ OUT= (?:MAC=[0-9a-fA-F:]* )?SRC=<HOST> DST=\S+ (?:[A-Z0-9]+=\S* |CE |DF |MF )*PROTO=TCP SPT=\d+ DPT=\d+ (?:[A-Z0-9]+=\S* )*SYN URGP=\d";
    let ignoreregex = r"\sDST=(?:2(?:2[4-9]|3\d)\.|255\.255\.255\.255|ff[0-9a-f]{2}:)|\sMAC=(?:ff:ff:ff:ff:ff:ff|01:00:5e|33:33)";
    out.push_str(&format!(
        "[Definition]\n\
         failregex = {head}(?:{}){tail}\n\
         # Multicast and broadcast are sent to all hosts of a link: no ban for those.\n\
         ignoreregex = {ignoreregex}\n\
         \n\
         [fwstat]\n\
         enabled   = true\n\
         filter    = fwstat\n\
         logpath   = {paths}\n\
         maxretry  = {RETRIES}\n\
         findtime  = {FIND_TIME}\n\
         bantime   = 1d\n\
         banaction = %(banaction_allports)s\n\
         ignoreip  = 127.0.0.0/8 ::1{}{}\n",
        list.join("|"),
        if ignore.is_empty() { "" } else { " " },
        ignore.join(" ")
    ));
    out
}

/// Decisions for `cscli decisions import --input FILE --format json`.
#[must_use]
pub fn crowdsec(loud: &[Loud], seconds: u64) -> Vec<u8> {
    let decision = |loud: &Loud| {
        let name = net_name(&loud.net);
        let lines = text::count_of(loud.lines, "line", "lines");
        json!({
            "duration": format!("{seconds}s"),
            "reason": format!("fwstat: scanner, {lines} of this log, {}", named(&loud.addresses, loud.more)),
            "scope": if name.contains('/') { "range" } else { "ip" },
            "type": "ban",
            "value": name,
        })
    };
    crate::report::json::print(&Value::Array(loud.iter().map(decision).collect()))
}

/// Sets of the networks that scan, for `ipset restore`. `nft`: the ruleset of the family, IPv4 or
/// IPv6, is nft's.
#[must_use]
pub fn ipset(loud: &[Loud], chain: &str, seconds: u64, nft: [bool; 2]) -> String {
    let chain = fwrules::shell_quote(chain.as_bytes());
    let mut out = String::new();
    for v6 in [false, true] {
        let list: Vec<Loud> = loud.iter().filter(|loud| loud.net.addr().is_ipv6() == v6).cloned().collect();
        if list.is_empty() {
            continue;
        }
        let (name, family, program) =
            if v6 { ("fwstat-loud6", "inet6", "ip6tables") } else { ("fwstat-loud", "inet", "iptables") };
        let then = match nft[usize::from(v6)] {
            true => {
                "the ruleset is nft's, whose rules ask no ipset: --format crowdsec bans them there".to_owned()
            }
            false => format!(
                "then: {program} -A {chain} -m set --match-set {name} src -m comment --comment \"[loud sources]\" -j DROP"
            ),
        };
        out.push_str(&format!("# for ipset restore; {then}\n# {}\n", proof(&list)));
        out.push_str(&format!("create {name} hash:net family {family} timeout {seconds} comment -exist\n"));
        for Loud { net, lines, .. } in list {
            out.push_str(&format!(
                "add {name} {} timeout {seconds} comment \"scanner, {lines} lines\" -exist\n",
                net_name(&net)
            ));
        }
    }
    if out.is_empty() {
        out.push_str("# no loud sources\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_cannot_become_a_regex_or_a_section() {
        let regex = |prefix: &[u8]| regex(prefix).unwrap_or_default();
        assert_eq!(regex(b"tcp.in.dropped"), r"tcp\x2ein\x2edropped");
        assert_eq!(regex(b"[UFW BLOCK]"), r"\x5bUFW\x20BLOCK\x5d");
        assert_eq!(regex(b"<HOST>%(x)s[a]"), r"\x3cHOST\x3e\x25\x28x\x29s\x5ba\x5d");
        // What cannot be written literally is never "anything".
        for prefix in [&b"a\xff\xfeb"[..], "\u{202e}".as_bytes(), b"", b"a\nb"] {
            assert_eq!(regex(prefix), "");
        }
    }
}
