//! Who wrote a line: the kernel, a daemon that logs for it, or any other program.
//!
//! Responsible for: what a line's own words say about its writer. Any user of a machine can write
//! a line that reads like the kernel's (`logger`); the tag, its process number, the facility
//! and the journal's `_TRANSPORT` are what tells the two apart.
//! Must not know: what the message says.
//! Tested by: the unit tests below, `fwstat/tests/cli/writers.rs`.

use super::Envelope;

/// Who wrote a line, as far as the line itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writer<'a> {
    /// The kernel: a line with its tag, or without any.
    Kernel,
    /// ulogd, which writes what an `NFLOG` rule sends it.
    Ulogd,
    /// Proxmox's `pvefw-logger`, which does the same.
    Pvefw,
    /// Another program, by its tag; without a tag of its own, by its facility or its transport.
    Program(&'a [u8]),
}

impl<'a> Writer<'a> {
    /// The writer's name: `kernel`, `ulogd`, `pvefw-logger`, or the program's tag.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        match self {
            Writer::Kernel => b"kernel",
            Writer::Ulogd => b"ulogd",
            Writer::Pvefw => b"pvefw-logger",
            Writer::Program(name) => name,
        }
    }

    /// Whether a program wrote the line that does not log packets for the kernel: what the line
    /// says of a packet is a claim.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self, Writer::Program(_))
    }
}

/// How a record came into the journal: the values of `_TRANSPORT` (systemd.journal-fields(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalTransport {
    /// From the kernel.
    Kernel,
    /// From the kernel's audit.
    Audit,
    /// From journald itself.
    Driver,
    /// By syslog's socket.
    Syslog,
    /// By the journal's own socket.
    Journal,
    /// A service's standard output.
    Stdout,
    /// A value that no release of journald has.
    Other,
}

impl JournalTransport {
    const NAMED: [JournalTransport; 6] = [
        JournalTransport::Kernel,
        JournalTransport::Audit,
        JournalTransport::Driver,
        JournalTransport::Syslog,
        JournalTransport::Journal,
        JournalTransport::Stdout,
    ];

    /// The value as journald writes it; `other` for one that it does not.
    #[must_use]
    pub const fn name(self) -> &'static [u8] {
        match self {
            JournalTransport::Kernel => b"kernel",
            JournalTransport::Audit => b"audit",
            JournalTransport::Driver => b"driver",
            JournalTransport::Syslog => b"syslog",
            JournalTransport::Journal => b"journal",
            JournalTransport::Stdout => b"stdout",
            JournalTransport::Other => b"other",
        }
    }
}

impl From<&[u8]> for JournalTransport {
    fn from(text: &[u8]) -> JournalTransport {
        let named = JournalTransport::NAMED.into_iter().find(|transport| transport.name() == text);
        named.unwrap_or(JournalTransport::Other)
    }
}

impl<'a> Envelope<'a> {
    /// Who wrote the line.
    ///
    /// ```
    /// use logparse::{Writer, parse};
    /// let packet = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 ";
    /// let writer = |head: &str| {
    ///     let line = format!("Jun 30 06:06:13 gw {head} drop {packet}");
    ///     parse(line.as_bytes()).unwrap().envelope.writer().name().escape_ascii().to_string()
    /// };
    /// assert_eq!(writer("kernel:"), "kernel");
    /// assert_eq!(writer("mallory:"), "mallory");
    /// assert_eq!(writer("kernel[1234]:"), "kernel[PID]");
    /// ```
    #[must_use]
    pub fn writer(&self) -> Writer<'a> {
        if self.vmid.is_some() {
            return Writer::Pvefw;
        }
        let tag = self.tag.unwrap_or(b"kernel");
        match tag {
            b"ulogd" | b"ulogd2" => return Writer::Ulogd,
            b"kernel" => {}
            program => return Writer::Program(program),
        }
        // The journal knows where a record came in.
        if let Some(transport) = self.transport.filter(|transport| *transport != JournalTransport::Kernel) {
            return Writer::Program(transport.name());
        }
        // The kernel has no process number: `logger -t kernel -i` writes one.
        if self.tag.is_some() && self.pid.is_some_and(|pid| pid != b"0" && !pid.is_empty()) {
            return Writer::Program(b"kernel[PID]");
        }
        // User space cannot write into the kernel's buffer with the kernel's facility, and syslog
        // daemons give no other message that facility.
        let stamped = self.stamp.is_some() || self.outer_stamp.is_some();
        let told = self.sequence.is_some() || stamped && self.tag.is_some();
        match self.facility {
            Some(facility) if facility > 0 && told => Writer::Program(super::facility_name(facility)),
            _ => Writer::Kernel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_known_by_what_others_cannot_write() {
        let plain = Envelope { tag: Some(b"kernel"), ..Envelope::default() };
        let writer = |envelope: Envelope<'static>| envelope.writer().name().escape_ascii().to_string();
        assert_eq!(writer(Envelope::default()), "kernel");
        assert_eq!(writer(plain), "kernel");
        assert_eq!(writer(Envelope { pid: Some(b"0"), ..plain }), "kernel");
        assert_eq!(writer(Envelope { transport: Some(JournalTransport::Kernel), ..plain }), "kernel");
        assert_eq!(writer(Envelope { transport: Some(JournalTransport::Syslog), ..plain }), "syslog");
        assert_eq!(
            writer(Envelope { transport: Some(JournalTransport::Stdout), ..Envelope::default() }),
            "stdout"
        );
        assert_eq!(writer(Envelope { facility: Some(0), sequence: Some(7), ..plain }), "kernel");
        assert_eq!(writer(Envelope { facility: Some(1), sequence: Some(7), ..plain }), "user");
        assert_eq!(writer(Envelope { tag: Some(b"ulogd"), pid: Some(b"7"), ..plain }), "ulogd");
        assert_eq!(writer(Envelope { tag: Some(b"mallory"), ..plain }), "mallory");
        assert!(Envelope { pid: Some(b"1234"), ..plain }.writer().is_foreign());
    }
}
