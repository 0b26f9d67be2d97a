//! The view node: computes a `table` view into the lake, and holds every view to its quality tests.

use crate::lineage;
use crate::nodes::{self, NodePlan};
use crate::quarantine::{ident, text};
use crate::record::Step;
use crate::report::{Action, FailedTest};
use crate::run::Run;
use crate::state::{self, Outcome, TestLine};
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tidemill_core::{Error, ErrorKind, Meter, Result};
use tidemill_engine::Session;
use tidemill_lake::{Commit, Removes, TableName, WriterOptions};
use tidemill_project::NodeKind;
use tidemill_project::spec::{TestKind, TestSeverity, View, ViewTest};

/// How many failing rows of a test are kept.
const FAILURES_KEPT: usize = 20;

impl Run {
    pub(crate) async fn view(&self, n: NodePlan) -> Result<()> {
        let view = self
            .ws
            .checked
            .project
            .views
            .iter()
            .find(|v| v.name == n.name)
            .cloned()
            .ok_or_else(|| Error::bug(format!("no view {}", n.name)))?;
        if n.kind == NodeKind::Table && n.action != Action::Test {
            let place = self.place().await?;
            tracing::debug!(node = n.name, reason = n.reason, "begins");
            let mut outcome = self.outcome(&n);
            let versions = self.versions.lock().clone();
            let session = self.ws.session_over(&versions).await?;
            outcome.lineage = lineage::of_select(&session, &view.sql.text);
            let step = self.recorder.step(&n.name, "view");
            let mut made = self.materialise(&view, &session, &mut outcome, &step).await;
            if matches!(&made, Err(e) if e.kind == ErrorKind::Limit) && self.place_count > 1 {
                // Beside others it had a part of the memory; now it may have all of it.
                tracing::info!(view = view.name, "too little memory beside others: tried again alone");
                drop(place);
                let _alone = self.alone().await?;
                outcome.rows = 0;
                step.meter.rows_written.store(0, Relaxed);
                made = self.materialise(&view, &session, &mut outcome, &step).await;
            }
            match made {
                Ok(()) => step.ok(String::new()),
                Err(e) => {
                    step.fail(&e);
                    return Err(e);
                }
            }
        }
        Ok(())
    }

    /// Holds a view to its tests, when everything is built: a test may look at any relation, also at one that depends on the view.
    pub(crate) async fn hold_to_tests(&self, n: &NodePlan) -> Result<()> {
        if n.kind == NodeKind::Function {
            return self.hold_function_to_tests(n).await;
        }
        let Some(view) = self.ws.checked.project.views.iter().find(|v| v.name == n.name) else { return Ok(()) };
        let mut outcome = match n.kind {
            NodeKind::Table => match nodes::last_outcome(&self.ws.lake, &n.name, n.kind).await? {
                Some(o) => o,
                None => return Ok(()),
            },
            _ => {
                let versions = self.versions.lock().clone();
                let session = self.ws.session_over(&versions).await?;
                Outcome { lineage: lineage::of_select(&session, &view.sql.text), ..self.outcome(n) }
            }
        };
        outcome.tests.clear();
        if !view.tests.is_empty() {
            let step = self.recorder.step(&n.name, "test");
            match self.test(view, &mut outcome, &step).await {
                Ok(message) => step.ok(message),
                Err(e) => {
                    step.fail(&e);
                    return Err(e);
                }
            }
        }
        // For a table this was made durable before its commit; now it also has the tests.
        outcome.tested = true;
        state::put(&self.ws.lake, &outcome)?;
        if n.kind == NodeKind::View {
            self.ws.lake.put_state(&nodes::pointer(&n.name), &self.manifest.epoch)?;
        }
        Ok(())
    }

    async fn materialise(&self, view: &View, session: &Session, outcome: &mut Outcome, step: &Step) -> Result<()> {
        let table = TableName::public(view.name.clone());
        let query = session.query(&view.sql.text).await?;
        step.runs(&query);
        let partition_by: Vec<String> = view.partition_by.iter().map(|c| c.value.clone()).collect();
        let schema = described(&query.schema, view);
        let options = WriterOptions { partition_by: partition_by.clone(), ..WriterOptions::default() };
        let writer = Arc::new(self.ws.lake.writer(&table, &schema, options)?);
        let stored_schema = writer.schema();
        let mut rows = query.stream()?;
        let mut seq = 0;
        while let Some(batch) = rows.next().await {
            if step.meter.is_cancelled() {
                return Err(Error::conflict("cancelled"));
            }
            let batch = batch.map_err(|e| e.at(view.name.clone()))?;
            let n = batch.num_rows() as u64;
            outcome.rows += n;
            Meter::add(&step.meter.rows_written, n);
            // Encoding is heavy; this thread may do it as long as others can take over its tasks.
            tokio::task::block_in_place(|| step.writes(n as usize, || writer.write(seq, batch)))?;
            seq += 1;
        }
        drop(rows);
        let writer = Arc::into_inner(writer).ok_or_else(|| Error::bug("a writer still in use"))?;
        let adds = tokio::task::block_in_place(|| step.writes(0, || writer.finish()))?;
        step.wrote(adds.iter().map(|a| a.size).sum());
        let metrics = query.metrics();
        Meter::add(&step.meter.bytes_spilled, metrics.bytes_spilled);
        Meter::add(&step.meter.bytes_exchanged, metrics.bytes_exchanged);
        tracing::debug!(view = view.name, plan = %metrics.operators, "ran");
        state::put(&self.ws.lake, outcome)?;
        let commit =
            Commit { schema: stored_schema, adds, removes: Removes::All, operation: "WRITE".into(), partition_columns: partition_by };
        let done = self.ws.lake.commit(&self.lease, self.manifest.epoch, &table, commit).await?;
        self.set_version(table, done.version);
        Ok(())
    }

    async fn test(&self, view: &View, outcome: &mut Outcome, step: &Step) -> Result<String> {
        let versions = self.versions.lock().clone();
        let session = self.ws.session_over(&versions).await?;
        let tests = view.tests.iter().map(|t| {
            let (name, sql) = test_sql(&view.name, t);
            (name, sql, t.severity)
        });
        let told = self.hold(&session, &view.name, tests.collect(), outcome).await?;
        Meter::add(&step.meter.rows_read, outcome.rows);
        Ok(told)
    }

    /// Runs tests, each a name and the SELECT that must return no row, and says how many hold.
    pub(crate) async fn hold(
        &self,
        session: &Session,
        of: &str,
        tests: Vec<(String, String, TestSeverity)>,
        outcome: &mut Outcome,
    ) -> Result<String> {
        let (mut passed, mut failed) = (0, 0);
        for (name, sql, severity) in tests {
            let counted = session
                .collect(&format!("SELECT count(*) FROM ({sql}) failing"), None)
                .await
                .map_err(|e| e.at(format!("{of} ({name})")))?;
            let failures = first_count(&counted.batches);
            let mut rows = Vec::new();
            let is_error = severity == TestSeverity::Error;
            if failures > 0 {
                failed += 1;
                let found = session.collect(&sql, Some(FAILURES_KEPT)).await?;
                rows = crate::json_rows(&found.batches)?;
                self.failed_tests.lock().push(FailedTest { view: of.to_string(), test: name.clone(), rows: failures, is_error });
            } else {
                passed += 1;
            }
            outcome.tests.push(TestLine {
                test: name,
                severity: if is_error { "error" } else { "warn" }.into(),
                status: if failures == 0 { "passed" } else { "failed" }.into(),
                failures,
                rows,
            });
        }
        Ok(match failed {
            0 if passed == 1 => "1 test passed".into(),
            0 => format!("{passed} tests passed"),
            f => format!("{f} of {} tests failed", passed + f),
        })
    }
}

fn first_count(batches: &[arrow::array::RecordBatch]) -> u64 {
    use arrow::array::AsArray;
    batches
        .iter()
        .find(|b| b.num_rows() > 0)
        .and_then(|b| b.column(0).as_primitive_opt::<arrow::datatypes::Int64Type>().map(|a| a.value(0).max(0) as u64))
        .unwrap_or(0)
}

/// A test's name and the SELECT that must return no row.
pub(crate) fn test_sql(view: &str, test: &ViewTest) -> (String, String) {
    let relation = ident(view);
    let list = |c: &[tidemill_core::Spanned<String>]| c.iter().map(|c| c.value.clone()).collect::<Vec<_>>();
    match &test.kind {
        TestKind::NotNull(columns) => {
            let any: Vec<String> = columns.iter().map(|c| format!("{} IS NULL", ident(c))).collect();
            (format!("not_null({})", list(columns).join(", ")), format!("SELECT * FROM {relation} WHERE {}", any.join(" OR ")))
        }
        TestKind::Unique(columns) => {
            let names: Vec<String> = columns.iter().map(|c| ident(c)).collect();
            let by = names.join(", ");
            let present: Vec<String> = names.iter().map(|c| format!("{c} IS NOT NULL")).collect();
            (
                format!("unique({})", list(columns).join(", ")),
                format!("SELECT {by}, count(*) AS rows FROM {relation} WHERE {} GROUP BY {by} HAVING count(*) > 1", present.join(" AND ")),
            )
        }
        TestKind::AcceptedValues { column, values } => {
            let list: Vec<String> = values.iter().map(|v| text(v)).collect();
            let c = ident(column);
            (
                format!("accepted_values({})", column.value),
                format!(
                    "SELECT {c}, count(*) AS rows FROM {relation} WHERE {c} IS NOT NULL AND CAST({c} AS VARCHAR) NOT IN ({}) GROUP BY {c}",
                    list.join(", ")
                ),
            )
        }
        TestKind::Relationships { column, to, to_column } => {
            let (c, t) = (ident(column), ident(to_column));
            let target = to.value.split('.').map(ident).collect::<Vec<_>>().join(".");
            (
                format!("relationships({} → {}.{to_column})", column.value, to.value),
                format!(
                    "SELECT child.{c}, count(*) AS rows FROM {relation} child LEFT JOIN (SELECT DISTINCT {t} AS parent_key FROM {target}) parent ON child.{c} = parent.parent_key WHERE child.{c} IS NOT NULL AND parent.parent_key IS NULL GROUP BY child.{c}"
                ),
            )
        }
        TestKind::Sql { name, sql } => (name.clone(), sql.text.trim().trim_end_matches(';').to_string()),
    }
}

/// The schema with the view's descriptions on its columns.
pub(crate) fn described(schema: &arrow::datatypes::SchemaRef, view: &View) -> arrow::datatypes::SchemaRef {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| match view.columns.get(f.name()) {
            Some(t) => {
                let mut meta = f.metadata().clone();
                meta.insert("comment".into(), t.clone());
                f.as_ref().clone().with_metadata(meta)
            }
            None => f.as_ref().clone(),
        })
        .collect();
    Arc::new(arrow::datatypes::Schema::new(fields))
}
