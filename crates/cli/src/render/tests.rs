use super::*;
use tidemill_core::Place;

fn files() -> BTreeMap<PathBuf, String> {
    BTreeMap::from([(PathBuf::from("tables/a.toml"), "# über\nlod = \"append\"\n".to_string())])
}

fn problems() -> Vec<Problem> {
    let text = &files()[Path::new("tables/a.toml")];
    let at = text.find("lod").unwrap_or_default();
    vec![
        Problem::error("TM0005", Place::span("tables/a.toml", at..at + 3), "unknown key `lod` in the table").help("did you mean `load`?"),
        Problem::warning("TM0010", Place::file("views/x.toml"), "`views` holds `.sql` files").help("move it"),
        Problem::error("TM0701", Place::default(), "`--x` sets `x`, which is no setting"),
    ]
}

#[test]
fn problems_look_like_the_compilers() {
    let text = render(&problems(), &files(), false);
    assert_eq!(
        text,
        "error[TM0005]: unknown key `lod` in the table
 --> tables/a.toml:2:1
  |
2 | lod = \"append\"
  | ^^^
  |
  = help: did you mean `load`?

warning[TM0010]: `views` holds `.sql` files
--> views/x.toml
 = help: move it

error[TM0701]: `--x` sets `x`, which is no setting

error: 2 errors and 1 warning in 2 files; `tidemill explain TM0005` tells more
"
    );
    assert!(render(&problems(), &files(), true).contains('\u{1b}'));
    assert_eq!(render(&[], &files(), false), "");
}

#[test]
fn json_counts_from_one_in_characters() {
    let all: Value = serde_json::from_str(&render_json(&problems(), &files())).unwrap();
    assert_eq!((&all[0]["line"], &all[0]["column"], &all[0]["end_column"]), (&json!(2), &json!(1), &json!(4)));
    assert_eq!((&all[1]["severity"], &all[1]["line"]), (&json!("warning"), &Value::Null));
}

#[test]
fn spans_outside_the_text_are_brought_in() {
    assert_eq!(within("aü", &(2..9)), 1..3);
    assert_eq!(within("ab\ncd", &(0..5)), 0..2);
    assert_eq!(within("\nab\ncd", &(0..6)), 0..3);
}
