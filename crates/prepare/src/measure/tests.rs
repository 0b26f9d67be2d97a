use super::*;
use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use proptest::prelude::*;
use std::sync::Arc;

fn moments(parts: &[Vec<f64>]) -> Moments {
    let mut total = Moments::default();
    parts.iter().for_each(|p| total.join(&Moments::of(&Float64Array::from(p.clone()))));
    total
}

#[test]
fn moments_of_known_figures() {
    // NIST's NumAcc3: mean 1000000.2, deviation exactly 0.1; the naive formula loses it
    let mut values = vec![1_000_000.2];
    for _ in 0..500 {
        values.extend([1_000_000.1, 1_000_000.3]);
    }
    let parts: Vec<Vec<f64>> = values.chunks(77).map(<[f64]>::to_vec).collect();
    let m = moments(&parts);
    assert_eq!(m.count, 1001);
    assert!((m.mean() - 1_000_000.2).abs() < 1e-9 && (m.deviation() - 0.1).abs() < 1e-9, "{m:?}");
    let m = moments(&[vec![f64::NAN, 2.0], vec![], vec![4.0, f64::INFINITY, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]]);
    assert_eq!((m.count, m.mean(), m.min, m.max), (8, 5.0, 2.0, 9.0));
    assert!((m.deviation() - (32.0f64 / 7.0).sqrt()).abs() < 1e-15);
}

/// Amounts in cents are spread too wide to be counted by place, and yet the same ones come again and again.
#[test]
fn values_that_come_again_take_no_more_memory() {
    let mut total = Spread::new(DataType::Int64);
    let mut all = Vec::new();
    for i in 0..500i64 {
        let part: Vec<i64> = (0..100).map(|j| (i * 31 + j * j) % 97 * 1_000_000_007).collect();
        all.extend_from_slice(&part);
        total.join(Spread::from_ranks(part, DataType::Int64));
    }
    all.sort_unstable();
    assert_eq!(total.middle(), Some((all[24_999], all[25_000])));
    assert!(total.bytes() < 10_000, "{} bytes for 97 different values", total.bytes());
}

#[test]
fn quantiles_interpolate_as_pandas_does() {
    let s = Spread::from_ranks(vec![1, 2, 3, 4, 10], DataType::Int64);
    let at = |q| s.quantile(q).unwrap();
    [(0.0, 1.0), (0.25, 2.0), (0.4, 2.6), (0.9, 7.6), (1.0, 10.0)].iter().for_each(|(q, v)| assert!((at(*q) - v).abs() < 1e-12));
    assert_eq!(Spread::new(DataType::Int64).quantile(0.5), None);
}

proptest! {
    #[test]
    fn counted_and_kept_values_agree(values in proptest::collection::vec(-300i64..300, 1..200), cut in 1usize..50, far in any::<bool>()) {
        let mut values = values;
        if far {
            values.push(i64::MAX / 2); // too wide to count
        }
        let mut total = Spread::new(DataType::Int64);
        for part in values.chunks(cut) {
            let array: ArrayRef = Arc::new(Int64Array::from(part.to_vec()));
            total.join(Spread::from_ranks(crate::cells::Ranked::of(&array).unwrap(), DataType::Int64));
        }
        values.sort_unstable();
        let n = values.len();
        prop_assert_eq!(total.middle(), Some((values[(n - 1) / 2], values[n / 2])));
        let best = values.chunk_by(|a, b| a == b).max_by(|a, b| a.len().cmp(&b.len()).then(b[0].cmp(&a[0]))).unwrap();
        prop_assert_eq!(total.mode(), Some(best[0]));
    }

    #[test]
    fn ranks_keep_the_order_of_floats(a in any::<f64>(), b in any::<f64>()) {
        prop_assume!(a.is_finite() && b.is_finite());
        let array: ArrayRef = Arc::new(Float64Array::from(vec![a, b]));
        let ranks = crate::cells::Ranked::of(&array).unwrap();
        prop_assert_eq!(ranks[0].cmp(&ranks[1]), a.partial_cmp(&b).unwrap());
        prop_assert_eq!(crate::cells::Ranked::value(ranks[0], &DataType::Float64), a);
        prop_assert_eq!(crate::cells::json_number(&crate::cells::number_json(a)).unwrap().to_bits(), a.to_bits());
    }
}
