//! Before anything is answered: the host that was called, the token, the size of what came. After: the headers that say what a page may do.

use crate::refusal::Refusal;
use crate::server::Served;
use crate::token::Token;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const COOKIE_NAME: &str = "tidemill";
/// The one path that anybody may ask.
const OPEN: &str = "/healthz";

pub async fn guard(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let mut response = match admit(&served, &request) {
        Ok(()) => next.run(request).await,
        Err(said) => said,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry("cache-control").or_insert(HeaderValue::from_static("no-store"));
    served.metrics.count(response.status());
    response
}

#[allow(clippy::result_large_err)] // it is the answer
fn admit(served: &Served, request: &Request) -> Result<(), Response> {
    let headers = request.headers();
    let called = request.uri().host().or_else(|| headers.get(HOST).and_then(|h| h.to_str().ok()).map(without_port));
    if !called.is_some_and(|host| is_ours(host, served.bound)) {
        let message = "this is not the host that the server was started for";
        let help = "open the URL that `tidemill serve` printed";
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message).help(help).into_response());
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "body", "a body must say how long it is").into_response());
    }
    let length = headers.get(CONTENT_LENGTH).map(|l| l.to_str().ok().and_then(|l| l.parse::<u64>().ok()));
    if length.is_some_and(|l| l.is_none_or(|l| l > served.limits.body_bytes_max)) {
        let message = format!("a body may have {} bytes", served.limits.body_bytes_max);
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body", message).into_response());
    }
    let path = request.uri().path();
    if path == OPEN {
        return Ok(());
    }
    let is_page = !path.starts_with("/api/") && !path.starts_with("/metrics") && !path.starts_with("/readyz");
    if is_page && let Some((said, rest)) = token_in_query(request.uri()) {
        return Err(if served.token.is(&said) { enter(path, &rest, &served.token) } else { shut() });
    }
    if bearer(headers).or_else(|| cookie(headers)).is_some_and(|said| served.token.is(said)) {
        return Ok(());
    }
    Err(if is_page {
        shut()
    } else {
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "this wants the token");
        refusal.help("send `Authorization: Bearer TOKEN`, or open the URL that `tidemill serve` printed").into_response()
    })
}

/// Names of this machine, and the address that was bound: a page of somebody else's can't have its own name resolve to us.
fn is_ours(host: &str, bound: IpAddr) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        // Where every address is listened at, it may be any of them; but never a name.
        Ok(ip) => ip.is_loopback() || ip == bound || bound.is_unspecified(),
        Err(_) => false,
    }
}

fn without_port(host: &str) -> &str {
    match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or(host),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|c| c.to_str().ok()).flat_map(|c| c.split(';'));
    all.filter_map(|c| c.trim().split_once('=')).find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

/// The token, and the query without it.
fn token_in_query(uri: &Uri) -> Option<(String, String)> {
    let parts: Vec<&str> = uri.query()?.split('&').collect();
    let said = parts.iter().find_map(|p| p.strip_prefix("token="))?.to_string();
    let rest: Vec<&str> = parts.into_iter().filter(|p| !p.starts_with("token=")).collect();
    Some((said, rest.join("&")))
}

/// The cookie, and on to the same page without the token in its address.
fn enter(path: &str, rest: &str, token: &Token) -> Response {
    // Two slashes at the beginning would be another host.
    let path = format!("/{}", path.trim_start_matches(['/', '\\']));
    let to = if rest.is_empty() { path } else { format!("{path}?{rest}") };
    let cookie = format!("{COOKIE_NAME}={}; HttpOnly; SameSite=Strict; Path=/", token.reveal());
    let mut response = StatusCode::SEE_OTHER.into_response();
    match (HeaderValue::from_str(&to), HeaderValue::from_str(&cookie)) {
        (Ok(to), Ok(cookie)) => {
            response.headers_mut().insert(LOCATION, to);
            response.headers_mut().insert(SET_COOKIE, cookie);
            response
        }
        _ => Refusal::new(StatusCode::BAD_REQUEST, "bad_request", "this address can't be opened").into_response(),
    }
}

fn shut() -> Response {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
        <title>Tidemill</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;\
        color-scheme:light dark}</style><h1>This page needs its token</h1><p>Open the whole URL that <code>tidemill serve</code> printed when it \
        started: it ends in <code>?token=</code> and the token. The token is also in the lake, in the file <code>_tidemill/token</code>.</p></html>";
    (StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}
