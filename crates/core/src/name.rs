//! How columns and tables are called. Stored names are lower-case with every other character as `_`; what the source called them
//! is kept as a label.

/// `"order:TotalAmount"` → `order_totalamount`; a name that begins with a digit gets a leading `_`; an empty one becomes `column`.
pub fn normalise(label: &str) -> String {
    let mut out = String::with_capacity(label.len());
    for c in label.trim().trim_start_matches('\u{feff}').chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else {
            out.push('_');
        }
    }
    if out.is_empty() {
        out.push_str("column");
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// Whether a name can stand in SQL without quotes and as a file name: a lower-case letter or `_`, then letters, digits and `_`.
pub fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_lowercase() && c.is_alphabetic() || c == '_')
        && chars.all(|c| c == '_' || c.is_numeric() || (c.is_alphabetic() && !c.is_uppercase()))
}

/// Columns that the program itself adds to a raw table.
pub const FILE: &str = "_file";
pub const LINE: &str = "_line";
pub const INGESTED_AT: &str = "_ingested_at";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_become_plain_names() {
        assert_eq!(normalise("order:TotalAmount"), "order_totalamount");
        assert_eq!(normalise("\u{feff}ID "), "id");
        assert_eq!(normalise("2019"), "_2019");
        assert_eq!(normalise(""), "column");
        assert!(is_plain(&normalise("Ünïts (kg)")));
    }
}
