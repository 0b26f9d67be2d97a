//! Every number on every shipped page is that of its SQL: what a served project answers for each panel is held against `tidemill query`, with
//! SQL that is written here from the dashboard's file alone, plainly, and not by the room that writes it for the pages.

use crate::cargo;
use crate::dashboard::{Site, escaped};
use crate::marketing::copy;
use crate::orders::{Ran, command};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_project::Environment;
use tidemill_project::dashboard::{Dashboard, Panel, PanelKind};

/// Sums of floating-point numbers depend on their order in the last digits.
const NEAR: f64 = 1e-9;
const SHOWN_MAX: usize = 2_000;

#[test]
fn every_number_on_the_pages_of_the_shop_is_that_of_its_sql() {
    pages_tell_the_truth(&Ran::with("shop", &["--rows", "250", "--seed", "11"]));
}

#[test]
fn every_number_on_the_pages_of_the_orders_is_that_of_its_sql() {
    pages_tell_the_truth(&Ran::new("orders", "2000", "12"));
}

#[test]
fn every_number_on_the_pages_of_the_transactions_is_that_of_its_sql() {
    pages_tell_the_truth(&Ran::new("transactions", "3000", "13"));
}

#[test]
fn every_number_on_the_pages_of_the_sensors_is_that_of_its_sql() {
    pages_tell_the_truth(&Ran::with("sensors", &["--rows", "4000", "--days", "2", "--seed", "14"]));
}

#[test]
fn every_number_on_the_pages_of_marketing_is_that_of_its_sql() {
    let ran = Ran::made("marketing");
    copy(&cargo::root().join("projects/marketing"), &ran.dir());
    ran.tidemill(&["run"]);
    pages_tell_the_truth(&ran);
}

/// A page that nobody wrote: `init --from` proposed it.
#[test]
fn every_number_on_a_page_that_was_proposed_is_that_of_its_sql() {
    let ran = Ran::made("proposed");
    let home = ran.home.path();
    let rows: String = (1..=600u32)
        .map(|i| {
            let (country, product) = (["France", "Italy", "Spain", ""][(i % 4) as usize], format!("Product \"\"{}\"\"", i * 7 % 90));
            format!("{i},2024-{:02}-{:02},{country},\"{product}\",{}.{:02},{}\n", i % 12 + 1, i % 28 + 1, i * 13 % 400, i % 100, i * i % 17)
        })
        .collect();
    let file = home.join("sales.csv");
    std::fs::write(&file, format!("Sale ID,Sold on,Country,Product,Total Amount,Items\n{rows}")).expect("a file");
    let init = command(home, &["init", "proposed", "--from", file.to_str().expect("UTF-8")]).output().expect("tidemill starts");
    assert!(init.status.success(), "{}", crate::marketing::both(&init));
    ran.tidemill(&["run"]);
    let page = std::fs::read_to_string(ran.dir().join("dashboards/sales.toml")).expect("a page");
    for wanted in [
        "title = \"Rows by month\"",
        "title = \"Total amount sum by month\"",
        "title = \"By country\"",
        "title = \"Foremost by product\"",
        "title = \"Spread of total amount\"",
        "title = \"What is missing\"",
        "column = \"sold_on\"",
        "format = \"money\"",
    ] {
        assert!(page.contains(wanted), "{wanted}\n{page}");
    }
    pages_tell_the_truth(&ran);
}

/// A panel as it was asked for, and what the page got.
struct Shown<'a> {
    at: String,
    panel: &'a Panel,
    /// What was chosen, as SQL, if it applies to this panel.
    chosen: Option<String>,
    answer: Value,
}

fn pages_tell_the_truth(ran: &Ran) {
    let (project, problems) = tidemill_project::load(&ran.dir(), &Environment::default());
    assert_eq!(problems, []);
    let site = Site::of(command(&ran.dir(), &["serve", "--port", "0"]), &ran.dir());
    let mut all = Vec::new();
    // What the machinery keeps in memory is asked of last, when pages have been asked.
    let (machinery, pages): (Vec<_>, Vec<_>) = project.dashboards.iter().partition(|d| d.panels.iter().any(is_of_memory));
    let mut told_of_memory = 0;
    for dashboard in pages.into_iter().chain(machinery) {
        for choice in choices(ran, &site, dashboard) {
            all.extend(shown(&site, dashboard, choice.as_ref()));
        }
        for (i, panel) in dashboard.panels.iter().enumerate().filter(|(_, p)| is_of_memory(p)) {
            hold_memory(&site, &format!("/api/dashboards/{}/panels/{i}", dashboard.name), panel);
            told_of_memory += 1;
        }
    }
    let is_shipped = project.dashboards.iter().any(|d| d.name == "operations");
    assert_eq!(told_of_memory, if is_shipped { 3 } else { 0 });
    assert!(all.len() > project.dashboards.iter().map(|d| d.panels.len()).sum::<usize>(), "nothing was chosen anywhere");
    // One process for all: each start reads the project.
    let statements: Vec<String> = all.iter().flat_map(|s| [truth(s), whole(s)]).collect();
    let file = ran.home.path().join("truth.sql");
    std::fs::write(&file, statements.join(";\n")).expect("the questions");
    let text = ran.tidemill(&["query", "--file", file.to_str().expect("UTF-8"), "--format", "json", "--limit", "0"]);
    let answers: Vec<Vec<Value>> = serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().expect("JSON");
    assert_eq!(answers.len(), statements.len());
    let mut rows = 0;
    for (shown, truth) in all.iter().zip(answers.chunks(2)) {
        rows += hold(shown, &truth[0], &truth[1]);
    }
    assert!(rows > all.len(), "{rows} rows in {} panels", all.len());
    site.stop();
}

/// A column and a value of it.
type Choice = (String, Value);

/// What somebody may do on a page: nothing, and choose the most frequent value of the first filter with values. A page of one thing is always of one.
fn choices(ran: &Ran, site: &Site, dashboard: &Dashboard) -> Vec<Option<Choice>> {
    if let Some(entity) = &dashboard.entity {
        let (column, view) = (&**entity, &*dashboard.panels[0].view);
        let one = ran.one(&format!("SELECT min(CAST({column} AS VARCHAR)) AS one FROM {view}"));
        return vec![Some((column.clone(), one))];
    }
    let described = site.json(&format!("/api/dashboards/{}", dashboard.name))["filters"].clone();
    let described = described.as_array().expect("filters");
    let mut found = vec![None];
    for filter in &dashboard.filters {
        let column = &*filter.column;
        let values = site.json(&format!("/api/dashboards/{}/filters/{column}?limit=1", dashboard.name));
        let is_select = described.iter().any(|f| f["column"] == json!(column) && f["kind"] == "select");
        if let Some(text) = values["values"][0]["value"].as_str().filter(|_| is_select) {
            found.push(Some((column.clone(), json!(text))));
            break;
        }
    }
    found
}

fn shown<'a>(site: &Site, dashboard: &'a Dashboard, choice: Option<&Choice>) -> Vec<Shown<'a>> {
    let described = site.json(&format!("/api/dashboards/{}", dashboard.name));
    let ask = |(i, panel): (usize, &'a Panel)| {
        let told = &described["panels"][i];
        let applies = choice.filter(|(column, _)| told["selectable"].as_array().expect("a list").contains(&json!(column)));
        let chosen = applies.map(|(column, value)| match value {
            Value::String(text) => format!("CAST({column} AS VARCHAR) = '{}'", text.replace('\'', "''")),
            other => format!("{column} = {other}"),
        });
        let s = choice.map_or(String::new(), |(column, value)| format!("?s={}", escaped(&json!({ column.clone(): [value] }))));
        let answer = site.json(&format!("/api/dashboards/{}/panels/{i}{s}", dashboard.name));
        let at = format!("{}: {} ({choice:?})", dashboard.name, panel.title);
        Shown { at, panel, chosen, answer }
    };
    dashboard.panels.iter().enumerate().filter(|(_, panel)| !is_of_memory(panel)).map(ask).collect()
}

/// What the serving process keeps is known to no other.
fn is_of_memory(panel: &Panel) -> bool {
    *panel.view == "system.cache"
}

/// What is kept of a table: bytes, hits, misses, evictions.
type Kept = BTreeMap<String, [f64; 4]>;

/// As the serving process tells it to Prometheus.
fn kept(site: &Site) -> Kept {
    let mut kept = Kept::new();
    for line in site.get("/metrics").body.lines() {
        for (at, name) in ["cache_bytes", "cache_hits_total", "cache_misses_total", "cache_evictions_total"].into_iter().enumerate() {
            let Some((table, value)) = line.strip_prefix(&format!("tidemill_{name}{{name=\"")).and_then(|l| l.split_once("\"} ")) else {
                continue;
            };
            kept.entry(table.to_string()).or_default()[at] = value.parse().expect("a number");
        }
    }
    kept
}

/// Holds a panel of what is in memory against the figures of the same moment.
fn hold_memory(site: &Site, path: &str, panel: &Panel) {
    let (before, answer) = loop {
        let (before, answer, after) = (kept(site), site.json(path), kept(site));
        // Look-ups by key are brought up to date beside, from views in memory.
        if before == after {
            break (before, answer);
        }
    };
    assert!(
        before.values().any(|[bytes, ..]| *bytes > 0.0),
        "{}: pages have been asked, and nothing is in memory: {before:?}",
        panel.title
    );
    let sum = |at: usize| before.values().map(|all| all[at]).sum::<f64>();
    let names: Vec<&str> = answer["columns"].as_array().expect("columns").iter().map(|c| c["name"].as_str().expect("a name")).collect();
    let rows = answer["rows"].as_array().expect("rows");
    if *panel.kind == PanelKind::Number {
        let wanted = if panel.y[0].sql.text.contains("bytes") { sum(0) } else { sum(1) / (sum(1) + sum(2)) };
        assert!(number(&rows[0][0]).is_some_and(|n| near(&[n], &[wanted])), "{}: {answer} should be {wanted}", panel.title);
        return;
    }
    let cell = |row: &Value, label: &str| row[names.iter().position(|n| *n == label).expect(label)].clone();
    let shown = rows.iter().map(|r| {
        let all = ["bytes", "hits", "misses", "evictions"].map(|label| number(&cell(r, label)).expect("a number"));
        (text(&cell(r, "node")), all)
    });
    assert_eq!(shown.collect::<Kept>(), before, "{}", panel.title);
    for row in rows {
        let (since, used) = (text(&cell(row, "since")), text(&cell(row, "used_at")));
        assert!(number(&cell(row, "bytes")) == Some(0.0) || (since.len() > 4 && since <= used), "{row}");
    }
}

impl Shown<'_> {
    fn from(&self) -> String {
        let own = self.panel.condition.as_ref().map(|c| format!("({})", c.text));
        let all: Vec<String> = own.into_iter().chain(self.chosen.clone()).collect();
        let rows = if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) };
        format!("FROM {}{rows}", *self.panel.view)
    }

    fn x(&self) -> Option<String> {
        let x = self.panel.x.as_ref()?;
        Some(self.panel.bucket.as_ref().map_or(x.value.clone(), |b| format!("date_trunc('{}', {})", b.as_str(), **x)))
    }

    /// Its columns as SQL: the keys, then the measures.
    fn columns(&self) -> (Vec<String>, Vec<String>) {
        let keys = self.x().map(|x| format!("{x} AS x")).into_iter();
        let keys = keys.chain(self.panel.by.as_ref().map(|by| format!("{} AS \"by\"", **by)));
        let y = self.panel.y.iter().enumerate().map(|(i, y)| format!("{} AS y{i}", y.sql.text));
        (keys.collect(), y.collect())
    }

    fn has_limited_bars(&self) -> bool {
        matches!(*self.panel.kind, PanelKind::Bar | PanelKind::Stacked) && self.panel.limit.is_some()
    }
}

/// What the panel should show, all of it.
fn truth(s: &Shown) -> String {
    let (keys, y) = s.columns();
    let from = s.from();
    match *s.panel.kind {
        PanelKind::Table if s.panel.columns.is_empty() => format!("SELECT * {from}"),
        PanelKind::Table => {
            let columns = s.panel.columns.iter().enumerate();
            let columns: Vec<String> = columns.map(|(i, c)| format!("{} AS \"{}\"", c.sql.text, s.panel.column_name(i))).collect();
            format!("SELECT {} {from}", columns.join(", "))
        }
        PanelKind::Histogram => {
            // Each bin counted by itself.
            let x = s.x().expect("an x");
            let edges = s.answer["rows"].as_array().expect("rows").iter().map(|r| (r[0].to_string(), r[1].to_string()));
            let bins: Vec<String> = edges
                .enumerate()
                .map(|(i, (from, to))| {
                    format!("count(*) FILTER (WHERE CAST({x} AS DOUBLE) >= {from} AND CAST({x} AS DOUBLE) < {to}) AS bin{i}")
                })
                .collect();
            let comma = if bins.is_empty() { "" } else { ", " };
            format!("SELECT count({x}) AS every{comma}{} {from}", bins.join(", "))
        }
        PanelKind::Scatter => format!("SELECT {} {from}", [keys, y].concat().join(", ")),
        PanelKind::Number if keys.is_empty() => format!("SELECT {} {from}", y.join(", ")),
        _ => {
            let places: Vec<String> = (1..=keys.len()).map(|i| i.to_string()).collect();
            format!("SELECT {} {from} GROUP BY {}", [keys, y].concat().join(", "), places.join(", "))
        }
    }
}

/// Of bars that are cut off: each whole bar.
fn whole(s: &Shown) -> String {
    match s.x() {
        Some(x) if s.has_limited_bars() => format!("SELECT {x} AS x, {} AS y0 {} GROUP BY 1", s.panel.y[0].sql.text, s.from()),
        _ => "SELECT 1 AS nothing".into(),
    }
}

/// Holds what was shown against the truth. The number of rows that were compared.
fn hold(s: &Shown, truth: &[Value], whole: &[Value]) -> usize {
    let names: Vec<(&str, bool)> = s.answer["columns"]
        .as_array()
        .expect("columns")
        .iter()
        .map(|c| (c["name"].as_str().expect("a name"), c["type"] == "number"))
        .collect();
    let rows = s.answer["rows"].as_array().expect("rows");
    if *s.panel.kind == PanelKind::Histogram {
        let counts: Vec<i64> = rows.iter().map(|r| r[2].as_i64().expect("a count")).collect();
        assert_eq!(json!(counts.iter().sum::<i64>()), truth[0]["every"], "{}", s.at);
        for (i, count) in counts.iter().enumerate() {
            assert_eq!(json!(count), truth[0][format!("bin{i}")], "{}: bin {i}", s.at);
        }
        return rows.len();
    }
    let mut left: BTreeMap<String, Vec<Vec<f64>>> = BTreeMap::new();
    for row in truth {
        let (key, numbers) = parts(names.iter().map(|(name, is_number)| (&row[*name], *is_number)));
        left.entry(key).or_default().push(numbers);
    }
    for row in rows {
        let (key, numbers) = parts(names.iter().zip(row.as_array().expect("a row")).map(|((_, is_number), v)| (v, *is_number)));
        let same = left.get_mut(&key).unwrap_or_else(|| panic!("{}: {row} is nowhere in {}", s.at, self::truth(s)));
        let at = same.iter().position(|n| near(n, &numbers));
        let at = at.unwrap_or_else(|| panic!("{}: {row} should be {same:?}\n{}", s.at, self::truth(s)));
        same.swap_remove(at);
    }
    let all = match *s.panel.kind {
        // Points without an x have no place, times without one are no moment.
        PanelKind::Scatter | PanelKind::Number if s.panel.x.is_some() => truth.iter().filter(|r| !r["x"].is_null()).count(),
        _ => truth.len(),
    };
    if s.has_limited_bars() {
        hold_cut_off(s, rows, &names, whole);
    } else {
        let limit = match *s.panel.kind {
            PanelKind::Table => usize::try_from(s.panel.limit.unwrap_or(100)).expect("a number"),
            _ => SHOWN_MAX,
        };
        assert_eq!(rows.len(), all.min(limit), "{}\n{}", s.at, self::truth(s));
        assert_eq!(s.answer["truncated"], json!(*s.panel.kind != PanelKind::Table && all > SHOWN_MAX), "{}", s.at);
    }
    if let (PanelKind::Table, Some(order)) = (*s.panel.kind, &s.panel.order) {
        hold_order(s, rows, &names, truth, &order.by, order.descending);
    }
    rows.len()
}

/// Of more bars than are shown, those shown are the greatest, or the first.
fn hold_cut_off(s: &Shown, rows: &[Value], names: &[(&str, bool)], whole: &[Value]) {
    let place = |name: &str| names.iter().position(|(n, _)| *n == name).expect("a column");
    let shown: BTreeSet<String> = rows.iter().map(|r| text(&r[place("x")])).collect();
    let limit = usize::try_from(s.panel.limit.expect("a limit")).expect("a number");
    assert_eq!(shown.len(), whole.len().min(limit), "{}", s.at);
    if s.panel.order.as_ref().is_none_or(|o| o.by == "y" && o.descending) {
        let height = |r: &Value| number(&r["y0"]).unwrap_or(f64::MIN);
        let (inside, outside): (Vec<&Value>, Vec<&Value>) = whole.iter().partition(|r| shown.contains(&text(&r["x"])));
        let least = inside.iter().map(|r| height(r)).fold(f64::MAX, f64::min);
        assert!(outside.iter().all(|r| height(r) <= least * (1.0 + NEAR)), "{}: a greater bar is not shown", s.at);
    }
}

/// A table's rows are in its order, and are the first in it.
fn hold_order(s: &Shown, rows: &[Value], names: &[(&str, bool)], truth: &[Value], by: &str, descending: bool) {
    let Some(place) = names.iter().position(|(name, _)| *name == by) else { return };
    let mut wanted: Vec<&Value> = truth.iter().map(|r| &r[by]).collect();
    wanted.sort_by(|a, b| {
        let order = match (number(a), number(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => text(a).cmp(&text(b)),
        };
        // What is missing comes last either way.
        a.is_null().cmp(&b.is_null()).then(if descending { order.reverse() } else { order })
    });
    for (row, wanted) in rows.iter().zip(wanted) {
        assert_eq!(text(&row[place]), text(wanted), "{}: the order of {by}", s.at);
    }
}

/// What a row is known by, and its fractions.
fn parts<'a>(cells: impl Iterator<Item = (&'a Value, bool)>) -> (String, Vec<f64>) {
    let (mut key, mut numbers) = (String::new(), Vec::new());
    for (value, is_number) in cells {
        match number(value).filter(|_| is_number) {
            Some(n) => numbers.push(n),
            None => key.push_str(&format!("{}\u{1f}", text(value))),
        }
    }
    (key, numbers)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

/// An instant is the same one however it is written.
fn text(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let is_instant = text.len() > 10 && text.as_bytes()[10] == b'T' && text.as_bytes()[4] == b'-';
    if !is_instant {
        return text.clone();
    }
    let plain = text.trim_end_matches('Z').trim_end_matches("+00:00");
    let plain = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { plain };
    plain.trim_end_matches("T00:00:00").to_string()
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= NEAR * a.abs().max(b.abs()).max(1.0))
}
