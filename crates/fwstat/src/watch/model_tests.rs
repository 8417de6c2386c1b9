//! What keys make of the model, by tables; and every screen at many sizes.
//!
//! Responsible for: the dialogue without a terminal, hostile names in every panel.
//! Must not know: terminals, files.
//! Tested by: `tests/cli/watch.rs`, which does the same on a terminal.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

use super::keys::Key;
use super::layout::{Panel, View};
use super::model::{App, Effect, Msg, Popup};
use super::picture::{LineRow, Picture, Proposed, ProposedRow, Reading, Row, Scan, Table};
use super::question::{Question, What, Window};
use super::rules::{Change, RuleKey, RuleRow};
use super::setup::{Glyphs, Setup};
use super::view;
use crate::report::Head;
use fwlog::pipeline::Account;
use fwlog::time::TimeZone;
use fwlog::time::clock::Clock;

pub(super) fn setup() -> Setup {
    let clock = Clock::new(TimeZone::UTC, None);
    let head = Head::new(
        vec!["kern.log".to_owned()],
        serde_json::Map::default(),
        &Account::default(),
        &clock,
        Vec::new(),
    );
    Setup {
        head,
        input: Vec::new(),
        name: "kern.log".to_owned(),
        rule_files: vec!["r".to_owned()],
        rules: true,
        counters: true,
        glyphs: Glyphs::Block,
        color: true,
    }
}

fn net(text: &str) -> What {
    What::Net(text.parse().unwrap(), 24)
}

fn row(what: What, count: u64) -> Row {
    Row { what, count, more: 0, recent: count / 10, time: vec![1, count, 3], fresh: false }
}

fn table(rows: Vec<Row>) -> Table {
    let total = rows.iter().map(|row| row.count).sum();
    Table { distinct: (rows.len() as u64, true), total, missed: 0, rows }
}

fn line(number: u64) -> LineRow {
    let raw = format!(
        "Mar 11 01:03:3{} gw kernel: [1.000001] tcp.in.dropped IN=eth0 OUT= MAC= SRC=192.0.2.{number} DST=198.51.100.2 LEN=60 \
         TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 ",
        number % 10
    );
    LineRow {
        number,
        place: format!("kern.log:{number}"),
        raw: raw.into_bytes(),
        when: Some(1_773_190_980 + number.cast_signed()),
        prefix: b"tcp.in.dropped".to_vec(),
        src: Some(format!("192.0.2.{number}").parse().unwrap()),
        port: Some(23),
        protocol: Some(6),
        detail: "SYN".to_owned(),
        path: "INPUT 4 > policy of INPUT drop".to_owned(),
    }
}

fn picture(generation: u64) -> Picture {
    Picture {
        generation,
        reading: Reading::Live,
        matched: 600,
        bounds: Some((0, 300)),
        newest: Some(299),
        age: Some(3),
        hour: 40,
        tables: [
            table(vec![
                row(What::Prefix(b"tcp.in.dropped".to_vec()), 500),
                row(What::Prefix(b"udp".to_vec()), 100),
            ]),
            table(vec![row(net("10.0.0.0"), 300), row(net("10.1.0.0"), 200), row(net("10.2.0.0"), 100)]),
            table(vec![row(What::Port(Some(23), 6), 400), row(What::Port(Some(5060), 17), 200)]),
        ],
        scans: vec![Scan {
            what: net("10.1.0.0"),
            id: "5ca1ab1e".to_owned(),
            sources: 7,
            shape: "distributed-vertical".to_owned(),
            technique: "syn",
            slow: false,
            confidence: "high",
            aims: 40,
            count: 60,
        }],
        lines: (1..=30).map(line).collect(),
        time: (0..60).map(|n| n % 7).collect(),
        ..Picture::default()
    }
}

/// The model after the first picture.
fn app(size: (u16, u16)) -> App {
    let mut app = App::new(setup(), Question::default(), size);
    app.update(0, Msg::Picture(Box::new(picture(0))));
    app
}

pub(super) fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys.split(' ').filter(|key| !key.is_empty()) {
        let key = match key {
            "Enter" => Key::Enter,
            "Back" => Key::Backspace,
            "Tab" => Key::Tab,
            "Esc" => Key::Esc,
            "^C" => Key::Ctrl('c'),
            "Space" => Key::Char(' '),
            one => Key::Char(one.chars().next().unwrap()),
        };
        effects = app.update(app.now + 10, Msg::Key(key));
    }
    effects
}

pub(super) fn drawn(app: &App) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.size.0, app.size.1));
    view::draw(app, &mut buffer);
    let mut out = String::new();
    for y in 0..app.size.1 {
        let mut line = String::new();
        let mut x = 0;
        while x < app.size.0 {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character covers the next cell as well.
            x += (fwlog::text::width(symbol) as u16).max(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn the_way_in_and_back() {
    let mut app = app((80, 24));
    let Effect::Ask(question, 1) = press(&mut app, "Enter").remove(0) else { panic!() };
    assert_eq!(question.shown(), "prefix tcp.in.dropped");
    press(&mut app, "2 j Enter");
    assert_eq!(app.question.shown(), "prefix tcp.in.dropped > src 10.1.0.0/24");
    press(&mut app, "Tab x");
    assert_eq!(app.question.shown(), "prefix tcp.in.dropped > src 10.1.0.0/24 > dport !23/tcp");
    let command = app.command().unwrap();
    assert_eq!(
        command,
        "fwstat top --by dport,proto --prefix tcp.in.dropped -s 10.1.0.0/24 --where 'not (dport = 23 and proto = tcp)' \
         kern.log"
    );
    // Esc drops no part; Backspace the last one.
    press(&mut app, "Esc");
    assert_eq!(app.question.parts.len(), 3);
    press(&mut app, "Back Back");
    assert_eq!((app.question.parts.len(), app.focus), (1, Panel::Networks));
    // The cursor is where the way in began.
    app.update(app.now, Msg::Picture(Box::new(picture(app.generation))));
    assert_eq!(app.row().unwrap().what, net("10.1.0.0"));
    press(&mut app, "Back");
    assert!(press(&mut app, "Back").is_empty() && app.said.is_some());
}

#[test]
fn the_cursor_is_on_a_key_not_on_a_row() {
    let mut app = app((80, 24));
    press(&mut app, "2 j");
    assert_eq!(app.row().unwrap().what, net("10.1.0.0"));
    // Other networks overtake it: for a while the order is held, then the cursor goes with its row.
    let mut newer = picture(0);
    newer.tables[1].rows.swap(1, 2);
    newer.tables[1].rows.insert(0, row(net("10.9.0.0"), 999));
    app.update(1_000, Msg::Picture(Box::new(newer.clone())));
    assert!(app.is_held(Panel::Networks) && drawn(&app).contains("network /24*"));
    assert_eq!(app.rows(Panel::Networks)[1].what, net("10.1.0.0"));
    app.update(20_000, Msg::Picture(Box::new(newer.clone())));
    assert_eq!(app.rows(Panel::Networks)[3].what, net("10.1.0.0"));
    assert_eq!((app.row().unwrap().what, app.cursor(Panel::Networks).at), (net("10.1.0.0"), 3));
    // It is gone: the cursor stays inside.
    newer.tables[1].rows.truncate(1);
    app.update(20_001, Msg::Picture(Box::new(newer)));
    assert_eq!(app.row().unwrap().what, net("10.9.0.0"));
}

#[test]
fn windows_levels_orders() {
    let mut app = app((80, 24));
    let asked = |effects: Vec<Effect>| match &effects[..] {
        [Effect::Ask(question, _)] => question.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(press(&mut app, "w")).window, Window::Day);
    assert_eq!(asked(press(&mut app, "z")).window, Window::Hour);
    assert_eq!(asked(press(&mut app, "Z")).window, Window::Day);
    assert!(app.command().unwrap().contains("-S '1970-01-01 00:00:00'"));
    assert_eq!(asked(press(&mut app, "+")).level, 0);
    assert!(press(&mut app, "+").is_empty());
    press(&mut app, "2");
    assert!(app.command().unwrap().contains("--by src "));
    press(&mut app, "s s");
    let mut names: Vec<What> = app.rows(Panel::Networks).into_iter().map(|row| row.what).collect();
    assert!(names.is_sorted());
    press(&mut app, "r");
    names.reverse();
    assert_eq!(app.rows(Panel::Networks).into_iter().map(|row| row.what).collect::<Vec<_>>(), names);
}

#[test]
fn a_picture_is_held_and_old_answers_are_dropped() {
    let mut app = app((80, 24));
    press(&mut app, "=");
    let more = Picture { matched: 700, ..picture(0) };
    app.update(100, Msg::Picture(Box::new(more.clone())));
    assert_eq!(app.picture.matched, 600);
    press(&mut app, "F");
    app.update(200, Msg::Picture(Box::new(more)));
    assert_eq!(app.picture.matched, 700);
    press(&mut app, "Enter");
    // The answer to the question before.
    app.update(300, Msg::Picture(Box::new(Picture { matched: 800, ..picture(0) })));
    assert_eq!(app.generation, 1);
    app.update(400, Msg::Picture(Box::new(Picture { matched: 5, ..picture(1) })));
    assert_eq!(app.picture.matched, 5);
}

#[test]
fn expressions_are_typed_and_refused() {
    let mut app = app((80, 24));
    press(&mut app, "& d p o r t");
    assert!(drawn(&app).contains("only where: dport"));
    let effects = press(&mut app, "Enter");
    assert_eq!(app.question.shown(), "dport");
    assert!(matches!(&effects[..], [Effect::Ask(..)]));
    app.update(50, Msg::Refused("expected a value".to_owned()));
    assert!(app.question.parts.is_empty() && drawn(&app).contains("expected a value"));
    press(&mut app, "Esc");
    // Letters that are typed do nothing else.
    assert!(press(&mut app, "/ q q 1 0").is_empty());
    press(&mut app, "Esc 2 / 1 0 . 2 Enter");
    assert_eq!(app.row().unwrap().what, net("10.2.0.0"));
    press(&mut app, "/ z z z Enter");
    assert!(app.said.as_ref().unwrap().0.contains("`zzz` is not"));
}

#[test]
fn lines_are_looked_at_marked_and_explained() {
    let mut app = app((80, 24));
    press(&mut app, "4 k k");
    assert_eq!(app.line.on, Some(28));
    assert!(matches!(&press(&mut app, "Enter")[..], [Effect::Explain(line)] if line.number == 28));
    press(&mut app, "m G m");
    assert_eq!(app.marked.keys().copied().collect::<Vec<_>>(), [28, 30]);
    assert_eq!(app.line.on, None);
    let effects = press(&mut app, "W Enter");
    assert!(matches!(&effects[..], [Effect::Write(name, lines)] if name == "marked.log" && lines.len() == 2));
    press(&mut app, "L");
    assert_eq!(app.view, View::Lines);
    assert!(drawn(&app).contains("kernel: [1.000001]"));
    press(&mut app, "q");
    assert_eq!(app.view, View::Panels);
    assert_eq!(press(&mut app, "q"), [Effect::Quit]);
    // Without a source that is one: the packets of all others.
    press(&mut app, "4 x");
    assert_eq!(app.question.shown(), "src !192.0.2.30");
}

#[test]
fn time_is_chosen_by_its_column() {
    let mut app = app((80, 24));
    press(&mut app, "i h h");
    assert_eq!((app.view, app.column), (View::Time, Some(57)));
    let effects = press(&mut app, "Enter");
    let [Effect::Ask(question, _)] = &effects[..] else { panic!() };
    assert_eq!(question.parts[0].what, What::Time(285, 290, 0));
    assert_eq!(app.view, View::Panels);
}

#[test]
fn pages_are_read_and_closed() {
    let mut app = app((80, 24));
    press(&mut app, "?");
    assert!(drawn(&app).contains("down, up") && drawn(&app).contains("more"));
    press(&mut app, "G");
    assert!(drawn(&app).contains("leave the view"));
    press(&mut app, "q");
    assert_eq!(app.popup, None);
    press(&mut app, "a");
    assert!(matches!(app.popup, Some((Popup::Account, 0))) && drawn(&app).contains("whole packets"));
    press(&mut app, "Esc");
    assert_eq!(press(&mut app, "^C"), [Effect::Quit]);
}

pub(super) fn proposed(rows: &[(u64, &str)]) -> Proposed {
    let row = |(lines, why): &(u64, &str)| ProposedRow {
        taken: false,
        lines: *lines,
        why: (*why).to_owned(),
        command: format!("iptables -A MALICIOUS -m comment --comment \"{why}\" -j DROP"),
        samples: vec![why.as_bytes().to_vec()],
    };
    let as_of = "2026-03-03 15:24:00".to_owned();
    Proposed {
        before: 3_827,
        remaining: 3_669,
        rows: rows.iter().map(row).collect(),
        as_of,
        refused: Vec::new(),
    }
}

#[test]
fn rules_are_taken_and_a_late_answer_is_none() {
    let mut app = app((100, 30));
    app.update(0, Msg::Picture(Box::new(picture(0))));
    let [Effect::Propose(first, ..)] = press(&mut app, "S")[..] else { panic!("nothing was asked") };
    assert!(drawn(&app).contains("read twice"));
    let rows = proposed(&[(1_866, "chatter"), (386, "radiation")]);
    app.update(1, Msg::Proposed(first, Ok(Box::new(rows.clone()))));
    assert!(drawn(&app).contains("3,669 remain with 0 of 2 rules"));
    assert_eq!(press(&mut app, "W"), []);
    let [Effect::Take(second, ref one)] = press(&mut app, "j Space")[..] else { panic!("not taken") };
    assert_eq!(one[..], [false, true]);
    let [Effect::Take(third, ref both)] = press(&mut app, "k Space")[..] else { panic!("not taken") };
    assert_eq!((both[..].to_vec(), second < third), (vec![true, true], true));
    // What was asked before is not shown any more.
    app.update(2, Msg::Proposed(second, Ok(Box::new(rows))));
    assert!(drawn(&app).contains("2 of 2"));
    assert_eq!(press(&mut app, "W Enter"), [Effect::Script("silence.sh".to_owned(), vec![true, true])]);
    assert!(app.command().unwrap().starts_with("fwstat suggest --rules r kern.log"));
    // Another question, other rules.
    press(&mut app, "q 3 Enter");
    assert!(app.proposed.is_none());
    assert!(matches!(press(&mut app, "S")[..], [Effect::Propose(..)]));
    app.update(3, Msg::Proposed(third + 1, Err("why not".to_owned())));
    assert!(drawn(&app).contains("why not"));
}

fn rule(number: u32, text: &str) -> RuleRow {
    let key = RuleKey { chain: text.to_owned(), text: text.to_owned(), nth: 0 };
    let policy = (number == 0).then(|| "DROP".to_owned());
    RuleRow { key, number, policy, lines: (7, 1), moved: 0, packets: Some(9), gained: 2, change: Change::New }
}

#[test]
fn rules_move_from_the_mark_on() {
    let mut app = app((160, 50));
    let with = |lines: u64| {
        let mut rows = vec![rule(0, "INPUT"), rule(1, "-j A"), rule(2, "-j B")];
        rows[2].lines = (lines, 0);
        rows.iter_mut().for_each(|row| row.gained = 0);
        Picture { rules: rows, ..picture(0) }
    };
    app.update(0, Msg::Picture(Box::new(with(10))));
    assert_eq!(press(&mut app, "R 0"), [Effect::Zero]);
    app.update(100, Msg::Picture(Box::new(with(13))));
    let moved: Vec<u64> = app.picture.rules.iter().map(|row| row.moved).collect();
    assert_eq!(moved, [0, 0, 3]);
    assert!(drawn(&app).contains("+3") && drawn(&app).contains("policy DROP"));
    assert_eq!(app.command().unwrap(), "fwstat replay --rules r --written-by r kern.log");
    press(&mut app, "G j");
    assert_eq!(app.rule.1, 2);
    press(&mut app, "q 6");
    assert_eq!(app.focus, Panel::Rules);
}

/// Names as an attacker would have them.
fn hostile(generation: u64) -> Picture {
    let names: [&[u8]; 6] = [
        b"\x1b]52;c;cm0gLXJm\x07",
        b"\x1b[2J\x1b[31mred",
        "a\u{202e}txt\u{2066}b\u{200b}".as_bytes(),
        "\u{9b}31m e\u{301}\u{301} 日本語のファイアウォール".as_bytes(),
        b"\xff\xfe\x00 line\nbreak\ttab",
        "🔥🔥🔥🔥🔥🔥🔥🔥🔥🔥🔥🔥🔥🔥".as_bytes(),
    ];
    let mut picture = picture(generation);
    picture.tables[0] =
        table(names.iter().map(|name| row(What::Prefix(name.to_vec()), u64::MAX / 8)).collect());
    picture.tables[1].rows.push(Row {
        what: What::Net("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap(), 128),
        more: u64::MAX / 4,
        ..row(net("10.0.0.0"), u64::MAX / 4)
    });
    for (line, name) in picture.lines.iter_mut().rev().zip(names) {
        line.prefix = name.to_vec();
        line.raw = name.to_vec();
        line.path = String::from_utf8_lossy(name).into_owned();
    }
    picture.rules =
        names.iter().enumerate().map(|(n, name)| rule(n as u32, &String::from_utf8_lossy(name))).collect();
    picture.notes = names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    picture
}

#[test]
fn no_size_panics_and_no_cell_has_what_a_terminal_obeys() {
    let size = |n: u16| if n < 12 { n } else { (n - 12) * 9 + 12 };
    for keys in ["", "4", "L", "i", "?", "a", "5 j Enter", "&", "R 0 j", "6", "S j", "S Enter"] {
        for glyphs in [Glyphs::Block, Glyphs::Ascii] {
            let mut app = app((80, 24));
            app.setup.glyphs = glyphs;
            app.update(0, Msg::Picture(Box::new(hostile(0))));
            if let Some(keys) = keys.strip_prefix("S ") {
                press(&mut app, "S");
                let rows = proposed(&[(7, "\x1b]52;c;x\x07"), (8, "e\u{301}日本語\u{202e}\u{9b}31m")]);
                app.update(0, Msg::Proposed(1, Ok(Box::new(rows))));
                press(&mut app, keys);
            } else {
                press(&mut app, keys);
            }
            if keys == "&" {
                app.update(0, Msg::Key(Key::Char('\u{202e}')));
                app.update(0, Msg::Refused("\x1b[31m".to_owned()));
            }
            app.update(0, Msg::Picture(Box::new(hostile(app.generation))));
            for width in (0..33).map(size) {
                for height in (0..18).map(size) {
                    app.update(0, Msg::Resize(width, height));
                    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
                    view::draw(&app, &mut buffer);
                    let bad = |c: char| fwlog::text::is_unsafe_to_display(c) && c != ' ';
                    let found = buffer.content.iter().find(|cell| cell.symbol().contains(bad));
                    assert!(found.is_none(), "{keys} {width}x{height}: {found:?}");
                    if glyphs == Glyphs::Ascii {
                        assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
                    }
                }
            }
        }
    }
}

#[test]
fn the_mouse_is_where_things_were_drawn() {
    for size in [(200, 60), (120, 40), (80, 24)] {
        let mut app = app(size);
        let shown = drawn(&app);
        let at = |words: &str| -> (u16, u16) {
            let place = |(y, line): (usize, &str)| {
                Some((fwlog::text::width(&line[..line.find(words)?]) as u16, y as u16))
            };
            shown.lines().enumerate().find_map(place).unwrap_or_else(|| panic!("{words}: {shown}"))
        };
        for (words, panel, on) in [
            ("10.2.0.0/24", Panel::Networks, net("10.2.0.0")),
            ("10.0.0.0/24", Panel::Networks, net("10.0.0.0")),
            ("5060/udp", Panel::Ports, What::Port(Some(5060), 17)),
        ] {
            let (x, y) = at(words);
            assert_eq!(app.update(1_000, Msg::Click(x, y)), []);
            assert_eq!((app.focus, app.row().map(|row| row.what)), (panel, Some(on)));
        }
        // Below the rows nothing is chosen; the wheel moves in the panel that it is over.
        let (x, y) = at("2 network");
        app.update(2_000, Msg::Click(x, y + 5));
        app.update(2_100, Msg::Click(x, y + 5));
        assert_eq!(app.question.parts.len(), 0);
        app.update(2_200, Msg::Wheel(x, y + 1, false));
        assert_eq!(app.row().map(|row| row.what), Some(net("10.0.0.0")));
        app.update(2_300, Msg::Wheel(x, y + 1, true));
        assert_eq!(app.row().map(|row| row.what), Some(net("10.2.0.0")));
        // Two clicks at one place go into the row; two at two places, or slow ones, do not.
        let (x, y) = at("10.1.0.0/24");
        app.update(3_000, Msg::Click(x, y));
        app.update(3_100, Msg::Click(x + 1, y));
        app.update(3_900, Msg::Click(x + 1, y));
        assert_eq!(app.question.parts.len(), 0);
        app.update(4_000, Msg::Click(x + 1, y));
        assert_eq!(app.question.parts.len(), 1);
    }
    let mut app = app((60, 20));
    let tabs = drawn(&app).lines().nth(2).unwrap().to_owned();
    app.update(0, Msg::Click(tabs.find("3 port").unwrap() as u16, 2));
    assert_eq!(app.focus, Panel::Ports);
    assert_eq!(app.update(0, Msg::Key(Key::F(2))), [Effect::Mouse(true)]);
    // Clicks anywhere, on any view, at any size.
    for size in [(0, 0), (1, 1), (39, 9), (40, 10), (90, 30)] {
        for keys in ["", "L", "i", "R", "S", "?"] {
            let mut app = self::app(size);
            press(&mut app, keys);
            for (x, y) in (0..45).flat_map(|y| (0..95).step_by(7).map(move |x| (x, y))) {
                app.update(u64::from(y) * 1_000, Msg::Click(x, y));
                app.update(u64::from(y) * 1_000 + 1, Msg::Wheel(x, y, y % 2 == 0));
                drawn(&app);
            }
        }
    }
}

#[test]
fn every_row_of_every_size_is_reached() {
    for size in [(200, 60), (120, 40), (80, 24), (79, 23), (60, 12), (40, 10)] {
        let mut app = app(size);
        for panel in app.panels() {
            press(&mut app, &panel.number().to_string());
            assert_eq!(app.focus, panel);
            press(&mut app, "G g j j j j k");
            let rows = app.rows(panel).len();
            let tables = !matches!(panel, Panel::Lines | Panel::Rules);
            assert!(!tables || app.cursor(panel).at < rows.max(1));
        }
    }
}
