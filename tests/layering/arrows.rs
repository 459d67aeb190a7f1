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
        let room = room_of(module, rules);
        if room.is_none() && !module.is_empty() {
            let what = format!("`{}` has no row in the table of rooms", module.join("::"));
            found.push(Violation::new(Rule::UnknownRoom, file, 0, what));
            continue;
        }
        for mention in &mentions.paths {
            let broken = match (mention.path.split_first(), room) {
                (Some((first, inside)), Some(room)) if first == "crate" => {
                    arrow(room, inside, rules)
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
fn room_of<'a>(module: &[String], rules: &'a Rules) -> Option<&'a Row> {
    rules
        .rooms
        .iter()
        .filter(|room| lies_in(module, room.name))
        .max_by_key(|room| room.name.len())
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

fn arrow(room: &Row, target: &[String], rules: &Rules) -> Option<(Rule, String)> {
    if lies_in(target, room.name) || room.names.iter().any(|name| lies_in(target, name)) {
        return None;
    }
    let shown = target.join("::");
    if room_of(target, rules).is_none() {
        let what = format!("`crate::{shown}` lies in no room; name the module it comes from");
        return Some((Rule::UnknownRoom, what));
    }
    let (name, reason) = (room.name, room.reason);
    let what = format!("`{name}` names `{shown}` ({name}: {reason})");
    Some((Rule::Arrow, what))
}

fn foreign(module: &[String], mention: &Mention, rules: &Rules) -> Option<(Rule, String)> {
    let (path, shown) = (&mention.path, module.join("::"));
    let lies_in_any = |rooms: &[&str]| rooms.iter().any(|room| lies_in(module, room));
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
