//! CSV, NDJSON and, where the build has it, Parquet open in DuckDB and pandas with the same
//! totals, where those are installed (`pip install duckdb pandas pyarrow` in an environment of its
//! own, which is active).

use std::process::Command;

use crate::support::*;

const SCRIPT: &str = r#"
import duckdb, pandas, sys
csv, ndjson, *parquet = sys.argv[1:]

# Packets, those to port 22, sources of TCP, the sum of all lengths; per file and per program.
def frame(f):
    print(len(f), (f.dpt == 22).sum(), f[f.proto == 'TCP'].src.nunique(), int(f.len.sum()))
def table(t):
    print(*duckdb.sql(f"""select count(*), count(*) filter (where dpt = 22), count(distinct src) filter (where proto = 'TCP'),
        sum(len)::bigint from {t}""").fetchall()[0])
frame(pandas.read_csv(csv, low_memory=False))
table(f"read_csv('{csv}', types={{'dpt': 'INTEGER', 'len': 'BIGINT', 'proto': 'VARCHAR', 'src': 'VARCHAR'}})")
table(f"read_json('{ndjson}')")
for p in parquet:
    frame(pandas.read_parquet(p))
    table(f"read_parquet('{p}')")

for t in [f"read_json('{ndjson}')"] + [f"read_parquet('{p}')" for p in parquet]:
    print(duckdb.sql(f"select count(*) from {t} where ttl > 100 and not (dpt in (22, 23))").fetchall()[0][0])

# With types: moments are moments of UTC, and what is missing is null.
for p in parquet:
    types = dict(duckdb.sql(f"select column_name, column_type from (describe from '{p}')").fetchall())
    assert (types['time'], types['dpt'], types['src'], types['df']) == (
        'TIMESTAMP WITH TIME ZONE', 'BIGINT', 'VARCHAR', 'BOOLEAN'), types
    f = pandas.read_parquet(p)
    assert str(f.time.dtype).endswith(', UTC]'), f.time.dtype
    c = pandas.read_csv(csv, low_memory=False)
    assert (pandas.to_datetime(c.time, format='ISO8601') == f.time).all()
    assert (c.isna().sum() >= f.isna().sum()).all() and f.physin.isna().all() and (f.out == '').any()
"#;

#[test]
fn duckdb_and_pandas_agree() {
    let wanted = if cfg!(feature = "parquet") { "duckdb, pandas, pyarrow" } else { "duckdb, pandas" };
    let there = Command::new("python3")
        .args(["-c", &format!("import {wanted}")])
        .output()
        .is_ok_and(|ran| ran.status.success());
    if !there {
        return skipped(&format!("python3 has not all of {wanted}"));
    }
    let folder = Folder::new();
    let log = folder.write("kern.log", log(20_000, 60, 91));
    let mut outs = vec![folder.path("x.csv"), folder.path("x.ndjson")];
    if cfg!(feature = "parquet") {
        outs.push(folder.path("x.parquet"));
    } else {
        skipped("Parquet: this build has no feature `parquet`");
    }
    for out in &outs {
        assert_eq!(run(&["export", "--year", "2026", "--output", out, &log]).code, 0);
    }
    let output = Command::new("python3").args(["-c", SCRIPT]).args(&outs).output().unwrap();
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
    // The sum of the outer LEN= of every line, by eye of awk.
    let length = shell(
        &folder.0,
        "awk '/ SRC=/ { sub(/ \\[SRC=.*/, \"\"); if (match($0, / LEN=[0-9]+/)) n += substr($0, RSTART + 5, RLENGTH - 5) } \
         END { printf \"%d\", n }' kern.log",
    );
    let sums = 1 + 2 * (outs.len() - 1);
    let expected = format!("{all} {ssh} {tcp} {length}");
    assert_eq!(answers[..sums], vec![expected.as_str(); sums]);
    let query = matched(&["--where", "ttl > 100 and not (dport in (22, 23))"])["totals"]["matched"].clone();
    assert_eq!(answers[sums..], vec![query.to_string(); outs.len() - 1]);
}
