//! What is exported in any format is read back the same; damaged files of every format cost what is damaged.

use crate::workload::Project;

const SALES: &str = "id,name,amount,price,day,at,note\n1,Ana,1.5,10.25,2024-01-05,2024-01-05T10:00:00Z,\"\"\n2,,,,,,\n3,\"B, \"\"o\"\"\",-2,0.10,2024-02-29,2024-02-29T23:59:59.123456Z,é\n";
const COLUMNS: &str = "[columns]\nid = \"int\"\nname = \"text\"\namount = \"double\"\nprice = \"decimal(12, 2)\"\nday = \"date\"\nat = \"timestamp\"\nnote = \"text\"\n";
const ALL: &str = "SELECT id, name, name IS NULL, amount, price, day, at, note, note IS NULL FROM sales ORDER BY id";
const FILES: &[&str] = &["out.csv", "out.tsv", "out.jsonl", "out.json.gz", "out.parquet", "out.avro", "plain.avro", "out.csv.zst"];

fn exported() -> Project {
    let table = format!("[source]\npath = \"sales.csv\"\n{COLUMNS}");
    let project = Project::of(&[("tables/sales.toml", &table), ("sales.csv", SALES)]);
    for (i, file) in FILES.iter().enumerate() {
        let codec = if file.starts_with("plain") { "compression = \"none\"\n" } else { "" };
        project.write(&format!("exports/e{i}.toml"), &format!("from = \"sales\"\n[to]\npath = \"{file}\"\n{codec}"));
    }
    project.run();
    project
}

fn put(project: &Project, name: &str, bytes: &[u8]) {
    let path = project.dir().join(name);
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    std::fs::write(path, bytes).expect("a file");
}

fn get(project: &Project, name: &str) -> Vec<u8> {
    std::fs::read(project.dir().join(name)).expect(name)
}

#[test]
fn exports_of_every_format_are_read_back_the_same() {
    let project = exported();
    let wanted = project.ask(ALL);
    assert!(wanted.contains("\"\",false"), "{wanted}");
    for file in FILES {
        // Typed files say what their columns are; texts are told.
        let columns = if file.ends_with(".parquet") || file.ends_with(".avro") { "" } else { COLUMNS };
        let again = Project::of(&[("tables/sales.toml", &format!("[source]\npath = \"data/{file}\"\n{columns}"))]);
        put(&again, &format!("data/{file}"), &get(&project, file));
        again.run();
        assert_eq!(again.ask(ALL), wanted, "{file}");
        assert_eq!(again.audit()["balanced"], true);
    }
}

#[test]
fn avro_is_read_by_another_reader() {
    let Some(python) = crate::marketing::python("avro_is_read_by_another_reader", "fastavro") else { return };
    let project = exported();
    let script = "import fastavro, sys, json\nfor f in sys.argv[1:]:\n    rows = list(fastavro.reader(open(f, 'rb')))\n    print(json.dumps([[str(v) for v in r.values()] for r in rows]))\n";
    let files: Vec<_> = ["out.avro", "plain.avro"].iter().map(|f| project.dir().join(f)).collect();
    let output = std::process::Command::new(python).arg("-c").arg(script).args(files).output().expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = r#"[["1", "Ana", "1.5", "10.25", "2024-01-05", "2024-01-05 10:00:00+00:00", ""], ["2", "None", "None", "None", "None", "None", "None"], ["3", "B, \"o\"", "-2.0", "0.10", "2024-02-29", "2024-02-29 23:59:59.123456+00:00", "\u00e9"]]"#;
    assert_eq!(said.lines().collect::<Vec<_>>(), [rows, rows]);
}

/// A directory of one whole file and one that is damaged, and what is to be said of it.
fn hostile(name: &str, whole: &[u8], damaged: &[u8], options: &str, rows: std::ops::RangeInclusive<u64>, code: &str) {
    let (stem, ending) = name.split_once('.').expect("an ending");
    let one = Project::of(&[("tables/sales.toml", &format!("[source]\npath = \"data/*\"\n{options}{COLUMNS}"))]);
    put(&one, &format!("data/1.{ending}"), whole);
    put(&one, &format!("data/2{stem}.{ending}"), damaged);
    let output = one.tidemill(&["run"]);
    // Damage ends with 1 and says so; a bad record is what quarantine is for.
    let fails = matches!(code, "truncated" | "corrupt");
    assert_eq!(output.status.code(), Some(i32::from(fails)), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let n: u64 = one.ask("SELECT count(*) FROM sales").parse().expect("a number");
    assert!(rows.contains(&n), "{name}: {n} rows");
    let codes = one.ask("SELECT DISTINCT code FROM quarantine.sales");
    assert_eq!(codes, code, "{name}");
    assert_eq!(one.audit()["balanced"], true, "{name}");
}

#[test]
fn damaged_files_of_every_format_cost_what_is_damaged() {
    let project = exported();
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let csv = get(&project, "out.csv");
    let tail = |more: &[u8]| [&csv[..], more].concat();
    let no_damage: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("nul.csv", tail(b"4,a\0b,x\0,1,,,\n"), "", "type"),
        ("long.csv", tail(format!("4,{},1,1,,,\n", "y".repeat(4000)).as_bytes()), "record_bytes_max = \"1kB\"\n", "length"),
        ("columns.csv", tail(b"4,a\n5,a,1,1,,,,,,\n"), "", "fields"),
        ("bytes.csv", tail(b"4,\xFF\xFEa\xC3,1,1,,,\n"), "encoding = \"utf-8\"\n", "encoding"),
    ];
    for (name, bytes, options, code) in &no_damage {
        hostile(name, &csv, bytes, options, 6..=7, code);
    }
    hostile("cut.jsonl", &get(&project, "out.jsonl"), &half(&get(&project, "out.jsonl")), "", 4..=5, "json");
    let array = |cut: usize| {
        let lines = String::from_utf8(get(&project, "out.jsonl")).expect("UTF-8").trim_end().replace('\n', ",");
        let text = format!("[{lines}]").into_bytes();
        text[..text.len() - cut].to_vec()
    };
    hostile("cut.json", &array(0), &array(20), "", 5..=5, "truncated");
    hostile("cut.json.gz", &get(&project, "out.json.gz"), &half(&get(&project, "out.json.gz")), "", 3..=5, "truncated");
    hostile("half.parquet", &get(&project, "out.parquet"), &half(&get(&project, "out.parquet")), "", 3..=3, "truncated");
    let avro = get(&project, "plain.avro");
    hostile("cut.avro", &avro, &avro[..avro.len() - 20], "", 3..=3, "truncated");
    let marker = avro[avro.len() - 16..].to_vec();
    let first = avro.windows(16).position(|w| w == marker).expect("a marker") + 16;
    let mut length = avro.clone();
    length.splice(first + 1..first + 3, [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]);
    hostile("length.avro", &avro, &length, "", 3..=3, "truncated");
}
