//! Rule `exception`: what is allowed all the same, each with its reason.
//!
//! Responsible for: `exceptions.txt`, lines of `rule | place | reason`; a place that ends in `*`
//! is the beginning of places. An exception that excepts nothing is a finding itself, so that the
//! list only shrinks.
//! Must not know: how any rule is checked.
//! Tested by: the unit tests below.

use crate::tree::EXCEPTIONS;
use crate::{Finding, Tree};

/// The findings that are not excepted, and what is wrong with the exceptions.
pub(crate) fn apply(tree: &Tree, findings: Vec<Finding>) -> Vec<Finding> {
    let mut left = findings;
    for (at, line) in tree.text(EXCEPTIONS).unwrap_or_default().lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| Finding {
            rule: "exception",
            place: EXCEPTIONS.to_owned(),
            what: format!("line {}: {what}: {line}", at + 1),
        };
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        let [rule, place, reason] = parts[..] else {
            left.push(wrong("expected `rule | place | reason`"));
            continue;
        };
        let before = left.len();
        left.retain(|finding| finding.rule != rule || !is_at(place, &finding.place));
        if reason.is_empty() {
            left.push(wrong("no reason"));
        } else if left.len() == before && !reason.starts_with("not yet") {
            left.push(wrong("excepts nothing any more: delete the line"));
        }
    }
    left
}

fn is_at(pattern: &str, place: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => place.starts_with(begin),
        None => place == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(exceptions: &str) -> Vec<String> {
        let finding = |rule, place: &str| Finding { rule, place: place.to_owned(), what: String::new() };
        let findings = vec![finding("file", "a/b.rs"), finding("file", "a/c.rs"), finding("head", "a/b.rs")];
        let tree = Tree::of([(EXCEPTIONS, exceptions)]);
        apply(&tree, findings).iter().map(|f| format!("{} {} {}", f.rule, f.place, f.what)).collect()
    }

    #[test]
    fn exceptions_name_a_rule_a_place_and_a_reason() {
        assert_eq!(left(""), ["file a/b.rs ", "file a/c.rs ", "head a/b.rs "]);
        assert_eq!(left("# x\n\nfile | a/b.rs | so\n"), ["file a/c.rs ", "head a/b.rs "]);
        assert_eq!(left("file | a/* | so"), ["head a/b.rs "]);
        assert!(left("file | a/b.rs | ")[2].contains("no reason"));
        assert!(left("file | a/b.rs")[3].contains("expected `rule"));
        assert!(left("file | a/x.rs | so")[3].contains("line 1: excepts nothing"));
    }
}
