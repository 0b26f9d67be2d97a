//! The SELECT of each kind of panel.

use super::{Asking, BINS, Kind, ROWS, TABLE_ROWS, quoted};
use crate::dashboard::spec::PanelKind;

impl Asking<'_> {
    pub fn number(&self) -> String {
        let y = self.measures();
        let Some(x) = self.x() else { return format!("SELECT {y}\n{}", self.from()) };
        let from = self.from();
        format!(
            "SELECT * FROM (\nSELECT {x} AS \"x\", {y}\n{from}\nGROUP BY 1\nORDER BY 1 DESC NULLS LAST\nLIMIT {}\n)\n\
             WHERE \"x\" IS NOT NULL\nORDER BY 1",
            ROWS + 1
        )
    }

    /// Aggregates for each `x` and, if there is one, `by`.
    pub fn groups(&self) -> String {
        let x = self.x().unwrap_or_else(|| "NULL".into());
        let by = self.panel.by.as_ref().map(|c| quoted(c));
        let y = self.measures();
        let limit = self.panel.limit.unwrap_or(ROWS + 1).min(ROWS + 1);
        let keys = if by.is_some() { "1, 2" } else { "1" };
        let by_alias = by.as_ref().map_or(String::new(), |by| format!("{by} AS \"by\", "));
        if *self.panel.kind == PanelKind::Cohort {
            let from = self.from();
            return format!("SELECT {x} AS \"x\", {by_alias}{y}\n{from}\nGROUP BY {keys}\nORDER BY 2, 1\nLIMIT {}", ROWS + 1);
        }
        let (by_y, descending) = self.order();
        let is_time = self.panel.x.as_ref().is_some_and(|x| self.kind_of(x).is_some_and(Kind::is_time));
        if is_time && !by_y && !descending && self.panel.limit.is_none() {
            // Of more than can be shown, the newest.
            let from = self.from();
            let rest = if by.is_some() { ", 2" } else { "" };
            return format!(
                "SELECT * FROM (\nSELECT {x} AS \"x\", {by_alias}{y}\n{from}\nGROUP BY {keys}\nORDER BY 1 DESC NULLS LAST{rest}\nLIMIT {}\n)\n\
                 ORDER BY 1{rest}",
                ROWS + 1
            );
        }
        let first_y = self.panel.y.first().map_or("count(*)", |m| m.sql.text.as_str());
        let direction = if descending { "DESC" } else { "ASC" };
        let from = self.from();
        if by.is_none() {
            let y_at = if by_y { format!("2 {direction} NULLS LAST, 1") } else { format!("1 {direction} NULLS LAST") };
            return format!("SELECT {x} AS \"x\", {y}\n{from}\nGROUP BY 1\nORDER BY {y_at}\nLIMIT {limit}");
        }
        if !by_y && self.panel.limit.is_none() {
            return format!(
                "SELECT {x} AS \"x\", {by_alias}{y}\n{from}\nGROUP BY {keys}\nORDER BY 1 {direction} NULLS LAST, 2\nLIMIT {}",
                ROWS + 1
            );
        }
        // The order and the number of bars are those of whole bars, not of their parts.
        let whole_order = if by_y { format!("2 {direction} NULLS LAST, 1") } else { format!("1 {direction} NULLS LAST") };
        let order = if by_y { format!("max(\"~y\") {direction} NULLS LAST, 1, 2") } else { format!("1 {direction} NULLS LAST, 2") };
        let (table, filter) = (&self.table, &self.filter);
        format!(
            "SELECT {x} AS \"x\", {by_alias}{y}\n{table}\nJOIN (\nSELECT {x} AS \"~x\", (\n{first_y}\n) AS \"~y\"\n{from}\nGROUP BY 1\n\
             ORDER BY {whole_order}\nLIMIT {limit}\n) AS \"~whole\" ON {x} IS NOT DISTINCT FROM \"~x\"{filter}\nGROUP BY {keys}\n\
             ORDER BY {order}\nLIMIT {}",
            ROWS + 1
        )
    }

    /// Bins of a round width: 1, 2 or 5 times a power of ten, so that their edges can be read; as many as asked for, or somewhat fewer.
    pub fn histogram(&self) -> String {
        let x = self.panel.x.as_ref().map_or_else(|| "NULL".into(), |c| quoted(c));
        let bins = self.panel.bins.unwrap_or(BINS);
        let is_whole = self.panel.x.as_ref().is_some_and(|c| self.kind_of(c) == Some(Kind::Integer));
        let least = if is_whole { "greatest(1.0, \"raw\")" } else { "\"raw\"" };
        let from = self.from();
        format!(
            "WITH \"~values\" AS (\nSELECT CAST({x} AS DOUBLE) AS \"v\"\n{from}\n), \"~finite\" AS (\n\
             SELECT \"v\" FROM \"~values\" WHERE \"v\" BETWEEN -1e300 AND 1e300\n), \"~raw\" AS (\n\
             SELECT CASE WHEN max(\"v\") > min(\"v\") THEN (max(\"v\") - min(\"v\")) / {bins}.0 ELSE 1.0 END AS \"raw\" FROM \"~finite\"\n), \
             \"~power\" AS (\nSELECT {least} AS \"raw\", power(10.0, floor(log10({least}))) AS \"p\" FROM \"~raw\"\n), \"~step\" AS (\n\
             SELECT \"p\" * CASE WHEN \"raw\" / \"p\" <= 1.000001 THEN 1.0 WHEN \"raw\" / \"p\" <= 2.000001 THEN 2.0 \
             WHEN \"raw\" / \"p\" <= 5.000001 THEN 5.0 ELSE 10.0 END AS \"step\" FROM \"~power\"\n), \"~bins\" AS (\n\
             SELECT floor(\"v\" / \"step\" + 1e-9) AS \"bin\", \"step\" FROM \"~finite\" CROSS JOIN \"~step\"\n)\n\
             SELECT \"bin\" * \"step\" AS \"x\", (\"bin\" + 1.0) * \"step\" AS \"x1\", count(*) AS \"y0\"\nFROM \"~bins\"\n\
             GROUP BY \"bin\", \"step\"\nORDER BY 1\nLIMIT {}",
            ROWS + 1
        )
    }

    pub fn scatter(&self) -> String {
        let x = self.panel.x.as_ref().map_or_else(|| "NULL".into(), |c| quoted(c));
        let by = self.panel.by.as_ref().map_or(String::new(), |c| format!("{} AS \"by\", ", quoted(c)));
        let and = if self.filter.is_empty() { "\nWHERE" } else { "\n  AND" };
        format!("SELECT {x} AS \"x\", {by}{}\n{}{and} {x} IS NOT NULL\nLIMIT {}", self.measures(), self.from(), ROWS + 1)
    }

    pub fn table(&self) -> String {
        let shown: Vec<String> = if self.panel.columns.is_empty() {
            self.columns.iter().map(|(name, _)| quoted(name)).collect()
        } else {
            let columns = self.panel.columns.iter().enumerate();
            columns.map(|(i, m)| format!("(\n{}\n) AS {}", m.sql.text, quoted(&self.panel.column_name(i)))).collect()
        };
        let shown = if shown.is_empty() { "*".to_string() } else { shown.join(", ") };
        let limit = self.panel.limit.unwrap_or(TABLE_ROWS).min(ROWS + 1);
        format!("SELECT {shown}\n{}\n{}LIMIT {limit}", self.from(), self.row_order())
    }

    /// Rows in an order of their own, so that a page of them is followed by the next: as the panel says, or the newest first.
    pub fn row_order(&self) -> String {
        let mut keys = Vec::new();
        let mut names = Vec::new();
        let first = match (&*self.panel.kind, &self.panel.order, &self.panel.x) {
            (PanelKind::Table, Some(order), _) => Some((order.by.as_str(), order.descending)),
            (_, _, Some(x)) => Some((x.as_str(), self.kind_of(x).is_some_and(Kind::is_time))),
            _ => None,
        };
        let rest = self.columns.iter().map(|(name, _)| (name.as_str(), false));
        for (name, descending) in first.into_iter().chain(rest).take(8) {
            if !names.contains(&name) {
                names.push(name);
                keys.push(format!("{}{}", quoted(name), if descending { " DESC NULLS LAST" } else { "" }));
            }
        }
        if keys.is_empty() { String::new() } else { format!("ORDER BY {}\n", keys.join(", ")) }
    }

    /// The expression of `x`: its column, or the bucket that a time lies in.
    fn x(&self) -> Option<String> {
        let column = self.panel.x.as_ref()?;
        let name = quoted(column);
        Some(match (&self.panel.bucket, self.kind_of(column)) {
            (Some(bucket), Some(Kind::Date)) => format!("CAST(date_trunc('{}', {name}) AS DATE)", bucket.as_str()),
            (Some(bucket), _) => format!("date_trunc('{}', {name})", bucket.as_str()),
            (None, _) => name,
        })
    }

    /// Every `y` by its name.
    fn measures(&self) -> String {
        let named = self.panel.y.iter().enumerate().map(|(i, m)| format!("(\n{}\n) AS \"y{i}\"", m.sql.text));
        named.collect::<Vec<_>>().join(", ")
    }

    /// Whether by `y`, and whether the greatest comes first.
    fn order(&self) -> (bool, bool) {
        match &self.panel.order {
            Some(order) => (order.by == "y", order.descending),
            None => {
                let is_bars = matches!(*self.panel.kind, PanelKind::Bar | PanelKind::Stacked);
                let is_text = self.panel.x.as_ref().is_some_and(|x| self.kind_of(x) == Some(Kind::Text));
                (is_bars && is_text, is_bars && is_text)
            }
        }
    }
}
