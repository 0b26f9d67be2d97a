//! Rows that repeat others: when they are one thing twice, and when they may be two things that are alike.

use super::look::{Look, Seen};
use super::rules::{Draft, Proposed};
use super::text::{begins_word, counted, figure, quoted_list, shown};
use arrow::datatypes::DataType;

/// What names an event itself, ...
const EVENTS: &[&str] = &[
    "id",
    "uuid",
    "guid",
    "no",
    "nr",
    "number",
    "key",
    "invoice",
    "order",
    "transaction",
    "txn",
    "receipt",
    "ticket",
    "booking",
    "reference",
    "payment",
    "shipment",
    "claim",
    "bill",
    "voucher",
    "event",
    "line",
    "row",
    "rechnung",
    "beleg",
    "bestell",
    "auftrag",
];
/// ... and what names who or what took part in it.
const ACTORS: &[&str] = &[
    "customer", "client", "user", "card", "account", "device", "member", "person", "patient", "employee", "driver", "seller", "vendor",
    "supplier", "store", "shop", "product", "item", "sku", "stock", "article", "station", "sensor", "machine", "vehicle", "kunde",
    "kunden", "konto", "student", "zip", "phone",
];

/// Nearly unique is a column in which one row in so many at most repeats another's value.
const UNIQUE_SHARE: u64 = 10;

pub(super) fn propose(look: &Look, d: &mut Draft) {
    exact(look, d);
    let p = &look.profile;
    if let Some((ignored, n)) = p.duplicates.ignoring.first()
        && *n > p.duplicates.exact
    {
        d.rules.push(Proposed {
            active: false,
            said: format!("remove rows that repeat another but for {ignored}"),
            why: vec![format!(
                "{} another in every column but {ignored}. The same thing twice, or two alike?",
                if *n == 1 { "1 row repeats".to_string() } else { format!("{} rows repeat", figure(*n)) }
            )],
            lines: vec!["rule = \"duplicates\"".into(), format!("ignore = {}", quoted_list(&[ignored]))],
        });
    }
    if let Some(near) = p.duplicates.near.first() {
        let like: Vec<&str> = match &near.column {
            Some(c) if look.column(c).is_some_and(|s| s.read.data_type == DataType::Utf8) => vec![c.as_str()],
            _ => Vec::new(),
        };
        if !like.is_empty() && near.rows > 0 {
            let example = near.examples.first().map(|(a, b)| format!(": {:?} and {:?}", shown(a), shown(b))).unwrap_or_default();
            d.rules.push(Proposed {
                active: false,
                said: format!("list rows that are nearly others in {}", like.join(", ")),
                why: vec![format!(
                    "{} nearly an earlier one{example}.",
                    if near.rows == 1 { "1 row is".to_string() } else { format!("{} rows are", figure(near.rows)) }
                )],
                lines: vec!["rule = \"duplicates\"".into(), format!("like = {}", quoted_list(&like)), "action = \"list\"".into()],
            });
        }
    }
}

/// Rows equal in every column: one thing twice, if a column names the thing.
fn exact(look: &Look, d: &mut Draft) {
    let p = &look.profile;
    let n = p.duplicates.exact;
    if n == 0 {
        return;
    }
    let event = look.columns.iter().find(|c| names_event(look, c)).map(|c| c.read.name.as_str());
    let repeat = if n == 1 { "1 row repeats".to_string() } else { format!("{} rows repeat", figure(n)) };
    let why = match (event, look.columns.iter().find(|c| begins_word(&c.read.name, &c.read.label, ACTORS))) {
        (Some(event), _) => format!("{repeat} an earlier row in every column, {event} among them, so that it is the same thing twice."),
        (None, Some(actor)) => {
            let actor = &actor.read.name;
            format!(
                "{repeat} an earlier row in every column. {actor} says who or what, and no column which event: two equal ones may both be real."
            )
        }
        (None, None) => format!("{repeat} an earlier row in every column. The same thing twice, or two that are alike?"),
    };
    d.rules.push(Proposed {
        active: event.is_some() && n * 5 < p.rows,
        said: if n == 1 { "remove 1 row that repeats another".into() } else { format!("remove {} that repeat another", counted(n, "row")) },
        why: vec![why],
        lines: vec!["rule = \"duplicates\"".into()],
    });
}

/// Whether a column's values name what happened, not who took part: hardly two rows have the same but for those that are there twice, or each goes with
/// one time.
fn names_event(look: &Look, column: &Seen) -> bool {
    let (p, name) = (&look.profile, column.read.name.as_str());
    let named = begins_word(name, &column.read.label, EVENTS) && !begins_word(name, &column.read.label, ACTORS);
    if !named || !matches!(column.read.data_type, DataType::Utf8 | DataType::Int64 | DataType::Int32) {
        return false;
    }
    let is_nearly_unique = p.keys.iter().any(|k| k.columns.len() == 1 && k.columns[0] == name && k.duplicates * UNIQUE_SHARE <= p.rows);
    let is_time = |c: &str| p.time.iter().any(|t| t.column == c);
    let decides_time = p
        .dependencies
        .iter()
        .any(|f| f.determinant.len() == 1 && f.determinant[0] == name && is_time(&f.dependent) && f.agreement() >= 0.98);
    is_nearly_unique || decides_time
}
