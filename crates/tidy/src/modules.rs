//! The modules of a crate, and which file uses which.
//!
//! Responsible for: reading `mod`, `use` and paths, those in macros too, and following names
//! through imports and re-exports to the file that defines them. Code that is compiled for tests
//! only is left out.
//! Must not know: what may use what.
//! Tested by: the unit tests below.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::{Finding, Tree};

/// Names are followed through so many imports at most: a circle of imports ends somewhere.
const DEEP: usize = 24;

/// A crate of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    pub(crate) name: String,
    modules: Vec<Module>,
    /// Which file uses a name of which other file.
    pub(crate) arrows: BTreeSet<Arrow>,
    /// Names of other crates.
    pub(crate) foreign: BTreeSet<Foreign>,
}

/// A file uses what another file of the crate defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) line: usize,
    pub(crate) name: String,
}

/// A file uses a name of another crate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Foreign {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// `std::fs::File`
    pub(crate) path: String,
}

#[derive(Debug, Default)]
struct Module {
    /// The file that holds it.
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    uses: Vec<Use>,
}

/// A path somewhere in a module.
#[derive(Debug)]
struct Use {
    path: Vec<String>,
    line: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `use a::b;`, `a::b()`
    Plain,
    /// `pub use a::b;`: whoever uses the name here uses `a`.
    Exported,
    /// `use a::*;`
    Glob,
}

/// What a path leads to.
enum Target {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
    Foreign(String),
}

/// Whether an item is compiled for tests only.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl Crate {
    /// Reads `crates/NAME/src`.
    pub(crate) fn read(tree: &Tree, name: &str, findings: &mut Vec<Finding>) -> Crate {
        let mut krate = Crate { name: name.to_owned(), ..Crate::default() };
        let root = format!("crates/{name}/src/lib.rs");
        krate.file(tree, &root, None, findings);
        for at in 0..krate.modules.len() {
            krate.follow(at);
        }
        krate
    }

    /// The files that belong to it.
    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.modules.iter().map(|module| module.file.as_str()).collect()
    }

    fn file(&mut self, tree: &Tree, path: &str, parent: Option<usize>, findings: &mut Vec<Finding>) -> usize {
        let at = self.module(path, parent);
        match tree.text(path).map(syn::parse_file) {
            Some(Ok(file)) => self.items(tree, at, &file.items, findings),
            Some(Err(error)) => findings.push(Finding {
                rule: "path",
                place: path.to_owned(),
                what: format!("line {}: no Rust: {error}", error.span().start().line),
            }),
            None => {}
        }
        at
    }

    fn module(&mut self, file: &str, parent: Option<usize>) -> usize {
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.modules.len() - 1
    }

    fn items(&mut self, tree: &Tree, at: usize, items: &[syn::Item], findings: &mut Vec<Finding>) {
        for item in items {
            let syn::Item::Mod(module) = item else {
                Collector { module: &mut self.modules[at] }.visit_item(item);
                continue;
            };
            if is_test(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let child = match &module.content {
                Some((_, inside)) => {
                    let file = self.modules[at].file.clone();
                    let child = self.module(&file, Some(at));
                    self.items(tree, child, inside, findings);
                    child
                }
                None => {
                    let folder = folder(&self.modules[at].file);
                    let path = format!("{folder}{name}.rs");
                    let path = if tree.exists(&path) { path } else { format!("{folder}{name}/mod.rs") };
                    self.file(tree, &path, Some(at), findings)
                }
            };
            self.modules[at].children.insert(name, child);
        }
    }

    /// Finds what the paths of a module lead to.
    fn follow(&mut self, at: usize) {
        let mut arrows = Vec::new();
        let mut foreign = Vec::new();
        let module = &self.modules[at];
        for used in &module.uses {
            let name = used.path.join("::");
            match self.resolve(at, &used.path, DEEP) {
                Some(Target::Item(to)) => {
                    let own = used.kind == Kind::Exported && self.is_beneath(to, at);
                    if !own {
                        arrows.push((to, used.line, name));
                    }
                }
                // Naming a module uses nothing yet, but `use a::*` uses what is in it.
                Some(Target::Module(to)) if used.kind == Kind::Glob => arrows.push((to, used.line, name)),
                Some(Target::Foreign(path)) => {
                    foreign.push(Foreign { file: module.file.clone(), line: used.line, path });
                }
                _ => {}
            }
        }
        let from = &self.modules[at].file;
        let arrows: Vec<Arrow> = arrows
            .into_iter()
            .filter(|(to, ..)| &self.modules[*to].file != from)
            .map(|(to, line, name)| Arrow {
                from: from.clone(),
                to: self.modules[to].file.clone(),
                line,
                name,
            })
            .collect();
        self.arrows.extend(arrows);
        self.foreign.extend(foreign);
    }

    /// Whether a module is one of another's descendants.
    fn is_beneath(&self, mut at: usize, above: usize) -> bool {
        while let Some(parent) = self.modules[at].parent {
            if parent == above {
                return true;
            }
            at = parent;
        }
        false
    }

    fn resolve(&self, at: usize, path: &[String], deep: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let deep = deep.checked_sub(1)?;
        match first.as_str() {
            "crate" => self.within(0, rest, deep),
            "self" => self.within(at, rest, deep),
            "super" => self.within(self.modules[at].parent?, rest, deep),
            "Self" => None,
            _ => self.within(at, path, deep).or_else(|| Some(Target::Foreign(path.join("::")))),
        }
    }

    /// Follows a path from a module down.
    fn within(&self, at: usize, path: &[String], deep: usize) -> Option<Target> {
        let deep = deep.checked_sub(1)?;
        let module = &self.modules[at];
        let Some((first, rest)) = path.split_first() else { return Some(Target::Module(at)) };
        if first == "super" || first == "self" {
            let next = if first == "super" { module.parent? } else { at };
            return self.within(next, rest, deep);
        }
        // A function may have the name of a module: what is followed by more is the module.
        let named_so = module.items.contains(first) || module.imports.contains_key(first);
        if let Some(&child) = module.children.get(first)
            && !(rest.is_empty() && named_so)
        {
            return self.within(child, rest, deep);
        }
        if module.items.contains(first) {
            return Some(Target::Item(at));
        }
        if let Some(import) = module.imports.get(first) {
            // `use a::b` in a module named `a` itself would be found again and again.
            let whole: Vec<String> = import.iter().chain(rest).cloned().collect();
            return self.resolve_import(at, first, &whole, deep);
        }
        module.globs.iter().find_map(|glob| match self.resolve(at, glob, deep)? {
            Target::Module(to) if to != at => self.within(to, path, deep),
            _ => None,
        })
    }

    /// An import's path does not begin with the name that it brings in, or is of another crate.
    fn resolve_import(&self, at: usize, name: &str, path: &[String], deep: usize) -> Option<Target> {
        if path.first().is_some_and(|first| first == name) && !self.modules[at].children.contains_key(name) {
            return Some(Target::Foreign(path.join("::")));
        }
        self.resolve(at, path, deep)
    }
}

/// The directory of a file's child modules.
fn folder(file: &str) -> String {
    for end in ["lib.rs", "main.rs", "mod.rs"] {
        if let Some(folder) = file.strip_suffix(end) {
            return folder.to_owned();
        }
    }
    file.trim_end_matches(".rs").to_owned() + "/"
}

/// Collects the items, imports and paths of one module.
struct Collector<'a> {
    module: &'a mut Module,
}

impl Collector<'_> {
    fn define(&mut self, item: &syn::Item) {
        use syn::Item;
        let name = match item {
            Item::Const(i) => &i.ident,
            Item::Enum(i) => &i.ident,
            Item::Fn(i) => &i.sig.ident,
            Item::Static(i) => &i.ident,
            Item::Struct(i) => &i.ident,
            Item::Trait(i) => &i.ident,
            Item::TraitAlias(i) => &i.ident,
            Item::Type(i) => &i.ident,
            Item::Union(i) => &i.ident,
            Item::Macro(syn::ItemMacro { ident: Some(ident), .. }) => ident,
            _ => return,
        };
        self.module.items.insert(name.to_string());
    }

    fn import(&mut self, tree: &syn::UseTree, above: &[String], exported: bool) {
        let with = |ident: &syn::Ident| [above, &[ident.to_string()]].concat();
        let line = tree.span().start().line;
        let kind = if exported { Kind::Exported } else { Kind::Plain };
        let (name, path) = match tree {
            syn::UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), exported),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, above, exported));
            }
            syn::UseTree::Glob(_) => {
                self.module.globs.push(above.to_vec());
                if !exported {
                    self.module.uses.push(Use { path: above.to_vec(), line, kind: Kind::Glob });
                }
                return;
            }
            syn::UseTree::Name(name) if name.ident == "self" => (above.last().cloned(), above.to_vec()),
            syn::UseTree::Name(name) => (Some(name.ident.to_string()), with(&name.ident)),
            syn::UseTree::Rename(rename) if rename.ident == "self" => {
                (Some(rename.rename.to_string()), above.to_vec())
            }
            syn::UseTree::Rename(rename) => (Some(rename.rename.to_string()), with(&rename.ident)),
        };
        self.module.uses.push(Use { path: path.clone(), line, kind });
        if let Some(name) = name {
            self.module.imports.insert(name, path);
        }
    }

    /// Paths among the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens.into_iter().map(Some).chain([None]) {
            match &token {
                Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                Some(TokenTree::Ident(ident)) if !path.is_empty() && colons == 2 => {
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                _ => {}
            }
            if path.len() > 1 {
                self.module.uses.push(Use { path: path.clone(), line, kind: Kind::Plain });
            }
            path.clear();
            colons = 0;
            match token {
                Some(TokenTree::Ident(ident)) => {
                    line = ident.span().start().line;
                    path.push(ident.to_string());
                }
                Some(TokenTree::Group(group)) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test(attributes(item)) {
            self.define(item);
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let exported = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &[], exported);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(crate)` and `pub(in path)` use nothing.
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {
        // Nor do attributes.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.module.uses.push(Use {
                path: path.segments.iter().map(|segment| segment.ident.to_string()).collect(),
                line: path.span().start().line,
                kind: Kind::Plain,
            });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.tokens(mac.tokens.clone());
        visit::visit_macro(self, mac);
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    use syn::Item;
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows among files of one crate, as `from -> to name`, without directories and ends.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, &str)> =
            files.iter().map(|(path, text)| (format!("crates/a/src/{path}.rs"), *text)).collect();
        let tree = Tree::of(files.iter().map(|(path, text)| (path.as_str(), *text)));
        let mut findings = Vec::new();
        let krate = Crate::read(&tree, "a", &mut findings);
        assert_eq!(findings, []);
        let short = |path: &str| path.replace("crates/a/src/", "").replace(".rs", "");
        krate.arrows.iter().map(|a| format!("{} -> {} {}", short(&a.from), short(&a.to), a.name)).collect()
    }

    #[test]
    fn every_way_to_name_something_is_an_arrow() {
        for code in [
            "use crate::b::B;",
            "use super::b::B;",
            "use crate::b::{self, B};",
            "use crate::b; fn f() -> b::B { todo!() }",
            "use crate::b as c; fn f(_: c::B) {}",
            "fn f() { let _ = crate::b::B; }",
            "fn f() { use crate::b::B as C; let _ = C; }",
            "fn f() { assert!(crate::b::B == 1); }",
            "fn f() { println!(\"{}\", [(super::b::B)]); }",
            "impl crate::b::B for () {}",
            "mod inner { use super::super::b::B; }",
            "use crate::B;",
            "use crate::facade::B;",
            "use crate::b::*;",
            "type T = Vec<crate::b::B>;",
            "#[cfg(feature = \"x\")] use crate::b::B;",
        ] {
            let found = arrows(&[
                ("lib", "mod a; mod b; mod facade; pub use b::B;"),
                ("a", code),
                ("b", "pub struct B;"),
                ("facade", "pub use crate::b::B;"),
            ]);
            assert!(found.iter().any(|arrow| arrow.starts_with("a -> b ")), "{code}: {found:?}");
            assert!(!found.iter().any(|arrow| arrow.starts_with("a -> facade")), "{code}: {found:?}");
        }
    }

    #[test]
    fn what_is_no_arrow() {
        for code in [
            "#[cfg(test)] use crate::b::B;",
            "#[cfg(test)] mod tests { use crate::b::B; }",
            "/// [`crate::b::B`]\nfn f() {}",
            "pub(in crate::b) fn f() {}",
            "use std::b::B;",
            "fn f() { let b = 1; let _ = b; }",
        ] {
            let found =
                arrows(&[("lib", "mod a; mod b; pub use b::B;"), ("a", code), ("b", "pub struct B;")]);
            assert_eq!(found, [""; 0], "{code}");
        }
    }

    #[test]
    fn a_facade_re_exports_what_is_in_it() {
        let found = arrows(&[
            ("lib", "mod x; mod y;"),
            ("x/mod", "mod one; mod two; pub use one::One; pub use two::*;"),
            ("x/one", "pub struct One;"),
            ("x/two", "use super::One; pub struct Two;"),
            ("y", "use crate::x::{One, Two};"),
        ]);
        assert_eq!(
            found,
            ["x/two -> x/one super::One", "y -> x/one crate::x::One", "y -> x/two crate::x::Two"]
        );
        // But a re-export of something outside is a use of it.
        let found =
            arrows(&[("lib", "mod x; mod y;"), ("x", "pub use crate::y::Y;"), ("y", "pub struct Y;")]);
        assert_eq!(found, ["x -> y crate::y::Y"]);
    }

    #[test]
    fn names_of_other_crates_are_kept() {
        let files = [(
            "crates/a/src/lib.rs",
            "use std::fs; fn f() { fs::read(\"\"); let _ = clap::Arg::new(\"\"); }",
        )];
        let krate = Crate::read(&Tree::of(files), "a", &mut Vec::new());
        let paths: Vec<&str> = krate.foreign.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["clap::Arg::new", "std::fs", "std::fs::read"]);
    }

    #[test]
    fn a_circle_of_imports_ends() {
        let found = arrows(&[
            ("lib", "mod a; mod b;"),
            ("a", "pub use crate::b::X; pub use super::b::*;"),
            ("b", "pub use crate::a::X; pub use super::a::*; use clap; fn f() { clap::x(); }"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
