//! Pages that listen.

use super::connections::listening;
use super::*;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn who_listens_is_told_of_what_changed_and_only_the_newest() {
    let shop = shop();
    let response = shop.get("/api/events?dashboard=sales").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(shop.served.metrics.listeners.load(Ordering::Relaxed), 1);
    let mut events = response.into_body().into_data_stream();
    // Much happens while nobody reads: it is one event.
    for n in 2..200 {
        shop.fake.version.store(n, Ordering::SeqCst);
        let versions = crate::pulse::versions(&shop.served);
        shop.served.seen.send_modify(|seen| seen.versions = versions);
    }
    let event = String::from_utf8(events.next().await.expect("an event").expect("bytes").to_vec()).expect("text");
    assert_eq!(event, "event: changed\ndata: {\"panels\":[\"0\",\"1\"]}\n\n");
    shop.served.seen.send_modify(|seen| seen.reloads += 1);
    let event = String::from_utf8(events.next().await.expect("an event").expect("bytes").to_vec()).expect("text");
    assert_eq!(event, "event: reload\ndata: {}\n\n");
    let nothing = tokio::time::timeout(Duration::from_millis(20), events.next()).await;
    assert!(nothing.is_err(), "nothing was left over: {nothing:?}");
    shop.served.closing.send_replace(true);
    assert!(events.next().await.is_none(), "the server closes");
    drop(events);
    assert_eq!(shop.served.metrics.listeners.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn so_many_listen_at_most() {
    let shop = shop_within(Limits { listeners: 2, ..Limits::default() });
    let held = [shop.get("/api/events").await, shop.get("/api/events").await];
    assert_eq!(shop.get("/api/events").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(held);
    assert_eq!(shop.get("/api/events").await.status(), StatusCode::OK);
    assert_eq!(shop.get("/api/events?dashboard=none").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn for_a_page_that_takes_nothing_no_events_pile_up() {
    let site = listening(Limits::default()).await;
    let served = Arc::clone(&site.shop.served);
    let head = format!("GET /api/events?dashboard=sales HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    let mut page = site.send(&head).await;
    while served.metrics.listeners.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    // Each change could be told before the next one comes; together they are far more than all buffers on the way hold.
    for n in 2..20_000 {
        site.shop.fake.version.store(n, Ordering::SeqCst);
        let versions = crate::pulse::versions(&served);
        served.seen.send_modify(|seen| seen.versions = versions);
        tokio::task::yield_now().await;
    }
    served.seen.send_modify(|seen| seen.reloads += 1);
    let (mut told, mut part) = (String::new(), [0; 1 << 14]);
    while !told.contains("event: reload\n") {
        let n = page.read(&mut part).await.expect("events");
        assert!(n > 0, "it ended after {} bytes", told.len());
        told.push_str(&String::from_utf8_lossy(&part[..n]));
    }
    let events = told.matches("event: changed\n").count();
    assert!((2..5_000).contains(&events), "{events} events for who took nothing while they came");
}
