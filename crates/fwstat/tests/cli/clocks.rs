//! Clocks that go wrong, stamps without a year, zones that are not known.
//!
//! Logs are made up with the faults that clocks have: they are set, they begin at nothing, relays
//! deliver late. What every line's moment is, is known from the making; what a reading of the text
//! must give is worked out here from those moments alone.

use crate::support::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How many logs are tried: `FWSTAT_CLOCKS=1000` for all.
fn tried(default: u64) -> u64 {
    std::env::var("FWSTAT_CLOCKS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A log: what its clock showed at each line, and when it was written last.
struct Clocked {
    moments: Vec<i64>,
    written: i64,
    /// The longest silences that its rhythm makes are about this long.
    silence: i64,
}

/// What may be wrong with a log.
#[derive(Clone, Copy, PartialEq)]
enum Faults {
    None,
    Any,
}

/// From `low` to `high`, the small ones as often as the large ones.
fn spread(random: &mut Random, low: i64, high: i64) -> i64 {
    let unit = random.below(1 << 20) as f64 / f64::from(1 << 20);
    libm::exp(libm::log(low as f64) + unit * libm::log((high as f64) / (low as f64))) as i64
}

/// An exponential step of this mean, but never most of a year.
fn step(random: &mut Random, mean: i64) -> i64 {
    let unit = (random.below(1 << 20) as f64 + 1.0) / f64::from(1 << 20);
    ((-libm::log(unit) * mean as f64) as i64).min(280 * DAY)
}

impl Clocked {
    /// 0 to 40 months of lines, in one of four rhythms.
    fn new(random: &mut Random, faults: Faults) -> Clocked {
        let months = random.below(41) as i64;
        let span = months * 30 * DAY + random.below(DAY as u64) as i64;
        let lines = spread(random, 3, 1_200);
        let mean = (span / lines).max(1);
        let rhythm = random.below(4);
        // 2010 to 2024.
        let mut now = 1_262_304_000 + random.below(15 * 365 * DAY as u64) as i64;
        let mut lag = 0;
        let jumps = if faults == Faults::Any { random.below(4) } else { 0 };
        let at: Vec<i64> = (0..jumps).map(|_| 1 + random.below(lines as u64 - 1) as i64).collect();
        let mut until = Vec::new();
        let late = if faults == Faults::Any { random.below(6) } else { 0 };
        let (mut moments, mut silence) = (Vec::new(), 0);
        let mut real = now;
        for line in 0..lines {
            let by = match rhythm {
                0 => step(random, mean),
                1 => (mean - mean / 8 + random.below((mean / 4).max(1) as u64) as i64).min(280 * DAY),
                2 => random.below(2 * mean.min(140 * DAY) as u64) as i64,
                // Some lines at once, then silence.
                _ if random.below(8) > 0 => random.below(20) as i64,
                _ => step(random, 8 * mean),
            };
            silence = silence.max(by);
            real += by;
            if at.contains(&line) {
                let by = random.below(760 * DAY as u64) as i64 - 30 * DAY;
                lag += by;
                if random.below(2) == 0 {
                    until.push((line + 1 + random.below(60) as i64, by));
                }
            }
            for (_, by) in until.extract_if(.., |(end, _)| *end == line) {
                lag -= by;
            }
            now = real + lag;
            let is_late = line > 0 && random.below(100) < late;
            moments.push(if is_late { now - spread(random, 1, 6 * DAY) } else { now });
        }
        Clocked { moments, written: now + random.below(600) as i64, silence }
    }

    /// The text, with stamps that have a year or have not.
    fn text(&self, years: bool) -> String {
        let lines = self.moments.iter().enumerate().map(|(at, moment)| {
            let time = jiff::Timestamp::from_second(*moment).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let stamp = time.strftime(if years { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%b %e %H:%M:%S" });
            let port = at % 60_000 + 1;
            format!(
                "{stamp} gate kernel: drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 \
                 ID={at} PROTO=TCP SPT=1 DPT={port} WINDOW=1 RES=0x00 SYN URGP=0 \n"
            )
        });
        lines.collect()
    }

    fn write(&self, folder: &Folder, name: &str, years: bool) -> String {
        let file = folder.write(name, self.text(years));
        let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(self.written as u64);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(written).unwrap();
        file
    }

    /// The numbers of the lines at which the clock cannot be followed without years: it went back by
    /// more than a week, or forward by more than eleven months.
    fn beyond(&self) -> Vec<usize> {
        let steps = self.moments.windows(2).enumerate();
        let beyond = steps.filter(|(_, pair)| !(-7 * DAY..=334 * DAY).contains(&(pair[1] - pair[0])));
        beyond.map(|(at, _)| at + 2).collect()
    }

    /// Whether a step of the log leaves stamps as a log without faults has them: the stamps of a log that
    /// was silent for some days, or for as long as it is now and then, are those of one that was so for a
    /// year more. And a log of a few lines is silent for any time.
    fn is_alike(&self, step: i64) -> bool {
        let shown = shown(step);
        self.moments.len() < 100 || (-27 * HOUR..8 * DAY).contains(&shown) || shown < 10 * self.silence
    }

    fn is_busy(&self) -> bool {
        self.moments.len() >= 100 && self.silence < DAY
    }

    fn texts(&self) -> String {
        let text = |moment: &i64| format!("{}\n", jiff::Timestamp::from_second(*moment).unwrap());
        self.moments.iter().map(text).collect()
    }

    /// The lines of each day, counted here.
    fn days(&self) -> std::collections::BTreeMap<String, u64> {
        let mut days = std::collections::BTreeMap::new();
        for moment in &self.moments {
            let text = jiff::Timestamp::from_second(*moment).unwrap().to_string();
            *days.entry(text[..10].to_owned()).or_default() += 1;
        }
        days
    }
}

/// The time of every record, a line each.
fn times(arguments: &[&str]) -> String {
    let mut all = vec!["export", "--format", "tsv", "--no-header", "--fields", "time", "--utc"];
    all.extend_from_slice(arguments);
    run(&all).out
}

/// Lines by day, and what is said about the clock.
fn days(arguments: &[&str]) -> (std::collections::BTreeMap<String, u64>, Vec<String>) {
    let mut all = vec!["top", "-j", "--by", "day", "-n", "0", "--utc"];
    all.extend_from_slice(arguments);
    let json = run(&all).json();
    let rows = json["tables"][0]["rows"].as_array().unwrap();
    let days =
        rows.iter().map(|row| (row["day"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap()));
    let said =
        json["assumptions"].as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap().to_owned());
    (days.collect(), said.collect())
}

/// A step as stamps without a year show it: what it is beside whole years.
fn shown(step: i64) -> i64 {
    const YEAR: i64 = 365 * DAY;
    (step + 30 * DAY).rem_euclid(YEAR) - 30 * DAY
}

#[test]
fn faults_of_the_clock() {
    let folder = Folder::new();
    let mut random = Random(20_261_128);
    let (mut clean, mut beyond, mut named) = (0, 0, 0);
    let (mut busy, mut alike) = (0, 0);
    let mut wrong = Vec::new();
    for number in 0..tried(40) {
        let log = Clocked::new(&mut random, Faults::Any);
        let file = log.write(&folder, "years.log", true);
        assert_eq!(times(&[&file]), log.texts(), "log {number}");
        let file = log.write(&folder, "kern.log", false);
        let found = times(&[&file]);
        let (counts, said) = days(&[&file, "--chunk-size", "3000"]);
        let is_right = found == log.texts();
        if is_right != (counts == log.days()) {
            wrong.push(format!("log {number}: the two ways to read differ"));
        }
        let lines = log.beyond();
        let Some(line) = lines.first().copied() else {
            clean += 1;
            if !is_right {
                let at = found.lines().zip(log.texts().lines()).position(|(a, b)| a != b);
                wrong.push(format!("log {number} is to be right, line {at:?}: {said:?}"));
            }
            continue;
        };
        beyond += 1;
        busy += usize::from(log.is_busy());
        let places = [format!("kern.log:{line}:"), format!("line {line} ")];
        if said.iter().any(|text| places.iter().any(|place| text.contains(place))) {
            named += 1;
            continue;
        }
        let step = log.moments[line - 1] - log.moments[line - 2];
        if log.is_alike(step) {
            alike += usize::from(log.is_busy());
            continue;
        }
        let days = |seconds: i64| seconds as f64 / DAY as f64;
        wrong.push(format!(
            "log {number}: {} lines, silences of {:.2} days, nothing is said of line {line}, a step of {:.2} days which \
             looks like {:.2} (is right: {is_right}): {said:?}",
            log.moments.len(),
            days(log.silence),
            days(step),
            days(shown(step))
        ));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Where a log is never silent for a day, few faults look like it.
    assert!(
        alike * 10 <= busy + 10,
        "{clean} logs without a step that no stamp tells are right; of {beyond} with one its line is said in {named}; of \
         {busy} busy ones, {alike} look like any other"
    );
}

#[test]
fn a_log_without_faults_needs_no_assumption() {
    let folder = Folder::new();
    let mut random = Random(7);
    let mut wrong = Vec::new();
    for number in 0..tried(100).div_ceil(5) {
        let log = Clocked::new(&mut random, Faults::None);
        assert_eq!(log.beyond(), [0; 0]);
        let file = log.write(&folder, "kern.log", false);
        if times(&[&file]) != log.texts() {
            wrong.push(format!("{number}: wrong"));
        }
        let (counts, said) = days(&[&file]);
        if counts != log.days() || !said.is_empty() {
            wrong.push(format!("{number}: {} lines: {said:?}", log.moments.len()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn since_and_until_lose_no_line() {
    let folder = Folder::new();
    let mut random = Random(99);
    for number in 0..tried(40).div_ceil(2) {
        let log = Clocked::new(&mut random, Faults::Any);
        let file = log.write(&folder, "years.log", true);
        let one = |random: &mut Random| log.moments[random.below(log.moments.len() as u64) as usize];
        let (a, b) = (one(&mut random), one(&mut random));
        let (since, until) = (a.min(b), a.max(b));
        let text = |moment: i64| jiff::Timestamp::from_second(moment).unwrap().to_string();
        let wanted: String = log
            .moments
            .iter()
            .filter(|moment| (since..=until).contains(*moment))
            .map(|moment| text(*moment) + "\n")
            .collect();
        let (since, until) = (text(since), text(until));
        assert_eq!(times(&["-S", &since, "-U", &until, &file]), wanted, "log {number}");
        let mut counts = std::collections::BTreeMap::new();
        for line in wanted.lines() {
            *counts.entry(line[..10].to_owned()).or_default() += 1;
        }
        assert_eq!(days(&["-S", &since, "-U", &until, &file]).0, counts, "log {number}");
        // The same lines, by what is found of them without years.
        let file = log.write(&folder, "kern.log", false);
        let all = times(&[&file]);
        let wanted: String = all
            .lines()
            .filter(|time| (since.as_str()..=until.as_str()).contains(time))
            .map(|time| format!("{time}\n"))
            .collect();
        assert_eq!(times(&["-S", &since, "-U", &until, &file]), wanted, "log {number}");
    }
}

/// A packet behind its stamp.
const PACKET: &str = "gate kernel: drop IN=eth0 OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 \
                      PROTO=TCP SPT=1 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0 ";

#[test]
fn any_number_of_decembers_in_files_pipes_and_packed() {
    let folder = Folder::new();
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    for months in [1, 2, 13, 14, 27, 40] {
        let (mut text, mut wanted) = (String::new(), String::new());
        // The last line is of August 2024.
        for month in (0..months).map(|back| 2024 * 12 + 7 - (months - 1 - back)) {
            text += &format!("{} 14 12:13:52 {PACKET}\n", MONTHS[month % 12]);
            wanted += &format!("{}-{:02}-14T12:13:52Z\n", month / 12, month % 12 + 1);
        }
        let file = folder.write("kern.log", &text);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
        let packed = folder.write("kern.log.gz", gzip.finish().unwrap());
        for input in [&file, &packed] {
            assert_eq!(times(&["--year", "2024", input]), wanted, "{months} months: {input}");
        }
        let arguments =
            ["export", "--format", "tsv", "--no-header", "--fields", "time", "--utc", "--year", "2024", "-"];
        assert_eq!(run_with(text.as_bytes(), &arguments).out, wanted, "{months} months: pipe");
    }
}

#[test]
fn a_clock_that_was_wrong_for_a_while_is_no_new_year() {
    let folder = Folder::new();
    const JUNE: i64 = 1_780_272_000;
    const DECEMBER: i64 = 1_796_904_000;
    const YEAR_2026: i64 = 1_767_225_600;
    // A line a minute; in between a boot without a clock, a relay's old lines, a clock that was ahead.
    for (name, start, first, lines) in [
        ("boot", JUNE, YEAR_2026, 80),
        ("boot east of Greenwich", JUNE, YEAR_2026 + 9 * HOUR, 80),
        ("boot in December", DECEMBER, YEAR_2026, 300),
        ("relay", JUNE, JUNE - 9 * DAY, 3_000),
        ("relay after three weeks", JUNE, JUNE - 20 * DAY, 1_000),
        ("relay after three months", JUNE, JUNE - 90 * DAY, 1_000),
        ("ahead", JUNE, JUNE + 100 * DAY, 200),
    ] {
        let mut moments: Vec<i64> = (0..4_000).map(|at| start + at * MINUTE).collect();
        let wrong: Vec<i64> = (0..lines).map(|at| first + at).collect();
        let inserted = wrong.len();
        moments.splice(2_000..2_000, wrong);
        let log = Clocked { written: start + 4_000 * MINUTE, moments, silence: MINUTE };
        let file = log.write(&folder, "kern.log", false);
        assert!(times(&[&file]) == log.texts(), "{name}");
        let (counts, said) = days(&[&file, "--chunk-size", "20000"]);
        assert_eq!(counts, log.days(), "{name}");
        let place = "kern.log:2001: from this line";
        let back = format!("line {} goes on where line 2000", 2_001 + inserted);
        assert!(said.len() == 1 && said[0].contains(place) && said[0].contains(&back), "{name}: {said:?}");
        let ran = run(&["top", &file]);
        assert!(ran.out.contains("clock that was wrong"), "{name}: {}", ran.out);
    }
}

#[test]
fn the_year_that_is_given_is_that_of_the_newest_line() {
    let folder = Folder::new();
    let text = format!("Dec 31 23:59:58 {PACKET}\nJan  1 00:00:01 {PACKET}\nDec 31 23:59:59 {PACKET}\n");
    let wanted = "2025-12-31T23:59:58Z\n2026-01-01T00:00:01Z\n2025-12-31T23:59:59Z\n";
    let file = folder.write("kern.log", &text);
    assert_eq!(times(&["--year", "2026", &file]), wanted);
    let arguments =
        ["export", "--format", "tsv", "--no-header", "--fields", "time", "--utc", "--year", "2026", "-"];
    assert_eq!(run_with(text.as_bytes(), &arguments).out, wanted);
}

#[test]
fn lines_that_are_not_looked_at_first_are_read_again_if_they_are_far() {
    let folder = Folder::new();
    // A line each second in a file whose stamps are looked at from place to place; 30 lines of last year.
    let june = 1_780_272_000;
    let mut moments: Vec<i64> = (0..9_000).map(|at| june + at).collect();
    moments.splice(5_000..5_000, (0..30).map(|at| june - 20 * DAY + at));
    let log = Clocked { written: june + 9_000, moments, silence: 1 };
    let file = log.write(&folder, "kern.log", false);
    assert!(std::fs::metadata(&file).unwrap().len() > 1 << 20);
    let (counts, said) = days(&[&file]);
    assert_eq!(counts, log.days());
    assert!(said.len() == 1 && said[0].contains("kern.log:5001:"), "{said:?}");
}

#[test]
fn what_dmesg_counts_from_the_line_before_is_a_moment() {
    let packet = PACKET.strip_prefix("gate kernel: ").unwrap();
    let text = format!(
        "[Dec31 23:59] {packet}\n[  +0.000011] {packet}\n[ +12.500000] usb 1-1: new device\n[  +1.000000] {packet}\n\
         [Jan 1 00:00] {packet}\n[  +0.250000] {packet}\n"
    );
    let arguments =
        ["export", "--format", "tsv", "--no-header", "--fields", "time", "--utc", "--year", "2024", "-"];
    assert_eq!(
        run_with(text.as_bytes(), &arguments).out,
        "2023-12-31T23:59:00Z\n2023-12-31T23:59:00.000011Z\n2023-12-31T23:59:13.500011Z\n2024-01-01T00:00:00Z\n\
         2024-01-01T00:00:00.250Z\n"
    );
}

#[test]
fn a_zone_that_is_not_known_is_said() {
    let folder = Folder::new();
    let file =
        folder.write("kern.log", format!("2024-10-27T02:30:00 {PACKET}\n2024-07-01T12:00:00 {PACKET}\n"));
    let span = |tz: &str, more: &[&str]| {
        let json = finish(program().env("TZ", tz).args(["check", "-j", &file]).args(more)).json();
        (json["input"]["since"].as_str().unwrap().to_owned(), json["assumptions"].clone())
    };
    let (since, said) = span("Mars/Olympus", &[]);
    assert_eq!(since, "2024-07-01T12:00:00Z");
    assert_eq!(said[0]["kind"], "zone");
    assert!(said[0]["message"].as_str().unwrap().contains("TZ=Mars/Olympus names no zone"), "{said}");
    for tz in ["", "UTC", ":UTC", "UTC0"] {
        assert_eq!(span(tz, &[]).1, serde_json::json!([]), "{tz}");
    }
    // Rules and offsets need no zone data; of an hour that is there twice the first is taken.
    for (tz, since, said) in [
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2024-07-01T10:00:00Z", 1),
        ("+02:00", "2024-07-01T10:00:00Z", 0),
        ("-0330", "2024-07-01T15:30:00Z", 0),
    ] {
        for (found, assumed) in [span(tz, &[]), span("UTC", &[&format!("--tz={tz}")])] {
            assert_eq!((found.as_str(), assumed.as_array().unwrap().len()), (since, said), "{tz}: {assumed}");
        }
    }
    let ran = run(&["check", "--tz", "Mars/Olympus", &file]);
    assert!(ran.code == 2 && ran.err.contains("--tz: ") && ran.err.contains("Mars/Olympus"), "{}", ran.err);
}
