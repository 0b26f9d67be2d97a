//! Pieces of TOML, SQL and prose.

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A TOML list of strings.
pub(super) fn quoted_list<S: AsRef<str>>(items: &[S]) -> String {
    format!("[{}]", items.iter().map(|i| quoted(i.as_ref())).collect::<Vec<_>>().join(", "))
}

/// A SQL text.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as SQL takes it: quoted where it must be.
pub(super) fn ident(name: &str) -> String {
    const RESERVED: &[&str] = &[
        "all",
        "analyze",
        "and",
        "any",
        "array",
        "as",
        "asc",
        "between",
        "both",
        "by",
        "case",
        "cast",
        "check",
        "column",
        "constraint",
        "create",
        "cross",
        "current",
        "date",
        "default",
        "delete",
        "desc",
        "distinct",
        "do",
        "else",
        "end",
        "end_frame",
        "except",
        "exists",
        "explain",
        "extract",
        "false",
        "fetch",
        "filter",
        "following",
        "for",
        "foreign",
        "from",
        "full",
        "group",
        "having",
        "in",
        "inner",
        "insert",
        "intersect",
        "interval",
        "into",
        "is",
        "join",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "match",
        "natural",
        "not",
        "null",
        "of",
        "offset",
        "on",
        "only",
        "open",
        "or",
        "order",
        "outer",
        "over",
        "partition",
        "placing",
        "position",
        "preceding",
        "primary",
        "qualify",
        "range",
        "references",
        "returning",
        "right",
        "row",
        "rows",
        "select",
        "set",
        "some",
        "sort",
        "substring",
        "table",
        "then",
        "time",
        "timestamp",
        "to",
        "top",
        "trailing",
        "trim",
        "true",
        "union",
        "unique",
        "unnest",
        "update",
        "user",
        "using",
        "values",
        "view",
        "when",
        "where",
        "window",
        "with",
        "within",
    ];
    let is_plain = name.chars().next().is_some_and(|c| c == '_' || c.is_ascii_lowercase())
        && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    if is_plain && !RESERVED.contains(&name) { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `541,909`.
pub(super) fn figure(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 row`, `5,268 rows`.
pub(super) fn counted(n: u64, one: &str) -> String {
    let plural = match one.strip_suffix('y') {
        Some(stem) if !one.ends_with("ay") && !one.ends_with("ey") => format!("{stem}ies"),
        _ => format!("{one}s"),
    };
    format!("{} {}", figure(n), if n == 1 { one } else { &plural })
}

/// The first few, and how many more there are.
pub(super) fn list<S: AsRef<str>>(items: &[S], shown: usize) -> String {
    let first: Vec<&str> = items.iter().take(shown).map(AsRef::as_ref).collect();
    match items.len().saturating_sub(shown) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// A value for a comment: on one line, not long.
pub(super) fn shown(value: &str) -> String {
    let flat: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= 40 { flat } else { format!("{}…", flat.chars().take(39).collect::<String>()) }
}

/// Words of a name: `unit_price` → unit, price; `unitprice` stays one.
pub(super) fn has_word(name: &str, label: &str, words: &[&str]) -> bool {
    let mut parts = tidemill_connect::infer::words(label);
    parts.extend(name.split('_').map(String::from));
    parts.iter().any(|p| words.contains(&p.as_str()))
}

/// Whether a word of a name is one of these, or begins with one as names written together do: `invoiceno` with `invoice`, and `no` only by itself.
pub(super) fn begins_word(name: &str, label: &str, words: &[&str]) -> bool {
    let mut parts = tidemill_connect::infer::words(label);
    parts.extend(name.split('_').map(String::from));
    parts.iter().any(|p| words.iter().any(|w| p == w || (w.len() >= 4 && p.starts_with(w))))
}
