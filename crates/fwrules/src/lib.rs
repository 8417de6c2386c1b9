//! Packet filter rulesets as values: read them, ask what they do with the packet of a log
//! line, find what is wrong with them, write rules.
//!
//! ```
//! use fwrules::{Context, Evidence, Fate, Ruleset, Walker, lint};
//!
//! let mut rules = Ruleset::parse(b"*filter
//! :INPUT DROP [0:0]
//! :MALICIOUS - [0:0]
//! -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
//! -A INPUT -j MALICIOUS
//! -A INPUT -p udp -m udp -j LOG --log-prefix \"udp.in.dropped \"
//! COMMIT
//! ").unwrap();
//! let line = b"udp.in.dropped IN=eth0 OUT= MAC=ff:ff:ff:ff:ff:ff:00:1b:21:3c:4d:5e:08:00 SRC=10.66.7.8 \
//!     DST=10.66.255.255 LEN=229 TOS=0x00 PREC=0x00 TTL=64 ID=0 PROTO=UDP SPT=138 DPT=138 LEN=209 ";
//! let packet = logparse::parse(line).unwrap().packet;
//!
//! // What if? The line was written by the rules as they were.
//! rules.add(b"-A MALICIOUS -p udp --dport 138 -m comment --comment '[unwanted netbios]' -j DROP").unwrap();
//! let walker = Walker::new(&rules, Evidence::Same);
//! let Fate::Removed(Some(by)) = walker.fate(&packet, &Context::default()) else { panic!() };
//! let walk = walker.walk(&packet, &Context::default());
//! assert_eq!(walk.steps.len(), 3); // the state, the jump, the new rule
//! assert!(lint(&rules).is_empty());
//! # let _ = by;
//! ```
//!
//! # Where to begin
//!
//! | question | answer |
//! | --- | --- |
//! | read a ruleset | [`Ruleset::parse`] (`iptables-save`, `iptables -S`, a script, `nft -j list ruleset`), [`Sets::parse`] (`ipset save`; put it into [`Ruleset::sets`]) |
//! | one rule as typed | [`Rule::parse`]; into a ruleset: [`Ruleset::add`] |
//! | does a rule take this packet | [`Rule::matches`]; condition by condition: [`Walker::conditions`] |
//! | its way through the chains | [`Walker::walk`] |
//! | would the line still be written | [`Walker::fate`], one line; [`Compiled`] and [`Replayer`], a whole log |
//! | what is wrong with the ruleset | [`lint()`], [`unwritten`], [`Rule::near_misses`] |
//! | write a rule | [`Rule::to_iptables`], [`Rule::to_restore`], [`Rule::to_nft`], [`Rule::to_nft_command`], [`Ruleset::to_save`], [`Sets::to_restore`]; for people: [`Rule::to_display`] |
//!
//! # Three values
//!
//! A line does not tell everything. Each answer is [`Tri::Yes`], [`Tri::No`] or
//! [`Tri::Unknown`] with the reason ([`Why`]); nothing is guessed. Where a walk meets an
//! unknown rule it goes both ways and merges them again behind it, so the end is unknown only
//! if the rule makes a difference. That the line **was written** decides much of what its fields
//! leave open; [`Evidence`] says what is assumed of the ruleset that wrote it.
//!
//! # The matches
//!
//! Read: as a typed value; anything else is kept word by word, printed again, and unknown.
//! Matched: from what the line shows. Written: `iptables` writes all that it can read.
//!
//! | match | read | matched from | unknown when | nft |
//! | --- | --- | --- | --- | --- |
//! | `-p` | yes | `PROTO=` | IPv6 ends the line before it, or an AH header comes before | yes |
//! | `-s -d`, `iprange` | CIDR, any mask, ranges | `SRC= DST=` | before a NAT that the line shows already | yes |
//! | `-i -o` | names, `+` | `IN= OUT=` | – | yes |
//! | `-f` | yes | `FRAG:` | IPv6 | yes |
//! | `tcp udp udplite sctp dccp` ports, `multiport` | numbers, ranges, names | `SPT= DPT=` | SCTP, DCCP: the kernel prints no ports; later fragments | yes, but `--ports` |
//! | `--tcp-flags`, `--syn` | yes | the flag words | the line ends before them | yes |
//! | `--tcp-option`, `tcpmss` | yes | `OPT (` of TCP | no `--log-tcp-options` | yes |
//! | `icmp`, `icmp6` | numbers, names, codes | `TYPE= CODE=` | – | yes |
//! | `mac` | yes | `MAC=`, `MACSRC=`; other devices never match | `MAC=` is not printed | yes |
//! | `pkttype` | yes | the destination in `MAC=` | no Ethernet header | yes |
//! | `addrtype` | yes | the address, the hook, [`Context::local`] | the host's addresses are not given | yes |
//! | `ttl`, `hl` | yes | `TTL= HOPLIMIT=` (one more before routing) | the ruleset rewrites it | yes |
//! | `length` | yes | `LEN=` | – | yes |
//! | `tos`, `dscp` | numbers, names | `TOS= PREC=`, `TC=` | the lowest bit of IPv4's TOS | IPv4 |
//! | `mark` | yes | `MARK=`; absent is 0 where the kernel prints it | the ruleset sets marks; the line is cut | yes |
//! | `owner` | ids, `root` | `UID= GID=` | no `--log-uid` | yes |
//! | `esp`, `ah` | yes | `SPI=` | IPv6 without `--log-ip-options` | yes |
//! | `set` | `--match-set` | the sets given | a set that is not given or has timeouts | one address |
//! | `physdev` | `--physdev-in`, `-out` | `PHYSIN= PHYSOUT=` | not printed where it equals `IN=` | no |
//! | `conntrack`, `state` | states | TCP flags, ICMP types, what the line's being there proves | the rest | yes |
//! | `comment` | yes | always matches | – | yes |
//! | `time` | word by word | [`Context::time`], in UTC | no time given, `--kerneltz` | no |
//! | `limit` | word by word | – | always | yes |
//! | `statistic` | yes | – | always | yes |
//! | `connlimit` | yes | – | always | all connections |
//! | `hashlimit`, `recent`, `string`, `u32`, `bpf`, `rpfilter`, any other | word by word | – | always | no |
//! | nft: sets of addresses, interfaces, protocols, ports; named sets; verdict maps; `fib type`; `meta`, `ct state` | yes | as above | | yes |
//! | nft: any other expression | its JSON | – | always | no |
//!
//! # What is not here
//!
//! * A line says nothing of the packets that were not logged. A rule that drops a connection's
//!   first packet makes later ones appear in the log that no line tells of.
//! * `ebtables`, `arptables`, nft's `bridge`, `netdev` and `arp` tables are read and not walked.
//! * nft lists rules of `iptables-nft` without their old extensions' values: read
//!   `iptables-save` for those ([`Ruleset::notes`] says so).
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod eval;
mod iptables;
mod lint;
mod matches;
mod model;
mod nft;
mod replay;
mod values;
mod view;
mod words;

pub use eval::evidence::Evidence;
pub use eval::near_miss::NearMiss;
pub use eval::outcome::{End, Fate, Missed, Outcome, Reach, Step, Walk};
pub use eval::walker::Walker;
pub use iptables::write::Verb;
pub use lint::{Finding, FindingKind, lint, unwritten};
pub use matches::*;
pub use model::rule::{Counters, Rule};
pub use model::ruleset::{Base, Chain, Place, RuleId, Ruleset, Table};
pub use model::target::{Log, Target, Verdict};
pub use replay::compiled::{AnswerId, Compiled, Replayed, Replayer};
pub use replay::key::Front;
pub use values::conntrack::StateSet;
pub use values::error::{ReadError, WriteError};
pub use values::header::{Flags, Icmp};
pub use values::hook::{Hook, Path};
pub use values::ipset::{Entry, Part, PartKind, Set, Sets};
pub use values::net::{AddressRange, Family, Interface, Masked, Net, PortSide, Range, Side, Test};
pub use values::text::{Text, shell_quote, shown};
pub use values::tri::{Tri, Why};
pub use view::{Changes, Context, LocalAddress};
