//! Queries on several machines, by [Ballista](https://datafusion.apache.org/ballista/): a scheduler and executors, all of
//! them this program, and logs that every one of them finds under the same path.
//!
//! Responsible for: `fwstat-sql cluster ...`.
//! Must not know: how queries are typed and written.
//! Tested by: `benches/cluster.sh`, and the unit tests of its files.

mod client;
mod codec;
mod messages;
mod origin;
mod own;
mod server;
mod store;

pub use client::{cancel, reach, session};
pub use origin::describe;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs `fwstat-sql cluster ...`.
#[must_use]
pub fn main(typed: &[std::ffi::OsString]) -> ExitCode {
    let words = std::iter::once("fwstat sql cluster".into()).chain(typed.iter().skip(2).cloned());
    let outcome = match server::Cluster::try_parse_from(words) {
        Ok(asked) => server::run(asked),
        Err(end) => {
            let code = u8::try_from(end.exit_code()).unwrap_or(2);
            // Help is such an end too.
            let _ = end.print();
            return ExitCode::from(code);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            fwstat::report::diagnostics::fatal(&error);
            ExitCode::from(2)
        }
    }
}
