//! The page of `fwstat report` in a real browser: nothing is fetched, nothing out of a log is obeyed. Without Chromium
//! the strings alone are looked at.

use std::process::{Command, Stdio};

use crate::support::*;

/// What a log may hold that a page must not obey.
const HOSTILE: [&str; 9] = [
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=document.title='owned'>",
    "</code></td></table></style><svg/onload=document.title='owned'>",
    "</title><meta http-equiv=refresh content=0;url=http://evil.invalid/>",
    "javascript:document.title='owned'//'\"`",
    "data:text/html,<script>x</script>",
    "{{7*7}}{% x %}&lt;b&gt;&#60;",
    "\u{202e}gpj.exe\u{200b}\u{feff}",
    "]]>--><!--<![CDATA[",
];

/// A log with these strings in every field that takes them.
fn hostile_log() -> String {
    let mut log = String::new();
    let long = "A".repeat(10_000);
    for (n, text) in HOSTILE.iter().chain([&long.as_str()]).enumerate() {
        let word: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        // The kernel's names of interfaces have fifteen bytes at most, and no slash.
        let mut name: String = word.chars().filter(|c| !matches!(c, '/' | ':')).take(15).collect();
        while name.len() > 15 {
            name.pop();
        }
        for k in 0..4 {
            log += &format!(
                "{} {word} {}: [ 1.000001] {text} IN={name} OUT= PHYSIN={name} MAC=00:16:3e:5e:6c:00:fe:ff:ff:ff:ff:01:08:00 \
                 SRC=198.51.100.{k} DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=1024 DPT={} WINDOW=1 \
                 RES=0x00 SYN URGP=0 \n",
                stamp(n as u64 * 4_000 + k * 40),
                if k == 3 { word.as_str() } else { "kernel" },
                22 + k,
            );
            log += &format!(
                "{} gate kernel: [ 1.0] IN={word} OUT={text} SRC=x DST=y\n",
                stamp(n as u64 * 4_000)
            );
        }
    }
    // A scan by a source whose name is hostile too.
    for port in 1..40 {
        log += &format!(
            "{} gate kernel: <b>x IN=eth0 OUT= MAC= SRC=198.51.100.1 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP \
             SPT=1024 DPT={port} WINDOW=1 RES=0x00 SYN URGP=0 \n",
            stamp(50_000 + port)
        );
    }
    log
}

/// A page of the hostile log, with rules and names that are hostile too.
fn hostile_page(folder: &Folder) -> String {
    let log = folder.write("<b>evil<b> 'x' & \"y\".log", hostile_log());
    let rules = "*filter\n:INPUT DROP [0:0]\n:<script> - [0:0]\n-A INPUT -p tcp -m comment --comment \
                 \"<img src=x onerror=alert(1)>\" -j LOG --log-prefix \"<script>alert(1)</script> \"\n-A INPUT -j <script>\nCOMMIT\n";
    let rules = folder.write("rules", rules);
    let names =
        folder.write("names", "198.51.100.0,<svg/onload=document.title='owned'>\n198.51.100.1,\"><b>\n");
    let out = folder.path("page.html");
    let told = run(&["report", "--rules", &rules, "--names", &names, "--output", &out, &log]);
    assert_eq!(told.code, 0, "{}", told.err);
    out
}

#[test]
fn nothing_of_a_log_is_markup() {
    let folder = Folder::new();
    let html = std::fs::read_to_string(hostile_page(&folder)).unwrap();
    let lower = html.to_lowercase();
    for part in ["<img", "<svg/", "<b>", "<meta http-equiv=refresh", "<!--", "<![cdata["] {
        assert!(!lower.contains(part), "{part}");
    }
    assert_eq!(lower.matches("<script").count(), 1);
    assert_eq!(lower.matches("<style").count(), 1);
    for c in ['\u{202e}', '\u{200b}', '\u{feff}', '\x1b'] {
        assert!(!html.contains(c), "{c:?}");
    }
    assert!(html.contains("<caption>Campaigns") && html.contains("&#60;b&#62;</small>"));
    assert!(html.len() < 300_000 && !html.contains(&"A".repeat(700)), "{}", html.len());
    // No attribute is one that a page could be attacked by.
    let mut tags = html.split('<').skip(1).filter_map(|part| part.split('>').next());
    let names = |tag: &str| -> Vec<String> {
        let bare: String = tag.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        bare.split_whitespace().skip(1).map(|word| word.split('=').next().unwrap_or("").to_owned()).collect()
    };
    let bad = |name: &String| name == "style" || name == "src" || name.starts_with("on");
    assert!(tags.all(|tag| !names(tag).iter().any(bad)));
    assert!(!html.contains("href=\"http") && !html.contains("href=\"java"));
}

/// What a browser makes of a page: its document at the end, what it wrote to its console, what it asked for.
fn browsed(folder: &Folder, page: &str) -> Option<(String, String, String)> {
    if !has("chromium") {
        skipped("chromium is not there");
        return None;
    }
    let log = folder.path("net.json");
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
        ])
        .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path("profile")))
        .arg(format!("--log-net-log={log}"))
        .arg(format!("file://{}", page.replace('%', "%25").replace('#', "%23")))
        .stdin(Stdio::null());
    let ran = finish(&mut command);
    if ran.code != 0 || !ran.out.contains("<html") {
        skipped("chromium does not run here");
        return None;
    }
    let asked = std::fs::read_to_string(log).unwrap_or_default();
    Some((ran.out, ran.err, asked))
}

#[test]
fn a_browser_obeys_nothing_and_fetches_nothing() {
    let folder = Folder::new();
    let page = hostile_page(&folder);
    let Some((document, console, asked)) = browsed(&folder, &page) else { return };
    assert!(document.contains("<title>Firewall log: "), "{}", &document[..400]);
    assert!(!document.contains("<title>owned"));
    assert_eq!(document.matches("<script").count(), 1);
    assert_eq!(document.matches("<img").count(), 0);
    // The page's own script ran: tables can be sorted.
    assert!(document.contains("<button type=\"button\">"), "no button");
    let said: Vec<&str> = console.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(said.is_empty(), "{said:?}");
    assert!(!asked.contains("evil.invalid"), "a request");
}
