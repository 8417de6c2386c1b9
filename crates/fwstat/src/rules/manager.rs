//! Which program writes a host's rules, and how new ones outlive its next run.
//!
//! Responsible for: telling it from names of tables and chains.
//! Must not know: logs, noise.
//! Tested by: the unit tests below.

use fwrules::Ruleset;

/// A program that writes rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Nothing known: rules that were typed.
    Iptables,
    /// nft's rules, by hand.
    Nft,
    /// ufw.
    Ufw,
    /// firewalld.
    Firewalld,
    /// OpenWrt's fw4.
    Fw4,
    /// OpenWrt's fw3, of iptables.
    Fw3,
    /// Shorewall.
    Shorewall,
    /// FireHOL.
    Firehol,
    /// arno-iptables-firewall.
    Arno,
    /// ferm. The kernel's rules do not show it: only what ferm itself prints does.
    Ferm,
}

impl Manager {
    /// That of a ruleset.
    #[must_use]
    pub fn of(rules: &Ruleset) -> Manager {
        let table = |name: &str| rules.tables.iter().any(|table| table.name == *name);
        let chain = |is: &dyn Fn(&str) -> bool| {
            let mut chains = rules.tables.iter().flat_map(|table| &table.chains);
            chains.any(|chain| is(&chain.name.to_string()))
        };
        let named = |list: &[&str]| chain(&|name| list.contains(&name));
        if rules.nft && table("fw4") {
            Manager::Fw4
        } else if table("firewalld") || named(&["IN_public", "INPUT_direct", "INPUT_ZONES"]) {
            Manager::Firewalld
        } else if chain(&|name| name.starts_with("ufw-") || name.starts_with("ufw6-")) {
            Manager::Ufw
        } else if named(&["net-fw", "net2fw", "fw-net", "fw2net", "shorewall", "sha-lh"]) {
            Manager::Shorewall
        } else if named(&["zone_wan", "zone_wan_input", "zone_lan_input"]) {
            Manager::Fw3
        } else if named(&["EXT_INPUT_CHAIN"]) {
            Manager::Arno
        } else if chain(&|name| name.starts_with("in_world_") || name.starts_with("in_internet_"))
            || named(&["in_world", "in_internet"])
        {
            Manager::Firehol
        } else if rules.made_by.as_ref().is_some_and(|program| *program == *"ferm") {
            Manager::Ferm
        } else if rules.nft {
            Manager::Nft
        } else {
            Manager::Iptables
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Manager::Iptables => "iptables",
            Manager::Nft => "nft",
            Manager::Ufw => "ufw",
            Manager::Firewalld => "firewalld",
            Manager::Fw4 => "fw4 (OpenWrt)",
            Manager::Fw3 => "fw3 (OpenWrt)",
            Manager::Shorewall => "Shorewall",
            Manager::Firehol => "FireHOL",
            Manager::Arno => "arno-iptables-firewall",
            Manager::Ferm => "ferm",
        }
    }

    /// How the rules last, in a sentence; `nft`: they are a table beside the others.
    #[must_use]
    pub fn lasting(self, nft: bool) -> &'static str {
        match self {
            Manager::Fw4 => {
                "save the output of --format nft as /usr/share/nftables.d/ruleset-post/fwstat.nft, which fw4 reads \
                 at each start"
            }
            // Its unit and nftables.service exclude each other.
            Manager::Firewalld if nft => {
                "the table survives a reload; for the next boot save the output of --format nft as \
                 /etc/firewalld/fwstat.nft and load that after each start (systemctl edit firewalld, under \
                 [Service]: ExecStartPost=/usr/sbin/nft -f /etc/firewalld/fwstat.nft)"
            }
            Manager::Nft if nft => {
                "the table survives a reload unless that says `flush ruleset`; for the next boot save the output of \
                 --format nft as /etc/nftables.d/fwstat.nft and include that in /etc/nftables.conf after `flush ruleset`"
            }
            // iptables' programs, whose rules were given as nft lists them: they leave other tables alone.
            _ if nft => {
                "the table survives a restart of it; for the next boot save the output of --format nft as \
                 /etc/fwstat.nft and load that at each start (systemctl edit --full --force fwstat.service: \
                 Type=oneshot, ExecStart=/usr/sbin/nft -f /etc/fwstat.nft, WantedBy=multi-user.target)"
            }
            Manager::Ufw => {
                "`ufw reload` removes the jump; put the rules of --format restore and the jump into \
                 /etc/ufw/before.rules (IPv6: before6.rules), after the rule for RELATED,ESTABLISHED"
            }
            Manager::Firewalld => {
                "a reload removes them; add each with firewall-cmd --permanent --direct --passthrough ipv4 (or ipv6)"
            }
            Manager::Fw3 => "a reload removes them; put the output of --idempotent into /etc/firewall.user",
            Manager::Shorewall => {
                "a restart removes them; put the output of --idempotent into /etc/shorewall/started"
            }
            Manager::Firehol => {
                "a restart removes them, and firehol.conf takes no such rules; save the output of --idempotent as \
                 /etc/firehol/fwstat.sh and run that after each start (systemctl edit firehol: \
                 ExecStartPost=/bin/sh /etc/firehol/fwstat.sh)"
            }
            Manager::Arno => {
                "a restart removes them; put the output of --idempotent into \
                 /etc/arno-iptables-firewall/custom-rules"
            }
            Manager::Ferm => {
                "ferm removes them when it runs; save the output of --idempotent as /etc/ferm/fwstat.sh and add \
                 `@hook post \"sh /etc/ferm/fwstat.sh\";` to /etc/ferm/ferm.conf"
            }
            _ => {
                "for the next boot: iptables-save > /etc/iptables/rules.v4 (IPv6: rules.v6, iptables-persistent)"
            }
        }
    }
}

/// Chains that programs make on every host, whether or not a rule jumps to them: ufw's, Docker's,
/// Calico's, Kubernetes', Proxmox', fail2ban's, libvirt's.
const MADE: [&str; 10] =
    ["ufw-", "ufw6-", "DOCKER", "cali-", "KUBE-", "PVEFW-", "f2b-", "fail2ban-", "LIBVIRT_", "CNI-"];

/// Tells of each chain whether a program made it, so that the user neither wrote it nor can mend it.
pub fn is_made(rules: &Ruleset) -> impl Fn(usize, usize) -> bool {
    let manager = Manager::of(rules);
    move |table, chain| {
        let table = &rules.tables[table];
        let name = table.chains[chain].name.as_bytes();
        let made = MADE.iter().any(|start| name.starts_with(start.as_bytes()));
        made || match manager {
            Manager::Fw4 => table.name == *"fw4",
            Manager::Firewalld => table.name == *"firewalld" || !rules.nft,
            // The rules as a whole come from these programs' own files.
            Manager::Fw3 | Manager::Shorewall | Manager::Firehol | Manager::Arno => true,
            Manager::Iptables | Manager::Nft | Manager::Ufw | Manager::Ferm => false,
        }
    }
}

/// Whether Docker's chain for forwarded packets is there.
#[must_use]
pub fn has_docker(rules: &Ruleset) -> bool {
    rules.tables.iter().any(|table| table.chain(b"DOCKER-USER").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_chains_tell_the_program() {
        for (chain, manager) in [
            ("STDIN", Manager::Iptables),
            ("ufw-before-input", Manager::Ufw),
            ("IN_public", Manager::Firewalld),
            ("net-fw", Manager::Shorewall),
            ("in_internet_http_s1", Manager::Firehol),
            ("EXT_INPUT_CHAIN", Manager::Arno),
            ("zone_wan_input", Manager::Fw3),
        ] {
            let text = format!("*filter\n:INPUT ACCEPT [0:0]\n:{chain} - [0:0]\nCOMMIT\n");
            assert_eq!(Manager::of(&Ruleset::parse(text.as_bytes()).unwrap()), manager, "{chain}");
        }
    }

    #[test]
    fn ferm_is_told_by_what_it_prints_itself() {
        let text = "# Generated by ferm 2.5.1 (ip6tables-legacy-save) on Sun Nov 29 05:14:45 2026\n*filter\n\
            :INPUT DROP [0:0]\n-A INPUT --protocol tcp --dport ssh --jump ACCEPT\nCOMMIT\n";
        let rules = Ruleset::parse(text.as_bytes()).unwrap();
        assert_eq!((Manager::of(&rules), rules.family()), (Manager::Ferm, fwrules::Family::Ipv6));
    }

    #[test]
    fn chains_of_programs_are_told_from_those_that_were_typed() {
        let text = "*filter\n:INPUT ACCEPT [0:0]\n:ufw-logging-allow - [0:0]\n:MINE - [0:0]\nCOMMIT\n";
        let rules = Ruleset::parse(text.as_bytes()).unwrap();
        let is_made = is_made(&rules);
        assert_eq!([0, 1, 2].map(|chain| is_made(0, chain)), [false, true, false]);
    }
}
