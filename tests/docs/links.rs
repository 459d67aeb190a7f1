//! Links and paths in the Markdown files.

use crate::pages::{self, Page};

/// Directories with which a path in a code span begins.
const ROOTS: &[&str] = &[
    "src/",
    "tests/",
    "benches/",
    "loadtest/",
    "perf/",
    "crates/",
    ".ci/",
    ".github/",
];
/// Built files, absent in a clean checkout.
const BUILT: &[&str] = &["src/web/dist"];

/// Finds targets of `[text](target)` and `src="target"`, with the line's number.
fn targets(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in page.prose() {
        // Code spans hold no links.
        let prose: String = line.split('`').step_by(2).collect();
        for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for rest in prose.split(open).skip(1) {
                let target = rest.split(close).next().unwrap_or_default();
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}

/// Describes a broken link of `page`; None for a link that exists or leads outside.
fn fault(page: &Page, target: &str, pages: &[Page]) -> Option<String> {
    if target.starts_with("https://") || target.starts_with("http://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        page.path.clone()
    } else {
        match resolve(&page.path, file) {
            Some(path) => path,
            None => return Some("leads out of the repository".to_owned()),
        }
    };
    if !pages::root().join(&path).exists() {
        return Some(format!("{path} is not there"));
    }
    let of_page = pages.iter().find(|other| other.path == path);
    let anchors = of_page.map(Page::anchors).unwrap_or_default();
    let wrong = !anchor.is_empty() && !anchors.iter().any(|known| known == anchor);
    wrong.then(|| format!("{path} has no heading #{anchor}"))
}

/// Resolves `target`, relative to the page at `from`, below the root.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[test]
fn every_link_exists() {
    let pages = pages::all();
    let mut faults = Vec::new();
    let mut count = 0;
    for page in &pages {
        for (number, target) in targets(page) {
            count += 1;
            if let Some(fault) = fault(page, &target, &pages) {
                faults.push(format!("{}:{number}: ({target}) {fault}", page.path));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count > 40, "{count} links were found");
}

#[test]
fn a_broken_link_is_found() {
    let page = Page {
        path: "src/control/X.md".to_owned(),
        text: "# A title\n[a](../SECURITY.md) `[b](none.md)` [c](#a-title)\n".to_owned(),
    };
    let pages = pages::all();
    let seen = targets(&page);
    assert_eq!(seen.len(), 2, "{seen:?}");
    let fault = |target: &str| fault(&page, target, &pages);
    assert_eq!(fault("../SECURITY.md#targets"), None);
    assert_eq!(fault("https://example.org/"), None);
    assert!(fault("../SECURITY.md#target").is_some());
    assert!(fault("SECURITY.md").is_some());
    assert!(fault("../../../x").is_some());
}

#[test]
fn every_path_in_a_code_span_is_there() {
    let mut faults = Vec::new();
    for page in pages::all() {
        for (number, span) in page.spans() {
            let path = span.split_whitespace().next().unwrap_or_default();
            let ours = ROOTS.iter().any(|root| path.starts_with(root));
            // Patterns and results of past runs are not files that stay.
            let plain =
                !path.contains(['*', '{', '<', '$']) && !page.path.starts_with("perf/results");
            let is_there = || pages::root().join(path.trim_end_matches('/')).exists();
            if ours && plain && !BUILT.contains(&path) && !is_there() {
                faults.push(format!("{}:{number}: `{path}` is not there", page.path));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
