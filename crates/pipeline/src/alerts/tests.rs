use super::*;
use arrow::array::{Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidemill_core::Spanned;
use tidemill_project::spec::{Alert, AlertSeverity, LiveSettings, Sql};

fn alert(key: &[&str], renotify: Option<i64>, cooldown: i64, resolve_after: Option<i64>) -> Alert {
    Alert {
        name: "low".into(),
        file: "alerts/low.sql".into(),
        description: String::new(),
        sql: Sql::default(),
        severity: AlertSeverity::Critical,
        key: key.iter().map(|k| Spanned::new(k.to_string(), 0..0)).collect(),
        every_micros: None,
        renotify_micros: renotify,
        cooldown_micros: cooldown,
        resolve_after_micros: resolve_after,
        actions: Vec::new(),
        live: LiveSettings::default(),
    }
}

fn rows(rows: &[(&str, i64)]) -> RecordBatch {
    let product: StringArray = rows.iter().map(|r| Some(r.0)).collect();
    let stock: Int64Array = rows.iter().map(|r| Some(r.1)).collect();
    RecordBatch::try_from_iter([("product", Arc::new(product) as _), ("stock", Arc::new(stock) as _)]).unwrap()
}

/// `raised a 3 x1`: what, of which product, its stock, which telling.
fn said(told: &[Told]) -> Vec<String> {
    told.iter()
        .map(|t| {
            let row: serde_json::Value = serde_json::from_str(&t.row).unwrap();
            format!("{} {} {} x{}", t.happened.as_str(), row["product"].as_str().unwrap(), row["stock"], t.times)
        })
        .collect()
}

#[test]
fn an_alarm_is_raised_told_again_and_resolved() {
    let mut a = Alarms::new(&alert(&["product"], Some(10), 0, None), false);
    let first = a.rows(&[rows(&[("a", 3), ("b", 1)])], 100).unwrap();
    assert_eq!(said(&first), ["raised a 3 x1", "raised b 1 x1"]);
    assert_eq!((a.standing(), a.due()), (2, Some(110)));
    // The same rows say nothing; another stock is no other alarm, since the product names it.
    assert_eq!(said(&a.rows(&[rows(&[("a", 3), ("b", 1)])], 105).unwrap()), Vec::<String>::new());
    assert_eq!(said(&a.rows(&[rows(&[("a", 2), ("b", 1)])], 109).unwrap()), Vec::<String>::new());
    assert_eq!(said(&a.tick(110)), ["renotified a 2 x2", "renotified b 1 x2"]);
    assert_eq!(said(&a.tick(119)), Vec::<String>::new());
    let last = a.rows(&[rows(&[("b", 1)])], 119).unwrap();
    assert_eq!(said(&last), ["resolved a 2 x3"]);
    assert_eq!((last[0].alarm.as_str(), last[0].raised_at_micros), (first[0].alarm.as_str(), 100));
    assert_eq!(said(&a.rows(&[], 120).unwrap()), ["resolved b 1 x3"]);
    assert_eq!((a.standing(), a.due()), (0, None));
    // Raised anew, it is another alarm.
    let again = a.rows(&[rows(&[("a", 3)])], 130).unwrap();
    assert_ne!(again[0].alarm, first[0].alarm);
}

#[test]
fn what_was_resolved_cools_down_first() {
    let mut a = Alarms::new(&alert(&["product"], None, 50, None), false);
    a.rows(&[rows(&[("a", 3)])], 100).unwrap();
    assert_eq!(said(&a.rows(&[], 110).unwrap()), ["resolved a 3 x2"]);
    assert_eq!(said(&a.rows(&[rows(&[("a", 2)])], 120).unwrap()), Vec::<String>::new());
    assert_eq!(a.due(), Some(160));
    // Still low when the time is over.
    assert_eq!(said(&a.tick(160)), ["raised a 2 x1"]);
    a.rows(&[], 170).unwrap();
    // Low for a moment only: nothing is said.
    a.rows(&[rows(&[("a", 2)])], 180).unwrap();
    a.rows(&[], 190).unwrap();
    assert_eq!(said(&a.tick(300)), Vec::<String>::new());
    assert_eq!(a.due(), None);
}

#[test]
fn a_row_that_cannot_go_away_resolves_its_alarm_in_time() {
    for is_append_only in [true, false] {
        let mut a = Alarms::new(&alert(&["product"], None, 0, Some(60)), is_append_only);
        assert_eq!(said(&a.changes(&rows(&[("a", 900)]), None, 100).unwrap()), ["raised a 900 x1"]);
        // News of the same key keeps it up.
        assert_eq!(said(&a.changes(&rows(&[("a", 950)]), None, 130).unwrap()), Vec::<String>::new());
        assert_eq!(said(&a.tick(189)), Vec::<String>::new());
        assert_eq!(said(&a.tick(190)), ["resolved a 950 x2"]);
        assert_eq!(said(&a.tick(500)), Vec::<String>::new());
        assert_eq!(said(&a.changes(&rows(&[("a", 990)]), None, 600).unwrap()), ["raised a 990 x1"]);
    }
}

#[test]
fn a_crash_changes_no_id() {
    let spec = alert(&["product"], Some(10), 0, None);
    let mut a = Alarms::new(&spec, false);
    let first = a.rows(&[rows(&[("a", 3)])], 100).unwrap();
    let saved = a.save().unwrap();
    let after = |at: i64| {
        let mut a = Alarms::new(&spec, false);
        a.restore(&saved).unwrap();
        a.rows(&[rows(&[("a", 3), ("b", 1)])], at).unwrap()
    };
    let (one, other) = (after(105), after(108));
    assert_eq!((said(&one), one[0].alarm.clone(), one[0].id()), (vec!["raised b 1 x1".to_string()], other[0].alarm.clone(), other[0].id()));
    assert_ne!(one[0].alarm, first[0].alarm);
    // Named by other columns, what stood is resolved.
    let mut a = Alarms::new(&alert(&[], None, 0, None), false);
    a.restore(&saved).unwrap();
    assert_eq!(said(&a.rows(&[rows(&[("a", 3)])], 120).unwrap()), ["raised a 3 x1", "resolved a 3 x2"]);
}

#[test]
fn what_is_told_is_a_row_of_the_system_table() {
    let mut a = Alarms::new(&alert(&["product"], None, 0, None), false);
    let told = a.rows(&[rows(&[("a", 3)])], 1_000_000).unwrap();
    let batch = record("low", &told).unwrap();
    let shown = crate::json_rows(&[batch]).unwrap().remove(0);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (shown["alert"].as_str(), shown["event"].as_str(), shown["severity"].as_str()),
        (Some("low"), Some("raised"), Some("critical"))
    );
    assert_eq!((shown["key"].as_str(), shown["at"].as_str()), (Some(r#"{"product":"a"}"#), Some("1970-01-01T00:00:01Z")));
}

#[test]
fn too_many_alarms_are_an_error_and_not_all_memory() {
    let mut a = Alarms::new(&alert(&[], None, 0, None), false);
    let many: Vec<(&str, i64)> = (0..100_001).map(|i| ("a", i)).collect();
    assert_eq!(a.rows(&[rows(&many)], 1).unwrap_err().kind, tidemill_core::ErrorKind::Limit);
}

/// What must be told, worked out without any state but the times at which things were: the whole past is looked at each time.
/// Since when and last told when an alarm stands, and when the last one was resolved.
type Stood = (Option<(i64, i64)>, Option<i64>);

#[derive(Default)]
struct Reference {
    /// Of each key: its rows, when they last changed.
    keys: BTreeMap<String, (Vec<i64>, i64)>,
    /// Of each key: whether an alarm stands since when, last told when, and when the last one was resolved.
    alarms: BTreeMap<String, Stood>,
}

impl Reference {
    fn step(&mut self, now_rows: &[(String, i64)], now: i64, spec: &Alert) -> Vec<String> {
        let mut new: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (k, v) in now_rows {
            new.entry(k.clone()).or_default().push(*v);
        }
        new.values_mut().for_each(|v| v.sort_unstable());
        let all: std::collections::BTreeSet<String> = self.keys.keys().chain(new.keys()).chain(self.alarms.keys()).cloned().collect();
        let mut out = Vec::new();
        for k in all {
            let rows = new.get(&k).cloned().unwrap_or_default();
            let entry = self.keys.entry(k.clone()).or_default();
            if entry.0 != rows && !rows.is_empty() {
                entry.1 = now;
            }
            entry.0 = rows;
            let active = !entry.0.is_empty() && spec.resolve_after_micros.is_none_or(|after| now - entry.1 < after);
            let (standing, resolved) = self.alarms.entry(k.clone()).or_default();
            let cooling = resolved.is_some_and(|at| now - at < spec.cooldown_micros);
            match standing {
                None if active && !cooling => {
                    *standing = Some((now, now));
                    out.push(format!("raised {k}"));
                }
                Some(_) if !active => {
                    *standing = None;
                    *resolved = Some(now);
                    out.push(format!("resolved {k}"));
                }
                Some((_, told)) if spec.renotify_micros.is_some_and(|r| now - *told >= r) => {
                    *told = now;
                    out.push(format!("renotified {k}"));
                }
                _ => {}
            }
        }
        out.sort();
        out
    }
}

fn named(told: &[Told]) -> Vec<String> {
    let key = |t: &Told| serde_json::from_str::<serde_json::Value>(&t.key).unwrap()["product"].as_str().unwrap().to_string();
    let mut out: Vec<String> = told.iter().map(|t| format!("{} {}", t.happened.as_str(), key(t))).collect();
    out.sort();
    out
}

proptest! {
    /// Whole results, changes and a restart at any moment tell what a look at the whole past does.
    #[test]
    fn what_is_told_follows_from_rows_and_times(
        steps in prop::collection::vec((1i64..15, prop::collection::vec((0usize..3, 0i64..3), 0..5)), 1..40),
        renotify in prop::option::of(1i64..30),
        cooldown in 0i64..30,
        resolve_after in prop::option::of(1i64..30),
        restart in 0usize..40,
    ) {
        let spec = alert(&["product"], renotify, cooldown, resolve_after);
        let mut whole = Alarms::new(&spec, false);
        let mut changed = Alarms::new(&spec, false);
        let mut reference = Reference::default();
        let (mut now, mut before) = (0, Vec::<(String, i64)>::new());
        for (i, (wait, found)) in steps.into_iter().enumerate() {
            now += wait;
            let found: Vec<(String, i64)> = found.into_iter().map(|(k, v)| (["a", "b", "c"][k].to_string(), v)).collect();
            if i == restart {
                let saved = whole.save().unwrap();
                whole = Alarms::new(&spec, false);
                whole.restore(&saved).unwrap();
            }
            let batch = |rows_of: &[(String, i64)]| rows(&rows_of.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>());
            // Changes are consolidated: a row that went and came is no change.
            let (mut came, mut went) = (found.clone(), before.clone());
            came.retain(|r| match went.iter().position(|w| w == r) { Some(at) => { went.remove(at); false } None => true });
            let weights: Int64Array = came.iter().map(|_| 1).chain(went.iter().map(|_| -1)).collect();
            let both: Vec<(String, i64)> = came.iter().chain(&went).cloned().collect();
            let expected = reference.step(&found, now, &spec);
            prop_assert_eq!(&named(&whole.rows(&[batch(&found)], now).unwrap()), &expected);
            prop_assert_eq!(&named(&changed.changes(&batch(&both), Some(&weights), now).unwrap()), &expected);
            prop_assert!(whole.due().is_none_or(|at| at > now));
            before = found;
        }
    }
}
