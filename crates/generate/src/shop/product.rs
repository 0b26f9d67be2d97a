//! One product: what it is, who supplies it, and what it costs when.

use super::Shop;
use crate::calendar::{DAY, day_of, month_of};
use crate::digits::padded;
use crate::period::sale;
use crate::random::{Draws, below, mix};
use crate::words::goods::{BRANDS, CATEGORIES, Category, Good};

#[derive(Debug, Clone, Copy)]
pub struct Product {
    pub category: &'static Category,
    pub good: &'static Good,
    pub supplier: &'static str,
    /// Before any change of prices, in cents.
    base: i64,
    pub cost: i64,
    name: u64,
}

impl Shop {
    pub fn category(&self, product: u64) -> usize {
        category(self.streams.product.at(product))
    }

    pub fn product(&self, id: u64) -> Product {
        let key = self.streams.product.at(id);
        let category = &CATEGORIES[category(key)];
        let mut d = Draws::from_key(key);
        let good = d.pick(category.goods);
        let supplier = *d.pick(category.suppliers);
        let (low, high) = good.cents;
        // Cheap ones are more: the square of an even draw.
        let share = d.below(1 << 16) as i64;
        let base = low + (((high - low) * share) >> 16) * share / (1 << 16);
        let cost = base * d.between(42, 74) / 100;
        Product { category, good, supplier, base, cost, name: d.next() }
    }

    /// The list price at an instant: it changes a little each quarter.
    pub fn price(&self, id: u64, product: &Product, at: i64) -> i64 {
        let quarter = at.div_euclid(91 * DAY) as u64;
        let drift = below(mix(self.streams.price.at(id) ^ quarter), 13) as i64 - 5;
        shelf(product.base * (100 + drift) / 100)
    }

    /// What it is sold for: the list price, less what a sale takes off some products.
    pub fn sold_for(&self, id: u64, product: &Product, at: i64) -> i64 {
        let price = self.price(id, product, at);
        match sale(day_of(at)) {
            Some((number, off)) if below(mix(self.streams.price.at(id) ^ (number as u64) << 40), 100) < 40 => {
                shelf(price * (100 - off) / 100)
            }
            _ => price,
        }
    }

    /// A product that somebody buys at an instant: well-known ones more often, each category in its season.
    pub fn chosen(&self, d: &mut Draws, at: i64, favourite: Option<usize>) -> u64 {
        let month = month_of(at);
        let mut id = 0;
        for attempt in 0..8 {
            id = self.sellers_strewn.id(self.sellers.rank(d.next()));
            let category = self.category(id);
            let in_season = d.below(160) < u64::from(CATEGORIES[category].months[month]);
            if in_season && (attempt > 5 || favourite.is_none_or(|f| f == category)) {
                break;
            }
        }
        id
    }

    /// How many orders' lines of `lines` a product is expected in, in 256ths; by its rank.
    pub fn expected_lines(&self, rank: u64, lines: u64) -> (u64, u64) {
        (self.sellers_strewn.id(rank), self.sellers.expected(rank, lines))
    }
}

/// Which category a product is of: the weighted choice, by its first draw.
fn category(key: u64) -> usize {
    const TOTAL: u64 = {
        let (mut sum, mut i) = (0, 0);
        while i < CATEGORIES.len() {
            sum += CATEGORIES[i].weight as u64;
            i += 1;
        }
        sum
    };
    let mut left = below(key, TOTAL);
    CATEGORIES.iter().position(|c| left.checked_sub(u64::from(c.weight)).map(|rest| left = rest).is_none()).unwrap_or_default()
}

/// A price as shops write them: 4.49, 12.99, 149.00.
fn shelf(cents: i64) -> i64 {
    if cents >= 20_000 {
        cents / 500 * 500 + 400
    } else if cents >= 1000 {
        cents / 100 * 100 + 99
    } else {
        cents / 50 * 50 + 49
    }
}

impl Product {
    /// `Aurora Kettle KT-204`
    pub fn write_name(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(BRANDS[(self.name % BRANDS.len() as u64) as usize].as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.good.name.as_bytes());
        out.push(b' ');
        let model = self.name >> 8;
        out.push(b'A' + (model % 26) as u8);
        out.push(b'A' + (model / 26 % 26) as u8);
        out.push(b'-');
        padded(model / 676 % 1000, 3, out);
    }
}
