//! What was typed for `fwstat suggest`, as the analysis needs it.
//!
//! Responsible for: networks, percentages, durations and names that this command takes.
//! Must not know: what is done with them.
//! Tested by: `tests/cli/suggest.rs`, the unit tests below.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use fwlog::text;
use fwlog::time::clock::NANOS;
use fwlog::time::timespec;
use fwrules::{Net, Target};

use crate::analysis::noise::address::collapsed;
use crate::analysis::suggest::session::{Session, Settings};
use crate::cli::{Common, OutputArgs, Report, Suggest};
use crate::report::diagnostics;
use crate::whole_file;

/// Memory that a thread takes for what it keeps, whatever the log holds: half of that as measured.
const OF_A_THREAD: u64 = 32 << 20;

/// What is known before the log is read: options and rulesets.
///
/// # Errors
/// An option makes no sense, or a file of rules or networks cannot be read.
pub fn session(arguments: &Suggest) -> anyhow::Result<Session> {
    let Suggest { rules, keep, max_rules, .. } = arguments;
    let settings = Settings {
        honeypot: arguments.honeypot.as_deref().map(honeypot).transpose()?,
        ..settings(&arguments.trusted, keep, &arguments.chain, *max_rules)?
    };
    with_rules(settings, rules)
}

/// The same for a report.
///
/// # Errors
/// An option makes no sense, or a file of rules or networks cannot be read.
pub fn session_of_report(arguments: &Report) -> anyhow::Result<Session> {
    let Report { rules, keep, max_rules, .. } = arguments;
    with_rules(settings(&arguments.trusted, keep, &arguments.chain, *max_rules)?, rules)
}

fn settings(networks: &[String], keep: &[String], name: &str, most: usize) -> anyhow::Result<Settings> {
    let keep = keep.iter().map(|k| k.as_bytes().to_vec()).collect();
    Ok(Settings { trusted: trusted(networks)?, keep, chain: chain(name)?, most, honeypot: None })
}

/// What is known before the log is read, with these rulesets.
fn with_rules(settings: Settings, paths: &[PathBuf]) -> anyhow::Result<Session> {
    let mut session = Session::new(settings);
    for path in paths {
        let rules = crate::rules::ruleset(path)?;
        for note in crate::rules::notes(&path.display().to_string(), &rules) {
            diagnostics::warning(&text::escape(note.as_bytes()))?;
        }
        session.learn(&rules).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    Ok(session)
}

/// `--trusted`: addresses, networks, or files of them.
///
/// # Errors
/// One is none of these, or its file cannot be read.
pub fn trusted(typed: &[String]) -> anyhow::Result<Vec<Net>> {
    let mut trusted = Vec::new();
    for text in typed {
        trusted.extend(networks(text)?);
    }
    Ok(collapsed(trusted))
}

/// Which log, and how it is read.
#[must_use]
pub fn common(arguments: &Suggest) -> Common {
    let mut input = arguments.input.clone();
    if let Some(most) = arguments.max_memory {
        let fit = usize::try_from(most / OF_A_THREAD).unwrap_or(usize::MAX).max(1);
        if input.threads.unwrap_or_else(super::processors) > fit {
            input.threads = Some(fit);
        }
    }
    Common {
        files: arguments.files.clone(),
        filter: arguments.filter.clone(),
        input,
        output: OutputArgs { look: arguments.look.clone(), ..OutputArgs::default() },
    }
}

/// `--target`: `95%`, `95` or `0.95`.
///
/// # Errors
/// It is no percentage.
pub fn target(arguments: &Suggest) -> anyhow::Result<Option<f64>> {
    let Some(text) = &arguments.target else { return Ok(None) };
    let number: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    match number {
        Some(n) if n > 1.0 && n <= 100.0 => Ok(Some(n / 100.0)),
        Some(n) if n > 0.0 && n <= 1.0 => Ok(Some(if text.contains('%') { n / 100.0 } else { n })),
        _ => bail!("--target: `{text}` is not a percentage, e.g. 95%"),
    }
}

/// `--timeout` in seconds.
///
/// # Errors
/// It is no duration.
pub fn timeout(arguments: &Suggest) -> anyhow::Result<u64> {
    let span = timespec::span(&arguments.timeout).filter(|span| *span > 0).with_context(|| {
        format!("--timeout: `{}` is not a valid duration, as 1w or 36h", arguments.timeout)
    })?;
    Ok(span.unsigned_abs() / NANOS.unsigned_abs())
}

/// `--chain`: a name that iptables takes.
fn chain(name: &str) -> anyhow::Result<String> {
    let bad = |b: u8| b.is_ascii_whitespace() || b.is_ascii_control();
    if name.is_empty() || name.len() > 28 || name.bytes().any(bad) || name.starts_with(['-', '!']) {
        bail!("--chain: `{name}` is not a chain name (1 to 28 characters, no blanks)");
    }
    if Target::is_word(name) {
        bail!("--chain: `{name}` is a target of iptables, and no chain can be called so");
    }
    Ok(name.to_owned())
}

/// `ADDRESS` or `ADDRESS:PORT`.
fn honeypot(text: &str) -> anyhow::Result<(IpAddr, Option<u16>)> {
    if let Ok(addr) = text.trim_matches(['[', ']']).parse() {
        return Ok((addr, None));
    }
    match text.parse::<SocketAddr>() {
        Ok(to) => Ok((to.ip(), Some(to.port()))),
        Err(_) => {
            bail!("--honeypot: `{text}` is neither an address nor ADDRESS:PORT ([ADDRESS]:PORT of IPv6)")
        }
    }
}

/// An address, a network, or a file of them.
fn networks(text: &str) -> anyhow::Result<Vec<Net>> {
    if let Some(net) = Net::parse(text) {
        return Ok(vec![net]);
    }
    let path = Path::new(text);
    if !path.exists() {
        bail!("--trusted: `{text}` is neither an address, nor a network, nor a file");
    }
    let list = whole_file::text(path, whole_file::LIST).with_context(|| format!("--trusted: {text}"))?;
    let mut nets = Vec::new();
    for (number, line) in list.lines().enumerate() {
        let net = line.split('#').next().unwrap_or("").trim();
        if net.is_empty() {
            continue;
        }
        match Net::parse(net) {
            Some(net) => nets.push(net),
            None => bail!("{text}:{}: `{net}` is neither an address nor a network", number + 1),
        }
    }
    Ok(nets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_honeypot_has_an_address_and_perhaps_a_port() {
        let addr = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(honeypot("192.0.2.9").unwrap(), (addr("192.0.2.9"), None));
        assert_eq!(honeypot("192.0.2.9:2222").unwrap(), (addr("192.0.2.9"), Some(2222)));
        assert_eq!(honeypot("2001:db8::9").unwrap(), (addr("2001:db8::9"), None));
        assert_eq!(honeypot("[2001:db8::9]:22").unwrap(), (addr("2001:db8::9"), Some(22)));
        for bad in ["", "x", "192.0.2.9:", "192.0.2.9:70000"] {
            assert!(honeypot(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn chains_have_names_that_iptables_takes() {
        assert_eq!(chain("MALICIOUS").unwrap(), "MALICIOUS");
        for bad in ["", "a b", "-j", "!x", "a\nb", "12345678901234567890123456789"] {
            assert!(chain(bad).is_err(), "{bad}");
        }
    }
}
