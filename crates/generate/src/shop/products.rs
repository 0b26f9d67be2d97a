//! The table of products.

use super::Shop;
use super::stock::opening;
use crate::calendar::SECOND;
use crate::table::{Cell, Column, Invalid, Rows, Table};
use crate::words::Lexicon;

pub struct Products<'a>(pub &'a Shop);

impl Table for Products<'_> {
    fn name(&self) -> &'static str {
        "products"
    }
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 7] = [
            Column::key("product_id"),
            Column::text("name"),
            Column::word("category", Lexicon::Categories),
            Column::word("supplier", Lexicon::Suppliers),
            Column::decimal("price", Some(Invalid::Amount)),
            Column::decimal("cost", Some(Invalid::Amount)),
            Column::int("stock", None),
        ];
        &COLUMNS
    }
    fn key(&self) -> &'static [usize] {
        &[0]
    }
    fn units(&self) -> u64 {
        self.0.products
    }
    fn unit(&self, i: u64, rows: &mut Rows) {
        let product = self.0.product(i);
        rows.code(b'P', 9, i + 1);
        rows.text(|out| product.write_name(out));
        rows.word(product.category.name);
        rows.word(product.supplier);
        rows.push(Cell::Hundredths(self.0.price(i, &product, self.0.end - SECOND)));
        rows.push(Cell::Hundredths(product.cost));
        rows.int(opening(self.0, i));
    }
}
