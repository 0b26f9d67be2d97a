use tidemill_connect::*;
use tidemill_core::{ColumnRead, Meter, OnInvalid, drive};
use arrow::datatypes::DataType;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let threads: usize = std::env::args().nth(2).map_or(1, |s| s.parse().unwrap());
    let mode = std::env::args().nth(3).unwrap_or_default();
    let opts = FileOptions { paths: vec![path], ..Default::default() };
    let src = FileSource::new(&opts, std::path::Path::new("/"));
    let files = src.list().unwrap();
    let t = std::time::Instant::now();
    let probe = src.probe(&files[0]).unwrap();
    eprintln!("probe {:?}", t.elapsed());
    let mut cols = probe.columns.clone();
    if mode == "w1" {
        for c in &mut cols {
            let t = match c.name.as_str() { n if n.ends_with("age") || n.ends_with("quantity") => DataType::Int64, n if n.ends_with("amount") || n.ends_with("price") => DataType::Float64, n if n.ends_with("date") => DataType::Date32, _ => DataType::Utf8 };
            if t == DataType::Date32 { c.formats = vec!["%Y-%m-%d".into(), "%d/%m/%Y".into(), "%b %d, %Y".into()]; c.on_invalid = OnInvalid::Null; }
            c.data_type = t; c.null_tokens.clear();
        }
    }
    for c in &cols { eprintln!("{} {:?} {:?} {:?}", c.name, c.data_type, c.formats, c.null_tokens); }
    eprintln!("{:?}", probe.notes);
    let _ = ColumnRead::new("x", DataType::Utf8);
    for _ in 0..4 {
        let scan = src.scan(&files, &cols, ScanOptions::default()).unwrap();
        let meter = Meter::default();
        let (mut rows, mut rej) = (0, 0);
        let t = std::time::Instant::now();
        drive(&*scan, threads, &meter, |_, d| Ok(d), |_, d| { rows += d.batch.num_rows(); rej += d.rejects.len(); if std::env::var("SHOW").is_ok() { for r in &d.rejects { eprintln!("{} {} {:?} {} | {}", r.line, r.code, r.column, r.reason, r.raw) } eprintln!("{:?}", d.nulled); } Ok(()) }, |_, ()| Ok(())).unwrap();
        let e = t.elapsed();
        eprintln!("{rows} rows {rej} rejects {:?}  {:.0} MB/s", e, Meter::get(&meter.bytes_read) as f64 / 1e6 / e.as_secs_f64());
    }
    let scan = src.scan(&files, &cols, ScanOptions::default()).unwrap();
    let t = std::time::Instant::now();
    while let Some(m) = scan.next().unwrap() { drop(m); }
    eprintln!("serial part alone {:?}", t.elapsed());
}
