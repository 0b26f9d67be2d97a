use super::human::bars;

#[test]
fn bars_show_where_rows_are() {
    assert_eq!(bars(&[0, 1, 4, 8], 16), " ▁▄█");
    assert_eq!(bars(&[1, 1, 1, 1], 2), "██");
    assert_eq!(bars(&[], 4), "");
}
