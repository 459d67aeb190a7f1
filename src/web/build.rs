//! Has the crate built again when the page was built, or removed.

fn main() {
    println!("cargo::rerun-if-changed=src/web/dist");
}
