//! How draws are spread: Zipf, bell, log-normal, waiting times, weighted choice.
//!
//! Tables are made with additions, multiplications and divisions of doubles only, which IEEE 754 fixes to the last bit; `exp` and `ln` of a
//! platform's library are not so, therefore they are written out here. Draws themselves are whole numbers.

use crate::random::below;

/// Ranks `0..n`, the rank r coming as often as 1 / (r + 1)^skew, by a table of quantiles and straight lines between them.
#[derive(Debug, Clone)]
pub struct Zipf {
    n: u64,
    /// Quantiles in 65536ths of a rank.
    knots: Vec<u64>,
}

const KNOT_BITS: u32 = 12;

impl Zipf {
    pub fn new(n: u64, skew: f64) -> Zipf {
        let n = n.max(1);
        let total = mass(n as f64, skew);
        let count = 1u64 << KNOT_BITS;
        let knot = |k: u64| {
            let x = unmass(total * k as f64 / count as f64, skew);
            ((x * 65_536.0) as u64).min(n << 16)
        };
        let mut knots: Vec<u64> = (0..=count).map(knot).collect();
        knots[0] = 0;
        if let Some(last) = knots.last_mut() {
            *last = n << 16;
        }
        Zipf { n, knots }
    }

    #[inline]
    pub fn rank(&self, draw: u64) -> u64 {
        let segment = (draw >> (64 - KNOT_BITS)) as usize;
        let within = draw << KNOT_BITS >> 32;
        let (low, high) = (self.knots[segment], self.knots[segment + 1]);
        let x = low + ((u128::from(high - low) * u128::from(within)) >> 32) as u64;
        (x >> 16).min(self.n - 1)
    }

    /// How many of `draws` are expected to give this rank, in 256ths.
    pub fn expected(&self, rank: u64, draws: u64) -> u64 {
        let share = self.below(rank + 1) - self.below(rank);
        ((u128::from(share) * u128::from(draws)) >> 24) as u64
    }

    /// The share of draws whose rank is below this one, in 2^32ths.
    fn below(&self, rank: u64) -> u64 {
        let x = rank.min(self.n) << 16;
        let above = self.knots.partition_point(|knot| *knot <= x);
        if above == self.knots.len() {
            return 1 << 32;
        }
        let (low, high) = (self.knots[above - 1], self.knots[above]);
        let part = 32 - KNOT_BITS;
        ((above as u64 - 1) << part) + ((x - low) << part) / (high - low)
    }
}

/// The integral of (x + 1)^-s from 0.
fn mass(x: f64, s: f64) -> f64 {
    let e = 1.0 - s;
    if e.abs() < 1e-6 { ln(x + 1.0) } else { (exp(e * ln(x + 1.0)) - 1.0) / e }
}

fn unmass(y: f64, s: f64) -> f64 {
    let e = 1.0 - s;
    if e.abs() < 1e-6 { exp(y) - 1.0 } else { exp(ln((1.0 + y * e).max(1e-300)) / e) - 1.0 }
}

pub fn exp(x: f64) -> f64 {
    let k = (x / std::f64::consts::LN_2).floor().clamp(-1000.0, 1000.0);
    let r = x - k * std::f64::consts::LN_2;
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..=24 {
        term = term * r / f64::from(n);
        sum += term;
    }
    sum * f64::from_bits(((1023 + k as i64) as u64) << 52)
}

/// Of a positive normal number.
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7FF) as i64 - 1023;
    let mantissa = f64::from_bits(bits & 0x000F_FFFF_FFFF_FFFF | 1023 << 52);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let (mut power, mut sum) = (t, 0.0);
    for n in 0..22 {
        sum += power / f64::from(2 * n + 1);
        power *= t * t;
    }
    2.0 * sum + exponent as f64 * std::f64::consts::LN_2
}

/// 65536ths of 2^(i/256) and of -ln of 256 even quantiles.
#[derive(Debug, Clone)]
pub struct Curves {
    powers: [u32; 256],
    waits: [u32; 256],
}

impl Curves {
    pub fn new() -> Curves {
        let powers = std::array::from_fn(|i| (65_536.0 * exp(std::f64::consts::LN_2 * i as f64 / 256.0)) as u32);
        let waits = std::array::from_fn(|i| (65_536.0 * -ln((i as f64 + 0.5) / 256.0)) as u32);
        Curves { powers, waits }
    }

    /// `median · 2^(bell · sigma / 256)`; `sigma` in 256ths of a doubling.
    #[inline]
    pub fn log_normal(&self, draw: u64, median: u64, sigma: i64) -> u64 {
        self.doubled(median, bell(draw) * sigma / 256)
    }

    /// `n · 2^(e / 256)`.
    #[inline]
    pub fn doubled(&self, n: u64, e: i64) -> u64 {
        let (whole, part) = (e.div_euclid(256).clamp(-30, 20), e.rem_euclid(256) as usize);
        let n = n * u64::from(self.powers[part]);
        (if whole >= 0 { n << whole } else { n >> -whole }) >> 16
    }

    /// Time until something that happens once per `mean` on average.
    #[inline]
    pub fn wait(&self, draw: u64, mean: i64) -> i64 {
        ((i128::from(mean) * i128::from(self.waits[(draw >> 56) as usize])) >> 16) as i64
            + below(draw << 8, (mean / 256).max(1) as u64) as i64
    }
}

/// A bell around 0 with standard deviation 256, within ±887: the sum of four even draws.
#[inline]
pub fn bell(draw: u64) -> i64 {
    let sum = (draw & 0xFFFF) + (draw >> 16 & 0xFFFF) + (draw >> 32 & 0xFFFF) + (draw >> 48);
    (sum as i64 - 131_070) * 256 / 37_837
}

/// A sine of 1024 steps around the circle, within ±256: a parabola per half turn.
#[inline]
pub fn wave(step: i64) -> i64 {
    let x = step.rem_euclid(1024);
    let half = x % 512;
    let height = half * (512 - half) / 256;
    if x < 512 { height } else { -height }
}

/// The place in `weights` that a draw falls on.
#[inline]
pub fn weighted(draw: u64, weights: &[u32]) -> usize {
    let total: u64 = weights.iter().map(|w| u64::from(*w)).sum();
    let mut left = below(draw, total.max(1));
    for (i, w) in weights.iter().enumerate() {
        if left < u64::from(*w) {
            return i;
        }
        left -= u64::from(*w);
    }
    weights.len() - 1
}

/// A shuffle of `0..n` that needs no memory: ranks are strewn over ids.
#[derive(Debug, Clone, Copy)]
pub struct Strewn {
    n: u64,
    step: u64,
    shift: u64,
    /// What undoes the step, modulo n.
    back: u64,
}

impl Strewn {
    pub fn new(n: u64, key: u64) -> Strewn {
        let n = n.max(1);
        // Near the golden ratio of n neighbours land far apart.
        let mut step = (((u128::from(n) * 0x9E37_79B9_7F4A_7C15) >> 64) as u64 + key % 97).max(1) % n.max(2);
        while gcd(step.max(1), n) != 1 {
            step += 1;
        }
        let step = step.max(1);
        Strewn { n, step, shift: key % n, back: inverse(step, n) }
    }

    #[inline]
    pub fn id(&self, rank: u64) -> u64 {
        (rank * self.step + self.shift) % self.n
    }

    /// The rank whose id this is.
    pub fn rank_of(&self, id: u64) -> u64 {
        (u128::from(id + self.n - self.shift) * u128::from(self.back) % u128::from(self.n)) as u64
    }
}

/// x with `a · x = 1` modulo n, by Euclid's algorithm.
fn inverse(a: u64, n: u64) -> u64 {
    let (mut old, mut new) = ((i128::from(a), 1i128), (i128::from(n), 0i128));
    while new.0 != 0 {
        let q = old.0 / new.0;
        (old, new) = (new, (old.0 - q * new.0, old.1 - q * new.1));
    }
    old.1.rem_euclid(i128::from(n)) as u64
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn own_curves_are_those_of_the_library() {
        for i in 1..2000 {
            let x = f64::from(i) * 0.37;
            assert!((ln(x) - x.ln()).abs() < 1e-13 * x.ln().abs().max(1.0), "ln {x}");
            let y = x / 40.0 - 9.0;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-13, "exp {y}");
        }
    }

    #[test]
    fn few_ranks_take_most_draws() {
        let stream = Stream::new(1, "zipf", "");
        let top = |skew: f64| {
            let zipf = Zipf::new(100_000, skew);
            (0..50_000).filter(|i| zipf.rank(stream.at(*i)) < 1000).count()
        };
        let (even, some, strong) = (top(0.0), top(0.8), top(1.5));
        assert!((400..600).contains(&even), "{even}");
        assert!((15_000..25_000).contains(&some), "{some}");
        assert!(strong > 45_000, "{strong}");
        let zipf = Zipf::new(100_000, 1.0);
        let expected = zipf.expected(9, 50_000) / 256;
        let counted = (0..50_000).filter(|i| zipf.rank(stream.at(*i)) == 9).count() as u64;
        assert!(expected.abs_diff(counted) < expected / 4, "{expected} {counted}");
        assert_eq!(Zipf::new(1, 1.0).rank(u64::MAX), 0);
        for (n, skew) in [(1, 0.8), (7, 0.0), (1000, 1.0), (1000, 3.0), (100_000, 0.8)] {
            let zipf = Zipf::new(n, skew);
            let all: u64 = (0..n).map(|r| zipf.expected(r, 1_000_000)).sum();
            assert!((255_000_000 - n..=256_000_000).contains(&all), "{n} {skew}: {all}");
        }
    }

    #[test]
    fn strewn_ranks_meet_every_id_once() {
        for n in [1, 2, 3, 10, 64, 997, 1000, 4096] {
            let strewn = Strewn::new(n, 12_345);
            let ids: std::collections::BTreeSet<u64> = (0..n).map(|r| strewn.id(r)).collect();
            assert_eq!(ids.len() as u64, n, "{n}");
            assert!((0..n).all(|r| strewn.rank_of(strewn.id(r)) == r), "{n}");
        }
    }

    #[test]
    fn waits_and_bells_have_their_mean() {
        let (curves, stream) = (Curves::new(), Stream::new(2, "waits", ""));
        let mean = (0..20_000).map(|i| curves.wait(stream.at(i), 1_000_000)).sum::<i64>() / 20_000;
        assert!((970_000..1_030_000).contains(&mean), "{mean}");
        let sum = (0..20_000).map(|i| bell(stream.at(i))).sum::<i64>() / 20_000;
        assert!(sum.abs() < 8, "{sum}");
        assert_eq!((wave(0), wave(256), wave(512), wave(768)), (0, 256, 0, -256));
    }
}
