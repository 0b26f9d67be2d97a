//! Repairs end to end: what is sure is made, what is doubtful is listed, and both can be asked for.

use crate::workload::told;
use std::path::Path;
use std::process::{Command, Output};

fn tidemill(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemill")).args(args).current_dir(dir).output().expect("tidemill starts")
}

fn good(dir: &Path, args: &[&str]) -> String {
    let output = tidemill(dir, args);
    assert!(output.status.success(), "{args:?}\n{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Clinics: a code decides name, town and state. Row by row, something is wrong with a few of them.
fn write(dir: &Path) {
    let clinics =
        [("K1", "Hill Clinic", "Ashford", "NY"), ("K2", "Lake Clinic", "Barnwell", "OR"), ("K3", "Park Hospital", "Clifton", "TX")];
    let mut csv = String::from("id,code,name,town,state,note\n");
    for i in 0..120 {
        let (code, name, town, state) = clinics[i % 3];
        match i {
            30 => csv.push_str(&format!("{i},{code},Hill Clinjc,{town},{state},21 patients\n")),
            41 => csv.push_str(&format!("{i},{code},{name},{town} {state},,34 patients\n")),
            43 | 46 | 52 => csv.push_str(&format!("{i},{code},{name},{town} {state},,30 patients\n")),
            65 => csv.push_str(&format!("{i},{code},{name},{town},{state},12 pxtients\n")),
            // Another way to write it: neither is wrong.
            72 => csv.push_str(&format!("{i},{code},HILL CLINIC,{town},{state},12 patients\n")),
            _ => csv.push_str(&format!("{i},{code},{name},{town},{state},{i} patients\n")),
        }
    }
    std::fs::create_dir_all(dir.join("tables")).unwrap();
    std::fs::write(dir.join("clinics.csv"), csv).unwrap();
    std::fs::write(dir.join("tidemill.toml"), "name = \"clinics\"\n").unwrap();
    let table = r#"
key = ["id"]
[source]
path = "clinics.csv"

[[clean]]
rule = "repair"
columns = ["town", "state"]
glued = true

[[clean]]
rule = "repair"
columns = ["name", "town", "state"]
by = ["code"]

[[clean]]
rule = "repair"
columns = ["note"]
frequent = true
"#;
    std::fs::write(dir.join("tables/clinics.toml"), table).unwrap();
}

#[test]
fn sure_repairs_are_made_and_doubtful_ones_listed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir);
    let run = tidemill(dir, &["run"]);
    assert!(run.status.success(), "{}", told(&run));
    assert!(told(&run).contains("1 doubtful repair listed, not made: tidemill query"), "{}", told(&run));
    let csv = |sql: &str| good(dir, &["query", "--format", "csv", sql]);
    let row =
        |id: u32| csv(&format!("SELECT name, town, state, note FROM clean.clinics WHERE id = {id}")).lines().nth(1).unwrap().to_string();
    assert_eq!(row(30), "Hill Clinic,Ashford,NY,21 patients");
    assert_eq!(row(41), "Park Hospital,Clifton,TX,34 patients");
    assert_eq!(row(65), "Park Hospital,Clifton,TX,12 patients");
    assert_eq!(row(72), "HILL CLINIC,Ashford,NY,12 patients");
    let changes = "SELECT row_key, \"column\", before, after FROM system.changes";
    assert_eq!(csv(&format!("{changes} WHERE NOT applied")), "row_key,column,before,after\n72,name,HILL CLINIC,Hill Clinic\n");
    let made = csv(&format!("{changes} WHERE applied AND confidence >= 0.8 ORDER BY line, \"column\""));
    assert_eq!(made.lines().count(), 1 + 10, "{made}");
    assert!(made.contains("30,name,Hill Clinjc,Hill Clinic") && made.contains("65,note,12 pxtients,12 patients"), "{made}");
    let counts = csv("SELECT sum(cells_changed) AS made, sum(listed) AS listed FROM system.quality WHERE rule = 'repair'");
    assert_eq!(counts, "made,listed\n10,1\n");

    // The stored recipe makes the same of the same rows.
    let before = csv("SELECT * FROM clean.clinics ORDER BY id");
    good(dir, &["run", "--frozen", "--full"]);
    assert_eq!(csv("SELECT * FROM clean.clinics ORDER BY id"), before);
}
