//! Half-space trees: Tan, Ting and Liu (2011, *Fast anomaly detection for streaming data*, IJCAI-11, pages 1511 to 1516). Trees that cut the space of
//! the columns in halves, drawn beforehand and never changed; what changes is the mass of each node: how many rows of the last full window of
//! `n` rows fell into it. A row is followed down each tree to the first node of little mass, and that node's mass times 2 to its depth,
//! summed over the trees, is the paper's score: small where there is little.
//!
//! Four things are ours. The paper supposes columns between 0 and 1; here their range is that of the first window, which is why that window has no
//! scores. The work space around a tree's random point is half as wide, and a node is little at a fiftieth of a window instead of a tenth: of 25
//! trees of depth 8, which stand in for the paper's 15, too many cuts lay outside of all rows (of planted faults in three columns, 14 in 100 were
//! among the strangest rows; now 98). And the sum, which runs over many powers of 2, is put on a scale from 0 to 1 on which more is
//! stranger: `1 − log₂(1 + sum / trees) / log₂(1 + n · 2^depth)`.

use super::Detector;
use super::state::{Reader, Writer};
use tidemill_core::Result;

/// The paper's 25 trees; its depth of 15 would be 65,535 nodes a tree and partition.
const TREES: usize = 25;
const DEPTH: u32 = 8;
const NODES: usize = (1 << (DEPTH + 1)) - 1;
/// The part of a window at which a node is too light to look below it.
const LIGHT: f64 = 0.02;

#[derive(Debug, Clone, PartialEq)]
pub struct HalfSpaceTrees {
    n: usize,
    seed: u64,
    columns: usize,
    /// Rows of the window that is going on.
    rows: usize,
    /// The rows themselves while it is the first.
    first: Vec<f64>,
    range: Vec<(f64, f64)>,
    /// One per inner node of each tree: the column, and where it is cut.
    cuts: Vec<(u16, f64)>,
    /// Mass of each node in the last full window, and in this one.
    known: Vec<u32>,
    latest: Vec<u32>,
}

impl HalfSpaceTrees {
    pub fn new(n: usize, seed: u64, columns: usize) -> HalfSpaceTrees {
        HalfSpaceTrees {
            n,
            seed,
            columns,
            rows: 0,
            first: Vec::new(),
            range: Vec::new(),
            cuts: Vec::new(),
            known: Vec::new(),
            latest: Vec::new(),
        }
    }

    fn grow(&mut self) {
        let mut random = Random(self.seed);
        self.cuts = Vec::with_capacity(TREES * (NODES / 2));
        for _ in 0..TREES {
            // A work space around a point of its own, wide enough for all rows: trees then differ even where columns are few.
            let space = (0..self.columns).map(|_| {
                let s = random.unit();
                let half = s.max(1.0 - s);
                (s - half, s + half)
            });
            let mut spaces = vec![space.collect::<Vec<_>>()];
            for node in 0..NODES / 2 {
                let column = (random.next() % self.columns as u64) as usize;
                let (low, high) = spaces[node][column];
                let cut = f64::midpoint(low, high);
                self.cuts.push((column as u16, cut));
                let (mut left, mut right) = (spaces[node].clone(), spaces[node].clone());
                left[column].1 = cut;
                right[column].0 = cut;
                spaces.push(left);
                spaces.push(right);
            }
        }
        self.known = vec![0; TREES * NODES];
        self.latest = vec![0; TREES * NODES];
    }

    /// Where a row lies, each column between 0 and 1 within its range.
    fn place(&self, values: &[f64]) -> Vec<f64> {
        let one = |(x, (low, high)): (&f64, &(f64, f64))| {
            let width = high - low;
            if width > 0.0 { (x - low) / width } else { 0.5 + (x - low) }
        };
        values.iter().zip(&self.range).map(one).collect()
    }

    fn step(&self, tree: usize, node: usize, place: &[f64]) -> usize {
        let (column, cut) = self.cuts[tree * (NODES / 2) + node];
        2 * node + 1 + usize::from(place[usize::from(column)] >= cut)
    }

    fn learn(&mut self, place: &[f64]) {
        for tree in 0..TREES {
            let mut node = 0;
            self.latest[tree * NODES] += 1;
            for _ in 0..DEPTH {
                node = self.step(tree, node, place);
                self.latest[tree * NODES + node] += 1;
            }
        }
    }

    fn judge(&self, place: &[f64]) -> f64 {
        let light = LIGHT * self.n as f64;
        let mut sum = 0.0;
        for tree in 0..TREES {
            let (mut node, mut depth) = (0, 0);
            while depth < DEPTH && f64::from(self.known[tree * NODES + node]) > light {
                node = self.step(tree, node, place);
                depth += 1;
            }
            sum += f64::from(self.known[tree * NODES + node]) * f64::from(1u32 << depth);
        }
        1.0 - (1.0 + sum / TREES as f64).log2() / (1.0 + self.n as f64 * f64::from(1u32 << DEPTH)).log2()
    }

    fn turn(&mut self) {
        std::mem::swap(&mut self.known, &mut self.latest);
        self.latest.fill(0);
        self.rows = 0;
    }
}

impl Detector for HalfSpaceTrees {
    fn score(&mut self, values: &[f64], _: i64) -> Option<f64> {
        self.rows += 1;
        if self.range.is_empty() {
            self.first.extend(values);
            if self.rows == self.n {
                let rows = std::mem::take(&mut self.first);
                let column = |c: usize| {
                    let of = || rows.iter().skip(c).step_by(self.columns).copied();
                    (of().fold(f64::INFINITY, f64::min), of().fold(f64::NEG_INFINITY, f64::max))
                };
                self.range = (0..self.columns).map(column).collect();
                self.grow();
                for row in rows.chunks(self.columns) {
                    let place = self.place(row);
                    self.learn(&place);
                }
                self.turn();
            }
            return None;
        }
        let place = self.place(values);
        let score = self.judge(&place);
        self.learn(&place);
        if self.rows == self.n {
            self.turn();
        }
        Some(score)
    }

    fn save(&self) -> Vec<u8> {
        let mass = |all: &[u32]| all.iter().map(|m| f64::from(*m)).collect::<Vec<_>>().into_iter();
        let writer = Writer::new(5).whole(self.n as i64).whole(self.seed as i64).whole(self.columns as i64).whole(self.rows as i64);
        let range: Vec<f64> = self.range.iter().flat_map(|(low, high)| [*low, *high]).collect();
        writer.floats(self.first.iter().copied()).floats(range.into_iter()).floats(mass(&self.known)).floats(mass(&self.latest)).done()
    }

    fn load(&mut self, bytes: &[u8]) -> Result<()> {
        let mut from = Reader::new(5, bytes)?;
        for setting in [self.n as i64, self.seed as i64, self.columns as i64] {
            from.same(setting)?;
        }
        let mut new = HalfSpaceTrees::new(self.n, self.seed, self.columns);
        new.rows = from.whole()? as usize;
        new.first = from.floats()?;
        new.range = from.floats()?.chunks_exact(2).map(|r| (r[0], r[1])).collect();
        let mass = |all: Vec<f64>| all.into_iter().map(|m| m as u32).collect::<Vec<_>>();
        let (known, latest) = (mass(from.floats()?), mass(from.floats()?));
        from.end()?;
        if !new.range.is_empty() {
            new.grow();
            if known.len() != new.known.len() || latest.len() != new.latest.len() {
                return Err(tidemill_core::Error::data("the saved state is of trees of another size"));
            }
            (new.known, new.latest) = (known, latest);
        }
        *self = new;
        Ok(())
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): a stream that a seed settles for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}
