//! What a shell makes of a printed rule: the words of the rule, and nothing else.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use fwrules::{Condition, Family, Log, OnInterface, Other, Rule, Sets, Target, Text, shell_quote};

/// Texts that try to become something else.
const HOSTILE: [&[u8]; 16] = [
    b"\"; touch pwned #",
    b"'; touch pwned #",
    b"`touch pwned`",
    b"$(touch pwned)",
    b"${IFS}touch${IFS}pwned",
    b"a\\\"; touch pwned #",
    b"a\x03touch pwned\r",
    b"\x1b[2J\x15touch pwned",
    b"\xff\xfe touch pwned",
    b"%s%n\\033 '\"`$!",
    b"!touch",
    b"-j ACCEPT",
    b"caf\xc3\xa9 \xe2\x80\xae gnp.exe",
    b"trailing \\",
    b"| touch pwned & ; && || > pwned",
    b"\ttouch pwned",
];

/// Runs commands with programs that print their words, each ended by a zero byte.
fn words(commands: &str) -> Vec<Vec<u8>> {
    let dir = std::env::temp_dir().join(format!("fwrules-shell-{}-{:x}", std::process::id(), commands.len()));
    std::fs::create_dir_all(&dir).unwrap();
    let script = format!(
        "words() {{ for word; do printf '%s\\0' \"$word\"; done; printf '\\0'; }}\n\
         iptables() {{ words \"$@\"; }}\nip6tables() {{ words \"$@\"; }}\nnft() {{ words \"$@\"; }}\nipset() {{ words \"$@\"; }}\n{commands}\n"
    );
    let mut child = Command::new("sh")
        .current_dir(&dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}\n{commands}", String::from_utf8_lossy(&output.stderr));
    let left: Vec<_> = std::fs::read_dir(&dir).unwrap().filter_map(Result::ok).map(|e| e.path()).collect();
    assert!(left.is_empty(), "{left:?} after\n{commands}");
    std::fs::remove_dir_all(&dir).unwrap();
    output.stdout.split(|&b| b == 0).map(<[u8]>::to_vec).collect()
}

/// A terminal to which the text is pasted sees nothing that it would obey.
fn pastes_harmlessly(text: &str) {
    for c in text.chars() {
        assert!(c == '\n' || (' '..='~').contains(&c) || c.is_alphanumeric(), "{c:?} in {text}");
    }
}

fn rule(prefix: &[u8], comment: &[u8]) -> Rule {
    Rule {
        conditions: vec![Condition::Comment(Text::from(comment))],
        log: Some(Log { prefix: Text::from(prefix), ..Log::default() }),
        ..Rule::default()
    }
}

#[test]
fn hostile_prefix_and_comment_stay_words() {
    for text in HOSTILE {
        let command = rule(text, text).to_iptables(text, Family::Ipv4).unwrap();
        pastes_harmlessly(&command);
        assert_eq!(command.lines().count(), 1);
        let cut = &text[..text.len().min(29)];
        // In a comment, a carriage return becomes a blank.
        let comment: Vec<u8> = text.iter().map(|&b| if b == b'\r' { b' ' } else { b }).collect();
        let wanted: Vec<&[u8]> = vec![
            b"-A",
            text,
            b"-m",
            b"comment",
            b"--comment",
            &comment,
            b"-j",
            b"LOG",
            b"--log-prefix",
            cut,
            b"",
            b"",
        ];
        assert_eq!(words(&command), wanted, "{command}");
    }
}

#[test]
fn hostile_names_stay_words() {
    for text in HOSTILE {
        let rule = Rule {
            conditions: vec![
                OnInterface { input: true, name: fwrules::Test::is(fwrules::Interface(Text::from(text))) }
                    .into(),
                Other { module: Text::from(text), words: vec![Text::from("--x"), Text::from(text)] }.into(),
            ],
            target: Target::Other { name: Text::from(text), words: vec![Text::from(text)] },
            ..Rule::default()
        };
        let command = rule.to_iptables(b"INPUT", Family::Ipv6).unwrap();
        pastes_harmlessly(&command);
        let wanted: Vec<&[u8]> =
            vec![b"-A", b"INPUT", b"-i", text, b"-m", text, b"--x", text, b"-j", text, text, b"", b""];
        assert_eq!(words(&command), wanted, "{command}");
    }
}

#[test]
fn line_breaks_cannot_end_a_command() {
    // In a comment they become blanks, in a prefix iptables itself refuses them.
    let command = rule(b"x", b"a\ntouch pwned\n\0b").to_iptables(b"INPUT", Family::Ipv4).unwrap();
    assert_eq!(command, "iptables -A INPUT -m comment --comment \"a touch pwned  b\" -j LOG --log-prefix x");
    for text in [&b"a\ntouch pwned"[..], b"a\0b"] {
        let rule = rule(text, b"");
        assert!(rule.to_iptables(b"INPUT", Family::Ipv4).is_err());
        assert!(rule.to_restore(b"INPUT").is_err());
        assert!(rule.to_nft(Family::Ipv4).is_err());
        assert!(Rule::default().to_iptables(text, Family::Ipv4).is_err());
    }
    // Whoever quotes a text by himself is safe as well.
    for text in [&b"a\nb"[..], b"a\n\n", b"\n", b"", b"x\x01\n"] {
        let command = format!("words {}", shell_quote(text));
        assert_eq!(words(&command)[0], text, "{command}");
    }
}

#[test]
fn any_bytes_are_one_word() {
    let mut rng = common::Rng(1);
    let mut script = String::new();
    let mut wanted = Vec::new();
    for _ in 0..500 {
        let text: Vec<u8> = (0..rng.below(12)).map(|_| 1 + rng.below(255) as u8).collect();
        script.push_str(&format!("printf '%s\\0' {}\n", shell_quote(&text)));
        wanted.push(text);
    }
    wanted.push(Vec::new());
    assert_eq!(words(&script), wanted);
}

#[test]
fn nft_commands_are_one_word() {
    for text in HOSTILE {
        match rule(text, text).to_nft_command(Family::Ipv4, b"filter", b"INPUT") {
            Ok(command) => {
                pastes_harmlessly(&command);
                let found = words(&command);
                assert!(found[0].starts_with(b"add rule ip filter INPUT log prefix \""), "{command}");
                assert_eq!(found.len(), 3, "{command}");
            }
            Err(error) => assert!(text.contains(&b'"') || text.contains(&b'$'), "{error}"),
        }
    }
}

#[test]
fn set_entries_stay_words() {
    let mut sets = Sets::parse(b"create a hash:ip comment\nadd a 10.0.0.1 comment \"x\"\n").unwrap();
    for text in HOSTILE {
        sets.sets[0].entries[0].options[1] = Text::from(text);
        let commands = sets.to_commands();
        pastes_harmlessly(&commands);
        let found = words(&commands);
        assert_eq!(found[9], text, "{commands}");
    }
}
