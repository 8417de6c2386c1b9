//! Dependencies hold to `deny.toml`, those of fwstat-sql to its own: licences, banned crates, where crates come from.
//! cargo-deny says more, and needs a network for advisories; this runs everywhere.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// What cargo says of all crates that a build of a folder's workspace uses on this platform; with as many of its
/// features as there are crates of.
fn metadata(folder: &str) -> Option<Value> {
    let cargo = |features: &[&str]| {
        let ran = Command::new(env!("CARGO"))
            .current_dir(testkit::repository().join(folder))
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .args(features)
            .output()
            .unwrap();
        (ran.status.success().then_some(ran.stdout)).ok_or(ran.stderr)
    };
    let text = match cargo(&["--all-features"]) {
        Ok(text) => text,
        Err(_) => {
            testkit::skipped("the crates of optional features are not downloaded; the others were looked at");
            match cargo(&[]) {
                Ok(text) => text,
                Err(error) if folder.is_empty() => panic!("{}", String::from_utf8_lossy(&error)),
                Err(_) => return None,
            }
        }
    };
    Some(serde_json::from_slice(&text).unwrap())
}

fn texts(value: Option<&toml::Value>) -> BTreeSet<String> {
    let list = value.and_then(toml::Value::as_array).expect("a list");
    list.iter().map(|item| item.as_str().or_else(|| item["name"].as_str()).unwrap().to_owned()).collect()
}

/// Whether a licence can be chosen from an expression, all of whose parts are allowed.
fn allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let parsed = spdx::Expression::parse_mode(expression, spdx::ParseMode::LAX);
    parsed.is_ok_and(|parsed| parsed.evaluate(|requirement| allow.contains(&requirement.to_string())))
}

/// What is wrong with packages, as cargo describes them.
fn faults(packages: &[Value], deny: &toml::Table) -> Vec<String> {
    let allow = texts(deny["licenses"].get("allow"));
    let banned = texts(deny["bans"].get("deny"));
    let registries = texts(deny["sources"].get("allow-registry"));
    let mut faults = Vec::new();
    for package in packages {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        let licence = package["license"].as_str().unwrap_or("none");
        if !allowed(licence, &allow) {
            faults.push(format!("{name} {version}: the licence {licence} is not allowed"));
        }
        if banned.contains(name) {
            faults.push(format!("{name} {version}: the crate is banned"));
        }
        let source = package["source"].as_str();
        if source.is_some_and(|from| !registries.contains(from.trim_start_matches("registry+"))) {
            faults.push(format!("{name} {version}: comes from {}", source.unwrap()));
        }
    }
    faults
}

fn deny(folder: &str) -> toml::Table {
    let path = testkit::repository().join(folder).join("deny.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The packages of a workspace that hold to its `deny.toml`; none if they are not downloaded.
fn looked_at(folder: &str) -> Option<usize> {
    let metadata = metadata(folder)?;
    let used: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    let packages: Vec<Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| used.contains(package["id"].as_str().unwrap()))
        .cloned()
        .collect();
    assert_eq!(faults(&packages, &deny(folder)), [""; 0], "{folder}");
    Some(packages.len())
}

#[test]
fn dependencies_hold_to_deny_toml() {
    assert!(looked_at("").unwrap() > 50);
}

#[test]
fn dependencies_of_sql_hold_to_its_deny_toml() {
    match looked_at("crates/fwstat-sql") {
        Some(packages) => assert!(packages > 200, "{packages}"),
        None => testkit::skipped("the crates of fwstat-sql are not downloaded"),
    }
}

#[test]
fn what_is_not_allowed_is_found() {
    let package = |name: &str, licence: &str, source: Option<&str>| serde_json::json!({ "name": name, "version": "1.0.0", "license": licence, "source": source });
    let registry = Some("registry+https://github.com/rust-lang/crates.io-index");
    let found = |package: Value| faults(&[package], &deny("")).len();
    assert_eq!(found(package("a", "MIT OR GPL-3.0-only", registry)), 0);
    assert_eq!(found(package("a", "MIT/Apache-2.0", None)), 0);
    assert_eq!(found(package("a", "(MIT OR Apache-2.0) AND Unicode-3.0", registry)), 0);
    assert_eq!(found(package("a", "MIT AND GPL-3.0-only", registry)), 1);
    assert_eq!(found(package("a", "Apache-2.0 WITH LLVM-exception", registry)), 1);
    assert_eq!(found(package("a", "none", registry)), 1);
    assert_eq!(found(package("tokio", "MIT", registry)), 1);
    assert_eq!(found(package("a", "MIT", Some("git+https://example.invalid/a"))), 1);
}
