//! States: counts that are kept, counted on, joined and asked, always as if one run had read all of it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::support::*;

/// What `fwstat` says of these inputs, without what names them.
fn tables(arguments: &[&str]) -> serde_json::Value {
    let ran = run(&[arguments, &["-j"]].concat());
    assert!(ran.code < 2, "{arguments:?}: {}", ran.err);
    let mut json = ran.json();
    let document = json.as_object_mut().unwrap();
    // From lines only.
    document.remove("noise_estimate");
    document.remove("assumptions");
    document["input"].as_object_mut().unwrap().remove("files");
    json
}

/// Lines of several hosts, in the order of time.
fn fleet(lines: usize, hosts: u64) -> String {
    let mut random = Random(7);
    let host = |line: &str, random: &mut Random| {
        let name = format!(" gw{} kernel:", random.below(hosts));
        let (before, after) = line.split_once(" kernel:").unwrap_or((line, ""));
        let (stamp, _) = before.rsplit_once(' ').unwrap_or((before, ""));
        if after.is_empty() { format!("{line}\n") } else { format!("{stamp}{name}{after}\n") }
    };
    log(lines, 40, 3).lines().map(|line| host(line, &mut random)).collect()
}

/// The same lines in as many files.
fn split(folder: &Folder, text: &str, parts: usize) -> Vec<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let each = lines.len().div_ceil(parts);
    lines
        .chunks(each)
        .enumerate()
        .map(|(at, part)| folder.write(&format!("part{at}"), part.concat()))
        .collect()
}

const COMMANDS: [&[&str]; 3] = [&["-n", "20"], &["top", "-n", "0"], &["timeline"]];

#[test]
fn any_split_gives_the_same_tables() {
    let folder = Folder::new();
    let chunks = if std::env::var_os("FWSTAT_TEST_CHUNKS").is_some() { 1_000 } else { 25 };
    let text = fleet(20_000, 5);
    let file = folder.write("kern.log", &text);
    for (at, parts) in [7, chunks].into_iter().enumerate() {
        let names = split(&folder, &text, parts);
        let states: Vec<String> = names.iter().map(|name| format!("{name}.{at}.state")).collect();
        for (name, state) in names.iter().zip(&states) {
            let ran = run(&["--state", state, "--year", "2026", "-q", name]);
            assert!(ran.code < 2, "{}", ran.err);
        }
        let joined = [folder.path("a.state"), folder.path("b.state"), folder.path("c.state")];
        let merge = |to: &str, from: &[&str]| {
            let ran = run(&[&["merge", "--output", to], from].concat());
            assert_eq!(ran.code, 0, "{}", ran.err);
        };
        let in_order: Vec<&str> = states.iter().map(String::as_str).collect();
        merge(&joined[0], &in_order);
        let mut backwards = in_order.clone();
        backwards.reverse();
        merge(&joined[1], &backwards);
        // In two steps.
        let (first, second) = in_order.split_at(parts / 3);
        let part = folder.path("part.state");
        merge(&part, first);
        merge(&joined[2], &[second, &[&part]].concat());
        assert_eq!(fs::read(&joined[0]).unwrap(), fs::read(&joined[1]).unwrap());
        assert_eq!(fs::read(&joined[0]).unwrap(), fs::read(&joined[2]).unwrap());
        for command in COMMANDS {
            let whole = tables(&[command, &["--year", "2026", &file]].concat());
            assert_eq!(tables(&[command, &[&joined[0]]].concat()), whole, "{parts} {command:?}");
            assert_eq!(
                tables(
                    &[command, &["--threads", "8", "--chunk-size", "4096", "--year", "2026", &file]].concat()
                ),
                whole
            );
        }
        // Without joining them, and some of them as logs.
        let mixed = in_turns(&names, &states);
        let whole = tables(&["top", "--year", "2026", &file]);
        assert_eq!(tables(&[&["top", "--year", "2026"], &mixed[..]].concat()), whole);
    }
    let hosts = tables(&["top", "--by", "host", &folder.path("a.state")]);
    assert_eq!(hosts["tables"], tables(&["top", "--by", "host", "--year", "2026", &file])["tables"]);
    assert_eq!(hosts["tables"][0]["distinct"], 5);
}

#[test]
fn a_state_answers_what_it_holds_and_names_it() {
    let folder = Folder::new();
    let file = folder.write("kern.log", fleet(3_000, 2));
    let year = ["--year", "2026"];
    let state = folder.path("s");
    for (keeps, asks) in [
        (&["top", "--by", "src,dport"][..], &["top", "--by", "src,dport", "--min", "2"][..]),
        (&["timeline", "--by", "prefix", "-b", "1h"], &["timeline", "--by", "prefix", "-b", "1h", "-n", "2"]),
        (
            &["top", "--by", "src", "--distinct", "dport"],
            &["top", "--by", "src", "--distinct", "dport", "--sort", "distinct"],
        ),
        (&["top", "-p", "tcp", "--where", "dport < 1024"], &["top", "-p", "tcp", "--where", "dport < 1024"]),
        (&[], &["timeline", "-b", "1d"]),
    ] {
        let _ = fs::remove_file(&state);
        assert_eq!(run(&[keeps, &year, &["--state", &state, "-q", &file]].concat()).code, 0);
        assert_eq!(
            tables(&[asks, &[&state]].concat()),
            tables(&[asks, &year, &[&file]].concat()),
            "{asks:?}"
        );
    }
    for (asks, said) in [
        (&["top", "--by", "ttl"][..], "`top --by ttl`, but to: top --by prefix; top --by src;"),
        (&["top", "-p", "udp"], "of other packets"),
        (&["top", "--tz", "+03:00"], "of other days"),
        (&["timeline", "-b", "90s", "--by", "src"], "does not hold"),
        (&["lines"], "is a state of fwstat"),
        (&["check"], "is a state of fwstat"),
        (&["suggest"], "is a state of fwstat"),
    ] {
        let ran = run(&[asks, &[&state]].concat());
        assert!(ran.code == 2 && ran.err.contains(said), "{asks:?}: {}", ran.err);
    }
    // The same question with --state.
    let ran = run(&["top", "--by", "ttl", "--state", &state, &file]);
    assert!(ran.code == 2 && ran.err.contains("does not hold"), "{}", ran.err);
    let ran = run(&["top", &state, "--state", &state]);
    assert!(ran.code == 2 && ran.err.contains("also read"), "{}", ran.err);
    let ran = run(&["merge", &state, &state, "--output", "/dev/null"]);
    assert!(ran.code == 2 && ran.err.contains("twice"), "{}", ran.err);
}

#[test]
fn what_is_damaged_or_of_another_version_is_said_and_left_as_it_is() {
    let folder = Folder::new();
    let file = folder.write("kern.log", fleet(500, 2));
    let state = folder.path("s");
    assert_eq!(run(&["--state", &state, "-q", &file]).code, 0);
    let bytes = fs::read(&state).unwrap();
    let [older, newer] = [b"fwstat.state/1\n", b"fwstat.state/3\n"].map(|line| [line, &bytes[15..]].concat());
    let cut = bytes[..bytes.len() - 9].to_vec();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 4;
    for (bytes, said) in [
        (older, "another version"),
        (newer, "another version"),
        (cut, "damaged"),
        (flipped, "damaged"),
        (bytes[..15].to_vec(), "damaged"),
    ] {
        fs::write(&state, &bytes).unwrap();
        for arguments in
            [&["--state", &state, &file][..], &["top", &state], &["merge", &state], &["diff", &state, &file]]
        {
            let ran = run(arguments);
            assert!(ran.code == 2 && ran.err.contains(said), "{arguments:?}: {}", ran.err);
        }
        assert_eq!(fs::read(&state).unwrap(), bytes);
    }
    fs::write(&state, "no state").unwrap();
    let ran = run(&["--state", &state, &file]);
    assert!(ran.code == 2 && ran.err.contains("this is no state of fwstat"), "{}", ran.err);
    assert_eq!(fs::read(&state).unwrap(), b"no state");
}

#[test]
fn what_has_no_place_is_counted_once() {
    let folder = Folder::new();
    let text = fleet(500, 2);
    let state = folder.path("s");
    let first = run_with(text.as_bytes(), &["top", "--state", &state, "-j"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let before = fs::read(&state).unwrap();
    let again = run_with(text.as_bytes(), &["top", "--state", &state, "-j"]);
    assert!(again.code == 2 && again.err.contains("would count them again"), "{}", again.err);
    assert_eq!(fs::read(&state).unwrap(), before);
    assert_eq!(tables(&["top", &state])["tables"], first.json()["tables"]);
}

/// A log that grows and is rotated (moved, packed, cut in place) under runs that are killed at any moment: the state in
/// the end is that of one run over all lines. `FWSTAT_TEST_RUNS` kills; 12 if it is not set.
#[test]
fn no_line_is_skipped_or_counted_twice_whatever_kills_a_run() {
    let runs = std::env::var("FWSTAT_TEST_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(12u64);
    let folder = Folder::new();
    let (path, state) = (folder.path("kern.log"), folder.path("s"));
    let numbered = |n: u64| {
        let stamp =
            format!("2026-06-{:02}T{:02}:{:02}:{:02}Z", 1 + n / 86_400, n / 3_600 % 24, n / 60 % 60, n % 60);
        format!(
            "{stamp} gw kernel: in.dropped IN=eth0 OUT= MAC= SRC=192.0.2.{} DST=192.0.2.9 LEN=60 TOS=0x00 PREC=0x00 TTL=64 \
             ID={} PROTO=UDP SPT=40000 DPT={} LEN=40\n",
            n % 250,
            n % 65_536,
            n % 7
        )
    };
    let (mut random, mut written, mut all) = (Random(11), 0, String::new());
    let mut append = |random: &mut Random| {
        let more: String = (0..random.below(3_000) + 1).map(|n| numbered((written + n) * 5)).collect();
        written += more.lines().count() as u64;
        all.push_str(&more);
        File::options().append(true).create(true).open(&path).unwrap().write_all(more.as_bytes()).unwrap();
    };
    // The first run that is not killed begins with the log as it is then: what was rotated away before is not its own.
    append(&mut random);
    assert_eq!(run(&["--state", &state, "-q", &path]).code, 0);
    for turn in 0..runs {
        append(&mut random);
        let mut child = program()
            .args(["--state", &state, "-q", &path])
            .stdin(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let wait =
            std::time::Duration::from_micros(random.below(if turn % 2 == 0 { 40_000 } else { 400_000 }));
        std::thread::sleep(wait);
        let _ = child.kill();
        child.wait().unwrap();
        append(&mut random);
        match random.below(4) {
            0 => rotate(&folder.0, false),
            1 => rotate(&folder.0, true),
            _ => {}
        }
    }
    append(&mut random);
    let last = run(&["--state", &state, "-q", &path]);
    assert_eq!(last.code, 0, "{}", last.err);
    let (whole, once) = (folder.write("all.log", &all), folder.path("once"));
    assert_eq!(run(&["--state", &once, "-q", &whole]).code, 0);
    let asked = |state: &str| {
        let to = format!("{state}.asked");
        assert_eq!(run(&["merge", "--output", &to, state]).code, 0);
        fs::read(to).unwrap()
    };
    assert_eq!(tables(&["top", "-n", "0", &state]), tables(&["top", "-n", "0", &whole]));
    assert!(asked(&state) == asked(&once), "the states are not the same");
}

/// As logrotate does: every file one further, the second packed.
fn rotate(folder: &Path, packed: bool) {
    let name = |n: u32, end: &str| folder.join(format!("kern.log.{n}{end}"));
    for n in (1..40).rev() {
        for end in ["", ".gz"] {
            let _ = fs::rename(name(n, end), name(n + 1, end));
        }
    }
    fs::rename(folder.join("kern.log"), name(1, "")).unwrap();
    fs::write(folder.join("kern.log"), "").unwrap();
    if packed && name(2, "").exists() {
        shell(folder, "gzip -n kern.log.2");
    }
}

#[test]
fn new_since_shows_what_a_state_has_not() {
    let folder = Folder::new();
    let text = fleet(4_000, 2);
    let names = split(&folder, &text, 2);
    let state = folder.path("s");
    assert_eq!(run(&["--year", "2026", "--state", &state, "-q", &names[0]]).code, 0);
    let sources = |arguments: &[&str]| -> Vec<String> {
        let json = tables(&[arguments, &["--year", "2026", "-n", "0"]].concat());
        let table =
            json["tables"].as_array().unwrap().iter().find(|table| table["by"][0] == "src").unwrap().clone();
        table["rows"].as_array().unwrap().iter().map(|row| row["src"].as_str().unwrap().to_owned()).collect()
    };
    let known = sources(&["top", &names[0]]);
    let wanted: Vec<String> =
        sources(&["top", &names[1]]).into_iter().filter(|source| !known.contains(source)).collect();
    assert!(!wanted.is_empty());
    assert_eq!(sources(&["top", "--new-since", &state, &names[1]]), wanted);
    assert_eq!(sources(&["--new-since", &state, &names[1]]), wanted);
}
