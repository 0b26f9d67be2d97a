//! What a continuous query is made from: a logical plan that says what is asked and nothing of how it is best computed once, and whatever
//! turns its expressions into something that runs on batches.

use crate::catalog::Relations;
use crate::problem::SqlProblem;
use crate::query::failure;
use crate::session::Session;
use crate::sql;
use datafusion::common::{DFSchema, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::Optimizer;
use datafusion::physical_expr::aggregate::{LoweredAggregate, LoweredAggregateBuilder};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion::physical_planner;
use std::ops::Range;
use std::sync::Arc;
use tidemill_core::Result;

/// Rules that pay off only when a question is computed once: they split aggregates (and `count(DISTINCT …)` so that its parts can't be merged), or
/// compute a part of a plan for two places.
const LEFT_OUT: [&str; 3] = ["single_distinct_aggregation_to_group_by", "share", "unions_to_filter"];

/// Makes expressions of a plan runnable.
#[derive(Clone)]
pub struct Lowering {
    state: Arc<SessionState>,
    relations: Arc<Relations>,
}

impl Session {
    /// The plan of a question: views opened, types settled, subqueries turned into joins, filters and projections pushed down.
    pub fn live_plan(&self, text: &str) -> Result<LogicalPlan, Vec<SqlProblem>> {
        let plan = self.plan(text, false)?;
        let mut state = self.state_now();
        state.config_mut().options_mut().optimizer.enable_physical_uncorrelated_scalar_subquery = false;
        let rules = state.optimizers().iter().filter(|r| !LEFT_OUT.contains(&r.name())).cloned().collect();
        let optimised = Optimizer::with_rules(rules).optimize(plan, &state, |_, _| {});
        optimised.map_err(|e| crate::advice::problems(&e, text))
    }

    pub fn lowering(&self) -> Lowering {
        Lowering { state: Arc::new(self.state_now()), relations: Arc::clone(&self.relations) }
    }

    /// Where a name stands in a text as a word of its own: its bytes.
    pub fn word_in(&self, text: &str, word: &str) -> Option<Range<usize>> {
        sql::word(text, word)
    }
}

impl Lowering {
    pub fn expr(&self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        let made = create_physical_expr(expr, schema, self.state.execution_props(), &PhysicalPlanningContext::default());
        made.map_err(failure)
    }

    pub fn aggregate(&self, expr: &Expr, schema: &DFSchema) -> Result<LoweredAggregate> {
        let context = PhysicalPlanningContext::default();
        let made = LoweredAggregateBuilder::new(expr, schema, schema.as_arrow(), self.state.execution_props(), &context).build();
        made.map_err(failure)
    }

    pub fn window(&self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn WindowExpr>> {
        let context = PhysicalPlanningContext::default();
        physical_planner::create_window_expr(expr, schema, self.state.execution_props(), &context).map_err(failure)
    }

    /// Schema and name of the relation that a name in a plan means.
    pub fn relation(&self, name: &TableReference) -> Option<(String, String)> {
        self.relations.resolve(name.schema(), name.table())
    }
}
