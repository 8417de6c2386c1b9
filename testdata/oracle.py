"""What Linux 6.18 prints about a packet, computed from the packet's bytes.

The expectations of lines/kernel-*.toml come from here, not from the lines: `convert.py` takes
the frame that was sent, computes text and fields with this module, and only then looks at the
line. The functions follow net/netfilter/nf_log_syslog.c and net/bridge/netfilter/ebt_log.c of
Linux 6.18 and are named after them.

Keys are those of the suite, see README.md.
"""

import ipaddress

ETH_NAMES = {1: 'ICMP', 6: 'TCP', 17: 'UDP', 50: 'ESP', 51: 'AH', 58: 'ICMPv6', 136: 'UDPLITE'}
REQUIRED = {0: 4, 3: 28, 4: 28, 5: 28, 8: 4, 11: 28, 12: 28, 13: 20, 14: 20, 17: 12, 18: 12}
TCP_FLAGS = [(0x100, 'AE'), (0x80, 'CWR'), (0x40, 'ECE'), (0x20, 'URG'), (0x10, 'ACK'), (8, 'PSH'),
             (4, 'RST'), (2, 'SYN'), (1, 'FIN')]


def u16(b):
    return int.from_bytes(b[:2], 'big')


def u32(b):
    return int.from_bytes(b[:4], 'big')


def mac(b):
    return ':'.join(f'{x:02x}' for x in b)


def ip4(b):
    return '.'.join(map(str, b[:4]))


def ip6(b):
    return ':'.join(b[i:i + 2].hex() for i in range(0, 16, 2))


class Log:
    """The text and the fields of one line, side by side; `ends` is where each field's text ends."""

    def __init__(self):
        self.text = ''
        self.fields = {}
        self.ends = {}

    def add(self, text, **fields):
        self.text += text
        self.fields.update(fields)
        self.ends.update(dict.fromkeys(fields, len(self.text)))


def u32wrap(n):
    return n % (1 << 32)


def dump_tcp_header(log, skb, offset, fragment, flags):
    log.add('PROTO=TCP ', proto='TCP')
    if fragment:
        return False
    th = skb[offset:offset + 20]
    if len(th) < 20:
        n = u32wrap(len(skb) - offset)
        log.add(f'INCOMPLETE [{n} bytes] ', incomplete=n)
        return True
    log.add(f'SPT={u16(th)} DPT={u16(th[2:])} ', spt=u16(th), dpt=u16(th[2:]))
    if 'tcpseq' in flags:
        log.add(f'SEQ={u32(th[4:])} ACK={u32(th[8:])} ', tcp_seq=u32(th[4:]), tcp_ack=u32(th[8:]))
    log.add(f'WINDOW={u16(th[14:])} ', window=u16(th[14:]))
    word = u16(th[12:])
    res = (word & 0x0e00) >> 6
    log.add(f'RES=0x{res:02x} ', res=res)
    names = [name for bit, name in TCP_FLAGS if word & bit]
    log.add(''.join(n + ' ' for n in names), tcp_flags=names)
    log.add(f'URGP={u16(th[18:])} ', urgp=u16(th[18:]))
    doff = th[12] >> 4
    if 'tcpopt' in flags and doff * 4 > 20:
        size = doff * 4 - 20
        op = skb[offset + 20:offset + 20 + size]
        if len(op) < size:
            log.add('OPT (TRUNCATED)', truncated='tcp_options')
            return True
        log.add(f'OPT ({op.hex().upper()}) ', tcp_opt=op.hex().upper())
    return False


def dump_udp_header(log, skb, offset, fragment, proto):
    name = 'UDP' if proto == 17 else 'UDPLITE'
    log.add(f'PROTO={name} ', proto=name)
    if fragment:
        return False
    uh = skb[offset:offset + 8]
    if len(uh) < 8:
        n = u32wrap(len(skb) - offset)
        log.add(f'INCOMPLETE [{n} bytes] ', incomplete=n)
        return True
    log.add(f'SPT={u16(uh)} DPT={u16(uh[2:])} LEN={u16(uh[4:])} ', spt=u16(uh), dpt=u16(uh[2:]),
            udp_len=u16(uh[4:]))
    return False


def quote(log, dump):
    inner = Log()
    dump(inner)
    log.add('[' + inner.text + '] ', inner=inner.fields)


def socket(log, context):
    if 'uid' in context['flags'] and context.get('uid') is not None:
        log.add(f"UID={context['uid']} GID={context['gid']} ", uid=context['uid'], gid=context['gid'])


def dump_ipv4(log, skb, iphoff, context, top=True):
    flags = context['flags']
    ih = skb[iphoff:iphoff + 20]
    if len(ih) < 20:
        return log.add('TRUNCATED', truncated='ip_header')
    tos, ttl = ih[1], ih[8]
    if top:
        ttl = max(0, ttl - context.get('hops', 0))
    log.add(f'SRC={ip4(ih[12:])} DST={ip4(ih[16:])} ', src=ip4(ih[12:]), dst=ip4(ih[16:]))
    log.add(f'LEN={u16(ih[2:])} TOS=0x{tos & 0x1e:02X} PREC=0x{tos & 0xe0:02X} TTL={ttl} ID={u16(ih[4:])} ',
            len=u16(ih[2:]), tos=tos & 0x1e, prec=tos & 0xe0, ttl=ttl, ip_id=u16(ih[4:]))
    off = u16(ih[6:])
    for bit, word in (0x8000, 'CE'), (0x4000, 'DF'), (0x2000, 'MF'):
        if off & bit:
            log.add(word + ' ', **{word.lower(): True})
    fragment = off & 0x1fff
    if fragment:
        log.add(f'FRAG:{fragment} ', frag=fragment)
    ihl = (ih[0] & 15) * 4
    if 'ipopt' in flags and ihl > 20:
        op = skb[iphoff + 20:iphoff + ihl]
        if len(op) < ihl - 20:
            return log.add('TRUNCATED', truncated='ip_options')
        log.add(f'OPT ({op.hex().upper()}) ', ip_opt=op.hex().upper())
    at, proto = iphoff + ihl, ih[9]
    left = u32wrap(len(skb) - at)
    if proto == 6:
        if dump_tcp_header(log, skb, at, fragment, flags):
            return None
    elif proto in (17, 136):
        if dump_udp_header(log, skb, at, fragment, proto):
            return None
    elif proto == 1:
        log.add('PROTO=ICMP ', proto='ICMP')
        if not fragment:
            dump_icmp(log, skb, at, left, context, top)
    elif proto == 51:
        if not fragment:
            log.add('PROTO=AH ', proto='AH')
            if len(skb) < at + 12:
                log.add(f'INCOMPLETE [{left} bytes] ', incomplete=left)
            else:
                spi = u32(skb[at + 4:])
                log.add(f'SPI=0x{spi:x} ', spi=spi)
    elif proto == 50:
        log.add('PROTO=ESP ', proto='ESP')
        if not fragment:
            if len(skb) < at + 8:
                log.add(f'INCOMPLETE [{left} bytes] ', incomplete=left)
            else:
                spi = u32(skb[at:])
                log.add(f'SPI=0x{spi:x} ', spi=spi)
    else:
        log.add(f'PROTO={proto} ', proto=str(proto))
    if top and not context.get('egress'):
        socket(log, context)
        if context.get('mark'):
            log.add(f"MARK=0x{context['mark']:x} ", mark=context['mark'])
    return None


def dump_icmp(log, skb, at, left, context, top):
    ich = skb[at:at + 8]
    if len(ich) < 8:
        return log.add(f'INCOMPLETE [{left} bytes] ', incomplete=left)
    kind, code = ich[0], ich[1]
    log.add(f'TYPE={kind} CODE={code} ', type=kind, code=code)
    if left < REQUIRED.get(kind, 0):
        return log.add(f'INCOMPLETE [{left} bytes] ', incomplete=left)
    if kind in (0, 8):
        log.add(f'ID={u16(ich[4:])} SEQ={u16(ich[6:])} ', icmp_id=u16(ich[4:]), icmp_seq=u16(ich[6:]))
    elif kind == 12:
        log.add(f'PARAMETER={ich[4]} ', parameter=ich[4])
    elif kind in (3, 4, 5, 11):
        if kind == 5:
            log.add(f'GATEWAY={ip4(ich[4:])} ', gateway=ip4(ich[4:]))
        if top and not context.get('egress'):
            quote(log, lambda inner: dump_ipv4(inner, skb, at + 8, context, top=False))
        if kind == 3 and code == 4:
            log.add(f'MTU={u16(ich[6:])} ', mtu=u16(ich[6:]))
    return None


def dump_ipv6(log, skb, ip6hoff, context, top=True):
    flags = context['flags']
    ih = skb[ip6hoff:ip6hoff + 40]
    if len(ih) < 40:
        return log.add('TRUNCATED', truncated='ip_header')
    hops = max(0, ih[7] - (context.get('hops', 0) if top else 0))
    tc, label = u32(ih) >> 20 & 0xff, u32(ih) & 0xfffff
    log.add(f'SRC={ip6(ih[8:24])} DST={ip6(ih[24:40])} ', src=ip6(ih[8:24]), dst=ip6(ih[24:40]))
    log.add(f'LEN={u16(ih[4:]) + 40} TC={tc} HOPLIMIT={hops} FLOWLBL={label} ', len=u16(ih[4:]) + 40, tc=tc,
            hoplimit=hops, flowlbl=label)
    ptr, current, fragment = ip6hoff + 40, ih[6], False
    ipopt = 'ipopt' in flags
    ext = []
    while current in (0, 43, 44, 50, 51, 60):
        hp = skb[ptr:ptr + 2]
        if len(hp) < 2:
            return log.add('TRUNCATED', truncated='ext_header')
        item = {'par': True} if ipopt else {}
        if ipopt:
            log.add('OPT ( ')
        if ipopt or current == 44:
            ext.append(item)
            log.add('', ext=ext)
        if current == 44:
            fh = skb[ptr:ptr + 8]
            if len(fh) < 8:
                item['frag'] = None
                return log.add('FRAG:TRUNCATED ', truncated='frag_header')
            off = u16(fh[2:])
            item['frag'] = off & 0xfff8
            log.add(f'FRAG:{off & 0xfff8} ')
            if off & 1:
                item['more'] = True
                log.add('INCOMPLETE ')
            item['frag_id'] = u32(fh[4:])
            log.add(f'ID:{u32(fh[4:]):08x} ')
            fragment |= bool(off & 0xfff8)
            size = 8
        elif current in (0, 43, 60):
            if fragment:
                if ipopt:
                    item['last'] = True
                    log.add(')')
                return None
            size = (hp[1] + 1) * 8
        elif current == 51:
            if ipopt:
                item['hdr'] = 'AH'
                log.add('AH ')
                if fragment:
                    item['last'] = True
                    return log.add(')')
                ah = skb[ptr:ptr + 12]
                if len(ah) < 12:
                    item['incomplete'] = u32wrap(len(skb) - ptr)
                    item['last'] = True
                    return log.add(f"INCOMPLETE [{item['incomplete']} bytes] )")
                item['spi'] = u32(ah[4:])
                log.add(f"SPI=0x{item['spi']:x} ")
            size = (hp[1] + 2) * 4
        else:
            if ipopt:
                item['hdr'] = 'ESP'
                item['last'] = True
                log.add('ESP ')
                if fragment:
                    return log.add(')')
                if len(skb) < ptr + 8:
                    item['incomplete'] = u32wrap(len(skb) - ptr)
                    return log.add(f"INCOMPLETE [{item['incomplete']} bytes] )")
                item['spi'] = u32(skb[ptr:])
                log.add(f"SPI=0x{item['spi']:x} )")
            return None
        if ipopt:
            log.add(') ')
        current, ptr = hp[0], ptr + size
    if current == 6:
        if dump_tcp_header(log, skb, ptr, fragment, flags):
            return None
    elif current in (17, 136):
        if dump_udp_header(log, skb, ptr, fragment, current):
            return None
    elif current == 58:
        log.add('PROTO=ICMPv6 ', proto='ICMPv6')
        if not fragment and not dump_icmp6(log, skb, ptr, context, top):
            return None
    else:
        log.add(f'PROTO={current} ', proto=str(current))
    if top:
        socket(log, context)
        if context.get('mark'):
            log.add(f"MARK=0x{context['mark']:x} ", mark=context['mark'])
    return None


def dump_icmp6(log, skb, ptr, context, top):
    ic = skb[ptr:ptr + 8]
    if len(ic) < 8:
        n = u32wrap(len(skb) - ptr)
        log.add(f'INCOMPLETE [{n} bytes] ', incomplete=n)
        return False
    kind, code = ic[0], ic[1]
    log.add(f'TYPE={kind} CODE={code} ', type=kind, code=code)
    if kind in (128, 129):
        log.add(f'ID={u16(ic[4:])} SEQ={u16(ic[6:])} ', icmp_id=u16(ic[4:]), icmp_seq=u16(ic[6:]))
    elif kind in (1, 2, 3, 4):
        if kind == 4:
            log.add(f'POINTER={u32(ic[4:]):08x} ', pointer=u32(ic[4:]))
        if top:
            quote(log, lambda inner: dump_ipv6(inner, skb, ptr + 8, context, top=False))
        if kind == 2:
            log.add(f'MTU={u32(ic[4:])} ', mtu=u32(ic[4:]))
    return True


def dump_arp(log, skb):
    ah = skb[:8]
    if len(ah) < 8:
        return log.add('TRUNCATED', truncated='ip_header')
    arp = {'htype': u16(ah), 'ptype': u16(ah[2:]), 'opcode': u16(ah[6:])}
    log.add(f"ARP HTYPE={arp['htype']} PTYPE=0x{arp['ptype']:04x} OPCODE={arp['opcode']}", arp=arp)
    if arp['htype'] != 1 or ah[4] != 6 or ah[5] != 4:
        return None
    ap = skb[8:28]
    if len(ap) < 20:
        # As the kernel of 6.18 counts: without the header, unsigned.
        arp['incomplete'] = (len(skb) - 8) % (1 << 64)
        return log.add(f" INCOMPLETE [{arp['incomplete']} bytes]")
    arp.update(macsrc=mac(ap[:6]), ipsrc=ip4(ap[6:]), macdst=mac(ap[10:16]), ipdst=ip4(ap[16:]))
    return log.add(f" MACSRC={arp['macsrc']} IPSRC={arp['ipsrc']} MACDST={arp['macdst']} IPDST={arp['ipdst']}")


def dump_mac_header(log, context):
    """context: `mac` is the link header (bytes) or None; `vlan` the tag (protocol, tci) or None."""
    header = context.get('mac')
    if header is None:
        return
    if 'macdecode' in context['flags'] and context.get('ethernet', True):
        if len(header) < 14:
            return
        log.add(f'MACSRC={mac(header[6:12])} MACDST={mac(header[:6])} ', macsrc=mac(header[6:12]),
                macdst=mac(header[:6]))
        if context.get('vlan'):
            proto, tci = context['vlan']
            log.add(f'VPROTO={proto:04x} VID={tci} ', vproto=proto, vid=tci)
        log.add(f'MACPROTO={u16(header[12:]):04x} ', macproto=u16(header[12:]))
    else:
        log.add(f'MAC={mac(header)} ', mac=mac(header))
        if context.get('tunnel'):
            src, dst = map(ip4, context['tunnel'])
            log.add(f'TUNNEL={src}->{dst} ', tunnel_src=src, tunnel_dst=dst)


def nf_log(context, skb, ethertype):
    """One line: `skb` are the bytes from the network header on."""
    log = Log()
    log.add('', prefix=context['prefix'])
    log.add(f"IN={context['in']} OUT={context['out']} ", **{'in': context['in'], 'out': context['out']})
    for key in 'physin', 'physout':
        if context.get(key) is not None:
            log.add(f'{key.upper()}={context[key]} ', **{key: context[key]})
    if ethertype in (0x800, 0x86dd):
        if context['in']:
            dump_mac_header(log, context)
        (dump_ipv4 if ethertype == 0x800 else dump_ipv6)(log, skb, 0, context)
    elif ethertype in (0x806, 0x8035):
        if 'macdecode' in context['flags'] and len(skb) >= 8:
            dump_mac_header(log, context)
        dump_arp(log, skb)
    else:
        dump_mac_header(log, context)
    return log


def ebt_log(context, skb, header):
    """One ebtables line; `context['ebt']` are the printers asked for: ip, ip6, arp."""
    log = Log()
    log.add('', prefix=context['prefix'])
    kind = u16(header[12:])
    log.add(f"IN={context['in']} OUT={context['out']} ", **{'in': context['in'], 'out': context['out']})
    log.add(f'MAC source = {mac(header[6:12])} MAC dest = {mac(header[:6])} proto = 0x{kind:04x}',
            macsrc=mac(header[6:12]), macdst=mac(header[:6]), macproto=kind)

    def ports(at, proto):
        if proto not in (6, 17, 136, 33, 132):
            return
        if len(skb) < at + 4:
            return log.add(' INCOMPLETE TCP/UDP header', truncated='l4_header')
        return log.add(f' SPT={u16(skb[at:])} DPT={u16(skb[at + 2:])}', spt=u16(skb[at:]), dpt=u16(skb[at + 2:]))

    if kind == 0x800 and 'ip' in context['ebt']:
        if len(skb) < 20:
            log.add(' INCOMPLETE IP header', truncated='ip_header')
        else:
            log.add(f' IP SRC={ip4(skb[12:])} IP DST={ip4(skb[16:])}, IP tos=0x{skb[1]:02X}, IP proto={skb[9]}',
                    src=ip4(skb[12:]), dst=ip4(skb[16:]), tos=skb[1], proto=str(skb[9]))
            ports((skb[0] & 15) * 4, skb[9])
    elif kind == 0x86dd and 'ip6' in context['ebt']:
        if len(skb) < 40:
            log.add(' INCOMPLETE IPv6 header', truncated='ip_header')
        else:
            log.add(f' IPv6 SRC={ip6(skb[8:24])} IPv6 DST={ip6(skb[24:40])}, IPv6 priority=0x{skb[0] & 15:01X}'
                    f', Next Header={skb[6]}', src=ip6(skb[8:24]), dst=ip6(skb[24:40]), priority=skb[0] & 15,
                    proto=str(skb[6]))
            proto, at = skb[6], 40
            # ipv6_skip_exthdr: stops at ESP, no-next-header and a later fragment.
            while proto in (0, 43, 44, 51, 60) and len(skb) >= at + 2:
                size = {44: 8, 51: (skb[at + 1] + 2) * 4}.get(proto, (skb[at + 1] + 1) * 8)
                if proto == 44 and u16(skb[at + 2:]) & 0xfff8:
                    proto = skb[at]
                    at += size
                    break
                proto, at = skb[at], at + size
            ports(at, proto)
    elif kind in (0x806, 0x8035) and 'arp' in context['ebt']:
        if len(skb) < 8:
            log.add(' INCOMPLETE ARP header', truncated='arp_header')
        else:
            arp = {'htype': u16(skb), 'ptype': u16(skb[2:]), 'opcode': u16(skb[6:])}
            log.add(f" ARP HTYPE={arp['htype']}, PTYPE=0x{arp['ptype']:04x}, OPCODE={arp['opcode']}", arp=arp)
            if arp['htype'] == 1 and skb[4] == 6 and skb[5] == 4:
                if len(skb) < 28:
                    log.add(' INCOMPLETE ARP payload', truncated='arp_payload')
                else:
                    arp.update(macsrc=mac(skb[8:14]), ipsrc=ip4(skb[14:]), macdst=mac(skb[18:24]),
                               ipdst=ip4(skb[24:]))
                    log.add(f" ARP MAC SRC={arp['macsrc']} ARP IP SRC={arp['ipsrc']} ARP MAC DST={arp['macdst']}"
                            f" ARP IP DST={arp['ipdst']}")
    return log
