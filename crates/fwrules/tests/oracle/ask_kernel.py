#!/usr/bin/env python3
"""Asks a kernel which rules take which packets.

Run as root: ask_kernel.py FRAMES.jsonl OUT.jsonl [nft|legacy]

FRAMES.jsonl has frames as `{"sent": {"frame_hex": ...}}`, one a line. Two network namespaces
are made and joined; in one of them stand the rules below, each without a target, and behind
them a LOG rule. After each frame the rules' counters say which of them took it, and the
kernel log has the line. OUT.jsonl gets first the rulesets, then one object per frame:
`{"set": N, "line": "...", "hits": [rule numbers]}`.

The kernel writes lines of other namespaces only with net.netfilter.nf_log_all_netns=1; the
script sets it and puts it back.
"""
import json, os, re, socket, subprocess, sys, time

TCP = ["-p tcp -m tcp " + x for x in [
    "--dport 1:1023", "! --dport 1:1023", "--sport 1024:65535", "--dport 22", "--sport 0:20000", "! --sport 20000:40000",
    "--tcp-flags FIN,SYN FIN,SYN", "--tcp-flags SYN,RST SYN,RST", "--tcp-flags FIN,SYN,RST,ACK SYN",
    "! --tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", "--tcp-flags ACK ACK",
    "--tcp-flags FIN,PSH,URG FIN,PSH,URG", "--tcp-option 2", "! --tcp-option 8"]] + [
    "-p tcp", "-p tcp -m tcp", "! -p tcp", "-p tcp -m multiport --dports 22,80,1000:30000", "-p tcp -m multiport ! --sports 1:30000",
    "-p tcp -m multiport --ports 1:1023,60000:65535", "-p tcp -m tcp --tcp-flags SYN SYN -m tcpmss --mss 1:600",
    "-p tcp -m tcp --tcp-flags SYN SYN -m tcpmss --mss 601:65535", "-p tcp -m tcp --tcp-flags SYN SYN -m tcpmss ! --mss 1:600"]
UDP = ["-p udp", "-p udp -m udp", "-p udp -m udp --dport 0:32767", "-p udp -m udp ! --dport 137", "-p udp -m udp --sport 0:32767",
    "-p udp -m multiport ! --dports 1024:65535,137", "-p udp -m multiport --ports 500,4500,1:5000", "! -p udp"]
OTHER = ["-p sctp", "-p sctp -m sctp --dport 0:32767", "-p 47", "-p 2", "-p udplite", "-p esp", "-p esp -m esp --espspi 0:2147483647", "-p esp -m esp ! --espspi 1:5",
    "-p dccp", "-p dccp -m dccp --dport 0:32767"]
COMMON = ["-i eth0", "-i et+", "! -i eth0", "-i lo", "! -i en+",
    "-m length --length 0:60", "-m length ! --length 40", "-m length --length 100:65535",
    "-m tos --tos 0x00/0x1e", "-m tos ! --tos 0x10/0x10", "-m tos --tos 0x00/0xff", "-m dscp --dscp 0x00", "-m dscp ! --dscp 0x0a", "-m tos --tos 0x08/0x1c",
    "-m mark --mark 0x0", "-m mark ! --mark 0x0", "-m mark --mark 0x0/0xff", "-m mark --mark 0x10/0xf0",
    "-m mac --mac-source fe:ff:ff:ff:ff:ff", "-m mac ! --mac-source fe:ff:ff:ff:ff:ff",
    "-m pkttype --pkt-type unicast", "-m pkttype --pkt-type broadcast", "-m pkttype --pkt-type multicast", "-m pkttype ! --pkt-type unicast",
    "-m comment --comment x", ""]
V4 = ["-s 10.137.0.0/24", "! -s 10.137.0.0/24", "-s 10.0.0.14/255.0.0.255", "-d 10.137.0.16/32", "! -d 10.137.0.16/32", "-d 224.0.0.0/4", "-d 255.255.255.255/32",
    "-m iprange --src-range 10.137.0.1-10.137.0.14", "-m iprange ! --src-range 10.137.0.1-10.137.0.14", "-m iprange --dst-range 10.137.0.16-10.137.0.20",
    "-f", "! -f", "-p icmp", "-p icmp -m icmp --icmp-type any", "-p icmp -m icmp --icmp-type 8", "-p icmp -m icmp --icmp-type 3/1", "-p icmp -m icmp ! --icmp-type 3/1", "-p icmp -m icmp --icmp-type 11",
    "-p icmp -m icmp --icmp-type 5/1", "-p icmp -m icmp ! --icmp-type 0", "-m ttl --ttl-lt 64", "-m ttl --ttl-gt 64", "-m ttl --ttl-eq 64", "-m ttl ! --ttl-eq 64",
    "-p ah", "-p ah -m ah --ahspi 0:2147483647", "-p ah -m ah ! --ahspi 1:5"]
V6 = ["-s fd00:137::/32", "-d fd00:137::16/128", "! -s fe80::/10", "-d ff00::/8", "! -d ff00::/8", "-m iprange --src-range ::-8000::", "-p ipv6-icmp",
    "-p ipv6-icmp -m icmp6 --icmpv6-type 128", "-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4", "-p ipv6-icmp -m icmp6 --icmpv6-type 1", "-p ipv6-icmp -m icmp6 --icmpv6-type 135",
    "-m hl --hl-lt 64", "-m hl --hl-gt 64", "-m hl --hl-eq 64", "-m hl ! --hl-eq 64"]
TYPES = ["-m addrtype --dst-type " + t for t in ["LOCAL", "MULTICAST", "UNICAST", "LOCAL,MULTICAST"]] + ["-m addrtype ! --dst-type MULTICAST",
    "-m addrtype --dst-type BROADCAST", "-m addrtype --src-type MULTICAST", "-m addrtype ! --src-type LOCAL"]
STATES = ["-m conntrack --ctstate " + s for s in ["INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED", "RELATED,ESTABLISHED", "NEW,INVALID"]] + [
    "-m conntrack ! --ctstate INVALID", "-m state --state INVALID"]
ALL_FLAGS = " --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid"

def sh(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, **more).stdout

def inside(ns, *words, **more):
    return sh("ip", "netns", "exec", ns, *words, **more)

def sets():
    """(family, table, chain, rules, options of LOG)"""
    for v6, own in ((False, V4), (True, V6)):
        base = TCP + UDP + OTHER + COMMON + own
        yield v6, "raw", "PREROUTING", base, ""
        yield v6, "raw", "PREROUTING", base, ALL_FLAGS
        yield v6, "filter", "INPUT", base + [t for t in TYPES if not (v6 and "BROADCAST" in t)] + STATES, ALL_FLAGS

def main(frames, out, backend="nft"):
    rows = [json.loads(l) for l in open(frames)]
    hexes, seen = [], {}
    for row in rows:
        branch = row.get("branch", "")
        if (row["sent"] or {}).get("frame_hex") and seen.get(branch, 0) < 8:
            seen[branch] = seen.get(branch, 0) + 1
            hexes.append(row["sent"]["frame_hex"])
    switch = "/proc/sys/net/netfilter/nf_log_all_netns"
    before = open(switch).read()
    open(switch, "w").write("1")
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    result = open(out, "w")
    try:
        for number, (v6, table, chain, rules, flags) in enumerate(sets()):
            for ns in ("fwr-a", "fwr-b"):
                subprocess.run(["ip", "netns", "del", ns], capture_output=True)
                sh("ip", "netns", "add", ns)
            sh("ip", "link", "add", "eth0", "netns", "fwr-a", "address", "00:16:3e:5e:6c:00", "type", "veth",
               "peer", "name", "peer0", "netns", "fwr-b")
            inside("fwr-a", "sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done")
            inside("fwr-a", "ip", "addr", "add", "10.137.0.16/24", "dev", "eth0")
            inside("fwr-a", "ip", "link", "set", "eth0", "up")
            # The other end says nothing by itself.
            inside("fwr-b", "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/peer0/disable_ipv6")
            inside("fwr-b", "ip", "link", "set", "peer0", "up")
            inside("fwr-a", "ip", "-6", "addr", "add", "fd00:137::16/64", "dev", "eth0", "nodad")
            tool = ("ip6tables-" if v6 else "iptables-") + backend
            text = f"*{table}\n:{chain} {'ACCEPT' if table == 'raw' else 'DROP'} [0:0]\n"
            text += "".join(f"-A {chain} {r} -m comment --comment r{i}\n" for i, r in enumerate(rules))
            text += f"-A {chain} -j LOG --log-prefix \"oracle \"{flags}\nCOMMIT\n"
            inside("fwr-a", tool + "-restore", input=text.encode())
            saved = inside("fwr-a", tool + "-save", "-t", table).decode()
            result.write(json.dumps({"set": number, "v6": v6, "hook": chain, "rules": rules, "local": ["10.137.0.16/24", "fd00:137::16/64"]}) + "\n")
            # Sent from the other end: a process in that namespace.
            sender = subprocess.Popen(["ip", "netns", "exec", "fwr-b", sys.executable, "-c",
                "import socket,sys\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.bind(('peer0',0))\n"
                "for l in sys.stdin:\n s.send(bytes.fromhex(l.strip()))\n print('x',flush=True)"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            def counts():
                found = {}
                for line in inside("fwr-a", tool + "-save", "-c", "-t", table).decode().splitlines():
                    m = re.match(r"\[(\d+):\d+\] -A .*--comment r(\d+)( |$)", line)
                    if m:
                        found[int(m[2])] = int(m[1])
                return found
            def lines():
                got = []
                while True:
                    try:
                        record = os.read(log, 8192)
                    except BlockingIOError:
                        return got
                    except BrokenPipeError:
                        continue
                    text = record.split(b";", 1)[1].split(b"\n", 1)[0]
                    if b"oracle IN=eth0" in text:
                        got.append(text.decode("latin-1"))
            old = counts()
            time.sleep(0.3)
            lines()
            for hexa in hexes:
                if (hexa[24:28] == "86dd") != v6 or hexa[24:28] not in ("0800", "86dd"):
                    continue
                old = counts()
                lines()
                sender.stdin.write(hexa + "\n")
                sender.stdin.flush()
                sender.stdout.readline()
                time.sleep(0.004)
                now, got = counts(), lines()
                hits = [i for i in now if now[i] > old.get(i, 0)]
                # Exactly one packet was seen, or it cannot be told who took what.
                mac = "MAC=" + ":".join(hexa[i:i + 2] for i in range(0, 28, 2)) + " "
                if len(got) == 1 and mac in got[0] and all(now[i] - old.get(i, 0) in (0, 1) for i in now):
                    result.write(json.dumps({"set": number, "line": got[0], "hits": hits}) + "\n")
            sender.stdin.close()
            sender.wait()
    finally:
        open(switch, "w").write(before)
        for ns in ("fwr-a", "fwr-b"):
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)

main(*sys.argv[1:4])
