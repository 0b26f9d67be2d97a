use super::command::{Command, parse};
use super::complete::suggest;
use super::edit::is_complete;
use super::highlight::{Kind, pieces};
use super::words::{FUNCTIONS, KEYWORDS, Vocabulary, Word, WordKind};

fn vocabulary() -> Vocabulary {
    let mut words: Vec<Word> = KEYWORDS.iter().map(|k| Word::new(*k, WordKind::Keyword, "")).collect();
    words.extend(FUNCTIONS.iter().map(|f| Word::new(*f, WordKind::Function, "")));
    let columns = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    Vocabulary::new(
        words,
        vec![
            ("clean".into(), "customers".into(), columns(&["id", "income", "total_spend"])),
            ("raw".into(), "customers".into(), columns(&["id", "_file"])),
            ("public".into(), "spend_by_group".into(), columns(&["age_group", "spend_mean"])),
        ],
    )
}

/// `|` marks the cursor.
fn offered(line: &str) -> Vec<String> {
    let pos = line.find('|').unwrap();
    suggest(&vocabulary(), &line.replace('|', ""), pos).1.into_iter().map(|w| w.text).collect()
}

#[test]
fn tables_come_after_from_and_join() {
    assert_eq!(offered("SELECT * FROM |"), ["clean.", "customers", "public.", "raw.", "spend_by_group"]);
    assert_eq!(offered("SELECT * FROM sp|"), ["spend_by_group"]);
    assert_eq!(offered("SELECT * FROM customers JOIN raw.|"), ["raw.customers"]);
    assert_eq!(offered("SELECT 1; SELECT * FROM customers, sp|"), ["spend_by_group"]);
    assert_eq!(offered("\\d cu|"), ["customers"]);
}

#[test]
fn columns_are_those_of_the_tables_named_even_after_the_cursor() {
    assert_eq!(offered("SELECT inc| FROM customers")[0], "income");
    assert_eq!(offered("SELECT c.| FROM customers AS c"), ["c.id", "c.income", "c.total_spend"]);
    assert_eq!(offered("SELECT c.t| FROM customers c WHERE true"), ["c.total_spend"]);
    assert_eq!(offered("SELECT | FROM spend_by_group"), ["age_group", "spend_mean"]);
    assert!(offered("SELECT mean| FROM spend_by_group").contains(&"spend_mean".to_string()));
    assert!(!offered("SELECT inc| FROM spend_by_group").contains(&"income".to_string()));
}

#[test]
fn keywords_keep_the_case_they_are_typed_in() {
    assert!(offered("sel|").contains(&"select".to_string()));
    assert!(offered("SEL|").contains(&"SELECT".to_string()));
    assert!(offered("SELECT med| FROM customers").contains(&"median".to_string()));
    assert!(offered("SELECT 'sel|").is_empty());
}

#[test]
fn the_completed_word_is_what_is_replaced() {
    let line = "SELECT c.inc FROM customers c";
    let (start, words) = suggest(&vocabulary(), line, 12);
    assert_eq!((&line[start..12], words[0].text.as_str()), ("c.inc", "c.income"));
}

#[test]
fn enter_ends_statements_and_commands() {
    for whole in ["SELECT 1;", "\\d", "\\d customers", "exit", "quit;", "", "  ", "SELECT ';';", "SELECT 1; -- done"] {
        assert!(is_complete(whole), "{whole}");
    }
    for part in ["SELECT 1", "SELECT 'a;", "SELECT 1 -- a;", "/* ;", "SELECT 1;\nSELECT"] {
        assert!(!is_complete(part), "{part}");
    }
}

#[test]
fn commands_are_told_from_sql() {
    assert!(parse("SELECT 1;").is_none());
    assert_eq!(parse("\\d").unwrap().unwrap(), Command::Relations);
    assert_eq!(parse("\\d clean.customers;").unwrap().unwrap(), Command::Describe("clean.customers".into()));
    assert_eq!(parse("\\x on").unwrap().unwrap(), Command::Expanded(Some(true)));
    assert_eq!(parse("\\timing").unwrap().unwrap(), Command::Timing(None));
    assert_eq!(parse("EXIT;").unwrap().unwrap(), Command::Leave);
    assert!(parse("\\x maybe").unwrap().is_err());
    assert!(parse("\\timng").unwrap().unwrap_err().help.unwrap().contains("\\timing"));
    assert!(parse("\\q now").unwrap().is_err());
}

#[test]
fn colouring_loses_nothing() {
    for line in ["SELECT 'it''s', 1.5 FROM \"a b\" -- x\nWHERE é = 'open", "/* open", "\\d x", "", "a$b"] {
        assert_eq!(pieces(line).iter().map(|(_, p)| *p).collect::<String>(), line);
    }
    let kinds: Vec<Kind> = pieces("SELECT 'x' + 12").into_iter().map(|p| p.0).filter(|k| *k != Kind::Plain).collect();
    assert_eq!(kinds, [Kind::Keyword, Kind::Text, Kind::Number]);
}
