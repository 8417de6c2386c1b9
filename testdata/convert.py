#!/usr/bin/env python3
"""Writes lines/*.toml and sample/kern.log from the measured data of this project.

    testdata/convert.py DATA

DATA is the directory with kernel.jsonl, derived.jsonl, measured.jsonl, seed/ and noise/. It is
not part of the repository; what this script wrote is. Run it again only to take over new data:
the files are read and extended by hand otherwise (README.md says how).

What a line of kernel.jsonl is expected to give is computed by oracle.py from the frame that was
sent. From the line itself come only: the interface names around the sender's own, and what the
kernel chose on its own account (see own()). The computed text is compared with the line, so a
mistake here does not go unseen.
"""

import datetime
import json
import pathlib
import random
import re
import sys

import oracle
from oracle import u16

HERE = pathlib.Path(__file__).parent


# ---------------------------------------------------------------- writing

def escape(data):
    """The suite's text: printable ASCII and UTF-8 as they are, all else as \\xNN."""
    if isinstance(data, str):
        data = data.encode('utf-8', 'surrogateescape')
    out = ''
    for char in data.decode('utf-8', 'surrogateescape'):
        if char == '\\':
            out += '\\\\'
        elif char == "'" or ord(char) < 32 or 0x7f <= ord(char) < 0xa0 or 0xdc80 <= ord(char) < 0xdd00:
            out += ''.join(f'\\x{b:02x}' for b in char.encode('utf-8', 'surrogateescape'))
        else:
            out += char
    return out


def value(v):
    if v is True or v is False:
        return str(v).lower()
    if v is None:
        return "'none'"
    if isinstance(v, int):
        # TOML's integers are signed: what does not fit is written as text.
        return str(v) if v < 1 << 63 else f"'{v}'"
    if isinstance(v, str):
        return f"'{escape(v)}'"
    if isinstance(v, list):
        return '[' + ', '.join(value(x) for x in v) + ']'
    return '{ ' + ', '.join(f'{k} = {value(x)}' for k, x in v.items()) + ' }'


def block(name, line, expect, env=None, fronts=None, **more):
    out = ['[[line]]', f'name = {value(name)}']
    out += [f'{k} = {value(v)}' for k, v in more.items() if v is not None]
    if fronts:
        out.append(f'fronts = {value(fronts)}')
    out.append(f"line = '{escape(line)}'")
    if env is not None:
        out.append('[line.env]')
        out += [f'{k} = {value(v)}' for k, v in env.items()]
    if expect is not None:
        out.append('[line.expect]')
        tables = {k: v for k, v in expect.items() if isinstance(v, dict)}
        out += [f'{k} = {value(v)}' for k, v in expect.items() if k not in tables]
        for key, table in tables.items():
            out.append(f'[line.expect.{key}]')
            out += [f'{k} = {value(v)}' for k, v in table.items()]
    return '\n'.join(out) + '\n'


def write(name, head, blocks):
    path = HERE / 'lines' / f'{name}.toml'
    path.parent.mkdir(exist_ok=True)
    text = ''.join(f'# {line}\n' for line in head.strip().split('\n'))
    path.write_text(text + '\n' + '\n'.join(blocks), encoding='utf-8')
    print(f'{path.name}: {len(blocks)} lines, {path.stat().st_size >> 10} KiB')


# ---------------------------------------------------------------- kernel.jsonl

HEADER = re.compile(rb'IN=(\S*) OUT=(\S*) (?:PHYSIN=(\S+) )?(?:PHYSOUT=(\S+) )?')


def own(record, body):
    """Packets that the host made: no frame was captured, so they are built from what is known.

    Taken from the line: the IP id and the flow label, which the kernel draws."""
    sent = record['sent']
    label = re.search(rb'FLOWLBL=(\d+)', body)
    ident = re.search(rb'PREC=\S+ TTL=\d+ ID=(\d+)', body)
    label = int(label[1]) if label else 0
    ident = int(ident[1]) if ident else 0

    def v4(proto, src, dst, payload, tos=0, flags=0):
        return (bytes([0x45, tos]) + (20 + len(payload)).to_bytes(2, 'big') + ident.to_bytes(2, 'big')
                + flags.to_bytes(2, 'big') + bytes([64, proto]) + b'\0\0' + src + dst + payload)

    def v6(proto, src, dst, payload):
        return ((6 << 28 | label).to_bytes(4, 'big') + len(payload).to_bytes(2, 'big') + bytes([proto, 64])
                + src + dst + payload)

    if 'loopback' in record['branch']:
        port = (5555).to_bytes(2, 'big')
        payload = b'\0' * 4
        udp = port + port + (8 + len(payload)).to_bytes(2, 'big') + b'\0\0' + payload
        lo4, lo6 = bytes([127, 0, 0, 1]), b'\0' * 15 + b'\1'
        ether = b'\0' * 12
        if record['branch'].startswith('v4'):
            yield ether + b'\x08\x00' + v4(17, lo4, lo4, udp, flags=0x4000)
        else:
            yield ether + b'\x86\xdd' + v6(17, lo6, lo6, udp)
        return
    if 'tun (no link header)' in record['name']:
        ip, udp = sent['ip'], sent['ip']['udp']
        address = [bytes(map(int, ip[key].split('.'))) for key in ('src', 'dst')]
        numbers = b''.join(udp[key].to_bytes(2, 'big') for key in ('sport', 'dport', 'len', 'csum'))
        ident = ip['id']
        yield b'\0' * 12 + b'\x08\x00' + v4(17, *address, numbers)
        return
    if not sent.get('frame_hex') or 'line_is' not in record and 'udp to' not in record['name'] and 'to this host' not in record['name']:
        return
    # A port unreachable in answer to what was sent.
    frame = bytes.fromhex(sent['frame_hex'])
    kind, ip = u16(frame[12:]), frame[14:]
    ether = frame[6:12] + frame[:6] + frame[12:14]
    if kind == 0x800:
        yield ether + v4(1, ip[16:20], ip[12:16], bytes([3, 3, 0, 0, 0, 0, 0, 0]) + ip[:u16(ip[2:])], tos=0xc0)
    elif kind == 0x86dd:
        yield ether + v6(58, ip[24:40], ip[8:24], bytes([1, 4, 0, 0, 0, 0, 0, 0]) + ip[:40 + u16(ip[4:])])


def unescape(text):
    """The bytes of a /dev/kmsg message."""
    data = text.encode('utf-8', 'surrogateescape').split(b'\n')[0]
    return re.sub(rb'\\x([0-9a-f]{2})', lambda m: bytes([int(m[1], 16)]), data)


def prefix_of(record, body):
    """The prefix by its rule, or the text that the kernel itself puts there."""
    rule = record['ruleset_or_rule']
    if record['branch'].startswith('ebtables'):
        match = re.search(r"--log-prefix (?:'([^']*)'|\"([^\"]*)\"|(\S+))", rule)
        # The printer adds a blank.
        return (next(x for x in match.groups() if x is not None) if match else '') + ' '
    prefix = record.get('prefix')
    if prefix is not None:
        # printk takes a level mark at the front of a message for itself.
        return re.sub(r'^\x01[0-7]', '', prefix)
    if record['branch'] == 'nft.marks-and-actions':
        return ''  # the chain's last rule has none
    match = re.match(rb'(TRACE: \S+ |nf_ct_proto_\d+: .*? )IN=', body, re.S)
    return match and match[1].decode()


def simulate(record):
    """(computed log, message bytes, prefix); the log is None for a line that is no packet."""
    body = unescape(record['kmsg'].split(';', 1)[1])
    prefix = prefix_of(record, body)
    if prefix is None:
        return None, body, None
    front = prefix.encode('utf-8', 'surrogateescape')
    header = HEADER.match(body, len(front))
    assert body.startswith(front) and header, record['name']
    names = [x if x is None else x.decode('utf-8', 'surrogateescape') for x in header.groups()]
    rule, branch = record['ruleset_or_rule'], record['branch']
    flags = record.get('log_flags')
    if flags is None:
        flags = [] if 'log prefix' in rule or record.get('prefix') is not None else ['tcpseq', 'tcpopt', 'ipopt', 'uid']
    context = {'prefix': prefix, 'flags': flags, 'egress': 'egress' in rule}
    context.update(zip(['in', 'out', 'physin', 'physout'], names))
    if record.get('ifname'):
        assert record['ifname'] in (context['in'], context['out'])
    routed = not branch.startswith(('nft.bridge', 'nft.netdev', 'ebtables')) and context['physin'] is None
    context['hops'] = 1 if context['in'] and context['out'] and routed else 0
    if record.get('expect_uid') is not None:
        context.update(uid=record['expect_uid'], gid=record['expect_gid'])
    mark = record.get('mark')
    if branch == 'nft.marks-and-actions':
        mark = 0x2a
    elif branch == 'v6.own-mld-report':
        mark = 0xd4  # the host's: the kernel's own sockets carry it
    # What may be on the packet: marks of the rules before, the owner of a socket here (root).
    states = [{'mark': m} for m in record.get('marks') or [mark]]
    if re.search('sent by this host|from the bridge|from host|to itself', record['name']) and not context['in']:
        states += [{**state, 'uid': 0, 'gid': 0} for state in states]
    sent = record['sent']
    captured = sent.get('captured') or []
    frames = [sent] + (captured if isinstance(captured, list) else [captured])
    frames = [bytes.fromhex(f['frame_hex']) for f in frames if f.get('frame_hex')]
    first = None
    for frame in frames + list(own(record, body)):
        kind, skb, vlan, link = u16(frame[12:]), frame[14:], None, frame[:14]
        if kind in (0x8100, 0x88a8):
            # The receiver takes the outer tag off.
            vlan, kind, skb = (kind, u16(skb)), u16(skb[2:]), skb[4:]
            link = frame[:12] + frame[16:18]
        if branch == 'v4.nat' and 'after.dnat' in prefix:
            skb = skb[:16] + bytes([192, 168, 50, 223]) + skb[20:22] + (80).to_bytes(2, 'big') + skb[24:]
        if branch.startswith('ebtables'):
            context['ebt'] = [x for x in ('ip', 'ip6', 'arp') if re.search(rf'--log-{x}( |$)', rule)]
            tries = [oracle.ebt_log(context, skb, link)]
        else:
            # The receiver cuts what Ethernet padded.
            if kind == 0x800 and len(skb) >= 20 and u16(skb[2:]) >= 20 and context['in']:
                skb = skb[:u16(skb[2:])]
            if kind == 0x86dd and len(skb) >= 40 and u16(skb[4:]):
                skb = skb[:40 + u16(skb[4:])]
            context.update(mac=link, vlan=vlan, ethernet=record.get('arphrd') in (None, 1) and context['in'] != 'lo')
            if 'arp.output' in branch:
                context['mac'] = None  # not made yet
            if 'tun (no link header)' in record['name']:
                context['mac'] = b''
            if record.get('arphrd') == 776:
                # A tap device that calls itself sit: the printer takes the frame for an outer IPv4
                # header and prints 14 bytes of memory in front of it.
                memory = re.search(rb'MAC=(\S+)', body)[1].decode()
                context['mac'] = bytes.fromhex(memory.replace(':', ''))
                context['tunnel'] = frame[12:16], frame[16:20]
            tries = [oracle.nf_log({**context, **state}, skb, kind) for state in states]
        for log in tries:
            first = first or log
            if log.text.encode('utf-8', 'surrogateescape') == body[len(front):]:
                return log, body, prefix
    return first, body, prefix


def cut_fields(log, text):
    """The fields of a computed line that a cut line still shows in full."""
    fields = {k: v for k, v in log.fields.items() if log.ends[k] <= len(text)}
    headers = re.findall(r'OPT \( \) |FRAG:\d+ (?:INCOMPLETE )?ID:[0-9a-f]{8} ', text)
    assert len(headers) <= len(log.fields['ext'])
    return {**fields, 'ext': log.fields['ext'][:len(headers)]}


def kernel(data):
    records = [json.loads(line) for line in open(data / 'kernel.jsonl')]
    files = {}
    for record in records:
        log, body, prefix = simulate(record)
        family = 'none' if log is None else 'ebt' if record['branch'].startswith('ebtables') else 'nf'
        source = record['tool'] + ': ' + ' '.join(record['ruleset_or_rule'].split())
        more = {'family': family, 'source': source[:200]}
        expect = log and log.fields
        if log:
            text = body[len(prefix.encode('utf-8', 'surrogateescape')):].decode('utf-8', 'surrogateescape')
            if log.text != text:
                assert log.text.startswith(text) and len(body) >= 1000, (record['name'], log.text, text)
                more['cut'] = True
                expect = cut_fields(log, text)
        seq = record['kmsg'].split(';')[0].split(',')
        env = {'pri': int(seq[0]) & 7, 'facility': int(seq[0]) >> 3, 'severity': int(seq[0]) & 7,
               'seq': int(seq[1]), 'mono_us': int(seq[2]), 'flags': seq[3]}
        env['pri'] = int(seq[0])
        stamp = f'{int(seq[2]) // 1000000}.{int(seq[2]) % 1000000:06}'
        blocks = files.setdefault(re.split(r'[.\-]', record['branch'])[0], [])
        kmsg = record['kmsg'].split('\n')[0]
        texts = {'dmesg': record['dmesg'], 'klog': record['klog']}
        fronts = {}
        for key, full in texts.items():
            match = re.match(r'\[ *\d+\.\d+\] ', full)
            if match and full[match.end():].encode('utf-8', 'surrogateescape') == body:
                fronts[key] = match[0]
        if len(fronts) == 2 and kmsg.split(';', 1)[1].encode('utf-8', 'surrogateescape') == body:
            blocks.append(block(record['name'], body, expect, fronts=[kmsg.split(';')[0] + ';',
                          *sorted(set(fronts.values()))], **more))
            continue
        # Bytes that the three texts write differently: a block each.
        blocks.append(block(record['name'] + ' (kmsg)', kmsg, expect, env, **more))
        for key, full in texts.items():
            # A prefix with a line break: the lines are read one by one, the last is the packet.
            line = full.encode('utf-8', 'surrogateescape').split(b'\n')[-1]
            match = re.match(rb'\[ *\d+\.\d+\] ', line)
            rest = line[match.end():] if match else line
            at = rest.rindex(b'IN=' + log.fields['in'].encode('utf-8', 'surrogateescape') + b' OUT=')
            shown = rest[:at].decode('utf-8', 'surrogateescape')
            front = {'kernel_ts': stamp} if match else {}
            blocks.append(block(f"{record['name']} ({key})", line, {**expect, 'prefix': shown}, front, **more))
    for name, blocks in files.items():
        write(f'kernel-{name}', f'''
Lines that Linux 6.18 wrote for crafted packets ({name}), and what was sent.
Each is read behind every text of `fronts`: as /dev/kmsg, dmesg and syslog(2) gave it.
Written by convert.py; expectations are computed from the frames, not from the lines.''', blocks)


# ---------------------------------------------------------------- derived.jsonl, measured.jsonl, seed

#: What derived.jsonl leaves out because its lines are of a family it does not describe in full,
#: or writes for the reader's information.
DROP = ('ports_unreliable', 'cut', 'packet', 'kind', 'text', 'repeat')


KEYS = {'IN': 'in', 'OUT': 'out', 'MAC': 'mac', 'SRC': 'src', 'DST': 'dst', 'TTL': 'ttl', 'TC': 'tc',
        'HOPLIMIT': 'hoplimit', 'FLOWLBL': 'flowlbl', 'PROTO': 'proto', 'SPT': 'spt', 'DPT': 'dpt',
        'WINDOW': 'window', 'URGP': 'urgp', 'TYPE': 'type', 'CODE': 'code', 'TOS': 'tos', 'PREC': 'prec',
        'RES': 'res', 'MARK': 'mark', 'ACK': 'tcp_ack', 'MACSRC': 'macsrc', 'MACDST': 'macdst'}
HEX = ('tos', 'prec', 'res', 'mark')
TEXT = ('in', 'out', 'mac', 'src', 'dst', 'proto', 'macsrc', 'macdst')


def tokens(prefix, text):
    """The fields of a line without brackets and options, word by word: a reader of its own kind."""
    out = {'prefix': prefix}
    text = text.replace('INCOMPLETEMARK', 'INCOMPLETE MARK')
    fragment = re.search(r'FRAG: (\d+) ID: ([0-9a-f]+) ', text)
    if fragment:
        text = text.replace(fragment[0], '')
        out['ext'] = [{'frag': int(fragment[1]), 'frag_id': int(fragment[2], 16)}]
    for word in text.split():
        key, equals, value = word.partition('=')
        if not equals:
            if word in ('CE', 'DF', 'MF'):
                out[word.lower()] = True
            elif word == 'INCOMPLETE':
                out['incomplete'] = True
            else:
                assert word in [name for _, name in oracle.TCP_FLAGS], word
                out.setdefault('tcp_flags', []).append(word)
            continue
        if key == 'LEN':
            key = 'len' if 'len' not in out else 'udp_len'
        elif key == 'ID':
            key = 'ip_id' if 'code' not in out else 'icmp_id'
        elif key == 'SEQ':
            key = 'tcp_seq' if 'code' not in out else 'icmp_seq'
        else:
            key = KEYS[key]
        if key == 'window':
            out['tcp_flags'] = []
        out[key] = value if key in TEXT else int(value, 16 if key in HEX else 10)
    return out


def ebt_tokens(line):
    """The fields of an ebtables line."""
    patterns = {
        'prefix': r'^(.*?)IN=', 'in': r'IN=(\S*) OUT', 'out': r' OUT=(\S*) ', 'macsrc': r'MAC source = (\S+)',
        'macdst': r'MAC dest = (\S+)', 'macproto': r' proto = 0x(....)', 'src': r' IP(?:v6)? SRC=(\S+) IP',
        'dst': r' IP(?:v6)? DST=([0-9a-f.:]+),', 'tos': r'IP tos=0x(..),', 'priority': r'priority=0x(.),',
        'proto': r'(?:IP proto|Next Header)=(\d+)', 'spt': r' SPT=(\d+)', 'dpt': r' DPT=(\d+)'}
    out = {}
    for key, pattern in patterns.items():
        match = re.search(pattern, line)
        if match:
            base = 16 if key in ('macproto', 'tos', 'priority') else 10
            out[key] = match[1] if key in TEXT + ('prefix', 'macsrc', 'macdst') else int(match[1], base)
    arp = re.search(r'ARP HTYPE=(\d+), PTYPE=0x(....), OPCODE=(\d+)', line)
    if arp:
        out['arp'] = {'htype': int(arp[1]), 'ptype': int(arp[2], 16), 'opcode': int(arp[3])}
        rest = re.search(r'MAC SRC=(\S+) +ARP IP SRC=(\S+) +ARP MAC DST=(\S+) +ARP IP DST=(\S+)', line)
        if rest:
            out['arp'].update(zip(('macsrc', 'ipsrc', 'macdst', 'ipdst'), rest.groups()))
    short = {'INCOMPLETE TCP/UDP': 'l4_header', 'INCOMPLETE ARP payload': 'arp_payload',
             'INCOMPLETE ARP header': 'arp_header', 'INCOMPLETE IP': 'ip_header'}
    for text, name in short.items():
        if text in line:
            out['truncated'] = name
    return out


def plain(data):
    for name in 'derived', 'measured':
        blocks = {}
        for record in map(json.loads, open(data / f'{name}.jsonl')):
            family, expect, env = record['format'], record['expect'], None
            if family in ('env+nf', 'pvefw'):
                env, expect = expect['env'], expect['fields']
            group = {'env+nf': 'envelopes', 'noise': 'others', 'ulogd-flow': 'others', 'ipchains': 'others',
                     'ipfwadm': 'others'}.get(family, family)
            more = {'era': record.get('era'), 'source': record['source']}
            if group == 'others':
                expect = env = None
                more['family'] = 'none'
            else:
                more['family'] = {'nf-old': 'nf', 'env+nf': 'nf', 'cut': 'nf'}.get(family, family)
            if 'ulogd' in record['name']:
                more['family'] = 'ulogd' if group != 'others' else 'none'
            if family == 'cut':
                more['cut'] = True
            if expect is None and family == 'ulogd':
                stamp, prefix, rest = re.match(r'(\w+ \d+ \S+) vm (.*?)(IN=.*)', record['line']).groups()
                env, expect = {'ts': stamp, 'host': 'vm'}, tokens(prefix, rest)
            elif expect is None and family == 'ebt':
                expect = ebt_tokens(record['line'])
            elif family == 'ebt':
                # derived.jsonl gives a part only.
                assert expect.items() <= ebt_tokens(record['line']).items(), (expect, ebt_tokens(record['line']))
                expect = ebt_tokens(record['line'])
            elif family == 'cut' and record['name'].startswith('cut_in'):
                line = record['line'][:record['line'].rindex(' ')]
                certain = tokens('[UFW BLOCK] ', line[line.index('IN='):])
                assert {**expect, 'cut': 0}.items() <= {**certain, 'cut': 0}.items()
                expect = certain
            elif expect is None and family == 'cut':
                head, _, rest = record['line'].partition(' FRAG')
                prefix, _, head = head.partition('IN=')
                headers = re.findall(r'FRAG:0 INCOMPLETE ID:ffffffff ', 'FRAG' + rest)
                item = {'frag': 0, 'more': True, 'frag_id': 0xffffffff}
                expect = {**tokens(prefix, 'IN=' + head), 'ext': [item] * len(headers)}
            if expect:
                expect = {k: v for k, v in expect.items() if k not in DROP}
            fronts = None
            if record['name'] in ('prefix_looks_like_envelope', 'prefix_brackets_timestamp'):
                fronts = ['[ 8486.974964] ', '4,1234,8486974964,-;']
            blocks.setdefault(group, []).append(
                block(record['name'], record['line'], expect, env, fronts, **more))
        for group, items in blocks.items():
            head = {'derived': 'Lines derived from the print formats of the kernels, one for each branch of the code.',
                    'measured': 'Lines that a Linux 6.18 kernel wrote, beside kernel-*.toml.'}[name]
            write(f'{name}-{group}', head + '\nWritten by convert.py, extended by hand.', items)


def seed(data):
    blocks = []
    for path in sorted((data / 'seed').glob('*/lines.jsonl')):
        for record in map(json.loads, open(path)):
            if not record['kmsg']:
                continue
            record.update(branch='seed', ruleset_or_rule='', log_flags=[], tool='')
            body = unescape(record['kmsg'].split(';', 1)[1])
            record['prefix'] = body[:body.index(b'IN=')].decode()
            record['name'] = f"{path.parent.name}/{record['traffic']}#{len(blocks) + 1}"
            fields = tokens(record['prefix'], body[len(record['prefix']):].decode())
            if 'frame_hex' in record['sent']:
                log, body, prefix = simulate(record)
                assert log.text.encode() == body[len(prefix):] and log.fields == fields, (record, log.text)
            fronts = [record['kmsg'].split(';')[0] + ';', re.match(r'\[ *\d+\.\d+\] ', record['dmesg'])[0]]
            blocks.append(block(record['name'], body, fields, fronts=fronts, family='nf'))
    write('seed', '''
The lines that the guide's ruleset logged as it grew. Written by convert.py.''', blocks)


def sample(data):
    """A kern.log as a small router has it: real shapes, nobody's addresses."""
    draw = random.Random(20240302)
    lines = (data / 'noise' / 'home.log').read_text().splitlines()[:3600]
    for stage in '1-log-everything', '2-near-hits', '4-trash-packets':
        for line in (data / 'seed' / stage / 'dmesg.txt').read_text().splitlines():
            lines.append(line)
    stamped, last, shift = [], None, None
    for line in lines:
        up = float(re.search(r'\[ *(\d+\.\d+)\]', line)[1])
        if line.startswith('Mar'):
            last = datetime.datetime.strptime('2024 ' + line[:15], '%Y %b %d %H:%M:%S'), up
            stamped.append(line)
            continue
        # The guide's traffic follows, in the log's own clock.
        shift = shift or last[1] + 60 - up
        clock = last[0] + datetime.timedelta(seconds=up + shift - last[1])
        message = line.split('] ', 1)[1]
        stamped.append(f'{clock:%b} {clock.day:2} {clock:%H:%M:%S} home-fw kernel: [{up + shift:12.6f}] {message}')
    out = []
    foreign = [
        'sshd[{pid}]: Invalid user admin from 203.0.113.{n} port {port}',
        'sshd[{pid}]: Connection closed by 203.0.113.{n} port {port} [preauth]',
        'CRON[{pid}]: (root) CMD (test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily)',
        'dnsmasq-dhcp[{pid}]: DHCPACK(br0) 192.168.50.{n} 00:1b:21:3c:4d:5e laptop',
        'systemd[1]: Started Daily apt download activities.',
        'kernel: [{up}] eno1: Link is Up - 1Gbps/Full - flow control rx/tx',
        'named[{pid}]: client @0x7f 192.168.50.{n}#{port}: query: IN=A example.net',
    ]
    for i, line in enumerate(stamped):
        stamp = line[:15]
        up = re.search(r'\[ *(\d+)\.', line)[1] + '.000000'
        if i % 40 == 17:
            text = draw.choice(foreign)
            out.append(f'{stamp} home-fw ' + text.format(pid=draw.randrange(300, 32000), n=draw.randrange(2, 250),
                                                         port=draw.randrange(1024, 65535), up=up))
        if i in (900, 2100, 3000):
            out.append(f'{stamp} home-fw kernel: [{up}] net_ratelimit: {draw.randrange(5, 90)} callbacks suppressed')
        if i in (1200, 2500):
            message = re.sub(r'^.*?kernel: \[ *\d+\.\d+\] ', '', line)
            out.append(f'{stamp} home-fw kernel: message repeated {2 + i % 3} times: [ {message}]')
            continue
        if i in (700, 1900, 3300):
            # A reader of a full disk finds lines like these.
            line = line[:len(line) - draw.randrange(20, 90)]
        out.append(line)
    path = HERE / 'sample' / 'kern.log'
    path.parent.mkdir(exist_ok=True)
    path.write_text('\n'.join(out) + '\n')
    print(f'sample/kern.log: {len(out)} lines, {path.stat().st_size >> 10} KiB')


def main():
    data = pathlib.Path(sys.argv[1])
    kernel(data)
    plain(data)
    seed(data)
    sample(data)


if __name__ == '__main__':
    main()
