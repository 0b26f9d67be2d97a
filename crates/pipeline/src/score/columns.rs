//! Which column of the clean table is which of the truth's, and how their values are compared.

use super::manifest::{Kind, TruthTable};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use tidemill_core::name::normalise;
use tidemill_core::{ColumnRead, Error, Result, problem::did_you_mean};
use tidemill_project::spec::{Columns, Rule, Table};

/// A column that both have.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// Among the truth's columns.
    pub at: usize,
    pub kind: Kind,
    pub clean: String,
    pub data_type: DataType,
}

impl Pair {
    /// The truth's column, as it is to be read.
    pub(super) fn read(&self, label: &str) -> ColumnRead {
        let data_type = match self.kind {
            Kind::Text => DataType::Utf8,
            Kind::Int => DataType::Int64,
            Kind::Decimal(_, s) => DataType::Decimal128(38, s),
            Kind::Bool => DataType::Boolean,
            Kind::Date => DataType::Date32,
            Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        };
        ColumnRead { label: label.to_string(), ..ColumnRead::new(self.truth(), data_type) }
    }

    /// Names in the tables that are compared.
    pub(super) fn truth(&self) -> String {
        format!("t{}", self.at)
    }
    pub(super) fn cleaned(&self) -> String {
        format!("c{}", self.at)
    }

    /// SQL that is true where the two are one value.
    pub(super) fn equal(&self) -> String {
        let (c, t) = (format!("c.{}", self.cleaned()), format!("t.{}", self.truth()));
        let is_text = matches!(self.data_type, DataType::Utf8);
        let number = |of: &str| format!("CAST({of} AS DOUBLE)");
        let micros = |of: &str| format!("arrow_cast(arrow_cast({of}, 'Timestamp(Microsecond, None)'), 'Int64')");
        let same = match (self.kind, &self.data_type) {
            (Kind::Text, _) => format!("CAST({c} AS TEXT) = {t}"),
            (Kind::Int | Kind::Decimal(..), dt) => {
                let read = if is_text {
                    format!("TRY_CAST(trim({c}) AS DOUBLE)")
                } else if matches!(dt, DataType::Boolean) {
                    number(&format!("CAST({c} AS INT)"))
                } else {
                    number(&c)
                };
                format!("abs({read} - {t}) <= 1e-9 * abs({t})", t = number(&t))
            }
            (Kind::Bool, _) if is_text => format!("TRY_CAST(trim({c}) AS BOOLEAN) = {t}"),
            (Kind::Bool, DataType::Boolean) => format!("{c} = {t}"),
            (Kind::Bool, _) => format!("CAST({c} AS INT) = CAST({t} AS INT)"),
            (Kind::Date | Kind::Instant, DataType::Date32) => format!("{c} = CAST({t} AS DATE)"),
            (Kind::Date | Kind::Instant, DataType::Timestamp(..)) => format!("{} = {}", micros(&c), micros(&t)),
            (Kind::Date, _) if is_text => format!("TRY_CAST(trim({c}) AS DATE) = {t}"),
            (Kind::Instant, _) if is_text => format!("{} = {}", micros(&format!("TRY_CAST(trim({c}) AS TIMESTAMP)")), micros(&t)),
            (Kind::Date | Kind::Instant, _) => format!("CAST({c} AS TEXT) = CAST({t} AS TEXT)"),
        };
        let missing = if is_text { format!("({c} IS NULL OR {c} = '')") } else { format!("{c} IS NULL") };
        let empty = if self.kind == Kind::Text { format!("({t} IS NULL OR {t} = '')") } else { format!("{t} IS NULL") };
        format!("CASE WHEN {empty} THEN {missing} WHEN {missing} THEN false ELSE coalesce({same}, false) END")
    }

    /// SQL of the clean value as text; nothing for one that is missing.
    pub(super) fn got(&self) -> String {
        format!("nullif(CAST(c.{} AS TEXT), '')", self.cleaned())
    }

    pub(super) fn is_missing_in_truth(&self) -> String {
        format!("(t.{} IS NULL)", self.truth())
    }
}

/// The columns that the truth and the clean table both have, and the names of those that only the truth has.
pub(super) fn pairs(
    truth: &TruthTable,
    table: &Table,
    clean: &SchemaRef,
    by_hand: &[(String, String)],
) -> Result<(Vec<Pair>, Vec<String>)> {
    let (mut out, mut without) = (Vec::new(), Vec::new());
    let has = |name: &str| clean.field_with_name(name).is_ok();
    for (at, column) in truth.columns.iter().enumerate() {
        let wanted = by_hand.iter().find(|(t, _)| *t == column.name || normalise(t) == normalise(&column.name)).map(|(_, c)| c);
        let name = match wanted {
            Some(name) => Some(name.clone()),
            None => stored_as(&column.name, table).map(|name| if has(&name) { name } else { derived(&column.name, &name, table, has) }),
        };
        let field = name.as_ref().and_then(|n| clean.field_with_name(n).ok());
        match (field, wanted) {
            (Some(f), _) => {
                out.push(Pair { at, kind: column.kind, clean: f.name().clone(), data_type: f.data_type().clone() });
            }
            (None, Some(name)) => {
                let names = clean.fields().iter().map(|f| f.name().as_str());
                let e = Error::config(format!("clean.{} has no column `{name}`", table.name));
                return Err(match did_you_mean(name, names) {
                    Some(near) => e.help(format!("did you mean `{near}`?")),
                    None => e,
                });
            }
            (None, None) => without.push(column.name.clone()),
        }
    }
    Ok((out, without))
}

/// What a column of the source is called after reading.
pub(super) fn read_as(label: &str, table: &Table) -> String {
    let declared = table.columns.iter().find(|c| c.from.as_ref().is_some_and(|f| f.as_str() == label));
    let declared = declared.or_else(|| table.columns.iter().find(|c| c.from.as_ref().is_some_and(|f| normalise(f) == normalise(label))));
    declared.map_or_else(|| normalise(label), |c| c.name.value.clone())
}

/// What it is called in the clean table; `None` where a rule gave it another meaning.
fn stored_as(label: &str, table: &Table) -> Option<String> {
    let mut name = read_as(label, table);
    for rule in &table.clean {
        let in_place = |columns: &[&str], into: Option<&str>| {
            columns.contains(&name.as_str()) && into.is_none_or(|i| i.replace("{column}", &name) == name)
        };
        match &rule.rule {
            Rule::Rename { pairs } => {
                if let Some((_, to)) = pairs.iter().find(|(from, _)| from.value == name) {
                    name = to.value.clone();
                }
            }
            Rule::Scale { columns, into, .. } => {
                let Columns::Named(columns) = columns else { continue };
                let columns: Vec<&str> = columns.iter().map(|c| c.as_str()).collect();
                if in_place(&columns, into.as_ref().map(|i| i.as_str())) {
                    return None;
                }
            }
            Rule::Encode { column, into, .. } if in_place(&[column.as_str()], into.as_ref().map(|i| i.as_str())) => return None,
            Rule::Bin { column, into, .. } if in_place(&[column.as_str()], Some(into.as_str())) => return None,
            _ => {}
        }
    }
    Some(name)
}

/// The column that a rule derives from one that is gone, under the name that the source has for it: `amount` from `amount_given`, of `Amount` or
/// `order:Amount`.
fn derived(label: &str, name: &str, table: &Table, has: impl Fn(&str) -> bool) -> String {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let label = letters(label);
    let of_it = |rule: &Rule| match rule {
        Rule::Derive { column, sql, .. } if has(column) && label.ends_with(&letters(column)) => {
            let mut words = sql.text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|w| w.eq_ignore_ascii_case(name)).then(|| column.value.clone())
        }
        _ => None,
    };
    table.clean.iter().find_map(|c| of_it(&c.rule)).unwrap_or_else(|| name.to_string())
}
