#!/usr/bin/env python3
"""place_docker.py RULES SCRIPT UNDO: in a network namespace of its own, a host with a container.

Loads RULES (iptables-save's), runs SCRIPT, and says what works for real connections: a published
port, one that was open before, a service of the host; noise to the container and to the host must
be counted by the new rules. Then runs UNDO and says whether the ruleset is what it was but for
counters. One word a line: what failed.
"""
import re
import subprocess
import sys
import time

RULES, SCRIPT, UNDO = sys.argv[1:4]
HOST, PEER, CONTAINER = "185.13.9.20", "203.0.113.5", "172.17.0.2"


def sh(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def rules():
    text = re.sub(r"\[\d+:\d+\]|#.*", "", sh("iptables-save"))
    return sorted(line.strip() for line in text.splitlines() if line.strip())


def dropped():
    return sum(map(int, re.findall(r"\[(\d+):\d+\] -A MALICIOUS .*-j DROP", sh("iptables-save -c"))))


SERVER = """
import socket, sys, threading
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("0.0.0.0", int(sys.argv[1])))
server.listen(8)
def echo(client):
    while data := client.recv(100):
        client.sendall(data)
while True:
    threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
"""

CLIENT = """
import socket, sys
def answers(address, port):
    try:
        with socket.create_connection((address, port), 1) as s:
            s.sendall(b"x")
            return s.recv(1) == b"x"
    except OSError:
        return False
kept = socket.create_connection(("%s", 8080), 3)
kept.settimeout(2)
for line in sys.stdin:
    address, port = line.split()
    if address == "kept":
        try:
            kept.sendall(b"y")
            ok = kept.recv(1) == b"y"
        except OSError:
            ok = False
    else:
        ok = answers(address, int(port))
    print(int(ok), flush=True)
""" % HOST

running = []


def start(command, **more):
    running.append(subprocess.Popen(command, **more))
    return running[-1]


def namespace():
    process = start(["unshare", "-n", "sleep", "60"])
    time.sleep(0.5)
    return process.pid, f"nsenter -t {process.pid} -n"


try:
    sh("ip link set lo up")
    (peer, in_peer), (container, in_container) = namespace(), namespace()
    sh(f"ip link add ens3 type veth peer name peer0 && ip link set peer0 netns {peer}")
    sh(f"ip addr add {HOST}/24 dev ens3 && ip link set ens3 up && ip route add {PEER}/32 dev ens3")
    sh(f"{in_peer} ip addr add {PEER}/32 dev peer0 && {in_peer} ip link set peer0 up")
    sh(f"{in_peer} ip route add {HOST}/32 dev peer0 && {in_peer} ip route add default via {HOST}")
    sh("ip link add docker0 type bridge && ip addr add 172.17.0.1/16 dev docker0 && ip link set docker0 up")
    sh("ip link add veth1 type veth peer name eth0 && ip link set veth1 master docker0 up")
    sh(f"ip link set eth0 netns {container} && {in_container} ip addr add {CONTAINER}/16 dev eth0")
    sh(f"{in_container} ip link set eth0 up && {in_container} ip route add default via 172.17.0.1")
    sh("echo 1 > /proc/sys/net/ipv4/ip_forward")
    sh(f"iptables-restore < {RULES}")
    for port in (80, 23):
        start(in_container.split() + [sys.executable, "-c", SERVER, str(port)])
    start([sys.executable, "-c", SERVER, "443"])
    time.sleep(1)
    client = start(
        in_peer.split() + [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(words):
        client.stdin.write(f"{words}\n")
        client.stdin.flush()
        return client.stdout.readline().strip() == "1"

    def works(when):
        for name, words in (("established", "kept 0"), ("published", f"{HOST} 8080"), ("service", f"{HOST} 443")):
            if not ask(words):
                print(f"{name} {when}")

    works("before")
    was = rules()
    sh(f"sh -e {SCRIPT}")
    works("with the rules")
    for place in (CONTAINER, HOST):
        before = dropped()
        if ask(f"{place} 23"):
            print(f"noise came through to {place}")
        if dropped() <= before:
            print(f"counters did not move for {place}")
    sh(f"sh -e {UNDO}")
    if rules() != was:
        print("undo:", set(was) ^ set(rules()))
    works("after undo")
except subprocess.CalledProcessError as error:
    print(error.cmd, error.stderr)
finally:
    for process in running:
        process.kill()
