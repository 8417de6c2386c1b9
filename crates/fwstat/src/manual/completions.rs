//! What a shell completes after `fwstat`.
//!
//! Responsible for: values: fields, protocols, services, and what the log that is named shows (prefixes, interfaces,
//! addresses). Commands, options and files are completed by `clap_complete`, which asks this program.
//! Must not know: shells. A value from a log is offered only if no shell finds anything to do in it.
//! Tested by: `tests/cli/completions.rs`, in the shells themselves.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write};
use std::path::Path;

use clap_complete::env::{self, EnvCompleter, Shells};
use clap_complete::{ArgValueCompleter, CompleteEnv, CompletionCandidate, engine};
use fwlog::input::bytes::Meter;
use fwlog::input::decode::{self, Decoded, Decoding};
use fwlog::record::{Key, Record, value};
use logparse::Scanner;

use super::topic::TOPICS;
use crate::cli;

/// The variable by which a shell says that it completes.
pub(super) const VARIABLE: &str = "COMPLETE";

/// How much of a log is looked at for its values.
const LOOKED_AT: u64 = 1 << 20;

/// How many different values are offered.
const OFFERED: usize = 200;

/// Answers a shell and ends the program, if a shell asks.
pub fn answer() {
    answer_for(command);
}

/// The same for another program of the family.
pub fn answer_for(program: fn() -> clap::Command) {
    let shells = Shells(&[&Bash, &env::Zsh, &env::Fish]);
    CompleteEnv::with_factory(program).var(VARIABLE).shells(shells).complete();
}

/// The command line that a shell wants to complete, beginning with the program's name.
#[must_use]
pub fn asked() -> Option<Vec<OsString>> {
    std::env::var_os(VARIABLE)?;
    Some(std::env::args_os().skip_while(|word| word != "--").skip(1).collect())
}

/// bash, for which `--by=src` is three words.
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        env::Bash.write_registration(var, name, bin, completer, buf)
    }

    /// As `clap_complete` does it, on the words without the signs between an option and its value.
    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        let variable = |name| std::env::var(name).ok();
        let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok()).unwrap_or_default();
        let between = variable("_CLAP_IFS").unwrap_or_else(|| "\n".to_owned());
        let (args, index) = without_equals_signs(args, index);
        let found = engine::complete(cmd, args, index, current_dir)?;
        let words: Vec<_> = found.iter().map(|one| one.get_value().to_string_lossy()).collect();
        buf.write_all(words.join(&between).as_bytes())
    }
}

/// `--by = src` as `--by src`, and where the word at `index` is then.
fn without_equals_signs(args: Vec<OsString>, index: usize) -> (Vec<OsString>, usize) {
    let (mut words, mut at) = (Vec::<OsString>::new(), index);
    for (n, arg) in args.into_iter().enumerate() {
        let option = words.last().is_some_and(|last| last.as_encoded_bytes().starts_with(b"--"));
        // The word that is typed is never left out.
        if arg == "=" && option && n != index {
            at -= usize::from(n < index);
            continue;
        }
        words.push(arg);
    }
    (words, at)
}

/// The command line, with what completes each value.
fn command() -> clap::Command {
    let program = cli::command();
    let names: Vec<String> = program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(values(program), |program, name| program.mut_subcommand(name, values))
}

/// One command, with what completes each of its values.
#[must_use]
pub fn values(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let completer = match argument.get_long() {
            None if argument.get_id() == "topic" => ArgValueCompleter::new(topics),
            Some("by" | "fields") => ArgValueCompleter::new(fields),
            Some("proto") => ArgValueCompleter::new(protocols),
            Some("prefix" | "keep") => ArgValueCompleter::new(|typed: &OsStr| seen(Key::Prefix, typed)),
            Some("in-interface") => ArgValueCompleter::new(|typed: &OsStr| seen(Key::In, typed)),
            Some("out-interface") => ArgValueCompleter::new(|typed: &OsStr| seen(Key::Out, typed)),
            Some("src") => ArgValueCompleter::new(|typed: &OsStr| seen(Key::Src, typed)),
            Some("dst") => ArgValueCompleter::new(|typed: &OsStr| seen(Key::Dst, typed)),
            Some("mac") => ArgValueCompleter::new(|typed: &OsStr| seen(Key::MacSrc, typed)),
            Some("sport" | "dport") => ArgValueCompleter::new(services),
            Some("since" | "until") => ArgValueCompleter::new(|typed: &OsStr| {
                known(typed, ["today", "yesterday", "1h", "24h", "7d", "monday"].map(|word| (word, "")))
            }),
            Some("bucket") => ArgValueCompleter::new(|typed: &OsStr| {
                known(typed, ["1min", "5min", "1h", "6h", "1d", "1w"].map(|word| (word, "")))
            }),
            _ => return argument,
        };
        argument.add(completer)
    })
}

/// What `fwstat help` takes.
fn topics(typed: &OsStr) -> Vec<CompletionCandidate> {
    let commands = cli::commands();
    let commands = commands.iter().map(|(name, about)| (name.as_str(), about.as_str()));
    known(typed, TOPICS.iter().map(|topic| (topic.name, topic.about)).chain(commands))
}

/// Those of some words that begin as typed.
fn known<'w>(typed: &OsStr, words: impl IntoIterator<Item = (&'w str, &'w str)>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let fitting = words.into_iter().filter(|(word, _)| word.starts_with(&*typed));
    fitting
        .map(|(word, about)| {
            CompletionCandidate::new(word).help((!about.is_empty()).then(|| about.to_owned().into()))
        })
        .collect()
}

/// A list of fields: the last name of it.
fn fields(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let (before, last) = typed.rsplit_once(',').map_or(("", &*typed), |(before, last)| (before, last));
    let before = if before.is_empty() { String::new() } else { format!("{before},") };
    let names = Key::ALL.iter().map(|key| (key.name(), key.about()));
    let more = [
        ("sport", Key::Spt.about()),
        ("dport", Key::Dpt.about()),
        ("src/24", "networks of sources"),
        ("dst/24", "networks of destinations"),
    ];
    known(OsStr::new(last), names.chain(more))
        .into_iter()
        .map(|name| name.add_prefix(before.as_str()))
        .collect()
}

fn protocols(typed: &OsStr) -> Vec<CompletionCandidate> {
    known(
        typed,
        ["tcp", "udp", "icmp", "icmpv6", "igmp", "esp", "ah", "gre", "sctp", "udplite"]
            .map(|word| (word, "")),
    )
}

/// Names of services that are used most.
fn services(typed: &OsStr) -> Vec<CompletionCandidate> {
    let names = [
        "ssh",
        "telnet",
        "smtp",
        "domain",
        "http",
        "https",
        "ntp",
        "netbios-ns",
        "netbios-dgm",
        "imaps",
        "snmp",
        "microsoft-ds",
        "ms-sql-s",
        "mysql",
        "rdp",
        "sip",
        "postgresql",
        "ssdp",
        "mdns",
        "http-alt",
    ];
    known(typed, names.map(|name| (name, "")))
}

/// The values of a field in the first log that the command line names.
fn seen(key: Key, typed: &OsStr) -> Vec<CompletionCandidate> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(2);
    let values = words
        .filter(|word| Path::new(word).is_file())
        .take(4)
        .map(|log| values_of(key, Path::new(&log)))
        .find(|values| !values.is_empty())
        .unwrap_or_default();
    known(typed, values.iter().map(|value| (value.as_str(), "")))
}

/// The values of a field at the beginning of a log.
fn values_of(key: Key, log: &Path) -> BTreeSet<String> {
    let mut text = Vec::new();
    let file = std::fs::File::open(log);
    let opened =
        file.and_then(|file| decode::open(Box::new(file), &Decoding::default(), &mut Meter::default()));
    let Ok(Decoded::Lines(plain)) = opened else { return BTreeSet::new() };
    // What a damaged end leaves is enough.
    let _ = plain.take(LOOKED_AT).read_to_end(&mut text);
    let mut values = BTreeSet::new();
    Scanner::new().scan(&text, |found| {
        let Ok(line) = found.record else { return };
        if values.len() < OFFERED {
            let record = Record::alone(line, found.text);
            values.extend(word(&value(key, &record).to_plain()));
        }
    });
    values
}

/// The longest part of a text that every shell takes as it is; `--prefix` takes a part of a prefix.
fn word(text: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '@' | '+');
    // The first of the longest ones; none that looks like an option.
    let parts = text.split(|c| !plain(c)).map(|part| part.trim_start_matches('-'));
    parts.rev().max_by_key(|part| part.len()).filter(|part| part.len() > 1).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_and_its_value_are_two_words_in_bash_too() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let told = |line: &str, index| without_equals_signs(words(line), index);
        assert_eq!(told("fwstat top --by = sr", 4), (words("fwstat top --by sr"), 3));
        assert_eq!(told("fwstat --by = src --format = js x", 6), (words("fwstat --by src --format js x"), 4));
        assert_eq!(told("fwstat x = y --by", 4), (words("fwstat x = y --by"), 4));
    }

    #[test]
    fn only_words_without_a_meaning_for_a_shell_are_offered() {
        let offered = |text| word(text).unwrap_or_default();
        assert_eq!(offered("tcp.in.dropped "), "tcp.in.dropped");
        assert_eq!(offered("[UFW BLOCK] "), "BLOCK");
        assert_eq!(offered("$(reboot);--x "), "reboot");
        assert_eq!(offered("--output=/etc/passwd"), "/etc/passwd");
        assert_eq!(offered("\u{1b}]0;x\u{7}"), "");
    }
}
