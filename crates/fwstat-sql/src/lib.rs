//! SQL over the logs of Linux firewalls: raw logs as tables of [DataFusion](https://datafusion.apache.org).
//!
//! | module | is |
//! | --- | --- |
//! | [`schema`] | the columns of the tables `log` and `rest` |
//! | [`logs`] | the logs of a query, and what was found out on reading them |
//! | [`scan`], [`table`], [`bounds`] | the scan, the tables that plan it, and what they leave out |
//! | [`functions`] | functions for addresses, networks, services, flags |
//! | [`session`], [`query`] | DataFusion's settings; one statement |
//! | [`output`], [`cells`], [`errors`], [`explain`] | results, values, errors and plans as text |
//! | [`cli`], [`opened`], [`shell`], [`run`] | the program |
//!
//! The lines are read by [`fwlog`], as by every command of fwstat, so that answers cannot differ.

pub mod bounds;
pub mod cells;
pub mod cli;
mod columns;
pub mod errors;
pub mod explain;
mod front;
pub mod functions;
pub mod logs;
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
    let typed = match fwstat::typed::negated(std::env::args_os().collect()) {
        Ok(typed) => typed,
        Err(error) => return fail(&anyhow::anyhow!(error)),
    };
    // For packages; not an option for people.
    if typed.get(1..).is_some_and(|words| words == ["--generate", "man"]) {
        let page = fwstat::manual::page_of("fwstat-sql", <cli::Cli as clap::CommandFactory>::command());
        let mut out = std::io::stdout().lock();
        let written = std::io::Write::write_all(&mut out, page.as_bytes());
        return written.map_or_else(|error| fail(&error.into()), |()| ExitCode::SUCCESS);
    }
    let parsed = <cli::Cli as clap::CommandFactory>::command().try_get_matches_from(typed);
    let outcome = match parsed.and_then(|matches| cli::Cli::from_arg_matches(&matches)) {
        Ok(cli) => run::run(&cli),
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
