//! The pages: files that were built from `web/` and stand in the program. A path is a file's exact name, or else a page of the application.

use crate::refusal::Refusal;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

#[cfg(feature = "dashboard")]
pub use embedded::Pages;

/// Without them the API alone is served.
#[cfg(not(feature = "dashboard"))]
#[derive(Default)]
pub struct Pages;

#[cfg(not(feature = "dashboard"))]
impl Pages {
    pub fn page(&self, _: &str, _: &HeaderMap) -> Response {
        let refusal = Refusal::not_found("this program was built without its pages");
        refusal.help("the API is described at /api/openapi.json; the feature `dashboard` builds the pages").into_response()
    }
}

#[cfg(feature = "dashboard")]
mod embedded {
    use super::{HeaderMap, IntoResponse, Refusal, Response};
    use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
    use axum::http::{HeaderName, HeaderValue, StatusCode};
    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use parking_lot::Mutex;
    use std::collections::HashMap;
    use std::io::Write;

    /// One that the build script found: its name, a mark that changes with it, and what is in it.
    type File = (&'static str, &'static str, &'static [u8]);
    include!(concat!(env!("OUT_DIR"), "/files.rs"));

    /// Files that were asked for, packed.
    #[derive(Default)]
    pub struct Pages(Mutex<HashMap<String, Bytes>>);

    const INDEX: &str = "index.html";

    impl Pages {
        pub fn page(&self, path: &str, headers: &HeaderMap) -> Response {
            let name = path.trim_start_matches('/');
            // Files have a dot in their names, pages have none.
            let name = if name.rsplit('/').next().is_some_and(|last| last.contains('.')) { name } else { INDEX };
            match FILES.iter().find(|(file, ..)| *file == name) {
                Some(file) => self.send(name, file, headers),
                None => Refusal::not_found("there is nothing here").into_response(),
            }
        }

        fn send(&self, name: &str, (_, tag, data): &File, headers: &HeaderMap) -> Response {
            // Names of built files hold their hash, so that they never change.
            let cache = if name.starts_with("assets/") { "private, max-age=31536000, immutable" } else { "private, no-cache" };
            let common: [(HeaderName, HeaderValue); 3] = [
                (CACHE_CONTROL, HeaderValue::from_static(cache)),
                (VARY, HeaderValue::from_static("accept-encoding")),
                (ETAG, HeaderValue::from_static(tag)),
            ];
            if headers.get(IF_NONE_MATCH).is_some_and(|t| t.as_bytes() == tag.as_bytes()) {
                return (StatusCode::NOT_MODIFIED, common).into_response();
            }
            let kind = [(CONTENT_TYPE, HeaderValue::from_static(content_type(name)))];
            let takes_gzip = headers.get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("gzip"));
            if takes_gzip && !is_packed(name) {
                let packed_as = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                return (common, kind, packed_as, self.packed(name, data)).into_response();
            }
            (common, kind, *data).into_response()
        }

        fn packed(&self, name: &str, data: &[u8]) -> Bytes {
            if let Some(packed) = self.0.lock().get(name) {
                return packed.clone();
            }
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Memory takes everything that is written.
            let packed = Bytes::from(encoder.write_all(data).and_then(|()| encoder.finish()).unwrap_or_default());
            self.0.lock().insert(name.to_string(), packed.clone());
            packed
        }
    }

    /// Of its own making: packing it again is not worth it.
    fn is_packed(name: &str) -> bool {
        name.ends_with(".woff2") || name.ends_with(".png")
    }

    fn content_type(name: &str) -> &'static str {
        match name.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "json" | "webmanifest" => "application/json",
            "woff2" => "font/woff2",
            "png" => "image/png",
            "ico" => "image/x-icon",
            _ => "application/octet-stream",
        }
    }
}
