//! Reads the tree: its text files, and which module a file is. Knows no rule.

use std::fs;
use std::path::Path;

/// Directories that hold what is made, not written.
const MADE: &[&str] = &[
    "target",
    ".git",
    "proptest-regressions",
    "node_modules",
    "dist",
];
/// Where Rust is held to the sizes.
const RUST_ROOTS: &[&str] = &[
    "src/",
    "tests/",
    "benches/",
    "crates/",
    "loadtest/",
    "perf/",
];
/// Text that others wrote.
const FOREIGN: &[&str] = &["LICENSE", "Cargo.lock", "package-lock.json"];

pub(crate) struct TextFile {
    /// Below the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs") && RUST_ROOTS.iter().any(|root| self.path.starts_with(root))
    }
}

/// All files below `root` that are UTF-8 and written for this project, in order of their path.
pub(crate) fn text_files(root: &Path) -> Vec<TextFile> {
    let mut files = Vec::new();
    walk(root, "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(directory: &Path, prefix: &str, files: &mut Vec<TextFile>) {
    for (name, path) in entries(directory) {
        let below_root = format!("{prefix}{name}");
        // A file may vanish while we look: editors write beside the file they replace.
        if path.is_dir() {
            if !MADE.contains(&name.as_str()) {
                walk(&path, &format!("{below_root}/"), files);
            }
        } else if !FOREIGN.contains(&name.as_str())
            && let Ok(text) = fs::read_to_string(&path)
        {
            files.push(TextFile {
                path: below_root,
                text,
            });
        }
    }
}

/// Names and paths in a directory.
pub(crate) fn entries(directory: &Path) -> Vec<(String, std::path::PathBuf)> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
        .collect()
}

/// The crate and the module a file below a `src` is: the path above that `src`, empty for the crate of the
/// top level; and the module, empty for the library's root, `["main"]` for the binary's. None for files elsewhere.
pub(crate) fn module_of(path: &str) -> Option<(&str, Vec<String>)> {
    let (root, inside) = match path.strip_prefix("src/") {
        Some(inside) => ("", inside),
        None => path.split_once("/src/")?,
    };
    let inside = inside.strip_suffix(".rs")?;
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if inside == "lib" || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    Some((root, module))
}
