use super::table;
use arrow::datatypes::DataType;
use tidemill_core::ColumnRead;

#[test]
fn declared_columns_are_merged_with_a_sample() {
    let t = table(
        "nulls = [\"?\"]\ntimezone = \"Europe/Berlin\"\n[columns.born]\ntype = \"date\"\nfrom = \"Year Born\"\n[columns.Income]\nnulls = [\"-\"]\nthousands = \",\"\n[columns.gone]\n",
    );
    let probe = [
        ColumnRead::new("id", DataType::Int64),
        ColumnRead { label: "Income".into(), ..ColumnRead::new("income", DataType::Float64) },
        ColumnRead { label: "Year Born".into(), formats: vec!["%d/%m/%Y".into()], ..ColumnRead::new("year_born", DataType::Date32) },
    ];
    let (reads, problems) = crate::reads(&t, Some(&probe));
    assert!(problems.is_empty(), "{problems:?}");
    let short: Vec<_> = reads.iter().map(|r| (r.name.as_str(), r.label.as_str(), r.data_type.clone(), r.null_tokens.join(" "))).collect();
    assert_eq!(
        short,
        [
            ("id", "id", DataType::Int64, "?".to_string()),
            ("income", "Income", DataType::Float64, "? -".into()),
            ("born", "Year Born", DataType::Date32, "?".into()),
            ("gone", "gone", DataType::Utf8, "?".into()),
        ]
    );
    assert_eq!((reads[1].thousands, reads[2].formats[0].as_str(), reads[2].timezone.as_str()), (Some(','), "%d/%m/%Y", "Europe/Berlin"));
    let (reads, _) = crate::reads(&table("undeclared = \"drop\"\n[columns.id]\n"), Some(&probe));
    assert_eq!(reads.len(), 1);
    let (reads, problems) = crate::reads(&table("[columns.income]\nfrom = \"id\"\n"), Some(&probe));
    assert_eq!((reads.len(), problems[0].code), (3, "TM0203"));
}
