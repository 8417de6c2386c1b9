//! Counts that are kept in states: read where a log could be read, written after the output.
//!
//! Responsible for: which states a command line names, that they fit each other and the question, and that a state takes in
//! each line once.
//! Must not know: what is asked, how an answer is shown.
//! Tested by: `tests/cli/states.rs`.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail, ensure};
use fwlog::aggregate::state::{Reader, Writer};
use fwlog::aggregate::{Aggregate as _, Counts, State as _};
use fwlog::input::follow::Cursor;
use fwlog::kept::{self, Kept};
use fwlog::pipeline::Account;
use fwlog::text;
use serde_json::{Map, Value, json};

use super::run;
use crate::analysis::answers::{Answers, Question};
use crate::atomic_file::AtomicFile;
use crate::cli::{Common, CountArgs};
use crate::options::{self, Options};
use crate::report::{Head, diagnostics};
use crate::whole_file;

/// A state that was read.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    /// What its counts are of: filters and zone.
    of: Map<String, Value>,
    /// What it holds answers to, whether they were asked for or not.
    questions: Vec<Question>,
    pub(super) answers: Answers,
    pub(super) account: Account,
    /// How far its logs were read.
    places: Option<Cursor>,
}

/// What a command found.
pub(super) struct Counted {
    pub(super) options: Options,
    pub(super) answers: Answers,
    pub(super) account: Account,
    pub(super) head: Head,
    save: Option<Save>,
}

/// What is written after the output.
struct Save {
    path: PathBuf,
    /// The file that was read, locked; none if there was none.
    locked: Option<File>,
    bytes: Vec<u8>,
}

fn name(path: &Path) -> String {
    text::escape(path.to_string_lossy().as_bytes())
}

/// Whether a file is a state. What cannot be read is none: it is said where it is read as a log.
pub(super) fn is_state(path: &Path) -> bool {
    let is_file = std::fs::metadata(path).is_ok_and(|meta| meta.is_file());
    let mut head = [0; 16];
    let read = |mut file: File| file.read(&mut head).ok();
    is_file && File::open(path).ok().and_then(read).is_some_and(|read| kept::is_state(&head[..read]))
}

/// What a state holds answers to.
///
/// # Errors
/// It cannot be read, is none, is damaged, or of another version.
pub(super) fn questions(path: &Path) -> anyhow::Result<Vec<Question>> {
    Ok(read(path, None, Some(&[]))?.questions)
}

/// Whether a command has to do with states.
pub(super) fn are_named(common: &Common, counted: &CountArgs) -> bool {
    counted.state.is_some() || common.files.iter().any(|file| is_state(file))
}

/// Reads a state; its tables may take so much memory each. If some questions are asked, only what these need.
///
/// # Errors
/// It cannot be read, is none, is damaged, or of another version.
pub(super) fn read(path: &Path, most: Option<u64>, asked: Option<&[Question]>) -> anyhow::Result<Held> {
    let bytes = whole_file::read(path, whole_file::STATE).with_context(|| name(path))?;
    held(path, bytes, most, asked).with_context(|| name(path))
}

fn held(path: &Path, bytes: Vec<u8>, most: Option<u64>, asked: Option<&[Question]>) -> anyhow::Result<Held> {
    let mut kept = Kept::from_bytes(&bytes)?;
    drop(bytes);
    let damaged = |what: &str| anyhow!("this state is damaged: {what}");
    let part = |name: &str| kept.head.get(name).cloned().unwrap_or_default();
    let questions: Vec<Question> = serde_json::from_value(part("questions"))
        .map_err(|error| damaged(&format!("its questions: {error}")))?;
    let mut answers = Answers::new(&questions, most)
        .ok_or_else(|| damaged("it asks for a field that this program does not have"))?;
    let last = kept.parts.pop().ok_or_else(|| damaged("it is empty"))?;
    answers.read(std::mem::take(&mut kept.parts), asked).map_err(|error| damaged(error.0))?;
    let mut account = Account::default();
    let mut from = Reader::new(&last);
    account.read(&mut from).and_then(|()| from.finish()).map_err(|error| damaged(error.0))?;
    let places = match kept.head.get("places") {
        None | Some(Value::Null) => None,
        Some(places) => Some(Cursor::from_json(places.to_string().as_bytes())?),
    };
    let of = ["zone", "filters"].into_iter().map(|name| (name.to_owned(), part(name))).collect();
    Ok(Held { path: path.to_owned(), of, questions, answers, account, places })
}

impl Held {
    /// Refuses questions to which it does not hold the answers; those that it holds are named.
    fn holds(&self, questions: &[Question]) -> anyhow::Result<()> {
        let Some(missing) = self.answers.lacks(questions) else { return Ok(()) };
        let held: Vec<String> = self.questions.iter().map(ToString::to_string).collect();
        let what = match missing {
            Question::Scans => {
                ". A state that `fwstat scans --state` begins holds scans, and all these counts"
            }
            _ => "",
        };
        bail!(
            "{}: this state does not hold the answer to `{missing}`, but to: {}{what}",
            name(&self.path),
            held.join("; ")
        )
    }

    /// Refuses counts of something else.
    fn fits(&self, of: &Map<String, Value>, other: &str) -> anyhow::Result<()> {
        for (what, own) in &self.of {
            let asked = of.get(what).cloned().unwrap_or_default();
            ensure!(
                *own == asked,
                "{}: its counts are of other {}: {own}, and {other} {asked}",
                name(&self.path),
                if what == "zone" { "days (--tz)" } else { "packets" }
            );
        }
        Ok(())
    }
}

/// What counts are of: the filters, with moments as they are meant now, and the zone.
fn of(options: &Options) -> Map<String, Value> {
    let zone = &options.plan.clock.zone;
    let offset = || zone.to_offset(jiff::Timestamp::UNIX_EPOCH).to_string();
    let zone = zone.iana_name().map_or_else(offset, str::to_owned);
    // It has several names.
    let zone =
        if matches!(zone.as_str(), "Etc/UTC" | "Etc/UCT" | "UCT" | "Zulu") { "UTC".to_owned() } else { zone };
    let mut of = Map::new();
    of.insert("zone".to_owned(), json!(zone));
    of.insert("filters".to_owned(), Value::Object(options.filters_of_moment()));
    of
}

/// Opens a state and locks it, so that no other run counts on from it; none if there is no such file.
fn locked(path: &Path) -> anyhow::Result<Option<File>> {
    loop {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| name(path)),
        };
        let meta = file.metadata().with_context(|| name(path))?;
        ensure!(meta.is_file(), "--state: {}: is no file that can hold a state", name(path));
        file.lock().with_context(|| format!("--state: {}", name(path)))?;
        // Whoever had the lock has put another file in its place.
        let same = |now: &std::fs::Metadata| (now.dev(), now.ino()) == (meta.dev(), meta.ino());
        if std::fs::metadata(path).is_ok_and(|now| same(&now)) {
            return Ok(Some(file));
        }
    }
}

/// Answers questions from the states and logs that are named. With `--state`, `keep` is what a new one holds.
///
/// # Errors
/// An option makes no sense, or a state cannot be read or holds something else.
pub(super) fn count(
    common: &Common,
    counted: &CountArgs,
    wanted: &[Question],
    keep: &[Question],
) -> anyhow::Result<Counted> {
    let (states, logs): (Vec<PathBuf>, Vec<PathBuf>) =
        common.files.iter().cloned().partition(|file| is_state(file));
    let share = |options: &Options, questions: &[Question]| {
        options.share(counted.max_memory, questions.iter().map(Question::shares).sum())
    };
    let Some(path) = &counted.state else {
        let none = logs.is_empty();
        let options = Options::of_logs(&Common { files: logs, ..common.clone() }, none)?;
        return together(options, &states, wanted, share, None, none);
    };
    let same = |a: &Path, b: &Path| {
        std::fs::canonicalize(a).ok().is_some_and(|a| std::fs::canonicalize(b).ok() == Some(a))
    };
    ensure!(!states.iter().any(|state| same(state, path)), "--state: {} is also read as FILE", name(path));
    let locked = locked(path)?;
    let before = match &locked {
        None => None,
        Some(file) => {
            let bytes = whole_file::all_of(file, whole_file::STATE).with_context(|| name(path))?;
            let more = || format!("--state: {}", name(path));
            Some(held(path, bytes, None, None).with_context(more)?)
        }
    };
    let questions = before.as_ref().map_or(keep, |before| before.answers.questions()).to_vec();
    if let Some(before) = &before {
        before.holds(wanted)?;
    }
    let reached = Arc::new(Mutex::new(None));
    let options = keeping(common, logs, before.as_ref(), path, &reached)?;
    let mut counted = together(options, &states, &questions, share, before, false)?;
    if counted.options.queue.stop.load(Ordering::Relaxed) {
        diagnostics::warning(&format!("{}: interrupted, so the state was not written", name(path)))?;
    } else {
        counted.options.queue.keep_places();
        let mut head = Map::new();
        head.insert("program".to_owned(), json!(concat!("fwstat ", env!("CARGO_PKG_VERSION"))));
        head.extend(of(&counted.options));
        head.insert("questions".to_owned(), json!(counted.answers.questions()));
        let reached = reached.lock().unwrap_or_else(PoisonError::into_inner).take();
        let places = reached.map(|places: Cursor| serde_json::from_str::<Value>(&places.to_json()));
        head.insert("places".to_owned(), places.transpose()?.unwrap_or_default());
        let bytes = packed(&head, &mut counted.answers, &counted.account)?;
        counted.save = Some(Save { path: path.clone(), locked, bytes });
    }
    counted.answers =
        counted.answers.into(wanted).map_err(|missing| anyhow!("--state: it holds no `{missing}`"))?;
    Ok(counted)
}

/// A state as bytes: its head, the answers, the account.
fn packed(head: &Map<String, Value>, answers: &mut Answers, account: &Account) -> io::Result<Vec<u8>> {
    let last = answers.questions().len();
    let part = |at: usize| match at == last {
        true => {
            let mut out = Writer::default();
            account.write(&mut out);
            out.finish()
        }
        false => answers.part(at),
    };
    Kept::pack(head, (0..last + 1).map(part))
}

/// How logs are read on from where a state has come to; at once, if they have no places and it is the first time.
fn keeping(
    common: &Common,
    logs: Vec<PathBuf>,
    before: Option<&Held>,
    state: &Path,
    reached: &Arc<Mutex<Option<Cursor>>>,
) -> anyhow::Result<Options> {
    // A place belongs to a file, by whatever name it was called.
    let whole = |file: PathBuf| match (file.parent(), file.file_name()) {
        _ if file.as_os_str() == "-" => file,
        (Some(folder), Some(last)) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            std::fs::canonicalize(folder).map_or_else(|_| file.clone(), |folder| folder.join(last))
        }
        _ => file,
    };
    let common = Common { files: logs.into_iter().map(whole).collect(), ..common.clone() };
    let places = before.map_or_else(|| Some(Cursor::default()), |before| before.places.clone());
    let options = match &places {
        Some(places) => Options::keeping(&common, places.clone(), Arc::clone(reached))?,
        None => None,
    };
    if let Some(options) = options {
        return Ok(options);
    }
    ensure!(
        before.is_none(),
        "--state: {} has no place in these inputs to go on from, and would count them again: give a state of its own to \
         each, and ask all of them: fwstat merge STATE...",
        name(state)
    );
    Options::of_logs(&common, false)
}

/// Counts what is new, and adds what states hold.
fn together(
    options: Options,
    states: &[PathBuf],
    questions: &[Question],
    share: impl Fn(&Options, &[Question]) -> Option<u64>,
    before: Option<Held>,
    no_logs: bool,
) -> anyhow::Result<Counted> {
    let share = share(&options, questions);
    let empty = Answers::new(questions, share).ok_or_else(|| anyhow!("a field is not known"))?;
    options::known_fields(questions.iter().flat_map(Question::fields), options.plan.names.as_deref())?;
    let of = of(&options);
    if let Some(before) = &before {
        before.fits(&of, "what is asked for now is")?;
    }
    let mut others = Vec::new();
    for path in states {
        let held = read(path, share, Some(questions))?;
        held.fits(&of, "what is asked for is")?;
        held.holds(questions)?;
        let answers = held.answers.into(questions).map_err(|missing| anyhow!("it holds no `{missing}`"))?;
        others.push((answers, held.account));
    }
    let (mut answers, mut account, head) = if no_logs {
        (empty.clone(), Account::default(), None)
    } else {
        let (answers, account, head) = run(&options, || empty.clone())?;
        (answers, account, Some(head))
    };
    account.bytes = answers.bytes();
    if let Some(before) = before {
        others.push((before.answers, before.account));
    }
    for (other, lines) in others {
        answers.merge(other);
        account.merge(lines);
    }
    let states = states.iter().map(|state| state.to_string_lossy().into_owned());
    let files: Vec<String> = states.chain(options.queue.names().into_iter().filter(|_| !no_logs)).collect();
    let notes = head.as_ref().map(|head| head.notes.clone()).unwrap_or_default();
    let mut all = Head::new(files, options.filters.clone(), &account, &options.plan.clock, notes);
    all.of_states = true;
    if let Some(head) = head {
        (all.partial, all.assumptions) = (head.partial, head.assumptions);
    }
    Ok(Counted { options, answers, account, head: all, save: None })
}

impl Counted {
    /// Writes the state, after the output.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn save(self) -> anyhow::Result<()> {
        let Some(Save { path, locked, bytes }) = self.save else { return Ok(()) };
        ensure!(
            locked.is_some() || !path.exists(),
            "--state: {} was written by another run meanwhile, and is left as it is",
            name(&path)
        );
        write(&path, &bytes)?;
        drop(locked);
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let file = AtomicFile::create(path)?;
    file.writer()?.write_all(bytes).with_context(|| name(path))?;
    file.commit()
}

/// Of some counts, those of values that a state has not; `--new-since`.
///
/// # Errors
/// The state cannot be read, or holds no counts by these fields, or of other packets.
pub(super) fn new_since(
    path: Option<&Path>,
    counts: Vec<Counts>,
    options: &Options,
) -> anyhow::Result<Vec<Counts>> {
    let Some(path) = path else { return Ok(counts) };
    let by =
        |counts: &Counts| -> Vec<String> { counts.fields().iter().map(|field| field.name.clone()).collect() };
    // Networks are known by their sources.
    let known_by = |by: &[String]| if *by == ["src/24"] { vec!["src".to_owned()] } else { by.to_vec() };
    let asked: Vec<Question> =
        counts.iter().flat_map(|counts| Question::counts_of_any(&known_by(&by(counts)))).collect();
    let known = read(path, None, Some(&asked))?;
    known.fits(&of(options), "what is asked for is")?;
    let new = |counts: Counts| {
        let by = by(&counts);
        let held = known.answers.counts(&known_by(&by));
        let held =
            held.with_context(|| format!("--new-since: {}: no counts by {}", name(path), by.join(",")))?;
        let held = if by == ["src/24"] { held.networks(counts.fields()[0].clone()) } else { held };
        Ok(counts.without(&held))
    };
    counts.into_iter().map(new).collect()
}

/// Joins states into one, as bytes, which has no places: it is there to be asked.
///
/// # Errors
/// One cannot be read, or they are of different questions, filters or zones.
pub(super) fn merged(paths: &[PathBuf]) -> anyhow::Result<Vec<u8>> {
    let mut seen = Vec::new();
    let mut all: Option<Held> = None;
    for path in paths {
        let id = std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).with_context(|| name(path))?;
        ensure!(!seen.contains(&id), "{} is named twice, and would be counted twice", name(path));
        seen.push(id);
        let held = read(path, None, None)?;
        let Some(all) = &mut all else {
            all = Some(held);
            continue;
        };
        held.fits(&all.of, "those of the first state are")?;
        if held.answers.questions() != all.answers.questions() {
            bail!("{}: it holds other answers than {}", name(path), name(&all.path));
        }
        all.answers.merge(held.answers);
        all.account.merge(held.account);
    }
    let mut all = all.context("no state is named")?;
    let mut head = Map::new();
    head.insert("program".to_owned(), json!(concat!("fwstat ", env!("CARGO_PKG_VERSION"))));
    head.extend(all.of);
    head.insert("questions".to_owned(), json!(all.answers.questions()));
    Ok(packed(&head, &mut all.answers, &all.account)?)
}
