//! Screens: nothing is wider than the terminal, addresses are whole, and the first screen is one screen.

use std::path::Path;

use fwlog::text;

use crate::support::*;

/// Prefixes as users, tools and attackers write them.
const PREFIXES: [&str; 8] = [
    "in.dropped ",
    "[UFW BLOCK] ",
    "Shorewall:net2fw:DROP:a-very-long-name ",
    "防火墙丢弃的数据包: ",
    "x\u{1b}[31m\u{202e}y ",
    "filter_IN_public_DROP-with-no-blank-at-all-in-it:",
    "",
    "🔥🔥🔥 wall ",
];

fn address(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!(
            "2001:0db8:85a3:{:04x}:{:04x}:8a2e:0370:{:04x}",
            random.below(65_536),
            random.below(65_536),
            random.below(65_536)
        ),
        1 => format!("fe80:0000:0000:0000:0000:0000:0000:{:04x}", random.below(65_536)),
        _ => format!(
            "{}.{}.{}.{}",
            1 + random.below(220),
            random.below(256),
            random.below(256),
            random.below(256)
        ),
    }
}

/// A log of addresses of both families, long and wide names.
fn wild(seed: u64) -> (String, Vec<String>) {
    let mut random = Random(seed);
    let mut out = String::new();
    let mut sources = Vec::new();
    let step = [1, 60, 7_200, 90_000][random.below(4) as usize];
    for n in 0..20 + random.below(30) {
        let (src, mut dst) = (address(&mut random), address(&mut random));
        while src.contains(':') != dst.contains(':') {
            dst = address(&mut random);
        }
        let prefix = random.pick(&PREFIXES);
        let iface = random.pick(&["eth0", "enp0s31f6.1234", "br-0123456789ab"]);
        let ip = if src.contains(':') {
            "TC=0 HOPLIMIT=64 FLOWLBL=0"
        } else {
            "TOS=0x00 PREC=0x00 TTL=64 ID=7 DF"
        };
        let stamp = stamp(n * step + 1);
        out += &format!(
            "{stamp} gate kernel: [ 1.000001] {prefix}IN={iface} OUT= MAC= SRC={src} DST={dst} LEN=60 {ip} PROTO=TCP SPT={} DPT={} \
             WINDOW=64240 RES=0x00 SYN URGP=0 \n",
            1_024 + random.below(60_000),
            random.pick(&["22", "443", "17500", "51413"]),
        );
        sources.push(src.parse::<std::net::IpAddr>().unwrap().to_string());
    }
    // Noise worth a rule, and its exceptions.
    let (prefix, src) = (random.pick(&PREFIXES), address(&mut random));
    for n in 0..60 * (seed % 3) {
        let (dst, ip) = match src.contains(':') {
            true => ("ff02:0000:0000:0000:0000:0000:0000:00fb", "TC=0 HOPLIMIT=255 FLOWLBL=0"),
            false => ("239.255.255.250", "TOS=0x00 PREC=0x00 TTL=4 ID=7"),
        };
        out += &format!(
            "{} gate kernel: [ 1.000001] {prefix}IN=eth0 OUT= MAC= SRC={src} DST={dst} LEN=201 {ip} PROTO=UDP SPT=5353 DPT={} LEN=181 \n",
            stamp(n * 600 + 7),
            random.pick(&["1900", "5353"]),
        );
    }
    (out, sources)
}

/// Rules with names and comments as long as they may be, for lines of both families.
fn wild_rules(random: &mut Random, ipv6: bool) -> String {
    let chain = random.pick(&["MALICIOUS", "a-chain-with-a-name-as-long-as", "防火墙"]);
    let (net, other) = if ipv6 {
        ("2001:db8:85a3:7a0:1319:8a2e:370:0/112", "fe80::/10")
    } else {
        ("192.0.2.0/24", "198.51.100.0/25")
    };
    let comment = "x".repeat(1 + random.below(200) as usize);
    format!(
        "*filter\n:INPUT DROP [0:0]\n:{chain} - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A INPUT -j {chain}\n-A {chain} -s {net} -p tcp -m tcp --dport 22 -m comment --comment \"{comment}\" -j DROP\n\
         -A {chain} -s {other} -p udp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -m comment --comment \"many short words in here\" -j DROP\n\
         -A INPUT -j LOG --log-prefix \"in.dropped \"\n-A INPUT -j LOG --log-prefix \"[UFW BLOCK] \"\nCOMMIT\n"
    )
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let folder = Folder::new();
    let commands: [&[&str]; 16] = [
        &[],
        &["--all"],
        &["top"],
        &["top", "--by", "prefix,src,dst", "-n", "0"],
        &["top", "--by", "src", "--distinct", "dport", "-n", "0"],
        &["timeline", "--by", "src"],
        &["timeline", "--by", "prefix", "-n", "0"],
        &["timeline", "--by", "hour_of_day,weekday"],
        &["check"],
        &["lines", "--format", "table"],
        &["suggest"],
        &[
            "suggest",
            "--rules",
            "RULES",
            "--rules",
            "RULES6",
            "--trusted",
            "2001:db8:85a3:7a0:1319:8a2e:370:0/112",
        ],
        &["replay", "--rules", "RULES", "--rules", "RULES6", "-v"],
        &["replay", "--rules", "RULES", "--add", "-A INPUT -p udp --dport 17500 -j DROP"],
        &["explain", "LINE"],
        &["explain", "--rules", "RULES", "--rules", "RULES6", "LINE"],
    ];
    let mut random = Random(7);
    for seed in 0..200 {
        let (log, sources) = wild(seed);
        let file = folder.write("kern.log", log);
        let rules = [false, true]
            .map(|ipv6| folder.write(if ipv6 { "six" } else { "four" }, wild_rules(&mut random, ipv6)));
        let width = (40 + random.below(161) as usize).to_string();
        let line = format!("{file}:{}", 1 + random.below(20));
        // Three commands of each log, and each command often enough.
        for turn in 0..3 {
            let command = commands[(seed as usize * 3 + turn) % commands.len()];
            let word = |word: &&'static str| match *word {
                "RULES" => rules[0].clone(),
                "RULES6" => rules[1].clone(),
                "LINE" => line.clone(),
                word => word.to_owned(),
            };
            let mut words: Vec<String> = command.iter().map(word).collect();
            words.extend(["--width", &width].map(str::to_owned));
            if command.first() != Some(&"explain") {
                words.extend(["--year", "2026", &file].map(str::to_owned));
            }
            let ran = finish(program().args(&words));
            let found_nothing = command.first() == Some(&"suggest") && ran.code == 1;
            assert!(ran.code == 0 || found_nothing, "{words:?}: {} {}", ran.code, ran.err);
            for line in ran.out.lines() {
                let columns = text::width(line);
                assert!(
                    columns <= width.parse().unwrap(),
                    "{seed} {words:?}: {columns}\n{line}\n{}",
                    ran.out
                );
            }
            if command.contains(&"0") && command.contains(&"src") || command.first() == Some(&"lines") {
                for source in &sources {
                    assert!(ran.out.contains(source), "{seed} {words:?}: {source} is cut\n{}", ran.out);
                }
            }
        }
    }
}

/// In a folder on a terminal of this size, without colours; `None` without `script`.
pub(crate) fn on_terminal(folder: &Path, rows: u32, columns: u32, line: &str) -> Option<String> {
    if !has("script") {
        skipped("script is not there");
        return None;
    }
    let line = format!("stty rows {rows} cols {columns}; {} {line}", env!("CARGO_BIN_EXE_fwstat"));
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(folder);
    command.env("TERM", "xterm").env("TZ", "UTC").env("XDG_CONFIG_HOME", "/nonexistent");
    let output = without_surroundings(&mut command).stdin(std::process::Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    // Without colours.
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain += before;
        rest = after.split_once('m').unwrap().1;
    }
    Some(plain + rest)
}

fn sample() -> String {
    testkit::testdata("sample/kern.log").to_string_lossy().into_owned()
}

#[test]
fn the_first_screen_is_one_screen() {
    let folder = Folder::new();
    let log = folder.write("kern.log", std::fs::read(sample()).unwrap());
    for (rows, columns) in [(24, 80), (40, 120), (50, 160)] {
        let Some(screen) = on_terminal(&folder.0, rows, columns, &format!("--year 2026 {log}")) else {
            return;
        };
        let lines: Vec<&str> = screen.lines().collect();
        assert!(lines.len() < rows as usize, "{rows}x{columns}: {}\n{screen}", lines.len());
        assert!(lines.iter().all(|line| text::width(line) <= columns as usize), "{screen}");
        for words in ["≈", "noise", "SRC", "LAST", "PREFIX", "DPORT", "Next:"] {
            assert!(screen.contains(words), "{rows}x{columns}: {words}\n{screen}");
        }
        let screen = screen.replace(&log, "kern.log").replace(folder.0.to_str().unwrap(), "");
        assert!(screen.contains("192.168.50.177"), "{screen}");
        let all = on_terminal(&folder.0, rows, columns, &format!("--all --year 2026 {log}")).unwrap();
        assert!(all.lines().count() >= lines.len());
    }
}

#[test]
fn what_is_longer_than_the_screen_says_its_number_again_at_the_end() {
    let rules = testkit::testdata("sample/guide.rules").to_string_lossy().into_owned();
    let log = sample();
    for (command, number) in [
        (format!("top --year 2026 {log}"), "3,827 packets; most:"),
        (format!("timeline --year 2026 -b 1h {log}"), "3,827 packets; peak 259 at 2026-03-03 15:00"),
        (format!("replay --year 2026 {rules} {log}"), "still logged, 158 no longer logged"),
        (
            format!("suggest --year 2026 --rules {rules} {log}"),
            "# 5 rules silence 3,428 of 3,669 lines (93.4 %); 241 remain.",
        ),
    ] {
        let Some(screen) = on_terminal(Path::new("."), 24, 100, &command) else { return };
        let last = screen.trim_end().lines().last().unwrap().to_owned();
        assert!(last.contains(number), "{command}: {last}");
        // Where all of it is on the screen, once is enough.
        let tall = on_terminal(Path::new("."), 900, 100, &command).unwrap();
        assert!(!tall.trim_end().lines().last().unwrap().contains(number), "{command}");
    }
}

/// On a small screen an explanation is short, with the verdict at its end; `--all` has the rest.
#[test]
fn an_explanation_fits_the_screen() {
    let folder = Folder::new();
    std::fs::copy(testkit::testdata("sample/guide.rules"), folder.path("rules")).unwrap();
    std::fs::copy(sample(), folder.path("kern.log")).unwrap();
    for line in [1, 5, 7, 719, 1232, 1950, 3000, 3920] {
        for (rules, last) in [("--rules rules ", "Verdict: "), ("", "")] {
            let typed = format!("explain {rules}kern.log:{line}");
            let Some(screen) = on_terminal(&folder.0, 24, 80, &typed) else { return };
            // Of a truncated line many rules cannot be decided, and each says why: only its end is sure to be seen.
            let truncated = [719, 1950].contains(&line);
            assert!(screen.lines().count() < 24 || truncated, "{typed}\n{screen}");
            let ends = screen.lines().rev().take(2).any(|line| line.starts_with(last));
            assert!(ends, "{typed}\n{screen}");
            let all = on_terminal(&folder.0, 24, 80, &format!("{typed} --all")).unwrap();
            assert!(all.lines().count() >= screen.lines().count());
            assert!(
                rules.is_empty() || !screen.contains("--all") || all.lines().count() >= 24,
                "{typed}\n{all}"
            );
            // Where there is room, everything is shown, and its end need not say who sent what to whom again.
            let tall = on_terminal(&folder.0, 200, 80, &typed).unwrap();
            assert!(all.starts_with(&tall), "{typed}\n{all}");
        }
    }
}

/// A device without a clock of its own begins in 1970.
#[test]
fn one_wrong_clock_does_not_ruin_the_picture() {
    let folder = Folder::new();
    let mut random = Random(3);
    let line = |stamp: String, random: &mut Random| format!("{stamp} gate kernel: {}\n", packet(random));
    let mut log = line("1970-01-01T00:00:07+00:00".to_owned(), &mut random);
    for n in 0..500 {
        log += &line(
            format!("2026-03-{:02}T{:02}:{:02}:00+00:00", 2 + n / 240, n / 10 % 24, n % 10 * 6),
            &mut random,
        );
    }
    log += &line("2038-01-19T03:14:07+00:00".to_owned(), &mut random);
    let file = folder.write("kern.log", &log);
    let overview = run(&[&file]);
    assert!(
        overview.out.contains("packets per hour") || overview.out.contains("packets per 30 minutes"),
        "{}",
        overview.out
    );
    assert!(overview.out.contains("2 packets are far from these in time"), "{}", overview.out);
    let timeline = run(&["timeline", &file]);
    assert!(
        timeline.out.lines().count() < 130 && timeline.out.contains("2026-03-02 00:00"),
        "{}",
        timeline.out
    );
    assert!(timeline.out.contains("2 packets are far from the others in time"), "{}", timeline.out);
    // Who asks for a width gets all; programs get all.
    let json = run(&["timeline", "-j", &file]).json();
    let sum: u64 = json["rows"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(sum, 502);
    assert!(run(&["timeline", "-b", "4w", &file]).out.contains("1969-12-"));
}

/// The share of noise is about what suggest finds in all of it, and the same for any number of threads.
#[test]
fn the_share_of_noise_is_about_that_of_suggest() {
    let log = sample();
    let shares: Vec<f64> = ["1", "3"]
        .iter()
        .map(|threads| run(&["-j", "--year", "2026", "--threads", threads, "--chunk-size", "20000", &log]).json()["noise_estimate"].as_f64().unwrap())
        .collect();
    assert!((shares[0] - shares[1]).abs() < 1e-12, "{shares:?}");
    let suggested = run(&["suggest", "-j", "--year", "2026", &log]).json();
    let noise = suggested["noise"].as_f64().or_else(|| suggested["totals"]["noise"].as_f64());
    if let Some(noise) = noise {
        assert!((noise / 3_827.0 - shares[0]).abs() < 0.05, "{noise} {shares:?}");
    }
    assert!(shares[0] > 0.6 && shares[0] < 1.0, "{shares:?}");
}

#[test]
fn rows_of_top_are_chosen_sorted_and_counted() {
    let folder = Folder::new();
    let log = folder.write("kern.log", log(400, 60, 91));
    let top = |more: &[&str]| {
        run(&[&["top", "-j", "--by", "src", "-n", "0"], more, &[log.as_str()]].concat()).json()
    };
    let rows = |json: &serde_json::Value| json["tables"][0]["rows"].as_array().unwrap().clone();
    // An independent count of the ports that each source tried.
    let tried = shell(
        &folder.0,
        "grep 'IN=' kern.log | sed 's/\\[SRC.*\\]//' | sed -n 's/.*SRC=\\([^ ]*\\) .*DPT=\\([0-9]*\\) .*/\\1 \\2/p' | sort -u | cut -d' ' -f1 | sort | uniq -c",
    );
    let tried: std::collections::BTreeMap<std::net::IpAddr, u64> = tried
        .lines()
        .map(|line| line.trim().split_once(' ').unwrap())
        .map(|(count, src)| (src.parse().unwrap(), count.parse().unwrap()))
        .collect();
    let with = rows(&top(&["--distinct", "dport"]));
    assert_eq!(with.len(), rows(&top(&[])).len());
    for row in &with {
        let src: std::net::IpAddr = row["src"].as_str().unwrap().parse().unwrap();
        assert_eq!(row["distinct_dport"].as_u64(), Some(tried.get(&src).copied().unwrap_or(0)), "{src}");
    }
    let sorted = rows(&top(&["--distinct", "dport", "--sort", "distinct"]));
    assert!(
        sorted.windows(2).all(|two| two[0]["distinct_dport"].as_u64() >= two[1]["distinct_dport"].as_u64())
    );
    let min = rows(&top(&["--min", "2"]));
    let expected: Vec<_> =
        with.iter().filter(|row| row["count"].as_u64() >= Some(2)).map(|row| row["src"].clone()).collect();
    assert_eq!(min.iter().map(|row| row["src"].clone()).collect::<Vec<_>>(), expected);
    let ports = run(&["top", "-j", "--by", "dport", "-n", "0", "--sort", "key", &log]).json();
    let keys: Vec<Option<u64>> = rows(&ports).iter().map(|row| row["dport"].as_u64()).collect();
    assert!(keys.windows(2).all(|two| two[0] < two[1]), "{keys:?}");
    let csv = run(&["top", "--by", "src", "--distinct", "dport", "--format", "csv", &log]).out;
    assert!(csv.starts_with("src,count,share,distinct_dport\r\n"), "{csv}");
    // Several tables are one for programs.
    let csv = run(&["top", "--format", "csv", &log]).out;
    assert!(csv.starts_with("by,key,count,share\r\n") && !csv.contains("\r\n\r\n"), "{csv}");
    assert!(csv.contains("\r\n\"dport,proto\",22 TCP,"), "{csv}");
    assert_eq!(run(&["top", "--sort", "distinct", &log]).code, 2);
    // The shares are summed up.
    let table = run(&["top", "--by", "proto", "--cumulative", &log]).out;
    assert!(table.contains("SUM") && table.contains("100.0 %"), "{table}");
}

#[test]
fn the_heat_map_has_every_hour() {
    let folder = Folder::new();
    let line = |day: u32, hour: u32| {
        format!(
            "2026-06-{day:02}T{hour:02}:30:00+00:00 gate kernel: x IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 \
             PREC=0x00 TTL=64 ID=7 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=64240 RES=0x00 SYN URGP=0 \n"
        )
    };
    // The first of June 2026 is a Monday.
    let log = line(1, 0) + &line(3, 5).repeat(4) + &line(7, 23).repeat(2);
    let file = folder.write("kern.log", log);
    for by in ["hour_of_day,weekday", "weekday,hour_of_day"] {
        let out = run(&["timeline", "--by", by, &file]).out;
        let row = |day: &str| out.lines().find(|line| line.starts_with(day)).unwrap().to_owned();
        assert!(row("Mon").starts_with("Mon  ░░") && row("Mon").ends_with('1'), "{out}");
        assert!(row("Wed").contains("██") && row("Wed").ends_with('4'), "{out}");
        assert!(row("Sun").contains("▒▒") && row("Sun").ends_with('2'), "{out}");
        assert_eq!(row("Tue").matches('·').count(), 48, "{out}");
        assert!(out.contains("peak: Wed 05:00, 4 packets"), "{out}");
    }
}
