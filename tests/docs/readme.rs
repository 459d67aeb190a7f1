//! The README: short, and true in what it prints.

use crate::pages;

const MAX_LINES: usize = 150;

#[test]
fn the_readme_is_short() {
    let lines = pages::page("README.md").text.lines().count();
    assert!(lines <= MAX_LINES, "{lines} lines, at most {MAX_LINES}");
}
