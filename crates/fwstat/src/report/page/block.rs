//! What a page is made of: sections, blocks, and what all of them are told.
//!
//! Responsible for: these types, and words that several sections have.
//! Must not know: what any section says.
//! Tested by: `tests/cli/report_page.rs`.

use std::net::IpAddr;

use fwlog::pipeline::Account;
use fwlog::text;
use fwlog::time::clock::{Clock, local_text};
use hashbrown::HashMap;

use super::plot::Svg;
use super::table::Table;
use crate::analysis::replay::Replay;
use crate::analysis::scans::Shown;
use crate::analysis::summary::Summary;
use crate::report::Head;
use crate::report::style::RenderOptions;

/// How numbers and sentences look in a page: as in a pipe.
pub(super) const LOOK: RenderOptions =
    RenderOptions { color: false, bars: false, width: None, rows: None, header: true, grouped: true };

/// What is known of an address beside the log.
#[derive(Clone, Debug, Default)]
pub struct Who {
    /// Its name.
    pub name: Option<String>,
    /// Its autonomous system and country.
    pub place: Option<String>,
}

/// What a page tells.
pub struct Told<'t> {
    /// What was read.
    pub head: &'t Head,
    /// The account of lines.
    pub account: &'t Account,
    /// The zone of times.
    pub clock: &'t Clock,
    /// What was found.
    pub summary: &'t Summary,
    /// What the rules do with the log, if there are rules.
    pub replay: Option<&'t Replay>,
    /// Scans, as `fwstat scans` shows them: newest first.
    pub campaigns: &'t Shown,
    /// What is known of addresses.
    pub who: &'t HashMap<IpAddr, Who>,
    /// The command that makes this page.
    pub command: String,
    /// Rules and networks that were named, as options.
    pub rules: Vec<String>,
    /// The options about the input, as words.
    pub input: Vec<String>,
}

/// A number that is seen first.
pub(super) struct Tile {
    pub(super) number: String,
    pub(super) words: String,
    /// The section that says more.
    pub(super) to: &'static str,
    /// Whether it deserves a look.
    pub(super) warns: bool,
}

/// A part of the page.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What it says, in a sentence or two.
    pub(super) lead: String,
    pub(super) blocks: Vec<Block>,
}

/// A part of a section.
pub(super) enum Block {
    Table(Table),
    /// Tables beside each other where there is room.
    Tables(Vec<Table>),
    Figure(Figure),
    Note(String),
    List(Vec<String>),
    Code(Code),
}

/// A picture with its words.
pub(super) struct Figure {
    pub(super) caption: String,
    pub(super) svg: Svg,
    /// At its upper left: what the top means.
    pub(super) top: String,
    /// Below it, from the left to the right.
    pub(super) axis: Vec<String>,
    /// What the colours mean: classes and names.
    pub(super) legend: Vec<(String, String)>,
}

/// Commands to copy.
pub(super) struct Code {
    pub(super) title: String,
    pub(super) text: String,
    /// Whether it is seen at once.
    pub(super) open: bool,
}

impl Code {
    /// Commands that are seen when they are asked for.
    pub(super) fn closed(title: impl Into<String>, text: String) -> Code {
        Code { title: title.into(), text, open: false }
    }

    /// Commands that are seen at once.
    pub(super) fn open(title: impl Into<String>, text: String) -> Code {
        Code { title: title.into(), text, open: true }
    }
}

/// A moment to the minute (local seconds).
pub(super) fn minute(local: i64) -> String {
    let text = local_text(local);
    text.get(..16).unwrap_or(&text).to_owned()
}

/// Packets, in words.
pub(super) fn packets(number: u64) -> String {
    text::count_of(number, "packet", "packets")
}

/// Lines, in words.
pub(super) fn lines(number: u64) -> String {
    text::count_of(number, "line", "lines")
}

/// What is said where not all rows are shown.
pub(super) fn top_of(rows: usize, all: u64, one: &str, many: &str) -> String {
    match all > rows as u64 {
        true => format!("top {rows} of {}", text::count_of(all, one, many)),
        false => String::new(),
    }
}
