//! Completion in the shells themselves: bash, zsh and fish, typed into on a terminal of tmux.

use crate::support::*;
use crate::tmux::Tmux;

/// What is typed before Tab, and what stands on the line afterwards.
const TYPED: [(&str, &str); 38] = [
    ("fwstat to", "fwstat top "),
    ("fwstat ti", "fwstat timeline "),
    ("fwstat sug", "fwstat suggest "),
    ("fwstat repl", "fwstat replay "),
    ("fwstat ch", "fwstat check "),
    ("fwstat ker", "fwstat kern.log"),
    ("fwstat --rot", "fwstat --rotated"),
    ("fwstat --format js", "fwstat --format json"),
    ("fwstat --generate complete-z", "fwstat --generate complete-zsh"),
    ("fwstat help coo", "fwstat help cookbook"),
    ("fwstat help fie", "fwstat help fields"),
    ("fwstat top ker", "fwstat top kern.log"),
    ("fwstat top --by pref", "fwstat top --by prefix"),
    ("fwstat top --by src,dpo", "fwstat top --by src,dport"),
    ("fwstat top --by src,dport,serv", "fwstat top --by src,dport,service"),
    ("fwstat top --by hour_", "fwstat top --by hour_of_day"),
    ("fwstat top --format mark", "fwstat top --format markdown"),
    ("fwstat top --color alw", "fwstat top --color always"),
    ("fwstat top -p ud", "fwstat top -p udp"),
    ("fwstat top --dport telne", "fwstat top --dport telnet"),
    ("fwstat top -S yes", "fwstat top -S yesterday"),
    ("fwstat top kern.log --prefix udp.in.d", "fwstat top kern.log --prefix udp.in.dropped"),
    ("fwstat top kern.log --prefix BL", "fwstat top kern.log --prefix BLOCK"),
    ("fwstat top kern.log -i eno", "fwstat top kern.log -i eno1"),
    ("fwstat timeline --buck", "fwstat timeline --bucket"),
    ("fwstat timeline --format cs", "fwstat timeline --format csv"),
    ("fwstat suggest --rul", "fwstat suggest --rules"),
    ("fwstat suggest --rules gui", "fwstat suggest --rules guide.rules"),
    ("fwstat suggest --format fail", "fwstat suggest --format fail2ban"),
    ("fwstat suggest --inter", "fwstat suggest --interactive"),
    ("fwstat replay --writ", "fwstat replay --written-by"),
    ("fwstat replay --print remov", "fwstat replay --print removed"),
    ("fwstat explain --ru", "fwstat explain --rules"),
    ("fwstat export --fields time,proto_", "fwstat export --fields time,proto_number"),
    ("fwstat top --by=pref", "fwstat top --by=prefix"),
    ("fwstat top --by=src,dpo", "fwstat top --by=src,dport"),
    ("fwstat timeline --format=cs", "fwstat timeline --format=csv"),
    ("fwstat suggest --rules=gui", "fwstat suggest --rules=guide.rules"),
];

/// Types every line into a shell, which was started by `command` and reads `setup` first.
fn completes(name: &str, command: &str, setup: &str) {
    if !has(name) {
        return skipped(&format!("{name} is not there"));
    }
    let folder = Folder::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/sample/");
    let line = log(200, 60, 3);
    let kernel = std::fs::read_to_string(format!("{sample}kern.log")).unwrap();
    folder.write("kern.log", kernel + &line);
    std::fs::copy(format!("{sample}guide.rules"), folder.path("guide.rules")).unwrap();
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_fwstat")).parent().unwrap().display().to_string();
    folder.write("setup", setup.replace("PROGRAMS", &programs));
    let Some(shell) = Tmux::start(&folder, (150, 40), command) else { return };
    shell.keys(&[". ./setup", "Enter"]);
    shell.wait(name, |screen| screen.trim() == "ready>");
    for (typed, wanted) in TYPED {
        shell.keys(&["-l", typed]);
        // The shell has the line before it is asked.
        let shown = |screen: &str, text: &str| screen.contains(&format!("ready> {}", text.trim_end()));
        shell.wait(&format!("{name}: {typed}"), |screen| shown(screen, typed));
        shell.keys(&["Tab"]);
        shell.wait(&format!("{name}: {wanted}"), |screen| shown(screen, wanted));
        // A key, unlike a signal, waits until the shell has done what it does.
        shell.keys(&["C-u"]);
        shell.wait(&format!("{name}: after {typed}"), |screen| screen.trim() == "ready>");
    }
}

#[test]
fn bash_completes() {
    completes(
        "bash",
        "bash --norc --noprofile -i",
        "PATH=PROGRAMS:$PATH; PS1='ready> '; bind 'set bell-style none'; . <(fwstat --generate complete-bash); clear\n",
    );
}

#[test]
fn zsh_completes() {
    completes(
        "zsh",
        "zsh -f -i",
        "PATH=PROGRAMS:$PATH; PS1='ready> '; autoload -U compinit; compinit -u -D; . <(fwstat --generate complete-zsh); clear\n",
    );
}

#[test]
fn fish_completes() {
    completes(
        "fish",
        "fish --no-config -i",
        "set -x PATH PROGRAMS $PATH; function fish_prompt; echo -n 'ready> '; end; function fish_greeting; end; \
         set -g fish_autosuggestion_enabled 0; fwstat --generate complete-fish | source; clear\n",
    );
}
