//! The fuzz targets under `cargo test`: every input that once failed, every line of the
//! suite, and some changed ones. Long runs: `fuzz/src/driver.rs`.

use std::path::{Path, PathBuf};

use crate::targets::TARGETS;

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(path)
}

/// A file `TARGET-what` holds an input of that target.
#[test]
fn inputs_that_once_failed() {
    for (name, input) in crate::mutate::regressions(&testdata("")) {
        let Some((_, target)) = TARGETS.iter().find(|(target, _)| name.starts_with(&format!("{target}-")))
        else {
            // Those of the other readers are replayed by `fwstat`'s tests.
            assert!(name == "README.md" || name.starts_with("read_"), "{name}: no target is called so");
            continue;
        };
        target(&input);
    }
}

#[test]
fn every_target_takes_every_line() {
    for seed in crate::mutate::seeds(&testdata("lines")) {
        TARGETS.iter().for_each(|(_, target)| target(&seed));
    }
}

#[test]
fn every_target_takes_changed_lines() {
    let seeds = crate::mutate::seeds(&testdata("lines"));
    let mut rng = crate::mutate::Rng::new(20_240_630);
    let mut input = Vec::new();
    for _ in 0..50_000 {
        crate::mutate::input(&mut rng, &seeds, &mut input);
        TARGETS.iter().for_each(|(_, target)| target(&input));
    }
}
