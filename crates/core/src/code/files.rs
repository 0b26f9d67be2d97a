//! 00: files and TOML.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "TM0001",
        title: "no project here",
        text: r#"A project is a directory with a `tidemill.toml` in it. Commands look in the current directory, or in the one
that `-C` names:

    tidemill -C shop run

To begin a project, write `tidemill init shop`."#,
    },
    Code {
        code: "TM0002",
        title: "a file cannot be read",
        text: r#"The file is there, but the system refuses to give its text: most often its permissions, or a folder where a
file should be. `ls -l` shows who may read it; `chmod u+r FILE` lets you."#,
    },
    Code {
        code: "TM0003",
        title: "a file is not UTF-8",
        text: r#"Project files are UTF-8 text. This one holds bytes that are not, most often because an editor saved it as
Latin-1 or UTF-16. Save it again as UTF-8, or convert it:

    iconv -f latin1 -t utf-8 old.toml > new.toml

This is about project files only. Data may have any encoding: see the `encoding` option of `[source]`."#,
    },
    Code {
        code: "TM0004",
        title: "not TOML",
        text: r#"The line cannot be read as TOML. Text stands in quotes, lists in brackets, and a key is written once:

    load = "append"
    key = ["order_id", "line"]

    [columns.age]
    type = "int64"

A section of a list, such as a cleaning rule, has two brackets: `[[clean]]`. The rest of the file is read all
the same, so that you see its other mistakes; what stood on a broken line is not judged."#,
    },
    Code {
        code: "TM0005",
        title: "unknown key",
        text: r#"Nothing here is called that, so the line would have no effect. Most often it is a slip (`colums` for
`columns`), or a key in the wrong section: keys that follow a `[section]` belong to it, so a key of the table
itself stands above the first section.

    load = "append"        # of the table

    [source]
    path = "orders.csv"    # of the source"#,
    },
    Code {
        code: "TM0006",
        title: "a value of the wrong type",
        text: r#"The key is right and its value has the wrong shape: text where a number is expected, or one value where a list
is. Numbers and `true`/`false` are written without quotes, text with them:

    required = true
    min = 0
    accepted = ["red", "green"]"#,
    },
    Code {
        code: "TM0007",
        title: "a key is missing",
        text: r#"The section cannot do its work without this key. The help shows one to copy. For example, a table has to say
where its rows come from:

    [source]
    path = "data/orders.csv""#,
    },
    Code {
        code: "TM0008",
        title: "not one of the allowed words",
        text: r#"The key takes one of a few words, which the help lists. For example, `load` is `append`, `replace`, `upsert`
or `diff`:

    load = "replace""#,
    },
    Code {
        code: "TM0009",
        title: "a value that makes no sense",
        text: r#"The value has the right type, but it is out of range or malformed: a negative size, a duration without a unit,
a list with nothing in it. Sizes and durations are numbers with a unit:

    memory_limit = "1GB"       # or "512MiB"
    retention = "7d"           # us, ms, s, m, h, d, w; also "1h30m""#,
    },
    Code {
        code: "TM0010",
        title: "a file that is not read",
        text: r#"The file looks as if it were part of the project, but nothing reads it where it is. Tables and exports are
`.toml` files in `tables/` and `exports/`, views and functions are `.sql` files in `views/` and `functions/`,
and folders inside these are not searched. This is a warning: nothing breaks, but the file has no effect."#,
    },
    Code {
        code: "TM0011",
        title: "not a name",
        text: r#"Names of tables, views, functions and new columns are lower-case letters, digits and `_`, and do not begin
with a digit, so that they can stand in SQL without quotes and be file names on every system. Write
`age_group`, not `Age Group`.

Columns of the source may be called anything; `from` says what the source calls them:

    [columns.total_amount]
    from = "order:TotalAmount""#,
    },
    Code {
        code: "TM0012",
        title: "two keys that do not go together",
        text: r#"Each of the two keys says something that the other one contradicts, or one of them means nothing beside the
other. Keep one. For example, `range` already gives both ends:

    range = [0, 120]       # and neither `min` nor `max`"#,
    },
    Code {
        code: "TM0013",
        title: "no such environment variable",
        text: r#"`${NAME}` in an option is replaced from the environment, so that passwords need not stand in files. There is
no variable of that name, neither in the process nor in the project's `.env`:

    # .env, which is not for version control
    SHOP_PASSWORD=…

To write `${` itself, write `$${`."#,
    },
    Code {
        code: "TM0014",
        title: "nothing in it",
        text: r#"The file has no SQL in it, apart from comments and settings. A view is one SELECT:

    --! materialized = "table"
    SELECT country, count(*) AS customers FROM customers GROUP BY country

Write it, or remove the file."#,
    },
];
