//! SQL over the logs of Linux firewalls: raw logs as tables of [DataFusion](https://datafusion.apache.org).
//!
//! | module | is |
//! | --- | --- |
//! | [`schema`] | the columns of the tables `log` and `rest` |
//! | [`logs`] | the logs of a query, and what was found out on reading them |
//! | [`scan`], [`table`], [`bounds`] | the scan, the tables that plan it, and what they leave out |
//! | [`exports`] | Parquet exports as rows of `log` |
//! | `objects` | logs in S3 (feature `s3`) |
//! | [`functions`] | functions for addresses, networks, services, flags |
//! | [`session`], [`query`] | DataFusion's settings; one statement |
//! | [`output`], [`cells`], [`errors`], [`explain`] | results, values, errors and plans as text |
//! | [`cli`], [`generated`], [`opened`], [`shell`], [`run`] | the program |
//!
//! The lines are read by [`fwlog`], as by every command of fwstat, so that answers cannot differ.

pub mod bounds;
pub mod cells;
pub mod cli;
#[cfg(feature = "cluster")]
pub mod cluster;
mod columns;
pub mod errors;
pub mod explain;
pub mod exports;
mod front;
pub mod functions;
pub mod generated;
pub mod logs;
#[cfg(feature = "s3")]
pub mod objects;
pub mod opened;
pub mod output;
pub mod query;
pub mod run;
pub mod scan;
pub mod schema;
pub mod session;
pub mod shell;
pub mod table;

use std::process::ExitCode;

use clap::FromArgMatches as _;

/// The program: reads the arguments, does what they say, and returns the exit code: 0 if there were rows,
/// 1 if there were none, 2 if something could not be done or read.
#[must_use]
pub fn main() -> ExitCode {
    generated::answer();
    let typed = match fwstat::typed::negated(std::env::args_os().collect()) {
        Ok(typed) => typed,
        Err(error) => return fail(&anyhow::anyhow!(error)),
    };
    #[cfg(feature = "cluster")]
    if typed.get(1).is_some_and(|word| word == "cluster") {
        return cluster::main(&typed);
    }
    let words = typed.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let parsed = <cli::Cli as clap::CommandFactory>::command().try_get_matches_from(typed);
    let outcome = match parsed.and_then(|matches| cli::Cli::from_arg_matches(&matches)) {
        Ok(cli::Cli { generate: Some(kind), .. }) => generated::write(kind, &mut std::io::stdout().lock())
            .map(|()| fwstat::commands::Outcome::Found)
            .map_err(anyhow::Error::from),
        Ok(cli) => run::run(&cli::Cli { words, ..cli }),
        Err(end) => {
            let code = u8::try_from(end.exit_code()).unwrap_or(2);
            // Help and version are such an end too. A reader that went away is none.
            let _ = end.print();
            return ExitCode::from(code);
        }
    };
    outcome.map_or_else(|error| fail(&error), ExitCode::from)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    fwstat::report::diagnostics::fatal(error);
    ExitCode::from(2)
}
