"""An independent answer to what projects/marketing must give: pandas for the clean table, DuckDB for the views.

  python marketing.py CSV LAKE [VIEWS_DIR RESULTS_DIR [EXPORTS_DIR]]

Reads the CSV itself, computes the clean table as tables/customers.toml describes it, and compares it cell by cell with `clean/customers` in LAKE as
two other readers see it: the deltalake package, and DuckDB over the files that the Delta log names. With VIEWS_DIR, every view's SQL is run by DuckDB
over those tables and compared with RESULTS_DIR/NAME.csv, which Tidemill wrote; with EXPORTS_DIR, so are the exported Parquet, CSV and JSON files.
Floats agree to 1e-9 relative. Exit code 1 and the first differences when anything differs.
"""
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from deltalake import DeltaTable

TOLERANCE = 1e-9
NAMES = {
    "ID": "id", "Year_Birth": "year_birth", "Education": "education", "Marital_Status": "marital_status", "Income": "income", "Kidhome": "kidhome",
    "Teenhome": "teenhome", "Dt_Customer": "dt_customer", "Recency": "recency", "MntWines": "spend_wines", "MntFruits": "spend_fruits",
    "MntMeatProducts": "spend_meat", "MntFishProducts": "spend_fish", "MntSweetProducts": "spend_sweets", "MntGoldProds": "spend_gold",
    "NumDealsPurchases": "purchases_deals", "NumWebPurchases": "purchases_web", "NumCatalogPurchases": "purchases_catalog",
    "NumStorePurchases": "purchases_store", "NumWebVisitsMonth": "web_visits", "AcceptedCmp3": "accepted_cmp3", "AcceptedCmp4": "accepted_cmp4",
    "AcceptedCmp5": "accepted_cmp5", "AcceptedCmp1": "accepted_cmp1", "AcceptedCmp2": "accepted_cmp2", "Complain": "complain",
    "Z_CostContact": "z_costcontact", "Z_Revenue": "z_revenue", "Response": "response",
}
SCALED = [
    "income", "age", "children", "household_size", "tenure_days", "recency", "total_spend", "spend_wines", "spend_fruits", "spend_meat", "spend_fish",
    "spend_sweets", "spend_gold", "total_purchases", "purchases_deals", "purchases_web", "purchases_catalog", "purchases_store", "web_visits",
]
differences = []


def differs(what):
    differences.append(what)
    if len(differences) <= 20:
        print(f"differs: {what}")


def expected(csv):
    """The clean table, from the file alone."""
    d = pd.read_csv(csv, sep="\t").rename(columns=NAMES)
    if d["z_costcontact"].nunique() != 1 or d["z_revenue"].nunique() != 1:
        raise SystemExit("the constant columns vary")
    d = d.drop(columns=["z_costcontact", "z_revenue"])
    d["dt_customer"] = pd.to_datetime(d["dt_customer"], format="%d-%m-%Y")
    last = d["dt_customer"].max()

    born = d["year_birth"].where(d["year_birth"] >= 1920)
    d["year_birth_filled"] = born.isna()
    d["year_birth"] = born.fillna(np.floor(born.median())).astype("int64")

    d["marital_status"] = d["marital_status"].replace({"Alone": "Single", "Absurd": "Unknown", "YOLO": "Unknown"})

    d["income_filled"] = d["income"].isna()
    d["income"] = d["income"].fillna(d.groupby("education")["income"].transform("median")).astype("float64")
    q1, q3 = d["income"].quantile(0.25), d["income"].quantile(0.75)
    d["income_outlier"] = (d["income"] < q1 - 1.5 * (q3 - q1)) | (d["income"] > q3 + 1.5 * (q3 - q1))

    d["total_spend"] = d[["spend_wines", "spend_fruits", "spend_meat", "spend_fish", "spend_sweets", "spend_gold"]].sum(axis=1)
    d["total_purchases"] = d[["purchases_web", "purchases_catalog", "purchases_store"]].sum(axis=1)
    d["children"] = d["kidhome"] + d["teenhome"]
    d["household_size"] = d["children"] + 1 + d["marital_status"].isin(["Married", "Together"]).astype("int64")
    d["age"] = last.year - d["year_birth"]
    d["age_group"] = np.select([d["age"] < 30, d["age"] < 45, d["age"] < 60], ["under 30", "30 to 44", "45 to 59"], "60 and over")
    d["tenure_days"] = (last - d["dt_customer"]).dt.days
    d["dt_customer_year"] = d["dt_customer"].dt.year
    d["dt_customer_month"] = d["dt_customer"].dt.month
    d["campaigns_accepted"] = d[[f"accepted_cmp{i}" for i in range(1, 6)] + ["response"]].sum(axis=1)
    d["education_level"] = d["education"].map({"Basic": 0, "Graduation": 1, "2n Cycle": 2, "Master": 3, "PhD": 4})
    for c in SCALED:
        x = d[c].astype("float64")
        d[f"{c}_z"] = (x - x.mean()) / x.std()
        d[f"{c}_minmax"] = (x - x.min()) / (x.max() - x.min())
    d["income_robust"] = (d["income"] - d["income"].median()) / (q3 - q1)
    d["dt_customer"] = d["dt_customer"].dt.date
    return d


def compare(name, want, got, key):
    """Every cell of two frames, rows matched by `key` (a list of columns). Returns how many cells were compared."""
    if sorted(want.columns) != sorted(got.columns):
        missing, extra = set(want.columns) - set(got.columns), set(got.columns) - set(want.columns)
        differs(f"{name}: columns missing {sorted(missing)}, not expected {sorted(extra)}")
    if len(want) != len(got):
        differs(f"{name}: {len(got)} rows instead of {len(want)}")
        return 0
    want = want.sort_values(key).reset_index(drop=True)
    got = got.sort_values(key).reset_index(drop=True)
    cells = 0
    for c in [c for c in want.columns if c in got.columns]:
        cells += len(want)
        w, g = want[c], got[c]
        if pd.api.types.is_bool_dtype(w) or not pd.api.types.is_numeric_dtype(w):
            # Text, dates, truth values: as they print, so that two libraries' own types don't matter; a missing cell only equals a missing cell.
            same = (w.isna() & g.isna()) | (~w.isna() & ~g.isna() & (w.astype(str) == g.astype(str)))
        else:
            a, b = w.astype("float64").to_numpy(), pd.to_numeric(g).astype("float64").to_numpy()
            same = pd.Series((np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= TOLERANCE * np.maximum(1.0, np.abs(a))))
        for i in np.flatnonzero(~same.to_numpy())[:3]:
            differs(f"{name}.{c}, row {[want[k][i] for k in key]}: {g[i]!r} instead of {w[i]!r}")
    return cells


def promises(clean):
    """What the acceptance asks of the table, counted on what was stored and not on what was expected."""
    facts = {
        "rows": (len(clean), 2240),
        "incomes filled": (int(clean["income_filled"].sum()), 24),
        "incomes missing": (int(clean["income"].isna().sum()), 0),
        "birth years treated": (int(clean["year_birth_filled"].sum()), 3),
        "birth years before 1920": (int((clean["year_birth"] < 1920).sum()), 0),
        "cells missing": (int(clean.isna().sum().sum()), 0),
        "answers to the last campaign": (int(clean["response"].sum()), 334),
    }
    for what, (got, want) in facts.items():
        if got != want:
            differs(f"{what}: {got} instead of {want}")
    for c in SCALED:
        z, m = clean[f"{c}_z"], clean[f"{c}_minmax"]
        if abs(z.mean()) > TOLERANCE or abs(z.std() - 1) > TOLERANCE:
            differs(f"{c}_z has mean {z.mean()} and standard deviation {z.std()}")
        if m.min() != 0 or m.max() != 1:
            differs(f"{c}_minmax runs from {m.min()} to {m.max()}")


def views(con, views_dir, results_dir):
    """Each view's own SQL, run by DuckDB, against what Tidemill answered. Views may read views, so they are made in whatever order works."""
    todo = {p.stem: "\n".join(l for l in p.read_text().splitlines() if not l.startswith("--!")) for p in sorted(Path(views_dir).glob("*.sql"))}
    names, cells = list(todo), 0
    while todo:
        made = []
        for name, sql in todo.items():
            try:
                con.execute(f'CREATE VIEW "{name}" AS {sql}')
                made.append(name)
            except duckdb.CatalogException as e:
                error = e
        if not made:
            raise SystemExit(f"no order in which {sorted(todo)} can be made: {error}")
        for name in made:
            del todo[name]
    for name in names:
        # CSV has no types: DuckDB's answer goes through text as well, and its types are the ones that both are read back as.
        want = con.execute(f'SELECT * FROM "{name}"').df()
        got = pd.read_csv(Path(results_dir) / f"{name}.csv", keep_default_na=False, na_values=[""])
        key = [c for c in want.columns if not pd.api.types.is_float_dtype(want[c])]
        want = want.astype({c: "datetime64[ns]" for c in want.columns if "date" in str(want[c].dtype)})
        got = got.astype({c: "datetime64[ns]" for c in want.columns if "date" in str(want[c].dtype) and c in got.columns})
        cells += compare(name, want, got, key)
    return len(names), cells


def exports(con, customers, folder):
    """The exported files, each read by the reader that its users have."""
    cells = compare("customers.parquet", customers, pd.read_parquet(folder / "customers.parquet"), ["id"])
    want = con.execute("SELECT * FROM spend_by_age_group").df()
    cells += compare("spend_by_age_group.csv", want, pd.read_csv(folder / "spend_by_age_group.csv"), ["age_group"])
    columns = ["id", "age_group", "marital_status", "education", "income", "total_spend", "campaigns_accepted"]
    want = customers.sort_values(["total_spend", "id"], ascending=[False, True]).head(100)[columns]
    got = pd.read_json(folder / "best_customers.json", lines=(folder / "best_customers.json").read_text().lstrip()[:1] != "[")
    cells += compare("best_customers.json", want, got, ["id"])
    if got["id"].tolist() != want["id"].tolist():
        differs("best_customers.json: the order is another")
    return cells


def main():
    csv, lake = sys.argv[1], Path(sys.argv[2])
    want = expected(csv)
    table = DeltaTable(str(lake / "clean" / "customers"))
    by_deltalake = pd.DataFrame(table.to_pyarrow_table().to_pydict())
    cells = compare("customers read by deltalake", want, by_deltalake, ["id"])
    promises(by_deltalake)

    con = duckdb.connect(config={"threads": 1})
    con.execute("CREATE SCHEMA raw")
    for schema, name in (("main", "customers"), ("raw", "customers")):
        delta = DeltaTable(str(lake / ("clean" if schema == "main" else schema) / name))
        files = ", ".join(f"'{u.removeprefix('file://')}'" for u in delta.file_uris())
        con.execute(f"CREATE VIEW {schema}.{name} AS SELECT * FROM read_parquet([{files}])")
    cells += compare("customers read by duckdb", want, con.execute("SELECT * FROM customers").df(), ["id"])
    print(f"customers: {len(want)} rows, {len(want.columns)} columns, {cells} cells compared with two readers")
    if len(sys.argv) > 4:
        n, more = views(con, sys.argv[3], sys.argv[4])
        print(f"views: {n}, {more} cells compared with DuckDB's answers to the same SQL")
    if len(sys.argv) > 5:
        print(f"exports: {exports(con, want, Path(sys.argv[5]))} cells compared")
    if differences:
        print(f"{len(differences)} differences")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
