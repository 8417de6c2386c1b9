#!/usr/bin/env python3
"""Asks a kernel what whole rulesets do: random ones, of the kinds that admins write.

Run as root: ask_kernel_rulesets.py iptables|nft OUT FIRST_SEED COUNT

Three network namespaces are made: a host with two interfaces that forwards, and one on either
side. For each seed a ruleset is made and loaded (seeds that a tool refuses try another one), a
LOG rule stands first in INPUT, FORWARD and OUTPUT, random packets are sent through the host and
a few from it. OUT gets SEED.rules (iptables-save -c) or SEED.json (nft -j list ruleset) with the
counters, and SEED.log with the kernel's lines. `tests/oracle.rs` reads them.

The kernel writes lines of other namespaces only with net.netfilter.nf_log_all_netns=1; the
script sets it and puts it back.
"""
import json, os, random, re, socket, struct, subprocess, sys, time

KIND, W = sys.argv[1], sys.argv[2]
FIRST, COUNT = int(sys.argv[3]), int(sys.argv[4])
os.makedirs(W, exist_ok=True)
R, A, B = "fwr-host", "fwr-left", "fwr-right"

def sh(*w,**k): return subprocess.run(w,check=True,capture_output=True,**k).stdout
def ns(n,*w,**k): return sh("ip","netns","exec",n,*w,**k)
def ck(d):
    if len(d)%2: d+=b"\0"
    s=sum(struct.unpack("!%dH"%(len(d)//2),d)); s=(s>>16)+(s&0xffff); s+=s>>16
    return ~s&0xffff
RMAC=bytes.fromhex("00163e5e6c00"); AMAC=bytes.fromhex("00163e000001")
def eth(dst,t,p,src=AMAC): return dst+src+struct.pack("!H",t)+p
def ip4(src,dst,proto,pl,ttl=64,tos=0,frag=0,ident=None,opts=b""):
    ihl=5+len(opts)//4
    h=struct.pack("!BBHHHBBH4s4s",0x40|ihl,tos,ihl*4+len(pl),ident or random.randrange(1,65535),frag,ttl,proto,0,socket.inet_aton(src),socket.inet_aton(dst))+opts
    return h[:10]+struct.pack("!H",ck(h))+h[12:]+pl
def ip6(src,dst,nh,pl,hl=64,tc=0):
    return struct.pack("!IHBB",6<<28|tc<<20,len(pl),nh,hl)+socket.inet_pton(10,src)+socket.inet_pton(10,dst)+pl
def ps(src,dst,proto,l):
    if ":" in src: return socket.inet_pton(10,src)+socket.inet_pton(10,dst)+struct.pack("!II",l,proto)
    return socket.inet_aton(src)+socket.inet_aton(dst)+struct.pack("!BBH",0,proto,l)
def tcp(src,dst,sp,dp,fl,opts=b"",pl=b"",seq=None):
    h=struct.pack("!HHIIBBHHH",sp,dp,seq if seq is not None else random.getrandbits(32),0,(5+len(opts)//4)<<4,fl,1024,0,0)+opts+pl
    return h[:16]+struct.pack("!H",ck(ps(src,dst,6,len(h))+h))+h[18:]
def udp(src,dst,sp,dp,pl=b"x"*10):
    h=struct.pack("!HHHH",sp,dp,8+len(pl),0)+pl
    return h[:6]+struct.pack("!H",ck(ps(src,dst,17,len(h))+h) or 0xffff)+h[8:]
def icmp(t,c,rest=b"\0\1\0\1data"):
    h=struct.pack("!BBH",t,c,0)+rest
    return h[:2]+struct.pack("!H",ck(h))+h[4:]
def icmp6(src,dst,t,c,rest=b"\0\1\0\1data"):
    h=struct.pack("!BBH",t,c,0)+rest
    return h[:2]+struct.pack("!H",ck(ps(src,dst,58,len(h))+h))+h[4:]
V4S=["10.137.0.9","10.137.0.77","203.0.113.9","198.51.100.7","192.168.50.5"]
V4D=["10.137.0.16","10.137.0.255","255.255.255.255","224.0.0.251","10.200.0.5","10.200.0.9","10.200.0.5"]
V6S=["fd00:137::9","2001:db8::9","fd00:99::1","fe80::216:3eff:fe00:1"]
V6D=["fd00:137::16","fd00:200::5","fd00:200::5","ff02::1","ff02::fb"]
PORTS=[22,23,25,53,80,137,138,443,445,1024,5353,8080,8443,33434,40000,65535,1]
def frame(rng,v6):
    src=rng.choice(V6S if v6 else V4S); dst=rng.choice(V6D if v6 else V4D)
    sp,dp=rng.choice(PORTS+[rng.randrange(1,65536)]),rng.choice(PORTS+[rng.randrange(1,65536)])
    k=rng.randrange(12)
    fl=rng.choice([2,2,2,18,16,4,20,1,17,0,3,6,0x29,0x3f,24,0xc2,32])
    opts=rng.choice([b"",b"\2\4\5\xb4",b"\2\4\2\x18\1\1\1\0",b"\1\1\x08\x0a"+b"\0"*8])
    mac=RMAC
    if dst in("10.137.0.255","255.255.255.255"): mac=b"\xff"*6
    if dst=="224.0.0.251": mac=bytes.fromhex("01005e0000fb")
    if dst.startswith("ff02"): mac=bytes.fromhex("3333")+socket.inet_pton(10,dst)[-4:]
    ttl=rng.choice([1,2,5,63,64,64,128,255]); tos=rng.choice([0,0,0x10,0x08,0xb8,0x28,1,3])
    mk=(lambda p,pl,**kw: ip6(src,dst,p,pl,hl=ttl,tc=tos)) if v6 else (lambda p,pl,**kw: ip4(src,dst,p,pl,ttl=ttl,tos=tos,**kw))
    if k<5: pk=mk(6,tcp(src,dst,sp,dp,fl,opts,rng.choice([b"",b"GET / HTTP/1.0"])))
    elif k<8: pk=mk(17,udp(src,dst,sp,dp,rng.choice([b"x",b"y"*200,b""])))
    elif k==8:
        if v6: pk=mk(58,icmp6(src,dst,rng.choice([128,129,1,3,135,133,144]),rng.choice([0,0,4])))
        else: pk=mk(1,icmp(rng.choice([8,0,3,11,13,5,17,30]),rng.choice([0,1,3])))
    elif k==9: pk=mk(rng.choice([2,47,50,51,89,132,136,33]),struct.pack("!HHII",sp,dp,7,0)+b"\0"*12)
    elif k==10 and not v6: pk=mk(17,udp(src,dst,sp,dp,b"z"*32),opts=b"\x94\4\0\0")
    elif k==11 and not v6:
        # a later fragment alone is not delivered with conntrack; a whole pair is
        full=udp(src,dst,sp,dp,b"f"*64); i=rng.randrange(1,65535)
        return [eth(mac,0x800,ip4(src,dst,17,full[:32],frag=0x2000,ident=i)),eth(mac,0x800,ip4(src,dst,17,full[32:],frag=4,ident=i))]
    else: pk=mk(17,udp(src,dst,sp,dp))
    return [eth(mac,0x86dd if v6 else 0x800,pk)]
def port(rng): return str(rng.choice(PORTS))
def prange(rng):
    a,b=sorted(rng.sample(PORTS,2)); return rng.choice([f"{a}:{b}",str(a),f":{b}",f"{a}:"])
def match(rng,v6,chain):
    n=rng.choice(["","","! "])
    m=[]
    def one():
        k=rng.randrange(31)
        if k==0: return f"-p tcp -m tcp {n}--dport {prange(rng)}"
        if k==1: return f"-p udp -m udp {n}--dport {prange(rng)}"
        if k==2: return f"-p tcp -m multiport {n}--dports {','.join(rng.sample([str(p) for p in PORTS],4))}"
        if k==3: return f"-p udp -m multiport {n}--ports 137,138,5353,1000:9000"
        if k==4: return f"-p tcp -m tcp {n}--syn"
        if k==5: return f"-p tcp -m tcp {n}--tcp-flags {rng.choice(['FIN,SYN FIN,SYN','ALL NONE','ALL FIN,PSH,URG','SYN,RST SYN,RST','ACK,FIN FIN','RST RST'])}"
        if k==6: return f"{n}-s {rng.choice(V6S) if v6 else rng.choice(V4S)}"
        if k==7: return f"{n}-s {rng.choice(['fd00::/16','2000::/3','fe80::/10'] if v6 else ['10.0.0.0/8','10.137.0.0/24','192.168.0.0/16','0.0.0.0/8','203.0.113.0/24'])}"
        if k==8: return f"{n}-d {rng.choice(['fd00:137::16','ff02::/16','fd00:200::/64'] if v6 else ['10.137.0.16','224.0.0.0/4','10.200.0.0/24','255.255.255.255','10.137.0.255'])}"
        if k==9: return f"-m iprange {n}--src-range {'fd00::-fd00:137::ffff' if v6 else '10.137.0.1-10.137.0.50'}"
        if k==10: return rng.choice([f"{n}-i eth0",f"{n}-i et+",f"{n}-i lo"]) if chain not in("OUTPUT","POSTROUTING") else f"{n}-o {rng.choice(['eth0','eth1','lo','eth+'])}"
        if k==11: return f"-m conntrack {n}--ctstate {rng.choice(['NEW','INVALID','RELATED,ESTABLISHED','NEW,INVALID','ESTABLISHED','UNTRACKED','RELATED'])}"
        if k==12: return f"-m limit --limit {rng.choice(['5/min','1000/sec','1/hour'])} --limit-burst 3"
        if k==13: return f"-m recent --name r{rng.randrange(3)} {rng.choice(['--set','--rcheck --seconds 60','--update --seconds 60 --hitcount 2'])}"
        if k==14: return f"-m hashlimit --hashlimit-upto 3/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name h{rng.randrange(99999)}"
        if k==15: return "-p tcp -m connlimit --connlimit-above 1 --connlimit-mask 32 --connlimit-saddr" if not v6 else "-p tcp -m connlimit --connlimit-above 1 --connlimit-mask 128 --connlimit-saddr"
        if k==16: return f"-m string {n}--algo bm --string GET".replace("! --algo","--algo")
        if k==17: return f"-m statistic --mode random {n}--probability 0.5"
        if k==18: return f"-m mark {n}--mark {rng.choice(['0x1','0x0','0x1/0x1','0x10/0xf0'])}"
        if k==19: return f"-m length {n}--length {rng.choice(['0:60','40','61:1500','28:44'])}"
        if k==20: return (f"-m hl {rng.choice(['--hl-lt 64','--hl-gt 1','--hl-eq 64'])}" if v6 else f"-m ttl {rng.choice(['--ttl-lt 64','--ttl-gt 1','--ttl-eq 64','! --ttl-eq 255'])}")
        if k==21: return (f"-p ipv6-icmp -m icmp6 {n}--icmpv6-type {rng.choice(['128','1','135','133/0'])}" if v6 else f"-p icmp -m icmp {n}--icmp-type {rng.choice(['8','0','3','3/1','11','any'])}".replace("! --icmp-type any","--icmp-type 8"))
        if k==22: return f"-m pkttype {n}--pkt-type {rng.choice(['unicast','broadcast','multicast'])}" if chain!="OUTPUT" else "-m comment --comment \"a b\""
        if k==23: return f"-m addrtype {n}--dst-type {rng.choice(['LOCAL','MULTICAST','UNICAST']+([] if v6 else ['BROADCAST']))}"
        if k==24: return f"{n}-p {rng.choice(['udp','tcp','2','47','esp','132'] + (['ipv6-icmp'] if v6 else ['icmp']))}"
        if k==25: return (f"-m mac {n}--mac-source {rng.choice(['00:16:3e:00:00:01','00:16:3e:00:00:02'])}") if chain not in("OUTPUT","POSTROUTING") else "-m owner --uid-owner 0"
        if k==26: return f"-m tos {n}--tos {rng.choice(['0x10/0xff','0x08/0x1c','0x00/0x1e'])}"
        if k==27: return f"-m dscp {n}--dscp {rng.choice(['0x2e','0x00','0x0a'])}"
        if k==28: return "-m time --timestart 00:00 --timestop 12:00"
        if k==29: return f"-m set {n}--match-set {rng.choice(['bad','badp'])}{'6' if v6 else ''} src" if False else f"-m set {n}--match-set bad{'6' if v6 else '4'} {rng.choice(['src','dst'])}"
        if k==30: return (rng.choice(["-m ipv6header --header ipv6-opts","-m rt --rt-type 0","-m frag --fragid 1:100"]) if v6 else rng.choice(["! -f","-m u32 --u32 0>>22&0x3C@0>>16=0:1023","-m realm --realm 1"]))
    for _ in range(rng.choice([0,1,1,1,2,2])): m.append(one())
    text=" ".join(m)
    # one -p at most; no repeated option
    if text.count("-p ")>1: return match(rng,v6,chain)
    for o in("-s ","-d ","-i ","-o ","-m tcp","-m multiport","-m conntrack","-m mark","-m recent","-m limit","-m hashlimit","-m addrtype","-m time"):
        if len(re.findall(r"(?<!-)"+re.escape(o),text))>1: return match(rng,v6,chain)
    if "-p tcp" in text and "! -p tcp" in text and "-m tcp" in text: return match(rng,v6,chain)
    return text
def ruleset(rng,v6):
    users=["bad","A-chain","log_drop","deep"]
    out=[]
    n=[0]
    def add(table,chain,targets):
        n[0]+=1
        m=match(rng,v6,chain)
        t=rng.choice(targets)
        out_=f"-A {chain} {m} -m comment --comment n{n[0]} {t}"
        return re.sub(" +"," ",out_)
    text=""
    pre=[]
    if rng.random()<.6:
        mt=["-j ACCEPT","-j MARK --set-xmark 0x1/0xffffffff","-j RETURN","","-j "+("HL --hl-set 60" if v6 else "TTL --ttl-set 60"),"-j DSCP --set-dscp 0x0a","-j CONNMARK --save-mark"]
        if rng.random()<.5: mt=["-j ACCEPT","-j RETURN","","-g early","-j early"]
        text+="*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:early - [0:0]\n"
        for c in("PREROUTING","INPUT","POSTROUTING"):
            for _ in range(rng.randrange(4)):
                r=add("mangle",c,mt)
                if c=="POSTROUTING" and "-i " in r: continue
                if c=="INPUT" and "-o " in r: continue
                text+=r+"\n"
        for _ in range(rng.randrange(3)): text+=add("mangle","early",["-j ACCEPT","-j RETURN",""]).replace("-o eth","-i eth")+"\n"
        text+="COMMIT\n"
    if rng.random()<.3:
        text+="*raw\n:PREROUTING ACCEPT [0:0]\n"+add("raw","PREROUTING",["-j CT --notrack","-j ACCEPT",""])+"\nCOMMIT\n"
    flags=rng.choice([""," --log-tcp-options --log-ip-options --log-uid"," --log-tcp-sequence"])
    text+="*filter\n:INPUT DROP [0:0]\n:FORWARD "+rng.choice(["DROP","ACCEPT"])+" [0:0]\n:OUTPUT "+rng.choice(["DROP","ACCEPT"])+" [0:0]\n"+"".join(f":{u} - [0:0]\n" for u in users)
    for c in("INPUT","FORWARD","OUTPUT"):
        text+=f"-A {c} -j LOG --log-prefix \"all \"{flags}\n"
        for _ in range(rng.randrange(2,9)):
            text+=add("filter",c,["-j ACCEPT","-j DROP","-j DROP","","-j RETURN","-j bad","-j A-chain","-g log_drop","-j deep","-g deep","-j log_drop","-j REJECT"])+"\n"
    for i,u in enumerate(users):
        later=[f"-j {x}" for x in users[i+1:]]+[f"-g {x}" for x in users[i+1:]]
        for _ in range(rng.randrange(0,5)):
            r=add("filter",u,["-j ACCEPT","-j DROP","-j RETURN","","-j LOG --log-prefix \"deep \""]+later)
            if "-i " in r or "--mac-source" in r or "owner" in r or "-o " in r: r=re.sub(r"(! )?-[io] \S+ |-m mac (! )?--mac-source \S+ |-m owner --uid-owner 0 ","",r)
            text+=r+"\n"
    return text+"COMMIT\n"
def setup():
    for n in(R,A,B):
        subprocess.run(["ip","netns","del",n],capture_output=True); sh("ip","netns","add",n)
    sh("ip","link","add","eth0","netns",R,"address","00:16:3e:5e:6c:00","type","veth","peer","name","pa","netns",A)
    sh("ip","link","add","eth1","netns",R,"address","00:16:3e:5e:6c:01","type","veth","peer","name","pb","netns",B)
    ns(R,"sh","-c","for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done; echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding; for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 > $f; done")
    for c in["addr add 10.137.0.16/24 dev eth0","addr add 10.200.0.1/24 dev eth1","link set lo up","link set eth0 up","link set eth1 up","-6 addr add fd00:137::16/64 dev eth0 nodad","-6 addr add fd00:200::1/64 dev eth1 nodad",
        "route add default via 10.137.0.9","-6 route add default via fd00:137::9","neigh replace 10.137.0.9 lladdr 00:16:3e:00:00:01 dev eth0","neigh replace fd00:137::9 lladdr 00:16:3e:00:00:01 dev eth0"]+[f"neigh replace {a} lladdr 00:16:3e:00:00:05 dev eth1" for a in("10.200.0.5","10.200.0.9","fd00:200::5")]:
        ns(R,"ip",*c.split())
    ns(R,"sh","-c","for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done")
    for n,d in((A,"pa"),(B,"pb")):
        ns(n,"sh","-c",f"echo 1 > /proc/sys/net/ipv6/conf/{d}/disable_ipv6"); ns(n,"ip","link","set",d,"up")
    ns(R,"ipset","create","bad4","hash:net"); ns(R,"ipset","create","bad6","hash:net","family","inet6")
    for a in("203.0.113.0/24","10.200.0.9"): ns(R,"ipset","add","bad4",a)
    for a in("2001:db8::/32","fd00:200::5"): ns(R,"ipset","add","bad6",a)
    open(W+"/sets.ipset","wb").write(ns(R,"ipset","save"))
    time.sleep(2)
def kmsg():
    k=os.open("/dev/kmsg",os.O_RDONLY|os.O_NONBLOCK); os.lseek(k,0,os.SEEK_END); return k
def drain(k):
    got=[]
    while True:
        try: r=os.read(k,8192)
        except BlockingIOError: return got
        except BrokenPipeError: print("lost"); continue
        h,t=r.split(b";",1); t=t.split(b"\n",1)[0]
        if t.startswith((b"all IN",b"deep IN")): got.append(t.decode("latin-1"))
SENDER="import socket,sys,time\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.bind(('pa',0))\nfor l in sys.stdin:\n s.send(bytes.fromhex(l.strip())); time.sleep(0.001)\n"
LOCAL="""import socket,random,sys
random.seed(int(sys.argv[1])); v6=sys.argv[2]=='1'
for _ in range(30):
    d=random.choice(['fd00:200::5','fd00:137::9','::1'] if v6 else ['10.200.0.5','10.137.0.9','127.0.0.1','10.137.0.16'])
    p=random.choice([22,53,80,123,443,8443,40000])
    try:
        if random.random()<.5:
            s=socket.socket(10 if v6 else 2,2); s.sendto(b'q'*random.choice([1,60]),(d,p))
        else:
            s=socket.socket(10 if v6 else 2,1); s.setblocking(False); s.connect_ex((d,p))
    except OSError as e: pass
"""
def nmatch(rng,hook):
    n=rng.choice(["","","!= "])
    def one():
        k=rng.randrange(36)
        P=lambda c: "{ "+", ".join(str(p) for p in sorted(rng.sample(PORTS,c)))+" }"
        if k==0: return f"tcp dport {n}{P(3)}"
        if k==1: return f"udp dport {n}{rng.choice(PORTS)}"
        if k==2: return f"tcp dport {n}1-1023"
        if k==3: return f"th dport {n}{P(4)}"
        if k==4: return f"ip saddr {n}10.137.0.0/24"
        if k==5: return f"ip6 saddr {n}fd00::/16"
        if k==6: return "ip saddr "+n+"{ 10.137.0.9, 203.0.113.0/24, 192.168.0.0-192.168.255.255 }"
        if k==7: return f"ip daddr {n}@dsts"
        if k==8: return f"ip6 daddr {n}@dst6"
        if k==9: return f"ip protocol {n}"+rng.choice(["tcp","icmp","{ udp, tcp }"])
        if k==10: return f"meta l4proto {n}"+rng.choice(["tcp","{ tcp, udp }","ipv6-icmp","47"])
        if k==11: return f"meta nfproto {n}"+rng.choice(["ipv4","ipv6"])
        if k==12: return (f"iifname {n}"+rng.choice(['"eth0"','"eth*"','{ "eth0", "lo" }','"lo"']) if hook in("input","forward","prerouting") else f"oifname {n}"+rng.choice(['"eth0"','"lo"','"eth1"']))
        if k==13: return f"ct state {n}"+rng.choice(["new","invalid","established,related","{ new, invalid }","established","untracked"])
        if k==14: return "ct state vmap { invalid : drop, established : accept, related : accept }"
        if k==15: return f"tcp flags "+rng.choice(["syn / syn,ack,rst,fin","& (fin|syn) == (fin|syn)","!= syn","syn","& (fin|syn|rst|psh|ack|urg) == 0x0","fin,psh,urg / fin,psh,urg","syn,ack"])
        if k==16: return "limit rate 5/minute"
        if k==17: return "limit rate over 3/second burst 2 packets"
        if k==18: return f"icmp type {n}"+rng.choice(["echo-request","{ destination-unreachable, time-exceeded }","echo-reply"])
        if k==19: return f"icmpv6 type {n}"+rng.choice(["echo-request","{ nd-neighbor-solicit, nd-router-advert, nd-router-solicit }"])
        if k==20: return f"meta pkttype {n}"+rng.choice(["broadcast","multicast","host","{ broadcast, multicast }"])
        if k==21: return f"fib daddr type {n}"+rng.choice(["local","multicast","unicast","{ broadcast, multicast }"])
        if k==22: return f"meta mark {n}"+rng.choice(["0x1","0","{ 1, 2 }"])
        if k==23: return f"meta length {n}"+rng.choice(["0-60","40"])
        if k==24: return f"ip ttl {n}"+rng.choice(["64","1-63"])
        if k==25: return f"ip dscp {n}"+rng.choice(["cs0","ef","af11"])
        if k==26: return f"ip frag-off & 0x1fff {rng.choice(['!=','=='])} 0"
        if k==27: return f"ether saddr {n}00:16:3e:00:00:01" if hook in("input","forward","prerouting") else "meta skuid 0"
        if k==28: return "ip saddr . tcp dport { 10.137.0.9 . 22, 203.0.113.9 . 23, 198.51.100.7 . 80 }"
        if k==29: return "meta l4proto . th dport { tcp . 22, udp . 53, tcp . 443, udp . 137 }"
        if k==30: return "tcp dport vmap { 22 : accept, 23 : drop, 80 : jump other, 8000-9000 : drop }"
        if k==31: return "ip saddr & 255.0.0.255 == 10.0.0.9"
        if k==32: return "numgen random mod 2 == 0"
        if k==33: return rng.choice(["ip6 hoplimit 64","ip6 nexthdr tcp","exthdr frag exists","ip6 hoplimit < 64"])
        if k==34: return f"udp dport {rng.choice(['>= 1024','< 1024','> 137','<= 53'])}"
        if k==35: return rng.choice(["@th,16,16 53","meta cpu 0","rt classid 0","ct direction original","ct mark 0","ct protocol tcp","socket transparent 1","meta time > \"2020-01-01 00:00:00\"", "meta hour \"00:00\"-\"12:00\"","ip length 40","udp length < 30","tcp sport 1024-65535","tcp option maxseg size 1-600","ip version 4","tcp sequence 0-100", "ip saddr 10.137.0.9 ip daddr 10.137.0.16","ip id 1-100", "ip options ra exists"])
    return " ".join(one() for _ in range(rng.choice([1,1,1,2])))
def nruleset(rng):
    n=[0]
    def r(hook,targets):
        n[0]+=1
        m=nmatch(rng,hook)
        t=rng.choice(targets)
        if "vmap" in m:
            # a verdict map ends the rule
            m=" ".join([x for x in [m]]); 
            parts=m.split(" vmap "); 
            if not m.endswith("}") or m.count("vmap")>1: return r(hook,targets)
            return f"    counter {m} comment \"n{n[0]}\"" if False else f"    {m.split(' '+('ct' if 'ct state vmap' in m else 'tcp')+' ')[0]+' ' if False else ''}counter {m} comment \"n{n[0]}\""
        return f"    {m} counter {t} comment \"n{n[0]}\""
    t="table inet fw {\n  set dsts { type ipv4_addr; flags interval; elements = { 10.200.0.0/24, 10.137.0.255 }; }\n  set dst6 { type ipv6_addr; flags interval; elements = { fd00:200::/64, ff02::1 }; }\n"
    t+="  chain other {\n"+"\n".join(r("user",["drop","accept","return",""]) for _ in range(rng.randrange(3)))+"\n  }\n"
    t=re.sub(r"80 : jump other","80 : jump other",t)
    for h,pol in(("input","drop"),("forward",rng.choice(["drop","accept"])),("output",rng.choice(["drop","accept"]))):
        t+=f"  chain {h} {{\n    type filter hook {h} priority {rng.choice(['0','filter','10'])}; policy {pol};\n    log prefix \"all \"{rng.choice(['',' flags all'])}\n"
        t+="\n".join(r(h,["accept","drop","drop","","return","jump other","goto other","reject"]) for _ in range(rng.randrange(3,10)))+"\n  }\n"
    if rng.random()<.4:
        t+="  chain pre {\n    type filter hook prerouting priority mangle; policy accept;\n"+"\n".join(r("prerouting",["","accept","meta mark set 1","return"]) for _ in range(2))+"\n  }\n"
    if rng.random()<.4:
        t+="  chain post {\n    type filter hook postrouting priority mangle; policy accept;\n"+"\n".join(r("output",["","accept"]) for _ in range(2))+"\n  }\n"
    return t+"}\n"
def load_iptables(rng, seed):
    v6 = seed % 3 == 2
    tool = ("ip6tables-" if v6 else "iptables-") + rng.choice(["nft", "legacy"])
    for t in ("iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy"):
        empty = "".join(f"*{table}\nCOMMIT\n" for table in ("filter", "mangle", "raw"))
        ns(R, t + "-restore", input=empty.encode())
    while True:
        given = ruleset(rng, v6).encode()
        if subprocess.run(["ip", "netns", "exec", R, tool + "-restore"], input=given, capture_output=True).returncode == 0:
            return v6, "rules", [tool + "-save", "-c"]

def load_nft(rng, seed):
    ns(R, "nft", "flush", "ruleset")
    while True:
        given = nruleset(rng).encode()
        if subprocess.run(["ip", "netns", "exec", R, "nft", "-f", "-"], input=given, capture_output=True).returncode == 0:
            return seed % 2 == 1, "json", ["nft", "-j", "list", "ruleset"]

def main():
    switch = "/proc/sys/net/netfilter/nf_log_all_netns"
    before = open(switch).read()
    open(switch, "w").write("1")
    try:
        setup()
        k = kmsg()
        for seed in range(FIRST, FIRST + COUNT):
            rng = random.Random(seed)
            random.seed(seed)
            v6, ending, save = (load_nft if KIND == "nft" else load_iptables)(rng, seed)
            drain(k)
            frames = [f for _ in range(120) for f in frame(rng, v6)]
            ns(A, sys.executable, "-c", SENDER, input="\n".join(f.hex() for f in frames).encode())
            ns(R, sys.executable, "-c", LOCAL, str(seed), "1" if v6 else "0")
            time.sleep(0.15)
            saved, log = ns(R, *save), drain(k)
            # The log and the counters are of the same packets, or the seed is left out.
            counters = lambda text: re.findall(rb"\[\d+:\d+\]|\"packets\": \d+", text)
            if counters(saved) != counters(ns(R, *save)):
                continue
            open(f"{W}/{seed}.{ending}", "wb").write(saved)
            with open(f"{W}/{seed}.log", "w", encoding="latin-1") as out:
                out.writelines(f"[{i // 10:5}.{i % 10}00000] {line}\n" for i, line in enumerate(log))
    finally:
        open(switch, "w").write(before)
        for n in (R, A, B):
            subprocess.run(["ip", "netns", "del", n], capture_output=True)

main()
