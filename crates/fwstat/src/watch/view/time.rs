//! Packets over time, as large as the screen.
//!
//! Responsible for: the graph, its scale, and the column that is chosen.
//! Must not know: how packets are counted.
//! Tested by: the snapshots in `tests/watch`.

use fwlog::text::{self, grouped};
use fwlog::time::clock::local_text;

use super::paint::{Ink, Paint};
use crate::watch::layout::{Area, graph_width};
use crate::watch::model::App;

pub(super) fn time(app: &App, paint: &mut Paint<'_>, area: Area) {
    let picture = &app.picture;
    let (Some((from, to)), false) = (picture.bounds, picture.time.is_empty()) else {
        paint.title(area, "packets over time", "", true);
        paint.text(area.x + 1, area.y + 1, area.width - 1, "no packet has a time", Ink::Dim);
        return;
    };
    let columns = picture.time.len();
    let each = ((to - from) / columns as i64).max(1);
    let at = app.column.unwrap_or(columns - 1).min(columns - 1);
    let begin = from + at as i64 * each;
    let chosen = format!(
        "{} to {}: {} packets",
        local_text(begin),
        &local_text(begin + each - 1)[11..],
        grouped(picture.time[at])
    );
    paint.title(area, "packets over time", "", true);
    paint.text(area.x + 1, area.y + 1, area.width - 1, &chosen, Ink::Key);
    let most = picture.time.iter().copied().max().unwrap_or(0);
    let most = format!("highest {} in {each} s", grouped(most));
    if text::width(&chosen) + text::width(&most) + 4 < usize::from(area.width) {
        paint.right(area.x, area.y + 1, area.width, &most, Ink::Dim);
    }
    if area.height < 5 {
        return;
    }
    let graph = Area { y: area.y + 2, height: area.height - 4, ..area };
    let graph = Area { width: graph_width(graph.width, columns), ..graph };
    let times = graph.width.checked_div(u16::try_from(columns).unwrap_or(u16::MAX)).unwrap_or(1).max(1);
    paint.graph(graph, &picture.time);
    let x = graph.x + (at * usize::from(graph.width) / columns) as u16;
    paint.cursor(Area { x, y: graph.y, width: times.min(graph.width), height: graph.height });
    paint.text(area.x, area.y + area.height - 2, area.width, &local_text(from), Ink::Dim);
    let last = local_text(to - 1);
    if graph.width >= 42 {
        paint.right(graph.x, area.y + area.height - 2, graph.width, &last, Ink::Dim);
    }
    let outside = picture.outside;
    if outside > 0 {
        let words = format!(
            "{} are not in it: they have no time, came too late, or are of a time to come",
            text::count_of(outside, "packet", "packets")
        );
        paint.text(area.x, area.y + area.height - 1, area.width, &words, Ink::Warn);
    }
}
