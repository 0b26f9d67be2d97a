//! Which columns an answer is made of: read off the plan, one step up (views stand as relations of their own).

mod graph;

pub use graph::{ColumnEdge, ColumnOrigin, GraphNode, LineageGraph};

use crate::catalog::{Relations, SchemaOnly, node_name};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, TableScan};
use datafusion::sql::unparser::expr_to_sql;
use std::any::Any;
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineageKind {
    /// The source's value, unchanged.
    Direct,
    /// Computed from the sources.
    Derived,
    /// Decides which rows there are.
    Filter,
    /// Decides which rows go together.
    Join,
    /// Decides what is aggregated together.
    Group,
}

impl LineageKind {
    pub fn as_str(self) -> &'static str {
        match self {
            LineageKind::Direct => "direct",
            LineageKind::Derived => "derived",
            LineageKind::Filter => "filter",
            LineageKind::Join => "join",
            LineageKind::Group => "group",
        }
    }
}

/// Where one column of an answer comes from; or, with column `*`, what the rows as a whole depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnLineage {
    pub column: String,
    /// Relation (as the graph calls it: `clean.orders`, `revenue_by_day`) and column, sorted; empty for constants.
    pub sources: Vec<(String, String)>,
    pub kind: LineageKind,
    /// The SQL that makes it, shortened: names of tables as in the query.
    pub expression: String,
}

/// `plan` is typed but not optimised, and views in it are tables.
pub(crate) fn trace(plan: &LogicalPlan, relations: &Relations) -> Vec<ColumnLineage> {
    let mut tracer = Tracer { relations, influences: Vec::new() };
    let traces = tracer.plan(plan);
    let columns = plan.schema().fields().iter().zip(traces).map(|(field, t)| ColumnLineage {
        column: field.name().clone(),
        sources: t.sources.into_iter().collect(),
        kind: if t.direct { LineageKind::Direct } else { LineageKind::Derived },
        expression: t.expression,
    });
    let columns: Vec<ColumnLineage> = columns.collect();
    let mut influences: Vec<ColumnLineage> = Vec::new();
    for (kind, expression, sources) in tracer.influences {
        let one = ColumnLineage { column: "*".into(), sources: sources.into_iter().collect(), kind, expression };
        if !one.sources.is_empty() && !influences.contains(&one) {
            influences.push(one);
        }
    }
    influences.sort_by(|a, b| (a.kind, &a.sources, &a.expression).cmp(&(b.kind, &b.sources, &b.expression)));
    columns.into_iter().chain(influences).collect()
}

type Sources = BTreeSet<(String, String)>;

#[derive(Debug, Clone, Default)]
struct Trace {
    sources: Sources,
    direct: bool,
    expression: String,
}

struct Tracer<'a> {
    relations: &'a Relations,
    influences: Vec<(LineageKind, String, Sources)>,
}

impl Tracer<'_> {
    /// One trace per field of the plan's schema.
    fn plan(&mut self, plan: &LogicalPlan) -> Vec<Trace> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(p) => {
                let input = self.plan(&p.input);
                p.expr.iter().map(|e| self.expr(e, p.input.schema(), &input)).collect()
            }
            LogicalPlan::Filter(f) => {
                let input = self.plan(&f.input);
                self.influence(LineageKind::Filter, &f.predicate, f.input.schema(), &input);
                input
            }
            LogicalPlan::Aggregate(a) => {
                let input = self.plan(&a.input);
                let groups: Vec<Expr> = match grouping_set_to_exprlist(&a.group_expr) {
                    Ok(groups) => groups.into_iter().cloned().collect(),
                    Err(_) => a.group_expr.clone(),
                };
                for group in &groups {
                    self.influence(LineageKind::Group, group, a.input.schema(), &input);
                }
                let mut out: Vec<Trace> = groups.iter().map(|e| self.expr(e, a.input.schema(), &input)).collect();
                // Grouping sets put an identifier of their own between.
                let ids = a.schema.fields().len().saturating_sub(out.len() + a.aggr_expr.len());
                out.extend(std::iter::repeat_n(Trace::default(), ids));
                out.extend(a.aggr_expr.iter().map(|e| self.expr(e, a.input.schema(), &input)));
                out
            }
            LogicalPlan::Window(w) => {
                let mut out = self.plan(&w.input);
                let computed: Vec<Trace> = w.window_expr.iter().map(|e| self.expr(e, w.input.schema(), &out)).collect();
                out.extend(computed);
                out
            }
            LogicalPlan::Join(j) => {
                let mut both = self.plan(&j.left);
                both.extend(self.plan(&j.right));
                let joined = j.left.schema().join(j.right.schema());
                let schema = joined.as_ref().unwrap_or(&j.schema);
                for (left, right) in &j.on {
                    let equal = left.clone().eq(right.clone());
                    self.influence(LineageKind::Join, &equal, schema, &both);
                }
                if let Some(filter) = &j.filter {
                    self.influence(LineageKind::Join, filter, schema, &both);
                }
                both.resize(both.len().max(j.schema.fields().len()), Trace::default());
                // Semi and anti joins keep one side only; the schema tells which.
                if j.schema.fields().len() < both.len() && j.schema.fields().len() == j.right.schema().fields().len() && is_right_only(j) {
                    both.drain(..j.left.schema().fields().len());
                }
                both.truncate(j.schema.fields().len());
                both
            }
            LogicalPlan::Union(u) => {
                let mut out: Vec<Trace> = vec![Trace::default(); u.schema.fields().len()];
                for (i, input) in u.inputs.iter().enumerate() {
                    for (all, one) in out.iter_mut().zip(self.plan(input)) {
                        merge(all, one, i == 0);
                    }
                }
                out
            }
            LogicalPlan::RecursiveQuery(r) => {
                let mut out = self.plan(&r.static_term);
                for (all, one) in out.iter_mut().zip(self.plan(&r.recursive_term)) {
                    all.direct &= one.direct;
                    all.sources.extend(one.sources);
                }
                out
            }
            LogicalPlan::Unnest(u) => {
                let input = self.plan(&u.input);
                let from = |i: &usize| input.get(*i).map(|t| Trace { direct: false, ..t.clone() }).unwrap_or_default();
                u.dependency_indices.iter().map(from).collect()
            }
            LogicalPlan::Distinct(Distinct::On(on)) => {
                let input = self.plan(&on.input);
                for e in &on.on_expr {
                    self.influence(LineageKind::Group, e, on.input.schema(), &input);
                }
                on.select_expr.iter().map(|e| self.expr(e, on.input.schema(), &input)).collect()
            }
            // Everything that passes its one input's columns on, by position: aliases, sorts, limits, DISTINCT.
            other => match other.inputs().as_slice() {
                [input] if input.schema().fields().len() == other.schema().fields().len() => self.plan(input),
                _ => vec![Trace::default(); other.schema().fields().len()],
            },
        }
    }

    fn scan(&mut self, scan: &TableScan) -> Vec<Trace> {
        let fields = scan.projected_schema.fields();
        let relation = match self.relations.resolve(scan.table_name.schema(), scan.table_name.table()) {
            Some((schema, name)) => node_name(&schema, &name),
            // A version of a table, a series, the step before in a recursive query: only the first has columns to point at.
            None => {
                let provider = source_as_provider(&scan.source).ok();
                let named = provider.as_ref().and_then(|p| (p.as_ref() as &dyn Any).downcast_ref::<SchemaOnly>()).map(|s| s.name.clone());
                match named {
                    Some(name) => name,
                    None => return vec![Trace { direct: true, ..Trace::default() }; fields.len()],
                }
            }
        };
        let trace =
            |name: &String| Trace { sources: Sources::from([(relation.clone(), name.clone())]), direct: true, expression: name.clone() };
        fields.iter().map(|f| trace(f.name())).collect()
    }

    fn expr(&mut self, expr: &Expr, schema: &DFSchema, input: &[Trace]) -> Trace {
        let bare = expr.clone().unalias_nested().data;
        if let Expr::Column(column) = &bare {
            return schema.maybe_index_of_column(column).and_then(|i| input.get(i)).cloned().unwrap_or_default();
        }
        Trace { sources: self.sources(&bare, schema, input), direct: false, expression: written(&bare) }
    }

    fn influence(&mut self, kind: LineageKind, expr: &Expr, schema: &DFSchema, input: &[Trace]) {
        let sources = self.sources(expr, schema, input);
        self.influences.push((kind, written(expr), sources));
    }

    fn sources(&mut self, expr: &Expr, schema: &DFSchema, input: &[Trace]) -> Sources {
        let mut columns: Vec<Column> = Vec::new();
        let mut subqueries: Vec<LogicalPlan> = Vec::new();
        // The closure never fails.
        let _ = expr.apply(|e| {
            match e {
                Expr::Column(c) | Expr::OuterReferenceColumn(_, c) => columns.push(c.clone()),
                Expr::ScalarSubquery(s) => subqueries.push(s.subquery.as_ref().clone()),
                Expr::Exists(s) => subqueries.push(s.subquery.subquery.as_ref().clone()),
                Expr::InSubquery(s) => subqueries.push(s.subquery.subquery.as_ref().clone()),
                Expr::SetComparison(s) => subqueries.push(s.subquery.subquery.as_ref().clone()),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        let mut out = Sources::new();
        for column in columns {
            if let Some(trace) = schema.maybe_index_of_column(&column).and_then(|i| input.get(i)) {
                out.extend(trace.sources.iter().cloned());
            }
        }
        for subquery in subqueries {
            out.extend(self.plan(&subquery).into_iter().flat_map(|t| t.sources));
        }
        out
    }
}

fn merge(all: &mut Trace, one: Trace, first: bool) {
    if first {
        *all = one;
        return;
    }
    all.direct &= one.direct;
    if all.expression != one.expression {
        all.expression = format!("{} | {}", all.expression, one.expression);
    }
    all.sources.extend(one.sources);
}

fn is_right_only(join: &datafusion::logical_expr::Join) -> bool {
    use datafusion::logical_expr::JoinType::{RightAnti, RightMark, RightSemi};
    matches!(join.join_type, RightSemi | RightAnti | RightMark)
}

fn written(expr: &Expr) -> String {
    // Casts that the typing put in are noise, but telling them from the author's is not possible here.
    expr_to_sql(expr).map_or_else(|_| expr.to_string(), |sql| sql.to_string())
}
