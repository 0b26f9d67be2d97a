//! From DataFusion's and the parser's errors to ours: what is wrong in a user's words, where it stands, what would mend it.

use crate::planner::VERSION_OF;
use crate::problem::{SqlProblem, SqlProblemKind};
use crate::sql;
use crate::syntax;
use datafusion::common::{Column, Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use std::ops::Range;
use tidemill_core::problem::did_you_mean;

/// Every mistake in an error; at least one.
pub(crate) fn problems(error: &DataFusionError, text: &str) -> Vec<SqlProblem> {
    problems_with(error, text, &Vec::new)
}

/// As [`problems`]; `functions` are the names that exist.
pub(crate) fn problems_with(error: &DataFusionError, text: &str, functions: &dyn Fn() -> Vec<String>) -> Vec<SqlProblem> {
    let mut found = Vec::new();
    Translation { text, functions, found: &mut found }.translate(error, None);
    let mut told: Vec<SqlProblem> = Vec::new();
    for problem in found {
        if !told.contains(&problem) {
            told.push(problem);
        }
    }
    told
}

/// `a, b and c`-like lists for help lines: the first dozen, in backticks.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut out = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        out.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    out
}

struct Translation<'a> {
    text: &'a str,
    functions: &'a dyn Fn() -> Vec<String>,
    found: &'a mut Vec<SqlProblem>,
}

impl Translation<'_> {
    fn translate(&mut self, error: &DataFusionError, diagnostic: Option<&Diagnostic>) {
        match error {
            DataFusionError::Context(_, inner) => self.translate(inner, diagnostic),
            // The innermost diagnostic knows best.
            DataFusionError::Diagnostic(inner, e) => self.translate(e, Some(inner)),
            DataFusionError::Collection(all) if !all.is_empty() => all.iter().for_each(|e| self.translate(e, diagnostic)),
            DataFusionError::Shared(e) => self.translate(e, diagnostic),
            DataFusionError::SQL(e, _) => self.found.push(syntax::problem(e, self.text)),
            DataFusionError::SchemaError(e, _) => {
                let problem = self.schema(e, diagnostic);
                self.found.push(problem);
            }
            DataFusionError::External(e) => {
                let problem = match e.downcast_ref::<SqlProblem>() {
                    Some(problem) => problem.clone(),
                    None => match e.downcast_ref::<DataFusionError>() {
                        Some(inner) => return self.translate(inner, diagnostic),
                        None => SqlProblem::new(SqlProblemKind::Other, e.to_string()),
                    },
                };
                let span = problem.span.clone().or_else(|| self.span(diagnostic)).or_else(|| self.quoted(&problem.message));
                // Only a table function's arguments are read without a place of their own.
                let span = span.or_else(|| sql::word(self.text, VERSION_OF));
                self.found.push(problem.at(span));
            }
            other => {
                let span = self.span(diagnostic);
                let problem = self.message(plain(other), diagnostic, span);
                self.found.push(problem);
            }
        }
    }

    fn span(&self, diagnostic: Option<&Diagnostic>) -> Option<Range<usize>> {
        let diagnostic = diagnostic?;
        let span = diagnostic.span.or_else(|| {
            // Two operands that don't fit: both, and what is between them.
            let spans: Vec<_> = diagnostic.notes.iter().filter_map(|n| n.span).collect();
            (spans.len() > 1).then(|| datafusion::common::Span::union_iter(spans)).flatten()
        })?;
        sql::plan_range(self.text, span)
    }

    /// The first name in backticks of a message, found in the text.
    fn quoted(&self, message: &str) -> Option<Range<usize>> {
        let name = message.split('`').nth(1)?;
        sql::word(self.text, name.rsplit('.').next()?)
    }

    fn column_span(&self, column: &Column, diagnostic: Option<&Diagnostic>) -> Option<Range<usize>> {
        let span = self.span(diagnostic).or_else(|| sql::plan_range(self.text, column.spans().first()?));
        span.or_else(|| sql::word(self.text, column.name()))
    }

    fn schema(&self, error: &SchemaError, diagnostic: Option<&Diagnostic>) -> SqlProblem {
        match error {
            SchemaError::FieldNotFound { field, valid_fields } => {
                unknown_column(field, valid_fields).at(self.column_span(field, diagnostic))
            }
            SchemaError::AmbiguousReference { field } => {
                let name = field.name();
                let problem = SqlProblem::new(SqlProblemKind::Column, format!("column `{name}` could be one of several"));
                let owners: Vec<&str> = diagnostic
                    .iter()
                    .flat_map(|d| &d.notes)
                    .filter_map(|n| n.message.strip_prefix("possible column ")?.rsplit_once('.').map(|(owner, _)| owner))
                    .collect();
                let help = match owners.as_slice() {
                    [] => format!("write the table's name before it: `t.{name}`"),
                    some => format!("write {}", some.iter().map(|o| format!("`{o}.{name}`")).collect::<Vec<_>>().join(" or ")),
                };
                problem.help(help).at(self.column_span(field, diagnostic))
            }
            SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
                let problem = SqlProblem::new(SqlProblemKind::Column, format!("two columns of the result are called `{name}`"));
                problem.help("give one of them another name with AS").at(self.span(diagnostic).or_else(|| sql::word(self.text, name)))
            }
        }
    }

    /// Planning errors that carry nothing but words. What is not recognised is passed on, stripped of its chain.
    fn message(&self, message: String, diagnostic: Option<&Diagnostic>, span: Option<Range<usize>>) -> SqlProblem {
        let message = message.as_str();
        let between = |open: &str, close: &str| {
            let rest = &message[message.find(open)? + open.len()..];
            Some(rest[..rest.find(close)?].to_string())
        };
        let named = |name: &str| sql::word(self.text, name);
        // A user function's own words: message, help.
        if let [_, told, help, _] = message.split(OWN_WORDS).collect::<Vec<_>>().as_slice() {
            let name = told.split('`').nth(1).unwrap_or_default();
            return SqlProblem::new(SqlProblemKind::Type, *told).help(*help).at(span.or_else(|| named(name)));
        }
        if let Some(name) = between("Invalid function '", "'") {
            return self.unknown_function(&name, span);
        }
        if let Some(call) = between("No function matches the given name and argument types '", "'") {
            let name = call.split('(').next().unwrap_or_default().to_string();
            let given = self.types(call[name.len()..].trim_start_matches('(').trim_end_matches(')'));
            let candidates: Vec<String> = message
                .lines()
                .skip_while(|l| !l.contains("Candidate functions"))
                .skip(1)
                .map(|l| self.types(l.trim()))
                .filter(|l| !l.is_empty() && !UNTOLD.iter().any(|u| l.contains(u)))
                .take(3)
                .collect();
            let wrong_number = arguments(&given);
            let right_numbers: Vec<usize> =
                candidates.iter().filter_map(|c| Some(arguments(&c[c.find('(')? + 1..c.rfind(')')?]))).collect();
            let message = match right_numbers.as_slice() {
                [only] if *only != wrong_number => {
                    format!("`{name}` takes {only} argument{}, not {wrong_number}", if *only == 1 { "" } else { "s" })
                }
                _ => format!("`{name}` does not take ({given})"),
            };
            let problem = SqlProblem::new(SqlProblemKind::Type, message);
            let problem = match candidates.is_empty() {
                true if wrong_number > 1 => problem.help("convert the arguments to one type with CAST"),
                true => problem,
                false => problem.help(format!("it takes: {}", candidates.join("; "))),
            };
            return problem.at(span.or_else(|| named(&name)));
        }
        if let Some(problem) = self.of_types(message, &between, diagnostic, &span) {
            return problem;
        }
        if let Some(problem) = self.of_aggregates(message, &between, diagnostic, &span) {
            return problem;
        }
        if let Some(name) = between("expression \"", "\" at position").filter(|_| message.contains("unique expression names")) {
            let name = name.rsplit('.').next().unwrap_or_default().to_string();
            let name = if name.contains('(') && !name.contains("(*)") { "?column?".to_string() } else { name };
            let problem = SqlProblem::new(SqlProblemKind::Column, format!("two columns of the result are called `{name}`"));
            let again = sql::words(self.text, &name);
            return problem.help("give one of them another name with AS").at(span.or_else(|| again.get(1).or(again.first()).cloned()));
        }
        if let Some(problem) = self.of_foreign_sql(message, &between, &span) {
            return problem;
        }
        let kind = if message.contains("type") || message.contains("coerce") { SqlProblemKind::Type } else { SqlProblemKind::Other };
        SqlProblem::new(kind, sentence(message)).at(span)
    }

    /// Values of the wrong type, or the wrong number of them.
    fn of_types(
        &self,
        message: &str,
        between: &dyn Fn(&str, &str) -> Option<String>,
        diagnostic: Option<&Diagnostic>,
        span: &Option<Range<usize>>,
    ) -> Option<SqlProblem> {
        let told = |message: String| SqlProblem::new(SqlProblemKind::Type, message).at(span.clone());
        if let Some(expression) = between("Cannot coerce arithmetic expression ", " to valid types") {
            return Some(self.operands(&expression, span));
        }
        // Comparison, concatenation, AND and OR.
        if message.contains("Cannot infer common") || message.contains("annot infer common") {
            return message.split(" operation ").nth(1).map(|expression| self.operands(expression, span));
        }
        if let Some(given) = message.split("Cannot create filter with non-boolean predicate ").nth(1) {
            let (what, t) = given.rsplit_once(" returning ")?;
            let name = what.trim_matches('\'').rsplit('.').next().unwrap_or_default();
            let problem = told(format!("{CONDITION}, and this is {}", self.types(t)));
            return Some(problem.help(format!("compare it, as in `{name} IS NOT NULL`")));
        }
        if let Some(t) = message.split("requires a boolean expression, got ").nth(1) {
            return Some(told(format!("NOT turns a condition, and this is {}", self.types(t))).help("compare first, as in `NOT (x > 0)`"));
        }
        if let Some(operator) = between("Unary operator '", "' only supports") {
            return Some(told(format!("`{operator}` before it wants a number")).help("convert it: `CAST(x AS double)`"));
        }
        if message.contains("subquery should only return one column") {
            let many = message.rsplit(": ").next().map_or(0, |list| list.split(", ").count());
            return Some(
                told(format!("a subquery here gives one column, and this one gives {many}")).help("name one column after its SELECT"),
            );
        }
        if let Some(operator) = message.split(" queries have different number of columns").next().filter(|o| o.len() < message.len()) {
            let sides: Vec<&str> = diagnostic.iter().flat_map(|d| &d.notes).filter_map(|n| n.message.split_whitespace().nth(3)).collect();
            let second = diagnostic.and_then(|d| d.notes.get(1)?.span).and_then(|s| sql::plan_range(self.text, s));
            let operator = operator.rsplit(' ').next().unwrap_or("UNION");
            let counts = if let [a, b] = sides.as_slice() { format!(": {a} before it, {b} after it") } else { String::new() };
            let problem = told(format!("{operator} wants the same number of columns on both sides{counts}"));
            return Some(problem.at(second.or_else(|| span.clone())).help("fill the missing ones, as in `NULL AS name`"));
        }
        if let Some(types) = message.split("Incompatible inputs for Union: Previous inputs were of type ").nth(1) {
            let (before, rest) = types.split_once(", but got incompatible type ")?;
            let (now, column) = rest.split_once(" on column '")?;
            let column = column.split('\'').next().unwrap_or_default();
            let problem =
                told(format!("the sides of UNION do not fit: `{column}` is {}, and {} before it", self.types(now), self.types(before)));
            return Some(problem.at(sql::word(self.text, column)).help("convert one side with CAST"));
        }
        if let Some(t) = message.split("Unsupported SQL type ").nth(1) {
            let name = t.split_whitespace().next().unwrap_or_default();
            return Some(told(format!("`{name}` is not a type")).at(sql::word(self.text, name).or_else(|| span.clone())).help(TYPES));
        }
        if let Some(given) = between("Invalid input syntax for type interval: ", "\u{0}")
            .or_else(|| message.split("for type interval: ").nth(1).map(Into::into))
        {
            return Some(told(format!("{} is not an interval", given.replace('"', "'"))).help("for example `INTERVAL '3 days'`"));
        }
        None
    }

    /// Columns and aggregates that do not go together.
    fn of_aggregates(
        &self,
        message: &str,
        between: &dyn Fn(&str, &str) -> Option<String>,
        diagnostic: Option<&Diagnostic>,
        span: &Option<Range<usize>>,
    ) -> Option<SqlProblem> {
        if message.contains("HAVING clause references: ") {
            let problem = SqlProblem::new(SqlProblemKind::Column, "HAVING looks at groups, and there is no GROUP BY");
            return Some(problem.at(sql::word(self.text, "having")).help("write WHERE to look at rows"));
        }
        if message.contains("must appear in the GROUP BY clause") || message.contains("must be part of an aggregate") {
            let name = between("column \"", "\"").or_else(|| between("references non-aggregate column ", " ")).unwrap_or_default();
            let bare = name.rsplit('.').next().unwrap_or_default().to_string();
            let place = if diagnostic.is_some_and(|d| d.message.contains("HAVING")) { "in HAVING, " } else { "" };
            let problem = SqlProblem::new(SqlProblemKind::Column, format!("{place}`{bare}` is neither grouped by nor inside an aggregate"));
            let help = format!("add `{bare}` to GROUP BY, or say which of its values is meant: `min({bare})`");
            return Some(problem.help(help).at(span.clone().or_else(|| sql::word(self.text, &bare))));
        }
        if let Some(inner) = between("cannot be nested: '", "(") {
            let found = sql::words(self.text, &inner);
            let outer = between("is nested inside '", "(").unwrap_or_default();
            let place = if outer == inner { found.get(1) } else { found.first() };
            let problem = SqlProblem::new(SqlProblemKind::Type, format!("`{inner}` stands inside of another aggregate"));
            return Some(problem.at(place.cloned().or_else(|| span.clone())).help("aggregate in two steps, the inner one in a WITH"));
        }
        if message.contains("Aggregate functions are not allowed in the WHERE clause") {
            let problem = SqlProblem::new(SqlProblemKind::Type, "an aggregate cannot stand in WHERE, which looks at one row at a time");
            return Some(problem.at(sql::word(self.text, "where")).help("use HAVING, after GROUP BY"));
        }
        None
    }

    /// What parses, and is another database's SQL, or is out of range.
    fn of_foreign_sql(
        &self,
        message: &str,
        between: &dyn Fn(&str, &str) -> Option<String>,
        span: &Option<Range<usize>>,
    ) -> Option<SqlProblem> {
        let told = |message: String| SqlProblem::new(SqlProblemKind::Syntax, message);
        if message.contains("unnest() can only be applied to") {
            return Some(
                told("`unnest` wants a list".into())
                    .at(sql::word(self.text, "unnest"))
                    .help("for example `unnest(string_to_array(a, ','))`"),
            );
        }
        let written = |w: &str| sql::tokens(self.text).into_iter().map(|t| t.span).find(|r| self.text[r.clone()] == *w);
        if message == "TOP" {
            return Some(told("TOP is not taken here".into()).at(sql::word(self.text, "top")).help("write `LIMIT 3` at the end"));
        }
        if message.contains("operator: PGOverlap") {
            return Some(told("`&&` is not an operator here".into()).at(written("&&").or_else(|| span.clone())).help("write AND"));
        }
        if message.contains("with AS alias not supported") {
            return Some(told("`*` cannot be given a name".into()).at(written("*")).help("is FROM missing after it?"));
        }
        let positions = between("out of bounds, specified: ", ",").zip(message.split("max: ").nth(1));
        let positions = positions.or_else(|| between("column with position ", " ").zip(message.split("Valid columns: 1 to ").nth(1)));
        if let Some((asked, there)) = positions {
            let problem =
                SqlProblem::new(SqlProblemKind::Column, format!("there is no column {asked} to count to: the SELECT has {there}"));
            // Counted from behind: a number in the SELECT may be the same.
            let place = sql::tokens(self.text).into_iter().rev().map(|t| t.span).find(|r| self.text[r.clone()] == asked);
            return Some(problem.at(place.or_else(|| span.clone())).help("name the column"));
        }
        None
    }

    fn operands(&self, expression: &str, span: &Option<Range<usize>>) -> SqlProblem {
        let parts: Vec<&str> = expression.splitn(3, ' ').collect();
        let problem = match parts.as_slice() {
            [left, op, right] => {
                let (left, right) = (self.types(left), self.types(right));
                let message = format!("`{op}` {OPERANDS} {left} and {right}");
                let help = match *op {
                    "AND" | "OR" => "each side wants a condition, as in `x > 0`",
                    "||" => "convert it to text: `CAST(x AS text)`",
                    _ => "convert one side, for example `CAST(x AS double)`",
                };
                SqlProblem::new(SqlProblemKind::Type, message).help(help)
            }
            _ => SqlProblem::new(SqlProblemKind::Type, format!("these types do not go together: {}", self.types(expression))),
        };
        problem.at(span.clone())
    }

    fn unknown_function(&self, name: &str, span: Option<Range<usize>>) -> SqlProblem {
        let known = (self.functions)();
        let span = span.filter(|r| self.text[r.clone()].eq_ignore_ascii_case(name)).or_else(|| sql::word(self.text, name));
        if known.iter().any(|k| k == name) {
            let problem = SqlProblem::new(SqlProblemKind::Function, format!("`{name}` needs to be told over which rows"));
            return problem.help(format!("for example `{name}(…) OVER (ORDER BY id)`")).at(span);
        }
        let problem = SqlProblem::new(SqlProblemKind::Function, format!("unknown function `{name}`")).at(span);
        if let Some((_, instead)) = ELSEWHERE.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)) {
            return problem.help(format!("write {instead}"));
        }
        match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("`tidemill shell` completes the names of functions; one of your own goes into `functions/NAME.sql`"),
        }
    }

    /// Arrow's type names as SQL's.
    fn types(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if !c.is_alphanumeric() && c != '_' {
                out.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = &rest[..end];
            rest = &rest[end..];
            // What stands in brackets after these is not for people.
            let detail = match rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
                Some((detail, after))
                    if ["Timestamp", "Interval", "Duration", "Time32", "Time64", "Numeric", "String", "Integer"].contains(&word) =>
                {
                    rest = after;
                    detail
                }
                _ => "",
            };
            out.push_str(match word {
                "Utf8" | "Utf8View" | "LargeUtf8" | "String" => "text",
                "Int8" => "tinyint",
                "Int16" => "smallint",
                "Int32" => "int",
                "Int64" => "bigint",
                "UInt8" | "UInt16" | "UInt32" | "UInt64" => "unsigned",
                "Float16" | "Float32" => "real",
                "Float64" => "double",
                "Boolean" => "boolean",
                "Date32" | "Date64" => "date",
                "Timestamp" if detail.contains('"') => "timestamp with time zone",
                "Timestamp" => "timestamp",
                "Interval" | "Duration" => "interval",
                "Time32" | "Time64" => "time",
                "Decimal" | "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256" => "decimal",
                "Numeric" => "number",
                "Integer" => "integer",
                "Binary" => "bytea",
                "Null" => "NULL",
                other => other,
            });
        }
        out
    }
}

/// Begins the message of a value that should be a condition; `locate` looks for it.
pub(crate) const CONDITION: &str = "a condition is expected here";
/// Stands in the message of an operator between values that do not fit; `locate` looks for it.
pub(crate) const OPERANDS: &str = "does not work on";
/// Parts what a user function's error says (message, help) from what DataFusion puts around it.
pub(crate) const OWN_WORDS: char = '\u{2}';
pub(crate) const TYPES: &str = "types are text, boolean, int, bigint, real, double, decimal(p,s), date, time, timestamp, interval";

/// What marks a signature that says nothing to people.
const UNTOLD: [&str; 7] = ["unsigned", "UserDefined", "Comparable", "Uniform", "Variadic", "Any(", "Coerc"];

/// What other databases call it, and what to write here.
const ELSEWHERE: [(&str, &str); 27] = [
    ("isnull", "`coalesce(a, b)`, or `a IS NULL`"),
    ("len", "`length(a)`"),
    ("if", "`CASE WHEN condition THEN a ELSE b END`"),
    ("iif", "`CASE WHEN condition THEN a ELSE b END`"),
    ("decode", "`CASE a WHEN 1 THEN 'one' ELSE 'other' END`"),
    ("getdate", "`now()`"),
    ("sysdate", "`now()`"),
    ("curdate", "`current_date`"),
    ("year", "`date_part('year', a)`"),
    ("month", "`date_part('month', a)`"),
    ("day", "`date_part('day', a)`"),
    ("hour", "`date_part('hour', a)`"),
    ("weekday", "`date_part('dow', a)`"),
    ("datediff", "`a - b`, which is days for two dates"),
    ("date_diff", "`a - b`, which is days for two dates"),
    ("dateadd", "`a + INTERVAL '1 day'`"),
    ("date_add", "`a + INTERVAL '1 day'`"),
    ("date_sub", "`a - INTERVAL '1 day'`"),
    ("date_format", "`to_char(a, '%Y-%m-%d')`"),
    ("format", "`to_char(a, '%Y-%m-%d')` for a date"),
    ("group_concat", "`string_agg(a, ',')`"),
    ("listagg", "`string_agg(a, ',')`"),
    ("rand", "`random()`"),
    ("countif", "`count(*) FILTER (WHERE condition)`"),
    ("count_if", "`count(*) FILTER (WHERE condition)`"),
    ("quantile", "`percentile_cont(0.5) WITHIN GROUP (ORDER BY a)`"),
    ("to_number", "`CAST(a AS double)`"),
];

/// How many arguments a list like `double, decimal(3,2)` has.
fn arguments(list: &str) -> usize {
    let mut depth = 0i32;
    let commas = list.chars().filter(|c| {
        depth += i32::from(matches!(c, '(' | '<' | '[')) - i32::from(matches!(c, ')' | '>' | ']'));
        *c == ',' && depth == 0
    });
    let commas = commas.count();
    if list.trim().is_empty() { 0 } else { commas + 1 }
}

/// A column that is not there.
pub(crate) fn unknown_column(field: &Column, valid: &[Column]) -> SqlProblem {
    let name = field.name();
    let written = field.relation.as_ref().map_or_else(|| name.to_string(), |r| format!("{r}.{name}"));
    let problem = SqlProblem::new(SqlProblemKind::Column, format!("unknown column `{written}`"));
    let owner = |c: &Column| c.relation.as_ref().map(|r| r.table().to_string());
    let candidates: Vec<&Column> = match &field.relation {
        Some(r) => {
            let of: Vec<&Column> = valid.iter().filter(|c| owner(c).is_some_and(|o| o == r.table())).collect();
            if of.is_empty() {
                let mut owners: Vec<String> = valid.iter().filter_map(owner).collect();
                owners.dedup();
                let near = did_you_mean(r.table(), owners.iter().map(String::as_str)).or(match owners.as_slice() {
                    [only] => Some(only),
                    _ => None,
                });
                let problem = SqlProblem { message: format!("unknown column `{written}`: no table here is called `{r}`"), ..problem };
                return match near {
                    Some(near) => problem.help(format!("did you mean `{near}.{name}`?")),
                    None => problem,
                };
            }
            of
        }
        None => valid.iter().collect(),
    };
    let names: Vec<String> = candidates.iter().map(|c| c.name.clone()).collect();
    if let Some(near) = did_you_mean(name, names.iter().map(String::as_str)) {
        let prefix = field.relation.as_ref().map_or_else(String::new, |r| format!("{r}."));
        return problem.help(format!("did you mean `{prefix}{near}`?"));
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_uppercase()) {
        return problem.help(format!("text is written in single quotes: `'{name}'`; double quotes name a column"));
    }
    match names.as_slice() {
        [] => problem.help("there are no columns here"),
        some => problem.help(format!("there are: {}", listed(some))),
    }
}

/// The text of an error without its prefix.
fn plain(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Plan(m)
        | DataFusionError::NotImplemented(m)
        | DataFusionError::Execution(m)
        | DataFusionError::Configuration(m)
        | DataFusionError::Internal(m)
        | DataFusionError::ResourcesExhausted(m) => m.clone(),
        DataFusionError::ArrowError(e, _) => e.to_string(),
        other => other.to_string(),
    }
}

/// One line, lowercase at the start, without the tail that asks for bug reports or a backtrace.
pub(crate) fn sentence(message: &str) -> String {
    let mut m = message.trim();
    for prefix in [
        "Error during planning: ",
        "This feature is not implemented: ",
        "Execution error: ",
        "type_coercion\ncaused by\n",
        "Cast error: ",
        "Parser error: ",
    ] {
        m = m.strip_prefix(prefix).unwrap_or(m);
    }
    let m = m.split("\n\nbacktrace").next().unwrap_or(m).split(".\nThis issue was likely caused").next().unwrap_or(m);
    let m = m.split_whitespace().collect::<Vec<_>>().join(" ");
    let m = m.trim_end_matches('.');
    let mut chars = m.chars();
    match (chars.next(), chars.clone().next()) {
        // `SELECT …` stays as it is.
        (Some(a), Some(b)) if a.is_uppercase() && !b.is_uppercase() => a.to_lowercase().chain(chars).collect(),
        _ => m.to_string(),
    }
}
