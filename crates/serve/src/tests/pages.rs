//! The application in the browser.

use super::*;

#[cfg(feature = "dashboard")]
#[tokio::test]
#[allow(clippy::print_stdout)] // a test that cannot run says so
async fn a_path_is_a_file_by_its_exact_name_or_a_page() {
    let shop = shop();
    for path in ["/assets/none.js", "/assets/../index.html", "/assets/..%2findex.html", "/.env", "/x/index.html"] {
        let response = shop.get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let page = shop.get("/").await;
    if page.status() == StatusCode::NOT_FOUND {
        println!("skipped: pages, because web/ was not there when the program was built");
        return;
    }
    let tag = page.headers()["etag"].clone();
    assert_eq!(page.headers()["cache-control"], "private, no-cache");
    let index = bytes(page).await;
    assert_eq!(bytes(shop.get("/d/sales").await).await, index, "the application finds its page by itself");
    let again = with_token("/e/customer_id/7").header("if-none-match", tag).body(Body::empty()).expect("a request");
    assert_eq!(shop.send(again).await.status(), StatusCode::NOT_MODIFIED);
    let text = String::from_utf8(index).expect("text");
    let asset = text.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).expect("a script");
    let packed = shop.send(with_token(asset).header("accept-encoding", "br, gzip").body(Body::empty()).expect("a request")).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["content-type"], "text/javascript; charset=utf-8");
    assert!(packed.headers()["cache-control"].to_str().expect("text").contains("immutable"));
}
