//! `init --from` and `run`, unedited: on real files with known facts where they are there, and on files of every shape made here.

use crate::cargo;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory to make projects in.
struct Place {
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { home: tempfile::tempdir().expect("a temporary directory") }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    fn tidemill(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        command.current_dir(self.home.path()).args(arguments).env("NO_COLOR", "1").env_remove("TIDEMILL_ENV").stdin(Stdio::null());
        command.output().expect("tidemill starts")
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.tidemill(arguments);
        assert!(output.status.success(), "tidemill {arguments:?}: {}\n{}", output.status, both(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What `init --from` says as JSON, after `run` and `audit` have gone well.
    fn project(&self, name: &str, from: &Path) -> Value {
        let said = self.good(&["init", name, "--from", &from.display().to_string(), "--format", "json"]);
        let checked = self.tidemill(&["-C", name, "check"]);
        assert!(checked.status.success(), "{name}: {}\n{}", both(&checked), self.written(name));
        let ran = self.tidemill(&["-C", name, "run"]);
        assert!(ran.status.success(), "{name}: {}\n{}", both(&ran), self.written(name));
        self.good(&["-C", name, "audit"]);
        serde_json::from_str(&said).expect("JSON")
    }

    fn written(&self, project: &str) -> String {
        let tables = self.home.path().join(project).join("tables");
        let files = std::fs::read_dir(tables).into_iter().flatten().flatten();
        files.map(|f| std::fs::read_to_string(f.path()).unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    fn query(&self, project: &str, sql: &str) -> Vec<Value> {
        let text = self.good(&["-C", project, "query", sql, "--format", "json"]);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{sql}: {e}\n{text}"))
    }

    fn types(&self, project: &str, table: &str) -> Vec<(String, String)> {
        let rows = self.query(project, &format!("SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'clean' AND table_name = '{table}' ORDER BY ordinal_position"));
        rows.iter().map(|r| (text(&r["column_name"]), text(&r["data_type"]))).collect()
    }
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn findings(said: &Value) -> Vec<String> {
    said["tables"][0]["findings"].as_array().into_iter().flatten().map(|f| text(&f["text"])).collect()
}

/// The real files, where this checkout has them beside it.
fn real(what: &str) -> Option<PathBuf> {
    let data = cargo::root().join("../shared/data");
    if data.join("README.md").exists() {
        return Some(data);
    }
    println!("skipped: {what}, because the real data is not beside this checkout");
    None
}

#[test]
fn online_retail_becomes_a_project_without_an_edit() {
    let Some(data) = real("Online Retail") else { return };
    let place = Place::new();
    let csv = place.home.path().join("online_retail.csv");
    let file = std::fs::File::create(&csv).expect("a file");
    match Command::new("xz").arg("-dc").arg(data.join("online_retail.csv.xz")).stdout(file).status() {
        Ok(s) if s.success() => {}
        other => return println!("skipped: Online Retail, because xz can't unpack it: {other:?}"),
    }
    let said = place.project("retail", &csv);
    assert_eq!(said["tables"][0]["rows"], 541_909);
    let types = place.types("retail", "online_retail");
    let of = |c: &str| types.iter().find(|(n, _)| n == c).map(|(_, t)| t.as_str()).unwrap_or_default();
    assert_eq!(of("customerid"), "bigint");
    assert!(of("invoicedate").starts_with("timestamp"), "{types:?}");
    assert!(of("unitprice").starts_with("decimal"), "{types:?}");
    let findings = findings(&said);
    for fact in [
        "5,268 rows repeat",
        "`customerid` is missing in 135,080 rows",
        "9,288 rows whose `invoiceno` starts with C all have a negative `quantity`",
    ] {
        assert!(findings.iter().any(|f| f.contains(fact)), "{fact}\n{findings:#?}");
    }
    let ledger = place.good(&["-C", "retail", "audit", "--format", "json"]);
    assert!(ledger.contains("541909") && ledger.contains("5268"), "{ledger}");
    let kept = place.query("retail", "SELECT count(*) AS n, count(*) - count(customerid) AS missing FROM raw.online_retail");
    assert_eq!((&kept[0]["n"], &kept[0]["missing"]), (&541_909.into(), &135_080.into()));
    // The sum that the collection's description names, but for the rows that are there twice.
    let sum = place.query("retail", "SELECT CAST(sum(quantity * unitprice) AS DOUBLE) AS s FROM raw.online_retail");
    assert!((sum[0]["s"].as_f64().unwrap_or_default() - 9_747_747.934).abs() < 0.01, "{sum:?}");
}

#[test]
fn every_real_file_becomes_a_project_without_an_edit() {
    let Some(data) = real("the other real files") else { return };
    let place = Place::new();
    let rows = |name: &str, path: &str| {
        let said = place.project(name, &data.join(path));
        let stored = place.query(name, &format!("SELECT count(*) AS n FROM raw.{}", text(&said["tables"][0]["name"])));
        (said, stored[0]["n"].as_u64().unwrap_or_default())
    };
    let (said, n) = rows("marketing", "marketing_campaign.csv");
    assert_eq!(n, 2_240);
    assert!(findings(&said).iter().any(|f| f.contains("182 rows repeat")), "{:#?}", findings(&said));
    assert!(findings(&said).iter().any(|f| f.contains("`income` is missing in 24 rows")), "{:#?}", findings(&said));
    assert_eq!(rows("groceries", "groceries.csv").1, 9_835);
    assert_eq!(rows("passengers", "AirPassengers.csv").1, 144);
    assert_eq!(
        rows("m3", "m3_quarterly.csv").1,
        756 * 8 + place.query("m3", "SELECT count(*) AS n FROM m3_quarterly WHERE split = 'train'")[0]["n"].as_u64().unwrap_or_default()
    );
    let (said, n) = rows("fraud", "payment_fraud.csv");
    assert_eq!(n, 39_221);
    assert!(findings(&said).iter().any(|f| f.contains("5,726 rows repeat")), "{:#?}", findings(&said));
    assert_eq!(rows("cards", "creditcard_sample.csv").1, 1_722);
    assert_eq!(rows("hospital", "dirty/hospital/dirty.csv").1, 1_000);
    assert_eq!(rows("beers", "dirty/beers/dirty.csv").1, 2_410);
    assert!(place.types("beers", "dirty").contains(&("ounces".to_string(), "double".to_string())));
}

/// Twenty shop rows, in whatever form.
fn shop(write: impl Fn(u32) -> String) -> String {
    (1..=40).map(write).collect()
}

#[test]
fn files_of_every_shape_become_projects_without_an_edit() {
    let place = Place::new();
    let count = |name: &str, from: &Path, wanted: u64| {
        let said = place.project(name, from);
        let table = text(&said["tables"][0]["name"]);
        let n = place.query(name, &format!("SELECT count(*) AS n FROM raw.{table}"));
        assert_eq!(n[0]["n"], wanted, "{name}\n{}", place.written(name));
        place.types(name, &table)
    };
    let has = |types: &[(String, String)], column: &str, wanted: &str| {
        assert!(types.iter().any(|(n, t)| n == column && t.starts_with(wanted)), "{column} should be {wanted}: {types:?}");
    };
    // Delimiters.
    for (name, d) in [("semicolon", ";"), ("pipe", "|"), ("tab", "\t"), ("caret", "^")] {
        let body = shop(|i| format!("{i}{d}Name {i}{d}{}.50\n", i * 2));
        let types = count(name, &place.file(&format!("{name}.csv"), format!("id{d}name{d}price\n{body}")), 40);
        has(&types, "id", "bigint");
        has(&types, "price", "decimal");
    }
    // Comma decimals, thousands, a currency.
    let types = count(
        "german",
        &place.file("german.csv", format!("nr;betrag;preis\n{}", shop(|i| format!("{i};{}.{:03},50;{i},99 €\n", i, i * 7 % 1000)))),
        40,
    );
    has(&types, "betrag", "double");
    has(&types, "preis", "decimal");
    // Encodings.
    let latin: Vec<u8> = format!("id,city\n{}", shop(|i| format!("{i},M\u{fc}nchen\n"))).chars().map(|c| c as u8).collect();
    count("latin", &place.file("latin.csv", latin), 40);
    assert_eq!(place.query("latin", "SELECT DISTINCT city FROM latin")[0]["city"], "München");
    let utf16: Vec<u8> = std::iter::once(0xFEFFu16)
        .chain(format!("id,city\n{}", shop(|i| format!("{i},Łódź\n"))).encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    count("utf16", &place.file("utf16.csv", utf16), 40);
    assert_eq!(place.query("utf16", "SELECT DISTINCT city FROM utf16")[0]["city"], "Łódź");
    // Several date formats in one column.
    let dates = shop(|i| if i % 2 == 0 { format!("{i},2024-03-{:02}\n", i % 28 + 1) } else { format!("{i},{}.03.2024\n", i % 28 + 1) });
    has(&count("dates", &place.file("dates.csv", format!("id,day\n{dates}")), 40), "day", "date");
    // Wide.
    let header: Vec<String> = (0..500).map(|c| format!("c{c}")).collect();
    let row = |i: u32| (0..500).map(|c| (i * c).to_string()).collect::<Vec<_>>().join(",") + "\n";
    assert_eq!(count("wide", &place.file("wide.csv", format!("{}\n{}", header.join(","), shop(row))), 40).len(), 500);
    // Nothing but texts; quoted newlines, a quote inside, CRLF, no newline at the end.
    let words = "first,second\r\n\"a\r\nb\",\"say \"\"hi\"\"\"\r\nc,d\r\ne,f";
    count("words", &place.file("words.csv", words), 3);
    // Only a header, and nothing at all.
    count("header", &place.file("header.csv", "id,name\n"), 0);
    let said = place.project("empty", &place.file("empty.csv", ""));
    assert_eq!(said["tables"][0]["columns"], 0);
    // Names that are words of SQL, names that repeat, names that are missing.
    let odd = format!("select,group,Group,,\"a \"\"b\"\"\"\n{}", shop(|i| format!("{i},x,y,z{},w\n", i % 3)));
    count("odd", &place.file("odd names (1).csv", odd), 40);
}

#[test]
fn files_of_every_format_become_projects_without_an_edit() {
    let place = Place::new();
    let lines = shop(|i| {
        format!(
            "{{\"id\": {i}, \"at\": \"2024-03-{:02}T10:00:00Z\", \"who\": {{\"name\": \"N{i}\", \"city\": {{\"zip\": \"0{i}\"}}}}, \"price\": {i}.25, \"tags\": [1, 2]}}\n",
            i % 28 + 1
        )
    });
    let check = |name: &str, from: &Path| {
        let said = place.project(name, from);
        let table = text(&said["tables"][0]["name"]);
        let types = place.types(name, &table);
        let of = |c: &str| types.iter().find(|(n, _)| n == c).map(|(_, t)| t.clone()).unwrap_or_default();
        assert_eq!(of("id"), "bigint", "{name}: {types:?}");
        assert!(of("at").starts_with("timestamp"), "{name}: {types:?}");
        let row = &place
            .query(name, &format!("SELECT who_name, who_city_zip, CAST(price AS DOUBLE) AS price FROM clean.{table} WHERE id = 7"))[0];
        assert_eq!(
            (text(&row["who_name"]), text(&row["who_city_zip"]), row["price"].as_f64()),
            ("N7".into(), "07".into(), Some(7.25)),
            "{name}"
        );
        table
    };
    let table = check("lines", &place.file("lines.jsonl", &lines));
    let array = format!("[{}]", lines.trim_end().replace('\n', ",\n"));
    check("array", &place.file("array.json", array));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(lines.as_bytes()).expect("gzip");
    check("packed", &place.file("packed.ndjson.gz", gz.finish().expect("gzip")));
    // What we write is what we read.
    for format in ["parquet", "avro"] {
        let export = place.home.path().join("lines/exports").join(format!("all_{format}.toml"));
        std::fs::write(export, format!("from = \"clean.{table}\"\n\n[to]\npath = \"out/all.{format}\"\n")).expect("an export");
    }
    place.good(&["-C", "lines", "run"]);
    for format in ["parquet", "avro"] {
        check(format, &place.home.path().join(format!("lines/out/all.{format}")));
    }
}

/// What is cleaned is what was broken: a run of the proposal leaves every right value as it was.
#[test]
fn right_values_stay_and_slips_are_mended() {
    let place = Place::new();
    let towns = [("Ashford", "31010"), ("Brampton", "44020"), ("Dunmore", "55030"), ("Elstead", "76040"), ("Fenwick", "10010")];
    let mut csv = String::from("id,town,zip,last_name,paid\n");
    for i in 0..1500usize {
        let (town, zip) = match i {
            100 | 400 | 700 | 1000 => ("Crampton", "81500"),
            200 | 500 | 800 => ("Dunmoor", "61200"),
            50 => ("Ashfrod", "31010"),
            51 => ("Bramptn", "44020"),
            302 => ("Dunmmore", "55030"),
            453 => ("Elsteda", "76040"),
            _ => towns[i % 5],
        };
        let name = match i % 250 {
            9 => "Petterson",
            77 => "Lindkvist",
            _ => ["Pettersson", "Lindqvist", "Berg"][i % 3],
        };
        let paid = if i % 100 == 33 { "visa" } else { ["Visa", "Cash"][i % 2] };
        csv.push_str(&format!("{i},{town},{zip},{name},{paid}\n"));
    }
    let said = place.project("people", &place.file("people.csv", csv));
    let count = |sql: &str| place.query("people", &format!("SELECT count(*) AS n FROM clean.people WHERE {sql}"))[0]["n"].as_u64();
    assert_eq!(count("town IN ('Crampton', 'Dunmoor')"), Some(7));
    assert_eq!(count("last_name IN ('Petterson', 'Lindkvist')"), Some(12));
    assert_eq!(count("town IN ('Ashfrod', 'Bramptn', 'Dunmmore', 'Elsteda')"), Some(0));
    assert_eq!(count("paid = 'visa'"), Some(0));
    // Nothing is announced that was not done.
    let rules = said["tables"][0]["rules"].to_string();
    assert!(!rules.contains("last_name"), "{rules}");
    let changed = place.query("people", "SELECT CAST(sum(cells_changed) AS BIGINT) AS made, CAST(sum(listed) AS BIGINT) AS listed FROM system.quality WHERE rule = 'repair'");
    assert_eq!((&changed[0]["made"], &changed[0]["listed"]), (&19.into(), &0.into()), "{}", place.written("people"));
    // The report is in order.
    let report = std::fs::read_dir(place.home.path().join("people/reports")).expect("reports").flatten().next().expect("a report");
    let lines: Vec<String> = std::fs::read_to_string(report.path()).expect("a report").lines().skip(1).map(String::from).collect();
    assert!(lines.is_sorted() && !lines.is_empty(), "{lines:?}");
}
