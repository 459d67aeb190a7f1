//! Finds dependency cycles among sibling modules, which cannot be read or changed one at a time.
//!
//! An item counts as of the module that the path names, so a re-export counts as the parent's.
//! Parent and child may name each other. The library's top level is checked by the table of modules
//! instead.

use crate::dependencies::{Source, outside_tests};
use crate::rules::{Rule, Violation};
use std::collections::{BTreeMap, BTreeSet};

type Module = Vec<String>;

/// Use of a sibling module, at a line of a file.
struct Edge<'a> {
    from: Module,
    to: Module,
    file: &'a str,
    line: usize,
}

/// Finds all cycles of one crate; `root` is the path above its `src/`.
pub(crate) fn check(root: &str, sources: &[Source<'_>]) -> Vec<Violation> {
    let is_library = root.is_empty();
    let modules: BTreeSet<&[String]> = sources.iter().map(|(_, m, _)| m.as_slice()).collect();
    let mut edges = Vec::new();
    for (file, module, mentions) in outside_tests(sources) {
        for mention in &mentions.paths {
            let edge = beside(module, &mention.path, &modules);
            let Some((from, to)) = edge.filter(|(from, _)| !is_library || from.len() > 1) else {
                continue;
            };
            edges.push(Edge {
                from,
                to,
                file,
                line: mention.line,
            });
        }
    }
    let mut next: BTreeMap<&Module, Vec<&Module>> = BTreeMap::new();
    for edge in &edges {
        next.entry(&edge.from).or_default().push(&edge.to);
    }
    edges
        .iter()
        .filter(|edge| leads_to(&next, &edge.to, &edge.from))
        .map(|edge| {
            let (from, to) = (edge.from.join("::"), edge.to.join("::"));
            let what = format!("`{from}` names `{to}`, which leads back to it");
            Violation::new(Rule::Cycle, edge.file, edge.line, what)
        })
        .collect()
}

/// Siblings that contain `module` and the module named by `path`.
fn beside(
    module: &[String],
    path: &[String],
    modules: &BTreeSet<&[String]>,
) -> Option<(Module, Module)> {
    let (first, mut named) = path.split_first()?;
    if first != "crate" {
        return None;
    }
    while !modules.contains(named) {
        named = named.split_last()?.1;
    }
    let common = module.iter().zip(named).take_while(|(a, b)| a == b).count();
    let (from, to) = (module.get(..=common)?, named.get(..=common)?);
    Some((from.to_vec(), to.to_vec()))
}

/// Returns whether a path of `next` leads from one node to another.
pub(crate) fn leads_to<T: Ord + ?Sized>(next: &BTreeMap<&T, Vec<&T>>, from: &T, to: &T) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut left = vec![from];
    while let Some(node) = left.pop() {
        if node == to {
            return true;
        }
        let new = next.get(node).into_iter().flatten();
        left.extend(new.copied().filter(|node| seen.insert(node)));
    }
    false
}
