//! Envelopes that no strict form takes: each kind with variants, by both engines.

use crate::common::*;
use logparse::*;

const PACKET: &str = "IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC=198.51.100.7 DST=203.0.113.5 \
                      LEN=60 TOS=0x00 PREC=0x00 TTL=46 ID=55359 DF PROTO=TCP SPT=53382 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ";

/// Head, prefix, then what the envelope says: month and day, host, tag, uptime, severity.
type Row<'a> = (&'a str, &'a str, Option<(u8, u8)>, &'a str, &'a str, &'a str, Option<u8>);

const ROWS: &[Row<'_>] = &[
    (
        "Oct 4 12:13:52 gw kernel: [4617.129012] ",
        "[UFW BLOCK] ",
        Some((10, 4)),
        "gw",
        "kernel",
        "4617.129012",
        None,
    ),
    ("oct. 4 12:13:52 gw kernel: ", "DROP ", Some((10, 4)), "gw", "kernel", "", None),
    ("Oct 4 2024 12:13:52 gw kernel: ", "DROP ", Some((10, 4)), "gw", "kernel", "", None),
    ("4 Oct 2024 12:13:52 gw kernel: ", "DROP ", Some((10, 4)), "gw", "kernel", "", None),
    ("jul 26 19:12:35 gw kernel: ", "NFT_DROP: ", Some((7, 26)), "gw", "kernel", "", None),
    ("12月 16 14:59:25 gw kernel: ", "[UFW BLOCK] ", Some((12, 16)), "gw", "kernel", "", None),
    ("1月  6 14:59:25 gw kernel: ", "[UFW BLOCK] ", Some((1, 6)), "gw", "kernel", "", None),
    ("дек 16 14:59:25 gw kernel: ", "DROP ", Some((12, 16)), "gw", "kernel", "", None),
    ("Dez 16 14:59:25 gw kernel: ", "DROP ", Some((12, 16)), "gw", "kernel", "", None),
    ("févr. 01 14:59:25 gw kernel: ", "DROP ", Some((2, 1)), "gw", "kernel", "", None),
    ("kwi 26 19:12:35 gw kernel: ", "DROP ", Some((4, 26)), "gw", "kernel", "", None),
    ("1699501699 gw kernel:[50987.745307]  ", "DSHIELDINPUT ", None, "gw", "kernel", "50987.745307", None),
    ("1699501699 gw kernel: ", "DSHIELDINPUT ", None, "gw", "kernel", "", None),
    (
        "Nov  5 00:32:02 gw kernel:[39210.572534]  ",
        "DROP ",
        Some((11, 5)),
        "gw",
        "kernel",
        "39210.572534",
        None,
    ),
    ("Nov  5 00:32:02 gw kernel:[   12.572534] ", "DROP ", Some((11, 5)), "gw", "kernel", "12.572534", None),
    ("Nov  5 00:32:02 gw kernel:", "", Some((11, 5)), "gw", "kernel", "", None),
    (
        "482:Apr  2 02:33:26 gw kernel: [325746.634509] ",
        "DROP ",
        Some((4, 2)),
        "gw",
        "kernel",
        "325746.634509",
        None,
    ),
    ("kern.log:Apr  2 02:33:26 gw kernel: ", "DROP ", Some((4, 2)), "gw", "kernel", "", None),
    ("/var/log/kern.log.1:17:Apr  2 02:33:26 gw kernel: ", "DROP ", Some((4, 2)), "gw", "kernel", "", None),
    ("kern.log.2.gz:[  123.456789] ", "DROP ", None, "", "", "123.456789", None),
    ("17:2024-04-02T02:33:26+02:00 gw kernel: ", "DROP ", Some((4, 2)), "gw", "kernel", "", None),
    (
        "    Mar 24 14:19:27 gw kernel: [ 1479.922360] ",
        "'[PREROUTING]'",
        Some((3, 24)),
        "gw",
        "kernel",
        "1479.922360",
        None,
    ),
    ("\tMar 24 14:19:27 gw kernel: ", "DROP ", Some((3, 24)), "gw", "kernel", "", None),
    ("> Mar 24 14:19:27 gw kernel: ", "DROP ", Some((3, 24)), "gw", "kernel", "", None),
    ("> > Mar 24 14:19:27 gw kernel: ", "DROP ", Some((3, 24)), "gw", "kernel", "", None),
    ("\u{feff}Oct  4 12:13:52 gw kernel: ", "DROP ", Some((10, 4)), "gw", "kernel", "", None),
    (
        "Dec 20 11:01:41 <redacted> kernel: ",
        "rpfilter_DROP: ",
        Some((12, 20)),
        "<redacted>",
        "kernel",
        "",
        None,
    ),
    ("Dec 20 11:01:41 [gw] kernel: ", "DROP ", Some((12, 20)), "[gw]", "kernel", "", None),
    ("Dec 20 11:01:41 (none) kernel: ", "DROP ", Some((12, 20)), "(none)", "kernel", "", None),
    ("Dec 20 11:01:41 UTC gw kernel: ", "DROP ", Some((12, 20)), "gw", "kernel", "", None),
    ("Dec 20 11:01:41 +0200 gw kernel: ", "DROP ", Some((12, 20)), "gw", "kernel", "", None),
    (
        "2020-10-24T22:00:29.88940 kern.warn: [ 1021.160344] ",
        "[UFW BLOCK] ",
        Some((10, 24)),
        "",
        "",
        "1021.160344",
        Some(4),
    ),
    ("2020-10-24T22:00:29.88940 gw kern.notice: ", "DROP ", Some((10, 24)), "gw", "", "", Some(5)),
    ("@400000005f94a5d02f5a1c44 kern.warn: [ 1021.160344] ", "DROP ", None, "", "", "1021.160344", Some(4)),
    ("Aug 02 01:10:43 [kernel] [   12.037708] ", "DROP ", Some((8, 2)), "", "kernel", "12.037708", None),
    (
        "2017-04-13T12:15:04.587Z 192.0.2.187 <4>Apr 13 14:15:03 gw kernel: [  123.456789] ",
        "DROP ",
        Some((4, 13)),
        "gw",
        "kernel",
        "123.456789",
        Some(4),
    ),
    ("Apr 13 12:15:04 relay Apr 13 14:15:03 gw kernel: ", "DROP ", Some((4, 13)), "gw", "kernel", "", None),
    (
        "[29 lis 2025, 17:40:49 UTC] kern.warn: [   73.948561] ",
        "reject wan in: ",
        Some((11, 29)),
        "",
        "",
        "73.948561",
        Some(4),
    ),
    (
        "[29 Nov 2025, 17:40:49 GMT] kern.warn: [   73.948561] ",
        "DROP ",
        Some((11, 29)),
        "",
        "",
        "73.948561",
        Some(4),
    ),
    ("Oct 28 21:23:30 gw kernel: <4>", "", Some((10, 28)), "gw", "kernel", "", Some(4)),
    (
        "Oct 28 21:23:30 gw kernel: [  123.456789] <5>",
        "DROP ",
        Some((10, 28)),
        "gw",
        "kernel",
        "123.456789",
        Some(5),
    ),
    ("(2)[22:ksoftirqd/2]", "[FW] IPTABLES [Pkt_Illegal] ", None, "", "", "", None),
    ("[  123.456789] (0)[27829:sed]", "DROP ", None, "", "", "123.456789", None),
    ("<4>[  123.456789] -(1)[0:swapper/1]", "DROP ", None, "", "", "123.456789", Some(4)),
    ("[  123.456789] [0:      swapper/0:    0] ", "DROP ", None, "", "", "123.456789", None),
    ("[  123.456789] [T22] ", "DROP ", None, "", "", "123.456789", None),
    ("03-24 14:19:27.123     0     0 W kernel  : ", "DROP ", Some((3, 24)), "", "kernel", "", Some(4)),
    ("\u{1b}[32m[  123.456789] \u{1b}[0m\u{1b}[33m", "IPTables-Dropped: ", None, "", "", "123.456789", None),
    (
        "Oct 28 21:23:30 gw kernel: device eth0 entered promiscuous mode<4>",
        "DROP ",
        Some((10, 28)),
        "gw",
        "kernel",
        "",
        Some(4),
    ),
    ("<4>[  123.456789] ", "DROP ", None, "", "", "123.456789", Some(4)),
    ("[  123.456789] (3)[1184:Binder:1184_2]", "DROP ", None, "", "", "123.456789", None),
    ("2 dec. 2024 12:13:52 gw kernel: ", "DROP ", Some((12, 2)), "gw", "kernel", "", None),
    ("Oct  4 12:13:52.123 gw kernel: ", "DROP ", Some((10, 4)), "gw", "kernel", "", None),
    ("2024-10-04 12:13:52 gw kernel: ", "DROP ", Some((10, 4)), "gw", "kernel", "", None),
    (
        "2017-04-13T12:15:04Z relay 2017-04-13T14:15:03+02:00 gw kernel: ",
        "DROP ",
        Some((4, 13)),
        "gw",
        "kernel",
        "",
        None,
    ),
    (
        "<4>Apr 13 12:15:04 relay <4>Apr 13 14:15:03 gw kernel: ",
        "DROP ",
        Some((4, 13)),
        "gw",
        "kernel",
        "",
        Some(4),
    ),
];

#[test]
fn every_kind_says_what_it_says() {
    let mut failures = Failures::default();
    for (head, prefix, date, host, tag, uptime, severity) in ROWS {
        let line = format!("{head}{prefix}{PACKET}");
        for (engine, read) in ENGINES {
            read(line.as_bytes(), &mut |result| {
                let Ok(entry) = result else { return failures.add(format!("{engine}: {line}: no packet")) };
                let envelope = &entry.envelope;
                let text =
                    |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
                let civil = match envelope.stamp.map(|stamp| stamp.time) {
                    Some(Time::Civil(civil)) => Some((civil.month, civil.day)),
                    _ => None,
                };
                let said = (
                    text(Some(entry.packet.prefix)),
                    civil,
                    text(envelope.host),
                    text(envelope.tag),
                    envelope.uptime.map_or(String::new(), |uptime| uptime.to_string()),
                    envelope.severity,
                );
                let expected = (
                    (*prefix).to_owned(),
                    *date,
                    (*host).to_owned(),
                    (*tag).to_owned(),
                    (*uptime).to_owned(),
                    *severity,
                );
                if said != expected || entry.completeness() != Completeness::Whole {
                    failures.add(format!("{engine}: {head}\n  said     {said:?}\n  expected {expected:?}"));
                }
            });
        }
    }
    failures.check();
}

/// A shipper's object, then what it says: host, tag, uptime, severity, the moment in UTC or the text of
/// a stamp around.
type Shipped<'a> = (&'a str, &'a str, &'a str, &'a str, Option<u8>, &'a str);

const SHIPPED: &[Shipped<'_>] = &[
    (
        r#"{"PROGRAM":"kernel","PRIORITY":"warning","MESSAGE":"[  123.456789] M","ISODATE":"2021-01-20T21:10:46+03:00","HOST":"gw"}"#,
        "gw",
        "kernel",
        "123.456789",
        Some(4),
        "2021-01-20T21:10:46+03:00",
    ),
    (
        r#"{"@timestamp":"2024-06-30T06:06:13.123456+02:00","host":"gw","severity":"warning","tag":"kernel:","message":" [  123.456789] M"}"#,
        "gw",
        "kernel",
        "123.456789",
        Some(4),
        "2024-06-30T06:06:13.123456+02:00",
    ),
    (
        r#"{"version":"1.1","host":"gw","short_message":"M","timestamp":1719720373.123,"level":4,"_application_name":"kernel"}"#,
        "gw",
        "kernel",
        "",
        Some(4),
        "1719720373.123",
    ),
    (
        r#"{"_index":"l","_source":{"@timestamp":"2024-06-30T04:06:13Z","host":{"name":"gw"},"process":{"name":"kernel"},"log":{"syslog":{"severity":{"code":4}}},"message":"M"}}"#,
        "gw",
        "kernel",
        "",
        Some(4),
        "2024-06-30T04:06:13Z",
    ),
    (
        r#"{"date":1719720373.123456,"ident":"kernel","host":"gw","pri":"4","message":"M"}"#,
        "gw",
        "kernel",
        "",
        Some(4),
        "1719720373.123456",
    ),
    (
        r#"{"log":"Jun 30 06:06:13 gw kernel: M\n","stream":"stdout","time":"2024-06-30T04:06:13.1Z"}"#,
        "gw",
        "kernel",
        "",
        None,
        "2024-06-30T04:06:13.1Z",
    ),
    (
        r#"{"labels":{"job":"syslog","hostname":"gw","level":"warning"},"line":"[  123.456789] M","timestamp":"2024-06-30T04:06:13Z"}"#,
        "gw",
        "",
        "123.456789",
        Some(4),
        "2024-06-30T04:06:13Z",
    ),
    (
        r#"{"message":"Jun 30 06:06:13 gw kernel: [  123.456789] M"}"#,
        "gw",
        "kernel",
        "123.456789",
        None,
        "Jun 30 06:06:13",
    ),
];

#[test]
fn every_shipper_says_who_wrote_when() {
    let mut failures = Failures::default();
    for (object, host, tag, uptime, severity, moment) in SHIPPED {
        // The message stands for a packet in a text of its own.
        let at = object.rfind("M\"").or_else(|| object.rfind("M\\n")).unwrap();
        let line = format!("{}DROP {PACKET}{}", &object[..at], &object[at + 1..]);
        let mut scratch = Vec::new();
        let entry = match parse_with(line.as_bytes(), &mut scratch) {
            Ok(entry) => entry,
            Err(error) => {
                failures.add(format!("{line}: {error}"));
                continue;
            }
        };
        let envelope = &entry.envelope;
        let text = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
        let stamps = [envelope.stamp.map(|stamp| stamp.text), envelope.outer_stamp];
        let said = (
            text(Some(entry.packet.prefix)),
            text(envelope.host),
            text(envelope.tag),
            envelope.uptime.map_or(String::new(), |uptime| uptime.to_string()),
            envelope.severity,
            stamps.into_iter().flatten().any(|stamp| stamp == moment.as_bytes()),
        );
        let expected = (
            "DROP ".to_owned(),
            (*host).to_owned(),
            (*tag).to_owned(),
            (*uptime).to_owned(),
            *severity,
            true,
        );
        if said != expected {
            failures
                .add(format!("{object}\n  said     {said:?}\n  expected {expected:?}\n  stamps {stamps:?}"));
        }
    }
    failures.check();
}
