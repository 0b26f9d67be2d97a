use super::{ask, block_on, engine, shop, table};
use crate::{Catalog, Session};
use arrow::array::{ArrayRef, Date32Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use proptest::prelude::*;
use std::sync::Arc;

const UNITS: [&str; 10] = ["microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];

fn with<T: Into<Option<i64>>>(instants: Vec<T>) -> Session {
    let instants: Vec<Option<i64>> = instants.into_iter().map(Into::into).collect();
    let days: Vec<Option<i32>> = instants.iter().map(|m| m.map(|m| m.div_euclid(86_400_000_000) as i32)).collect();
    let columns: Vec<(&str, ArrayRef)> =
        vec![("at", Arc::new(TimestampMicrosecondArray::from(instants))), ("day", Arc::new(Date32Array::from(days)))];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    engine().session(Catalog { relations: vec![table("clean", "t", batch)], ..Catalog::default() }).unwrap()
}

#[test]
fn dates_of_every_year_are_cut_compared_and_cast() {
    // As PostgreSQL 16 answers them.
    let cases = [
        ("date_trunc('month', DATE '1010-02-03')", "1010-02-01T00:00:00"),
        ("date_trunc('quarter', TIMESTAMP '9999-12-31 23:59:59.999999')", "9999-10-01T00:00:00"),
        ("date_trunc('week', TIMESTAMP '0900-03-05 06:07:08')", "0900-03-01T00:00:00"),
        ("date_trunc('hour', TIMESTAMP '1969-12-31 23:59:59.5')", "1969-12-31T23:00:00"),
        ("date_trunc('YEAR', '2024-05-15T10:30:00')", "2024-01-01T00:00:00"),
        ("date_trunc('day', TIMESTAMPTZ '1010-02-03 04:05:06Z')", "1010-02-03T00:00:00Z"),
        ("date_trunc('month', CAST(NULL AS TIMESTAMP))", "NULL"),
        ("CAST(DATE '1010-01-01' AS TIMESTAMP)", "1010-01-01T00:00:00"),
        ("DATE '1010-01-01' < TIMESTAMP '2020-01-01 00:00:00'", "true"),
        ("DATE '1010-01-01' < now()", "true"),
        ("TIMESTAMP '9999-01-01' > current_timestamp", "true"),
        ("TIMESTAMP '9999-01-01' BETWEEN DATE '0900-01-01' AND DATE '9999-01-01'", "true"),
        ("arrow_typeof(CAST('2020-01-01' AS TIMESTAMP(0)))", "Timestamp(µs)"),
        ("DATE '2024-03-01' - DATE '2024-02-01'", "29"),
    ];
    for (expr, expected) in cases {
        assert_eq!(ask(&shop(), &format!("SELECT {expr}")), [expected], "{expr}");
    }
    assert_eq!(ask(&shop(), "SELECT DATE '1010-01-01' IN (now(), TIMESTAMP '1010-01-01')"), ["true"]);
    let kept = block_on(shop().collect("SELECT ordered_at BETWEEN DATE '2024-01-01' AND DATE '9999-01-01' FROM orders", None)).unwrap();
    assert_eq!(kept.schema.fields().len(), 1);
    // In a table too, where no literal is folded beforehand.
    let far = with(vec![-30_000_000_000_000_000, 250_000_000_000_000_000]);
    assert_eq!(ask(&far, "SELECT date_trunc('month', day) = date_trunc('month', at) FROM t"), ["true", "true"]);
    assert_eq!(ask(&far, "SELECT count(*) FROM t WHERE at < now() AND day < now() AND at >= day AND day < TIMESTAMP '2020-01-01'"), ["1"]);
    assert_eq!(ask(&far, "SELECT count(*) FROM t WHERE at BETWEEN DATE '1900-01-01' AND DATE '9999-12-31'"), ["1"]);
}

#[test]
fn what_is_cut_stays_sorted_and_unknown_units_are_told() {
    let plan = block_on(shop().explain("SELECT date_trunc('month', ordered_at) FROM orders")).unwrap();
    assert!(plan.contains("date_trunc"), "{plan}");
    let e = block_on(shop().collect("SELECT date_trunc('fortnight', ordered_at) FROM orders", None)).unwrap_err();
    assert!(e.to_string().contains("fortnight"), "{e}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Where DataFusion's own can answer, ours answers alike.
    #[test]
    fn ours_is_datafusions_where_nanoseconds_reach(instants in prop::collection::vec(prop::option::weighted(0.9, -9_000_000_000_000_000i64..9_000_000_000_000_000), 1..200)) {
        use datafusion::functions::datetime;
        let batch = TimestampMicrosecondArray::from(instants.clone());
        let session = with(instants);
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        for unit in UNITS {
            let expected = theirs(&datetime::date_trunc(), unit, Arc::new(batch.clone()), &micros);
            prop_assert_eq!(&ours(&session, &format!("date_trunc('{unit}', at)")), &expected, "{}", unit);
        }
        for part in ["year", "quarter", "month", "day", "hour", "doy"] {
            let expected = theirs(&datetime::date_part(), part, Arc::new(batch.clone()), &DataType::Int32);
            prop_assert_eq!(&ours(&session, &format!("date_part('{part}', at)")), &expected, "{}", part);
            prop_assert_eq!(&ours(&session, &format!("EXTRACT({part} FROM at)")), &expected, "{}", part);
            let days = arrow::compute::cast(&batch, &DataType::Date32).unwrap();
            if part != "hour" {
                let expected = theirs(&datetime::date_part(), part, days, &DataType::Int32);
                prop_assert_eq!(&ours(&session, &format!("EXTRACT({part} FROM CAST(at AS date))")), &expected, "{}", part);
            }
        }
    }
}

fn theirs(function: &datafusion::logical_expr::ScalarUDF, unit: &str, moments: ArrayRef, gives: &DataType) -> ArrayRef {
    use arrow::datatypes::Field;
    use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
    let (rows, of) = (moments.len(), moments.data_type().clone());
    let args = ScalarFunctionArgs {
        args: vec![ColumnarValue::Scalar(unit.into()), ColumnarValue::Array(moments)],
        arg_fields: vec![Arc::new(Field::new("u", DataType::Utf8, true)), Arc::new(Field::new("t", of, true))],
        number_rows: rows,
        return_field: Arc::new(Field::new("r", gives.clone(), true)),
        config_options: Arc::default(),
    };
    function.invoke_with_args(args).unwrap().to_array(rows).unwrap()
}

fn ours(session: &Session, expression: &str) -> ArrayRef {
    let asked = block_on(session.collect(&format!("SELECT {expression} AS r FROM t"), None)).unwrap();
    let batches: Vec<_> = asked.batches.iter().map(|b| Arc::clone(b.column(0))).collect();
    let refs: Vec<&dyn arrow::array::Array> = batches.iter().map(|a| a.as_ref()).collect();
    arrow::compute::concat(&refs).unwrap()
}

#[test]
fn seconds_between_instants_have_their_fractions() {
    let session = shop();
    let from =
        "FROM (VALUES (TIMESTAMP '2024-01-01 00:00:00.25', TIMESTAMP '2024-01-02 00:00:01.5'), (NULL, TIMESTAMP '2024-01-01')) AS t(a, b)";
    assert_eq!(
        ask(&session, &format!("SELECT extract(epoch FROM (b - a)), date_part('EPOCH', a - b) {from}")),
        ["86401.25|-86401.25", "NULL|NULL"]
    );
    assert_eq!(ask(&session, &format!("SELECT extract(epoch FROM (b - a)) / 3600.0 > 24 AS late {from} ORDER BY late")), ["true", "NULL"]);
}
