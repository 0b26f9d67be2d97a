//! Tables agree, and look like a shop's.

use super::*;
use crate::words::places::COUNTRIES;
use std::collections::{BTreeMap, BTreeSet, HashMap};

type Table = Vec<HashMap<String, String>>;

fn shop(rows: u64) -> BTreeMap<&'static str, Table> {
    let files = make(&Options { errors: Rates::NONE, ..options(What::Shop, rows) });
    let names = ["customers", "products", "orders", "order_lines", "reviews", "stock_movements", "labels_customers", "labels_orders"];
    names.into_iter().map(|name| (name, table(&files, &format!("{name}.csv")))).collect()
}

fn table(files: &Files, name: &str) -> Table {
    let mut records = files.clean(name);
    let header = records.remove(0);
    records.into_iter().map(|r| header.iter().cloned().zip(r).collect()).collect()
}

fn by<'a>(table: &'a Table, key: &str) -> HashMap<&'a str, &'a HashMap<String, String>> {
    let map: HashMap<&str, _> = table.iter().map(|r| (r[key].as_str(), r)).collect();
    assert_eq!(map.len(), table.len(), "{key} is not unique");
    map
}

fn cents(text: &str) -> i64 {
    text.replace('.', "").parse().unwrap()
}

#[test]
fn tables_of_a_shop_agree_with_each_other() {
    let shop = shop(3000);
    let (customers, products) = (by(&shop["customers"], "customer_id"), by(&shop["products"], "product_id"));
    let orders = by(&shop["orders"], "order_id");
    assert_eq!((customers.len(), products.len(), orders.len()), (3000, 3000, 3000));
    let left: HashMap<&str, &str> =
        shop["labels_customers"].iter().map(|r| (r["customer_id"].as_str(), r["churned_at"].as_str())).collect();
    let mut late = 0;
    for o in &shop["orders"] {
        let customer = customers[o["customer_id"].as_str()];
        assert!(customer["registered_at"] <= o["ordered_at"], "{o:?}");
        let gone = left[o["customer_id"].as_str()];
        late += usize::from(!gone.is_empty() && gone < o["ordered_at"].as_str());
        let way: Vec<&str> =
            ["ordered_at", "processed_at", "shipped_at", "delivered_at"].iter().map(|c| o[*c].as_str()).filter(|t| !t.is_empty()).collect();
        assert!(way.windows(2).all(|w| w[0] <= w[1]) && way[0] >= "2024-01-01" && way[way.len() - 1] < "2025-01-01T00:00:01", "{o:?}");
        let steps = match o["status"].as_str() {
            "placed" | "cancelled" => 1,
            "processing" => 2,
            "shipped" => 3,
            _ => 4,
        };
        assert_eq!(way.len(), steps, "{o:?}");
    }
    assert!(late < 60, "{late} orders of customers who had left");

    let mut lines: HashMap<(String, String), i64> = HashMap::new();
    let mut keys = BTreeSet::new();
    for l in &shop["order_lines"] {
        let (order, product) = (orders[l["order_id"].as_str()], products[l["product_id"].as_str()]);
        assert!(keys.insert((l["order_id"].clone(), l["line"].clone())));
        *lines.entry((l["order_id"].clone(), l["product_id"].clone())).or_default() += l["quantity"].parse::<i64>().unwrap();
        let (paid, list) = (cents(&l["unit_price"]), cents(&product["price"]));
        assert!(paid * 10 >= list * 5 && paid * 10 <= list * 13, "{l:?} {product:?} {order:?}");
        assert!(cents(&product["cost"]) < list);
    }
    let average = shop["order_lines"].len() as u64 * 1000 / 3000;
    assert!(average.abs_diff(crate::shop::order::LINES_MILLI) < 90, "{average}");

    by(&shop["reviews"], "review_id");
    for r in &shop["reviews"] {
        let order = orders[r["order_id"].as_str()];
        assert!(order["customer_id"] == r["customer_id"] && order["delivered_at"] < r["reviewed_at"]);
        assert!(lines.contains_key(&(r["order_id"].clone(), r["product_id"].clone())));
        assert!(("1"..="5").contains(&r["rating"].as_str()) && !r["review"].contains('{'));
    }
    assert!((900..2700).contains(&shop["reviews"].len()), "{}", shop["reviews"].len());
}

#[test]
fn stock_is_what_was_there_and_what_moved() {
    let shop = shop(3000);
    let orders = by(&shop["orders"], "order_id");
    by(&shop["stock_movements"], "movement_id");
    let mut sold: HashMap<(&str, &str), i64> = HashMap::new();
    let mut stock: HashMap<&str, i64> = shop["products"].iter().map(|p| (p["product_id"].as_str(), p["stock"].parse().unwrap())).collect();
    for m in &shop["stock_movements"] {
        let quantity: i64 = m["quantity"].parse().unwrap();
        *stock.get_mut(m["product_id"].as_str()).unwrap() += quantity;
        match m["kind"].as_str() {
            "sale" => {
                assert!(quantity < 0 && m["moved_at"] == orders[m["order_id"].as_str()]["shipped_at"]);
                *sold.entry((&m["order_id"], &m["product_id"])).or_default() -= quantity;
            }
            "return" => assert!(quantity > 0 && orders[m["order_id"].as_str()]["status"] == "returned"),
            "purchase" => assert!(quantity > 0 && m["order_id"].is_empty()),
            _ => assert!(quantity < 0),
        }
    }
    let mut shipped: HashMap<(&str, &str), i64> = HashMap::new();
    for l in &shop["order_lines"] {
        if !orders[l["order_id"].as_str()]["shipped_at"].is_empty() {
            *shipped.entry((&l["order_id"], &l["product_id"])).or_default() += l["quantity"].parse::<i64>().unwrap();
        }
    }
    assert_eq!(sold, shipped, "what is sold is what was sent");
    let empty = stock.values().filter(|s| **s < 0).count();
    assert!(empty < 3000 / 20, "{empty} products below nothing");
    let purchases = shop["stock_movements"].iter().filter(|m| m["kind"] == "purchase").count();
    assert!(purchases > 1000, "{purchases}");
}

#[test]
fn people_live_where_their_country_is_and_everyone_has_an_address() {
    let customers = &shop(3000)["customers"];
    by(customers, "email");
    for c in customers {
        let country = COUNTRIES.iter().find(|k| k.name == c["country"]).unwrap();
        assert!(country.cities.contains(&(c["city"].as_str(), c["region"].as_str())), "{c:?}");
        assert!(c["email"].is_ascii() && c["email"].split('@').count() == 2, "{c:?}");
        assert!((18..=96).contains(&c["age"].parse::<i32>().unwrap()));
    }
    let countries: BTreeSet<&str> = customers.iter().map(|c| c["country"].as_str()).collect();
    assert!(countries.len() > 30);
}

#[test]
fn few_customers_and_products_have_most_of_the_orders() {
    let share = |skew_milli: u32| {
        let files = make(&Options { errors: Rates::NONE, skew_milli, tables: vec!["orders".into()], ..options(What::Shop, 20_000) });
        let mut counts: HashMap<String, u32> = HashMap::new();
        table(&files, "orders.csv").iter().for_each(|o| *counts.entry(o["customer_id"].clone()).or_default() += 1);
        let mut counts: Vec<u32> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.iter().take(200).sum::<u32>()
    };
    let (even, usual, strong) = (share(0), share(800), share(1500));
    assert!(even < 1500 && (3_000..9_000).contains(&usual) && strong > 14_000, "{even} {usual} {strong}");
}

#[test]
fn labels_tell_of_what_can_be_seen() {
    let shop = shop(20_000);
    let labels = by(&shop["labels_orders"], "order_id");
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for l in &shop["order_lines"] {
        let sum = sums.entry(labels[l["order_id"].as_str()]["pattern"].as_str()).or_default();
        *sum = (sum.0 + cents(&l["unit_price"]) * l["quantity"].parse::<i64>().unwrap(), sum.1 + 1);
    }
    let mean = |pattern: &str| sums[pattern].0 / sums[pattern].1;
    assert!(mean("stolen_card") > 3 * mean("") && mean("card_testing") < mean("") / 2, "{sums:?}");
    let fraud = shop["labels_orders"].iter().filter(|l| l["fraud"] == "true").count();
    assert!((150..400).contains(&fraud), "{fraud}");
    let churned = shop["labels_customers"].iter().filter(|l| l["churned"] == "true").count();
    assert!((2_000..9_000).contains(&churned), "{churned}");
    let content = |churned: &str| {
        let all: Vec<i64> =
            shop["labels_customers"].iter().filter(|l| l["churned"] == churned).map(|l| cents(&l["satisfaction"])).collect();
        all.iter().sum::<i64>() / all.len() as i64
    };
    assert!(content("false") > content("true") + 10, "{} {}", content("false"), content("true"));
}

#[test]
fn transactions_and_readings_are_in_order_and_hold_what_their_labels_say() {
    let files = make(&Options { errors: Rates::NONE, ..options(What::Transactions, 20_000) });
    let (rows, labels) = (table(&files, "transactions.csv"), table(&files, "labels_transactions.csv"));
    let mut people: HashMap<&str, (&str, &str)> = HashMap::new();
    let mut by_pattern: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (row, label) in rows.iter().zip(&labels) {
        let person = (row["Age"].as_str(), row["Gender"].as_str());
        assert_eq!(*people.entry(&row["CustomerID"]).or_insert(person), person);
        let sum = by_pattern.entry(&label["pattern"]).or_default();
        *sum = (sum.0 + cents(&row["Amount"]), sum.1 + 1);
    }
    assert!(people.len() > 400 && by_pattern.len() == 4, "{by_pattern:?}");
    assert!(by_pattern["takeover"].0 / by_pattern["takeover"].1 > 5 * (by_pattern[""].0 / by_pattern[""].1));
    assert_eq!(labels[19_999]["row"], "20000");

    let files = make(&Options { errors: Rates::NONE, ..options(What::Sensors, 20_000) });
    let (rows, labels) = (table(&files, "sensors.csv"), table(&files, "labels_sensors.csv"));
    assert!(rows.windows(2).all(|w| w[0]["ts"] <= w[1]["ts"]));
    let silent = rows.iter().zip(&labels).filter(|(_, l)| l["pattern"] == "silence");
    assert!(silent.clone().count() > 0 && silent.clone().all(|(r, _)| r["value"].is_empty() && r["status"] == "offline"));
    assert!(rows[0]["ts"].starts_with("2024-01-01T00:") && rows[19_999]["ts"].starts_with("2024-12-31T23:"), "{:?}", rows[19_999]);
}

#[test]
fn one_row_is_enough() {
    for what in KINDS {
        let files = make(&options(what, 1));
        assert!(files.report.tables.iter().filter(|t| !t.is_label && t.name != "reviews").all(|t| t.rows >= 1), "{:?}", files.report);
    }
}
