//! Dashboards: whether each panel can be asked of its view, and each filter applies to something.

use crate::check::{Checked, sql_problem, suggest};
use std::collections::BTreeMap;
use std::path::Path;
use tidemill_core::{Place, Problem, Spanned, codes};
use tidemill_engine::{Session, SqlProblem, SqlProblemKind};
use tidemill_project::dashboard::query::{self, Kind, Selection, Selections};
use tidemill_project::dashboard::{Bucket, Dashboard, Filter, FilterDefault, FilterKind, Panel, PanelKind};
use tidemill_project::spec::Sql;

type Columns = Vec<(String, Kind)>;

pub(crate) fn check(dashboard: &Dashboard, session: &Session, checked: &mut Checked) {
    // What can't be asked is unknown or wrong itself, which has been told.
    let views: Vec<Option<Columns>> = dashboard.panels.iter().map(|p| columns(&p.view, session)).collect();
    let mut found = Vec::new();
    let is_somewhere = |column: &str| views.iter().flatten().flatten().any(|(name, _)| name == column);
    let entity = dashboard.entity.as_ref();
    for (panel, columns) in dashboard.panels.iter().zip(&views) {
        let Some(columns) = columns else { continue };
        let mut check = PanelCheck { file: &dashboard.file, panel, columns, session, problems: Vec::new() };
        check.entity(entity.filter(|e| is_somewhere(e)));
        check.all();
        found.append(&mut check.problems);
    }
    let knows_all = views.iter().all(Option::is_some) && !views.is_empty();
    let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
    for (name, kind) in views.iter().flatten().flatten() {
        kinds.entry(name).or_insert(*kind);
    }
    if let Some(entity) = entity.filter(|e| views.iter().any(Option::is_some) && !is_somewhere(e)) {
        let names: Vec<&str> = kinds.keys().copied().collect();
        let message = format!("no panel's view has a column `{}`, which the page is about", **entity);
        let place = Place::span(&dashboard.file, entity.span.clone());
        found.push(Problem::error(codes::SQL_COLUMN_UNKNOWN, place, message).help(suggest(entity, &names)));
    }
    for filter in &dashboard.filters {
        match kinds.get(filter.column.value.as_str()) {
            Some(kind) => found.extend(fits(filter, *kind, &dashboard.file)),
            None if knows_all => {
                let names: Vec<&str> = kinds.keys().copied().collect();
                let message = format!("no panel's view has a column `{}`, so the filter applies to nothing", *filter.column);
                let place = Place::span(&dashboard.file, filter.column.span.clone());
                found.push(Problem::warning(codes::FILTER_UNUSED, place, message).help(suggest(&filter.column, &names)));
            }
            None => {}
        }
    }
    found.extend(entity.and_then(|e| taken(e, dashboard, &checked.project.dashboards)));
    checked.problems.append(&mut found);
}

/// Whether an earlier page is about the same: links lead to that one.
fn taken(entity: &Spanned<String>, dashboard: &Dashboard, all: &[Dashboard]) -> Option<Problem> {
    let is_it = |d: &&Dashboard| d.entity.as_ref().is_some_and(|e| e.value == entity.value);
    let first = all.iter().filter(is_it).min_by_key(|d| (d.position, &d.name)).filter(|d| d.name != dashboard.name)?;
    let message = format!("`{}` is what {} is about, so nothing leads to this page", **entity, first.file.display());
    let place = Place::span(&dashboard.file, entity.span.clone());
    Some(Problem::warning(codes::NAME_REPEATED, place, message).help("make one page of the two, or remove `entity` from this one"))
}

/// The columns of a view, as pages know them.
fn columns(view: &str, session: &Session) -> Option<Columns> {
    let schema = session.columns_of(view).ok()?;
    Some(schema.fields().iter().map(|f| (f.name().clone(), Kind::of(f.data_type()))).collect())
}

/// Whether a filter is one of its column.
fn fits(filter: &Filter, column: Kind, file: &Path) -> Option<Problem> {
    let kind = filter.kind_for(column);
    let needs = match kind {
        FilterKind::Select => None,
        FilterKind::Range => (!column.is_number()).then_some("numbers"),
        FilterKind::Time => (!column.is_time()).then_some("times"),
    };
    if let (Some(needs), Some(written)) = (needs, &filter.kind) {
        let message = format!("a filter of kind `{}` is over {needs}, and `{}` is {}", kind.as_str(), *filter.column, article(column));
        let problem = Problem::error(codes::PANEL_TYPE, Place::span(file, written.span.clone()), message);
        return Some(problem.help("remove `kind` to have the one that the column's type suggests"));
    }
    let default = filter.default.as_ref()?;
    let place = || Place::span(file, default.span.clone());
    let selection = match filter.default_as(kind) {
        Ok(Some(FilterDefault::In(values))) => Selection::In(values.into_iter().map(Some).collect()),
        Ok(Some(FilterDefault::Between(from, to))) => Selection::Between(from, to),
        Ok(_) => return None,
        // With its kind written, this was told when it was read.
        Err(_) if filter.kind.is_some() => return None,
        Err(help) => {
            let message = format!("a filter of kind `{}` does not begin like this", kind.as_str());
            return Some(Problem::error(codes::VALUE_INVALID, place(), message).help(help));
        }
    };
    let selections = Selections::from([(filter.column.value.clone(), selection)]);
    let mistake = query::mistake(&[(filter.column.value.clone(), column)], &selections)?;
    Some(Problem::error(codes::VALUE_INVALID, place(), mistake).help(format!("`{}` is {}", *filter.column, article(column))))
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Boolean => "a boolean",
        Kind::Date => "a date",
        Kind::Time => "a time",
    }
}

struct PanelCheck<'a> {
    file: &'a Path,
    panel: &'a Panel,
    columns: &'a Columns,
    session: &'a Session,
    problems: Vec<Problem>,
}

impl PanelCheck<'_> {
    /// A page of one thing shows nothing of the others.
    fn entity(&mut self, entity: Option<&Spanned<String>>) {
        let Some(entity) = entity.filter(|e| self.kind_of(e).is_none()) else { return };
        let message = format!("`{}` has no column `{}`, which the page is about", *self.panel.view, **entity);
        self.error(codes::SQL_COLUMN_UNKNOWN, &self.panel.view.span, message, suggest(entity, &self.names()));
    }

    fn all(&mut self) {
        let panel = self.panel;
        let order = panel.order.as_ref().filter(|_| *panel.kind == PanelKind::Table);
        let order = order.map(|o| Spanned::new(o.by.clone(), o.span.clone()));
        for column in panel.named().chain(order.as_ref()) {
            if self.kind_of(column).is_none() {
                let message = format!("`{}` has no column `{}`", *panel.view, **column);
                self.error(codes::SQL_COLUMN_UNKNOWN, &column.span, message, suggest(column, &self.names()));
            }
        }
        self.axis();
        if let Some(condition) = &panel.condition {
            self.condition(condition);
        }
        for measure in panel.y.iter().chain(&panel.columns) {
            self.measure(&measure.sql);
        }
        // What is missing was told when it was read.
        let is_read = !panel.y.is_empty() || matches!(*panel.kind, PanelKind::Table | PanelKind::Histogram);
        if self.problems.is_empty() && is_read {
            self.whole();
        }
    }

    /// Whether `x` is what its kind of panel is about.
    fn axis(&mut self) {
        let panel = self.panel;
        let Some((x, kind)) = panel.x.as_ref().and_then(|x| Some((x, self.kind_of(x)?))) else { return };
        if let Some(bucket) = &panel.bucket {
            let is_fine = matches!(bucket.value, Bucket::Minute | Bucket::Hour);
            if !kind.is_time() || (kind == Kind::Date && is_fine) {
                let message = format!("`{}` is {}, which has no {}s", **x, article(kind), bucket.as_str());
                let help = if kind.is_time() { "a date is cut into days or more" } else { "remove `bucket`, or name a time in `x`" };
                self.error(codes::PANEL_TYPE, &bucket.span, message, help);
            }
        }
        if matches!(*panel.kind, PanelKind::Histogram | PanelKind::Scatter) && !kind.is_number() {
            let message = format!("the `x` of a {} is a number, and `{}` is {}", panel.kind.as_str(), **x, article(kind));
            let help = match *panel.kind {
                PanelKind::Histogram => "a `bar` counts values of any type",
                _ => "a `line` goes along times",
            };
            self.error(codes::PANEL_TYPE, &x.span, message, help);
        }
    }

    fn condition(&mut self, sql: &Sql) {
        let Some(data_type) = self.typed(sql, "SELECT (") else { return };
        if !matches!(data_type.as_str(), "boolean" | "bool") {
            let message = "`where` must be true or false for each row, and this is neither";
            self.error(codes::SQL_TYPE, &sql.span, message, "compare with something: `orders > 0`");
        }
    }

    /// Of a table and a scatter a value of each row; of all others one over many rows.
    fn measure(&mut self, sql: &Sql) {
        let of_rows = matches!(*self.panel.kind, PanelKind::Table | PanelKind::Scatter);
        let Some(data_type) = self.typed(sql, "SELECT (") else { return };
        let begin = if of_rows { "SELECT *, (" } else { "SELECT count(*) AS \"~rows\", (" };
        let from = query::relation(&self.panel.view);
        if self.session.schema_of(&format!("{begin}\n{}\n) AS \"~value\" FROM {from}", sql.text)).is_err() {
            let (message, help) = match of_rows {
                true => ("this is one value of many rows, and the panel shows each by itself", "name a column, or make a view of it"),
                false => (
                    "this is a value of each row, and the panel shows one of many",
                    "take an aggregate of it, such as `sum(…)` or `avg(…)`",
                ),
            };
            self.error(codes::SQL_TYPE, &sql.span, message, help);
            return;
        }
        let any_type = matches!(*self.panel.kind, PanelKind::Table | PanelKind::Number);
        if !any_type && data_type != "number" {
            self.error(codes::SQL_TYPE, &sql.span, "`y` must be a number", "count rows with `count(*)`, or take a sum or a mean");
        }
    }

    /// The type of an expression over the view's rows, in a word; what is wrong with it is told at its place in the file.
    fn typed(&mut self, sql: &Sql, begin: &str) -> Option<String> {
        let begin = format!("{begin}\n");
        let text = format!("{begin}{}\n) AS \"value\" FROM {}", sql.text, query::relation(&self.panel.view));
        match self.session.schema_of(&text) {
            Ok(schema) => {
                let kind = schema.fields().first().map(|f| Kind::of(f.data_type()))?;
                Some(if kind.is_number() { "number".into() } else { kind.as_str().into() })
            }
            Err(_) => {
                let mut found = self.session.problems(&text);
                found.retain(|p| p.kind != SqlProblemKind::Table);
                let inside = 0..sql.text.len();
                for p in found {
                    let span = p.span.clone().and_then(|s| {
                        let (start, end) = (s.start.checked_sub(begin.len())?, s.end.checked_sub(begin.len())?);
                        (inside.contains(&start) && end <= inside.end).then_some(start..end)
                    });
                    self.problems.push(sql_problem(self.file, sql, SqlProblem { span, ..p }));
                }
                None
            }
        }
    }

    /// All of it together, with everything chosen that can be.
    fn whole(&mut self) {
        let chosen = self.columns.iter().map(|(name, kind)| {
            let value = |v: &str| Some(v.to_string());
            let selection = match kind {
                Kind::Text => Selection::In(vec![value("a"), None]),
                Kind::Boolean => Selection::In(vec![value("true"), None]),
                Kind::Integer | Kind::Number => Selection::Between(value("0"), value("1.5")),
                Kind::Date | Kind::Time => Selection::Between(value("2024-01-01"), value("2024-02-01T00:00:00Z")),
            };
            (name.clone(), selection)
        });
        for selections in [Selections::new(), chosen.collect()] {
            let asked = query::panel(self.panel, self.columns, &selections);
            if let Err(p) = self.session.schema_of(&asked.sql) {
                let place = Place::span(self.file, self.panel.kind.span.clone());
                let problem = Problem::error(codes::SQL_TYPE, place, format!("the panel cannot be asked: {}", p.message));
                self.problems.push(p.help.into_iter().fold(problem, Problem::help));
                return;
            }
        }
    }

    fn kind_of(&self, column: &str) -> Option<Kind> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, kind)| *kind)
    }

    fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn error(&mut self, code: &'static str, span: &std::ops::Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::error(code, Place::span(self.file, span.clone()), message).help(help));
    }
}
