//! The preparation rules, one file each: `compile` resolves the rule's columns, says what is wrong with it, and adds its nodes. A new rule is a
//! file here and a line in [`compile`].

mod bin;
mod cast;
mod columns;
mod date_parts;
mod derive;
mod duplicates;
mod encode;
mod filter;
mod forward;
mod invalid;
mod missing;
mod near;
mod outliers;
mod scale;
#[cfg(test)]
mod tests;
mod text;

use crate::scope::Scope;
use tidemill_project::spec::Rule;

pub(crate) fn compile(scope: &mut Scope, rule: &Rule) {
    match rule {
        Rule::Text { .. } => text::compile(scope, rule),
        Rule::Invalid { columns, condition } => invalid::compile(scope, columns, condition),
        Rule::Missing { columns, with, by, order_by } => missing::compile(scope, columns, with, by, order_by),
        Rule::Duplicates { key, keep } => duplicates::compile(scope, key, keep),
        Rule::NearDuplicates { like, similarity_min, drop } => near::compile(scope, like, *similarity_min, *drop),
        Rule::Repair { .. } | Rule::RepairBy { .. } | Rule::RepairGlued { .. } => crate::repair::compile(scope, rule),
        Rule::Outliers { columns, method, action, into } => outliers::compile(scope, columns, *method, *action, into.as_ref()),
        Rule::Scale { columns, method, into } => scale::compile(scope, columns, *method, into.as_ref()),
        Rule::Encode { column, method, into, drop } => encode::compile(scope, column, method, into.as_ref(), *drop),
        Rule::Bin { column, cuts, labels, into } => bin::compile(scope, column, cuts, labels, into),
        Rule::Derive { column, sql, data_type, .. } => derive::compile(scope, column, sql, data_type.as_ref()),
        Rule::DateParts { column, parts, into } => date_parts::compile(scope, column, parts, into.as_ref()),
        Rule::Drop { columns, only_constant } => columns::drop(scope, columns, *only_constant),
        Rule::Filter { condition } => filter::compile(scope, condition),
        Rule::Rename { pairs } => columns::rename(scope, pairs),
        Rule::Select { columns } => columns::select(scope, columns),
        Rule::Cast { columns, data_type } => cast::compile(scope, columns, data_type),
    }
}
