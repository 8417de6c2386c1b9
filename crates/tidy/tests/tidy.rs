//! The repository holds to what `ARCHITECTURE.md` says.

use std::fmt::Write as _;

#[test]
fn the_repository_is_tidy() {
    let tree = tidy::Tree::read(&testkit::repository()).unwrap();
    let findings = tidy::check(&tree);
    let mut text = String::new();
    for finding in &findings {
        writeln!(text, "{finding}").unwrap();
    }
    assert!(
        findings.is_empty(),
        "{text}{} places. ARCHITECTURE.md has the rules; what must be so all the same goes into \
         crates/tidy/exceptions.txt, with its reason.",
        findings.len()
    );
}
