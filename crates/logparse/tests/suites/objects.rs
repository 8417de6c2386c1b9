//! Lines that are objects, beside a library of JSON: random keys in random orders, escapes, pairs of surrogates, keys
//! that are there twice, blanks between.

use crate::common::*;
use logparse::*;
use serde_json::Value;

/// Numbers as if by chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % most
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Pieces of strings as JSON has them: plain ones, every escape, characters of one to four bytes.
const PIECES: [&str; 18] = [
    "a",
    "drop.in ",
    "[UFW] ",
    "{",
    "}",
    ",",
    "]",
    r#"\""#,
    r"\\",
    r"\/",
    r"\u0041",
    r"\u00e9",
    r"\ud83d\ude00",
    "\u{e9}",
    "\u{1f525}",
    r"\b",
    r"\f",
    "x_",
];

/// A string between its quotes.
fn string(chance: &mut Chance) -> String {
    (0..chance.below(6)).map(|_| *chance.of(&PIECES)).collect()
}

/// A value that says nothing of a packet.
fn value(chance: &mut Chance, depth: usize) -> String {
    let blank = *chance.of(&["", "", " "]);
    match chance.below(if depth == 0 { 4 } else { 6 }) {
        0 => format!("{blank}{}", chance.below(100_000)),
        1 => (*chance.of(&["true", "false", "null", "-1.5e3"])).to_owned(),
        2 | 3 => format!("\"{}\"", string(chance)),
        4 => format!("[{},{blank}{}]", value(chance, depth - 1), value(chance, depth - 1)),
        _ => format!("{{\"k\":{},{blank}\"l\":{}}}", value(chance, depth - 1), value(chance, depth - 1)),
    }
}

/// A writer's keys in its order; `None` is where the message is.
fn keys(chance: &mut Chance) -> Vec<Option<String>> {
    let mut keys: Vec<Option<String>> =
        (0..chance.below(9)).map(|n| Some(format!("key_{n}_\\u0061"))).collect();
    keys.insert(chance.below(keys.len() + 1), None);
    if chance.below(4) == 0 {
        keys.insert(chance.below(keys.len() + 1), None);
    }
    keys
}

#[test]
fn objects_say_what_a_library_of_json_reads() {
    let mut chance = Chance(7);
    let mut failures = Failures::default();
    let mut lines = 0;
    for _ in 0..400 {
        let (keys, blank) = (keys(&mut chance), *chance.of(&["", "", " "]));
        let fixed = value(&mut chance, 2);
        let mut log = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..12 {
            let members: Vec<String> = keys
                .iter()
                .map(|key| match key {
                    Some(key) => {
                        let value = if chance.below(2) == 0 { fixed.clone() } else { value(&mut chance, 2) };
                        format!("\"{key}\":{blank}{value}")
                    }
                    None => format!("\"MESSAGE\":{blank}\"{}{}\"", string(&mut chance), PACKET),
                })
                .collect();
            let line = format!("{{{}}}\n", members.join(&format!(",{blank}")));
            let object: Value = serde_json::from_str(&line).unwrap();
            expected.push(object["MESSAGE"].as_str().unwrap().to_owned());
            log.extend_from_slice(line.as_bytes());
        }
        let mut found = Vec::new();
        Scanner::new().scan(&log, |line| {
            let said = line.record.map(|record| record.prefix().to_vec());
            let mut scratch = Vec::new();
            let alone = parse_with(line.text, &mut scratch).map(|entry| entry.packet.prefix.to_vec());
            if said != alone {
                failures.add(format!("{}: {said:?} {alone:?}", line.text.escape_ascii()));
            }
            found.push((line.text.to_vec(), said));
        });
        assert_eq!(found.len(), expected.len());
        for ((line, said), message) in found.into_iter().zip(expected) {
            lines += 1;
            // What begins as an object is taken for one.
            if message.strip_prefix('{').is_some_and(|inside| inside.trim_start().starts_with('"')) {
                continue;
            }
            let right = parse_message(message.as_bytes()).map(|(packet, _)| packet.prefix.to_vec());
            if said != right {
                failures.add(format!("{}\n  said {said:?}\n  right {right:?}", line.escape_ascii()));
            }
        }
    }
    failures.check();
    assert_eq!(lines, 4_800);
}
