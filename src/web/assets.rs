//! The files of the page in the binary, each also compressed by gzip and brotli.
//!
//! Does not read files at run time, and compresses nothing: `make web` does.

use crate::words::words;
use hyper::header::{GetAll, HeaderValue};
use rust_embed::RustEmbed;
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "src/web/dist/"]
// Built without Node, the folder has no page.
#[allow_missing = true]
struct Files;

words! {
    /// A content coding (RFC 9110 section 8.4.1), the preferred one first.
    pub(super) enum Encoding {
        Brotli = "br",
        Gzip = "gzip",
    }
}

impl Encoding {
    fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }
}

/// One file of the page.
pub(super) struct Asset {
    name: String,
    plain: &'static [u8],
    hash: [u8; 32],
    pub(super) media_type: &'static str,
}

/// Finds a file by its exact name; the compressed forms have no names of their own.
pub(super) fn find(name: &str) -> Option<Asset> {
    let media_type = media_type(name)?;
    let file = Files::get(name)?;
    Some(Asset {
        plain: borrowed(file.data)?,
        hash: file.metadata.sha256_hash(),
        name: name.to_owned(),
        media_type,
    })
}

impl Asset {
    /// Returns the body in the best encoding that the client takes.
    pub(super) fn encoded(
        &self,
        accepted: GetAll<'_, HeaderValue>,
    ) -> (Option<Encoding>, &'static [u8]) {
        let accepted: Vec<&str> = accepted.iter().filter_map(|v| v.to_str().ok()).collect();
        for encoding in Encoding::ALL.iter().copied() {
            if accepts(&accepted, encoding.as_str())
                && let Some(file) = Files::get(&format!("{}{}", self.name, encoding.suffix()))
                && let Some(bytes) = borrowed(file.data)
            {
                return (Some(encoding), bytes);
            }
        }
        (None, self.plain)
    }

    /// Returns the entity tag: another one for each encoding (RFC 9110 section 8.8.3).
    pub(super) fn tag(&self, encoding: Option<Encoding>) -> String {
        let hash = self.hash.iter().take(12);
        let hash: String = hash.map(|b| format!("{b:02x}")).collect();
        format!("\"{hash}-{}\"", encoding.map_or("plain", Encoding::as_str))
    }
}

/// Unwraps the slice: files in the binary are never owned.
fn borrowed(data: Cow<'static, [u8]>) -> Option<&'static [u8]> {
    match data {
        Cow::Borrowed(bytes) => Some(bytes),
        Cow::Owned(_) => None,
    }
}

fn media_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

/// Returns whether Accept-Encoding lists `coding` with another weight than 0.
fn accepts(lines: &[&str], coding: &str) -> bool {
    let mut fields = lines.iter().flat_map(|line| line.split(','));
    fields.any(|field| {
        let mut parts = field.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let mut weights = parts.filter_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
        name.eq_ignore_ascii_case(coding) && !weights.any(|weight| weight <= 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_used_where_it_is_listed_and_not_refused() {
        for (lines, coding, expected) in [
            (&["gzip, deflate, br, zstd"][..], "br", true),
            (&["gzip", "BR"][..], "br", true),
            (&["gzip;q=1.0, br;q=0"][..], "br", false),
            (&["gzip;q=0.000"][..], "gzip", false),
            (&["identity", ""][..], "gzip", false),
            (&["brotli"][..], "br", false),
            (&[][..], "gzip", false),
        ] {
            assert_eq!(accepts(lines, coding), expected, "{lines:?} {coding}");
        }
    }

    #[test]
    fn compressed_forms_and_paths_have_no_names() {
        for name in [
            "",
            "..",
            "index.html.br",
            "assets/../index.html",
            "assets/",
            "/etc/passwd",
        ] {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
