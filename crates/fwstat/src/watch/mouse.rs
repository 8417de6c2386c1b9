//! What the mouse does to the model.
//!
//! Responsible for: which row a click or the wheel is at, by what was drawn there.
//! Must not know: terminals, how anything looks.
//! Tested by: `src/watch/model_tests.rs`, `tests/cli/watch.rs`.

use super::keys::Action;
use super::layout::{Area, Panel, View, graph_width};
use super::model::{App, Effect, slot};

/// Two clicks within so many milliseconds are one.
const DOUBLE: u64 = 400;
/// Rows of a turn of the wheel.
const WHEEL: isize = 3;

impl App {
    /// Mouse on or off.
    pub(super) fn switch_mouse(&mut self) -> Vec<Effect> {
        self.mouse = !self.mouse;
        self.say(match self.mouse {
            true => "mouse: on; F2 switches it off, Shift selects text as before".to_owned(),
            false => "mouse: off".to_owned(),
        });
        vec![Effect::Mouse(self.mouse)]
    }

    /// The wheel.
    pub(super) fn wheel(&mut self, at: (u16, u16), down: bool) -> Vec<Effect> {
        if self.popup.is_some() {
            return self.act_in_popup(if down { Action::Down } else { Action::Up });
        }
        if self.prompt.is_none() {
            self.point_at(at);
            self.step(if down { WHEEL } else { -WHEEL });
        }
        Vec::new()
    }

    /// A click selects, the second one goes into it.
    pub(super) fn click(&mut self, (x, y): (u16, u16)) -> Vec<Effect> {
        if self.popup.take().is_some() || self.prompt.is_some() {
            return Vec::new();
        }
        let double =
            self.clicked.is_some_and(|(at_x, at_y, at)| (at_x, at_y) == (x, y) && self.now < at + DOUBLE);
        self.clicked = (!double).then_some((x, y, self.now));
        if let Some(panel) = self.tab_at((x, y)) {
            self.focus = panel;
            self.settle();
            return Vec::new();
        }
        let Some(area) = self.point_at((x, y)) else { return Vec::new() };
        // Above the rows is a title; above rules a line more.
        let above = if self.view == View::Suggest || self.on_rules() { 2 } else { 1 };
        let row = y.checked_sub(area.y + above).map(usize::from);
        if row.is_some_and(|row| self.select(area, row, x)) && double {
            return self.act(Action::Into);
        }
        Vec::new()
    }

    /// The panel whose name is there, where only one is shown.
    fn tab_at(&self, (x, y): (u16, u16)) -> Option<Panel> {
        let tabs = self.layout().tabs.filter(|tabs| tabs.y == y)?;
        let mut left = tabs.x;
        self.panels().into_iter().find(|panel| {
            let wide = panel.tab().len() as u16;
            let inside = (left..left + wide).contains(&x);
            left += wide + 2;
            inside
        })
    }

    /// Makes the panel there the one that keys are for; its area.
    fn point_at(&mut self, (x, y): (u16, u16)) -> Option<Area> {
        let inside = |area: &Area| {
            (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y)
        };
        let layout = self.layout();
        if self.view != View::Panels {
            return Some(layout.body).filter(inside);
        }
        let (panel, area) = layout.panels.into_iter().find(|(_, area)| inside(area))?;
        self.focus = panel;
        Some(area)
    }

    /// Puts the cursor on a row of what is shown in an area; whether there is one.
    fn select(&mut self, area: Area, row: usize, x: u16) -> bool {
        let (to, at, rows) = if self.view == View::Time {
            let columns = self.picture.time.len();
            let wide = usize::from(graph_width(area.width, columns)).max(1);
            let to = usize::from(x - area.x) * columns / wide;
            (to, self.column.unwrap_or(columns.saturating_sub(1)), columns)
        } else if self.view == View::Suggest {
            (self.pick.0 + row, self.pick.1, self.rules_taken().len())
        } else if self.on_rules() {
            let rows = self.picture.rules.len();
            let top = self.rule.0.min(rows.saturating_sub(usize::from(area.height.saturating_sub(2))));
            (top + row, self.rule.1, rows)
        } else if self.on_lines() {
            let (lines, cursor) = self.shown_lines(usize::from(area.height.saturating_sub(1)));
            (row, cursor.unwrap_or(0), lines.len())
        } else {
            let cursor = &self.cursors[slot(self.focus)];
            (cursor.top + row, cursor.at, self.rows(self.focus).len())
        };
        if to < rows {
            self.step(to.cast_signed() - at.cast_signed());
        }
        to < rows
    }
}
