//! Reads what stands after `-j`.
//!
//! Responsible for: targets with their options, and the line that LOG and NFLOG write.
//! Must not know: conditions.
//! Tested by: the unit tests of `iptables::parse`, `tests/roundtrip.rs`.

use crate::model::rule::Rule;
use crate::model::target::{Effect, Log, Target};
use crate::values::error::ReadError;
use crate::values::names;
use crate::values::net::Family;
use crate::values::text::{Text, Word};
use crate::words::option::{Opt, flat};

type Result<T> = core::result::Result<T, ReadError>;

/// How many values the options of the targets known here take.
pub(crate) fn arity(target: &str, option: &str) -> Option<usize> {
    let (none, one): (&[&str], &[&str]) = match target {
        "LOG" => (
            &["--log-tcp-sequence", "--log-tcp-options", "--log-ip-options", "--log-uid", "--log-macdecode"],
            &["--log-prefix", "--log-level"],
        ),
        "NFLOG" => {
            (&[], &["--nflog-prefix", "--nflog-group", "--nflog-range", "--nflog-size", "--nflog-threshold"])
        }
        "REJECT" => (&[], &["--reject-with"]),
        _ => return None,
    };
    if none.contains(&option) { Some(0) } else { one.contains(&option).then_some(1) }
}

/// Reads the target with its options into the rule.
pub(crate) fn set(rule: &mut Rule, module: &Word, options: &[Opt], family: Family) -> Result<()> {
    let name = module.text.clone();
    if name.is_empty() {
        return Err(ReadError::new(module.column, "-j has an empty target", "write -j DROP"));
    }
    let known = options.iter().all(|o| !o.not && arity(name.as_str().unwrap_or(""), o.name()).is_some());
    let plain = options.is_empty();
    rule.target = match name.as_str() {
        Some("ACCEPT") if plain => Target::Accept,
        Some("DROP") if plain => Target::Drop,
        Some("RETURN") if plain => Target::Return,
        Some("QUEUE") if plain => Target::Queue,
        Some("REJECT") if known => {
            let v6 = family == Family::Ipv6;
            let mut with = Text::from(if v6 { "icmp6-port-unreachable" } else { "icmp-port-unreachable" });
            for o in options {
                let text = o.str()?;
                with = match names::REJECTS.iter().find(|(short, _)| *short == text) {
                    Some(_) if v6 && text == "port-unreach" => Text::from("icmp6-port-unreachable"),
                    Some((_, long)) => Text::from(*long),
                    None => Text::from(text),
                };
            }
            Target::Reject(with)
        }
        Some("LOG") if known => {
            rule.log = Some(log(options)?);
            Target::Continue
        }
        Some("NFLOG") if options.iter().all(|o| !o.not) => {
            let mut log = Log { nflog: Some(Vec::new()), ..Log::default() };
            for o in options {
                if o.name() == "--nflog-prefix" {
                    log.prefix = o.value()?.text.clone();
                } else if let Some(words) = &mut log.nflog {
                    words.push(o.name.text.clone());
                    words.extend(o.values.iter().map(|w| w.text.clone()));
                }
            }
            rule.log = Some(log);
            Target::Continue
        }
        _ => {
            let other = Target::Other { name: name.clone(), words: flat(options) };
            // A name that is no extension is a chain of the user's.
            if plain && other.effect() == Effect::Unknown { Target::Jump(name) } else { other }
        }
    };
    Ok(())
}

fn log(options: &[Opt]) -> Result<Log> {
    let mut log = Log::default();
    for o in options {
        match o.name() {
            "--log-prefix" => log.prefix = o.value()?.text.clone(),
            "--log-level" => {
                let text = o.str()?;
                let level = match text.parse::<u8>() {
                    Ok(n) if n < 8 => Some(n),
                    Ok(_) => None,
                    Err(_) => {
                        let lower = text.to_ascii_lowercase();
                        names::LEVELS.iter().find(|(name, l)| *l < 8 && lower == *name).map(|(_, l)| *l)
                    }
                };
                let level = level.ok_or_else(|| o.bad("a level from 0 to 7 or its name"))?;
                log.level = (level != 4).then_some(level);
            }
            "--log-tcp-sequence" => log.tcp_sequence = true,
            "--log-tcp-options" => log.tcp_options = true,
            "--log-ip-options" => log.ip_options = true,
            "--log-uid" => log.uid = true,
            _ => log.macdecode = true,
        }
    }
    Ok(log)
}
