//! What a rule does: the line that it writes, and its target.
//!
//! Responsible for: logs, targets, verdicts, and what each target does to the walk.
//! Must not know: how they are read or written.
//! Tested by: `tests/roundtrip.rs`, `tests/replay.rs`.

use crate::values::text::Text;

/// The line a rule writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Log {
    /// `--log-prefix`, as it stands in the rule; see [`Log::written`].
    pub prefix: Text,
    /// `--log-level`; `None` is the default, 4 (warning).
    pub level: Option<u8>,
    /// `--log-tcp-sequence`.
    pub tcp_sequence: bool,
    /// `--log-tcp-options`.
    pub tcp_options: bool,
    /// `--log-ip-options`.
    pub ip_options: bool,
    /// `--log-uid`.
    pub uid: bool,
    /// `--log-macdecode`.
    pub macdecode: bool,
    /// NFLOG: what else follows it (`--nflog-group 5`). The line is then written by a
    /// program, ulogd, and not by the kernel.
    pub nflog: Option<Vec<Text>>,
}

impl Log {
    /// The longest prefix of `-j LOG`; a longer one is cut by `iptables` without a word.
    pub const IPTABLES_PREFIX: usize = 29;
    /// The longest prefix of nft's `log prefix` (the kernel refuses more), and where a
    /// prefix of ours is cut for NFLOG is 63.
    pub const NFT_PREFIX: usize = 127;
    /// The longest prefix of NFLOG.
    pub const NFLOG_PREFIX: usize = 63;

    /// The prefix as it stands in the log's lines: what is longer than `iptables` keeps is cut.
    /// nft's rules (`nft` true) keep 127 bytes.
    #[must_use]
    pub fn written(&self, nft: bool) -> &[u8] {
        let limit = match (&self.nflog, nft) {
            (Some(_), _) => Log::NFLOG_PREFIX,
            (None, true) => Log::NFT_PREFIX,
            (None, false) => Log::IPTABLES_PREFIX,
        };
        let bytes = self.prefix.as_bytes();
        &bytes[..bytes.len().min(limit)]
    }
}

/// What a rule does with a packet it takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Target {
    /// Nothing: the rule counts (or logs), the walk goes on.
    #[default]
    Continue,
    /// `-j ACCEPT`: the packet is through this table's chain.
    Accept,
    /// `-j DROP`.
    Drop,
    /// `-j REJECT --reject-with`: dropped, and the sender is told. Empty: the default answer.
    Reject(Text),
    /// `-j RETURN`: back to the chain that jumped here; in a built-in chain, its policy.
    Return,
    /// `-j QUEUE`, nft's `queue`: a program decides.
    Queue,
    /// `-j CHAIN`. A name that is no chain of the table is an extension that is not known.
    Jump(Text),
    /// `-g CHAIN`: as a jump, but a return goes to the chain before this one.
    Goto(Text),
    /// Any other target, kept word by word (`-j MARK --set-mark 1`).
    Other {
        /// Behind `-j`.
        name: Text,
        /// Its options.
        words: Vec<Text>,
    },
}

/// What becomes of the walk when a rule with this target takes a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    Continue,
    Verdict(Verdict),
    Return,
    Jump,
    Goto,
    /// An extension that is not known: it may end the walk or not.
    Unknown,
}

/// How the walk through one hook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// The packet went on.
    Accept,
    /// It was dropped.
    Drop,
    /// It was dropped and its sender told.
    Reject,
    /// A program in user space decides.
    Queue,
}

impl Verdict {
    /// The word for it: `ACCEPT`, `DROP`, `REJECT`, `QUEUE`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Accept => "ACCEPT",
            Verdict::Drop => "DROP",
            Verdict::Reject => "REJECT",
            Verdict::Queue => "QUEUE",
        }
    }
}

/// Extensions after which the walk goes on (man 8 iptables-extensions).
const CONTINUING: [&str; 29] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DNPT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "LED",
    "LOG",
    "NFLOG",
    "MARK",
    "NOTRACK",
    "RATEEST",
    "SECMARK",
    "SET",
    "SNPT",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
    "LOGMARK",
];

/// Extensions of the nat and mangle tables that end the table with "accepted".
const TRANSLATING: [&str; 6] = ["DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "TPROXY"];

impl Target {
    /// Whether `-j` takes this word for a target, so that no chain can be called so: a verdict of the kernel or an
    /// extension.
    #[must_use]
    pub fn is_word(word: &str) -> bool {
        ["ACCEPT", "DROP", "REJECT", "RETURN", "QUEUE", "NFQUEUE"].contains(&word)
            || CONTINUING.contains(&word)
            || TRANSLATING.contains(&word)
    }

    pub(crate) fn effect(&self) -> Effect {
        match self {
            Target::Continue => Effect::Continue,
            Target::Accept => Effect::Verdict(Verdict::Accept),
            Target::Drop => Effect::Verdict(Verdict::Drop),
            Target::Reject(_) => Effect::Verdict(Verdict::Reject),
            Target::Return => Effect::Return,
            Target::Queue => Effect::Verdict(Verdict::Queue),
            Target::Jump(_) => Effect::Jump,
            Target::Goto(_) => Effect::Goto,
            Target::Other { name, .. } => match name.as_str() {
                Some(name) if CONTINUING.contains(&name) => Effect::Continue,
                Some(name) if TRANSLATING.contains(&name) => Effect::Verdict(Verdict::Accept),
                Some("NFQUEUE" | "QUEUE") => Effect::Verdict(Verdict::Queue),
                Some("TARPIT" | "CHAOS" | "DELUDE" | "STEAL" | "SYNPROXY") => Effect::Verdict(Verdict::Drop),
                _ => Effect::Unknown,
            },
        }
    }

    /// Whether it may write a line whose prefix is not known: nft lists no more than the names of
    /// the old extensions.
    #[must_use]
    pub fn may_log(&self) -> bool {
        matches!(self, Target::Other { name, .. } if *name == "LOG" || *name == "NFLOG" || *name == "xt")
    }

    /// The word behind `-j`: `DROP`, a chain, an extension. Empty if there is none.
    #[must_use]
    pub fn word(&self) -> &[u8] {
        match self {
            Target::Continue => b"",
            Target::Accept => b"ACCEPT",
            Target::Drop => b"DROP",
            Target::Reject(_) => b"REJECT",
            Target::Return => b"RETURN",
            Target::Queue => b"QUEUE",
            Target::Jump(name) | Target::Goto(name) | Target::Other { name, .. } => name.as_bytes(),
        }
    }
}
