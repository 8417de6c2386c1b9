#!/bin/bash
# Logs in an object store, which is moto's S3 here: one process and a cluster give the rows that files give, every line is
# read once, and what is not served or has changed is an error.
#
#     benches/s3.sh
#
# Needs a build of fwstat-sql with the features `cluster` and `s3`: $FWSTAT_SQL; and a `python3` (or $PYTHON) with moto[server]
# and boto3. Without these it says so and does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
sql=${FWSTAT_SQL:-crates/fwstat-sql/target/debug/fwstat-sql}
python=${PYTHON:-python3}
"$python" -c 'import boto3, moto, flask' 2>/dev/null || { echo "left out: there is no moto"; exit 0; }
. benches/processes.sh
store=$(free_port)
export AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=nothing AWS_REGION=us-east-1
export AWS_ENDPOINT="http://127.0.0.1:$store" AWS_ALLOW_HTTP=true
"$python" -m moto.server -H 127.0.0.1 -p "$store" >"$scratch/store.out" 2>&1 &
pids+=($!)
put() { # key, file
    "$python" - "$@" <<'END'
import boto3, os, sys
s3 = boto3.client('s3', endpoint_url=os.environ['AWS_ENDPOINT'])
s3.create_bucket(Bucket='logs')
s3.put_object(Bucket='logs', Key=sys.argv[1], Body=open(sys.argv[2], 'rb').read())
END
}
for _ in $(seq 100); do grep -q Running "$scratch/store.out" && break; sleep 0.1; done

# 20 MB of one log, a packed one, one over New Year, a journal; one beside what is served.
mkdir -p "$scratch/logs/gw"
for _ in $(seq 20); do cat testdata/sample/kern.log; done >"$scratch/logs/gw/kern.log"
gzip -c testdata/sample/kern.log >"$scratch/logs/gw/kern.log.1.gz"
head -1500 testdata/sample/kern.log | sed 's/^[A-Z][a-z][a-z] [ 0-9][0-9]/Dec 31/' >"$scratch/logs/gw/year.log"
head -1500 testdata/sample/kern.log | sed 's/^[A-Z][a-z][a-z] [ 0-9][0-9]/Jan  1/' >>"$scratch/logs/gw/year.log"
zstd -dqc testdata/journals/257-compact-keyed-zstd.journal.zst >"$scratch/logs/gw/system.journal" 2>/dev/null ||
    cp testdata/journals/257-compact-keyed-zstd.journal.zst "$scratch/logs/gw/system.journal.zst"
for file in "$scratch"/logs/gw/*; do put "gw/$(basename "$file")" "$file"; done
put other/kern.log testdata/sample/kern.log
reading=(--no-config --tz Europe/Berlin --year 2026 --now '2026-07-01 00:00' --format tsv -H)
cat >"$scratch/queries" <<'END'
SELECT count(*), sum(n), count(src), count(DISTINCT src), min(time), max(time) FROM log;
SELECT src, sum(n) FROM log GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT regexp_replace(file, '.*/', ''), count(*) FROM log GROUP BY 1 ORDER BY 1;
SELECT max(line), min(byte) FROM log WHERE file LIKE '%/kern.log';
SELECT class, why, count(*) FROM rest GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM log WHERE time BETWEEN '2025-12-31' AND '2026-01-01';
END
grep -q '\bbyte\b' <<<"$("$sql" --no-config --format tsv -H "SELECT column_name FROM information_schema.columns WHERE table_name = 'log'" testdata/sample/kern.log)" ||
    sed -i 's/, min(byte)//' "$scratch/queries"
"$sql" "${reading[@]}" -f "$scratch/queries" "$scratch"/logs/gw/* >"$scratch/files"
[ "$(wc -l <"$scratch/files")" -gt 100 ] || fail "too few rows to compare"
"$sql" "${reading[@]}" -f "$scratch/queries" 's3://logs/gw/*' >"$scratch/objects" || fail "the query of one process"
cmp "$scratch/files" "$scratch/objects" || { diff "$scratch/files" "$scratch/objects" | head; fail "objects give other rows than files"; }
echo "one process: the rows that files give"

# The same on a cluster, whose folder is empty.
mkdir "$scratch/empty"
port=$(free_port)
"$sql" cluster scheduler --verbose --root "$scratch/empty" --objects s3://logs/gw --bind "127.0.0.1:$port" >"$scratch/scheduler.out" 2>&1 &
pids+=($!)
for name in one two; do
    "$sql" cluster executor --verbose --root "$scratch/empty" --objects s3://logs/gw --scheduler "127.0.0.1:$port" \
        --port "$(free_port)" --grpc-port "$(free_port)" --vcores 1 >"$scratch/$name.out" 2>&1 &
    pids+=($!)
done
for _ in $(seq 600); do
    [ "$(grep -c 'eceived register executor' "$scratch/scheduler.out" || true)" -ge 2 ] && break
    sleep 0.1
done
ask() { "$sql" "${reading[@]}" --cluster "127.0.0.1:$port" "$@"; }
for n in 1 7 64; do
    ask --partitions "$n" -f "$scratch/queries" 's3://logs/gw/*' >"$scratch/cluster" || fail "the query of a cluster"
    cmp "$scratch/files" "$scratch/cluster" || { diff "$scratch/files" "$scratch/cluster" | head; fail "the cluster gives other rows at $n"; }
done
: >"$scratch/one.out"; : >"$scratch/two.out"
ask "SELECT count(*) FROM log" s3://logs/gw/kern.log >/dev/null
lines=$(sed -n 's/.* read .*: \([0-9]*\) lines, .*/\1/p' "$scratch"/one.out "$scratch"/two.out | awk '{ s += $1 } END { print s + 0 }')
[ "$lines" = "$(wc -l <"$scratch/logs/gw/kern.log")" ] || fail "$lines lines were read"
grep -q ' read ' "$scratch/one.out" && grep -q ' read ' "$scratch/two.out" || fail "one executor did nothing"
echo "cluster: the same at 1, 7 and 64 partitions; every line once, by both executors"

if said=$(ask "SELECT count(*) FROM log" s3://logs/other/kern.log 2>&1); then fail "an object that is not served was: $said"; fi
grep -q 'not below' <<<"$said" || fail "an object that is not served: $said"
if said=$(ask "SELECT count(*) FROM log" s3://logs/gw/none 2>&1); then fail "there is no such object: $said"; fi
grep -q 'no such object' <<<"$said" || fail "no such object: $said"
echo "refused: an object that is not served, one that is not there"
