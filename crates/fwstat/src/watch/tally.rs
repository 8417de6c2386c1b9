//! What is counted for one question, and the picture of it.
//!
//! Responsible for: which counts there are, their bounds in memory, and the rows of the tables.
//! Must not know: inputs, threads, screens.
//! Tested by: the unit tests below, `tests/cli/watch.rs`.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::time::Instant;

use fwlog::aggregate::scans::Probe;
use fwlog::aggregate::windows::{Sliced, Span};
use fwlog::aggregate::{Aggregate as _, Scans};
use fwlog::filter::Filter;
use fwlog::names::table::masked;
use fwlog::record::{Key, Record, Value, value};
use fwlog::time::clock::{NANOS, When};
use hashbrown::{DefaultHashBuilder, HashMap, HashSet};

use super::picture::{LineRow, Picture, Reading, Row, Scan, Table, Wanted as Rows};
use super::question::{LEVELS, Question, What};
use crate::analysis::replayed::{Counted, Replays};
use crate::analysis::scans::{Campaign, Campaigns, Order, Sender, Wanted};

/// Prefixes that are told apart; others count as one.
const PREFIXES: usize = 1_024;
/// Networks and ports that are counted at most, in all and in each slice of time: what a table of 2^16 and of 2^10 places
/// holds before it becomes twice as large.
const ROOM: usize = (1 << 16) / 8 * 7 - 1;
const SLICED: usize = (1 << 10) / 8 * 7 - 1;
/// Slices of all time: of prefixes, of networks and ports.
const FINE: usize = 240;
const COARSE: usize = 96;
/// Lines that are kept, and their bytes.
const LINES: usize = 5_000;
const BYTES: usize = 4 << 20;
/// Bytes for what scans are found in, and for finding them.
const ASKED: usize = 32 << 20;
/// Finding them takes one part in so many of the time.
const SELDOM: u64 = 20;
/// Campaigns that are shown.
const CAMPAIGNS: usize = 100;
/// A row is new for so long, in milliseconds.
const FRESH: u64 = 60_000;
/// In a flood of what is new, for less: so many are remembered.
const MOST_FRESH: usize = 1 << 16;
/// A clock may be ahead of this machine's by so many seconds: what is of a later time belongs to no slice.
const AHEAD: i64 = 86_400;
/// Rows of a picture.
const ROWS: usize = 300;

/// Stands for all prefixes that were not told apart.
const OTHERS: &[u8] = b"(others)";

/// A destination port and a protocol, or a protocol without ports.
type Port = (Option<u16>, u8);
/// A network.
type Net = (IpAddr, u8);

/// A line that is kept.
#[derive(Clone, Debug, Default)]
struct Kept {
    raw: Vec<u8>,
    when: Option<When>,
    source: usize,
    number: u64,
    nth: u64,
}

/// The counts for one question.
pub struct Tally<'r> {
    question: Question,
    filter: Filter,
    matched: u64,
    newest: Option<When>,
    /// The last moment that can be, in nanoseconds.
    latest: i64,
    numbers: HashMap<Vec<u8>, u32>,
    names: Vec<Vec<u8>>,
    prefixes: Sliced<u32>,
    hour: Sliced<u32>,
    networks: Sliced<Net>,
    ports: Sliced<Port>,
    asked: Scans,
    /// The campaigns as they were found last, from so many packets; when they may be looked for again, in milliseconds.
    found: (Vec<Scan>, u64, u64),
    lines: VecDeque<Kept>,
    bytes: usize,
    /// What came for the first time, and when: as hashes.
    fresh: VecDeque<(u64, u64)>,
    is_fresh: HashSet<u64>,
    hasher: DefaultHashBuilder,
    rules: Option<Replays<'r>>,
}

impl<'r> Tally<'r> {
    /// Nothing yet; `rules` are asked about each record, if there are any.
    #[must_use]
    pub fn new(question: Question, filter: Filter, rules: Option<Replays<'r>>) -> Tally<'r> {
        let (fine, coarse) = (question.window.span(FINE), question.window.span(COARSE));
        Tally {
            filter,
            matched: 0,
            newest: None,
            latest: i64::MAX,
            numbers: HashMap::new(),
            names: Vec::new(),
            prefixes: Sliced::new(fine, PREFIXES, PREFIXES),
            hour: Sliced::new(Span::Last { slices: 60, width: 60 }, PREFIXES, PREFIXES),
            networks: Sliced::new(coarse, ROOM, SLICED),
            ports: Sliced::new(coarse, ROOM, SLICED),
            asked: Scans::new(Some(ASKED), 1),
            found: (Vec::new(), 0, 0),
            lines: VecDeque::new(),
            bytes: 0,
            fresh: VecDeque::new(),
            is_fresh: HashSet::new(),
            hasher: DefaultHashBuilder::default(),
            rules,
            question,
        }
    }

    /// Tells what time it is, in nanoseconds of UTC: one stamp of a far future must not make all others old.
    pub fn clock(&mut self, now: i64) {
        self.latest = now.saturating_add(AHEAD * NANOS);
    }

    /// Counts a record, if it is asked for; `live` is the time in milliseconds, once what was there has been read.
    pub fn add(&mut self, record: &Record<'_>, live: Option<u64>) {
        if !self.filter.test(record) {
            return;
        }
        let times = record.times();
        self.matched += times;
        let when = record.when.filter(|when| when.utc <= self.latest);
        let moment = when.map(When::local_seconds);
        if self.newest < when {
            self.newest = when;
        }
        let prefix = self.number(record.prefix());
        let mut new: [Option<What>; 3] = [None, None, None];
        if self.prefixes.add(prefix, moment, times) && live.is_some() {
            new[0] = Some(What::Prefix(self.names[prefix as usize].clone()));
        }
        self.hour.add(prefix, moment, times);
        let network = record.line.src().map(|source| {
            let (four, six) = LEVELS[self.question.level.min(LEVELS.len() - 1)];
            let length = if source.is_ipv4() { four } else { six };
            (masked(source, length), length)
        });
        if let Some(network) = network
            && self.networks.add(network, moment, times)
            && live.is_some()
        {
            new[1] = Some(What::Net(network.0, network.1));
        }
        let port = record.line.protocol().map(|protocol| (record.line.dport(), protocol.0));
        if let Some(port) = port
            && self.ports.add(port, moment, times)
            && live.is_some()
        {
            new[2] = Some(What::Port(port.0, port.1));
        }
        self.asked.add(record);
        if let Some(now) = live {
            self.note_new(new.into_iter().flatten(), now);
        }
        if let Some(rules) = &mut self.rules {
            rules.add(record);
        }
        self.keep(record);
    }

    /// Remembers what came for the first time, and forgets what did so a while ago, or too much since.
    fn note_new(&mut self, new: impl Iterator<Item = What>, now: u64) {
        for what in new {
            let hash = self.hasher.hash_one(&what);
            if self.is_fresh.insert(hash) {
                self.fresh.push_back((now, hash));
            }
        }
        while let Some((at, hash)) = self.fresh.front().copied()
            && (at + FRESH < now || self.fresh.len() > MOST_FRESH)
        {
            self.fresh.pop_front();
            self.is_fresh.remove(&hash);
        }
    }

    /// What the rules said of the records so far, by ruleset.
    pub fn counted(&mut self) -> &[Counted] {
        match &mut self.rules {
            None => &[],
            Some(rules) => {
                rules.settle();
                &rules.counted
            }
        }
    }

    /// The number of a prefix.
    fn number(&mut self, prefix: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(prefix) {
            return *number;
        }
        let name = if self.names.len() < PREFIXES { prefix } else { OTHERS };
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_vec());
        self.numbers.insert(name.to_vec(), number);
        number
    }

    /// The campaigns in what was counted, newest first: looked for again if there is more, and time for it. At the `end`
    /// there is.
    fn campaigns(&mut self, now: u64, end: bool) -> Vec<Scan> {
        let (_, of, again) = self.found;
        if of == self.matched || now < again && !end {
            return self.found.0.clone();
        }
        let began = Instant::now();
        let mut asked = self.asked.clone();
        asked.settle();
        let wanted = Wanted { low: false, since: None, order: Order::Newest, limit: CAMPAIGNS };
        let list = Campaigns::of(&asked, Sender::Source).shown(&asked, &wanted).list;
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.found = (list.iter().map(scan).collect(), self.matched, now.saturating_add(took * SELDOM));
        self.found.0.clone()
    }

    /// Keeps the line, and lets go of the oldest.
    fn keep(&mut self, record: &Record<'_>) {
        let mut kept = match self.lines.len() >= LINES || self.bytes >= BYTES {
            true => self.lines.pop_front().unwrap_or_default(),
            false => Kept::default(),
        };
        self.bytes = self.bytes + record.raw.len() - kept.raw.len();
        kept.raw.clear();
        kept.raw.extend_from_slice(record.raw);
        kept.when = record.when;
        kept.source = record.at().0;
        kept.number = record.line_number();
        kept.nth = self.matched;
        self.lines.push_back(kept);
    }

    /// Fills a picture with what was counted: the first rows of each table, and the last lines. `now` is the time in
    /// milliseconds.
    pub fn draw(&mut self, picture: &mut Picture, wanted: Rows, names: &[String], now: u64) {
        self.note_new(std::iter::empty(), now);
        picture.matched = self.matched;
        picture.bounds = self.prefixes.bounds();
        picture.newest = self.newest.map(When::local_seconds);
        picture.offset = self.newest.map_or(0, |newest| newest.offset);
        picture.hour = self.hour.sum().total();
        picture.outside = self.prefixes.outside();
        picture.time = self.prefixes.totals(FINE);
        let wide = self.question.window.seconds().is_none_or(|seconds| seconds > 3_600);
        let part = if wide { 3_600 } else { self.question.window.seconds().unwrap_or(60) / 10 };
        let (hour, of) = (&self.hour, &self.names);
        let recent = |number: &u32| match wide {
            true => hour.recent(number, 3_600).certain,
            false => self.prefixes.recent(number, part).certain,
        };
        let fresh = |what: &What| self.is_fresh.contains(&self.hasher.hash_one(what));
        let all = wanted.rows;
        let prefix = |number: &u32| What::Prefix(of[*number as usize].clone());
        picture.tables = [
            table(&self.prefixes, (all, FINE), prefix, recent, fresh),
            table(
                &self.networks,
                (all, COARSE),
                |net| What::Net(net.0, net.1),
                |net| self.networks.recent(net, part).certain,
                fresh,
            ),
            table(
                &self.ports,
                (all, COARSE),
                |port| What::Port(port.0, port.1),
                |port| self.ports.recent(port, part).certain,
                fresh,
            ),
        ];
        picture.scans = self.campaigns(now, picture.reading == Reading::End);
        let from = self.lines.len().saturating_sub(wanted.lines);
        picture.lines = self.lines.range(from..).map(|kept| line(kept, names)).collect();
    }
}

/// The rows of a table; so many of them have what came of late, and over time in so many columns.
fn table<K: std::hash::Hash + Ord + Clone>(
    counts: &Sliced<K>,
    (whole, columns): (usize, usize),
    what: impl Fn(&K) -> What,
    recent: impl Fn(&K) -> u64,
    fresh: impl Fn(&What) -> bool,
) -> Table {
    let sum = counts.sum();
    let rows = sum.top(ROWS).into_iter().enumerate().map(|(at, (key, count))| {
        let what = what(&key);
        Row {
            count: count.certain,
            more: count.more,
            recent: if at < whole { recent(&key) } else { 0 },
            time: if at < whole { counts.row(&key, columns) } else { Vec::new() },
            fresh: fresh(&what),
            what,
        }
    });
    Table { rows: rows.collect(), distinct: sum.distinct(), total: sum.total(), missed: sum.missed() }
}

/// A campaign as it is shown.
fn scan(campaign: &Campaign) -> Scan {
    let first = Probe::address(campaign.sources.first().copied().unwrap_or(0));
    let one = campaign.sources.len() == 1;
    let length = match (one, first.is_ipv4()) {
        (true, true) => 32,
        (true, false) => 128,
        (false, true) => 24,
        (false, false) => 64,
    };
    Scan {
        what: What::Net(masked(first, length), length),
        id: campaign.id.clone(),
        sources: campaign.sources.len() as u64,
        shape: campaign.shape.clone(),
        technique: campaign.technique,
        slow: campaign.slow,
        confidence: campaign.confidence.word(),
        aims: campaign.aims as u64,
        count: campaign.packets,
    }
}

/// A line as it is shown.
fn line(kept: &Kept, names: &[String]) -> LineRow {
    let name = names.get(kept.source).map_or("", String::as_str);
    let place = if kept.number == 0 { name.to_owned() } else { format!("{name}:{}", kept.number) };
    let mut row = LineRow {
        number: kept.nth,
        place,
        raw: kept.raw.clone(),
        when: kept.when.map(When::local_seconds),
        ..LineRow::default()
    };
    let mut scratch = Vec::new();
    let Ok(entry) = logparse::parse_with(&kept.raw, &mut scratch) else { return row };
    let record = Record::alone((&entry).into(), &kept.raw);
    row.prefix = record.prefix().to_vec();
    row.src = record.line.src();
    row.port = record.line.dport();
    row.protocol = record.line.protocol().map(|protocol| protocol.0);
    row.detail = match (value(Key::Flags, &record), value(Key::IcmpType, &record)) {
        (Value::Missing, Value::Missing) => String::new(),
        (Value::Missing, kind) => format!("type {}", kind.to_plain()),
        (flags, _) => flags.to_plain(),
    };
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::question::Window;

    fn record(tally: &mut Tally<'_>, at: i64, source: &str, port: u16, live: Option<u64>) {
        let raw = format!(
            "drop IN=eth0 OUT= MAC= SRC={source} DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP \
             SPT=40000 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0 "
        );
        let entry = logparse::parse(raw.as_bytes()).unwrap();
        let when = Some(When { utc: at * fwlog::time::clock::NANOS, offset: 0 });
        let record = Record { when, ..Record::alone((&entry).into(), raw.as_bytes()) };
        tally.add(&record, live);
    }

    fn picture(tally: &mut Tally<'_>, now: u64) -> Picture {
        let mut picture = Picture::default();
        let wanted = Rows { lines: 10, rows: 100, rules: false };
        tally.draw(&mut picture, wanted, &["kern.log".to_owned()], now);
        picture
    }

    #[test]
    fn networks_ports_and_lines_are_counted() {
        let mut tally = Tally::new(Question::default(), Filter::All, None);
        for n in 0..30 {
            record(&mut tally, n, &format!("10.0.{}.7", n % 3), 20 + (n % 2) as u16, None);
        }
        let shown = picture(&mut tally, 0);
        assert_eq!((shown.matched, shown.tables[1].distinct, shown.tables[1].total), (30, (3, true), 30));
        assert_eq!(shown.tables[1].rows[0].what, What::Net("10.0.0.0".parse().unwrap(), 24));
        assert_eq!(shown.tables[2].rows[0].count, 15);
        assert_eq!(shown.scans, []);
        assert_eq!((shown.lines.len(), shown.lines[9].number, shown.lines[9].port), (10, 30, Some(21)));
        assert_eq!(shown.tables[0].rows[0].time.iter().sum::<u64>(), 30);
        assert!(shown.tables.iter().flat_map(|table| &table.rows).all(|row| !row.fresh));
    }

    #[test]
    fn campaigns_are_looked_for_when_there_is_time() {
        let mut tally = Tally::new(Question::default(), Filter::All, None);
        for port in 1..30 {
            record(&mut tally, i64::from(port), "10.0.0.1", port, None);
        }
        let shown = picture(&mut tally, 0);
        let rows: Vec<(String, u64, u64)> =
            shown.scans.iter().map(|scan| (scan.what.shown(false), scan.aims, scan.count)).collect();
        assert_eq!(rows, [("src 10.0.0.1".to_owned(), 29, 29)]);
        tally.found.2 = 1_000;
        record(&mut tally, 31, "10.0.0.1", 31, None);
        for (reading, now, aims) in
            [(Reading::Live, 999, 29), (Reading::Live, 1_000, 30), (Reading::End, 1_001, 30)]
        {
            let mut picture = Picture { reading, ..Picture::default() };
            tally.draw(&mut picture, Rows::default(), &[], now);
            assert_eq!(picture.scans[0].aims, aims, "{now}");
        }
    }

    #[test]
    fn a_stamp_of_a_far_future_makes_no_other_old() {
        for window in [Window::All, Window::named("1min").unwrap()] {
            let mut tally = Tally::new(Question { window, ..Question::default() }, Filter::All, None);
            tally.clock(1_000 * NANOS);
            record(&mut tally, 2_000_000_000, "10.0.0.1", 22, None);
            for n in 990..1_000 {
                record(&mut tally, n, "10.0.0.2", 22, None);
            }
            let shown = picture(&mut tally, 0);
            assert_eq!(
                (shown.matched, shown.newest, shown.outside > 0),
                (11, Some(999), window != Window::All)
            );
            assert_eq!(shown.time.iter().sum::<u64>(), 10);
            assert!(shown.bounds.is_some_and(|(from, to)| from <= 990 && to <= 1_024), "{:?}", shown.bounds);
        }
    }

    #[test]
    fn what_comes_first_is_new_for_a_minute() {
        let mut tally = Tally::new(Question::default(), Filter::All, None);
        record(&mut tally, 0, "10.0.0.1", 22, None);
        record(&mut tally, 1, "10.0.0.2", 22, Some(1_000));
        record(&mut tally, 2, "10.9.9.9", 22, Some(1_000));
        let fresh = |shown: &Picture| -> Vec<What> {
            let rows = shown.tables.iter().flat_map(|table| &table.rows).filter(|row| row.fresh);
            rows.map(|row| row.what.clone()).collect()
        };
        assert_eq!(fresh(&picture(&mut tally, 30_000)), [What::Net("10.9.9.0".parse().unwrap(), 24)]);
        assert_eq!(fresh(&picture(&mut tally, 70_000)), []);
    }

    #[test]
    fn memory_is_bounded_and_the_frequent_are_found() {
        let question = Question { level: 0, window: Window::All, ..Question::default() };
        let mut tally = Tally::new(question, Filter::All, None);
        for n in 0..200_000_u32 {
            let address = |n: u32| std::net::Ipv4Addr::from(n.wrapping_mul(0x9e37_79b1)).to_string();
            let source = if n % 10 == 0 { "10.1.1.1".to_owned() } else { address(n) };
            record(&mut tally, i64::from(n / 50), &source, (n / 10) as u16, None);
        }
        let shown = picture(&mut tally, 0);
        let first = &shown.tables[1].rows[0];
        assert_eq!(
            (first.what.shown(false), first.count, first.more),
            ("src 10.1.1.1".to_owned(), 20_000, 0)
        );
        assert!(!shown.tables[1].distinct.1 && shown.tables[1].missed > 0);
        assert!(tally.lines.len() <= LINES);
        // One asked for all ports there are; what all others asked for is let go of first.
        assert_eq!((shown.scans.len(), shown.scans[0].what.shown(false)), (1, "src 10.1.1.1".to_owned()));
    }

    #[test]
    fn prefixes_that_are_too_many_count_as_one() {
        let mut tally = Tally::new(Question::default(), Filter::All, None);
        for n in 0..PREFIXES as u32 + 50 {
            tally.number(format!("p{n}").as_bytes());
        }
        assert_eq!(tally.names.len(), PREFIXES + 1);
        assert_eq!(tally.number(b"never seen"), PREFIXES as u32);
    }
}
