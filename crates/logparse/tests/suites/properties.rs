//! Properties of every packet: what is written reads back as it was.

use crate::common::emitted;
use logparse::testgen::{Source, Texts, packet};
use logparse::*;
use proptest::prelude::*;

/// Envelopes that end where any prefix may begin.
const FRONTS: &[&str] =
    &["", "4,1234,8486974964,-;", "[ 8486.974964] ", "Jun 30 06:06:13 gw kernel: [ 8486.974964] "];

fn reads_back(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut source = Source::new(bytes);
    let texts = Texts::draw(&mut source);
    let packet = packet(&mut source, &texts);
    let text = emitted(&packet);
    let show = || text.escape_ascii().to_string();
    prop_assert_eq!(parse_message(&text), Ok((packet, None)), "{}", show());
    for front in &FRONTS[1..] {
        let line = [front.as_bytes(), &text].concat();
        let mut scratch = Vec::new();
        let entry = parse_with(&line, &mut scratch);
        prop_assert_eq!(
            entry.map(|entry| (entry.packet, entry.error)),
            Ok((packet, None)),
            "{}{}",
            front,
            show()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        reads_back(&bytes)?;
    }

    /// Any bytes at all: no panic, the position is in the line, and the picture can be drawn.
    #[test]
    fn any_bytes_are_read_without_a_panic(line in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut scratch = Vec::new();
        let stop = match parse_with(&line, &mut scratch) {
            Ok(entry) => entry.error,
            Err(error) => Some(error),
        };
        if let Some(stop) = stop {
            prop_assert!(stop.offset() <= line.len());
            let _ = stop.render(&line).to_string();
        }
    }
}
