//! Reads the text files of the tree, and maps files to modules. It checks no rule.

use std::fs;
use std::path::Path;

/// Directories with generated files.
const GENERATED: &[&str] = &[
    "target",
    ".git",
    "proptest-regressions",
    "node_modules",
    "dist",
];
/// Folders whose Rust files are checked.
const RUST_ROOTS: &[&str] = &[
    "src/",
    "tests/",
    "benches/",
    "crates/",
    "loadtest/",
    "perf/",
];
/// Files that are not written for this project.
const FOREIGN: &[&str] = &["LICENSE", "Cargo.lock", "package-lock.json"];

pub(crate) struct TextFile {
    /// Path below the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs") && RUST_ROOTS.iter().any(|root| self.path.starts_with(root))
    }
}

/// Reads all UTF-8 files below `root` that are written for this project, in order of their path.
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
            if !GENERATED.contains(&name.as_str()) {
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

/// Crate and module of a file below a `src`: the path above that `src`, empty for the top level's
/// crate; and the module, empty for the library's root, `["main"]` for the binary's. None for other
/// files.
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
