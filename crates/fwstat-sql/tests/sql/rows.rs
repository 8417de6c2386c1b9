//! Rows: all columns against the export, plans of many kinds against one partition, lines that are no packets,
//! records that are not lines, files that cannot be read.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use fwlog::aggregate::{Aggregate, Counts};
use fwlog::pipeline;
use fwlog::record::{Field, Key, Record, Value};
use fwlog::text;
use fwlog::time::clock::utc_text;
use fwstat_sql::query;

use crate::corpus::{Corpus, PARTITIONS, cli, number, open, options, rows, runtime};

/// Gathers every record's fields as the export writes them.
struct Exported<'a>(&'a Mutex<Vec<Vec<Option<String>>>>, &'a [Field]);

fn exported(field: &Field, record: &Record<'_>) -> Option<String> {
    match field.value(record) {
        Value::Missing => None,
        Value::True => Some("true".to_owned()),
        Value::Time(when) => Some(utc_text(when.utc.div_euclid(1_000) * 1_000)),
        Value::Uptime(uptime) => Some((uptime.seconds as f64 + f64::from(uptime.micros) / 1e6).to_string()),
        Value::Text(value) => Some(text::escape(value)),
        other => Some(text::escape(other.to_plain().as_bytes())),
    }
}

impl Aggregate for Exported<'_> {
    fn add(&mut self, record: &Record<'_>) {
        let row = self.1.iter().map(|field| exported(field, record)).collect();
        self.0.lock().unwrap().push(row);
    }

    fn merge(&mut self, _: Self) {}
}

fn same_number(text: &mut Option<String>) {
    if let Some(number) = text.as_deref().and_then(|text| text.parse::<f64>().ok()) {
        *text = Some(number.to_string());
    }
}

#[test]
fn all_columns_are_those_of_the_export() {
    let corpus = Corpus::new();
    let runtime = runtime();
    for (columns, left_out) in [("* EXCLUDE (n)", ""), ("* EXCLUDE (n, line)", "line")] {
        let fields: Vec<Field> = Field::all().into_iter().filter(|field| field.name != left_out).collect();
        let options = options(&corpus.cli(1), true);
        let all = Mutex::new(Vec::new());
        pipeline::run(&options.queue, &options.plan, None, || Exported(&all, &fields)).unwrap();
        let mut wanted = all.into_inner().unwrap();
        wanted.sort();
        let uptime = fields.iter().position(|field| field.key == Key::Uptime).unwrap();
        for partitions in PARTITIONS {
            let (_, context) = open(&corpus.cli(partitions), partitions);
            let mut found = runtime.block_on(rows(&context, &format!("SELECT {columns} FROM log")));
            found.iter_mut().for_each(|row| same_number(&mut row[uptime]));
            found.sort();
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(&wanted) {
                for ((found, wanted), field) in found.iter().zip(wanted).zip(&fields) {
                    assert_eq!(found, wanted, "{} at {partitions}", field.name);
                }
            }
        }
    }
}

#[test]
fn plans_of_every_kind_give_the_same_at_any_number_of_partitions() {
    let corpus = Corpus::new();
    let runtime = runtime();
    let queries = [
        "SELECT count(*) FROM log",
        "SELECT sum(n), count(src), count(DISTINCT src) FROM log WHERE prefix LIKE 'tcp%'",
        "SELECT network(src, 24) AS net, sum(n) FROM log GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20",
        "SELECT count(*) FROM (SELECT src FROM log UNION ALL SELECT src FROM log UNION ALL SELECT text FROM rest)",
        "SELECT count(*) FROM log a JOIN log b ON a.src = b.src AND a.ip_id = b.ip_id AND a.time = b.time",
        "SELECT count(*) FROM log WHERE len > (SELECT avg(len) FROM log)",
        "SELECT count(*) FROM log WHERE src NOT IN (SELECT src FROM log WHERE dpt = 22 AND src IS NOT NULL)",
        "SELECT count(*) FROM (SELECT src FROM log LIMIT 17)",
        "SELECT time, src, ip_id FROM log WHERE time IS NOT NULL AND ip_id IS NOT NULL ORDER BY time DESC, ip_id, src LIMIT 30",
        "SELECT max(r) FROM (SELECT rank() OVER (PARTITION BY src ORDER BY time, ip_id) AS r FROM log)",
        "WITH t AS (SELECT dpt, sum(n) AS s FROM log GROUP BY 1) SELECT max(s), min(s), count(*) FROM t",
        "SELECT ip_text(ip(src)), count(*) FROM log GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
        "SELECT class, why, count(*) FROM rest GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT count(*), min(time), max(time) FROM log WHERE time BETWEEN '2025-12-31' AND '2026-01-01'",
        "SELECT count(*) FROM log, rest WHERE log.file = rest.file AND rest.byte < 2000",
    ];
    for sql in queries {
        let mut first = None;
        for partitions in PARTITIONS {
            let (_, context) = open(&corpus.cli(partitions), partitions);
            let found = runtime.block_on(rows(&context, sql));
            assert!(!found.is_empty(), "{sql}");
            assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{sql} at {partitions}");
        }
    }
}

#[test]
fn records_that_are_not_lines_are_found_in_a_file_of_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.log");
    let line = "Jun 30 06:06:13 gw kernel: [ 1.0] a IN=eth0 OUT= SRC=192.0.2.7 DST=192.0.2.1 LEN=28 TOS=0x00 PREC=0x00 \
                TTL=64 ID=1 PROTO=2 \n";
    let mut text = line.repeat(2000);
    for at in 0..5 {
        text.push_str(&format!(
            "{{\n  \"__REALTIME_TIMESTAMP\" : \"178279957300000{at}\",\n  \"_TRANSPORT\" : \"kernel\",\n  \"MESSAGE\" : \
             \"late IN=eth1 OUT= SRC=192.0.2.{at} DST=192.0.2.1 LEN=28 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 \"\n}}\n"
        ));
    }
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    let cli = cli(&[path], 3);
    let options = options(&cli, false);
    let count = || Counts::by(vec![Field::of(Key::Prefix)]);
    pipeline::run(&options.queue, &options.plan, None, count).unwrap();
    assert!(options.queue.begin_anew(false), "the log needs no second reading");
    let (counts, _) = pipeline::run(&options.queue, &options.plan, None, count).unwrap();
    let late = counts.ranked(0).rows.iter().map(|row| row.count).min().unwrap();
    assert_eq!(late, 5);
    let (logs, context) = open(&cli, 3);
    let style = fwstat_sql::opened::Opened::new(&cli).unwrap().style;
    let mut out = Vec::new();
    let sql = "SELECT prefix, sum(n) FROM log GROUP BY 1 ORDER BY 1";
    let rows = runtime().block_on(query::run(&context, &logs, sql, &style, &mut out)).unwrap();
    assert_eq!(rows, 2);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("late") && text.lines().last().unwrap().ends_with('5'), "{text}");
}

#[test]
fn what_cannot_be_read_is_told_and_the_others_are_read() {
    let corpus = Corpus::new();
    let runtime = runtime();
    let packed = std::fs::read(testkit::testdata("noise/home.log.gz")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.log.gz");
    std::fs::write(&cut, &packed[..packed.len() / 2]).unwrap();
    let missing = PathBuf::from("/nowhere/kern.log");
    let files = [corpus.files[1].clone(), cut, missing];
    for partitions in PARTITIONS {
        let cli = cli(&files, partitions);
        let (logs, context) = open(&cli, partitions);
        let options = options(&cli, false);
        let (_, account) =
            pipeline::run(&options.queue, &options.plan, None, || Counts::by(Vec::new())).unwrap();
        let found = runtime.block_on(number(&context, "SELECT count(*) FROM log"));
        assert_eq!(found, account.totals.packets + account.totals.cut);
        let names = |errors: Vec<fwlog::input::InputError>| {
            let mut names: Vec<(String, String)> =
                errors.into_iter().map(|error| (error.name, error.reason)).collect();
            names.sort();
            names
        };
        assert_eq!(names(logs.found().errors), names(options.queue.errors()));
        assert_eq!(logs.found().errors.len(), 2);
    }
}
