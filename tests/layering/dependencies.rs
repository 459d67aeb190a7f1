//! Checks the paths in a source file: dependencies between modules, reserved and impure names.

use crate::mentions::{Mention, Mentions};
use crate::rules::{Row, Rule, Rules, Violation};

/// File name, module and paths of a source file.
pub(crate) type Source<'a> = (&'a str, Vec<String>, Mentions);

/// Sources outside of test modules.
pub(crate) fn outside_tests<'a, 's>(
    sources: &'a [Source<'s>],
) -> impl Iterator<Item = &'a Source<'s>> {
    let test_modules: Vec<&Vec<String>> = sources
        .iter()
        .flat_map(|(_, _, mentions)| &mentions.test_modules)
        .collect();
    sources
        .iter()
        .filter(move |(_, module, _)| !test_modules.iter().any(|test| module.starts_with(test)))
}

pub(crate) fn check(sources: &[Source<'_>], rules: &Rules) -> Vec<Violation> {
    let mut found = Vec::new();
    for (file, module, mentions) in outside_tests(sources) {
        // The library's root is the map of modules: it names them all, and is named by none.
        let row = row_of(module, rules);
        if row.is_none() && !module.is_empty() {
            let what = format!("`{}` has no row in the table of modules", module.join("::"));
            found.push(Violation::new(Rule::ModuleWithoutRow, file, 0, what));
            continue;
        }
        for mention in &mentions.paths {
            let broken = match (mention.path.split_first(), row) {
                (Some((first, inside)), Some(row)) if first == "crate" => {
                    dependency(row, inside, rules)
                }
                _ => foreign(module, mention, rules),
            };
            if let Some((rule, what)) = broken {
                found.push(Violation::new(rule, file, mention.line, what));
            }
        }
    }
    found
}

/// Row of a module: the longest name that contains it.
fn row_of<'a>(module: &[String], rules: &'a Rules) -> Option<&'a Row> {
    rules
        .modules
        .iter()
        .filter(|row| lies_in(module, row.name))
        .max_by_key(|row| row.name.len())
}

/// Returns whether the path is `name` or lies inside it.
pub(crate) fn lies_in(path: &[String], name: &str) -> bool {
    let mut path = path.iter();
    name.split("::")
        .all(|part| path.next().is_some_and(|p| p == part))
}

/// Returns whether the path lies in `name`, or is a glob that imports it.
fn names(path: &[String], name: &str) -> bool {
    let globbed = match path.split_last() {
        Some((last, base)) if last == "*" => {
            name.starts_with(&format!("{}::", base.join("::"))) || name == base.join("::")
        }
        _ => false,
    };
    globbed || lies_in(path, name)
}

fn dependency(row: &Row, target: &[String], rules: &Rules) -> Option<(Rule, String)> {
    if lies_in(target, row.name) || row.names.iter().any(|name| lies_in(target, name)) {
        return None;
    }
    let shown = target.join("::");
    if row_of(target, rules).is_none() {
        let what = format!(
            "`crate::{shown}` lies in no module of the table; name the module it comes from"
        );
        return Some((Rule::ModuleWithoutRow, what));
    }
    let (name, reason) = (row.name, row.reason);
    let what = format!("`{name}` names `{shown}` ({name}: {reason})");
    Some((Rule::Dependency, what))
}

fn foreign(module: &[String], mention: &Mention, rules: &Rules) -> Option<(Rule, String)> {
    let (path, shown) = (&mention.path, module.join("::"));
    let lies_in_any = |names: &[&str]| names.iter().any(|name| lies_in(module, name));
    for Row {
        name,
        names: only,
        reason,
    } in &rules.reserved
    {
        if names(path, name) && !lies_in_any(only) {
            let what = format!("`{shown}` names {name} ({reason})");
            return Some((Rule::Reserved, what));
        }
    }
    if !lies_in_any(&rules.pure) {
        return None;
    }
    let name = rules.impure_names.iter().find(|name| names(path, name))?;
    Some((Rule::Impure, format!("`{shown}` is pure, and names {name}")))
}
