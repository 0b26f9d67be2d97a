use super::median;
use super::plans::difference;

#[test]
fn the_middle_of_times() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.0));
}

#[test]
fn what_differs_between_plans() {
    assert!(difference("a\n  b\n", "a\n b").is_empty());
    assert_eq!(
        difference("sort\n  join\n    scan x\n    scan y", "sort\n  join: partitioned\n    scan x\n    exchange\n      scan y"),
        ["- join", "+ join: partitioned", "+ exchange"]
    );
}
