//! The operator's page, served from the binary by the admin listener. It holds no secret:
//! it requests its data from that listener with the token that the operator types.

use super::assets::find;
use super::{IMMUTABLE, REVALIDATE, Reply, made, unsecured};
use hyper::HeaderMap;

/// Page of a build without the page.
const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>sshard operator</title>\
<p>The admin listener runs, but this build has no page for it: it was made without Node.\
<p>Install Node 20 or newer, run <code>make web</code>, and build again. \
Without it there are <code>sshard sessions</code>, <code>/stats</code> and <code>/metrics</code>.";

/// Returns whether a path belongs to the page.
pub(crate) fn has(path: &str) -> bool {
    path == "/" || path.starts_with("/assets/")
}

/// Returns the response to a GET or HEAD of a path for which [`has`] is true; `None` if no file has
/// it. The caller sets the headers of [`super::secure_operator`].
pub(crate) fn answer(path: &str, headers: &HeaderMap) -> Option<Reply> {
    if path != "/" {
        let asset = find(&format!("operator{path}"))?;
        return Some(unsecured(&asset, headers, IMMUTABLE));
    }
    let page = find("operator/index.html").map(|page| unsecured(&page, headers, REVALIDATE));
    Some(page.unwrap_or_else(|| made(NOT_BUILT.into(), "text/html; charset=utf-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_root_and_its_assets_are_the_pages() {
        for (path, expected) in [
            ("/", true),
            ("/assets/page.js", true),
            ("/assets", false),
            ("/stats", false),
            ("//", false),
        ] {
            assert_eq!(has(path), expected, "{path}");
        }
    }

    /// The terminal page's files are beside the operator's.
    #[test]
    fn no_spelling_of_an_asset_leads_out_of_the_pages_folder() {
        for path in [
            "/assets/../index.html",
            "/assets/",
            "/assets/../../index.html",
        ] {
            assert!(answer(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }
}
