//! Sums of floats from which values can be taken away again: two floats that together hold about 32 digits, so that what was added and taken
//! leaves nothing behind, and counts of what is no number.

/// A sum of about twice a double's digits.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Wide {
    pub(super) high: f64,
    pub(super) low: f64,
}

impl Wide {
    pub(super) fn add(&mut self, value: f64) {
        let sum = self.high + value;
        let part = sum - self.high;
        let lost = (self.high - (sum - part)) + (value - part);
        let low = self.low + lost;
        // Kept apart by size, so that the next sum is exact again.
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }

    /// Adds a product without losing its lower half.
    pub(super) fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        let lost = a.mul_add(b, -product);
        self.add(product);
        self.add(lost);
    }

    pub(super) fn value(self) -> f64 {
        self.high + self.low
    }

    pub(super) fn minus(self, other: Wide) -> f64 {
        let mut all = self;
        all.add(-other.high);
        all.add(-other.low);
        all.value()
    }

    pub(super) fn times(self, by: f64) -> Wide {
        let mut all = Wide::default();
        all.add_product(self.high, by);
        all.add_product(self.low, by);
        all
    }

    pub(super) fn square(self) -> Wide {
        let mut all = Wide::default();
        all.add_product(self.high, self.high);
        all.add_product(2.0 * self.high, self.low);
        all.add_product(self.low, self.low);
        all
    }
}

/// How many values were no numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Odd {
    pub(super) up: i64,
    pub(super) down: i64,
    pub(super) nan: i64,
}

impl Odd {
    pub(super) fn add(&mut self, value: f64, weight: i64) {
        if value.is_nan() {
            self.nan += weight;
        } else if value > 0.0 {
            self.up += weight;
        } else {
            self.down += weight;
        }
    }

    /// What a sum is with them in it; `None`: as without.
    pub(super) fn sum(self) -> Option<f64> {
        match (self.up > 0, self.down > 0, self.nan > 0) {
            (false, false, false) => None,
            (true, false, false) => Some(f64::INFINITY),
            (false, true, false) => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }
}
