//! What `fwstat watch` writes to its terminal, byte by byte: only what changed, soon, and nothing that a terminal obeys.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fwstat::watch::term::Term;

use crate::pty::Pty;
use crate::support::*;
use crate::tmux::Tmux;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fwstat");
/// How long nothing is written when nothing happens.
const QUIET: Duration = Duration::from_millis(700);

fn sample(folder: &Folder) {
    std::fs::copy(testkit::testdata("sample/kern.log"), folder.path("kern.log")).unwrap();
}

fn has_bytes(written: &[u8], bytes: &[u8]) -> bool {
    memchr::memmem::find(written, bytes).is_some()
}

#[test]
fn keys_are_answered_while_much_is_written() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(testkit::testdata("sample/kern.log")).unwrap();
    folder.write("kern.log", "");
    let command = format!("{PROGRAM} watch --no-config --utc kern.log");
    let Some(mut pty) = Pty::start(&folder, (120, 40), &[], &command) else { return };
    pty.wait(0, &["LIVE"]);
    let done = AtomicBool::new(false);
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        // A hundred thousand lines a second, as far as the machine can.
        scope.spawn(|| {
            let mut file = OpenOptions::new().append(true).open(folder.path("kern.log")).unwrap();
            let lines = text.lines().count() as u64;
            let (started, mut written) = (Instant::now(), 0);
            while !done.load(Ordering::Relaxed) {
                while written < started.elapsed().as_millis() as u64 * 100 {
                    file.write_all(text.as_bytes()).unwrap();
                    written += lines;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        std::thread::sleep(Duration::from_secs(1));
        for n in 0..20 {
            std::thread::sleep(Duration::from_millis(100 + n * 7));
            let from = pty.len();
            pty.keys("?");
            times.push(pty.wait(from, &["arrows", "PgDn", "Backspace", "expression", "clipboard"]));
            pty.keys("q");
        }
        done.store(true, Ordering::Relaxed);
    });
    times.sort();
    // Where nothing else runs, and the program is optimised, it is a tenth of this.
    assert!(times[times.len() / 2] < Duration::from_millis(500), "{times:?}");
    pty.keys("q");
    assert_eq!(pty.end().0, Some(0));
}

#[test]
fn only_cells_that_changed_are_written() {
    let folder = Folder::new();
    sample(&folder);
    let command = format!("{PROGRAM} watch --no-config --utc kern.log");
    let Some(mut pty) = Pty::start(&folder, (120, 40), &[], &command) else { return };
    pty.wait(0, &["LIVE"]);
    pty.settle(QUIET);
    let first = pty.len();
    assert!(first > 3_000, "{first}");
    // A line more: some numbers, the lines below, no whole screen.
    let text = std::fs::read_to_string(folder.path("kern.log")).unwrap();
    let mut file = OpenOptions::new().append(true).open(folder.path("kern.log")).unwrap();
    writeln!(file, "{}", text.lines().find(|line| line.contains("tcp.in.dropped")).unwrap()).unwrap();
    pty.wait(first, &["4"]);
    pty.settle(QUIET);
    let one = pty.len() - first;
    assert!(one < first / 3, "{one} of {first}");
    // Nothing happens: every few seconds the age of the newest line may be another.
    let before = pty.len();
    std::thread::sleep(Duration::from_secs(6));
    let idle = pty.len() - before;
    assert!(idle < 400, "{idle}: {:?}", String::from_utf8_lossy(&pty.since(before)));
    pty.keys("q");
    assert_eq!(pty.end().0, Some(0));
}

#[test]
fn colours_and_blocks_only_where_they_are_wanted() {
    let folder = Folder::new();
    sample(&folder);
    let command = format!("{PROGRAM} watch --no-config --utc kern.log");
    let shown = |variables: &[(&str, &str)], more: &str| -> Option<Vec<u8>> {
        let mut pty = Pty::start(&folder, (120, 40), variables, &format!("{command} {more}"))?;
        pty.wait(0, &["LIVE"]);
        pty.settle(QUIET);
        // Focus, a cursor and help are seen without colours too.
        pty.keys("2j?");
        pty.settle(QUIET);
        pty.keys("q");
        std::thread::sleep(Duration::from_millis(200));
        pty.keys("q");
        let (code, written) = pty.end();
        assert_eq!(code, Some(0));
        Some(written)
    };
    let color = regex::bytes::Regex::new("\x1b\\[(?:[0-9;]*;)?(?:3[1-8]|9[0-7]|38)(?:;[0-9;]*)?m").unwrap();
    let Some(plain) = shown(&[], "") else { return };
    assert!(color.is_match(&plain) && has_bytes(&plain, "█".as_bytes()));
    let more = regex::bytes::Regex::new("[34]8;(?:2;|5;(?:1[6-9]|[2-9][0-9]|[0-9]{3}))").unwrap();
    assert!(!more.is_match(&plain), "more than 16 colours");
    for (variables, more) in
        [(&[("NO_COLOR", "1")][..], ""), (&[("TERM", "dumb")], ""), (&[], "--color never")]
    {
        let written = shown(variables, more).unwrap();
        let found = color.find(&written).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
        assert_eq!(found, None, "{variables:?} {more}");
        assert!(has_bytes(&written, b"\x1b[7m") || has_bytes(&written, b";7m"), "{variables:?}: no cursor");
    }
    for (variables, more) in
        [(&[("LC_ALL", "C")][..], ""), (&[("TERM", "linux")], ""), (&[], "--glyphs ascii")]
    {
        let written = shown(variables, more).unwrap();
        let end = memchr::memmem::find(&written, b"\x1b[?1049l").unwrap();
        assert!(written[..end].is_ascii(), "{variables:?} {more}");
    }
}

#[test]
fn hostile_names_reach_no_terminal() {
    let folder = Folder::new();
    let front = "Jun 30 06:06:13 gw kernel: [1.000001] ";
    let rest = "IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP \
        SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 \n";
    let names = [
        "\x1b]52;c;cm0gLXJm\x07",
        "\x1b[2Jgone ",
        "a\u{202e}txt ",
        "\u{5d0}\u{5d1}\u{2067} ",
        "e\u{301}\u{301}日本語 ",
        "\u{9b}31m ",
        "\x1b[?1049l ",
    ];
    let crowd = |name: &str| -> String {
        (0..40)
            .map(|n| format!("{front}{name}{}", rest.replace("192.0.2.1 ", &format!("203.{n}.7.{n} "))))
            .collect()
    };
    folder.write("kern\x1b]0;title\x07.log", names.map(crowd).concat());
    // Rules and counters that are hostile as well.
    let rules: String = names
        .iter()
        .map(|name| {
            let name = name.trim_end();
            format!(
                "-A INPUT -m comment --comment \"{name}\" -p tcp -j DROP\n-A INPUT -j LOG --log-prefix \"{name} \"\n"
            )
        })
        .collect();
    folder.write("rules", format!("*filter\n:INPUT DROP [5:0]\n{rules}COMMIT\n"));
    let command =
        format!("{PROGRAM} watch --no-config --rules rules --counters rules --bell --glyphs block kern*.log");
    let command = format!("sh -c '{command}'");
    for size in [(160, 50), (80, 24), (40, 10)] {
        let Some(mut pty) = Pty::start(&folder, size, &[], &command) else { return };
        pty.wait(0, &["LIVE", "END"]);
        pty.settle(QUIET);
        // Every view and panel, what is open over them, what is typed and refused, a find, marks, rules taken.
        let all = [
            "1j|\r|\x7f|2j+-|3|4kk|mW|\x1b|/gone\r|n|5|6jjjjjj|4e|\x1b|L|k\r|\x1b|lllll|L|i|hh|i|R|0jjjj",
            "C\x15echo '\\033]52;c;YQ==\\a' >&2; false\r|R|S|  j|\r|\x1b|W\r|S|&prefix == \"\u{1b}\"\r|\x1b|2x|\x7f",
            "a|jjjj|\x1b|?|\x1b|\x0c",
        ];
        for keys in all.iter().flat_map(|keys| keys.split('|')) {
            pty.keys(keys);
            // A key right after Escape would be taken for one with Alt.
            pty.settle(Duration::from_millis(150));
        }
        pty.keys("q");
        let (code, written) = pty.end();
        assert_eq!(code, Some(0), "{size:?}");
        let bell = written.iter().filter(|byte| **byte == 7).count();
        assert_eq!(bell, 0, "{size:?}");
        for bytes in
            [&b"\x1b]"[..], "\u{202e}".as_bytes(), "\u{2067}".as_bytes(), "\u{9b}".as_bytes(), b"\x1b[2Jgone"]
        {
            assert!(!has_bytes(&written, bytes), "{size:?}: {bytes:?} was written");
        }
        // The other screen is left once, at the end.
        let left = memchr::memmem::find_iter(&written, b"\x1b[?1049l").count();
        assert_eq!(left, 1, "{size:?}");
        std::fs::remove_file(folder.path("silence.sh")).ok();
    }
}

#[test]
fn the_mouse_is_asked_for_and_given_back() {
    let folder = Folder::new();
    sample(&folder);
    let command = format!("{PROGRAM} watch --no-config --utc kern.log");
    let Some(mut pty) = Pty::start(&folder, (120, 40), &[], &command) else { return };
    pty.wait(0, &["LIVE"]);
    pty.settle(QUIET);
    assert!(!has_bytes(&pty.since(0), b"\x1b[?1000h"));
    pty.keys("\x1bOQ");
    pty.wait(0, &["\x1b[?1000h\x1b[?1006h"]);
    // A click on the panel of ports, as terminals tell it: from 1 on.
    let from = pty.len();
    pty.keys("\x1b[<0;60;10M\x1b[<0;60;10m");
    pty.wait(from, &["dport,proto"]);
    pty.settle(QUIET);
    pty.keys("q");
    let (code, written) = pty.end();
    assert_eq!(code, Some(0));
    assert!(!has_bytes(&written, b"?1003h"), "every motion is told");
    let off = memchr::memmem::rfind(&written, b"\x1b[?1000l").unwrap();
    assert!(off > memchr::memmem::find(&written, b"\x1b[?1000h").unwrap());
}

/// The same program: with this variable the test below is what panics.
const PANICS: &str = "FWSTAT_TEST_PANICS";

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    if std::env::var_os(PANICS).is_some() {
        let mut term = Term::new().unwrap();
        term.mouse(true).unwrap();
        let style = ratatui_core::style::Style::new();
        term.draw(|buffer| {
            buffer.set_stringn(0, 0, "the other screen", 20, style);
        })
        .unwrap();
        std::thread::sleep(Duration::from_secs(1));
        panic!("on purpose");
    }
    let folder = Folder::new();
    let command = format!(
        "stty -a > before; {PANICS}=1 {} --exact watch_terminal::a_panic_leaves_the_terminal_as_it_was --nocapture; \
         stty -a > after; cmp before after && echo the terminal is as before; sleep 60",
        std::env::current_exe().unwrap().display()
    );
    let Some(screen) = Tmux::start(&folder, (100, 30), &command) else { return };
    screen.wait("the other screen", |shown| shown.contains("the other screen"));
    let left = screen.wait_for("the terminal is as before");
    assert!(left.contains("on purpose") && !left.contains("the other screen"), "{left}");
}
