use super::*;
use crate::Environment;

/// The dashboard of a text, and what is wrong with it.
pub(super) fn read(text: &str) -> (Dashboard, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("dashboards")).unwrap();
    std::fs::write(dir.path().join("tidemill.toml"), "name = \"t\"\n").unwrap();
    std::fs::write(dir.path().join("dashboards/d.toml"), text).unwrap();
    let (mut project, problems) = crate::load(dir.path(), &Environment::default());
    let problems = problems.into_iter().map(|p| {
        let at = p.place.span.map_or("", |s| &text[s]);
        format!("{} {} at {}", p.code, p.message, at.lines().next().unwrap_or(""))
    });
    (project.dashboards.remove(0), problems.collect())
}

fn wrong(panel: &str) -> Vec<String> {
    read(&format!("title = \"t\"\n[[panels]]\nview = \"v\"\n{panel}\n")).1
}

#[test]
fn a_dashboard_is_read_whole() {
    let (d, problems) = read(
        r#"title = "Sales"
description = "What is sold."
position = 2
entity = "customer_id"

[[filters]]
column = "country"
label = "Country"
default = ["DE", "FR"]

[[filters]]
column = "day"
kind = "time"
default = "90d"

[[panels]]
title = "Revenue"
kind = "bar"
view = "sales"
where = "amount > 0"
x = "country"
by = "kind"
y = [{ sql = "sum(amount)", label = "Revenue", format = "money", unit = "€" }, "count(*)"]
order = "y desc"
limit = 20
width = 8

[[panels]]
kind = "table"
view = "sales"
columns = ["country", { sql = "amount", format = "percent" }]
order = "amount"
"#,
    );
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!((d.name.as_str(), d.title.as_str(), d.description.as_str(), d.position), ("d", "Sales", "What is sold.", 2));
    assert_eq!(d.entity.map(|e| e.value).as_deref(), Some("customer_id"));
    assert_eq!(d.filters[0].label.as_deref(), Some("Country"));
    assert_eq!(d.filters[0].default_as(FilterKind::Select), Ok(Some(FilterDefault::In(vec!["DE".into(), "FR".into()]))));
    assert_eq!(d.filters[1].default_as(FilterKind::Time), Ok(Some(FilterDefault::Newest(90 * 86_400_000_000))));
    assert_eq!(d.filters[0].kind_for(query::Kind::Text), FilterKind::Select);
    assert_eq!(d.filters[0].kind_for(query::Kind::Number), FilterKind::Range);
    assert_eq!(d.filters[0].kind_for(query::Kind::Date), FilterKind::Time);
    let [bars, table] = &d.panels[..] else { panic!("two panels") };
    assert_eq!((bars.kind.value, bars.view.value.as_str(), bars.width), (PanelKind::Bar, "sales", 8));
    assert_eq!(bars.condition.as_ref().map(|c| c.text.as_str()), Some("amount > 0"));
    assert_eq!((bars.y[0].format, bars.y[0].unit.as_str(), bars.y[1].sql.text.as_str()), (Some(Format::Money), "€", "count(*)"));
    assert_eq!(bars.order.as_ref().map(|o| o.value.clone()), Some(Order { by: "y".into(), descending: true }));
    assert_eq!((table.width, table.column_name(0), table.column_name(1)), (12, "country".into(), "amount".into()));
    assert_eq!(table.order.as_ref().map(|o| o.by.as_str()), Some("amount"));
}

#[test]
fn a_dashboard_without_a_word_says_what_is_missing() {
    assert_eq!(read("").1, ["TM0007 the dashboard has no `title` at ", "TM0007 the dashboard has no `panels` at "]);
    assert_eq!(
        read("title = \"t\"\n[[panels]]\n[[filters]]\n").1,
        [
            "TM0007 the panel has no `kind` at [[panels]]",
            "TM0007 the panel has no `view` at [[panels]]",
            "TM0007 the filter has no `column` at [[filters]]"
        ]
    );
}

#[test]
fn every_kind_says_what_it_needs_and_what_it_does_not_take() {
    assert_eq!(wrong("kind = \"line\"").len(), 2);
    assert_eq!(wrong("kind = \"heatmap\"\nx = \"a\"\ny = \"count(*)\"").len(), 1);
    assert_eq!(
        wrong("kind = \"line\"\nx = \"a\"\ny = \"count(*)\"\nlimit = 3\nbins = 4"),
        ["TM0801 `limit` does nothing in a panel of kind `line` at limit", "TM0801 `bins` does nothing in a panel of kind `line` at bins"]
    );
    assert_eq!(
        wrong("kind = \"number\"\ny = [\"count(*)\", \"sum(a)\"]"),
        ["TM0801 a panel of kind `number` shows one `y`, and there are 2 at y"]
    );
    assert_eq!(
        wrong("kind = \"number\"\ny = \"count(*)\"\nbucket = \"day\""),
        ["TM0801 `bucket` says how `x` is cut, and there is no `x` at bucket"]
    );
    assert_eq!(wrong("kind = \"pie\"\nx = \"a\""), ["TM0008 `kind` cannot be `pie` at \"pie\""]);
}

#[test]
fn sql_is_one_expression_over_one_view() {
    let y = |sql: &str| wrong(&format!("kind = \"number\"\ny = \"{sql}\""));
    assert_eq!(y("sum(a), sum(b)"), ["TM0401 `y` is one SQL expression, which ends before `,` at ,"]);
    assert_eq!(y("sum(a) FROM t; DROP TABLE t"), ["TM0401 `y` is one SQL expression, which ends before `FROM` at FROM"]);
    assert_eq!(y("1) AS y0 FROM (SELECT 2"), ["TM0401 `y` is one SQL expression, which ends before `)` at )"]);
    assert_eq!(y("(SELECT max(a) FROM t)"), ["TM0406 `y` holds a SELECT: it sees the rows of one view only at (SELECT max(a) FROM t)"]);
    assert_eq!(y("a IN (SELECT b FROM t)").len(), 1);
    assert_eq!(y("sum(").len(), 1);
    assert_eq!(y("sum(a) -- all of it"), Vec::<String>::new());
    assert_eq!(y("").len(), 1);
}

#[test]
fn filters_begin_as_their_kind_does() {
    let filter =
        |toml: &str| read(&format!("title = \"t\"\n[[filters]]\ncolumn = \"a\"\n{toml}\n[[panels]]\nkind = \"table\"\nview = \"v\"\n")).1;
    assert_eq!(filter("kind = \"range\"\ndefault = [1, 2.5]"), Vec::<String>::new());
    assert_eq!(filter("kind = \"time\"\ndefault = [2024-01-01, \"\"]"), Vec::<String>::new());
    assert_eq!(filter("kind = \"select\"\ndefault = true"), Vec::<String>::new());
    assert_eq!(filter("kind = \"range\"\ndefault = 1"), ["TM0009 a filter of kind `range` does not begin like this at 1"]);
    assert_eq!(filter("kind = \"time\"\ndefault = \"soon\"").len(), 1);
    assert_eq!(filter("kind = \"time\"\ndefault = [\"2024-01-01\"]").len(), 1);
    assert_eq!(filter("default = { a = 1 }"), ["TM0006 `default` must be a value or a list of values, not a table at { a = 1 }"]);
    assert_eq!(filter("[[filters]]\ncolumn = \"a\""), ["TM0104 there are two filters of `a` at \"a\""]);
}
