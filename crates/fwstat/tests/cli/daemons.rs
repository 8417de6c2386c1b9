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
            for key in ["time", "stamp", "uptime", "host", "tag", "severity", "file", "line", "repeat"] {
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
