//! What SQL is made of, for completion and colour.

/// What the query engine reads as a keyword in the places where people type.
pub const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ANTI",
    "ANY",
    "AS",
    "ASC",
    "BETWEEN",
    "BIGINT",
    "BOOLEAN",
    "BY",
    "CASE",
    "CAST",
    "COLUMNS",
    "CROSS",
    "CUBE",
    "CURRENT ROW",
    "DATE",
    "DECIMAL",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DOUBLE",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXPLAIN",
    "EXTRACT",
    "FALSE",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FROM",
    "FULL",
    "GROUP BY",
    "GROUPING SETS",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INT",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER BY",
    "OUTER",
    "OVER",
    "PARTITION BY",
    "PRECEDING",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "RIGHT",
    "ROLLUP",
    "ROWS",
    "SELECT",
    "SEMI",
    "SHOW",
    "SIMILAR TO",
    "TABLES",
    "THEN",
    "TIMESTAMP",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "USING",
    "VALUES",
    "VARCHAR",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Offered when the engine cannot be asked for its own list.
pub const FUNCTIONS: &[&str] = &[
    "abs",
    "approx_distinct",
    "array_agg",
    "avg",
    "ceil",
    "coalesce",
    "concat",
    "corr",
    "count",
    "date_part",
    "date_trunc",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "initcap",
    "lag",
    "last_value",
    "lead",
    "length",
    "ln",
    "lower",
    "ltrim",
    "max",
    "median",
    "min",
    "now",
    "ntile",
    "nullif",
    "power",
    "rank",
    "regexp_match",
    "regexp_replace",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "split_part",
    "sqrt",
    "stddev",
    "strpos",
    "substr",
    "sum",
    "to_char",
    "to_timestamp",
    "trim",
    "upper",
    "var",
    "version_of",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordKind {
    Column,
    Relation,
    Function,
    Keyword,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub kind: WordKind,
    /// What stands beside it in the menu.
    pub note: String,
}

impl Word {
    pub fn new(text: impl Into<String>, kind: WordKind, note: impl Into<String>) -> Word {
        Word { text: text.into(), kind, note: note.into() }
    }
}

/// Schema, name and columns of a table or view.
pub type Relation = (String, String, Vec<String>);

/// Everything that may be completed.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// Keywords and functions.
    pub words: Vec<Word>,
    pub relations: Vec<Relation>,
}

impl Vocabulary {
    pub fn new(mut words: Vec<Word>, relations: Vec<Relation>) -> Vocabulary {
        words.sort_by(|a, b| a.text.cmp(&b.text));
        words.dedup_by(|a, b| a.text == b.text);
        Vocabulary { words, relations }
    }

    /// A relation by `name` or `schema.name`, as SQL would find it.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        match name.split_once('.') {
            Some((schema, name)) => self.relations.iter().find(|(s, n, _)| s.eq_ignore_ascii_case(schema) && n.eq_ignore_ascii_case(name)),
            None => ["public", "clean"]
                .iter()
                .find_map(|schema| self.relations.iter().find(|(s, n, _)| s == schema && n.eq_ignore_ascii_case(name))),
        }
    }
}

/// Whether a word is a keyword by itself (`GROUP BY` counts for both its words).
pub fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|k| k.split(' ').any(|part| part.eq_ignore_ascii_case(word)))
}
