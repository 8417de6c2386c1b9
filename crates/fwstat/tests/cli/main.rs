//! The whole program, from outside: what is typed, what comes out, which exit code.
//!
//! Every answer is checked against an independent one: `awk`, a reading of our own, or the
//! program itself with other threads and chunks.

#[allow(dead_code, unreachable_pub)] // shared with the fuzz targets
#[path = "../../../../fuzz/src/readers.rs"]
mod fuzz_readers;
#[allow(dead_code, unreachable_pub)] // shared with the fuzz targets
#[path = "../../../../fuzz/src/mutate.rs"]
mod mutate;

mod advice;
mod agree;
mod anonymise;
mod bounded;
mod check;
mod clocks;
mod completions;
mod daemons;
mod diff;
mod documents;
mod envelopes;
mod explain;
mod export;
mod faults;
mod few_aims;
mod filters;
mod follow;
mod inputs;
mod invariants;
mod journal;
mod journal_writers;
mod lines;
mod manual;
mod names;
mod pandas;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod profiles;
#[cfg(feature = "watch")]
mod pty;
mod readers;
mod replay;
mod replay_files;
mod report;
mod report_digest;
mod report_page;
mod rule_faults;
mod scan_states;
mod scans;
mod schemas;
mod screens;
mod services;
mod snapshots;
mod states;
mod streams;
mod suggest;
mod support;
mod surface;
mod terminal;
mod timeline;
mod tmux;
mod top;
#[cfg(feature = "watch")]
mod watch;
#[cfg(feature = "watch")]
mod watch_alarm;
#[cfg(feature = "watch")]
mod watch_every;
#[cfg(feature = "watch")]
mod watch_rules;
#[cfg(feature = "watch")]
mod watch_suggest;
#[cfg(feature = "watch")]
mod watch_terminal;
mod words;
mod worlds;
mod writers;
