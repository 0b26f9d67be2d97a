//! Which tables each kind has.

use crate::nexmark::{Auctions, Bids, Nexmark, Persons};
use crate::options::{Options, What};
use crate::sensors::{SensorLabels, Sensors};
use crate::shop::Shop;
use crate::shop::customers::{CustomerLabels, Customers};
use crate::shop::orders::{OrderLabels, OrderLines, Orders};
use crate::shop::products::Products;
use crate::shop::reviews::Reviews;
use crate::shop::stock::StockMovements;
use crate::shop::updates::CustomerChanges;
use crate::shop::wide::{Wide, WideLabels};
use crate::table::Table;
use crate::transactions::{TransactionLabels, Transactions};
use tidemill_core::{Error, Result};

/// Customers and products of a shop that takes orders live.
const LIVE_CUSTOMERS: u64 = 10_000;
const LIVE_PRODUCTS: u64 = 1_000;

/// A table, and whether its rows come as time goes where rows come at a rate.
pub struct Listed<'a> {
    pub table: &'a dyn Table,
    pub flows: bool,
}

/// Hands the tables that are asked for to `work`, label tables after those they belong to.
pub fn with_tables<R>(options: &Options, work: impl FnOnce(&[Listed<'_>]) -> Result<R>) -> Result<R> {
    options.check()?;
    let base = options.base_rows();
    let live = options.live.is_some();
    match options.what {
        What::Shop if options.updates => {
            let customers = CustomerChanges::customers(options.rows.min(base));
            let shop = Shop::new(options, customers, 1, options.rows);
            let changes = CustomerChanges { shop: &shop, changes: options.rows };
            work(&chosen(options, &[(&changes, true)])?)
        }
        What::Shop => {
            let begins = live && options.after == 0;
            let (customers, products) = if begins { (LIVE_CUSTOMERS, LIVE_PRODUCTS) } else { (base, base) };
            let orders = if options.after > 0 { base } else { options.rows };
            let shop = Shop::new(options, customers, products, orders);
            let all: [(&dyn Table, bool); 8] = [
                (&Customers(&shop), false),
                (&CustomerLabels(&shop), false),
                (&Products(&shop), false),
                (&Orders(&shop), true),
                (&OrderLabels(&shop), true),
                (&OrderLines(&shop), true),
                (&Reviews(&shop), true),
                (&StockMovements(&shop), true),
            ];
            // What follows on an order days later has not happened yet; a warehouse that goes on is there already.
            let now = match (live, begins) {
                (false, _) => all.to_vec(),
                (true, false) => [&all[..6], &all[7..]].concat(),
                (true, true) => all[..6].to_vec(),
            };
            work(&chosen(options, &now)?)
        }
        What::Orders => {
            let shop = Shop::new(options, base / 5, base / 20, options.rows);
            work(&chosen(options, &[(&Wide(&shop), true), (&WideLabels(&shop), true)])?)
        }
        What::Transactions => {
            let transactions = Transactions::new(options);
            work(&chosen(options, &[(&transactions, true), (&TransactionLabels(&transactions), true)])?)
        }
        What::Sensors => {
            let sensors = Sensors::new(options);
            work(&chosen(options, &[(&sensors, true), (&SensorLabels(&sensors), true)])?)
        }
        What::Nexmark => {
            let events = Nexmark::new(options);
            work(&chosen(options, &[(&Persons(&events), true), (&Auctions(&events), true), (&Bids(&events), true)])?)
        }
    }
}

fn chosen<'a>(options: &Options, all: &[(&'a dyn Table, bool)]) -> Result<Vec<Listed<'a>>> {
    let names: Vec<&str> = all.iter().filter(|(t, _)| !t.is_label()).map(|(t, _)| t.name()).collect();
    if let Some(unknown) = options.tables.iter().find(|t| !names.contains(&t.as_str())) {
        return Err(Error::config(format!("{} has no table `{unknown}`", options.what)).help(format!("its tables: {}", names.join(", "))));
    }
    let wanted = |name: &str| options.tables.is_empty() || options.tables.iter().any(|t| t == name);
    let keeps = |t: &&(&'a dyn Table, bool)| wanted(t.0.name().strip_prefix("labels_").unwrap_or(t.0.name()));
    Ok(all.iter().filter(keeps).map(|(table, flows)| Listed { table: *table, flows: *flows }).collect())
}
