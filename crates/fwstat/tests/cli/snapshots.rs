//! What every command shows on three terminals and in a pipe, kept as files in `tests/screens`.
//!
//! `BLESS=1 cargo test -p fwstat --test cli snapshots` writes them anew; each is looked at before it is committed.

use std::path::Path;

use crate::screens::on_terminal;
use crate::support::*;

/// Rows and columns of the terminals.
const TERMINALS: [(u32, u32); 3] = [(24, 80), (40, 120), (50, 160)];

/// A name, and what is typed after `fwstat` in a folder with the sample's files.
const SCREENS: [(&str, &str); 26] = [
    ("overview", "kern.log"),
    ("overview-all", "--all kern.log"),
    ("overview-none", "--prefix nosuch kern.log"),
    ("overview-empty", "empty.log"),
    ("top", "top kern.log"),
    ("top-by", "top --by src/24,dport --prefix tcp.in kern.log"),
    ("top-distinct", "top --by src --distinct dport --sort distinct --cumulative kern.log"),
    ("top-six", "top --by prefix,src,dst -n 5 six.log"),
    ("timeline", "timeline kern.log"),
    ("timeline-by", "timeline --by prefix -b 4h kern.log"),
    ("timeline-src", "timeline --by src -b 12h kern.log"),
    ("timeline-heat", "timeline --by hour_of_day,weekday kern.log"),
    ("scans", "scans kern.log"),
    ("scans-tools", "scans --year 2026 tools.log"),
    ("check", "check kern.log"),
    ("lines", "lines -n 5 kern.log"),
    ("lines-table", "lines --format table -n 15 kern.log"),
    ("lines-six", "lines --format table -n 5 six.log"),
    ("export", "export --format csv --fields time,prefix,src,dst,dpt --prefix tcp.out kern.log"),
    ("suggest", "suggest --rules rules kern.log"),
    ("replay", "replay --rules rules kern.log"),
    ("replay-add", "replay --rules rules --add '-A MALICIOUS -p udp --dport 138 -j DROP' kern.log"),
    ("explain", "explain --rules rules kern.log:5"),
    ("explain-line", "explain kern.log:1"),
    ("help", "-h"),
    ("help-where", "help where"),
];

#[test]
fn every_screen_is_as_it_was_looked_at() {
    let folder = Folder::new();
    let sample = |name: &str| std::fs::read(testkit::testdata("sample").join(name)).unwrap();
    folder.write("kern.log", sample("kern.log"));
    folder.write("rules", sample("guide.rules"));
    folder.write("empty.log", "");
    let tools = testkit::testdata("scans").join("02-techniques.log.gz");
    folder.write("tools.log", std::fs::read(tools).unwrap());
    let mut six = String::new();
    for n in 1..=12 {
        six += &format!(
            "2026-03-02T00:0{}:00+00:00 gate kernel: in6.dropped: IN=enp0s31f6 OUT= MAC= SRC=2001:0db8:85a3:0000:1319:8a2e:0370:{:04x} \
             DST=2001:0db8:85a3:08d3:1319:8a2e:0370:7344 LEN=80 TC=0 HOPLIMIT=51 FLOWLBL=0 PROTO=TCP SPT={} DPT=443 WINDOW=64800 RES=0x00 SYN URGP=0 \n",
            n / 2,
            n % 5,
            40_000 + n,
        );
    }
    folder.write("six.log", six);
    let kept = |name: &str, text: &str| {
        let path = format!("{}/tests/screens/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        testkit::kept(Path::new(&path), text);
    };
    for (name, typed) in SCREENS {
        let asked = match typed.contains(".log") {
            true => format!("{typed} --year 2026 --tz UTC --no-progress"),
            false => typed.to_owned(),
        };
        // An explanation has no moments.
        let asked = if name.starts_with("explain") { typed.to_owned() } else { asked };
        let line = format!("{} {asked}", env!("CARGO_BIN_EXE_fwstat"));
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &line])
            .current_dir(&folder.0)
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env("TERM", "xterm");
        let piped = finish(without_surroundings(&mut shell).stdin(std::process::Stdio::null()));
        assert!(piped.code < 2, "{name}: {}", piped.err);
        kept(&format!("{name}-pipe"), &piped.out);
        for (rows, columns) in TERMINALS {
            let Some(screen) = on_terminal(&folder.0, rows, columns, &asked) else { return };
            for line in screen.lines() {
                // Lines of the log are what they are.
                let raw = matches!(name, "lines" | "export");
                assert!(
                    raw || fwlog::text::width(line) <= columns as usize,
                    "{name} {rows}x{columns}: {line}"
                );
            }
            kept(&format!("{name}-{columns}x{rows}"), &screen);
        }
    }
}

/// Nothing is kept that no screen is compared with.
#[test]
fn every_kept_screen_is_one() {
    let names: Vec<String> = SCREENS
        .iter()
        .flat_map(|(name, _)| {
            let sizes = TERMINALS.map(|(rows, columns)| format!("{name}-{columns}x{rows}.txt"));
            sizes.into_iter().chain([format!("{name}-pipe.txt")])
        })
        .collect();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "{name}");
    }
}
