#!/bin/bash
# Whether work is doubled on a cluster, and how evenly it is dealt: CPU seconds of each executor for the question of
# `fwstat top --by src`, with 1, 2 and 4 executors as processes on this machine. The sum is at most 1.05 of what one alone
# takes, and the busiest takes at most 1.10 of the mean, so that N machines are at least N / 1.155 times as fast.
#
#     benches/scaling.sh LOG [ROUNDS]
#
# Needs a release build of fwstat-sql with the feature `cluster`: $FWSTAT_SQL; and of fwstat: $FWSTAT. A log of 1 GB is
# enough. Each executor is bound to one processor, and one round asks all three clusters after each other, since a second of a
# shared machine is not always worth the same. Work goes to whoever is free: where other programs have one processor and
# not the other, executors do not have the same part of it, and should not. So, if it may (as root), it lets them go before all
# other programs.
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
first=()
# What is between two steps lies in memory, if it may: a disk that others write to takes another time each time.
between=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || between=/dev/shm
# A nice value is not enough: it counts within a session only, where the kernel groups processes by sessions.
if chrt -r 1 true 2>/dev/null; then first=(chrt -r 1); fi
# The same for all, so that nothing but the number of executors is another: one for each executor of the largest cluster.
parts=${PARTS:-4}

/usr/bin/time -f '%U %S' -o "$scratch/time" "$fwstat" top --by src -n 20 --no-config --no-progress --format tsv -H "$log" |
    cut -f 1,2 >"$scratch/wanted"
awk '{ printf "fwstat top: %.2f s\n", $1 + $2 }' "$scratch/time"
clusters="1 2 4"
declare -A port scheduler executors
for n in $clusters; do
    port[$n]=$(free_port)
    : >"$scratch/scheduler$n.out"
    "${first[@]}" "$sql" cluster scheduler --verbose --root "$(dirname "$log")" --bind "127.0.0.1:${port[$n]}" \
        >"$scratch/scheduler$n.out" 2>&1 &
    scheduler[$n]=$!
    pids+=($!)
    for i in $(seq "$n"); do
        TMPDIR=$between "${first[@]}" taskset -c $(((i - 1) % processors)) "$sql" cluster executor --root "$(dirname "$log")" \
            --scheduler "127.0.0.1:${port[$n]}" --port "$(free_port)" --grpc-port "$(free_port)" --vcores 1 \
            >"$scratch/executor$n.$i.out" 2>&1 &
        executors[$n]+="$! "
        pids+=($!)
    done
    for _ in $(seq 600); do
        [ "$(grep -c 'eceived register executor' "$scratch/scheduler$n.out" || true)" -ge "$n" ] && break
        sleep 0.1
    done
done
ask() { # executors
    /usr/bin/time -f '%U %S %e' -o "$scratch/time" \
        "$sql" --no-config --format tsv -H --cluster "127.0.0.1:${port[$1]}" --partitions "$parts" "$question" "$log" >"$scratch/answer"
    cmp "$scratch/wanted" "$scratch/answer" || fail "$1 executors: another answer"
}
# The first answer is not measured.
for n in $clusters; do ask "$n"; done
for _ in $(seq "$rounds"); do
    for n in $clusters; do
        before=()
        for pid in ${executors[$n]} "${scheduler[$n]}"; do before+=("$(cpu "$pid")"); done
        ask "$n"
        line="$n"
        at=0
        for pid in ${executors[$n]} "${scheduler[$n]}"; do
            line="$line $(($(cpu "$pid") - before[at]))"
            at=$((at + 1))
        done
        echo "$line $(cat "$scratch/time")" >>"$scratch/ticks"
    done
done
# Of each round the sum beside that of one alone in this round, and the busiest beside the mean; medians of these.
[ -z "${SHOW:-}" ] || cat "$scratch/ticks"
awk -v tick="$tick" '
    function median(name, n,   i, j, x) {
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
            if (value[name, j] < value[name, i]) { x = value[name, i]; value[name, i] = value[name, j]; value[name, j] = x }
        return value[name, int((n + 1) / 2)]
    }
    {
        sum = most = 0
        for (i = 2; i <= $1 + 1; i++) { sum += $i; if ($i > most) most = $i }
        if ($1 == 1) alone = sum
        round = ++rounds[$1]
        value["sum " $1, round] = sum / tick
        value["ratio " $1, round] = sum / alone
        value["most " $1, round] = most / (sum / $1)
        value["scheduler " $1, round] = $($1 + 2) / tick
        value["client " $1, round] = $($1 + 3) + $($1 + 4)
        value["clock " $1, round] = $($1 + 5)
    }
    END {
        for (k = 1; k <= 4; k *= 2) {
            n = rounds[k]; ratio = median("ratio " k, n); most = median("most " k, n)
            printf "%d executors: %.2f s in all (%.2f of one alone), the busiest %.2f of the mean, scheduler %.2f s, client %.2f s: speed-up %.2f\n",
                k, median("sum " k, n), ratio, most, median("scheduler " k, n), median("client " k, n), k / (most * ratio)
            if (ratio > 1.05 || most > 1.10) bad = 1
        }
        if (bad) { print "FAILED: more than 1.05 of one alone, or more than 1.10 of the mean"; exit 1 }
    }' "$scratch/ticks"
