//! The table's file.

use super::columns;
use super::look::Look;
use super::rules::Draft;
use super::text::{counted, figure, quoted, quoted_list};
use arrow::datatypes::DataType;
use tidemill_connect::OptionValue;

pub(super) fn text(look: &Look, draft: &Draft) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    let rows = counted(look.rows, "row");
    line(&format!(
        "description = {}",
        quoted(&format!("{} as it came: {rows}, {}", look.shown_source(), counted(look.columns.len() as u64, "column")))
    ));
    line(&format!("load = {:<12} # {}", quoted(draft.load), draft.load_comment));
    match (&draft.key[..], draft.key_comment.as_str()) {
        ([], "") => {}
        ([], comment) => line(&format!("# {comment}")),
        (key, comment) => line(&format!("key = {:<13} # {comment}", quoted_list(key))),
    }
    // An instant without a zone is a guess, and a visible one.
    let is_instant = |c: &super::look::Seen| matches!(&c.read.data_type, DataType::Timestamp(_, Some(_)));
    let zone_is_assumed = look.columns.iter().any(|c| is_instant(c) && c.guess.as_ref().is_some_and(lacks_zones));
    if zone_is_assumed {
        line("timezone = \"UTC\"        # of times written without a zone: say where they were taken, such as \"Europe/London\"");
    }
    line("");
    line("[source]");
    match &look.group.paths[..] {
        [one] => line(&format!("path = {}", quoted(one))),
        many => line(&format!("path = {}", quoted_list(many))),
    }
    for (key, value) in &look.options {
        line(&format!("{key} = {}", option(value)));
    }
    for (code, n) in &look.rejects {
        line(&format!("# {} be read ({code}): `tidemill quarantine show {}` after a run", cannot(*n), look.name));
    }
    if look.columns.is_empty() {
        line("");
        line("# The file is empty: columns will be read from the first file that has some.");
        return out;
    }
    line("");
    line("[columns]");
    columns::lines(look, &draft.key).iter().for_each(|l| line(l));
    let (active, proposed): (Vec<_>, Vec<_>) = draft.rules.iter().partition(|r| r.active);
    if !active.is_empty() {
        line("");
        line("# ---- preparation, in this order");
        for rule in active {
            line("");
            rule.why.iter().for_each(|w| line(&format!("# {w}")));
            line("[[clean]]");
            rule.lines.iter().for_each(|l| line(l));
        }
    }
    if !proposed.is_empty() {
        line("");
        line("# ---- for you to decide: take away the # of what you want");
        for rule in proposed {
            line("");
            rule.why.iter().for_each(|w| line(&format!("# {w}")));
            line("# [[clean]]");
            rule.lines.iter().for_each(|l| line(&format!("# {l}")));
        }
    }
    out
}

/// Whether some of the times were written without a zone, as far as is known.
fn lacks_zones(guess: &tidemill_connect::infer::Guess) -> bool {
    let has_zone = |t: &str| {
        let time = t.find(':').map_or("", |at| &t[at..]);
        time.ends_with(['Z', 'z'])
            || time.contains('+')
            || time.rsplit_once('-').is_some_and(|(_, zone)| zone.starts_with(|c: char| c.is_ascii_digit()))
    };
    let evidence = &guess.evidence;
    let values = evidence.values.as_ref().filter(|v| !v.is_empty());
    let is_nothing = |t: &str| t.trim().is_empty() || evidence.tokens.contains_key(t);
    values.is_none_or(|v| v.keys().any(|t| !is_nothing(t) && !has_zone(t)))
}

fn cannot(rows: u64) -> String {
    if rows == 1 { "1 row can't".into() } else { format!("{} rows can't", figure(rows)) }
}

fn option(value: &OptionValue) -> String {
    match value {
        OptionValue::Text(t) => quoted(t),
        OptionValue::Integer(n) => n.to_string(),
        OptionValue::Float(x) => x.to_string(),
        OptionValue::Bool(b) => b.to_string(),
        OptionValue::List(items) => format!("[{}]", items.iter().map(option).collect::<Vec<_>>().join(", ")),
        OptionValue::Table(entries) => {
            format!("{{ {} }}", entries.iter().map(|(k, v)| format!("{k} = {}", option(v))).collect::<Vec<_>>().join(", "))
        }
    }
}
