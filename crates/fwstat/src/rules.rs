//! Rulesets as files: read, named in errors, with rules put in for "what if".
//!
//! Responsible for: which ruleset is asked about a packet: the one of its family.
//! Must not know: what is asked of them.
//! Tested by: `tests/cli/replay.rs`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use fwrules::{Family, LocalAddress, Ruleset, Sets};
use logparse::{Network, Packet};

use crate::cli::RulesArgs;
use crate::whole_file;
use fwlog::text;

/// The rulesets that are asked, at most one per family.
#[derive(Debug)]
pub struct Rulesets {
    /// Each with the file's name.
    pub all: Vec<(String, Ruleset)>,
    /// Which packets each of them sees.
    families: Vec<Family>,
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
        let families = all.iter().map(|(_, rules)| rules.family()).collect();
        Ok(Rulesets { all, families, local })
    }

    /// What was read over, with file and line.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.all.iter().flat_map(|(name, rules)| notes(name, rules))
    }

    /// Which ruleset sees this packet; if none does, the first, which will say so.
    #[must_use]
    pub fn of(&self, packet: &Packet<'_>) -> usize {
        match packet.datagram.network {
            Network::Ipv4(_) => self.of_family(Family::Ipv4),
            Network::Ipv6(_) => self.of_family(Family::Ipv6),
            _ => 0,
        }
    }

    /// Which ruleset sees packets of this family; if none does, the first.
    #[must_use]
    pub fn of_family(&self, wanted: Family) -> usize {
        let sees = |family: Family| family == wanted || family == Family::Inet;
        self.families.iter().position(|family| sees(*family)).unwrap_or(0)
    }
}

/// What was read over in a ruleset, with file and line.
pub fn notes(name: &str, rules: &Ruleset) -> impl Iterator<Item = String> {
    rules.notes.iter().map(move |(line, note)| match line {
        0 => format!("{name}: {note}"),
        line => format!("{name}: line {line}: {note}"),
    })
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
        return whole_file::all_of(std::io::stdin(), whole_file::RULES).context("standard input");
    }
    whole_file::read(path, whole_file::RULES).with_context(|| path.display().to_string())
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
