//! Who may ask at all, and of what a request may be.

use super::*;
use std::path::Path;

#[tokio::test]
async fn everything_but_healthz_wants_the_token() {
    let shop = shop();
    let without = |path: &str| Request::get(path).header("host", "localhost").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(without("/healthz")).await.status(), StatusCode::OK);
    for route in asked_routes().filter(|r| r.path != "/healthz") {
        assert_eq!(shop.send(without(route.path)).await.status(), StatusCode::UNAUTHORIZED, "{}", route.path);
    }
    for page in ["/", "/d/sales", "/assets/x.js", "/?token=0123456789abcdeF", "/?token="] {
        let response = shop.send(without(page)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{page}");
        assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/html"), "{page}");
    }
    let wrong = with_token("/api/project").header("cookie", "tidemill=x");
    assert_eq!(shop.send(wrong.body(Body::empty()).expect("a request")).await.status(), StatusCode::OK, "the header counts");
    let cookie = without("/api/project");
    let (mut parts, body) = cookie.into_parts();
    parts.headers.insert("cookie", format!("a=b; tidemill={TOKEN}").parse().expect("a header"));
    assert_eq!(shop.send(Request::from_parts(parts, body)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_opened_url_sets_the_cookie_and_goes_on_without_the_token() {
    let shop = shop();
    for (path, to) in [("/", "/"), ("/d/sales", "/d/sales"), ("//evil.example/x", "/evil.example/x")] {
        let request = Request::get(format!("http://localhost{path}?token={TOKEN}&s=1")).header("host", "localhost");
        let response = shop.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()["location"], format!("{to}?s=1"));
        let cookie = response.headers()["set-cookie"].to_str().expect("text");
        assert_eq!(cookie, format!("tidemill={TOKEN}; HttpOnly; SameSite=Strict; Path=/"));
    }
}

#[tokio::test]
async fn only_hosts_of_this_machine_are_answered() {
    let shop = shop();
    for (host, status) in [
        ("localhost:5000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:5000", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("10.0.0.1:5000", 421),
        ("", 421),
    ] {
        let request = Request::get("/healthz").header("host", host).body(Body::empty()).expect("a request");
        assert_eq!(shop.send(request).await.status().as_u16(), status, "{host}");
    }
    let none = Request::get("/healthz").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(none).await.status().as_u16(), 421);
}

#[tokio::test]
async fn bodies_and_other_methods_are_refused() {
    let shop = shop();
    let of = |length: &str| with_token("/api/project").header("content-length", length).body(Body::empty()).expect("a request");
    assert_eq!(shop.send(of("70000")).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(shop.send(of("x")).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let chunked = with_token("/api/project").header("transfer-encoding", "chunked").body(Body::empty()).expect("a request");
    assert_eq!(shop.send(chunked).await.status(), StatusCode::LENGTH_REQUIRED);
    for path in ["/api/project", "/", "/healthz"] {
        let post = with_token(path).method("POST").body(Body::empty()).expect("a request");
        assert_eq!(shop.send(post).await.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test]
async fn answers_say_what_a_page_may_do() {
    let response = shop().get("/api/project").await;
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_string();
    assert!(header("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
    assert_eq!((header("x-content-type-options").as_str(), header("referrer-policy").as_str()), ("nosniff", "no-referrer"));
    assert_eq!(header("cache-control"), "no-store");
}

#[test]
fn a_token_is_made_once_and_kept_from_others() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("_tidemill/token");
    let made = Token::kept(&file).expect("a token");
    assert!(made.reveal().len() >= 32);
    assert!(Token::kept(&file).expect("a token").is(made.reveal()));
    assert_eq!(format!("{made:?}"), "Token(…)");
    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("a file");
    assert!(Token::kept(&file).is_err(), "others may read it");
    for wrong in ["short", "has a blank in its middle", "has;a;semicolon;in;it", ""] {
        assert!(Token::given(wrong).is_err(), "{wrong}");
    }
}
