//! All values of a column, or of a group: one by one as long as they differ, and as values with their counts where the same ones come again and again.
//! Amounts in cents, ages and ratings take as much memory as there are different ones, however many rows there are.

/// Fewer are not worth a look.
#[cfg(not(test))]
const PACK_MIN: usize = 1 << 16;
#[cfg(test)]
const PACK_MIN: usize = 1 << 5;

#[derive(Debug, Clone)]
pub(crate) struct Values {
    /// Rising, each value once.
    counted: Vec<(i64, u64)>,
    /// In no order.
    loose: Vec<i64>,
    /// As many loose ones are looked at again.
    pack_at: usize,
}

impl Default for Values {
    fn default() -> Self {
        Values { counted: Vec::new(), loose: Vec::new(), pack_at: PACK_MIN }
    }
}

impl Values {
    pub(crate) fn of(loose: Vec<i64>) -> Self {
        Values { loose, ..Values::default() }
    }

    pub(crate) fn counted(counted: Vec<(i64, u64)>) -> Self {
        Values { counted, ..Values::default() }
    }

    pub(crate) fn push(&mut self, value: i64) {
        self.loose.push(value);
    }

    pub(crate) fn join(&mut self, other: Values) {
        self.loose.extend_from_slice(&other.loose);
        if !other.counted.is_empty() {
            self.counted = merged(std::mem::take(&mut self.counted), other.counted.into_iter());
        }
        if self.loose.len() >= self.pack_at {
            self.pack();
        }
    }

    fn pack(&mut self) {
        self.loose.sort_unstable();
        let different = self.loose.chunk_by(|a, b| a == b).count();
        // A pair takes as much as two loose ones.
        if different * 2 > self.loose.len() {
            self.pack_at = self.loose.len() * 2;
            return;
        }
        let loose = std::mem::take(&mut self.loose);
        self.counted = merged(std::mem::take(&mut self.counted), runs(&loose));
        self.pack_at = self.counted.len().max(PACK_MIN);
    }

    pub(crate) fn len(&self) -> u64 {
        self.loose.len() as u64 + self.counted.iter().map(|(_, n)| n).sum::<u64>()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.counted.capacity() * size_of::<(i64, u64)>() + self.loose.capacity() * size_of::<i64>()
    }

    /// The values at two places (from 0) in sorted order.
    pub(crate) fn at(&self, places: [u64; 2]) -> [i64; 2] {
        if self.counted.is_empty() {
            let mut v = self.loose.clone();
            let (lower, upper) = (places[0] as usize, places[1] as usize);
            let (_, a, rest) = v.select_nth_unstable(lower);
            let a = *a;
            // The next place is the least of what lies above.
            return [a, if upper == lower { a } else { rest.iter().min().copied().unwrap_or(a) }];
        }
        let all = self.all();
        places.map(|place| {
            let mut before = 0;
            let hit = all.iter().find(|(_, n)| {
                before += n;
                before > place
            });
            hit.or(all.last()).map_or(0, |(v, _)| *v)
        })
    }

    /// The most frequent one; the least of several.
    pub(crate) fn mode(&self) -> Option<i64> {
        let mut best: Option<(i64, u64)> = None;
        for (value, n) in self.all() {
            if best.is_none_or(|(_, most)| n > most) {
                best = Some((value, n));
            }
        }
        best.map(|(value, _)| value)
    }

    fn all(&self) -> Vec<(i64, u64)> {
        let mut loose = self.loose.clone();
        loose.sort_unstable();
        merged(self.counted.clone(), runs(&loose))
    }
}

fn runs(sorted: &[i64]) -> impl Iterator<Item = (i64, u64)> {
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64))
}

fn merged(a: Vec<(i64, u64)>, b: impl Iterator<Item = (i64, u64)>) -> Vec<(i64, u64)> {
    let mut out: Vec<(i64, u64)> = Vec::with_capacity(a.len() + b.size_hint().0);
    let (mut a, mut b) = (a.into_iter().peekable(), b.peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.0 <= y.0 => a.next(),
            (Some(_), None) => a.next(),
            _ => b.next(),
        };
        let Some((value, n)) = next else { break };
        match out.last_mut() {
            Some((last, count)) if *last == value => *count += n,
            _ => out.push((value, n)),
        }
    }
    out.shrink_to_fit();
    out
}
