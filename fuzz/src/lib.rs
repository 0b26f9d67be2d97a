//! What must hold for a file of any bytes: reading it ends, does not panic, and every record is a row or a reject.

use arrow::datatypes::DataType;
use std::path::Path;
use tidemill_connect::{FileOptions, FileSource, OptionValue, Options, ScanOptions};
use tidemill_core::{ColumnRead, Result};

/// Reads `bytes` as a file called `name`. The first byte chooses between small morsels and large ones.
pub fn read(name: &str, bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    // The decoders of typed files catch panics of the libraries below them; only one that gets through ends the process.
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
    let Ok(dir) = tempfile::tempdir() else { return };
    if std::fs::write(dir.path().join(name), bytes).is_err() {
        return;
    }
    // Damage may end a scan with an error, which is no finding.
    let _ = scan(dir.path(), name, if choice % 2 == 0 { 64 } else { 1 << 20 });
}

fn scan(dir: &Path, name: &str, morsel_bytes: usize) -> Result<()> {
    let options = Options::from([("path".to_string(), OptionValue::from(name))]);
    let source = FileSource::new(&FileOptions::parse(&options).0, dir);
    let files = source.list()?;
    let _ = source.probe_all(&files);
    let columns = [("id", DataType::Int64), ("name", DataType::Utf8), ("at", DataType::Date32), ("m", DataType::Decimal128(12, 2))];
    let columns: Vec<ColumnRead> = columns.into_iter().map(|(n, t)| ColumnRead::new(n, t)).collect();
    let scan = source.scan(&files, &columns, ScanOptions { morsel_bytes, ..ScanOptions::default() })?;
    while let Some(morsel) = scan.next()? {
        let d = morsel.decode()?;
        assert_eq!(d.rows_read as usize, d.batch.num_rows() + d.rejects.len());
        assert_eq!(d.lines.len(), d.batch.num_rows());
    }
    Ok(())
}
