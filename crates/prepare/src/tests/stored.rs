use super::{PLAIN, apply, compile, fit, rows, run, shown, table};
use crate::{Fitted, drift};
use arrow::datatypes::DataType::{Float64, Int64, Utf8};

const TOML: &str = r#"
[[clean]]
rule = "missing"
column = "x"
with = "median"
[[clean]]
rule = "scale"
column = "y"
method = "standard"
[[clean]]
rule = "encode"
column = "s"
method = "onehot"
[[clean]]
rule = "repair"
column = "s"
to = ["red", "blue"]
otherwise = "null"
[[clean]]
rule = "derive"
column = "above"
sql = "y > avg(y)"
"#;

#[test]
fn a_stored_fit_is_readable_and_serves_rows_it_has_not_seen() {
    let seen = rows(&[("x", Int64, "1 3 5 -"), ("y", Float64, "0.1 0.2 0.3 0.4"), ("s", Utf8, "red blue red rde")]);
    let recipe = compile(&table(TOML), &seen);
    let fitted = fit(&recipe, &seen, PLAIN, None).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&fitted.to_json().to_string()).unwrap();
    assert_eq!(stored["format"], 1);
    let values: Vec<String> = fitted.describe().iter().map(|v| format!("{} {} {}={}", v.rule, v.column, v.name, v.value)).collect();
    for v in [
        "missing x median=3",
        "scale y_scaled mean=0.25",
        "encode s values=red, blue, rde",
        "repair s repairs.rde.to=red",
        "derive above avg(y)=0.25",
    ] {
        assert!(values.iter().any(|w| w == v), "{v} in {values:#?}");
    }
    let new = rows(&[("x", Int64, "- 9"), ("y", Float64, "0.25 0.3"), ("s", Utf8, "blu green")]);
    let loaded = Fitted::from_json(&stored, &recipe).unwrap();
    let (batch, ..) = apply(&loaded, &new, PLAIN, None).unwrap();
    let all: Vec<String> = ["x", "y_scaled", "s", "s_red", "s_rde", "above"].map(|c| shown(&batch, c).join(" ")).to_vec();
    assert_eq!(all[0], "3 9");
    assert!(all[1].starts_with("0.0 0.387"), "{}", all[1]);
    // A spelling nobody met at the fit is matched all the same; an unknown category is in no column.
    assert_eq!(all[2..], ["blue -", "0 0", "0 0", "false true"]);
    assert!(drift(&fitted, &Fitted::from_json(&stored, &recipe).unwrap()).is_empty());
    let moved =
        fit(&recipe, &rows(&[("x", Int64, "1 30 50 -"), ("y", Float64, "0.1 0.2 0.3 0.4"), ("s", Utf8, "red blue red red")]), PLAIN, None)
            .unwrap();
    let told = drift(&fitted, &moved).join("; ");
    assert!(told.contains("missing of `x`: median was 3 and is 30") && !told.contains("scale"), "{told}");
}

#[test]
fn other_rules_and_other_formats_are_refused() {
    let input = rows(&[("x", Int64, "1"), ("y", Float64, "1"), ("s", Utf8, "a")]);
    let recipe = compile(&table(TOML), &input);
    let mut stored = fit(&recipe, &input, PLAIN, None).unwrap().to_json();
    let other = compile(&table(&TOML.replace("median", "mean")), &input);
    assert!(Fitted::from_json(&stored, &other).unwrap_err().what.contains("other rules"));
    // What is said about a rule is not the rule.
    let same = compile(&table(&format!("# a comment\n{TOML}")), &input);
    assert_eq!(recipe.fingerprint(), same.fingerprint());
    stored["format"] = 2.into();
    assert!(Fitted::from_json(&stored, &recipe).unwrap_err().what.contains("format 2"));
}

#[test]
fn earlier_figures_can_be_kept_for_the_rows_just_read() {
    let before = rows(&[("x", Int64, "1 1 1"), ("y", Float64, "1 2 3"), ("s", Utf8, "red red red")]);
    let now = rows(&[("x", Int64, "7 - 7 7"), ("y", Float64, "1 2 3 3"), ("s", Utf8, "red red red rad")]);
    let recipe = compile(&table(TOML), &before);
    let old = fit(&recipe, &before, PLAIN, None).unwrap();
    let kept = old.with_state_of(fit(&recipe, &now, PLAIN, None).unwrap());
    let (batch, applied, _) = apply(&kept, &now, PLAIN, None).unwrap();
    assert_eq!(shown(&batch, "x"), ["7", "1", "7", "7"]);
    assert_eq!(applied.written, 4);
}

#[test]
fn rows_are_only_used_once() {
    let input = rows(&[("x", Int64, "1 1 2 3 3 3 4")]);
    let r = run("[[clean]]\nrule = \"duplicates\"\n", &input);
    let (again, applied, _) = apply(&r.fitted, &rows(&[("x", Int64, "3 3")]), PLAIN, None).unwrap();
    assert_eq!((again.num_rows(), applied.deduplicated), (1, 1));
}
