//! Tests of functions: calls that need no data are tried by `check`, and all of them by a run in which the function, a test or what the
//! function reads has changed.

use crate::check::sql_problem;
use crate::nodes::{self, NodePlan};
use crate::quarantine::text;
use crate::run::Run;
use crate::state;
use tidemill_core::{Error, Place, Problem, Result, codes};
use tidemill_engine::{Session, SqlProblem, type_name};
use tidemill_project::spec::{Function, FunctionTest, FunctionTestKind, Project, TestSeverity};

/// The function of a node `margin()`.
pub(crate) fn function<'a>(project: &'a Project, node: &str) -> Result<&'a Function> {
    let name = node.trim_end_matches("()");
    project.functions.iter().find(|f| f.name == name).ok_or_else(|| Error::bug(format!("no function {name}")))
}

/// What is wrong with a function's tests, and which of its calls give something else than they should. SELECTs are typed only; those that
/// name what there is not have been told of, as the graph's.
pub(crate) fn check(f: &Function, session: &Session, knows_all: bool) -> Vec<Problem> {
    f.tests.iter().filter_map(|t| check_one(f, t, session, knows_all)).collect()
}

fn check_one(f: &Function, t: &FunctionTest, session: &Session, knows_all: bool) -> Option<Problem> {
    match &t.kind {
        FunctionTestKind::Sql { sql, .. } => {
            let wrong = if knows_all { session.schema_of(&sql.text).err() } else { None };
            wrong.map(|p| sql_problem(&f.file, sql, p))
        }
        FunctionTestKind::Call { call, equals } => {
            let (condition, gives) =
                match session.constant(&call.text).map(|(of, gives)| (condition(&call.text, &equals.value, &of), gives)) {
                    Ok(found) => found,
                    Err(p) => return Some(sql_problem(&f.file, call, p)),
                };
            let place = || Place::span(&f.file, equals.span.clone());
            match session.constant(&condition) {
                Ok((_, Some(holds))) if holds == "true" => None,
                Ok(_) => {
                    let shown = |v: &Option<String>| v.clone().unwrap_or_else(|| "NULL".into());
                    let message = format!("`{}` is {}, and the test wants {}", call.text.trim(), shown(&gives), shown(&equals.value));
                    let problem = match t.severity {
                        TestSeverity::Error => Problem::error(codes::FUNCTION_TEST, place(), message),
                        TestSeverity::Warn => Problem::warning(codes::FUNCTION_TEST, place(), message),
                    };
                    Some(problem.help("mend the function, or what the test expects"))
                }
                // What is expected can't be one of the function's values.
                Err(SqlProblem { message, .. }) => Some(
                    Problem::error(codes::FUNCTION_TEST, place(), format!("the test can't be tried: {message}"))
                        .help("write a value of the type that the function returns"),
                ),
            }
        }
    }
}

/// Whether a call gives what it should: numbers with a point to nine digits, everything else exactly.
fn condition(call: &str, equals: &Option<String>, of: &arrow::datatypes::DataType) -> String {
    let call = call.trim().trim_end_matches(';');
    let Some(value) = equals else { return format!("({call}) IS NULL") };
    let wanted = if of.is_null() { text(value) } else { format!("CAST({} AS {})", text(value), type_name(of)) };
    let same = format!("({call}) IS NOT DISTINCT FROM {wanted}");
    if of.is_floating() {
        format!("{same} OR coalesce(abs(({call}) - {wanted}) <= 1e-9 * greatest(1.0, abs({wanted})), false)")
    } else {
        same
    }
}

/// A test's name, and the SELECT that must return no row.
fn select(t: &FunctionTest, session: &Session) -> Result<(String, String)> {
    Ok(match &t.kind {
        FunctionTestKind::Sql { name, sql } => (name.clone(), sql.text.trim().trim_end_matches(';').to_string()),
        FunctionTestKind::Call { call, equals } => {
            let (of, gives) = session.constant(&call.text)?;
            let condition = condition(&call.text, &equals.value, &of);
            let shown = |v: &Option<String>| v.as_ref().map_or("NULL".to_string(), |v| text(v));
            let name = call.text.trim().to_string();
            let sql = format!(
                "SELECT {} AS call, {} AS gives, {} AS wanted WHERE NOT ({condition})",
                text(&name),
                shown(&gives),
                shown(&equals.value)
            );
            (name, sql)
        }
    })
}

impl Run {
    pub(crate) async fn hold_function_to_tests(&self, n: &NodePlan) -> Result<()> {
        let f = function(&self.ws.checked.project, &n.name)?;
        let versions = self.versions.lock().clone();
        let session = self.ws.session_over(&versions).await?;
        let mut outcome = self.outcome(n);
        let step = self.recorder.step(&n.name, "test");
        let tests = f.tests.iter().map(|t| select(t, &session).map(|(name, sql)| (name, sql, t.severity))).collect::<Result<Vec<_>>>();
        let told = match tests {
            Ok(tests) => self.hold(&session, &n.name, tests, &mut outcome).await,
            Err(e) => Err(e),
        };
        match told {
            Ok(told) => step.ok(told),
            Err(e) => {
                step.fail(&e);
                return Err(e);
            }
        }
        outcome.tested = true;
        state::put(&self.ws.lake, &outcome)?;
        self.ws.lake.put_state(&nodes::pointer(&n.name), &self.manifest.epoch)
    }
}
