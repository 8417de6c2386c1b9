//! Checks that what `ARCHITECTURE.md` says of the source is true.
//!
//! | rule | what must hold |
//! | --- | --- |
//! | `head` | each file under `src/` opens with what it is responsible for, what it must not know and where it is tested, and the tests it names exist |
//! | `layer` | rooms are in the tables of `ARCHITECTURE.md`, and use only rooms in rows below their own |
//! | `circle` | no file uses, through other files, itself |
//! | `crate` | crates depend on crates, and use parts of `std`, only as their table says |
//! | `file` | no file under `src/` has more than 700 lines |
//! | `function` | no function has more than 100 lines |
//! | `path` | files, packages and tests that documents and comments name exist |
//! | `exception` | each exception is needed, and has a reason |
//!
//! What names refer to is found without the compiler, through `mod`, `use` and paths. So calls of
//! methods are not seen: a method that one file defines for another file's type adds no arrow.
//!
//! The rules hold for [`Tree`]s, which also can be made of text in memory: so each rule is tested
//! by breaking it.

mod crates;
mod exceptions;
mod finding;
mod heads;
mod layers;
mod modules;
mod paths;
mod sizes;
mod tree;

pub use finding::Finding;
pub use tree::Tree;

/// Everything that is wrong with a tree and not excepted by its `crates/tidy/exceptions.txt`.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    heads::check(tree, &mut findings);
    sizes::check(tree, &mut findings);
    paths::check(tree, &mut findings);
    let tables = layers::tables(tree, &mut findings);
    for name in tree.crates() {
        let krate = modules::Crate::read(tree, &name, &mut findings);
        layers::check(&krate, tables.rooms.get(&name), &mut findings);
        crates::check(tree, &krate, tables.crates.get(&name), &mut findings);
    }
    findings.sort();
    findings.dedup();
    exceptions::apply(tree, findings)
}
