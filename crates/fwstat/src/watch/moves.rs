//! What keys do to the model.
//!
//! Responsible for: each action of the table of keys, in each view; what is typed.
//! Must not know: terminals, files, how anything looks.
//! Tested by: `src/watch/model_tests.rs`, `tests/cli/watch.rs`.

use super::keys::{Action, Key};
use super::layout::{Panel, View};
use super::model::{App, Asks, Effect, LineCursor, Order, Popup, Prompt, slot};
use super::question::{LEVELS, Part, What};
use super::rules::RuleRow;

impl App {
    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        let page = self.page(self.focus).cast_signed();
        match action {
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::Take if self.view == View::Suggest => return self.take_rule(),
            Action::PageDown | Action::Take => self.step(page),
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
            Action::Rules => self.open(View::Rules),
            Action::Suggest => {
                self.open(View::Suggest);
                return self.propose(false);
            }
            Action::Zero => return self.zero(),
            Action::Counters => {
                let text = "iptables-save -c".to_owned();
                self.prompt = Some(Prompt { asks: Asks::Counters, text, error: None });
            }
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
            Action::Write => self.write(),
            Action::Copy => match self.command() {
                Some(command) => {
                    self.say("sent to the terminal's clipboard; it is printed at the end as well".to_owned());
                    return vec![Effect::Copy(command)];
                }
                None => self.say("no command says this: the prefix cannot be typed".to_owned()),
            },
            Action::Mouse => return self.switch_mouse(),
            Action::Redraw if self.view == View::Suggest => {
                let mut effects = self.propose(true);
                effects.push(Effect::Redraw);
                return effects;
            }
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Close => self.find = None,
            Action::Quit if self.view != View::Panels => self.open(View::Panels),
            Action::Quit => return vec![Effect::Quit],
        }
        Vec::new()
    }

    /// Keys while a page is open.
    pub(super) fn act_in_popup(&mut self, action: Action) -> Vec<Effect> {
        let page = usize::from(self.size.1.saturating_sub(6)).max(1);
        let Some((_, top)) = &mut self.popup else { return Vec::new() };
        match action {
            Action::Down => *top += 1,
            Action::Up => *top = top.saturating_sub(1),
            Action::PageDown | Action::Take => *top += page,
            Action::PageUp => *top = top.saturating_sub(page),
            Action::HalfDown => *top += (page / 2).max(1),
            Action::HalfUp => *top = top.saturating_sub((page / 2).max(1)),
            Action::First => *top = 0,
            Action::Last => *top = usize::MAX / 2,
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Mouse => return self.switch_mouse(),
            Action::Copy => return self.act(Action::Copy),
            _ => self.popup = None,
        }
        if let Some((popup, top)) = &mut self.popup {
            let lines = match popup {
                Popup::Help => super::keys::TABLE.len() * 2,
                Popup::Account => 200,
                Popup::Page(_, lines) => lines.len(),
            };
            *top = (*top).min(lines.saturating_sub(1));
        }
        Vec::new()
    }

    /// Keys while something is typed.
    pub(super) fn typed(&mut self, key: Key) -> Vec<Effect> {
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
                    Asks::Script => return vec![Effect::Script(text, self.rules_taken())],
                    Asks::Counters => {
                        self.counters = true;
                        return vec![Effect::Counters(text)];
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

    /// Asks for the name of a file, if there is something to write.
    fn write(&mut self) {
        let (any, none, asks, name) = match self.view {
            View::Suggest => {
                let any = self.rules_taken().contains(&true);
                (any, "no rule is taken: Space takes one", Asks::Script, "silence.sh")
            }
            _ => (!self.marked.is_empty(), "no line is marked: m marks one", Asks::File, "marked.log"),
        };
        if any {
            self.prompt = Some(Prompt { asks, text: name.to_owned(), error: None });
        } else {
            self.say(none.to_owned());
        }
    }

    /// Asks for rules for what is looked at; `anew` also if they are known.
    fn propose(&mut self, anew: bool) -> Vec<Effect> {
        if self.view != View::Suggest || self.proposed.is_some() && !anew {
            return Vec::new();
        }
        (self.proposed, self.pick) = (None, (0, 0));
        self.asked += 1;
        let from = self.question.window.seconds().and(self.picture.bounds).map(|(from, _)| from);
        vec![Effect::Propose(self.asked, self.question.clone(), from)]
    }

    /// Takes the rule that the cursor is on, or leaves it.
    fn take_rule(&mut self) -> Vec<Effect> {
        let at = self.pick.1;
        let Some(Ok(proposed)) = &mut self.proposed else { return Vec::new() };
        let Some(row) = proposed.rows.get_mut(at) else { return Vec::new() };
        row.taken = !row.taken;
        self.asked += 1;
        vec![Effect::Take(self.asked, self.rules_taken())]
    }

    /// Which rules were taken.
    pub(super) fn rules_taken(&self) -> Vec<bool> {
        match &self.proposed {
            Some(Ok(proposed)) => proposed.rows.iter().map(|row| row.taken).collect(),
            _ => Vec::new(),
        }
    }

    /// Why a rule is proposed, its command, and lines that it takes.
    fn show_rule(&mut self) {
        let Some(Ok(proposed)) = &self.proposed else { return };
        let Some(row) = proposed.rows.get(self.pick.1) else { return };
        let mut page = vec![row.why.clone(), row.command.clone(), String::new()];
        let room = usize::from(self.size.0.saturating_sub(8)).max(20);
        for raw in &row.samples {
            let line = fwlog::text::escape(raw.trim_ascii_end());
            page.extend(textwrap::wrap(&line, room).into_iter().map(|part| part.into_owned()));
        }
        self.popup = Some((Popup::Page("a rule, and lines that it takes".to_owned(), page), 0));
    }

    /// Sets the mark: from here on is counted what moves.
    fn zero(&mut self) -> Vec<Effect> {
        self.zeros = self.picture.rules.iter().map(|row| (row.key.clone(), row.lines.0)).collect();
        self.zero = Some(self.now);
        for row in &mut self.picture.rules {
            (row.moved, row.gained) = (0, 0);
        }
        vec![Effect::Zero]
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
        let has = |panel: &Panel| *panel != Panel::Rules || self.has_rules();
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
        if self.view == View::Suggest {
            self.show_rule();
            return Vec::new();
        }
        if self.on_lines() && !not {
            return self.explain();
        }
        let what = match self.line_row().filter(|_| self.on_lines()) {
            Some(line) => line.src.map(|src| What::Net(src, if src.is_ipv4() { 32 } else { 128 })),
            None => self.row().map(|row| row.what),
        };
        let Some(what) = what.filter(|_| !self.on_rules()) else { return Vec::new() };
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
        let (Some((from, to)), Some(at)) = (self.picture.bounds, self.column.or(columns.checked_sub(1)))
        else {
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
        self.proposed = None;
        self.zero = None;
        self.line = LineCursor::default();
        self.counted = None;
        for cursor in &mut self.cursors {
            (cursor.top, cursor.held) = (0, (Vec::new(), 0));
        }
        let mut effects = vec![Effect::Ask(self.question.clone(), self.generation)];
        effects.extend(self.propose(true));
        effects
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
        } else if self.on_rules() {
            let text = |row: &RuleRow| format!("{} {}", row.key.chain, row.key.text);
            (self.picture.rules.iter().map(text).collect(), self.rule.1)
        } else {
            let rows = self.rows(self.focus);
            (rows.iter().map(|row| row.what.shown(false)).collect(), self.cursors[slot(self.focus)].at)
        };
        let many = texts.len();
        let found = (1..=many).map(|step| {
            let step = if by > 0 { step } else { many - step.min(many) };
            (at + step) % many.max(1)
        });
        let mut found =
            found.filter(|at| texts.get(*at).is_some_and(|text| text.to_lowercase().contains(&find)));
        match found.next() {
            Some(to) => self.step(to.cast_signed() - at.min(many.saturating_sub(1)).cast_signed()),
            None => self.say(format!("`{}` is not in this panel", fwlog::text::escape(find.as_bytes()))),
        }
    }
}
