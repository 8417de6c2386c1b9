//! Rule `crate`: which crate may use which, and what it must never name.
//!
//! Responsible for: comparing `Cargo.toml` and the names of other crates in the source with the
//! table under "### Crates" of `ARCHITECTURE.md`. Dependencies of tests are free.
//! Must not know: rooms.
//! Tested by: the unit tests below.

use std::collections::BTreeSet;

use crate::layers::Row;
use crate::modules::Crate;
use crate::{Finding, Tree};

pub(crate) fn check(tree: &Tree, krate: &Crate, row: Option<&Row>, findings: &mut Vec<Finding>) {
    let manifest = format!("crates/{}/Cargo.toml", krate.name);
    let mut wrong = |place: &str, what: String| {
        findings.push(Finding { rule: "crate", place: place.to_owned(), what });
    };
    let Some(row) = row else {
        return wrong("ARCHITECTURE.md", format!("no row for `{}` under \"### Crates\"", krate.name));
    };
    let ours: BTreeSet<String> = tree.crates().into_iter().collect();
    for name in dependencies(tree.text(&manifest).unwrap_or_default()) {
        if row.never.contains(&name) {
            wrong(&manifest, format!("depends on `{name}`, which ARCHITECTURE.md forbids"));
        } else if ours.contains(&name) && !row.uses.contains(&name) {
            wrong(&manifest, format!("depends on `{name}`, which ARCHITECTURE.md does not allow"));
        }
    }
    for name in &krate.foreign {
        let is_in = |never: &&String| {
            name.path
                .strip_prefix(never.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        if let Some(never) = row.never.iter().find(is_in) {
            wrong(
                &name.file,
                format!("line {}: `{}`, and `{never}` is forbidden here", name.line, name.path),
            );
        }
    }
}

/// The names of `[dependencies]`, optional ones too.
fn dependencies(manifest: &str) -> Vec<String> {
    let table: toml::Table = manifest.parse().unwrap_or_default();
    table
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .map(|dependencies| dependencies.keys().cloned().collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(manifest: &str, code: &str) -> Vec<String> {
        let table = "### Crates\n| crate | is | may use | never |\n| `a` | | `b` | `std::fs`, `clap` |\n";
        let tree = Tree::of([
            ("ARCHITECTURE.md", table),
            ("crates/a/Cargo.toml", manifest),
            ("crates/a/src/lib.rs", code),
            ("crates/b/src/lib.rs", ""),
            ("crates/c/src/lib.rs", ""),
        ]);
        let mut findings = Vec::new();
        let tables = crate::layers::tables(&tree, &mut findings);
        let krate = Crate::read(&tree, "a", &mut findings);
        check(&tree, &krate, tables.crates.get("a"), &mut findings);
        findings.into_iter().map(|f| f.what).collect()
    }

    #[test]
    fn dependencies_and_names_are_compared() {
        assert_eq!(
            found("[dependencies]\nb = \"1\"\nserde = \"1\"\n[dev-dependencies]\nc = \"1\"", "use std::fmt;"),
            [""; 0]
        );
        assert!(found("[dependencies]\nc = { path = \"x\" }", "")[0].contains("does not allow"));
        assert!(found("[dependencies]\nclap = \"4\"", "")[0].contains("forbids"));
        for code in
            ["use std::fs;", "use std::fs::File;", "fn f() { std::fs::read(\"\"); }", "use std::{fmt, fs};"]
        {
            assert!(found("", code)[0].contains("`std::fs` is forbidden"), "{code}");
        }
        assert_eq!(found("", "use std::fsx;"), [""; 0]);
    }
}
