//! What can be typed: the commands; the options of each are in the file of its name.
//!
//! Responsible for: names, letters, help texts. Nothing here looks at the environment.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

mod anonymise;
mod check;
mod common;
mod counted;
mod diff;
mod explain;
mod export;
mod lines;
mod merge;
mod overview;
mod replay;
mod report;
mod scans;
mod suggest;
mod timeline;
mod top;
pub mod values;
mod watch;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub use anonymise::Anonymise;
pub use check::Check;
pub use common::{
    AccountingArgs, Common, FilterArgs, FollowArgs, InputArgs, LookArgs, OutputArgs, RulesArgs,
};
pub use counted::CountArgs;
pub use diff::Diff;
pub use explain::Explain;
pub use export::Export;
pub use lines::Lines;
pub use merge::Merge;
pub use overview::Overview;
pub use replay::Replay;
pub use report::Report;
pub use scans::{ScanSender, ScanSort, Scans};
pub use suggest::Suggest;
pub use timeline::Timeline;
pub use top::Top;
pub use values::{Color, Format, Generate, Glyphs, Print, RuleFormat, Schema, Silenced, Sort, WatchFormat};
pub use watch::Watch;

/// The whole command line.
#[derive(Parser, Debug, Clone)]
#[command(
    name = "fwstat",
    version,
    about = "Answers from Linux firewall logs: who is probing you, on which ports, how often, and what is just noise",
    max_term_width = 98,
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
        fwstat kern.log                              what is in it, at a glance\n  \
        fwstat top --prefix tcp.in.dropped kern.log  sources, ports, protocols\n  \
        fwstat top --by src,dport -S today kern.log  two fields, today only\n  \
        fwstat check kern.log                        what could not be read, and why\n\n\
        Exit codes: 0 something found, 1 nothing found, 2 an error (the rest was read)."
)]
pub struct Cli {
    /// What to do; without it, an overview.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of the overview.
    #[command(flatten)]
    pub overview: Overview,
    /// Write the man page or a completion script to standard output.
    #[arg(long, value_name = "KIND", exclusive = true)]
    pub generate: Option<Generate>,
}

/// The command line as it is parsed, listed and completed: each command with the forms of output that it has.
#[must_use]
pub fn command() -> clap::Command {
    fn limited(command: clap::Command, forms: &[Format]) -> clap::Command {
        let names = forms.iter().filter_map(Format::to_possible_value).collect::<Vec<_>>();
        let parser = PossibleValuesParser::new(names)
            .map(|name| <Format as ValueEnum>::from_str(&name, true).unwrap_or(Format::Table));
        command.mut_arg("format", |format| format.value_parser(parser))
    }
    limited(Cli::command(), Format::of("")).mut_subcommands(|command| {
        let forms = Format::of(command.get_name());
        match command.get_name() {
            // These have forms of their own, or none.
            "lines" | "merge" | "suggest" | "anonymise" | "watch" | "help" => command,
            _ => limited(command, forms),
        }
    })
}

/// The commands, and what each does.
#[must_use]
pub fn commands() -> Vec<(String, String)> {
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    let program = Cli::command();
    program.get_subcommands().map(|command| (command.get_name().to_owned(), about(command))).collect()
}

/// The commands.
#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Top talkers, ports, protocols, or any other fields.
    ///
    /// Counts packets by the fields of --by, each row with its share; without --by there are four tables: prefixes,
    /// sources, destination ports, protocols. Rows of equal counts are in the order of their keys, for any number of
    /// threads.
    Top(Top),
    /// Counts over time, by any field.
    ///
    /// A row for each span of --bucket, a column for each of the most frequent values of --by. Spans of a day and
    /// longer begin at midnight of the report's zone.
    Timeline(Timeline),
    /// Port scans: one row for a campaign, however many packets, sources or days.
    ///
    /// A campaign is what one sender, or several that share the work, asked for: at least five things, hardly any of them
    /// again. Its own pace says where it ends, so that a probe an hour for a month is one. Clients of known applications,
    /// monitors, late answers and traceroute are no scans; the last line says what is not counted.
    ///
    /// Fewer things are enough where no system's own stack sends such packets: three with the same odd flags (FIN alone,
    /// none, FIN with PSH and URG) within a minute; two, one of which came many times at once with hops that change; two
    /// that three sources or more asked for by the same packets, which are decoys.
    ///
    /// What a log does not tell is not guessed: which of the decoys is real; who is behind an idle scan; whether somebody
    /// looks for hosts by IPv6 neighbour solicitations. Every host sends these to groups, a router sends them for whoever
    /// asks for hosts behind it, and a line does not show whom they look for: no one is called a scanner for them.
    Scans(Scans),
    /// What changed between two logs, states, or parts of one: new, gone, risen, fallen.
    ///
    /// Sources, networks, ports, prefixes and near hits whose counts differ by more than chance: a binomial test of the two
    /// counts by the lengths of the periods, with the spread that the counts of the first one have from day to day (or
    /// hour to hour), at 0.01 for each table.
    #[command(
        override_usage = "fwstat diff [OPTIONS] BEFORE AFTER\n       fwstat diff [OPTIONS] --before TIME [FILE]"
    )]
    Diff(Diff),
    /// The states of many hosts or days as one.
    ///
    /// The order does not matter. The joined state is a file that can be asked wherever a log can be, as `fwstat top --by
    /// host`; it has no place in a log to go on from.
    Merge(Merge),
    /// Which lines could not be read, why, and where the first of each is.
    ///
    /// lines = packets + truncated + other + corrupt, always. Lines that were lost before they reached the log are
    /// known from the kernel's own words ("callbacks suppressed") and make all counts lower bounds.
    Check(Check),
    /// The lines themselves of the records that pass the filters, as they are in the log.
    ///
    /// They come in the order of the inputs, byte for byte; on a terminal, signs that could command it are escaped.
    Lines(Lines),
    /// Export every record as data: NDJSON, CSV, TSV, Parquet.
    ///
    /// One record a line, in the order of the inputs; a key is there only if the line shows it. The names are those of
    /// `fwstat help fields`, or of the Elastic Common Schema.
    Export(Export),
    /// Replay a log against a ruleset: which rule takes which line, which lines are still logged.
    ///
    /// RULES is what iptables-save -c, ip6tables-save or `nft -j list ruleset` prints. What a line does not show (the
    /// state of a connection, a rate limit) is undecidable, never guessed.
    #[command(override_usage = "fwstat replay [OPTIONS] RULES [LOG]...\n       \
        fwstat replay [OPTIONS] --rules RULES [--rules RULES]... [LOG]...")]
    Replay(Replay),
    /// Explain one line, field by field, and with --rules its path through the chains.
    ///
    /// Each rule on the path is listed with what it asked and why it did or did not fit; near misses say what would
    /// have fitted. What the line does not show is unknown, and the verdict then says so.
    Explain(Explain),
    /// Suggest rules that silence noise, each verified against the log.
    ///
    /// Noise is what needs no answer: broadcasts, scanners, packets that no stack sends. A rule is printed only if the
    /// log, replayed with it, loses nothing that must stay visible: no near hit, no packet that the ruleset lets in, no
    /// host of the own networks or of --trusted. What each rule would drop is printed with it. Without --rules less is
    /// known, and less is suggested.
    Suggest(Suggest),
    /// Logs and rulesets that can be shown to others: addresses, hardware addresses and names replaced, networks kept.
    ///
    /// Addresses are mapped by Crypto-PAn: those of one network stay in one network, of any size, and nothing else is
    /// known of them. Private networks, the link's and groups stay what they are. Hardware addresses keep their vendor;
    /// hosts, interfaces, users and comments of rules get made-up names; all else stays byte for byte. What is written is
    /// read again and compared. Lines that are no firewall records are left out.
    #[command(visible_alias = "anonymize")]
    Anonymise(Anonymise),
    /// One page of HTML about a log: what remains without the noise, who, when, at which ports, what changed.
    ///
    /// The page is one file that fetches nothing: it opens from a disk, can be mailed, is readable without its script,
    /// on paper and on a telephone. It says what remains and which rules silence the rest, packets over time by prefix,
    /// sources and networks, ports, near hits, own hosts that misbehave; with --rules also which rule takes which
    /// lines, and what is wrong with the rules; and what could not be read. The log is read three times. As text, Markdown
    /// or a mail it is a few lines: what is new since --state, what to look at, what remains.
    Report(Report),
    /// Watch a log as it is written, on a terminal: who, on what, when; drill down, explain, copy the command.
    ///
    /// Panels of prefixes over time, networks, ports, scans and lines. Enter goes into a row, Backspace back, ? shows all
    /// keys. The line at the bottom is the command that gives the same. A log that has an end is shown as well, and
    /// memory is bounded: where there are more sources than are kept, each number says what it may lack (±).
    #[cfg(feature = "watch")]
    Watch(Watch),
    /// About fields, expressions, times, a cookbook, or a command.
    Help(Help),
}

/// `fwstat help`.
#[derive(Args, Debug, Clone)]
pub struct Help {
    /// fields, where, times, cookbook, keys, or a command.
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
}
