#!/usr/bin/env python3
"""place.py RULES SCRIPT UNDO: in a network namespace of its own, with real connections.

Loads RULES (iptables-save's or nft's JSON), runs SCRIPT, and says what works; then runs UNDO and
says whether the ruleset is what it was but for counters and handles. One word a line: what failed.
"""
import re
import socket
import subprocess
import sys
import threading
import time

RULES, SCRIPT, UNDO = sys.argv[1:4]
HOST, PEER = "185.13.9.20", "203.0.113.5"


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True, text=True).stdout


def rules():
    text = sh("nft list ruleset")
    text = re.sub(r"counter packets \d+ bytes \d+", "counter", text)
    text = re.sub(r"# handle \d+", "", text)
    # A table that iptables made on the way and left empty says nothing.
    return "\n".join(sorted(line.strip() for line in text.splitlines() if line.strip()))


def dropped():
    drops = re.findall(r"counter packets (\d+) bytes \d+ drop", sh("nft list ruleset"))
    return sum(map(int, drops))


def serve(address, port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen(8)

    def echo(client):
        while data := client.recv(100):
            client.sendall(data)

    def accept():
        while True:
            threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


PEER_CODE = """
import socket, sys
def answers(port):
    try:
        with socket.create_connection(("%s", port), 1) as s:
            s.sendall(b"x")
            return s.recv(1) == b"x"
    except OSError:
        return False
kept = socket.create_connection(("%s", 443), 3)
for line in sys.stdin:
    word = line.strip()
    if word == "kept":
        try:
            kept.settimeout(2); kept.sendall(b"y"); ok = kept.recv(1) == b"y"
        except OSError:
            ok = False
    else:
        ok = answers(int(word))
    print(int(ok), flush=True)
""" % (HOST, HOST)

sh("ip link set lo up")
other = subprocess.Popen(["unshare", "-n", "sleep", "60"])
time.sleep(0.5)
inside = f"nsenter -t {other.pid} -n"
try:
    sh(f"ip link add ens3 type veth peer name peer0 && ip link set peer0 netns {other.pid}")
    sh(f"ip addr add {HOST}/24 dev ens3 && ip link set ens3 up")
    sh(f"{inside} ip addr add {PEER}/32 dev peer0 && {inside} ip link set peer0 up")
    sh(f"{inside} ip route add {HOST}/32 dev peer0 && ip route add {PEER}/32 dev ens3")
    sh(f"nft -j -f {RULES}" if RULES.endswith(".json") else f"iptables-restore < {RULES}")
    serve("0.0.0.0", 443)
    serve("127.0.0.1", 23)
    peer = subprocess.Popen(
        inside.split() + [sys.executable, "-c", PEER_CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(word):
        peer.stdin.write(f"{word}\n")
        peer.stdin.flush()
        return peer.stdout.readline().strip() == "1"

    def localhost():
        try:
            with socket.create_connection(("127.0.0.1", 23), 1) as s:
                s.sendall(b"z")
                return s.recv(1) == b"z"
        except OSError:
            return False

    def works(when):
        for name, ok in (("established", ask("kept")), ("service", ask(443)), ("localhost", localhost())):
            if not ok:
                print(f"{name} {when}")

    works("before")
    was = rules()
    sh(f"sh -e {SCRIPT}")
    before = dropped()
    works("with the rules")
    if dropped() != before:
        print("counters of what is let in")
    if ask(23):
        print("noise came through")
    if dropped() <= before:
        print("counters did not move")
    sh(f"sh -e {UNDO}")
    now = rules()
    if now != was:
        print("undo:", set(was.split("\n")) ^ set(now.split("\n")))
    works("after undo")
    peer.stdin.close()
    peer.wait(5)
except subprocess.CalledProcessError as error:
    print(error.cmd, error.stderr)
finally:
    other.kill()
