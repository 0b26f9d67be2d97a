use super::matcher::distance;
use crate::tests::{run, words};
use proptest::prelude::*;

/// The textbook's table.
fn plain_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut before = std::mem::replace(&mut row[0], i);
        for j in 1..=b.len() {
            let cost = before + usize::from(a[i - 1] != b[j - 1]);
            before = row[j];
            row[j] = cost.min(row[j] + 1).min(row[j - 1] + 1);
        }
    }
    row[b.len()]
}

proptest! {
    #[test]
    fn bit_vectors_count_edits_as_the_table_does(a in "[abcé]{0,70}", b in "[abcé]{0,70}", bound in 0usize..80) {
        let d = plain_distance(&a, &b);
        prop_assert_eq!(distance(&a, &b, bound), (d <= bound).then_some(d));
    }
}

const TO: &str = "[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nto = [\"Germany\", \"France\", \"Norway\", \"Niger\", \"Nigeria\"]\n";

#[test]
fn spellings_go_to_the_nearest_value_and_ties_to_the_first() {
    let input = words(
        "c",
        &[Some("Germany"), Some(" germany "), Some("Grmany"), Some("Frnace"), Some("N/A"), None, Some(""), Some("Nigeri"), Some("Nigeira")],
    );
    let r = run(TO, &input);
    assert_eq!(r.column("c"), ["Germany", "Germany", "Germany", "France", "N/A", "-", "", "Niger", "Niger"]);
    assert_eq!(r.quality("repair", Some("c")).cells_changed, 5);
    let confidence: Vec<f64> = r.changes("repair").iter().map(|c| c.confidence.unwrap()).collect();
    // 1; one of seven letters; two of six; one of six or seven, with two as near; two of seven, with two as near
    let wanted = [1.0, 1.0 - 1.0 / 7.0, 1.0 - 2.0 / 6.0, (1.0 - 1.0 / 6.0) / 2.0, (1.0 - 2.0 / 7.0) / 2.0];
    confidence.iter().zip(wanted).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{confidence:?}"));
    assert_eq!(r.fitted_value("c", "repairs.Frnace.to"), "France");
    assert_eq!(r.fitted_value("c", "unmatched"), ", N/A");
    assert_eq!(r.quality("repair", Some("c")).message, "5 spellings repaired, 2 matched nothing");
}

#[test]
fn what_matches_nothing_is_kept_cleared_or_replaced() {
    let input = words("c", &[Some("Atlantis"), Some("norway"), Some("Nrwy")]);
    assert_eq!(run(&format!("{TO}otherwise = \"null\"\ndistance_max = 1"), &input).column("c"), ["-", "Norway", "-"]);
    let r = run(&format!("{TO}otherwise = {{ value = \"Unknown\" }}\nconfidence_min = 0.7\ninto = \"country\""), &input);
    assert_eq!(r.column("country"), ["Unknown", "Norway", "Unknown"]);
    assert_eq!(r.column("c"), ["Atlantis", "norway", "Nrwy"]);
    assert_eq!(run(&format!("{TO}ignore_case = false\ndistance_max = 1"), &input).column("c"), ["Atlantis", "Norway", "Nrwy"]);
}

#[test]
fn another_tables_column_can_be_the_canon() {
    let toml = "[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nto_column = \"clean.countries.name\"\n";
    assert_eq!(run(toml, &words("c", &[Some("Frence"), Some("Garmany"), Some("Peru")])).column("c"), ["France", "Germany", "Peru"]);
}

#[test]
fn frequent_spellings_can_be_the_canon() {
    let mut cells = vec![Some("London"); 40];
    cells.extend([Some("Londn"), Some("london "), Some("Leeds"), Some("Paris"), None]);
    cells.extend([Some("Pariss"); 5]);
    cells.extend([Some("Paris"); 19]);
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\ncount_min = 20\nratio_min = 10\n", &words("c", &cells));
    let c = r.column("c");
    assert_eq!(c[40..45], ["London", "London", "Leeds", "Paris", "-"]);
    // 20 times Paris is not 10 times as frequent as 5 times Pariss
    assert_eq!(c[45], "Pariss");
    assert_eq!(r.quality("repair", Some("c")).cells_changed, 2);
}

#[test]
fn nothing_is_brought_to_what_may_be_a_frequent_misspelling() {
    // Twelve times is no slip, whatever else it is; and what is near both of them is not told.
    let mut cells = vec![Some("Germany"); 200];
    cells.extend([Some("Germny"); 12]);
    cells.extend([Some("Germn"); 1]);
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n", &words("c", &cells));
    assert_eq!(r.quality("repair", Some("c")).cells_changed, 0, "{:?}", r.changes("repair"));
    // Equally frequent ones are not exchanged for each other.
    let cells = [vec![Some("Rhone"); 10], vec![Some("Rhine"); 10]].concat();
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\nratio_min = 1\n", &words("c", &cells));
    assert_eq!(r.quality("repair", Some("c")).cells_changed, 0);
}

#[test]
fn words_are_repaired_within_values_and_digits_never() {
    let mut cells: Vec<String> = (1..60).map(|n| format!("{n} patients")).collect();
    cells.extend(["612 pxtients", "37 patiets", "3x patients", "patients"].map(str::to_string));
    let all: Vec<Option<&str>> = cells.iter().map(|c| Some(c.as_str())).collect();
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n", &words("c", &all));
    let c = r.column("c");
    assert_eq!(c[59..], ["612 patients", "37 patients", "3x patients", "patients"]);
    assert_eq!(c[..59], cells[..59]);
}

#[test]
fn frequent_values_side_by_side_and_their_neighbours_stay() {
    // Codes: each is one letter from the next. None is a slip for another.
    let mut cells = Vec::new();
    for code in ["kabel", "kabul", "kabal", "kobal", "kobel", "nabel", "nabul"] {
        cells.extend([code; 30]);
    }
    cells.extend(["kobul", "nobel", "nabal", "kibel"]);
    let all: Vec<Option<&str>> = cells.iter().map(|c| Some(*c)).collect();
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n", &words("c", &all));
    assert_eq!(r.column("c"), cells);
    // Likewise other words that are at home in the column, and other forms of a word.
    let mut cells = [vec!["small red box"; 40], vec!["small blue box"; 40]].concat();
    cells.extend(["small bed box", "tall bed", "wide bed", "low bed", "small red boxes"]);
    let all: Vec<Option<&str>> = cells.iter().map(|c| Some(*c)).collect();
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n", &words("c", &all));
    assert_eq!(r.column("c"), cells);
}

#[test]
fn a_character_in_the_place_of_many_others_is_learnt() {
    let right = ["acute care hospital", "critical access hospital", "childrens hospital", "surgical clinic"];
    let mut cells: Vec<String> = right.iter().flat_map(|r| vec![(*r).to_string(); 60]).collect();
    let clean = cells.len();
    for r in right {
        for letter in ['a', 'e', 'i', 'c', 's', 'l'] {
            cells.push(r.replace(letter, "#"));
        }
    }
    let all: Vec<Option<&str>> = cells.iter().map(|c| Some(c.as_str())).collect();
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n", &words("c", &all));
    let c = r.column("c");
    let mended = c[clean..].iter().zip(right.iter().flat_map(|r| [r; 6])).filter(|(a, b)| a == *b).count();
    assert!(mended >= 20, "{mended} {:?}", &c[clean..]);
    assert!(c.iter().all(|c| right.contains(&c.as_str()) || c.contains('#')));
}

#[test]
fn what_is_too_doubtful_is_listed_and_stays() {
    let mut cells = vec![Some("London"); 40];
    cells.push(Some("Londn"));
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\nconfidence_min = 0.99\n", &words("c", &cells));
    assert_eq!(r.column("c")[40], "Londn");
    let q = r.quality("repair", Some("c"));
    assert_eq!((q.cells_changed, q.listed), (0, 1));
    let c = r.changes("repair")[0];
    assert_eq!((c.before.as_deref(), c.after.as_deref(), c.applied), (Some("Londn"), Some("London"), false));
}

// ------------------------------------------------------------------------------------------------------------- other columns

/// Places: a code, the town and county that go with it, and a dial code that goes with the county.
fn places(rows: usize) -> Vec<[Option<String>; 4]> {
    let towns = ["Ashford", "Barnwell", "Clifton", "Dunmore", "Easton", "Fairview", "Glenwood", "Harlow"];
    let counties = ["North Riding", "Westmark", "Lowlands"];
    let place = |i: usize| {
        let town = (i * 7 + i / 8) % towns.len();
        [format!("{}", 30100 + town * 137), towns[town].to_string(), counties[town % 3].to_string(), format!("0{}", 31 + town % 3)]
            .map(Some)
    };
    (0..rows).map(place).collect()
}

fn table_of(rows: &[[Option<String>; 4]]) -> arrow::array::RecordBatch {
    let column = |at: usize| -> arrow::array::ArrayRef {
        std::sync::Arc::new(rows.iter().map(|r| r[at].as_deref()).collect::<arrow::array::StringArray>())
    };
    arrow::array::RecordBatch::try_from_iter_with_nullable(
        ["code", "town", "county", "dial"].iter().enumerate().map(|(at, name)| (*name, column(at), true)),
    )
    .unwrap()
}

const BY: &str = "[[clean]]\nrule = \"repair\"\ncolumns = [\"code\", \"town\", \"county\", \"dial\"]\nby = [\"code\", \"town\"]\n";

#[test]
fn cells_follow_the_rows_other_columns() {
    let mut rows = places(240);
    let right = rows.clone();
    let town = right[40][1].clone().unwrap();
    let set = |rows: &mut Vec<[Option<String>; 4]>, row: usize, column: usize, to: Option<&str>| rows[row][column] = to.map(str::to_string);
    // A letter out of place, a missing cell, another's value, and a letter in a number: each to be mended.
    set(&mut rows, 40, 1, Some(&format!("{}q", &town[..town.len() - 1])));
    set(&mut rows, 81, 2, None);
    let other = if right[122][2].as_deref() == Some("Westmark") { "Lowlands" } else { "Westmark" };
    set(&mut rows, 122, 2, Some(other));
    let code = right[163][0].clone().unwrap();
    set(&mut rows, 163, 0, Some(&code.replace('3', "x")));
    let r = run(BY, &table_of(&rows));
    for (at, name) in ["code", "town", "county", "dial"].iter().enumerate() {
        let wanted: Vec<String> = right.iter().map(|r| r[at].clone().unwrap()).collect();
        assert_eq!(r.column(name), wanted, "{name}");
    }
    let changes = r.changes("repair");
    assert_eq!(changes.len(), 4, "{changes:#?}");
    assert!(changes.iter().all(|c| c.applied && c.confidence.is_some_and(|c| c >= 0.9)));
    assert_eq!(r.quality("repair", Some("county")).cells_changed, 2);
    // The step that judges is none that people see.
    assert!(r.applied.quality.iter().all(|q| q.column.is_some()));
    // Under a bound that nothing reaches, all of it is listed and nothing done.
    let r = run(&format!("{BY}confidence_min = 1.0\n"), &table_of(&rows));
    assert_eq!(r.column("town")[40], rows[40][1].clone().unwrap());
    assert!(r.changes("repair").iter().all(|c| !c.applied));
    assert_eq!(r.applied.quality.iter().map(|q| q.listed).sum::<u64>(), 4);
}

/// What nearly all rows have in common does not tell whose row one is: `county` agrees, and yet the code may be the wrong one of the two.
#[test]
fn a_value_that_all_have_backs_no_determinant() {
    let rule = "[[clean]]\nrule = \"repair\"\ncolumns = [\"dial\", \"county\"]\nby = [\"code\"]\n";
    let county = |at: usize| if at % 10 == 9 { "Lowlands" } else { "Westmark" };
    let place = |at: usize| [Some(format!("c{at}")), Some("t".to_string()), Some(county(at).to_string()), Some(format!("{}", 7000 + at))];
    let mut rows: Vec<[Option<String>; 4]> = (0..12_000).map(|i| place(i / 60)).collect();
    // Some rows say another place's code and have their own dial code.
    for at in (130..12_000).step_by(1200) {
        rows[at][0] = Some(format!("c{}", (at / 60 + 36) % 200));
    }
    let before: Vec<String> = rows.iter().filter_map(|r| r[3].clone()).collect();
    let r = run(rule, &table_of(&rows));
    assert_eq!(r.column("dial"), before);
    assert_eq!(r.quality("repair", Some("dial")).listed, 10);
}

#[test]
fn a_determinant_of_another_row_changes_no_cells() {
    let mut rows = places(240);
    // The row has another place's code, and its town, county and dial code are right.
    let other = rows.iter().find(|r| r[2] != rows[50][2]).unwrap()[0].clone();
    rows[50][0] = other;
    let before = rows[50].clone();
    let r = run(BY, &table_of(&rows));
    for (at, name) in ["town", "county", "dial"].iter().enumerate() {
        assert_eq!(r.column(name)[50], before[at + 1].clone().unwrap());
    }
    assert_eq!(r.quality("repair", Some("town")).cells_changed + r.quality("repair", Some("county")).cells_changed, 0);
}

#[test]
fn what_a_stored_recipe_knows_of_columns_serves_other_rows() {
    use crate::tests::{PLAIN, apply, compile, fit, shown, table};
    let recipe = compile(&table(BY), &table_of(&places(240)));
    let fitted = fit(&recipe, &table_of(&places(240)), PLAIN, None).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&fitted.to_json().to_string()).unwrap();
    let loaded = crate::Fitted::from_json(&stored, &recipe).unwrap();
    assert_eq!(loaded.to_json(), stored);
    let mut rows = places(3);
    let town = rows[1][1].take();
    let (batch, applied, _) = apply(&loaded, &table_of(&rows), PLAIN, None).unwrap();
    assert_eq!(shown(&batch, "town")[1], town.unwrap());
    assert_eq!(applied.changes.len(), 1);
    // Figures for people are few; what was learnt in bulk is not among them.
    let figures = fitted.describe();
    assert!(figures.iter().any(|f| f.name == "decides.town by code.agreement" && f.value == "1.0"), "{figures:?}");
    assert!(figures.iter().all(|f| !f.name.contains("model")));
}

#[test]
fn a_value_that_holds_its_neighbours_is_taken_apart() {
    let towns = [("San Remo", "IT"), ("Nice", "FR"), ("Lyon", "FR"), ("Bari", "IT"), ("Porto", "PT")];
    let mut rows: Vec<[Option<String>; 4]> = Vec::new();
    for i in 0..100 {
        let (town, state) = towns[i % towns.len()];
        rows.push(if i % 9 == 4 {
            [Some(i.to_string()), Some(format!("{town} {state}")), None, None]
        } else {
            [Some(i.to_string()), Some(town.to_string()), Some(state.to_string()), None]
        });
    }
    // Nobody else is from here, and a town without a state is just that.
    rows.push([Some("100".into()), Some("Faro PT".into()), None, None]);
    rows.push([Some("101".into()), Some("Nice".into()), None, None]);
    let toml = "[[clean]]\nrule = \"repair\"\ncolumns = [\"town\", \"county\"]\nglued = true\n";
    let r = run(toml, &table_of(&rows));
    let (town, state) = (r.column("town"), r.column("county"));
    for i in 0..100 {
        assert_eq!((town[i].as_str(), state[i].as_str()), towns[i % towns.len()], "{i}");
    }
    assert_eq!((town[101].as_str(), state[101].as_str()), ("Nice", "-"));
    assert_eq!((r.quality("repair", Some("town")).cells_changed, r.quality("repair", Some("county")).cells_changed), (12, 12));
    assert_eq!((town[100].as_str(), state[100].as_str()), ("Faro", "PT"));
    // Where a state is missing no more often than towns end in one, nothing is glued.
    let mut rows = vec![[Some("1".to_string()), Some("Santa Fe".to_string()), Some("Fe".to_string()), None]; 40];
    rows.push([Some("2".into()), Some("Santa Fe".into()), None, None]);
    assert!(run(toml, &table_of(&rows)).changes("repair").iter().all(|c| !c.applied));
}

#[test]
fn rows_that_are_likely_the_same_are_listed_or_dropped() {
    let names = [
        "Anna Maria Olsen, Hill Road 12",
        "Olsen, Anna Maria; Hill Road 12",
        "Anna Maria Olson, Hill Road 12",
        "Anna Maria Olsen, Hill Road 13",
        "Bert Friis, Lake Lane 4",
    ];
    let cells: Vec<Option<&str>> = names.iter().map(|n| Some(*n)).chain([None, None]).collect();
    let toml = "[[clean]]\nrule = \"duplicates\"\nlike = [\"c\"]\nsimilarity_min = 0.9\n";
    let r = run(toml, &words("c", &cells));
    assert_eq!(r.applied.written, 7);
    let listed: Vec<(u64, &str, bool)> = r.changes("duplicates").iter().map(|c| (c.line, c.after.as_deref().unwrap(), c.applied)).collect();
    let lines: Vec<u64> = r.changes("duplicates").iter().map(|c| c.line).collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed.iter().all(|(_, after, applied)| *after == names[0] && !applied), "{listed:?}");
    assert_eq!(lines[1] - lines[0], 1);
    let r = run(&format!("{toml}action = \"drop\"\n"), &words("c", &cells));
    assert_eq!((r.applied.written, r.applied.deduplicated), (5, 2));
    assert_eq!(r.column("c")[..2], [names[0], names[3]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Columns without anomalies: what belongs together does so always, and codes, numbers and names are as different as they are.
    #[test]
    fn nothing_is_changed_where_nothing_is_wrong(
        groups in prop::collection::btree_set(("[A-Z][a-z]{2,8}", "[A-Z]{2}[0-9]{2,4}", 0u32..90_000), 3..25),
        rows in 20usize..200,
        step in 1usize..17,
        loose in prop::collection::vec(("[a-z]{3,7}", 0i64..500), 200),
    ) {
        let groups: Vec<_> = groups.into_iter().collect();
        // Two names of one code would be an anomaly.
        let mut codes = std::collections::BTreeSet::new();
        let groups: Vec<_> = groups.into_iter().filter(|g| codes.insert(g.1.clone())).collect();
        let made: Vec<[Option<String>; 4]> = (0..rows).map(|i| {
            let g = &groups[i * step % groups.len()];
            let own = &loose[i % loose.len()];
            [Some(g.1.clone()), Some(g.0.clone()), Some(g.2.to_string()), Some(format!("{} {}", own.0, own.1))]
        }).collect();
        let toml = format!(
            "{BY}[[clean]]\nrule = \"repair\"\ncolumns = \"*\"\nfrequent = true\n[[clean]]\nrule = \"repair\"\ncolumns = \"*\"\nglued = true\n"
        );
        let r = run(&toml, &table_of(&made));
        let applied: Vec<_> = r.changes("repair").into_iter().filter(|c| c.applied).collect();
        prop_assert!(applied.is_empty(), "{applied:#?}");
    }
}

// ------------------------------------------------------------------------------------------------- slips, and values that are rare

const FREQUENT: &str = "[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n";

/// Values with how often each comes, and a second column that goes with them.
fn beside(values: &[(&str, usize, &str)]) -> arrow::array::RecordBatch {
    let mut rows: Vec<(&str, &str)> = values.iter().flat_map(|(v, n, other)| std::iter::repeat_n((*v, *other), *n)).collect();
    // Not in order of value, as rows come.
    let n = rows.len();
    rows = (0..n).map(|i| rows[(i * 7919) % n]).collect();
    let column = |at: usize| -> arrow::array::ArrayRef {
        std::sync::Arc::new(rows.iter().map(|r| Some(if at == 0 { r.0 } else { r.1 })).collect::<arrow::array::StringArray>())
    };
    arrow::array::RecordBatch::try_from_iter_with_nullable([("c", column(0), true), ("other", column(1), true)]).unwrap()
}

/// What was made of each spelling that was changed.
fn made(values: &[(&str, usize, &str)]) -> std::collections::BTreeMap<String, String> {
    let r = run(FREQUENT, &beside(values));
    let changes = r.changes("repair").into_iter().filter(|c| c.applied);
    changes.map(|c| (c.before.clone().unwrap(), c.after.clone().unwrap())).collect()
}

#[test]
fn slips_are_mended_in_a_closed_vocabulary_though_some_of_its_values_are_near_each_other() {
    let mut values: Vec<(&str, usize, &str)> =
        ["Portugal", "Slovakia", "Slovenia", "Finland", "Niger", "Nigeria", "Austria", "Australia"].iter().map(|v| (*v, 151, "")).collect();
    let slips = [
        ("Portgual", "Portugal"),
        ("Finlland", "Finland"),
        ("Slovakja", "Slovakia"),
        ("Niegr", "Niger"),
        ("Nigeeria", "Nigeria"),
        ("Autralia", "Australia"),
    ];
    values.extend(slips.iter().map(|(slip, _)| (*slip, 1, "")));
    let made = made(&values);
    assert_eq!(made.len(), slips.len(), "{made:?}");
    slips.iter().for_each(|(slip, meant)| assert_eq!(made[*slip], *meant));
}

#[test]
fn surnames_that_come_again_are_surnames() {
    let values = [
        ("Becker", 351, ""),
        ("Beckers", 7, ""),
        ("Bekker", 4, ""),
        ("Larsson", 303, ""),
        ("Larson", 9, ""),
        ("Larssen", 2, ""),
        ("Fischer", 280, ""),
        ("Fisher", 6, ""),
        ("Ficher", 1, ""),
    ];
    assert!(made(&values).is_empty(), "{:?}", made(&values));
    // The more often one comes, the less it is a slip.
    let sure = |n: usize| {
        let r = run(
            &format!("{FREQUENT}confidence_min = 1.0\n"),
            &beside(&[("Kowalski", 400, ""), ("Kowalsky", n, ""), ("Nowak", 300, ""), ("Nowka", 1, "")]),
        );
        r.changes("repair").iter().filter(|c| c.before.as_deref() == Some("Kowalsky")).filter_map(|c| c.confidence).fold(0.0, f64::max)
    };
    assert!(sure(1) > 0.8 && sure(1) > sure(2) && sure(3) < 0.5, "{} {} {}", sure(1), sure(2), sure(3));
}

#[test]
fn a_town_with_a_code_of_its_own_is_no_slip_and_one_with_its_neighbours_is() {
    let mut values = vec![
        ("Ashford", 240, "3101"),
        ("Ashfort", 1, "9977"),
        ("Ashfrod", 1, "3101"),
        ("Brampton", 260, "4402"),
        ("Crampton", 5, "8150"),
        ("Bramptn", 1, "4402"),
        ("Dunmore", 230, "5503"),
        ("Dunmoor", 4, "6120"),
        ("Dunmmore", 1, "5503"),
        ("Elstead", 250, "7604"),
        ("Elsteadd", 1, "7604"),
    ];
    values.extend([("Fenwick", 200, "1001"), ("Glenby", 210, "1002"), ("Harlow", 220, "1003")]);
    let made = made(&values);
    for right in ["Ashfort", "Crampton", "Dunmoor"] {
        assert!(!made.contains_key(right), "{made:?}");
    }
    for (slip, meant) in [("Ashfrod", "Ashford"), ("Bramptn", "Brampton"), ("Dunmmore", "Dunmore"), ("Elsteadd", "Elstead")] {
        assert_eq!(made.get(slip).map(String::as_str), Some(meant), "{made:?}");
    }
}

#[test]
fn look_alikes_with_codes_of_their_own_stay() {
    let mut values = vec![
        ("corvadine", 150, "K11"),
        ("corvidine", 3, "K12"),
        ("melotaxin", 200, "K13"),
        ("melotaxen", 2, "K14"),
        ("sertapril", 180, "K15"),
        ("sertaprol", 1, "K16"),
        ("melotxain", 1, "K13"),
        ("sertaprill", 1, "K15"),
    ];
    values.extend([("bendolin", 120, "K17"), ("quasiprene", 140, "K18")]);
    let made = made(&values);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["melotxain", "sertaprill"], "{made:?}");
}

#[test]
fn columns_that_have_nothing_to_do_with_it_say_nothing() {
    // A day and a number of its own in each row: neither makes a slip a value, nor a value a slip.
    let n = 600;
    let town = |i: usize| match i {
        77 => "Eastonn",
        300 => "Westno",
        _ => ["Easton", "Weston", "Nordby"][i % 3],
    };
    let text = |f: &dyn Fn(usize) -> String| -> arrow::array::ArrayRef {
        std::sync::Arc::new((0..n).map(|i| Some(f(i))).collect::<arrow::array::StringArray>())
    };
    let batch = arrow::array::RecordBatch::try_from_iter_with_nullable([
        ("c", text(&|i| town(i).to_string()), true),
        ("day", text(&|i| format!("day {}", i * 31 % 365)), true),
        ("id", text(&|i| format!("{i}")), true),
    ])
    .unwrap();
    let r = run(FREQUENT, &batch);
    assert_eq!((r.column("c")[77].as_str(), r.column("c")[300].as_str()), ("Easton", "Weston"));
}

#[test]
fn with_no_distance_only_case_and_space_are_mended() {
    let values = [("PayPal", 120, ""), ("paypal", 6, ""), ("PAYPAL", 2, ""), ("PayPall", 1, ""), ("Invoice", 90, ""), ("Invioce", 1, "")];
    let r = run(&format!("{FREQUENT}distance_max = 0\n"), &beside(&values));
    let changed: std::collections::BTreeSet<&str> = r.changes("repair").iter().filter_map(|c| c.before.as_deref()).collect();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["PAYPAL", "paypal"]);
    assert_eq!(r.column("c").iter().filter(|v| *v == "PayPal").count(), 128);
    // In a code of two letters, one in lower case may be another's.
    let codes = [("MN", 90, ""), ("VA", 80, ""), ("mn", 3, ""), ("vA", 1, ""), ("Mn", 1, "")];
    let r = run(&format!("{FREQUENT}distance_max = 0\n"), &beside(&codes));
    assert_eq!((r.column("c").iter().filter(|v| *v == "MN").count(), r.quality("repair", Some("c")).listed), (93, 2));
}

#[test]
fn a_rehearsal_says_what_a_run_does() {
    let values = [
        ("Brampton", 260, "4402"),
        ("Crampton", 5, "8150"),
        ("Bramptn", 1, "4402"),
        ("Dunmore", 230, "5503"),
        ("Dunmroe", 1, "5503"),
        ("Elstead", 250, "7604"),
    ];
    let mut beside = super::rehearsal::Table::default();
    let code = |other: &str| other.parse::<u32>().unwrap();
    beside.add(values.iter().flat_map(|(v, n, other)| std::iter::repeat_n((*v, code(other)), *n)));
    let slips = super::rehearsal::rehearse(values.iter().map(|(v, n, _)| (*v, *n as u64)), &beside).unwrap();
    let rehearsed: Vec<(&str, &str)> = slips.iter().filter(|s| s.is_made).map(|s| (s.from.as_str(), s.to.as_str())).collect();
    let done = made(&values);
    assert_eq!(rehearsed.len(), 2, "{rehearsed:?}");
    assert!(rehearsed.iter().all(|(from, to)| done.get(*from).map(String::as_str) == Some(*to)), "{rehearsed:?} {done:?}");
}

/// A product's name by its number: sixty rows of each product, and in a row of each a slip of its own.
fn products(set: &[(usize, &str)]) -> Vec<String> {
    const NAMES: [&str; 6] = [
        "Norvik Jacket NE-405",
        "Helix Blanket SU-034",
        "Vega Planter UU-563",
        "Onyx Blanket QU-117",
        "Maple Blanket KX-437",
        "Lotus Bottle KC-990",
    ];
    let mut rows: Vec<[Option<String>; 4]> =
        (0..360).map(|i| [Some(format!("P{}", i % 6)), Some(NAMES[i % 6].to_string()), Some("x".into()), Some("y".into())]).collect();
    let slips = [
        "Norvik Jaket NE-405",
        "Helixx Blanket SU-034",
        "Vega Plantr UU-563",
        "Onxy Blanket QU-117",
        "Mapple Blanket KX-437",
        "Lotus Botle KC-990",
    ];
    for (at, slip) in slips.iter().enumerate() {
        rows[300 + at][1] = Some((*slip).to_string());
    }
    for (row, name) in set {
        rows[*row][1] = Some((*name).to_string());
    }
    let rule = "[[clean]]\nrule = \"repair\"\ncolumns = [\"town\"]\nby = [\"code\"]\nconfidence_min = 0.8\n";
    run(rule, &table_of(&rows)).column("town")
}

#[test]
fn a_slip_that_comes_again_in_a_great_group_is_a_slip() {
    // The same slip in three products: a word of several values, and far rarer than the right one all the same.
    let set = [(1, "Helix Blankt SU-034"), (7, "Helix Blankt SU-034"), (3, "Onyx Blankt QU-117"), (4, "Maple Blankt KX-437")];
    let got = products(&set);
    assert_eq!(
        [&got[1], &got[7], &got[3], &got[4]],
        ["Helix Blanket SU-034", "Helix Blanket SU-034", "Onyx Blanket QU-117", "Maple Blanket KX-437"]
    );
}

#[test]
fn a_value_of_one_group_that_is_its_value_but_for_a_word_at_home_elsewhere_is_a_slip() {
    // KC is the word of other products' names.
    let others = [(5, "Lotus Botttle KC-990"), (11, "Lotis Bottle KC-990")];
    let got = products(&[others[0], others[1], (4, "Maple Blanket KC-437")]);
    assert_eq!(got[4], "Maple Blanket KX-437");
    assert_eq!(products(&[(4, "Maple Blanket KX-438")])[4], "Maple Blanket KX-438", "a digit for a digit is none");
}

#[test]
fn words_that_stand_for_each_other_in_one_group_after_another_are_two_values() {
    // One place's measures beside those of the place that nearly all rows are of.
    let place = |i: usize| if i / 10 == 30 { "ak" } else { "al" };
    let row = |i: usize| {
        [Some(format!("m{}", i % 10)), Some(format!("{} measure scip {}", place(i), i % 10)), Some("x".into()), Some("y".into())]
    };
    let rows: Vec<[Option<String>; 4]> = (0..600).map(row).collect();
    let rule = "[[clean]]\nrule = \"repair\"\ncolumns = [\"town\"]\nby = [\"code\"]\nconfidence_min = 0.5\n";
    let before: Vec<String> = rows.iter().filter_map(|r| r[1].clone()).collect();
    assert_eq!(run(rule, &table_of(&rows)).column("town"), before);
}

#[test]
fn of_frequent_values_as_near_the_more_frequent_is_meant_and_slips_come_as_often_as_their_values_do() {
    let mut cities: Vec<String> = Vec::new();
    for (city, n) in [("Berlin", 4000), ("Bern", 200), ("Madrid", 3000), ("Lisboa", 3000)] {
        cities.extend(std::iter::repeat_n(city.to_string(), n));
    }
    // Two slips in a hundred, in all the ways of leaving out a letter, doubling one, or exchanging two.
    for (city, times) in [("Berlin", 6), ("Madrid", 4), ("Lisboa", 4)] {
        for at in 1..city.len() {
            let (head, tail) = city.split_at(at);
            let (last, next) = (&head[head.len() - 1..], &tail[..1]);
            for slip in
                [format!("{head}{}", &tail[1..]), format!("{head}{last}{tail}"), format!("{}{next}{last}{}", &head[..at - 1], &tail[1..])]
            {
                cities.extend(std::iter::repeat_n(slip, times));
            }
        }
    }
    let input = words("c", &cities.iter().map(|c| Some(c.as_str())).collect::<Vec<_>>());
    let got = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n", &input).column("c");
    let left = |of: &str| got.iter().zip(&cities).filter(|(g, c)| *c == of && g == c).count();
    assert_eq!(["Berin", "Berln", "Belrin", "Lisbao", "Madrd"].map(left), [0; 5], "as near to Bern, or repeated: slips for all that");
    assert_eq!(got.iter().filter(|c| *c == "Bern").count(), 200);
}
