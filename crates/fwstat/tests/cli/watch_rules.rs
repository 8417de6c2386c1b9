//! The rules in `fwstat watch`: what the log says of each beside the kernel's counters, from a mark on.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Command;

use crate::support::*;
use crate::tmux::Tmux;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fwstat");

/// A rule's line on the screen: its words, the numbers first.
fn rule<'s>(screen: &'s str, chain: &str, text: &str) -> Option<Vec<&'s str>> {
    let head = |line: &str| line.trim() == chain || line.contains(&format!(" {chain} policy"));
    let line = screen.lines().skip_while(|line| !head(line)).find(|line| line.contains(text))?;
    Some(line.split_whitespace().collect())
}

/// The guide's rules with counters of one rule and one policy.
fn counted(folder: &Folder, policy: u64, rule: u64) {
    let text = std::fs::read_to_string(testkit::testdata("sample/guide.rules")).unwrap();
    let text = text
        .replace(":INPUT DROP [0:0]", &format!(":INPUT DROP [{policy}:0]"))
        .replace("-A INPUT -j STDIN", &format!("[{rule}:0] -A INPUT -j STDIN"));
    // As a cron job does: beside it, then over it.
    folder.write("beside", text);
    std::fs::rename(folder.path("beside"), folder.path("kernel.rules")).unwrap();
}

#[test]
fn what_moves_from_the_mark_on_is_counted_on_both_sides() {
    let folder = Folder::new();
    let log = std::fs::read_to_string(testkit::testdata("sample/kern.log")).unwrap();
    let telnet = log.lines().find(|line| line.contains("tcp.in.dropped") && line.contains(" SYN ")).unwrap();
    folder.write("kern.log", "");
    counted(&folder, 100, 300);
    let rules = testkit::testdata("sample/guide.rules");
    let command = format!(
        "{PROGRAM} watch --no-config --rules {} --counters kernel.rules kern.log; sleep 60",
        rules.display()
    );
    let Some(screen) = Tmux::start(&folder, (120, 40), &command) else { return };
    screen.wait("an empty log", |shown| shown.contains(" 0 lines") && shown.contains("LIVE"));
    screen.keys(&["R"]);
    screen.wait("counters", |shown| {
        rule(shown, "INPUT", "-j STDIN").is_some_and(|row| row[..3] == ["3", "300", "0"])
            && rule(shown, "INPUT", "policy").is_some_and(|row| row[..2] == ["100", "0"])
    });
    screen.keys(&["0"]);
    screen.wait("the mark", |shown| shown.contains("since the mark"));
    counted(&folder, 104, 307);
    let mut file = OpenOptions::new().append(true).open(folder.path("kern.log")).unwrap();
    for _ in 0..3 {
        writeln!(file, "{telnet}").unwrap();
    }
    screen.wait("both moved", |shown| {
        rule(shown, "INPUT", "-j STDIN").is_some_and(|row| row[..5] == ["3", "307", "+7", "3", "+3"])
            && rule(shown, "INPUT", "policy").is_some_and(|row| row.contains(&"+4"))
            && rule(shown, "FRIENDLY", "-j DROP").is_some_and(|row| !row[2].starts_with('+'))
    });
    // The next mark begins anew.
    screen.keys(&["0"]);
    screen.wait("nothing since", |shown| {
        rule(shown, "INPUT", "-j STDIN").is_some_and(|row| row[..3] == ["3", "307", "3"])
    });
    screen.keys(&["q", "q"]);
    screen.wait_for("lines, 3 packets");
}

#[test]
fn the_kernel_is_asked_by_a_command_that_is_typed() {
    let folder = Folder::new();
    std::fs::copy(testkit::testdata("sample/kern.log"), folder.path("kern.log")).unwrap();
    counted(&folder, 55, 66);
    let command = format!("{PROGRAM} watch --no-config kern.log; echo code $?; sleep 60");
    let Some(screen) = Tmux::start(&folder, (100, 30), &command) else { return };
    screen.wait("panels", |shown| shown.contains("2 network"));
    screen.keys(&["R"]);
    screen.wait("no rules", |shown| shown.contains("C asks the kernel"));
    screen.keys(&["C", "C-u", "cat kernel.rules", "Enter"]);
    screen.wait("counters", |shown| rule(shown, "INPUT", "policy").is_some_and(|row| row[0] == "55"));
    // What fails is said, and what was counted stays.
    screen.keys(&["C", "C-u", "echo '\\033[31mno right' >&2; exit 4", "Enter"]);
    screen.wait("why", |shown| shown.contains("no right"));
    // What has no end is not waited for.
    screen.keys(&["C", "C-u", "sleep 500", "Enter", "q", "q"]);
    screen.wait_for("code 0");
}

#[test]
fn a_packet_moves_the_rules_that_take_it() {
    let here = |script: &str| Command::new("unshare").args(["-n", "sh", "-c", script]).output();
    let can = here("ip link set lo up && iptables-save >/dev/null && command -v bash");
    if !can.is_ok_and(|output| output.status.success()) {
        return skipped("no namespace with iptables");
    }
    let folder = Folder::new();
    folder.write("kern.log", "");
    let rules = testkit::testdata("sample/guide.rules");
    let rules = rules.display();
    let command = format!(
        "unshare -n sh -c 'ip link set lo up; iptables-restore < {rules}; echo $$ > pid; {PROGRAM} watch --no-config \
         --rules {rules} --counters \"iptables-save -c\" kern.log'; sleep 60"
    );
    let Some(screen) = Tmux::start(&folder, (140, 45), &command) else { return };
    screen.wait("panels", |shown| shown.contains("LIVE"));
    screen.keys(&["R"]);
    screen.wait("counters", |shown| {
        rule(shown, "INPUT", "-j MALICIOUS").is_some_and(|row| row[..2] == ["2", "0"])
    });
    screen.keys(&["0"]);
    let inside = std::fs::read_to_string(folder.path("pid")).unwrap();
    let knock = |port: u16| {
        let to = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        let shell = ["timeout", "0.5", "bash", "-c", &to];
        Command::new("nsenter").args(["-t", inside.trim(), "-n"]).args(shell).output().unwrap();
    };
    // A port that is closed: to the end of INPUT. Only one packet: the next would come after a second.
    knock(2323);
    let moved = |shown: &str, chain: &str, text: &str| {
        rule(shown, chain, text).is_some_and(|row| row.contains(&"+1"))
    };
    screen.wait("the way to the policy", |shown| {
        moved(shown, "INPUT", "-j MALICIOUS")
            && moved(shown, "INPUT", "-j STDIN")
            && moved(shown, "INPUT", "\"tcp.in.dropped \"")
            && moved(shown, "INPUT", "policy")
            && moved(shown, "STDOUT", "-o lo")
            && !moved(shown, "INPUT", "\"udp.in.dropped \"")
            && !moved(shown, "STDIN", "--dport 8443")
    });
    // A port that is let in: not further than its rule.
    screen.keys(&["0"]);
    knock(8443);
    screen.wait("the way to the rule", |shown| {
        moved(shown, "STDIN", "--dport 8443")
            && !moved(shown, "INPUT", "\"tcp.in.dropped \"")
            && !moved(shown, "INPUT", "policy")
    });
    screen.keys(&["q", "q"]);
    screen.wait_for("0 lines");
}

#[test]
fn a_terminal_that_is_gone_ends_all_of_it() {
    let folder = Folder::new();
    folder.write("kern.log", "");
    let command = format!("exec {PROGRAM} watch --no-config --counters 'sleep 300' kern.log");
    let Some(screen) = Tmux::start(&folder, (80, 24), &command) else { return };
    screen.wait("panels", |shown| shown.contains("LIVE"));
    let log = std::fs::canonicalize(folder.path("")).unwrap();
    // Those that run in this folder: watch, and what it asks for counters.
    let running = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let inside =
            all.filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == log));
        let name = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("comm")).ok();
        inside.filter_map(name).filter(|name| matches!(name.trim(), "fwstat" | "sleep")).count()
    };
    assert!(running() >= 2);
    drop(screen);
    let started = std::time::Instant::now();
    while running() > 0 {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{} go on", running());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
