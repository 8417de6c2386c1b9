#!/bin/sh
# Instructions per byte, counted by callgrind: a gate that does not care how busy the machine is.
#
#     benches/instructions.sh            compare with benches/instructions.txt: more than 3 % off fails
#     benches/instructions.sh --update   write what is counted into benches/instructions.txt
#
# FWSTAT=PATH counts a program that is built already.
#
# The corpus is the beginning of the generator's 1 GB log, the same bytes everywhere: a few hours of
# a busy log, so that what a scan learns once a day does not hide what a line costs. A change of compiler or of the memchr
# crate may move the numbers: then look, and update. Fewer instructions fail as well, so that the
# file always says what holds.
set -eu
cd "$(dirname "$0")/.."
baseline=benches/instructions.txt
limit=3
lines=20000

if ! command -v valgrind >/dev/null; then
    echo "skipped: instruction counts: valgrind is not installed"
    exit 0
fi

target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p fwstat-bench
if [ -z "${FWSTAT-}" ]; then
    cargo build --quiet --release -p fwstat
    FWSTAT=$target/release/fwstat
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
corpus=$scratch/corpus.log
"$target/release/corpus" 1000000000 50000 1.1 0 1 | head -n $lines >"$corpus"
size=$(wc -c <"$corpus")

# NAME COMMAND...: counts, and prints instructions per byte.
count() {
    name=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >"$scratch/$name.out" 2>"$scratch/$name.err" || {
        echo "$name: the program failed under valgrind:" >&2
        tail -5 "$scratch/$name.err" >&2
        exit 2
    }
    instructions=$(sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$scratch/$name.err")
    awk -v name="$name" -v n="$instructions" -v size="$size" 'BEGIN { printf "%s %.3f\n", name, n / size }'
}

{
    for kind in read grammar few full; do
        count $kind "$target/release/work" $kind "$corpus"
    done
    count top "$FWSTAT" top --by src -n 10 --prefix tcp.in.dropped --threads 1 --json "$corpus"
} >"$scratch/counted"

# Both engines found the same packets, and the same in them.
if ! cmp -s "$scratch/grammar.out" "$scratch/full.out"; then
    echo "the engines differ: grammar $(cat "$scratch/grammar.out"), scan $(cat "$scratch/full.out")" >&2
    exit 1
fi

if [ "${1-}" = --update ]; then
    {
        echo "# Instructions per byte; benches/instructions.sh --update writes this file."
        echo "# read: std::fs::read and memchr; grammar: nom, every line; few: scan, four fields;"
        echo "# full: scan, every field; top: fwstat top --by src, one thread, whole process."
        cat "$scratch/counted"
    } >$baseline
    cat $baseline
    exit 0
fi

awk -v limit=$limit '
    FNR == NR { if ($1 !~ /^#/) known[$1] = $2; next }
    {
        if (!($1 in known)) { print $1 ": not in the baseline"; bad = 1; next }
        change = ($2 / known[$1] - 1) * 100
        off = change > limit || change < -limit
        printf "%-8s %7.3f instructions/byte, baseline %7.3f (%+.1f %%)%s\n", $1, $2, known[$1], change, off ? "  <-- off" : ""
        bad = bad || off
    }
    END { exit bad }' $baseline "$scratch/counted" || {
    echo "instruction counts differ by more than $limit %: find out why, then benches/instructions.sh --update" >&2
    exit 1
}
