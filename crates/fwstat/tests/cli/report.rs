//! What `fwstat report` says: its numbers are those of the commands it is made of.

use crate::support::*;

/// The page of a log with these arguments.
fn page(arguments: &[&str]) -> Ran {
    run(&[&["report"][..], arguments].concat())
}

/// The text of a page, without markup, blanks joined.
pub(crate) fn text(html: &str) -> String {
    let body = html.split("<body>").nth(1).unwrap().split("<script>").next().unwrap();
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let text = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">");
    text.replace("&#38;", "&").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn home() -> (Folder, String, String) {
    let folder = Folder::new();
    let log = folder.write("home.log", testkit::bytes("noise/home.log.gz"));
    let rules = folder.write("home.rules", testkit::bytes("noise/home.rules"));
    (folder, log, rules)
}

#[test]
fn the_numbers_are_those_of_suggest_top_and_replay() {
    let (_folder, log, rules) = home();
    let told = page(&["--rules", &rules, &log]);
    assert_eq!(told.code, 0, "{}", told.err);
    let text = text(&told.out);
    let grouped = |number: u64| fwlog::text::grouped(number);
    let suggest = run(&["suggest", "--json", "--rules", &rules, &log]).json();
    let number = |key: &str| suggest[key].as_u64().unwrap();
    let drops = suggest["rules"].as_array().unwrap().iter().filter(|rule| rule["action"] == "DROP");
    let (mut left, mut rules_shown) = (number("before") - number("already"), 0);
    for rule in drops {
        let lines = rule["lines"].as_u64().unwrap();
        left -= lines;
        rules_shown += 1;
        let share = rule["share"].as_f64().unwrap();
        assert!(share > 0.0 && text.contains(&format!("{} ", grouped(lines))), "{rule}");
        assert!(text.contains(&format!("% {}", grouped(left))), "{rule}: {left}: {text}");
        assert!(text.contains(rule["what"].as_str().unwrap()), "{rule}");
    }
    assert!(rules_shown >= 3 && left == number("after"));
    assert!(
        text.contains(&format!("{} of {} lines need eyes", grouped(left), grouped(number("before")))),
        "{text}"
    );
    let top = run(&["top", "--json", "-n", "25", "--by", "src/24", &log]).json();
    for row in top["tables"][0]["rows"].as_array().unwrap() {
        let network = row["src/24"].as_str().unwrap();
        assert!(text.contains(&format!("{network} {} ", grouped(row["count"].as_u64().unwrap()))), "{row}");
    }
    let replay = run(&["replay", "--json", &rules, &log]).json();
    for key in ["remaining", "removed", "unknown"] {
        assert!(text.contains(&grouped(replay[key].as_u64().unwrap())), "{key}");
    }
    for finding in replay["findings"].as_array().unwrap() {
        let words = finding["message"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let begin: String = words.chars().take(60).collect();
        assert!(text.contains(&begin), "{words}");
    }
}

/// The tables of what remains are those of what `suggest` leaves, by prefix, by source and by port.
fn remains_as_suggest_leaves(folder: &Folder, rules: &str, log: &str) {
    let told = text(&page(&["--rules", rules, log]).out);
    let remaining = run(&["suggest", "--rules", rules, "--print", "remaining", log]).out;
    let kept = folder.write("remaining.log", remaining);
    let part = told.split("By prefix").nth(1).unwrap().split("Near hits").next().unwrap();
    for by in ["prefix", "src", "dport,proto"] {
        let top = run(&["top", "--json", "-n", "10", "--by", by, &kept]).json();
        let rows = top["tables"][0]["rows"].as_array().unwrap();
        assert!(rows.len() >= 2);
        for row in rows {
            let key = match by {
                "prefix" | "src" => row[by].as_str().unwrap().to_owned(),
                _ if row["dport"].is_null() => continue,
                _ => format!("{}/{}", row["proto"].as_str().unwrap().to_lowercase(), row["dport"]),
            };
            let lines = fwlog::text::grouped(row["count"].as_u64().unwrap());
            // A service's name may come between the two.
            let told = part.split(&format!(" {key} ")).nth(1).unwrap_or_else(|| panic!("{key}: {part}"));
            assert!(told.split(' ').take(2).any(|word| word == lines), "{key} {lines}: {part}");
        }
    }
}

#[test]
fn what_remains_is_what_suggest_leaves() {
    let (folder, log, rules) = home();
    remains_as_suggest_leaves(&folder, &rules, &log);
    // Where few lines go those are counted, and taken from all.
    let print = |which: &str| run(&["suggest", "--rules", &rules, "--print", which, &log]).out;
    let (remaining, removed) = (print("remaining").repeat(8), print("removed"));
    let some = removed.lines().step_by(20).map(|line| format!("{line}\n"));
    let few = folder.write("few.log", format!("{remaining}{}", some.collect::<String>()));
    let suggested = run(&["suggest", "--json", "--rules", &rules, &few]).json();
    let number = |key: &str| suggested[key].as_u64().unwrap();
    let gone = number("before") - number("after");
    assert!(gone > 0 && gone * 4 <= number("before"), "{gone}");
    remains_as_suggest_leaves(&folder, &rules, &few);
}

/// Each campaign that `fwstat scans` shows has its row, in the same order, and its lines have a command; so in the digest.
#[test]
fn each_campaign_of_scans_has_a_row() {
    let folder = Folder::new();
    for name in ["02-techniques", "10-ipv6", "14-hard-small", "15-hard-distributed"] {
        let log = folder.write(
            &format!("{name}.log"),
            shell(&testkit::testdata("scans"), &format!("gzip -dc {name}.log.gz")),
        );
        let scans = run(&["scans", "--json", "--utc", "--year", "2026", &log]).json();
        let campaigns = scans["campaigns"].as_array().unwrap();
        assert!(campaigns.len() >= 5, "{name}");
        let html = page(&["--utc", "--year", "2026", &log]).out;
        let part = html.split("<section id=\"scans\"").nth(1).unwrap().split("</section>").next().unwrap();
        let rows: Vec<String> =
            part.split("<tr>").skip(2).take(campaigns.len().min(20)).map(row_text).collect();
        let digest = page(&["--format", "text", "--utc", "--year", "2026", &log]).out;
        let digest: String = digest.split_whitespace().collect::<Vec<_>>().join(" ");
        let digest = digest.split(" Scans ").nth(1).unwrap();
        for (at, campaign) in campaigns.iter().enumerate().take(20) {
            let word = |key: &str| campaign[key].as_str().unwrap().to_owned();
            let packets = fwlog::text::grouped(campaign["packets"].as_u64().unwrap());
            let slow = if campaign["slow"] == true { "slow " } else { "" };
            let began = word("first")[..16].replace('T', " ");
            let tool = campaign["tool"].as_str().unwrap_or("");
            let how = format!("{slow}{} {}", word("shape"), word("technique"));
            let mut wanted = vec![word("id"), packets.clone(), how, began.clone(), tool.to_owned()];
            for (many, all) in [("sources", "n_sources"), ("targets", "n_targets")] {
                wanted.push(match campaign[all].as_u64().unwrap() {
                    1 => campaign[many][0].as_str().unwrap().to_owned(),
                    number => format!("{} ", fwlog::text::grouped(number)),
                });
            }
            for wanted in &wanted {
                assert!(rows[at].contains(wanted.as_str()), "{name}: {wanted}: {}", rows[at]);
                assert!(at >= 10 || digest.contains(wanted.as_str()), "{name}: {wanted}: {digest}");
            }
            let command = format!("fwstat lines --campaign {} --utc --year 2026 {log}", word("id"));
            assert!(text(&html).contains(&command), "{name}: {command}");
        }
        let more = |shown: usize| campaigns.len().saturating_sub(shown);
        let command = format!("fwstat scans -n 0 --utc --year 2026 {log}");
        assert_eq!(part.contains(&command), more(20) > 0, "{name}");
        assert_eq!(digest.contains(&format!("and {} more: {command}", more(10))), more(10) > 0, "{name}");
    }
    // Without scans there is nothing of it.
    let log = folder.write("few.log", log(40, 60, 2));
    assert_eq!(run(&["scans", "--json", &log]).json()["campaigns"].as_array().unwrap().len(), 0);
    assert!(
        !page(&[&log]).out.contains("Campaigns") && !page(&["--format", "text", &log]).out.contains("Scans")
    );
}

/// A row of a table without its markup.
fn row_text(row: &str) -> String {
    let row = row.split("</tr>").next().unwrap();
    text(&format!("<body>{row}<script>"))
}

#[test]
fn the_same_page_for_any_threads_and_chunks() {
    let (_folder, log, rules) = home();
    let one = page(&["--rules", &rules, "--threads", "1", &log]);
    assert_eq!(one.code, 0);
    for more in [["--threads", "4", "--chunk-size", "70000"], ["--threads", "3", "--chunk-size", "999"]] {
        let other = page(&[&["--rules", &rules][..], &more, &[&log]].concat());
        assert!(one.out == other.out, "{more:?}");
    }
}

#[test]
fn a_page_is_written_whole_and_says_how() {
    let (folder, log, _) = home();
    let out = folder.path("out.html");
    let told = page(&["--utc", "--output", &out, &log]);
    assert_eq!((told.code, told.out.as_str()), (0, ""), "{}", told.err);
    let html = std::fs::read_to_string(&out).unwrap();
    let command = text(&html);
    let command = command.split("The command that makes this page ").nth(1).unwrap();
    let command = command.split(" Made by").next().unwrap();
    assert_eq!(command, format!("fwstat report --output {out} --utc {log}"));
    // It makes the same page.
    std::fs::remove_file(&out).unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    assert_eq!(run(&words).code, 0);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), html);
    assert!(html.len() < 300_000, "{}", html.len());
}

#[test]
fn logs_without_packets_have_a_page_that_says_so() {
    let folder = Folder::new();
    let empty = folder.write("empty.log", "");
    let none = folder.write("none.log", "Jun  1 00:00:00 gate sshd[1]: hello\n");
    for (log, words) in [(&empty, "No firewall records found"), (&none, "1 line is counted in no table")] {
        let told = page(&[log]);
        assert_eq!(told.code, 1, "{}", told.err);
        assert!(text(&told.out).contains(words), "{}", text(&told.out));
    }
    let (_folder, log, _) = home();
    let told = page(&["-s", "203.0.113.99", &log]);
    assert_eq!(told.code, 1);
    assert!(text(&told.out).contains("No packets match the filters"));
    assert_eq!(page(&["/nonexistent.log"]).code, 2);
}

/// However many sources, ports and prefixes a log has.
#[test]
fn a_page_does_not_grow_with_the_log() {
    let folder = Folder::new();
    let mut random = Random(7);
    let mut log = String::new();
    for n in 0..60_000u64 {
        log += &format!(
            "{} gate kernel: p{n}.{} IN=eth{} OUT= MAC= SRC={}.{}.{}.{} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 \
             PROTO=TCP SPT=1024 DPT={} WINDOW=1 RES=0x00 SYN URGP=0 \n",
            stamp(n * 90),
            "x".repeat(20),
            n % 5_000,
            1 + random.below(220),
            random.below(256),
            random.below(256),
            random.below(256),
            random.below(65_536),
        );
    }
    let log = folder.write("many.log", log);
    let told = page(&[&log]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.len() < 400_000, "{}", told.out.len());
}
