//! Shipped dashboards: every project has some, `check` is content with them, every panel can be asked and answers with the columns it should.

use crate::cargo;
use crate::orders::Ran;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use tidemill_project::dashboard::query::{self, Asked, Kind, Selection, Selections};
use tidemill_project::dashboard::{Dashboard, Panel, PanelKind};
use tidemill_project::{Environment, Project};

const PROJECTS: [&str; 5] = ["marketing", "orders", "sensors", "shop", "transactions"];

fn shipped(project: &str) -> Project {
    let (project, problems) = tidemill_project::load(&cargo::root().join("projects").join(project), &Environment::default());
    assert_eq!(problems, []);
    project
}

#[test]
fn every_shipped_project_has_dashboards_that_check_is_content_with() {
    for name in PROJECTS {
        let project = shipped(name);
        let titles: Vec<&str> = project.dashboards.iter().map(|d| d.title.as_str()).collect();
        assert!(titles.len() >= 2 && titles.contains(&"Operations"), "{name}: {titles:?}");
        for d in &project.dashboards {
            assert!(!d.description.is_empty() && !d.panels.is_empty(), "{name}: {}", d.name);
            assert!(d.panels.iter().all(|p| !p.title.is_empty()), "{name}: {}: a panel without a title", d.name);
            assert!(d.panels.iter().all(|p| p.y.iter().all(|y| y.label.is_some())), "{name}: {}: a `y` without a label", d.name);
        }
        // Checking types every expression, and plans each panel with and without something chosen of each column.
        let output = Command::new(env!("CARGO_BIN_EXE_tidemill"))
            .arg("-C")
            .arg(cargo::root().join("projects").join(name))
            .args(["check", "--format", "csv"])
            .output()
            .expect("tidemill starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!said.contains("dashboards/"), "{name}:\n{said}");
    }
}

#[test]
fn the_same_page_tells_of_every_projects_machinery() {
    let page = |name: &str| {
        let path = cargo::root().join("projects").join(name).join("dashboards/operations.toml");
        std::fs::read_to_string(path).expect("operations.toml")
    };
    for name in PROJECTS {
        assert_eq!(page(name), page("shop"), "{name}");
    }
}

#[test]
fn every_kind_of_panel_is_shipped() {
    let kinds: BTreeSet<&str> =
        PROJECTS.iter().flat_map(|p| shipped(p).dashboards).flat_map(|d| d.panels).map(|p| p.kind.as_str()).collect();
    assert_eq!(kinds.len(), PanelKind::ALL.len(), "{kinds:?}");
}

#[test]
fn panels_of_the_sensors_project_answer() {
    let ran = Ran::with("sensors", &["--rows", "5000", "--days", "2", "--seed", "5"]);
    let answers = all_answer(&ran, &["sensors", "operations"]);
    // A histogram places every row in one bin, whose edges are round.
    let bins = &answers.iter().find(|(title, _)| title == "Values").expect("the histogram").1;
    let rows: i64 = bins.iter().filter_map(|b| b["y0"].as_i64()).sum();
    assert_eq!(Some(rows), ran.one("SELECT count(value) FROM heard").as_i64());
    let widths: BTreeSet<i64> = bins.iter().filter_map(|b| Some(((b["x1"].as_f64()? - b["x"].as_f64()?) * 1e6).round() as i64)).collect();
    assert_eq!(widths.len(), 1, "bins of different widths: {widths:?}");
    assert!((8..=41).contains(&bins.len()), "{} bins of 40 asked for", bins.len());
}

#[test]
fn panels_of_the_shop_answer() {
    let ran = Ran::with("shop", &["--rows", "300", "--seed", "3"]);
    let answers = all_answer(&ran, &["overview", "sales", "customers", "customer", "products", "live"]);
    let answer = |title: &str| &answers.iter().find(|(t, _)| t == title).unwrap_or_else(|| panic!("no panel {title}")).1;
    // What a page shows is what the same SQL gives when it is asked for by itself.
    let revenue = ran.one("SELECT sum(net) FROM sales WHERE is_sold");
    assert_eq!(answer("Revenue")[0]["y0"].as_f64(), revenue.as_f64());
    let by_category: f64 = answer("By category").iter().filter_map(|r| r["y0"].as_f64()).sum();
    assert!((by_category - revenue.as_f64().expect("a number")).abs() < 0.01, "{by_category} of {revenue}");
    let bars: Vec<f64> = answer("By category").iter().filter_map(|r| r["y0"].as_f64()).collect();
    assert!(bars.len() > 1 && bars.windows(2).all(|w| w[0] >= w[1]), "not the greatest first: {bars:?}");
    queries_of_the_shop_answer(&ran);
}

fn queries_of_the_shop_answer(ran: &Ran) {
    let queries = shipped("shop").queries;
    let ask = |name: &str, values: &[(&str, &str)]| -> Vec<Value> {
        let query = queries.iter().find(|q| q.name == name).unwrap_or_else(|| panic!("no query {name}"));
        let given = values.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let sql = written_out(query.asked(given).expect("good values"));
        let text = ran.tidemill(&["query", &sql, "--format", "json", "--limit", "0"]);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
    };
    assert!(queries.iter().all(|q| !q.description.is_empty() && q.parameters.iter().all(|p| !p.description.is_empty())));
    let customer = ran.one("SELECT max(customer_id) FROM order_metrics WHERE status = 'delivered'");
    let customer = customer.as_str().expect("somebody ordered");
    let delivered = ask("customer_orders", &[("customer_id", customer), ("status", "delivered")]);
    let counted = ran.one(&format!("SELECT count(*) FROM order_metrics WHERE customer_id = '{customer}' AND status = 'delivered'"));
    assert!(Some(delivered.len() as i64) == counted.as_i64() && !delivered.is_empty(), "{delivered:?}");
    assert_eq!(ask("customer_orders", &[("customer_id", "C' OR true --")]), Vec::<Value>::new());
    let best = ask("best_sellers", &[("limit", "3")]);
    let nets: Vec<f64> = best.iter().filter_map(|r| r["net"].as_f64()).collect();
    assert!(best.len() == 3 && nets.windows(2).all(|w| w[0] >= w[1]), "{best:?}");
    assert_eq!(ask("best_sellers", &[("until", "2001")]), Vec::<Value>::new());
}

/// Every panel of these dashboards, asked of the project: title and rows. Each is asked again with something chosen of every column.
fn all_answer(ran: &Ran, names: &[&str]) -> Vec<(String, Vec<Value>)> {
    let (project, _) = tidemill_project::load(&ran.dir(), &Environment::default());
    let columns = columns(ran);
    let dashboards = names.iter().map(|n| project.dashboards.iter().find(|d| d.name == *n).unwrap_or_else(|| panic!("no dashboard {n}")));
    let panels: Vec<(&Dashboard, &Panel)> = dashboards.flat_map(|d| d.panels.iter().map(move |p| (d, p))).collect();
    let mut statements = Vec::new();
    for (dashboard, panel) in &panels {
        let columns = columns.get(&panel.view.value).unwrap_or_else(|| panic!("{}: no columns of {}", dashboard.name, *panel.view));
        statements.push(query::panel(panel, columns, &Selections::new()).sql);
        statements.push(written_out(query::panel(panel, columns, &something_of(columns))));
        statements.push(written_out(query::rows(panel, columns, &something_of(columns), 10, 5)));
    }
    // One process for all: each start reads the project.
    let file = ran.home.path().join("panels.sql");
    std::fs::write(&file, statements.join(";\n")).expect("the questions");
    let text = ran.tidemill(&["query", "--file", file.to_str().expect("UTF-8"), "--format", "json"]);
    let answers: Vec<Vec<Value>> =
        serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(answers.len(), statements.len());
    let shown = answers.into_iter().step_by(3);
    panels.iter().zip(shown).map(|((d, panel), rows)| (panel.title.clone(), checked(d, panel, rows))).collect()
}

/// A choice of each column that some rows may meet.
fn something_of(columns: &[(String, Kind)]) -> Selections {
    let value = |v: &str| Some(v.to_string());
    let chosen = columns.iter().map(|(name, kind)| {
        let selection = match kind {
            Kind::Text => Selection::In(vec![value("it's; -- ok"), None]),
            Kind::Boolean => Selection::In(vec![value("true"), None]),
            Kind::Integer | Kind::Number => Selection::Between(value("-1"), value("1000.5")),
            Kind::Date | Kind::Time => Selection::Between(value("2020"), value("2030-01-01T00:00:00Z")),
        };
        (name.clone(), selection)
    });
    chosen.collect()
}

/// A question with its values in the text, which `tidemill query` needs; pages send them beside it.
fn written_out(asked: Asked) -> String {
    let numbered = asked.params.iter().enumerate().rev();
    numbered.fold(asked.sql, |sql, (i, value)| sql.replace(&format!("${} ", i + 1), &format!("'{}' ", value.replace('\'', "''"))))
}

/// The rows of a panel, which have the columns that they should.
fn checked(dashboard: &Dashboard, panel: &Panel, rows: Vec<Value>) -> Vec<Value> {
    let at = format!("{}: {}", dashboard.name, panel.title);
    assert!(rows.len() as u64 <= query::ROWS + 1, "{at}: {} rows", rows.len());
    let mut expected: Vec<String> = match *panel.kind {
        PanelKind::Table => (0..panel.columns.len()).map(|i| panel.column_name(i)).collect(),
        PanelKind::Histogram => vec!["x".into(), "x1".into(), "y0".into()],
        _ => (0..panel.y.len()).map(|i| format!("y{i}")).collect(),
    };
    expected.extend(panel.x.iter().filter(|_| *panel.kind != PanelKind::Histogram).map(|_| "x".to_string()));
    expected.extend(panel.by.iter().map(|_| "by".to_string()));
    if let Some(row) = rows.first().and_then(Value::as_object) {
        let found: BTreeSet<&str> = row.keys().map(String::as_str).collect();
        assert_eq!(found, expected.iter().map(String::as_str).collect(), "{at}");
    }
    rows
}

/// The columns of every view and table, by their relation's name as dashboards write it.
fn columns(ran: &Ran) -> BTreeMap<String, Vec<(String, Kind)>> {
    let sql = "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns ORDER BY 1, 2, ordinal_position";
    let rows: Vec<Value> = serde_json::from_str(&ran.tidemill(&["query", sql, "--format", "json"])).expect("JSON");
    let mut out: BTreeMap<String, Vec<(String, Kind)>> = BTreeMap::new();
    for row in &rows {
        let [schema, name, column, data_type] =
            ["table_schema", "table_name", "column_name", "data_type"].map(|k| row[k].as_str().unwrap_or_default().to_string());
        let kind = match data_type.as_str() {
            t if t.starts_with("timestamp") => Kind::Time,
            "date" => Kind::Date,
            "tinyint" | "smallint" | "integer" => Kind::Integer,
            t if t.starts_with("bigint") => Kind::Integer,
            "real" | "double" => Kind::Number,
            t if t.starts_with("decimal") => Kind::Number,
            "boolean" => Kind::Boolean,
            _ => Kind::Text,
        };
        let relation = if matches!(schema.as_str(), "public" | "clean") { name } else { format!("{schema}.{name}") };
        out.entry(relation).or_default().push((column, kind));
    }
    out
}
