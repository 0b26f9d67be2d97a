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
