//! How a question is bounded and its answer kept, and what is counted of it.

use super::*;

#[tokio::test]
async fn an_answer_is_kept_until_its_data_changes() {
    let shop = shop();
    let path = "/api/dashboards/sales/panels/0";
    let (_, first) = shop.json(path).await;
    assert_eq!(shop.json(path).await.1, first);
    assert_eq!(shop.asked().len(), 1);
    shop.fake.version.store(2, Ordering::SeqCst);
    assert_eq!(shop.json(path).await.1["version"], "2");
    assert_eq!(shop.asked().len(), 1);
}

#[tokio::test]
async fn who_asks_the_same_at_the_same_time_waits_for_one_answer() {
    let shop = shop();
    *shop.fake.slow.lock() = Duration::from_millis(50);
    let path = "/api/dashboards/sales/panels/0";
    let gone = tokio::time::timeout(Duration::from_millis(5), shop.json(path));
    let (gone, a, b) = tokio::join!(gone, shop.json(path), shop.json(path));
    assert!(gone.is_err(), "it went away");
    assert_eq!((a.0, a), (StatusCode::OK, b));
    assert_eq!(shop.asked().len(), 2, "one that was given up, and one for the two others");
}

#[tokio::test]
async fn kept_answers_have_an_end() {
    let shop = shop_within(Limits { kept_bytes: 20_000, ..Limits::default() });
    for n in 0..100 {
        shop.fake.version.store(n, Ordering::SeqCst);
        assert_eq!(shop.json("/api/dashboards/sales/panels/0").await.0, StatusCode::OK);
        let (answers, bytes) = shop.served.answers.kept();
        assert!(bytes <= 20_000 && answers < 40, "{answers} of {bytes} bytes");
    }
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_given_up() {
    let shop = shop_within(Limits { question_max: Duration::from_millis(20), ..Limits::default() });
    *shop.fake.slow.lock() = Duration::from_secs(60);
    let (status, said) = shop.json("/api/dashboards/sales/panels/0").await;
    assert_eq!((status, &said["error"]["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("too_slow")));
    *shop.fake.slow.lock() = Duration::ZERO;
    assert_eq!(shop.json("/api/dashboards/sales/panels/0").await.0, StatusCode::OK, "nothing is left of it");
}

#[tokio::test]
async fn figures_are_as_prometheus_reads_them() {
    let shop = shop();
    shop.get("/api/dashboards/sales/panels/0").await;
    let text = String::from_utf8(bytes(shop.get("/metrics").await).await).expect("text");
    assert!(text.contains("# TYPE tidemill_stream_rows_total counter\ntidemill_stream_rows_total{name=\"or\\\"ders\"} 7\n"), "{text}");
    assert!(text.contains("tidemill_questions_total 1\n"), "{text}");
    assert!(text.contains("tidemill_http_requests_total{status=\"2xx\"} 1\n"), "{text}");
    assert!(!text.contains(TOKEN));
}
