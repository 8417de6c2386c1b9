//! Linux firewall logs as typed records, read on all cores.
//!
//! ```
//! use fwlog::aggregate::Counts;
//! use fwlog::filter::Filter;
//! use fwlog::filter::arguments::Argument;
//! use fwlog::input::{Input, InputQueue, ReadOptions};
//! use fwlog::pipeline::{self, Plan};
//! use fwlog::record::{Field, Key};
//! use fwlog::time::TimeZone;
//! use fwlog::time::clock::Clock;
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/sample/kern.log");
//! let queue = InputQueue::new(vec![Input::File(path.into())], ReadOptions::default());
//! let plan = Plan {
//!     filter: Argument::Prefix.filter(&["tcp.in.dropped".to_owned()])?,
//!     clock: Clock::new(TimeZone::UTC, None),
//!     threads: 2,
//!     names: None,
//! };
//! let by_source = Counts::by(vec![Field::of(Key::Src)]);
//! let (counts, account) = pipeline::run(&queue, &plan, None, || by_source.clone())?;
//! assert!(queue.errors().is_empty());
//! for row in &counts.ranked(3).rows {
//!     println!("{:?} {}", row.cells, row.count);
//! }
//! // Every line is counted once.
//! let totals = account.totals;
//! assert_eq!(totals.lines, totals.packets + totals.cut + totals.other + totals.damaged);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The way of the data is the order of the modules:
//!
//! | module | from | to |
//! | --- | --- | --- |
//! | [`input`] | files, rotated sets, logs that grow ([`follow`](input::follow)), gzip, zstd, xz, bzip2, journal files, standard input | chunks of whole lines |
//! | [`pipeline`] | chunks | packets (by the parser [`logparse`]), on any number of threads; the account of all lines |
//! | [`record`] | a packet with its envelope, time and place | fields by name: [`Key`](record::Key), [`Value`](record::Value) |
//! | [`time`] | stamps with or without year and zone | moments, and what had to be assumed |
//! | [`names`] | files with names, networks and places | what they say of an address |
//! | [`filter`] | options and `--where` expressions | which records count |
//! | [`aggregate`] | records | counts and timelines; [`Aggregate`](aggregate::Aggregate) for your own |
//!
//! # Guarantees
//!
//! The answer is the same for any number of threads, chunk size and order of files. A line that
//! cannot be read is counted, with its reason and its first place. Memory is bounded by the number
//! of distinct keys, not by the size of the input. No `unsafe`, no panic on any input.
//!
//! # Errors
//!
//! Inputs that cannot be opened or end early do not end a run: what could be read is counted, and
//! [`InputQueue::errors`](input::InputQueue::errors) names the rest.
//!
//! # Not supported
//!
//! Inputs from the network; logs that are no Linux firewall logs.
//! A field's name is that of the output contract, not the kernel's key; [`record::Key`] lists both.
//!
//! # Sources
//!
//! Formats of lines are those of `logparse`. Journal files follow systemd's
//! document "Journal File Format" and its `journal-def.h`; exports the document
//! "Journal Export Formats".
//!
//! The minimum supported Rust version is 1.89.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod filter;
pub mod input;
pub mod kept;
pub mod names;
pub mod pipeline;
pub mod record;
pub mod services;
pub mod sorting;
pub mod text;
pub mod time;
