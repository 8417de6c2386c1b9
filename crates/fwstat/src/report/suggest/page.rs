//! A script's page: comments that are wrapped, commands that are folded.
//!
//! Responsible for: lines that fit the screen and are still the same to a shell.
//! Must not know: what is said.
//! Tested by: `tests/cli/suggest.rs`.

use super::super::rules;
use super::super::style::{HEADING, KEY};
use crate::report::style::RenderOptions;
use fwlog::text;

/// Comment lines, wrapped.
pub(super) struct Page<'l> {
    pub(super) look: &'l RenderOptions,
    pub(super) width: usize,
    pub(super) out: String,
}

impl<'l> Page<'l> {
    pub(super) fn new(look: &'l RenderOptions) -> Page<'l> {
        Page { look, width: look.width.unwrap_or(100).clamp(40, 160), out: String::new() }
    }

    /// A comment, wrapped at blanks; further lines begin at `indent` as well.
    pub(super) fn say(&mut self, indent: usize, style: anstyle::Style, sentence: &str) {
        self.wrap(indent, indent, style, sentence);
    }

    /// One of a list: further lines begin further in.
    pub(super) fn item(&mut self, style: anstyle::Style, sentence: &str) {
        self.wrap(2, 4, style, sentence);
    }

    fn wrap(&mut self, first: usize, further: usize, style: anstyle::Style, sentence: &str) {
        let room = self.width.saturating_sub(further + 2).max(20);
        let mut line = String::new();
        let mut lines = Vec::new();
        for word in sentence.split(' ') {
            if !line.is_empty() && text::width(&line) + 1 + text::width(word) > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        for (i, line) in lines.into_iter().enumerate() {
            let indent = if i == 0 { first } else { further };
            let painted = self.look.paint(style, line.trim_end());
            self.out.push_str(&format!("# {}{painted}\n", " ".repeat(indent)));
        }
    }

    /// A comment on one line, shortened.
    pub(super) fn cut(&mut self, indent: usize, style: anstyle::Style, sentence: &str) {
        let room = self.width.saturating_sub(indent + 2).max(20);
        let painted = self.look.paint(style, &text::shorten(sentence, room));
        self.out.push_str(&format!("# {}{painted}\n", " ".repeat(indent)));
    }

    /// Something to run; on a screen, on lines that fit.
    pub(super) fn run(&mut self, command: &str) {
        for line in rules::folded_at_any_cost(command, self.look.width) {
            self.out.push_str(&(self.look.paint(KEY, &line) + "\n"));
        }
    }

    /// Something that could be run, as a comment.
    pub(super) fn could_run(&mut self, command: &str) {
        for line in rules::folded(command, self.look.width.map(|width| width.saturating_sub(6))) {
            self.as_it_is(&line);
        }
    }

    /// A line of something that could be run, which fits.
    pub(super) fn as_it_is(&mut self, line: &str) {
        self.out.push_str(&format!("#     {line}\n"));
    }

    pub(super) fn heading(&mut self, title: &str) {
        self.out.push('\n');
        self.say(0, HEADING, title);
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }
}
