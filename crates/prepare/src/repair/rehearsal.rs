//! What `repair` with `frequent` would do to a column whose values are counted already, so that nobody need promise what a run does not do.

use super::evidence::{Group, Groups, Spelt};
use super::frequent;
use super::matcher::Matcher;
use super::{LISTED_MIN, Meant, Repair, Says, find};
use crate::measure::hasher;
use hashbrown::HashMap;
use tidemill_core::Result;
use tidemill_project::spec::{Otherwise, RepairTo};

/// As the rule has them when a project says nothing else.
const COUNT_MIN: u64 = 10;
const RATIO_MIN: f64 = 10.0;
const CONFIDENCE_MIN: f64 = 0.8;

/// A spelling, what it would be brought to, and how sure that is.
pub(crate) struct Slip {
    pub from: String,
    pub to: String,
    pub rows: u64,
    pub confidence: f64,
    pub is_made: bool,
}

/// The columns beside one: for each of its values, how often each of theirs.
#[derive(Default)]
pub(crate) struct Table(Vec<Groups>);

impl Table {
    /// A further column, cell by cell: the value of the column that is to be mended, and its own.
    pub(crate) fn add<'a>(&mut self, cells: impl Iterator<Item = (&'a str, u32)>) {
        let mut groups: HashMap<Box<str>, Group, _> = HashMap::with_hasher(hasher());
        let mut rows = 0;
        for (value, other) in cells {
            rows += 1;
            let group: &mut Group = groups.entry_ref(value).or_default();
            match other {
                0 => group.missing += 1,
                other => {
                    group.add(&other.to_string(), 1);
                }
            }
        }
        self.0.push(Groups::of(groups, rows));
    }
}

/// What the rule would make of these spellings, surest first.
pub(crate) fn rehearse<'a>(counts: impl Iterator<Item = (&'a str, u64)>, beside: &Table) -> Result<Vec<Slip>> {
    let spelt = Spelt::of(counts.map(|(t, n)| (Box::from(t), n)).collect::<Vec<_>>());
    let rule = Repair {
        to: RepairTo::Frequent { count_min: COUNT_MIN, ratio_min: RATIO_MIN },
        distance_max: 2,
        confidence_min: CONFIDENCE_MIN,
        ignore_case: true,
        trim: true,
        otherwise: Otherwise::Keep,
        columns: 1,
    };
    let fitted = frequent::learn(&rule, &[&spelt], &beside.0.iter().collect::<Vec<_>>(), COUNT_MIN, RATIO_MIN)?;
    let (matcher, parts) = frequent::ready(&rule, &fitted, COUNT_MIN, RATIO_MIN)?;
    let says = fitted.get("model").map(Says::from_json).unwrap_or_default();
    let mut out: Vec<Slip> = Vec::new();
    for (from, rows) in &spelt.counts {
        let meant = find(&matcher, parts.as_ref(), Some(&says), from);
        out.extend(slip(&matcher, from, *rows, &meant));
    }
    out.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(b.rows.cmp(&a.rows)).then_with(|| a.from.cmp(&b.from)));
    Ok(out)
}

fn slip(matcher: &Matcher, from: &str, rows: u64, meant: &Meant) -> Option<Slip> {
    let (to, confidence) = match meant {
        Meant::Canon(at, sure) => (matcher.text(*at), *sure),
        Meant::Text(to, sure) => (&**to, *sure),
        Meant::Itself | Meant::Nothing => return None,
    };
    (to != from && confidence >= LISTED_MIN).then(|| Slip {
        from: from.to_string(),
        to: to.to_string(),
        rows,
        confidence,
        is_made: matcher.is_made(meant),
    })
}
