//! What changed between two periods: what is new, gone, risen, fallen.
//!
//! Responsible for: which differences are more than chance, and how sure that is.
//! Must not know: where counts come from, how they are shown.
//! Tested by: `tests/cli/diff.rs`: weeks with planted changes.
//!
//! The test. Of the `a + b` packets of a key, if its rate is the same in both periods, each falls into the second one with
//! the probability of that period's share of the time: `b` is binomial, whatever the rate is (Przyborowski and Wilenski 1940).
//! That holds for packets that come by themselves. Senders repeat themselves and have better and worse days, so counts
//! are divided by how much more they vary from slice to slice of the first period than chance lets them: the median of all
//! keys of the table, or the key's own, where it is certainly more (quasi-likelihood, McCullagh and Nelder 1989). A
//! difference is told if its probability passes Holm's test (1979) among all keys of the table at [`RISK`]: so often at most is
//! anything told of a table in which nothing changed.

mod chance;

use fwlog::sorting::InOrder as _;
use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::Serialize;

use fwlog::aggregate::key;
use fwlog::names::table::masked;
use fwlog::record::{OwnedValue, Value};

/// How often a table without any change has a row all the same, at most.
pub const RISK: f64 = 0.01;
/// Slices of the first period from which on it is told how much counts vary.
const ENOUGH: usize = 3;
/// A key with fewer packets in a slice says nothing about that.
const TELLING: f64 = 1.0;
/// A day: of more of them, slices are put together to days, in which night and day are even.
const DAY: i64 = 86_400;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came only in the second period.
    New,
    /// It came more often than before.
    Risen,
    /// It came less often.
    Fallen,
    /// It came only in the first period.
    Gone,
}

impl Change {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Change::New => "new",
            Change::Risen => "risen",
            Change::Fallen => "fallen",
            Change::Gone => "gone",
        }
    }
}

/// A key that changed.
#[derive(Clone, Debug)]
pub struct Row {
    /// What became of it.
    pub change: Change,
    /// Its values.
    pub cells: Vec<OwnedValue>,
    /// How often it came in the first period, and in the second.
    pub before: u64,
    /// In the second.
    pub after: u64,
    /// The natural logarithm of the probability of such a difference by chance.
    pub ln_chance: f64,
    /// The beginnings of the first and of the last slice in which it came (local seconds).
    pub seen: (i64, i64),
}

/// A table of changes.
#[derive(Clone, Debug)]
pub struct Table {
    /// What its rows are: `source`, `network` ...
    pub of: &'static str,
    /// The fields.
    pub by: Vec<String>,
    /// The changes: new ones first, the least likely of each kind first.
    pub rows: Vec<Row>,
    /// How many keys there were in both periods together, only in the second, and only in the first.
    pub keys: (u64, u64, u64),
    /// How much more counts vary than chance lets them; 1 if they do not, or if that cannot be told.
    pub spread: f64,
}

/// A period.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// The moments of its first and last record (local seconds).
    pub span: (i64, i64),
}

impl Period {
    fn length(self) -> i64 {
        (self.span.1 - self.span.0).max(1)
    }
}

/// Counts of one period by key: of each slice its beginning and the count.
pub type Series = HashMap<Vec<u8>, Vec<(i64, u64)>>;

/// The same by network instead of address.
#[must_use]
pub fn networks(sources: &Series, v4: u8, v6: u8) -> Series {
    let mut networks: HashMap<Vec<u8>, BTreeMap<i64, u64>> = HashMap::new();
    let mut bytes = Vec::new();
    for (source, counts) in sources {
        let value = match key::decode(source).first() {
            Some(OwnedValue::Addr(addr)) => {
                let length = if addr.is_ipv4() { v4 } else { v6 };
                Value::Net(masked(*addr, length), length)
            }
            _ => Value::Missing,
        };
        bytes.clear();
        key::encode(&mut bytes, value);
        let own = networks.entry_ref(&bytes[..]).or_default();
        counts.iter().for_each(|(start, count)| *own.entry(*start).or_default() += count);
    }
    networks.into_iter().map(|(key, counts)| (key, counts.into_iter().collect())).collect()
}

/// The slices of the first period: what part of the time each is.
struct Grid {
    width: i64,
    /// By the number of the slice.
    parts: BTreeMap<i64, f64>,
}

impl Grid {
    fn new(period: Period, width: i64) -> Grid {
        let width = if period.length() >= ENOUGH as i64 * DAY { width.max(DAY) } else { width };
        let (first, last) = period.span;
        let mut parts = BTreeMap::new();
        for slice in first.div_euclid(width)..=last.div_euclid(width) {
            let overlap = (last + 1).min((slice + 1) * width) - first.max(slice * width);
            parts.insert(slice, overlap as f64 / (period.length() + 1) as f64);
        }
        Grid { width, parts }
    }

    /// The chi-square sum of a key's counts: how far they are from even.
    fn unevenness(&self, counts: &[(i64, u64)]) -> f64 {
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        let mut by_slice: BTreeMap<i64, u64> = BTreeMap::new();
        for (start, count) in counts {
            *by_slice.entry(start.div_euclid(self.width)).or_default() += count;
        }
        let term = |(slice, part): (&i64, &f64)| {
            let (count, wanted) = (by_slice.get(slice).copied().unwrap_or(0) as f64, total as f64 * part);
            if wanted > 0.0 { (count - wanted).powi(2) / wanted } else { 0.0 }
        };
        self.parts.iter().map(term).sum()
    }
}

/// Compares two periods.
#[must_use]
pub fn compare(
    of: &'static str,
    by: &[&str],
    width: i64,
    periods: [Period; 2],
    series: [&Series; 2],
) -> Table {
    let [first, second] = periods;
    let [before, after] = series;
    let of_after = second.length() as f64 / (first.length() + second.length()) as f64;
    let sum =
        |counts: Option<&Vec<(i64, u64)>>| counts.into_iter().flatten().map(|(_, count)| count).sum::<u64>();
    let grid = Grid::new(first, width);
    let freedom = grid.parts.len() as f64 - 1.0;
    let is_told = grid.parts.len() >= ENOUGH;
    let telling = |counts: &&Vec<(i64, u64)>| sum(Some(counts)) as f64 >= TELLING * grid.parts.len() as f64;
    let mut spreads: Vec<f64> = match is_told {
        true => before
            .values()
            .filter(telling)
            .map(|counts| grid.unevenness(counts) / chance::median(freedom))
            .collect(),
        false => Vec::new(),
    };
    let middle = spreads.len() / 2;
    let spread = match spreads.is_empty() {
        true => 1.0,
        false => spreads.select_nth_unstable_by(middle, f64::total_cmp).1.max(1.0),
    };
    let own_spread = |counts: Option<&Vec<(i64, u64)>>| {
        let uneven = counts.filter(|_| is_told).filter(telling).map_or(0.0, |counts| grid.unevenness(counts));
        if uneven / spread > chance::rarely_exceeded(freedom) { uneven / freedom } else { spread }
    };
    let only =
        |one: &Series, other: &Series| one.keys().filter(|key| !other.contains_key(*key)).count() as u64;
    let (came, went) = (only(after, before), only(before, after));
    let all = before.len() as u64 + came;
    let mut rows: Vec<(Vec<u8>, Row)> = Vec::new();
    for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        let (a, b) = (before.get(key), after.get(key));
        let (count_a, count_b) = (sum(a), sum(b));
        let change = match (count_a, count_b) {
            (0, _) => Change::New,
            (_, 0) => Change::Gone,
            (a, b) if b as f64 * (1.0 - of_after) > a as f64 * of_after => Change::Risen,
            _ => Change::Fallen,
        };
        let spread = own_spread(a);
        let ln_chance = chance::ln_chance(count_a as f64 / spread, count_b as f64 / spread, of_after);
        // No key with so much chance passes.
        if ln_chance > libm::log(RISK) {
            continue;
        }
        let starts = || a.into_iter().chain(b).flatten().map(|(start, _)| *start);
        let seen = (starts().min().unwrap_or(0), starts().max().unwrap_or(0));
        let row = Row { change, cells: key::decode(key), before: count_a, after: count_b, ln_chance, seen };
        rows.push((key.clone(), row));
    }
    // Holm: the least likely first, each against the number of those that are left.
    rows.order_by(|a, b| a.1.ln_chance.total_cmp(&b.1.ln_chance).then_with(|| a.0.cmp(&b.0)));
    let passing = rows
        .iter()
        .enumerate()
        .take_while(|(at, (_, row))| row.ln_chance <= libm::log(RISK / (all as f64 - *at as f64)));
    let passing = passing.count();
    rows.truncate(passing);
    rows.order_by_key(|(_, row)| row.change);
    Table {
        of,
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        keys: (all, came, went),
        spread,
    }
}
