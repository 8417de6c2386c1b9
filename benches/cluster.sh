#!/bin/bash
# SQL on a cluster: a scheduler and two executors as processes on this machine. Every answer must be that of one process, at
# every number of partitions, with and without re-planning, stealing and small tasks; every line is read once; and faults
# are errors, never other answers.
#
#     benches/cluster.sh [all]        without `all`, a reduced matrix
#
# Needs a build of fwstat-sql with the feature `cluster`: $FWSTAT_SQL; and of fwstat: $FWSTAT.
set -euo pipefail
cd "$(dirname "$0")/.."
fwstat=${FWSTAT:-target/debug/fwstat}
sql=${FWSTAT_SQL:-crates/fwstat-sql/target/debug/fwstat-sql}
. benches/processes.sh
mkdir "$scratch/logs"

# Logs: 8 MB of one log, a rotated one, one without a last line end, an empty one, one over New Year, a journal.
for _ in $(seq 8); do cat testdata/sample/kern.log; done >"$scratch/logs/kern.log"
gzip -c testdata/sample/kern.log >"$scratch/logs/kern.log.1.gz"
head -c 100000 testdata/sample/kern.log | sed '$ s/$/ no end/' | head -c -1 >"$scratch/logs/cut.log"
: >"$scratch/logs/empty.log"
head -1500 testdata/sample/kern.log | sed 's/^[A-Z][a-z][a-z] [ 0-9][0-9]/Dec 31/' >"$scratch/logs/year.log"
head -1500 testdata/sample/kern.log | sed 's/^[A-Z][a-z][a-z] [ 0-9][0-9]/Jan  1/' >>"$scratch/logs/year.log"
cp testdata/journals/257-compact-keyed-zstd.journal.zst "$scratch/logs/"
files=("$scratch"/logs/*)
reading=(--no-config --tz Europe/Berlin --year 2026 --now '2026-07-01 00:00' --format tsv -H)

cat >"$scratch/queries" <<'END'
SELECT count(*) FROM log;
SELECT sum(n), count(src), count(DISTINCT src), min(time), max(time) FROM log WHERE prefix LIKE 'tcp%';
SELECT src, sum(n) FROM log GROUP BY 1 ORDER BY 2 DESC, 1;
SELECT count(*) FROM (SELECT src FROM log UNION ALL SELECT src FROM log UNION ALL SELECT text FROM rest);
SELECT count(*) FROM (SELECT DISTINCT src, ip_id, dpt FROM log) a JOIN (SELECT DISTINCT src, ip_id, dpt FROM log) b ON a.src = b.src AND a.ip_id = b.ip_id AND a.dpt = b.dpt;
SELECT count(*) FROM log WHERE len > (SELECT avg(len) FROM log);
SELECT count(*) FROM log WHERE src NOT IN (SELECT src FROM log WHERE dpt = 22 AND src IS NOT NULL);
SELECT count(*) FROM (SELECT src FROM log LIMIT 17);
SELECT DISTINCT time, src, ip_id, dpt FROM log WHERE time IS NOT NULL ORDER BY time DESC, src, ip_id, dpt LIMIT 30;
SELECT max(r), count(*) FROM (SELECT rank() OVER (PARTITION BY src ORDER BY time) AS r FROM log);
WITH t AS (SELECT dpt, sum(n) AS s FROM log GROUP BY 1) SELECT max(s), min(s), count(*) FROM t;
SELECT network(src, 16) AS net, service(dpt), count(*) FROM log WHERE is_global(src) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2;
SELECT count(*), sum(b.c) FROM (SELECT DISTINCT ip(src) AS a FROM log) a JOIN (SELECT ip(src) AS a, count(*) AS c FROM log GROUP BY 1) b ON a.a = b.a;
SELECT class, why, count(*) FROM rest GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM log WHERE time BETWEEN '2025-12-31' AND '2026-01-01';
END

start() { # name, command...
    local name=$1
    shift
    "$@" >>"$scratch/$name.out" 2>&1 &
    pids+=($!)
    eval "$name=$!"
}
start_scheduler() {
    port=$(free_port)
    start scheduler "$sql" cluster scheduler --verbose --root "$scratch/logs" --bind "127.0.0.1:$port"
}
start_executor() { # name
    start "$1" "$sql" cluster executor --verbose --root "$scratch/logs" --scheduler "127.0.0.1:$port" \
        --port "$(free_port)" --grpc-port "$(free_port)" --vcores 1
}
registered() { # how many executors
    for _ in $(seq 600); do
        [ "$(grep -c 'eceived register executor' "$scratch/scheduler.out" || true)" -ge "$1" ] && return
        sleep 0.1
    done
    tail -5 "$scratch"/*.out
    fail "executors did not register"
}
ask() { "$sql" "${reading[@]}" --cluster "127.0.0.1:$port" "$@"; }
lines_read() { sed -n 's/.* read .*: \([0-9]*\) lines, .*/\1/p' "$scratch"/one.out "$scratch"/two.out | awk '{ s += $1 } END { print s + 0 }'; }

start_scheduler
start_executor one
start_executor two
registered 2

# Answers.
"$sql" "${reading[@]}" -f "$scratch/queries" "${files[@]}" >"$scratch/single" || fail "the query of one process"
[ "$(wc -l <"$scratch/single")" -gt 1000 ] || fail "too few rows to compare"
partitions="2 64" replans="true false" steals="false" smalls="0 1"
[ "${1:-}" = all ] && partitions="1 2 3 7 16 64" steals="false true"
cells=0
for n in $partitions; do for replan in $replans; do for steal in $steals; do for small in $smalls; do
    {
        echo "SET ballista.planner.adaptive.enabled = $replan;"
        echo "SET datafusion.execution.enable_file_stream_work_stealing = $steal;"
        echo "SET ballista.scheduler.max_partitions_per_task = $small;"
        cat "$scratch/queries"
    } >"$scratch/cell"
    ask --partitions "$n" -f "$scratch/cell" "${files[@]}" >"$scratch/cluster" ||
        fail "partitions $n, re-planning $replan, stealing $steal, small $small"
    cmp "$scratch/single" "$scratch/cluster" ||
        { diff "$scratch/single" "$scratch/cluster" | head -5; fail "partitions $n, re-planning $replan, stealing $steal, small $small"; }
    cells=$((cells + 1))
done; done; done; done
echo "answers: $cells settings x $(grep -c ';' "$scratch/queries") queries are those of one process"

# The same as fwstat's own.
"$fwstat" top --by src -n 0 "${reading[@]}" "${files[@]}" | cut -f 1,2 | sort >"$scratch/top"
ask "SELECT src, sum(n) FROM log WHERE src IS NOT NULL GROUP BY 1" "${files[@]}" | sort >"$scratch/cluster"
cmp "$scratch/top" "$scratch/cluster" || fail "fwstat top counts otherwise"

# Every line is read once, by both.
plain="$scratch/logs/kern.log"
for n in 1 2 3 7 16 64; do
    : >"$scratch/one.out"; : >"$scratch/two.out"
    ask --partitions "$n" "SELECT count(*) FROM log" "$plain" >/dev/null
    [ "$(lines_read)" = "$(wc -l <"$plain")" ] || fail "$(lines_read) lines were read of $(wc -l <"$plain") at $n partitions"
    [ "$n" = 1 ] || { grep -q ' read ' "$scratch/one.out" && grep -q ' read ' "$scratch/two.out"; } || fail "one executor did nothing at $n"
done
echo "reading: every line once at 1 to 64 partitions, by both executors"

# A client or a server of another version.
python3 - "$sql" "$scratch/other" <<'END'
import sys
program = open(sys.argv[1], 'rb').read()
assert b', messages 2' in program
open(sys.argv[2], 'wb').write(program.replace(b', messages 2', b', messages 9'))
END
chmod +x "$scratch/other"
if said=$(sql="$scratch/other" ask "SELECT count(*) FROM log" "$plain" 2>&1); then fail "another version was served: $said"; fi
grep -q 'all must be the same' <<<"$said" || fail "another version: $said"
rm "$scratch/other"
# Files that are not served.
cp "$plain" "$scratch/outside.log"
if said=$(ask "SELECT count(*) FROM log" "$scratch/outside.log" 2>&1); then fail "a file beside the root was served: $said"; fi
grep -q 'not below' <<<"$said" || fail "a file beside the root: $said"
echo "refused: another version, a file that is not served"

# Faults while a query runs: 400 MB, so that there is time.
for _ in $(seq 50); do cat "$plain"; done >"$scratch/logs/long.log"
long="$scratch/logs/long.log"
question="SELECT src, sum(n) FROM log GROUP BY 1 ORDER BY 2 DESC, 1"
"$sql" "${reading[@]}" "$question" "$plain" | awk -F '\t' -v OFS='\t' '{ $2 *= 50; print }' >"$scratch/wanted"
begun() { # waits until a piece was read
    for _ in $(seq 600); do grep -q ' read ' "$scratch/one.out" "$scratch/two.out" && return; sleep 0.05; done
    fail "nothing was read"
}
idle() { # waits until nothing of an earlier query is read any more
    local before=-1
    while [ "$(lines_read)" != "$before" ]; do before=$(lines_read); sleep 2; done
    : >"$scratch/one.out"; : >"$scratch/two.out"
}
running() { # asks in the background
    idle
    (set +e; ask --partitions 64 "$question" "$long" >"$scratch/answer" 2>"$scratch/said"; echo $? >"$scratch/code") &
    query=$!
    begun
}
# Grown: what came later is not read.
running
cat "$plain" >>"$long"
wait "$query"
[ "$(cat "$scratch/code")" = 0 ] && cmp "$scratch/answer" "$scratch/wanted" || fail "a file that grew: $(cat "$scratch/said")"
truncate -s $((50 * $(stat -c %s "$plain"))) "$long"
# Shorter: an error.
running
truncate -s 1000000 "$long"
wait "$query"
[ "$(cat "$scratch/code")" = 2 ] && [ ! -s "$scratch/answer" ] || fail "a file that became shorter: $(cat "$scratch/code" "$scratch/said")"
rm "$long"
for _ in $(seq 50); do cat "$plain"; done >"$long"
# Not wanted any more: the job ends.
idle
"$sql" "${reading[@]}" --cluster "127.0.0.1:$port" --partitions 64 "$question" "$long" >"$scratch/answer" 2>"$scratch/said" &
query=$!
begun
kill -INT "$query" || fail "it ended before it was interrupted: $(head -c 300 "$scratch/said") $(wc -l <"$scratch/answer") $(tail -n 3 "$scratch/one.out")"
code=0; wait "$query" || code=$?
[ "$code" = 130 ] || fail "interrupted: exit code $code"
sleep 3
before=$(lines_read); sleep 3
[ "$(lines_read)" = "$before" ] && [ "$before" -lt "$(wc -l <"$long")" ] || fail "an interrupted query goes on"
echo "files: one that grows is read as it was, one that shrinks is an error; an interrupted query ends"
# One executor dies: the same answer, or an error.
running
kill -9 "$one"
wait "$query"
case $(cat "$scratch/code") in
0) cmp "$scratch/answer" "$scratch/wanted" || fail "another answer when an executor died"; how="the same answer" ;;
2) how="an error: $(head -c 200 "$scratch/said")" ;;
*) fail "one executor killed: exit code $(cat "$scratch/code")" ;;
esac
echo "one executor killed: $how"
# Both die: an error within a minute.
running
kill -9 "$two"
SECONDS=0
wait "$query"
[ "$(cat "$scratch/code")" = 2 ] || fail "no executor is left, and the code is $(cat "$scratch/code")"
[ "$SECONDS" -lt 60 ] || fail "$SECONDS seconds until it was told that no executor is left"
echo "both killed: told after $SECONDS s: $(head -c 200 "$scratch/said")"
