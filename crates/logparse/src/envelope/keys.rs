//! The keys under which log shippers keep what a line's envelope said.
//!
//! Responsible for: what each key means, whoever writes it: journald, dmesg, docker, syslog-ng (`format-json`,
//! `format-gelf`), rsyslog (`%jsonmesg%` and the usual templates), GELF and Graylog, ECS, Filebeat and Logstash,
//! Fluent Bit, fluentd, promtail and Loki, Splunk, OpenTelemetry, and the clouds' agents.
//! Must not know: values.
//! Tested by: `tests/suites/envelopes.rs` over `testdata/envelopes`.

/// What a key means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The text, which may have an envelope of its own.
    Message,
    /// The line of another program, with its line end (docker, Fluent Bit).
    Line,
    Host,
    /// A host that may be a relay's.
    Relay,
    Tag,
    /// A tag that may be the name of what carries logs.
    Service,
    Pid,
    Severity,
    Facility,
    /// Facility and severity in one.
    Priority,
    /// When the record was made.
    Time,
    /// When it arrived.
    Arrival,
    /// The kernel's stamp: its seconds, its microseconds.
    Seconds,
    Micros,
    /// An object whose keys are looked at as if they were here.
    Inside,
    /// A text, or such an object.
    Event,
    /// A stream's pairs of a moment and a line.
    Values,
    /// A text that names a host or a program, or an object of which the name counts.
    NamedHost,
    NamedTag,
}

/// Each key in lower case, without the underscore before it.
const KEYS: &[(&[u8], Meaning)] = &[
    (b"message", Meaning::Message),
    (b"msg", Meaning::Message),
    (b"@message", Meaning::Message),
    (b"text", Meaning::Message),
    (b"short_message", Meaning::Message),
    (b"full_message", Meaning::Message),
    (b"syslog_message", Meaning::Message),
    (b"syslogmessage", Meaning::Message),
    (b"rawmsg", Meaning::Message),
    (b"rawmsg-after-pri", Meaning::Message),
    (b"raw", Meaning::Message),
    (b"original", Meaning::Message),
    (b"event.original", Meaning::Message),
    (b"textpayload", Meaning::Message),
    (b"line", Meaning::Message),
    (b"entry", Meaning::Message),
    (b"body", Meaning::Message),
    (b"stringvalue", Meaning::Message),
    (b"event", Meaning::Event),
    (b"log", Meaning::Line),
    (b"host", Meaning::NamedHost),
    (b"hostname", Meaning::Host),
    (b"host_name", Meaning::Host),
    (b"logsource", Meaning::Host),
    (b"host.name", Meaning::Host),
    (b"host.hostname", Meaning::Host),
    (b"fullhost", Meaning::Host),
    (b"sysloghost", Meaning::Host),
    (b"syslog_host", Meaning::Host),
    (b"syslog_hostname", Meaning::Host),
    (b"log.syslog.hostname", Meaning::Host),
    (b"_syslog_message_hostname", Meaning::Host),
    (b"fromhost", Meaning::Relay),
    (b"host_from", Meaning::Relay),
    (b"source", Meaning::Relay),
    (b"computer", Meaning::Relay),
    (b"program", Meaning::Tag),
    (b"programname", Meaning::Tag),
    (b"syslogtag", Meaning::Tag),
    (b"syslog-tag", Meaning::Tag),
    (b"syslog_identifier", Meaning::Tag),
    (b"syslog_program", Meaning::Tag),
    (b"syslog_appname", Meaning::Tag),
    (b"syslog.identifier", Meaning::Tag),
    (b"_syslog_message_app_name", Meaning::Tag),
    (b"tag", Meaning::Tag),
    (b"ident", Meaning::Tag),
    (b"identifier", Meaning::Tag),
    (b"appname", Meaning::Tag),
    (b"app_name", Meaning::Tag),
    (b"app-name", Meaning::Tag),
    (b"application_name", Meaning::Tag),
    (b"process_name", Meaning::Tag),
    (b"processname", Meaning::Tag),
    (b"process.name", Meaning::Tag),
    (b"process", Meaning::NamedTag),
    (b"log.syslog.appname", Meaning::Tag),
    (b"app", Meaning::Service),
    (b"service", Meaning::Service),
    (b"sourcename", Meaning::Service),
    (b"pid", Meaning::Pid),
    (b"procid", Meaning::Pid),
    (b"process_id", Meaning::Pid),
    (b"process.pid", Meaning::Pid),
    (b"syslog_pid", Meaning::Pid),
    (b"severity", Meaning::Severity),
    (b"priority", Meaning::Severity),
    (b"level", Meaning::Severity),
    (b"level_num", Meaning::Severity),
    (b"severity_label", Meaning::Severity),
    (b"sev", Meaning::Severity),
    (b"severitylevel", Meaning::Severity),
    (b"severitytext", Meaning::Severity),
    (b"syslog_severity", Meaning::Severity),
    (b"syslogseverity", Meaning::Severity),
    (b"syslogseverity-text", Meaning::Severity),
    (b"syslog.priority", Meaning::Severity),
    (b"log.level", Meaning::Severity),
    (b"log.syslog.severity.code", Meaning::Severity),
    (b"log.syslog.severity.name", Meaning::Severity),
    (b"_syslog_message_severity", Meaning::Severity),
    (b"facility", Meaning::Facility),
    (b"facility_num", Meaning::Facility),
    (b"facility_label", Meaning::Facility),
    (b"syslog_facility", Meaning::Facility),
    (b"syslogfacility", Meaning::Facility),
    (b"syslogfacility-text", Meaning::Facility),
    (b"syslog.facility", Meaning::Facility),
    (b"log.syslog.facility.code", Meaning::Facility),
    (b"log.syslog.facility.name", Meaning::Facility),
    (b"_syslog_message_facility", Meaning::Facility),
    (b"pri", Meaning::Priority),
    (b"pri-text", Meaning::Priority),
    (b"syslog_pri", Meaning::Priority),
    (b"syslog5424_pri", Meaning::Priority),
    (b"log.syslog.priority", Meaning::Priority),
    (b"isodate", Meaning::Time),
    (b"s_isodate", Meaning::Time),
    (b"unixtime", Meaning::Time),
    (b"s_unixtime", Meaning::Time),
    (b"timestamp", Meaning::Time),
    (b"@timestamp", Meaning::Time),
    (b"syslog_timestamp", Meaning::Time),
    (b"timereported", Meaning::Time),
    (b"eventtime", Meaning::Time),
    (b"timeunixnano", Meaning::Time),
    (b"date", Meaning::Time),
    (b"ts", Meaning::Time),
    (b"datetime", Meaning::Time),
    (b"realtime_timestamp", Meaning::Time),
    (b"time", Meaning::Time),
    (b"observedtimeunixnano", Meaning::Arrival),
    (b"event.created", Meaning::Arrival),
    (b"r_isodate", Meaning::Arrival),
    (b"c_isodate", Meaning::Arrival),
    (b"r_unixtime", Meaning::Arrival),
    (b"timegenerated", Meaning::Arrival),
    (b"timegenerated [utc]", Meaning::Arrival),
    (b"received_at", Meaning::Arrival),
    (b"ingestiontime", Meaning::Arrival),
    (b"sec", Meaning::Seconds),
    (b"usec", Meaning::Micros),
    (b"fields", Meaning::Inside),
    (b"labels", Meaning::Inside),
    (b"syslog", Meaning::Inside),
    (b"stream", Meaning::Inside),
    (b"result", Meaning::Inside),
    (b"record", Meaning::Inside),
    (b"attributes", Meaning::Inside),
    (b"properties", Meaning::Inside),
    (b"jsonpayload", Meaning::Inside),
    (b"content", Meaning::Inside),
    (b"values", Meaning::Values),
];

/// How many places there are for the keys: a power of two, several times as many as there are keys.
const PLACES: usize = 512;

/// At [`place`] of each key, or the next that is free, its number in [`KEYS`] plus one.
const PLACED: [u8; PLACES] = {
    assert!(KEYS.len() < 255);
    let mut placed = [0; PLACES];
    let mut key = 0;
    while key < KEYS.len() {
        let mut at = place(KEYS[key].0);
        while placed[at] != 0 {
            at = (at + 1) % PLACES;
        }
        placed[at] = key as u8 + 1;
        key += 1;
    }
    placed
};

/// Where a key, in any case, is looked for first.
const fn place(key: &[u8]) -> usize {
    let (Some(first), Some(last)) = (key.first(), key.last()) else { return 0 };
    let middle = key[key.len() / 2] | 0x20;
    ((*first | 0x20) as usize * 31 + (*last | 0x20) as usize * 7 + middle as usize + key.len() * 67) % PLACES
}

/// What a key means; `None` for one that says nothing of an envelope.
pub(super) fn meaning(key: &[u8]) -> Option<Meaning> {
    // Elastic's document.
    if key == b"_source" {
        return Some(Meaning::Inside);
    }
    let key = key.strip_prefix(b"_").unwrap_or(key);
    let mut at = place(key);
    while let Some(number) = usize::from(PLACED[at]).checked_sub(1) {
        let (known, meaning) = KEYS[number];
        if known.eq_ignore_ascii_case(key) {
            return Some(meaning);
        }
        at = (at + 1) % PLACES;
    }
    None
}
