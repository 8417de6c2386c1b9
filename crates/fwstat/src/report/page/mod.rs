//! A report as one page of HTML: everything in it, nothing fetched, readable without its script and on paper.
//!
//! A page is sections, a section is blocks ([`Block`]): tables, figures, sentences, commands. What they say is made in
//! one file for each question; how they look is `templates/` and its style sheet.
//!
//! Responsible for: the page as a whole, and what a browser is allowed to do with it.
//! Must not know: how anything was counted.
//! Tested by: `tests/cli/report_page.rs`, in a browser where there is one.

mod look_at;
mod noise;
mod over_time;
pub mod plot;
mod reading;
mod rules;
pub mod table;
mod who;

use std::net::IpAddr;

use askama::Template;
use fwlog::pipeline::Account;
use fwlog::text;
use fwlog::time::clock::{Clock, local_text};
use hashbrown::HashMap;

use self::plot::Svg;
use self::table::{Table, shown};
use super::Head;
use super::style::RenderOptions;
use crate::analysis::replay::Replay;
use crate::analysis::summary::Summary;

/// The style sheet and the script, each in the page as it is, and allowed by its hash alone.
const STYLE: &str = include_str!("../../../templates/page.css");
const SCRIPT: &str = include_str!("../../../templates/page.js");
/// Their SHA-256 in Base64: a test says what they must be.
const STYLE_HASH: &str = "nNF7eVshbwE/LPKcCzKfliB/kTSCZh6+houFrHeBzx0=";
const SCRIPT_HASH: &str = "pznNAw/9ovlhNchULJwi/wygmn6NS4SuL1w+Fculc7Y=";

/// How numbers and sentences look in a page: as in a pipe.
const LOOK: RenderOptions =
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
    /// What is known of addresses.
    pub who: &'t HashMap<IpAddr, Who>,
    /// The command that makes this page.
    pub command: String,
}

/// A number that is seen first.
struct Tile {
    number: String,
    words: String,
    /// The section that says more.
    to: &'static str,
    /// Whether somebody should look.
    warns: bool,
}

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    /// What it says, in a sentence or two.
    lead: String,
    blocks: Vec<Block>,
}

/// A part of a section.
enum Block {
    Table(Table),
    /// Tables beside each other where there is room.
    Tables(Vec<Table>),
    Figure(Figure),
    Note(String),
    List(Vec<String>),
    Code(Code),
}

/// A picture with its words.
struct Figure {
    caption: String,
    svg: Svg,
    /// At its upper left: what the top means.
    top: String,
    /// Below it, from the left to the right.
    axis: Vec<String>,
    /// What the colours mean: classes and names.
    legend: Vec<(String, String)>,
}

/// Commands to copy.
struct Code {
    title: String,
    text: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'p> {
    policy: String,
    style: &'static str,
    script: &'static str,
    title: String,
    files: String,
    span: String,
    books: String,
    warnings: Vec<String>,
    tiles: Vec<Tile>,
    sections: Vec<Section>,
    version: &'p str,
}

/// The page.
#[must_use]
pub fn html(told: &Told<'_>) -> String {
    let head = told.head;
    let files = match &head.files[..] {
        [one] if one == "-" => "standard input".to_owned(),
        [one] => shown(one.as_bytes()),
        [one, two] => format!("{}, {}", shown(one.as_bytes()), shown(two.as_bytes())),
        many => LOOK.count_of(many.len() as u64, "file", "files"),
    };
    let sections = [
        noise::section(told),
        look_at::section(told),
        look_at::near(told),
        over_time::changes(told),
        over_time::section(told),
        over_time::week(told),
        who::sources(told),
        who::ports(told),
        who::scans(told),
        rules::section(told),
        Some(reading::section(told)),
    ];
    let page = Page {
        policy: format!(
            "default-src 'none'; style-src 'sha256-{STYLE_HASH}'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; \
             form-action 'none'"
        ),
        style: STYLE,
        script: SCRIPT,
        title: format!("Firewall log: {files}"),
        files,
        span: reading::span(told),
        books: reading::books(told),
        warnings: reading::warnings(told),
        tiles: noise::tiles(told),
        sections: sections.into_iter().flatten().collect(),
        version: env!("CARGO_PKG_VERSION"),
    };
    // Only a writer can fail, and this one is memory.
    page.render().unwrap_or_default()
}

/// A moment to the minute (local seconds).
fn minute(local: i64) -> String {
    let text = local_text(local);
    text.get(..16).unwrap_or(&text).to_owned()
}

/// Packets, in words.
fn packets(number: u64) -> String {
    text::count_of(number, "packet", "packets")
}

/// Lines, in words.
fn lines(number: u64) -> String {
    text::count_of(number, "line", "lines")
}

/// What is said where not all rows are shown.
fn top_of(rows: usize, all: u64, one: &str, many: &str) -> String {
    match all > rows as u64 {
        true => format!("top {rows} of {}", text::count_of(all, one, many)),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use sha2::{Digest as _, Sha256};

    fn hash(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()))
    }

    #[test]
    fn the_policy_allows_the_style_and_the_script_as_they_are() {
        assert_eq!(STYLE_HASH, hash(STYLE), "STYLE_HASH");
        assert_eq!(SCRIPT_HASH, hash(SCRIPT), "SCRIPT_HASH");
        // An element would end there.
        assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
    }
}
