//! The same 10,000 packets in every envelope, plain and in four compressions: the same records.

use std::io::Write as _;

use serde_json::Value;

use crate::support::*;

/// 2026-06-30T06:06:13Z, a Tuesday.
const START: u64 = 1_782_799_573;
const PACKETS: usize = 10_000;

/// A line's time: microseconds since the machine was started, which was at [`START`].
fn micros(i: usize) -> u64 {
    i as u64 * 250_000 + 974
}

struct Line<'l> {
    i: usize,
    body: &'l str,
}

impl Line<'_> {
    fn clock(&self) -> (u64, String) {
        let seconds = START + micros(self.i) / 1_000_000;
        let of_day = seconds % 86_400;
        // All lines are within an hour or so of a day.
        (seconds, format!("{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60))
    }

    fn uptime(&self) -> String {
        format!("[{:5}.{:06}]", micros(self.i) / 1_000_000, micros(self.i) % 1_000_000)
    }

    fn iso(&self) -> String {
        format!("2026-06-30T{}", self.clock().1)
    }
}

/// Whether the time of an envelope is known, and how well.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    Seconds,
    Micros,
}

type Envelope = (&'static str, Known, fn(&Line<'_>) -> Vec<u8>);

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

const ENVELOPES: [Envelope; 24] = [
    ("rsyslog, with the kernel's stamp", Known::Seconds, |l| {
        format!("Jun 30 {} gate kernel: {} {}\n", l.clock().1, l.uptime(), l.body).into()
    }),
    ("rsyslog 8.2312, without", Known::Seconds, |l| {
        format!("Jun 30 {} gate kernel: {}\n", l.clock().1, l.body).into()
    }),
    ("rsyslog, RFC 3339", Known::Micros, |l| {
        format!("{}.{:06}+00:00 gate kernel: {} {}\n", l.iso(), micros(l.i) % 1_000_000, l.uptime(), l.body)
            .into()
    }),
    ("RFC 5424", Known::Seconds, |l| {
        format!("<4>1 {}Z gate kernel - - - {} {}\n", l.iso(), l.uptime(), l.body).into()
    }),
    ("RFC 5424, octets counted", Known::Seconds, |l| {
        let text = format!("<4>1 {}Z gate kernel - - - {}", l.iso(), l.body);
        format!("{} {text}\n", text.len()).into()
    }),
    ("forwarded", Known::Seconds, |l| format!("<4>Jun 30 {} gate kernel: {}\n", l.clock().1, l.body).into()),
    ("/dev/kmsg", Known::Micros, |l| format!("4,{},{},-;{}\n", 100 + l.i, micros(l.i), l.body).into()),
    ("dmesg", Known::Micros, |l| format!("{} {}\n", l.uptime(), l.body).into()),
    ("dmesg -T", Known::Seconds, |l| format!("[Tue Jun 30 {} 2026] {}\n", l.clock().1, l.body).into()),
    ("dmesg -x", Known::Micros, |l| format!("kern  :warn  : {} {}\n", l.uptime(), l.body).into()),
    ("dmesg -r", Known::Micros, |l| format!("<4>{} {}\n", l.uptime(), l.body).into()),
    ("dmesg --time-format iso", Known::Micros, |l| {
        format!("{},{:06}+00:00 {}\n", l.iso(), micros(l.i) % 1_000_000, l.body).into()
    }),
    ("dmesg --json", Known::Micros, |l| {
        let (open, close) = match l.i {
            0 => ("{\n   \"dmesg\": [\n      {\n", "      }"),
            i if i + 1 == PACKETS => (",{\n", "      }\n   ]\n}\n"),
            _ => (",{\n", "      }"),
        };
        let time = format!("{:5}.{:06}", micros(l.i) / 1_000_000, micros(l.i) % 1_000_000);
        format!(
            "{open}         \"pri\": 4,\n         \"time\": {time},\n         \"msg\": {}\n{close}",
            json(l.body)
        )
        .into()
    }),
    ("journalctl -o short-iso", Known::Seconds, |l| {
        format!("{}+0000 gate kernel: {}\n", l.iso(), l.body).into()
    }),
    ("journalctl -o short-precise", Known::Micros, |l| {
        format!("Jun 30 {}.{:06} gate kernel: {}\n", l.clock().1, micros(l.i) % 1_000_000, l.body).into()
    }),
    ("journalctl -o short-full", Known::Seconds, |l| {
        format!("Tue 2026-06-30 {} UTC gate kernel: {}\n", l.clock().1, l.body).into()
    }),
    ("journalctl -o short-unix", Known::Micros, |l| {
        format!("{}.{:06} gate kernel: {}\n", l.clock().0, micros(l.i) % 1_000_000, l.body).into()
    }),
    ("journalctl -o short-monotonic", Known::Micros, |l| {
        format!("{} gate kernel: {}\n", l.uptime(), l.body).into()
    }),
    ("journalctl -o export", Known::Micros, |l| {
        let head = format!(
            "__CURSOR=s=abc;i={:x}\n__REALTIME_TIMESTAMP={}\n_TRANSPORT=kernel\nPRIORITY=4\n_HOSTNAME=gate\n",
            l.i,
            START * 1_000_000 + micros(l.i)
        );
        // Every third message as bytes with their length.
        let mut out = head.into_bytes();
        if l.i.is_multiple_of(3) {
            out.extend_from_slice(b"MESSAGE\n");
            out.extend_from_slice(&(l.body.len() as u64).to_le_bytes());
            out.extend_from_slice(format!("{}\n\n", l.body).as_bytes());
        } else {
            out.extend_from_slice(format!("MESSAGE={}\n\n", l.body).as_bytes());
        }
        out
    }),
    ("journalctl -o json", Known::Micros, |l| {
        let message = match l.i % 3 {
            0 => serde_json::to_string(l.body.as_bytes()).unwrap(),
            _ => json(l.body),
        };
        let time = START * 1_000_000 + micros(l.i);
        format!("{{\"PRIORITY\":\"4\",\"__REALTIME_TIMESTAMP\":\"{time}\",\"MESSAGE\":{message},\"_HOSTNAME\":\"gate\"}}\n").into()
    }),
    ("journalctl -o json-pretty", Known::Micros, |l| {
        let time = START * 1_000_000 + micros(l.i);
        format!("{{\n\t\"__REALTIME_TIMESTAMP\" : \"{time}\",\n\t\"MESSAGE\" : {}\n}}\n", json(l.body)).into()
    }),
    ("logread", Known::Seconds, |l| {
        let line = format!("Tue Jun 30 {} 2026 kern.warn kernel: {} {}", l.clock().1, l.uptime(), l.body);
        format!("{}\n", line.trim_end()).into()
    }),
    ("docker", Known::Seconds, |l| {
        let log = format!("Jun 30 {} gate kernel: {}\n", l.clock().1, l.body);
        format!("{{\"log\":{},\"stream\":\"stdout\",\"time\":\"{}Z\"}}\n", json(&log), l.iso()).into()
    }),
    ("CRI", Known::Seconds, |l| {
        format!("{}.{:09}Z stdout F {}\n", l.iso(), micros(l.i) % 1_000_000 * 1_000, l.body).into()
    }),
];

fn compressed(name: &str, text: &[u8]) -> Vec<u8> {
    match name {
        "gz" => {
            // Two members, as `cat a.gz b.gz` makes them.
            let mut out = Vec::new();
            for part in [&text[..text.len() / 3], &text[text.len() / 3..]] {
                let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
                encoder.write_all(part).unwrap();
                out = encoder.finish().unwrap();
            }
            out
        }
        "zst" => zstd::encode_all(text, 1).unwrap(),
        "xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        _ => text.to_vec(),
    }
}

/// The records without what belongs to the envelope, and their times.
fn records(ran: &Ran) -> (Vec<Value>, Vec<Option<String>>) {
    let mut times = Vec::new();
    let records = ran
        .out
        .lines()
        .map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            let object = record.as_object_mut().unwrap();
            times.push(object.get("time").and_then(Value::as_str).map(str::to_owned));
            for key in ["time", "stamp", "uptime", "host", "tag", "writer", "severity", "file", "line"] {
                object.remove(key);
            }
            record
        })
        .collect();
    (records, times)
}

#[test]
fn the_same_packets_in_every_envelope_and_compression() {
    let folder = Folder::new();
    let mut random = Random(2026);
    let bodies: Vec<String> = (0..PACKETS).map(|_| packet(&mut random)).collect();
    let mut expected: Option<Vec<Value>> = None;
    for (name, known, envelope) in ENVELOPES {
        let text: Vec<u8> =
            bodies.iter().enumerate().flat_map(|(i, body)| envelope(&Line { i, body })).collect();
        let mut plain = None;
        for packing in ["plain", "gz", "zst", "xz", "bz2"] {
            let file = folder.write(&format!("log.{packing}"), compressed(packing, &text));
            let boot = format!("@{START}");
            let ran = run(&["export", "--year", "2026", "--boot-time", &boot, &file]);
            assert_eq!(ran.code, 0, "{name} {packing}: {}", ran.err);
            match &plain {
                Some(out) => assert!(ran.out.replace(&file, "") == *out, "{name} {packing}"),
                None => plain = Some(ran.out.replace(&file, "")),
            }
            if packing != "plain" {
                continue;
            }
            let (records, times) = records(&ran);
            assert_eq!(records.len(), PACKETS, "{name}");
            match &expected {
                None => expected = Some(records),
                Some(expected) => {
                    for (i, (record, expected)) in records.iter().zip(expected).enumerate() {
                        assert_eq!(record, expected, "{name}, packet {i}: {}", bodies[i]);
                    }
                }
            }
            for (i, time) in times.iter().enumerate() {
                let time = time.as_deref().unwrap_or_else(|| panic!("{name}: no time"));
                let line = Line { i, body: "" };
                assert!(time.starts_with(&line.iso()), "{name}, packet {i}: {time}");
                let fraction = format!("{}.{:06}Z", line.iso(), micros(i) % 1_000_000);
                assert!(known == Known::Seconds || time == fraction, "{name}, packet {i}: {time} {fraction}");
            }
        }
    }
}
