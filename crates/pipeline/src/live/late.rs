//! Rows that came too late for a live view, as rows of `system.late_rows`.

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::sync::Arc;
use tidemill_core::Result;
use tidemill_live::LateRow;

pub(super) fn batch(view: &str, rows: Vec<LateRow>, at: i64) -> Result<Option<RecordBatch>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let texts = rows.iter().map(|r| Ok(crate::json_rows(std::slice::from_ref(&r.row))?.concat())).collect::<Result<Vec<String>>>()?;
    let instant = |f: &dyn Fn(&LateRow) -> i64| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(f)).with_timezone("UTC"))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|_| view))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| format!("{}.{}", r.input.schema, r.input.name)))),
        Arc::new(StringArray::from(texts)),
        instant(&|r| r.event_micros),
        instant(&|r| r.watermark),
        instant(&|_| at),
    ];
    Ok(Some(RecordBatch::try_new(tidemill_lake::system::schema("late_rows")?, columns)?))
}
