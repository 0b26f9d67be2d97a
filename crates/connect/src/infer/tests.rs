use super::*;
use arrow::datatypes::{DataType, TimeUnit};
use tidemill_core::Negative;

fn guess(label: &str, cells: &[&str]) -> Guess {
    let mut all = Evidence::default();
    // In two parts, so that parts meet.
    for part in cells.chunks(cells.len().div_ceil(2).max(1)) {
        let mut p = Partial::new(true);
        part.iter().for_each(|c| p.see(if c.is_empty() { None } else { Some(c) }, 0));
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
    assert_eq!(words("CustomerID"), ["customer", "id"]);
    assert_eq!(words("order:TotalAmount"), ["order", "total", "amount"]);
    assert_eq!(words("unit_price2"), ["unit", "price", "2"]);
}

#[test]
fn letters_before_a_number_are_part_of_a_name() {
    for cells in [["INV-1001", "INV-1002"], ["PO 4711", "PO 4712"], ["DE-230000", "DE-230001"], ["RX-5000", "RX-5001"], ["L48", "L19"]] {
        let g = guess("nr", &cells);
        assert_eq!((g.read.data_type, g.read.units.len()), (DataType::Utf8, 0), "{cells:?}");
    }
    // Currencies stand there.
    let g = guess("fee", &["EUR 12.50", "EUR 7", "EUR -3"]);
    assert_eq!((g.read.data_type, g.read.units), (DataType::Decimal128(38, 2), vec!["EUR".to_string()]));
    assert_eq!(guess("fee", &["£3", "GBP 4", "£5"]).read.units, ["GBP", "£"]);
    // And letters behind some numbers only: `12` and `12A` are two houses.
    let g = guess("house", &["12", "12A", "13", "14A"]);
    assert_eq!(g.read.data_type, DataType::Utf8);
}

#[test]
fn letters_that_say_a_size_are_no_units() {
    for cells in [
        &["$739K", "$5.7M", "$1.0M"][..],
        &["$44.80M", "$30.10M"],
        &["5 Mio. €", "3 Mio. €"],
        &["10k", "20k"],
        &["1.5 bn", "2 bn"],
        &["$5m", "$6m"],
        &["12 TEUR", "7 TEUR"],
        &["3 M€", "4 M€"],
    ] {
        let g = guess("gross", cells);
        assert_eq!(g.read.data_type, DataType::Utf8, "{cells:?}");
        assert!(matches!(&g.doubts[..], [Doubt::Magnitudes { .. }]), "{cells:?}: {:?}", g.doubts);
    }
    // Metres are not millions, and a seat is no number.
    assert!(matches!(&guess("seat", &["30A", "30B", "31K"]).doubts[..], [Doubt::Units { .. }]));
    assert_eq!(guess("depth", &["5 m", "6 m"]).read.units, ["m"]);
    // One among many numbers is damage, and never read as if nothing stood behind it.
    let mut cells = vec!["4711"; 199];
    cells.push("5M");
    let g = guess("n", &cells);
    assert_eq!((g.read.data_type, g.read.units.len(), g.bad_rows), (DataType::Int64, 0, 1));
    assert_eq!(magnitude_of("$ … M"), Some(("M", Some("1e6"))));
    assert_eq!((magnitude_of("TEUR"), magnitude_of("$ … T"), magnitude_of("$")), (Some(("T", Some("1e3"))), Some(("T", None)), None));
    assert_eq!(magnitude_of("Mio. €"), Some(("Mio", Some("1e6"))));
}

#[test]
fn codes_and_versions_are_no_numbers() {
    assert_eq!(guess("sku", &["12E5", "55E3", "3E07"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("x", &["12E5", "4711", "3E07"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("x", &["1.5E5", "2e-3", "3E7"]).read.data_type, DataType::Float64);
    assert_eq!(guess("version", &["1.1", "1.10", "2.0"]).read.data_type, DataType::Utf8);
    // Another name needs two spellings of one number.
    assert_eq!(guess("part", &["1.1", "1.10"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("part", &["1.1", "1.2"]).read.data_type, DataType::Float64);
    assert_eq!(guess("height", &["1.1", "1.10"]).read.data_type, DataType::Float64);
}

#[test]
fn numbers_below_zero_are_written_in_several_ways() {
    let g = guess("amount", &["(1,078.65)", "12.00", "(3.00)", "$ (4.00)", "$5.00"]);
    assert_eq!((g.read.data_type, g.read.negative, g.read.thousands), (DataType::Decimal128(38, 2), Negative::Parentheses, Some(',')));
    let g = guess("saldo", &["191-", "12", "7-", "400-"]);
    assert_eq!((g.read.data_type, g.read.negative), (DataType::Int64, Negative::Trailing));
    // Years with an open end, brackets everywhere, a remark: nothing of that is less than nothing.
    assert_eq!(guess("active", &["1990-", "1985", "2001-", "2010-"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("note", &["(1)", "(2)", "(3)"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("n", &["1", "2", "(3)"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("phone", &["(555) 123-4567", "(555) 123-4568"]).read.data_type, DataType::Utf8);
}

#[test]
fn seconds_since_1970_are_instants_where_the_name_says_time() {
    let g = guess("ts", &["1700000001853", "1700000004060"]);
    assert_eq!((g.read.data_type, &g.read.formats[..]), (utc(), &["%s%3f".to_string()][..]));
    assert_eq!(guess("created_at", &["1700000001", "1700000004"]).read.formats, ["%s"]);
    assert_eq!(guess("created_at", &["1700000001.25", "1700000004"]).read.formats, ["%s%.f"]);
    assert_eq!(guess("visitors", &["1700000001", "1700000004"]).read.data_type, DataType::Int64);
    assert_eq!(guess("time", &["12", "1700000004"]).read.data_type, DataType::Int64);
}

#[test]
fn zero_dates_are_none_and_words_among_dates_keep_the_text() {
    let g = guess("day", &["2024-01-01", "0000-00-00", "2024-01-02"]);
    assert_eq!((g.read.data_type, g.read.null_tokens, g.sureness), (DataType::Date32, vec!["0000-00-00".to_string()], Sureness::Sure));
    assert_eq!(guess("day", &["01.02.2024", "00.00.0000"]).read.null_tokens, ["00.00.0000"]);
    let mut cells = vec!["2024-01-01"; 300];
    cells.extend(["open"; 3]);
    let g = guess("shipped", &cells);
    assert_eq!(g.words().collect::<Vec<_>>(), [("open", 3)]);
    let mut column = Column {
        read: ColumnRead { data_type: DataType::Utf8, ..g.read.clone() },
        guess: Some(g),
        cast_to: Some(DataType::Date32),
        stays_text: false,
    };
    column.type_now();
    assert!(column.stays_text && column.read.data_type == DataType::Utf8);
    // Nor do words that one in hundreds of cells holds, or a damaged cell or two.
    let mut many = vec!["2024-01-01"; 997];
    many.extend(["open"; 3]);
    assert_eq!(guess("shipped", &many).words().count(), 0);
    cells.truncate(301);
    cells.push("2024-0x-01");
    let g = guess("shipped", &cells);
    assert_eq!(g.words().count(), 0);
    let mut column = Column {
        read: ColumnRead { data_type: DataType::Utf8, ..g.read.clone() },
        guess: Some(g),
        cast_to: Some(DataType::Date32),
        stays_text: false,
    };
    column.type_now();
    assert_eq!((column.read.data_type, column.stays_text), (DataType::Date32, false));
}

#[test]
fn yes_and_no_in_many_spellings_are_one_type() {
    assert_eq!(guess("smoker", &["Yes", "Y", "1", "No", "N", "0"]).read.data_type, DataType::Boolean);
    assert_eq!(guess("smoker", &["1", "0", "Yes"]).read.data_type, DataType::Utf8);
    assert_eq!(guess("smoker", &["Yes", "No", "2"]).read.data_type, DataType::Utf8);
}

#[test]
fn a_value_is_found_in_all_its_spellings() {
    let g = guess("t", &["-999", "-999.0", "1.5", "-999"]);
    assert_eq!(g.spellings("-999"), [("-999".to_string(), 2), ("-999.0".to_string(), 1)]);
    let g = guess("d", &["01/01/1900", "13/02/2024", "01/01/1900"]);
    assert_eq!(g.spellings("1900-01-01"), [("01/01/1900".to_string(), 2)]);
}
