//! Rows that may still change, in pages by moment: a change touches the page it lies in, so that whoever keeps a copy of each page (decoded rows, a
//! file) makes no others anew. Rows of one moment lie in pages by their hash, which a change among many that never settle finds as well.

use crate::rows::Bytes;
use arrow::array::RecordBatch;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use tidemill_core::{Error, Result};

/// The moment of rows that never settle.
pub(crate) const NEVER: i64 = i64::MAX;
/// What an entry takes beside its row.
const ENTRY: usize = 72;
/// Rows of a page: so many, or more where there would be too many pages.
const PAGE_ROWS: u64 = 4096;
const PAGES: u64 = 64;

/// Where a row lies: its moment, and its hash.
type Place = (i64, u64);
const FIRST: Place = (i64::MIN, 0);

pub(crate) struct Pages {
    /// By the place where each begins; there always is one that begins at the first.
    pages: BTreeMap<Place, Page>,
    places: ahash::RandomState,
    pub(crate) rows: u64,
    pub(crate) bytes: usize,
    next_id: u64,
}

pub(crate) struct Page {
    pub(crate) id: u64,
    /// Grows when somebody looks and it is not what it was.
    pub(crate) version: u64,
    rows: HashMap<Bytes, Held, ahash::RandomState>,
    /// No row has an earlier moment.
    least: i64,
    changed: Changed,
    /// Its rows as they are shown, once somebody wanted them.
    shown: Option<Vec<RecordBatch>>,
}

/// What happened to a page since somebody looked: operators take rows back and give them again, and then nothing is other than it was.
enum Changed {
    Rows(HashMap<Bytes, i64, ahash::RandomState>),
    /// More than is worth counting.
    Much,
}

/// So many changes are counted one by one.
const COUNTED: usize = 256;

#[derive(Clone, Copy)]
struct Held {
    moment: i64,
    /// How often the row is there.
    count: i64,
}

impl Page {
    fn new(id: u64) -> Page {
        Page { id, version: 0, rows: HashMap::default(), least: NEVER, changed: Changed::Much, shown: None }
    }

    fn note(&mut self, row: &[u8], weight: i64) {
        let Changed::Rows(rows) = &mut self.changed else { return };
        if let Some(sum) = rows.get_mut(row) {
            *sum += weight;
        } else if rows.len() < COUNTED {
            rows.insert(row.into(), weight);
        } else {
            self.changed = Changed::Much;
        }
    }

    /// Its rows as `show` shows them, made anew where something is other than it was.
    pub(crate) fn shown(&mut self, show: impl FnOnce(&Page) -> Result<Vec<RecordBatch>>) -> Result<&[RecordBatch]> {
        let is_same = matches!(&self.changed, Changed::Rows(rows) if rows.values().all(|sum| *sum == 0));
        if !is_same {
            self.version += 1;
            self.shown = None;
        }
        if self.shown.is_none() {
            self.shown = Some(show(self)?);
        }
        self.changed = Changed::Rows(HashMap::default());
        Ok(self.shown.as_deref().unwrap_or_default())
    }

    /// Each row with how often it is there.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&[u8], i64)> {
        self.rows.iter().map(|(row, held)| (row.as_ref(), held.count))
    }
}

impl Pages {
    pub(crate) fn new() -> Pages {
        let places = ahash::RandomState::with_seeds(1, 2, 3, 4);
        Pages { pages: BTreeMap::from([(FIRST, Page::new(0))]), places, rows: 0, bytes: 0, next_id: 1 }
    }

    pub(crate) fn add(&mut self, row: &[u8], moment: i64, weight: i64) -> Result<()> {
        // While there is one page nobody needs to know where in it.
        let place = if self.pages.len() == 1 { FIRST } else { (moment, self.places.hash_one(row)) };
        let Some((&start, page)) = self.pages.range_mut(..=place).next_back() else { return Err(Error::bug("there is no first page")) };
        page.note(row, weight);
        match page.rows.get_mut(row) {
            Some(held) => {
                held.count += weight;
                if held.count == 0 {
                    page.rows.remove(row);
                    self.bytes -= row.len() + ENTRY;
                    self.rows -= 1;
                    if page.rows.is_empty() && start != FIRST {
                        self.pages.remove(&start);
                    }
                }
            }
            None => {
                page.rows.insert(row.into(), Held { moment, count: weight });
                page.least = page.least.min(moment);
                self.bytes += row.len() + ENTRY;
                self.rows += 1;
                if page.rows.len() as u64 > 2 * PAGE_ROWS.max(self.rows / PAGES) {
                    self.split(start);
                }
            }
        }
        Ok(())
    }

    /// Makes two pages of one.
    fn split(&mut self, start: Place) {
        let Some(page) = self.pages.get_mut(&start) else { return };
        let place = |row: &[u8], held: &Held| (held.moment, self.places.hash_one(row));
        let mut all: Vec<Place> = page.rows.iter().map(|(row, held)| place(row, held)).collect();
        let middle = all.len() / 2;
        let (_, &mut middle, _) = all.select_nth_unstable(middle);
        let mut other = Page::new(self.next_id);
        other.rows = page.rows.extract_if(|row, held| place(row, held) >= middle).collect();
        if page.rows.is_empty() {
            // They all lie at one place.
            std::mem::swap(&mut page.rows, &mut other.rows);
            return;
        }
        for page in [&mut *page, &mut other] {
            page.least = page.rows.values().map(|held| held.moment).min().unwrap_or(NEVER);
            page.changed = Changed::Much;
        }
        self.next_id += 1;
        self.pages.insert(middle, other);
    }

    /// Takes out what lies before a moment: rows with how often they are there, in the order of their moments.
    pub(crate) fn take_before(&mut self, frontier: i64) -> Vec<(Bytes, i64)> {
        let mut taken: Vec<(Bytes, Held)> = Vec::new();
        let is_before = |moment: i64| moment < frontier && moment != NEVER;
        self.pages.retain(|start, page| {
            if start.0 >= frontier || !is_before(page.least) {
                return true;
            }
            let so_far = taken.len();
            taken.extend(page.rows.extract_if(|_, held| is_before(held.moment)));
            page.least = page.rows.values().map(|held| held.moment).min().unwrap_or(NEVER);
            if taken.len() > so_far {
                page.changed = Changed::Much;
            }
            *start == FIRST || !page.rows.is_empty()
        });
        taken.sort_unstable_by(|(a, of_a), (b, of_b)| (of_a.moment, a).cmp(&(of_b.moment, b)));
        self.rows -= taken.len() as u64;
        self.bytes -= taken.iter().map(|(row, _)| row.len() + ENTRY).sum::<usize>();
        taken.into_iter().map(|(row, held)| (row, held.count)).collect()
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = &Page> {
        self.pages.values().filter(|p| !p.rows.is_empty())
    }

    pub(crate) fn each_mut(&mut self) -> impl Iterator<Item = &mut Page> {
        self.pages.values_mut().filter(|p| !p.rows.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u64) -> [u8; 8] {
        n.to_be_bytes()
    }

    fn versions(pages: &mut Pages) -> BTreeMap<u64, u64> {
        pages.each_mut().for_each(|p| drop(p.shown(|_| Ok(Vec::new())).unwrap().to_vec()));
        pages.each().map(|p| (p.id, p.version)).collect()
    }

    fn held(pages: &Pages) -> BTreeMap<u64, i64> {
        pages.each().flat_map(Page::rows).map(|(row, count)| (u64::from_be_bytes(row.try_into().unwrap()), count)).collect()
    }

    #[test]
    fn a_change_touches_one_page_of_many() {
        for moment in [|n: u64| n as i64 / 10, |_| NEVER] {
            let mut pages = Pages::new();
            for n in 0..100_000 {
                pages.add(&row(n), moment(n), 1).unwrap();
            }
            let before = versions(&mut pages);
            assert!((12..=64).contains(&before.len()), "{} pages", before.len());
            pages.add(&row(777), moment(777), 1).unwrap();
            pages.add(&row(778), moment(778), -1).unwrap();
            let after = versions(&mut pages);
            let changed = after.iter().filter(|(id, version)| before.get(id) != Some(version)).count();
            assert!((1..=2).contains(&changed), "{changed}");
            // What is taken back and given again changes nothing.
            for weight in [-1, 1] {
                (5_000..5_100).for_each(|n| pages.add(&row(n), moment(n), weight).unwrap());
            }
            assert_eq!(versions(&mut pages), after);
            let held = held(&pages);
            assert_eq!((held.len(), held[&777], held.get(&778), pages.rows), (99_999, 2, None, 99_999));
        }
    }

    #[test]
    fn what_settles_leaves_in_the_order_of_time_and_what_is_left_stays() {
        let mut pages = Pages::new();
        let never = |n: u64| n.is_multiple_of(7);
        for n in (0..60_000).rev() {
            pages.add(&row(n), if never(n) { NEVER } else { n as i64 / 3 }, 1).unwrap();
        }
        assert!(pages.take_before(0).is_empty());
        let mut left: BTreeMap<u64, i64> = (0..60_000).map(|n| (n, 1)).collect();
        for frontier in [1, 2, 5_000, 19_999, 30_000] {
            let before = versions(&mut pages);
            let taken: Vec<u64> =
                pages.take_before(frontier).iter().map(|(r, _)| u64::from_be_bytes(r.as_ref().try_into().unwrap())).collect();
            let expected: Vec<u64> = left.keys().copied().filter(|n| !never(*n) && (*n as i64 / 3) < frontier).collect();
            assert_eq!(taken, expected, "before {frontier}");
            left.retain(|n, _| !expected.contains(n));
            assert_eq!((held(&pages), pages.rows), (left.clone(), left.len() as u64));
            let touched = versions(&mut pages).iter().filter(|(id, version)| before.get(id) != Some(version)).count();
            assert!(touched <= 2, "{touched} pages are others than they were, beside those that are gone");
        }
        for n in left.keys() {
            pages.add(&row(*n), NEVER, -1).unwrap();
        }
        assert_eq!((pages.rows, pages.bytes, pages.each().count()), (0, 0, 0));
    }
}
