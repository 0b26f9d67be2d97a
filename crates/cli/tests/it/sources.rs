//! Sources as they come: cut short, damaged, empty, without a column that is required, out of reach; secrets in their options.

use crate::workload::Project;

const ITEMS: &str = "[source]\npath = \"data/*\"\n[columns.id]\ntype = \"int\"\n[columns.amount]\ntype = \"double\"\n";
const TOTAL: (&str, &str) = ("views/total.sql", "--! materialized = \"table\"\nSELECT count(*) AS n, sum(amount) AS s FROM items\n");

/// A gzip file that stores its text as it is.
fn gzip(text: &str) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    let len = u16::try_from(text.len()).expect("a short text");
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend(text.as_bytes());
    let crc = !text.bytes().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    });
    out.extend(crc.to_le_bytes());
    out.extend(u32::from(len).to_le_bytes());
    out
}

fn rows(from: u32, to: u32) -> String {
    (from..to).fold("id,amount\n".to_string(), |text, i| format!("{text}{i},1\n"))
}

fn put(project: &Project, name: &str, bytes: &[u8]) {
    let path = project.dir().join(name);
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    std::fs::write(path, bytes).expect("a file");
}

fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

#[test]
fn a_file_that_ends_too_early_is_taken_as_far_as_it_goes_and_fails_every_run_until_it_is_whole() {
    for keep in ["keep", "source"] {
        let project = Project::of(&[("tables/items.toml", &format!("raw = \"{keep}\"\n{ITEMS}")), TOTAL]);
        put(&project, "data/1.csv", rows(0, 10).as_bytes());
        put(&project, "data/2.csv.gz", cut(&gzip(&rows(100, 200))));
        let said = project.ends(1, &["run"]);
        assert!(said.contains("items: `data/2.csv.gz` is incomplete: the gzip file ends in the middle of its data"), "{said}");
        let n: u32 = project.ask("SELECT n FROM total").parse().expect("a number");
        assert!((40..60).contains(&n), "what could be read is there: {n}");
        assert_eq!(project.ask("SELECT status, error LIKE '%data/2.csv.gz%incomplete%' FROM system.runs"), "failed,true");
        assert_eq!(project.ask("SELECT code FROM quarantine.items"), "truncated");
        assert_eq!(project.audit()["balanced"], true);
        // Half a record must not come back as a whole one.
        if keep == "keep" {
            assert_eq!(project.json(&["quarantine", "replay", "items"])["tried"], 0);
        }

        let again = project.ends(1, &["run", "--format", "json"]);
        assert!(again.contains("\"file\": \"data/2.csv.gz\"") && again.contains("\"table\": \"items\""), "{again}");
        assert_eq!(project.ask("SELECT count(*) FROM system.runs"), "1", "it was not read again");
        let plan = project.good(&["plan"]);
        assert!(plan.contains("up to date, though data/2.csv.gz is incomplete"), "{plan}");

        put(&project, "data/2.csv.gz", &gzip(&rows(100, 200)));
        project.run();
        assert_eq!(project.ask("SELECT n FROM total"), "110");
        assert_eq!(project.audit()["balanced"], true);

        // Cut short now, it would take rows away.
        put(&project, "data/2.csv.gz", cut(&gzip(&rows(100, 201))));
        let said = project.ends(1, &["run"]);
        assert!(said.contains("is incomplete (the gzip file ends in the middle of its data") && said.contains("stays"), "{said}");
        assert_eq!(project.ask("SELECT n FROM total"), "110");
        project.ends(1, &["run"]);
        assert_eq!(project.ask("SELECT n FROM total"), "110");
        put(&project, "data/2.csv.gz", &gzip(&rows(100, 201)));
        project.run();
        assert_eq!(project.ask("SELECT n FROM total"), "111");
    }
}

#[test]
fn a_damaged_file_never_replaces_what_a_whole_one_gave() {
    for load in ["load = \"replace\"", "load = \"diff\"\nkey = [\"id\"]"] {
        let project = Project::of(&[("tables/items.toml", &format!("{load}\n{ITEMS}")), TOTAL]);
        put(&project, "data/1.csv.gz", &gzip(&rows(0, 100)));
        project.run();
        let mut damaged = gzip(&rows(0, 120));
        let crc = damaged.len() - 8;
        damaged[crc] ^= 1;
        std::fs::remove_file(project.dir().join("data/1.csv.gz")).expect("a file");
        put(&project, "data/2.csv.gz", &damaged);
        let said = project.ends(1, &["run"]);
        assert!(said.contains("`data/2.csv.gz` is incomplete (the gzip data is damaged"), "{load}: {said}");
        assert_eq!(project.ask("SELECT n FROM total"), "100");
        put(&project, "data/2.csv.gz", &gzip(&rows(0, 120)));
        project.run();
        assert_eq!(project.ask("SELECT n FROM total"), "120");
        assert_eq!(project.audit()["balanced"], true);
    }
    // By key, rows only replace rows.
    let project = Project::of(&[("tables/items.toml", &format!("load = \"upsert\"\nkey = [\"id\"]\n{ITEMS}")), TOTAL]);
    put(&project, "data/1.csv.gz", &gzip(&rows(0, 100)));
    project.run();
    put(&project, "data/1.csv.gz", cut(&gzip(&rows(0, 90).replace(",1\n", ",2\n"))));
    project.ends(1, &["run"]);
    assert_eq!(project.ask("SELECT n, s > 110 FROM total"), "100,true");
}

#[test]
fn an_empty_file_is_told_and_stops_nothing() {
    for empty in ["", "\n\n", "id,amount\n"] {
        let bare = "[source]\npath = \"data/*.csv\"\n[[clean]]\nrule = \"missing\"\ncolumn = \"amount\"\nwith = \"mean\"\n";
        let project = Project::of(&[
            ("tables/items.toml", bare),
            TOTAL,
            ("tables/others.toml", "[source]\npath = \"others.csv\"\n"),
            ("views/names.sql", "--! materialized = \"table\"\nSELECT name FROM others\n"),
            ("others.csv", "name\nAnna\n"),
            ("data/1.csv", empty),
        ]);
        // Nothing is known of its columns yet: its nodes wait, the others don't.
        let checked = project.good(&["check"]);
        assert!(checked.contains("warning[TM0603]: `data/1.csv` is empty"), "{empty:?}: {checked}");
        let plan = project.good(&["plan"]);
        assert!(plan.contains("nothing to read: `data/1.csv` is empty") && plan.contains("has nothing to read"), "{empty:?}: {plan}");
        let said = project.good(&["run"]);
        assert!(said.contains("nothing to read: `data/1.csv` is empty"), "{empty:?}: {said}");
        assert_eq!(project.ask("SELECT name FROM names"), "Anna");
        let idle = project.good(&["run"]);
        assert!(idle.contains("nothing to read: `data/1.csv` is empty"), "{empty:?}: {idle}");

        project.write("data/1.csv", "id,amount\n1,5\n2,\n");
        project.run();
        assert_eq!(project.ask("SELECT s FROM total"), "10");
        // One of several.
        project.write("data/2.csv", empty);
        assert!(project.good(&["check"]).contains("`data/2.csv` is empty"), "{empty:?}");
        project.run();
        assert_eq!(project.ask("SELECT s FROM total"), "10");
        // All of them: the columns stay what they were.
        project.write("data/1.csv", empty);
        project.run();
        assert_eq!(project.ask("SELECT n FROM total"), "0");
        assert_eq!(project.ask("SELECT data_type FROM information_schema.columns WHERE table_name = 'items' AND table_schema = 'clean' AND column_name = 'amount'"), "bigint");
        assert_eq!(project.audit()["balanced"], true, "{empty:?}");
        project.write("data/1.csv", "id,amount\n1,7\n");
        project.run();
        assert_eq!(project.ask("SELECT s FROM total"), "7");
    }
}

#[test]
fn a_required_column_that_one_file_lacks_costs_only_that_files_rows() {
    let project = Project::of(&[
        ("tables/items.toml", &format!("{ITEMS}required = true\n")),
        TOTAL,
        ("data/1.csv", "id,amount\n1,5\n2,6\n"),
        ("data/2.csv", "id,amnt\n3,7\n4,8\n"),
    ]);
    let checked = project.good(&["check"]);
    assert!(
        checked.contains("warning[TM0604]: `data/2.csv` has no column `amount`, which is required: its rows go to quarantine"),
        "{checked}"
    );
    project.run();
    assert_eq!(project.ask("SELECT n, s FROM total"), "2,11.0");
    assert_eq!(
        project.ask("SELECT code, \"column\", split, raw FROM quarantine.items ORDER BY line"),
        "required,amount,data/2.csv,\"3,7\" required,amount,data/2.csv,\"4,8\""
    );
    assert_eq!(project.audit()["balanced"], true);
    // In all of them it is a mistake.
    project.remove("data/1.csv");
    assert!(project.ends(78, &["run"]).contains("error[TM0604]"));
}

#[test]
fn a_file_out_of_reach_is_named_and_what_is_stored_can_be_asked() {
    let project = Project::of(&[("tables/items.toml", &ITEMS.replace("data/*", "data/1.csv")), TOTAL, ("data/1.csv", "id,amount\n1,5\n")]);
    project.run();
    project.remove("data/1.csv");
    std::os::unix::fs::symlink("nowhere", project.dir().join("data/1.csv")).expect("a link");
    let said = project.ends(78, &["run"]);
    assert!(said.contains("error[TM0603]") && said.contains("data/1.csv"), "{said}");
    assert_eq!(project.ask("SELECT s FROM total"), "5.0");
    project.remove("data/1.csv");
    std::fs::create_dir(project.dir().join("data/1.csv")).expect("a directory");
    let said = project.ends(78, &["run"]);
    assert!(said.contains("error[TM0603]") && said.contains("no file to read in the directory"), "{said}");
    // Among others that a pattern finds, too.
    std::fs::remove_dir(project.dir().join("data/1.csv")).expect("a directory");
    project.write("data/1.csv", "id,amount\n1,5\n");
    project.write("tables/items.toml", ITEMS);
    std::os::unix::fs::symlink("nowhere", project.dir().join("data/2.csv")).expect("a link");
    let said = project.ends(78, &["run"]);
    assert!(said.contains("error[TM0603]") && said.contains("data/2.csv"), "{said}");
}

#[test]
fn variables_in_options_are_replaced_and_never_shown() {
    let project = Project::of(&[
        ("tables/items.toml", &ITEMS.replace("data/*", "${DATA_DIR}/*.csv")),
        TOTAL,
        ("exports/total.toml", "from = \"total\"\n[to]\npath = \"${OUT_DIR}/total.csv\"\n"),
        (".env", "DATA_DIR=private-4711\nOUT_DIR=out\n"),
        ("private-4711/1.csv", "id,amount\n1,5\n"),
        ("elsewhere/1.csv", "id,amount\n1,9\n"),
    ]);
    project.run();
    assert_eq!(std::fs::read_to_string(project.dir().join("out/total.csv")).expect("an export"), "n,s\n1,5.0\n");
    assert!(!project.good(&["config", "show"]).contains("4711"));
    // The process wins over .env.
    let output = project.command(&["run"]).env("DATA_DIR", "elsewhere").output().expect("tidemill starts");
    assert!(output.status.success(), "{}", crate::workload::told(&output));
    assert_eq!(project.ask("SELECT s FROM total"), "14.0");
    project.write(".env", "OUT_DIR=out\n");
    let said = project.ends(78, &["check"]);
    assert!(said.contains("TM0013") && said.contains("`DATA_DIR`"), "{said}");
}

#[test]
fn spellings_are_repaired_from_a_file_and_from_another_tables_column() {
    let repair = "[source]\npath = \"data.csv\"\n[columns]\ncity = \"text\"\nland = \"text\"\n\
        [[clean]]\nrule = \"repair\"\ncolumn = \"city\"\nto_file = \"cities.txt\"\n\
        [[clean]]\nrule = \"repair\"\ncolumn = \"land\"\nto_column = \"lands.name\"\n";
    let project = Project::of(&[
        ("tables/items.toml", repair),
        ("tables/lands.toml", "[source]\npath = \"lands.csv\"\n"),
        ("cities.txt", "Lisbon\nMadrid\n"),
        ("lands.csv", "name\nPortugal\nSpain\n"),
        ("data.csv", "city,land\nLisbn,Portugl\nMADRID,spain\nMadrid,Spain\n"),
    ]);
    project.run();
    assert_eq!(project.ask("SELECT city, land FROM items ORDER BY city, land"), "Lisbon,Portugal Madrid,Spain Madrid,Spain");
    // Both are part of what the table is made of.
    let first = "SELECT city, land FROM items ORDER BY city, land LIMIT 1";
    project.write("cities.txt", "Lisbona\nMadrid\n");
    project.run();
    assert_eq!(project.ask(first), "Lisbona,Portugal");
    project.write("lands.csv", "name\nPortugall\nSpain\n");
    project.run();
    assert_eq!(project.ask(first), "Lisbona,Portugall");
}

#[test]
fn tables_are_partitioned_into_directories() {
    let project = Project::of(&[
        ("tables/items.toml", &format!("partition_by = [\"kind\"]\n{}[columns.kind]\ntype = \"text\"\n", ITEMS)),
        (
            "views/per_kind.sql",
            "--! materialized = \"table\"\n--! partition_by = [\"kind\"]\nSELECT kind, sum(amount) AS s FROM items GROUP BY kind\n",
        ),
        ("data/1.csv", "id,amount,kind\n1,5,a\n2,6,b/c\n3,7,\n4,8,a\n"),
    ]);
    project.run();
    for table in ["lake/clean/items", "lake/public/per_kind"] {
        let mut found: Vec<String> = std::fs::read_dir(project.dir().join(table))
            .expect("a table")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|n| n.starts_with("kind="))
            .collect();
        found.sort();
        // A value that can't be a directory's name is there under another one.
        assert!(
            found.len() == 3 && found[0] == "kind=__HIVE_DEFAULT_PARTITION__" && found.contains(&"kind=a".into()),
            "{table}: {found:?}"
        );
    }
    assert_eq!(project.ask("SELECT id, kind FROM items ORDER BY id"), "1,a 2,b/c 3, 4,a");
    assert_eq!(project.ask("SELECT s FROM per_kind WHERE kind = 'a'"), "13.0");
    // Partitioned otherwise, it is made anew.
    project.write("tables/items.toml", &format!("{ITEMS}[columns.kind]\ntype = \"text\"\n"));
    project.run();
    assert_eq!(project.ask("SELECT id, kind FROM items ORDER BY id"), "1,a 2,b/c 3, 4,a");
}
