//! `fwstat timeline` and the overview: counts over time.

use crate::support::*;

#[test]
fn buckets_equal_awk() {
    let folder = Folder::new();
    let file = folder.write("kern.log", log(20_000, 60, 71));
    let awk = shell(
        &folder.0,
        &format!("grep -F ' IN=' {file} | awk '{{ print $2 }}' | uniq -c | awk '{{ print $1 }}'"),
    );
    let json = run(&["timeline", "-j", "--bucket", "1d", "--year", "2026", &file]).json();
    let counts: Vec<String> =
        json["rows"].as_array().unwrap().iter().map(|row| row["count"].to_string()).collect();
    assert_eq!(counts, awk.lines().collect::<Vec<_>>());
    assert_eq!(json["rows"][0]["time"], "2026-06-01T00:00:00Z");
    assert_eq!(json["bucket_seconds"], 86_400);
    // In other zones the day begins at another time.
    let json =
        run(&["timeline", "-j", "--bucket", "1d", "--year", "2026", "--tz", "Europe/Berlin", &file]).json();
    assert_eq!(json["rows"][0]["time"], "2026-06-01T00:00:00+02:00");
}

#[test]
fn the_width_suits_the_span_and_sums_stay() {
    let folder = Folder::new();
    for (step, lines) in [(1, 200), (1, 5_000), (60, 20_000), (3_000, 5_000)] {
        let file = folder.write("kern.log", log(lines, step, 72));
        let mut answers = Vec::new();
        for (threads, chunk) in [("1", "4194304"), ("4", "3000")] {
            let ran = run(&[
                "timeline",
                "-j",
                "--by",
                "proto",
                "-n",
                "0",
                "--year",
                "2026",
                "--threads",
                threads,
                "--chunk-size",
                chunk,
                &file,
            ]);
            answers.push(ran.json());
        }
        assert_eq!(answers[0], answers[1]);
        let json = &answers[0];
        let sum: u64 =
            json["rows"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum();
        assert_eq!(sum, json["totals"]["matched"].as_u64().unwrap());
        let plain = run(&["timeline", "-j", "--year", "2026", &file]).json();
        let rows = plain["rows"].as_array().unwrap().len();
        assert!((5..=100).contains(&rows), "{step} {rows} {}", plain["bucket_seconds"]);
    }
}

#[test]
fn a_wrong_bucket_is_an_error() {
    for bucket in ["0", "soon", "1.5", "0.5s"] {
        let ran = run_with(b"", &["timeline", "--bucket", bucket]);
        assert!(ran.code == 2 && ran.err.contains("--bucket"), "{bucket}: {}", ran.err);
    }
    let folder = Folder::new();
    let file = folder.write("kern.log", log(2_000, 3_000, 73));
    let ran = run(&["timeline", "--bucket", "1s", &file]);
    assert!(ran.code == 2 && ran.err.contains("take a wider bucket"), "{}", ran.err);
}
