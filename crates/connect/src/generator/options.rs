//! What may be said of made-up rows.

use crate::options::{OptionDoc, OptionProblem, OptionReader, OptionValue, Options};
use tidemill_core::problem::did_you_mean;
use tidemill_generate::written::{count, per_second_milli};
use tidemill_generate::{Format, Live, Rates, What, flowing, parse_date};

const fn doc(name: &'static str, value: &'static str, default: &'static str, text: &'static str) -> OptionDoc {
    OptionDoc { name, value, default, text }
}

pub const DOCS: &[OptionDoc] = &[
    doc(
        "kind",
        "\"shop\", \"orders\", \"transactions\", \"sensors\" or \"nexmark\"",
        "",
        "What the rows tell of, as `tidemill generate` has it.",
    ),
    doc("table", "text", "", "Which table, where the kind has several."),
    doc("rows", "integer, or a text such as \"10M\"", "10000, with `rate` no end", "How many rows."),
    doc("rate", "a text such as \"100/s\"", "", "Rows come as time goes, dated now; without it they come at once, and have an end."),
    doc(
        "after",
        "integer, or a text such as \"100k\"",
        "0",
        "With `rate`: rows go on after so many that are elsewhere, made with the same seed: of the same customers and articles, numbered from there on.",
    ),
    doc(
        "backlog_rows",
        "integer, or a text such as \"10k\"",
        "0",
        "With `rate`: so many have fallen due already when the source is first opened, as if it had been followed before.",
    ),
    doc("seed", "integer", "1", "The same seed gives the same rows."),
    doc(
        "errors",
        "text",
        "as `tidemill generate`",
        "`\"none\"`, one rate for all kinds (`\"5%\"`), or rates by kind (`\"missing=2%,typo=1%\"`).",
    ),
    doc("start", "date", "\"2024-01-01\"", "The first day that is told of; without `rate`."),
    doc("days", "integer", "366", "How many days are told of; without `rate`."),
];

pub struct Asked {
    pub make: tidemill_generate::Options,
    pub per_second_milli: Option<u64>,
    pub backlog_rows: u64,
}

pub fn parse(options: &Options) -> (Asked, Vec<OptionProblem>) {
    let mut r = OptionReader::new(options, DOCS);
    let names = What::ALL.map(What::name);
    let kind = r.required("kind", &format!("say what is made: kind = \"sensors\"; there are {}", names.join(", ")));
    let what = kind.and_then(|k| What::ALL.into_iter().find(|w| w.name() == k));
    if let (Some(kind), None) = (kind, what) {
        let help =
            did_you_mean(kind, names).map_or_else(|| format!("kinds: {}", names.join(", ")), |near| format!("did you mean \"{near}\"?"));
        r.problem("kind", format!("nothing is made of kind \"{kind}\""), help);
    }
    let mut make = tidemill_generate::Options::new(what.unwrap_or(What::Sensors));
    make.format = Format::Jsonl;
    make.tables = r.text("table").map(str::to_string).into_iter().collect();
    let rate = r.text("rate").map(per_second_milli);
    let per_second_milli = written(&mut r, "rate", rate);
    if per_second_milli.is_some() {
        make.rows = u64::MAX;
    }
    make.rows = number(&mut r, "rows").unwrap_or(make.rows);
    make.after = number(&mut r, "after").unwrap_or(0);
    // `rows` are those that come.
    make.rows = make.rows.saturating_add(make.after);
    if let Some(seed) = r.count("seed") {
        make.seed = seed as u64;
    }
    let errors = r.text("errors").map(Rates::parse);
    make.errors = written(&mut r, "errors", errors).unwrap_or(make.errors);
    let start = r.text("start").map(|text| parse_date(text).ok_or_else(|| "write a day as 2024-12-31".to_string()));
    make.start_day = written(&mut r, "start", start).unwrap_or(make.start_day);
    if let Some(days) = r.count("days") {
        make.days = u32::try_from(days).unwrap_or(u32::MAX);
    }
    for key in ["start", "days"] {
        if per_second_milli.is_some() && r.get(key).is_some() {
            r.problem(key, format!("`{key}` and `rate` do not go together"), "rows that come at a rate are dated now: remove one of them");
        }
    }
    let backlog_rows = number(&mut r, "backlog_rows").unwrap_or(0);
    for key in ["after", "backlog_rows"] {
        if per_second_milli.is_none() && r.get(key).is_some() {
            let help = "rows that are made at once begin at the first: remove it, or say at which `rate` they come";
            r.problem(key, format!("`{key}` goes with `rate`"), help);
        }
    }
    if r.problems.is_empty() {
        // Which table it is, and what does not go together, is known where rows are made.
        let live = per_second_milli.map(|per_second_milli| Live { from: 0, per_second_milli });
        if let Err(e) = flowing(&tidemill_generate::Options { live, ..make.clone() }) {
            let key = ["table", "rows", "after", "errors"].into_iter().find(|k| e.what.contains(*k)).unwrap_or("kind");
            r.problem(key, e.what, e.help.unwrap_or_default());
        }
    }
    (Asked { make, per_second_milli, backlog_rows }, r.problems)
}

/// As a number, or as people write one.
fn number(r: &mut OptionReader<'_>, key: &str) -> Option<u64> {
    let value = match r.get(key)? {
        OptionValue::Text(text) => count(text),
        _ => Ok(r.count(key)? as u64),
    };
    written(r, key, Some(value))
}

fn written<T>(r: &mut OptionReader<'_>, key: &str, value: Option<Result<T, String>>) -> Option<T> {
    match value? {
        Ok(value) => Some(value),
        Err(help) => {
            r.problem(key, format!("`{key}` can't be read"), help);
            None
        }
    }
}
