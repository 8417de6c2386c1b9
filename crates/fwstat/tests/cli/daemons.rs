//! Real daemons: lines go through rsyslogd and journald, and what they wrote is read.
//!
//! Needs root and the programs; says so if it is skipped. Nothing of the host is touched: rsyslogd
//! gets a configuration, sockets and files of its own, journald a mount namespace.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::*;

/// Ends a daemon with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_root() -> bool {
    shell(&std::env::temp_dir(), "id -u").trim() == "0"
}

/// Waits for something; a minute at most.
fn wait(mut ready: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if ready() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// The records of a run, without what an envelope adds.
fn records(ran: &Ran) -> Vec<Value> {
    ran.out
        .lines()
        .map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            for key in
                ["time", "stamp", "uptime", "host", "tag", "writer", "severity", "file", "line", "repeat"]
            {
                record.as_object_mut().unwrap().remove(key);
            }
            record
        })
        .collect()
}

#[test]
fn rsyslogd_writes_what_we_read() {
    if !is_root() || !has("rsyslogd") {
        return skipped("rsyslogd is not installed, or we are not root");
    }
    let folder = Folder::new();
    let dir = folder.0.display();
    let config = folder.write(
        "rsyslog.conf",
        format!(
            "global(workDirectory=\"{dir}\")\n\
             module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imuxsock\" Socket=\"{dir}/log.sock\" CreatePath=\"on\" UseSysTimeStamp=\"off\" RateLimit.Interval=\"0\")\n\
             template(name=\"rfc5424\" type=\"string\" string=\"<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% %MSGID% %STRUCTURED-DATA% %msg%\\n\")\n\
             action(type=\"omfile\" file=\"{dir}/old.log\" template=\"RSYSLOG_TraditionalFileFormat\")\n\
             action(type=\"omfile\" file=\"{dir}/new.log\" template=\"RSYSLOG_FileFormat\")\n\
             action(type=\"omfile\" file=\"{dir}/rfc5424.log\" template=\"rfc5424\")\n"
        ),
    );
    let child = Command::new("rsyslogd")
        .args(["-n", "-f", &config, "-i", &folder.path("pid")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _daemon = Daemon(child);
    let socket = UnixDatagram::unbound().unwrap();
    assert!(wait(|| socket.connect(folder.path("log.sock")).is_ok()), "rsyslogd does not listen");
    let mut random = Random(99);
    let bodies: Vec<String> = (0..500).map(|_| packet(&mut random)).collect();
    let mut direct = String::new();
    for (i, body) in bodies.iter().enumerate() {
        let message = format!("[{:5}.000001] {body}", 100 + i);
        // Facility 0 is not for users; rsyslog keeps the tag all the same.
        socket.send(format!("<12>Jun 30 06:06:13 kernel: {message}").as_bytes()).unwrap();
        direct += &format!("{message}\n");
    }
    let expected = records(&run_with(direct.as_bytes(), &["export"]));
    assert_eq!(expected.len(), 500);
    for file in ["old.log", "new.log", "rfc5424.log"] {
        let path = folder.path(file);
        let whole = || std::fs::read_to_string(&path).is_ok_and(|text| text.matches('\n').count() >= 500);
        assert!(wait(whole), "{file}: {:?}", std::fs::read_to_string(&path));
        let ran = run(&["export", &path]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(records(&ran), expected, "{file}");
    }
}

#[test]
fn journald_keeps_what_we_read() {
    let journald = "/lib/systemd/systemd-journald";
    if !is_root() || !std::path::Path::new(journald).exists() || !has("unshare") || !has("journalctl") {
        return skipped("journald is not installed, or we are not root");
    }
    let folder = Folder::new();
    let mut random = Random(98);
    let bodies: Vec<String> = (0..300).map(|_| packet(&mut random)).collect();
    folder.write("lines", bodies.join("\n") + "\n");
    let dir = folder.0.display();
    // A journal of its own on a /run of its own; one datagram per line, in syslog's way.
    let send = "import socket,sys,time\n\
         s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n\
         for _ in range(200):\n\
         \x20   try:\n\
         \x20       s.connect('/run/systemd/journal/dev-log'); break\n\
         \x20   except OSError: time.sleep(0.05)\n\
         for line in open(sys.argv[1]): s.send(b'<4>kernel: '+line.rstrip('\\n').encode())\n";
    folder.write("send.py", send);
    if !has("python3") {
        return skipped("python3 is not there to write to journald's socket");
    }
    let script = format!(
        "mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal && \
         cp /etc/machine-id {dir}/id 2>/dev/null; \
         printf '[Journal]\\nStorage=volatile\\nRateLimitIntervalSec=0\\nForwardToSyslog=no\\nReadKMsg=no\\n' > {dir}/journald.conf; \
         mkdir -p /run/systemd/journald.conf.d && cp {dir}/journald.conf /run/systemd/journald.conf.d/x.conf; \
         {journald} 2>{dir}/err & pid=$!; \
         python3 {dir}/send.py {dir}/lines; sleep 1; journalctl --sync 2>/dev/null; sleep 1; \
         for form in export json short short-iso-precise; do \
           journalctl -D /run/log/journal -t kernel -o $form --no-pager -q > {dir}/$form 2>>{dir}/err; done; \
         kill $pid; exit 0"
    );
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    let kept = std::fs::read(folder.path("export")).unwrap_or_default();
    if kept.is_empty() {
        let why = std::fs::read_to_string(folder.path("err")).unwrap_or_default();
        return skipped(&format!(
            "journald does not run here: {why} {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let expected = records(&run_with((bodies.join("\n") + "\n").as_bytes(), &["export"]));
    for form in ["export", "json", "short", "short-iso-precise"] {
        let ran = run(&["export", &folder.path(form)]);
        assert_eq!(ran.code, 0, "{form}: {}", ran.err);
        assert_eq!(records(&ran), expected, "{form}");
        assert!(ran.out.lines().all(|line| line.starts_with("{\"time\":\"20")), "{form}");
    }
}

#[test]
fn the_kernels_ring_buffer_is_read_to_its_end() {
    if std::fs::File::open("/dev/kmsg").is_err() {
        return skipped("/dev/kmsg may not be read here");
    }
    let ran = run(&["check", "-j", "/dev/kmsg"]);
    assert!(ran.code < 2, "{}", ran.err);
    let json = ran.json();
    let expected = shell(&std::env::temp_dir(), "dmesg | wc -l").trim().parse::<u64>().unwrap();
    assert!(json["totals"]["lines"].as_u64().unwrap() * 2 >= expected, "{json} {expected}");
}

/// Packets of many kinds over a loopback of their own.
const PACKETS: &str = r"
import socket
for family, here in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
    udp = socket.socket(family, socket.SOCK_DGRAM)
    udp.sendto(b'x' * 40, (here, 5353))
    tcp = socket.socket(family, socket.SOCK_STREAM)
    try: tcp.connect((here, 22))
    except OSError: pass
def raw(protocol, data):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol).sendto(data, ('127.0.0.1', 0))
raw(1, bytes.fromhex('0800f7fc00010002') + b'q' * 30)
raw(132, bytes.fromhex('1388138900000000deadbeef') + b'z' * 8)
for protocol in (2, 47, 50, 51): raw(protocol, bytes(24))
# SYN with ECE and CWR, as ECN is asked for; and a header that is cut short.
raw(6, bytes.fromhex('303900170000000100000000' + '50c2' + '0400' + '0000' + '0000'))
raw(17, bytes(4))
";

/// A real ulogd2 writes the same packets as JSON and as text; the records are equal.
#[test]
fn ulogd2_writes_what_we_read() {
    let plugins = "/usr/lib/x86_64-linux-gnu/ulogd";
    let json = std::path::Path::new(plugins).join("ulogd_output_JSON.so").exists();
    if !is_root() || !json || ["ulogd", "unshare", "iptables", "ip6tables", "python3"].iter().any(|p| !has(p))
    {
        return skipped(
            "ulogd2 with its JSON plugin, iptables or python3 is not installed, or we are not root",
        );
    }
    let folder = Folder::new();
    let dir = folder.0.display();
    let names = [
        "inppkt_NFLOG",
        "raw2packet_BASE",
        "filter_IFINDEX",
        "filter_IP2STR",
        "filter_HWHDR",
        "filter_PRINTPKT",
        "output_JSON",
        "output_LOGEMU",
    ];
    let loaded: String = names.map(|name| format!("plugin=\"{plugins}/ulogd_{name}.so\"\n")).concat();
    folder.write(
        "ulogd.conf",
        format!(
            "[global]\nlogfile=\"{dir}/ulogd.log\"\nloglevel=3\n{loaded}\
             stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,mac2str1:HWHDR,json1:JSON\n\
             stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU\n\
             [log1]\ngroup=5\n[json1]\nsync=1\nfile=\"{dir}/packets.json\"\n\
             [emu1]\nsync=1\nfile=\"{dir}/packets.log\"\n"
        ),
    );
    folder.write("packets.py", PACKETS);
    let script = "ip link set lo up && \
        for t in iptables ip6tables; do $t -A OUTPUT -j NFLOG --nflog-group 5 --nflog-prefix 'seen IN=x ' || exit 9; done; \
        ulogd -c ulogd.conf & U=$!; for i in 1 2 3 4 5 6 7 8 9 10; do test -e packets.log && break; sleep 0.3; done; \
        python3 packets.py || exit 8; sleep 1.5; kill $U; wait $U";
    let ran = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .current_dir(&folder.0)
        .env("TZ", "UTC")
        .output()
        .unwrap();
    if !std::fs::metadata(folder.path("packets.json")).is_ok_and(|meta| meta.len() > 0) {
        let error = String::from_utf8_lossy(&ran.stderr).into_owned();
        return skipped(&format!("no NFLOG in a network namespace here: {error}"));
    }
    let year = ["export", "--utc"];
    let from_json = run(&[&year[..], &[&folder.path("packets.json")]].concat());
    let from_text = run(&[&year[..], &[&folder.path("packets.log")]].concat());
    assert_eq!((from_json.code, from_text.code), (0, 0), "{}{}", from_json.err, from_text.err);
    let (mut json, mut text) = (records(&from_json), records(&from_text));
    assert!(json.len() >= 12, "{}", from_json.out);
    // ulogd2's text has no word for the two bits of ECN, its JSON has.
    let ecn = json.iter_mut().find(|record| record["dpt"] == 23).unwrap();
    assert_eq!(ecn["flags"], serde_json::json!(["CWR", "ECE", "SYN"]));
    ecn["flags"] = serde_json::json!(["SYN"]);
    assert_eq!(json.len(), text.len());
    for (json, text) in json.iter_mut().zip(&mut text) {
        assert_eq!(json, text);
    }
    // The moments are the same to the second.
    let seconds = |ran: &Ran| -> Vec<String> {
        ran.out.lines().map(|line| line.split('"').nth(3).unwrap()[..19].to_owned()).collect()
    };
    assert_eq!(seconds(&from_json), seconds(&from_text));
    let check = run(&["check", "-j", &folder.path("packets.json")]).json();
    assert_eq!(check["totals"]["packets"], check["totals"]["lines"]);
}
