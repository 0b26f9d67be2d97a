//! What is in a table nobody has looked at yet: one parallel pass over its rows, then everything else from what that pass kept.
//!
//! Read in this order: `encode` (a cell as 64 bits), `dictionary` (the distinct values of a column, within bounds), `pass` (the one pass), `kept`
//! (its outcome: columns as small whole numbers), then one file per question: `columns`, `numbers`, `texts`, `suspicious`, `moments`, `duplicates`, `keys`,
//! `dependencies`, `sources`, `mendings`, `conditions`, `correlations`, `target`; `findings` ranks what came out, `json` and `html` write it down.
//!
//! Invariants: nothing depends on the number of threads; memory stays within [`ProfileOptions::memory_bytes`], and whatever was estimated or looked
//! at in a sample because of that says so (`exact: false`, `sampled`).

mod columns;
mod conditions;
mod correlations;
mod dependencies;
mod dictionary;
mod duplicates;
mod encode;
mod findings;
mod forms;
pub mod html;
mod json;
mod kept;
mod keys;
mod laws;
mod mendings;
mod moments;
mod numbers;
mod pass;
mod sources;
mod suspicious;
mod target;
#[cfg(test)]
mod tests;
mod texts;

use arrow::datatypes::DataType;
use std::collections::BTreeMap;
use tidemill_core::{Meter, Result, Scan};

pub use findings::ranked;

#[derive(Debug, Clone)]
pub struct ProfileOptions {
    /// What the table is called in the report.
    pub name: String,
    /// What the source calls each column, by its name; those not listed are called by their names.
    pub labels: BTreeMap<String, String>,
    pub threads: usize,
    /// What the pass may keep, about: distinct values, rows as whole numbers, hashes of rows.
    pub memory_bytes: usize,
    /// Compare every other column by this one.
    pub target: Option<String>,
    /// Look at the first so many rows only.
    pub limit: Option<u64>,
    /// Now, in microseconds since 1970; what lies after it is a suspicious date.
    pub now_micros: i64,
    /// What was found out already, such as by reading the file: it is ranked with the rest.
    pub given: Vec<Finding>,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        ProfileOptions {
            name: String::new(),
            labels: BTreeMap::new(),
            threads: 1,
            memory_bytes: 384 << 20,
            target: None,
            limit: None,
            now_micros: i64::MAX,
            given: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Profile {
    pub name: String,
    pub rows: u64,
    /// Rows that could not be decoded; not among `rows`.
    pub rejected: u64,
    /// As stored.
    pub bytes: u64,
    pub columns: Vec<ColumnProfile>,
    pub duplicates: Duplicates,
    /// Exact ones first, then the nearly unique.
    pub keys: Vec<CandidateKey>,
    pub dependencies: Vec<Dependency>,
    pub conditions: Vec<Condition>,
    /// Strongest first.
    pub correlations: Vec<Correlation>,
    pub time: Vec<TimeCoverage>,
    pub target: Option<TargetComparison>,
    /// Columns that equal an earlier one in every row: (earlier, later).
    pub identical: Vec<(String, String)>,
    /// What `repair` with `frequent = true` would do to each column, surest first; what is not made is only listed.
    pub mendings: Vec<Mending>,
    /// Several sources that say different things of the same.
    pub sources: Vec<Disagreement>,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Rows that what concerns several columns was found in, where memory did not allow for all.
    pub sampled: Option<u64>,
    /// Why rows were rejected: code, column, rows, an example.
    pub rejects: Vec<Rejected>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub code: &'static str,
    pub column: Option<String>,
    pub rows: u64,
    pub example: String,
}

#[derive(Debug, Clone)]
pub struct ColumnProfile {
    pub name: String,
    pub label: String,
    pub data_type: DataType,
    pub rows: u64,
    pub missing: u64,
    /// Values that were there but did not parse as the type; they count as missing too.
    pub invalid: u64,
    pub distinct: Distinct,
    /// Up to 20, most frequent first.
    pub top: Vec<(String, u64)>,
    /// How much a count in `top` may be too small; 0 where they are exact.
    pub top_error: u64,
    pub numbers: Option<NumberProfile>,
    pub moments: Option<MomentProfile>,
    pub texts: Option<TextProfile>,
    /// Worst first.
    pub suspicious: Vec<Suspicious>,
}

impl ColumnProfile {
    /// Whether its numbers are years or name something, so that they are written without a mark of thousands.
    pub fn is_plain_number(&self) -> bool {
        const NAMES: [&str; 16] =
            ["id", "no", "nr", "num", "number", "key", "code", "year", "jahr", "zip", "plz", "ean", "isbn", "ticket", "invoice", "sku"];
        let Some(n) = self.numbers.as_ref().filter(|_| crate::cells::is_whole(&self.data_type)) else { return false };
        let at = |q: f64| n.quantiles.iter().find(|(x, _)| *x == q).map_or(0.0, |(_, v)| *v);
        let are_years = at(0.25) >= 1500.0 && at(0.95) <= 2100.0;
        // So many digits are a name.
        are_years
            || n.max >= 1e12
            || self.name.split('_').any(|w| NAMES.contains(&w))
            || self.label.ends_with("ID")
            || self.label.ends_with("Id")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distinct {
    pub count: u64,
    pub exact: bool,
}

#[derive(Debug, Clone, Default)]
pub struct NumberProfile {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    pub stddev: f64,
    /// At 0.01, 0.05, 0.25, 0.5, 0.75, 0.95 and 0.99, as pandas interpolates.
    pub quantiles: Vec<(f64, f64)>,
    /// Whether the quantiles are of all rows.
    pub exact: bool,
    pub zeros: u64,
    pub negatives: u64,
    /// NaN and infinities.
    pub not_finite: u64,
    pub histogram: Vec<Bin>,
    /// Values before the first and after the last bin, where far ones were left out of the histogram.
    pub below: u64,
    pub above: u64,
    /// Rows outside Tukey's outer fences: 3 interquartile ranges below the first or above the third quartile.
    pub outliers: u64,
    /// Most digits after the decimal point; `None` where that is not known or more than 6.
    pub decimals: Option<u32>,
}

/// `from` is in, `to` is not, but for the last bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub count: u64,
}

#[derive(Debug, Clone, Default)]
pub struct MomentProfile {
    pub first: String,
    pub last: String,
    /// Rows by month, day, … (the unit is told by the labels), in order, with the empty ones between.
    pub histogram: Vec<(String, u64)>,
    pub future: u64,
}

#[derive(Debug, Clone, Default)]
pub struct TextProfile {
    /// In characters.
    pub length_min: u64,
    pub length_max: u64,
    pub length_mean: f64,
    /// `A` for a letter, `9` for a digit, all else as it is; most frequent first, up to 10.
    pub shapes: Vec<(String, u64)>,
    /// Distinct shapes in all.
    pub shape_count: u64,
    /// Rows whose value has white space around it.
    pub padded: u64,
    pub empty: u64,
    /// Rows whose value reads as a number.
    pub numeric: u64,
}

/// A value that may be wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspicious {
    pub value: String,
    pub rows: u64,
    pub why: Why,
    pub meant: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// UTF-8 read as another encoding.
    Encoding,
    Control,
    /// Stands for "missing".
    Placeholder,
    /// A rare spelling near a frequent one.
    Spelling,
    /// Differs from a more frequent value in case, accents, spaces or punctuation only.
    Variant,
    /// White space before or behind.
    Padding,
    /// A number in a column of texts, a text in a column of numbers.
    OddKind,
    /// A shape that few values have where nearly all have another.
    Shape,
    /// A code without the mark that nearly all have within.
    Mark,
    /// Digits that are fewer than nearly all have: a zero before them got lost.
    Zero,
    /// Two numbers that a spreadsheet made a date of.
    Dated,
    /// A unit other than that of most values.
    Unit,
    /// A category that hardly any row has, where all others have many.
    Rare,
    /// Alone, far from all others.
    Spike,
    Future,
}

impl Why {
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Encoding => "encoding",
            Why::Control => "control",
            Why::Placeholder => "placeholder",
            Why::Spelling => "spelling",
            Why::Variant => "variant",
            Why::Padding => "padding",
            Why::OddKind => "kind",
            Why::Shape => "shape",
            Why::Mark => "mark",
            Why::Zero => "zero",
            Why::Dated => "dated",
            Why::Unit => "unit",
            Why::Rare => "rare",
            Why::Spike => "spike",
            Why::Future => "future",
        }
    }
}

/// A rare spelling, and the frequent one it would be brought to.
#[derive(Debug, Clone, PartialEq)]
pub struct Mending {
    pub column: String,
    pub from: String,
    pub to: String,
    pub rows: u64,
    pub confidence: f64,
    /// Sure enough to be made; else it is listed.
    pub is_made: bool,
}

impl Mending {
    /// Another way to write the same word: in case or space alone.
    pub fn is_same_word(&self) -> bool {
        self.from.trim().to_lowercase() == self.to.trim().to_lowercase()
    }
}

/// Rows about the same thing, from several sources that differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// Which column says where a row is from.
    pub source: String,
    /// What it is about.
    pub about: Vec<String>,
    /// Columns in which they differ, and the rows that say what most say, of all with a value; worst first.
    pub columns: Vec<(String, u64, u64)>,
    /// The source that most often differs: its rows' cells that do, of all.
    pub worst: Option<(String, u64, u64)>,
}

#[derive(Debug, Clone, Default)]
pub struct Duplicates {
    /// Rows that repeat an earlier row in all columns.
    pub exact: u64,
    /// False: estimated from a part of all rows' hashes.
    pub is_counted: bool,
    /// Rows that repeat an earlier one when one key-like column is left out: (column, rows).
    pub ignoring: Vec<(String, u64)>,
    pub near: Vec<NearDuplicate>,
}

/// Rows that are nearly others.
#[derive(Debug, Clone, PartialEq)]
pub struct NearDuplicate {
    /// The column in which they differ; `None`: in case, accents, spaces and punctuation, in any.
    pub column: Option<String>,
    /// A key-like column that was left out.
    pub ignoring: Option<String>,
    /// Rows that are nearly an earlier one.
    pub rows: u64,
    /// Up to 5: the values that differ, and rows that hold the second.
    pub examples: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateKey {
    pub columns: Vec<String>,
    /// Rows that repeat an earlier row's key.
    pub duplicates: u64,
    /// Rows that lack a part of it.
    pub missing: u64,
    /// False: `duplicates` is estimated from a sample of the values, since not all could be kept.
    pub is_counted: bool,
}

/// Rows with equal determinants mostly have equal dependents.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    pub determinant: Vec<String>,
    pub dependent: String,
    /// Determinant values with at least two rows.
    pub groups: u64,
    /// Rows in them.
    pub rows: u64,
    /// Rows that disagree with their group's majority.
    pub violations: u64,
}

impl Dependency {
    pub fn agreement(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { 1.0 - self.violations as f64 / self.rows as f64 }
    }
}

/// What holds for all rows of one class of a column, and not elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub column: String,
    pub class: Class,
    /// Rows of the class.
    pub rows: u64,
    pub other: String,
    pub state: State,
    /// Rows that have the state outside the class, and rows outside.
    pub elsewhere: u64,
    pub outside: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// The value begins with these letters, where others begin with none.
    Begins(String),
    Shape(String),
    Value(String),
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Negative,
    Zero,
    Positive,
    Missing,
    Present,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Negative => "negative",
            State::Zero => "zero",
            State::Positive => "positive",
            State::Missing => "missing",
            State::Present => "present",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    pub left: String,
    pub right: String,
    pub method: Method,
    /// −1 to 1 for the first two, 0 to 1 for the others.
    pub value: f64,
    pub rows: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Pearson,
    Spearman,
    CramersV,
    /// η: the share of a number's deviation that a category explains, square root.
    CorrelationRatio,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Pearson => "pearson",
            Method::Spearman => "spearman",
            Method::CramersV => "cramers_v",
            Method::CorrelationRatio => "correlation_ratio",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct TimeCoverage {
    pub column: String,
    pub first: String,
    pub last: String,
    /// `day`, `week`, `month`, `quarter` or `year`: the finest unit that rows fill.
    pub unit: &'static str,
    /// Units between first and last, those included.
    pub units: u64,
    /// Runs of units without rows, longest first, up to 10: from, to, how many.
    pub gaps: Vec<(String, String, u64)>,
    /// Units without rows.
    pub empty_units: u64,
    /// Days of the week that never occur, where others do.
    pub weekdays_empty: Vec<&'static str>,
    /// Monday first.
    pub weekdays: [u64; 7],
    /// By hour of the day; empty where there are only dates.
    pub hours: Vec<u64>,
    /// Rows per unit in order, with the empty ones; at most 400 (then coarser, see `series_unit`).
    pub series: Vec<(String, u64)>,
    pub series_unit: &'static str,
}

#[derive(Debug, Clone, Default)]
pub struct TargetComparison {
    pub column: String,
    /// The value whose share is compared; `None`: the mean of a number is.
    pub value: Option<String>,
    /// Overall share or mean.
    pub overall: f64,
    pub rows: u64,
    /// Most telling first.
    pub columns: Vec<TargetColumn>,
}

#[derive(Debug, Clone, Default)]
pub struct TargetColumn {
    pub column: String,
    /// Mutual information in bits for a share; the share of variance explained for a mean.
    pub information: f64,
    pub groups: Vec<TargetGroup>,
}

#[derive(Debug, Clone, Default)]
pub struct TargetGroup {
    pub label: String,
    pub rows: u64,
    /// Share or mean of the target in the group.
    pub figure: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub code: &'static str,
    pub severity: Severity,
    pub column: Option<String>,
    /// One sentence, with its figures, without a full stop.
    pub text: String,
    /// Rows concerned.
    pub rows: u64,
    /// What to do about it in Tidemill's terms.
    pub help: Option<String>,
}

/// Reads every row of `scan` once.
pub fn profile(scan: &dyn Scan, options: &ProfileOptions, meter: &Meter) -> Result<Profile> {
    let kept = pass::read(scan, options, meter)?;
    let mut profile = Profile {
        name: options.name.clone(),
        rows: kept.rows,
        rejected: kept.rejected,
        bytes: kept.bytes,
        sampled: (kept.in_memory() as u64 != kept.rows).then_some(kept.in_memory() as u64),
        rejects: kept.rejects.clone(),
        ..Profile::default()
    };
    let of = |column: &String| kept.columns.iter().position(|c| c.name == *column);
    let target = match &options.target {
        None => None,
        Some(wanted) => Some(of(wanted).or_else(|| kept.columns.iter().position(|c| c.label == *wanted)).ok_or_else(|| {
            let near = tidemill_core::problem::did_you_mean(wanted, kept.columns.iter().map(|c| c.name.as_str()));
            let all = || kept.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
            tidemill_core::Error::config(format!("there is no column `{wanted}` to compare by"))
                .help(near.map_or_else(|| format!("the columns are {}", all()), |n| format!("did you mean `{n}`?")))
        })?),
    };
    let check = || if meter.is_cancelled() { Err(tidemill_core::Error::conflict("cancelled")) } else { Ok(()) };
    profile.columns = in_parallel(options.threads, kept.columns.len(), |i| columns::column(&kept, i, options))?;
    check()?;
    profile.keys = keys::keys(&kept, options.threads)?;
    check()?;
    profile.duplicates = duplicates::duplicates(&kept, &profile.keys, options.threads)?;
    check()?;
    profile.identical = keys::identical(&kept);
    profile.dependencies = dependencies::dependencies(&kept, &profile.keys, options.threads)?;
    check()?;
    profile.sources = sources::sources(&kept, &profile.keys);
    check()?;
    profile.mendings = mendings::mendings(&kept, &profile.columns, options.threads)?;
    check()?;
    profile.conditions = conditions::conditions(&kept, options.threads)?;
    check()?;
    profile.correlations = correlations::correlations(&kept, &profile.columns, options.threads)?;
    profile.time = moments::coverage(&kept)?;
    profile.target = target.map(|t| target::compare(&kept, t)).transpose()?;
    profile.findings = findings::findings(&profile, &options.given);
    Ok(profile)
}

/// `work(0)` to `work(n - 1)` on several threads, results in order.
fn in_parallel<T: Send>(threads: usize, n: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let next = AtomicUsize::new(0);
    let done: parking_lot::Mutex<Vec<(usize, Result<T>)>> = parking_lot::Mutex::new(Vec::with_capacity(n));
    let worker = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= n {
                return;
            }
            let result = work(i);
            done.lock().push((i, result));
        }
    };
    std::thread::scope(|s| {
        for _ in 1..threads.min(n).max(1) {
            s.spawn(worker);
        }
        worker();
    });
    let mut done = done.into_inner();
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, r)| r).collect()
}
