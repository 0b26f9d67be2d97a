//! What is asked: the project's own views, and a fixed set over its largest table.

use crate::quarantine::ident;
use crate::workspace::Workspace;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, SchemaRef, UInt64Type};
use std::collections::{BTreeMap, BTreeSet};
use tidemill_core::{Error, Result, problem::did_you_mean};
use tidemill_engine::Session;
use tidemill_lake::TableName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// A view's name, or `scan`, `filter`, `aggregate`, `join`, `window`, `top`.
    pub name: String,
    pub sql: String,
    /// Stored tables that it reads, as the graph calls them.
    pub reads: Vec<String>,
    /// Columns that it reads of them; known for the fixed set only.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Of the fixed set.
    pub is_fixed: bool,
}

/// More distinct texts than this make no groups worth the name.
const GROUPS_MAX: u64 = 1_000;

impl Workspace {
    /// The views' own SELECTs, in graph order.
    pub(super) fn view_questions(&self, only: &[String], stored: &BTreeSet<String>) -> Result<Vec<Question>> {
        for name in only {
            let names: Vec<&str> = self.project().views.iter().map(|v| v.name.as_str()).collect();
            if !names.contains(&name.as_str()) {
                let error = Error::config(format!("there is no view `{name}`"));
                return Err(match did_you_mean(name, names.iter().copied()) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!("views: {}", names.join(", "))),
                });
            }
        }
        let nodes = self.checked.graph.nodes.iter();
        let wanted = nodes.filter(|n| only.is_empty() || only.contains(&n.name));
        let views = wanted.filter_map(|n| Some((n, self.project().views.iter().find(|v| v.name == n.name)?)));
        Ok(views
            .map(|(node, view)| Question {
                name: view.name.clone(),
                sql: view.sql.text.clone(),
                reads: self.stored_under(&node.depends_on, stored),
                columns: BTreeMap::new(),
                is_fixed: false,
            })
            .collect())
    }

    /// Stored tables behind nodes, through views that are computed when asked.
    fn stored_under(&self, nodes: &[String], stored: &BTreeSet<String>) -> Vec<String> {
        let (mut left, mut found) = (nodes.to_vec(), BTreeSet::new());
        while let Some(node) = left.pop() {
            match stored.contains(&node) {
                true => drop(found.insert(node)),
                false => left.extend(self.checked.graph.node(&node).map(|n| n.depends_on.clone()).unwrap_or_default()),
            }
        }
        found.into_iter().collect()
    }

    /// Questions that suit the largest clean table: what its columns allow of scan, filter, aggregate, join, window and top.
    pub(super) async fn fixed_questions(&self, session: &Session, rows: &BTreeMap<TableName, u64>) -> Result<Vec<Question>> {
        let clean = rows.iter().filter(|(t, _)| t.schema == "clean");
        let Some((table, _)) = clean.max_by_key(|(name, rows)| (**rows, std::cmp::Reverse((*name).clone()))) else {
            return Ok(Vec::new());
        };
        let node = format!("clean.{}", table.name);
        let Ok(schema) = session.columns_of(&node) else { return Ok(Vec::new()) };
        let key = |name: &str| -> Vec<String> {
            let table = self.project().tables.iter().find(|t| t.name == name);
            table.map(|t| t.key.iter().map(|k| k.value.clone()).collect()).unwrap_or_default()
        };
        let own_key = key(&table.name);
        let Some(number) = number(&schema, &own_key) else { return Ok(Vec::new()) };
        let from = |name: &str| format!("clean.{}", ident(name));
        let category = category(session, &from(&table.name), &schema).await?;
        let moment = schema.fields().iter().find(|f| matches!(f.data_type(), DataType::Date32 | DataType::Timestamp(..)));
        let moment = moment.map(|f| f.name().clone());
        let mut questions = Vec::new();
        let mut add = |name: &str, sql: String, columns: BTreeMap<String, Vec<String>>| {
            questions.push(Question { name: name.into(), sql, reads: columns.keys().cloned().collect(), columns, is_fixed: true });
        };
        let own = |columns: &[&String]| {
            let mut names: Vec<String> = columns.iter().map(|c| (*c).clone()).collect();
            names.dedup();
            BTreeMap::from([(node.clone(), names)])
        };
        let (t, n) = (from(&table.name), ident(&number));
        add("scan", format!("SELECT count(*) AS rows, sum({n}) AS total, avg({n}) AS mean FROM {t}"), own(&[&number]));
        let middle = session.collect(&format!("SELECT CAST(approx_percentile_cont({n}, 0.9) AS VARCHAR) FROM {t}"), None).await?;
        let middle = middle.batches.iter().find(|b| b.num_rows() > 0).map(|b| b.column(0).as_string::<i32>().value(0).to_string());
        if let Some(bound) = middle.filter(|b| b.parse::<f64>().is_ok()) {
            let sql = format!("SELECT count(*) AS rows, sum({n}) AS total FROM {t} WHERE {n} > {bound}");
            add("filter", sql, own(&[&number]));
        }
        if let Some(c) = &category {
            let g = ident(c);
            let sql = format!("SELECT {g}, count(*) AS rows, sum({n}) AS total, avg({n}) AS mean FROM {t} GROUP BY {g}");
            add("aggregate", sql, own(&[c, &number]));
        }
        // Another table whose key is one column that this one has too.
        let others = rows.keys().filter(|o| o.schema == "clean" && o.name != table.name);
        let joined = others.filter_map(|o| match key(&o.name).as_slice() {
            [one] if schema.column_with_name(one).is_some() => Some((o, one.clone())),
            _ => None,
        });
        for (other, on) in joined.take(1) {
            let (u, on_column) = (from(&other.name), ident(&on));
            let Ok(their) = session.columns_of(&format!("clean.{}", other.name)) else { continue };
            let Some(group) = self::category(session, &u, &their).await? else { continue };
            let g = ident(&group);
            let sql = format!(
                "SELECT u.{g}, count(*) AS rows, sum(t.{n}) AS total FROM {t} t JOIN {u} u ON t.{on_column} = u.{on_column} GROUP BY u.{g}"
            );
            let mut columns = own(&[&on, &number]);
            columns.insert(format!("clean.{}", other.name), vec![on, group]);
            add("join", sql, columns);
        }
        if let Some(at) = &moment {
            let partition = category.as_ref().map(|c| format!("PARTITION BY {} ", ident(c))).unwrap_or_default();
            let sql = format!(
                "SELECT count(*) AS rows, max(rolling) AS highest FROM (SELECT avg({n}) OVER ({partition}ORDER BY {} ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS rolling FROM {t}) w",
                ident(at)
            );
            add("window", sql, own(&category.iter().chain([at, &number]).collect::<Vec<_>>()));
        }
        add("top", format!("SELECT {n} FROM {t} ORDER BY {n} DESC NULLS LAST LIMIT 10"), own(&[&number]));
        Ok(questions)
    }
}

/// A measure: a number with decimals if there is one, else a whole number that names nothing.
fn number(schema: &SchemaRef, key: &[String]) -> Option<String> {
    let names_something = |name: &str| key.iter().any(|k| k == name) || name == "id" || name.ends_with("_id") || name.starts_with('_');
    let found = |wanted: fn(&DataType) -> bool| {
        let mut fields = schema.fields().iter().filter(|f| wanted(f.data_type()) && !names_something(f.name()));
        fields.next().map(|f| f.name().clone())
    };
    found(|t| matches!(t, DataType::Float64 | DataType::Decimal128(..))).or_else(|| found(DataType::is_integer))
}

/// The text column with the fewest values, if that is few enough, and more than one.
async fn category(session: &Session, table: &str, schema: &SchemaRef) -> Result<Option<String>> {
    let texts: Vec<&String> =
        schema.fields().iter().filter(|f| f.data_type() == &DataType::Utf8 && !f.name().starts_with('_')).map(|f| f.name()).collect();
    if texts.is_empty() {
        return Ok(None);
    }
    let list: Vec<String> = texts.iter().map(|c| format!("approx_distinct({})", ident(c))).collect();
    let counted = session.collect(&format!("SELECT {} FROM {table}", list.join(", ")), None).await?;
    let Some(batch) = counted.batches.iter().find(|b| b.num_rows() > 0) else { return Ok(None) };
    let counts = texts.iter().zip(batch.columns()).filter_map(|(name, column)| {
        let count = column.as_primitive_opt::<UInt64Type>()?.value(0);
        (2..=GROUPS_MAX).contains(&count).then_some((count, (*name).clone()))
    });
    Ok(counts.min().map(|(_, name)| name))
}
