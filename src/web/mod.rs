//! The terminal page and the client library, served from the binary: built by `make web` into
//! `src/web/dist`, embedded at compile time, compressed beforehand. Every answer is a static slice:
//! nothing is copied per request.
//!
//! Does not check who may ask: `http` has checked Host and Origin. Knows no session.

mod assets;
mod headers;
mod operator;

use crate::config::{Config, Origin, PathPrefix};
use assets::{Asset, find};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE,
    ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, ORIGIN, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};

pub(crate) use headers::secure_operator;
pub(crate) use operator::{answer as operator_page, has as is_operator_page};

/// Response of the page.
type Reply = Response<Full<Bytes>>;

/// File name of the page itself.
const PAGE: &str = "index.html";

/// Page of a build without the page.
const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>sshard</title>\
<p>The bridge runs, but this build has no terminal page: it was made without Node.\
<p>Install Node 20 or newer, run <code>make web</code>, and build again.";

/// Caching of a file whose name has a hash of its content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Caching of a file whose content may change: revalidated by its entity tag.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// File name of the client library, for pages of other origins.
const CLIENT: &str = "client.js";

/// Request for a file of the page.
struct Asked<'a> {
    headers: &'a HeaderMap,
    /// The Host header, which `http` has accepted.
    host: &'a HeaderValue,
    config: &'a Config,
}

/// Returns whether this build has the page.
#[cfg(feature = "evaluation")]
pub(crate) fn has_page() -> bool {
    find(PAGE).is_some()
}

/// Returns the response to a GET or HEAD of `path` (whole, with the prefix), or `None` if no file
/// has that path. `host` is the Host header, which `http` has accepted.
pub(crate) fn answer(
    path: &str,
    headers: &HeaderMap,
    host: &HeaderValue,
    config: &Config,
) -> Option<Reply> {
    if !config.web.enabled {
        return None;
    }
    let asked = Asked {
        headers,
        host,
        config,
    };
    let prefix = config.server.path_prefix.as_str();
    let rest = path.strip_prefix(prefix)?;
    match rest {
        "" => Some(to_the_page(&config.server.path_prefix)),
        "/" => Some(page(&asked)),
        "/page.json" => Some(facts(&asked)),
        "/client.js" => find(CLIENT).map(|asset| library(&asset, &asked)),
        _ => rest
            .strip_prefix("/assets/")
            .and_then(|name| find(&format!("assets/{name}")))
            .map(|asset| file(&asset, &asked, IMMUTABLE)),
    }
}

/// Relative addresses in the page need the slash.
fn to_the_page(prefix: &PathPrefix) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::new()));
    *reply.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = HeaderValue::from_str(&format!("{}/", prefix.as_str())) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

fn page(asked: &Asked<'_>) -> Reply {
    if let Some(asset) = find(PAGE) {
        return file(&asset, asked, REVALIDATE);
    }
    let mut reply = made(NOT_BUILT.into(), "text/html; charset=utf-8");
    headers::secure(reply.headers_mut(), asked);
    reply
}

/// Configuration of the page, as JSON: names of targets, if `web.show_targets` is on, and origins
/// that may embed it.
fn facts(asked: &Asked<'_>) -> Reply {
    let config = asked.config;
    let names: Vec<&str> = if config.web.show_targets {
        // An entry is `name=host:port`.
        let named = config.targets.named.iter();
        let names = named.filter_map(|target| target.address.split('=').next());
        names.map(str::trim).collect()
    } else {
        Vec::new()
    };
    let embedders = config.web.embed_origins.iter();
    let embedders: Vec<String> = embedders.map(ToString::to_string).collect();
    let text = serde_json::json!({ "targets": names, "embed_origins": embedders }).to_string();
    let mut reply = made(text.into(), "application/json");
    headers::secure(reply.headers_mut(), asked);
    reply
}

/// Response with the client library, also for pages of `server.allowed_origins`.
fn library(asset: &Asset, asked: &Asked<'_>) -> Reply {
    let mut reply = file(asset, asked, REVALIDATE);
    let fields = reply.headers_mut();
    fields.insert(VARY, HeaderValue::from_static("accept-encoding, origin"));
    let origin = asked.headers.get(ORIGIN);
    let is_listed = |origin: &&HeaderValue| {
        let read = origin.to_str().ok().and_then(Origin::parse);
        read.is_some_and(|origin| asked.config.server.allowed_origins.contains(&origin))
    };
    if let Some(origin) = origin.filter(is_listed) {
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        fields.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }
    reply
}

fn file(asset: &Asset, asked: &Asked<'_>, caching: HeaderValue) -> Reply {
    let mut reply = unsecured(asset, asked.headers, caching);
    headers::secure(reply.headers_mut(), asked);
    reply
}

/// Response with a file, without the security headers.
fn unsecured(asset: &Asset, headers: &HeaderMap, caching: HeaderValue) -> Reply {
    let (encoding, bytes) = asset.encoded(headers.get_all(ACCEPT_ENCODING));
    let tag = asset.tag(encoding);
    let unchanged = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|known| lists(known, &tag));
    let mut reply = if unchanged {
        let mut reply = Response::new(Full::new(Bytes::new()));
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        reply
    } else {
        Response::new(Full::new(Bytes::from_static(bytes)))
    };
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    fields.insert(CACHE_CONTROL, caching);
    fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        fields.insert(
            CONTENT_ENCODING,
            HeaderValue::from_static(encoding.as_str()),
        );
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        fields.insert(ETAG, tag);
    }
    reply
}

/// Returns whether an If-None-Match header has this tag (RFC 9110 section 13.1.2: weak comparison).
fn lists(known: &HeaderValue, tag: &str) -> bool {
    known.to_str().is_ok_and(|list| {
        list.split(',')
            .map(|one| one.trim().trim_start_matches("W/"))
            .any(|one| one == "*" || one == tag)
    })
}

/// Response that is in no file and not to be kept, without the security headers.
fn made(body: Bytes, media_type: &'static str) -> Reply {
    let mut reply = Response::new(Full::new(body));
    let fields = reply.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
