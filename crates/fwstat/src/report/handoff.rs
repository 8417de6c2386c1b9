//! What was found, for programs that ban: fail2ban, CrowdSec, ipset.
//!
//! Responsible for: their forms. Log text is escaped for the regex and the INI file that it
//! ends up in.
//! Must not know: how noise is found.
//! Tested by: `tests/cli/suggest.rs` with `fail2ban-regex` and `ipset restore`, the unit tests.

use fwrules::Net;
use serde_json::{Value, json};

use crate::analysis::noise::sources::Lines;
use crate::analysis::noise::{Class, net_name};

/// A prefix as a regular expression of Python, inside an INI file of fail2ban.
fn regex(prefix: &[u8]) -> String {
    let mut out = String::new();
    for byte in prefix {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'/' | b':' => {
                out.push(char::from(*byte))
            }
            b' ' => out.push_str(r"\s"),
            b'!'..=b'~' => out.push_str(&format!("\\x{byte:02x}")),
            // What the log's reader may have changed: any one character or more.
            _ if out.ends_with(".+?") => {}
            _ => out.push_str(".+?"),
        }
    }
    out
}

/// Filter and jail in one file: `fail2ban-regex` reads it as it is.
#[must_use]
pub fn fail2ban(prefixes: &[(Vec<u8>, u64)], own: &[Net], logs: &[String]) -> String {
    let lines: u64 = prefixes.iter().map(|(_, lines)| lines).sum();
    let list: Vec<String> = prefixes.iter().map(|(prefix, _)| regex(prefix)).collect();
    let ignore: Vec<String> = own.iter().map(net_name).collect();
    let path = |name: &String| name.chars().all(|c| !c.is_control() && c != '%').then(|| name.clone());
    let logs: Vec<String> = logs.iter().filter(|name| *name != "-").filter_map(path).collect();
    let logs = if logs.is_empty() { "/var/log/kern.log".to_owned() } else { logs.join("\n          ") };
    let head = r"^\s*(?:\S+\s+)?(?:kernel:\s+)?(?:\[\s*\d+\.\d+\]\s*)?";
    // Only packets that came in, and the first SRC= of the line: what a packet quotes is a claim.
    let tail = r"\s*IN=\S+ OUT= (?:[A-Z0-9]+=\S* )*?SRC=<HOST> ";
    format!(
        "# [Definition] belongs into /etc/fail2ban/filter.d/fwstat.conf, [fwstat] into\n\
         # /etc/fail2ban/jail.d/fwstat.conf. To see what it finds: fail2ban-regex LOG THIS-FILE\n\
         # Meant for {lines} lines of this log.\n\
         [Definition]\n\
         failregex = {head}(?:{}){tail}\n\
         ignoreregex =\n\
         \n\
         [fwstat]\n\
         enabled   = true\n\
         filter    = fwstat\n\
         logpath   = {logs}\n\
         maxretry  = 5\n\
         findtime  = 10m\n\
         bantime   = 1d\n\
         banaction = %(banaction_allports)s\n\
         ignoreip  = 127.0.0.0/8 ::1{}{}\n",
        list.join("|"),
        if ignore.is_empty() { "" } else { " " },
        ignore.join(" ")
    )
}

/// Decisions for `cscli decisions import --input FILE --format json`.
#[must_use]
pub fn crowdsec(loud: &[(Net, Class, Lines)], seconds: u64) -> Vec<u8> {
    let list: Vec<Value> = loud
        .iter()
        .map(|(net, class, seen)| {
            let name = net_name(net);
            json!({
                "duration": format!("{seconds}s"),
                "reason": format!("fwstat: {}, {} lines", class.word(), seen.lines),
                "scope": if name.contains('/') { "range" } else { "ip" },
                "type": "ban",
                "value": name,
            })
        })
        .collect();
    crate::report::json::print(&Value::Array(list))
}

/// Sets of the loudest sources, for `ipset restore`.
#[must_use]
pub fn ipset(loud: &[(Net, Class, Lines)], chain: &str, seconds: u64) -> String {
    let chain = fwrules::shell_quote(chain.as_bytes());
    let mut out = String::new();
    for v6 in [false, true] {
        let list: Vec<_> = loud.iter().filter(|(net, ..)| net.addr().is_ipv6() == v6).collect();
        if list.is_empty() {
            continue;
        }
        let (name, family, program) =
            if v6 { ("fwstat-loud6", "inet6", "ip6tables") } else { ("fwstat-loud", "inet", "iptables") };
        out.push_str(&format!(
            "# for ipset restore; then: {program} -A {chain} -m set --match-set {name} src -m comment --comment \"[loud \
             sources]\" -j DROP\n"
        ));
        out.push_str(&format!("create {name} hash:net family {family} timeout {seconds} comment -exist\n"));
        for (net, class, seen) in list {
            out.push_str(&format!(
                "add {name} {} timeout {seconds} comment \"{}, {} lines\" -exist\n",
                net_name(net),
                class.word(),
                seen.lines
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
        assert_eq!(regex(b"tcp.in.dropped"), r"tcp\x2ein\x2edropped");
        assert_eq!(regex(b"[UFW BLOCK]"), r"\x5bUFW\sBLOCK\x5d");
        assert_eq!(regex(b"<HOST>%(x)s\n[a]"), r"\x3cHOST\x3e\x25\x28x\x29s.+?\x5ba\x5d");
        assert_eq!(regex(b"a\xff\xfeb"), "a.+?b");
    }
}
