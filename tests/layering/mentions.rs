//! Lists the paths in a source file, resolved to `crate::...` or to a foreign crate's name. It
//! checks no rule.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{HashMap, HashSet};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// Path in a source file, outside of test code.
pub(crate) struct Mention {
    /// Starts with `crate`, or with the name of another crate; a glob ends in `*`.
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

pub(crate) struct Mentions {
    pub(crate) paths: Vec<Mention>,
    /// Modules declared here as `#[cfg(test)] mod name;`.
    pub(crate) test_modules: Vec<Vec<String>>,
}

/// Collects all paths of a file of the module `module`.
pub(crate) fn collect(file: &syn::File, module: &[String]) -> Mentions {
    let mut collector = Collector {
        module: module.to_vec(),
        ..Collector::default()
    };
    collector.visit_file(file);
    let mut paths = Vec::new();
    for raw in &collector.raw {
        if let Some(path) = collector.resolve(raw) {
            paths.push(Mention {
                path,
                line: raw.line,
            });
        }
    }
    Mentions {
        paths,
        test_modules: collector.test_modules,
    }
}

struct Raw {
    segments: Vec<String>,
    /// Module that contains it, inline ones included.
    module: Vec<String>,
    line: usize,
    imported_as: Option<String>,
}

#[derive(Default)]
struct Collector {
    module: Vec<String>,
    raw: Vec<Raw>,
    children: HashSet<Vec<String>>,
    imports: HashMap<String, Vec<String>>,
    test_modules: Vec<Vec<String>>,
}

impl Collector {
    fn push(&mut self, segments: Vec<String>, line: usize, imported_as: Option<String>) {
        let raw = Raw {
            segments,
            module: self.module.clone(),
            line,
            imported_as,
        };
        if let (Some(name), Some(path)) = (&raw.imported_as, self.absolute(&raw)) {
            self.imports.insert(name.clone(), path);
        }
        self.raw.push(raw);
    }

    /// Returns the full path; None for local names, and for paths that begin with an import from
    /// this crate, because the import itself is checked.
    fn resolve(&self, raw: &Raw) -> Option<Vec<String>> {
        if raw.imported_as.is_none() {
            let (first, rest) = raw.segments.split_first()?;
            if rest.is_empty() {
                return None;
            }
            if let Some(import) = self.imports.get(first) {
                let foreign = import.first().is_none_or(|first| first != "crate");
                return foreign.then(|| [import.as_slice(), rest].concat());
            }
        }
        self.absolute(raw)
    }

    /// Returns the path, ignoring imports.
    fn absolute(&self, raw: &Raw) -> Option<Vec<String>> {
        let mut base = raw.module.clone();
        let mut segments = raw.segments.as_slice();
        let mut anchored = false;
        while let Some((first, rest)) = segments.split_first() {
            match first.as_str() {
                // The binary names the library by its name.
                "crate" | "sshard" if !anchored => base.clear(),
                "self" if !anchored => {}
                "super" => {
                    base.pop();
                }
                "Self" => return None,
                _ => break,
            }
            anchored = true;
            segments = rest;
        }
        let first = segments.first()?;
        let is_child = self
            .children
            .contains(&[base.as_slice(), std::slice::from_ref(first)].concat());
        if !anchored && !is_child {
            return Some(segments.to_vec());
        }
        Some([&["crate".to_owned()], base.as_slice(), segments].concat())
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &[String]) {
        let joined = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.use_tree(&path.tree, &joined(&path.ident)),
            UseTree::Group(group) => group.items.iter().for_each(|t| self.use_tree(t, prefix)),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                let path = [prefix, &["*".to_owned()]].concat();
                self.push(path, line, Some("*".to_owned()));
            }
            UseTree::Name(name) => self.import(joined(&name.ident), &name.ident, None),
            UseTree::Rename(rename) => {
                let alias = rename.rename.to_string();
                self.import(joined(&rename.ident), &rename.ident, Some(alias));
            }
        }
    }

    fn import(&mut self, mut path: Vec<String>, leaf: &syn::Ident, alias: Option<String>) {
        if path.len() > 1 && leaf == "self" {
            path.pop();
        }
        let name = alias.or_else(|| path.last().cloned());
        self.push(path, leaf.span().start().line, name);
    }

    /// Collects paths among the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream, prefix: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.tokens(group.stream(), &[]),
                TokenTree::Ident(ident) => {
                    let mut path = [prefix, &[ident.to_string()]].concat();
                    while is_colon(at) && is_colon(at + 1) {
                        match tokens.get(at + 2) {
                            Some(TokenTree::Ident(next)) => path.push(next.to_string()),
                            Some(TokenTree::Group(group))
                                if group.delimiter() == Delimiter::Brace =>
                            {
                                self.tokens(group.stream(), &path);
                            }
                            _ => break,
                        }
                        at += 3;
                    }
                    self.push(path, ident.span().start().line, None);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test_only(attributes(item)) {
            if let Item::Mod(module) = item {
                let path = [self.module.as_slice(), &[module.ident.to_string()]].concat();
                self.test_modules.push(path);
            }
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test_only(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        self.children.insert(self.module.clone());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &[]);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.import(vec![item.ident.to_string()], &item.ident, None);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|s| s.ident.to_string()).collect();
        let line = path.segments[0].ident.span().start().line;
        self.push(segments, line, None);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.visit_path(&mac.path);
        self.tokens(mac.tokens.clone(), &[]);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.visit_path(&list.path);
        self.tokens(list.tokens.clone(), &[]);
    }

    /// Skips `pub(super)` and the like, which name nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns whether a `cfg` requires `test`.
fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| asks_for_test(list.tokens.clone()))
    })
}

fn asks_for_test(tokens: TokenStream) -> bool {
    let mut negated = false;
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            negated = ident == "not";
            ident == "test"
        }
        TokenTree::Group(group) => !std::mem::take(&mut negated) && asks_for_test(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
