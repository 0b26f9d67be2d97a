//! The table of stock movements: sales when orders are sent, returns, and purchases that keep up with what is expected to be sold.
//!
//! `products.stock` is what lay there when the period began; with the sum of a product's movements it is what lies there at the end.

use super::Shop;
use super::order::{LINES_MAX, LINES_MILLI, pieces_of_hundred};
use crate::calendar::{DAY, Form};
use crate::random::Draws;
use crate::table::{Cell, Column, Rows, Table};
use crate::words::Lexicon;

const KINDS: &[&str] = &["sale", "return", "purchase", "adjustment"];

/// A product is bought anew so many times in the period: every month of it.
fn rounds(shop: &Shop) -> u64 {
    ((shop.end - shop.start) / (30 * DAY)).clamp(1, 1200) as u64
}

/// Units of a product (by its rank) that are expected to be sold between two purchases, in 256ths.
fn expected(shop: &Shop, rank: u64) -> (u64, u64) {
    let (id, lines) = shop.expected_lines(rank, shop.orders * LINES_MILLI / 1000);
    let price = shop.price(id, &shop.product(id), shop.start);
    (id, lines * pieces_of_hundred(price) / 100 / rounds(shop))
}

/// What lies there when the period begins.
pub fn opening(shop: &Shop, id: u64) -> i64 {
    let rank = shop.sellers_strewn.rank_of(id);
    let (_, units) = expected(shop, rank);
    let mut d = shop.streams.stock.draws(id);
    (units * 2 / 256) as i64 + 3 + d.below(12) as i64
}

pub struct StockMovements<'a>(pub &'a Shop);

impl StockMovements<'_> {
    /// Ranks of the products that are bought when order `i` comes in: all of them, once per round.
    fn bought(&self, i: u64) -> std::ops::Range<u64> {
        let shop = self.0;
        let round = (shop.orders / rounds(shop)).max(1);
        let place = |k: u64| (u128::from(shop.products) * u128::from(k) / u128::from(round)) as u64;
        place(i % round)..place(i % round + 1)
    }
}

impl Table for StockMovements<'_> {
    fn name(&self) -> &'static str {
        "stock_movements"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 6] = [
            Column::key("movement_id"),
            Column::key("product_id"),
            Column::key("order_id"),
            Column::word("kind", Lexicon::Among(KINDS)),
            Column::int("quantity", None),
            Column::instant("moved_at", Form::Seconds),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.orders
    }
    fn copied_rows_max(&self) -> u64 {
        LINES_MAX
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let shop = self.0;
        let order = shop.order(i);
        let mut number = 0;
        let mut push = |product: u64, order: Option<u64>, kind: &'static str, quantity: i64, at: i64| {
            number += 1;
            rows.text(|out| {
                out.push(b'M');
                crate::digits::padded(i + 1, 10, out);
                out.push(b'-');
                crate::digits::unsigned(number, out);
            });
            rows.code(b'P', 9, product + 1);
            rows.push(order.map_or(Cell::Null, |o| Cell::Code { letter: b'O', width: 10, number: o + 1 }));
            rows.word(kind);
            rows.int(quantity);
            rows.instant(Some(at));
        };
        for rank in self.bought(i) {
            let (id, units) = expected(shop, rank);
            let mut d = Draws::from_key(shop.streams.stock.at(id).wrapping_add(i));
            // What is expected, a little more or less; parts of a unit by chance.
            let units = (units * (90 + d.below(30)) / 100 + d.below(256)) / 256;
            if units > 0 {
                push(id, None, "purchase", units as i64, order.at);
            }
            if d.chance(8_000) {
                push(id, None, "adjustment", -(1 + d.below(2) as i64), order.at);
            }
        }
        // Of an order that has only just come the pieces are taken from the shelf at once: nobody follows it until it is sent.
        let Some(shipped) = order.shipped.or(shop.is_live().then_some(order.at)) else { return };
        for k in 0..order.lines {
            let line = shop.line(i, &order, k);
            push(line.product, Some(i), "sale", -line.quantity, shipped);
            if order.status == "returned"
                && let Some(delivered) = order.delivered
            {
                push(line.product, Some(i), "return", line.quantity, delivered + 7 * DAY);
            }
        }
    }
}
