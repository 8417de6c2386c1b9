//! Rulesets as files: read, named in errors, with rules put in for "what if".
//!
//! Responsible for: which ruleset is asked about a packet: the one of its family.
//! Must not know: what is asked of them.
//! Tested by: `tests/cli/replay.rs`, `tests/cli/words.rs`.

mod later;
pub mod manager;
mod nft_text;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use fwrules::{Family, LocalAddress, ReadError, Ruleset, Sets};
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
    /// The rulesets before anything was added to them; empty if nothing was.
    pub before: Vec<(String, Ruleset)>,
    /// Whether rules were taken away from them, too.
    pub taken_away: bool,
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
        let (mut before, mut taken_away) = (Vec::new(), false);
        for path in paths {
            let name = path.display().to_string();
            let bytes = bytes(path)?;
            // The first of each family is the ruleset; later ones are put into it.
            let read = parsed(path, &bytes);
            let same = |rules: &Ruleset| all.iter().any(|(_, other)| other.family() == rules.family());
            let is_more = match &read {
                Ok(rules) => rules.tables.is_empty() || same(rules) || is_script(&bytes),
                Err(_) => is_script(&bytes) || nft_text::is_nft(&String::from_utf8_lossy(&bytes)),
            };
            if let Ok(rules) = &read
                && same(rules)
                && is_whole(&bytes)
                && let Some((other, _)) = all.iter().find(|(_, other)| other.family() == rules.family())
            {
                bail!(
                    "{name} and {other} are rules for the same packets ({}): give one ruleset of each family, and after \
                     it what is added to it",
                    family_name(rules.family())
                );
            }
            if is_more && !all.is_empty() {
                if before.is_empty() {
                    before.clone_from(&all);
                }
                taken_away |= later::apply(&mut all, &name, &String::from_utf8_lossy(&bytes))?;
                continue;
            }
            let mut rules = not_empty(path, read.map_err(|error| wrong_form(path, &bytes, &error))?)?;
            rules.sets.sets.extend(sets.sets.iter().cloned());
            if !before.is_empty() {
                before.push((name.clone(), rules.clone()));
            }
            all.push((name, rules));
        }
        if before.is_empty() && !arguments.add.is_empty() {
            before.clone_from(&all);
        }
        for rule in &arguments.add {
            add(&mut all, rule)?;
        }
        let local = arguments.local.iter().map(|text| local(text)).collect::<anyhow::Result<_>>()?;
        let families = all.iter().map(|(_, rules)| rules.family()).collect();
        Ok(Rulesets { all, families, local, before, taken_away })
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
    not_empty(path, parsed(path, &bytes).map_err(|error| wrong_form(path, &bytes, &error))?)
}

/// The ruleset in a file's bytes.
fn parsed(path: &Path, bytes: &[u8]) -> Result<Ruleset, ReadError> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let json = bytes.trim_ascii_start().first() == Some(&b'{');
    // rules.v6, ip6tables.save: a ruleset without an address does not say which it is.
    let six = !json && (name.contains("v6") || name.contains("ip6"));
    if six { Ruleset::parse_save_as(bytes, Family::Ipv6) } else { Ruleset::parse(bytes) }
}

fn not_empty(path: &Path, rules: Ruleset) -> anyhow::Result<Ruleset> {
    if rules.tables.is_empty() {
        bail!(
            "{}: no table in it, so no ruleset\n  write what iptables-save, ip6tables-save or \
             `nft -j list ruleset` prints",
            path.display()
        );
    }
    Ok(rules)
}

/// Whether a file is a ruleset of its own, and no addition to one: it has policies, or is nft's.
fn is_whole(bytes: &[u8]) -> bool {
    let policy = |line: &[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.next().is_some_and(|chain| chain.starts_with(b":"))
            && words.next().is_some_and(|word| word != b"-")
    };
    bytes.trim_ascii_start().starts_with(b"{") || bytes.split(|b| *b == b'\n').any(policy)
}

/// Whether a file is a script of commands, which changes a ruleset and is none.
fn is_script(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.any(later::is_command)
}

/// What is said of a file that is no ruleset: which command prints one, where it shows what the file is.
fn wrong_form(path: &Path, bytes: &[u8], error: &ReadError) -> anyhow::Error {
    const LOOKED_AT: usize = 64 << 10;
    let name = path.display();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or("");
    let words: Vec<&str> = first.split_ascii_whitespace().collect();
    let quoted = text::quoted(&path.to_string_lossy());
    match words[..] {
        ["Chain", _, policy, ..] if policy.starts_with('(') => anyhow!(
            "{name} is what `iptables -L` prints, which leaves parts of the rules out\n  \
             iptables-save -c > RULES    (ip6tables-save -c for IPv6)"
        ),
        ["table", ..] if first.ends_with('{') => anyhow!(
            "{name} is what `nft list ruleset` prints; its JSON is read\n  nft -j list ruleset > RULES"
        ),
        ["Status:", ..] => anyhow!("{name} is what `ufw status` prints\n  iptables-save -c > RULES"),
        _ if text.contains(" OUT=") && text.contains("IN=") => anyhow!(
            "{name} is a log, and no ruleset; the ruleset comes first\n  fwstat replay RULES {quoted}"
        ),
        _ => anyhow!("{name}: {error}"),
    }
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
