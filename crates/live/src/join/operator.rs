//! Joins what comes on one side with what the other has.

use super::side::Side;
use super::{Alone, Gives, Join};
use crate::delta::{Delta, batch, indices, taken};
use crate::frontier::{Frontier, moments, native};
use crate::operator::{Cx, Operator, Usage};
use crate::state::numbered;
use crate::stateless::evaluate_predicate;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, new_null_array};
use arrow::datatypes::Int64Type;
use std::sync::Arc;
use tidemill_core::{Error, Result};

pub(super) struct Joined {
    join: Arc<Join>,
    sides: [Side; 2],
    /// By side, the least moment of rows that can still be met.
    least: [Option<i64>; 2],
    /// By side, rows before this moment come after their time.
    on_time_from: [Option<i64>; 2],
}

/// A row that came, and one of the other side.
struct Pair {
    row: usize,
    /// Where the other is among those of the key.
    at: usize,
    weight: i64,
}

/// Pairs looked at in one go.
const PAIRS_MAX: usize = 65_536;

impl Joined {
    pub(super) fn new(join: Arc<Join>) -> Result<Self> {
        let sides = [Side::new(&join, 0)?, Side::new(&join, 1)?];
        Ok(Joined { join, sides, least: [None; 2], on_time_from: [None; 2] })
    }

    /// Rows of a side that come when what they could meet may be gone.
    fn on_time(&self, side: usize, delta: Delta, cx: &mut Cx) -> Result<Delta> {
        let by = self.join.pruned_by(1 - side).map(|b| b.other);
        let (Some(column), Some(least)) = (by, self.on_time_from[side]) else { return Ok(delta) };
        if !self.join.may_be_late[side] {
            return Ok(delta);
        }
        let moments = moments(delta.rows.column(column))?;
        let keep: BooleanArray = (0..delta.len()).map(|row| Some(moments.is_null(row) || moments.value(row) >= least)).collect();
        cx.leave_out(delta.origin.as_ref(), (0..keep.len()).filter(|row| !keep.value(*row)));
        if keep.true_count() == keep.len() { Ok(delta) } else { delta.filter(&keep) }
    }

    /// The columns of pairs, left before right.
    fn paired(&self, side: usize, rows: &RecordBatch, incoming: &super::side::Incoming, pairs: &[Pair]) -> Result<RecordBatch> {
        let own = indices(pairs.iter().map(|p| p.row));
        let own = rows.columns().iter().map(|c| taken(c, &own)).collect::<Result<Vec<ArrayRef>>>()?;
        let other = &self.sides[1 - side];
        let met: Vec<&[u8]> = pairs.iter().map(|p| other.of_key(incoming.keys.row(p.row))[p.at].row.as_ref()).collect();
        let met = other.codec.decode(met.into_iter())?.columns().to_vec();
        let columns = if side == 0 { [own, met].concat() } else { [met, own].concat() };
        batch(&self.join.pair, columns, pairs.len())
    }

    /// Rows of one side with NULLs beside them.
    fn alone(&self, side: usize, rows: &RecordBatch, weights: Vec<i64>) -> Result<Delta> {
        let other = self.join.inputs[1 - side].fields().iter().map(|f| new_null_array(f.data_type(), rows.num_rows())).collect::<Vec<_>>();
        let own = rows.columns().to_vec();
        let columns = if side == 0 { [own, other].concat() } else { [other, own].concat() };
        Ok(Delta::weighed(batch(&self.join.schema, columns, rows.num_rows())?, Some(weights.into())))
    }

    /// What is given of a side's rows that meet something or nothing, as far as the join gives it.
    fn given(&self, side: usize, rows: &RecordBatch, changes: &[(usize, bool, i64)], out: &mut Vec<Delta>) -> Result<()> {
        let some = |wanted: bool| {
            let picked: Vec<&(usize, bool, i64)> = changes.iter().filter(|(_, meets, _)| *meets == wanted).collect();
            let rows = arrow::compute::take_record_batch(rows, &indices(picked.iter().map(|(row, ..)| *row)))?;
            Ok::<_, Error>((rows, picked.iter().map(|(.., weight)| *weight).collect::<Vec<i64>>()))
        };
        match self.join.gives {
            Gives::Pairs { left, right } if [left, right][side] == Alone::WithNulls => {
                let (rows, weights) = some(false)?;
                out.push(self.alone(side, &rows, weights)?);
            }
            Gives::Semi { side: of } | Gives::Anti { side: of } if of == side => {
                let (rows, weights) = some(matches!(self.join.gives, Gives::Semi { .. }))?;
                out.push(Delta::weighed(batch(&self.join.schema, rows.columns().to_vec(), rows.num_rows())?, Some(weights.into())));
            }
            Gives::Mark { side: of } if of == side => {
                for meets in [false, true] {
                    let (rows, weights) = some(meets)?;
                    let mut columns = rows.columns().to_vec();
                    columns.push(Arc::new(BooleanArray::from(vec![meets; rows.num_rows()])));
                    out.push(Delta::weighed(batch(&self.join.schema, columns, rows.num_rows())?, Some(weights.into())));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Operator for Joined {
    fn push(&mut self, side: usize, delta: Delta, cx: &mut Cx, out: &mut Vec<Delta>) -> Result<()> {
        let delta = self.on_time(side, delta, cx)?;
        if delta.is_empty() {
            return Ok(());
        }
        let join = Arc::clone(&self.join);
        let incoming = self.sides[side].incoming(&join, side, &delta.rows)?;
        let mut meets = vec![0i64; delta.len()];
        let mut row = 0;
        while row < delta.len() {
            let mut pairs: Vec<Pair> = Vec::new();
            while row < delta.len() && pairs.len() < PAIRS_MAX {
                if !incoming.nulls[row] {
                    let of_key = self.sides[1 - side].of_key(incoming.keys.row(row));
                    let weight = delta.weight(row);
                    pairs.extend(of_key.iter().enumerate().map(|(at, other)| Pair { row, at, weight: weight * other.weight }));
                }
                row += 1;
            }
            if pairs.is_empty() {
                continue;
            }
            let mut columns = self.paired(side, &delta.rows, &incoming, &pairs)?;
            if let Some(filter) = &join.filter {
                let keep = evaluate_predicate(filter, &columns)?;
                let keep = if keep.null_count() == 0 { keep } else { arrow::compute::prep_null_mask_filter(&keep) };
                columns = arrow::compute::filter_record_batch(&columns, &keep)?;
                let mut at = 0;
                pairs.retain(|_| {
                    at += 1;
                    keep.value(at - 1)
                });
            }
            if join.gives.counts(side) {
                for pair in &pairs {
                    meets[pair.row] += self.sides[1 - side].of_key(incoming.keys.row(pair.row))[pair.at].weight;
                }
            }
            if let Gives::Pairs { .. } = join.gives {
                let weights: Int64Array = pairs.iter().map(|p| p.weight).collect();
                out.push(Delta::weighed(batch(&join.schema, columns.columns().to_vec(), pairs.len())?, Some(weights)));
            }
            if join.gives.counts(1 - side) {
                self.recount(side, &delta, &incoming, &pairs, out)?;
            }
        }
        if join.gives.counts(side) {
            let changes: Vec<(usize, bool, i64)> = (0..delta.len()).map(|row| (row, meets[row] > 0, delta.weight(row))).collect();
            self.given(side, &delta.rows, &changes, out)?;
        }
        if join.kept[side] {
            for row in (0..delta.len()).filter(|row| !incoming.nulls[*row]) {
                self.sides[side].put(&incoming, row, delta.weight(row), meets[row]);
            }
        }
        Ok(())
    }

    fn advance(&mut self, inputs: &[Frontier]) -> Result<()> {
        for side in 0..2 {
            // The bound by whose column rows are kept is the one that prunes.
            self.least[side] = self.join.pruned_by(side).and_then(|b| self.join.least(b, inputs));
            let by = self.join.pruned_by(1 - side).map(|b| b.other);
            self.on_time_from[side] = by.and_then(|c| inputs[side][c].as_ref()).and_then(native);
        }
        Ok(())
    }

    fn flush(&mut self, _: &mut Vec<Delta>) -> Result<()> {
        for side in 0..2 {
            if let Some(least) = self.least[side] {
                self.sides[side].prune(least);
            }
        }
        Ok(())
    }

    fn usage(&self) -> Usage {
        Usage { rows: self.sides.iter().map(|s| s.count).sum(), bytes: self.sides.iter().map(|s| s.bytes).sum() }
    }

    fn save(&mut self) -> Result<Vec<RecordBatch>> {
        let mut saved = Vec::new();
        for side in &self.sides {
            let all: Vec<_> = side.all().collect();
            let rows = side.codec.decode(all.iter().map(|r| r.row.as_ref()))?;
            let whole = |of: fn(&super::side::Row) -> i64| Arc::new(all.iter().map(|r| of(r)).collect::<Int64Array>()) as ArrayRef;
            saved.push(numbered(rows.columns().to_vec())?);
            saved.push(numbered(vec![whole(|r| r.weight), whole(|r| r.meets)])?);
        }
        Ok(saved)
    }

    fn restore(&mut self, state: &[RecordBatch]) -> Result<()> {
        if state.len() != 4 {
            return Err(Error::bug("a checkpoint of a join without its sides"));
        }
        let join = Arc::clone(&self.join);
        for side in 0..2 {
            let (rows, counts) = (&state[2 * side], &state[2 * side + 1]);
            let rows = batch(&join.inputs[side], rows.columns().to_vec(), counts.num_rows())?;
            let incoming = self.sides[side].incoming(&join, side, &rows)?;
            let count = |column: usize, row: usize| counts.column(column).as_primitive::<Int64Type>().value(row);
            for row in 0..rows.num_rows() {
                self.sides[side].put(&incoming, row, count(0, row), count(1, row));
            }
        }
        Ok(())
    }
}

impl Joined {
    /// Rows of the other side meet more, or fewer, than before: what is given of those that begin or cease to meet something.
    fn recount(
        &mut self,
        side: usize,
        delta: &Delta,
        incoming: &super::side::Incoming,
        pairs: &[Pair],
        out: &mut Vec<Delta>,
    ) -> Result<()> {
        let mut turned: Vec<(Box<[u8]>, bool, i64)> = Vec::new();
        for pair in pairs {
            let Some(other) = self.sides[1 - side].row_mut(incoming.keys.row(pair.row), pair.at) else { continue };
            let before = other.meets > 0;
            other.meets += delta.weight(pair.row);
            let after = other.meets > 0;
            if before != after {
                turned.push((other.row.clone(), before, -other.weight));
                turned.push((other.row.clone(), after, other.weight));
            }
        }
        if turned.is_empty() {
            return Ok(());
        }
        let rows = self.sides[1 - side].codec.decode(turned.iter().map(|(row, ..)| row.as_ref()))?;
        let changes: Vec<(usize, bool, i64)> = turned.iter().enumerate().map(|(at, (_, meets, weight))| (at, *meets, *weight)).collect();
        self.given(1 - side, &rows, &changes, out)
    }
}
