use super::*;
use arrow::datatypes::{DataType, TimeUnit};

fn guess(label: &str, cells: &[&str]) -> Guess {
    let mut all = Evidence::default();
    // In two parts, so that parts meet.
    for part in cells.chunks(cells.len().div_ceil(2).max(1)) {
        let mut p = Partial::new(true);
        part.iter().for_each(|c| p.see(if c.is_empty() { None } else { Some(c) }));
        all.absorb(p.finish());
    }
    decide::decide(&tidemill_core::name::normalise(label), label, all)
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

#[test]
fn whole_numbers_with_a_needless_fraction_are_keys() {
    let g = guess("CustomerID", &["17850.0", "13047.0", "", "12583.0"]);
    assert_eq!((g.read.data_type, g.sureness), (DataType::Int64, Sureness::Sure));
    // Measured in whole seconds so far: the next may not be.
    assert_eq!(guess("temperature", &["20.0", "21.0"]).read.data_type, DataType::Float64);
}

#[test]
fn money_is_decimal_and_measures_are_not() {
    assert_eq!(guess("UnitPrice", &["2.55", "3.395", "0"]).read.data_type, DataType::Decimal128(38, 3));
    assert_eq!(guess("abv", &["0.05", "0.066"]).read.data_type, DataType::Float64);
    let g = guess("fare", &["$1,234.50", "$12", "$7.5"]);
    assert_eq!(g.read.data_type, DataType::Decimal128(38, 2));
    assert_eq!((g.read.thousands, g.read.decimal, g.read.units), (Some(','), '.', vec!["$".to_string()]));
    assert_eq!(guess("price", &["1e-9", "2.0"]).read.data_type, DataType::Float64);
}

#[test]
fn commas_are_what_the_other_values_make_them() {
    let g = guess("betrag", &["1.234,50", "12,5", "1.000"]);
    assert_eq!((g.read.thousands, g.read.decimal), (Some('.'), ','));
    let g = guess("population", &["1,234", "5,678,901", "12"]);
    assert_eq!((g.read.data_type, g.read.thousands, g.doubts.len()), (DataType::Int64, Some(','), 0));
    let g = guess("x", &["1,234", "5,678"]);
    assert!(matches!(&g.doubts[..], [Doubt::Thousands { .. }]));
    // Both cannot be.
    assert_eq!(guess("x", &["1,5", "1.5"]).read.data_type, DataType::Utf8);
}

#[test]
fn codes_stay_text() {
    assert_eq!(guess("zip", &["35233", "99501"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("part", &["007", "123"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("account", &["123456789012345678901"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("InvoiceNo", &["536365", "C536379"]).read.data_type, DataType::Utf8);
}

#[test]
fn one_unit_in_many_spellings_goes_and_two_units_stay() {
    let g = guess("ounces", &["12.0 oz", "16 OZ.", "12.0 ounce", "8.4 oz. Can", "12"]);
    assert_eq!(g.read.data_type, DataType::Float64);
    assert_eq!(g.read.units, ["oz", "oz. Can", "OZ.", "ounce"].iter().map(|s| s.to_string()).collect::<Vec<_>>().tap_sorted());
    let g = guess("weight", &["500 g", "2 kg", "750 g"]);
    assert_eq!(g.read.data_type, DataType::Utf8);
    assert!(matches!(&g.doubts[..], [Doubt::Units { units }] if units[0] == ("g".to_string(), 2)));
    // Percent signs on numbers of the same size as those without are decoration; on others they say something.
    assert_eq!(guess("abv", &["0.05", "0.06%", "0.045"]).read.units, ["%"]);
    assert_eq!(guess("abv", &["0.05", "6%", "0.045"]).read.data_type, DataType::Utf8);
}

trait Sorted {
    fn tap_sorted(self) -> Self;
}
impl Sorted for Vec<String> {
    fn tap_sorted(mut self) -> Self {
        self.sort_by_key(|u| (u.to_lowercase(), u.clone()));
        self
    }
}

#[test]
fn dates_by_all_their_formats() {
    let g = guess("d", &["2010-12-01 08:26:00", "2011-12-09 12:50:00"]);
    assert_eq!((g.read.data_type, g.read.formats.len()), (utc(), 0));
    let g = guess("d", &["04-09-2012", "21-08-2013"]);
    assert_eq!((g.read.data_type, &g.read.formats[..]), (DataType::Date32, &["%d-%m-%Y".to_string()][..]));
    assert!(g.doubts.is_empty());
    let g = guess("d", &["04-09-2012", "1-8-2013"]);
    assert!(matches!(&g.doubts[..], [Doubt::DayOrMonth { .. }]));
    let g = guess("d", &["12/31/2020", "31/12/2020"]);
    assert!(g.read.data_type == DataType::Utf8 && matches!(&g.doubts[..], [Doubt::BothOrders { .. }]));
    let g = guess("d", &["2020-01-31", "31.01.2020", "Jan 31, 2020"]);
    assert_eq!((g.read.data_type, g.read.formats.len()), (DataType::Date32, 3));
    assert_eq!(guess("d", &["12/1/2010 8:26", "12/13/2010 17:01"]).read.formats, ["%m/%d/%Y %H:%M"]);
    assert_eq!(guess("d", &["3:05 pm", "4:10 am"]).read.data_type, DataType::Utf8);
}

#[test]
fn words_for_nothing_are_null_where_they_can_be_nothing_else() {
    let g = guess("ibu", &["60", "N/A", "35", "-"]);
    assert_eq!((g.read.data_type, g.read.null_tokens), (DataType::Int64, vec!["N/A".to_string(), "-".to_string()]));
    let g = guess("city", &["Rome", "unknown", "unknown", "N/A"]);
    assert_eq!((g.read.data_type, g.read.null_tokens), (DataType::Utf8, vec!["N/A".to_string()]));
    assert_eq!(g.doubts, [Doubt::MaybeMissing { token: "unknown".into(), rows: 2 }]);
    // Namibia.
    assert!(guess("country", &["NA", "DE"]).read.null_tokens.is_empty());
}

#[test]
fn a_few_damaged_cells_are_named() {
    let mut cells = vec!["10018"; 99];
    cells.push("1x018");
    let g = guess("provider", &cells);
    assert_eq!((g.read.data_type, g.sureness, g.bad_rows), (DataType::Int64, Sureness::Almost, 1));
    assert_eq!(g.bad, [("1x018".to_string(), 1)]);
    // Nor is a letter in a digit's place a unit.
    let mut cells = vec!["4711"; 99];
    cells.push("471x");
    let g = guess("n", &cells);
    assert_eq!((g.read.data_type, g.read.units.len(), g.bad_rows), (DataType::Int64, 0, 1));
    // A kind of its own is no damage.
    let codes: Vec<String> = (0..1000).map(|i| if i < 20 { format!("C{}", 5000 + i) } else { format!("{}", 5000 + i) }).collect();
    assert_eq!(guess("invoice", &codes.iter().map(String::as_str).collect::<Vec<_>>()).read.data_type, DataType::Utf8);
    let mut cells = vec!["95%"; 50];
    cells.extend(["empty"; 50]);
    assert_eq!(guess("score", &cells).read.data_type, DataType::Utf8);
}

#[test]
fn booleans_need_both_sides() {
    assert_eq!(guess("active", &["yes", "No", ""]).read.data_type, DataType::Boolean);
    assert_eq!(guess("sex", &["F", "F"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("flag", &["0", "1"]).read.data_type, DataType::Int64);
}

#[test]
fn nothing_is_text() {
    let g = guess("x", &["", ""]);
    assert_eq!((g.read.data_type, g.filled, g.evidence.missing), (DataType::Utf8, 0, 2));
}

#[test]
fn labels_fall_into_words() {
    assert_eq!(decide::words("CustomerID"), ["customer", "id"]);
    assert_eq!(decide::words("order:TotalAmount"), ["order", "total", "amount"]);
    assert_eq!(decide::words("unit_price2"), ["unit", "price", "2"]);
}
