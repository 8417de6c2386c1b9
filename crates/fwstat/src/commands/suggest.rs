//! `fwstat suggest`: rules that silence noise, each verified against the log.
//!
//! Responsible for: what was typed, the two passes (survey, proof), and what is written.
//! Must not know: what noise is, how rules are made.
//! Tested by: `tests/cli/suggest.rs`.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, anyhow, bail};
use fwlog::pipeline::{Account, Totals};
use fwlog::time::timespec;
use fwrules::Net;

use super::{Outcome, suggest_interactive, write};
use crate::analysis::noise::survey::{Survey, Surveyed};
use crate::analysis::suggest::bans;
use crate::analysis::suggest::chain::Proposal;
use crate::analysis::suggest::proof::{Proof, Prover};
use crate::analysis::suggest::session::{Draft, Session, Settings};
use crate::analysis::suggest::suggestion::Suggestion;
use crate::cli::{self, Common, OutputArgs, RuleFormat};
use crate::options::Options;
use crate::report::suggest::{self as report, Verb};
use crate::report::{Head, diagnostics, handoff};

/// Runs it.
///
/// # Errors
/// An option makes no sense, the rules cannot be read, or the output cannot be written.
pub fn command(arguments: &cli::Suggest) -> anyhow::Result<Outcome> {
    let form = if arguments.json { RuleFormat::Json } else { arguments.format };
    if arguments.interactive && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        bail!("--interactive needs a terminal on standard input and standard error");
    }
    let target = arguments.target.as_deref().map(part).transpose()?;
    let session = session(arguments)?;
    let mut log = Log::open(arguments)?;
    let run = match form {
        RuleFormat::Ipset | RuleFormat::Crowdsec | RuleFormat::Fail2ban => {
            hand_off(&session, &mut log, arguments, form)?
        }
        _ => rules(&session, &mut log, arguments, form, target)?,
    };
    write(&run.options, &run.account, &run.bytes)?;
    Ok(if run.options.queue.stop.load(Ordering::Relaxed) {
        Outcome::Interrupted
    } else if log.failed || !run.options.queue.errors().is_empty() {
        Outcome::Failed
    } else if run.found {
        Outcome::Found
    } else {
        Outcome::Nothing
    })
}

/// What a run came to.
struct Run {
    options: Options,
    account: Account,
    bytes: Vec<u8>,
    found: bool,
}

/// Rules: survey, proof, and how they are written.
fn rules(
    session: &Session,
    log: &mut Log,
    arguments: &cli::Suggest,
    form: RuleFormat,
    target: Option<f64>,
) -> anyhow::Result<Run> {
    let (options, account, head, surveyed) = log.survey(session)?;
    let draft = session.draft(&surveyed);
    let mut suggestion = if options.queue.stop.load(Ordering::Relaxed) {
        session.settle(draft, &Proof::default(), target)
    } else {
        let proof = log.prove(session, &draft, &draft.advice.chain.rules, &account.totals)?;
        if arguments.interactive {
            suggest_interactive::choose(session, draft, &proof, &options, |draft, list| {
                log.prove(session, draft, list, &account.totals)
            })?
        } else {
            session.settle(draft, &proof, target)
        }
    };
    name_doubts(&mut suggestion, &account, &head);
    let verb = match (arguments.undo, arguments.idempotent) {
        (true, _) => Verb::Undo,
        (_, true) => Verb::AddOnce,
        _ => Verb::Add,
    };
    let (look, clock) = (&options.look, &options.plan.clock);
    let bytes = match form {
        RuleFormat::Restore => report::restore(look, &suggestion, session.only_family()).into_bytes(),
        RuleFormat::Nft => report::nft(look, &suggestion).into_bytes(),
        RuleFormat::Json => report::json(clock, &head, &suggestion),
        _ => report::script(look, clock, &head, &suggestion, verb).into_bytes(),
    };
    let found = suggestion.drops().next().is_some();
    Ok(Run { options, account, bytes, found })
}

/// Addresses for programs that ban: survey, then who would have been banned.
fn hand_off(
    session: &Session,
    log: &mut Log,
    arguments: &cli::Suggest,
    form: RuleFormat,
) -> anyhow::Result<Run> {
    let timeout = timespec::span(&arguments.timeout).filter(|span| *span > 0).with_context(|| {
        format!("--timeout: `{}` is not a valid duration, as 1w or 36h", arguments.timeout)
    })?;
    let timeout = timeout.unsigned_abs() / fwlog::time::clock::NANOS.unsigned_abs();
    let (options, account, head, surveyed) = log.survey(session)?;
    let draft = session.draft(&surveyed);
    let loud = bans::loud(&draft);
    let (bytes, found) = match form {
        RuleFormat::Ipset => {
            (handoff::ipset(&loud, &arguments.chain, timeout).into_bytes(), !loud.is_empty())
        }
        RuleFormat::Crowdsec => (handoff::crowdsec(&loud, timeout), !loud.is_empty()),
        _ => {
            let jail = bans::Jail::new(&draft);
            let stopped = options.queue.stop.load(Ordering::Relaxed);
            let banned = if stopped { Vec::new() } else { log.bans(&jail, &account.totals)? };
            let files = head.files.iter().map(|name| absolute(name)).collect::<Vec<_>>();
            (handoff::fail2ban(&jail, &banned, &files).into_bytes(), !jail.prefixes.is_empty())
        }
    };
    Ok(Run { options, account, bytes, found })
}

/// fail2ban reads absolute paths only.
fn absolute(name: &str) -> String {
    if name == "-" {
        return name.to_owned();
    }
    std::path::absolute(name).map_or_else(|_| name.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// Says where the first truncated line is.
fn name_doubts(suggestion: &mut Suggestion, account: &Account, head: &Head) {
    use crate::analysis::suggest::lines::{Why, lines_of};
    let cut = lines_of(&suggestion.remain, Why::Truncated);
    if cut == 0 || suggestion.drops().next().is_none() {
        return;
    }
    let seen = account.reasons.iter().filter(|(why, _)| matches!(why, fwlog::pipeline::Why::Cut(_)));
    let place = seen.map(|(_, seen)| seen.first).min().map_or(String::new(), |first| {
        let file = head.files.get(first.source).map_or("-", String::as_str);
        format!(", {}:{}", fwlog::text::escape(file.as_bytes()), first.line)
    });
    let lines = fwlog::text::count_of(cut, "truncated line", "truncated lines");
    suggestion.notes.push(
        format!("{lines} may be among them (first{place})")
            .replace("(first, ", "(first: ")
            .replace(" (first)", ""),
    );
}

/// `95%`, `95` or `0.95`.
fn part(text: &str) -> anyhow::Result<f64> {
    let number: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    match number {
        Some(n) if n > 1.0 && n <= 100.0 => Ok(n / 100.0),
        Some(n) if n > 0.0 && n <= 1.0 => Ok(if text.contains('%') { n / 100.0 } else { n }),
        _ => bail!("--target: `{text}` is not a percentage, e.g. 95%"),
    }
}

/// What was typed, as the session needs it.
fn session(arguments: &cli::Suggest) -> anyhow::Result<Session> {
    let chain = arguments.chain.as_bytes();
    let bad = |b: &u8| b.is_ascii_whitespace() || b.is_ascii_control();
    if chain.is_empty() || chain.len() > 28 || chain.iter().any(bad) || matches!(chain[0], b'-' | b'!') {
        bail!("--chain: `{}` is not a chain name (1 to 28 characters, no blanks)", arguments.chain);
    }
    let mut trusted = Vec::new();
    for text in &arguments.trusted {
        trusted.extend(networks(text)?);
    }
    let settings = Settings {
        trusted: crate::analysis::noise::address::collapsed(trusted),
        keep: arguments.keep.iter().map(|k| k.as_bytes().to_vec()).collect(),
        chain: arguments.chain.clone(),
        most: arguments.max_rules,
        honeypot: arguments.honeypot.as_deref().map(honeypot).transpose()?,
    };
    let mut session = Session::new(settings);
    for path in &arguments.rules {
        let rules = crate::rules::ruleset(path)?;
        session.learn(&rules).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    Ok(session)
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
    let list = std::fs::read_to_string(path).with_context(|| format!("--trusted: {text}"))?;
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

/// The log, to be read twice: what can be read only once is kept in an unnamed file.
struct Log {
    common: Common,
    /// Kept inputs, and under which name each is read again.
    kept: Vec<(File, PathBuf, String)>,
    /// A second pass failed, or read something else.
    failed: bool,
}

impl Log {
    fn open(arguments: &cli::Suggest) -> anyhow::Result<Log> {
        let output = OutputArgs { look: arguments.look.clone(), ..OutputArgs::default() };
        let common = Common {
            files: arguments.files.clone(),
            filter: arguments.filter.clone(),
            input: arguments.input.clone(),
            output,
        };
        let mut log = Log { common, kept: Vec::new(), failed: false };
        let stdin = Options::new(&log.common, false)?.queue.names().iter().any(|name| name == "-");
        if log.common.files.is_empty() && stdin {
            log.common.files.push(PathBuf::from("-"));
        }
        for at in 0..log.common.files.len() {
            log.keep(at)?;
        }
        Ok(log)
    }

    /// Copies an input that can be read only once.
    fn keep(&mut self, at: usize) -> anyhow::Result<()> {
        let path = self.common.files[at].clone();
        let name = path.to_string_lossy().into_owned();
        let once = std::fs::metadata(&path)
            .is_ok_and(|meta| meta.file_type().is_fifo() || meta.file_type().is_socket());
        if name != "-" && !once {
            return Ok(());
        }
        let mut copy =
            tempfile::tempfile().context("a copy of what can be read only once is kept for the proof")?;
        let copied = match name.as_str() {
            "-" => io::copy(&mut io::stdin().lock(), &mut copy),
            _ => File::open(&path).and_then(|mut file| io::copy(&mut file, &mut copy)),
        };
        copied.with_context(|| name.clone())?;
        let again = PathBuf::from(format!("/proc/self/fd/{}", copy.as_raw_fd()));
        self.common.files[at].clone_from(&again);
        self.kept.push((copy, again, name));
        Ok(())
    }

    /// The first pass.
    fn survey(&mut self, session: &Session) -> anyhow::Result<(Options, Account, Head, Surveyed)> {
        let options = Options::new(&self.common, false)?;
        let names = options.queue.names();
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|a, b| names[*a].cmp(&names[*b]).then(a.cmp(b)));
        let mut ranks = vec![0; names.len()];
        order.iter().enumerate().for_each(|(rank, input)| ranks[*input] = rank);
        let (survey, account, mut head) = super::run(&options, || Survey::new(&session.trusted, &ranks))?;
        for name in &mut head.files {
            if let Some((.., known)) = self.kept.iter().find(|(_, again, _)| Path::new(name) == again) {
                name.clone_from(known);
            }
        }
        Ok((options, account, head, survey.finish()))
    }

    /// Reads the log once more, and compares what was read.
    fn again<A: fwlog::aggregate::Aggregate>(
        &mut self,
        before: &Totals,
        make: impl Fn() -> A + Sync,
    ) -> anyhow::Result<A> {
        let options = Options::new(&self.common, false)?;
        let (aggregate, account, _) = super::run(&options, make)?;
        let now = &account.totals;
        let stopped = options.queue.stop.load(Ordering::Relaxed);
        if !stopped && (now.lines, now.packets, now.matched) != (before.lines, before.packets, before.matched)
        {
            self.failed = true;
            diagnostics::error(&format!(
                "the log changed between the two passes ({} lines, then {}): run it on a copy",
                before.lines, now.lines
            ))?;
        }
        self.failed |= !options.queue.errors().is_empty();
        Ok(aggregate)
    }

    fn prove(
        &mut self,
        session: &Session,
        draft: &Draft,
        list: &[Proposal],
        before: &Totals,
    ) -> anyhow::Result<Proof> {
        session.prove(draft, list, |case| self.again(before, || Prover::new(case)))
    }

    fn bans(&mut self, jail: &bans::Jail, before: &Totals) -> anyhow::Result<Vec<(IpAddr, u64)>> {
        Ok(self.again(before, || bans::Watch::new(jail))?.banned(jail))
    }
}
