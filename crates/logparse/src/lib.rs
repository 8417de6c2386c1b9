//! Reads the lines that Linux's netfilter loggers write into typed values.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod bytes;
mod emit;
mod envelope;
mod error;
mod flow;
mod grammar;
mod line;
mod lines;
mod options;
mod packet;
mod parse;
mod scan;
#[cfg(feature = "testgen")]
pub mod testgen;
mod time;
mod types;

pub use envelope::Envelope;
pub use error::{ErrorKind, Expected, ParseError, Reason};
pub use flow::{Flow, FlowSide, parse_flow};
pub use line::Line;
pub use lines::{Lines, last_line_end, lines};
pub use options::{ExtensionHeaders, IpOption, IpOptions, Route, SackBlocks, TcpOption, TcpOptions};
pub use packet::{
    Arp, Datagram, Dialect, Extension, ExtensionKind, Extensions, HexText, Icmp, Icmpv6, Incomplete, IpFlags,
    Ipv4, Ipv6, Link, MacHeader, Network, Packet, Ports, RawMac, Security, Tcp, Transport, Truncated, Tunnel,
    Udp, Vlan,
};
pub use parse::{Completeness, Entry, parse, parse_legacy, parse_message, parse_with};
pub use scan::{FastPacket, PrefixKey, ScannedLine, Scanner, TimeSpan};
pub use time::{Civil, Stamp, Time, TimeOfDay, Uptime, Zone, days_from_civil, month_number};
pub use types::{EtherType, IcmpType, Icmpv6Type, Mac, Protocol, TcpFlags};
