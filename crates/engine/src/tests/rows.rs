use super::{customers, shop};
use crate::{RowExpr, ScalarValue};
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;

fn compile(sql: &str) -> RowExpr {
    shop().row_expr(sql, &customers().schema()).unwrap()
}

fn fitted(expr: &RowExpr, batches: &[RecordBatch]) -> Vec<ScalarValue> {
    expr.aggregates
        .iter()
        .map(|a| {
            let mut direct = a.accumulator().unwrap();
            let mut merged = a.accumulator().unwrap();
            for batch in batches {
                a.update(direct.as_mut(), batch).unwrap();
                a.merge(merged.as_mut(), &a.partial(batch).unwrap()).unwrap();
            }
            let value = a.finish(direct.as_mut()).unwrap();
            assert_eq!(value, a.finish(merged.as_mut()).unwrap(), "batch by batch and merged are the same");
            value
        })
        .collect()
}

fn texts(array: &ArrayRef) -> Vec<String> {
    (0..array.len())
        .map(|i| if array.is_null(i) || array.data_type().is_null() { "NULL".into() } else { array_value_to_string(array, i).unwrap() })
        .collect()
}

fn run(sql: &str) -> Vec<String> {
    let expr = compile(sql);
    let values = fitted(&expr, &[customers().slice(0, 2), customers().slice(2, 2)]);
    let out = expr.bind(&values).unwrap().evaluate(&customers()).unwrap();
    assert_eq!(out.data_type(), &expr.data_type, "{sql}");
    texts(&out)
}

#[test]
fn an_expression_gives_one_value_per_row() {
    assert_eq!(run("income * 2"), ["200.0", "400.0", "NULL", "1200.0"]);
    assert_eq!(run("upper(name) || '!'"), ["ANN!", "BOB!", "NULL", "DORA!"]);
    assert_eq!(run("7"), ["7", "7", "7", "7"]);
    assert_eq!(run("NULL"), ["NULL"; 4]);
    assert_eq!(run("CASE WHEN birth_year < 1900 THEN NULL ELSE 2024 - birth_year END"), ["44", "34", "NULL", "24"]);
    assert_eq!(run("Income > 150 AND active"), ["false", "false", "NULL", "true"]);
    assert_eq!(run("coalesce(name, 'nobody')"), ["Ann", "Bob", "nobody", "Dora"]);
    assert_eq!(run("birth_year / 1000"), ["1", "1", "1", "2"]);
    assert_eq!(run("date_part('year', joined)"), ["2022", "2022", "2022", "2022"]);
}

#[test]
fn the_difference_of_two_dates_is_in_days() {
    assert_eq!(run("max(joined) - joined"), ["30", "20", "10", "0"]);
    assert_eq!(compile("joined - DATE '2022-01-01'").data_type, DataType::Int64);
}

#[test]
fn the_clock_is_the_engines() {
    assert_eq!(run("CAST(now() AS date)"), ["2024-01-01"; 4]);
    let expr = compile("date_part('year', current_date) - birth_year");
    assert!(!expr.deterministic);
    assert!(compile("date_part('year', joined) - birth_year").deterministic);
    assert!(!compile("random()").deterministic);
}

#[test]
fn aggregates_are_fitted_over_all_rows_and_put_back() {
    let expr = compile("(income - avg(income)) / stddev(income)");
    assert_eq!(expr.columns_used, ["income"]);
    assert_eq!(expr.row_columns, ["income"]);
    assert_eq!(expr.aggregates.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["avg(income)", "stddev(income)"]);
    let values = fitted(&expr, &[customers()]);
    assert_eq!(values[0], ScalarValue::Float64(Some(300.0)));
    let out = expr.bind(&values).unwrap().evaluate(&customers()).unwrap();
    let sum: f64 = out.as_primitive::<Float64Type>().iter().flatten().sum();
    assert!(sum.abs() < 1e-12);

    // The same aggregate twice is fitted once.
    assert_eq!(compile("avg(income) + avg(income) + max(birth_year)").aggregates.len(), 2);
    assert_eq!(run("income - median(income)"), ["-100.0", "0.0", "NULL", "400.0"]);
    assert_eq!(run("count(*)"), ["4"; 4]);
    assert_eq!(run("count(name)"), ["3"; 4]);
    assert_eq!(run("count(DISTINCT active)"), ["2"; 4]);
    assert_eq!(run("sum(income) FILTER (WHERE active)"), ["700.0"; 4]);
    assert_eq!(run("avg(income * 2)"), ["600.0"; 4]);
    assert_eq!(run("max(birth_year) - birth_year"), ["20", "10", "107", "0"]);
    assert_eq!(run("avg(birth_year)")[0], "1965.75");
    assert_eq!(run("first_value(name ORDER BY income DESC NULLS LAST)"), ["Dora"; 4]);
}

#[test]
fn values_of_other_types_and_nulls_can_be_bound() {
    let expr = compile("income - avg(income)");
    let out = expr.bind(&[ScalarValue::Int64(Some(100))]).unwrap().evaluate(&customers()).unwrap();
    assert_eq!(texts(&out), ["0.0", "100.0", "NULL", "500.0"]);
    let out = expr.bind(&[ScalarValue::Null]).unwrap().evaluate(&customers()).unwrap();
    assert_eq!(texts(&out), ["NULL"; 4]);
    assert!(expr.bind(&[]).is_err());
}

#[test]
fn a_batch_may_have_other_columns_in_any_order() {
    let bound = compile("income + birth_year").bind(&[]).unwrap();
    let all = customers();
    let turned = all.project(&[5, 3, 2]).unwrap();
    assert_eq!(texts(&bound.evaluate(&turned).unwrap()), texts(&bound.evaluate(&all).unwrap()));
    let lacking = all.project(&[2]).unwrap();
    assert!(bound.evaluate(&lacking).unwrap_err().what.contains("birth_year"));
    let as_text =
        RecordBatch::try_from_iter([("income", cast(all.column(2), &DataType::Utf8).unwrap()), ("birth_year", all.column(3).clone())])
            .unwrap();
    assert!(bound.evaluate(&as_text).unwrap_err().what.contains("comes as text"));
    assert_eq!(texts(&compile("1 + 1").bind(&[]).unwrap().evaluate(&all.slice(0, 0)).unwrap()), Vec::<String>::new());
}

#[test]
fn a_predicate_keeps_null() {
    let session = shop();
    let predicate = session.row_predicate("income > 150", &customers().schema()).unwrap().bind(&[]).unwrap();
    let mask = predicate.evaluate_predicate(&customers()).unwrap();
    assert_eq!(mask.iter().collect::<Vec<_>>(), [Some(false), Some(true), None, Some(true)]);
    let null = session.row_predicate("NULL", &customers().schema()).unwrap().bind(&[]).unwrap();
    assert_eq!(null.evaluate_predicate(&customers()).unwrap().iter().flatten().count(), 0);
}
