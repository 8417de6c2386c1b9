//! Panels of counts: prefixes, networks, ports, scans.
//!
//! Responsible for: which columns have room. Bars go first, then shares, then the part that is recent; an address or a
//! port is never cut.
//! Must not know: how rows are ordered.
//! Tested by: the unit tests below, the snapshots in `tests/watch`.

use fwlog::text::{self, grouped};
use fwlog::{aggregate::windows::Span, services};
use logparse::Protocol;

use super::paint::{Ink, Paint};
use crate::watch::layout::{Area, Panel, View};
use crate::watch::model::{App, Order};
use crate::watch::picture::Row;
use crate::watch::question::{LEVELS, What, net_text, protocol_text};

/// The name of a row, in a column of this width at most.
fn name(what: &What, room: usize) -> String {
    match what {
        What::Prefix(prefix) if prefix.is_empty() => "(empty)".to_owned(),
        What::Prefix(prefix) => text::shorten(&text::escape(prefix), room),
        What::Net(address, length) => net_text(*address, *length),
        What::Port(Some(port), protocol) => {
            let kind = if *protocol == Protocol::TCP.0 {
                String::new()
            } else {
                format!("/{}", protocol_text(*protocol))
            };
            let service = services::name(Protocol(*protocol), *port).unwrap_or("");
            let plain = format!("{port:>5}{kind:<4}");
            let left = room.saturating_sub(plain.len() + 1);
            match left {
                0..=3 => plain.trim_end().to_owned(),
                _ => format!("{plain} {}", text::shorten(service, left)),
            }
        }
        What::Port(None, protocol) => format!("{:>9}", protocol_text(*protocol)),
        other => other.shown(false),
    }
}

/// A count, with what it may lack.
fn count(row: &Row) -> String {
    match row.more {
        0 => grouped(row.count),
        more => format!("{}±{}", grouped(row.count), grouped(more)),
    }
}

fn share(part: u64, all: u64) -> String {
    format!("{:.1}%", part as f64 * 100.0 / all.max(1) as f64)
}

/// Columns: their places, none for what has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    name: u16,
    count: u16,
    share: u16,
    recent: u16,
    bar: u16,
}

/// Columns of a width; the bar takes what is left.
fn columns(width: u16, name: u16, count: u16, recent: u16) -> Columns {
    const SHARE: u16 = 7;
    const BAR: u16 = 5;
    let mut columns = Columns { name: name.min(width), count: 0, share: 0, recent: 0, bar: 0 };
    let mut left = width - columns.name;
    if left > count {
        columns.count = count + 1;
        left -= columns.count;
    }
    if recent > 0 && left > recent {
        columns.recent = recent + 1;
        left -= columns.recent;
    }
    if left >= SHARE {
        columns.share = SHARE;
        left -= SHARE;
    }
    if left > BAR {
        columns.bar = left;
    }
    columns
}

/// How long a column of the bars is, in words.
fn scale(app: &App, wide: u16) -> String {
    let Some((from, to)) = app.picture.bounds else { return String::new() };
    let seconds = (to - from) / i64::from(wide.max(1));
    let each = match seconds {
        ..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    format!("{each} a column")
}

/// What is over the part that is recent.
fn recent_name(app: &App) -> String {
    match app.question.window.span(1) {
        Span::Last { slices, width } if width * slices as i64 <= 3_600 => {
            format!("{} s", width * slices as i64 / 10)
        }
        _ => "1 h".to_owned(),
    }
}

pub(super) fn table(app: &App, paint: &mut Paint<'_>, panel: Panel, area: Area) {
    let at = match panel {
        Panel::Prefixes => 0,
        Panel::Networks => 1,
        _ => 2,
    };
    let table = &app.picture.tables[at];
    let rows = app.rows(panel);
    let cursor = app.cursor(panel);
    let page = usize::from(area.height.saturating_sub(1));
    let shown: Vec<&Row> = rows.iter().skip(cursor.top).take(page).collect();
    let narrow = match area.width {
        60.. => 30,
        44.. => 22,
        _ => 18,
    };
    let names: Vec<String> = shown.iter().map(|row| name(&row.what, narrow)).collect();
    let counts: Vec<String> = shown.iter().map(|row| count(row)).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| text::width(text)).max().unwrap_or(0) as u16;
    let recents: Vec<String> = shown.iter().map(|row| grouped(row.recent)).collect();
    let recent = if panel == Panel::Prefixes || area.width >= 60 { widest(&recents).max(4) } else { 0 };
    // One column for the mark of what is new, one at the end stays free between neighbours.
    let gap = u16::from(area.x + area.width < app.size.0);
    let columns =
        columns(area.width.saturating_sub(1 + gap), widest(&names).max(12), widest(&counts).max(6), recent);
    let focus = app.view == View::Panels && app.focus == panel;
    titles(app, paint, panel, area, columns, (table.distinct, shown.len()), focus);
    for (at, row) in shown.iter().enumerate() {
        let y = area.y + 1 + at as u16;
        let mut x = area.x;
        if row.fresh {
            paint.text(x, y, 1, if table.missed > 0 { "?" } else { "+" }, Ink::New);
        }
        x += 1;
        paint.text(x, y, columns.name, &names[at], if row.fresh { Ink::New } else { Ink::of(&row.what) });
        x += columns.name;
        paint.right(x, y, columns.count, &counts[at], Ink::Plain);
        x += columns.count;
        if columns.share > 0 {
            paint.right(x, y, columns.share, &share(row.count, table.total), Ink::Dim);
        }
        x += columns.share;
        paint.right(x, y, columns.recent, &recents[at], Ink::Plain);
        x += columns.recent;
        if columns.bar > 0 {
            paint.spark(x + 1, y, columns.bar - 1, &row.time, Ink::Bar);
        }
        if focus && cursor.top + at == cursor.at {
            paint.cursor(Area { x: area.x, y, width: area.width - gap, height: 1 });
        }
    }
    if rows.is_empty() && area.height > 1 {
        paint.text(area.x + 1, area.y + 1, area.width - 1, "no packets match", Ink::Dim);
    }
}

/// The title of a table: its number and name, the columns', how many rows there are.
fn titles(
    app: &App,
    paint: &mut Paint<'_>,
    panel: Panel,
    area: Area,
    columns: Columns,
    ((distinct, exact), shown): ((u64, bool), usize),
    focus: bool,
) {
    let about = if exact { "" } else { "≈" };
    let cursor = app.cursor(panel);
    let held = if app.is_held(panel) { "*" } else { "" };
    let order = match (cursor.order, cursor.reversed) {
        (Order::Count, false) => "",
        (Order::Count, true) => " by count, reversed",
        (Order::Recent, false) => " by now",
        (Order::Recent, true) => " by now, reversed",
        (Order::Key, false) => " by name",
        (Order::Key, true) => " by name, reversed",
    };
    let (four, _) = LEVELS[app.question.level.min(LEVELS.len() - 1)];
    let level = if panel == Panel::Networks { format!(" /{four}") } else { String::new() };
    let left = format!("{} {}{level}{order}{held}", panel.number(), panel.name());
    if panel == Panel::Prefixes {
        let right = scale(app, columns.bar.saturating_sub(1));
        paint.title(area, &left, &right, focus);
        let mut x = area.x + 1 + columns.name;
        if text::width(&left) as u16 + 2 < columns.name + columns.count {
            paint.right(x, area.y, columns.count, "total", Ink::Dim);
        }
        x += columns.count;
        if columns.share > 0 {
            paint.right(x, area.y, columns.share, "  share", Ink::Dim);
        }
        x += columns.share;
        paint.right(x, area.y, columns.recent, &recent_name(app), Ink::Dim);
    } else {
        paint.title(area, &left, &format!("{} of {about}{} ", shown, grouped(distinct)), focus);
    }
}

pub(super) fn scans(app: &App, paint: &mut Paint<'_>, area: Area) {
    let rows = app.rows(Panel::Scans);
    let cursor = app.cursor(Panel::Scans);
    let focus = app.view == View::Panels && app.focus == Panel::Scans;
    let page = usize::from(area.height.saturating_sub(1));
    let shown: Vec<&Row> = rows.iter().skip(cursor.top).take(page).collect();
    let names: Vec<String> = shown.iter().map(|row| name(&row.what, 0)).collect();
    let aims: Vec<String> = shown.iter().map(|row| grouped(row.recent)).collect();
    let counts: Vec<String> = shown.iter().map(|row| grouped(row.count)).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| text.len()).max().unwrap_or(0) as u16;
    let (aims_wide, counts_wide) = (widest(&aims).max(4), widest(&counts).max(7));
    // Where both have no room, the aims say more; an address is never cut.
    let room = area.width.saturating_sub(widest(&names) + 2);
    let both = room >= aims_wide + counts_wide + 2;
    let counts_wide = if both { counts_wide + 1 } else { 0 };
    let heads = if both {
        format!("aims {:>counts_wide$}", "packets", counts_wide = usize::from(counts_wide))
    } else {
        "aims".to_owned()
    };
    paint.title(area, "5 scans", &heads, focus);
    for (at, row) in shown.iter().enumerate() {
        let y = area.y + 1 + at as u16;
        paint.text(area.x + 1, y, area.width - 1, &names[at], Ink::of(&row.what));
        if both {
            paint.right(area.x, y, area.width - 1, &counts[at], Ink::Plain);
        }
        let end = area.width.saturating_sub(1 + counts_wide);
        if room > aims_wide {
            paint.right(area.x, y, end, &aims[at], Ink::Plain);
        }
        if focus && cursor.top + at == cursor.at {
            paint.cursor(Area { x: area.x, y, width: area.width, height: 1 });
        }
    }
    if rows.is_empty() && area.height > 1 {
        paint.text(area.x + 1, area.y + 1, area.width - 1, "no scan", Ink::Dim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_give_way_first_and_names_never() {
        let all = columns(79, 18, 7, 5);
        assert_eq!((all.name, all.count, all.recent, all.share, all.bar), (18, 8, 6, 7, 40));
        let some = columns(39, 20, 7, 0);
        assert_eq!((some.count, some.share, some.bar), (8, 7, 0));
        let few = columns(26, 18, 7, 5);
        assert_eq!((few.name, few.count, few.recent, few.share, few.bar), (18, 8, 0, 0, 0));
        // A whole IPv6 address.
        let six = columns(40, 39, 7, 0);
        assert_eq!((six.name, six.count), (39, 0));
    }

    #[test]
    fn ports_are_whole() {
        assert_eq!(name(&What::Port(Some(23), 6), 18), "   23     telnet");
        assert_eq!(name(&What::Port(Some(5060), 17), 18), " 5060/udp sip");
        assert_eq!(name(&What::Port(Some(65_535), 17), 9), "65535/udp");
        assert_eq!(name(&What::Port(None, 1), 18), "     icmp");
        assert_eq!(name(&What::Prefix(b"\x1b[31m".to_vec()), 18), "\\x1b[31m");
    }
}
