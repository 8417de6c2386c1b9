//! What stands in front of a message: the envelope that a logging program put around it.
//!
//! Responsible for: recognising every one-line envelope of FORMAT.md section 3 and leaving
//! exactly the kernel's text behind it.
//! Must not know: what the message says.
//! Tested by: `testdata/lines/envelope*`, and every envelope in front of every packet.

use crate::time::{Stamp, Uptime};

/// What the envelope of a line says. Every field that the line does not have is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The stamp of the logging program.
    pub stamp: Option<Stamp<'a>>,
    /// The host as the relay named it; an address, a name, or a lie.
    pub host: Option<&'a [u8]>,
    /// The program: `kernel`, mostly.
    pub tag: Option<&'a [u8]>,
    /// The text in brackets behind the tag.
    pub pid: Option<&'a [u8]>,
    /// `<N>`: facility and severity in one number.
    pub pri: Option<u16>,
    /// The facility, 0 for the kernel; from [`pri`](Self::pri) or from words (`kern.warn`).
    pub facility: Option<u8>,
    /// The severity, 0 (emergency) to 7 (debug).
    pub severity: Option<u8>,
    /// The kernel's stamp: time since boot.
    pub uptime: Option<Uptime>,
    /// The kernel's caller mark: `T123` a task, `C1` a processor.
    pub caller: Option<&'a [u8]>,
    /// The record's sequence number (`/dev/kmsg`).
    pub sequence: Option<u64>,
    /// The record's flags (`/dev/kmsg`): `-`, or `c` for a continuation.
    pub kmsg_flags: Option<&'a [u8]>,
    /// Time since the record before (`dmesg -d`, `dmesg -e`).
    pub delta: Option<&'a [u8]>,
    /// Seconds since 1970 in brackets (`logread -t`).
    pub unix: Option<&'a [u8]>,
    /// The stamp of the wrapper around the envelope (docker, CRI, a second relay).
    pub outer_stamp: Option<&'a [u8]>,
    /// The journal's stamp in microseconds since 1970.
    pub realtime_us: Option<u64>,
    /// Proxmox: the virtual machine's number.
    pub vmid: Option<u32>,
    /// Proxmox: the chain that logged.
    pub chain: Option<&'a [u8]>,
    /// How many times the message happened: 1, or N of `message repeated N times`.
    pub repeat: u32,
}

impl Default for Envelope<'_> {
    fn default() -> Self {
        Envelope {
            stamp: None,
            host: None,
            tag: None,
            pid: None,
            pri: None,
            facility: None,
            severity: None,
            uptime: None,
            caller: None,
            sequence: None,
            kmsg_flags: None,
            delta: None,
            unix: None,
            outer_stamp: None,
            realtime_us: None,
            vmid: None,
            chain: None,
            repeat: 1,
        }
    }
}
