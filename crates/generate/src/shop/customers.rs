//! The table of customers, and what is hidden of them.

use super::Shop;
use super::customer::{Customer, GENDERS, SEGMENTS};
use crate::calendar::Form;
use crate::table::{Cell, Column, Invalid, Kind, Rows, Table};
use crate::words::Lexicon;

/// Columns of a customer from `customer_id` on, as other tables repeat them.
pub const COLUMNS: [Column; 9] = [
    Column::key("customer_id"),
    Column::email("email"),
    Column::text("name"),
    Column::word("gender", Lexicon::Among(GENDERS)),
    Column::int("age", Some(Invalid::Age)),
    Column::word("city", Lexicon::Cities),
    Column::word("region", Lexicon::Regions),
    Column::word("country", Lexicon::Countries),
    Column::instant("registered_at", Form::Seconds),
];

pub struct Customers<'a>(pub &'a Shop);

impl Table for Customers<'_> {
    fn name(&self) -> &'static str {
        "customers"
    }
    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.customers
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        push(&self.0.customer(i), i, self.0.registered(i), rows);
    }
}

pub fn push(customer: &Customer, id: u64, registered: i64, rows: &mut Rows) {
    rows.code(b'C', 9, id + 1);
    rows.text(|out| customer.write_email(id, out));
    rows.text(|out| customer.write_name(out));
    rows.word(customer.gender);
    rows.int(customer.age);
    rows.word(customer.city);
    rows.word(customer.region);
    rows.word(customer.country.name);
    rows.instant(Some(registered));
}

/// Who turned away, and who is content: for the truth only.
pub struct CustomerLabels<'a>(pub &'a Shop);

impl Table for CustomerLabels<'_> {
    fn name(&self) -> &'static str {
        "labels_customers"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 5] = [
            Column::key("customer_id"),
            Column::sound("segment", Kind::Text),
            Column::sound("churned", Kind::Bool),
            Column::sound("churned_at", Kind::Instant(Form::Seconds)),
            Column::sound("satisfaction", Kind::Decimal),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.customers
    }
    fn is_label(&self) -> bool {
        true
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let left = self.0.left(i);
        rows.code(b'C', 9, i + 1);
        rows.word(SEGMENTS[self.0.segment(i)]);
        rows.push(Cell::Bool(left.is_some()));
        rows.instant(left);
        // Moods are thousandths, satisfaction goes from 1.00 to 5.00.
        rows.push(Cell::Hundredths(100 + self.0.customer(i).mood * 400 / 1000));
    }
}
