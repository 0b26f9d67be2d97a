use super::dictionary::{Dictionary, Local};
use super::encode::{hash_text, keys};
use super::*;
use crate::tests::Chunks;
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn text(values: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn texts(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

fn whole(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap()
}

fn looked_at(batch: &RecordBatch, morsel: usize, options: &ProfileOptions) -> Profile {
    profile(&Chunks::new(batch, morsel), options, &Meter::default()).unwrap()
}

fn plain(batch: &RecordBatch) -> Profile {
    looked_at(batch, 100, &ProfileOptions { threads: 2, ..ProfileOptions::default() })
}

fn column<'a>(p: &'a Profile, name: &str) -> &'a ColumnProfile {
    p.columns.iter().find(|c| c.name == name).unwrap()
}

#[test]
fn a_column_of_numbers_has_its_figures() {
    let p = plain(&table(vec![("x", Arc::new(Float64Array::from(vec![Some(1.0), Some(2.0), None, Some(2.0), Some(-3.5), Some(0.0)])))]));
    let c = column(&p, "x");
    assert_eq!((c.rows, c.missing, c.distinct), (6, 1, Distinct { count: 4, exact: true }));
    let n = c.numbers.as_ref().unwrap();
    assert_eq!((n.min, n.max, n.zeros, n.negatives, n.exact, n.decimals), (-3.5, 2.0, 1, 1, true, Some(1)));
    assert!((n.mean - 0.3).abs() < 1e-12);
    assert_eq!(n.quantiles.iter().find(|q| q.0 == 0.5).unwrap().1, 1.0);
    assert_eq!(n.histogram.iter().map(|b| b.count).sum::<u64>(), 5);
    assert_eq!(c.top[0], ("2".to_string(), 2));
}

#[test]
fn an_empty_table_and_empty_columns_are_no_trouble() {
    let p = plain(&table(vec![("a", whole([])), ("b", text(vec![]))]));
    assert_eq!((p.rows, p.findings[0].code), (0, "no_rows"));
    let p = plain(&table(vec![("a", Arc::new(Int64Array::from(vec![None, None]))), ("b", text(vec![None, None]))]));
    assert_eq!(p.findings.iter().filter(|f| f.code == "empty").count(), 2);
    html::page(&p);
}

#[test]
fn duplicates_are_counted_in_all_columns_and_without_a_key() {
    let p = plain(&table(vec![
        ("id", whole(0..200)),
        ("a", whole((0..200).map(|i| i % 190))),
        ("b", texts((0..200).map(|i| format!("v{}", i % 190)))),
    ]));
    assert_eq!(p.duplicates.exact, 0);
    assert_eq!(p.duplicates.ignoring, [("id".to_string(), 10)]);
    assert_eq!(p.keys[0], CandidateKey { columns: vec!["id".into()], duplicates: 0, missing: 0, is_counted: true });
    let twice = table(vec![("a", whole((0..200).map(|i| i % 150))), ("b", text(vec![None; 200]))]);
    assert_eq!(plain(&twice).duplicates.exact, 50);
}

#[test]
fn rows_that_differ_in_spelling_only_are_near_duplicates() {
    let names = ["Café Müller", "cafe muller", "Jonathan Ive", "Jonathon Ive", "Grace Hopper"];
    let p = plain(&table(vec![("name", texts(names.map(String::from))), ("town", texts(["a", "a", "b", "b", "c"].map(String::from)))]));
    let rows: BTreeMap<Option<&str>, u64> = p.duplicates.near.iter().map(|n| (n.column.as_deref(), n.rows)).collect();
    assert_eq!(rows.get(&None), Some(&1), "{:?}", p.duplicates.near);
    assert!(rows[&Some("name")] >= 1, "{:?}", p.duplicates.near);
    // A number that differs makes another row.
    let p = plain(&table(vec![("name", texts(["route 12 north", "route 13 north"].map(String::from))), ("x", whole([1, 1]))]));
    assert!(p.duplicates.near.is_empty());
}

#[test]
fn pairs_that_tell_rows_apart_are_keys() {
    let p = plain(&table(vec![
        ("line", whole((0..600).map(|i| i % 6))),
        ("order", whole((0..600).map(|i| i / 6))),
        ("one", whole(vec![1; 600])),
    ]));
    assert_eq!(p.keys[0], CandidateKey { columns: vec!["line".into(), "order".into()], duplicates: 0, missing: 0, is_counted: true });
}

#[test]
fn a_nearly_unique_column_says_which_rows_break_it() {
    let p = plain(&table(vec![("id", whole((0..500).map(|i| if i == 7 { 8 } else { i }))), ("x", whole((0..500).map(|i| i % 7)))]));
    assert_eq!(p.keys[0], CandidateKey { columns: vec!["id".into()], duplicates: 1, missing: 0, is_counted: true });
    assert_eq!(p.findings[0].code, "key_broken");
}

#[test]
fn what_decides_what_is_found_with_its_violations() {
    let zip = |i: i64| 10_000 + (i * 7919) % 50;
    let city = |i: i64| if i == 3 || i == 404 { "nowhere".to_string() } else { format!("city{}", zip(i) % 20) };
    let noise = |i: i64| (i * 7 + i * i) % 11;
    let p = plain(&table(vec![
        ("zip", whole((0..1000).map(zip))),
        ("city", texts((0..1000).map(city))),
        ("noise", whole((0..1000).map(noise))),
        ("flag", whole((0..1000).map(|i| i64::from(i == 5)))),
    ]));
    let found: Vec<_> = p.dependencies.iter().map(|d| (d.determinant.join("+"), d.dependent.as_str(), d.violations)).collect();
    assert!(found.contains(&("zip".into(), "city", 2)), "{found:?}");
    assert!(found.iter().all(|d| d.1 != "noise" && d.1 != "flag"), "what is random or constant is decided by nothing: {found:?}");
}

#[test]
fn two_columns_may_decide_a_third_together() {
    let p = plain(&table(vec![
        ("shop", whole((0..3000).map(|i| i % 20))),
        ("item", whole((0..3000).map(|i| (i / 20) % 15))),
        ("price", whole((0..3000).map(|i| ((i % 20) * 37 + ((i / 20) % 15) * 101) % 97))),
    ]));
    let both = |d: &&Dependency| d.determinant == ["shop", "item"] && d.dependent == "price";
    assert_eq!(p.dependencies.iter().find(both).map(|d| d.violations), Some(0), "{:?}", p.dependencies);
}

#[test]
fn a_prefix_that_goes_with_a_sign_is_told() {
    let code = |i: i64| if i % 50 == 0 { format!("X{:05}", i) } else { format!("{i:05}") };
    let p = plain(&table(vec![
        ("code", texts((0..2000).map(code))),
        ("n", whole((0..2000).map(|i| if i % 50 == 0 { -1 - i } else { 1 + i % 7 }))),
    ]));
    let f = p.findings.iter().find(|f| f.code == "condition").unwrap();
    assert!(f.text.starts_with("40 rows whose `code` starts with X all have a negative `n`"), "{}", f.text);
    assert_eq!(p.conditions[0].elsewhere, 0);
}

#[test]
fn suspicious_values_are_seen_and_the_innocent_are_not() {
    let mut city: Vec<String> = Vec::new();
    for (name, n) in
        [("Birmingham", 80), ("Montgomery", 60), ("Gadsden", 40), ("birmingham ", 3), ("Montgxmery", 2), ("N/A", 4), ("CafÃ© Town", 1)]
    {
        city.extend(std::iter::repeat_n(name.to_string(), n));
    }
    let n = city.len();
    let mut income: Vec<i64> = (0..n as i64).map(|i| 20_000 + i * 137 % 40_000).collect();
    income[5] = 666_666;
    let sizes = (0..n).map(|i| if i % 20 == 7 { "12 ounce".to_string() } else { format!("{} oz", 10 + i % 9) });
    let p = plain(&table(vec![("city", texts(city)), ("income", whole(income)), ("size", texts(sizes))]));
    let of =
        |name: &str| column(&p, name).suspicious.iter().map(|s| (s.value.as_str(), s.why, s.meant.as_deref())).collect::<BTreeSet<_>>();
    let city = of("city");
    assert!(city.contains(&("Montgxmery", Why::Spelling, Some("Montgomery"))), "{city:?}");
    assert!(city.contains(&("N/A", Why::Placeholder, None)), "{city:?}");
    assert!(city.contains(&("CafÃ© Town", Why::Encoding, Some("Café Town"))), "{city:?}");
    assert!(city.iter().any(|s| s.0 == "birmingham "), "{city:?}");
    assert!(!city.iter().any(|s| ["Birmingham", "Montgomery", "Gadsden"].contains(&s.0)), "{city:?}");
    assert!(of("income").iter().any(|s| s.0 == "666666"), "{:?}", of("income"));
    assert!(of("size").iter().all(|s| s.1 == Why::Unit && s.0.ends_with("ounce") && s.2 == Some("12 oz")), "{:?}", of("size"));
}

#[test]
fn codes_that_differ_in_a_letter_are_different_codes() {
    let values = (0..400).map(|i| if i % 40 == 0 { "84596J".to_string() } else { "84596B".to_string() });
    let p = plain(&table(vec![("code", texts(values))]));
    assert!(column(&p, "code").suspicious.iter().all(|s| s.why != Why::Spelling));
}

#[test]
fn gaps_in_time_are_found_and_free_days_are_none() {
    // Monday to Friday from 2024-01-01, a Monday, without the week of 2024-02-05.
    let days = (0..140i32).filter(|d| d % 7 < 5 && !(35..42).contains(d)).map(|d| Some(19_723 + d));
    let p = plain(&table(vec![("day", Arc::new(days.collect::<Date32Array>()))]));
    let t = &p.time[0];
    assert_eq!((t.unit, t.weekdays_empty.as_slice(), t.empty_units), ("day", ["Saturday", "Sunday"].as_slice(), 5));
    assert_eq!(t.gaps, [("2024-02-03".to_string(), "2024-02-11".to_string(), 5)]);
    let months: Vec<i32> = (0..144)
        .map(|m| {
            (chrono::NaiveDate::from_ymd_opt(1949 + m / 12, m as u32 % 12 + 1, 1).unwrap() - chrono::NaiveDate::default()).num_days() as i32
        })
        .collect();
    let p = plain(&table(vec![("month", Arc::new(Date32Array::from(months)))]));
    assert_eq!((p.time[0].unit, p.time[0].units, p.time[0].empty_units), ("month", 144, 0));
}

#[test]
fn correlations_have_their_known_values() {
    let x: Vec<f64> = (0..500).map(|i| f64::from((i * 37) % 500)).collect();
    let p = plain(&table(vec![
        ("x", Arc::new(Float64Array::from(x.clone()))),
        ("cube", Arc::new(Float64Array::from(x.iter().map(|v| -v * v * v).collect::<Vec<_>>()))),
        ("half", texts(x.iter().map(|v| if *v < 250.0 { "low".to_string() } else { "high".to_string() }))),
        ("same", texts(x.iter().map(|v| if *v < 250.0 { "l".to_string() } else { "h".to_string() }))),
    ]));
    let value = |method, a: &str, b: &str| {
        p.correlations.iter().find(|c| c.method == method && c.left == a && c.right == b).map(|c| c.value).unwrap()
    };
    assert!((value(Method::Spearman, "x", "cube") + 1.0).abs() < 1e-12);
    assert!((value(Method::Pearson, "x", "cube") + 0.9165).abs() < 1e-3);
    assert!((value(Method::CramersV, "half", "same") - 1.0).abs() < 1e-6);
    assert!((value(Method::CorrelationRatio, "half", "x") - 0.866).abs() < 1e-3);
}

#[test]
fn columns_are_compared_by_a_target() {
    let batch = table(vec![
        ("bought", whole((0..1000).map(|i| i64::from(i % 10 == 0 || i % 4 == 1)))),
        ("group", texts((0..1000).map(|i| if i % 4 == 1 { "a".to_string() } else { "b".to_string() }))),
        ("noise", whole((0..1000).map(|i| (i * 7919) % 3))),
    ]);
    let p = looked_at(&batch, 64, &ProfileOptions { target: Some("bought".into()), ..ProfileOptions::default() });
    let t = p.target.unwrap();
    assert_eq!((t.value.as_deref(), t.overall), (Some("1"), 0.35));
    assert_eq!(t.columns[0].column, "group");
    assert_eq!(t.columns[0].groups.iter().find(|g| g.label == "a").unwrap().figure, 1.0);
    let wrong = profile(
        &Chunks::new(&batch, 64),
        &ProfileOptions { target: Some("bougth".into()), ..ProfileOptions::default() },
        &Meter::default(),
    );
    assert_eq!(wrong.unwrap_err().help.as_deref(), Some("did you mean `bought`?"));
}

fn told(p: &Profile, code: &str) -> Vec<String> {
    p.findings.iter().filter(|f| f.code == code).map(|f| f.text.clone()).collect()
}

#[test]
fn what_columns_decide_is_told_once() {
    let place = |i: i64| (i * 7919) % 24;
    let p = plain(&table(vec![
        ("town", texts((0..1200).map(|i| format!("town {}", place(i))))),
        ("code", texts((0..1200).map(|i| format!("K{}", place(i) * 31 % 97)))),
        ("county", texts((0..1200).map(|i| format!("county {}", place(i) % 8)))),
        ("land", texts((0..1200).map(|i| format!("land {}", place(i) % 4)))),
    ]));
    // Both ways in one line; land follows from county, which follows from the town; and no coefficient says it again.
    assert_eq!(
        told(&p, "dependency"),
        [
            "`county` decides `land` in every row",
            "`town` and `code` decide each other in every row",
            "`town` decides `county` in every row"
        ]
    );
    assert!(told(&p, "correlation").is_empty(), "{:#?}", p.findings);
}

#[test]
fn sources_that_differ_are_told_with_the_one_that_does_most() {
    let (sources, flights) = (["alpha", "bravo", "carol", "delta"], 40);
    let at = |i: usize| (sources[i % 4], (i / 4) % flights, i / 4 / flights);
    let gate = |i: usize| {
        let (source, flight, day) = at(i);
        let right = (flight * 7 + day * 3) % 23;
        if source == "delta" && (i / 4).is_multiple_of(2) { format!("G{}", right + 40) } else { format!("G{right}") }
    };
    let n = 4 * flights * 6;
    let p = plain(&table(vec![
        ("source", texts((0..n).map(|i| at(i).0.to_string()))),
        ("flight", texts((0..n).map(|i| format!("F{}", at(i).1)))),
        ("day", whole((0..n).map(|i| at(i).2 as i64))),
        ("gate", texts((0..n).map(gate))),
        ("delay", whole((0..n).map(|i| (i as i64 * 7919) % 61))),
    ]));
    let d = &p.sources[0];
    assert_eq!((d.source.as_str(), d.about.as_slice()), ("source", ["flight".to_string(), "day".to_string()].as_slice()));
    assert_eq!(d.columns, [("gate".to_string(), n as u64 * 7 / 8, n as u64)]);
    assert_eq!(d.worst, Some(("delta".to_string(), n as u64 / 8, n as u64 / 4)));
    assert!(
        told(&p, "sources")[0].contains("`gate` is the majority's in 88 %; \"delta\" differs most (50 % of its cells)"),
        "{:?}",
        told(&p, "sources")
    );
}

#[test]
fn codes_that_lost_something_are_seen() {
    let issn = |i: i64| {
        let (a, b) = (1000 + i % 12 * 613, 2000 + i % 12 * 77);
        if i % 40 == 0 { format!("{a}{b}") } else { format!("{a}-{b}") }
    };
    let zip = |i: i64| {
        let z = ["02139", "63101", "10001", "94103", "00501"][(i % 5) as usize];
        if i % 50 == 0 { "2139".to_string() } else { z.to_string() }
    };
    let pages = |i: i64| match i % 30 {
        0 => "Jun-01".to_string(),
        15 => "8-Dec".to_string(),
        _ => format!("{}-{}", 100 + i, 107 + i),
    };
    let p = plain(&table(vec![
        ("issn", texts((0..600).map(issn))),
        ("zip", texts((0..600).map(zip))),
        ("pages", texts((0..600).map(pages))),
        // A column of dates in words, and one of numbers of several lengths, have lost nothing.
        ("week", texts((0..600).map(|i| format!("{}-Mar", i % 28 + 1)))),
        ("room", texts((0..600).map(|i| format!("{}", [7, 12, 104, 2210][i % 4])))),
    ]));
    let of = |c: &str, why: Why| {
        column(&p, c).suspicious.iter().filter(|s| s.why == why).map(|s| (s.value.clone(), s.meant.clone())).collect::<Vec<_>>()
    };
    assert!(of("issn", Why::Mark).iter().all(|(v, m)| v.len() == 8 && m.as_ref().is_some_and(|m| m.len() == 9 && m.as_bytes()[4] == b'-')));
    assert!(!of("issn", Why::Mark).is_empty());
    assert_eq!(of("zip", Why::Zero), [("2139".to_string(), Some("02139".to_string()))]);
    assert_eq!(of("pages", Why::Dated).len(), 2);
    for (c, why) in [("week", Why::Dated), ("room", Why::Zero), ("pages", Why::Mark)] {
        assert!(of(c, why).is_empty(), "{c}");
    }
}

#[test]
fn a_list_is_no_key_and_mendings_are_those_of_the_rule() {
    let town = |i: i64| match i {
        5 => "Gadsdne".to_string(),
        _ => ["Gadsden", "Montgomery", "Birmingham"][(i % 3) as usize].to_string(),
    };
    // A name that comes again and again.
    let name = |i: i64| if i % 180 == 7 { "Gadsten".to_string() } else { ["Gadsden", "Montgomery"][(i % 2) as usize].to_string() };
    let lines = |i: i64| format!("[{{\"n\":{i}}}]");
    let p = plain(&table(vec![
        ("lines", texts((0..900).map(lines))),
        ("town", texts((0..900).map(town))),
        ("name", texts((0..900).map(name))),
    ]));
    assert!(p.keys.is_empty(), "{:?}", p.keys);
    let made: Vec<(&str, &str)> = p.mendings.iter().map(|m| (m.from.as_str(), m.to.as_str())).collect();
    assert_eq!(made, [("Gadsdne", "Gadsden")]);
    assert!(told(&p, "spelling")[0].contains("\"Gadsdne\" for \"Gadsden\" in 1 row"), "{:?}", told(&p, "spelling"));
    assert!(told(&p, "neighbours")[0].contains("\"Gadsten\" beside \"Gadsden\" in 5 rows"), "{:?}", told(&p, "neighbours"));
}

#[test]
fn identical_and_constant_columns_are_told() {
    let p = plain(&table(vec![("a", whole((0..50).map(|i| i % 9))), ("b", whole((0..50).map(|i| i % 9))), ("c", whole(vec![3; 50]))]));
    assert_eq!(p.identical, [("a".to_string(), "b".to_string())]);
    assert!(p.findings.iter().any(|f| f.code == "constant" && f.column.as_deref() == Some("c")));
}

#[test]
fn only_the_first_rows_are_looked_at_where_asked() {
    let batch = table(vec![("a", whole(0..1000))]);
    let p = looked_at(&batch, 64, &ProfileOptions { limit: Some(100), threads: 4, ..ProfileOptions::default() });
    assert_eq!((p.rows, column(&p, "a").numbers.as_ref().unwrap().max), (100, 99.0));
}

#[test]
fn little_memory_gives_estimates_that_say_so() {
    let n = 60_000i64;
    let batch = table(vec![
        ("id", whole((0..n).map(|i| i * 977 % (1 << 40)))),
        ("name", texts((0..n).map(|i| format!("name number {}", i / 2)))),
        ("kind", texts((0..n).map(|i| ["red", "green", "blue"][(i % 3) as usize].to_string()))),
        ("often", whole((0..n).map(|i| if i % 4 == 0 { 7 } else { i + 100 }))),
    ]);
    let little = ProfileOptions { memory_bytes: 600_000, threads: 2, ..ProfileOptions::default() };
    let p = looked_at(&batch, 4000, &little);
    assert!(p.sampled.is_some_and(|s| s > 1000 && s < n as u64), "{:?}", p.sampled);
    let id = column(&p, "id");
    assert!(!id.distinct.exact && (id.distinct.count as f64 - n as f64).abs() < 0.1 * n as f64, "{:?}", id.distinct);
    let median = id.numbers.as_ref().unwrap().quantiles.iter().find(|q| q.0 == 0.5).unwrap().1;
    let whole_median = 977.0 * (n - 1) as f64 / 2.0;
    assert!((median - whole_median).abs() < 0.1 * whole_median, "{median}");
    assert_eq!(column(&p, "kind").distinct, Distinct { count: 3, exact: true });
    let often = column(&p, "often");
    assert_eq!(often.top[0].0, "7");
    assert!(often.top[0].1 <= n as u64 / 4 && often.top[0].1 + often.top_error >= n as u64 / 4, "{:?} {}", often.top[0], often.top_error);
    // The same whatever the threads.
    let again = looked_at(&batch, 4000, &ProfileOptions { threads: 4, ..little });
    assert_eq!(p.to_json(), again.to_json());
}

#[test]
fn the_page_holds_no_markup_of_the_data() {
    let p = plain(&table(vec![("<b>x", text(vec![Some("<script>alert(1)</script>"), Some("a & b"), Some("a & b")]))]));
    let page = html::page(&p);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("&lt;b&gt;x") && page.contains("a &amp; b"));
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing is fetched");
    for tag in ["div", "table", "article", "svg", "details", "ul", "span"] {
        let (opened, closed) = (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count());
        assert_eq!(opened, closed, "{tag}");
    }
}

#[test]
fn texts_hash_by_all_their_bytes() {
    let all: BTreeSet<u64> = (0..100_000).map(|i| hash_text(&format!("{i}"))).collect();
    assert_eq!(all.len(), 100_000);
    let long: BTreeSet<u64> = (0..64)
        .flat_map(|at| (1..=3u8).map(move |c| (at, c)))
        .map(|(at, c)| {
            let mut t = vec![b'a'; 64];
            t[at] += c;
            hash_text(std::str::from_utf8(&t).unwrap())
        })
        .collect();
    assert_eq!(long.len(), 64 * 3);
    assert_ne!(hash_text("a"), hash_text("a\0"));
    assert_ne!(hash_text(""), hash_text("\0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However the rows are cut, and whatever the threads, the same comes out.
    #[test]
    fn partial_looks_add_up_to_one(
        rows in proptest::collection::vec((proptest::option::of(0i64..40), proptest::option::of("[a-c]{0,2}"), -5.0f64..5.0), 1..300),
        cut in 1usize..97,
    ) {
        let batch = table(vec![
            ("a", Arc::new(rows.iter().map(|r| r.0).collect::<Int64Array>())),
            ("b", Arc::new(rows.iter().map(|r| r.1.as_deref()).collect::<StringArray>())),
            ("c", Arc::new(rows.iter().map(|r| Some((r.2 * 4.0).round() / 4.0)).collect::<Float64Array>())),
        ]);
        let strip = |mut p: Profile| {
            // Means add up in another order.
            for c in &mut p.columns {
                if let Some(n) = &mut c.numbers {
                    n.mean = (n.mean * 1e9).round() / 1e9 + 0.0;
                    n.stddev = (n.stddev * 1e9).round() / 1e9;
                }
            }
            p.to_json()
        };
        let one = strip(looked_at(&batch, 1000, &ProfileOptions::default()));
        let many = strip(looked_at(&batch, cut, &ProfileOptions { threads: 3, ..ProfileOptions::default() }));
        prop_assert_eq!(one, many);
    }

    #[test]
    fn distinct_values_and_duplicates_are_exact(rows in proptest::collection::vec((0i64..30, proptest::option::of(0i64..5)), 1..200)) {
        let batch = table(vec![
            ("a", Arc::new(rows.iter().map(|r| Some(r.0)).collect::<Int64Array>())),
            ("b", Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>())),
        ]);
        let p = looked_at(&batch, 17, &ProfileOptions { threads: 2, ..ProfileOptions::default() });
        let distinct = rows.iter().map(|r| r.0).collect::<BTreeSet<_>>().len() as u64;
        prop_assert_eq!(p.columns[0].distinct, Distinct { count: distinct, exact: true });
        prop_assert_eq!(p.duplicates.exact, (rows.len() - rows.iter().collect::<BTreeSet<_>>().len()) as u64);
    }

    /// Frequent values keep their place in a dictionary that had to let go of values, within the error it states.
    #[test]
    fn frequent_values_survive_a_full_dictionary(seed in 0u64..1000) {
        let mut d = Dictionary::new(false);
        let mut truth: BTreeMap<i64, u64> = BTreeMap::new();
        for part in 0..20u64 {
            let values: Vec<i64> = (0..3000u64).map(|i| {
                let r = super::encode::mix(seed * 1_000_003 + part * 3000 + i);
                if r % 10 < 3 { (r >> 8) as i64 % 5 } else { 1000 + (r >> 8) as i64 % 1_000_000 }
            }).collect();
            values.iter().for_each(|v| *truth.entry(*v).or_insert(0) += 1);
            let array: ArrayRef = whole(values);
            let (keys, missing) = keys(&array).unwrap();
            d.join(&Local::of(&keys, missing, None));
            while d.keys.len() > 4000 {
                d.shrink();
            }
        }
        let (top, error) = d.heaviest(5);
        let found: BTreeSet<i64> = top.iter().map(|t| t.0 as i64).collect();
        prop_assert_eq!(found, (0..5).collect::<BTreeSet<i64>>());
        for (key, _, count) in top {
            let real = truth[&(key as i64)];
            prop_assert!(count <= real && count + error >= real);
        }
        let distinct = truth.len() as f64;
        prop_assert!((d.distinct() as f64 - distinct).abs() < 0.15 * distinct);
    }
}
