//! Running the program, folders that go away, and logs made up for tests.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) use testkit::skipped;

/// Result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// What of the surroundings could change what the program prints; with `CI`, colours are wanted wherever a terminal is.
const SURROUNDINGS: [&str; 8] = [
    "CI",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "LINES",
    "FWSTAT_THREADS",
    "FWSTAT_CONFIG_PATH",
];

/// Takes away from a command what could change what the program prints.
pub(crate) fn without_surroundings(command: &mut Command) -> &mut Command {
    for name in SURROUNDINGS {
        command.env_remove(name);
    }
    command
}

/// The program, with nothing of the surroundings that could change what it prints.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fwstat"));
    without_surroundings(&mut command);
    command.env("TZ", "UTC").env("TERM", "xterm").env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs the program with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    finish(program().args(arguments))
}

/// Runs the program with this on its standard input.
pub(crate) fn run_with(input: &[u8], arguments: &[&str]) -> Ran {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program that stops early may leave the rest unread.
    let _ = writer.join().unwrap();
    ran(&output)
}

pub(crate) fn finish(command: &mut Command) -> Ran {
    ran(&command.output().unwrap())
}

fn ran(output: &std::process::Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a shell pipeline; the oracle.
pub(crate) fn shell(folder: &Path, script: &str) -> String {
    let output =
        Command::new("sh").arg("-c").arg(script).current_dir(folder).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a program is there.
pub(crate) fn has(program: &str) -> bool {
    Command::new("sh")
        .arg("-c")
        .arg(format!("command -v {program}"))
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A folder that goes away with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fwstat-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Writes a file and gives its path as text.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Numbers that are the same on every run (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }
}

/// The kernel's text for a made-up packet, as the seed's rules would log it.
pub(crate) fn packet(random: &mut Random) -> String {
    let prefix = random.pick(&[
        "tcp.in.dropped ",
        "udp.in.dropped ",
        "tcp.in.foreign ",
        "[UFW BLOCK] ",
        "tcp.out.dropped ",
    ]);
    let (input, output) = if prefix.starts_with("tcp.out") {
        ("", "eth0")
    } else {
        (random.pick(&["eth0", "eno1", "wan"]), "")
    };
    let mac = match input {
        "" => String::new(),
        _ => format!("MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:{:02x}:08:00 ", random.below(4)),
    };
    let ttl = 30 + random.below(200);
    if random.below(10) == 0 {
        let (src, dst) = (random.below(40), random.below(3));
        let ports =
            format!("SPT={} DPT={} ", 1024 + random.below(60_000), random.pick(&["22", "53", "443", "5353"]));
        let transport = match random.below(3) {
            0 => format!("PROTO=UDP {ports}LEN=40 "),
            1 => "PROTO=ICMPv6 TYPE=128 CODE=0 ID=7 SEQ=3 ".to_owned(),
            _ => format!("PROTO=TCP {ports}WINDOW=64240 RES=0x00 SYN URGP=0 "),
        };
        let mac = mac.replace("08:00 ", "86:dd ");
        return format!(
            "{prefix}IN={input} OUT={output} {mac}SRC=2001:0db8:0000:0000:0000:0000:0000:{src:04x} \
             DST=2001:0db8:0000:0001:0000:0000:0000:{dst:04x} LEN=80 TC=0 HOPLIMIT={ttl} FLOWLBL=0 {transport}"
        );
    }
    let src = format!("10.{}.{}.{}", random.below(3), random.below(5), random.below(60));
    let dst = format!("192.168.50.{}", random.below(4));
    let id = random.below(65_536);
    let frag = random.pick(&["", "DF "]);
    let dport = random.pick(&["22", "23", "80", "443", "445", "3389", "8080", "138", "1900", "5060"]);
    let ports = format!("SPT={} DPT={dport} ", 1024 + random.below(60_000));
    let transport = match random.below(12) {
        0 => "PROTO=ICMP TYPE=8 CODE=0 ID=4711 SEQ=1 ".to_owned(),
        1 => format!(
            "PROTO=ICMP TYPE=3 CODE=1 [SRC={dst} DST={src} LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP \
             SPT=443 DPT=51000 WINDOW=100 RES=0x00 ACK URGP=0 ] "
        ),
        2 => "PROTO=47 ".to_owned(),
        3..=5 => format!("PROTO=UDP {ports}LEN=209 "),
        _ => {
            let flags = random.pick(&["SYN ", "SYN ", "SYN ", "ACK ", "ACK FIN ", "RST ", ""]);
            format!("PROTO=TCP {ports}WINDOW=64240 RES=0x00 {flags}URGP=0 ")
        }
    };
    let mark = if random.below(20) == 0 { "MARK=0x1f " } else { "" };
    let uid = if input.is_empty() && random.below(3) == 0 { "UID=1000 GID=100 " } else { "" };
    format!(
        "{prefix}IN={input} OUT={output} {mac}SRC={src} DST={dst} LEN=60 TOS=0x00 PREC=0x00 TTL={ttl} ID={id} \
         {frag}{transport}{uid}{mark}"
    )
}

/// A line of another program.
pub(crate) fn noise(random: &mut Random) -> String {
    match random.below(4) {
        0 => "sshd[812]: Failed password for root from 10.0.0.9 port 4022 ssh2".to_owned(),
        1 => "kernel: [ 12.345678] usb 1-1: new high-speed USB device number 3 using xhci_hcd".to_owned(),
        2 => "systemd[1]: Started Daily apt download activities.".to_owned(),
        _ => format!("postfix/smtpd[{}]: connect from unknown[10.0.0.12]", random.below(9_999)),
    }
}

/// A log as rsyslog writes it: from June 1 on, a line about every `step` seconds, 30 % of other programs.
pub(crate) fn log(lines: usize, step: u64, seed: u64) -> String {
    let mut random = Random(seed);
    let mut seconds = 0;
    let mut text = String::new();
    for _ in 0..lines {
        seconds += random.below(2 * step + 1);
        let stamp = stamp(seconds);
        if random.below(10) < 3 {
            text += &format!("{stamp} gate {}\n", noise(&mut random));
        } else {
            text += &format!(
                "{stamp} gate kernel: [{:5}.{:06}] {}\n",
                seconds + 100,
                random.below(1_000_000),
                packet(&mut random)
            );
        }
    }
    text
}

/// `Jun  1 00:00:00` and some seconds.
pub(crate) fn stamp(seconds: u64) -> String {
    let (mut day, mut month) = (seconds / 86_400, 0);
    let lengths = [30, 31, 31, 30, 31, 30, 31];
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let names = ["Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let of_day = seconds % 86_400;
    format!("{} {:2} {:02}:{:02}:{:02}", names[month], day + 1, of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// Logs and their states in turns: a log, the state of the next one, and so on.
pub(crate) fn in_turns<'a>(logs: &'a [String], states: &'a [String]) -> Vec<&'a str> {
    let pairs = logs.iter().zip(states).enumerate();
    pairs.map(|(at, (log, state))| if at % 2 == 0 { log } else { state }.as_str()).collect()
}
