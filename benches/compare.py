#!/usr/bin/env python3
"""fwstat beside every other program at hand, on one log, end to end.

    benches/compare.py CORPUS [ROUNDS] [--set peers|questions|engines|packed|small] [--ask 1|3]
                       [--fwstat PATH] [--python PATH] [--only "NAME;..."] [--prefix TEXT]

The question: the ten most frequent sources of the lines whose prefix is `tcp.in.dropped `; with --ask 3
also the ten most frequent ports with their protocol, and protocols (`fwstat top` answers these and one
more; the others answer in one pass as well, but for grep). Those that answer it
(fwstat, mawk, grep|sort|uniq, DuckDB, polars, ClickHouse's chdb) must give the
same answer, or the script ends with 1; `rg -c` and `wc -l`, which only count, are measured
beside them as what a machine can do. A program that is not there is left out with a word.

One round of warming up, then ROUNDS (7) rounds in which all run in turn: machines drift, so only
runs side by side can be compared. The table on standard output is Markdown: medians, and ratios
of medians. The corpus is locked into memory by this process while it runs: some machines drop
file pages from the cache within a minute, and then the disk is measured.

--set: `peers` is the above. `questions`: other questions beside the plain `top`. `engines`: every field
of every line by the scan and by the grammar (`target/release/work`) beside `rg -c`. `packed`: the corpus
packed by gzip and zstd, whole and in two halves (made in a scratch folder), beside zcat and zstd with
mawk behind them. `small`: the first five lines.

--fwstat: the program (target/release/fwstat). --python: an interpreter that has the packages
duckdb, polars or chdb (this one).
"""
import argparse
import collections
import ctypes
import ipaddress
import json
import mmap
import os
import resource
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TOP = 10
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Every program prints lines of `KIND COUNT KEY`: src, dport (PORT/PROTOCOL), proto.
AWK_SOURCE = """index($0, " " PREFIX) {
    rest = substr($0, index($0, " SRC=") + 5, 40)
    src[substr(rest, 1, index(rest, " ") - 1)]++
"""
AWK = {
    1: AWK_SOURCE + """} END { for (key in src) print "src", src[key], key }""",
    3: AWK_SOURCE + """
    rest = substr($0, index($0, " PROTO=") + 7)
    end = index(rest, " ")
    name = end ? substr(rest, 1, end - 1) : rest
    proto[name]++
    if (at = index(rest, " DPT=")) {
        rest = substr(rest, at + 5, 6)
        dport[substr(rest, 1, index(rest, " ") - 1) "/" name]++
    }
} END {
    for (key in src) print "src", src[key], key
    for (key in dport) print "dport", dport[key], key
    for (key in proto) print "proto", proto[key], key
}""",
}

COUNT = "sort | uniq -c | sort -rn | head -200"
GREP_SOURCE = "grep -F {tag} {path} | grep -o ' SRC=[^ ]*' | " + COUNT + " | sed 's/SRC=//; s/^/src /'"
GREP = {
    1: GREP_SOURCE,
    3: GREP_SOURCE + """
        grep -F {tag} {path} | grep -o ' PROTO=[^ ]*' | """ + COUNT + """ | sed 's/PROTO=//; s/^/proto /'
        grep -F {tag} {path} | grep -o 'PROTO=[^ ]* SPT=[0-9]* DPT=[0-9]*' |
            sed -E 's|PROTO=(.*) SPT=.* DPT=(.*)|\\2/\\1|' | """ + COUNT + """ | sed 's/^/dport /'""",
}

DUCKDB = """
import duckdb, sys
path, prefix, threads, ask = sys.argv[1:]
db = duckdb.connect()
db.execute("SET threads=" + threads)
db.execute("SET enable_progress_bar=false")
fields = {"src": "SRC"} if ask == "1" else {"src": "SRC", "proto": "PROTO", "port": "DPT"}
values = ", ".join(f"split_part(split_part(line, ' {key}=', 2), ' ', 1) AS {name}" for name, key in fields.items())
db.execute(f'''
    CREATE TEMP TABLE found AS SELECT count(*) AS n, {", ".join(fields)} FROM (SELECT {values}
    FROM read_csv(?, columns={{'line': 'VARCHAR'}}, delim=chr(1), quote='', escape='', header=false, auto_detect=false)
    WHERE contains(line, ?)) GROUP BY ALL''', [path, " " + prefix])
for kind, key in (("src", "src"), ("proto", "proto"), ("dport", "port || '/' || proto"))[:int(ask)]:
    only = "WHERE port <> ''" if kind == "dport" else ""
    rows = db.execute(f'''SELECT sum(n)::BIGINT AS n, {key} AS k FROM found {only}
        GROUP BY k ORDER BY n DESC LIMIT 200''').fetchall()
    for n, text in rows: print(kind, n, text)
"""

POLARS = """
import os, sys
path, prefix, threads, ask = sys.argv[1:]
os.environ["POLARS_MAX_THREADS"] = threads
import polars as pl
line = pl.col("line")
lines = pl.scan_csv(path, has_header=False, separator=chr(1), quote_char=None, schema={"line": pl.String})
fields = [line.str.extract(" SRC=([^ ]+)").alias("src")]
if ask == "3":
    fields += [line.str.extract(" PROTO=([^ ]+)").alias("proto"), line.str.extract(" DPT=([0-9]+)").alias("port")]
found = (lines.filter(line.str.contains(" " + prefix, literal=True)).select(fields)
         .group_by(pl.all()).agg(pl.len().alias("n")).collect(engine="streaming"))
if ask == "3":
    found = found.with_columns((pl.col("port") + "/" + pl.col("proto")).alias("dport"))
for kind in ("src", "proto", "dport")[:int(ask)]:
    top = found.filter(pl.col(kind).is_not_null()).group_by(kind).agg(pl.col("n").sum()).top_k(200, by="n")
    for key, n in top.iter_rows(): print(kind, n, key)
"""

CHDB = """
import sys
path, prefix, threads, ask = sys.argv[1:]
from chdb import session
db = session.Session()
quoted = lambda text: "'" + text.replace(chr(92), chr(92) * 2).replace("'", chr(92) + "'") + "'"
fields = "substring(line, position(line, ' SRC=') + 5, 40) AS rest, substring(rest, 1, position(rest, ' ') - 1) AS src"
if ask == "3":
    fields += ''', substring(line, position(line, ' PROTO=') + 7) AS tail, splitByChar(' ', tail)[1] AS proto,
        position(tail, ' DPT=') AS at, if(at = 0, '', splitByChar(' ', substring(tail, at + 5, 8))[1]) AS port'''
keys = "src" if ask == "1" else "src, proto, port"
db.query("CREATE DATABASE d")
db.query(f'''CREATE TABLE d.found ENGINE = Memory AS SELECT {keys}, count() AS n FROM (SELECT {fields}
    FROM file({quoted(path)}, LineAsString, 'line String') WHERE position(line, {quoted(' ' + prefix)}) > 0)
    GROUP BY {keys} SETTINGS max_threads = {threads}''')
for kind, key in (("src", "src"), ("proto", "proto"), ("dport", "concat(port, '/', proto)"))[:int(ask)]:
    only = "WHERE port <> ''" if kind == "dport" else ""
    print(db.query(f'''SELECT concat('{kind} ', toString(sum(n)), ' ', {key} AS k) FROM d.found {only}
        GROUP BY k ORDER BY sum(n) DESC LIMIT 200''', "TSVRaw"))
"""


def fwstat(args, *more, files=None):
    by = ["--by", "src"] if args.ask == 1 else []
    return [args.fwstat, "top", *by, "-n", str(TOP), "--prefix", args.prefix.strip(), "--json", *more,
            *(files or [args.corpus])]


def questions(args, _):
    """Other questions, each beside the plain one."""
    plain = [args.fwstat, "top", "-n", str(TOP), "--prefix", args.prefix.strip(), "--json", "--threads", "2"]
    for name, more in (
            ("top --by src", ["--by", "src"]),
            ("top --by src,dport", ["--by", "src,dport"]),
            ("top --by prefix,proto,dport", ["--by", "prefix,proto,dport"]),
            ("top --by dport", ["--by", "dport"]),
            ("top, all four tables", []),
            ("top --by src -s '!10.0.0.0/8' --dport 1:1023", ["--by", "src", "-s", "!10.0.0.0/8", "--dport", "1:1023"]),
            ("top --by src --where 'proto == tcp and dport < 1024'",
             ["--by", "src", "--where", "proto == tcp and dport < 1024"])):
        yield name, [*plain, *more, args.corpus], False
    yield ("timeline --by proto", [args.fwstat, "timeline", "--by", "proto", "--prefix", args.prefix.strip(), "--json",
                                   "--threads", "2", args.corpus], False)
    yield "overview", [args.fwstat, "--json", "--threads", "2", args.corpus], False


def engines(args, _):
    """One thread, no counting: every field of every line."""
    work = os.path.join(os.path.dirname(os.path.abspath(args.fwstat)), "work")
    yield "rg -c -F (counts only)", ["rg", "-c", "-F", args.prefix.strip(), args.corpus], False
    for kind, name in (("read", "read and find line ends"), ("few", "scan, four fields"),
                       ("full", "scan, every field"), ("grammar", "nom grammar, every field")):
        yield name, [work, kind, args.corpus], False


def packed(args, scratch):
    """Packed files, one and two."""
    size = os.path.getsize(args.corpus)
    middle = size // 2
    with open(args.corpus, "rb") as log:
        log.seek(middle)
        middle += len(log.readline())
    path, prefix = shlex.quote(args.corpus), shlex.quote(args.prefix)
    for form, tool, unpack in (("gz", "gzip -6" if not shutil.which("pigz") else "pigz -6", "zcat"),
                               ("zst", "zstd -3 -q", "zstd -dc")):
        if not shutil.which(tool.split()[0]):
            print(f"left out: {form}: no {tool.split()[0]}", file=sys.stderr)
            continue
        one, two = os.path.join(scratch, f"one.log.{form}"), [os.path.join(scratch, f"{n}.log.{form}") for n in "ab"]
        for command, target in ((f"cat {path}", one), (f"head -c {middle} {path}", two[0]),
                                (f"tail -c +{middle + 1} {path}", two[1])):
            subprocess.run(["sh", "-c", f"{command} | {tool} > {target}"], check=True)
        yield f"fwstat top, {form}, 2 threads", fwstat(args, "--threads", "2", files=[one]), True
        yield f"fwstat top, {form}, two files, 2 threads", fwstat(args, "--threads", "2", files=two), True
        if shutil.which("mawk"):
            awk = f"mawk -v PREFIX={prefix} {shlex.quote(AWK[args.ask])}"
            yield f"{unpack} \\| mawk, {form}", ["sh", "-c", f"{unpack} {one} | {awk}"], True


def small(args, scratch):
    """A file of five lines: what starting costs."""
    path = os.path.join(scratch, "five.log")
    with open(args.corpus, "rb") as log, open(path, "wb") as five:
        five.writelines(log.readline() for _ in range(5))
    yield "fwstat top, five lines", fwstat(args, files=[path]), False
    yield "rg -c -F, five lines", ["rg", "-c", "-F", "kernel", path], False


def peers(args, _):
    """Name, command, and whether it answers the question."""
    path, prefix = args.corpus, args.prefix
    rest = shlex.quote(path)
    tag = shlex.quote(" " + prefix)
    yield "fwstat top, 2 threads", fwstat(args, "--threads", "2"), True
    yield "fwstat top, 1 thread", fwstat(args, "--threads", "1"), True
    yield "rg -c -F (counts only)", ["rg", "-c", "-F", prefix.strip(), path], False
    yield "wc -l (counts only)", ["wc", "-l", path], False
    yield "mawk, index and substr", ["mawk", "-v", "PREFIX=" + prefix, AWK[args.ask], path], True
    yield "grep \\| grep -o \\| sort \\| uniq -c", ["sh", "-c", GREP[args.ask].format(tag=tag, path=rest)], True
    for module, script in (("duckdb", DUCKDB), ("polars", POLARS), ("chdb", CHDB)):
        if subprocess.run([args.python, "-c", f"import importlib.util as u; exit(u.find_spec('{module}') is None)"],
                          capture_output=True).returncode:
            print(f"left out: {module}: {args.python} does not have it", file=sys.stderr)
            continue
        for threads in ("2", "1"):
            name = f"{module}, {threads} thread" + ("s" if threads == "2" else "")
            yield name, [args.python, "-c", script, path, prefix, threads, str(args.ask)], True


SETS = {"peers": peers, "questions": questions, "engines": engines, "packed": packed, "small": small}


def contenders(args, scratch):
    """Name, command, and whether it answers the question, of all that are there."""
    out = []
    for name, command, answers in SETS[args.set](args, scratch):
        if shutil.which(command[0]):
            out.append((name, command, answers))
        else:
            print(f"left out: {name}: no {command[0]}", file=sys.stderr)
    if args.only:
        out = [item for item in out if any(word in item[0] for word in args.only.split(";"))]
    if not out:
        sys.exit("nothing is left to run")
    return out


def plain(kind, text):
    """One spelling: IPv6 is in full in the log, protocols may be names or numbers."""
    if kind == "src":
        return str(ipaddress.ip_address(text))
    port, slash, name = text.rpartition("/")
    number = name if name.isdigit() else socket.getprotobyname(name.lower().replace("icmpv6", "ipv6-icmp"))
    return f"{port}{slash}{number}"


def answer(output):
    """Of each kind the counts of the ten most frequent keys, and the keys whose place is certain.

    Ties at the end may be broken in any way: keys that share the last count are not compared."""
    text = output.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        rows = fwstat_rows(json.loads(text))
    else:
        rows = [line.split() for line in filter(str.strip, text.splitlines())]
    counts = collections.defaultdict(collections.Counter)
    for kind, n, key in rows:
        counts[kind][plain(kind, key)] += int(n)
    found = {}
    for kind, keys in sorted(counts.items()):
        top = sorted(keys.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        last = top[-1][1]
        found[kind] = [n for _, n in top], sorted(key for key, n in top if n > last)
    return found


def fwstat_rows(document):
    for table in document["tables"]:
        for row in table["rows"]:
            match table["by"]:
                case ["src"]:
                    yield "src", row["count"], row["src"]
                case ["proto"]:
                    yield "proto", row["count"], row["proto"]
                case ["dport", "proto"] if "dport" in row:
                    yield "dport", row["count"], f"{row['dport']}/{row['proto']}"


def hold(path):
    """Locks the file's pages into memory; they are let go when this process ends."""
    unlimited = resource.RLIM_INFINITY
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (unlimited, unlimited))
    except (ValueError, PermissionError):
        pass
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    libc.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        pages = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    if pages in (None, ctypes.c_void_p(-1).value) or libc.mlock(pages, size):
        print(f"warning: {path} is not locked into memory: {os.strerror(ctypes.get_errno())}", file=sys.stderr)


def run(command):
    """Wall seconds, CPU seconds, output. The output goes to a file: some programs work less when
    they write to /dev/null, and pipes are slow on virtual machines."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=errors, env={**os.environ, "LC_ALL": "C"})
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            errors.seek(0)
            message = errors.read().decode("utf-8", "replace")[-500:]
            sys.exit(f"{shlex.join(command)[:200]} ends with {child.returncode}: {message}")
        out.seek(0)
        return wall, usage.ru_utime + usage.ru_stime, out.read()


def peak_mib(command):
    """Peak resident MiB, in a run of its own below time(1): a child of this process would be
    charged with this process's memory. None without time(1)."""
    if not os.path.exists("/usr/bin/time"):
        return None
    with tempfile.NamedTemporaryFile("r") as report:
        run(["/usr/bin/time", "-o", report.name, "-f", "%M", *command])
        return int(report.read().split()[-1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("rounds", nargs="?", type=int, default=7)
    parser.add_argument("--set", choices=SETS, default="peers")
    parser.add_argument("--ask", type=int, choices=(1, 3), default=1, help="how many questions at a time")
    parser.add_argument("--fwstat", default=os.path.join(ROOT, "target/release/fwstat"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", help="names, or parts of names, of what to run")
    parser.add_argument("--prefix", default="tcp.in.dropped ", help="with its blank")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("at least one round")
    if not shutil.which(args.fwstat):
        parser.error(f"{args.fwstat} is not there: cargo build --release -p fwstat, or --fwstat PATH")
    hold(args.corpus)
    with tempfile.TemporaryDirectory() as scratch:
        compare(args, contenders(args, scratch))


def compare(args, items):
    size = os.path.getsize(args.corpus)
    runs = {name: [] for name, _, _ in items}
    answers = {}
    peaks = {name: peak_mib(command) for name, command, _ in items}
    for round_number in range(args.rounds + 1):
        for name, command, answers_it in items:
            wall, cpu, output = run(command)
            if answers_it:
                found = answer(output)
                if answers.setdefault(name, found) != found:
                    sys.exit(f"{name}: two runs, two answers")
            if round_number:
                runs[name].append((wall, cpu))
    agreed = [name for name in answers if answers[name] == next(iter(answers.values()))]
    first = next(iter(runs))
    median = {name: [statistics.median(run[i] for run in runs[name]) for i in range(2)] for name in runs}
    print(f"{os.path.basename(args.corpus)}: {size:,} bytes; medians of {args.rounds} interleaved rounds; "
          f"top {TOP} {'sources' if args.ask == 1 else 'sources, ports, protocols'} with prefix "
          f"`{args.prefix.strip()}`\n")
    print(f"| program | wall s | range | CPU s | MiB | GB/s | wall / first |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (wall, cpu) in median.items():
        peak = "-" if peaks[name] is None else f"{peaks[name]:.0f}"
        walls = [run[0] for run in runs[name]]
        print(f"| {name} | {wall:.3f} | {min(walls):.3f}-{max(walls):.3f} | {cpu:.2f} | {peak} | "
              f"{size / wall / 1e9:.2f} | {wall / median[first][0]:.2f} |")
    if answers:
        print(f"\nAnswers compared: {len(answers)}; agree: {len(agreed)}.")
    if len(agreed) < len(answers):
        for name, found in answers.items():
            print(f"{name}: {found}", file=sys.stderr)
        sys.exit("the answers differ")


if __name__ == "__main__":
    main()
