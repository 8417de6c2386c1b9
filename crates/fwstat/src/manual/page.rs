//! The manual pages: fwstat(1), and one of each command.
//!
//! Responsible for: their sections, in the order of man-pages(7).
//! Must not know: what an option does: that is in the table of `cli`.
//! Tested by: `tests/cli/manual.rs`: mandoc and groff find nothing wrong, every option has a text.

use clap::Command;
use fwlog::sorting::InOrder as _;
use roff::{Inline, Roff, bold, italic, roman};

use super::topic::{Block, TOPICS, Topic};
use crate::cli;

/// When the texts were last changed by hand.
const DATE: &str = "2026-11-28";

/// The page of the program, or of one of its commands.
pub(super) fn page(command: Option<&str>) -> String {
    let mut program = cli::command();
    program.build();
    let mut page = Page(Roff::new());
    let found = command.and_then(|name| program.find_subcommand(name));
    let own = found.unwrap_or(&program);
    page.opening(&command.map_or_else(|| "fwstat".to_owned(), |command| format!("fwstat-{command}")), own);
    if found.is_none() {
        page.section("COMMANDS");
        for (name, about) in cli::commands() {
            page.term(&name, &about);
        }
    }
    page.section("OPTIONS");
    page.options(own);
    let cookbook = Topic::named("cookbook");
    let examples =
        cookbook.map(|topic| topic.section(command.unwrap_or("What is in a log"))).unwrap_or_default();
    if !examples.is_empty() {
        page.section("EXAMPLES");
        page.blocks(&examples);
    }
    #[cfg(feature = "watch")]
    if command == Some("watch") {
        page.section("KEYS");
        page.blocks(
            &Topic::named("keys").map(|topic| topic.section("Keys of fwstat watch")).unwrap_or_default(),
        );
    }
    if found.is_none() {
        for (name, title) in
            [("fields", "FIELDS"), ("where", "EXPRESSIONS"), ("times", "TIMES"), ("services", "SERVICES")]
        {
            page.section(title);
            page.blocks(&Topic::named(name).map(Topic::blocks).unwrap_or_default());
        }
        page.surroundings();
    }
    page.section("EXIT STATUS");
    for (code, means) in [
        (
            "0",
            "At least one firewall record was used. A reader that goes away (`| head`) is no error; standard output that \
             is closed when the program starts (`>&-`) is /dev/null.",
        ),
        ("1", "There was none."),
        ("2", "Invalid usage or unreadable input; what could be read was reported."),
        ("130", "Interrupted; what was counted so far was reported and marked as partial."),
    ] {
        page.term(code, means);
    }
    page.section("SEE ALSO");
    page.0.text(see_also(&program, command));
    in_short_lines(&page.0.render())
}

/// The page of a program that belongs to fwstat: what its command line says.
pub(super) fn of_program(name: &str, mut program: Command) -> String {
    program.build();
    let mut page = Page(Roff::new());
    page.opening(name, &program);
    page.section("OPTIONS");
    page.options(&program);
    let closing = program.get_after_help().map(ToString::to_string).unwrap_or_default();
    if !closing.is_empty() {
        page.section("NOTES");
        page.blocks(&[Block::Code(closing.lines().map(ToOwned::to_owned).collect())]);
    }
    page.section("SEE ALSO");
    page.0.text([bold("fwstat"), roman("(1)")]);
    in_short_lines(&page.0.render())
}

/// The same page with lines of at most 80 bytes where words are filled: neither those that stay as they are nor the
/// terms of a list, which are a line each.
fn in_short_lines(page: &str) -> String {
    const LONGEST: usize = 80;
    let mut out = String::with_capacity(page.len() + page.len() / 40);
    let (mut is_filled, mut is_term) = (true, false);
    for line in page.lines() {
        match line {
            ".nf" => is_filled = false,
            ".fi" => is_filled = true,
            _ => {}
        }
        let stays = !is_filled || is_term || line.starts_with(['.', '\'']);
        is_term = line == ".TP";
        let mut width = 0;
        for (at, word) in line.split(' ').enumerate() {
            // A line that begins with one of these would be a request, and a blank may belong to an escape.
            let may_begin = !word.is_empty() && !word.starts_with(['.', '\'']) && !out.ends_with('\\');
            if at > 0 && !stays && may_begin && width > 0 && width + 1 + word.len() > LONGEST {
                out.push('\n');
                width = 0;
            } else if at > 0 {
                out.push(' ');
                width += 1;
            }
            out.push_str(word);
            width += word.len();
        }
        out.push('\n');
    }
    out
}

/// How a command is called, a line each.
fn usages(command: &Command) -> Vec<String> {
    let usage = command.clone().render_usage().to_string();
    usage.lines().map(|line| line.trim().trim_start_matches("Usage: ").to_owned()).collect()
}

/// The other pages.
fn see_also(program: &Command, command: Option<&str>) -> Vec<Inline> {
    let own = program.get_subcommands().map(|command| command.get_name()).filter(|name| *name != "help");
    let pages = command
        .map(|_| "fwstat".to_owned())
        .into_iter()
        .chain(own.filter(|name| Some(*name) != command).map(|name| format!("fwstat-{name}")));
    let others = ["iptables-save(8)", "nft(8)", "journalctl(1)", "jq(1)"].map(ToOwned::to_owned);
    let mut text = Vec::new();
    for page in pages.map(|page| page + "(1)").chain(others) {
        let (name, section) = page.split_once('(').unwrap_or((&page, ""));
        if !text.is_empty() {
            text.push(roman(", "));
        }
        text.extend([bold(name), roman(format!("({section}"))]);
    }
    text
}

/// A page that is being written.
struct Page(Roff);

impl Page {
    /// What every page begins with.
    fn opening(&mut self, name: &str, own: &Command) {
        let version = format!("fwstat {}", env!("CARGO_PKG_VERSION"));
        self.0.control("TH", [&name.to_uppercase(), "1", DATE, &version, "User Commands"]);
        self.section("NAME");
        let about = own.get_about().map(ToString::to_string).unwrap_or_default();
        self.0.text([roman(format!("{name} - {}", about.trim_end_matches('.')))]);
        self.section("SYNOPSIS");
        for (at, usage) in usages(own).into_iter().enumerate() {
            if at > 0 {
                self.0.control("br", []);
            }
            self.0.text([bold(usage)]);
        }
        self.section("DESCRIPTION");
        let long = own.get_long_about().map_or_else(|| about.clone(), ToString::to_string);
        let paragraphs = long.split("\n\n").map(|words| Block::Paragraph(words.replace('\n', " ")));
        self.blocks(&paragraphs.collect::<Vec<_>>());
    }

    fn section(&mut self, title: &str) {
        self.0.control("SH", [title]);
    }

    fn term(&mut self, term: &str, text: &str) {
        self.0.control("TP", []);
        self.0.text([bold(term)]);
        self.0.text(marked(text));
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for (at, block) in blocks.iter().enumerate() {
            match block {
                Block::Heading(words) => _ = self.0.control("SS", [words.as_str()]),
                Block::Paragraph(words) => {
                    if at > 0 {
                        self.0.control("PP", []);
                    }
                    self.0.text(marked(words));
                }
                Block::Code(lines) => {
                    if at > 0 {
                        self.0.control("PP", []);
                    }
                    self.0.control("RS", ["4"]).control("nf", []);
                    for line in lines {
                        self.0.text([roman(line.as_str())]);
                    }
                    self.0.control("fi", []).control("RE", []);
                }
                Block::Terms(rows) => {
                    for (term, text) in rows {
                        self.0.control("TP", []);
                        self.0.text([bold(term.replace('`', ""))]);
                        self.0.text(marked(text));
                    }
                }
            }
        }
    }

    /// Every option that is not hidden, below its heading.
    fn options(&mut self, command: &Command) {
        let mut shown: Vec<_> = command.get_arguments().filter(|argument| !argument.is_hide_set()).collect();
        shown.order_by_key(|argument| !argument.is_positional());
        let mut headings: Vec<Option<&str>> = Vec::new();
        for argument in &shown {
            if !headings.contains(&argument.get_help_heading()) {
                headings.push(argument.get_help_heading());
            }
        }
        headings.order_by_key(Option::is_some);
        for heading in headings {
            if let Some(heading) = heading {
                self.0.control("SS", [heading.replace('`', "").as_str()]);
            }
            for argument in shown.iter().filter(|argument| argument.get_help_heading() == heading) {
                self.option(argument);
            }
        }
    }

    fn option(&mut self, argument: &clap::Arg) {
        let values: Vec<String> =
            argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
        let takes = argument.is_positional() || argument.get_action().takes_values();
        let mut name: Vec<Inline> = Vec::new();
        for text in argument.get_short().map(|short| format!("-{short}")).into_iter().chain(
            argument
                .get_long_and_visible_aliases()
                .unwrap_or_default()
                .iter()
                .map(|long| format!("--{long}")),
        ) {
            if !name.is_empty() {
                name.push(roman(", "));
            }
            name.push(bold(text));
        }
        if takes {
            let equals = if argument.is_require_equals_set() { "[=" } else { " " };
            name.push(roman(if name.is_empty() { "" } else { equals }));
            name.push(italic(values.join(" ")));
            name.push(roman(if equals == "[=" && name.len() > 2 { "]" } else { "" }));
        }
        self.0.control("TP", []);
        self.0.text(name);
        let help = argument.get_long_help().or_else(|| argument.get_help());
        let mut text =
            help.map(ToString::to_string).unwrap_or_default().replace("\n\n", " ").replace('\n', " ");
        let forms: Vec<String> = argument
            .get_possible_values()
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| value.get_name().to_owned())
            .collect();
        if takes && !forms.is_empty() {
            text += &format!(": {}", forms.join(", "));
        }
        let usual = argument.get_default_values();
        if takes && !usual.is_empty() {
            let usual: Vec<_> = usual.iter().map(|value| value.to_string_lossy()).collect();
            text += &format!(" (default: {})", usual.join(", "));
        }
        self.0.text(marked(&(text.trim_end_matches('.').to_owned() + ".")));
    }

    /// What lies around the program: files and variables.
    fn surroundings(&mut self) {
        self.section("FILES");
        for (name, means) in [
            (
                "/var/log/kern.log, iptables.log, ufw.log, firewalld, messages, syslog",
                "Where no FILE is named and nothing is piped in, the one with the newest firewall record is read.",
            ),
            ("/run/log/journal, /var/log/journal", "The journal counts as one of them; see --journal."),
            ("/dev/kmsg", "The kernel's ring buffer, where there is no log."),
            (
                "~/.config/fwstat/args",
                "One argument per line, lines that begin with # are comments. They are read before those of the \
              command line, which override them. An argument that the command does not have is passed over. \
              $FWSTAT_CONFIG_PATH names another file, $XDG_CONFIG_HOME another folder; --no-config ignores it.",
            ),
        ] {
            self.term(name, means);
        }
        self.section("ENVIRONMENT");
        for (name, means) in [
            ("FWSTAT_CONFIG_PATH", "The file of arguments to use instead of ~/.config/fwstat/args."),
            ("FWSTAT_THREADS", "As --threads."),
            ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM", "Colour control, with the usual meaning."),
            ("COLUMNS", "As --width, on a terminal."),
            ("TZ", "As --tz."),
            ("TMPDIR", "Where streams are kept that must be read more than once."),
            ("COMPLETE", "Set by a shell that completes: bash, zsh, fish."),
        ] {
            self.term(name, means);
        }
        self.section("HELP TOPICS");
        for topic in TOPICS {
            self.term(&format!("fwstat help {}", topic.name), topic.about);
        }
    }
}

/// Words with Markdown's marks, as parts of a line.
fn marked(words: &str) -> Vec<Inline> {
    let words = words.replace("**", "`");
    let parts = words.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(at, part)| if at % 2 == 1 { bold(part) } else { roman(part) }).collect()
}
