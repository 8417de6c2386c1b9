//! Options that several commands have.
//!
//! Responsible for: names, letters, help texts of filters, inputs, outputs, rules.
//! Must not know: what an option comes to (`options`).
//! Tested by: `tests/cli/surface.rs`: help, man page and completions list the same options.

use std::path::{Path, PathBuf};

use clap::Args;

use super::values::{Color, Format, threads};

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

/// Options of every command.
#[derive(Args, Debug, Clone)]
#[allow(missing_docs)]
pub struct Common {
    /// Files to read; `-` is standard input. gzip, zstd, xz and bzip2 are recognised.
    // Not under the heading of the options before them.
    #[arg(value_name = "FILE", help_heading = None::<&str>)]
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
    /// Write the lines that are not firewall lines (other, corrupt) to FILE, as they are; of a line over 1 MiB the
    /// first MiB.
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
    #[arg(hide_short_help = true, long, value_name = "COLUMNS")]
    pub width: Option<usize>,
    /// No header lines.
    #[arg(short = 'H', long)]
    pub no_header: bool,
    /// Numbers without commas.
    #[arg(hide_short_help = true, short = 'x', long)]
    pub exact: bool,
    /// Do not show progress.
    #[arg(hide_short_help = true, long)]
    pub no_progress: bool,
    /// Do not read the file of arguments (~/.config/fwstat/args).
    #[arg(hide_short_help = true, long)]
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
