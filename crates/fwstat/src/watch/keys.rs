//! Keys of `fwstat watch`: one table, which is also its help and its chapter of the manual.
//!
//! Responsible for: which key does what, and how both are written for people.
//! Must not know: terminals, what an action comes to (`model`).
//! Tested by: the unit tests below, `tests/cli/watch.rs`.
//!
//! A letter is taken only where the programs that have it agree: vi and less for moving, lnav for views, k9s for going
//! in and back.

/// A key, as a terminal names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names say it
pub enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Backspace,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F(u8),
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the table says it
pub enum Action {
    Down,
    Up,
    First,
    Last,
    PageDown,
    PageUp,
    HalfDown,
    HalfUp,
    Left,
    Right,
    NextPanel,
    PreviousPanel,
    Panel(u8),
    Into,
    Back,
    Without,
    Find,
    FindNext,
    FindPrevious,
    Where,
    Lines,
    Rules,
    Suggest,
    Take,
    Zero,
    Counters,
    Time,
    Account,
    Explain,
    Sort,
    Reverse,
    Finer,
    Coarser,
    Window,
    ZoomIn,
    ZoomOut,
    Hold,
    Mark,
    Copy,
    Write,
    Help,
    Mouse,
    Redraw,
    Suspend,
    Close,
    Quit,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// As people write it.
    pub shown: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// The keys, each with its action.
    pub keys: &'static [(Key, Action)],
}

const fn row(shown: &'static str, about: &'static str, keys: &'static [(Key, Action)]) -> Binding {
    Binding { shown, about, keys }
}

use Action as A;
use Key::{Char, Ctrl};

/// All keys.
pub const TABLE: &[Binding] = &[
    row(
        "j k, arrows",
        "down, up",
        &[(Char('j'), A::Down), (Key::Down, A::Down), (Char('k'), A::Up), (Key::Up, A::Up)],
    ),
    row(
        "g G, Home End",
        "first row, last row",
        &[(Char('g'), A::First), (Key::Home, A::First), (Char('G'), A::Last), (Key::End, A::Last)],
    ),
    row(
        "PgDn PgUp, Space b",
        "a page down, up; in the rules suggested, Space takes a rule or leaves it",
        &[
            (Key::PageDown, A::PageDown),
            (Char(' '), A::Take),
            (Key::PageUp, A::PageUp),
            (Char('b'), A::PageUp),
        ],
    ),
    row("^D ^U", "half a page down, up", &[(Ctrl('d'), A::HalfDown), (Ctrl('u'), A::HalfUp)]),
    row(
        "h l, left right",
        "lines: to the left, to the right; time: the column before, after",
        &[(Char('h'), A::Left), (Key::Left, A::Left), (Char('l'), A::Right), (Key::Right, A::Right)],
    ),
    row(
        "Tab, Shift-Tab, 1-6",
        "the next panel, the one before, panel 1 to 6",
        &[
            (Key::Tab, A::NextPanel),
            (Key::BackTab, A::PreviousPanel),
            (Char('1'), A::Panel(1)),
            (Char('2'), A::Panel(2)),
            (Char('3'), A::Panel(3)),
            (Char('4'), A::Panel(4)),
            (Char('5'), A::Panel(5)),
            (Char('6'), A::Panel(6)),
        ],
    ),
    row(
        "Enter, o",
        "into the row: only its packets; of a line: explain it",
        &[(Key::Enter, A::Into), (Char('o'), A::Into)],
    ),
    row("Backspace", "back: takes the last part off the filter", &[(Key::Backspace, A::Back)]),
    row("x", "without this row", &[(Char('x'), A::Without)]),
    row("&", "a filter as an expression, as --where has it", &[(Char('&'), A::Where)]),
    row(
        "/ n N",
        "find in the panel, the next, the one before",
        &[(Char('/'), A::Find), (Char('n'), A::FindNext), (Char('N'), A::FindPrevious)],
    ),
    row("s r", "sort by the next column, reverse", &[(Char('s'), A::Sort), (Char('r'), A::Reverse)]),
    row(
        "+ -",
        "finer and coarser networks: /32 /24 /16, of IPv6 /128 /64 /48",
        &[(Char('+'), A::Finer), (Char('-'), A::Coarser)],
    ),
    row(
        "w z Z",
        "the time looked at: the next, narrower, wider: all, 24 h, 1 h, 5 min, 1 min",
        &[(Char('w'), A::Window), (Char('z'), A::ZoomIn), (Char('Z'), A::ZoomOut)],
    ),
    row(
        "= F",
        "hold the picture, or go on; reading goes on all the time",
        &[(Char('='), A::Hold), (Char('F'), A::Hold)],
    ),
    row("L", "the lines, as many as there is room for", &[(Char('L'), A::Lines)]),
    row("i", "packets over time; Enter takes a column's time", &[(Char('i'), A::Time)]),
    row("R", "the rules: lines of the log, and the kernel's counters", &[(Char('R'), A::Rules)]),
    row("0", "rules: set the mark; what moves from here on is bright", &[(Char('0'), A::Zero)]),
    row("C", "rules: ask the kernel for its counters, by a command", &[(Char('C'), A::Counters)]),
    row("S", "rules that would silence noise; Enter shows lines of one", &[(Char('S'), A::Suggest)]),
    row("e", "explain the line", &[(Char('e'), A::Explain)]),
    row("a", "the account of lines, and what had to be assumed", &[(Char('a'), A::Account)]),
    row("m", "mark a line, or take the mark off", &[(Char('m'), A::Mark)]),
    row("W", "write the marked lines, or the rules taken, to a new file", &[(Char('W'), A::Write)]),
    row("y", "send the command at the bottom to the terminal's clipboard", &[(Char('y'), A::Copy)]),
    row("? F1", "this help", &[(Char('?'), A::Help), (Key::F(1), A::Help)]),
    row("F2", "mouse on, off: the wheel moves, a click selects, two go into it", &[(Key::F(2), A::Mouse)]),
    row("^L", "draw anew; suggest anew", &[(Ctrl('l'), A::Redraw)]),
    row("^Z", "suspend", &[(Ctrl('z'), A::Suspend)]),
    row("Esc", "close what is open", &[(Key::Esc, A::Close)]),
    row("q, ^C", "leave the view; leave fwstat", &[(Char('q'), A::Quit), (Ctrl('c'), A::Quit)]),
];

/// What a key does.
#[must_use]
pub fn action(key: Key) -> Option<Action> {
    TABLE.iter().flat_map(|row| row.keys).find(|(own, _)| *own == key).map(|(_, action)| *action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_key_has_one_meaning() {
        let keys: Vec<Key> = TABLE.iter().flat_map(|row| row.keys).map(|(key, _)| *key).collect();
        assert_eq!(keys.len(), keys.iter().collect::<HashSet<_>>().len());
        for row in TABLE {
            assert!(!row.about.is_empty() && row.shown.len() <= 20, "{row:?}");
            // Each letter that does something is written.
            for (key, _) in row.keys {
                if let Char(c) = key {
                    let written = row.shown.contains(*c) || matches!(c, ' ' | '2'..='5');
                    assert!(written, "{c} in {}", row.shown);
                }
            }
        }
        assert_eq!(action(Char('j')), Some(Action::Down));
        assert_eq!(action(Char('!')), None);
    }
}
