//! Parquet holds what CSV holds, with types. Run by `cargo test -p fwstat --features parquet`.

use std::fs::File;

use parquet::basic::{LogicalType, Type as Physical};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use crate::support::*;

/// A cell as the CSV export has it; the empty text for null.
fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Bool(yes) => yes.to_string(),
        Field::Long(n) => n.to_string(),
        Field::Double(n) => format!("{n:.6}"),
        Field::Str(text) => text.clone(),
        Field::TimestampMicros(micros) => fwlog::time::clock::utc_text(micros * 1_000),
        Field::Date(days) => fwlog::time::clock::day_text(i64::from(*days)),
        other => panic!("{other:?}"),
    }
}

/// Every row of a Parquet file.
fn rows(path: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let names = reader.metadata().file_metadata().schema_descr();
    let names = names.columns().iter().map(|column| column.name().to_owned()).collect();
    let rows = reader.get_row_iter(None).unwrap();
    (names, rows.map(|row| row.unwrap().get_column_iter().map(|(_, field)| cell(field)).collect()).collect())
}

/// Lines of a CSV file; a cell that is quoted may hold commas, and no cell holds a line end.
fn csv(path: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    for line in text.split_terminator("\r\n") {
        let (mut cells, mut cell, mut quoted, mut chars) =
            (Vec::new(), String::new(), false, line.chars().peekable());
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        lines.push(cells);
    }
    lines
}

/// Every line of the suite, and a log: cell by cell what the CSV export has.
#[test]
fn parquet_holds_what_csv_holds() {
    let folder = Folder::new();
    let mut text = log(3_000, 60, 31).into_bytes();
    let suite = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/lines");
    let mut lines = 0;
    for file in std::fs::read_dir(suite).unwrap() {
        let path = file.unwrap().path();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            if let Some(line) = line.strip_prefix("line = '").and_then(|line| line.strip_suffix('\'')) {
                text.extend_from_slice(line.as_bytes());
                text.push(b'\n');
                lines += 1;
            }
        }
    }
    assert!(lines > 50, "{lines}");
    // A prefix that is no text, one that a terminal would obey, one with all that CSV quotes.
    let body = "IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=2 \n";
    for prefix in [&b"\xff\xfe "[..], b"\x1b[31m\xe2\x80\xae ", b"\"a\", 'b', c\td ", b"\xc3\xbc= "] {
        text.extend_from_slice(b"2026-06-30T06:06:13.123456+02:00 gate kernel: [    1.500000] ");
        text.extend_from_slice(prefix);
        text.extend_from_slice(body.as_bytes());
    }
    let file = folder.write("kern.log", text);
    let derived = "time,day,month,hour,minute,weekday,hour_of_day,service,src/24,inner_src,mark,uptime,flags";
    for chosen in [&["--year", "2026"][..], &["--fields", derived], &["--schema", "ecs"]] {
        let (a, b) = (folder.path("x.parquet"), folder.path("x.csv"));
        for out in [&a, &b] {
            let mut all = vec!["export", "--utc", "--output", out, &file];
            all.extend_from_slice(chosen);
            let ran = run(&all);
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{chosen:?}");
        }
        let (names, parquet) = rows(&a);
        let mut csv = csv(&b);
        assert_eq!(names, csv.remove(0));
        assert_eq!(parquet.len(), csv.len());
        for (row, (parquet, csv)) in parquet.iter().zip(&csv).enumerate() {
            for ((name, parquet), csv) in names.iter().zip(parquet).zip(csv) {
                // The ECS moment is written with the zone's offset, which is UTC here.
                assert_eq!(parquet, csv, "row {row}, {name}");
            }
        }
    }
}

#[test]
fn columns_have_types_and_groups_are_bounded() {
    let folder = Folder::new();
    let (file, out) = (folder.write("kern.log", log(110_000, 1, 32)), folder.path("x.parquet"));
    for threads in ["1", "4"] {
        let ran = run(&["export", "--year", "2026", "--threads", threads, "--output", &out, &file]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let reader = SerializedFileReader::new(File::open(&out).unwrap()).unwrap();
        let meta = reader.metadata();
        let rows: Vec<i64> = meta.row_groups().iter().map(|group| group.num_rows()).collect();
        let packets = run(&["check", "-j", &file]).json()["totals"]["packets"].as_i64().unwrap();
        assert_eq!(rows.iter().sum::<i64>(), packets);
        assert!(rows.len() > 1 && rows.iter().all(|rows| *rows < 80_000), "{rows:?}");
        let schema = meta.file_metadata().schema_descr();
        let column =
            |name: &str| schema.columns().iter().find(|column| column.name() == name).unwrap().clone();
        assert_eq!(column("dpt").physical_type(), Physical::INT64);
        assert!(matches!(
            column("time").logical_type_ref(),
            Some(LogicalType::Timestamp(stamp)) if stamp.is_adjusted_to_u_t_c
        ));
        assert_eq!(column("src").logical_type_ref(), Some(&LogicalType::String));
        assert_eq!(column("df").physical_type(), Physical::BOOLEAN);
        assert_eq!(column("uptime").physical_type(), Physical::DOUBLE);
        // Printed empty is not the same as not printed.
        let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        let value = |name: &str| row.get_column_iter().find(|(n, _)| *n == name).unwrap().1.clone();
        assert_eq!((value("out"), value("physout")), (Field::Str(String::new()), Field::Null));
        // Nothing but the file itself is left.
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 2);
    }
    // Through a pipe it is the same file.
    let piped = program().args(["export", "--year", "2026", "--format", "parquet", &file]).output().unwrap();
    assert_eq!(piped.stdout, std::fs::read(&out).unwrap());
}

#[test]
fn no_record_is_still_a_file() {
    let folder = Folder::new();
    let (file, out) = (folder.write("x.log", "nothing\n"), folder.path("x.parquet"));
    assert_eq!(run(&["export", "--output", &out, &file]).code, 1);
    let (names, rows) = rows(&out);
    assert!(names.len() > 60 && rows.is_empty());
    let twice = run(&["export", "--format", "parquet", "--fields", "src,dst,src", &file]);
    assert!(twice.code == 2 && twice.err.contains("`src` twice"), "{}", twice.err);
}
