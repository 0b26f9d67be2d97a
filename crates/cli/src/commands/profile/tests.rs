use super::human::{bars, figure};

#[test]
fn bars_show_where_rows_are() {
    assert_eq!(bars(&[0, 1, 4, 8], 16), " ▁▄█");
    assert_eq!(bars(&[1, 1, 1, 1], 2), "██");
    assert_eq!(bars(&[], 4), "");
}

#[test]
fn figures_of_every_size_have_an_end() {
    assert_eq!(figure(8_433_702_692_084_134.0), "8,433,702,692,084,134");
    assert_eq!(figure(-1e17), "-100,000,000,000,000,000");
    assert_eq!(figure(1.5e300), "1.50e300");
    assert_eq!([figure(1234.5), figure(0.125), figure(f64::NAN), figure(f64::INFINITY)], ["1,235", "0.12", "NaN", "inf"]);
}
