//! `tables/NAME.toml`: where rows come from, what they must look like, how they are cleaned.

use crate::document::Data;
use crate::fields::{Fields, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Drift, Load, OnRemoved, Options, RawPolicy, Refit, Source, Table, Undeclared};
use crate::{column, rule, source};
use std::collections::BTreeMap;
use tidemill_core::{Spanned, codes};

/// Cells kept per rule and column in `system.changes` when a table does not say.
const SAMPLES: usize = 20;

pub(crate) fn read(table_name: &str, sheet: &mut Sheet) -> Table {
    let entries = sheet.parse();
    let mut f = Fields::new("the table", 0..0, &entries);
    let description = f.text_or_empty("description", sheet);
    let source = source(table_name, &mut f, sheet);
    let load = f.choice_or_default(
        "load",
        &[("append", Load::Append), ("replace", Load::Replace), ("upsert", Load::Upsert), ("diff", Load::Diff)],
        sheet,
    );
    let on_removed = f.choice_or_default("on_removed", &[("keep", OnRemoved::Keep), ("delete", OnRemoved::Delete)], sheet);
    let raw = f.choice_or_default("raw", &[("keep", RawPolicy::Keep), ("source", RawPolicy::Source)], sheet);
    let drift = f.choice_or_default("drift", &[("evolve", Drift::Evolve), ("quarantine", Drift::Quarantine), ("fail", Drift::Fail)], sheet);
    let refit = f.choice_or_default("refit", &[("always", Refit::Always), ("on_drift", Refit::OnDrift), ("manual", Refit::Manual)], sheet);
    let timezone = column::timezone(&mut f, sheet).map_or_else(|| "UTC".to_string(), |z| z.value);
    let key = f.names("key", sheet);
    let undeclared = f.choice_or_default("undeclared", &[("keep", Undeclared::Keep), ("drop", Undeclared::Drop)], sheet);
    let nulls = f.words("nulls", sheet);
    let checks = column::checks(&mut f, "checks", sheet);
    let location = f.text("location", sheet);
    let partition_by = f.names("partition_by", sheet);
    let samples = f.whole("samples", 0..=1_000_000, sheet).map_or(SAMPLES, |n| n.value as usize);
    let cache = f.flag("cache", false, sheet);
    let event_time = f.text("event_time", sheet);
    let publish_micros = f.some_time("publish", sheet);
    let columns = f.table("columns", sheet).map(|(entries, _)| column::read_all(entries, sheet)).unwrap_or_default();
    let clean = rules(&mut f, sheet);

    if matches!(load, Load::Upsert | Load::Diff) && !f.has("key") {
        let word = if load == Load::Upsert { "upsert" } else { "diff" };
        let span = f.peek("load").map_or(0..0, |v| v.span.clone());
        let message = format!("`load = \"{word}\"` needs a key, to know which stored row a new one replaces");
        sheet.error(codes::LOAD_NEEDS_KEY, &span, message, "add `key = \"…\"`, the column or columns that name a row");
    }
    f.refuse_rest(sheet);
    Table {
        name: table_name.to_string(),
        file: sheet.file.clone(),
        description,
        source,
        load,
        on_removed,
        raw,
        drift,
        refit,
        timezone,
        key,
        columns,
        undeclared,
        nulls,
        checks,
        clean,
        location,
        partition_by,
        samples,
        cache,
        event_time,
        publish_micros,
        alternatives: Vec::new(),
    }
}

fn source(table_name: &str, f: &mut Fields, sheet: &mut Sheet) -> Source {
    let table = f.table("source", sheet);
    let table = f.need("source", table, "[source]` with `path = \"data/….csv\"", sheet);
    let Some((entries, span)) = table else {
        let connector = Spanned::default_of("files".to_string());
        return Source { connector, options: Options::new(), span: 0..0, file: sheet.file.clone(), shared: BTreeMap::new() };
    };
    let span = if span.is_empty() { f.key_span("source") } else { span };
    sheet.is_unused = sheet.shared.replaces(table_name);
    let source = source::read("`[source]`", span, entries, Some("files"), sheet);
    sheet.is_unused = false;
    source
}

fn rules(f: &mut Fields, sheet: &mut Sheet) -> Vec<crate::spec::RuleSpec> {
    let Some(value) = f.get("clean") else { return Vec::new() };
    let Data::List(items) = &value.data else {
        wrong_type(
            value,
            "clean",
            "a list of rules",
            Some("each rule is a section of its own, with two brackets: `[[clean]]`".into()),
            sheet,
        );
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| match &item.data {
            Data::Table(entries) => rule::read(entries, &item.span, sheet),
            _ => {
                wrong_type(item, "clean", "a table", Some("each rule is a section `[[clean]]`".into()), sheet);
                None
            }
        })
        .collect()
}
