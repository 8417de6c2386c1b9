#!/bin/bash
# What SQL costs: the question of `fwstat top --by src` asked of fwstat, fwstat-sql, and of DuckDB, chdb and polars, which
# take the source out of the raw text, each in the quickest of the ways that we tried (regular expressions are no quicker).
# One interleaved run; all must give the same rows.
#
#     benches/sql.sh LOG [ROUNDS]
#
# Needs release builds of fwstat and fwstat-sql, and a `python3` (or $PYTHON) with duckdb, chdb and polars; what is missing is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(realpath "$1")
rounds=${2:-5}
python=${PYTHON:-python3}
fwstat=${FWSTAT:-target/release/fwstat}
sql=${FWSTAT_SQL:-crates/fwstat-sql/target/release/fwstat-sql}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat >"$scratch/top" <<END
"$fwstat" top --by src -n 20 --no-config --no-progress --format tsv -H "$log" | cut -f 1,2
END
cat >"$scratch/sql" <<END
"$sql" --no-config --format tsv -H "SELECT src, sum(n) FROM log WHERE src IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20" "$log"
END
cat >"$scratch/duckdb" <<END
"$python" -c "
import duckdb
duckdb.sql('SET enable_progress_bar = false')
rows = duckdb.sql('''SELECT split_part(substr(line, strpos(line, ' SRC=') + 5, 40), ' ', 1) AS src, count(*) AS n
  FROM read_csv('\$1', columns={'line': 'VARCHAR'}, delim='\\\\x01', quote='', escape='', header=false, auto_detect=false)
  WHERE contains(line, ' SRC=') GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20''').fetchall()
for src, n in rows: print(src, n, sep=chr(9))
"
END
sed -i "s|\$1|$log|" "$scratch/duckdb"
cat >"$scratch/chdb" <<END
"$python" -c "
import chdb
print(chdb.query('''SELECT substringIndex(substring(line, position(line, ' SRC=') + 5, 40), ' ', 1) AS src, count() AS n FROM file('$log', LineAsString, 'line String')
  WHERE position(line, ' SRC=') > 0 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20''', 'TSV'), end='')
"
END
cat >"$scratch/polars" <<END
"$python" -c "
import polars as pl
rows = (pl.scan_csv('$log', has_header=False, separator=chr(1), quote_char=None, schema={'line': pl.String})
  .select(pl.col('line').str.splitn(' SRC=', 2).struct.field('field_1').str.splitn(' ', 2).struct.field('field_0').alias('src')).drop_nulls().group_by('src').agg(pl.len().alias('n'))
  .sort(['n', 'src'], descending=[True, False]).head(20).collect(engine='streaming'))
for src, n in rows.iter_rows(): print(src, n, sep=chr(9))
"
END
names=(top sql)
for name in duckdb chdb polars; do
    if "$python" -c "import $name" 2>/dev/null; then names+=("$name"); else echo "left out: $name"; fi
done
for name in "${names[@]}"; do
    # Ties at the end of the list have no order that all agree on: the counts are compared, and the first ten rows.
    bash "$scratch/$name" >"$scratch/$name.rows"
    cut -f 2 "$scratch/$name.rows" | tr -d ',' >"$scratch/$name.counts"
    cmp "$scratch/top.counts" "$scratch/$name.counts" || { echo "$name gives other rows"; head -3 "$scratch/$name.rows"; exit 1; }
done
for round in $(seq "$rounds"); do
    for name in "${names[@]}"; do
        /usr/bin/time -f "$name %U %S %e %M" -a -o "$scratch/times" bash "$scratch/$name" >/dev/null
    done
done
for name in "${names[@]}"; do
    median() { grep "^$name " "$scratch/times" | awk "{ print $1 }" | sort -n | sed -n "$((rounds / 2 + 1))p"; }
    echo "$name $(median '$2 + $3') $(median '$4') $(median '$5 / 1024')"
done | awk '
    NR == 1 { top = $2 }
    { printf "%-8s cpu %6.2f s (%4.1f x top)  clock %6.2f s  peak %5.0f MiB\n", $1, $2, $2 / top, $3, $4 }'
