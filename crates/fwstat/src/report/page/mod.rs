//! A report as one page of HTML: everything in it, nothing fetched, readable without its script and on paper.
//!
//! A page is sections, a section is blocks (`Block`): tables, figures, sentences, commands. What they say is made in
//! one file for each question; how they look is `templates/` and its style sheet.
//!
//! Responsible for: the page as a whole, and what a browser is allowed to do with it.
//! Must not know: how anything was counted.
//! Tested by: `tests/cli/report_page.rs`, in a browser where there is one.

mod block;
mod look_at;
mod noise;
mod over_time;
pub mod plot;
mod reading;
mod rules;
mod scans;
pub mod table;
mod who;

use askama::Template;

use self::block::{Block, LOOK, Section, Tile};
pub use self::block::{Told, Who};
pub use self::reading::{books, span, warnings};
pub use self::table::shown as plain;
use self::table::shown;
pub use self::who::network_name;

/// The style sheet and the script, each in the page as it is, and allowed by its hash alone.
const STYLE: &str = include_str!("../../../templates/page.css");
const SCRIPT: &str = include_str!("../../../templates/page.js");
/// Their SHA-256 in Base64: a test says what they must be.
const STYLE_HASH: &str = "8bA5ixnBSofp0Bf7yurabnnuSy2+JHoF8DNDjF74V74=";
const SCRIPT_HASH: &str = "pznNAw/9ovlhNchULJwi/wygmn6NS4SuL1w+Fculc7Y=";

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
        scans::section(told),
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
        span: span(told),
        books: books(told),
        warnings: warnings(told),
        tiles: noise::tiles(told),
        sections: sections.into_iter().flatten().collect(),
        version: env!("CARGO_PKG_VERSION"),
    };
    // Only a writer can fail, and this one is memory.
    page.render().unwrap_or_default()
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
