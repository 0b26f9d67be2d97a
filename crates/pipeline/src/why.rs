//! Why a step took its time, in words: what its plan's operators and the parts of its own work were busy with, and what made it more than it had to be.

use serde_json::Value;
use tidemill_engine::Operator;

/// A step that took less was not slow.
const SECONDS_MIN: f64 = 0.5;
/// An operator with this share of the time is the one to look at.
const SHARE: f64 = 0.4;
/// A part with this many times its share of rows keeps the others waiting.
const SKEW: f64 = 1.7;
const ROWS_MIN: u64 = 100_000;
/// Files smaller than this on average, and more than this many, are many small files.
const SMALL_FILE: u64 = 1 << 20;
const FILES_MIN: u64 = 50;

/// `step` as its journal line tells it; `memory_limit` of the run. `None` where nothing is worth telling.
pub(crate) fn why(step: &Value, seconds: f64, operators: &[Operator], memory_limit: Option<u64>) -> Option<String> {
    if seconds < SECONDS_MIN {
        return None;
    }
    let mut told: Vec<String> = Vec::new();
    told.extend(busy(operators));
    told.extend(spilled(step, operators, memory_limit));
    told.extend(operators.iter().find_map(|o| skewed(o, operators)));
    told.extend(operators.iter().find_map(|o| grown(o, operators)));
    told.extend(waited(step, seconds, operators));
    told.extend(operators.iter().find_map(small_files));
    (!told.is_empty()).then(|| told.join("; "))
}

/// What its time went into.
fn busy(operators: &[Operator]) -> Option<String> {
    let all: f64 = operators.iter().map(|o| o.seconds).sum();
    if all <= 0.0 {
        return None;
    }
    let mut by_time: Vec<&Operator> = operators.iter().collect();
    by_time.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let share = |o: &Operator| (o.seconds / all * 100.0).round();
    let first = by_time[0];
    if first.seconds / all >= SHARE {
        return Some(format!("{} % of its time went into {}", share(first), doing(first, operators)));
    }
    let most = by_time.iter().take(3).filter(|o| share(o) >= 1.0).map(|o| format!("{} ({} %)", doing(o, operators), share(o)));
    Some(format!("its time went into {}", listed(&most.collect::<Vec<_>>())))
}

fn spilled(step: &Value, operators: &[Operator], memory_limit: Option<u64>) -> Option<String> {
    let of_plan: u64 = operators.iter().map(|o| o.bytes_spilled).sum();
    let bytes = of_plan.max(step["bytes_spilled"].as_u64().unwrap_or(0));
    if bytes == 0 {
        return None;
    }
    let most = operators.iter().max_by_key(|o| o.bytes_spilled).filter(|o| o.bytes_spilled > 0 && o.bytes_spilled < bytes);
    let by = most.map(|o| format!(" ({} of it while {})", size(o.bytes_spilled), doing(o, operators))).unwrap_or_default();
    let because = match memory_limit {
        Some(limit) => format!("because memory_limit is {}", size(limit)),
        None => "for want of memory".into(),
    };
    Some(format!("{} went to disk{by} {because}", size(bytes)))
}

/// One part has most of the rows.
fn skewed(o: &Operator, operators: &[Operator]) -> Option<String> {
    let mean = o.rows as f64 / f64::from(o.parts.max(1));
    let is_skewed = o.parts > 1 && o.rows >= ROWS_MIN && o.rows_of_largest as f64 >= SKEW * mean;
    // What only passes rows on is as skewed as what it reads from.
    let reads_skewed = || {
        children(o, operators)
            .any(|c| c.parts == o.parts && c.rows >= ROWS_MIN && c.rows_of_largest as f64 >= SKEW * c.rows as f64 / f64::from(c.parts))
    };
    (is_skewed && !reads_skewed()).then(|| {
        let share = (o.rows_of_largest as f64 / o.rows as f64 * 100.0).round();
        format!("one of {} parts had {share} % of the rows of {}, and the others waited for it", o.parts, doing(o, operators))
    })
}

/// A join that makes many rows of few.
fn grown(o: &Operator, operators: &[Operator]) -> Option<String> {
    let largest = children(o, operators).map(|c| c.rows).max()?;
    let is_grown = o.operator.contains("Join") && o.rows >= ROWS_MIN && o.rows >= 10 * largest.max(1);
    is_grown.then(|| format!("the join made {} of {}: many rows match one", rows(o.rows), rows(largest)))
}

fn waited(step: &Value, seconds: f64, operators: &[Operator]) -> Option<String> {
    let waiting: f64 = operators.iter().map(|o| o.seconds_waiting).sum();
    let computing: f64 = operators.iter().map(|o| o.seconds).sum();
    if waiting > computing {
        return Some(format!("it waited for files longer than it computed ({waiting:.1} s against {computing:.1} s)"));
    }
    // Of the whole process: others may have computed meanwhile, it did not.
    let cpu = step["cpu_seconds"].as_f64()?;
    (cpu < seconds / 2.0).then(|| format!("the processor was busy for {cpu:.1} s of {seconds:.1} s: it waited for reading and writing"))
}

fn small_files(o: &Operator) -> Option<String> {
    let mean = o.bytes_read.checked_div(o.files_read)?;
    (o.files_read >= FILES_MIN && mean < SMALL_FILE).then(|| format!("it read {} files of {} each", counted(o.files_read), size(mean)))
}

fn children<'a>(o: &'a Operator, operators: &'a [Operator]) -> impl Iterator<Item = &'a Operator> {
    operators.iter().filter(|c| c.parent == Some(o.id))
}

/// What an operator does, and to how many rows.
fn doing(o: &Operator, operators: &[Operator]) -> String {
    let input: u64 = children(o, operators).map(|c| c.rows).sum();
    let what = match o.operator.as_str() {
        "Write" => "writing",
        "Sort" => "sorting",
        "SortPreservingMerge" => "merging sorted parts of",
        "Aggregate" => "grouping",
        "Filter" => "filtering",
        "Projection" => "computing columns of",
        "Repartition" => "sharing out",
        "CoalescePartitions" | "CoalesceBatches" => "bringing together",
        "WindowAgg" | "BoundedWindowAgg" => "windows over",
        "DataSource" | "MemoryScan" => "reading",
        "Read" => return format!("reading {}", if o.bytes_read > 0 { size(o.bytes_read) } else { rows(o.rows) }),
        "Decode" => "decoding",
        "Contract" => return format!("holding {} to the contract", rows(input)),
        "Unique" => return format!("looking for keys that come twice among {}", rows(input)),
        "Stage" => "writing, to be merged by key,",
        "Compare" => return "comparing new rows with stored ones by key".into(),
        "SetAside" => "setting aside",
        "References" => "reading what rules compare with:",
        rule if rule.starts_with("Rule ") => {
            let on = if o.detail.is_empty() { String::new() } else { format!(" {}", o.detail) };
            return format!("rule `{}`{on} ({})", &rule["Rule ".len()..], rows(o.rows.max(input)));
        }
        join if join.contains("Join") => "joining",
        other => return format!("{other} ({})", rows(o.rows.max(input))),
    };
    format!("{what} {}", rows(if input == 0 { o.rows } else { input }))
}

fn listed(texts: &[String]) -> String {
    match texts {
        [] => "nothing much".into(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

fn rows(n: u64) -> String {
    if n == 1 { "1 row".into() } else { format!("{} rows", counted(n)) }
}

/// `10.2 million`, `12,300`
fn counted(n: u64) -> String {
    let of = |unit: f64, name: &str| format!("{} {name}", format!("{:.1}", n as f64 / unit).trim_end_matches(".0"));
    match n {
        1_000_000_000.. => of(1e9, "billion"),
        1_000_000.. => of(1e6, "million"),
        1_000.. => format!("{},{:03}", n / 1_000, n % 1_000),
        _ => n.to_string(),
    }
}

fn size(bytes: u64) -> String {
    let units = [(1u64 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{} {name}", format!("{:.1}", bytes as f64 / *unit as f64).trim_end_matches(".0")),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::why;
    use serde_json::{Value, json};
    use tidemill_engine::Operator;

    fn operator(id: u32, parent: Option<u32>, name: &str, rows: u64, seconds: f64) -> Operator {
        Operator { id, parent, operator: name.into(), rows, seconds, parts: 1, ..Operator::default() }
    }

    fn plan() -> Vec<Operator> {
        vec![
            operator(0, None, "Write", 10_200_000, 1.0),
            operator(1, Some(0), "Sort", 10_200_000, 7.8),
            operator(2, Some(1), "DataSource", 10_200_000, 1.2),
        ]
    }

    #[test]
    fn what_took_most_is_told_with_its_rows_and_what_went_to_disk_with_its_limit() {
        let mut operators = plan();
        operators[1].bytes_spilled = 1_288_490_189;
        let told = why(&Value::Null, 9.0, &operators, Some(2 << 30)).expect("words");
        assert_eq!(told, "78 % of its time went into sorting 10.2 million rows; 1.2 GB went to disk because memory_limit is 2 GB");
    }

    #[test]
    fn a_step_that_was_quick_needs_no_words() {
        assert_eq!(why(&Value::Null, 0.2, &plan(), None), None);
        assert_eq!(why(&json!({ "cpu_seconds": 3.0 }), 3.0, &[], None), None);
    }

    #[test]
    fn work_of_its_own_is_told_by_rule_and_column() {
        let apply = |slow: usize| {
            let mut all = vec![
                operator(0, None, "Commit", 900_000, 0.0),
                operator(1, Some(0), "Write", 900_000, 1.0),
                operator(2, Some(1), "Rule repair", 900_000, 1.0),
                operator(3, Some(2), "Contract", 900_000, 1.0),
                operator(4, Some(3), "Decode", 1_000_000, 1.0),
                operator(5, Some(4), "Read", 1_000_000, 1.0),
            ];
            all[2].detail = "on city".into();
            all[5].bytes_read = 120 << 20;
            all[slow].seconds = 8.0;
            why(&Value::Null, 7.0, &all, None).expect("words")
        };
        assert_eq!(apply(2), "67 % of its time went into rule `repair` on city (900,000 rows)");
        assert_eq!(apply(3), "67 % of its time went into holding 1 million rows to the contract");
        assert_eq!(apply(4), "67 % of its time went into decoding 1 million rows");
        assert_eq!(apply(5), "67 % of its time went into reading 120 MB");
        let mut slow_disk = vec![operator(0, None, "Commit", 10, 0.0), operator(1, Some(0), "Write", 10, 0.1)];
        slow_disk[0].seconds_waiting = 2.0;
        let told = why(&Value::Null, 2.2, &slow_disk, None).expect("words");
        assert_eq!(told, "100 % of its time went into writing 10 rows; it waited for files longer than it computed (2.0 s against 0.1 s)");
    }

    #[test]
    fn time_that_is_spread_out_is_told_of_the_three_that_took_most() {
        let told = why(
            &Value::Null,
            4.0,
            &[
                operator(0, None, "Write", 1, 1.0),
                operator(1, Some(0), "Aggregate", 1, 1.2),
                operator(2, Some(1), "HashJoin", 12_300, 1.1),
                operator(3, Some(2), "Filter", 5, 0.1),
            ],
            None,
        );
        assert_eq!(told.expect("words"), "its time went into grouping 12,300 rows (35 %), joining 5 rows (32 %) and writing 1 row (29 %)");
    }

    #[test]
    fn a_part_with_most_rows_a_join_that_grows_waiting_and_small_files_are_told() {
        let mut skewed = plan();
        (skewed[1].parts, skewed[1].rows_of_largest) = (4, 9_900_000);
        assert!(
            why(&Value::Null, 9.0, &skewed, None)
                .expect("words")
                .contains("one of 4 parts had 97 % of the rows of sorting 10.2 million rows")
        );
        let join = [
            operator(0, None, "HashJoin", 50_000_000, 9.0),
            operator(1, Some(0), "DataSource", 1_000_000, 0.1),
            operator(2, Some(0), "DataSource", 10, 0.0),
        ];
        assert!(why(&Value::Null, 9.0, &join, None).expect("words").contains("the join made 50 million rows of 1 million rows"));
        let mut small = plan();
        (small[2].files_read, small[2].bytes_read, small[2].seconds_waiting) = (1_240, 1_240 * 12_288, 30.0);
        let told = why(&Value::Null, 9.0, &small, None).expect("words");
        assert!(
            told.contains("waited for files longer than it computed (30.0 s against 10.0 s)")
                && told.ends_with("it read 1,240 files of 12 KB each"),
            "{told}"
        );
        let idle = why(&json!({ "cpu_seconds": 1.0 }), 9.0, &[], None).expect("words");
        assert_eq!(idle, "the processor was busy for 1.0 s of 9.0 s: it waited for reading and writing");
    }
}
