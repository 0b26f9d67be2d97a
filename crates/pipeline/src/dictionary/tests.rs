use super::{ColumnEntry, dictionary};
use crate::check;
use tidemill_project::Environment;

/// The dictionary of a project of these files.
fn of(files: &[(&str, &str)]) -> super::Dictionary {
    let dir = tempfile::tempdir().unwrap();
    let main = ("tidemill.toml", "name = \"t\"\n");
    for (path, text) in files.iter().chain([&main]) {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let checked = check(dir.path(), &Environment::default());
    assert!(!checked.has_errors(), "{:?}", checked.problems);
    dictionary(&checked)
}

const SALES: &str = r#"
description = "What was sold."
key = ["id"]
checks = ["amount < 1e6"]
[source]
path = "data/sales.csv"
[columns.id]
type = "int"
required = true
description = "number"
[columns.amount]
from = "Amount (EUR)"
type = "double"
min = 0
units = ["€"]
[columns.kind]
type = "text"
accepted = ["a", "b"]
[[clean]]
rule = "scale"
columns = ["amount"]
method = "minmax"
[[clean]]
rule = "derive"
column = "twice"
sql = "amount * 2"
[[clean]]
rule = "rename"
columns = { kind = "sort" }
[[clean]]
rule = "drop"
columns = ["note"]
"#;

#[test]
fn what_is_said_and_what_is_not() {
    let d = of(&[
        ("tables/sales.toml", SALES),
        ("data/sales.csv", "id,Amount (EUR),kind,note\n1,5 €,a,x\n2,6 €,b,y\n"),
        (
            "functions/large.sql",
            "--! tests = [{ call = \"abs(-2)\", equals = 2 }]\n--! [parameters]\n--! least = \"from here on\"\nCREATE FUNCTION large(least DOUBLE, n INT DEFAULT 3) RETURNS TABLE (id BIGINT) RETURN SELECT id FROM sales WHERE amount > least LIMIT n",
        ),
        (
            "views/top.sql",
            "--! tests = [{ unique = \"id\", severity = \"warn\" }]\n--! [columns]\n--! id = \"number\"\nSELECT l.id, s.amount / 2 AS half FROM large(1) l JOIN sales s ON s.id = l.id",
        ),
        ("exports/top.toml", "from = \"top\"\n[to]\npath = \"out/top.csv\"\n"),
    ]);
    let table = &d.tables[0];
    let column = |name: &str| table.columns.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("{name}: {table:?}"));
    assert_eq!(table.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "amount", "sort", "amount_scaled", "twice"]);
    assert_eq!(table.dropped.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["note"]);
    assert_eq!((column("id").contract.join("; "), column("id").data_type.as_str()), ("required".into(), "bigint"));
    assert_eq!(column("amount").original.as_deref(), Some("Amount (EUR)"));
    assert_eq!((column("amount").contract.join("; "), column("amount").notation.join("; ")), ("at least 0".into(), "in €".into()));
    assert_eq!((column("sort").contract.join("; "), column("sort").original.as_deref()), ("one of a, b".into(), Some("kind")));
    let scaled: &ColumnEntry = column("amount_scaled");
    assert_eq!((scaled.description.as_str(), scaled.made), ("`amount` between 0 (the least) and 1 (the greatest)", true));
    assert_eq!(scaled.from, [("raw.sales".to_string(), "amount".to_string())]);
    assert_eq!(column("twice").expression.as_deref(), Some("amount * 2"));
    assert_eq!(table.rules[3].text, "`note` is dropped");
    assert_eq!(table.used_by, ["large()", "top"]);

    let view = &d.views[0];
    assert_eq!(view.reads, ["clean.sales"]);
    assert_eq!(view.columns[1].from, [("clean.sales".to_string(), "amount".to_string())]);
    assert!(view.tests[0].is_warning && view.tests[0].text == "no two rows have the same `id`", "{:?}", view.tests);
    let function = &d.functions[0];
    assert_eq!((function.signature.as_str(), function.returns.as_str()), ("large(least double, n int = 3)", "a table"));
    assert_eq!(function.tests[0].text, "`abs(-2)` is 2");
    assert_eq!((function.reads.join(","), function.used_by.join(",")), ("clean.sales".into(), "top".into()));

    assert_eq!(
        d.undescribed(),
        [
            "column `amount` of table `sales`",
            "column `sort` of table `sales`",
            "column `twice` of table `sales`",
            "column `note` of table `sales`",
            "view `top`",
            "column `half` of view `top`",
            "function `large`",
            "parameter `n` of function `large`",
            "export `top`",
        ]
    );
    assert_eq!(d.describable(), 14);
    let only = d.clone().only(&["clean.sales".into(), "large()".into()]).unwrap();
    assert_eq!((only.tables.len(), only.views.len(), only.functions.len(), only.exports.len()), (1, 0, 1, 0));
    assert_eq!(d.only(&["slaes".into()]).unwrap_err().help.as_deref(), Some("did you mean `sales`?"));
}
