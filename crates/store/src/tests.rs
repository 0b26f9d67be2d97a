use super::*;
use futures::StreamExt;
use object_store::{ObjectStoreExt, PutMode, PutPayload};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::local(&dir.path().join("a/b")).unwrap();
    (dir, store)
}

#[test]
fn an_object_is_created_once_and_replaced_at_will() {
    let (_dir, store) = store();
    assert_eq!(store.read("x/y.json").unwrap(), None);
    assert!(store.create("x/y.json", b"one").unwrap());
    assert!(!store.create("x/y.json", b"two").unwrap());
    assert_eq!(store.read("x/y.json").unwrap().unwrap(), "one");
    store.replace("x/y.json", b"three").unwrap();
    assert_eq!(store.read("x/y.json").unwrap().unwrap(), "three");
    assert_eq!(store.names("x").unwrap(), ["y.json"]);
    store.remove("x/y.json").unwrap();
    store.remove("x/y.json").unwrap();
    assert!(store.names("x").unwrap().is_empty());
    assert!(store.names("nowhere").unwrap().is_empty());
}

#[test]
fn a_data_file_never_overwrites() {
    use std::io::Write;
    let (_dir, store) = store();
    let mut f = store.create_file("t/part-1.parquet").unwrap().unwrap();
    f.write_all(b"data").unwrap();
    f.finish().unwrap();
    assert!(store.create_file("t/part-1.parquet").unwrap().is_none());
    store.create_file("t/part-2.parquet").unwrap().unwrap().discard();
    assert_eq!(store.names("t").unwrap(), ["part-1.parquet"]);
}

#[test]
fn leftovers_are_hidden_and_swept() {
    let (_dir, store) = store();
    std::fs::write(store.root().join("m.json#1234000001"), "torn").unwrap();
    assert!(store.names("").unwrap().is_empty());
    assert_eq!(store.sweep(0).unwrap(), 0);
    assert_eq!(store.sweep(i64::MAX).unwrap(), 1);
}

#[tokio::test]
async fn the_object_store_creates_once_and_uploads_whole() {
    let (_dir, store) = store();
    let objects = store.objects();
    let path = object_store::path::Path::from("log/0.json");
    objects.put_opts(&path, PutPayload::from_static(b"a"), PutMode::Create.into()).await.unwrap();
    let taken = objects.put_opts(&path, PutPayload::from_static(b"b"), PutMode::Create.into()).await;
    assert!(matches!(taken, Err(object_store::Error::AlreadyExists { .. })));
    assert_eq!(objects.get(&path).await.unwrap().bytes().await.unwrap(), "a");

    let big = object_store::path::Path::from("big.bin");
    let mut upload = objects.put_multipart(&big).await.unwrap();
    upload.put_part(PutPayload::from_static(b"one ")).await.unwrap();
    assert_eq!(objects.list(None).count().await, 1, "an unfinished upload is not listed");
    upload.put_part(PutPayload::from_static(b"two")).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(objects.get(&big).await.unwrap().bytes().await.unwrap(), "one two");

    let to = object_store::path::Path::from("moved.bin");
    objects.rename_if_not_exists(&big, &to).await.unwrap();
    objects.copy(&to, &big).await.unwrap();
    assert!(matches!(objects.copy_if_not_exists(&big, &to).await, Err(object_store::Error::AlreadyExists { .. })));
    assert_eq!(store.names("").unwrap(), ["big.bin", "log", "moved.bin"]);
    drop(objects.put_multipart(&path).await.unwrap());
    assert_eq!(std::fs::read_dir(store.root().join("log")).unwrap().count(), 1, "a dropped upload leaves nothing");
}

#[test]
fn a_directory_takes_the_place_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let (new, at) = (dir.path().join(".t.tmp"), dir.path().join("t"));
    for (i, wanted) in [(1, vec!["1"]), (2, vec!["2"])] {
        std::fs::create_dir_all(&new).unwrap();
        std::fs::write(new.join(i.to_string()), b"x").unwrap();
        durable::replace_directory(&new, &at).unwrap();
        let names: Vec<String> = std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(names, wanted);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_switched_and_never_takes_the_place_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("a/b")).unwrap();
    for name in ["a/b/1", "a/2"] {
        std::fs::write(at(name), name).unwrap();
        durable::link_over(&at(name), &at("links/latest")).unwrap();
        assert_eq!(std::fs::read_to_string(at("links/latest")).unwrap(), name);
    }
    assert_eq!(std::fs::read_link(at("links/latest")).unwrap().to_str(), Some("../a/2"));
    assert!(durable::link_over(&at("a/b/1"), &at("a/2")).unwrap_err().what.contains("is no link"));
    assert_eq!(std::fs::read_to_string(at("a/2")).unwrap(), "a/2");
}
