//! What was typed, and what it means here.
//!
//! Responsible for: everything that depends on the surroundings: the terminal, its width and
//! colours, the zone, the number of processors, what "now" is. Nothing else looks at the
//! environment.
//! Must not know: what is done with it.
//! Tested by: `tests/cli/surface.rs`.

pub mod anonymise;
mod fields;
mod follow;
mod look;
pub mod report;
pub mod suggest;

pub use fields::{fields, known_fields, names};
pub(crate) use look::look;

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, anyhow, bail, ensure};
use jiff::tz::TimeZone;
use serde_json::{Map, json};

use crate::cli::{Common, FilterArgs, FollowArgs, Format, InputArgs};
use crate::places;
use crate::report::style::RenderOptions;
use crate::typed;
use crate::whole_file;
use crate::zones;
use fwlog::filter::Filter;
use fwlog::filter::arguments::Argument;
use fwlog::filter::expr::{self, Context};
use fwlog::input::decode::Decoding;
use fwlog::input::discover;
use fwlog::input::envelope::Head as EnvelopeHead;
use fwlog::input::extent::{Extents, Unit};
use fwlog::input::follow::{Cursor, Follow};
use fwlog::input::journal::{Boot, Wanted};
use fwlog::input::years::Years;
use fwlog::input::{Input, InputQueue, ReadOptions, is_kmsg};
use fwlog::names::Names;
use fwlog::pipeline::{Account, Plan, Totals};
use fwlog::record::{Field, Key};
use fwlog::text;
use fwlog::time::clock::{Clock, NANOS, utc_text};
use fwlog::time::timespec;

/// The default size of a chunk: large enough for the reading to be cheap, small enough for
/// two of them to stay in the cache.
const CHUNK: usize = 1 << 20;

/// Everything a command needs.
#[derive(Debug)]
pub struct Options {
    /// What every line goes through.
    pub plan: Plan,
    /// What is read.
    pub queue: InputQueue,
    /// The filters as typed, for the report.
    pub filters: Map<String, serde_json::Value>,
    /// What the report looks like.
    pub look: RenderOptions,
    /// The form of output, if one was asked for.
    pub format: Option<Format>,
    /// Where the output goes, if not to standard output.
    pub output: Option<PathBuf>,
    /// Whether standard error is a terminal that wants to see how far the reading has come.
    pub progress: bool,
    /// Nothing but the exit code.
    pub quiet: bool,
    /// Assumptions and timings as well.
    pub verbose: bool,
    /// Whether a damaged line is an error.
    pub strict: bool,
    /// Whether to say how the reading went.
    pub stats: bool,
    /// Where lines go that are no records.
    pub rejects: Option<PathBuf>,
    /// What had to be assumed about the zone.
    pub zone_note: Option<String>,
    /// Whether the reading has no end but an interruption.
    pub endless: bool,
    /// The moments from and until which lines are wanted (nanoseconds, UTC).
    pub span: (Option<i64>, Option<i64>),
    /// The inputs once more, and what is done with their lines, if names may have to be asked for before.
    pub addresses: Option<(InputQueue, Plan)>,
}

/// Which inputs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inputs {
    /// Those that were named, or those that are found.
    Named,
    /// The same, and an error if there are no places in them.
    WithPlaces,
    /// None.
    None,
}

/// What all passes over a log have in common.
#[derive(Debug, Default)]
pub struct Shared {
    /// How far each reads files that are being written.
    extents: Arc<Extents>,
    /// What files are called where that is not their path.
    called: Mutex<HashMap<PathBuf, String>>,
    /// Names and places of addresses, which are read once.
    names: OnceLock<Option<Arc<Names>>>,
    /// What the first pass read.
    first: OnceLock<Sums>,
}

/// What must be the same in each pass.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sums {
    totals: Totals,
    bytes: u64,
    span: Option<(i64, i64)>,
}

impl Shared {
    /// Whether no pass was made yet.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.first.get().is_none()
    }

    /// Lets no pass read more of a file than so many bytes.
    pub fn read_until(&self, file: &std::fs::Metadata, bytes: u64) {
        self.extents.end(file, Unit::Bytes, bytes);
    }

    /// Calls a file by another name than its path.
    pub fn call(&self, path: PathBuf, name: String) {
        self.called.lock().unwrap_or_else(PoisonError::into_inner).insert(path, name);
    }

    /// Takes what a pass read to its end.
    ///
    /// # Errors
    /// The first one read something else.
    pub fn check(&self, account: &Account) -> anyhow::Result<()> {
        let sums = Sums { totals: account.totals, bytes: account.bytes, span: account.span };
        let first = self.first.get_or_init(|| sums);
        ensure!(
            *first == sums,
            "the log changed while it was read ({} lines, then {}): nothing is proven; run it on a copy",
            first.totals.lines,
            sums.totals.lines
        );
        Ok(())
    }

    fn names(&self, input: &InputArgs) -> anyhow::Result<Option<Arc<Names>>> {
        if let Some(read) = self.names.get() {
            return Ok(read.clone());
        }
        let read = names_of(input)?;
        Ok(self.names.get_or_init(|| read).clone())
    }
}

impl Options {
    /// Looks at the surroundings, once.
    ///
    /// # Errors
    /// An option's value does not make sense.
    pub fn new(common: &Common, ordered: bool) -> anyhow::Result<Options> {
        Options::again(common, ordered, &Shared::default())
    }

    /// The same for logs that grow, or that are read on from where the run before stopped.
    ///
    /// # Errors
    /// An option's value does not make sense, or makes none of what has no end; the file of places is none.
    pub fn following(common: &Common, arguments: &FollowArgs) -> anyhow::Result<Options> {
        let FollowArgs { follow, cursor } = arguments;
        if !follow && cursor.is_none() {
            return Options::new(common, true);
        }
        if *follow {
            let ends = [
                (
                    "--output",
                    common.output.look.file().is_some(),
                    "its name would be given at the end: use > FILE",
                ),
                (
                    "--rejects",
                    common.input.accounting.rejects.is_some(),
                    "its name would be given at the end",
                ),
            ];
            for (option, given, why) in ends {
                ensure!(!given, "--follow has no end, and {option} needs one: {why}");
            }
        }
        ensure!(
            !common.input.rotated,
            "--rotated is for files that do not change: a log that is followed is followed through its rotation"
        );
        ensure!(
            !common.input.resolve,
            "--resolve asks for the names of all addresses of a log before it is read: --names FILE knows them already"
        );
        let follow = follow::follow(*follow, cursor.as_deref())?;
        Options::make(common, true, &Shared::default(), Some(follow), Inputs::WithPlaces)
    }

    /// The same where `nothing` may be read: states were named and no log.
    ///
    /// # Errors
    /// An option's value does not make sense.
    pub fn of_logs(common: &Common, nothing: bool) -> anyhow::Result<Options> {
        let inputs = if nothing { Inputs::None } else { Inputs::Named };
        Options::make(common, false, &Shared::default(), None, inputs)
    }

    /// The same for logs that are read on from where they were left; `reached` is given the places in the end. None if
    /// there are no places in one of them.
    ///
    /// # Errors
    /// An option's value does not make sense.
    pub fn keeping(
        common: &Common,
        mut places: Cursor,
        reached: Arc<Mutex<Option<Cursor>>>,
    ) -> anyhow::Result<Option<Options>> {
        let mut common = common.clone();
        ensure!(
            !common.input.resolve,
            "--resolve asks for the names of all addresses of a log: --names FILE knows them"
        );
        if std::mem::take(&mut common.input.rotated) {
            common.files.iter().for_each(|file| places.begin_with_rotated(file));
        }
        let follow = follow::keeping(places, reached);
        let options = Options::make(&common, false, &Shared::default(), Some(follow), Inputs::Named)?;
        Ok(options.queue.has_places().then_some(options))
    }

    /// The same for a log that is looked at as it grows.
    ///
    /// # Errors
    /// An option's value does not make sense.
    pub fn watched(common: &Common, tell: impl Fn(&str) + Send + Sync + 'static) -> anyhow::Result<Options> {
        // What is not there is an error before it is waited for; files of a rotated set do not change.
        let is_there = |file: &PathBuf| file.as_os_str() == "-" || file.exists();
        let grows = !common.input.rotated && !common.input.resolve && common.files.iter().all(is_there);
        let follow = grows.then(|| Follow { tell: Arc::new(tell), ..Follow::default() });
        Options::make(common, true, &Shared::default(), follow, Inputs::Named)
    }

    /// The same where files are read more than once: each time as far as the first time, and names are known then.
    ///
    /// # Errors
    /// An option's value does not make sense.
    pub fn again(common: &Common, ordered: bool, shared: &Shared) -> anyhow::Result<Options> {
        Options::make(common, ordered, shared, None, Inputs::Named)
    }

    fn make(
        common: &Common,
        ordered: bool,
        shared: &Shared,
        follow: Option<Follow>,
        which: Inputs,
    ) -> anyhow::Result<Options> {
        let Common { files, filter, input, output } = common;
        let (zone, zone_note) = zones::asked(input)?;
        let now = match &input.now {
            Some(text) => time("--now", text, wall_clock(), &zone)?,
            None => wall_clock(),
        };
        let (since, until) = span(filter, now, &zone)?;
        typed::no_command_among(files).map_err(anyhow::Error::msg)?;
        let endless = follow.as_ref().is_some_and(|follow| !follow.ends);
        let inputs = match which {
            Inputs::None => Vec::new(),
            _ => inputs(files, input, since, &Clock::new(zone.clone(), None), endless)?,
        };
        if which == Inputs::WithPlaces && follow.as_ref().is_some_and(|follow| follow.cursor.is_some()) {
            has_places(&inputs)?;
        }
        let boot = match &input.boot_time {
            Some(text) => Some(time("--boot-time", text, now, &zone)?),
            // The ring buffer of this machine counts from this machine's start.
            None => inputs.iter().any(is_ring_buffer).then(|| started(wall_clock())).flatten(),
        };
        let clock = Clock::new(zone.clone(), boot);
        let years = Years {
            wanted: true,
            year: input.year,
            zone: zone.clone(),
            now: now.div_euclid(NANOS),
            limit: now.div_euclid(NANOS) + i64::from(clock.offset_at(now)) + 86_400,
            written: None,
        };
        written_apart(output.look.file(), input.accounting.rejects.as_deref(), &inputs)?;
        let reading = ReadOptions {
            chunk: input.chunk_size.unwrap_or(CHUNK).max(1),
            decoding: Decoding {
                decompress: !input.no_decompress,
                envelope: input.envelope.as_deref().map(envelope).transpose()?.map(Arc::new),
            },
            // Rejected lines come out in the order of the input.
            ordered: ordered || input.accounting.rejects.is_some(),
            years: Years { wanted: true, ..years },
            between: between(since, until, &clock),
            entries: wanted(since, until, input)?,
            extents: Arc::clone(&shared.extents),
            names: Arc::new(shared.called.lock().unwrap_or_else(PoisonError::into_inner).clone()),
            follow,
        };
        // Records on a terminal are a sign of progress themselves.
        let streams = ordered && output.look.file().is_none() && std::io::stdout().is_terminal();
        let wanted = !output.look.no_progress && !output.look.quiet && !streams;
        let progress = wanted && !endless && std::io::stderr().is_terminal();
        let follows = reading.follow.is_some();
        let addresses = input.resolve.then(|| InputQueue::new(inputs.clone(), reading.clone()));
        let mut queue = InputQueue::new(inputs, reading);
        let threads = input
            .threads
            .unwrap_or_else(|| if (1..=SMALL).contains(&queue.size()) { 1 } else { processors() })
            // More than there can be processors only costs time; what comes bit by bit is work for one.
            .clamp(1, if follows { 1 } else { 512 });
        if input.rotated {
            queue.chain();
        }
        let names = shared.names(input)?;
        let asked = filter;
        let filter = predicate(asked, since, until, &Context { now, zone: &zone })?;
        filter
            .fields()
            .iter()
            .try_for_each(|field| fields::known(field, names.as_deref()))
            .context("--where")?;
        let addresses = addresses.map(|queue| {
            let clock = Clock::new(zone.clone(), boot);
            (queue, Plan { filter: without_names(&filter), clock, threads, names: None })
        });
        Ok(Options {
            plan: Plan { filter, clock, threads, names },
            queue,
            filters: typed(asked),
            look: look(&output.look, output.is_plain()),
            format: if output.json { Some(Format::Json) } else { output.format },
            output: output.look.file().map(Path::to_owned),
            progress,
            quiet: output.look.quiet,
            verbose: output.look.verbose,
            strict: input.accounting.strict,
            stats: input.accounting.stats,
            rejects: input.accounting.rejects.clone(),
            zone_note,
            endless,
            span: (since, until),
            addresses,
        })
    }
}

impl Options {
    /// The filters, with moments as they are meant now.
    #[must_use]
    pub fn filters_of_moment(&self) -> Map<String, serde_json::Value> {
        let mut filters = self.filters.clone();
        for (name, moment) in [("since", self.span.0), ("until", self.span.1)] {
            if let Some(moment) = moment {
                filters.insert(name.to_owned(), json!(utc_text(moment)));
            }
        }
        filters
    }

    /// Of the memory that may be used for counts, the share of each of so many tables of each thread.
    #[must_use]
    pub fn share(&self, most: Option<u64>, tables: usize) -> Option<u64> {
        // The rest is for tables that are joined.
        most.map(|most| most / 5 * 4 / (self.plan.threads.max(1) * tables.max(1)) as u64)
    }
}

/// The processors that this process may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The moments that lines are wanted from and until.
fn span(filter: &FilterArgs, now: i64, zone: &TimeZone) -> anyhow::Result<(Option<i64>, Option<i64>)> {
    let since = filter.since.as_ref().map(|text| time("--since", text, now, zone)).transpose()?;
    let until = filter.until.as_ref().map(|text| until("--until", text, now, zone)).transpose()?;
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        bail!("--since is later than --until");
    }
    Ok((since, until))
}

/// What moments are by the clock of the log, in seconds; nothing if all of it is wanted.
fn between(since: Option<i64>, until: Option<i64>, clock: &Clock) -> Option<(i64, i64)> {
    let local = |utc: Option<i64>, open: i64| {
        utc.map_or(open, |utc| utc.div_euclid(NANOS) + i64::from(clock.offset_at(utc)))
    };
    (since.is_some() || until.is_some()).then(|| (local(since, i64::MIN), local(until, i64::MAX)))
}

/// A filter before there are names: all packets, if it asks for names.
fn without_names(filter: &Filter) -> Filter {
    let by_name = |field: &&Field| matches!(field.key, Key::SrcName | Key::DstName);
    if filter.fields().iter().any(by_name) { Filter::all(Vec::new()) } else { filter.clone() }
}

/// What the files of `--names` and `--geoip` say of addresses, and whether the resolver is asked.
fn names_of(input: &InputArgs) -> anyhow::Result<Option<Arc<Names>>> {
    if input.names.is_empty() && input.geoip.is_empty() && !input.resolve {
        return Ok(None);
    }
    let mut names = Names::new(input.resolve);
    for path in &input.names {
        let name = || format!("--names: {}", text::escape(path.to_string_lossy().as_bytes()));
        let bytes = whole_file::read(path, whole_file::LIST).with_context(name)?;
        let read = names.table.read(&String::from_utf8_lossy(&bytes));
        read.map_err(|(line, error)| anyhow!("{}:{line}: {error}", name()))?;
    }
    for path in &input.geoip {
        let name = || format!("--geoip: {}", text::escape(path.to_string_lossy().as_bytes()));
        let bytes = whole_file::read(path, whole_file::DATABASE).with_context(name)?;
        names.places.add(bytes).map_err(|error| anyhow!("{}: {error}", name()))?;
    }
    Ok(Some(Arc::new(names)))
}

/// The head of lines that the user described with `--envelope`.
///
/// # Errors
/// It is no such expression.
pub fn envelope(regex: &str) -> anyhow::Result<EnvelopeHead> {
    EnvelopeHead::new(regex).map_err(|error| anyhow!("--envelope: {error}"))
}

fn is_ring_buffer(input: &Input) -> bool {
    matches!(input, Input::File(path) if is_kmsg(path))
}

/// When this machine was started.
fn started(now: i64) -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(now - (seconds * 1e9) as i64)
}

/// Lets a log that is read more than once be read at one moment: `--since '1 hour ago'` means the same hour each time.
pub fn fix_now(common: &mut Common) {
    common.input.now.get_or_insert_with(|| utc_text(wall_clock()));
}

/// A moment that an option names (nanoseconds, UTC).
///
/// # Errors
/// It is none.
pub fn moment(option: &str, text: &str, common: &Common) -> anyhow::Result<i64> {
    let (zone, _) = zones::asked(&common.input)?;
    let now = match &common.input.now {
        Some(text) => time("--now", text, wall_clock(), &zone)?,
        None => wall_clock(),
    };
    time(option, text, now, &zone)
}

/// Nanoseconds since 1970.
pub fn wall_clock() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Inputs of so few bytes, as they are stored, are read by one thread: starting another takes longer
/// than reading so much text.
const SMALL: u64 = 256 << 10;

/// Stamps in the zone of this machine, for single lines.
pub(crate) fn local_years() -> Years {
    Years { zone: zones::local().0, ..Years::default() }
}

fn time(option: &str, text: &str, now: i64, zone: &TimeZone) -> anyhow::Result<i64> {
    Ok(timespec::parse(text, now, zone).map_err(|error| anyhow!("{option}: {error}"))?.utc)
}

/// As `time`, but a moment given to the second means the whole second.
fn until(option: &str, text: &str, now: i64, zone: &TimeZone) -> anyhow::Result<i64> {
    let moment = timespec::parse(text, now, zone).map_err(|error| anyhow!("{option}: {error}"))?;
    Ok(if moment.exact { moment.utc } else { moment.utc.saturating_add(NANOS - 1) })
}

/// The inputs to read.
fn inputs(
    files: &[PathBuf],
    input: &InputArgs,
    since: Option<i64>,
    clock: &Clock,
    follow: bool,
) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    if input.journal_pipe {
        inputs.push(places::journal_pipe(since, follow));
    }
    if let Some(folder) = &input.journal {
        inputs.extend(places::journal(folder.as_deref(), input)?);
    } else if input.boot.is_some() && files.is_empty() && !input.journal_pipe {
        inputs.extend(places::journal(None, input)?);
    }
    let mut seen = HashSet::new();
    for file in files {
        if file.as_os_str() == "-" {
            if inputs.contains(&Input::Stdin) {
                bail!("standard input (-) can be read only once");
            }
            inputs.push(Input::Stdin);
        } else if input.rotated {
            // Names of one set overlap: each file is read once.
            for member in discover::rotated(file) {
                if seen.insert(identity(&member)) {
                    inputs.push(Input::File(member));
                }
            }
        } else {
            inputs.push(places::file(file, input.machine_id.as_deref())?);
        }
    }
    if inputs.is_empty() {
        if input.root.is_none() && !nothing_is_piped_in() {
            return Ok(vec![Input::Stdin]);
        }
        inputs = places::found(input, clock)?;
    }
    Ok(inputs)
}

/// Refuses inputs of which no place can be kept.
fn has_places(inputs: &[Input]) -> anyhow::Result<()> {
    for input in inputs {
        let instead = match input {
            Input::File(path) if !is_kmsg(path) && !fwlog::input::journal::is_journal(path) => continue,
            Input::Stdin => "standard input begins anew each time",
            Input::Journal(..) | Input::Program(_) | Input::File(_) | Input::Remote(_) => {
                "of the journal, `journalctl -k -o export --cursor-file FILE | fwstat export` keeps it"
            }
        };
        bail!(
            "--cursor keeps places in files of lines, and {} is none: {instead}",
            text::escape(input.name().as_bytes())
        );
    }
    Ok(())
}

/// What tells a file from others, under whatever name.
fn identity(path: &Path) -> Result<(u64, u64), PathBuf> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).map_err(|_| path.to_owned())
}

/// Which of a journal's entries are read.
fn wanted(since: Option<i64>, until: Option<i64>, input: &InputArgs) -> anyhow::Result<Wanted> {
    let micros = |nanos: i64| u64::try_from(nanos.div_euclid(1_000)).unwrap_or(0);
    let between = (since.is_some() || until.is_some())
        .then(|| (since.map_or(0, micros), until.map_or(u64::MAX, micros)));
    let boot = match input.boot.as_deref() {
        None => None,
        Some(text) => Some(Boot::parse(text).ok_or_else(|| {
            anyhow!("--boot: `{text}` is no boot: 0 the last, -1 the one before, 1 the first, or its id (journalctl --list-boots)")
        })?),
    };
    // An entry is a line of about 256 bytes.
    let part = (input.chunk_size.unwrap_or(CHUNK) as u64 / 256).max(1);
    Ok(Wanted { between, boot, part, ..Wanted::default() })
}

/// Refuses to write into one file twice, or into one that is read.
fn written_apart(output: Option<&Path>, rejects: Option<&Path>, inputs: &[Input]) -> anyhow::Result<()> {
    unread("--output", output, inputs)?;
    unread("--rejects", rejects, inputs)?;
    ensure!(output.is_none() || output != rejects, "--output and --rejects name the same file");
    Ok(())
}

/// Refuses to overwrite an input file.
fn unread(option: &str, written: Option<&Path>, inputs: &[Input]) -> anyhow::Result<()> {
    let real = |path: &Path| std::fs::canonicalize(path).ok().filter(|path| path.is_file());
    let Some(path) = written.and_then(real) else { return Ok(()) };
    let read = inputs.iter().any(|input| match input {
        Input::File(file) => real(file).as_ref() == Some(&path),
        Input::Journal(folder, _) => {
            let files = fwlog::input::journal::places::files(folder, None).unwrap_or_default();
            files.iter().any(|file| real(file).as_ref() == Some(&path))
        }
        _ => false,
    });
    if read {
        bail!("{option}: {} is being read", path.display());
    }
    Ok(())
}

/// Whether standard input is a terminal, or `/dev/null` as in a cron job: the device, wherever its name is. A service
/// with a `/dev` of its own gets that of the machine.
fn nothing_is_piped_in() -> bool {
    use rustix::fs::{FileType, fstat, makedev};
    let is_null = |it: rustix::fs::Stat| {
        FileType::from_raw_mode(it.st_mode) == FileType::CharacterDevice && it.st_rdev == makedev(1, 3)
    };
    std::io::stdin().is_terminal() || fstat(rustix::stdio::stdin()).is_ok_and(is_null)
}

/// One predicate from all filter options.
fn predicate(
    filter: &FilterArgs,
    since: Option<i64>,
    until: Option<i64>,
    context: &Context<'_>,
) -> anyhow::Result<Filter> {
    let mut all = Vec::new();
    if since.is_some() || until.is_some() {
        all.push(Filter::Between(since.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX)));
    }
    if filter.ipv4 || filter.ipv6 {
        all.push(Filter::Family(if filter.ipv4 { 4 } else { 6 }));
    }
    let arguments = [
        ("--prefix", &filter.prefix, Argument::Prefix),
        ("--proto", &filter.proto, Argument::Field(Key::Proto)),
        ("--dport", &filter.dport, Argument::Field(Key::Dpt)),
        ("--sport", &filter.sport, Argument::Field(Key::Spt)),
        ("--src", &filter.src, Argument::Field(Key::Src)),
        ("--dst", &filter.dst, Argument::Field(Key::Dst)),
        ("--in-interface", &filter.input, Argument::Field(Key::In)),
        ("--out-interface", &filter.output, Argument::Field(Key::Out)),
        ("--flags", &filter.flags, Argument::Flags),
        ("--type", &filter.icmp_type, Argument::IcmpType),
        ("--mac", &filter.mac, Argument::Mac),
        ("--mark", &filter.mark, Argument::Mark),
        ("--uid", &filter.uid, Argument::Field(Key::Uid)),
        ("--grep", &filter.grep, Argument::Line),
    ];
    for (option, values, argument) in arguments {
        all.push(argument.filter(values).map_err(|error| anyhow!("{option}: {error}"))?);
    }
    for text in &filter.expression {
        all.push(expr::parse(text, context).map_err(|error| anyhow!("--where: {error}"))?);
    }
    Ok(Filter::all(all))
}

/// The filters as typed, in the order of the help text.
fn typed(filter: &FilterArgs) -> Map<String, serde_json::Value> {
    let mut map = Map::new();
    let lists = [
        ("prefix", &filter.prefix),
        ("src", &filter.src),
        ("dst", &filter.dst),
        ("proto", &filter.proto),
        ("sport", &filter.sport),
        ("dport", &filter.dport),
        ("in", &filter.input),
        ("out", &filter.output),
        ("flags", &filter.flags),
        ("type", &filter.icmp_type),
        ("mac", &filter.mac),
        ("mark", &filter.mark),
        ("uid", &filter.uid),
        ("grep", &filter.grep),
        ("where", &filter.expression),
    ];
    for (name, values) in lists {
        if !values.is_empty() {
            map.insert(name.to_owned(), json!(values));
        }
    }
    if filter.ipv4 || filter.ipv6 {
        map.insert("family".to_owned(), json!(if filter.ipv4 { 4 } else { 6 }));
    }
    for (name, value) in [("since", &filter.since), ("until", &filter.until)] {
        if let Some(value) = value {
            map.insert(name.to_owned(), json!(value));
        }
    }
    map
}
