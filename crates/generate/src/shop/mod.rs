//! A shop: who its customers are, what it sells, and who orders what when. Every fact is a function of the seed and a number, so tables that tell
//! of the same thing agree without looking at each other.
//!
//! [`customer`], [`product`] and [`order`] hold the facts; the other modules are tables of them.

pub mod customer;
pub mod customers;
pub mod order;
pub mod orders;
pub mod product;
pub mod products;
pub mod reviews;
pub mod stock;
pub mod updates;
pub mod wide;

use crate::calendar::{DAY, day_of};
use crate::distribution::{Curves, Strewn, Zipf};
use crate::options::Options;
use crate::period::{Busy, SHOPPING, Times};
use crate::random::Stream;

/// Everything that facts are computed from.
#[derive(Debug)]
pub struct Shop {
    pub customers: u64,
    pub products: u64,
    pub orders: u64,
    /// Orders, customers and prices are of `start..end`; nothing has happened yet after `end`.
    pub start: i64,
    pub end: i64,
    times: Times,
    buyers: Zipf,
    buyers_strewn: Strewn,
    sellers: Zipf,
    sellers_strewn: Strewn,
    curves: Curves,
    streams: Streams,
}

#[derive(Debug)]
struct Streams {
    customer: Stream,
    registered: Stream,
    left: Stream,
    moved: Stream,
    product: Stream,
    price: Stream,
    order: Stream,
    time: Stream,
    line: Stream,
    burst: Stream,
    review: Stream,
    stock: Stream,
}

impl Shop {
    /// A shop with so many customers, products and orders.
    pub fn new(options: &Options, customers: u64, products: u64, orders: u64) -> Shop {
        let seed = options.seed;
        let stream = |entity: &str, column: &str| Stream::new(seed, entity, column);
        let streams = Streams {
            customer: stream("customer", ""),
            registered: stream("customer", "registered_at"),
            left: stream("customer", "left"),
            moved: stream("customer", "moved"),
            product: stream("product", ""),
            price: stream("product", "price"),
            order: stream("order", ""),
            time: stream("order", "ordered_at"),
            line: stream("line", ""),
            burst: stream("order", "burst"),
            review: stream("review", ""),
            stock: stream("stock", ""),
        };
        let (customers, products, orders) = (customers.max(1), products.max(1), orders.max(1));
        let start = i64::from(options.start_day) * DAY;
        let (start, end, times) = match options.live {
            Some(live) => {
                let times = Times::Steady { from: live.from, per_second_milli: live.per_second_milli };
                (i64::from(day_of(live.from)) * DAY - 365 * DAY, live.from, times)
            }
            None => {
                let busy = Busy::new(options.start_day, options.days, orders, &SHOPPING);
                (start, start + i64::from(options.days) * DAY, Times::Busy(Box::new(busy)))
            }
        };
        Shop {
            customers,
            products,
            orders,
            start,
            end,
            times,
            buyers: Zipf::new(customers, options.skew()),
            buyers_strewn: Strewn::new(customers, streams.customer.at(u64::MAX)),
            sellers: Zipf::new(products, options.skew()),
            sellers_strewn: Strewn::new(products, streams.product.at(u64::MAX)),
            curves: Curves::new(),
            streams,
        }
    }

    /// Whether orders come now, one after the other.
    pub fn is_live(&self) -> bool {
        matches!(self.times, Times::Steady { .. })
    }
}
