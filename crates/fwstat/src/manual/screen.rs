//! A topic on a screen.
//!
//! Responsible for: lines that fit, and what of them is painted.
//! Must not know: which topic it is.
//! Tested by: `tests/cli/manual.rs`.

use super::topic::Block;
use crate::report::style::{HEADING, KEY, RenderOptions};
use fwlog::text;

/// The columns of a text, where the screen has more.
const WIDEST: usize = 98;

/// The blocks as text.
pub(super) fn text(blocks: &[Block], look: &RenderOptions) -> String {
    let width = look.width.unwrap_or(WIDEST).min(WIDEST);
    let mut out = String::new();
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        match block {
            Block::Heading(words) => out += &(look.paint(HEADING, words) + "\n"),
            Block::Paragraph(words) => {
                for line in textwrap::wrap(&plain(words), width) {
                    out += &format!("{line}\n");
                }
            }
            Block::Code(lines) => {
                for line in lines {
                    out += &format!("    {}\n", look.paint(KEY, line));
                }
            }
            Block::Terms(rows) => terms(&mut out, rows, width, look),
        }
    }
    out
}

/// Two columns; the text of a term that is too long for the first begins on the next line.
fn terms(out: &mut String, rows: &[(String, String)], width: usize, look: &RenderOptions) {
    let longest = rows.iter().map(|(term, _)| text::width(&plain(term))).max().unwrap_or(0);
    let first = longest.min(width / 3);
    for (term, words) in rows {
        let term = plain(term);
        let words = plain(words);
        let mut lines = textwrap::wrap(&words, width.saturating_sub(first + 4).max(20)).into_iter();
        out.push_str("  ");
        out.push_str(&look.paint(KEY, &term));
        if text::width(&term) <= first {
            let blanks = first - text::width(&term) + 2;
            out.push_str(&format!("{:blanks$}{}", "", lines.next().unwrap_or_default()));
        }
        out.push('\n');
        for line in lines {
            out.push_str(&format!("{:1$}{line}\n", "", first + 4));
        }
    }
}

/// Words without Markdown's marks.
fn plain(words: &str) -> String {
    words.replace(['`'], "").replace("**", "")
}
