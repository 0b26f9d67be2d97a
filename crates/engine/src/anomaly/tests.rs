//! Each detector against the same thing written out the long way, its state saved and loaded in the middle, and what it finds of planted anomalies.

use super::{Detector, ewma::Ewma, ewma::EwmaScore, seasonal::SeasonalScore};
use super::{Scorer, half_space::HalfSpaceTrees, mad::MadScore};
use arrow::array::{ArrayRef, Float64Array, Int64Array};
use datafusion::scalar::ScalarValue;
use proptest::prelude::*;
use std::sync::Arc;

/// Of a seed that is printed with what was found.
struct Random(u64);

fn random(seed: u64) -> Random {
    Random(seed)
}

fn unit(rng: &mut Random) -> f64 {
    rng.0 = rng.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = rng.0;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn normal(rng: &mut Random) -> f64 {
    (-2.0 * (1.0 - unit(rng)).ln()).sqrt() * (std::f64::consts::TAU * unit(rng)).cos()
}

fn scores(detector: &mut dyn Detector, values: &[f64]) -> Vec<Option<f64>> {
    values.iter().enumerate().map(|(i, x)| detector.score(&[*x], i as i64)).collect()
}

fn close(a: &[Option<f64>], b: &[Option<f64>]) {
    assert_eq!(a.len(), b.len());
    for (i, pair) in a.iter().zip(b).enumerate() {
        let fine = match pair {
            (Some(a), Some(b)) => a == b || (a - b).abs() <= 1e-9 * b.abs().max(1.0),
            (None, None) => true,
            _ => false,
        };
        assert!(fine, "row {i}: {pair:?}");
    }
}

#[test]
fn the_mean_and_the_deviation_are_weighted_sums() {
    let mut rng = random(1);
    let values: Vec<f64> = (0..300).map(|_| 10.0 + normal(&mut rng)).collect();
    let alpha = 0.2;
    // Weights of the rows up to one: (1 − α)^k α, the first row's without α.
    let weights = |upto: usize| -> Vec<f64> {
        (0..=upto).map(|i| (1.0_f64 - alpha).powi((upto - i) as i32) * if i == 0 { 1.0 } else { alpha }).collect()
    };
    let mean = |upto: usize| -> f64 { weights(upto).iter().zip(&values).map(|(w, x)| w * x).sum() };
    let variance = |upto: usize| -> f64 {
        let m = mean(upto);
        weights(upto).iter().zip(&values).map(|(w, x)| w * (x - m) * (x - m)).sum()
    };
    let means: Vec<Option<f64>> = (0..300).map(|i| Some(mean(i))).collect();
    close(&scores(&mut Ewma::new(alpha), &values), &means);
    let expected: Vec<Option<f64>> = (0..300).map(|i| (i >= 2).then(|| (values[i] - mean(i - 1)) / variance(i - 1).sqrt())).collect();
    close(&scores(&mut EwmaScore::new(alpha), &values), &expected);
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}

fn mad_scores(values: &[f64], n: usize) -> Vec<Option<f64>> {
    let one = |i: usize| {
        let before = values[i.saturating_sub(n)..i].to_vec();
        if before.len() < 3 {
            return None;
        }
        let m = middle(before.clone());
        let mad = middle(before.iter().map(|v| (v - m).abs()).collect());
        let off = values[i] - m;
        let mean = before.iter().map(|v| (v - m).abs()).sum::<f64>() / before.len() as f64;
        Some(match (mad > 0.0, mean > 0.0) {
            (true, _) => 0.6745 * off / mad,
            (_, true) => off / (1.253314 * mean),
            _ if off == 0.0 => 0.0,
            _ => f64::INFINITY.copysign(off),
        })
    };
    (0..values.len()).map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn robust_scores_are_those_of_the_rows_sorted_out(values in prop::collection::vec((-5i32..5).prop_map(f64::from), 0..80), n in 3usize..20) {
        close(&scores(&mut MadScore::new(n), &values), &mad_scores(&values, n));
    }

    /// However often the state is written down and taken up again, the scores are the same; and none depends on what comes later.
    #[test]
    fn a_saved_detector_goes_on_where_it_was(values in prop::collection::vec(-100.0f64..100.0, 1..200), cut in 0usize..200, which in 0usize..5) {
        let made = || -> Box<dyn Detector> {
            match which {
                0 => Box::new(Ewma::new(0.3)),
                1 => Box::new(EwmaScore::new(0.3)),
                2 => Box::new(MadScore::new(7)),
                3 => Box::new(SeasonalScore::new(24, 6)),
                _ => Box::new(HalfSpaceTrees::new(20, 7, 1)),
            }
        };
        let cut = cut.min(values.len());
        let whole = scores(made().as_mut(), &values);
        let mut first = made();
        let mut parts = scores(first.as_mut(), &values[..cut]);
        prop_assert_eq!(&parts[..], &whole[..cut]);
        let mut second = made();
        second.load(&first.save()).unwrap();
        prop_assert_eq!(second.save(), first.save());
        parts.extend(values[cut..].iter().enumerate().map(|(i, x)| second.score(&[*x], (cut + i) as i64)));
        prop_assert_eq!(parts, whole);
        // What is cut short, or made with other settings, is refused.
        let saved = second.save();
        prop_assert!(made().load(&saved[..saved.len() - 1]).is_err());
        prop_assert!(Ewma::new(0.7).load(&saved).is_err());
    }
}

#[test]
fn a_row_with_a_missing_value_has_no_score_and_teaches_nothing() {
    let args = |values: Vec<Option<f64>>| -> Vec<ArrayRef> {
        let rows = values.len();
        vec![Arc::new(Float64Array::from(values)), Arc::new(Int64Array::from(vec![5; rows]))]
    };
    let scorer = || Scorer::new("mad_score", &[None, Some(ScalarValue::Int64(Some(5)))]).unwrap().unwrap();
    let holes = [Some(1.0), None, Some(2.0), Some(f64::NAN), Some(4.0), Some(f64::INFINITY), Some(9.0)];
    let with = scorer().score(&args(holes.to_vec())).unwrap();
    let without = scorer().score(&args(vec![Some(1.0), Some(2.0), Some(4.0), Some(9.0)])).unwrap();
    assert_eq!(with.iter().map(|s| s.is_some()).collect::<Vec<_>>(), [false, false, false, false, false, false, true]);
    assert_eq!(with.value(6), without.value(3));
    assert!(Scorer::new("sum", &[]).is_none());
}

/// What is found of what was planted, above a bound.
struct Found {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Found {
    fn of(scores: &[Option<f64>], planted: &[bool], bound: f64) -> Found {
        let mut found = Found { right: 0, wrong: 0, missed: 0 };
        for (score, planted) in scores.iter().zip(planted) {
            let Some(score) = score else { continue };
            match (score.abs() > bound, planted) {
                (true, true) => found.right += 1,
                (true, false) => found.wrong += 1,
                (false, true) => found.missed += 1,
                (false, false) => {}
            }
        }
        found
    }

    fn told(&self, what: &str, seed: u64) -> (f64, f64) {
        let precision = self.right as f64 / (self.right + self.wrong).max(1) as f64;
        let recall = self.right as f64 / (self.right + self.missed).max(1) as f64;
        eprintln!("{what}: precision {precision:.3}, recall {recall:.3} of {} planted (seed {seed})", self.right + self.missed);
        (precision, recall)
    }
}

#[test]
fn planted_spikes_are_found() {
    for seed in 1..=3 {
        let mut rng = random(seed);
        let planted: Vec<bool> = (0..20_000).map(|i| i > 200 && unit(&mut rng) < 0.005).collect();
        let spike = |rng: &mut Random, planted: bool| if planted { 12.0 * if unit(rng) < 0.5 { -1.0 } else { 1.0 } } else { 0.0 };
        let values: Vec<f64> = planted.iter().map(|p| 50.0 + normal(&mut rng) + spike(&mut rng, *p)).collect();
        let (precision, recall) = Found::of(&scores(&mut MadScore::new(101), &values), &planted, 6.0)
            .told("mad_score(x, 101) above 6, spikes of 12 deviations", seed);
        assert!(precision > 0.95 && recall > 0.98);
        let (precision, recall) = Found::of(&scores(&mut EwmaScore::new(0.02), &values), &planted, 5.0)
            .told("ewma_zscore(x, 0.02) above 5, spikes of 12 deviations", seed);
        assert!(precision > 0.95 && recall > 0.85);
    }
}

#[test]
fn planted_faults_in_a_season_are_found_though_each_value_is_common() {
    for seed in 4..=6 {
        let mut rng = random(seed);
        let (day, phases) = (86_400_000_000i64, 24);
        let planted: Vec<bool> = (0..24 * 120).map(|i| i > 24 * 6 && unit(&mut rng) < 0.01).collect();
        let mut detector = SeasonalScore::new(day, phases);
        let scores: Vec<Option<f64>> = planted
            .iter()
            .enumerate()
            .map(|(hour, planted)| {
                let usual = (hour as f64 / 24.0 * std::f64::consts::TAU).sin() * 20.0;
                // The value of another hour: in range, at the wrong time.
                let value = if *planted { -usual + 20.0 * (usual.abs() < 10.0) as u8 as f64 } else { usual };
                detector.score(&[100.0 + value + normal(&mut rng)], hour as i64 * 3_600_000_000)
            })
            .collect();
        let (precision, recall) =
            Found::of(&scores, &planted, 4.0).told("seasonal_score(x, ts, '1 day', 24) above 4, values of the wrong hour", seed);
        assert!(precision > 0.8 && recall > 0.8);
    }
}

#[test]
fn planted_rows_that_break_with_the_others_are_found_where_each_column_alone_is_common() {
    for seed in 7..=9 {
        let mut rng = random(seed);
        let planted: Vec<bool> = (0..20_000).map(|i| i > 1_000 && unit(&mut rng) < 0.005).collect();
        let mut trees = HalfSpaceTrees::new(500, 1, 3);
        let scores: Vec<Option<f64>> = planted
            .iter()
            .map(|planted| {
                let load = unit(&mut rng);
                // Heat follows load; a fault is heat without it, or load without heat.
                let heat = if *planted { 1.0 - load.round() + (load - 0.5) * 0.2 } else { load };
                let row = [load + 0.02 * normal(&mut rng), heat + 0.02 * normal(&mut rng), unit(&mut rng)];
                trees.score(&row, 0)
            })
            .collect();
        // Ranks, since the scale is the data's own: how many of the strangest are the planted ones?
        let count = planted.iter().filter(|p| **p).count();
        let mut order: Vec<usize> = (0..scores.len()).filter(|i| scores[*i].is_some()).collect();
        order.sort_by(|a, b| scores[*b].unwrap().total_cmp(&scores[*a].unwrap()));
        let right = order[..count].iter().filter(|i| planted[**i]).count();
        let at_k = right as f64 / count as f64;
        let ranked: Vec<(f64, bool)> = order.iter().rev().map(|i| (scores[*i].unwrap(), planted[*i])).collect();
        let (mut below, mut pairs) = (0usize, 0usize);
        for (_, planted) in &ranked {
            if *planted {
                pairs += below;
            } else {
                below += 1;
            }
        }
        let auc = pairs as f64 / (below * count) as f64;
        eprintln!(
            "half_space_score(500, 1, load, heat, noise): of the {count} strangest {at_k:.3} are planted; AUC {auc:.4} (seed {seed})"
        );
        assert!(auc > 0.99 && at_k > 0.9, "{auc} {at_k}");
        assert!(scores.iter().flatten().all(|s| (0.0..=1.0).contains(s)));
    }
}

/// The same seed gives the same trees on every machine and in every version: scores are stored beside those made later.
#[test]
fn trees_are_settled_by_their_seed() {
    let run = |seed: u64| {
        let mut trees = HalfSpaceTrees::new(10, seed, 2);
        let rows = (0..40).map(|i| [f64::from(i % 7), f64::from(i % 5)]);
        rows.map(|r| trees.score(&r, 0)).last().flatten().unwrap()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert_eq!(format!("{:.12}", run(1)), "0.523873102055");
}
