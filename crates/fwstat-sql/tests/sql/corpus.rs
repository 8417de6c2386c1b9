//! Logs of every form, and how a test asks them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser as _;
use datafusion::arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use fwstat::options::Options;
use fwstat_sql::cells::Cells;
use fwstat_sql::cli::Cli;
use fwstat_sql::logs::Logs;
use fwstat_sql::opened::Opened;
use fwstat_sql::session::{self, Limits};
use tempfile::TempDir;

/// Numbers of partitions at which every answer must be the same.
pub(crate) const PARTITIONS: [usize; 4] = [1, 2, 7, 64];

/// Logs, and where they are.
pub(crate) struct Corpus {
    pub(crate) files: Vec<PathBuf>,
    _folder: TempDir,
}

/// Every kind of packet, from the lines of the suite.
fn kinds() -> String {
    let folder = testkit::testdata("lines");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut out = String::new();
    for file in files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let Some(text) = line.strip_prefix("line = '").and_then(|rest| rest.strip_suffix('\'')) else {
                continue;
            };
            out.push_str(text);
            out.push('\n');
        }
    }
    assert!(out.lines().count() > 200);
    out
}

/// Stamps without a year over New Year; other programs, repeats, CR LF, lines that are long, two lines of one
/// record, and no end of the last line.
fn over_new_year(lines: u32) -> String {
    let mut out = String::new();
    for at in 0..lines {
        let minute = at * 2;
        let (month, day) =
            if minute < 1440 * 2 { ("Dec", 30 + minute / 1440) } else { ("Jan", minute / 1440 - 1) };
        let stamp = format!("{month} {day:>2} {:02}:{:02}:{:02} gw", minute / 60 % 24, minute % 60, at % 60);
        let packet = format!(
            "{} IN=eth{} OUT={} MAC=02:00:00:00:0b:0b:02:00:00:00:0a:0a:08:00 SRC=203.0.113.{} DST=192.0.2.{} LEN={} \
             TOS=0x00 PREC=0x00 TTL={} ID={at} DF PROTO={} SPT={} DPT={} WINDOW=1024 RES=0x00 SYN URGP=0 ",
            ["tcp.in.dropped", "tcp.fwd.foreign", "a'b%c_d", "UPPER"][at as usize % 4],
            at % 3,
            ["", "eth9", "wg0"][at as usize / 5 % 3],
            at % 97,
            at % 7,
            40 + at % 60,
            32 + at % 90,
            ["TCP", "TCP", "TCP"][at as usize % 3],
            1024 + at % 50_000,
            [22, 23, 80, 443, 8080][at as usize % 5],
        );
        let _ = match at % 10 {
            3 => writeln!(out, "{stamp} sshd[77]: Invalid user admin from 203.0.113.9 port 1"),
            5 => writeln!(
                out,
                "{stamp} kernel: [{at}.000001] message repeated {} times: [ {packet}]",
                at % 4 + 2
            ),
            7 => write!(out, "{stamp} kernel: [{at}.500000] {packet}\r\n"),
            8 if at % 50 == 8 => writeln!(out, "{stamp} app: {}", "x".repeat(3000)),
            9 if at % 40 == 9 => {
                writeln!(out, "{stamp} kernel: [{at}.000000] {}", &packet[..packet.len() / 2])
            }
            _ => writeln!(out, "{stamp} kernel: [{at}.000000] {packet}"),
        };
    }
    out.pop();
    out
}

/// The same packets with other stamps, as one object a line.
fn objects(lines: u32) -> String {
    (0..lines).fold(String::new(), |mut out, at| {
        let _ = writeln!(
            out,
            "{{\"__REALTIME_TIMESTAMP\":\"{}\",\"_HOSTNAME\":\"vps\",\"SYSLOG_IDENTIFIER\":\"kernel\",\"PRIORITY\":\"4\",\
             \"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"j{} IN=ens3 OUT= SRC=2001:db8::{:x} DST=2001:db8::1 LEN=60 TC=0 HOPLIMIT=57 \
             FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID={at} SEQ=1 \"}}",
            1_767_225_600_000_123_u64 + u64::from(at) * 1_000_777,
            at % 3,
            at % 40,
        );
        out
    })
}

impl Corpus {
    pub(crate) fn new() -> Corpus {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let files = vec![
            write("kinds.log", &kinds()),
            write("year.log", &over_new_year(3000)),
            write("objects.json", &objects(300)),
            write("empty.log", ""),
            testkit::testdata("noise/home.log.gz"),
            testkit::testdata("journals/257-compact-keyed-zstd.journal.zst"),
            testkit::testdata("journals/252-regular-plain-none.journal.zst"),
        ];
        Corpus { files, _folder: folder }
    }

    /// The command line for these logs.
    pub(crate) fn cli(&self, partitions: usize) -> Cli {
        cli(&self.files, partitions)
    }
}

/// The command line for some files. Small pieces, so that there are many.
pub(crate) fn cli(files: &[PathBuf], partitions: usize) -> Cli {
    let threads = partitions.to_string();
    let options =
        ["fwstat sql", "--tz=Europe/Berlin", "--no-config", "--chunk-size=20000", "--threads", &threads];
    let words = options.iter().map(std::ffi::OsString::from);
    Cli::parse_from(words.chain(files.iter().map(|file| file.clone().into_os_string())))
}

/// The logs of a command line, and a session with their tables.
pub(crate) fn open(cli: &Cli, partitions: usize) -> (Arc<Logs>, SessionContext) {
    let Opened { logs, exports, .. } = Opened::new(cli).unwrap();
    let context = session::session(Limits { partitions, memory: 1 << 30 }).unwrap();
    session::open(&context, &logs, &exports).unwrap();
    (logs, context)
}

/// What fwstat's commands read for the same command line.
pub(crate) fn options(cli: &Cli, ordered: bool) -> Options {
    Options::new(&cli.common, ordered).unwrap()
}

/// The rows of a query.
pub(crate) async fn batches(context: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    let frame = context.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The same as text.
pub(crate) async fn rows(context: &SessionContext, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut all = Vec::new();
    for batch in batches(context, sql).await {
        let cells = Cells::new(&batch).unwrap();
        for row in 0..batch.num_rows() {
            all.push((0..batch.num_columns()).map(|column| cells.text(row, column).unwrap()).collect());
        }
    }
    all
}

/// The one number that a query gives.
pub(crate) async fn number(context: &SessionContext, sql: &str) -> u64 {
    let rows = rows(context, sql).await;
    rows[0][0].as_deref().unwrap_or("0").parse().unwrap()
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
