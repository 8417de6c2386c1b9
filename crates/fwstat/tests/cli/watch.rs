//! `fwstat watch` on a terminal made by tmux: the dialogue, and that the terminal is as it was whatever ends it.

use std::fs::OpenOptions;
use std::io::Write as _;

use crate::support::*;
use crate::tmux::Tmux;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fwstat");

/// A terminal on which the sample log is watched; afterwards `then` runs there.
fn watched(size: (u16, u16), options: &str, then: &str) -> Option<(Folder, Tmux)> {
    let folder = Folder::new();
    std::fs::copy(testkit::testdata("sample/kern.log"), folder.path("kern.log")).unwrap();
    let rules = testkit::testdata("sample/guide.rules");
    let command = format!(
        "stty -a > before; {PROGRAM} watch --no-config --utc --rules {} {options}; echo code $?; stty -a > after; \
         cmp before after && echo the terminal is as before; {then}sleep 60",
        rules.display()
    );
    let screen = Tmux::start(&folder, size, &command)?;
    Some((folder, screen))
}

/// The number of packets that the question line shows.
fn packets(screen: &str) -> Option<u64> {
    let line = screen.lines().nth(1)?;
    let before = line.split(" packets").next()?;
    before.split_whitespace().last()?.replace(',', "").parse().ok()
}

/// The command at the bottom.
fn command(screen: &str) -> Option<String> {
    let line = screen.lines().find_map(|line| line.strip_prefix("$ fwstat "))?;
    Some(line.trim_end().trim_end_matches("y copies").trim_end().to_owned())
}

#[test]
fn into_rows_and_back_and_the_command_says_the_same() {
    let Some((folder, screen)) = watched((160, 50), "kern.log", "") else { return };
    let all = run(&["top", "--json", "--utc", &folder.path("kern.log")]).json();
    let total = all["totals"]["matched"].as_u64().unwrap();
    screen.wait("all packets", |shown| packets(shown) == Some(total) && shown.contains("LIVE"));
    // Three levels: a prefix, a network, a port.
    let fewer = |shown: &str, than: u64| packets(shown).filter(|some| *some < than);
    screen.keys(&["Enter"]);
    screen.wait("a prefix", |shown| shown.contains("\nprefix ") && fewer(shown, total).is_some());
    screen.keys(&["2", "Enter"]);
    screen.wait("a network", |shown| shown.contains(" > src ") && fewer(shown, total).is_some());
    screen.keys(&["3", "Enter"]);
    screen.wait("a port", |shown| shown.contains(" > dport ") && fewer(shown, total).is_some());
    let shown = screen.wait_for("top --by dport,proto");
    let typed = command(&shown).unwrap();
    let said = shell(&folder.0, &format!("{PROGRAM} {typed} --json --utc"));
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    let inside = document["totals"]["matched"].as_u64().unwrap();
    assert!(inside > 0 && inside < total);
    assert_eq!(packets(&shown), Some(inside), "{shown}\n{typed}");
    screen.keys(&["BSpace", "BSpace", "BSpace"]);
    screen.wait("everything again", |shown| packets(shown) == Some(total));
    // A line, explained with its path through the rules; then copied, and told again at the end.
    screen.keys(&["4", "Enter"]);
    screen.wait("explained", |shown| shown.contains("Path through the chains") || shown.contains("FIELD"));
    screen.keys(&["q", "y", "q"]);
    let left = screen.wait_for("the terminal is as before");
    assert!(left.contains("code 0") && left.contains("$ fwstat lines --tail 20 --utc kern.log"), "{left}");
}

#[test]
fn a_terminal_that_changes_its_size() {
    let Some((_folder, screen)) = watched((120, 40), "kern.log", "") else { return };
    screen.wait("panels", |shown| shown.contains("2 network") && shown.contains("5 scans"));
    for (size, wanted) in
        [((40, 10), "1 prefix  2 network"), ((30, 5), "lines "), ((80, 24), "2 network /24")]
    {
        screen.resize(size);
        screen.wait(wanted, |shown| shown.contains(wanted) && shown.lines().all(|line| line.len() <= 400));
    }
    screen.resize((120, 40));
    screen.wait("all panels again", |shown| shown.contains("5 scans"));
    screen.keys(&["?"]);
    screen.wait("help", |shown| shown.contains("takes the last part off the filter"));
    screen.keys(&["q", "q"]);
    screen.wait_for("the terminal is as before");
}

#[test]
fn signals_leave_the_terminal_as_it_was() {
    for (signal, code) in [("TERM", "code 130"), ("HUP", "code 130"), ("INT", "code 130")] {
        let Some((_folder, screen)) = watched((80, 24), "kern.log", "") else { return };
        screen.wait("panels", |shown| shown.contains("2 network"));
        assert!(screen.signal("fwstat", signal));
        let left = screen.wait_for("the terminal is as before");
        assert!(left.contains(code), "{signal}: {left}");
    }
}

#[test]
fn stopped_and_continued() {
    let folder = Folder::new();
    std::fs::copy(testkit::testdata("sample/kern.log"), folder.path("kern.log")).unwrap();
    // An interactive shell: it takes the terminal back when the program stops.
    let Some(screen) = Tmux::start(&folder, (80, 24), "bash --norc -i") else { return };
    screen.keys(&[&format!("{PROGRAM} watch --no-config kern.log"), "Enter"]);
    screen.wait("panels", |shown| shown.contains("2 network"));
    screen.keys(&["C-z"]);
    screen.wait("the shell", |shown| shown.contains("Stopped") && !shown.contains("2 network"));
    screen.keys(&["fg", "Enter"]);
    screen.wait("panels again", |shown| shown.contains("2 network"));
    assert!(screen.signal("fwstat", "TSTP"));
    screen.wait("the shell again", |shown| {
        shown.matches("Stopped").count() >= 1 && !shown.contains("2 network")
    });
    screen.keys(&["fg", "Enter"]);
    screen.wait("panels once more", |shown| shown.contains("2 network"));
    screen.keys(&["q"]);
    screen.wait("the end", |shown| !shown.contains("2 network /24") && shown.contains("$ fwstat"));
}

#[test]
fn what_is_piped_in_is_counted_as_it_comes() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(testkit::testdata("sample/kern.log")).unwrap();
    let lines: Vec<&str> = text.lines().take(60).collect();
    folder.write("grows", lines[..20].join("\n") + "\n");
    let command = format!(
        "tail -n +1 -F grows | {PROGRAM} watch --no-config --utc; echo code $?; pkill -P $$ tail; sleep 60"
    );
    let Some(screen) = Tmux::start(&folder, (100, 30), &command) else { return };
    screen.wait("the lines that were there", |shown| shown.contains(" 20 lines"));
    let mut file = OpenOptions::new().append(true).open(folder.path("grows")).unwrap();
    for line in &lines[20..] {
        writeln!(file, "{line}").unwrap();
    }
    screen.wait("the lines that came", |shown| shown.contains(" 60 lines"));
    // Into a row: what was read is still known, although a pipe is read only once.
    let all = packets(&screen.wait_for("2 network")).unwrap();
    screen.keys(&["3", "Enter"]);
    screen.wait("a port", |shown| {
        shown.contains("dport ") && packets(shown).is_some_and(|some| some > 0 && some < all)
    });
    screen.keys(&["q"]);
    screen.wait_for("code 0");
}

#[test]
fn the_whole_dialogue() {
    let folder = Folder::new();
    folder.write("kern.log", "");
    let log = std::fs::read_to_string(testkit::testdata("sample/kern.log")).unwrap();
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let (first, second) = lines.split_at(lines.len() - 200);
    let rules = testkit::testdata("sample/guide.rules");
    let command = format!(
        "stty -a > before; {PROGRAM} watch --no-config --utc --rules {} kern.log; echo code $?; stty -a > after; \
         cmp before after && echo the terminal is as before; sleep 60",
        rules.display()
    );
    let Some(screen) = Tmux::start(&folder, (120, 40), &command) else { return };
    screen.wait("an empty log", |shown| shown.contains(" 0 lines") && shown.contains("LIVE"));
    let append = |text: &str| {
        let mut file = OpenOptions::new().append(true).open(folder.path("kern.log")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    // Lines arrive, some of them in two pieces.
    let first = first.concat();
    let (one, two) = first.split_at(first.len() / 2);
    append(one);
    screen.wait("some", |shown| packets(shown).is_some_and(|some| some > 0));
    append(two);
    let came = format!(" {} lines", grouped(lines.len() - 200));
    let shown = screen.wait("all that came", |shown| shown.contains(&came) && packets(shown).is_some());
    let all = packets(&shown).unwrap();
    // Down three levels, to a line, and out again.
    let mut inside = all;
    for (panel, wanted) in [("1", "prefix "), ("2", " > src "), ("3", " > dport ")] {
        screen.keys(&[panel, "Enter"]);
        let there = |shown: &str| shown.lines().nth(1).is_some_and(|line| line.contains(wanted));
        let shown = screen.wait(wanted, |shown| there(shown) && packets(shown).is_some());
        inside = packets(&shown).unwrap();
    }
    assert!(inside > 0 && inside < all);
    screen.keys(&["4", "Enter"]);
    screen.wait("explained", |shown| shown.contains("Path through the chains") || shown.contains("FIELD"));
    screen.keys(&["q", "BSpace", "BSpace", "BSpace"]);
    screen.wait("everything", |shown| packets(shown) == Some(all));
    // A rule is taken.
    screen.keys(&["S"]);
    screen.wait("rules", |shown| shown.contains("[ ]"));
    screen.keys(&["Space"]);
    screen.wait("one", |shown| shown.contains("[x]") && shown.contains("with 1 of"));
    screen.keys(&["q"]);
    // Hardly any room, and back.
    screen.resize((40, 10));
    screen.wait("one panel", |shown| shown.contains("1 prefix  2 network") && !shown.contains("5 scans---"));
    screen.resize((120, 40));
    screen.wait("all panels", |shown| shown.contains("2 network /24") && shown.contains("5 scans"));
    // Rotated: what was written to the old file, and to the new one.
    append(&second[..100].concat());
    std::fs::rename(folder.path("kern.log"), folder.path("kern.log.1")).unwrap();
    folder.write("kern.log", second[100..].concat());
    screen.wait("every line", |shown| shown.contains(&format!(" {} lines", grouped(lines.len()))));
    screen.keys(&["q"]);
    let left = screen.wait_for("the terminal is as before");
    assert!(left.contains("code 0") && left.contains("1 rule taken: "), "{left}");
    assert!(left.contains("iptables -A MALICIOUS") && left.contains("$ fwstat "), "{left}");
}

/// A number as people read it.
fn grouped(number: usize) -> String {
    fwlog::text::grouped(number as u64)
}

#[test]
fn what_is_no_terminal_and_no_log_is_said() {
    let ran = run(&["watch", "kern.log"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("terminal"), "{}", ran.err);
    let Some((_folder, screen)) = watched((80, 24), "no-such-file", "") else { return };
    screen.wait("no packets", |shown| shown.contains("no packets match") && shown.contains("note"));
    screen.keys(&["a"]);
    screen.wait("why", |shown| shown.contains("no such file"));
    screen.keys(&["q", "q"]);
    screen.wait_for("code 2");
}
