//! The man page and the completion scripts, from the same table as `--help`.
//!
//! Responsible for: the sections that no table has: exit status, files, environment.
//! Must not know: what a command does.
//! Tested by: `tests/cli/surface.rs`: all list the same options.

use std::io::{self, Write};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::{Cli, Generate};

/// Writes what was asked for.
///
/// # Errors
/// The output cannot be written.
pub fn write(kind: Generate, out: &mut dyn Write) -> io::Result<()> {
    let shell = match kind {
        Generate::Man => return man(out),
        Generate::CompleteBash => Shell::Bash,
        Generate::CompleteZsh => Shell::Zsh,
        Generate::CompleteFish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "fwstat", &mut script);
    out.write_all(&script)
}

/// One page with every command.
fn man(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let main = Man::new(command.clone());
    main.render_title(out)?;
    main.render_name_section(out)?;
    main.render_synopsis_section(out)?;
    main.render_description_section(out)?;
    main.render_options_section(out)?;
    for sub in command.get_subcommands() {
        let mut roff = Roff::new();
        roff.control("SH", [format!("FWSTAT {}", sub.get_name()).to_uppercase().as_str()]);
        if let Some(about) = sub.get_about() {
            roff.text([roman(about.to_string())]);
        }
        // Only what the others do not have; the rest is the same everywhere.
        for argument in sub.get_arguments().filter(|argument| !argument.is_hide_set()) {
            let common = command.get_arguments().any(|own| own.get_id() == argument.get_id());
            if common && argument.get_id() != "limit" {
                continue;
            }
            let mut name = Vec::new();
            name.extend(argument.get_short().map(|short| format!("-{short}")));
            name.extend(argument.get_long().map(|long| format!("--{long}")));
            let value = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
            roff.control("TP", []);
            roff.text([bold(name.join(", ")), roman(format!(" {value}"))]);
            roff.text([roman(argument.get_help().map(ToString::to_string).unwrap_or_default())]);
        }
        roff.to_writer(out)?;
    }
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, means) in [
        ("0", "At least one firewall record was used."),
        ("1", "There was none."),
        ("2", "Something could not be read, or an option makes no sense; what could be read was reported."),
        ("130", "Interrupted; what was counted so far was reported and marked as partial."),
    ] {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(means)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, means) in [
        ("FWSTAT_CONFIG_PATH", "The file of arguments to use instead of ~/.config/fwstat/args."),
        ("FWSTAT_THREADS", "As --threads."),
        ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM", "Whether there are colours, as everywhere."),
        ("COLUMNS", "As --width, on a terminal."),
        ("TZ", "As --tz."),
    ] {
        roff.control("TP", []);
        roff.text([bold(name)]);
        roff.text([roman(means)]);
    }
    roff.control("SH", ["CONFIGURATION FILES"]);
    roff.text([roman(
        "$FWSTAT_CONFIG_PATH, else $XDG_CONFIG_HOME/fwstat/args, else ~/.config/fwstat/args: one argument per line, \
         lines that begin with # are comments. Its arguments stand in front of those of the command line, which \
         override them. An argument that the command at hand does not have is passed over. --no-config ignores the \
         file.",
    )]);
    roff.to_writer(out)?;
    main.render_version_section(out)
}
