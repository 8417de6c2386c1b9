//! Rules `layer` and `circle`: which room of a crate may use which.
//!
//! Responsible for: the tables of `ARCHITECTURE.md`, and comparing the arrows between files with
//! them. A table under a heading "### Rooms of `NAME`" lists rooms from top to bottom: a room may
//! use those in rows below its own. What is in the root file is above all.
//! Must not know: how names are followed.
//! Tested by: the unit tests below.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Arrow, Crate};
use crate::{Finding, Tree};

/// Where the tables are.
const DOCUMENT: &str = "ARCHITECTURE.md";
const ROOMS: &str = "### Rooms of `";
const CRATES: &str = "### Crates";

/// What the document says.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Of each crate, its rooms, row by row.
    pub(crate) rooms: BTreeMap<String, Vec<Vec<String>>>,
    pub(crate) crates: BTreeMap<String, Row>,
}

/// What a crate may use.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// Crates of this workspace.
    pub(crate) uses: Vec<String>,
    /// Crates and modules that it never names.
    pub(crate) never: Vec<String>,
}

/// Reads the tables.
pub(crate) fn tables(tree: &Tree, findings: &mut Vec<Finding>) -> Tables {
    let mut tables = Tables::default();
    let Some(text) = tree.text(DOCUMENT) else {
        findings.push(Finding { rule: "layer", place: DOCUMENT.to_owned(), what: "is missing".to_owned() });
        return tables;
    };
    let mut heading = "";
    for line in text.lines() {
        if line.starts_with('#') {
            heading = line;
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').collect();
        let names = |cell: usize| quoted(cells.get(cell).copied().unwrap_or_default());
        if !line.starts_with('|') || names(0).is_empty() {
            continue;
        }
        if let Some(name) = heading.strip_prefix(ROOMS).and_then(|rest| rest.split('`').next()) {
            tables.rooms.entry(name.to_owned()).or_default().push(names(0));
        } else if heading == CRATES {
            let row = Row { uses: names(2), never: names(3) };
            tables.crates.insert(names(0).concat(), row);
        }
    }
    tables
}

/// The words in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

pub(crate) fn check(krate: &Crate, rows: Option<&Vec<Vec<String>>>, findings: &mut Vec<Finding>) {
    circles(krate, findings);
    let root = format!("crates/{}/src/", krate.name);
    // A crate of one file needs no table.
    let alone = (krate.files().len() == 1).then(Vec::new);
    let Some(rows) = rows.or(alone.as_ref()) else {
        let what = format!("no table \"{ROOMS}{}`\"", krate.name);
        findings.push(Finding { rule: "layer", place: DOCUMENT.to_owned(), what });
        return;
    };
    let mut depths = BTreeMap::new();
    for (depth, room) in rows.iter().enumerate().flat_map(|(at, row)| row.iter().map(move |room| (at, room)))
    {
        if depths.insert(room.as_str(), depth).is_some() {
            let what = format!("the room `{room}` of `{}` is there twice", krate.name);
            findings.push(Finding { rule: "layer", place: DOCUMENT.to_owned(), what });
        }
    }
    let rooms: BTreeSet<&str> = krate.files().into_iter().filter_map(|file| room(&root, file)).collect();
    for gone in depths.keys().filter(|room| !rooms.contains(*room)) {
        let what = format!("`{}` has no room `{gone}`", krate.name);
        findings.push(Finding { rule: "layer", place: DOCUMENT.to_owned(), what });
    }
    for new in rooms.iter().filter(|room| !depths.contains_key(*room)) {
        let what = format!("is in no row of the rooms of `{}` in {DOCUMENT}", krate.name);
        findings.push(Finding { rule: "layer", place: format!("{root}{new}"), what });
    }
    let depth = |file: &str| room(&root, file).map_or(Some(-1), |room| depths.get(room).map(|&d| d as isize));
    for arrow in &krate.arrows {
        let same = room(&root, &arrow.from) == room(&root, &arrow.to);
        if let (false, Some(from), Some(to)) = (same, depth(&arrow.from), depth(&arrow.to))
            && to <= from
        {
            let how = if to == from { "is in the same row" } else { "is above" };
            findings.push(Finding {
                rule: "layer",
                place: arrow.from.clone(),
                what: format!("line {}: `{}` is of {}, which {how}", arrow.line, arrow.name, arrow.to),
            });
        }
    }
}

/// The room of a file: the first name under `src/`; the root file is in none.
fn room<'a>(root: &str, file: &'a str) -> Option<&'a str> {
    let inside = file.strip_prefix(root)?;
    let name = inside.split('/').next()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (name != "lib" && name != "main").then_some(name)
}

/// Groups of files that use each other; one finding a group.
fn circles(krate: &Crate, findings: &mut Vec<Finding>) {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for arrow in &krate.arrows {
        next.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        next.keys().map(|file| (*file, reachable(&next, file))).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (file, reached) in &reach {
        if !reached.contains(file) || done.contains(file) {
            continue;
        }
        let back = |other: &&str| reach.get(other).is_some_and(|r| r.contains(file));
        let group: BTreeSet<&str> = reached.iter().copied().filter(back).collect();
        done.extend(&group);
        let inside =
            |arrow: &&Arrow| group.contains(arrow.from.as_str()) && group.contains(arrow.to.as_str());
        let mut arrows: BTreeMap<(&str, &str), &Arrow> = BTreeMap::new();
        for arrow in krate.arrows.iter().filter(inside) {
            arrows.entry((&arrow.from, &arrow.to)).or_insert(arrow);
        }
        let arrows: Vec<String> = arrows
            .values()
            .map(|a| format!("\n    {}:{} uses `{}` of {}", a.from, a.line, a.name, a.to))
            .collect();
        findings.push(Finding {
            rule: "circle",
            place: group.into_iter().collect::<Vec<_>>().join(" "),
            what: format!("these files use each other:{}", arrows.concat()),
        });
    }
}

fn reachable<'a>(next: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = next.get(from).into_iter().flatten().copied().collect();
    while let Some(file) = open.pop() {
        if found.insert(file) {
            open.extend(next.get(file).into_iter().flatten());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# X\n\n### Rooms of `a`\n\n| rooms | hold |\n| --- | --- |\n| `top` | x |\n| `left`, \
                         `right` | y |\n| `low` | z |\n\n## More\n\n| `other` | |\n";

    fn found(table: &str, files: &[(&str, &str)]) -> Vec<String> {
        let lib = "mod top; mod left; mod right; mod low; pub fn root() {}";
        let mut all = vec![("ARCHITECTURE.md", table), ("crates/a/src/lib.rs", lib)];
        for name in ["top", "left", "right", "low"] {
            let path: &str = match name {
                "top" => "crates/a/src/top.rs",
                "left" => "crates/a/src/left/mod.rs",
                "right" => "crates/a/src/right.rs",
                _ => "crates/a/src/low.rs",
            };
            let text = files.iter().find(|(n, _)| *n == name).map_or("pub fn f() {}", |(_, text)| text);
            all.push((path, text));
        }
        all.extend(files.iter().filter(|(n, _)| n.contains('/')));
        let tree = Tree::of(all);
        let mut findings = Vec::new();
        let tables = tables(&tree, &mut findings);
        let krate = Crate::read(&tree, "a", &mut findings);
        check(&krate, tables.rooms.get("a"), &mut findings);
        findings.into_iter().map(|f| f.to_string()).collect()
    }

    #[test]
    fn arrows_down_are_allowed_and_others_are_not() {
        let down =
            [("top", "use crate::left::f; use crate::low::f as g;"), ("left", "pub use crate::low::f;")];
        assert_eq!(found(TABLE, &down), [""; 0]);
        let up = found(TABLE, &[("low", "use crate::top::f as g; pub fn f() {}")]);
        assert_eq!(
            up,
            ["layer: crates/a/src/low.rs: line 1: `crate::top::f` is of crates/a/src/top.rs, which is above"]
        );
        let beside = found(TABLE, &[("left", "use crate::right::f;")]);
        assert!(beside[0].ends_with("which is in the same row"), "{beside:?}");
        let root = found(TABLE, &[("top", "fn f() { crate::root() }")]);
        assert!(root[0].ends_with("which is above"), "{root:?}");
    }

    #[test]
    fn the_table_holds_each_room_once() {
        let table = TABLE.replace("`right`", "`gone`");
        let wrong = found(&table, &[]);
        assert!(wrong[0].contains("`a` has no room `gone`"), "{wrong:?}");
        assert!(wrong[1].starts_with("layer: crates/a/src/right: is in no row"), "{wrong:?}");
        assert!(found(&TABLE.replace("`right`", "`right`, `low`"), &[])[0].contains("twice"));
        assert!(found("", &[])[0].contains("no table"));
    }

    #[test]
    fn circles_are_found_inside_rooms_and_through_several_files() {
        let left = ("left", "mod x; mod y; mod z; pub fn f() {}");
        let circle = found(
            TABLE,
            &[
                left,
                ("crates/a/src/left/x.rs", "use super::y::y; pub fn x() {}"),
                ("crates/a/src/left/y.rs", "use super::z::z; pub fn y() {}"),
                ("crates/a/src/left/z.rs", "pub fn z() { super::x::x() }"),
            ],
        );
        assert_eq!(circle.len(), 1, "{circle:?}");
        assert!(
            circle[0]
                .starts_with("circle: crates/a/src/left/x.rs crates/a/src/left/y.rs crates/a/src/left/z.rs:")
        );
        let line = found(
            TABLE,
            &[
                left,
                ("crates/a/src/left/x.rs", "use super::y::y; use super::z::z; pub fn x() {}"),
                ("crates/a/src/left/y.rs", "use super::z::z; pub fn y() {}"),
                ("crates/a/src/left/z.rs", "pub fn z() {}"),
            ],
        );
        assert_eq!(line, [""; 0]);
        // A module and its own child.
        let child = found(
            TABLE,
            &[
                ("left", "mod x; pub fn f() { x::x() }"),
                ("crates/a/src/left/x.rs", "pub fn x() { super::f() }"),
            ],
        );
        assert_eq!(child.len(), 1, "{child:?}");
    }

    #[test]
    fn the_crates_have_a_table() {
        let text = "### Crates\n\n| crate | is | may use | never |\n| --- | --- | --- | --- |\n| `a` | x | – | `std::fs` |\n\
                    | `b` | y | `a`, `c` | |\n";
        let tables = tables(&Tree::of([("ARCHITECTURE.md", text)]), &mut Vec::new());
        assert_eq!(tables.crates["a"], Row { uses: vec![], never: vec!["std::fs".to_owned()] });
        assert_eq!(tables.crates["b"].uses, ["a", "c"]);
    }
}
