//! What is refused, and the nearest thing that works.

use tidemill_engine::{SqlProblem, SqlProblemKind};

fn refused(what: impl Into<String>, help: impl Into<String>) -> SqlProblem {
    SqlProblem::new(SqlProblemKind::Other, what).help(help)
}

pub(super) fn nothing() -> SqlProblem {
    refused("this SQL cannot be kept current", "keep it as a table: `--! materialized = \"table\"`")
}

pub(super) fn volatile(function: &str) -> SqlProblem {
    let problem = SqlProblem::new(
        SqlProblemKind::Function,
        format!("`{function}` gives something else each time, so a live view of it is never current"),
    );
    problem.help("compare with event times instead, or write `--! deterministic = false` and it is computed when a row comes")
}

pub(super) fn never_final() -> SqlProblem {
    refused(
        "`emit = \"final\"` gives rows whose window is over, and nothing in this result says when a row is",
        "group by a window: `FROM tumble(t, ts, INTERVAL '1 minute') … GROUP BY window_start`; or write `--! emit = \"changes\"`",
    )
}

pub(super) fn unknown_input(name: &str) -> SqlProblem {
    let problem = SqlProblem::new(SqlProblemKind::Table, format!("`{name}` cannot be read by a live view"));
    problem.help("a live view reads tables of the project and other views")
}

pub(super) fn limit_without_order() -> SqlProblem {
    refused("LIMIT without ORDER BY takes any rows, and others each time", "write ORDER BY with columns that name one row")
}

pub(super) fn limit_not_written() -> SqlProblem {
    refused("LIMIT and OFFSET of a live view must be numbers", "write the number")
}

pub(super) fn recursive() -> SqlProblem {
    refused("WITH RECURSIVE cannot be kept current", "keep it as a table: `--! materialized = \"table\"`")
}

pub(super) fn subquery() -> SqlProblem {
    refused("this subquery cannot be turned into a join", "write it as a join with a GROUP BY of its own")
}

pub(super) fn unordered(function: &str) -> SqlProblem {
    let problem = SqlProblem::new(SqlProblemKind::Function, format!("`{function}` depends on the order of rows, and none is given"));
    problem.help(format!("write `{function}(… ORDER BY …)`, or `--! deterministic = false`"))
}

pub(super) fn unordered_window(function: &str) -> SqlProblem {
    let problem = SqlProblem::new(SqlProblemKind::Function, format!("`{function}() OVER` numbers rows in no order"));
    problem.help("write ORDER BY into OVER, by columns that name one row of the partition; or `--! deterministic = false`")
}

pub(super) fn no_retraction(function: &str) -> SqlProblem {
    let problem = SqlProblem::new(SqlProblemKind::Function, format!("`{function}` cannot take values back, and its rows change"));
    problem.help(
        "write `--! recompute = true` and the groups touched are computed anew, or `--! emit = \"final\"` where they come from windows",
    )
}

pub(super) fn grows(what: &str, help: &str) -> SqlProblem {
    refused(format!("{what} for ever"), format!("{help}; or bound it: `--! state_limit = \"1M rows\"`"))
}

pub(super) fn cannot(what: &str, help: &str) -> SqlProblem {
    refused(format!("{what} cannot be kept current"), help)
}
