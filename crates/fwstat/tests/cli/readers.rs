//! The fuzz targets of rulesets, sets, expressions and streams under `cargo test`: every input that once
//! failed, every seed, and some changed ones. Long runs: `fuzz/src/driver.rs`.

use std::path::{Path, PathBuf};

use crate::fuzz_readers::{READERS, input, seeds};
use crate::mutate::{Rng, regressions};

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

/// A file `TARGET-what` holds an input of that target.
#[test]
fn inputs_that_once_failed() {
    for (name, input) in regressions(&testdata("")) {
        if let Some((_, target)) = READERS.iter().find(|(target, _)| name.starts_with(&format!("{target}-")))
        {
            target(&input);
        }
    }
}

#[test]
fn every_reader_takes_changed_texts() {
    for (name, target) in READERS {
        let seeds = seeds(name, &testdata(""));
        assert!(!seeds.is_empty(), "{name}");
        seeds.iter().for_each(|seed| target(seed));
        let mut rng = Rng::new(20_241_127);
        let mut text = Vec::new();
        for _ in 0..2_000 {
            input(&mut rng, &seeds, &mut text);
            target(&text);
        }
    }
}
