//! 01 tables, 02 columns and the contract.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "TM0101",
        title: "this way of loading needs a key",
        text: r#"`load = "upsert"` replaces the stored row with the same key, and `load = "diff"` compares a whole snapshot
with the stored table by key. Say which columns name a row:

    load = "upsert"
    key = ["order_id"]

If rows have no key, `load = "append"` keeps them all, and `load = "replace"` keeps what the source holds now."#,
    },
    Code {
        code: "TM0102",
        title: "no such time zone",
        text: r#"Time zones are written by their IANA names, such as `Europe/Berlin`, `America/New_York` or `UTC`.
Abbreviations such as CET are ambiguous: they do not say when summer time begins. The zone tells how to read
timestamps that are written without one, and where days are cut."#,
    },
    Code {
        code: "TM0103",
        title: "a column that the clean table does not have",
        text: r#"`key` and `partition_by` name columns of the table as it is after cleaning: a column that a rule drops or
renames is not there any more, and one that a rule makes is. Names are stored in lower case, so `Order ID` is
`order_id`."#,
    },
    Code {
        code: "TM0104",
        title: "a name stands twice in a list",
        text: r#"The list names the same thing twice; the second has no effect. Most often the second was meant to be another
column:

    key = ["order_id", "order_id"]     # "line" was meant"#,
    },
    Code {
        code: "TM0105",
        title: "this way of loading needs the stored raw rows",
        text: r#"`load = "upsert"` and `load = "diff"` compare what comes with what is stored, and `raw = "source"` stores
nothing. Leave `raw` out, so that raw rows are kept, or take the source as the whole truth each time:

    load = "replace"
    raw = "source""#,
    },
    Code {
        code: "TM0106",
        title: "not for a table that is followed",
        text: r#"A source that never ends, such as a Kafka topic, is followed: rows come, and are added. So `load` is `append`, raw rows
are kept (`raw = "keep"`), and the type of every column is declared, or known from a run over files, since a stream can't be
looked into beforehand. To replace rows by key, keep the newest of each in a live view:

    SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY changed_at DESC) AS n FROM orders) WHERE n = 1"#,
    },
    Code {
        code: "TM0107",
        title: "an event time that is no time",
        text: r#"`event_time` names the column of the clean table that says when a row happened. Windows are cut by it and watermarks
follow it, so it is a timestamp or a date; a `cast` or `derive` rule makes one of text.

    event_time = "ordered_at""#,
    },
    Code {
        code: "TM0201",
        title: "a check is not a condition",
        text: r#"Checks and `where` are SQL conditions: expressions that are true or false for a row. `age` alone is a number;
`age > 0` is a condition.

    check = "age > 0 AND age < 120"

A row for which a check is false goes to quarantine. A check on NULL is not false, as in SQL; say `required =
true` to refuse NULL."#,
    },
    Code {
        code: "TM0202",
        title: "no such column type",
        text: r#"The types are `text`, `bool`, `int8`, `int16`, `int32`, `int64` (or `int`), `float32`, `float64` (or `float`,
`double`), `decimal(p, s)`, `date`, `timestamp` (an instant, kept in UTC) and `timestamp_local` (a reading of
a clock, without a zone).

    [columns]
    price = "decimal(18, 2)"
    ordered_at = "timestamp""#,
    },
    Code {
        code: "TM0203",
        title: "two columns of one name",
        text: r#"Names are stored in lower case with every other character as `_`, so that `Order ID` and `order_id` would be
the same column. Give one another name and say what the source calls it:

    [columns.order_id_2]
    from = "order_id""#,
    },
    Code {
        code: "TM0204",
        title: "not a date pattern",
        text: r#"Patterns are written with percent signs, as in C, Python and most databases: `%Y` year, `%m` month, `%d` day,
`%b` Jan, `%B` January, `%y` two-digit year, `%H:%M:%S` time, `%I` hour to 12 with `%p` am or pm, `%z` zone. A
date needs a year, a month and a day. Several patterns are tried in order:

    [columns.ordered_on]
    type = "date"
    formats = ["%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y"]"#,
    },
    Code {
        code: "TM0205",
        title: "an option that means nothing for this type",
        text: r#"`format` and `timezone` are for dates and timestamps; `thousands`, `decimal`, `units` and `negative` for
numbers; `trim` for text, since all other types are trimmed anyway; `min`, `max` and `range` for whatever has
an order. Either the option or the column's `type` is not what was meant."#,
    },
    Code {
        code: "TM0206",
        title: "a range without values",
        text: r#"The minimum is greater than the maximum, so every row would go to quarantine. Swap the two:

    range = [0, 120]"#,
    },
    Code {
        code: "TM0207",
        title: "a bound that is no value of the column",
        text: r#"`min`, `max`, `range` and `accepted` hold values of the column's own type: numbers without quotes for numbers,
ISO dates for dates.

    [columns.born]
    type = "date"
    min = "1900-01-01""#,
    },
    Code {
        code: "TM0208",
        title: "a reserved column name",
        text: r#"`_file`, `_line` and `_ingested_at` are added to every raw table by the program: where a row came from, and
when. A source column of that name is taken under another one:

    [columns.source_file]
    from = "_file""#,
    },
];
