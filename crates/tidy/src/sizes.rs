//! Rules `file` and `function`: how long files and functions may be.
//!
//! Responsible for: counting lines, those of comments included; test modules have no limit for
//! functions.
//! Must not know: what the lines say.
//! Tested by: the unit tests below.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::modules::is_test;
use crate::{Finding, Tree};

/// Lines of a file under `src/`.
const FILE: usize = 700;
/// Lines of a function, from its signature to its closing brace.
const FUNCTION: usize = 100;

pub(crate) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for (path, text) in tree.sources() {
        let lines = text.lines().count();
        if lines > FILE {
            findings.push(Finding {
                rule: "file",
                place: path.to_owned(),
                what: format!("{lines} lines; at most {FILE}: split it by what it is responsible for"),
            });
        }
        // A file that cannot be read is reported with the modules.
        if let Ok(file) = syn::parse_file(text) {
            Functions { path, findings }.visit_file(&file);
        }
    }
}

struct Functions<'a> {
    path: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Functions<'_> {
    fn one(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        let lines = last + 1 - first;
        if lines > FUNCTION {
            self.findings.push(Finding {
                rule: "function",
                place: format!("{} {}", self.path, signature.ident),
                what: format!("line {first}: {lines} lines; at most {FUNCTION}"),
            });
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.one(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.one(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.one(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&Tree::of([("crates/a/src/lib.rs", text)]), &mut findings);
        findings.into_iter().map(|f| format!("{} {}", f.rule, f.place)).collect()
    }

    #[test]
    fn long_files_and_functions_are_found() {
        assert_eq!(places(&"\n".repeat(FILE)), [""; 0]);
        assert_eq!(places(&"\n".repeat(FILE + 1)), ["file crates/a/src/lib.rs"]);
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "\n".repeat(lines - 2));
        assert_eq!(places(&function(FUNCTION)), [""; 0]);
        let long = function(FUNCTION + 1);
        let found = ["function crates/a/src/lib.rs f"];
        assert_eq!(places(&long), found);
        assert_eq!(places(&format!("impl A {{ {long} }}")), found);
        assert_eq!(places(&format!("trait A {{ {long} }}")), found);
        assert_eq!(places(&format!("fn g() {{ {} {long} }}", "\n")).len(), 2);
        assert_eq!(places(&format!("#[cfg(test)] mod tests {{ {long} }}")), [""; 0]);
        assert_eq!(places(&format!("mod tests {{ {long} }}")), found);
    }
}
