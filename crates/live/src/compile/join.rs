//! Joins: which bounds in time their conditions hold.

use super::plan::{Compiler, Facts, nullable};
use super::refuse;
use crate::frontier::{Through, is_time, native};
use crate::join::{Alone, Bound, Gives, Join};
use crate::over::reach::micros;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Join as LogicalJoin, LogicalPlan, LogicalPlanBuilder, Operator};
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_engine::failure;

/// A column of a join's rows and what is added to it, in microseconds.
type Shifted = (usize, i64);

impl Compiler<'_> {
    pub(super) fn join(&mut self, join: &LogicalJoin) -> Option<usize> {
        let moments = self.moments_as_columns(join);
        if let Some(widened) = self.take(moments)? {
            let node = self.join(&widened)?;
            let shown: Vec<Expr> = join.schema.columns().into_iter().map(Expr::Column).collect();
            return self.project(&shown, &widened.schema, join.schema.inner(), node);
        }
        let left = self.node(&join.left);
        let right = self.node(&join.right);
        let (left, right) = (left?, right?);
        if join.null_aware {
            return self
                .refuse_at(refuse::cannot("NOT IN", "write `NOT EXISTS (SELECT … WHERE …)`, which says what becomes of NULL"), "not");
        }
        let (from_left, from_right) = (join.left.schema(), join.right.schema());
        let keys =
            |exprs: Vec<&Expr>, from: &DFSchema| -> Result<Vec<_>> { exprs.into_iter().map(|e| self.lowering.expr(e, from)).collect() };
        let left_keys = keys(join.on.iter().map(|(l, _)| l).collect(), from_left);
        let right_keys = keys(join.on.iter().map(|(_, r)| r).collect(), from_right);
        let keys = [self.take(left_keys)?, self.take(right_keys)?];
        let both = from_left.join(from_right).map_err(failure);
        let both = self.take(both)?;
        let filter = match &join.filter {
            Some(filter) => {
                let made = self.lowering.expr(filter, &both);
                Some(self.take(made)?)
            }
            None => None,
        };
        let gives = match join.join_type {
            JoinType::Inner => Gives::Pairs { left: Alone::Nothing, right: Alone::Nothing },
            JoinType::Left => Gives::Pairs { left: Alone::WithNulls, right: Alone::Nothing },
            JoinType::Right => Gives::Pairs { left: Alone::Nothing, right: Alone::WithNulls },
            JoinType::Full => Gives::Pairs { left: Alone::WithNulls, right: Alone::WithNulls },
            JoinType::LeftSemi => Gives::Semi { side: 0 },
            JoinType::RightSemi => Gives::Semi { side: 1 },
            JoinType::LeftAnti => Gives::Anti { side: 0 },
            JoinType::RightAnti => Gives::Anti { side: 1 },
            JoinType::LeftMark => Gives::Mark { side: 0 },
            JoinType::RightMark => Gives::Mark { side: 1 },
        };
        let inputs = [SchemaRef::clone(&self.nodes[left].schema), SchemaRef::clone(&self.nodes[right].schema)];
        let bounds = self.bounds(join, &both, [left, right]);
        let is_static = [self.nodes[left].is_static, self.nodes[right].is_static];
        let kept = [!is_static[1], !is_static[0]];
        for side in 0..2 {
            let prunes = bounds.iter().any(|b| b.side == side);
            if kept[side] && !is_static[side] && !prunes && self.settings.state_limit.is_none() {
                let which = if side == 0 { "left" } else { "right" };
                let help = "bound both sides by each other's time: `ON a.id = b.id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '10 minutes'`";
                return self.refuse_at(refuse::grows(&format!("this join keeps every row of its {which} side"), help), "join");
            }
        }
        let raw = [self.nodes[left].raw, self.nodes[right].raw];
        let may_be_late = [0, 1].map(|side: usize| raw[side] && !is_static[side] && bounds.iter().any(|b| b.side == 1 - side));
        self.may_be_late |= may_be_late[0] || may_be_late[1];
        let changes = |side: usize| !is_static[side];
        let turns = match gives {
            Gives::Pairs { left, right } => (left == Alone::WithNulls && changes(1)) || (right == Alone::WithNulls && changes(0)),
            Gives::Semi { .. } => false,
            Gives::Anti { side } | Gives::Mark { side } => changes(1 - side),
        };
        let updating = turns || self.nodes[left].updating || self.nodes[right].updating;
        // A join with a table that stands still is as good as a projection.
        let still = is_static[0] || is_static[1];
        let pair: Vec<_> = inputs.iter().flat_map(|s| s.fields().iter().cloned()).collect();
        let schema = nullable(join.schema.inner());
        let key = match gives {
            Gives::Semi { side } | Gives::Anti { side } => self.nodes[[left, right][side]].key.clone(),
            _ => None,
        };
        let stage = Join {
            inputs,
            schema: SchemaRef::clone(&schema),
            pair: Arc::new(Schema::new(pair)),
            keys,
            null_meets_null: join.null_equality == NullEquality::NullEqualsNull,
            filter,
            gives,
            bounds,
            kept,
            updating: [self.nodes[left].updating, self.nodes[right].updating],
            may_be_late,
        };
        self.add(Arc::new(stage), vec![left, right], Facts { schema, updating, raw: still && (raw[0] || raw[1]), key })
    }

    /// Keys that are computed from a moment (the minute of an event) become columns below the join, so that their bound is told as any other.
    fn moments_as_columns(&self, join: &LogicalJoin) -> Result<Option<LogicalJoin>> {
        let mut on = join.on.clone();
        let mut added: [Vec<Expr>; 2] = [Vec::new(), Vec::new()];
        for (at, (l, r)) in on.iter_mut().enumerate() {
            for (side, key, plan) in [(0, l, &join.left), (1, r, &join.right)] {
                if !matches!(key, Expr::Column(_)) && Through::new(key, plan.schema(), &self.lowering)?.is_some() {
                    let name = format!("_key_{side}_{at}");
                    added[side].push(key.clone().alias(name.clone()));
                    *key = Expr::Column(Column::from_name(name));
                }
            }
        }
        if added.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let widened = |plan: &Arc<LogicalPlan>, more: Vec<Expr>| {
            let all = plan.schema().columns().into_iter().map(Expr::Column).chain(more);
            LogicalPlanBuilder::from(Arc::clone(plan)).project(all)?.build().map(Arc::new)
        };
        let [left, right] = added;
        let made = widened(&join.left, left).and_then(|l| {
            let r = widened(&join.right, right)?;
            LogicalJoin::try_new(l, r, on, join.filter.clone(), join.join_type, join.join_constraint, join.null_equality, join.null_aware)
        });
        made.map(Some).map_err(failure)
    }

    /// What the condition says of the sides' times.
    fn bounds(&self, join: &LogicalJoin, both: &DFSchema, nodes: [usize; 2]) -> Vec<Bound> {
        let width = self.nodes[nodes[0]].schema.fields().len();
        let place = |column: usize| if column < width { (0, column) } else { (1, column - width) };
        let has_time = |column: usize| {
            let (side, column) = place(column);
            let node = &self.nodes[nodes[side]];
            is_time(node.schema.field(column).data_type()) && node.frontier[column].as_ref().and_then(native).is_some()
        };
        let mut found = Vec::new();
        // later + a ≥ earlier + b
        let mut at_least = |later: Shifted, earlier: Shifted| {
            let ((side, column), (other_side, other)) = (place(later.0), place(earlier.0));
            if side != other_side && has_time(later.0) && has_time(earlier.0) {
                found.push(Bound { side, column, other, shift: earlier.1 - later.1 });
            }
        };
        for (l, r) in &join.on {
            if let (Some(l), Some(r)) = (shifted(l, both), shifted(r, both)) {
                at_least(l, r);
                at_least(r, l);
            }
        }
        for part in join.filter.iter().flat_map(split_conjunction) {
            match part {
                Expr::BinaryExpr(b) => {
                    let compared = match (shifted(&b.left, both), shifted(&b.right, both)) {
                        (Some(l), Some(r)) => Some((l, r)),
                        _ => difference(&b.left, &b.right, both).or_else(|| difference(&b.right, &b.left, both).map(|(l, r)| (r, l))),
                    };
                    let Some((l, r)) = compared else { continue };
                    match b.op {
                        Operator::GtEq | Operator::Gt => at_least(l, r),
                        Operator::LtEq | Operator::Lt => at_least(r, l),
                        Operator::Eq => {
                            at_least(l, r);
                            at_least(r, l);
                        }
                        _ => {}
                    }
                }
                Expr::Between(b) if !b.negated => {
                    if let (Some(x), Some(low)) = (shifted(&b.expr, both), shifted(&b.low, both)) {
                        at_least(x, low);
                    }
                    if let (Some(x), Some(high)) = (shifted(&b.expr, both), shifted(&b.high, both)) {
                        at_least(high, x);
                    }
                }
                _ => {}
            }
        }
        found
    }
}

/// A column, with what is added to it.
fn shifted(expr: &Expr, both: &DFSchema) -> Option<Shifted> {
    match expr {
        Expr::Alias(a) => shifted(&a.expr, both),
        Expr::Column(c) => Some((both.maybe_index_of_column(c)?, 0)),
        Expr::BinaryExpr(b) => {
            let literal = |e: &Expr| if let Expr::Literal(n, _) = e { micros(n) } else { None };
            match b.op {
                Operator::Plus => match (literal(&b.left), literal(&b.right)) {
                    (None, Some(n)) => shifted(&b.left, both).map(|(c, s)| (c, s + n)),
                    (Some(n), None) => shifted(&b.right, both).map(|(c, s)| (c, s + n)),
                    _ => None,
                },
                Operator::Minus => literal(&b.right).and_then(|n| shifted(&b.left, both).map(|(c, s)| (c, s - n))),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `a − b` compared with a length: `a` compared with `b` and the length.
fn difference(between: &Expr, length: &Expr, both: &DFSchema) -> Option<(Shifted, Shifted)> {
    let between = match between {
        Expr::Cast(c) => &c.expr,
        other => other,
    };
    let Expr::BinaryExpr(b) = between else { return None };
    let Expr::Literal(n, _) = length else { return None };
    if b.op != Operator::Minus {
        return None;
    }
    let (l, r) = (shifted(&b.left, both)?, shifted(&b.right, both)?);
    Some((l, (r.0, r.1 + micros(n)?)))
}
