//! Reports for people: what was read, then the tables.
//!
//! Responsible for: the words around the numbers.
//! Must not know: where numbers come from.
//! Tested by: `tests/screens`.

use std::net::IpAddr;

use anstyle::Style;

use super::style::{self, Column, DIM, Gives, HEADING, KEY, NEAR, OWN, RenderOptions, WARN, cell, percent};
use super::{Head, Ranking};
use crate::analysis::near_hits;
use fwlog::pipeline::Totals;
use fwlog::record::OwnedValue;
use fwlog::text;
use fwlog::time::clock::local_text;

/// The lines that every report begins with.
#[must_use]
pub fn head(look: &RenderOptions, head: &Head) -> String {
    let mut out = String::new();
    if look.header {
        let totals = &head.totals;
        let files = match &head.files[..] {
            [one] if one == "-" => "standard input".to_owned(),
            [one] => text::escape(one.as_bytes()),
            many => look.count_of(many.len() as u64, "file", "files"),
        };
        let lines = look.count_of(totals.lines, "line", "lines");
        let lines = match totals.skipped {
            0 => lines,
            skipped => format!("{lines} read of {}", look.number(totals.lines + skipped)),
        };
        let line = format!("{files}: {lines} ({}), {}", classes(look, totals), text::bytes(head.bytes));
        let wrapped = style::sentence(look, Style::new(), &line);
        // The name in bold, unless it was too long for one line.
        match wrapped.strip_prefix(&files) {
            Some(rest) => out.push_str(&(look.paint(HEADING, &files) + rest)),
            None => out.push_str(&wrapped),
        }
        if let Some((since, until)) = head.span {
            let (since, until) = (since.local_seconds(), until.local_seconds());
            let span = match since == until {
                true => local_text(since),
                false => format!("{} to {}", local_text(since), local_text(until)),
            };
            // Of a part that was read for --since and --until: more than what they ask for.
            let span = if totals.skipped > 0 { format!("lines read: {span}") } else { span };
            out.push_str(&style::sentence(look, DIM, &span));
        }
        if !head.filters.is_empty() {
            let packets = look.count_of(totals.matched, "packet", "packets");
            out.push_str(&style::sentence(look, Style::new(), &format!("{packets}: {}", filters(head))));
        }
        out.push('\n');
    }
    out
}

/// How many packets there are in how many lines, and what the other lines are. Tables count a truncated packet as
/// a packet, and a line of `message repeated N times` as N.
pub(super) fn classes(look: &RenderOptions, totals: &Totals) -> String {
    let packets = totals.packets + totals.cut + totals.repeats;
    let mut parts = vec![look.count_of(packets, "packet", "packets")];
    if packets != totals.packets {
        let cut = match totals.cut {
            0 => String::new(),
            cut => format!(" and {} truncated {}", look.number(cut), if cut == 1 { "one" } else { "ones" }),
        };
        parts[0] += &format!(" in {}{cut}", look.count_of(totals.packets, "line", "lines"));
    }
    for (count, one, many) in
        [(totals.damaged, "corrupt", "corrupt"), (totals.other, "not a firewall line", "not firewall lines")]
    {
        if count > 0 {
            parts.push(look.count_of(count, one, many));
        }
    }
    parts.join(", ")
}

/// The filters as they were typed.
pub(super) fn filters(head: &Head) -> String {
    let part = |(name, value): (&String, &serde_json::Value)| {
        let text = match value {
            serde_json::Value::Array(values) => {
                values.iter().filter_map(|value| value.as_str()).collect::<Vec<_>>().join(" or ")
            }
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match text.is_empty() {
            true => format!("{name} ''"),
            false => format!("{name} {}", text::escape(text.as_bytes())),
        }
    };
    head.filters.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The lines that a report begins with, where tables follow.
///
/// # Errors
/// There is nothing to put into them: the whole report, which says so.
pub fn opening(look: &RenderOptions, head: &Head) -> Result<String, String> {
    let first = self::head(look, head);
    if head.is_empty() {
        return Err(first + &nothing(look, head));
    }
    if head.totals.matched == 0 {
        return Err(first + &none(look, head));
    }
    Ok(first)
}

/// What is said instead of empty tables when there is no firewall record at all.
fn nothing(look: &RenderOptions, head: &Head) -> String {
    let text = match head.totals.lines {
        0 => "The file is empty.",
        _ => {
            "No firewall records found. Run `fwstat check` to see what the lines are. The kernel logs packets \
             only if a rule says so, e.g. `iptables -A INPUT -j LOG --log-prefix \"in.dropped \"`."
        }
    };
    style::sentence(look, Style::new(), text) + &foot(look, head)
}

/// What is said instead of empty tables when no packet passes the filters.
fn none(look: &RenderOptions, head: &Head) -> String {
    style::sentence(look, Style::new(), "No packets match.") + &foot(look, head)
}

/// The lines that every report ends with: what makes its numbers uncertain.
#[must_use]
pub fn foot(look: &RenderOptions, head: &Head) -> String {
    let mut out = String::new();
    if !look.header {
        return out;
    }
    let lost = head.totals.lost_at_least;
    if lost > 0 {
        let lines = look.count_of(lost, "line was", "lines were");
        let text =
            format!("at least {lines} lost before they reached the log, so all counts are lower bounds");
        out.push_str(&style::sentence(look, WARN, &text));
    }
    for note in &head.notes {
        out.push_str(&style::sentence(look, DIM, note));
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

/// What the rows of a table are called: one of them, several.
pub(super) fn noun(by: &[String]) -> (String, String) {
    let one = |name: &str| match name {
        "src" => ("source", "sources"),
        "dst" => ("destination", "destinations"),
        "dport" | "dpt" => ("destination port", "destination ports"),
        "sport" | "spt" => ("source port", "source ports"),
        "proto" => ("protocol", "protocols"),
        "prefix" => ("prefix", "prefixes"),
        "in" | "out" | "physin" | "physout" => ("interface", "interfaces"),
        "service" => ("service", "services"),
        "host" => ("host", "hosts"),
        "mac" | "mac_src" | "mac_dst" => ("hardware address", "hardware addresses"),
        "src_name" | "dst_name" => ("name", "names"),
        "src_country" | "dst_country" => ("country", "countries"),
        "src_asn" | "dst_asn" | "src_as_org" | "dst_as_org" => ("autonomous system", "autonomous systems"),
        "day" => ("day", "days"),
        "hour" => ("hour", "hours"),
        name if name.starts_with("src/") => ("source network", "source networks"),
        name if name.starts_with("dst/") => ("destination network", "destination networks"),
        _ => ("value", "values"),
    };
    match by {
        [name] => (one(name).0.to_owned(), one(name).1.to_owned()),
        [port, proto] if proto == "proto" && matches!(port.as_str(), "dport" | "sport") => {
            (one(port).0.to_owned(), one(port).1.to_owned())
        }
        _ => ("combination".to_owned(), "combinations".to_owned()),
    }
}

/// A table of counts with shares, and on a terminal with bars.
#[must_use]
pub fn counts(look: &RenderOptions, table: &Ranking, matched: u64) -> String {
    const LONGEST_BAR: usize = 32;
    // Where no row has a tenth of all packets, no bar is full.
    const SMALL_BAR: u64 = 10;
    let by = &table.by;
    // A port without its name says little: `dport, proto` gets a column with it.
    let service =
        match (by.iter().position(|name| name == "dport"), by.iter().position(|name| name == "proto")) {
            (Some(port), Some(protocol)) => Some((port, protocol)),
            _ => None,
        };
    let whole = |at: usize| {
        let address = |value: &OwnedValue| {
            matches!(value, OwnedValue::Addr(_) | OwnedValue::Net(..) | OwnedValue::Mac(_))
        };
        table.ranked.rows.iter().any(|row| address(&row.cells[at]))
    };
    let key = |(at, name): (usize, &String)| match whole(at) {
        true => Column::whole(&name.to_uppercase()).styled(KEY),
        false => Column::text(&name.to_uppercase()).styled(KEY),
    };
    let mut heads: Vec<Column> = by.iter().enumerate().map(key).collect();
    if service.is_some() {
        heads.push(Column::text("SERVICE").giving(Gives::Most));
    }
    if let Some((column, _)) = table.names {
        // The column beside it tells which address is named, where two could be.
        let other = by.iter().filter(|name| matches!(name.as_str(), "src" | "dst")).count() > 1;
        let name = if other { format!("{} NAME", by[column].to_uppercase()) } else { "NAME".to_owned() };
        heads.push(Column::text(&name).giving(Gives::Most));
    }
    heads.push(Column::number("PACKETS"));
    heads.push(Column::number("SHARE").giving(Gives::Way));
    // What all rows down to this one come to.
    let sums = table.cumulative && table.ranked.rows.len() > 1;
    if sums {
        heads.push(Column::number("SUM").giving(Gives::Way));
    }
    if table.last.is_some() {
        // Who asks for names wants them more than this.
        let gives = if table.names.is_some() { Gives::Way } else { Gives::Nothing };
        heads.push(Column::whole("LAST").giving(gives));
    }
    if let Some(other) = &table.of_other {
        heads.push(Column::number(&format!("DISTINCT {}", other.field.to_uppercase())));
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut sum = 0;
    for (at, row) in table.ranked.rows.iter().enumerate() {
        let mut cells: Vec<String> = row.cells.iter().map(cell).collect();
        if let Some((port, protocol)) = service {
            cells.push(service_name(&row.cells[port], &row.cells[protocol]));
        }
        cells.extend(table.names.as_ref().map(|(_, names)| text::escape(names[at].as_bytes())));
        cells.push(look.lower_bound(row.count, row.more));
        cells.push(percent(row.count, matched));
        sum += row.count;
        if sums {
            cells.push(percent(sum, matched));
        }
        cells.extend(table.last.as_ref().map(|last| last[at].clone()));
        cells.extend(table.of_other.as_ref().map(|other| look.number(other.values[at])));
        rows.push(cells);
    }
    let counts: Vec<u64> = table.ranked.rows.iter().map(|row| row.count).collect();
    let before = heads.len();
    style::add_bars(look, &mut heads, &mut rows, &counts, matched / SMALL_BAR, LONGEST_BAR);
    let meaning = |row: usize, column: usize| match &table.ranked.rows[row].cells {
        // A bar means what its row means.
        cells if column >= before => cells.iter().find_map(meaning),
        cells => cells.get(column).and_then(meaning),
    };
    let mut out = style::painted(look, &heads, &rows, &meaning);
    let shown = table.ranked.rows.len() as u64;
    if look.header {
        let (one, many) = noun(by);
        let distinct = table.ranked.distinct;
        let about = if table.ranked.is_estimate() { "about " } else { "" };
        let line = if distinct == 0 {
            "no packets match".to_owned()
        } else if shown < distinct {
            let shown = format!("top {} of {about}{} {many}", look.number(shown), look.number(distinct));
            let rest = percent(table.ranked.rest(), matched);
            let long = format!("{shown}; the rest account for {rest} of packets");
            let fits = look.width.is_none_or(|width| text::width(&long) <= width);
            match (fits && !table.brief, look.width) {
                (true, _) => long,
                (false, Some(width)) => text::shorten(&shown, width),
                (false, None) => shown,
            }
        } else {
            look.count_of(distinct, &one, &many)
        };
        out.push_str(&(look.paint(DIM, &line) + "\n"));
    }
    out
}

/// The style of a value that means something: near hits, addresses that are not public.
fn meaning(value: &OwnedValue) -> Option<Style> {
    match value {
        OwnedValue::Text(prefix) if near_hits::says_so(prefix) => Some(NEAR),
        OwnedValue::Addr(addr) | OwnedValue::Net(addr, _) if is_own(*addr) => Some(OWN),
        _ => None,
    }
}

/// Whether an address is one of those that private networks have.
#[must_use]
pub fn is_own(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr.is_private() || addr.is_link_local() || addr.is_loopback(),
        IpAddr::V6(addr) => addr.is_unique_local() || addr.is_unicast_link_local() || addr.is_loopback(),
    }
}

/// How many packets there are, and the largest row of the tables.
#[must_use]
pub fn recap(look: &RenderOptions, head: &Head, tables: &[Ranking]) -> String {
    let packets = look.count_of(head.totals.matched, "packet", "packets");
    let largest = tables.iter().filter_map(|table| Some((table, table.ranked.rows.first()?)));
    let named = largest.take(2).map(|(table, row)| {
        let cells: Vec<String> = row.cells.iter().map(cell).collect();
        let share = percent(row.count, head.totals.matched);
        format!("{} {} ({share})", noun(&table.by).0, cells.join(" "))
    });
    format!("{packets}; most: {}", named.collect::<Vec<_>>().join(", "))
}

fn service_name(port: &OwnedValue, protocol: &OwnedValue) -> String {
    match (port, protocol) {
        (OwnedValue::Number(port), OwnedValue::Proto(protocol)) => {
            let port = u16::try_from(*port).ok();
            port.and_then(|port| fwlog::services::name(*protocol, port)).unwrap_or("").to_owned()
        }
        _ => String::new(),
    }
}
