//! A log under one name, through all its rotations.
//!
//! Responsible for: every byte written under the name, once, whatever becomes of the files: moved away and begun anew,
//! cut in place (the rest is in a copy), replaced, gone for a while, rotated several times between two looks.
//! Must not know: lines, what is done with the bytes.
//! Tested by: `fwstat/tests/cli/follow.rs`.
//!
//! A *generation* is what one file holds from the place where it was begun: its bytes come in order. Generations come in
//! order too, but for a file that was moved away and is still written to, as syslog daemons do until they are told.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::grown::{Grown, Id, Look};
use super::place::Place;
use super::siblings::{self, Known, Sibling, alike};
use crate::input::bytes::Plain;

/// A file that lost its name is read until it was quiet for so long, once the next one has lines.
const DRAINED: Duration = Duration::from_secs(60);
/// One that is on no list of the disk any more holds room there: it is given up after so long.
const HELD: Duration = Duration::from_secs(600);
/// And sooner where the disk is full: whoever removed it wants that room.
const GIVEN_UP: Duration = Duration::from_secs(2);
/// So many files without their name are kept open at most.
const OPEN: usize = 24;
/// How long the copy of a file that was cut is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked for, and what the name means while the file is busy.
const AGAIN: Duration = Duration::from_millis(20);
/// The most that is read of a copy at once.
const STEP: usize = 256 << 10;

/// The outcome of a look at a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// There are more bytes of this generation.
    Bytes(u64),
    /// It has ended.
    End(u64),
    /// There is nothing new for now.
    Quiet,
    /// There may be: a copy is waited for.
    Waiting,
}

/// What is to be said about a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// There is no such file yet, or no more: it is waited for.
    Absent,
    /// It may not be read.
    Failed(String),
    /// It was cut in place, and whether the rest of it was found in a copy.
    Cut(bool),
    /// The place where it was left is not there any more.
    PlaceLost,
}

#[derive(Debug)]
struct Generation {
    number: u64,
    bytes: Bytes,
    /// Where it was begun, the number of the line there, and the end of what is before it.
    start: (u64, u64),
    before: Vec<u8>,
    /// When it was found, and when something came.
    found: Instant,
    taken: Option<Instant>,
}

/// Where a generation's bytes come from.
enum Bytes {
    Grown(Grown),
    /// A file that grows no more, and what it is known by.
    Copy(Plain, Id, Vec<u8>),
    /// The rest of a file that was cut: it is in a copy that begins with this, after so many bytes.
    Cut {
        head: Vec<u8>,
        at: u64,
        looked: Option<Instant>,
    },
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bytes::Grown(grown) => grown.fmt(f),
            Bytes::Copy(..) => f.write_str("Copy"),
            Bytes::Cut { at, .. } => write!(f, "Cut({at})"),
        }
    }
}

/// A log that is followed.
#[derive(Debug)]
pub(super) struct Follower {
    path: PathBuf,
    began: SystemTime,
    /// The oldest first.
    generations: Vec<Generation>,
    /// Which of them the name means, if there is such a file.
    current: Option<u64>,
    next: u64,
    known: Known,
    /// When the name was looked at, and the folder's time then, if all files in it were told apart.
    checked: Option<Instant>,
    folder: Option<SystemTime>,
    /// What was said last about the name.
    trouble: Option<Notice>,
    notices: Vec<Notice>,
    /// The last generations that ended: their lines may not all be handed out.
    ended: VecDeque<(u64, Id, Vec<u8>)>,
}

impl Follower {
    /// Follows a log from its beginning.
    #[must_use]
    pub(super) fn new(path: PathBuf) -> Follower {
        let mut follower = Follower {
            path,
            began: SystemTime::now(),
            generations: Vec::new(),
            current: None,
            next: 0,
            known: Known::default(),
            checked: None,
            folder: None,
            trouble: None,
            notices: Vec::new(),
            ended: VecDeque::new(),
        };
        for sibling in siblings::of(&follower.path).0 {
            follower.known.add(sibling.id, &sibling.head);
        }
        follower.folder = follower.folder_time();
        follower
    }

    /// Follows a log from where it was left. What was rotated since is read first.
    #[must_use]
    pub(super) fn resume(path: PathBuf, places: &[Place]) -> Follower {
        let mut follower = Follower::new(path);
        let mut files = siblings::of(&follower.path).0;
        files.extend(siblings::named(&follower.path));
        follower.known = Known::default();
        let found: Vec<Option<&Place>> =
            files.iter().map(|file| places.iter().find(|place| holds(file, place))).collect();
        // Older ones are read first: without a place, what comes before the newest that has one was read to its end.
        let newest = found.iter().rposition(Option::is_some).unwrap_or(files.len());
        for (at, (file, place)) in files.iter().zip(&found).enumerate() {
            match place {
                Some(place) => follower.go_on(file, place),
                None if at < newest => follower.known.add(file.id, &file.head),
                None => follower.go_on(file, &Place::beginning(file.id)),
            }
        }
        let lost = !places.is_empty() && found.iter().all(Option::is_none);
        if lost {
            follower.notices.push(Notice::PlaceLost);
        }
        follower
    }

    /// Begins a generation in the middle of a file.
    fn go_on(&mut self, file: &Sibling, place: &Place) {
        let opened = match file.packed {
            true => siblings::rest(&file.path, place.at)
                .map(|rest| rest.map(|rest| Bytes::Copy(rest, file.id, file.head.clone()))),
            false => File::open(&file.path)
                .and_then(|open| Grown::resume(open, place.at))
                .map(|grown| Some(Bytes::Grown(grown))),
        };
        self.known.add(file.id, &file.head);
        match opened {
            Ok(Some(bytes)) => {
                let number = self.begin(bytes, place);
                if file.path == self.path {
                    self.current = Some(number);
                }
            }
            Ok(None) => self.notices.push(Notice::PlaceLost),
            Err(error) => self.notices.push(Notice::Failed(error.to_string())),
        }
    }

    fn begin(&mut self, bytes: Bytes, place: &Place) -> u64 {
        let number = self.next;
        self.next += 1;
        let (start, before, found) = ((place.at, place.line), place.tail.clone(), Instant::now());
        self.generations.push(Generation { number, bytes, start, before, found, taken: None });
        number
    }

    /// What there is to say, since this was asked last.
    pub(super) fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Where a generation was begun with the number of the line there, the bytes before that, and its file if it grows.
    #[must_use]
    pub(super) fn start(&self, number: u64) -> ((u64, u64), &[u8], Option<&File>) {
        let Some(generation) = self.generations.iter().find(|known| known.number == number) else {
            return ((0, 1), &[], None);
        };
        let file = match &generation.bytes {
            Bytes::Grown(grown) => Some(grown.file()),
            _ => None,
        };
        (generation.start, &generation.before, file)
    }

    /// The generations that have not ended.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.generations.iter().map(|generation| generation.number)
    }

    /// What a generation is known by: its file, and what it begins with.
    #[must_use]
    pub(super) fn mark(&self, number: u64) -> Option<(Id, Vec<u8>)> {
        let Some(generation) = self.generations.iter().find(|known| known.number == number) else {
            let (_, id, head) = self.ended.iter().find(|(ended, ..)| *ended == number)?;
            return Some((*id, head.clone()));
        };
        Some(match &generation.bytes {
            Bytes::Grown(grown) => (grown.id(), grown.head().to_vec()),
            Bytes::Copy(_, id, head) => (*id, head.clone()),
            Bytes::Cut { head, .. } => ((0, 0), head.clone()),
        })
    }

    /// Takes the next bytes, which are appended to `out`.
    pub(super) fn look(&mut self, now: Instant, out: &mut Vec<u8>) -> Event {
        let due = self.checked.is_none_or(|checked| now.duration_since(checked) >= AGAIN);
        for at in 0..self.generations.len() {
            match self.take(at, now, out) {
                // A busy file must not hide that the name is another's by now.
                Event::Bytes(number) => {
                    if due {
                        self.look_at_name(now);
                    }
                    return Event::Bytes(number);
                }
                Event::Quiet => {}
                event => return event,
            }
        }
        if self.look_at_name(now) {
            return self.look(now, out);
        }
        self.drained(now).map_or(Event::Quiet, |at| self.end(at))
    }

    /// Takes the next bytes of one generation.
    fn take(&mut self, at: usize, now: Instant, out: &mut Vec<u8>) -> Event {
        let generation = &mut self.generations[at];
        let number = generation.number;
        match &mut generation.bytes {
            Bytes::Grown(grown) => match grown.look(out) {
                Ok(Look::Taken) => {
                    generation.taken = Some(now);
                    Event::Bytes(number)
                }
                Ok(Look::Replaced) => self.cut(at),
                Ok(Look::Quiet) => Event::Quiet,
                Err(error) => {
                    self.say(Notice::Failed(error.to_string()));
                    Event::Quiet
                }
            },
            Bytes::Copy(text, ..) => match text.take(STEP as u64).read_to_end(out) {
                Ok(0) => self.end(at),
                Ok(_) => Event::Bytes(number),
                Err(error) => {
                    self.notices.push(Notice::Failed(error.to_string()));
                    self.end(at)
                }
            },
            Bytes::Cut { looked, .. } => {
                if looked.is_none_or(|looked| now.duration_since(looked) >= AGAIN) {
                    *looked = Some(now);
                    self.find_rest(at, now);
                }
                match self.generations.get(at).map(|generation| &generation.bytes) {
                    Some(Bytes::Copy(..)) => self.take(at, now, out),
                    Some(Bytes::Cut { .. }) => Event::Waiting,
                    _ => Event::Quiet,
                }
            }
        }
    }

    fn end(&mut self, at: usize) -> Event {
        let number = self.generations[at].number;
        if let Some((id, head)) = self.mark(number) {
            self.known.add(id, &head);
            self.ended.push_back((number, id, head));
            if self.ended.len() > OPEN {
                self.ended.pop_front();
            }
        }
        self.generations.remove(at);
        Event::End(number)
    }

    /// A file that was cut: its rest is looked for in a copy, and it begins again.
    fn cut(&mut self, at: usize) -> Event {
        let generation = &mut self.generations[at];
        let Bytes::Grown(grown) = &mut generation.bytes else { return Event::Quiet };
        if Some(generation.number) != self.current {
            return self.end(at);
        }
        let (taken, id) = (grown.at(), grown.id());
        let head = grown.begin_again();
        self.known.add(id, &head);
        let rest = Bytes::Cut { head, at: taken, looked: None };
        let again = std::mem::replace(&mut generation.bytes, rest);
        let number = self.begin(again, &Place::beginning(id));
        self.current = Some(number);
        Event::Waiting
    }

    /// Looks for the copy that holds the rest of a file that was cut.
    fn find_rest(&mut self, at: usize, now: Instant) {
        let Generation { bytes: Bytes::Cut { head, at: taken, .. }, found, .. } = &self.generations[at]
        else {
            return;
        };
        let (taken, found) = (*taken, *found);
        let (files, _) = siblings::of(&self.path);
        let place = files.iter().rposition(|file| alike(head, &file.head) && file.head.len() >= head.len());
        let copy = place.map(|place| (place, siblings::rest(&files[place].path, taken)));
        match copy {
            Some((place, Ok(rest))) => {
                let file = &files[place];
                self.known.add(file.id, &file.head);
                // More was taken than was copied: then there is no rest.
                let rest = rest.unwrap_or_else(|| Box::new(io::empty()));
                self.generations[at].bytes = Bytes::Copy(rest, file.id, file.head.clone());
                self.notices.push(Notice::Cut(true));
                let between: Vec<Sibling> = files[place + 1..].to_vec();
                self.add_unread(&between, at + 1);
            }
            // It may be being packed.
            _ if now.duration_since(found) < PATIENCE => {}
            _ => {
                self.generations[at].bytes = Bytes::Copy(Box::new(io::empty()), (0, 0), Vec::new());
                self.notices.push(Notice::Cut(false));
            }
        }
    }

    /// Looks at what the name means by now; whether there is more to read.
    fn look_at_name(&mut self, now: Instant) -> bool {
        self.checked = Some(now);
        let named =
            match fs::metadata(&self.path).and_then(|meta| Ok((meta.is_file(), File::open(&self.path)?))) {
                Ok((true, file)) => file,
                Ok((false, _)) => return false,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // One that was moved away has a successor soon, mostly.
                    if self.current.is_none() {
                        self.say(Notice::Absent);
                    }
                    return false;
                }
                Err(error) => {
                    self.say(Notice::Failed(error.to_string()));
                    return false;
                }
            };
        self.trouble = None;
        let Ok(new) = Grown::new(named) else { return false };
        let current = self.generations.iter_mut().find(|known| Some(known.number) == self.current);
        if let Some(Generation { bytes: Bytes::Grown(grown), .. }) = current {
            if grown.id() == new.id() {
                let nothing_taken = grown.at() == 0;
                return nothing_taken && self.missed();
            }
            if grown.goes_on_in(new.file())
                && let Ok(resumed) = new.file().try_clone().and_then(|file| Grown::resume(file, grown.at()))
            {
                *grown = resumed;
                return true;
            }
            self.known.add(grown.id(), grown.head());
        }
        // Those that came and went between two looks are older than this one.
        self.folder = None;
        self.missed();
        let beginning = Place::beginning(new.id());
        self.current = Some(self.begin(Bytes::Grown(new), &beginning));
        true
    }

    /// Looks for rotated files that were never read, if the folder changed; whether there are any.
    fn missed(&mut self) -> bool {
        let folder = self.folder_time();
        if folder.is_some() && folder == self.folder {
            return false;
        }
        let (files, complete) = siblings::of(&self.path);
        self.folder = folder.filter(|_| complete);
        let before = self.generations.len();
        let place = self.generations.iter().position(|known| Some(known.number) == self.current);
        // What a file that was moved away holds comes before the one that has its name now.
        let place =
            place.filter(|at| matches!(&self.generations[*at].bytes, Bytes::Grown(grown) if grown.at() == 0));
        self.add_unread(&files, place.unwrap_or(before));
        self.generations.len() > before
    }

    /// Begins what was never read of some files, before the generation at `place`.
    fn add_unread(&mut self, files: &[Sibling], place: usize) {
        let mut place = place;
        for file in files {
            let open = |id: Id| {
                self.generations
                    .iter()
                    .any(|known| matches!(&known.bytes, Bytes::Grown(grown) if grown.id() == id))
            };
            let reading = |head: &[u8]| {
                self.generations.iter().any(|known| match &known.bytes {
                    Bytes::Grown(grown) => alike(grown.head(), head),
                    Bytes::Copy(_, _, known) | Bytes::Cut { head: known, .. } => alike(known, head),
                })
            };
            if file.written < self.began
                || self.known.has(file)
                || open(file.id)
                || file.head.is_empty()
                || reading(&file.head)
            {
                continue;
            }
            let whole = Place::beginning(file.id);
            let before = self.generations.len();
            self.go_on(file, &whole);
            if self.generations.len() > before
                && let Some(new) = self.generations.pop()
            {
                self.generations.insert(place.min(before), new);
                place += 1;
            }
        }
    }

    /// A generation that has nothing more to give.
    fn drained(&self, now: Instant) -> Option<usize> {
        let next_has_lines =
            self.generations.iter().any(|known| Some(known.number) == self.current && known.taken.is_some());
        let many = self.generations.len() > OPEN;
        self.generations.iter().position(|known| {
            let Bytes::Grown(grown) = &known.bytes else { return false };
            let quiet = now.saturating_duration_since(known.taken.unwrap_or(known.found));
            Some(known.number) != self.current
                && self.current.is_some()
                && (next_has_lines && quiet >= DRAINED
                    || many
                    || quiet >= GIVEN_UP && grown.is_unlinked() && (quiet >= HELD || grown.is_on_full_disk()))
        })
    }

    fn folder_time(&self) -> Option<SystemTime> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::metadata(folder.unwrap_or(Path::new("."))).and_then(|meta| meta.modified()).ok()
    }

    /// Says something about the name, unless it was said last.
    fn say(&mut self, notice: Notice) {
        if self.trouble.as_ref() != Some(&notice) {
            self.trouble = Some(notice.clone());
            self.notices.push(notice);
        }
    }
}

/// Whether a file holds a place, by the bytes that were read.
fn holds(file: &Sibling, place: &Place) -> bool {
    if place.at == 0 {
        return file.id == place.id;
    }
    if !alike(&file.head, &place.head) || file.head.len() < place.head.len() {
        return false;
    }
    let Some(before) = place.at.checked_sub(place.tail.len() as u64) else { return false };
    let mut tail = vec![0; place.tail.len()];
    let read = siblings::rest(&file.path, before)
        .and_then(|rest| rest.map_or(Ok(0), |mut rest| crate::input::bytes::read_full(&mut rest, &mut tail)));
    read.is_ok_and(|read| read == tail.len()) && tail == place.tail
}
