//! The lists of files in `[package.metadata]`, by which packages are made: what they name is there, and both have it all.

use std::collections::BTreeSet;
use std::path::Path;

/// Made by `packaging/release` before it makes packages.
const MADE: [&str; 2] = ["packaging/stage/", "target/release/"];

/// The sources of a package's files, from the repository's root.
fn sources(manifest: &toml::Table, package: &str) -> BTreeSet<String> {
    let assets = manifest["package"]["metadata"][package]["assets"].as_array().unwrap();
    let source = |asset: &toml::Value| {
        let named = asset.get("source").or_else(|| asset.get(0)).and_then(toml::Value::as_str);
        named.unwrap().trim_start_matches("../../").to_owned()
    };
    assets.iter().map(source).collect()
}

/// Whether a file is there; `*` stands for any in its folder.
fn is_there(root: &Path, source: &str) -> bool {
    let Some((before, after)) = source.split_once('*') else { return root.join(source).is_file() };
    let (folder, begin) = before.rsplit_once('/').unwrap_or(("", before));
    std::fs::read_dir(root.join(folder)).is_ok_and(|mut entries| {
        entries.any(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.starts_with(begin) && name.ends_with(after)
        })
    })
}

#[test]
fn packages_list_what_is_there() {
    let root = testkit::repository();
    let manifest: toml::Table =
        std::fs::read_to_string(root.join("crates/fwstat/Cargo.toml")).unwrap().parse().unwrap();
    let (deb, rpm) = (sources(&manifest, "deb"), sources(&manifest, "generate-rpm"));
    for source in deb.union(&rpm).filter(|source| !MADE.iter().any(|made| source.starts_with(made))) {
        assert!(is_there(&root, source), "{source} is not there");
    }
    // Each has what only it needs, and cargo-deb finds units and licences by itself.
    let only = |these: &BTreeSet<String>, those: &BTreeSet<String>| -> Vec<String> {
        these.difference(those).cloned().collect()
    };
    assert_eq!(only(&deb, &rpm), ["packaging/deb/lintian-overrides", "packaging/stage/doc/changelog.gz"]);
    assert_eq!(
        only(&rpm, &deb),
        ["CHANGELOG.md", "LICENSE-*", "packaging/stage/doc/LICENCES", "packaging/systemd/*"]
    );
}

#[test]
fn what_is_not_there_is_noticed() {
    let root = testkit::repository();
    assert!(is_there(&root, "LICENSE-*") && is_there(&root, "packaging/systemd/*"));
    assert!(
        !is_there(&root, "LICENCE-*") && !is_there(&root, "packaging/gone") && !is_there(&root, "packaging")
    );
}
