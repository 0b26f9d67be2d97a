//! The same seed gives the same bytes: on every machine, with any number of threads, however rows are cut into pieces.

use super::*;

fn hash<'a>(files: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> u64 {
    // FNV-1a.
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for (name, bytes) in files {
        for b in name.bytes().chain(bytes.iter().copied()) {
            h = (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    h
}

/// Of 400 rows of each kind in each format, data and truth. A change here is a change of what every seed gives: say so in CHANGELOG.
/// (Parquet's bytes also change with its writer.)
const GOLDEN: [(What, Format, u64); 16] = [
    (What::Shop, Format::Csv, 0x12b8_6093_8a69_027b),
    (What::Shop, Format::Jsonl, 0xf11e_0d34_322b_9c45),
    (What::Shop, Format::Parquet, 0xe44e_a3af_fedd_55b6),
    (What::Shop, Format::Avro, 0xebc3_a607_04f5_c0c3),
    (What::Orders, Format::Csv, 0x7401_50cc_2783_aec1),
    (What::Orders, Format::Jsonl, 0x0bb3_968b_f81e_7546),
    (What::Orders, Format::Parquet, 0x6d9c_9139_1738_2e56),
    (What::Orders, Format::Avro, 0x0ca5_72ab_d64e_a197),
    (What::Transactions, Format::Csv, 0x0949_bac3_a4e9_8cc1),
    (What::Transactions, Format::Jsonl, 0x8161_3469_dae7_7417),
    (What::Transactions, Format::Parquet, 0xae94_274b_a3a5_d5d8),
    (What::Transactions, Format::Avro, 0xf744_5238_4052_4073),
    (What::Sensors, Format::Csv, 0xc402_82e0_48f5_1233),
    (What::Sensors, Format::Jsonl, 0x16ce_3095_ce99_1059),
    (What::Sensors, Format::Parquet, 0x3ccd_bb8d_831b_5937),
    (What::Sensors, Format::Avro, 0x6125_ea41_8573_a84c),
];

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let mut wrong = Vec::new();
    for (what, format, golden) in GOLDEN {
        let files = make(&Options { format, errors: Rates::parse("5%").unwrap(), ..options(what, 400) });
        let found = hash(files.all());
        if found != golden {
            wrong.push(format!("    (What::{what:?}, Format::{format:?}, 0x{found:016x}),"));
        }
    }
    assert!(wrong.is_empty(), "other bytes than before:\n{}", wrong.join("\n"));
}

#[test]
fn threads_and_pieces_change_nothing() {
    let five = Rates::parse("5%").unwrap();
    for what in KINDS {
        for format in [Format::Csv, Format::Jsonl] {
            let one = Options { format, errors: five, threads: 1, piece_units: Some(100_000), ..options(what, 3000) };
            let whole = make(&one);
            for (threads, piece) in [(3, 64), (2, 999), (5, 1500)] {
                let cut = make(&Options { threads, piece_units: Some(piece), ..one.clone() });
                for ((name, a), (_, b)) in whole.all().zip(cut.all()) {
                    assert!(a == b, "{what} {name} differs with {threads} threads and pieces of {piece}");
                }
            }
        }
        for format in [Format::Parquet, Format::Avro] {
            let one = Options { format, errors: five, threads: 1, piece_units: Some(500), ..options(what, 3000) };
            assert!(make(&one).all().eq(make(&Options { threads: 3, ..one.clone() }).all()), "{what} {format:?}");
        }
    }
}

#[test]
fn another_seed_gives_other_rows() {
    for what in KINDS {
        let (a, b) = (make(&options(what, 200)), make(&Options { seed: 8, ..options(what, 200) }));
        for (name, bytes) in &a.messy {
            assert_ne!(bytes, &b.messy[name], "{name}");
        }
    }
}
