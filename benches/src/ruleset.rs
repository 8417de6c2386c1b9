//! A ruleset of any size, the same bytes for the same parameters on every machine.
//!
//! Responsible for: rules as they grow on a host that keeps a chain of what it is tired of: networks,
//! ports, ports of networks, interfaces, behind the usual state rule and in front of the LOG rules that
//! write the corpus's prefixes.
//! Must not know: what is measured.
//! Tested by: the unit test below (it is read by nothing else here; `fwstat replay` reads it).

use crate::corpus::Numbers;

/// `iptables-save` of a table `filter` with so many rules, at least 12.
#[must_use]
pub fn ruleset(rules: u64, seed: u64) -> String {
    let mut numbers = Numbers(seed);
    let mut text = String::from(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n:FRIENDLY - [0:0]\n:MALICIOUS - [0:0]\n\
         -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A INPUT -j MALICIOUS\n\
         -A INPUT -s 10.137.0.0/16 -j FRIENDLY\n\
         -A INPUT -p tcp -m tcp --dport 22 -j LOG --log-prefix \"tcp.in.foreign \"\n\
         -A INPUT -p udp -m udp --dport 53 -j LOG --log-prefix \"udp.in.foreign \"\n\
         -A INPUT -p tcp -j LOG --log-prefix \"tcp.in.dropped \"\n\
         -A INPUT -j LOG --log-prefix \"udp.in.dropped \"\n\
         -A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n\
         -A OUTPUT -j LOG --log-prefix \"tcp.in.dropped \"\n\
         -A FRIENDLY -p tcp -m multiport --dports 22,80,443 -j ACCEPT\n\
         -A MALICIOUS -m conntrack --ctstate INVALID -j DROP\n",
    );
    for i in 11..rules {
        // The busiest sources and ports of the corpus are not among them: they would end the
        // walk of most lines early.
        let net = format!("{}.{}.0.0/16", 11 + numbers.below(210), numbers.below(256));
        let protocol = numbers.pick(&["tcp", "udp"]);
        let port = 1024 + numbers.below(60_000);
        text.push_str(&match i % 4 {
            0 => format!("-A MALICIOUS -s {net} -j DROP\n"),
            1 => format!("-A MALICIOUS -s {net} -p {protocol} -m {protocol} --dport {port} -j DROP\n"),
            2 => format!("-A MALICIOUS -p {protocol} -m multiport --dports {port},{} -j DROP\n", port + 7),
            _ => format!("-A MALICIOUS -i eth{} -p {protocol} -m {protocol} --dport {port} -j DROP\n", i % 3),
        });
    }
    text.push_str("COMMIT\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_rules_the_same_each_time() {
        let text = ruleset(500, 1);
        assert_eq!(text.matches("\n-A ").count(), 500);
        assert_eq!(text, ruleset(500, 1));
        assert_ne!(text, ruleset(500, 2));
    }
}
