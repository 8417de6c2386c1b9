//! Where panels are on a screen of any size.
//!
//! Responsible for: areas that lie inside the screen and do not overlap, and which panels give way.
//! Must not know: what is in a panel.
//! Tested by: the unit tests below.

use fwlog::sorting::InOrder as _;

/// A panel of the first screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the names say it
pub enum Panel {
    Prefixes,
    Networks,
    Ports,
    Lines,
    Scans,
    Rules,
}

impl Panel {
    /// All, in the order of their numbers.
    pub const ALL: [Panel; 6] =
        [Panel::Prefixes, Panel::Networks, Panel::Ports, Panel::Lines, Panel::Scans, Panel::Rules];

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        Panel::ALL.iter().position(|panel| *panel == self).unwrap_or(0) + 1
    }

    /// Its number and its name.
    #[must_use]
    pub fn tab(self) -> String {
        format!("{} {}", self.number(), self.name())
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Panel::Prefixes => "prefix",
            Panel::Networks => "network",
            Panel::Ports => "port",
            Panel::Lines => "lines",
            Panel::Scans => "scans",
            Panel::Rules => "rules",
        }
    }
}

/// A screen of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the names say it
pub enum View {
    #[default]
    Panels,
    Lines,
    Time,
    Rules,
    Suggest,
}

/// Part of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the names say it
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

/// Where everything is. What has no room is not there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Layout {
    /// File, lines, how the reading goes.
    pub head: Option<Area>,
    /// The question and the window.
    pub question: Option<Area>,
    /// The panels' names, where only one is shown.
    pub tabs: Option<Area>,
    /// The panels, each with its title.
    pub panels: Vec<(Panel, Area)>,
    /// Instead of panels: the area of a view.
    pub body: Area,
    /// The command that gives the same.
    pub command: Option<Area>,
    /// Some keys.
    pub hints: Option<Area>,
    /// Whether only one line of numbers has room.
    pub tiny: bool,
}

/// Below this, one line of numbers.
const TINY: (u16, u16) = (40, 10);
/// Below this, one panel.
const SMALL: (u16, u16) = (80, 24);
/// From here on a panel of scans; of rules.
const WIDE: u16 = 110;
const WIDEST: u16 = 150;
/// Columns of the panel of rules.
const RULES: u16 = 60;

/// Rows below the rules suggested: the command of one.
pub const SUGGEST_FOOT: u16 = 4;

/// Columns of the graph of time: each slice has one, or as many as go into the width.
#[must_use]
pub fn graph_width(width: u16, slices: usize) -> u16 {
    let slices = u16::try_from(slices).unwrap_or(u16::MAX);
    let times = width.checked_div(slices).unwrap_or(1).max(1);
    width.min(slices.saturating_mul(times))
}

/// How many of the rules suggested have room in an area of this height.
#[must_use]
pub fn suggest_rows(height: u16) -> usize {
    let foot = if height > SUGGEST_FOOT + 6 { SUGGEST_FOOT } else { 0 };
    usize::from(height.saturating_sub(2 + foot)).max(1)
}

/// The layout of a screen; `prefixes` is how many rows the first panel has use for.
#[must_use]
pub fn layout((width, height): (u16, u16), view: View, focus: Panel, prefixes: usize, rules: bool) -> Layout {
    if width < TINY.0 || height < TINY.1 {
        let head = (width > 0 && height > 0).then_some(Area { x: 0, y: 0, width, height: 1 });
        return Layout { head, tiny: true, ..Layout::default() };
    }
    let line = |y: u16| Some(Area { x: 0, y, width, height: 1 });
    let mut layout = Layout {
        head: line(0),
        question: line(1),
        command: line(height - 2),
        hints: line(height - 1),
        body: Area { x: 0, y: 2, width, height: height - 4 },
        ..Layout::default()
    };
    if view != View::Panels {
        return layout;
    }
    let body = layout.body;
    if width < SMALL.0 || height < SMALL.1 {
        layout.tabs = line(2);
        layout.panels = vec![(focus, Area { y: 3, height: body.height - 1, ..body })];
        return layout;
    }
    let aside = if rules && width >= WIDEST { RULES } else { 0 };
    let main = width - aside;
    let most = (body.height / 4).max(5);
    let first = u16::try_from(prefixes).unwrap_or(u16::MAX).clamp(1, most - 1) + 1;
    let last = (body.height * 3 / 10).max(6);
    let middle = body.height - first - last;
    layout.panels.push((Panel::Prefixes, Area { width: main, height: first, ..body }));
    let mut columns = vec![Panel::Networks, Panel::Ports];
    if main >= WIDE {
        columns.push(Panel::Scans);
    }
    let mut x = 0;
    for (at, panel) in columns.iter().enumerate() {
        // Ports of scans need less.
        let wide = match (columns.len(), panel) {
            (3, Panel::Scans) => main - x,
            (3, _) => (main * 3 / 8).min(main - x),
            _ if at + 1 == columns.len() => main - x,
            _ => main / 2,
        };
        layout.panels.push((*panel, Area { x, y: body.y + first, width: wide, height: middle }));
        x += wide;
    }
    layout.panels.push((Panel::Lines, Area { x: 0, y: body.y + first + middle, width: main, height: last }));
    if aside > 0 {
        layout.panels.push((Panel::Rules, Area { x: main, width: aside, ..body }));
    }
    layout
}

impl Layout {
    /// The area of a panel, if it is shown.
    #[must_use]
    pub fn of(&self, panel: Panel) -> Option<Area> {
        self.panels.iter().find(|(own, _)| *own == panel).map(|(_, area)| *area)
    }

    /// The panels that can be seen, in the order of their numbers.
    #[must_use]
    pub fn shown(&self) -> Vec<Panel> {
        let mut all: Vec<Panel> = self.panels.iter().map(|(panel, _)| *panel).collect();
        all.order();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_inside_and_apart() {
        for width in 0..=200 {
            for height in 0..=60 {
                for rules in [false, true] {
                    let layout = layout((width, height), View::Panels, Panel::Ports, 5, rules);
                    let lines = [layout.head, layout.question, layout.tabs, layout.command, layout.hints];
                    let mut all: Vec<Area> = lines.into_iter().flatten().collect();
                    all.extend(layout.panels.iter().map(|(_, area)| *area));
                    let mut cells = std::collections::HashSet::new();
                    for area in all {
                        assert!(area.width > 0 && area.height > 0, "{width}x{height}: {layout:?}");
                        assert!(area.x + area.width <= width && area.y + area.height <= height);
                        for y in area.y..area.y + area.height {
                            // The first and the last cell of a row say enough.
                            for x in [area.x, area.x + area.width - 1] {
                                cells.insert((x, y));
                            }
                        }
                    }
                    if width >= 80 && height >= 24 {
                        assert_eq!(
                            layout.panels.len(),
                            4 + usize::from(width >= 110 && (!rules || !(150..170).contains(&width)))
                                + usize::from(rules && width >= 150)
                        );
                        assert!(layout.panels.iter().all(|(_, area)| area.height >= 2));
                    }
                }
            }
        }
    }

    #[test]
    fn the_usual_screens() {
        let heights = |size| {
            let layout = layout(size, View::Panels, Panel::Prefixes, 4, false);
            layout.panels.iter().map(|(panel, area)| (*panel, area.height)).collect::<Vec<_>>()
        };
        assert_eq!(
            heights((80, 24)),
            [(Panel::Prefixes, 5), (Panel::Networks, 9), (Panel::Ports, 9), (Panel::Lines, 6)]
        );
        assert_eq!(heights((120, 40))[1], (Panel::Networks, 21));
        assert!(layout((79, 24), View::Panels, Panel::Lines, 4, true).tabs.is_some());
        assert!(layout((39, 24), View::Panels, Panel::Lines, 4, true).tiny);
        assert!(layout((120, 40), View::Lines, Panel::Lines, 4, true).panels.is_empty());
    }
}
