//! Rules that the way a file is written suggests: without rows that are no rows (totals and notes below a table, lines of nothing but delimiters), and with
//! numbers in place of `$5.7M`.

use super::look::Look;
use super::rules::Proposed;
use super::text::{counted, ident, list, literal, quoted, shown};
use arrow::datatypes::DataType;
use tidemill_connect::infer::{Doubt, magnitude_of};

/// Columns that a condition may name.
const COLUMNS_MAX: usize = 12;

/// A filter without them, as a proposal.
pub(super) fn without_remains(look: &Look) -> Option<Proposed> {
    let (foot, empty) = (look.foot.len() as u64, look.empty_rows);
    if foot + empty == 0 {
        return None;
    }
    let sql = by_one_column(look).or_else(|| by_each(look))?;
    let said: Vec<String> = look
        .foot
        .iter()
        .filter_map(|r| r.cells.iter().flatten().find(|c| !c.trim().is_empty()))
        .map(|c| format!("{:?}", shown(c)))
        .collect();
    let why = match (foot, empty) {
        (0, n) => format!("{} empty in every column.", if n == 1 { "1 row is".to_string() } else { format!("{} are", counted(n, "row")) }),
        (f, 0) => {
            format!("{} at the end that {} no row of the table: {}.", counted(f, "row"), if f == 1 { "is" } else { "are" }, list(&said, 3))
        }
        (f, n) => format!(
            "{} at the end that {} no row of the table ({}), and {} empty in every column.",
            counted(f, "row"),
            if f == 1 { "is" } else { "are" },
            list(&said, 3),
            counted(n, "row")
        ),
    };
    Some(Proposed {
        active: false,
        said: "take away totals, notes and empty rows".into(),
        why: vec![why],
        lines: vec!["rule = \"filter\"".into(), format!("where = {}", quoted(&sql))],
    })
}

/// A column that is empty in just these rows.
fn by_one_column(look: &Look) -> Option<String> {
    let lacks = |at: usize| look.foot.iter().all(|r| r.cells.get(at).is_none_or(|c| c.as_deref().unwrap_or_default().trim().is_empty()));
    let all = look.foot.len() as u64 + look.empty_rows;
    let column = look.columns.iter().enumerate().find(|(at, c)| {
        let empty = c.guess.as_ref().map_or(0, |g| g.evidence.missing + g.evidence.blank);
        empty == all && lacks(*at)
    })?;
    Some(format!("{} IS NOT NULL", ident(&column.1.read.name)))
}

/// What stands in the first cell of each, and no cell at all.
fn by_each(look: &Look) -> Option<String> {
    let mut terms = Vec::new();
    for row in &look.foot {
        let (at, text) =
            row.cells.iter().enumerate().find_map(|(at, c)| c.as_deref().map(str::trim).filter(|c| !c.is_empty()).map(|c| (at, c)))?;
        let column = look.columns.get(at)?;
        // Where that column is no text, the row is set aside already.
        if column.read.data_type == DataType::Utf8 && column.cast_to.is_none() {
            terms.push(format!("{} IS DISTINCT FROM {}", ident(&column.read.name), literal(text)));
        }
    }
    if look.empty_rows > 0 {
        if look.columns.len() > COLUMNS_MAX {
            return None;
        }
        let any: Vec<String> = look.columns.iter().map(|c| format!("{} IS NOT NULL", ident(&c.read.name))).collect();
        terms.push(format!("({})", any.join(" OR ")));
    }
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

/// Columns of `$739K` and `$5.7M`, as numbers of one size beside them.
pub(super) fn numbers_of_one_size(look: &Look) -> Vec<Proposed> {
    let mut out = Vec::new();
    for c in &look.columns {
        let Some(g) = &c.guess else { continue };
        let Some(units) = g.doubts.iter().find_map(|d| if let Doubt::Magnitudes { units } = d { Some(units) } else { None }) else {
            continue;
        };
        let n = &g.evidence.numbers;
        // Where a comma may be a decimal mark, a person has to say what it is.
        if n.commas + n.point_thousands + n.commas_or_thousands > 0 {
            continue;
        }
        let sizes: Vec<(&str, Option<&str>)> = units.iter().filter_map(|(u, _)| magnitude_of(u)).collect();
        let known: Option<Vec<(&str, &str)>> = sizes.into_iter().map(|(word, ones)| Some((word, ones?))).collect();
        let Some(mut words) = known else { continue };
        words.sort_by_key(|(word, _)| (std::cmp::Reverse(word.len()), *word));
        words.dedup();
        let name = ident(&c.read.name);
        let case = |(word, ones): &(&str, &str)| format!("WHEN {name} ~ {} THEN {ones}", literal(&format!("[0-9] *{word}")));
        let cases: Vec<String> = words.iter().map(case).collect();
        let sign =
            if n.negatives > 0 { format!(" * CASE WHEN {name} LIKE '%-%' OR {name} LIKE '%(%' THEN -1 ELSE 1 END") } else { String::new() };
        let digits = format!("replace(regexp_replace({name}, '^[^0-9]*([0-9][0-9,.]*[0-9]|[0-9]).*$', '\\1'), ',', '')");
        let sql = format!("CAST({digits} AS DOUBLE) * CASE {} ELSE 1 END{sign}", cases.join(" "));
        let column = format!("{}_number", c.read.name);
        out.push(Proposed {
            active: false,
            said: format!("make numbers of {}", c.read.name),
            why: vec![format!(
                "{} holds numbers of different sizes; the letters behind them, read as thousands, millions and so on:",
                c.read.name
            )],
            lines: vec!["rule = \"derive\"".into(), format!("column = {}", quoted(&column)), format!("sql = {}", quoted(&sql))],
        });
    }
    out
}
