#!/bin/sh
# Instructions per byte, counted by callgrind: a gate that does not care how busy the machine is.
#
#     benches/instructions.sh            compare with benches/instructions.txt: more than 3 % off fails
#     benches/instructions.sh --update   write what is counted into benches/instructions.txt
#
# FWSTAT=PATH counts a program that is built already.
#
# Counted is what the second half of a corpus adds, so that what starting a program costs, and what
# a scan learns at first, is left out. The corpus is the beginning of the generator's 1 GB log, the
# same bytes everywhere. Another compiler, another processor family or a machine without AVX2 (for
# memchr) has other numbers: there the counts are printed and nothing fails. Fewer instructions
# fail as well, so that the file always says what holds: look, and update.
set -eu
cd "$(dirname "$0")/.."
baseline=benches/instructions.txt
limit=3
lines=20000

# Said as tests say it: .ci/run counts what is appended to the file that SKIPPED names.
skipped() {
    echo "skipped: benches/instructions.sh: $1" | tee -a "${SKIPPED:-/dev/null}"
}

if ! command -v valgrind >/dev/null; then
    skipped "valgrind is not installed"
    exit 0
fi
avx2=$(grep -qw avx2 /proc/cpuinfo 2>/dev/null && echo avx2 || echo no-avx2)
where="$(rustc -V | cut -d' ' -f1,2), $(uname -m), $avx2"

target=${CARGO_TARGET_DIR:-target}
cargo build --locked --quiet --release -p fwstat-bench
if [ -z "${FWSTAT-}" ]; then
    cargo build --locked --quiet --release -p fwstat
    FWSTAT=$target/release/fwstat
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$target/release/corpus" 1000000000 50000 1.1 0 1 | head -n $((2 * lines)) >"$scratch/whole.log"
head -n $lines "$scratch/whole.log" >"$scratch/half.log"
added=$(($(wc -c <"$scratch/whole.log") - $(wc -c <"$scratch/half.log")))

# PROGRAM ARGUMENT...: instructions of a run.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" >"$scratch/out" 2>"$scratch/err" || {
        echo "the program failed under valgrind: $*" >&2
        tail -5 "$scratch/err" >&2
        exit 2
    }
    sed -n 's/.*Collected : *\([0-9]*\).*/\1/p' "$scratch/err"
}

# NAME COMMAND...: instructions per byte that the second half adds; keeps the output of the whole.
count() {
    name=$1
    shift
    half=$(instructions "$@" "$scratch/half.log")
    whole=$(instructions "$@" "$scratch/whole.log")
    mv "$scratch/out" "$scratch/$name.out"
    awk -v name="$name" -v n=$((whole - half)) -v size=$added 'BEGIN { printf "%s %.3f\n", name, n / size }'
}

{
    for kind in read grammar few full; do
        count $kind "$target/release/work" $kind
    done
    count top "$FWSTAT" top --by src -n 10 --prefix tcp.in.dropped --threads 1 --json
} >"$scratch/counted"

# Both engines found the same packets, and the same in them.
if ! cmp -s "$scratch/grammar.out" "$scratch/full.out"; then
    echo "the engines differ: grammar $(cat "$scratch/grammar.out"), scan $(cat "$scratch/full.out")" >&2
    exit 1
fi

if [ "${1-}" = --update ]; then
    {
        echo "# Instructions per byte; benches/instructions.sh --update writes this file."
        echo "# read: read the file in chunks and find line ends; grammar: nom, every line; few: scan, four"
        echo "# fields; full: scan, every field; top: fwstat top --by src, one thread, whole process."
        echo "# counted with: $where"
        cat "$scratch/counted"
    } >$baseline
    cat $baseline
    exit 0
fi

if ! grep -qxF "# counted with: $where" $baseline; then
    skipped "the baseline was $(sed -n 's/^# //;/^counted with/p' $baseline); here it is $where"
    cat "$scratch/counted"
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
