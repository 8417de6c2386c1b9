//! Texts about the program that no table of options has: fields, expressions, times, a cookbook.
//!
//! Responsible for: which topics there are, and their text as blocks.
//! Must not know: what a block looks like on a screen (`screen`) or in a manual page (`page`).
//! Tested by: the unit tests below, `tests/cli/manual.rs`.

use fwlog::record::Key;

/// A topic of `fwstat help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    /// As it is typed.
    pub(super) name: &'static str,
    /// What it is about.
    pub(super) about: &'static str,
    text: &'static str,
}

/// All topics.
pub(super) const TOPICS: &[Topic] = &[
    Topic {
        name: "fields",
        about: "the fields of a record: --by, --fields, --where",
        text: include_str!("topics/fields.md"),
    },
    Topic { name: "where", about: "the expressions of --where", text: include_str!("topics/where.md") },
    Topic {
        name: "times",
        about: "moments, zones, years without a number",
        text: include_str!("topics/times.md"),
    },
    Topic {
        name: "cookbook",
        about: "commands to copy, one section a command",
        text: include_str!("topics/cookbook.md"),
    },
    Topic {
        name: "services",
        about: "units of systemd, a script for cron",
        text: include_str!("topics/services.md"),
    },
    #[cfg(feature = "watch")]
    Topic { name: "keys", about: "the keys of fwstat watch", text: include_str!("topics/keys.md") },
];

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Heading(String),
    Paragraph(String),
    /// Lines to copy.
    Code(Vec<String>),
    /// Terms, and what each means.
    Terms(Vec<(String, String)>),
}

impl Topic {
    /// The topic with a name.
    pub(super) fn named(name: &str) -> Option<Topic> {
        TOPICS.iter().copied().find(|topic| topic.name == name)
    }

    /// Its text.
    pub(super) fn blocks(self) -> Vec<Block> {
        let mut blocks = blocks(self.text);
        if self.name == "fields" {
            let (exported, derived): (Vec<Key>, Vec<Key>) = Key::ALL.iter().partition(|key| key.in_record());
            let terms = |keys: Vec<Key>| {
                Block::Terms(
                    keys.into_iter().map(|key| (key.name().to_owned(), key.about().to_owned())).collect(),
                )
            };
            blocks.push(terms(exported));
            blocks.push(Block::Paragraph("Found from these, for tables and filters only:".to_owned()));
            blocks.push(terms(derived));
        }
        #[cfg(feature = "watch")]
        if self.name == "keys" {
            let row = |row: &crate::watch::keys::Binding| (row.shown.to_owned(), row.about.to_owned());
            blocks.push(Block::Terms(crate::watch::keys::TABLE.iter().map(row).collect()));
        }
        blocks
    }

    /// What is below one of its headings.
    pub(super) fn section(self, heading: &str) -> Vec<Block> {
        let inside = |block: &Block| !matches!(block, Block::Heading(_));
        let mut blocks = self.blocks().into_iter();
        let found = blocks.any(|block| block == Block::Heading(heading.to_owned()));
        if found { blocks.take_while(inside).collect() } else { Vec::new() }
    }
}

/// The part of Markdown that the texts are written in: headings, paragraphs, indented code, tables of two columns.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false; // whether the next line goes on with the last block
    for line in text.lines() {
        match blocks.last_mut().filter(|_| open) {
            Some(Block::Code(lines)) if line.starts_with("    ") => lines.push(line[4..].to_owned()),
            Some(Block::Terms(rows)) if line.starts_with('|') => rows.extend(row(line)),
            Some(Block::Paragraph(words)) if !line.is_empty() => {
                words.push(' ');
                words.push_str(line);
            }
            _ if line.is_empty() => open = false,
            _ => {
                open = true;
                blocks.push(match line {
                    _ if line.starts_with("## ") => Block::Heading(line[3..].to_owned()),
                    _ if line.starts_with("    ") => Block::Code(vec![line[4..].to_owned()]),
                    // The row of names.
                    _ if line.starts_with('|') => Block::Terms(Vec::new()),
                    _ => Block::Paragraph(line.to_owned()),
                });
            }
        }
    }
    blocks
}

/// A row of a table of two columns; none for the line below the names.
fn row(line: &str) -> Option<(String, String)> {
    let (term, text) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
    (!term.starts_with("---")).then(|| (term.to_owned(), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_read_whole() {
        for topic in TOPICS {
            let (mut words, blocks) = (0, topic.blocks());
            for block in &blocks {
                match block {
                    Block::Heading(text) | Block::Paragraph(text) => {
                        assert!(!text.starts_with('|'), "{text}");
                        words += text.len();
                    }
                    Block::Code(lines) => words += lines.iter().map(String::len).sum::<usize>(),
                    Block::Terms(rows) => {
                        assert!(!rows.is_empty());
                        words += rows.iter().map(|(term, text)| term.len() + text.len()).sum::<usize>();
                    }
                }
            }
            assert!(words * 10 > topic.text.len() * 8, "{}: {words} of {}", topic.name, topic.text.len());
        }
        assert_eq!(Topic::named("cookbook").unwrap().section("explain").len(), 1);
        assert_eq!(Topic::named("cookbook").unwrap().section("nothing"), []);
    }
}
