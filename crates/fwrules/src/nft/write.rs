//! Writes rules in nft's syntax.
//!
//! Responsible for: one rule as nft text and as a command; what nft cannot say is an error.
//! Must not know: how a rule is matched. Each match has its own words.
//! Tested by: the unit tests below, `tests/kernel.rs` (`nft -c -f`, and what it lists again).

use crate::matches::Condition;
use crate::model::rule::{Counters, Rule};
use crate::model::target::{Log, Target};
use crate::values::error::WriteError;
use crate::values::net::Family;
use crate::values::text::{Text, shell_quote};
use crate::words::nft::{Nft, name};

type Result<T> = core::result::Result<T, WriteError>;

/// The longest comment that nft keeps.
const COMMENT: usize = 127;

impl Rule {
    /// The rule as nft has it, without table and chain: `udp dport 138 counter drop comment
    /// "..."`. Bytes for `nft -f`; a prefix may hold any.
    ///
    /// ```
    /// use fwrules::{Family, Rule};
    /// let (_, rule) = Rule::parse(b"-s 10.9.0.0/16 -p udp --dport 138 -m comment --comment '[unwanted netbios]' -j DROP").unwrap();
    /// assert_eq!(
    ///     String::from_utf8(rule.to_nft(Family::Ipv4).unwrap()).unwrap(),
    ///     "ip saddr 10.9.0.0/16 udp dport 138 drop comment \"[unwanted netbios]\"");
    /// ```
    ///
    /// # Errors
    /// The rule tests or does something that has no word in nft.
    pub fn to_nft(&self, family: Family) -> Result<Vec<u8>> {
        let mut nft = Nft { out: Vec::new(), family, protocol: self.of_protocol(), says: None };
        write(&mut nft, self)?;
        Ok(nft.out)
    }

    /// The rule as a command for a shell: `nft 'add rule ip filter CHAIN ...'`. Nothing in it
    /// can run anything else, and all of it is printable.
    ///
    /// # Errors
    /// As [`to_nft`](Self::to_nft).
    pub fn to_nft_command(&self, family: Family, table: &[u8], chain: &[u8]) -> Result<String> {
        Ok(format!("nft {}", shell_quote(&self.to_nft_line(family, table, chain)?)))
    }

    /// The rule as a line for `nft -f`: `add rule ip filter CHAIN ...`.
    ///
    /// # Errors
    /// As [`to_nft`](Self::to_nft).
    pub fn to_nft_line(&self, family: Family, table: &[u8], chain: &[u8]) -> Result<Vec<u8>> {
        if family == Family::Other {
            return Err(WriteError::new("the table's family is not known"));
        }
        let mut line = format!("add rule {} {} {} ", family.word(), name(table)?, name(chain)?).into_bytes();
        line.append(&mut self.to_nft(family)?);
        Ok(line)
    }
}

fn write(nft: &mut Nft, rule: &Rule) -> Result<()> {
    let mut conditions: Vec<&Condition> = rule.conditions.iter().collect();
    // The protocol is last: it is said only where no other word brings it.
    conditions.sort_by_key(|c| match c {
        Condition::Interface(_) => 0,
        Condition::Address(_) => 1,
        Condition::Protocol(_) => 3,
        _ => 2,
    });
    for condition in conditions {
        condition.nft(nft).map_err(|why| {
            why.unwrap_or_else(|| {
                WriteError::new(format!("nft has no word for `{}`", condition.to_display()))
            })
        })?;
    }
    match rule.counters {
        None => {}
        Some(Counters { packets: 0, bytes: 0 }) => nft.push("counter"),
        Some(Counters { packets, bytes }) => nft.push(&format!("counter packets {packets} bytes {bytes}")),
    }
    if let Some(log) = &rule.log {
        write_log(nft, log)?;
    }
    write_target(nft, &rule.target)?;
    if nft.out.is_empty() {
        // A rule that tests and does nothing; nft wants a statement.
        nft.push("counter");
    }
    if let Some(comment) = rule.comment()
        && !comment.is_empty()
    {
        // A comment is for people: what cannot be quoted is replaced.
        let shown = |b: &u8| match b {
            b'"' | b'\\' | 0..32 | 127 => b'?',
            b => *b,
        };
        let text: Vec<u8> = comment.cut(COMMENT).iter().map(shown).collect();
        nft.quoted("comment", &text)?;
    }
    Ok(())
}

fn write_log(nft: &mut Nft, log: &Log) -> Result<()> {
    let limit = if log.nflog.is_some() { Log::NFLOG_PREFIX } else { Log::NFT_PREFIX };
    if log.prefix.is_empty() {
        nft.push("log");
    } else {
        // nft takes a `$` in a prefix for one of its variables, and has no escape for it.
        if log.prefix.as_bytes().contains(&b'$') {
            return Err(WriteError::new(format!(
                "nft cannot write the prefix `{}`: it has a $ in it",
                log.prefix
            )));
        }
        nft.quoted("log prefix", log.prefix.cut(limit))?;
    }
    if let Some(words) = &log.nflog {
        let group = match &words[..] {
            [] => "0",
            [option, group] if *option == "--nflog-group" => group.as_str().unwrap_or(""),
            _ => "",
        };
        if group.is_empty() || !group.bytes().all(|b| b.is_ascii_digit()) {
            return Err(WriteError::new("nft has no word for these options of NFLOG"));
        }
        nft.push(&format!("group {group}"));
        return Ok(());
    }
    if let Some(level) = log.level {
        let words = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
        nft.push(&format!("level {}", words.get(usize::from(level)).unwrap_or(&"warn")));
    }
    match (log.tcp_sequence, log.tcp_options) {
        (true, true) => nft.push("flags tcp sequence,options"),
        (true, false) => nft.push("flags tcp sequence"),
        (false, true) => nft.push("flags tcp options"),
        _ => {}
    }
    for (on, word) in [(log.ip_options, "ip options"), (log.uid, "skuid"), (log.macdecode, "ether")] {
        if on {
            nft.push(&format!("flags {word}"));
        }
    }
    Ok(())
}

fn write_target(nft: &mut Nft, target: &Target) -> Result<()> {
    let (v6, inet) = (nft.family == Family::Ipv6, nft.family == Family::Inet);
    match target {
        Target::Continue => {}
        Target::Accept => nft.push("accept"),
        Target::Drop => nft.push("drop"),
        Target::Return => nft.push("return"),
        Target::Queue => nft.push("queue"),
        Target::Jump(chain) => {
            let chain = name(chain.as_bytes())?;
            nft.push(&format!("jump {chain}"));
        }
        Target::Goto(chain) => {
            let chain = name(chain.as_bytes())?;
            nft.push(&format!("goto {chain}"));
        }
        Target::Reject(with) => {
            let text = match with.as_str().unwrap_or("") {
                "" | "icmp-port-unreachable" if !v6 && !inet => "reject",
                "" => "reject",
                "icmp-net-unreachable" => "reject with icmp type net-unreachable",
                "icmp-host-unreachable" => "reject with icmp type host-unreachable",
                "icmp-proto-unreachable" => "reject with icmp type prot-unreachable",
                "icmp-port-unreachable" => "reject with icmp type port-unreachable",
                "icmp-net-prohibited" => "reject with icmp type net-prohibited",
                "icmp-host-prohibited" => "reject with icmp type host-prohibited",
                "icmp-admin-prohibited" => "reject with icmp type admin-prohibited",
                "tcp-reset" => "reject with tcp reset",
                "icmp6-no-route" => "reject with icmpv6 type no-route",
                "icmp6-adm-prohibited" => "reject with icmpv6 type admin-prohibited",
                "icmp6-addr-unreachable" => "reject with icmpv6 type addr-unreachable",
                "icmp6-port-unreachable" if v6 => "reject",
                "icmp6-port-unreachable" => "reject with icmpv6 type port-unreachable",
                "icmp6-policy-fail" => "reject with icmpv6 type policy-fail",
                "icmp6-reject-route" => "reject with icmpv6 type reject-route",
                _ => return Err(WriteError::new(format!("nft has no word for the answer `{with}`"))),
            };
            nft.push(text);
        }
        Target::Other { name, words } => {
            let words: Vec<String> = words.iter().map(Text::to_string).collect();
            return Err(WriteError::new(format!("nft has no word for `-j {name} {}`", words.join(" "))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nft(text: &str) -> String {
        let (_, rule) = Rule::parse(text.as_bytes()).unwrap();
        match rule.to_nft(Family::Ipv4) {
            Ok(text) => String::from_utf8(text).unwrap(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn rules_in_nfts_words() {
        for (text, wanted) in [
            (
                "-p tcp -m multiport --dports 23,2323,8000:8100 -j DROP",
                "tcp dport { 23, 2323, 8000-8100 } drop",
            ),
            ("-p tcp --syn -j DROP", "tcp flags & (fin|syn|rst|ack) == syn drop"),
            (
                "! -s 10.0.0.0/8 -i et+ ! -p udp -j DROP",
                "iifname \"et*\" ip saddr != 10.0.0.0/8 meta l4proto != udp drop",
            ),
            (
                "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                "ct state { related, established } accept",
            ),
            ("-p icmp --icmp-type 3/1 -j X", "icmp type 3 icmp code 1 jump X"),
            ("-j LOG --log-prefix 'in ' --log-level info", "log prefix \"in \" level info"),
            ("-m limit --limit 5/min -j LOG", "limit rate 5/minute burst 5 packets log"),
            (
                "-j LOG --log-prefix 'a\"b'",
                "error: nft cannot write `a\\\"b`: it has no way to quote a quote or a line break",
            ),
            (
                "-m string --algo bm --string x -j DROP",
                "error: nft has no word for `-m string --algo bm --string x`",
            ),
        ] {
            assert_eq!(nft(text), wanted);
        }
    }

    #[test]
    fn a_chain_that_is_no_word_of_nft_is_an_error() {
        let (_, rule) = Rule::parse(b"-j DROP").unwrap();
        assert!(rule.to_nft_command(Family::Ipv4, b"filter", b"x; drop table ip filter").is_err());
        assert!(rule.to_nft_command(Family::Ipv4, b"filter", b"log").is_err());
        assert_eq!(
            rule.to_nft_command(Family::Ipv4, b"filter", b"MALICIOUS").unwrap(),
            "nft \"add rule ip filter MALICIOUS drop\""
        );
    }
}
