"""Sends packets at a ruleset in a network namespace of its own, and prints what the kernel logs.

usage: unshare -n python3 kernel.py NAME RULES [MORE-RULES] < PACKETS > LINES

NAME is the interface's. Packets are lines `mac src dst proto sport dport flags`; the frames are
made here, without any tool of fwstat.
"""
import os, re, socket, struct, subprocess, sys, time

name, rules, more = sys.argv[1], sys.argv[2], sys.argv[3:]

def run(*words, **more):
    subprocess.run(words, check=True, **more)

peer = name + "p"
run("ip", "link", "add", name, "address", "52:54:00:12:34:56", "type", "veth", "peer", "name", peer)
for key in ("all", "default", name, peer):
    for what, value in (("rp_filter", 0), ("accept_local", 1)):
        with open(f"/proc/sys/net/ipv4/conf/{key}/{what}", "w") as file:
            file.write(str(value))
    with open(f"/proc/sys/net/ipv6/conf/{key}/disable_ipv6", "w") as file:
        file.write("1")
run("ip", "addr", "add", "192.168.7.2/24", "broadcast", "192.168.7.255", "dev", name)
run("ip", "link", "set", "lo", "up")
run("ip", "link", "set", name, "up")
run("ip", "link", "set", peer, "up")
run("ip", "route", "add", "default", "dev", name)
# Groups that a machine with these services would have joined.
for group in ("239.255.255.250", "224.0.0.251"):
    run("ip", "maddr", "show", "dev", name, stdout=subprocess.DEVNULL)
    member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                      socket.inet_aton(group) + socket.inet_aton("192.168.7.2"))
    globals().setdefault("members", []).append(member)
with open(rules) as file:
    run("iptables-restore", stdin=file)
for path in more:
    with open(path) as file:
        run("iptables-restore", "--noflush", stdin=file)

kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
os.lseek(kmsg, 0, os.SEEK_END)

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

BITS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}

def frame(mac, src, dst, proto, sport, dport, flags):
    a, b = socket.inet_aton(src), socket.inet_aton(dst)
    if proto == 6:
        bits = sum(BITS[word] for word in flags.split("+") if word != "-")
        head = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, bits, 64240, 0, 0)
        pseudo = a + b + struct.pack("!BBH", 0, proto, len(head))
        head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
    elif proto == 17:
        head = struct.pack("!HHHH", sport, dport, 8 + 20, 0) + b"x" * 20
    else:
        head = b"\x11\0\0\0\0\0\0\0"
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(head), 7, 0, 64, proto, 0) + a + b
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("001b213c4d5e0800") + ip + head

out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((peer, 0))
lines = []

def read():
    while True:
        try:
            record = os.read(kmsg, 8192)
        except BlockingIOError:
            return
        except BrokenPipeError:
            sys.exit("the kernel's ring buffer was overrun")
        text = record.decode(errors="replace").split(";", 1)[1].split("\n")[0]
        if re.search(rf"IN={name} ", text):
            lines.append(text)

for n, line in enumerate(sys.stdin):
    mac, src, dst, proto, sport, dport, flags = line.split()
    out.send(frame(mac, src, dst, int(proto), int(sport), int(dport), flags))
    if n % 50 == 49:
        time.sleep(0.02)
        read()
for _ in range(20):
    time.sleep(0.05)
    read()
print("\n".join(lines))
