//! `fwstat watch`: a log as it is written, on a terminal.
//!
//! Responsible for: which log is watched, and what is printed at the end.
//! Must not know: screens (`watch`).
//! Tested by: `tests/cli/watch.rs`.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, bail};
use fwlog::input::is_read_once;
use fwlog::pipeline::Account;
use fwlog::text;
use fwlog::time::clock::NANOS;
use fwlog::time::timespec;

use super::Outcome;
use crate::analysis::suggest::session::{Session, Settings};
use crate::atomic_file::AtomicFile;
use crate::cli::values::{CHAIN, MOST_RULES};
use crate::cli::{self, Common, OutputArgs, WatchFormat};
use crate::options::{self, Options};
use crate::report::{Head, diagnostics, next};
use crate::rules::Rulesets;
use crate::watch::counters::Counters;
use crate::watch::periodic::{self, Report};
use crate::watch::picture::Picture;
use crate::watch::proposals::Proposer;
use crate::watch::question::{Question, Window};
use crate::watch::setup::{Glyphs, Setup};
use crate::watch::{self, Start};

/// Runs it.
///
/// # Errors
/// An option makes no sense, there is no terminal, or the rules cannot be read.
pub fn command(arguments: &cli::Watch) -> anyhow::Result<Outcome> {
    if arguments.every.is_none() && !io::stdout().is_terminal() {
        bail!(
            "watch draws on a terminal, and standard output is none: --every 10s writes what is counted instead"
        );
    }
    let mut common = Common {
        files: arguments.files.clone(),
        filter: arguments.filter.clone(),
        input: arguments.input.clone(),
        output: OutputArgs { look: arguments.look.clone(), ..OutputArgs::default() },
    };
    let rulesets = Rulesets::read(&arguments.rules, &arguments.rules.rules)?;
    for note in rulesets.notes() {
        diagnostics::warning(&text::escape(note.as_bytes()))?;
    }
    let options = Options::watched(&common)?;
    let names = options.queue.names();
    let journal = common.input.journal.is_some() || common.input.journal_pipe || common.input.boot.is_some();
    if common.files.is_empty() && !journal {
        // What was found in the usual places is what is watched.
        common.files = names.iter().map(PathBuf::from).collect();
    }
    let again = !common.files.iter().any(|file| file.as_os_str() == "-" || is_read_once(file));
    let open = || Options::watched(&common);
    let head = Head::new(
        names.clone(),
        options.filters.clone(),
        &Account::default(),
        &options.plan.clock,
        Vec::new(),
    );
    let name = match &names[..] {
        [one] if one == "-" => "standard input".to_owned(),
        [one] => text::escape(one.rsplit('/').next().unwrap_or(one).as_bytes()),
        all => text::count_of(all.len() as u64, "log", "logs"),
    };
    let setup = Setup {
        head,
        input: next::input_words(&common.input),
        name,
        rule_files: arguments.rules.rules.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
        rules: !rulesets.all.is_empty() || !arguments.counters.is_empty(),
        counters: !arguments.counters.is_empty(),
        glyphs: glyphs(arguments.glyphs),
        color: options.look.color,
    };
    let window = Window::named(&arguments.window).unwrap_or_default();
    let question = Question { window, ..Question::default() };
    let fps = u32::from(arguments.fps);
    let counters = Counters::new(arguments.counters.clone());
    let proposer = Proposer {
        common: &common,
        session: match again {
            true => session(arguments, &rulesets)?,
            false => {
                Err("a pipe can be read only once: rules are suggested for a file or the journal".to_owned())
            }
        },
        files: names.clone(),
        stop: Mutex::default(),
    };
    let start = Start {
        open: &open,
        again,
        options: &options,
        setup,
        question,
        fps,
        rulesets: &rulesets,
        counters,
        proposer,
    };
    if let Some(every) = &arguments.every {
        return periodic(arguments, &start, every);
    }
    let ended = watch::run(&start)?;
    io::stdout().lock().write_all(ended.recap.as_bytes())?;
    Ok(outcome(&ended.picture, ended.interrupted))
}

/// What came of it.
fn outcome(picture: &Picture, interrupted: bool) -> Outcome {
    match picture.matched {
        _ if interrupted => Outcome::Interrupted,
        0 if picture.totals.lines == 0 && !picture.notes.is_empty() => Outcome::Failed,
        0 => Outcome::Nothing,
        _ => Outcome::Found,
    }
}

/// Writes what is counted every so often.
fn periodic(arguments: &cli::Watch, start: &Start<'_>, every: &str) -> anyhow::Result<Outcome> {
    let least = NANOS / 10;
    let Some(span) = timespec::span(every).filter(|span| *span >= least) else {
        bail!("--every: `{every}` is not a duration of at least 0.1 s, as 10s or 1min");
    };
    let file = arguments.look.file();
    let (name, window) = (&start.setup.name, start.question.window.name());
    let write = |report: &Report| -> anyhow::Result<()> {
        let text = periodic::written(report, arguments.format, name, window);
        match file {
            // Whoever reads it sees one report or the other.
            Some(path) if arguments.format == WatchFormat::Prometheus => {
                let file = AtomicFile::create(path)?;
                file.writer()?.write_all(text.as_bytes())?;
                file.commit()
            }
            Some(path) => {
                let opened = OpenOptions::new().append(true).create(true).open(path);
                let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
                written.with_context(|| path.display().to_string())
            }
            None => {
                let mut out = io::stdout().lock();
                Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
            }
        }
    };
    let (picture, interrupted) = periodic::run(start, Duration::from_nanos(span.unsigned_abs()), write)?;
    Ok(outcome(&picture, interrupted))
}

/// What is known of the host for rules; or why none can be suggested.
fn session(arguments: &cli::Watch, rulesets: &Rulesets) -> anyhow::Result<Result<Session, String>> {
    let settings = Settings {
        trusted: options::suggest::trusted(&arguments.trusted)?,
        keep: arguments.keep.iter().map(|keep| keep.as_bytes().to_vec()).collect(),
        chain: CHAIN.to_owned(),
        most: MOST_RULES,
        honeypot: None,
    };
    let mut session = Session::new(settings);
    for (name, rules) in &rulesets.all {
        if let Err(why) = session.learn(rules) {
            return Ok(Err(format!("{name}: {why}")));
        }
    }
    Ok(Ok(session))
}

/// How bars are drawn: a console of the kernel has no blocks, nor has a locale that is not UTF-8.
fn glyphs(asked: cli::Glyphs) -> Glyphs {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = var("LC_ALL").or_else(|| var("LC_CTYPE")).or_else(|| var("LANG")).unwrap_or_default();
    let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    let poor = matches!(var("TERM").as_deref(), Some("linux" | "dumb" | "vt100" | "vt220") | None);
    match asked {
        cli::Glyphs::Block => Glyphs::Block,
        cli::Glyphs::Ascii => Glyphs::Ascii,
        cli::Glyphs::Auto if utf8 && !poor => Glyphs::Block,
        cli::Glyphs::Auto => Glyphs::Ascii,
    }
}
