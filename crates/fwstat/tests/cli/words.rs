//! Words on the command line that were meant otherwise: what is understood, and what is said of the rest.

use crate::support::*;

/// The repository's sample, with its year.
fn sample() -> String {
    testkit::testdata("sample/kern.log").to_string_lossy().into_owned()
}

fn of_2026(arguments: &[&str]) -> Ran {
    finish(program().args(arguments).args(["--year", "2026"]))
}

#[test]
fn negation_is_that_of_iptables() {
    let log = sample();
    let count = |arguments: &[&str]| {
        let ran = of_2026(&[&["lines", "-c"], arguments, &[log.as_str()]].concat());
        assert!(ran.code < 2, "{arguments:?}: {}", ran.err);
        ran.out.trim().parse::<u64>().unwrap()
    };
    let net = "192.168.50.0/24";
    let all = count(&[]);
    let wanted = count(&["-s", "!192.168.50.0/24"]);
    assert!(wanted > 0 && wanted < all);
    assert_eq!(count(&["-s", net]) + wanted, all);
    for typed in [
        &["!", "-s", net][..],
        &["-s", "!", net],
        &["!", "--src", net],
        &["!", "--source=192.168.50.0/24"],
        &["!", "-s192.168.50.0/24"],
    ] {
        assert_eq!(count(typed), wanted, "{typed:?}");
    }
    let both = count(&["!", "-p", "udp", "!", "--dport", "22,23"]);
    assert_eq!(both, count(&["-p", "!udp", "--dport", "!22,23"]));
    for wrong in [&["!"][..], &["!", "x"], &["!", "-n", "5"], &["!", "-S", "1h"], &["!", "-s", "!10.0.0.1"]] {
        let ran = run(&[&["top"], wrong].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{wrong:?}");
        assert!(ran.err.contains('!') || ran.err.contains("negated"), "{}", ran.err);
    }
}

/// The command, what standard error must say, and that nothing was read.
#[test]
fn words_that_belong_elsewhere_are_told_where() {
    let log = sample();
    let cases: &[(&[&str], &[&str])] = &[
        (&["LOG", "top"], &["`top` is a command and comes first", "fwstat top LOG"]),
        (&["--prefix", "a b", "LOG", "lines"], &["comes first: fwstat lines --prefix 'a b' LOG"]),
        (&["--prefix", "lines", "LOG", "lines"], &["comes first: fwstat lines --prefix lines LOG"]),
        (&["top", "--by", "src", "LOG", "lines"], &["comes first: fwstat lines LOG"]),
        (&["-n3", "lines"], &["comes first: fwstat lines -n3 FILE"]),
        (&["LOG", "timeline"], &["fwstat timeline LOG"]),
        (&["grep", "LOG"], &["`grep`", "fwstat lines LOG"]),
        (&["top", "LOG", "help"], &["fwstat help COMMAND"]),
        (&["help", "nosuch"], &["no help about `nosuch`"]),
        (
            &["top", "--bucket", "1h", "LOG"],
            &["--bucket belongs to `fwstat timeline`", "fwstat timeline --bucket 1h LOG"],
        ),
        (&["--by", "dport", "LOG"], &["--by belongs to `fwstat top`", "fwstat top --by dport LOG"]),
        (&["check", "--trusted=10.0.0.0/8", "LOG"], &["--trusted belongs to `fwstat suggest`"]),
        (&["top", "--generate", "man"], &["--generate belongs to `fwstat` without a command"]),
        (&["top", "--prefx", "x", "LOG"], &["no option is called --prefx; did you mean --prefix?"]),
        (&["top", "--frobnicate", "LOG"], &["no option is called --frobnicate", "fwstat top --help"]),
        (&["top", "-n", "abc", "LOG"], &["'abc'", "not a number of rows"]),
        (&["top", "-n", "-5", "LOG"], &["'-5'", "not a number of rows"]),
        (&["top", "--threads", "0", "LOG"], &["'0'", "not a number of threads"]),
        (&["top", "--by", "srcip", "LOG"], &["did you mean `src`?"]),
        (&["top", "--by", "dst_port", "LOG"], &["did you mean `dport`?"]),
        (&["top", "--by", "frobnicate", "LOG"], &["there are time, stamp,", "hour_of_day", "src/24"]),
        (&["--format", "csv", "LOG"], &["does not write csv", "`fwstat top`", "`fwstat export`"]),
        (&["explain", "LOG"], &["is a file; which line?", "LOG:N"]),
        (&["replay", "LOG", "RULES"], &["is a log, and no ruleset", "comes first"]),
    ];
    let rules = testkit::testdata("sample/guide.rules").to_string_lossy().into_owned();
    let real = |word: &str| word.replace("LOG", &log).replace("RULES", &rules);
    for (typed, said) in cases {
        let typed: Vec<String> = typed.iter().map(|word| real(word)).collect();
        let ran = run(&typed.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{typed:?}");
        for words in *said {
            assert!(ran.err.contains(&real(words)), "{typed:?}: {words} is not in {}", ran.err);
        }
        assert!(!ran.err.contains("to pass"), "{typed:?}: {}", ran.err);
    }
    let helped = run(&["help", "top"]);
    assert!(helped.code == 0 && helped.out.contains("--by"), "{}", helped.out);
    assert_eq!(run(&["--generate", "bash"]).out, run(&["--generate", "complete-bash"]).out);
}

#[test]
fn filters_that_nothing_passes_are_explained() {
    let log = sample();
    for (typed, said) in [
        (&["-p", "22"][..], "-p 22 is the protocol with this number; a port is --dport 22"),
        (&["--prefix", "nosuch"], "there are: udp.in.dropped, tcp.in.dropped"),
        (&["-i", "eth9"], "there are: eno1, eth0"),
    ] {
        for command in [&[][..], &["top"], &["timeline"]] {
            let ran = of_2026(&[command, typed, &[log.as_str()]].concat());
            assert_eq!(ran.code, 1, "{command:?}: {}", ran.err);
            assert!(
                ran.out.contains("No packets match.") && ran.out.contains(said),
                "{command:?}: {}",
                ran.out
            );
            assert!(!ran.out.contains("PACKETS"), "{}", ran.out);
        }
        for command in ["lines", "export"] {
            let ran = of_2026(&[&[command], typed, &[log.as_str()]].concat());
            assert!(ran.code == 1 && ran.err.contains(said), "{command}: {}", ran.err);
        }
    }
    // Not where something passes, and not where the value is there but something else is not.
    let ran = of_2026(&["top", "--prefix", "tcp.in.foreign", "-p", "udp", &log]);
    assert!(ran.code == 1 && !ran.out.contains("there are"), "{}", ran.out);
    // What cannot be read twice is not read for a hint.
    let ran = run_with(&std::fs::read(&log).unwrap(), &["top", "--prefix", "nosuch", "-"]);
    assert!(ran.code == 1 && !ran.out.contains("there are"), "{}", ran.out);
}

/// Its error may have scrolled away.
#[test]
fn what_could_not_be_read_is_told_again_at_the_end() {
    let log = sample();
    for command in [&[][..], &["top"], &["timeline"], &["lines"], &["export"], &["check"]] {
        let ran = of_2026(&[command, &[&log, "/nonexistent/x.log"]].concat());
        assert_eq!(ran.code, 2);
        assert!(!ran.out.is_empty());
        let last = ran.err.lines().last().unwrap();
        assert!(
            last.contains("/nonexistent/x.log") && last.contains("not all of it was read"),
            "{command:?}: {}",
            ran.err
        );
    }
}

#[test]
fn the_text_of_other_tools_names_the_command_that_gives_rules() {
    let folder = Folder::new();
    let log = sample();
    for (name, text, said) in [
        (
            "vnl",
            "Chain INPUT (policy DROP 46 packets, 2817 bytes)\n pkts bytes target     prot opt in     out     source   destination\n",
            "iptables-save -c",
        ),
        (
            "nl",
            "Chain FORWARD (policy ACCEPT)\ntarget     prot opt source               destination\n",
            "iptables-save -c",
        ),
        (
            "nft",
            "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n",
            "nft -j list ruleset",
        ),
        ("ufw", "Status: active\n\nTo                         Action      From\n", "iptables-save"),
    ] {
        let rules = folder.write(name, text);
        for command in [
            &["replay", &rules, &log][..],
            &["suggest", "--rules", &rules, &log],
            &["explain", "--rules", &rules, "x"],
        ] {
            let ran = run(command);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{command:?}");
            assert!(ran.err.contains(said) && ran.err.contains(name), "{command:?}: {}", ran.err);
        }
    }
}

#[test]
fn a_line_that_tells_of_lost_lines_is_explained() {
    let ran = run(&["explain", &format!("{}:924", sample())]);
    assert!(ran.out.contains("38 lines never reached the log"), "{}", ran.out);
}

/// Commands after a report ask about the same packets: they run, and find something.
#[test]
fn what_comes_next_has_the_filters_of_the_question() {
    let folder = Folder::new();
    let log = folder.write("a log's name.log", std::fs::read(sample()).unwrap());
    let rules = testkit::testdata("sample/guide.rules").to_string_lossy().into_owned();
    let args = folder.write("args", "--year=2026\n--tz=UTC\n");
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_fwstat")).parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let mut tried = 0;
    for asked in [
        &["-p", "tcp", "!", "-s", "192.168.50.0/24"][..],
        &["top", "-p", "udp", "--where", "dport > 100"],
        &["top", "--by", "prefix,dport", "-4", "--grep", "IN=eno1 "],
        &["timeline", "--prefix", "tcp.in*", "-b", "1h"],
        &["timeline", "-S", "2026-03-02 10:00", "--by", "src"],
        &["replay", "--rules", &rules, "-p", "tcp"],
        &["suggest", "--rules", &rules, "-i", "eno1"],
    ] {
        let mut first = program();
        let ran = finish(first.args(asked).arg(&log).env("FWSTAT_CONFIG_PATH", &args));
        let (_, next) = ran.out.split_once("Next:\n").unwrap_or_else(|| panic!("{asked:?}: {}", ran.out));
        for line in next.lines().filter(|line| line.contains("fwstat ")) {
            let command = line.trim_start_matches(['#', ' ']);
            let command = command.split("  ").next().unwrap();
            for word in asked
                .iter()
                .skip_while(|word| !word.starts_with('-'))
                .take(2)
                .filter(|word| !word.contains(' '))
            {
                let there = command.contains(word)
                    || ["timeline", "top", "-S"].contains(word)
                    || *word == "--by"
                    || *word == "prefix,dport";
                assert!(there || command.contains("--rules"), "{word} is not in {command}");
            }
            let mut shell = std::process::Command::new("bash");
            shell
                .args(["-c", command])
                .env("PATH", &path)
                .env("FWSTAT_CONFIG_PATH", &args)
                .stdin(std::process::Stdio::null());
            let again = finish(&mut shell);
            assert!(
                again.code <= 1 && !again.err.contains("error"),
                "{command}: {} {}",
                again.code,
                again.err
            );
            if !command.contains("--print removed") && !command.contains("suggest") {
                assert_eq!(again.code, 0, "{command}");
            }
            tried += 1;
        }
    }
    assert!(tried >= 14, "{tried}");
}

#[test]
fn a_number_is_a_number_in_every_option() {
    let log = sample();
    for (arguments, option) in [
        (&["top", "--min", "many"][..], "--min <N>"),
        (&["lines", "-n", "abc"], "--limit <N>"),
        (&["lines", "-A", "x"], "--after-context <N>"),
        (&["lines", "--tail", "all"], "--tail <N>"),
        (&["suggest", "--max-rules", "few"], "--max-rules <N>"),
        (&["top", "--width", "wide"], "--width <COLUMNS>"),
        (&["top", "--min", "99999999999999999999"], "--min <N>"),
    ] {
        let ran = run(&[arguments, &[&log]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}");
        let (said, value) = (ran.err, arguments[2]);
        assert!(said.contains(&format!("{option}: `{value}` is ")), "{arguments:?}: {said}");
        assert!(!said.contains("invalid digit"), "{said}");
    }
}

/// A word in the first place that is neither a command nor a file: nothing is reported as if it had not been typed.
#[test]
fn a_first_word_of_which_nothing_is_known_stops() {
    let log = sample();
    for word in ["visitors", "blocked", "overviews"] {
        for typed in [&[word, &log][..], &[word, "-n", "3", &log, &log], &["--all", word, &log]] {
            let ran = run(typed);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{typed:?}");
            assert!(
                ran.err.contains(&format!("`{word}`")) || ran.err.contains("belongs to"),
                "{typed:?}: {}",
                ran.err
            );
        }
    }
    // A name of a file is told as one, and the others are read.
    let ran = of_2026(&["missing.log", &log]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("3,827 packets"), "{}", ran.out);
}
