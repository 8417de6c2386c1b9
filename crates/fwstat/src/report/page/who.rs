//! Who, and at which ports: sources and networks, ports, who is at which port.
//!
//! Responsible for: these tables and pictures, and how an address and a port are written.
//! Must not know: how they were counted.
//! Tested by: `tests/cli/report_page.rs`.

use std::net::IpAddr;

use fwlog::{services, text};
use logparse::Protocol;

use super::block::{Block, Section, Told, minute, top_of};
use super::plot::{bar, sparkline};
use super::table::{Cell, Column, Table, bars, numbers, plain, shown, words};
use crate::analysis::summary::Counted;
use crate::analysis::summary::details::Talker;
use crate::analysis::summary::first::{NET, ROWS};
use crate::report::style::percent;

/// Networks and ports of the picture of both.
const MATRIX: (usize, usize) = (14, 12);

/// An address, with what is known of it.
pub(super) fn address(told: &Told<'_>, addr: IpAddr) -> Cell {
    let cell = Cell::code(addr.to_string());
    let Some(who) = told.who.get(&addr) else { return cell };
    let known: Vec<String> =
        [&who.name, &who.place].into_iter().flatten().map(|known| shown(known.as_bytes())).collect();
    cell.with(known.join(", "))
}

/// A network, with what is known of its first address.
pub(super) fn network(told: &Told<'_>, addr: IpAddr) -> Cell {
    let cell = Cell::code(network_name(addr));
    match told.who.get(&addr).and_then(|who| who.place.as_ref()) {
        Some(place) => cell.with(shown(place.as_bytes())),
        None => cell,
    }
}

/// A network of sources, by its first address.
#[must_use]
pub fn network_name(addr: IpAddr) -> String {
    format!("{addr}/{}", if addr.is_ipv4() { NET.0 } else { NET.1 })
}

/// A port with its protocol and the name of its service.
pub(super) fn port(protocol: u8, port: u16) -> Cell {
    let cell = Cell { key: Some(u64::from(port)), ..Cell::code(port_name(protocol, port)) };
    services::name(Protocol(protocol), port).map_or(cell.clone(), |name| cell.beside(name))
}

fn port_name(protocol: u8, port: u16) -> String {
    format!("{}/{port}", Protocol(protocol).to_string().to_lowercase())
}

/// A table of sources or of networks.
fn talkers<'r>(
    told: &Told<'_>,
    rows: impl Iterator<Item = &'r Counted<IpAddr, Talker>>,
    name: impl Fn(IpAddr) -> Cell,
) -> Vec<Vec<Cell>> {
    let matched = told.head.totals.matched;
    rows.map(|row| {
        let what = format!("{} over time", name(row.what).text);
        let first = row.more.span.map_or(Cell::default(), |(first, last)| {
            let (from, to) = (minute(first), minute(last));
            let to = if from.get(..10) == to.get(..10) { to.get(11..).unwrap_or("").to_owned() } else { to };
            Cell::valued(from.clone(), u64::try_from(first).unwrap_or(0)).with(format!("to {to}"))
        });
        vec![
            name(row.what),
            Cell::number(row.packets).with(percent(row.packets, matched)),
            Cell::number(u64::from(row.more.ports.count())),
            first,
            Cell::picture(sparkline(&crate::analysis::summary::grid::narrowed(&row.more.time, 60), &what)),
        ]
    })
    .collect()
}

/// Sources and their networks.
pub(super) fn sources(told: &Told<'_>) -> Option<Section> {
    let summary = told.summary;
    let first = summary.networks.first()?;
    let columns = |name: &'static str| {
        vec![words(name), numbers("Packets"), numbers("Ports"), words("Seen"), plain("Over time")]
    };
    let networks = Table {
        caption: "Networks".to_owned(),
        about: top_of(summary.networks.len().min(ROWS), summary.all_networks, "network", "networks"),
        class: "series",
        columns: columns("Network"),
        rows: talkers(told, summary.networks.iter().take(ROWS), |addr| network(told, addr)),
        tools: true,
    };
    let sources = Table {
        caption: "Sources".to_owned(),
        about: top_of(summary.sources.len(), summary.all_sources, "source", "sources"),
        class: "series",
        columns: columns("Source"),
        rows: talkers(told, summary.sources.iter(), |addr| address(told, addr)),
        tools: true,
    };
    let lead = format!(
        "{} in {} (/{} of IPv4, /{} of IPv6). {} has the most packets: {} ({}).",
        text::count_of(summary.all_sources, "source", "sources"),
        text::count_of(summary.all_networks, "network", "networks"),
        NET.0,
        NET.1,
        network_name(first.what),
        text::grouped(first.packets),
        percent(first.packets, told.head.totals.matched)
    );
    Some(Section {
        id: "sources",
        title: "Who",
        lead,
        blocks: vec![Block::Table(networks), Block::Table(sources)],
    })
}

/// Ports, and who is at which.
pub(super) fn ports(told: &Told<'_>) -> Option<Section> {
    let summary = told.summary;
    let first = summary.ports.first()?;
    let largest = first.packets.max(1) as f64;
    let rows = summary.ports.iter().map(|row| {
        let (protocol, at) = row.what;
        let (count, exact) = row.more.sources.count();
        let sources = if exact { text::grouped(count) } else { format!("≈ {}", text::grouped(count)) };
        vec![
            port(protocol, at),
            Cell::number(row.packets).with(percent(row.packets, told.head.totals.matched)),
            Cell::picture(bar(row.packets as f64 / largest)),
            Cell::valued(sources, count),
            Cell::picture(sparkline(
                &crate::analysis::summary::grid::narrowed(&row.more.time, 60),
                &format!("{} over time", port_name(protocol, at)),
            )),
        ]
    });
    let table = Table {
        caption: "Destination ports".to_owned(),
        about: top_of(summary.ports.len(), summary.all_ports, "port", "ports"),
        class: "series",
        columns: vec![words("Port"), numbers("Packets"), bars(), numbers("Sources"), plain("Over time")],
        rows: rows.collect(),
        tools: true,
    };
    let mut blocks = vec![Block::Table(table)];
    blocks.extend(matrix(told).map(Block::Table));
    let name = services::name(Protocol(first.what.0), first.what.1)
        .map_or(String::new(), |name| format!(" ({name})"));
    let lead = format!(
        "{} were tried. The most packets go to {}{name}: {}.",
        text::count_of(summary.all_ports, "port", "ports"),
        port_name(first.what.0, first.what.1),
        percent(first.packets, told.head.totals.matched)
    );
    Some(Section { id: "ports", title: "At which ports", lead, blocks })
}

/// Which networks are at which ports, of those that differ most from all others.
fn matrix(told: &Told<'_>) -> Option<Table> {
    let summary = told.summary;
    let rows = summary.unusual_networks(MATRIX.0);
    let ports = &summary.ports[..summary.ports.len().min(MATRIX.1)];
    if rows.len() < 2 || ports.len() < 2 {
        return None;
    }
    let cells = rows.iter().map(|row| {
        let own = row.packets.max(1) as f64;
        let shown: u64 = row.more.at[..ports.len()].iter().sum();
        let at = |count: u64| match count {
            0 => Cell::text("·").shaded(0.0),
            count => Cell::text(text::grouped(count)).shaded(count as f64 / own),
        };
        let mut cells = vec![network(told, row.what)];
        cells.extend(row.more.at[..ports.len()].iter().map(|count| at(*count)));
        cells.push(at(row.packets.saturating_sub(shown)));
        cells
    });
    // Names of columns are fixed words elsewhere; these few are made for this page.
    let heads: Vec<String> = ports.iter().map(|row| port_name(row.what.0, row.what.1)).collect();
    let mut table = Table {
        caption: "Networks and ports".to_owned(),
        about: "networks whose ports differ most from those of all packets; the stronger the colour, the larger the part of the \
                network's packets"
            .to_owned(),
        class: "heat",
        columns: vec![Column { sorts: false, ..words("Network") }],
        rows: cells.collect(),
        tools: false,
    };
    table.columns.extend(heads.into_iter().map(Column::named));
    table.columns.push(plain("other"));
    Some(table)
}
