//! Rulesets as files: read, named in errors, with rules put in for "what if".
//!
//! Responsible for: which ruleset is asked about a packet: the one of its family.
//! Must not know: what is asked of them.
//! Tested by: `tests/cli/replay.rs`.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use fwrules::{Base, Chain, Family, Hook, LocalAddress, Rule, RuleId, Ruleset, Sets, Table, Target, Verdict};
use logparse::{Network, Packet};

use crate::cli::RulesArgs;
use crate::text;

/// The rulesets that are asked, at most one per family.
#[derive(Debug)]
pub struct Rulesets {
    /// Each with the file's name.
    pub all: Vec<(String, Ruleset)>,
    /// The host's own addresses, if they were given.
    pub local: Vec<LocalAddress>,
}

impl Rulesets {
    /// Reads what the options name; `paths` are the ruleset files.
    ///
    /// # Errors
    /// A file cannot be read or is no ruleset (with line and column), or a rule to add does
    /// not fit any of them.
    pub fn read(arguments: &RulesArgs, paths: &[PathBuf]) -> anyhow::Result<Rulesets> {
        let mut sets = Sets::default();
        for path in &arguments.ipset {
            let bytes = bytes(path)?;
            let read = Sets::parse(&bytes).map_err(|error| anyhow!("{}: {error}", path.display()))?;
            sets.sets.extend(read.sets);
        }
        let mut all: Vec<(String, Ruleset)> = Vec::new();
        for path in paths {
            let mut rules = ruleset(path)?;
            rules.sets.sets.extend(sets.sets.iter().cloned());
            let name = path.display().to_string();
            if let Some((other, _)) = all.iter().find(|(_, other)| other.family() == rules.family()) {
                bail!(
                    "{name} and {other} are rules for the same packets ({}): give one ruleset of each family",
                    family_name(rules.family())
                );
            }
            all.push((name, rules));
        }
        for rule in &arguments.add {
            add(&mut all, rule)?;
        }
        let local = arguments.local.iter().map(|text| local(text)).collect::<anyhow::Result<_>>()?;
        Ok(Rulesets { all, local })
    }

    /// Which ruleset sees this packet; if none does, the first, which will say so.
    #[must_use]
    pub fn of(&self, packet: &Packet<'_>) -> usize {
        let wanted = match packet.datagram.network {
            Network::Ipv4(_) => Family::Ipv4,
            Network::Ipv6(_) => Family::Ipv6,
            _ => return 0,
        };
        let sees = |family: Family| family == wanted || family == Family::Inet;
        self.all.iter().position(|(_, rules)| sees(rules.family())).unwrap_or(0)
    }
}

/// A ruleset's conditions, each asked by itself of every packet that comes by its hook: which
/// rules would take a line if no other rule stood in front of them.
#[derive(Debug)]
pub struct Alone {
    /// One chain per hook; no rule in it ends a packet's way.
    pub rules: Ruleset,
    /// For each of its chains, which rules stand in it.
    ids: Vec<Vec<RuleId>>,
}

impl Alone {
    /// Makes it of table `filter`. Rules without conditions, which fit everything, are left out.
    #[must_use]
    pub fn new(rules: &Ruleset) -> Alone {
        let mut chains = Vec::new();
        let mut ids = Vec::new();
        let filter = rules.tables.iter().enumerate().find(|(_, table)| table.name == "filter");
        for hook in [Hook::Input, Hook::Forward, Hook::Output] {
            let Some((t, table)) = filter.filter(|_| !rules.nft) else { continue };
            let mut reached: Vec<usize> = (0..table.chains.len())
                .filter(|c| table.chains[*c].base.is_some_and(|base| base.hook == Some(hook)))
                .collect();
            let mut at = 0;
            while let Some(chain) = reached.get(at).copied() {
                at += 1;
                for rule in &table.chains[chain].rules {
                    if let Target::Jump(name) | Target::Goto(name) = &rule.target
                        && let Some(next) = table.chain(name.as_bytes())
                        && !reached.contains(&next)
                    {
                        reached.push(next);
                    }
                }
            }
            let mut copies = Vec::new();
            let mut of = Vec::new();
            for c in reached {
                for (r, rule) in table.chains[c].rules.iter().enumerate() {
                    if !rule.is_unconditional() {
                        copies.push(Rule { log: None, target: Target::Continue, ..rule.clone() });
                        of.push(RuleId { table: t as u32, chain: c as u32, rule: r as u32 });
                    }
                }
            }
            let base = Base { hook: Some(hook), priority: 0, policy: Verdict::Accept, nat: false };
            chains.push(Chain {
                name: hook.chain().as_bytes().to_vec().into(),
                base: Some(base),
                counters: None,
                rules: copies,
            });
            ids.push(of);
        }
        let name = filter.map(|(_, table)| table.name.clone()).unwrap_or_default();
        let table = Table { family: rules.family(), name, chains };
        let alone = Ruleset { tables: vec![table], sets: rules.sets.clone(), nft: false, notes: Vec::new() };
        Alone { rules: alone, ids }
    }

    /// Which rule of the ruleset this one is a copy of.
    #[must_use]
    pub fn original(&self, copy: RuleId) -> Option<RuleId> {
        self.ids.get(copy.chain as usize)?.get(copy.rule as usize).copied()
    }
}

/// One ruleset file.
///
/// # Errors
/// It cannot be read or is no ruleset.
pub fn ruleset(path: &Path) -> anyhow::Result<Ruleset> {
    let bytes = bytes(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let json = bytes.trim_ascii_start().first() == Some(&b'{');
    // rules.v6, ip6tables.save: a ruleset without an address does not say which it is.
    let six = !json && (name.contains("v6") || name.contains("ip6"));
    let rules = if six { Ruleset::parse_save_as(&bytes, Family::Ipv6) } else { Ruleset::parse(&bytes) };
    let rules = rules.map_err(|error| anyhow!("{}: {error}", path.display()))?;
    if rules.tables.is_empty() {
        bail!(
            "{}: no table in it, so no ruleset\n  write what iptables-save, ip6tables-save or \
             `nft -j list ruleset` prints",
            path.display()
        );
    }
    Ok(rules)
}

fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("standard input")?;
        return Ok(bytes);
    }
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// Puts in a rule, wherever it fits: `ip6tables ...` into the rules for IPv6 only.
fn add(all: &mut [(String, Ruleset)], rule: &str) -> anyhow::Result<()> {
    let program = rule.split_ascii_whitespace().next().unwrap_or("");
    let mut failed = None;
    let mut fits = false;
    for (_, rules) in all {
        let family = rules.family();
        let meant = match program {
            "ip6tables" => family != Family::Ipv4,
            "iptables" => family != Family::Ipv6,
            _ => true,
        };
        if !meant {
            continue;
        }
        match rules.add(rule.as_bytes()) {
            Ok(_) => fits = true,
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match (fits, failed) {
        (true, _) => Ok(()),
        (false, Some(error)) => Err(anyhow!("--add: {error}\n  {}", text::escape(rule.as_bytes()))),
        (false, None) => bail!("--add: no ruleset for {program} was given"),
    }
}

fn local(text: &str) -> anyhow::Result<LocalAddress> {
    let (addr, length) = match text.split_once('/') {
        Some((addr, length)) => (addr, Some(length)),
        None => (text, None),
    };
    let wrong = || anyhow!("--local: `{text}` is no address: 192.168.50.2/24");
    let addr: IpAddr = addr.parse().map_err(|_| wrong())?;
    let longest = if addr.is_ipv4() { 32 } else { 128 };
    let prefix = match length {
        None => longest,
        Some(length) => length.parse().ok().filter(|n| *n <= longest).ok_or_else(wrong)?,
    };
    Ok(LocalAddress { addr, prefix })
}

/// A family's name for people.
#[must_use]
pub fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
        Family::Inet => "IPv4 and IPv6",
        _ => "no IP",
    }
}
