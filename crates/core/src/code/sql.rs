//! 04 SQL and views, 05 the graph.

use super::Code;

pub(super) const CODES: &[Code] = &[
    Code {
        code: "TM0401",
        title: "not SQL",
        text: r#"The text does not parse. The caret stands where the parser gave up, which is often a word after the mistake:
look for a comma too many or too few, a missing operator, or a bracket left open. The dialect is PostgreSQL's;
names that are not lower case, or have other characters in them, stand in double quotes, and text in single
quotes: `"Total" = 'x'`."#,
    },
    Code {
        code: "TM0402",
        title: "no such column",
        text: r#"No relation in the FROM clause has a column of that name. Names without quotes are read in lower case, as in
PostgreSQL. A name given in the SELECT list cannot be used in its WHERE. `tidemill query "DESCRIBE customers"`
shows the columns of a table once it has been built."#,
    },
    Code {
        code: "TM0403",
        title: "no such view or table",
        text: r#"A bare name is a view, or else the clean table. Other tables have their schema before them: `raw.orders` the
rows as they came, `clean.orders` the rows after cleaning, `quarantine.orders` the rows refused, `system.runs`
and others what runs did.

    SELECT * FROM raw.orders"#,
    },
    Code {
        code: "TM0404",
        title: "no such function",
        text: r#"Neither the engine nor a file in `functions/` has a function of that name. Most PostgreSQL functions are
there; `SELECT routine_name FROM information_schema.routines` lists them. A function of your own is one file:

    CREATE FUNCTION margin(price DOUBLE, cost DOUBLE) RETURNS DOUBLE RETURN (price - cost) / price"#,
    },
    Code {
        code: "TM0405",
        title: "types that do not fit",
        text: r#"The expression mixes types that have no common meaning, or calls a function with arguments that it does not
take. Say how to turn one into the other:

    CAST(code AS BIGINT) + 1"#,
    },
    Code {
        code: "TM0406",
        title: "not a SELECT",
        text: r#"Views, tests, exports and queries read; they do not write. Only SELECT, WITH and VALUES are allowed. How a
view is stored is said in its header, not in its SQL:

    --! materialized = "table"
    SELECT …"#,
    },
    Code {
        code: "TM0407",
        title: "a view that cannot be kept current",
        text: r#"`materialized = "live"` keeps a view current while rows arrive, row by row. Not every SELECT can be: the message names
the clause that can't, and the help the nearest thing that works. `"table"` computes the view at each run, `"view"` whenever
it is asked for. An alert can be asked again and again instead of being kept live:

    --! every = "10s"
    SELECT …"#,
    },
    Code {
        code: "TM0408",
        title: "a setting in the wrong place",
        text: r#"Settings of a `.sql` file stand at its top, in comment lines that begin with `--!`. Once the SQL has begun,
such a line would have no effect.

    --! materialized = "table"
    SELECT …"#,
    },
    Code {
        code: "TM0409",
        title: "more than one statement",
        text: r#"A file is one node of the graph, and so one statement. Put each into a file of its own; a helper that only one
view needs can be a common table expression:

    WITH recent AS (SELECT * FROM orders WHERE …)
    SELECT count(*) FROM recent"#,
    },
    Code {
        code: "TM0410",
        title: "not a function definition",
        text: r#"A file in `functions/` defines one SQL function, under the file's own name: as an expression over its
arguments, or as a SELECT, which is then read from as from a table, `FROM top_products('Toys', 5)`:

    -- functions/margin.sql
    CREATE FUNCTION margin(price DOUBLE, cost DOUBLE) RETURNS DOUBLE RETURN (price - cost) / price

    -- functions/top_products.sql
    CREATE FUNCTION top_products(of TEXT, n INT DEFAULT 10) RETURNS TABLE (product TEXT, revenue DOUBLE)
    RETURN SELECT product, sum(amount) FROM sales WHERE category = of GROUP BY product ORDER BY 2 DESC LIMIT n"#,
    },
    Code {
        code: "TM0411",
        title: "no such test",
        text: r#"The tests of a view are `not_null`, `unique`, `accepted_values`, `relationships` and `sql`:

    --! tests = [
    --!   { not_null = ["id", "day"] },
    --!   { unique = "id", severity = "warn" },
    --!   { accepted_values = { column = "status", values = ["open", "closed"] } },
    --!   { relationships = { column = "customer_id", to = "customers", to_column = "id" } },
    --!   { name = "no_future", sql = "SELECT * FROM orders WHERE day > '2030-01-01'" },
    --! ]"#,
    },
    Code {
        code: "TM0412",
        title: "a function's test does not hold",
        text: r#"The header of a function's file says what a call must give, and it gives something else. Calls with values need no
data, so they are tried by every `check`. Mend the function, or what the test expects; `equals = "NULL"` is a missing
value, and numbers with a point need agree to nine digits only:

    --! tests = [
    --!   { call = "margin(10, 4)", equals = 0.6 },
    --!   { call = "margin(0, 4)", equals = "NULL" },
    --! ]"#,
    },
    Code {
        code: "TM0413",
        title: "a parameter that the header does not declare",
        text: r#"A file in `queries` is asked by its name with values for its parameters. Each is written `$name` in the SQL and
declared with its type in the header, so that a value of another type is refused before anything is asked:

    --! [params]
    --! customer_id = "text"
    --! months = { type = "int", default = 12, description = "so many months back" }"#,
    },
    Code {
        code: "TM0414",
        title: "a parameter that does nothing",
        text: r#"The header declares a parameter that the SQL does not use: whoever gives a value for it would believe that it
counts. Use it, as in `WHERE customer_id = $customer_id`, or remove it from the header."#,
    },
    Code {
        code: "TM0501",
        title: "a circle",
        text: r#"Each of these is made from the next, and the last from the first, so none can be computed first. The message
gives the way round, as in `a → b → a`. Move what they share into a view of its own, which both read."#,
    },
    Code {
        code: "TM0502",
        title: "two things of one name",
        text: r#"A view and a table have the same name, and `FROM orders` would not say which is meant. Rename one of the two
files. A view over a table that only adds a little is often better called for what it adds:
`orders_with_margin`."#,
    },
    Code {
        code: "TM0503",
        title: "a selector that means nothing",
        text: r#"`-s` names tables, views and exports: `orders` (a view, or else the clean table), `raw.orders`,
`export.report`. `+orders` adds what it is made from, `orders+` what is made from it, `1+orders` one step
only; `clean.*` is a pattern, and `a,b+` is what both mean. Several `-s` add up."#,
    },
    Code {
        code: "TM0504",
        title: "raw rows that are not kept",
        text: r#"The table says `raw = "source"`: its source is read again whenever raw rows are needed, and no copy is kept
that SQL could read. Read the clean table, or keep the raw rows with `raw = "keep"`."#,
    },
];
