//! What a column's name hints at. Never more than a hint: `zip` is a code, `price` is money.

use super::evidence::{Evidence, Numbers};
use std::collections::HashMap;
use tidemill_core::name;

/// The words of a label: `CustomerID` → customer, id; `unit_price` → unit, price.
pub fn words(label: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in label.chars() {
        let begins = !last.is_alphanumeric() || (c.is_uppercase() && last.is_lowercase()) || (c.is_ascii_digit() != last.is_ascii_digit());
        if c.is_alphanumeric() {
            if begins || words.is_empty() {
                words.push(String::new());
            }
            if let Some(w) = words.last_mut() {
                w.extend(c.to_lowercase());
            }
        }
        last = c;
    }
    if words.is_empty() {
        words.push(name::normalise(label));
    }
    words
}

pub(super) fn is_money_name(words: &[String]) -> bool {
    let money = [
        "price", "amount", "cost", "revenue", "total", "fee", "salary", "income", "payment", "balance", "discount", "profit", "sales",
        "spend", "tax", "debit", "credit",
    ];
    let no_money = ["rate", "ratio", "share", "percent", "pct", "count", "id", "code", "days", "type", "method"];
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    has(&money) && !has(&no_money)
}

/// Numbers that name something and are never added up: leading zeros may come with the next file.
pub(super) fn is_code(words: &[String], n: &Numbers) -> bool {
    let last = words.last().map(String::as_str).unwrap_or_default();
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    has(&[
        "zip",
        "zipcode",
        "postal",
        "postcode",
        "plz",
        "phone",
        "telephone",
        "tel",
        "fax",
        "mobile",
        "ssn",
        "iban",
        "ean",
        "isbn",
        "issn",
        "barcode",
        "gtin",
        "upc",
    ]) && !has(&["count", "total", "avg", "mean", "minutes", "calls"])
        && n.negatives == 0
        && last != "age"
}

/// Whether a number may be a moment.
pub(super) fn is_time_name(words: &[String]) -> bool {
    const TIMES: [&str; 22] = [
        "ts",
        "time",
        "timestamp",
        "timestamps",
        "datetime",
        "date",
        "at",
        "on",
        "when",
        "epoch",
        "unix",
        "unixtime",
        "created",
        "updated",
        "modified",
        "started",
        "ended",
        "seen",
        "logged",
        "occurred",
        "published",
        "posted",
    ];
    words.iter().any(|w| TIMES.contains(&w.as_str()))
}

/// Whether fractions are parts of a name: of a version, or of a code of which two spellings would be one number.
pub(super) fn is_version(words: &[String], e: &Evidence) -> bool {
    const CODES: [&str; 21] = [
        "sku",
        "code",
        "part",
        "article",
        "item",
        "model",
        "release",
        "build",
        "rev",
        "revision",
        "section",
        "chapter",
        "clause",
        "catalog",
        "catalogue",
        "lot",
        "batch",
        "serial",
        "ref",
        "reference",
        "id",
    ];
    let has = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    if has(&["version", "versions", "ver", "firmware", "semver"]) {
        return true;
    }
    let is_telling =
        |text: &str| text.split_once('.').is_some_and(|(_, f)| f.bytes().any(|b| b != b'0') && f.bytes().all(|b| b.is_ascii_digit()));
    let mut seen: HashMap<u64, &str> = HashMap::new();
    let mut texts = e.values.iter().flatten().map(|(v, _)| &**v).filter(|v| is_telling(v));
    has(&CODES) && texts.any(|v| v.parse::<f64>().is_ok_and(|x| seen.insert(x.to_bits(), v).is_some()))
}
