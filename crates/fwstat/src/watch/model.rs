//! What the screens of `fwstat watch` show, and what a key makes of it: pure state.
//!
//! Responsible for: the stack of the filter, cursors, views, what is open over them; what has to be done outside is said
//! as an [`Effect`].
//! Must not know: terminals, files, threads, how anything looks.
//! Tested by: `src/watch/model_tests.rs`, `tests/cli/watch.rs`.

use fwlog::sorting::InOrder as _;
use std::collections::{BTreeMap, HashMap};

use super::keys::{Key, action};
use super::layout::{Layout, Panel, View, layout, suggest_rows};
use super::picture::{LineRow, Picture, Proposed, Reading, Row};
use super::question::{LEVELS, Part, Question, What};
use super::rules::RuleKey;
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
    /// The wheel was turned up or down over a column and a row.
    Wheel(u16, u16, bool),
    /// A column and a row were clicked.
    Click(u16, u16),
    /// The screen has another size: columns and rows.
    Resize(u16, u16),
    /// More was counted.
    Picture(Box<Picture>),
    /// The filter makes no sense, and why.
    Refused(String),
    /// A page to read, with its title.
    Page(String, Vec<String>),
    /// Rules that are proposed, to which number; or why there are none.
    Proposed(u64, Result<Box<Proposed>, String>),
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
    /// Count the kernel's packets from here on.
    Zero,
    /// Take the kernel's counters from this command or file.
    Counters(String),
    /// Propose rules, under this number, for the log of a question whose window begins there.
    Propose(u64, Question, Option<i64>),
    /// What these rules leave, under this number.
    Take(u64, Vec<bool>),
    /// Write the script of these rules to a new file.
    Script(String, Vec<bool>),
    /// Ask the terminal to tell of the mouse, or not to.
    Mouse(bool),
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
    pub(super) held: (Vec<What>, u64),
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
    /// The name of a file for the rules that were taken.
    Script,
    /// A command that prints the kernel's counters, or a file with them.
    Counters,
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
    /// Of rules: the first row that is shown, and the one that the cursor is on.
    pub rule: (usize, usize),
    /// Rules that are proposed, or why there are none; nothing while the log is read.
    pub proposed: Option<Result<Proposed, String>>,
    /// Of them: the first row that is shown, and the one that the cursor is on.
    pub pick: (usize, usize),
    /// The number of what was asked last about them.
    pub(super) asked: u64,
    /// Whether the kernel's counters are asked.
    pub counters: bool,
    /// When the mark was set in the rules, and the lines of each then.
    pub zero: Option<u64>,
    pub(super) zeros: HashMap<RuleKey, u64>,
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
    /// Whether the terminal tells of the mouse; where was clicked last, and when.
    pub mouse: bool,
    pub(super) clicked: Option<(u16, u16, u64)>,
    /// Lines a second, and when and where they were counted last.
    pub rate: f64,
    pub(super) counted: Option<(u64, u64)>,
    /// Lines a second over the last minute, for the head.
    pub rates: Vec<u64>,
}

impl App {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(setup: Setup, question: Question, size: (u16, u16)) -> App {
        App {
            proposed: None,
            pick: (0, 0),
            asked: 0,
            counters: setup.counters,
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
            rule: (0, 0),
            zero: None,
            zeros: HashMap::new(),
            column: None,
            popup: None,
            prompt: None,
            find: None,
            said: None,
            marked: BTreeMap::new(),
            mouse: false,
            clicked: None,
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
            Msg::Wheel(x, y, down) => self.wheel((x, y), down),
            Msg::Click(x, y) => self.click((x, y)),
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
            Msg::Proposed(number, proposed) => {
                // An answer to what was asked before is late.
                if number == self.asked {
                    self.proposed = Some(proposed.map(|proposed| *proposed));
                }
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
        layout(self.size, self.view, self.focus, prefixes, self.has_rules())
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
                    let keep = libm::exp2(-seconds / 10.0);
                    self.rate = if picture.reading == Reading::Live {
                        self.rate * keep + now * (1.0 - keep)
                    } else {
                        0.0
                    };
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
        if self.hold || picture.generation != self.generation && self.picture.generation != picture.generation
        {
            return;
        }
        if nothing_yet && self.picture.matched > 0 && self.picture.generation != picture.generation {
            self.picture.reading = picture.reading;
            return;
        }
        self.picture = picture;
        if self.zero.is_some() {
            for row in &mut self.picture.rules {
                let before = self.zeros.get(&row.key).copied().unwrap_or(0);
                row.moved = row.lines.0.saturating_sub(before);
            }
        }
        self.settle();
    }

    /// The rows of a panel in the order in which they are shown.
    #[must_use]
    pub fn rows(&self, panel: Panel) -> Vec<Row> {
        let rows: Vec<Row> = match panel {
            Panel::Prefixes | Panel::Networks | Panel::Ports => self.picture.tables[slot(panel)].rows.clone(),
            Panel::Scans => {
                // A row is what can be gone into: campaigns of one source are one.
                let mut rows: Vec<Row> = Vec::new();
                for scan in &self.picture.scans {
                    if let Some(row) = rows.iter_mut().find(|row| row.what == scan.what) {
                        (row.count, row.recent) = (row.count + scan.count, row.recent + scan.aims);
                        continue;
                    }
                    let (what, count, recent) = (scan.what.clone(), scan.count, scan.aims);
                    rows.push(Row { what, count, more: 0, recent, time: Vec::new(), fresh: false });
                }
                rows
            }
            Panel::Lines | Panel::Rules => return Vec::new(),
        };
        let cursor = &self.cursors[slot(panel)];
        let mut rows = rows;
        match cursor.order {
            Order::Count => {}
            Order::Recent => rows.order_by_key(|row| std::cmp::Reverse(row.recent)),
            Order::Key => rows.order_by(|a, b| a.what.cmp(&b.what)),
        }
        if cursor.reversed {
            rows.reverse();
        }
        if self.is_held(panel) {
            let place = |row: &Row| cursor.held.0.iter().position(|what| *what == row.what);
            rows.order_by_key(|row| place(row).unwrap_or(usize::MAX));
        }
        rows
    }

    /// How many rows of each table can be seen soon; where the order is another than that of counts, it may be any.
    #[must_use]
    pub fn rows_wanted(&self) -> usize {
        let panels = [Panel::Prefixes, Panel::Networks, Panel::Ports];
        let wanted = |panel: Panel| {
            let cursor = self.cursor(panel);
            let by_count = cursor.order == Order::Count && !cursor.reversed && !self.is_held(panel);
            if by_count { cursor.top + 2 * self.page(panel) } else { usize::MAX }
        };
        panels.into_iter().map(wanted).max().unwrap_or(0)
    }

    /// Whether the order of a panel is held.
    #[must_use]
    pub fn is_held(&self, panel: Panel) -> bool {
        self.now < self.cursors[slot(panel)].held.1
    }

    /// How many rows of a panel can be seen.
    pub(super) fn page(&self, panel: Panel) -> usize {
        let layout = self.layout();
        let height = match self.view {
            View::Panels => layout.of(panel).map_or(0, |area| area.height),
            _ => layout.body.height,
        };
        usize::from(height.saturating_sub(1)).max(1)
    }

    /// Puts cursors where their rows are now, and the first rows so that these can be seen.
    pub(super) fn settle(&mut self) {
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
        if self.view == View::Panels
            && layout.tabs.is_none()
            && !layout.tiny
            && layout.of(self.focus).is_none()
        {
            self.focus = Panel::Prefixes;
        }
    }

    /// The row that the cursor is on, of the panel that keys are for.
    #[must_use]
    pub fn row(&self) -> Option<Row> {
        if self.view != View::Panels || matches!(self.focus, Panel::Lines | Panel::Rules) {
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

    /// The lines that are shown on `page` rows, and the place of the cursor among them.
    #[must_use]
    pub fn shown_lines(&self, page: usize) -> (&[LineRow], Option<usize>) {
        let lines = &self.picture.lines;
        let Some(number) = self.line.on else {
            let from = lines.len().saturating_sub(page);
            return (&lines[from..], lines.len().checked_sub(from + 1));
        };
        let at = lines.partition_point(|line| line.number < number).min(lines.len().saturating_sub(1));
        let from = (at + page / 2 + 1).min(lines.len()).saturating_sub(page);
        let to = (from + page).min(lines.len());
        (&lines[from..to], at.checked_sub(from))
    }

    /// Moves by so many rows.
    pub(super) fn step(&mut self, by: isize) {
        if self.view == View::Time {
            return self.step_column(by);
        }
        if self.on_rules() {
            return self.step_rule(by);
        }
        if self.view == View::Suggest {
            let rows = self.rules_taken().len();
            let page = suggest_rows(self.layout().body.height);
            self.pick = scrolled(self.pick, by, rows, page);
            return;
        }
        if self.on_lines() {
            let lines = &self.picture.lines;
            if lines.is_empty() {
                return;
            }
            let on =
                self.line.on.map_or(lines.len() - 1, |on| lines.partition_point(|line| line.number < on));
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

    /// Whether there are rules to show.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.setup.rules || self.counters
    }

    /// Whether keys are for rules.
    #[must_use]
    pub fn on_rules(&self) -> bool {
        self.view == View::Rules || self.view == View::Panels && self.focus == Panel::Rules
    }

    fn step_rule(&mut self, by: isize) {
        let page = self.page(Panel::Rules).saturating_sub(1).max(1);
        self.rule = scrolled(self.rule, by, self.picture.rules.len(), page);
    }

    pub(super) fn step_column(&mut self, by: isize) {
        let columns = self.picture.time.len();
        if columns > 0 {
            let at = self.column.unwrap_or(columns - 1).min(columns - 1);
            self.column = Some(at.saturating_add_signed(by).min(columns - 1));
        }
    }

    /// The command that gives what the panel in focus shows; none if it cannot be typed.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        let prefixes: Vec<Vec<u8>> = self.setup.prefixes(&self.picture);
        let options = self.question.options(&self.setup.typed(), &prefixes, self.picture.bounds)?;
        let (four, _) = LEVELS[self.question.level.min(LEVELS.len() - 1)];
        let by = if four == 32 { "--by src".to_owned() } else { format!("--by src/{four}") };
        let (name, more): (&str, Vec<String>) = match (self.view, self.focus) {
            (View::Time, _) => ("timeline", Vec::new()),
            (View::Suggest, _) => ("suggest", self.setup.rule_words(false).unwrap_or_default()),
            (View::Rules, _) | (_, Panel::Rules) => ("replay", self.setup.rule_words(true)?),
            (View::Lines, _) | (_, Panel::Lines) => ("lines", vec!["--tail 20".to_owned()]),
            (_, Panel::Prefixes) => ("timeline", vec!["--by prefix".to_owned()]),
            (_, Panel::Networks) => ("top", vec![by]),
            (_, Panel::Ports) => ("top", vec!["--by dport,proto".to_owned()]),
            (_, Panel::Scans) => ("scans", Vec::new()),
        };
        Some(self.setup.command(name, &[more, options].concat()))
    }

    /// The cursor of a panel.
    #[must_use]
    pub fn cursor(&self, panel: Panel) -> &Cursor {
        &self.cursors[slot(panel)]
    }
}

/// The first row that is shown and the one that the cursor is on, so many rows further.
fn scrolled((top, at): (usize, usize), by: isize, rows: usize, page: usize) -> (usize, usize) {
    let at = at.saturating_add_signed(by).min(rows.saturating_sub(1));
    (top.min(at).max((at + 1).saturating_sub(page)), at)
}

/// The place of a panel's cursor.
pub(super) fn slot(panel: Panel) -> usize {
    match panel {
        Panel::Prefixes | Panel::Lines | Panel::Rules => 0,
        Panel::Networks => 1,
        Panel::Ports => 2,
        Panel::Scans => 3,
    }
}
