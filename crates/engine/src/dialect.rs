//! PostgreSQL's dialect as sqlparser has it, but for one mistake of its (it reads `a IS DISTINCT FROM b AND c` as
//! `a IS DISTINCT FROM (b AND c)`), and with versions of tables.

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use std::any::TypeId;

#[derive(Debug)]
pub(crate) struct Postgres {
    /// `t FOR SYSTEM_TIME AS OF moment` is read. Only in texts that say so, since `changes`, `at` and `before` are no names of tables' rows then.
    pub(crate) versions: bool,
}

const ITS: PostgreSqlDialect = PostgreSqlDialect {};

macro_rules! as_postgres {
    ($($what:ident)*) => { $(fn $what(&self) -> bool { ITS.$what() })* };
}

impl Dialect for Postgres {
    fn dialect(&self) -> TypeId {
        ITS.dialect()
    }
    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        let make = if parser.parse_keywords(&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM]) {
            Expr::IsDistinctFrom
        } else if parser.parse_keywords(&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM]) {
            Expr::IsNotDistinctFrom
        } else {
            return None;
        };
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        Some(right.map(|right| make(Box::new(expr.clone()), Box::new(right))))
    }
    fn supports_table_versioning(&self) -> bool {
        self.versions
    }
    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        ITS.identifier_quote_style(identifier)
    }
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        ITS.is_delimited_identifier_start(c)
    }
    fn is_identifier_start(&self, c: char) -> bool {
        ITS.is_identifier_start(c)
    }
    fn is_identifier_part(&self, c: char) -> bool {
        ITS.is_identifier_part(c)
    }
    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        ITS.is_reserved_for_identifier(keyword)
    }
    fn is_custom_operator_part(&self, c: char) -> bool {
        ITS.is_custom_operator_part(c)
    }
    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        ITS.get_next_precedence(parser)
    }
    fn prec_value(&self, precedence: Precedence) -> u8 {
        ITS.prec_value(precedence)
    }
    as_postgres! {
        supports_unicode_string_literal supports_filter_during_aggregation supports_group_by_expr allow_extract_custom
        allow_extract_single_quotes supports_create_index_with_clause supports_explain_with_utility_options supports_listen_notify
        supports_factorial_operator supports_bitwise_shift_operators supports_comment_on supports_load_extension
        supports_named_fn_args_with_colon_operator supports_named_fn_args_with_expr_name supports_empty_projections supports_nested_comments
        supports_string_escape_constant supports_numeric_literal_underscores supports_array_typedef_with_brackets supports_geometric_types
        supports_set_names supports_alter_column_type_using supports_notnull_operator supports_interval_options supports_insert_table_alias
        supports_create_table_like_parenthesized supports_select_wildcard_with_alias supports_comma_separated_trim supports_xml_expressions
        supports_comment_optimizer_hint
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::parse_expression;
    use datafusion::sql::sqlparser::ast::Expr;

    fn root(text: &str) -> String {
        match parse_expression(text).map(|e| e.expr) {
            Ok(Expr::BinaryOp { op, .. }) => op.to_string(),
            Ok(Expr::UnaryOp { op, .. }) => op.to_string(),
            Ok(Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..)) => "DISTINCT".into(),
            Ok(Expr::IsNull(_)) => "IS NULL".into(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn distinct_from_binds_as_in_postgresql() {
        for (text, wanted) in [
            ("a IS DISTINCT FROM b", "DISTINCT"),
            ("a IS DISTINCT FROM b AND c", "AND"),
            ("x AND a IS NOT DISTINCT FROM b OR c", "OR"),
            ("a IS DISTINCT FROM b = c", "DISTINCT"),
            ("NOT a IS DISTINCT FROM b", "NOT"),
            ("NOT a IS NOT DISTINCT FROM b OR c", "OR"),
            ("NOT a IS NOT DISTINCT FROM b AND c", "AND"),
            ("a IS DISTINCT FROM b IS NULL", "IS NULL"),
        ] {
            assert_eq!(root(text), wanted, "{text}");
        }
    }
}
