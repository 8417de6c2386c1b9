//! CSV and NDJSON open in DuckDB and pandas with the same totals, where those are installed
//! (`pip install duckdb pandas` in an environment of its own; FWSTAT_PYTHON names its python).

use std::process::Command;

use crate::support::*;

const SCRIPT: &str = r#"
import duckdb, pandas, json, sys
csv, ndjson = sys.argv[1:]
frame = pandas.read_csv(csv, low_memory=False, keep_default_na=False)
print(len(frame), (frame.dpt == '22').sum() + (frame.dpt == 22).sum(), frame[frame.proto == 'TCP'].src.nunique())
for table in (f"read_csv('{csv}', all_varchar=true)", f"read_json('{ndjson}')"):
    print(*duckdb.sql(f"select count(*), count(*) filter (where dpt::varchar = '22'), count(distinct src) filter (where proto = 'TCP') from {table}").fetchall()[0])
print(duckdb.sql(f"select count(*) from read_json('{ndjson}') where ttl > 100 and not (dpt in (22, 23))").fetchall()[0][0])
"#;

#[test]
fn duckdb_and_pandas_agree() {
    let python = std::env::var("FWSTAT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python)
        .args(["-c", "import duckdb, pandas"])
        .output()
        .is_ok_and(|ran| ran.status.success());
    if !there {
        return skipped("python has no duckdb and pandas (FWSTAT_PYTHON names another one)");
    }
    let folder = Folder::new();
    let log = folder.write("kern.log", log(20_000, 60, 91));
    let (csv, ndjson) = (folder.path("x.csv"), folder.path("x.ndjson"));
    for out in [&csv, &ndjson] {
        assert_eq!(run(&["export", "--year", "2026", "--output", out, &log]).code, 0);
    }
    let output = Command::new(&python).args(["-c", SCRIPT, &csv, &ndjson]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = text.lines().collect();
    let matched = |arguments: &[&str]| {
        let mut all = vec!["top", "-j", "--by", "src", &log];
        all.extend_from_slice(arguments);
        run(&all).json()
    };
    let all = matched(&[])["totals"]["matched"].clone();
    let ssh = matched(&["--dport", "22"])["totals"]["matched"].clone();
    let tcp = matched(&["-p", "tcp"])["tables"][0]["distinct"].clone();
    let expected = format!("{all} {ssh} {tcp}");
    assert_eq!(answers[..3], [expected.as_str(); 3]);
    let query = matched(&["--where", "ttl > 100 and not (dport in (22, 23))"])["totals"]["matched"].clone();
    assert_eq!(answers[3], query.to_string());
}
