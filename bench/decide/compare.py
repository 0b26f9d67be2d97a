"""What each way of doing the work has left behind, as figures that must be equal: counts, sums, groups, and a checksum over every cell of every row.

DuckDB reads Tidemill's Delta table and pandas' Parquet file; PostgreSQL is asked in its own SQL. Nobody's own report is believed.
"""
import decimal
from pathlib import Path

ROW = """concat_ws('|', row_key, customer_id, name, age, country, coalesce(CAST(registration_date AS text), '~'), coalesce(CAST(order_date AS text), '~'), quantity,
    coalesce(CAST(total_amount AS text), '~'), product_id, coalesce(product_name, '~'), category, coalesce(CAST(price AS text), '~'),
    coalesce(shipping_address, '~'), coalesce(CAST(shipping_date AS text), '~'), age_group, coalesce(order_month, '~'))"""
QUERIES = {
    "rows": "SELECT count(*) FROM orders",
    "customers": "SELECT count(DISTINCT customer_id) FROM orders",
    "every cell of every row (checksum)": f"SELECT sum(NUMBER_OF(substr(md5({ROW}), 1, 8))) FROM orders",
    "sum of total_amount": "SELECT sum(total_amount), count(total_amount) FROM orders",
    "sum of quantity": "SELECT sum(quantity) FROM orders",
    "sum of age": "SELECT sum(age), min(age), max(age) FROM orders",
    "days that are known": "SELECT count(registration_date), count(order_date), count(shipping_date), min(order_date), max(order_date) FROM orders",
    "orders and sales by country": "SELECT country, count(*), sum(total_amount) FROM orders GROUP BY country",
    "orders and sales by category": "SELECT category, count(*), sum(total_amount) FROM orders GROUP BY category",
    "orders and sales by age group": "SELECT age_group, count(*), sum(total_amount) FROM orders GROUP BY age_group",
    "monthly sales by category": "SELECT order_month, category, orders, pieces, sales FROM monthly_sales",
}


def of_files(orders, monthly_sales):
    """The figures of Parquet files."""
    import duckdb
    connection = duckdb.connect()
    money = "CAST(round({0}, 2) AS decimal(18, 2)) AS {0}"
    dates = ", ".join(f"CAST({c} AS date) AS {c}" for c in ("registration_date", "order_date", "shipping_date"))
    connection.execute(f"""CREATE VIEW orders AS SELECT * REPLACE ({dates}, {money.format('total_amount')}, {money.format('price')},
        CAST(age AS int) AS age, CAST(quantity AS int) AS quantity) FROM read_parquet({orders!r})""")
    connection.execute(f"CREATE VIEW monthly_sales AS SELECT * REPLACE ({money.format('sales')}) FROM read_parquet({monthly_sales!r})")
    connection.execute("CREATE MACRO number_of(hex) AS CAST('0x' || hex AS bigint)")
    return figures(connection)


def of_delta(project):
    """The figures of a Tidemill project's tables, and the rows it has set aside."""
    import duckdb
    from deltalake import DeltaTable
    lake = Path(project) / "lake"
    orders, sales, aside = (sorted(DeltaTable(str(lake / name)).file_uris()) if (lake / name).exists() else []
                            for name in ("clean/orders", "public/monthly_sales", "quarantine/orders"))
    rejected = duckdb.sql(f"SELECT count(*) FROM read_parquet({aside!r})").fetchall()[0][0] if aside else 0
    return of_files(orders, sales), rejected


def of_server(host):
    """The figures of a PostgreSQL server's tables, and the rows it has set aside."""
    import psycopg
    with psycopg.connect(host=host, dbname="postgres", user="tidemill") as connection:
        connection.execute(
            "CREATE FUNCTION pg_temp.number_of(hex text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || hex)::bit(32)::bigint & 4294967295 $$")
        return figures(connection, "pg_temp.number_of"), connection.execute("SELECT count(*) FROM rejected").fetchone()[0]


def figures(connection, number_of="number_of"):
    return {name: sorted([plain(v) for v in row] for row in connection.execute(sql.replace("NUMBER_OF", number_of)).fetchall())
            for name, sql in QUERIES.items()}


def plain(value):
    """As text that is the same for 5, 5.0 and 5.00."""
    if isinstance(value, (int, float, decimal.Decimal)):
        number = decimal.Decimal(str(value))
        return str(int(number)) if number == int(number) else format(number.normalize(), "f")
    return str(value)


def differences(a, b):
    """Names of figures that are not equal."""
    return [name for name in a if a[name] != b.get(name)]
