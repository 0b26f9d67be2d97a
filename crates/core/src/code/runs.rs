//! 06 connectors, 07 settings, 09 what a run meets.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "TM0601",
        title: "an option that the connector does not have",
        text: r#"The connector has no option of that name, so the line would have no effect. The help names the nearest one.
Options stand in `[source]` of a table, and in `[to]` of an export."#,
    },
    Code {
        code: "TM0602",
        title: "a value that the option does not take",
        text: r#"The connector has the option, and cannot use this value. The help says what it takes. For example, a delimiter
is one character:

    [source]
    path = "data/orders.csv"
    delimiter = ";""#,
    },
    Code {
        code: "TM0603",
        title: "a source with nothing to read",
        text: r#"No file matches, or it cannot be opened. Paths count from the project directory; `*` matches within a folder,
`**` across folders:

    path = "data/orders-*.csv"

As a warning it names a file without a single row. Such a file stops nothing; while all files of a table are
empty and nothing was ever read from it, its undeclared columns are unknown, and it waits."#,
    },
    Code {
        code: "TM0604",
        title: "a declared column is not in the source",
        text: r#"The table declares a column that the source does not have. Names are compared as written, then in lower case
with other characters as `_`. If the source calls it something else, say so with `from`; the table's `drift`
says what becomes of such a file:

    [columns.total]
    from = "order:TotalAmount""#,
    },
    Code {
        code: "TM0605",
        title: "no such connector",
        text: r#"`connector` names the kind of system that rows come from or go to; the help lists those that this version has. Where a
table or an export says nothing, `files` is meant."#,
    },
    Code {
        code: "TM0606",
        title: "a guess about the source",
        text: r#"The table does not say how a column is written, and a sample of the source leaves it open: `03/04/2021` may be
the third of April or the fourth of March, `NA` a missing value or Namibia. The message says what is assumed. Say it
in the table's file, and nothing is guessed:

    [columns.ordered_at]
    type = "date"
    format = "%m/%d/%Y""#,
    },
    Code {
        code: "TM0607",
        title: "no such connection",
        text: r#"`connection = "NAME"` takes what several sources and sinks have in common from one section of `tidemill.toml`; an option
that stands in the source itself wins over the connection's.

    [connections.broker]
    connector = "kafka"
    brokers = "${KAFKA_BROKERS}""#,
    },
    Code {
        code: "TM0608",
        title: "a secret in a file",
        text: r#"Files of a project are copied, shown and kept in version control, so passwords, tokens and keys stand in the
environment, or in `.env` beside `tidemill.toml`, and the file only names them:

    sasl_password = "${KAFKA_PASSWORD}""#,
    },
    Code {
        code: "TM0701",
        title: "no such setting",
        text: r#"A variable `TIDEMILL__SECTION__KEY`, or a flag, sets something that is no setting. `tidemill config show`
lists all of them with their values and where each came from. For example,
`TIDEMILL__ENGINE__MEMORY_LIMIT=2GB` sets `engine.memory_limit`."#,
    },
    Code {
        code: "TM0702",
        title: "a value that the setting does not take",
        text: r#"A variable `TIDEMILL__SECTION__KEY`, or a flag, gives a setting a value that it cannot have. Sizes are written
`1GB` or `512MiB`, durations `10s` or `7d`, and counts as whole numbers."#,
    },
    Code {
        code: "TM0703",
        title: "no such environment",
        text: r#"`--env NAME`, or the variable `TIDEMILL_ENV`, chooses a set of settings that `tidemill.toml` does not have. An
environment is a section:

    [environments.prod.engine]
    memory_limit = "8GB"

It may also have other sources for tables: `[environments.prod.tables.orders]` takes the place of `[source]` in
tables/orders.toml."#,
    },
    Code {
        code: "TM0704",
        title: "a line of `.env` that is no assignment",
        text: r#"`.env` holds one `NAME=value` a line; lines that begin with `#` are comments, and a value with spaces stands
in quotes. The line is not shown, since it may hold a secret.

    SHOP_PASSWORD='open sesame'"#,
    },
    Code {
        code: "TM0801",
        title: "a panel of another shape",
        text: r#"Each kind of panel needs some keys and takes some others; any further one would do nothing.

| kind | needs | takes |
| --- | --- | --- |
| `number` | `y` | `x`, `bucket` |
| `line`, `area` | `x`, `y` | `by`, `bucket` |
| `bar`, `stacked` | `x`, `y` | `by`, `bucket`, `order`, `limit` |
| `histogram` | `x` | `bins` |
| `heatmap`, `cohort` | `x`, `by`, one `y` | `bucket` |
| `scatter` | `x`, `y` | `by` |
| `table` | | `columns`, `order`, `limit` |

All take `title`, `description`, `where` and `width`."#,
    },
    Code {
        code: "TM0802",
        title: "a column that a panel or a filter cannot show",
        text: r#"`bucket` cuts times, a histogram and a scatter place numbers, and a filter of kind `range` compares numbers, one of
kind `time` times. The column is something else. Name another one, or make it in the view: `CAST(day AS DATE)`."#,
    },
    Code {
        code: "TM0803",
        title: "a filter that applies to nothing",
        text: r#"A filter applies to each panel whose view has a column of its name. No view of this dashboard has one, so the
filter would be shown and change nothing. Correct the name, or add the column to a view."#,
    },
    Code {
        code: "TM0901",
        title: "another process owns the lake",
        text: r#"One process at a time writes to a project's lake; the message names it by command and process id. Wait until
it has ended, and run again; or look at the last finished state meanwhile with `tidemill query`. If the
process was killed, nothing needs to be done: its ownership ends with it."#,
    },
    Code {
        code: "TM0902",
        title: "the memory limit was reached",
        text: r#"The work needed more memory than `engine.memory_limit` allows, and could not go on with less. Raise it, or
lower `engine.threads`, since each thread holds rows of its own:

    [engine]
    memory_limit = "4GB""#,
    },
    Code {
        code: "TM0903",
        title: "the rules changed since the recipe was fitted",
        text: r#"`run --frozen` applies what was learnt before (medians, spellings, categories) without learning again. The
rules of the table are no longer those that it was learnt for. Run once without `--frozen`."#,
    },
    Code {
        code: "TM0904",
        title: "a file's columns are not the declared ones",
        text: r#"The table says `drift = "fail"`, and a file has other columns than the table declares. Correct the file or the
declaration, or choose what is to happen: `drift = "quarantine"` sets such a file's rows aside, `drift =
"evolve"` takes new columns and fills missing ones with NULL."#,
    },
    Code {
        code: "TM0905",
        title: "a column that varies after all",
        text: r#"A `drop` rule with `when = "constant"` found more than one value in the column, so that dropping it would lose
something. Look at the values, and remove `when` if the column is to go all the same."#,
    },
    Code {
        code: "TM0906",
        title: "a test of a view failed",
        text: r#"Rows of a view broke one of its tests. They stand in `system.test_failures`, by run, view and test. The views
were built all the same; a test with `severity = "warn"` does not fail the run."#,
    },
];
