//! How long things took, as a histogram of bounded size: 16 steps for every doubling, so that a quantile is right to about 5 %.

/// Steps of each doubling.
const STEPS: usize = 16;
const DOUBLINGS: usize = 40;

/// Microseconds. Merging two histograms is adding their counts; nothing is sampled or forgotten, so a pause counts with every row it held up.
#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; STEPS * DOUBLINGS], count: 0, max: 0 }
    }
}

impl Histogram {
    /// Notes `rows` rows that took so long each; less than nothing (clocks differ) counts as nothing.
    pub fn record(&mut self, micros: i64, rows: u64) {
        let micros = micros.max(0) as u64;
        self.counts[bucket(micros)] += rows;
        self.count += rows;
        self.max = self.max.max(micros);
    }

    pub fn merge(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Microseconds below which a share `q` of all rows lies; `None` without rows.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let wanted = ((self.count as f64) * q).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (i, n) in self.counts.iter().enumerate() {
            seen += n;
            if seen >= wanted {
                return Some(upper(i).min(self.max));
            }
        }
        Some(self.max)
    }

    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// Upper bounds and counts of the steps that hold anything, for charts.
    pub fn steps(&self) -> Vec<(u64, u64)> {
        self.counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(i, n)| (upper(i), *n)).collect()
    }
}

fn bucket(micros: u64) -> usize {
    if micros < STEPS as u64 {
        return micros as usize;
    }
    let doubling = 63 - micros.leading_zeros() as usize - STEPS.trailing_zeros() as usize;
    let step = (micros >> doubling) as usize - STEPS;
    ((doubling + 1) * STEPS + step).min(STEPS * DOUBLINGS - 1)
}

/// The greatest value that falls into a step.
fn upper(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let (doubling, step) = (bucket / STEPS - 1, bucket % STEPS);
    (((STEPS + step + 1) as u64) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_sixteenth() {
        let mut h = Histogram::default();
        for i in 1..=100_000 {
            h.record(i, 1);
        }
        for q in [0.01, 0.5, 0.9, 0.99, 0.999] {
            let exact = q * 100_000.0;
            let told = h.quantile(q).unwrap() as f64;
            assert!(told >= exact && told <= exact * 1.07, "{q}: {told} for {exact}");
        }
        assert_eq!((h.quantile(1.0), h.max()), (Some(100_000), Some(100_000)));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn every_value_lies_in_its_step() {
        for v in (0..5000u64).chain([1 << 20, (1 << 30) + 7, u64::from(u32::MAX)]) {
            let b = bucket(v);
            assert!(upper(b) >= v && (b == 0 || upper(b - 1) < v), "{v}");
        }
    }
}
