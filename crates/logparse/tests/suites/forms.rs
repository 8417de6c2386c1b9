//! Forms of lines: what comes before a packet, and packets, each in many kinds.
//!
//! Written down here once; `engines` puts them together in every way and compares what reads them.

use std::collections::HashSet;

use crate::common::*;

/// Envelopes: those that a scan learns, those that it must not, and those that look like each
/// other.
pub(crate) const ENVELOPES: &[&[u8]] = &[
    b"Jun 30 06:06:13 gw kernel: [ 8486.974964] ",
    b"Jun 30 06:06:13 gw kernel: ",
    b"2024-06-30T06:06:13.123456+02:00 gw kernel: [ 8486.974964] ",
    b"2024-06-30T06:06:13+02:00 gw kernel: ",
    b"[ 8486.974964] ",
    b"<4>[ 8486.974964] ",
    b"<4>Jun 30 06:06:13 gw kernel: ",
    b"<4>1 2024-06-30T06:06:13.123456Z gw kernel - - - [ 8486.974964] ",
    b"[Sun Jun 30 06:06:13 2024] ",
    b"Sun Jun 30 06:06:13 2024 kern.warn kernel: [ 8486.974964] ",
    b"kernel: ",
    b"",
    b"Jun 30 06:06:13 ",
    b"Jun 30 06:06:13 gw ",
    b"Jun 30 06:06:13 kernel: ",
    b"Jun 30 06:06:13 gw gw kernel: ",
    b"Jun 30 06:06:13 gw gw ",
    b"Jun 30 06:06:13 gw kernel[12]: ",
    b"Jun 30 06:06:13 gw kernel[1.123456]: [ 8486.974964] ",
    b"Jun 30 06:06:13 gw kernel: message repeated 1 times: [ ",
    b"Jun 30 06:06:13 gw kernel: message repeated 2 times: [ ",
    b"message repeated 1 times: [ ",
    b"[ 8486.974964] gw kernel: ",
    b"[ 8486.974964] kernel: ",
    b"[ 8486.974964][    C1] ",
    b"[ 8486.974964@3] ",
    b"[ 8486.97] ",
    b"[ 8486.974964 <    0.000035>] ",
    b"[  +0.000035] ",
    b"[Jun30 06:06] ",
    b"2024-06-30 06:06:13,123456+02:00 ",
    b"2024-06-30T06:06:13.1234567890+0200 gw kernel: ",
    b"Jun 30 2024 06:06:13 gw kernel: ",
    b"Jun 30 06:06:13.123 gw kernel: ",
    b"Jun  3 06:06:13 10.0.0.1 kern.warn kernel: ",
    b"Jun 30 06:06:13 fe80::1: kernel: ",
    b"Jun 30 06:06:13 [1719720373.123] gw kernel: ",
    b"Sun 2024-06-30 06:06:13 CEST gw kernel: ",
    b"1719720373.123456 gw kernel: ",
    b"183 <4>1 2024-06-30T06:06:13Z gw kernel - - - ",
    b"<4>1 2024-06-30T06:06:13Z gw kernel 12 - [x@1 a=\"b]\"] ",
    b"\0\0\0Jun 30 06:06:13 gw kernel: ",
    b"kern  :warn  : [ 8486.974964] ",
    b"kern.info: ",
    b"MESSAGE=",
    b"4,1234,8486974964,-;",
    b"2024-06-30T06:06:13.123456789Z stdout F Jun 30 06:06:13 gw kernel: ",
    b"2024-06-30T06:06:13.123456789Z stdout P Jun 30 06:06:13 gw kernel: ",
    b"100 6 tap100i0-IN 30/Jun/2024:06:06:13 +0200 ",
    b"{\"log\":\"",
    b" ",
];

/// Beginnings of messages: prefixes, and what might be a host, a tag, a stamp or a level.
pub(crate) const WORDS: &[&[u8]] = &[
    b"",
    b"DROP ",
    b"tcp.in.dropped ",
    b"[UFW BLOCK] ",
    b"kernel: ",
    b"kernel",
    b"kernel:",
    b"kernel[1]: ",
    b"[ 8486.974964] ",
    b"[    1.000000] DROP ",
    b"[1.0",
    b"[    C1] ",
    b"[   T12]",
    b"message repeated 1 times: [ ",
    b"message repeated 3 times: [ ",
    b"host kernel: ",
    b"gw ",
    b"gw kernel: ",
    b"gw kernel: [ 8486.974964] ",
    b"gw gw ",
    b"gw: ",
    b"tag[12]: ",
    b"<4>",
    b"<4>[    1.000000] ",
    b"<4>1 2024-06-30T06:06:13Z gw kernel - - - ",
    b"10.0.0.1 ",
    b"fe80::1: ",
    b"kern.warn kernel: ",
    b"kern.info: ",
    b"Jun 30 06:06:13 ",
    b"Jun 30 06:06:13 gw kernel: ",
    b"2024-06-30T06:06:13Z ",
    b"[Sun Jun 30 06:06:13 2024] ",
    b"[1719720373.123] ",
    b"- ",
    b"a=b ",
    b"\"x ",
    b"PHYS",
    b"x",
    b"{",
    b"\xef\xbb\xbf",
    b" ",
    b"  ",
    b"\t",
    b"MESSAGE=",
    b"SRC=6.6.6.6 ",
    b"OUT= ",
    b"IN=x OUT= ",
    b"IN=",
    b"[SRC=",
    b"a prefix that differs only behind its 24th byte: A ",
    b"a prefix that differs only behind its 24th byte: B ",
    b"a prefix that is longer than the 64 bytes of the first compare, and then C ",
    b"a prefix that is longer than the 64 bytes of the first compare, and then D ",
    b"a prefix that is longer than any front that is learned: it goes on and on, up to the hundred and \
      twentieth byte and more: ",
];

/// Headers up to `SRC=`.
pub(crate) const HEADERS: &[&[u8]] = &[
    b"IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 ",
    b"IN=eth0 OUT= MAC=00:16:3e:5e:6c:01:fe:ff:ff:ff:ff:ff:86:dd ",
    b"IN=eth0 OUT= MAC=00:16:3E:5E:6C:00:FE:FF:FF:FF:FF:FF:08:00 ",
    b"IN=eth0 OUT= MAC= ",
    b"IN=eth0 OUT= MAC=00:16:3e:5e ",
    b"IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:81:00:00:0a:08:00 ",
    b"IN=eth0 OUT= MAC=45:00:00:3c TUNNEL=1.2.3.4->5.6.7.8 ",
    b"IN=eth0 OUT= ",
    b"IN= OUT=eth0 ",
    b"IN= OUT= ",
    b"IN=eth0 OUT=eth1 MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 ",
    b"IN=eth0 OUT=eth1 ",
    b"IN=br0 OUT=br0 PHYSIN=eth0 PHYSOUT=eth1 MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 ",
    b"IN=br0 OUT=br0 PHYSIN=eth2 PHYSOUT=eth1 MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 ",
    b"IN=br0 PHYSIN=eth0 OUT=br0 PHYSOUT=eth1 ",
    b"IN=eth0 OUT= MACSRC=00:16:3e:5e:6c:00 MACDST=fe:ff:ff:ff:ff:ff MACPROTO=0800 ",
    b"IN=eth0 OUT= MACSRC=00:16:3e:5e:6c:00 MACDST=fe:ff:ff:ff:ff:ff VPROTO=8100 VID=10 MACPROTO=86dd ",
    b"IN=eth0  OUT= ",
    b"IN=eth0 OUT=  ",
    b"IN=eth0 OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00  ",
    b"IN=IN= OUT= ",
    b"IN=IN= OUT= MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:ff:08:00 ",
    b"IN=a=b OUT=SRC=6.6.6.6 ",
    b"IN=OUT= OUT=IN= ",
    b"IN=averylongname_ OUT=anotherlongname ",
    b"IN=muchtoolongforaname OUT= ",
];

/// What follows the header: every form that the quick path knows, and neighbours.
pub(crate) const BODIES: &[&[u8]] = &[
    b"SRC=10.137.0.14 DST=10.137.0.16 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 DF PROTO=TCP SPT=56296 DPT=8443 \
      WINDOW=64240 RES=0x00 SYN URGP=0 ",
    b"SRC=203.0.113.255 DST=1.2.3.4 LEN=1500 TOS=0x10 PREC=0xE0 TTL=255 ID=65535 PROTO=TCP SPT=1 DPT=65535 \
      SEQ=4294967295 ACK=0 WINDOW=0 RES=0x3c CWR ECE URG ACK PSH RST SYN FIN URGP=65535 OPT (020405B40101) UID=0 \
      GID=4294967295 MARK=0xffffffff ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=1 ID=0 PROTO=TCP SPT=22 DPT=22 WINDOW=1 RES=0x00 \
      ACK RST URGP=0 OPT (0101) ",
    b"SRC=192.168.1.255 DST=224.0.0.251 LEN=72 TOS=0x1C PREC=0x20 TTL=128 ID=1 DF PROTO=UDP SPT=5353 DPT=53 \
      LEN=52 MARK=0x1 ",
    b"SRC=192.168.1.255 DST=224.0.0.251 LEN=72 TOS=0x1C PREC=0x20 TTL=128 ID=1 PROTO=UDP SPT=5353 DPT=53 LEN=52",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0x00 TTL=64 ID=4711 DF PROTO=ICMP TYPE=8 CODE=0 ID=12 \
      SEQ=34567 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=3 CODE=4 \
      [SRC=10.0.0.2 DST=10.0.0.1 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 DF PROTO=TCP SPT=56296 DPT=8443 \
      WINDOW=64240 RES=0x00 SYN URGP=0 ] MTU=1500 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=11 CODE=0 \
      [SRC=10.0.0.2 DST=10.0.0.1 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 DF PROTO=UDP SPT=56296 DPT=8443 LEN=8 ] \
      MARK=0xa ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=3 CODE=1 \
      [SRC=10.0.0.2 DST=10.0.0.1 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=TCP SPT=56296 DPT=8443 SEQ=1 ACK=2 \
      WINDOW=64240 RES=0x00 SYN URGP=0 OPT (0204) ] ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=3 CODE=3 \
      [SRC=10.0.0.2 DST=10.0.0.1 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=2 ] ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=11 CODE=1 \
      [SRC=10.0.0.2 DST=10.0.0.1 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=47 ] ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=13 CODE=0 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=5 CODE=1 \
      GATEWAY=10.0.0.9 [SRC=10.0.0.2 DST=10.0.0.1 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=2 ] ",
    b"SRC=10.0.0.1 DST=224.0.0.1 LEN=36 TOS=0x00 PREC=0xC0 TTL=1 ID=0 DF PROTO=2 ",
    b"SRC=10.0.0.1 DST=224.0.0.1 LEN=36 TOS=0x00 PREC=0xC0 TTL=1 ID=0 CE DF MF FRAG:185 OPT (94040000) PROTO=2 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=36 TOS=0x00 PREC=0xC0 TTL=1 ID=0 PROTO=ESP SPI=0x1a ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=36 TOS=0x00 PREC=0xC0 TTL=1 ID=0 PROTO=UDP INCOMPLETE [4 bytes] ",
    b"SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0001:ff00:00fb LEN=80 TC=0 \
      HOPLIMIT=64 FLOWLBL=1048575 PROTO=TCP SPT=443 DPT=50000 WINDOW=65535 RES=0x00 ACK SYN URGP=0 ",
    b"SRC=2001:0db8:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0001:ff00:00fb LEN=80 TC=255 \
      HOPLIMIT=255 FLOWLBL=0 PROTO=UDP SPT=546 DPT=547 LEN=40 UID=1000 GID=1000 ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 OPT ( ) PROTO=ICMPv6 TYPE=143 CODE=0 ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=2 ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 PROTO=ICMPv6 TYPE=1 CODE=4 [SRC=fe80:0000:0000:0000:0000:0000:0000:0002 \
      DST=fe80:0000:0000:0000:0000:0000:0000:0001 LEN=76 TC=0 HOPLIMIT=1 FLOWLBL=0 PROTO=UDP SPT=1 DPT=2 LEN=8 ] ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 PROTO=0 ",
    // What the kernel never writes, and a hurried reader might take.
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=3 CODE=1 \
      [SRC=fe80:0000:0000:0000:0000:0000:0000:0002 DST=fe80:0000:0000:0000:0000:0000:0000:0001 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 PROTO=UDP SPT=1 DPT=2 LEN=8 ] ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 \
      SYN SYN FIN ACK ACK URGP=0 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 \
      SYN SYN SYN SYN SYN SYN SYN SYN SYN SYN URGP=0 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 \
      URGP=0 OPT () ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=TCP SPT=1 DPT=2 WINDOW=3 RES=0x00 \
      URGP=0 OPT (020) ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=6 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=17 SPT=1 DPT=2 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=2 GID=1 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=2 MARK=0x01 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=2 ]",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=2  ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=2 \r",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=0x00 PREC=0x00 TTL=63 ID=758 PROTO=2 \0\0",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=52 TOS=00 PREC=0x00 TTL=63 ID=758 PROTO=TCP SPT=1 DPT=2 WINDOW=3 SYN URGP=0 \
      MARK=0 ",
    // What few packets have.
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=9 MF PROTO=UDP SPT=1 DPT=2 LEN=4000 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=9 MF FRAG:185 PROTO=UDP ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=9 DF FRAG:8191 PROTO=TCP MARK=0x1 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=9 FRAG:1 PROTO=ICMP ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=9 CE FRAG:370 PROTO=47 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=1500 TOS=0x00 PREC=0x00 TTL=64 ID=9 FRAG:370 PROTO=AH ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=9 DF OPT (94040000) PROTO=TCP SPT=1 DPT=22 \
      WINDOW=64240 RES=0x00 SYN URGP=0 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=9 OPT \
      (0727040A0000010A0000020A0000030A0000040A0000050A0000060A0000070A0000080A00000901) PROTO=UDP SPT=1 DPT=2 LEN=8 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=9 PROTO=UDPLITE SPT=1 DPT=2 LEN=8 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=9 PROTO=AH SPI=0xdeadbeef MARK=0x1 ",
    b"SRC=10.0.0.1 DST=10.0.0.2 LEN=84 TOS=0x00 PREC=0xC0 TTL=64 ID=4711 PROTO=ICMP TYPE=12 CODE=0 PARAMETER=20 ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 FRAG:0 INCOMPLETE ID:deadbeef PROTO=UDP SPT=1 DPT=2 LEN=8 ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 OPT ( FRAG:1448 ID:0000000a ) PROTO=UDP ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 OPT ( ) OPT ( AH SPI=0x12345678 ) OPT ( ) PROTO=TCP SPT=1 DPT=2 WINDOW=1 RES=0x00 SYN \
      URGP=0 ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 PROTO=ICMPv6 TYPE=2 CODE=0 [SRC=fe80:0000:0000:0000:0000:0000:0000:0002 \
      DST=fe80:0000:0000:0000:0000:0000:0000:0001 LEN=76 TC=0 HOPLIMIT=1 FLOWLBL=0 PROTO=ICMPv6 TYPE=129 CODE=0 ID=1 \
      SEQ=2 ] MTU=1280 ",
    b"SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0016 LEN=76 TC=0 \
      HOPLIMIT=1 FLOWLBL=0 PROTO=ICMPv6 TYPE=4 CODE=1 POINTER=00000028 [SRC=fe80:0000:0000:0000:0000:0000:0000:0002 \
      DST=fe80:0000:0000:0000:0000:0000:0000:0001 LEN=76 TC=0 HOPLIMIT=1 FLOWLBL=0 OPT ( ) PROTO=0 ] ",
    b"ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=fe:ff:ff:ff:ff:ff IPSRC=10.137.0.14 MACDST=00:00:00:00:00:00 \
      IPDST=10.137.0.16",
];

/// The last of these are rare and read quickly all the same; ARP has no link layer.
pub(crate) const RARE: usize = 17;

/// Objects of many writers; `@` is where the message goes.
pub(crate) const OBJECTS: &[&str] = &[
    r#"{"log":"Jun 30 06:06:13 gw kernel: [ 8486.974964] @\n","stream":"stdout","time":"2024-06-30T04:06:13.5Z"}"#,
    r#"{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1719720373000000","_TRANSPORT":"kernel","PRIORITY":"4","SYSLOG_FACILITY":"0","SYSLOG_IDENTIFIER":"kernel","_HOSTNAME":"gw","_SOURCE_MONOTONIC_TIMESTAMP":"8486974964","MESSAGE":"@"}"#,
    r#"{ "__CURSOR" : "s=1;i=2", "MESSAGE" : "@", "_TRANSPORT" : "kernel", "X" : [ "a", "b" ], "_HOSTNAME" : "gw" }"#,
    r#"{"SOURCE":"s_src","PROGRAM":"kernel","PRIORITY":"warning","MESSAGE":"[ 8486.974964] @","HOST_FROM":"gw","HOST":"gw","FACILITY":"kern","DATE":"Jun 30 06:06:13"}"#,
    r#"{"@timestamp":"2024-06-30T04:06:13Z","host":{"name":"gw"},"log":{"syslog":{"priority":4}},"message":"@"}"#,
    r#"{"version":"1.1","host":"gw","short_message":"@","timestamp":1719720373.123,"level":4,"_tag":"kernel","facility":"kern"}"#,
    r#"{"pri":4,"time":    8486.974964,"msg":"@"}"#,
    r#"[0] kmsg: [1719720373.5, {"priority"=>4, "sec"=>8486, "usec"=>974964, "msg"=>"@"}]"#,
    "4,1234,8486974964,-;@",
    "4,1235,8486974964,-,caller=T12;@",
];

/// One line of each form of body, before which the quick path's heads change as well.
pub(crate) fn representatives() -> Vec<Vec<u8>> {
    BODIES
        .iter()
        .enumerate()
        .map(|(i, body)| {
            [ENVELOPES[i % 10], WORDS[1 + i % 3], HEADERS[[0, 7, 8, 12, 15][i % 5]], body].concat()
        })
        .collect()
}

/// One line of each form of the suite, as it stands and behind an envelope that a scan learns.
/// Lines with the same keys and upper-case words have the same form.
pub(crate) fn forms() -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    let mut out = representatives();
    // Of each kind of envelope some.
    out.extend(envelopes().into_iter().step_by(6).map(|(_, line, _)| line));
    for (i, case) in cases().into_iter().enumerate() {
        let mut form = Vec::new();
        for word in case.line.split(|byte| *byte == b' ') {
            let key = word.iter().position(|byte| *byte == b'=').map_or(word, |at| &word[..at]);
            if key.len() < word.len() || key.iter().all(u8::is_ascii_uppercase) {
                form.extend_from_slice(key);
                form.push(b' ');
            }
        }
        if !seen.insert((form, case.message.is_some())) {
            continue;
        }
        if let Some(start) = case.message {
            out.push([ENVELOPES[i % 10], &case.line[start..]].concat());
        }
        out.push(case.line);
    }
    assert!(out.len() > 300, "{}", out.len());
    out
}
