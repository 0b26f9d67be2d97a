//! Live views and alerts: what must hold beside what any SELECT must.

use crate::check::{Checked, suggest};
use crate::followed::check_sink;
use crate::tables::Prepared;
use arrow::datatypes::SchemaRef;
use std::path::Path;
use std::sync::Arc;
use tidemill_core::{Place, Problem, Severity, Spanned, codes};
use tidemill_engine::{Catalog, Engine, Relation, RelationKind, Session, SqlProblem};
use tidemill_live::{Compiled, InputInfo, InputRef};
use tidemill_project::NodeKind;
use tidemill_project::spec::{Alert, AlertAction, LiveSettings, Materialized, Sql, View};

/// A session for what is kept live, over everything that could be judged.
pub(crate) fn session(engine: &Arc<Engine>, functions: Vec<(String, String)>, checked: &Checked) -> Option<Session> {
    let session = engine.session(Catalog { functions, ..Catalog::default() }).ok()?;
    let add = |schema: &str, name: &str, columns: &SchemaRef| {
        session.add_relation(Relation { schema: schema.into(), name: name.into(), kind: RelationKind::Schema(Arc::clone(columns)) });
    };
    for node in &checked.graph.nodes {
        let Some(columns) = checked.schemas.get(&node.name) else { continue };
        match (node.kind, checked.project.views.iter().find(|v| v.name == node.name)) {
            (NodeKind::Raw | NodeKind::Clean, _) => {
                if let Some((schema, name)) = node.name.split_once('.') {
                    add(schema, name, columns);
                }
            }
            (_, Some(view)) if *view.materialized == Materialized::Table => add("public", &view.name, columns),
            // What can't be opened has been told.
            (_, Some(view)) => drop(session.add_view(&view.name, &view.sql.text)),
            _ => {}
        }
    }
    Some(session)
}

/// What live views and alerts may read: tables as they came and as they were cleaned, and stored views. `followed` says of a table whether rows
/// come to it while views run.
pub(crate) fn inputs(checked: &Checked, followed: &dyn Fn(&Prepared) -> bool) -> Vec<InputInfo> {
    let mut out = Vec::new();
    for p in &checked.tables {
        for (schema, node) in [("clean", p.clean_node()), ("raw", p.raw_node())] {
            let Some(columns) = checked.schemas.get(&node) else { continue };
            let event_time = p.table.event_time.as_ref().map(|c| c.value.clone()).filter(|c| columns.field_with_name(c).is_ok());
            let (name, columns) = (p.table.name.clone(), Arc::clone(columns));
            out.push(InputInfo { schema: schema.into(), name, columns, followed: followed(p), event_time, updates: false });
        }
    }
    for view in checked.project.views.iter().filter(|v| *v.materialized == Materialized::Table) {
        let Some(columns) = checked.schemas.get(&view.name) else { continue };
        let (name, columns) = (view.name.clone(), Arc::clone(columns));
        out.push(InputInfo { schema: "public".into(), name, columns, followed: false, event_time: None, updates: false });
    }
    out
}

/// Whether rows come to the table by themselves, in the environment chosen or in another.
fn may_be_followed(p: &Prepared) -> bool {
    p.stream.is_some() || p.table.alternatives.iter().any(|a| crate::followed::stream_connector(&a.source).is_some())
}

/// Every reason why what is to be kept live can't be, in whichever environment its tables are followed.
pub(crate) fn compile_all(checked: &mut Checked) {
    let Some(session) = checked.live_session.clone() else { return };
    let inputs = inputs(checked, &may_be_followed);
    let views = checked.project.views.iter().filter(|v| *v.materialized == Materialized::Live);
    let views = views.map(|v| (v.name.clone(), v.file.as_path(), &v.sql, &v.live, None));
    let alerts = checked.project.alerts.iter().filter(|a| a.every_micros.is_none());
    let alerts = alerts.map(|a| (format!("alert.{}", a.name), a.file.as_path(), &a.sql, &a.live, Some(a)));
    let mut found = Vec::new();
    for (name, file, sql, live, alert) in views.chain(alerts) {
        let is_wrong = || checked.problems.iter().any(|p| p.severity == Severity::Error && p.place.file == file);
        if !checked.schemas.contains_key(&name) || is_wrong() {
            continue;
        }
        match Compiled::new(&name, &sql.text, live, &session, &inputs) {
            Err(problems) => found.extend(problems.into_iter().map(|p| refused(file, sql, p))),
            Ok(compiled) => {
                let is_followed = |i: &InputRef| inputs.iter().any(|k| k.followed && k.schema == i.schema && k.name == i.name);
                if let Some(alert) = alert
                    && alert.resolve_after_micros.is_none()
                    && compiled.is_append_only()
                    && compiled.inputs().iter().any(is_followed)
                {
                    let place = Place::span(file, sql.span.start..sql.span.start + sql.text.len());
                    let message = "rows of this alert never go away, so its alarms would never be resolved";
                    found.push(Problem::error(codes::VIEW_LIVE, place, message).help("add `resolve_after = \"1h\"` to its header"));
                }
            }
        }
    }
    checked.problems.extend(found);
}

fn refused(file: &Path, sql: &Sql, p: SqlProblem) -> Problem {
    let span = p.span.map_or(sql.span.clone(), |s| sql.locate(s));
    let problem = Problem::error(codes::VIEW_LIVE, Place::span(file, span), p.message);
    p.help.into_iter().fold(problem, Problem::help)
}

/// A live view whose SQL has these columns.
pub(crate) fn check_view(view: &View, schema: &SchemaRef, session: &Session, checked: &mut Checked) {
    let found = check(&What { file: &view.file, sql: &view.sql, live: &view.live, is_alert: false }, &view.live.key, schema, session);
    checked.problems.extend(found);
    if let Some(sink) = &view.live.sink {
        check_sink(sink, &checked.project.dir, &mut checked.problems);
    }
}

/// An alert whose SQL has these columns.
pub(crate) fn check_alert(alert: &Alert, schema: &SchemaRef, session: &Session, checked: &mut Checked) {
    let found = match &alert.every_micros {
        Some(_) => key_problems(&alert.file, &alert.key, schema),
        None => check(&What { file: &alert.file, sql: &alert.sql, live: &alert.live, is_alert: true }, &alert.key, schema, session),
    };
    checked.problems.extend(found);
}

/// Where an alert's word is sent.
pub(crate) fn check_actions(alert: &Alert, checked: &mut Checked) {
    for action in &alert.actions {
        if let AlertAction::Send(target) = action {
            check_sink(target, &checked.project.dir, &mut checked.problems);
        }
    }
}

/// Something that is to be kept live.
struct What<'a> {
    file: &'a Path,
    sql: &'a Sql,
    live: &'a LiveSettings,
    is_alert: bool,
}

fn check(what: &What, key: &[Spanned<String>], schema: &SchemaRef, session: &Session) -> Vec<Problem> {
    let mut problems = key_problems(what.file, key, schema);
    let refuse = |span: std::ops::Range<usize>, message: String, help: &str| {
        Problem::error(codes::VIEW_LIVE, Place::span(what.file, what.sql.locate(span)), message).help(help)
    };
    let kept = ["system", "quarantine", "information_schema"];
    for r in tidemill_project::sql::references(what.sql).unwrap_or_default() {
        let Some(schema) = r.schema.as_deref().filter(|s| kept.contains(s)) else { continue };
        let help = match what.is_alert {
            true => "add `every = \"10s\"`: it is then asked again and again",
            false => "write `materialized = \"view\"`: it is then computed whenever it is asked for",
        };
        problems.push(refuse(r.span, format!("`{schema}.{}` is not followed, and so nothing over it is kept current", r.name), help));
    }
    if what.live.deterministic
        && let Some(function) = session.volatile_functions(&what.sql.text).ok().and_then(|f| f.into_iter().next())
    {
        let at = tidemill_project::sql::calls(&what.sql.text).into_iter().find(|c| c.name == function);
        let help = match what.is_alert {
            true => "take the time from the rows; or write `every = \"10s\"` to have it asked again and again; or `deterministic = false`",
            false => "take the time from the rows; or write `deterministic = false`, and the result is as of when each row came",
        };
        let span = at.map_or(0..what.sql.text.len(), |c| c.span);
        problems.push(refuse(
            span,
            format!("`{function}` gives another answer each time, so the result would depend on when rows come"),
            help,
        ));
    }
    problems
}

fn key_problems(file: &Path, key: &[Spanned<String>], schema: &SchemaRef) -> Vec<Problem> {
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    let missing = key.iter().filter(|k| !names.contains(&k.value.as_str()));
    missing
        .map(|k| {
            let place = Place::span(file, k.span.clone());
            Problem::error(codes::SQL_COLUMN_UNKNOWN, place, format!("the SELECT has no column `{}`", k.value)).help(suggest(k, &names))
        })
        .collect()
}
