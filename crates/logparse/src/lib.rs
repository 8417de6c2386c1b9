//! Zero-copy, typed parser for the lines that Linux's packet filter writes to a log.
//!
//! It reads what the `LOG` target of iptables, `log` of nftables, ebtables, ulogd2, Proxmox's
//! `pvefw-logger`, ipchains and ipfwadm write, inside any common envelope: syslog (RFC 3164 and
//! 5424), `dmesg`, `/dev/kmsg`, `journalctl` in its forms (JSON as well), docker, CRI.
//!
//! ```
//! let line = b"Jun 30 06:06:13 gw kernel: [ 8486.974964] drop IN=eth0 OUT= \
//!     MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 SRC=10.137.0.14 DST=10.137.0.16 LEN=52 \
//!     TOS=0x00 PREC=0x00 TTL=63 ID=758 DF PROTO=TCP SPT=56296 DPT=8443 WINDOW=64240 RES=0x00 SYN URGP=0 ";
//! let entry = logparse::parse(line)?;
//! assert_eq!(entry.packet.prefix, b"drop ");
//! assert_eq!(entry.packet.src().unwrap().to_string(), "10.137.0.14");
//! assert_eq!(entry.packet.dport(), Some(8443));
//! assert!(entry.error.is_none(), "read to its end");
//! # Ok::<(), logparse::ParseError>(())
//! ```
//!
//! | to read | use |
//! | --- | --- |
//! | one line | [`parse`]; [`parse_with`] decodes escaped text (JSON, `/dev/kmsg`) |
//! | the kernel's text without an envelope | [`parse_message`] |
//! | a whole log, as fast as possible | [`Scanner`], which gives each line as a [`Line`] |
//! | ipchains and ipfwadm (Linux 2.2, 2.0) | [`parse_legacy`] |
//! | connections that ulogd2 wrote | [`parse_flow`] |
//! | to write a line | [`Packet::emit`], or `Display` |
//!
//! # Keys and fields
//!
//! | key | field |
//! | --- | --- |
//! | text before `IN=` | [`Packet::prefix`] |
//! | `IN=` `OUT=` | [`Packet::in_iface`], [`Packet::out_iface`] |
//! | `PHYSIN=` `PHYSOUT=` | [`Packet::phys_in`], [`Packet::phys_out`] |
//! | `MAC=`, `MACSRC=` `MACDST=` `MACPROTO=` `VPROTO=` `VID=` | [`Packet::link`], [`Packet::mac_header`] |
//! | `TUNNEL=` | [`Packet::tunnel`] |
//! | `SRC=` `DST=` `LEN=` `TOS=` `PREC=` `TTL=` `ID=` `CE` `DF` `MF` `FRAG:` `OPT (` | [`Ipv4`] |
//! | `SRC=` `DST=` `LEN=` `TC=` `HOPLIMIT=` `FLOWLBL=`, extension headers | [`Ipv6`] |
//! | `ARP HTYPE=` `PTYPE=` `OPCODE=` `MACSRC=` `IPSRC=` `MACDST=` `IPDST=` | [`Arp`] |
//! | `PROTO=` | [`Packet::protocol`] |
//! | `SPT=` `DPT=` | [`Packet::sport`], [`Packet::dport`] |
//! | `SEQ=` `ACK=` `WINDOW=` `RES=` `SYN` ... `URGP=` `OPT (` | [`Tcp`] |
//! | `LEN=` after the ports | [`Udp`] |
//! | `TYPE=` `CODE=` `ID=` `SEQ=` `PARAMETER=` `GATEWAY=` `MTU=` | [`Icmp`] |
//! | `TYPE=` `CODE=` `ID=` `SEQ=` `POINTER=` `MTU=` | [`Icmpv6`] |
//! | `SPI=` | [`Transport::Ah`], [`Transport::Esp`], [`Security`] |
//! | `INCOMPLETE` `TRUNCATED` | [`Datagram::incomplete`], [`Datagram::truncated`] |
//! | `UID=` `GID=` `MARK=` | [`Datagram::uid`], [`Datagram::gid`], [`Datagram::mark`] |
//! | `[SRC=` ... `]` | [`Packet::quoted`] |
//!
//! A field that the line does not show is `None`. A line that was cut short gives the fields
//! that are complete, and [`Entry::error`] says where and why reading stopped.
//!
//! # Not supported
//!
//! Logs of other firewalls (pf, Windows, appliances with formats of their own), records that a
//! relay split into several lines, binary journals, and files: this crate reads bytes and
//! does no I/O. Years and zones that a stamp leaves out are not guessed.
//!
//! # Guarantees
//!
//! No `unsafe`. No allocation in [`parse`]; [`parse_with`] uses the buffer it is given. No panic on
//! any input. [`Scanner`] gives what [`parse_with`] gives, on every input.
//!
//! # Features
//!
//! | feature | gives |
//! | --- | --- |
//! | `serde` | `Serialize` for [`Packet`] and all its parts; `Deserialize` for [`Protocol`], [`TcpFlags`], [`Mac`], [`EtherType`] and the ICMP types |
//! | `testgen` | [`testgen`](https://docs.rs/netfilter-logparse): packets out of bytes, for tests and fuzzing |
//!
//! The minimum supported Rust version is 1.89.
//!
//! # Sources
//!
//! The format is the kernel's: `net/netfilter/nf_log_syslog.c` (before Linux 5.13
//! `nf_log_ipv4.c`, `nf_log_ipv6.c`, `nf_log_arp.c`, `nf_log_common.c`), `net/bridge/netfilter/ebt_log.c`,
//! `Documentation/ABI/testing/dev-kmsg`; ulogd2's `util/printpkt.c`.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod bytes;
mod emit;
mod envelope;
mod error;
mod fast;
mod flow;
mod grammar;
mod hex;
mod line;
mod lines;
mod options;
mod packet;
mod parse;
mod scan;
#[cfg(feature = "serde")]
mod serial;
#[cfg(feature = "testgen")]
pub mod testgen;
mod time;
mod types;

pub use envelope::{Envelope, JournalTransport, Writer};
pub use error::{ErrorKind, Expected, ParseError, Reason};
pub use fast::span::TimeSpan;
pub use fast::{FastPacket, PrefixKey};
pub use flow::{Flow, FlowSide, parse_flow};
pub use line::{Line, PrefixCache};
pub use lines::{Lines, last_line_end, lines};
pub use options::{ExtensionHeaders, IpOption, IpOptions, Route, SackBlocks, TcpOption, TcpOptions};
pub use packet::{
    Arp, Datagram, Dialect, Extension, ExtensionKind, Extensions, HexText, Icmp, Icmpv6, Incomplete, IpFlags,
    Ipv4, Ipv6, Link, MacHeader, Network, Packet, Ports, RawMac, Security, Tcp, Transport, Truncated, Tunnel,
    Udp, Vlan,
};
pub use parse::{Completeness, Entry, parse, parse_legacy, parse_message, parse_with, writer};
pub use scan::{ScannedLine, Scanner};
pub use time::{Civil, Stamp, Time, TimeOfDay, Uptime, Zone, days_from_civil, month_number};
pub use types::{EtherType, IcmpType, Icmpv6Type, InvalidText, Mac, Protocol, TcpFlags};
