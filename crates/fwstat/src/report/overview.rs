//! `fwstat` alone on paper: a line of columns over time, a few tables, what to type next.
//!
//! Responsible for: the first screen that people see, and that it is one screen.
//! Must not know: which fields are counted.
//! Tested by: `tests/cli/timeline.rs`, `tests/cli/screens.rs`, `tests/screens`.

use serde_json::{Map, Value, json};

use super::style::{BAR, DIM, HEADING, RenderOptions, beside, beside_at, chart, sentence, sparkline, widest};
use super::timeline::{length, start};
use super::{Head, Ranking, Report, json, next, table};
use fwlog::aggregate::Timeline;
use fwlog::text;

/// Days that a sparkline shows, at most.
const DAYS: usize = 400;
/// From so many columns on, sources and their networks are side by side.
const WIDE: usize = 120;
/// Blanks between two tables side by side.
const BETWEEN: usize = 4;
/// From so many lines on, a screen has room for a picture of several.
const TALL: usize = 36;
/// Lines of that picture.
const HEIGHT: usize = 3;
/// Columns of the bar that is the share of noise.
const GAUGE: usize = 12;
/// Rows of a table below which a screen is not made to fit.
const FEWEST: usize = 2;

/// What is in a log, at a glance.
pub struct Overview {
    /// What was read.
    pub head: Head,
    /// Prefixes, sources, networks, ports, and destinations if there are several.
    pub tables: Vec<Ranking>,
    /// Packets over time.
    pub timeline: Timeline,
    /// Packets that are not in it, because a clock was wrong.
    pub outside: u64,
    /// The share of noise, from a part of the lines.
    pub noise: Option<f64>,
    /// Everything, whatever the screen has room for.
    pub all: bool,
}

impl Report for Overview {
    fn json(&self) -> Map<String, Value> {
        let mut document = json::head("fwstat.overview/1", &self.head);
        document.insert("tables".to_owned(), json::tables(&self.tables, self.head.totals.matched));
        if let Some(noise) = self.noise {
            document.insert("noise_estimate".to_owned(), json!((noise * 1_000.0).round() / 1_000.0));
        }
        document
    }

    fn table(&self, look: &RenderOptions) -> String {
        let head = &self.head;
        let first = match table::opening(look, head) {
            Ok(first) => first,
            Err(whole) => return whole,
        };
        let first = first + &self.noise(look) + &self.over_time(look);
        match look.rows {
            Some(rows) if !self.all => self.fitting(look, &first, rows),
            _ => first + &self.whole(look) + &table::foot(look, head) + &self.next(look),
        }
    }

    fn recap(&self, look: &RenderOptions) -> Option<String> {
        Some(table::recap(look, &self.head, &self.tables))
    }
}

impl Overview {
    /// The tables as wide as the screen is.
    fn whole(&self, look: &RenderOptions) -> String {
        let matched = self.head.totals.matched;
        let shown = |look: &RenderOptions| -> Vec<String> {
            self.tables.iter().map(|counts| table::counts(look, counts, matched)).collect()
        };
        let width = look.width.filter(|width| *width >= WIDE);
        let plain = RenderOptions { bars: false, ..look.clone() };
        let fits = |left: &str, right: &str, width: usize| widest(left) + BETWEEN + widest(right) <= width;
        // Bars give way to two tables side by side, and these to each other.
        for look in [look, &plain] {
            let shown = shown(look);
            if let Some(width) = width
                && let [prefixes, sources, networks, rest @ ..] = &shown[..]
                && fits(sources, networks, width)
            {
                let sources = beside(sources, networks, BETWEEN);
                let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
                return [&[prefixes.as_str(), &sources], &rest[..]].concat().join("\n");
            }
        }
        shown(look).join("\n")
    }

    /// All of it on one screen of so many lines: fewer rows, tables side by side, fewer tables.
    fn fitting(&self, look: &RenderOptions, first: &str, rows: usize) -> String {
        let most = self.tables.iter().map(|table| table.ranked.rows.len()).max().unwrap_or(0);
        let foot = table::foot(look, &self.head);
        let nexts = [self.next(look), self.short_next(look)];
        let mut text = String::new();
        // The order in which tables go: destinations, networks.
        for without in [&[][..], &[4], &[2, 4]] {
            for limit in (FEWEST..=most.max(FEWEST)).rev() {
                let tables = self.packed(look, limit, without);
                for next in &nexts {
                    text = format!("{first}{tables}{foot}{next}");
                    // The shell's own line is on the screen as well.
                    if text.lines().count() < rows {
                        return text;
                    }
                }
            }
        }
        text
    }

    /// Tables of at most so many rows, side by side where two fit.
    fn packed(&self, look: &RenderOptions, limit: usize, without: &[usize]) -> String {
        let plain = RenderOptions { bars: false, ..look.clone() };
        let matched = self.head.totals.matched;
        // Prefixes and ports are short, sources and networks alike.
        let order = [0, 3, 1, 2, 4].into_iter().filter(|at| *at < self.tables.len() && !without.contains(at));
        let drawn = |at: usize, look: &RenderOptions, width: Option<usize>| {
            let mut table = Ranking { brief: true, ..self.tables[at].clone() };
            table.ranked.rows.truncate(limit);
            table::counts(&RenderOptions { width, ..look.clone() }, &table, matched)
        };
        let block = |at: usize, width: Option<usize>| drawn(at, &plain, width);
        let half = look.width.map(|width| width.saturating_sub(BETWEEN) / 2);
        // With bars where each has its half of the screen, and is not broken there.
        let halves = |left: usize, right: usize| {
            let half = half.filter(|_| look.bars)?;
            let both = [left, right].map(|at| (drawn(at, look, Some(half)), block(at, look.width)));
            let whole = both.iter().all(|(bars, without)| {
                bars.lines().count() == without.lines().count()
                    && widest(without) <= half
                    && widest(bars) <= half
            });
            whole.then(|| beside_at(&both[0].0, &both[1].0, half + BETWEEN))
        };
        let mut blocks: Vec<String> = Vec::new();
        let mut left: Option<usize> = None;
        for at in order {
            let right = block(at, look.width);
            let room = look.width.and_then(|width| width.checked_sub(BETWEEN + widest(&right)));
            let pair = left.zip(room).and_then(|(left, room)| {
                let narrow = block(left, Some(room));
                // What fits only in broken rows does not fit.
                let same = narrow.lines().count() == block(left, look.width).lines().count();
                let fits = same && widest(&narrow) <= room;
                fits.then(|| halves(left, at).unwrap_or_else(|| beside(&narrow, &right, BETWEEN)))
            });
            match pair {
                Some(pair) => {
                    blocks.pop();
                    blocks.push(pair);
                    left = None;
                }
                None => {
                    blocks.push(right);
                    left = Some(at);
                }
            }
        }
        // One that is alone has the bars that its half has room for.
        if let (Some(alone), Some(last)) = (left, blocks.last_mut()) {
            let same = |width: Option<usize>| drawn(alone, look, width);
            *last = match half.filter(|half| *half >= widest(last)) {
                Some(half) => same(Some(half)),
                None => same(look.width),
            };
        }
        blocks.join("\n")
    }

    /// The share of noise.
    fn noise(&self, look: &RenderOptions) -> String {
        let Some(noise) = self.noise.filter(|_| look.header) else { return String::new() };
        let words =
            format!("≈ {:.0} % of this is noise that rules could silence (fwstat suggest)", noise * 100.0);
        let share = (noise * GAUGE as f64).round() as usize;
        let gauge = format!("{}{}", "█".repeat(share.min(GAUGE)), "░".repeat(GAUGE.saturating_sub(share)));
        let fits = look.width.is_none_or(|width| text::width(&words) + 2 + GAUGE <= width);
        match look.bars && fits {
            true => format!("{}  {}\n", look.paint(HEADING, &words), look.paint(BAR, &gauge)),
            false => sentence(look, HEADING, &words),
        }
    }

    /// The line of columns, and what one of them is.
    fn over_time(&self, look: &RenderOptions) -> String {
        let starts = self.timeline.starts(DAYS);
        let (Some(first), Some(last), true) = (starts.first(), starts.last(), starts.len() > 1) else {
            return String::new();
        };
        let values: Vec<u64> = starts.iter().map(|start| self.timeline.at(*start)).collect();
        let values = narrowed(&values, look.width.unwrap_or(DAYS));
        let largest = values.iter().copied().max().unwrap_or(0);
        let step = self.timeline.step();
        let per = length(step);
        let mut about = format!(
            "packets per {} (peak {}), {} to {}",
            per.strip_prefix("1 ").unwrap_or(&per),
            look.number(largest),
            start(*first, step),
            start(*last, step),
        );
        if self.outside > 0 {
            let packets = look.count_of(self.outside, "packet is", "packets are");
            about += &format!("; {packets} far from these in time");
        }
        let picture = match look.rows {
            Some(rows) if rows >= TALL => {
                let columns = if look.width.is_some_and(|width| values.len() * 2 <= width) { 2 } else { 1 };
                chart(&values, HEIGHT, columns)
            }
            _ => vec![sparkline(&values)],
        };
        let picture: String = picture.iter().map(|line| look.paint(BAR, line) + "\n").collect();
        format!("{picture}{}\n", sentence(look, DIM, &about))
    }

    /// Commands worth typing after this one.
    fn next(&self, look: &RenderOptions) -> String {
        if self.head.of_states {
            return String::new();
        }
        let first = self.tables.first().and_then(|table| Some((table, table.ranked.rows.first()?)));
        let prefix =
            first.and_then(|(table, row)| next::filters_of(&table.by, &row.cells)).unwrap_or_default();
        let of = |name: &str, more: &[String]| next::command(&self.head, name, more);
        let mut commands = vec![
            (of("top", &prefix), "more of one prefix"),
            (of("timeline", &["--by prefix".to_owned()]), "over time"),
            (of("suggest", &[]), "rules that silence the noise"),
            (of("check", &[]), "what could not be read"),
        ];
        if look.rows.is_some() && !self.all {
            commands.push((of("", &["--all".to_owned()]), "all of this overview"));
        }
        next::block(look, &commands)
    }

    /// The same on one line, for small screens.
    fn short_next(&self, look: &RenderOptions) -> String {
        if self.head.of_states {
            return String::new();
        }
        let of = |name: &str, more: &[String]| next::command(&self.head, name, more);
        let long =
            format!("Next: {}; {}; {}", of("top", &[]), of("suggest", &[]), of("", &["--all".to_owned()]));
        let fits = look.width.is_none_or(|width| text::width(&long) <= width);
        let line = if fits { long } else { "Next: fwstat top, suggest, check, or --all for more".to_owned() };
        sentence(look, DIM, &line)
    }
}

/// So many values at most: neighbours are added up where there are more.
fn narrowed(values: &[u64], columns: usize) -> Vec<u64> {
    let each = values.len().div_ceil(columns.max(1)).max(1);
    values.chunks(each).map(|part| part.iter().sum()).collect()
}
