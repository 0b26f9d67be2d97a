//! Questions worth asking of the project, in its own file: blocks of a comment and a statement, with an empty line between them.

use std::path::Path;
use tidemill_core::{Error, Result};

const FILE: &str = "demo/questions.sql";

#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// What the comment says.
    pub why: String,
    /// Without its semicolon.
    pub sql: String,
}

pub fn of(dir: &Path) -> Result<Vec<Question>> {
    let path = dir.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::config(format!("cannot be read: {e}")).at(path.display().to_string()))?;
    Ok(parse(&text))
}

fn parse(text: &str) -> Vec<Question> {
    let blocks = text.split("\n\n").map(|block| {
        let (comments, sql): (Vec<&str>, Vec<&str>) = block.trim().lines().partition(|l| l.starts_with("--"));
        let why: Vec<&str> = comments.iter().map(|l| l.trim_start_matches('-').trim()).collect();
        Question { why: why.join(" "), sql: sql.join("\n").trim_end_matches(';').to_string() }
    });
    blocks.filter(|q| !q.sql.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_the_reason_of_the_statement_below() {
        let text = "-- Only words.\n\n-- Who,\n-- and why.\nSELECT 1,\n  2;\n\n\nSELECT 3\n";
        let question = |why: &str, sql: &str| Question { why: why.into(), sql: sql.into() };
        assert_eq!(parse(text), [question("Who, and why.", "SELECT 1,\n  2"), question("", "SELECT 3")]);
    }
}
