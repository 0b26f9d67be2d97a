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
fn nothing_is_brought_to_a_frequent_misspelling() {
    let mut cells = vec![Some("Germany"); 200];
    cells.extend([Some("Germny"); 12]);
    cells.extend([Some("Germn"); 1]);
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\n", &words("c", &cells));
    assert!(r.column("c").iter().all(|c| c == "Germany"), "{:?}", &r.column("c")[200..]);
    // Equally frequent ones are not exchanged for each other.
    let cells = [vec![Some("Rhone"); 10], vec![Some("Rhine"); 10]].concat();
    let r = run("[[clean]]\nrule = \"repair\"\ncolumn = \"c\"\nfrequent = true\nratio_min = 1\n", &words("c", &cells));
    assert!(r.column("c").iter().all(|c| c == "Rhine"), "{:?}", r.column("c"));
}
