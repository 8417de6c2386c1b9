//! When: packets by prefix over time, the week if it has a rhythm, and what changed.
//!
//! Responsible for: these pictures and their words.
//! Must not know: how they are drawn (`plot`), or whether there is a rhythm (`analysis::summary`).
//! Tested by: `tests/cli/report_page.rs`.

use fwlog::record::WEEKDAYS;
use fwlog::text;

use super::block::{Block, Figure, Section, Told, minute, packets};
use super::plot::{sparkline, stacked};
use super::table::{Cell, Table, numbers, plain, shown, words};
use super::who::{network, port};
use crate::analysis::summary::Subject;
use crate::analysis::summary::week::Week;
use crate::report::timeline::length;

/// Prefixes with a colour of their own.
const COLOURS: usize = 7;
/// Labels below a picture.
const LABELS: i64 = 5;

/// Packets over time, by prefix.
pub(super) fn section(told: &Told<'_>) -> Option<Section> {
    let summary = told.summary;
    let grid = summary.grid.filter(|grid| grid.count > 1)?;
    let (own, rest) = summary.prefixes.split_at(summary.prefixes.len().min(COLOURS));
    let mut others = summary.other_prefixes.clone();
    for row in rest {
        others.iter_mut().zip(&row.more).for_each(|(sum, count)| *sum += count);
    }
    let mut series: Vec<&[u64]> = own.iter().map(|row| &row.more[..]).collect();
    let mut legend: Vec<(String, String)> =
        own.iter().enumerate().map(|(at, row)| (format!("s{at}"), prefix(&row.what))).collect();
    if others.iter().any(|count| *count > 0) {
        series.push(&others);
        legend.push((format!("s{}", own.len()), "all others".to_owned()));
    }
    let sums: Vec<u64> = (0..grid.count).map(|at| series.iter().map(|values| values[at]).sum()).collect();
    let peak = sums.iter().copied().max().unwrap_or(0);
    let per = length(grid.step);
    let per = per.strip_prefix("1 ").unwrap_or(&per).to_owned();
    let when =
        sums.iter().position(|sum| *sum == peak).map_or(grid.start, |at| grid.start + at as i64 * grid.step);
    let words_of =
        format!("Packets per {per} by prefix: at most {} at {}", text::grouped(peak), minute(when));
    let figure = Figure {
        caption: format!("Packets per {per}, by prefix"),
        svg: stacked(&series, &words_of),
        top: text::grouped(peak),
        axis: (0..LABELS)
            .map(|at| minute(grid.start + (grid.end() - grid.start) * at / (LABELS - 1)))
            .collect(),
        legend: if legend.len() > 1 { legend } else { Vec::new() },
    };
    let mut lead = format!(
        "At most {} per {per}, from {} on. Below, each prefix on a scale of its own: what is rare is seen as well.",
        packets(peak),
        minute(when)
    );
    if summary.untimed.0 > 0 {
        lead += &format!(" {} far from these in time not shown: a clock was wrong.", are(summary.untimed.0));
    }
    if summary.untimed.1 > 0 {
        lead += &format!(" {} without a known time.", are(summary.untimed.1));
    }
    let mut blocks = vec![Block::Figure(figure)];
    let table = prefixes(told, &per);
    if table.rows.len() > 1 {
        blocks.push(Block::Table(table));
    }
    Some(Section { id: "time", title: "Over time", lead, blocks })
}

/// `3 packets are`.
fn are(count: u64) -> String {
    text::count_of(count, "packet is", "packets are")
}

/// A prefix as the page shows it.
fn prefix(prefix: &[u8]) -> String {
    if prefix.is_empty() { "(no prefix)".to_owned() } else { shown(prefix) }
}

/// Each prefix on a scale of its own.
fn prefixes(told: &Told<'_>, per: &str) -> Table {
    let summary = told.summary;
    let rows = summary.prefixes.iter().map(|row| {
        let peak = row.more.iter().copied().max().unwrap_or(0);
        let name = format!("{} over time: at most {} per {per}", prefix(&row.what), text::grouped(peak));
        vec![
            Cell::code(prefix(&row.what)).broken(),
            Cell::number(row.packets),
            Cell::number(peak),
            Cell::picture(sparkline(&row.more, &name)),
        ]
    });
    Table {
        caption: "Prefix by prefix".to_owned(),
        about: super::block::top_of(summary.prefixes.len(), summary.all_prefixes, "prefix", "prefixes"),
        class: "series",
        columns: vec![words("Prefix"), numbers("Packets"), numbers("Peak"), plain("Over time")],
        rows: rows.collect(),
        tools: false,
    }
}

/// The week.
pub(super) fn week(told: &Told<'_>) -> Option<Section> {
    let section =
        |lead: &str, blocks| Some(Section { id: "week", title: "The week", lead: lead.to_owned(), blocks });
    let means = match &told.summary.week {
        // A log of days has no weeks to speak of.
        Week::Short => return None,
        Week::Even => {
            return section(
                "No rhythm: the hours of the day and the days of the week differ as chance lets them.",
                Vec::new(),
            );
        }
        Week::Rhythm(means) => means,
    };
    let largest = means.iter().copied().fold(0.0, f64::max);
    let rows = WEEKDAYS.iter().zip(means.chunks(24)).map(|(day, hours)| {
        let cells = hours
            .iter()
            .map(|mean| Cell::text(mean_text(*mean)).shaded(mean / largest.max(f64::MIN_POSITIVE)));
        std::iter::once(Cell::text((*day).to_owned())).chain(cells).collect()
    });
    const HOURS: [&str; 24] = [
        "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16",
        "17", "18", "19", "20", "21", "22", "23",
    ];
    let columns = std::iter::once(plain("Day")).chain(HOURS.map(plain)).collect();
    let table = Table {
        caption: "Packets per hour".to_owned(),
        about: "on average over the hours that the log covers; the scale begins at 0".to_owned(),
        class: "heat",
        columns,
        rows: rows.collect(),
        tools: false,
    };
    section(
        "The log has a rhythm: some hours have more packets than others, week after week.",
        vec![Block::Table(table)],
    )
}

/// A mean in few digits.
fn mean_text(mean: f64) -> String {
    match mean {
        m if m >= 9.95 => text::grouped(m.round() as u64),
        m => format!("{m:.1}"),
    }
}

/// What is new, gone or grown.
pub(super) fn changes(told: &Told<'_>) -> Option<Section> {
    let summary = told.summary;
    let grid = summary.grid.filter(|_| !summary.changes.is_empty())?;
    let rows = summary.changes.iter().map(|change| {
        let what = match &change.what {
            Subject::Prefix(bytes) => Cell::code(prefix(bytes)).with("prefix").broken(),
            Subject::Port(protocol, at) => port(*protocol, *at),
            Subject::Network(addr) => network(told, *addr),
        };
        vec![what, Cell::text(change.kind.word()), Cell::number(change.before), Cell::number(change.after)]
    });
    let half = grid.count as i64 / 2 * grid.step;
    let table = Table {
        caption: "Changes".to_owned(),
        about: "that chance does not explain".to_owned(),
        columns: vec![plain("What"), plain("Change"), numbers("First half"), numbers("Second half")],
        rows: rows.collect(),
        ..Table::default()
    };
    let lead = format!(
        "What is new, gone, at least doubled or halved from the first half of the log ({} to {}) to the second ({} to {}).",
        minute(grid.start),
        minute(grid.start + half),
        minute(grid.end() - half),
        minute(grid.end())
    );
    Some(Section { id: "changes", title: "What changed", lead, blocks: vec![Block::Table(table)] })
}
