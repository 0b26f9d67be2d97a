//! Finds equal parts of a logical plan.

use super::computed::{Part, SharedExec};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Goes last, when filters and columns have found their places: parts that need different ones are then no longer equal.
#[derive(Debug)]
pub(crate) struct Share;

impl OptimizerRule for Share {
    fn name(&self) -> &str {
        "share"
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let mut counts: HashMap<&LogicalPlan, usize> = HashMap::new();
        let mut settled = true;
        plan.apply(|node| {
            if let LogicalPlan::RecursiveQuery(_) = node {
                settled = false;
            }
            // What is shared already stays as it is.
            if let LogicalPlan::Extension(_) = node {
                return Ok(TreeNodeRecursion::Jump);
            }
            if is_worth_it(node) {
                *counts.entry(node).or_default() += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let equal: Vec<LogicalPlan> =
            counts.into_iter().filter(|(node, count)| *count > 1 && computes_the_same(node)).map(|(node, _)| node.clone()).collect();
        if equal.is_empty() || !settled {
            return Ok(Transformed::no(plan));
        }
        let parts: HashMap<LogicalPlan, Arc<Part>> = equal.into_iter().map(|node| (node, Arc::new(Part::default()))).collect();
        plan.transform_down(|node| {
            if let LogicalPlan::Extension(_) = node {
                return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
            }
            match parts.get(&node) {
                Some(part) => {
                    let shared = Shared { input: node, part: Arc::clone(part) };
                    let node = LogicalPlan::Extension(Extension { node: Arc::new(shared) });
                    Ok(Transformed::new(node, true, TreeNodeRecursion::Jump))
                }
                None => Ok(Transformed::no(node)),
            }
        })
    }
}

/// Reading a table twice costs less than keeping its rows.
fn is_worth_it(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) | LogicalPlan::Join(_) | LogicalPlan::Window(_))
}

/// Not where randomness or a row from outside takes part.
fn computes_the_same(plan: &LogicalPlan) -> bool {
    let mut same = true;
    // The closures never fail.
    let _ = plan.apply_with_subqueries(|node| {
        let _ = node.apply_expressions(|e| {
            same &= !e.is_volatile() && !e.contains_outer();
            Ok(TreeNodeRecursion::Continue)
        });
        Ok(if same { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    same
}

/// One of several equal parts.
struct Shared {
    input: LogicalPlan,
    part: Arc<Part>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}
impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.part, &other.part)
    }
}
impl Eq for Shared {}
impl PartialOrd for Shared {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}
impl Hash for Shared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.part).hash(state);
    }
}

impl UserDefinedLogicalNodeCore for Shared {
    fn name(&self) -> &str {
        "Shared"
    }
    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }
    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }
    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }
    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs.into_iter().next().ok_or_else(|| DataFusionError::Internal("a shared part without an input".into()))?;
        Ok(Shared { input, part: Arc::clone(&self.part) })
    }
}

/// The usual planner, which knows shared parts too.
#[derive(Debug)]
pub(crate) struct SharingPlanner;

#[async_trait]
impl QueryPlanner for SharingPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(SharingPlanner)]).create_physical_plan(plan, session).await
    }
}

#[async_trait]
impl ExtensionPlanner for SharingPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(shared), [input]) = (node.as_any().downcast_ref::<Shared>(), inputs) else { return Ok(None) };
        Ok(Some(Arc::new(SharedExec::new(Arc::clone(input), Arc::clone(&shared.part)))))
    }
}
