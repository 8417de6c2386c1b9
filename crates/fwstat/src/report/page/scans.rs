//! Scans: a row for a campaign, and which networks tried how many ports.
//!
//! Responsible for: this section.
//! Must not know: what a scan is, what it is called (`report::scans`).
//! Tested by: `tests/cli/report.rs`, `tests/cli/report_page.rs`.

use fwlog::sorting::InOrder as _;
use std::net::IpAddr;

use fwlog::aggregate::scans::Probe;
use fwlog::text;

use super::block::{Block, Code, Figure, Section, Told, packets, top_of};
use super::plot::{Point, points, sparkline};
use super::table::{Cell, Table, numbers, plain, words};
use super::who::{address, network, network_name};
use crate::analysis::scans::Campaign;
use crate::analysis::summary::details::Talker;
use crate::analysis::summary::{Counted, Summary};
use crate::report::scans::{Ports, all_of_them, began, its_lines, shape, took, who};

/// Ports from which on a network tried many.
const MANY: u32 = 20;
/// Networks that are named because they did.
const NAMED: usize = 8;

/// Campaigns, and networks by the number of ports they tried.
pub(super) fn section(told: &Told<'_>) -> Option<Section> {
    let (many, mut blocks) = networks(told).unwrap_or_default();
    let lead = if told.campaigns.list.is_empty() {
        many.unwrap_or_else(|| format!("No network of others tried {MANY} ports or more."))
    } else {
        let count = text::count_of(told.campaigns.all as u64, "campaign", "campaigns");
        blocks.splice(0..0, campaigns(told).into_iter().chain(many.map(Block::Note)));
        format!("{count}: a campaign is one scan, however many packets, sources or days it took.")
    };
    (!blocks.is_empty()).then_some(Section { id: "scans", title: "Scans", lead, blocks })
}

/// The campaigns, and the commands that show their lines.
fn campaigns(told: &Told<'_>) -> Vec<Block> {
    let shown = &told.campaigns.list;
    let rows = shown.iter().map(|campaign| {
        let time = match began(campaign, told.clock) {
            Some(began) => {
                let first = campaign.span.map_or(0, |(first, _)| first);
                Cell::valued(began, u64::try_from(first).unwrap_or(0))
                    .with(format!("took {}", took(campaign)))
            }
            None => Cell::text("-"),
        };
        let over_time = match &campaign.timeline[..] {
            [] => Cell::default(),
            timeline => Cell::picture(sparkline(timeline, &format!("campaign {} over time", campaign.id))),
        };
        let how: Vec<&str> = [Some(campaign.technique), campaign.tool].into_iter().flatten().collect();
        vec![
            source(told, campaign),
            Cell::text(shape(campaign)).with(how.join(", ")).broken(),
            Cell::text(Ports::of(campaign).to_string()).with(format!("on {}", who(&campaign.targets))),
            time,
            Cell::number(campaign.packets),
            Cell::code(&campaign.id),
            over_time,
        ]
    });
    let table = Table {
        caption: "Campaigns".to_owned(),
        about: match told.campaigns.all > shown.len() {
            true => format!("the newest {} of {}", shown.len(), text::grouped(told.campaigns.all as u64)),
            false => "newest first".to_owned(),
        },
        class: "series campaigns",
        columns: vec![
            words("Source"),
            words("Shape, technique, tool"),
            words("Ports, target"),
            words("Began"),
            numbers("Packets"),
            plain("ID"),
            plain("Over time"),
        ],
        rows: rows.collect(),
        tools: true,
    };
    let lines: Vec<String> =
        shown.iter().map(|campaign| its_lines(told.head, &campaign.id, &told.input)).collect();
    let mut blocks =
        vec![Block::Table(table), Block::Code(Code::closed("The lines of each", lines.join("\n")))];
    let more = told.campaigns.all - shown.len();
    if more > 0 {
        let title = format!("And {} more", text::grouped(more as u64));
        blocks.push(Block::Code(Code::open(title, all_of_them(told.head, &told.input))));
    }
    blocks
}

/// Who scanned: an address with what is known of it, or how many.
fn source(told: &Told<'_>, campaign: &Campaign) -> Cell {
    match campaign.sources.first() {
        Some(only) if campaign.sources.len() == 1 => address(told, Probe::address(*only)),
        _ => Cell::code(who(&campaign.sources)),
    }
}

/// Networks by the number of ports they tried: what is said of those that tried many, and the picture.
fn networks(told: &Told<'_>) -> Option<(Option<String>, Vec<Block>)> {
    let summary = told.summary;
    let rows: Vec<&Counted<IpAddr, Talker>> =
        summary.networks.iter().filter(|row| row.more.ports.count() > 0).collect();
    if rows.len() < 3 {
        return None;
    }
    let scans = |row: &Counted<IpAddr, Talker>| row.more.ports.count() >= MANY && !is_private(row.what);
    let mut many: Vec<&Counted<IpAddr, Talker>> = rows.iter().copied().filter(|row| scans(row)).collect();
    many.order_by_key(|row| (std::cmp::Reverse(row.more.ports.count()), row.what));
    let named: Vec<IpAddr> = many.iter().take(NAMED).map(|row| row.what).collect();
    let dots: Vec<Point> = rows.iter().map(|row| dot(row, named.contains(&row.what))).collect();
    let (svg, across, up) = points(&dots, "Networks by ports tried and packets");
    let figure = Figure {
        caption: format!("Ports tried and packets, a dot a network{}", of_all(rows.len(), summary)),
        svg,
        top: format!("↑ packets, to {}", text::grouped(up)),
        axis: vec![
            "1 port".to_owned(),
            "from line to line ten times as many".to_owned(),
            format!("{} ports →", text::grouped(across)),
        ],
        legend: Vec::new(),
    };
    let mut blocks = vec![Block::Figure(figure)];
    let table = many.iter().take(NAMED).map(|row| {
        vec![
            network(told, row.what),
            Cell::number(u64::from(row.more.ports.count())),
            Cell::number(row.packets),
        ]
    });
    let table = Table {
        caption: "Networks at very many ports".to_owned(),
        columns: vec![words("Network"), numbers("Ports"), numbers("Packets")],
        rows: table.collect(),
        ..Table::default()
    };
    let lead = (!many.is_empty()).then(|| {
        format!(
            "{} of others tried {MANY} ports or more. Scales are logarithmic: what stands apart to the right scans.",
            text::count_of(many.len() as u64, "network", "networks")
        )
    });
    blocks.extend((!table.is_empty()).then_some(Block::Table(table)));
    Some((lead, blocks))
}

/// Whether a network is one of those that LANs use.
fn is_private(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr.is_private() || addr.is_link_local() || addr.is_unspecified(),
        IpAddr::V6(addr) => addr.is_unique_local() || addr.is_unicast_link_local(),
    }
}

fn dot(row: &Counted<IpAddr, Talker>, marked: bool) -> Point {
    let ports = row.more.ports.count();
    let name = format!(
        "{}: {}, {}",
        network_name(row.what),
        text::count_of(u64::from(ports), "port", "ports"),
        packets(row.packets)
    );
    Point { x: u64::from(ports), y: row.packets, name, marked }
}

fn of_all(shown: usize, summary: &Summary) -> String {
    match top_of(shown, summary.all_networks, "network", "networks") {
        top if top.is_empty() => String::new(),
        top => format!(" ({top})"),
    }
}
