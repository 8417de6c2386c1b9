//! `fwstat scans` on paper: a row per campaign.
//!
//! Responsible for: what each form says of a campaign.
//! Must not know: how campaigns are found.
//! Tested by: `tests/cli/scans.rs`, `tests/screens`.

use std::collections::BTreeSet;

use fwlog::aggregate::scans::{Folded, Probe};
use fwlog::text;
use fwlog::time::clock::{self, Clock};
use serde_json::{Map, Value, json};

use super::csv::Delimiter;
use super::style::{Column, DIM, Gives, KEY, RenderOptions, columns, sentence, sparkline};
use super::{Head, Report, json, next, table};
use crate::analysis::scans::{Campaign, Shown, ranges};

/// Rows of a table where nothing else is asked for; a report has no more of them.
pub const LIMIT: usize = 20;
/// Addresses of a campaign that are listed.
const LISTED: usize = 256;

/// Campaigns, in the order in which they are shown.
pub struct Table<'c> {
    /// What was read.
    pub head: &'c Head,
    /// The clock of the report.
    pub clock: &'c Clock,
    /// The options about the input, as words: by another zone or year, a campaign has another ID.
    pub input: Vec<String>,
    /// The campaigns.
    pub shown: &'c Shown,
    /// The lines of each, if they were looked for.
    pub lines: Option<Vec<&'c [(u64, u64)]>>,
    /// Sources that asked for something and scanned nothing.
    pub below: u64,
    /// Packets that ask for nothing.
    pub answers: u64,
    /// Packets that can be no part of a scan.
    pub others: u64,
    /// Sources that became a count.
    pub folded: &'c Folded,
}

impl Table<'_> {
    fn utc(moment: i64) -> String {
        clock::utc_text(moment.saturating_mul(1_000_000))
    }

    /// What is not in the rows.
    fn summary(&self, look: &RenderOptions) -> String {
        let (rows, all) = (self.shown.list.len() as u64, self.shown.all as u64);
        let mut parts = vec![match all {
            0 => "no scans".to_owned(),
            _ if rows < all => {
                format!("{} of {}", look.number(rows), look.count_of(all, "campaign", "campaigns"))
            }
            _ => look.count_of(all, "campaign", "campaigns"),
        }];
        if self.shown.low > 0 {
            parts.push(format!("{} of low confidence not shown (--all)", look.number(self.shown.low)));
        }
        if self.below > 0 {
            parts.push(format!("{} below the threshold", look.count_of(self.below, "source", "sources")));
        }
        if self.answers > 0 {
            parts.push(format!("{} not counted", look.count_of(self.answers, "answer", "answers")));
        }
        let mut out = sentence(look, DIM, &parts.join("; "));
        if self.folded.sources > 0 {
            let things = match self.folded.most {
                0 | 1 => "one thing only".to_owned(),
                most => format!("{most} things at most"),
            };
            let folded = format!(
                "--max-memory: {} that asked for {things} became a count",
                look.count_of(self.folded.sources, "source", "sources")
            );
            out.push_str(&sentence(look, DIM, &folded));
        }
        out
    }

    /// Commands about the first row.
    fn next(&self, look: &RenderOptions) -> String {
        let Some(first) = self.shown.list.first() else { return String::new() };
        next::block(look, &[(its_lines(self.head, &first.id, &self.input), "its lines")])
    }
}

impl Report for Table<'_> {
    fn json(&self) -> Map<String, Value> {
        let mut document = json::head("fwstat.scans/1", self.head);
        let campaigns: Vec<Value> = self
            .shown
            .list
            .iter()
            .enumerate()
            .map(|(at, campaign)| {
                let mut object = object(campaign);
                if let Some(lines) = &self.lines {
                    object.insert("line_numbers".to_owned(), json!(lines[at]));
                }
                Value::Object(object)
            })
            .collect();
        document.insert("campaigns".to_owned(), json!(campaigns));
        document.insert("low_confidence_hidden".to_owned(), json!(self.shown.low));
        document.insert("sources_below".to_owned(), json!(self.below));
        document.insert("answers".to_owned(), json!(self.answers));
        document.insert("others".to_owned(), json!(self.others));
        document.insert("sources_folded".to_owned(), json!(self.folded.sources));
        document
    }

    fn rows(&self, delimiter: Delimiter, header: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if header {
            let names = [
                "id",
                "first",
                "last",
                "seconds",
                "technique",
                "also",
                "shape",
                "slow",
                "tool",
                "confidence",
                "sources",
                "source",
                "targets",
                "target",
                "ports",
                "n_ports",
                "list",
                "order",
                "packets",
                "aims",
                "pause",
                "why",
            ];
            delimiter.line(&mut out, names);
        }
        for campaign in &self.shown.list {
            let moment = |moment: Option<i64>| moment.map(Self::utc).unwrap_or_default();
            let cells = [
                campaign.id.clone(),
                moment(campaign.span.map(|span| span.0)),
                moment(campaign.span.map(|span| span.1)),
                seconds(campaign).map(|s| s.to_string()).unwrap_or_default(),
                campaign.technique.to_owned(),
                campaign.also.join(" "),
                campaign.shape.clone(),
                campaign.slow.to_string(),
                campaign.tool.unwrap_or_default().to_owned(),
                campaign.confidence.word().to_owned(),
                campaign.sources.len().to_string(),
                who(&campaign.sources),
                campaign.targets.len().to_string(),
                who(&campaign.targets),
                port_texts(campaign).join(" "),
                campaign.port_count().to_string(),
                campaign.list.as_ref().map(|(name, _)| name.clone()).unwrap_or_default(),
                campaign.order.unwrap_or_default().to_owned(),
                campaign.packets.to_string(),
                campaign.aims.to_string(),
                (campaign.pause as f64 / 1_000.0).to_string(),
                campaign.why.clone(),
            ];
            delimiter.line(&mut out, cells.iter().map(String::as_str));
        }
        Some(out)
    }

    fn table(&self, look: &RenderOptions) -> String {
        let mut out = match table::opening(look, self.head) {
            Ok(first) => first,
            Err(whole) => return whole,
        };
        out.push_str(&rows(look, self.clock, &self.shown.list));
        if look.header {
            out.push_str(&self.summary(look));
        }
        out.push_str(&table::foot(look, self.head));
        out.push_str(&self.next(look));
        out
    }
}

/// A row for each campaign, with heads.
pub(super) fn rows(look: &RenderOptions, clock: &Clock, list: &[Campaign]) -> String {
    let heads = [
        Column::whole("ID"),
        Column::whole("BEGAN"),
        Column::number("TOOK"),
        Column::whole("SOURCE").styled(KEY),
        Column::text("PORTS"),
        Column::text("TECHNIQUE"),
        Column::number("PACKETS"),
        Column::whole("SHAPE").giving(Gives::Late),
        Column::whole("TOOL").giving(Gives::Late),
        Column::whole("TARGET").giving(Gives::Late),
        Column::whole("OVER TIME").giving(Gives::Way),
    ];
    let years: BTreeSet<String> =
        list.iter().filter_map(|campaign| Some(began(campaign, clock)?[..4].to_owned())).collect();
    // The year says nothing where all are of one; the head of the report has it.
    let from = if years.len() > 1 { 0 } else { 5 };
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|campaign| {
            vec![
                campaign.id.clone(),
                began(campaign, clock).map_or("-".to_owned(), |began| began[from..].to_owned()),
                took(campaign),
                who(&campaign.sources),
                Ports::of(campaign).to_string(),
                campaign.technique.to_owned(),
                look.number(campaign.packets),
                // That there are several sources stands in their column.
                shape(campaign).replace("distributed-", ""),
                campaign.tool.unwrap_or("-").to_owned(),
                who(&campaign.targets),
                sparkline(&campaign.timeline),
            ]
        })
        .collect();
    if rows.is_empty() { String::new() } else { columns(look, &heads, &rows) }
}

/// A campaign as an object.
pub(super) fn object(campaign: &Campaign) -> Map<String, Value> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    let moment = |moment: Option<i64>| moment.map(Table::utc);
    put("id", json!(campaign.id));
    put("first", json!(moment(campaign.span.map(|span| span.0))));
    put("last", json!(moment(campaign.span.map(|span| span.1))));
    put("seconds", json!(campaign.span.map(|(first, last)| (last - first) as f64 / 1_000.0)));
    put("technique", json!(campaign.technique));
    put("also", json!(campaign.also));
    put("shape", json!(campaign.shape));
    put("slow", json!(campaign.slow));
    put("tool", json!(campaign.tool));
    put("traits", json!(campaign.traits));
    put("confidence", json!(campaign.confidence.word()));
    put("sources", addresses(&campaign.sources));
    put("n_sources", json!(campaign.sources.len()));
    put("targets", addresses(&campaign.targets));
    put("n_targets", json!(campaign.targets.len()));
    put("ports", json!(port_texts(campaign)));
    put("n_ports", json!(campaign.port_count()));
    put("list", json!(campaign.list.as_ref().map(|(name, _)| name)));
    put("coverage", json!(campaign.list.as_ref().map(|(_, part)| (part * 1_000.0).round() / 1_000.0)));
    put("order", json!(campaign.order));
    put("packets", json!(campaign.packets));
    put("answers", json!(campaign.answers));
    put("aims", json!(campaign.aims));
    put("typical_pause", json!(campaign.pause as f64 / 1_000.0));
    put("timeline", json!(campaign.timeline));
    put("why", json!(campaign.why));
    object
}

/// The first addresses of a set.
fn addresses(all: &[u128]) -> Value {
    all.iter().take(LISTED).map(|address| json!(Probe::address(*address).to_string())).collect()
}

/// Ports as `21-23/tcp`.
fn port_texts(campaign: &Campaign) -> Vec<String> {
    let mut out = Vec::new();
    for (protocol, ports) in &campaign.ports {
        let name = logparse::Protocol(*protocol).to_string().to_lowercase();
        for (from, to) in ranges(ports) {
            out.push(if from == to { format!("{from}/{name}") } else { format!("{from}-{to}/{name}") });
        }
    }
    out
}

/// When a campaign began, to the minute, by the clock of a report.
pub(super) fn began(campaign: &Campaign, clock: &Clock) -> Option<String> {
    let (first, _) = campaign.span?;
    let local = clock.at(first.saturating_mul(1_000_000)).local_seconds();
    let text = clock::local_text(local);
    text.get(..16).filter(|minute| minute.is_ascii()).map(str::to_owned)
}

/// How long it took.
pub(super) fn took(campaign: &Campaign) -> String {
    seconds(campaign).map_or("-".to_owned(), length)
}

/// Its shape, and whether it is slow.
pub(super) fn shape(campaign: &Campaign) -> String {
    if campaign.slow { format!("slow {}", campaign.shape) } else { campaign.shape.clone() }
}

/// The command that shows its lines.
pub(super) fn its_lines(head: &Head, id: &str, input: &[String]) -> String {
    next::command(head, "lines", &[&[format!("--campaign {id}")], input].concat())
}

/// The command that shows all campaigns.
pub(super) fn all_of_them(head: &Head, input: &[String]) -> String {
    next::command(head, "scans", &[&["-n 0".to_owned()], input].concat())
}

/// Ports for people.
pub(super) enum Ports {
    /// Nothing that has ports was asked for.
    None,
    /// A list's name, or a few ports.
    Named(String),
    /// So many that only their number is said.
    Many(usize),
}

impl Ports {
    /// Those of a campaign.
    pub(super) fn of(campaign: &Campaign) -> Ports {
        const FEW: usize = 3;
        if let Some((name, _)) = &campaign.list {
            return Ports::Named(name.clone());
        }
        let texts = port_texts(campaign);
        match texts.len() {
            0 => Ports::None,
            1..=FEW => Ports::Named(texts.join(" ")),
            _ => Ports::Many(campaign.port_count()),
        }
    }
}

/// As a cell of a table has them.
impl std::fmt::Display for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ports::None => f.write_str("-"),
            Ports::Named(name) => f.write_str(name),
            Ports::Many(count) => write!(f, "{count} ports"),
        }
    }
}

/// One address, or how many there are in which network.
pub(super) fn who(all: &[u128]) -> String {
    let (Some(&first), Some(&last)) = (all.first(), all.last()) else { return "-".to_owned() };
    if all.len() == 1 {
        return Probe::address(first).to_string();
    }
    let (length, whole) = (128 - (first ^ last).leading_zeros(), first >> 32 == 0xffff);
    let bits = if whole { 32 - length.min(32) } else { 128 - length };
    // Networks as people write them.
    let bits = if whole { bits / 8 * 8 } else { bits / 16 * 16 };
    let kept = if whole { 96 + bits } else { bits };
    let network = if kept == 0 { 0 } else { first >> (128 - kept) << (128 - kept) };
    if (whole && bits < 16) || (!whole && bits < 32) {
        return format!("{} addresses", text::grouped(all.len() as u64));
    }
    format!("{} of {}/{bits}", text::grouped(all.len() as u64), Probe::address(network))
}

fn seconds(campaign: &Campaign) -> Option<i64> {
    campaign.span.map(|(first, last)| (last - first) / 1_000)
}

/// A length of time in a few signs.
fn length(seconds: i64) -> String {
    match seconds {
        s if s < 100 => format!("{s}s"),
        s if s < 100 * 60 => format!("{}min", s / 60),
        s if s < 48 * 3_600 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}
