//! The tables of orders and their lines, and which orders are fraud.

use super::Shop;
use super::order::{DEVICES, LINES_MAX, PAYMENTS, STATUSES};
use crate::calendar::Form;
use crate::table::{Cell, Column, Invalid, Kind, Rows, Table};
use crate::words::Lexicon;

pub struct Orders<'a>(pub &'a Shop);

impl Table for Orders<'_> {
    fn name(&self) -> &'static str {
        "orders"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 10] = [
            Column::key("order_id"),
            Column::key("customer_id"),
            Column::word("status", Lexicon::Among(STATUSES)),
            Column::word("payment", Lexicon::Among(PAYMENTS)),
            Column::word("device", Lexicon::Among(DEVICES)),
            Column::decimal("discount", Some(Invalid::Amount)),
            Column::instant("ordered_at", Form::Seconds),
            Column::instant("processed_at", Form::Seconds),
            Column::instant("shipped_at", Form::Seconds),
            Column::instant("delivered_at", Form::Seconds),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.orders
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let order = self.0.order(i);
        rows.code(b'O', 10, i + 1);
        rows.code(b'C', 9, order.customer + 1);
        rows.word(order.status);
        rows.word(order.payment);
        rows.word(order.device);
        rows.push(Cell::Hundredths(order.discount_percent));
        rows.instant(Some(order.at));
        rows.instant(order.processed);
        rows.instant(order.shipped);
        rows.instant(order.delivered);
    }
}

pub struct OrderLines<'a>(pub &'a Shop);

impl Table for OrderLines<'_> {
    fn name(&self) -> &'static str {
        "order_lines"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 5] = [
            Column::key("order_id"),
            Column::sound("line", Kind::Int),
            Column::key("product_id"),
            Column::int("quantity", Some(Invalid::Quantity)),
            Column::decimal("unit_price", Some(Invalid::Amount)),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0, 1]
    }
    fn units(&self) -> u64 {
        self.0.orders
    }
    fn copied_rows_max(&self) -> u64 {
        LINES_MAX
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let order = self.0.order(i);
        for k in 0..order.lines {
            let line = self.0.line(i, &order, k);
            rows.code(b'O', 10, i + 1);
            rows.int(k as i64 + 1);
            rows.code(b'P', 9, line.product + 1);
            rows.int(line.quantity);
            rows.push(Cell::Hundredths(line.unit_price));
        }
    }
}

/// Which orders are fraud, and how content their customers were: for the truth only.
pub struct OrderLabels<'a>(pub &'a Shop);

impl Table for OrderLabels<'_> {
    fn name(&self) -> &'static str {
        "labels_orders"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 4] = [
            Column::key("order_id"),
            Column::sound("fraud", Kind::Bool),
            Column::sound("pattern", Kind::Text),
            Column::sound("satisfaction", Kind::Int),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.orders
    }
    fn is_label(&self) -> bool {
        true
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let order = self.0.order(i);
        rows.code(b'O', 10, i + 1);
        rows.push(Cell::Bool(order.fraud.is_some()));
        rows.push(order.fraud.map_or(Cell::Null, |f| Cell::Word(f.name())));
        rows.int(order.satisfaction);
    }
}
