use super::{Proposal, ProposeOptions, propose};
use crate::report::Unwatched;
use std::path::Path;

fn made(dir: &Path, files: &[(&str, &[u8])]) -> Proposal {
    for (name, bytes) in files {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let from: Vec<String> = files.iter().map(|(name, _)| dir.join(name).display().to_string()).collect();
    let options = ProposeOptions { name: String::new(), threads: 2, memory_bytes: 64 << 20, now_micros: 1_700_000_000_000_000 };
    propose(&dir.join("project"), &from, &options, &Unwatched).unwrap()
}

fn table(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(format!("project/tables/{name}.toml"))).unwrap()
}

/// Types, key, a token for nothing, a format: each in one line.
#[test]
fn a_table_is_written_as_an_analyst_would() {
    let dir = tempfile::tempdir().unwrap();
    let rows: String = (1..=60)
        .map(|i| format!("{i},{:02}/{:02}/2024,{}.50,{}\n", i % 28 + 1, i % 12 + 1, i * 3, if i % 7 == 0 { "N/A" } else { "12" }))
        .collect();
    made(dir.path(), &[("orders.csv", format!("Order ID,Ordered,Total Amount,Items\n{rows}").as_bytes())]);
    let text = table(dir.path(), "orders");
    for line in [
        "key = [\"order_id\"]",
        "order_id     = { type = \"int\", required = true }",
        "ordered      = { type = \"date\", format = \"%d/%m/%Y\" }",
        "total_amount = \"decimal(38, 2)\"",
        "items        = { type = \"int\", nulls = [\"N/A\"] }",
        "path = \"../orders.csv\"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(std::fs::read_to_string(dir.path().join("project/views/by_month.sql")).unwrap().contains("sum(total_amount)"));
}

/// Files with the same columns are one table, others another.
#[test]
fn files_with_the_same_columns_are_one_table() {
    let dir = tempfile::tempdir().unwrap();
    let p = made(
        dir.path(),
        &[("orders-2024-01.csv", b"id,n\n1,2\n3,4\n"), ("orders-2024-02.csv", b"id,n\n5,6\n"), ("people.csv", b"name;age\nAnn;5\nBob;7\n")],
    );
    let tables: Vec<(&str, u64)> = p.tables.iter().map(|t| (t.name.as_str(), t.rows)).collect();
    assert_eq!(tables, [("orders", 3), ("people", 2)]);
    assert!(table(dir.path(), "orders").contains("load = \"append\""));
    assert!(table(dir.path(), "people").contains("delimiter = \";\""));
}

/// A first line that is data is no header, and lines of many lengths are no broken rows.
#[test]
fn baskets_without_a_header_keep_every_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = String::from("milk,bread\n");
    for i in 0..50 {
        rows.push_str(["milk\n", "bread,milk,eggs\n", "milk,bread\n", "eggs,bread,milk,butter\n"][i % 4]);
    }
    let p = made(dir.path(), &[("baskets.csv", rows.as_bytes())]);
    assert_eq!((p.tables[0].rows, p.tables[0].columns, p.tables[0].profile.rejected), (51, 4, 0));
    let text = table(dir.path(), "baskets");
    assert!(text.contains("ragged = \"fill\"") && text.contains("header = false"), "{text}");
}

/// Nothing to read is no mistake.
#[test]
fn a_header_alone_makes_a_project() {
    let dir = tempfile::tempdir().unwrap();
    let p = made(dir.path(), &[("later.csv", b"id,name\n")]);
    assert_eq!((p.tables[0].rows, p.tables[0].columns), (0, 2));
}

/// A rule's lines, above and under its `[[clean]]`, as they are written: with `# ` before them where it is only proposed.
fn rules(text: &str, proposed: bool) -> Vec<String> {
    let parts: Vec<&str> = text.split("\n\n").filter(|p| p.contains("[[clean]]")).collect();
    parts.into_iter().filter(|p| p.contains("# [[clean]]") == proposed).map(String::from).collect()
}

/// Who and when is not what: two coffees on one card in one minute are two.
#[test]
fn equal_rows_go_only_where_a_column_names_the_event() {
    let dir = tempfile::tempdir().unwrap();
    let time = |i: usize| format!("2024-05-{:02} {:02}:{:02}", 1 + i / 60 % 20, 7 + i % 9, i * 7 % 60);
    let mut sales = String::from("sold_at,card_id,item\n");
    let mut orders = String::from("order_no,ordered_at,customer,item\n");
    for i in 0..400 {
        let (sale, order) = (
            format!("{},C{},{}\n", time(i), i % 40, ["tea", "bun"][i % 2]),
            format!("{},{},{},{}\n", 5000 + i / 3, time(i / 3), i / 3 % 50, i % 3),
        );
        for _ in 0..1 + usize::from(i % 20 == 0) {
            sales.push_str(&sale);
            orders.push_str(&order);
        }
    }
    made(dir.path(), &[("sales.csv", sales.as_bytes()), ("orders.csv", orders.as_bytes())]);
    let (sales, orders) = (table(dir.path(), "sales"), table(dir.path(), "orders"));
    assert!(rules(&sales, false).is_empty(), "{sales}");
    assert!(rules(&sales, true).iter().any(|r| r.contains("20 rows repeat") && r.contains("card_id says who or what")), "{sales}");
    assert!(rules(&orders, false).iter().any(|r| r.contains("rule = \"duplicates\"") && r.contains("order_no among them")), "{orders}");
}

/// What is announced is what the rule makes; people's names are never touched.
#[test]
fn spellings_are_mended_but_not_peoples_names() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = String::from("id,last_name,country,method\n");
    for i in 0..900 {
        let name = match i {
            7 => "Lindkvist",
            300 => "Bergmann",
            410 => "Sjöbreg",
            500 => "Lindqvits",
            _ => ["Lindqvist", "Bergman", "Sjöberg"][i % 3],
        };
        let country = match i {
            20 => "Norwya",
            50 => "Denmrak",
            80 => "Finlnad",
            _ => ["Norway", "Denmark", "Finland"][i / 3 % 3],
        };
        let method = match i % 90 {
            11 => "paypal",
            _ => ["PayPal", "Invoice"][i % 2],
        };
        rows.push_str(&format!("{i},{name},{country},{method}\n"));
    }
    let p = made(dir.path(), &[("people.csv", rows.as_bytes())]);
    let text = table(dir.path(), "people");
    let active = rules(&text, false);
    assert_eq!(active.len(), 2, "{text}");
    assert!(active[0].contains("columns = [\"country\"]\nfrequent = true"), "{text}");
    assert!(
        active[1].contains("columns = [\"method\"]\nfrequent = true\ndistance_max = 0") && active[1].contains("\"paypal\" for \"PayPal\""),
        "{text}"
    );
    assert!(rules(&text, true).iter().any(|r| r.contains("People's names") && r.contains("last_name")), "{text}");
    assert!(p.tables[0].active.contains(&"mend 3 rare spellings in country".to_string()), "{:?}", p.tables[0].active);
}

/// What only people know is a comment with its counts.
#[test]
fn laws_with_exceptions_and_codes_in_pieces_are_proposed() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = String::from("id,zip,state,issn,colour\n");
    for i in 0..1000usize {
        let place = i * 7919 % 20;
        let state = if i % 100 == 3 { ["AL", "WY"][place % 2] } else { ["WY", "OR", "ME", "NY", "AL"][place % 5] };
        let zip = format!("{:05}", 2100 + place * 4711);
        let zip = if i % 250 == 8 { zip.trim_start_matches('0').to_string() } else { zip };
        let issn = format!("{}-{}", 1000 + i % 9 * 311, 3000 + i % 9 * 17);
        let issn = if i % 100 == 4 { issn.replace('-', "") } else { issn };
        rows.push_str(&format!("{i},{zip},{state},{issn},{}\n", ["Red", "red", "Blue"][i % 3]));
    }
    made(dir.path(), &[("places.csv", rows.as_bytes())]);
    let text = table(dir.path(), "places");
    let proposed = rules(&text, true);
    let has = |parts: &[&str]| assert!(proposed.iter().any(|r| parts.iter().all(|p| r.contains(p))), "{parts:?}\n{text}");
    has(&["zip decides state in", "deviate", "columns = [\"state\"]", "by = [\"zip\"]"]);
    has(&["lack the mark", "substr(issn, 1, 4) || '-' || substr(issn, 5, 4)"]);
    has(&["differ from other values in case alone", "columns = [\"colour\"]", "case = \"lower\""]);
}

/// Views add up what is money, and never take the mean of what names something; they are in order, and lists are taken apart.
#[test]
fn views_add_up_money_and_leave_numbers_of_things_alone() {
    let dir = tempfile::tempdir().unwrap();
    let day = |i: usize| format!("2024-{:02}-{:02}", i % 12 + 1, i % 28 + 1);
    let rows: String =
        (0..200).map(|i| format!("{},{},{},{},€{}.50\n", 9000 + i * 3, day(i), 1998 + i % 20, ["a", "b"][i % 2], i + 2)).collect();
    let tickets: String = (0..200).map(|i| format!("{},{},{}\n", 70_000 + i, day(i), 1980 + i % 30)).collect();
    let lists: String = (0..60).map(|i| format!("{{\"order\": \"o{i}\", \"at\": \"2024-01-01T10:00:00+01:00\", \"lines\": [{{\"sku\": \"S{i}\", \"qty\": {i}}}, {{\"sku\": \"T\", \"qty\": 2}}]}}\n")).collect();
    made(
        dir.path(),
        &[
            ("bills.csv", format!("bill,day,model_year,kind,taxes\n{rows}").as_bytes()),
            ("tickets.csv", format!("ticket,opened,member_since\n{tickets}").as_bytes()),
            ("orders.jsonl", lists.as_bytes()),
        ],
    );
    let view = |name: &str| std::fs::read_to_string(dir.path().join(format!("project/views/{name}.sql"))).unwrap();
    let month = view("bills_by_month");
    assert!(
        month.contains("date_trunc('month', \"day\")::date AS month") || month.contains("date_trunc('month', day)::date AS month"),
        "{month}"
    );
    assert!(month.contains("sum(taxes) AS taxes_sum") && month.ends_with("ORDER BY 1\n") && !month.contains("avg("), "{month}");
    assert!(!view("tickets_by_month").contains("avg("), "{}", view("tickets_by_month"));
    assert_eq!(view("bills_quality").matches("FROM").count(), 3, "{}", view("bills_quality"));
    let each = view("orders_each_of_lines");
    assert!(each.contains("AS sku") && each.contains("AS DOUBLE) AS qty") && each.contains("unnest("), "{each}");
    assert!(!table(dir.path(), "orders").contains("timezone"), "{}", table(dir.path(), "orders"));
    let export = std::fs::read_to_string(dir.path().join("project/exports/bills_by_month.toml")).unwrap();
    assert!(export.contains("SELECT * FROM bills_by_month ORDER BY 1"), "{export}");
}
