//! The statement made ready: lengths become numbers, a window in GROUP BY becomes its two bounds, and what can't be a window is told where it
//! stands.

use super::functions::{GROUP_END, GROUP_START};
use super::relation::{kind, plain};
use super::{END_COLUMN, Kind, START_COLUMN, WINDOWS_MAX, Windows};
use crate::calls;
use crate::planner::Planner;
use crate::problem::{SqlProblem, SqlProblemKind};
use crate::sql;
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr as Planned;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::planner::PlannerContext;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, ObjectName, OrderByKind,
    Query, Select, SelectItem, SetExpr, Spanned, TableFactor, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// Every window's lengths are literals in microseconds after this, and GROUP BY has bounds instead of windows.
pub(crate) fn settle(statement: &mut DfStatement, text: &str, planner: &Planner<'_>) -> Result<(), Vec<SqlProblem>> {
    let Some(statement) = calls::inner(statement) else { return Ok(()) };
    let mut settling = Settling { planner, text, problems: Vec::new() };
    let _ = VisitMut::visit(statement, &mut settling);
    if settling.problems.is_empty() {
        let mut left = Left { settling: &mut settling };
        let _ = Visit::visit(statement, &mut left);
    }
    if settling.problems.is_empty() { Ok(()) } else { Err(settling.problems) }
}

struct Settling<'a> {
    planner: &'a Planner<'a>,
    text: &'a str,
    problems: Vec<SqlProblem>,
}

impl VisitorMut for Settling<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let Some(kind) = kind(factor).filter(|k| !self.is_taken(*k)) else { return ControlFlow::Continue(()) };
        let (name, args) = match factor {
            TableFactor::Table { name, args: Some(args), .. } => (name, &mut args.args),
            TableFactor::Function { name, args, .. } => (name, args),
            _ => return ControlFlow::Continue(()),
        };
        let call = Call { kind, in_from: true, at: sql::range(self.text, name.span()), settling: self };
        match call.in_from(args) {
            Ok(settled) => *args = settled.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect(),
            Err(problem) => self.problems.push(problem),
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Err(problem) = self.select(select) {
            self.problems.push(problem);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let (SetExpr::Select(select), Some(order)) = (query.body.as_ref(), &mut query.order_by) else { return ControlFlow::Continue(()) };
        let (Some(bounds), OrderByKind::Expressions(by)) = (Bounds::of(select), &mut order.kind) else { return ControlFlow::Continue(()) };
        // A column of the answer is what ORDER BY means first.
        let given = |wanted: &str| {
            select.projection.iter().any(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => plain(alias) == wanted,
                _ => false,
            })
        };
        let given = [given(START_COLUMN), given(END_COLUMN)];
        let _ = VisitMut::visit(by, &mut InPlace { bounds: &bounds, given, depth: 0 });
        ControlFlow::Continue(())
    }
}

impl Settling<'_> {
    /// Whether the user has a function of this name.
    fn is_taken(&self, kind: Kind) -> bool {
        self.planner.table_function(kind.name()).is_some()
    }

    /// Which windows an expression calls.
    fn called(&self, expr: &Expr) -> Option<Kind> {
        let Expr::Function(function) = expr else { return None };
        let [part] = function.name.0.as_slice() else { return None };
        let kind = Kind::named(&plain(part.as_ident()?))?;
        (!self.is_taken(kind) && !self.planner.is_function(kind.name())).then_some(kind)
    }

    fn select(&self, select: &mut Select) -> Result<(), SqlProblem> {
        let GroupByExpr::Expressions(groups, _) = &mut select.group_by else { return Ok(()) };
        let windows: Vec<(usize, Kind)> = groups.iter().enumerate().filter_map(|(i, g)| Some((i, self.called(g)?))).collect();
        let (place, kind) = match windows.as_slice() {
            [] => return Ok(()),
            [one] => *one,
            [_, (second, kind), ..] => {
                let problem = SqlProblem::new(SqlProblemKind::Function, format!("`{}` is a second window in one GROUP BY", kind.name()));
                let at = sql::range(self.text, groups[*second].span()).map(|r| sql::closed(self.text, r));
                return Err(problem.at(at).help("group by one of them, and let another SELECT group its answer by the other"));
            }
        };
        let Expr::Function(function) = groups[place].clone() else { return Ok(()) };
        let at = sql::range(self.text, function.name.span());
        let call = Call { kind, in_from: false, at: at.clone(), settling: self };
        let (time, windows) = call.in_group_by(&function)?;
        if kind == Kind::Session
            && let Some(sets) = groups.iter().find(|g| matches!(g, Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_)))
        {
            let problem = SqlProblem::new(SqlProblemKind::Function, "a session has one set of keys, and grouping sets are several");
            return Err(problem
                .at(sql::range(self.text, sets.span()).or(at))
                .help("write the keys as a plain list, and total the answer in another SELECT"));
        }
        let bounds = Bounds { start: marker(&function, GROUP_START, &time, windows), end: marker(&function, GROUP_END, &time, windows) };
        // Whoever lists the bounds beside the window means the same.
        groups.splice(place..=place, [bounds.start.clone(), bounds.end.clone()]);
        groups.retain(|g| !matches!(g, Expr::Identifier(i) if bounds.named(i).is_some()));
        let mut inside = InPlace { bounds: &bounds, given: [false, false], depth: 0 };
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(Expr::Identifier(ident)) = item
                && let Some(bound) = bounds.named(ident)
            {
                *item = SelectItem::ExprWithAlias { expr: bound.clone(), alias: ident.clone() };
            } else {
                let _ = VisitMut::visit(item, &mut inside);
            }
        }
        let _ = VisitMut::visit(&mut select.having, &mut inside);
        let _ = VisitMut::visit(&mut select.qualify, &mut inside);
        let _ = VisitMut::visit(&mut select.sort_by, &mut inside);
        Ok(())
    }
}

/// `_group_window_start('tumble', ts, 60000000, 0)` in the place of a call, with its span.
fn marker(call: &Function, name: &str, time: &Expr, windows: Windows) -> Expr {
    let ident =
        call.name.0.first().and_then(|p| p.as_ident()).map_or_else(|| Ident::new(name), |i| Ident { value: name.into(), ..i.clone() });
    let value = |v: Value| Expr::Value(v.with_empty_span());
    let args = [
        value(Value::SingleQuotedString(windows.kind.name().into())),
        time.clone(),
        value(Value::Number(windows.first.to_string(), false)),
        value(Value::Number(windows.second.to_string(), false)),
    ];
    let args = args.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident { quote_style: None, ..ident }]),
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        over: None,
        within_group: Vec::new(),
        ..call.clone()
    })
}

/// What `window_start` and `window_end` stand for in a SELECT that groups by windows.
struct Bounds {
    start: Expr,
    end: Expr,
}

impl Bounds {
    /// Of a SELECT that is settled.
    fn of(select: &Select) -> Option<Bounds> {
        let GroupByExpr::Expressions(groups, _) = &select.group_by else { return None };
        let called = |name: &str| {
            groups
                .iter()
                .find(|g| matches!(g, Expr::Function(f) if f.name.0.first().and_then(|p| p.as_ident()).is_some_and(|i| i.value == name)))
        };
        Some(Bounds { start: called(GROUP_START)?.clone(), end: called(GROUP_END)?.clone() })
    }

    fn named(&self, ident: &Ident) -> Option<&Expr> {
        match plain(ident).as_str() {
            START_COLUMN => Some(&self.start),
            END_COLUMN => Some(&self.end),
            _ => None,
        }
    }
}

/// Puts bounds where they are named, inner SELECTs left as they are.
struct InPlace<'a> {
    bounds: &'a Bounds,
    /// Names that mean something else here.
    given: [bool; 2],
    depth: usize,
}

impl VisitorMut for InPlace<'_> {
    type Break = ();
    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }
    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
    // What is put in is not looked at again: it may be made of a column of that name.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(ident) = &*expr
            && !self.given[usize::from(plain(ident) == END_COLUMN)]
            && let Some(bound) = self.bounds.named(ident)
        {
            *expr = bound.clone();
        }
        ControlFlow::Continue(())
    }
}

/// Windows that stand where there are none.
struct Left<'a, 'b> {
    settling: &'a mut Settling<'b>,
}

impl Visitor for Left<'_, '_> {
    type Break = ();
    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let Some(kind) = self.settling.called(expr) else { return ControlFlow::Continue(()) };
        let message = format!("`{}` stands in FROM or in GROUP BY, by itself", kind.name());
        let help = format!("write `{}`, and select `{START_COLUMN}` and `{END_COLUMN}`", kind.in_group_by());
        let at = sql::range(self.settling.text, expr.span()).map(|r| sql::closed(self.settling.text, r));
        self.settling.problems.push(SqlProblem::new(SqlProblemKind::Function, message).at(at).help(help));
        ControlFlow::Continue(())
    }
}

// --------------------------------------------------------------------------------------------------------- arguments

struct Call<'a, 'b> {
    kind: Kind,
    in_from: bool,
    /// Where its name stands.
    at: Option<Range<usize>>,
    settling: &'a Settling<'b>,
}

impl Call<'_, '_> {
    /// Table, time, two numbers, and a session's keys.
    fn in_from(&self, args: &[FunctionArg]) -> Result<Vec<Expr>, SqlProblem> {
        let args = self.values(args)?;
        let given = args.len();
        let fits = match self.kind {
            Kind::Tumble => (3..=4).contains(&given),
            Kind::Hop | Kind::Cumulate => given == 4,
            Kind::Session => given >= 3,
        };
        if !fits {
            return Err(self.miscounted(given));
        }
        let of = self.table(&args[0])?;
        let time = self.time(&args[1]);
        let lengths = if self.kind == Kind::Session { &args[2..3] } else { &args[2..] };
        let windows = self.windows(lengths)?;
        let number = |n: i64| Expr::Value(Value::Number(n.to_string(), false).with_empty_span());
        let keys = if self.kind == Kind::Session { args[3..].to_vec() } else { Vec::new() };
        Ok([of, time, number(windows.first), number(windows.second)].into_iter().chain(keys).collect())
    }

    /// The time, and the windows.
    fn in_group_by(&self, function: &Function) -> Result<(Expr, Windows), SqlProblem> {
        let plainly = function.over.is_none() && function.filter.is_none() && function.within_group.is_empty();
        let FunctionArguments::List(list) = &function.args else { return Err(self.miscounted(0)) };
        if !plainly || list.duplicate_treatment.is_some() {
            return Err(self.problem(format!("`{}` is no aggregate", self.kind.name())));
        }
        let args = self.values(&list.args)?;
        let fits = match self.kind {
            Kind::Tumble => (2..=3).contains(&args.len()),
            Kind::Hop | Kind::Cumulate => args.len() == 3,
            Kind::Session => args.len() == 2,
        };
        if !fits {
            return Err(self.miscounted(args.len()));
        }
        Ok((self.time(&args[0]), self.windows(&args[1..])?))
    }

    fn values(&self, args: &[FunctionArg]) -> Result<Vec<Expr>, SqlProblem> {
        let value = |arg: &FunctionArg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Ok(value.clone()),
            FunctionArg::Unnamed(other) => Err(self.problem(format!("`{other}` is no argument of `{}`", self.kind.name()))),
            _ => Err(self.problem(format!("the arguments of `{}` go by their place, without names", self.kind.name()))),
        };
        args.iter().map(value).collect()
    }

    fn problem(&self, message: impl Into<String>) -> SqlProblem {
        let usage = if self.in_from { self.kind.in_from() } else { self.kind.in_group_by() };
        SqlProblem::new(SqlProblemKind::Function, message).at(self.at.clone()).help(format!("for example `{usage}`"))
    }

    fn miscounted(&self, given: usize) -> SqlProblem {
        let wanted = match (self.kind, self.in_from) {
            (Kind::Tumble, true) => "a table, its time, the size and, if wanted, an offset",
            (Kind::Tumble, false) => "a time, the size and, if wanted, an offset",
            (Kind::Hop, true) => "a table, its time, the slide and the size",
            (Kind::Hop, false) => "a time, the slide and the size",
            (Kind::Cumulate, true) => "a table, its time, the step and the size",
            (Kind::Cumulate, false) => "a time, the step and the size",
            (Kind::Session, true) => "a table, its time, the gap and any number of keys",
            (Kind::Session, false) => "a time and the gap, its keys being what else is grouped by",
        };
        let clause = if self.in_from { "FROM" } else { "GROUP BY" };
        self.problem(format!("`{}` in {clause} takes {wanted}; {given} given", self.kind.name()))
    }

    fn table(&self, arg: &Expr) -> Result<Expr, SqlProblem> {
        match arg {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Subquery(_) => Ok(arg.clone()),
            Expr::Nested(inner) => self.table(inner),
            other => {
                let problem = self.problem(format!("the first argument of `{}` is a table", self.kind.name()));
                let problem = problem.at(self.place(other));
                Err(match other {
                    Expr::Value(v) if matches!(v.value, Value::SingleQuotedString(_)) => problem.help("its name stands without quotes"),
                    Expr::Function(_) => problem.help("name what the function gives in a WITH, and give that name"),
                    _ => problem,
                })
            }
        }
    }

    /// `DESCRIPTOR(ts)`, as the standard writes it, is `ts`.
    fn time(&self, arg: &Expr) -> Expr {
        if let Expr::Function(function) = arg
            && function.name.to_string().eq_ignore_ascii_case("descriptor")
            && let FunctionArguments::List(list) = &function.args
            && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(column))] = list.args.as_slice()
        {
            return column.clone();
        }
        arg.clone()
    }

    fn place(&self, expr: &Expr) -> Option<Range<usize>> {
        let range = sql::range(self.settling.text, expr.span()).map(|r| sql::closed(self.settling.text, r));
        let interval = matches!(expr, Expr::Interval(_));
        // The parser's place of an interval is that of its number.
        let range = range.map(|r| {
            let before = sql::tokens(self.settling.text).into_iter().take_while(|t| t.span.end <= r.start).last();
            let word = before.filter(|t| interval && t.is_keyword(datafusion::sql::sqlparser::keywords::Keyword::INTERVAL));
            word.map_or(r.start, |w| w.span.start)..r.end
        });
        range.or_else(|| self.at.clone())
    }

    fn windows(&self, lengths: &[Expr]) -> Result<Windows, SqlProblem> {
        let name = self.kind.name();
        let what: [&str; 2] = match self.kind {
            Kind::Tumble => ["size", "offset"],
            Kind::Hop => ["slide", "size"],
            Kind::Cumulate => ["step", "size"],
            Kind::Session => ["gap", ""],
        };
        let mut micros = [0, 0];
        for ((length, what), into) in lengths.iter().zip(what).zip(&mut micros) {
            *into = self.micros(what, length)?;
            if *into <= 0 && what != "offset" {
                return Err(self.problem(format!("the {what} of `{name}` must be longer than nothing")).at(self.place(length)));
            }
        }
        let [first, second] = micros;
        if self.kind == Kind::Tumble {
            return Ok(Windows { kind: self.kind, first, second: second.rem_euclid(first) });
        }
        if self.kind != Kind::Session {
            let [step, _] = what;
            let at = || self.place(&lengths[1]);
            if first > second {
                let problem = self.problem(format!("the {step} of `{name}` is longer than its size")).at(self.place(&lengths[0]));
                return Err(problem.help(format!(
                    "the {step} comes first: `{}`",
                    if self.in_from { self.kind.in_from() } else { self.kind.in_group_by() }
                )));
            }
            if second % first != 0 {
                let problem = self.problem(format!("the size of `{name}` must be a multiple of its {step}")).at(at());
                return Err(problem.help(format!(
                    "make it {}, say, or {}",
                    told(second / first * first),
                    told((second / first + 1) * first)
                )));
            }
            if second / first > WINDOWS_MAX {
                let problem = self.problem(format!("each row would be in {} windows of `{name}`", second / first)).at(at());
                return Err(problem.help(format!("{WINDOWS_MAX} are the most: take a longer {step}")));
            }
        }
        Ok(Windows { kind: self.kind, first, second })
    }

    /// A length, which is a constant.
    fn micros(&self, what: &str, expr: &Expr) -> Result<i64, SqlProblem> {
        let name = self.kind.name();
        let refused = |message: String| self.problem(message).at(self.place(expr)).help("write it out: `INTERVAL '1 minute'`");
        let nothing = Arc::new(DFSchema::empty());
        let planner = self.settling.planner;
        let planned = planner.to_rel().sql_to_expr(expr.clone(), &nothing, &mut PlannerContext::new());
        let simplifier = planner.simplifier(&nothing);
        let planned = planned.and_then(|e| simplifier.coerce(e, &nothing)).and_then(|e| simplifier.simplify(e));
        let value = match (planned, expr) {
            (Ok(Planned::Literal(value, _)), _) => value,
            (Err(_), Expr::Interval(_)) => return Err(refused(format!("`{expr}` is no interval"))),
            _ => return Err(refused(format!("the {what} of `{name}` is a constant, and `{expr}` is none"))),
        };
        const DAY: i64 = 86_400_000_000;
        let (months, days, nanos) = match value {
            ScalarValue::IntervalMonthDayNano(Some(v)) => (v.months, i64::from(v.days), v.nanoseconds),
            ScalarValue::IntervalDayTime(Some(v)) => (0, i64::from(v.days), i64::from(v.milliseconds) * 1_000_000),
            ScalarValue::IntervalYearMonth(Some(months)) => (months, 0, 0),
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
                return Err(refused(format!("the {what} of `{name}` is an interval, not text")).help(format!("write `INTERVAL '{text}'`")));
            }
            other => {
                let is = if other.is_null() { "NULL".into() } else { crate::problem::type_name(&other.data_type()) };
                return Err(refused(format!("the {what} of `{name}` is an interval, not {is}")));
            }
        };
        if months != 0 {
            let problem = refused(format!("the {what} of `{name}` has months in it, which are not all as long"));
            return Err(problem.help("write days: `INTERVAL '30 days'`; calendar months are `GROUP BY date_trunc('month', order_ts)`"));
        }
        if nanos % 1_000 != 0 {
            return Err(refused(format!("the {what} of `{name}` is whole microseconds")));
        }
        let micros = days.checked_mul(DAY).and_then(|d| d.checked_add(nanos / 1_000));
        micros.filter(|m| m.abs() < i64::MAX / 4).ok_or_else(|| refused(format!("the {what} of `{name}` is too long")))
    }
}

/// A length for people, as an interval.
fn told(micros: i64) -> String {
    const UNITS: [(i64, &str); 6] = [
        (86_400_000_000, "day"),
        (3_600_000_000, "hour"),
        (60_000_000, "minute"),
        (1_000_000, "second"),
        (1_000, "millisecond"),
        (1, "microsecond"),
    ];
    let (unit, word) = UNITS.into_iter().find(|(unit, _)| micros % unit == 0).unwrap_or((1, "microsecond"));
    let count = micros / unit;
    format!("`INTERVAL '{count} {word}{}'`", if count == 1 { "" } else { "s" })
}
