//! `fwstat watch`: a log as it is written, on a terminal.
//!
//! Responsible for: which log is watched, and what is printed at the end.
//! Must not know: screens (`watch`).
//! Tested by: `tests/cli/watch.rs`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::bail;
use fwlog::input::is_read_once;
use fwlog::text;

use super::Outcome;
use crate::cli::{self, Common, OutputArgs};
use crate::options::Options;
use crate::report::{Head, diagnostics};
use crate::rules::Rulesets;
use crate::watch::counters::Counters;
use crate::watch::question::{Question, Window};
use crate::watch::setup::{Glyphs, Setup, input_words};
use crate::watch::{self, Start};

/// Runs it.
///
/// # Errors
/// An option makes no sense, there is no terminal, or the rules cannot be read.
pub fn command(arguments: &cli::Watch) -> anyhow::Result<Outcome> {
    if !io::stdout().is_terminal() {
        bail!("watch draws on a terminal, and standard output is none");
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
        &Default::default(),
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
        input: input_words(&common.input),
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
    let start =
        Start { open: &open, again, options: &options, setup, question, fps, rulesets: &rulesets, counters };
    let ended = watch::run(&start)?;
    io::stdout().lock().write_all(ended.recap.as_bytes())?;
    Ok(match ended.picture.matched {
        _ if ended.interrupted => Outcome::Interrupted,
        0 if ended.picture.totals.lines == 0 && !ended.picture.notes.is_empty() => Outcome::Failed,
        0 => Outcome::Nothing,
        _ => Outcome::Found,
    })
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
