#!/usr/bin/env python3
"""fwstat on a folder of journal files, beside journalctl, end to end.

    benches/journal.py make FOLDER [--entries N] [--corpus PATH]
    benches/journal.py measure FOLDER [--rounds N] [--slow N] [--fwstat PATH]

`make` writes N (5,000,000) entries of the kernel among as many of other programs with
systemd-journal-remote: the lines of `corpus 50000 sources, 1.1` (target/release/corpus), with the fields that
journald gives them. They end now and begin 30 days ago. 10 million take 6 GB and a quarter of an hour.

`measure` runs, in turn: `fwstat top` with two threads and with one, the same question of journalctl's export,
and journalctl's own count. --slow: rounds in which journalctl takes part (as many as --rounds, 7). Then `-S '1
hour ago'` on the files and as many copies of them as make 10 GB. Answers must agree, or it ends with 1. The
files are read once before, and should fit into memory.
"""
import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REMOTE = "/lib/systemd/systemd-journal-remote"
KERNEL = ["_TRANSPORT=kernel"]

MACHINE = "_MACHINE_ID=0123456789abcdef0123456789abcdee\n_RUNTIME_SCOPE=system\n"


def entries(lines, count):
    """The export's entries for lines of syslog: `count` of the kernel's, and as many others."""
    step = 30 * 86400 * 1_000_000 // (2 * count)
    realtime = int(time.time() * 1e6) - 2 * count * step
    left = {True: count, False: count}
    boot, monotonic, done = -1, 0, 0
    for line in lines:
        host, program, message = line[16:].rstrip("\n").split(" ", 2)
        of_kernel = program == "kernel:"
        if not left[of_kernel]:
            if not left[not of_kernel]:
                return
            continue
        left[of_kernel] -= 1
        # Three starts of the machine.
        if done * 3 // (2 * count) > boot:
            boot, monotonic = boot + 1, 3_000_000
        done, realtime, monotonic = done + 1, realtime + step, monotonic + step
        head = (f"__REALTIME_TIMESTAMP={realtime}\n__MONOTONIC_TIMESTAMP={monotonic}\n"
                f"_BOOT_ID=aaaaaaaaaaaa4aaaaaaaaaaaaaaaaa0{boot}\n{MACHINE}_HOSTNAME={host}\n")
        if of_kernel:
            yield (f"{head}_TRANSPORT=kernel\nPRIORITY=4\nSYSLOG_FACILITY=0\nSYSLOG_IDENTIFIER=kernel\n"
                   f"_SOURCE_MONOTONIC_TIMESTAMP={monotonic - 100}\nMESSAGE={message.split('] ', 1)[1]}\n\n")
        else:
            name, _, pid = program.rstrip(":]").partition("[")
            yield (f"{head}_TRANSPORT=syslog\nPRIORITY=6\nSYSLOG_FACILITY=4\nSYSLOG_IDENTIFIER={name}\n"
                   f"SYSLOG_PID={pid}\n_PID={pid}\n_UID=0\n_GID=0\n_COMM={name}\n_EXE=/usr/sbin/{name}\n"
                   f"_CMDLINE=/usr/sbin/{name} -D\n_CAP_EFFECTIVE=1ffffffffff\n"
                   f"_SYSTEMD_CGROUP=/system.slice/{name}.service\n_SYSTEMD_UNIT={name}.service\n"
                   f"_SYSTEMD_SLICE=system.slice\n_SOURCE_REALTIME_TIMESTAMP={realtime - 77}\nMESSAGE={message}\n\n")


def make(folder, count, corpus):
    """Writes the files."""
    inner = os.path.join(folder, "writing")
    os.makedirs(inner)
    lines = subprocess.Popen([corpus, "100000000000", "50000", "1.1", "60", "1"], stdout=subprocess.PIPE, text=True)
    remote = subprocess.Popen([REMOTE, "-o", os.path.join(inner, "remote.journal"), "-"], stdin=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)

    def move(pattern):
        for path in glob.glob(os.path.join(inner, pattern)):
            os.rename(path, os.path.join(folder, os.path.basename(path)))

    def keep():
        # journal-remote deletes what is older than 4 GB; what is no longer written is taken out of its way.
        while remote.poll() is None:
            move("*@*.journal")
            time.sleep(2)

    keeper = threading.Thread(target=keep)
    keeper.start()
    for entry in entries(lines.stdout, count):
        remote.stdin.write(entry)
    lines.kill()
    remote.stdin.close()
    keeper.join()
    move("*.journal")
    os.rmdir(inner)


def run(command, shell=False):
    """Wall seconds, CPU seconds, the largest resident size in MiB, and the output."""
    with tempfile.TemporaryFile() as out:
        begin = time.monotonic()
        child = subprocess.Popen(command, shell=shell, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text


def measure(folder, rounds, slow, fwstat):
    """Prints the table."""
    top = [fwstat, "top", "-j"]
    programs = {
        "fwstat top, 2 threads": (top + ["--threads", "2", folder], False, rounds),
        "fwstat top, 1 thread": (top + ["--threads", "1", folder], False, rounds),
        "journalctl -o export \\| fwstat top -": (
            f"journalctl -q -D '{folder}' -o export {KERNEL[0]} | '{fwstat}' top -j --threads 2 -", True, slow),
        "journalctl -o cat \\| wc -l": (f"journalctl -q -D '{folder}' -o cat {KERNEL[0]} | wc -l", True, slow),
    }
    print("load before:", os.getloadavg(), file=sys.stderr)
    for path in glob.glob(os.path.join(folder, "*.journal")):
        with open(path, "rb") as file:
            while file.read(1 << 20):
                pass
    taken, answers = {name: [] for name in programs}, {}
    for number in range(max(rounds, slow)):
        for name, (command, shell, count) in programs.items():
            if number < count:
                *times, answers[name] = run(command, shell)
                taken[name].append(times)
                print(f"{number} {name}: {times}", file=sys.stderr)
    median = {name: [statistics.median(column) for column in zip(*times)] for name, times in taken.items() if times}
    names = list(median)
    size = sum(os.path.getsize(path) for path in glob.glob(os.path.join(folder, "*.journal")))
    print("| program | wall s | range | CPU s | MiB | GB/s | wall / first |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, (wall, cpu, memory) in median.items():
        low, high = (extreme(times[0] for times in taken[name]) for extreme in (min, max))
        # Of a pipeline the last program's memory is not the whole.
        memory = "" if "\\|" in name else f"{memory:.0f}"
        print(f"| {name} | {wall:.3f} | {low:.3f}-{high:.3f} | {cpu:.2f} | {memory} | {size / wall / 1e9:.2f} "
              f"| {wall / median[names[0]][0]:.2f} |")
    print("load after:", os.getloadavg(), file=sys.stderr)
    totals = {name: json.loads(text)["totals"] for name, text in answers.items() if "top" in name}
    packets = {total["packets"] for total in totals.values()}
    if len(packets) != 1:
        sys.exit(f"answers differ: {totals}")
    files = sorted(glob.glob(os.path.join(folder, "*.journal")))
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(folder))) as more:
        linked = 0
        for path in files:
            os.symlink(os.path.abspath(path), os.path.join(more, os.path.basename(path)))
            linked += os.path.getsize(path)
        # A file that is there twice under two names is read once: the rest are copies.
        for number, path in enumerate(files * 10):
            if linked >= 10e9:
                break
            shutil.copyfile(path, os.path.join(more, f"copy{number}-{os.path.basename(path)}"))
            linked += os.path.getsize(path)
        times = [run(top + ["-S", "1 hour ago", more]) for _ in range(rounds)]
        walls = [time[0] for time in times]
        packets = json.loads(times[0][3])["totals"]["packets"]
        print(f"\n`-S '1 hour ago'` on {linked / 1e9:.1f} GB: {statistics.median(walls):.3f} s "
              f"({min(walls):.3f}-{max(walls):.3f}), {packets} packets")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("make")
    one.add_argument("folder")
    one.add_argument("--entries", type=int, default=5_000_000)
    one.add_argument("--corpus", default=os.path.join(ROOT, "target/release/corpus"))
    one = commands.add_parser("measure")
    one.add_argument("folder")
    one.add_argument("--rounds", type=int, default=7)
    one.add_argument("--slow", type=int)
    one.add_argument("--fwstat", default=os.path.join(ROOT, "target/release/fwstat"))
    given = parser.parse_args()
    if given.command == "make":
        make(given.folder, given.entries, given.corpus)
    else:
        slow = given.rounds if given.slow is None else given.slow
        measure(given.folder, given.rounds, slow, given.fwstat)


if __name__ == "__main__":
    main()
