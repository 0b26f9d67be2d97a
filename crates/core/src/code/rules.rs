//! 03: preparation rules.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "TM0301",
        title: "a rule names a column that is not there",
        text: r#"Rules work one after another on the table as the rules before left it. A column may have been dropped or
renamed by an earlier rule, or be made only by a later one; or the name has a slip. Names are stored in lower
case: `Year Birth` is `year_birth`."#,
    },
    Code {
        code: "TM0302",
        title: "a rule that cannot work on this type",
        text: r#"Some rules are for some types: `scale`, `outliers` and `bin` for numbers, `text` and `repair` for text,
`date_parts` for dates and timestamps. Give the column another type, or turn it into one first:

    [[clean]]
    rule = "cast"
    columns = ["income"]
    type = "float64""#,
    },
    Code {
        code: "TM0303",
        title: "the column is there already",
        text: r#"The rule would make a column that the table already has. Choose another name with `into`, drop the old one
before, or, where the rule allows it, work in place:

    [[clean]]
    rule = "scale"
    column = "income"
    method = "standard"
    into = "{column}"       # in place"#,
    },
    Code {
        code: "TM0304",
        title: "no such rule",
        text: r#"The rules are `text`, `invalid`, `missing`, `duplicates`, `repair`, `outliers`, `scale`, `encode`, `bin`,
`derive`, `date_parts`, `drop`, `filter`, `rename`, `select` and `cast`.

    [[clean]]
    rule = "missing"
    columns = ["income"]
    with = "median""#,
    },
    Code {
        code: "TM0305",
        title: "a key that this rule does not take",
        text: r#"Every rule has keys of its own; the help lists those of this one. A key of another rule would have no effect
here. For example, `factor` belongs to `outliers`, not to `scale`. A rule that takes one `column` is written
once for each column."#,
    },
    Code {
        code: "TM0306",
        title: "a rule contradicts itself",
        text: r#"The values of the rule do not fit each other: edges that do not rise, a number of labels that is not the
number of groups, a lower quantile above the upper one. Two edges make three groups:

    [[clean]]
    rule = "bin"
    column = "age"
    edges = [30, 60]
    labels = ["young", "middle", "senior"]"#,
    },
    Code {
        code: "TM0307",
        title: "several columns under one name",
        text: r#"The rule writes several columns, and `into` gives them all the same name. Put in what differs: `{column}` for
the column worked on, `{value}` for the value (encode), `{part}` for the part (date_parts).

    into = "{column}_z""#,
    },
    Code {
        code: "TM0308",
        title: "nothing to repair to",
        text: r#"`repair` takes each spelling to the nearest right one, and has to know the right ones: a list, a file with one
a line, a column of another table, or the column's own frequent values.

    to = ["Germany", "France"]
    to_file = "countries.txt"              # counts from the project directory
    to_column = "clean.countries.name"
    frequent = true

The file must be there, in UTF-8, with at least one value; the table must be one of the project's."#,
    },
    Code {
        code: "TM0309",
        title: "a rule that a stream can't have",
        text: r#"A table that is followed is cleaned row by row, as rows come. Rules that need rows which are still to come can't be
kept: `duplicates` with `keep = "last"` or `"latest"` or with `like`, and `missing` with `forward`.

    [[clean]]
    rule = "duplicates"
    key = ["order_id"]
    keep = "first"        # the first to come stays: this can be kept

What a rule measures (a median, the frequent spellings) was fitted on rows stored before, and is used as it is: a stream never
fits anew. `on_stream = "skip"` in such a rule leaves rows that come as they are, until `tidemill run --full` makes the table anew. The newest row of each key is a live view's work: `row_number() OVER (PARTITION BY order_id ORDER BY ts DESC) = 1`."#,
    },
];
