#!/bin/bash
# Whether work is doubled on a cluster, and how evenly it is dealt: CPU seconds of each executor for the question of
# `fwstat top --by src`, with 1, 2 and 4 executors as processes on this machine. The sum is at most 1.05 of what one alone
# takes, and the busiest takes at most 1.10 of the mean, so that N machines are at least N / 1.155 times as fast.
#
#     benches/scaling.sh LOG [ROUNDS]
#
# Needs a release build of fwstat-sql with the feature `cluster`: $FWSTAT_SQL; and of fwstat: $FWSTAT. A log of 1 GB is
# enough. Tasks go to whoever is free: where other programs have one processor and not the other, executors do not have the
# same part of the work, and should not. `BEFORE="chrt -r 1"` (as root) lets them have their processors.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(realpath "$1")
rounds=${2:-5}
fwstat=${FWSTAT:-target/release/fwstat}
sql=${FWSTAT_SQL:-crates/fwstat-sql/target/release/fwstat-sql}
. benches/processes.sh
question="SELECT src, sum(n) FROM log WHERE src <> '' GROUP BY 1 ORDER BY 2 DESC, ip(src) LIMIT 20"
tick=$(getconf CLK_TCK)
# User and system time of a process, in ticks.
cpu() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }
processors=$(nproc)
# The same for all, so that nothing but the number of executors is another.
parts=16

/usr/bin/time -f '%U %S' -o "$scratch/time" "$fwstat" top --by src -n 20 --no-config --no-progress --format tsv -H "$log" |
    cut -f 1,2 >"$scratch/wanted"
awk '{ printf "fwstat top: %.2f s\n", $1 + $2 }' "$scratch/time"
for n in 1 2 4; do
    port=$(free_port)
    : >"$scratch/scheduler.out"
    "$sql" cluster scheduler --verbose --root "$(dirname "$log")" --bind "127.0.0.1:$port" >"$scratch/scheduler.out" 2>&1 &
    scheduler=$!
    pids=("$scheduler")
    executors=()
    for i in $(seq "$n"); do
        ${BEFORE:-} taskset -c $(((i - 1) % processors)) "$sql" cluster executor --root "$(dirname "$log")" \
            --scheduler "127.0.0.1:$port" --port "$(free_port)" --grpc-port "$(free_port)" --vcores 1 >"$scratch/$i.out" 2>&1 &
        executors+=($!)
        pids+=($!)
    done
    for _ in $(seq 600); do
        [ "$(grep -c 'eceived register executor' "$scratch/scheduler.out" || true)" -ge "$n" ] && break
        sleep 0.1
    done
    # The first answer is not measured.
    "$sql" --no-config --format tsv -H --cluster "127.0.0.1:$port" --partitions "$parts" "$question" "$log" >"$scratch/answer"
    cmp "$scratch/wanted" "$scratch/answer" || { echo "$n executors: another answer"; exit 1; }
    for _ in $(seq "$rounds"); do
        before=()
        for pid in "${executors[@]}" "$scheduler"; do before+=("$(cpu "$pid")"); done
        "$sql" --no-config --format tsv -H --cluster "127.0.0.1:$port" --partitions "$parts" "$question" "$log" >/dev/null
        line="$n"
        at=0
        for pid in "${executors[@]}" "$scheduler"; do
            line="$line $(($(cpu "$pid") - before[at]))"
            at=$((at + 1))
        done
        echo "$line" >>"$scratch/ticks"
    done
    end
done
# Of each round the sum, and the busiest beside the mean; medians of these.
awk -v tick="$tick" '
    function median(name, n,   i, j, x) {
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
            if (value[name, j] < value[name, i]) { x = value[name, i]; value[name, i] = value[name, j]; value[name, j] = x }
        return value[name, int((n + 1) / 2)]
    }
    {
        sum = most = 0
        for (i = 2; i <= $1 + 1; i++) { sum += $i; if ($i > most) most = $i }
        rounds[$1]++
        value["sum " $1, rounds[$1]] = sum / tick
        value["most " $1, rounds[$1]] = most / (sum / $1)
        value["scheduler " $1, rounds[$1]] = $($1 + 2) / tick
    }
    END {
        for (k = 1; k <= 4; k *= 2) {
            sum = median("sum " k, rounds[k]); most = median("most " k, rounds[k])
            if (k == 1) alone = sum
            printf "%d executors: %.2f s in all (%.2f of one alone), the busiest %.2f of the mean, scheduler %.2f s: speed-up %.2f\n",
                k, sum, sum / alone, most, median("scheduler " k, rounds[k]), alone / (most * sum / k)
            if (sum > 1.05 * alone || most > 1.10) bad = 1
        }
        if (bad) { print "FAILED: more than 1.05 of one alone, or more than 1.10 of the mean"; exit 1 }
    }' "$scratch/ticks"
