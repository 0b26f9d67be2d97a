//! Cleaning rules in a sentence each, and what the columns are that they make.

use super::{RuleEntry, one_line};
use tidemill_core::Spanned;
use tidemill_project::spec::{
    Case, Columns, Cuts, DatePart, DuplicateKey, EncodeMethod, Fill, Keep, OptionValue, Otherwise, OutlierAction, OutlierMethod, RepairTo,
    Rule, RuleSpec, ScaleMethod, UnicodeForm,
};

/// Columns and values named in a sentence; more are counted.
const NAMED_MAX: usize = 6;

pub(super) fn entry(spec: &RuleSpec) -> RuleEntry {
    let own = match &spec.rule {
        Rule::Derive { description, .. } => description,
        _ => &spec.description,
    };
    let description = if spec.description.is_empty() { own.clone() } else { spec.description.clone() };
    RuleEntry { rule: spec.rule.kind(), text: sentence(&spec.rule), description }
}

fn sentence(rule: &Rule) -> String {
    match rule {
        Rule::Text { columns, unicode, trim, collapse_spaces, case, empty_to_null } => {
            let mut what: Vec<&str> = Vec::new();
            match unicode {
                Some(UnicodeForm::Nfc) => what.push("brought to Unicode's composed form"),
                Some(UnicodeForm::Nfkc) => what.push("brought to Unicode's compatible form"),
                None => {}
            }
            if *trim {
                what.push("freed of spaces around them");
            }
            if *collapse_spaces {
                what.push("with one space where there were several");
            }
            match case {
                Some(Case::Lower) => what.push("in lower case"),
                Some(Case::Upper) => what.push("in upper case"),
                Some(Case::Title) => what.push("with capitals at the beginning of words"),
                None => {}
            }
            let mut out = format!("texts of {} are {}", of(columns, "every text column"), joined(&what));
            if *empty_to_null {
                out.push_str("; empty ones are missing");
            }
            out
        }
        Rule::Invalid { columns, condition } => {
            format!("{} {} taken away where `{}`", of(columns, "every column"), be(columns), one_line(&condition.text))
        }
        Rule::Missing { columns, with, by, order_by } => {
            let by = if by.is_empty() { String::new() } else { format!(" of the same {}", listed(by)) };
            let order = if order_by.is_empty() { String::new() } else { format!(", in the order of {}", listed(order_by)) };
            match with {
                Fill::Drop => format!("rows without {} go", of(columns, "a value in some column")),
                Fill::Constant(v) => format!("where {} is missing it becomes {}", of(columns, "a column"), value(&v.value)),
                Fill::Mean => format!("where {} is missing it becomes the mean{by}", of(columns, "a number")),
                Fill::Median => format!("where {} is missing it becomes the median{by}", of(columns, "a number")),
                Fill::Mode => format!("where {} is missing it becomes the most frequent value{by}", of(columns, "a column")),
                Fill::Forward => format!("where {} is missing it becomes the last value before{by}{order}", of(columns, "a column")),
            }
        }
        Rule::Duplicates { key, keep } => {
            let same = match key {
                DuplicateKey::Exact { ignore } if ignore.is_empty() => "that are equal in every column".to_string(),
                DuplicateKey::Exact { ignore } => format!("that are equal in every column but {}", listed(ignore)),
                DuplicateKey::Key(key) => format!("with the same {}", listed(key)),
            };
            let kept = match keep {
                Keep::First => "the first stays".to_string(),
                Keep::Last => "the last stays".to_string(),
                Keep::Latest(by) => format!("the one with the greatest `{}` stays", by.value),
            };
            format!("of rows {same}, {kept}")
        }
        Rule::NearDuplicates { like, similarity_min, drop } => {
            let what = if *drop { "are removed but for one" } else { "are listed" };
            format!("rows that are alike in {} by {similarity_min} or more {what}", listed(like))
        }
        Rule::Repair { columns, to, distance_max, otherwise, into, .. } => {
            let target = match to {
                RepairTo::List(values) => format!("to the nearest of {}", some(values)),
                RepairTo::File(file) => format!("to the nearest line of `{}`", file.value),
                RepairTo::Column { table, column } => format!("to the nearest `{}.{column}`", table.value),
                RepairTo::Frequent { .. } => "to the frequent spelling they are slips of".to_string(),
            };
            let rest = match otherwise {
                Otherwise::Keep => String::new(),
                Otherwise::Null => "; what is near none is taken away".into(),
                Otherwise::Value(v) => format!("; what is near none becomes {v}"),
            };
            let to = into.as_ref().map_or(String::new(), |i| format!(", as `{}`", i.value));
            format!("spellings of {} are brought {target}, up to {distance_max} edits{rest}{to}", of(columns, "every text column"))
        }
        Rule::RepairBy { columns, by, .. } => {
            let by: Vec<String> = by.iter().map(|b| listed(b)).collect();
            format!("{} {} set right where {} says otherwise", of(columns, "a column"), be(columns), by.join(" or "))
        }
        Rule::RepairGlued { columns, .. } => {
            format!("values of {} that hold their neighbour's are taken apart", of(columns, "text columns"))
        }
        Rule::Outliers { columns, method, action, into } => {
            let beyond = match method {
                OutlierMethod::Iqr { factor } => format!("further than {factor} interquartile ranges from the quartiles"),
                OutlierMethod::ZScore { threshold } => format!("further than {threshold} standard deviations from the mean"),
                OutlierMethod::Quantile { lower, upper } => format!("below the quantile {lower} or above {upper}"),
            };
            let what = match (action, into) {
                (OutlierAction::Clip, _) => "are brought to the limit".to_string(),
                (OutlierAction::Missing, _) => "are taken away".to_string(),
                (OutlierAction::Drop, _) => "go with their rows".to_string(),
                (OutlierAction::Flag, Some(into)) => format!("are marked in `{}`", into.value),
                (OutlierAction::Flag, None) => "are marked".to_string(),
            };
            format!("values of {} {beyond} {what}", of(columns, "every number"))
        }
        Rule::Scale { columns, method, into } => {
            let into = into.as_ref().map_or(String::new(), |i| format!(", as `{}`", i.value));
            format!("{} {} scaled {}{into}", of(columns, "every number"), be(columns), scaled(*method))
        }
        Rule::Encode { column, method, drop, .. } => {
            let what = match method {
                EncodeMethod::OneHot { .. } => "becomes one column of 0 and 1 for each value".to_string(),
                EncodeMethod::Ordinal { order } if order.is_empty() => "becomes a number by its order".to_string(),
                EncodeMethod::Ordinal { order } => format!("becomes a number, in the order {}", some(order)),
                EncodeMethod::Frequency => "becomes the share of rows that hold its value".to_string(),
            };
            format!("`{}` {what}{}", column.value, if *drop { ", and is dropped" } else { "" })
        }
        Rule::Bin { column, into, labels, cuts } => {
            let how = match cuts {
                Cuts::Edges(edges) => format!("cut at {}", edges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
                Cuts::Quantiles(n) => format!("in {n} groups of the same size"),
            };
            format!("`{}` is `{}` {how}: {}", into.value, column.value, some(labels))
        }
        Rule::Derive { column, sql, .. } => format!("`{}` is computed: `{}`", column.value, one_line(&sql.text)),
        Rule::DateParts { column, parts, .. } => {
            let parts: Vec<&str> = parts.iter().map(|p| part(p.value)).collect();
            format!("{} of `{}` become columns", joined(&parts), column.value)
        }
        Rule::Drop { columns, only_constant } => {
            let unless = if *only_constant { ": the same in every row, and the run stops if that ever changes" } else { "" };
            format!("{} {} dropped{unless}", of(columns, "every column"), be(columns))
        }
        Rule::Filter { condition } => format!("only rows stay where `{}`", one_line(&condition.text)),
        Rule::Rename { pairs } => {
            let pairs: Vec<String> = pairs.iter().map(|(old, new)| format!("`{}` to `{}`", old.value, new.value)).collect();
            format!("renamed: {}", pairs.join(", "))
        }
        Rule::Select { columns } => format!("only these columns stay, in this order: {}", listed(columns)),
        Rule::Cast { columns, data_type } => {
            let of_type = tidemill_engine::type_name(&data_type.value);
            format!("{} turned into {of_type}; what can't be is missing", format_args!("{} {}", of(columns, "every column"), be(columns)))
        }
    }
}

/// A column that a rule makes.
pub(super) struct Made {
    pub column: String,
    /// What it is; empty where nobody has said.
    pub text: String,
    /// In the program's words, not the author's.
    pub is_own: bool,
}

pub(super) fn makes(rule: &Rule) -> Vec<Made> {
    let each = |columns: &Columns, into: &str, text: &dyn Fn(&str) -> String| {
        let named = match columns {
            Columns::Named(names) => names.as_slice(),
            Columns::All(_) => &[],
        };
        named.iter().map(|c| Made { column: into.replace("{column}", c), text: text(c), is_own: true }).collect()
    };
    let one = |column: String, text: String| vec![Made { column, text, is_own: true }];
    match rule {
        Rule::Scale { columns, method, into } => {
            let into = into.as_ref().map_or("{column}_scaled", |i| i.as_str());
            each(columns, into, &|c| format!("`{c}` {}", scaled(*method)))
        }
        Rule::Outliers { columns, action: OutlierAction::Flag, into, .. } => {
            let into = into.as_ref().map_or("{column}_outlier", |i| i.as_str());
            each(columns, into, &|c| format!("whether `{c}` is unusually far out"))
        }
        Rule::Repair { columns, into: Some(into), .. } => each(columns, into, &|c| format!("`{c}` with spellings set right")),
        Rule::Bin { column, into, labels, .. } => one(into.value.clone(), format!("group of `{}`: {}", column.value, some(labels))),
        Rule::DateParts { column, parts, into } => {
            let into = into.as_ref().map_or("{column}_{part}", |i| i.as_str()).replace("{column}", column);
            let named = |p: &Spanned<DatePart>| {
                let name = into.replace("{part}", &format!("{:?}", p.value).to_lowercase());
                Made { column: name, text: format!("{} of `{}`", part(p.value), column.value), is_own: true }
            };
            parts.iter().map(named).collect()
        }
        Rule::Encode { column, method: EncodeMethod::Ordinal { order }, into, .. } => {
            let order = if order.is_empty() { String::new() } else { format!(", in the order {}", some(order)) };
            one(encoded(column, into, "{column}_code"), format!("`{}` as a number from 0{order}", column.value))
        }
        Rule::Encode { column, method: EncodeMethod::Frequency, into, .. } => {
            one(encoded(column, into, "{column}_frequency"), format!("share of rows that hold the same `{}`", column.value))
        }
        Rule::Derive { column, description, .. } => vec![Made { column: column.value.clone(), text: description.clone(), is_own: false }],
        _ => Vec::new(),
    }
}

/// What a column is that a one-hot encoding made of a value it met.
pub(super) fn one_hot(rules: &[RuleSpec], name: &str) -> Option<String> {
    rules.iter().find_map(|r| match &r.rule {
        Rule::Encode { column, method: EncodeMethod::OneHot { .. }, into, .. } => {
            let into = encoded(column, into, "{column}_{value}");
            let value = name.strip_prefix(into.split("{value}").next()?)?;
            Some(format!("1 where `{}` is {value}, else 0", column.value))
        }
        _ => None,
    })
}

fn encoded(column: &Spanned<String>, into: &Option<Spanned<String>>, by_default: &str) -> String {
    into.as_ref().map_or(by_default, |i| i.as_str()).replace("{column}", column)
}

fn scaled(method: ScaleMethod) -> &'static str {
    match method {
        ScaleMethod::Standard => "in standard deviations from the mean",
        ScaleMethod::MinMax => "between 0 (the least) and 1 (the greatest)",
        ScaleMethod::Robust => "in interquartile ranges from the median",
    }
}

fn part(p: DatePart) -> &'static str {
    match p {
        DatePart::Year => "year",
        DatePart::Quarter => "quarter",
        DatePart::Month => "month",
        DatePart::Week => "week",
        DatePart::Day => "day",
        DatePart::Weekday => "weekday (Monday is 1)",
        DatePart::DayOfYear => "day of the year",
        DatePart::Hour => "hour",
        DatePart::Minute => "minute",
        DatePart::EpochDay => "days since 1970",
    }
}

/// An option's value as one writes it.
pub(super) fn value(v: &OptionValue) -> String {
    match v {
        OptionValue::Text(t) => t.clone(),
        OptionValue::Integer(i) => i.to_string(),
        OptionValue::Float(f) => f.to_string(),
        OptionValue::Bool(b) => b.to_string(),
        OptionValue::List(l) => l.iter().map(|v| value(&v.value)).collect::<Vec<_>>().join(", "),
        OptionValue::Table(t) => t.iter().map(|(k, v)| format!("{k} = {}", value(&v.value))).collect::<Vec<_>>().join(", "),
    }
}

fn of(columns: &Columns, all: &str) -> String {
    match columns {
        Columns::Named(names) => listed(names),
        Columns::All(_) => all.to_string(),
    }
}

/// `is` of one column, `are` of several.
fn be(columns: &Columns) -> &'static str {
    match columns {
        Columns::Named(names) if names.len() > 1 => "are",
        _ => "is",
    }
}

fn listed(names: &[Spanned<String>]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{}`", n.value)).collect();
    some(&quoted)
}

fn some(words: &[String]) -> String {
    let mut out = words.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if words.len() > NAMED_MAX {
        out.push_str(&format!(" and {} more", words.len() - NAMED_MAX));
    }
    out
}

fn joined(words: &[&str]) -> String {
    match words {
        [] => "left as they are".into(),
        [one] => (*one).to_string(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
