//! The screens as they are kept: one by one in `tests/watch`, and the dialogue that the guide shows.
//!
//! Responsible for: a log, its rules and what is proposed for it, without a terminal.
//! Must not know: terminals, threads.
//! Tested by: `tests/cli/watch.rs`, which does the same on a terminal.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use fwlog::aggregate::Aggregate;
use fwlog::filter::Filter;
use fwlog::filter::expr::Context;
use fwlog::input::years::Years;
use fwlog::input::{Input, InputQueue, ReadOptions};
use fwlog::pipeline::{self, Plan};
use fwlog::record::Record;
use fwlog::time::TimeZone;
use fwlog::time::clock::Clock;
use fwrules::{Compiled, Evidence, Ruleset};

use super::model::{App, Effect, Msg};
use super::model_tests::{drawn, press, proposed, setup};
use super::picture::{Picture, Reading, Wanted};
use super::proposals::{Answer, Proposer, Request};
use super::question::Question;
use super::rules::{LogRules, Samples};
use super::setup::Glyphs;
use super::tally::Tally;
use crate::analysis::replayed::Replays;
use crate::analysis::suggest::session::{Session, Settings};
use crate::cli::values::{CHAIN, MOST_RULES};
use crate::cli::{Common, FilterArgs, InputArgs, OutputArgs, RulesArgs};
use crate::rules::Rulesets;

fn sample() -> PathBuf {
    testkit::testdata("sample/kern.log")
}

/// The rules of the sample log.
fn sample_rules() -> &'static Rulesets {
    let path = testkit::testdata("sample/guide.rules");
    let none = RulesArgs { rules: Vec::new(), ipset: Vec::new(), add: Vec::new(), local: Vec::new() };
    Box::leak(Box::new(Rulesets::read(&none, &[path]).unwrap()))
}

/// The same with the kernel's counters.
fn kernel(packets: u64) -> Ruleset {
    let text = std::fs::read_to_string(testkit::testdata("sample/guide.rules")).unwrap();
    let text = text
        .replace(":INPUT DROP [0:0]", &format!(":INPUT DROP [{packets}:0]"))
        .replace("-A INPUT -j STDIN", &format!("[{}:0] -A INPUT -j STDIN", packets * 3))
        .replace("-A FRIENDLY -j DROP", "[7:420] -A FRIENDLY -j DROP");
    Ruleset::parse(text.as_bytes()).unwrap()
}

/// Counts what the screens show.
struct Seen(Tally<'static>);

impl Aggregate for Seen {
    fn add(&mut self, record: &Record<'_>) {
        self.0.add(record, None);
    }

    fn merge(&mut self, _: Self) {}
}

/// What the screens show of the sample log for a question.
fn picture_of(question: &Question, generation: u64) -> Picture {
    let years = Years { wanted: true, year: Some(2026), zone: TimeZone::UTC, ..Years::default() };
    let reading = ReadOptions { ordered: true, years, ..ReadOptions::default() };
    let queue = InputQueue::new(vec![Input::File(sample())], reading);
    let clock = Clock::new(TimeZone::UTC, None);
    let plan = Plan { filter: Filter::All, clock, threads: 1, names: None };
    let rulesets = sample_rules();
    let compiled = |(_, each): &'static (String, Ruleset)| Compiled::new(each, Evidence::Writer(each), &[]);
    let compiled: &'static [Compiled<'static>] = rulesets.all.iter().map(compiled).collect::<Vec<_>>().leak();
    let replays = || Replays::new(rulesets, compiled, None, None);
    let filter = question.filter(&Context { now: 0, zone: &TimeZone::UTC }).unwrap();
    let make = || Seen(Tally::new(question.clone(), filter.clone(), Some(replays())));
    let (mut seen, account) = pipeline::run(&queue, &plan, None, make).unwrap();
    let mut picture = Picture { generation, totals: account.totals, account, ..Picture::default() };
    seen.0.draw(&mut picture, Wanted { lines: 100, rows: 100, rules: true }, &["kern.log".to_owned()], 0);
    picture.rules = LogRules::new(rulesets).rows(seen.0.counted());
    picture
}

#[test]
fn screens_are_as_they_were() {
    let picture = picture_of(&Question::default(), 0);
    let mut samples = Samples::default();
    samples.take(&[kernel(100)]);
    samples.take(&[kernel(108)]);
    let both = samples.joined(&picture.rules);
    let folder = testkit::repository().join("crates/fwstat/tests/watch");
    for (name, size, keys) in [
        ("80x24", (80, 24), ""),
        ("120x40", (120, 40), "2 j j"),
        ("160x50", (160, 50), "3"),
        ("60x20", (60, 20), "2"),
        ("40x12", (40, 12), "3"),
        ("30x5", (30, 5), ""),
        ("lines", (80, 24), "L k k l"),
        ("time", (80, 24), "i h h"),
        ("help", (120, 40), "?"),
        ("account", (80, 24), "a"),
        ("rules", (80, 24), "R j 0"),
        ("counters", (120, 40), "R"),
        ("suggest", (80, 24), "S"),
        ("ascii", (80, 24), "2 j"),
    ] {
        let mut app = App::new(setup(), Question::default(), size);
        if name == "ascii" {
            app.setup.glyphs = Glyphs::Ascii;
        }
        app.counters = name == "counters";
        let rules = if app.counters { both.clone() } else { picture.rules.clone() };
        app.update(0, Msg::Picture(Box::new(Picture { rules, ..picture.clone() })));
        press(&mut app, keys);
        let mut rows =
            proposed(&[(1_866, "chatter: broadcast and multicast"), (386, "radiation: telnet, smb")]);
        rows.rows[0].taken = true;
        app.update(0, Msg::Proposed(1, Ok(Box::new(rows))));
        testkit::kept(&folder.join(format!("{name}.txt")), &drawn(&app));
    }
}

/// The page of the guide says itself which keys are pressed before each of its screens.
#[test]
fn the_guide_shows_the_dialogue() {
    let common = Common {
        files: vec![sample()],
        filter: FilterArgs::default(),
        input: InputArgs { utc: true, year: Some(2026), ..InputArgs::default() },
        output: OutputArgs::default(),
    };
    let (trusted, keep, chain) = (Vec::new(), Vec::new(), CHAIN.to_owned());
    let mut session = Session::new(Settings { trusted, keep, chain, most: MOST_RULES, honeypot: None });
    for (_, rules) in &sample_rules().all {
        session.learn(rules).unwrap();
    }
    let files = vec!["kern.log".to_owned()];
    let proposer = Proposer { common: &common, session: Ok(session), files, stop: Mutex::default() };
    std::thread::scope(|scope| {
        let ((ask, asked), (answer, answers)) = (channel(), channel());
        scope.spawn(|| proposer.work(&{ asked }, &{ answer }));
        let advice = |request: Request| match (ask.send(request), answers.recv()) {
            (Ok(()), Ok(Answer::Proposed(number, proposed))) => Msg::Proposed(number, proposed),
            other => panic!("{other:?}"),
        };
        let mut app = App::new(setup(), Question::default(), (100, 30));
        app.counters = false;
        app.update(
            0,
            Msg::Picture(Box::new(Picture { reading: Reading::Live, ..picture_of(&app.question, 0) })),
        );
        let page = testkit::repository().join("docs/src/watch.md");
        let text = std::fs::read_to_string(&page).unwrap();
        let mut parts = text.split("<!-- keys:");
        let mut rebuilt = parts.next().unwrap().to_owned();
        for part in parts {
            let (keys, rest) = part.split_once(" -->").unwrap();
            let block = rest.strip_prefix("\n\n```screen\n");
            let behind =
                block.map_or(rest, |block| block.split_once("\n```\n").map_or("", |(_, behind)| behind));
            for key in keys.split_whitespace() {
                for effect in press(&mut app, key) {
                    let told = match effect {
                        Effect::Ask(question, generation) => {
                            let picture = picture_of(&question, generation);
                            Msg::Picture(Box::new(Picture { reading: Reading::Live, ..picture }))
                        }
                        Effect::Explain(line) => Msg::Page(
                            "explain kern.log".to_owned(),
                            super::explained(sample_rules(), &line, 90),
                        ),
                        Effect::Propose(number, question, from) => {
                            advice(Request::Propose(number, question, from))
                        }
                        Effect::Take(number, taken) => advice(Request::Take(number, taken)),
                        _ => continue,
                    };
                    app.update(app.now, told);
                }
            }
            let screen: Vec<&str> = drawn(&app).leak().lines().map(str::trim_end).collect();
            rebuilt += &format!("<!-- keys:{keys} -->\n\n```screen\n{}\n```\n{behind}", screen.join("\n"));
        }
        drop(ask);
        testkit::kept(&page, &rebuilt);
    });
}
