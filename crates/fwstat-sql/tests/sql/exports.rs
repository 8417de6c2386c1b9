//! Parquet exports are the same table as the logs that they were made of.

use std::path::{Path, PathBuf};

use clap::{FromArgMatches as _, Parser as _};
use fwstat_sql::cli::Cli;
use fwstat_sql::opened::Opened;

use crate::corpus::{Corpus, PARTITIONS, cli, number, open, rows, runtime};

/// Writes what `fwstat export` writes.
fn export(files: &[PathBuf], to: &Path, more: &[&str]) {
    let words = ["fwstat", "export", "--format=parquet", "--tz=Europe/Berlin", "--output"];
    let mut words: Vec<_> = words.iter().map(std::ffi::OsString::from).collect();
    words.push(to.into());
    words.extend(more.iter().map(std::ffi::OsString::from));
    words.extend(files.iter().map(|file| file.clone().into_os_string()));
    let matches = fwstat::cli::command().try_get_matches_from(words).unwrap();
    let cli = fwstat::cli::Cli::from_arg_matches(&matches).unwrap();
    let Some(fwstat::cli::Command::Export(arguments)) = cli.command else { panic!("another command") };
    fwstat::commands::export::command(&arguments).unwrap();
}

const QUERIES: [&str; 6] = [
    "SELECT * EXCLUDE (line) FROM log",
    "SELECT count(*), sum(n), min(time), max(time) FROM log",
    "SELECT prefix, sum(n) FROM log WHERE prefix LIKE 'tcp%' GROUP BY 1",
    "SELECT network(src, 24), count(*) FROM log WHERE time >= '2026-01-01' AND dpt = 22 GROUP BY 1",
    "SELECT count(*) FROM log a JOIN log b ON a.src = b.src AND a.ip_id = b.ip_id AND a.time = b.time",
    "SELECT count(*) FROM log WHERE src NOT IN (SELECT src FROM log WHERE dpt = 22 AND src IS NOT NULL)",
];

#[test]
fn an_export_is_the_table_that_it_was_made_of() {
    let corpus = Corpus::new();
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    // A name that is a pattern where paths are parsed.
    let parquet = folder.path().join("all [1]*%20?.parquet");
    export(&corpus.files, &parquet, &[]);
    // Some logs raw, the others as their export.
    let half = folder.path().join("half.dat");
    export(&corpus.files[..2], &half, &[]);
    let mixed: Vec<PathBuf> = [&[half][..], &corpus.files[2..]].concat();
    let ask = |files: &[PathBuf], partitions: usize, sql: &str| {
        let (logs, context) = open(&cli(files, partitions), partitions);
        let mut found = runtime.block_on(rows(&context, sql));
        assert!(logs.found().errors.is_empty(), "{:?}", logs.found().errors);
        found.sort();
        found
    };
    for sql in QUERIES {
        let wanted = ask(&corpus.files, 2, sql);
        assert!(!wanted.is_empty(), "{sql}");
        for partitions in PARTITIONS {
            for files in [&[parquet.clone()][..], &mixed] {
                let found = ask(files, partitions, sql);
                assert_eq!(found.len(), wanted.len(), "{sql} at {partitions}");
                for (found, wanted) in found.iter().zip(&wanted) {
                    assert_eq!(found, wanted, "{sql} at {partitions}");
                }
            }
        }
    }
    // What repeats is counted, not only read.
    let repeated = ask(&[parquet.clone()], 1, "SELECT count(*) FROM log WHERE n > 1");
    assert_ne!(repeated[0][0].as_deref(), Some("0"));
    // An export has no other lines.
    assert_eq!(ask(&[parquet], 1, "SELECT count(*) FROM rest")[0][0].as_deref(), Some("0"));
}

#[test]
fn times_of_the_command_line_are_of_exports_too() {
    let corpus = Corpus::new();
    let folder = tempfile::tempdir().unwrap();
    let parquet = folder.path().join("all.parquet");
    export(&corpus.files, &parquet, &[]);
    let count = |files: &[PathBuf]| {
        let words =
            ["fwstat sql", "--tz=Europe/Berlin", "--since=2025-12-31 12:00", "--until=2026-01-01 03:17"];
        let files = files.iter().map(|file| file.to_str().unwrap());
        let cli = Cli::parse_from(words.into_iter().chain(files));
        let (_, context) = open(&cli, 3);
        runtime().block_on(number(&context, "SELECT count(*) FROM log"))
    };
    let wanted = count(&corpus.files);
    assert!(wanted > 100, "{wanted}");
    assert_eq!(count(&[parquet]), wanted);
}

#[test]
fn what_an_export_lacks_is_null_and_what_is_none_is_told() {
    let corpus = Corpus::new();
    let folder = tempfile::tempdir().unwrap();
    let few = folder.path().join("few.parquet");
    export(&corpus.files[1..2], &few, &["--fields", "dpt,src"]);
    let runtime = runtime();
    let (_, context) = open(&cli(&[few.clone()], 2), 2);
    let found =
        runtime.block_on(rows(&context, "SELECT count(src), count(dpt), count(dst), count(time) FROM log"));
    assert_eq!(found[0][2..], [Some("0".to_owned()), Some("0".to_owned())]);
    assert_ne!(found[0][0].as_deref(), Some("0"));
    // Half of a file, and one whose columns are not those of a log.
    let cut = folder.path().join("cut.parquet");
    let bytes = std::fs::read(&few).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let ecs = folder.path().join("ecs.parquet");
    export(&corpus.files[1..2], &ecs, &["--schema", "ecs"]);
    let (logs, context) = open(&cli(&[cut, few.clone(), ecs], 2), 2);
    let all = runtime.block_on(rows(&context, "SELECT count(*) FROM log"));
    let (_, alone) = open(&cli(&[few.clone()], 2), 2);
    assert_eq!(all, runtime.block_on(rows(&alone, "SELECT count(*) FROM log")));
    let reasons: Vec<String> = logs.found().errors.into_iter().map(|error| error.reason).collect();
    assert!(reasons[0].starts_with("no Parquet file, or not all of one"), "{reasons:?}");
    assert!(reasons[1].starts_with("has no column of a log"), "{reasons:?}");
    // Filters over raw lines cannot be applied to it.
    let cli = Cli::parse_from(["fwstat sql", "--grep=x", few.to_str().unwrap()]);
    let error = Opened::new(&cli).err().unwrap().to_string();
    assert!(error.starts_with("--grep is tested on raw lines"), "{error}");
}
