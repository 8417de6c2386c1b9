//! Which logs are read if none is named, and the journal's.
//!
//! Responsible for: the place whose newest firewall record is the newest, what is said about that on
//! standard error, and what to do about a place that may not be read.
//! Must not know: how logs are read (`fwlog::input`), what is done with them.
//! Tested by: `tests/cli/journal.rs`, `tests/cli/inputs.rs`.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::bail;
use fwlog::input::discover::{self, Found, Place};
use fwlog::input::{Input, group, is_kmsg, journal};
use fwlog::time::clock::{Clock, NANOS, Resolver, YearHint};

use crate::cli::InputArgs;

/// How much of a file's end is searched for its newest record.
const SEARCHED: u64 = 4 << 20;

/// The kernel's messages as journalctl prints them.
pub(crate) fn journal_pipe(since: Option<i64>, follow: bool) -> Input {
    let mut words = vec!["journalctl".to_owned()];
    // Without its `-q`: what it says about missing permissions is what the user needs to know.
    words.extend(["-k", "-o", "export", "--no-pager"].map(str::to_owned));
    if follow {
        words.extend(["-f", "--no-tail"].map(str::to_owned));
    }
    words.extend(since.map(|utc| format!("--since=@{}", utc.div_euclid(NANOS))));
    Input::Program(words)
}

/// The journal's files: those of a folder, else of the machine.
pub(crate) fn journal(folder: Option<&Path>, input: &InputArgs) -> anyhow::Result<Vec<Input>> {
    let machine = input.machine_id.as_deref();
    let root = input.root.as_deref().unwrap_or(Path::new("/"));
    let folders = match folder {
        Some(folder) => vec![folder.to_owned()],
        None => journal::places::folders(root, machine).or_else(|(path, error)| refuse(&path, &error))?,
    };
    let mut inputs = Vec::new();
    for folder in &folders {
        if !journal::places::files(folder, machine).or_else(|error| refuse(folder, &error))?.is_empty() {
            inputs.push(Input::Journal(folder.clone(), machine.map(str::to_owned)));
        }
    }
    if inputs.is_empty() {
        let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let looked = if folders.is_empty() {
            format!("{0}var/log/journal, {0}run/log/journal", root.join("").display())
        } else {
            folders.join(", ")
        };
        bail!(
            "no journal in {looked}\n  name the folder: `--journal=DIR`, or ask journalctl: `--journal-pipe`"
        );
    }
    Ok(inputs)
}

/// A file as it was named, or a folder with journals in it.
pub(crate) fn file(path: &Path, machine: Option<&str>) -> anyhow::Result<Input> {
    if path.is_dir() {
        let files = journal::places::files(path, machine).or_else(|error| refuse(path, &error))?;
        if !files.is_empty() {
            return Ok(Input::Journal(path.to_owned(), machine.map(str::to_owned)));
        }
    }
    Ok(Input::File(path.to_owned()))
}

/// Says that a place cannot be read, and what helps.
fn refuse<T>(path: &Path, error: &io::Error) -> anyhow::Result<T> {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => bail!("{}", forbidden(path)),
        io::ErrorKind::NotFound => bail!("{shown}: no such folder"),
        io::ErrorKind::NotADirectory => {
            bail!("{shown}: is no folder: name the file itself, without --journal")
        }
        _ => bail!("{shown}: {error}"),
    }
}

fn forbidden(path: &Path) -> String {
    format!(
        "{}: permission denied\n  `sudo fwstat`, or join the group that may read it: \
         `sudo usermod -aG {} $USER`, then log in again",
        path.display(),
        group(path)
    )
}

/// The inputs to read where none was named; said on standard error, since they were not asked for.
pub(crate) fn found(input: &InputArgs, clock: &Clock) -> anyhow::Result<Vec<Input>> {
    let root = input.root.as_deref().unwrap_or(Path::new("/"));
    let say = |text: String| {
        let _ = writeln!(anstream::stderr(), "fwstat: {text}");
    };
    match discover::discover(root, input.machine_id.as_deref()) {
        Found::Places(mut places) => {
            let newest: Vec<Option<i64>> = match places.len() {
                1 => vec![None],
                _ => places.iter().map(|place| newest(place, clock)).collect(),
            };
            // Of places that are equally new, the most specific.
            let best = (0..places.len()).rev().max_by_key(|at| newest[*at]).unwrap_or(0);
            let others: Vec<String> = (0..places.len())
                .filter(|at| *at != best)
                .map(|at| format!("{} ({})", name(&places[at]), age(newest[at], clock)))
                .collect();
            let place = places.swap_remove(best);
            say(format!("reading {} ({})", name(&place), fwlog::text::bytes(size(&place))));
            if !others.is_empty() {
                say(format!("not read, since its newest record is older or the same: {}", others.join(", ")));
            }
            if let Place::File(path) = &place
                && !input.rotated
            {
                let older = discover::rotated(path).len().saturating_sub(1) as u64;
                if older > 0 {
                    let files = fwlog::text::count_of(older, "older file", "older files");
                    say(format!("not read: {files} of it beside it (--rotated reads them too)"));
                }
            }
            let paths = match place {
                Place::File(path) if input.rotated => discover::rotated(&path),
                Place::File(path) => vec![path],
                Place::Journal(folder, _) => return Ok(vec![Input::Journal(folder, None)]),
            };
            Ok(paths.into_iter().map(Input::File).collect())
        }
        Found::Kmsg(path) => {
            say(format!("reading {}, the kernel's ring buffer (there is no log file)", path.display()));
            Ok(vec![Input::File(path)])
        }
        Found::Forbidden(path) if is_kmsg(&path) => bail!(
            "no log file and no journal, and the kernel's ring buffer is for root: permission denied\n  \
             `sudo fwstat`, or pipe it in: `sudo dmesg | fwstat`"
        ),
        Found::Forbidden(path) => bail!("{}", forbidden(&path)),
        Found::Nothing => bail!(
            "no input, and no log in the usual places (/var/log/kern.log, messages, syslog, ufw.log, the journal)\n  \
             name a file: `fwstat FILE`, pipe one in: `ssh gateway dmesg | fwstat`; \
             if nothing is logged yet: `iptables -A INPUT -j LOG --log-prefix \"in.dropped \"`"
        ),
    }
}

fn name(place: &Place) -> String {
    match place {
        Place::File(path) => path.display().to_string(),
        Place::Journal(folder, _) => format!("the journal in {}", folder.display()),
    }
}

fn size(place: &Place) -> u64 {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |meta| meta.len());
    match place {
        Place::File(path) => size(path),
        Place::Journal(_, files) => files.iter().map(size).sum(),
    }
}

fn age(newest: Option<i64>, clock: &Clock) -> String {
    match newest {
        None => "no record found".to_owned(),
        Some(seconds) => {
            let local = seconds + i64::from(clock.offset_at(seconds.saturating_mul(NANOS)));
            let (year, month, day) = fwlog::time::dates::civil_from_days(local.div_euclid(86_400));
            let of_day = local.rem_euclid(86_400);
            format!(
                "{year}-{month:02}-{day:02} {:02}:{:02}:{:02}",
                of_day / 3_600,
                of_day / 60 % 60,
                of_day % 60
            )
        }
    }
}

/// When the newest firewall record of a place was written, in seconds.
fn newest(place: &Place, clock: &Clock) -> Option<i64> {
    let is_record = |line: &[u8]| logparse::parse_with(line, &mut Vec::new()).is_ok();
    match place {
        Place::Journal(_, files) => {
            journal::newest(files, is_record).and_then(|micros| i64::try_from(micros / 1_000_000).ok())
        }
        Place::File(path) => newest_of_file(path, clock).ok().flatten(),
    }
}

fn newest_of_file(path: &Path, clock: &Clock) -> io::Result<Option<i64>> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    let from = meta.len().saturating_sub(SEARCHED);
    let mut text = vec![0; (meta.len() - from) as usize];
    file.read_exact_at(&mut text, from)?;
    // A stamp without a year is of the time when the file was written last.
    let written =
        meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let near = written + i64::from(clock.offset_at(written.saturating_mul(NANOS)));
    let hint = YearHint::not_behind(near + 86_400);
    let mut resolver = Resolver::new(clock);
    let mut scratch = Vec::new();
    for line in text.rsplit(|byte| *byte == b'\n') {
        let Ok(entry) = logparse::parse_with(line, &mut scratch) else { continue };
        return Ok(resolver.resolve(&entry.envelope, Some(hint)).map(|when| when.utc.div_euclid(NANOS)));
    }
    Ok(None)
}
