//! What can be typed: commands and options.
//!
//! Responsible for: names, letters, help texts. Nothing here looks at the environment.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

pub mod values;

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use values::{CHAIN, MOST_RULES, rows, threads};
pub use values::{Color, Format, Generate, Glyphs, Print, RuleFormat, Schema, Silenced, Sort, WatchFormat};

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
            "lines" | "suggest" | "watch" | "help" => command,
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

/// Options of the overview.
#[derive(Args, Debug, Clone)]
pub struct Overview {
    /// Rows of each table.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    /// All tables, also where the screen has no room for them.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// `fwstat top`.
#[derive(Args, Debug, Clone)]
pub struct Top {
    /// Count by these fields: names of the record (src, dport, in, mac_src ...), networks
    /// (src/24, dst/64), service, day, hour, weekday. Several, separated by commas, form one key.
    #[arg(long, value_name = "FIELD[,FIELD]...")]
    pub by: Vec<String>,
    /// Rows per table; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    /// Only rows with at least N packets.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub min: u64,
    /// Also count how many values of this field each row has: --by src --distinct dport.
    #[arg(long, value_name = "FIELD")]
    pub distinct: Option<String>,
    /// Also the share of all rows down to each one.
    #[arg(long)]
    pub cumulative: bool,
    /// Order of the rows: most packets first, by key, or by the values of --distinct.
    #[arg(long, value_name = "ORDER", default_value = "count")]
    pub sort: Sort,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// `fwstat timeline`.
#[derive(Args, Debug, Clone)]
pub struct Timeline {
    /// Bucket size: 10s, 5min, 1h, 1d, 1w (default: what suits the log span).
    #[arg(short = 'b', long, value_name = "SPAN")]
    pub bucket: Option<String>,
    /// One column per value of these fields.
    #[arg(long, value_name = "FIELD[,FIELD]...")]
    pub by: Vec<String>,
    /// Columns with --by; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// `fwstat check`.
#[derive(Args, Debug, Clone)]
pub struct Check {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// `fwstat lines`.
#[derive(Args, Debug, Clone)]
pub struct Lines {
    /// Only the first N lines; 0 for all.
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only the last N lines.
    #[arg(long, value_name = "N", conflicts_with_all = ["limit", "after_context", "before_context", "context"])]
    pub tail: Option<usize>,
    /// The other lines instead: those of records that do not pass, and those that are no records.
    #[arg(long)]
    pub invert: bool,
    /// How many lines there are, and nothing else.
    #[arg(short = 'c', long, conflicts_with_all = ["limit", "tail"])]
    pub count: bool,
    /// N lines of the log after each as well.
    #[arg(short = 'A', long, value_name = "N")]
    pub after_context: Option<usize>,
    /// N lines of the log before each as well.
    #[arg(short = 'B', long, value_name = "N")]
    pub before_context: Option<usize>,
    /// N lines of the log before and after each as well.
    #[arg(short = 'C', long, value_name = "N")]
    pub context: Option<usize>,
    /// The number of each line before it, as on a terminal.
    #[arg(long)]
    pub line_number: bool,
    /// The name of its file before each line, as with several files.
    #[arg(long, overrides_with = "no_filename")]
    pub with_filename: bool,
    /// No names of files.
    #[arg(long)]
    pub no_filename: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub follow: FollowArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// Reading logs that grow.
#[derive(Args, Debug, Clone, Default)]
pub struct FollowArgs {
    /// Read on as the log grows, through its rotation, until interrupted.
    #[arg(short = 'f', long)]
    pub follow: bool,
    /// Keep the place up to which was read in FILE, and begin there the next time: each line once.
    #[arg(long, value_name = "FILE")]
    pub cursor: Option<PathBuf>,
}

/// `fwstat export`.
#[derive(Args, Debug, Clone)]
pub struct Export {
    /// Only these fields, in this order.
    #[arg(long, value_name = "FIELD[,FIELD]...", conflicts_with = "schema")]
    pub fields: Vec<String>,
    /// Field names: fwstat's own or Elastic Common Schema.
    #[arg(long, value_name = "NAMES", default_value = "fwstat")]
    pub schema: Schema,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub follow: FollowArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// `fwstat replay`.
#[derive(Args, Debug, Clone)]
pub struct Replay {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rules: RulesArgs,
    /// The rules that wrote the log, if they are not RULES: what they prove about a line is
    /// used (else: RULES with --add, and without it only what is usual).
    #[arg(long, value_name = "RULES")]
    pub written_by: Option<PathBuf>,
    /// Write the raw lines that would remain, would be removed, or are unknown, and nothing else.
    #[arg(long, value_name = "WHICH")]
    pub print: Option<Print>,
    /// Rows per table; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 25, value_parser = rows, allow_negative_numbers = true)]
    pub limit: usize,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// `fwstat explain`.
#[derive(Args, Debug, Clone)]
pub struct Explain {
    /// The line itself, `-` for standard input, or FILE:N for line N of a file.
    #[arg(value_name = "LINE|-|FILE:N", required = true)]
    pub line: Vec<String>,
    /// Every field and every rule, also where the screen has no room for them.
    #[arg(long)]
    pub all: bool,
    /// What comes before the prefix, where fwstat does not know it: an expression with groups called time, host, tag,
    /// uptime and prefix, as `(?<time>\S+ \S+) (?<host>\S+): `.
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    pub envelope: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rules: RulesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// Which rules are asked.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Rules")]
pub struct RulesArgs {
    /// Ruleset: iptables-save, ip6tables-save or `nft -j list ruleset`; one of each family.
    #[arg(long = "rules", value_name = "RULES")]
    pub rules: Vec<PathBuf>,
    /// Sets that the rules name: what `ipset save` prints.
    #[arg(long, value_name = "FILE")]
    pub ipset: Vec<PathBuf>,
    /// Add a rule before replaying, in iptables syntax: `-A CHAIN ...`, `-I CHAIN [N] ...`.
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub add: Vec<String>,
    /// An address of the host that wrote the log (used only by `-m addrtype`).
    #[arg(long, value_name = "ADDR[/LEN]")]
    pub local: Vec<String>,
}

/// `fwstat suggest`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Nothing is ever run: the rules are text to review, to paste or to pipe into sh.\n\n\
    Examples:\n  \
      iptables-save -c > rules; fwstat suggest --rules rules kern.log\n  \
      fwstat suggest --trusted 192.168.50.0/24 --interactive kern.log\n  \
      fwstat suggest --rules rules --format restore kern.log > new; iptables-restore -n < new")]
pub struct Suggest {
    /// Files to read; `-` is standard input. gzip, zstd, xz and bzip2 are recognised.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Output of `iptables-save`; repeat for `ip6tables-save`: what is let in, which rules are
    /// there already.
    #[arg(long, value_name = "SAVE")]
    pub rules: Vec<PathBuf>,
    /// Networks and hosts whose packets to this host are never silenced: an address, a network,
    /// or a file with one a line (`#` begins a comment).
    #[arg(long, value_name = "CIDR|FILE")]
    pub trusted: Vec<String>,
    /// Never silence lines with this prefix (as --prefix reads it). Prefixes containing `foreign` are always kept.
    #[arg(long, value_name = "PREFIX")]
    pub keep: Vec<String>,
    /// Rules at most.
    #[arg(long, value_name = "N", default_value_t = MOST_RULES)]
    pub max_rules: usize,
    /// Stop once this share of the noise is covered (default: every worthwhile rule).
    #[arg(long, value_name = "PERCENT")]
    pub target: Option<String>,
    /// The chain for the rules.
    #[arg(long, value_name = "NAME", default_value = CHAIN)]
    pub chain: String,
    /// One rule at a time, in a terminal: yes, no, narrower, show lines.
    #[arg(long)]
    pub interactive: bool,
    /// Commands that add a rule only if it is not there.
    #[arg(long)]
    pub idempotent: bool,
    /// Print the commands that remove the rules, instead of those that add them.
    #[arg(long)]
    pub undo: bool,
    /// Also print nat rules that redirect untrusted connections to restricted services to this
    /// honeypot, with their LOG, FORWARD and return path.
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub honeypot: Option<String>,
    /// Write the raw lines that would remain with these rules, or that they would remove, and nothing else.
    #[arg(long, value_name = "WHICH", conflicts_with_all = ["format", "json", "undo", "idempotent"])]
    pub print: Option<Silenced>,
    /// Lifetime of ipset and CrowdSec entries.
    #[arg(long, value_name = "SPAN", default_value = "1w")]
    pub timeout: String,
    /// Output format.
    #[arg(long, value_name = "FORMAT", default_value = "iptables", help_heading = "Output")]
    pub format: RuleFormat,
    /// The same as --format json.
    #[arg(short = 'j', long, help_heading = "Output")]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub filter: FilterArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub input: InputArgs,
}

impl Suggest {
    /// The form of the output.
    #[must_use]
    pub fn form(&self) -> RuleFormat {
        if self.json { RuleFormat::Json } else { self.format }
    }
}

/// `fwstat watch`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "Examples:\n  \
      fwstat watch /var/log/kern.log\n  \
      fwstat watch --rules rules --window 1h /var/log/kern.log\n  \
      fwstat watch --rules rules --counters 'sudo iptables-save -c' /var/log/kern.log\n  \
      ssh gateway tail -F /var/log/kern.log | fwstat watch")]
pub struct Watch {
    /// Files to read; `-` is standard input. gzip, zstd, xz and bzip2 are recognised.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The time looked at first: the last minute, hour or day of the log, or all of it.
    #[arg(long, value_name = "SPAN", default_value = "all", value_parser = ["all", "24h", "1h", "5min", "1min"])]
    pub window: String,
    /// How bars are drawn: with blocks, or with ASCII (auto: by the terminal and the locale).
    #[arg(long, value_name = "GLYPHS", default_value = "auto")]
    pub glyphs: Glyphs,
    /// The kernel's counters beside the log: a file with what iptables-save -c or `nft -j list ruleset` prints, or a
    /// command that prints it. It is read once a second, and run by a shell; repeat it for ip6tables-save.
    #[arg(long, value_name = "FILE|COMMAND")]
    pub counters: Vec<String>,
    /// Networks and hosts whose packets no suggested rule silences: an address, a network, or a file with one a line.
    #[arg(long, value_name = "CIDR|FILE")]
    pub trusted: Vec<String>,
    /// Suggest no rule that silences lines with this prefix (as --prefix reads it).
    #[arg(long, value_name = "PREFIX")]
    pub keep: Vec<String>,
    /// No screen: write what is counted again and again, every 10s or 1min, to standard output or --output.
    #[arg(long, value_name = "SPAN")]
    pub every: Option<String>,
    /// With --every: JSON (a document a line), text, or Prometheus' text format (--output is replaced as a whole).
    #[arg(long, value_name = "FORMAT", default_value = "ndjson", requires = "every")]
    pub format: WatchFormat,
    /// Pictures a second at most; a key is answered at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=30))]
    pub fps: u8,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rules: RulesArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub filter: FilterArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub input: InputArgs,
}

/// Options of every command.
#[derive(Args, Debug, Clone)]
#[allow(missing_docs)]
pub struct Common {
    /// Files to read; `-` is standard input. gzip, zstd, xz and bzip2 are recognised.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which records count.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Filters (repeatable; `!` in front of a value negates it)")]
pub struct FilterArgs {
    /// Log prefix that contains TEXT; with `*` or `?`, a pattern for the whole prefix.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prefix: Vec<String>,
    /// Source address, network or range.
    #[arg(short = 's', long = "src", visible_alias = "source", value_name = "ADDR[/LEN]")]
    pub src: Vec<String>,
    /// Destination address, network or range.
    #[arg(short = 'd', long = "dst", visible_alias = "destination", value_name = "ADDR[/LEN]")]
    pub dst: Vec<String>,
    /// Protocol: tcp, udp, icmp, icmpv6, ... or a number.
    #[arg(short = 'p', long = "proto", visible_alias = "protocol", value_name = "PROTO")]
    pub proto: Vec<String>,
    /// Source port, range (1000:2000), list or service name.
    #[arg(hide_short_help = true, long, value_name = "PORT[:PORT]")]
    pub sport: Vec<String>,
    /// Destination port, range (1000:2000), list or service name.
    #[arg(long, value_name = "PORT[:PORT]")]
    pub dport: Vec<String>,
    /// Interface the packet came in by; `eth+` for any that begins with eth.
    #[arg(short = 'i', long = "in-interface", value_name = "NAME")]
    pub input: Vec<String>,
    /// Interface the packet left by.
    #[arg(hide_short_help = true, short = 'o', long = "out-interface", value_name = "NAME")]
    pub output: Vec<String>,
    /// IPv4 only.
    #[arg(short = '4', long, overrides_with = "ipv6")]
    pub ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6', long, overrides_with = "ipv4")]
    pub ipv6: bool,
    /// TCP flags: SYN (set), SYN,!ACK, =SYN (nothing else), none, or MASK/SET as nft has it.
    #[arg(hide_short_help = true, long, value_name = "FLAGS")]
    pub flags: Vec<String>,
    /// ICMP type, by number or iptables' name, with a code if wanted: 3/4, echo-request.
    #[arg(hide_short_help = true, long = "type", value_name = "TYPE[/CODE]")]
    pub icmp_type: Vec<String>,
    /// Source hardware address, or its beginning.
    #[arg(hide_short_help = true, long, value_name = "MAC")]
    pub mac: Vec<String>,
    /// Packet mark, masked if wanted: 0x10/0xff.
    #[arg(hide_short_help = true, long, value_name = "N[/MASK]")]
    pub mark: Vec<String>,
    /// User id of the sending socket.
    #[arg(hide_short_help = true, long, value_name = "N")]
    pub uid: Vec<String>,
    /// Match a regular expression anywhere in the line.
    #[arg(short = 'g', long, value_name = "REGEX", allow_hyphen_values = true)]
    pub grep: Vec<String>,
    /// An expression over the record's fields: `dport in (22, 80:90) and not src in 10.0.0.0/8`.
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub expression: Vec<String>,
    /// Not before: 2026-06-30 06:00, today, yesterday, 2h, `1 day ago`, @1782799573, RFC 3339, or
    /// a stamp copied from the log.
    #[arg(short = 'S', long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Not after; as --since.
    #[arg(short = 'U', long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
}

/// How the input is read.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// The kernel's messages in the journal of this machine, or in the journal files of a folder.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub journal: Option<Option<PathBuf>>,
    /// The same from journalctl: runs `journalctl -k -o export`.
    #[arg(hide_short_help = true, long, conflicts_with = "journal")]
    pub journal_pipe: bool,
    /// Of the journal, only one boot: 0 the last, -1 the one before, 1 the first, or its id.
    #[arg(hide_short_help = true, long, value_name = "BOOT", num_args = 0..=1, require_equals = true,
        default_missing_value = "0", allow_hyphen_values = true)]
    pub boot: Option<String>,
    /// Of the journal, only this machine.
    #[arg(hide_short_help = true, long, value_name = "ID")]
    pub machine_id: Option<String>,
    /// Also read FILE.1, FILE.2.gz, FILE-20260301.xz ..., oldest first.
    #[arg(long, overrides_with = "no_rotated")]
    pub rotated: bool,
    #[arg(long, hide = true, overrides_with = "rotated")]
    #[allow(missing_docs)]
    pub no_rotated: bool,
    /// Names of addresses, for the fields src_name and dst_name: a file of the form of /etc/hosts, the leases of
    /// dnsmasq, or a list with an address or network and a name, separated by a comma.
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    pub names: Vec<PathBuf>,
    /// Ask the system's resolver for names that no file has: in tables of addresses, and for src_name and dst_name.
    ///
    /// It is asked for the rows of a table that are shown; where a name is needed to count or to filter, the log is
    /// read twice, and it is asked for the most frequent addresses: at most 1,000, 16 at a time, for 10 seconds. The
    /// names are whatever the owners of the addresses say.
    #[arg(hide_short_help = true, short = 'r', long)]
    pub resolve: bool,
    /// Countries and autonomous systems, for src_country, src_asn, src_as_org and the same with dst_: a database of
    /// MaxMind's format (.mmdb); repeat it for a second one.
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    pub geoip: Vec<PathBuf>,
    /// Do not decompress: read compressed files as they are.
    #[arg(hide_short_help = true, long)]
    pub no_decompress: bool,
    /// What comes before the prefix, where fwstat does not know it: an expression with named groups.
    ///
    /// The groups are time, host, tag, uptime and prefix: `(?<time>\S+ \S+) (?<host>\S+): `. It is matched at
    /// the beginning of each line with a packet; without a group `prefix` the prefix begins where it ends. Times of
    /// all forms that logs have are read, and dates of numbers in any order with any signs between them. Lines that
    /// it does not match are read as always; --grep and --rejects see those that it matches as objects.
    #[arg(hide_short_help = true, long, value_name = "REGEX", allow_hyphen_values = true)]
    pub envelope: Option<String>,
    /// Time zone of timestamps without one, and of the report.
    #[arg(hide_short_help = true, long, value_name = "ZONE", overrides_with = "utc")]
    pub tz: Option<String>,
    /// The same as --tz UTC.
    #[arg(hide_short_help = true, long, overrides_with = "tz")]
    pub utc: bool,
    /// Year of the newest line if timestamps lack one (default: from the file's mtime).
    #[arg(hide_short_help = true, long, value_name = "YEAR", value_parser = clap::value_parser!(u16).range(1970..=2261))]
    pub year: Option<u16>,
    /// Boot time, for uptime timestamps.
    #[arg(hide_short_help = true, long, value_name = "TIME")]
    pub boot_time: Option<String>,
    /// Time to use as "now".
    #[arg(hide_short_help = true, long, value_name = "TIME")]
    pub now: Option<String>,
    /// Number of threads (default: one per processor).
    #[arg(hide_short_help = true, long, value_name = "N", env = "FWSTAT_THREADS", hide_env_values = true,
        value_parser = threads, allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Look for logs below DIR: the root of another system, an image or a backup.
    #[arg(hide_short_help = true, long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    #[arg(long, value_name = "BYTES", hide = true)]
    #[allow(missing_docs)]
    pub chunk_size: Option<usize>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub accounting: AccountingArgs,
}

/// What is done with lines that could not be read, and what is said about the reading.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Accounting")]
pub struct AccountingArgs {
    /// Exit with 2 if any line is corrupt.
    #[arg(hide_short_help = true, long, overrides_with = "no_strict")]
    pub strict: bool,
    #[arg(long, hide = true, overrides_with = "strict")]
    #[allow(missing_docs)]
    pub no_strict: bool,
    /// Write the lines that are not firewall lines (other, corrupt) to FILE, as they are.
    #[arg(hide_short_help = true, long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Print statistics of the reading on standard error: bytes, lines by kind, speed.
    #[arg(hide_short_help = true, long)]
    pub stats: bool,
}

/// What the output looks like, and its form.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// The same as --format json.
    #[arg(short = 'j', long, overrides_with = "format")]
    pub json: bool,
    /// Output format.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub look: LookArgs,
}

impl OutputArgs {
    /// Whether the plain form was asked for.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.format == Some(Format::Plain) && !self.json
    }
}

/// What the output looks like.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Output")]
pub struct LookArgs {
    /// Write to FILE (created atomically when complete).
    #[arg(long = "output", value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// When to use colours and bars.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Output width in columns (default: the terminal's).
    #[arg(long, value_name = "COLUMNS")]
    pub width: Option<usize>,
    /// No header lines.
    #[arg(short = 'H', long)]
    pub no_header: bool,
    /// Numbers without commas.
    #[arg(short = 'x', long)]
    pub exact: bool,
    /// Do not show progress.
    #[arg(long)]
    pub no_progress: bool,
    /// Do not read the file of arguments (~/.config/fwstat/args).
    #[arg(long)]
    pub no_config: bool,
    /// No output, exit code only.
    #[arg(short = 'q', long)]
    pub quiet: bool,
    /// Show assumptions and timings.
    #[arg(short = 'v', long)]
    pub verbose: bool,
}

impl LookArgs {
    /// The file that is written; `-` is standard output, as everywhere else.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.output_file.as_deref().filter(|path| path.as_os_str() != "-")
    }
}
