//! Mistakes in recipes: all at once, each once, at their places.

use super::{problems, rows};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType::{Date32, Int64, Utf8};

fn input() -> RecordBatch {
    rows(&[("id", Int64, "1"), ("income", Int64, "1"), ("name", Utf8, "x"), ("born", Date32, "2000-01-01")])
}

fn told(toml: &str) -> Vec<String> {
    problems(toml, &input()).iter().map(|p| format!("{} {} / {}", p.code, p.message, p.help.clone().unwrap_or_default())).collect()
}

#[test]
fn every_mistake_is_told_at_once() {
    let toml = r#"
key = ["idd"]
partition_by = ["year"]
[[clean]]
rule = "scale"
columns = ["incme", "name"]
method = "standard"
[[clean]]
rule = "derive"
column = "age"
sql = "2024 - yaer"
[[clean]]
rule = "missing"
column = "age"
with = "median"
[[clean]]
rule = "filter"
where = "income + 1"
[[clean]]
rule = "derive"
column = "twice"
sql = "age * 2"
[[clean]]
rule = "bin"
column = "income"
edges = [1, 2]
labels = ["a", "b", "c"]
into = "name"
[[clean]]
rule = "date_parts"
column = "born"
parts = ["hour"]
[[clean]]
rule = "missing"
column = "income"
with = "constant"
value = "a lot"
[[clean]]
rule = "repair"
column = "income"
to = ["x"]
"#;
    let problems = problems(toml, &input());
    let codes: Vec<&str> = problems.iter().map(|p| p.code).collect();
    let wanted = ["TM0301", "TM0302", "TM0402", "TM0201", "TM0303", "TM0302", "TM0302", "TM0302", "TM0103", "TM0103"];
    assert_eq!(codes, wanted, "{problems:#?}");
    assert_eq!(problems[0].help.as_deref(), Some("did you mean `income`?"));
    assert!(problems[8].message.contains("`idd`") && problems[8].help.as_deref() == Some("did you mean `id`?"));
    let at = |i: usize| {
        let span = problems[i].place.span.clone().unwrap();
        toml[span].trim_matches('"').to_string()
    };
    assert_eq!([at(0), at(2), at(4), at(6)], ["incme", "yaer", "name", "a lot"]);
}

#[test]
fn columns_come_and_go_along_the_rules() {
    let toml = "[[clean]]\nrule = \"drop\"\ncolumns = [\"income\"]\n[[clean]]\nrule = \"derive\"\ncolumn = \"x\"\nsql = \"income + 1\"\n";
    assert!(told(toml)[0].starts_with("TM0402"), "{:?}", told(toml));
    let toml =
        "[[clean]]\nrule = \"rename\"\ncolumns = { income = \"pay\" }\n[[clean]]\nrule = \"derive\"\ncolumn = \"x\"\nsql = \"pay + 1\"\n";
    assert!(told(toml).is_empty(), "{:?}", told(toml));
    let toml = "[[clean]]\nrule = \"rename\"\ncolumns = { income = \"name\" }\n";
    assert!(told(toml)[0].starts_with("TM0303"), "{:?}", told(toml));
}
