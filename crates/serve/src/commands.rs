//! What changes a project: only through [`Commands`], and only for who means it. An order is JSON in the body of a POST that, where it says where it
//! comes from, comes from our own pages: with the cookie alone no page of somebody else's can give one.

use crate::refusal::Refusal;
use crate::server::Served;
use async_trait::async_trait;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tidemill_core::{Error, ErrorKind, Result};

/// Whoever composes the program brings it. What is given here is carried out to its end, even if nobody waits for it any more.
#[async_trait]
pub trait Commands: Send + Sync + 'static {
    /// Tries rows that were set aside again, and brings what depends on them up to date.
    async fn replay(&self, table: &str, code: Option<&str>, column: Option<&str>) -> Result<Replayed>;
}

/// What another try of rows came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub table: String,
    pub tried: u64,
    pub accepted: u64,
    pub still_rejected: u64,
    /// What to know or do next, in words.
    pub next: String,
}

/// The body of a request that changes something.
pub struct Order<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<Arc<Served>> for Order<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, served: &Arc<Served>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        if !is_from_us(&parts.headers) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "foreign", "this comes from a page of somebody else's"));
        }
        if !is_json(&parts.headers) {
            let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "body", "this wants a body in JSON");
            return Err(refusal.help("send `Content-Type: application/json`"));
        }
        let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad_request", message);
        // The head was in time; the body has as long.
        let body = tokio::time::timeout(served.limits.header_max, to_bytes(body, served.limits.body_bytes_max as usize)).await;
        let body = body.map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time"))?;
        let body = body.map_err(|e| bad(format!("the body can't be read: {e}")))?;
        let order = serde_json::from_slice(&body).map_err(|e| bad(format!("the body is not what is wanted here: {e}")))?;
        Ok(Order(order))
    }
}

impl Refusal {
    /// What kept an order from being carried out.
    pub fn of_order(error: &Error) -> Refusal {
        let refusal = Refusal::of(error, false);
        match error.kind {
            ErrorKind::Conflict => Refusal { status: StatusCode::CONFLICT, code: "conflict", ..refusal },
            _ => refusal,
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|k| k.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Browsers say where such a request comes from; programs need not.
fn is_from_us(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or_default());
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return false;
    }
    let host = text(HOST.as_str());
    text(ORIGIN.as_str()).is_none_or(|origin| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|a| host.is_some_and(|h| h.eq_ignore_ascii_case(a)))
    })
}
