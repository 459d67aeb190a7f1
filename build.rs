//! Sets the version text with the commit, and rebuilds when the terminal page was built or removed.
//!
//! The commit is read only when something is compiled anyway: a commit that changes no source
//! causes no rebuild. So the program names the commit that its sources were checked out from when
//! they were compiled, and whether they had been changed.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    for path in sources() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    let commit = commit().unwrap_or_default();
    let version = match commit.as_str() {
        "" => env!("CARGO_PKG_VERSION").to_owned(),
        commit => format!("{} (commit {commit})", env!("CARGO_PKG_VERSION")),
    };
    let (profile, target) = (of_cargo("PROFILE"), of_cargo("TARGET"));
    println!("cargo::rustc-env=SSHARD_COMMIT={commit}");
    println!("cargo::rustc-env=SSHARD_VERSION={version}, {profile} build for {target}");
}

/// Lists the sources of the program; of `src/web` only Rust files, because npm packages are there.
fn sources() -> Vec<PathBuf> {
    let own = "build.rs Cargo.toml Cargo.lock crates loadtest/src src/web/dist";
    let mut paths: Vec<PathBuf> = own.split(' ').map(PathBuf::from).collect();
    let web = Path::new("src/web");
    paths.extend(entries(Path::new("src")).filter(|path| path != web));
    paths.extend(entries(web).filter(|path| path.extension().is_some_and(|ending| ending == "rs")));
    paths
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// The commit, marked if there are changes; none outside of a checkout.
fn commit() -> Option<String> {
    // A copy of the sources may lie in a repository of others.
    if !git("rev-parse --show-prefix")?.is_empty() {
        return None;
    }
    let commit = git("rev-parse --short=12 HEAD")?;
    let status = git("--no-optional-locks status --porcelain --untracked-files=no");
    let changed = status.is_none_or(|changes| !changes.is_empty());
    Some(if changed {
        format!("{commit} with changes")
    } else {
        commit
    })
}

/// Output of a command of git, without white space around it.
fn git(line: &str) -> Option<String> {
    let output = Command::new("git").args(line.split(' ')).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script in no other way"
)]
fn of_cargo(variable: &str) -> String {
    std::env::var(variable).unwrap_or_default()
}
