//! What does not change while `fwstat watch` runs: what was typed, and how the screen may be drawn.
//!
//! Responsible for: the command lines that give the same as a view.
//! Must not know: what is looked at.
//! Tested by: `tests/cli/watch.rs`, which runs these commands.

use fwlog::sorting::InOrder as _;
use fwlog::text::quoted;

use super::picture::Picture;
use super::question::What;
use crate::report::{Head, next};

/// How bars are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// Eighths of a block.
    #[default]
    Block,
    /// ASCII.
    Ascii,
}

/// What does not change.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The files and the filters that were typed.
    pub head: Head,
    /// Options about the input, as words of a command.
    pub input: Vec<String>,
    /// The name that is shown for all files.
    pub name: String,
    /// The files of the rules, as they were named.
    pub rule_files: Vec<String>,
    /// Whether there are rules to show.
    pub rules: bool,
    /// Whether the kernel's counters are asked.
    pub counters: bool,
    /// How bars are drawn.
    pub glyphs: Glyphs,
    /// Whether there are colours.
    pub color: bool,
}

impl Setup {
    /// A command of fwstat with these options about the same log.
    #[must_use]
    pub fn command(&self, name: &str, more: &[String]) -> String {
        let mut words = vec!["fwstat".to_owned(), name.to_owned()];
        words.extend(next::filters(&self.head, &[]));
        words.extend(more.iter().cloned());
        words.extend(self.input.iter().cloned());
        // Of the journal without a name there is no file.
        if !self.input.iter().any(|word| word.starts_with("--journal")) {
            words.extend(next::files(&self.head));
        }
        words.join(" ")
    }

    /// The rules as options of `replay`, as what wrote the log, and of `suggest`; none if there are only those of the kernel.
    #[must_use]
    pub fn rule_words(&self, writer: bool) -> Option<Vec<String>> {
        let mut words: Vec<String> =
            self.rule_files.iter().map(|file| format!("--rules {}", quoted(file))).collect();
        if let [one] = &self.rule_files[..]
            && writer
        {
            words.push(format!("--written-by {}", quoted(one)));
        }
        (!words.is_empty()).then_some(words)
    }

    /// Which filters were typed, by the names of their options.
    #[must_use]
    pub fn typed(&self) -> Vec<&'static str> {
        let option = |name: &str| match name {
            "prefix" => Some("--prefix"),
            "src" => Some("-s"),
            "proto" => Some("-p"),
            "dport" => Some("--dport"),
            "since" => Some("-S"),
            _ => None,
        };
        self.head.filters.keys().filter_map(|name| option(name)).collect()
    }

    /// The prefixes that a picture has.
    #[must_use]
    pub fn prefixes(&self, picture: &Picture) -> Vec<Vec<u8>> {
        let rows = picture.known.iter().cloned();
        let shown = picture.tables[0].rows.iter().filter_map(|row| match &row.what {
            What::Prefix(prefix) => Some(prefix.clone()),
            _ => None,
        });
        let mut all: Vec<Vec<u8>> = rows.chain(shown).collect();
        all.order();
        all.dedup();
        all
    }
}
