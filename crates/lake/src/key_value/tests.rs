use super::*;

fn at() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("_tidemill/rows.redb");
    (dir, path)
}

fn open(path: &Path) -> KeyValue {
    KeyValue::open(path).unwrap().unwrap()
}

fn fill(store: &KeyValue, mark: &str, rows: &[(&str, &str)]) -> Result<Filled> {
    let batches: Vec<Vec<(String, Vec<u8>)>> =
        rows.chunks(2).map(|c| c.iter().map(|(k, v)| (k.to_string(), v.as_bytes().to_vec())).collect()).collect();
    let mut batches = batches.into_iter().map(Some).chain([None]);
    // After the last one there is nobody to ask.
    store.fill("customers", mark.as_bytes(), 1000, || batches.next().ok_or_else(|| Error::unavailable("gone")))
}

fn get(store: &KeyValue, key: &str) -> Option<(String, Option<String>)> {
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    store.get("customers", key).unwrap().map(|f| (text(f.mark), f.row.map(text)))
}

#[test]
fn a_set_is_what_it_was_filled_with_last_and_only_differences_are_written() {
    let (_dir, path) = at();
    let store = open(&path);
    assert_eq!((get(&store, "a"), store.mark("customers").unwrap()), (None, None));
    let first = fill(&store, "1", &[("", "none"), ("a", "x"), ("b", "y"), ("ba", "z")]).unwrap();
    assert_eq!((first.rows, first.bytes > 0, first.bytes_written > 0), (4, true, true));
    let second = fill(&store, "2", &[("a", "x"), ("ab", "new"), ("ba", "Z"), ("é", "w")]).unwrap();
    assert_eq!((second.rows, second.bytes_written > 0), (4, true));
    let third = fill(&store, "2", &[("a", "x"), ("ab", "new"), ("ba", "Z"), ("é", "w")]).unwrap();
    assert_eq!((third.rows, third.bytes_written), (4, 0), "nothing differs");
    assert_eq!(get(&store, "a"), Some(("2".into(), Some("x".into()))));
    assert_eq!(get(&store, "ba"), Some(("2".into(), Some("Z".into()))));
    assert_eq!(get(&store, "b"), Some(("2".into(), None)));
    assert_eq!(store.keys("customers", "a", 10).unwrap(), ["a", "ab"]);
    assert_eq!(store.keys("customers", "", 3).unwrap(), ["a", "ab", "ba"]);
    assert_eq!(store.keys("others", "", 3).unwrap(), Vec::<String>::new());
    drop(store);
    assert_eq!(get(&open(&path), "é"), Some(("2".into(), Some("w".into()))), "it is kept");
}

#[test]
fn a_filling_that_fails_leaves_everything_as_it_was() {
    let (_dir, path) = at();
    let store = open(&path);
    fill(&store, "1", &[("a", "x")]).unwrap();
    assert!(fill(&store, "2", &[("b", "x"), ("b", "y")]).is_err(), "a key that stands twice");
    assert!(fill(&store, "2", &[("b", "x"), ("a", "y")]).is_err(), "keys in no order");
    assert!(fill(&store, "2", &[("a", &"x".repeat(2000))]).is_err(), "too large");
    let mut n = 0;
    let cut = store.fill("customers", b"2", 1000, || {
        n += 1;
        if n == 2 { Err(Error::unavailable("gone")) } else { Ok(Some(vec![("c".into(), b"z".to_vec())])) }
    });
    assert!(cut.is_err());
    assert_eq!(get(&store, "a"), Some(("1".into(), Some("x".into()))));
    assert_eq!(store.keys("customers", "", 10).unwrap(), ["a"]);
}

#[test]
fn one_process_has_it_and_a_damaged_file_is_begun_anew() {
    let (_dir, path) = at();
    let store = open(&path);
    fill(&store, "1", &[("a", "x")]).unwrap();
    assert!(KeyValue::open(&path).unwrap().is_none(), "it is in use");
    drop(store);
    for damage in [b"no database at all".to_vec(), vec![0u8; 100_000], {
        let mut bytes = std::fs::read(&path).unwrap();
        for at in (4096..bytes.len()).step_by(512) {
            bytes[at] ^= 0xff;
        }
        bytes
    }] {
        std::fs::write(&path, damage).unwrap();
        let store = open(&path);
        assert_eq!(get(&store, "a"), None);
        fill(&store, "2", &[("a", "x")]).unwrap();
        assert_eq!(get(&store, "a"), Some(("2".into(), Some("x".into()))));
    }
}

#[test]
fn sets_that_nobody_wants_any_more_go() {
    let (_dir, path) = at();
    let store = open(&path);
    fill(&store, "1", &[("a", "x")]).unwrap();
    store.keep_only(&["customers".into()]).unwrap();
    assert!(get(&store, "a").is_some());
    store.keep_only(&[]).unwrap();
    assert_eq!((get(&store, "a"), store.keys("customers", "", 9).unwrap()), (None, Vec::new()));
}

#[test]
fn many_rows_are_found_by_key_and_by_how_it_begins_after_every_change() {
    let (_dir, path) = at();
    let store = open(&path);
    let mut wanted: std::collections::BTreeMap<String, String> = (0..5000).map(|i| (format!("c{i}"), format!("row {i}"))).collect();
    for round in 0..4 {
        let rows: Vec<(String, Vec<u8>)> = wanted.iter().map(|(k, v)| (k.clone(), v.clone().into_bytes())).collect();
        let mut batches = rows.chunks(700).map(<[_]>::to_vec).collect::<Vec<_>>().into_iter();
        let filled = store.fill("customers", b"m", 1 << 20, || Ok(batches.next())).unwrap();
        assert_eq!(filled.rows, wanted.len() as u64);
        assert!(round == 0 || filled.bytes_written < filled.bytes / 20, "{filled:?}");
        for i in 0..5200 {
            let key = format!("c{i}");
            assert_eq!(get(&store, &key).unwrap().1.as_ref(), wanted.get(&key), "{key}");
        }
        for prefix in ["", "c", "c49", "c4999", "d", "b", "c100"] {
            let expected: Vec<String> = wanted.keys().filter(|k| k.starts_with(prefix)).take(50).cloned().collect();
            assert_eq!(store.keys("customers", prefix, 50).unwrap(), expected, "{prefix}");
        }
        wanted.remove(&format!("c{}", round * 1000));
        wanted.insert(format!("c{}", 5100 + round), "new".into());
        wanted.insert("c49".into(), format!("changed {round}"));
    }
}
