//! One wide table of orders, each with its customer, product and shipment, as many shops export them.

use super::Shop;
use crate::calendar::{DAY, day_of};
use crate::random::Draws;
use crate::table::{Cell, Column, Invalid, Kind, Rows, Table};
use crate::words::Lexicon;

pub struct Wide<'a>(pub &'a Shop);

impl Table for Wide<'_> {
    fn name(&self) -> &'static str {
        "orders"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 15] = [
            Column::key("customer:CustomerID"),
            Column::text("customer:Name"),
            Column::int("customer:Age", Some(Invalid::Age)),
            Column::word("customer:Country", Lexicon::Countries),
            Column::date("customer:RegistrationDate"),
            Column::date("order:OrderDate"),
            Column::int("order:Quantity", Some(Invalid::Quantity)),
            Column::decimal("order:TotalAmount", Some(Invalid::Amount)),
            Column::key("product:ProductID"),
            Column::word("product:ProductName", Lexicon::Open),
            Column::word("product:Category", Lexicon::Categories),
            Column::decimal("product:Price", Some(Invalid::Amount)),
            Column::text("shipment:ShippingAddress"),
            Column::date("shipment:ShippingDate"),
            Column::key("row_key"),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[14]
    }
    fn units(&self) -> u64 {
        self.0.orders
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let shop = self.0;
        let order = shop.order(i);
        let line = shop.line(i, &order, 0);
        let (customer, product) = (shop.customer(order.customer), shop.product(line.product));
        let mut d = Draws::from_key(shop.streams.review.at(i));
        rows.code(b'C', 9, order.customer + 1);
        rows.text(|out| customer.write_name(out));
        rows.int(customer.age);
        rows.word(customer.country.name);
        rows.push(Cell::Date(day_of(shop.registered(order.customer))));
        rows.push(Cell::Date(day_of(order.at)));
        rows.int(line.quantity);
        rows.push(Cell::Hundredths(line.quantity * line.unit_price));
        rows.code(b'P', 9, line.product + 1);
        rows.text(|out| product.write_name(out));
        rows.word(product.category.name);
        rows.push(Cell::Hundredths(line.unit_price));
        rows.text(|out| customer.write_address(d.next(), out));
        // Planned, where it has not been sent yet.
        rows.push(Cell::Date(day_of(order.shipped.unwrap_or(order.at + d.between(1, 4) * DAY))));
        rows.code(b'R', 10, i + 1);
    }
}

/// Which rows are fraud, and how content their customers were: for the truth only.
pub struct WideLabels<'a>(pub &'a Shop);

impl Table for WideLabels<'_> {
    fn name(&self) -> &'static str {
        "labels_orders"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 5] = [
            Column::key("row_key"),
            Column::sound("fraud", Kind::Bool),
            Column::sound("pattern", Kind::Text),
            Column::sound("satisfaction", Kind::Int),
            Column::sound("customer_churned", Kind::Bool),
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
        rows.code(b'R', 10, i + 1);
        rows.push(Cell::Bool(order.fraud.is_some()));
        rows.push(order.fraud.map_or(Cell::Null, |f| Cell::Word(f.name())));
        rows.int(order.satisfaction);
        rows.push(Cell::Bool(self.0.left(order.customer).is_some()));
    }
}
