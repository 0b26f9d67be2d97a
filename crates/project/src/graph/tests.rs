use super::*;
use crate::Environment;

/// A project of `files`, and its graph.
fn build(files: &[(&str, &str)]) -> (Graph, Vec<Problem>) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [("tidemill.toml", "name = \"t\"\n")].iter().chain(files) {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let (project, problems) = crate::load(dir.path(), &Environment::default());
    assert_eq!(problems, []);
    graph(&project)
}

const TABLE: &str = "[source]\npath = \"x.csv\"\n";

fn shop() -> Graph {
    let (g, problems) = build(&[
        ("tables/orders.toml", TABLE),
        ("tables/customers.toml", TABLE),
        ("tables/countries.toml", "raw = \"source\"\n[source]\npath = \"c.csv\"\n"),
        ("views/revenue.sql", "SELECT sum(x) AS x FROM orders"),
        ("views/top.sql", "--! materialized = \"table\"\nWITH c AS (SELECT * FROM customers) SELECT * FROM c JOIN revenue ON true"),
        ("views/checks.sql", "SELECT * FROM quarantine.orders, system.runs, clean.countries"),
        ("exports/out.toml", "from = \"top\"\n[to]\npath = \"o.csv\"\n"),
    ]);
    assert_eq!(problems, []);
    g
}

#[test]
fn nodes_come_after_what_they_depend_on() {
    let g = shop();
    let names: Vec<&str> = g.nodes.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(
        names,
        ["raw.customers", "raw.orders", "clean.countries", "clean.customers", "clean.orders", "checks", "revenue", "top", "export.out"]
    );
    assert_eq!(
        g.node("top").map(|n| (n.kind, n.depends_on.clone())),
        Some((NodeKind::Table, vec!["clean.customers".into(), "revenue".into()]))
    );
    assert_eq!(g.node("checks").unwrap().depends_on, ["clean.countries"]);
    assert_eq!(g.resolve("orders").map(|n| n.name.as_str()), Some("clean.orders"));
    assert!(g.broken.is_empty());
}

#[test]
fn selectors_mean_what_dbt_means_by_them() {
    let g = shop();
    let select =
        |s: &[&str]| -> Vec<String> { g.select(&s.iter().map(|s| s.to_string()).collect::<Vec<_>>()).unwrap().into_iter().collect() };
    assert_eq!(select(&[]).len(), 9);
    assert_eq!(select(&["orders"]), ["clean.orders"]);
    assert_eq!(select(&["orders+"]), ["clean.orders", "export.out", "revenue", "top"]);
    assert_eq!(select(&["orders+1"]), ["clean.orders", "revenue"]);
    assert_eq!(select(&["+revenue"]), ["clean.orders", "raw.orders", "revenue"]);
    assert_eq!(select(&["1+top"]), ["clean.customers", "revenue", "top"]);
    assert_eq!(select(&["+revenue+"]), ["clean.orders", "export.out", "raw.orders", "revenue", "top"]);
    assert_eq!(select(&["raw.*", "revenue"]), ["raw.customers", "raw.orders", "revenue"]);
    assert_eq!(select(&["c*"]), ["checks", "clean.countries", "clean.customers", "clean.orders"]);
    assert_eq!(select(&["+top,orders+"]), ["clean.orders", "revenue", "top"]);
    assert_eq!(select(&["out"]), ["export.out"]);
    let p = g.select(&["ordes+".into()]).unwrap_err();
    assert_eq!((p.code, p.help.as_deref()), ("TM0503", Some("did you mean `orders+`?")));
    assert!(g.select(&["zz*".into()]).is_err());
}

#[test]
fn circles_are_told_once_with_the_way_round() {
    let (g, problems) = build(&[
        ("views/a.sql", "SELECT * FROM b"),
        ("views/b.sql", "SELECT * FROM c"),
        ("views/c.sql", "SELECT * FROM a JOIN b ON true"),
        ("views/d.sql", "SELECT * FROM d"),
        ("views/e.sql", "SELECT * FROM a"),
    ]);
    let messages: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(messages, ["`a` depends on itself: a → b → c → a", "`d` reads itself"]);
    assert_eq!(problems[0].place, Place::span("views/a.sql", 14..15));
    assert_eq!(g.nodes.len(), 5);
    assert_eq!(g.broken.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
}

#[test]
fn repair_to_another_tables_column_is_an_edge() {
    let repair = |to: &str| format!("{TABLE}[[clean]]\nrule = \"repair\"\ncolumn = \"country\"\nto_column = \"{to}\"\n");
    let (g, problems) = build(&[("tables/a.toml", &repair("b.name")), ("tables/b.toml", TABLE)]);
    assert_eq!(problems, []);
    assert_eq!(g.node("clean.a").unwrap().depends_on, ["clean.b", "raw.a"]);
    let (_, problems) = build(&[("tables/a.toml", &repair("clean.b.name")), ("tables/b.toml", &repair("clean.a.name"))]);
    assert_eq!(problems[0].message, "`clean.a` depends on itself: clean.a → clean.b → clean.a");
    let (_, problems) = build(&[("tables/a.toml", &repair("clean.bb.name")), ("tables/b.toml", TABLE)]);
    assert_eq!((problems[0].code, problems[0].help.as_deref()), ("TM0308", Some("did you mean `clean.b`?")));
}

#[test]
fn names_that_mean_nothing_or_two_things_are_told() {
    let (g, problems) = build(&[
        ("tables/orders.toml", TABLE),
        ("tables/kept.toml", "raw = \"source\"\n[source]\npath = \"c.csv\"\n"),
        ("views/orders.sql", "SELECT 1 AS x"),
        (
            "views/v.sql",
            "--! tests = [{ relationships = { column = \"x\", to = \"ordrs\", to_column = \"y\" } }]\nSELECT * FROM raw.kept, system.rns, raww.orders",
        ),
        ("exports/e.toml", "from = \"nothing_like_it\"\n[to]\npath = \"o.csv\"\n"),
    ]);
    let told: Vec<String> = problems.iter().map(|p| format!("{} {} ({})", p.code, p.message, p.help.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        told,
        [
            "TM0403 there is no view or table `nothing_like_it` (there are `kept`, `orders` and `v`)",
            "TM0502 `orders` is both a view and a table (rename one of them: views/orders.sql or tables/orders.toml)",
            "TM0403 there is no view or table `ordrs` (did you mean `orders`?)",
            "TM0504 `raw.kept` is not kept, since the table says `raw = \"source\"` (read `clean.kept`, or write `raw = \"keep\"` in tables/kept.toml)",
            "TM0403 there is no view or table `system.rns` (did you mean `system.runs`?)",
            "TM0403 there is no view or table `raww.orders` (did you mean `raw.orders`?)",
        ]
    );
    assert_eq!(g.broken.iter().map(String::as_str).collect::<Vec<_>>(), ["export.e", "v"]);
}
