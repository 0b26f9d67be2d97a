//! Look-ups by key: what is kept, how old it may be, what is asked of the views instead.

use super::*;
use crate::profiles;
use tokio::task::JoinHandle;

/// Rows by key, as a project gives them to be kept.
pub fn profiles(rows: &[(&str, f64)]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from(rows.iter().map(|(k, _)| *k).collect::<Vec<_>>()));
    let revenue: ArrayRef = Arc::new(Float64Array::from(rows.iter().map(|(_, r)| *r).collect::<Vec<_>>()));
    RecordBatch::try_from_iter([("~key", Arc::clone(&keys)), ("country", keys), ("revenue", revenue)]).expect("a batch")
}

impl Shop {
    fn keep(&self) -> JoinHandle<()> {
        tokio::spawn(profiles::keep(Arc::clone(&self.served), self.served.closing.subscribe()))
    }

    async fn filled(&self, times: u64) {
        reached(&self.served.profiles.counts.fillings, times).await;
    }

    /// Rows could not be kept, so many times.
    async fn given_up(&self, times: u64) {
        reached(&self.served.profiles.counts.failed, times).await;
    }
}

async fn reached(count: &AtomicU64, times: u64) {
    let wait = async {
        while count.load(Ordering::SeqCst) < times {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it comes to it");
}

fn soon() -> Limits {
    Limits { look_profiles: Duration::from_millis(5), ..Limits::default() }
}

#[tokio::test]
async fn entities_are_listed_with_their_pages_and_views() {
    let (_, listed) = shop().json("/api/entities").await;
    assert_eq!(listed, json!({ "entities": [{ "name": "country", "label": "country", "dashboard": "country", "profiles": ["sales"] }] }));
}

#[tokio::test]
async fn without_kept_profiles_the_views_are_asked() {
    let shop = shop();
    let (status, one) = shop.json("/api/entities/country/D%27E%22").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&one["entity"], &one["key"], &one["profiles"][0]["view"]), (&json!("country"), &json!("D'E\""), &json!("sales")));
    let (sql, params) = shop.asked().pop().expect("it was asked");
    assert_eq!(
        (sql.as_str(), params.as_slice()),
        ("SELECT *\nFROM \"sales\"\nWHERE \"country\" = CAST($1 AS VARCHAR)\nLIMIT 1", &["D'E\"".to_string()][..])
    );
    let (_, found) = shop.json("/api/entities/country?q=%25%27_&limit=3").await;
    assert!(found["values"].is_array(), "{found}");
    let (sql, params) = shop.asked().pop().expect("it was asked");
    assert!(sql.contains("starts_with(") && sql.ends_with("LIMIT 3") && params == ["%'_"], "{sql} {params:?}");
}

#[tokio::test]
async fn what_is_kept_is_told_until_it_is_too_old_and_filled_again_when_somebody_wants_it() {
    let shop = shop_within(soon());
    *shop.fake.profile_rows.lock() = profiles(&[("AT", 1.0), ("DE", 2.5), ("DK", f64::NAN)]);
    let keeping = shop.keep();
    shop.filled(1).await;
    assert_eq!(shop.asked().len(), 1, "the rows are read once");
    let (_, one) = shop.json("/api/entities/country/DE").await;
    assert_eq!(one["profiles"][0]["row"], json!(["DE", 2.5]));
    assert_eq!(shop.json("/api/entities/country?q=D").await.1, json!({ "values": ["DE", "DK"] }));
    assert_eq!(shop.json("/api/entities/country?limit=1").await.1, json!({ "values": ["AT"] }));
    let (status, said) = shop.json("/api/entities/country/FR").await;
    assert_eq!((status, &said["error"]["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    assert!(shop.asked().is_empty(), "no view is asked");

    *shop.fake.profile_rows.lock() = profiles(&[("DE", 3.0), ("FR", 1.0)]);
    shop.fake.version.store(2, Ordering::SeqCst);
    let (_, old) = shop.json("/api/entities/country/DE").await;
    assert_eq!((&old["profiles"][0]["row"], &old["version"]), (&json!(["DE", 2.5]), &one["version"]), "it says of when it is");
    shop.filled(2).await;
    let (_, new) = shop.json("/api/entities/country/DE").await;
    assert_eq!(new["profiles"][0]["row"], json!(["DE", 3.0]));
    assert_ne!(new["version"], one["version"]);
    assert_eq!(shop.json("/api/entities/country/AT").await.0, StatusCode::NOT_FOUND);

    // An hour later nothing that is kept is good any more.
    shop.fake.version.store(3, Ordering::SeqCst);
    shop.fake.now.store(3_600_000_000, Ordering::SeqCst);
    shop.served.closing.send_replace(true);
    keeping.await.expect("it ends");
    shop.asked();
    assert_eq!(shop.json("/api/entities/country/DE").await.0, StatusCode::OK);
    assert_eq!(shop.asked().len(), 1, "the view is asked");
}

#[tokio::test]
async fn a_key_that_stands_twice_is_asked_of_the_view_until_it_stands_once() {
    let shop = shop_within(soon());
    *shop.fake.profile_rows.lock() = profiles(&[("AT", 1.0), ("DE", 1.0), ("DE", 2.0)]);
    let _keeping = shop.keep();
    shop.given_up(1).await;
    for key in ["AT", "DE"] {
        let (status, one) = shop.json(&format!("/api/entities/country/{key}")).await;
        assert_eq!((status, &one["profiles"][0]["row"][1]), (StatusCode::OK, &json!("=1+1")), "{key}: as the view says");
    }
    let counts = &shop.served.profiles.counts;
    let counted = |count: &AtomicU64| count.load(Ordering::SeqCst);
    assert_eq!((counted(&counts.fillings), counted(&counts.from_kept), counted(&counts.from_views)), (0, 0, 2));

    // Other rows are tried, the same ones only once.
    *shop.fake.profile_rows.lock() = profiles(&[("AT", 1.0), ("DE", 2.0)]);
    shop.fake.version.store(2, Ordering::SeqCst);
    assert_eq!(shop.json("/api/entities/country/DE").await.0, StatusCode::OK);
    shop.filled(1).await;
    assert_eq!((counted(&counts.fillings), counted(&counts.failed)), (1, 1));
    let (_, once) = shop.json("/api/entities/country/DE").await;
    assert_eq!(once["profiles"][0]["row"], json!(["DE", 2.0]));
    assert_eq!(counted(&counts.from_kept), 1);

    // When it stands twice again, what is kept stays as it was, and says of when it is.
    *shop.fake.profile_rows.lock() = profiles(&[("DE", 3.0), ("DE", 4.0), ("FR", 1.0)]);
    shop.fake.version.store(3, Ordering::SeqCst);
    assert_eq!(shop.json("/api/entities/country/DE").await.0, StatusCode::OK);
    shop.given_up(2).await;
    let (_, still) = shop.json("/api/entities/country/DE").await;
    assert_eq!((&still["profiles"][0]["row"], &still["version"]), (&json!(["DE", 2.0]), &once["version"]));
}

#[tokio::test]
async fn rows_that_are_too_many_are_asked_of_the_view() {
    let shop = shop_within(Limits { profile_bytes: 1, ..soon() });
    *shop.fake.profile_rows.lock() = profiles(&[("DE", 1.0)]);
    let _keeping = shop.keep();
    shop.given_up(1).await;
    let (status, one) = shop.json("/api/entities/country/DE").await;
    assert_eq!((status, &one["profiles"][0]["row"][1]), (StatusCode::OK, &json!("=1+1")));
}

#[tokio::test]
async fn of_no_rows_it_is_kept_that_there_are_none() {
    let shop = shop_within(soon());
    let _keeping = shop.keep();
    shop.filled(1).await;
    shop.asked();
    assert_eq!(shop.json("/api/entities/country/DE").await.0, StatusCode::NOT_FOUND);
    assert!(shop.asked().is_empty(), "no view is asked for it");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_made_anew() {
    let shop = shop_within(soon());
    let file = shop.fake.about().profiles;
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
    std::fs::write(&file, "=HYPERLINK(\"x\")".repeat(1000)).expect("a file");
    *shop.fake.profile_rows.lock() = profiles(&[("DE", 2.5)]);
    let _keeping = shop.keep();
    shop.filled(1).await;
    assert_eq!(shop.json("/api/entities/country/DE").await.1["profiles"][0]["row"], json!(["DE", 2.5]));
}

#[tokio::test]
async fn names_from_outside_find_nothing_and_do_nothing() {
    let shop = shop();
    for path in ["orders", "orders/1", "none/x", "..%2f..%2fetc", "%00/x", "country%22--/x", "country/", "country/a/b"] {
        assert_eq!(shop.json(&format!("/api/entities/{path}")).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let long = "x".repeat(20_000);
    assert_eq!(shop.json(&format!("/api/entities/country/{long}")).await.0, StatusCode::NOT_FOUND);
    for query in ["limit=x", "limit=-1", "k=1", &format!("q={long}")] {
        assert_eq!(shop.json(&format!("/api/entities/country?{query}")).await.0, StatusCode::BAD_REQUEST);
    }
    assert!(shop.asked().is_empty());
}
