//! One order: who orders what when, how it is paid and sent, and whether somebody cheats.

use super::Shop;
use super::customer::Customer;
use crate::calendar::{DAY, HOUR, SECOND, month_of, weekday};
use crate::distribution::{bell, weighted};
use crate::random::{Draws, below};
use crate::words::goods::CATEGORIES;

pub const STATUSES: &[&str] = &["placed", "processing", "shipped", "delivered", "cancelled", "returned"];
pub const PAYMENTS: &[&str] = &["credit_card", "paypal", "debit_card", "bank_transfer", "invoice", "gift_card"];
pub const DEVICES: &[&str] = &["mobile", "desktop", "app", "tablet"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fraud {
    /// Many small orders within minutes, to see which cards work.
    CardTesting,
    /// Somebody else's account, at night, from another device.
    AccountTakeover,
    /// Dear goods on a card that is not the buyer's.
    StolenCard,
}

impl Fraud {
    pub fn name(self) -> &'static str {
        match self {
            Fraud::CardTesting => "card_testing",
            Fraud::AccountTakeover => "account_takeover",
            Fraud::StolenCard => "stolen_card",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Order {
    pub customer: u64,
    pub at: i64,
    pub fraud: Option<Fraud>,
    pub status: &'static str,
    pub payment: &'static str,
    pub device: &'static str,
    pub discount_percent: i64,
    pub processed: Option<i64>,
    pub shipped: Option<i64>,
    pub delivered: Option<i64>,
    /// 1 to 5, as the customer felt it.
    pub satisfaction: i64,
    pub lines: u64,
    draws: Draws,
    favourite: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub product: u64,
    pub quantity: i64,
    pub unit_price: i64,
}

/// Orders of a block may be one burst of the same customer's.
const BLOCK: u64 = 64;
pub const LINES_MAX: u64 = 8;
const LINES: [u32; LINES_MAX as usize] = [440, 270, 140, 70, 40, 20, 12, 8];
/// Lines per order on average, in thousandths.
pub const LINES_MILLI: u64 = 2142;

/// How often a line holds one piece, two, and so on, of a hundred lines of that price: one buys several tins, but one lawn mower.
fn pieces(price: i64) -> &'static [u32] {
    match price {
        ..1_500 => &[50, 24, 11, 6, 4, 3, 1, 1],
        1_500..10_000 => &[78, 15, 4, 2, 1],
        _ => &[94, 5, 1],
    }
}

/// Pieces in a hundred lines of that price, on average.
pub fn pieces_of_hundred(price: i64) -> u64 {
    pieces(price).iter().zip(1..).map(|(weight, n)| u64::from(*weight) * n).sum()
}

impl Shop {
    /// The first order of the burst that order `i` is part of.
    fn burst(&self, i: u64) -> Option<u64> {
        let mut d = self.streams.burst.draws(i / BLOCK);
        if !d.chance(60_000) {
            return None;
        }
        let (from, length) = (d.below(BLOCK - 8), 3 + d.below(5));
        let first = i / BLOCK * BLOCK + from;
        (first..first + length).contains(&i).then_some(first)
    }

    fn buyer(&self, d: &mut Draws, at: i64) -> u64 {
        for _ in 0..32 {
            let id = self.buyers_strewn.id(self.buyers.rank(d.next()));
            if self.is_active(id, at) {
                return id;
            }
        }
        d.below(self.registered_before())
    }

    pub fn order(&self, i: u64) -> Order {
        let first = self.burst(i);
        let is_live = self.is_live();
        let mut d = self.streams.order.draws(i);
        let mut at = self.times.at(i, self.streams.time.at(i));
        let customer = match first {
            Some(first) => {
                let began = self.times.at(first, self.streams.time.at(first));
                if !is_live {
                    at = (began + (i - first) as i64 * d.between(20, 90) * SECOND).min(self.end - SECOND);
                }
                let mut same = self.streams.order.draws(first);
                same.next();
                self.buyer(&mut same, began)
            }
            None => {
                d.next();
                let mut own = d.clone();
                self.buyer(&mut own, at)
            }
        };
        d = Draws::from_key(self.streams.order.at(i) ^ 0x6f72_6465_7221);
        let fraud = match (first, d.below(1000)) {
            (Some(_), _) => Some(Fraud::CardTesting),
            (None, 0..4) => Some(Fraud::AccountTakeover),
            (None, 4..8) => Some(Fraud::StolenCard),
            _ => None,
        };
        if fraud == Some(Fraud::AccountTakeover) && !is_live {
            // Between one and five at night; never before the customer was there.
            at = (at.div_euclid(DAY) * DAY + HOUR + d.below(4 * 3600) as i64 * SECOND).max(self.registered(customer)).max(self.start);
        }
        let person = self.customer(customer);
        let usual = DEVICES[weighted(person.habits, &[46, 30, 18, 6])];
        let device = match fraud {
            Some(Fraud::AccountTakeover) => *DEVICES.iter().find(|v| **v != usual).unwrap_or(&usual),
            _ if d.chance(200_000) => *d.pick(DEVICES),
            _ => usual,
        };
        let payment = match fraud {
            Some(Fraud::CardTesting | Fraud::StolenCard) => PAYMENTS[weighted(d.next(), &[85, 0, 5, 0, 0, 10])],
            _ => PAYMENTS[weighted(d.next(), &[38, 24, 16, 9, 9, 4])],
        };
        let discount_percent = [0, 5, 10, 15, 20][weighted(d.next(), &[72, 10, 10, 5, 3])];
        let favourite = d.chance(400_000).then(|| (below(person.habits << 20, CATEGORIES.len() as u64)) as usize);
        let lines = match fraud {
            Some(Fraud::CardTesting) => 1,
            _ => 1 + weighted(d.next(), &LINES) as u64,
        };
        let mut order = Order {
            customer,
            at,
            fraud,
            status: STATUSES[0],
            payment,
            device,
            discount_percent,
            processed: None,
            shipped: None,
            delivered: None,
            satisfaction: 3,
            lines,
            draws: d.clone(),
            favourite,
        };
        // Lines draw from here on their own.
        let mut d = Draws::from_key(d.next() ^ 0x7472_6970);
        self.fulfil(&mut order, &person, &mut d, if is_live { at } else { self.end });
        order
    }

    /// The way of an order through the warehouse, as far as it has come by `now`.
    fn fulfil(&self, order: &mut Order, person: &Customer, d: &mut Draws, now: i64) {
        let weekend = if weekday(crate::calendar::day_of(order.at)) >= 4 { d.between(0, 36) * HOUR } else { 0 };
        let rush = if matches!(month_of(order.at), 10 | 11) { d.between(0, 30) * HOUR } else { 0 };
        let cancelled = d.chance(if order.fraud.is_some() { 250_000 } else { 22_000 });
        let processed = order.at + self.curves.wait(d.next(), 9 * HOUR).min(6 * DAY) + 600 * SECOND + weekend + rush;
        let shipped = processed + self.curves.wait(d.next(), 14 * HOUR).min(5 * DAY) + HOUR;
        let far = matches!(person.country.weight, 0..30);
        let delivered =
            shipped + d.between(18, 60) * HOUR + if far { d.between(24, 144) * HOUR } else { 0 } + self.curves.wait(d.next(), 16 * HOUR);
        let days = (delivered - order.at) / DAY;
        // Waiting costs goodwill, a coupon brings some.
        let mood = person.mood - 28 * (days - 3).max(0) + 4 * order.discount_percent + bell(d.next()) * 150 / 256;
        order.satisfaction = (1 + mood.max(0) / 200).clamp(1, 5);
        // Some goods come back more often, and more so from whom is not content.
        let usual = order.favourite.map_or(5, |f| CATEGORIES[f].returned_percent);
        let returned = d.below(100) < u64::from(if order.satisfaction <= 2 { 2 * usual + 5 } else { usual });
        let reached = |t: i64| (t <= now).then_some(t / SECOND * SECOND);
        if cancelled {
            order.status = if order.at + 6 * HOUR <= now { "cancelled" } else { "placed" };
            order.satisfaction = order.satisfaction.min(3);
            return;
        }
        order.processed = reached(processed);
        order.shipped = reached(shipped);
        order.delivered = reached(delivered);
        order.status = match (order.processed, order.shipped, order.delivered) {
            (_, _, Some(at)) if returned && at + 7 * DAY <= now => "returned",
            (_, _, Some(_)) => "delivered",
            (_, Some(_), None) => "shipped",
            // Being packed: begun, not yet sent.
            (Some(_), None, None) => "processing",
            _ => "placed",
        };
    }

    /// Line `k` of an order.
    pub fn line(&self, i: u64, order: &Order, k: u64) -> Line {
        let mut d = Draws::from_key(self.streams.line.at(i * LINES_MAX + k) ^ order.draws.clone().next());
        let mut product = self.chosen(&mut d, order.at, order.favourite);
        let mut facts = self.product(product);
        let mut price = self.sold_for(product, &facts, order.at);
        let wanted = match order.fraud {
            Some(Fraud::StolenCard | Fraud::AccountTakeover) => 20_000..i64::MAX,
            Some(Fraud::CardTesting) => 0..2_500,
            None => 0..i64::MAX,
        };
        for _ in 0..24 {
            if wanted.contains(&price) {
                break;
            }
            product = d.below(self.products);
            facts = self.product(product);
            price = self.sold_for(product, &facts, order.at);
        }
        let quantity = 1 + weighted(d.next(), pieces(price)) as i64;
        Line { product, quantity, unit_price: price }
    }
}
