//! `alerts/NAME.sql`: a SELECT each of whose rows is an alarm, with a TOML header.

use crate::document::{Data, Value};
use crate::fields::{Fields, quoted, wrong_type};
use crate::sheet::Sheet;
use crate::spec::{Alert, AlertAction, AlertSeverity, LiveSettings};
use crate::view::late_lines;
use crate::{header, live, source, sql};
use tidemill_core::codes;
use tidemill_core::problem::did_you_mean;

/// Actions that are a word; all others are tables that name a connector.
const WORDS: [&str; 1] = ["log"];

/// `lateness` is the project's, in microseconds.
pub(crate) fn read(alert_name: &str, split: &header::Split, lateness: i64, sheet: &mut Sheet) -> Alert {
    let entries = sheet.parse();
    let mut f = Fields::new("the header", 0..0, &entries);
    let description = f.text_or_empty("description", sheet);
    let severities = [("info", AlertSeverity::Info), ("warning", AlertSeverity::Warning), ("critical", AlertSeverity::Critical)];
    let severity = f.choice_or_default("severity", &severities, sheet);
    let key = f.names("key", sheet);
    let every = f.some_time("every", sheet);
    let renotify_micros = f.some_time("renotify", sheet).map(|d| d.value);
    let cooldown_micros = f.duration("cooldown", sheet).map_or(0, |d| d.value);
    let resolve_after_micros = f.some_time("resolve_after", sheet).map(|d| d.value);
    let actions = f.get("actions").map_or_else(|| vec![AlertAction::Log], |v| actions(v, sheet));
    let live = live::read(&mut f, lateness, sheet);
    if f.has("every") {
        live::refuse(&f, &[], "an alert that is asked again and again", "remove `every` to have it kept live", sheet);
    }
    f.refuse_rest(sheet);
    late_lines(split, sheet);
    sql::check_select(&split.sql, "an alert", sheet);
    Alert {
        name: alert_name.to_string(),
        file: sheet.file.clone(),
        description,
        sql: split.sql.clone(),
        severity,
        live: LiveSettings { key: key.clone(), ..live },
        key,
        every_micros: every,
        renotify_micros,
        cooldown_micros,
        resolve_after_micros,
        actions,
    }
}

fn actions(value: &Value, sheet: &mut Sheet) -> Vec<AlertAction> {
    let items = match &value.data {
        Data::List(items) => items.iter().collect(),
        _ => vec![value],
    };
    items.into_iter().filter_map(|item| action(item, sheet)).collect()
}

fn action(item: &Value, sheet: &mut Sheet) -> Option<AlertAction> {
    match &item.data {
        Data::Text(word) if word == "log" => Some(AlertAction::Log),
        Data::Text(word) => {
            let help = match did_you_mean(word, WORDS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the words are {}; anything else is `{{ connector = \"{word}\", … }}`", quoted(WORDS.into_iter(), "and")),
            };
            sheet.error(codes::VALUE_UNKNOWN, &item.span, format!("there is no action `{word}`"), help);
            None
        }
        Data::Table(entries) => Some(AlertAction::Send(source::read("the action", item.span.clone(), entries, None, sheet))),
        _ => {
            let help = "for example `actions = [\"log\", { connector = \"webhook\", url = \"…\" }]`";
            wrong_type(item, "actions", "a word or a table", Some(help.into()), sheet);
            None
        }
    }
}
