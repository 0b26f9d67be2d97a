//! Windows against the same thing written out the long way, over random rows: times before 1970, on the borders, equal, and missing.

use super::{ask, engine, shop, table};
use crate::{Catalog, Session};
use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const MINUTE: i64 = 60_000_000;

#[derive(Debug, Clone)]
struct Row {
    at: Option<i64>,
    key: &'static str,
    x: i64,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Around 1970, often on a whole minute.
    let near = (-600i64..600).prop_map(|m| m * MINUTE);
    let any = -600 * MINUTE..600 * MINUTE;
    let at = prop_oneof![4 => near.prop_map(Some), 4 => any.prop_map(Some), 1 => Just(None), 1 => (-3i64..3).prop_map(Some)];
    let key = prop_oneof![Just("a"), Just("b"), Just("c")];
    prop::collection::vec((at, key, 0i64..10).prop_map(|(at, key, x)| Row { at, key, x }), 0..60)
}

fn with(rows: &[Row]) -> Session {
    let times: Vec<Option<i64>> = rows.iter().map(|r| r.at).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("at", Arc::new(TimestampMicrosecondArray::from(times.clone()).with_timezone("UTC"))),
        ("local", Arc::new(TimestampMicrosecondArray::from(times))),
        ("key", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.key)))),
        ("x", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.x)))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    engine().session(Catalog { relations: vec![table("clean", "t", batch)], ..Catalog::default() }).unwrap()
}

/// Every window, by its definition, that could hold a time of these rows.
fn every(kind: &str, first: i64, second: i64) -> Vec<(i64, i64)> {
    let far = 2_000 * MINUTE;
    let starts = |step: i64, offset: i64| (-far / step..=far / step).map(move |i| i * step + offset);
    match kind {
        "tumble" => starts(first, second).map(|s| (s, s + first)).collect(),
        "hop" => starts(first, 0).map(|s| (s, s + second)).collect(),
        _ => starts(second, 0).flat_map(|s| (1..=second / first).map(move |k| (s, s + k * first))).collect(),
    }
}

fn assigned(rows: &[Row], windows: &[(i64, i64)]) -> Vec<(usize, i64, i64)> {
    let mut out = Vec::new();
    for (id, row) in rows.iter().enumerate() {
        let Some(at) = row.at else { continue };
        out.extend(windows.iter().filter(|(s, e)| *s <= at && at < *e).map(|(s, e)| (id, *s, *e)));
    }
    out.sort_unstable();
    out
}

/// Sessions by merging until nothing merges: each row is `[at, at + gap]`, and what touches is one.
fn sessions(rows: &[Row], gap: i64, with_key: bool) -> Vec<(usize, i64, i64)> {
    let mut all: Vec<(Vec<usize>, i64, i64)> =
        rows.iter().enumerate().filter_map(|(id, r)| r.at.map(|at| (vec![id], at, at + gap))).collect();
    let key = |ids: &[usize]| if with_key { rows[ids[0]].key } else { "" };
    'again: loop {
        for i in 0..all.len() {
            for j in i + 1..all.len() {
                if key(&all[i].0) == key(&all[j].0) && all[i].1 <= all[j].2 && all[j].1 <= all[i].2 {
                    let (ids, start, end) = all.remove(j);
                    all[i].0.extend(ids);
                    (all[i].1, all[i].2) = (all[i].1.min(start), all[i].2.max(end));
                    continue 'again;
                }
            }
        }
        break;
    }
    let mut out: Vec<_> = all.into_iter().flat_map(|(ids, s, e)| ids.into_iter().map(move |id| (id, s, e))).collect();
    out.sort_unstable();
    out
}

fn lines(windows: &[(usize, i64, i64)]) -> Vec<String> {
    windows.iter().map(|(id, s, e)| format!("{id}|{s}|{e}")).collect()
}

/// Count and sum per key and window.
fn totals(rows: &[Row], windows: &[(usize, i64, i64)]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, i64, i64), (i64, i64)> = BTreeMap::new();
    for (id, s, e) in windows {
        let group = groups.entry((rows[*id].key, *s, *e)).or_default();
        (group.0, group.1) = (group.0 + 1, group.1 + rows[*id].x);
    }
    groups.into_iter().map(|((k, s, e), (n, x))| format!("{k}|{s}|{e}|{n}|{x}")).collect()
}

const BOUNDS: &str = "CAST(window_start AS bigint) AS since, CAST(window_end AS bigint) AS until";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn windows_are_what_their_definition_says(rows in rows(), step in 1i64..20, times in 1i64..6, offset in -40i64..40, time in prop_oneof![Just("at"), Just("local")]) {
        let session = with(&rows);
        let (short, long) = (step * MINUTE, step * times * MINUTE);
        let (step_sql, long_sql, offset_sql) =
            (format!("INTERVAL '{step} minutes'"), format!("INTERVAL '{} minutes'", step * times), format!("INTERVAL '{offset} minutes'"));
        let calls = [
            ("tumble", step_sql.clone(), every("tumble", short, 0)),
            ("tumble", format!("{step_sql}, {offset_sql}"), every("tumble", short, offset * MINUTE)),
            ("hop", format!("{step_sql}, {long_sql}"), every("hop", short, long)),
            ("cumulate", format!("{step_sql}, {long_sql}"), every("cumulate", short, long)),
        ];
        for (kind, lengths, windows) in calls {
            let expected = assigned(&rows, &windows);
            let in_from = format!("SELECT id, {BOUNDS} FROM {kind}(t, {time}, {lengths}) ORDER BY 1, 2, 3");
            prop_assert_eq!(ask(&session, &in_from), lines(&expected), "{}", in_from);
            let grouped = format!(
                "SELECT key, {BOUNDS}, count(*), sum(x) FROM t GROUP BY {kind}({time}, {lengths}), key ORDER BY key, window_start, window_end"
            );
            prop_assert_eq!(ask(&session, &grouped), totals(&rows, &expected), "{}", grouped);
            let both = format!(
                "SELECT key, {BOUNDS}, count(*), sum(x) FROM {kind}(t, {time}, {lengths}) GROUP BY window_end, key, window_start ORDER BY 1, 2, 3"
            );
            prop_assert_eq!(ask(&session, &both), totals(&rows, &expected), "{}", both);
        }
    }

    #[test]
    fn sessions_are_rows_that_follow_within_the_gap(rows in rows(), gap in 1i64..40, from in 0i64..5) {
        let session = with(&rows);
        let (micros, gap) = (gap * MINUTE, format!("INTERVAL '{gap} minutes'"));
        let keyed = format!("SELECT id, {BOUNDS} FROM session(t, at, {gap}, key) ORDER BY 1");
        prop_assert_eq!(ask(&session, &keyed), lines(&sessions(&rows, micros, true)));
        let all = format!("SELECT id, {BOUNDS} FROM session(t, at, {gap}) ORDER BY 1");
        prop_assert_eq!(ask(&session, &all), lines(&sessions(&rows, micros, false)));
        // In GROUP BY they are sessions of the rows that WHERE has left.
        let kept: Vec<Row> = rows.iter().map(|r| Row { at: r.at.filter(|_| r.x >= from), ..r.clone() }).collect();
        let grouped = format!(
            "SELECT key, {BOUNDS}, count(*), sum(x) FROM t WHERE x >= {from} GROUP BY key, session(at, {gap}) ORDER BY 1, 2"
        );
        prop_assert_eq!(ask(&session, &grouped), totals(&kept, &sessions(&kept, micros, true)));
        // As gaps and islands.
        let islands = format!(
            "SELECT key, CAST(min(at) AS bigint), CAST(max(at) + {gap} AS bigint), count(*), sum(x) FROM ( \
               SELECT *, sum(new) OVER (PARTITION BY key ORDER BY at, id ROWS UNBOUNDED PRECEDING) AS island FROM ( \
                 SELECT *, CASE WHEN at <= lag(at) OVER (PARTITION BY key ORDER BY at, id) + {gap} THEN 0 ELSE 1 END AS new \
                 FROM t WHERE x >= {from} AND at IS NOT NULL)) GROUP BY key, island ORDER BY 1, 2"
        );
        prop_assert_eq!(ask(&session, &grouped), ask(&session, &islands));
    }
}

fn small() -> Session {
    let rows: Vec<Row> =
        [0, 1, 2, 9, 10, 30].into_iter().map(|m| Row { at: Some(m * MINUTE), key: if m < 10 { "a" } else { "b" }, x: m }).collect();
    with(&rows)
}

#[test]
fn windows_stand_wherever_a_table_does_under_its_name() {
    let session = small();
    let one = ["4|1970-01-01T00:10:00Z|1970-01-01T00:20:00Z"];
    for from in [
        "TUMBLE(clean.t, at, INTERVAL '10 minutes') AS t",
        "tumble(t, t.at, INTERVAL '10 minutes')",
        "tumble(t, DESCRIPTOR(at), INTERVAL '10' MINUTE)",
        "tumble((SELECT * FROM t), at, INTERVAL '10 minutes') AS t",
        "(SELECT * FROM tumble(t, at, INTERVAL '10 minutes')) AS t",
    ] {
        assert_eq!(ask(&session, &format!("SELECT t.id, t.window_start, t.window_end FROM {from} WHERE t.id = 4")), one, "{from}");
    }
    let with = "WITH late AS (SELECT * FROM t WHERE x > 5) SELECT late.id, window_start, window_end FROM tumble(late, at, INTERVAL '10 minutes') WHERE id = 4";
    assert_eq!(ask(&session, with), one);
    session.add_view("late", "SELECT id, at FROM t WHERE x > 5").unwrap();
    assert_eq!(ask(&session, "SELECT late.id, window_start, window_end FROM tumble(late, at, INTERVAL '10 minutes') WHERE id = 4"), one);
    session.add_view("windowed", "SELECT * FROM tumble(late, at, INTERVAL '10 minutes')").unwrap();
    assert_eq!(ask(&session, "SELECT id, window_start, window_end FROM windowed WHERE id = 4"), one);
    assert_eq!(ask(&session, "DESCRIBE windowed")[2..], ["window_start|timestamp with time zone", "window_end|timestamp with time zone"]);
    let joined = "SELECT a.id, b.id FROM tumble(t, at, INTERVAL '10 minutes') a JOIN tumble(t, at, INTERVAL '10 minutes') b \
                  ON a.window_start = b.window_start AND a.id < b.id WHERE a.x > 1 ORDER BY 1, 2";
    assert_eq!(ask(&session, joined), ["2|3"]);
    assert_eq!(
        ask(&session, "SELECT sum(x) FROM t, hop(late, at, INTERVAL '1 minute', INTERVAL '2 minutes') WHERE t.id = late.id"),
        ["98"]
    );
}

#[test]
fn windows_of_windows_have_their_own_bounds() {
    let session = small();
    session.add_view("minutes", "SELECT window_start, window_end, count(*) AS n FROM t GROUP BY tumble(at, INTERVAL '2 minutes')").unwrap();
    let hours = "SELECT window_start, window_end, sum(n) FROM tumble(minutes, window_start, INTERVAL '20 minutes') GROUP BY window_start, window_end ORDER BY 1";
    let expected = ["1970-01-01T00:00:00Z|1970-01-01T00:20:00Z|5", "1970-01-01T00:20:00Z|1970-01-01T00:40:00Z|1"];
    assert_eq!(ask(&session, hours), expected);
    let grouped =
        "SELECT window_start, window_end, sum(n) FROM minutes GROUP BY tumble(window_start, INTERVAL '20 minutes') ORDER BY window_start";
    assert_eq!(ask(&session, grouped), expected);
}

#[test]
fn bounds_are_usable_all_over_a_select_that_groups_by_windows() {
    let session = small();
    let q = |s: &str| ask(&session, s);
    let by = "GROUP BY tumble(at, INTERVAL '10 minutes')";
    assert_eq!(q(&format!("SELECT count(*) FROM t {by} ORDER BY window_end DESC")), ["1", "1", "4"]);
    assert_eq!(q(&format!("SELECT count(*) AS n, window_end - window_start AS long FROM t {by} HAVING window_start > TIMESTAMP '1970-01-01' ORDER BY window_start")).len(), 2);
    assert_eq!(q(&format!("SELECT window_start AS s, max(at - window_start) FROM t {by} ORDER BY s LIMIT 1")).len(), 1);
    assert_eq!(
        q(&format!("SELECT window_start, sum(count(*)) OVER (ORDER BY window_start) FROM t {by} ORDER BY 1"))[2],
        "1970-01-01T00:30:00Z|6"
    );
    assert_eq!(
        q("SELECT key, count(*) FROM t GROUP BY tumble(at, INTERVAL '10 minutes'), window_start, window_end, key ORDER BY window_start")
            .len(),
        3
    );
    assert_eq!(q("SELECT key, window_start, count(*) FROM t GROUP BY tumble(at, INTERVAL '1 day'), ROLLUP(key) ORDER BY 3, 1").len(), 3);
    let inner = "SELECT (SELECT max(window_start) FROM tumble(t, at, INTERVAL '10 minutes')), count(*) FROM t GROUP BY tumble(at, INTERVAL '1 day')";
    assert_eq!(q(inner), ["1970-01-01T00:30:00Z|6"]);
    let joined = "SELECT a.key, window_start, count(*) FROM t a JOIN t b ON a.key = b.key WHERE a.x < 20 GROUP BY a.key, hop(a.at, INTERVAL '5 minutes', INTERVAL '10 minutes') ORDER BY 1, 2";
    assert_eq!(
        q(joined),
        [
            "a|1969-12-31T23:55:00Z|12",
            "a|1970-01-01T00:00:00Z|16",
            "a|1970-01-01T00:05:00Z|4",
            "b|1970-01-01T00:05:00Z|2",
            "b|1970-01-01T00:10:00Z|2"
        ]
    );
    // Headings and types.
    let schema = session.schema_of(&format!("SELECT window_start, window_end, count(*) FROM t {by}")).unwrap();
    assert_eq!(schema.fields()[..2].iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["window_start", "window_end"]);
    assert_eq!(schema.field(0).data_type(), session.columns_of("t").unwrap().field(1).data_type());
}

#[test]
fn a_date_is_its_midnight() {
    let days = Date32Array::from(vec![Some(-1), Some(0), Some(6), Some(7), None]);
    let batch = RecordBatch::try_from_iter_with_nullable([("day", Arc::new(days) as ArrayRef, true)]).unwrap();
    let session = engine().session(Catalog { relations: vec![table("clean", "d", batch)], ..Catalog::default() }).unwrap();
    assert_eq!(
        ask(&session, "SELECT window_start, count(*) FROM d GROUP BY tumble(day, INTERVAL '7 days') ORDER BY 1"),
        ["1969-12-25T00:00:00|1", "1970-01-01T00:00:00|2", "1970-01-08T00:00:00|1"]
    );
    // The first Monday of 1970 was the 5th.
    assert_eq!(
        ask(&session, "SELECT window_start, count(*) FROM d GROUP BY tumble(day, INTERVAL '7 days', INTERVAL '4 days') ORDER BY 1"),
        ["1969-12-29T00:00:00|2", "1970-01-05T00:00:00|2"]
    );
    assert_eq!(
        ask(&session, "SELECT window_end, count(*) FROM d GROUP BY session(day, INTERVAL '1 day') ORDER BY 1"),
        ["1970-01-02T00:00:00|2", "1970-01-09T00:00:00|2"]
    );
}

#[test]
fn what_windows_are_made_of_is_known() {
    let session = small();
    let sql =
        "SELECT window_start, key, sum(x) AS total FROM hop(t, at, INTERVAL '1 minute', INTERVAL '2 minutes') GROUP BY window_start, key";
    let lineage = session.lineage(sql).unwrap();
    let of = |c: &str| lineage.iter().find(|l| l.column == c).unwrap().sources.clone();
    assert_eq!(of("window_start"), [("clean.t".to_string(), "at".to_string())]);
    assert_eq!(of("total"), [("clean.t".to_string(), "x".to_string())]);
    let grouped = session.lineage("SELECT window_end, count(*) AS n FROM t GROUP BY session(at, INTERVAL '1 minute'), key").unwrap();
    assert_eq!(grouped[0].sources, [("clean.t".to_string(), "at".to_string()), ("clean.t".to_string(), "key".to_string())]);
    let names = session.functions();
    assert!(["tumble", "hop", "cumulate", "session", "mad_score"].iter().all(|f| names.iter().any(|n| n == f)));
    assert!(names.iter().all(|n| !n.starts_with('_')), "{names:?}");
    assert!(!session.is_volatile(sql).unwrap());
}

/// The names that live views know windows by.
#[test]
fn windows_are_lowered_to_what_any_engine_knows() {
    let session = small();
    let plan = |sql: &str| super::block_on(session.explain(sql)).unwrap();
    let tumble = plan("SELECT window_start, window_end, count(*) FROM t GROUP BY tumble(at, INTERVAL '1 minute')");
    assert!(tumble.contains("_tumble_start(") && tumble.contains("_window_end(") && tumble.contains("Int64(60000000)"), "{tumble}");
    let hop = plan("SELECT * FROM hop(t, at, INTERVAL '1 minute', INTERVAL '2 minutes')");
    assert!(hop.contains("_hop_windows(") && hop.contains("Unnest"), "{hop}");
    assert!(plan("SELECT * FROM cumulate(t, at, INTERVAL '1 minute', INTERVAL '2 minutes')").contains("_cumulate_windows("));
    let sessions = plan("SELECT * FROM session(t, at, INTERVAL '1 minute', key)");
    assert!(sessions.contains("_session(") && sessions.contains("PARTITION BY [t.key] ORDER BY [t.at ASC NULLS LAST]"), "{sessions}");
    for sql in ["tumble(at, INTERVAL '1 minute')", "session(at, INTERVAL '1 minute')", "hop(at, INTERVAL '1 minute', INTERVAL '1 minute')"]
    {
        let plan = plan(&format!("SELECT count(*) FROM t GROUP BY {sql}"));
        assert!(!plan.contains("_group_window"), "{plan}");
    }
}

/// Functions of the user's go before.
#[test]
fn a_function_of_the_users_keeps_its_name() {
    let mut catalog = super::catalog();
    catalog.functions = vec![("hop".into(), "CREATE FUNCTION hop(n int) RETURNS int RETURN n + 1".into())];
    let session = engine().session(catalog).unwrap();
    assert_eq!(ask(&session, "SELECT hop(3)"), ["4"]);
    let tables = vec![("session".to_string(), "CREATE FUNCTION session(n int) RETURNS TABLE (m int) RETURN (SELECT n + 1)".to_string())];
    let session = engine().session(Catalog { functions: tables, ..super::catalog() }).unwrap();
    assert_eq!(ask(&session, "SELECT m FROM session(3)"), ["4"]);
    assert!(shop().problems("SELECT hop(3)")[0].message.contains("stands in FROM"));
}
