//! The screens of `fwstat watch`: a pure function of the model to cells.
//!
//! Responsible for: which part is drawn where.
//! Must not know: files, threads, terminals.
//! Tested by: `tests/cli/watch.rs`, the snapshots in `tests/watch`.

mod head;
mod lines;
mod paint;
mod popup;
mod rules;
mod suggest;
mod table;
mod time;

use ratatui_core::buffer::Buffer;

use super::layout::{Panel, View};
use super::model::App;
use paint::Paint;

/// Draws everything.
pub fn draw(app: &App, buffer: &mut Buffer) {
    let layout = app.layout();
    let mut paint = Paint::new(buffer, app.setup.color, app.setup.glyphs);
    if layout.tiny {
        if let Some(area) = layout.head {
            head::tiny(app, &mut paint, area);
        }
        return;
    }
    layout.head.into_iter().for_each(|area| head::head(app, &mut paint, area));
    layout.question.into_iter().for_each(|area| head::question(app, &mut paint, area));
    layout.tabs.into_iter().for_each(|area| head::tabs(app, &mut paint, area));
    match app.view {
        View::Lines => lines::raw(app, &mut paint, layout.body),
        View::Time => time::time(app, &mut paint, layout.body),
        View::Rules => rules::rules(app, &mut paint, layout.body),
        View::Suggest => suggest::suggest(app, &mut paint, layout.body),
        View::Panels => {
            for (panel, area) in &layout.panels {
                match panel {
                    Panel::Lines => lines::panel(app, &mut paint, *area),
                    Panel::Scans => table::scans(app, &mut paint, *area),
                    Panel::Rules => rules::rules(app, &mut paint, *area),
                    panel => table::table(app, &mut paint, *panel, *area),
                }
            }
        }
    }
    layout.command.into_iter().for_each(|area| head::command(app, &mut paint, area));
    layout.hints.into_iter().for_each(|area| head::hints(app, &mut paint, area));
    if let Some((open, top)) = &app.popup {
        popup::draw(app, &mut paint, open, *top);
    }
}
