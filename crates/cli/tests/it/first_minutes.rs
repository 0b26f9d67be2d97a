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
    let data = cargo::shared_data();
    if data.is_none() {
        println!("skipped: {what}, because the real data is not beside this checkout");
    }
    data
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

impl Place {
    /// What `tables/NAME.toml` of a project made from a file of this content says, and what was found.
    fn proposed(&self, name: &str, content: impl AsRef<[u8]>) -> (String, Vec<String>) {
        let said = self.project(name, &self.file(&format!("{name}.csv"), content));
        (self.written(name), findings(&said))
    }

    /// Types of columns as `profile` sees the file.
    fn profiled(&self, name: &str) -> Vec<(String, String)> {
        let text = self.good(&["profile", &format!("{name}.csv"), "--format", "csv"]);
        let rows = text.lines().skip(1).map(|l| l.split(',').map(str::to_string).collect::<Vec<_>>());
        rows.map(|r| (r[0].clone(), r[2].clone())).collect()
    }
}

fn has(text: &str, wanted: &str) {
    assert!(text.contains(wanted), "{wanted}\n{text}");
}

fn found(findings: &[String], wanted: &str) {
    assert!(findings.iter().any(|f| f.contains(wanted)), "{wanted}\n{findings:#?}");
}

#[test]
fn codes_and_sizes_are_not_made_into_numbers() {
    let place = Place::new();
    let rows = shop(|i| {
        let (size, value) = if i % 2 == 0 { ("K", format!("{}", 500 + i)) } else { ("M", format!("{}.{}", i, i % 10)) };
        format!("INV-{},PO {},1.{},{}E{},${value}{size}\n", 1000 + i, 4700 + i, i % 4 * 10, i, i % 9)
    });
    let (text, said) = place.proposed("codes", format!("invoice,po,version,sku,revenue\n{rows}"));
    for (column, kind) in place.types("codes", "codes").iter().filter(|(c, _)| !c.starts_with('_')) {
        assert!(kind.starts_with("varchar") || kind == "text" || kind == "utf8", "{column} is {kind}\n{text}");
    }
    found(&said, "`revenue` holds numbers of different sizes");
    // The rule that is proposed does what it says.
    let table = place.home.path().join("codes/tables/codes.toml");
    let from = text.find("# [[clean]]\n# rule = \"derive\"").expect("a derive rule");
    let rule: String =
        text[from..].lines().take_while(|l| l.starts_with('#')).map(|l| l.trim_start_matches("# ").to_string() + "\n").collect();
    std::fs::write(table, format!("{text}\n{rule}")).expect("a table");
    place.good(&["-C", "codes", "run"]);
    let sums =
        place.query("codes", "SELECT revenue, revenue_number AS n FROM codes WHERE invoice IN ('INV-1002', 'INV-1013') ORDER BY invoice");
    assert_eq!((sums[0]["n"].as_f64(), sums[1]["n"].as_f64()), (Some(502_000.0), Some(13_300_000.0)), "{sums:?}");
}

#[test]
fn a_title_a_foot_and_brackets_are_read_as_what_they_are() {
    let place = Place::new();
    let rows = shop(|i| {
        let amount = if i % 3 == 0 { format!("\"({},{:03}.50)\"", i, i) } else { format!("{i}.25") };
        format!("{:02}/{:02}/2024,Transfer {i},{amount},{i}\n{}", i % 12 + 1, i % 28 + 1, if i == 20 { ",,,\n" } else { "" })
    });
    let (text, said) =
        place.proposed("bank", format!("Statement 2024,,,\nAccount: 0012,,,\n,,,\nBooked,Text,Amount,Ref\n{rows}Total,,\"(12.00)\",\n"));
    has(&text, "skip_rows = 3 ");
    has(&text, "negative = \"parentheses\"");
    found(&said, "the table begins below 3 lines of title");
    found(&said, "the last row looks like a total or a note, and no row: line 46 \"Total\"");
    found(&said, "1 row is empty in every column (line 25 is the first)");
    has(&text, "# where = \"text IS NOT NULL\"");
    let least = place.query("bank", "SELECT CAST(min(amount) AS DOUBLE) AS least FROM bank WHERE text IS NOT NULL");
    assert_eq!(least[0]["least"].as_f64(), Some(-39_039.5));
    // A second header line is named; the profile sees the types that the project has.
    let rows = shop(|i| format!("W{i},{i},{i}.5,{i}.25\n"));
    let (text, said) = place.proposed("lab", format!("Sample,Depth,Mass,\nid,[m],[kg],[lb]\n{}{rows}", rows.repeat(4)));
    found(&said, "the first row (line 2) looks like a second header line: \"[m]\", \"[kg]\", \"[lb]\"");
    has(&text, "column_4 = \"double\"");
    let types = place.profiled("lab");
    for (column, wanted) in [("depth", "int"), ("mass", "double"), ("column_4", "double")] {
        assert!(types.contains(&(column.to_string(), wanted.to_string())), "{types:?}");
    }
}

#[test]
fn what_stands_for_nothing_is_named_and_left_to_a_person() {
    let place = Place::new();
    let body: String = (0..400)
        .map(|i| {
            let shipped = if i % 50 == 7 {
                "open".into()
            } else if i % 90 == 3 {
                "0000-00-00".into()
            } else {
                format!("2024-02-{:02}", i % 28 + 1)
            };
            let temp = if i % 20 == 4 { "-999".into() } else { format!("{}.5", i % 40 - 10) };
            let day = if i % 90 == 3 { "0000-00-00".into() } else { format!("2024-03-{:02}", i % 28 + 1) };
            let code = if i < 200 { format!("{i}") } else { format!("C-{i}") };
            let colour = if i % 3 == 0 { "\"\"" } else { "red" };
            format!(
                "{},{shipped},{temp},{day},{code},{colour},{}\n",
                1_700_000_000_000i64 + i * 977,
                ["Yes", "N", "1", "0"][i as usize % 4]
            )
        })
        .collect();
    let (text, said) = place.proposed("things", format!("ts,shipped,temp,day,code,colour,paid\n{body}"));
    found(&said, "`shipped` holds dates, but \"open\" in 8 rows");
    has(&text, "# shipped = { type = \"date\", nulls = [\"0000-00-00\", \"open\"] }   # instead");
    found(&said, "`temp` has what looks like a stand-in for \"not known\": \"-999\" in 20 rows");
    has(&text, "# temp = { type = \"double\", nulls = [\"-999\"] }");
    assert!(!said.iter().any(|f| f.contains("`temp` is negative") || f.contains("`temp` lies far")), "{said:#?}");
    has(&text, "= { type = \"date\", nulls = [\"0000-00-00\"] }");
    found(&said, "`code` changes on the way: numbers up to line 201 and other texts from line 202 on");
    found(&said, "`colour` holds 134 empty texts");
    has(&text, "# colour = { type = \"text\", nulls = [\"\"] }");
    let types = place.types("things", "things");
    let of = |c: &str| types.iter().find(|(n, _)| n == c).map(|(_, t)| t.clone()).unwrap_or_default();
    assert_eq!(of("paid"), "boolean");
    assert!(of("ts").starts_with("timestamp") && !text.contains("\nkey = [\"ts\"]"), "{types:?}\n{text}");
    let first = place.query("things", "SELECT CAST(min(ts) AS VARCHAR) AS first FROM things");
    assert!(first[0]["first"].as_str().unwrap_or_default().starts_with("2023-11-14"), "{first:?}");
    assert!(place.profiled("things").contains(&("shipped".into(), "text".into())));
}

#[test]
fn files_that_are_no_tables_are_named() {
    let place = Place::new();
    let parquet = [&b"PAR1"[..], &[7; 200]].concat();
    for (name, bytes, wanted) in [
        ("book.csv", [&b"PK\x03\x04"[..], &[9; 300]].concat(), "this is a zip archive, as Excel workbooks"),
        ("report.csv", b"%PDF-1.7\nx,y\n1,2\n".to_vec(), "this is a PDF"),
        ("page.csv", b"<!DOCTYPE html><html><body>404, sorry</body></html>\n".to_vec(), "this is a web page"),
        ("scalar.json", b"42\n".to_vec(), "there is no record in it, but 42"),
        ("half.parquet", parquet, "the file does not end as Parquet"),
    ] {
        let path = place.file(name, bytes);
        for arguments in [vec!["init", "p", "--from", name], vec!["profile", name]] {
            let output = place.tidemill(&arguments);
            assert!(!output.status.success() && both(&output).contains(wanted), "{arguments:?}: {}\n{}", output.status, both(&output));
        }
        assert!(!place.home.path().join("p").exists());
        std::fs::remove_file(path).expect("removed");
    }
    // Beside a good file they are left out, and told.
    let good = place.file("good.csv", "id,n\n1,2\n3,4\n");
    let bad = place.file("bad.csv", b"PK\x03\x04zzzz");
    let said =
        place.good(&["init", "two", "--from", &good.display().to_string(), "--from", &bad.display().to_string(), "--format", "json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((said["tables"].as_array().map(Vec::len), said["left_out"].as_array().map(Vec::len)), (Some(1), Some(1)), "{said}");
    // A name that is wrong about the compression does no harm.
    place.file("plain.csv.gz", "id,n\n1,2\n3,4\n");
    let told = place.good(&["profile", "plain.csv.gz"]);
    assert!(told.contains("plain.csv.gz is not compressed, though it is called so"), "{told}");
    // Nothing at all is no mistake.
    place.good(&["profile", &place.file("none.csv", "\n\n").display().to_string()]);
}

/// A total below a short table does not decide what its columns are.
#[test]
fn a_total_is_no_reason_for_text() {
    let place = Place::new();
    let (text, said) = place.proposed("sums", format!("id;name;value\n{}Summe;;820,5\n", shop(|i| format!("{i};n{i};{i},5\n"))));
    found(&said, "the last row looks like a total or a note, and no row: line 42 \"Summe\"");
    assert!(place.types("sums", "sums").contains(&("id".into(), "bigint".into())), "{text}");
    assert_eq!(place.query("sums", "SELECT count(*) AS n FROM sums")[0]["n"], 40, "{text}");
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
