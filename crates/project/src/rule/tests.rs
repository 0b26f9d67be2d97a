use crate::Environment;
use crate::spec::*;
use arrow::datatypes::DataType;

fn rules(toml: &str) -> (Vec<Rule>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("tables")).unwrap();
    std::fs::write(dir.path().join("tidemill.toml"), "name = \"t\"\n").unwrap();
    std::fs::write(dir.path().join("tables/t.toml"), format!("[source]\npath = \"x.csv\"\n{toml}")).unwrap();
    let (project, problems) = crate::load(dir.path(), &Environment::default());
    let rules = project.tables.into_iter().flat_map(|t| t.clean).map(|r| r.rule).collect();
    (rules, problems.into_iter().map(|p| format!("{} {}", p.code, p.message)).collect())
}

fn one(toml: &str) -> Rule {
    let (mut rules, problems) = rules(&format!("[[clean]]\n{toml}\n"));
    assert_eq!(problems, Vec::<String>::new(), "{toml}");
    assert_eq!(rules.len(), 1);
    rules.remove(0)
}

fn wrong(toml: &str) -> Vec<String> {
    rules(&format!("[[clean]]\n{toml}\n")).1
}

fn names(columns: &Columns) -> Vec<&str> {
    match columns {
        Columns::Named(n) => n.iter().map(|n| n.value.as_str()).collect(),
        Columns::All(_) => vec!["*"],
    }
}

#[test]
fn every_rule_reads_with_its_defaults() {
    let Rule::Text { columns, unicode, trim, collapse_spaces, case, empty_to_null } = one("rule = \"text\"\ncolumns = \"*\"") else {
        panic!()
    };
    assert_eq!((names(&columns), unicode, trim, collapse_spaces, case, empty_to_null), (vec!["*"], None, true, false, None, true));
    let Rule::Invalid { condition, .. } = one("rule = \"invalid\"\ncolumn = \"age\"\nwhere = \"age > 120\"") else { panic!() };
    assert!(condition.exact && condition.text == "age > 120");
    let Rule::Missing { with: Fill::Constant(v), .. } = one("rule = \"missing\"\ncolumns = [\"a\"]\nvalue = \"Unknown\"") else { panic!() };
    assert_eq!(v.value, OptionValue::Text("Unknown".into()));
    let Rule::Missing { with: Fill::Median, by, .. } = one("rule = \"missing\"\ncolumn = \"a\"\nwith = \"median\"\nby = \"g\"") else {
        panic!()
    };
    assert_eq!(by[0].value, "g");
    assert!(matches!(one("rule = \"duplicates\""), Rule::Duplicates { key: DuplicateKey::Exact { .. }, keep: Keep::First }));
    assert!(matches!(
        one("rule = \"duplicates\"\nkey = \"id\"\nby = \"at\""),
        Rule::Duplicates { key: DuplicateKey::Key(_), keep: Keep::Latest(_) }
    ));
    let Rule::Repair { to, distance_max, confidence_min, ignore_case, trim, otherwise, into, .. } =
        one("rule = \"repair\"\ncolumn = \"c\"\nto = [\"x\"]\notherwise = { value = \"Unknown\" }")
    else {
        panic!()
    };
    assert!(matches!(to, RepairTo::List(l) if l == ["x"]) && otherwise == Otherwise::Value("Unknown".into()) && into.is_none());
    assert_eq!((distance_max, confidence_min, ignore_case, trim), (2, 0.0, true, true));
    assert!(matches!(
        one("rule = \"repair\"\ncolumn = \"c\"\nfrequent = true"),
        Rule::Repair { to: RepairTo::Frequent { count_min: 10, .. }, .. }
    ));
    let Rule::RepairBy { columns, by, confidence_min } =
        one("rule = \"repair\"\ncolumns = [\"city\", \"state\"]\nby = [\"zip\", [\"state\", \"code\"]]")
    else {
        panic!()
    };
    let by: Vec<Vec<&str>> = by.iter().map(|b| b.iter().map(|c| c.value.as_str()).collect()).collect();
    assert_eq!((names(&columns), by, confidence_min), (vec!["city", "state"], vec![vec!["zip"], vec!["state", "code"]], 0.9));
    let Rule::RepairBy { by, confidence_min, .. } = one("rule = \"repair\"\ncolumn = \"city\"\nby = \"zip\"\nconfidence_min = 0.7") else {
        panic!()
    };
    assert_eq!((by.len(), confidence_min), (1, 0.7));
    assert!(matches!(
        one("rule = \"repair\"\ncolumns = [\"city\", \"state\"]\nglued = true"),
        Rule::RepairGlued { confidence_min: 0.9, .. }
    ));
    assert!(matches!(
        one("rule = \"repair\"\ncolumns = [\"city\", \"state\"]\nfrequent = true"),
        Rule::Repair { to: RepairTo::Frequent { .. }, columns: Columns::Named(c), .. } if c.len() == 2
    ));
    assert!(matches!(
        one("rule = \"duplicates\"\nlike = [\"name\"]\naction = \"drop\""),
        Rule::NearDuplicates { similarity_min: 0.95, drop: true, .. }
    ));
    let Rule::Outliers { method, into, .. } = one("rule = \"outliers\"\ncolumn = \"x\"\nmethod = \"zscore\"\naction = \"flag\"") else {
        panic!()
    };
    assert_eq!((method, into.unwrap().value), (OutlierMethod::ZScore { threshold: 3.0 }, "x_outlier".into()));
    let Rule::Scale { into, .. } = one("rule = \"scale\"\ncolumns = [\"a\", \"b\"]\nmethod = \"minmax\"") else { panic!() };
    assert_eq!(into.unwrap().value, "{column}_scaled");
    assert!(matches!(
        one("rule = \"scale\"\ncolumns = [\"a\", \"b\"]\nmethod = \"minmax\"\ninto = \"{column}\""),
        Rule::Scale { into: None, .. }
    ));
    let Rule::Encode { into, method, drop, .. } = one("rule = \"encode\"\ncolumn = \"Size\"\nmethod = \"onehot\"") else { panic!() };
    assert!(matches!(method, EncodeMethod::OneHot { values_max: 50, .. }) && into.unwrap().value == "size_{value}" && !drop);
    let Rule::Bin { labels, into, .. } = one("rule = \"bin\"\ncolumn = \"age\"\nedges = [30, 60.5]") else { panic!() };
    assert_eq!((labels.join("|"), into.value), ("below 30|30 to below 60.5|60.5 and above".into(), "age_bin".into()));
    let Rule::Derive { sql, data_type, .. } = one("rule = \"derive\"\ncolumn = \"x\"\nsql = '''\na + 1'''\ntype = \"int\"") else {
        panic!()
    };
    assert!(sql.exact && sql.text == "a + 1" && data_type.unwrap().value == DataType::Int64);
    let Rule::DateParts { parts, into, .. } = one("rule = \"date_parts\"\ncolumn = \"d\"\nparts = [\"year\", \"weekday\"]") else {
        panic!()
    };
    assert_eq!((parts.len(), into.unwrap().value), (2, "d_{part}".into()));
    assert!(matches!(one("rule = \"drop\"\ncolumns = [\"a\"]\nwhen = \"constant\""), Rule::Drop { only_constant: true, .. }));
    assert!(matches!(one("rule = \"filter\"\nwhere = \"a > 0\""), Rule::Filter { .. }));
    let Rule::Rename { pairs } = one("rule = \"rename\"\ncolumns = { b = \"x\", a = \"y\" }") else { panic!() };
    assert_eq!(pairs.iter().map(|(o, n)| (o.value.as_str(), n.value.as_str())).collect::<Vec<_>>(), [("b", "x"), ("a", "y")]);
    assert!(matches!(one("rule = \"select\"\ncolumns = [\"a\"]"), Rule::Select { .. }));
    assert!(matches!(one("rule = \"cast\"\ncolumn = \"a\"\ntype = \"date\""), Rule::Cast { .. }));
}

#[test]
fn what_a_rule_cannot_be_is_told() {
    for (toml, told) in [
        ("rule = \"scal\"", "TM0304 there is no rule `scal`"),
        ("rule = \"scale\"\ncolumn = \"a\"\nmethod = \"standard\"\nfactor = 2", "TM0305 unknown key `factor` in rule `scale`"),
        ("rule = \"repair\"\ncolumns = [\"a\"]\nto = [\"x\"]", "TM0305 rule `repair` takes one `column`, not `columns`"),
        ("rule = \"text\"", "TM0007 rule `text` has no `column` or `columns`"),
        ("rule = \"bin\"\ncolumn = \"a\"\nedges = [2, 1]", "TM0306 edges must rise, and 1 follows 2"),
        ("rule = \"bin\"\ncolumn = \"a\"\nquantiles = 4\nlabels = [\"x\"]", "TM0306 4 quantiles make 4 groups, but there is 1 label"),
        ("rule = \"scale\"\ncolumns = \"*\"\nmethod = \"robust\"\ninto = \"z\"", "TM0307 several columns would be written into one, `z`"),
        (
            "rule = \"encode\"\ncolumn = \"a\"\nmethod = \"onehot\"\ninto = \"z\"",
            "TM0307 one column is written for every value, and `into` gives them all one name",
        ),
        ("rule = \"derive\"\ncolumn = \"Age Group\"\nsql = \"1\"", "TM0011 `Age Group` is not a name for a column"),
        ("rule = \"repair\"\ncolumn = \"a\"\nto_file = \"none.txt\"", "TM0308 `none.txt` cannot be read: there is no such file"),
        ("rule = \"repair\"\ncolumns = [\"a\", \"b\"]\nby = [\"a\"]", "TM0306 nothing but `a` itself would decide what `a` should be"),
        ("rule = \"repair\"\ncolumn = \"a\"\nby = []", "TM0009 `by` is empty"),
        (
            "rule = \"repair\"\ncolumn = \"a\"\nglued = true",
            "TM0306 a value is taken apart between neighbours, and `columns` names one column",
        ),
        ("rule = \"repair\"\ncolumns = [\"a\", \"b\"]\nby = [\"c\"]\nglued = true", "TM0012 `by` and `glued` do not go together"),
        ("rule = \"duplicates\"\nlike = [\"a\"]\nkey = [\"b\"]", "TM0012 `key` and `like` do not go together"),
        ("rule = \"duplicates\"\nkey = [\"b\"]\naction = \"list\"", "TM0012 `action` is only for `like`"),
        ("rule = \"repair\"\ncolumn = \"a\"", "TM0007 rule `repair` does not say what the right spellings are"),
        (
            "rule = \"outliers\"\ncolumn = \"a\"\nmethod = \"iqr\"\naction = \"clip\"\nlower = 0.1",
            "TM0012 `lower` is only for `method = \"quantile\"`",
        ),
        ("rule = \"missing\"\ncolumn = \"a\"\nwith = \"mean\"\nvalue = 1", "TM0012 `value` is only for `with = \"constant\"`"),
        ("rule = \"missing\"\ncolumn = \"a\"\nwith = \"constant\"", "TM0007 rule `missing` has no `value`"),
        ("rule = \"duplicates\"\nkeep = \"latest\"", "TM0007 rule `duplicates` has no `by`"),
    ] {
        assert_eq!(wrong(toml), [told], "{toml}");
    }
}
