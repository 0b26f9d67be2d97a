//! The table of reviews: of three delivered lines, about one.

use super::Shop;
use super::order::LINES_MAX;
use crate::calendar::{DAY, Form, HOUR, SECOND};
use crate::random::Draws;
use crate::table::{Column, Invalid, Rows, Table};
use crate::words::opinions::REVIEWS;

pub struct Reviews<'a>(pub &'a Shop);

impl Table for Reviews<'_> {
    fn name(&self) -> &'static str {
        "reviews"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 7] = [
            Column::key("review_id"),
            Column::key("order_id"),
            Column::key("product_id"),
            Column::key("customer_id"),
            Column::int("rating", Some(Invalid::Rating)),
            Column::text("review"),
            Column::instant("reviewed_at", Form::Seconds),
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
        let Some(delivered) = order.delivered else { return };
        for k in 0..order.lines {
            let mut d = Draws::from_key(shop.streams.review.at(i * LINES_MAX + k));
            // Who is delighted or angry has more to say.
            let keen = if matches!(order.satisfaction, 1 | 5) { 420_000 } else { 260_000 };
            let at = delivered + HOUR + shop.curves.wait(d.next(), 6 * DAY) / SECOND * SECOND;
            if !d.chance(keen) || at > shop.end {
                continue;
            }
            let line = shop.line(i, &order, k);
            let rating = (order.satisfaction + [0, 0, 0, 0, 1, -1][d.below(6) as usize]).clamp(1, 5);
            rows.code(b'R', 11, i * LINES_MAX + k + 1);
            rows.code(b'O', 10, i + 1);
            rows.code(b'P', 9, line.product + 1);
            rows.code(b'C', 9, order.customer + 1);
            rows.int(rating);
            let good = shop.product(line.product).good.name;
            let opinion = *d.pick(REVIEWS[rating as usize - 1]);
            rows.text(|out| {
                let (before, after) = opinion.split_once("{}").unwrap_or((opinion, ""));
                out.extend_from_slice(before.as_bytes());
                if opinion.contains("{}") {
                    out.extend(good.bytes().map(|b| b.to_ascii_lowercase()));
                }
                out.extend_from_slice(after.as_bytes());
            });
            rows.instant(Some(at));
        }
    }
}
