#!/usr/bin/env python3
"""place.py [OPTIONS] RULES SCRIPT UNDO LOG: in a network namespace of its own, with real connections.

Loads RULES (what iptables-save, ip6tables-save or nft -j print; several with commas), opens connections, runs
SCRIPT, sends the packets of LOG and asks what works; then runs UNDO and asks whether the ruleset is what it was
but for counters and handles. Prints what failed, a line each; nothing if all is right.

    --outer NAME    the link by which strangers come
    --inner NAME    a container behind the host, on a link of this name
    --service PORT  what the rules let in
    --twice         SCRIPT run twice is as once
"""
import argparse
import difflib
import ipaddress
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("--outer", default="ens3")
arguments.add_argument("--inner")
arguments.add_argument("--twice", action="store_true")
arguments.add_argument("--service", type=int, default=443)
arguments.add_argument("rules")
arguments.add_argument("script")
arguments.add_argument("undo")
arguments.add_argument("log")
A = arguments.parse_args()
HOST, PEER, HOST6, PEER6 = "185.13.9.20", "203.0.113.5", "2001:db8:9::20", "2001:db8:5::5"
INNER, INNER6 = "172.17.0.2", "2001:db8:17::2"
# What listens, and is let in by `lo` only.
CLOSED = 23


def sh(command, check=True):
    return subprocess.run(command, shell=True, check=check, capture_output=True, text=True).stdout


def rules():
    """All that is loaded, in order, without counters, handles and dates."""
    text = sh("nft list ruleset; iptables-save; ip6tables-save; iptables-legacy-save; ip6tables-legacy-save; ipset save", False)
    text = re.sub(r"counter packets \d+ bytes \d+", "counter", text)
    text = re.sub(r"\[\d+:\d+\]", "", re.sub(r"# handle \d+", "", text))
    text = re.sub(r" (initval|hashsize) \w+", "", text)
    # What rules themselves put into a set is not the script's.
    text = re.sub(r"(flags dynamic[^}]*?)elements = \{[^}]*\}", r"\1", text)
    text = re.sub(r"(?<=elements = )\{[^}]*\}", lambda m: " ".join(sorted(m[0].split())), text)
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def differences(was, now):
    return ["\n    " + line for line in difflib.unified_diff(was, now, lineterm="", n=0)][:12]


def drops():
    """Packets of each rule that is the script's, by rule."""
    found = {}
    for v, save in ((4, "iptables-save -c"), (6, "ip6tables-save -c")):
        for packets, rule in re.findall(r"^\[(\d+):\d+\] (-A MALICIOUS .*-j DROP)", sh(save, False), re.M):
            found[v, rule] = int(packets)
    family = table = chain = ""
    for line in sh("nft list ruleset").splitlines():
        words = line.split()
        if words[:1] == ["table"]:
            family, table = words[1:3]
        elif words[:1] == ["chain"]:
            chain = words[1]
        elif table.startswith("fwstat") and " drop" in line and (m := re.search(r"counter packets (\d+) bytes \d+ drop", line)):
            found[family, chain, re.sub(r"packets \d+ bytes \d+", "", line.strip())] = int(m[1])
    return found


ECHO = """
import socket, sys, threading
def serve(address, port):
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address: server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind((address, port)); server.listen(64)
    def echo(client):
        while data := client.recv(100): client.sendall(data)
    def accept():
        while True: threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
for where in sys.argv[1:]:
    serve(*(lambda p: (p[0], int(p[1])))(where.rsplit("/", 1)))
print("ready", flush=True); sys.stdin.read()
"""
ASK = """
import socket, sys
def connect(to, wait=1.0):
    a, p = to.rsplit("/", 1)
    return socket.create_connection((a, int(p)), wait)
def talk(s):
    s.settimeout(1); s.sendall(b"x"); return s.recv(1) == b"x"
kept = {}
for line in sys.stdin:
    word, to = line.split()
    try:
        if word == "keep": kept[to] = connect(to); ok = talk(kept[to])
        elif word == "kept": ok = talk(kept[to])
        else:
            with connect(to) as s: ok = talk(s)
    except (OSError, KeyError): ok = False
    print(int(ok), flush=True)
"""
SEND = """
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("peer0", 0))
n = 0
for line in sys.stdin:
    s.send(bytes.fromhex(line.strip())); n += 1
    if n % 50 == 0: time.sleep(0.005)
print("sent", flush=True)
"""


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def join(line):
    """Joins the group that a line's packet was sent to: else no rule sees it. Gives back who is a member."""
    to = ipaddress.ip_address(re.search(r" DST=(\S+)", line)[1])
    if not to.is_multicast:
        return None
    member = socket.socket(socket.AF_INET6 if to.version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if to.version == 6:
            link = struct.pack("@I", socket.if_nametoindex(A.outer))
            member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, to.packed + link)
        else:
            member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, to.packed + socket.inet_aton(HOST))
    except OSError:
        # All hosts are members of some.
        pass
    return member


def packet(line, mac):
    """The packet that a line tells of, as far as it does."""
    f = dict(w.partition("=")[::2] for w in reversed(re.split(r" \[", line[line.index("IN="):])[0].split()))
    src, dst = ipaddress.ip_address(f["SRC"]), ipaddress.ip_address(f["DST"])
    v6 = src.version == 6
    proto = f["PROTO"]
    if proto == "TCP":
        bits = dict(FIN=1, SYN=2, RST=4, PSH=8, ACK=16, URG=32)
        flags = sum(bit for name, bit in bits.items() if re.search(rf" {name} ", line))
        number, body = 6, struct.pack("!HHIIBBHHH", int(f["SPT"]), int(f["DPT"]), 1, 0, 0x50, flags, 1024, 0, 0)
        at = 16
    elif proto == "UDP":
        number, body, at = 17, struct.pack("!HHHH", int(f["SPT"]), int(f["DPT"]), 8, 0), 6
    elif proto in ("ICMP", "ICMPv6"):
        number = 58 if v6 else 1
        body, at = struct.pack("!BBHHH", int(f["TYPE"]), int(f["CODE"]), 0, 1, 1), 2
    elif proto in ("2", "IGMP"):
        number, body, at = 2, struct.pack("!BBHI", 0x16, 0, 0, 0xEFFFFFFA), 2
    else:
        return None
    pseudo = src.packed + dst.packed + struct.pack("!II" if v6 else "!HH", *((len(body), number) if v6 else (number, len(body))))
    total = checksum((b"" if number in (1, 2) else pseudo) + body)
    body = body[:at] + struct.pack("!H", total or (0xFFFF if number == 17 else 0)) + body[at + 2:]
    if v6:
        head = struct.pack("!IHBB", 6 << 28, len(body), number, 64) + src.packed + dst.packed
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), int(f.get("ID", 1)), 0, int(f.get("TTL", 64)), number, 0)
        head += src.packed + dst.packed
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    to = mac
    if dst.is_multicast:
        to = (b"\x33\x33" + dst.packed[-4:]) if v6 else b"\x01\x00\x5e" + bytes([dst.packed[1] & 127]) + dst.packed[2:]
    elif not v6 and (str(dst) == "255.255.255.255" or str(dst).endswith(".255")):
        to = b"\xff" * 6
    return to + b"\x02\0\0\0\0\x01" + (b"\x86\xdd" if v6 else b"\x08\0") + head + body


sh("ip link set lo up")
peers = {}
children = []


def namespace(name):
    peers[name] = subprocess.Popen(["unshare", "-n", "sleep", "120"])
    time.sleep(0.2)
    return f"nsenter -t {peers[name].pid} -n"


def child(inside, code, *more):
    process = subprocess.Popen(inside.split() + [sys.executable, "-c", code, *more], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    children.append(process)
    return process


try:
    outside = namespace("outside")
    sh(f"ip link add {A.outer} type veth peer name peer0 && ip link set peer0 netns {peers['outside'].pid}")
    sh(f"ip addr add {HOST}/24 dev {A.outer} && ip addr add {HOST6}/64 dev {A.outer} nodad && ip link set {A.outer} up")
    sh(f"{outside} ip link set lo up; {outside} ip addr add {PEER}/32 dev peer0; {outside} ip addr add {PEER6}/128 dev peer0 nodad; {outside} ip link set peer0 up")
    sh(f"{outside} ip route add {HOST}/32 dev peer0; ip route add {PEER}/32 dev {A.outer}")
    sh(f"{outside} ip -6 route add {HOST6}/128 dev peer0; ip -6 route add {PEER6}/128 dev {A.outer}")
    sh(f"ip route add default dev {A.outer}; ip -6 route add default dev {A.outer}")
    sh("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
    sh(f"sysctl -qw net.ipv4.conf.{A.outer}.rp_filter=0")
    # Neighbours that stand: the rules may drop what asks for them.
    mine = sh(f"ip -o link show {A.outer}").split("link/ether ")[1].split()[0]
    its = sh(f"{outside} ip -o link show peer0").split("link/ether ")[1].split()[0]
    sh(f"ip neigh replace {PEER} lladdr {its} dev {A.outer}; ip neigh replace {PEER6} lladdr {its} dev {A.outer}")
    sh(f"{outside} ip neigh replace {HOST} lladdr {mine} dev peer0; {outside} ip neigh replace {HOST6} lladdr {mine} dev peer0")
    if A.inner:
        within = namespace("within")
        sh(f"ip link add {A.inner} type veth peer name eth0 netns {peers['within'].pid}")
        sh(f"ip addr add 172.17.0.1/16 dev {A.inner}; ip addr add 2001:db8:17::1/64 dev {A.inner} nodad; ip link set {A.inner} up")
        sh(f"{within} ip link set lo up; {within} ip addr add {INNER}/16 dev eth0; {within} ip addr add {INNER6}/64 dev eth0 nodad; {within} ip link set eth0 up")
        sh(f"{within} ip route add default via 172.17.0.1; {within} ip -6 route add default via 2001:db8:17::1")
        sh(f"{outside} ip route add 172.17.0.0/16 via {HOST} dev peer0; {outside} ip -6 route add 2001:db8:17::/64 via {HOST6} dev peer0")
        serve = child(within, ECHO, f"0.0.0.0/{A.service}", f"0.0.0.0/{CLOSED}", f"::/{A.service}")
        serve.stdout.readline()
    for file in A.rules.split(","):
        if file.endswith(".json"):
            # nft lists maps before the chains that they name.
            listed = json.load(open(file))["nftables"]
            rank = {"metainfo": 0, "table": 0, "chain": 1, "rule": 3}
            listed.sort(key=lambda one: rank.get(next(iter(one)), 2))
            subprocess.run(["nft", "-j", "-f", "-"], input=json.dumps({"nftables": listed}), text=True, check=True, capture_output=True)
        else:
            six = "6" in os.path.basename(file)
            sh(f"{'ip6tables' if six else 'iptables'}-restore < {file}")
    child("env", ECHO, f"0.0.0.0/{A.service}", f"::/{A.service}", f"0.0.0.0/{CLOSED}", f"::/{CLOSED}").stdout.readline()
    child(outside, ECHO, "0.0.0.0/80", "::/80").stdout.readline()
    asking = {"outside": child(outside, ASK), "here": child("env", ASK)}
    if A.inner:
        asking["within"] = child(within, ASK)

    def ask(who, word, to):
        asking[who].stdin.write(f"{word} {to}\n")
        asking[who].stdin.flush()
        return asking[who].stdout.readline().strip() == "1"

    tries = [("outside", f"{HOST}/{A.service}"), ("outside", f"{HOST6}/{A.service}"), ("here", f"127.0.0.1/{CLOSED}"),
             ("here", f"::1/{CLOSED}"), ("here", f"{HOST}/{CLOSED}"), ("here", f"{HOST6}/{CLOSED}"), ("here", f"127.0.0.1/{A.service}"),
             ("here", f"{PEER}/80"), ("here", f"{PEER6}/80"), ("outside", f"{HOST}/8080")]
    if A.inner:
        tries += [("outside", f"{INNER}/{A.service}"), ("within", f"{PEER}/80"), ("within", f"{HOST}/{A.service}"), ("here", f"{INNER}/{CLOSED}"),
                  ("outside", f"{INNER6}/{A.service}"), ("within", f"{PEER6}/80")]
    worked = [one for one in tries if ask(one[0], "keep", one[1])]
    if not any(who == "outside" for who, _ in worked):
        print("nothing is let in before")

    def works(when):
        for who, to in worked:
            if not ask(who, "kept", to):
                print(f"{when}: an established connection from {who} to {to} broke")
            if not ask(who, "new", to):
                print(f"{when}: no new connection from {who} to {to}")

    lines = open(A.log, errors="replace").read().splitlines()
    mac = bytes.fromhex(mine.replace(":", ""))
    members = [join(line) for line in {re.search(r" DST=\S+", line)[0]: line for line in lines}.values()]
    packets = [p for p in (packet(line, mac) for line in lines) if p]
    was, had = rules(), drops()
    ran = subprocess.run(["sh", "-e", A.script], capture_output=True, text=True)
    if ran.returncode or ran.stderr:
        print("script:", ran.returncode, ran.stderr[:600])
    before = {rule: count for rule, count in drops().items() if rule not in had}
    if not before:
        print("no DROP of the script is loaded")
    if A.twice:
        once = rules()
        subprocess.run(["sh", "-e", A.script])
        if rules() != once:
            print("twice is not once:", *differences(once, rules()))
    works("with the rules")
    for rule, count in drops().items():
        if count != before.get(rule, count):
            print("counts what is let in:", rule)
    send = child(outside, SEND)
    send.stdin.write("".join(p.hex() + "\n" for p in packets))
    send.stdin.close()
    send.stdout.readline()
    time.sleep(0.3)
    after = {rule: count for rule, count in drops().items() if rule in before}
    for rule, count in after.items():
        if count == before.get(rule, 0):
            print("did not count:", rule)
    works("after the noise")
    ran = subprocess.run(["sh", "-e", A.undo], capture_output=True, text=True)
    if ran.returncode or ran.stderr:
        print("undo:", ran.returncode, ran.stderr[:600])
    now = rules()
    if now != was:
        print("after undo:", *differences(was, now))
    works("after undo")
except subprocess.CalledProcessError as error:
    print("failed:", error.cmd, error.stderr)
finally:
    for one in children + list(peers.values()):
        one.kill()
