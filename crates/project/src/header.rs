//! The settings of a `.sql` file: leading comment lines that begin with `--!`, read together as TOML.

use crate::spec::{Span, Sql};

pub(crate) struct Split {
    /// As long as the file's head, byte for byte, with everything that is not TOML as blanks: spans in it are spans in the file.
    pub header: String,
    /// What follows the header.
    pub sql: Sql,
    /// `--!` lines that come too late to be settings.
    pub late: Vec<Span>,
}

pub(crate) fn split(text: &str) -> Split {
    let mut header = String::new();
    let mut late = Vec::new();
    let (mut end, mut at, mut in_head) = (0, 0, true);
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start().trim_start_matches('\u{feff}');
        let mark = bare.starts_with("--!").then(|| at + line.len() - bare.len());
        match mark {
            Some(mark) if in_head => {
                header.push_str(&" ".repeat(mark + 3 - at));
                header.push_str(&text[mark + 3..at + line.len()]);
                end = at + line.len();
            }
            Some(mark) => late.push(mark..at + line.trim_end().len()),
            // Plain comments and blank lines may stand between settings.
            None if bare.trim().is_empty() || bare.starts_with("--") => blank(line, &mut header),
            None => in_head = false,
        }
        at += line.len();
    }
    header.truncate(end);
    let sql = Sql { text: text[end..].to_string(), span: end..text.len(), exact: true };
    Split { header, sql, late }
}

fn blank(line: &str, header: &mut String) {
    let ending = line.len() - line.trim_end_matches(['\r', '\n']).len();
    header.push_str(&" ".repeat(line.len() - ending));
    header.push_str(&line[line.len() - ending..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_keep_their_places() {
        let text = "--! materialized = \"table\"\n-- über\n--! description = \"ä\"\n\n-- why\nSELECT 1\n--! late = 1\n";
        let s = split(text);
        assert_eq!(s.header.len(), text.find("\n\n-- why").unwrap() + 1);
        let at = text.find("description").unwrap();
        assert_eq!(&s.header[at..at + 11], "description");
        assert!(s.sql.text.starts_with("\n-- why\nSELECT 1"));
        assert_eq!(&text[s.sql.locate(1..7)], "-- why");
        assert_eq!(s.late.iter().map(|l| &text[l.clone()]).collect::<Vec<_>>(), ["--! late = 1"]);
    }

    #[test]
    fn a_file_without_a_header_is_all_sql() {
        let s = split("SELECT 1");
        assert_eq!((s.header.as_str(), s.sql.text.as_str()), ("", "SELECT 1"));
    }
}
