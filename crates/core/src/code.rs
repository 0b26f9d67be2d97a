//! Every problem code, its title and its explanation: what `tidemill explain TM0123` prints.
//!
//! The first two digits say where the mistake is: 00 files and TOML, 01 tables, 02 columns, 03 rules, 04 SQL, 05 the graph,
//! 06 connectors, 07 settings, 08 dashboards, 09 a run. A code is never given a second meaning.

pub mod codes;
mod files;
mod rules;
mod runs;
mod sql;
mod tables;

#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub code: &'static str,
    pub title: &'static str,
    /// Markdown: what is wrong, an example, how to mend it.
    pub text: &'static str,
}

/// The explanation of a code, in whatever case it is written; the letters may be left out.
pub fn explain(code: &str) -> Option<&'static Code> {
    let wanted = code.trim();
    CODES.iter().find(|c| c.code.eq_ignore_ascii_case(wanted) || c.code.trim_start_matches("TM") == wanted)
}

/// In order of code.
pub const CODES: &[Code] = &join::<COUNT>(&GROUPS);

const GROUPS: [&[Code]; 5] = [files::CODES, tables::CODES, rules::CODES, sql::CODES, runs::CODES];
const COUNT: usize = files::CODES.len() + tables::CODES.len() + rules::CODES.len() + sql::CODES.len() + runs::CODES.len();

const fn join<const N: usize>(groups: &[&[Code]]) -> [Code; N] {
    let mut out = [Code { code: "", title: "", text: "" }; N];
    let (mut group, mut at) = (0, 0);
    while group < groups.len() {
        let mut i = 0;
        while i < groups[group].len() {
            out[at] = groups[group][i];
            at += 1;
            i += 1;
        }
        group += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_explained_once_and_in_order() {
        let listed: Vec<&str> = CODES.iter().map(|c| c.code).collect();
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(listed, sorted);
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), codes::ALL.iter().copied().collect());
        for c in CODES {
            assert!(!c.title.ends_with('.') && c.text.len() > 80, "{}", c.code);
        }
    }

    #[test]
    fn a_code_is_found_in_any_case() {
        assert_eq!(explain("tm0005").map(|c| c.code), Some("TM0005"));
        assert_eq!(explain("0005").map(|c| c.code), Some("TM0005"));
        assert!(explain("TM9999").is_none());
    }
}
