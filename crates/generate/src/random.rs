//! Chance that can be asked for at any place: the draw for row `i` of a column is computed from seed, column and `i` alone, so that rows are made in any
//! order, on any thread and again.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014) is such a generator: its n-th output is a mix of
//! `key + n · gamma`. Only whole numbers take part, so every machine draws the same.

/// The odd constant that the counter goes up by: 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A sequence of draws that can be entered anywhere.
#[derive(Debug, Clone, Copy)]
pub struct Stream(u64);

impl Stream {
    /// The stream of one column (or purpose) of one entity.
    pub fn new(seed: u64, entity: &str, column: &str) -> Stream {
        let mut key = mix(seed ^ 0x7469_6465_6d69_6c6c);
        for byte in entity.bytes().chain(std::iter::once(0xFF)).chain(column.bytes()) {
            key = mix(key.wrapping_add(GAMMA) ^ u64::from(byte));
        }
        Stream(key)
    }

    /// Draw number `i`.
    #[inline]
    pub fn at(self, i: u64) -> u64 {
        mix(self.0.wrapping_add(i.wrapping_mul(GAMMA)))
    }

    /// As many draws as row `i` needs.
    #[inline]
    pub fn draws(self, i: u64) -> Draws {
        Draws(self.at(i))
    }
}

/// Draws for one row, one after another.
#[derive(Debug, Clone)]
pub struct Draws(u64);

impl Draws {
    pub fn from_key(key: u64) -> Draws {
        Draws(mix(key))
    }

    #[inline]
    #[allow(clippy::should_implement_trait)] // it never ends
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        below(self.next(), n)
    }

    /// A whole number from `low` to `high`, both included.
    #[inline]
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    #[inline]
    pub fn chance(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(per_million)
    }

    #[inline]
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// Brings a draw into `0..n`.
#[inline]
pub fn below(draw: u64, n: u64) -> u64 {
    ((u128::from(draw) * u128::from(n)) >> 64) as u64
}

#[inline]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        // The first outputs for the state 1234567, as the reference implementation gives them.
        let mut d = Draws(1_234_567);
        assert_eq!([d.next(), d.next(), d.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_differ_by_seed_entity_and_column() {
        let all = [Stream::new(1, "a", "bc"), Stream::new(2, "a", "bc"), Stream::new(1, "ab", "c"), Stream::new(1, "a", "c")];
        let firsts: std::collections::BTreeSet<u64> = all.iter().map(|s| s.at(0)).collect();
        assert_eq!(firsts.len(), 4);
    }

    #[test]
    fn chances_come_as_often_as_they_say() {
        let stream = Stream::new(3, "t", "x");
        let hits = (0..100_000).filter(|i| stream.draws(*i).chance(20_000)).count();
        assert!((1_850..2_150).contains(&hits), "{hits}");
        let sum: u64 = (0..100_000).map(|i| below(stream.at(i), 10)).sum();
        assert!((445_000..455_000).contains(&sum), "{sum}");
    }
}
