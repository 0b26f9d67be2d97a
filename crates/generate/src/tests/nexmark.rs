//! Nexmark's events as they are published: how many of each, who refers to whom, what is hot, in which order.

use super::*;
use std::collections::BTreeMap;

const EVENTS: u64 = 100_000;

fn made(rows: u64, disorder: u64) -> BTreeMap<String, Vec<Vec<String>>> {
    let files = make(&Options { disorder, ..options(What::Nexmark, rows) });
    ["person", "auction", "bid"].into_iter().map(|t| (t.to_string(), records(&files.text(&format!("{t}.csv"))).split_off(1))).collect()
}

fn number(text: &str) -> i64 {
    text.parse().unwrap()
}

#[test]
fn of_fifty_events_one_is_a_person_three_are_auctions_and_the_others_bids() {
    for rows in [5, 6, 49, 50, 51, 100, 777] {
        let all = made(rows, 1);
        let count = |t: &str| all[t].len() as u64;
        let of = |offsets: std::ops::Range<u64>| (0..rows).filter(|e| offsets.contains(&(e % 50))).count() as u64;
        assert_eq!((count("person"), count("auction"), count("bid")), (of(0..1), of(1..4), of(4..50)), "{rows} events");
    }
}

#[test]
fn ids_follow_each_other_and_bids_are_for_auctions_in_flight_half_of_them_hot() {
    let all = made(EVENTS, 1);
    for table in ["person", "auction"] {
        assert!(all[table].iter().enumerate().all(|(i, r)| number(&r[0]) == 1000 + i as i64));
    }
    let (mut hot_auctions, mut hot_bidders, mut hot_channels) = (0, 0, 0);
    let bids = &all["bid"];
    for (i, bid) in bids.iter().enumerate() {
        let event = (i / 46 * 50 + 4 + i % 46) as i64;
        let (last_auction, last_person) = (event / 50 * 3 + 2, event / 50);
        let (auction, bidder) = (number(&bid[0]) - 1000, number(&bid[1]) - 1000);
        let hot = auction == last_auction / 100 * 100;
        assert!(hot || (last_auction - 100..=last_auction + 10).contains(&auction), "{event}: {auction}");
        hot_auctions += usize::from(hot);
        let hot = bidder == last_person / 100 * 100 + 1;
        assert!(hot || (last_person - 1000..=last_person + 10).contains(&bidder), "{event}: {bidder}");
        hot_bidders += usize::from(hot);
        hot_channels += usize::from(["Google", "Facebook", "Baidu", "Apple"].contains(&bid[3].as_str()));
        assert!((100..=100_000_000).contains(&number(&bid[2])));
        assert!(bid[4].starts_with("https://www.nexmark.com/") && bid[4].split('/').count() == 7, "{}", bid[4]);
    }
    let share = |n: usize| n as f64 / bids.len() as f64;
    assert!((0.49..0.53).contains(&share(hot_auctions)), "{}", share(hot_auctions));
    assert!((0.74..0.77).contains(&share(hot_bidders)), "{}", share(hot_bidders));
    assert!((0.49..0.51).contains(&share(hot_channels)), "{}", share(hot_channels));
    let bytes = |rows: &[Vec<String>], from: usize| {
        rows.iter().map(|r| r[from..].iter().map(String::len).sum::<usize>()).sum::<usize>() / rows.len()
    };
    assert!((50..80).contains(&bytes(bids, 6)), "{}", bytes(bids, 6));
    let auctions = &all["auction"];
    assert!(auctions.iter().all(|a| a[6] > a[5] && number(&a[4]) > number(&a[3]) && (10..15).contains(&number(&a[8]))));
}

#[test]
fn events_are_a_tenth_of_a_millisecond_apart_and_come_out_of_order_within_groups_if_asked() {
    let all = made(EVENTS, 1);
    assert!(all["bid"].is_sorted_by_key(|b| b[5].clone()));
    assert_eq!(
        (all["person"][0][6].as_str(), all["bid"].last().unwrap()[5].as_str()),
        ("2024-01-01T00:00:00.000Z", "2024-01-01T00:00:09.999Z")
    );
    let mixed = made(EVENTS, 1000);
    for table in ["person", "auction", "bid"] {
        let sorted = |rows: &[Vec<String>]| {
            let mut all = rows.to_vec();
            all.sort();
            all
        };
        assert_ne!(mixed[table], all[table]);
        assert_eq!(sorted(&mixed[table]), sorted(&all[table]), "{table}");
    }
    // Within a group of 1,000 events, 100 ms.
    let millis = |b: &Vec<String>| number(&b[5][17..23].replace('.', ""));
    let mut newest = 0;
    for bid in &mixed["bid"] {
        assert!(newest - millis(bid) < 100);
        newest = newest.max(millis(bid));
    }
}

#[test]
fn the_same_seed_gives_the_same_events_and_errors_are_refused() {
    let (a, b) = (options(What::Nexmark, 5000), Options { threads: 1, piece_units: Some(77), ..options(What::Nexmark, 5000) });
    assert!(make(&a).messy == make(&b).messy);
    assert!(make(&a).messy != make(&Options { seed: 8, ..a.clone() }).messy);
    // FNV-1a: a change here is a change of what every seed gives.
    let files = make(&a);
    let hash = files.messy.values().flatten().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(format!("{hash:016x}"), "c410675e51c017ed");
    assert!(try_make(&Options { errors: Rates::usual(), ..a.clone() }).is_err());
    assert!(try_make(&Options { disorder: 953, ..a }).is_err());
    assert!(try_make(&Options { disorder: 2, ..options(What::Sensors, 10) }).is_err());
}
