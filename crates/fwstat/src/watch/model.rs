//! What the screens of `fwstat watch` show, and what a key makes of it: pure state.
//!
//! Responsible for: the stack of the filter, cursors, views, what is open over them; what has to be done outside is said
//! as an [`Effect`].
//! Must not know: terminals, files, threads, how anything looks.
//! Tested by: `watch/model_tests.rs`, `tests/cli/watch.rs`.

use std::collections::BTreeMap;

use super::keys::{Action, Key, action};
use super::layout::{Layout, Panel, View, layout};
use super::picture::{LineRow, Picture, Reading, Row};
use super::question::{LEVELS, Part, Question, What};
use super::setup::Setup;

/// Moving a cursor holds the order of its panel for so long, in milliseconds.
const HELD: u64 = 8_000;
/// A sentence is shown for so long.
const SAID: u64 = 6_000;

/// What happens.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// The screen has another size: columns and rows.
    Resize(u16, u16),
    /// More was counted.
    Picture(Box<Picture>),
    /// The filter makes no sense, and why.
    Refused(String),
    /// A page to read, with its title.
    Page(String, Vec<String>),
    /// A sentence.
    Say(String),
}

/// What has to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the question, under this number.
    Ask(Question, u64),
    /// Send a text to the terminal's clipboard.
    Copy(String),
    /// Explain a line.
    Explain(LineRow),
    /// Write lines to a new file.
    Write(String, Vec<Vec<u8>>),
    /// Draw every cell anew.
    Redraw,
    /// Give the terminal back until the program is continued.
    Suspend,
    /// Come to an end.
    Quit,
}

/// How rows are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the names say it
pub enum Order {
    #[default]
    Count,
    Recent,
    Key,
}

/// Where a table is looked at: at a row's key, not at its place.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// The row.
    pub on: Option<What>,
    /// Its place when it was last seen.
    pub at: usize,
    /// The first row that is shown.
    pub top: usize,
    /// The order that is held, and until when.
    held: (Vec<What>, u64),
    /// How rows are ordered.
    pub order: Order,
    /// And whether the other way round.
    pub reversed: bool,
}

/// Where lines are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineCursor {
    /// The line's number; none: always the newest.
    pub on: Option<u64>,
    /// Columns that lie to the left of the screen.
    pub left: usize,
}

/// What is open over a view.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Popup {
    Help,
    Account,
    /// A page with a title.
    Page(String, Vec<String>),
}

/// A line that is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// What for.
    pub asks: Asks,
    /// What was typed so far.
    pub text: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A text to find.
    Find,
    /// An expression.
    Where,
    /// The name of a file for marked lines.
    File,
}

/// Everything that is shown.
#[derive(Clone, Debug)]
pub struct App {
    /// What does not change.
    pub setup: Setup,
    /// Milliseconds since the start.
    pub now: u64,
    /// Columns and rows.
    pub size: (u16, u16),
    /// What is asked.
    pub question: Question,
    /// The number of the question.
    pub generation: u64,
    /// The newest picture.
    pub picture: Picture,
    /// Whether it is held.
    pub hold: bool,
    /// The view.
    pub view: View,
    /// The panel that keys are for.
    pub focus: Panel,
    /// Of prefixes, networks, ports, scans.
    pub cursors: [Cursor; 4],
    /// Of lines.
    pub line: LineCursor,
    /// Of time: the column.
    pub column: Option<usize>,
    /// What is open, and its first line that is shown.
    pub popup: Option<(Popup, usize)>,
    /// What is being typed.
    pub prompt: Option<Prompt>,
    /// What is looked for.
    pub find: Option<String>,
    /// A sentence, and until when.
    pub said: Option<(String, u64)>,
    /// Marked lines, by number.
    pub marked: BTreeMap<u64, Vec<u8>>,
    /// Lines a second, and when and where they were counted last.
    pub rate: f64,
    counted: Option<(u64, u64)>,
    /// Lines a second over the last minute, for the head.
    pub rates: Vec<u64>,
}

impl App {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(setup: Setup, question: Question, size: (u16, u16)) -> App {
        App {
            setup,
            now: 0,
            size,
            question,
            generation: 0,
            picture: Picture { reading: Reading::Behind(None), ..Picture::default() },
            hold: false,
            view: View::Panels,
            focus: Panel::Prefixes,
            cursors: Default::default(),
            line: LineCursor::default(),
            column: None,
            popup: None,
            prompt: None,
            find: None,
            said: None,
            marked: BTreeMap::new(),
            rate: 0.0,
            counted: None,
            rates: Vec::new(),
        }
    }

    /// What becomes of it at `now` milliseconds.
    pub fn update(&mut self, now: u64, msg: Msg) -> Vec<Effect> {
        self.now = now;
        if self.said.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.said = None;
        }
        match msg {
            Msg::Resize(width, height) => {
                self.size = (width, height);
                self.settle();
                vec![Effect::Redraw]
            }
            Msg::Picture(picture) => {
                self.take(*picture);
                Vec::new()
            }
            Msg::Refused(why) => {
                let text = match self.question.parts.pop() {
                    Some(Part { what: What::Where(text), .. }) => text,
                    _ => String::new(),
                };
                self.prompt = Some(Prompt { asks: Asks::Where, text, error: Some(why) });
                Vec::new()
            }
            Msg::Page(title, lines) => {
                self.popup = Some((Popup::Page(title, lines), 0));
                Vec::new()
            }
            Msg::Say(words) => {
                self.say(words);
                Vec::new()
            }
            Msg::Key(key) if self.prompt.is_some() => self.typed(key),
            Msg::Key(key) => match action(key) {
                Some(action) if self.popup.is_some() => self.act_in_popup(action),
                Some(action) => self.act(action),
                None => {
                    self.say("this key does nothing here: ? shows them all".to_owned());
                    Vec::new()
                }
            },
        }
    }

    /// Shows a sentence for a while.
    pub fn say(&mut self, words: String) {
        self.said = Some((words, self.now + SAID));
    }

    /// Where everything is.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let prefixes = self.picture.tables[0].rows.len();
        layout(self.size, self.view, self.focus, prefixes, self.setup.rules)
    }

    /// Takes a newer picture, unless this one is held.
    fn take(&mut self, picture: Picture) {
        if picture.generation == self.generation {
            let lines = picture.totals.lines;
            if let Some((at, before)) = self.counted {
                let seconds = self.now.saturating_sub(at) as f64 / 1_000.0;
                if seconds >= 0.9 {
                    let now = lines.saturating_sub(before) as f64 / seconds;
                    // Half of it is forgotten in ten seconds.
                    let keep = 0.5_f64.powf(seconds / 10.0);
                    self.rate = if picture.reading == Reading::Live { self.rate * keep + now * (1.0 - keep) } else { 0.0 };
                    self.rates.push(now as u64);
                    if self.rates.len() > 60 {
                        self.rates.remove(0);
                    }
                    self.counted = Some((self.now, lines));
                }
            } else {
                self.counted = Some((self.now, lines));
            }
        }
        // While the log is read for a new question, the old picture stays until there is something to see.
        let nothing_yet = picture.matched == 0 && matches!(picture.reading, Reading::Behind(_));
        if self.hold || picture.generation != self.generation && self.picture.generation != picture.generation {
            return;
        }
        if nothing_yet && self.picture.matched > 0 && self.picture.generation != picture.generation {
            self.picture.reading = picture.reading;
            return;
        }
        self.picture = picture;
        self.settle();
    }

    /// The rows of a panel in the order in which they are shown.
    #[must_use]
    pub fn rows(&self, panel: Panel) -> Vec<Row> {
        let rows: Vec<Row> = match panel {
            Panel::Prefixes | Panel::Networks | Panel::Ports => self.picture.tables[slot(panel)].rows.clone(),
            Panel::Scans => {
                let row = |scan: &super::picture::Scan| Row {
                    what: scan.what.clone(),
                    count: scan.count,
                    more: 0,
                    recent: scan.ports,
                    time: Vec::new(),
                    fresh: false,
                };
                self.picture.scans.iter().map(row).collect()
            }
            Panel::Lines | Panel::Rules => return Vec::new(),
        };
        let cursor = &self.cursors[slot(panel)];
        let mut rows = rows;
        match cursor.order {
            Order::Count => {}
            Order::Recent => rows.sort_by_key(|row| std::cmp::Reverse(row.recent)),
            Order::Key => rows.sort_by(|a, b| a.what.cmp(&b.what)),
        }
        if cursor.reversed {
            rows.reverse();
        }
        if self.is_held(panel) {
            let place = |row: &Row| cursor.held.0.iter().position(|what| *what == row.what);
            rows.sort_by_key(|row| place(row).unwrap_or(usize::MAX));
        }
        rows
    }

    /// Whether the order of a panel is held.
    #[must_use]
    pub fn is_held(&self, panel: Panel) -> bool {
        self.now < self.cursors[slot(panel)].held.1
    }

    /// How many rows of a panel can be seen.
    fn page(&self, panel: Panel) -> usize {
        let layout = self.layout();
        let height = match self.view {
            View::Panels => layout.of(panel).map_or(0, |area| area.height),
            _ => layout.body.height,
        };
        usize::from(height.saturating_sub(1)).max(1)
    }

    /// Puts cursors where their rows are now, and the first rows so that these can be seen.
    fn settle(&mut self) {
        for panel in [Panel::Prefixes, Panel::Networks, Panel::Ports, Panel::Scans] {
            let rows = self.rows(panel);
            let page = self.page(panel);
            let cursor = &mut self.cursors[slot(panel)];
            match rows.iter().position(|row| Some(&row.what) == cursor.on.as_ref()) {
                Some(at) => cursor.at = at,
                None => cursor.at = cursor.at.min(rows.len().saturating_sub(1)),
            }
            cursor.top = cursor.top.min(cursor.at).max((cursor.at + 1).saturating_sub(page));
            cursor.top = cursor.top.min(rows.len().saturating_sub(page));
        }
        let layout = self.layout();
        if self.view == View::Panels && layout.tabs.is_none() && !layout.tiny && layout.of(self.focus).is_none() {
            self.focus = Panel::Prefixes;
        }
    }

    /// The row that the cursor is on, of the panel that keys are for.
    #[must_use]
    pub fn row(&self) -> Option<Row> {
        if self.view != View::Panels || self.focus == Panel::Lines {
            return None;
        }
        let rows = self.rows(self.focus);
        rows.into_iter().nth(self.cursors[slot(self.focus)].at)
    }

    /// The line that the cursor is on.
    #[must_use]
    pub fn line_row(&self) -> Option<&LineRow> {
        let lines = &self.picture.lines;
        match self.line.on {
            None => lines.last(),
            Some(number) => {
                let at = lines.partition_point(|line| line.number < number);
                lines.get(at).or(lines.last())
            }
        }
    }

    /// Whether keys are for lines.
    #[must_use]
    pub fn on_lines(&self) -> bool {
        self.view == View::Lines || self.view == View::Panels && self.focus == Panel::Lines
    }

    /// Moves by so many rows.
    fn step(&mut self, by: isize) {
        if self.view == View::Time {
            return self.step_column(by);
        }
        if self.on_lines() {
            let lines = &self.picture.lines;
            if lines.is_empty() {
                return;
            }
            let on = self.line.on.map_or(lines.len() - 1, |on| lines.partition_point(|line| line.number < on));
            let to = on.saturating_add_signed(by).min(lines.len() - 1);
            // At the end the newest is followed.
            self.line.on = (to + 1 < lines.len()).then(|| lines[to].number);
            return;
        }
        let (panel, rows) = (self.focus, self.rows(self.focus));
        if rows.is_empty() {
            return;
        }
        let now = self.now;
        let cursor = &mut self.cursors[slot(panel)];
        cursor.at = cursor.at.saturating_add_signed(by).min(rows.len() - 1);
        cursor.on = Some(rows[cursor.at].what.clone());
        cursor.held = (rows.into_iter().map(|row| row.what).collect(), now + HELD);
        self.settle();
    }

    fn step_column(&mut self, by: isize) {
        let columns = self.picture.time.len();
        if columns > 0 {
            let at = self.column.unwrap_or(columns - 1).min(columns - 1);
            self.column = Some(at.saturating_add_signed(by).min(columns - 1));
        }
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        let page = self.page(self.focus).cast_signed();
        match action {
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::PageDown | Action::Space => self.step(page),
            Action::PageUp => self.step(-page),
            Action::HalfDown => self.step((page / 2).max(1)),
            Action::HalfUp => self.step(-(page / 2).max(1)),
            Action::First => self.step(isize::MIN / 2),
            Action::Last => self.step(isize::MAX / 2),
            Action::Left | Action::Right if self.view == View::Time => {
                self.step_column(if action == Action::Left { -1 } else { 1 });
            }
            Action::Left => self.line.left = self.line.left.saturating_sub(8),
            Action::Right => self.line.left = (self.line.left + 8).min(4_000),
            Action::NextPanel => self.turn(1),
            Action::PreviousPanel => self.turn(-1),
            Action::Panel(number) => self.go_to(number),
            Action::Into => return self.enter(false),
            Action::Without => return self.enter(true),
            Action::Back => return self.back(),
            Action::Find | Action::Where => {
                let asks = if action == Action::Find { Asks::Find } else { Asks::Where };
                self.prompt = Some(Prompt { asks, text: String::new(), error: None });
            }
            Action::FindNext => self.search(1),
            Action::FindPrevious => self.search(-1),
            Action::Lines => self.open(View::Lines),
            Action::Time => self.open(View::Time),
            Action::Account => self.popup = Some((Popup::Account, 0)),
            Action::Help => self.popup = Some((Popup::Help, 0)),
            Action::Explain => return self.explain(),
            Action::Sort | Action::Reverse => self.sort(action == Action::Reverse),
            Action::Finer | Action::Coarser => {
                let level = self.question.level;
                let to = if action == Action::Finer { level.saturating_sub(1) } else { level + 1 };
                if to != level && to < LEVELS.len() {
                    self.question.level = to;
                    return self.ask();
                }
            }
            Action::Window | Action::ZoomIn | Action::ZoomOut => {
                let window = self.question.window;
                let next = match action {
                    Action::Window => Some(window.next(true).unwrap_or_default()),
                    other => window.next(other == Action::ZoomIn),
                };
                if let Some(next) = next {
                    self.question.window = next;
                    return self.ask();
                }
            }
            Action::Hold => self.hold = !self.hold,
            Action::Mark => self.mark(),
            Action::Write => {
                if self.marked.is_empty() {
                    self.say("no line is marked: m marks one".to_owned());
                } else {
                    self.prompt =
                        Some(Prompt { asks: Asks::File, text: "marked.log".to_owned(), error: None });
                }
            }
            Action::Copy => match self.command() {
                Some(command) => {
                    self.say("sent to the terminal's clipboard; it is printed at the end as well".to_owned());
                    return vec![Effect::Copy(command)];
                }
                None => self.say("no command says this: the prefix cannot be typed".to_owned()),
            },
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Close => self.find = None,
            Action::Quit if self.view != View::Panels => self.open(View::Panels),
            Action::Quit => return vec![Effect::Quit],
            Action::Rules | Action::Suggest | Action::Zero => {}
        }
        Vec::new()
    }

    /// Keys while a page is open.
    fn act_in_popup(&mut self, action: Action) -> Vec<Effect> {
        let page = usize::from(self.size.1.saturating_sub(6)).max(1);
        let Some((_, top)) = &mut self.popup else { return Vec::new() };
        match action {
            Action::Down => *top += 1,
            Action::Up => *top = top.saturating_sub(1),
            Action::PageDown | Action::Space => *top += page,
            Action::PageUp => *top = top.saturating_sub(page),
            Action::HalfDown => *top += (page / 2).max(1),
            Action::HalfUp => *top = top.saturating_sub((page / 2).max(1)),
            Action::First => *top = 0,
            Action::Last => *top = usize::MAX / 2,
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Copy => return self.act(Action::Copy),
            _ => self.popup = None,
        }
        if let Some((popup, top)) = &mut self.popup {
            let lines = match popup {
                Popup::Help => super::keys::TABLE.len() + 2,
                Popup::Account => 200,
                Popup::Page(_, lines) => lines.len(),
            };
            *top = (*top).min(lines.saturating_sub(1));
        }
        Vec::new()
    }

    /// Keys while something is typed.
    fn typed(&mut self, key: Key) -> Vec<Effect> {
        let Some(prompt) = &mut self.prompt else { return Vec::new() };
        match key {
            Key::Char(c) if prompt.text.len() < 500 => prompt.text.push(c),
            Key::Backspace if !prompt.text.is_empty() => drop(prompt.text.pop()),
            Key::Ctrl('u') => prompt.text.clear(),
            Key::Esc | Key::Ctrl('c') | Key::Backspace => self.prompt = None,
            Key::Enter => {
                let Some(Prompt { asks, text, .. }) = self.prompt.take() else { return Vec::new() };
                if text.trim().is_empty() {
                    return Vec::new();
                }
                match asks {
                    Asks::Find => {
                        self.find = Some(text.to_lowercase());
                        self.search(1);
                    }
                    Asks::Where => {
                        self.question.parts.push(Part { what: What::Where(text), not: false });
                        return self.ask();
                    }
                    Asks::File => {
                        let lines = self.marked.values().cloned().collect();
                        return vec![Effect::Write(text, lines)];
                    }
                }
            }
            _ => {}
        }
        if let Some(prompt) = &mut self.prompt {
            prompt.error = None;
        }
        Vec::new()
    }

    fn turn(&mut self, by: isize) {
        let panels = self.panels();
        let at = panels.iter().position(|panel| *panel == self.focus).unwrap_or(0).cast_signed();
        let many = panels.len().cast_signed();
        self.focus = panels[(at + by).rem_euclid(many).cast_unsigned()];
        self.settle();
    }

    /// The panels that can be looked at.
    #[must_use]
    pub fn panels(&self) -> Vec<Panel> {
        let layout = self.layout();
        if layout.tabs.is_none() && !layout.panels.is_empty() {
            return layout.shown();
        }
        let has = |panel: &Panel| *panel != Panel::Rules;
        Panel::ALL.into_iter().filter(has).collect()
    }

    fn go_to(&mut self, number: u8) {
        self.view = View::Panels;
        let panels = self.panels();
        match Panel::ALL.get(usize::from(number) - 1).filter(|panel| panels.contains(panel)) {
            Some(panel) => self.focus = *panel,
            None => self.say(format!("panel {number} has no room on this screen")),
        }
        self.settle();
    }

    fn open(&mut self, view: View) {
        self.view = if self.view == view { View::Panels } else { view };
        self.column = None;
        self.settle();
    }

    /// Only the packets of the row, or all but these.
    fn enter(&mut self, not: bool) -> Vec<Effect> {
        if self.view == View::Time {
            return self.enter_time(not);
        }
        if self.on_lines() && !not {
            return self.explain();
        }
        let what = match self.line_row().filter(|_| self.on_lines()) {
            Some(line) => line.src.map(|src| What::Net(src, if src.is_ipv4() { 32 } else { 128 })),
            None => self.row().map(|row| row.what),
        };
        let Some(what) = what else { return Vec::new() };
        if what == What::Prefix(b"(others)".to_vec()) {
            self.say("these are many prefixes, counted as one".to_owned());
            return Vec::new();
        }
        if self.question.parts.iter().any(|part| part.what == what) {
            // Deeper into what is one already: finer networks, or the lines.
            match (&what, self.question.level) {
                (What::Net(_, length), 1..) if !matches!(length, 32 | 128) => self.question.level -= 1,
                _ => {
                    self.focus = Panel::Lines;
                    self.settle();
                    return Vec::new();
                }
            }
            return self.ask();
        }
        self.question.parts.push(Part { what, not });
        self.ask()
    }

    fn enter_time(&mut self, not: bool) -> Vec<Effect> {
        let columns = self.picture.time.len();
        let (Some((from, to)), Some(at)) = (self.picture.bounds, self.column.or(columns.checked_sub(1))) else {
            return Vec::new();
        };
        let width = ((to - from) / columns.max(1) as i64).max(1);
        let begin = from + at as i64 * width;
        let what = What::Time(begin, begin + width, self.picture.offset);
        self.question.parts.push(Part { what, not });
        self.view = View::Panels;
        self.ask()
    }

    /// Takes the last part off the filter.
    fn back(&mut self) -> Vec<Effect> {
        if self.view != View::Panels {
            self.open(View::Panels);
            return Vec::new();
        }
        match self.question.parts.pop() {
            Some(part) => {
                // The cursor is where the way in began.
                let panel = match part.what {
                    What::Prefix(_) => Some(Panel::Prefixes),
                    What::Net(..) => Some(Panel::Networks),
                    What::Port(..) => Some(Panel::Ports),
                    What::Time(..) | What::Where(_) => None,
                };
                if let Some(panel) = panel {
                    self.focus = panel;
                    self.cursors[slot(panel)].on = Some(part.what);
                }
                self.ask()
            }
            None => {
                self.say("this is everything already".to_owned());
                Vec::new()
            }
        }
    }

    /// Asks the question as it is now.
    fn ask(&mut self) -> Vec<Effect> {
        self.generation += 1;
        self.hold = false;
        self.line = LineCursor::default();
        self.counted = None;
        for cursor in &mut self.cursors {
            (cursor.top, cursor.held) = (0, (Vec::new(), 0));
        }
        vec![Effect::Ask(self.question.clone(), self.generation)]
    }

    fn explain(&mut self) -> Vec<Effect> {
        match self.line_row().filter(|_| self.on_lines()).cloned() {
            Some(line) => vec![Effect::Explain(line)],
            None => {
                self.focus = Panel::Lines;
                self.view = View::Panels;
                self.settle();
                Vec::new()
            }
        }
    }

    fn sort(&mut self, reverse: bool) {
        if self.on_lines() || self.view != View::Panels {
            return;
        }
        let cursor = &mut self.cursors[slot(self.focus)];
        if reverse {
            cursor.reversed = !cursor.reversed;
        } else {
            cursor.order = match cursor.order {
                Order::Count => Order::Recent,
                Order::Recent => Order::Key,
                Order::Key => Order::Count,
            };
        }
        cursor.held = (Vec::new(), 0);
        self.settle();
    }

    fn mark(&mut self) {
        if !self.on_lines() {
            self.say("a mark is for a line: 4 goes to the lines".to_owned());
            return;
        }
        let Some(line) = self.line_row() else { return };
        let (number, raw) = (line.number, line.raw.clone());
        if self.marked.remove(&number).is_none() {
            self.marked.insert(number, raw);
        }
    }

    /// Goes to the next row with what is looked for, or the one before.
    fn search(&mut self, by: isize) {
        let Some(find) = self.find.clone() else { return };
        let (texts, at): (Vec<String>, usize) = if self.on_lines() {
            let lines = &self.picture.lines;
            let at = self.line.on.map_or(lines.len(), |on| lines.partition_point(|line| line.number < on));
            (lines.iter().map(|line| fwlog::text::escape(&line.raw)).collect(), at)
        } else {
            let rows = self.rows(self.focus);
            (rows.iter().map(|row| row.what.shown(false)).collect(), self.cursors[slot(self.focus)].at)
        };
        let many = texts.len();
        let found = (1..=many).map(|step| {
            let step = if by > 0 { step } else { many - step.min(many) };
            (at + step) % many.max(1)
        });
        let mut found = found.filter(|at| texts.get(*at).is_some_and(|text| text.to_lowercase().contains(&find)));
        match found.next() {
            Some(to) => self.step(to.cast_signed() - at.min(many.saturating_sub(1)).cast_signed()),
            None => self.say(format!("`{}` is not in this panel", fwlog::text::escape(find.as_bytes()))),
        }
    }

    /// The command that gives what the panel in focus shows; none if it cannot be typed.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let prefixes: Vec<Vec<u8>> = self.setup.prefixes(&self.picture);
        let options = self.question.options(&self.setup.typed(), &prefixes)?;
        let (four, _) = LEVELS[self.question.level.min(LEVELS.len() - 1)];
        let by = if four == 32 { "--by src".to_owned() } else { format!("--by src/{four}") };
        let (name, more): (&str, Vec<String>) = match (self.view, self.focus) {
            (View::Time, _) => ("timeline", Vec::new()),
            (View::Lines, _) | (_, Panel::Lines) => ("lines", vec!["--tail 20".to_owned()]),
            (_, Panel::Prefixes) => ("timeline", vec!["--by prefix".to_owned()]),
            (_, Panel::Networks) => ("top", vec![by]),
            (_, Panel::Ports) => ("top", vec!["--by dport,proto".to_owned()]),
            (_, Panel::Scans) => ("top", vec![by, "--distinct dport --sort distinct".to_owned()]),
            (_, Panel::Rules) => return None,
        };
        Some(self.setup.command(name, &[more, options].concat()))
    }
}

/// The place of a panel's cursor.
fn slot(panel: Panel) -> usize {
    match panel {
        Panel::Prefixes | Panel::Lines | Panel::Rules => 0,
        Panel::Networks => 1,
        Panel::Ports => 2,
        Panel::Scans => 3,
    }
}

impl App {
    /// The cursor of a panel.
    #[must_use]
    pub fn cursor(&self, panel: Panel) -> &Cursor {
        &self.cursors[slot(panel)]
    }
}
