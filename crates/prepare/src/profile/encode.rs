//! A cell as 64 bits: numbers, dates and booleans by their rank, from which the value comes back; texts by their hash.

use crate::cells::{Ranked, stored_type};
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use tidemill_core::Result;

/// A missing cell. No rank of a value that a source holds and no hash is this.
pub(super) const NULL: u64 = 1 << 63;

const K1: u64 = 0xa076_1d64_78bd_642f;
const K2: u64 = 0xe703_7ed1_a0b4_28db;
const K3: u64 = 0x8ebc_6af0_9c88_c6e3;

/// Wang Yi's multiply and fold (wyhash).
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let r = u128::from(a) * u128::from(b);
    (r as u64) ^ ((r >> 64) as u64)
}

/// A 64-bit hash of a text, the same on every machine. Among a million distinct texts the chance of any two falling together is below 1e-7.
#[inline]
pub(super) fn hash_text(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let word = |at: usize| bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    let mut h = K3 ^ bytes.len() as u64;
    let mut at = 0;
    while at + 16 <= bytes.len() {
        h = fold(word(at) ^ K1, word(at + 8) ^ h);
        at += 16;
    }
    let rest = bytes.len() - at;
    let (a, b) = if rest >= 8 { (word(at), word(bytes.len() - 8)) } else { (bytes[at..].iter().fold(0, |w, b| w << 8 | u64::from(*b)), 0) };
    let h = mix(fold(a ^ K1, b ^ K2 ^ h) ^ bytes.len() as u64);
    if h == NULL { 1 } else { h }
}

/// Every bit of the result depends on every bit of `x` (MurmurHash3's finaliser); one to one.
#[inline]
pub(super) fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// What a cell adds to its row's hash. Sums of these do not depend on the order of columns, and a column can be taken out again.
#[inline]
pub(super) fn cell(key: u64, column: usize) -> u64 {
    mix(key ^ mix(K2.wrapping_add(column as u64)))
}

/// Hashes of maps over keys: what is hashed is spread already, or is spread by one multiplication.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread;

impl std::hash::BuildHasher for Spread {
    type Hasher = SpreadHasher;
    fn build_hasher(&self) -> SpreadHasher {
        SpreadHasher(0)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct SpreadHasher(u64);

impl std::hash::Hasher for SpreadHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = fold(self.0 ^ u64::from(*b), K1);
        }
    }
    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.0 = fold(self.0 ^ n ^ K3, K1);
    }
    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }
}

pub(super) type Map<V> = hashbrown::HashMap<u64, V, Spread>;

/// The type a column is profiled as; what has no order of its own is text.
pub(super) fn profiled_type(t: &DataType) -> DataType {
    stored_type(t).unwrap_or(DataType::Utf8)
}

/// `array` as its profiled type.
pub(super) fn profiled(array: &ArrayRef) -> Result<ArrayRef> {
    let to = profiled_type(array.data_type());
    if *array.data_type() == to {
        return Ok(array.clone());
    }
    if arrow::compute::can_cast_types(array.data_type(), &to) {
        return Ok(arrow::compute::cast(array.as_ref(), &to)?);
    }
    let text = (0..array.len()).map(|row| crate::cells::text_of(array.as_ref(), row));
    Ok(std::sync::Arc::new(text.collect::<StringArray>()))
}

/// The keys of an array of a profiled type, and how many cells are missing.
pub(super) fn keys(array: &ArrayRef) -> Result<(Vec<u64>, u64)> {
    let mut out = vec![NULL; array.len()];
    match array.data_type() {
        DataType::Utf8 => {
            let a = array.as_string::<i32>();
            if a.null_count() == 0 {
                out.iter_mut().enumerate().for_each(|(i, k)| *k = hash_text(a.value(i)));
            } else {
                a.iter().zip(&mut out).for_each(|(t, k)| *k = t.map_or(NULL, hash_text));
            }
        }
        DataType::Float32 | DataType::Float64 => {
            // NaN and infinities are values here; ranks leave them out.
            let a = crate::cells::floats(array)?;
            Ranked::each(&(std::sync::Arc::new(a.clone()) as ArrayRef), |i, rank| out[i] = rank as u64)?;
            for (i, v) in a.iter().enumerate() {
                if let Some(v) = v.filter(|v| !v.is_finite()) {
                    out[i] = not_finite(v);
                }
            }
        }
        DataType::Decimal128(..) => {
            let a = array.as_primitive::<arrow::datatypes::Decimal128Type>();
            for (i, v) in a.iter().enumerate() {
                if let Some(v) = v {
                    out[i] = i64::try_from(v).unwrap_or(if v > 0 { i64::MAX } else { i64::MIN + 1 }) as u64;
                }
            }
        }
        _ => Ranked::each(array, |i, rank| out[i] = if rank == i64::MIN { NULL + 1 } else { rank as u64 })?,
    }
    Ok((out, array.null_count() as u64))
}

/// Keys of NaN and the infinities: beyond those of every finite double.
fn not_finite(v: f64) -> u64 {
    if v.is_nan() {
        i64::MAX as u64
    } else if v > 0.0 {
        (i64::MAX - 1) as u64
    } else {
        (i64::MIN + 2) as u64
    }
}

/// The number that a key of a number, boolean, date or instant stands for.
pub(super) fn value(key: u64, t: &DataType) -> f64 {
    let rank = key as i64;
    if matches!(t, DataType::Float32 | DataType::Float64) {
        if rank == i64::MAX {
            return f64::NAN;
        } else if rank == i64::MAX - 1 {
            return f64::INFINITY;
        } else if rank == i64::MIN + 2 {
            return f64::NEG_INFINITY;
        }
        return Ranked::value(rank, &DataType::Float64);
    }
    Ranked::value(rank, t)
}

/// A key of anything but a text, for people.
pub(super) fn show(key: u64, t: &DataType) -> String {
    match t {
        DataType::Float32 => format!("{}", value(key, t) as f32),
        DataType::Float64 => crate::cells::figure(value(key, t)),
        _ => Ranked::cell(key as i64, t)
            .ok()
            .and_then(|c| crate::cells::text_of(c.as_ref(), 0))
            .map_or_else(String::new, |s| s.trim_end_matches('Z').replace('T', " ")),
    }
}
